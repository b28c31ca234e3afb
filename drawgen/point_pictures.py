"""Pictures of points: panels side by side, each with polygons, triangles or a tour over the same points and a line of text. As SVG
and as pixels, of the same shapes.

Axes: N points, C channels, H rows, W columns.
"""

import html
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Float64
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from drawgen.attention_maps import font_for

Place: TypeAlias = tuple[float, float]
Ring: TypeAlias = tuple[int, ...]
"""The corners of a closed line, as indices of points."""

INK, GREY = "#1a1a1a", "#9a9a9a"
MODEL, MODEL_FILL = "#0072b2", "#dbe9f4"
OTHER, OTHER_FILL = "#d55e00", "#fae3d5"
"""Of what the exact answer does not have. The colours are Okabe and Ito's, which colour-blind people tell apart."""
EXACT = "#00795a"
WIDTH_PX = 1024
FLATTEST, TALLEST = 0.4, 1.25
"""Bounds of a panel's height over its width, unless a size is given."""
LEAST_PX = 64
"""Smallest side of a picture."""
SMOOTH = 4
"""Pixels are drawn in this many times their size and reduced."""
LARGEST_PX = 8192
"""Longer side up to which that is done."""


# ---------------------------------------------------------------- shapes


class Area(NamedTuple):
    """A filled polygon; where it overlaps itself an odd number of times is inside."""

    corners: tuple[Place, ...]
    colour: str


class Lines(NamedTuple):
    """Straight lines, each from one place to another."""

    pieces: tuple[tuple[Place, Place], ...]
    colour: str
    width: float
    dash: float = 0.0
    """Length of a dash and of a gap; 0: solid."""


class Dots(NamedTuple):
    places: tuple[Place, ...]
    colour: str
    radius: float


class Words(NamedTuple):
    """A line of text, around x or from x on, and with its letters standing on y."""

    text: str
    place: Place
    size: float
    colour: str = INK
    anchor: str = "middle"
    """middle or start."""


Shape: TypeAlias = Area | Lines | Dots | Words


@dataclass(frozen=True)
class Diagram:
    """Shapes on white, from bottom to top."""

    size: tuple[int, int]
    """Height and width in pixels."""
    title: str
    shapes: tuple[Shape, ...]

    def svg(self) -> str:
        height, width = self.size
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
            f"<title>{html.escape(self.title)}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        for shape in self.shapes:
            if isinstance(shape, Area):
                path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in shape.corners) + "z"
                lines.append(f'<path d="{path}" fill="{shape.colour}" fill-rule="evenodd"/>')
            elif isinstance(shape, Lines):
                path = "".join(f"M{ax:.2f} {ay:.2f}L{bx:.2f} {by:.2f}" for (ax, ay), (bx, by) in shape.pieces)
                cap = f'stroke-dasharray="{shape.dash:.2f}"' if shape.dash else 'stroke-linecap="round"'
                lines.append(f'<path d="{path}" fill="none" stroke="{shape.colour}" stroke-width="{shape.width:.2f}" {cap}/>')
            elif isinstance(shape, Dots):
                dots = "".join(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{shape.radius:.2f}"/>' for x, y in shape.places)
                lines.append(f'<g fill="{shape.colour}">{dots}</g>')
            else:
                x, y = shape.place
                lines.append(
                    f'<text x="{x:.2f}" y="{y:.2f}" font-family="Aileron, Helvetica, Arial, sans-serif" '
                    f'font-size="{shape.size:.2f}" text-anchor="{shape.anchor}" fill="{shape.colour}">'
                    f"{html.escape(shape.text)}</text>"
                )
        return "\n".join([*lines, "</svg>\n"])

    def pixels(self) -> Float[Tensor, "3 H W"]:
        """Antialiased."""
        height, width = self.size
        factor = max(1, min(SMOOTH, LARGEST_PX // max(height, width)))
        page = Image.new("RGB", (width * factor, height * factor), "#ffffff")
        pen = ImageDraw.Draw(page)
        for shape in self.shapes:
            if isinstance(shape, Area):
                pen.polygon([(x * factor, y * factor) for x, y in shape.corners], fill=shape.colour)
            elif isinstance(shape, Lines):
                for a, b in itertools.chain.from_iterable(dashes(*piece, shape.dash) for piece in shape.pieces):
                    stroke(pen, a, b, shape, factor)
            elif isinstance(shape, Dots):
                for place in shape.places:
                    disc(pen, place, shape.radius, shape.colour, factor)
        page = page.reduce(factor) if factor > 1 else page
        pen = ImageDraw.Draw(page)
        for shape in self.shapes:
            if isinstance(shape, Words):
                anchor = "ls" if shape.anchor == "start" else "ms"
                pen.text(shape.place, shape.text, fill=shape.colour, font=font_of(shape.text, shape.size), anchor=anchor)
        return torch.from_numpy(np.array(page)).permute(2, 0, 1) / 255


def font_of(text: str, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font or, for letters that it lacks, one of the system's that has them."""
    path = font_for(text)
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def disc(pen: ImageDraw.ImageDraw, place: Place, radius: float, colour: str, factor: int) -> None:
    (x, y), r = place, radius * factor
    pen.ellipse((x * factor - r, y * factor - r, x * factor + r, y * factor + r), fill=colour)


def stroke(pen: ImageDraw.ImageDraw, a: Place, b: Place, lines: Lines, factor: int) -> None:
    """A straight line, with round ends unless it is a dash."""
    length, half = math.dist(a, b), lines.width / 2
    if length > 0:
        dx, dy = (b[0] - a[0]) / length * half, (b[1] - a[1]) / length * half
        corners = [(a[0] - dy, a[1] + dx), (b[0] - dy, b[1] + dx), (b[0] + dy, b[1] - dx), (a[0] + dy, a[1] - dx)]
        pen.polygon([(x * factor, y * factor) for x, y in corners], fill=lines.colour)
    if not lines.dash:
        disc(pen, a, half, lines.colour, factor)
        disc(pen, b, half, lines.colour, factor)


def dashes(a: Place, b: Place, dash: float) -> Iterator[tuple[Place, Place]]:
    """The dashes from a to b, as SVG draws them; without `dash` the line."""
    length = math.dist(a, b)
    if not dash:
        yield a, b
        return
    for k in range(math.ceil(length / (2 * dash))):
        start, end = 2 * k * dash / length, min(1.0, (2 * k + 1) * dash / length)
        yield between(a, b, start), between(a, b, end)


def between(a: Place, b: Place, share: float) -> Place:
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


# ---------------------------------------------------------------- panels


class Panel(NamedTuple):
    """An answer: rings over the points, and a line of text above them."""

    text: str
    rings: Sequence[Ring]
    filled: bool
    against: Sequence[Ring] | None = None
    """Of a model's answer: the exact one. Lines that it does not have are drawn in another colour, and so are areas, if there
    are several."""


def edges(rings: Sequence[Ring]) -> list[tuple[int, int]]:
    """The different edges of rings, each with its lower index first."""
    found: dict[tuple[int, int], None] = {}
    for ring in rings:
        for a, b in zip(ring, (*ring[1:], *ring[:1]), strict=True):
            if a != b:
                found[min(a, b), max(a, b)] = None
    return list(found)


def panels(
    points: Float64[np.ndarray, "N 2"], shown: Sequence[Panel], *, title: str, size: tuple[int, int] | None = None
) -> Diagram:
    """Panels side by side, with x to the right and y up. `size` is height and width in pixels."""
    low, high = points.min(0), points.max(0)
    extent = high - low
    across = size[1] if size else WIDTH_PX
    gap = across / 40
    wide = (across - gap * (len(shown) + 1)) / len(shown)
    letters = fitting([panel.text for panel in shown], 0.85 * wide, wide / 26)  # other fonts are wider
    top = gap + 1.8 * letters
    if size is None:
        tall = wide * float(np.clip(extent[1] / max(extent[0], 1e-300), FLATTEST, TALLEST))
        size = round(top + tall + gap), across
    tall = max(size[0] - top - gap, 1.0)
    side = math.sqrt(wide * tall)
    radius = max(0.8, side * min(0.011, 0.12 / math.sqrt(len(points))))
    thick = max(0.7, side * min(0.005, 0.055 / math.sqrt(len(points))))
    inset = 2 * radius
    scale = min(
        (wide - 2 * inset) / extent[0] if extent[0] else math.inf, (tall - 2 * inset) / extent[1] if extent[1] else math.inf
    )
    shapes: list[Shape] = []
    for column, panel in enumerate(shown):
        middle = np.array([gap + wide / 2 + column * (wide + gap), top + tall / 2])
        placed = middle + (points - (low + high) / 2) * scale * (1, -1)
        places: list[Place] = [(float(x), float(y)) for x, y in placed]
        shapes += drawn(panel, places, radius, thick)
        shapes.append(Words(panel.text, (float(middle[0]), gap + letters), letters))
    return Diagram(size, title, tuple(shapes))


def drawn(panel: Panel, places: Sequence[Place], radius: float, thick: float) -> Iterator[Shape]:
    """The shapes of one panel: areas, lines, points."""

    def lines(chosen: Sequence[tuple[int, int]], colour: str, dash: float = 0.0) -> Iterator[Shape]:
        if chosen:
            yield Lines(tuple((places[a], places[b]) for a, b in chosen), colour, thick, dash)

    own = edges(panel.rings)
    known = {frozenset(ring) for ring in panel.against or ()}
    if panel.filled:
        several = len(known) > 1
        for ring in sorted(panel.rings, key=lambda ring: several and frozenset(ring) not in known):  # what is wrong lies on top
            wrong = several and frozenset(ring) not in known
            yield Area(tuple(places[index] for index in ring), OTHER_FILL if wrong else MODEL_FILL)
    if panel.against is None:
        yield from lines(own, EXACT, 3.2 * thick)
    else:
        right = set(edges(panel.against))
        yield from lines([edge for edge in own if edge in right], MODEL)
        yield from lines([edge for edge in own if edge not in right], OTHER)
    used = {index for ring in panel.rings for index in ring}
    yield from (
        Dots(tuple(places[index] for index in chosen), colour, radius)
        for chosen, colour in (
            ([index for index in range(len(places)) if index not in used], GREY),
            (sorted(used), INK),
        )
        if chosen
    )


def fitting(texts: Sequence[str], wide: float, size: float) -> float:
    """The size of letters, at most `size`, at which all lines of text fit a width."""
    font = ImageFont.load_default(100)
    longest = max(font.getlength(text) for text in texts)
    return max(4.0, min(size, 100 * wide / max(longest, 1.0)))
