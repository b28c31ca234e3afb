"""A drawing as polylines, in the order in which a pen draws them: to and from the rows of sketch-rnn, SVG and JSON, and drawn as a
picture.

Axes: N points, T rows, B drawings, H rows and W columns of a picture.

*Stroke-3* has a row dx, dy, up for each point: the step from the point before it, and 1 if the pen is raised after it. *Stroke-5*
has a row dx, dy, down, raised, ended, of which one of the last three is 1; the last row is 0, 0, 0, 0, 1. The first step of both is
from (0, 0).
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Float64

Lines: TypeAlias = Sequence[Float[np.ndarray, "_ 2"]]
DOWN, RAISED, ENDED = 2, 3, 4
"""The columns of stroke-5 that say what the pen does."""


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
