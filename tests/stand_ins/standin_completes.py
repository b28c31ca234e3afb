"""A stand-in that has the verb Completes."""

from dataclasses import dataclass

import torch

from drawgen.contract import PenDrawing, Recipe, Request, Sample, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def complete(self, begun: PenDrawing, request: Request) -> Sample:
        return Sample(torch.ones(request.n, 1, 8, 8), lines=(begun,) * request.n)


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pictures"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
