"""Lines for a pen: curves as polylines, cut at the edge of the page.

A polyline is an array of points (_ 2); a Bezier curve is one of 2 (a straight line), 3 (quadratic) or 4 (cubic) control points.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

Points: TypeAlias = Float[np.ndarray, "_ 2"]
Window: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom."""
DOT_MM = 0.02
"""Length of a dot: readers drop lines without length."""
TOLERANCE_MM = 0.02
"""How far a line may be from its curve."""


class Curve(NamedTuple):
    """A stroke: a curve that a pen draws without being raised."""

    pieces: list[Points]
    """Bezier curves, each from where the last one ends."""
    colour: str
    """#rrggbb."""
    width: float


class Drawing(NamedTuple):
    """The strokes of a file, in its own units."""

    curves: list[Curve]
    frame: Window
    """What is placed on the page."""
    unit_mm: float
    """The file's unit, in mm."""


class Line(NamedTuple):
    """A stroke on the page, in mm."""

    points: Points
    colour: str
    width_mm: float


def flattened(pieces: list[Points], tolerance: float) -> Points:
    """A polyline that no point of the curve is farther from than `tolerance`.

    Between two of n + 1 points at equal steps a curve of degree d is at most max |B''| / (8 n^2) from its chord, and B'' at most
    d (d - 1) times the largest second difference of its control points.
    """
    points = [pieces[0][:1]]
    for piece in pieces:
        degree = len(piece) - 1
        count = 1
        if degree > 1:
            bend = np.hypot(*np.diff(piece, 2, axis=0).T).max()
            count = max(1, math.ceil(math.sqrt(degree * (degree - 1) * bend / (8 * tolerance))))
        t = np.linspace(0, 1, count + 1)[1:, None]
        weights = [math.comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(degree + 1)]
        points.append(sum(weight * point for weight, point in zip(weights, piece, strict=True)))
    return np.concatenate(points)


def length(points: Points) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def within(points: Points, window: Window) -> list[Points]:
    """The parts of a polyline in a rectangle (each segment by Liang & Barsky 1984)."""
    low, high = np.array(window[:2]), np.array(window[2:])
    if ((points >= low) & (points <= high)).all():
        return [points]
    if (points.max(0) < low).any() or (points.min(0) > high).any():
        return []
    parts: list[list[Float[np.ndarray, "2"]]] = []
    open_end = False  # whether the last part goes on at this point
    for a, b in itertools.pairwise(points):
        enter, leave = 0.0, 1.0
        for axis in (0, 1):
            step = b[axis] - a[axis]
            if step == 0:
                if not low[axis] <= a[axis] <= high[axis]:
                    leave = -1.0
                continue
            one, other = sorted(((low[axis] - a[axis]) / step, (high[axis] - a[axis]) / step))
            enter, leave = max(enter, one), min(leave, other)
        if enter >= leave:
            open_end = False
            continue
        if not (open_end and enter == 0):
            parts.append([a + enter * (b - a)])
        parts[-1].append(b if leave == 1 else a + leave * (b - a))
        open_end = leave == 1
    return [np.clip(np.array(part), low, high) for part in parts]


def on_paper(points: Points, window: Window) -> list[Points]:
    """`within`, for points in mm: a stroke without length becomes a dot of `DOT_MM`, and crumbs at the edge, which are shorter, are
    left out."""
    parts = within(points, window)
    if len(parts) == 1 and len(parts[0]) == len(points) and length(parts[0]) < DOT_MM:
        x, y = parts[0].mean(0)
        return [np.array([[x - DOT_MM / 2, y], [x + DOT_MM / 2, y]])]
    return [part for part in parts if length(part) >= DOT_MM]


def shown_parts(points: Points, step: float, shown: Callable[[Points], Bool[np.ndarray, " _"]]) -> list[Points]:
    """The parts of a polyline on which `shown` is true, looked at in steps of at most `step`."""
    counts = np.maximum(1, np.ceil(np.hypot(*np.diff(points, axis=0).T) / step)).astype(int)
    segments = zip(points[:-1], points[1:], counts, strict=True)
    fine = np.concatenate([*(a + (b - a) * np.arange(n)[:, None] / n for a, b, n in segments), points[-1:]])
    corners = np.concatenate([[0], counts.cumsum()])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shown(fine), [False]]).astype(np.int8))).reshape(-1, 2)
    parts = []
    for begin, end in edges.tolist():
        if end - begin > 1:
            inner = corners[(corners > begin) & (corners < end - 1)]
            parts.append(fine[np.concatenate([[begin], inner, [end - 1]])])
    return parts
