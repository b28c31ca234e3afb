"""Sketch-rnn (Ha & Eck 2017, "A Neural Representation of Sketch Drawings"): a network that draws with a pen, stroke by stroke.

Axes: B drawings, T rows, N points of a drawing, Z latents, U units, M components of the mixture.

A drawing is a sequence of rows S_t = (dx, dy, down, raised, ended). A decoder predicts each row from those before it and from a
latent z, which an encoder that reads in both directions finds for a whole drawing:

    z ~ N(mu(S), sigma(S)^2),   h_0, c_0 = tanh(W z + b),   h_t = LSTM([S_{t-1}, z], h_{t-1}),   p(S_t | S_<t, z) by W' h_t + b'
    loss = -sum_t log p(S_t | S_<t, z) + w max(KL(q(z | S) || N(0, 1)), floor)

The weight w grows from near 0 to `kl_weight`: w_k = kl_weight (1 - (1 - kl_start) kl_decay^k) after k steps. Without a latent
(`latent` 0) the decoder is alone, with h_0 = 0. A drawing starts at its first point, so that only the pen of the first row is
predicted; of the last row, too, which ends the drawing. All is in nats per drawing.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from drawgen import likelihood
from drawgen.contract import Group, Loss, Player, Recipe, Spec, State, Totals
from drawgen.data.sketches import Polygons, SketchBatch, Sketches
from drawgen.nn.layer_norm_lstm import LayerNormLSTM
from drawgen.nn.linear import linear
from drawgen.nn.pen_mixture import PENS, PenMixture, pen_log_prob, pen_mixture, step_log_density
from drawgen.nn.recurrence import Recurrent, read_both_ways
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.training import Fit

CELLS = ("lstm", "layer_norm")
ROW = 5


@dataclass(frozen=True, kw_only=True)
class Config:
    """A network that draws stroke by stroke."""

    cell: str = "lstm"
    """The recurrent cell: lstm, whose steps are one call in training; or layer_norm, the paper's, which takes longer."""
    encoder: int = 256
    """Units of the encoder in each direction."""
    decoder: int = 512
    """Units of the decoder."""
    latent: int = 128
    """Latents of a drawing; 0 is the decoder alone, which samples and completes drawings but does not reconstruct them."""
    mixture: int = 20
    """Gaussians of the mixture."""
    kl_weight: float = 0.5
    """The weight of the KL term, in the end."""
    kl_start: float = 0.01
    """The part of it that the first step has."""
    kl_decay: float = 0.9995
    """The factor per step on what is missing of it."""
    kl_floor: float = 10.0
    """KL in nats per drawing below which it costs nothing."""
    dropout: float = 0.0
    """Fraction of what the cells take in that is set to 0 in training; of layer_norm only."""

    def __post_init__(self) -> None:
        check_choice("model.cell", self.cell, CELLS)
        check_fields(self, "model", "encoder", "decoder", "mixture", at_least=1)
        check_fields(self, "model", "latent", "kl_weight", "kl_floor", at_least=0)
        check_fields(self, "model", "kl_start", "kl_decay", at_least=0, at_most=1)
        check_fields(self, "model", "dropout", at_least=0, below=1)
        if self.dropout and self.cell == "lstm":
            raise ArgumentError("model.dropout", f"is {self.dropout}, and the cell is lstm; leave it out, or take layer_norm")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "SketchRNN":
        if spec.step is None:
            raise ValueError("a sketch_rnn needs drawings of a pen to learn from, and this data has none")
        return SketchRNN(self, spec, rng=rng)


class Posterior(NamedTuple):
    """q(z | S)."""

    mean: Float[Tensor, "B Z"]
    log_std: Float[Tensor, "B Z"]

    def kl(self) -> Float[Tensor, " B"]:
        """KL to N(0, 1), in nats."""
        return 0.5 * (self.mean.square() + (2 * self.log_std).exp() - 2 * self.log_std - 1).sum(1)


class SketchRNN(nn.Module):
    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec

        def cells(inputs: int, units: int) -> Recurrent | LayerNormLSTM:
            if config.cell == "lstm":
                return Recurrent("lstm", inputs, units, rng=rng)
            return LayerNormLSTM(inputs, units, dropout=config.dropout, rng=rng)

        if config.latent:
            self.onward, self.backwards = cells(ROW, config.encoder), cells(ROW, config.encoder)
            self.posterior = linear(2 * config.encoder, 2 * config.latent, rng)
            self.initial = linear(config.latent, 2 * config.decoder, rng)
        self.decoder = cells(ROW + config.latent, config.decoder)
        self.output = linear(config.decoder, 6 * config.mixture + PENS, rng)

    # ---------------------------------------------------------------- the network

    def encode(self, batch: SketchBatch, rng: torch.Generator | None = None) -> Posterior:
        """q(z | S). With an `rng` there is dropout."""
        _, summary = read_both_ways(self.onward, self.backwards, batch.rows, batch.lengths, rng=rng)
        mean, log_std = self.posterior(summary).float().chunk(2, 1)
        return Posterior(mean, log_std)

    def start(self, z: Float[Tensor, "B Z"]) -> State:
        """The decoder's state before the first row."""
        if not self.config.latent:
            return self.decoder.start(len(z))
        h, c = self.initial(z).tanh()[:, None].chunk(2, 2)
        return {"h": h, "c": c}

    def inputs(self, rows: Float[Tensor, "B T 5"], z: Float[Tensor, "B Z"]) -> Float[Tensor, "B T D"]:
        return torch.cat([rows, z[:, None].expand(-1, rows.shape[1], -1)], 2)

    def decode(
        self, rows: Float[Tensor, "B T 5"], z: Float[Tensor, "B Z"], rng: torch.Generator | None = None
    ) -> Float[Tensor, "B T P"]:
        """The numbers of the distribution of each row (`pen_mixture`), from those before it."""
        before = torch.cat([self.first(rows), rows[:, :-1]], 1)
        h, _ = self.decoder(self.inputs(before, z), self.start(z), rng=rng)
        numbers: Tensor = self.output(h)
        return numbers

    def first(self, rows: Float[Tensor, "B T 5"]) -> Float[Tensor, "B 1 5"]:
        """The row before the first: a pen that is down at 0, 0."""
        start = rows.new_zeros(len(rows), 1, ROW)
        start[..., 2] = 1
        return start

    def nats(self, batch: SketchBatch, z: Float[Tensor, "B Z"], rng: torch.Generator | None = None) -> Float[Tensor, " B"]:
        """-log p(S | z) of each drawing."""
        return drawing_nats(pen_mixture(self.decode(batch.rows, z, rng)), batch)

    def bound(
        self, batch: SketchBatch, noise: Float[Tensor, "B Z"], rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        """(-log p(S | z), KL) of each drawing, with one z from its posterior."""
        if not self.config.latent:
            nats = self.nats(batch, noise, rng)
            return nats, torch.zeros_like(nats)
        found = self.encode(batch, rng)
        return self.nats(batch, found.mean + found.log_std.exp() * noise, rng), found.kl()

    def noise(self, count: int, rng: torch.Generator) -> Float[Tensor, "B Z"]:
        return torch.randn(count, self.config.latent, device=self.output.bias.device, generator=rng)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def losses(self, batch: SketchBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The bound with the weighted KL term, nats per drawing. The state counts the steps."""
        config = self.config
        step = state["step"] if state else torch.zeros((), device=batch.rows.device)
        weight = config.kl_weight * (1 - (1 - config.kl_start) * config.kl_decay**step)
        nats, kl = self.bound(batch, self.noise(len(batch.rows), rng), rng if config.dropout else None)
        nats, kl = nats.mean(), kl.mean()
        log = {"nats": nats.detach(), "kl_nats": kl.detach()} if config.latent else {}
        yield Loss(nats + weight * kl.clamp(min=config.kl_floor) if config.latent else nats, count=len(batch.rows), log=log)
        return {"step": step + 1}

    def measure(self, batch: SketchBatch, *, rng: torch.Generator) -> Totals:
        """`bound_nats` per drawing and its parts. Without a latent it is the likelihood itself."""
        nats, kl = self.bound(batch, self.noise(len(batch.rows), rng))
        totals = likelihood.bound_totals(nats, kl[None])
        points = float((batch.lengths - 1).sum())
        return {**totals, "nats_per_point": ((nats + kl).sum(), points)}

    def importance_weighted(self, batch: SketchBatch, samples: int, *, rng: torch.Generator) -> Totals:
        """A tighter bound (Burda et al. 2016): -log of the mean over `samples` of p(S, z) / q(z | S)."""
        if not self.config.latent:
            return likelihood.importance_totals([-self.nats(batch, self.noise(len(batch.rows), rng))])
        found, weights = self.encode(batch), []
        for _ in range(samples):
            noise = self.noise(len(batch.rows), rng)
            z = found.mean + found.log_std.exp() * noise
            log_ratio = (0.5 * noise.square() + found.log_std - 0.5 * z.square()).sum(1)  # log p(z) - log q(z | S)
            weights.append(log_ratio - self.nats(batch, z))
        return likelihood.importance_totals(weights)


def drawing_nats(mixture: PenMixture, batch: SketchBatch) -> Float[Tensor, " B"]:
    """-log p of each drawing: of all its steps but the first, and of all states of its pen."""
    place = torch.arange(batch.rows.shape[1], device=batch.rows.device)
    last = batch.lengths[:, None] - 1  # the row that ends the drawing
    steps = step_log_density(mixture, batch.rows[..., :2])
    pens = pen_log_prob(mixture, batch.rows[..., 2:].argmax(-1))
    zero = steps.new_zeros(())
    return -torch.where((place > 0) & (place < last), steps, zero).sum(1) - torch.where(place <= last, pens, zero).sum(1)


LONG = Fit(steps=10_000, rate=1e-3, warmup=200, decay=0.9, clip=5.0, ema=0.999, valid_steps=1000, log_steps=50)

PRESETS: dict[str, Recipe] = {
    "omniglot": Recipe(
        model=Config(encoder=96, decoder=256, latent=32),
        data=Sketches(path="omniglot.npz", batch=64),
        fit=LONG,
        what="characters of many alphabets, on a CPU",
        size="659 k",
        about="Characters of Omniglot.",
    ),
    "tiny": Recipe(
        model=Config(encoder=8, decoder=16, latent=4, mixture=3),
        data=Polygons(batch=8, count=40),
        fit=Fit(steps=4, warmup=2, clip=5.0),
        what="for tests, and a first look",
        size="5 k",
        about="Trains in seconds on a CPU, on polygons that it makes itself.",
    ),
}
