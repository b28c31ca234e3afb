"""Speed of DRAW: a training iteration and sampling, beside a straightforward eager loop and the matrix products alone.

    uv run python scripts/bench_draw.py [--out scripts/results/bench_draw.md] [--cuda]
    uv run python scripts/bench_draw.py --curves runs/fp32 runs/bf16 --out scripts/results/bench_draw.md

The second command adds the curves of two runs of one preset, which differ in `fit.precision`, to the page of the first.

The eager loop implements the paper's recurrence with `nn.LSTMCell`, one linear layer per purpose and einsum for the filters, as
most public implementations do. It has the same sizes and, up to a few, the same number of parameters.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Request, Spec, generator
from drawgen.data.pictures import Pictures
from drawgen.jobs import machine, stored_recipe
from drawgen.models import draw
from drawgen.nn import draw_cpu

BATCH = 128


class Plain(nn.Module):
    """DRAW on 28x28, implemented naively."""

    def __init__(self, steps: int, read: int, write: int) -> None:
        super().__init__()
        self.steps, self.n_read, self.n_write = steps, read, write
        self.encoder = nn.LSTMCell(2 * read**2 + 256, 256)
        self.decoder = nn.LSTMCell(100, 256)
        self.mean, self.log_std = nn.Linear(256, 100), nn.Linear(256, 100)
        self.look, self.place, self.patch = nn.Linear(256, 5), nn.Linear(256, 5), nn.Linear(256, write**2)

    def filters(self, numbers: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
        x, y, log_variance, log_stride, log_gamma = numbers.split(1, 1)
        centre_x, centre_y = 29 / 2 * (x + 1), 29 / 2 * (y + 1)
        stride = 27 / (n - 1) * log_stride.exp()
        offsets = torch.arange(1, n + 1, device=numbers.device) - n / 2 - 0.5
        at = torch.arange(1, 29, device=numbers.device)
        banks = []
        for centre in (centre_x, centre_y):
            means = centre + offsets * stride
            bank = torch.exp(-((at - means[:, :, None]) ** 2) / (2 * log_variance.exp()[:, :, None]))
            banks.append(bank / (bank.sum(2, keepdim=True) + 1e-8))
        return banks[0], banks[1], log_gamma.exp()

    def forward(self, images: Tensor) -> Tensor:
        batch = len(images)
        h_enc = c_enc = h_dec = c_dec = images.new_zeros(batch, 256)
        canvas = torch.zeros_like(images)
        kl = images.new_zeros(batch)
        for _ in range(self.steps):
            error = images - torch.sigmoid(canvas)
            fx, fy, gamma = self.filters(self.look(h_dec), self.n_read)
            r = [gamma * torch.einsum("bnh,bhw,bmw->bnm", fy, x, fx).flatten(1) for x in (images, error)]
            h_enc, c_enc = self.encoder(torch.cat([*r, h_dec], 1), (h_enc, c_enc))
            mean, log_std = self.mean(h_enc), self.log_std(h_enc)
            z = mean + torch.exp(log_std) * torch.randn_like(mean)
            kl = kl + 0.5 * (mean**2 + torch.exp(log_std) ** 2 - 2 * log_std - 1).sum(1)
            h_dec, c_dec = self.decoder(z, (h_dec, c_dec))
            fx, fy, gamma = self.filters(self.place(h_dec), self.n_write)
            patch = self.patch(h_dec).view(batch, self.n_write, self.n_write)
            canvas = canvas + torch.einsum("bnh,bnm,bmw->bhw", fy, patch, fx) / gamma[:, :, None]
        return (F.binary_cross_entropy_with_logits(canvas, images, reduction="none").flatten(1).sum(1) + kl).mean()


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def milliseconds(job: Callable[[], object], device: str, threads: int) -> float:
    """Of one call: on one thread of a CPU the time that the process had, else wall time."""
    clock = time.process_time if device == "cpu" and threads == 1 else time.perf_counter
    if device == "cuda":
        torch.cuda.synchronize()
    begun = clock()
    job()
    if device == "cuda":
        torch.cuda.synchronize()
    return 1000 * (clock() - begun)


def products(steps: int, read: int, write: int, kind: torch.dtype) -> Callable[[], None]:
    """All matrix products of a training iteration, one after the other in the order of the steps, and nothing else."""
    shapes = [(2 * read**2 + 512, 1024), (356, 1024), (256, 200), (256, 10 + write**2)]
    weights = [torch.randn(shape, dtype=kind) for shape in shapes]
    inputs = [torch.randn(steps, BATCH, rows, dtype=kind) for rows, _ in shapes]
    outputs = [torch.randn(steps, BATCH, columns, dtype=kind) for _, columns in shapes]
    back = [torch.empty(BATCH, rows, dtype=kind) for rows, _ in shapes]

    def job() -> None:
        for t in range(steps):
            for x, w, y in zip(inputs, weights, outputs, strict=True):
                torch.mm(x[t], w, out=y[t])
        for t in reversed(range(steps)):
            for w, y, d in zip(weights, outputs, back, strict=True):
                torch.mm(y[t], w.t(), out=d)
        for t in range(0, steps, draw_cpu.TOGETHER):
            for x, y in zip(inputs, outputs, strict=True):
                some = slice(t, t + draw_cpu.TOGETHER)
                torch.mm(x[some].flatten(0, 1).t(), y[some].flatten(0, 1))

    return job


def flops(steps: int, read: int, write: int) -> float:
    """Multiply-adds of the matrix products of a training iteration, twice, three times (forward and backward)."""
    size = 2 * read**2
    step = (size + 512) * 1024 + 356 * 1024 + 256 * 200 + 256 * (10 + write**2)
    step += 2 * (read * 28 * 28 + read**2 * 28) + write * 28 * 28 + write**2 * 28
    return 6.0 * BATCH * steps * step


def curves(runs: list[Path]) -> list[str]:
    """The validation bounds of runs side by side."""
    found, names = [], []
    for run in runs:
        _, preset, recipe = stored_recipe(run)
        names.append(recipe.fit.precision)
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        found.append({line["step"]: line for line in lines if "valid/bound_nats" in line})
    return [
        "",
        "## The bound by precision",
        "",
        f"`{preset}`, {recipe.fit.steps} steps over which the learning rate decays to zero, seed {recipe.fit.seed}, the same "
        "pictures and noise: validation bound and its KL term, nats.",
        "",
        f"| step | {' | '.join(f'{name}, bound | {name}, KL' for name in names)} |",
        "| --- |" + " --- | --- |" * len(names),
        *[
            f"| {step} | " + " | ".join(f"{f[step]['valid/bound_nats']:.2f} | {f[step]['valid/kl_nats']:.2f}" for f in found) + " |"
            for step in sorted(set.intersection(*(set(f) for f in found)))
        ],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--curves", type=Path, nargs="+", metavar="RUN", help="add the curves of these runs, and measure nothing")
    arguments = parser.parse_args()
    if arguments.curves:
        text = "\n".join(curves(arguments.curves))
        print(text)
        if arguments.out:
            arguments.out.write_text(arguments.out.read_text(encoding="utf-8") + text + "\n", encoding="utf-8")
        return
    device = "cuda" if arguments.cuda else "cpu"
    table, sampled = [], []
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        for steps, read, write in ((10, 5, 5), (64, 2, 5)):
            model = draw.Config(steps=steps, read=read, write=write).build(Spec((1, 28, 28)), rng=generator(0)).to(device)
            jobs = variants(model, Plain(steps, read, write).to(device), device)
            if device == "cpu":
                for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
                    jobs["products", name] = products(steps, read, write, kind)
            times: dict[tuple[str, str], list[float]] = {key: [] for key in jobs}
            for turn in range(arguments.repeats + 1):
                for key, job in jobs.items():  # in turns, so that all meet the same neighbours
                    spent = milliseconds(job, device, threads)
                    if turn:
                        times[key].append(spent)

            def ratio(one: tuple[str, str], other: tuple[str, str]) -> str:
                return f"{median([a / b for a, b in zip(times[one], times[other], strict=True)]):.2f}x"  # noqa: B023

            for precision in ("fp32", "bf16"):
                ours, now = ("drawgen", precision), median(times["drawgen", precision])
                cells = [str(threads), str(steps), precision, f"{median(times['public form', 'fp32']):.0f}"]
                cells += [f"{median(times['definition', 'fp32']):.0f}", f"{now:.0f}"]
                cells += [ratio(("public form", "fp32"), ours), ratio(("definition", "fp32"), ours)]
                if device == "cpu":
                    floor = median(times["products", precision])
                    rate = flops(steps, read, write) / floor / 1e6
                    cells += [f"{floor:.0f} ({rate:.0f} GFLOP/s)", ratio(ours, ("products", precision))]
                table.append(f"| {' | '.join(cells)} |")
                print(table[-1], flush=True)
            spent = median([milliseconds(lambda: model.sample(Request(n=64)), device, threads) for _ in range(3)])  # noqa: B023
            sampled.append(f"| {threads} | {steps} | {64_000 / spent:.0f} |")
            print(sampled[-1], flush=True)
    heads = ["threads", "T", "precision", "public form in fp32, ms", "definition in fp32, ms", "drawgen, ms"]
    heads += ["to the public form", "to the definition"] + (["products alone, ms", "drawgen / products"] if device == "cpu" else [])
    text = "\n".join(
        [
            "# DRAW: speed of a training iteration, batch 128, 28x28",
            "",
            f"{machine()}, torch {torch.__version__}. CPU time of the process on one thread, wall time on two; medians of",
            f"{arguments.repeats} rounds, in each of which everything ran once; ratios are medians over the rounds. *Public form*:",
            "a loop as most public copies have it. *Definition*: `Draw.forward` with autograd, which was the step before.",
            "*Products alone*: the matrix products of an iteration, and nothing else.",
            "",
            f"| {' | '.join(heads)} |",
            "| --- |" + " --- |" * (len(heads) - 1),
            *table,
            "",
            "## Sampling",
            "",
            "| threads | T | pictures per second |",
            "| --- | --- | --- |",
            *sampled,
        ]
    )
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


def variants(model: draw.Draw, plain: Plain, device: str) -> dict[tuple[str, str], Callable[[], None]]:
    """Training iterations by (form, precision)."""
    images = (torch.rand(BATCH, 1, 28, 28, generator=generator(0)) < 0.13).float().to(device)

    def loss(form: str) -> Tensor:
        if form == "public form":
            return plain(images[:, 0])
        rng = torch.Generator(device).manual_seed(0)
        batch = model.draw_noise(Pictures(images), rng=rng)
        if form == "drawgen":
            return next(model.losses(batch, state={}, rng=rng)).value
        drawing, mean, log_std = model(*batch)
        kl = 0.5 * (mean.square() + (2 * log_std).exp() - 2 * log_std - 1).sum(2)
        return model.reconstruction_nats(drawing.canvases[-1], images).mean() + kl.sum(0).mean()

    def iteration(form: str, precision: str) -> Callable[[], None]:
        optimiser = optimisers[form == "public form"]

        def job() -> None:
            with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
                value = loss(form)
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            optimiser.step()

        return job

    optimisers = [torch.optim.AdamW(m.parameters(), fused=True) for m in (model, plain)]
    pairs = [("public form", "fp32"), ("definition", "fp32"), ("drawgen", "fp32"), ("drawgen", "bf16")]
    return {pair: iteration(*pair) for pair in pairs}


if __name__ == "__main__":
    main()
