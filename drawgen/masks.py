"""Masks: pictures that are white where something holds, and black elsewhere."""

import os

from jaxtyping import Bool, Float
from torch import Tensor

from drawgen.image_reading import ImageError, load_with_alpha
from drawgen.images import grey

BETWEEN = (0.1, 0.9)
"""Brightness of a pixel that is neither black nor white."""
MOST_BETWEEN = 0.1
"""A mask may have this fraction of such pixels: those at smooth borders."""


def read_mask(source: str | os.PathLike[str], size: tuple[int, int]) -> Bool[Tensor, "H W"]:
    """Where the mask is brighter than half. Transparent pixels are black. Raises ImageError for a mask that is not of `size` (rows,
    columns), or that is grey."""
    picture, alpha = load_with_alpha(source)
    return mask_of(picture if alpha is None else picture + alpha - 1, size, os.fspath(source))


def mask_of(picture: Float[Tensor, "C H W"], size: tuple[int, int], name: str) -> Bool[Tensor, "H W"]:
    """The same of a picture that is read already; `name` is what messages call it."""
    found = (picture.shape[1], picture.shape[2])
    if found != size:
        raise ImageError(
            f"the mask {name} is {found[1]}x{found[0]} pixels and its photograph {size[1]}x{size[0]}; make them the same size"
        )
    bright = grey(picture)[0]
    between = float(((bright > BETWEEN[0]) & (bright < BETWEEN[1])).float().mean())
    if between > MOST_BETWEEN:
        raise ImageError(f"the mask {name} is grey in {between:.0%} of its pixels; make it black and white")
    return bright > 0.5
