"""Reports a character model of SVG files: how many of 200 files parse and render, what is seen on them, how far they are from every
training file, the same of new files that the data makes, and a sheet of what it wrote.

uv run python scripts/svg_report.py char_rnn:svg --out scripts/results/char_rnn_svg.md [--sheet scripts/results/char_rnn_svg.jpg]

Renders by resvg and CairoSVG (development dependencies). A shape is seen if the picture of 100x100 pixels changes at 10 pixels or
more without it; a shape as large as the page does not count.
"""

import argparse
import copy
import io
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import cairosvg
import numpy as np
import resvg_py
import torch
from PIL import Image

from drawgen import jobs, models
from drawgen.contract import Request, Writes
from drawgen.data.edit_distance_cpu import Nearest
from drawgen.data.svg_corpus import SvgDrawings
from drawgen.data.svg_scenes import HEAD, LONGEST, TAIL, drawing
from drawgen.image_reading import ImageError
from drawgen.strokes.svg_reading import SHAPES, read_svg

SIDE, SEEN, NEAR, FAR = 100, 10, 0.05, 0.08
NAMESPACE = "{http://www.w3.org/2000/svg}"
COLUMNS, ROWS, CELL = 10, 6, 132
ElementTree.register_namespace("", NAMESPACE.strip("{}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a run folder, or MODEL:NAME")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = models.shipped().get(arguments.model, Path(arguments.model))
    recipe = jobs.stored_recipe(folder)[2]
    model = models.load(folder)
    assert isinstance(model, Writes)
    request = Request(n=arguments.n, seed=arguments.seed, length=2 * LONGEST, until=TAIL)
    begin = time.process_time()
    written = ["".join(piece.text for piece in model.write(request, index)) for index in range(arguments.n)]
    seconds = time.process_time() - begin
    made = [drawing(random.Random(f"report {number}")) for number in range(arguments.n)]
    trained = files_of(recipe.data, recipe.fit.steps, recipe.fit.seed)
    nearest = Nearest(trained)
    scores = jobs.measure(str(folder))
    figures = [described(texts, nearest) for texts in (written, made)]
    text = [
        "# Drawings that a character model wrote",
        "",
        f"{arguments.n} files of `char_rnn` `svg` at temperature 1, unprimed, seed {arguments.seed}, until `</svg>`, and as many",
        f"new files of the data. The model read {len(trained):,} files, each once ({recipe.fit.steps} steps of {recipe.data.batch}",
        f"rows of {recipe.data.length} characters). Held out: {scores['bits_per_char']:.3f} bits per character.",
        f"It writes {sum(map(len, written)) / seconds:,.0f} characters per second on one thread of {jobs.machine()}, shared.",
        "",
        "| | written by the model | made by the data |",
        "| --- | --- | --- |",
        *[f"| {name} | {figures[0][name]} | {figures[1][name]} |" for name in figures[0]],
        "",
        "*Parses*: as XML. *Renders*: resvg and CairoSVG draw it, and the project's own reader finds nothing wrong in it. *Seen*:",
        f"the picture of {SIDE}x{SIDE} pixels changes at {SEEN} or more pixels without the shape; the page itself does not count.",
        "*Distance*: insertions, deletions and replacements to the nearest of all training files, as a share of the file's length.",
    ]
    arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    if arguments.sheet is not None:
        sheet(written[: COLUMNS * ROWS]).save(arguments.sheet, quality=90)


def files_of(data: SvgDrawings, steps: int, seed: int) -> list[str]:
    """The files of which the training saw all."""
    found = []
    for number in range(-(-steps // data.run) * data.batch):
        text = data.row("train", number, data.run * data.length, seed)
        found += [HEAD + part for part in text.split(HEAD)[1:] if part.endswith(TAIL)]
    return found


def described(texts: Sequence[str], nearest: Nearest) -> dict[str, str]:
    parsed = [root_of(text) is not None for text in texts]
    drawn = [fine and renders(text) for fine, text in zip(parsed, texts, strict=True)]
    seen = [shapes_seen(text) if fine else 0 for fine, text in zip(drawn, texts, strict=True)]
    found = [nearest.of(text, limit=int(FAR * len(text)))[1] / len(text) for text in texts]
    return {
        "parses": f"{np.mean(parsed):.1%}",
        "parses and renders": f"{np.mean(drawn):.1%}",
        "renders, and two shapes or more are seen": f"{np.mean([count >= 2 for count in seen]):.1%}",
        "shapes seen, median": f"{np.median(seen):.0f}",
        "characters, median": f"{np.median([len(text) for text in texts]):.0f}",
        "within 5 % of a training file": f"{np.mean([share <= NEAR for share in found]):.1%}",
        "within 8 % of a training file": f"{np.mean([share <= FAR for share in found]):.1%}",
        "least distance to a training file": f"{min(found):.1%}",
    }


def root_of(text: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None


def renders(text: str) -> bool:
    try:
        cairosvg.svg2png(bytestring=text.encode(), output_width=SIDE)
        picture(text)
    except Exception:  # CairoSVG raises whatever comes up
        return False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawing.svg"
        path.write_text(text, encoding="utf-8")
        try:
            read_svg(path, outlines=True)
        except ImageError:
            return False
    return True


def picture(text: str, side: int = SIDE) -> Image.Image:
    return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=text, width=side, height=side)))).convert("RGBA")


def shapes_seen(text: str) -> int:
    """Shapes, the page's ground left out, without which the picture changes."""
    root = root_of(text)
    if root is None:
        return 0
    whole = np.asarray(picture(text)).astype(int)
    count = 0
    for number in range(len(shapes_of(root))):
        without, alone = copy.deepcopy(root), copy.deepcopy(root)
        for k, ((parent, child), (parent_alone, child_alone)) in enumerate(zip(shapes_of(without), shapes_of(alone), strict=True)):
            (parent.remove(child) if k == number else parent_alone.remove(child_alone))
        covered = np.asarray(picture(ElementTree.tostring(alone, "unicode")))[..., 3] > 127
        if covered.all():
            continue
        changed = (np.asarray(picture(ElementTree.tostring(without, "unicode"))).astype(int) != whole).any(2)
        count += int(changed.sum() >= SEEN)
    return count


def shapes_of(root: ElementTree.Element) -> list[tuple[ElementTree.Element, ElementTree.Element]]:
    """(parent, shape) of all shapes, in order."""
    return [(parent, child) for parent in root.iter() for child in parent if child.tag.removeprefix(NAMESPACE) in SHAPES]


def sheet(texts: Sequence[str]) -> Image.Image:
    """The drawings side by side, in order; what cannot be drawn is a blank place."""
    gap = 6
    page = Image.new("RGB", (COLUMNS * (CELL + gap) + gap, ROWS * (CELL + gap) + gap), "white")
    for number, text in enumerate(texts):
        row, column = divmod(number, COLUMNS)
        if root_of(text) is not None and renders(text):
            drawn = picture(text, 4 * CELL).resize((CELL, CELL), Image.Resampling.LANCZOS)
            page.paste(drawn, (gap + column * (CELL + gap), gap + row * (CELL + gap)), drawn)
    return page


if __name__ == "__main__":
    main()
