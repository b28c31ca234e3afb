"""A finished painting: strokes on a background, rendered at any size, animated, or written as SVG or JSON.

Axes: S strokes, P numbers of a stroke (`drawgen_envs.brush`; with three channels 13), H rows, W columns.
"""

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from drawgen_envs.brush import COLUMNS, FARTHEST, flatten, paint
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from drawgen import images
from drawgen.files import read_bytes, reason, write_output
from drawgen.images import ImageError, to_bytes
from drawgen.ranges import check_size
from drawgen.strokes.outlines import on_page
from drawgen.threads import threads

NAMES = (*COLUMNS, "red", "green", "blue")
"""The numbers of a stroke, in the order of the JSON file."""
FORMAT = "drawgen strokes 1"
DIGITS = 6
"""Decimals of a stroke's numbers, the same as in the file, so that the file renders exactly the same picture."""
MOST = 10_000
"""Most strokes of a painting."""
LARGEST = 1 << 23
"""Largest size of a file of strokes, in bytes: four times the size of the largest painting."""
FRAMES = 96
"""Frames of an animation, at most."""
STILL_PX, MOVING_PX, SHOWN_PX = 1024, 512, 512
"""Default longer side of a picture, of an animation and of a notebook's display."""
OPAQUE = {".jpg", ".jpeg", ".bmp", ".mp4"}
"""Endings of files without a usable alpha channel."""


@dataclass(frozen=True, repr=False)
class Painting:
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
    drawn_at: tuple[int, int] | None = None
    """Default height and width of its pictures; None: `STILL_PX` on the longer side, or `MOVING_PX`."""

    def __repr__(self) -> str:
        return f"a painting of {self.amount}, {self.size[1]}x{self.size[0]} pixels"

    @property
    def amount(self) -> str:
        return f"{len(self.strokes)} strokes"

    @classmethod
    def sheet(cls, drawings: Float[Tensor, "B T P"], size: tuple[int, int], columns: int) -> "Painting":
        """Several drawings on black, of `size` (height, width) each, side by side; each stroke has its mean opacity."""
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

    def fitted(self, longest_px: int) -> tuple[int, int]:
        """Height and width with this longer side, in the painting's aspect."""
        factor = longest_px / max(self.size)
        return max(1, round(self.size[0] * factor)), max(1, round(self.size[1] * factor))

    def stops(self, count: int) -> list[int]:
        """Numbers of strokes in each of at most `count` frames of an animation; the last frame has all."""
        return sorted({round(len(self.strokes) * k / max(1, count - 1)) for k in range(count - 1)} | {len(self.strokes)})

    def stages(self, count: int, height: int, width: int) -> Iterator[Float[Tensor, "C H W"]]:
        """At most `count` frames of the painting, stroke by stroke; the last is the finished one. They have three channels and,
        without a background, an alpha channel."""
        strokes, ground = self.strokes, self.background
        if ground is None:  # painted in colours times alpha, on nothing
            strokes, ground = torch.cat([strokes, torch.ones(len(strokes), 1)], 1), torch.zeros(4)
        canvas = ground[:, None, None].expand(-1, height, width)[None].contiguous()
        done = 0
        for until in self.stops(count):
            canvas, done = paint(canvas, strokes[None, done:until]), until
            picture = canvas[0].clamp(0, 1)
            if len(ground) == 4:
                picture = torch.cat([(picture[:3] / picture[3:].clamp(min=1e-6)).clamp(0, 1), picture[3:]])
            yield picture

    def draw(self, height: int, width: int) -> Float[Tensor, "C H W"]:
        """The picture, rendered at a size."""
        return next(self.stages(1, height, width))

    def pil(self, size: tuple[int, int] | None = None) -> Image.Image:
        """A picture of Pillow, of `size` (height, width)."""
        return Image.fromarray(to_bytes(self.draw(*(size or self.drawn_at or self.fitted(STILL_PX)))))

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

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        size: tuple[int, int] | None = None,
        animate: bool = False,
        force: bool = False,
    ) -> None:
        """Writes a file. The ending of `path` decides the format: a picture of `size` (height, width), an animation of the painting
        (GIF, APNG, MP4; with `animate` PNG and WebP), SVG with one path per stroke, or JSON. An existing file is replaced only with
        `force`. Raises ImageError (a ValueError) if it cannot be written in that format, and StorageError."""
        out = Path(path)
        images.check_output(out, force=force, kinds=images.kinds_for(animate))
        self.check_ground(out)
        if size is not None:
            check_size(size)
            self.check_aspect(size, "the painting")
            images.check_extent(out, *size)
        self.write(out, size, animate=animate, replace=force)

    def check_ground(self, path: Path) -> None:
        """Raises ValueError for a transparent painting and a format without alpha."""
        if self.background is None:
            refuse_transparent(path)

    def check_aspect(self, size: tuple[int, int], name: str) -> None:
        """Raises ValueError for another aspect ratio than the painting's; `name` is the argument's name."""
        if abs(size[0] / size[1] * self.size[1] / self.size[0] - 1) > 0.02:
            height, width = self.fitted(max(size))
            raise ValueError(f"{name} has another aspect than `size` {size[1]}x{size[0]}; it can be drawn at {width}x{height}")

    def extent(self, path: Path, size: tuple[int, int] | None, *, animate: bool) -> tuple[int, int]:
        """Height and width of the picture in a file."""
        return size or self.drawn_at or self.fitted(MOVING_PX if images.moves(path, animate) else STILL_PX)

    @threads(1)
    def write(self, out: Path, size: tuple[int, int] | None, *, animate: bool, replace: bool) -> None:
        """`save` after the checks. Without `replace` an existing file is kept."""
        kind = out.suffix.lower()
        height, width = self.extent(out, size, animate=animate)
        if kind == ".json":
            write_output(out, self.json().encode(), replace=replace)
        elif kind == ".svg":
            write_output(out, self.svg(height, width).encode(), replace=replace)
        elif images.moves(out, animate):
            count = len(self.stops(FRAMES))
            images.save_animation(out, self.stages(FRAMES, height, width), count=count, seconds=6.0, replace=replace)
        else:
            images.save_image(out, self.draw(height, width), replace=replace)

    @threads(1)
    def animation(self) -> images.Animation:
        """How it is painted, as an animation that a notebook plays."""
        return images.animated(self.stages(FRAMES, *self.fitted(SHOWN_PX)), seconds=6.0)

    @threads(1)
    def _repr_png_(self) -> bytes:
        return images.png(self.draw(*self.fitted(SHOWN_PX)))

    def json(self) -> str:
        """JSON: see README.md, "Paintings", for its fields."""
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
            raise ImageError(f'{path} is not a file of strokes ("format": "{FORMAT}"); make one: drawgen paint PHOTO -o OUT.json')
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
