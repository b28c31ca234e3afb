"""Unpacks files (gzip, zip, npy) within bounds: never more than their header says, and never more than a limit."""

import gzip
import io
import lzma
import math
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from drawgen.files import open_file

DAMAGED = (
    *(OSError, EOFError, ValueError, RuntimeError, MemoryError, IndexError, struct.error),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What reading a damaged archive can raise: `zipfile` lets much through."""
LARGEST = 1 << 29
"""Bytes that are unpacked of one file or part, at most."""


def reason(error: BaseException) -> str:
    """An error in a few words."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r:.60}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def open_archive(path: Path) -> zipfile.ZipFile:
    """A zip, open for reading. Raises one of `DAMAGED`, at once for a pipe or a device."""
    with open_file(path):
        return zipfile.ZipFile(path)


def read_part(archive: zipfile.ZipFile, name: str, most: int = LARGEST) -> bytes:
    """One file of a zip. Raises KeyError if it is missing, and one of `DAMAGED`; for more than `most` bytes, before unpacking
    anything. Only deflate is supported, because Python unpacks other methods without a bound."""
    part = archive.getinfo(name)
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"its part {name!r:.60} is not packed by deflate")
    if part.file_size > most:
        raise ValueError(f"its part {name!r:.60} has {part.file_size} bytes, and at most {most} are read")
    return archive.read(name)


def read_idx(path: Path, magic: int, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """The bytes of an idx file in their shape; packed by gzip or not, whatever the file is called. Raises one of `DAMAGED`."""
    with open_file(path) as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        body = gzip.GzipFile(fileobj=file) if packed else file
        found, *shape = struct.unpack(f">{1 + dimensions}I", body.read(4 + 4 * dimensions))
        if found != magic:
            raise ValueError(f"its magic number is {found}, not {magic}")
        size = math.prod(shape)
        if size > LARGEST:
            raise ValueError(f"its head says that it holds {size} bytes, and at most {LARGEST} are read")
        data = body.read(size)
        if len(data) < size or body.read(1):  # the second look checks gzip's sum, too
            raise ValueError(f"its head says that it holds {size} bytes, and it has {'fewer' if len(data) < size else 'more'}")
    return np.frombuffer(data, np.uint8).reshape(shape).copy()


def npy_head(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether columns come first, type) from the head of a .npy file, read up to its numbers. Raises ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 2's way to write numbers
            version = np.lib.format.read_magic(file)
            if version not in ((1, 0), (2, 0)):
                raise ValueError(f"its format is numpy's {version}")
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, columns_first, kind = read(file)
    except Exception as error:  # numpy reads the head as a piece of Python, which fails in many ways
        raise ValueError(reason(error)) from error
    return shape, columns_first, kind


def read_bytes_table(archive: zipfile.ZipFile, name: str, columns: int) -> UInt8[np.ndarray, "n columns"]:
    """A table of bytes from an npz. Raises KeyError where it has no part `name`, and one of `DAMAGED`."""
    data = read_part(archive, f"{name}.npy")
    file = io.BytesIO(data)
    shape, columns_first, kind = npy_head(file)
    if kind != np.uint8 or len(shape) != 2 or shape[1] != columns or len(data) - file.tell() != math.prod(shape):
        raise ValueError(f"its part {name!r} is no whole table of bytes with {columns} columns")
    return np.frombuffer(data, np.uint8, offset=file.tell()).reshape(shape, order="F" if columns_first else "C")


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of numbers or of text from an npz. Raises KeyError where it has no part `name`, and one of `DAMAGED`."""
    file = io.BytesIO(read_part(archive, f"{name}.npy"))
    shape, columns_first, kind = npy_head(file)
    if kind.kind not in "iufU":
        raise ValueError(f"its part {name!r} is {kind!s:.40}")
    return np.frombuffer(file.read(), kind).reshape(shape, order="F" if columns_first else "C").copy()
