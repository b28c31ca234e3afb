"""The few nouns that data, models, trainer and pictures share. See README.md, "How it hangs together".

A model is an `nn.Module` with `players`, `losses`, `measure` and, if it draws, `sample` (`Model` below); a data config has `spec`
and `stream` (`Data` below); a `Recipe` joins the two with the fit's settings. Nothing here knows any of them.

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
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from drawgen.ranges import check_choice, check_range

State: TypeAlias = dict[str, Tensor]
"""What a model carries from batch to batch: LSTM states, rollouts, replay, reward scales."""

Batch: TypeAlias = Any
"""A NamedTuple of tensors. Where sequences carry on from batch to batch it has `fresh` (B bool): rows that start anew. Where its
rows are not pictures it has `items() -> (name, count)`: what it holds, and how many."""

Totals: TypeAlias = dict[str, tuple[Tensor, float]]
"""name -> (sum, count): measurements are added up over batches and divided once."""


def generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A random generator that is a pure function of `key` (say seed, step, rank), whole numbers from 0 on."""
    seed = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(seed & np.uint64(2**63 - 1)))


@dataclass(frozen=True)
class Spec:
    """What the data is; a model is built for it."""

    image: tuple[int, int, int] = (0, 0, 0)
    """Channels, height and width in pixels of one training picture; zeros where there are none (text)."""
    vocabulary: tuple[str, ...] = ()
    """The symbols of the text, by number; empty where there is none."""


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


@dataclass(frozen=True)
class Request:
    """What to draw or to write. Sample number i depends on `seed` and i alone: the first four of sixteen are the four. Raises
    ValueError for what no model can do."""

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
        for side in self.size or ():
            check_range("size", side, at_least=1)
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
    """Finished pictures or texts, and how they came to be."""

    images: Float[Tensor, "B C H W"]
    """In [0, 1]; of no size (B 0 0 0) where a model only writes."""
    frames: Callable[[int], Iterator[Float[Tensor, "B C H W"]]] | None = None
    """`frames(count)`: at most `count` stages of the drawing, made as they are asked for; the last is `images`."""
    boxes: Mapping[str, Float[Tensor, "T B 4"]] = field(default_factory=dict)
    """name -> where the model looked or wrote at each of its T steps: left, top, right, bottom, in pixels."""
    strokes: Float[Tensor, "B T P"] | None = None
    """What was painted, in the numbers of `drawgen_envs.brush`: it can be drawn again at any size."""
    texts: Sequence[str] = ()
    scores: Float[Tensor, " B"] | None = None
    """Log-probability of each text under the model, in nats."""


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
    there is not is a ValueError.

    Optional: `splits`, the names of the parts (`SPLITS`). `digest() -> str`, for data from files: the same wherever the files lie,
    another where their content is another, as far as samples of it tell (`data/digests.py`). A run whose data has moved is resumed
    where the digest is the run's."""

    def spec(self) -> Spec: ...
    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterable[Batch]: ...


SPLITS = ("train", "valid")
"""The parts that data have which do not say it."""


def check_split(data: Any, split: str, *, measured: bool = False) -> None:
    """Raises ValueError for a part that the data does not have or, where it is to be `measured`, that never ends."""
    known = [name for name in getattr(data, "splits", SPLITS) if not (measured and name == "train")]
    check_choice("split", split, known)


@dataclass(frozen=True)
class Recipe:
    """A preset: everything a run needs."""

    model: Any
    data: Any
    fit: Any
    about: str
    """What it reproduces, what it costs, what was measured."""
