"""A mixture of conditional Gaussian scale mixtures (Theis, Hosseini & Bethge 2012, "Mixtures of conditional Gaussian scale mixtures
applied to multiscale image representations"), factorised as in Theis & Bethge 2015.

Axes: N pixels, D inputs, M outputs, K components, S scales, F features.

    p(y | x)    = sum over c, s of p(c, s | x) N(y; A_c x + u_c, (e^a_cs L_c L_c^T)^-1)
    p(c, s | x) ~ exp(eta_cs - e^a_cs / 2 sum over i of beta_ci^2 (b_i^T x)^2 + e^a_cs w_c^T x)

The features b_i are shared by all components: that is the factorisation. u_c and w_c are optional.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from drawgen.likelihood import choose

LOG_2_PI = math.log(2 * math.pi)
AT_ONCE = 1 << 14
"""Pixels of which `fit_by_lbfgs` keeps the intermediate numbers at once."""


class MCGSM(nn.Module):
    """The density of real vectors y (M) given inputs x (D), which are best of unit variance. `means` adds u_c and w_c."""

    def __init__(
        self, inputs: int, outputs: int, *, components: int, scales: int, features: int, means: bool = False, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.outputs = outputs

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(std * torch.randn(shape, generator=rng))

        self.features = normal(features, inputs, std=inputs**-0.5)  # b
        # With these, K_c = sum of beta_ci^2 b_i b_i^T is about the identity, and so is the covariance of x.
        strength = torch.empty(components, features).uniform_(0.5, 1.5, generator=rng)
        self.weights = nn.Parameter((inputs / features) ** 0.5 * strength)  # beta
        spread = torch.linspace(2.0, -2.0, scales) if scales > 1 else torch.zeros(1)
        self.log_precisions = nn.Parameter(spread + 0.3 * torch.randn(components, scales, generator=rng))  # a
        # The prior of a Gaussian scale mixture over x as well, of which each scale has the same weight.
        self.logits = nn.Parameter(inputs / 2 * self.log_precisions.detach())  # eta
        self.predictors = normal(components, outputs, inputs, std=0.01)  # A
        self.factors = nn.Parameter(torch.zeros(components, outputs, outputs))  # L: its lower triangle, of the diagonal the log
        self.offsets = nn.Parameter(torch.zeros(components, outputs)) if means else None  # u
        self.leanings = nn.Parameter(torch.zeros(components, inputs)) if means else None  # w

    def cholesky(self) -> Float[Tensor, "K M M"]:
        """L_c, lower triangular with a positive diagonal."""
        diagonal = self.factors.diagonal(dim1=1, dim2=2).exp()
        return self.factors.tril(-1) + torch.diag_embed(diagonal)

    def energies(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "K N"]:
        """What e^a_cs is multiplied by in the logits: -1/2 sum beta^2 (b^T x)^2 + w^T x."""
        energies = -0.5 * (self.weights.square() @ (self.features @ x.t()).square())
        return energies if self.leanings is None else torch.addmm(energies, self.leanings, x.t())

    def log_density(self, x: Float[Tensor, "N D"], y: Float[Tensor, "N M"]) -> Float[Tensor, " N"]:
        """log p(y | x) in nats."""
        residual = y.t() - (self.predictors.flatten(0, 1) @ x.t()).unflatten(0, (-1, self.outputs))  # K M N
        if self.offsets is not None:
            residual = residual - self.offsets[:, :, None]
        if self.outputs == 1:
            white = residual * self.factors.exp()
        else:
            white = self.cholesky().mT @ residual  # L^T r
        energies = self.energies(x)
        differences = energies - 0.5 * white.square().sum(1)
        log_det = self.factors.diagonal(dim1=1, dim2=2).sum(1)[:, None]
        volumes = self.logits + log_det + self.outputs / 2 * (self.log_precisions - LOG_2_PI)
        parts = energies, differences, self.logits, volumes, self.log_precisions.exp()
        if x.device.type == "cpu" and x.dtype == torch.float32:
            from drawgen.nn.mcgsm_cpu import LogRatio

            compiled: Tensor = LogRatio.apply(*parts)
            return compiled
        return log_ratio(*parts)

    def sample(
        self,
        x: Float[Tensor, "N D"],
        uniform: Float[Tensor, "N 1"],
        normal: Float[Tensor, "N M"],
        *,
        temperature: float = 1.0,
    ) -> Float[Tensor, "N M"]:
        """y given x, from a number uniform in [0, 1) that chooses component and scale, and M normal ones. `temperature` divides the
        logits and multiplies the standard deviations."""
        prior = self.logits + self.energies(x).t()[:, :, None] * self.log_precisions.exp()  # N K S
        chosen = choose(prior.flatten(1), uniform, temperature=temperature)  # N
        component = chosen // self.log_precisions.shape[1]
        width = (-0.5 * self.log_precisions.flatten()[chosen]).exp() * temperature
        centre = (self.predictors[component] @ x[:, :, None])[:, :, 0]
        if self.offsets is not None:
            centre = centre + self.offsets[component]
        spread = torch.linalg.solve_triangular(self.cholesky()[component].mT, normal[:, :, None], upper=True)[:, :, 0]
        return centre + width[:, None] * spread


def log_ratio(
    energies: Float[Tensor, "K N"],
    differences: Float[Tensor, "K N"],
    logits: Float[Tensor, "K S"],
    volumes: Float[Tensor, "K S"],
    precisions: Float[Tensor, "K S"],
) -> Float[Tensor, " N"]:
    """log sum over c, s of exp(volumes + precisions * differences), minus log sum of exp(logits + precisions * energies)."""
    joint, prior = (
        torch.addcmul(offset[:, :, None], part[:, None], precisions[:, :, None]).flatten(0, 1).logsumexp(0)
        for offset, part in ((volumes, differences), (logits, energies))
    )
    return joint - prior


def fit_by_lbfgs(
    mixture: MCGSM,
    x: Float[Tensor, "N D"],
    y: Float[Tensor, "N M"],
    *,
    iterations: int,
    progress: Callable[[int, float], None] | None = None,
) -> float:
    """Maximises the likelihood of fixed pixels by L-BFGS (strong Wolfe line search), all parameters at once. Returns the mean
    -log p(y | x), in nats. `progress` gets the number of evaluations and that mean."""
    optimiser = torch.optim.LBFGS(
        mixture.parameters(), max_iter=iterations, max_eval=iterations * 5 // 4, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=0.0, tolerance_change=0.0,
    )  # fmt: skip
    seen: list[float] = []

    def closure() -> float:
        optimiser.zero_grad()
        total = 0.0
        for some_x, some_y in zip(x.split(AT_ONCE), y.split(AT_ONCE), strict=True):
            part = -mixture.log_density(some_x, some_y).sum() / len(x)
            part.backward()  # type: ignore[no-untyped-call]
            total += float(part.detach())
        seen.append(total)
        if progress is not None:
            progress(len(seen), total)
        return total

    with torch.enable_grad():
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    optimiser.zero_grad()
    return min(seen)
