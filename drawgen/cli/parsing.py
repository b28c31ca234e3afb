"""Words into a command's arguments."""

from collections.abc import Callable
from typing import Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes, arg

Size = Annotated[str, arg(metavar="WxH")]


def parse(function: Callable[..., Any], words: list[str], name: str) -> Any:
    return tyro.cli(function, args=words, prog=f"drawgen {name}", config=(OmitArgPrefixes,))
