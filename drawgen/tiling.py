"""Makes a sampled picture repeat: joins its end to its beginning, removes the shear of a helix, evens out what betrays the lattice,
and makes tiles fit each other.

Axes: C channels, H rows, W columns; for the cut, S starts and V rows of overlap.
"""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from drawgen.minimum_cut_cpu import grid, minimum_cut
from drawgen.ranges import ArgumentError, check_range, check_size


def close_rows(strip: Float[Tensor, "C S W"], height: int, overlap: int) -> tuple[Float[Tensor, "C H W"], Int[Tensor, " W"]]:
    """Cuts `height` rows out of a strip so that the last joins the first. It takes the start whose `overlap` rows agree best with
    those `height` rows below, and joins them along the path of least error (Efros & Freeman 2001, section 2.1), which closes around
    the picture."""
    width = strip.shape[2]
    starts = strip.shape[1] - height - overlap + 1
    error = torch.stack(
        [(strip[:, s : s + overlap] - strip[:, s + height : s + height + overlap]).square().sum(0) for s in range(starts)]
    )  # S V W
    error = error + torch.cat([error[:, :1], error[:, :-1]], 1)  # the rows above and below the path are blended
    error = error + torch.roll(error, 1, 2)  # a vertical step of the path crosses two columns

    def paths(cost: Float[Tensor, "S V W"], first: Float[Tensor, "S V"]) -> tuple[Tensor, list[Tensor]]:
        total, came = first, []
        for column in range(1, width):
            padded = F.pad(total, (1, 1), value=torch.inf)
            best, move = torch.stack([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]]).min(0)
            came.append(move - 1)
            total = best + cost[:, :, column]
        return total, came

    total, came = paths(error, error[:, :, 0])
    start = int(total.min(1).values.argmin())
    row = int(total[start].argmin())
    for move in reversed(came):
        row += int(move[start, row])
    fixed = torch.full_like(error[start, :, 0], torch.inf)  # once more, from the row where it began back to that row
    fixed[row] = error[start, row, 0]
    total, came = paths(error[start : start + 1], fixed[None])
    path = [row]
    for move in reversed(came):
        path.append(path[-1] + int(move[0, path[-1]]))
    cut = torch.tensor(path[::-1])
    out = strip[:, start : start + height].clone()
    # Above the path the picture continues from its own end, below it is unchanged; two rows are blended.
    share = (0.5 - (torch.arange(overlap)[:, None] + 0.5 - cut[None, :]) / 3).clamp(0, 1)
    out[:, :overlap] = torch.lerp(out[:, :overlap], strip[:, start + height : start + height + overlap], share)
    return out, cut


def unshear(image: Float[Tensor, "C H W"]) -> Float[Tensor, "C H W"]:
    """Shifts column j down by j / W pixels, cyclically: on a helix the end of a row meets the beginning of the next. The shift is a
    rotation of the phase in the Fourier domain, which does not blur."""
    height, width = image.shape[1:]
    frequency = torch.fft.rfftfreq(height, device=image.device)[:, None]
    shift = torch.arange(width, device=image.device)[None, :] / width
    turned = torch.fft.rfft(image, dim=1) * torch.exp(-2j * torch.pi * frequency * shift)
    return torch.fft.irfft(turned, n=height, dim=1)


def close(
    picture: Float[Tensor, "C S T"], size: tuple[int, int], overlap_px: int, tile: tuple[bool, bool] = (True, True)
) -> Float[Tensor, "C H W"]:
    """Cuts a picture of this size that closes in rows, in columns or in both (`tile`) out of a larger one, sampled over a layout
    that repeats after that size.

    Where it closes, the larger one has `overlap_px` rows or columns more, or some more still: then it takes those that agree best.
    Within the overlap it goes over from what follows the end to what is at the beginning, along the cut of least error, which may
    run anywhere and itself closes where the other direction does. Nothing is blended: any two neighbours, those across the border
    included, are neighbours in the larger picture or stand on either side of a cut.
    """
    check_size(size)
    check_range("overlap_px", overlap_px, at_least=2)
    for length, more, closes in zip(size, picture.shape[1:], tile, strict=True):
        least = length + overlap_px if closes else length
        if more < least or overlap_px > length:
            raise ArgumentError(
                "picture",
                f"is {' x '.join(map(str, picture.shape[1:]))}; for tiles of {size[0]} x {size[1]} each side that closes has "
                f"to be at least {overlap_px} longer, and {overlap_px} at most the tile's",
            )
    if tile[0]:
        picture = join_rows(picture, size[0], overlap_px, closed=False)
    else:
        picture = picture[:, : size[0]]
    if tile[1]:
        return join_rows(picture.transpose(1, 2), size[1], overlap_px, closed=tile[0]).transpose(1, 2).contiguous()
    return picture[:, :, : size[1]].clone()


def join_rows(picture: Float[Tensor, "C S W"], height: int, overlap: int, closed: bool) -> Float[Tensor, "C H W"]:
    """`close` for rows. `closed`: whether the columns close already."""
    error = (picture[:, : picture.shape[1] - height] - picture[:, height:]).square().sum((0, 2))
    start = int(error.unfold(0, overlap, 1).sum(1).argmin())
    out = picture[:, start : start + height].clone()
    after = picture[:, start + height : start + height + overlap]
    first, last = torch.zeros(2, overlap, picture.shape[2], dtype=torch.bool)
    first[0], last[-1] = True, True
    out[:, :overlap] = torch.where(chosen(after, out[:, :overlap], first, last, closed), after, out[:, :overlap])
    return out


def chosen(
    one: Float[Tensor, "C H W"], other: Float[Tensor, "C H W"], sure: Bool[Tensor, "H W"], never: Bool[Tensor, "H W"], closed: bool
) -> Bool[Tensor, "H W"]:
    """Where to take `one` and not `other`, everywhere in `sure` and nowhere in `never`, so that the cut between them shows least:
    it costs the difference of the two on both its sides. `closed`: the columns close."""
    error = (one - other).detach().square().sum(0).sqrt().cpu().double()
    # Whole numbers, in which sums are exact; a millionth of the largest difference is no difference.
    cost = (error / error.max().clamp(min=1e-12) * 1e6).round().long().flatten().numpy()
    neighbour = grid(error.shape[0], error.shape[1], False, closed)
    capacity = cost[:, None] + cost[neighbour]
    capacity[neighbour == np.arange(len(cost))[:, None]] = 0
    terminal = (sure.long() - never.long()).flatten().numpy() * (1 << 50)
    taken = minimum_cut(neighbour, capacity, terminal)
    return torch.from_numpy(taken).reshape(error.shape).to(one.device)


def fit_border(
    tile: Float[Tensor, "C H W"], first: Float[Tensor, "C H W"], band_px: int, keep_px: int = 1
) -> Float[Tensor, "C H W"]:
    """`tile` with the border of `first`, so that the two fit each other, and themselves, on any side. The outermost `keep_px` rows
    and columns are those of `first`; within `band_px` it goes over to `tile`, along the cut of least error, a ring."""
    check_range("keep_px", keep_px, at_least=1)
    check_range("band_px", band_px, at_least=keep_px, below=min(tile.shape[1:]) / 2)
    height, width = tile.shape[1:]
    down, along = torch.arange(height)[:, None], torch.arange(width)[None]
    depth = torch.minimum(torch.minimum(down, height - 1 - down), torch.minimum(along, width - 1 - along))
    return torch.where(chosen(first, tile, depth < keep_px, depth >= band_px, closed=False), first, tile)


def even_out(tile: Float[Tensor, "C H W"], amount: float = 1.0, wraps: tuple[bool, bool] = (True, True)) -> Float[Tensor, "C H W"]:
    """Takes out `amount` (0 to 1) of what differs over a long distance, such as a single bright blob, which betrays the lattice
    where a tile is repeated: how a blurred copy deviates from its mean. The blur is a Gaussian as wide, at half its height, as a
    quarter of the tile's shorter side; it wraps where the tile does and is mirrored where it does not. The mean of each channel
    stays, and values stay in [0, 1]."""
    check_range("amount", amount, at_least=0, at_most=1)
    height, width = tile.shape[1:]
    around = tile.double()
    for axis, closes in enumerate(wraps, 1):
        if not closes:
            around = torch.cat([around, around.flip(axis)], axis)
    sigma = min(height, width) / 4 / math.sqrt(8 * math.log(2))
    down, along = (torch.fft.fftfreq(n, dtype=torch.float64, device=tile.device) for n in around.shape[1:])
    blur = torch.exp(-2 * (math.pi * sigma) ** 2 * (down[:, None] ** 2 + along[None] ** 2))
    blur[0, 0] = 0  # without the mean
    low = torch.fft.ifft2(torch.fft.fft2(around) * blur).real[:, :height, :width]
    mean = tile.double().mean((1, 2), keepdim=True)
    out = tile - amount * low
    for _ in range(8):  # what the limits cut off is given to the others
        out = out.clamp(0, 1)
        out = out + mean - out.mean((1, 2), keepdim=True)
    return out.clamp(0, 1).to(tile.dtype)
