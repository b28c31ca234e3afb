"""Image quilting: a texture laid out again from patches of its exemplar (Efros & Freeman 2001), joined by graph cuts that may run
anywhere (Kwatra et al. 2003).

Axes: C channels, R S rows and columns of the exemplar, H W those of the picture.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from drawgen.images import grey
from drawgen.ranges import ArgumentError, check_range, check_size
from drawgen.textures import quilting_cpu as loops
from drawgen.textures.blurring import blurred
from drawgen.textures.colours import colour_sample, match_colours

TOLERANCE = 0.1  # a patch is chosen among those whose error is at most so much above the least
REPEAT = 0.2  # an error added for the same patch beside itself, as a share of the exemplar's variance; looked at from 0 to 1
CONTINUE = 0.1  # the same for going on verbatim with a patch that is there, as often as that was done before
STRENGTH = 0.8
"""Of a guide: its share of the error."""
LEAST_GUIDED_PX = 6
SMOOTHER = 4
"""The exemplar is compared with a guide without details finer than a patch over this."""
RARE = 0.02
"""Share of the darkest and of the brightest pixels that do not count for the range of a guide or an exemplar."""
KEEP = 100  # positions that are kept at quarter size: the best at full size is then the best of all or, mostly, within 4 % of it


class Quilted(NamedTuple):
    image: Float[Tensor, "C H W"]
    """Pixels of the exemplar only."""
    sources: Int[Tensor, "H W 2"]
    """Row and column in the exemplar of each pixel."""


def quilt(
    exemplar: Float[Tensor, "C R S"],
    size: tuple[int, int],
    *,
    patch_px: int | None = None,
    overlap_px: int | None = None,
    tile: tuple[bool, bool] = (False, False),
    opaque: Bool[Tensor, "R S"] | None = None,
    border: Quilted | None = None,
    guide: Float[Tensor, "G H2 W2"] | None = None,
    strength: float = STRENGTH,
    colours: int | None = None,
    rng: torch.Generator,
    progress: Callable[[float], None] | None = None,
) -> Quilted:
    """A picture of `size` (rows, columns) of the exemplar's texture, made of its pixels.

    Patches are laid over each other row by row. Each is chosen at random among those that agree best with what it will meet, where
    going on verbatim and repeating what is near cost something (Efros & Freeman 2001). What it covers is decided by a minimum
    cut, which may run anywhere in the patch and covers seams that were there before (Kwatra et al. 2003).

    `patch_px` is the side of a patch: if None, it is larger where the photograph is ordered over a longer distance
    (`fitting_patch_px`). It is at most half the exemplar's shorter side, half the side of a tile, and as large as an opaque patch
    can be. `overlap_px` is how far it lies over its neighbours, a quarter of it if None. `tile`: whether rows and columns close,
    the last beside the first; patches then lie over the border as over any other place. Only pixels that are `opaque` are used.
    With `border`, a picture of the same size that closes in both directions, the outermost pixels are its own, so that the two fit
    each other on any side; the rest is new.

    With `guide`, a picture of that size, patches are also chosen by how bright they are (or what colour they have, if both pictures
    are coloured) on the whole, compared with the guide there (texture transfer, Efros & Freeman 2001). The guide's colours are
    first matched to the exemplar's, which are its first `colours` channels (None: all). `strength` (0 to 1) is how much that counts
    against a good fit of neighbours; the stronger it is, the smaller are the patches if `patch_px` is None.

    Raises ArgumentError if the exemplar is smaller than 4 x 4, has values that are not finite, or no opaque patch of 2 x 2.

    >>> exemplar = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0))
    >>> quilted = quilt(exemplar, (64, 48), tile=(True, True), rng=torch.Generator().manual_seed(1))
    >>> quilted.image.shape
    torch.Size([3, 64, 48])
    >>> bool((quilted.image == exemplar[:, quilted.sources[..., 0], quilted.sources[..., 1]]).all())
    True
    """
    check_size(size)
    check_range("exemplar", tuple(exemplar.shape[1:]), at_least=4)
    for name, given in (("patch_px", patch_px), ("overlap_px", overlap_px)):
        if given is not None:
            check_range(name, given, at_least=1)
    if not torch.isfinite(exemplar if opaque is None else exemplar[:, opaque]).all():
        raise ArgumentError("exemplar", "has values that are not finite; replace them")
    full = np.ascontiguousarray(exemplar.detach().to("cpu", torch.float32).numpy())
    bad = np.zeros(full.shape[1:], bool) if opaque is None else ~opaque.cpu().numpy()
    if bad.any() and not bad.all():
        full = np.where(bad, full[:, ~bad].mean(1)[:, None, None], full)
    blocked = np.pad(bad.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    if patch_px is not None:
        side = patch_px
    else:
        seen = torch.from_numpy(full)
        side = fitting_patch_px(seen) if guide is None else guided_patch_px(seen, strength)
    side = max(min(side, *(length // 2 for length in bad.shape)), 2)
    while not (first := whole(blocked, side)).size:
        if side == 2:
            raise ArgumentError("opaque", "leaves no patch of the exemplar that is opaque throughout; give a larger opaque part")
        side = max(side * 3 // 4, 2)
    overlap = max(side // 4, 1) if overlap_px is None else min(overlap_px, side - 1)
    pixels, usable = np.ascontiguousarray(full.transpose(1, 2, 0)), ~bad
    variance = float(full.var((1, 2)).sum())
    wanted = None
    if guide is not None:
        wanted, own = guided(guide, torch.from_numpy(full)[:colours], side)
        full = np.concatenate([full, own])
    half = loops.halved(full, np.ones_like(full))[0]
    quarter = loops.halved(half, np.ones_like(half))[0]

    sources = np.full((*size, 2), -1, np.int32)
    known, fixed = np.zeros(size, bool), np.zeros(size, bool)
    if guide is not None:
        check_range("strength", strength, at_least=0, at_most=1)
        if tuple(guide.shape[1:]) != tuple(size):
            raise ArgumentError("guide", f"has {guide.shape[1]} x {guide.shape[2]} pixels; give one of the picture's size")
    if border is not None:
        if not all(tile) or tuple(border.sources.shape[:2]) != tuple(size):
            raise ArgumentError("border", "is for tiles of the same size that close in both directions")
        band = max(min(overlap, *(length // 4 for length in size)), 1)
        known, fixed = frame(size, band), frame(size, max(band // 3, 1))
        sources[known] = border.sources.cpu().numpy()[known]
    # A patch that wraps must not meet itself.
    h, w = (max(min(side, length // 2 if wraps else length), 1) for length, wraps in zip(size, tile, strict=True))
    ys, xs = (places(*both, overlap / side) for both in zip(size, (h, w), tile, strict=True))
    chance = torch.rand(len(ys), len(xs), generator=rng, dtype=torch.float64).tolist()
    placed = np.empty((0, 4))
    guard = max(side // 4, 1)
    # Within another tile's border, going on from there would be that tile again.
    repeat, more = REPEAT * variance, CONTINUE * variance * (1 if border is None else 20)
    for (row, y), (column, x) in itertools.product(enumerate(ys), enumerate(xs)):
        patch, weight = loops.window(pixels, sources, known, y, x, h, w)
        met = float(weight[0].sum())
        weight *= (1.0 if wanted is None else 1 - strength) / max(met, 1.0)
        if wanted is not None:
            rows, columns = np.arange(y, y + h) % size[0], np.arange(x, x + w) % size[1]
            patch = np.concatenate([patch, wanted[:, rows[:, None], columns]])
            weight = np.concatenate([weight, np.full((len(wanted), h, w), strength / (h * w), np.float32)])
        if not weight.any():
            found, error = first, np.zeros(len(first))
        else:
            near = against(placed, y, x, sources, known, h, w, tile, repeat, more) if met else np.zeros((0, 4), np.float32)
            found, error = first[:0], np.zeros(0)
            if min(h, w) >= 4:
                found, error = loops.search_coarse(full, half, quarter, blocked, patch, weight, near, side, guard, KEEP)
            if not len(found):  # too thin for quarter size, or no opaque position there, or each nearly goes on with some patch
                found, error = loops.search(full, blocked, patch, weight, near, side, -1)
        good = np.flatnonzero(error <= error.min() * (1 + TOLERANCE))
        r, s = found[good[int(chance[row][column] * len(good))]].tolist()
        loops.paste(pixels, usable, sources, known, fixed, *tile, y, x, h, w, r, s)
        placed = np.concatenate([placed, [[y, x, r, s]]])
        if progress is not None:
            progress(len(placed) / (len(ys) * len(xs)))
    at = torch.from_numpy(sources).long()
    return Quilted(exemplar[:, at[..., 0], at[..., 1]], at)


def guided_patch_px(exemplar: Float[Tensor, "C R S"], strength: float) -> int:
    """The side of a patch that follows a guide: a third of the usual one by default, less for a stronger one."""
    return max(round((1.1 - strength) * fitting_patch_px(exemplar)), LEAST_GUIDED_PX)


def guided(
    guide: Float[Tensor, "D H W"], exemplar: Float[Tensor, "C R S"], side: int
) -> tuple[Float32[np.ndarray, "G H W"], Float32[np.ndarray, "G R S"]]:
    """What a guide wants, and what the exemplar has of it: brightness or colour, without detail that is finer than a patch."""
    sigma = side / SMOOTHER
    own = blurred(exemplar, sigma) / blurred(torch.ones_like(exemplar), sigma)
    guide = guide.detach().to("cpu", torch.float32)
    if len(guide) == len(own) == 3:
        want = match_colours(guide[None], colour_sample(own))[0]
    else:
        guide, own = grey(guide), grey(own)
        (low, high), (least, most) = (picture.quantile(torch.tensor([RARE, 1 - RARE])).tolist() for picture in (guide, own))
        want = (least + (guide - low) * (most - least) / max(high - low, 1e-6)).clamp(least, most)
    return as_loops(want), as_loops(own)


def as_loops(picture: Float[Tensor, "C H W"]) -> Float32[np.ndarray, "C H W"]:
    return np.ascontiguousarray(picture.detach().to("cpu", torch.float32).numpy())


def frame(size: tuple[int, int], band: int) -> np.ndarray:
    """The outermost `band` rows and columns."""
    out = np.ones(size, bool)
    out[band : size[0] - band, band : size[1] - band] = False
    return out


def whole(blocked: np.ndarray, side: int) -> np.ndarray:
    """The positions of the exemplar's patches that are opaque throughout."""
    return np.argwhere(blocked[side:, side:] - blocked[:-side, side:] - blocked[side:, :-side] + blocked[:-side, :-side] == 0)


def places(length: int, side: int, wraps: bool, overlap: float) -> list[int]:
    """Where patches begin along one direction, evenly, so that they share at least `overlap` of their side."""
    step = max(side - math.ceil(side * overlap), 1)
    span = length if wraps else max(length - side, 0)
    count = math.ceil(span / step)
    return [round(k * span / max(count, 1)) for k in range(max(count, 1) if wraps else count + 1)]


def against(
    placed: np.ndarray,
    y: int,
    x: int,
    sources: np.ndarray,
    known: np.ndarray,
    h: int,
    w: int,
    tile: tuple[bool, bool],
    repeat: float,
    more: float,
) -> np.ndarray:
    """`near` of `quilting_cpu.penalty` for the window at (y, x): the same patch beside itself costs `repeat`, going on
    verbatim `more` and, the k-th time, k times that."""
    away = placed[:, :2] - (y, x)
    for axis in range(2):
        if tile[axis]:
            half = known.shape[axis] // 2
            away[:, axis] = (away[:, axis] + half) % known.shape[axis] - half
    far = (np.abs(away) / (h, w)).max(1)
    again = np.column_stack([placed[:, 2:], repeat / np.maximum(far, 1), 0 * far])[far < 10]
    # Each place from which some pixel in the window goes on, and how many patches went on from there already.
    rows, columns = (np.arange(at, at + side, max(side // 16, 1)) for at, side in ((y, h), (x, w)))
    place = np.ix_(rows % known.shape[0], columns % known.shape[1])
    origin = (sources[place] - np.stack(np.broadcast_arrays(rows[:, None] - y, columns[None] - x), 2))[known[place]]
    _, one = np.unique(origin[:, 0] * 65536 + origin[:, 1], return_index=True)
    count = (origin[one, None] == (placed[:, 2:] - away)[None]).all(2).sum(1)
    on = np.column_stack([origin[one], more * np.maximum(count, 1), np.ones(len(one))])
    return np.concatenate([again, on], dtype=np.float32)


def fitting_patch_px(exemplar: Float[Tensor, "C R S"]) -> int:
    """The side of a patch: larger where the photograph is ordered over a longer distance. That distance is the side of the square
    whose area is the integral of the squared autocorrelation: 3 to 7 px for grass, rock and leaves, 40 to 90 px for tiles, bricks
    and nets. Differences over more than a twelfth of the photograph, as of light, are taken out first."""
    rows, columns = exemplar.shape[1:]
    shape = (2 * rows, 2 * columns)  # padded: what leaves on one side does not come back on the other
    down, along = torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None]
    sharp = 1 - torch.exp(-2 * (torch.pi * min(rows, columns) / 12) ** 2 * (down**2 + along**2))
    fine = torch.fft.irfft2(torch.fft.rfft2(exemplar) * sharp, s=(rows, columns))
    similar = torch.fft.irfft2(torch.fft.rfft2(fine, s=shape).abs().square().sum(0), s=shape)
    pairs = torch.fft.irfft2(torch.fft.rfft2(torch.ones(rows, columns), s=shape).abs().square(), s=shape)
    reach = min(rows, columns) // 3
    similar = (similar / pairs.clamp(min=1)).roll((reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    order = float((similar / similar[reach, reach].clamp(min=1e-12)).square().sum().sqrt())
    return round(min(40 + 1.2 * order, max(min(rows, columns) / 4, 16)))
