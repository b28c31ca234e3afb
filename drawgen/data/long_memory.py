"""Tasks that can only be solved by remembering over many steps (Hochreiter & Schmidhuber 1997; Martens & Sutskever 2011; Pascanu et
al. 2013), made without end.

Axes: B sequences, T steps, D numbers per step, K answers.

A net reads T steps and answers at the end. Places are drawn evenly, both ends included:

| task | each step is | what counts | the answer |
| --- | --- | --- | --- |
| order | one of a, b, c, d, e, f | one a or b at T/10 .. 2T/10 and one at 4T/10 .. 5T/10; elsewhere c to f | aa, ab, ba or bb |
| addition | a number in [0, 1], and a mark | the numbers marked before T/10 and from there to T/2 | their sum |
| multiplication | the same | the same | their product |
| memory | 0, 1, wait or go | the first five steps, each 0 or 1; go is the sixth step from the end | the five, in the last five |
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.ranges import ArgumentError, check_choice, check_fields

ORDERS = ("aa", "ab", "ba", "bb")
BITS = ("0", "1")
WAIT, GO = 2, 3
REMEMBERED = 5
"""Bits of the memory task."""
SHORTEST = 11
"""Steps that every task has room in."""
WIDTHS = {"order": 6, "addition": 2, "multiplication": 2, "memory": 4}
"""task -> numbers per step."""


class MemoryBatch(NamedTuple):
    """Sequences, and what is to be answered in their last K steps."""

    inputs: Float[Tensor, "B T D"]
    answers: Float[Tensor, "B K"] | Int[Tensor, "B K"]
    """The number of a class, or of addition and multiplication a number."""

    def items(self) -> tuple[str, int]:
        return "sequences", len(self.inputs)


@dataclass(frozen=True, kw_only=True)
class LongMemory:
    """Sequences whose beginning has to be remembered until their end."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    task: str = "order"
    """order, addition, multiplication or memory."""
    length: int = 50
    """Steps of a sequence, T."""
    shortest: int = 0
    """If above 0, the lengths of training batches are drawn from this to `length`."""
    batch: int = 32
    """Sequences in a batch."""
    count: int = 1000
    """Sequences for validation, all of `length` steps; training sequences are generated without end."""

    def __post_init__(self) -> None:
        check_choice("data.task", self.task, WIDTHS)
        check_fields(self, "data", "length", at_least=SHORTEST)
        check_fields(self, "data", "batch", "count", at_least=1)
        if self.shortest:
            check_fields(self, "data", "shortest", at_least=SHORTEST)
            if self.shortest > self.length:
                raise ArgumentError(
                    "data.shortest", f"is {self.shortest}; it has to be at most data.length, which is {self.length}"
                )

    def spec(self) -> Spec:
        """`point` is the number of numbers per step; without classes the answer is a number."""
        return Spec(point=WIDTHS[self.task], classes={"order": ORDERS, "memory": BITS}.get(self.task))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[MemoryBatch]:
        check_split(self, split)
        if split == "valid":
            for number, first in enumerate(range(0, self.count, self.batch)):
                if number % ranks == rank:
                    rng = generator(seed, 1, number)
                    yield sequences(self.task, self.length, min(self.batch, self.count - first), rng=rng)
            return
        for step in itertools.count(start):
            length = self.length
            if self.shortest:  # the same on all ranks
                length = int(torch.randint(self.shortest, self.length + 1, (), generator=generator(seed, 2, step)))
            yield sequences(self.task, length, self.batch, rng=generator(seed, 0, step, rank))


def sequences(task: str, length: int, count: int, *, rng: torch.Generator) -> MemoryBatch:
    """`count` sequences of `length` steps, at least 11."""

    def numbers(low: int, high: int, *shape: int) -> Int[Tensor, "..."]:
        """Whole numbers from `low` up to `high`, both included."""
        return torch.randint(low, high + 1, shape, generator=rng)

    tenth, row = length // 10, torch.arange(count)
    if task == "order":
        symbols, said = numbers(2, 5, count, length), numbers(0, 1, count, 2)
        symbols[row, numbers(length // 10, 2 * length // 10, count)] = said[:, 0]
        symbols[row, numbers(4 * length // 10, 5 * length // 10, count)] = said[:, 1]
        return MemoryBatch(F.one_hot(symbols, WIDTHS[task]).float(), 2 * said[:, :1] + said[:, 1:])
    if task == "memory":
        symbols, bits = torch.full((count, length), WAIT), numbers(0, 1, count, REMEMBERED)
        symbols[:, :REMEMBERED], symbols[:, -REMEMBERED - 1] = bits, GO
        return MemoryBatch(F.one_hot(symbols, WIDTHS[task]).float(), bits)
    values, marks = torch.rand(count, length, generator=rng), torch.zeros(count, length)
    first, second = numbers(0, tenth - 1, count), numbers(tenth, length // 2, count)
    marks[row, first] = marks[row, second] = 1.0
    one, other = values[row, first], values[row, second]
    answers = one + other if task == "addition" else one * other
    return MemoryBatch(torch.stack([values, marks], 2), answers[:, None])
