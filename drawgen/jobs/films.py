"""Paints films frame by frame, and folders of pictures."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from drawgen import files, films, images
from drawgen.animation import Timed
from drawgen.contract import generator
from drawgen.films import Film
from drawgen.images import ImageError, to_bytes
from drawgen.interrupts import Interrupted, signals
from drawgen.jobs.loading import name_of, on_disk
from drawgen.jobs.paintings import fitted, paint, refuse_what_is_too_large, tell_odd_sides
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.reports import Reports
from drawgen.jobs.texture_collections import names_for
from drawgen.ranges import ArgumentError, check_size, check_whole
from drawgen.strokes import colours
from drawgen.strokes.brushes import BRISTLES, PLAIN, Brush
from drawgen.strokes.moving import MovingPainting
from drawgen.strokes.placing import Style
from drawgen.threads import threads

FILM_PX = 1920
"""A film is written in its own size, up to this many pixels on the longer side."""
GIF_S = 0.02
"""Browsers show frames of a GIF that are to last less for longer."""
PICTURES_ONLY = {"seconds", "triangles", "triangulation", "lines", "pen_mm", "page"}
"""Options of `paint` that a film does not have."""
NAME = "{name}"
"""In the name of an output, stands for the name of a folder's picture."""


class PaintedFilm(NamedTuple):
    """What became of a film."""

    file: Path
    frames: int
    seconds: float
    """How long the film is."""
    laid: int
    """How often all strokes were laid: once, and after each cut."""


def takes(source: str | os.PathLike[str], out: str | os.PathLike[str], *, animate: bool = False) -> bool:
    """Whether a film is painted, frame by frame: a moving picture whose output moves too, or anything that is no picture at all.
    Otherwise the first picture of an animation is painted."""
    kind = films.kind(source)
    return kind == "film" or (kind == "animation" and images.moves(Path(out), animate))


@threads(1)
def paint_film(
    film: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    strokes: int | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    detail_px: int | None = None,
    least_radius: float | None = None,
    opacity: float | None = None,
    palette: str | Sequence[str] | None = None,
    background: str | None = None,
    brush: str | None = None,
    animate: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> PaintedFilm:
    """Paints a film (MP4, MOV, WebM ... with the extra `video`; GIF, APNG, WebP) with brush strokes that move from frame to frame.

    `out` is an MP4, GIF or APNG (with `animate` also .png). Each frame begins with the strokes of the one before; those where
    nothing moved stay as they are. After a cut all strokes are laid again. Frames are read, painted and written one by one. Their
    times are kept; a GIF has at most 50 frames per second. Sound is left out. `size` (height, width) is the film's own by default,
    up to 1920 pixels on the longer side. A `palette` "auto:N" has the colours of the first frame. The `brush` is plain or bristles,
    and a stroke keeps its bristles. The other settings are those of `paint`.

    Raises ImageError (a ValueError) for a film that cannot be read, a ValueError that names an invalid argument, StorageError, and
    Interrupted after Ctrl-C: `out` then holds the frames so far, and plays.

    >>> import drawgen
    >>> from PIL import Image
    >>> first, *others = [Image.new("RGB", (32, 24), colour) for colour in ("teal", "orange", "white")]
    >>> first.save("colours.gif", save_all=True, append_images=others, duration=200)
    >>> drawgen.paint_film("colours.gif", "painted.gif", strokes=3, detail_px=16).frames
    3
    """
    name, file = name_of(film), Path(out)
    if not images.moves(file, animate):
        raise ImageError(
            f"{name} is a film, and {file} is not; choose {', '.join(images.FILMS.values())}, or take a frame out of it"
        )
    if file.suffix.lower() == ".webp":
        raise ImageError(f"{file} would be held in memory as a whole; choose {', '.join(images.FILMS.values())} for a film")
    images.check_output(file, force=force, kinds=images.MOVING, sources=["/dev/stdin" if name == "-" else name])
    settings: dict[str, Any] = {
        "strokes": strokes, "detail_px": detail_px, "least_radius": least_radius, "opacity": opacity,
    }  # fmt: skip
    settings = {setting: value for setting, value in settings.items() if value is not None}
    for setting in {"strokes", "detail_px"} & settings.keys():
        check_whole(setting, settings[setting])
    Style(**settings)
    laid_with = Brush(PLAIN if brush is None else brush, seed)
    if laid_with.name not in (PLAIN, BRISTLES):
        raise ArgumentError("brush", f"is {brush}, whose paint would flicker from frame to frame; take plain or bristles")
    if (background or "").strip().lower() == "none":
        raise ArgumentError("background", "is none, and a film's canvas is not transparent; give a colour, or leave it out")
    if background is not None:
        settings["background"] = colours.parse_colour(background, "background")
    inks = None  # their number, if they are the first frame's
    if palette is not None:
        text = palette if isinstance(palette, str) else ",".join(palette)
        inks = colours.automatic(text)
        if inks is None:
            settings["palette"] = colours.listed(text)
    if size is not None:
        check_size(size)
    enough = max(512, detail_px or 0)
    covering = (enough, enough) if size is None else fitted(size, enough)
    done = PaintedFilm(file, 0, 0.0, 0)
    with (
        hearing(progress) as reports,
        on_disk(film) as kept,
        films.opened(kept, covering=covering, name=name) as source,
        signals() as noted,
    ):
        drawn = size or (source.size if max(source.size) <= FILM_PX else fitted(source.size, FILM_PX))
        images.check_extent(file, *drawn)
        refuse_what_is_too_large(file, drawn, animate)
        tell(source, file, drawn, size, reports)
        tell_odd_sides(drawn, file, reports)

        def frames() -> Iterator[Timed]:
            nonlocal done
            moving = last = None
            numbers = torch.zeros(0, dtype=torch.long)
            moments = films.slower(source.moments, GIF_S) if file.suffix.lower() == ".gif" else source.moments
            for moment in moments:
                image, alpha = moment.image, moment.alpha
                if size is not None:
                    image, alpha = images.middle(image, *size), None if alpha is None else images.middle(alpha, *size)
                if moving is None:
                    if inks is not None:
                        settings["palette"] = colours.inks(image, inks)
                    moving = MovingPainting(Style(**settings), stop=noted, rng=generator(seed))
                painting = moving.next(image, alpha)
                if noted() and done.frames:  # the last one is not finished
                    return
                if painting is not last:
                    numbers = renumbered(numbers, moving.before)
                    last = painting
                    pixels = to_bytes(replace(painting, brush=laid_with, numbers=numbers).draw(*drawn))
                done = PaintedFilm(file, done.frames + 1, done.seconds + moment.seconds, moving.laid)
                yield pixels, moment.seconds
                if reports.drawing is not None:
                    reports.drawing(moment.share)
                if noted():
                    return

        images.save_film(file, frames(), rate=source.rate, replace=force)
        interrupt = noted()
        if source.note:
            reports.say(source.note)
    if interrupt:
        raise Interrupted(interrupt, f"interrupted; {file} is the film so far, {done.seconds:.1f} s long", done)
    return done


def renumbered(numbers: Int64[Tensor, " S"], before: Int64[Tensor, " S2"]) -> Int64[Tensor, " S2"]:
    """The number of each stroke: that of the one that it was `before`, or a new one where that is -1.

    >>> renumbered(torch.tensor([0, 1, 2]), torch.tensor([0, 2, -1, -1]))
    tensor([0, 2, 3, 4])
    """
    new = before < 0
    found = torch.zeros_like(before)
    found[~new] = numbers[before[~new]]
    most = int(numbers.max()) if len(numbers) else -1
    found[new] = torch.arange(most + 1, most + 1 + int(new.sum()))
    return found


def tell(film: Film, out: Path, drawn: tuple[int, int], size: tuple[int, int] | None, reports: Reports) -> None:
    """Reports what becomes of a film's size, sound and rate."""
    if film.sound:
        reports.say(f"{film.name}: its sound is left out")
    if size is None and drawn != film.size:
        reports.say(f"{film.name} is {film.size[1]}x{film.size[0]} pixels; {out} is {drawn[1]}x{drawn[0]}, unless `size` is given")
    if out.suffix.lower() == ".gif" and film.rate > 1.01 / GIF_S:
        reports.say(
            f"{film.name} has {film.rate:.0f} frames per second; a GIF holds {1 / GIF_S:.0f}, and those between are left out"
        )


def for_films(film: str | os.PathLike[str], options: dict[str, Any]) -> dict[str, Any]:
    """The options of `paint` that `paint_film` has. Raises ArgumentError if one of the others is given."""
    for name in PICTURES_ONLY & options.keys():
        if options[name]:
            raise ArgumentError(name, f"is for a picture, and {name_of(film)} is a film; leave it out")
    return {name: value for name, value in options.items() if name not in PICTURES_ONLY}


# ---------------------------------------------------------------- folders


def paint_folder(
    photos: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    animate: bool = False,
    force: bool = False,
    progress: Listener = None,
    **options: Any,
) -> tuple[list[Path], dict[str, str]]:
    """Paints each picture of the folder `photos` into the folder `out`, as NAME.png, or by a form as FOLDER/{name}.svg. `options`
    are those of `paint`. If the form's ending moves, films of the folder are painted as well, frame by frame (`paint_film`).
    Paintings that are there already are left, unless `force` is given, so that a second call goes on where one was interrupted.
    Returns the files of the paintings, and picture -> reason for those that could not be read.

    Raises ImageError for a folder without pictures, ValueError as `paint` does for options, and Interrupted: what is finished then
    stays; the picture that was being painted has no file.

    >>> import drawgen
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> Path("photos").mkdir()
    >>> Image.new("RGB", (32, 24), "teal").save("photos/sea.png")
    >>> drawgen.paint_folder("photos", "painted/{name}.svg", strokes=3, detail_px=16)
    ([PosixPath('painted/sea.svg')], {})
    """
    pattern = Path(out)
    if NAME not in pattern.name:
        if pattern.suffix.lower() in images.kinds_for(False) and not pattern.is_dir():
            raise ImageError(
                f"{pattern} is a file's name, and {photos} is a folder; give a folder, or FOLDER/{NAME}{pattern.suffix}"
            )
        pattern = pattern / f"{NAME}.png"
    folder, ending = pattern.parent, pattern.suffix.lower()
    if ending not in images.kinds_for(animate):
        raise ImageError(f"{pattern} has no known ending; use one of {' '.join(sorted(images.kinds_for(animate)))}")
    moves = images.moves(pattern, animate)
    try:
        found = files.files_in(Path(photos), (*images.PICTURES, *(films.ENDINGS if moves else ())))
    except OSError as error:
        raise ImageError(f"the folder {photos} cannot be read ({files.reason(error)}); change its permissions") from error
    if not found:
        raise ImageError(f"the folder {photos} holds no pictures; put PNG or JPEG files in it")
    if folder.exists() and not folder.is_dir():
        raise ImageError(f"{folder} is a file, and a folder of pictures becomes a folder of paintings; give a folder")
    if folder.exists() and folder.resolve() == Path(photos).resolve():
        raise ImageError(f"{folder} is the folder of the pictures; give another one for the paintings")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"the folder {folder} cannot be made ({files.reason(error)}); choose another") from error
    targets = {path: folder / pattern.name.replace(NAME, name) for path, name in zip(found, names_for(found), strict=True)}
    waiting = {path: target for path, target in targets.items() if force or not target.exists()}
    left_out: dict[str, str] = {}
    with hearing(progress) as reports, signals() as noted:
        if len(waiting) < len(found):
            reports.say(
                f"{len(found) - len(waiting)} of {len(found)} paintings are in {folder} already and are kept (without `force`)"
            )
        for k, (path, target) in enumerate(waiting.items()):
            job: Any = paint_film if takes(path, target, animate=animate) else paint
            own = for_films(path, options) if job is paint_film else options
            part = target.with_name(f".half-{target.name}")  # half a painting would be taken for a whole one
            try:
                job(path, part, animate=animate, force=True, progress=one_of(reports, k, len(waiting)), **own)
                with files.told(target):
                    part.replace(target)
            except ImageError as error:
                left_out[str(path)] = str(error)
                reports.say(f"left out: {error}".replace("`", ""))
            except Interrupted as stop:
                words = f"interrupted; {folder} has {k - len(left_out)} new paintings, and the same command goes on from there"
                raise Interrupted(stop.number, words) from stop
            finally:
                part.unlink(missing_ok=True)
            if noted():
                raise Interrupted(noted(), f"interrupted; the same command goes on from {path.name}")
    return [target for path, target in targets.items() if str(path) not in left_out], left_out


def one_of(reports: Reports, index: int, count: int) -> Reports:
    """Reports of one of several pictures, as one progress over all."""

    def drawing(share: float) -> None:
        if reports.drawing is not None:
            reports.drawing((index + share) / count)

    return replace(reports, drawing=drawing, strokes=lambda told: drawing(told.share))
