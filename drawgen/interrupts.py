"""Ctrl-C and SIGTERM, noted instead of obeyed at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):
    """Ctrl-C or SIGTERM: what there is has been saved."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@contextmanager
def signals() -> Iterator[Callable[[], int]]:
    """Notes Ctrl-C and SIGTERM: the function yielded tells the signal's number, or 0. A second Ctrl-C leaves at once."""
    noted = [0]
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if noted[0] and number == signal.SIGINT:
            raise KeyboardInterrupt
        noted[0] = number

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: noted[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
