"""What goes wrong in a recurrent network: how gradients vanish and explode (Bengio et al. 1994; Pascanu, Mikolov & Bengio 2013,
"On the difficulty of training recurrent neural networks").

Axes: B rows, T steps, K lags, N numbers of a state, M of the state before it, U units.

The loss L of the last step reaches an earlier state through all steps between them:

    dL/dh_{t-k} = dL/dh_t  J_t J_{t-1} ... J_{t-k+1},     J_t = dh_t/dh_{t-1} = diag(phi'(a_t)) W     for h_t = phi(W h_{t-1} + x_t)

With s the largest singular value of W, and gamma the steepest slope of phi, |J_t v| <= s gamma |v|. So a gradient vanishes where
s < 1 / gamma: 1 for tanh and ReLU, 4 for the sigmoid. Above that it can explode, and need not. Closer is the product of s and the
steepest slope at each step, and closer still that of the largest singular values of the J_t, which holds for cells with gates, too.
A state of several tensors (an LSTM's h and c) is one vector here.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from drawgen.nn.recording import Again, States

STEEPEST = {"tanh": 1.0, "relu": 1.0, "sigmoid": 0.25}
"""gamma, the steepest slope of a nonlinearity."""
SATURATED = (0.1, 0.9)
"""A gate below the first is shut, above the second open."""
LEAST = 1e-30
"""Norms below this are left out of fits: single precision ends near it."""

Gradients: TypeAlias = list[list[Tensor]]
"""By step, of each tensor of the state."""


# ---------------------------------------------------------------- gradients


def gradients(loss: Float[Tensor, " B"], states: Sequence[Sequence[Tensor]]) -> Gradients:
    """dL/ds_t of each row's own loss at every step: zero where the loss does not depend on the state. The graph is kept."""
    flat = [tensor for state in states for tensor in state]
    found = torch.autograd.grad(loss.sum(), flat, allow_unused=True, retain_graph=True)
    filled = iter([torch.zeros_like(t) if g is None else g for t, g in zip(flat, found, strict=True)])
    return [[next(filled) for _ in state] for state in states]


def joined(state: Sequence[Tensor]) -> Float[Tensor, "B N"]:
    """A state as one vector per row."""
    return torch.cat([tensor.flatten(1) for tensor in state], 1)


def norms(found: Sequence[Sequence[Tensor]]) -> Float[Tensor, "T B"]:
    """The norm of each step's vector."""
    return torch.stack([joined(state).norm(dim=1) for state in found])


def ends(sizes: Float[Tensor, "T B"]) -> Int[Tensor, " B"]:
    """The last step of each row: after it nothing reaches the loss, so that the gradient is zero."""
    number = torch.arange(len(sizes), device=sizes.device)[:, None]
    return torch.where(sizes > 0, number, 0).amax(0)


def from_the_end(values: Float[Tensor, "T B"], last: Int[Tensor, " B"]) -> Float[Tensor, "K B"]:
    """values[last - k]; NaN before the first step."""
    step = last[None] - torch.arange(len(values), device=values.device)[:, None]
    return values.gather(0, step.clamp(min=0)).masked_fill(step < 0, torch.nan)


def middle(by_lag: Float[Tensor, "K B"]) -> Float[Tensor, " _"]:
    """The median over the rows, for lags that at least half of them have."""
    enough = (~by_lag.isnan()).double().mean(1) >= 0.5
    return by_lag[enough].nanmedian(1).values


def fitted_rate(by_lag: Float[Tensor, " K"]) -> float:
    """The factor per step of the exponential that fits best (least squares of the logarithms); NaN for fewer than two norms.

    >>> round(fitted_rate(torch.tensor([1.0, 0.5, 0.25])), 6)
    0.5
    """
    seen = by_lag.double()
    lags = torch.arange(len(seen), dtype=torch.float64, device=seen.device)[seen > LEAST]
    logs = seen[seen > LEAST].log()
    if len(lags) < 2:
        return math.nan
    away = lags - lags.mean()
    return math.exp(float((away * logs).sum() / away.square().sum()))


def steps_until(share: float, rate: float) -> float:
    """Steps after which a gradient with this rate is a share of what it was; infinite if it does not get there.

    >>> round(steps_until(0.01, 0.9))
    44
    """
    return math.log(share) / math.log(rate) if 0 < rate < 1 else math.inf


# ---------------------------------------------------------------- matrices


def singular_values(matrix: Float[Tensor, "N M"]) -> Float[Tensor, " S"]:
    """From the largest to the least, in double precision."""
    return torch.linalg.svdvals(matrix.detach().double().cpu())


def spectral_radius(matrix: Float[Tensor, "N M"]) -> float:
    """The largest absolute value of an eigenvalue; NaN for a matrix that is not square."""
    if matrix.shape[0] != matrix.shape[1]:
        return math.nan
    return float(torch.linalg.eigvals(matrix.detach().double().cpu()).abs().max())


def jacobian(again: Again, before: States, rows: slice) -> Float[Tensor, "B N M"]:
    """ds_{t+1}/ds_t of some rows, for a step (`nn.recording.Again`)."""
    state = tuple(tensor[rows].detach() for tensor in before)
    after, back = torch.func.vjp(lambda *given: again(given, rows), *state)
    sizes = [tensor[0].numel() for tensor in after]
    count = len(state[0])
    wanted = torch.eye(sum(sizes), dtype=state[0].dtype, device=state[0].device)[:, None].expand(-1, count, -1)
    parts = [part.unflatten(2, tensor.shape[1:]) for part, tensor in zip(wanted.split(sizes, 2), after, strict=True)]
    found = torch.func.vmap(back)(tuple(parts))
    return torch.cat([part.flatten(2) for part in found], 2).transpose(0, 1).detach()


def stretch(again: Again, before: States, rows: slice, *, iterations: int = 20) -> Float[Tensor, " B"]:
    """The largest singular value of the same Jacobian by power iteration, which never writes it down: for large states. It is
    approached from below."""
    state = tuple(tensor[rows].detach() for tensor in before)
    after, back = torch.func.vjp(lambda *given: again(given, rows), *state)
    _, push = torch.func.vjp(lambda *u: back(u), *(torch.zeros_like(tensor) for tensor in after))  # J^T u is linear: its J is J^T
    v = tuple(torch.ones_like(tensor) for tensor in state)
    for _ in range(iterations):
        size = joined(v).norm(dim=1).clamp(min=LEAST)
        pushed = push(tuple(tensor / size.view(-1, *(1,) * (tensor.dim() - 1)) for tensor in v))
        v = back(pushed)
    return joined(pushed).norm(dim=1).detach()


def pulled_back(again: Again, before: States, gradient: Sequence[Tensor]) -> Float[Tensor, "B M"]:
    """J^T g: what of the gradient after a step comes back through the step itself."""
    state = tuple(tensor.detach() for tensor in before)
    _, back = torch.func.vjp(lambda *given: again(given, slice(None)), *state)
    return joined(back(tuple(gradient))).detach()


# ---------------------------------------------------------------- bounds


def chained(start: Float[Tensor, " B"], factors: Float[Tensor, "T B"], last: Int[Tensor, " B"]) -> Float[Tensor, "K B"]:
    """The bound on the gradient by lag: its norm at lag 0 times the factors of the steps between. factors[t] bounds J_t."""
    behind = from_the_end(factors, last)
    return start * torch.cat([torch.ones_like(behind[:1]), behind[:-1]]).cumprod(0)


def lecture_factors(matrix: Float[Tensor, "U U"], slopes: Sequence[Float[Tensor, "B U"]]) -> Float[Tensor, "T B"]:
    """The largest singular value of W times the steepest slope at each step, which bounds diag(phi') W."""
    largest = singular_values(matrix)[0]
    return torch.stack([slope.detach().abs().amax(1) * largest.to(slope) for slope in slopes])


# ---------------------------------------------------------------- gates


def saturation(gate: Float[Tensor, "..."]) -> tuple[float, float]:
    """The shares of a gate's values that are below .1 and above .9.

    >>> saturation(torch.tensor([0.05, 0.5, 0.95, 0.99]))
    (0.25, 0.5)
    """
    low, high = SATURATED
    return float((gate < low).double().mean()), float((gate > high).double().mean())


def half_life(kept: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """ln .5 / ln f: steps after which half of the memory is left, where a step keeps the factor f of it.

    >>> half_life(torch.tensor([0.5, 0.99]))
    tensor([ 1.0000, 68.9676])
    """
    return math.log(0.5) / kept.clamp(1e-12, 1 - 1e-7).log()
