"""The brush compiled for a CPU (numba), with its own backward; `brush.paint_torch` is its definition, and the tests hold it to that.

Axes: B canvases, S strokes, P numbers of a stroke, C channels, H rows, W columns, K pieces of a curve.

A stroke touches few pixels, so each is drawn on its own: row by row, and on a row only the pieces that reach it, over the pixels
that they reach. Pixels go in blocks of a fixed length, which the compiler turns into vector instructions. For the backward, the
forward keeps what was under each stroke and which piece was nearest; all else is computed again.
"""

import math
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from drawgen_envs.brush import COLUMNS, FARTHEST, pieces

BLOCK = 8
COLOUR = len(COLUMNS)
TINY = 1e-12  # as in brush.py
FAR = 1e30
FLAGS = {"contract", "reassoc", "nsz", "arcp"}  # not the two that would let it forget NaN and infinity

# the numbers of a piece: its start, direction, length; start's radius, its loss per pixel, and the tilt that follows; its box; rows' slant
AX, AY, UX, UY, LENGTH, RADIUS, SLOPE, TILT, LEFT, TOP, RIGHT, BOTTOM, SLANT, REACH = range(14)


@njit(cache=True, error_model="numpy", nogil=True)
def cut(stroke, height, width, out):
    """Cuts a curve into its pieces; returns their number."""
    scale = min(height, width)
    x0, y0, x1 = stroke[0] * width, stroke[1] * height, stroke[2] * width
    y1, x2, y2 = stroke[3] * height, stroke[4] * width, stroke[5] * height
    r0, r1 = max(stroke[6], 0) * scale, max(stroke[7], 0) * scale
    bend = math.sqrt((x0 - 2 * x1 + x2) ** 2 + (y0 - 2 * y1 + y2) ** 2)
    count = int(min(max(math.ceil(math.sqrt(2 * bend)), 1), len(out)))
    ax, ay, ra = x0, y0, r0
    for k in range(count):
        t = (k + 1) / count
        s = 1 - t
        bx = s * s * x0 + 2 * s * t * x1 + t * t * x2
        by = s * s * y0 + 2 * s * t * y1 + t * t * y2
        rb = r0 + (r1 - r0) * t
        length = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2 + TINY)
        piece = out[k]
        piece[AX], piece[AY], piece[LENGTH], piece[RADIUS] = ax, ay, length, ra
        ux, uy = (bx - ax) / length, (by - ay) / length
        piece[UX], piece[UY] = ux, uy
        slope = (ra - rb) / length
        piece[SLOPE] = slope
        if slope >= 1:  # one disc covers the other: x - TILT y then falls beyond an end for every y
            piece[TILT] = 1e30
        elif slope <= -1:
            piece[TILT] = -1e30
        else:
            piece[TILT] = slope / math.sqrt(max(1 - slope * slope, 1e-6))
        reach = max(ra, rb) + 1
        piece[LEFT], piece[RIGHT] = min(ax, bx) - reach, max(ax, bx) + reach
        piece[TOP], piece[BOTTOM] = min(ay, by) - reach, max(ay, by) + reach
        if abs(uy) > 1e-3:  # a row meets the band around the piece's line from SLANT * (y - ay) - REACH to + REACH
            piece[SLANT], piece[REACH] = ux / uy, reach / abs(uy)
        else:
            piece[SLANT], piece[REACH] = 0, 1e30
        ax, ay, ra = bx, by, rb
    return count


@njit(cache=True, fastmath=FLAGS, error_model="numpy", nogil=True)
def nearest(table, k, y, left, size, at, gap, place):
    """Takes piece k into account from column `left` of row y on: gap |q - c(u)| - r(u) and place k + u / length, where less than before.
    Those of `left` stand at index `at`."""
    real = gap.dtype.type
    ux, uy, tilt, slope = table[k, UX], table[k, UY], table[k, TILT], table[k, SLOPE]
    length, radius, number = table[k, LENGTH], table[k, RADIUS], real(k)
    per_length = real(1) / length
    first = real(left) + real(0.5) - table[k, AX]
    dy = y - table[k, AY]
    x_part, y_part = dy * uy, dy * ux
    begin = np.uint64(at)
    for j in range(np.uint64(size)):  # unsigned: no check for negative indices, so that it becomes vector code
        dx = first + real(np.int32(j))
        along = dx * ux + x_part
        across = abs(dx * uy - y_part)
        u = min(max(along - tilt * across, real(0)), length)
        here = np.sqrt((along - u) * (along - u) + across * across) - radius + slope * u
        nearer = here < gap[begin + j]
        gap[begin + j] = here if nearer else gap[begin + j]
        place[begin + j] = number + u * per_length if nearer else place[begin + j]


@njit(cache=True, fastmath=FLAGS, error_model="numpy", nogil=True)
def reach(table, count, height, width, gap, place, low, high):
    """Finds the rows that a stroke touches, and fills their gaps, places and columns from `low` to `high`."""
    real = gap.dtype.type
    pitch = width + BLOCK
    first, last = height, 0
    for k in range(count):
        top = max(int(table[k, TOP] + real(0.5)), 0)
        bottom = int(max(min(table[k, BOTTOM] + real(0.5), real(height)), real(0)))
        for row in range(top, bottom):
            y = real(row) + real(0.5)
            middle = table[k, AX] + table[k, SLANT] * (y - table[k, AY])
            left = int(max(max(table[k, LEFT], middle - table[k, REACH]) - real(0.5), real(0)))
            right = int(min(min(table[k, RIGHT], middle + table[k, REACH]) + real(0.5), real(width)))
            if left < right:
                size = (right - left + BLOCK - 1) // BLOCK * BLOCK  # whole vectors
                nearest(table, k, y, left, size, row * pitch + left, gap, place)
                low[row], high[row] = min(low[row], left), max(high[row], right)
                first, last = min(first, row), max(last, row + 1)
    return first, last


@njit(cache=True, fastmath=FLAGS, error_model="numpy", nogil=True)
def cover(a0, rise, radius0, change, at, size, gap, place, m):
    """m from gaps and places, and the gaps made ready for the next stroke."""
    real = gap.dtype.type
    begin = np.uint64(at)
    for j in range(np.uint64(size)):
        t = place[begin + j]
        g = -gap[begin + j]
        inner = min(max(g, real(-1)), real(1))
        outer = min(max(g - real(2) * (radius0 + change * t), real(-1)), real(1))
        m[j] = (a0 + rise * t) * (inner - outer - real(0.5) * (inner * abs(inner) - outer * abs(outer)))
        gap[begin + j] = real(FAR)


@njit(cache=True, fastmath=FLAGS, error_model="numpy", nogil=True)
def lay(colour, at, size, m, flat):
    """canvas + m (colour - canvas), for one row of one channel."""
    begin = np.uint64(at)
    for j in range(np.uint64(size)):
        flat[begin + j] += m[j] * (colour - flat[begin + j])


@njit(cache=True, fastmath=FLAGS, error_model="numpy", nogil=True)
def forward(canvas, strokes, most, keep):
    """Lays the strokes on the canvas, in place. Returns the rows (B S 2) and columns (B S H 2) they touched; and with `keep`, where
    each stroke's pixels begin (B S) in the list of what was under them, and of their nearest places in pieces."""
    real = canvas.dtype.type
    B, C, H, W = canvas.shape
    S = strokes.shape[1]
    pitch = W + BLOCK
    flat = canvas.reshape(-1)
    rows = np.zeros((B, S, 2), np.int32)
    columns = np.zeros((B, S, H, 2), np.int32)
    begins = np.zeros((B, S), np.int64)
    under = np.empty((H * W if keep else 0, C), canvas.dtype)
    places = np.empty(len(under), canvas.dtype)
    table = np.empty((most, 14), canvas.dtype)
    gap = np.full(H * pitch, real(FAR), canvas.dtype)
    place = np.zeros(H * pitch, canvas.dtype)
    m = np.empty(pitch, canvas.dtype)
    low, high = np.full(H, W, np.int64), np.zeros(H, np.int64)
    kept = 0
    for b in range(B):
        for s in range(S):
            begins[b, s] = kept
            radius0 = max(strokes[b, s, 6], real(0)) * real(min(H, W))
            change = max(strokes[b, s, 7], real(0)) * real(min(H, W)) - radius0
            if not keep and ((radius0 == 0 and change == 0) or (strokes[b, s, 8] == 0 and strokes[b, s, 9] == 0)):
                continue
            count = cut(strokes[b, s], H, W, table)
            first, last = reach(table, count, H, W, gap, place, low, high)
            rows[b, s, 0], rows[b, s, 1] = first, max(last, first)
            per = real(1) / real(count)
            a0, rise = strokes[b, s, 8], (strokes[b, s, 9] - strokes[b, s, 8]) * per
            for i in range(first, last):
                left, right = low[i], high[i]
                low[i], high[i] = W, 0
                if left >= right:
                    continue
                columns[b, s, i, 0], columns[b, s, i, 1] = left, right
                at = i * pitch + left
                if keep:
                    size = kept + right - left
                    if size > len(under):
                        under, old = np.empty((2 * size + H * W, C), canvas.dtype), under
                        under[:kept] = old[:kept]
                        places, old_places = np.empty(len(under), canvas.dtype), places
                        places[:kept] = old_places[:kept]
                    for c in range(C):
                        for j in range(right - left):
                            under[kept + j, c] = canvas[b, c, i, left + j]
                    for j in range(right - left):
                        places[kept + j] = place[at + j]
                    kept = size
                whole = (right - left + BLOCK - 1) // BLOCK * BLOCK
                cover(a0, rise, radius0, change * per, at, whole, gap, place, m)
                if left + whole > W:
                    whole = right - left  # beyond its own row nothing may be written
                for c in range(C):
                    lay(strokes[b, s, COLOUR + c], ((b * C + c) * H + i) * W + left, whole, m, flat)
    return rows, columns, begins, under[:kept], places[:kept]


@njit(cache=True, fastmath=FLAGS, error_model="numpy", nogil=True)
def backward(grad, strokes, most, rows, columns, begins, under, places):
    """The gradient with respect to the strokes (B S P), from that with respect to the canvas after them, which becomes, in place, the
    one with respect to the canvas before. The symbols are those of `brush.nearest`."""
    B, C, H, W = grad.shape
    S = strokes.shape[1]
    out = np.zeros_like(strokes)
    table = np.empty((most, 14), grad.dtype)
    real = grad.dtype.type
    points = np.empty((most + 1, 3), grad.dtype)  # by end of a piece: x, y, radius
    for b in range(B):
        for s in range(S - 1, -1, -1):
            stroke, result = strokes[b, s], out[b, s]
            if rows[b, s, 1] <= rows[b, s, 0]:
                continue
            radius0 = max(stroke[6], real(0)) * real(min(H, W))
            change = max(stroke[7], real(0)) * real(min(H, W)) - radius0
            a0, rise = stroke[8], stroke[9] - stroke[8]
            count = cut(stroke, H, W, table)
            points[: count + 1] = 0
            at = begins[b, s]
            da0, da1 = real(0), real(0)
            blur = 4 * count * np.finfo(grad.dtype).eps  # a place is known to this precision
            for i in range(rows[b, s, 0], rows[b, s, 1]):
                for j in range(columns[b, s, i, 0], columns[b, s, i, 1]):
                    k = min(int(places[at]), count - 1)
                    w = places[at] - k
                    piece = table[k]
                    length, slope = piece[LENGTH], piece[SLOPE]
                    gx, gy = piece[UX] * length, piece[UY] * length
                    vx, vy = j + 0.5 - piece[AX], i + 0.5 - piece[AY]
                    nx, ny = vx - w * gx, vy - w * gy
                    distance = math.sqrt(nx * nx + ny * ny + TINY)
                    nx, ny = nx / distance, ny / distance
                    t = (k + w) / count
                    radius = radius0 + change * t
                    inner = min(max(radius - distance, real(-1)), real(1))
                    outer = min(max(-radius - distance, real(-1)), real(1))
                    covered = (inner - 0.5 * inner * abs(inner)) - (outer - 0.5 * outer * abs(outer))
                    alpha = a0 + rise * t
                    m = alpha * covered
                    dm = real(0)
                    for c in range(C):
                        g = grad[b, c, i, j]
                        dm += g * (stroke[COLOUR + c] - under[at, c])
                        result[COLOUR + c] += m * g
                        grad[b, c, i, j] = g * (1 - m)
                    at += 1
                    da0 += dm * covered * (1 - t)
                    da1 += dm * covered * t
                    tent_in, tent_out = 1 - abs(inner), 1 - abs(outer)
                    dradius = dm * alpha * (tent_in + tent_out)
                    ddistance = dm * alpha * (tent_out - tent_in)
                    dax, day = -ddistance * nx * (1 - w), -ddistance * ny * (1 - w)
                    dbx, dby = -ddistance * nx * w, -ddistance * ny * w
                    dra, drb = dradius * (1 - w), dradius * w
                    if blur < w < 1 - blur and abs(slope) < 1:  # the nearest place moves with the piece
                        dw = dradius * (change / count) + dm * covered * rise / count - ddistance * (nx * gx + ny * gy)
                        tilt = piece[TILT]
                        cross = vx * gy - vy * gx
                        sign = np.sign(cross)
                        dw /= length * length
                        dvx, dvy = dw * (gx - tilt * sign * gy), dw * (gy + tilt * sign * gx)
                        dtilt = -dw * abs(cross) / (1 - slope * slope) ** 1.5
                        back = 2 * w * dw + dtilt * slope / (length * length)
                        dgx = dw * (vx + tilt * sign * vy) - back * gx
                        dgy = dw * (vy - tilt * sign * vx) - back * gy
                        dax, day, dbx, dby = dax - dvx - dgx, day - dvy - dgy, dbx + dgx, dby + dgy
                        dra, drb = dra + dtilt / length, drb - dtilt / length
                    points[k, 0] += dax
                    points[k, 1] += day
                    points[k, 2] += dra
                    points[k + 1, 0] += dbx
                    points[k + 1, 1] += dby
                    points[k + 1, 2] += drb
            for k in range(count + 1):
                t = k / count
                u = 1 - t
                for axis in range(2):
                    d = points[k, axis] * (W if axis == 0 else H)
                    result[axis] += u * u * d
                    result[2 + axis] += 2 * u * t * d
                    result[4 + axis] += t * t * d
                if stroke[6] >= 0:
                    result[6] += u * points[k, 2] * min(H, W)
                if stroke[7] >= 0:
                    result[7] += t * points[k, 2] * min(H, W)
            result[8], result[9] = da0, da1
    return out


class Paint(torch.autograd.Function):
    """`brush.paint` on a CPU."""

    @staticmethod
    def forward(ctx: Any, canvas: Tensor, strokes: Tensor) -> Tensor:
        out, numbers = canvas.detach().clone(memory_format=torch.contiguous_format), strokes.detach().contiguous()
        if not bool((numbers.abs() <= FARTHEST).all()):
            raise ValueError(f"a stroke has a number that is not finite or is beyond {FARTHEST:g}")
        most = pieces(*canvas.shape[2:])
        keep = any(ctx.needs_input_grad)
        kept = forward(out.numpy(), numbers.numpy(), most, keep)
        if keep:
            ctx.numbers, ctx.most, ctx.kept = numbers, most, kept
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        before = grad.clone(memory_format=torch.contiguous_format)
        return before, torch.from_numpy(backward(before.numpy(), ctx.numbers.numpy(), ctx.most, *ctx.kept))
