"""The glimpse of the recurrent attention model (Mnih et al. 2014, section 3.1): square crops of several scales around one place.

Axes: B pictures, C channels, H rows, W columns, S scales, N side of a crop in pixels.

The first crop has the picture's resolution; each further one covers twice the side at half the resolution. Its cost does not
depend on the picture's size.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def crops(images: Float[Tensor, "B C H W"], places: Float[Tensor, "B 2"], side: int, scales: int) -> Float[Tensor, "B _ N N"]:
    """The crops around `places` (x, y; -1 and 1 are the picture's edges), the finest first. Between pixels it interpolates; outside
    of the picture all is 0.

    >>> image = torch.arange(16.0).view(1, 1, 4, 4)
    >>> crops(image, torch.zeros(1, 2), 2, 1)[0, 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """
    height, width = images.shape[2:]
    whole = side << (scales - 1)
    offsets = torch.arange(whole, device=images.device, dtype=images.dtype) - (whole - 1) / 2  # pixels
    at = places[:, :, None] + offsets * (2 / places.new_tensor([width, height]))[None, :, None]  # B 2 whole
    grid = torch.stack([at[:, 0, None, :].expand(-1, whole, -1), at[:, 1, :, None].expand(-1, -1, whole)], 3)
    window = F.grid_sample(images, grid, align_corners=False)
    found = []
    for scale in range(scales):
        covers = side << scale
        cut = (whole - covers) // 2
        found.append(F.avg_pool2d(window[..., cut : cut + covers, cut : cut + covers], 1 << scale))
    return torch.cat(found, 1)


def boxes(places: Float[Tensor, "T B 2"], height: int, width: int, side_px: float) -> Float[Tensor, "T B 4"]:
    """Left, top, right and bottom of a crop of this side, in pixels from the picture's corner."""
    centres = (places + 1) / 2 * places.new_tensor([width, height])
    return torch.cat([centres - side_px / 2, centres + side_px / 2], 2)
