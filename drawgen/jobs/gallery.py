"""The page of the demo: a lecture on networks that look, and then draw or write, told in their own pictures.

It is one file beside its pictures, in plain HTML and CSS, and asks for nothing from elsewhere. What it says of a model (its paper,
its figure and the paper's) is from the model's card.
"""

import html
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from PIL import Image

import drawgen
from drawgen import models
from drawgen.printable import printable

STYLES = (Path(drawgen.__file__).parent / "look.css", Path(__file__).with_suffix(".css"))
"""The colours and the type of all pages, and this one's own."""
MEASURES = {
    "bits_per_dim": ("bits per pixel and channel", ".2f"),
    "bound_nats": ("nats, a bound", ".2f"),
    "nats": ("nats per drawing", ".1f"),
    "nats_per_char": ("nats per letter", ".3f"),
    "nats_per_word": ("nats per word", ".2f"),
    "nats_per_symbol": ("nats per symbol", ".2f"),
    "accuracy": ("right", ".1%"),
    "exact": ("wholly right", ".1%"),
    "error_rate": ("wrong", ".2%"),
    "share": ("of a blank canvas's squared error", ".3f"),
    "critic_gap": ("", ""),
}
"""What the first figure of a card is called here, and how it is written; the last one says nothing by itself."""


class Figure(NamedTuple):
    """A picture, an animation, a text or a chart of the page."""

    name: str
    """What it is of: MODEL:NAME, or the title of a chapter without a model."""
    file: str
    """In the page's folder. Of a `.txt` its text is shown."""
    command: str
    """What makes it."""
    look: str = ""
    """How it is shown, in words separated by blanks: small (several side by side), third, two-thirds or wide, else half of the
    page; pixels (enlarged without smoothing), ink (dark on white: turned light in the dark), white (on white), bare (without a
    frame), code."""
    says: str = ""
    """What is to be seen, if the model's title does not say it."""
    still: str = ""
    """Of an animation, the finished picture: for readers who want no motion."""
    svg: str = ""
    """A chart, in the page itself."""


class Chapter(NamedTuple):
    """A part of the lecture: all figures of one model."""

    model: str
    """By its name in `drawgen/models/`; without a trained model the name that its figures have."""
    title: str
    says: str
    """What it is, in a sentence or two."""
    paper: str = ""
    """Where no card says it."""


LECTURE = (
    Chapter(
        "char_rnn",
        "A network that guesses the next letter",
        "It reads a text letter by letter, and all that it keeps is the state of two layers. To write, it draws a letter from its "
        "own guess and reads that in again. Having read drawings instead of plays, it writes drawings.",
    ),
    Chapter(
        "memory",
        "Why it needs gates",
        "What the loss of the last letter still tells the states before it. In a plain network the gradient shrinks by the same "
        "factor with each step back; the gates of an LSTM let a part of it through.",
        "Hochreiter & Schmidhuber 1997, Long Short-Term Memory; Pascanu, Mikolov & Bengio 2013, On the difficulty of training "
        "recurrent neural networks",
    ),
    Chapter(
        "text_classifier",
        "Many steps, one answer",
        "It follows the steps of a pen and says at the end which alphabet the character may be of.",
    ),
    Chapter(
        "seq2seq",
        "A sentence becomes another",
        "One network reads, another writes, and before each word it looks back at what was read. A cell is light where it looked.",
    ),
    Chapter(
        "captioner",
        "A picture becomes a sentence",
        "The same, with a picture in the place of the sentence: for every word the network looks at some part of it. Nobody told "
        "it where.",
    ),
    Chapter(
        "draw_classifier",
        "Reading through a window",
        "It never sees the whole picture. Eight times it places a small window, and then it names the digit among pieces of "
        "others.",
    ),
    Chapter(
        "glimpse_reader",
        "An eye that moves",
        "At each step a sharp look at one place (green), a coarse one around it (orange), and the decision where to look next. The "
        "digits that it reads here were drawn by another network, a little further down.",
    ),
    Chapter(
        "draw",
        "Drawing as one looks: DRAW",
        "A picture comes about on a canvas step by step. A window says where the network writes, and it moves as a hand does.",
    ),
    Chapter("conv_draw", "DRAW with convolutions", "First the gist of a picture, and then the details."),
    Chapter(
        "handwriting",
        "A pen that writes what it is told",
        "A network that predicts where the pen goes next, and attends to the letters of the text that it writes.",
    ),
    Chapter(
        "sketch_rnn",
        "Drawing with a pen",
        "It has learned how people draw the characters of fifty alphabets: not their pixels, but the order and direction of "
        "strokes.",
    ),
    Chapter(
        "ride",
        "Textures, pixel by pixel",
        "A spatial LSTM runs over the picture in two directions at once and says how probable each pixel is after all before it. "
        "Each of these learned one photograph; of larger shapes it has a plan at half the size.",
    ),
    Chapter(
        "painter",
        "A painter that acts",
        "It sees the canvas and decides on the next stroke. It has learned against a critic, or by how near it came to its target.",
    ),
    Chapter(
        "pointer_net",
        "Attention as the answer",
        "A network whose output points at its input. It answers with the corners of a hull, with triangles, with a tour; on the "
        "right is the exact answer.",
    ),
    Chapter(
        "seq2tree",
        "A sentence becomes a tree",
        "A tree is written as a sequence of brackets, and so a translator can parse. One of the two has learned trees of scenes, "
        "which can be drawn.",
    ),
    Chapter(
        "resnet_classifier",
        "Depth as time",
        "Without recurrence, but with the same cure for the same illness: each of 54 modules adds to what it was given, so that "
        "the gradient has a short way back. It reads digits that DRAW has drawn.",
    ),
    Chapter(
        "painting",
        "And without any network",
        "A photograph in strokes, and in triangles: gradient descent through an exact renderer moves all of them. Last, a "
        "photograph's patches in a new order.",
        "Hertzmann 1998, Painterly Rendering; Efros & Freeman 2001, Image Quilting",
    ),
)
"""The order of a lecture on recurrent networks. What is not here comes after it."""


def page(figures: Sequence[Figure], folder: Path) -> str:
    """The whole page. Texts are read from the `folder` of the figures."""
    shipped = models.shipped()
    told = {chapter.model: chapter for chapter in LECTURE}
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        found.setdefault(figure.name.partition(":")[0], []).append(figure)
    order = [name for name in told if name in found] + [name for name in found if name not in told]
    chapters = [told.get(name, Chapter(name, name, "")) for name in order]
    links = "".join(
        f'<li data-number="{number}"><a href="#{shown(each.model)}">{shown(each.title)}</a></li>'
        for number, each in enumerate(chapters, 1)
    )
    style = "".join(file.read_text(encoding="utf-8") for file in STYLES)
    sections = "".join(section(number, each, found[each.model], shipped, folder) for number, each in enumerate(chapters, 1))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>drawgen: networks that draw</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n"
        '<div class="page">\n<header>\n'
        "<h1>Networks that look, and then draw or write</h1>\n"
        '<p class="lead">A lecture in pictures. Each part is one paper, one file of code, and a small network that was trained on '
        "a CPU, most of them within an hour; below each picture is the command that made it.</p>\n"
        f'<nav aria-label="Parts"><ol>{links}</ol></nav>\n</header>\n<main>\n{sections}</main>\n'
        f"<footer>Made by <code>drawgen demo</code>, version {drawgen.__version__}. Figures are those of the model cards."
        "</footer>\n</div>\n</body>\n</html>\n"
    )


def section(number: int, chapter: Chapter, figures: Sequence[Figure], shipped: Mapping[str, Path], folder: Path) -> str:
    """One part: what it is, its paper and figures, and its pictures."""
    cards = {figure.name: shipped[figure.name] for figure in figures if figure.name in shipped}
    papers = dict.fromkeys(paper for card in cards.values() if (paper := models.paper_of(card)[0]))
    facts = [("Paper", shown(paper)) for paper in papers or ([chapter.paper] if chapter.paper else [])]
    for name, card in cards.items():
        facts += [
            (f"{name.partition(':')[2]}: {row.what}", f"<b>{shown(row.ours)}</b>; in the paper <b>{shown(row.theirs)}</b>")
            for row in models.paper_of(card)[1]
        ]
    if len(facts) == len(papers) and cards:
        facts += measured(cards)
    rows = "".join(f"<dt>{shown(what)}</dt><dd>{fact}</dd>" for what, fact in facts)
    body = ""
    for small, some in groupby(figures, lambda figure: "small" in figure.look):
        group = [framed(figure, shipped, folder) for figure in some]
        many = " many" * (len(group) not in (3, 6, 7))
        body += f'<div class="smalls{many}">\n{"".join(group)}</div>\n' if small else "".join(group)
    return (
        f'<section id="{shown(chapter.model)}">\n<h2 data-number="{number}">{shown(chapter.title)}</h2>\n'
        f'<div class="about"><p class="says">{shown(chapter.says)}</p><dl>{rows}</dl></div>\n'
        f'<div class="figures">\n{body}</div>\n</section>\n'
    )


def measured(cards: Mapping[str, Path]) -> list[tuple[str, str]]:
    """The figures of cards whose paper has none of the kind: of many models their range."""
    found: dict[str, list[tuple[str, float]]] = {}
    for name, card in cards.items():
        kind, _, value = models.describe(card).figure.partition(" ")
        words = MEASURES.get(kind, (kind.replace("_", " "), ".3g"))[0]
        if words:
            found.setdefault(kind, []).append((name.partition(":")[2], float(value)))
    rows = []
    for kind, each in found.items():
        words, form = MEASURES.get(kind, (kind.replace("_", " "), ".3g"))
        if len(each) > 3:
            values = [value for _, value in each]
            told = f"{format(min(values), form)} to {format(max(values), form)}"
            rows.append((f"{len(each)} of them, held out", f"<b>{told}</b> {shown(words)}"))
        else:
            rows += [(f"{name}, held out", f"<b>{format(value, form)}</b> {shown(words)}") for name, value in each]
    return rows


def framed(figure: Figure, shipped: Mapping[str, Path], folder: Path) -> str:
    """A figure with its caption and its command."""
    title = models.describe(shipped[figure.name]).what if figure.name in shipped else figure.name
    says = figure.says or title
    if figure.svg:
        body = figure.svg
    elif figure.file.endswith(".txt"):
        kind = ' class="code"' if "code" in figure.look.split() else ""
        body = f"<pre{kind}>{shown((folder / figure.file).read_text(encoding='utf-8').strip(), lines=True)}</pre>"
    else:
        body = f'<img src="{figure.file}" alt="{shown(says)}" {extent(folder / figure.file)}loading="lazy">'
        if figure.still:
            body = f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{figure.still}">{body}</picture>'
    code = f"<code>{shown(figure.command)}</code>" if figure.command else ""
    if "small" in figure.look.split() and not figure.file.endswith(".txt"):
        caption = f"<details><summary>{shown(says)}</summary>{code}</details>"
    else:
        caption = f"<p>{shown(says)}</p>{code}"
    frame = "<div>" if "bare" in figure.look.split() else '<div class="frame">'
    return f'<figure class="{figure.look}">{frame}{body}</div><figcaption>{caption}</figcaption></figure>\n'


def extent(file: Path) -> str:
    """The attributes width and height of a picture of pixels, with which the page keeps its place before the picture is there."""
    if file.suffix == ".svg":
        return ""
    with Image.open(file) as picture:
        return f'width="{picture.width}" height="{picture.height}" '


def curves(lines: Mapping[str, Sequence[float]], *, across: str, up: str) -> str:
    """A chart of positive numbers on a logarithmic scale, in the page's colours: one line of each name, in the classes a, b, c."""
    width, height, left, right, top, bottom = 760, 320, 64, 190, 16, 46
    longest = max(map(len, lines.values()))
    low = math.floor(math.log10(min(min(values) for values in lines.values())))
    high = math.ceil(math.log10(max(max(values) for values in lines.values())))

    def at(step: float, exponent: float) -> tuple[float, float]:
        x = left + (width - left - right) * step / max(1, longest - 1)
        return x, top + (height - top - bottom) * (high - exponent) / max(1, high - low)

    parts = []
    for exponent in range(low, high + 1, max(1, (high - low) // 5)):
        _, y = at(0, exponent)
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{width - right}"/>')
        parts.append(
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">10<tspan dy="-5" font-size="9">{exponent}</tspan></text>'
        )
    for name, (label, values) in zip("abc", lines.items(), strict=False):
        points = [at(step, math.log10(value)) for step, value in enumerate(values)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="{name}" d="M{path}"/>')
        x, y = points[-1]
        parts.append(f'<text class="{name}" x="{x + 8:.1f}" y="{y + 4:.1f}">{shown(label)}</text>')
    for step in range(0, longest, max(1, longest // 5)):
        x, _ = at(step, low)
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 20}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 4}" text-anchor="middle">{shown(across)}</text>')
    label = f"{shown(up)}, by {shown(across)}"
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def shown(text: str, *, lines: bool = False) -> str:
    return html.escape(printable(text, keep="\n") if lines else printable(text))
