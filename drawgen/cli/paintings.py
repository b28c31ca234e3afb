"""drawgen paint."""

from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Size, parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars


def paint(words: list[str]) -> None:
    """Paint a photograph with brush strokes, or in triangles; films and folders too."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        strokes: int | None = None,
        triangles: int | None = None,
        triangulation: Literal["exact", "pointer"] | None = None,
        seconds: float | None = None,
        size: Size | None = None,
        seed: int = 0,
        detail_px: int | None = None,
        least_radius: float | None = None,
        opacity: float | None = None,
        palette: Annotated[str | None, arg(metavar="#RRGGBB,..|auto:N")] = None,
        background: Annotated[str | None, arg(metavar="#RRGGBB|none")] = None,
        brush: Annotated[str | None, arg(metavar="plain|bristles|mypaint:NAME")] = None,
        animate: bool = False,
        lines: bool = False,
        pen_mm: float | None = None,
        page: Annotated[str | None, arg(metavar="A4|letter|..|WxHmm")] = None,
        force: bool = False,
    ) -> None:
        """Paints a photograph with brush strokes, large ones first, or draws a low-poly picture of it. Paints films, and folders.

        Args:
            photo: A picture, photo:NAME for a photograph of scikit-image (astronaut, coffee, chelsea ...), or a file of strokes or
                triangles to render again; - is standard input. A film (MP4, MOV, WebM ... with the extra video), which is painted
                frame by frame, as is a moving GIF, APNG or WebP if OUT moves too; else its first frame is painted. A folder, of
                which each picture is painted.
            out: The file to write: PNG, JPEG, WebP, TIFF, BMP; a GIF, APNG or MP4 shows the painting stroke by stroke; SVG has one
                path per stroke or triangle; JSON has the numbers of each. Of a film: MP4, GIF or APNG, without sound. Of a folder:
                a folder for PNG files, or FOLDER/{name}.svg and the like; what is there already is kept.
            strokes: Number of strokes; 250 by default.
            triangles: Draw a low-poly picture instead: at most so many triangles, in one colour each.
            triangulation: exact, or pointer: the same picture, and how many of the Delaunay triangles of its vertices a pointer
                network finds.
            seconds: Optimise for this long instead of a fixed number of steps; the same seed then no longer gives the same file.
            size: Width and height in pixels. If its aspect differs from the photograph's, the photograph is cropped at its centre.
                The default is 1024 pixels on the longer side, 512 for an animation, and a film's own up to 1920.
            seed: Seed of all random numbers.
            detail_px: Longer side, in pixels, of the picture that is fitted; 128 by default (192 for triangles), and more for
                more than 500.
            least_radius: Smallest radius of a stroke in percent of the shorter side; 0.25 by default.
            opacity: One opacity for all strokes, above 0 and up to 1; by default each stroke has its own.
            palette: The colours that strokes or triangles may have: a list of #rrggbb, #rgb or names, or auto:N for N of the
                photograph's, or of a film's first frame.
            background: Colour of the canvas, or none for a transparent one; the photograph's mean colour by default. With triangles
                it is the colour behind a transparent photograph, white by default.
            brush: What lays the strokes of a picture, an animation or a film: plain (discs, the default), bristles (streaks and
                relief, at any size), or (not for a film) a brush of MyPaint where it is installed, as mypaint:classic/dry_brush.
                A file of strokes can be painted again with any.
            animate: Animate a PNG or WebP too, stroke by stroke.
            lines: Write an SVG of centre lines for a pen plotter, as drawgen plot does.
            pen_mm: Paint with strokes of this width in mm on the page, in the palette's inks (auto:4 by default) on white paper, or
                on paper of the background's colour.
            page: The plotter's page: A0 to A6, letter, legal, tabloid, or width and height as 210x297mm; A4 by default.
            force: Replace existing files.
        """
        from drawgen import files, images, jobs
        from drawgen.jobs import films
        from drawgen.jobs.loading import on_disk

        options: dict[str, Any] = {
            "strokes": strokes, "seconds": seconds, "size": images.parse_size(size) if size else None, "seed": seed,
            "detail_px": detail_px, "least_radius": least_radius, "opacity": opacity, "palette": palette, "background": background,
            "brush": brush, "lines": lines, "pen_mm": pen_mm, "page": page, "triangles": triangles,
            "triangulation": triangulation, "animate": animate, "force": force,
        }  # fmt: skip
        told = [out]
        with bars() as reports, on_disk(photo) as given:
            if files.is_folder(photo):
                told, left_out = jobs.paint_folder(photo, out, progress=reports, **options)
                if not told:
                    raise ValueError(f"none of the {len(left_out)} pictures of {photo} could be painted")
            elif films.takes(given, out, animate=animate):
                jobs.paint_film(given, out, progress=reports, **films.for_films(given, options))
            else:
                jobs.paint(given, out, progress=reports, **options)
        for path in told:
            say(path)

    parse(command, words, "paint")
