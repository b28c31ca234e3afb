"""Tours: the shortest closed way through all points.

Axes: B sets, N points.
"""

import numpy as np
from jaxtyping import Float64, Int64

from drawgen.ranges import ArgumentError, check_range

EXACT = 12
"""Points up to which dynamic programming is used by default: beyond, the local search is as good and faster."""
MOST_EXACT = 20
"""Points up to which dynamic programming is used at all: it takes 0.1 s and 80 MB then."""
ROUNDS = 20
"""Rounds of the local search per point."""
STARTS = 5
"""Local searches for one set of points: more rounds of one search help less (`scripts/results/bench_tours.md`)."""


def length(points: Float64[np.ndarray, "N 2"], tour: Int64[np.ndarray, " N"]) -> float:
    """The Euclidean length of a closed tour."""
    there = points[tour]
    return float(np.linalg.norm(there - np.roll(there, -1, 0), axis=1).sum())


def shortest(points: Float64[np.ndarray, "B N 2"], *, exact: int = EXACT, rounds: int = ROUNDS) -> Int64[np.ndarray, "B N"]:
    """Short tours of sets of points: the shortest of up to `exact` points (Held-Karp), beyond that the best that a local search of
    `rounds` rounds per point finds (`tours_cpu.search`). The same points always have the same tour. Raises ArgumentError.

    >>> shortest(np.array([[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]])).tolist()
    [[0, 3, 1, 2]]
    """
    check_range("exact", exact, at_least=5, at_most=MOST_EXACT)
    check_range("rounds", rounds, at_least=0)
    from drawgen.geometry import tours_cpu

    return tours_cpu.shortest(np.ascontiguousarray(points), exact, rounds * points.shape[1])


def shortest_by(
    distances: Float64[np.ndarray, "N M"], *, exact: int = MOST_EXACT, rounds: int = ROUNDS, starts: int = STARTS
) -> Int64[np.ndarray, " N"]:
    """A short tour by given distances (N N), as those of TSPLIB, which are rounded: the shortest for up to `exact` points, beyond
    that the best of several local searches, `starts`, of `rounds` rounds per point. Raises ArgumentError."""
    check_range("exact", exact, at_least=5, at_most=MOST_EXACT)
    check_range("rounds", rounds, at_least=0)
    check_range("starts", starts, at_least=1)
    from drawgen.geometry import tours_cpu

    n = len(distances)
    if distances.shape != (n, n) or distances.diagonal().any() or not np.array_equal(distances, distances.T):
        raise ArgumentError("distances", "are not the same both ways, with 0 from a point to itself; mend the matrix")
    if n <= exact:
        return tours_cpu.held_karp(distances) if n > 1 else np.zeros(n, np.int64)
    scaled = np.ascontiguousarray(distances / (distances.max() or 1.0))  # the search counts in the units of its distances
    neighbours = tours_cpu.near(scaled, tours_cpu.NEAR)
    found = [tours_cpu.search(scaled, neighbours, rounds * n, seed) for seed in range(starts)]
    return min(found, key=lambda tour: float(scaled[tour, np.roll(tour, -1)].sum()))
