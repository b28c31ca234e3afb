"""Drawings as the steps of a pen: rows dx, dy, up.

Axes: N points of a line, T rows.

Row t is the step from point t - 1 to point t, x to the right and y down, and 1 if the pen is raised after it, otherwise 0. So the
step after a row with 1 is one of the raised pen. The first step is from the middle of the drawing.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64

from drawgen.data.strokes import placed

STEP = 0.08
"""Length of a step of the lowered pen, about; the longer side of the drawing is 1. Rows are in this unit."""
MOST = 1000
"""Rows of a drawing, at most, about: of longer ones the steps are longer."""


def rows_of(lines: Sequence[np.ndarray]) -> Float32[np.ndarray, "T 3"]:
    """The rows of polylines (N 2) of any scale: the longer side of the drawing becomes 1, and lines are divided into about equal
    steps. Raises ValueError, with the reason alone, for an invalid drawing."""
    lines = placed(lines)
    ways = [np.append(0.0, np.hypot(*np.diff(line.astype(np.float64), axis=0).T).cumsum()) for line in lines]
    step = max(STEP, sum(way[-1] for way in ways) / MOST)
    points, ups = [np.full((1, 2), 0.5)], []
    for line, way in zip(lines, ways, strict=True):
        count = 1 + round(way[-1] / step) if len(line) > 1 else 0
        at = np.linspace(0, way[-1], count + 1)
        points.append(np.stack([np.interp(at, way, axis) for axis in line.T], 1))
        ups.append(np.arange(count + 1) == count)
    steps = np.diff(np.concatenate(points), axis=0) / STEP
    return np.concatenate([steps, np.concatenate(ups)[:, None]], 1).astype(np.float32)


def lines_of(rows: np.ndarray) -> list[Float64[np.ndarray, "_ 2"]]:
    """The polylines of rows of any scale. Raises ValueError, with the reason alone, for rows that are none."""
    if rows.ndim != 2 or rows.shape[1] != 3 or len(rows) == 0:
        raise ValueError(f"its shape is {rows.shape}, not rows dx, dy, up")
    if not np.isfinite(rows).all() or not np.isin(rows[:, 2], (0, 1)).all():
        raise ValueError("its numbers are not finite steps dx, dy, and 0 or 1 for the pen")
    return np.split(rows[:, :2].astype(np.float64).cumsum(0), np.flatnonzero(rows[:-1, 2]) + 1)
