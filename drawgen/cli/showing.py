"""drawgen list and demo."""

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from drawgen import models
from drawgen.cli.parsing import parse
from drawgen.cli.progress import Bars


def listing(words: list[str]) -> None:
    """Models, their presets, and what is shipped."""

    def command(json_: Annotated[bool, arg(name="json")] = False) -> None:
        """Lists the models, their presets, and the trained models that are shipped.

        Args:
            json_: Print one JSON object.
        """
        found = models.listing()
        if json_:
            print(json.dumps(found))
            return
        for name, presets in found["models"].items():
            print(name)
            for preset, about in presets.items():
                print(f"  {preset:<9} {about}")
        print("shipped")
        for name, words in found["shipped"].items():
            print(f"  {name:<16} {words}")

    parse(command, words, "list")


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
        print(page)

    parse(command, words, "demo")
