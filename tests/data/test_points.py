"""Endless points: their answers are right, every batch depends on the seed, the step and the rank alone."""

import numpy as np
import pytest
import torch

from drawgen.data.points import PointSets, labelled, ordered, turned
from drawgen.geometry import hulls, tours, triangles
from drawgen.nn.pointing import END
from drawgen.ranges import ArgumentError
from drawgen.strokes import ordering

TASKS = ("hull", "delaunay", "tour", "strokes")


def first(data, split="train", **how):
    return next(iter(data.stream(split, seed=1, **how)))


@pytest.mark.parametrize("task", TASKS)
def test_batches(task):
    data = PointSets(task=task, least=5, most=9, batch=6, count=20)
    batch = first(data)
    assert batch.items() == ("sets", 6)
    assert batch.points.shape[2] == data.spec().point
    assert batch.points.min() >= 0
    assert batch.points.max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(batch, first(data), strict=True))
    assert not torch.equal(batch.points, first(data, rank=1, ranks=2).points)
    assert batch.points.shape == first(data, rank=1, ranks=2).points.shape
    stream = iter(data.stream("train", seed=1))
    next(stream)
    assert torch.equal(next(stream).points, first(data, start=1).points)
    held = list(data.stream("valid", seed=1))
    assert sum(len(each.points) for each in held) == 20
    assert len({each.points.shape[1] for each in held}) > 1
    shares = [each for rank in range(2) for each in data.stream("valid", seed=1, rank=rank, ranks=2)]
    assert sum(len(each.points) for each in shares) == 20


def answers(batch):
    for points, row, length in zip(batch.points.double().numpy(), batch.answers.tolist(), batch.lengths.tolist(), strict=True):
        yield points, row[:length], row[length:]


def test_hulls():
    for points, answer, rest in answers(first(PointSets(task="hull", least=8, most=8))):
        assert answer[-1] == END
        assert set(rest) <= {END}
        corners = [symbol - 1 for symbol in answer[:-1]]
        assert corners[0] == min(corners)
        turned_hull = turned(hulls.hull(points)).tolist()
        assert corners == turned_hull


def test_tours():
    for points, answer, _ in answers(first(PointSets(task="tour", least=7, most=7, batch=8))):
        tour = np.array(answer) - 1
        assert sorted(tour) == list(range(7))
        assert tour[0] == 0
        assert tour[1] < tour[-1]
        best = tours.shortest(points[None])[0]
        assert tours.length(points, tour) == pytest.approx(tours.length(points, best), rel=1e-5)


def test_triangles():
    for points, answer, _ in answers(first(PointSets(task="delaunay", least=8, most=8, batch=8))):
        found = np.array(answer[:-1]).reshape(-1, 3) - 1
        assert {tuple(row) for row in found.tolist()} == {tuple(row) for row in triangles.delaunay(points).tolist()}


def test_strokes():
    """Each stroke once, with no more travel than the nearest neighbour's."""
    for strokes, answer, _ in answers(first(PointSets(task="strokes", least=12, most=12, batch=8))):
        items = np.array(answer) - 1
        assert sorted(items // 2) == list(range(1, 13))
        ends = strokes[1:] - np.tile(strokes[0, :2], 2)
        mine = ordering.travel(ends, (items // 2 - 1, items % 2 == 1))
        assert mine <= ordering.travel(ends, ordering.nearest(ends)) + 1e-5


def test_order_of_strokes():
    """From where the pen is along a line, the middle one turned round."""
    line = np.array([[0.0, 0, 0, 0], [5, 0, 6, 0], [3, 0, 2, 0], [0.5, 0, 1, 0]])
    assert ordered(line).tolist() == [6, 5, 2]


def test_without_labels():
    batch = labelled(np.random.default_rng(0).random((3, 6, 2)), "tour", labels=False)
    assert batch.answers.shape == (3, 0)
    assert first(PointSets(task="tour", labels=False), "valid").answers.shape[1] > 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"task": "sort"}, "data.task is 'sort'"),
        ({"least": 2}, "data.least is 2"),
        ({"least": 9, "most": 8}, "data.least is 9; it has to be at least 3 and at most 8"),
        ({"most": 1001}, "data.most is 1001"),
        ({"batch": 0}, "data.batch is 0"),
    ],
)
def test_refusals(settings, words):
    with pytest.raises(ArgumentError, match=words):
        PointSets(**settings)
