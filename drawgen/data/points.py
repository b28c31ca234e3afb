"""Points in the unit square, made without end, with what is wanted of them: their hull, Delaunay triangles or shortest tour. And
strokes, with an order in which a pen draws them.

Axes: B sets, N points, D numbers of a point, T symbols.

A set's answer is a sequence of symbols (Vinyals et al. 2015): symbol i + 1 is point number i, and symbol 0 is the end.

- hull: the corners counter-clockwise, from the lowest number on, and the end;
- delaunay: three numbers per triangle, ascending; the triangles ascend by the x, then the y, of their incentres; and the end;
- tour: all points, from number 0 on, towards the neighbour of lower number. It has no end: after N symbols it is over;
- strokes: "points" are strokes x0, y0, x1, y1, and number 0 is where the pen is. Symbol 2 i + 1 is stroke i from its first end to
  its last, symbol 2 i + 2 the other way. After N - 1 symbols it is over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64
from torch import Tensor

from drawgen.contract import POINTING_KINDS, SPLITS, Spec, check_split
from drawgen.geometry import hulls, tours, triangles
from drawgen.nn.pointing import END, ENDED
from drawgen.ranges import check_choice, check_fields, check_range
from drawgen.strokes import ordering

ROUNDS, KICKS = 8, 2
"""Rounds of the local search per point, and per stroke, for labels."""
MOST = 1000
"""Points of a set, at most."""


class PointBatch(NamedTuple):
    """Sets of points and their answers."""

    points: Float[Tensor, "B N D"]
    """Rows beyond a set's count are 0."""
    counts: Int[Tensor, " B"]
    """Points of each set."""
    answers: Int[Tensor, "B T"]
    """Symbols, and END up to the end of the row; without labels T is 0."""
    lengths: Int[Tensor, " B"]
    """Number of symbols, with the end if there is one."""

    def items(self) -> tuple[str, int]:
        return "sets", len(self.points)


@dataclass(frozen=True, kw_only=True)
class PointSets:
    """Uniformly distributed points, as many in each set of a batch; every batch draws its number."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    task: str = "hull"
    """What is wanted: hull, delaunay, tour, or strokes."""
    least: int = 5
    """Least number of points of a set, or of strokes."""
    most: int = 50
    """Largest number of points of a set, or of strokes."""
    batch: int = 128
    """Sets in a batch."""
    count: int = 2000
    """Sets for validation; training sets are made without end."""
    labels: bool = True
    """Whether training sets have answers; learning from rewards needs none."""

    def __post_init__(self) -> None:
        check_choice("data.task", self.task, POINTING_KINDS)
        check_fields(self, "data", "batch", at_least=1)
        check_fields(self, "data", "count", at_least=0)
        check_fields(self, "data", "most", at_least=3, at_most=MOST)
        check_range("data.least", self.least, at_least=3, at_most=self.most)

    def spec(self) -> Spec:
        return Spec(point=4 if self.task == "strokes" else 2, task=self.task, counts=(self.least, self.most))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[PointBatch]:
        """Training sets without end; validation sets once, of all numbers of points in turn."""
        check_split(self, split)
        step = start
        while split == "train":
            rng = numbers(seed, 0, step, rank)
            many = int(numbers(seed, 2, step).integers(self.least, self.most + 1))  # the same in all processes
            yield labelled(self.drawn(self.batch, many, rng), self.task, labels=self.labels)
            step += 1
        sizes = np.linspace(self.least, self.most, 10).round().astype(int)
        for k, first in enumerate(range(rank * self.batch, self.count, ranks * self.batch)):
            rng = numbers(seed, 1, first)
            many = int(sizes[(rank + k * ranks) % len(sizes)])
            yield labelled(self.drawn(min(self.batch, self.count - first), many, rng), self.task)

    def drawn(self, sets: int, many: int, rng: np.random.Generator) -> np.ndarray:
        """Sets of points, B N 2, or of strokes, B 1+N 4."""
        return strokes(sets, many, rng) if self.task == "strokes" else rng.random((sets, many, 2))


def strokes(sets: int, many: int, rng: np.random.Generator) -> Float64[np.ndarray, "B N 4"]:
    """A pen and `many` strokes in each set: middles are uniform, lengths from a hundredth of the square's side to half of it, and
    directions uniform, in half of the sets around a common one."""
    middles = rng.random((sets, many, 2))
    lengths = np.exp(rng.uniform(np.log(0.01), np.log(0.5), (sets, 1)) + 0.5 * rng.standard_normal((sets, many)))
    spread = np.where(rng.random((sets, 1)) < 0.5, np.pi, 0.3)
    angles = (
        rng.uniform(0, 2 * np.pi, (sets, 1))
        + spread * rng.uniform(-1, 1, (sets, many))
        + np.pi * rng.integers(2, size=(sets, many))
    )
    half = lengths[..., None] / 2 * np.stack([np.cos(angles), np.sin(angles)], -1)
    found = np.concatenate([middles - half, middles + half], 2).clip(0, 1)
    pen = np.tile(rng.random((sets, 1, 2)), 2)
    return np.concatenate([pen, found], 1)


def numbers(*key: int) -> np.random.Generator:
    """A random generator of numpy determined by `key`."""
    return np.random.default_rng(np.random.SeedSequence(key))


def labelled(sets: np.ndarray, task: str, *, labels: bool = True) -> PointBatch:
    """The batch of sets (B N 2) with their answers, or without."""
    many, n, _ = sets.shape
    points, counts = torch.from_numpy(sets).float(), torch.full((many,), n)
    if not labels:
        return PointBatch(points, counts, torch.zeros(many, 0, dtype=torch.long), torch.zeros(many, dtype=torch.long))
    answers = [answer + 1 for answer in answered(sets, task)]
    lengths = torch.tensor([len(answer) + (task in ENDED) for answer in answers])
    rows = torch.full((many, int(lengths.max())), END)
    for row, answer in zip(rows, answers, strict=True):
        row[: len(answer)] = torch.from_numpy(answer)
    return PointBatch(points, counts, rows, lengths)


def answered(sets: np.ndarray, task: str) -> list[np.ndarray]:
    """The answers to sets (B N 2), as numbers of points."""
    if task == "hull":
        return [turned(row[row >= 0]) for row in hulls.hulls(sets)]
    if task == "delaunay":
        return [triangles.delaunay(points).reshape(-1) for points in sets]
    if task == "strokes":
        return [ordered(one) for one in sets]
    return [turned(row, either_way=True) for row in tours.shortest(sets, rounds=ROUNDS)]


def ordered(strokes: Float64[np.ndarray, "N 4"]) -> Int64[np.ndarray, " M"]:
    """A good order of all strokes but the first, which is where the pen is: by local search (`drawgen.strokes.ordering`)."""
    ends = strokes[1:] - np.tile(strokes[0, :2], 2)  # the pen starts at the origin
    index, flipped = ordering.improved(ends, ordering.nearest(ends), kicks=KICKS * len(ends))
    return 2 * (index + 1) + flipped


def turned(cycle: np.ndarray, *, either_way: bool = False) -> np.ndarray:
    """The cycle from its lowest number on; `either_way`: towards the lower neighbour of it.

    >>> turned(np.array([3, 1, 0, 2]), either_way=True).tolist()
    [0, 1, 3, 2]
    """
    cycle = np.roll(cycle, -int(cycle.argmin()))
    if either_way and cycle[-1] < cycle[1]:
        cycle = np.roll(cycle[::-1], 1)
    return cycle
