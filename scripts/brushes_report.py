"""Paints the same strokes with each brush, and reports what it costs and how near the picture stays to the photograph.

    uv run python scripts/brushes_report.py --out scripts/results/brushes

Writes OUT.jpg and OUT.md. In OUT.jpg each row is a photograph's strokes: as discs, with bristles, with a brush of MyPaint (where
it is installed), and a part of the painting with bristles at 4,000 pixels. PSNR is measured at 512 pixels on the longer side; CPU
seconds are those of laying the strokes on one thread, the least of three.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from drawgen import images, jobs
from drawgen.contract import generator
from drawgen.strokes import placing
from drawgen.strokes.brushes import Brush
from drawgen.strokes.painting import Painting

PHOTOS = {"coffee": 400, "chelsea": 1000}
BRUSHES = ("plain", "bristles", "mypaint:classic/dry_brush")
MEASURED_PX, SHOWN_PX, LARGE_PX = 512, 480, 4000


def laid(painting: Painting, longest_px: int, times: int) -> tuple[Tensor, float]:
    """The picture, and the least CPU seconds of so many times."""
    took = []
    for _ in range(times):
        begun = time.process_time()
        picture = painting.draw(*painting.fitted(longest_px))
        took.append(time.process_time() - begun)
    return picture, min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, lines = [], []
    for name, count in PHOTOS.items():
        photo = images.load_image(f"photo:{name}")
        done = placing.lay(photo, placing.Style(strokes=count), rng=generator(0))
        row = []
        for brush in BRUSHES:
            try:
                Brush(brush).check(done.background)
            except ValueError as error:
                lines.append(f"| {name}, {count} strokes | {brush} | {error} | | |")
                continue
            painting = replace(done, brush=Brush(brush))
            laid(painting, 64, 1)  # compiled
            picture, seconds = laid(painting, MEASURED_PX, 3)
            psnr = placing.psnr(picture, images.resize(photo, *picture.shape[1:]))
            _, large = laid(painting, LARGE_PX, 1) if not brush.startswith("mypaint") else (None, float("nan"))
            lines.append(f"| {name}, {count} strokes | {brush} | {psnr:.1f} | {seconds:.2f} | {large:.1f} |")
            row.append(laid(painting, SHOWN_PX, 1)[0])
        height, width = row[0].shape[1:]
        whole = replace(done, brush=Brush("bristles")).draw(*done.fitted(LARGE_PX))
        top, left = (whole.shape[1] - 2 * height) // 2, (whole.shape[2] - 2 * width) // 2
        part = torch.nn.functional.avg_pool2d(whole[:, top : top + 2 * height, left : left + 2 * width], 2)
        rows.append(torch.cat([*row, part], 2))
    narrow = min(row.shape[2] for row in rows)
    images.save_image(arguments.out.with_suffix(".jpg"), torch.cat([row[..., :narrow] for row in rows], 1))
    text = [
        "# Brushes",
        "",
        f"The same strokes with each brush, seed 0; one thread of {jobs.machine()}, torch {torch.__version__}. PSNR at",
        f"{MEASURED_PX} px on the longer side; CPU seconds for laying the strokes at that size and at 4,000 pixels.",
        "",
        "| strokes | brush | PSNR, dB | seconds at 512 px | at 4,000 px |",
        "| --- | --- | --- | --- | --- |",
        *lines,
    ]
    arguments.out.with_suffix(".md").write_text("\n".join(text).replace("nan", "not measured") + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
