"""What finished pictures have in common: they are drawn at any size, shown in a notebook, and saved."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from drawgen import images
from drawgen.files import write_output
from drawgen.images import to_bytes
from drawgen.ranges import check_size
from drawgen.threads import threads

FRAMES = 96
"""Frames of an animation, at most."""
STILL_PX, MOVING_PX, SHOWN_PX = 1024, 512, 512
"""Default longer side of a picture, of an animation and of a notebook's display."""


class Finished(ABC):
    """A picture that is not made of pixels."""

    size: tuple[int, int]
    """Height and width in pixels at which it was made; they give the aspect ratio."""
    drawn_at: tuple[int, int] | None
    """Default height and width of its pictures; None: `STILL_PX` on the longer side, or `MOVING_PX`."""

    @abstractmethod
    def stops(self, count: int) -> list[int]:
        """How much there is in each of at most `count` frames of an animation; the last frame has all."""

    @abstractmethod
    def stages(self, count: int, height: int, width: int) -> Iterator[Float[Tensor, "C H W"]]:
        """At most `count` frames of how it comes about; the last is the finished one."""

    @property
    @abstractmethod
    def amount(self) -> str:
        """Of how many parts it is."""

    @abstractmethod
    def svg(self, height: int, width: int) -> str:
        """SVG of a size in pixels."""

    @abstractmethod
    def json(self) -> str:
        """A file that draws the very same picture again."""

    def fitted(self, longest_px: int) -> tuple[int, int]:
        """Height and width with this longer side, in the picture's aspect."""
        factor = longest_px / max(self.size)
        return max(1, round(self.size[0] * factor)), max(1, round(self.size[1] * factor))

    def draw(self, height: int, width: int) -> Float[Tensor, "C H W"]:
        """The picture, rendered at a size."""
        return next(self.stages(1, height, width))

    def pil(self, size: tuple[int, int] | None = None) -> Image.Image:
        """A picture of Pillow, of `size` (height, width)."""
        return Image.fromarray(to_bytes(self.draw(*(size or self.drawn_at or self.fitted(STILL_PX)))))

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        size: tuple[int, int] | None = None,
        animate: bool = False,
        force: bool = False,
    ) -> None:
        """Writes a file. The ending of `path` decides the format: a picture of `size` (height, width), an animation of how it comes
        about (GIF, APNG, MP4; with `animate` PNG and WebP), SVG, or JSON. An existing file is replaced only with `force`. Raises
        ImageError (a ValueError) if it cannot be written in that format, and StorageError."""
        out = Path(path)
        images.check_output(out, force=force, kinds=images.kinds_for(animate))
        self.check_ground(out)
        if size is not None:
            check_size(size)
            self.check_aspect(size, "the picture")
            images.check_extent(out, *size)
        self.write(out, size, animate=animate, replace=force)

    @abstractmethod
    def check_ground(self, path: Path) -> None:
        """Raises ValueError for a transparent picture and a format without alpha."""

    def check_aspect(self, size: tuple[int, int], name: str) -> None:
        """Raises ValueError for another aspect ratio than the picture's; `name` is the argument's name."""
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
        """How it comes about, as an animation that a notebook plays."""
        return images.animated(self.stages(FRAMES, *self.fitted(SHOWN_PX)), seconds=6.0)

    @threads(1)
    def _repr_png_(self) -> bytes:
        return images.png(self.draw(*self.fitted(SHOWN_PX)))
