"""A texture's colours matched to its photograph's, by one smooth map of all colours.

Matching the histogram of each channel on its own throws coloured specks: where the channels of a pixel have different ranks, each
is moved another way. Here a colour is moved as a whole, and like colours are moved alike. The map is optimal transport, sliced
(Pitié, Kokaram & Dahyot 2007; Bonneel et al. 2015) and then smoothed.

Axes: B pictures, C channels, H rows, W columns, N colours, G cells of a lattice on a side.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import generator
from drawgen.textures.yardstick import from_median

COLOURS = 4096
"""Stored per photograph."""
ROUNDS = 2
"""The smoothed map falls short of the transport; each round covers half of what is left, or more."""
SLICES = 24
"""Directions, three at right angles each, along which a round moves the colours."""
CELLS = 33
REACH = 4.0
"""The lattice ends at so many standard deviations."""
SMOOTH = (0.5, 1.0, 3.0)
"""Widths of the smoothing, in standard deviations of the colours: the first where there are colours, wider ones where not."""
FAINT = 1e-3
"""Weight of each wider smoothing, relative to the one before."""
PASSES = 3
LEAST_VARIANCE = (1 / 255) ** 2
"""Of a colour along any direction: rounding to 8 bits is not stretched into colours."""


def colour_sample(exemplar: Float[Tensor, "C H W"], count: int = COLOURS) -> UInt8[Tensor, "N C"]:
    """Colours of a picture that stand for all: every n-th along a curve on which like colours are near (Morton's), so that a rare
    colour has its share. The same picture gives the same sample. For grey they are the quantiles."""
    pixels = (exemplar.detach().clamp(0, 1) * 255).round().long().flatten(1).t()  # N C
    code = torch.zeros(len(pixels), dtype=torch.long, device=pixels.device)
    for bit in range(7, -1, -1):
        for channel in pixels.t():
            code = code * 2 + (channel >> bit & 1)
    at = ((torch.arange(count, device=pixels.device) + 0.5) / count * len(pixels)).long()
    return pixels[code.argsort(stable=True)[at]].to(torch.uint8)


def match_colours(images: Float[Tensor, "B C H W"], stored: UInt8[Tensor, "N C"]) -> Float[Tensor, "B C H W"]:
    """Each picture with colours distributed as those `stored` (by `colour_sample`). In colour, a pixel's new colour depends on its
    colour alone, and smoothly; the match is close, not exact. In grey the histogram is matched exactly, ties by position.

    A picture lacks what its model did not draw: a rare colour returns as far as the picture has colours that lean to it.

    >>> import torch
    >>> from drawgen.textures.colours import colour_sample, match_colours
    >>> exemplar = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.9, 0.5, 0.2])[:, None, None]
    >>> matched = match_colours(exemplar[None].flip(1), colour_sample(exemplar))
    >>> (matched.mean((0, 2, 3)) - exemplar.mean((1, 2))).abs().max() < 0.01
    tensor(True)
    """
    target = stored.to(images) / 255
    if images.shape[1] == 1:
        return torch.stack([ranked(image, target[:, 0].sort().values) for image in images])
    return torch.stack([mapped(image, target) for image in images])


def speck_limit(exemplar: Float[Tensor, "C H W"]) -> float:
    """How far a pixel may stand from the median of its 3x3 neighbourhood: as far as all but a thousandth of the exemplar's."""
    far = from_median(exemplar).flatten().sort().values
    return float(far[int(0.999 * (len(far) - 1))])


def without_specks(images: Float[Tensor, "B C H W"], limit: float) -> Float[Tensor, "B C H W"]:
    """Pulls pixels that stand farther from the median of their 3x3 neighbourhood than `limit` towards it, in `PASSES` passes, since
    a pixel that moves may change its neighbours' medians. What stretches a pale picture's colours stretches its grain, too."""
    for _ in range(PASSES):
        around = F.unfold(F.pad(images.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate"), 3)  # BC 9 N
        median = around.median(1).values.view_as(images)
        off = images - median
        images = median + off * (limit / off.square().sum(1, keepdim=True).sqrt().clamp(min=1e-9)).clamp(max=1)
    return images


def ranked(image: Float[Tensor, "C H W"], values: Float[Tensor, " N"]) -> Float[Tensor, "C H W"]:
    flat = image.flatten()
    at = (torch.arange(len(flat), device=flat.device, dtype=torch.float64) + 0.5) / len(flat) * len(values)
    return torch.empty_like(flat).scatter_(0, flat.argsort(stable=True), values[at.long()]).view_as(image)


def mapped(image: Float[Tensor, "3 H W"], target: Float[Tensor, "N 3"]) -> Float[Tensor, "3 H W"]:
    """First the affine map between two normal distributions, then displacements on a lattice, in coordinates in which the target
    has variance 1 along every axis: a small spread between red and blue counts as much as a large one of brightness."""
    colours = colour_sample(image, len(target)).to(image) / 255
    mean, spread = target.mean(0), covariance(target)
    values, axes = torch.linalg.eigh(spread)
    whiten = axes / values.sqrt()  # colours @ whiten
    affine = transport(covariance(colours), spread) @ whiten
    centre = colours.mean(0)
    moving = (colours - centre) @ affine
    pixels = (image.flatten(1).t() - centre) @ affine
    goal = (target - mean) @ whiten
    rng = generator(0)
    for _ in range(ROUNDS):
        lattice = smoothed(moving, sliced(moving, goal, rng) - moving)
        moving, pixels = moving + looked_up(lattice, moving), pixels + looked_up(lattice, pixels)
    return (pixels @ (axes * values.sqrt()).t() + mean).t().view_as(image).clamp(0, 1)


def covariance(colours: Float[Tensor, "N 3"]) -> Float[Tensor, "3 3"]:
    return colours.t().cov(correction=0) + LEAST_VARIANCE * torch.eye(3).to(colours)


def transport(mine: Float[Tensor, "3 3"], theirs: Float[Tensor, "3 3"]) -> Float[Tensor, "3 3"]:
    """The symmetric matrix that moves one covariance into the other at least cost."""

    def power(matrix: Tensor, exponent: float) -> Tensor:
        values, axes = torch.linalg.eigh(matrix)
        return (axes * values.clamp(min=1e-12) ** exponent) @ axes.t()

    root, inverse = power(mine, 0.5), power(mine, -0.5)
    return inverse @ power(root @ theirs @ root, 0.5) @ inverse


def sliced(colours: Float[Tensor, "N 3"], goal: Float[Tensor, "N 3"], rng: torch.Generator) -> Float[Tensor, "N 3"]:
    """The colours moved until they are distributed as the goal along every direction, by rank along three axes at a time."""
    for _ in range(SLICES):
        axes = torch.linalg.qr(torch.randn(3, 3, generator=rng)).Q.to(colours)
        mine, theirs = colours @ axes, (goal @ axes).sort(0).values
        colours = torch.empty_like(mine).scatter_(0, mine.argsort(dim=0, stable=True), theirs) @ axes.t()
    return colours


def smoothed(at: Float[Tensor, "N 3"], moves: Float[Tensor, "N 3"]) -> Float[Tensor, "3 G G G"]:
    """The mean displacement around each corner of the lattice: narrowly where there are colours, widely where there are none."""
    place = ((at / REACH + 1) / 2 * (CELLS - 1)).clamp(0, CELLS - 1.001)
    low = place.long()
    sums = torch.zeros(4, CELLS**3).to(at)  # displacement and weight
    values = torch.cat([moves, torch.ones_like(moves[:, :1])], 1).t()
    for corner in range(8):
        step = torch.tensor([corner >> 2 & 1, corner >> 1 & 1, corner & 1], device=at.device)
        weight = (1 - (place - low - step).abs()).prod(1)
        index = ((low + step) * torch.tensor([CELLS**2, CELLS, 1], device=at.device)).sum(1)
        sums.index_add_(1, index, values * weight)
    lattice = sums.view(4, CELLS, CELLS, CELLS)
    total = torch.zeros_like(lattice)
    for n, sigma in enumerate(SMOOTH):
        total += FAINT**n * blurred(lattice, sigma / (2 * REACH) * (CELLS - 1))
    return total[:3] / total[3:].clamp(min=1e-12)


def blurred(lattice: Float[Tensor, "4 G G G"], sigma: float) -> Float[Tensor, "4 G G G"]:
    """By a normal distribution, along each axis."""
    steps = torch.arange(CELLS)
    weights = torch.exp(-((steps[:, None] - steps) ** 2) / (2 * sigma**2)).to(lattice)
    return torch.einsum("cxyz,ax,by,dz->cabd", lattice, weights, weights, weights) / weights[CELLS // 2].sum() ** 3


def looked_up(lattice: Float[Tensor, "3 G G G"], at: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
    """Trilinear; the border's outside."""
    where = (at / REACH).flip(1)[None, None, None]  # grid_sample's order is x, y, z
    found = F.grid_sample(lattice[None], where, mode="bilinear", padding_mode="border", align_corners=True)
    return found[0, :, 0, 0].t()
