"""Attention of a decoder: parts that `nn/decoder.py` is given.

Axes: B rows, K steps or beams of a row, N places, D features per place, U units of the decoder, A attention units.

A *score* says how well a place fits a query: additive, e_i = v . tanh(W_a a_i + W_q h) (Bahdanau et al. 2015), or the dot product
e_i = W a_i . h (Luong et al. 2015; W is left out where D = U).

Three parts use it:

- `SoftAttention`: what was seen enters the next state, so the steps follow each other.
- `GlobalAttention`: what was seen joins the state before the output (Luong et al. 2015), so all steps are one product.
- `Pointer`: the energies are the output (Vinyals et al. 2015), so all steps are one product, too.

`SoftAttention` is that of Xu et al. 2015, "Show, Attend and Tell", sections 3.1.2, 4.2 and 4.2.1:

    e_ti = v . tanh(W_a a_i + W_q h_{t-1}),  alpha_t = softmax(e_t),  z_t = sum_i alpha_ti a_i,  beta_t = sigmoid(w . h_{t-1} + b)

With `words` the query is W_q h_{t-1} + W_y embedding(y_{t-1}): h_{t-1} has not read the last word yet, so alone it cannot attend to
the object that this word names.

alpha_t sums to one, so z_t is the same for one object and for three alike. With two `glimpses` the decoder looks again, with a
query that includes what it saw. This time every place has a weight of its own, and the places are added up, not averaged:

    e'_ti = v' . tanh(W_a a_i + query_t + W_c z_t) + b',  z'_t = z_t + W_s sum_i sigmoid(e'_ti) a_i

z'_t takes the place of z_t above. W_s is 0 to begin with. (That softmax attention loses the count: Zhang et al. 2018, "Learning to
Count Objects in Natural Images for Visual Question Answering".)
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from drawgen.nn.linear import linear
from drawgen.nn.recurrence import tanh
from drawgen.ranges import check_choice, check_range

SELDOM = -3.0
"""The bias of the second glimpse's weights to begin with: most places do not count."""
SCORES = ("additive", "dot")


class Memory(NamedTuple):
    """Features to attend to, and their projection, which is computed once and not at every step."""

    values: Float[Tensor, "B N D"]
    keys: Float[Tensor, "B N A"]
    mask: Bool[Tensor, "B N"] | None
    """The places that may be attended to; None: all."""
    hints: "Hints | None" = None
    words: Float[Tensor, "B N E"] | None = None
    """Of a `Pointer`: each place as an input of the decoder."""


class Hints(NamedTuple):
    """What the decoder knows of a row as a whole, at every step: added to the initial state, to the gates of the first layer, and
    before the output."""

    start: Float[Tensor, "B S"]
    gates: Float[Tensor, "B G"]
    deep: Float[Tensor, "B E"]

    def shared(self, rows: int) -> "Hints":
        """For beams: every row as often as it has beams."""
        count = rows // len(self.gates)
        return self if count == 1 else Hints(*(part.repeat_interleave(count, 0) for part in self))


# ---------------------------------------------------------------- scores


class Additive(nn.Module):
    """The additive score, of `attention` units."""

    def __init__(self, features: int, units: int, attention: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.key = linear(features, attention, rng)
        self.query = linear(units, attention, rng)
        self.score = linear(attention, 1, rng)

    def memory(self, values: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None) -> Memory:
        """Raises ValueError for a row without a place to attend to."""
        return Memory(values, self.key(values), checked(mask))

    def energies(self, h: Float[Tensor, "B K U"], memory: Memory) -> Float[Tensor, "B K N"]:
        """Of each place for each query; -inf where the mask is False."""
        return energies(self.score, memory, self.query(h))


class Dot(nn.Module):
    """The dot product, of features and states of one width, or of the projected features."""

    def __init__(self, features: int, units: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.key = linear(features, units, rng) if features != units else nn.Identity()

    def memory(self, values: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None) -> Memory:
        """Raises ValueError for a row without a place to attend to."""
        return Memory(values, self.key(values), checked(mask))

    def energies(self, h: Float[Tensor, "B K U"], memory: Memory) -> Float[Tensor, "B K N"]:
        """Of each place for each query; -inf where the mask is False."""
        return masked(h @ memory.keys.transpose(1, 2), memory)


Score: TypeAlias = Additive | Dot


def score(kind: str, features: int, units: int, attention: int, *, rng: torch.Generator) -> Score:
    """The score of this name. Raises ArgumentError."""
    check_choice("attention", kind, SCORES)
    return Dot(features, units, rng=rng) if kind == "dot" else Additive(features, units, attention, rng=rng)


def checked(mask: Bool[Tensor, "B N"] | None) -> Bool[Tensor, "B N"] | None:
    """Raises ValueError for a row without a place to attend to."""
    if mask is not None and not bool(mask.any(1).all()):
        raise ValueError("a row of features is masked everywhere; leave at least one place to look at")
    return mask


def masked(energy: Float[Tensor, "B K N"], memory: Memory) -> Float[Tensor, "B K N"]:
    return energy if memory.mask is None else energy.masked_fill(~memory.mask[:, None], -torch.inf)


def energies(score: nn.Linear, memory: Memory, query: Float[Tensor, "B K A"]) -> Float[Tensor, "B K N"]:
    """score(tanh(keys + query)), and -inf where the mask is False; on a CPU by the compiled twin, unless in double precision."""
    keys = memory.keys
    if keys.device.type != "cpu" or keys.dtype == torch.float64:
        return masked(score(tanh(keys[:, None] + query[:, :, None]))[..., 0], memory)
    energy: Tensor = Compiled.apply(keys.float().contiguous(), query.float().contiguous(), score.weight[0], score.bias)
    return masked(energy, memory)


class Compiled(torch.autograd.Function):
    """`energies` by the compiled twin, in value and gradient."""

    @staticmethod
    def forward(ctx: Any, keys: Tensor, query: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        from drawgen.nn import attention_cpu

        ctx.save_for_backward(keys, query, weight)
        arrays = (tensor.detach().numpy() for tensor in (keys, query, weight))
        return torch.from_numpy(attention_cpu.energies(*arrays, np.float32(bias.item())))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        from drawgen.nn import attention_cpu

        gradient = gradients[0].contiguous()
        arrays = (tensor.detach().numpy() for tensor in (gradient, *ctx.saved_tensors))
        found = attention_cpu.energies_backward(*arrays)
        return *(torch.from_numpy(array) for array in found), gradient.sum().view(1)


# ---------------------------------------------------------------- what is seen


class SoftAttention(Additive):
    """Additive soft attention with a gate, and a second glimpse that counts."""

    def __init__(
        self, features: int, units: int, attention: int, words: int = 0, *, glimpses: int = 1, rng: torch.Generator
    ) -> None:
        """`words` is E if the last word is part of the query, and otherwise 0; `glimpses` is 1 or 2. Raises ArgumentError."""
        super().__init__(features, units, attention, rng=rng)
        check_range("glimpses", glimpses, at_least=1, at_most=2)
        self.features = features
        self.gate = linear(units, 1, rng)
        self.word = linear(words, attention, rng) if words else None
        self.again: nn.Linear | None = None
        if glimpses == 2:
            self.again = linear(features, attention, rng)
            self.weigh = linear(attention, 1, rng)
            nn.init.constant_(self.weigh.bias, SELDOM)
            self.added = linear(features, features, rng)
            nn.init.zeros_(self.added.weight)  # so a model of one glimpse that trains on with two predicts as before

    def forward(
        self, h: Float[Tensor, "R U"], memory: Memory, word: Float[Tensor, "R A"] | None = None
    ) -> tuple[Float[Tensor, "R D"], Float[Tensor, "R N"]]:
        """(gated context, map of the first glimpse) for R = B or R = B x K rows: K rows that follow each other share a feature map.
        `word` is the last word's part of the query."""
        batch = len(memory.values)
        query = self.query(h)
        if word is not None:
            query = query + word
        query = query.unflatten(0, (batch, -1))  # B K A
        alpha = energies(self.score, memory, query).softmax(-1)
        context = alpha @ memory.values
        if self.again is not None:
            weights = energies(self.weigh, memory, query + self.again(context)).sigmoid()
            context = context + self.added(weights @ memory.values)
        return self.gate(h).sigmoid() * context.flatten(0, 1), alpha.flatten(0, 1)


class GlobalAttention(nn.Module):
    """The global attention of Luong et al. 2015: alpha_t = softmax(e_t) from the current state, and what is seen, c_t, joins it:
    tanh(W [c_t, h_t])."""

    def __init__(self, score: Score, features: int, units: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.score = score
        self.joint = linear(features + units, units, rng)

    def memory(self, values: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None) -> Memory:
        """Raises ValueError for a row without a place to attend to."""
        return self.score.memory(values, mask)

    def forward(self, h: Float[Tensor, "B K U"], memory: Memory) -> tuple[Float[Tensor, "B K U"], Float[Tensor, "B K N"]]:
        """(attentional state, map)."""
        alpha = self.score.energies(h, memory).softmax(-1).to(memory.values.dtype)
        return tanh(self.joint(torch.cat([alpha @ memory.values, h], -1))), alpha


class Pointer(nn.Module):
    """The pointer of Vinyals et al. 2015, "Pointer Networks", equation 3: p(C_t = i) = softmax_i(e_ti). The places are the
    symbols."""

    def __init__(self, score: Score) -> None:
        super().__init__()
        self.score = score

    def memory(self, values: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None, words: Float[Tensor, "B N E"]) -> Memory:
        """`words`: each place as an input of the decoder. Raises ValueError for a row without a place."""
        return self.score.memory(values, mask)._replace(words=words)

    def forward(self, h: Float[Tensor, "B K U"], memory: Memory) -> Float[Tensor, "B K N"]:
        return self.score.energies(h, memory)
