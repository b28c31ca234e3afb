"""A stand-in that has the verb Handwrites."""

from dataclasses import dataclass

import numpy as np
import torch

from drawgen.contract import PenDrawing, Reading, Recipe, Request, Sample, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def broken(self, text: str) -> list[str]:
        return text.split("\n")

    def handwrite(self, text: str, request: Request) -> Sample:
        line = np.array([[0.0, 0.0], [1.0, 1.0]])
        reading = Reading(text, [line], np.ones((2, len(text))))
        images = torch.ones(request.n, 1, 8, 8)
        return Sample(images, lambda _: iter([images]), lines=(PenDrawing([line]),) * request.n, readings=((reading,),) * request.n)


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pictures"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
