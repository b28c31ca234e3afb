"""The types that data, models and trainer share. See docs/design.md.

A model is an `nn.Module` with `players`, `losses` and `measure` (`Model` below) and one or more verbs. A data config has `spec`,
`splits` and `stream` (`Data`). A `Recipe` combines both with the settings of the fit. This file imports no model and no data.

A model's `losses` is a generator: it yields a loss, the trainer takes an optimiser step for the player that the loss names, and the
generator resumes. The rules:

1. *State.* The generator returns a flat dictionary of tensors, or None: the `state` for the next batch. Each process has its own
   state. Checkpoints include it; evaluation starts without it.
2. *Steps.* A step is one batch, however many losses it yields. Schedules, running means, checkpoints and budgets count batches.
   Ctrl-C, SIGTERM and SIGHUP wait for the end of the generator.
3. *Yields.* A yield changes the weights of a player. Recompute after it whatever depends on them.
4. *Players.* Each player has its own optimiser settings. A parameter belongs to one player. `prepare`, if the model has it, runs
   once before the first step and sets buffers; `conclude` does after the last step, under the averaged weights.
5. *Measurements* are sums and counts, divided once at the end.
6. *Several processes* yield the same sequence of losses and take the same decisions. Gradients are means over all items.
7. *Captured steps.* The noise of a `static` model is drawn before the step (`draw_noise`).
8. *Budgets in minutes* become a number of steps when the learning rate starts to decay. The same seed and number of steps give the
   same file.

A *verb* is something that a model can do: a protocol, tested by `isinstance(model, Draws)`. `jobs/verbs.py` is the table of verbs
and their commands.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from drawgen.ranges import ArgumentError, check_choice, check_range, check_size

State: TypeAlias = dict[str, Tensor]
"""A model's state from batch to batch: LSTM states, rollouts, replay, reward scales."""

Batch: TypeAlias = Any
"""A NamedTuple of tensors. If sequences continue from batch to batch, it has `fresh` (B bool): the rows that start a new sequence.
`items() -> (name, count)` names its items ("pictures") and counts them."""

Totals: TypeAlias = dict[str, tuple[Tensor, float]]
"""name -> (sum, count): measurements are added up over batches and divided once."""


def generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A random generator determined by `key` (for example seed, step, rank), integers from 0 on."""
    seed = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(seed & np.uint64(2**63 - 1)))


POINTING_KINDS = ("hull", "delaunay", "tour", "strokes")
"""What can be wanted of points: their convex hull, their Delaunay triangulation, the shortest tour through them; and of strokes, an
order in which a pen draws them."""

TEXT_UNITS = ("words", "characters")
"""What a text can be a sequence of."""
MAP_KINDS = ("normal", "values")
MAP_NAME = re.compile(r"\w[\w .+()-]{0,63}")
"""Names of maps become part of a file's name, so they have no slashes."""


@dataclass(frozen=True)
class TextureMap:
    """A map of a texture: numbers that lie over its colours pixel for pixel, such as normals, heights or roughness."""

    name: str
    """As in the file OUT-NAME.png."""
    kind: str = "values"
    """normal: unit vectors, of which 0 to 1 stands for -1 to 1; values: numbers in [0, 1]."""
    channels: int = 1
    """1 or 3; 3 for normals."""
    bits: int = 8
    """Bits per channel of its files, 8 or 16."""
    low: float = 0.0
    high: float = 1.0
    """The least and the largest value of the training map: models see what lies between them as 0 to 1."""

    def __post_init__(self) -> None:
        if MAP_NAME.fullmatch(self.name) is None:
            raise ValueError(f"a map is named {self.name!r:.80}; names have at most 64 letters, digits, spaces and . + ( ) - _")
        check_choice("kind", self.kind, MAP_KINDS)
        if self.channels not in ((3,) if self.kind == "normal" else (1, 3)) or self.bits not in (8, 16):
            raise ValueError(f"the map {self.name} has {self.channels} channels of {self.bits} bits; it has 1 or 3 of 8 or 16")
        check_range("high", self.high, at_least=self.low, at_most=1)
        check_range("low", self.low, at_least=0)


@dataclass(frozen=True)
class Spec:
    """A description of the data, from which a model is built. Fields that do not apply are None."""

    image: tuple[int, int, int] | None = None
    """Channels, height and width in pixels of one training picture."""
    vocabulary: tuple[str, ...] | None = None
    """The symbols of the output text, in order of their numbers."""
    source_vocabulary: tuple[str, ...] | None = None
    """The symbols of the input text, if they differ."""
    unit: str | None = None
    """What the symbols of a text are, one of `TEXT_UNITS`."""
    classes: tuple[str, ...] | None = None
    """The labels, in order of their numbers."""
    point: int | None = None
    """Dimensions of a point."""
    step: float | None = None
    """Of drawings: the standard deviation of the steps of the pen, which is 1 for the model; the longer side of a drawing is 1, of
    handwriting the height of a line."""
    task: str | None = None
    """What is wanted of points, one of `POINTING_KINDS`."""
    counts: tuple[int, int] | None = None
    """The least and the largest number of points of a set, of symbols of an input text, or of labels of a picture that has a row of
    them."""
    exemplar: tuple[int, int] | None = None
    """Height and width in pixels of the one picture that all training pictures are crops of."""
    maps: tuple[TextureMap, ...] | None = None
    """What the last channels of a picture are, if it is a set: its colours come first, then its maps in this order."""

    @property
    def picture(self) -> tuple[int, int, int]:
        """`image`, for a model that needs it. Raises ValueError if it is None."""
        return self.wanted("image", "pictures")

    @property
    def colours(self) -> int:
        """Channels of a picture that are its colours, not its maps: 1 or 3."""
        return self.picture[0] - sum(one.channels for one in self.maps or ())

    @property
    def symbols(self) -> tuple[str, ...]:
        """`vocabulary`, for a model that needs it. Raises ValueError if it is None."""
        return self.wanted("vocabulary", "text")

    @property
    def labels(self) -> tuple[str, ...]:
        """`classes`, for a model that needs it. Raises ValueError if it is None."""
        return self.wanted("classes", "labels")

    def wanted(self, name: str, what: str) -> Any:
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"this model needs data with {what} (spec.{name}), and this data has none")
        return value


@dataclass(frozen=True)
class Loss:
    """A loss to minimise: the trainer takes an optimiser step of `player` on it and then resumes the model's generator."""

    value: Float[Tensor, ""]
    """The mean over `count` items."""
    player: str = "model"
    count: int = 1
    """Number of items in the mean; several processes weight their gradients by it."""
    log: Mapping[str, Tensor] = field(default_factory=dict)
    """Scalars to log with the loss; they stay on the device until the trainer logs."""


@dataclass(frozen=True)
class Group:
    """Parameters with common optimiser settings. None means the setting of the fit."""

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    """Factor on the learning rate."""
    weight_decay: float | None = None


@dataclass(frozen=True)
class Player:
    """A set of parameters with its own optimiser: one for most models, two for a painter and its critic."""

    groups: Sequence[Group]
    betas: tuple[float, float] | None = None
    clip: float | None = None
    """Largest norm of this player's gradient."""


# ---------------------------------------------------------------- models and data


@runtime_checkable
class Measures(Protocol):
    """A model that can be evaluated."""

    def measure(self, batch: Batch, *, rng: torch.Generator) -> Totals: ...


@runtime_checkable
class Model(Measures, Protocol):
    """A model that can be trained: an `nn.Module` with these methods. It may also implement `Checks`, `Prepares`, `Concludes`,
    `DrawsNoise` and verbs, and have three attributes:

    - `static = True`: the sequence of losses and all shapes are fixed and the step reads nothing on the host. A GPU may then
      capture the whole step. Such a model draws all its noise in `draw_noise`; the `rng` of its losses is a dummy. (Default:
      False.)
    - `compilable`: names of the submodules that benefit from `torch.compile`. (Default: none.)
    - `half_on_cpu = True`: its steps are faster in bfloat16 on a CPU that multiplies that faster, which `fit.precision` auto then
      measures. (Default: False.)
    """

    config: Any
    spec: Spec

    def players(self) -> dict[str, Player]: ...
    def losses(self, batch: Batch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]: ...

    # Of nn.Module:
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...
    def buffers(self) -> Iterator[Tensor]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...
    def train(self, mode: bool = True) -> Any: ...
    def eval(self) -> Any: ...
    def to(self, device: torch.device) -> Any: ...
    def zero_grad(self, set_to_none: bool = True) -> None: ...


@runtime_checkable
class Checks(Protocol):
    """A model that does not suit all data. `check` gets the first batch, before training or evaluation, and raises ValueError if
    the model does not suit it."""

    def check(self, batch: Batch) -> None: ...


@runtime_checkable
class Prepares(Protocol):
    """A model that computes buffers from the data once, before the first step and never on resume."""

    def prepare(self, batches: Iterable[Batch], *, rng: torch.Generator) -> None: ...


@runtime_checkable
class Concludes(Protocol):
    """A model that computes buffers from the data after the last step, under the averaged weights. An interrupted run has none yet.
    `batches` of training never end; those of validation, `held`, are one pass, which may be empty."""

    def conclude(self, batches: Iterable[Batch], held: Iterable[Batch]) -> None: ...


@runtime_checkable
class KeepsExemplar(Protocol):
    """A model that stores the one picture that it learns from, at a size of its own; called once, before `prepare`."""

    def keep_exemplar(self, picture: Float[Tensor, "C H W"], opaque: Bool[Tensor, "H W"] | None) -> None: ...


@runtime_checkable
class HasExemplar(Protocol):
    """Data that are crops of one picture, if `spec().exemplar` is not None."""

    def exemplar(self) -> tuple[Float[Tensor, "C H W"], Bool[Tensor, "H W"] | None]:
        """The whole picture, and which of its pixels are opaque (None: all)."""


@runtime_checkable
class DrawsNoise(Protocol):
    """A model whose noise is drawn before the step: `draw_noise` returns the batch with the noise in it."""

    def draw_noise(self, batch: Batch, *, rng: torch.Generator) -> Batch: ...


@runtime_checkable
class Data(Protocol):
    """A data config. `stream` is a pure function of its arguments. It begins with batch number `start`, so a resumed run gets the
    same batches as an uninterrupted one. "train" never ends; every other split is one pass and may be empty. A split that is not in
    `splits` raises ValueError."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of its splits, including "train" and "valid"."""

    def spec(self) -> Spec: ...
    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterable[Batch]: ...


SPLITS = ("train", "valid")
"""The splits of most data."""


@runtime_checkable
class FromFiles(Protocol):
    """Data read from a file or a folder."""

    path: str


@runtime_checkable
class Fetches(Protocol):
    """Data that can be downloaded. `fetch` runs before training and raises DataError."""

    def fetch(self) -> None: ...


@runtime_checkable
class Digests(Protocol):
    """Data from files, with a digest of samples of their content (`data/digests.py`). The digest does not depend on where the files
    are. A run whose data has moved can be resumed if the digest is unchanged."""

    def digest(self) -> str: ...


@runtime_checkable
class LeavesOut(Protocol):
    """Data that leaves out unusable entries. `problems`: entry -> reason."""

    @property
    def problems(self) -> Mapping[str, str]: ...


@runtime_checkable
class HasNotes(Protocol):
    """Data that reports how it is used, in lines of text."""

    @property
    def notes(self) -> Sequence[str]: ...


@runtime_checkable
class CutsWords(Protocol):
    """Data of texts that are split into words. `words_are_cut` says how."""

    words_are_cut: ClassVar[str]


@runtime_checkable
class HasExamples(Protocol):
    """Data of captioned pictures. `examples` yields one picture at a time, with all its captions (`data.captions.Example`)."""

    def examples(self, split: str) -> Iterator[Any]: ...


@runtime_checkable
class HasPairs(Protocol):
    """Data of texts and their translations. `pairs`: each text of a split once, with all its references (`data.pairs.Pair`)."""

    def pairs(self, split: str) -> Sequence[Any]: ...


@runtime_checkable
class HasLabelled(Protocol):
    """Data of texts or drawings with labels. `labelled` yields those of a split once, as `Classifies.classify` takes them."""

    def labelled(self, split: str) -> Iterator[tuple[str | Float[Tensor, "_ 3"], str]]: ...


@runtime_checkable
class HeldOut(Protocol):
    """A model with a measurement by which the best weights of a run are chosen; lower is better."""

    @property
    def held_out_score(self) -> str:
        """Its name in `measure`."""


@runtime_checkable
class LeadsIn(Protocol):
    """Data whose training begins with something else than what is measured on, as texts before captioned pictures."""

    @property
    def lead_in(self) -> int:
        """Steps before what is measured on; the best weights are chosen after them."""


@runtime_checkable
class Extends(Protocol):
    """Data whose symbols may be added to those of a model that training begins with."""

    def extending(self, vocabulary: tuple[str, ...]) -> Any:
        """The data with this vocabulary and, after it, the symbols that are new."""


@runtime_checkable
class Publishes(Protocol):
    """A model config that may contain local paths. `published` returns it without them, as a model folder stores it."""

    def published(self) -> Any: ...


def check_split(data: Data, split: str, *, measured: bool = False) -> None:
    """Raises ValueError for a split that the data does not have or, if it is to be `measured`, for the endless "train"."""
    known = [name for name in data.splits if not (measured and name == "train")]
    check_choice("split", split, known)


@dataclass(frozen=True)
class Recipe:
    """A preset: all settings of a run."""

    model: Any
    data: Any
    fit: Any
    about: str
    """What it reproduces, what it costs and what was measured, in a few sentences."""
    what: str = ""
    """What it is, in a few words."""
    size: str = ""
    """Number of weights: 240 k, 1.0 M."""
    figure: str = ""
    """The main measured figure; empty if nothing was measured."""


# ---------------------------------------------------------------- requests and answers


@dataclass(frozen=True)
class Request:
    """A request for samples. Sample number i depends on `seed` and i alone, so the first four of sixteen samples are the same as
    four samples. Raises ValueError for values out of range.

    >>> Request(n=4, size=(64, 64)).temperature
    1.0
    >>> Request(n=0)
    Traceback (most recent call last):
        ...
    drawgen.ranges.ArgumentError: n is 0; it has to be at least 1
    """

    n: int = 1
    size: tuple[int, int] | None = None
    """Height and width in pixels; None is the training size."""
    seed: int = 0
    temperature: float = 1.0
    tile: bool | str = False
    """Whether pictures repeat without a seam: True for both directions, "x" or "y" for one."""
    even_out: float = 0.0
    """Of a texture: the fraction, 0 to 1, of its differences over a long distance that is removed."""
    prime: str = ""
    """Text that the sample continues."""
    length: int = 1000
    """Symbols of text after the prime."""
    top_k: int = 0
    """Sample only from this many most probable symbols; 0: from all."""
    top_p: float = 1.0
    """Sample only from the most probable symbols whose probabilities add up to this (nucleus sampling)."""
    until: str = ""
    """A text ends with the first of these after the prime, if that comes before its length; empty: at its length."""
    guide: Float[Tensor, "C H W"] | None = field(default=None, compare=False)
    """Of a texture: a picture that it shows from afar. It is fitted to the size."""
    guide_strength: float = 0.8
    """Of a guide: how much it counts against a good fit of the texture's parts, 0 to 1."""
    progress: Callable[[float], None] | None = None
    """Called regularly with the fraction done, 0 to 1."""

    def __post_init__(self) -> None:
        check_range("n", self.n, at_least=1)
        if self.size is not None:
            check_size(self.size)
        check_range("seed", self.seed, at_least=0)
        check_range("temperature", self.temperature, above=0, below=100)
        if not isinstance(self.tile, bool):
            check_choice("tile", self.tile, ("x", "y"))
        check_range("even_out", self.even_out, at_least=0, at_most=1)
        check_range("guide_strength", self.guide_strength, at_least=0, at_most=1)
        check_range("length", self.length, at_least=1)
        check_range("top_k", self.top_k, at_least=0)
        check_range("top_p", self.top_p, above=0, at_most=1)

    @property
    def closes(self) -> tuple[bool, bool]:
        """Whether pictures close from the last row to the first, and from the last column to the first."""
        return self.tile in (True, "y"), self.tile in (True, "x")

    def check_single(self, height: int, width: int) -> None:
        """Raises ArgumentError unless this asks for single pictures of the only size that a model draws."""
        if self.tile:
            raise ArgumentError("tile", "is true, and this model draws single pictures, which do not tile; leave it out")
        if self.size not in (None, (height, width)):
            tall, wide = self.size
            raise ArgumentError("size", f"is {wide}x{tall} pixels, and this model draws {width}x{height}; leave it out")

    def rng(self, index: int) -> torch.Generator:
        """The random generator of sample `index`. It is on the CPU, so that its numbers do not depend on the device."""
        return generator(self.seed, index)


class PenDrawing(NamedTuple):
    """A drawing as polylines, in the order in which a pen draws them."""

    lines: Sequence[Float[np.ndarray, "_ 2"]]
    """Points x, y; x to the right, y down. A line of one point is a dot."""
    page: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    """Left, top, right and bottom of the page that it is drawn on."""
    pen: float | None = None
    """The width of the pen; None: a fraction of the page."""


class Reading(NamedTuple):
    """Which character of a line of text each point of its handwriting is."""

    text: str
    lines: Sequence[Float[np.ndarray, "_ 2"]]
    """What the pen drew of it, on the page of the drawing, T points in all."""
    weights: Float[np.ndarray, "T U"]
    """How much the model attended to each character when it drew the point."""


@dataclass(frozen=True)
class Sample:
    """Finished pictures, and how they were drawn.

    >>> Sample(torch.zeros(2, 1, 28, 28)).frames is None
    True
    """

    images: Float[Tensor, "B C H W"]
    """In [0, 1]."""
    frames: Callable[[int], Iterator[Float[Tensor, "B C H W"]]] | None = None
    """`frames(count)`: at most `count` stages of the drawing, computed lazily; the last is `images`."""
    boxes: Mapping[str, Float[Tensor, "T B 4"]] = field(default_factory=dict)
    """name -> the model's read or write window at each of its T steps: left, top, right, bottom, in pixels."""
    strokes: Float[Tensor, "B T P"] | None = None
    """The strokes of the painting, as numbers of `drawgen_envs.brush`; they can be rendered at any size."""
    maps: Mapping[str, Float[Tensor, "B M H W"]] = field(default_factory=dict)
    """name -> a map of the textures (normals, heights ...), in [0, 1]; `map_kinds` says what it is."""
    map_kinds: Mapping[str, TextureMap] = field(default_factory=dict)
    lines: Sequence[PenDrawing] | None = None
    """What a pen drew, for each picture; it can be drawn at any size."""
    readings: Sequence[Sequence[Reading]] | None = None
    """Of handwriting: for each picture, its lines of text."""

    def cpu(self) -> "Sample":
        """The same on the CPU; frames are moved as they are computed."""
        frames = self.frames
        return replace(
            self,
            images=self.images.cpu(),
            frames=None if frames is None else lambda count: (frame.cpu() for frame in frames(count)),
            boxes={name: boxes.cpu() for name, boxes in self.boxes.items()},
            maps={name: each.cpu() for name, each in self.maps.items()},
            strokes=None if self.strokes is None else self.strokes.cpu(),
        )


class Piece(NamedTuple):
    """A piece of a text that is being generated."""

    text: str
    log_prob: float
    """Log-probability of its symbols under the model, in nats."""


class Hypothesis(NamedTuple):
    """A text found by beam search: a caption of a picture, a translation of a sentence."""

    words: tuple[str, ...]
    text: str
    score: float
    """Mean log-probability of its symbols, including the end symbol, in nats."""
    log_probs: tuple[float, ...]
    """Log-probability of each word, in nats."""
    finished: bool
    """Whether it ends with the end symbol; otherwise it was cut at the maximal length."""
    maps: Float[Tensor, "T H W"] | None
    """Attention map of each word, which sums to 1; None without attention. Of a translation H is 1, and W the words of `source`."""
    source: tuple[str, ...] = ()
    """Of a translation: the words that were read."""

    def __repr__(self) -> str:
        return f"Hypothesis({self.text!r}, score={self.score:.3f})"


@dataclass(frozen=True)
class Labelling:
    """Predicted labels."""

    classes: tuple[str, ...]
    log_probs: Float[Tensor, "B K"]
    """Log-probability of each class, in nats."""
    seen: Sample | None = None
    """For pictures: the model's glimpses."""

    def best(self, row: int, n: int = 1) -> list[tuple[str, float]]:
        """The `n` most probable labels of input number `row`, with their probabilities."""
        probabilities, order = self.log_probs[row].exp().sort(descending=True)
        return [(self.classes[k], p) for k, p in zip(order[:n].tolist(), probabilities[:n].tolist(), strict=True)]


class Parse(NamedTuple):
    """The parse tree of a sentence."""

    tree: str
    """In bracket notation: (S (NP ...) (VP ...))."""
    score: float
    """Log-probability, in nats."""
    whole: bool = True
    """Whether the symbols were a tree over all words; otherwise brackets or words were added or left out."""


class Pointing(NamedTuple):
    """A hull, triangles or a tour of points, as indices of the points. Indices of an unconstrained decoder may be anything: a point
    twice, a polygon that crosses itself."""

    kind: str
    """hull, delaunay, tour or strokes."""
    indices: tuple[int, ...]
    """hull: the corners of the convex hull, counter-clockwise; delaunay: three per triangle, one triangle after the other; tour:
    each point once, in the order of a closed tour. The first point is not repeated at the end. strokes: 2 i for stroke i from its
    first end to its last, 2 i + 1 the other way."""
    score: float
    """Log-probability, in nats."""

    @property
    def triangles(self) -> tuple[tuple[int, int, int], ...]:
        """The triangles of kind delaunay; indices of an unfinished triangle are left out."""
        found = self.indices
        return tuple((found[i], found[i + 1], found[i + 2]) for i in range(0, len(found) - 2, 3))


# ---------------------------------------------------------------- the verbs


@runtime_checkable
class Draws(Protocol):
    """Samples pictures. `sample` raises ValueError for a size that the model cannot draw."""

    def sample(self, request: Request) -> Sample: ...


@runtime_checkable
class DrawsTextures(Draws, Protocol):
    """Samples textures of any size, also as tiles, and knows the colours of its training picture."""

    if TYPE_CHECKING:  # from Python 3.12 on, `isinstance` does not see what torch keeps: buffers and submodules
        colours: Tensor
        """A sample of its colours (N C, bytes); pictures can be matched to it (`textures.colours`)."""
        speck_limit: Tensor
        """How far its pixels stand from the median of their neighbours (`textures.colours.speck_limit`)."""

    @property
    def least_tile_px(self) -> int:
        """Smallest side of a tile."""

    def reveal(self, images: Float[Tensor, "B C H W"], count: int) -> Iterator[Float[Tensor, "B C H W"]]:
        """`count` stages of drawing `images`; the last is `images`."""


@runtime_checkable
class Writes(Protocol):
    """Samples text. `write` yields sample number `index` of a request piece by piece, starting with the prime."""

    def write(self, request: Request, index: int) -> Iterator[Piece]: ...


@runtime_checkable
class Redraws(Protocol):
    """Reconstructs pictures."""

    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample: ...


@runtime_checkable
class Polishes(Redraws, Protocol):
    """Reconstructs with a differentiable brush: `polish` optimises the strokes by `steps` steps of gradient descent."""

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
    """Interpolates between two pictures, in `count` pictures."""

    def interpolate(self, first: Float[Tensor, "C H W"], last: Float[Tensor, "C H W"], count: int) -> Sample: ...


@runtime_checkable
class Completes(Protocol):
    """Completes begun drawings of a pen: `n` ways of the request, each of which begins with the lines that were given."""

    def complete(self, begun: PenDrawing, request: Request) -> Sample: ...


@runtime_checkable
class Handwrites(Protocol):
    """Writes texts with a pen, in `n` ways of the request. A text is broken into lines at its ends of line and between words.
    Raises ArgumentError for a text that it cannot write."""

    def broken(self, text: str) -> list[str]:
        """The lines in which it writes a text."""

    def handwrite(self, text: str, request: Request) -> Sample: ...


@runtime_checkable
class RedrawsLines(Protocol):
    """Reconstructs drawings of a pen as pictures of `size` (height, width) in pixels, of None of its own."""

    def redraw(self, drawings: Sequence[PenDrawing], *, size: tuple[int, int] | None = None, rng: torch.Generator) -> Sample: ...


@runtime_checkable
class InterpolatesLines(Protocol):
    """Interpolates between two drawings of a pen, in `count` drawings."""

    def between(self, first: PenDrawing, last: PenDrawing, count: int) -> Sample: ...


@runtime_checkable
class Repairs(Protocol):
    """Inpaints: redraws the pictures where the masks `holes` are true, and leaves the rest as it is. The pictures have a first
    filling there already (`textures/filling.py`)."""

    def repair(self, images: Float[Tensor, "B C H W"], holes: Bool[Tensor, "B H W"], *, rng: torch.Generator) -> Sample: ...


@runtime_checkable
class Describes(Protocol):
    """Captions pictures. `caption` returns the `n` best captions of each picture by beam search, the best first."""

    @property
    def attends(self) -> bool:
        """Whether its captions have attention maps."""

    def caption(self, images: Float[Tensor, "B C H W"], *, beams: int = 5, n: int = 1) -> list[list[Hypothesis]]: ...


@runtime_checkable
class Sees(Protocol):
    """A model with an image encoder. `see` maps pictures to D features at N places."""

    def see(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]: ...


@runtime_checkable
class Doubts(Protocol):
    """Knows what kind of pictures it was trained on."""

    @property
    def kind(self) -> str:
        """What it was trained on, in the plural, as "drawn scenes"; empty if it has no statistics of it."""

    def strangeness(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        """How unlike its training pictures each picture is: 1 is the border, more is beyond."""

    def unsure(self, images: Float[Tensor, "B C H W"], captions: Sequence[Hypothesis]) -> list[str]:
        """Why the caption of each picture may be wrong, though the picture is like them; empty if nothing speaks against it."""


@runtime_checkable
class Reads(Protocol):
    """Classifies pictures."""

    def read(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Labelling: ...


@runtime_checkable
class Translates(Protocol):
    """Translates texts. `translate` returns the `n` best translations of each text by beam search, the best first."""

    @property
    def attends(self) -> bool:
        """Whether its translations have attention maps."""

    def translate(self, texts: Sequence[str], *, beams: int = 5, n: int = 1) -> list[list[Hypothesis]]: ...


@runtime_checkable
class Parses(Protocol):
    """Parses sentences into trees. A `constrained` search allows only trees over all words of the sentence."""

    def parse(self, texts: Sequence[str], *, beams: int = 1, constrained: bool = True) -> list[Parse]: ...


@runtime_checkable
class Classifies(Protocol):
    """Classifies texts, or drawings of pen strokes."""

    @property
    def takes(self) -> str:
        """texts or drawings."""

    def classify(self, items: Sequence[str] | Sequence[Float[Tensor, "_ 3"]]) -> Labelling:
        """Of a model that takes drawings, each is T rows dx, dy, up: the steps of the pen, and whether it is raised after them."""


@runtime_checkable
class Points(Protocol):
    """Points at points: finds their convex hull, their Delaunay triangles or a short tour, or an order of strokes (pointer
    networks)."""

    @property
    def kind(self) -> str:
        """hull, delaunay, tour or strokes: what it was trained to find."""

    def point(self, points: Sequence[Float[Tensor, "N D"]], *, beams: int = 5, constrained: bool = True) -> list[Pointing]:
        """The best answer of a beam search of this width (1: greedy), for each set of points. A `constrained` search allows only
        valid answers: no point twice, a polygon that does not cross itself. Strokes are rows x0, y0, x1, y1; row 0 is where the
        pen is."""


@runtime_checkable
class TellsProbabilities(Points, Protocol):
    """Tells how it points: the probability of every point at each step."""

    def probabilities(self, points: Float[Tensor, "N D"], indices: Sequence[int]) -> tuple[tuple[int, ...], Float[Tensor, "T V"]]:
        """The indices of an answer in the order in which it was trained to give them, and at each step the probability of every
        point, given those before it; last that of the end. Where an answer has an end, that is a step, too."""


@runtime_checkable
class Recurs(Protocol):
    """Has a state that changes step by step; with depth in place of time, block by block. While a recorder is open
    (`nn/recording.py`) the model writes every step down."""

    def last_loss(self, batch: Batch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """Of each row the loss of its last step alone, without dropout, with its graph. The batch is one that `measure` takes."""


@runtime_checkable
class KnowsSurprise(Protocol):
    """A model that predicts pictures pixel by pixel."""

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that `bits_by_pixel` needs, about."""

    def bits_by_pixel(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """-log2 of the probability of each pixel, all its channels together, given those before it."""


@runtime_checkable
class WeighsSamples(Protocol):
    """Computes a bound on the likelihood by importance-weighted samples, tighter than its loss (Burda et al. 2016)."""

    def importance_weighted(self, batch: Batch, samples: int, *, rng: torch.Generator) -> Totals: ...


@runtime_checkable
class Turns(Protocol):
    """Measures a mixture over the 1, 2, 4 or 8 orientations of a picture (flips, then transposes), all under this model."""

    def oriented(self, batch: Batch, count: int, *, rng: torch.Generator) -> Totals: ...


@runtime_checkable
class TakesInk(Protocol):
    """A model of ink, light on black. The ink of a user's picture is segmented and centred for it."""

    ink: bool
    binary: bool
    """Whether its pictures are black and white only."""


@runtime_checkable
class SizesInk(TakesInk, Protocol):
    """A model of ink that reads several characters."""

    letter_px: float
    """Height of a character in its pictures, about, in pixels."""
