"""A stand-in that has the verb RedrawsLines."""

from collections.abc import Sequence
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
    def redraw(self, drawings: Sequence[PenDrawing], *, size: tuple[int, int] | None = None, rng: torch.Generator) -> Sample:
        return Sample(torch.ones(len(drawings), 1, *(size or (8, 8))), lines=tuple(drawings))


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="pictures"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
