"""The density of pictures with real values (Theis & Bethge 2015): whitened causal neighbourhoods, spatial LSTMs, and an MCGSM.

Axes: B pictures, C channels, H rows, W columns, P pixels whose causal neighbourhood is inside the picture, in diagonal order; D
numbers of a neighbourhood, E inputs of the MCGSM.

    p(picture) = product over pixels of p(pixel | causal neighbourhood, h)

A pixel whose neighbourhood is not inside the picture has a uniform density over [0, 1], which is 1 (0 nats): the paper leaves these
out. So the product is a density of the whole picture.
"""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from drawgen.likelihood import LOG_2
from drawgen.nn.mcgsm import MCGSM, fit_by_lbfgs
from drawgen.nn.spatial_lstm import Diagonals, SpatialLSTM, Wavefront, causal_offsets, diagonals
from drawgen.nn.whitening import ConditionalWhitening

LEVELS = 256
PERCENTILES = (0.001, 0.998)
"""Of the data's values: sampled pixels are clipped to them, as the paper's are."""
MOST_TO_START = 1 << 18
"""Pixels that the whitening and the start of the MCGSM are fitted to."""


class CausalDensity(nn.Module):
    """The density of pictures whose values are real numbers in [0, 1), a pixel's channels at once. Without spatial LSTMs it is the
    MCGSM of the paper's tables; with `skip` the MCGSM and all LSTMs see the neighbourhood too, besides h."""

    low: Tensor
    high: Tensor
    lstms: "nn.ModuleList"

    def __init__(
        self,
        channels: int,
        *,
        neighbourhood: int,
        layers: int,
        units: int,
        cell: str,
        skip: bool,
        components: int,
        scales: int,
        features: int,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.channels, self.neighbourhood, self.skip = channels, neighbourhood, skip
        self.reach = neighbourhood // 2
        seen = len(causal_offsets(neighbourhood)) * channels
        self.whitening = ConditionalWhitening(seen, channels)
        self.register_buffer("low", torch.zeros(channels))
        self.register_buffer("high", torch.ones(channels))
        above = units + (seen if skip else 0)
        self.lstms = nn.ModuleList(SpatialLSTM(seen if n == 0 else above, units, cell=cell, rng=rng) for n in range(layers))
        self.mixture = MCGSM(
            above if layers else seen, channels, components=components, scales=scales, features=features, means=layers > 0, rng=rng
        )

    def forward(self, values: Float[Tensor, "B C H W"]) -> Float[Tensor, "P B"]:
        """log p of the values in [0, 1) of each pixel (nats, all channels), in diagonal order."""
        with torch.autocast(values.device.type, enabled=False):  # whitening magnifies small differences of large numbers
            window, pixels = self.cut(values)
            white = self.whitening.outputs(window, pixels)
            inputs = self.inputs(self.whitening.inputs(window), self.grid(values))
            density = self.mixture.log_density(inputs.flatten(0, 1), white.flatten(0, 1))
            return density.view(pixels.shape[:2]) + self.whitening.log_jacobian()

    def nats(self, values: Float[Tensor, "B C H W"]) -> Float[Tensor, "P B"]:
        """-log of the density of each pixel (all its channels), with levels as the unit."""
        return self.channels * math.log(LEVELS) - self(values)

    def bits_by_pixel(self, values: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """-log2 of the density of each pixel, with levels as the unit, given those before it; 8 per channel where the neighbourhood
        is not inside the picture."""
        grid, reach = self.grid(values), self.reach
        bits = values.new_full((len(values), *values.shape[2:]), 8.0 * self.channels)
        inner = self.nats(values)[grid.place].t().unflatten(1, (grid.height, grid.width)) / LOG_2
        bits[:, reach:, reach : reach + grid.width] = inner
        return bits

    def grid(self, values: Float[Tensor, "B C H W"]) -> Diagonals:
        """The diagonal order of the pixels whose neighbourhood is inside."""
        height, width = values.shape[2:]
        return diagonals(height - self.reach, width - 2 * self.reach, values.device)

    def cut(self, values: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "P B D"], Float[Tensor, "P B C"]]:
        """The causal neighbourhoods that are inside the pictures, and their pixels."""
        height, width = values.shape[2:]
        flat = values.permute(2, 3, 0, 1).flatten(0, 1)  # HW B C
        places = inside(height, width, self.neighbourhood, values.device)
        window = flat[places[:, :-1]].transpose(1, 2).flatten(2)  # P B NC
        return window, flat[places[:, -1]]

    def inputs(self, seen: Float[Tensor, "P B D"], grid: Diagonals) -> Float[Tensor, "P B E"]:
        """The inputs of the MCGSM, from whitened neighbourhoods."""
        x = seen
        for n, lstm in enumerate(self.lstms):
            h = lstm(seen if n == 0 else x, grid)
            x = torch.cat([h, seen], 2) if self.skip else h
        return x

    @torch.no_grad()
    def start(self, pictures: Iterable[Float[Tensor, "_ C _ _"]], *, iterations: int, rng: torch.Generator) -> None:
        """Fits the whitening and the range of values to pictures, scales the MCGSM's inputs, and fits the MCGSM by L-BFGS
        (`iterations`; 0 for none)."""
        kept = list(pictures)
        parts = [self.cut(values) for values in kept]
        window = torch.cat([part[0].flatten(0, 1) for part in parts])
        pixels = torch.cat([part[1].flatten(0, 1) for part in parts])
        some = torch.randperm(len(window), generator=rng, device=window.device)[:MOST_TO_START]
        self.whitening.fit(window[some], pixels[some])
        flat = pixels.sort(0).values
        low, high = (flat[min(round(share * len(flat)), len(flat) - 1)] for share in PERCENTILES)
        self.low.copy_(low)
        self.high.copy_(high)
        found = []
        for values, (near, _) in zip(kept, parts, strict=True):
            found.append(self.inputs(self.whitening.inputs(near), self.grid(values)).flatten(0, 1))
        x = torch.cat(found)[some]
        self.mixture.weights.data /= x.square().mean().sqrt().clamp(min=1e-3)
        if iterations:
            fit_by_lbfgs(self.mixture, x, self.whitening.outputs(window[some], pixels[some]), iterations=iterations)

    @torch.inference_mode()
    def sample(
        self,
        height: int,
        width: int,
        *,
        temperature: float = 1.0,
        progress: Callable[[float], None] | None = None,
        rng: torch.Generator,
    ) -> Float[Tensor, "C H W"]:
        """A picture by the wavefront (`nn/pixel_sampling.py`), each value clipped to the data's range. The rows above it and the
        columns beside it, which the first pixels see, are uniform noise in that range."""
        reach, channels, device = self.reach, self.channels, self.low.device
        slope, tall, wide = reach + 1, height + reach, width + 2 * reach
        canvas = self.low + (self.high - self.low) * torch.rand(tall, wide, channels, generator=rng).to(device)
        uniform = torch.rand(height, width, 1, generator=rng).to(device)
        normal = torch.randn(height, width, channels, generator=rng).to(device)
        layers = [Wavefront(lstm, height, slope) for lstm in self.lstms]  # type: ignore[arg-type]
        neighbours = len(causal_offsets(self.neighbourhood)) * channels
        steps = width + slope * (height - 1)
        for t in range(steps):
            top, bottom = max(0, -(-(t - width + 1) // slope)), min(height - 1, t // slope) + 1
            if bottom == top:
                continue  # narrower than the slope: not every step has a pixel
            row = torch.arange(top, bottom, device=device)
            column = t - slope * row
            window = canvas.as_strided(
                (bottom - top, reach + 1, 2 * reach + 1, channels),
                ((wide - slope) * channels, wide * channels, channels, 1),
                (top * wide + t - slope * top) * channels,
            ).flatten(1)[:, :neighbours]  # the causal ones come first in raster order
            seen = self.whitening.inputs(window)
            x = seen
            for n, layer in enumerate(layers):
                h = layer.step((seen if n == 0 else x,), t, top, bottom)
                x = torch.cat([h, seen], 1) if self.skip else h
            white = self.mixture.sample(x, uniform[row, column], normal[row, column], temperature=temperature)
            pixels = self.whitening.restored(window, white)
            canvas[row + reach, column + reach] = torch.maximum(torch.minimum(pixels, self.high), self.low)
            if progress is not None and t % 64 == 0:
                progress(t / steps)
        return canvas[reach:, reach : reach + width].permute(2, 0, 1)


def dequantised(images: Float[Tensor, "B C H W"], noise: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Pictures of 256 levels as real values: (level + noise) / 256, with noise in [0, 1)."""
    return ((images * (LEVELS - 1)).round() + noise) / LEVELS


@lru_cache(maxsize=64)
def inside(height: int, width: int, neighbourhood: int, device: torch.device | str = "cpu") -> Int[Tensor, "P M"]:
    """The places in the flattened picture of the causal neighbours of each pixel that has all of them, and of the pixel itself;
    pixels in diagonal order."""
    reach = neighbourhood // 2
    inner = width - 2 * reach
    order = diagonals(height - reach, inner).order
    place = (order // inner + reach) * width + order % inner + reach
    offsets = torch.tensor([*(b - up * width for up, b in causal_offsets(neighbourhood)), 0])
    return (place[:, None] + offsets[None, :]).to(device)
