"""Lines on a page for a pen plotter: one layer per pen, written as SVG.

Axes: N strokes, P points of a polyline, K pens.

vpype reads each top-level group as a layer, whose number is the first digits of `inkscape:label`, with the colour and the width
that all its paths have; Inkscape and the programs of plotters read the same groups. Layers go from light to dark pens, so that a
light pen never crosses wet dark ink.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from drawgen.files import check_output_path, write_output
from drawgen.image_reading import ImageError
from drawgen.ranges import ArgumentError, check_range
from drawgen.strokes.colours import oklab, parse_colour
from drawgen.strokes.lines import Line, Window, length
from drawgen.strokes.ordering import Ends, Order, keep, travel
from drawgen.strokes.painting import colour_code

PAGES = {
    "A0": (841.0, 1189.0), "A1": (594.0, 841.0), "A2": (420.0, 594.0), "A3": (297.0, 420.0), "A4": (210.0, 297.0),
    "A5": (148.0, 210.0), "A6": (105.0, 148.0), "letter": (215.9, 279.4), "legal": (215.9, 355.6), "tabloid": (279.4, 431.8),
}  # fmt: skip
"""Width and height in mm, upright."""
UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4}
LARGEST_MM = 5000
DECIMALS = 3
"""Of coordinates in mm."""


def parse_page(text: str) -> tuple[float, float]:
    """A page's name, or its width and height (210x297mm), in mm. Raises ArgumentError."""
    named = {name.lower(): size for name, size in PAGES.items()}.get(text.strip().lower())
    if named is not None:
        return named
    match = re.fullmatch(r"\s*(\d+\.?\d*)\s*[xX×]\s*(\d+\.?\d*)\s*(mm|cm|in)\s*", text, re.ASCII)
    if match is None:
        raise ArgumentError("page", f"is {text!r}; give width and height, as 210x297mm, or one of {', '.join(PAGES)}")
    width, height = (float(match[side]) * UNITS[match[3]] for side in (1, 2))
    if not 1 <= min(width, height) <= max(width, height) <= LARGEST_MM:
        raise ArgumentError("page", f"is {text!r}; a side has to be at least 1 and at most {LARGEST_MM} mm")
    return width, height


class Placement(NamedTuple):
    """Where a drawing stands on the page."""

    page: tuple[float, float]
    """Width and height in mm."""
    scale: float
    """mm per unit of the drawing."""
    shift: tuple[float, float]
    window: Window
    """What of the page may be drawn on, in mm."""

    def put(self, points: Float[np.ndarray, "P 2"]) -> Float[np.ndarray, "P 2"]:
        return points * self.scale + self.shift


def placed(
    frame: Window, unit_mm: float, *, page: str, margin: float, landscape: bool | None = None, scale: float | None = None
) -> Placement:
    """The frame in the middle of a page, as large as it fits within the margins, or at `scale` times its size. The page lies across
    if `landscape`, and by default as the frame does. What is drawn ends at the frame, and at the margin. Raises ArgumentError."""
    width, height = parse_page(page)
    check_range("margin", margin, at_least=0)
    left, top, right, bottom = frame
    wide, tall = right - left, bottom - top
    named = page.strip().isalnum() and page.strip()[:1].isalpha()  # a page with given sides lies as they are given
    if landscape is not None and not named:
        raise ArgumentError(
            "landscape", f"is for a page with a name, and {page} lies as its sides are given; exchange them instead"
        )
    across = landscape if landscape is not None else wide > tall if named else width > height
    if across != (width > height):
        width, height = height, width
    if 2 * margin >= min(width, height):
        raise ArgumentError("margin", f"is {margin:g} mm, and nothing is left of a page of {width:g} x {height:g} mm")
    if scale is not None:
        check_range("scale", scale, above=0, at_most=1000)
        factor = scale * unit_mm
    else:
        factor = min((side - 2 * margin) / max(extent, 1e-9) for side, extent in ((width, wide), (height, tall)))
        factor = factor if max(wide, tall) > 1e-9 else unit_mm
    x, y = (width - factor * (left + right)) / 2, (height - factor * (top + bottom)) / 2
    window = (
        max(margin, x + factor * left), max(margin, y + factor * top),
        min(width - margin, x + factor * right), min(height - margin, y + factor * bottom),
    )  # fmt: skip
    return Placement((width, height), factor, (x, y), window)


def lightness(colour: str) -> float:
    return float(oklab(parse_colour(colour, "palette")[None].double())[0, 0])


@dataclass(frozen=True)
class Layer:
    """What one pen draws."""

    colour: str
    """#rrggbb."""
    lines: tuple[Line, ...]
    """In the order and direction in which they are drawn."""
    travel_before_mm: float
    """The way of the raised pen in the drawing's own order."""

    @property
    def ends(self) -> Ends:
        return ends_of(self.lines)

    @property
    def drawn_mm(self) -> float:
        """The way of the lowered pen."""
        return sum(length(line.points) for line in self.lines)

    @property
    def travel_mm(self) -> float:
        """The way of the raised pen, from the page's origin to the last stroke."""
        return travel(self.ends, keep(self.ends))

    @property
    def width_mm(self) -> float | None:
        """The width that all strokes have; None if they differ."""
        widths = {round(line.width_mm, DECIMALS) for line in self.lines}
        return widths.pop() if len(widths) == 1 else None


@dataclass(frozen=True, repr=False)
class Plot:
    """Strokes for a pen plotter, from `drawgen.plot`: one layer per pen. A notebook displays it, and `save` writes it as SVG.

    >>> import drawgen
    >>> painting = drawgen.paint("photo:coffee", strokes=5, detail_px=16, palette="auto:2")
    >>> plot = drawgen.plot(painting, page="A5")
    >>> plot.page
    (210.0, 148.0)
    >>> plot.save("plot.svg")
    """

    page: tuple[float, float]
    """Width and height in mm."""
    layers: tuple[Layer, ...]
    """From light to dark."""

    def __repr__(self) -> str:
        width, height = self.page
        return f"a plot of {self.amount}, {width:g} x {height:g} mm"

    @property
    def amount(self) -> str:
        """How many strokes and layers there are, in words."""
        return f"{counted(self.strokes, 'stroke')} in {counted(len(self.layers), 'layer')}"

    @property
    def strokes(self) -> int:
        return sum(len(layer.lines) for layer in self.layers)

    def numbers(self) -> dict[str, Any]:
        """Counts and ways in mm, of the whole and of each layer."""
        rows: list[dict[str, Any]] = [
            {
                "label": label(number, layer),
                "colour": layer.colour,
                "width_mm": layer.width_mm,
                "strokes": len(layer.lines),
                "pen_down_mm": round(layer.drawn_mm, 1),
                "pen_up_mm": round(layer.travel_mm, 1),
                "pen_up_before_mm": round(layer.travel_before_mm, 1),
            }
            for number, layer in enumerate(self.layers, 1)
        ]
        sums = {key: round(sum(row[key] for row in rows), 1) for key in ("pen_down_mm", "pen_up_mm", "pen_up_before_mm")}
        return {"page_mm": list(self.page), "strokes": self.strokes, **sums, "layers": rows}

    def svg(self) -> str:
        """SVG in mm: centre lines with the width of the pen, and no fillings."""
        width, height = (f"{side:.{DECIMALS}f}".rstrip("0").rstrip(".") for side in self.page)
        lines = [
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
            f'width="{width}mm" height="{height}mm" viewBox="0 0 {width} {height}">'
        ]
        for number, layer in enumerate(self.layers, 1):
            common = layer.width_mm
            shared = "" if common is None else f' stroke-width="{common:g}"'
            lines.append(
                f'<g id="layer{number}" inkscape:groupmode="layer" inkscape:label="{label(number, layer)}" fill="none" '
                f'stroke="{layer.colour}"{shared} stroke-linecap="round" stroke-linejoin="round">'
            )
            for line in layer.lines:
                own = "" if common is not None else f' stroke-width="{round(line.width_mm, DECIMALS):g}"'
                lines.append(f'<path d="M{" ".join(spots(line.points))}"{own}/>')
            lines.append("</g>")
        return "\n".join([*lines, "</svg>\n"])

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes an SVG. An existing file is replaced only with `force`. Raises ImageError (a ValueError) and StorageError."""
        out = Path(path)
        check_svg(out, force=force)
        write_output(out, self.svg().encode(), replace=force)

    def _repr_svg_(self) -> str:
        return self.svg()


def check_svg(path: Path, *, force: bool, sources: Sequence[str] = ()) -> None:
    """Raises ImageError, before any work is done, for an output that is no SVG, exists already or is one of the `sources`."""
    if path.suffix.lower() != ".svg":
        raise ImageError(f"{path} cannot hold this; use .svg")
    try:
        check_output_path(path, force=force, sources=sources)
    except ValueError as error:
        raise ImageError(str(error)) from error


def label(number: int, layer: Layer) -> str:
    return f"{number} {layer.colour}"


def counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def spots(points: Float[np.ndarray, "P 2"]) -> Iterator[str]:
    """Coordinates as text, without those that repeat the one before."""
    last = ""
    for x, y in points.round(DECIMALS).tolist():
        here = f"{x:.7g},{y:.7g}"
        if here != last:
            yield here
        last = here


def ends_of(lines: Sequence[Line]) -> Ends:
    return np.array([[*line.points[0], *line.points[-1]] for line in lines], float).reshape(-1, 4)


def layered(lines: Sequence[Line], ordering: Callable[[Ends], Order]) -> tuple[Layer, ...]:
    """One layer per colour, from light to dark, each with its lines in the order that `ordering` gives them."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.colour, []).append(line)
    layers = []
    for colour in sorted(groups, key=lambda colour: (-lightness(colour), colour)):
        own = groups[colour]
        ends = ends_of(own)
        index, flipped = ordering(ends)
        drawn = tuple(
            own[n]._replace(points=own[n].points[::-1]) if flip else own[n] for n, flip in zip(index.tolist(), flipped, strict=True)
        )
        layers.append(Layer(colour, drawn, travel(ends, keep(ends))))
    return tuple(layers)


def to_pens(lines: Sequence[Line], pens: Float[torch.Tensor, "K 3"]) -> list[Line]:
    """The lines in the nearest of the pens' colours, by their distance in Oklab."""
    codes = [colour_code(pen) for pen in pens]
    colours = sorted({line.colour for line in lines})
    wanted = torch.stack([parse_colour(colour, "palette") for colour in colours])
    which = torch.cdist(oklab(wanted.double()), oklab(pens.double())).argmin(1)
    nearest = dict(zip(colours, (codes[k] for k in which.tolist()), strict=True))
    return [line._replace(colour=nearest[line.colour]) for line in lines]
