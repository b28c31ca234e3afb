"""Masks, which are white where something holds and black elsewhere; and pictures of labels."""

import os
import warnings

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from drawgen.files import open_file
from drawgen.image_reading import ORIENTATION, ImageError, load_with_alpha, locate, picture_size, turned
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
    picture_size(source)  # one that can be opened, and is not too large
    try:
        with open_file(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes: ours is checked
            with Image.open(file, formats=LABELLED) as picture:
                levels = turned(np.asarray(picture), picture.getexif().get(ORIENTATION, 1))
    except Exception as error:  # a decoder may fail on a damaged file in any way
        why = "another format" if isinstance(error, UnidentifiedImageError) else str(error)
        kinds = ", ".join(LABELLED)
        raise ImageError(
            f"the labels {name} cannot be read ({why}); give a picture of grey levels or with a palette ({kinds})"
        ) from error
    if levels.ndim == 3 and (levels.shape[2] == 2 or (levels[..., :3] == levels[..., :1]).all()):  # 2: grey and alpha
        levels = levels[..., 0]
    if levels.ndim != 2:
        raise ImageError(f"the labels {name} are colours; save them as grey levels or with a palette")
    return labels_of(levels, count, f"the labels {name}")


def labels_of(levels: object, count: int, name: str = "labels") -> Int[Tensor, "H W"]:
    """The same of whole numbers, H W."""
    try:
        given = levels.detach().cpu().numpy() if isinstance(levels, Tensor) else np.asarray(levels)
    except ValueError as error:  # lists of different lengths
        raise ImageError(f"{name} are no rows and columns; give rows of the same length") from error
    if given.ndim != 2 or 0 in given.shape:
        raise ImageError(f"{name} have the shape {given.shape}; give rows and columns")
    if given.dtype.kind not in "biuf" or not (given == np.floor(given)).all() or np.isinf(given).any():
        raise ImageError(f"{name} are not whole numbers; give 0 for the first photograph, 1 for the second ...")
    numbers = torch.from_numpy(given.astype(np.int64))
    least, most = int(numbers.min()), int(numbers.max())
    if least < 0 or most >= count:
        wanted = "0" if count == 1 else f"0 to {count - 1}, in the order of the photographs"
        raise ImageError(f"{name} go from {least} to {most}; with {count} photograph{'s' * (count > 1)} they are {wanted}")
    return numbers
