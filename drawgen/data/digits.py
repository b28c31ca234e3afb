"""Digits in black and white: the fixed binarisation of MNIST on which papers report their nats."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data.digests import digest
from drawgen.data.packed import DAMAGED, LARGEST, open_archive, read_bytes_table, reason
from drawgen.data.pictures import DataError, Pictures, shuffled
from drawgen.files import is_file, read_bytes
from drawgen.ranges import check_fields

SIDE = 28


@dataclass(frozen=True, kw_only=True)
class Binarized:
    """MNIST in its fixed binarisation (Larochelle & Murray 2011): pixels are 0 or 1, the same in every epoch."""

    splits: ClassVar[tuple[str, ...]] = ("train", "valid", "test")
    path: str = "binarized_mnist"
    """Folder with binarized_mnist_train and binarized_mnist_valid, each as .npz (packed bits) or .amat (the published text);
    evaluation on the test split needs binarized_mnist_test too. For evaluation alone, one such file."""
    batch: int = 128
    """Pictures in a batch."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", at_least=1)

    def spec(self) -> Spec:
        return Spec((1, SIDE, SIDE))

    def digest(self) -> str:
        return digest(self.train, self.valid)

    @cached_property
    def train(self) -> Tensor:
        return self.part("train")

    @cached_property
    def valid(self) -> Tensor:
        return self.part("valid")

    def part(self, split: str) -> Tensor:
        """n 1 28 28 of bytes, 0 or 1."""
        place = Path(self.path)
        if is_file(place):
            return read_bits(place)
        for ending in (".npz", ".amat"):
            file = place / f"binarized_mnist_{split}{ending}"
            if is_file(file):
                return read_bits(file)
        raise DataError(
            f"{place} holds no binarized_mnist_{split}.npz or .amat; give `data.path` the folder with the fixed binarisation "
            "(the published binarized_mnist_train.amat and binarized_mnist_valid.amat)"
        )

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Pictures]:
        """Training pictures, reshuffled in every epoch; validation and test pictures once."""
        check_split(self, split)
        if split != "train":
            pictures = self.valid if split == "valid" else self.part(split)
            for first in range(rank * 500, len(pictures), ranks * 500):
                yield Pictures(pictures[first : first + 500].float())
            return
        batches = shuffled(len(self.train), self.batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks)
        for _, chosen in batches:
            yield Pictures(self.train[chosen].float())


@dataclass(frozen=True, kw_only=True)
class Rectangles:
    """White rectangles on black, generated: data that needs no file."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    side_px: int = 12
    """Side of a picture."""
    count: int = 1000
    """Pictures for validation; training pictures are generated without end."""
    batch: int = 64
    """Pictures in a batch."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", at_least=1)
        check_fields(self, "data", "count", at_least=0)
        check_fields(self, "data", "side_px", at_least=4)

    def spec(self) -> Spec:
        return Spec((1, self.side_px, self.side_px))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Pictures]:
        check_split(self, split)
        if split == "valid":
            for first in range(rank * self.batch, self.count, ranks * self.batch):
                rng = generator(seed, 1, first)
                yield Pictures(rectangles(min(self.batch, self.count - first), self.side_px, rng=rng))
            return
        step = start
        while True:
            yield Pictures(rectangles(self.batch, self.side_px, rng=generator(seed, 0, step, rank)))
            step += 1


def rectangles(n: int, side: int, *, rng: torch.Generator) -> Tensor:
    """n 1 side side, of 0 and 1; the corners are uniformly distributed."""
    corners = torch.randint(0, side, (n, 2, 2), generator=rng).sort(2).values  # n (y, x) (first, last)
    at = torch.arange(side)
    inside = (at >= corners[..., :1]) & (at <= corners[..., 1:])  # n 2 side
    return (inside[:, 0, :, None] & inside[:, 1, None, :]).float()[:, None]


def read_bits(path: Path) -> Tensor:
    """n 1 28 28 from packed bits (`bits`, n x 98, in an .npz) or from text (n lines of 784 numbers 0 or 1). Raises DataError."""
    try:
        if path.suffix == ".npz":
            with open_archive(path) as archive:
                bits = np.unpackbits(read_bytes_table(archive, "bits", SIDE * SIDE // 8), axis=1)
        else:
            text = read_bytes(path, LARGEST).translate(None, b" \r\n\t")
            bits = np.frombuffer(text, np.uint8).reshape(-1, SIDE * SIDE) - ord("0")
    except (KeyError, *DAMAGED) as error:
        raise DataError(
            f"{path} is not a file of binarised 28x28 digits ({reason(error)}); give .npz (packed bits) or .amat"
        ) from error
    if bits.size == 0 or bits.max() > 1:
        raise DataError(f"{path} holds other values than 0 and 1; give the fixed binarisation")
    return torch.from_numpy(bits.copy()).view(-1, 1, SIDE, SIDE)
