"""drawgen: a generative drawing and texture toolkit. In a terminal, start with `drawgen --help`. In Python there are

    load(SOURCE)        loads a trained model: .sample(), .reconstruct(), .interpolate(), .caption(), .read(), .write()
    texture(PHOTO)      synthesises a larger texture from one photograph
    inpaint(PHOTO)      fills the hole of a photograph; extend(PHOTO) continues it beyond its edges
    paint(PHOTO)        paints a photograph with brush strokes, or in triangles; paint_film(FILM, OUT), paint_folder(FOLDER, OUT)
    plot(DRAWING)       strokes of a painting or an SVG for a pen plotter
    caption(PICTURES)   describes pictures in words
    parse(SENTENCES)    the constituency trees of sentences
    classify(MODEL, TEXTS)  says which kind texts or drawings are of
    points(MODEL, FILE) finds a hull, triangles or a tour of points, beside the exact answer
    lesions(MODEL)      deletes and shuffles modules of a residual network
    translate(TEXTS)    translates sentences
    diagnose(MODEL)     what goes wrong in a recurrent network: vanishing gradients, gates, clipping
    train(MODEL)        trains a model from a preset; every setting can be changed

These functions return values, which are displayed in a notebook and have a method `save`. Each name is imported on first use. A
call restores the process's threads, random state and signal handlers. See README.md for more."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Captions": "jobs.answers",
    "Classified": "jobs.labels",
    "Confusion": "jobs.labels",
    "Curve": "jobs.runs",
    "Drawn": "jobs.answers",
    "Illustrated": "jobs.illustrations",
    "Interrupted": "interrupts",
    "Labels": "jobs.answers",
    "Lesions": "jobs.lesion_reports",
    "LowPoly": "strokes.low_poly",
    "Painting": "strokes.painting",
    "Parsed": "jobs.parse_answers",
    "Passages": "jobs.answers",
    "Plot": "strokes.plotting",
    "Pointed": "jobs.point_answers",
    "Request": "contract",
    "Sample": "contract",
    "Texture": "jobs.textures",
    "Trained": "jobs.asking",
    "TrainingRun": "jobs.runs",
    "Translations": "jobs.translation_answers",
    "caption": "jobs.asking",
    "classify": "jobs.classifying",
    "diagnose": "jobs.diagnosing",
    "extend": "jobs.inpainting",
    "illustrate": "jobs.illustrating",
    "inpaint": "jobs.inpainting",
    "labelled_texture": "jobs.texture_collections",
    "lesions": "jobs.lesioning",
    "load": "jobs.asking",
    "paint": "jobs.paintings",
    "paint_film": "jobs.films",
    "paint_folder": "jobs.films",
    "parse": "jobs.parsing",
    "plot": "jobs.plots",
    "points": "jobs.pointing",
    "read": "jobs.reading",
    "texture": "jobs.textures",
    "train": "jobs.runs",
    "translate": "jobs.translating",
}
"""The module of each public name."""

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
    from drawgen.jobs.classifying import classify as classify
    from drawgen.jobs.diagnosing import diagnose as diagnose
    from drawgen.jobs.films import paint_film as paint_film
    from drawgen.jobs.films import paint_folder as paint_folder
    from drawgen.jobs.illustrating import illustrate as illustrate
    from drawgen.jobs.illustrations import Illustrated as Illustrated
    from drawgen.jobs.inpainting import extend as extend
    from drawgen.jobs.inpainting import inpaint as inpaint
    from drawgen.jobs.labels import Classified as Classified
    from drawgen.jobs.labels import Confusion as Confusion
    from drawgen.jobs.lesion_reports import Lesions as Lesions
    from drawgen.jobs.lesioning import lesions as lesions
    from drawgen.jobs.paintings import paint as paint
    from drawgen.jobs.parse_answers import Parsed as Parsed
    from drawgen.jobs.parsing import parse as parse
    from drawgen.jobs.plots import plot as plot
    from drawgen.jobs.point_answers import Pointed as Pointed
    from drawgen.jobs.pointing import points as points
    from drawgen.jobs.reading import read as read
    from drawgen.jobs.runs import Curve as Curve
    from drawgen.jobs.runs import TrainingRun as TrainingRun
    from drawgen.jobs.runs import train as train
    from drawgen.jobs.texture_collections import labelled_texture as labelled_texture
    from drawgen.jobs.textures import Texture as Texture
    from drawgen.jobs.textures import texture as texture
    from drawgen.jobs.translating import translate as translate
    from drawgen.jobs.translation_answers import Translations as Translations
    from drawgen.strokes.low_poly import LowPoly as LowPoly
    from drawgen.strokes.painting import Painting as Painting
    from drawgen.strokes.plotting import Plot as Plot
else:

    def __getattr__(name: str):
        """A public name, imported on first use (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        globals()[name] = found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})


__all__ = [
    "Captions",
    "Classified",
    "Confusion",
    "Curve",
    "Drawn",
    "Illustrated",
    "Interrupted",
    "Labels",
    "Lesions",
    "LowPoly",
    "Painting",
    "Parsed",
    "Passages",
    "Plot",
    "Pointed",
    "Request",
    "Sample",
    "Texture",
    "Trained",
    "TrainingRun",
    "Translations",
    "__version__",
    "caption",
    "classify",
    "diagnose",
    "extend",
    "illustrate",
    "inpaint",
    "labelled_texture",
    "lesions",
    "load",
    "paint",
    "paint_film",
    "paint_folder",
    "parse",
    "plot",
    "points",
    "read",
    "texture",
    "train",
    "translate",
]
