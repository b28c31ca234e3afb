"""Polygons: whether one is simple, its area, and what it covers.

Axes: N points.
"""

from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float64

Points: TypeAlias = Float64[np.ndarray, "N 2"]
Spots: TypeAlias = Float64[np.ndarray, "... 2"]
"""Of several shapes, which are broadcast."""


def turn(a: Spots, b: Spots, c: Spots) -> Float64[np.ndarray, "..."]:
    """Twice the signed area of the triangles a b c: above 0 where a, b, c turn left."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])


def area(polygon: Points) -> float:
    """The signed area of a simple polygon, above 0 if it goes counter-clockwise."""
    x, y = polygon[:, 0], polygon[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def is_simple(polygon: Points) -> bool:
    """Whether a closed polygon has at least three corners, all different, and no two of its edges cross or touch but neighbours at
    their common corner."""
    n = len(polygon)
    if n < 3 or len(np.unique(polygon, axis=0)) < n:
        return False
    a, b = polygon, np.roll(polygon, -1, 0)
    for i in range(n):
        others = np.array([j for j in range(i + 1, n) if j != i + 1 and (j + 1) % n != i], np.int64)
        if len(others) and bool(meet(a[i], b[i], a[others], b[others]).any()):
            return False
    # Neighbours that turn back on themselves overlap.
    back = (turn(np.roll(a, 1, 0), a, b) == 0) & (((np.roll(a, 1, 0) - a) * (b - a)).sum(1) > 0)
    return not bool(back.any())


def meet(a: Spots, b: Spots, c: Spots, d: Spots) -> Bool[np.ndarray, "..."]:
    """Whether the segments a-b and c-d have a point in common; arrays broadcast."""
    one, two = turn(c, d, a), turn(c, d, b)
    three, four = turn(a, b, c), turn(a, b, d)
    cross = (one * two < 0) & (three * four < 0)
    return (
        cross | ((one == 0) & within(c, d, a)) | ((two == 0) & within(c, d, b))
        | ((three == 0) & within(a, b, c)) | ((four == 0) & within(a, b, d))
    )  # fmt: skip


def within(a: Spots, b: Spots, p: Spots) -> Bool[np.ndarray, "..."]:
    """Whether p lies in the box of a and b."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    return ((p >= low) & (p <= high)).all(-1)
