"""Speed of DRAW: a training iteration and sampling, compared with a straightforward eager loop.

    uv run python scripts/bench_draw.py [--out scripts/results/bench_draw.md] [--cuda]
    uv run python scripts/bench_draw.py --curves runs/fp32 runs/bf16 --out scripts/results/bench_draw.md

The second command adds the curves of two runs of one preset, which differ in `fit.precision`, to the page of the first.

The eager loop implements the paper's recurrence with `nn.LSTMCell`, one linear layer per purpose and einsum for the filters, as
most public implementations do. It has the same sizes and, up to a few, the same number of parameters. Wall time in milliseconds,
medians.
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


def milliseconds(job: Callable[[], object], repeats: int, device: str) -> float:
    times = []
    for _ in range(repeats + 2):
        if device == "cuda":
            torch.cuda.synchronize()
        begun = time.perf_counter()
        job()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return 1000 * sorted(times[2:])[repeats // 2]


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
    table = []
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        for steps, read, write in ((10, 5, 5), (64, 2, 5)):
            images = (torch.rand(BATCH, 1, 28, 28, generator=generator(0)) < 0.13).float().to(device)
            config = draw.Config(steps=steps, read=read, write=write)
            model = config.build(Spec((1, 28, 28)), rng=generator(0)).to(device)
            plain = Plain(steps, read, write).to(device)
            optimisers = [torch.optim.AdamW(m.parameters(), fused=True) for m in (plain, model)]

            def iteration(ours: bool, precision: str) -> None:
                optimiser = optimisers[ours]  # noqa: B023
                with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
                    if ours:
                        rng = torch.Generator(device).manual_seed(0)
                        batch = model.draw_noise(Pictures(images), rng=rng)  # noqa: B023
                        value = next(model.losses(batch, state={}, rng=rng)).value  # noqa: B023
                    else:
                        value = plain(images[:, 0])  # noqa: B023
                optimiser.zero_grad(set_to_none=True)
                value.backward()
                optimiser.step()

            base = milliseconds(lambda: iteration(False, "fp32"), arguments.repeats, device)
            for precision in ("fp32", "bf16"):
                slow = milliseconds(lambda p=precision: iteration(False, p), arguments.repeats, device)
                fast = milliseconds(lambda p=precision: iteration(True, p), arguments.repeats, device)
                rate = flops(steps, read, write) / fast / 1e6
                row = f"| {threads} | {steps} | {precision} | {slow:.0f} | {fast:.0f} | {base / fast:.2f}x | {rate:.0f} |"
                print(row, flush=True)
                table.append(row)
            sampled = milliseconds(lambda: model.sample(Request(n=64)), 3, device)  # noqa: B023
            print(f"{threads} threads, T={steps}: {64_000 / sampled:.0f} images/s sampled")
            table.append(f"| {threads} | {steps} | sampling | | {64_000 / sampled:.0f} images/s | | |")
    text = "\n".join(
        [
            "# DRAW: speed of a training iteration, batch 128, 28x28",
            "",
            f"{machine()}, torch {torch.__version__}. Milliseconds of wall time, medians; the ratio is to the eager loop in fp32.",
            "",
            "| threads | T | precision | eager loop, ms | drawgen, ms | ratio | GFLOP/s of matrix products |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *table,
        ]
    )
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
