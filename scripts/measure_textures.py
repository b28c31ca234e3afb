"""Measures textures against their photographs, and reports a table and a contact sheet.

    uv run python scripts/measure_textures.py FOLDER... --methods real quilting phases --out scripts/results/texture_yardstick
    uv run python scripts/measure_textures.py --models detail=runs/textures --methods quilting real --large brick gravel \\
        --shown 200 --columns 2 --out scripts/results/textures

Each FOLDER holds photographs (exemplars); without one, they are those that the models were trained on. `--only` keeps those whose
name has one of these words in it. What is judged are

- models: RUNS/EXEMPLAR.model or RUNS/EXEMPLAR is the folder of a finished run;
- methods that are made here: `real` (one other crop of the exemplar), `quilting`, `resynthesizer` (the package of that name),
  `blur` (a real crop at a quarter of its size and back), `blocks` (blocks of 32 px in random order, side by side), `phases` (the
  exemplar's power spectrum with random phases);
- pictures made before: PICTURES/EXEMPLAR-SEED.png, as large as one likes.

OUT.jsonl keeps what was measured (one line per picture, with the seconds it took to make), so that a second call goes on; OUT.md is
the page, OUT.jpg the sheet: a part of each exemplar, then seed 0 of each model and method but `real`. Measures:

- *structure*, *autocorrelation*, *spectrum*, *histogram*: as in `drawgen.textures.yardstick`. 1 is the mean distance of two crops;
- *copied*: share of 11x11 patches whose nearest in the exemplar is within a fifth of its standard deviation, and of those whose
  normalised correlation is above .95; at full and at half size. `itself` has what the lower half of the exemplar has in common with
  the upper half: as much is no copying;
- *largest*: the largest region copied in one piece, in pixels;
- *grain*: distance from the 3x3 median over the exemplar's: mean, 99.9th percentile, maximum;
- *seam*: of a model's tile of 192 px, the mean step across its edge over the mean step inside, in x and y. 1 is none;
- *bits/dim* on the held-out rows, as the run measured them at its end.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from drawgen import checkpoint, images, jobs, models
from drawgen.contract import Request, generator
from drawgen.jobs.asking import drawn_by
from drawgen.textures import copying
from drawgen.textures.copying import Copying
from drawgen.textures.yardstick import Yardstick, graininess, seam, unit

EXEMPLAR_PX = 512
BLOCK_PX = 32
TILE_PX = 192
LARGE_PX = 2048
QUALITY = 85
"""Of the sheet."""
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


class Maker(NamedTuple):
    """Something that makes textures."""

    name: str
    draw: Callable[[Tensor, int, int], Tensor]
    """From the exemplar, the side of the sample and the seed."""
    folder: Path | None = None
    """Of a model."""
    timed: bool = True


def from_model(source: Path) -> Callable[[Tensor, int, int], Tensor]:
    model: Any = models.load(source)
    drawn_by(model, Request(size=(32, 32)), match=True)  # compiles

    def draw(_: Tensor, side: int, seed: int) -> Tensor:
        return drawn_by(model, Request(size=(side, side), seed=seed), match=True).images[0]

    return draw


def from_picture(folder: Path, name: str) -> Callable[[Tensor, int, int], Tensor]:
    def read(exemplar: Tensor, _: int, seed: int) -> Tensor:
        picture = images.load_image(folder / f"{name}-{seed}.png")
        return picture.expand(len(exemplar), -1, -1) if len(exemplar) >= len(picture) else images.grey(picture)

    return read


def makers(arguments: argparse.Namespace, name: str) -> Iterator[Maker]:
    """The models, methods and pictures that there are for an exemplar."""
    for label, folder in arguments.models:
        for run in (folder / f"{name}.model", folder / name):
            if finished(run):
                yield Maker(label, from_model(run), run)
                break
    for method in arguments.methods:
        yield Maker(method, METHODS[method])
    for label, folder in arguments.samples:
        if (folder / f"{name}-0.png").exists():
            yield Maker(label, from_picture(folder, name), timed=False)


def finished(run: Path) -> bool:
    return (run / checkpoint.CARD).is_file() and "\n- training: " in (run / checkpoint.CARD).read_text(encoding="utf-8")


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


def of_run(run: Path) -> dict[str, float]:
    """A model's seams, and the held-out bits/dim that its run measured at its end."""
    model: Any = models.load(run)
    x, y = seam(drawn_by(model, Request(size=(TILE_PX, TILE_PX), tile=True), match=True).images[0])
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    bits = [line["valid/bits_per_dim"] for line in lines if "valid/bits_per_dim" in line][-1]
    return {"seam_x": x, "seam_y": y, "bits_per_dim": bits, "warp": model.config.warp}


def of_large(run: Path, exemplar: Tensor) -> dict[str, float]:
    """Whether a large picture stays what it is: the structure of its first and its last rows."""
    picture = from_model(run)(exemplar, LARGE_PX, 0)
    yardstick = Yardstick(exemplar)
    first, last = picture[:, : EXEMPLAR_PX // 2], picture[:, -EXEMPLAR_PX // 2 :]
    return {"first": yardstick.structure(first), "last": yardstick.structure(last)}


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
    "seam: x / y": ["seam_x", "seam_y"],
    "bits/dim": ["bits_per_dim"],
    "CPU s": ["seconds"],
}
MOST_STRUCTURE = 1.2
LEVEL = 0.15
MORE_COPIED = 0.02


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


def mean(rows: list[dict[str, Any]], name: str, method: str, column: str) -> float:
    """Over an exemplar's pictures by a method."""
    values = [row[column] for row in rows if (row["exemplar"], row["method"]) == (name, method) and column in row]
    return sum(values) / len(values)


def aims(rows: list[dict[str, Any]], label: str) -> list[str]:
    """On how many exemplars a model is good enough, and the names of the others."""

    def counted(what: str, good: Callable[[str], bool]) -> str:
        names = list(dict.fromkeys(row["exemplar"] for row in rows if row["method"] == label))
        bad = [name for name in names if not good(name)]
        return f"- {what}: {len(names) - len(bad)} of {len(names)}" + (f" (not: {', '.join(bad)})" if bad else "")

    def no_more(column: str, most: float) -> Callable[[str], bool]:
        return lambda name: mean(rows, name, label, column) <= mean(rows, name, ITSELF, column) + most

    lines = [counted(f"structure is at most {MOST_STRUCTURE}", lambda name: mean(rows, name, label, "structure") <= MOST_STRUCTURE)]
    if any(row["method"] == "quilting" for row in rows):
        limit = {row["exemplar"]: mean(rows, row["exemplar"], "quilting", "structure") + LEVEL for row in rows}
        better = counted(
            f"structure is better than quilting's or level with it (at most {LEVEL} more)",
            lambda name: mean(rows, name, label, "structure") <= limit[name],
        )
        lines.append(better)
    points = f"copied patches are at most {100 * MORE_COPIED:.0f} points more than the photograph's own (`{ITSELF}`)"
    return [
        f"On how many photographs `{label}` reaches the aim:",
        "",
        *lines,
        counted(f"{points}, by distance (near)", no_more("near", MORE_COPIED)),
        counted(f"{points}, by correlation (alike)", no_more("alike", MORE_COPIED)),
        counted("the largest region copied in one piece is no larger than the photograph's own", no_more("largest_px", 0)),
        "",
        "What is copied is the arrangement: a layout is quilted from the photograph at half size. Where much would be copied, its",
        "shapes are moved by about a pixel (`warp`, in pixels of the layout), at a cost in structure. The measures of copying",
        "compare pixel by pixel, so a piece that was moved counts less than the eye would say.",
        "",
    ]


def by_exemplar(rows: list[dict[str, Any]], label: str) -> list[str]:
    """A line per exemplar: a model beside its rivals."""
    known = {row["method"] for row in rows}
    rivals = [label, *(name for name in ("quilting", "real") if name in known)]
    columns = [
        (f"structure: {' / '.join(rivals)}", ["structure"], rivals),
        (f"near: {label} / {ITSELF}", ["near"], [label, ITSELF]),
        (f"alike: {label} / {ITSELF}", ["alike"], [label, ITSELF]),
        (f"largest, px: {label} / {ITSELF}", ["largest_px"], [label, ITSELF]),
        ("warp", ["warp"], [label]),
        *((column, COLUMNS[column], [label]) for column in ("grain: mean / 99.9 % / max", "seam: x / y", "bits/dim")),
    ]
    lines = ["| photograph | unit, px | " + " | ".join(head for head, *_ in columns) + " |", "| --- " * (len(columns) + 2) + "|"]
    for name in dict.fromkeys(row["exemplar"] for row in rows if row["method"] == label):
        mine = {method: [row for row in rows if (row["exemplar"], row["method"]) == (name, method)] for method in known}
        cells = [" / ".join(cell(mine[method], names) for method in methods) for _, names, methods in columns]
        lines.append(f"| {name} | {mine[ITSELF][0]['unit_px']:.0f} | " + " | ".join(cells) + " |")
    return lines


def page(rows: list[dict[str, Any]], arguments: argparse.Namespace) -> list[str]:
    names, known = (list(dict.fromkeys(row[key] for row in rows)) for key in ("exemplar", "method"))
    order = [ITSELF, *(label for label, _ in arguments.models), *arguments.methods, *(label for label, _ in arguments.samples)]
    methods = [method for method in order if method in known]
    large = [row for row in rows if "first" in row]
    rows = sorted((row for row in rows if row["method"] in methods), key=lambda row: methods.index(row["method"]))
    labels = [label for label, _ in arguments.models if label in methods]
    lines = [
        "# Textures, measured",
        "",
        *(line for label in labels for line in aims(rows, label)),
        f"{len(names)} photographs (at most {EXEMPLAR_PX} px); {arguments.seeds} samples of {arguments.side} px each (`real`: 1).",
        f"Figures are means. One thread of {jobs.machine()}, torch {torch.__version__}. `scripts/measure_textures.py` explains",
        "the measures. The sheet beside this file shows, for each photograph in the order of this page: a part of it, then",
        f"{', '.join(method for method in methods if method not in (ITSELF, 'real'))}.",
        "",
        *table(rows, "method"),
        "",
    ]
    for row in large:
        lines += [
            f"A picture of {LARGE_PX} px of {row['exemplar']}: structure {row['first']:.2f} in its first {EXEMPLAR_PX // 2} rows, "
            f"{row['last']:.2f} in its last.",
            "",
        ]
    for label in labels:
        lines += [*by_exemplar(rows, label), ""]
    for name in names:
        lines += [f"## {name}", "", *table([row for row in rows if row["exemplar"] == name], "method"), ""]
    return lines[:-1]


# ---------------------------------------------------------------- the program


def photographs(arguments: argparse.Namespace) -> dict[str, str]:
    """Name -> file, or photo:NAME."""
    files = [path for folder in arguments.folders for path in sorted(folder.iterdir())]
    found = {path.stem: str(path) for path in files if path.suffix.lower() in (".png", ".jpg", ".gif")}
    if not arguments.folders:
        runs = sorted(run for _, folder in arguments.models for run in folder.iterdir() if finished(run))
        found = {run.name.removesuffix(".model"): jobs.read_recipe(run)["data"]["path"] for run in runs}
    return {name: path for name, path in found.items() if not arguments.only or any(word in name for word in arguments.only)}


def labelled(given: str) -> tuple[str, Path]:
    label, equals, folder = given.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{given} is not of the form NAME=FOLDER")
    return label, Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--models", nargs="*", default=[], type=labelled, metavar="NAME=RUNS")
    parser.add_argument("--methods", nargs="*", default=[], choices=list(METHODS))
    parser.add_argument("--samples", nargs="*", default=[], type=labelled, metavar="NAME=PICTURES")
    parser.add_argument("--large", nargs="*", default=[], metavar="EXEMPLAR", help=f"draw these at {LARGE_PX} px, too")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--side", type=int, default=256, help="of a sample, in pixels")
    parser.add_argument("--shown", type=int, default=192, help="side of a picture on the sheet, in pixels")
    parser.add_argument("--columns", type=int, default=1, help="of the sheet, in exemplars")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = arguments.out.with_suffix(".jsonl")
    rows = [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()] if store.exists() else []
    done = {(row["exemplar"], row["method"], row["seed"]) for row in rows}
    sheet = []
    given = photographs(arguments)

    def keep(name: str, method: str, seed: int, figures: dict[str, float]) -> None:
        rows.append({"exemplar": name, "method": method, "seed": seed} | figures)
        with open(store, "a", encoding="utf-8") as file:
            file.write(json.dumps(rows[-1]) + "\n")

    for name, path in given.items():
        exemplar = images.load_image(path, longest_px=EXEMPLAR_PX)
        judge: Judge | None = None
        shown = [exemplar[:, : arguments.side, : arguments.side]]
        if (name, ITSELF, 0) not in done:
            keep(name, ITSELF, 0, of_itself(exemplar))
        for maker in makers(arguments, name):
            for seed in range(1 if maker.name == "real" else arguments.seeds):
                if seed and (name, maker.name, seed) in done:
                    continue
                begun = time.process_time()
                sample = maker.draw(exemplar, arguments.side, seed)
                took = {"seconds": time.process_time() - begun} if maker.timed else {}
                if not seed and maker.name != "real":  # a part of it is shown already
                    shown.append(sample)
                if (name, maker.name, seed) not in done:
                    judge = judge or Judge(exemplar)
                    more = of_run(maker.folder) if maker.folder and not seed else {}
                    keep(name, maker.name, seed, judge.figures(sample) | took | more)
                    print(name, maker.name, seed, cell(rows[-1:], ["structure", "near", "grain_mean", "seconds"]), flush=True)
            if name in arguments.large and maker.folder and (name, "large", 0) not in done:
                keep(name, "large", 0, of_large(maker.folder, exemplar))
        sheet.append(torch.stack([images.resize(p.expand(3, -1, -1), arguments.shown, arguments.shown) for p in shown]))
    most = max(len(row) for row in sheet)
    blocks = [images.strip(torch.cat([row, torch.ones(most - len(row), *row.shape[1:])])) for row in sheet]
    whole = images.grid(torch.stack(blocks), columns=arguments.columns, gap_px=8)
    Image.fromarray(images.to_bytes(whole)).save(arguments.out.with_suffix(".jpg"), quality=QUALITY)
    rows = [row for row in rows if row["exemplar"] in given and row["seed"] < arguments.seeds]
    rows = sorted(rows, key=lambda row: list(given).index(row["exemplar"]))
    arguments.out.with_suffix(".md").write_text("\n".join(page(rows, arguments)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
