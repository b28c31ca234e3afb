"""Lines of handwriting with their texts: batches, and lines that we make ourselves.

Axes: B lines, T rows, U characters.

A line is the steps of a pen, in units of their standard deviation over training lines, which the spec keeps; its unit is the height
of a line. The first step is 0, 0.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data.hand_letters import GRID, WORDS, written
from drawgen.ranges import check_fields, check_range
from drawgen.strokes.pen_lines import Lines, to_stroke3

POOL = 4
"""Batches sorted by length together."""
FOR_STEP = 300
"""Training lines by which the unit of a step is measured."""


class HandwritingBatch(NamedTuple):
    """Lines of handwriting. Beyond a length, rows and characters mean nothing."""

    rows: Float[Tensor, "B T 3"]
    """dx, dy, and 1 if the pen is raised after this point, else 0."""
    lengths: Int[Tensor, " B"]
    """Points of each line."""
    text: Int[Tensor, "B U"]
    """The numbers of its characters."""
    text_lengths: Int[Tensor, " B"]

    def items(self) -> tuple[str, int]:
        return "lines", len(self.lengths)


class Line(NamedTuple):
    """A line of handwriting."""

    rows: Float32[np.ndarray, "N 3"]
    """Stroke-3, whose first step is 0, 0."""
    text: str


def line_of(lines: Lines, text: str, unit: float = 1.0) -> Line:
    """A line of polylines, whose steps are divided by `unit`."""
    rows = to_stroke3(lines)
    rows[:, :2] /= unit
    rows[0, :2] = 0
    return Line(rows.astype(np.float32), text)


def batch_of(lines: Sequence[Line], vocabulary: Sequence[str]) -> HandwritingBatch:
    """Raises KeyError for a character that the vocabulary lacks."""
    numbers = {symbol: number for number, symbol in enumerate(vocabulary)}
    rows = np.zeros((len(lines), max(len(line.rows) for line in lines), 3), np.float32)
    text = np.zeros((len(lines), max(len(line.text) for line in lines)), np.int64)
    for row, line in enumerate(lines):
        rows[row, : len(line.rows)] = line.rows
        text[row, : len(line.text)] = [numbers[letter] for letter in line.text]
    lengths, text_lengths = (torch.tensor([len(part) for part in parts]) for parts in zip(*lines, strict=True))
    return HandwritingBatch(torch.from_numpy(rows), lengths, torch.from_numpy(text), text_lengths)


class HandLines(ABC):
    """Lines of handwriting as a model reads them."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    longest: int

    @property
    @abstractmethod
    def vocabulary(self) -> tuple[str, ...]:
        """The characters of its texts."""

    @property
    @abstractmethod
    def step(self) -> float:
        """The standard deviation of the steps of training lines, the first of each left out, where the height of a line is 1."""

    def spec(self) -> Spec:
        return Spec(vocabulary=self.vocabulary, point=2, step=self.step, counts=(1, self.longest))


def spread(lines: Sequence[Line]) -> float:
    """The standard deviation of the steps of lines."""
    return float(np.concatenate([line.rows[1:, :2] for line in lines]).std(dtype=np.float64)) or 1.0


@dataclass(frozen=True, kw_only=True)
class OwnHands(HandLines):
    """Lines of words in our own alphabet, in hands made up by chance (`data/hand_letters.py`), without end. Words of validation do
    not occur in training."""

    batch: int = 32
    """Lines in a batch."""
    longest: int = 28
    """Characters of a line, at most."""
    count: int = 200
    """Lines for validation."""
    odd: float = 0.25
    """Fraction of the words of training that are no words: letters by chance, capitals and digits among them, or a number."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "count", at_least=1)
        check_range("data.longest", self.longest, at_least=12, at_most=1000)
        check_fields(self, "data", "odd", at_least=0, at_most=1)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return (" ", *sorted(GRID))

    @cached_property
    def step(self) -> float:
        return spread([self.line("train", number, 0, unit=1.0) for number in range(FOR_STEP)])

    def line(self, split: str, number: int, seed: int, *, unit: float) -> Line:
        """Line number `number` of a split."""
        rng = np.random.default_rng((seed, SPLITS.index(split), number))
        text = line_text(rng, self.longest, held=split == "valid", odd=self.odd if split == "train" else 0.0)
        return line_of(written(text, rng), text, unit)

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[HandwritingBatch]:
        """Training: an endless stream of lines, with lines of like length in a batch. Validation: `count` fixed lines, once."""
        check_split(self, split)
        step = self.step
        if split == "valid":
            held = [self.line(split, number, 0, unit=step) for number in range(self.count)]
            held.sort(key=lambda line: len(line.rows))
            for first in range(rank * self.batch, self.count, ranks * self.batch):
                yield batch_of(held[first : first + self.batch], self.vocabulary)
            return
        for pool in itertools.count(start // POOL):
            first = (pool * ranks + rank) * self.batch * POOL
            lines = [self.line(split, number, seed, unit=step) for number in range(first, first + self.batch * POOL)]
            lines.sort(key=lambda line: len(line.rows))
            for place, which in enumerate(torch.randperm(POOL, generator=generator(seed, pool, rank)).tolist()):
                if pool * POOL + place >= start:
                    yield batch_of(lines[which * self.batch : (which + 1) * self.batch], self.vocabulary)


def line_text(rng: np.random.Generator, longest: int, *, held: bool, odd: float) -> str:
    """Words of the list, those that are held out or the others, some of them with a capital or a mark, up to a length by chance.

    >>> line_text(np.random.default_rng(3), 28, held=False, odd=0.0)
    'bird free, and bring'
    """
    words = [word for place, word in enumerate(WORDS) if (place % 10 == 9) == held]
    most, text = int(rng.integers(longest // 4, longest + 1)), ""
    while True:
        word = odd_word(rng) if rng.uniform() < odd else str(rng.choice(words))
        kind = rng.uniform()
        word = word.capitalize() if kind < 0.2 else word.upper() if kind < 0.25 else word
        if rng.uniform() < 0.2:
            word += str(rng.choice(list(".,.,?!:'-")))
        longer = f"{text} {word}".strip()
        if len(longer) > most:
            return text or longer[:longest]
        text = longer


def odd_word(rng: np.random.Generator) -> str:
    letters = [letter for letter in GRID if letter.isalnum()]
    kind = rng.uniform()
    if kind < 0.25:
        return str(rng.integers(10 ** int(rng.integers(1, 5))))
    choice = letters if kind < 0.6 else letters[:26]
    return "".join(rng.choice(choice, int(rng.integers(1, 8))))
