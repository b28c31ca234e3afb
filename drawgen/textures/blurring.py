"""A Gaussian blur."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def blurred(picture: Float[Tensor, "C H W"], sigma_px: float) -> Float[Tensor, "C H W"]:
    """The picture blurred by a Gaussian of that standard deviation; beyond its border it is 0."""
    reach = math.ceil(3 * sigma_px)
    steps = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-((steps / max(sigma_px, 1e-6)) ** 2) / 2).to(picture)
    kernel = kernel / kernel.sum()
    down = F.conv2d(picture[:, None], kernel.view(1, 1, -1, 1), padding=(reach, 0))
    return F.conv2d(down, kernel.view(1, 1, 1, -1), padding=(0, reach))[:, 0]
