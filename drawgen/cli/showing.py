"""drawgen list and demo."""

import json
import re
import textwrap
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from drawgen import models
from drawgen.cli.parsing import parse
from drawgen.cli.printing import say
from drawgen.cli.progress import Bars

COLUMNS = 100
"""How wide a line is at most."""


def listing(words: list[str]) -> None:
    """Models, their presets, and what is shipped."""

    def command(model: Positional[str] = "", json_: Annotated[bool, arg(name="json")] = False) -> None:
        """Lists the models, their presets, and the trained models that are shipped.

        Args:
            model: Tell all of this model, instead of a line for each preset of all.
            json_: Print one JSON object.
        """
        if model:
            models.check_name(model)
        found = models.listing()
        if model:
            found["models"] = {model: found["models"][model]}
            found["shipped"] = {name: about for name, about in found["shipped"].items() if name.startswith(f"{model}:")}
        say(json.dumps(found) if json_ else "\n".join(list_lines(found, whole=bool(model))), keep="\n")

    parse(command, words, "list")


def list_lines(found: dict[str, Any], *, whole: bool) -> list[str]:
    """Each model's presets, by a line or `whole`, and what is shipped."""
    lines: list[str] = []
    for name, presets in found["models"].items():
        lines += [name, *(preset_paragraphs if whole else preset_lines)(presets)]
    if found["shipped"]:
        lines += ["shipped", *(fitted(name, about.removeprefix(f"{name}: ")) for name, about in found["shipped"].items())]
    return lines if whole else [*lines, "", "more of one of them: drawgen list MODEL"]


def preset_lines(presets: dict[str, str]) -> list[str]:
    """A line for each: its name, and the first sentence of what it says about itself."""
    return [fitted(preset, re.split(r"\. (?=[A-Z])", about, maxsplit=1)[0].rstrip(".")) for preset, about in presets.items()]


def preset_paragraphs(presets: dict[str, str]) -> list[str]:
    wrapper = textwrap.TextWrapper(COLUMNS, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    return [line for preset, about in presets.items() for line in (f"  {preset}", *wrapper.wrap(about))]


def fitted(name: str, words: str) -> str:
    """One line, cut between words where it is too long."""
    line = f"  {name:<20} "
    return line + textwrap.shorten(words, COLUMNS - len(line), placeholder=" ...")


def demo(words: list[str]) -> None:
    """One of everything, into a folder with a page of pictures."""

    def command(out: Annotated[Path, arg(aliases=["-o"])] = Path("demo"), force: bool = False) -> None:
        """Makes one of everything that needs no training, with a page of pictures.

        Args:
            out: The folder to fill.
            force: Replace what exists.
        """
        from drawgen import jobs

        with Bars() as reports:
            page = jobs.demo(out, force=force, reports=reports)
        say(page)

    parse(command, words, "demo")
