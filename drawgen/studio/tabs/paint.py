"""A photograph in strokes, which the page shows while they are optimised; and the painting as other files."""

import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from drawgen.studio.settings import Identifier, Photo, Seed, Settings, Work

PICTURE, STROKES, STATE = "painting.png", "painting.json", "state.safetensors"
SHOWN_S = 0.3
"""Seconds between two sets of strokes that the page gets, at least."""
COSTS = 5
"""At most one in so many seconds goes into writing strokes for the page."""
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
FORMATS = {"png": PICTURE, "svg": "painting.svg", "plotter": "plotter.svg", "gif": "painting.gif", "json": STROKES}


class PaintSettings(Settings):
    photo: Photo
    strokes: Annotated[int, Field(ge=1, le=10_000)] = 250
    seconds: Annotated[float, Field(gt=0, le=36_000)] | None = None
    palette: Annotated[str, Field(pattern=r"^(auto:[0-9]{1,2}|#[0-9a-fA-F]{6}(,#[0-9a-fA-F]{6}){0,31})$")] | None = None
    background: Colour | Literal["none"] | None = None
    brush: Literal["plain", "bristles"] = "plain"
    opacity: Annotated[float, Field(gt=0, le=1)] | None = None
    least_radius: Annotated[float, Field(gt=0, le=25)] | None = None
    seed: Seed = 0


def paint(asked: PaintSettings, work: Work) -> None:
    """`drawgen paint`, as a PNG and as JSON."""
    from drawgen import files, jobs
    from drawgen.interrupts import Interrupted

    began, next_at = time.monotonic(), 0.0

    def painted(told: Any) -> None:
        nonlocal next_at
        now = time.monotonic()
        if now < next_at and told.share < 1:
            return
        files.write_atomically(work.folder / STROKES, told.now().json().encode())
        next_at = now + max(SHOWN_S, COSTS * (time.monotonic() - now))
        left = (now - began) * (1 - told.share) / told.share if told.share > 0.02 and not work.resume else None
        if asked.seconds is not None:
            left = asked.seconds * (1 - told.share)
        work.tell(
            phase="painting", share=round(told.share, 4), left=None if left is None else round(left, 1), strokes=told.strokes,
            psnr=round(told.psnr, 2), preview=STROKES, made=(work.folder / STROKES).stat().st_mtime_ns // 1_000_000,
        )  # fmt: skip

    try:
        made = jobs.paint(
            work.photo(asked.photo), work.folder / PICTURE, strokes=asked.strokes, seconds=asked.seconds, palette=asked.palette,
            background=asked.background, brush=asked.brush, opacity=asked.opacity, least_radius=asked.least_radius, seed=asked.seed,
            state=work.folder / STATE, force=True, progress=jobs.Reports(strokes=painted, message=work.say),
        )  # fmt: skip
    except Interrupted as stop:
        if stop.so_far is not None:
            stop.so_far.save(work.folder / STROKES, force=True)
            raise Interrupted(stop.number, f"stopped early; the painting so far has {stop.so_far.amount}") from stop
        raise
    made.save(work.folder / STROKES, force=True)


class File(Settings):
    job: Identifier
    format: Literal["png", "svg", "plotter", "gif", "json"]
    brush: Literal["plain", "bristles"] = "plain"
    seed: Seed = 0


def file(asked: File, folder: Path) -> dict[str, Any]:
    """The painting as a file of another format, which is made once: `drawgen paint STROKES.json -o OUT`."""
    from drawgen import jobs

    home = folder / "jobs" / asked.job
    strokes, out = home / STROKES, home / FORMATS[asked.format]
    if not strokes.is_file():
        raise ValueError("there are no strokes yet")
    if not out.is_file() or (out.stat().st_mtime < strokes.stat().st_mtime and out.name != PICTURE):
        brush = asked.brush if asked.format in ("png", "gif") else None
        jobs.paint(strokes, out, lines=asked.format == "plotter", brush=brush, seed=asked.seed, force=True)
    return {"file": out.name}


class Look(Settings):
    job: Identifier
    count: Annotated[int, Field(ge=0, le=10_000)]
    seed: Seed = 0


def look(asked: Look, folder: Path) -> dict[str, Any]:
    """The first strokes of a painting, laid by the brush of bristles."""
    import base64
    from dataclasses import replace

    from drawgen import images
    from drawgen.strokes.brushes import BRISTLES, Brush
    from drawgen.strokes.painting import Painting

    painting = Painting.read(folder / "jobs" / asked.job / STROKES)
    painting = replace(painting, strokes=painting.strokes[: asked.count], brush=Brush(BRISTLES, asked.seed))
    data = images.png(painting.draw(*painting.fitted(700)))
    return {"picture": f"data:image/png;base64,{base64.b64encode(data).decode()}"}


JOBS = {"paint": paint}
QUESTIONS = {"paint.file": file, "paint.look": look}
