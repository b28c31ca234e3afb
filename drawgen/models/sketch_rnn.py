"""Sketch-rnn (Ha & Eck 2017, "A Neural Representation of Sketch Drawings"): a network that draws with a pen, stroke by stroke.

Axes: B drawings, T rows, N points of a drawing, Z latents, U units, M components of the mixture.

A drawing is a sequence of rows S_t = (dx, dy, down, raised, ended). A decoder predicts each row from those before it and from a
latent z, which an encoder that reads in both directions finds for a whole drawing:

    z ~ N(mu(S), sigma(S)^2),   h_0, c_0 = tanh(W z + b),   h_t = LSTM([S_{t-1}, z], h_{t-1}),   p(S_t | S_<t, z) by W' h_t + b'
    loss = -sum_t log p(S_t | S_<t, z) + w max(KL(q(z | S) || N(0, 1)), floor)

The weight w grows from near 0 to `kl_weight`: w_k = kl_weight (1 - (1 - kl_start) kl_decay^k) after k steps. Without a latent
(`latent` 0) the decoder is alone, with h_0 = 0. A drawing starts at its first point, so that only the pen of the first row is
predicted; of the last row, too, which ends the drawing. All is in nats per drawing.

The posteriors of all drawings together are not N(0, 1), the less so the less the KL term weighs, and from latents of no drawing the
decoder draws nonsense. So after training a Gaussian is fitted to them (as Ghosh et al. 2020 do for autoencoders), and
samples are drawn from latents of that. What is measured is the bound with N(0, 1), as in the paper.
"""

import itertools
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import likelihood
from drawgen.contract import Group, Loss, PenDrawing, Player, Recipe, Request, Sample, Spec, State, Totals, generator
from drawgen.data.sketches import TOLERANCE, Polygons, SketchBatch, Sketches, simplified
from drawgen.nn.layer_norm_lstm import LayerNormLSTM
from drawgen.nn.linear import linear
from drawgen.nn.pen_mixture import PENS, PenMixture, choose_step, inverted, pen_log_prob, pen_mixture, step_log_density
from drawgen.nn.recurrence import Recurrent, read_both_ways
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.strokes.pen_lines import PAGE_SHARE, Lines, ink_of, on_page, side_of, to_stroke5
from drawgen.training import Fit

CELLS = ("lstm", "layer_norm")
ROW = 5
"""Numbers of a row."""
ENDED = 2
"""The state of the pen that ends a drawing."""
REDRAWING = 0.1
"""The temperature at which drawings are drawn from given latents."""
PROPOSALS = 256
"""Latents from which that of a begun drawing is chosen."""
FITTED = 100
"""Batches to whose latents a Gaussian is fitted."""


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

    def build(self, spec: Spec, *, rng: torch.Generator) -> "SketchDecoder":
        if spec.step is None:
            raise ValueError("a sketch_rnn needs drawings of a pen to learn from, and this data has none")
        return (SketchRNN if self.latent else SketchDecoder)(self, spec, rng=rng)


def cells(config: Config, inputs: int, units: int, rng: torch.Generator) -> Recurrent | LayerNormLSTM:
    if config.cell == "lstm":
        return Recurrent("lstm", inputs, units, rng=rng)
    return LayerNormLSTM(inputs, units, dropout=config.dropout, rng=rng)


class SketchDecoder(nn.Module):
    """The decoder alone."""

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.decoder = cells(config, ROW + config.latent, config.decoder, rng)
        self.output = linear(config.decoder, 6 * config.mixture + PENS, rng)

    def start(self, z: Float[Tensor, "B Z"]) -> State:
        """The state before the first row."""
        return self.decoder.start(len(z))

    def decode(
        self, before: Float[Tensor, "B T 5"], z: Float[Tensor, "B Z"], rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B T P"], State]:
        """The numbers of the distribution of each row (`pen_mixture`), from those before it; and the last state. With an `rng`
        there is dropout."""
        inputs = torch.cat([before, z[:, None].expand(-1, before.shape[1], -1)], 2)
        h, state = self.decoder(inputs, self.start(z), rng=rng)
        return self.output(h), state

    def nats(self, batch: SketchBatch, z: Float[Tensor, "B Z"], rng: torch.Generator | None = None) -> Float[Tensor, " B"]:
        """-log p(S | z) of each drawing."""
        return drawing_nats(self.predicted(batch, z, rng), batch)

    def predicted(self, batch: SketchBatch, z: Float[Tensor, "B Z"], rng: torch.Generator | None = None) -> PenMixture:
        """The distribution of each row, from those before it."""
        before = torch.cat([pen_down(len(batch.rows), batch.rows.device), batch.rows[:, :-1]], 1)
        return pen_mixture(self.decode(before, z, rng)[0])

    def noise(self, count: int, rng: torch.Generator) -> Float[Tensor, "B Z"]:
        return torch.randn(count, self.config.latent, device=self.output.bias.device, generator=rng)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def losses(self, batch: SketchBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """-log p(S), nats per drawing."""
        nats = self.nats(batch, self.noise(len(batch.rows), rng), rng if self.config.dropout else None)
        yield Loss(nats.mean(), count=len(batch.rows))
        return None

    def measure(self, batch: SketchBatch, *, rng: torch.Generator) -> Totals:
        """`nats` per drawing, and per point."""
        return self.totals(batch, self.nats(batch, self.noise(len(batch.rows), rng)), "nats")

    def last_loss(self, batch: SketchBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of each drawing's end, in nats, given the mean of its latents."""
        ends = pen_log_prob(self.predicted(batch, self.mean_latents(batch)), batch.rows[..., 2:].argmax(-1))
        return -ends.gather(1, batch.lengths[:, None] - 1)[:, 0]

    def mean_latents(self, batch: SketchBatch) -> Float[Tensor, "B Z"]:
        return batch.rows.new_zeros(len(batch.rows), 0)

    def totals(self, batch: SketchBatch, nats: Float[Tensor, " B"], name: str) -> Totals:
        points = float((batch.lengths - 1).sum())
        return {name: (nats.sum(), float(len(nats))), f"{name}_per_point": (nats.sum(), points)}

    # ---------------------------------------------------------------- drawings

    @torch.inference_mode()
    def sample(self, request: Request) -> Sample:
        """Drawings, each as long as the model draws, at most as the longest training drawing. Raises ArgumentError for tiles."""
        if request.tile:
            raise ArgumentError("tile", "is true, and this model draws single pictures, which do not tile; leave it out")
        begun = PenDrawing([np.zeros((1, 2))])
        return self.shown([on_page(lines) for lines in self.continued(begun, request, 1.0)], request.size)

    @torch.inference_mode()
    def complete(self, begun: PenDrawing, request: Request) -> Sample:
        """Drawings that begin with the lines of `begun`, the last of which may go on. The longer side of the page is taken for
        1 / PAGE_SHARE times that of the finished drawing."""
        left, top, right, bottom = begun.page
        unit = max(PAGE_SHARE * max(right - left, bottom - top), side_of(begun.lines))
        return self.shown([PenDrawing(lines, begun.page) for lines in self.continued(begun, request, unit)], request.size)

    def continued(self, begun: PenDrawing, request: Request, unit: float) -> list[list[np.ndarray]]:
        """The lines of each sample of a request, after those of `begun`, whose `unit` is the longer side of a finished drawing."""
        device, n = self.output.bias.device, request.n
        step = float(self.spec.step or 1.0) * unit
        given = torch.from_numpy(rows_for(begun.lines, unit, step)).to(device)
        rngs = [request.rng(index) for index in range(n)]
        z = torch.cat([self.latent_after(given, rng) for rng in rngs])
        before = torch.cat([pen_down(1, device), given[None, :-1]], 1).expand(n, -1, -1)
        numbers, state = self.decode(before, z)
        noise = Noise.drawn(rngs, self.most + 1).to(device)
        log_pens = pen_mixture(numbers[:, -1]).log_pens[:, :ENDED]  # it does not end where it was given
        pens = inverted(log_pens, noise.uniforms[:, 0, 0], request.temperature)
        last = given[-1:].repeat(n, 1)
        last[:, 2:] = F.one_hot(pens, PENS).float()
        drawn = self.walk_on(z, state, last, noise.after_first(), request.temperature)
        return [
            extended(begun.lines, rows[: int(count)].detach().cpu().numpy(), step, raised=bool(pen))
            for rows, count, pen in zip(*drawn, pens, strict=True)
        ]

    @property
    def most(self) -> int:
        """Rows that are drawn, at most."""
        return (self.spec.counts or (0, 250))[1]

    def latent_after(self, given: Float[Tensor, "T 5"], rng: torch.Generator) -> Float[Tensor, "1 Z"]:
        """A latent for a drawing that begins with these rows."""
        return torch.zeros(1, 0, device=given.device)

    def walk_on(
        self, z: Float[Tensor, "B Z"], state: State, last: Float[Tensor, "B 5"], noise: "Noise", temperature: float
    ) -> tuple[Float[Tensor, "B T 5"], Int[Tensor, " B"]]:
        """`walk`, on a CPU by its compiled twin."""
        if z.device.type != "cpu" or not isinstance(self.decoder, Recurrent):
            return walk(self, z, state, last, noise, temperature)
        from drawgen.nn import sketch_rnn_cpu

        weights = self.decoder.weights(0)
        across, bias = weights.across.detach(), (weights.across_bias + weights.along_bias).detach()
        own = sketch_rnn_cpu.Weights(
            array(across[:, :ROW].t()), array(weights.along.t()), array(self.output.weight.t()), array(self.output.bias)
        )
        extra = array(F.linear(z, across[:, ROW:], bias))
        h, c = array(state["h"][:, 0]), array(state["c"][:, 0])
        rows, counts = sketch_rnn_cpu.draw(
            own, extra, h, c, array(last), array(noise.uniforms), array(noise.normals), float(temperature), sketch_rnn_cpu.LIMITS
        )
        return torch.from_numpy(rows), torch.from_numpy(counts)

    def shown(self, drawings: Sequence[PenDrawing], size: tuple[int, int] | None) -> Sample:
        """The drawings as pictures, dark on white."""
        strokes = ink_of(drawings, size or self.spec.picture[1:])
        return Sample(strokes.picture(), strokes.frames, lines=tuple(drawings))


class Posterior(NamedTuple):
    """q(z | S)."""

    mean: Float[Tensor, "B Z"]
    log_std: Float[Tensor, "B Z"]

    def kl(self) -> Float[Tensor, " B"]:
        """KL to N(0, 1), in nats."""
        return 0.5 * (self.mean.square() + (2 * self.log_std).exp() - 2 * self.log_std - 1).sum(1)

    def at(self, noise: Float[Tensor, "B Z"]) -> Float[Tensor, "B Z"]:
        return self.mean + self.log_std.exp() * noise

    def log_density(self, z: Float[Tensor, "B Z"]) -> Float[Tensor, " B"]:
        """log q(z | S), without the constant."""
        return (-0.5 * ((z - self.mean) * (-self.log_std).exp()).square() - self.log_std).sum(1)


class SketchRNN(SketchDecoder):
    """The decoder with an encoder."""

    latent_mean: Float[Tensor, " Z"]
    latent_factor: Float[Tensor, "Z Z"]
    """Of the Gaussian that latents are drawn from: its mean, and the lower triangular factor of its covariance."""

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__(config, spec, rng=rng)
        self.onward, self.backwards = (cells(config, ROW, config.encoder, rng) for _ in range(2))
        self.posterior = linear(2 * config.encoder, 2 * config.latent, rng)
        self.initial = linear(config.latent, 2 * config.decoder, rng)
        self.register_buffer("latent_mean", torch.zeros(config.latent))
        self.register_buffer("latent_factor", torch.eye(config.latent))

    def encode(self, batch: SketchBatch, rng: torch.Generator | None = None) -> Posterior:
        """q(z | S). With an `rng` there is dropout."""
        _, summary = read_both_ways(self.onward, self.backwards, batch.rows, batch.lengths, rng=rng)
        mean, log_std = self.posterior(summary).float().chunk(2, 1)
        return Posterior(mean, log_std)

    def mean_latents(self, batch: SketchBatch) -> Float[Tensor, "B Z"]:
        return self.encode(batch).mean

    def start(self, z: Float[Tensor, "B Z"]) -> State:
        h, c = self.initial(z).tanh()[:, None].chunk(2, 2)
        return {"h": h, "c": c}

    def bound(
        self, batch: SketchBatch, rng: torch.Generator, *, dropout: bool = False
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        """(-log p(S | z), KL) of each drawing, with one z of its posterior."""
        found = self.encode(batch, rng if dropout else None)
        return self.nats(batch, found.at(self.noise(len(batch.rows), rng)), rng if dropout else None), found.kl()

    # ---------------------------------------------------------------- training

    def losses(self, batch: SketchBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The bound with the weighted KL term, nats per drawing. The state counts the steps."""
        config = self.config
        step = state["step"] if state else torch.zeros((), device=batch.rows.device)
        weight = config.kl_weight * (1 - (1 - config.kl_start) * config.kl_decay**step)
        nats, kl = (each.mean() for each in self.bound(batch, rng, dropout=config.dropout > 0))
        yield Loss(
            nats + weight * kl.clamp(min=config.kl_floor),
            count=len(batch.rows),
            log={"nats": nats.detach(), "kl_nats": kl.detach()},
        )
        return {"step": step + 1}

    @torch.no_grad()
    def conclude(self, batches: Iterable[SketchBatch], held: Iterable[SketchBatch]) -> None:
        """Fits the Gaussian that latents are drawn from to those of the training drawings."""
        rng = generator(0, device=self.output.bias.device)
        z = torch.cat([self.encode(batch).at(self.noise(len(batch.rows), rng)) for batch in itertools.islice(batches, FITTED)])
        self.latent_mean.copy_(z.mean(0))
        self.latent_factor.copy_(torch.linalg.cholesky(torch.cov(z.T) + 1e-4 * torch.eye(z.shape[1], device=z.device)))

    def measure(self, batch: SketchBatch, *, rng: torch.Generator) -> Totals:
        """`bound_nats` per drawing and its parts, and per point."""
        nats, kl = self.bound(batch, rng)
        found = {**likelihood.bound_totals(nats, kl[None]), **self.totals(batch, nats + kl, "bound_nats")}
        del found["kl_nats_01"]  # there is one latent, and no steps
        return found

    def importance_weighted(self, batch: SketchBatch, samples: int, *, rng: torch.Generator) -> Totals:
        """A tighter bound (Burda et al. 2016): -log of the mean over `samples` of p(S, z) / q(z | S)."""
        found, weights = self.encode(batch), []
        for _ in range(samples):
            z = found.at(self.noise(len(batch.rows), rng))
            weights.append(-0.5 * z.square().sum(1) - found.log_density(z) - self.nats(batch, z))
        return likelihood.importance_totals(weights)

    # ---------------------------------------------------------------- drawings

    def latent_after(self, given: Float[Tensor, "T 5"], rng: torch.Generator) -> Float[Tensor, "1 Z"]:
        """A sample of p(z | the given rows), by importance resampling of latents of the fitted Gaussian. With one row, as all
        drawings have, it is the Gaussian's."""
        count = 1 if len(given) == 1 else PROPOSALS
        noise = torch.randn(count, self.config.latent, generator=rng).to(given.device)
        z = self.latent_mean + noise @ self.latent_factor.T
        if count == 1:
            return z
        before = torch.cat([pen_down(1, given.device), given[None, :-1]], 1).expand(count, -1, -1)
        log_weights = begun_log_prob(pen_mixture(self.decode(before, z)[0]), given)
        uniform = torch.rand(1, generator=rng).to(given.device)
        return z[inverted(log_weights.log_softmax(0)[None], uniform, 1.0)]

    @torch.inference_mode()
    def redraw(self, drawings: Sequence[PenDrawing], *, size: tuple[int, int] | None = None, rng: torch.Generator) -> Sample:
        """Drawings from the mean latents of others, at a low temperature."""
        return self.drawn_from(self.means(drawings), size, rng)

    @torch.inference_mode()
    def between(self, first: PenDrawing, last: PenDrawing, count: int) -> Sample:
        """Drawings from latents between the means of two others, on a great circle, as in the paper."""
        ends = self.means([first, last])
        share = torch.linspace(0, 1, count, device=ends.device)[:, None]
        cosine = F.cosine_similarity(ends[:1], ends[1:]).clamp(-1, 1)
        angle = torch.arccos(cosine)
        flat = torch.sin(angle) < 1e-4
        a, b = (
            ((1 - share), share)
            if flat
            else (torch.sin((1 - share) * angle) / torch.sin(angle), torch.sin(share * angle) / torch.sin(angle))
        )
        return self.drawn_from(a * ends[:1] + b * ends[1:], None, generator(0))

    def means(self, drawings: Sequence[PenDrawing]) -> Float[Tensor, "B Z"]:
        """The mean latent of each drawing."""
        step = float(self.spec.step or 1.0)
        found = []
        for drawing in drawings:
            unit = side_of(drawing.lines) or 1.0
            rows = np.concatenate([rows_for(drawing.lines, unit, step * unit), np.eye(ROW, dtype=np.float32)[-1:]])
            one = torch.from_numpy(rows)[None].to(self.output.bias.device)
            found.append(self.encode(SketchBatch(one, torch.tensor([len(rows)], device=one.device))).mean)
        return torch.cat(found)

    def drawn_from(self, z: Float[Tensor, "B Z"], size: tuple[int, int] | None, rng: torch.Generator) -> Sample:
        """One drawing of each latent; the noise of all is the same, so that what differs is due to the latents."""
        noise = Noise.drawn([rng], self.most).to(z.device)
        noise = Noise(*(each.expand(len(z), -1, -1) for each in noise))
        step = float(self.spec.step or 1.0)
        first = pen_down(len(z), z.device)
        numbers, state = self.decode(first, z)
        pens = pen_mixture(numbers[:, 0]).log_pens[:, :ENDED].argmax(1)
        last = torch.cat([torch.zeros(len(z), 2, device=z.device), F.one_hot(pens, PENS).float()], 1)
        rows, counts = self.walk_on(z, state, last, noise, REDRAWING)
        origin = [np.zeros((1, 2))]
        drawn = [
            on_page(extended(origin, own[: int(count)].detach().cpu().numpy(), step, raised=bool(pen)))
            for own, count, pen in zip(rows, counts, pens, strict=True)
        ]
        return self.shown(drawn, size)


# ---------------------------------------------------------------- likelihood


def pen_down(count: int, device: torch.device) -> Float[Tensor, "B 1 5"]:
    """The row before the first: a pen that is down at 0, 0."""
    row = torch.zeros(count, 1, ROW, device=device)
    row[..., 2] = 1
    return row


def drawing_nats(mixture: PenMixture, batch: SketchBatch) -> Float[Tensor, " B"]:
    """-log p of each drawing: of all its steps but the first, and of all states of its pen."""
    place = torch.arange(batch.rows.shape[1], device=batch.rows.device)
    last = batch.lengths[:, None] - 1  # the row that ends the drawing
    steps = step_log_density(mixture, batch.rows[..., :2])
    pens = pen_log_prob(mixture, batch.rows[..., 2:].argmax(-1))
    zero = steps.new_zeros(())
    return -torch.where((place > 0) & (place < last), steps, zero).sum(1) - torch.where(place <= last, pens, zero).sum(1)


def begun_log_prob(mixture: PenMixture, rows: Float[Tensor, "T 5"]) -> Float[Tensor, " B"]:
    """log p of the rows that a drawing begins with, but for what its pen does after them."""
    given = rows.expand(len(mixture.means), -1, -1)
    return step_log_density(mixture, given[..., :2])[:, 1:].sum(1) + pen_log_prob(mixture, given[..., 2:].argmax(-1))[:, :-1].sum(1)


# ---------------------------------------------------------------- drawing


class Noise(NamedTuple):
    """What chance a drawing takes."""

    uniforms: Float[Tensor, "B T 2"]
    """For the pen, and for the component."""
    normals: Float[Tensor, "B T 2"]

    @classmethod
    def drawn(cls, rngs: Sequence[torch.Generator], most: int) -> "Noise":
        """Of each generator, for `most` rows."""
        uniforms = [torch.rand(most, 2, device=rng.device, generator=rng) for rng in rngs]
        return cls(torch.stack(uniforms), torch.stack([torch.randn(most, 2, device=rng.device, generator=rng) for rng in rngs]))

    def to(self, device: torch.device) -> "Noise":
        return Noise(*(each.to(device) for each in self))

    def after_first(self) -> "Noise":
        return Noise(*(each[:, 1:] for each in self))


def walk(
    model: SketchDecoder, z: Float[Tensor, "B Z"], state: State, last: Float[Tensor, "B 5"], noise: Noise, temperature: float
) -> tuple[Float[Tensor, "B T 5"], Int[Tensor, " B"]]:
    """(rows, how many of them, one at least) that a model draws after the rows `last`, one step of all drawings after the other.
    The row that ends a drawing is not among them."""
    going = torch.ones(len(z), dtype=torch.bool, device=z.device)
    rows = []
    for t in range(noise.uniforms.shape[1]):
        h, state = model.decoder.step(torch.cat([last, z], 1), state)
        mixture = pen_mixture(model.output(h))
        pens = inverted(mixture.log_pens[:, : PENS if t else ENDED], noise.uniforms[:, t, 0], temperature)
        steps = choose_step(mixture, noise.uniforms[:, t, 1], noise.normals[:, t], temperature)
        last = torch.cat([steps, F.one_hot(pens, PENS).float()], 1)
        going = going & (pens != ENDED)
        if not going.any():
            break
        rows.append(torch.where(going[:, None], last, torch.zeros_like(last)))
    found = torch.stack(rows, 1) if rows else last.new_zeros(len(z), 0, ROW)
    return found, (found[..., 2:].sum(2) > 0).sum(1)


def rows_for(lines: Lines, unit: float, step: float) -> Float32[np.ndarray, "T 5"]:
    """The rows of lines, simplified, whose steps are in the unit of `step`; without the one that ends a drawing."""
    [simple] = simplified([[(line - lines[0][0]) / unit for line in lines]], TOLERANCE)
    rows = to_stroke5([line * (unit / step) for line in simple])[:-1].astype(np.float32)
    rows[0, :2] = 0
    return rows


def extended(lines: Lines, rows: Float[np.ndarray, "T 5"], step: float, *, raised: bool) -> list[np.ndarray]:
    """The lines, and after them those of rows. The last line goes on, unless the pen was `raised` after it."""
    whole = [np.asarray(line, np.float64) for line in lines]
    points = whole[-1][-1] + rows[:, :2].astype(np.float64).cumsum(0) * step
    if len(points):
        new = np.split(points, np.flatnonzero(rows[:-1, 3] > 0.5) + 1)
        if not raised:
            whole[-1] = np.concatenate([whole[-1], new.pop(0)])
        whole += new
    return whole


def array(tensor: Tensor) -> np.ndarray:
    """A contiguous copy in float32."""
    return tensor.detach().float().contiguous().numpy().copy()


CHARACTERS = Fit(steps=9000, rate=1e-3, warmup=100, decay=0.4, clip=5.0, ema=0.998, valid_steps=2000)

PRESETS: dict[str, Recipe] = {
    "omniglot": Recipe(
        model=Config(encoder=96, decoder=256, latent=32),
        data=Sketches(path="omniglot.npz", batch=64),
        fit=CHARACTERS,
        what="characters of 50 alphabets, on a CPU",
        size="442 k",
        figure="16.46 nats per drawing",
        about="30,000 drawings of Omniglot's characters, as stroke-3 of sketch-rnn-datasets (MIT); held out are 1,000 others. "
        "Measured (seed 0): a bound of 16.46 nats per drawing (standard error .79), of which the KL term is 14.9; 15.18 with 20 "
        "importance-weighted samples; after 9,000 steps, 20 minutes on one thread of a busy Xeon.",
    ),
    "sheep": Recipe(
        model=Config(encoder=96, decoder=256, latent=32),
        data=Sketches(path="aaron_sheep.npz", batch=32),
        fit=CHARACTERS,
        what="7,400 sheep, on a CPU",
        size="442 k",
        figure="126.3 nats per drawing",
        about="The sheep of sketch-rnn-datasets (CC BY-NC 4.0, so that no weights are shipped), 7,400 drawings as stroke-3. "
        "Measured (seed 0, 5,585 steps, 12 minutes on one thread of a busy Xeon): a bound of 126.3 nats per drawing of 97 points "
        "(standard error 3.9), 237.5 without memory; 123.9 with 20 importance-weighted samples. The published likelihoods are of "
        "categories of Quick, Draw!, at another scale, and do not compare.",
    ),
    "quickdraw": Recipe(
        model=Config(),
        data=Sketches(path="quickdraw.ndjson"),
        fit=Fit(steps=50_000, rate=1e-3, warmup=200, decay=0.9, clip=5.0, ema=0.999, valid_steps=2000),
        what="categories of Quick, Draw!",
        size="2.2 M",
        about="A plain LSTM of the paper's sizes for any of Quick, Draw!'s files (.ndjson), or a folder of them. Not trained here: "
        "13 to 114 drawings per category are at hand, 1,643 in all, and are too few. The paper takes 70,000 of each category; some "
        "7,000 of one kind are about the least.",
    ),
    "tiny": Recipe(
        model=Config(encoder=8, decoder=16, latent=4, mixture=3),
        data=Polygons(batch=8, count=40),
        fit=Fit(steps=4, warmup=2, clip=5.0),
        what="for tests, and a first look",
        size="3 k",
        about="Trains in seconds on a CPU, on polygons that it makes itself.",
    ),
}
