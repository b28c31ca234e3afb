"""Measures how unlike the training pictures another picture is, by its features.

Axes: N pictures to fit, B pictures, D features, K dimensions of the projection.

Features of the training pictures are standardised and modelled by a Gaussian, whose covariance keeps K principal directions and has
one variance for all others. A picture's distance is its squared Mahalanobis distance; the border is a high percentile of the
distances of pictures that were not used to fit (Lee et al. 2018, "A Simple Unified Framework for Detecting Out-of-Distribution
Samples"). Around a wide class of which few pictures are known, such as photographs, no such border leaves other pictures out. There
known pictures of other kinds help: a linear discriminant (Fisher 1936) takes the place of the distance.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

INSIDE = 0.98
"""The fraction of unused training pictures within the border."""
FEWEST = 10
"""With fewer training pictures their spread is not known."""
LEAST_SPREAD = 0.05
"""Added to a feature's standard deviation, times the mean one."""
RIDGE = 1.0
"""Added to the variances of the discriminant, times their mean."""


class Familiarity(nn.Module):
    """`strangeness`: small for what is typical of the training pictures, 1 at the border, more beyond. Until `fit` it is 0.

    >>> known = Familiarity(8, 4)
    >>> known.fit(torch.randn(500, 8, generator=torch.Generator().manual_seed(0)))
    >>> (known.strangeness(torch.tensor([[0.0] * 8, [9.0] * 8])) > 1).tolist()
    [False, True]
    """

    mean: Tensor
    scale: Tensor
    axes: Tensor
    """D K: orthonormal directions."""
    variances: Tensor
    """The variances along them, K; then that of every other direction."""
    border: Tensor
    """The squared distance at the border; 0 before `fit`."""
    contrast: Tensor
    """D: the discriminant, with the offset 0 on average for the training pictures and 2 for other kinds. 0 without those."""
    offset: Tensor

    def __init__(self, features: int, dimensions: int) -> None:
        super().__init__()
        dimensions = min(dimensions, features)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("axes", torch.zeros(features, dimensions))
        self.register_buffer("variances", torch.ones(dimensions + 1))
        self.register_buffer("border", torch.zeros(()))
        self.register_buffer("contrast", torch.zeros(features))
        self.register_buffer("offset", torch.zeros(()))

    @property
    def fitted(self) -> bool:
        return bool(self.border > 0) or bool(self.contrast.any())

    @torch.no_grad()
    def fit(self, features: Float[Tensor, "N D"], held: Float[Tensor, "M D"] | None = None) -> None:
        """The Gaussian and its border, from the features of training pictures, each picture once, and of `held` ones that the model
        was not trained on. The border is the larger of two percentiles: of the held pictures, and of each half of the training
        pictures under the Gaussian of the other half. Fewer than `FEWEST` pictures, or features that are not finite, give no
        border: nothing is strange then."""
        self.forget()
        every = features if held is None else torch.cat([features, held])
        if len(features) < FEWEST or not bool(every.isfinite().all()):
            return
        halves, far = (features[::2], features[1::2]), []
        for one, other in (halves, halves[::-1]):
            self.describe(one)
            far.append(self.distance(other))
        far = [torch.cat(far)]
        self.describe(features)
        if held is not None and len(held):
            far.append(self.distance(held))
        self.border.copy_(torch.stack([distances.quantile(INSIDE) for distances in far]).max())

    @torch.no_grad()
    def fit_against(self, features: Float[Tensor, "N D"], others: Sequence[Float[Tensor, "_ D"]]) -> None:
        """The discriminant between training pictures and `others`, each a kind of picture that these are not; all kinds have the
        same weight. The border is halfway between the means."""
        self.forget()
        here, there = features.double(), [each.double() for each in others]
        near, far = here.mean(0), torch.stack([each.mean(0) for each in there]).mean(0)
        covariance = scatter(here, near) + torch.stack([scatter(each, far) for each in there]).mean(0)
        covariance.diagonal().add_(RIDGE * covariance.diagonal().mean())
        contrast = torch.linalg.solve(covariance, far - near)
        contrast = 2 * contrast / ((far - near) @ contrast)
        self.contrast.copy_(contrast)
        self.offset.copy_(-contrast @ near)

    def forget(self) -> None:
        """As before `fit`."""
        for buffer in (self.border, self.contrast, self.offset):
            buffer.zero_()

    def describe(self, features: Float[Tensor, "N D"]) -> None:
        """Mean, scale and covariance. Few pictures say little of a covariance, which is therefore shrunk to equal variances by the
        fraction of Ledoit & Wolf (2004)."""
        wide = features.double()
        spread = wide.std(0)
        scale = (spread + LEAST_SPREAD * spread.mean()).clamp(min=1e-6)
        z = (wide - wide.mean(0)) / scale
        covariance = z.t() @ z / len(z)
        equal = covariance.diagonal().mean()
        noise = (z.square().sum(1).square().mean() - covariance.square().sum()) / len(z)
        structure = covariance.square().sum() - len(covariance) * equal.square()
        fraction = (noise / structure.clamp(min=1e-12)).clamp(0, 1)
        values, vectors = torch.linalg.eigh((1 - fraction) * covariance + fraction * equal * torch.eye(len(covariance)).to(z))
        values, vectors = values.flip(0).clamp(min=1e-6), vectors.flip(1)
        kept = self.axes.shape[1]
        self.mean.copy_(wide.mean(0))
        self.scale.copy_(scale)
        self.axes.copy_(vectors[:, :kept])
        self.variances[:kept].copy_(values[:kept])
        self.variances[kept].copy_(values[kept:].mean() if kept < len(values) else values[-1])

    def standard(self, features: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        return (features - self.mean) / self.scale

    def distance(self, features: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
        """The squared Mahalanobis distance."""
        z = self.standard(features)
        inside = (z @ self.axes).square()
        rest = (z.square().sum(1) - inside.sum(1)).clamp(min=0)
        return (inside / self.variances[:-1]).sum(1) + rest / self.variances[-1]

    @torch.no_grad()
    def strangeness(self, features: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
        """The distance over that of the border; or what the discriminant gives, at least 0."""
        if self.border > 0:
            return self.distance(features) / self.border
        return (features @ self.contrast + self.offset).clamp(min=0)


def scatter(x: Float64[Tensor, "N D"], centre: Float64[Tensor, " D"]) -> Float64[Tensor, "D D"]:
    """The mean square about a point."""
    return (x - centre).t() @ (x - centre) / len(x)
