"""The sources of target pictures: one picture, a folder of pictures, or a function."""

import os
import reprlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FORMATS = ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"]  # none that starts another program
HIDDEN = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"}
MOST_PIXELS = 2**27
KEPT_BYTES = 2**28
"""Number of fitted pictures of a folder that are cached in memory."""


class Targets:
    """Samples targets (H W C uint8) of one size.

    A picture file, a picture of a folder and its subfolders, or a PIL image is resized to cover the canvas and cropped at its
    centre. An array (H W C, for grey also H W; uint8, or floats in [0, 1]), or the result of a function of a numpy generator, must
    have the size of the canvas. Raises ValueError for anything else, FileNotFoundError if there are no pictures.
    """

    def __init__(self, source: Any, height: int, width: int, channels: int) -> None:
        self.shape = height, width, channels
        self.fixed: UInt8[np.ndarray, "H W C"] | None = None
        self.paths: list[Path] = []
        self.function: Callable[[np.random.Generator], Any] | None = None
        if isinstance(source, str | Path):
            path = Path(source)
            if path.is_dir():
                self.paths = pictures_in(path)
                if not self.paths:
                    raise FileNotFoundError(f"target: no pictures ({', '.join(sorted(SUFFIXES))}) in the folder {path}")
            elif path.is_file():
                self.fixed = self.read(path)
            else:
                raise FileNotFoundError(f"target: there is no file or folder {path}")
        elif isinstance(source, Image.Image):
            self.fixed = self.fit(source)
        elif callable(source):
            self.function = source
        else:
            self.fixed = self.check(source, "target")
        self.kept: dict[Path, UInt8[np.ndarray, "H W C"]] = {}

    def __call__(self, rng: np.random.Generator) -> UInt8[np.ndarray, "H W C"]:
        if self.fixed is not None:
            return self.fixed
        if self.function is not None:
            return self.check(self.function(rng), "what the function given as target returned")
        path = self.paths[int(rng.integers(len(self.paths)))]
        if path in self.kept:
            return self.kept[path]
        picture = self.read(path)
        if (len(self.kept) + 1) * picture.size <= KEPT_BYTES:
            self.kept[path] = picture
        return picture

    def read(self, path: Path) -> UInt8[np.ndarray, "H W C"]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Pillow warns about (odd EXIF, large sizes) is decided here
                with open(path, "rb") as file, Image.open(file, formats=FORMATS) as picture:
                    if picture.width * picture.height > MOST_PIXELS:
                        raise ValueError(f"it has {picture.width}x{picture.height} pixels; reduce it first")
                    return self.fit(picture)
        except MemoryError:
            raise
        except Exception as error:  # a decoder may fail on a damaged file in any way
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"target {path} cannot be read as a picture: {words}") from error

    def fit(self, picture: Image.Image) -> UInt8[np.ndarray, "H W C"]:
        height, width, channels = self.shape
        upright = ImageOps.exif_transpose(picture)
        if upright.has_transparency_data:
            ground = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(ground, upright.convert("RGBA"))
        if upright.mode.startswith(("I", "F")):
            upright = Image.fromarray(self.levels(np.asarray(upright, np.float64)))
        fitted = ImageOps.fit(upright.convert("L" if channels == 1 else "RGB"), (width, height), Image.Resampling.LANCZOS)
        return np.array(fitted, np.uint8).reshape(self.shape)

    @staticmethod
    def levels(values: np.ndarray) -> np.ndarray:
        """Converts 16 bits, or floats, to bytes."""
        if not np.isfinite(values).all():
            raise ValueError("it has values that are not finite")
        top = 65535 if values.max() > 255 else 255 if values.max() > 1 else 1
        return (np.clip(values / top, 0, 1) * 255).round().astype(np.uint8)

    def check(self, given: Any, name: str) -> UInt8[np.ndarray, "H W C"]:
        """Converts an array to bytes, as a copy."""
        try:
            values = np.asarray(given)
        except (TypeError, ValueError, RuntimeError) as error:  # ragged lists, tensors elsewhere or with a gradient
            raise ValueError(f"{name} is no array: {error}") from error
        if values.dtype.kind != "f" and values.dtype != np.uint8:
            what = f"an array of {values.dtype}" if values.ndim else reprlib.repr(given)
            wanted = "a path, a picture, a function, or an array of uint8 or of floats in [0, 1]"
            raise ValueError(f"{name} is {what}; a target is {wanted}")
        if values.shape == self.shape[:2] and self.shape[2] == 1:
            values = values[..., None]
        if values.shape != self.shape:
            raise ValueError(f"{name} has the shape {values.shape}; the canvas has {self.shape} (height, width, channels)")
        if values.dtype.kind == "f":
            if not (values.min() >= 0 and values.max() <= 1):
                raise ValueError(f"{name} is of floats that do not all lie in [0, 1]")
            values = values * 255 + 0.5
        return values.astype(np.uint8)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder and its subfolders, sorted. Hidden files and folders and system files are ignored."""
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not hidden(name)]
        paths = [Path(here, name) for name in names if not hidden(name)]
        found += [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
    return sorted(found)


def hidden(name: str) -> bool:
    return name.startswith(".") or name in HIDDEN


class SoftEdges:
    """Default targets: two random colours, and a soft edge between them at a random position and angle."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.channels = channels
        self.y, self.x = ((np.arange(n) + 0.5) / n - 0.5 for n in (height, width))

    def __call__(self, rng: np.random.Generator) -> UInt8[np.ndarray, "H W C"]:
        angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3)
        one, other = rng.uniform(0, 255, (2, self.channels))
        down, right = np.exp(20 * (shift - np.sin(angle) * self.y)), np.exp(-20 * np.cos(angle) * self.x)
        share = 255 / (1 + np.outer(down.astype(np.float32), right.astype(np.float32)))  # H W
        between = one + (other - one) * np.linspace(0, 1, 256)[:, None]  # 256 C
        return (between + 0.5).astype(np.uint8).take((share + 0.5).astype(np.uint8), axis=0)
