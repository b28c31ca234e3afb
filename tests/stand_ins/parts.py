"""What the stand-ins share: data of every kind that needs no file, and a model that learns a mean.

Axes: B rows of a batch, N points, D numbers of a point, T steps, U units.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from drawgen.contract import SPLITS, Batch, Group, Loss, Player, Spec, State, Totals, check_split, generator
from drawgen.training import Fit

FIT = Fit(steps=3, warmup=1)


class Rows(NamedTuple):
    """Numbers, of whatever kind the data is."""

    images: Tensor

    def items(self) -> tuple[str, int]:
        return "pictures" if self.images.dim() == 4 else "rows", len(self.images)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Random numbers: pictures, texts or points, as `kind` says."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    kind: str = "pictures"
    """pictures, texts, pairs or points."""
    batch: int = 4
    """Rows in a batch."""

    def spec(self) -> Spec:
        return {
            "pictures": Spec((1, 8, 8), classes=("dark", "light")),
            "texts": Spec(vocabulary=("a", "b"), classes=("one", "other")),
            "pairs": Spec(vocabulary=("a", "b"), source_vocabulary=("c", "d"), unit="characters"),
            "points": Spec(point=2),
        }[self.kind]

    def labelled(self, split: str) -> Iterator[tuple[str, str]]:
        yield from [("ab", "one"), ("aba", "other")] * 8

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Rows]:
        check_split(self, split)
        shape = {"pictures": (1, 8, 8), "points": (5, 2)}.get(self.kind, (6,))
        step = start
        while split == "train" or step < 2:
            yield Rows(torch.rand(self.batch, *shape, generator=generator(seed, SPLITS.index(split), step, rank)))
            step += 1


class Mean(nn.Module):
    """Learns the mean of its data."""

    def __init__(self, config: Any, spec: Spec) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.mean = nn.Parameter(torch.zeros(()))

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group([self.mean])])}

    def losses(self, batch: Batch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        yield Loss((batch.images - self.mean).square().mean(), count=len(batch.images))
        return None

    def measure(self, batch: Batch, *, rng: torch.Generator) -> Totals:
        return {"squared": ((batch.images - self.mean).square().sum(), float(batch.images.numel()))}
