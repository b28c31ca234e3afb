"""Likelihoods of 8-bit pictures: a mixture of discretised logistics over the levels 0 ... 255.

Axes: K components, C channels; leading axes (...) are pixels, in any arrangement.

A pixel's channels are drawn in order: R, then G given R, then B given both (Salimans et al. 2017, PixelCNN++, section 2.2),
within one mixture component for all of them. A logistic with mean m and scale s is cut into levels: level v takes the mass
from v - 1/2 to v + 1/2, the first level everything below 1/2, the last everything above 254.5, so that the levels sum to 1.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

LOG_2 = math.log(2.0)


class LogisticMixture(NamedTuple):
    """The parameters at every pixel, in units of levels.

    `coupling[..., k, n]` couples a channel to an earlier one, in the order G-R, B-R, B-G: the mean of G is
    m_G + coupling * (R - m_R), and so on, with R, G the values seen.
    """

    logits: Float[Tensor, "... K"]
    means: Float[Tensor, "... K C"]
    log_scales: Float[Tensor, "... K C"]
    coupling: Float[Tensor, "... K M"]


def parameters_per_pixel(components: int, channels: int) -> int:
    """Numbers per pixel that `unpack` expects."""
    return components * (1 + 2 * channels + channels * (channels - 1) // 2)


def unpack(flat: Float[Tensor, "... D"], components: int, channels: int) -> LogisticMixture:
    """Cuts the last axis into components, and each of them into its logit, C means, C log-scales and couplings."""
    raw = flat.unflatten(-1, (components, -1))
    return LogisticMixture(
        raw[..., 0], raw[..., 1 : 1 + channels], raw[..., 1 + channels : 1 + 2 * channels], raw[..., 1 + 2 * channels :]
    )


def coupled_means(mixture: LogisticMixture, levels: Float[Tensor, "... C"]) -> Float[Tensor, "... K C"]:
    """The means given the values of the earlier channels."""
    channels = levels.shape[-1]
    if channels == 1:
        return mixture.means
    residual = levels[..., None, :] - mixture.means  # ... K C
    means = [mixture.means[..., 0]]
    pair = 0
    for channel in range(1, channels):
        weight = mixture.coupling[..., pair : pair + channel]
        means.append(mixture.means[..., channel] + (weight * residual[..., :channel]).sum(-1))
        pair += channel
    return torch.stack(means, -1)


def log_prob(mixture: LogisticMixture, levels: Float[Tensor, "... C"], *, top: int = 255) -> Float[Tensor, "..."]:
    """Log-probability (nats) of pixels whose channels take the whole values `levels` in 0 ... `top`.

    With a = (v + 1/2 - m) / s and b = (v - 1/2 - m) / s, the mass of a level is
    sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), exact in floating point however far v is from m.
    """
    scales = mixture.log_scales.exp()
    values = levels[..., None, :]  # ... 1 C
    centred = values - coupled_means(mixture, levels)
    above = F.softplus(-(centred + 0.5) / scales)  # -log sigmoid(a)
    below = F.softplus((centred - 0.5) / scales)  # -log sigmoid(-b)
    inner = torch.log(-torch.expm1(-1.0 / scales))  # log(1 - exp(b - a))
    first, last = values == 0, values == top
    mass = inner.masked_fill(first | last, 0.0) - above.masked_fill(last, 0.0) - below.masked_fill(first, 0.0)
    return torch.logsumexp(F.log_softmax(mixture.logits, -1) + mass.sum(-1), -1)


def choose(logits: Float[Tensor, "... K"], uniform: Float[Tensor, "... 1"], *, temperature: float = 1.0) -> Int[Tensor, "..."]:
    """Samples one component per pixel, by inversion of the cumulative weights."""
    cumulative = (logits / temperature).softmax(-1).cumsum_(-1)
    return (cumulative < uniform).sum(-1).clamp_(max=logits.shape[-1] - 1)


def sample_chosen(
    means: Float[Tensor, "... C"],
    log_scales: Float[Tensor, "... C"],
    coupling: Float[Tensor, "... M"],
    uniforms: Float[Tensor, "... C"],
    *,
    temperature: float = 1.0,
    top: int = 255,
) -> Float[Tensor, "... C"]:
    """Samples integers 0 ... `top` from one component per pixel, by inversion of the logistic."""
    spread = log_scales.exp() * torch.logit(uniforms, eps=1e-7) * temperature
    values: list[Tensor] = []
    pair = 0
    for channel in range(means.shape[-1]):
        mean = means[..., channel]
        for earlier in range(channel):
            mean = mean + coupling[..., pair] * (values[earlier] - means[..., earlier])
            pair += 1
        values.append((mean + spread[..., channel]).round_().clamp_(0, top))
    return torch.stack(values, -1)


def sample(
    mixture: LogisticMixture, uniforms: Float[Tensor, "... N"], *, temperature: float = 1.0, top: int = 255
) -> Float[Tensor, "... C"]:
    """Samples integers 0 ... `top`. Of the C + 1 `uniforms` per pixel (in [0, 1)), the first chooses the component and the others
    one channel each. `temperature` divides the logits and multiplies the scales."""
    chosen = choose(mixture.logits, uniforms[..., :1], temperature=temperature)[..., None, None]

    def take(x: Tensor) -> Tensor:
        return x.gather(-2, chosen.expand(*chosen.shape[:-1], x.shape[-1])).squeeze(-2)

    parts = (take(mixture.means), take(mixture.log_scales), take(mixture.coupling))
    return sample_chosen(*parts, uniforms[..., 1:], temperature=temperature, top=top)


def label_totals(logits: Float[Tensor, "B K"], labels: Int[Tensor, " B"]) -> dict[str, tuple[Tensor, float]]:
    """What is measured of a classifier, as sums and counts: `error_rate`, the fraction of wrong labels, and `cross_entropy_nats`,
    each with its squares, from which the standard error is computed."""
    wrong, count = (logits.argmax(1) != labels).sum(), float(len(labels))
    nats = F.cross_entropy(logits, labels, reduction="none")
    return {
        "error_rate": (wrong, count),
        "error_rate_squared": (wrong, count),
        "cross_entropy_nats": (nats.sum(), count),
        "cross_entropy_nats_squared": (nats.square().sum(), count),
    }


def bound_totals(reconstruction: Float[Tensor, " B"], kl: Float[Tensor, "T B"]) -> dict[str, tuple[Tensor, float]]:
    """What is measured of a variational bound, nats per picture, as sums and counts: `bound_nats` with its squares, its parts, and
    the KL term of every step, `kl_nats_01` ..."""
    bound, count = reconstruction + kl.sum(0), float(len(reconstruction))
    return {
        "bound_nats": (bound.sum(), count),
        "bound_nats_squared": (bound.square().sum(), count),
        "reconstruction_nats": (reconstruction.sum(), count),
        "kl_nats": (kl.sum(), count),
        **{f"kl_nats_{t + 1:02d}": (step.sum(), count) for t, step in enumerate(kl)},
    }


def importance_totals(log_weights: list[Float[Tensor, " B"]]) -> dict[str, tuple[Tensor, float]]:
    """-log of the mean weight of each picture's samples, nats, as sum and count: `iwN_nats` of N samples (Burda et al. 2016)."""
    nats = math.log(len(log_weights)) - torch.stack(log_weights).logsumexp(0)
    return {f"iw{len(log_weights)}_nats": (nats.sum(), float(len(nats)))}
