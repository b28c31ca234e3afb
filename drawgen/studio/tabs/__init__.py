"""The tabs of the page, in order. A tab NAME is three files, and a name here:

- `tabs/NAME.py`: `JOBS` (long work: kind -> function of settings and `Work`) and `QUESTIONS` (short work: name -> function of
  settings and the studio's folder, which returns what JSON can hold); also `LOOKUPS`, questions that the server answers itself, in
  which nothing heavy is imported. The type of the first argument says which settings are accepted (`settings.Settings`). torch is
  imported inside the functions.
- `page/NAME.html`: the content of its panel.
- `page/NAME.js`: a module with `setup(panel)` and, if it has jobs, `show(job)`.

`POST /jobs/KIND` puts a job into the queue, `POST /ask/NAME` asks a question; both take the settings as JSON.
"""

import importlib
import typing
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from drawgen.studio.settings import Settings

TABS = {"texture": "Texture", "paint": "Paint", "draw": "Draw", "look": "Look", "learn": "Learn", "models": "Models"}
"""Name -> title."""


class Task(NamedTuple):
    """A function of a tab, and the settings that it takes."""

    tab: str
    settings: type[Settings]
    function: Callable[..., Any]


@cache
def jobs() -> dict[str, Task]:
    """Kind of a job -> its task."""
    return found("JOBS")


@cache
def questions() -> dict[str, Task]:
    """Name of a question -> its task."""
    return found("QUESTIONS")


@cache
def lookups() -> dict[str, Task]:
    """Name of a question that the server answers itself -> its task."""
    return found("LOOKUPS")


def found(table: str) -> dict[str, Task]:
    tasks = {}
    for tab in ("", *TABS):
        module = importlib.import_module(f"drawgen.studio.tabs.{tab}" if tab else "drawgen.studio.photos")
        for name, function in getattr(module, table, {}).items():
            settings = next(iter(typing.get_type_hints(function).values()))
            tasks[name] = Task(tab, settings, function)
    return tasks
