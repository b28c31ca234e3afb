"""Conditional whitening (Theis & Bethge 2015, section 3.1): inputs of unit covariance, and outputs of unit covariance given them.

Axes: N pixels, D inputs, M outputs.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn


class ConditionalWhitening(nn.Module):
    """An affine map of (x, y), fitted in closed form:

        x' = V (x - mean of x)                        V symmetric, V cov(x) V = 1
        y' = W (y - mean of y - G (x - mean of x))    G the linear regression of y on x, W cov(y | x) W^T = 1

    With V and W fixed, p(y | x) = p(y' | x') |det W|, whatever the density of y' is.
    """

    input_mean: Tensor
    input_whitener: Tensor
    output_mean: Tensor
    regression: Tensor
    output_whitener: Tensor
    """W, lower triangular."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("input_mean", torch.zeros(inputs))
        self.register_buffer("input_whitener", torch.eye(inputs))
        self.register_buffer("output_mean", torch.zeros(outputs))
        self.register_buffer("regression", torch.zeros(outputs, inputs))
        self.register_buffer("output_whitener", torch.eye(outputs))

    @torch.no_grad()
    def fit(self, x: Float[Tensor, "N D"], y: Float[Tensor, "N M"], *, least: float = 1e-5) -> None:
        """From pixels, in float64. Directions of x, or of y given x, with a variance below `least` times the mean variance count as
        if they had that, so that constant pictures are no division by zero."""
        wide_x, wide_y = x.double(), y.double()
        x_mean, y_mean = wide_x.mean(0), wide_y.mean(0)
        centred_x, centred_y = wide_x - x_mean, wide_y - y_mean
        values, vectors = spectrum(centred_x.t() @ centred_x / len(x), least)
        regression = (centred_y.t() @ centred_x / len(x)) @ ((vectors / values) @ vectors.t())
        residual = centred_y - centred_x @ regression.t()
        self.input_mean.copy_(x_mean)
        self.input_whitener.copy_((vectors * values.rsqrt()) @ vectors.t())
        self.output_mean.copy_(y_mean)
        self.regression.copy_(regression)
        left, axes = spectrum(residual.t() @ residual / len(x), least)
        factor = torch.linalg.cholesky((axes * left) @ axes.t())
        one = torch.eye(len(factor), dtype=factor.dtype, device=factor.device)
        self.output_whitener.copy_(torch.linalg.solve_triangular(factor, one, upper=False))

    def inputs(self, x: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        """x', of unit covariance."""
        return (x - self.input_mean) @ self.input_whitener

    def predicted(self, x: Float[Tensor, "... D"]) -> Float[Tensor, "... M"]:
        """The linear prediction of y."""
        return self.output_mean + (x - self.input_mean) @ self.regression.t()

    def outputs(self, x: Float[Tensor, "... D"], y: Float[Tensor, "... M"]) -> Float[Tensor, "... M"]:
        """y', of unit covariance given x."""
        return (y - self.predicted(x)) @ self.output_whitener.t()

    def restored(self, x: Float[Tensor, "... D"], white: Float[Tensor, "... M"]) -> Float[Tensor, "... M"]:
        """y of y': the inverse of `outputs`."""
        flat = torch.linalg.solve_triangular(self.output_whitener, white.reshape(-1, white.shape[-1]).t(), upper=False)
        return self.predicted(x) + flat.t().view_as(white)

    def log_jacobian(self) -> Float[Tensor, ""]:
        """log |det dy'/dy| = log |det W|, to add to log p(y' | x')."""
        return self.output_whitener.diagonal().log().sum()


def spectrum(cov: Float64[Tensor, "D D"], least: float) -> tuple[Float64[Tensor, " D"], Float64[Tensor, "D D"]]:
    """The variances along the principal axes, at least `least` times their mean, and the axes (columns)."""
    values, vectors = torch.linalg.eigh(cov)
    return values.clamp(min=max(least * float(values.mean()), 1e-12)), vectors
