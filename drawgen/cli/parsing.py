"""Parses the words of the command line into the arguments of a command."""

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import OmitArgPrefixes, arg

from drawgen.cli.printing import parsed
from drawgen.interrupts import Interrupted
from drawgen.ranges import ArgumentError

Size = Annotated[str, arg(metavar="WxH")]
Axis = Literal["x", "y"]
OWN = {
    "beams": "beam", "data.path": "data", "data.longest_px": "exemplar_px",
    "fit.steps": "steps", "fit.minutes": "minutes", "fit.seed": "seed",
}  # fmt: skip
"""Arguments that have another name on the command line."""


IN_FLAGS: ContextVar[Callable[[str], str]] = ContextVar("IN_FLAGS", default=str)
"""Rewrites a message for the command that runs: its arguments become flags."""


@contextmanager
def naming_flags(known: Callable[[str], bool]) -> Iterator[None]:
    """Rewrites the message of an error raised inside: arguments that are `known` to the command become flags. This affects the
    argument of an ArgumentError and all names in backticks."""

    def flag(name: str) -> str | None:
        found = next((own for own in (name, OWN.get(name, "")) if known(own)), None)
        return found and ("-" if len(found) == 1 else "--") + found.replace("_", "-")

    def in_flags(text: str) -> str:
        return re.sub("`([a-z_.]+)`", lambda match: flag(match[1]) or match[0], text)

    outer = IN_FLAGS.set(in_flags)
    try:
        yield
    except ArgumentError as error:
        error.args = (f"{flag(error.name) or error.name} {in_flags(error.rest)}",)
        raise
    except (Exception, Interrupted) as error:
        error.args = tuple(in_flags(part) if isinstance(part, str) else part for part in error.args)
        raise
    finally:
        IN_FLAGS.reset(outer)


def parse(function: Callable[..., Any], words: list[str], name: str) -> Any:
    """Parses `words` and calls a command's function with the arguments."""

    @functools.wraps(function)
    def later(*arguments: Any, **options: Any) -> Callable[[], Any]:
        return functools.partial(function, *arguments, **options)

    command = parsed(lambda: tyro.cli(later, args=words, prog=f"drawgen {name}", config=(OmitArgPrefixes,)), words)
    with naming_flags(inspect.signature(function).parameters.__contains__):
        return command()
