"""Drawings as SVG text (`data/svg_scenes.py`), for a model of characters; endless data without files.

Axes: B rows, T steps.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from drawgen.contract import SPLITS, Spec, check_split
from drawgen.data.svg_scenes import drawing
from drawgen.data.text import Characters, encode
from drawgen.ranges import check_fields

VOCABULARY = tuple('\n "#(),-./0123456789:<=>BHMQVabcdefghiklmnopqrstvwxyz')
STRETCH = 4096
"""Symbols of a row for validation."""


@dataclass(frozen=True, kw_only=True)
class SvgDrawings:
    """SVG files of small drawings, one after the other. Each row of a batch reads new files, and continues from batch to batch."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    batch: int = 32
    """Rows in a batch."""
    length: int = 128
    """Symbols per row and batch: the length of truncated backpropagation through time."""
    run: int = 16
    """Batches that a row continues through, before it starts at a new file with an empty state."""
    count: int = 16
    """Rows of 4096 symbols for validation; training files are generated without end."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "length", "run", "count", at_least=1)

    def spec(self) -> Spec:
        return Spec(vocabulary=VOCABULARY)

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Characters]:
        """A row starts after a line break, with a file, as a sample does. No training file comes twice."""
        check_split(self, split)
        if split == "valid":
            if rank == 0:
                rows = [encode(self.row(split, number, STRETCH, 0), VOCABULARY) for number in range(self.count)]
                yield Characters(torch.tensor(rows), torch.ones(self.count, dtype=torch.bool))
            return
        for run in itertools.count(start // self.run):
            first = (run * ranks + rank) * self.batch
            rows = [encode(self.row(split, first + k, self.run * self.length, seed), VOCABULARY) for k in range(self.batch)]
            tokens = torch.tensor(rows)
            for place in range(self.run):
                if run * self.run + place >= start:
                    piece = tokens[:, place * self.length : (place + 1) * self.length + 1]
                    yield Characters(piece, torch.full((self.batch,), place == 0))

    def row(self, split: str, number: int, symbols: int, seed: int) -> str:
        """A line break and `symbols` more: files, the last one cut."""
        rng = random.Random((number * len(SPLITS) + SPLITS.index(split)) << 64 | seed)
        text = "\n"
        while len(text) <= symbols:
            text += drawing(rng)
        return text[: symbols + 1]
