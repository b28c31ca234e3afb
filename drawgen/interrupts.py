"""Defers Ctrl-C, SIGTERM and SIGHUP (a closed terminal), so that work can be saved first."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP ended long work, and what there is by then is kept: in `so_far`, and in files where some were asked
    for. It is a KeyboardInterrupt, so that whoever stops a loop or a notebook stops it; who wants what there is catches it.

    `so_far` is a `Painting` of `drawgen.paint`, `Passages` of `Trained.write`, a `TrainingRun` of `drawgen.train` and a `Trained`
    of `drawgen.texture`, both as they were when the signal came; None where nothing was made yet. `number` is the signal's.

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


@contextmanager
def signals() -> Iterator[Callable[[], int]]:
    """Notes Ctrl-C, SIGTERM and SIGHUP: the function yielded tells the signal's number, or 0. A second Ctrl-C leaves at once. A
    SIGHUP that is ignored, as under `nohup`, stays so, and so does whatever another language has a handler for. Only the main
    thread hears of signals; in others none is noted."""
    noted = [0]
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if noted[0] and number == signal.SIGINT:
            raise KeyboardInterrupt
        noted[0] = number

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # Windows has none
        numbers.append(signal.SIGHUP)
    numbers = [number for number in numbers if signal.getsignal(number) is not None]  # which could not be given back
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: noted[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def plainly() -> Iterator[None]:
    """Ctrl-C that meets compiled code is a KeyboardInterrupt, too: numba makes a SystemError of it. Also a decorator."""
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
