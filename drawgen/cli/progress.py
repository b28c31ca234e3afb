"""Progress on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drawgen.cli.parsing import IN_FLAGS
from drawgen.cli.printing import warn


@contextmanager
def bars() -> Iterator[Any]:
    """Reports (`jobs.Reports`) to bars, and messages as the command line prints them."""
    from drawgen.jobs import progress

    with progress.bars(lambda text: warn(IN_FLAGS.get()(text), keep="\n")) as reports:
        yield reports
