"""Several textures in one picture: labels say which one goes where, and minimum cuts join them.

Axes: K textures, C channels, H W rows and columns.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from drawgen.ranges import ArgumentError
from drawgen.textures import quilting_cpu as cuts
from drawgen.textures.blurring import blurred
from drawgen.textures.filling_cpu import depth

BAND_PX = 8
"""How far a cut may run beside the border of two labels."""
SOFT_PX = 0.8
"""Standard deviation of the blend at a cut."""


def combined(textures: Float[Tensor, "K C H W"], labels: Int[Tensor, "h w"], *, band_px: int = BAND_PX) -> Float[Tensor, "C H W"]:
    """One picture of several textures of the same size: where a label is k, it is texture k. Within `band_px` of a border, the
    textures meet along the minimum cut between them (Kwatra et al. 2003), and are blended over a pixel or two. With one label it is
    that texture, bit for bit.

    Raises ArgumentError for labels of another size, or without a texture.

    >>> textures = torch.stack([torch.zeros(3, 20, 30), torch.ones(3, 20, 30)])
    >>> labels = (torch.arange(30) >= 15).long().expand(20, 30)
    >>> picture = combined(textures, labels, band_px=4)
    >>> bool((picture[:, :, :11] == 0).all()), bool((picture[:, :, 19:] == 1).all())
    (True, True)
    """
    count, channels, height, width = textures.shape
    if tuple(labels.shape) != (height, width):
        raise ArgumentError("labels", f"have {labels.shape[1]}x{labels.shape[0]} pixels and the textures {width}x{height}")
    if int(labels.min()) < 0 or int(labels.max()) >= count:
        raise ArgumentError("labels", f"go from {labels.min()} to {labels.max()}, and there are {count} textures, counted from 0")
    labels = labels.cpu()
    own = F.one_hot(labels, count).movedim(2, 0).float()  # K H W
    # Pixels of a label stay if they are farther from its border than half of the farthest around, so a thin line stays a line.
    deep = torch.stack([torch.from_numpy(depth(mask.bool().numpy())) for mask in own]).float()
    fixed = (2 * deep > wide(deep, band_px)).any(0)
    near = (wide(own, band_px) > 0) & ~fixed | (own > 0)  # where each label may be
    if int(near.sum(0).max()) == 1:
        return chosen(textures, labels)
    stack = np.ascontiguousarray(textures.permute(0, 2, 3, 1).reshape(-1, width, channels).cpu().numpy(), np.float32)
    sources = np.empty((height, width, 2), np.int32)
    sources[..., 0] = np.arange(height)[:, None] + height * labels.numpy()
    sources[..., 1] = np.arange(width)
    known = np.ones((height, width), bool)
    for k in labels.unique().tolist():
        places = near[k] & ~fixed
        if places.any():
            usable = np.zeros(stack.shape[:2], bool)
            usable[k * height : (k + 1) * height] = near[k].numpy()
            y, x = (int(places.any(1 - axis).nonzero()[0]) for axis in range(2))
            h, w = (int(places.any(1 - axis).nonzero()[-1]) + 1 - at for axis, at in enumerate((y, x)))
            cuts.paste(stack, usable, sources, known, fixed.numpy(), False, False, y, x, h, w, k * height + y, x)
    cut = torch.from_numpy(sources[..., 0]).long().div(height, rounding_mode="floor")
    shares = blurred(F.one_hot(cut, count).movedim(2, 0).float(), SOFT_PX)
    blend = (textures * (shares / shares.sum(0))[:, None].to(textures)).sum(0)
    return torch.where(fixed.to(textures.device), chosen(textures, labels), blend)


def wide(layers: Float[Tensor, "K H W"], reach: int) -> Float[Tensor, "K H W"]:
    """The largest value around each pixel."""
    return F.max_pool2d(layers[None], 2 * reach + 1, 1, reach)[0]


def chosen(textures: Float[Tensor, "K C H W"], labels: Int[Tensor, "H W"]) -> Float[Tensor, "C H W"]:
    """Each pixel from the texture of its label."""
    return textures.gather(0, labels.to(textures.device)[None, None].expand(1, textures.shape[1], -1, -1))[0]
