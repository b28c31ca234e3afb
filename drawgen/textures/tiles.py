"""Draws textures that repeat without a seam, by a net of their pixels (`textures/drawing.py`).

Axes: C channels, H rows, W columns.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen.contract import Request, generator
from drawgen.nn.pixel_sampling import TOP, around_helix
from drawgen.ranges import ArgumentError
from drawgen.textures.drawing import TextureNet, draw_over, guide_of, lay_out, moved, reporting
from drawgen.tiling import close, close_rows, unshear

MOST_OVERLAP = 64
"""Rows over which the end of a tile overlaps its beginning, where they are cut together."""
WARPS = 1
"""In the key of the random numbers that displace the layouts of a request's tiles."""
SHEARED = 8
"""Rows at each end of a strip that are wrong once its shear is removed."""
MOST_STARTS = 128
"""Offsets at which a tile may start; all are compared at once, in memory."""


def tile(net: TextureNet, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
    """Picture number `index` of a request, which repeats without a seam in the directions that the request names."""
    least = net.least_tile_px
    if min(height, width) < least:
        raise ArgumentError("size", f"is {width}x{height} pixels; a tile by this model has to be at least {least}x{least}")
    return (tile_over if net.guide is not None else tile_around)(net, height, width, request, index)


def tile_over(net: TextureNet, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
    """A tile over a layout that repeats: a picture of more than one period is sampled, and its ends are joined where they
    agree. The layouts of all tiles of a request have the same border and displacements, if they close in both directions."""
    factor, closes = net.config.layout, request.closes
    margin = -(-net.config.margin // factor) * factor
    for side, closed in zip((height, width), closes, strict=True):
        if closed and side % factor:
            raise ArgumentError("size", f"is {width}x{height} pixels; the sides of a tile by this model are multiples of {factor}")
    overlap = min(height // 4, width // 4, MOST_OVERLAP)
    more = [overlap if closed else margin // 4 for closed in closes]
    tall, wide = margin + height + more[0], margin + width + more[1]
    cells = (height if closes[0] else tall, width if closes[1] else wide)
    rng = request.rng(index)
    guide = guide_of(request, *cells)
    first = lay_out(net, *cells, closes=closes, rng=request.rng(0)) if index and all(closes) else None
    period = lay_out(net, *cells, closes=closes, border=first, guide=guide, strength=request.guide_strength, rng=rng).image
    period = moved(net, period, closes=closes, rng=generator(request.seed, 0 if all(closes) else index, WARPS))
    rows, columns = (
        (torch.arange(-(-whole // factor)) - closed * margin // factor) % count
        for whole, closed, count in zip((tall, wide), closes, period.shape[1:], strict=True)
    )
    drawn = draw_over(net, period[:, rows[:, None], columns], tall, wide, request, index, rng=rng)[:, margin:, margin:]
    return close(drawn.cpu(), (height, width), overlap, closes).to(net.mean.device)


def tile_around(net: TextureNet, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
    """A tile without a layout. In x it is sampled around a helix, and the shear of one row is removed afterwards. In y the
    end of the strip is joined to its beginning, at the offset and along the path where they agree best."""
    in_y, in_x = request.closes
    margin = net.config.margin
    overlap = min(height // 4, MOST_OVERLAP)
    more = overlap + min(height // 2, MOST_STARTS) if in_y else 2 * SHEARED  # the last ones for the choice of the start
    rng = request.rng(index)
    if not in_x:
        strip = draw_over(net, None, margin + height + more, margin + width + margin // 4, request, index, rng=rng)
        return close_rows(strip[:, margin:, margin : margin + width], height, overlap)[0]
    uniforms = torch.rand(margin + height + more, width, net.channels + 1, generator=rng)
    temperature = net.config.temperature * request.temperature
    drawn = around_helix(net, uniforms, temperature=temperature, progress=reporting(request, index))
    strip = drawn[margin:].permute(2, 0, 1) / TOP
    if in_y:
        upright = unshear(close_rows(strip, height, overlap)[0])
    else:
        upright = unshear(strip)[:, SHEARED : SHEARED + height]  # the shift is cyclic: its ends are discarded
    return upright.clamp(0, 1).to(net.mean.device)
