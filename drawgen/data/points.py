"""Points in the unit square, made without end, with what is wanted of them: their hull, Delaunay triangles or shortest tour.

Axes: B sets, N points, D numbers of a point, T symbols.

A set's answer is a sequence of symbols (Vinyals et al. 2015): symbol i + 1 is point number i, and symbol 0 is the end.

- hull: the corners counter-clockwise, from the lowest number on, and the end;
- delaunay: three numbers per triangle, ascending; the triangles ascend by the x, then the y, of their incentres; and the end;
- tour: all points, from number 0 on, towards the neighbour of lower number. It has no end: after N symbols it is over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from drawgen.contract import POINTING_KINDS, SPLITS, Spec, check_split
from drawgen.geometry import hulls, tours, triangles
from drawgen.ranges import check_choice, check_fields, check_range

END = 0
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
    """What is wanted of the points: hull, delaunay or tour."""
    least: int = 5
    """Least number of points of a set."""
    most: int = 50
    """Largest number of points of a set."""
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
        return Spec(point=2, task=self.task)

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[PointBatch]:
        """Training sets without end; validation sets once, of all numbers of points in turn."""
        check_split(self, split)
        step = start
        while split == "train":
            rng = numbers(seed, 0, step, rank)
            many = int(numbers(seed, 2, step).integers(self.least, self.most + 1))  # the same in all processes
            yield labelled(rng.random((self.batch, many, 2)), self.task, labels=self.labels)
            step += 1
        sizes = np.linspace(self.least, self.most, 10).round().astype(int)
        for k, first in enumerate(range(rank * self.batch, self.count, ranks * self.batch)):
            rng = numbers(seed, 1, first)
            sets = rng.random((min(self.batch, self.count - first), int(sizes[(rank + k * ranks) % len(sizes)]), 2))
            yield labelled(sets, self.task)


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
    lengths = torch.tensor([len(answer) + (task != "tour") for answer in answers])
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
    return [turned(row, either_way=True) for row in tours.shortest(sets)]


def turned(cycle: np.ndarray, *, either_way: bool = False) -> np.ndarray:
    """The cycle from its lowest number on; `either_way`: towards the lower neighbour of it.

    >>> turned(np.array([3, 1, 0, 2]), either_way=True).tolist()
    [0, 1, 3, 2]
    """
    cycle = np.roll(cycle, -int(cycle.argmin()))
    if either_way and cycle[-1] < cycle[1]:
        cycle = np.roll(cycle[::-1], 1)
    return cycle
