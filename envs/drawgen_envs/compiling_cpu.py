"""Compiles for a CPU (numba), with a cache on disk if there is a folder for it.

numba caches compiled code beside the source, or else in the user's cache folder; NUMBA_CACHE_DIR names another folder. If none of
them is writable, as in a container that runs as another user, numba refuses to compile. Here the next choice is a folder in TMPDIR
(or /tmp) that only this user can access, and then no cache: each process compiles for itself.
"""

import contextlib
import os
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., Any])
LOCK = threading.Lock()


class Cache(FunctionCache):
    """numba's cache of one function, which never makes a call fail: unreadable code is compiled again, and code that cannot be
    written (a full disk) is not cached."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged pickle may fail in any way
            self.forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError:
            self.forget()

    def forget(self) -> None:
        """Empties the index, which may name files that were never written."""
        with contextlib.suppress(OSError):
            self.flush()


def compiled(*, fastmath: bool | set[str] = False) -> Callable[[F], F]:
    """A decorator: the function compiled when it is first called, without Python's lock and with numpy's division by zero.

    >>> @compiled(fastmath=True)
    ... def double(x: float) -> float:
    ...     return 2 * x
    """

    def decorate(function: F) -> F:
        dispatcher: Any = njit(fastmath=fastmath, nogil=True, error_model="numpy")(function)
        cache = cache_of(function)
        if cache is not None:
            dispatcher._cache = cache  # as njit(cache=True) does
        return dispatcher

    return decorate


def cache_of(function: Callable[..., Any]) -> Cache | None:
    """The folder of the cache: the first one that is writable, or None."""
    with LOCK:
        given = config.CACHE_DIR  # type: ignore[attr-defined]
        try:
            # Without a home numba would make a folder named ~ in the working folder.
            if has_home() or (given and writable(Path(given))):
                with contextlib.suppress(RuntimeError):  # numba's "cannot cache function"
                    return Cache(function)
            folder = private_folder()
            if folder is not None:
                config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
                with contextlib.suppress(RuntimeError):
                    return Cache(function)
            return None
        finally:
            config.CACHE_DIR = given  # type: ignore[attr-defined]


def has_home() -> bool:
    try:
        return Path.home().is_absolute()
    except RuntimeError:  # neither HOME nor an entry for this user
        return False


def writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def private_folder() -> Path | None:
    """A private folder of this user among the temporary files, created if it is missing. None if that is impossible, or if somebody
    else could have written to it, because numba runs the code in it."""
    if not hasattr(os, "geteuid"):
        return None
    parent = Path(os.environ.get("TMPDIR") or "/tmp").absolute()
    folder = parent / f"drawgen-numba-{os.geteuid()}"
    try:
        around = parent.stat()
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    # In a folder that all may write to, only the sticky bit keeps others from putting theirs in the place of ours.
    fixed = around.st_mode & stat.S_ISVTX or not around.st_mode & 0o022
    return folder if mine and fixed and around.st_uid in (0, os.geteuid()) else None
