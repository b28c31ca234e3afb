"""A stand-in that has the verb Reads."""

from dataclasses import dataclass

import torch
from torch import Tensor

from drawgen.contract import Labelling, Recipe, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def read(self, images: Tensor, *, rng: torch.Generator) -> Labelling:
        light = images.mean((1, 2, 3)).clamp(0.01, 0.99)
        return Labelling(self.spec.labels, torch.stack([1 - light, light], 1).log())


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pictures"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
