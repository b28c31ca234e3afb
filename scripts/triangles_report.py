"""Draws photographs of scikit-image in triangles, and reports the results: a sheet and a table.

    uv run python scripts/triangles_report.py --out scripts/results/triangles

For each photograph and number of triangles: the PSNR of the picture, of the same number of triangles as they are first placed, of
Delaunay triangulations to the end (no edges turned), and of the method of popular low-poly programs; of brush strokes, as many as
there are triangles, and as many as have the same number of parameters. Each is measured at 128 pixels on the longer side, at which
strokes are fitted; triangles are fitted at 192. RUNS stores the pictures as JSON (ignored by git), so that a second call measures
only what is missing.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from drawgen_envs.brush import COLUMNS

from drawgen import images, jobs
from drawgen.contract import generator
from drawgen.strokes import placing, triangles
from drawgen.strokes.low_poly import LowPoly
from drawgen.strokes.mesh import Mesh
from drawgen.strokes.painting import Painting
from drawgen.strokes.triangles import TriangleStyle, triangulated

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")
COUNTS = (100, 250, 500)
SEEN_PX = 128
PER_STROKE = len(COLUMNS) - 1 + 3
"""Parameters of a stroke: its two opacities are one."""


def popular(photo: torch.Tensor, count: int, seed: int) -> LowPoly:
    """Vertices by chance, where edges are: half of them on Canny's edges, the others by the size of the blurred gradient, and some
    on the border; Delaunay triangles in their mean colours. In the manner of esimov/triangle and others."""
    from skimage import color, feature, filters

    height, width = placing.work_size(photo, placing.Style(detail_px=TriangleStyle(triangles=count).longest_px))
    mesh = Mesh(images.resize(photo, height, width).movedim(0, 2).double().contiguous().numpy())
    rng = np.random.default_rng(seed)
    grey = color.rgb2gray(mesh.photo)
    strong = filters.gaussian(filters.sobel(grey), 1.0)
    border = max(4, round(0.8 * count**0.5))
    inner = (count + 2 - border) // 2
    weights = [feature.canny(grey, sigma=1.0) + 1e-9, strong]
    spots = []
    for many, weight in zip((inner // 2, inner - inner // 2), weights, strict=True):
        chosen = rng.choice(grey.size, many, replace=False, p=weight.ravel() / weight.sum())
        spots.append(np.stack([chosen % width, chosen // width], 1) + rng.uniform(0.25, 0.75, (many, 2)))
    around = np.arange(4, border) / border * 4
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    side = (around % 4).astype(int)
    share = rng.uniform(0.1, 0.9, (len(side), 1))
    spots.append((corners[side] + share * (corners[side + 1] - corners[side])) * mesh.size)
    mesh.add(np.unique(np.concatenate(spots), axis=0))
    points, colours = torch.from_numpy((mesh.points / mesh.size).round(6)), torch.from_numpy(mesh.colours.round(6))
    return LowPoly(points, torch.from_numpy(mesh.triangles), colours, (photo.shape[1], photo.shape[2]))


def drawn(photo: torch.Tensor, count: int, seed: int, steps: int = triangles.STEPS, flips: float = triangles.FLIPS) -> LowPoly:
    triangles.STEPS, triangles.FLIPS = steps, flips
    return triangulated(photo, TriangleStyle(triangles=count), rng=generator(seed))


def painted(photo: torch.Tensor, count: int, seed: int) -> Painting:
    return placing.lay(photo, placing.Style(strokes=count), rng=generator(seed))


def kept(runs: Path, name: str, make: Callable[[], LowPoly | Painting]) -> tuple[LowPoly | Painting, float]:
    """The picture and the CPU seconds that it took."""
    file, took = runs / f"{name}.json", runs / f"{name}.seconds"
    if not took.exists():
        begun = time.process_time()
        done = make()
        seconds = time.process_time() - begun
        file.write_text(done.json(), encoding="utf-8")
        took.write_text(json.dumps(seconds), encoding="utf-8")
    return jobs.paint(file), json.loads(took.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="two files are written: OUT.jpg and OUT.md")
    parser.add_argument("--runs", type=Path, default=Path("runs/triangles"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.runs.mkdir(parents=True, exist_ok=True)
    tiny = torch.rand(3, 16, 16)
    triangulated(tiny, TriangleStyle(triangles=4, detail_px=16), rng=generator(0))  # compiled
    placing.lay(tiny, placing.Style(strokes=1, detail_px=16), seconds=0.1, rng=generator(0))
    table, rows = [], []
    for name in PHOTOS:
        whole = images.load_image(f"photo:{name}").expand(3, -1, -1)
        size = placing.work_size(whole, placing.Style(detail_px=SEEN_PX))
        photo = images.resize(whole, *size)
        row = [images.fit_to(whole, (3, 320, 320))]
        for count in COUNTS:
            alike = 0
            ways: dict[str, Callable[[], LowPoly | Painting]] = {
                "moved": lambda: drawn(whole, count, 0),  # noqa: B023
                "placed": lambda: drawn(whole, count, 0, steps=0),  # noqa: B023
                "delaunay": lambda: drawn(whole, count, 0, flips=1.0),  # noqa: B023
                "popular": lambda: popular(whole, count, 0),  # noqa: B023
                "strokes": lambda: painted(whole, count, 0),  # noqa: B023
                "alike": lambda: painted(whole, alike, 0),  # noqa: B023
            }
            cells = [name, str(count)]
            for way, make in ways.items():
                done, seconds = kept(arguments.runs, f"{name}-{count}-{way}", make)
                if isinstance(done, LowPoly) and way == "moved":
                    inner = int(((done.points > 0) & (done.points < 1)).sum())
                    alike = round((inner + 3 * len(done.triangles)) / PER_STROKE)
                score = f"{placing.psnr(done.draw(*size), photo):.2f}"
                cells.append(f"**{score}**" if way == "moved" else f"{score} ({alike})" if way == "alike" else score)
                if way == "moved":
                    took = f"{seconds:.1f}"
                if way == "moved" or (way == "popular" and count == COUNTS[-1]):
                    large = done.fitted(round(320 * max(size) / min(size)))
                    row.append(images.middle(done.draw(*large), 320, 320)[:, :320, :320])
            table.append(f"| {' | '.join([*cells, took])} |")
            print(table[-1], flush=True)
        rows.append(images.strip(torch.stack([row[0], row[-1], *row[1:-1]]), gap_px=4))
    images.save_image(arguments.out.with_suffix(".jpg"), images.grid(torch.stack(rows), columns=1, gap_px=4))
    text = "\n".join(
        [
            "# Low-poly pictures: four photographs",
            "",
            f"PSNR in dB at {SEEN_PX} pixels on the longer side, seed 0; one thread of {jobs.machine()}, torch",
            f"{torch.__version__}; CPU seconds (the machine was busy) of `drawgen paint PHOTO --triangles N`, without compilation.",
            "",
            "- *Placed*: the same number of triangles as they are first placed, in their best colours.",
            "- *Delaunay*: moved, and a Delaunay triangulation to the end (no edges turned).",
            "- *Popular*: vertices by chance on Canny's edges and where the gradient is large, Delaunay triangles, mean colours.",
            "- *Strokes*: `drawgen paint` with as many strokes as triangles; *as many numbers*: with as many strokes (in brackets)",
            "  as have the same number of parameters.",
            "",
            f"The sheet: the centre of each photograph, {COUNTS[-1]} triangles the popular way, and {', '.join(map(str, COUNTS))}",
            "of `--triangles`.",
            "",
            "| photograph | triangles | `--triangles` | placed | Delaunay | popular | strokes | as many numbers | CPU s |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            *table,
        ]
    )
    arguments.out.with_suffix(".md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
