"""Sequence to sequence: a recurrent encoder reads a text, a recurrent decoder writes another (Sutskever, Vinyals & Le 2014,
"Sequence to Sequence Learning with Neural Networks"), with attention (Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by
Jointly Learning to Align and Translate"; Luong, Pham & Manning 2015, "Effective Approaches to Attention-based NMT").

Axes: B texts, S symbols of a source, T steps of a target, V symbols of the vocabulary, E features of a place, U units, K beams.

    e_1 .. e_S = encoder(x_1 .. x_S),   s_0 = tanh(W e_last)
    none       s_t = decoder(y_{t-1}, s_{t-1}),                p(y_t) = softmax(W_o s_t)
    dot, additive (Luong's global attention)
               a_t = softmax_i(score(e_i, s_t)),  c_t = sum_i a_ti e_i,
               p(y_t) = softmax(W_o tanh(W_c [c_t, s_t]))
    soft       a_t from s_{t-1}, and c_t enters s_t (Bahdanau's; `nn/attention.py` has the equations)

The encoder reads `both` ways (Bahdanau), or once: `forward`, or `reversed`, from the last symbol to the first, as Sutskever et al.
do: then the first symbols of source and target are near each other.

With `dot` and `additive` attention all steps of a given target are one call of the recurrent layers (teacher forcing). Luong's
input feeding is left out: it would make the steps follow each other.

A word that is not in the vocabulary is written as `<unknown>`. With `copies` it is replaced by the source's symbol that the
attention was highest at (Luong et al. 2015, "Addressing the Rare Word Problem"; they looked it up in a dictionary first).
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from drawgen import sampling
from drawgen.contract import TEXT_UNITS, Group, Hypothesis, Loss, Player, Recipe, Spec, State, Totals
from drawgen.data.captions import END, START, UNKNOWN
from drawgen.data.pairs import PairBatch, Pairs, Reversals, encode_sources
from drawgen.data.sentences import CAPITAL, JOINT, joined, symbols_of
from drawgen.nn.attention import GlobalAttention, Memory, SoftAttention, score
from drawgen.nn.decoder import Decoder
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import CELLS, Recurrent, dropped, pick, read_both_ways, turned_around
from drawgen.ranges import ArgumentError, check_choice, check_fields, check_range
from drawgen.training import Fit

ATTENTIONS = ("none", "dot", "additive", "soft")
READINGS = ("both", "forward", "reversed")
AT_ONCE = 12_000
"""Source symbols that are searched at once, over all texts and beams."""
LONGER = 2, 10
"""A translation has at most 2 S + 10 symbols."""
CERTAIN = 1e6
"""Nats that make a symbol certain."""
ROOM = "room"
"""In the state of a search: how many symbols a translation may still have."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """An encoder and a decoder."""

    cell: str = "lstm"
    """The recurrent cell: rnn, gru, gru_before or lstm."""
    units: int = 512
    """Units of each layer of the decoder; the encoder has as many, shared by its directions."""
    layers: int = 1
    """Stacked layers, of encoder and decoder."""
    embedding: int = 256
    """Size of the embeddings of the symbols."""
    source: str = "both"
    """How the source is read: both ways, forward, or reversed."""
    attention: str = "additive"
    """What the decoder sees of the source: none, its last state only; dot or additive, global attention; soft, attention that
    enters the next state."""
    attention_units: int = 256
    """Units of the additive score."""
    copies: bool = True
    """Whether unknown words are copied from the source, by the attention."""
    dropout: float = 0.3
    """Dropout of each layer's output."""
    input_dropout: float = 0.2
    """Dropout of the embeddings."""
    smoothing: float = 0.1
    """Label smoothing: the probability that is spread over all symbols in training."""

    def __post_init__(self) -> None:
        check_choice("model.cell", self.cell, CELLS)
        check_choice("model.source", self.source, READINGS)
        check_choice("model.attention", self.attention, ATTENTIONS)
        check_fields(self, "model", "units", "layers", "embedding", "attention_units", at_least=1)
        check_fields(self, "model", "dropout", "input_dropout", "smoothing", at_least=0, below=1)
        if self.source == "both" and self.units % 2:
            raise ArgumentError("model.units", f"is {self.units}, and two directions share them; give an even number")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Seq2Seq":
        check_choice("spec.unit", spec.wanted("unit", "pairs of texts"), TEXT_UNITS)
        return Seq2Seq(self, spec, rng=rng)


class Seq2Seq(nn.Module):
    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.unit: str = spec.wanted("unit", "pairs of texts")
        symbols: tuple[str, ...] = spec.wanted("source_vocabulary", "pairs of texts")
        both = config.source == "both"
        units = config.units // 2 if both else config.units
        self.embedding = nn.Embedding(len(symbols), config.embedding)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1, generator=rng)
        encoders = [
            Recurrent(config.cell, config.embedding, units, layers=config.layers, dropout=config.dropout, rng=rng)
            for _ in range(1 + both)
        ]
        self.encoder, self.backwards = encoders[0], (encoders[1] if both else None)
        part: SoftAttention | GlobalAttention | None = None
        if config.attention == "soft":
            part = SoftAttention(config.units, config.units, config.attention_units, rng=rng)
        elif config.attention != "none":
            scored = score(config.attention, config.units, config.units, config.attention_units, rng=rng)
            part = GlobalAttention(scored, config.units, config.units, rng=rng)
        self.decoder = Decoder(
            len(spec.symbols),
            cell=config.cell,
            units=config.units,
            layers=config.layers,
            embedding=config.embedding,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            attention=part,
            rng=rng,
        )
        self.bridge: nn.Linear | None = None
        if config.attention != "soft":  # which starts from the mean of what it sees
            self.bridge = linear(config.units, self.decoder.state_size, rng)

    @property
    def attends(self) -> bool:
        """Whether its translations have attention maps."""
        return self.config.attention != "none"

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def encode(
        self, sources: Int[Tensor, "B S"], lengths: Int[Tensor, " B"], *, rng: torch.Generator | None = None
    ) -> tuple[State, Memory | None]:
        """The decoder's first state, and what it attends to; padding has no probability. Dropout if an `rng` is given."""
        x = dropped(self.embedding(sources), self.config.input_dropout, rng)
        turned = turned_around(lengths, sources.shape[1])
        if self.config.source == "reversed":
            x = pick(x, turned)
        read, last = read_both_ways(self.encoder, self.backwards, x, lengths, rng=rng)
        if self.config.source == "reversed":
            read = pick(read, turned)
        mask = torch.arange(sources.shape[1], device=sources.device) < lengths[:, None]
        memory = self.decoder.look(read, mask) if self.attends else None
        state = self.decoder.start(len(sources), memory) if self.bridge is None else self.decoder.state_of(self.bridge(last))
        return state, memory

    def log_probs(self, batch: PairBatch, *, rng: torch.Generator | None = None) -> Float[Tensor, "B T V"]:
        """log p of every symbol at every step of the targets, in nats; with dropout if an `rng` is given."""
        state, memory = self.encode(batch.sources, batch.source_lengths, rng=rng)
        logits, _, _ = self.decoder(batch.targets[:, :-1], state, memory, rng=rng)
        return (logits.float() if logits.dtype == torch.bfloat16 else logits).log_softmax(-1)

    def nats(self, batch: PairBatch, log_p: Float[Tensor, "B T V"]) -> tuple[Tensor, Tensor]:
        """-log p of every symbol of the targets, 0 beyond the end; and which symbols count."""
        wanted = batch.targets[:, 1:]
        counted = torch.arange(wanted.shape[1], device=wanted.device) < batch.lengths[:, None] - 1
        return -log_p.gather(2, wanted[..., None])[..., 0].masked_fill(~counted, 0.0), counted

    def losses(self, batch: PairBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The mean over symbols of -log p, in nats, with label smoothing (Szegedy et al. 2016, section 7)."""
        log_p = self.log_probs(batch, rng=rng)
        nats, counted = self.nats(batch, log_p)
        count = counted.sum()
        value = nats.sum() / count
        if self.config.smoothing:
            even = -(log_p.mean(2) * counted).sum() / count
            value = (1 - self.config.smoothing) * value + self.config.smoothing * even
        yield Loss(value, count=len(nats), log={"nats_per_symbol": nats.detach().sum() / count})
        return None

    @property
    def held_out_score(self) -> str:
        return "nats_per_symbol"

    @torch.no_grad()
    def measure(self, batch: PairBatch, *, rng: torch.Generator) -> Totals:
        nats, counted = self.nats(batch, self.log_probs(batch))
        return {"nats_per_symbol": (nats.sum(), float(counted.sum()))}

    def last_loss(self, batch: PairBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of each target's end, in nats."""
        nats, counted = self.nats(batch, self.log_probs(batch))
        return nats.gather(1, counted.sum(1, keepdim=True) - 1)[:, 0]

    # ---------------------------------------------------------------- translating

    def search(self, sources: Int[Tensor, "B S"], lengths: Int[Tensor, " B"], beams: int) -> sampling.Beams:
        """The best targets by beam search."""
        state, memory = self.encode(sources, lengths)
        most = self.longest(lengths)

        def step(tokens: Int[Tensor, " R"], state: State) -> tuple[Tensor, State, dict[str, Tensor]]:
            room = state[ROOM] - 1
            own = {name: tensor for name, tensor in state.items() if name != ROOM}
            logits, after, seen = self.decoder.step(tokens, own, memory)
            logits[:, START] = -torch.inf
            if not (self.attends and self.config.copies):
                logits[:, UNKNOWN] = -torch.inf
            # Each row has a limit of its own, so that it does not depend on the texts beside it. Certain: the end.
            logits[:, END] += (room <= 0) * CERTAIN
            return logits, after | {ROOM: room}, seen

        start = torch.full((len(sources),), START, device=sources.device)
        return sampling.beam_search(
            step, start, state | {ROOM: most}, beams=beams, length=int(most.max()), end=END, alpha=1.0
        )  # fmt: skip

    @staticmethod
    def longest(lengths: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """The largest number of symbols of a translation, counting the end, of sources of these lengths."""
        times, more = LONGER
        return times * lengths + more

    @torch.inference_mode()
    def translate(self, texts: Sequence[str], *, beams: int = 5, n: int = 1) -> list[list[Hypothesis]]:
        """The `n` best translations of each text by a beam search of width `beams`, at least n; the best first. Texts of like
        length are translated together. Raises ValueError for a text without symbols."""
        check_range("n", n, at_least=1)
        check_range("beams", beams, at_least=1)
        width = max(beams, n)
        sources = [symbols_of(text, self.unit) for text in texts]
        for index, source in enumerate(sources):
            if not source:
                raise ValueError(f"text {index + 1} is empty; give a sentence")
        found: dict[int, list[Hypothesis]] = {}
        for some in sampling.together([len(source) for source in sources], AT_ONCE // width):
            tokens, lengths = encode_sources([sources[index] for index in some], self.spec)
            device = self.embedding.weight.device
            beam = self.search(tokens.to(device), lengths.to(device), width)
            most = self.longest(lengths).tolist()
            found |= {index: self.hypotheses(sources[index], beam, row, n, most[row]) for row, index in enumerate(some)}
        return [found[index] for index in range(len(texts))]

    def hypotheses(self, source: list[str], beam: sampling.Beams, row: int, n: int, most: int) -> list[Hypothesis]:
        """The best of a row of a search. One of `most` symbols was cut there."""
        made = []
        for k in range(n):
            if not beam.scores[row, k].isfinite():
                break
            count = int(beam.lengths[row, k])
            finished = bool(beam.finished[row, k]) and count < most
            count -= bool(beam.finished[row, k])
            maps = beam.extras["map"][row, k, :count, : len(source)].float().cpu() if self.attends else None
            words = [self.spec.symbols[number] for number in beam.tokens[row, k, :count].tolist()]
            if maps is not None and self.config.copies:
                for t, word in enumerate(words):
                    if word == self.spec.symbols[UNKNOWN]:
                        words[t] = source[int(maps[t].argmax())]
            log_probs = beam.log_probs[row, k, :count].tolist()
            text = joined(words, self.unit)
            shown, groups = self.shown(words)
            read, columns = self.shown(source)
            if maps is not None:
                folded = torch.stack([maps[:, group].sum(1) for group in columns], 1) if columns else maps
                maps = torch.stack([folded[group].mean(0) for group in groups])[:, None] if groups else folded[:0, None]
                maps = maps / maps.sum(2, keepdim=True).clamp(min=1e-12)
            each = tuple(sum(log_probs[t] for t in group) for group in groups)
            made.append(Hypothesis(tuple(shown), text, float(beam.scores[row, k]), each, finished, maps, tuple(read)))
        return made

    def shown(self, symbols: Sequence[str]) -> tuple[list[str], list[list[int]]]:
        """(words without marks, which symbols each is made of): the mark of a capital is part of the word after it."""
        if self.unit == "characters":
            return list(symbols), [[t] for t in range(len(symbols))]
        words, groups, before = [], [], []
        for t, symbol in enumerate(symbols):
            before.append(t)
            if symbol == CAPITAL and t + 1 < len(symbols):
                continue
            bare = symbol.strip(JOINT)
            words.append(bare[:1].upper() + bare[1:] if len(before) > 1 else bare)
            groups.append(before)
            before = []
        return words, groups


TRANSLATE = Config()
FIT = Fit(minutes=30.0, rate=2e-3, warmup=200, decay=0.6, log_steps=50)
LONG = Pairs(path="train.de", target="train.en", valid="val.de", valid_target="val.en")

PRESETS: dict[str, Recipe] = {
    "translate": Recipe(
        model=replace(TRANSLATE, units=288, embedding=144, attention_units=128),
        data=Pairs(min_count=3),
        fit=FIT,
        about="Translates sentences, learned from pairs of sentences in a file of two columns. Shipped: English to French, "
        "from 72,122 pairs of Tatoeba of up to 13 words and signs. With seed 0 and 4,400 steps (35 minutes in "
        "bfloat16, beside other work, on one thread of a Xeon), BLEU on 1,431 held-out sentences, with all their translations as "
        "references, is 46.4 with a beam of 5 (sacrebleu, 13a, mixed case).",
        what="sentences of another language",
        size="4.5 M",
        figure="46.4 BLEU, short sentences",
    ),
    "translate-long": Recipe(
        model=TRANSLATE,
        data=LONG,
        fit=FIT,
        about="Multi30k's German to English, with attention. With seed 0 and 1,800 steps (8 epochs, 25 minutes in bfloat16 on"
        " one thread of a Xeon), BLEU on its 1,014 validation sentences is 39.8 with a beam of 5 and 38.1 greedily "
        "(sacrebleu, 13a, mixed case).",
        what="Multi30k, with attention",
        size="10.6 M",
        figure="39.8 BLEU",
    ),
    "translate-no-attention": Recipe(
        model=replace(TRANSLATE, attention="none", source="reversed"),
        data=LONG,
        fit=FIT,
        about="Multi30k's German to English without attention; the source is read from its end, as in Sutskever et al. 2014. "
        "With seed 0 and 1,800 steps, as many as with attention, BLEU is 4.1: it does not look at the source "
        "yet, and writes nearly the same sentence for all.",
        what="Multi30k, no attention, reversed source",
        size="10.3 M",
        figure="4.1 BLEU, after 8 epochs",
    ),
    "translate-forward": Recipe(
        model=replace(TRANSLATE, attention="none", source="forward"),
        data=LONG,
        fit=FIT,
        about="Multi30k's German to English without attention; the source is read from its beginning. With "
        "seed 0 and 1,800 steps BLEU is 4.1, as with the source reversed: it does not look at the source yet.",
        what="Multi30k, no attention, forward source",
        size="10.3 M",
    ),
    "reverse": Recipe(
        model=Config(units=128, embedding=64, attention_units=64, dropout=0.0, input_dropout=0.0, smoothing=0.0),
        data=Reversals(),
        fit=Fit(minutes=3.0, rate=3e-3, warmup=100, decay=0.5, log_steps=50),
        about="A toy: words of 1 to 12 random letters are written backwards. With seed 0 and 3,000 steps (1 minute in bfloat16 on "
        "one thread of a Xeon) all of 1,000 unseen words are right. Without attention 98.7 % are if the source is read forward, so "
        "that its last letter, the first to be written, comes last, and 94.4 % if it is read reversed.",
        what="a toy: words written backwards",
        size="256 k",
        figure="100 % right",
    ),
    "tiny": Recipe(
        model=Config(units=32, embedding=16, attention_units=16, dropout=0.0, input_dropout=0.0, smoothing=0.0),
        data=Reversals(letters="abcde", most=5, batch=32, count=64),
        fit=Fit(steps=20, warmup=5),
        about="A small translator for tests: it trains in seconds.",
        what="a small one, for tests",
        size="17 k",
    ),
}
