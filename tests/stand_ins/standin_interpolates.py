"""A stand-in that has the verb Interpolates."""

from dataclasses import dataclass

import torch
from torch import Tensor

from drawgen.contract import Recipe, Sample, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def interpolate(self, first: Tensor, last: Tensor, count: int) -> Sample:
        return Sample(torch.stack([torch.lerp(first, last, share) for share in torch.linspace(0, 1, count)]))


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pictures"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
