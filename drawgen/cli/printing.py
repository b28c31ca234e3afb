"""What the command line prints."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from drawgen.printable import printable
from drawgen.ranges import ArgumentError


def say(text: object, *, keep: str = "", end: str = "\n", file: Any = None) -> None:
    """Prints, at once, with control characters written out but those in `keep`. All that the command line prints goes through here
    (`warn` for standard error), but for the progress bar."""
    print(printable(str(text), keep), end=end, file=file or sys.stdout, flush=True)


def warn(text: object, *, keep: str = "") -> None:
    say(text, keep=keep, file=sys.stderr)


def replace_unprintable() -> None:
    """From here on a character that the terminal's encoding lacks is written out, where it would end in an error after the work."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what stands in for them in tests may be anything
            stream.reconfigure(errors="backslashreplace")


class Screen(StringIO):
    """Keeps what tyro prints. It asks here whether it may use colours, and draw boxes."""

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
    """What tyro makes of a command's words. Its help and its usage errors are printed as all else is; in colours on a terminal,
    where NO_COLOR is not set. A setting that a config refuses is raised as it was, and not as a usage error."""
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
