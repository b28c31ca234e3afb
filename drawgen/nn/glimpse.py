"""The attention window of DRAW (Gregor et al. 2015, section 3.2): a grid of N x N Gaussian filters laid over a picture.

Axes: B pictures, C channels, H rows, W columns, N filters per side.

Five numbers place the grid: the two coordinates of its centre, the stride between filters, their variance and an intensity. A small
stride reads a small patch at high resolution, a large one the whole picture at low resolution.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-8
"""Smallest variance, in square pixels."""


class Window(NamedTuple):
    """The position of a grid, in pixels; the centre of the first pixel is 1, as in the paper."""

    centre_x: Float[Tensor, " B"]
    centre_y: Float[Tensor, " B"]
    stride: Float[Tensor, " B"]
    variance: Float[Tensor, " B"]
    intensity: Float[Tensor, " B"]


def place(numbers: Float[Tensor, "B 5"], height: int, width: int, filters: int) -> Window:
    """Equations 21 to 24: (gx~, gy~, log variance, log stride~, log intensity) to a window."""
    x, y, log_variance, log_stride, log_intensity = numbers.unbind(1)
    stride = (max(height, width) - 1) / max(1, filters - 1) * log_stride.exp()
    return Window((width + 1) / 2 * (x + 1), (height + 1) / 2 * (y + 1), stride, log_variance.exp(), log_intensity.exp())


def filterbank(
    centre: Float[Tensor, " B"], stride: Float[Tensor, " B"], variance: Float[Tensor, " B"], size: int, filters: int
) -> Float[Tensor, "B N A"]:
    """Equations 19, 20, 25, 26: row i is a Gaussian around centre + (i - N/2 - 1/2) stride, i = 1 ... N, over the pixels
    1 ... `size`, and sums to 1. It is computed as a softmax, which is the same and never divides zero by zero: for a filter off the
    picture, all weight is on the nearest pixel."""
    offsets = torch.arange(1, filters + 1, device=centre.device, dtype=centre.dtype) - filters / 2 - 0.5
    means = centre[:, None] + offsets * stride[:, None]  # B N
    pixels = torch.arange(1, size + 1, device=centre.device, dtype=centre.dtype)
    exponent = (pixels - means[:, :, None]).square() * (-0.5 / (variance + EPSILON))[:, None, None]  # B N A
    return exponent.softmax(2)


def filterbanks(window: Window, height: int, width: int, filters: int) -> tuple[Float[Tensor, "B N H"], Float[Tensor, "B N W"]]:
    """(F_Y, F_X)."""
    rows = filterbank(window.centre_y, window.stride, window.variance, height, filters)
    columns = filterbank(window.centre_x, window.stride, window.variance, width, filters)
    return rows, columns


def read(image: Float[Tensor, "B C H W"], window: Window, filters: int) -> Float[Tensor, "B C N N"]:
    """Equation 27: intensity * F_Y image F_X^T; the channels share one grid."""
    rows, columns = filterbanks(window, image.shape[2], image.shape[3], filters)
    return window.intensity[:, None, None, None] * (rows[:, None] @ image @ columns[:, None].mT)


def write(patch: Float[Tensor, "B C N N"], window: Window, height: int, width: int) -> Float[Tensor, "B C H W"]:
    """Equation 29: F_Y^T patch F_X / intensity."""
    rows, columns = filterbanks(window, height, width, patch.shape[-1])
    return (rows[:, None].mT @ patch @ columns[:, None]) / window.intensity[:, None, None, None]


def box(numbers: Float[Tensor, "T B 5"], height: int, width: int, filters: int) -> Float[Tensor, "T B 4"]:
    """Left, top, right, bottom of windows, in pixels from the picture's corner; half a stride around the outer filters."""
    window = place(numbers.flatten(0, 1), height, width, filters)
    half = window.stride * filters / 2
    x, y = window.centre_x - 0.5, window.centre_y - 0.5
    return torch.stack([x - half, y - half, x + half, y + half], 1).view(*numbers.shape[:2], 4)
