"""An LSTM whose gates and cell are normalised at every step (Ba, Kiros & Hinton 2016, "Layer Normalization"), with dropout of what
the cell takes in (Semeniuta, Severyn & Barth 2016).

Axes: B rows, T steps, D inputs, U units, G = 4 U.

    (i, f, g, o) = LN(W x_t + U h_{t-1}), each part for itself,   c_t = f c_{t-1} + i dropout(tanh(g)),   h_t = o tanh(LN(c_t))
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import State
from drawgen.nn.linear import linear
from drawgen.nn.recording import recorder
from drawgen.nn.recurrence import dropped, tanh


class LayerNormLSTM(nn.Module):
    """One layer, with the interface of `recurrence.Recurrent`. The forget gates start open."""

    def __init__(self, inputs: int, units: int, *, dropout: float = 0.0, rng: torch.Generator) -> None:
        super().__init__()
        self.units, self.dropout = units, dropout
        self.across = linear(inputs, 4 * units, rng)
        self.along = nn.Parameter(torch.empty(4 * units, units).uniform_(-(units**-0.5), units**-0.5, generator=rng))
        self.scale = nn.Parameter(torch.ones(4, units))
        self.shift = nn.Parameter(torch.zeros(4, units))
        self.shift.data[1] = 1.0
        self.cell_scale = nn.Parameter(torch.ones(units))
        self.cell_shift = nn.Parameter(torch.zeros(units))

    def start(self, rows: int) -> State:
        zeros = self.along.new_zeros(rows, 1, self.units)
        return {"h": zeros, "c": zeros}

    def forward(
        self, x: Float[Tensor, "B T D"], state: State, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B T U"], State]:
        """The outputs at every step, and the state after the last. The products with the inputs are one for all steps."""
        h, c, outputs = state["h"][:, 0], state["c"][:, 0], []
        for a in self.across(x).unbind(1):
            h, c = self.step_from(a, h, c, rng)
            outputs.append(h)
        return torch.stack(outputs, 1), {"h": h[:, None], "c": c[:, None]}

    def step(
        self, x: Float[Tensor, "B D"], state: State, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B U"], State]:
        h, c = self.step_from(self.across(x), state["h"][:, 0], state["c"][:, 0], rng)
        return h, {"h": h[:, None], "c": c[:, None]}

    def step_from(
        self, a: Float[Tensor, "B G"], h: Float[Tensor, "B U"], c: Float[Tensor, "B U"], rng: torch.Generator | None
    ) -> tuple[Float[Tensor, "B U"], Float[Tensor, "B U"]]:
        """(h, c) after a step, from a = W x + b."""
        gates = (a + F.linear(h, self.along)).unflatten(1, (4, self.units))
        i, f, g, o = (F.layer_norm(gates, (self.units,)) * self.scale + self.shift).unbind(1)
        i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
        c = f * c + i * dropped(tanh(g), self.dropout, rng)
        h = o * tanh(F.layer_norm(c, (self.units,), self.cell_scale, self.cell_shift))
        if (record := recorder()) is not None:
            h, c = record.note(
                self, "lstm", (h, c), gates={"input": i, "forget": f, "output": o}, kept=f,
                matrices=lambda: dict(zip(("input", "forget", "candidate", "output"), self.along.chunk(4), strict=True)),
                again=lambda state, rows: self.step_from(a[rows], state[0], state[1], rng),
            )  # fmt: skip
        return h, c
