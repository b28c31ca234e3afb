"""Char-RNN (Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks"; Graves 2013, "Generating Sequences With
Recurrent Neural Networks").

Axes: B rows, T steps, V symbols.

A recurrent net reads a text symbol by symbol and predicts the next symbol:

    h_t = cells(y_{t-1}, h_{t-1}),    p(y_t | y_1 .. y_{t-1}) = softmax(W h_t + b)

It is trained on consecutive pieces of a text (truncated backpropagation through time): the state carries over from batch to batch,
gradients do not.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import likelihood, sampling
from drawgen.contract import Group, Loss, Piece, Player, Recipe, Request, Spec, State, Totals
from drawgen.data.svg_corpus import SvgDrawings
from drawgen.data.text import Characters, Sums, Text, decode, encode, line_break, plain_lines
from drawgen.nn.decoder import Decoder
from drawgen.nn.recurrence import CELLS
from drawgen.ranges import check_choice, check_fields
from drawgen.training import Fit

CHUNK = 1024
"""Steps measured at once."""
AT_ONCE = 32
"""Symbols sampled between two checks for Ctrl-C."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A recurrent net that generates text symbol by symbol."""

    cell: str = "lstm"
    """The recurrent cell: rnn, gru, gru_before (the reset gate before the product, as textbooks have it) or lstm."""
    units: int = 128
    """Units of each layer."""
    layers: int = 2
    """Stacked layers."""
    embedding: int = 0
    """Dimensions of a symbol embedding; 0 takes one-hot vectors, which is best for few symbols."""
    dropout: float = 0.0
    """Dropout on each layer's outputs."""
    forget_bias: float = 1.0
    """Initial bias of the LSTM's forget gates; with 1 or more the cell remembers from the start."""

    def __post_init__(self) -> None:
        check_choice("model.cell", self.cell, CELLS)
        check_fields(self, "model", "units", "layers", at_least=1)
        check_fields(self, "model", "embedding", at_least=0)
        check_fields(self, "model", "dropout", at_least=0, below=1)
        check_fields(self, "model", "forget_bias", at_least=-100, at_most=100)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "CharRNN":
        if not spec.vocabulary:
            raise ValueError("a char_rnn needs text to learn from, and this data has no vocabulary")
        return CharRNN(self, spec, rng=rng)


class CharRNN(nn.Module):
    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.decoder = Decoder(
            len(spec.symbols),
            cell=config.cell,
            units=config.units,
            layers=config.layers,
            embedding=config.embedding,
            dropout=config.dropout,
            forget_bias=config.forget_bias,
            rng=rng,
        )

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def nats(
        self, tokens: Int[Tensor, "B T"], state: State, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B T-1"], State]:
        """-log p of every symbol except the first, and the final state."""
        logits, state, _ = self.decoder(tokens[:, :-1], state, rng=rng)
        return F.cross_entropy(logits.float().transpose(1, 2), tokens[:, 1:], reduction="none"), state

    def losses(self, batch: Characters, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The mean over all symbols, in nats."""
        before = self.decoder.start(len(batch.tokens))
        if state:
            goes_on = ~batch.fresh[:, None, None]
            before = {name: state[name].to(zeros.dtype) * goes_on for name, zeros in before.items()}
        nats, after = self.nats(batch.tokens, before, rng=rng)
        yield Loss(nats.mean(), count=nats.numel(), log={"bits_per_char": nats.detach().mean() / likelihood.LOG_2})
        return after

    def measure(self, batch: Characters, *, rng: torch.Generator) -> Totals:
        """`nats_per_char` and `bits_per_char` of rows that each start from the zero state. A long row is read in pieces, with the
        state carried over, so that memory is bounded."""
        state = self.decoder.start(len(batch.tokens))
        total, length = torch.zeros((), device=batch.tokens.device), batch.tokens.shape[1]
        for first in range(0, length - 1, CHUNK):
            nats, state = self.nats(batch.tokens[:, first : min(first + CHUNK + 1, length)], state)
            total = total + nats.sum()
        count = float(len(batch.tokens) * (length - 1))
        return {"nats_per_char": (total, count), "bits_per_char": (total / likelihood.LOG_2, count)}

    def last_loss(self, batch: Characters, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of the last symbol of each row, in nats, from the zero state on."""
        return self.nats(batch.tokens, self.decoder.start(len(batch.tokens)))[0][:, -1]

    # ---------------------------------------------------------------- text

    def write(self, request: Request, index: int) -> Iterator[Piece]:
        """Yields sample number `index` piece by piece, starting with the prime. Without a prime it starts like a new line. Raises
        ValueError for unknown symbols in the prime or in `until`, and for settings that apply to pictures only."""
        pieces = self.written(request, index)
        if request.until:
            pieces = ended(pieces, encode(request.until, self.spec.symbols))
        yield Piece(plain_lines(request.prime, self.spec.symbols), 0.0)
        log_probs: list[float] = []

        def tokens() -> Iterator[list[int]]:
            for chosen, probabilities in pieces:
                log_probs.append(sum(probabilities))
                yield chosen

        for text in decode(tokens(), self.spec.symbols):  # bytes may end with a piece that no symbol stands for
            yield Piece(text, log_probs.pop() if log_probs else 0.0)

    def written(self, request: Request, index: int) -> Iterator[tuple[list[int], list[float]]]:
        """Yields symbols and their log-probabilities, some at a time. Each sample is computed alone: a matrix product rounds a row
        differently in a larger batch, and sample number i must not depend on the number of samples."""
        if request.size is not None or request.tile:
            raise ValueError("`size` and `tile` are for pictures, and this model writes text; leave them out")
        vocabulary = self.spec.symbols
        text = plain_lines(request.prime, vocabulary) or line_break(vocabulary)
        prime = torch.tensor(encode(text, vocabulary), device=self.decoder.output.bias.device)
        rngs = [request.rng(index)]
        choose = sampling.chooser(temperature=request.temperature, top_k=request.top_k, top_p=request.top_p, rngs=rngs)
        with torch.inference_mode():
            state = self.decoder.start(1)
            for first in range(0, len(prime) - 1, CHUNK):
                _, state, _ = self.decoder(prime[None, first : min(first + CHUNK, len(prime) - 1)], state)
        if prime.device.type == "cpu":
            return self.compiled(int(prime[-1]), state, request, sampling.draws(rngs))
        moves = sampling.walk(torch.inference_mode()(self.decoder.step), prime[-1:], state, choose, length=request.length)
        return ((move.tokens.tolist(), move.log_probs.tolist()) for move in moves)

    def compiled(
        self, token: int, state: State, request: Request, uniforms: Iterator[Tensor]
    ) -> Iterator[tuple[list[int], list[float]]]:
        """The same by the compiled twin, on the CPU."""
        from drawgen.nn import decoder_cpu

        weights = decoder_cpu.weights(self.decoder)
        h = state["h"][0].float().numpy().copy()
        c = state["c"][0].float().numpy().copy() if "c" in state else h
        how = (float(request.temperature), min(request.top_k, len(self.spec.symbols)), float(request.top_p))
        for first in range(0, request.length, AT_ONCE):
            numbers = torch.cat([next(uniforms) for _ in range(min(AT_ONCE, request.length - first))]).numpy()
            tokens, log_probs = decoder_cpu.write(token, numbers, weights, h, c, *how)
            token = int(tokens[-1])
            yield tokens.tolist(), log_probs.tolist()


def ended(pieces: Iterator[tuple[list[int], list[float]]], wanted: list[int]) -> Iterator[tuple[list[int], list[float]]]:
    """The pieces up to the first place where these symbols are complete."""
    tail: list[int] = []  # of what was written, so much as may be their beginning
    for chosen, probabilities in pieces:
        seen = tail + chosen
        for end in range(len(wanted), len(seen) + 1):
            if seen[end - len(wanted) : end] == wanted:
                yield chosen[: end - len(tail)], probabilities[: end - len(tail)]
                return
        tail = seen[len(seen) - len(wanted) + 1 :]
        yield chosen, probabilities


SHAKESPEARE = Fit(steps=24_000, rate=3e-3, warmup=200, decay=1.0, clip=5.0, ema=0.999, valid_steps=2000, log_steps=50)

MARKUP = Fit(steps=2000, rate=3e-3, warmup=200, decay=1.0, clip=1.0, ema=0.995, valid_steps=500, log_steps=50)

PRESETS: dict[str, Recipe] = {
    "shakespeare": Recipe(
        model=Config(),
        data=Text(pieces=50),
        fit=SHAKESPEARE,
        what="tiny Shakespeare, on a CPU",
        size="240 k",
        figure="1.386 nats per character",
        about="char-rnn's defaults for tiny Shakespeare: two LSTM layers of 128, 50 rows of 50 characters, 240,321 weights, "
        "and its split, the last 5 % of each of 50 pieces of the text. Measured there (seed 0): 1.386 nats (2.000 bits) "
        "per character, 24,000 steps in 76 minutes on one thread of a busy two-core Xeon. On the end of the text "
        "(`--data.pieces 1`), most of it a play unlike all before it: 1.69 after 8,000 steps.",
    ),
    "shakespeare-large": Recipe(
        model=Config(units=512, dropout=0.5),
        data=Text(batch=100, length=100, pieces=50),
        fit=Fit(steps=10_000, rate=2e-3, warmup=200, decay=1.0, clip=5.0, ema=0.999, valid_steps=500, log_steps=50),
        what="two layers of 512",
        size="3.3 M",
        about="Two layers of 512 with dropout, 3.3 million weights, as the blog advises for 1 MB of text. At most 1.40 nats "
        "per character are expected. Not trained here: it needs a GPU.",
    ),
    "latex": Recipe(
        model=Config(units=384, layers=1, dropout=0.2),
        data=Text(batch=32, length=128, pieces=20),
        fit=MARKUP,
        what="LaTeX, 0.3 to 5 MB",
        size="772 k",
        figure="1.71 bits per character",
        about="One LSTM layer of 384 with some dropout, for 0.3 to 5 MB of LaTeX (`--data.path`). Measured on 0.5 MB: "
        "1.71 bits per character held out. What it keeps balanced: `scripts/results/char_rnn_markup.md`.",
    ),
    "xml": Recipe(
        model=Config(units=384, layers=1, dropout=0.2),
        data=Text(batch=32, length=128, pieces=20),
        fit=MARKUP,
        what="XML, SVG or HTML, 0.3 to 5 MB",
        size="683 k",
        figure="0.50 bits per character",
        about="One LSTM layer of 384 with some dropout, for 0.3 to 5 MB of XML (`--data.path`). Measured on 0.35 MB of "
        "SVG: 0.50 bits per character held out. What it keeps balanced: `scripts/results/char_rnn_markup.md`.",
    ),
    "svg": Recipe(
        model=Config(units=448, layers=1),
        data=SvgDrawings(),
        fit=Fit(steps=4500, rate=3e-3, warmup=200, decay=1.0, clip=1.0, ema=0.999, valid_steps=1000, log_steps=50),
        what="drawings as SVG files",
        size="925 k",
        figure="93 % of its files render",
        about="One LSTM layer of 448, on drawings that it makes itself: scenes, faces, animals, patterns, each a file of up to 840 "
        "characters. Of 200 files at temperature 1, 97 % parse, and 93 % render with two visible shapes or more; none lies within "
        "5 % of a training file: `scripts/results/char_rnn_svg.md`. 0.415 bits per character held out, after 4,500 steps in about "
        "15 CPU minutes (one thread of a busy two-core Xeon, `--fit.precision bf16`).",
    ),
    "tiny": Recipe(
        model=Config(units=16, layers=2),
        data=Sums(),
        fit=Fit(steps=4, warmup=2, clip=5.0),
        what="for tests, and a first look",
        size="4 k",
        about="Trains in seconds on a CPU, on sums that it makes itself, as 3+4=7.",
    ),
}
