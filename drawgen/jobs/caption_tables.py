"""Files of captions, one picture after another: CSV, and JSONL (one object per line).

    captions.csv      picture,caption,score,model,doubt   one row per caption, the best first
    captions.jsonl    `Described.as_json()`               one line per picture

Pictures are named relative to the file's folder. A file can be read back, also after a kill: a torn last line is left out. Such
files are read as data for training, too (`data.caption_files`).
"""

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drawgen.files import read_bytes
from drawgen.images import ImageError

if TYPE_CHECKING:
    from drawgen.jobs.answers import Described

TABLES = (".csv", ".jsonl")
"""Endings of files of captions."""
COLUMNS = ("picture", "caption", "score", "model", "doubt")
"""`score` is the mean log-probability per word in nats; `doubt` is empty if there is none."""


class Kept(NamedTuple):
    """The captions of one picture in a file."""

    text: str
    """The picture's lines, as they are."""
    n: int
    """Number of captions."""
    model: str


def begin(out: Path) -> str:
    """The first line of a file."""
    return row(COLUMNS) if out.suffix.lower() == ".csv" else ""


def lines_of(described: "Described", out: Path) -> str:
    """The lines of a picture."""
    name = name_in(described.picture, out)
    if out.suffix.lower() == ".csv":
        doubt, model = described.doubt or "", described.model
        return "".join(row((name, caption.text, f"{caption.score:.4f}", model, doubt)) for caption in described.captions)
    return json.dumps(described.as_json() | {"picture": name}, ensure_ascii=False) + "\n"


def encoded(text: str) -> bytes:
    """As UTF-8; bytes of a file's name that are no letters are escaped."""
    return text.encode(errors="backslashreplace")


def row(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # quotes cells with either of the two
    return line.getvalue().removesuffix("\r\n") + "\n"


def name_in(picture: str, out: Path) -> str:
    """The name of a picture in the file: its path relative to the file's folder, with slashes; if they have only the root in
    common, the absolute path. What is no file keeps its name."""
    if not os.path.isfile(picture):  # noqa: PTH113  # a name of 300 letters is no error of the system
        return picture
    path, folder = Path(picture), Path(os.path.realpath(out.parent))
    whole = Path(os.path.realpath(path.parent)) / path.name
    common = Path(os.path.commonpath([whole, folder])) if whole.drive == folder.drive else Path(whole.anchor)
    apart = common == Path(common.anchor) and folder != common
    name = whole.as_posix() if apart else Path(os.path.relpath(whole, folder)).as_posix()
    return encoded(name).decode()


# ---------------------------------------------------------------- what is there


def read_back(out: Path) -> dict[str, Kept]:
    """The captions in a file by the names of their pictures. A last line that a kill has torn is left out. Raises ImageError for a
    file that was not written by `lines_of`."""
    try:
        text = read_bytes(out).decode(errors="surrogateescape")
    except OSError as error:
        raise ImageError(f"{out} cannot be read ({error.strerror}); give another name") from error
    found: dict[str, Kept] = {}
    for name, lines, count, model in rows_of(text, out) if out.suffix.lower() == ".csv" else objects_of(text, out):
        before = found.get(name, Kept("", 0, model))
        found[name] = Kept(before.text + lines, before.n + count, model)
    return found


def rows_of(text: str, out: Path) -> Iterator[tuple[str, str, int, str]]:
    """(picture, its line, 1, model) of each row of a table."""
    if not text.startswith(begin(out)):
        if begin(out).startswith(text):  # torn in its first line
            return
        raise ImageError(
            f"{out} is no table of captions as drawgen writes them (UTF-8 without a mark, line feeds at the ends, the first line "
            f"{','.join(COLUMNS)}); give another name, or replace it with `force`"
        )
    lines = io.StringIO(text, newline="\n").readlines()
    reader = csv.reader(iter(lines), strict=True)
    next(reader)
    while (start := reader.line_num) < len(lines):
        try:
            cells = next(reader)
        except csv.Error:  # quotation marks that do not end
            cells = []
        last = reader.line_num >= len(lines)
        if len(cells) != len(COLUMNS) or not lines[reader.line_num - 1].endswith("\n"):
            if last:
                return
            raise ImageError(
                f"{out}, line {start + 1}, has not the columns {','.join(COLUMNS)}; mend it, or replace the file with `force`"
            )
        yield cells[0], "".join(lines[start : reader.line_num]), 1, cells[3]


def objects_of(text: str, out: Path) -> Iterator[tuple[str, str, int, str]]:
    """(picture, its line, number of captions, model) of each line of JSON."""
    lines = text.split("\n")
    for number, line in enumerate(lines[:-1], 1):  # the last one is empty, or torn
        try:
            told = json.loads(line)
            picture, captions, model = told["picture"], told["captions"], told["model"]
            if not (isinstance(picture, str) and isinstance(captions, list) and isinstance(model, str)):
                raise TypeError("of another kind")
            yield picture, line + "\n", len(captions), model
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if number < len(lines) - 1 or lines[-1]:
                raise ImageError(
                    f"{out}, line {number}, is not the JSON of a picture's captions; mend it, or replace the file with `force`"
                ) from error
