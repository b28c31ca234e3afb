"""The table of verbs: the name of each verb, its command, and its preview during training.

Model cards, previews, the demo and error messages use it. `isinstance(model, PROTOCOL)` tests for a verb (`contract.py`). A new
verb is a protocol, a job, a command, and a row here.
"""

import shlex
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from drawgen import contract, images
from drawgen.jobs import previews

T = TypeVar("T")


class Verb(NamedTuple):
    """Something that a model can do."""

    protocol: type
    does: str
    """A verb phrase for messages: the model DOES."""
    method: str = ""
    """Of `asking.Trained`; empty where there is none yet."""
    command: str = ""
    """The command, with the placeholders MODEL, PICTURE, MASK, TEXT, DRAWING, OUT and REPORT; empty if there is none yet."""
    endings: tuple[str, ...] = ()
    """The ending of the file that it writes."""
    preview: Callable[[Any, previews.PreviewInput], previews.Preview] | None = None
    shows: str = ""
    """The most informative file of the preview."""
    suits: Callable[[Any], bool] = lambda _: True
    """Whether this row is about a model that has the protocol."""

    def asked_of(self, source: str) -> str:
        """The command for this model."""
        return self.command.replace("MODEL", shlex.quote(source))


PICTURES = (*images.STILL, *images.MOVING)
TEXT = (".txt",)

VERBS = (
    Verb(
        contract.Writes, "writes text", "write", "drawgen sample MODEL -o OUT.txt",
        TEXT, previews.written, previews.TEXT,
    ),
    Verb(
        contract.Draws, "draws pictures", "sample", "drawgen sample MODEL -o OUT.png",
        (*PICTURES, *images.VECTOR), previews.drawn, previews.PICTURE,
    ),
    Verb(
        contract.Describes, "describes pictures", "caption", "drawgen caption PICTURE --model MODEL",
        PICTURES, previews.described, previews.TEXT,
    ),
    Verb(
        contract.Reads, "reads pictures", "read", "drawgen read PICTURE --model MODEL",
        PICTURES, previews.read, previews.TEXT,
    ),
    Verb(
        contract.Redraws, "redraws pictures", "reconstruct", "drawgen reconstruct MODEL PICTURE -o OUT.png",
        (*PICTURES, *images.VECTOR), previews.redrawn, previews.PICTURE,
    ),
    Verb(
        contract.Interpolates, "draws the way between two pictures", "interpolate",
        "drawgen interpolate MODEL PICTURE PICTURE -o OUT.png", tuple(images.STILL),
    ),
    Verb(
        contract.Completes, "completes begun drawings", "complete", "drawgen sample MODEL --begin DRAWING -n 4 -o OUT.png",
        (*PICTURES, *images.VECTOR),
    ),
    Verb(
        contract.Handwrites, "writes texts by hand", "handwrite",
        f'drawgen sample MODEL --text "{previews.HANDWRITTEN}" -o OUT.png',
        (*PICTURES, *images.VECTOR), previews.handwritten, previews.PICTURE,
    ),
    Verb(
        contract.RedrawsLines, "redraws drawings", "reconstruct", "drawgen reconstruct MODEL DRAWING -o OUT.png",
        (*PICTURES, *images.VECTOR),
    ),
    Verb(
        contract.InterpolatesLines, "draws the way between two drawings", "interpolate",
        "drawgen interpolate MODEL DRAWING DRAWING -o OUT.png", (*images.STILL, *images.VECTOR),
    ),
    Verb(
        contract.Repairs, "fills holes of pictures", "inpaint", "drawgen inpaint PICTURE --mask MASK --model MODEL -o OUT.png",
        tuple(images.STILL),
    ),
    Verb(
        contract.Parses, "parses sentences", "parse", f'drawgen parse "{previews.SENTENCES[0]}" --model MODEL',
        (*images.STILL, *images.VECTOR), previews.parsed, previews.PICTURE,
    ),
    Verb(
        contract.Translates, "translates texts", "translate", "drawgen translate 'Where is the dog?' --model MODEL",
        (".txt", ".tsv", ".jsonl"), previews.translated, previews.TEXT,
    ),
    Verb(
        contract.Classifies, "classifies texts", "classify", "drawgen classify TEXT --model MODEL",
        TEXT, previews.classified, previews.TEXT, lambda model: model.takes == "texts",
    ),
    Verb(
        contract.Classifies, "classifies drawings", "classify", "drawgen classify DRAWING --model MODEL",
        TEXT, previews.classified, previews.TEXT, lambda model: model.takes == "drawings",
    ),
    Verb(
        contract.Points, "finds hulls, triangles or tours of points", "point", "drawgen points MODEL random:20 -o OUT.png",
        (*images.STILL, *images.VECTOR), previews.pointed, previews.PICTURE, lambda model: model.kind != "strokes",
    ),
    Verb(contract.Recurs, "has a recurrent state, or residual depth", command="drawgen diagnose MODEL -o REPORT"),
)  # fmt: skip


def row_of(protocol: type) -> Verb:
    """The row of a verb in the table."""
    return next(verb for verb in VERBS if verb.protocol is protocol)


def kinds_of(protocol: type, *, animate: bool = False) -> tuple[str, ...]:
    """The endings of the files that a verb writes; with `animate`, those of animations."""
    endings = row_of(protocol).endings
    return tuple(ending for ending in endings if ending in images.MOVING) if animate else endings


def verbs_of(model: Any) -> list[Verb]:
    """The verbs of this model, the most characteristic first."""
    return [verb for verb in VERBS if isinstance(model, verb.protocol) and verb.suits(model)]


def commands_for(model: Any, source: str) -> list[str]:
    """The commands that work with this model; evaluation is always one."""
    return [verb.asked_of(source) for verb in verbs_of(model) if verb.command] or [f"drawgen eval {shlex.quote(source)}"]


def that_can(model: Any, protocol: type[T], source: str) -> T:
    """Loads the model. Raises ValueError, with the verbs it has, if it lacks this verb."""
    if isinstance(model, protocol):
        return model
    wanted = row_of(protocol).does
    able = [f"it {verb.does}" + (f": {verb.asked_of(source)}" if verb.command else "") for verb in verbs_of(model)]
    instead = ", or ".join(able) or f"it can only be measured: drawgen eval {shlex.quote(source)}"
    raise ValueError(f"{source} is not a model that {wanted}; {instead}")
