"""Pictures of several digits, against their descriptions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.data.clutter import segments
from drawgen.data.digit_scenes import PAIRS, DigitScenes, pairs, resampling


def scenes(kind, **changes):
    return DigitScenes(kind=kind, digits="segments", **({"batch": 16} | changes))


def first(data, split="train", **how):
    return next(iter(data.stream(split, seed=0, **how)))


@given(side=st.integers(84, 130), seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_boxes_of_a_pair_never_overlap(side, seed):
    """All ink of both digits is there, whatever the places."""
    digits = segments(1)
    numbers = np.random.default_rng(seed).random((20, 19))
    chosen = np.arange(20) % 10
    images, a, b = pairs(digits, chosen, numbers, side)
    ink = (digits.pictures > 0).sum((1, 2))
    assert ((images[:, 0] > 0).sum((1, 2)).numpy() == ink[a] + ink[b]).all()
    assert (a == chosen).all()


def test_pairs_have_55_classes_and_sums_19():
    data, sums = scenes("pairs", batch=50), scenes("addition", batch=50)
    assert len(data.spec().labels) == 55
    assert len(sums.spec().labels) == 19
    both, added = first(data), first(sums)
    assert torch.equal(both.images, added.images)
    said = [data.spec().labels[n] for n in both.targets[:, 0].tolist()]
    assert all(pair.split() == sorted(pair.split()) for pair in said)
    assert [sum(map(int, pair.split())) for pair in said] == added.targets[:, 0].tolist()
    assert [f"{a} {b}" for a, b in PAIRS] == list(data.spec().labels)


def test_a_row_has_one_to_five_digits_from_left_to_right():
    data = scenes("sequence", batch=50, side_px=54)
    batch = first(data)
    assert batch.images.shape == (50, 1, 54, 54)
    assert data.spec().counts == (1, 5)
    lengths = (batch.targets >= 0).sum(1)
    assert set(lengths.tolist()) == {1, 2, 3, 4, 5}
    assert all((row[n:] == -1).all() and (row[:n] >= 0).all() for row, n in zip(batch.targets, lengths, strict=True))
    assert batch.images.amax() <= 1 + 1e-5
    wide = [int((image[0].amax(0) > 0.1).nonzero().flatten().diff().max()) for image in batch.images]
    assert max(wide) < 20  # no digit is far from the next one


def test_resampling_keeps_brightness():
    """Where a digit lies within the picture, its mean brightness does not depend on its size."""
    matrix = resampling(torch.tensor([[3.0]]), torch.tensor([30.0]), 40)[0, 0]
    torch.testing.assert_close(matrix[10:20].sum(1), torch.ones(10))  # enlarged: every pixel is a mean
    matrix = resampling(torch.tensor([[3.0]]), torch.tensor([10.0]), 40)[0, 0]
    torch.testing.assert_close(matrix[5:11].sum(1), torch.ones(6))
    torch.testing.assert_close(matrix.sum(0), torch.full((20,), 0.5))  # reduced: every source pixel counts half


@pytest.mark.parametrize("kind", ["pairs", "addition", "sequence"])
def test_the_stream_is_a_function_of_seed_and_step(kind):
    data = scenes(kind)
    several = [batch for batch, _ in zip(data.stream("train", seed=3), range(3), strict=False)]
    again = next(iter(data.stream("train", seed=3, start=2)))
    assert torch.equal(several[2].images, again.images)
    assert torch.equal(several[2].targets, again.targets)
    assert not torch.equal(several[0].images, next(iter(data.stream("train", seed=4))).images)
    valid = [torch.cat([batch.images for batch in data.stream("valid", seed=seed)]) for seed in (0, 1)]
    assert torch.equal(*valid)
    assert len(valid[0]) == 50


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"data\.side_px is 60"):
        DigitScenes(side_px=60)
    with pytest.raises(ValueError, match=r"data\.kind"):
        DigitScenes(kind="triples")
