"""Pictures from a trained model: samples, reconstructions and interpolations."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from drawgen import images, models
from drawgen.contract import Draws, DrawsTextures, Interpolates, Model, Polishes, Redraws, Request, Sample, Writes, generator
from drawgen.devices import device_of
from drawgen.jobs.loading import pictures_for
from drawgen.jobs.memory import refuse_what_does_not_fit
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.saving import check_grid, kinds_for, moves, save
from drawgen.jobs.verbs import that_can
from drawgen.jobs.writing import write
from drawgen.ranges import ArgumentError, check_range
from drawgen.threads import threads

POLISH = 50
"""Default number of steps for polishing a painter's strokes."""


@threads(1)
def draw(source: str, request: Request, *, device: str = "cpu", match: bool = True) -> Sample:
    """Samples of a trained model; `match` matches a texture's histogram to its training picture's."""
    return drawn_by(that_can(models.load(source, device=device), Draws, source), request, match=match)


def drawn_by(model: Draws, request: Request, *, match: bool) -> Sample:
    """The model's sample, on the CPU."""
    sampled = model.sample(request).cpu()
    if not (match and isinstance(model, DrawsTextures)):
        return sampled
    matched = images.match_histogram(sampled.images, model.histogram.cpu())
    return replace(sampled, images=matched, frames=lambda count: model.reveal(matched, count))


def sample(
    source: str,
    out: Path | None = None,
    *,
    n: int = 1,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    temperature: float = 1.0,
    tile: bool = False,
    match: bool = True,
    boxes: bool = False,
    animate: bool = False,
    prime: str | None = None,
    length: int | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    device: str = "cpu",
    force: bool = False,
    reports: Reports = SILENT,
) -> None:
    """Samples `n` pictures from a trained model (a folder or MODEL:NAME) into one file: a grid, or an animation of the drawing
    (always for GIF, APNG and MP4; with `animate` for PNG and WebP). A text model samples `n` texts of `length` symbols that
    continue `prime`; without `out` they are streamed to `reports.writing`. The same seed gives the same file on one machine."""
    request = Request(
        n=n, size=size, seed=seed, temperature=temperature, tile=tile, prime=prime or "", length=1000 if length is None else length,
        top_k=top_k or 0, top_p=1.0 if top_p is None else top_p, progress=reports.drawing,
    )  # fmt: skip
    model = models.load(source, device=device)
    of_pictures = {"size": size is not None, "tile": tile, "boxes": boxes, "animate": animate}
    of_texts = {"prime": prime, "length": length, "top_k": top_k, "top_p": top_p}
    if isinstance(model, Writes):
        if foreign := [name for name, given in of_pictures.items() if given]:
            raise ValueError(f"{source} writes text; leave `{foreign[0]}` out")
        write(model, source, request, out, force=force, reports=reports)
        return
    drawer = that_can(model, Draws, source)
    if foreign := [name for name, value in of_texts.items() if value is not None]:
        raise ValueError(f"{source} draws pictures; leave `{foreign[0]}` out")
    if out is None:
        raise ValueError(f"{source} draws pictures; give `out`, the file to write")
    images.check_output(out, force=force, kinds=kinds_for(animate))
    channels, *extent = model.spec.picture
    height, width = size or extent
    refuse_what_does_not_fit((height, width), channels, n)
    check_grid(out, n, (height, width), boxes=boxes)
    save(out, drawn_by(drawer, request, match=match), boxes=boxes, animate=animate, replace=force)


@threads(1)
def reconstruct(
    source: str,
    paths: list[str],
    out: Path,
    *,
    polish: int | None = None,
    boxes: bool = False,
    animate: bool = False,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
    reports: Reports = SILENT,
) -> None:
    """Reconstructs a user's pictures: the model's input in the upper row, its reconstruction in the lower one; or an animation of
    the drawing, by the same rule as in `sample`. `polish` is the number of steps of gradient descent on a painter's strokes; None
    is `POLISH` for painters with a differentiable brush, and 0 for others."""
    images.check_output(out, force=force, kinds=kinds_for(animate), sources=paths)
    check_range("polish", polish or 0, at_least=0)
    check_range("seed", seed, at_least=0)
    model = models.load(source, device=device)
    check_redraws(model, source, polish)
    check_grid(out, 2 * len(paths), model.spec.picture[1:], boxes=boxes, columns=len(paths))
    seen = pictures_for(model, paths).to(device_of(model))
    drawn = redrawn_by(model, seen, polish=polish, seed=seed, progress=reports.drawing)
    if boxes or moves(out, animate):
        save(out, drawn, boxes=boxes, animate=animate, columns=len(paths), replace=force)
    else:
        images.save_image(out, images.grid(torch.cat([seen, drawn.images]).cpu(), columns=len(paths)), replace=force)


def check_redraws(model: Model, source: str, polish: int | None) -> None:
    """Raises ValueError for a model that cannot reconstruct, or if polishing is requested and impossible."""
    that_can(model, Redraws, source)
    if polish and not isinstance(model, Polishes):
        raise ArgumentError("polish", f"is {polish}, and {source} paints no strokes that have a gradient; leave it out")


def redrawn_by(
    model: Any, seen: Tensor, *, polish: int | None, seed: int, progress: Callable[[float], None] | None = None
) -> Sample:
    """The model's reconstruction of pictures prepared by `pictures_for`."""
    device = device_of(model)
    drawn: Sample = model.reconstruct(seen, rng=generator(seed, device=device))
    steps = POLISH if polish is None else polish
    if steps and isinstance(model, Polishes) and drawn.strokes is not None:
        drawn = model.polish(drawn.strokes, seen, steps, progress=progress)
    return drawn


@threads(1)
def interpolate(source: str, first: str, last: str, out: Path, *, n: int = 9, device: str = "cpu", force: bool = False) -> None:
    """A strip of `n` pictures interpolated between two pictures."""
    images.check_output(out, force=force, kinds=images.STILL, sources=[first, last])
    check_range("n", n, at_least=2)
    model = models.load(source, device=device)
    drawer = that_can(model, Interpolates, source)
    channels, height, width = model.spec.picture
    refuse_what_does_not_fit((height, width), channels, n)
    check_grid(out, n, (height, width), columns=n)
    ends = pictures_for(model, [first, last]).to(device_of(model))
    images.save_image(out, images.strip(drawer.interpolate(ends[0], ends[1], n).images.cpu()), replace=force)
