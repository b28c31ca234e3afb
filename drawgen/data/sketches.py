"""Recorded drawings as rows of a pen: stroke-5, as sketch-rnn reads them (Ha & Eck 2017).

Axes: B drawings, T rows, N points.

A drawing is simplified (Ramer, Douglas & Peucker), and starts at its first point: the first step is 0, 0. Steps are divided by
their standard deviation over the training drawings, which the spec keeps. Its unit is the longer side of a drawing.
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
from drawgen.data.labelled import shuffled_by_length
from drawgen.data.pictures import DataError
from drawgen.data.strokes import Strokes, corners
from drawgen.ranges import check_fields, check_range
from drawgen.strokes.pen_lines import Lines, to_stroke3

TOLERANCE = 0.008
"""Points that change a line by less than this, as a fraction of the drawing's longer side, are left out."""
FEWEST = 2
"""Points of a drawing, at least: the first is where it starts."""
AT_ONCE = 1000
"""Drawings that are simplified at once."""


class SketchBatch(NamedTuple):
    """Drawings as stroke-5."""

    rows: Float[Tensor, "B T 5"]
    """dx, dy, down, raised, ended. Beyond a drawing's length they are those of the end."""
    lengths: Int[Tensor, " B"]
    """Rows of each drawing, with the one that ends it."""

    def items(self) -> tuple[str, int]:
        return "drawings", len(self.lengths)


def batch_of(drawings: Sequence[Float32[np.ndarray, "_ 3"]]) -> SketchBatch:
    """A batch of drawings as stroke-3."""
    rows = np.zeros((len(drawings), max(map(len, drawings)) + 1, 5), np.float32)
    rows[..., 4] = 1
    for target, short in zip(rows, drawings, strict=True):
        drawn = target[: len(short)]
        drawn[:, :2], drawn[:, 2], drawn[:, 3], drawn[:, 4] = short[:, :2], 1 - short[:, 2], short[:, 2], 0
    return SketchBatch(torch.from_numpy(rows), torch.tensor([len(short) + 1 for short in drawings]))


def simplified(drawings: Sequence[Lines], tolerance: float) -> list[list[Float32[np.ndarray, "_ 2"]]]:
    """The polylines, without the points that change them by less than `tolerance`."""
    lines = [np.asarray(line, np.float32) for drawing in drawings for line in drawing]
    ends = np.cumsum([len(line) for line in lines])
    first = np.zeros(ends[-1], bool)
    first[np.append(0, ends[:-1])] = True
    points = np.concatenate(lines)
    keep = corners(points, first, tolerance)
    kept = iter(np.split(points[keep], np.flatnonzero(first[keep])[1:]))
    return [list(itertools.islice(kept, len(drawing))) for drawing in drawings]


def from_start(lines: Lines) -> Float32[np.ndarray, "N 3"]:
    """Stroke-3 whose first step is 0, 0."""
    rows = to_stroke3(lines).astype(np.float32)
    rows[0, :2] = 0
    return rows


def normalised(lines: Lines) -> list[Float32[np.ndarray, "_ 2"]]:
    """The polylines, scaled so that the longer side of the drawing is 1."""
    points = np.concatenate(lines)
    side = float(np.ptp(points, axis=0).max()) or 1.0
    return [((line - points.min(0)) / side).astype(np.float32) for line in lines]


class Batches(ABC):
    """Batches of drawings, with the settings of the data that they are of."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    batch: int
    stretched: float
    side_px: int

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", at_least=1)
        check_range("data.stretched", self.stretched, at_least=0, below=1)
        check_range("data.side_px", self.side_px, at_least=8, at_most=4096)

    @abstractmethod
    def parts(self) -> dict[str, list[Float32[np.ndarray, "_ 3"]]]:
        """The drawings of each split as stroke-3, in the unit of a drawing's longer side. Raises DataError."""

    @cached_property
    def drawings(self) -> dict[str, list[Float32[np.ndarray, "_ 3"]]]:
        """The drawings of each split as stroke-3, in the unit of `step`."""
        return {split: [scaled(rows, 1 / self.step) for rows in found] for split, found in self.unscaled.items()}

    @cached_property
    def unscaled(self) -> dict[str, list[Float32[np.ndarray, "_ 3"]]]:
        return self.parts()

    @cached_property
    def step(self) -> float:
        """The standard deviation of the steps of the training drawings, the first of each left out."""
        steps = np.concatenate([rows[1:, :2] for rows in self.unscaled["train"]])
        return float(steps.std(dtype=np.float64)) or 1.0

    def spec(self) -> Spec:
        most = max(len(rows) for found in self.unscaled.values() for rows in found)
        return Spec((1, self.side_px, self.side_px), point=2, step=self.step, counts=(FEWEST, most))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[SketchBatch]:
        """Training: reshuffled in every epoch, each drawing stretched by chance, with drawings of like length in a batch.
        Validation: each drawing once, as it is. Raises DataError for fewer drawings than a batch."""
        check_split(self, split)
        found = self.drawings[split]
        lengths = np.array([len(rows) for rows in found])
        if split == "valid":
            order = np.argsort(lengths, kind="stable")
            for first in range(rank * self.batch, len(found), ranks * self.batch):
                yield batch_of([found[index] for index in order[first : first + self.batch]])
            return
        there = f"there are {len(found)} drawings"
        for step, chosen in shuffled_by_length(lengths, self.batch, there, seed=seed, start=start, rank=rank, ranks=ranks):
            share = torch.rand(len(chosen), 2, generator=generator(seed, step, rank, 2)).numpy()
            factors = 1 + self.stretched * (2 * share - 1)
            yield batch_of([scaled(found[index], by) for index, by in zip(chosen, factors, strict=True)])


def scaled(rows: Float32[np.ndarray, "N 3"], factor: float | Float32[np.ndarray, "2"]) -> Float32[np.ndarray, "N 3"]:
    return np.concatenate([(rows[:, :2] * factor).astype(np.float32), rows[:, 2:]], 1)


@dataclass(frozen=True, kw_only=True)
class Sketches(Batches):
    """Recorded drawings: files of Quick, Draw! (.ndjson), stroke-3 (.npz) or Omniglot's strokes (.zip), or a folder of them."""

    batch: int = 100
    """Drawings in a batch, of like length."""
    stretched: float = 0.15
    """In training, a drawing is stretched across and down by factors between 1 - this and 1 + this."""
    side_px: int = 128
    """Side of the pictures that the model draws."""
    path: str = "data"
    """A file of Quick, Draw! (.ndjson), stroke-3 (.npz) or Omniglot's strokes (.zip), or a folder of such files (archives have to
    be named strokes*.zip)."""
    held_out: float = 0.1
    """Fraction of the drawings held out for validation, evenly spaced; for an npz with a part "valid", that part instead."""
    tolerance: float = TOLERANCE
    """Points that change a line by less than this, as a fraction of the drawing's longer side, are left out."""
    longest: int = 250
    """Drawings of more points are left out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, "data", "held_out", at_least=0, below=1)
        check_range("data.tolerance", self.tolerance, at_least=0, at_most=0.5)
        check_range("data.longest", self.longest, at_least=FEWEST)

    @cached_property
    def files(self) -> Strokes:
        return Strokes(path=self.path, held_out=self.held_out)

    @property
    def problems(self) -> dict[str, str]:
        """Drawings that are left out -> reason."""
        return self.files.problems

    def digest(self) -> str:
        return self.files.digest()

    def parts(self) -> dict[str, list[Float32[np.ndarray, "_ 3"]]]:
        files = self.files
        held = np.concatenate([held for _, held in files.files])
        parts: dict[str, list[Float32[np.ndarray, "_ 3"]]] = {split: [] for split in SPLITS}
        for first in range(0, len(held), AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, len(held)))
            found = [(number, one) for number in numbers if (one := files.drawing(number)) is not None]
            lines = simplified([normalised(one.lines) for _, one in found], self.tolerance) if found else []
            for (number, one), simple in zip(found, lines, strict=True):
                rows = from_start(simple)
                if FEWEST <= len(rows) <= self.longest:
                    parts["valid" if held[number] else "train"].append(rows)
                else:
                    files.problems[one.source] = f"it has {len(rows)} points, not {FEWEST} to {self.longest}"
        if not parts["train"]:
            reason = next(iter(files.problems.values()), "there are none")
            raise DataError(f"{self.path} has no drawings to learn from ({reason}); give more, or raise data.longest")
        return parts


@dataclass(frozen=True, kw_only=True)
class Polygons(Batches):
    """Drawings that it makes itself: polygons of three to six corners, in one line, each corner a little displaced."""

    batch: int = 100
    """Drawings in a batch, of like length."""
    stretched: float = 0.15
    """In training, a drawing is stretched across and down by factors between 1 - this and 1 + this."""
    side_px: int = 128
    """Side of the pictures that the model draws."""
    count: int = 200
    """Drawings, of which every tenth is held out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, "data", "count", at_least=1)

    def parts(self) -> dict[str, list[Float32[np.ndarray, "_ 3"]]]:
        parts: dict[str, list[Float32[np.ndarray, "_ 3"]]] = {split: [] for split in SPLITS}
        for number in range(self.count):
            rng = np.random.default_rng(number)
            corners = int(rng.integers(3, 7))
            angles = 2 * np.pi * (np.arange(corners + 1) + rng.uniform()) / corners
            line = np.stack([np.cos(angles), np.sin(angles)], 1) + 0.05 * rng.normal(size=(corners + 1, 2))
            parts["valid" if number % 10 == 9 else "train"].append(from_start(normalised([line])))
        return parts
