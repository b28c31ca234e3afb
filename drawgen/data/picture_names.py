"""Finds the file on disk for the name of a picture in a file of captions.

Windows, macOS and spreadsheets change names: `.\\a.jpg`, another Unicode composition, no ending, `.jpg` for `.JPG`, 7 for 007.jpg.
Such a name is resolved if exactly one file matches; otherwise the nearest name is reported.
"""

import difflib
import os
import posixpath
import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from drawgen.file_kinds import PICTURES
from drawgen.files import HIDDEN, files_in

MOST_GUESSES = 10
"""Number of names for which the nearest is looked up: this is slow in a large folder, and only the first are shown."""
SAME = {".jpeg": ".jpg", ".tiff": ".tif"}


class Known(NamedTuple):
    """The pictures of one folder and its subfolders, by their possible names."""

    by_name: dict[str, list[str]]
    by_stem: dict[str, list[str]]
    by_number: dict[str, list[str]]
    """Names that are numbers, without leading zeros."""


def folded(name: str) -> str:
    """A normal form of a name: case, Unicode composition, jpeg and jpg do not matter."""
    stem, ending = posixpath.splitext(unicodedata.normalize("NFC", name.casefold()))
    return stem + SAME.get(ending, ending)


def tidy(name: str) -> str:
    """The name with forward slashes, and without a leading ./."""
    tidied = re.sub("/+", "/", name.strip().replace("\\", "/"))
    while tidied.startswith("./"):
        tidied = tidied[2:]
    return tidied


def compatible(path: str, name: str) -> bool:
    """Whether the folders in a name agree with those of a file's path: train/1.jpg is not val/1.jpg."""
    above, named = folded(path).split("/")[-2::-1], folded(name).split("/")[-2::-1]
    return all(one == other for one, other in zip(above, named, strict=False))


class PictureNames:
    """Finds pictures in folders, in order of preference. Each folder is listed once; subfolders are searched only if a name has no
    exact match."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = ["" if folder == Path() else folder.as_posix() for folder in folders]
        self.listed: dict[str, frozenset[str]] = {}
        self.guesses = 0

    def find(self, name: str) -> str | None:
        """The path of the only picture that matches the name, or None; then `why_not` gives the reason."""
        written = tidy(name)
        for folder in self.folders:
            for spelling in dict.fromkeys((written, name)):
                head, base = posixpath.split(spelling)
                where = posixpath.join(folder, head) if head else folder
                if base in self.names_in(where):
                    return posixpath.join(where, base)
        found = self.candidates(written)
        return found[0] if len(found) == 1 else None

    def why_not(self, name: str) -> str:
        found = self.candidates(tidy(name))
        if found:
            return f"its name can mean {len(found)} files: {', '.join(found[:3])}"
        near = self.nearest(tidy(name))
        return "the captions name it, and it is not there" + (f"; did you mean {near}?" if near else "")

    def names_in(self, folder: str) -> frozenset[str]:
        """The files of a folder; empty if it cannot be read."""
        if folder not in self.listed:
            try:
                with os.scandir(folder or ".") as entries:
                    self.listed[folder] = frozenset(entry.name for entry in entries if entry.is_file())
            except (OSError, ValueError):  # not there, too long a name, a NUL in it
                self.listed[folder] = frozenset()
        return self.listed[folder]

    def candidates(self, name: str) -> list[str]:
        """The files that match a name inexactly."""
        base = folded(posixpath.basename(name))
        stem, ending = posixpath.splitext(base)
        number = re.fullmatch(r"0*(\d+)(?:\.0)?", stem if ending in PICTURES else base)
        for folder, known in zip(self.folders, self.known, strict=True):
            ways = [known.by_name.get(base, []), known.by_stem.get(base, [])]
            if number:
                same = known.by_number.get(number[1], [])
                ways.append([path for path in same if ending not in PICTURES or folded(path).endswith(ending)])
            for found in ways:
                if meant := [path for path in found if compatible(path, name)]:
                    return [posixpath.join(folder, path) for path in meant]
        return []

    @cached_property
    def known(self) -> list[Known]:
        """The pictures of each of the folders, by their paths in it."""
        return [index(Path(folder)) for folder in self.folders]

    def nearest(self, name: str) -> str | None:
        self.guesses += 1
        if self.guesses > MOST_GUESSES:
            return None
        base = folded(posixpath.basename(name))
        paths = {key: found[0] for known in self.known for key, found in known.by_name.items() if abs(len(key) - len(base)) < 4}
        numbers = re.findall(r"[1-9]\d*", base)  # another number is another picture, and no slip
        near = difflib.get_close_matches(base, paths, 5, cutoff=0.8)
        same = [paths[key] for key in near if re.findall(r"[1-9]\d*", key) == numbers]
        if same:
            return same[0]
        away = [found[0] for known in self.known for found in [known.by_name.get(base, [])] if found]
        return away[0] if away else None

    def others(self, used: set[str]) -> list[str]:
        """The unused pictures."""
        folders, endings = {posixpath.dirname(path) for path in used}, tuple(PICTURES)
        return sorted(
            path
            for folder in folders
            for name in self.names_in(folder)
            if (path := posixpath.join(folder, name)) not in used
            if name.lower().endswith(endings) and not name.startswith(".") and name not in HIDDEN
        )


def index(folder: Path) -> Known:
    known = Known({}, {}, {})
    try:
        paths = files_in(folder, PICTURES, deep=True)
    except OSError:  # a folder in it that may not be read, or it is not there
        try:
            paths = files_in(folder, PICTURES)
        except OSError:
            paths = []
    for path in paths:
        inside, name = path.relative_to(folder).as_posix(), folded(path.name)
        stem = posixpath.splitext(name)[0]
        known.by_name.setdefault(name, []).append(inside)
        known.by_stem.setdefault(stem, []).append(inside)
        if stem.isdecimal():
            known.by_number.setdefault(stem.lstrip("0") or "0", []).append(inside)
    return known
