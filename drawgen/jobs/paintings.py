"""Paints a photograph with brush strokes, or draws it in triangles."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from drawgen import images, models
from drawgen.contract import Points, generator
from drawgen.interrupts import Interrupted, signals
from drawgen.jobs import plots
from drawgen.jobs.loading import Picture, holds_strokes, name_of, on_disk, opened
from drawgen.jobs.memory import refuse_more_than_there_is
from drawgen.jobs.pointed_triangles import Found, found_triangles
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.reports import Reports
from drawgen.jobs.verbs import that_can
from drawgen.ranges import ArgumentError, check_choice, check_size, check_whole
from drawgen.strokes import colours, low_poly, placing
from drawgen.strokes.brushes import BRISTLES, PLAIN, Brush
from drawgen.strokes.finished import FRAMES
from drawgen.strokes.low_poly import LowPoly
from drawgen.strokes.painting import Painting, parsed, refuse_transparent
from drawgen.strokes.triangles import TriangleStyle, triangulated
from drawgen.strokes.unfinished import Unfinished
from drawgen.threads import threads

TRIANGULATIONS, DELAUNAY = ("exact", "pointer"), "pointer_net:delaunay"
STILL_BYTES, MOVING_BYTES, RELIEF_BYTES = 40, 320, 50
"""Measured bytes of memory per pixel: of the canvases, of an encoder's working memory, and of the relief of bristles."""


def fitted(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Height and width of that aspect with a given longer side."""
    height, width = size
    return max(1, round(height * longest_px / max(size))), max(1, round(width * longest_px / max(size)))


@threads(1)
def paint(
    photo: Picture,
    out: str | os.PathLike[str] | None = None,
    *,
    strokes: int | None = None,
    triangles: int | None = None,
    triangulation: str | None = None,
    seconds: float | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    detail_px: int | None = None,
    least_radius: float | None = None,
    opacity: float | None = None,
    palette: str | Sequence[str] | None = None,
    background: str | None = None,
    brush: str | None = None,
    animate: bool = False,
    lines: bool = False,
    pen_mm: float | None = None,
    page: str | None = None,
    state: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: Listener = None,
) -> Painting | LowPoly:
    """Paints a photograph with brush strokes, large ones first; or with `triangles` draws a low-poly picture. No model is needed.

    For films see `paint_film`; of a moving GIF, APNG or WebP this paints the first frame. For folders see `paint_folder`.

    `photo` is a file, photo:NAME for a photograph of scikit-image, a picture of Pillow, an array (H W or H W C, bytes or floats in
    [0, 1]), a tensor (C H W), or a JSON file of strokes or triangles to render again. `strokes` is the number of strokes (250).
    With `seconds` they are optimised for that time instead of a fixed number of steps. If the aspect of `size` (height, width in
    pixels) differs from the photograph's, the photograph is cropped at its centre. `detail_px` is the longer side of the picture
    that the strokes are fitted to (128, and more for more than 500 strokes), `least_radius` the smallest radius of a stroke in
    percent of the shorter side (0.25), `opacity` one opacity for all strokes (above 0 and up to 1; by default each has its own).
    `palette` lists the colours that strokes may have: #rrggbb, #rgb or names, in a list or separated by commas, or "auto:N" for N
    of the photograph's. `background` is a colour, or "none" for a transparent canvas; by default the photograph's mean colour. The
    same `seed` gives the same painting on one machine.

    `brush` lays the strokes of a picture or an animation: "plain" (discs), "bristles" (streaks, ragged ends and a relief in the
    light, finer in a larger picture), or "mypaint:NAME" for a brush of MyPaint, where it is installed. SVG and JSON hold strokes,
    which have no brush; a JSON file can be painted again with any.

    With `triangles` the picture is made of at most so many triangles in one colour each, fitted at 192 pixels (more for more than
    500), and the answer is a `LowPoly`. The triangulation is exact; the `triangulation` "pointer" also reports how many of the
    Delaunay triangles of its vertices a pointer network finds. `background` is then what is behind a transparent photograph
    (white); what is about strokes is refused.

    For a pen plotter, `lines` writes an SVG of centre lines as `drawgen.plot` does, on that `page` (A4). With `pen_mm` the
    photograph is painted with strokes of that width in mm on the page, dark ones over light ones, in the palette's inks ("auto:4")
    on a background (white) that stands for the paper; by default with as many as a page of this size and a pen of this width need
    (2,000 for A4 and 0.5 mm).

    `state` is a file in which strokes and the optimiser's state are kept every few seconds. If it is there already, of the same
    photograph and settings, the painting goes on from it, to the same strokes; it is removed when the painting is finished. A
    low-poly picture has none.

    Without `out` no file is written; `Painting.save` takes the same endings. With `out` the ending decides the format: a picture of
    `size`, an animation of the painting (with `animate` also as PNG or WebP), SVG, or the numbers as JSON. `progress` is called
    with the fraction done.

    Raises ImageError (a ValueError) for a photograph that cannot be read, a ValueError that names an invalid argument, and
    Interrupted after Ctrl-C: `so_far` is the painting so far, which is in `out` too.

    >>> import drawgen
    >>> painting = drawgen.paint("photo:coffee", strokes=6, detail_px=32, palette=["#321", "tan", "white"])
    >>> painting.size
    (400, 600)
    >>> painting.save("coffee.png", size=(200, 300))
    """
    name = name_of(photo)
    file = None if out is None else Path(out)
    if lines and animate:
        raise ArgumentError("animate", "is for pictures, and `lines` are written as an SVG; leave one of the two out")
    if file is not None:
        images.check_output(file, force=force, kinds=images.kinds_for(animate), sources=["/dev/stdin" if name == "-" else name])
    settings: dict[str, Any] = {
        "strokes": strokes, "detail_px": detail_px, "least_radius": least_radius, "opacity": opacity, "palette": palette,
        "background": background, "triangles": triangles,
    }  # fmt: skip
    settings = {setting: value for setting, value in settings.items() if value is not None}
    for setting in {"strokes", "triangles", "detail_px"} & settings.keys():
        check_whole(setting, settings[setting])
    if triangulation is not None:
        check_choice("triangulation", triangulation, TRIANGULATIONS)
        if triangles is None:
            raise ArgumentError("triangulation", f"is {triangulation!r}, and `triangles` is not given; leave it out, or give both")
    if triangles is not None:
        refuse_for_triangles(settings | {"lines": lines or None, "pen_mm": pen_mm, "page": page})
    laid_with = Brush(PLAIN if brush is None else brush, seed)
    if brush is not None:
        refuse_for_brush(file, lines=lines, triangles=triangles)
    plots.check_lines(file, lines, pen_mm, page, size=size, opacity=opacity, least_radius=least_radius, background=background)
    if size is not None:
        check_size(size)
        if file is not None:
            images.check_extent(file, *size)
            refuse_what_is_too_large(file, size, animate, relief=brush == BRISTLES)
    interrupt = 0
    painted: Painting | LowPoly
    with hearing(progress) as reports, on_disk(photo) as picture:
        if isinstance(picture, (str, os.PathLike)) and holds_strokes(os.fspath(picture)):
            given = [*settings, *(["seconds"] if seconds is not None else []), *(["pen_mm"] if pen_mm and not lines else [])]
            if given:
                raise ValueError(f"{name} is painted already; leave `{given[0]}` out, or give the photograph")
            painted = Painting.read(Path(picture)) if lines else read_again(Path(picture))
            if size is not None:
                painted.check_aspect(size, name)
            painted = replace(painted, drawn_at=size)
            if isinstance(painted, Painting):
                laid_with.check(painted.background)
                painted = replace(painted, brush=laid_with)
            elif brush is not None:
                raise ArgumentError("brush", f"lays strokes, and {name} holds triangles; leave it out")
            if file is not None:
                painted.check_ground(file)
        else:
            clear = (background or "").strip().lower() == "none"
            if clear and file is not None:
                refuse_transparent(file)
            enough = max(512, detail_px or 0) if triangles is None else 1024  # twice as much is kept; painted at about 100
            image, alpha = opened(picture, name, covering=(enough, enough) if size is None else fitted(size, enough))
            if size is not None:
                image, alpha = images.middle(image, *size), None if alpha is None else images.middle(alpha, *size)
            if pen_mm is not None:
                settings |= plots.pen_settings((image.shape[1], image.shape[2]), pen_mm, page or "A4", strokes)
                palette, background = palette or f"auto:{plots.INKS}", background or "white"
            if palette is not None:
                settings["palette"] = colours.parse_palette(palette if isinstance(palette, str) else ",".join(palette), image)
            if background is not None:
                settings.pop("background", None)
                settings |= {"transparent": True} if clear else {"background": colours.parse_colour(background, "background")}
            if triangles is not None and background is not None and alpha is None:
                raise ValueError(f"{name} is not transparent anywhere, so no `background` is seen behind `triangles`; leave it out")
            laid_with.check(None if clear else torch.zeros(3))
            style = placing.Style(**settings) if triangles is None else TriangleStyle(**settings)
            if max(image.shape[1:]) < style.longest_px:
                reports.say(
                    f"{name} is {image.shape[2]}x{image.shape[1]} pixels, fewer than the painter looks at; it is enlarged to "
                    f"{style.longest_px} on its longer side"
                )
            with signals() as noted:
                how: dict[str, Any] = {
                    "alpha": alpha, "seconds": seconds, "on_progress": reports.strokes, "stop": noted, "rng": generator(seed)
                }  # fmt: skip
                if isinstance(style, TriangleStyle):
                    painted = triangulated(image, style, **how)
                    if triangulation == "pointer":
                        reports.say(str(pointed_at(painted)))
                else:
                    if state is not None:
                        how |= going_on(Path(state), digest(image, alpha, style, seconds, seed), reports)
                    painted = replace(placing.lay(image, style, **how), brush=laid_with)
                interrupt = noted()
            if size is not None:
                painted = replace(painted, size=size, drawn_at=size)
        if file is not None and lines and isinstance(painted, Painting):
            plots.plot(painted, file, page=page or "A4", pen_mm=pen_mm, force=force, progress=reports)
        elif file is not None:
            tell_odd_sides(painted.extent(file, None, animate=animate), file, reports)
            painted.write(file, size, animate=animate, replace=force)
    if state is not None and not interrupt:
        Path(state).unlink(missing_ok=True)
    if interrupt:
        where = "so_far" if file is None else str(file)
        raise Interrupted(interrupt, f"interrupted; {where} is the painting so far, {painted.amount}", painted)
    return painted


def digest(photo: Tensor, alpha: Tensor | None, style: placing.Style, seconds: float | None, seed: int) -> str:
    """A name of what is painted, and how."""
    found = hashlib.sha256(f"{replace(style, palette=None, background=None)} {seconds} {seed}".encode())
    for tensor in (photo, alpha, style.palette, style.background):
        found.update(b"none" if tensor is None else f"{tuple(tensor.shape)}".encode() + tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


def going_on(file: Path, known: str, reports: Reports) -> dict[str, Any]:
    """How a painting is kept in a file, and goes on from it."""
    begun = Unfinished.read(file, known)
    if begun is None and file.exists():
        reports.say(f"{file} is of another painting, or damaged; this one starts from the beginning")
    return {"begun": begun, "on_state": lambda unfinished: unfinished.write(file, known)}


def pointed_at(picture: LowPoly) -> Found:
    """What the shipped pointer network finds of the Delaunay triangles of a picture's vertices."""
    model = that_can(models.load(DELAUNAY), Points, DELAUNAY)
    height, width = picture.size
    return found_triangles(model, picture.points.numpy() * [width, height])


def refuse_for_brush(out: Path | None, *, lines: bool, triangles: int | None) -> None:
    """Raises ValueError for what has no brush."""
    if triangles is not None:
        raise ArgumentError("brush", "lays strokes, and `triangles` are none; leave one of the two out")
    if lines or (out is not None and out.suffix.lower() in images.VECTOR):
        raise ArgumentError(
            "brush", "is for pictures and animations, and SVG and JSON hold the strokes alone; write .png, or leave it out"
        )


def refuse_for_triangles(settings: dict[str, Any]) -> None:
    """Raises ValueError for settings of strokes."""
    for setting in ("strokes", "least_radius", "opacity", "lines", "pen_mm", "page"):
        if settings.get(setting) is not None:
            raise ValueError(f"`{setting}` is for strokes, and `triangles` draws none; leave one of the two out")
    if (settings.get("background") or "").strip().lower() == "none":
        raise ArgumentError("background", "is none, and `triangles` cover the whole picture; give a colour, or leave it out")


def read_again(file: Path) -> Painting | LowPoly:
    """A file of strokes, or of triangles. Raises ImageError."""
    found = parsed(file)
    triangles = isinstance(found, dict) and found.get("format") == low_poly.FORMAT
    return LowPoly.read(file) if triangles else Painting.read(file)


def tell_odd_sides(size: tuple[int, int], out: Path, reports: Reports) -> None:
    """Warns that MP4 changes odd sides."""
    height, width = size
    odd = " and ".join(["row"] * (height % 2) + ["column"] * (width % 2))
    if out.suffix.lower() == ".mp4" and odd:
        reports.say(f"{out}: the format holds even sides only; {width}x{height} gets its last {odd} twice")


def refuse_what_is_too_large(out: Path, size: tuple[int, int], animate: bool, *, relief: bool = False) -> None:
    """WebP's encoder holds all frames in memory, the others do not."""
    if out.suffix.lower() in images.VECTOR:
        return
    if images.moves(out, animate):
        held = MOVING_BYTES + (FRAMES * 4 if out.suffix.lower() == ".webp" else 0)
        what = "the frames of an animation"
    else:
        held, what = STILL_BYTES, "the canvases of a picture"
    held += RELIEF_BYTES if relief else 0
    refuse_more_than_there_is(size[0] * size[1] * held, f"{what} of {size[1]}x{size[0]} pixels")
