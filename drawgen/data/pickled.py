"""Reads arrays from untrusted pickles, without running any code in them."""

import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from drawgen.data.packed import DAMAGED, npy_head, reason

MOST_STEPS = 5_000_000
"""Largest number of steps of a pickle: a drawing takes about fifteen, and one byte of a file can allocate sixty."""
PLAIN = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
"""Types of numbers that a drawing may have."""


class Kind:
    """Stands in for a pickled `numpy.dtype`."""

    def __init__(self, name: str, *_: Any) -> None:
        self.name, self.order = name, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class Pickled:
    """Stands in for a pickled `numpy.ndarray`: the file's description of it, not checked yet."""

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
    """Reads pickles that contain arrays, lists and plain values, and refuses all others, because a pickle can call any function.

    Not even numpy's own code processes the file: stand-ins record its content, which is checked afterwards. This is the unpickler
    written in Python, since the one in C allocates whatever a file of a few bytes requests. It supports only the steps of numpy's
    arrays, and counts them, because a few packed bytes can be millions of steps.
    """

    steps = 0
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise ValueError(f"it contains {module}.{name}, and only arrays are allowed")
        return ALLOWED[module, name]


def counted(step: Callable[[Any], None]) -> Callable[[Any], None]:
    def take(unpickler: Any) -> None:
        unpickler.steps += 1
        if unpickler.steps > MOST_STEPS:
            raise ValueError(f"it takes more than {MOST_STEPS} steps to read")
        step(unpickler)

    return take


STEPS = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK),
    *(pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD),
    *(pickle.MEMOIZE, pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.GET, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.INT, pickle.LONG, pickle.LONG1, pickle.BINFLOAT),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.STRING, pickle.BINSTRING, pickle.SHORT_BINSTRING),
    *(pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8),
    *(pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_TUPLE),
    *(pickle.LIST, pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT),
)
"""What numpy's pickles of arrays consist of, in all of Python's protocols."""
ArraysOnly.dispatch |= {step[0]: counted(pickle._Unpickler.dispatch[step[0]]) for step in STEPS}


def unpickle_arrays(file: Any) -> list[Pickled]:
    """The arrays in a .npy file that is an array of arrays. Raises one of `DAMAGED`."""
    _, _, kind = npy_head(file)
    if kind.kind != "O":
        raise ValueError(f"it is one array of {kind!s:.40}, not an array of one for each drawing")
    try:
        outer = ArraysOnly(file, encoding="latin1").load()
    except DAMAGED:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        unknown = isinstance(error, KeyError) and isinstance(error.args[0], int)
        raise ValueError("it contains more than arrays" if unknown else reason(error)) from error
    if not (isinstance(outer, Pickled) and len(outer.state) == 5 and isinstance(outer.state[4], list) and outer.state[4]):
        raise ValueError("it is not an array of one array for each drawing")
    if not all(isinstance(inner, Pickled) for inner in outer.state[4]):
        raise ValueError("not all that it holds are arrays")
    return outer.state[4]
