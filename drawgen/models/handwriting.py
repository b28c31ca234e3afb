"""Handwriting (Graves 2013, "Generating Sequences With Recurrent Neural Networks", sections 4 and 5): a network that writes a text
with a pen.

Axes: B lines, T rows, N characters, C symbols, K components of the window, U units, L layers, M components of the mixture.

A line is a sequence of points x_t = (dx, dy, e), where e is 1 if the pen is raised after the point. The first layer looks at the
text through a soft window w_t that moves along it (`nn/soft_window.py`), and the others see what it sees:

    h^1_t = LSTM([x_t, w_{t-1}], h^1_{t-1}),   w_t = window(h^1_t)                       (52)
    h^n_t = LSTM([x_t, h^{n-1}_t, w_t], h^n_{t-1})                                        (53)
    p(x_{t+1} | y_t) = sum_m pi_m N(dx, dy | mu_m, sigma_m, rho_m) p(e),   y_t by W [h^1_t ... h^L_t] + b    (17-25)
    loss = -sum_t log p(x_{t+1} | y_t)                                                  (26)

A line starts at its first point, so that only the pen of the first row is predicted. In sampling, probabilities may be biased
(61, 62): sigma = exp(s - b), pi = softmax((1 + b) p), where b = 1 / temperature - 1. A line is written as soon as the window looks
beyond its last character: phi(t, N + 1) > phi(t, u) for all u.

Other than in the paper, cells have no peepholes, and standard deviations and correlations have limits (`nn/pen_mixture.py`).
"""

import textwrap
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Loss, PenDrawing, Player, Reading, Recipe, Request, Sample, Spec, State, Totals
from drawgen.data.handwriting import HandwritingBatch, OwnHands
from drawgen.data.iam_online import IamOnline
from drawgen.nn.linear import linear
from drawgen.nn.pen_mixture import PenMixture, biased, choose_step, inverted, pen_log_prob, pen_mixture, step_log_density
from drawgen.nn.recurrence import Recurrent
from drawgen.nn.soft_window import SoftWindow, one_hot
from drawgen.ranges import ArgumentError, check_fields
from drawgen.strokes.pen_lines import ink_of
from drawgen.training import Fit

ROW = 3
"""Numbers of a row."""
PENS = 2
"""States of the pen: down, raised."""
MOST_ROWS = 60
"""Points per character, at most."""
MOST_CHARACTERS = 2000
"""Of a text that is written at once, at most."""
STYLE = 5
"""Letters, at least, after which the hand of a line is known."""
LIKE = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u2010\u2212\u00a0\t", "''\"\"----  ")
"""Typographic marks as typewriters have them."""
LEADING, MARGIN, NIB = 1.35, 0.3, 0.045
"""Between two lines of text, around them, and the width of the pen, where the height of a line is 1."""
LINE_PX = 64
"""The height of a line in a picture of no given size."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A network that writes a text with a pen."""

    layers: int = 2
    """Layers of LSTM cells; the first one has the window."""
    units: int = 192
    """Units of each layer."""
    window: int = 10
    """Gaussians of the window over the characters."""
    mixture: int = 20
    """Gaussians of the mixture for a step of the pen."""

    def __post_init__(self) -> None:
        check_fields(self, "model", "layers", "units", "window", "mixture", at_least=1)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Handwriting":
        if spec.step is None or spec.vocabulary is None:
            raise ValueError("a model of handwriting needs lines of a pen with their texts, and this data has none")
        return Handwriting(self, spec, rng=rng)


class Handwriting(nn.Module):
    """The synthesis network."""

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        units, symbols = config.units, len(spec.symbols)
        self.first = Recurrent("lstm", ROW + symbols, units, rng=rng)
        self.window = SoftWindow(units, config.window, rng=rng)
        self.others = nn.ModuleList(Recurrent("lstm", ROW + symbols + units, units, rng=rng) for _ in range(config.layers - 1))
        self.output = linear(config.layers * units, 6 * config.mixture + PENS, rng)

    def characters(self, batch: HandwritingBatch) -> Float[Tensor, "B N1 C"]:
        return one_hot(batch.text, batch.text_lengths, len(self.spec.symbols))

    def start(self, lines: int) -> "Memory":
        """Before the first row."""
        device, units = self.output.bias.device, self.config.units
        zeros = torch.zeros(lines, units, device=device)
        return Memory(
            tuple((zeros, zeros) for _ in range(self.config.layers)),
            torch.zeros(lines, self.config.window, device=device),
            torch.zeros(lines, len(self.spec.symbols), device=device),
        )

    def unroll(
        self, rows: Float[Tensor, "B T 3"], characters: Float[Tensor, "B N1 C"], memory: "Memory"
    ) -> tuple[Float[Tensor, "B T P"], "Memory", Float[Tensor, "B T N1"]]:
        """(the numbers of the distribution of the row after each, the memory after the last, phi at each row). The products with
        the rows are one for all steps; only the first layer goes step by step."""
        weights = self.first.weights(0)
        from_row, from_window = weights.across.split([ROW, weights.across.shape[1] - ROW], 1)
        a = F.linear(rows, from_row, weights.across_bias)
        (h, c), kappa, w = memory.layers[0], memory.kappa, memory.window
        outputs, windows, seen = [], [], []
        for a_t in a.unbind(1):
            h, c = self.first.cell_step(0, a_t + F.linear(w, from_window), (h, c))
            w, kappa, phi = self.window(h, kappa, characters)
            outputs.append(h)
            windows.append(w)
            seen.append(phi)
        layers, hidden = [(h, c)], [torch.stack(outputs, 1)]
        inputs = torch.cat([rows, torch.stack(windows, 1)], 2)
        for layer, (h, c) in zip(self.others, memory.layers[1:], strict=True):
            out, state = layer(torch.cat([inputs, hidden[-1]], 2), {"h": h[:, None], "c": c[:, None]})
            layers.append((state["h"][:, 0], state["c"][:, 0]))
            hidden.append(out)
        return self.output(torch.cat(hidden, 2)), Memory(tuple(layers), kappa, w), torch.stack(seen, 1)

    def predicted(self, batch: HandwritingBatch) -> PenMixture:
        """The distribution of each row, from those before it."""
        before = torch.cat([pen_raised(len(batch.rows), batch.rows.device), batch.rows[:, :-1]], 1)
        return pen_mixture(self.unroll(before, self.characters(batch), self.start(len(before)))[0], PENS)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def losses(self, batch: HandwritingBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """-log p(line | text), nats per point: lines differ much in length."""
        nats = line_nats(self.predicted(batch), batch).sum()
        points = int(batch.lengths.sum())
        yield Loss(nats / points, count=points)
        return None

    def measure(self, batch: HandwritingBatch, *, rng: torch.Generator) -> Totals:
        """`nats` per line, and per point."""
        nats = line_nats(self.predicted(batch), batch)
        return {"nats": (nats.sum(), float(len(nats))), "nats_per_point": (nats.sum(), float(batch.lengths.sum()))}

    def last_loss(self, batch: HandwritingBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of each line's last row, in nats."""
        return -row_log_prob(self.predicted(batch), batch).gather(1, batch.lengths[:, None] - 1)[:, 0]

    # ---------------------------------------------------------------- texts

    def broken(self, text: str) -> list[str]:
        """The lines in which it writes a text: broken between words, at ends of line, and within words that are longer than a line.
        Raises ArgumentError."""
        if not text.strip():
            raise ArgumentError("text", "is empty; give some words")
        if len(text) > MOST_CHARACTERS:
            raise ArgumentError(
                "text", f"has {len(text)} characters, and at most {MOST_CHARACTERS} are written at once; give a part"
            )
        known = set(self.spec.symbols)
        plain = text.translate({code: new for code, new in LIKE.items() if chr(code) not in known})
        lines = [
            part
            for line in plain.strip("\n").splitlines()
            for part in textwrap.wrap(line, self.longest, break_on_hyphens=False) or [""]
        ]
        if strange := [letter for line in lines for letter in line if letter not in known]:
            able = "".join(sorted(known))
            raise ArgumentError("text", f"has {strange[0]!r}, which this model does not write; it writes {able.strip()}")
        return lines

    @property
    def longest(self) -> int:
        """Characters of a line."""
        return (self.spec.counts or (1, 28))[1]

    @torch.inference_mode()
    def handwrite(self, text: str, request: Request) -> Sample:
        """The text by hand; all lines of a sample in one hand: those after the first go on from its first words."""
        if request.tile:
            raise ArgumentError("tile", "is true, and this model writes texts, which do not tile; leave it out")
        lines = self.broken(text)
        pages = self.pages(lines, request)
        wide, tall = (max(side) for side in zip(*(page.extent for page in pages), strict=True))
        drawings, readings = zip(*(page.placed(wide, tall) for page in pages), strict=True)
        size = request.size or (max(1, round(tall * LINE_PX)), max(1, round(wide * LINE_PX)))
        strokes = ink_of(drawings, size)
        return Sample(strokes.picture(), strokes.frames, lines=drawings, readings=readings)

    def pages(self, lines: Sequence[str], request: Request) -> list["Page"]:
        bias, step = 1 / request.temperature - 1, float(self.spec.step or 1.0)
        filled = [line for line in lines if line]
        rngs = [request.rng(index) for index in range(request.n)]
        noise = Noise.drawn(rngs, MOST_ROWS * len(filled[0]))
        start = self.start(request.n)
        first = self.write_on([filled[0]] * request.n, start, pen_raised(request.n, self.device)[:, 0], noise, bias, fresh=True)
        pages = []
        for row, rng in zip(first, rngs, strict=True):
            written = [row]
            if len(filled) > 1:
                style, words = style_of(row)
                texts = [f"{words} {line}" for line in filled[1:]]
                given = torch.from_numpy(style).to(self.device).expand(len(texts), -1, -1)
                before = torch.cat([pen_raised(len(texts), self.device), given[:, :-1]], 1)
                memory = self.unroll(before, self.hot(texts), self.start(len(texts)))[1]
                more = Noise.drawn([rng], MOST_ROWS * max(map(len, texts)), len(texts))
                written += [
                    one.after(style, len(words) + 1) for one in self.write_on(texts, memory, given[:, -1], more, bias, fresh=False)
                ]
            found = iter(written)
            pages.append(Page([next(found) if line else None for line in lines], step))
        return pages

    @property
    def device(self) -> torch.device:
        return self.output.bias.device

    def numbers(self, texts: Sequence[str]) -> tuple[Int[Tensor, "B N"], Int[Tensor, " B"]]:
        place = {symbol: number for number, symbol in enumerate(self.spec.symbols)}
        found = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.long)
        for row, text in enumerate(texts):
            found[row, : len(text)] = torch.tensor([place[letter] for letter in text])
        return found, torch.tensor([len(text) for text in texts])

    def hot(self, texts: Sequence[str]) -> Float[Tensor, "B N1 C"]:
        return one_hot(*self.numbers(texts), len(self.spec.symbols)).to(self.device)

    def write_on(
        self, texts: Sequence[str], memory: "Memory", last: Float[Tensor, "B 3"], noise: "Noise", bias: float, *, fresh: bool
    ) -> list["WrittenLine"]:
        """`walk`, on a CPU by its compiled twin."""
        if self.device.type == "cpu":
            rows, counts, seen = self.compiled(texts, memory, last, noise, bias, fresh=fresh)
        else:
            found = walk(self, texts, memory, last, noise.to(self.device), bias, fresh=fresh)
            rows, counts, seen = (part.cpu().numpy() for part in found)
        return [
            WrittenLine(text, own[:count], look[:count, : len(text)])
            for text, own, count, look in zip(texts, rows, counts.tolist(), seen, strict=True)
        ]

    def compiled(
        self, texts: Sequence[str], memory: "Memory", last: Float[Tensor, "B 3"], noise: "Noise", bias: float, *, fresh: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        from drawgen.nn import handwriting_cpu, sketch_rnn_cpu

        first, others = self.first.weights(0), [layer.weights(0) for layer in self.others]  # type: ignore[operator]
        units, symbols = self.config.units, len(self.spec.symbols)
        from_row, from_window = first.across.split([ROW, symbols], 1)
        weights = handwriting_cpu.Weights(
            array(from_row.t()), array(from_window.t()), array(first.along.t()),
            array(first.across_bias + first.along_bias), array(self.window.numbers.weight.t()), array(self.window.numbers.bias),
            stacked([own.across.t() for own in others], (ROW + symbols + units, 4 * units)),
            stacked([own.along.t() for own in others], (units, 4 * units)),
            stacked([own.across_bias + own.along_bias for own in others], (4 * units,)),
            array(self.output.weight.t()), array(self.output.bias),
        )  # fmt: skip
        text, lengths = self.numbers(texts)
        h, c = (array(torch.stack(part)) for part in zip(*memory.layers, strict=True))
        lines = handwriting_cpu.Lines(text.numpy(), lengths.numpy(), h, c, array(memory.kappa), array(memory.window), array(last))
        return handwriting_cpu.draw(
            weights, lines, array(noise.uniforms), array(noise.normals), float(bias), fresh, sketch_rnn_cpu.LIMITS
        )


class Memory(NamedTuple):
    """What the network keeps from row to row."""

    layers: tuple[tuple[Float[Tensor, "B U"], Float[Tensor, "B U"]], ...]
    """(h, c) of each layer."""
    kappa: Float[Tensor, "B K"]
    window: Float[Tensor, "B C"]


# ---------------------------------------------------------------- likelihood


def pen_raised(count: int, device: torch.device) -> Float[Tensor, "B 1 3"]:
    """The row before the first: a raised pen at 0, 0."""
    return torch.tensor([0.0, 0.0, 1.0], device=device).expand(count, 1, ROW)


def row_log_prob(mixture: PenMixture, batch: HandwritingBatch) -> Float[Tensor, "B T"]:
    """log p of each row; of the first, of its pen alone."""
    steps = step_log_density(mixture, batch.rows[..., :2])
    first = torch.arange(batch.rows.shape[1], device=steps.device) == 0
    return torch.where(first, 0.0, steps) + pen_log_prob(mixture, batch.rows[..., 2].long())


def line_nats(mixture: PenMixture, batch: HandwritingBatch) -> Float[Tensor, " B"]:
    """-log p of each line."""
    place = torch.arange(batch.rows.shape[1], device=batch.rows.device)
    return -torch.where(place < batch.lengths[:, None], row_log_prob(mixture, batch), 0.0).sum(1)


# ---------------------------------------------------------------- writing


class Noise(NamedTuple):
    """What chance a line takes."""

    uniforms: Float[Tensor, "B T 2"]
    """For the pen, and for the component."""
    normals: Float[Tensor, "B T 2"]

    @classmethod
    def drawn(cls, rngs: Sequence[torch.Generator], most: int, lines: int = 1) -> "Noise":
        """For `lines` of each generator, of `most` rows."""
        uniforms = [torch.rand(lines, most, 2, generator=rng) for rng in rngs]
        return cls(torch.cat(uniforms), torch.cat([torch.randn(lines, most, 2, generator=rng) for rng in rngs]))

    def to(self, device: torch.device) -> "Noise":
        return Noise(*(each.to(device) for each in self))


def walk(
    model: Handwriting,
    texts: Sequence[str],
    memory: Memory,
    last: Float[Tensor, "B 3"],
    noise: Noise,
    bias: float,
    *,
    fresh: bool,
) -> tuple[Float[Tensor, "B T 3"], Int[Tensor, " B"], Float[Tensor, "B T N1"]]:
    """(rows, how many of them, phi at each) that a model writes after the rows `last`, one step of all lines after the other. If
    `fresh`, the first row has no step. Lines end where the window is beyond the text."""
    characters = model.hot(texts)
    lengths = torch.tensor([len(text) for text in texts], device=last.device)
    within = torch.arange(characters.shape[1], device=last.device) < lengths[:, None]
    going = torch.ones(len(texts), dtype=torch.bool, device=last.device)
    rows, seen, counts = [], [], torch.zeros_like(lengths)
    for t in range(noise.uniforms.shape[1]):
        numbers, memory, looks = model.unroll(last[:, None], characters, memory)
        phi = looks[:, 0]
        if t:
            beyond = phi.gather(1, lengths[:, None])[:, 0]
            going = going & (beyond <= torch.where(within, phi, 0.0).amax(1))
        if not going.any():
            break
        mixture = biased(pen_mixture(numbers[:, 0], PENS), bias)
        pens = inverted(mixture.log_pens, noise.uniforms[:, t, 0], 1.0)
        steps = choose_step(mixture, noise.uniforms[:, t, 1], noise.normals[:, t], 1.0)
        last = torch.cat([torch.zeros_like(steps) if fresh and not t else steps, pens[:, None].float()], 1)
        rows.append(torch.where(going[:, None], last, 0.0))
        seen.append(torch.where(going[:, None], phi, 0.0))
        counts += going
    return torch.stack(rows, 1), counts, torch.stack(seen, 1)


class WrittenLine(NamedTuple):
    """A line as the network wrote it, or the part of one after a beginning."""

    text: str
    rows: Float[np.ndarray, "T 3"]
    seen: Float[np.ndarray, "T N"]
    """phi of each character."""
    begun: Float[np.ndarray, "2"] | None = None
    """Where the pen was before, in steps from the first point; None: nowhere."""

    def after(self, given: Float[np.ndarray, "S 3"], count: int) -> "WrittenLine":
        """The line without the `count` characters that were given, written in these rows."""
        return WrittenLine(self.text[count:], self.rows, self.seen[:, count:], given[:, :2].sum(0))

    def points(self) -> Float[np.ndarray, "T 2"]:
        begun = np.zeros(2) if self.begun is None else self.begun
        return begun + self.rows[:, :2].astype(np.float64).cumsum(0)


def style_of(line: WrittenLine) -> tuple[Float[np.ndarray, "S 3"], str]:
    """The rows of the first words of a line, and these words: as many as have `STYLE` letters, of which a hand is known."""
    words = line.text.split()
    count = next((k for k in range(1, len(words)) if len("".join(words[:k])) >= STYLE), len(words))
    begun = " ".join(words[:count])
    raised = np.flatnonzero(line.rows[:, 2] > 0.5)
    beyond = np.flatnonzero(line.seen.argmax(1) >= len(begun))
    if count == len(words) or not len(beyond) or not len(raised):
        return line.rows, line.text
    end = raised[np.abs(raised - (beyond[0] - 1)).argmin()] + 1
    return line.rows[:end], begun


class Page(NamedTuple):
    """What was written on a page: its lines, None where one is empty, and the unit of a step."""

    lines: Sequence[WrittenLine | None]
    step: float

    def written(self) -> list[tuple[WrittenLine, Float[np.ndarray, "T 2"]]]:
        """Each line with its points, one line below the other, with a common left edge."""
        found, left = [], None
        for number, line in enumerate(self.lines):
            if line is not None:
                points = line.points() * self.step
                left = points[:, 0].min() if left is None else left
                found.append((line, points + np.array([left - points[:, 0].min(), number * LEADING])))
        return found

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the page."""
        points = np.concatenate([points for _, points in self.written()])
        across, down = np.ptp(points, axis=0) + 2 * MARGIN
        return float(across), float(down)

    def placed(self, wide: float, tall: float) -> tuple[PenDrawing, tuple[Reading, ...]]:
        """The drawing on a page of this size, and which character each of its points is."""
        written = self.written()
        corner = np.concatenate([points for _, points in written]).min(0) - MARGIN
        lines, readings = [], []
        for line, points in written:
            own = np.split(points - corner, np.flatnonzero(line.rows[:-1, 2] > 0.5) + 1)
            lines += own
            readings.append(Reading(line.text, own, line.seen))
        return PenDrawing(lines, (0.0, 0.0, wide, tall), NIB), tuple(readings)


def array(tensor: Tensor) -> np.ndarray:
    """A contiguous copy in float32."""
    return tensor.detach().float().contiguous().numpy().copy()


def stacked(parts: Sequence[Tensor], shape: tuple[int, ...]) -> np.ndarray:
    """The parts as one array, also if there are none."""
    return array(torch.stack(list(parts))) if parts else np.zeros((0, *shape), np.float32)


PRESETS: dict[str, Recipe] = {
    "alphabet": Recipe(
        model=Config(),
        data=OwnHands(),
        fit=Fit(steps=2300, rate=2e-3, warmup=100, decay=0.5, clip=1.0, ema=0.998, valid_steps=250),
        what="our own alphabet, on a CPU",
        size="610 k",
        figure="-3.20 nats per point",
        about="Lines of words in an alphabet of our own, in hands made up by chance; words of validation do not occur in training. "
        "Measured (seed 0): -3.20 nats per point of held-out lines, and .36 with the text of another line; of the letters that it "
        "writes for texts of words that it never had, a reader of letter shapes reads 97 % rightly at temperature 0.5; after 2,300 "
        "steps, 78 minutes on one thread of a busy Xeon, in a run that ended at 1,700 and was continued.",
    ),
    "iam": Recipe(
        model=Config(layers=3, units=400),
        data=IamOnline(),
        fit=Fit(steps=60_000, rate=1e-3, warmup=200, decay=0.5, clip=1.0, ema=0.999, valid_steps=1000),
        what="lines of IAM-OnDB, the paper's sizes",
        size="3.8 M",
        about="The paper's sizes for IAM-OnDB, 12,000 lines of 221 people, whose files are not here (they are free for research, "
        "after a registration). Not trained here. The paper has RMSProp, weight noise and peephole cells; this is Adam, and plain "
        "cells.",
    ),
    "tiny": Recipe(
        model=Config(layers=2, units=12, window=2, mixture=3),
        data=OwnHands(batch=4, longest=12, count=12),
        fit=Fit(steps=4, warmup=2, clip=1.0),
        what="for tests, and a first look",
        size="10 k",
        about="Trains in seconds on a CPU, on lines that it makes itself; it scribbles.",
    ),
}
