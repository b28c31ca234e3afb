"""Masks, which are white where something holds and black elsewhere; and pictures of labels."""

import os

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor

from drawgen.image_reading import ImageError, check_size, load_with_alpha, locate
from drawgen.images import grey

BETWEEN = (0.1, 0.9)
"""Brightness of a pixel that is neither black nor white."""
MOST_BETWEEN = 0.1
"""A mask may have this fraction of such pixels: those at smooth borders."""
LABELLED = ["PNG", "GIF", "BMP", "TIFF"]
"""Formats that keep numbers as they are."""


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


def read_labels(source: str | os.PathLike[str], count: int) -> Int[Tensor, "H W"]:
    """The labels of a picture: its grey levels, or its indices in a palette, 0 to `count` - 1. Raises ImageError."""
    path, name = locate(source)
    try:
        with Image.open(path, formats=LABELLED) as picture:
            check_size((picture.height, picture.width), name)
            levels = np.asarray(picture)
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist; check the path") from error
    except OSError as error:
        kinds = ", ".join(LABELLED)
        raise ImageError(
            f"the labels {name} cannot be read ({error}); give a picture of grey levels or with a palette ({kinds})"
        ) from error
    if levels.ndim == 3 and levels.shape[2] >= 3 and (levels[..., :3] == levels[..., :1]).all():
        levels = levels[..., 0]
    if levels.ndim != 2:
        raise ImageError(f"the labels {name} are colours; save them as grey levels or with a palette")
    return labels_of(levels, count, f"the labels {name}")


def labels_of(levels: np.ndarray | Tensor, count: int, name: str = "labels") -> Int[Tensor, "H W"]:
    """The same of whole numbers, H W."""
    numbers = torch.as_tensor(np.asarray(levels).astype(np.int64)) if isinstance(levels, np.ndarray) else levels.cpu().long()
    if numbers.ndim != 2:
        raise ImageError(f"{name} have the shape {tuple(numbers.shape)}; give rows and columns")
    least, most = int(numbers.min()), int(numbers.max())
    if least < 0 or most >= count:
        wanted = "0" if count == 1 else f"0 to {count - 1}, in the order of the photographs"
        raise ImageError(f"{name} go from {least} to {most}; with {count} photograph{'s' * (count > 1)} they are {wanted}")
    return numbers
