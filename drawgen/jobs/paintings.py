"""A photograph as brush strokes."""

from pathlib import Path
from typing import Any

from drawgen import files, images, painting
from drawgen.contract import generator
from drawgen.interrupts import Interrupted, signals
from drawgen.jobs.memory import refuse_what_does_not_fit
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.saving import VECTOR, kinds_for, moves
from drawgen.strokes import Painting
from drawgen.threads import threads


def fitted(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Height and width of that aspect, the longer one so long."""
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
    """Paints a photograph in strokes, or draws the strokes of a JSON file again, and writes what `out` ends in: a picture of `size`
    (height, width), an animation of the painting (`animate`: a PNG or WebP moves, too), SVG, or the strokes as JSON. Settings that
    are None have the defaults of `painting.Style`. On a signal (`interrupts`) the painting so far is written. Raises ImageError,
    ValueError, Interrupted."""
    images.check_output(out, force=force, kinds=kinds_for(animate))
    kind = out.suffix.lower()
    moving = kind not in VECTOR and moves(out, animate)
    frames = 96 if moving else 1
    refuse_what_does_not_fit(size or (1024, 1024), 3, 1 + frames // 16)
    interrupt = 0
    settings: dict[str, Any] = {
        "strokes": strokes, "detail_px": detail_px, "least_radius": least_radius, "opacity": opacity, "palette": palette,
        "background": background,
    }  # fmt: skip
    settings = {name: value for name, value in settings.items() if value is not None}
    if photo.lower().endswith(".json"):
        given = [*settings, *(["seconds"] if seconds is not None else [])]
        if given:
            raise ValueError(f"{photo} is painted already; leave --{given[0].replace('_', '-')} out, or give the photograph")
        painted = Painting.read(Path(photo))
        if size is not None and abs(size[0] / size[1] * painted.size[1] / painted.size[0] - 1) > 0.02:
            height, width = painted.fitted(max(size))
            raise ValueError(f"{photo} has another aspect than --size {size[1]}x{size[0]}; it can be drawn at {width}x{height}")
    else:
        if seed < 0:
            raise ValueError(f"--seed is {seed}; it has to be at least 0")
        enough = max(512, detail_px or 0)  # twice as much is kept; painted at some hundred
        try:
            image = images.load_image(photo, covering=(enough, enough) if size is None else fitted(size, enough))
        except images.ImageError as error:
            if photo.startswith("/dev/"):
                what = f"{photo} gives no picture that can be read; pipe one, and give strokes as a file that ends in .json"
                raise images.ImageError(what) from error
            raise
        if size is not None:
            image = images.middle(image, *size)
        if palette is not None:
            settings["palette"] = painting.parse_palette(palette, image)
        if background is not None:
            settings["background"] = painting.parse_colour(background, "--background")
        style = painting.Style(**settings)
        with signals() as noted:
            painted = painting.fit(image, style, seconds=seconds, on_progress=reports.strokes, stop=noted, rng=generator(seed))
            interrupt = noted()
    height, width = size or painted.fitted(512 if moving else 1024)
    if kind == ".json":
        files.write_atomically(out, painted.json().encode())
    elif kind == ".svg":
        files.write_atomically(out, painted.svg(height, width).encode())
    elif moving:
        images.save_animation(out, painted.stages(frames, height, width), seconds=6.0)
    else:
        images.save_image(out, painted.draw(height, width))
    if interrupt:
        raise Interrupted(interrupt, f"interrupted; {out} is the painting so far, {len(painted.strokes)} strokes")
