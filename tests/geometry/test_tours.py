"""Tours: the shortest against all permutations, the local search against the shortest."""

import itertools

import numpy as np
import pytest

from drawgen.geometry import tours
from drawgen.ranges import ArgumentError


def sets(many, n, seed=0):
    return np.random.default_rng(seed).random((many, n, 2))


@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_held_karp_is_brute_force(n):
    for points, tour in zip(sets(4, n), tours.shortest(sets(4, n)), strict=True):
        least = min(tours.length(points, np.array((0, *rest))) for rest in itertools.permutations(range(1, n)))
        assert sorted(tour) == list(range(n))
        assert tours.length(points, tour) == pytest.approx(least, abs=1e-12)


@pytest.mark.parametrize("n", [6, 9, 12])
def test_the_local_search_finds_the_shortest(n):
    points = sets(30, n, seed=n)
    for one, exact, found in zip(points, tours.shortest(points), tours.shortest(points, exact=5), strict=True):
        assert sorted(found) == list(range(n))
        assert tours.length(one, found) == pytest.approx(tours.length(one, exact), rel=0.02)


@pytest.mark.parametrize("n", [13, 60, 200])
def test_more_rounds_are_no_longer(n):
    points = sets(2, n, seed=n)
    none, some = tours.shortest(points, rounds=0), tours.shortest(points, rounds=30)
    for one, short, shorter in zip(points, none, some, strict=True):
        assert sorted(shorter) == list(range(n))
        assert tours.length(one, shorter) <= tours.length(one, short) + 1e-9
    assert (tours.shortest(points, rounds=30) == some).all()


def test_coinciding_points_and_lines():
    points = np.repeat(sets(1, 4), 5, axis=1)
    assert tours.length(points[0], tours.shortest(points)[0]) == pytest.approx(
        tours.length(points[0, ::5], tours.shortest(points[:, ::5])[0])
    )
    line = np.stack([np.arange(30.0), np.zeros(30)], 1)[None]
    assert tours.length(line[0], tours.shortest(line)[0]) == pytest.approx(58)
    assert sorted(tours.shortest(np.zeros((1, 20, 2)))[0]) == list(range(20))
    assert tours.shortest(np.zeros((2, 1, 2))).tolist() == [[0], [0]]


def test_refusals():
    with pytest.raises(ArgumentError, match="exact is 21"):
        tours.shortest(sets(1, 5), exact=21)
    with pytest.raises(ArgumentError, match="rounds is -1"):
        tours.shortest(sets(1, 5), rounds=-1)
