"""Reports trained RIDE models in the terms of the paper's table, and makes pictures of dead leaves to train on.

    uv run python scripts/ride_report.py leaves runs/leaves --count 16 --size 256
    uv run drawgen train ride paper --data.path PICTURES -o runs/paper
    uv run python scripts/ride_report.py table runs/mcgsm runs/paper-1 runs/paper --out scripts/results/ride_paper.md

A table has a row for each run and one for its mixture over eight orientations: bits per pixel of dequantised pictures, on the
pictures that it learned from and on those held out, in squares of 64 pixels. OUT.png has two samples of each run, in rows.
"""

import argparse
import json
from pathlib import Path

import torch

from drawgen import images, jobs, models
from drawgen.contract import Request
from drawgen.data.dead_leaves import dead_leaves

PAPER = {"mcgsm": (3.717, 3.748), "paper-1": (3.802, None), "paper": (3.869, 3.899)}
"""log2 of the density of a pixel in [0, 1] on BSDS300, of a model and of its mixture over orientations (Theis & Bethge 2015,
table 1, from memory): 8 minus it are bits per pixel. They stand beside runs on a folder named bsds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    leaves = commands.add_parser("leaves")
    leaves.add_argument("folder", type=Path)
    leaves.add_argument("--count", type=int, default=16)
    leaves.add_argument("--size", type=int, default=256)
    table = commands.add_parser("table")
    table.add_argument("runs", type=Path, nargs="+")
    table.add_argument("--orientations", type=int, default=8)
    table.add_argument("--note", default="", help="a last paragraph")
    table.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "leaves":
        make_leaves(arguments.folder, arguments.count, arguments.size)
        return
    rows = [row for run in arguments.runs for row in rows_of(run, arguments.orientations)]
    text = [
        "# RIDE beside the paper's table",
        "",
        "Bits per pixel (grey, dequantised) by `drawgen eval RUN --orientations 8`, and with `--split seen` for the training",
        "pictures. Every fourth picture, in the order of names, is held out. All are measured in squares of 64 pixels, at the",
        "pixels whose neighbourhood is inside. The paper's figures are 8 minus its log2 density (BSDS300, another split, from",
        "memory).",
        "",
        f"One thread of {jobs.machine()}, torch {torch.__version__}.",
        "",
        "| model | data | training pictures | held out | the paper | weights | steps | seed | training s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        *(["", arguments.note] if arguments.note else []),
    ]
    arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    samples = [models.load(run).sample(Request(n=2, size=(192, 192), seed=1)).images for run in arguments.runs]
    images.save_image(arguments.out.with_suffix(".png"), images.grid(torch.cat(samples), columns=2))


def rows_of(run: Path, orientations: int) -> list[str]:
    """The table's rows of one run."""
    _, preset, recipe = jobs.stored_recipe(run)
    held = jobs.measure(str(run), orientations=orientations)
    seen = jobs.measure(str(run), split="seen")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = max(line.get("seconds", 0.0) for line in lines)
    weights = sum(p.numel() for p in recipe.model.build(recipe.data.spec(), rng=torch.Generator()).parameters())
    data, steps = Path(recipe.data.path).name, max(line["step"] for line in lines)
    known = PAPER.get(preset, (None, None)) if data == "bsds" else (None, None)
    alone, mixed = (f"{8 - value:.2f}" if value else "" for value in known)
    return [
        f"| {run.name} | {data} | {seen['bits_per_pixel']:.3f} | {held['bits_per_pixel']:.3f} | {alone} | {weights:,} "
        f"| {steps:,} | {recipe.fit.seed} | {seconds:.0f} |",
        f"| {run.name}, {orientations} orientations | {data} | | {held['bits_per_pixel_oriented']:.3f} | {mixed} | | | | |",
    ]


def make_leaves(folder: Path, count: int, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        images.save_image(folder / f"{n:03}.png", dead_leaves((size, size), rng=torch.Generator().manual_seed(n))[None])


if __name__ == "__main__":
    main()
