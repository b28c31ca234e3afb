"""Reports a trained convolutional DRAW: bits per dimension, the curve over CPU minutes, samples, pictures from their first latents.

    uv run python scripts/conv_draw_report.py runs/cifar10 --beside runs/draw_cifar10 --out scripts/results/conv_draw_cifar10

Writes OUT.md and OUT.png. CPU minutes are steps times the CPU time of a step, which is measured here, so that they do not depend on
what else the machine did during the training.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from drawgen import charts, images, jobs, models
from drawgen.contract import Request, generator
from drawgen.data.pictures import Pictures

SHOWN = 8
"""Pictures that are redrawn."""
TIMED = 4
"""Steps that are timed, after one that warms up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--beside", type=Path, help="a run of draw on the same pictures")
    parser.add_argument("--importance", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name, preset, recipe = jobs.stored_recipe(arguments.run)
    model: Any = models.load(arguments.run)
    scores = jobs.measure(str(arguments.run), importance=arguments.importance)
    dims = model.spec.picture[0] * model.spec.picture[1] * model.spec.picture[2]
    weighted = scores[f"iw{arguments.importance}_nats"] / dims / torch.tensor(2.0).log().item()
    curves = {name: curve(arguments.run)}
    if arguments.beside:
        curves[jobs.stored_recipe(arguments.beside)[0]] = curve(arguments.beside)
    text = [
        f"# {name} {preset}",
        "",
        f"{steps_done(arguments.run)} of {recipe.fit.steps} steps of {recipe.data.batch} pictures, seed {recipe.fit.seed},",
        f"{recipe.fit.precision}, one thread of {jobs.machine()}, torch {torch.__version__};",
        "evaluated with the averaged weights.",
        "",
        "The data are the first 3,000 pictures of CIFAR-10, of which every tenth is held out. That is far too few for a generative",
        "model of CIFAR-10: the samples are coloured noise, and the bits are not comparable with published ones",
        "(3.58 bits/dim for the paper's model, 50,000 pictures). They compare models with each other, on the same pictures.",
        "",
        "| | bits/dim |",
        "| --- | --- |",
        f"| held out ({scores['pictures']} pictures) | {scores['bits_per_dim']:.3f} ± {scores['bits_per_dim_error']:.3f} |",
        f"| the same, {arguments.importance} importance-weighted samples | {weighted:.3f} |",
        f"| training pictures | {training_bits(model, recipe.data):.3f} |",
        "",
        "Of these bits the latents of each step have, and the last canvas the rest:",
        "",
        "| step | KL, bits/dim |",
        "| --- | --- |",
        *[f"| {t + 1} | {kl:.3f} |" for t, kl in enumerate(by_step(scores, dims))],
        f"| p(x given the canvas) | {scores['reconstruction_nats'] / dims / torch.tensor(2.0).log().item():.3f} |",
        "",
        "| " + " | ".join(f"{which}: CPU minutes | bits/dim, held out" for which in curves) + " |",
        "| " + " | ".join(["---"] * 2 * len(curves)) + " |",
        *rows(list(curves.values())),
    ]
    arguments.out.with_suffix(".md").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    arguments.out.with_suffix(".png").write_bytes(sheet(model, recipe.data, curves))


def steps_done(run: Path) -> int:
    return max(line["step"] for line in journal(run))


def journal(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def curve(run: Path) -> list[tuple[float, float]]:
    """(CPU minutes, bits/dim on the held-out pictures) of a run."""
    minutes = cpu_seconds_per_step(run) / 60
    return [(line["step"] * minutes, line["valid/bits_per_dim"]) for line in journal(run) if "valid/bits_per_dim" in line]


def cpu_seconds_per_step(run: Path) -> float:
    """CPU time of a training step on one thread: the loss, its gradient and Adam."""
    _, _, recipe = jobs.stored_recipe(run)
    model: Any = models.load(run).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-6)
    batches = iter(recipe.data.stream("train", seed=0))
    begun = 0.0
    for step in range(TIMED + 1):
        if step == 1:
            begun = time.process_time()
        batch = model.draw_noise(next(batches), rng=generator(step))
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.fit.precision == "bf16"):
            loss = next(model.losses(batch, state={}, rng=generator(0)))
        optimiser.zero_grad()
        loss.value.backward()
        optimiser.step()
    return (time.process_time() - begun) / TIMED


def by_step(scores: dict[str, Any], dims: int) -> list[float]:
    """Bits per dimension of the latents of each step."""
    nats = [value for name, value in scores.items() if name.startswith("kl_nats_")]
    return [float(value) / dims / torch.tensor(2.0).log().item() for value in nats]


@torch.no_grad()
def training_bits(model: Any, data: Any, batches: int = 20) -> float:
    """The bound on training pictures, in bits per dimension."""
    total = count = 0.0
    stream = iter(data.stream("train", seed=0))
    for number in range(batches):
        value, pictures = model.measure(next(stream), rng=generator(1, number))["bits_per_dim"]
        total, count = total + float(value), count + pictures
    return total / count


def rows(curves: list[list[tuple[float, float]]]) -> list[str]:
    """The rows of the curves' table, side by side."""
    lines = []
    for n in range(max(map(len, curves))):
        cells = [(f"{each[n][0]:.1f}", f"{each[n][1]:.3f}") if n < len(each) else ("", "") for each in curves]
        lines.append("| " + " | ".join(" | ".join(pair) for pair in cells) + " |")
    return lines


def sheet(model: Any, data: Any, curves: dict[str, list[tuple[float, float]]]) -> bytes:
    """The curves, samples, and held-out pictures from the latents of their first steps."""
    samples = images.grid(model.sample(Request(n=60, seed=1)).images, columns=12)
    held = next(iter(data.stream("valid", seed=0))).images[:SHOWN]
    steps = model.config.steps
    kept = sorted({0, *(2**n for n in range(10) if 2**n < steps), steps})
    kept_rows = [model.keep(Pictures(held).images, count, rng=generator(0)).images for count in kept]
    redrawn = images.grid(torch.cat([*kept_rows, held]), columns=SHOWN)

    def draw(figure: Any) -> None:
        whole = figure.add_gridspec(2, 2, width_ratios=[1, 1.15])
        axes = figure.add_subplot(whole[0, 0])
        for name, points in curves.items():
            minutes, bits = zip(*points, strict=True)
            (line,) = axes.plot(minutes, bits)
            axes.annotate(f" {name} {bits[-1]:.2f}", (minutes[-1], bits[-1]), color=line.get_color(), va="center")
        longest = max(points[-1][0] for points in curves.values())
        axes.set(title="Bits per dimension, held out", xlabel="CPU minutes", xlim=(0, 1.4 * longest))
        for place, picture, title in (
            (whole[1, 0], samples, "Samples"),
            (whole[:, 1], redrawn, "Held-out pictures from the latents of the first steps alone"),
        ):
            axes = figure.add_subplot(place)
            axes.imshow(picture.permute(1, 2, 0).clamp(0, 1).numpy(), interpolation="nearest")
            axes.set(title=title, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.grid(False)
        side = redrawn.shape[1] / (len(kept) + 1)
        axes.set_yticks(
            [side * (n + 0.5) for n in range(len(kept) + 1)],
            [*("1 step" if k == 1 else f"{k} steps" for k in kept[:-1]), "all", "picture"],
        )
        axes.tick_params(length=0)

    return charts.chart(draw, width=14, height=6.6)


if __name__ == "__main__":
    main()
