"""The error of a drawing on a pyramid of resolutions.

Axes: N drawings, C channels, H rows, W columns.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def pyramid(canvas: Float[Tensor, "*N C H W"], target: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N"]:
    """Mean squared errors at the picture's size, a half, a quarter and an eighth of it, added up."""
    error = canvas - target
    flat = error.flatten(0, -4)
    total = flat.square().mean((1, 2, 3))
    for _ in range(3):
        flat = F.avg_pool2d(flat, 2)
        total = total + flat.square().mean((1, 2, 3))
    return total.view(error.shape[:-3])
