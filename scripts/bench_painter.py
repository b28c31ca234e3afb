"""Speed of painting a photograph: CPU seconds by number of strokes, and a step through the compiled brush beside plain torch.

    uv run python scripts/bench_painter.py [--out scripts/results/bench_painter.md]

The photograph is scikit-image's astronaut; one thread; compilation is not counted. A step is the drawing of all strokes of a
finished painting with the gradient of the loss, at the size that is painted; the ratio is of such a step with the first fifty of
them, through plain torch and through the compiled brush.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from drawgen_envs.brush import paint, paint_torch
from torch import Tensor

from drawgen import images, jobs, painting
from drawgen.contract import generator
from drawgen.strokes import Painting


def step_ms(done: Painting, photo: Tensor, brush: Callable[[Tensor, Tensor], Tensor], repeats: int) -> float:
    """CPU milliseconds of a step, mean."""
    objective = painting.Objective(photo)
    blank = done.background[:, None, None].expand(1, *photo.shape).contiguous()
    begun = time.process_time()
    for _ in range(repeats):
        strokes = done.strokes.clone().requires_grad_()
        objective(brush(blank, strokes[None])[0]).backward()
    return 1000 * (time.process_time() - begun) / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    whole = images.load_image("photo:astronaut")
    painting.fit(whole, painting.Style(strokes=1), seconds=0.1, rng=generator(0))  # compiled
    table = []
    for count in (100, 250, 500, 1000):
        said: list[painting.Progress] = []
        begun = time.process_time()
        done = painting.fit(whole, painting.Style(strokes=count), on_progress=said.append, rng=generator(0))
        seconds = time.process_time() - begun
        photo = images.resize(whole, *done.size)
        few = Painting(done.strokes[:50], done.background, done.size)
        fast, ratio = step_ms(done, photo, paint, 20), step_ms(few, photo, paint_torch, 1) / step_ms(few, photo, paint, 20)
        row = f"| {count} | {done.size[1]} | {seconds:.1f} | {said[-1].psnr:.2f} | {fast:.1f} | {ratio:.0f}x |"
        print(row, flush=True)
        table.append(row)
    text = "\n".join(
        [
            "# Painting a photograph: speed",
            "",
            f"scikit-image's astronaut, one thread of {jobs.machine()}, torch {torch.__version__}. CPU time, as the machine was",
            "busy; the brush's compilation not counted. A step draws all strokes and takes the loss's gradient; the last column",
            "is how much longer a step with the first fifty strokes takes through the plain torch brush.",
            "",
            "| strokes | painted at, px | painting, s | PSNR, dB | step, ms | plain torch brush |",
            "| --- | --- | --- | --- | --- | --- |",
            *table,
        ]
    )
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
