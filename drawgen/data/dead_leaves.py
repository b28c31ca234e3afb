"""Dead leaves: pictures of discs that occlude each other (Lee, Mumford & Huang 2001), a caricature of natural images.

Axes: H rows, W columns.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen.ranges import check_range, check_size


def dead_leaves(
    size: tuple[int, int], *, least_px: float = 2.0, most_px: float = 100.0, power: float = 3.0, rng: torch.Generator
) -> Float[Tensor, "H W"]:
    """A picture of `size` (height, width) that is covered by discs of a uniform grey level in [0, 1]. Their radii have a density
    proportional to r^-power between `least_px` and `most_px`; with a power of 3 the picture looks alike at all scales between.

    Discs are laid from the front to the back until no pixel is left, which gives the same distribution as painting for ever.

    >>> picture = dead_leaves((32, 48), rng=torch.Generator().manual_seed(1))
    >>> picture.shape
    torch.Size([32, 48])
    """
    check_size(size)
    check_range("least_px", least_px, at_least=1)
    check_range("most_px", most_px, at_least=least_px)
    check_range("power", power, above=1)
    height, width = size
    picture = torch.zeros(height, width)
    free = torch.ones(height, width, dtype=torch.bool)
    low, high = least_px ** (1 - power), most_px ** (1 - power)
    while free.any():
        for u, v, w, level in torch.rand(4096, 4, dtype=torch.float64, generator=rng).tolist():
            radius = (low + u * (high - low)) ** (1 / (1 - power))
            # Centres fall as far outside as the largest disc reaches.
            y, x = v * (height + 2 * most_px) - most_px, w * (width + 2 * most_px) - most_px
            top, bottom = max(0, int(y - radius)), min(height, int(y + radius) + 2)
            left, right = max(0, int(x - radius)), min(width, int(x + radius) + 2)
            if top >= bottom or left >= right:
                continue
            there = free[top:bottom, left:right]
            if not there.any():
                continue
            rows, columns = torch.arange(top, bottom)[:, None] - y, torch.arange(left, right)[None, :] - x
            hit = there & (rows * rows + columns * columns <= radius * radius)
            picture[top:bottom, left:right][hit] = level
            there &= ~hit
    return picture
