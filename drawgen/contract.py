"""The few nouns that data, models, trainer and pictures share. See README.md, "Architecture".

A model is an `nn.Module` with `players`, `losses` and `measure` (`Model` below), and with the verbs that it has (below, too): what
a person can ask of it. A data config has `spec`, `splits` and `stream` (`Data`). A `Recipe` joins the two with the fit's settings.
Nothing here knows any of them.

A model's `losses` is a generator: it yields a loss, the trainer steps the player that it names, the model resumes. The rules
between the two:

1. *Memory.* What the generator returns, a flat dictionary of tensors or None, is the next batch's `state`: each process has its
   own, it is in the checkpoint, and evaluation starts without.
2. *A step is one batch*, however many losses it yields. Schedules, running means, checkpoints and budgets count batches; Ctrl-C,
   SIGTERM and SIGHUP wait for the generator's end.
3. *Across a yield* nothing is kept that runs through the stepped player: compute it again. A parameter belongs to one player.
4. *Players* have settings of their own. `prepare`, where there is one, runs once before the first step and leaves buffers.
5. *Measuring* gives sums and counts; totals are divided once.
6. *Several processes* yield the same sequence and take every decision alike; gradients are means over all items.
7. *Captured steps.* A `static` model has its noise drawn before the step (`draw_noise`).
8. *Budgets in minutes* become a number of steps when the rate begins to fall; the same seed and number give the same file.

A *verb* is a protocol: whoever wants to know whether a model draws asks `isinstance(model, Draws)`. The table of verbs with their
commands is `jobs/verbs.py`.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from drawgen.ranges import check_choice, check_range, check_size

State: TypeAlias = dict[str, Tensor]
"""What a model carries from batch to batch: LSTM states, rollouts, replay, reward scales."""

Batch: TypeAlias = Any
"""A NamedTuple of tensors. Where sequences carry on from batch to batch it has `fresh` (B bool): rows that start anew. A batch of a
data config has `items() -> (name, count)`: what it holds ("pictures"), and how many."""

Totals: TypeAlias = dict[str, tuple[Tensor, float]]
"""name -> (sum, count): measurements are added up over batches and divided once."""


def generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A random generator that is a pure function of `key` (say seed, step, rank), whole numbers from 0 on."""
    seed = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(seed & np.uint64(2**63 - 1)))


@dataclass(frozen=True)
class Spec:
    """What the data is; a model is built for it. What the data does not have is None."""

    image: tuple[int, int, int] | None = None
    """Channels, height and width in pixels of one training picture."""
    vocabulary: tuple[str, ...] | None = None
    """The symbols of the text that is written, by number."""
    source_vocabulary: tuple[str, ...] | None = None
    """The symbols of the text that is read, where that is another."""
    classes: tuple[str, ...] | None = None
    """The labels, by number."""
    point: int | None = None
    """Numbers of one point."""

    @property
    def picture(self) -> tuple[int, int, int]:
        """`image`, for a model that needs one. Raises ValueError where there is none."""
        return self.wanted("image", "pictures")

    @property
    def symbols(self) -> tuple[str, ...]:
        """`vocabulary`, for a model that needs one. Raises ValueError where there is none."""
        return self.wanted("vocabulary", "text")

    @property
    def labels(self) -> tuple[str, ...]:
        """`classes`, for a model that needs them. Raises ValueError where there are none."""
        return self.wanted("classes", "labels")

    def wanted(self, name: str, what: str) -> Any:
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"this model needs data with {what} (spec.{name}), and this data has none")
        return value


@dataclass(frozen=True)
class Loss:
    """One thing to minimise: the trainer steps `player` on it and then resumes the model."""

    value: Float[Tensor, ""]
    """The mean over `count` items, to be minimised."""
    player: str = "model"
    count: int = 1
    """How many items the mean is over: several processes weight their gradients by it."""
    log: Mapping[str, Tensor] = field(default_factory=dict)
    """Scalars to be shown beside the loss; they stay on the device until the trainer logs."""


@dataclass(frozen=True)
class Group:
    """Parameters that share optimiser settings; None leaves a setting to the fit."""

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    """Factor on the learning rate."""
    weight_decay: float | None = None


@dataclass(frozen=True)
class Player:
    """An optimiser of its own: one for most models, two for a painter and its critic."""

    groups: Sequence[Group]
    betas: tuple[float, float] | None = None
    clip: float | None = None
    """Largest norm of this player's gradient."""


# ---------------------------------------------------------------- what a model and data are


@runtime_checkable
class Measures(Protocol):
    """What `evaluate` asks."""

    def measure(self, batch: Batch, *, rng: torch.Generator) -> Totals: ...


@runtime_checkable
class Model(Measures, Protocol):
    """What the trainer asks of a model, which is an `nn.Module`. Beside it a model may have verbs, what `Checks`, `Prepares` and
    `DrawsNoise` name, and two attributes:

    - `static = True`: the sequence of losses and all shapes never vary and nothing is read on the host, so that a GPU may
      capture the whole step (False). Such a model draws all its noise in `draw_noise`; the `rng` of its losses is a dummy.
    - `compilable`: names of the submodules that gain from `torch.compile` (none).
    """

    config: Any
    spec: Spec

    def players(self) -> dict[str, Player]: ...
    def losses(self, batch: Batch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]: ...

    # Of nn.Module:
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def buffers(self) -> Iterator[Tensor]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...
    def train(self, mode: bool = True) -> Any: ...
    def eval(self) -> Any: ...
    def to(self, device: torch.device) -> Any: ...
    def zero_grad(self, set_to_none: bool = True) -> None: ...


@runtime_checkable
class Checks(Protocol):
    """A model that is not for any data. `check` is shown the first batch of all, before anything is trained or measured, and raises
    ValueError where the model is not for such data."""

    def check(self, batch: Batch) -> None: ...


@runtime_checkable
class Prepares(Protocol):
    """A model that looks at the data once, before the first step and never on resume; what it finds out are buffers."""

    def prepare(self, batches: Iterable[Batch], *, rng: torch.Generator) -> None: ...


@runtime_checkable
class DrawsNoise(Protocol):
    """A model whose losses take random numbers that are drawn before the step: the batch with them in it."""

    def draw_noise(self, batch: Batch, *, rng: torch.Generator) -> Batch: ...


@runtime_checkable
class Data(Protocol):
    """A data config. `stream` is a pure function of its arguments: batch number `start` comes first, so that a resumed run
    sees what the uninterrupted one would have seen; "train" never ends, every other part is one pass and may be empty. A part that
    is not in `splits` is a ValueError."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of its parts, "train" and "valid" among them."""

    def spec(self) -> Spec: ...
    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterable[Batch]: ...


SPLITS = ("train", "valid")
"""The parts that most data have."""


@runtime_checkable
class FromFiles(Protocol):
    """Data that is read from a file or a folder."""

    path: str


@runtime_checkable
class Fetches(Protocol):
    """Data that may be downloaded before a training. `fetch` raises DataError."""

    def fetch(self) -> None: ...


@runtime_checkable
class Digests(Protocol):
    """Data from files with a digest of its content: the same wherever the files lie, another where their content is another, as far
    as samples of it tell (`data/digests.py`). A run whose data has moved is resumed where the digest is the run's."""

    def digest(self) -> str: ...


@runtime_checkable
class LeavesOut(Protocol):
    """Data of which entries may be unreadable: entry -> why it was left out."""

    @property
    def problems(self) -> Mapping[str, str]: ...


@runtime_checkable
class HasNotes(Protocol):
    """Data that tells what of it is used, a line for each."""

    @property
    def notes(self) -> Sequence[str]: ...


@runtime_checkable
class CutsWords(Protocol):
    """Data of texts that are cut into words, and how."""

    words_are_cut: ClassVar[str]


@runtime_checkable
class HasExamples(Protocol):
    """Data of pictures that people have described: one at a time, with all its captions (`data.captions.Example`)."""

    def examples(self, split: str) -> Iterator[Any]: ...


@runtime_checkable
class Publishes(Protocol):
    """A model config that may name files of this machine. `published` is the same without them: what a model folder keeps."""

    def published(self) -> Any: ...


def check_split(data: Data, split: str, *, measured: bool = False) -> None:
    """Raises ValueError for a part that the data does not have or, where it is to be `measured`, that never ends."""
    known = [name for name in data.splits if not (measured and name == "train")]
    check_choice("split", split, known)


@dataclass(frozen=True)
class Recipe:
    """A preset: everything a run needs."""

    model: Any
    data: Any
    fit: Any
    about: str
    """What it reproduces, what it costs, what was measured; in a few sentences."""
    what: str = ""
    """What it is, in a few words."""
    size: str = ""
    """Weights: 240 k, 1.0 M."""
    figure: str = ""
    """The figure that was measured, short; empty where nothing was."""


# ---------------------------------------------------------------- questions and answers


@dataclass(frozen=True)
class Request:
    """What to draw or to write. Sample number i depends on `seed` and i alone: the first four of sixteen are the four. Raises
    ValueError for what no model can do.

    >>> Request(n=4, size=(64, 64)).temperature
    1.0
    >>> Request(n=0)
    Traceback (most recent call last):
        ...
    drawgen.ranges.ArgumentError: n is 0; it has to be at least 1
    """

    n: int = 1
    size: tuple[int, int] | None = None
    """Height and width in pixels; None is the size the model was trained at."""
    seed: int = 0
    temperature: float = 1.0
    tile: bool = False
    """Pictures that repeat without a seam."""
    prime: str = ""
    """What a text goes on from."""
    length: int = 1000
    """Symbols of text, after the prime."""
    top_k: int = 0
    """Write only the so many likeliest symbols; 0: all."""
    top_p: float = 1.0
    """Write only the likeliest symbols that have so much probability together."""
    progress: Callable[[float], None] | None = None
    """Called now and then with the share done, 0 to 1."""

    def __post_init__(self) -> None:
        check_range("n", self.n, at_least=1)
        if self.size is not None:
            check_size(self.size)
        check_range("seed", self.seed, at_least=0)
        check_range("temperature", self.temperature, above=0, below=100)
        check_range("length", self.length, at_least=1)
        check_range("top_k", self.top_k, at_least=0)
        check_range("top_p", self.top_p, above=0, at_most=1)

    def rng(self, index: int) -> torch.Generator:
        """The generator of sample `index`; on the CPU, so that all devices start alike."""
        return generator(self.seed, index)


@dataclass(frozen=True)
class Sample:
    """Finished pictures, and how they came to be.

    >>> Sample(torch.zeros(2, 1, 28, 28)).frames is None
    True
    """

    images: Float[Tensor, "B C H W"]
    """In [0, 1]."""
    frames: Callable[[int], Iterator[Float[Tensor, "B C H W"]]] | None = None
    """`frames(count)`: at most `count` stages of the drawing, made as they are asked for; the last is `images`."""
    boxes: Mapping[str, Float[Tensor, "T B 4"]] = field(default_factory=dict)
    """name -> where the model looked or wrote at each of its T steps: left, top, right, bottom, in pixels."""
    strokes: Float[Tensor, "B T P"] | None = None
    """What was painted, in the numbers of `drawgen_envs.brush`: it can be drawn again at any size."""

    def cpu(self) -> "Sample":
        """The same on the CPU; frames are moved as they are made."""
        frames = self.frames
        return replace(
            self,
            images=self.images.cpu(),
            frames=None if frames is None else lambda count: (frame.cpu() for frame in frames(count)),
            boxes={name: boxes.cpu() for name, boxes in self.boxes.items()},
            strokes=None if self.strokes is None else self.strokes.cpu(),
        )


class Piece(NamedTuple):
    """A part of a text, as it is written."""

    text: str
    log_prob: float
    """Of its symbols under the model, in nats."""


class Hypothesis(NamedTuple):
    """A text that a search found: a caption of a picture, a translation of a sentence."""

    words: tuple[str, ...]
    text: str
    score: float
    """Mean log-probability of its symbols, the end among them, in nats."""
    log_probs: tuple[float, ...]
    """Of each word."""
    finished: bool
    """Whether the model said that it ends here; else it is as long as it may be."""
    maps: Float[Tensor, "T H W"] | None
    """Where the model looked for each word: shares of 1; None without attention."""


@dataclass(frozen=True)
class Labelling:
    """What things were taken for."""

    classes: tuple[str, ...]
    log_probs: Float[Tensor, "B K"]
    """Of each class, in nats."""
    seen: Sample | None = None
    """Of pictures: what the model looked at."""

    def best(self, row: int, n: int = 1) -> list[tuple[str, float]]:
        """The `n` likeliest labels of one of the things, with their probabilities."""
        probabilities, order = self.log_probs[row].exp().sort(descending=True)
        return [(self.classes[k], p) for k, p in zip(order[:n].tolist(), probabilities[:n].tolist(), strict=True)]


class Parse(NamedTuple):
    """A sentence's tree."""

    tree: str
    """In brackets: (S (NP ...) (VP ...))."""
    score: float
    """Log-probability, in nats."""


class Pointing(NamedTuple):
    """An order of points: a hull, triangles, a tour."""

    indices: tuple[int, ...]
    score: float
    """Log-probability, in nats."""


# ---------------------------------------------------------------- the verbs


@runtime_checkable
class Draws(Protocol):
    """Draws pictures of its own. `sample` raises ValueError for a size that the model cannot draw."""

    def sample(self, request: Request) -> Sample: ...


@runtime_checkable
class DrawsTextures(Draws, Protocol):
    """Draws at any size, and pictures that repeat without a seam; it remembers the histogram of what it was trained on."""

    histogram: Tensor
    """Shares of the levels of each channel (C L), which pictures may be given."""

    @property
    def least_tile_px(self) -> int:
        """The least side of a picture that repeats."""

    def reveal(self, images: Float[Tensor, "B C H W"], count: int) -> Iterator[Float[Tensor, "B C H W"]]:
        """`count` stages of how pictures of it are drawn; the last is `images`."""


@runtime_checkable
class Writes(Protocol):
    """Writes text: sample number `index` of a request, in pieces as they come, the prime first."""

    def write(self, request: Request, index: int) -> Iterator[Piece]: ...


@runtime_checkable
class Redraws(Protocol):
    """Draws a person's pictures after itself."""

    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample: ...


@runtime_checkable
class Polishes(Redraws, Protocol):
    """Its strokes have a gradient: they are improved by so many steps of gradient descent."""

    def polish(
        self,
        strokes: Float[Tensor, "B T P"],
        images: Float[Tensor, "B C H W"],
        steps: int,
        *,
        progress: Callable[[float], None] | None = None,
    ) -> Sample: ...


@runtime_checkable
class Interpolates(Protocol):
    """Draws the way from one picture to another, in `count` pictures."""

    def interpolate(self, first: Float[Tensor, "C H W"], last: Float[Tensor, "C H W"], count: int) -> Sample: ...


@runtime_checkable
class Repairs(Protocol):
    """Fills holes: where the mask is true, the picture is drawn anew."""

    def repair(self, images: Float[Tensor, "B C H W"], holes: Bool[Tensor, "B H W"], *, rng: torch.Generator) -> Sample: ...


@runtime_checkable
class Describes(Protocol):
    """Describes pictures: the `n` best captions of each by a beam search of width `beams`, the best first."""

    @property
    def attends(self) -> bool:
        """Whether its captions have maps."""

    def caption(self, images: Float[Tensor, "B C H W"], *, beams: int = 5, n: int = 1) -> list[list[Hypothesis]]: ...


@runtime_checkable
class Reads(Protocol):
    """Says what pictures show."""

    def read(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Labelling: ...


@runtime_checkable
class Translates(Protocol):
    """Writes a text after another: the `n` best of each by a beam search of width `beams`, the best first."""

    def translate(self, texts: Sequence[str], *, beams: int = 5, n: int = 1) -> list[list[Hypothesis]]: ...


@runtime_checkable
class Parses(Protocol):
    """Writes the tree of a sentence."""

    def parse(self, texts: Sequence[str], *, beams: int = 5) -> list[Parse]: ...


@runtime_checkable
class Classifies(Protocol):
    """Says what texts are."""

    def classify(self, texts: Sequence[str]) -> Labelling: ...


@runtime_checkable
class Points(Protocol):
    """Puts points in an order."""

    def point(self, points: Sequence[Float[Tensor, "N D"]]) -> list[Pointing]: ...


@runtime_checkable
class Recurs(Protocol):
    """Shows its states on a batch, by layer."""

    def states(self, batch: Batch, *, rng: torch.Generator) -> Mapping[str, Float[Tensor, "T B U"]]: ...


@runtime_checkable
class WeighsSamples(Protocol):
    """Has a tighter bound of the likelihood than its loss, by importance-weighted samples (Burda et al. 2016)."""

    def importance_weighted(self, batch: Batch, samples: int, *, rng: torch.Generator) -> Totals: ...


@runtime_checkable
class TakesInk(Protocol):
    """A model of ink, light on black, that wants a person's pictures so: cut out and centred."""

    ink: bool
    binary: bool
    """Black and white only."""
