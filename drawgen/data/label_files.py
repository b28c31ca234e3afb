"""Reads texts with labels: tables of two columns, and folders with one file of texts per label.

`docs/sequences.md` lists the formats. Tables are separated by tabs, semicolons or commas, whatever their ending.
"""

import csv
import errno
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from drawgen import files
from drawgen.data.pictures import DataError

LARGEST = 1 << 29
"""Largest size of a file in bytes, unpacked."""
SNIFFED = 50
"""Lines from which the separator is taken."""
SEPARATORS = {"\t": "tab", ";": "semicolon", ",": "comma"}
TEXTS = {"text", "texts", "sentence", "content", "message", "document", "review", "tweet", "comment", "title", "name", "line"}
"""Headings of a column of texts."""
LABELS = {"label", "labels", "class", "category", "language", "lang", "target", "tag", "topic", "sentiment", "intent"}
"""Headings of a column of labels."""
FEW = "give two columns, text and label, or a folder with a file LABEL.txt per label"


class Row(NamedTuple):
    """A text and its label."""

    text: str
    label: str
    source: str
    """File and line."""


@dataclass
class Table:
    """The rows of a file or a folder."""

    rows: list[Row] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    """Line that is left out -> reason."""
    notes: list[str] = field(default_factory=list)

    def add(self, text: str, label: str, source: str) -> None:
        text, label = tidy(text), tidy(label)
        if text and label:
            self.rows.append(Row(text, label, source))
        else:
            self.problems[source] = f"it has no {'text' if label else 'label'}"


def tidy(text: str) -> str:
    """Unicode's NFC, with single blanks for all white space, and none around it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def paths(path: Path) -> list[Path]:
    """The files that are read. Raises DataError."""
    if not files.is_folder(path):
        return [path]
    found = [one for one in files.files_in(path, {".txt", ".gz"}) if label_of(one)]
    if len(found) < 2:
        raise DataError(f"the folder {path} has {len(found)} files LABEL.txt or LABEL.txt.gz; {FEW}")
    labels = [label_of(one) for one in found]
    twice = next((one for one, label in zip(found, labels, strict=True) if labels.count(label) > 1), None)
    if twice is not None:
        raise DataError(f"the folder {path} has the label {label_of(twice)} twice, as {twice.name}; take one of them out")
    return found


def label_of(path: Path) -> str:
    """The label that a file of a folder is named for; empty if it is not a file of texts."""
    name = path.name
    for ending in (".txt.gz", ".txt"):
        if name.lower().endswith(ending):
            return tidy(name[: -len(ending)])
    return ""


def read(path: Path) -> Table:
    """The texts with labels of a table or a folder. Raises DataError, with file and line."""
    table = Table()
    if not files.is_folder(path):
        read_table(text_of(path), str(path), table)
        return table
    for file in paths(path):
        for number, line in enumerate(text_of(file).splitlines(), 1):
            if line.strip():
                table.add(line, label_of(file), f"{file}, line {number}")
    return table


def text_of(path: Path) -> str:
    """The text of a file, packed by gzip or not. Raises DataError, with the line for what is not UTF-8 or UTF-16 with its mark."""
    try:
        content = unpacked(path)
    except (OSError, EOFError, zlib.error) as error:
        why = files.reason(error) if isinstance(error, OSError) else str(error)
        raise DataError(f"{path} cannot be read ({why}); {FEW}") from error
    return decoded(content, str(path))


def decoded(content: bytes, name: str) -> str:
    """The text of bytes: UTF-8, or UTF-16 with its mark. Raises DataError, with the line."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        kind = encoding.upper().removesuffix("-SIG")
        raise DataError(
            f"{name}, line {line}, is not {kind} (byte {content[error.start]:#04x}, {error.reason}); save the file as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}, line {line}, has zero bytes, as UTF-16 without its mark; save the file as UTF-8")
    return text


def unpacked(path: Path) -> bytes:
    content = files.read_bytes(path, LARGEST)
    if not content.startswith(b"\x1f\x8b"):
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it has more than {LARGEST} bytes", str(path))
    return content


# ---------------------------------------------------------------- tables


def read_table(text: str, name: str, table: Table) -> None:
    """Adds the rows of a table of texts and labels. A first line that names them may be there, and then other columns, too.
    Without one the labels are the column with fewer different values. Raises DataError."""
    if not text.strip():
        raise DataError(f"{name} is empty; {FEW}")
    separator = separator_of(text)
    rows = [(line, row) for line, row in cells(text, separator, name) if any(map(str.strip, row))]
    first, head = rows[0]
    places = columns(head)
    if places is not None:
        rows = rows[1:]
        if not rows:
            raise DataError(f"{name} has only a line of headings; {FEW}")
    elif len(head) == 1:
        raise DataError(f"{name}, line {first}: it has one column; {FEW}")
    elif len(head) > 2:
        mend = "leave only these, or name them in the first line"
        raise DataError(f"{name}, line {first}: it has {len(head)} columns, not two, text and label; {mend}")
    for line, row in rows:
        if len(row) != len(head):
            mark = SEPARATORS[separator]
            mend = f"put a text with a {mark} into quotation marks" if separator != "\t" else "mend the line"
            raise DataError(f"{name}, line {line}: {counted(len(row))}, and line {first} {len(head)}; {mend}")
    if places is None:
        different = [len({tidy(row[column]) for _, row in rows}) for column in (0, 1)]
        places = (1, 0) if different[0] < different[1] else (0, 1)
        if places == (1, 0):
            table.notes.append(f"{Path(name).name}: labels are the first column, which has fewer different values")
    for line, row in rows:
        table.add(row[places[0]], row[places[1]], f"{name}, line {line}")


def counted(columns: int) -> str:
    return "it has one column" if columns == 1 else f"it has {columns} columns"


def columns(head: Sequence[str]) -> tuple[int, int] | None:
    """Where a line of headings has texts and labels; None for another line."""
    names = [cell.strip().lower() for cell in head]
    text = next((place for place, name in enumerate(names) if name in TEXTS), None)
    label = next((place for place, name in enumerate(names) if name in LABELS), None)
    return None if text is None or label is None else (text, label)


def separator_of(text: str) -> str:
    """The separator by which most of the first lines have the same number of cells, at least two."""
    lines = "\n".join(text[: 1 << 20].splitlines()[:SNIFFED])

    def fits(separator: str) -> int:
        try:
            widths = [len(row) for row in csv.reader(io.StringIO(lines, newline=""), delimiter=separator) if row]
        except csv.Error:
            return 0
        return max([widths.count(width) for width in widths if width > 1], default=0)

    return max(SEPARATORS, key=fits)


def cells(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells). Cells may be quoted, with separators and, but for tabs, line ends in them."""
    if separator == "\t":
        for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
            yield number, [unquoted(cell) for cell in line.split(separator)]
        return
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = rows.line_num + 1
        try:
            yield line, next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{name}, line {line}: its quotation marks cannot be read ({error}); mend or double them") from error


def unquoted(cell: str) -> str:
    whole = len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', "")
    return cell[1:-1].replace('""', '"') if whole else cell
