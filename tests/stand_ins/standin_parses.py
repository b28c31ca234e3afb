"""A stand-in that has the verb Parses."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from drawgen.contract import Parse, Recipe, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def parse(self, texts: Sequence[str], *, beams: int = 1, constrained: bool = True) -> list[Parse]:
        return [Parse(f"(S {text})", -0.5) for text in texts]


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="texts"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
