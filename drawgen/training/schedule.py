"""How to train: the settings of `fit`, the learning-rate schedule, and how a budget in minutes becomes a number of steps.

The rate rises (warm-up), stays constant, and falls over the last fraction of the steps (decay). Nothing before the decay depends on
the number of steps. So a run with a budget of time measures the time per step until the decay has to begin, and fixes its number of
steps there. A run that is given this number from the start is the same run.
"""

import math
from dataclasses import dataclass

from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.threads import cores

FEW = 5
"""Steps after which the time per step is known."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How to train."""

    steps: int | None = None
    """Batches to train on; overrides `minutes`."""
    minutes: float | None = 2.0
    """Training time. It becomes a number of steps when the learning rate starts to decay; the recipe records that number."""
    rate: float = 1e-3
    """Learning rate after the warm-up."""
    warmup: int = 50
    """Steps over which the learning rate rises from zero."""
    decay: float = 0.5
    """Fraction of the steps, at the end, over which the learning rate decays (half a cosine); never before the warm-up is over."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's decay rates of the running means of the gradient and of its square."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW)."""
    clip: float = 1.0
    """Largest norm of the gradient; a larger gradient is scaled down. 0 turns clipping off."""
    ema: float = 0.999
    """Decay rate of the exponential moving average of the weights, which is what is saved; 0 saves the last weights."""
    seed: int = 0
    """Seed of all random numbers."""
    device: str = "auto"
    """Where to train: auto, cpu, cuda, cuda:N or mps."""
    precision: str = "auto"
    """fp32, bf16 (autocast), or auto: bf16 on CUDA, and on a CPU that is faster with it for models that gain from it; else fp32."""
    threads: int = 1
    """Threads per CPU operation. Each operation waits for its slowest thread, so on a busy machine one thread may be faster."""
    workers: int = 0
    """Threads that share the pictures of a batch on the CPU, in a model with compiled steps (ride); 0 is one per core."""
    compile: bool = False
    """Compile the submodules that the model declares compilable (torch.compile)."""
    capture: bool = True
    """On CUDA, capture the whole step in a CUDA graph, if the model allows it."""
    log_steps: int = 10
    """Steps between two lines of metrics."""
    valid_steps: int = 0
    """Steps between two evaluations on the validation split; 0 evaluates at the end only."""
    patience: int = 0
    """Evaluations in a row without a better held-out score, after which training stops; the best weights are kept, whenever it
    stops. 0 keeps the last weights. For models with such a score (captioner), and with `valid_steps`."""
    save_minutes: float = 1.0
    """Minutes between two checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard files too (extra `tensorboard`)."""

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ValueError("neither fit.steps nor fit.minutes is given; give one of them")
        check_fields(self, "fit", "steps", "threads", "log_steps", at_least=1)
        check_fields(
            self, "fit", "warmup", "weight_decay", "clip", "seed", "workers", "valid_steps", "patience", "save_minutes", at_least=0
        )
        check_fields(self, "fit", "minutes", "rate", above=0)
        check_fields(self, "fit", "decay", "ema", at_least=0, at_most=1)
        check_fields(self, "fit", "betas", at_least=0, below=1)
        if self.patience and not self.valid_steps:
            raise ValueError(
                f"fit.patience is {self.patience}, and fit.valid_steps is 0: nothing is evaluated; give fit.valid_steps"
            )
        check_choice("fit.precision", self.precision, ("auto", "fp32", "bf16"))
        if self.steps is None and self.decay == 1 and self.warmup < FEW:
            raise ValueError(
                f"fit.decay is 1 and fit.warmup {self.warmup}: the rate would decay before the number of steps in "
                f"fit.minutes is known; give fit.steps, a fit.decay below 1, or a fit.warmup of at least {FEW}"
            )


def check_threads(count: int) -> None:
    """Raises ValueError for more threads than four per core: with far more the thread library crashes."""
    most = 4 * cores()
    if count > most:
        raise ArgumentError("fit.threads", f"is {count}; it has to be at most {most} on this machine ({cores()} cores)")


def fall_begins(steps: int, settings: Fit) -> float:
    """The last step with the full rate in a run of `steps` steps. The decay never begins before the warm-up is over."""
    return max(steps * (1 - settings.decay), settings.warmup)


def schedule(step: int, steps: int | None, settings: Fit) -> float:
    """Factor on the learning rate: a linear warm-up, a constant part, then half a cosine down to a fiftieth. `steps` is None while
    the number of steps is unknown and the decay has not begun."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if steps is None or settings.decay == 0:
        return rise
    start = fall_begins(steps, settings)
    if step <= start:
        return rise
    share = (step - start) / max(1.0, steps - start)
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


def settle(step: int, seconds_left: float, pace: float, settings: Fit) -> int | None:
    """The total number of steps of a run with a budget of time that has taken `step` steps at `pace` seconds per step. It is fixed
    when the rate has to start to decay, or when the time is up; before that it is None.

    >>> settle(499, 60.0, 0.12, Fit()), settle(500, 60.0, 0.12, Fit())
    (None, 1000)
    """
    if step <= settings.warmup and seconds_left <= 0:
        return step
    affordable = step + max(0, int(seconds_left / pace))
    if (step < FEW and seconds_left > 0) or step < fall_begins(affordable, settings):
        return None
    # With a smaller number the rate would have decayed before this step, and it has not:
    flat = 1 - settings.decay
    least = math.ceil((step - 1) / flat) if flat and step - 1 > settings.warmup else step
    return max(step, least, affordable)
