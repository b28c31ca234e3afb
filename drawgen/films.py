"""Reads moving pictures frame by frame: animations (GIF, APNG, WebP) by Pillow, other films (MP4, MOV, WebM ...) by PyAV.

Axes: C channels (1 grey, 3 colour), H rows, W columns. One frame is held at a time, however many there are.
"""

import importlib
import io
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from drawgen import files, images
from drawgen.file_kinds import FILM, kind_of, refusal
from drawgen.image_reading import HEAD, check_size
from drawgen.images import ImageError
from drawgen.pillow_reading import plugin

ENDINGS = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv", ".ts", ".m2ts", ".3gp",
)  # fmt: skip
"""Endings of films, animations left out."""
ANIMATIONS = ("GIF", "PNG", "WEBP")
"""Pillow's names of formats that may move."""
HURRIED_S, SHOWN_S = 0.011, 0.1
"""Browsers show a frame of an animation that is to last up to 10 ms for 100 ms."""
LEAST_S = 0.001
"""A frame lasts at least this long, whatever a film says about its times."""
SPARE = 2
"""A film's frames are reduced to no less than so many times the wanted size, as pictures are."""

Kind = Literal["animation", "film"]


class Moment(NamedTuple):
    """A frame of a film."""

    image: Float[Tensor, "C H W"]
    """As from `images.load_with_alpha`: over white."""
    alpha: Float[Tensor, "1 H W"] | None
    seconds: float
    """For how long it is shown."""
    share: float
    """The fraction of the film up to its end, about; 0 if the film does not say how long it is."""


@dataclass
class Film:
    """A film that is open."""

    name: str
    size: tuple[int, int]
    """Height and width in pixels as shown."""
    rate: float
    """Frames per second, about."""
    sound: bool
    moments: Iterator[Moment]
    """To be walked once."""
    note: str = ""
    """After the last moment: what was wrong with the film, if anything."""


def kind(source: str | os.PathLike[str]) -> Kind | None:
    """What moves in a file: an animation of more than one picture, a film, or None for all else, also for what cannot be read. A
    file with a film's ending is a film, whatever is in it."""
    path = Path(source)
    if not files.is_file(path):  # a look into a pipe takes from it
        return None
    try:
        head = files.first_bytes(path, HEAD)
    except (OSError, ValueError):
        return None
    found = kind_of(head)
    if found is None:
        return "film" if refusal(head) == FILM or path.suffix.lower() in ENDINGS else None
    if found not in ANIMATIONS:
        return None
    try:
        with files.open_file(path) as file, animation(cast(io.BufferedIOBase, file), found) as picture:
            return "animation" if getattr(picture, "is_animated", False) else None
    except Exception:  # a decoder may fail on a damaged file in any way; the reader of pictures says how
        return None


@contextmanager
def opened(source: str | os.PathLike[str], *, covering: tuple[int, int], name: str | None = None) -> Iterator[Film]:
    """A film whose frames may be reduced to no less than twice what covers a size (height, width); messages call it by its file's
    `name`, or another. Raises ImageError for a file that is no film, has no frames, or is damaged before its first."""
    name = os.fspath(source) if name is None else name
    try:
        with files.open_file(Path(source)) as regular:
            file = cast(io.BufferedIOBase, regular)
            if (found := kind_of(file.read(HEAD))) in ANIMATIONS:
                file.seek(0)
                with animation(file, found) as picture:
                    yield of_animation(picture, name)
            else:
                file.seek(0)
                yield from of_film(file, name, covering)
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist; check the path") from error
    except OSError as error:
        if error.errno is None:
            raise damaged(name, error) from error
        raise ImageError(f"{name} cannot be read ({files.reason(error)}); check the path") from error


def damaged(name: str, error: Exception) -> ImageError:
    words = getattr(error, "strerror", None) or (str(error).splitlines()[0] if str(error) else type(error).__name__)
    return ImageError(f"{name} is damaged, or no film that can be read ({words}); save it again as MP4 (H.264), GIF or APNG")


def slower(moments: Iterable[Moment], least_s: float) -> Iterator[Moment]:
    """The film with frames of at least `least_s`: those that begin too early are left out, and those before them last longer."""
    held: Moment | None = None
    for moment in moments:
        if held is None:
            held = moment
        elif held.seconds >= least_s - 1e-6:
            yield held
            held = moment
        else:
            held = held._replace(seconds=held.seconds + moment.seconds, share=moment.share)
    if held is not None:
        yield held


# ---------------------------------------------------------------- animations


def animation(file: io.BufferedIOBase, kind: str) -> Image.Image:
    """Opened by Pillow."""
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "PNG":
            return importlib.import_module("PIL.PngImagePlugin").PngImageFile(file, "")
        return plugin(kind)(file, "")


def of_animation(picture: Image.Image, name: str) -> Film:
    check_size((picture.height, picture.width), name)
    film = Film(name, (picture.height, picture.width), 0.0, False, iter(()))
    count = getattr(picture, "n_frames", 1)

    def moments() -> Iterator[Moment]:
        for number in range(count):
            try:
                picture.seek(number)
                image, alpha = images.from_pillow(picture, name)
            except (EOFError, OSError, SyntaxError, ValueError) as error:
                if number == 0:
                    raise error if isinstance(error, ImageError) else damaged(name, error) from error
                film.note = f"{name} is damaged after {number} of {count} frames; the others are left out"
                return
            seconds = float(picture.info.get("duration", 0)) / 1000
            yield Moment(image, alpha, seconds if seconds >= HURRIED_S else SHOWN_S, (number + 1) / count)

    film.rate = 1 / max(float(picture.info.get("duration", 0)) / 1000, HURRIED_S)
    film.moments = moments()
    return film


# ---------------------------------------------------------------- films


def of_film(file: io.BufferedIOBase, name: str, covering: tuple[int, int]) -> Iterator[Film]:
    """One film. Raises ImageError."""
    try:
        import av
    except ImportError as error:
        raise ImageError(
            f"{name} is a film, and reading it needs the extra `video`: pip install 'drawgen[video]', or save it as GIF or APNG"
        ) from error
    if not file.read(1):
        raise ImageError(f"{name} is empty; nothing is in it")
    file.seek(0)
    try:
        container = av.open(file, "r")
    except (av.FFmpegError, ValueError) as error:
        raise damaged(name, error) from error
    with container:
        if not container.streams.video:
            raise ImageError(f"{name} has no pictures in it; give a film")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        decoded = frames(av, container)
        film = Film(name, (0, 0), rate, bool(container.streams.audio), iter(()))
        first = next(decoded, None)
        if isinstance(first, Exception):
            raise damaged(name, first) from first
        if first is None:
            raise ImageError(f"{name} has no frames; give a film with pictures in it")
        length = float(container.duration / av.time_base) if container.duration else 0.0
        tall, wide = size_of(first, stream)
        check_size((tall, wide), name)
        film.size = (wide, tall) if first.rotation % 180 else (tall, wide)
        factor = max(1, min(film.size[0] // (SPARE * covering[0]), film.size[1] // (SPARE * covering[1])))
        reduced = max(1, round(tall / factor)), max(1, round(wide / factor))
        film.moments = moments_of(film, first, decoded, reduced, length)
        yield film


def frames(av: Any, container: Any) -> Iterator[Any]:
    """PyAV's frames; an error ends them, and is the last."""
    try:
        yield from container.decode(video=0)
    except (av.FFmpegError, ValueError) as error:
        yield error


def moments_of(film: Film, first: Any, decoded: Iterator[Any], size: tuple[int, int], length: float) -> Iterator[Moment]:
    """Frames are shown until the next begins."""
    shown, number, usual = first, 1, 1 / film.rate
    begun = shown.time if shown.time is not None else 0.0
    start = begun
    while shown is not None:
        later = next(decoded, None)
        if isinstance(later, Exception):
            film.note = f"{film.name} is damaged after {number} frames; what follows is left out"
            later = None
        usual_end = begun + (float(shown.duration * shown.time_base) if shown.duration else usual)
        end = usual_end if later is None or later.time is None else later.time
        seconds = max(LEAST_S, end - begun)
        image = as_tensor(shown, size)
        yield Moment(image, None, seconds, min(1.0, (begun + seconds - start) / length) if length else 0.0)
        begun, shown, number = begun + seconds, later, number + 1
    if not film.note and length - (begun - start) > 0.1 * length + 1:
        film.note = f"{film.name} says that it is {length:.1f} s long, and its frames end after {begun - start:.1f} s"


def size_of(frame: Any, stream: Any) -> tuple[int, int]:
    """Height and width with square pixels, before any rotation."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return frame.height, max(1, round(frame.width * float(aspect if aspect > 0 else 1)))


def as_tensor(frame: Any, size: tuple[int, int]) -> Float[Tensor, "C H W"]:
    """A frame of PyAV at a size (height, width), rotated as it is to be shown."""
    height, width = size
    pixels = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    pixels = np.rot90(pixels, round(frame.rotation / 90) % 4)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255
