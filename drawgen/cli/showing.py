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
"""Maximal width of a line."""
WIDEST = (30, 44, 8, 32)
"""Maximal widths of a table's columns, in characters."""


def listing(words: list[str]) -> None:
    """List models, presets and shipped models."""

    def command(model: Positional[str] = "", json_: Annotated[bool, arg(name="json")] = False) -> None:
        """Lists the models, their presets, and the shipped trained models.

        Args:
            model: Show everything about this model, instead of one line per preset of all models.
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
    """A table of the presets and of the shipped models, one line each; `whole` adds the presets' full descriptions."""
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
    """Rows aligned in columns, the first row with the headings. Cells that are too long are cut between words."""
    cut = [tuple(textwrap.shorten(cell, most, placeholder=" ...") for cell, most in zip(row, WIDEST, strict=True)) for row in rows]
    widths = [max(len(row[column]) for row in cut) for column in range(len(WIDEST))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cut]


def preset_lines(presets: dict[str, models.Preset]) -> list[str]:
    """One line per preset: its name, what it is, its size."""
    return [f"  {line}" for line in table([(name, told.what, told.size, told.figure or "-") for name, told in presets.items()])]


def wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def demo(words: list[str]) -> None:
    """Make an example of everything, with a page of pictures."""

    def command(out: Annotated[Path, arg(aliases=["-o"])] = Path("demo"), force: bool = False) -> None:
        """Makes an example of everything that needs no training, with a page of pictures.

        Args:
            out: The folder to write.
            force: Replace existing files.
        """
        from drawgen import jobs

        with bars() as reports:
            page = jobs.demo(out, force=force, reports=reports)
        say(page)

    parse(command, words, "demo")
