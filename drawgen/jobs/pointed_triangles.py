"""Delaunay triangles of many points, found by a pointer network that was trained on few.

Axes: V points.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64

from drawgen.contract import Points
from drawgen.data.point_files import on_a_line
from drawgen.geometry.triangles import delaunay

NEAR = 9
"""Points that the network gets at once: one and its nearest."""
BEAMS = 3


class Found(NamedTuple):
    """What a network found of a triangulation."""

    right: int
    """Delaunay triangles that it pointed at."""
    exact: int
    """Delaunay triangles that there are."""
    wrong: int
    """Other triangles that it pointed at."""

    def __str__(self) -> str:
        return (
            f"the pointer network found {self.right} of the {self.exact} Delaunay triangles of these vertices, and {self.wrong} "
            "that are none"
        )


def found_triangles(model: Points, points: Float64[np.ndarray, "V 2"]) -> Found:
    """What the network finds, asked about each point and its nearest ones. Of an answer the triangles at that point count: at the
    others some neighbours are missing. Triangles of points on a line, along a picture's border, do not count either."""
    from scipy.spatial import cKDTree

    exact = {tuple(row) for row in delaunay(points).tolist()}
    near = cKDTree(points).query(points, k=min(NEAR, len(points)))[1]
    answers = model.point([torch.from_numpy(points[row]) for row in near], beams=BEAMS)
    pointed = {
        tuple(sorted(int(row[corner]) for corner in triangle))
        for row, answer in zip(near, answers, strict=True)
        for triangle in answer.triangles
        if 0 in triangle
    }
    pointed = {triangle for triangle in pointed if not on_a_line(points[list(triangle)])}
    return Found(len(pointed & exact), len(exact), len(pointed - exact))
