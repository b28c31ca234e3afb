"""The brushes that can lay a painting's strokes: discs (`plain`), bristles with relief, and those of MyPaint.

Axes: S strokes, P numbers of a stroke (`drawgen_envs.brush`), C channels, H rows, W columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from drawgen_envs.brush import paint
from jaxtyping import Float, Int64
from torch import Tensor

from drawgen.ranges import ArgumentError, check_range
from drawgen.strokes import bristles

if TYPE_CHECKING:
    from drawgen_envs.mypaint import Surface

PLAIN, BRISTLES, MYPAINT = "plain", "bristles", "mypaint:"
LIGHTEST = 0.35
"""MyPaint's pressure for a stroke that is nearly clear; 1 for an opaque one. Most of its brushes paint nothing without pressure."""
SEEDS = 1 << 31
"""Different seeds that bristles have."""
Frames = Iterator[Float[Tensor, "C H W"]]


@dataclass(frozen=True)
class Brush:
    """What strokes are laid with. Raises ValueError for a name that is no brush.

    >>> Brush("bristles").stages(torch.zeros(0, 13), torch.ones(3), [0], 4, 6)  # doctest: +ELLIPSIS
    <generator object ...>
    >>> Brush("crayon")
    Traceback (most recent call last):
    ...
    drawgen.ranges.ArgumentError: brush is 'crayon'; plain, bristles, or mypaint:NAME as mypaint:classic/dry_brush are there
    """

    name: str = PLAIN
    seed: int = 0
    """Of the bristles' noise, or of MyPaint's scatter."""

    def __post_init__(self) -> None:
        check_range("seed", self.seed, at_least=0)
        if self.name not in (PLAIN, BRISTLES) and not self.name.startswith(MYPAINT):
            raise ArgumentError(
                "brush", f"is {self.name!r:.60}; plain, bristles, or mypaint:NAME as mypaint:classic/dry_brush are there"
            )

    def check(self, background: Float[Tensor, "3"] | None) -> None:
        """Raises ValueError for a brush that is not installed or that cannot paint on this background."""
        if self.name.startswith(MYPAINT):
            self.surface(8, 8, background).close()

    def stages(
        self,
        strokes: Float[Tensor, "S P"],
        background: Float[Tensor, "3"] | None,
        stops: Sequence[int],
        height: int,
        width: int,
        *,
        numbers: Int64[Tensor, " S"] | None = None,
    ) -> Frames:
        """The picture after so many strokes, for each of `stops`: three channels and, without a background, an alpha channel.
        Strokes with the same number have the same bristles; by default it is their place."""
        if self.name.startswith(MYPAINT):
            yield from self.with_mypaint(strokes, background, stops, height, width)
            return
        ground = torch.zeros(4) if background is None else background
        if background is None:  # painted in colours times alpha, on nothing
            strokes = torch.cat([strokes, torch.ones(len(strokes), 1)], 1)
        if self.name == PLAIN:
            yield from with_discs(strokes, ground, stops, height, width)
            return
        numbers = torch.arange(len(strokes)) if numbers is None else numbers
        done, canvas = 0, bristles.primed(ground, height, width)
        for until in stops:
            bristles.lay(canvas, strokes[done:until], numbers=numbers[done:until], seed=self.seed % SEEDS)
            done = until
            yield bristles.lit(canvas)

    def surface(self, height: int, width: int, background: Float[Tensor, "3"] | None) -> "Surface":
        from drawgen_envs import mypaint

        if background is None:
            raise ArgumentError("background", f"is none, and {self.name} paints on an opaque canvas; give a colour")
        try:
            name = self.name.removeprefix(MYPAINT)
            seed = self.seed % (mypaint.MAX_SEED + 1)
            return mypaint.Surface(height, width, brush=name, seed=seed, background=background.tolist())
        except ImportError as error:
            raise ArgumentError("brush", f"is {self.name}, and {error}") from error
        except ValueError as error:
            raise ArgumentError("brush", f"is {self.name}: {error}") from error

    def with_mypaint(
        self, strokes: Float[Tensor, "S P"], background: Float[Tensor, "3"] | None, stops: Sequence[int], height: int, width: int
    ) -> Frames:
        """Each stroke is one of MyPaint's, with its mean radius, and pressed as it is opaque."""
        done = 0
        with self.surface(height, width, background) as surface:
            for until in stops:
                for stroke in strokes[done:until].tolist():
                    radius, opacity = sum(max(0, r) for r in stroke[6:8]) / 2, stroke[8]
                    if radius > 0 and opacity > 0:
                        points = [min(max(value, -1), 2) for value in stroke[:6]]  # farther off it takes no points
                        surface.stroke(
                            points[0:2], points[2:4], points[4:6], pressure=(LIGHTEST + (1 - LIGHTEST) * opacity,) * 2,
                            radius=min(radius, 1, 1000 / min(height, width)), colour=stroke[10:13],
                        )  # fmt: skip
                done = until
                yield torch.from_numpy(surface.pixels()).permute(2, 0, 1) / 255


DISCS = Brush()


def with_discs(strokes: Float[Tensor, "S P"], ground: Float[Tensor, " C"], stops: Sequence[int], height: int, width: int) -> Frames:
    canvas = ground[:, None, None].expand(-1, height, width)[None].contiguous()
    done = 0
    for until in stops:
        canvas, done = paint(canvas, strokes[None, done:until]), until
        picture = canvas[0].clamp(0, 1)
        if len(ground) == 4:
            picture = torch.cat([(picture[:3] / picture[3:].clamp(min=1e-6)).clamp(0, 1), picture[3:]])
        yield picture
