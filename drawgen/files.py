"""Files on disk: written so that nothing is ever lost, read so that nothing waits for ever.

Whoever reads a file that a person handed in takes `read_bytes` or `open_file`: a pipe that nobody writes to, a device or a folder
is an OSError with a reason, and so is what is larger than expected. Whoever writes takes `write_atomically`.
"""

import errno
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

HIDDEN = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"}
"""What systems put into folders beside a person's files; and all that begins with a dot."""


class StorageError(OSError):
    """Something could not be written (disk full, folder gone): what was there before is intact."""


# ---------------------------------------------------------------- in


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for reading. Raises OSError, at once, for a pipe, a device or a folder; but standard input by its name
    (`/dev/stdin`, `/dev/fd/N`) is taken as it comes, and cannot be sought in."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            if not (stat.S_ISFIFO(mode) and re.fullmatch(r"/dev/stdin|(/dev|/proc/self)/fd/\d+", str(path))):
                raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
            os.set_blocking(handle, True)
        yield file


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """The whole file. Raises OSError, as `open_file` does, and for one of more than `most` bytes, of which no more are read."""
    with open_file(path) as file:
        if most is None:
            return file.read()
        data = file.read(most + 1)
        if len(data) > most:
            raise OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
        return data


def is_file(path: str | Path) -> bool:
    """Whether a file lies there; False too for a name that the system does not take (300 letters, a zero byte)."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Whether a folder lies there; False too for a name that the system does not take."""
    return os.path.isdir(path)  # noqa: PTH112


def files_in(folder: Path, endings: Collection[str], *, deep: bool = False) -> list[Path]:
    """The files of a folder, with `deep` those of the folders in it too, whose lower-case endings are among `endings`, in order.
    Hidden files and folders, and those that systems leave (`HIDDEN`), are passed over. Raises OSError."""
    found, folders = [], [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in HIDDEN:
                    continue
                if entry.is_dir():
                    if deep and not entry.is_symlink():
                        folders.append(Path(entry.path))
                elif entry.name[entry.name.rfind(".") :].lower() in endings and entry.is_file():
                    found.append(Path(entry.path))
    return sorted(found)


# ---------------------------------------------------------------- out


def write_atomically(path: Path, data: bytes) -> None:
    """Writes the whole file or leaves what was there: a temporary file in the same folder, flushed to the disk, then
    renamed over the old one, and the folder flushed too. Raises StorageError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise StorageError(f"{path} could not be written ({reason(error)}); what was there before is unchanged") from error
    finally:  # after Ctrl-C too; where all went well it is gone already
        with suppress(OSError):
            temporary.unlink()


def flush_folder(folder: Path) -> None:
    """Makes a rename in `folder` durable, where the system can; some (Windows, network drives) cannot, and it is done anyway."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def reason(error: OSError) -> str:
    """The system's words for an error, with the usual mend."""
    words = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        return f"{words}: free some space"
    return words


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps a second run out of `folder`; the lock dies with the process. Raises ValueError when it is taken."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / "lock", "a")  # noqa: SIM115
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be used ({reason(error)}); choose another") from error
    with handle:
        try:
            lock_file(handle.fileno())
        except OSError as error:
            raise ValueError(f"another run is writing to {folder}; wait for it or choose another folder") from error
        yield


def lock_file(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_leftovers(folder: Path) -> None:
    """Temporary files of runs that were killed. Only for who holds the folder's lock."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)
