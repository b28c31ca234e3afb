"""Draws a photograph in triangles, each in one colour: a low-poly picture.

Vertices are added where they explain most of the photograph (`mesh.Mesh.grow`), until there are enough triangles. Then all
vertices are moved by gradient descent on the squared error of the antialiased picture (`covering`), while each triangle's colour is
fitted by least squares. Every so often the vertices that explain least are removed, new ones are added where they explain more, and
the vertices are triangulated again. Towards the end, edges are turned within their two triangles where that lowers the error, so
that long triangles can follow an edge of the photograph; Delaunay's are as round as can be.

The arithmetic, for N triangles on P pixels: 1.5 N edges of about sqrt(2.3 P / N) pixels, each walked from both sides through 1.3
cells per pixel. At N = 500 and 192x144 pixels these are 22,000 cells, of about 20 operations in each of a step's four passes, and
30 operations per pixel: 3 million operations, about a millisecond.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from drawgen.geometry.triangles import delaunay
from drawgen.images import resize
from drawgen.ranges import check_fields, check_range
from drawgen.strokes.low_poly import LowPoly
from drawgen.strokes.mesh import Mesh, Triangulate
from drawgen.strokes.painting import DIGITS, MOST
from drawgen.strokes.placing import PaintingProgress, Round, Rounds, Style, work_size

STEPS = 1000
"""Steps of Adam."""
REPLACEMENTS, REPLACED, SETTLED = 30, 0.08, 0.75
"""How often vertices are replaced, which fraction of them, and after which fraction of the steps no more."""
FLIPS = 0.75
"""After this fraction of the steps, edges are turned; before it, the vertices are triangulated again."""
EVERY = 20
"""Steps between two triangulations, or turns of edges."""
RATE, DECAY = 0.02, 0.1
"""Adam's rate for a vertex, in sides of a square of a triangle's mean area, and its final factor."""
LOWEST = 0.08
"""The altitude below which no triangle is made lower, in the same unit."""


@dataclass(frozen=True, kw_only=True)
class TriangleStyle:
    """The settings of a low-poly picture."""

    triangles: int = 500
    """At most so many; fewer are drawn only where more would change nothing."""
    detail_px: int | None = None
    """Longer side in pixels at which triangles are fitted; None: 192 for up to 500, and growing with the square root of their
    number beyond."""
    palette: Float[Tensor, "K 3"] | None = None
    """The colours that triangles may have."""
    background: Float[Tensor, "3"] | None = None
    """The colour behind a photograph that is transparent in places; None: white."""

    def __post_init__(self) -> None:
        check_fields(self, "", "triangles", at_least=2, at_most=MOST)
        check_fields(self, "", "detail_px", at_least=16, at_most=1024)

    @property
    def longest_px(self) -> int:
        return self.detail_px or round(192 * max(1.0, (self.triangles / 500) ** 0.5))


def triangulated(
    photo: Float[Tensor, "C H W"],
    style: TriangleStyle,
    *,
    alpha: Float[Tensor, "1 H W"] | None = None,
    seconds: float | None = None,
    on_progress: Callable[[PaintingProgress], None] | None = None,
    stop: Callable[[], object] = lambda: False,
    triangulate: Triangulate = delaunay,
    rng: torch.Generator,
) -> LowPoly:
    """Draws a photograph in triangles.

    Without `seconds` the number of steps is fixed, and the same generator gives the same triangles. With `seconds` the steps end
    after that time (compilation not counted; all triangles are placed, however short it is). When `stop` returns true, the picture
    so far is returned. A photograph with an `alpha` is expected over white. `triangulate` returns, for points (V 2, float64, in
    pixels), triangles (T 3, int64) that cover their convex hull once, in any order and direction.

    Raises ImageError for a photograph that is too elongated, ValueError for a budget of 0 seconds and for other triangles.
    """
    if seconds is not None:
        check_range("seconds", seconds, above=0)
    whole = photo.shape[1], photo.shape[2]
    height, width = work_size(photo, Style(detail_px=style.longest_px))
    photo = photo.expand(3, -1, -1)
    if style.background is not None and alpha is not None:
        photo = photo + (1 - alpha) * (style.background[:, None, None] - 1)
    pixels = resize(photo, height, width).movedim(0, 2).double().contiguous().numpy()
    palette = None if style.palette is None else style.palette.double().numpy()
    Mesh(np.zeros((2, 2, 3))).step(0.0)  # compiled before the clock runs
    chance = np.random.default_rng(int(torch.randint(2**62, (), generator=rng)))
    unit_px = math.sqrt(height * width / style.triangles)
    mesh = Mesh(pixels, palette=palette, triangulate=triangulate, least_px=LOWEST * unit_px)
    clock = Rounds(seconds)
    mesh.grow(style.triangles, rng=chance, stop=stop)
    mesh.fit(10)
    moves = [SETTLED * (k + 1) / REPLACEMENTS for k in range(REPLACEMENTS)]
    for step, share in clock.steps(Round(1.0, 1.0, STEPS, 1.0), 0):
        if stop():
            break
        if moves and share >= moves[0]:
            moves.pop(0)
            mesh.thin(max(1, round(REPLACED * len(mesh.points))))
            mesh.grow(style.triangles, rng=chance, stop=stop)
            mesh.fit(3)
        elif step % EVERY == EVERY - 1:
            if share < FLIPS:
                mesh.connect()
                mesh.fit(2)
            elif mesh.flip():
                mesh.fit(2)
        error = mesh.step(RATE * unit_px * (DECAY + (1 - DECAY) * 0.5 * (1 + math.cos(math.pi * share))))
        if on_progress is not None and step % 16 == 0:
            on_progress(PaintingProgress(clock.share, len(mesh), decibels(error), "triangles"))
    mesh.fit(30)
    if on_progress is not None:
        share = clock.share if stop() else 1.0
        on_progress(PaintingProgress(share, len(mesh), decibels(float((mesh.error(mesh.cells()) ** 2).mean())), "triangles"))
    points, colours = (torch.from_numpy(part.round(DIGITS)) for part in (mesh.points / mesh.size, mesh.colours))
    return LowPoly(points, torch.from_numpy(mesh.triangles), colours, whole)


def decibels(error: float) -> float:
    """A mean squared error as PSNR."""
    return -10 * math.log10(max(error, 1e-10))
