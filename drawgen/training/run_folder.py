"""A run's folder: what lies in it, and how a new run takes the place of an old one.

A run that replaces another writes into `.replacement` inside the folder until its first checkpoint; whatever ends it before leaves
the old run as it was. Then that folder is renamed, which decides: what is left to do is finished by whoever holds the folder's lock
next, if the process dies in its midst.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drawgen import checkpoint, files

log = logging.getLogger(__name__)

METRICS = "metrics.jsonl"
NEW, DECIDED, MOVING = ".replacement", ".replacement-decided", ".replacement-moving"


def holds_run(folder: Path) -> bool:
    """Whether something was learnt in it: weights, or a state after the first step."""
    return (folder / checkpoint.WEIGHTS).exists() or any(step_of(path) for path in checkpoint.states(folder))


def foreign(folder: Path, *more: str) -> str:
    """The name of something in it that is no run's; empty where there is none. `more` are names of a run's files, too."""
    known = {"lock", METRICS, checkpoint.CONFIG, checkpoint.CARD, *more, *(path.name for path in belongings(folder))}
    return next((path.name for path in sorted(folder.iterdir()) if path.name not in known and not path.name.startswith(".")), "")


def step_of(state: Path) -> int:
    return int(state.stem.removeprefix("state-"))


def belongings(folder: Path) -> list[Path]:
    """What a run leaves that another of the same folder does not write over."""
    found = [*checkpoint.states(folder), folder / METRICS, folder / checkpoint.WEIGHTS]
    found += [*folder.glob("events.out.tfevents.*"), folder / "preview.png", folder / "preview.txt"]
    return [path for path in found if path.exists()]


@dataclass
class Place:
    """Where a run's files lie: in its `folder`, or beneath it while an old run is still there. Only for who holds the lock."""

    folder: Path
    now: Path

    @property
    def apart(self) -> bool:
        return self.now != self.folder

    def settle(self) -> None:
        """The run has its first checkpoint, and the old one goes. Raises StorageError."""
        try:
            self.now.rename(self.folder / DECIDED)
            files.flush_folder(self.folder)
            finish(self.folder)
        except OSError as error:
            raise files.StorageError(f"the run in {self.folder} could not be replaced ({files.reason(error)})") from error
        self.now = self.folder


@contextmanager
def opened(folder: Path, *, resume: bool, replace: bool) -> Iterator[Place]:
    """The place of a run, with the folder's lock. A run that replaces another and ends without a checkpoint leaves nothing. Raises
    ValueError, as `begin` and `files.locked` do."""
    with files.locked(folder):
        recover(folder)
        place = Place(folder, folder) if resume else begin(folder, replace=replace)
        try:
            yield place
        finally:
            if place.apart:
                shutil.rmtree(place.now, ignore_errors=True)


def begin(folder: Path, *, replace: bool) -> Place:
    """The place of a new run. What a run that was killed before its first step left is dropped. Raises ValueError for a folder
    that holds a run, unless `replace` is said."""
    for name in (METRICS, checkpoint.WEIGHTS):
        if (folder / name).is_dir():
            raise ValueError(f"{folder / name} is a folder, and a run keeps a file there; move it away, or choose another folder")
    if not holds_run(folder):
        for path in belongings(folder):
            path.unlink()
        return Place(folder, folder)
    if not replace:
        raise ValueError(f"{folder} holds a run already; go on with `resume`, replace it with `force`, or choose another")
    try:
        (folder / NEW).mkdir()
    except OSError as error:
        raise files.StorageError(f"{folder / NEW} could not be made ({files.reason(error)})") from error
    return Place(folder, folder / NEW)


def recover(folder: Path) -> None:
    """Ends what a killed process left half done: temporary files, and a replacement, which is dropped or, decided, finished."""
    files.remove_leftovers(folder)
    if (folder / NEW).is_dir():
        log.warning("a run that was to replace the one in %s ended before its first checkpoint; the old one is there", folder)
        shutil.rmtree(folder / NEW)
    finish(folder)


def finish(folder: Path) -> None:
    """The rest of a replacement that is decided, from wherever it was interrupted."""
    if (folder / DECIDED).is_dir():
        kept = {path.name for path in (folder / DECIDED).iterdir()}
        for path in belongings(folder):
            if path.name not in kept:
                path.unlink()
        (folder / DECIDED).rename(folder / MOVING)
        files.flush_folder(folder)
    if (folder / MOVING).is_dir():
        for path in sorted((folder / MOVING).iterdir()):
            path.replace(folder / path.name)
        (folder / MOVING).rmdir()
        files.flush_folder(folder)


def mend(folder: Path) -> None:
    """`recover`, for one who wants to read the folder first. Raises ValueError where another run is writing to it."""
    if any((folder / name).is_dir() for name in (NEW, DECIDED, MOVING)):
        with files.locked(folder):
            recover(folder)
