"""A hole of a picture, filled with pixels of the rest.

Axes: C channels, H W rows and columns, F features (C channels and 2 of texture), N places.

1. From coarse to fine, every patch that touches the hole looks for its nearest patch outside (PatchMatch, Barnes et al. 2009), and
   every pixel of the hole becomes the mean of what these have in its place (Wexler et al. 2007). Patches are compared by colour and
   by how much the picture changes around them, or flat ones would win (Newson et al. 2014).
2. Each pixel is replaced by the one at the centre of its nearest patch, so nothing is blurred. The most frequent offsets are then
   offered to all pixels, and minimum cuts choose (He & Sun 2012; Kwatra et al. 2003).
3. What is left of differences at the cuts is spread over some pixels around them, unless it is large (Pérez et al. 2003).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int32
from torch import Tensor
from torch.nn import functional as F

from drawgen.ranges import ArgumentError
from drawgen.textures import filling_cpu as patches
from drawgen.textures import quilting_cpu as cuts
from drawgen.textures.blurring import blurred

REACH = patches.REACH
SIDE = 2 * REACH + 1
TEXTURE = 4.0
"""Weight of the features of texture beside the colours."""
TEXTURE_PX = 4.0
"""Their standard deviation: how far around a pixel they are averaged."""
ROUNDS = (2, 8)
"""Rounds of search and vote on a level, fewest and most, and the number of places that are visited in all, about."""
VISITS = 150_000
STARTS = 5
"""Random beginnings at the smallest size, at most, of which the best is taken."""
MANY = 1_000_000
"""With more places than this on a level, what the half size has found is only improved, by patches at most NEARBY_PX away."""
NEARBY_PX = 4
FADES = 1.3
"""A patch one pixel farther inside the hole counts this much less."""
OFFSETS = 40
"""The most frequent offsets, which are offered to all pixels around them."""
AROUND_PX = 12
LARGEST_CUT = 400_000
"""Pixels in one cut, at most."""
SPREADS_PX = 64.0
"""How far a difference at a cut is spread."""
MOST_ROUNDS = 400
"""Of conjugate gradients: the condition of the system is about SPREADS_PX^2."""
LARGE = 0.3
"""A difference at a cut that is left as it is, about: an edge."""
DRIFT = (0.02, 0.0)
"""The default of `drift`: pictures change from top to bottom more than from left to right."""
BESIDE_PX = 512
"""How far around the hole pixels are taken from, at least."""


class Filled(NamedTuple):
    image: Float[Tensor, "C H W"]
    """The picture, unchanged outside the hole."""
    sources: Int[Tensor, "H W 2"]
    """Row and column of the pixel that each pixel of the hole was taken from, before the differences were spread."""


def fill(
    picture: Float[Tensor, "C H W"],
    hole: Bool[Tensor, "H W"],
    *,
    source: Bool[Tensor, "H W"] | None = None,
    drift: tuple[float, float] = DRIFT,
    rng: torch.Generator,
    progress: Callable[[float], None] | None = None,
) -> Filled:
    """The picture with its hole filled; what is in the hole is not looked at. `source` says which pixels may be taken (None: all).
    `drift` (rows, columns) is how much speaks against what is farther away: it is the squared difference that weighs as much as the
    distance of the whole picture.

    Raises ArgumentError if the hole leaves no patch of 7 x 7 pixels to take from, or if values outside it are not finite.

    >>> stripes = (torch.arange(60) // 3 % 2).expand(1, 40, 60).float()
    >>> hole = torch.zeros(40, 60, dtype=torch.bool)
    >>> hole[12:25, 20:35] = True
    >>> filled = fill(stripes.masked_fill(hole, 0.5), hole, rng=torch.Generator().manual_seed(0))
    >>> bool((filled.image - stripes).abs().max() < 0.01)
    True
    """
    height, width = hole.shape
    itself = torch.from_numpy(own_places(height, width)).long()
    if not hole.any():
        return Filled(picture, itself)
    top, bottom, left, right = (0, height, 0, width) if source is not None else surroundings(hole)
    gone = hole[top:bottom, left:right].cpu().numpy()
    may = ~gone if source is None else ~gone & source.cpu().numpy()
    pixels = np.ascontiguousarray(picture[:, top:bottom, left:right].permute(1, 2, 0).cpu().numpy(), np.float32)
    if not np.isfinite(pixels[~gone]).all():
        raise ArgumentError("picture", "has values that are not finite; replace them")
    pixels[gone] = 0
    seed = int(torch.randint(2**31, (), generator=rng))
    sources = own_places(*gone.shape)
    sources[gone] = nearest(pixels, gone, may, drift, seed, progress)[gone]
    cut(pixels, gone, may, sources)
    image = picture.clone()
    inside = torch.from_numpy(pixels[sources[..., 0], sources[..., 1]]).permute(2, 0, 1)
    inside = (inside + spread(pixels, gone, sources)).clamp(0, 1)
    within = hole[top:bottom, left:right]
    image[:, top:bottom, left:right][:, within] = inside.to(image)[:, within]
    itself[top:bottom, left:right] = torch.from_numpy(sources).long() + torch.tensor([top, left])
    return Filled(image, itself)


def surroundings(hole: Bool[Tensor, "H W"]) -> tuple[int, int, int, int]:
    """First and last row, first and last column (exclusive) of the part of a picture that a hole is filled from."""
    ends = []
    for axis in range(2):
        at = hole.any(1 - axis).nonzero()
        first, last = int(at[0]), int(at[-1]) + 1
        more = max(last - first, BESIDE_PX)
        ends += [max(first - more, 0), min(last + more, hole.shape[axis])]
    return ends[0], ends[1], ends[2], ends[3]


# ---------------------------------------------------------------- 1: search and vote


class Level(NamedTuple):
    """A picture at one size."""

    values: Float32[np.ndarray, "H W F"]
    hole: Bool[np.ndarray, "H W"]
    may: Bool[np.ndarray, "H W"]
    """Pixels that may be taken."""

    def centres(self) -> Bool[np.ndarray, "H W"]:
        return centres_of(self.may)


def centres_of(may: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The centres of patches of which every pixel may be taken."""
    return ~grown(np.pad(~may, 1, constant_values=True), REACH)[1:-1, 1:-1]


def nearest(
    pixels: Float32[np.ndarray, "H W C"],
    hole: Bool[np.ndarray, "H W"],
    may: Bool[np.ndarray, "H W"],
    drift: tuple[float, float],
    seed: int,
    progress: Callable[[float], None] | None,
) -> Int32[np.ndarray, "H W 2"]:
    """For each pixel of the hole, the centre of its nearest patch."""
    if not centres_of(may).any():
        raise ArgumentError("hole", f"leaves no patch of {SIDE}x{SIDE} pixels to take from; make it, or what is excluded, smaller")
    levels = [Level(np.concatenate([pixels, texture(pixels, hole)], 2), hole, may)]
    inside = patches.depth(hole)
    while inside.max() / 2 ** (len(levels) - 1) > 2 * REACH and (smaller := halved(levels[-1])).centres().any():
        levels.append(smaller)
    found = None
    for number in reversed(range(len(levels))):
        found = searched(levels[number], found, drift, seed + number)
        if progress is not None:
            progress(0.5**number)
    assert found is not None
    return found


def texture(pixels: Float32[np.ndarray, "H W C"], hole: Bool[np.ndarray, "H W"]) -> Float32[np.ndarray, "H W 2"]:
    """How much the brightness changes from row to row and from column to column, on average around each pixel outside the hole."""
    grey = pixels.mean(2)
    known = torch.from_numpy(~grown(hole, 1)).float()
    change = torch.from_numpy(np.abs(np.stack(np.gradient(grey)))).float()  # 2 H W
    around = blurred(torch.cat([change * known, known[None]]), TEXTURE_PX)
    mean: Tensor = TEXTURE * around[:2] / around[2].clamp(min=1e-3)
    return mean.permute(1, 2, 0).numpy()


def halved(level: Level) -> Level:
    """At half its size. A pixel of the hole is one with any part in it; the values are means of the parts outside."""
    values, hole, may = level
    rows, columns = hole.shape[0] % 2, hole.shape[1] % 2

    def cells(x: np.ndarray) -> np.ndarray:
        padded = np.pad(x, ((0, rows), (0, columns), (0, 0))[: x.ndim], mode="edge")
        return padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2, *x.shape[2:])

    known = cells(~hole).astype(np.float32)
    whole = known.astype(bool).all((1, 3))
    total = (cells(values) * known[..., None]).sum((1, 3)) / np.maximum(known.sum((1, 3)), 1)[..., None]
    return Level(total.astype(np.float32), np.asarray(~whole), np.asarray(cells(may).all((1, 3))))


def searched(
    level: Level, coarse: Int32[np.ndarray, "h w 2"] | None, drift: tuple[float, float], seed: int
) -> Int32[np.ndarray, "H W 2"]:
    """The nearest patches at one size: from those at half of it, or the best of some that begin at random."""
    height, width = level.hole.shape
    centres = level.centres()
    choice = np.argwhere(centres).astype(np.int32)
    touching = grown(level.hole, REACH)
    wanted, number = listed(touching)
    rng = np.random.default_rng(seed)

    def chance(count: int) -> Int32[np.ndarray, "N 2"]:
        some: np.ndarray = choice[rng.integers(len(choice), size=count)]
        return some

    if coarse is None:
        ends = []
        for start in range(int(np.clip(VISITS / len(wanted), 1, STARTS))):
            values, near = from_outside(level, centres, number, chance(len(wanted)), drift, seed + start)
            near, error = settled(level._replace(values=values), centres, wanted, number, near, drift, seed + start, False)
            ends.append((float(error.mean()), start, near))
        near = min(ends)[2]
    else:
        doubled = np.repeat(np.repeat(coarse, 2, 0), 2, 1)[:height, :width] * 2 + own_places(height, width) % 2
        near = np.minimum(doubled, [height - 1, width - 1])[touching].astype(np.int32)
        lost = ~centres[tuple(near.T)]
        near[lost] = chance(int(lost.sum()))
        # What the half size has found votes first: nothing is known of the hole at this size.
        values = patches.vote(level.values, level.hole, number, near, np.zeros(len(near), np.float32), trust(level.hole), 1.0)
        near, _ = settled(level._replace(values=values), centres, wanted, number, near, drift, seed, len(wanted) > MANY)
    found = np.zeros((height, width, 2), np.int32)
    found[touching] = near
    return found


def settled(
    level: Level,
    centres: Bool[np.ndarray, "H W"],
    wanted: Int32[np.ndarray, "N 2"],
    number: Int32[np.ndarray, "H W"],
    near: Int32[np.ndarray, "N 2"],
    drift: tuple[float, float],
    seed: int,
    near_already: bool,
) -> tuple[Int32[np.ndarray, "N 2"], Float32[np.ndarray, " N"]]:
    """Searches and votes in turn; `near_already`: once, nearby. Returns the nearest patches and their errors."""
    values, hole, _ = level
    error = np.zeros(len(wanted), np.float32)
    everywhere, even = np.ones(hole.shape, bool), trust(hole)
    farthest, rounds = (NEARBY_PX, 1) if near_already else (max(hole.shape), int(np.clip(VISITS / len(wanted), *ROUNDS)))
    for time in range(rounds):
        if time:
            values = patches.vote(values, hole, number, near, error, even, usual(error))
        patches.match(values, everywhere, centres, wanted, number, near, error, per_pixel(drift, hole), farthest, 2, seed + time)
    return near, error


def per_pixel(drift: tuple[float, float], hole: Bool[np.ndarray, "H W"]) -> tuple[float, float]:
    """`drift` of `fill` for a distance in pixels of this size."""
    return drift[0] / hole.shape[0] ** 2, drift[1] / hole.shape[1] ** 2


def trust(hole: Bool[np.ndarray, "H W"]) -> Float32[np.ndarray, "H W"]:
    """How much a patch around each pixel counts: less, the deeper it is in the hole."""
    return (FADES ** -np.minimum(patches.depth(hole), 60)).astype(np.float32)


def from_outside(
    level: Level,
    centres: Bool[np.ndarray, "H W"],
    number: Int32[np.ndarray, "H W"],
    near: Int32[np.ndarray, "N 2"],
    drift: tuple[float, float],
    seed: int,
) -> tuple[Float32[np.ndarray, "H W F"], Int32[np.ndarray, "N 2"]]:
    """A first picture and its patches: the hole is filled ring by ring, each by what fits the ones before it."""
    values, hole, _ = level
    known, even = ~hole, np.ones(hole.shape, np.float32)
    rounds = 8 if len(near) <= VISITS else 2
    while not known.all():
        ring = grown(known, 1) & ~known
        some, place = listed(grown(ring, REACH) & (number >= 0))
        which = number[tuple(some.T)]
        nearby, error = near[which], np.zeros(len(some), np.float32)
        patches.match(values, known, centres, some, place, nearby, error, per_pixel(drift, hole), max(hole.shape), rounds, seed)
        values = patches.vote(values, ring, place, nearby, error, even, usual(error))
        near[which] = nearby
        known = known | ring
    return values, near


def usual(error: Float32[np.ndarray, " N"]) -> float:
    """The error of a patch that fits rather badly."""
    return max(float(np.percentile(error, 75)), 1e-6)


def own_places(height: int, width: int) -> Int32[np.ndarray, "H W 2"]:
    """Each pixel's row and column."""
    out = np.empty((height, width, 2), np.int32)
    out[..., 0], out[..., 1] = np.arange(height)[:, None], np.arange(width)
    return out


def listed(mask: Bool[np.ndarray, "H W"]) -> tuple[Int32[np.ndarray, "N 2"], Int32[np.ndarray, "H W"]]:
    """The places where the mask is true, and each one's number in the list (elsewhere -1)."""
    places = np.argwhere(mask).astype(np.int32)
    number = np.full(mask.shape, -1, np.int32)
    number[mask] = np.arange(len(places))
    return places, number


def grown(mask: Bool[np.ndarray, "H W"], reach: int) -> Bool[np.ndarray, "H W"]:
    """The mask and all that is at most `reach` pixels away, in rows and columns."""
    inside = torch.from_numpy(mask)[None, None].float()
    wide = F.max_pool2d(inside, (2 * reach + 1, 1), 1, (reach, 0))
    return F.max_pool2d(wide, (1, 2 * reach + 1), 1, (0, reach))[0, 0].bool().numpy()


# ---------------------------------------------------------------- 2: cuts


def cut(
    pixels: Float32[np.ndarray, "H W C"],
    hole: Bool[np.ndarray, "H W"],
    may: Bool[np.ndarray, "H W"],
    sources: Int32[np.ndarray, "H W 2"],
) -> None:
    """Offers the most frequent offsets to the pixels around those that have them; each pixel takes one along the cuts of least
    cost. Changes `sources`."""
    height, width = hole.shape
    offsets = sources - own_places(height, width)
    places = np.argwhere(hole)
    kinds, which, count = np.unique(offsets[hole], axis=0, return_inverse=True, return_counts=True)
    usable, known = ~hole, np.ones(hole.shape, bool)
    for kind in np.argsort(-count, kind="stable")[:OFFSETS]:
        own = places[which.ravel() == kind]
        y, x = (max(int(low) - AROUND_PX, 0) for low in own.min(0))
        h, w = (min(int(high) + 1 + AROUND_PX, most) - at for high, most, at in zip(own.max(0), hole.shape, (y, x), strict=True))
        if h * w <= LARGEST_CUT:
            r, s = (int(by) + at for by, at in zip(kinds[kind], (y, x), strict=True))
            cuts.paste(pixels, may, sources, known, usable, False, False, y, x, h, w, r, s)


# ---------------------------------------------------------------- 3: differences at the cuts


def spread(
    pixels: Float32[np.ndarray, "H W C"], hole: Bool[np.ndarray, "H W"], sources: Int32[np.ndarray, "H W 2"]
) -> Float[Tensor, "C H W"]:
    """The correction c of the filled pixels f that removes small steps at the cuts: it minimises, over neighbours n and m,

        sum of weight_nm (c_n - c_m - d_nm)^2  +  sum of c_n^2 / SPREADS_PX^2,

    where d_nm is the step that the sources of the two have there, less that of f: 0 except at cuts. c is 0 outside the hole."""
    places, number = listed(hole)
    links, weights = np.full((len(places), 4), -1, np.int32), np.zeros((len(places), 4), np.float32)
    residual = np.zeros((len(places), pixels.shape[2]), np.float32)
    for axis in range(2):
        step = patches.steps(pixels, hole, sources, axis)
        for side, sign in enumerate((-1, 1)):  # to the pixel before, and to the one after
            beside = places + np.int32(sign) * np.eye(2, dtype=np.int32)[axis]
            there = (beside[:, axis] >= 0) & (beside[:, axis] < hole.shape[axis])
            beside = beside[there]
            wanted = step[tuple((beside if sign < 0 else places[there]).T)]
            weight = 1 / (1 + np.square(wanted).mean(1) / LARGE**2)
            links[there, 2 * axis + side], weights[there, 2 * axis + side] = number[tuple(beside.T)], weight
            residual[there] -= sign * weight[:, None] * wanted
    c, direction, size = np.zeros_like(residual), residual, squared(residual)
    enough = 1e-6 * size
    for _ in range(MOST_ROUNDS):  # conjugate gradients
        if size <= enough:
            break
        image = patches.linked(direction, links, weights, 1 / SPREADS_PX**2)
        far = np.float32(size / np.sum(direction * image, dtype=np.float64))
        c += far * direction
        residual -= far * image
        size, before = squared(residual), size
        direction = residual + np.float32(size / before) * direction
    out = torch.zeros(pixels.shape[2], *hole.shape)
    out[:, torch.from_numpy(hole)] = torch.from_numpy(c.T)
    return out


def squared(numbers: Float32[np.ndarray, "N C"]) -> float:
    return float(np.sum(np.square(numbers), dtype=np.float64))
