"""Reports that one can project: a folder with a page, its charts and its numbers.

report.html     the page; its charts are inside, and it asks for nothing from outside
NAME.png        each chart
report.json     the numbers
"""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drawgen import files
from drawgen.files import is_folder
from drawgen.printable import printable

PAGE, NUMBERS = "report.html", "report.json"
LOOK = """
body { font: 18px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 1080px;
       margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 1.7em; line-height: 1.2; } h2 { font-size: 1.25em; margin: 2.2em 0 .3em; }
img { width: 100%; height: auto; } p { margin: .4em 0 .8em; max-width: 46em; }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .25em 1.2em .25em 0; border-bottom: 1px solid #ddd; }
"""


@dataclass(frozen=True)
class Table:
    """A table of text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of a report: a chart, a table, or both."""

    name: str
    """Of its chart, NAME.png, and of its place on the page."""
    title: str
    says: str
    """What it shows and what one does about it, in a plain sentence or two."""
    chart: bytes = field(default=b"", repr=False)
    """PNG; empty for none."""
    table: Table | None = None


@dataclass(frozen=True)
class Report:
    """A report.

    >>> section = Section("one", "One part less", "It hardly matters.")
    >>> report = Report("Lesions", "What a network is without its parts.", [section], {})
    >>> "<h2>One part less</h2>" in report.html()
    True
    """

    title: str
    lead: str
    """What was examined, with which data, and the main result."""
    sections: Sequence[Section]
    numbers: Mapping[str, Any]
    """Whatever the charts show, for report.json."""

    def html(self) -> str:
        """The whole page as one text."""
        parts = [f"<h1>{shown(self.title)}</h1>", f"<p>{shown(self.lead)}</p>"]
        for section in self.sections:
            parts += [f'<section id="{shown(section.name)}"><h2>{shown(section.title)}</h2>', f"<p>{shown(section.says)}</p>"]
            if section.chart:
                data = base64.b64encode(section.chart).decode()
                parts.append(f'<img alt="{shown(section.title)}" src="data:image/png;base64,{data}">')
            if section.table is not None:
                head = "".join(f"<th>{shown(cell)}</th>" for cell in section.table.header)
                rows = ("".join(f"<td>{shown(cell)}</td>" for cell in row) for row in section.table.rows)
                parts.append(f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>")
            parts.append("</section>")
        head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{shown(self.title)}</title><style>{LOOK}</style>'
        return head + "</head><body>" + "\n".join(parts) + "</body></html>\n"

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Writes the folder. Raises ValueError if `check_folder` does, StorageError if files cannot be written."""
        folder = Path(folder)
        check_folder(folder, force=force)
        contents = {folder / f"{section.name}.png": section.chart for section in self.sections if section.chart}
        contents[folder / NUMBERS] = (json.dumps(self.numbers, indent=1, allow_nan=False) + "\n").encode()
        contents[folder / PAGE] = self.html().encode()
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise files.StorageError(f"{folder} could not be made ({files.reason(error)}); nothing was written") from error
        files.write_outputs(contents, replace=True)


def check_folder(folder: Path, *, force: bool = False) -> None:
    """Raises ValueError, before any work is done, for a folder that a report cannot be written to: its parent is missing, it is a
    file, it has other files, or it has a report already (unless `force`, which replaces the report)."""
    if not is_folder(folder):
        if folder.exists() or folder.is_symlink():
            raise ValueError(f"{folder} is a file; a report is a folder: give the name of a new one")
        if not folder.parent.is_dir():
            raise ValueError(f"{folder}: the folder {folder.parent} does not exist; make it first")
        return
    reported = (folder / NUMBERS).is_file() and (folder / PAGE).is_file()
    if not reported and any(folder.iterdir()):
        raise ValueError(f"the folder {folder} has other files; give the name of a new folder")
    if reported and not force:
        raise ValueError(f"{folder} has a report already; choose another name or give `force` to replace it")


def shown(text: str) -> str:
    return html.escape(printable(text))
