"""Pictures of triangles, compiled for the CPU (numba), with their gradients. `covering.coverage` is the definition of all of it.

Axes: V vertices, T triangles, C channels, H rows, W columns, K cells.

The coverage of a pixel by a polygon is a sum over the polygon's edges: the area to the right of each, up to the pixel's right
side, negative where the edge goes down. So only the cells (parts of an edge within one pixel) are visited, and a running sum along
the rows fills what lies between the edges. Triangles that share an edge add the same area with opposite signs, so a triangulation
covers each pixel exactly once.
"""

import math
from typing import NamedTuple

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float64, Int64


class Cells(NamedTuple):
    """The cells of all edges. Those of the edge from corner e of triangle t stand from begin[3 t + e] to begin[3 t + e + 1]."""

    begin: Int64[np.ndarray, " E"]
    pixel: Int64[np.ndarray, " K"]
    """row (W + 1) + column"""
    end: Float64[np.ndarray, " K"]
    """The fraction of the edge at which the cell ends; it begins where the one before ends, or at 0."""


@compiled()
def cells(points: Float64[np.ndarray, "V 2"], triangles: Int64[np.ndarray, "T 3"], height: int, width: int) -> Cells:
    """The cells of triangles whose vertices (x, y) are in pixels, within the picture."""
    T = len(triangles)
    room = 0
    for t in range(T):
        for e in range(3):
            p, q = triangles[t, e], triangles[t, (e + 1) % 3]
            room += 3 + int(abs(points[p, 0] - points[q, 0])) + int(abs(points[p, 1] - points[q, 1]))
    begin = np.empty(3 * T + 1, np.int64)
    pixel = np.empty(room, np.int64)
    end = np.empty(room, np.float64)
    k = 0
    for t in range(T):
        for e in range(3):
            begin[3 * t + e] = k
            p, q = triangles[t, e], triangles[t, (e + 1) % 3]
            x, y = points[p, 0], points[p, 1]
            dx, dy = points[q, 0] - x, points[q, 1] - y
            ahead_x, ahead_y = 1 if dx > 0 else -1, 1 if dy > 0 else -1
            line_x = math.floor(x) + 1.0 if dx > 0 else math.ceil(x) - 1.0  # the next lines between pixels
            line_y = math.floor(y) + 1.0 if dy > 0 else math.ceil(y) - 1.0
            next_x = (line_x - x) / dx if dx != 0 else math.inf
            next_y = (line_y - y) / dy if dy != 0 else math.inf
            s = 0.0
            while s < 1:
                until = min(next_x, next_y, 1.0)
                if until > s:
                    middle = 0.5 * (s + until)
                    column = min(max(int(x + middle * dx), 0), width - 1)
                    row = min(max(int(y + middle * dy), 0), height - 1)
                    pixel[k], end[k] = row * (width + 1) + column, until
                    k += 1
                    s = until
                if next_x <= until:
                    line_x += ahead_x
                    next_x = (line_x - x) / dx
                if next_y <= until:
                    line_y += ahead_y
                    next_y = (line_y - y) / dy
    begin[3 * T] = k
    return Cells(begin, pixel[:k], end[:k])


@compiled()
def draw(
    points: Float64[np.ndarray, "V 2"],
    triangles: Int64[np.ndarray, "T 3"],
    colours: Float64[np.ndarray, "T C"],
    found: Cells,
    height: int,
    width: int,
) -> Float64[np.ndarray, "H W2 C"]:
    """The sum over triangles of coverage times colour. The picture has a spare column, the last."""
    C = colours.shape[1]
    out = np.zeros((height * (width + 1), C))
    for t in range(len(triangles)):
        for e in range(3):
            p, q = triangles[t, e], triangles[t, (e + 1) % 3]
            x = points[p, 0]
            dx, dy = points[q, 0] - x, points[q, 1] - points[p, 1]
            s = 0.0
            for k in range(found.begin[3 * t + e], found.begin[3 * t + e + 1]):
                i, until = found.pixel[k], found.end[k]
                along = x + 0.5 * (s + until) * dx - i % (width + 1)
                rise = dy * (s - until)
                for c in range(C):
                    out[i, c] += rise * (1 - along) * colours[t, c]
                    out[i + 1, c] += rise * along * colours[t, c]
                s = until
    for row in range(height):
        for i in range(row * (width + 1) + 1, (row + 1) * (width + 1)):
            for c in range(C):
                out[i, c] += out[i - 1, c]
    return out.reshape(height, width + 1, C)


@compiled()
def right_sums(picture: Float64[np.ndarray, "H W C"]) -> Float64[np.ndarray, "K C"]:
    """The sum of each pixel and those to its right; a spare column of zeros is the last."""
    H, W, C = picture.shape
    out = np.zeros((H * (W + 1), C))
    for row in range(H):
        for column in range(W - 1, -1, -1):
            i = row * (W + 1) + column
            for c in range(C):
                out[i, c] = out[i + 1, c] + picture[row, column, c]
    return out


@compiled()
def sums(
    points: Float64[np.ndarray, "V 2"],
    triangles: Int64[np.ndarray, "T 3"],
    found: Cells,
    right: Float64[np.ndarray, "K C"],
    width: int,
) -> Float64[np.ndarray, "T C"]:
    """The sum over pixels of coverage times a picture, of which `right` are the `right_sums`. It is the gradient with respect to
    colours, if the picture is the gradient with respect to what `draw` returns."""
    C = right.shape[1]
    out = np.zeros((len(triangles), C))
    for t in range(len(triangles)):
        for e in range(3):
            p, q = triangles[t, e], triangles[t, (e + 1) % 3]
            x = points[p, 0]
            dx, dy = points[q, 0] - x, points[q, 1] - points[p, 1]
            s = 0.0
            for k in range(found.begin[3 * t + e], found.begin[3 * t + e + 1]):
                i, until = found.pixel[k], found.end[k]
                along = x + 0.5 * (s + until) * dx - i % (width + 1)
                rise = dy * (s - until)
                for c in range(C):
                    out[t, c] += rise * ((1 - along) * right[i, c] + along * right[i + 1, c])
                s = until
    return out


@compiled()
def pulls(
    points: Float64[np.ndarray, "V 2"],
    triangles: Int64[np.ndarray, "T 3"],
    colours: Float64[np.ndarray, "T C"],
    found: Cells,
    gradient: Float64[np.ndarray, "H W C"],
) -> Float64[np.ndarray, "V 2"]:
    """The gradient with respect to the vertices, for that with respect to what `draw` returns.

    Where an edge moves outwards by d, its triangle covers d more per length; so the gradient is the integral along each edge of
    the picture's gradient times the colour, across the edge, shared among its two ends.
    """
    C, width = colours.shape[1], gradient.shape[1]
    out = np.zeros(points.shape)
    for t in range(len(triangles)):
        for e in range(3):
            p, q = triangles[t, e], triangles[t, (e + 1) % 3]
            dx, dy = points[q, 0] - points[p, 0], points[q, 1] - points[p, 1]
            whole, late = 0.0, 0.0
            s = 0.0
            for k in range(found.begin[3 * t + e], found.begin[3 * t + e + 1]):
                i, until = found.pixel[k], found.end[k]
                row, column = i // (width + 1), i % (width + 1)
                gain = 0.0
                for c in range(C):
                    gain += gradient[row, column, c] * colours[t, c]
                whole += gain * (until - s)
                late += gain * 0.5 * (until * until - s * s)
                s = until
            out[p, 0] += (whole - late) * dy
            out[p, 1] -= (whole - late) * dx
            out[q, 0] += late * dy
            out[q, 1] -= late * dx
    return out


@compiled()
def guard(
    points: Float64[np.ndarray, "V 2"],
    triangles: Int64[np.ndarray, "T 3"],
    step: Float64[np.ndarray, "V 2"],
    least: float,
) -> Float64[np.ndarray, "V 2"]:
    """The step, halved up to four times and then left out for the vertices of triangles that would become lower than `least` (the
    smallest altitude, in pixels) and lower than they are. So no triangle turns over. They have to be clockwise on the screen."""
    step = step.copy()
    attempt, clear = 0, False
    while not clear:
        clear = True
        for t in range(len(triangles)):
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            before = altitude(points[a], points[b], points[c])
            after = altitude(points[a] + step[a], points[b] + step[b], points[c] + step[c])
            if after < least and after < before:
                clear = False
                for e in range(3):
                    step[triangles[t, e]] *= 0.5 if attempt < 4 else 0.0
        attempt += 1
    return step


@compiled()
def altitude(a: Float64[np.ndarray, "2"], b: Float64[np.ndarray, "2"], c: Float64[np.ndarray, "2"]) -> float:
    """The smallest altitude of a triangle; negative if it runs anticlockwise on the screen."""
    twice = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    longest = max(
        (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2, (c[0] - b[0]) ** 2 + (c[1] - b[1]) ** 2, (a[0] - c[0]) ** 2 + (a[1] - c[1]) ** 2
    )
    return twice / math.sqrt(longest) if longest > 0 else 0.0
