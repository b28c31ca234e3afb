"""A stand-in that has the verb InterpolatesLines."""

from dataclasses import dataclass

import torch

from drawgen.contract import PenDrawing, Recipe, Sample, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def between(self, first: PenDrawing, last: PenDrawing, count: int) -> Sample:
        return Sample(torch.ones(count, 1, 8, 8), lines=(first,) * (count - 1) + (last,))


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pictures"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
