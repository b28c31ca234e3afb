"""The time that a run takes, and its progress reports."""

import time
from dataclasses import dataclass

from drawgen.training.schedule import FEW, Fit


@dataclass(frozen=True)
class Progress:
    """A progress report of a run."""

    step: int
    steps: int
    """Total number of steps; with a budget in minutes, the current estimate."""
    numbers: dict[str, float]
    seconds_left: float


class Clock:
    """The time that a run has taken, and its time per step."""

    def __init__(self, settings: Fit, *, before: float, first: int) -> None:
        """`before` and `first` are the seconds and steps of the sessions before this one."""
        self.budget = 60 * (settings.minutes or 0.0)
        self.begun = self.now = self.warm = time.monotonic()
        self.before, self.first = before, first

    def tick(self, step: int) -> float:
        """The time after a step."""
        self.now = time.monotonic()
        if step == self.first + 1:
            self.warm = self.now
        return self.now

    def spent(self) -> float:
        """Seconds of all sessions."""
        return self.before + time.monotonic() - self.begun

    def pace(self, step: int) -> float:
        """Seconds per step in this session, without the slow first step (allocation, compilation); over all sessions if this one
        has just begun."""
        taken = step - self.first
        each = (self.now - self.warm) / (taken - 1) if taken > FEW else self.spent() / step
        return max(each, 1e-9)

    def progress(self, step: int, steps: int | None, numbers: dict[str, float]) -> Progress:
        pace = self.pace(step)
        if steps is None:
            left = self.budget - self.spent()
            return Progress(step, step + max(1, int(left / pace)), numbers, max(0.0, left))
        return Progress(step, steps, numbers, pace * (steps - step))
