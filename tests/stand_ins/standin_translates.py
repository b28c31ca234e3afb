"""A stand-in that has the verb Translates."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from drawgen.contract import Hypothesis, Recipe, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def translate(self, texts: Sequence[str], *, beams: int = 5, n: int = 1) -> list[list[Hypothesis]]:
        return [[Hypothesis(tuple(text), text[::-1], -0.1, (-0.1,) * len(text), True, None)] * n for text in texts]


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pairs"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
