"""The edit distance between texts, compiled for the CPU (numba)."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Int16, UInt32

Codes: TypeAlias = UInt32[np.ndarray, " _"]


class Nearest:
    """Searches many texts for the nearest one.

    >>> Nearest(["a house", "a mouse", "a tree"]).of("the mouse", limit=9)
    (1, 3)
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.codes = [codes_of(text) for text in texts]
        self.symbols = np.unique(np.concatenate([*self.codes, codes_of("")]))
        self.pairs = np.stack([self.count(codes) for codes in self.codes]) if texts else np.zeros((0, 1), np.int16)

    def count(self, codes: Codes) -> Int16[np.ndarray, " _"]:
        """How often each pair of neighbouring symbols occurs; symbols of no text count as one."""
        kinds = len(self.symbols) + 1
        numbers = np.where(np.isin(codes, self.symbols), np.searchsorted(self.symbols, codes), kinds - 1)
        return np.bincount(numbers[:-1] * kinds + numbers[1:], minlength=kinds**2).astype(np.int16)

    def of(self, text: str, *, limit: int) -> tuple[int | None, int]:
        """(number of the nearest text, distance to it); (None, limit + 1) if none is within the limit."""
        codes, best = codes_of(text), limit + 1
        found = None
        if not self.codes:
            return found, best
        apart = self.pairs - self.count(codes)
        more, fewer = np.maximum(apart, 0).sum(1), np.maximum(-apart, 0).sum(1)
        least = (np.maximum(more, fewer) + 1) // 2  # an edit takes two pairs away at most, and brings two
        for number in np.argsort(least, kind="stable").tolist():
            if least[number] >= best:
                break
            distance = within(codes, self.codes[number], best - 1)
            if distance < best:
                found, best = number, distance
        return found, best


def codes_of(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def edit_distance(one: str, other: str) -> int:
    """The least number of symbols to insert, delete or replace (Levenshtein 1966).

    >>> edit_distance("kitten", "sitting")
    3
    """
    return int(within(codes_of(one), codes_of(other), max(len(one), len(other))))


@compiled()
def within(one: Codes, other: Codes, limit: int) -> int:
    """The edit distance, or limit + 1 if it is larger. Only the band of the table is computed that can stay within the limit."""
    rows, columns = len(one), len(other)
    beyond = limit + 1
    if abs(rows - columns) > limit:
        return beyond
    band = np.full(2 * limit + 1, beyond)  # of row i: the columns from i - limit to i + limit
    after = np.full(2 * limit + 1, beyond)
    for j in range(min(limit, columns) + 1):
        band[limit + j] = j
    for i in range(1, rows + 1):
        least = beyond
        for d in range(2 * limit + 1):
            j = i + d - limit
            value = beyond
            if j == 0:
                value = i
            elif 0 < j <= columns:
                value = band[d] + (one[i - 1] != other[j - 1])
                if d < 2 * limit:
                    value = min(value, band[d + 1] + 1)
                if d > 0:
                    value = min(value, after[d - 1] + 1)
            after[d] = min(value, beyond)
            least = min(least, after[d])
        if least == beyond:
            return beyond
        band, after = after, band
    return band[columns - rows + limit]
