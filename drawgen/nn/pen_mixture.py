"""Where a pen goes next: a mixture of two-dimensional Gaussians for its step, and probabilities of its three states (Ha & Eck 2017;
the mixture is Graves's of 2013).

Axes: M components, P = 6 M + S numbers of a distribution; any leading axes.

    p(dx, dy) = sum_m pi_m N((dx, dy) | mu_m, Sigma_m),   Sigma_m = [sx^2, rho sx sy; rho sx sy, sy^2]
    p(pen) = softmax(q),   pen = down, raised after this point, or the drawing has ended

Files have whole numbers, so that many steps are exactly straight: a density could grow there without bound. Standard deviations are
therefore at least `NARROWEST`, and correlations at most `STRAIGHTEST`.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

PENS = 3
"""States of the pen: down, raised, ended."""
NARROWEST, WIDEST = 0.05, 100.0
"""Limits of a standard deviation; 1 is that of the steps of the training drawings."""
STRAIGHTEST = 0.95
LOG_2PI = math.log(2 * math.pi)


class PenMixture(NamedTuple):
    """The distribution of the next step."""

    log_weights: Float[Tensor, "*N M"]
    """log pi, normalised."""
    means: Float[Tensor, "*N M 2"]
    log_stds: Float[Tensor, "*N M 2"]
    correlations: Float[Tensor, "*N M"]
    log_pens: Float[Tensor, "*N S"]
    """log p of down, raised and, of drawings, ended."""


def pen_mixture(numbers: Float[Tensor, "*N P"], pens: int = PENS) -> PenMixture:
    """The distribution of a network's 6 M + `pens` outputs, where the pen has that many states: with two, down and raised.

    >>> mixture = pen_mixture(torch.zeros(6 * 4 + 3))
    >>> mixture.means.shape, round(float(mixture.log_pens.exp().sum()), 3)
    (torch.Size([4, 2]), 1.0)
    """
    numbers = numbers.float()
    count = (numbers.shape[-1] - pens) // 6
    weights, means, stds, correlations, states = numbers.split([count, 2 * count, 2 * count, count, pens], -1)
    return PenMixture(
        F.log_softmax(weights, -1),
        means.unflatten(-1, (count, 2)),
        stds.unflatten(-1, (count, 2)).clamp(math.log(NARROWEST), math.log(WIDEST)),
        STRAIGHTEST * correlations.tanh(),
        F.log_softmax(states, -1),
    )


def step_log_density(mixture: PenMixture, steps: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N"]:
    """log p(dx, dy), in nats."""
    scaled = (steps[..., None, :] - mixture.means) * (-mixture.log_stds).exp()  # ... M 2
    x, y = scaled.unbind(-1)
    rho = mixture.correlations
    free = 1 - rho.square()
    distance = (x.square() + y.square() - 2 * rho * x * y) / free
    each = -0.5 * distance - mixture.log_stds.sum(-1) - 0.5 * free.log() - LOG_2PI
    return (mixture.log_weights + each).logsumexp(-1)


def pen_log_prob(mixture: PenMixture, pens: Int[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """log p of these states of the pen, in nats."""
    return mixture.log_pens.gather(-1, pens[..., None])[..., 0]


def biased(mixture: PenMixture, bias: float) -> PenMixture:
    """A mixture that is likelier to give likely steps: (1 + bias) log pi, and standard deviations times exp(-bias) (Graves 2013,
    equations 61 and 62). What the pen does stays as it is."""
    weights = F.log_softmax((1 + bias) * mixture.log_weights, -1)
    return mixture._replace(log_weights=weights, log_stds=mixture.log_stds - bias)


def choose_step(
    mixture: PenMixture, uniforms: Float[Tensor, " B"], normals: Float[Tensor, "B 2"], temperature: float
) -> Float[Tensor, "B 2"]:
    """Steps at a temperature t: log pi is divided by t, and variances are multiplied by it (the paper's section 3.2)."""
    chosen = inverted(mixture.log_weights, uniforms, temperature)
    rows = torch.arange(len(chosen), device=chosen.device)
    means, stds = mixture.means[rows, chosen], mixture.log_stds[rows, chosen].exp() * math.sqrt(temperature)
    rho = mixture.correlations[rows, chosen]
    x = normals[:, 0]
    y = rho * x + (1 - rho.square()).sqrt() * normals[:, 1]
    return means + stds * torch.stack([x, y], 1)


def inverted(log_probs: Float[Tensor, "B K"], uniforms: Float[Tensor, " B"], temperature: float) -> Int[Tensor, " B"]:
    """Choices by inversion of distributions at a temperature, by which log p is divided."""
    cumulative = (log_probs / temperature).softmax(-1).cumsum(-1)
    chosen = torch.searchsorted(cumulative, (uniforms * cumulative[:, -1])[:, None], right=True)[:, 0]
    return chosen.clamp(max=log_probs.shape[1] - 1)
