"""Recurrent layers: an LSTM cell for models that step by themselves, and layers of one kind of cell for sequences.

Axes: B rows, T steps, D inputs, U units, L layers, G numbers per input of a cell (units x gates).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import State
from drawgen.nn.recording import States, recorder

GATES = {
    "rnn": ("state",),
    "gru": ("reset", "update", "candidate"),
    "gru_before": ("reset", "update", "candidate"),
    "lstm": ("input", "forget", "candidate", "output"),
}
"""The parts of the matrices of a cell, in order."""


class ResetBefore(nn.Module):
    """A layer of gated recurrent units as Cho et al. (2014) and textbooks print them, with weights of the form of torch's:

    (r, z) = sigmoid(W x + b + U h + c),  n = tanh(W_n x + b_n + U_n (r h) + c_n),  h = (1 - z) n + z h.

    The reset gate r comes before the product. In `gru`, as torch and cuDNN have it, it comes after: r (U_n h + c_n), so that one
    product serves all gates.
    """

    def __init__(self, inputs: int, units: int, *, batch_first: bool = True) -> None:
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.empty(3 * units, inputs))
        self.weight_hh_l0 = nn.Parameter(torch.empty(3 * units, units))
        self.bias_ih_l0 = nn.Parameter(torch.empty(3 * units))
        self.bias_hh_l0 = nn.Parameter(torch.empty(3 * units))

    def forward(
        self, x: Float[Tensor, "B T D"], h: Float[Tensor, "1 B U"]
    ) -> tuple[Float[Tensor, "B T U"], Float[Tensor, "1 B U"]]:
        a = F.linear(x, self.weight_ih_l0, self.bias_ih_l0)
        along, state, outputs = self.along(), h[0], []
        for t in range(x.shape[1]):
            state, _, _ = reset_before(a[:, t], state, along)
            outputs.append(state)
        return torch.stack(outputs, 1), state[None]

    def along(self) -> list[Tensor]:
        """W_hh and b_hh of the gates, and those of n: split once, as every split costs a gradient of the size of the whole."""
        units = self.weight_hh_l0.shape[1]
        return [*self.weight_hh_l0.split([2 * units, units]), *self.bias_hh_l0.split([2 * units, units])]


def reset_before(
    a: Float[Tensor, "B G"], h: Float[Tensor, "B U"], along: list[Tensor]
) -> tuple[Float[Tensor, "B U"], Float[Tensor, "B U"], Float[Tensor, "B U"]]:
    """One step of `ResetBefore` from a = W_ih x + b_ih: (h, r, z)."""
    gates, candidate, gates_bias, candidate_bias = along
    units = h.shape[1]
    r, z = (a[:, : 2 * units] + F.linear(h, gates, gates_bias)).sigmoid().chunk(2, 1)
    n = tanh(a[:, 2 * units :] + F.linear(r * h, candidate, candidate_bias))
    return (1 - z) * n + z * h, r, z


CELLS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "gru_before": ResetBefore, "lstm": nn.LSTM}


class LSTM(nn.Module):
    """One step of an LSTM (Hochreiter & Schmidhuber 1997, with forget gates): (x, h, c) -> (h, c), with

    (g, i, f, o) = (tanh, sigmoid, sigmoid, sigmoid)(W [x, h] + b),  c = f c + i g,  h = o tanh(c).

    The forget gates start open (bias 1).
    """

    def __init__(self, inputs: int, units: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.units = units
        bound = (inputs + units) ** -0.5
        self.weight = nn.Parameter(torch.empty(4 * units, inputs + units).uniform_(-bound, bound, generator=rng))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        self.bias.data[2 * units : 3 * units] = 1.0

    def forward(
        self, x: Float[Tensor, "B D"], h: Float[Tensor, "B U"], c: Float[Tensor, "B U"]
    ) -> tuple[Float[Tensor, "B U"], Float[Tensor, "B U"]]:
        gates = F.linear(torch.cat([x, h], 1), self.weight, self.bias).to(self.bias.dtype)
        g, gates = gates.split([self.units, 3 * self.units], 1)
        i, f, o = gates.sigmoid().chunk(3, 1)
        c = f * c + i * tanh(g)
        h = o * tanh(c)
        if (record := recorder()) is not None:
            h, c = record.note(
                self, "lstm", (h, c), gates={"input": i, "forget": f, "output": o}, kept=f,
                matrices=lambda: dict(zip(("candidate", "input", "forget", "output"), self.along.chunk(4), strict=True)),
                again=lambda state, rows: self(x[rows], *state),
            )  # fmt: skip
        return h, c

    @property
    def along(self) -> Float[Tensor, "G U"]:
        """The part of W that h is multiplied by."""
        return self.weight[:, -self.units :]


def tanh(x: Tensor) -> Tensor:
    """2 sigmoid(2 x) - 1: on a CPU, several times faster than torch.tanh."""
    return 2.0 * torch.sigmoid(2.0 * x) - 1.0


class LayerWeights(NamedTuple):
    """The weights of torch's recurrent layers, under short names."""

    across: Float[Tensor, "G D"]
    """W_ih."""
    across_bias: Float[Tensor, " G"]
    along: Float[Tensor, "G U"]
    """W_hh."""
    along_bias: Float[Tensor, " G"]


class Recurrent(nn.Module):
    """Layers of one kind of cell, `rnn`, `gru`, `gru_before` or `lstm`, in two forms of equal value: `forward` runs whole sequences
    through torch's own kernels (for training; `gru_before` has none, and runs step by step); `step` takes one step by the cells'
    equations, which on a CPU is several times faster than those kernels on sequences of length one.

    The state is `h`, and for the LSTM `c`, each B L U. Dropout falls on the output of every layer, where an `rng` is given.
    """

    def __init__(
        self,
        cell: str,
        inputs: int,
        units: int,
        *,
        layers: int = 1,
        dropout: float = 0.0,
        forget_bias: float = 1.0,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.cell, self.units, self.dropout = cell, units, dropout
        sizes = [inputs] + [units] * (layers - 1)
        self.layers = nn.ModuleList(CELLS[cell](size, units, batch_first=True) for size in sizes)
        for n in range(layers):
            weights = self.weights(n)
            for matrix, bias in ((weights.across, weights.across_bias), (weights.along, weights.along_bias)):
                nn.init.uniform_(matrix, -(units**-0.5), units**-0.5, generator=rng)
                nn.init.zeros_(bias)
            if cell == "lstm":
                weights.across_bias.data[units : 2 * units] = forget_bias

    def weights(self, n: int) -> LayerWeights:
        layer: Any = self.layers[n]
        return LayerWeights(layer.weight_ih_l0, layer.bias_ih_l0, layer.weight_hh_l0, layer.bias_hh_l0)

    def start(self, rows: int) -> State:
        """The state before the first step: zeros."""
        zeros = self.weights(0).along.new_zeros(rows, len(self.layers), self.units)
        return {"h": zeros, "c": zeros} if self.cell == "lstm" else {"h": zeros}

    def forward(
        self, x: Float[Tensor, "B T D"], state: State, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B T U"], State]:
        """The top layer's outputs at every step, and the state after the last."""
        if recorder() is not None:  # which torch's kernels tell nothing
            outputs = []
            for t in range(x.shape[1]):
                h, state = self.step(x[:, t], state, rng=rng)
                outputs.append(h)
            return torch.stack(outputs, 1), state
        after: dict[str, list[Tensor]] = {name: [] for name in state}
        for n in range(len(self.layers)):
            layer: Any = self.layers[n]
            before = tuple(tensor[:, n][None].contiguous() for tensor in state.values())  # torch's layers want 1 B U
            x, last = layer(x, before if self.cell == "lstm" else before[0])
            for name, tensor in zip(state, last if self.cell == "lstm" else (last,), strict=True):
                after[name].append(tensor[0])
            x = self.drop(x, rng)
        return x, {name: torch.stack(tensors, 1) for name, tensors in after.items()}

    def step(
        self, x: Float[Tensor, "B D"], state: State, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B U"], State]:
        """The top layer's output, and the state after the step."""
        weights = self.weights(0)
        return self.step_from(F.linear(x, weights.across, weights.across_bias), state, rng=rng)

    def step_from(
        self, a: Float[Tensor, "B G"], state: State, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B U"], State]:
        """The same from a = W_ih x + b_ih of the first layer, which a caller may have computed for many steps at once."""
        after: dict[str, list[Tensor]] = {name: [] for name in state}
        x = a
        for n in range(len(self.layers)):
            weights = self.weights(n)
            if n:
                a = F.linear(x, weights.across, weights.across_bias)
            own = self.cell_step(n, a, tuple(tensor[:, n] for tensor in state.values()))
            for name, tensor in zip(state, own, strict=True):
                after[name].append(tensor)
            x = self.drop(own[0], rng)
        return x, {name: torch.stack(after[name], 1) for name in state}

    def cell_step(self, n: int, a: Float[Tensor, "B G"], before: States) -> States:
        """One step of layer n by its equations: the state after it, from the one before it and a = W_ih x + b_ih."""
        weights, h = self.weights(n), before[0]
        gates: dict[str, Tensor] = {}
        kept = None
        after: States
        if self.cell == "gru_before":
            layer: Any = self.layers[n]
            found, reset, kept = reset_before(a, h, layer.along())
            gates, after = {"reset": reset, "update": kept}, (found,)
        else:
            b = F.linear(h, weights.along, weights.along_bias)
        if self.cell == "lstm":
            i, f, g, o = (a + b).chunk(4, 1)
            gates = {"input": i.sigmoid(), "forget": f.sigmoid(), "output": o.sigmoid()}
            kept = gates["forget"]
            c = kept * before[1] + gates["input"] * tanh(g)
            after = (gates["output"] * tanh(c), c)
        elif self.cell == "gru":
            (a_r, a_z, a_n), (b_r, b_z, b_n) = a.chunk(3, 1), b.chunk(3, 1)
            gates = {"reset": (a_r + b_r).sigmoid(), "update": (a_z + b_z).sigmoid()}
            kept = gates["update"]
            after = ((1 - kept) * tanh(a_n + gates["reset"] * b_n) + kept * h,)
        elif self.cell == "rnn":
            after = (tanh(a + b),)
        if (record := recorder()) is not None:
            slope = 1 - after[0].square() if self.cell == "rnn" else None
            after = record.note(
                self, self.cell, after, layer=n, gates=gates, kept=kept, slope=slope,
                matrices=lambda: dict(zip(GATES[self.cell], weights.along.chunk(len(GATES[self.cell])), strict=True)),
                again=lambda state, rows: self.cell_step(n, a[rows], state),
            )  # fmt: skip
        return after

    def drop(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        return dropped(x, self.dropout, rng)


def dropped(x: Tensor, share: float, rng: torch.Generator | None) -> Tensor:
    """Dropout, if an `rng` is given: zeroes a share of the numbers and scales up the others."""
    if rng is None or share == 0:
        return x
    kept = torch.rand(x.shape, device=x.device, generator=rng) >= share
    return x * kept / (1 - share)


def read_both_ways(
    forwards: Any,
    backwards: Any,
    x: Float[Tensor, "B T D"],
    lengths: Int[Tensor, " B"],
    *,
    rng: torch.Generator | None = None,
) -> tuple[Float[Tensor, "B T E"], Float[Tensor, "B E"]]:
    """(outputs at every step, last outputs) of padded sequences, read by one or two networks (`Recurrent`, or what has its `start`
    and `forward`): E is U or 2 U. `backwards`, if it is not None, reads each row from its own end, so padding changes nothing up to
    it; beyond it outputs mean nothing."""
    rows, steps, _ = x.shape
    last = (lengths - 1)[:, None]
    read, _ = forwards(x, forwards.start(rows), rng=rng)
    summary = [pick(read, last)[:, 0]]
    if backwards is not None:
        turned = turned_around(lengths, steps)
        back, _ = backwards(pick(x, turned), backwards.start(rows), rng=rng)
        summary.append(pick(back, last)[:, 0])
        read = torch.cat([read, pick(back, turned)], 2)
    return read, torch.cat(summary, 1)


def turned_around(lengths: Int[Tensor, " B"], steps: int) -> Int[Tensor, "B T"]:
    """The places of each row from its end to its beginning; those of its padding stay."""
    place = torch.arange(steps, device=lengths.device).expand(len(lengths), steps)
    return torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)


def pick(values: Float[Tensor, "B N E"], places: Int[Tensor, "B M"]) -> Float[Tensor, "B M E"]:
    """The values at these places of each row."""
    return values.gather(1, places[..., None].expand(-1, -1, values.shape[2]))
