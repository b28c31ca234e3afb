"""A stand-in that has the verb Draws."""

from dataclasses import dataclass

import torch

from drawgen.contract import Recipe, Request, Sample, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def sample(self, request: Request) -> Sample:
        pictures = [torch.rand(self.spec.picture, generator=request.rng(index)) for index in range(request.n)]
        return Sample(torch.stack(pictures))


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pictures"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
