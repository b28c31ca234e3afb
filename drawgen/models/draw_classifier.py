"""Classification of cluttered pictures with DRAW's attention (Gregor et al. 2015, section 4.1).

Axes: B pictures, C channels, H rows, W columns, T glimpses, U units, N filters per side, K classes.

The network takes T glimpses of the picture through DRAW's read window, and then predicts the class. It has no latents and draws
nothing:

    r_t = read(x, h_{t-1})                                through a window that the last state places
    h_t = LSTM(h_{t-1}, r_t)
    p(class | x) = softmax(W h_T + b)

The loss is -log p of the right class, in nats.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Labelling, Loss, Player, Recipe, Sample, Spec, State, Totals
from drawgen.data.clutter import Cluttered, Labelled
from drawgen.likelihood import label_totals
from drawgen.nn import glimpse
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import LSTM
from drawgen.ranges import check_fields
from drawgen.training import Fit

DIM = 0.25
"""Brightness, in a trace, of pixels that no glimpse has covered."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A classifier that takes a few glimpses."""

    glimpses: int = 8
    """Glimpses T."""
    units: int = 256
    """Units of the LSTM."""
    read: int = 12
    """Filters per side of the read window."""
    start_stride: float = 0.5
    """Initial stride of the window, as a fraction of the stride that spans the picture."""
    start_variance: float = 8.0
    """Initial variance of the window's filters, in square pixels; large enough that there are no gaps between the filters."""

    def __post_init__(self) -> None:
        check_fields(self, "model", "glimpses", "units", "read", at_least=1)
        check_fields(self, "model", "start_stride", "start_variance", above=0, below=1_000_000)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "DrawClassifier":
        return DrawClassifier(self, spec, rng=rng)


class Glimpses(NamedTuple):
    """The network's outputs and its windows."""

    logits: Float[Tensor, "B K"]
    windows: Float[Tensor, "T B 5"]
    """The window's five parameters at each glimpse."""


class DrawClassifier(nn.Module):
    static = True
    compilable = ("lstm",)

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.lstm = LSTM(spec.picture[0] * config.read**2, config.units, rng=rng)
        self.look = linear(config.units, 5, rng)
        self.says = linear(config.units, len(spec.labels), rng)
        self.start = nn.Parameter(torch.zeros(2, config.units))  # h and c
        self.look.bias.data[2] = torch.tensor(config.start_variance).log()
        self.look.bias.data[3] = torch.tensor(config.start_stride).log()

    def forward(self, images: Float[Tensor, "B C H W"]) -> Glimpses:
        height, width = images.shape[2:]
        h, c = (row.expand(len(images), -1) for row in self.start)
        windows = []
        for _ in range(self.config.glimpses):
            with torch.autocast(images.device.type, enabled=False):  # a place needs more digits than bfloat16 has
                numbers = self.look(h)
            windows.append(numbers)
            window = glimpse.place(numbers, height, width, self.config.read)
            r = glimpse.read(images, window, self.config.read)
            h, c = self.lstm(r.flatten(1), h, c)
        return Glimpses(self.says(h).to(images.dtype), torch.stack(windows))

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def losses(self, batch: Labelled, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The cross-entropy, nats per picture."""
        logits = self(batch.images).logits
        wrong = (logits.argmax(1) != batch.labels).float().mean()
        yield Loss(F.cross_entropy(logits, batch.labels), count=len(batch.labels), log={"error_rate": wrong})
        return None

    def measure(self, batch: Labelled, *, rng: torch.Generator) -> Totals:
        """`error_rate`, the fraction of misclassified pictures, and `cross_entropy_nats`."""
        return label_totals(self(batch.images).logits, batch.labels)

    def last_loss(self, batch: Labelled, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """The cross-entropy of each picture, in nats, after the last glimpse."""
        return F.cross_entropy(self(batch.images).logits, batch.labels, reduction="none")

    # ---------------------------------------------------------------- pictures

    @torch.inference_mode()
    def read(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Labelling:
        """Classifies the pictures."""
        logits, windows = self(images)
        return Labelling(self.spec.labels, logits.float().log_softmax(1), self.seen(images, windows))

    def seen(self, images: Float[Tensor, "B C H W"], numbers: Float[Tensor, "T B 5"]) -> Sample:
        """The network's view of the pictures: every glimpse, written back through its window at its resolution. Pixels that no
        glimpse has covered are dim."""
        height, width = images.shape[2:]
        filters = self.config.read

        def frames(count: int) -> Iterator[Tensor]:
            wanted = set(torch.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().long().tolist())
            seen, weight = torch.zeros_like(images), torch.zeros_like(images)
            for t, row in enumerate(numbers):
                window = glimpse.place(row, height, width, filters)._replace(intensity=torch.ones_like(row[:, 0]))
                patch = glimpse.read(images, window, filters)
                seen = seen + glimpse.write(patch, window, height, width)
                weight = weight + glimpse.write(torch.ones_like(patch), window, height, width)
                if t in wanted:
                    looked = weight / (weight + 0.01)  # 1 where filters have been, 0 where none has
                    yield (DIM * images * (1 - looked) + seen / (weight + 1e-8) * looked).clamp(0, 1)

        *_, last = frames(1)
        return Sample(last, frames, {"read": glimpse.box(numbers, height, width, filters)})


PRESETS: dict[str, Recipe] = {
    "cluttered": Recipe(
        model=Config(),
        data=Cluttered(),
        fit=Fit(steps=13_000, rate=5e-4, warmup=200, decay=1.0, clip=1.0, ema=0.999, valid_steps=1000, precision="bf16"),
        what="which digit is in the clutter",
        size="415 k",
        figure="5.5 % wrong",
        about="Which MNIST digit is in a 100x100 picture among eight pieces of others: eight glimpses of 12x12, LSTM 256, as "
        "in the paper's first experiment, whose error is 3.36 % on other clutter. Measured on 50,000 training digits "
        "(seed 0, 13,000 steps, 97 minutes on a quarter of a two-core Xeon): 5.5 % (standard error .2) on the validation "
        "part, 5.9 % on the test part.",
    ),
    "tiny": Recipe(
        model=Config(glimpses=2, units=16, read=4),
        data=Cluttered(digits="segments", side_px=32, pieces=2, batch=4),
        fit=Fit(steps=4, warmup=2, clip=10.0),
        what="for tests, and a first look",
        size="2 k",
        about="Trains in seconds on a CPU, on the digits of a pocket calculator.",
    ),
}
