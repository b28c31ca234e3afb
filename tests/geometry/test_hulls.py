"""Hulls against scipy's, and where there is no inside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import ConvexHull

from drawgen.geometry.hulls import hull, hulls
from drawgen.geometry.polygons import area, is_simple


@pytest.mark.parametrize("many", [3, 5, 40, 300])
def test_it_is_scipys(many):
    for points in np.random.default_rng(many).random((20, many, 2)):
        mine, theirs = hull(points), ConvexHull(points).vertices
        assert points[mine[0], 0] == points[:, 0].min()
        start = int(np.flatnonzero(theirs == mine[0])[0])
        assert mine.tolist() == np.roll(theirs, -start).tolist()


@settings(max_examples=100, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 8), st.just(2)), elements=st.integers(0, 3).map(float)))
def test_the_twin_is_the_definition(points):
    """On a small grid: points coincide, and lie on lines."""
    found = hulls(points[None])[0]
    assert found[found >= 0].tolist() == hull(points).tolist()
    corners = points[hull(points)]
    if len(corners) > 2:
        assert is_simple(corners)
        assert area(corners) > 0


def test_no_inside():
    line = np.array([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]])
    assert hull(line).tolist() == [1, 2]
    assert hull(np.ones((4, 2))).tolist() == [0]
    assert hull(np.array([[2.0, 1.0]])).tolist() == [0]
