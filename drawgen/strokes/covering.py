"""How much of each pixel a triangle covers, exactly, and pictures of triangles with one colour each.

Axes: V vertices (x, y in pixels), T triangles (clockwise on the screen), C channels, H rows, W columns.

A pixel is the sum over triangles of coverage times colour. `coverage` is the definition; `covering_cpu` has what it leads to,
compiled: the picture, its gradient with respect to colours and vertices, and the sums of a photograph over triangles.
"""

import numpy as np
from jaxtyping import Float64, Int64

from drawgen.strokes import covering_cpu
from drawgen.strokes.outlines import cut


def coverage(
    points: Float64[np.ndarray, "V 2"], triangles: Int64[np.ndarray, "T 3"], height: int, width: int
) -> Float64[np.ndarray, "T H W"]:
    """The area of each triangle within each pixel. The areas of a triangulation of the picture sum to 1 in each pixel."""
    found = np.zeros((len(triangles), height, width))
    for t, row, column in np.ndindex(found.shape):
        polygon = [(float(x), float(y)) for x, y in points[triangles[t]]]
        for axis, edge, side in ((0, column, 1), (0, column + 1, -1), (1, row, 1), (1, row + 1, -1)):
            polygon = cut(polygon, axis, edge, side) if polygon else []
        corners = zip(polygon, polygon[1:] + polygon[:1], strict=True)
        found[t, row, column] = 0.5 * sum(a[0] * b[1] - a[1] * b[0] for a, b in corners)
    return found


def draw(
    points: Float64[np.ndarray, "V 2"],
    triangles: Int64[np.ndarray, "T 3"],
    colours: Float64[np.ndarray, "T C"],
    height: int,
    width: int,
) -> Float64[np.ndarray, "H W C"]:
    """The picture of triangles: antialiased, as a box filter does it, with no cracks between them.

    >>> corners = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    >>> halves = np.array([[0, 1, 2], [0, 2, 3]])
    >>> draw(corners, halves, np.array([[0.0], [1.0]]), 4, 4)[:, 0, 0]
    array([0.5, 1. , 1. , 1. ])
    """
    found = covering_cpu.cells(points, triangles, height, width)
    return covering_cpu.draw(points, triangles, colours, found, height, width)[:, :-1]
