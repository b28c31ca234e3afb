"""Drawings as rows of a pen."""

import json
from itertools import islice

import numpy as np
import pytest
import torch

from drawgen.data.pictures import DataError
from drawgen.data.sketches import Polygons, Sketches, batch_of, simplified


def quickdraw(path, drawings):
    lines = [json.dumps({"word": "x", "drawing": [[*np.array(line).T.tolist()] for line in one]}) for one in drawings]
    path.write_text("\n".join(lines), encoding="utf-8")
    return Sketches(path=str(path), batch=2, held_out=0.25)


SHAPES = [[[[0, 0], [10, 0], [10, 20]], [[3, 3]]], [[[5, 5], [0, 5]]], [[[0, 0], [1, 1]], [[0, 1], [1, 0]]], [[[0, 0], [4, 8]]]]


def test_batches_are_stroke_5(tmp_path):
    data = quickdraw(tmp_path / "x.ndjson", SHAPES)
    spec = data.spec()
    assert (spec.point, spec.counts, spec.image) == (2, (2, 4), (1, 128, 128))
    assert len(data.drawings["train"]) == 3
    batch = next(iter(data.stream("train", seed=0)))
    assert batch.items() == ("drawings", 2)
    assert batch.rows[..., 2:].sum(2).eq(1).all()
    for row, length in zip(batch.rows, batch.lengths.tolist(), strict=True):
        assert row[0, :2].tolist() == [0, 0]  # a drawing starts at its first point
        assert row[length - 1 :, 4].eq(1).all()
        assert row[: length - 1, 4].eq(0).all()
        assert row[length - 2, 3] == 1  # the pen is raised after the last point


def test_steps_have_the_standard_deviation_1(tmp_path):
    data = quickdraw(tmp_path / "x.ndjson", SHAPES)
    steps = np.concatenate([rows[1:, :2] for rows in data.drawings["train"]])
    assert steps.std() == pytest.approx(1, rel=1e-5)


def test_stretching_is_in_training_only_and_by_the_seed(tmp_path):
    data = Polygons(batch=4, count=40)
    first = [batch.rows for batch in islice(data.stream("train", seed=1), 3)]
    again = [batch.rows for batch in islice(data.stream("train", seed=1, start=1), 2)]
    assert all(torch.equal(a, b) for a, b in zip(first[1:], again, strict=True))
    whole = torch.cat([batch.rows[:, 1, :2] for batch in data.stream("valid", seed=0)])
    assert torch.equal(whole, torch.cat([batch.rows[:, 1, :2] for batch in data.stream("valid", seed=5)]))
    plain = Polygons(batch=4, count=40, stretched=0.0)
    bare = next(iter(plain.stream("train", seed=1))).rows
    assert not torch.equal(first[0], bare)
    moved = bare[..., :2].abs() > 1e-3
    ratio = (first[0][..., :2] / bare[..., :2])[moved]
    assert ratio.min() > 0.84
    assert ratio.max() < 1.16


def test_points_on_a_line_are_left_out():
    line = np.stack([np.linspace(0, 1, 50), np.zeros(50)], 1)
    corner = np.array([[0, 0], [0.5, 0.001], [1, 0], [1, 1]])
    found = simplified([[line, line[:1]], [corner]], 0.008)
    assert [[len(part) for part in one] for one in found] == [[2, 1], [3]]


def test_what_is_too_long_or_too_short_is_left_out(tmp_path):
    zigzag = [[k, 10 * (k % 2)] for k in range(300)]
    data = quickdraw(tmp_path / "x.ndjson", [*SHAPES[:3], [zigzag], [[[3, 3]]], *SHAPES])
    assert sum(map(len, data.drawings.values())) == 7
    assert sorted(data.problems.values()) == ["it has 1 points, not 2 to 250", "it has 300 points, not 2 to 250"]
    with pytest.raises(DataError, match="no drawings to learn from"):
        quickdraw(tmp_path / "y.ndjson", [[zigzag]] * 2).spec()


def test_fewer_drawings_than_a_batch(tmp_path):
    data = quickdraw(tmp_path / "x.ndjson", SHAPES[:1])
    with pytest.raises(DataError, match="fewer than a batch of 2"):
        next(iter(data.stream("train", seed=0)))


def test_drawings_of_a_published_file(data):
    sheep = Sketches(path=str(data / "strokes_npz" / "aaron_sheep.npz"))
    assert [len(sheep.drawings[split]) for split in ("train", "valid")] == [7400, 300]
    assert sheep.spec().counts[1] <= 250


def test_a_batch_of_one():
    batch = batch_of([np.array([[0, 0, 0], [1, 2, 1]], np.float32)])
    assert batch.rows.tolist() == [[[0, 0, 1, 0, 0], [1, 2, 0, 1, 0], [0, 0, 0, 0, 1]]]
    assert batch.lengths.tolist() == [3]
