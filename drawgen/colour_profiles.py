"""Converts the colours of a picture file (by its ICC profile or a PNG's primaries) to sRGB.

Pictures of 8 bits are converted by LittleCMS (`PIL.ImageCms`), which supports every profile but only 8 bits. Deeper pictures are
converted here if the profile consists of a matrix and curves, as for cameras and screens, so that no level is lost; otherwise
LittleCMS converts them too.

Axes: H rows, W columns, C channels.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Shaped, UInt8
from PIL import Image

Conversion = Callable[[Shaped[np.ndarray, "H W C"]], Float32[np.ndarray, "H W C2"]]
"""From uint8, or floats in [0, 1], to sRGB floats in [0, 1]."""
Curve = Callable[[Any], Any]
SPACES = {"grey": b"GRAY", "rgb": b"RGB ", "cmyk": b"CMYK"}
MODES = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}
SRGB_TO_XYZ = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
"""Linear sRGB to XYZ under D50, the profiles' white (the sRGB profile's own columns)."""
D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SAME = 0.75 / 255
"""Profiles that differ from sRGB by less than this count as sRGB."""


@dataclass(frozen=True)
class Chromaticities:
    """Primaries and a curve, as PNG's cICP, gAMA and cHRM tell them."""

    curve: str | float
    """`srgb`, `linear`, `bt709`, or the exponent that makes it linear."""
    points: tuple[float, ...] | None = None
    """x, y of white, red, green and blue; None for sRGB's."""


@lru_cache(maxsize=32)
def conversion(encoding: bytes | Chromaticities, model: str) -> Conversion | None:
    """The conversion of pixels to sRGB; None if they are sRGB already. Raises ValueError for a profile that cannot be used."""
    try:
        exact = from_chromaticities(encoding, model) if isinstance(encoding, Chromaticities) else from_icc(encoding, model)
    except (struct.error, IndexError, KeyError, ZeroDivisionError, np.linalg.LinAlgError) as error:
        raise ValueError("it is damaged") from error
    if exact is not None and is_identity(exact, model):
        return None
    if isinstance(encoding, Chromaticities):
        return exact
    if model == "grey" and exact is not None:
        return exact
    coarse = by_littlecms(encoding, model)
    return lambda pixels: coarse(pixels) if exact is None or pixels.dtype == np.uint8 else exact(pixels)


def is_identity(convert: Conversion, model: str) -> bool:
    steps = np.linspace(0, 1, 17 if model == "grey" else 6, dtype=np.float32)
    axes = np.meshgrid(*[steps] * (1 if model == "grey" else 3), indexing="ij")
    colours = np.stack([axis.ravel() for axis in axes], -1)[None]
    return bool(np.abs(convert(colours) - colours).max() < SAME)


# ---------------------------------------------------------------- matrix and curves


def by_matrix(curves: list[Curve], to_xyz: Float[np.ndarray, "3 3"] | None) -> Conversion:
    """Through linear light: one curve for grey, three and a matrix to XYZ (D50) for colour."""
    to_srgb = None if to_xyz is None else (np.linalg.inv(SRGB_TO_XYZ) @ to_xyz).astype(np.float32)

    def convert(pixels: Shaped[np.ndarray, "H W C"]) -> Float32[np.ndarray, "H W C"]:
        if pixels.dtype == np.uint8:
            tables = [curve(np.arange(256) / 255).astype(np.float32) for curve in curves]
            linear = np.stack([table[pixels[..., n]] for n, table in enumerate(tables)], -1)
        else:
            linear = np.stack([curve(pixels[..., n]) for n, curve in enumerate(curves)], -1).astype(np.float32)
        if to_srgb is not None:
            linear = linear @ to_srgb.T
        return encode(linear)

    return convert


def encode(linear: Float32[np.ndarray, "*S"]) -> Float32[np.ndarray, "*S"]:
    """Linear light encoded by sRGB's curve; values outside [0, 1] are clipped."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055).astype(np.float32)


def srgb_curve(value: Any) -> Any:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def bt709_curve(value: Any) -> Any:
    return np.where(value < 0.081, value / 4.5, ((value + 0.099) / 1.099) ** (1 / 0.45))


def from_chromaticities(said: Chromaticities, model: str) -> Conversion:
    """Raises ValueError for primaries that are impossible."""
    named: dict[str | float, Curve] = {"srgb": srgb_curve, "bt709": bt709_curve, "linear": lambda value: value}
    curve = named.get(said.curve) or (lambda value: value ** float(said.curve))
    if model == "grey":
        return by_matrix([curve], None)
    matrix = SRGB_TO_XYZ
    if said.points is not None:
        xy = np.array(said.points).reshape(4, 2)
        if not np.isfinite(xy).all() or (xy[:, 1] <= 0).any():
            raise ValueError("its primaries are impossible")
        white, *primaries = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in xy)
        columns = np.stack(primaries, 1)
        matrix = columns * np.linalg.solve(columns, white)
        scale = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
        matrix = np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ matrix
    return by_matrix([curve] * 3, matrix)


def from_icc(profile: bytes, model: str) -> Conversion | None:
    """The profile's matrix and curves; None for a profile of tables, which only LittleCMS reads. Raises ValueError."""
    if model not in SPACES:
        raise ValueError("pictures of this kind have none")
    if len(profile) < 132 or profile[36:40] != b"acsp":
        raise ValueError("it is damaged")
    if profile[16:20] != SPACES[model]:
        raise ValueError(f"it is one for {profile[16:20].decode('latin-1').strip()} and the picture is {model}")
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for n in range(min(count, 200)):
        signature, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * n)
        tags[signature] = profile[offset : offset + size]
    if b"A2B0" in tags or b"A2B1" in tags or model == "cmyk":
        return None
    if model == "grey":
        curve = icc_curve(tags[b"kTRC"])
        if profile[20:24] == b"Lab ":
            return by_matrix([lambda value: lightness_to_y(100 * curve(value))], None)
        return by_matrix([curve], None)
    columns = [np.array(struct.unpack_from(">3i", tags[tag], 8)) / 65536 for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]
    return by_matrix([icc_curve(tags[tag]) for tag in (b"rTRC", b"gTRC", b"bTRC")], np.stack(columns, 1))


def icc_curve(tag: bytes) -> Curve:
    """A curve or a parametric curve (ICC.1, 10.6 and 10.18). Raises ValueError."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return lambda value: value
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count == 1:
            gamma = table[0] / 256
            return lambda value: np.asarray(value) ** gamma
        return lambda value: np.interp(value, np.linspace(0, 1, count), table / 65535)
    if tag[:4] != b"para":
        raise ValueError("it has a curve of an unknown kind")
    (kind,) = struct.unpack_from(">H", tag, 8)
    said = [n / 65536 for n in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)]
    g = said[0]
    if kind == 0:
        return lambda value: np.asarray(value) ** g
    a, b = said[1:3]
    if kind in (1, 2):  # below -b / a it is flat
        c, d, e = 0.0, -b / a, said[3] if kind == 2 else 0.0
        f = e
    else:
        c, d = said[3:5]
        e, f = said[5:7] if kind == 4 else (0.0, 0.0)
    return lambda value: np.where(np.asarray(value) >= d, np.maximum(a * value + b, 0) ** g + e, c * value + f)


# ---------------------------------------------------------------- LittleCMS


def by_littlecms(profile: bytes, model: str) -> Conversion:
    """Relative colorimetric conversion with black point compensation. Raises ValueError."""
    from PIL import ImageCms

    try:
        made = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(
            made, ImageCms.createProfile("sRGB"), MODES[model], "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise ValueError("LittleCMS does not take it") from error

    def convert(pixels: Shaped[np.ndarray, "H W C"]) -> Float32[np.ndarray, "H W C2"]:
        levels = as_uint8(pixels)
        picture = Image.fromarray(np.ascontiguousarray(levels[..., 0] if model == "grey" else levels), MODES[model])
        done = np.asarray(ImageCms.applyTransform(picture, transform)).astype(np.float32) / 255
        return done.mean(-1, keepdims=True) if model == "grey" else done

    return convert


def as_uint8(pixels: Shaped[np.ndarray, "H W C"]) -> UInt8[np.ndarray, "H W C"]:
    return pixels if pixels.dtype == np.uint8 else np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


# ---------------------------------------------------------------- L*a*b*


def lab_to_srgb(lab: Float32[np.ndarray, "H W 3"]) -> Float32[np.ndarray, "H W 3"]:
    """CIE L*a*b* under D50: L in 0 to 100, a and b about zero."""
    fy = (lab[..., 0] + 16) / 116
    fs = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], -1)
    xyz = np.where(fs > 6 / 29, fs**3, 3 * (6 / 29) ** 2 * (fs - 4 / 29)) * D50
    return encode((xyz @ np.linalg.inv(SRGB_TO_XYZ).T).astype(np.float32))


def lightness_to_y(lightness: Any) -> Any:
    f = (np.asarray(lightness) + 16) / 116
    return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
