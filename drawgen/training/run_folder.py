"""The folder of a run: its files, and how a new run replaces an old one.

A run that replaces another writes into `.replacement` inside the folder until its first checkpoint. If it ends before that, the old
run is unchanged. At the first checkpoint `.replacement` is renamed, which commits the replacement. If the process dies after that,
the next process that locks the folder completes it.
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
    """Whether it has a trained model: weights, or a state after the first step."""
    return (folder / checkpoint.WEIGHTS).exists() or any(step_of(path) for path in checkpoint.states(folder))


def foreign(folder: Path, *more: str) -> str:
    """The name of a file in it that does not belong to a run; empty if there is none. `more` are further names of a run's files."""
    known = {"lock", METRICS, checkpoint.CONFIG, checkpoint.CARD, *more, *(path.name for path in belongings(folder))}
    return next((path.name for path in sorted(folder.iterdir()) if path.name not in known and not path.name.startswith(".")), "")


def step_of(state: Path) -> int:
    return int(state.stem.removeprefix("state-"))


def belongings(folder: Path) -> list[Path]:
    """Files of a run that another run in the same folder would not overwrite."""
    found = [*checkpoint.states(folder), folder / METRICS, folder / checkpoint.WEIGHTS]
    found += [*folder.glob("events.out.tfevents.*"), folder / "preview.png", folder / "preview.txt"]
    return [path for path in found if path.exists()]


@dataclass
class Place:
    """The place of a run's files: its `folder`, or a folder inside it while an old run is still there. Use it only under the
    lock."""

    folder: Path
    now: Path

    @property
    def apart(self) -> bool:
        return self.now != self.folder

    def settle(self) -> None:
        """Called at the first checkpoint: removes the old run. Raises StorageError."""
        try:
            self.now.rename(self.folder / DECIDED)
            files.flush_folder(self.folder)
            finish(self.folder)
        except OSError as error:
            raise files.StorageError(f"the run in {self.folder} could not be replaced ({files.reason(error)})") from error
        self.now = self.folder


@contextmanager
def opened(folder: Path, *, resume: bool, replace: bool) -> Iterator[Place]:
    """The place of a run, under the folder's lock. A replacement that ends without a checkpoint is removed. Raises ValueError, as
    `begin` and `files.locked` do."""
    with files.locked(folder):
        recover(folder)
        place = Place(folder, folder) if resume else begin(folder, replace=replace)
        try:
            yield place
        finally:
            if place.apart:
                shutil.rmtree(place.now, ignore_errors=True)


def begin(folder: Path, *, replace: bool) -> Place:
    """The place of a new run. Files of a run that was killed before its first step are removed. Raises ValueError for a folder that
    holds a run, unless `replace` is true."""
    for name in (METRICS, checkpoint.WEIGHTS):
        if (folder / name).is_dir():
            raise ValueError(f"{folder / name} is a folder, and a run keeps a file there; move it away, or choose another folder")
    if not holds_run(folder):
        for path in belongings(folder):
            path.unlink()
        return Place(folder, folder)
    if not replace:
        raise ValueError(f"{folder} holds a run already; continue it with `resume`, replace it with `force`, or choose another")
    try:
        (folder / NEW).mkdir()
    except OSError as error:
        raise files.StorageError(f"{folder / NEW} could not be made ({files.reason(error)})") from error
    return Place(folder, folder / NEW)


def recover(folder: Path) -> None:
    """Cleans up after a killed process: removes temporary files, and drops a replacement or, if it was committed, completes it."""
    files.remove_leftovers(folder)
    if (folder / NEW).is_dir():
        log.warning("a run that was to replace the one in %s ended before its first checkpoint; the old one is there", folder)
        shutil.rmtree(folder / NEW)
    finish(folder)


def finish(folder: Path) -> None:
    """Completes a committed replacement, wherever it was interrupted."""
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
    """`recover`, before reading the folder. Raises ValueError if another run is writing to it."""
    if any((folder / name).is_dir() for name in (NEW, DECIDED, MOVING)):
        with files.locked(folder):
            recover(folder)
