"""The start of a net over causal neighbourhoods in closed form: its linear predictions of the means are ridge regressions, and its
mixture is fitted to what they leave over.

Axes: B pictures, C channels, H rows, W columns, P pixels in diagonal order, n of all pictures, K mixture components; D inputs
and M outputs of a regression.
"""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from drawgen.nn.guide import Guide, reduced
from drawgen.nn.pixel_sampling import PixelNet
from drawgen.nn.spatial_lstm import diagonals


@runtime_checkable
class LinearlyPredicting(PixelNet, Protocol):
    """A net whose skip connection and guide predict the means of its mixture linearly. Its `config` also has `layout`."""

    if TYPE_CHECKING:  # as of `PixelNet`
        guide: Guide | None

    def standard(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]: ...
    def windows(self, seen: Float[Tensor, "B C H W"]) -> Float[Tensor, "P B D"]: ...


@torch.no_grad()
def start(net: LinearlyPredicting, images: Float[Tensor, "B C H W"]) -> None:
    """Sets the means to a ridge regression on the neighbourhood and the layout, the couplings to regressions of the residuals on
    each other, and the scales by the remaining residuals."""
    residual = start_means(net, images)
    coupling = []
    spread = [residual[:, 0].std()]
    scale = net.std.double()
    for channel in range(1, net.channels):
        known = residual[:, :channel]
        on = ridge(known.t() @ known, known.t() @ residual[:, channel : channel + 1])[:, 0]
        spread.append((residual[:, channel] - residual[:, :channel] @ on).std())
        coupling.append(on * scale[channel] / scale[:channel])
    pairs = torch.cat(coupling) if coupling else torch.zeros(0)
    start_mixture(net, torch.stack(spread).float(), pairs.float())


@torch.no_grad()
def start_means(net: LinearlyPredicting, images: Float[Tensor, "B C H W"]) -> Float64[Tensor, "n C"]:
    """Sets the linear predictions of the means, from the neighbourhood and, by a pixel's place in its cell, from the layout, to
    the solution of one ridge regression. Returns the residuals of the standardised pixels."""
    height, width = images.shape[2:]
    seen, factor = net.standard(images), net.config.layout or 1
    order = diagonals(height, width, images.device).order
    row, column = order // width, order % width
    place = row % factor * factor + column % factor  # P
    target = seen.flatten(2)[:, :, order].permute(2, 0, 1)  # P B C
    window = net.windows(seen)  # P B NC
    cells = window.new_zeros(*window.shape[:2], 0)
    if net.guide is not None:
        around = F.pad(net.guide.windows(net.standard(reduced(images, factor))), (0, 1), value=1.0)  # B h w D
        cells = around.flatten(1, 2)[:, row // factor * around.shape[2] + column // factor].transpose(0, 1)  # P B D
    first, each = window.shape[2], cells.shape[2]
    size = first + factor**2 * each
    gram = target.new_zeros(size, size, dtype=torch.float64)
    products = target.new_zeros(size, net.channels, dtype=torch.float64)
    parts = []
    for k in range(factor**2):
        inputs = torch.cat([window[place == k], cells[place == k]], 2).flatten(0, 1).double()
        outputs = target[place == k].flatten(0, 1).double()
        index = torch.cat([torch.arange(first), first + k * each + torch.arange(each)]).to(gram.device)
        gram[index[:, None], index] += inputs.t() @ inputs
        products[index] += inputs.t() @ outputs
        parts.append((inputs, outputs, index))
    weights = ridge(gram, products)
    if net.skip is not None:
        rows = net.skip.weight.unflatten(0, (net.config.components, -1))  # K, numbers of a component, NC
        rows[:, 1 : 1 + net.channels] = weights[:first].t().float()
    if net.guide is not None:
        by_place = weights[first:].unflatten(0, (factor**2, each)).transpose(1, 2).flatten(0, 1).float()
        net.guide.linear.weight.copy_(by_place[:, :-1])
        net.guide.linear.bias.copy_(by_place[:, -1])
    return torch.cat([outputs - inputs @ weights[index] for inputs, outputs, index in parts])


@torch.no_grad()
def start_mixture(net: PixelNet, spread: Float[Tensor, " C"], coupling: Float[Tensor, " pairs"]) -> None:
    """Sets the output biases: one mean, and scales from a quarter to four times that of a residual with standard deviation
    `spread`."""
    k, c = net.config.components, net.channels
    bias = net.output().bias.zero_().unflatten(0, (k, -1))  # K, numbers of a component
    ladder = torch.linspace(-1.4, 1.4, k) if k > 1 else torch.zeros(1)
    bias[:, 1 + c : 1 + 2 * c] = (spread.cpu().clamp(min=1e-3) * 0.55).log() + ladder[:, None]
    bias[:, 1 + 2 * c :] = coupling


def ridge(gram: Float[Tensor, "D D"], products: Float[Tensor, "D M"]) -> Float[Tensor, "D M"]:
    """Least squares with a small penalty (a thousandth of the mean squared input), from the inputs' products with each other and
    with the outputs."""
    penalty = 1e-3 * gram.diagonal().mean() + 1e-9
    return torch.linalg.solve(gram + penalty * torch.eye(len(gram), dtype=gram.dtype, device=gram.device), products)
