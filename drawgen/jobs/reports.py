"""Who hears how long work goes, and what of the data was left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drawgen import painting
from drawgen.printable import printable
from drawgen.train import Progress

MOST_TOLD = 20
"""Entries that are named when they were left out."""


@dataclass(frozen=True)
class Reports:
    """Who wants to hear how long work goes; every one may be None."""

    training: Callable[[Progress], None] | None = None
    drawing: Callable[[float], None] | None = None
    """The share of the pictures that is drawn."""
    strokes: Callable[[painting.Progress], None] | None = None
    message: Callable[[str], None] | None = None
    writing: Callable[[str], None] | None = None
    """A piece of text, as it comes."""

    def say(self, text: str) -> None:
        if self.message is not None:
            self.message(text)


SILENT = Reports()


def tell_problems(data: Any, reports: Reports) -> None:
    """What of the data was left out, and why."""
    problems = getattr(data, "problems", {})
    if problems:
        told = [f"  {printable(name)}: {printable(why)}" for name, why in list(problems.items())[:MOST_TOLD]]
        told += [f"  and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else []
        reports.say("\n".join([f"{len(problems)} entries of the data were left out:", *told]))
