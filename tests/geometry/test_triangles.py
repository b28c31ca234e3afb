"""Delaunay triangulations against their definition: no point lies in the circle around a triangle."""

import numpy as np
import pytest

from drawgen.geometry.hulls import hull
from drawgen.geometry.triangles import delaunay, incentres


@pytest.mark.parametrize("many", [3, 4, 6, 9])
def test_empty_circles(many):
    """All triangles of points whose circle is empty, by brute force."""
    points = np.random.default_rng(many).random((many, 2))
    wanted = set()
    for a in range(many):
        for b in range(a + 1, many):
            for c in range(b + 1, many):
                corners = points[[a, b, c]]
                middle = np.linalg.solve(2 * (corners[1:] - corners[0]), (corners[1:] ** 2).sum(1) - (corners[0] ** 2).sum())
                others = np.delete(points, [a, b, c], 0)
                if (np.linalg.norm(others - middle, axis=1) > np.linalg.norm(corners[0] - middle)).all():
                    wanted.add((a, b, c))
    found = delaunay(points)
    assert {tuple(row) for row in found.tolist()} == wanted
    assert len(found) == 2 * many - 2 - len(hull(points))


def test_order():
    points = np.random.default_rng(1).random((20, 2))
    found = delaunay(points)
    assert (np.diff(found, axis=1) > 0).all()
    assert (np.diff(incentres(points[found])[:, 0]) >= 0).all()
    right = np.array([[[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]])
    np.testing.assert_allclose(incentres(right), [[1.0, 1.0]])


def test_none():
    assert delaunay(np.zeros((2, 2))).shape == (0, 3)
    assert delaunay(np.stack([np.arange(5.0), np.arange(5.0)], 1)).shape == (0, 3)
    assert delaunay(np.ones((5, 2))).shape == (0, 3)
