"""A texture from a photograph: learned by a worker, more of it and repairs by a question."""

import base64
import binascii
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from drawgen.studio.settings import FileName, Identifier, Photo, Seed, Settings, Side, Work

PICTURE, MODEL, PREVIEW = "texture.png", "texture.model", "preview.png"
MINUTES = 3.0
"""Default training time."""
PREVIEW_S = 10.0
"""Seconds between two previews."""


class TextureSettings(Settings):
    photo: Photo
    width: Side = 512
    height: Side = 512
    tile: bool = False
    minutes: Annotated[float, Field(gt=0, le=600)] | None = None
    steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    invent: Literal["auto", "all", "detail", "nothing"] = "auto"
    even_out: Annotated[float, Field(ge=0, le=1)] = 0.0
    seed: Seed = 0


def texture(asked: TextureSettings, work: Work) -> None:
    """`drawgen texture`, with the picture and the model in the job's folder."""
    from drawgen import files, jobs
    from drawgen.interrupts import Interrupted

    began = time.monotonic()

    def learned(told: Any) -> None:
        share = told.step / max(told.steps, 1)
        passed = (time.monotonic() - began) / max(share, 0.01) if asked.steps else 60 * (asked.minutes or MINUTES)
        left = max(1 - share, 0.0) * passed
        work.tell(phase="learning" if share < 1 else "finishing", share=round(share, 4), left=round(left, 1))
        bits = told.numbers.get("bits_per_dim")
        if bits is not None:
            work.tell(point=[round(share, 4), round(bits, 4)])

    def shown(file: Path) -> None:
        files.write_atomically(work.folder / PREVIEW, files.read_bytes(file))
        work.tell(preview=PREVIEW, made=(work.folder / PREVIEW).stat().st_mtime_ns // 1_000_000)

    reports = jobs.Reports(
        training=learned, drawing=lambda share: work.tell(phase="drawing", share=round(share, 3), left=None), message=work.say,
        preview=shown, preview_seconds=PREVIEW_S,
    )  # fmt: skip
    size, out = (asked.height, asked.width), work.folder / PICTURE
    trains = asked.invent != "nothing"
    try:
        jobs.texture(
            work.photo(asked.photo), out, size=size, tile=asked.tile, invent=asked.invent, even_out=asked.even_out,
            minutes=asked.minutes if trains else None, steps=asked.steps if trains else None, seed=asked.seed,
            resume=work.resume and trains, force=True, progress=reports,
        )  # fmt: skip
    except Interrupted as stop:
        if work.abandoned:
            raise
        if stop.so_far is None:
            preview = work.folder / PREVIEW
            if preview.is_file():
                files.write_atomically(out, files.read_bytes(preview))
            raise Interrupted(
                stop.number, "stopped before a model had begun to learn; the picture is patches of the photograph"
            ) from stop
        work.tell(phase="drawing", share=0.0, left=None)
        made = stop.so_far.sample(size=size, tile=asked.tile, even_out=asked.even_out, seed=asked.seed, progress=reports.drawing)
        made.write(out, replace=True)
        raise Interrupted(stop.number, "stopped early; the texture is what the model had learned until then") from stop


# ---------------------------------------------------------------- when it is done


class More(Settings):
    job: Identifier
    width: Annotated[int, Field(ge=16, le=2048)] = 512
    height: Annotated[int, Field(ge=16, le=2048)] = 512
    tile: bool = False
    seed: Seed = 1


def more(asked: More, folder: Path) -> dict[str, Any]:
    """More of the same texture: `drawgen sample` from the job's model."""
    from drawgen import jobs

    home = folder / "jobs" / asked.job
    out = home / f"more-{asked.seed}-{asked.width}x{asked.height}{'-tile' * asked.tile}.png"
    if not out.exists():
        jobs.sample(str(home / MODEL), out, size=(asked.height, asked.width), seed=asked.seed, tile=asked.tile, force=True)
    return {"file": out.name}


class Repair(Settings):
    job: Identifier
    file: FileName
    mask: str
    """A PNG of the picture's size, in base64: white where it is to be filled."""
    seed: Seed = 0


def repair(asked: Repair, folder: Path) -> dict[str, Any]:
    """`drawgen inpaint` of a picture of the job, by the job's model if there is one."""
    from drawgen import jobs

    home = folder / "jobs" / asked.job
    source = home / asked.file
    if not source.is_file() or source.is_symlink():
        raise ValueError("this picture is no longer there")
    try:
        mask = base64.b64decode(asked.mask, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the mask is not base64") from None
    number = 1 + sum(1 for _ in home.glob("repaired-*.png"))
    out, hole = home / f"repaired-{number}.png", home / "mask.png"
    hole.write_bytes(mask)
    model = home / MODEL if (home / MODEL / "model.safetensors").is_file() else None
    jobs.inpaint(source, out, mask=hole, model=model, seed=asked.seed, force=True)
    return {"file": out.name}


JOBS = {"texture": texture}
QUESTIONS = {"texture.more": more, "texture.repair": repair}
