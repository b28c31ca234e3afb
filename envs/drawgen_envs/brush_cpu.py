"""The brush compiled for a CPU (numba), with its own backward. `brush.paint_torch` is its definition; tests compare the two.

Axes: B canvases, S strokes, P numbers of a stroke, C channels, H rows, W columns, K pieces of a curve, L lanes of a vector.

A stroke covers few pixels, so strokes are painted one by one, row by row, and within a row in blocks of L pixels: the nearest point
of the sweep is found among the pieces that reach the block, and the block is blended into the canvas. For the backward pass, the
forward pass stores each block's nearest points and the pixels under it; everything else is recomputed. A canvas is copied just
before its strokes are painted, so that it is in the cache. Arrays are flat.
"""

import math
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from drawgen_envs.brush import COLUMNS, FARTHEST, pieces
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import (
    LANES,
    absolute,
    bits,
    counting,
    floor,
    greatest,
    least,
    load,
    lowest,
    maximum,
    minimum,
    sqrt,
    store,
    total,
    where,
)

COLOUR = len(COLUMNS)
TINY = 1e-12  # as in brush.py
FAR = 1e30
Array: TypeAlias = np.ndarray  # one-dimensional
Shape: TypeAlias = tuple[int, int, int, int, int]  # B C H W S
FLAGS = {"contract", "reassoc", "nsz", "arcp"}  # not the two that would let it forget NaN and infinity
# The table of pieces, one row per number: start, direction, start's radius, its loss per pixel and the tilt that follows (as in
# `brush.nearest`), the least and greatest way along, pieces per pixel, the box, and where it meets a row: SLANT (y - AY) -+ REACH.
AX, AY, UX, UY, RADIUS, SLOPE, TILT, LOW, HIGH, PER, LEFT, RIGHT, TOP, BOTTOM, SLANT, REACH = range(16)


@compiled(fastmath=FLAGS)
def cut(strokes: Array, at: int, height: int, width: int, most: int, table: Array) -> int:
    """Cuts the curve of the stroke that begins at `at` into its pieces, L at a time; returns their number."""
    real = strokes.dtype.type
    pitch = len(table) // 16
    wide, high, scale = real(width), real(height), real(min(height, width))
    x0, x1, x2 = strokes[at] * wide, strokes[at + 2] * wide, strokes[at + 4] * wide
    y0, y1, y2 = strokes[at + 1] * high, strokes[at + 3] * high, strokes[at + 5] * high
    r0, r1 = max(strokes[at + 6], real(0)) * scale, max(strokes[at + 7], real(0)) * scale
    bend_x, bend_y = x0 - 2 * x1 + x2, y0 - 2 * y1 + y2
    count = real(min(max(math.ceil(math.sqrt(2 * math.hypot(bend_x, bend_y))), 1), most))
    for k in range(0, int(count), LANES):
        number = counting(strokes) + k
        t, s = number / count, (number + 1) / count
        ax, ay = x0 + t * (2 * (x1 - x0) + t * bend_x), y0 + t * (2 * (y1 - y0) + t * bend_y)
        bx, by = x0 + s * (2 * (x1 - x0) + s * bend_x), y0 + s * (2 * (y1 - y0) + s * bend_y)
        ra, rb = r0 + (r1 - r0) * t, r0 + (r1 - r0) * s
        squared = (bx - ax) * (bx - ax) + (by - ay) * (by - ay)
        length = sqrt(squared + TINY)
        slope = (ra - rb) / length
        straight = squared > 1e-9  # a dot has no direction, and any will do
        ux, uy = (
            where(straight, (bx - ax) / sqrt(maximum(squared, TINY)), 1),
            where(straight, (by - ay) / sqrt(maximum(squared, TINY)), 0),
        )
        store(table, AX * pitch + k, ax)
        store(table, AY * pitch + k, ay)
        store(table, UX * pitch + k, ux)
        store(table, UY * pitch + k, uy)
        store(table, RADIUS * pitch + k, ra)
        store(table, SLOPE * pitch + k, slope)
        store(table, TILT * pitch + k, slope / sqrt(maximum(1 - slope * slope, 1e-6)))
        store(table, LOW * pitch + k, where(slope > -1, 0, length))  # one disc covers the other: only its place is left
        store(table, HIGH * pitch + k, where(slope < 1, length, 0))
        store(table, PER * pitch + k, 1 / length)
        reach = maximum(ra, rb) + 1
        store(table, LEFT * pitch + k, minimum(ax, bx) - reach)
        store(table, RIGHT * pitch + k, maximum(ax, bx) + reach)
        store(table, TOP * pitch + k, where(number < count, minimum(ay, by) - reach, FAR))  # lanes beyond the last reach nowhere
        store(table, BOTTOM * pitch + k, where(number < count, maximum(ay, by) + reach, -FAR))
        steep = absolute(uy) > 1e-3
        store(table, SLANT * pitch + k, where(steep, ux / uy, 0))
        store(table, REACH * pitch + k, where(steep, reach / absolute(uy), FAR))
    return int(count)


@compiled(fastmath=FLAGS)
def meet(table: Array, count: int, y: float, width: int, lefts: Array, rights: Array) -> tuple[int, int]:
    """The range of x in which each piece meets the row of pixels at y (empty if left >= right), and the columns of all pieces."""
    pitch = len(table) // 16
    low, high = width, 0
    for k in range(0, count, LANES):
        middle = load(table, AX * pitch + k) + load(table, SLANT * pitch + k) * (y - load(table, AY * pitch + k))
        reach = load(table, REACH * pitch + k)
        here = (load(table, TOP * pitch + k) < y) & (load(table, BOTTOM * pitch + k) > y)
        left = where(here, maximum(load(table, LEFT * pitch + k), middle - reach), FAR)
        right = where(here, minimum(load(table, RIGHT * pitch + k), middle + reach), -FAR)
        store(lefts, k, left)
        store(rights, k, right)
        low = min(low, int(max(min(least(left), width) - 0.5, 0)))
        high = max(high, int(min(max(greatest(right), -1) + 0.5, width)))
    return low, high


@compiled(fastmath=FLAGS)
def longer(array: Array, size: int) -> Array:
    """An array of `size` numbers that begins with a copy of another."""
    out = np.empty(size, array.dtype)
    out[: len(array)] = array
    return out


@compiled(fastmath=FLAGS)
def copy(target: Array, source: Array, begin: int, end: int) -> None:
    """What stands from `begin` to `end`, by vectors."""
    whole = begin + (end - begin) // LANES * LANES
    for i in range(begin, whole, LANES):
        store(target, i, load(source, i))
    for i in range(whole, end):
        target[i] = source[i]


@compiled(fastmath=FLAGS)
def forward(
    before: Array, canvas: Array, shape: Shape, strokes: Array, most: int, new: bool, keep: bool
) -> tuple[bool, Array, Array, Array]:
    """Paints the strokes on the canvases (B C H W), in place or, if `new`, on copies.

    Returns whether all numbers are fit to be drawn, and with `keep`, for which the canvases end with a spare vector, where each
    stroke's blocks begin (B S + 1), the blocks' corners, and their places with what was under them.
    """
    B, C, H, W, S = shape
    real = canvas.dtype.type
    P = COLOUR + C
    begins = np.zeros(B * S + 1, np.int64)
    room = B * S * H // 2 + 16 if keep else 0  # short of it, there will be more
    corners, kept = np.empty(2 * room, np.int32), np.empty(room * (C + 1) * LANES, canvas.dtype)
    for i in range(B * S * P):
        if not abs(strokes[i]) <= FARTHEST:
            return False, begins, corners, kept
    pitch = (most + LANES - 1) // LANES * LANES
    table = np.empty(16 * pitch, canvas.dtype)
    lefts, rights = np.empty(pitch, canvas.dtype), np.empty(pitch, canvas.dtype)
    last = np.empty(LANES, canvas.dtype)
    lanes: Any = counting(canvas)
    n = 0
    for b in range(B):
        if new:
            copy(canvas, before, b * C * H * W, (b + 1) * C * H * W)
        for s in range(S):
            at = (b * S + s) * P
            r0, r1 = max(strokes[at + 6], real(0)) * real(min(H, W)), max(strokes[at + 7], real(0)) * real(min(H, W))
            a0, rise = strokes[at + 8], strokes[at + 9] - strokes[at + 8]
            if not keep and ((r0 == 0 and r1 == 0) or (a0 == 0 and rise == 0)):
                continue
            count = cut(strokes, at, H, W, most, table)
            per = real(1) / real(count)
            rise, change = rise * per, (r1 - r0) * per  # by piece
            top, bottom = real(FAR), real(-FAR)
            for k in range(0, count, LANES):
                top, bottom = min(top, least(load(table, TOP * pitch + k))), max(bottom, greatest(load(table, BOTTOM * pitch + k)))
            for i in range(int(max(min(top, real(H)) - real(0.5), real(0))), int(min(max(bottom, real(-1)) + real(0.5), real(H)))):
                y = real(i) + real(0.5)
                low, high = meet(table, count, y, W, lefts, rights)
                for j in range(low, high, LANES):
                    depth, place = lanes * 0 - FAR, lanes * 0
                    x = lanes + (real(j) + real(0.5))
                    touched = False
                    for chunk in range(0, count, LANES):
                        active = bits((load(lefts, chunk) < real(j + LANES)) & (load(rights, chunk) > real(j)))
                        while active != 0:
                            k = chunk + lowest(active)
                            active &= active - 1
                            touched = True
                            dx, dy = x - table[AX * pitch + k], y - table[AY * pitch + k]
                            ux, uy, slope = table[UX * pitch + k], table[UY * pitch + k], table[SLOPE * pitch + k]
                            along, across = dx * ux + dy * uy, absolute(dx * uy - dy * ux)
                            u = along - table[TILT * pitch + k] * across
                            u = minimum(maximum(u, table[LOW * pitch + k]), table[HIGH * pitch + k])
                            here = table[RADIUS * pitch + k] - slope * u - sqrt((along - u) * (along - u) + across * across)
                            nearer = here > depth
                            depth = where(nearer, here, depth)
                            place = where(nearer, u * table[PER * pitch + k] + real(k), place)
                    if not touched:
                        continue
                    inner = minimum(maximum(depth, -1), 1)
                    outer = minimum(maximum(depth - 2 * (r0 + change * place), -1), 1)
                    m = (a0 + rise * place) * (inner - outer - 0.5 * (inner * absolute(inner) - outer * absolute(outer)))
                    m = where((x < real(W)) & (inner > outer), m, 0)  # exactly 0 for no width
                    pixel = (b * C * H + i) * W + j
                    if keep:
                        if 2 * n + 2 > len(corners):
                            corners, kept = longer(corners, 2 * len(corners)), longer(kept, 2 * len(kept))
                        corners[2 * n], corners[2 * n + 1] = i, j
                        store(kept, n * (C + 1) * LANES, place)
                        for c in range(C):
                            store(kept, (n * (C + 1) + c + 1) * LANES, load(canvas, pixel + c * H * W))
                        n += 1
                    if pixel + (C - 1) * H * W + LANES <= len(canvas):
                        for c in range(C):
                            under = load(canvas, pixel + c * H * W)
                            store(canvas, pixel + c * H * W, under + m * (strokes[at + COLOUR + c] - under))
                        continue
                    store(last, 0, m)  # at the very end of the canvases no vector fits
                    for c in range(C):
                        for lane in range(min(LANES, W - j)):
                            under_one = canvas[pixel + c * H * W + lane]
                            canvas[pixel + c * H * W + lane] = under_one + last[lane] * (strokes[at + COLOUR + c] - under_one)
            begins[b * S + s + 1] = n
    return True, begins, corners, kept


@compiled(fastmath=FLAGS)
def backward(
    after: Array, before: Array, shape: Shape, strokes: Array, most: int, begins: Array, corners: Array, kept: Array, new: bool
) -> Array:
    """The gradient by the strokes (B S P), from that by the canvases after them; and if `new` that by those before, to `before`.

    `before` ends with a spare vector. Without it nothing is written, which will do for one stroke on each canvas. The symbols are
    those of `brush.nearest`; what begins with d is the loss's derivative.
    """
    B, C, H, W, S = shape
    real = after.dtype.type
    P = COLOUR + C
    out = np.zeros(B * S * P, after.dtype)
    colours = np.empty(C * LANES, after.dtype)
    final = len(after) - LANES  # where the last whole vector begins; what is there, with as much room after it
    end = np.zeros(2 * LANES, after.dtype)
    for lane in range(max(-final, 0), LANES):
        end[lane] = after[final + lane]
    table = np.empty(16 * ((most + LANES - 1) // LANES * LANES), after.dtype)
    lanes: Any = counting(after)
    wide, high, scale = real(W), real(H), real(min(H, W))
    if new:
        before[len(after) :] = 0  # lanes that are not there must be numbers
        if S == 0:
            copy(before, after, 0, len(after))
    for stroke in range(B * S - 1, -1, -1):
        if new and stroke % S == S - 1:
            copy(before, after, stroke // S * C * H * W, (stroke // S + 1) * C * H * W)
        if begins[stroke] == begins[stroke + 1]:
            continue
        at = stroke * P
        count = real(cut(strokes, at, H, W, most, table))
        per = real(1) / count
        blur = 4 * count * real(np.finfo(after.dtype).eps)  # a place is known to this precision
        x0, y0 = strokes[at] * wide, strokes[at + 1] * high
        x1, y1 = strokes[at + 2] * wide - x0, strokes[at + 3] * high - y0
        x2, y2 = strokes[at + 4] * wide - x0 - 2 * x1, strokes[at + 5] * high - y0 - 2 * y1  # p(t) = p0 + 2 t p1 + t^2 p2
        r0 = max(strokes[at + 6], real(0)) * scale
        change = max(strokes[at + 7], real(0)) * scale - r0
        a0, rise = strokes[at + 8], strokes[at + 9] - strokes[at + 8]
        dx0 = dy0 = dx1 = dy1 = dx2 = dy2 = dr0 = dr1 = da0 = da1 = lanes * 0
        for c in range(C):
            store(colours, c * LANES, lanes * 0)
        for n in range(begins[stroke], begins[stroke + 1]):
            i, j = corners[2 * n], corners[2 * n + 1]
            place = load(kept, n * (C + 1) * LANES)
            k = minimum(floor(place), count - 1)
            w = place - k
            s, t = k * per, place * per
            e = s + per  # the piece runs from s to e
            ax, ay = x0 + s * (2 * x1 + s * x2), y0 + s * (2 * y1 + s * y2)
            gx, gy = per * (2 * x1 + (s + e) * x2), per * (2 * y1 + (s + e) * y2)
            vx, vy = lanes + (real(j) + real(0.5)) - ax, (real(i) + real(0.5)) - ay
            nx, ny = vx - w * gx, vy - w * gy
            distance = sqrt(nx * nx + ny * ny + TINY)
            nx, ny = nx / distance, ny / distance
            radius, alpha = r0 + change * t, a0 + rise * t
            inner, outer = minimum(maximum(radius - distance, -1), 1), minimum(maximum(-1 * radius - distance, -1), 1)
            covered = inner - outer - 0.5 * (inner * absolute(inner) - outer * absolute(outer))
            covered = where(lanes < real(W - j), covered, 0)
            m = alpha * covered
            dm = lanes * 0
            for c in range(C):
                pixel = ((stroke // S * C + c) * H + i) * W + j
                if new:
                    g = load(before, pixel)
                    store(before, pixel, g - m * g)
                else:
                    g = load(after, pixel) if pixel <= final else load(end, pixel - final)
                store(colours, c * LANES, load(colours, c * LANES) + m * g)
                dm += g * (strokes[at + COLOUR + c] - load(kept, (n * (C + 1) + c + 1) * LANES))
            dm = where(lanes < real(W - j), dm, 0)
            da0 += dm * covered * (1 - t)
            da1 += dm * covered * t
            tent_in, tent_out = dm * alpha * (1 - absolute(inner)), dm * alpha * (1 - absolute(outer))
            dradius, ddistance = tent_in + tent_out, tent_out - tent_in
            # the nearest place moves with the piece, unless it is at an end
            squared = gx * gx + gy * gy + TINY
            near = 1 / sqrt(squared)
            slope = -change * per * near
            rest = 1 - slope * slope
            root = 1 / sqrt(maximum(rest, 1e-6))
            tilt = slope * root
            cross = vx * gy - vy * gx
            sign = where(cross > 0, 1, where(cross < 0, -1, lanes * 0))
            dw = dradius * change * per + dm * covered * rise * per - ddistance * (nx * gx + ny * gy)
            dw = where((w > blur) & (w < 1 - blur) & (rest > 0), dw, 0) / squared
            dvx, dvy = dw * (gx - tilt * sign * gy), dw * (gy + tilt * sign * gx)
            dslope = -1 * dw * absolute(cross) * root * where(rest > 1e-6, root * root, 1)
            back = 2 * w * dw + dslope * slope / squared
            dgx, dgy = dw * (vx + tilt * sign * vy) - back * gx, dw * (vy - tilt * sign * vx) - back * gy
            dbx, dby = dgx - ddistance * nx * w, dgy - ddistance * ny * w
            dax, day = -1 * ddistance * nx * (1 - w) - dvx - dgx, -1 * ddistance * ny * (1 - w) - dvy - dgy
            dx0 += (1 - s) * (1 - s) * dax + (1 - e) * (1 - e) * dbx
            dy0 += (1 - s) * (1 - s) * day + (1 - e) * (1 - e) * dby
            dx1 += s * (1 - s) * dax + e * (1 - e) * dbx
            dy1 += s * (1 - s) * day + e * (1 - e) * dby
            dx2 += s * s * dax + e * e * dbx
            dy2 += s * s * day + e * e * dby
            dr = dslope * per * near
            dr0 += dradius * (1 - t) + dr
            dr1 += dradius * t - dr
        out[at], out[at + 1] = total(dx0) * wide, total(dy0) * high
        out[at + 2], out[at + 3] = 2 * total(dx1) * wide, 2 * total(dy1) * high
        out[at + 4], out[at + 5] = total(dx2) * wide, total(dy2) * high
        out[at + 6] = total(dr0) * scale if strokes[at + 6] >= 0 else real(0)
        out[at + 7] = total(dr1) * scale if strokes[at + 7] >= 0 else real(0)
        out[at + 8], out[at + 9] = total(da0), total(da1)
        for c in range(C):
            out[at + COLOUR + c] = total(load(colours, c * LANES))
    return out


def roomy(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """A new tensor like this one, and its whole memory, which has room for one more vector, because a row's last vector may exceed
    the end."""
    flat = torch.empty(tensor.numel() + LANES, dtype=tensor.dtype)
    return flat[:-LANES].view(tensor.shape), flat


def lay(canvas: Tensor, out: Tensor, strokes: Tensor, keep: bool) -> tuple[Any, ...]:
    """Runs `forward` from a canvas to `out` (flat); what its backward needs. Raises ValueError for unfit numbers."""
    numbers, shape = strokes.detach().numpy().flatten(), (*canvas.shape, strokes.shape[1])  # a copy, should they change
    most, before, after = pieces(*canvas.shape[2:]), canvas.numpy().reshape(-1), out.numpy()
    fit, *kept = forward(before, after, shape, numbers, most, canvas.data_ptr() != out.data_ptr(), keep)
    if not fit:
        raise ValueError(f"a stroke has a number that is not finite or is beyond {FARTHEST:g}")
    return shape, numbers, most, *kept


class Paint(torch.autograd.Function):
    """`brush.paint` on a CPU."""

    @staticmethod
    def forward(ctx: Any, canvas: Tensor, strokes: Tensor) -> Tensor:
        out, flat = roomy(canvas)
        ctx.rest = lay(canvas.detach().contiguous(), flat, strokes, keep=any(ctx.needs_input_grad))
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        B, C, _, _, S = ctx.rest[0]
        after, wanted = grad.contiguous().numpy().reshape(-1), ctx.needs_input_grad[0]
        if wanted or S != 1:
            before, flat = roomy(grad)
            out = backward(after, flat.numpy(), *ctx.rest, True)
        else:
            out = backward(after, after, *ctx.rest, False)
        return before if wanted else None, torch.from_numpy(out).view(B, S, COLOUR + C)


def paint_(canvas: Tensor, strokes: Tensor) -> None:
    """`brush.paint_` on a CPU, for a contiguous canvas."""
    own = canvas.detach()
    lay(own, own.view(-1), strokes, keep=False)
