"""A finished low-poly picture: triangles of one colour each, rendered at any size, animated, or written as SVG or JSON.

Axes: V vertices, T triangles, H rows, W columns.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from drawgen.images import ImageError
from drawgen.strokes import covering
from drawgen.strokes.finished import Finished
from drawgen.strokes.mesh import Mesh, areas
from drawgen.strokes.painting import DIGITS, MOST, colour_code, parsed, size_in

FORMAT = "drawgen triangles 1"
OVERLAP_PX = 1.0
"""How far a triangle of an SVG reaches under those that are drawn after it."""
STAGED_PX = 256
"""Longer side of the picture from which the earlier frames of an animation are made."""


@dataclass(frozen=True, repr=False)
class LowPoly(Finished):
    """A low-poly picture, from `drawgen.paint(..., triangles=N)`: triangles that cover the picture once, in one colour each. A
    notebook displays it, and `save` writes it as a picture, an animation, SVG or JSON.

    >>> import drawgen
    >>> coffee = drawgen.paint("photo:coffee", triangles=20, detail_px=32, size=(40, 60))
    >>> coffee
    a picture of 20 triangles, 60x40 pixels
    >>> coffee.draw(20, 30).shape  # at any size: C H W in [0, 1]
    torch.Size([3, 20, 30])
    >>> coffee.save("coffee.svg")
    """

    points: Float64[Tensor, "V 2"]
    """x and y of the vertices, as fractions of width and height."""
    triangles: Int64[Tensor, "T 3"]
    """The three vertices of each triangle, clockwise on the screen."""
    colours: Float64[Tensor, "T 3"]
    size: tuple[int, int]
    """Height and width of the photograph in pixels; they give the aspect ratio."""
    drawn_at: tuple[int, int] | None = None
    """Default height and width of its pictures; None: 1024 pixels on the longer side, or 512 for an animation."""

    def __repr__(self) -> str:
        return f"a picture of {self.amount}, {self.size[1]}x{self.size[0]} pixels"

    @property
    def amount(self) -> str:
        return f"{len(self.triangles)} triangles"

    def draw(self, height: int, width: int) -> Float[Tensor, "C H W"]:
        """The picture, rendered at a size: each pixel is the mean of what the triangles have there."""
        points, triangles, colours = self.points.numpy() * [width, height], self.triangles.numpy(), self.colours.numpy()
        return torch.from_numpy(covering.draw(points, triangles, colours, height, width)).movedim(2, 0).float().clamp(0, 1)

    def stops(self, count: int) -> list[int]:
        """Numbers of triangles in each of at most `count` frames of an animation: they grow by a factor."""
        last = len(self.triangles)
        return sorted({round(2 * (last / 2) ** (k / max(1, count - 1))) for k in range(count - 1)} | {last})

    def stages(self, count: int, height: int, width: int) -> Iterator[Float[Tensor, "C H W"]]:
        """At most `count` frames, from two triangles to all; the last is `draw`. The earlier ones are Delaunay triangulations of
        the vertices that explain most of the finished picture, in its colours."""
        frames = [self]
        mesh = Mesh(self.draw(*self.fitted(STAGED_PX)).movedim(0, 2).double().contiguous().numpy())
        mesh.take(self.points.numpy() * mesh.size, self.triangles.numpy())
        own = torch.unique(self.colours, dim=0)
        for most in self.stops(count)[-2::-1]:
            mesh.shrink(most)
            colours = own[torch.cdist(torch.from_numpy(mesh.colours), own).argmin(1)]
            frames.append(LowPoly(torch.from_numpy(mesh.points / mesh.size), torch.from_numpy(mesh.triangles), colours, self.size))
        for frame in reversed(frames):
            yield frame.draw(height, width)

    def svg(self, height: int, width: int) -> str:
        """SVG with one path per triangle.

        Programs draw one path after another, and blend each with what is below. Two triangles that only touch would let the ground
        shine through between them. So each triangle reaches under those neighbours that are drawn after it, by `OVERLAP_PX`: where
        they meet, the later one is blended with the earlier, and the pixels are those of `draw`. At vertices, where several meet,
        a little of the ground is seen; it has the mean colour.
        """
        points, triangles = self.points.numpy() * [width, height], self.triangles.tolist()
        sides = [[(a, b, c), (b, c, a), (c, a, b)] for a, b, c in triangles]
        across = {(p, q): (t, apex) for t, own in enumerate(sides) for p, q, apex in own}
        mean = torch.from_numpy(areas(self.points.numpy(), self.triangles.numpy())) @ self.colours
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}px" height="{height}px" viewBox="0 0 {width} {height}">',
            f"<title>A picture of {len(triangles)} triangles</title>",
            f'<g id="background"><rect width="{width}" height="{height}" fill="{colour_code(mean)}"/></g>',
            '<g id="triangles">',
        ]
        for t, own in enumerate(sides):
            outline = []
            for p, q, _ in own:
                outline.append(points[p])
                other, apex = across.get((q, p), (-1, -1))
                if other > t:
                    (dx, dy), (ax, ay) = points[q] - points[p], points[apex] - points[p]
                    share = min(1.0, OVERLAP_PX * math.hypot(dx, dy) / max(ax * dy - ay * dx, 1e-9))
                    outline += [points[end] + share * (points[apex] - points[end]) for end in (p, q)]
            path = "L".join(f"{x:.3f} {y:.3f}" for x, y in outline)
            lines.append(f'<path d="M{path}z" fill="{colour_code(self.colours[t])}"/>')
        return "\n".join([*lines, "</g>", "</svg>\n"])

    # ---------------------------------------------------------------- as a file

    def check_ground(self, path: Path) -> None:
        """Every format will do: it is opaque."""

    def json(self) -> str:
        """JSON: see docs/low_poly.md for its fields."""
        points, colours = (part.numpy().round(DIGITS).tolist() for part in (self.points, self.colours))
        lists = {"points": points, "triangles": self.triangles.tolist(), "colours": colours}
        head = json.dumps({"format": FORMAT, "width": self.size[1], "height": self.size[0]}, indent=1)[:-2]
        bodies = (f' "{name}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n ]" for name, rows in lists.items())
        return ",\n".join([head, *bodies]) + "\n}\n"

    @classmethod
    def read(cls, path: Path) -> "LowPoly":
        """Reads a file in the format of `json`. Raises ImageError."""
        found = parsed(path)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ImageError(
                f'{path} is not a file of triangles ("format": "{FORMAT}"); make one: '
                "drawgen paint PHOTO --triangles 500 -o OUT.json"
            )
        size = size_in(found, path)
        points = table(found, "points", 2, path, most=MOST + 2)
        colours = table(found, "colours", 3, path, most=MOST)
        triangles = table(found, "triangles", 3, path, most=MOST, below=len(points))
        if len(colours) != len(triangles):
            raise ImageError(f"{path}: there are {len(triangles)} triangles and {len(colours)} colours; give one for each")
        area = areas(points, triangles.astype(np.int64))
        if not (area > -1e-9).all() or abs(area.sum() - 1) > 1e-4:
            raise ImageError(f"{path}: the triangles do not cover the picture once, each clockwise on the screen")
        return cls(torch.from_numpy(points), torch.from_numpy(triangles.astype(np.int64)), torch.from_numpy(colours), size)


def table(
    found: dict[str, Any], name: str, many: int, path: Path, *, most: int, below: int | None = None
) -> Float64[np.ndarray, "N M"]:
    """The rows of a list in a file: numbers in [0, 1], or whole ones below a bound. Raises ImageError."""
    rows = found.get(name)
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        raise ImageError(f"{path}: {name} has to be a list of 1 to {most} rows")
    what = "numbers from 0 to 1" if below is None else f"whole numbers from 0 to {below - 1}"
    for index, row in enumerate(rows):
        fits = isinstance(row, list) and len(row) == many
        if not fits or not all(
            (type(x) is int and 0 <= x < below) if below is not None else (type(x) in (int, float) and 0 <= x <= 1) for x in row
        ):
            raise ImageError(f"{path}: {name} {index} is {row!r:.60}; it has to be a list of {many} {what}")
    return np.array(rows, np.float64)
