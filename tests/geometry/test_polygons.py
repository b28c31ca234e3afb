"""Simple polygons and those that cross themselves, against shapely."""

import numpy as np
import pytest

from drawgen.geometry.polygons import area, is_simple

shapely = pytest.importorskip("shapely", reason="shapely comes with vpype")


def test_area_and_simplicity():
    rng = np.random.default_rng(0)
    simple = 0
    for _ in range(300):
        points = rng.random((rng.integers(3, 7), 2))
        ring = shapely.LinearRing(points)
        assert is_simple(points) == ring.is_simple
        simple += ring.is_simple
        if ring.is_simple:
            assert abs(area(points)) == pytest.approx(shapely.Polygon(points).area)
            assert (area(points) > 0) == ring.is_ccw
    assert 50 < simple < 250


@pytest.mark.parametrize(
    ("corners", "simple"),
    [
        ([[0, 0], [1, 0], [1, 1]], True),
        ([[0, 0], [1, 0]], False),
        ([[0, 0], [2, 0], [1, 0]], False),
        ([[0, 0], [2, 0], [2, 2], [1, 0], [0, 2]], False),
        ([[0, 0], [1, 1], [1, 0], [0, 1]], False),
        ([[0, 0], [1, 0], [1, 1], [0, 0], [0, 1]], False),
        ([[0, 0], [2, 0], [2, 2], [1, 2], [0, 2]], True),
    ],
)
def test_touching(corners, simple):
    """Corners on edges, corners twice, edges that turn back; a corner in a straight edge is allowed."""
    assert is_simple(np.array(corners, float)) == simple
