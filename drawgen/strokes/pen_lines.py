"""A drawing as polylines, in the order in which a pen draws them: to and from the rows of sketch-rnn, SVG and JSON, and drawn as a
picture.

Axes: N points, T rows, B drawings, H rows and W columns of a picture.

*Stroke-3* has a row dx, dy, up for each point: the step from the point before it, and 1 if the pen is raised after it. *Stroke-5*
has a row dx, dy, down, raised, ended, of which one of the last three is 1; the last row is 0, 0, 0, 0, 1. The first step of both is
from (0, 0).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from drawgen_envs.brush import paint, paint_
from jaxtyping import Float, Float64
from torch import Tensor

from drawgen.contract import PenDrawing
from drawgen.data.strokes import FARTHEST, MOST_POINTS, Drawing, straight
from drawgen.image_reading import ImageError
from drawgen.images import grid_columns
from drawgen.strokes.lines import flattened
from drawgen.strokes.painting import FORMAT as STROKES
from drawgen.strokes.painting import Painting, parsed
from drawgen.strokes.svg_reading import page_of, read_svg
from drawgen.strokes.svg_reading import parsed as parsed_svg

Lines: TypeAlias = Sequence[Float[np.ndarray, "_ 2"]]
DOWN, RAISED, ENDED = 2, 3, 4
"""The columns of stroke-5 that say what the pen does."""
FORMAT = "drawgen lines 1"
PAGE_SHARE = 0.8
"""The longer side of a finished drawing, as a fraction of that of its page."""
THICKNESS = 0.02
"""Width of a line, as a fraction of the longer side of what is shown, if the drawing does not say."""
CELL = 100
"""Longer side of a drawing's page on a sheet of several, in the SVG's units."""
FINE = 0.001
"""How far a polyline may be from its curve, as a fraction of the drawing's longer side."""
FARTHEST_OUT = 2.0
"""A drawing that leaves its page is shown with it, up to this many times the page's side."""


def to_stroke3(lines: Lines) -> Float64[np.ndarray, "N 3"]:
    """The rows of polylines.

    >>> to_stroke3([np.array([[1.0, 1.0], [3.0, 1.0]]), np.array([[2.0, 2.0]])]).tolist()
    [[1.0, 1.0, 0.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 1.0]]
    """
    points = np.concatenate(lines).astype(np.float64)
    up = np.zeros(len(points))
    up[np.cumsum([len(line) for line in lines]) - 1] = 1
    return np.concatenate([np.diff(points, axis=0, prepend=np.zeros((1, 2))), up[:, None]], 1)


def from_stroke3(rows: Float[np.ndarray, "N 3"]) -> list[Float64[np.ndarray, "_ 2"]]:
    """The polylines of rows."""
    points = rows[:, :2].astype(np.float64).cumsum(0)
    return np.split(points, np.flatnonzero(rows[:-1, 2] > 0.5) + 1)


def to_stroke5(lines: Lines) -> Float64[np.ndarray, "T 5"]:
    """The rows of polylines, with the one that ends the drawing."""
    short = to_stroke3(lines)
    rows = np.zeros((len(short) + 1, 5))
    rows[:-1, :2] = short[:, :2]
    rows[:-1, DOWN], rows[:-1, RAISED] = 1 - short[:, 2], short[:, 2]
    rows[-1, ENDED] = 1
    return rows


def from_stroke5(rows: Float[np.ndarray, "T 5"]) -> list[Float64[np.ndarray, "_ 2"]]:
    """The polylines of rows, up to the one that ends the drawing."""
    ends = np.flatnonzero(rows[:, ENDED] > 0.5)
    drawn = rows[: ends[0]] if len(ends) else rows
    return from_stroke3(drawn[:, [0, 1, RAISED]]) if len(drawn) else []


# ---------------------------------------------------------------- places


def side_of(lines: Lines) -> float:
    """The longer side of a drawing.

    >>> side_of([np.array([[0.0, 0.0], [3.0, 4.0]])])
    4.0
    """
    return float(np.ptp(np.concatenate(lines), axis=0).max())


def on_page(lines: Lines) -> PenDrawing:
    """The drawing in the middle of a page of 1 x 1, reduced if its longer side is above 1, which becomes `PAGE_SHARE`."""
    points = np.concatenate(lines)
    middle = (points.min(0) + points.max(0)) / 2
    scale = PAGE_SHARE / max(side_of(lines), 1.0)
    return PenDrawing([0.5 + (line - middle) * scale for line in lines])


def page_around(lines: Lines) -> tuple[float, float, float, float]:
    """The square page in the middle of which the lines are a finished drawing."""
    points = np.concatenate(lines)
    low, high = points.min(0), points.max(0)
    side = (side_of(lines) or 1.0) / PAGE_SHARE
    left, top = (low + high - side) / 2
    return float(left), float(top), float(left) + side, float(top) + side


def frame_of(drawing: PenDrawing) -> tuple[float, float, float, float]:
    """Left, top, width and height of what is shown: the page with all that is drawn or, if most of that would be empty, what is
    drawn with a margin.

    >>> frame_of(PenDrawing([np.array([[0.0, 0.0], [3.0, 1.5]])], (0.0, 0.0, 4.0, 2.0)))
    (0.0, 0.0, 4.0, 2.0)
    """
    points = np.concatenate(drawing.lines)
    corners = np.array(drawing.page).reshape(2, 2)
    page = np.ptp(corners, axis=0)
    low, high = np.minimum(corners[0], points.min(0)), np.maximum(corners[1], points.max(0))
    extent = high - low
    if extent.max() > FARTHEST_OUT * page.max():
        left, top, right, bottom = page_around(drawing.lines)
        return left, top, right - left, bottom - top
    if (extent > page).any():
        extent += 2 * THICKNESS * extent.max()  # so that the line at the edge is seen
    left, top = (low + high - extent) / 2
    return float(left), float(top), float(extent[0]), float(extent[1])


def width_of(drawing: PenDrawing, frame: tuple[float, float, float, float]) -> float:
    """The width of its pen."""
    return THICKNESS * max(frame[2:]) if drawing.pen is None else drawing.pen


# ---------------------------------------------------------------- pictures


class Ink(NamedTuple):
    """Drawings as strokes of the brush."""

    strokes: Float[Tensor, "B S P"]
    size: tuple[int, int]
    """Height and width in pixels."""

    def picture(self) -> Float[Tensor, "B 1 H W"]:
        """Dark ink on white."""
        return 1 - paint_(torch.zeros(len(self.strokes), 1, *self.size), self.strokes)

    def frames(self, count: int) -> Iterator[Float[Tensor, "B 1 H W"]]:
        """At most `count` stages of drawing; the last is `picture`."""
        canvas, total, done = torch.zeros(len(self.strokes), 1, *self.size), self.strokes.shape[1], 0
        for until in sorted({round(total * (k + 1) / count) for k in range(count)} - {0}):
            canvas, done = paint(canvas, self.strokes[:, done:until]), until
            yield 1 - canvas


def ink_of(drawings: Sequence[PenDrawing], size: tuple[int, int]) -> Ink:
    """The drawings for pictures of a size, each with its frame in the middle."""
    height, width = size
    side = min(size)
    whole, radii = [], []
    for drawing in drawings:
        left, top, across, down = frame = frame_of(drawing)
        scale = min(width / across, height / down) / side
        corner = ((width - across * scale * side) / 2, (height - down * scale * side) / 2)
        lines = [((np.asarray(line) - (left, top)) * scale + np.array(corner) / side).astype(np.float32) for line in drawing.lines]
        whole.append(Drawing(tuple(lines), "", ""))
        radii.append(scale * width_of(drawing, frame) / 2)
    strokes = straight(whole, 1.0, 0.25 / side)
    strokes[..., :6] *= side / torch.tensor([width, height]).repeat(3)
    strokes[..., 6:8] *= torch.tensor(radii)[:, None, None]
    return Ink(strokes, size)


# ---------------------------------------------------------------- SVG


def svg(drawings: Sequence[PenDrawing], columns: int | None = None) -> str:
    """One drawing in its own units, or a sheet of several, as strokes of SVG: for screens and for plotters.

    >>> print(svg([PenDrawing([np.array([[0.0, 0.0], [3.0, 1.5]])], (0.0, 0.0, 4.0, 4.0))]))  # doctest: +ELLIPSIS
    <svg ... viewBox="0 0 4 4">
    <g id="drawing1" ...>
    <path d="M0,0 3,1.5"/>
    </g>
    </svg>
    """
    frames = [frame_of(drawing) for drawing in drawings]
    widths = [width_of(drawing, frame) for drawing, frame in zip(drawings, frames, strict=True)]
    if len(drawings) == 1:
        sheet = [list(drawings[0].lines)]
        window = frames[0]
    else:
        scales = [CELL / max(frame[2:]) for frame in frames]
        cell = np.max([(scale * frame[2], scale * frame[3]) for scale, frame in zip(scales, frames, strict=True)], 0)
        across = grid_columns(len(drawings), round(cell[1]), round(cell[0]), columns)
        sheet = []
        for place, (drawing, (left, top, _, _), scale) in enumerate(zip(drawings, frames, scales, strict=True)):
            corner = np.array([place % across, place // across]) * cell
            sheet.append([(np.asarray(line) - (left, top)) * scale + corner for line in drawing.lines])
            widths[place] *= scale
        window = (0.0, 0.0, float(across * cell[0]), float(-(-len(drawings) // across) * cell[1]))
    wide, tall = (max(1, round(6 * CELL * side / max(window[2:]))) for side in window[2:])
    box = " ".join(number(side) for side in window)
    rows = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}px" height="{tall}px" viewBox="{box}">']
    for index, (lines, thick) in enumerate(zip(sheet, widths, strict=True), 1):
        rows.append(
            f'<g id="drawing{index}" fill="none" stroke="#000000" stroke-width="{number(thick)}" '
            'stroke-linecap="round" stroke-linejoin="round">'
        )
        for line in lines:
            points = " ".join(f"{number(x)},{number(y)}" for x, y in (line if len(line) > 1 else np.repeat(line, 2, 0)))
            rows.append(f'<path d="M{points}"/>')
        rows.append("</g>")
    return "\n".join([*rows, "</svg>\n"])


def number(value: float) -> str:
    return f"{float(value):.9g}"


# ---------------------------------------------------------------- files


def to_json(drawings: Sequence[PenDrawing]) -> str:
    """A file that holds the drawings exactly."""
    rows = [
        {
            "page": [float(side) for side in drawing.page],
            **({} if drawing.pen is None else {"pen": float(drawing.pen)}),
            "lines": [np.asarray(line).tolist() for line in drawing.lines],
        }
        for drawing in drawings
    ]
    told = ",\n".join(json.dumps(row) for row in rows)
    return f'{{"format": "{FORMAT}", "drawings": [\n{told}\n]}}\n'


def checked(lines: Sequence[Any], name: str) -> list[Float64[np.ndarray, "_ 2"]]:
    """The lines of a drawing. Raises ImageError, with its name, for what is none."""
    try:
        found = [np.asarray(line, np.float64) for line in lines]
    except (TypeError, ValueError) as error:
        raise ImageError(f"{name} has a line that is not a list of points [x, y]") from error
    if not found:
        raise ImageError(f"{name} has no lines; draw something first")
    if any(line.ndim != 2 or line.shape[1:] != (2,) or len(line) == 0 for line in found):
        raise ImageError(f"{name} has a line that is not a list of points [x, y]")
    points = sum(map(len, found))
    if points > MOST_POINTS:
        raise ImageError(f"{name} has {points} points; at most {MOST_POINTS} are read, so simplify it")
    if not all((np.abs(line) <= FARTHEST).all() for line in found):
        raise ImageError(f"{name} has a coordinate that is not finite or beyond {FARTHEST:g}")
    return found


TRACED = "drawgen plot with `outlines` makes lines of their outlines"


def svg_drawing(path: Path) -> PenDrawing:
    """The strokes of an SVG, in pixels; without width, height and viewBox its page is `page_around` them. Raises ImageError."""
    drawing = read_svg(path, hint=TRACED)
    tolerance = FINE * max(drawing.frame[2] - drawing.frame[0], drawing.frame[3] - drawing.frame[1], 1e-9)
    lines = checked([flattened(curve.pieces, tolerance) for curve in drawing.curves], str(path))
    size, _ = page_of(parsed_svg(path), str(path))
    return PenDrawing(lines, page_around(lines) if size is None else (0.0, 0.0, *size))


def json_drawing(path: Path) -> PenDrawing:
    """The drawing of a file that `to_json` wrote, or the strokes of a painting as lines. Raises ImageError."""
    found = parsed(path)
    if isinstance(found, dict) and found.get("format") == STROKES:
        painting = Painting.read(path)
        height, width = painting.size
        points = painting.strokes[:, :6].double().numpy().reshape(-1, 3, 2) * (width, height)
        return PenDrawing(
            checked([flattened([curve], FINE * max(width, height)) for curve in points], str(path)), (0.0, 0.0, width, height)
        )
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("drawings"), list):
        raise ImageError(f'{path} holds no drawing: neither "format": "{FORMAT}" nor "{STROKES}"; give an SVG instead')
    if len(found["drawings"]) != 1:
        raise ImageError(f"{path} has {len(found['drawings'])} drawings; give a file with one, as -o 'OUT-{{i}}.json' writes them")
    [told] = found["drawings"]
    if not isinstance(told, dict) or not isinstance(told.get("lines"), list) or not is_page(told.get("page")):
        raise ImageError(f"{path}: its drawing has to have lines, and a page [left, top, right, bottom]")
    left, top, right, bottom = map(float, told["page"])
    pen = told.get("pen")
    if pen is not None and not (type(pen) in (int, float) and 0 < pen <= FARTHEST):
        raise ImageError(f"{path}: its pen is {pen!r:.40}, which is no width; leave it out")
    return PenDrawing(checked(told["lines"], str(path)), (left, top, right, bottom), None if pen is None else float(pen))


def is_page(page: Any) -> bool:
    whole = isinstance(page, list) and len(page) == 4 and all(type(side) in (int, float) and abs(side) <= FARTHEST for side in page)
    return whole and page[0] < page[2] and page[1] < page[3]
