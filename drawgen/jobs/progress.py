"""Progress reports: bars on standard error, a caller's function, or none."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from drawgen.jobs.reports import Reports

log = logging.getLogger(__name__)

Listener: TypeAlias = bool | Callable[[float], Any] | Reports | None
"""Values of `progress`: True draws a bar on standard error, False draws none, and a function is called regularly with the fraction
done, 0 to 1. None draws a bar in a notebook or an interactive session, and none in a program."""


@contextmanager
def hearing(progress: Listener, *, training: float = 0.0) -> Iterator[Reports]:
    """The callbacks of a job, of which `training` takes that fraction and drawing the rest."""
    if progress is None:
        progress = hasattr(sys, "ps1")
    if isinstance(progress, Reports):
        yield progress
    elif progress is True:
        with bars(lambda text: sys.stderr.write(f"{text}\n")) as reports:
            yield reports
    elif callable(progress):
        hear: Callable[[float], Any] = progress
        yield Reports(
            training=lambda told: hear(training * told.step / told.steps),
            drawing=lambda share: hear(training + (1 - training) * share),
            pictures=lambda done, total: hear(done / total),
            strokes=lambda told: hear(told.share),
            message=log.info,
        )
    else:
        yield Reports(message=log.info)


@contextmanager
def bars(say: Callable[[str], object]) -> Iterator[Reports]:
    """Callbacks that draw bars on standard error and pass messages to `say`."""
    shown = Bars(say)
    try:
        yield Reports(
            training=shown.training, drawing=shown.drawing, pictures=shown.pictures, strokes=shown.painting, message=shown.message
        )  # fmt: skip
    finally:
        shown.close()


class Bars:
    """Progress on standard error: a bar for training, one for drawing."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self.bar: Any = None
        self.say = say

    def open(self, total: int, unit: str, **options: Any) -> None:
        from tqdm import tqdm

        seldom = 0.2 if sys.stderr.isatty() or hasattr(sys, "ps1") else 10.0
        self.bar = tqdm(total=total, unit=unit, file=sys.stderr, dynamic_ncols=True, mininterval=seldom, leave=True, **options)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def training(self, progress: Any) -> None:
        if self.bar is None:
            self.open(progress.steps, "step", initial=progress.step)
        self.bar.total = progress.steps  # with a budget in minutes, the current estimate
        numbers = {name: f"{number:.4g}" for name, number in progress.numbers.items()}
        shown = {k: v for k, v in numbers.items() if k.split("/")[0] in ("loss", "bits_per_dim", "bits_per_char")}  # of each player
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(progress.step - self.bar.n)
        if progress.step >= progress.steps:
            self.close()

    def drawing(self, share: float) -> None:
        if self.bar is None:
            self.open(100, "%", delay=1.0, bar_format="{l_bar}{bar}| [{elapsed}<{remaining}]")
        self.bar.update(int(100 * share) - self.bar.n)

    def pictures(self, done: int, total: int) -> None:
        """Pictures per second are of those done since the first call."""
        if self.bar is None:
            self.open(total, " pictures", initial=done, delay=1.0)
        self.bar.update(done - self.bar.n)
        if done >= total:
            self.close()

    def painting(self, progress: Any) -> None:
        if self.bar is None:
            self.open(100, "%", bar_format="{l_bar}{bar}| [{elapsed}<{remaining}{postfix}]")
        self.bar.set_postfix_str(f"{progress.strokes} {progress.of}, {progress.psnr:.1f} dB", refresh=False)
        self.bar.update(int(100 * progress.share) - self.bar.n)
        if progress.share >= 1:
            self.close()

    def message(self, text: str) -> None:
        self.close()
        self.say(text)
