"""Defers Ctrl-C, SIGTERM and SIGHUP (a closed terminal), so that work can be saved first."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP interrupted long work. The result so far is in `so_far`, and in the output files if there are any.
    It is a KeyboardInterrupt, so it stops loops and notebooks as usual; catch it to use the result so far.

    `so_far` is a `Painting` or `LowPoly` (`drawgen.paint`), `Passages` (`Trained.write`), a `TrainingRun` (`drawgen.train`) or a
    `Trained` (`drawgen.texture`), in its state at the signal; None if there is no result yet. `number` is the signal's number.

    >>> import drawgen
    >>> try:
    ...     painting = drawgen.paint("photo:coffee", strokes=5, detail_px=16)
    ... except drawgen.Interrupted as stop:
    ...     painting = stop.so_far
    >>> len(painting.strokes)
    5
    """

    def __init__(self, number: int, message: str, so_far: Any = None) -> None:
        super().__init__(message)
        self.number, self.so_far = number, so_far


OPEN: list[list[int]] = []
"""What each open context of `signals` has noted, the innermost last."""


@contextmanager
def signals() -> Iterator[Callable[[], int]]:
    """Defers Ctrl-C, SIGTERM and SIGHUP: the function yielded returns the signal's number, or 0. A second Ctrl-C interrupts at
    once. Of two contexts, one inside the other, both note a signal, since the inner one may end before it has looked. An ignored
    SIGHUP, as under `nohup`, stays ignored, and handlers of another language are kept. Only the main thread receives signals; in
    other threads this does nothing."""
    noted = [0]
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if noted[0] and number == signal.SIGINT:
            raise KeyboardInterrupt
        for each in OPEN:
            each[0] = number

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # Windows has none
        numbers.append(signal.SIGHUP)
    numbers = [number for number in numbers if signal.getsignal(number) is not None]  # which could not be given back
    OPEN.append(noted)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: noted[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        OPEN.pop()


@contextmanager
def plainly() -> Iterator[None]:
    """Turns Ctrl-C in compiled code, for which numba raises SystemError, into KeyboardInterrupt. Also a decorator."""
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
