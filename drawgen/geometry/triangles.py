"""Delaunay triangulations.

Axes: N points, T triangles.
"""

import numpy as np
from jaxtyping import Float64, Int64


def delaunay(points: Float64[np.ndarray, "N 2"]) -> Int64[np.ndarray, "T 3"]:
    """The Delaunay triangulation (scipy, Qhull), in the order of Vinyals et al. 2015: the corners of a triangle ascend, and the
    triangles ascend by the x, then the y, of their incentres. None for fewer than three points, or for points on a line.

    >>> delaunay(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])).tolist()
    [[0, 1, 2], [1, 2, 3]]
    """
    from scipy.spatial import Delaunay, QhullError

    if len(points) < 3:
        return np.zeros((0, 3), np.int64)
    try:
        found = np.sort(Delaunay(points).simplices.astype(np.int64), 1)
    except QhullError:
        return np.zeros((0, 3), np.int64)
    x, y = incentres(points[found]).T
    return found[np.lexsort((y, x))]


def incentres(corners: Float64[np.ndarray, "T 3 2"]) -> Float64[np.ndarray, "T 2"]:
    """The centres of the inscribed circles: the corners, weighted by the lengths of the opposite sides."""
    sides = np.linalg.norm(np.roll(corners, -1, 1) - np.roll(corners, 1, 1), axis=2)
    return (corners * sides[..., None]).sum(1) / sides.sum(1, keepdims=True)
