"""Triangles that a network finds of many points, window by window."""

import numpy as np
import pytest
import torch

from drawgen import jobs
from drawgen.contract import Pointing, Spec, generator
from drawgen.geometry.triangles import delaunay
from drawgen.jobs.pointed_triangles import NEAR, found_triangles
from drawgen.models.pointer_net import Config
from drawgen.ranges import ArgumentError


class Exact:
    """A stand-in that is always right about the points that it sees."""

    kind = "delaunay"

    def point(self, points, *, beams=5, constrained=True):
        return [Pointing("delaunay", tuple(delaunay(one.numpy()).flatten().tolist()), 0.0) for one in points]


def test_a_perfect_network():
    """Of few points it finds all; of many nearly all, as a window may lack a neighbour."""
    few = np.random.default_rng(0).random((NEAR, 2))
    found = found_triangles(Exact(), few)
    assert found.right == found.exact == len(delaunay(few))
    assert found.wrong == 0
    many = np.random.default_rng(1).random((200, 2))
    found = found_triangles(Exact(), many)
    assert found.exact == len(delaunay(many))
    assert 0.85 * found.exact < found.right <= found.exact
    assert str(found).startswith(f"the pointer network found {found.right} of the {found.exact} Delaunay triangles")


def test_borders_and_untrained_networks():
    """Points along the border of a square lie on lines."""
    side = np.linspace(0, 1, 6)
    border = [[x, y] for x in side for y in side if x in (0, 1) or y in (0, 1)]
    points = np.concatenate([np.array(border), np.random.default_rng(0).random((10, 2))])
    assert found_triangles(Exact(), points).right > 0
    model = Config(units=4, attention_units=4, masked=False).build(Spec(point=2, task="delaunay"), rng=generator(0)).eval()
    found = found_triangles(model, torch.rand(20, 2, generator=generator(1)).double().numpy())
    assert 0 <= found.right < found.exact


def test_paint_tells():
    """Of a low-poly picture by the shipped network; the picture is the same."""
    said = []
    photo = torch.rand(3, 40, 40, generator=generator(0))
    told = jobs.paint(photo, triangles=30, triangulation="pointer", progress=jobs.Reports(message=said.append))
    assert any("the pointer network found" in line for line in said)
    plain = jobs.paint(photo, triangles=30, progress=jobs.Reports(message=said.append))
    assert torch.equal(told.triangles, plain.triangles)
    with pytest.raises(ArgumentError, match="triangulation is 'pointer', and `triangles` is not given"):
        jobs.paint(photo, triangulation="pointer")
    with pytest.raises(ArgumentError, match="triangulation is 'round'"):
        jobs.paint(photo, triangles=30, triangulation="round")
