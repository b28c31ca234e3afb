"""Pictures and labels in idx files, the format of MNIST and similar sets."""

import re
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from drawgen.data import packed
from drawgen.data.packed import DAMAGED, reason
from drawgen.data.pictures import DataError
from drawgen.files import is_file

Labels: TypeAlias = Int[np.ndarray, " n"]


def find_idx(folder: Path, stem: str, kind: str = "idx3", *, name: str = "MNIST") -> Path | None:
    """Finds an idx file as published, or as torchvision and Kaggle store it: in `NAME/raw`, with a dot in its name, in a folder of
    the same name, packed or not."""
    for place in (folder, folder / name / "raw", folder / "raw"):
        for own in (f"{stem}-{kind}-ubyte", f"{stem}.{kind}-ubyte"):
            for file in (place / f"{own}.gz", place / own, place / own / own):
                if is_file(file):
                    return file
    return None


def read_idx(path: Path) -> Tensor:
    """n 1 H W from an idx file, packed or not. Raises DataError."""
    try:
        pixels = packed.read_idx(path, 2051, 3)
    except DAMAGED as error:
        raise DataError(f"{path} is not a whole idx file of pictures ({reason(error)}); take a copy") from error
    return torch.from_numpy(pixels)[:, None]


class Digits(NamedTuple):
    """Pictures of digits and their labels."""

    pictures: UInt8[np.ndarray, "n H W"]
    labels: Labels


def read_digits(path: Path) -> Digits:
    """Reads an idx file of pictures, packed or not, and the labels beside it. Raises DataError."""
    pictures = read_idx(path)[:, 0].numpy()
    return Digits(pictures, read_labels(path, len(pictures)))


def read_labels(path: Path, count: int) -> Labels:
    """The labels of an idx file of so many pictures, from the file beside it. Raises DataError."""
    stem = re.split(r"[-.]idx3", path.name)[0].replace("images", "labels")
    beside = find_idx(path.parent, stem, "idx1") or find_idx(path.parent.parent, stem, "idx1")
    if beside is None:
        raise DataError(f"{path} has no file of labels beside it ({stem}-idx1-ubyte.gz, or unpacked); put it there")
    try:
        labels = packed.read_idx(beside, 2049, 1).astype(np.int64)
        if len(labels) != count:
            raise ValueError(f"its count is {len(labels)}, not {count}")
        if labels.max(initial=0) > 9:
            raise ValueError(f"it holds the label {labels.max()}")
    except DAMAGED as error:
        raise DataError(
            f"{beside} is not the file of labels that belongs to {path.name} ({reason(error)}); put it there"
        ) from error
    return labels
