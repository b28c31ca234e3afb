"""Digests for comparing data, from a small part of it: sizes, names, and evenly spaced samples of the bytes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from drawgen import files

SAMPLES = 64
PIECE = 4096
"""Bytes of a sample."""


def spread(count: int, samples: int = SAMPLES) -> list[int]:
    """At most so many of the numbers below `count`, including the first and the last."""
    return sorted(set(np.linspace(0, count - 1, min(count, samples)).round().astype(int).tolist()))


def digest(*parts: Any) -> str:
    """A digest of plain values, and of arrays and tensors by their shape and samples of their items."""
    sums = hashlib.sha256()
    for part in parts:
        if isinstance(part, (Tensor, np.ndarray)):
            items = np.asarray(part)
            sums.update(f"{items.dtype}{items.shape}".encode())
            for n in spread(len(items)):
                sums.update(np.ascontiguousarray(items[n]).tobytes())
        else:
            sums.update(repr(part).encode())
    return sums.hexdigest()[:32]


def sampled(path: Path, samples: int = SAMPLES) -> str:
    """A digest of a file: its size and samples of it; for an unreadable file, the reason."""
    sums = hashlib.sha256()
    try:
        with files.open_file(path) as file:
            size = file.seek(0, 2)
            sums.update(str(size).encode())
            for place in spread(max(1, size - PIECE + 1), samples):
                file.seek(place)
                sums.update(file.read(PIECE))
    except OSError as error:
        return files.reason(error)
    return sums.hexdigest()


def of_files(paths: Sequence[Path]) -> str:
    """A digest of files in order: all names, and samples of the content. It does not depend on their folder."""
    few = max(2, SAMPLES // max(1, len(paths)))
    return digest([path.name for path in paths], [sampled(paths[n], few) for n in spread(len(paths))])
