"""A finished painting: strokes on a background, drawn at any size, replayed, or written as SVG or JSON.

Axes: S strokes, P numbers of a stroke (`drawgen_envs.brush`; with three channels 13), H rows, W columns.
"""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from drawgen_envs.brush import COLUMNS, FARTHEST, flatten, paint
from jaxtyping import Float
from torch import Tensor

from drawgen.files import read_bytes, reason
from drawgen.images import ImageError, to_bytes

NAMES = (*COLUMNS, "red", "green", "blue")
"""The numbers of a stroke, in the order of the JSON file."""
FORMAT = "drawgen strokes 1"
DIGITS = 6
"""Decimals that a stroke's numbers have: as many as the file holds, so that it draws the very same picture again."""
MOST = 10_000
"""Most strokes of a painting."""
LARGEST = 1 << 23
"""Bytes of a file of strokes: four times what so many take."""


@dataclass(frozen=True)
class Painting:
    """Strokes, the first one undermost, on a background of one colour."""

    strokes: Float[Tensor, "S 13"]
    """Their opacity is the same from end to end, so that one SVG path can stand for each."""
    background: Float[Tensor, "3"]
    size: tuple[int, int]
    """Height and width in pixels that it was painted at: its aspect. The strokes are shares of it."""

    @classmethod
    def sheet(cls, drawings: Float[Tensor, "B T P"], size: tuple[int, int], columns: int) -> "Painting":
        """Several drawings on black, of `size` (height, width) each, side by side; a stroke has its mean opacity throughout."""
        count, rows = len(drawings), -(-len(drawings) // columns)
        index = torch.arange(count)
        corner = torch.stack([index % columns, index // columns], 1).repeat(1, 3)[:, None]  # x and y of each of three points
        points = (drawings[..., :6] + corner) / torch.tensor([columns, rows] * 3)
        height, width = rows * size[0], columns * size[1]
        radii = drawings[..., 6:8] * min(size) / min(height, width)
        opacity = drawings[..., 8:10].mean(2, keepdim=True).expand(-1, -1, 2)
        strokes = torch.cat([points, radii, opacity, drawings[..., 10:].expand(-1, -1, 3)], 2).flatten(0, 1)
        return cls(strokes, torch.zeros(3), (height, width)).rounded()

    def rounded(self) -> "Painting":
        """The same in as many decimals as a file has."""
        strokes, background = (part.double().round(decimals=DIGITS).float() for part in (self.strokes, self.background))
        return Painting(strokes, background, self.size)

    def fitted(self, longest_px: int) -> tuple[int, int]:
        """Height and width with this longer side, in the painting's aspect."""
        factor = longest_px / max(self.size)
        return max(1, round(self.size[0] * factor)), max(1, round(self.size[1] * factor))

    def stages(self, count: int, height: int, width: int) -> Iterator[Float[Tensor, "3 H W"]]:
        """At most `count` pictures of how it is painted, stroke by stroke; the last is the finished one."""
        canvas = self.background[:, None, None].expand(3, height, width)[None].contiguous()
        done = 0
        for until in sorted({round(len(self.strokes) * k / max(1, count - 1)) for k in range(count - 1)} | {len(self.strokes)}):
            canvas, done = paint(canvas, self.strokes[None, done:until]), until
            yield canvas[0].clamp(0, 1)

    def draw(self, height: int, width: int) -> Float[Tensor, "3 H W"]:
        """The picture at a size."""
        return next(self.stages(1, height, width))

    def svg(self, height: int, width: int) -> str:
        """SVG, one path a stroke: the union, by non-zero fill, of the discs' sweeps along the very pieces that the
        brush cuts the curve into. All run clockwise, so that where two overlap nothing is cut out."""
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
            f'<rect width="{width}" height="{height}" fill="{colour_code(self.background)}"/>',
        ]
        points, counts = flatten(self.strokes, height, width)
        for stroke, curve, count in zip(self.strokes, points.tolist(), counts.tolist(), strict=True):
            r0, r1 = (max(0.0, r) * min(height, width) for r in stroke[6:8].tolist())
            opacity = float(stroke[8])
            if (r0 == 0 and r1 == 0) or opacity == 0:
                continue
            ends = []
            for k in range(int(count) + 1):
                t = k / count
                x, y = ((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c for a, b, c in zip(*curve, strict=True))
                ends.append((x, y, r0 + t * (r1 - r0)))
            path = "".join(capsule(a, b) for a, b in itertools.pairwise(ends))
            lines.append(f'<path d="{path}" fill="{colour_code(stroke[10:])}" fill-opacity="{opacity:.3g}"/>')
        return "\n".join([*lines, "</svg>\n"])

    def json(self) -> str:
        """JSON: see README.md, "Paintings", for its fields."""
        height, width = self.size
        rows = ",\n".join(json.dumps([round(x, DIGITS) for x in stroke]) for stroke in self.strokes.tolist())
        head = {
            "format": FORMAT,
            "width": width,
            "height": height,
            "background": [round(x, DIGITS) for x in self.background.tolist()],
            "columns": list(NAMES),
        }
        return json.dumps(head, indent=1)[:-2] + f',\n "strokes": [\n{rows}\n]\n}}\n'

    @classmethod
    def read(cls, path: Path) -> "Painting":
        """Reads what `json` gave, or another program in its format. Raises ImageError."""
        try:
            found = json.loads(read_bytes(path, LARGEST))
        except FileNotFoundError as error:
            raise ImageError(f"{path} does not exist; check the path") from error
        except OSError as error:
            raise ImageError(f"{path} cannot be read ({reason(error)}); check the path") from error
        except (ValueError, RecursionError) as error:
            raise ImageError(f"{path} is not JSON ({error}); write it anew: drawgen paint PHOTO -o OUT.json") from error
        if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("columns") != list(NAMES):
            raise ImageError(f'{path} is not a file of strokes ("format": "{FORMAT}"); make one: drawgen paint PHOTO -o OUT.json')
        size: Any = found.get("height"), found.get("width")
        if not all(type(side) is int and 1 <= side <= 65_535 for side in size):
            raise ImageError(
                f"{path}: height and width are {size[0]!r:.60} and {size[1]!r:.60}; give whole numbers from 1 to 65535"
            )
        rows = found.get("strokes")
        if not isinstance(rows, list) or not len(rows) <= MOST:
            raise ImageError(f"{path}: strokes has to be a list of at most {MOST}")
        background = numbers(found.get("background"), 3, f"{path}: background")
        strokes = [numbers(row, len(NAMES), f"{path}: stroke {index}") for index, row in enumerate(rows)]
        return cls(torch.tensor(strokes, dtype=torch.float32).view(-1, len(NAMES)), torch.tensor(background), size)


def capsule(a: tuple[float, float, float], b: tuple[float, float, float]) -> str:
    """The outline of a disc (x, y, radius) swept from a to b, clockwise on the screen: two arcs and the two tangents between."""
    (xa, ya, ra), (xb, yb, rb) = a, b
    length = math.hypot(xb - xa, yb - ya)
    if abs(ra - rb) >= length:  # one disc covers the other
        x, y, r = a if ra >= rb else b
        return f"M{x - r:.3f} {y:.3f}a{r:.3f} {r:.3f} 0 1 1 {2 * r:.3f} 0a{r:.3f} {r:.3f} 0 1 1 {-2 * r:.3f} 0z"
    ux, uy = (xb - xa) / length, (yb - ya) / length
    along = (ra - rb) / length  # cosine of the angle between the way and the radius at which a tangent touches
    across = math.sqrt(1 - along * along)
    left = (along * ux + across * uy, along * uy - across * ux)  # at the left hand of one who walks from a to b
    right = (along * ux - across * uy, along * uy + across * ux)

    def at(x: float, y: float, r: float, way: tuple[float, float]) -> str:
        return f"{x + r * way[0]:.3f} {y + r * way[1]:.3f}"

    around_b, around_a = int(along < 0), int(along > 0)  # more than half of the larger disc, less of the smaller
    return (
        f"M{at(xa, ya, ra, left)}L{at(xb, yb, rb, left)}A{rb:.3f} {rb:.3f} 0 {around_b} 1 {at(xb, yb, rb, right)}"
        f"L{at(xa, ya, ra, right)}A{ra:.3f} {ra:.3f} 0 {around_a} 1 {at(xa, ya, ra, left)}z"
    )


def colour_code(colour: Float[Tensor, "3"]) -> str:
    red, green, blue = to_bytes(colour[:, None, None]).flatten().tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def numbers(row: Any, many: int, where: str) -> list[float]:
    """A row of numbers that can be drawn, colours and opacities (the last ones) in [0, 1]. Raises ImageError."""
    if not isinstance(row, list) or len(row) != many:
        raise ImageError(f"{where} has to be a list of {many} numbers")
    for index, value in enumerate(row):
        share = index >= many - 5  # a0, a1, red, green, blue
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= FARTHEST:
            raise ImageError(f"{where} holds {value!r:.60}; numbers between -{FARTHEST:g} and {FARTHEST:g} are wanted")
        if share and not 0 <= value <= 1:
            raise ImageError(f"{where} holds {value!r:.60} as a colour or opacity; they lie between 0 and 1")
    if many > 3 and row[8] != row[9]:
        raise ImageError(f"{where} has opacities {row[8]!r} and {row[9]!r}; a stroke of a painting has one, a0 = a1")
    return [float(value) for value in row]
