"""How far a texture is from its photograph, in figures that agree with the eye.

`Yardstick` compares statistics of a sample with those of crops of the photograph (the exemplar), and divides by how far those
crops are apart: 1 is the mean distance of two crops of one photograph. No statistic sees an order that is wider than a crop. What
a sample copies is measured in `drawgen.textures.copying`.

Axes: C channels, H rows, W columns, N places, D features, L lags, Q quantiles.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import generator
from drawgen.images import grey
from drawgen.nn import efficientnet_lite
from drawgen.ranges import ArgumentError

BLOCKS = (1, 3, 5, 8, 10)
"""Those whose depthwise activations are compared. The stem and block 0 cannot tell a texture from its power spectrum."""
BORDER_CELLS = 2
"""Cells at the border of a map of features that are left out: they see the padding."""
SMALLEST_CROP_PX = 96
"""A crop's map of features has 6 x 6 cells then, at the deepest block."""
SMALLEST_PX = 32
"""Shortest side of an exemplar."""
LAGS_PX = 64
QUANTILES = 256
BANDS = 24
"""Of the radial spectrum."""

MORE_CROPS = 5
"""At random places."""

Corner = tuple[int, int]
"""Top and left."""
Statistic = Callable[[Tensor], list[Tensor]]


class Yardstick:
    """An exemplar's statistics, computed once, against which many samples are judged.

    Sample and exemplar are compared in crops of one size: the sample's, but at most half the exemplar's in each direction, so that
    the exemplar has several. A larger sample is cut into crops and its figure is their mean. If half the exemplar is below 96 px,
    sample and exemplar are enlarged.

    A figure is the relative distance between a statistic of the sample and its mean over the exemplar's crops, over the mean
    distance of two of those crops. So a crop of the exemplar itself has about 0.6, another real crop 0.75. The
    smaller the crops the farther they are apart, and the less a figure tells: 256 px are better than 128.

    Raises ArgumentError for an exemplar below 32 px or of a single colour.

    >>> import torch
    >>> from drawgen.textures.yardstick import Yardstick
    >>> exemplar = torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(0))
    >>> Yardstick(exemplar).structure(exemplar.flip(2)) < 1.2
    True
    """

    def __init__(self, exemplar: Float[Tensor, "C H W"]) -> None:
        shortest = min(exemplar.shape[1:])
        if shortest < SMALLEST_PX:
            raise ArgumentError("exemplar", f"has {shortest} pixels on a side; give one of at least {SMALLEST_PX}")
        if float(exemplar.amax((1, 2)).sub(exemplar.amin((1, 2))).max()) < 1 / 255:
            raise ArgumentError("exemplar", "has a single colour; a texture needs at least two")
        self.exemplar = exemplar
        self.scale = max(1.0, 2 * SMALLEST_CROP_PX / shortest)
        self.large = enlarged(exemplar, self.scale)
        self.net = efficientnet_lite.pretrained().to(exemplar.device)
        self.known: dict[tuple[str, int, int], Known] = {}

    def structure(self, sample: Float[Tensor, "C H W"]) -> float:
        """Distance of the Gram matrices of a convolutional net's features, after matching the histogram. It sees torn edges and
        missing stones, where patch distances and random filters do not. The statistic is that of Gatys
        et al. 2015, here of EfficientNet-Lite0's depthwise activations."""
        return self.far("structure", self.matched(sample), self.gram)

    def autocorrelation(self, sample: Float[Tensor, "C H W"]) -> float:
        """Distance of the autocorrelations of the luminance, at all lags up to 64 px in x and y (at most half a crop)."""
        return self.far("autocorrelation", self.matched(sample), lambda crop: [autocorrelation(crop)])

    def spectrum(self, sample: Float[Tensor, "C H W"]) -> float:
        """Distance of the radial power spectra, in log power by band of frequency."""
        return self.far("spectrum", self.matched(sample), lambda crop: [radial_spectrum(crop)])

    def histogram(self, sample: Float[Tensor, "C H W"]) -> float:
        """Distance of the quantiles of each channel, before any matching."""
        return self.far("histogram", sample, lambda crop: [quantiles(crop)])

    def measures(self, sample: Float[Tensor, "C H W"]) -> dict[str, float]:
        """All four by name."""
        return {ask.__name__: ask(sample) for ask in (self.structure, self.autocorrelation, self.spectrum, self.histogram)}

    def matched(self, sample: Tensor) -> Tensor:
        return rank_matched(sample, self.exemplar)

    def gram(self, crop: Tensor) -> list[Tensor]:
        inner = slice(BORDER_CELLS, -BORDER_CELLS)
        with torch.no_grad():
            found = self.net.depthwise(crop[None], BLOCKS)
        flat = [features[0, :, inner, inner].flatten(1) for features in found]  # D N
        return [features @ features.t() / features.shape[1] for features in flat]

    def far(self, name: str, sample: Tensor, statistic: Statistic) -> float:
        large = enlarged(sample, self.scale)
        sides = [min(a, b // 2) for a, b in zip(large.shape[1:], self.large.shape[1:], strict=True)]
        if min(sides) < SMALLEST_CROP_PX:
            least = math.ceil(SMALLEST_CROP_PX / self.scale)
            raise ArgumentError("sample", f"has {min(sample.shape[1:])} pixels on a side; give at least {least}")
        height, width = sides
        key = (name, height, width)
        if key not in self.known:
            corners = spread_out(self.large, height, width) + at_random(self.large, height, width)
            self.known[key] = Known.of([statistic(crop) for crop in cut(self.large, corners, height, width)], corners, sides)
        known = self.known[key]
        parts = cut(large, spread_out(large, height, width), height, width)
        return float(torch.stack([distances(statistic(part), known.mean) / known.apart for part in parts]).mean())


class Known(NamedTuple):
    """A statistic of the exemplar's crops."""

    mean: list[Tensor]
    apart: Tensor
    """Mean relative distance of two crops, one per part of the statistic."""

    @staticmethod
    def of(found: list[list[Tensor]], corners: list[Corner], sides: list[int]) -> "Known":
        apart = []
        for (a, (top, left)), (b, (top2, left2)) in itertools.permutations(zip(found, corners, strict=True), 2):
            common = max(0, sides[0] - abs(top - top2)) * max(0, sides[1] - abs(left - left2)) / (sides[0] * sides[1])
            if common <= 0.5:  # what two crops have in common adds nothing to the variance of their difference
                apart.append(distances(a, b) / (1 - common) ** 0.5)
        mean = [torch.stack(part).mean(0) for part in zip(*found, strict=True)]
        return Known(mean, torch.stack(apart).mean(0).clamp(min=1e-6))


def distances(found: list[Tensor], known: list[Tensor]) -> Tensor:
    """Relative Frobenius distance of each part."""
    return torch.stack([(a - b).norm() / b.norm().clamp(min=1e-12) for a, b in zip(found, known, strict=True)])


def spread_out(picture: Float[Tensor, "C H W"], height: int, width: int) -> list[Corner]:
    """Corners of as many crops as fit without overlap, evenly spread."""
    rows, columns = (
        [round(at * (whole - side) / max(1, whole // side - 1)) for at in range(whole // side)]
        for whole, side in zip(picture.shape[1:], (height, width), strict=True)
    )
    return list(itertools.product(rows, columns))


def at_random(picture: Float[Tensor, "C H W"], height: int, width: int) -> list[Corner]:
    """Corners of a few more crops, always the same: those at even distances are too much alike where the texture has a period."""
    rng = generator(0)
    limits = torch.tensor([picture.shape[1] - height + 1, picture.shape[2] - width + 1])
    return [(top, left) for top, left in (torch.rand(MORE_CROPS, 2, generator=rng) * limits).long().tolist()]


def cut(picture: Float[Tensor, "C H W"], corners: list[Corner], height: int, width: int) -> list[Float[Tensor, "C H2 W2"]]:
    return [picture[:, top : top + height, left : left + width] for top, left in corners]


def enlarged(picture: Float[Tensor, "C H W"], scale: float) -> Float[Tensor, "C H2 W2"]:
    if scale == 1:
        return picture
    size = [round(side * scale) for side in picture.shape[1:]]
    return F.interpolate(picture[None], size=size, mode="bicubic")[0].clamp(0, 1)


def rank_matched(sample: Float[Tensor, "C H W"], exemplar: Float[Tensor, "C2 H2 W2"]) -> Float[Tensor, "C2 H W"]:
    """The sample with the exemplar's values in each channel, in the order of its own; ties by position."""
    out = torch.empty(len(exemplar), *sample.shape[1:], dtype=exemplar.dtype, device=exemplar.device)
    for channel, (mine, theirs) in enumerate(zip(sample.expand(len(exemplar), -1, -1), exemplar, strict=True)):
        order, values = mine.flatten().argsort(stable=True), theirs.flatten().sort().values
        at = (torch.arange(len(order), device=order.device, dtype=torch.float64) + 0.5) / len(order) * len(values)
        out[channel].view(-1)[order] = values[at.long()]
    return out


# ---------------------------------------------------------------- statistics of a crop


def autocorrelation(crop: Float[Tensor, "C H W"], lags_px: int = LAGS_PX) -> Float[Tensor, "L L2"]:
    """Of the luminance: lags 0 to `lags_px` down (at most half the crop), as many to the left and right. 1 at lag 0."""
    light = grey(crop)[0].double()
    light = light - light.mean()
    height, width = light.shape
    down, across = min(lags_px, height // 2), min(lags_px, width // 2)
    power = torch.fft.rfft2(light, s=(height + down, width + across)).abs().square()
    sums = torch.fft.irfft2(power, s=(height + down, width + across))
    sums = torch.cat([sums[: down + 1, -across:], sums[: down + 1, : across + 1]], 1)
    pairs = (height - torch.arange(down + 1))[:, None] * (width - torch.arange(-across, across + 1).abs())[None]
    return (sums / pairs.to(sums) / light.square().mean().clamp(min=1e-12)).float()


def radial_spectrum(crop: Float[Tensor, "C H W"]) -> Float[Tensor, " N"]:
    """Log power of the luminance in bands of frequency that widen geometrically, relative to the total."""
    light = grey(crop)[0]
    height, width = light.shape
    window = torch.hann_window(height, device=light.device)[:, None] * torch.hann_window(width, device=light.device)[None]
    power = torch.fft.rfft2((light - light.mean()) * window).abs().square()
    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    radius = (down.square() + across.square()).sqrt().to(light.device)
    first = 2 / min(height, width)
    band = ((radius / first).clamp(min=1e-9).log() / torch.tensor(0.5 / first).log() * BANDS).floor().long()
    kept = (band >= 0) & (band < BANDS)
    total = torch.zeros(BANDS, device=light.device).index_add_(0, band[kept], power[kept])
    count = torch.zeros(BANDS, device=light.device).index_add_(0, band[kept], torch.ones_like(power[kept]))
    mean = (total / count.clamp(min=1))[count > 0]
    return (mean / mean.sum().clamp(min=1e-12)).clamp(min=1e-9).log10()


def quantiles(crop: Float[Tensor, "C H W"]) -> Float[Tensor, "C Q"]:
    ordered = crop.flatten(1).sort(1).values
    at = ((torch.arange(QUANTILES, device=crop.device) + 0.5) / QUANTILES * ordered.shape[1]).long()
    return ordered[:, at]


# ---------------------------------------------------------------- grain, seams, units


class Grain(NamedTuple):
    """How far pixels stand from the median of their 3x3 neighbourhood, as a multiple of the exemplar's (1: as grainy)."""

    mean: float
    high: float
    """The 99.9th percentile."""
    most: float
    """The farthest pixel: a speck, if much above 1."""


def from_median(picture: Float[Tensor, "C H W"]) -> Float[Tensor, "H-2 W-2"]:
    """The distance in colour (root of the sum of squares) of each inner pixel from the median of its 3x3 neighbourhood, which is
    taken by channel."""
    inner = (picture.shape[1] - 2, picture.shape[2] - 2)
    around = F.unfold(picture[:, None], 3)  # C 9 N
    return (around[:, 4] - around.median(1).values).square().sum(0).sqrt().view(inner)


def graininess(sample: Float[Tensor, "C H W"], exemplar: Float[Tensor, "C H2 W2"]) -> Grain:
    """The sample's grain over the exemplar's. A level of 8 bits is the least that counts."""

    def figures(picture: Tensor) -> Tensor:
        far = from_median(picture).flatten().sort().values
        return torch.stack([far.mean(), far[int(0.999 * (len(far) - 1))], far[-1]])

    return Grain(*(figures(sample) / figures(exemplar).clamp(min=1 / 255)).tolist())


def seam(picture: Float[Tensor, "C H W"]) -> tuple[float, float]:
    """Of a tile: the mean step between the last column and the first, over the mean step between other columns; and the same for
    rows. 1 is no seam; about 2 or more can be seen."""

    def across(steps: Tensor) -> float:
        return float(steps[0] / steps[1:].mean().clamp(min=1e-6))

    return across((picture - picture.roll(1, 2)).abs().mean((0, 1))), across((picture - picture.roll(1, 1)).abs().mean((0, 2)))


def unit(exemplar: Float[Tensor, "C H W"]) -> float:
    """The size in pixels of what a texture is made of: the shorter side of its stones, bricks, leaves or threads. It is rough:
    right within a factor of two.

    It is measured by granulometry (Matheron 1975). An opening by a square deletes the bright shapes into which the square does not
    fit, a closing the dark ones; the unit is the square that deletes half of what one of half the exemplar would, for bright or
    dark, whichever is larger. Unlike the lag at which the autocorrelation falls, it sees the panes between thin cracks. Grain is
    smoothed over 3x3 pixels first, and shading removed as far as it is wider than a quarter of the exemplar. It is 0 for a single
    colour.
    """
    light = grey(exemplar)
    light = F.avg_pool2d(light - shading(light), 3, 1, 1, count_include_pad=False)[0]
    return max(half_deleted(light), half_deleted(-light))


def half_deleted(light: Float[Tensor, "H W"]) -> float:
    """The side of the square whose opening deletes half; 0 if none deletes anything, as of a single colour."""
    sides, most = [3], min(light.shape) // 2
    while sides[-1] < most:
        sides.append(min(most, max(sides[-1] + 1, round(sides[-1] * 1.15))))
    deleted = [(light - opened(light, side)).mean() for side in sides]
    share = torch.stack([torch.zeros_like(deleted[0]), *deleted]) / deleted[-1].clamp(min=1e-9)
    after = int((share < 0.5).sum())  # the first opening that deletes as much
    if after == len(share):
        return 0.0
    sides = [1, *sides]
    part = float((0.5 - share[after - 1]) / (share[after] - share[after - 1]))
    return sides[after - 1] + part * (sides[after] - sides[after - 1])


def opened(light: Float[Tensor, "H W"], side: int) -> Float[Tensor, "H W"]:
    """Morphological opening by a square."""
    return spread(-spread(light, side, -1), side, 1)


def spread(light: Float[Tensor, "H W"], side: int, sign: int) -> Float[Tensor, "H W"]:
    """The maximum over a square window of `sign` times the picture. A window grows by doubling: less work than max_pool2d."""
    light = light * sign
    before, after = (side - 1) // 2, side // 2
    if sign > 0:  # the dilation's square is the erosion's, turned
        before, after = after, before
    for _ in range(2):
        reach, out = 1, F.pad(light, (before, after), value=-torch.inf)
        while reach < side:
            step = min(reach, side - reach)
            out, reach = torch.maximum(out[:, :-step], out[:, step:]), reach + step
        light = out.t()
    return light


def shading(light: Float[Tensor, "1 H W"]) -> Float[Tensor, "1 H W"]:
    """What is wider than a quarter of the picture: box means, thrice, on a mirrored margin."""
    down, across = (side // 8 for side in light.shape[1:])
    for _ in range(3):
        padded = F.pad(light[None], (across, across, down, down), mode="reflect")[0, 0]
        for window in (2 * across + 1, 2 * down + 1):  # each direction in turn, by differences of cumulative sums
            sums = F.pad(padded.double().cumsum(1), (1, 0))
            padded = ((sums[:, window:] - sums[:, :-window]) / window).float().t()
        light = padded[None]
    return light
