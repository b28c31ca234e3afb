"""Callbacks for progress, and reports about the data that was left out."""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drawgen.contract import HasNotes, LeavesOut
from drawgen.printable import printable
from drawgen.strokes.placing import PaintingProgress
from drawgen.training import Progress

MOST_TOLD = 10
"""Up to this many left-out entries of one kind are all named."""
FIRST = 3
"""If there are more, this many are named."""


@dataclass(frozen=True)
class Reports:
    """Callbacks for progress; each may be None."""

    training: Callable[[Progress], None] | None = None
    drawing: Callable[[float], None] | None = None
    """Called with the fraction of the pictures that is drawn."""
    pictures: Callable[[int, int], None] | None = None
    """Called with the number of pictures that are done, and that of all."""
    strokes: Callable[[PaintingProgress], None] | None = None
    message: Callable[[str], None] | None = None
    writing: Callable[[str], None] | None = None
    """Called with each piece of text."""
    preview: Callable[[Path], None] | None = None
    """Called with the file of a new preview in a run folder."""
    preview_seconds: float = 30.0
    """Seconds between two previews."""

    def say(self, text: str) -> None:
        if self.message is not None:
            self.message(text)

    def show(self, preview: Path) -> None:
        if self.preview is not None and preview.is_file():
            self.preview(preview)


SILENT = Reports()


def tell_data(data: Any, reports: Reports) -> int:
    """Reports what data is used and what was left out. Returns the number of entries left out, for `tell_problems`."""
    if isinstance(data, HasNotes) and data.notes:
        reports.say("\n".join(["the data:", *(f"  {note}" for note in data.notes)]))
    tell_problems(data, reports)
    return len(data.problems) if isinstance(data, LeavesOut) else 0


def tell_problems(data: Any, reports: Reports, *, after: int = 0) -> None:
    """Reports what was left out, except for the first `after` entries, which have been reported before."""
    left_out = data.problems if isinstance(data, LeavesOut) else {}
    problems = dict(itertools.islice(left_out.items(), after, None))
    if problems:
        what = "1 entry" if len(problems) == 1 else f"{len(problems)} entries"
        reports.say("\n".join([f"{what} of the data left out:", *problem_lines(problems)]))


def problem_lines(problems: Mapping[str, str]) -> list[str]:
    """One line per left-out entry (name -> reason); for more than `MOST_TOLD` of one kind, a count and the first three. The kind is
    the text before the first semicolon, bracket, or colon with a blank."""
    kinds: dict[str, list[str]] = {}
    for name, why in problems.items():
        reason = why.removeprefix(name).lstrip(": ")  # an error of a picture begins with its name
        kinds.setdefault(re.split(r"[;(]|:(?=\s)", reason)[0].strip(), []).append(f"  {printable(name)}: {printable(reason)}")
    lines = []
    for kind, told in kinds.items():
        if len(told) > MOST_TOLD:
            lines += [f"  {len(told)} of one kind ({kind}); the first {FIRST}:", *(f"  {line}" for line in told[:FIRST])]
        else:
            lines += told
    return lines
