"""How to train: the settings of a fit, the learning rate's course, and how a budget in minutes becomes a number of steps.

The rate rises, stays, and falls over the last share of the steps. Nothing before the fall depends on the number of steps: a run
with a budget of time goes on until the fall has to begin, by what its steps have taken until then, and has its number from there
on. A run that is given this number outright is the same run.
"""

import math
from dataclasses import dataclass

from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.threads import cores

FEW = 5
"""Steps from which on a run's pace is known."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How to train."""

    steps: int | None = None
    """Batches to train on; goes before `minutes`."""
    minutes: float | None = 2.0
    """Time to train for: when the rate begins to fall it becomes a number of steps, which the recipe keeps."""
    rate: float = 1e-3
    """Learning rate after the warm-up."""
    warmup: int = 50
    """Steps over which the rate rises from zero."""
    decay: float = 0.5
    """Share of the steps, at the end, over which the rate falls (by a cosine); at most those after the warm-up."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's running means of the gradient and of its square."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW)."""
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are scaled down. 0 clips nothing."""
    ema: float = 0.999
    """The weights that are kept are a running mean with this memory; 0 keeps the last ones."""
    seed: int = 0
    """Start of all random numbers."""
    device: str = "auto"
    """Where to train: auto, cpu, cuda, cuda:N or mps."""
    precision: str = "auto"
    """fp32, bf16 (autocast), or auto: bf16 on CUDA, fp32 elsewhere."""
    threads: int = 1
    """Threads of a CPU operation. More than one waits for the slowest: on a busy machine that is slower than one."""
    compile: bool = False
    """Compile the parts that the model names for it."""
    capture: bool = True
    """On CUDA, capture the whole step in a graph where the model allows it."""
    log_steps: int = 10
    """Steps between two lines of metrics."""
    valid_steps: int = 0
    """Steps between two passes over the validation part; 0 measures at the end only."""
    save_minutes: float = 1.0
    """Minutes between two checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard files too (extra `tensorboard`)."""

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ValueError("neither fit.steps nor fit.minutes is given; give one of them")
        check_fields(self, "fit", "steps", "threads", "log_steps", at_least=1)
        check_fields(self, "fit", "warmup", "weight_decay", "clip", "seed", "valid_steps", "save_minutes", at_least=0)
        check_fields(self, "fit", "minutes", "rate", above=0)
        check_fields(self, "fit", "decay", "ema", at_least=0, at_most=1)
        check_fields(self, "fit", "betas", at_least=0, below=1)
        check_choice("fit.precision", self.precision, ("auto", "fp32", "bf16"))
        if self.steps is None and self.decay == 1 and self.warmup < FEW:
            raise ValueError(
                f"fit.decay is 1 and fit.warmup {self.warmup}: the rate would fall before it is known how many steps fit into "
                f"fit.minutes; give fit.steps, a fit.decay below 1, or a fit.warmup of at least {FEW}"
            )


def check_threads(count: int) -> None:
    """Raises ValueError for more threads than make sense on this machine: far beyond its cores the thread library dies."""
    most = 4 * cores()
    if count > most:
        raise ArgumentError("fit.threads", f"is {count}; it has to be at most {most} on this machine ({cores()} cores)")


def fall_begins(steps: int, settings: Fit) -> float:
    """The last step with the full rate, of a run of so many: the fall does not begin before the warm-up is over."""
    return max(steps * (1 - settings.decay), settings.warmup)


def schedule(step: int, steps: int | None, settings: Fit) -> float:
    """Factor on the learning rate: a linear warm-up, flat, then half a cosine down to a fiftieth. `steps` is None while the number
    is open: the fall has not begun."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if steps is None or settings.decay == 0:
        return rise
    start = fall_begins(steps, settings)
    if step <= start:
        return rise
    share = (step - start) / max(1.0, steps - start)
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


def settle(step: int, seconds_left: float, pace: float, settings: Fit) -> int | None:
    """The number of steps of a run that has taken `step` of them, at `pace` seconds each, and has a budget of time: as soon as the
    rate has to begin to fall, or the time is up. None before that.

    >>> settle(499, 60.0, 0.12, Fit()), settle(500, 60.0, 0.12, Fit())
    (None, 1000)
    """
    if step <= settings.warmup and seconds_left <= 0:
        return step
    affordable = step + max(0, int(seconds_left / pace))
    if (step < FEW and seconds_left > 0) or step < fall_begins(affordable, settings):
        return None
    # A number with which the rate would have fallen before now is not this run's:
    flat = 1 - settings.decay
    least = math.ceil((step - 1) / flat) if flat and step - 1 > settings.warmup else step
    return max(step, least, affordable)
