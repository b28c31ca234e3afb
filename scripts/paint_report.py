"""Paints photographs of scikit-image, and reports the results: a sheet and a table.

    uv run python scripts/paint_report.py --out scripts/results/paint

For each photograph and number of strokes: the PSNR at the size that is painted (128 pixels on the longer side) and the CPU seconds
on one thread, over the seeds. At the largest number also *worms*, visible strokes in flat areas: the error of the differences
between neighbouring pixels where the photograph is flat (root mean square, in levels of 255, weighted as in `placing.Objective`),
with and without the term of the loss that prevents them. RUNS stores the paintings as JSON (ignored by git), so that a second call
measures only what is missing.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from drawgen import images, jobs
from drawgen.contract import generator
from drawgen.strokes import placing
from drawgen.strokes.painting import Painting

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")
COUNTS = (100, 250, 500)
FLAT = placing.FLAT


def painted(runs: Path, photo: str, count: int, seed: int, flat: float = FLAT) -> tuple[Painting, float]:
    """The painting and the CPU seconds that it took."""
    kept = runs / f"{photo}-{count}-{seed}-{flat:g}.json"
    took = kept.with_suffix(".seconds")
    if not took.exists():
        picture = images.load_image(f"photo:{photo}")
        placing.FLAT = flat
        begun = time.process_time()
        done = placing.lay(picture, placing.Style(strokes=count), rng=generator(seed))
        seconds = time.process_time() - begun
        kept.write_text(done.json(), encoding="utf-8")
        took.write_text(json.dumps(seconds), encoding="utf-8")
    return Painting.read(kept), json.loads(took.read_text(encoding="utf-8"))


def worms(done: Painting, photo: torch.Tensor) -> float:
    objective = placing.Objective(photo)
    error = done.draw(*photo.shape[1:]) - photo
    pairs = [(weight, error.diff(dim=dim).square().mean(0)) for dim, weight in zip((1, 2), objective.flat, strict=True)]
    squares, weights = sum((w[0] * e).sum() for w, e in pairs), sum(w.sum() for w, _ in pairs)
    return 255 * float((squares / weights) ** 0.5)


def spread(values: list[float], digits: int) -> str:
    mean = sum(values) / len(values)
    return f"{mean:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="two files are written: OUT.jpg and OUT.md")
    parser.add_argument("--runs", type=Path, default=Path("runs/paint"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.runs.mkdir(parents=True, exist_ok=True)
    placing.lay(torch.rand(3, 16, 16), placing.Style(strokes=1, detail_px=16), seconds=0.1, rng=generator(0))  # compiled
    table, rows = [], []
    for name in PHOTOS:
        whole = images.load_image(f"photo:{name}").expand(3, -1, -1)
        row = [images.fit_to(whole, (3, 256, 256))]
        for count in COUNTS:
            found = [painted(arguments.runs, name, count, seed) for seed in range(arguments.seeds)]
            photo = images.resize(whole, *found[0][0].size)
            scores = [placing.psnr(done.draw(*done.size), photo) for done, _ in found]
            steep = ""
            if count == COUNTS[-1]:
                bare, _ = painted(arguments.runs, name, count, 0, 0.0)
                steep = f"{worms(found[0][0], photo):.2f} / {worms(bare, photo):.2f} "
                steep += f"({scores[0]:.2f} / {placing.psnr(bare.draw(*bare.size), photo):.2f} dB)"
            table.append(f"| {name} | {count} | {spread(scores, 2)} | {spread([s for _, s in found], 1)} | {steep} |")
            print(table[-1], flush=True)
            large = found[0][0].fitted(round(256 * max(photo.shape[1:]) / min(photo.shape[1:])))
            row.append(images.middle(found[0][0].draw(*large), 256, 256)[:, :256, :256])
        rows.append(images.strip(torch.stack(row), gap_px=4))
    images.save_image(arguments.out.with_suffix(".jpg"), images.grid(torch.stack(rows), columns=1, gap_px=4))
    text = "\n".join(
        [
            "# Paintings: four photographs",
            "",
            f"{arguments.seeds} seeds, mean and range; one thread of {jobs.machine()}, torch {torch.__version__}, CPU",
            "seconds (the machine was busy), without compilation of the brush. PSNR at the size that is painted: 128 pixels on the",
            "longer side. Worms (visible strokes in flat areas): the RMS error of the differences between neighbouring pixels",
            "where the photograph is flat, in levels of 255, with / without the term of the loss that prevents them, and the PSNR",
            "of both paintings (seed 0). The sheet: the centre of each photograph and its paintings with",
            f"{', '.join(map(str, COUNTS))} strokes, seed 0, rendered at 256 pixels.",
            "",
            "| photograph | strokes | PSNR, dB | CPU seconds | worms |",
            "| --- | --- | --- | --- | --- |",
            *table,
        ]
    )
    arguments.out.with_suffix(".md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
