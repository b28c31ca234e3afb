"""Words into a command's arguments."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes, arg

from drawgen.cli.printing import parsed

Size = Annotated[str, arg(metavar="WxH")]


def parse(function: Callable[..., Any], words: list[str], name: str) -> Any:
    """Calls a command's function with the arguments that its words stand for."""

    @functools.wraps(function)
    def later(*arguments: Any, **options: Any) -> Callable[[], Any]:
        return functools.partial(function, *arguments, **options)

    command = parsed(lambda: tyro.cli(later, args=words, prog=f"drawgen {name}", config=(OmitArgPrefixes,)), words)
    return command()
