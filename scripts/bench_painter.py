"""Speed of painters: CPU seconds to paint a photograph, by number of strokes, and strokes per second in the training of a painter.
Both are measured with the compiled brush and with plain torch.

    uv run python scripts/bench_painter.py [--out scripts/results/bench_painter.md]

The photograph is scikit-image's astronaut; one thread; compilation is not counted. A step renders all strokes of a finished
painting and computes the gradient of the loss, at the size that is painted. The ratio compares such a step on the first fifty
strokes in plain torch and with the compiled brush. Training is on random pictures of 32 pixels: a whole batch, with all its losses
and their gradients, but without the optimiser.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch
from drawgen_envs.brush import paint, paint_torch
from torch import Tensor

from drawgen import images, jobs, models
from drawgen.contract import Spec, generator
from drawgen.data.pictures import Pictures
from drawgen.nn import painting_ways
from drawgen.strokes import placing
from drawgen.strokes.painting import Painting


def step_ms(done: Painting, photo: Tensor, brush: Callable[[Tensor, Tensor], Tensor], repeats: int) -> float:
    """CPU milliseconds of a step, mean."""
    objective = placing.Objective(photo)
    blank = done.background[:, None, None].expand(1, *photo.shape).contiguous()
    begun = time.process_time()
    for _ in range(repeats):
        strokes = done.strokes.clone().requires_grad_()
        objective(brush(blank, strokes[None])[0]).backward()
    return 1000 * (time.process_time() - begun) / repeats


def trained_strokes_per_second(preset: str, brush: Callable[[Tensor, Tensor], Tensor], repeats: int) -> float:
    """By CPU time. With policy gradient the canvas belongs to the environment, and the brush is not exchanged."""
    recipe = models.recipe("painter", preset)
    model = recipe.model.build(Spec((1, 32, 32)), rng=generator(0))
    batch = Pictures((torch.rand(recipe.data.batch, 1, 32, 32, generator=generator(1)) > 0.8).float())

    def step() -> None:
        for loss in model.losses(batch, state={}, rng=generator(2)):
            model.zero_grad()
            loss.value.backward()

    with patch.object(painting_ways, "paint", brush):
        step()
        begun = time.process_time()
        for _ in range(repeats):
            step()
    return repeats * len(batch.images) * recipe.model.strokes / (time.process_time() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    whole = images.load_image("photo:astronaut")
    placing.lay(whole, placing.Style(strokes=1), seconds=0.1, rng=generator(0))  # compiled
    table = []
    for count in (100, 250, 500, 1000):
        said: list[placing.PaintingProgress] = []
        begun = time.process_time()
        done = placing.lay(whole, placing.Style(strokes=count), on_progress=said.append, rng=generator(0))
        seconds = time.process_time() - begun
        photo = images.resize(whole, *done.size)
        few = Painting(done.strokes[:50], done.background, done.size)
        fast, ratio = step_ms(done, photo, paint, 20), step_ms(few, photo, paint_torch, 1) / step_ms(few, photo, paint, 20)
        row = f"| {count} | {done.size[1]} | {seconds:.1f} | {said[-1].psnr:.2f} | {fast:.1f} | {ratio:.0f}x |"
        print(row, flush=True)
        table.append(row)
    training = []
    for preset in ("characters", "doodles", "characters-ppo"):
        fast = trained_strokes_per_second(preset, paint, 3)
        cells = "" if preset.endswith("ppo") else f"{trained_strokes_per_second(preset, paint_torch, 1):,.0f}"
        training.append(f"| {preset} | {fast:,.0f} | {cells} |")
        print(training[-1], flush=True)
    text = "\n".join(
        [
            "# Painting a photograph: speed",
            "",
            f"scikit-image's astronaut, one thread of {jobs.machine()}, torch {torch.__version__}. CPU time, because the",
            "machine was busy; compilation of the brush is not counted. A step renders all strokes and computes the gradient",
            "of the loss. The last column is how many times longer a step on the first fifty strokes takes with the plain",
            "torch brush.",
            "",
            "| strokes | painted at, px | painting, s | PSNR, dB | step, ms | plain torch brush |",
            "| --- | --- | --- | --- | --- | --- |",
            *table,
            "",
            "Training on whole batches with their gradients, in strokes per second. PPO passes three times over each batch, and",
            "its environment has the compiled brush only.",
            "",
            "| preset | compiled brush | plain torch brush |",
            "| --- | --- | --- |",
            *training,
        ]
    )
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
