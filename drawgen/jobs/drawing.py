"""Pictures from a trained model as files: samples, reconstructions and interpolations."""

from collections.abc import Sequence
from pathlib import Path

from drawgen import images
from drawgen.contract import Completes, Draws, Handwrites, Interpolates, InterpolatesLines, Redraws, Request, Writes
from drawgen.jobs.answers import Drawn, check_grid, check_maps, numbered, with_maps
from drawgen.jobs.asking import check_interpolates, check_redraws, load
from drawgen.jobs.loading import line_drawing
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.verbs import kinds_of, that_can
from drawgen.jobs.writing import write
from drawgen.textures.quilting import STRENGTH


def draw(source: str, request: Request, *, device: str = "cpu", match: bool = True) -> Drawn:
    """Pictures from a trained model, in one call: `load(source).draw(request)`."""
    return load(source, device=device).draw(request, match=match)


def sample(
    source: str,
    out: Path | None = None,
    *,
    n: int = 1,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    temperature: float = 1.0,
    tile: bool | str = False,
    even_out: float = 0.0,
    match: bool = True,
    guide: str | None = None,
    guide_strength: float = STRENGTH,
    boxes: bool = False,
    animate: bool = False,
    prime: str | None = None,
    length: int | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    until: str | None = None,
    begin: str | None = None,
    text: str | None = None,
    attention: Path | None = None,
    device: str = "cpu",
    force: bool = False,
    reports: Reports = SILENT,
) -> list[Path]:
    """Samples `n` pictures from a trained model (a folder or MODEL:NAME) into one file: a grid, or an animation of the drawing
    (always for GIF, APNG and MP4; with `animate` for PNG and WebP); `{i}` in its name gives a file per picture, and tiles
    always get one each. The maps of a texture are written beside its colours. A text model samples `n` texts of `length` symbols
    that continue `prime`, each up to `until` if it comes to that; without `out` they are streamed to `reports.writing`. A model of
    a pen completes the drawing of a file, `begin` (SVG, or strokes as JSON). A model of handwriting writes a `text`; `attention` is
    a picture of which character it looks at. The same seed gives the same file on one machine.
    Returns the files."""
    request = Request(
        n=n, size=size, seed=seed, temperature=temperature, tile=tile, even_out=even_out, prime=prime or "",
        guide=None if guide is None else images.load_with_alpha(guide, covering=size)[0], guide_strength=guide_strength,
        length=1000 if length is None else length, top_k=top_k or 0, top_p=1.0 if top_p is None else top_p,
        until=until or "",
        progress=reports.drawing,
    )  # fmt: skip
    trained = load(source, device=device)
    of_pictures = {"size": size is not None, "tile": tile, "even_out": even_out, "guide": guide, "boxes": boxes, "animate": animate,
                   "begin": begin, "text": text, "attention": attention}  # fmt: skip
    of_texts = {"prime": prime, "length": length, "top_k": top_k, "top_p": top_p, "until": until}
    if isinstance(trained.model, Writes):
        if foreign := [name for name, given in of_pictures.items() if given]:
            raise ValueError(f"{source} writes text; leave `{foreign[0]}` out")
        write(trained.model, source, request, out, force=force, reports=reports)
        return [] if out is None else numbered(out, n)
    if isinstance(trained.model, Handwrites) and text is None and begin is None:
        raise ValueError(f"{source} writes texts by hand; give `text`, some words")
    that_can(trained.model, Completes if begin is not None else Draws if text is None else Handwrites, source)
    if attention is not None and text is None:
        raise ValueError(f"`attention` is of handwriting, and {source} writes none; leave it out")
    if foreign := [name for name, value in of_texts.items() if value is not None]:
        instead = "; give its words as `text`" if isinstance(trained.model, Handwrites) and foreign[0] == "prime" else ""
        raise ValueError(f"{source} draws pictures; leave `{foreign[0]}` out{instead}")
    if out is None:
        raise ValueError(f"{source} draws pictures; give `out`, the file to write")
    paths = numbered(out, n, apart=bool(tile))
    for path in paths:
        images.check_output(
            path, force=force, kinds=kinds_of(Draws, animate=animate), sources=[one for one in (guide, begin) if one is not None]
        )
    maps = [one.name for one in trained.spec.maps or ()]
    check_maps(paths, maps, animate=animate, force=force)
    if text is not None:
        if attention is not None:
            images.check_output(attention, force=force)
            if attention in paths:
                raise ValueError(f"`out` and `attention` are both {attention}; name two files")
        drawn = trained.handwritten(text, request)
        check_grid(out, n // len(paths), tuple(drawn.images.shape[2:]), boxes=boxes, columns=drawn.columns)
    else:
        check_grid(out, n // len(paths), size or trained.spec.picture[1:], boxes=boxes)
        drawn = trained.draw(request, match=match) if begin is None else trained.completed(line_drawing(begin), request)
    drawn.write(out, boxes=boxes, animate=animate, apart=bool(tile), replace=force)
    if attention is not None:
        drawn.write_attention(attention, replace=force)
    return [*with_maps(paths, maps), *([] if attention is None else [attention])]


def reconstruct(
    source: str,
    paths: Sequence[str],
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
    """Reconstructs a user's pictures, or a pen's drawings (`Trained.reconstruct`): the model's input in the upper row, its
    reconstruction in the lower one; or an animation of the drawing, by the same rule as in `sample`."""
    images.check_output(out, force=force, kinds=kinds_of(Redraws, animate=animate), sources=paths)
    trained = load(source, device=device)
    check_redraws(trained.model, source, polish)
    check_grid(out, 2 * len(paths), trained.spec.picture[1:], boxes=boxes, columns=len(paths))
    drawn = trained.reconstruct(paths, polish=polish, seed=seed, progress=reports)
    drawn.write(out, boxes=boxes, animate=animate, replace=force)


def interpolate(source: str, first: str, last: str, out: Path, *, n: int = 9, device: str = "cpu", force: bool = False) -> None:
    """A strip of `n` pictures interpolated between two pictures, or two drawings of a pen (`Trained.interpolate`)."""
    images.check_output(out, force=force, kinds=kinds_of(InterpolatesLines), sources=[first, last])
    trained = load(source, device=device)
    if not isinstance(trained.model, InterpolatesLines):
        images.check_output(out, force=force, kinds=kinds_of(Interpolates))
    check_interpolates(trained.model, source, n)
    check_grid(out, n, trained.spec.picture[1:], columns=n)
    trained.interpolate(first, last, n=n).write(out, replace=force)
