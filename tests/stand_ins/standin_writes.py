"""A stand-in that has the verb Writes."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from drawgen.contract import Piece, Recipe, Request, Spec
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def write(self, request: Request, index: int) -> Iterator[Piece]:
        yield Piece(request.prime, 0.0)
        for number in torch.randint(0, 2, (request.length,), generator=request.rng(index)).tolist():
            yield Piece(self.spec.symbols[number], -0.7)


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="texts"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
