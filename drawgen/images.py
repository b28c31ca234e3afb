"""Input and output of pictures: files become tensors in [0, 1], and samples become files.

Axes: B pictures, C channels (1 grey, 3 colour), H rows, W columns.
"""

import base64
import io
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from drawgen import animation
from drawgen.contract import Sample
from drawgen.file_kinds import PICTURES as PICTURES
from drawgen.files import check_output_path, growing, told, write_output
from drawgen.image_reading import LONGEST_SIDE
from drawgen.image_reading import ImageError as ImageError
from drawgen.image_reading import from_array as from_array
from drawgen.image_reading import from_pillow as from_pillow
from drawgen.image_reading import load_image as load_image
from drawgen.image_reading import load_numbers as load_numbers
from drawgen.image_reading import load_with_alpha as load_with_alpha
from drawgen.image_reading import picture_size as picture_size
from drawgen.image_reading import resize as resize
from drawgen.image_reading import sample_photos as sample_photos
from drawgen.image_reading import shrink as shrink
from drawgen.ranges import ArgumentError

STILL = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}
MOVING = {".gif": "GIF", ".apng": "PNG", ".png": "PNG", ".webp": "WEBP", ".mp4": "MP4"}
"""An ending that may be either (PNG, WebP) is a still picture unless an animation is requested."""
FILMS = {"MP4": ".mp4", "GIF": ".gif", "PNG": ".apng"}
"""Formats that are written frame by frame, and their endings."""
VECTOR = (".svg", ".json")
"""Endings of files that hold strokes."""
MOST_PX = {"WEBP": 16_383, "JPEG": 65_500, "GIF": 65_535}
"""Largest side of a format, in pixels."""
BOX_SCALE = 6
"""Enlargement of pictures with windows drawn on them."""


def parse_size(text: str) -> tuple[int, int]:
    """`WxH` as (height, width). Raises ArgumentError."""
    match = re.fullmatch(r"\s*(-?\d{1,9})\s*[xX×]\s*(-?\d{1,9})\s*", text)
    if match is None:
        raise ArgumentError("size", f"is {text!r}; give width and height in pixels, as 512x512")
    width, height = int(match[1]), int(match[2])
    if width < 1 or height < 1:
        raise ArgumentError("size", f"is {text!r}; width and height have to be at least 1 pixel")
    if max(width, height) > LONGEST_SIDE:
        raise ArgumentError("size", f"is {text!r}; a side has at most {LONGEST_SIDE} pixels")
    return height, width


# ---------------------------------------------------------------- arrangement


def to_bytes(image: Float[Tensor, "C H W"]) -> UInt8[np.ndarray, "..."]:
    """H W or H W 3, 0 to 255, rounded."""
    array = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return array[..., 0] if array.shape[2] == 1 else array


def grid(images: Float[Tensor, "B C H W"], *, columns: int | None = None, gap_px: int = 2) -> Float[Tensor, "C H2 W2"]:
    """A grid of pictures, row by row, as square as possible; a single picture is returned unchanged."""
    n, channels, height, width = images.shape
    if n == 1:
        return images[0]
    columns = grid_columns(n, height, width, columns)
    sheet = torch.ones(channels, *grid_size(n, height, width, columns=columns, gap_px=gap_px))
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap_px), index % columns * (width + gap_px)
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def grid_columns(n: int, height: int, width: int, columns: int | None) -> int:
    return max(1, min(columns or round((n * height / width) ** 0.5), n))


def grid_size(n: int, height: int, width: int, *, columns: int | None = None, gap_px: int = 2) -> tuple[int, int]:
    """Height and width of a grid of `n` pictures."""
    columns = grid_columns(n, height, width, columns)
    rows = -(-n // columns)
    return rows * (height + gap_px) - gap_px, columns * (width + gap_px) - gap_px


def strip(images: Float[Tensor, "B C H W"], *, gap_px: int = 2) -> Float[Tensor, "C H W2"]:
    """Pictures side by side."""
    return grid(images, columns=len(images), gap_px=gap_px)


def fit_to(image: Float[Tensor, "C H W"], shape: tuple[int, int, int]) -> Float[Tensor, "C2 H2 W2"]:
    """A user's picture in a model's shape: converted to grey or colour, cropped at the centre to the aspect ratio, and resized."""
    channels, height, width = shape
    image = image.expand(3, -1, -1) if channels == 3 else grey(image)
    return resize(middle(image, height, width), height, width)


def middle(image: Float[Tensor, "C H W"], height: int, width: int) -> Float[Tensor, "C H2 W2"]:
    """The largest central part of a picture with the aspect ratio of a size."""
    factor = min(image.shape[1] / height, image.shape[2] / width)
    tall, wide = max(1, round(height * factor)), max(1, round(width * factor))
    top, left = (image.shape[1] - tall) // 2, (image.shape[2] - wide) // 2
    return image[:, top : top + tall, left : left + wide]


def grey(image: Float[Tensor, "C H W"]) -> Float[Tensor, "1 H W"]:
    """Luma by ITU-R 601, as Pillow has it."""
    if len(image) == 1:
        return image
    weights = torch.tensor([0.299, 0.587, 0.114])
    return (image * weights[:, None, None]).sum(0, keepdim=True)


def boxed(sample: Sample, *, scale: int = BOX_SCALE) -> Iterator[Float[Tensor, "B 3 H2 W2"]]:
    """The stages of a drawing, enlarged, with the windows of each step: read green, write red, what is read
    around at half the resolution orange."""
    colours = {"read": (0.2, 0.9, 0.3), "write": (1.0, 0.25, 0.2), "around": (0.9, 0.6, 0.1)}
    if sample.frames is None or not sample.boxes:
        raise ImageError("this model has no windows to draw; leave `boxes` out")
    steps = len(next(iter(sample.boxes.values())))
    for t, canvases in enumerate(sample.frames(steps)):
        large = canvases.expand(-1, 3, -1, -1).repeat_interleave(scale, 2).repeat_interleave(scale, 3).clone()
        for name, boxes in sample.boxes.items():
            for picture, box in zip(large, boxes[t], strict=True):
                left, top, right, bottom = (round(float(edge) * scale) for edge in box)
                outline(picture, left, top, right, bottom, colours[name], thick_px=max(1, scale // 4))
        yield large


def outline(
    picture: Float[Tensor, "3 H W"], left: int, top: int, right: int, bottom: int, colour: tuple[float, ...], thick_px: int
) -> None:
    """Draws the outline of a rectangle into the picture, clipped at its edges."""
    height, width = picture.shape[1:]
    paint = torch.tensor(colour)[:, None, None]
    t = thick_px
    edges = [
        (left, top, right, top + t),
        (left, bottom - t, right, bottom),
        (left, top, left + t, bottom),
        (right - t, top, right, bottom),
    ]
    for x0, y0, x1, y1 in edges:
        rows, columns = slice(max(0, y0), min(height, max(0, y1))), slice(max(0, x0), min(width, max(0, x1)))
        picture[:, rows, columns] = paint


def kinds_for(animate: bool) -> tuple[str, ...]:
    """The endings that can be written, where an animation is asked for or left to the ending."""
    return tuple(MOVING) if animate else (*STILL, *MOVING, *VECTOR)


def moves(path: Path, animate: bool) -> bool:
    """Whether the file becomes an animation: where it is asked for, and where the ending can be nothing else."""
    return path.suffix.lower() not in VECTOR and (animate or path.suffix.lower() not in STILL)


def check_output(
    path: Path,
    *,
    force: bool = False,
    kinds: Iterable[str] = (*STILL, *MOVING),
    sources: Iterable[str | os.PathLike[str]] = (),
) -> None:
    """Raises ImageError, before any work is done, for an output that cannot be written, exists (unless `force`) or is one of the
    `sources`."""
    known = sorted(set(kinds))
    if path.suffix.lower() not in known:
        what = "cannot hold this" if path.suffix.lower() in (*STILL, *MOVING) else "has no known ending"
        raise ImageError(f"{path} {what}; use one of {' '.join(known)}")
    if path.suffix.lower() == ".mp4":
        require_av()
    try:
        check_output_path(path, force=force, sources=sources)
    except ValueError as error:
        raise ImageError(str(error)) from error


def check_extent(path: Path, height: int, width: int) -> None:
    """Raises ImageError, before drawing, for a picture that is too large for the file's format."""
    kind = (STILL | MOVING).get(path.suffix.lower(), "")
    most = MOST_PX.get(kind, max(height, width))
    if max(height, width) > most:
        raise ImageError(
            f"{path} would have {width}x{height} pixels and {kind} holds {most} a side; choose another ending, as .png"
        )


def save_image(path: Path, image: Float[Tensor, "C H W"], *, replace: bool = True) -> None:
    """Writes one picture atomically; without `replace` an existing file is kept. Raises ImageError for an unknown ending,
    StorageError for a full disk."""
    write_output(path, encoded(path, image), replace=replace)


def encoded(path: Path, image: Float[Tensor, "C H W"]) -> bytes:
    """The bytes of a picture's file, by its ending. Raises ImageError for an unknown one."""
    kind = STILL.get(path.suffix.lower())
    if kind is None:
        raise ImageError(f"{path} has no known ending; use one of {' '.join(sorted(STILL))}")
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    return encode(path, Image.fromarray(to_bytes(image)), kind, **options)


def png(image: Float[Tensor, "C H W"], *, bits: int = 8) -> bytes:
    """A picture (1, 3 or, with alpha, 4 channels) as the bytes of a PNG file, with 8 or 16 bits per channel."""
    if bits == 8:
        return encode(Path("picture.png"), Image.fromarray(to_bytes(image)), "PNG")
    # Pillow writes no colours of 16 bits.
    channels, height, width = image.shape
    exact = image.detach().cpu().double().clamp(0, 1)
    numbers = (exact * 65535).round().permute(1, 2, 0).numpy().astype(">u2")
    raw = np.ascontiguousarray(numbers).view(np.uint8).reshape(height, -1)
    rows = np.full((height, 1 + raw.shape[1]), 2, np.uint8)  # filter 2: differences from the row above
    rows[:, 1:] = raw - np.concatenate([np.zeros_like(raw[:1]), raw[:-1]])
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return animation.PNG + b"".join(animation.chunk(name, data) for name, data in parts)


def encode(path: Path, picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Encodes the picture in a format. Raises ImageError if the format cannot hold it."""
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format=kind, **options)
    except (OSError, ValueError, OverflowError) as error:
        raise ImageError(f"{path} cannot be written as {kind} ({error}); choose another ending, as .png") from error
    return buffer.getvalue()


def save_animation(
    path: Path,
    frames: Iterable[Float[Tensor, "C H W"]],
    *,
    count: int | None = None,
    seconds: float = 4.0,
    hold: float = 1.0,
    replace: bool = True,
) -> None:
    """Writes an animation (GIF, APNG, WebP, or MP4 with the `video` extra) of `seconds`; the last frame stays for `hold` more.
    Frames are encoded one by one, except for WebP, and for MP4 without `count`, where all frames are held as bytes. `replace` and
    errors are those of `save_image`."""
    kind = MOVING.get(path.suffix.lower())
    if kind is None:
        raise ImageError(f"{path} has no known ending for an animation; use one of {' '.join(sorted(MOVING))}")
    arrays: Iterator[animation.Frame] = (to_bytes(frame) for frame in frames)
    try:
        if kind == "GIF":
            data = animation.gif(arrays, seconds, hold)
        elif kind == "PNG":
            data = animation.apng(arrays, seconds, hold)
        elif kind == "MP4":
            if count is None:
                held = list(arrays)
                arrays, count = iter(held), len(held)
            data = animation.mp4(require_av(), arrays, animation.each_ms(seconds, count), hold)
        else:
            data = webp(path, arrays, seconds, hold)
    except (struct.error, animation.Unencodable) as error:
        raise ImageError(f"{path} cannot be written as {kind} ({error}); choose another ending, as .png") from error
    write_output(path, data, replace=replace)


def save_film(path: Path, frames: Iterable[animation.Timed], *, rate: float, replace: bool = True) -> None:
    """Writes a film (GIF, APNG, or MP4 with the `video` extra) of frames (bytes, `to_bytes`) that have a time in seconds each.
    Each is written before the next but one is asked for. `rate` is their usual number per second. `replace` and errors are those of
    `save_image`; if the frames end with an exception, no file is written."""
    kind = MOVING.get(path.suffix.lower())
    if kind not in FILMS:
        raise ImageError(f"{path} cannot be written frame by frame; use one of {' '.join(FILMS.values())}")
    with growing(path, replace=replace) as temporary:
        try:
            if kind == "MP4":
                animation.film_mp4(require_av(), temporary, frames, rate)
                return
            with told(path), open(temporary, "wb") as file:
                (animation.film_gif if kind == "GIF" else animation.film_apng)(file, frames)
        except (struct.error, animation.Unencodable) as error:
            raise ImageError(f"{path} cannot be written as {kind} ({error}); choose another ending, as .apng") from error


class Animation(NamedTuple):
    """An animation that a notebook plays."""

    gif: bytes

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/gif": base64.b64encode(self.gif).decode()}

    def __repr__(self) -> str:
        return f"an animation of {len(self.gif)} bytes"


def animated(frames: Iterable[Float[Tensor, "C H W"]], *, seconds: float = 4.0, hold: float = 1.0) -> Animation:
    """Frames as an animation; see `save_animation`."""
    return Animation(animation.gif((to_bytes(frame) for frame in frames), seconds, hold))


def webp(path: Path, arrays: Iterable[animation.Frame], seconds: float, hold: float) -> bytes:
    """Lossless WebP; Pillow holds all frames in memory."""
    pictures = [Image.fromarray(array) for array in arrays]
    each = animation.each_ms(seconds, len(pictures))
    times = [each] * (len(pictures) - 1) + [each + round(1000 * hold)]
    return encode(path, pictures[0], "WEBP", lossless=True, save_all=True, append_images=pictures[1:], duration=times, loop=0)


def require_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ImageError("MP4 needs the extra `video`: pip install 'drawgen[video]', or choose .gif, .apng or .webp") from error
    return av
