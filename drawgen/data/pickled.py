"""Arrays from other people's pickles, without running what else a pickle may ask for."""

import lzma
import pickle
import struct
import zipfile
import zlib
from typing import Any

import numpy as np

DAMAGED = (
    *(OSError, EOFError, ValueError, RuntimeError, MemoryError, IndexError, struct.error),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What reading a damaged archive can raise: `zipfile` lets much through."""


def reason(error: Exception) -> str:
    """An error in a few words."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


PLAIN = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
"""Types of numbers that a drawing may have."""


class Kind:
    """Stands in for a pickled `numpy.dtype`."""

    def __init__(self, name: str, *_: Any) -> None:
        self.name, self.order = name, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class Pickled:
    """Stands in for a pickled `numpy.ndarray`: what the file says of it, not looked at yet."""

    state: tuple[Any, ...] = ()

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """The numbers. Raises ValueError."""
        try:
            _, shape, kind, columns_first, data = self.state
            if not (isinstance(kind, Kind) and kind.name in PLAIN):
                raise ValueError("it is not an array of plain numbers")
            data = data.encode("latin1") if isinstance(data, str) else data  # Python 2's bytes
            order = str(kind.order).replace("|", "=")
            return np.frombuffer(data, np.dtype(order + kind.name)).reshape(shape, order="F" if columns_first else "C")
        except (TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(f"no whole array: {error}") from error


ALLOWED: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): Pickled for core in ("core", "_core")},
    ("numpy", "ndarray"): Pickled,
    ("numpy", "dtype"): Kind,
}


class ArraysOnly(pickle._Unpickler):
    """Reads pickles that hold arrays, lists and plain values, and refuses any other: a pickle can name any function to be called.

    Not even numpy's own code sees the file: stand-ins keep what it says, to be checked. And it is the unpickler written in Python,
    since the one in C takes as much memory as a file of a few bytes asks for.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise ValueError(f"it asks for {module}.{name}, and only arrays are allowed")
        return ALLOWED[module, name]


def unpickle_arrays(file: Any) -> list[Pickled]:
    """The arrays in a .npy file that is an array of arrays. Raises one of `DAMAGED`."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"its format is numpy's {version}")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        _, _, kind = read_header(file)
        if kind.kind != "O":
            raise ValueError(f"it is one array {kind}, not an array of one for each drawing")
        outer = ArraysOnly(file, encoding="latin1").load()
    except DAMAGED:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise ValueError(reason(error)) from error
    if not (isinstance(outer, Pickled) and len(outer.state) == 5 and isinstance(outer.state[4], list) and outer.state[4]):
        raise ValueError("it is not an array of one array for each drawing")
    if not all(isinstance(inner, Pickled) for inner in outer.state[4]):
        raise ValueError("not all that it holds are arrays")
    return outer.state[4]
