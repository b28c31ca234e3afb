"""A sentence becomes a tree (Vinyals et al. 2015, "Grammar as a Foreign Language").

Axes: B sentences, W words, T symbols of a tree, V symbols, E features of a word, U units, K beams, R = B x K rows of a search.

A tree is written as a sequence of symbols, depth first; the words are XX, and closing brackets carry the label:

    (S (NP (NNS dogs)) (VP (VBP bark)))  ->  (S (NP XX )NP (VP XX )VP )S

    e_1 .. e_W = encoder(x_1 .. x_W),   s_0 = tanh(W_s e_last)
    s_t = decoder(y_{t-1}, s_{t-1}),    a_t = softmax_i(v . tanh(W_1 e_i + W_2 s_t)),   c_t = sum_i a_ti e_i
    p(y_t | y_1 .. y_{t-1}, x) = softmax(W_o tanh(W_c [c_t, s_t]))

The paper feeds c_t to the next step, too; here all steps of a given tree are one call of the recurrent layers (teacher forcing).

Beyond the paper:

- `aligned`: the decoder is fed the encoder's outputs at the next word, the last one, and the first of the innermost open
  constituent. Which words these are needs no attention: the symbols so far say it. (The paper found that the attention learns to
  look at the next word. Cross & Huang 2016 parse by such features alone.)
- `affixes`: a word's embedding is the sum of its own and of those of its first letters and last letters.
- `tagging`: the encoder also learns the words' parts of speech, where the data has them; a predicted tree has them then.
- A search can be constrained to trees over all words (`nn/bracketing.py`). Without that, what is not a tree is mended as in the
  paper: brackets are added at either end.

Trees of scenes (`data/scene_sentences.py`) have leaves of their own in place of the words.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from drawgen import sampling
from drawgen.contract import Group, Loss, Parse, Player, Recipe, Spec, State, Totals
from drawgen.data.penn_text import known, penn_words
from drawgen.data.scene_sentences import SceneSentences, words_of_sentence
from drawgen.data.tree_batches import UNKNOWN, TreeBatch
from drawgen.data.treebanks import Treebank
from drawgen.nn.attention import GlobalAttention, Memory, score
from drawgen.nn.bracketing import END, Brackets
from drawgen.nn.decoder import Decoder
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import CELLS, Recurrent, dropped, read_both_ways
from drawgen.ranges import ArgumentError, check_choice, check_fields, check_range
from drawgen.training import Fit
from drawgen.trees.linear import XX, mended
from drawgen.trees.scoring import score_of

ATTENTIONS = ("none", "dot", "additive")
AT_ONCE = 6_000
"""Words that are searched at once, over all sentences and beams."""
LONGER = 5, 30
"""A tree has at most 5 W + 30 symbols."""
ROW = "row"
"""In the state of a search: the number of the sentence."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """An encoder of the words and a decoder of the tree's symbols."""

    cell: str = "lstm"
    """The recurrent cell: rnn, gru, gru_before or lstm."""
    units: int = 256
    """Units of each layer of the decoder; the encoder has as many, shared by its two directions."""
    layers: int = 2
    """Stacked layers of the encoder."""
    decoder_layers: int = 1
    """Stacked layers of the decoder."""
    embedding: int = 128
    """Size of the embeddings of words and symbols."""
    attention: str = "additive"
    """How the decoder sees the words: none, dot or additive."""
    attention_units: int = 128
    """Units of the additive score."""
    aligned: bool = True
    """Whether the decoder sees the encoder's outputs at the words that the next symbol is about. The paper has only attention."""
    affixes: bool = True
    """Whether words share embeddings by their first and last letters, also words that are not known."""
    tagging: float = 0.5
    """Weight of the loss of the parts of speech; 0 does not learn them."""
    dropout: float = 0.3
    """Dropout of each layer's output."""
    input_dropout: float = 0.3
    """Dropout of the embeddings."""

    def __post_init__(self) -> None:
        check_choice("model.cell", self.cell, CELLS)
        check_choice("model.attention", self.attention, ATTENTIONS)
        check_fields(self, "model", "units", "layers", "decoder_layers", "embedding", "attention_units", at_least=1)
        check_fields(self, "model", "dropout", "input_dropout", at_least=0, below=1)
        check_fields(self, "model", "tagging", at_least=0)
        if self.units % 2:
            raise ArgumentError("model.units", f"is {self.units}, and two directions share them; give an even number")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Seq2Tree":
        return Seq2Tree(self, spec, rng=rng)


class Seq2Tree(nn.Module):
    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        words: tuple[str, ...] = spec.wanted("source_vocabulary", "sentences and their trees")
        self.brackets = Brackets(spec.symbols, XX)
        self.of_words = self.brackets.word is not None
        if config.aligned and not self.of_words:
            raise ArgumentError(
                "model.aligned", "is true, and these trees have leaves of their own in place of words; make it false"
            )
        self.numbers = {word: number for number, word in enumerate(words)}
        self.embedding = nn.Embedding(len(words), config.embedding)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1, generator=rng)
        self.affixes: nn.Embedding | None = None
        self.affix_numbers: Tensor
        if config.affixes:
            table, count = affixes_of(words)
            self.register_buffer("affix_numbers", table, persistent=False)
            self.affixes = nn.Embedding(count, config.embedding)
            nn.init.uniform_(self.affixes.weight, -0.05, 0.05, generator=rng)
        self.encoder, self.backwards = (
            Recurrent(config.cell, config.embedding, config.units // 2, layers=config.layers, dropout=config.dropout, rng=rng)
            for _ in range(2)
        )
        self.tagger = linear(config.units, len(spec.labels), rng) if config.tagging and spec.classes else None
        part: GlobalAttention | None = None
        if config.attention != "none":
            scored = score(config.attention, config.units, config.units, config.attention_units, rng=rng)
            part = GlobalAttention(scored, config.units, config.units, rng=rng)
        self.decoder = Decoder(
            len(spec.symbols),
            cell=config.cell,
            units=config.units,
            layers=config.decoder_layers,
            embedding=config.embedding,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            attention=part,
            beside=3 * config.units if config.aligned else 0,
            rng=rng,
        )
        self.bridge = linear(config.units, self.decoder.state_size, rng)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def encode(
        self, words: Int[Tensor, "B W"], lengths: Int[Tensor, " B"], *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B W E"], State, Memory | None]:
        """(outputs, the decoder's first state, what it attends to); padding has no probability. Dropout if an `rng` is given."""
        x = self.embedding(words)
        if self.affixes is not None:
            x = x + self.affixes(self.affix_numbers[words]).sum(2)
        x = dropped(x, self.config.input_dropout, rng)
        read, last = read_both_ways(self.encoder, self.backwards, x, lengths, rng=rng)
        inside = torch.arange(words.shape[1], device=words.device) < lengths[:, None]
        memory = self.decoder.look(read, inside) if self.config.attention != "none" else None
        return read * inside[..., None], self.decoder.state_of(self.bridge(last)), memory

    def seen(
        self, read: Float[Tensor, "B W E"], rows: Int[Tensor, "..."], used: Int[Tensor, "..."], first: Int[Tensor, "..."]
    ) -> Float[Tensor, "... F"]:
        """The encoder's outputs at the next word, the last one, and the first of the innermost open constituent; zeros where there
        is none. Before the next word there were `used` words, and before the constituent `first`."""
        edged = nn.functional.pad(read, (0, 0, 1, 1))
        most = read.shape[1] + 1
        return torch.cat([edged[rows, place.clamp(max=most)] for place in (used + 1, used, first + 1)], -1)

    def places(self, batch: TreeBatch, before: Int[Tensor, "B T"]) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
        """(used, first) of `seen`, at every step of given trees."""
        state, used, first = self.brackets.start(batch.word_lengths, batch.symbol_lengths), [], []
        for symbol in before.unbind(1):
            state = self.brackets.after(state, symbol)
            used.append(state["used"])
            first.append(self.brackets.first(state))
        return torch.stack(used, 1), torch.stack(first, 1)

    def log_probs(
        self, batch: TreeBatch, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B T V"], Float[Tensor, "B W E"]]:
        """(log p of every symbol at every step of the trees, in nats; the encoder's outputs). Dropout if an `rng` is given."""
        read, state, memory = self.encode(batch.words, batch.word_lengths, rng=rng)
        before = torch.cat([torch.full_like(batch.symbols[:, :1], END), batch.symbols[:, :-1]], 1)
        beside = None
        if self.config.aligned:
            rows = torch.arange(len(before), device=before.device)[:, None].expand_as(before)
            beside = self.seen(read, rows, *self.places(batch, before))
        logits, _, _ = self.decoder(before, state, memory, beside, rng=rng)
        return (logits.float() if logits.dtype == torch.bfloat16 else logits).log_softmax(-1), read

    def nats(self, batch: TreeBatch, log_p: Float[Tensor, "B T V"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The sum of -log p of the trees' symbols, and their number."""
        counted = torch.arange(batch.symbols.shape[1], device=log_p.device) < batch.symbol_lengths[:, None]
        chosen = log_p.gather(2, batch.symbols[..., None])[..., 0]
        return -(chosen * counted).sum(), counted.sum().to(log_p.dtype)

    def tags(self, batch: TreeBatch, read: Float[Tensor, "B W E"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Tensor]:
        """Of the parts of speech: the sum of -log p, their number, and how many are right."""
        assert self.tagger is not None
        inside = torch.arange(read.shape[1], device=read.device) < batch.word_lengths[:, None]
        logits, wanted = self.tagger(read[inside]).float(), batch.tags[inside]
        return (
            nn.functional.cross_entropy(logits, wanted, reduction="sum"),
            inside.sum().float(),
            (logits.argmax(1) == wanted).sum(),
        )

    def last_loss(self, batch: TreeBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of the last symbol of each tree, in nats."""
        last = (batch.symbol_lengths - 1)[:, None]
        chosen = self.log_probs(batch)[0].gather(2, batch.symbols[..., None])[..., 0]
        return -chosen.gather(1, last)[:, 0]

    def losses(self, batch: TreeBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The mean over symbols of -log p, in nats, and over words that of their parts of speech."""
        log_p, read = self.log_probs(batch, rng=rng)
        nats, count = self.nats(batch, log_p)
        value = nats / count
        log = {"nats_per_symbol": value.detach()}
        if self.tagger is not None:
            tag_nats, words, _ = self.tags(batch, read)
            value = value + self.config.tagging * tag_nats / words
        yield Loss(value, count=len(log_p), log=log)
        return None

    @torch.no_grad()
    def measure(self, batch: TreeBatch, *, rng: torch.Generator) -> Totals:
        """`nats_per_symbol`; of greedy constrained decoding `exact`, the share of sentences with the same tree, and of trees over
        words `f1`, by EVALB's rules (`drawgen.trees.scoring`); `tagged`, the share of words with the right part of speech."""
        log_p, read = self.log_probs(batch)
        nats, count = self.nats(batch, log_p)
        found = self.search(batch.words, batch.word_lengths, 1, constrained=True).tokens[:, 0]
        scores: Totals = {}
        exact = sum(self.symbols_of(mine) == self.symbols_of(true) for mine, true in zip(found, batch.symbols, strict=True))
        if self.of_words:
            total = [0, 0]
            for mine, true, tags, length in zip(found, batch.symbols, batch.tags, batch.word_lengths.tolist(), strict=True):
                words = [XX] * length
                spoken = [self.spec.labels[tag] for tag in tags[:length].tolist()] if self.spec.classes else None
                each = score_of(*(mended(self.symbols_of(symbols), words, spoken)[0] for symbols in (true, mine)))
                total = [total[0] + 2 * each.matched, total[1] + each.gold + each.predicted]
            scores["f1"] = (torch.tensor(total[0], dtype=torch.float64), float(total[1]))
        scores["exact"] = (torch.tensor(exact, dtype=torch.float64), float(len(found)))
        if self.tagger is not None:
            _, words_counted, right = self.tags(batch, read)
            scores["tagged"] = (right.double(), float(words_counted))
        return scores | {"nats_per_symbol": (nats, float(count))}

    @property
    def held_out_score(self) -> str:
        return "nats_per_symbol"

    def symbols_of(self, tokens: Int[Tensor, " T"]) -> list[str]:
        """The symbols before the end."""
        numbers = tokens.tolist()
        return [self.spec.symbols[number] for number in numbers[: numbers.index(END) if END in numbers else None]]

    # ---------------------------------------------------------------- parsing

    def search(self, words: Int[Tensor, "B W"], lengths: Int[Tensor, " B"], beams: int, *, constrained: bool) -> sampling.Beams:
        """The best trees by beam search."""
        read, state, memory = self.encode(words, lengths)
        times, more = LONGER
        longest = times * lengths + more
        rules = self.brackets.start(lengths, longest)
        row = {ROW: torch.arange(len(words), device=words.device)}

        def step(tokens: Int[Tensor, " R"], state: State) -> tuple[Tensor, State, dict[str, Tensor]]:
            now = self.brackets.after({name: state[name] for name in rules}, tokens)
            beside = self.seen(read, state[ROW], now["used"], self.brackets.first(now)) if self.config.aligned else None
            own = {name: tensor for name, tensor in state.items() if name not in rules and name != ROW}
            logits, after, _ = self.decoder.step(tokens, own, memory, beside)
            if constrained:
                logits = logits.masked_fill(~self.brackets.allowed(now), -torch.inf)
            return logits, after | now | {ROW: state[ROW]}, {}

        before = torch.full_like(lengths, END)
        return sampling.beam_search(
            step, before, state | rules | row, beams=beams, length=int(longest.max()), end=END, alpha=0.0
        )  # fmt: skip

    def words_of(self, text: str) -> list[str]:
        """The words of a sentence, as the training data splits them."""
        return penn_words(text) if self.of_words else words_of_sentence(text)

    @torch.inference_mode()
    def parse(self, texts: Sequence[str], *, beams: int = 1, constrained: bool = True) -> list[Parse]:
        """The most probable tree of each sentence in a beam of this width. Sentences of like length are parsed together. Raises
        ValueError for a sentence without words."""
        return self.parse_words([self.words_of(text) for text in texts], beams=beams, constrained=constrained)

    @torch.inference_mode()
    def parse_words(self, sentences: Sequence[Sequence[str]], *, beams: int = 1, constrained: bool = True) -> list[Parse]:
        """`parse` of sentences that are split into words."""
        check_range("beams", beams, at_least=1)
        for index, words in enumerate(sentences):
            if not words:
                raise ValueError(f"sentence {index + 1} has no words; give a sentence")
        found: dict[int, Parse] = {}
        for some in sampling.together([len(words) for words in sentences], AT_ONCE // beams):
            found |= dict(zip(some, self.parsed([sentences[index] for index in some], beams, constrained), strict=True))
        return [found[index] for index in range(len(sentences))]

    def parsed(self, sentences: Sequence[Sequence[str]], beams: int, constrained: bool) -> list[Parse]:
        """`parse_words` for sentences that are searched together."""
        device = self.embedding.weight.device
        numbers = [torch.tensor([known(word, n == 0, self.numbers) for n, word in enumerate(words)]) for words in sentences]
        words = nn.utils.rnn.pad_sequence(numbers, batch_first=True).to(device)
        lengths = torch.tensor([len(row) for row in numbers], device=device)
        beam = self.search(words, lengths, beams, constrained=constrained)
        tags: list[list[str]] | None = None
        if self.tagger is not None:
            best = self.tagger(self.encode(words, lengths)[0]).argmax(2)
            tags = [
                [self.spec.labels[tag] for tag in row[:length]] for row, length in zip(best.tolist(), lengths.tolist(), strict=True)
            ]
        parses = []
        for n, sentence in enumerate(sentences):
            symbols = self.symbols_of(beam.tokens[n, 0])
            over = sentence if self.of_words else None
            tree, whole = mended(symbols, over, tags[n] if tags is not None and self.of_words else None)
            parses.append(Parse(str(tree), float(beam.log_probs[n, 0].sum()), whole and bool(beam.finished[n, 0])))
        return parses


def affixes_of(words: Sequence[str]) -> tuple[Int[Tensor, "V A"], int]:
    """(numbers of each word's affixes, how many affixes there are): up to three first letters and four last ones, in small letters,
    and whether the word begins with a capital. Of a signature of unknown words, as far as it tells."""
    found: dict[str, int] = {}
    rows = []
    for word in words:
        if word.startswith(UNKNOWN[:-1]):
            flags, _, ending = word[len(UNKNOWN) : -1].rpartition("-")
            names = [f"-{ending[-n:].lower()}" for n in range(1, 1 + len(ending))]
            capital = "C" in flags
        else:
            small = word.lower()
            names = [f"-{small[-n:]}" for n in range(1, min(4, len(word)) + 1)]
            names += [f"{small[:n]}-" for n in (1, 2, 3) if len(word) > n]
            capital = word[:1].isupper()
        names.append(f"capital {capital}")
        rows.append(torch.tensor([found.setdefault(name, 1 + len(found)) for name in names]))
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), 1 + len(found)


FIT = Fit(minutes=15.0, rate=2e-3, warmup=100, decay=0.5, log_steps=50)
SCENES = Config(
    units=128, layers=1, embedding=64, attention_units=64, aligned=False, affixes=False, tagging=0.0, dropout=0.1, input_dropout=0.1
)

PRESETS: dict[str, Recipe] = {
    "treebank": Recipe(
        model=Config(attention="none"),
        data=Treebank(),
        fit=FIT,
        about="Constituency trees of sentences, learned from a treebank in Penn brackets. The decoder sees the "
        "encoder's outputs at "
        "the words around the next symbol. On 302 held-out sentences of GUM (3,405 trees to learn from), with seed 0 "
        "and 3,000 steps "
        "(47 minutes in bfloat16, beside other work, on one thread of a Xeon), labelled F1 is 77.1 greedily and 78.1 with a "
        "beam of 5. "
        "A grammar read "
        "off the same trees has 67.4, with parents' labels 72.8. Without constraints 34 % of the trees are malformed.",
        what="constituency trees, from a treebank",
        size="3.7 M",
        figure="78.1 F1, GUM",
    ),
    "treebank-paper": Recipe(
        model=Config(aligned=False, affixes=False, tagging=0.0),
        data=Treebank(),
        fit=FIT,
        about="Constituency trees as in the paper: the decoder sees the words by attention alone.",
        what="constituency trees, as in the paper",
        size="2.0 M",
    ),
    "treebank-no-attention": Recipe(
        model=Config(attention="none", aligned=False, affixes=False, tagging=0.0),
        data=Treebank(),
        fit=FIT,
        about="The same without attention: all that the decoder knows of the sentence is its first state. With seed 0 and 1,200 "
        "steps, labelled F1 on GUM is 14.7, where `treebank` has 75.0.",
        what="constituency trees, without attention",
        size="1.8 M",
        figure="14.7 F1, GUM",
    ),
    "scenes": Recipe(
        model=SCENES,
        data=SceneSentences(),
        fit=replace(FIT, minutes=10.0),
        about="Sentences about drawn scenes become the scenes' trees. With seed 0 and 4,000 steps (5 minutes on one thread of"
        " a Xeon), 98.2 % of 2,000 sentences with unseen pairs of colour and shape are drawn truly.",
        what="sentences about scenes",
        size="272 k",
        figure="98.2 % drawn truly",
    ),
    "tiny": Recipe(
        model=Config(units=16, layers=1, embedding=16, attention_units=16, aligned=False, affixes=False, tagging=0.0),
        data=SceneSentences(batch=8, count=16),
        fit=Fit(steps=20, warmup=5),
        about="A small parser for tests: it trains in seconds.",
        what="a small one, for tests",
        size="11 k",
    ),
}
