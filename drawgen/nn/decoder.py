"""A recurrent decoder: it generates a sequence of symbols, with attention to features if there are any.

Axes: B rows, T steps, V symbols, E embedding, U units, N places of a feature map, D features per place, A attention units,
K beams: rows that share one feature map.

    x_t = embedding(y_{t-1})                      or, with attention, [embedding(y_{t-1}), beta_t z_t]
    h_t = cells(x_t, h_{t-1})
    logits_t = W_o h_t                            or, with attention, W_o (embedding(y_{t-1}) + W_h h_t + W_z beta_t z_t)

The attention is the soft one of Xu et al. 2015, "Show, Attend and Tell", sections 3.1.2, 4.2 and 4.2.1:

    e_ti = v . tanh(W_a a_i + W_q h_{t-1}),  alpha_t = softmax(e_t),  z_t = sum_i alpha_ti a_i,  beta_t = sigmoid(w . h_{t-1} + b)

With `word_query` the query is W_q h_{t-1} + W_y embedding(y_{t-1}): h_{t-1} has not read the last word yet, so alone it cannot
attend to the object that this word names.

alpha_t sums to one, so z_t is the same for one object and for three alike. With two `glimpses` the decoder looks again, with a
query that includes what it saw. This time every place has a weight of its own, and the places are added up, not averaged:

    e'_ti = v' . tanh(W_a a_i + query_t + W_c z_t) + b',  z'_t = z_t + W_s sum_i sigmoid(e'_ti) a_i

z'_t takes the place of z_t above. W_s is 0 to begin with. (That softmax attention loses the count: Zhang et al. 2018, "Learning to
Count Objects in Natural Images for Visual Question Answering".)
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import State
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import Recurrent, dropped, tanh
from drawgen.ranges import check_range

SELDOM = -3.0
"""The bias of the second glimpse's weights to begin with: most places do not count."""


class Memory(NamedTuple):
    """Features to attend to, and their projection, which is computed once and not at every step."""

    values: Float[Tensor, "B N D"]
    keys: Float[Tensor, "B N A"]
    mask: Bool[Tensor, "B N"] | None
    """The places that may be attended to; None: all."""
    hints: "Hints | None" = None


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


class Attention(nn.Module):
    """Additive soft attention with a gate, and a second glimpse that counts."""

    def __init__(
        self, features: int, units: int, attention: int, words: int = 0, *, glimpses: int = 1, rng: torch.Generator
    ) -> None:
        """`words` is E if the last word is part of the query, and otherwise 0; `glimpses` is 1 or 2. Raises ArgumentError."""
        super().__init__()
        check_range("glimpses", glimpses, at_least=1, at_most=2)
        self.key = linear(features, attention, rng)
        self.query = linear(units, attention, rng)
        self.score = linear(attention, 1, rng)
        self.gate = linear(units, 1, rng)
        self.word = linear(words, attention, rng) if words else None
        self.again: nn.Linear | None = None
        if glimpses == 2:
            self.again = linear(features, attention, rng)
            self.weigh = linear(attention, 1, rng)
            nn.init.constant_(self.weigh.bias, SELDOM)
            self.added = linear(features, features, rng)
            nn.init.zeros_(self.added.weight)  # so a model of one glimpse that trains on with two predicts as before

    def memory(self, values: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None) -> Memory:
        """Raises ValueError for a row without a place to attend to."""
        if mask is not None and not bool(mask.any(1).all()):
            raise ValueError("a row of features is masked everywhere; leave at least one place to look at")
        return Memory(values, self.key(values), mask)

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


def energies(score: nn.Linear, memory: Memory, query: Float[Tensor, "B K A"]) -> Float[Tensor, "B K N"]:
    """score(tanh(keys + query)), and -inf where the mask is False; on a CPU without gradients, by the compiled twin."""
    keys = memory.keys
    if keys.device.type != "cpu" or keys.dtype != torch.float32 or torch.is_grad_enabled():
        energy: Tensor = score(tanh(keys[:, None] + query[:, :, None]))[..., 0]
    else:
        from drawgen.nn import attention_cpu

        k, q, weight = (tensor.contiguous().numpy() for tensor in (keys, query, score.weight[0]))
        energy = torch.from_numpy(attention_cpu.energies(k, q, weight, np.float32(score.bias.item())))
    return energy if memory.mask is None else energy.masked_fill(~memory.mask[:, None], -torch.inf)


class Decoder(nn.Module):
    """Embedding, recurrent layers, attention if `features` is given, and logits. Raises ValueError for attention without an
    embedding."""

    def __init__(
        self,
        vocabulary: int,
        *,
        cell: str = "lstm",
        units: int,
        layers: int = 1,
        embedding: int = 0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        tied: bool = False,
        forget_bias: float = 1.0,
        features: int = 0,
        attention: int = 0,
        word_query: bool = False,
        hints: int = 0,
        glimpses: int = 1,
        rng: torch.Generator,
    ) -> None:
        """`embedding` 0 feeds symbols as one-hot vectors; `features` is D, and `attention` A; `word_query` and `glimpses`: see the
        top. With attention, `input_dropout` falls on the embeddings and before the output, `tied` gives the output the
        embedding's weights, and `hints` is the width of what is known of a row as a whole."""
        super().__init__()
        if features and not (embedding and attention):
            raise ValueError(f"attention needs an embedding and units; embedding is {embedding} and attention {attention}")
        self.vocabulary = vocabulary
        self.size = embedding or vocabulary
        self.embedding = nn.Embedding(vocabulary, embedding) if embedding else None
        if self.embedding is not None:
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1, generator=rng)
        self.recurrent = Recurrent(
            cell, self.size + features, units, layers=layers, dropout=dropout, forget_bias=forget_bias, rng=rng
        )
        words = embedding if word_query else 0
        self.attention = Attention(features, units, attention, words, glimpses=glimpses, rng=rng) if features else None
        if self.attention is not None:
            self.first = linear(features, len(self.recurrent.start(1)) * layers * units, rng)
            self.hint = linear(hints, sum(self.hint_sizes()), rng) if hints else None
            self.from_state = linear(units, embedding, rng)
            self.from_context = linear(features, embedding, rng)
        self.input_dropout = input_dropout
        self.output = linear(embedding if features else units, vocabulary, rng)
        if tied and features and self.embedding is not None:
            self.output.weight = self.embedding.weight

    # ---------------------------------------------------------------- how it begins

    def look(
        self,
        values: Float[Tensor, "B N D"],
        mask: Bool[Tensor, "B N"] | None = None,
        hints: Float[Tensor, "B W"] | None = None,
    ) -> Memory:
        """Features to attend to; places outside `mask` get no probability. `hints` is what is known of each row as a whole. Raises
        ValueError without attention, or if a row has no place to attend to."""
        if self.attention is None:
            raise ValueError("this decoder has no attention; build it with features and attention")
        memory = self.attention.memory(values, mask)
        if self.hint is None or hints is None:
            return memory
        return memory._replace(hints=Hints(*self.hint(hints).split(self.hint_sizes(), 1)))

    def hint_sizes(self) -> list[int]:
        """Numbers of the initial state, of the first layer's gates, and of an embedding."""
        gates, units = self.recurrent.weights(0).along.shape
        return [len(self.recurrent.start(1)) * len(self.recurrent.layers) * units, gates, self.size]

    def start(self, rows: int, memory: Memory | None = None) -> State:
        """The state before the first symbol: zeros, or with attention a function of the mean features (B rows). Its tensors have
        the rows first, so that `index_select` takes, repeats and reorders rows."""
        state = self.recurrent.start(rows)
        if memory is None or self.attention is None:
            return state
        if memory.mask is None:
            mean = memory.values.mean(1)
        else:
            inside = memory.mask[..., None].to(memory.values.dtype)
            mean = (memory.values * inside).sum(1) / inside.sum(1)
        first = self.first(mean) if memory.hints is None else self.first(mean) + memory.hints.start
        parts = tanh(first).chunk(len(state), 1)
        return {name: part.view_as(zeros) for (name, zeros), part in zip(state.items(), parts, strict=True)}

    def feed(self, x: Float[Tensor, "B E"], state: State) -> State:
        """The state after a vector in place of a symbol: the picture that Vinyals et al. 2015 feed once, before the first word."""
        return self.recurrent.step(x, state)[1]

    # ---------------------------------------------------------------- one step, and all at once

    def step(
        self, tokens: Int[Tensor, " B"], state: State, memory: Memory | None = None
    ) -> tuple[Float[Tensor, "B V"], State, dict[str, Tensor]]:
        """(logits of the next symbol, state, {"map": B N} with attention) after a symbol. Bound to a memory it is what the
        functions of `drawgen.sampling` take."""
        words = self.embed(tokens)
        a = self.first_product(words)
        if self.attention is None or memory is None:
            h, state = self.recurrent.step_from(a, state)
            return self.output(h), state, {}
        context, alpha = self.attention(state["h"][:, -1], memory, self.asked(words))
        if memory.hints is not None:
            hints = memory.hints.shared(len(tokens))
            a, words = a + hints.gates, words + hints.deep
        h, state = self.recurrent.step_from(a + F.linear(context, self.context_weight()), state)
        return self.deep_output(words, h, context), state, {"map": alpha}

    def forward(
        self, tokens: Int[Tensor, "B T"], state: State, memory: Memory | None = None, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B T V"], State, Float[Tensor, "B T N"] | None]:
        """(logits after each symbol, state, maps) of given sequences (teacher forcing); dropout if an `rng` is given."""
        if self.attention is None or memory is None:
            x = (
                F.one_hot(tokens, self.vocabulary).to(self.output.weight.dtype)
                if self.embedding is None
                else self.embedding(tokens)
            )
            h, state = self.recurrent(x, state, rng=rng)
            return self.output(h), state, None
        # All that does not depend on the state is computed for all steps at once: here the first layer's product, below the output.
        words = self.embed(tokens, rng)
        products, weight, asked = self.first_product(words), self.context_weight(), self.asked(words)
        if memory.hints is not None:
            products, words = products + memory.hints.gates[:, None], words + memory.hints.deep[:, None]
        outputs, contexts, maps = [], [], []
        for t in range(tokens.shape[1]):
            context, alpha = self.attention(state["h"][:, -1], memory, None if asked is None else asked[:, t])
            h, state = self.recurrent.step_from(products[:, t] + F.linear(context, weight), state, rng=rng)
            outputs.append(h)
            contexts.append(context)
            maps.append(alpha)
        logits = self.deep_output(words, torch.stack(outputs, 1), torch.stack(contexts, 1), rng)
        return logits, state, torch.stack(maps, 1)

    def embed(self, tokens: Int[Tensor, "..."], rng: torch.Generator | None = None) -> Tensor:
        """The embeddings of the symbols; without an embedding, the symbols."""
        return tokens if self.embedding is None else dropped(self.embedding(tokens), self.input_dropout, rng)

    def first_product(self, words: Tensor) -> Float[Tensor, "... G"]:
        """W_ih x + b_ih of the first layer, for the symbols' part of x; a one-hot vector picks a column."""
        weights = self.recurrent.weights(0)
        across = weights.across[:, : self.size]
        if self.embedding is None:
            return across.t()[words] + weights.across_bias
        return F.linear(words, across, weights.across_bias)

    def asked(self, words: Tensor) -> Float[Tensor, "... A"] | None:
        """The last word's part of the query, if the query has one."""
        if self.attention is None or self.attention.word is None:
            return None
        part: Tensor = self.attention.word(words)
        return part

    def context_weight(self) -> Float[Tensor, "G D"]:
        return self.recurrent.weights(0).across[:, self.size :]

    def deep_output(
        self,
        words: Float[Tensor, "... E"],
        h: Float[Tensor, "... U"],
        context: Float[Tensor, "... D"],
        rng: torch.Generator | None = None,
    ) -> Float[Tensor, "... V"]:
        """Equation 7 of Xu et al."""
        return self.output(dropped(words + self.from_state(h) + self.from_context(context), self.input_dropout, rng))
