"""A triangulation of a photograph in the making: its vertices move, come and go, so that one colour per triangle fits best.

Axes: V vertices, T triangles, N triangles that might be, K colours of a palette, H rows, W columns of the photograph.

Points (x, y) are in pixels; triangles are clockwise on the screen. The corners of the picture are vertices, and vertices on its
border stay there. Every change is judged by what triangles *explain*: with its mean colour a triangle of area A, over which the
photograph sums to S, lowers the squared error by |S|^2 / A (compared with black); with a colour k by 2 S.k - A |k|^2. This takes
the photograph as constant within a pixel, and one pass over edges yields it for any number of triangles that might be.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, Int64

from drawgen.geometry.triangles import delaunay
from drawgen.strokes import covering_cpu

Triangulate = Callable[[np.ndarray], np.ndarray]
"""Of points (V 2, float64) the triangles (T 3, int64) that cover their convex hull once."""
BORDER_PX = 0.25
"""Distance from the border that vertices within the picture keep, so that triangles there do not become flat."""
FLAT_PX = 1e-3
"""Altitude below which a triangle counts as turned over."""
TRIES = 8
"""Places that are tried for a new vertex, per triangle."""
SHARE = 0.15
"""New vertices between two triangulations, as a fraction of the old ones."""
RELAXED = 1.5
"""Step of the colours; 2 is where it no longer converges."""


class Mesh:
    """The vertices, with the state of Adam (Kingma & Ba 2015) for each, the triangles and their colours. It begins as two
    triangles, halves of the picture."""

    def __init__(
        self,
        photo: Float64[np.ndarray, "H W 3"],
        *,
        palette: Float64[np.ndarray, "K 3"] | None = None,
        triangulate: Triangulate = delaunay,
        least_px: float = FLAT_PX,
    ) -> None:
        """`least_px` is the smallest altitude to which changes reduce a triangle."""
        self.photo, self.palette, self.triangulate, self.least_px = photo, palette, triangulate, least_px
        self.height, self.width = photo.shape[:2]
        self.size = np.array([self.width, self.height], np.float64)
        self.right = covering_cpu.right_sums(photo)
        self.take(np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * self.size, np.array([[0, 1, 2], [0, 2, 3]]))

    def __len__(self) -> int:
        return len(self.triangles)

    @property
    def free(self) -> Bool[np.ndarray, "V 2"]:
        """Which coordinates may change."""
        return (self.points > 0) & (self.points < self.size)

    def connect(self) -> None:
        """Triangulates the vertices. Raises ValueError for triangles that do not cover the picture once."""
        found = self.triangulate(self.points)
        area = areas(self.points, found)
        found = np.where((area < 0)[:, None], found[:, [0, 2, 1]], found)[np.abs(area) > 1e-9]  # three in a line on the border
        if abs(np.abs(area).sum() - self.size.prod()) > 1e-6 * self.size.prod():
            raise ValueError("triangulate returned triangles that do not cover the picture once")
        self.triangles = np.ascontiguousarray(found)
        self.colour()

    def take(self, points: Float64[np.ndarray, "V2 2"], triangles: Int64[np.ndarray, "T2 3"]) -> None:
        """Other vertices, and triangles of them."""
        count = len(points)
        self.points, self.mean, self.square, self.age = points, np.zeros((count, 2)), np.zeros((count, 1)), np.zeros((count, 1))
        self.triangles = triangles
        self.colour()

    # ---------------------------------------------------------------- colours

    def totals(self, points: Float64[np.ndarray, "P 2"], triangles: Int64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
        """The photograph's sum over each triangle."""
        found = covering_cpu.cells(points, triangles, self.height, self.width)
        return covering_cpu.sums(points, triangles, found, self.right, self.width)

    def explained(
        self, points: Float64[np.ndarray, "P 2"], triangles: Int64[np.ndarray, "N 3"], *, least_px: float = -np.inf
    ) -> Float64[np.ndarray, " N"]:
        """By how much each triangle, in its best colour, lowers the squared error; -inf for altitudes below `least_px`."""
        total, area = self.totals(points, triangles), areas(points, triangles)
        if self.palette is None:
            found = (total**2).sum(1) / np.maximum(area, 1e-12)
        else:
            found = (2 * total @ self.palette.T - area[:, None] * (self.palette**2).sum(1)).max(1)
        return np.where(altitudes(points, triangles) < least_px, -np.inf, found)

    def colour(self) -> None:
        """Each triangle's mean colour, or the palette's nearest to it."""
        means = self.totals(self.points, self.triangles) / areas(self.points, self.triangles)[:, None]
        self.colours = means.clip(0, 1)
        if self.palette is not None:
            self.colours = self.palette[((means[:, None] - self.palette) ** 2).sum(2).argmin(1)]

    def refine(self, canvas_error: Float64[np.ndarray, "H W 3"], found: covering_cpu.Cells) -> None:
        """A step of the colours towards least squares of the antialiased picture: each by the mean error that it covers. It
        converges, since the coverages of a pixel sum to 1."""
        if self.palette is not None:
            self.colour()
            return
        right = covering_cpu.right_sums(canvas_error)
        error = covering_cpu.sums(self.points, self.triangles, found, right, self.width)
        self.colours = np.clip(self.colours - RELAXED * error / areas(self.points, self.triangles)[:, None], 0, 1)

    def error(self, found: covering_cpu.Cells) -> Float64[np.ndarray, "H W 3"]:
        """The picture less the photograph."""
        return covering_cpu.draw(self.points, self.triangles, self.colours, found, self.height, self.width)[:, :-1] - self.photo

    def cells(self) -> covering_cpu.Cells:
        return covering_cpu.cells(self.points, self.triangles, self.height, self.width)

    def fit(self, steps: int) -> None:
        """Steps of the colours alone."""
        found = self.cells()
        for _ in range(steps):
            self.refine(self.error(found), found)

    # ---------------------------------------------------------------- vertices that move

    def step(self, rate_px: float) -> float:
        """A step of the colours, and of Adam for the vertices, with one second moment per vertex. Returns the mean squared error
        before it."""
        found = self.cells()
        error = self.error(found)
        gradient = covering_cpu.pulls(self.points, self.triangles, self.colours, found, error) * self.free
        self.refine(error, found)
        self.age += 1
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.01 * ((gradient**2).sum(1, keepdims=True) - self.square)
        scale = np.sqrt(self.square / (1 - 0.99**self.age)) + 1e-10
        moved = self.points - rate_px * self.mean / (1 - 0.9**self.age) / scale
        inset = np.minimum(BORDER_PX, 0.25 * self.size)
        step = np.where(self.free, np.clip(moved, inset, self.size - inset) - self.points, 0)
        self.points = self.points + covering_cpu.guard(self.points, self.triangles, step, self.least_px)
        return float((error**2).mean())

    # ---------------------------------------------------------------- vertices that come and go

    def add(self, points: Float64[np.ndarray, "N 2"]) -> None:
        self.points = np.concatenate([self.points, points])
        self.mean, self.square, self.age = (
            np.concatenate([part, np.zeros((len(points), part.shape[1]))]) for part in (self.mean, self.square, self.age)
        )
        self.connect()

    def grow(self, most: int, *, rng: np.random.Generator, stop: Callable[[], object] = lambda: False) -> None:
        """Adds vertices where they explain most, until there are `most` triangles, or nothing is left to explain. A vertex within a
        triangle adds two triangles, one on the border adds one."""
        while len(self) < most and not stop():
            spots, gains, triangles, added = self.openings(rng)
            room, taken = most - len(self), np.zeros(len(self), np.bool_)
            chosen: list[int] = []
            for spot in np.argsort(-gains / added, kind="stable").tolist():
                if gains[spot] <= 1e-6 or len(chosen) >= max(1, SHARE * len(self.points)):
                    break
                if added[spot] <= room and not taken[triangles[spot]]:
                    taken[triangles[spot]] = True
                    room -= added[spot]
                    chosen.append(spot)
            if not chosen:
                break
            self.add(spots[chosen])

    def openings(
        self, rng: np.random.Generator
    ) -> tuple[Float64[np.ndarray, "N 2"], Float64[np.ndarray, " N"], Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
        """Places for new vertices, one within each triangle and one on each of its edges on the border: the best of some random
        ones, how much more they explain, their triangle, and how many triangles they add."""
        whole = np.arange(len(self))
        corners = self.points[self.triangles]
        within = np.einsum("ntc,tcd->ntd", rng.dirichlet([1.5] * 3, (TRIES, len(self))), corners)
        found = [self.best_split(whole, within, [(0, 1), (1, 2), (2, 0)])]
        for edge in range(3):
            p, q = corners[:, edge], corners[:, (edge + 1) % 3]
            on = np.flatnonzero((((p == 0) & (q == 0)) | ((p == self.size) & (q == self.size))).any(1))
            share = rng.uniform(0.1, 0.9, (TRIES, len(on), 1))
            third = (edge + 2) % 3
            # Ends of an edge on the border agree in one coordinate, which has to stay exactly what it is.
            found.append(self.best_split(on, p[on] + share * (q[on] - p[on]), [(third, edge), ((edge + 1) % 3, third)]))
        spots, gains, triangles, added = zip(*found, strict=True)
        return np.concatenate(spots), np.concatenate(gains), np.concatenate(triangles), np.concatenate(added)

    def best_split(
        self, which: Int64[np.ndarray, " N"], spots: Float64[np.ndarray, "R N 2"], sides: list[tuple[int, int]]
    ) -> tuple[Float64[np.ndarray, "N 2"], Float64[np.ndarray, " N"], Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
        """Of several places in each of these triangles the best, if the triangle is split into one per side, up to the place."""
        tries, count = spots.shape[:2]
        points = np.concatenate([self.points, spots.reshape(-1, 2)])
        new = len(self.points) + np.arange(tries * count).reshape(tries, count)
        old = self.triangles[which]
        parts = np.stack([np.stack(np.broadcast_arrays(old[:, a], old[:, b], new), -1) for a, b in sides], 2)  # R N S 3
        gains = self.explained(points, parts.reshape(-1, 3), least_px=self.least_px).reshape(parts.shape[:3]).sum(2)
        best = gains.argmax(0) if count else np.zeros(0, np.int64)
        column = np.arange(count)
        gain = gains[best, column] - self.explained(self.points, old)
        return spots[best, column], gain, which, np.full(count, len(sides) - 1)

    def costs(self) -> Float64[np.ndarray, " V"]:
        """By how much less is explained without a vertex: if it is merged with the best of its neighbours. Infinite for corners,
        and where no merger is possible without turning triangles over."""
        V = len(self.points)
        owner, star = self.stars()
        many = np.bincount(owner, minlength=V)
        begin = np.cumsum(many) - many
        whole = np.bincount(owner, self.explained(self.points, self.triangles)[star], V)
        pairs = np.unique(self.triangles[:, [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]].reshape(-1, 2), axis=0)
        free = self.free
        along = ((self.points[pairs[:, 0]] == self.points[pairs[:, 1]]) | free[pairs[:, 0]]).all(1)
        vertex, other = pairs[along & free[pairs[:, 0]].any(1)].T  # one of the border merges along the border
        repeats = many[vertex]
        merger = np.repeat(np.arange(len(vertex)), repeats)
        within = np.arange(len(merger)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        left = self.triangles[star[begin[vertex][merger] + within]]
        stays = (left != other[merger][:, None]).all(1)  # the others vanish
        merger, left = merger[stays], left[stays]
        left = np.where(left == vertex[merger][:, None], other[merger][:, None], left)
        left_over = self.explained(self.points, left, least_px=FLAT_PX)
        loss = whole[vertex] - np.bincount(merger, left_over, len(vertex))
        found = np.full(V, np.inf)
        np.minimum.at(found, vertex, loss)
        return found

    def stars(self) -> tuple[Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
        """The pairs of a vertex and a triangle that it is a corner of, by vertices."""
        order = np.argsort(self.triangles, axis=None, kind="stable")
        return self.triangles.reshape(-1)[order], order // 3

    def thin(self, count: int) -> None:
        """Removes up to `count` vertices, those that explain least per triangle, no two of them neighbours."""
        owner, star = self.stars()
        cost = self.costs() / np.where(self.free.all(1), 2, 1)
        begin = np.searchsorted(owner, np.arange(len(self.points) + 1))
        kept, touched = np.ones(len(self.points), np.bool_), np.zeros(len(self), np.bool_)
        for vertex in np.argsort(cost, kind="stable").tolist():
            if count < 1 or np.isinf(cost[vertex]):
                break
            around = star[begin[vertex] : begin[vertex + 1]]
            if not touched[around].any():
                touched[around], kept[vertex] = True, False
                count -= 1
        self.points, self.mean, self.square, self.age = (part[kept] for part in (self.points, self.mean, self.square, self.age))
        self.connect()

    def shrink(self, most: int) -> None:
        """Removes vertices until there are at most `most` triangles, or no vertex can go."""
        before = 0
        while len(self) > most and len(self) != before:
            before = len(self)
            self.thin(-(-(len(self) - most) // 2))

    # ---------------------------------------------------------------- edges

    def flip(self) -> int:
        """Turns edges within their two triangles where that explains more, and returns how many."""
        V, T = len(self.points), len(self)
        p, q, r = (np.concatenate([self.triangles[:, (edge + k) % 3] for edge in range(3)]) for k in range(3))
        keys = p * V + q
        order = np.argsort(keys)
        twin = order[np.searchsorted(keys, q * V + p, sorter=order).clip(max=len(keys) - 1)]
        here = np.flatnonzero((keys[twin] == q * V + p) & (p < q))
        there = twin[here]
        one, two = here % T, there % T
        new = np.stack([np.stack([p[here], r[there], r[here]], 1), np.stack([r[there], q[here], r[here]], 1)], 1)
        before = self.explained(self.points, self.triangles)
        after = self.explained(self.points, new.reshape(-1, 3), least_px=self.least_px).reshape(-1, 2).sum(1)
        gains = after - before[one] - before[two]
        taken = np.zeros(T, np.bool_)
        flipped = 0
        for edge in np.argsort(-gains, kind="stable").tolist():
            if gains[edge] <= 1e-6:
                break
            if not taken[one[edge]] and not taken[two[edge]]:
                taken[one[edge]] = taken[two[edge]] = True
                self.triangles[one[edge]], self.triangles[two[edge]] = new[edge]
                flipped += 1
        if flipped:
            self.colour()
        return flipped


def areas(points: Float64[np.ndarray, "P 2"], triangles: Int64[np.ndarray, "N 3"]) -> Float64[np.ndarray, " N"]:
    """Negative for triangles that run anticlockwise on the screen."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return 0.5 * ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))


def altitudes(points: Float64[np.ndarray, "P 2"], triangles: Int64[np.ndarray, "N 3"]) -> Float64[np.ndarray, " N"]:
    """The smallest altitude of each triangle, with the sign of its area."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    longest = np.stack([((a - b) ** 2).sum(1), ((b - c) ** 2).sum(1), ((c - a) ** 2).sum(1)]).max(0)
    return 2 * areas(points, triangles) / np.sqrt(np.maximum(longest, 1e-12))
