"""Pictures of triangles: the compiled form against areas of clipped polygons, pixel by pixel; gradients against differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.geometry.triangles import delaunay
from drawgen.strokes import covering, covering_cpu
from drawgen.strokes.mesh import altitudes, areas


def mesh(rng, height, width, inner=5, border=3, whole=False):
    """A triangulation of a picture; with `whole` its vertices lie where pixels meet."""
    size = np.array([width, height], float)
    points = rng.uniform(0.05, 0.95, (inner, 2)) * size
    if whole:
        points = np.unique(points.round().clip(1, size - 1), axis=0)
    around = rng.uniform(0.1, 0.9, (border, 2)) * size
    around[np.arange(border), np.arange(border) % 2] = np.where(rng.random(border) < 0.5, 0, size[np.arange(border) % 2])
    points = np.concatenate([np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size, points, around])
    triangles = delaunay(points)
    area = areas(points, triangles)
    triangles = np.where((area < 0)[:, None], triangles[:, [0, 2, 1]], triangles)
    return points, np.ascontiguousarray(triangles[np.abs(area) > 1e-9])


MESHES = st.builds(
    lambda seed, height, width, whole: (np.random.default_rng(seed), height, width, whole),
    st.integers(0, 2**32 - 1),
    st.integers(2, 7),
    st.integers(2, 7),
    st.booleans(),
)


@settings(deadline=None, derandomize=True, database=None, max_examples=25)
@given(MESHES)
def test_each_pixel_is_covered_once_and_drawn_as_defined(case):
    rng, height, width, whole = case
    points, triangles = mesh(rng, height, width, whole=whole)
    covered = covering.coverage(points, triangles, height, width)
    assert np.abs(covered.sum(0) - 1).max() < 1e-9
    colours = rng.random((len(triangles), 3))
    expected = np.einsum("thw,tc->hwc", covered, colours)
    np.testing.assert_allclose(covering.draw(points, triangles, colours, height, width), expected, atol=1e-9)
    one = covering.draw(points, triangles, np.ones((len(triangles), 1)), height, width)
    assert np.abs(one - 1).max() < 1e-9
    picture = rng.standard_normal((height, width, 3))
    found = covering_cpu.cells(points, triangles, height, width)
    sums = covering_cpu.sums(points, triangles, found, covering_cpu.right_sums(picture), width)
    np.testing.assert_allclose(sums, np.einsum("thw,hwc->tc", covered, picture), atol=1e-9)


@pytest.mark.parametrize("height", [1, 37])
def test_large_pictures_have_no_cracks(height):
    points, triangles = mesh(np.random.default_rng(0), height, 500, inner=200, border=40)
    one = covering.draw(points, triangles, np.ones((len(triangles), 1)), height, 500)
    assert np.abs(one - 1).max() < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_gradients_agree_with_finite_differences(seed):
    rng = np.random.default_rng(seed)
    height, width = 7, 9
    points, triangles = mesh(rng, height, width)
    colours, weight = rng.random((len(triangles), 3)), rng.standard_normal((height, width, 3))

    def weighed(points, colours):
        return float((covering.draw(points, triangles, colours, height, width) * weight).sum())

    found = covering_cpu.cells(points, triangles, height, width)
    gradient = covering_cpu.pulls(points, triangles, colours, found, weight)
    for vertex in range(4, len(points)):
        for axis in range(2):
            step = np.zeros_like(points)
            step[vertex, axis] = 1e-6
            if not 0 < points[vertex, axis] < (width, height)[axis]:
                continue  # it would leave the picture
            slope = (weighed(points + step, colours) - weighed(points - step, colours)) / 2e-6
            assert gradient[vertex, axis] == pytest.approx(slope, rel=1e-5, abs=1e-7)
    sums = covering_cpu.sums(points, triangles, found, covering_cpu.right_sums(weight), width)
    way = rng.standard_normal(colours.shape)
    slope = (weighed(points, colours + 1e-6 * way) - weighed(points, colours - 1e-6 * way)) / 2e-6
    assert (sums * way).sum() == pytest.approx(slope, rel=1e-6)


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100))
def test_no_step_turns_a_triangle_over(seed, far):
    rng = np.random.default_rng(seed)
    points, triangles = mesh(rng, 20, 30)
    step = far * rng.standard_normal(points.shape)
    before = altitudes(points, triangles)
    after = altitudes(points + covering_cpu.guard(points, triangles, step, 0.5), triangles)
    assert (after > 0).all()
    assert ((after >= 0.5) | (after >= before - 1e-12)).all()
    small = 1e-9 * step
    if before.min() > 0.6:  # what turns nothing over is left alone
        np.testing.assert_array_equal(covering_cpu.guard(points, triangles, small, 0.5), small)
