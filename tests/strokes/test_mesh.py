"""A triangulation in the making: what is explained, and what vertices and edges that change are worth, against brute force."""

import itertools

import numpy as np
import pytest

from drawgen.geometry.triangles import delaunay
from drawgen.strokes import covering
from drawgen.strokes.mesh import Mesh, altitudes, areas

PALETTE = np.array([[0.1, 0.2, 0.3], [0.9, 0.5, 0.2], [0.4, 0.8, 0.6]])


def scene(height=24, width=32):
    """A bright disc on a slope of two colours."""
    y, x = np.mgrid[:height, :width] + 0.5
    photo = np.stack([x / width, 0.3 + 0 * x, y / height], 2)
    photo[(x - 18) ** 2 + (y - 10) ** 2 < 50] = 1.0, 0.9, 0.2
    return photo


def grown(most=30, **options):
    mesh = Mesh(scene(), least_px=0.3, **options)
    mesh.grow(most, rng=np.random.default_rng(0))
    return mesh


def is_whole(mesh):
    """It covers the picture once: all triangles are clockwise, and their areas add up; corners and border are where they were."""
    assert altitudes(mesh.points, mesh.triangles).min() > 0
    assert areas(mesh.points, mesh.triangles).sum() == pytest.approx(mesh.size.prod())
    whole = covering.draw(mesh.points, mesh.triangles, np.ones((len(mesh), 1)), mesh.height, mesh.width)
    assert np.abs(whole - 1).max() < 1e-9
    np.testing.assert_array_equal(mesh.points[:4] / mesh.size, [[0, 0], [1, 0], [1, 1], [0, 1]])


@pytest.mark.parametrize("palette", [None, PALETTE])
def test_explained_is_what_the_squared_error_loses(palette):
    """Written out with the definition of coverage: the error of a pixel's parts, weighted by their areas."""
    mesh = grown(palette=palette)
    covered = covering.coverage(mesh.points, mesh.triangles, mesh.height, mesh.width)
    apart = ((mesh.photo - mesh.colours[:, None, None]) ** 2).sum(3)
    expected = (covered * ((mesh.photo**2).sum(2) - apart)).sum((1, 2))
    np.testing.assert_allclose(mesh.explained(mesh.points, mesh.triangles), expected, rtol=1e-9, atol=1e-9)
    if palette is not None:
        assert {tuple(colour) for colour in mesh.colours} <= {tuple(colour) for colour in palette}


@pytest.mark.parametrize("most", [2, 3, 4, 5, 17, 40])
def test_it_grows_to_the_number_wanted(most):
    mesh = grown(most)
    assert most - 1 <= len(mesh) <= most
    is_whole(mesh)


def test_nothing_is_added_where_nothing_is_left_to_explain():
    mesh = Mesh(np.full((6, 8, 3), 0.4))
    mesh.grow(50, rng=np.random.default_rng(0))
    assert len(mesh) == 2
    np.testing.assert_allclose(mesh.colours, 0.4)


def test_gains_are_those_of_the_split():
    mesh = grown()
    spots, gains, which, added = mesh.openings(np.random.default_rng(1))
    assert set(added.tolist()) == {1, 2}
    before = mesh.explained(mesh.points, mesh.triangles).sum()
    for spot, gain, triangle, more in zip(spots, gains, which, added, strict=True):
        if np.isinf(gain):
            continue
        points = np.concatenate([mesh.points, spot[None]])
        a, b, c = mesh.triangles[triangle]
        new = len(mesh.points)
        parts = np.array([[a, b, new], [b, c, new], [c, a, new]])
        parts = parts[areas(points, parts) > 1e-9]  # on the border one of the three is flat
        assert len(parts) == more + 1
        triangles = np.concatenate([np.delete(mesh.triangles, triangle, 0), parts])
        assert mesh.explained(points, triangles).sum() - before == pytest.approx(gain, abs=1e-9)
        on_border = (spot == 0) | (spot == mesh.size)
        assert on_border.any() == (more == 1)


def test_costs_are_those_of_the_best_merger():
    mesh = grown()
    before = mesh.explained(mesh.points, mesh.triangles).sum()
    costs = mesh.costs()
    assert np.isinf(costs[:4]).all()
    for vertex in range(4, len(mesh.points)):
        found = np.inf
        for other in set(mesh.triangles[(mesh.triangles == vertex).any(1)].ravel().tolist()) - {vertex}:
            fixed = ~mesh.free[vertex]
            if (mesh.points[vertex][fixed] != mesh.points[other][fixed]).any():
                continue  # it would leave the border
            merged = np.where(mesh.triangles == vertex, other, mesh.triangles)
            merged = merged[[len(set(corners)) == 3 for corners in merged.tolist()]]
            if altitudes(mesh.points, merged).min() > 1e-3:
                found = min(found, before - mesh.explained(mesh.points, merged).sum())
        assert costs[vertex] == pytest.approx(found, abs=1e-9)


def test_the_vertices_that_go_are_no_neighbours_and_the_cheapest_first():
    mesh = grown(40)
    costs, before, triangles = mesh.costs() / np.where(mesh.free.all(1), 2, 1), mesh.points.copy(), mesh.triangles
    mesh.thin(4)
    gone = [index for index, point in enumerate(before) if not (mesh.points == point).all(1).any()]
    assert len(gone) == 4
    assert int(costs.argmin()) in gone
    edges = {frozenset(pair) for corners in triangles.tolist() for pair in itertools.combinations(corners, 2)}
    assert not edges & {frozenset(pair) for pair in itertools.combinations(gone, 2)}
    is_whole(mesh)
    mesh.shrink(2)
    assert len(mesh) == 2


def test_turned_edges_explain_more():
    mesh = grown(60)
    before = mesh.explained(mesh.points, mesh.triangles).sum()
    assert mesh.flip() > 0
    assert mesh.explained(mesh.points, mesh.triangles).sum() > before
    is_whole(mesh)
    while mesh.flip():
        is_whole(mesh)
    assert altitudes(mesh.points, mesh.triangles).min() > 0


def test_colours_converge_to_least_squares():
    mesh = grown(12)
    covered = covering.coverage(mesh.points, mesh.triangles, mesh.height, mesh.width).reshape(len(mesh), -1)
    best = np.linalg.lstsq(covered.T, mesh.photo.reshape(-1, 3), rcond=None)[0]
    assert ((best >= 0) & (best <= 1)).all()
    first = float((mesh.error(mesh.cells()) ** 2).sum())
    mesh.fit(300)
    np.testing.assert_allclose(mesh.colours, best, atol=1e-4)
    assert float((mesh.error(mesh.cells()) ** 2).sum()) < first


def test_steps_lower_the_error_and_keep_the_border():
    mesh = grown(40)
    border = ~mesh.free
    before = mesh.points.copy()
    errors = [mesh.step(0.1) for _ in range(60)]
    assert errors[-1] < 0.8 * errors[0]
    np.testing.assert_array_equal(mesh.points[border], before[border])
    assert (mesh.points != before).any()
    is_whole(mesh)
    mesh.connect()
    is_whole(mesh)


@pytest.mark.parametrize("wrong", [lambda found: found[:-1], lambda found: found[:0], lambda found: np.concatenate([found, found])])
def test_triangulations_that_do_not_cover_are_refused(wrong):
    with pytest.raises(ValueError, match="do not cover the picture once"):
        grown(triangulate=lambda points: wrong(delaunay(points)))
