"""Smooth random displacements of a picture: what is moved by a fraction of a pixel, here and there another way, stays like
itself, but is a copy no more.

Axes: C channels, H rows, W columns.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

WIDTH_PX = 3.0
"""Standard deviation of the Gaussian that smooths the displacements."""
LOBES = 4
"""Of the Lanczos kernel, to each side. A bicubic one blurs visibly at a displacement of half a pixel."""


def warped(
    picture: Float[Tensor, "C H W"], amount_px: float, *, closes: tuple[bool, bool] = (False, False), rng: torch.Generator
) -> Float[Tensor, "C H W"]:
    """The picture, each pixel taken from a place that is displaced by `amount_px` (standard deviation, in each direction), about
    the same for neighbours. Where it `closes` (rows, columns), so does the result. Values stay in [0, 1].

    >>> picture = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    >>> bool((warped(picture, 0.0, rng=torch.Generator().manual_seed(1)) - picture).abs().max() < 1e-5)
    True
    """
    height, width = picture.shape[1:]
    by = smooth(height, width, rng) * amount_px
    weights, places = [], []
    for axis, (length, wraps) in enumerate(zip((height, width), closes, strict=True)):
        start = torch.arange(length, dtype=torch.float32)
        at = (start[:, None] if axis == 0 else start) + by[axis]
        low = at.floor()
        taps = torch.arange(1 - LOBES, LOBES + 1)[:, None, None]
        away = at - low - taps
        kernel = torch.sinc(away) * torch.sinc(away / LOBES)
        weights.append(kernel / kernel.sum(0))
        index = low.long() + taps
        places.append(index % length if wraps else mirrored(index, length))
    out = torch.zeros_like(picture)
    for row_weight, row in zip(weights[0], places[0], strict=True):
        for column_weight, column in zip(weights[1], places[1], strict=True):
            out += row_weight * column_weight * picture[:, row, column]
    return out.clamp(0, 1)


def smooth(height: int, width: int, rng: torch.Generator) -> Float[Tensor, "2 H W"]:
    """White noise blurred by a Gaussian, which wraps around; mean 0 and standard deviation 1."""
    noise = torch.randn(2, height, width, generator=rng)
    down, along = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    blur = torch.exp(-2 * (math.pi * WIDTH_PX) ** 2 * (down**2 + along**2))
    blur[0, 0] = 0
    field = torch.fft.irfft2(torch.fft.rfft2(noise) * blur, (height, width))
    return field / field.std((1, 2), correction=0, keepdim=True).clamp(min=1e-6)


def mirrored(index: Tensor, length: int) -> Tensor:
    """Indices beyond the ends, reflected at the ends (which are repeated)."""
    folded = index % (2 * length)
    return torch.where(folded < length, folded, 2 * length - 1 - folded)
