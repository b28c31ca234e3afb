"""The spatial LSTM of Theis & Bethge (2015), section 2.2: a two-dimensional LSTM over the pixels of a picture.

Axes: B pictures, H rows, W columns, D inputs, U units, P pixels (H * W).

Pixel (i, j) needs the states of its left neighbour (i, j-1) and its upper neighbour (i-1, j) only, so all pixels of one
anti-diagonal i + j = d are computed at once: H + W - 1 steps instead of H * W. Everything here therefore keeps pixels in
*diagonal order*: sorted by (i + j, i), so that a step is one contiguous slice. `Diagonals` holds the permutation.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from drawgen.nn.recording import Recorder, States, recorder
from drawgen.ranges import check_choice

CELLS = ("bounded", "ride")


@dataclass(frozen=True)
class Diagonals:
    """The diagonal order of an H x W grid.

    `order[p]` is the raster index (i * W + j) of the pixel at place p; `place` is its inverse. Step d covers the places
    `starts[d]` to `starts[d + 1]`, which are the rows `first_row[d]` and on.
    """

    height: int
    width: int
    order: Int[Tensor, " P"]
    place: Int[Tensor, " P"]
    starts: tuple[int, ...]
    first_row: tuple[int, ...]


@lru_cache(maxsize=64)
def diagonals(height: int, width: int, device: torch.device | str = "cpu") -> Diagonals:
    """The diagonal order of a grid of `height` rows and `width` columns, kept for the next call: a step that is captured in a
    CUDA graph finds it on the device."""
    row = torch.arange(height)[:, None].expand(height, width)
    diagonal = row + torch.arange(width)[None, :]
    order = torch.argsort((diagonal * height + row).reshape(-1))
    place = torch.empty_like(order)
    place[order] = torch.arange(height * width)
    sizes = torch.bincount(diagonal.reshape(-1), minlength=height + width - 1)
    starts = (0, *torch.cumsum(sizes, 0).tolist())
    first_row = tuple(max(0, d - width + 1) for d in range(height + width - 1))
    return Diagonals(height, width, order.to(device), place.to(device), starts, first_row)


def gate_scale(units: int, like: Tensor) -> Float[Tensor, " G"]:
    """Factor on the five gates' pre-activations: tanh(x) = 2 sigmoid(2x) - 1, and one sigmoid over all five gates is
    several times faster than four sigmoids and a tanh."""
    scale = torch.ones(5 * units, dtype=like.dtype, device=like.device)
    scale[:units] = 2.0
    return scale


class DiagonalSweep(torch.autograd.Function):
    """All steps of one layer, with a hand-written backward pass. Autograd would keep about 20 small nodes per step, and compute a
    gradient of the recurrent matrix per step instead of one matrix product at the end."""

    @staticmethod
    def forward(
        ctx: Any, gates: Float[Tensor, "P B G"], recurrent: Float[Tensor, "V G"], grid: Diagonals, share: float
    ) -> Float[Tensor, "P B U"]:
        pixels, batch, _ = gates.shape
        units = recurrent.shape[0] // 2
        activated = gates.clone()
        neighbours = gates.new_empty(pixels, batch, 2 * units)  # h of the left and of the upper neighbour
        hidden = gates.new_empty(pixels, batch, units)
        steps = len(grid.first_row)
        cells = gates.new_zeros(steps + 1, grid.height + 1, batch, units)  # step and row counted from 1: 0 is the border
        last = gates.new_zeros(grid.height + 1, batch, units)  # h by row, of the step before
        for d, top in enumerate(grid.first_row):
            a, b = grid.starts[d], grid.starts[d + 1]
            bottom = top + b - a
            left, up = slice(top + 1, bottom + 1), slice(top, bottom)
            s, near, c = activated[a:b], neighbours[a:b], cells[d + 1, left]
            torch.cat([last[left], last[up]], dim=2, out=near)
            s.view(-1, 5 * units).addmm_(near.view(-1, 2 * units), recurrent).sigmoid_()
            g, i, f_left, f_up, o = s.view(b - a, batch, 5, units).unbind(2)  # g stands for (tanh + 1) / 2
            torch.mul(f_left, cells[d, left], out=c)
            c.addcmul_(f_up, cells[d, up])
            if share != 1.0:
                c.mul_(share)
            c.addcmul_(i, g, value=2.0).sub_(i)  # i * (2 g - 1)
            h = torch.mul(o, c, out=hidden[a:b]).mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)
            last[left] = h
        ctx.grid, ctx.share = grid, share
        ctx.save_for_backward(activated, neighbours, hidden, cells, recurrent)
        return hidden

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:  # type: ignore[override]
        activated, neighbours, hidden, cells, recurrent = ctx.saved_tensors
        grid, share = ctx.grid, ctx.share
        _, batch, units = hidden.shape
        d_gates = torch.empty_like(activated)
        d_hidden = grad.contiguous().clone()
        # The gradient from the following step, by row (row -1 is place 0):
        d_last = grad.new_zeros(grid.height + 1, batch, units)
        d_cell = grad.new_zeros(grid.height + 1, batch, units)
        back = recurrent.t().contiguous()
        for d in reversed(range(len(grid.first_row))):
            a, b = grid.starts[d], grid.starts[d + 1]
            top, bottom = grid.first_row[d], grid.first_row[d] + b - a
            left, up = slice(top + 1, bottom + 1), slice(top, bottom)
            c = cells[d + 1, left]
            g, i, f_left, f_up, o = activated[a:b].view(b - a, batch, 5, units).unbind(2)
            dg, di, df_left, df_up, do = d_gates[a:b].view(b - a, batch, 5, units).unbind(2)
            d_oc = torch.ops.aten.tanh_backward(d_hidden[a:b].add_(d_last[left]), hidden[a:b])
            dc = torch.addcmul(d_cell[left], d_oc, o)
            torch.mul(d_oc, c, out=do)
            torch.mul(dc, i, out=dg).mul_(2.0)
            torch.mul(dc, g, out=di).mul_(2.0).sub_(dc)
            if share != 1.0:
                dc.mul_(share)
            torch.mul(dc, cells[d, left], out=df_left)
            torch.mul(dc, cells[d, up], out=df_up)
            step = d_gates[a:b]
            torch.ops.aten.sigmoid_backward(step, activated[a:b], grad_input=step)
            to_left, to_up = (step.view(-1, 5 * units) @ back).view(b - a, batch, 2 * units).split(units, 2)
            d_last[top].zero_()
            d_last[left] = to_left
            d_last[up].add_(to_up)
            d_cell[top].zero_()
            torch.mul(dc, f_left, out=d_cell[left])
            d_cell[up].addcmul_(dc, f_up)
        d_recurrent = neighbours.view(-1, 2 * units).t() @ d_gates.view(-1, 5 * units)
        return d_gates, d_recurrent, None, None


class SpatialLSTM(nn.Module):
    """One spatial LSTM layer (Theis & Bethge 2015, equations 7-9), with weights shared by all positions.

    With y = [x, h_left, h_up] and (g, i, f_left, f_up, o) = (tanh, sigmoid, sigmoid, sigmoid, sigmoid)(A y + b):

    - `cell="ride"`, the paper's: c = g i + c_left f_left + c_up f_up. Nothing keeps f_left + f_up below 1, so c can grow
      without bound over a picture larger than those seen in training.
    - `cell="bounded"`: c = g i + (c_left f_left + c_up f_up) / 2: a weighted mean of the neighbours, whose size grows at
      most linearly, whatever the weights.

    The output is h = tanh(o c) in both (the paper's; not o tanh(c)). States outside the picture are zero.
    """

    def __init__(self, inputs: int, units: int, *, cell: str = "bounded", rng: torch.Generator) -> None:
        super().__init__()
        check_choice("cell", cell, CELLS)
        self.units = units
        self.share = 0.5 if cell == "bounded" else 1.0
        bound = (inputs + 2 * units) ** -0.5
        self.weight = nn.Parameter(torch.empty(5 * units, inputs).uniform_(-bound, bound, generator=rng))
        self.recurrent = nn.Parameter(torch.empty(5 * units, 2 * units).uniform_(-bound, bound, generator=rng))
        self.bias = nn.Parameter(torch.zeros(5 * units))
        # Remember by default; in the paper's cell the two forget gates must not add up to more than one.
        self.bias.data[2 * units : 4 * units] = 1.5 if cell == "bounded" else -0.7

    def forward(self, x: Float[Tensor, "P B D"], grid: Diagonals) -> Float[Tensor, "P B U"]:
        """The hidden states of all pixels, both in diagonal order (see `Diagonals`)."""
        if (record := recorder()) is not None:
            return self.recorded(x, grid, record)
        if self.weight.device.type == "cpu" and self.weight.dtype == torch.float32:
            from drawgen.nn.spatial_lstm_sweep_cpu import CompiledSweep

            compiled: Tensor = CompiledSweep.apply(x.float(), self.weight, self.recurrent, self.bias, grid, self.share)
            return compiled
        return self.swept(x, grid)

    def swept(self, x: Float[Tensor, "P B D"], grid: Diagonals) -> Float[Tensor, "P B U"]:
        """`forward` in torch, for other devices and precisions: the definition of the compiled one."""
        scale = gate_scale(self.units, self.weight)
        gates = nn.functional.linear(x, self.weight * scale[:, None], self.bias * scale)  # P B 5U: one large product
        recurrent = (self.recurrent * scale[:, None]).t()
        hidden: Tensor = DiagonalSweep.apply(gates.to(recurrent.dtype), recurrent.contiguous(), grid, self.share)
        return hidden

    def cell(
        self,
        x: Float[Tensor, "N D"],
        h: tuple[Float[Tensor, "N U"], Float[Tensor, "N U"]],
        c: tuple[Float[Tensor, "N U"], Float[Tensor, "N U"]],
    ) -> tuple[Float[Tensor, "N U"], Float[Tensor, "N U"]]:
        """(h, c) of N pixels, given the `(left, up)` pairs of their neighbours' h and c: the definition, as in the paper."""
        return self.gated(x, h, c)[0]

    def gated(
        self,
        x: Float[Tensor, "N D"],
        h: tuple[Float[Tensor, "N U"], Float[Tensor, "N U"]],
        c: tuple[Float[Tensor, "N U"], Float[Tensor, "N U"]],
    ) -> tuple[tuple[Float[Tensor, "N U"], Float[Tensor, "N U"]], dict[str, Tensor]]:
        """(what `cell` returns, the gates by name)."""
        gates = x @ self.weight.t() + torch.cat(h, 1) @ self.recurrent.t() + self.bias
        g, i, f_left, f_up, o = gates.view(-1, 5, self.units).unbind(1)
        g, i, f_left, f_up, o = g.tanh(), i.sigmoid(), f_left.sigmoid(), f_up.sigmoid(), o.sigmoid()
        state = g * i + self.share * (c[0] * f_left + c[1] * f_up)
        return ((o * state).tanh(), state), {"input": i, "forget left": f_left, "forget up": f_up, "output": o}

    def recorded(self, x: Float[Tensor, "P B D"], grid: Diagonals, record: Recorder) -> Float[Tensor, "P B U"]:
        """`forward` by the definition, one diagonal after the other, each written down: a step is a diagonal, a state that of all
        its pixels (B N U)."""
        names = ("candidate", "input", "forget left", "forget up", "output")
        before: States = tuple(x.new_zeros(x.shape[1], 0, self.units) for _ in range(2))
        outputs = []
        for d in range(len(grid.first_row)):
            (h, c), gates = self.diagonal(x, grid, d, before)
            h, c = before = record.note(
                self, "spatial lstm", (h, c), gates=gates, kept=self.share * (gates["forget left"] + gates["forget up"]),
                matrices=lambda: dict(zip(names, self.recurrent.chunk(5), strict=True)),
                again=lambda state, rows, d=d: self.diagonal(x[:, rows], grid, d, state)[0],  # type: ignore[misc]
            )  # fmt: skip
            outputs.append(h)
        return torch.cat(outputs, 1).transpose(0, 1)

    def diagonal(self, x: Float[Tensor, "P B D"], grid: Diagonals, d: int, before: States) -> tuple[States, dict[str, Tensor]]:
        """The states of the pixels of diagonal d, given those of the diagonal before it, and the gates."""
        rows = x.shape[1]
        a, b = grid.starts[d], grid.starts[d + 1]
        top, bottom = grid.first_row[d], grid.first_row[d] + b - a
        first = grid.first_row[d - 1] if d else 0
        around = []  # h, then c: of the left neighbours, and of the upper ones
        for tensor in before:
            padded = nn.functional.pad(
                tensor, (0, 0, first + 1, grid.height - first - tensor.shape[1])
            )  # B H+1 U; the border first
            around.append((padded[:, top + 1 : bottom + 1].flatten(0, 1), padded[:, top:bottom].flatten(0, 1)))
        after, gates = self.gated(x[a:b].transpose(0, 1).flatten(0, 1), *around)
        shape = (rows, b - a)
        return tuple(tensor.unflatten(0, shape) for tensor in after), {n: gate.unflatten(0, shape) for n, gate in gates.items()}


class Wavefront:
    """One layer's states while a picture is sampled by the wavefront, where pixel (i, j) is computed at step j + slope * i:
    its left neighbour was at step t - 1 and its upper neighbour at t - slope, so the last `slope` steps are kept, by row."""

    def __init__(self, lstm: SpatialLSTM, height: int, slope: int) -> None:
        scale = gate_scale(lstm.units, lstm.weight)
        self.units, self.share, self.ring = lstm.units, lstm.share, slope + 1
        self.weight = (torch.cat([lstm.weight, lstm.recurrent], 1) * scale[:, None]).t().contiguous()
        self.bias = lstm.bias * scale
        # Row r of the picture is row r + 1 here; row 0, and whatever was not written yet, is the zero border.
        self.h = self.weight.new_zeros(self.ring, height + 1, lstm.units)
        self.c = torch.zeros_like(self.h)  # times `share`

    def step(self, x: tuple[Float[Tensor, "R _"], ...], t: int, top: int, bottom: int) -> Float[Tensor, "R U"]:
        """h of the pixels of step `t`, which are in the rows `top` to `bottom`; their inputs come in pieces."""
        now, before, above = t % self.ring, (t - 1) % self.ring, (t + 1) % self.ring  # t + 1 is t - slope on the ring
        own, up = slice(top + 1, bottom + 1), slice(top, bottom)
        inputs = torch.cat([*x, self.h[before, own], self.h[above, up]], 1)
        gates = torch.addmm(self.bias, inputs, self.weight).sigmoid_()
        g, i, f_left, f_up, o = gates.unflatten(1, (5, self.units)).unbind(1)  # g stands for (tanh + 1) / 2
        c = torch.mul(f_left, self.c[before, own]).addcmul_(f_up, self.c[above, up]).addcmul_(i, g, value=2.0).sub_(i)
        h = torch.mul(o, c, out=self.h[now, own]).tanh_()
        torch.mul(c, self.share, out=self.c[now, own])
        return h


def causal_offsets(neighbourhood: int) -> tuple[tuple[int, int], ...]:
    """(rows up, columns right) of the pixels before (i, j) in raster order, in a window of `neighbourhood` columns and
    (n + 1) / 2 rows: 12 pixels for n = 5, 24 for 7, 40 for 9 (Theis & Bethge's masks). `neighbourhood` is odd."""
    reach = neighbourhood // 2
    return tuple((up, b) for up in range(reach, -1, -1) for b in range(-reach, reach + 1) if up > 0 or b < 0)


@lru_cache(maxsize=64)
def window_index(height: int, width: int, neighbourhood: int, device: torch.device | str = "cpu") -> Int[Tensor, "P N"]:
    """The positions of each pixel's causal neighbours (`causal_offsets`) in the flattened picture after padding it by `reach`
    pixels above, left and right; pixels in diagonal order."""
    reach = neighbourhood // 2
    offsets = torch.tensor([b - up * (width + 2 * reach) for up, b in causal_offsets(neighbourhood)])
    order = diagonals(height, width).order
    corner = (order // width + reach) * (width + 2 * reach) + order % width + reach
    return (corner[:, None] + offsets[None, :]).to(device)
