"""drawgen list and demo."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from drawgen import models
from drawgen.cli.parsing import parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars

COLUMNS = 100
"""How wide a line is at most."""
WIDEST = (30, 44, 8, 32)
"""Characters of a table's columns at most."""


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
            found["shipped"] = {name: told for name, told in found["shipped"].items() if name.startswith(f"{model}:")}
        say(json.dumps(found) if json_ else "\n".join(list_lines(found, whole=bool(model))), keep="\n")

    parse(command, words, "list")


def list_lines(found: dict[str, Any], *, whole: bool) -> list[str]:
    """A table of the presets and of what is shipped, one line each; `whole` adds what the presets say about themselves."""
    rows = [("preset", "what", "weights", "measured")]
    rows += [
        (f"{name} {preset}", told["what"], told["size"], told["figure"] or "-")
        for name, presets in found["models"].items()
        for preset, told in presets.items()
    ]
    lines = table(rows)
    if found["shipped"]:
        rows = [("shipped", "what", "weights", "measured")]
        rows += [(name, told["what"], told["size"], told["figure"] or "-") for name, told in found["shipped"].items()]
        lines += ["", *table(rows)]
    if not whole:
        return [*lines, "", "more about one model: drawgen list MODEL"]
    for name, presets in found["models"].items():
        for preset, told in presets.items():
            lines += ["", f"{name} {preset}", *wrapped(told["about"])]
    return lines


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows in columns, the first one their names; cells that are too long are cut between words."""
    cut = [tuple(textwrap.shorten(cell, most, placeholder=" ...") for cell, most in zip(row, WIDEST, strict=True)) for row in rows]
    widths = [max(len(row[column]) for row in cut) for column in range(len(WIDEST))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cut]


def preset_lines(presets: dict[str, models.Preset]) -> list[str]:
    """A line for each preset: its name, what it is, how large."""
    return [f"  {line}" for line in table([(name, told.what, told.size, told.figure or "-") for name, told in presets.items()])]


def wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent="  ", subsequent_indent="  ", break_long_words=False)


def demo(words: list[str]) -> None:
    """One of everything, into a folder with a page of pictures."""

    def command(out: Annotated[Path, arg(aliases=["-o"])] = Path("demo"), force: bool = False) -> None:
        """Makes one of everything that needs no training, with a page of pictures.

        Args:
            out: The folder to fill.
            force: Replace what exists.
        """
        from drawgen import jobs

        with bars() as reports:
            page = jobs.demo(out, force=force, reports=reports)
        say(page)

    parse(command, words, "demo")
