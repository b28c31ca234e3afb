"""A recurrent network that reads a text or a drawing and then says which kind it is: many to one.

Axes: B items, T symbols of a text or rows of a drawing, D inputs of a step, U units, E features, K labels.

    h_t = cell(x_t, h_{t-1})                    from the first step to the last
    g_t = cell'(x_t, g_{t+1})                   from the last to the first, if `bidirectional`
    s   = [h_T, g_1]                            `end`; or the mean or the largest over t of each number of [h_t, g_t]
    p(label | x) = softmax(W s + b)

The cell is an LSTM (Hochreiter & Schmidhuber 1997), a GRU (Cho et al. 2014) or a plain recurrent network. Reading in both
directions: Schuster & Paliwal 1997, and of a sequence as a whole Graves & Schmidhuber 2005. The encoder of Sutskever et al. 2014
keeps the state at the end; the largest over time is kept by Conneau et al. 2017.

Of a text x_t is a learned vector of its symbol; symbol 0 stands for all that are unknown. Of a drawing it is the row dx, dy, up of
a pen (`drawgen.data.alphabets`) and the place (x, y) that the pen has reached.

Trained by -log p of the right label, in nats. A network that reads in one direction can be asked for the label after every step
(`every_step`; target replication of Lipton et al. 2016): a text of T symbols then teaches T texts, of all lengths.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Labelling, Loss, Player, Recipe, Spec, State, Totals
from drawgen.data.alphabets import Alphabets
from drawgen.data.labelled import LabelledBatch, LabelledTexts, MadeUpWords, numbered, padded
from drawgen.data.pen_rows import STEP, lines_of, rows_of
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import CELLS, Recurrent, dropped
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.training import Fit

SUMMARIES = ("end", "mean", "max")
"""What is kept of the states of all steps."""
LONGEST = 2000
"""Symbols of a text that are read, at most."""
AT_ONCE = 20_000
"""Symbols of a batch that are classified at once."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A classifier of texts or drawings."""

    cell: str = "lstm"
    """The recurrent cell: rnn, gru, gru_before or lstm."""
    units: int = 128
    """Units of each layer, in each direction."""
    layers: int = 1
    """Stacked layers."""
    bidirectional: bool = True
    """Whether a second network reads from the end to the start."""
    summary: str = "max"
    """What the label is read off: end, the states after the last step of each direction; mean or max, over all steps."""
    embedding: int = 32
    """Numbers of a symbol's vector; not of drawings."""
    every_step: bool = False
    """Whether training wants the label after every step, of what was read until then. Of networks that read in one direction."""
    dropout: float = 0.0
    """Fraction of the outputs of every layer, and of what the label is read off, that is set to 0 in training."""

    def __post_init__(self) -> None:
        check_choice("model.cell", self.cell, CELLS)
        check_choice("model.summary", self.summary, SUMMARIES)
        check_fields(self, "model", "units", "layers", "embedding", at_least=1)
        check_fields(self, "model", "dropout", at_least=0, below=1)
        if self.every_step and self.bidirectional:
            raise ArgumentError(
                "model.every_step",
                "is true, and a network that reads in both directions knows all of a text at every "
                "step; leave it out, or `model.bidirectional`",
            )

    def build(self, spec: Spec, *, rng: torch.Generator) -> "TextClassifier":
        if spec.vocabulary is None and spec.point != 3:
            raise ValueError("a text_classifier needs texts or drawings with labels to learn from, and this data has none")
        return TextClassifier(self, spec, rng=rng)


class TextClassifier(nn.Module):
    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.number = {symbol: n for n, symbol in enumerate(spec.vocabulary or ())}
        numbers = config.embedding if self.number else 5
        self.embedding: nn.Parameter | None = None
        if self.number:
            self.embedding = nn.Parameter(torch.randn(len(self.number), numbers, generator=rng))
        self.onward = Recurrent(config.cell, numbers, config.units, layers=config.layers, dropout=config.dropout, rng=rng)
        self.backwards: Recurrent | None = None
        if config.bidirectional:
            self.backwards = Recurrent(config.cell, numbers, config.units, layers=config.layers, dropout=config.dropout, rng=rng)
        self.says = linear(config.units * (1 + config.bidirectional), len(spec.labels), rng)

    @property
    def takes(self) -> str:
        return "texts" if self.number else "drawings"

    def inputs(self, inputs: Int[Tensor, "B T"] | Float[Tensor, "B T 3"]) -> Float[Tensor, "B T D"]:
        """What the cells read."""
        if self.embedding is not None:
            return F.embedding(inputs, self.embedding)
        return torch.cat([inputs, inputs[..., :2].cumsum(1) * (2 * STEP)], 2)

    def forward(
        self,
        inputs: Int[Tensor, "B T"] | Float[Tensor, "B T 3"],
        lengths: Int[Tensor, " B"],
        *,
        rng: torch.Generator | None = None,
    ) -> Float[Tensor, "B K"]:
        """log p of every label. With an `rng` there is dropout."""
        x = self.inputs(inputs)
        last = (lengths - 1)[:, None, None].expand(-1, 1, self.config.units)
        parts = [self.so_far(self.onward, x, rng).gather(1, last)[:, 0]]
        if self.backwards is not None:
            number = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
            turned = torch.where(number < lengths[:, None], lengths[:, None] - 1 - number, number)  # what pads a row stays there
            x = x.gather(1, turned[..., None].expand_as(x))
            parts.append(self.so_far(self.backwards, x, rng).gather(1, last)[:, 0])
        return self.log_probs(torch.cat(parts, 1), rng)

    def so_far(self, reader: Recurrent, x: Float[Tensor, "B T D"], rng: torch.Generator | None) -> Float[Tensor, "B T U"]:
        """What is kept, at each step, of the states up to it."""
        read, _ = reader(x, reader.start(len(x)), rng=rng)
        read = read.float() if read.dtype == torch.bfloat16 else read
        if self.config.summary == "max":
            return read.cummax(1).values
        if self.config.summary == "mean":
            return read.cumsum(1) / torch.arange(1, read.shape[1] + 1, device=read.device)[:, None]
        return read

    def log_probs(self, summary: Float[Tensor, "*B E"], rng: torch.Generator | None) -> Float[Tensor, "*B K"]:
        logits = self.says(dropped(summary, self.config.dropout, rng))
        return (logits.float() if logits.dtype == torch.bfloat16 else logits).log_softmax(-1)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    @property
    def held_out_score(self) -> str:
        return "nats_per_item"

    def losses(self, batch: LabelledBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The mean of -log p of the right labels, in nats: over items or, with `every_step`, over all steps."""
        if self.config.every_step:
            log_p = self.log_probs(self.so_far(self.onward, self.inputs(batch.inputs), rng), rng)
            inside = torch.arange(log_p.shape[1], device=log_p.device) < batch.lengths[:, None]
            labels = batch.labels[:, None].expand(inside.shape)[inside]
            right = (log_p[inside].argmax(1) == labels).float().mean()
            yield Loss(F.nll_loss(log_p[inside], labels), count=len(labels), log={"accuracy": right})
            return None
        log_p = self(batch.inputs, batch.lengths, rng=rng)
        right = (log_p.argmax(1) == batch.labels).float().mean()
        yield Loss(F.nll_loss(log_p, batch.labels), count=len(batch.labels), log={"accuracy": right})
        return None

    @torch.no_grad()
    def measure(self, batch: LabelledBatch, *, rng: torch.Generator) -> Totals:
        """`accuracy`, the share of items whose most probable label is right, and `nats_per_item`, -log p of the right label."""
        log_p, count = self(batch.inputs, batch.lengths), float(len(batch.labels))
        return {
            "accuracy": ((log_p.argmax(1) == batch.labels).sum().double(), count),
            "nats_per_item": (F.nll_loss(log_p, batch.labels, reduction="sum").double(), count),
        }

    def last_loss(self, batch: LabelledBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of the right label of each item, in nats, after the last step."""
        return F.nll_loss(self(batch.inputs, batch.lengths), batch.labels, reduction="none")

    # ---------------------------------------------------------------- classifying

    @torch.inference_mode()
    def classify(self, items: Sequence[str] | Sequence[Float[Tensor, "_ 3"]]) -> Labelling:
        """The labels of texts, or of drawings (rows dx, dy, up of any scale). Of a text `LONGEST` symbols are read. Raises
        ValueError for an empty one."""
        given: Sequence[str | Tensor] = items
        rows = [self.row(item, index) for index, item in enumerate(given)]
        found = torch.zeros(len(rows), len(self.spec.labels))
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        while order:
            at_once = max(1, AT_ONCE // len(rows[order[-1]]))
            some, order = order[-at_once:], order[:-at_once]  # the longest first
            batch = padded([rows[index] for index in some], [0] * len(some))
            own = self.says.weight
            inputs = batch.inputs.to(own) if self.takes == "drawings" else batch.inputs.to(own.device)
            found[some] = self(inputs, batch.lengths.to(own.device)).float().cpu()
        return Labelling(self.spec.labels, found)

    def row(self, item: str | Tensor, index: int) -> np.ndarray:
        """What the network reads of an item."""
        if isinstance(item, str) != (self.takes == "texts"):
            raise ValueError(f"item {index + 1} is {'a text' if isinstance(item, str) else 'a drawing'}, and {self.takes} are read")
        if isinstance(item, Tensor):
            try:
                return rows_of(lines_of(item.detach().cpu().numpy()))
            except ValueError as error:
                raise ValueError(f"drawing {index + 1} cannot be read ({error}); give rows dx, dy, up") from error
        found = np.array(numbered(item, self.spec.unit or "characters", self.number)[:LONGEST], np.int64)
        if not len(found):
            raise ValueError(f"text {index + 1} is empty; give at least one {(self.spec.unit or 'characters').removesuffix('s')}")
        return found


FIT = Fit(rate=4e-3, warmup=100, decay=0.7, log_steps=50)

PRESETS: dict[str, Recipe] = {
    "languages": Recipe(
        model=Config(units=192, bidirectional=False, summary="end", every_step=True),
        data=LabelledTexts(path="languages.csv", longest=40, min_count=3),
        fit=replace(FIT, minutes=8.0),
        about="Which language a text is in, by its characters: a table of texts and languages. On English, French and German "
        "captions of the same pictures (29,000 each; Multi30k), with seed 0 and 8,000 steps in bfloat16, 82.3, 96.1 and 99.5 % of "
        "pieces of 3 to 5, 6 to 10 and 11 to 20 characters of other captions are right, and all whole captions. A character "
        "5-gram model of each language is better on short pieces: 86.3, 97.6 and 99.7 %.",
        what="which language a text is in",
        size="178 k",
        figure="96 % right, of 6 to 10 letters",
    ),
    "alphabets": Recipe(
        model=Config(units=96, dropout=0.5),
        data=Alphabets(),
        fit=replace(FIT, minutes=10.0, weight_decay=0.01, ema=0.99),
        about="Which alphabet a drawn character is of, by the strokes of the pen: six alphabets of Omniglot, 2,880 drawings of 144 "
        "characters, measured on 780 drawings of 39 other characters. With seed 0 and 900 steps (2 CPU minutes in bfloat16, on one "
        "thread of a Xeon), 62.4 % are right (standard error over characters 5.7); 58.3 % by logistic regression on features made "
        "for it, 49.2 % by the nearest picture. The settings were chosen on other characters (fold 1).",
        what="which alphabet a drawn character is of",
        size="80 k",
        figure="62 % right, new characters",
    ),
    "own": Recipe(
        model=Config(dropout=0.2),
        data=LabelledTexts(),
        fit=replace(FIT, minutes=10.0),
        about="Your own texts with labels: any table of two columns, or a folder with a file LABEL.txt per label.",
        what="labels of your own texts",
    ),
    "tiny": Recipe(
        model=Config(units=12, embedding=8),
        data=MadeUpWords(),
        fit=Fit(steps=120, warmup=5, rate=2e-2, ema=0.9),
        about="Two made-up languages, for tests: it trains in seconds.",
        what="a small one, for tests",
        size="2 k",
    ),
}
