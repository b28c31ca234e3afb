"""The error on several scales."""

import pytest
import torch
from torch.nn import functional as F

from drawgen.contract import generator
from drawgen.nn.pyramid import pyramid


def test_pyramid():
    """Against means of blocks, taken one after another."""
    canvas, target = torch.rand(2, 3, 16, 16, generator=generator(1)), torch.rand(2, 3, 16, 16, generator=generator(2))
    for row in range(2):
        total = 0.0
        for side in (1, 2, 4, 8):
            blocks = (canvas - target)[row].unfold(1, side, side).unfold(2, side, side).mean((3, 4))
            total += float(blocks.square().mean())
        assert float(pyramid(canvas, target)[row]) == pytest.approx(total, rel=1e-5)
    assert torch.allclose(pyramid(canvas[None], target[None])[0], pyramid(canvas, target))
    assert float(F.l1_loss(pyramid(target, target), torch.zeros(2))) == 0
