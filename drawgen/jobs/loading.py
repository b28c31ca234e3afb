"""Opens a user's pictures, and prepares them for a trained model."""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from drawgen import file_kinds, files, images
from drawgen.contract import PenDrawing, SizesInk, TakesInk
from drawgen.ink import ink
from drawgen.strokes import pen_lines

Picture: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor
"""A file, photo:NAME, a picture of Pillow's, an array (H W or H W C, bytes or floats in [0, 1]), or a tensor (C H W or H W)."""
AnyPicture = TypeVar("AnyPicture", bound=Picture)
Pictures: TypeAlias = Picture | Sequence[Picture]
"""One picture, several of them in a list, or as an array B H W C or a tensor B C H W."""

LineDrawing: TypeAlias = str | os.PathLike[str] | PenDrawing | Sequence[np.ndarray]
"""A drawing of a pen: a file (SVG, or strokes as JSON), a `PenDrawing`, or its lines, each an array of points x, y (N 2)."""

LARGEST = 1 << 30
"""Bytes read from standard input, at most."""


class Kept(str):
    """The name of a temporary file, which messages call by the name of what it was read from."""

    __slots__ = ("origin",)
    origin: str


MOST_DRAWN = 1024
"""Pixels per side that suffice for a model's picture and for segmenting the ink; larger photographs are reduced while reading."""


def several(pictures: Pictures) -> list[Picture]:
    """As a list. Raises ValueError for none."""
    one = isinstance(pictures, (str, os.PathLike, Image.Image)) or (
        isinstance(pictures, (np.ndarray, Tensor)) and pictures.ndim < 4
    )
    found: list[Picture] = [pictures] if one else list(pictures)  # type: ignore[list-item, arg-type]
    if not found:
        raise ValueError("no pictures are given; name one or more")
    return found


def name_of(picture: Picture, number: int = 1) -> str:
    """The name of a picture; without a file, its number, from 1 on."""
    if isinstance(picture, Kept):
        return picture.origin
    return os.fspath(picture) if isinstance(picture, (str, os.PathLike)) else f"picture {number}"


def opened(
    picture: Picture, name: str, *, covering: tuple[int, int] | None = None
) -> tuple[Float[Tensor, "C H W"], Float[Tensor, "1 H W"] | None]:
    """A picture and its alpha, as from `images.load_with_alpha`. Raises ImageError."""
    if isinstance(picture, Image.Image):
        return images.from_pillow(picture, name)
    if isinstance(picture, Tensor):
        array = picture.detach().cpu()
        array = array.float() if array.is_floating_point() else array
        return images.from_array(array.numpy() if array.ndim == 2 else array.movedim(0, -1).numpy(), name)
    if isinstance(picture, np.ndarray):
        return images.from_array(picture, name)
    if isinstance(picture, (str, os.PathLike)):
        return images.load_with_alpha(picture, covering=covering)
    raise images.ImageError(f"{name} is a {type(picture).__name__}; give a file, photo:NAME, a picture, an array or a tensor")


@contextmanager
def as_file(picture: Picture) -> Iterator[str]:
    """The name of a picture's file; for a picture without a file, a temporary one. Errors use the picture's own name."""
    if isinstance(picture, (str, os.PathLike)):
        yield os.fspath(picture)
        return
    image, alpha = opened(picture, name_of(picture))
    if alpha is not None:
        image = torch.cat([((image.expand(3, -1, -1) + alpha - 1) / alpha.clamp(min=1 / 255)).clamp(0, 1), alpha])
    with tempfile.TemporaryDirectory(prefix="drawgen-") as folder:
        file = Path(folder) / "picture.png"
        images.save_image(file, image)
        try:
            yield str(file)
        except images.ImageError as error:
            raise images.ImageError(str(error).replace(str(file), name_of(picture))) from error


def pictures_for(model: Any, pictures: Sequence[Picture]) -> Float[Tensor, "B C H W"]:
    """A user's pictures as inputs of a model. For a model of ink, the ink is segmented and centred; for others, each picture is
    cropped at its centre and resized. A picture of the model's size is used unchanged. Raises ImageError."""
    channels, height, width = model.spec.picture
    takes_ink = isinstance(model, TakesInk) and model.ink
    binary = isinstance(model, TakesInk) and model.binary
    ready = []
    for number, picture in enumerate(pictures, 1):
        name = name_of(picture, number)
        image, alpha = opened(picture, name, covering=(MOST_DRAWN, MOST_DRAWN))
        own = image.shape[1:] == (height, width)
        if own and binary:
            ready.append((images.grey(image) > 0.5).float())
        elif own or not takes_ink:
            ready.append(images.fit_to(image, (channels, height, width)))
        else:
            try:
                several = {"letter_px": model.letter_px, "border": 0.06} if isinstance(model, SizesInk) else {}
                ready.append(ink(image, height, width, alpha=alpha, shades=not binary, **several))
            except images.ImageError as error:
                raise images.ImageError(f"{name}: {error}") from error
    return torch.stack(ready)


@contextmanager
def on_disk(given: AnyPicture) -> Iterator[AnyPicture | str]:
    """The photograph, or for standard input a temporary file with its content. Errors name the original."""
    photo = name_of(given)
    if isinstance(given, Kept) or not re.fullmatch(r"-|/dev/stdin|(/dev|/proc/self)/fd/\d+", photo):
        yield given
        return
    try:
        data = files.read_standard_input(LARGEST) if photo == "-" else files.read_bytes(Path(photo), LARGEST)
    except OSError as error:
        raise images.ImageError(f"{photo} cannot be read ({files.reason(error)}); give a file") from error
    if not data:
        raise images.ImageError(f"{photo} is empty; nothing came from there")
    with tempfile.TemporaryDirectory(prefix="drawgen-") as folder:
        file = Kept(Path(folder) / "input")
        file.origin = photo
        Path(file).write_bytes(data)
        try:
            yield file
        except images.ImageError as error:
            raise images.ImageError(str(error).replace(file, photo)) from error


def line_drawing(drawing: LineDrawing, name: str = "the drawing") -> PenDrawing:
    """A drawing of a pen. Lines without a page have one on which they are a finished drawing. Raises ImageError."""
    if isinstance(drawing, PenDrawing):
        return drawing._replace(lines=pen_lines.checked(drawing.lines, name))
    if isinstance(drawing, (str, os.PathLike)):
        name = os.fspath(drawing)
        if Path(name).suffix.lower() in file_kinds.PICTURES or name.startswith("photo:"):
            raise images.ImageError(f"{name} is a picture, and lines are wanted: give an SVG, or strokes as JSON")
        with on_disk(drawing) as file:
            path = Path(str(file))
            return pen_lines.json_drawing(path) if holds_strokes(str(path)) else pen_lines.svg_drawing(path)
    lines = pen_lines.checked(drawing, name)
    return PenDrawing(lines, pen_lines.page_around(lines))


def line_drawings(drawings: Any) -> list[PenDrawing]:
    """One drawing of a pen that is a file or a `PenDrawing`, or several of any kind in a list. Raises ImageError."""
    given = [drawings] if isinstance(drawings, (str, os.PathLike, PenDrawing)) else list(drawings)
    if not given:
        raise ValueError("no drawings are given; name one or more")
    return [line_drawing(drawing, f"drawing {number}") for number, drawing in enumerate(given, 1)]


def holds_strokes(file: str) -> bool:
    """Whether a file holds strokes, by its ending or by its first byte: no picture begins with a brace."""
    if file.lower().endswith(".json"):
        return True
    try:
        return not file.startswith("photo:") and files.first_bytes(Path(file), 256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError:
        return False  # the reader reports why
