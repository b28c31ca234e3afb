"""House numbers: SVHN's full numbers (Netzer et al. 2011, "Reading Digits in Natural Images"; Format 1).

Axes: B pictures, C channels, H rows, W columns, S digits of a row.

A folder has train/ and, where they are, extra/ and test/, each with 1.png, 2.png ... and digitStruct.mat, which has the box of
every digit. As in Goodfellow et al. (2014), the box around a number is enlarged by 30 % and resized to 64x64 pixels; training takes
a random crop of it, evaluation the middle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from drawgen import images
from drawgen.contract import Spec, check_split, generator
from drawgen.data.digests import digest
from drawgen.data.digit_scenes import LONGEST, NONE, DigitScene
from drawgen.data.pictures import DataError, shuffled
from drawgen.files import is_file, is_folder
from drawgen.ranges import check_fields

BOXES = "digitStruct.mat"
PARTS = ("train", "extra")
"""The folders to train on; extra/ may be missing."""
EVERY = 20
"""Every how manieth number of train/ is for validation."""
ROOM = 0.3
"""How much a number's box is enlarged."""
CROPPED = 54 / 64
"""The side of a crop, of the resized box."""
AT_ONCE = 200
MOST = 1_000_000
"""Pictures of a folder, at most."""


class Number(NamedTuple):
    """A house number."""

    file: Path
    box: tuple[float, float, float, float]
    """Around all digits: left, top, right, bottom in pixels."""
    digits: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class HouseNumbers:
    """Photographs of house numbers, of one to five digits."""

    splits: ClassVar[tuple[str, ...]] = ("train", "valid", "test")
    path: str = "svhn"
    """Folder with train/, and where they are, extra/ and test/: SVHN's full numbers (Format 1), unpacked. A twentieth of train/ is
    for validation."""
    batch: int = 128
    """Pictures in a batch."""
    side_px: int = 54
    """Side of a picture."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", at_least=1)
        check_fields(self, "data", "side_px", at_least=16, at_most=1024)

    @cached_property
    def parts(self) -> tuple[list[Number], list[Number]]:
        """The numbers for training and for validation."""
        folder = Path(self.path)
        numbers = read_numbers(folder / PARTS[0])
        held = numbers[EVERY - 1 :: EVERY]
        train = [number for n, number in enumerate(numbers) if n % EVERY != EVERY - 1]
        if is_folder(folder / PARTS[1]):
            train += read_numbers(folder / PARTS[1])
        return train, held

    @cached_property
    def test(self) -> list[Number]:
        return read_numbers(Path(self.path) / "test")

    def digest(self) -> str:
        told = "".join(f"{number.file.name}{number.digits}" for part in self.parts for number in part)
        return digest(np.frombuffer(told.encode(), np.uint8))

    def spec(self) -> Spec:
        return Spec((3, self.side_px, self.side_px), classes=tuple("0123456789"), counts=(1, LONGEST))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[DigitScene]:
        check_split(self, split)
        train, valid = self.parts
        if split != "train":
            numbers = valid if split == "valid" else self.test
            for first in range(rank * AT_ONCE, len(numbers), ranks * AT_ONCE):
                yield self.scenes(numbers[first : first + AT_ONCE], None)
            return
        batches = shuffled(len(train), self.batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks, held_out=len(valid))
        for step, chosen in batches:
            yield self.scenes([train[n] for n in chosen.tolist()], generator(seed, step, rank))

    def scenes(self, numbers: list[Number], rng: torch.Generator | None) -> DigitScene:
        """Crops, at random if there is an `rng`, else the middle."""
        pictures = torch.stack([self.crop(number, rng) for number in numbers])
        targets = torch.tensor([[*number.digits, *[NONE] * (LONGEST - len(number.digits))] for number in numbers])
        return DigitScene(pictures, targets)

    def crop(self, number: Number, rng: torch.Generator | None) -> Float[Tensor, "3 H W"]:
        try:
            picture = images.load_image(number.file)
        except images.ImageError as error:
            raise DataError(str(error)) from error
        left, top, right, bottom = number.box
        x, y = (left + right) / 2, (top + bottom) / 2
        half = np.array([right - left, bottom - top]) * (1 + ROOM) / 2
        at = (torch.rand(2, generator=rng) * 2 - 1 if rng is not None else torch.zeros(2)).numpy()
        x, y = np.array([x, y]) + at * half * (1 - CROPPED)
        half = half * CROPPED
        height, width = picture.shape[1:]
        rows = slice(max(0, round(y - half[1])), max(1, min(height, round(y + half[1]))))
        columns = slice(max(0, round(x - half[0])), max(1, min(width, round(x + half[0]))))
        cut = picture[:, rows, columns].expand(3, -1, -1)
        if 0 in cut.shape:
            raise DataError(f"{number.file}: its digits lie outside of the picture ({BOXES}); take fresh copies of both")
        return images.resize(cut, self.side_px, self.side_px)


def read_numbers(folder: Path) -> list[Number]:
    """The numbers of a folder of one to five digits, by its `digitStruct.mat`; longer ones, of which SVHN has two, are left out.
    Raises DataError."""
    file = folder / BOXES
    if not is_file(file):
        raise DataError(f"{folder} has no {BOXES}; give `data.path` the folder with SVHN's full numbers (Format 1), unpacked")
    try:
        import h5py
    except ImportError as error:
        raise DataError(f"{BOXES} is read by h5py, which is not installed; pip install 'drawgen[svhn]'") from error
    try:
        with h5py.File(file) as opened:
            names, boxes = opened["digitStruct"]["name"], opened["digitStruct"]["bbox"]
            if not 0 < len(names) == len(boxes) <= MOST:
                raise ValueError(f"it has {len(names)} names and {len(boxes)} boxes")
            found = [number_of(folder, opened, names[n, 0], boxes[n, 0]) for n in range(len(names))]
    except (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        raise DataError(f"{file} is not SVHN's {BOXES} ({error}); take a fresh copy") from error
    kept = [number for number in found if 1 <= len(number.digits) <= LONGEST]
    if not kept:
        raise DataError(f"{file} has no number of one to {LONGEST} digits; take a fresh copy")
    missing = next((number.file for number in kept if not is_file(number.file)), None)
    if missing is not None:
        raise DataError(f"{missing} is missing, and {BOXES} names it; unpack the whole archive")
    return kept


def number_of(folder: Path, opened: Any, name: Any, box: Any) -> Number:
    """One entry, behind its two references. A field of one digit is a number; of several, references to numbers."""
    text = "".join(map(chr, opened[name][:].ravel().tolist()))
    if not text.removesuffix(".png").isalnum():
        raise ValueError(f"a picture is named {text!r:.60}")
    fields = {}
    for key in ("left", "top", "width", "height", "label"):
        values = opened[box][key]
        fields[key] = [float(values[0, 0] if len(values) == 1 else opened[values[n, 0]][0, 0]) for n in range(len(values))]
    sides = np.array([fields["left"], fields["top"], fields["width"], fields["height"]])
    if not np.isfinite(sides).all() or not all(1 <= label <= 10 for label in fields["label"]):
        raise ValueError(f"{text} has a box or a label that is no number")
    left, top, width, height = sides
    around = (float(left.min()), float(top.min()), float((left + width).max()), float((top + height).max()))
    return Number(folder / text, around, tuple(int(label) % 10 for label in fields["label"]))
