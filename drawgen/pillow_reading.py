"""Formats that Pillow reads well: JPEG (reduced while decoding), WebP, GIF, BMP, TGA, AVIF, JPEG 2000 and more.

Axes: H rows, W columns, C channels.
"""

import importlib
import io
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image

from drawgen.file_kinds import NotRead
from drawgen.raster import Model, Opened, Raster, as_array, gather
from drawgen.tiff_tags import orientation

PLUGINS = {
    "JPEG": "Jpeg", "WEBP": "WebP", "GIF": "Gif", "BMP": "Bmp", "TGA": "Tga", "AVIF": "Avif", "JPEG2000": "Jpeg2K", "ICO": "Ico",
    "PCX": "Pcx", "QOI": "Qoi", "PPM": "Ppm",
}  # fmt: skip
UNUSED_ALPHA = ("BMP", "TGA", "ICO")
"""Formats whose fourth byte is often 0 for all pixels, and then is not an alpha."""
MOST_MISSING = 1 / 16
"""Fraction of its rows that a JPEG may lack at its end."""


def plugin(kind: str) -> Callable[..., Image.Image]:
    """Pillow's reader of a format. `Image.open` is not used, because its limit of pixels is global; ours is in `image_reading`."""
    module = importlib.import_module(f"PIL.{PLUGINS[kind]}ImagePlugin")
    if kind == "JPEG":
        return module.JpegImageFile  # the first picture of a stereo file (MPO)
    return Image.OPEN[kind][0]


def read_pillow(file: io.BufferedIOBase, kind: str) -> Opened:
    """Raises any error of Pillow's decoder."""
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what stands beside the pixels
        picture = plugin(kind)(file, "")
    opened = Opened(picture.height, picture.width, lambda factor: decode(picture, file, kind, factor, opened))
    opened.orientation = orientation(picture.info.get("exif") or b"")
    return opened


def decode(picture: Image.Image, file: io.BufferedIOBase, kind: str, factor: int, opened: Opened) -> Raster:
    """Raises NotRead for a truncated file, and any error of Pillow's decoder."""
    profile = picture.info.get("icc_profile") or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "JPEG":
            picture, factor = load_jpeg(picture, file, factor, opened)
        else:
            picture.load()
    raster = to_raster(picture, factor, unused=kind in UNUSED_ALPHA)
    raster.encoding = profile
    if kind == "PPM" and picture.mode == "I":
        raster.top, raster.model = 65535.0, "grey"
    return raster


# ---------------------------------------------------------------- JPEG


def load_jpeg(picture: Image.Image, file: io.BufferedIOBase, factor: int, opened: Opened) -> tuple[Image.Image, int]:
    """Decodes at a half, a quarter or an eighth of the size on request, and returns the remaining factor. A file without its end is
    read, as in browsers, if little is missing. Raises NotRead if more is missing."""
    scale = max(scale for scale in (1, 2, 4, 8) if scale <= factor)
    size = max(1, picture.width // scale), max(1, picture.height // scale)
    if scale > 1:
        picture.draft(None, size)
    try:
        picture.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
    else:
        return picture, factor // scale
    file.seek(0)
    data = file.read() + b"\xff\xd9"
    picture = plugin("JPEG")(io.BytesIO(data), "")
    if scale > 1:
        picture.draft(None, size)
    picture.load()
    lines = as_array(picture)
    grey = np.asarray((np.abs(lines.astype(np.int16) - 128) <= 1).all((1, 2)))  # what the decoder has no data for
    lost = len(lines) if grey.all() else int(grey[::-1].argmin())
    if lost > MOST_MISSING * len(lines) or not begun(data, len(picture.getbands())):
        raise NotRead("is cut short: more than a little of it is missing; save or download it again")
    opened.note = f"it is cut short, and {lost / len(lines):.1%} of its rows are missing" if lost else "its end is missing"
    return picture, factor // scale


def begun(data: bytes, components: int) -> bool:
    """Whether all scans of a JPEG have at least begun; refinement scans come last."""
    wanted = {(component, part) for component in range(components) for part in ("dc", "ac")}
    order: list[int] = []
    at = 2
    while 0 <= at < len(data) - 4:
        if data[at] != 0xFF or data[at + 1] in (0x00, 0xFF, *range(0xD0, 0xD8)):
            at = data.find(b"\xff", at + 1)
            continue
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker == 0xD9:
            break
        if marker in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA) and len(body) >= 6 + 3 * components:
            order = [body[6 + 3 * n] for n in range(components)]
        if marker == 0xDA and body and len(body) >= 2 * body[0] + 4:
            first, last, precision = body[2 * body[0] + 1 : 2 * body[0] + 4]
            if precision & 15 == 0:  # no bits are left for a later scan
                told = [order.index(component) for component in body[1 : 2 * body[0] : 2] if component in order]
                wanted -= {(n, "dc") for n in told if first == 0} | {(n, "ac") for n in told if last == 63}
        at += 2 + length
    return not wanted


# ---------------------------------------------------------------- any of Pillow's modes


def to_raster(picture: Image.Image, factor: int, *, unused: bool = False) -> Raster:
    """A loaded picture, reduced; with `unused` an alpha that is 0 everywhere is ignored."""
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        array = np.asarray(picture)[..., None]
        pixels, seen = gather([array], *picture.size[::-1], factor, alpha=False)
        return Raster(pixels, "grey", sixteen=mode.startswith("I;16"), range=seen)
    if "transparency" in picture.info:
        picture = picture.convert("LA" if mode in ("1", "L", "LA") else "RGBA")
    mode = {"1": "L", "La": "LA", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "RGBa": "RGBA", "YCbCr": "RGB", "HSV": "RGB"}.get(
        picture.mode, picture.mode
    )
    if mode != picture.mode:
        picture = picture.convert(mode)
    model: Model = {"L": "grey", "LA": "grey", "CMYK": "cmyk", "LAB": "lab"}.get(mode, "rgb")  # type: ignore[assignment]
    alpha = mode in ("LA", "RGBA")
    if alpha and unused and picture.getchannel("A").getextrema() == (0, 0):
        picture, alpha = picture.convert(mode[:-1]), False
    if factor > 1:
        picture = picture.reduce(factor)
    return Raster(as_array(picture), model, alpha)
