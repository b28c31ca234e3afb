"""A stand-in that has the verb Recurs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from drawgen.contract import Batch, Recipe, Spec
from drawgen.nn.recording import recorder
from stand_ins.parts import FIT, Mean, Numbers


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to set."""

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Model":
        return Model(self, spec)


class Model(Mean):
    def last_loss(self, batch: Batch, *, rng: torch.Generator) -> Tensor:
        """A network of four steps with one unit each: every step halves the state and takes a number in."""
        state = torch.zeros_like(batch.images[:, :1])
        for t in range(4):
            state = 0.5 * state + batch.images[:, t : t + 1] - self.mean
            if (record := recorder()) is not None:
                (state,) = record.note(self, "rnn", (state,))
        return state[:, 0].square()


PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(model=Config(), data=Numbers(kind="texts"), fit=FIT, about="A stand-in for tests: it learns a mean.")
}
