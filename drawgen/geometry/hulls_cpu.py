"""Convex hulls of many sets of points, compiled for a CPU (numba). `hulls.hull` is their definition."""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float64, Int64


@compiled()
def hulls(points: Float64[np.ndarray, "B N 2"]) -> Int64[np.ndarray, "B N"]:
    """The hull of each set counter-clockwise, from its leftmost point on, and then -1: Andrew's monotone chain (1979)."""
    many, n, _ = points.shape
    found = np.full((many, n), -1, np.int64)
    chain = np.empty(2 * n + 1, np.int64)
    for b in range(many):
        x, y = points[b, :, 0], points[b, :, 1]
        order = np.argsort(y, kind="mergesort")
        order = order[np.argsort(x[order], kind="mergesort")]
        size = 0
        for part in range(2):  # the lower chain from left to right, then the upper one back
            floor = size
            for k in range(n):
                c = order[k] if part == 0 else order[n - 1 - k]
                while size >= floor + 2:
                    u, v = chain[size - 2], chain[size - 1]
                    if (x[v] - x[u]) * (y[c] - y[u]) - (y[v] - y[u]) * (x[c] - x[u]) > 0:
                        break
                    size -= 1
                chain[size] = c
                size += 1
            size -= 1  # the last point begins the other chain
        if size == 2 and x[chain[0]] == x[chain[1]] and y[chain[0]] == y[chain[1]]:
            size = 1
        for k in range(max(size, 1)):
            found[b, k] = chain[k]
    return found
