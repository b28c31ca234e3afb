"""What can be asked of a model: its methods, in words and as commands. Cards, previews and refusals read it from here."""

import shlex
from typing import Any, NamedTuple


class Verb(NamedTuple):
    """One thing that a model may do."""

    method: str
    words: str
    """Said of the model: it WORDS."""
    command: str
    """With the words MODEL, and PICTURE and OUT for what a person puts there."""

    def asked_of(self, source: str) -> str:
        """The command for this model."""
        return self.command.replace("MODEL", shlex.quote(source))


VERBS = (
    Verb("write", "writes text", "drawgen sample MODEL -o OUT.txt"),
    Verb("sample", "draws pictures", "drawgen sample MODEL -o OUT.png"),
    Verb("reconstruct", "redraws pictures", "drawgen reconstruct MODEL PICTURE -o OUT.png"),
    Verb("interpolate", "draws the way between two pictures", "drawgen interpolate MODEL PICTURE PICTURE -o OUT.png"),
    Verb("caption", "describes pictures", "drawgen caption PICTURE --model MODEL"),
)


def verbs_of(model: Any) -> list[Verb]:
    """What this model does, the most telling first. One that writes is sampled by writing."""
    able = [verb for verb in VERBS if hasattr(model, verb.method)]
    return [verb for verb in able if not (verb.method == "sample" and hasattr(model, "write"))]


def that_can(model: Any, method: str, source: str) -> Any:
    """The model. Raises ValueError where it cannot, with what it can instead."""
    if not hasattr(model, method):
        does = ", or ".join(f"it {verb.words}: {verb.asked_of(source)}" for verb in verbs_of(model))
        raise ValueError(f"{source} cannot {method}; {does or 'it can only be measured: drawgen eval ' + shlex.quote(source)}")
    return model
