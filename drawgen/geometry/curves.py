"""A space-filling curve: points that are near on it are near in the plane."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

CURVE_BITS = 10
"""The Hilbert curve goes through 2^10 x 2^10 cells."""


def along_curve(points: Float[Tensor, "... 2"]) -> Int[Tensor, "..."]:
    """How far along a Hilbert curve the points of the unit square lie (Warren's algorithm: Hacker's Delight, chapter 16)."""
    side = 1 << CURVE_BITS
    x, y = ((points[..., axis] * side).long().clamp(0, side - 1) for axis in (0, 1))
    along = torch.zeros_like(x)
    s = side // 2
    while s:
        right, upper = (x & s) > 0, (y & s) > 0
        along = along + s * s * ((3 * right.long()) ^ upper.long())
        x, y = (torch.where(right & ~upper, s - 1 - (part & (s - 1)), part & (s - 1)) for part in (x, y))
        x, y = torch.where(upper, x, y), torch.where(upper, y, x)
        s //= 2
    return along
