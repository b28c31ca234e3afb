"""Handwriting in the form of IAM-OnDB (Liwicki & Bunke 2005, "IAM-OnDB: an On-Line English Sentence Database"): a file of XML for
each line, with the strokes of a pen, and a file of ASCII for each form, with the texts of its lines.

    lineStrokes/a01/a01-000/a01-000u-01.xml    <StrokeSet><Stroke><Point x="1073" y="1058" time="769.05"/> ...
    ascii/a01/a01-000/a01-000u.txt             after CSR: the text of each line

A form is a person's: all its lines are in one split. The height of a line is the median over lines of how high their ink is.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float64

from drawgen.contract import SPLITS, check_split
from drawgen.data.digests import of_files
from drawgen.data.handwriting import HandLines, HandwritingBatch, Line, batch_of, line_of, spread
from drawgen.data.labelled import shuffled_by_length
from drawgen.data.packed import reason
from drawgen.data.pictures import DataError
from drawgen.data.strokes import FARTHEST
from drawgen.files import files_in, is_folder, read_bytes
from drawgen.ranges import check_fields, check_range

LARGEST = 1 << 24
"""Bytes of a file, at most."""
NAMED = re.compile(r"(.+)-(\d{1,3})\.xml", re.IGNORECASE)
WANTED = "unpack lineStrokes-all and ascii-all of IAM-OnDB into one folder, and give that"


class Written(NamedTuple):
    """A line of a form, in the file's units."""

    lines: list[Float64[np.ndarray, "_ 2"]]
    text: str
    held: bool
    source: str


def strokes_in(path: Path) -> list[Float64[np.ndarray, "_ 2"]]:
    """The polylines of a file of strokes, empty ones left out. Raises ValueError, with the reason alone."""
    data = read_bytes(path, LARGEST)
    if b"<!ENTITY" in data:
        raise ValueError("it declares entities, which are not read")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ValueError(f"it is not XML that can be read: {reason(error)}") from error
    lines = []
    for stroke in root.iter("Stroke"):
        points = [(point.get("x"), point.get("y")) for point in stroke.iter("Point")]
        if any(value is None for point in points for value in point):
            raise ValueError("a point has no x or no y")
        try:
            found = np.array(points, np.float64).reshape(-1, 2)
        except ValueError:
            raise ValueError("a point has an x or a y that is no number") from None
        if not (np.abs(found) <= FARTHEST).all():
            raise ValueError(f"a coordinate is not finite or beyond {FARTHEST:g}")
        if len(found):
            lines.append(found)
    if not lines:
        raise ValueError("it has no strokes")
    return lines


def texts_in(path: Path) -> list[str]:
    """The texts of a form's lines. Raises ValueError, with the reason alone."""
    whole = read_bytes(path, LARGEST).decode("latin-1")  # the files say that they are ISO-8859-1
    _, found, after = whole.partition("CSR:")
    if not found:
        raise ValueError("it has no line CSR:, after which the texts are")
    return [" ".join(line.split()) for line in after.splitlines() if line.strip()]


@dataclass(frozen=True, kw_only=True)
class IamOnline(HandLines):
    """A folder of handwriting in the form of IAM-OnDB: `lineStrokes` and `ascii`, wherever in it."""

    path: str = "iam"
    """The folder."""
    batch: int = 32
    """Lines in a batch, of like length."""
    held_out: float = 0.05
    """Fraction of the forms held out for validation, evenly spaced."""
    longest: int = 80
    """Lines of more characters are left out."""
    most_points: int = 1500
    """Lines of more points are left out."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "longest", at_least=1)
        check_fields(self, "data", "held_out", at_least=0, below=1)
        check_range("data.most_points", self.most_points, at_least=2)

    @cached_property
    def problems(self) -> dict[str, str]:
        """Lines that are left out -> reason."""
        return {}

    @cached_property
    def paths(self) -> tuple[list[Path], dict[str, Path]]:
        """The files of strokes, and those of texts by their form."""
        folder = Path(self.path)
        if not is_folder(folder):
            raise DataError(f"{folder} is not a folder of handwriting; {WANTED}")
        strokes = [path for path in files_in(folder, {".xml"}, deep=True) if NAMED.fullmatch(path.name)]
        if not strokes:
            raise DataError(f"{folder} has no lines of handwriting, files such as a01-000u-01.xml; {WANTED}")
        return strokes, {path.stem: path for path in files_in(folder, {".txt"}, deep=True)}

    def digest(self) -> str:
        return of_files([*self.paths[0], *self.paths[1].values()])

    def read(self) -> Iterator[Written]:
        """The lines that can be read; what is wrong with the others is in `problems`."""
        strokes, texts = self.paths
        forms: dict[str, list[tuple[int, Path]]] = {}
        for path in strokes:
            if (named := NAMED.fullmatch(path.name)) is not None:
                forms.setdefault(named[1], []).append((int(named[2]), path))
        held = np.diff(np.floor(np.arange(len(forms) + 1) * self.held_out)) > 0
        for (form, files), apart in zip(sorted(forms.items()), held.tolist(), strict=True):
            try:
                told = texts_in(texts[form])
            except KeyError:
                self.problems.update({str(path): f"there is no {form}.txt with its text" for _, path in files})
                continue
            except (OSError, ValueError) as error:
                self.problems.update({str(path): f"of {texts[form]}: {reason(error)}" for _, path in files})
                continue
            for number, path in files:
                try:
                    if not 1 <= number <= len(told):
                        raise ValueError(f"{texts[form]} has {len(told)} lines of text")
                    lines, text = strokes_in(path), told[number - 1]
                    if (points := sum(map(len, lines))) > self.most_points or points < 2:
                        raise ValueError(f"it has {points} points, not 2 to {self.most_points}")
                    if len(text) > self.longest:
                        raise ValueError(f"its text has {len(text)} characters, more than {self.longest}")
                    yield Written(lines, text, apart, str(path))
                except (OSError, ValueError) as error:
                    self.problems[str(path)] = reason(error)

    @cached_property
    def parts(self) -> tuple[dict[str, list[Line]], float]:
        """The lines of each split, with the standard deviation of the steps of training lines as unit; and this, where the height
        of a line is 1. Raises DataError."""
        written = list(self.read())
        known = set("".join(one.text for one in written if not one.held))
        parts: dict[str, list[Line]] = {split: [] for split in SPLITS}
        for one in written:
            if strange := [letter for letter in one.text if letter not in known]:
                self.problems[one.source] = f"it has {strange[0]!r}, which no training line has"
                continue
            parts["valid" if one.held else "train"].append(line_of(one.lines, one.text))
        if not parts["train"]:
            why = Counter(self.problems.values()).most_common(1)
            raise DataError(f"{self.path} has no lines to learn from ({why[0][0] if why else 'there are none'}); {WANTED}")
        height = float(np.median([np.ptp(np.concatenate(one.lines)[:, 1]) for one in written if not one.held])) or 1.0
        unit = spread(parts["train"])
        scaled = {
            split: [Line(line.rows / np.array([unit, unit, 1], np.float32), line.text) for line in found]
            for split, found in parts.items()
        }
        return scaled, unit / height

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return tuple(sorted(set("".join(line.text for line in self.parts[0]["train"]))))

    @property
    def step(self) -> float:
        return self.parts[1]

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[HandwritingBatch]:
        """Training: reshuffled in every epoch, with lines of like length in a batch. Validation: each line once. Raises DataError
        for fewer lines than a batch."""
        check_split(self, split)
        lines, vocabulary = self.parts[0][split], self.vocabulary
        lengths = np.array([len(line.rows) for line in lines])
        if split == "valid":
            order = np.argsort(lengths, kind="stable")
            for first in range(rank * self.batch, len(lines), ranks * self.batch):
                yield batch_of([lines[index] for index in order[first : first + self.batch]], vocabulary)
            return
        there = f"{self.path} has {len(lines)} lines"
        for _, chosen in shuffled_by_length(lengths, self.batch, there, seed=seed, start=start, rank=rank, ranks=ranks):
            yield batch_of([lines[index] for index in chosen], vocabulary)
