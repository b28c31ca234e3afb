"""Cutting a strip into a tile, and undoing a helix's shear."""

import torch

from drawgen import tiling
from drawgen.contract import generator


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
