"""Handwriting (Graves 2013, "Generating Sequences With Recurrent Neural Networks", sections 4 and 5): a network that writes a text
with a pen.

Axes: B lines, T rows, N characters, C symbols, K components of the window, U units, L layers, M components of the mixture.

A line is a sequence of points x_t = (dx, dy, e), where e is 1 if the pen is raised after the point. The first layer looks at the text
through a soft window w_t that moves along it (`nn/soft_window.py`), and the others see what it sees:

    h^1_t = LSTM([x_t, w_{t-1}], h^1_{t-1}),   w_t = window(h^1_t)                       (52)
    h^n_t = LSTM([x_t, h^{n-1}_t, w_t], h^n_{t-1})                                        (53)
    p(x_{t+1} | y_t) = sum_m pi_m N(dx, dy | mu_m, sigma_m, rho_m) p(e),   y_t by W [h^1_t ... h^L_t] + b    (17-25)
    loss = -sum_t log p(x_{t+1} | y_t)                                                  (26)

A line starts at its first point, so that only the pen of the first row is predicted. In sampling, probabilities may be biased (61, 62):
sigma = exp(s - b), pi = softmax((1 + b) p), where b = 1 / temperature - 1. A line is written as soon as the window looks beyond its
last character: phi(t, N + 1) > phi(t, u) for all u.

Other than in the paper, cells have no peepholes, and standard deviations and correlations have limits (`nn/pen_mixture.py`).
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Loss, Player, Recipe, Spec, State, Totals
from drawgen.data.handwriting import HandwritingBatch, OwnHands
from drawgen.nn.linear import linear
from drawgen.nn.pen_mixture import PenMixture, pen_log_prob, pen_mixture, step_log_density
from drawgen.nn.recurrence import Recurrent
from drawgen.nn.soft_window import SoftWindow, one_hot
from drawgen.ranges import check_fields
from drawgen.training import Fit

ROW = 3
"""Numbers of a row."""
PENS = 2
"""States of the pen: down, raised."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A network that writes a text with a pen."""

    layers: int = 2
    """Layers of LSTM cells; the first one has the window."""
    units: int = 192
    """Units of each layer."""
    window: int = 10
    """Gaussians of the window over the characters."""
    mixture: int = 20
    """Gaussians of the mixture for a step of the pen."""

    def __post_init__(self) -> None:
        check_fields(self, "model", "layers", "units", "window", "mixture", at_least=1)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Handwriting":
        if spec.step is None or spec.vocabulary is None:
            raise ValueError("a model of handwriting needs lines of a pen with their texts, and this data has none")
        return Handwriting(self, spec, rng=rng)


class Handwriting(nn.Module):
    """The synthesis network."""

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        units, symbols = config.units, len(spec.symbols)
        self.first = Recurrent("lstm", ROW + symbols, units, rng=rng)
        self.window = SoftWindow(units, config.window, rng=rng)
        self.others = nn.ModuleList(Recurrent("lstm", ROW + symbols + units, units, rng=rng) for _ in range(config.layers - 1))
        self.output = linear(config.layers * units, 6 * config.mixture + PENS, rng)

    def characters(self, batch: HandwritingBatch) -> Float[Tensor, "B N1 C"]:
        return one_hot(batch.text, batch.text_lengths, len(self.spec.symbols))

    def start(self, lines: int) -> "Memory":
        """Before the first row."""
        device, units = self.output.bias.device, self.config.units
        zeros = torch.zeros(lines, units, device=device)
        return Memory(
            tuple((zeros, zeros) for _ in range(self.config.layers)),
            torch.zeros(lines, self.config.window, device=device),
            torch.zeros(lines, len(self.spec.symbols), device=device),
        )

    def read(
        self, rows: Float[Tensor, "B T 3"], characters: Float[Tensor, "B N1 C"], memory: "Memory"
    ) -> tuple[Float[Tensor, "B T P"], "Memory", Float[Tensor, "B T N1"]]:
        """(the numbers of the distribution of the row after each, the memory after the last, phi at each row). The products with
        the rows are one for all steps; only the first layer goes step by step."""
        weights = self.first.weights(0)
        from_row, from_window = weights.across.split([ROW, weights.across.shape[1] - ROW], 1)
        a = F.linear(rows, from_row, weights.across_bias)
        (h, c), kappa, w = memory.layers[0], memory.kappa, memory.window
        outputs, windows, seen = [], [], []
        for a_t in a.unbind(1):
            h, c = self.first.cell_step(0, a_t + F.linear(w, from_window), (h, c))
            w, kappa, phi = self.window(h, kappa, characters)
            outputs.append(h)
            windows.append(w)
            seen.append(phi)
        layers, hidden = [(h, c)], [torch.stack(outputs, 1)]
        inputs = torch.cat([rows, torch.stack(windows, 1)], 2)
        for layer, (h, c) in zip(self.others, memory.layers[1:], strict=True):
            out, state = layer(torch.cat([inputs, hidden[-1]], 2), {"h": h[:, None], "c": c[:, None]})
            layers.append((state["h"][:, 0], state["c"][:, 0]))
            hidden.append(out)
        return self.output(torch.cat(hidden, 2)), Memory(tuple(layers), kappa, w), torch.stack(seen, 1)

    def predicted(self, batch: HandwritingBatch) -> PenMixture:
        """The distribution of each row, from those before it."""
        before = torch.cat([pen_raised(len(batch.rows), batch.rows.device), batch.rows[:, :-1]], 1)
        return pen_mixture(self.read(before, self.characters(batch), self.start(len(before)))[0], PENS)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def losses(self, batch: HandwritingBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """-log p(line | text), nats per point: lines differ much in length."""
        nats = line_nats(self.predicted(batch), batch).sum()
        points = int(batch.lengths.sum())
        yield Loss(nats / points, count=points)
        return None

    def measure(self, batch: HandwritingBatch, *, rng: torch.Generator) -> Totals:
        """`nats` per line, and per point."""
        nats = line_nats(self.predicted(batch), batch)
        return {"nats": (nats.sum(), float(len(nats))), "nats_per_point": (nats.sum(), float(batch.lengths.sum()))}

    def last_loss(self, batch: HandwritingBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of each line's last row, in nats."""
        return -row_log_prob(self.predicted(batch), batch).gather(1, batch.lengths[:, None] - 1)[:, 0]


class Memory(NamedTuple):
    """What the network keeps from row to row."""

    layers: tuple[tuple[Float[Tensor, "B U"], Float[Tensor, "B U"]], ...]
    """(h, c) of each layer."""
    kappa: Float[Tensor, "B K"]
    window: Float[Tensor, "B C"]


# ---------------------------------------------------------------- likelihood


def pen_raised(count: int, device: torch.device) -> Float[Tensor, "B 1 3"]:
    """The row before the first: a raised pen at 0, 0."""
    return torch.tensor([0.0, 0.0, 1.0], device=device).expand(count, 1, ROW)


def row_log_prob(mixture: PenMixture, batch: HandwritingBatch) -> Float[Tensor, "B T"]:
    """log p of each row; of the first, of its pen alone."""
    steps = step_log_density(mixture, batch.rows[..., :2])
    first = torch.arange(batch.rows.shape[1], device=steps.device) == 0
    return torch.where(first, 0.0, steps) + pen_log_prob(mixture, batch.rows[..., 2].long())


def line_nats(mixture: PenMixture, batch: HandwritingBatch) -> Float[Tensor, " B"]:
    """-log p of each line."""
    place = torch.arange(batch.rows.shape[1], device=batch.rows.device)
    return -torch.where(place < batch.lengths[:, None], row_log_prob(mixture, batch), 0.0).sum(1)


PRESETS: dict[str, Recipe] = {
    "alphabet": Recipe(
        model=Config(),
        data=OwnHands(),
        fit=Fit(steps=4000, rate=2e-3, warmup=100, decay=0.5, clip=1.0, ema=0.998, valid_steps=500),
        what="our own alphabet, on a CPU",
        size="",
        about="Lines of words in an alphabet of our own.",
    ),
    "tiny": Recipe(
        model=Config(layers=2, units=12, window=2, mixture=3),
        data=OwnHands(batch=4, longest=12, count=12),
        fit=Fit(steps=4, warmup=2, clip=1.0),
        what="for tests, and a first look",
        size="3 k",
        about="Trains in seconds on a CPU, on lines that it makes itself; it scribbles.",
    ),
}
