"""The brush as Triton kernels for CUDA, with its own backward. `brush.paint_torch` is its definition; tests compare the two.

Axes: B canvases, S strokes, P numbers of a stroke, C channels, H rows, W columns, K pieces of a curve.

A program has one tile of one canvas, 16 rows of 32 pixels and up to 8 channels, in registers. It reads the tile once, paints the
strokes whose bounding box meets it, in order, and writes it once. Of a curve it tests the pieces whose bounding box meets the tile.

The forward pass stores only its arguments. The canvas under an opaque stroke cannot be recovered from the result. So the backward
pass paints the strokes again, tile by tile, and stores the pixels under each stroke and the nearest points of its sweep. With up to
8 strokes it does so for all S at once; with more, for spans of ceil(sqrt(S)) strokes, the last span first, each starting from a
canvas that a first pass saved at the span's beginning. With G = C rounded up to a power of two, at most 8, this takes 4 (G + 1) S
bytes per pixel, or about 4 (2 G + 1) sqrt(S): at 3 channels 20 for one stroke, 160 for 8, 800 for 500. With more than 8 channels,
each 8 channels are separate programs. A tile's part of a stroke's gradient is a sum that no other program writes to (S P / 128
bytes per pixel), and torch adds the parts, so the result is deterministic.

Nothing synchronises with the device, and after a first run everything can be captured in a CUDA graph. Numbers that are not finite
make the canvas NaN, as in plain torch.
"""

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from drawgen_envs.brush import COLUMNS, pieces

ROWS, WIDTH, CHANNELS = 16, 32, 8  # a program's tile
WHOLE = 8  # so many strokes are one span
# one stage: no load is moved before a store to the same scratch; and products may be fused with sums, which Triton asks to be said
LAUNCH = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": True}
COLOUR = tl.constexpr(len(COLUMNS))
TINY = tl.constexpr(1e-12)  # as in brush.py
FAR = tl.constexpr(1e30)
BLUR = tl.constexpr(4 * torch.finfo(torch.float32).eps)  # times K: a place is known to this precision


@triton.jit
def reaches(row, top, left, H, W, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Whether the stroke whose numbers begin at `row` may meet the tile at (top, left); true if they are not finite."""
    x0, x1, x2 = tl.load(row) * W, tl.load(row + 2) * W, tl.load(row + 4) * W
    y0, y1, y2 = tl.load(row + 1) * H, tl.load(row + 3) * H, tl.load(row + 5) * H
    r0, r1 = tl.load(row + 6), tl.load(row + 7)
    reach = tl.maximum(tl.maximum(r0, r1), 0.0) * tl.minimum(H, W) + 1
    level = (tl.minimum(tl.minimum(x0, x1), x2) - reach < left + WIDTH) & (tl.maximum(tl.maximum(x0, x1), x2) + reach > left)
    upright = (tl.minimum(tl.minimum(y0, y1), y2) - reach < top + ROWS) & (tl.maximum(tl.maximum(y0, y1), y2) + reach > top)
    sound = (x0 + x1 + x2 + y0 + y1 + y2 + r0 + r1 + tl.load(row + 8) + tl.load(row + 9)) * 0.0
    return (level & upright) | (sound != 0.0)


@triton.jit
def cuts(x0, y0, x1, y1, x2, y2, most):
    """The number of a curve's pieces, a float. It rounds exactly as the definition does, so that an integer never becomes the next
    one."""
    bend_x, bend_y = x0 - 2 * x1 + x2, y0 - 2 * y1 + y2
    count = tl.ceil(tl.sqrt_rn(2 * tl.sqrt_rn(bend_x * bend_x + bend_y * bend_y)))
    return tl.minimum(tl.maximum(count, 1.0), most * 1.0)


@triton.jit
def covered(inner, outer):
    """E(r - d) - E(-r - d) of distances in -1 to 1."""
    return inner - outer - 0.5 * (inner * tl.abs(inner) - outer * tl.abs(outer))


@triton.jit
def sweep(row, x, y, top, left, H, W, most, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Where the stroke at `row` comes nearest to the pixels' centres (x, y), as piece and share of it; and m there."""
    x0, x1, x2 = tl.load(row) * W, tl.load(row + 2) * W, tl.load(row + 4) * W
    y0, y1, y2 = tl.load(row + 1) * H, tl.load(row + 3) * H, tl.load(row + 5) * H
    side = tl.minimum(H, W)
    r0, r1 = tl.maximum(tl.load(row + 6), 0.0) * side, tl.maximum(tl.load(row + 7), 0.0) * side
    a0, a1 = tl.load(row + 8), tl.load(row + 9)
    count = cuts(x0, y0, x1, y1, x2, y2, most)
    per = 1.0 / count
    change = r1 - r0
    depth, place = x * 0.0 - FAR, x * 0.0
    ax, ay, ra = x0, y0, r0
    for k in range(count.to(tl.int32)):
        t = (k + 1) * per
        bx = x0 + t * (2 * (x1 - x0) + t * (x0 - 2 * x1 + x2))
        by = y0 + t * (2 * (y1 - y0) + t * (y0 - 2 * y1 + y2))
        rb = r0 + change * t
        reach = tl.maximum(ra, rb) + 1
        level = (tl.minimum(ax, bx) - reach < left + WIDTH) & (tl.maximum(ax, bx) + reach > left)
        upright = (tl.minimum(ay, by) - reach < top + ROWS) & (tl.maximum(ay, by) + reach > top)
        if level & upright:
            squared = (bx - ax) * (bx - ax) + (by - ay) * (by - ay)
            length = tl.sqrt(squared + TINY)
            slope = (ra - rb) / length
            tilt = slope / tl.sqrt(tl.maximum(1 - slope * slope, 1e-6))
            low, high = tl.where(slope > -1, 0.0, length), tl.where(slope < 1, length, 0.0)  # one disc may cover the other
            straight = squared > 1e-9  # a dot has no direction, and any will do
            way = tl.sqrt(tl.maximum(squared, TINY))
            ux, uy = tl.where(straight, (bx - ax) / way, 1.0), tl.where(straight, (by - ay) / way, 0.0)
            along, across = (x - ax) * ux + (y - ay) * uy, tl.abs((x - ax) * uy - (y - ay) * ux)
            u = tl.minimum(tl.maximum(along - tilt * across, low), high)
            here = ra - slope * u - tl.sqrt((along - u) * (along - u) + across * across)
            nearer = here > depth
            depth = tl.where(nearer, here, depth)
            place = tl.where(nearer, k + u / length, place)
        ax, ay, ra = bx, by, rb
    inner = tl.minimum(tl.maximum(depth, -1.0), 1.0)
    outer = tl.minimum(tl.maximum(depth - 2 * (r0 + change * per * place), -1.0), 1.0)
    m = (a0 + (a1 - a0) * per * place) * covered(inner, outer)
    sound = (x0 + x1 + x2 + y0 + y1 + y2 + tl.load(row + 6) + tl.load(row + 7) + a0 + a1) * 0.0  # or NaN
    return place, tl.where(inner > outer, m, 0.0) + sound  # exactly 0 for no width


@triton.jit
def gradient(row, into, x, y, place, dm, H, W, most):
    """m once more, and the sums of a stroke's first ten gradients to `into`, from dm, the loss's derivative by m.

    The symbols are those of `brush.nearest`; what begins with d is the loss's derivative.
    """
    x0, y0 = tl.load(row) * W, tl.load(row + 1) * H
    x1, y1 = tl.load(row + 2) * W, tl.load(row + 3) * H
    x2, y2 = tl.load(row + 4) * W, tl.load(row + 5) * H
    side = tl.minimum(H, W)
    r0, r1 = tl.maximum(tl.load(row + 6), 0.0) * side, tl.maximum(tl.load(row + 7), 0.0) * side
    a0, rise = tl.load(row + 8), tl.load(row + 9) - tl.load(row + 8)
    count = cuts(x0, y0, x1, y1, x2, y2, most)
    per, change, blur = 1.0 / count, r1 - r0, BLUR * count
    x2, y2 = x2 - 2 * x1 + x0, y2 - 2 * y1 + y0
    x1, y1 = x1 - x0, y1 - y0  # p(t) = p0 + 2 t p1 + t^2 p2
    k = tl.minimum(tl.floor(place), count - 1)
    w = place - k
    s, t = k * per, place * per
    e = s + per  # the piece runs from s to e
    gx, gy = per * (2 * x1 + (s + e) * x2), per * (2 * y1 + (s + e) * y2)
    vx, vy = x - (x0 + s * (2 * x1 + s * x2)), y - (y0 + s * (2 * y1 + s * y2))
    nx, ny = vx - w * gx, vy - w * gy
    distance = tl.sqrt(nx * nx + ny * ny + TINY)
    nx, ny = nx / distance, ny / distance
    radius, alpha = r0 + change * t, a0 + rise * t
    inner = tl.minimum(tl.maximum(radius - distance, -1.0), 1.0)
    outer = tl.minimum(tl.maximum(-radius - distance, -1.0), 1.0)
    cover = covered(inner, outer)
    tent_in, tent_out = dm * alpha * (1 - tl.abs(inner)), dm * alpha * (1 - tl.abs(outer))
    dradius, ddistance = tent_in + tent_out, tent_out - tent_in
    # the nearest place moves with the piece, unless it is at an end
    squared = gx * gx + gy * gy + TINY
    near = 1 / tl.sqrt(squared)
    slope = -change * per * near
    rest = 1 - slope * slope
    root = 1 / tl.sqrt(tl.maximum(rest, 1e-6))
    tilt = slope * root
    cross = vx * gy - vy * gx
    sign = tl.where(cross > 0, 1.0, tl.where(cross < 0, -1.0, 0.0))
    dw = dradius * change * per + dm * cover * rise * per - ddistance * (nx * gx + ny * gy)
    dw = tl.where((w > blur) & (w < 1 - blur) & (rest > 0), dw, 0.0) / squared
    dvx, dvy = dw * (gx - tilt * sign * gy), dw * (gy + tilt * sign * gx)
    dslope = -dw * tl.abs(cross) * root * tl.where(rest > 1e-6, root * root, 1.0)
    back = 2 * w * dw + dslope * slope / squared
    dgx, dgy = dw * (vx + tilt * sign * vy) - back * gx, dw * (vy - tilt * sign * vx) - back * gy
    dbx, dby = dgx - ddistance * nx * w, dgy - ddistance * ny * w
    dax, day = -ddistance * nx * (1 - w) - dvx - dgx, -ddistance * ny * (1 - w) - dvy - dgy
    dr = dslope * per * near
    tl.store(into, tl.sum((1 - s) * (1 - s) * dax + (1 - e) * (1 - e) * dbx) * W)
    tl.store(into + 1, tl.sum((1 - s) * (1 - s) * day + (1 - e) * (1 - e) * dby) * H)
    tl.store(into + 2, tl.sum(s * (1 - s) * dax + e * (1 - e) * dbx) * W * 2)
    tl.store(into + 3, tl.sum(s * (1 - s) * day + e * (1 - e) * dby) * H * 2)
    tl.store(into + 4, tl.sum(s * s * dax + e * e * dbx) * W)
    tl.store(into + 5, tl.sum(s * s * day + e * e * dby) * H)
    tl.store(into + 6, tl.where(tl.load(row + 6) >= 0, tl.sum(dradius * (1 - t) + dr) * side, 0.0))
    tl.store(into + 7, tl.where(tl.load(row + 7) >= 0, tl.sum(dradius * t - dr) * side, 0.0))
    tl.store(into + 8, tl.sum(dm * cover * (1 - t)))
    tl.store(into + 9, tl.sum(dm * cover * t))
    return alpha * cover


@triton.jit
def forward(
    canvas, out, strokes, S, C, H, W, most, IN_PLACE: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr
):
    """Paints the strokes (B S P) on the canvases (B C H W); in place, it skips tiles without strokes."""
    program = tl.program_id(0).to(tl.int64)
    across, down, groups = tl.cdiv(W, WIDTH), tl.cdiv(H, ROWS), tl.cdiv(C, GROUP)
    left, top = (program % across).to(tl.int32) * WIDTH, (program // across % down).to(tl.int32) * ROWS
    group, b = (program // (across * down) % groups).to(tl.int32), program // (across * down * groups)
    rows = strokes + b * S * (COLOUR + C)
    pixel, channel = tl.arange(0, ROWS * WIDTH), group * GROUP + tl.arange(0, GROUP)
    i, j = top + pixel // WIDTH, left + pixel % WIDTH
    x, y = j + 0.5, i + 0.5
    end = H
    if IN_PLACE:
        met = 0
        for s in range(S):
            met += reaches(rows + s * (COLOUR + C), top, left, H, W, ROWS, WIDTH).to(tl.int32)
        end = tl.where(met > 0, H, 0)
    here = (channel < C)[:, None] & ((i < end) & (j < W))[None, :]
    at = (b * C + channel)[:, None] * H * W + (i * W + j)[None, :]
    value = tl.load(canvas + at, mask=here, other=0.0)
    for s in range(S):
        row = rows + s * (COLOUR + C)
        if reaches(row, top, left, H, W, ROWS, WIDTH):
            _, m = sweep(row, x, y, top, left, H, W, most, ROWS, WIDTH)
            colour = tl.load(row + COLOUR + channel, mask=channel < C, other=0.0)
            value += m[None, :] * (colour[:, None] - value)
    tl.store(out + at, value, mask=here)


@triton.jit
def backward(
    canvas,
    strokes,
    grad,
    before,
    under,
    grad_canvas,
    grad_strokes,
    S,
    span,
    C,
    H,
    W,
    most,
    CANVAS: tl.constexpr,
    GROUP: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """The gradients by the canvases before the strokes (if CANVAS), and by the strokes, one share for each program.

    `before` has room for the canvas before each span but the last, `under` for what is under each stroke of a span, and its place.
    """
    program = tl.program_id(0).to(tl.int64)
    across, down, groups = tl.cdiv(W, WIDTH), tl.cdiv(H, ROWS), tl.cdiv(C, GROUP)
    left, top = (program % across).to(tl.int32) * WIDTH, (program // across % down).to(tl.int32) * ROWS
    group, b = (program // (across * down) % groups).to(tl.int32), program // (across * down * groups)
    P = COLOUR + C
    rows = strokes + b * S * P
    shares = grad_strokes + program * S * P
    pixel, channel = tl.arange(0, ROWS * WIDTH), group * GROUP + tl.arange(0, GROUP)
    i, j = top + pixel // WIDTH, left + pixel % WIDTH
    x, y = j + 0.5, i + 0.5
    here = (channel < C)[:, None] & ((i < H) & (j < W))[None, :]
    at = (b * C + channel)[:, None] * H * W + (i * W + j)[None, :]
    own = tl.arange(0, GROUP)[:, None] * (ROWS * WIDTH) + pixel[None, :]
    SIZE: tl.constexpr = GROUP * ROWS * WIDTH
    spans = tl.cdiv(S, span)
    before += program * (spans - 1) * SIZE + own
    under += program * span * (SIZE + ROWS * WIDTH)

    value = tl.load(canvas + at, mask=here, other=0.0)
    for s in range((spans - 1) * span):
        if s % span == 0:
            tl.store(before + s // span * SIZE, value)
        row = rows + s * P
        if reaches(row, top, left, H, W, ROWS, WIDTH):
            _, m = sweep(row, x, y, top, left, H, W, most, ROWS, WIDTH)
            colour = tl.load(row + COLOUR + channel, mask=channel < C, other=0.0)
            value += m[None, :] * (colour[:, None] - value)

    g = tl.load(grad + at, mask=here, other=0.0)
    for n in range(spans):
        first = (spans - 1 - n) * span
        strokes_here = tl.minimum(S - first, span)
        if n > 0:
            value = tl.load(before + (spans - 1 - n) * SIZE)
        for s in range(strokes_here):
            row = rows + (first + s) * P
            if reaches(row, top, left, H, W, ROWS, WIDTH):
                place, m = sweep(row, x, y, top, left, H, W, most, ROWS, WIDTH)
                slot = under + s * (SIZE + ROWS * WIDTH)
                tl.store(slot + own, value)
                tl.store(slot + SIZE + pixel, place)
                colour = tl.load(row + COLOUR + channel, mask=channel < C, other=0.0)
                value += m[None, :] * (colour[:, None] - value)
        tl.debug_barrier()  # what one thread stored another may load
        for q in range(strokes_here):
            s = strokes_here - 1 - q
            row = rows + (first + s) * P
            if reaches(row, top, left, H, W, ROWS, WIDTH):
                slot, share = under + s * (SIZE + ROWS * WIDTH), shares + (first + s) * P
                place = tl.load(slot + SIZE + pixel)
                colour = tl.load(row + COLOUR + channel, mask=channel < C, other=0.0)
                dm = tl.sum(g * (colour[:, None] - tl.load(slot + own)), 0)
                m = gradient(row, share, x, y, place, dm, H, W, most)
                tl.store(share + COLOUR + channel, tl.sum(m[None, :] * g, 1), mask=channel < C)
                g -= m[None, :] * g
        tl.debug_barrier()
    if CANVAS:
        tl.store(grad_canvas + at, g, mask=here)


def plan(canvas: Tensor) -> tuple[int, dict[str, int]]:
    """Programs for each canvas, and the kernels' constants."""
    _, C, H, W = canvas.shape
    group = min(triton.next_power_of_2(C), CHANNELS)
    programs = triton.cdiv(C, group) * triton.cdiv(H, ROWS) * triton.cdiv(W, WIDTH)
    return programs, {"GROUP": group, "ROWS": ROWS, "WIDTH": WIDTH, **LAUNCH}


def lay(canvas: Tensor, out: Tensor, strokes: Tensor) -> None:
    """Strokes (B S P) on canvases (B C H W), all contiguous, to `out`, which may be the canvases themselves."""
    B, C, H, W = canvas.shape
    programs, constants = plan(canvas)
    with torch.cuda.device_of(canvas):
        forward[(B * programs,)](
            canvas, out, strokes, strokes.shape[1], C, H, W, pieces(H, W), IN_PLACE=out is canvas, **constants
        )  # fmt: skip


class Paint(torch.autograd.Function):
    """`brush.paint` on a GPU, in float32."""

    @staticmethod
    def forward(ctx: Any, canvas: Tensor, strokes: Tensor) -> Tensor:
        canvas, strokes = canvas.contiguous(), strokes.contiguous()
        ctx.save_for_backward(canvas, strokes)
        out = torch.empty_like(canvas)
        lay(canvas, out, strokes)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        canvas, strokes = ctx.saved_tensors
        (B, C, H, W), S = canvas.shape, strokes.shape[1]
        programs, constants = plan(canvas)
        span = max(S, 1) if S <= WHOLE else math.isqrt(S - 1) + 1
        size = B * programs * ROWS * WIDTH
        before = canvas.new_empty((triton.cdiv(S, span) - 1) * size * constants["GROUP"] if S else 0)
        under = canvas.new_empty(span * size * (constants["GROUP"] + 1))
        wanted = ctx.needs_input_grad[0]
        grad_canvas = torch.empty_like(canvas) if wanted else before
        shares = canvas.new_zeros(B, programs, S, strokes.shape[2])
        with torch.cuda.device_of(canvas):
            backward[(B * programs,)](
                canvas, strokes, grad.contiguous(), before, under, grad_canvas, shares,
                S, span, C, H, W, pieces(H, W), CANVAS=wanted, **constants
            )  # fmt: skip
        return grad_canvas if wanted else None, shares.sum(1)


def paint_(canvas: Tensor, strokes: Tensor) -> None:
    """`brush.paint_` on a GPU, for a contiguous canvas in float32."""
    lay(canvas, canvas, strokes.contiguous())
