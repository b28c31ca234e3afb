"""The Gaussian blur."""

import pytest
import torch
from scipy import ndimage

from drawgen.contract import generator
from drawgen.textures.blurring import blurred


@pytest.mark.parametrize("sigma", [0.8, 3.0])
def test_equals_scipy(sigma):
    picture = torch.rand(2, 30, 40, generator=generator(0))
    right = ndimage.gaussian_filter(picture.double().numpy(), (0, sigma, sigma), mode="constant", truncate=3.0)
    inner = (slice(None), slice(12, -12), slice(12, -12))  # scipy rounds where it truncates
    assert float((blurred(picture, sigma) - torch.from_numpy(right))[inner].abs().max()) < 2e-3
