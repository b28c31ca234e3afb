"""Image quilting: a texture laid out anew from patches of its exemplar (Efros & Freeman 2001), joined by graph cuts that may run
anywhere (Kwatra et al. 2003) and gone over a second time where seams show.

Axes: C channels, R S rows and columns of the exemplar, H W those of the picture.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from drawgen.ranges import ArgumentError, check_range, check_size
from drawgen.textures import quilting_cpu as loops

TOLERANCE = 0.1
REPEAT = 0.2
KEEP = 100


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
    rng: torch.Generator,
) -> Quilted:
    check_size(size)
    check_range("rows and columns of the exemplar", tuple(exemplar.shape[1:]), at_least=4)
    if not torch.isfinite(exemplar).all():
        raise ArgumentError("exemplar", "has values that are not finite; replace them")
    full = np.ascontiguousarray(exemplar.detach().to("cpu", torch.float32).numpy())
    bad = np.zeros(full.shape[1:], bool) if opaque is None else ~opaque.cpu().numpy()
    blocked = np.zeros((bad.shape[0] + 1, bad.shape[1] + 1), np.int64)
    blocked[1:, 1:] = bad.cumsum(0).cumsum(1)
    if bad.any():
        full = np.where(bad, full[:, ~bad].mean(1)[:, None, None] if not bad.all() else 0, full)
    if patch_px is None:
        patch_px = fitting_patch_px(torch.from_numpy(full))
    side = max(min(patch_px, *(length // 2 for length in bad.shape)), 2)
    while not (first := whole(blocked, side)).size:
        if side <= 2:
            raise ArgumentError("opaque", "leaves no patch of the exemplar that is opaque throughout; give a larger opaque part")
        side = max(side * 3 // 4, 2)
    overlap = max(side // 3, 1) if overlap_px is None else min(overlap_px, side - 1)
    pixels = np.ascontiguousarray(full.transpose(1, 2, 0))
    half = loops.halved(full, np.ones(full.shape[1:], np.float32))[0]
    quarter = loops.halved(half, np.ones(half.shape[1:], np.float32))[0]
    scale = float(full.var((1, 2)).sum())

    height, width = size
    sources = np.full((height, width, 2), -1, np.int32)
    known = np.zeros((height, width), bool)
    fixed = np.zeros((height, width), bool)
    if border is not None:
        if not all(tile) or tuple(border.sources.shape[:2]) != (height, width):
            raise ArgumentError("border", "is for tiles of the same size that close in both directions")
        sources[:] = border.sources.cpu().numpy()
        band = max(min(overlap, height // 4, width // 4), 1)
        known[:], fixed[:] = frame(size, band), frame(size, max(band // 3, 1))
        sources[~known] = -1
    # A patch that wraps must not meet itself.
    h, w = (max(min(side, length // 2 if wraps else length), 1) for length, wraps in zip(size, tile, strict=True))
    ys, xs = (places(*both, side - overlap) for both in zip(size, (h, w), tile, strict=True))
    chance = iter(torch.rand(len(ys) * len(xs), generator=rng, dtype=torch.float64).tolist())
    placed = np.empty((0, 4), np.float32)
    guard = max(side // 4, 1)
    for y in ys:
        for x in xs:
            patch, weight = loops.window(pixels, sources, known, y, x, h, w)
            near = np.concatenate(
                [repeats(placed, y, x, size, tile, side, REPEAT * scale), continued(sources, known, y, x, h, w)], dtype=np.float32
            )
            if not weight.any():
                r, s = first[int(next(chance) * len(first))].tolist()
            else:
                found, error = loops.search_coarse(full, half, quarter, blocked, patch, weight, near, side, guard, KEEP)
                if not len(found):  # the exemplar is so small that every place nearly continues a patch
                    found, error = loops.search(full, blocked, patch, weight, near, side, -1)
                good = np.flatnonzero(error <= error.min() * (1 + TOLERANCE))
                r, s = found[good[int(next(chance) * len(good))]].tolist()
            loops.paste(pixels, sources, known, fixed, *tile, y, x, h, w, r, s)
            placed = np.concatenate([placed, np.array([[y, x, r, s]], np.float32)])
    at = torch.from_numpy(sources).long()
    return Quilted(exemplar[:, at[..., 0], at[..., 1]], at)


def frame(size: tuple[int, int], band: int) -> np.ndarray:
    """The outermost `band` rows and columns."""
    out = np.ones(size, bool)
    out[band : size[0] - band, band : size[1] - band] = False
    return out


def whole(blocked: np.ndarray, side: int) -> np.ndarray:
    """The positions of the exemplar's patches that are opaque throughout."""
    return np.argwhere(blocked[side:, side:] - blocked[:-side, side:] - blocked[side:, :-side] + blocked[:-side, :-side] == 0)


def places(length: int, side: int, wraps: bool, step: int) -> list[int]:
    """Where patches begin along one direction, evenly."""
    step = min(step, max(side * 2 // 3, 1))
    span = length if wraps else max(length - side, 0)
    count = math.ceil(span / step)
    return [round(k * span / max(count, 1)) for k in range(max(count, 1) if wraps else count + 1)]


def repeats(placed: np.ndarray, y: int, x: int, size: tuple[int, int], tile: tuple[bool, bool], side: int, much: float) -> np.ndarray:
    """Rows of `near` (see `quilting_cpu.penalty`) against the same patch twice: `much` beside each other, less farther apart."""
    away = np.abs(placed[:, :2] - (y, x))
    for axis in range(2):
        if tile[axis]:
            away[:, axis] = np.minimum(away[:, axis], size[axis] - away[:, axis])
    far = away.max(1) / side
    near = np.stack([placed[:, 2], placed[:, 3], much / np.maximum(far, 1), 0 * far], 1)
    return near[far < 10]


def continued(sources: np.ndarray, known: np.ndarray, y: int, x: int, h: int, w: int) -> np.ndarray:
    """Rows of `near` against verbatim copies: where a patch would come from that continues what is there."""
    rows, columns = (np.arange(at, at + side, max(side // 16, 1)) for at, side in ((y, h), (x, w)))
    place = np.ix_(rows % known.shape[0], columns % known.shape[1])
    origin = (sources[place] - np.stack(np.broadcast_arrays(rows[:, None] - y, columns[None] - x), 2))[known[place]]
    _, one = np.unique(origin[:, 0] * 65536 + origin[:, 1], return_index=True)
    return np.concatenate([origin[one], np.tile([0, 1], (len(one), 1))], 1)


def fitting_patch_px(exemplar: Float[Tensor, "C R S"]) -> int:
    """The side of a patch: larger where the photograph is ordered over a longer distance. That distance is the side of the square whose
    area is the integral of the squared autocorrelation: 3 to 7 px for grass, rock and leaves, 40 to 90 px for tiles, bricks and nets.
    Differences over more than a twelfth of the photograph, as of light, are taken out first."""
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
