"""Pictures with several digits (after Ba, Mnih & Kavukcuoglu 2015, "Multiple Object Recognition with Visual Attention"), generated.

Axes: B pictures, H rows, W columns, S targets, D digits of a row.

    pairs      two digits at random places of a picture of 100x100 pixels; the label is which two, whatever their order: 55 classes
    addition   the same pictures; the label is the sum: 19 classes
    sequence   one to five digits in a row in a picture of 54x54 pixels, as on the number plates of houses; the target is the row

The boxes of a pair do not overlap (the paper does not say). All choices are uniform. Picture number i is a pure function of
(seed, i); validation pictures do not depend on the seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from drawgen.contract import SPLITS, Spec, check_split
from drawgen.data import standard
from drawgen.data.clutter import SIDE, TRAINING, VALIDATION, parts_of, uniforms
from drawgen.data.digests import digest
from drawgen.data.idx import Digits
from drawgen.data.pictures import shuffled
from drawgen.files import is_file
from drawgen.ranges import check_choice, check_fields

KINDS = ("pairs", "addition", "sequence")
LONGEST = 5
"""Digits of a row, at most."""
CORE = slice(4, 24)
"""MNIST's digits lie in the inner 20x20 pixels."""
NONE = -1
"""The target after the last one of a row."""
PAIRS = tuple(combinations_with_replacement(range(10), 2))
TRIES = 8


class DigitScene(NamedTuple):
    """A batch of pictures with several digits."""

    images: Float[Tensor, "B 1 H W"]
    """In [0, 1]."""
    targets: Int[Tensor, "B S"]
    """The label (S is 1), or the digits of the row, -1 after the last."""

    def items(self) -> tuple[str, int]:
        return "pictures", len(self.images)


@dataclass(frozen=True, kw_only=True)
class DigitScenes:
    """Pictures of several digits, generated: every training picture is new, the validation pictures are fixed."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    kind: str = "pairs"
    """pairs (two digits, whatever their order), addition (their sum), or sequence (one to five digits in a row)."""
    digits: str = "mnist"
    """mnist (its last 10,000 training digits are for validation), or segments: the ten digits of a pocket calculator, without
    files."""
    path: str = "data"
    """Folder with MNIST's files, as published or as torchvision stores them; training downloads them if they are missing. For
    evaluation alone, one file of pictures with its labels beside it, such as t10k-images-idx3-ubyte.gz."""
    batch: int = 128
    """Pictures in a batch."""
    side_px: int = 100
    """Side of a picture: at least 84, and of a sequence at least 32."""

    def __post_init__(self) -> None:
        check_choice("data.kind", self.kind, KINDS)
        check_choice("data.digits", self.digits, ("mnist", "segments"))
        check_fields(self, "data", "batch", at_least=1)
        check_fields(self, "data", "side_px", at_least=32 if self.kind == "sequence" else 3 * SIDE, at_most=4096)

    @cached_property
    def parts(self) -> tuple[Digits, Digits]:
        """The training and validation digits."""
        return parts_of(self.digits, self.path)

    def fetch(self) -> None:
        """Downloads missing files before training. Raises DataError."""
        if self.digits == "mnist" and not is_file(self.path):
            standard.fetch("mnist", Path(self.path))

    def digest(self) -> str:
        return digest(*(x for part in self.parts for x in part))

    def spec(self) -> Spec:
        image = (1, self.side_px, self.side_px)
        if self.kind == "pairs":
            return Spec(image, classes=tuple(f"{a} {b}" for a, b in PAIRS))
        if self.kind == "addition":
            return Spec(image, classes=tuple(str(n) for n in range(19)))
        return Spec(image, classes=tuple("0123456789"), counts=(1, LONGEST))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[DigitScene]:
        """Training digits, reshuffled in every epoch, each with random others; for validation each digit once."""
        check_split(self, split)
        train, valid = self.parts
        if split == "valid":
            for first in range(rank * 500, len(valid.labels), ranks * 500):
                yield self.scenes(valid, np.arange(first, min(first + 500, len(valid.labels))), first, (0, VALIDATION))
            return
        batches = shuffled(
            len(train.labels), self.batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks, held_out=len(valid.labels)
        )
        for step, chosen in batches:
            yield self.scenes(train, chosen.numpy(), (step * ranks + rank) * self.batch, (seed, TRAINING))

    def scenes(self, digits: Digits, chosen: Int[np.ndarray, " B"], first: int, key: tuple[int, int]) -> DigitScene:
        """The scenes number `first`, `first` + 1 ... whose first digits are the `chosen` ones."""
        if self.kind == "sequence":
            return rows(digits, chosen, uniforms(key, first, len(chosen), 5 + 2 * LONGEST), self.side_px)
        images, a, b = pairs(digits, chosen, uniforms(key, first, len(chosen), 3 + 2 * TRIES), self.side_px)
        if self.kind == "addition":
            targets = a + b
        else:
            low, high = np.minimum(a, b), np.maximum(a, b)
            targets = low * 10 - low * (low - 1) // 2 + high - low  # the number of (low, high) in PAIRS
        return DigitScene(images, torch.from_numpy(targets)[:, None])


def pairs(
    digits: Digits, chosen: Int[np.ndarray, " B"], numbers: Float64[np.ndarray, "B _"], side: int
) -> tuple[Float[Tensor, "B 1 H W"], Int[np.ndarray, " B"], Int[np.ndarray, " B"]]:
    """Pictures of two digits, and the labels of both. The second is put at the first of several random places where it does not
    touch the first one, or else into the corner that is farthest from it."""
    other = (numbers[:, 0] * len(digits.labels)).astype(np.int64)
    room = side - SIDE
    place = (numbers[:, 1:] * (room + 1)).astype(np.int64).reshape(len(chosen), -1, 2)  # B 1+TRIES 2
    one = place[:, 0]
    apart = (np.abs(place[:, 1:] - one[:, None]) >= SIDE).any(2)
    fits = apart.argmax(1)
    two = np.where(apart.any(1)[:, None], place[np.arange(len(chosen)), 1 + fits], np.where(one > room // 2, 0, room))
    scenes = np.zeros((len(chosen), side, side), np.uint8)
    row, at = np.arange(len(chosen))[:, None, None], np.arange(SIDE)
    for which, corner in ((chosen, one), (other, two)):
        scenes[row, corner[:, 1, None, None] + at[None, :, None], corner[:, 0, None, None] + at] = digits.pictures[which]
    return torch.from_numpy(scenes)[:, None].float().div_(255), digits.labels[chosen], digits.labels[other]


def rows(digits: Digits, chosen: Int[np.ndarray, " B"], numbers: Float64[np.ndarray, "B _"], side: int) -> DigitScene:
    """Pictures of one to five digits in a row: of one size, at distances of 0.65 to 0.85 of it, each a little higher or lower."""
    drawn = torch.from_numpy(numbers).float()
    length = 1 + (drawn[:, 0] * LONGEST).long()
    spacing = 0.65 + 0.2 * drawn[:, 1]
    spans = 1 + (length - 1) * spacing  # of digits
    size = (0.94 * side / spans).clamp(max=0.6 * side) * (0.7 + 0.3 * drawn[:, 2])
    left = drawn[:, 3] * (side - size * spans)
    top = (0.06 + 0.88 * drawn[:, 4]) * (side - size)
    slots = torch.arange(LONGEST)
    shift = (drawn[:, 5 + LONGEST :] - 0.5) * 0.12 * size[:, None]  # B D
    which = (numbers[:, 5 : 5 + LONGEST] * len(digits.labels)).astype(np.int64)
    which[:, 0] = chosen
    cores = torch.from_numpy(digits.pictures[which][:, :, CORE, CORE]).float().div_(255)  # B D 20 20
    across = resampling(left[:, None] + slots * (size * spacing)[:, None], size, side)  # B D W 20
    down = resampling(top[:, None] + shift, size, side)
    there = slots < length[:, None]
    images = (down @ cores @ across.mT * there[..., None, None]).amax(1, keepdim=True).clamp(max=1)
    targets = torch.where(there, torch.from_numpy(digits.labels[which]), NONE)
    return DigitScene(images, targets)


def resampling(first: Float[Tensor, "B D"], size: Float[Tensor, " B"], side: int) -> Float[Tensor, "B D side 20"]:
    """Matrices that resize 20 pixels to `size` pixels, of `side`, which begin at `first`: triangle filters, as wide as the coarser
    of both grids. The other pixels are 0."""
    pixels = torch.arange(side) + 0.5
    source = torch.arange(20) + 0.5
    scale = (size / 20)[:, None, None, None]
    distance = (pixels[:, None] - (first[..., None, None] + source * scale)).abs()  # in pixels of the picture
    return (1 - distance / scale.clamp(min=1)).clamp(min=0) * scale.clamp(max=1)
