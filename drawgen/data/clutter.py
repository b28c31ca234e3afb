"""Cluttered digits: a digit among pieces of others, after Mnih et al. (2014, "Recurrent Models of Visual Attention", section 4.1).

Axes: B pictures, N digits, H rows, W columns.

A picture is a black square of 100x100 pixels with one whole digit of 28x28 at a random place, and eight pieces of 8x8, each cropped
at random from a random digit and pasted at a random place. Where they overlap, the brighter pixel shows: a piece may touch the
digit, and may be all black. All choices are uniform, and pieces come from the same split as the digit. Picture number i is a pure
function of (seed, i); validation pictures do not depend on the seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, UInt8
from torch import Tensor

from drawgen.contract import SPLITS, Spec, check_split
from drawgen.data import standard
from drawgen.data.digests import digest
from drawgen.data.idx import Digits, read_digits
from drawgen.data.pictures import DataError, shuffled
from drawgen.files import is_file
from drawgen.ranges import check_choice, check_fields

SIDE = 28
VALID = 10_000
TRAINING, VALIDATION = range(2)  # part of the random numbers' key


class Labelled(NamedTuple):
    """A batch of pictures and their labels."""

    images: Float[Tensor, "B C H W"]
    """In [0, 1]."""
    labels: Int[Tensor, " B"]

    def items(self) -> tuple[str, int]:
        return "pictures", len(self.images)


@dataclass(frozen=True, kw_only=True)
class Cluttered:
    """Digits in clutter, generated: every training picture is new, the validation pictures are fixed."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    digits: str = "mnist"
    """mnist (its last 10,000 training digits are for validation), or segments: the ten digits of a pocket calculator, without
    files."""
    path: str = "data"
    """Folder with MNIST's files, as published or as torchvision stores them; training downloads them if they are missing. For
    evaluation alone, one file of pictures with its labels beside it, such as t10k-images-idx3-ubyte.gz."""
    batch: int = 128
    """Pictures in a batch."""
    side_px: int = 100
    """Side of a picture."""
    pieces: int = 8
    """Pieces of other digits per picture."""
    piece_px: int = 8
    """Side of a piece."""

    def __post_init__(self) -> None:
        check_choice("data.digits", self.digits, ("mnist", "segments"))
        check_fields(self, "data", "batch", at_least=1)
        check_fields(self, "data", "side_px", at_least=SIDE)
        check_fields(self, "data", "pieces", at_least=0)
        check_fields(self, "data", "piece_px", at_least=1, at_most=SIDE)

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
        return Spec((1, self.side_px, self.side_px), classes=tuple("0123456789"))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Labelled]:
        """Training digits, reshuffled in every epoch, at random places; for validation each digit once."""
        check_split(self, split)
        train, valid = self.parts
        if split == "valid":
            for first in range(rank * 500, len(valid.labels), ranks * 500):
                yield self.scenes(valid, torch.arange(first, min(first + 500, len(valid.labels))), first, (0, VALIDATION))
            return
        batches = shuffled(
            len(train.labels), self.batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks, held_out=len(valid.labels)
        )
        for step, chosen in batches:
            yield self.scenes(train, chosen, (step * ranks + rank) * self.batch, (seed, TRAINING))

    def scenes(self, digits: Digits, chosen: Int[Tensor, " B"], first: int, key: tuple[int, int]) -> Labelled:
        pictures = cluttered(
            digits.pictures, chosen.numpy(), key=key, first=first, side=self.side_px, pieces=self.pieces, piece=self.piece_px
        )
        return Labelled(torch.from_numpy(pictures)[:, None].float().div_(255), torch.from_numpy(digits.labels[chosen.numpy()]))


def cluttered(
    digits: UInt8[np.ndarray, "N 28 28"],
    chosen: Int[np.ndarray, " B"],
    *,
    key: tuple[int, int],
    first: int,
    side: int,
    pieces: int,
    piece: int,
) -> UInt8[np.ndarray, "B side side"]:
    """The scenes number `first`, `first` + 1 ... with the `chosen` digits: row n is a function of (key, first + n), chosen[n] and
    the set alone."""
    at = np.arange(max(SIDE, piece))[None, :, None]
    across = at.transpose(0, 2, 1)
    numbers = uniforms(key, first, len(chosen), 2 + 5 * pieces)
    drawn = iter(numbers.T[:, :, None, None])

    def draw(below: int) -> Int[np.ndarray, "B 1 1"]:
        return (next(drawn) * below).astype(np.int64)

    scenes = np.zeros((len(chosen), side, side), np.uint8)
    row = np.arange(len(chosen))[:, None, None]
    scenes[row, draw(side - SIDE + 1) + at[:, :SIDE], draw(side - SIDE + 1) + across[..., :SIDE]] = digits[chosen]
    at, across = at[:, :piece], across[..., :piece]
    for _ in range(pieces):
        cut = digits[draw(len(digits)), draw(SIDE - piece + 1) + at, draw(SIDE - piece + 1) + across]
        place = (row, draw(side - piece + 1) + at, draw(side - piece + 1) + across)
        scenes[place] = np.maximum(scenes[place], cut)
    return scenes


def uniforms(key: tuple[int, int], first: int, rows: int, columns: int) -> Float64[np.ndarray, "rows columns"]:
    """Numbers in [0, 1); row n is a function of (key, first + n) alone. A counter-based generator gives a whole block at once: each
    row has as many counts, of four numbers each, as it needs."""
    counts = -(-columns // 4)
    state = np.random.SeedSequence(key).generate_state(2, np.uint64)
    words = np.random.Philox(key=state, counter=first * counts).random_raw(rows * counts * 4)
    return (words.reshape(rows, -1)[:, :columns] >> np.uint64(11)) * 2.0**-53


def parts_of(digits: str, path: str) -> tuple[Digits, Digits]:
    """Training and validation digits of `segments`, or of MNIST's files in a folder; one file is both. Raises DataError."""
    if digits == "segments":
        return segments(10), segments(5)
    whole = is_file(path)
    if whole:
        found = read_digits(Path(path))
    else:
        pictures, labels = standard.load_labelled("mnist", Path(path))
        found = Digits(pictures[:, 0].numpy(), labels)
    if found.pictures.shape[1:] != (SIDE, SIDE):
        raise DataError(f"{path} has pictures of {found.pictures.shape[1:]} rows and columns; MNIST's have 28 and 28")
    if whole:
        return found, found
    if len(found.labels) <= VALID:
        raise DataError(f"{path} has {len(found.labels)} digits, of which {VALID} are for validation; give the whole set, 60000")
    return Digits(*(x[:-VALID] for x in found)), Digits(*(x[-VALID:] for x in found))


def segments(each: int) -> Digits:
    """The digits 0 to 9 of a pocket calculator, `each` of them times over."""
    bars = [  # top, upper left and right, middle, lower left and right, bottom
        (slice(3, 6), slice(8, 20)),
        (slice(4, 14), slice(7, 10)),
        (slice(4, 14), slice(18, 21)),
        (slice(12, 15), slice(8, 20)),
        (slice(14, 24), slice(7, 10)),
        (slice(14, 24), slice(18, 21)),
        (slice(22, 25), slice(8, 20)),
    ]
    lit = ["1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011"]
    pictures = np.zeros((10, SIDE, SIDE), np.uint8)
    for picture, bits in zip(pictures, lit, strict=True):
        for bar, bit in zip(bars, bits, strict=True):
            if bit == "1":
                picture[bar] = 255
    return Digits(np.tile(pictures, (each, 1, 1)), np.tile(np.arange(10), each))
