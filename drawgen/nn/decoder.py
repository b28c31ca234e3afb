"""A recurrent decoder: it generates a sequence of symbols, with attention to features if it is given a part for that
(`nn/attention.py`).

Axes: B rows, T steps, V symbols, E embedding, U units, N places of a feature map, D features per place, A attention units,
K beams: rows that share one feature map, R = B x K.

    x_t = embedding(y_{t-1})                      or, with soft attention, [embedding(y_{t-1}), beta_t z_t]
                                                  or [embedding(y_{t-1}), f_t], with what is known of step t beforehand;
                                                  then tanh(W_f [f_t, h_t]) takes the place of h_t below
    h_t = cells(x_t, h_{t-1})
    logits_t = W_o h_t                            or, with soft attention, W_o (embedding(y_{t-1}) + W_h h_t + W_z beta_t z_t)
                                                  or, with global attention, W_o tanh(W [c_t, h_t])
                                                  or, with a pointer, the energies e_t: the symbols are the N places

Only soft attention enters the next state. Without it the steps of given sequences (teacher forcing) are one call.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import State
from drawgen.nn.attention import GlobalAttention, Hints, Memory, Pointer, SoftAttention
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import Recurrent, dropped, tanh


class Decoder(nn.Module):
    """Embedding, recurrent layers, and logits, with an attention that is handed in. Raises ValueError for soft attention without an
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
        attention: SoftAttention | GlobalAttention | Pointer | None = None,
        beside: int = 0,
        hints: int = 0,
        rng: torch.Generator,
    ) -> None:
        """`embedding` 0 feeds symbols as one-hot vectors; `input_dropout` falls on the embeddings. With a pointer, `vocabulary` is
        0, and `embedding` the width of `Memory.words`. Without soft attention, `beside` is the width of what is fed beside the
        symbols, and seen by the output. With it, `input_dropout` falls before the output, too, `tied` gives the output the
        embedding's weights, and `hints` is the width of what is known of a row as a whole."""
        super().__init__()
        soft, pointer = isinstance(attention, SoftAttention), isinstance(attention, Pointer)
        if (soft or pointer) and not embedding:
            raise ValueError("this attention needs an embedding, and embedding is 0")
        self.vocabulary = vocabulary
        self.size = embedding or vocabulary
        self.embedding = nn.Embedding(vocabulary, embedding) if embedding and not pointer else None
        if self.embedding is not None:
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1, generator=rng)
        features = attention.features if isinstance(attention, SoftAttention) else 0
        self.recurrent = Recurrent(
            cell, self.size + beside + features, units, layers=layers, dropout=dropout, forget_bias=forget_bias, rng=rng
        )
        self.attention = attention
        self.joint = linear(beside + units, units, rng) if beside else None
        if soft:
            self.first = linear(features, self.state_size, rng)
            self.hint = linear(hints, sum(self.hint_sizes()), rng) if hints else None
            self.from_state = linear(units, embedding, rng)
            self.from_context = linear(features, embedding, rng)
        self.input_dropout = input_dropout
        if not pointer:
            self.output = linear(embedding if soft else units, vocabulary, rng)
        if tied and soft and self.embedding is not None:
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
        if self.attention is None or isinstance(self.attention, Pointer):
            raise ValueError("this decoder attends to nothing; build it with soft or global attention")
        memory = self.attention.memory(values, mask)
        if isinstance(self.attention, GlobalAttention) or self.hint is None or hints is None:
            return memory
        return memory._replace(hints=Hints(*self.hint(hints).split(self.hint_sizes(), 1)))

    def hint_sizes(self) -> list[int]:
        """Numbers of the initial state, of the first layer's gates, and of an embedding."""
        return [self.state_size, len(self.recurrent.weights(0).along), self.size]

    def start(self, rows: int, memory: Memory | None = None) -> State:
        """The state before the first symbol: zeros, or with soft attention a function of the mean features (B rows). Its tensors
        have the rows first, so that `index_select` takes, repeats and reorders rows."""
        state = self.recurrent.start(rows)
        if memory is None or not isinstance(self.attention, SoftAttention):
            return state
        if memory.mask is None:
            mean = memory.values.mean(1)
        else:
            inside = memory.mask[..., None].to(memory.values.dtype)
            mean = (memory.values * inside).sum(1) / inside.sum(1)
        return self.state_of(self.first(mean) if memory.hints is None else self.first(mean) + memory.hints.start)

    @property
    def state_size(self) -> int:
        """The numbers of a row's state."""
        return sum(tensor.numel() for tensor in self.recurrent.start(1).values())

    def state_of(self, numbers: Float[Tensor, "B S"]) -> State:
        """A state whose numbers are the tanh of these, one row after the other."""
        empty = self.recurrent.start(len(numbers))
        parts = tanh(numbers).chunk(len(empty), 1)
        return {name: part.view_as(zeros) for (name, zeros), part in zip(empty.items(), parts, strict=True)}

    def feed(self, x: Float[Tensor, "B E"], state: State) -> State:
        """The state after a vector in place of a symbol: the picture that Vinyals et al. 2015 feed once, before the first word."""
        return self.recurrent.step(x, state)[1]

    # ---------------------------------------------------------------- one step, and all at once

    def step(
        self,
        tokens: Int[Tensor, " R"],
        state: State,
        memory: Memory | None = None,
        beside: Float[Tensor, "R F"] | None = None,
    ) -> tuple[Float[Tensor, "R V"], State, dict[str, Tensor]]:
        """(logits of the next symbol, state, {"map": R N} with soft or global attention) after a symbol. Bound to a memory it is
        what the functions of `drawgen.sampling` take."""
        words = self.embed(tokens, memory)
        a = self.first_product(words)
        if beside is not None:
            a = a + F.linear(beside, self.context_weight())
        if not isinstance(self.attention, SoftAttention) or memory is None:
            h, state = self.recurrent.step_from(a, state)
            if beside is not None and self.joint is not None:
                h = tanh(self.joint(torch.cat([beside, h], -1)))
            rows = len(h) if memory is None else len(memory.values)
            logits, alpha = self.read_out(h.unflatten(0, (rows, -1)), memory)
            return logits.flatten(0, 1), state, {} if alpha is None else {"map": alpha.flatten(0, 1)}
        context, alpha = self.attention(state["h"][:, -1], memory, self.asked(words))
        if memory.hints is not None:
            hints = memory.hints.shared(len(tokens))
            a, words = a + hints.gates, words + hints.deep
        h, state = self.recurrent.step_from(a + F.linear(context, self.context_weight()), state)
        return self.deep_output(words, h, context), state, {"map": alpha}

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        state: State,
        memory: Memory | None = None,
        beside: Float[Tensor, "B T F"] | None = None,
        *,
        rng: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "B T V"], State, Float[Tensor, "B T N"] | None]:
        """(logits after each symbol, state, maps) of given sequences (teacher forcing); dropout if an `rng` is given."""
        if not isinstance(self.attention, SoftAttention) or memory is None:
            words = self.embed(tokens, memory, rng=rng)
            x = words if words.is_floating_point() else F.one_hot(words, self.vocabulary).to(self.output.weight.dtype)
            if beside is not None:
                x = torch.cat([x, beside.to(x.dtype)], 2)
            h, state = self.recurrent(x, state, rng=rng)
            if beside is not None and self.joint is not None:
                h = dropped(tanh(self.joint(torch.cat([beside.to(h.dtype), h], -1))), self.recurrent.dropout, rng)
            logits, alpha = self.read_out(h, memory)
            return logits, state, alpha
        # All that does not depend on the state is computed for all steps at once: here the first layer's product, below the output.
        words = self.embed(tokens, rng=rng)
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

    def read_out(
        self, h: Float[Tensor, "B K U"], memory: Memory | None
    ) -> tuple[Float[Tensor, "B K V"], Float[Tensor, "B K N"] | None]:
        """(logits, map) from states, without soft attention."""
        if memory is not None and isinstance(self.attention, Pointer):
            return self.attention(h, memory), None
        if memory is not None and isinstance(self.attention, GlobalAttention):
            h, alpha = self.attention(h, memory)
            return self.output(h), alpha
        return self.output(h), None

    def embed(self, tokens: Int[Tensor, "..."], memory: Memory | None = None, *, rng: torch.Generator | None = None) -> Tensor:
        """The embeddings of the symbols, with a pointer the words of the places; without either, the symbols."""
        if memory is not None and memory.words is not None:
            rows = tokens.reshape(len(memory.words), -1, 1).expand(-1, -1, memory.words.shape[2])
            return memory.words.gather(1, rows).reshape(*tokens.shape, -1)
        return tokens if self.embedding is None else dropped(self.embedding(tokens), self.input_dropout, rng)

    def first_product(self, words: Tensor) -> Float[Tensor, "... G"]:
        """W_ih x + b_ih of the first layer, for the symbols' part of x; a one-hot vector picks a column."""
        weights = self.recurrent.weights(0)
        across = weights.across[:, : self.size]
        if not words.is_floating_point():
            return across.t()[words] + weights.across_bias
        return F.linear(words, across, weights.across_bias)

    def asked(self, words: Tensor) -> Float[Tensor, "... A"] | None:
        """The last word's part of the query, if the query has one."""
        if not isinstance(self.attention, SoftAttention) or self.attention.word is None:
            return None
        part: Tensor = self.attention.word(words)
        return part

    def context_weight(self) -> Float[Tensor, "G D"]:
        """W_ih of the first layer, for what is not the symbol's part of x."""
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
