"""Files on disk: writing without data loss, reading without hanging.

Read a user's file with `read_bytes` or `open_file`. A pipe without a writer, a device, a folder, or a file larger than expected
raises an OSError with the reason. Write the program's own files with `write_atomically`. For a file that a user named, call
`check_output_path` before the work and `write_output` after it.
"""

import errno
import hashlib
import itertools
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

HIDDEN = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"}
"""Names of files that systems put into folders; names that begin with a dot are hidden too."""
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d) *(\..*)?", re.IGNORECASE)
"""Names that are devices on Windows, whatever their ending."""
HELD_S = (0.01, 0.1, 0.5)
"""Waiting times between attempts on a file that another program holds open."""


class StorageError(OSError):
    """A file could not be written (disk full, folder gone). The previous file is intact."""


# ---------------------------------------------------------------- in


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for reading. Raises OSError at once for a pipe, a device or a folder. Standard input by its name (`/dev/stdin`,
    `/dev/fd/N`) is allowed, but is not seekable."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except PermissionError as error:
        if is_folder(path):  # which Windows does not open
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from error
        raise
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
    """The whole file. Raises OSError as `open_file` does, and for a file of more than `most` bytes, which is not read further."""
    with open_file(path) as file:
        return file.read() if most is None else read_at_most(file, most, str(path))


def read_standard_input(most: int) -> bytes:
    """The whole content of a pipe or a file. Raises OSError for a terminal or another device, and for more than `most` bytes."""
    with open(0, "rb", closefd=False) as file:
        if stat.S_ISCHR(os.fstat(0).st_mode):
            raise OSError(errno.EINVAL, "it is a terminal or a device, not a file", "-")
        return read_at_most(file, most, "-")


def read_at_most(file: BinaryIO, most: int, name: str) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most} bytes", name)
    return data


def is_file(path: str | Path) -> bool:
    """Whether a file exists; False too for a name that the system does not allow (300 letters, a zero byte)."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Whether a folder exists; False too for a name that the system does not allow."""
    return os.path.isdir(path)  # noqa: PTH112


def first_bytes(path: Path, most: int) -> bytes:
    """The first bytes of a file. Raises OSError as `open_file` does."""
    with open_file(path) as file:
        return file.read(most)


def hidden(name: str) -> bool:
    """Whether a name is hidden, or that of a system file."""
    return name.startswith(".") or name in HIDDEN


def files_in(folder: Path, endings: Collection[str], *, deep: bool = False) -> list[Path]:
    """The files of a folder (with `deep` also of its subfolders) whose lower-case endings are among `endings`, sorted. Hidden files
    and folders and system files (`HIDDEN`) are ignored. Raises OSError."""
    found, folders = [], [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if hidden(entry.name):
                    continue
                if entry.is_dir():
                    if deep and not entry.is_symlink():
                        folders.append(Path(entry.path))
                elif entry.name[entry.name.rfind(".") :].lower() in endings and entry.is_file():
                    found.append(Path(entry.path))
    return sorted(found, key=lambda path: path.parts)  # on Windows too capital letters come first


# ---------------------------------------------------------------- out


def write_atomically(path: Path, data: bytes) -> None:
    """Writes the whole file or keeps the old one: writes a temporary file in the same folder, flushes it to the disk, renames it
    over the old file, and flushes the folder. Raises StorageError."""
    written(path, path, data, Path.replace)


def write_output(path: Path, data: bytes, *, replace: bool) -> None:
    """Writes a file that a user named, atomically; if it is a link, the target of the link.

    Without `replace` an existing file is kept, and the data goes to the next free name beside it, OUT-1.png, so that neither is
    lost; this raises StorageError, as does a file that cannot be written. A new file takes over the permissions of the file it
    replaces.
    """
    write_outputs({path: data}, replace=replace)


def write_outputs(contents: Mapping[Path, bytes], *, replace: bool) -> None:
    """`write_output` of files that belong together: the data of all is on the disk before the first takes its name, so that a full
    disk leaves none of them."""
    put = swap if replace else place
    targets = {path: Path(os.path.realpath(path)) for path in contents}
    with ExitStack() as stack:
        ready = {path: stack.enter_context(prepared(path, targets[path], data)) for path, data in contents.items()}
        found = {path: moved(path, targets[path], temporary, put) for path, temporary in ready.items()}
    for path, kept in found.items():
        check_place(path, targets[path], kept)


@contextmanager
def growing(path: Path, *, replace: bool) -> Iterator[Path]:
    """A file that a user named, written little by little: yields an empty temporary file beside it, which takes its name in the end
    as `write_output` has it. After an exception it is removed."""
    target = Path(os.path.realpath(path))
    with prepared(path, target, b"") as temporary:
        yield temporary
        with told(path), open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        kept = moved(path, target, temporary, swap if replace else place)
    check_place(path, target, kept)


def check_place(path: Path, target: Path, kept: Path) -> None:
    """Raises StorageError if what was made for `target`, the file that `path` names, is elsewhere."""
    if kept != target:
        kept = path.with_name(kept.name) if kept.parent == path.parent.resolve() else kept
        raise StorageError(f"{path} has appeared meanwhile and is left as it is; what was made is in {kept}")


def written(path: Path, target: Path, data: bytes, put: Callable[[Path, Path], Path]) -> Path:
    """Writes a temporary file beside `target`; `put` moves it and returns its final path. `path` is its name in messages."""
    with prepared(path, target, data) as temporary:
        return moved(path, target, temporary, put)


@contextmanager
def prepared(path: Path, target: Path, data: bytes) -> Iterator[Path]:
    """A temporary file beside `target` with the data, flushed to the disk; it is removed in the end, unless it was moved."""
    temporary = target.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.tmp")  # short, however long the target's name is
    try:
        with told(path), open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:  # after Ctrl-C too; where all went well it is gone already
        with suppress(OSError):
            temporary.unlink()


def moved(path: Path, target: Path, temporary: Path, put: Callable[[Path, Path], Path]) -> Path:
    """`put` moves the temporary file to the target and returns its final path."""
    with told(path):
        kept = patiently(put, temporary, target)
        flush_folder(target.parent)
        return kept


@contextmanager
def told(path: Path) -> Iterator[None]:
    """The system's errors as a StorageError that names the file."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path} could not be written ({reason(error)}); what was there before is unchanged") from error


def patiently(put: Callable[[Path, Path], Path], temporary: Path, target: Path) -> Path:
    """Retries a move on Windows, where a file that a virus scanner or a viewer holds open can be neither moved nor replaced."""
    for seconds in HELD_S if os.name == "nt" else ():
        try:
            return put(temporary, target)
        except PermissionError:
            time.sleep(seconds)
    return put(temporary, target)


def swap(temporary: Path, target: Path) -> Path:
    """Moves a file over the target, and gives it the target's permissions."""
    with suppress(OSError):
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    return temporary.replace(target)


def place(temporary: Path, target: Path) -> Path:
    """Moves a file to the target's name or, if that exists, to the next free one, and returns it. Nothing is replaced."""
    for name in free_names(target):
        try:
            os.link(temporary, name)
        except FileExistsError:
            continue
        except (OSError, NotImplementedError):  # memory cards, some network drives: no second name for a file
            try:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # the name is ours from here on
            except FileExistsError:
                continue
            try:
                temporary.replace(name)
            except BaseException:
                name.unlink()  # empty, and our own
                raise
        return name
    raise AssertionError("names never end")


def free_names(target: Path) -> Iterator[Path]:
    """The target, then OUT-1.png, OUT-2.png ... beside it, within the system's limit on names."""
    yield target
    most = longest_name(target.parent)
    for number in itertools.count(1):
        end = f"-{number}{target.suffix}"
        stem = os.fsencode(target.stem)[: most - len(os.fsencode(end))]
        yield target.with_name(stem.decode(errors="ignore") + end)


def longest_name(folder: Path) -> int:
    """The system's limit on the bytes of a file name there."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError, AttributeError):
        return 255


def check_output_path(path: Path, *, force: bool = False, sources: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Raises ValueError, before any work is done, for a path that cannot be written, that exists (unless `force`), or that is one
    of the `sources`, the input files, under any name."""
    if os.name == "nt" and (DEVICES.fullmatch(path.name) or ":" in path.name):
        raise ValueError(f"{path} cannot be the name of a file on Windows; choose another")
    target = Path(os.path.realpath(path))
    try:
        folder = target.parent if path.is_symlink() else path.parent
        if not folder.is_dir():
            raise ValueError(f"{path}: the folder {folder} does not exist; make it first")
        found = path.stat()
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({reason(error)}); choose another name") from error
    if found is not None:
        if stat.S_ISDIR(found.st_mode):
            raise ValueError(f"{path} is a folder; give a file name in it")
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is a pipe or a device; choose the name of a file")
        for source in sources:
            with suppress(OSError):
                if os.path.samestat(found, Path(source).stat()):
                    raise ValueError(f"{path} is the file that is read ({os.fspath(source)}); choose another name")
        if not force:
            raise ValueError(f"{path} exists already; choose another name or give `force` to replace it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{path}: the folder {folder} may not be written to; choose another")


def flush_folder(folder: Path) -> None:
    """Makes a rename in `folder` durable, if the system can; on systems that cannot (Windows, network drives) it does nothing."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def reason(error: OSError) -> str:
    """The system's message for an error, with the usual mend."""
    words = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        return f"{words}: free some space"
    return words


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks `folder` against a second run; the lock ends with the process. Raises ValueError if it is taken."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / "lock", "a", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be used ({reason(error)}); choose another") from error
    with holding(handle, f"another run is writing to {folder}; wait for it or choose another folder"):
        yield


@contextmanager
def reserved(file: Path) -> Iterator[None]:
    """Reserves a file for this process, by a lock in the temporary folder; the lock ends with the process. Raises ValueError if
    another process writes the file."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(file))).hexdigest()[:24]
    try:
        handle = open(Path(tempfile.gettempdir()) / f"drawgen-{name}.lock", "a", encoding="utf-8")  # noqa: SIM115
    except OSError:  # another user's lock, or nowhere to write: there is no protection then
        yield
        return
    with holding(handle, f"another process is writing {file}; wait for it, or choose another file"):
        yield


@contextmanager
def holding(handle: TextIO, taken: str) -> Iterator[None]:
    """Holds the lock of an open file, which is closed in the end. Raises ValueError, with the sentence `taken`."""
    with handle:
        try:
            lock_file(handle.fileno())
        except OSError as error:
            raise ValueError(taken) from error
        yield


def lock_file(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_leftovers(folder: Path) -> None:
    """Removes temporary files of killed runs. Call it only under the folder's lock."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)
