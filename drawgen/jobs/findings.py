"""What a diagnosis finds in a network: its gradients, Jacobians, matrices and gates, layer by layer, as plain numbers.

Axes: B rows, T steps, K lags.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from drawgen import diagnosis
from drawgen.contract import Batch, Recurs
from drawgen.nn.recording import Step, Track, recording

ROWS = 16
"""Rows that are diagnosed, at most."""
SEEN = 2
"""Rows whose Jacobians are computed."""
MOST_STEPS = 64
"""Steps, the last ones, whose Jacobians are computed."""
MOST_NUMBERS = 1200
"""Of a state whose Jacobian is written down; of larger ones the largest singular value is estimated, of fewer steps."""
FEWER = 4
RADII = 16
"""Steps of which the spectral radius is computed."""
ALONE = 0.02
"""A gradient that is carried back by the layer's own Jacobians up to this share comes through them alone."""
CLEAR = 0.01
"""A gradient that is down to this share is called small; one that has grown to its inverse has exploded."""


@dataclass(frozen=True)
class Layer:
    """The findings in one layer. Medians over the rows."""

    kind: str
    steps: int
    lags: Sequence[float]
    """The gradient's norm at lag 0, 1 ..."""
    rate: float
    """The factor per step that fits it."""
    alone: bool
    """Whether the gradient comes back through the layer's own steps only, so that bounds hold."""
    bound: Sequence[float]
    """By lag; empty where none holds."""
    by_slopes: bool
    """Whether the bound is the lecture's product of singular values and slopes, and not that of the Jacobians' singular values."""
    values: Mapping[str, Sequence[float]]
    """The singular values of the recurrent matrices, the largest first."""
    radii: Mapping[str, float]
    """Their spectral radii; NaN where a matrix is not square."""
    jacobian: Mapping[int, float]
    """By step, the largest singular value of the state's Jacobian."""
    jacobian_radii: Mapping[int, float]
    """Its spectral radius; empty for depth, where each block is another."""
    gates: Mapping[str, tuple[float, float, float]]
    """The shares below .1 and above .9, and the mean."""
    half_lives: Sequence[float]
    """Of each unit's memory, in steps, the shortest first; empty without a forget gate."""
    broken: int
    """How many numbers of its states and gradients are not finite."""

    @property
    def reach(self) -> float:
        """The first lag from which on the gradient is below a hundredth of its largest; infinite if there is none."""
        least = CLEAR * max(self.lags)
        after = [lag for lag, size in enumerate(self.lags) if size >= least]
        return after[-1] + 1 if after and after[-1] + 1 < len(self.lags) else math.inf

    @property
    def verdict(self) -> str:
        """By the fitted exponential. vanishing: it is down to a hundredth within half of the lags; exploding: over all of them it
        grows to a hundred times; fading, growing: to less than a half, to more than twice; steady; or unclear, of fewer than
        four lags. A gradient that itself is down to a hundredth fades, at least."""
        lags = len(self.lags) - 1
        if lags < 3 or not math.isfinite(self.rate):
            return "unclear"
        change = lags * math.log(self.rate)
        if change < 2 * math.log(CLEAR):
            return "vanishing"
        if change > -math.log(CLEAR):
            return "exploding"
        if change < -math.log(2) or self.reach <= lags:
            return "fading"
        return "growing" if change > math.log(2) else "steady"

    def numbers(self) -> dict[str, Any]:
        """For report.json, which knows no NaN."""
        return plain(vars(self) | {"verdict": self.verdict, "below_a_hundredth_from_lag": self.reach})


def plain(value: Any) -> Any:
    """A value for JSON: None for numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def examine(model: Any, batch: Batch, *, rng: torch.Generator) -> dict[str, Layer]:
    """The findings in each layer that its loss depends on, on the first rows of a batch."""
    recurrent: Recurs = model
    some = type(batch)(*(part[:ROWS] if isinstance(part, Tensor) else part for part in batch))
    with recording() as record:
        loss = recurrent.last_loss(some, rng=rng)
    tracks = record.tracks(model)
    found = {}
    for name, track in tracks.items():
        layer = layer_of(track, loss)
        if layer is not None:
            found[name] = layer
    return found


def layer_of(track: Track, loss: Float[Tensor, " B"]) -> Layer | None:
    """None for a layer that the loss does not depend on."""
    steps = track.steps
    gradients = diagnosis.gradients(loss, [step.after for step in steps])
    sizes = diagnosis.norms(gradients)
    if not bool((sizes > 0).any()):
        return None
    last = diagnosis.ends(sizes)
    by_lag = diagnosis.from_the_end(sizes, last)
    lags = diagnosis.middle(by_lag)
    factors = stretches(steps, last)
    alone = all(step.again is not None for step in steps) and comes_alone(steps, gradients, sizes)
    slopes = [step.slope for step in steps if step.slope is not None]
    by_slopes = alone and len(slopes) == len(steps)
    bound: list[float] = []
    if by_slopes:
        (matrix,) = track.matrices.values()
        bound = diagnosis.middle(diagnosis.chained(by_lag[0], diagnosis.lecture_factors(matrix, slopes), last)).tolist()
    elif alone and factors is not None:
        rows = slice(0, SEEN)
        known = diagnosis.from_the_end((~factors.isnan()).float(), last[rows]).nan_to_num().bool().all(1)
        chained = diagnosis.chained(by_lag[0, rows], factors, last[rows])
        # The bound of these rows, in proportion to theirs, so that it starts where the median does.
        share = (chained / by_lag[0, rows]).log().mean(1).exp() * lags[0]
        bound = share[: int(known.cumprod(0).sum()) + 1].tolist()
    kept = [step.kept for step in steps if step.kept is not None]
    states = [tensor for step in steps for tensor in step.after]
    numbers = [*states, *(part for parts in gradients for part in parts)]
    return Layer(
        kind=track.kind,
        steps=len(steps),
        lags=lags.tolist(),
        rate=diagnosis.fitted_rate(lags),
        alone=alone,
        bound=bound,
        by_slopes=by_slopes,
        values={name: diagnosis.singular_values(matrix).tolist() for name, matrix in track.matrices.items()},
        radii={name: diagnosis.spectral_radius(matrix) for name, matrix in track.matrices.items()},
        jacobian={} if factors is None else by_step(factors),
        jacobian_radii={} if track.kind == "depth" else radii(steps, last),
        gates={name: gate([step.gates[name] for step in steps]) for name in steps[0].gates},
        half_lives=lives(kept),
        broken=sum(int((~tensor.detach().isfinite()).sum()) for tensor in numbers),
    )


def gate(values: Sequence[Tensor]) -> tuple[float, float, float]:
    """(share below .1, share above .9, mean) over all steps, rows and units."""
    joined = torch.cat([each.flatten() for each in values])
    return (*diagnosis.saturation(joined), float(joined.mean()))


def lives(kept: Sequence[Tensor]) -> list[float]:
    """The half life of each unit by its mean factor over steps and rows, the shortest first."""
    if not kept:
        return []
    units = torch.cat([each.flatten(0, -2) for each in kept]).mean(0)
    found: list[float] = diagnosis.half_life(units).sort().values.tolist()
    return found


# ---------------------------------------------------------------- Jacobians


def known_steps(steps: Sequence[Step]) -> list[int]:
    """The last steps that can be taken again, with one before each; fewer of large states."""
    most = MOST_STEPS if max(map(numbers_of, steps)) <= MOST_NUMBERS else MOST_STEPS // FEWER
    return [t for t in range(max(1, len(steps) - most), len(steps)) if steps[t].again is not None]


def numbers_of(step: Step) -> int:
    return sum(tensor[0].numel() for tensor in step.after)


def stretches(steps: Sequence[Step], last: Int[Tensor, " B"]) -> Float[Tensor, "T S"] | None:
    """The largest singular value of each step's Jacobian, of the first rows; NaN for early steps and after a row's end. None if
    steps cannot be taken again."""
    rows = slice(0, SEEN)
    chosen = known_steps(steps)
    if not chosen:
        return None
    count = min(SEEN, len(last))
    found = torch.full((len(steps), count), torch.nan)
    for t in chosen:
        step, before = steps[t], steps[t - 1].after
        assert step.again is not None
        if max(numbers_of(step), numbers_of(steps[t - 1])) <= MOST_NUMBERS:
            largest = torch.linalg.matrix_norm(diagnosis.jacobian(step.again, before, rows), 2)
        else:
            largest = diagnosis.stretch(step.again, before, rows)
        found[t] = torch.where(t <= last[rows], largest.detach(), torch.nan).cpu()
    return found.to(last.device)


def by_step(factors: Float[Tensor, "T S"]) -> dict[int, float]:
    middle = factors.nanmedian(1).values
    return {t: float(value) for t, value in enumerate(middle) if not value.isnan()}


def radii(steps: Sequence[Step], last: Int[Tensor, " B"]) -> dict[int, float]:
    """The spectral radius of the first row's Jacobian at some steps up to its end, evenly spread."""
    chosen = [t for t in known_steps(steps) if t <= int(last[0])]
    chosen = chosen[:: -(-len(chosen) // RADII)] if chosen else []
    found = {}
    for t in chosen:
        step, before = steps[t], steps[t - 1]
        if step.again is None or numbers_of(step) != numbers_of(before) or numbers_of(step) > MOST_NUMBERS:
            continue
        (matrix,) = diagnosis.jacobian(step.again, before.after, slice(0, 1))
        found[t] = diagnosis.spectral_radius(matrix)
    return found


def comes_alone(steps: Sequence[Step], gradients: diagnosis.Gradients, sizes: Float[Tensor, "T B"]) -> bool:
    """Whether each gradient is the one after it, carried back by the step between: then no other way leads to the loss. A step that
    the gradient at its end is zero of says nothing."""
    for t in known_steps(steps):
        step = steps[t]
        assert step.again is not None
        after = sizes[t] > diagnosis.LEAST
        if not bool(after.any()):
            continue
        back = diagnosis.pulled_back(step.again, steps[t - 1].after, gradients[t])
        own = diagnosis.joined(gradients[t - 1])
        away = (back - own).norm(dim=1)[after] / torch.maximum(sizes[t - 1], back.norm(dim=1))[after].clamp(min=diagnosis.LEAST)
        if float(away.max()) > ALONE:
            return False
    return True
