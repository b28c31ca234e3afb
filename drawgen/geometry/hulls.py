"""Convex hulls.

Axes: B sets, N points.
"""

import numpy as np
from jaxtyping import Float64, Int64


def hull(points: Float64[np.ndarray, "N 2"]) -> Int64[np.ndarray, " H"]:
    """The corners of the convex hull counter-clockwise, from the leftmost point on (the lowest of several): Andrew's monotone chain
    (1979). Points on an edge are no corners. Points on a line have a hull of two corners, coinciding points one of one.

    >>> hull(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.4, 0.3], [0.0, 1.0]])).tolist()
    [0, 1, 2, 4]
    """
    order = np.lexsort((points[:, 1], points[:, 0]))
    chain: list[int] = []
    for part in (order, order[::-1]):  # the lower chain from left to right, then the upper one back
        floor = len(chain)
        for c in part:
            while len(chain) >= floor + 2 and turns_right(points[chain[-2]], points[chain[-1]], points[c]):
                chain.pop()
            chain.append(int(c))
        chain.pop()  # the last point begins the other chain
    if len(chain) == 2 and (points[chain[0]] == points[chain[1]]).all():
        chain.pop()
    return np.array(chain or [int(order[0])], np.int64)


def turns_right(a: Float64[np.ndarray, "2"], b: Float64[np.ndarray, "2"], c: Float64[np.ndarray, "2"]) -> bool:
    """Whether a, b, c turn right or go straight on."""
    return bool((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0)


def hulls(points: Float64[np.ndarray, "B N 2"]) -> Int64[np.ndarray, "B N"]:
    """`hull` of many sets of points; a row ends with -1."""
    from drawgen.geometry import hulls_cpu

    return hulls_cpu.hulls(np.ascontiguousarray(points))
