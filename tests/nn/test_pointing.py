"""The rules of what may be pointed at next."""

import torch

from drawgen.nn.pointing import END, allowed, longest_answer, other_way


def test_crossing_edges():
    """A square with a point inside: after three corners the fourth may not lie across."""
    points = torch.tensor([[[0.0, 0], [1, 0], [1, 1], [0, 1], [0.6, 0.5]]])
    counts = torch.tensor([5])

    def may(*trace):
        return allowed("hull", torch.tensor([[END, *trace]]), points, counts)[0].nonzero()[:, 0].tolist()

    assert may() == [1, 2, 3, 4, 5]
    assert may(1, 2) == [3, 4, 5]
    assert may(1, 2, 3) == [0, 4, 5]
    assert may(1, 3, 2) == [0, 5]  # to corner 4 it would cross the edge 1-3
    assert may(1, 3, 2, 5) == [0]  # and so would it from corner 5


def test_triangles_ascend_and_are_each_once():
    points, counts = torch.rand(1, 6, 2), torch.tensor([4])

    def may(*trace):
        return allowed("delaunay", torch.tensor([[END, *trace]]), points, counts)[0].nonzero()[:, 0].tolist()

    assert may() == [1, 2]
    assert may(1) == [2, 3]
    assert may(1, 2) == [3, 4]
    assert may(1, 2, 3) == [0, 1, 2]
    assert may(1, 2, 3, 1, 2) == [4]
    assert may(1, 2, 3, 1, 2, 4, 1, 2) == [0]


def test_tours_and_strokes():
    points, counts = torch.rand(2, 4, 2), torch.tensor([4, 3])
    may = allowed("tour", torch.tensor([[END, 2], [END, 2]]), points, counts)
    assert [row.nonzero()[:, 0].tolist() for row in may] == [[1, 3, 4], [1, 3]]
    may = allowed("tour", torch.tensor([[END, 2, 1, 3], [END, 2, 1, 3]]), points, counts)
    assert [row.nonzero()[:, 0].tolist() for row in may] == [[4], [END]]
    may = allowed("strokes", torch.tensor([[1], [1]]), points, torch.tensor([4, 4]))  # neither direction of where the pen is
    assert may[0].nonzero()[:, 0].tolist() == [3, 4]
    assert other_way(torch.tensor([0, 1, 2, 5, 6])).tolist() == [0, 2, 1, 6, 5]


def test_longest_answers():
    assert [longest_answer(kind, 8) for kind in ("hull", "tour", "strokes", "delaunay")] == [9, 9, 4, 34]
