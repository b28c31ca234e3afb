"""Ctrl-C, SIGTERM and a terminal that is gone (SIGHUP), noted instead of obeyed at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):
    """Ctrl-C, SIGTERM or SIGHUP: what there is has been saved."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@contextmanager
def signals() -> Iterator[Callable[[], int]]:
    """Notes Ctrl-C, SIGTERM and SIGHUP: the function yielded tells the signal's number, or 0. A second Ctrl-C leaves at once. A
    SIGHUP that is ignored, as under `nohup`, stays so."""
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
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: noted[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
