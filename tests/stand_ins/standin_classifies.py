"""A stand-in that has the verb Classifies."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from drawgen.contract import Labelling, Recipe, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    takes = "texts"

    def classify(self, texts: Sequence[str]) -> Labelling:
        odd = torch.tensor([len(text) % 2 for text in texts])
        return Labelling(self.spec.labels, torch.stack([1 - odd, odd], 1).clamp(0.01, 0.99).log())


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="texts"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
