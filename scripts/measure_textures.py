"""Measures textures against their photographs, and reports a table and a contact sheet.

    uv run python scripts/measure_textures.py FOLDER... --methods real quilting phases --out scripts/results/texture_yardstick
    uv run python scripts/measure_textures.py FOLDER... --models "detail=RUNS" --samples "mine=PICTURES" --out OUT

Each FOLDER holds exemplars, of which `--only` keeps those whose name has one of these words in it. What is judged are

- methods that are made here: `real` (another crop of the exemplar), `quilting`, `resynthesizer` (the package of that name), `blur`
  (a real crop at a quarter of its size and back), `blocks` (blocks of 32 px in random order, side by side), `phases` (the
  exemplar's power spectrum with random phases);
- models: RUNS/EXEMPLAR.model or RUNS/EXEMPLAR is a model folder; in RUNS, MODEL:NAME of a shipped one is meant by `ride:`;
- pictures made before: PICTURES/EXEMPLAR-SEED.png, as large as one likes.

OUT.jsonl keeps what was measured (one line per picture, with the seconds it took to make), so that a second call goes on; OUT.md is
the table, OUT.jpg the sheet: exemplars in rows, methods in columns, seed 0. Measures:

- *structure*, *autocorrelation*, *spectrum*, *histogram*: as in `drawgen.textures.yardstick`. 1 is the mean distance of two crops;
- *copied*: share of 11x11 patches whose nearest in the exemplar is within a fifth of its standard deviation, and of those whose
  normalised correlation is above .95; at full and at half size. `itself` has what the lower half of the exemplar has in common with
  the upper half: as much is no copying;
- *largest*: the largest region copied in one piece, in pixels;
- *grain*: distance from the 3x3 median over the exemplar's: mean, 99.9th percentile, maximum.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from drawgen import images, jobs, models
from drawgen.contract import Request, generator
from drawgen.jobs.asking import drawn_by
from drawgen.textures import copying
from drawgen.textures.copying import Copying
from drawgen.textures.yardstick import Yardstick, graininess, unit

EXEMPLAR_PX = 512
SHEET_PX = 192
BLOCK_PX = 32
ITSELF = "itself"


# ---------------------------------------------------------------- methods


def real(exemplar: Tensor, side: int, seed: int) -> Tensor:
    limits = torch.tensor(exemplar.shape[1:]) - side + 1
    top, left = (torch.rand(2, generator=generator(seed)) * limits).long().tolist()
    return exemplar[:, top : top + side, left : left + side]


def quilting(exemplar: Tensor, side: int, seed: int) -> Tensor:
    from drawgen.textures.quilting import quilt

    return quilt(exemplar, (side, side), rng=generator(seed)).image


def resynthesizer(exemplar: Tensor, side: int, seed: int) -> Tensor:
    """Fills a hole beside the exemplar. It has no seed: the exemplar is rolled instead."""
    from PIL import Image
    from resynthesizer import TImageSynthParameters, resynthesize

    settings = TImageSynthParameters(0, 0, 0, 0.5, 0.117, 30, 200)  # its defaults, but for no tile and no context
    height, width = exemplar.shape[1:]
    if seed:
        exemplar = exemplar.roll((53 * seed, 97 * seed), (1, 2))
    canvas = torch.zeros(3, max(height, side), width + side)
    canvas[:, :height, :width] = exemplar
    canvas[:, side:height, width:] = exemplar[:, side:, :side]
    hole = torch.zeros(1, *canvas.shape[1:])
    hole[:, :side, width:] = 1
    filled = resynthesize(Image.fromarray(images.to_bytes(canvas)), Image.fromarray(images.to_bytes(hole)), settings)
    picture, _ = images.from_pillow(filled, "resynthesizer")
    return picture.expand(3, -1, -1)[: len(exemplar), :side, width:]


def blur(exemplar: Tensor, side: int, seed: int) -> Tensor:
    return images.resize(images.resize(real(exemplar, side, seed), side // 4, side // 4), side, side)


def blocks(exemplar: Tensor, side: int, seed: int) -> Tensor:
    pieces = F.unfold(real(exemplar, side // BLOCK_PX * BLOCK_PX, seed)[None], BLOCK_PX, stride=BLOCK_PX)
    order = torch.randperm(pieces.shape[2], generator=generator(seed, 1))
    return F.fold(pieces[:, :, order], side // BLOCK_PX * BLOCK_PX, BLOCK_PX, stride=BLOCK_PX)[0]


def phases(exemplar: Tensor, side: int, seed: int) -> Tensor:
    crop = real(exemplar, side, seed)
    mean = crop.mean((1, 2), keepdim=True)
    noise = torch.fft.rfft2(torch.randn(side, side, generator=generator(seed, 1)))
    turned = torch.fft.rfft2(crop - mean) * noise / noise.abs().clamp(min=1e-9)
    return (torch.fft.irfft2(turned, s=(side, side)) + mean).clamp(0, 1)


METHODS = {method.__name__: method for method in (real, quilting, resynthesizer, blur, blocks, phases)}


def from_model(source: str) -> Callable[[Tensor, int, int], Tensor]:
    model: Any = models.load(source)

    def draw(_: Tensor, side: int, seed: int) -> Tensor:
        return drawn_by(model, Request(size=(side, side), seed=seed), match=True).images[0]

    return draw


def from_picture(folder: Path, name: str) -> Callable[[Tensor, int, int], Tensor]:
    def read(exemplar: Tensor, _: int, seed: int) -> Tensor:
        picture = images.load_image(folder / f"{name}-{seed}.png")
        return picture.expand(len(exemplar), -1, -1) if len(exemplar) >= len(picture) else images.grey(picture)

    return read


def makers(arguments: argparse.Namespace, name: str) -> Iterator[tuple[str, Callable[[Tensor, int, int], Tensor]]]:
    """The methods, models and pictures that there are for an exemplar, by name."""
    for method in arguments.methods:
        yield method, METHODS[method]
    for given in arguments.models:
        label, _, folder = given.partition("=")
        known = [str(path) for path in (Path(folder) / f"{name}.model", Path(folder) / name) if path.is_dir()]
        shipped = f"ride:{name.split('_')[-1]}"
        if folder == "ride:" and shipped in models.shipped() and "_sk_" not in name:
            known.append(shipped)
        if known:
            yield label, from_model(known[0])
    for given in arguments.samples:
        label, _, folder = given.partition("=")
        if (Path(folder) / f"{name}-0.png").exists():
            yield label, from_picture(Path(folder), name)


# ---------------------------------------------------------------- measures


class Judge:
    """All measures of an exemplar's samples."""

    def __init__(self, exemplar: Tensor) -> None:
        self.exemplar, self.yardstick = exemplar, Yardstick(exemplar)
        self.full, self.half = Copying(exemplar), Copying(halves(exemplar))

    def figures(self, sample: Tensor) -> dict[str, float]:
        found = self.yardstick.measures(sample)
        full, half = self.full.of(sample), self.half.of(halved(sample))
        grain = graininess(sample, self.exemplar)
        return found | {
            "near": full.near, "alike": full.alike, "half_near": half.near, "half_alike": half.alike, "largest_px": full.largest_px,
            "grain_mean": grain.mean, "grain_high": grain.high, "grain_most": grain.most,
        }  # fmt: skip


def halved(picture: Tensor) -> Tensor:
    return images.resize(picture, picture.shape[1] // 2, picture.shape[2] // 2)


def halves(picture: Tensor) -> Tensor:
    """At half size, from an even or an odd row and column on, side by side: a copy may lie at either."""
    even = [side // 2 * 2 - 2 for side in picture.shape[1:]]
    shifted = [picture[:, top : top + even[0], left : left + even[1]] for top in (0, 1) for left in (0, 1)]
    return torch.cat([halved(part) for part in shifted], 2)


def of_itself(exemplar: Tensor) -> dict[str, float]:
    full, middle = copying.of_itself(exemplar), exemplar.shape[1] // 2
    half = Copying(halves(exemplar[:, :middle])).of(halved(exemplar[:, middle:]))
    return {
        "near": full.near, "alike": full.alike, "half_near": half.near, "half_alike": half.alike, "largest_px": full.largest_px,
        "unit_px": unit(exemplar),
    }  # fmt: skip


# ---------------------------------------------------------------- the report

COLUMNS = {
    "structure": ["structure"],
    "autocorrelation": ["autocorrelation"],
    "spectrum": ["spectrum"],
    "histogram": ["histogram"],
    "copied: near / alike": ["near", "alike"],
    "at half size": ["half_near", "half_alike"],
    "largest, px": ["largest_px"],
    "grain: mean / 99.9 % / max": ["grain_mean", "grain_high", "grain_most"],
    "CPU s": ["seconds"],
}


def cell(rows: list[dict[str, Any]], names: list[str]) -> str:
    def mean(name: str) -> str:
        values = [row[name] for row in rows if name in row]
        if not values:
            return "-"
        value = sum(values) / len(values)
        return f"{value:.0f}" if name == "largest_px" else f"{value:.2f}"

    return " / ".join(mean(name) for name in names)


def table(rows: list[dict[str, Any]], by: str) -> list[str]:
    """One line per group: means over its pictures."""
    lines = [f"| {by} | " + " | ".join(COLUMNS) + " |", "| --- " * (len(COLUMNS) + 1) + "|"]
    for group in dict.fromkeys(row[by] for row in rows):
        mine = [row for row in rows if row[by] == group]
        lines.append(f"| {group} | " + " | ".join(cell(mine, names) for names in COLUMNS.values()) + " |")
    return lines


def exemplars(arguments: argparse.Namespace) -> list[Path]:
    found = [path for folder in arguments.folders for path in sorted(folder.iterdir())]
    found = [path for path in found if path.suffix.lower() in (".png", ".jpg", ".gif")]
    return [path for path in found if not arguments.only or any(word in path.stem for word in arguments.only)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--methods", nargs="*", default=[], choices=list(METHODS))
    parser.add_argument("--models", nargs="*", default=[], metavar="NAME=RUNS")
    parser.add_argument("--samples", nargs="*", default=[], metavar="NAME=PICTURES")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--side", type=int, default=256, help="of a sample, in pixels")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = arguments.out.with_suffix(".jsonl")
    rows = [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()] if store.exists() else []
    done = {(row["exemplar"], row["method"], row["seed"]) for row in rows}
    sheet, columns = [], 0
    paths = exemplars(arguments)
    for path in paths:
        exemplar, name = images.load_image(path, longest_px=EXEMPLAR_PX), path.stem
        judge: Judge | None = None
        shown = [exemplar[:, : arguments.side, : arguments.side]]

        def keep(method: str, seed: int, figures: dict[str, float], name: str = name) -> None:
            rows.append({"exemplar": name, "method": method, "seed": seed} | figures)
            with open(store, "a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")

        if (name, ITSELF, 0) not in done:
            keep(ITSELF, 0, of_itself(exemplar))
        for method, make in makers(arguments, name):
            for seed in range(arguments.seeds):
                if seed and (name, method, seed) in done:
                    continue
                begun = time.process_time()
                sample = make(exemplar, arguments.side, seed)
                seconds = time.process_time() - begun
                if not seed:
                    shown.append(sample)
                if (name, method, seed) not in done:
                    judge = judge or Judge(exemplar)
                    took = {"seconds": seconds} if make.__name__ != "read" else {}
                    keep(method, seed, judge.figures(sample) | took)
                    print(name, method, seed, cell(rows[-1:], ["structure", "near", "grain_mean", "seconds"]), flush=True)
        columns = max(columns, len(shown))
        sheet.append(torch.stack([images.resize(p.expand(3, -1, -1), SHEET_PX, SHEET_PX) for p in shown]))
    sheet = [torch.cat([row, torch.ones(columns - len(row), *row.shape[1:])]) for row in sheet]
    images.save_image(arguments.out.with_suffix(".jpg"), images.grid(torch.cat(sheet), columns=columns, gap_px=4))
    names = [path.stem for path in paths]
    rows = [row for row in rows if row["exemplar"] in names and row["seed"] < arguments.seeds]
    rows = sorted(rows, key=lambda row: names.index(row["exemplar"]))
    methods = dict.fromkeys(row["method"] for row in rows)
    lines = [
        "# Textures, measured",
        "",
        f"{len(names)} photographs (at most {EXEMPLAR_PX} px), samples of {arguments.side} px, {arguments.seeds} seeds (means).",
        f"One thread of {jobs.machine()}, torch {torch.__version__}. `scripts/measure_textures.py` explains the",
        "measures. The sheet beside this file has a row for each photograph: a part of it, then "
        f"{', '.join(method for method in methods if method != ITSELF)}.",
        "",
        *table(sorted(rows, key=lambda row: list(methods).index(row["method"])), "method"),
    ]
    for name in names:
        mine = [row for row in rows if row["exemplar"] == name]
        size = next(row["unit_px"] for row in mine if row["method"] == ITSELF)
        lines += ["", f"## {name} (unit about {size:.0f} px)", "", *table(mine, "method")]
    arguments.out.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
