"""Drawings: of the shipped models, after and on from what is drawn on the page, and of a sentence."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from drawgen.studio import shown
from drawgen.studio.settings import Seed, Settings

PEN, BRUSH = "sketch_rnn:omniglot", "painter:characters"
Ending = Literal["png", "svg", "gif", "json"]
Count = Annotated[int, Field(ge=0, le=36)]
Lines = list[list[tuple[float, float]]]
"""Lines on a page from 0, 0 to 1, 1, each a list of points."""
SEEN_PX = 512
"""Side of the picture of the pad, for models of pictures."""


class Saved(Settings):
    """A question whose answer can be a file, too."""

    ending: Ending | None = None
    """None: the drawings themselves."""


def answered(drawn: Any, asked: Saved, name: str, *, boxes: bool = False, **more: Any) -> dict[str, Any]:
    """The drawings, or their file: the one that the command line writes."""
    if asked.ending is not None:
        windows = boxes and asked.ending in ("png", "gif")
        return shown.file(f"{name}.{asked.ending}", lambda out: drawn.save(out, boxes=windows))
    found = {"drawings": shown.drawings(drawn)} | more
    if drawn.seen is not None:
        found["seen"] = [shown.picture(image) for image in drawn.seen]
    return found


# ---------------------------------------------------------------- what a model draws by itself


class Sampled(Saved):
    model: Literal["draw:mnist", "draw:omniglot", "sketch_rnn:omniglot", "painter:doodles"]
    n: Count = 12
    temperature: float = 1.0
    boxes: bool = False
    """Whether a file shows the windows of a model that has them."""
    seed: Seed = 0


def sample(asked: Sampled, _folder: Path) -> dict[str, Any]:
    """`drawgen sample`."""
    drawn = shown.loaded(asked.model).sample(n=asked.n, temperature=asked.temperature, seed=asked.seed)
    return answered(drawn, asked, f"{asked.model.partition(':')[2]}-{asked.seed}", boxes=asked.boxes and bool(drawn.boxes))


# ---------------------------------------------------------------- from what is on the pad


class Given(Saved):
    lines: Lines
    seed: Seed = 0


def pad(lines: Lines) -> Any:
    """The lines on their page. Raises ImageError, a ValueError, if there are none."""
    from drawgen.contract import PenDrawing
    from drawgen.jobs.loading import line_drawing

    return line_drawing(PenDrawing(lines))  # type: ignore[arg-type]


def pad_picture(lines: Lines) -> Any:
    """The pad as a picture (1 H W), dark ink on white."""
    from drawgen.strokes import pen_lines

    return pen_lines.ink_of([pad(lines)], (SEEN_PX, SEEN_PX)).picture()[0]


def redraw(asked: Given, _folder: Path) -> dict[str, Any]:
    """`drawgen reconstruct` by the model of a pen."""
    return answered(shown.loaded(PEN).reconstruct(pad(asked.lines), seed=asked.seed), asked, "redrawn")


def repaint(asked: Given, _folder: Path) -> dict[str, Any]:
    """`drawgen reconstruct` by the painter of characters."""
    return answered(shown.loaded(BRUSH).reconstruct(pad_picture(asked.lines), seed=asked.seed), asked, "painted")


class Begun(Given):
    n: Count = 4
    temperature: float = 0.5


def complete(asked: Begun, _folder: Path) -> dict[str, Any]:
    """`drawgen sample sketch_rnn --begin`."""
    begun = pad(asked.lines)
    drawn = shown.loaded(PEN).complete(begun, n=asked.n, temperature=asked.temperature, seed=asked.seed)
    return answered(drawn, asked, "completed", given=asked.lines)


def read(asked: Given, _folder: Path) -> dict[str, Any]:
    """`drawgen read -n 3`."""
    from drawgen import jobs

    (label,) = jobs.read(pad_picture(asked.lines), n=3, seed=asked.seed)
    return {"labels": label.labels, "model": label.model}


# ---------------------------------------------------------------- a sentence


class Said(Saved):
    sentence: str
    n: Count = 4
    check: bool = False
    seed: Seed = 0


def illustrate(asked: Said, _folder: Path) -> dict[str, Any]:
    """`drawgen illustrate`."""
    from drawgen import jobs
    from drawgen.jobs.illustrating import MODEL

    drawn = jobs.illustrate([asked.sentence], model=shown.loaded(MODEL), n=asked.n, seed=asked.seed, check=asked.check)
    return answered(drawn, asked, "illustration", told=drawn.as_json())


QUESTIONS = {
    "draw.sample": sample,
    "draw.redraw": redraw,
    "draw.repaint": repaint,
    "draw.complete": complete,
    "draw.read": read,
    "draw.illustrate": illustrate,
}
