"""Pictures from a trained model: of its own, after a person's, and on the way from one to another."""

from pathlib import Path

import torch

from drawgen import checkpoint, images, models
from drawgen.contract import Request, Sample, generator
from drawgen.jobs.loading import NO_PICTURE, device_of, pictures_for, that_can
from drawgen.jobs.memory import refuse_what_does_not_fit
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.saving import check_grid, kinds_for, moves, save
from drawgen.jobs.writing import write
from drawgen.threads import threads

POLISH = 50
"""Steps by which a painter's strokes are improved where nothing else is asked for."""


@threads(1)
def draw(source: str, request: Request, *, device: str = "cpu", match: bool = True) -> Sample:
    """Pictures from a trained model; `match` gives them the histogram that the model remembers, if it does."""
    model = that_can(models.load(source, device=device), "sample", source)
    sampled: Sample = model.sample(request)
    histogram = getattr(model, "histogram", None)
    if match and histogram is not None:
        matched = images.match_histogram(sampled.images.cpu(), histogram.cpu())
        return Sample(matched, lambda count: model.reveal(matched, count))
    frames = sampled.frames
    on_cpu = None if frames is None else lambda count: (frame.cpu() for frame in frames(count))
    strokes = None if sampled.strokes is None else sampled.strokes.cpu()
    return Sample(sampled.images.cpu(), on_cpu, {name: boxes.cpu() for name, boxes in sampled.boxes.items()}, strokes)


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
    """Draws `n` pictures from a trained model (a folder or MODEL:NAME) into one file: a grid, or an animation of how they are
    drawn, for GIF, APNG and MP4 always, and for PNG and WebP with `animate`. A model of text writes `n` texts of `length` symbols
    that go on from `prime`; without `out` they go to `reports.writing` as they come. The same seed gives the same file on one
    machine."""
    if n < 1:
        raise ValueError(f"-n is {n}; it has to be at least 1")
    if not 0 < temperature < 100:
        raise ValueError(f"--temperature is {temperature}; it has to lie above 0 (1 is the model's own) and below 100")
    if seed < 0:
        raise ValueError(f"--seed is {seed}; it has to be at least 0")
    found = checkpoint.read_model(models.resolve(source))
    spec = found.spec
    if spec.vocabulary and spec.image != NO_PICTURE:
        raise ValueError(f"{source} writes captions of pictures, and draws none: drawgen caption PATH --model {source}")
    pictures = {"--size": size is not None, "--tile": tile, "--boxes": boxes, "--animate": animate}
    texts = {"--prime": prime, "--length": length, "--top-k": top_k, "--top-p": top_p}
    if spec.image == NO_PICTURE:
        foreign = [flag for flag, given in pictures.items() if given]
        if foreign:
            raise ValueError(f"{source} writes text; leave {foreign[0]} out")
        request = Request(
            n=n, seed=seed, temperature=temperature, prime=prime or "", length=1000 if length is None else length,
            top_k=top_k or 0, top_p=1.0 if top_p is None else top_p,
        )  # fmt: skip
        write(source, request, out, device=device, force=force, reports=reports)
        return
    foreign = [flag for flag, value in texts.items() if value is not None]
    if foreign:
        raise ValueError(f"{source} draws pictures; leave {foreign[0]} out")
    if out is None:
        raise ValueError(f"{source} draws pictures; give the file to write with --out (or -o)")
    images.check_output(out, force=force, kinds=kinds_for(animate))
    refuse_what_does_not_fit(size or spec.image[1:], spec.image[0], n)
    check_grid(out, n, size or spec.image[1:], boxes=boxes)
    request = Request(n=n, size=size, seed=seed, temperature=temperature, tile=tile, progress=reports.drawing)
    drawn = draw(source, request, device=device, match=match)
    save(out, drawn, boxes=boxes, animate=animate, replace=force)


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
    """A person's pictures, drawn after themselves by a model that can (`draw`): as the model sees them above, its drawing below; or
    an animation of the drawing, as `sample` decides it. `polish` improves a painter's strokes by so many steps of gradient descent
    first; None is `POLISH` where the painter's strokes have a gradient, and else 0."""
    images.check_output(out, force=force, kinds=kinds_for(animate), sources=paths)
    if polish is not None and polish < 0:
        raise ValueError(f"--polish is {polish}; it has to be at least 0")
    model = that_can(models.load(source, device=device), "reconstruct", source)
    if polish and not hasattr(model, "polish"):
        raise ValueError(f"{source} paints no strokes that have a gradient; leave --polish out, or take painter:characters")
    if polish is None:
        polish = POLISH if hasattr(model, "polish") else 0
    check_grid(out, 2 * len(paths), model.spec.image[1:], boxes=boxes, columns=len(paths))
    seen = pictures_for(model, paths).to(device_of(model))
    drawn: Sample = model.reconstruct(seen, rng=generator(seed, device=device_of(model)))
    if polish:
        drawn = model.polish(drawn.strokes, seen, polish, progress=reports.drawing)
    if boxes or moves(out, animate):
        save(out, drawn, boxes=boxes, animate=animate, columns=len(paths), replace=force)
    else:
        images.save_image(out, images.grid(torch.cat([seen, drawn.images]).cpu(), columns=len(paths)), replace=force)


@threads(1)
def interpolate(source: str, first: str, last: str, out: Path, *, n: int = 9, device: str = "cpu", force: bool = False) -> None:
    """A strip of `n` pictures on the way from one to another."""
    images.check_output(out, force=force, kinds=images.STILL, sources=[first, last])
    if n < 2:
        raise ValueError(f"-n is {n}; it has to be at least 2")
    model = that_can(models.load(source, device=device), "interpolate", source)
    check_grid(out, n, model.spec.image[1:], columns=n)
    ends = pictures_for(model, [first, last]).to(device_of(model))
    images.save_image(out, images.strip(model.interpolate(ends[0], ends[1], n).images.cpu()), replace=force)
