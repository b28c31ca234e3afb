"""A finished painting: strokes on a background, rendered at any size, animated, or written as SVG or JSON.

Axes: S strokes, P numbers of a stroke (`drawgen_envs.brush`; with three channels 13), H rows, W columns.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from drawgen_envs.brush import COLUMNS, FARTHEST, flatten
from jaxtyping import Float, Int64
from torch import Tensor

from drawgen.files import read_bytes, reason
from drawgen.images import ImageError, to_bytes
from drawgen.strokes.brushes import DISCS, Brush
from drawgen.strokes.finished import Finished
from drawgen.strokes.outlines import on_page

NAMES = (*COLUMNS, "red", "green", "blue")
"""The numbers of a stroke, in the order of the JSON file."""
FORMAT = "drawgen strokes 1"
DIGITS = 6
"""Decimals of a stroke's numbers, the same as in the file, so that the file renders exactly the same picture."""
MOST = 10_000
"""Most strokes of a painting."""
LARGEST = 1 << 23
"""Largest size of a file of strokes, in bytes: four times the size of the largest painting."""
OPAQUE = {".jpg", ".jpeg", ".bmp", ".mp4"}
"""Endings of files without a usable alpha channel."""


@dataclass(frozen=True, repr=False)
class Painting(Finished):
    """A painting, from `drawgen.paint`: strokes, from bottom to top, on a background of one colour or a transparent one. A notebook
    displays it, and `save` writes it as a picture, an animation, SVG or JSON.

    >>> import drawgen
    >>> painting = drawgen.paint("photo:coffee", strokes=5, detail_px=16, size=(40, 60))
    >>> painting.strokes.shape
    torch.Size([5, 13])
    >>> painting.draw(20, 30).shape  # at any size: C H W in [0, 1]
    torch.Size([3, 20, 30])
    >>> painting.save("coffee.svg")
    """

    strokes: Float[Tensor, "S 13"]
    """Each stroke has one opacity, so that it can be one SVG path."""
    background: Float[Tensor, "3"] | None
    """None: transparent; rendered pictures then have an alpha channel."""
    size: tuple[int, int]
    """Height and width in pixels at which it was painted; they give the aspect ratio. Strokes are fractions of them."""
    brush: Brush = DISCS
    """What lays the strokes in pictures and animations; a file of strokes, or SVG, does not have it."""
    numbers: Int64[Tensor, " S"] | None = None
    """Strokes with the same number have the same bristles; None: it is their place. In a film a stroke keeps its number."""
    drawn_at: tuple[int, int] | None = None
    """Default height and width of its pictures; None: 1024 pixels on the longer side, or 512 for an animation."""

    def __repr__(self) -> str:
        return f"a painting of {self.amount}, {self.size[1]}x{self.size[0]} pixels"

    @property
    def amount(self) -> str:
        return f"{len(self.strokes)} strokes"

    @classmethod
    def sheet(cls, drawings: Float[Tensor, "B T P"], size: tuple[int, int], columns: int) -> "Painting":
        """Several drawings on black, of `size` (height, width) each, side by side; each stroke has its mean opacity. Raises
        ValueError where a stroke of one would cover another."""
        if len(drawings) > 1 and drawings[..., 6:8].max() >= 0.5:
            raise ValueError("a stroke that covers a whole drawing would cover the next one; give each a file, by {i} in its name")
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
        """The same, rounded to the decimals of a file."""
        background = None if self.background is None else in_decimals(self.background)
        return replace(self, strokes=in_decimals(self.strokes), background=background)

    def stops(self, count: int) -> list[int]:
        """Numbers of strokes in each of at most `count` frames of an animation; the last frame has all."""
        return sorted({round(len(self.strokes) * k / max(1, count - 1)) for k in range(count - 1)} | {len(self.strokes)})

    def stages(self, count: int, height: int, width: int) -> Iterator[Float[Tensor, "C H W"]]:
        """At most `count` frames of the painting, stroke by stroke; the last is the finished one. They have three channels and,
        without a background, an alpha channel."""
        return self.brush.stages(self.strokes, self.background, self.stops(count), height, width, numbers=self.numbers)

    def svg(self, height: int, width: int) -> str:
        """SVG with one path per stroke: the union, by non-zero fill, of the sweeps of the disc along the same straight pieces that
        the brush has. All of them run clockwise, so that overlaps are not cut out. The paths are clipped at the page, so that a
        plotter stays on its paper."""
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}px" height="{height}px" viewBox="0 0 {width} {height}">',
            f"<title>A painting in {len(self.strokes)} strokes</title>",
        ]
        if self.background is not None:
            ground = f'<rect width="{width}" height="{height}" fill="{colour_code(self.background)}"/>'
            lines.append(f'<g id="background">{ground}</g>')
        lines.append('<g id="strokes">')
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
            path = "".join(on_page(a, b, height, width) for a, b in itertools.pairwise(ends))
            if path:
                lines.append(f'<path d="{path}" fill="{colour_code(stroke[10:])}" fill-opacity="{opacity:.3g}"/>')
        return "\n".join([*lines, "</g>", "</svg>\n"])

    # ---------------------------------------------------------------- as a file

    def check_ground(self, path: Path) -> None:
        """Raises ValueError for a transparent painting and a format without alpha."""
        if self.background is None:
            refuse_transparent(path)

    def json(self) -> str:
        """JSON: see docs/painting.md for its fields."""
        height, width = self.size
        rows = ",\n".join(json.dumps([round(x, DIGITS) for x in stroke]) for stroke in self.strokes.tolist())
        head = {
            "format": FORMAT,
            "width": width,
            "height": height,
            "background": None if self.background is None else [round(x, DIGITS) for x in self.background.tolist()],
            "columns": list(NAMES),
        }
        return json.dumps(head, indent=1)[:-2] + f',\n "strokes": [\n{rows}\n]\n}}\n'

    @classmethod
    def read(cls, path: Path) -> "Painting":
        """Reads a file in the format of `json`. Raises ImageError."""
        found = parsed(path)
        if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("columns") != list(NAMES):
            own = found.get("format") if isinstance(found, dict) else None
            told = f', its format is "{own}"' if isinstance(own, str) and own != FORMAT else ""
            raise ImageError(
                f'{path} is not a file of strokes ("format": "{FORMAT}"){told:.80}; make one: drawgen paint PHOTO -o OUT.json'
            )
        size = size_in(found, path)
        rows = found.get("strokes")
        if not isinstance(rows, list) or not len(rows) <= MOST:
            raise ImageError(f"{path}: strokes has to be a list of at most {MOST}")
        background = None
        if found.get("background", 0) is not None:
            background = torch.tensor(numbers(found.get("background"), 3, f"{path}: background"))
        strokes = [numbers(row, len(NAMES), f"{path}: stroke {index}") for index, row in enumerate(rows)]
        return cls(torch.tensor(strokes, dtype=torch.float32).view(-1, len(NAMES)), background, size)


def parsed(path: Path) -> Any:
    """What a JSON file holds. Raises ImageError."""
    try:
        return json.loads(read_bytes(path, LARGEST))
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; check the path") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({reason(error)}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{path} is not JSON ({error}); write it again: drawgen paint PHOTO -o OUT.json") from error


def size_in(found: dict[str, Any], path: Path) -> tuple[int, int]:
    """The height and width in a file. Raises ImageError."""
    size: Any = found.get("height"), found.get("width")
    if not all(type(side) is int and 1 <= side <= 65_535 for side in size):
        raise ImageError(f"{path}: height and width are {size[0]!r:.60} and {size[1]!r:.60}; give whole numbers from 1 to 65535")
    return size


def refuse_transparent(path: Path) -> None:
    if path.suffix.lower() in OPAQUE:
        raise ValueError(f"{path} cannot be transparent, and the background is none; choose .png, .webp, .gif, .tif or .svg")


def in_decimals(numbers: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    return numbers.double().round(decimals=DIGITS).float()


def colour_code(colour: Float[Tensor, "3"]) -> str:
    red, green, blue = to_bytes(colour[:, None, None]).flatten().tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def numbers(row: Any, many: int, where: str) -> list[float]:
    """Checks a stroke's numbers: finite, with colours and opacities (the last ones) in [0, 1]. Raises ImageError."""
    if not isinstance(row, list) or len(row) != many:
        raise ImageError(f"{where} has to be a list of {many} numbers")
    for index, value in enumerate(row):
        share = index >= many - 5  # a0, a1, red, green, blue
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= FARTHEST:
            raise ImageError(f"{where} holds {value!r:.60}; numbers between -{FARTHEST:g} and {FARTHEST:g} are wanted")
        if share and not 0 <= value <= 1:
            raise ImageError(f"{where} holds {value!r:.60} as a colour or opacity; they have to be between 0 and 1")
    if many > 3 and row[8] != row[9]:
        raise ImageError(f"{where} has opacities {row[8]!r} and {row[9]!r}; a stroke of a painting has one, a0 = a1")
    return [float(value) for value in row]
