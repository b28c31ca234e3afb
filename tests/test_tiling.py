"""Cutting tiles out of larger pictures, making them fit each other, evening them out, and undoing a helix's shear."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen import tiling
from drawgen.contract import generator
from drawgen.ranges import ArgumentError


def test_closed_rows_repeat():
    """A strip that repeats with period H is cut without any error; what comes out repeats."""
    rng = generator(0)
    period = torch.rand(1, 20, 15, generator=rng)
    strip = period.repeat(1, 3, 1)[:, : 20 + 8 + 8]
    closed, _ = tiling.close_rows(strip, 20, 8)
    assert closed.shape == (1, 20, 15)
    offset = next(k for k in range(20) if torch.equal(closed, period.roll(-k, 1)))
    assert 0 <= offset < 20


def test_cut_follows_the_agreement():
    """Where the two ends agree along one row only, the path lies there."""
    rng = generator(1)
    strip = torch.rand(1, 16 + 4 + 0, 12, generator=rng)
    strip[:, 16 + 1 : 16 + 3] = strip[:, 1:3]
    closed, _ = tiling.close_rows(strip, 16, 4)
    assert torch.equal(closed[:, 2:], strip[:, 2:16])
    assert torch.equal(closed[:, 0], strip[:, 16])


def test_unshear_undoes_one_row_a_turn():
    """A picture that wraps with a step of one row wraps without it afterwards."""
    height, width = 16, 24
    i, j = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    phase = 2 * torch.pi * (2 * (i - 0.0) / height - 2 * j / (height * width) + 3 * j / width)
    # f(i, j + W) = f(i + 1, j): going around once is the same as one row down
    picture = torch.cos(phase + 4 * torch.pi * j / (height * width) * 2)[None]
    straight = tiling.unshear(picture)
    expected = torch.cos(2 * torch.pi * (2 * i / height + 3 * j / width))[None]
    torch.testing.assert_close(straight, expected, atol=1e-4, rtol=0)


def places(height, width):
    """A picture each of whose pixels says where it is."""
    return torch.stack(torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij"))


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(2, 20), st.integers(2, 20)),
    st.integers(2, 20),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.tuples(st.booleans(), st.booleans()),
    st.integers(0, 1000),
)
def test_what_closes_is_cut_out(size, overlap, spare, closes, seed):
    """Every pixel is one of those that lie whole tiles apart in the picture. Where the tile closes, the border's neighbours are
    neighbours in the picture."""
    overlap = min(overlap, *size)
    height, width = (length + (overlap + more if wraps else 0) for length, more, wraps in zip(size, spare, closes, strict=True))
    picture = torch.cat([torch.rand(1, height, width, generator=generator(seed)), places(height, width) * 1e-6])
    tile = tiling.close(picture, size, overlap, closes)
    assert tile.shape == (3, *size)
    at = (tile[1:] * 1e6).round().long()
    assert torch.equal(picture[:, at[0], at[1]], tile)
    offset = at - places(*size).long()
    for axis, (length, wraps) in enumerate(zip(size, closes, strict=True)):
        start = offset[axis].min()
        assert ((offset[axis] - start) % length == 0).all() if wraps else (offset[axis] == 0).all()
        if wraps:
            assert (offset[axis].movedim(axis, 0)[0] == start + length).all()
            assert (offset[axis].movedim(axis, 0)[-1] == start).all()


def test_a_layout_that_repeats_is_closed_without_error():
    period = torch.rand(3, 18, 23, generator=generator(0))
    tile = tiling.close(period.repeat(1, 2, 2)[:, : 18 + 6, : 23 + 9], (18, 23), 6)
    assert any(torch.equal(tile, period.roll((-i, -j), (1, 2))) for i in range(2) for j in range(4))


def test_the_cut_may_turn_back():
    """The two pictures agree along a path that is no function of the column."""
    agree = torch.zeros(9, 12, dtype=torch.bool)
    agree[2, :6], agree[3, :6] = True, True  # to the right, down, left, down, right
    agree[2:7, 4:6] = True
    agree[5:7, 2:6] = True
    agree[5:9, 2:4] = True
    agree[7:9, 2:] = True
    one, other = torch.rand(2, 1, 9, 12, generator=generator(0))
    other[:, agree] = one[:, agree]
    sure, never = torch.zeros(2, 9, 12, dtype=torch.bool)
    sure[0], never[-1] = True, True
    sure[:5, 7:], never[4:, 0] = True, True
    taken = tiling.chosen(one, other, sure & ~agree, never & ~agree, closed=False)
    across = (taken[1:] != taken[:-1]) & ~(agree[1:] & agree[:-1])
    along = (taken[:, 1:] != taken[:, :-1]) & ~(agree[:, 1:] & agree[:, :-1])
    assert not across.any()
    assert not along.any()


def test_borders_that_fit():
    rng = generator(2)
    first, other = torch.rand(2, 3, 30, 26, generator=rng)
    tile = tiling.fit_border(other, first, 9, 2)
    ring = torch.ones(30, 26, dtype=torch.bool)
    ring[2:-2, 2:-2] = False
    middle = torch.zeros(30, 26, dtype=torch.bool)
    middle[9:-9, 9:-9] = True
    assert torch.equal(tile[:, ring], first[:, ring])
    assert torch.equal(tile[:, middle], other[:, middle])
    assert ((tile == first) | (tile == other)).all()


def test_the_ring_follows_the_agreement():
    first, other = torch.rand(2, 3, 30, 26, generator=generator(2))
    square = torch.zeros(30, 26, dtype=torch.bool)
    square[4:-4, 5:-5] = True
    square[6:-6, 7:-7] = False  # two pixels wide
    other[:, square] = first[:, square]
    tile = tiling.fit_border(other, first, 10)
    outside = torch.ones(30, 26, dtype=torch.bool)
    outside[4:-4, 5:-5] = False
    assert torch.equal(tile, torch.where(outside, first, other))


@settings(deadline=None, max_examples=30)
@given(st.tuples(st.integers(8, 40), st.integers(8, 40)), st.floats(0, 1), st.tuples(st.booleans(), st.booleans()))
def test_evening_out(size, amount, wraps):
    """The mean stays, values stay in [0, 1], nothing changes at 0, and a shift around the torus goes through."""
    tile = torch.rand(2, *size, generator=generator(5))
    tile[:, : size[0] // 2, : size[1] // 3] *= 0.5
    even = tiling.even_out(tile, amount, wraps)
    assert even.min() >= 0
    assert even.max() <= 1
    torch.testing.assert_close(even.mean((1, 2)), tile.mean((1, 2)), atol=1e-4, rtol=0)
    if amount == 0:
        torch.testing.assert_close(even, tile, atol=1e-6, rtol=0)
    for axis in range(2):
        if wraps[axis]:
            turned = tiling.even_out(tile.roll(3, axis + 1), amount, wraps)
            torch.testing.assert_close(turned, even.roll(3, axis + 1), atol=1e-5, rtol=0)


def test_a_blob_is_evened_out():
    """A broad blob goes, where it crosses the border, too; a wave of a few pixels stays."""
    i, j = places(64, 64)
    blob = 0.2 * torch.cos(2 * torch.pi * i / 64) * torch.cos(2 * torch.pi * j / 64)
    fine = 0.1 * torch.cos(2 * torch.pi * i / 4)
    even = tiling.even_out((0.5 + blob + fine)[None])
    assert (even - 0.5 - fine).abs().max() < 0.45 * 0.2
    torch.testing.assert_close(tiling.even_out((0.5 + fine)[None]), (0.5 + fine)[None], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("picture is 20 x 20", lambda: tiling.close(torch.zeros(1, 20, 20), (16, 16), 8)),
        ("overlap_px is 1", lambda: tiling.close(torch.zeros(1, 20, 20), (16, 16), 1)),
        ("band_px is 8", lambda: tiling.fit_border(torch.zeros(1, 16, 16), torch.zeros(1, 16, 16), 8)),
        ("amount is 2", lambda: tiling.even_out(torch.zeros(1, 16, 16), 2)),
    ],
)
def test_refusals(words, call):
    with pytest.raises(ArgumentError, match=words):
        call()
