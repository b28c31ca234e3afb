"""drawgen: a generative drawing and texture toolkit. `drawgen --help` is the way in at a terminal; from Python there are

    load(SOURCE)        a trained model, to be asked: .sample(), .reconstruct(), .interpolate(), .caption(), .read(), .write()
    texture(PHOTO)      a larger texture like one photograph
    paint(PHOTO)        a photograph as brush strokes
    caption(PICTURES)   what pictures show, in words
    train(MODEL)        a model trained by a preset, with any setting changed

Values go in and values come out: answers show themselves in a notebook, and `save` writes them. No name here is imported before it
is asked for, and work leaves the process as it found it: threads, random numbers, signals. README.md tells the rest."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Captions": "jobs.answers",
    "Curve": "jobs.runs",
    "Drawn": "jobs.answers",
    "Interrupted": "interrupts",
    "Labels": "jobs.answers",
    "Painting": "strokes.painting",
    "Passages": "jobs.answers",
    "Request": "contract",
    "Sample": "contract",
    "Texture": "jobs.textures",
    "Trained": "jobs.asking",
    "TrainingRun": "jobs.runs",
    "caption": "jobs.asking",
    "load": "jobs.asking",
    "paint": "jobs.paintings",
    "texture": "jobs.textures",
    "train": "jobs.runs",
}
"""Where each public name lives."""

if TYPE_CHECKING:
    from drawgen.contract import Request as Request
    from drawgen.contract import Sample as Sample
    from drawgen.interrupts import Interrupted as Interrupted
    from drawgen.jobs.answers import Captions as Captions
    from drawgen.jobs.answers import Drawn as Drawn
    from drawgen.jobs.answers import Labels as Labels
    from drawgen.jobs.answers import Passages as Passages
    from drawgen.jobs.asking import Trained as Trained
    from drawgen.jobs.asking import caption as caption
    from drawgen.jobs.asking import load as load
    from drawgen.jobs.paintings import paint as paint
    from drawgen.jobs.runs import Curve as Curve
    from drawgen.jobs.runs import TrainingRun as TrainingRun
    from drawgen.jobs.runs import train as train
    from drawgen.jobs.textures import Texture as Texture
    from drawgen.jobs.textures import texture as texture
    from drawgen.strokes.painting import Painting as Painting
else:

    def __getattr__(name: str):
        """A public name, imported when it is asked for first (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        globals()[name] = found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})


__all__ = [
    "Captions",
    "Curve",
    "Drawn",
    "Interrupted",
    "Labels",
    "Painting",
    "Passages",
    "Request",
    "Sample",
    "Texture",
    "Trained",
    "TrainingRun",
    "__version__",
    "caption",
    "load",
    "paint",
    "texture",
    "train",
]
