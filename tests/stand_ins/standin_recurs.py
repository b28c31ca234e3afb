"""A stand-in that has the verb Recurs."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from drawgen.contract import Batch, Recipe, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def states(self, batch: Batch, *, rng: torch.Generator) -> Mapping[str, Tensor]:
        return {"mean": batch.images.t()[:, :, None] - self.mean}


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="texts"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
