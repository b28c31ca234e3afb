"""Tours by given distances: known optima of TSPLIB."""

import json

import numpy as np
import pytest

from drawgen.data import point_files
from drawgen.geometry import tours
from drawgen.ranges import ArgumentError


def length(distances, tour):
    return float(distances[tour, np.roll(tour, -1)].sum())


def instance(data, name):
    """Distances by the file's rule, and the known optimum."""
    optima = json.loads((data / "tsplib" / "optima.json").read_text(encoding="utf-8"))
    return point_files.read(data / "tsplib" / f"{name}.tsp")[0].distances(), optima[name]["optimum"]


@pytest.mark.parametrize("name", ["burma14", "ulysses16"])
def test_held_karp_finds_the_optimum(data, name):
    distances, optimum = instance(data, name)
    assert length(distances, tours.shortest_by(distances)) == optimum


@pytest.mark.parametrize(("name", "most"), [("berlin52", 0.005), ("eil51", 0.005), ("ch150", 0.01)])
def test_the_local_search_comes_close_to_the_optimum(data, name, most):
    distances, optimum = instance(data, name)
    tour = tours.shortest_by(distances)
    assert sorted(tour) == list(range(len(distances)))
    assert optimum <= length(distances, tour) <= optimum * (1 + most)


@pytest.mark.parametrize("n", [3, 8, 12, 25])
def test_distances_or_points(n):
    """The units of the distances do not matter."""
    points = np.random.default_rng(n).random((n, 2))
    distances = point_files.distances(points, point_files.PLAIN)
    one, other = tours.shortest_by(1e6 * distances), tours.shortest(points[None], exact=20)[0]
    assert length(distances, one) == pytest.approx(tours.length(points, other), rel=0.01 if n > 20 else 1e-9)


def test_refusals():
    square = np.ones((5, 5)) - np.eye(5)
    assert sorted(tours.shortest_by(square)) == [0, 1, 2, 3, 4]
    assert tours.shortest_by(np.zeros((1, 1))).tolist() == [0]
    with pytest.raises(ArgumentError, match="exact is 21"):
        tours.shortest_by(square, exact=21)
    with pytest.raises(ArgumentError, match="rounds is -1"):
        tours.shortest_by(square, rounds=-1)
    with pytest.raises(ArgumentError, match="starts is 0"):
        tours.shortest_by(square, starts=0)
    for wrong in (np.triu(square), square + 1, square[:4]):
        with pytest.raises(ArgumentError, match="distances are not the same both ways, with 0 from a point to itself"):
            tours.shortest_by(wrong)
