"""Pictures of where a model looked for each word that it wrote, as figure 3 of Bahdanau et al. (2015): the words that were read
along the top, those that were written down the side, and a cell for each pair, light where the attention is high. As SVG and as
pixels, of the same cells and words.

Axes: T words that were written, S words that were read, C channels, H rows, W columns.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from drawgen.attention_maps import font_for, has, letters_of, opened

INK, LINE = "#1a1a1a", "#b8b8b8"
STOPS = ("#11142b", "#20366e", "#2f6f9c", "#5aa9a3", "#bcd995", "#fdf7d0")
"""Colours of the attention from 0 to 1 in equal steps, lighter with each."""
CELL_PX = {12: 44, 24: 34, 40: 26, 80: 18}
"""Height and least width of a cell by the number of words of the longer text; beyond that `SMALL_PX`."""
SMALL_PX = 13
WIDEST = 2.6
"""A column is at most this many times as wide as high, to make room for a word; longer words are turned."""
SHOWN = 0.1
"""Least attention that is written into its cell."""
LEAST_VALUE_PX = 34
"""Cells that are this high have their attention written into them."""
LONGEST = 26
"""Letters of a word, of which the rest is left out."""
EDGE_PX, GAP_PX = 12, 8
SHEET_PX = 1400
"""Width up to which pictures of a sheet stand side by side."""
LEGEND_PX = 10


class Box(NamedTuple):
    """A filled rectangle."""

    left: int
    top: int
    width: int
    height: int
    colour: str


class Word(NamedTuple):
    """A line of text."""

    text: str
    x: int
    y: int
    """Middle of its height; of a turned word y is its lower end and x the middle."""
    size: int
    font: str = ""
    """As of `attention_maps.font_for`."""
    anchor: str = "middle"
    """start, middle or end."""
    turned: bool = False
    """Whether it is written upwards."""
    colour: str = INK


@dataclass(frozen=True, eq=False)
class Alignment:
    """The attention of one text."""

    source: Sequence[str]
    target: Sequence[str]
    weights: Float[Tensor, "T S"]

    def __post_init__(self) -> None:
        if tuple(self.weights.shape) != (len(self.target), len(self.source)) or not self.weights.numel():
            raise ValueError(f"{len(self.target)} by {len(self.source)} words have attention of shape {tuple(self.weights.shape)}")

    @cached_property
    def parts(self) -> tuple[tuple[Box, ...], tuple[Word, ...], tuple[int, int]]:
        """The cells, the words, and height and width of the whole, in pixels."""
        longer = max(len(self.source), len(self.target))
        cell = next((size for most, size in CELL_PX.items() if longer <= most), SMALL_PX)
        letters = max(9, min(17, round(0.5 * cell + 2))) if cell > SMALL_PX else 10
        source, target = [shortened(word) for word in self.source], [shortened(word) for word in self.target]
        fonts = fonts_of([*source, *target])
        widest = max(width(word, letters, fonts[word]) for word in source)
        turned = widest + 10 > WIDEST * cell
        across = cell if turned else max(cell, widest + 10)
        left = EDGE_PX + max(width(word, letters, fonts[word]) for word in target) + GAP_PX
        top = EDGE_PX + (widest if turned else letters + 4) + GAP_PX
        boxes = [Box(left - 1, top - 1, across * len(source) + 2, cell * len(target) + 2, LINE)]
        words = []
        for column, word in enumerate(source):
            x = left + column * across + across // 2
            if turned:
                words.append(Word(word, x, top - GAP_PX, letters, fonts[word], "start", turned=True))
            else:
                words.append(Word(word, x, top - GAP_PX - letters // 2, letters, fonts[word]))
        for row, (word, weights) in enumerate(zip(target, self.weights.tolist(), strict=True)):
            y = top + row * cell
            words.append(Word(word, left - GAP_PX, y + cell // 2, letters, fonts[word], "end"))
            for column, weight in enumerate(weights):
                boxes.append(Box(left + column * across, y, across, cell, colour(weight)))
                if cell >= LEAST_VALUE_PX and weight >= SHOWN:
                    x, pen = left + column * across + across // 2, INK if weight > 0.5 else "#ffffff"
                    words.append(Word(f"{weight:.2f}", x, y + cell // 2, letters - 6, colour=pen))
        size = top + cell * len(target) + EDGE_PX, left + across * len(source) + EDGE_PX
        return tuple(boxes), tuple(words), size


@dataclass(frozen=True, eq=False)
class Sheet:
    """Several alignments, side by side and below each other."""

    shown: Sequence[Alignment]

    @cached_property
    def places(self) -> tuple[list[tuple[int, int]], tuple[int, int]]:
        """Left and top of each, and height and width of the whole."""
        places, x, y, tallest, widest = [], 0, 0, 0, 0
        for one in self.shown:
            height, wide = one.parts[2]
            if x and x + wide > SHEET_PX:
                x, y, tallest = 0, y + tallest + EDGE_PX, 0
            places.append((x, y))
            x, tallest = x + wide + EDGE_PX, max(tallest, height)
            widest = max(widest, x - EDGE_PX)
        return places, (y + tallest, widest)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.places[1]

    def svg(self) -> str:
        height, wide = self.size
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{height}" viewBox="0 0 {wide} {height}" '
            'font-family="Aileron, Helvetica, Arial, sans-serif">',
            f"<title>{html.escape('; '.join(' '.join(one.target) for one in self.shown))}</title>",
            f'<rect width="{wide}" height="{height}" fill="#ffffff"/>',
        ]
        for one, (x, y) in zip(self.shown, self.places[0], strict=True):
            boxes, words, _ = one.parts
            lines.append(f'<g transform="translate({x} {y})" shape-rendering="crispEdges">')
            lines += [
                f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" fill="{box.colour}"/>'
                for box in boxes
            ]
            lines += [svg_word(word) for word in words]
            lines.append("</g>")
        return "\n".join([*lines, "</svg>\n"])

    def pixels(self) -> Float[Tensor, "3 H W"]:
        height, wide = self.size
        page = Image.new("RGB", (wide, height), "#ffffff")
        pen = ImageDraw.Draw(page)
        for one, (x, y) in zip(self.shown, self.places[0], strict=True):
            boxes, words, _ = one.parts
            for box in boxes:
                left, top = x + box.left, y + box.top
                pen.rectangle((left, top, left + box.width - 1, top + box.height - 1), fill=box.colour)
            for word in words:
                drawn(page, word, x, y)
        return torch.from_numpy(np.array(page)).permute(2, 0, 1) / 255


def colour(weight: float) -> str:
    """Between the two nearest of `STOPS`."""
    place = min(1.0, max(0.0, weight)) * (len(STOPS) - 1)
    below = min(int(place), len(STOPS) - 2)
    pairs = [(int(STOPS[below][k : k + 2], 16), int(STOPS[below + 1][k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * (place - below)):02x}" for a, b in pairs)


def shortened(word: str) -> str:
    """A word as it is shown: a blank as a sign, a long word without its end."""
    if not word.strip():
        return "␣" if has(font_for("␣"), "␣") else "_"
    return word if len(word) <= LONGEST else word[: LONGEST - 1] + "…"


def fonts_of(words: Sequence[str]) -> dict[str, str]:
    """The font of each word: one for all words that it has the letters of, and for others one of their own."""
    common = font_for("".join(words))
    return {word: common if all(has(common, letter) for letter in letters_of(word)) else font_for(word) for word in words}


def width(word: str, size: int, font: str) -> int:
    """Of a line of text in pixels."""
    return round(opened(font, size).getlength(word) + 0.5)


def drawn(page: Image.Image, word: Word, x: int, y: int) -> None:
    """Draws a line of text. A turned one is drawn level and turned by a right angle, which keeps it sharp."""
    font = opened(word.font, word.size)
    if not word.turned:
        anchor = {"start": "lm", "middle": "mm", "end": "rm"}[word.anchor]
        ImageDraw.Draw(page).text((x + word.x, y + word.y), word.text, fill=word.colour, font=font, anchor=anchor)
        return
    high = 2 * word.size
    label = Image.new("L", (width(word.text, word.size, word.font) + 2, high), 0)
    ImageDraw.Draw(label).text((0, high // 2), word.text, fill=255, font=font, anchor="lm")
    upright = label.transpose(Image.Transpose.ROTATE_90)
    page.paste(word.colour, (x + word.x - high // 2, y + word.y - upright.height), upright)


def svg_word(word: Word) -> str:
    turn = f' transform="rotate(-90 {word.x} {word.y})"' if word.turned else ""
    return (
        f'<text x="{word.x}" y="{word.y}" dy="0.35em" font-size="{word.size}" text-anchor="{word.anchor}" '
        f'fill="{word.colour}"{turn}>{html.escape(word.text)}</text>'
    )
