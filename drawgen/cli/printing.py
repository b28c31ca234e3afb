"""The output of the command line."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from drawgen.printable import printable
from drawgen.ranges import ArgumentError


def say(text: object, *, keep: str = "", end: str = "\n", file: Any = None) -> None:
    """Prints and flushes, with control characters escaped except those in `keep`. Everything that the command line prints goes
    through here (`warn` for standard error), except the progress bar."""
    print(printable(str(text), keep), end=end, file=file or sys.stdout, flush=True)


def warn(text: object, *, keep: str = "") -> None:
    say(text, keep=keep, file=sys.stderr)


def replace_unprintable() -> None:
    """From now on characters that the terminal's encoding lacks are escaped. They would raise an error after the work is done."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # tests may replace the streams
            stream.reconfigure(errors="backslashreplace")


class Screen(StringIO):
    """Collects what tyro prints. Tyro asks it whether it may use colours and draw boxes."""

    def __init__(self) -> None:
        super().__init__()
        self.coloured = sys.stdout.isatty() and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        self.drawn = sys.stdout.encoding

    def isatty(self) -> bool:
        return self.coloured

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.drawn


def parsed(parse: Callable[[], Any], words: Sequence[str]) -> Any:
    """The result of tyro's parsing. Its help and its usage errors are printed as everything else is, with colours on a terminal
    unless NO_COLOR is set. An error of a config about one of its settings is raised as it is, not as a usage error."""
    out, err = Screen(), StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            return parse()
    except SystemExit as end:
        cause: BaseException | None = end
        while cause is not None and not isinstance(cause, ArgumentError):
            cause = cause.__context__
        if cause is None:
            raise
        err = StringIO()
        raise cause from None
    finally:
        for told, stream in ((out.getvalue(), sys.stdout), (err.getvalue(), sys.stderr)):
            for word in words:
                told = told.replace(word, printable(word))
            if told:
                print(told, end="", file=stream, flush=True)
