"""What may be pointed at next (`models/pointer_net.py`): answers that are symbols, and the rules that keep them valid.

Axes: B sets, N places of a set, D numbers of a place, V = N + 1 symbols, T symbols of an answer, R rows of a search.

Symbol i + 1 is place number i, and symbol 0 is the end.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from drawgen.nn.recurrence import pick

END = 0
ENDED = ("hull", "delaunay")
"""The kinds of answers that have an end; the others are as long as there are points."""


def places(counts: Int[Tensor, " B"], many: int) -> Bool[Tensor, "B N"]:
    """Which of `many` places of each row are there."""
    return torch.arange(many, device=counts.device) < counts[:, None]


def other_way(symbols: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """The symbols of the same strokes in the other direction; END is its own."""
    return torch.where(symbols == END, END, ((symbols - 1) ^ 1) + 1)


def longest_answer(kind: str, many: int) -> int:
    """Symbols of an answer for `many` places, with the end, at most."""
    if kind == "strokes":
        return many // 2
    return 3 * (2 * many - 5) + 1 if kind == "delaunay" else many + 1


def allowed(kind: str, trace: Int[Tensor, "R T"], points: Float[Tensor, "R N D"], counts: Int[Tensor, " R"]) -> Bool[Tensor, "R V"]:
    """The symbols that keep an answer valid, given the first input and its symbols so far. No point comes twice; a polygon
    does not cross itself; a tour goes through all points; triangles ascend and are each once. Where nothing is allowed, END is: a
    polygon may run into a dead end."""
    done = trace.shape[1] - 1
    may = left(kind, trace, counts, points.shape[1])
    if kind == "delaunay":
        may = may & triangles_allowed(trace[:, 1:], counts, points.shape[1] + 1)
    elif kind == "hull":
        may[:, END] = done >= counts.clamp(max=3)
        if done >= 3:
            may = may & ~crossing(trace[:, 1:], points)
    may[:, END] = may[:, END] | ~may.any(1)
    return may


def left(kind: str, trace: Int[Tensor, "R T"], counts: Int[Tensor, " R"], many: int) -> Bool[Tensor, "R V"]:
    """The symbols that were not pointed at, and END; of tours and strokes, END alone when they are over, and not before."""
    may = F.pad(places(counts, many), (1, 0), value=True)
    if kind == "delaunay":
        return may
    may = may.scatter(1, trace, False)
    if kind == "strokes":
        may = may.scatter(1, other_way(trace), False)
    may[:, END] = True if kind == "hull" else ~may[:, 1:].any(1)
    return may


def crossing(trace: Int[Tensor, "R T"], points: Float[Tensor, "R N D"]) -> Bool[Tensor, "R V"]:
    """The symbols to which an edge from the last corner would cross an earlier edge; END stands for the first corner."""
    corners = pick(points, (trace - 1).clamp(min=0))  # R T 2
    a, b = corners[:, :-2, None], corners[:, 1:-1, None]  # the edges but for the last one, which ends in the last corner
    c = corners[:, -1:, None]
    d = torch.cat([corners[:, :1], points], 1)[:, None]
    cross = (turn(a, b, c) * turn(a, b, d) < 0) & (turn(c, d, a) * turn(c, d, b) < 0)  # R T-2 V
    return cross.any(1)


def turn(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Twice the signed areas of the triangles a b c (... 2), which are broadcast."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])


def triangles_allowed(trace: Int[Tensor, "R T"], counts: Int[Tensor, " R"], symbols: int) -> Bool[Tensor, "R V"]:
    """Corners ascend within a triangle, no triangle comes twice, and the end only follows a triangle."""
    rows, done = trace.shape
    symbol = torch.arange(symbols, device=trace.device).expand(rows, symbols)
    corner = done % 3
    may = symbol <= counts[:, None] - 2 + corner  # higher corners are left for the rest of the triangle
    if corner == 0:
        may[:, END] = done > 0
        return may
    may = may & (symbol > trace[:, -1:])
    if corner == 2 and done > 2:
        before = trace[:, : done - 2].unflatten(1, (-1, 3))
        same = (before[..., :2] == trace[:, None, -2:]).all(2)  # the triangles with these first two corners
        may = may & (torch.zeros_like(symbol).scatter_add(1, before[..., 2], same.long()) == 0)
    return may
