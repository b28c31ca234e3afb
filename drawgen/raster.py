"""Converts a file's pixels, in its own number format and colours, to a picture in [0, 1].

Axes: H rows, W columns, C channels, the last of which may be alpha.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from PIL import Image

from drawgen.colour_profiles import Chromaticities, Conversion, conversion, lab_to_srgb
from drawgen.file_kinds import NotRead

log = logging.getLogger(__name__)

Model = Literal["grey", "rgb", "cmyk", "lab"]
COLOURS: dict[Model, int] = {"grey": 1, "rgb": 3, "cmyk": 4, "lab": 3}
MOST_AT_ONCE = 2**20
"""Pixels converted to floats at once."""
OVERSHOOT = 0.5
"""Fraction by which float pictures may exceed their range (by sharpening or resampling); such values are clipped."""


@lru_cache(maxsize=1024)
def warn(message: str) -> None:
    """Logs a message once, because training reads a picture many times."""
    log.warning("%s", message)


@dataclass
class Range:
    """The range of a picture's colour values."""

    low: float = np.inf
    high: float = -np.inf
    whole: bool = True
    opaque: float = 255.0
    """The alpha of an opaque pixel."""

    def see(self, pixels: Shaped[np.ndarray, "H W C"], *, alpha: bool) -> None:
        """Raises NotRead for NaN and infinity."""
        self.opaque = full(pixels.dtype)
        values = pixels[..., : pixels.shape[2] - alpha]
        if values.dtype == np.uint8 or values.size == 0:
            return
        if values.dtype.kind == "f":
            if not np.isfinite(values).all():
                raise NotRead("holds NaN or infinity in its float pixels; replace them first")
            self.whole = self.whole and bool((values == np.round(values)).all())
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))


@dataclass
class Raster:
    """A decoded picture, possibly reduced. Colours are not premultiplied by alpha."""

    pixels: Shaped[np.ndarray, "H W C"]
    """uint8: 0 to 255. Others: see `top`."""
    model: Model
    alpha: bool = False
    top: float | None = None
    """The value of white, if the file specifies it (4095 for 12 bits); None: decided by `levels`."""
    encoding: bytes | Chromaticities | None = None
    """An ICC profile, or a PNG's description of its colours; None for sRGB."""
    sixteen: bool = False
    """Whether the file has unsigned 16 bit integers."""
    range: Range = field(default_factory=Range)
    """The range of the colours before reduction; not needed for uint8."""


@dataclass
class Opened:
    """A picture file whose header has been read."""

    height: int
    width: int
    decode: Callable[[int], Raster]
    """Decodes its pixels, with each side divided by this number (and rounded up)."""
    orientation: int = 1
    """EXIF's, 1 to 8; the pixels are as they are stored."""
    note: str | None = None
    """Oddities to log if the picture is read."""

    @property
    def shown(self) -> tuple[int, int]:
        """Height and width of the picture as displayed."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)


# ---------------------------------------------------------------- reduced while decoding


def gather(
    strips: Iterable[Shaped[np.ndarray, "H2 W C"]], height: int, width: int, factor: int, *, alpha: bool
) -> tuple[Shaped[np.ndarray, "H3 W3 C"], Range]:
    """Collects decoded rows, from top to bottom, into a picture whose sides are divided by `factor`: each pixel is the mean of a
    square, weighted by alpha. Only the result and a few rows are in memory. Raises ValueError."""
    seen, whole, filled = Range(), np.zeros((0, 0, 0), np.uint8), 0
    waiting: list[np.ndarray] = []
    for number, strip in enumerate(strips):
        seen.see(strip, alpha=alpha)
        if number == 0:
            if factor == 1 and len(strip) == height:
                return strip, seen
            kind = strip.dtype if factor == 1 or strip.dtype == np.uint8 else np.dtype(np.float32)
            whole = np.zeros((-(-height // factor), -(-width // factor), strip.shape[2]), kind)
        waiting.append(strip)
        rows = sum(map(len, waiting))
        ready = rows if filled + rows >= whole.shape[0] * factor else rows // factor * factor
        if ready == 0 or (rows - ready and rows < 4 * factor):
            continue
        block = np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
        waiting = [block[ready:]] if ready < rows else []
        small = block[:ready] if factor == 1 else reduced(block[:ready], factor, alpha=alpha)
        whole[filled : filled + len(small)] = small
        filled += len(small)
    if waiting:
        small = reduced(np.concatenate(waiting), factor, alpha=alpha)
        whole[filled : filled + len(small)] = small
        filled += len(small)
    if filled < len(whole):
        raise ValueError("rows are missing")
    return whole, seen


def reduced(pixels: Shaped[np.ndarray, "H W C"], factor: int, *, alpha: bool) -> Shaped[np.ndarray, "H2 W2 C"]:
    """Means of squares; squares at the right and lower edges may be smaller."""
    channels = pixels.shape[2]
    if pixels.dtype == np.uint8 and channels <= 4:
        return as_array(as_picture(pixels, alpha=alpha).reduce(factor))
    values: np.ndarray = pixels.astype(np.float32)
    most = full(pixels.dtype)
    if alpha:
        values[..., :-1] *= values[..., -1:] / most
    for axis in (0, 1):
        edges = np.arange(0, values.shape[axis], factor)
        counts = np.diff(np.append(edges, values.shape[axis])).astype(np.float32)
        values = np.add.reduceat(values, edges, axis=axis) / (counts[:, None, None] if axis == 0 else counts[:, None])
    if alpha:
        values[..., :-1] /= np.maximum(values[..., -1:] / most, 1e-6)
    return np.round(values).astype(np.uint8) if pixels.dtype == np.uint8 else values.astype(np.float32)


def full(kind: np.dtype[Any]) -> float:
    """The alpha of an opaque pixel in this number type."""
    return float(np.iinfo(kind).max) if kind.kind in "ui" else 1.0


def as_picture(pixels: UInt8[np.ndarray, "H W C"], *, alpha: bool) -> Image.Image:
    mode = {(1, False): "L", (2, True): "LA", (3, False): "RGB", (4, True): "RGBA", (4, False): "CMYK"}[(pixels.shape[2], alpha)]
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if mode == "L" else pixels), mode)


def as_array(picture: Image.Image) -> UInt8[np.ndarray, "H W C"]:
    array = np.asarray(picture)
    return array[..., None] if array.ndim == 2 else array


# ---------------------------------------------------------------- to a picture in [0, 1]


def to_srgb(
    raster: Raster, name: str, *, over_white: bool = True
) -> tuple[Float32[np.ndarray, "H W C"], Float32[np.ndarray, "H W"] | None]:
    """sRGB in [0, 1] (C = 1 grey, 3 colour), over white unless it is False, and the alpha, if there is one. A profile that cannot
    be used is ignored with a warning. Raises ValueError."""
    black, span = levels(raster, name)
    convert = None
    if raster.encoding is not None:
        try:
            convert = conversion(raster.encoding, raster.model)
        except ValueError as error:
            warn(f"{name}: its colour profile cannot be used ({error}); its colours are taken as they are")
    height, width = raster.pixels.shape[:2]
    # Plane by plane in memory, as in tensors, so that later steps copy nothing.
    out = np.empty((1 if raster.model == "grey" else 3, height, width), np.float32).transpose(1, 2, 0)
    alpha = np.empty((height, width), np.float32) if raster.alpha else None
    step = max(1, MOST_AT_ONCE // max(1, width))
    for first in range(0, height, step):
        rows = slice(first, first + step)
        part = raster.pixels[rows]
        colours = part[..., : COLOURS[raster.model]]
        if raster.pixels.dtype != np.uint8:
            exact: np.ndarray = colours.astype(np.float32 if colours.dtype in (np.uint16, np.float16, np.float32) else np.float64)
            colours = np.clip((exact - black) / span, 0, 1).astype(np.float32)
        if convert is None and colours.dtype == np.uint8 and raster.model in ("grey", "rgb"):
            for channel in range(out.shape[2]):
                np.divide(colours[..., channel], np.float32(255), out=out[rows, :, channel])
        else:
            out[rows] = in_srgb(colours, raster.model, convert)
        if alpha is not None:
            alpha[rows] = np.clip(part[..., -1].astype(np.float32) / raster.range.opaque, 0, 1)
            if over_white:
                share = alpha[rows, :, None]
                out[rows] = out[rows] * share + (1 - share)
    return out, alpha


def in_srgb(colours: Shaped[np.ndarray, "H W C"], model: Model, convert: Conversion | None) -> Float32[np.ndarray, "H W C2"]:
    """From uint8 or floats in [0, 1]."""
    if convert is not None:
        return convert(colours)
    values: np.ndarray = colours.astype(np.float32) / 255 if colours.dtype == np.uint8 else colours
    if model == "cmyk":  # ink without a profile
        return (1 - values[..., :3]) * (1 - values[..., 3:])
    if model == "lab":
        return lab_to_srgb(values * np.array([100, 255, 255], np.float32) - np.array([0, 128, 128], np.float32))
    return values


def levels(raster: Raster, name: str) -> tuple[float, float]:
    """The value of black, and the distance from black to white.

    The file's own specification comes first. A picture of 16 bits with all values below 4096 has 12 bits (from microscopes and
    cameras), which is logged. For signed integers, 32 bits and floats it is the smallest usual range, 0 to 1 (floats), 255, 4095
    (integers) or 65535, that includes nearly all values (`OVERSHOOT`), else their own range.
    """
    seen, kind = raster.range, raster.pixels.dtype
    if kind == np.uint8:
        return 0.0, 255.0
    if raster.top is not None:
        return 0.0, raster.top
    if raster.sixteen:
        if 0 < seen.high < 4096:
            warn(f"{name} has 16 bits, and all its values are below 4096: they are taken as 12 bits")
            return 0.0, 4095.0
        return 0.0, 65535.0
    if seen.whole and seen.high > 1:
        fits = [top for top in (255.0, 4095.0, 65535.0) if seen.low >= 0 and seen.high <= top]
    else:
        least = {1.0: 0.0, 255.0: 16.0, 65535.0: 4096.0}  # a few bright pixels of 3 do not make it a picture of 255 levels
        fits = [top for top, above in least.items() if seen.low >= -OVERSHOOT * top and above <= seen.high <= (1 + OVERSHOOT) * top]
    if fits:
        return 0.0, fits[0]
    return seen.low, max(seen.high - seen.low, 1e-12)
