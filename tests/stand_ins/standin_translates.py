"""A stand-in that has the verb Translates: it writes a text backwards, with attention to the letter that it writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from drawgen.contract import Hypothesis, Recipe, Spec
from stand_ins.parts import FIT, Mean, Numbers


class Pair(NamedTuple):
    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Pairs(Numbers):
    """Texts and their translations."""

    kind: str = "pairs"

    def pairs(self, split: str) -> list[Pair]:
        return [Pair("c d", ("d c",)), Pair("cd", ("dc", "dd"))]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    attends = True

    def translate(self, texts: Sequence[str], *, beams: int = 5, n: int = 1) -> list[list[Hypothesis]]:
        return [[backwards(text)._replace(score=-0.1 * (rank + 1)) for rank in range(n)] for text in texts]


def backwards(text: str) -> Hypothesis:
    maps = torch.eye(len(text)).flip(0)[:, None]
    return Hypothesis(tuple(text[::-1]), text[::-1], -0.1, (-0.1,) * len(text), True, maps, tuple(text))


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Pairs(), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
