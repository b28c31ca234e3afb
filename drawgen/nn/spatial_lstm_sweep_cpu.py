"""A spatial LSTM over whole pictures with its gradient, compiled for the CPU (numba): training and likelihoods, in float32.

`SpatialLSTM.forward` by `DiagonalSweep` is its definition; tests compare the two. Here each picture of a batch is swept alone, so
that a diagonal's numbers stay in the cache, and the pictures are spread over the threads that torch may use: they wait for each
other once per layer, not at every operation. A picture's gradient does not depend on the number of threads.

Axes: B pictures, P pixels in diagonal order, D inputs, U units, G = 5U gates (g, i, f_left, f_up, o), R = 2U + D numbers that enter
a pixel: h of the left and of the upper neighbour, then x. In R, G and the states each part is padded with zeros to a multiple of
LANES.
"""

from typing import Any

import numpy as np
import torch
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import LANES, load, store
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn import functional as F

from drawgen.nn.lanes_cpu import ROWS, add_product, padded, padded_rows, sigmoid, tanh
from drawgen.nn.spatial_lstm import Diagonals
from drawgen.threads import spread

PENDING = 192
"""Pixels whose part of the weights' gradient is added at once."""


@compiled(fastmath={"contract"})
def sweep(
    n: int,
    x: Float32[np.ndarray, "P B D"],
    weight: Float32[np.ndarray, "R G"],
    bias: Float32[np.ndarray, " G"],
    starts: Int64[np.ndarray, " S1"],
    first_row: Int64[np.ndarray, " S"],
    share: float,
    hidden: Float32[np.ndarray, "P B U"],
    entered: Float32[np.ndarray, "P R"],
    gates: Float32[np.ndarray, "P G"],
    cells: Float32[np.ndarray, "P1 U"],
) -> None:
    """Picture `n`: fills its part of `hidden`, and its own `entered`, `gates` (activated) and `cells`; the last cell is the border,
    zero."""
    inputs, units = x.shape[2], hidden.shape[2]
    into, columns = weight.shape
    wide, border = columns // 5, len(cells) - 1
    half = np.float32(share)
    longest = padded_rows(np.max(starts[1:] - starts[:-1]))
    above = np.zeros((longest, into), np.float32)
    sums = np.zeros((longest, columns), np.float32)
    h = np.zeros(wide, np.float32)
    flat_weight, flat_above, flat_sums = weight.reshape(-1), above.reshape(-1), sums.reshape(-1)
    gate, cell = gates.reshape(-1), cells.reshape(-1)
    cells[border] = np.float32(0.0)
    for d in range(len(first_row)):
        a, size = starts[d], starts[d + 1] - starts[d]
        # Pixel r of this diagonal has its left neighbour at left + r, and the upper one just before that.
        start, left = (starts[d - 1], starts[d - 1] + first_row[d] - first_row[d - 1]) if d > 0 else (0, 0)
        for r in range(size):
            if left + r < a:
                for u in range(units):
                    above[r, u] = hidden[left + r, n, u]
            else:
                above[r, :wide] = np.float32(0.0)
            if left + r > start:
                for u in range(units):
                    above[r, wide + u] = hidden[left + r - 1, n, u]
            else:
                above[r, wide : 2 * wide] = np.float32(0.0)
            for k in range(inputs):
                above[r, 2 * wide + k] = x[a + r, n, k]
            for k in range(into):
                entered[a + r, k] = above[r, k]
            for j in range(columns):
                sums[r, j] = bias[j]
        add_product(flat_above, 0, into, 1, flat_weight, 0, columns, flat_sums, 0, columns, padded_rows(size), into, columns)
        for r in range(size):
            at_left = (left + r if left + r < a else border) * wide
            at_up = (left + r - 1 if left + r > start else border) * wide
            here, there, to = r * columns, (a + r) * columns, (a + r) * wide
            for u in range(0, wide, LANES):
                g, i = tanh(load(flat_sums, here + u)), sigmoid(load(flat_sums, here + wide + u))
                f_left = sigmoid(load(flat_sums, here + 2 * wide + u))
                f_up, o = sigmoid(load(flat_sums, here + 3 * wide + u)), sigmoid(load(flat_sums, here + 4 * wide + u))
                c = g * i + half * (f_left * load(cell, at_left + u) + f_up * load(cell, at_up + u))
                store(gate, there + u, g)
                store(gate, there + wide + u, i)
                store(gate, there + 2 * wide + u, f_left)
                store(gate, there + 3 * wide + u, f_up)
                store(gate, there + 4 * wide + u, o)
                store(cell, to + u, c)
                store(h, u, tanh(o * c))
            for u in range(units):
                hidden[a + r, n, u] = h[u]


@compiled(fastmath={"contract"})
def sweep_back(
    n: int,
    d_hidden: Float32[np.ndarray, "P B U"],
    back: Float32[np.ndarray, "G Q"],
    starts: Int64[np.ndarray, " S1"],
    first_row: Int64[np.ndarray, " S"],
    share: float,
    hidden: Float32[np.ndarray, "P B U"],
    entered: Float32[np.ndarray, "P R"],
    gates: Float32[np.ndarray, "P G"],
    cells: Float32[np.ndarray, "P1 U"],
    d_x: Float32[np.ndarray, "P B D"],
    d_weight: Float32[np.ndarray, "R G"],
    d_bias: Float32[np.ndarray, " G"],
) -> None:
    """Picture `n`: fills its part of `d_x` (unless that has no inputs), and adds to `d_weight` and `d_bias`. `back` is the weight
    transposed, without what belongs to x if `d_x` has no inputs."""
    units, inputs = hidden.shape[2], d_x.shape[2]
    columns, out = back.shape
    wide, into, border = columns // 5, entered.shape[1], len(cells) - 1
    half, one = np.float32(share), np.float32(1.0)
    longest = padded_rows(np.max(starts[1:] - starts[:-1]))
    room = PENDING + longest
    d_gates = np.zeros((room + ROWS) * columns, np.float32)  # pixel p at row room + p - end
    d_into = np.zeros((longest, out), np.float32)
    # What a diagonal hands back, by row of the picture, counted from 1: row 0 takes what falls off the upper border.
    height = first_row[-1] + 1
    d_last = np.zeros((height + 1, wide), np.float32)
    d_cell = np.zeros((height + 1, wide), np.float32)
    d_h, own = np.zeros(wide, np.float32), np.zeros(wide, np.float32)
    flat_last, flat_cell, flat_into, flat_back = d_last.reshape(-1), d_cell.reshape(-1), d_into.reshape(-1), back.reshape(-1)
    gate, cell, flat_entered, flat_weight = gates.reshape(-1), cells.reshape(-1), entered.reshape(-1), d_weight.reshape(-1)
    end = len(entered)  # the pixels from here on are in `d_weight` already
    for d in range(len(first_row) - 1, -1, -1):
        a, size, top = starts[d], starts[d + 1] - starts[d], first_row[d]
        start, left = (starts[d - 1], starts[d - 1] + top - first_row[d - 1]) if d > 0 else (0, 0)
        first = room + a - end
        d_cell[top] = np.float32(0.0)
        for r in range(size):
            at_left = (left + r if left + r < a else border) * wide
            at_up = (left + r - 1 if left + r > start else border) * wide
            there, at, row, to = (a + r) * columns, (a + r) * wide, (top + r + 1) * wide, (first + r) * columns
            for u in range(units):
                d_h[u] = d_hidden[a + r, n, u]
                own[u] = hidden[a + r, n, u]
            for u in range(0, wide, LANES):
                g, i, f_left = load(gate, there + u), load(gate, there + wide + u), load(gate, there + 2 * wide + u)
                f_up, o, h = load(gate, there + 3 * wide + u), load(gate, there + 4 * wide + u), load(own, u)
                d_oc = (load(d_h, u) + load(flat_last, row + u)) * (one - h * h)
                d_c = load(flat_cell, row + u) + d_oc * o
                carried = half * d_c
                store(d_gates, to + u, d_c * i * (one - g * g))
                store(d_gates, to + wide + u, d_c * g * (i * (one - i)))
                store(d_gates, to + 2 * wide + u, carried * load(cell, at_left + u) * (f_left * (one - f_left)))
                store(d_gates, to + 3 * wide + u, carried * load(cell, at_up + u) * (f_up * (one - f_up)))
                store(d_gates, to + 4 * wide + u, d_oc * load(cell, at + u) * (o * (one - o)))
                store(flat_cell, row + u, carried * f_left)
                store(flat_cell, row - wide + u, load(flat_cell, row - wide + u) + carried * f_up)  # that row was read before
        d_into[: padded_rows(size)] = np.float32(0.0)
        add_product(d_gates, first * columns, columns, 1, flat_back, 0, out, flat_into, 0, out, padded_rows(size), columns, out)
        d_last[top] = np.float32(0.0)
        for r in range(size):
            row, to = (top + r + 1) * wide, r * out
            for u in range(0, wide, LANES):
                store(flat_last, row + u, load(flat_into, to + u))
                store(flat_last, row - wide + u, load(flat_last, row - wide + u) + load(flat_into, to + wide + u))
            for k in range(inputs):
                d_x[a + r, n, k] = d_into[r, 2 * wide + k]
        if end - a >= PENDING or d == 0:
            add_product(
                flat_entered, a * into, 1, into, d_gates, first * columns, columns, flat_weight, 0, columns, into, end - a, columns
            )  # fmt: skip
            for j in range(0, columns, LANES):
                total = load(d_bias, j)
                for r in range(first, room):
                    total = total + load(d_gates, r * columns + j)
                store(d_bias, j, total)
            end = a


class CompiledSweep(torch.autograd.Function):
    """h of all pixels (P B U) from x (P B D) and a layer's weight (G x D), recurrent weight (G x 2U) and bias."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Float[Tensor, "P B D"],
        weight: Float[Tensor, "G D"],
        recurrent: Float[Tensor, "G H"],
        bias: Float[Tensor, " G"],
        grid: Diagonals,
        share: float,
    ) -> Float[Tensor, "P B U"]:
        pixels, batch, _ = x.shape
        x = x.contiguous()
        units = recurrent.shape[1] // 2
        packed = packed_weight(weight, recurrent)
        into, columns = packed.shape
        hidden = x.new_empty(pixels, batch, units)
        # One by one: the allocator returns larger blocks to the system, and new memory takes longer to come than to be filled.
        kept = [
            (x.new_empty(pixels, into), x.new_empty(pixels, columns), x.new_empty(pixels + 1, padded(units))) for _ in range(batch)
        ]
        places = np.array(grid.starts), np.array(grid.first_row)
        given = x.numpy(), packed.numpy(), packed_bias(bias).numpy(), *places, share, hidden.numpy()
        spread(lambda n: sweep(n, *given, *(part.numpy() for part in kept[n])), batch)
        ctx.grid, ctx.share, ctx.inputs = grid, share, x.shape[2]
        ctx.save_for_backward(packed, hidden, *(part for parts in kept for part in parts))
        return hidden

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor, None, None]:  # type: ignore[override]
        packed, hidden, *kept = ctx.saved_tensors
        into, columns = packed.shape
        pixels, batch, units = hidden.shape
        grad = grad.contiguous()
        wanted = ctx.needs_input_grad[0]
        d_x = grad.new_empty(pixels, batch, ctx.inputs if wanted else 0)
        back = packed[: None if wanted else 2 * padded(units)].t().contiguous()
        d_weight, d_bias = grad.new_zeros(batch, into, columns), grad.new_zeros(batch, columns)
        given = grad.numpy(), back.numpy(), np.array(ctx.grid.starts), np.array(ctx.grid.first_row), ctx.share, hidden.numpy()
        outs = d_x.numpy(), d_weight.numpy(), d_bias.numpy()

        def one(n: int) -> None:
            sweep_back(n, *given, *(part.numpy() for part in kept[3 * n : 3 * n + 3]), outs[0], outs[1][n], outs[2][n])

        spread(one, batch)
        total = d_weight.sum(0).view(into, 5, -1)[:, :, :units].permute(1, 2, 0).flatten(0, 1)  # G R
        wide = padded(units)
        d_recurrent = torch.cat([total[:, :units], total[:, wide : wide + units]], 1)
        d_input = total[:, 2 * wide : 2 * wide + ctx.inputs].contiguous()
        return d_x if wanted else None, d_input, d_recurrent, d_bias.sum(0).view(5, -1)[:, :units].flatten(), None, None


def packed_weight(weight: Float[Tensor, "G D"], recurrent: Float[Tensor, "G H"]) -> Float[Tensor, "R G2"]:
    """Both weights as inputs x outputs in the padded order of this file."""
    units, inputs = recurrent.shape[1] // 2, weight.shape[1]
    wide = padded(units)
    packed = weight.new_zeros(2 * wide + padded(inputs), 5, wide)
    ways = recurrent.view(5, units, 2, units).permute(2, 3, 0, 1)  # side, h, gate, unit
    packed[:units, :, :units], packed[wide : wide + units, :, :units] = ways
    packed[2 * wide : 2 * wide + inputs, :, :units] = weight.view(5, units, inputs).permute(2, 0, 1)
    return packed.flatten(1)


def packed_bias(bias: Float[Tensor, " G"]) -> Float[Tensor, " G2"]:
    units = len(bias) // 5
    return F.pad(bias.view(5, units), (0, padded(units) - units)).flatten()
