"""Reads picture files as tensors in [0, 1], as a browser would show them.

docs/pictures.md lists the formats. Axes: C channels (1 grey, 3 colour), H rows, W columns.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped
from PIL import Image
from torch import Tensor

from drawgen.file_kinds import NotRead, kind_of, refusal
from drawgen.files import open_file
from drawgen.pillow_reading import read_pillow, to_raster
from drawgen.png_reading import read_png
from drawgen.raster import COLOURS, Opened, levels, to_srgb, warn
from drawgen.tiff_reading import read_tiff

MOST_PIXELS = 250_000_000
LONGEST_SIDE = 65_535
MOST_PIPED = 2**30
"""Bytes read from a pipe, at most."""
HEAD = 1024
"""First bytes of a file, which decide its format."""
SPARE = 2
"""While decoding, a picture is reduced to no less than this many times the wanted size."""
ORIENTATION = 0x0112
"""EXIF's tag."""
SLACK = 1e-3
"""By so much floats of an array may leave [0, 1]: they are clipped."""
TGA_ENDINGS = (".tga", ".icb", ".vda", ".vst")


class ImageError(ValueError):
    """A picture that cannot be read or written; the message names the file and the mend."""


# ---------------------------------------------------------------- in


def load_image(
    source: str | os.PathLike[str], *, longest_px: int | None = None, covering: tuple[int, int] | None = None
) -> Float[Tensor, "C H W"]:
    """Reads a picture: a path, or `photo:NAME` for a photograph of scikit-image.

    The result is what browsers show: colours converted to sRGB, rotated by EXIF's orientation, composited over white, and the first
    frame of an animation. A picture with three equal channels is returned as grey (C = 1), all others in colour (C = 3).

    Large pictures can be reduced while decoding, with bounded memory: to a longer side of at most `longest_px` (Lanczos), or,
    faster, to no less than twice the size that covers `covering` (height, width). Oddities of a readable file are logged. Raises
    ImageError.
    """
    image, _ = load_with_alpha(source, longest_px=longest_px, covering=covering)
    return image


def load_with_alpha(
    source: str | os.PathLike[str],
    *,
    longest_px: int | None = None,
    covering: tuple[int, int] | None = None,
    over_white: bool = True,
) -> tuple[Float[Tensor, "C H W"], Float[Tensor, "1 H W"] | None]:
    """The picture as from `load_image`, and its alpha; None for a picture without transparency. Over another `ground` the picture
    is `image + (1 - alpha) * (ground - 1)`. If `over_white` is False, it is the colours of the file, even where none of them shows.
    Raises ImageError."""
    path, name = locate(source)
    with opened(path, name) as picture:
        height, width = picture.shown
        if longest_px is not None:
            factor = max(height, width) // (SPARE * longest_px)
        elif covering is not None:
            factor = min(height // (SPARE * covering[0]), width // (SPARE * covering[1]))
        else:
            factor = 1
        pixels, alpha = to_srgb(picture.decode(max(1, factor)), name, over_white=over_white)
        if picture.note is not None:
            warn(f"{name}: {picture.note}")
    return seen(pixels, alpha, picture.orientation, longest_px, name)


def load_numbers(source: str | os.PathLike[str], *, longest_px: int | None = None) -> tuple[Float[Tensor, "C H W"], Literal[8, 16]]:
    """The numbers of a picture that is no photograph, such as heights or normals, from 0 to 1, and their bits: without colour
    management or transparency. C = 1 for a file of grey or of three equal channels, else 3. A file of 16 bits is never taken as one
    of 12; floats and integers of more bits are scaled as a photograph's, and count as 16 bits.

    A larger one is reduced to `longest_px` as a photograph is (`load_with_alpha`), so that the two stay aligned. Raises
    ImageError."""
    path, name = locate(source)
    with opened(path, name) as picture:
        factor = 1 if longest_px is None else max(picture.shown) // (SPARE * longest_px)
        raster = picture.decode(max(1, factor))
        if raster.model not in ("grey", "rgb"):
            raise NotRead(f"has {raster.model.upper()} colours, which are no numbers of a map; save it as grey or RGB")
        if raster.sixteen and raster.top is None:
            raster.top = 65535.0
        black, span = levels(raster, name)
        pixels: np.ndarray = (raster.pixels[..., : COLOURS[raster.model]].astype(np.float64) - black) / span
    if pixels.shape[2] == 3 and equal(pixels):
        pixels = pixels[..., :1]
    planes = np.ascontiguousarray(pixels.clip(0, 1).astype(np.float32).transpose(2, 0, 1))
    numbers = finished(planes.transpose(1, 2, 0), picture.orientation, longest_px)
    return numbers, 8 if raster.pixels.dtype == np.uint8 else 16


def from_pillow(picture: Image.Image, name: str) -> tuple[Float[Tensor, "C H W"], Float[Tensor, "1 H W"] | None]:
    """A picture that is open in Pillow, as `load_with_alpha` has one of a file: its profile, its orientation and its transparency
    count. `name` is what messages call it. Raises ImageError."""
    check_size((picture.height, picture.width), name)
    try:
        picture.load()
        raster = to_raster(picture, 1)
        raster.encoding = picture.info.get("icc_profile") or None
        pixels, alpha = to_srgb(raster, name)
    except Exception as error:  # a decoder may fail on a damaged file in any way
        raise ImageError(f"{name} cannot be read ({error})") from error
    return seen(pixels, alpha, picture.getexif().get(ORIENTATION, 1), None, name)


def from_array(array: Shaped[np.ndarray, "..."], name: str) -> tuple[Float[Tensor, "C H W"], Float[Tensor, "1 H W"] | None]:
    """An array H W, or H W C of 1, 3 or 4 channels (the last alpha), as `load_with_alpha` has a picture of a file: bytes 0 to 255,
    or floats in [0, 1]. `name` is what messages call it. Raises ImageError."""
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or 0 in pixels.shape:
        raise ImageError(f"{name} has the shape {array.shape}; give H W, or H W C with 1, 3 or 4 channels (a tensor: C H W)")
    check_size(pixels.shape[:2], name)
    if pixels.dtype.kind == "f":
        if not ((pixels >= -SLACK) & (pixels <= 1 + SLACK)).all():
            raise ImageError(f"{name} holds numbers outside of [0, 1], or NaN; floats go from 0 to 1, and bytes (uint8) to 255")
        pixels = pixels.clip(0, 1).astype(np.float32)
    elif pixels.dtype in (np.uint8, np.bool_):
        pixels = pixels / np.float32(255 if pixels.dtype == np.uint8 else 1)
    else:
        raise ImageError(f"{name} holds {pixels.dtype}; give bytes (uint8), or floats from 0 to 1")
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else None
    if alpha is not None:
        pixels = pixels[..., :3] * pixels[..., 3:] + (1 - pixels[..., 3:])
    return seen(pixels, alpha, 1, None, name)


def seen(
    pixels: Float32[np.ndarray, "H W C"],
    alpha: Float32[np.ndarray, "H W"] | None,
    orientation: int,
    longest_px: int | None,
    name: str,
) -> tuple[Float[Tensor, "C2 H2 W2"], Float[Tensor, "1 H2 W2"] | None]:
    """Decoded pixels on white as a picture, grey where they are, and how opaque it is."""
    if pixels.shape[2] == 3 and equal(pixels):
        pixels = pixels[..., :1]
    image = finished(pixels, orientation, longest_px)
    if alpha is None or alpha.min() == 1:
        return image, None
    if alpha.max() == 0:
        warn(f"{name} is wholly transparent; it shows nothing but white")
    return image, finished(alpha[..., None], orientation, longest_px)


def finished(pixels: Float32[np.ndarray, "H W C"], orientation: int, longest_px: int | None) -> Float[Tensor, "C H2 W2"]:
    """The picture reduced and rotated, as C H W."""
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    if longest_px is not None:
        image = shrink(image, longest_px)
    return torch.from_numpy(np.ascontiguousarray(turned(image.permute(1, 2, 0).numpy(), orientation).transpose(2, 0, 1)))


def picture_size(source: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width of a picture as displayed, from its header. Raises ImageError."""
    with opened(*locate(source)) as picture:
        return picture.shown


@contextlib.contextmanager
def opened(path: Path, name: str) -> Iterator[Opened]:
    """The picture in a file, after reading its header and checking its size. Every failure, here or while decoding, becomes an
    ImageError."""
    try:
        with open_file(path) as regular:
            piped = not regular.seekable()
            file = io.BytesIO(regular.read(MOST_PIPED)) if piped else cast(io.BufferedIOBase, regular)
            picture = read(file, path)
            check_size(picture.shown, name)
            yield picture
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist; check the path, or use photo:NAME for a sample photograph") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name} is a folder; give a picture in it") from error
    except PermissionError as error:
        if path.is_dir():
            raise ImageError(f"{name} is a folder; give a picture in it") from error
        raise ImageError(f"{name} may not be read; change its permissions (chmod +r)") from error
    except NotRead as error:
        raise ImageError(f"{name} {error}") from error
    except (ImageError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has too many pixels ({error}); reduce it first") from error
    except Exception as error:  # a decoder may fail on a damaged file in any way: OSError, ValueError, SyntaxError, struct ...
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not a decoder's
            raise ImageError(f"{name} cannot be read ({error.strerror}); check the path") from error
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageError(f"{name} is damaged ({words}); open it in an image editor and save it again") from error


def read(file: io.BufferedIOBase, path: Path) -> Opened:
    """The format, by the first bytes of the file; TGA, which has no signature there, by its ending."""
    head = file.read(HEAD)
    if not head:
        raise NotRead("is empty; save it as PNG or JPEG")
    kind = kind_of(head)
    if kind == "PNG":
        return read_png(file)
    if kind == "TIFF":
        return read_tiff(file)
    if kind is None:
        if path.suffix.lower() not in TGA_ENDINGS and not ends_as_tga(file):
            raise NotRead(refusal(head))
        kind = "TGA"
    return read_pillow(file, kind)


def ends_as_tga(file: io.BufferedIOBase) -> bool:
    file.seek(0, io.SEEK_END)
    file.seek(max(0, file.tell() - 18))
    return file.read() == b"TRUEVISION-XFILE.\0"


def locate(source: str | os.PathLike[str]) -> tuple[Path, str]:
    """The file, and its name in messages."""
    text = os.fspath(source)
    if not text.startswith("photo:"):
        return Path(text), text
    photos = sample_photos()
    if text[6:] not in photos:
        raise ImageError(f"{text} is not a sample photograph; there are {', '.join(sorted(photos))}")
    return photos[text[6:]], text


def sample_photos() -> dict[str, Path]:
    """The photographs in scikit-image's package: name -> file. Nothing is downloaded."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    found = (path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
    return {path.stem: path for path in found}


def check_size(size: tuple[int, int], name: str) -> None:
    """Raises ImageError for a picture that is too large by its header, before pixels are decoded."""
    height, width = size
    if width * height > MOST_PIXELS or max(size) > LONGEST_SIDE:
        raise ImageError(
            f"{name} is {width}x{height} pixels; at most {MOST_PIXELS // 1_000_000} million and {LONGEST_SIDE} a side are read: "
            "reduce it first"
        )


def equal(pixels: Shaped[np.ndarray, "H W 3"]) -> bool:
    """Whether the picture is grey. The first rows are tested first, because they decide most cases."""
    for rows in (pixels[:1], pixels):
        if not (np.array_equal(rows[..., 0], rows[..., 1]) and np.array_equal(rows[..., 0], rows[..., 2])):
            return False
    return True


def turned(pixels: Shaped[np.ndarray, "H W *C"], orientation: int) -> Shaped[np.ndarray, "H2 W2 *C"]:
    """Rotates and flips a picture by EXIF's orientation (1 to 8)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


# ---------------------------------------------------------------- another size


def shrink(image: Float[Tensor, "C H W"], longest_px: int) -> Float[Tensor, "C H2 W2"]:
    """Reduces a picture (Lanczos) so that its longer side is at most `longest_px`; smaller ones are returned unchanged."""
    height, width = image.shape[1:]
    factor = longest_px / max(height, width)
    if factor >= 1:
        return image
    return resize(image, max(1, round(height * factor)), max(1, round(width * factor)))


def resize(image: Float[Tensor, "C H W"], height: int, width: int) -> Float[Tensor, "C H2 W2"]:
    """Resizes by Lanczos."""
    arrays = (np.ascontiguousarray(plane.numpy()) for plane in image)
    planes = [Image.fromarray(array).resize((width, height), Image.Resampling.LANCZOS) for array in arrays]
    return torch.stack([torch.from_numpy(np.array(plane)) for plane in planes]).clamp(0, 1)
