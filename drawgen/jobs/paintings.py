"""Paints a photograph with brush strokes."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from drawgen import files, images
from drawgen.contract import generator
from drawgen.interrupts import Interrupted, signals
from drawgen.jobs.memory import refuse_more_than_there_is
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.saving import VECTOR, kinds_for, moves
from drawgen.ranges import check_range
from drawgen.strokes import colours, placing
from drawgen.strokes.painting import Painting
from drawgen.threads import threads

FRAMES = 96
"""Frames of an animation, at most."""
STILL_BYTES, MOVING_BYTES = 40, 320
"""Measured bytes of memory per pixel: of the canvases, and of an encoder's working memory."""
OPAQUE = {".jpg", ".jpeg", ".bmp", ".mp4"}
"""Endings of files without a usable alpha channel."""
LARGEST = 1 << 30
"""Bytes read from standard input, at most."""


def fitted(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Height and width of that aspect with a given longer side."""
    height, width = size
    return max(1, round(height * longest_px / max(size))), max(1, round(width * longest_px / max(size)))


@threads(1)
def paint(
    photo: str,
    out: Path,
    *,
    strokes: int | None = None,
    seconds: float | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    detail_px: int | None = None,
    least_radius: float | None = None,
    opacity: float | None = None,
    palette: str | None = None,
    background: str | None = None,
    animate: bool = False,
    force: bool = False,
    reports: Reports = SILENT,
) -> None:
    """Paints a photograph with strokes, or renders the strokes of a JSON file. The ending of `out` decides what is written: a
    picture of `size` (height, width), an animation of the painting (with `animate` also as PNG or WebP), SVG, or the strokes as
    JSON. `-` is standard input. Settings that are None have the defaults of `placing.Style`; the background "none" is transparent.
    On a signal (`interrupts`) the painting so far is written. Raises ImageError, ValueError, Interrupted, StorageError."""
    images.check_output(out, force=force, kinds=kinds_for(animate), sources=["/dev/stdin" if photo == "-" else photo])
    settings: dict[str, Any] = {
        "strokes": strokes, "detail_px": detail_px, "least_radius": least_radius, "opacity": opacity, "palette": palette,
        "background": background,
    }  # fmt: skip
    settings = {name: value for name, value in settings.items() if value is not None}
    if size is not None:
        images.check_extent(out, *size)
        refuse_what_is_too_large(out, size, animate)
    interrupt = 0
    with on_disk(photo) as file:
        if holds_strokes(file):
            given = [*settings, *(["seconds"] if seconds is not None else [])]
            if given:
                raise ValueError(f"{photo} is painted already; leave `{given[0]}` out, or give the photograph")
            painted = Painting.read(Path(file))
            if size is not None and abs(size[0] / size[1] * painted.size[1] / painted.size[0] - 1) > 0.02:
                height, width = painted.fitted(max(size))
                raise ValueError(f"{photo} has another aspect than `size` {size[1]}x{size[0]}; it can be drawn at {width}x{height}")
            refuse_transparent(out, painted.background is None)
        else:
            check_range("seed", seed, at_least=0)
            clear = (background or "").strip().lower() == "none"
            refuse_transparent(out, clear)
            enough = max(512, detail_px or 0)  # twice as much is kept; painted at some hundred
            image, alpha = images.load_with_alpha(file, covering=(enough, enough) if size is None else fitted(size, enough))
            if size is not None:
                image, alpha = images.middle(image, *size), None if alpha is None else images.middle(alpha, *size)
            if palette is not None:
                settings["palette"] = colours.parse_palette(palette, image)
            if background is not None:
                settings.pop("background")
                settings |= {"transparent": True} if clear else {"background": colours.parse_colour(background, "background")}
            style = placing.Style(**settings)
            if max(image.shape[1:]) < style.longest_px:
                reports.say(
                    f"{photo} is {image.shape[2]}x{image.shape[1]} pixels, fewer than the painter looks at; it is enlarged to "
                    f"{style.longest_px} on its longer side"
                )
            with signals() as noted:
                painted = placing.lay(
                    image, style, alpha=alpha, seconds=seconds, on_progress=reports.strokes, stop=noted, rng=generator(seed)
                )
                interrupt = noted()
            if size is not None:
                painted = replace(painted, size=size)
    write(painted, out, size, animate=animate, replace=force, reports=reports)
    if interrupt:
        raise Interrupted(interrupt, f"interrupted; {out} is the painting so far, {len(painted.strokes)} strokes")


def write(painted: Painting, out: Path, size: tuple[int, int] | None, *, animate: bool, replace: bool, reports: Reports) -> None:
    """Writes a painting to the file `out`."""
    kind = out.suffix.lower()
    moving = kind not in VECTOR and moves(out, animate)
    height, width = size or painted.fitted(512 if moving else 1024)
    if kind == ".mp4" and (height % 2 or width % 2):
        reports.say(f"{out}: the format holds even sides only; {width}x{height} gets its last {odd_sides(height, width)} twice")
    if kind == ".json":
        files.write_output(out, painted.json().encode(), replace=replace)
    elif kind == ".svg":
        files.write_output(out, painted.svg(height, width).encode(), replace=replace)
    elif moving:
        count = len(painted.stops(FRAMES))
        images.save_animation(out, painted.stages(FRAMES, height, width), count=count, seconds=6.0, replace=replace)
    else:
        images.save_image(out, painted.draw(height, width), replace=replace)


def odd_sides(height: int, width: int) -> str:
    return " and ".join(["row"] * (height % 2) + ["column"] * (width % 2))


def refuse_transparent(out: Path, transparent: bool) -> None:
    if transparent and out.suffix.lower() in OPAQUE:
        raise ValueError(f"{out} cannot be transparent, and the background is none; choose .png, .webp, .gif, .tif or .svg")


def refuse_what_is_too_large(out: Path, size: tuple[int, int], animate: bool) -> None:
    """WebP's encoder holds all frames in memory, the others do not."""
    kind = out.suffix.lower()
    if kind in VECTOR:
        return
    if moves(out, animate):
        held = MOVING_BYTES + (FRAMES * 4 if kind == ".webp" else 0)
        what = "the frames of an animation"
    else:
        held, what = STILL_BYTES, "the canvases of a picture"
    refuse_more_than_there_is(size[0] * size[1] * held, f"{what} of {size[1]}x{size[0]} pixels")


@contextmanager
def on_disk(photo: str) -> Iterator[str]:
    """The photograph's name; for standard input, the name of a temporary file with its content. Errors name the original."""
    if not re.fullmatch(r"-|/dev/stdin|(/dev|/proc/self)/fd/\d+", photo):
        yield photo
        return
    try:
        data = files.read_standard_input(LARGEST) if photo == "-" else files.read_bytes(Path(photo), LARGEST)
    except OSError as error:
        raise images.ImageError(f"{photo} cannot be read ({files.reason(error)}); give a file") from error
    if not data:
        raise images.ImageError(f"{photo} is empty; nothing came from there")
    with tempfile.TemporaryDirectory(prefix="drawgen-") as folder:
        file = Path(folder) / "input"
        file.write_bytes(data)
        try:
            yield str(file)
        except images.ImageError as error:
            raise images.ImageError(str(error).replace(str(file), photo)) from error


def holds_strokes(file: str) -> bool:
    """Whether a file holds strokes, by its ending or by its first byte: no picture begins with a brace."""
    if file.lower().endswith(".json"):
        return True
    try:
        return not file.startswith("photo:") and files.first_bytes(Path(file), 256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError:
        return False  # whoever reads it says why
