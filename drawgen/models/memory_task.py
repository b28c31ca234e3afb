"""A recurrent net that has to remember (Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks").

Axes: B sequences, T steps, D numbers per step, U units, K answers, C classes.

    h_t = cell(x_t, h_{t-1}),    answer k = W h_{T-K+k} + b

It reads the tasks of `data/long_memory.py`, and what it is to answer depends on steps long ago. The gradient that tells of them is
a product of as many Jacobians, which vanishes or explodes. Against exploding helps `--fit.clip`; against vanishing, gates, or for a
plain net the paper's regulariser,

    Omega = mean over k of (|dL/dh_{k+1} dh_{k+1}/dh_k|^2 / |dL/dh_{k+1}|^2 - 1)^2,

which asks that the gradient keeps its norm from step to step. As in the paper only W_hh is moved by it: h and dL/dh count as given.
"""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Loss, Player, Recipe, Spec, State, Totals
from drawgen.data.long_memory import LongMemory, MemoryBatch
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import CELLS, Recurrent
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.training import Fit

RADIUS = 0.95
"""Spectral radius of W_hh of a plain net at the start, as the paper has it."""
WRONG = 0.04
"""A number is wrong if its squared error is above this."""
NO_GRADIENT = 1e-20
"""Squared norm below which a gradient does not count in Omega."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A recurrent net that answers at the end of a sequence what was at its beginning."""

    cell: str = "lstm"
    """The recurrent cell: rnn, gru, gru_before or lstm."""
    units: int = 50
    """Units of its layer."""
    forget_bias: float = 1.0
    """Initial bias of the LSTM's forget gates."""
    omega: float = 0.0
    """Weight of the regulariser that keeps the gradient's norm from step to step (of the cell rnn); 0 leaves it out."""

    def __post_init__(self) -> None:
        check_choice("model.cell", self.cell, CELLS)
        check_fields(self, "model", "units", at_least=1)
        check_fields(self, "model", "forget_bias", at_least=-100, at_most=100)
        check_fields(self, "model", "omega", at_least=0)
        if self.omega and self.cell != "rnn":
            raise ArgumentError("model.omega", f"is {self.omega:g}, and it is for model.cell rnn, not {self.cell}; leave it out")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "MemoryTask":
        return MemoryTask(self, spec, rng=rng)


class MemoryTask(nn.Module):
    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        numbers = spec.wanted("point", "numbers step by step")
        self.recurrent = Recurrent(config.cell, numbers, config.units, forget_bias=config.forget_bias, rng=rng)
        self.output = linear(config.units, len(spec.classes or "1"), rng)
        if config.cell == "rnn":
            along = self.recurrent.weights(0).along
            along.data *= RADIUS / torch.linalg.eigvals(along.data).abs().max()

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def forward(self, inputs: Float[Tensor, "B T D"], answers: int) -> tuple[Float[Tensor, "B K C"], Float[Tensor, "B T U"]]:
        """(answers: logits of the classes, or a number; states)."""
        states, _ = self.recurrent(inputs, self.recurrent.start(len(inputs)))
        said = self.output(states[:, -answers:])
        return said.to(self.output.bias.dtype), states  # the loss is not taken in half precision

    def row_losses(self, batch: MemoryBatch, said: Float[Tensor, "B K C"]) -> Float[Tensor, " B"]:
        """Of each sequence the mean over its answers: nats, or the squared error of a number."""
        if self.spec.classes is None:
            return (said[..., 0] - batch.answers).square().mean(1)
        return F.cross_entropy(said.transpose(1, 2), batch.answers, reduction="none").mean(1)

    def wrong(self, batch: MemoryBatch, said: Float[Tensor, "B K C"]) -> Float[Tensor, ""]:
        """Sequences with a wrong answer: another class, or a squared error above 0.04."""
        if self.spec.classes is None:
            return ((said[..., 0] - batch.answers).square() > WRONG).any(1).float().sum()
        return (said.argmax(2) != batch.answers).any(1).float().sum()

    def losses(self, batch: MemoryBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The mean over all sequences, and Omega times its weight."""
        said, states = self(batch.inputs, batch.answers.shape[1])
        count = len(said)
        loss = self.row_losses(batch, said).mean()
        log = {"error": self.wrong(batch, said.detach()) / count}
        if self.config.omega:
            direct = torch.autograd.grad(loss * count, states, retain_graph=True)[0]
            omega = regulariser(states.detach(), direct, self.recurrent.weights(0).along)
            loss = loss + self.config.omega * omega
            log["omega"] = omega.detach()
        yield Loss(loss, count=count, log=log)
        return None

    def measure(self, batch: MemoryBatch, *, rng: torch.Generator) -> Totals:
        """`error`, the share of sequences with a wrong answer, and the loss: `nats_per_answer` or `squared_error`."""
        said = self(batch.inputs, batch.answers.shape[1])[0]
        name = "squared_error" if self.spec.classes is None else "nats_per_answer"
        count = float(len(said))
        return {"error": (self.wrong(batch, said), count), name: (self.row_losses(batch, said).sum(), count)}

    def last_loss(self, batch: MemoryBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """Of each sequence the loss of its last answer."""
        last = MemoryBatch(batch.inputs, batch.answers[:, -1:])
        return self.row_losses(last, self(last.inputs, 1)[0])


def regulariser(states: Float[Tensor, "B T U"], direct: Float[Tensor, "B T U"], along: Float[Tensor, "U U"]) -> Float[Tensor, ""]:
    """Omega of a tanh net with the recurrent matrix `along`; its gradient goes through that alone. `direct` is the gradient that
    enters each step from its own answer, not from later steps. 0 if no gradient is above the bound."""
    slopes = 1 - states.square()
    with torch.no_grad():
        arriving, later = [], torch.zeros_like(direct[:, 0])
        for t in reversed(range(states.shape[1])):
            later = direct[:, t] + later  # dL/dh_t
            arriving.append(later)
            later = (slopes[:, t] * later) @ along  # what of it goes to the step before
        whole = torch.stack(arriving[::-1], 1)[:, 1:]
    size = whole.square().sum(2)
    counts = size >= NO_GRADIENT
    passed = ((slopes[:, 1:] * whole) @ along).square().sum(2)
    apart = (passed / size.clamp(min=NO_GRADIENT) - 1).square() * counts
    return apart.sum() / counts.sum().clamp(min=1)


FIT = Fit(steps=5000, rate=3e-3, warmup=50, decay=0.5, clip=1.0, ema=0.0, valid_steps=500, log_steps=50)
PRESETS: dict[str, Recipe] = {
    "order": Recipe(
        model=Config(),
        data=LongMemory(),
        fit=FIT,
        what="which of two symbols came first, 50 steps",
        size="12 k",
        about="Temporal order: aa, ab, ba or bb, far apart among other symbols. An LSTM of 50 units. How long a dependency each "
        "cell learns: `scripts/results/memory_tasks.md`.",
    ),
    "addition": Recipe(
        model=Config(),
        data=LongMemory(task="addition"),
        fit=FIT,
        what="the sum of two marked numbers, 50 steps",
        size="11 k",
        about="Two of 50 numbers are marked, and their sum is asked for at the end. An LSTM of 50 units.",
    ),
    "multiplication": Recipe(
        model=Config(),
        data=LongMemory(task="multiplication"),
        fit=FIT,
        what="the product of two marked numbers, 50 steps",
        size="11 k",
        about="Two of 50 numbers are marked, and their product is asked for at the end. An LSTM of 50 units.",
    ),
    "memory": Recipe(
        model=Config(),
        data=LongMemory(task="memory"),
        fit=FIT,
        what="five bits, kept over 50 steps",
        size="11 k",
        about="Five bits at the beginning are to be repeated at the end. An LSTM of 50 units.",
    ),
    "tiny": Recipe(
        model=Config(units=8),
        data=LongMemory(length=11, batch=4, count=8),
        fit=Fit(steps=4, warmup=2),
        what="for tests, and a first look",
        size="1 k",
        about="Trains in seconds on a CPU: the order of two symbols in 11 steps.",
    ),
}
