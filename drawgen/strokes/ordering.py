"""The order and direction of strokes: little travel of the raised pen.

Axes: N strokes, each with two ends. `ends` (N 4) holds x and y of the first and of the last end, in mm on a page whose origin, (0,
0), is where the pen starts. An order is a pair: `index` (N), the strokes in the order in which they are drawn, and `flipped` (N),
whether each of these is drawn from its last end to its first. An ordering is a function from ends to an order; `ORDERINGS` names
them.

The travel is the way of the raised pen from the origin to the first stroke and from each stroke to the next, without the way home.
It is that of a path through N towns with two doors each; the shortest is a travelling salesman's problem.

Here are the definitions in numpy. `nearest` and `improved` call their compiled twins in `ordering_cpu.py`.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

Ends: TypeAlias = Float[np.ndarray, "N 4"]
Order: TypeAlias = tuple[Int[np.ndarray, " N"], Bool[np.ndarray, " N"]]

LONGEST_RUN = 3
"""Strokes that a move of Or-opt takes along, at most."""
NEIGHBOURS = 10
"""Ends near an end that are tried as its successor."""
KICKS, KICKS_PER_STROKE = 30_000, 200
"""Kicks of the iterated local search, at most: half a second for 2,000 strokes."""


def along(ends: Ends, order: Order) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, "N 2"]]:
    """Where the pen comes down and where it rises, stroke by stroke, in this order."""
    index, flipped = order
    first, last = ends[index, :2], ends[index, 2:]
    return np.where(flipped[:, None], last, first), np.where(flipped[:, None], first, last)


def travel(ends: Ends, order: Order, *, start: bool = True) -> float:
    """The way of the raised pen, in mm; without `start` only that between strokes, which is what vpype counts."""
    down, up = along(ends, order)
    way = np.hypot(*(down[1:] - up[:-1]).T).sum() if len(down) > 1 else 0.0
    return float(way + (np.hypot(*down[0]) if start and len(down) else 0.0))


def keep(ends: Ends) -> Order:
    """The order and directions that are there."""
    return np.arange(len(ends)), np.zeros(len(ends), bool)


def shorter(ends: Ends, *orders: Order) -> Order:
    """The order with the least travel, the first of equals."""
    return min(orders, key=lambda order: travel(ends, order))


# ---------------------------------------------------------------- nearest neighbour


def greedy(ends: Ends) -> Order:
    """From the origin on, always to the nearest end of the strokes that are left: the first of equals, and its first end if both
    are as near."""
    squared = np.empty((2, len(ends)))
    left = np.ones(len(ends), bool)
    here = np.zeros(2)
    index, flipped = np.empty(len(ends), int), np.empty(len(ends), bool)
    for step in range(len(ends)):
        for end in (0, 1):
            way = ends[:, 2 * end : 2 * end + 2] - here
            squared[end] = np.where(left, way[:, 0] ** 2 + way[:, 1] ** 2, np.inf)
        index[step] = best = int(squared.min(0).argmin())
        flipped[step] = squared[1, best] < squared[0, best]
        left[best] = False
        here = ends[best, :2] if flipped[step] else ends[best, 2:]
    return index, flipped


def nearest(ends: Ends) -> Order:
    """`greedy`, or the order that is there if that is shorter."""
    from drawgen.strokes import ordering_cpu

    return shorter(ends, ordering_cpu.greedy(np.ascontiguousarray(ends, np.float64)), keep(ends))


# ---------------------------------------------------------------- local search


def with_reversal(order: Order, i: int, j: int) -> Order:
    """The strokes at the places i to j in reverse order, and each in the other direction: a move of 2-opt."""
    index, flipped = (part.copy() for part in order)
    index[i : j + 1] = index[i : j + 1][::-1]
    flipped[i : j + 1] = ~flipped[i : j + 1][::-1]
    return index, flipped


def with_run_moved(order: Order, i: int, j: int, to: int, flip: bool) -> Order:
    """The strokes at the places i to j taken out, and put back at the place `to` of the rest, with `flip` in reverse order and
    direction: a move of Or-opt (Or 1976)."""
    if flip:
        order = with_reversal(order, i, j)
    index, flipped = (np.insert(np.delete(part, slice(i, j + 1)), to, part[i : j + 1]) for part in order)
    return index, flipped


def best_move(ends: Ends, order: Order) -> Order:
    """The order after the reversal or move of up to `LONGEST_RUN` strokes that shortens the travel most; the order itself if none
    does."""
    count = len(ends)
    moves = [order]
    for i in range(count):
        moves += [with_reversal(order, i, j) for j in range(i, count)]
        for j in range(i, min(count, i + LONGEST_RUN)):
            places = range(count - (j - i))
            moves += [with_run_moved(order, i, j, to, flip) for to in places for flip in (False, True)]
    return shorter(ends, *moves)


def neighbours(ends: Ends, count: int) -> Int[np.ndarray, "E K"]:
    """For each of the E = 2 N + 2 ends (2 n is the first of stroke n, 2 n + 1 its last; the last two are the origin) the nearest
    ends of other strokes, near ones first; -1 where there are fewer than `count`. The origin is nobody's neighbour."""
    from scipy.spatial import cKDTree

    spots = np.concatenate([ends.reshape(-1, 2), np.zeros((2, 2))])
    found = cKDTree(spots[:-2]).query(spots, k=np.arange(1, min(len(spots) - 2, count + 2) + 1))[1]
    other = found // 2 != np.arange(len(spots))[:, None] // 2
    rows = np.full((len(spots), count), -1)
    place = np.cumsum(other, 1) - 1
    taken = other & (place < count)
    rows[np.nonzero(taken)[0], place[taken]] = found[taken]
    return rows


def improved(ends: Ends, order: Order, *, kicks: int | None = None) -> Order:
    """A shorter order: local search by reversals (2-opt) and moves of runs (Or-opt) to one of the `NEIGHBOURS` nearest ends, and
    then iterated local search (Lourenço, Martin & Stützle 2003): `kicks` times two neighbouring runs change places at random, the
    search mends what was broken, and what is longer than before is undone. Never longer than `order`; the same at every call."""
    if len(ends) < 2:
        return order
    from drawgen.strokes import ordering_cpu

    ends = np.ascontiguousarray(ends, np.float64)
    kicks = min(KICKS, KICKS_PER_STROKE * len(ends)) if kicks is None else kicks
    found: Order = ordering_cpu.improved(ends, order[0].astype(np.int64), order[1], neighbours(ends, NEIGHBOURS), kicks)
    return shorter(ends, found, order)  # rounding aside, the first


def two_opt(ends: Ends) -> Order:
    """`nearest`, and then `improved`."""
    return improved(ends, nearest(ends))


ORDERINGS: dict[str, Callable[[Ends], Order]] = {"keep": keep, "nearest": nearest, "two-opt": two_opt}
