"""Figures of a painter of photographs: the PSNR by number of strokes on crops of pictures that it has not seen, beside
`drawgen paint` at equal strokes and at equal time.

    python scripts/painter_colour_report.py runs/colour --data FOLDER --shown FOLDER --out scripts/results/painter_colour

One picture at a time, one thread; seconds are CPU time. `drawgen paint` begins on the picture's mean colour. So does a painter with
fitted colours, whose first stroke that is; others begin on black.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from matplotlib import pyplot
from torch import Tensor

from drawgen import images, jobs, models
from drawgen.contract import generator
from drawgen.models.painter import PathwiseReconstructor
from drawgen.strokes import placing

COUNTS = (1, 2, 5, 10, 15, 20)
POLISHES = (0, 10, 50, 200)
SHOWN = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model folder, or painter:NAME")
    parser.add_argument("--data", required=True, help="a folder of pictures")
    parser.add_argument("--shown", required=True, help="a folder of pictures for the sheet, whose licence allows that")
    parser.add_argument("--count", type=int, default=32, help="crops")
    parser.add_argument("--out", type=Path, required=True, help="the table's file without its suffix; pictures go beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = models.resolve(arguments.model)
    painter = models.load(folder)
    assert isinstance(painter, PathwiseReconstructor)
    strokes, side = painter.config.strokes, painter.spec.picture[1]
    kept = replace(jobs.stored_recipe(folder)[2].data, held_out=0.0, mirror=False)

    def crops_of(path: str, count: int) -> Tensor:
        return next(iter(replace(kept, path=path, batch=count).stream("train", seed=0))).images

    crops = crops_of(arguments.data, arguments.count)

    def laid(count: int, seconds: float | None = None) -> Callable[[Tensor], Tensor]:
        style = placing.Style(strokes=count, detail_px=side)
        return lambda crop: placing.lay(crop, style, seconds=seconds, rng=generator(0)).draw(side, side)

    def painted(polish: int) -> Callable[[Tensor], Tensor]:
        def paint(crop: Tensor) -> Tensor:
            found = painter.reconstruct(crop[None], rng=generator(0))
            return (painter.polish(found.strokes, crop[None], polish) if polish else found).images[0]

        return paint

    def score(paint: Callable[[Tensor], Tensor]) -> tuple[float, float]:
        """The mean PSNR, and milliseconds of CPU time per picture."""
        paint(crops[0])  # compiles
        begun = time.process_time()
        found = [paint(crop) for crop in crops]
        spent_ms = (time.process_time() - begun) * 1000 / len(crops)
        return sum(placing.psnr(a, b) for a, b in zip(found, crops, strict=True)) / len(crops), spent_ms

    mean = crops.mean((2, 3), keepdim=True).expand_as(crops)
    flat = sum(placing.psnr(a, b) for a, b in zip(mean, crops, strict=True)) / len(crops)
    with torch.no_grad():
        canvases = painter.drawn(crops, max(COUNTS), rng=generator(0)).canvases
    curve = [sum(placing.psnr(a, b) for a, b in zip(canvases[count - 1], crops, strict=True)) / len(crops) for count in COUNTS]
    by_count = [score(laid(count)) for count in COUNTS]
    polished = [score(painted(steps)) for steps in POLISHES]
    quick = [score(laid(strokes, max(spent_ms / 1000, 1e-3))) for _, spent_ms in polished]

    figure, axes = pyplot.subplots(figsize=(5, 3.4), constrained_layout=True)
    axes.plot(COUNTS, curve, "o-", color="#b3261e", label="the painter")
    axes.plot(COUNTS, [psnr for psnr, _ in by_count], "s--", color="#555", label="drawgen paint")
    axes.axhline(flat, color="#999", linewidth=1, linestyle=":", label="one colour")
    axes.set(xlabel="strokes", ylabel="PSNR in dB")
    axes.legend(frameon=False)
    figure.savefig(arguments.out.with_name(f"{arguments.out.name}_curve.png"), dpi=110)
    shown = crops_of(arguments.shown, SHOWN)
    with torch.no_grad():
        steps = painter.drawn(shown, strokes, rng=generator(0)).canvases
    paintings = [torch.stack([paint(crop) for crop in shown]) for paint in (painted(50), laid(strokes))]
    rows = torch.cat([shown, steps[4], steps[9], steps[-1], *paintings])
    sheet = images.grid(rows.clamp(0, 1), columns=SHOWN)
    images.save_image(arguments.out.with_suffix(".png"), sheet.repeat_interleave(2, 1).repeat_interleave(2, 2))
    lines = [
        f"# {arguments.out.name}", "",
        f"Made by `scripts/painter_colour_report.py` on {jobs.machine()}, one thread: {len(crops)} crops of {side}x{side} pixels",
        f"of pictures that the painter has not seen. PSNR in dB; one colour, the mean, has {flat:.2f}.", "",
        "| strokes | " + " | ".join(map(str, COUNTS)) + " |", "| --- |" + " --- |" * len(COUNTS),
        "| the painter | " + " | ".join(f"{psnr:.2f}" for psnr in curve) + " |",
        "| `drawgen paint` | " + " | ".join(f"{psnr:.2f}" for psnr, _ in by_count) + " |",
        "| its CPU ms | " + " | ".join(f"{spent_ms:.0f}" for _, spent_ms in by_count) + " |", "",
        f"{strokes} strokes at equal time; `drawgen paint` was given the painter's time, and places all strokes however long that",
        "takes:", "", "| steps of polish | the painter | CPU ms | `drawgen paint` | CPU ms |", "| --- | --- | --- | --- | --- |",
        *(f"| {count} | {a:.2f} | {a_ms:.0f} | {b:.2f} | {b_ms:.0f} |"
          for count, (a, a_ms), (b, b_ms) in zip(POLISHES, polished, quick, strict=True)), "",
        f"![The PSNR by number of strokes]({arguments.out.name}_curve.png)", "",
        f"![Crops of other pictures; after 5, 10 and {strokes} strokes; after 50 steps of polish; drawgen paint]"
        f"({arguments.out.name}.png)",
    ]  # fmt: skip
    arguments.out.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
