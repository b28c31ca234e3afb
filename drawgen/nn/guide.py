"""The encoder of a texture's layout: what a reduced picture says about each pixel of the full one.

Axes: B pictures, C channels, h w rows and columns of the layout, H W those of the picture (H = factor * h), E and M features.

The layout is known before any pixel is sampled, so the encoder looks in all directions, and runs once per picture. Every cell of
the layout gives its factor x factor pixels one vector each (a sub-pixel convolution, Shi et al. 2016): the first E numbers are
added before the embedding's non-linearity, the other M beside the mixture's outputs.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.nn.linear import linear

REACH = 2
"""Cells that the linear prediction sees to each side."""


class Guide(nn.Module):
    """Convolutions over the layout (a 5x5 and then 3x3 ones, with ReLU), and beside them a linear prediction of each pixel's
    channels from the 5x5 cells around it, which starts at a ridge regression's solution."""

    layers: Sequence[nn.Conv2d]

    def __init__(self, channels: int, factor: int, units: int, depth: int, outputs: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.factor, self.outputs = factor, outputs
        sides = [2 * REACH + 1] + [3] * (depth - 1)
        layers = []
        for n, side in enumerate(sides):
            inputs = channels if n == 0 else units
            layer = nn.Conv2d(inputs, units, side)
            nn.init.normal_(layer.weight, 0.0, (2 / (inputs * side * side)) ** 0.5, generator=rng)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            layers.append(layer)
        self.layers = nn.ModuleList(layers)  # type: ignore[assignment]
        self.out = linear(units, factor * factor * outputs, rng)
        self.out.weight.data.zero_()
        self.linear = linear(channels * (2 * REACH + 1) ** 2, factor * factor * channels, rng)
        self.linear.weight.data.zero_()

    @property
    def reach(self) -> int:
        """Cells to each side on which a pixel depends."""
        return REACH + len(self.layers) - 1

    def forward(self, layout: Float[Tensor, "B C h w"]) -> tuple[Float[Tensor, "B H W M"], Float[Tensor, "B H W C"]]:
        """The features of each pixel, and the linear prediction. Beyond its border the layout is continued by its last cells."""
        x = F.pad(layout, (self.reach,) * 4, mode="replicate")
        for layer in self.layers:
            x = F.relu(layer(x))
        features = self.out(x.permute(0, 2, 3, 1))
        return self.spread(features), self.spread(self.linear(self.windows(layout)))

    def windows(self, layout: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w D"]:
        """The 5x5 cells around each cell."""
        height, width = layout.shape[2:]
        padded = F.pad(layout, (REACH,) * 4, mode="replicate")
        return F.unfold(padded, 2 * REACH + 1).unflatten(2, (height, width)).permute(0, 2, 3, 1)

    def spread(self, cells: Float[Tensor, "B h w D"]) -> Float[Tensor, "B H W _"]:
        """Hands each cell's numbers out to its factor x factor pixels."""
        batch, height, width, _ = cells.shape
        f = self.factor
        parts = cells.view(batch, height, width, f, f, -1).transpose(2, 3)
        return parts.reshape(batch, height * f, width * f, -1)


def reduced(images: Float[Tensor, "B C H W"], factor: int) -> Float[Tensor, "B C h w"]:
    """Pictures at 1 / `factor` of their size (rounded up), by a bicubic filter against aliasing."""
    height, width = images.shape[2:]
    padded = F.pad(images, (0, -width % factor, 0, -height % factor), mode="replicate")
    cells = (padded.shape[2] // factor, padded.shape[3] // factor)
    return F.interpolate(padded, cells, mode="bicubic", antialias=True).clamp(0, 1)
