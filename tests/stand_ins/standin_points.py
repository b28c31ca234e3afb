"""A stand-in that has the verb Points."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from drawgen.contract import Pointing, Recipe, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    kind = "tour"

    def point(self, points: Sequence[Tensor], *, beams: int = 5, constrained: bool = True) -> list[Pointing]:
        return [Pointing(self.kind, tuple(one[:, 0].argsort().tolist()), -1.0) for one in points]


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="points"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
