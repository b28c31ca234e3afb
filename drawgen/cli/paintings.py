"""drawgen paint."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Size, parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars


def paint(words: list[str]) -> None:
    """A photograph as brush strokes."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        strokes: int | None = None,
        seconds: float | None = None,
        size: Size | None = None,
        seed: int = 0,
        detail_px: int | None = None,
        least_radius: float | None = None,
        opacity: float | None = None,
        palette: Annotated[str | None, arg(metavar="#RRGGBB,..|auto:N")] = None,
        background: Annotated[str | None, arg(metavar="#RRGGBB|none")] = None,
        animate: bool = False,
        force: bool = False,
    ) -> None:
        """Paints a photograph in strokes, large ones first.

        Args:
            photo: A picture, photo:NAME for a photograph that scikit-image carries (astronaut, coffee, chelsea ...), or a file
                of strokes, which are drawn again; - is standard input.
            out: The file to write: PNG, JPEG, WebP, TIFF, BMP; GIF, APNG or MP4 show how it is painted; SVG has one path a
                stroke; JSON has the strokes' numbers.
            strokes: How many, 250 when left out.
            seconds: Paint for so long instead of a fixed number of steps; the same seed then gives the same file no more.
            size: Width and height in pixels; of another aspect than the photograph's, its middle is painted. When left out, 1024
                pixels on the longer side, 512 for an animation.
            seed: Start of all random numbers.
            detail_px: Longer side of what the painter looks at; 128 when left out, and more for more than 500 strokes.
            least_radius: Least radius of a stroke in percent of the shorter side, 0.25 when left out: the thinnest brush.
            opacity: Of all strokes, above 0 to 1; when left out each has its own.
            palette: The only colours of strokes: a list of #rrggbb, #rgb or names, or auto:N for N of the photograph's.
            background: Colour of the canvas, or none for a transparent one; the photograph's mean when left out.
            animate: Make a PNG or WebP move, too, and show how it is painted.
            force: Replace what exists.
        """
        from drawgen import images, jobs

        with bars() as reports:
            jobs.paint(
                photo, out, strokes=strokes, seconds=seconds, size=images.parse_size(size) if size else None, seed=seed,
                detail_px=detail_px, least_radius=least_radius, opacity=opacity, palette=palette, background=background,
                animate=animate, force=force, progress=reports,
            )  # fmt: skip
        say(out)

    parse(command, words, "paint")
