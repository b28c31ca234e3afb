"""Where an environment's target pictures come from: one picture, a folder of them, or a function."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FORMATS = ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"]  # none that starts another program


class Targets:
    """Draws targets (H W C uint8) of one size.

    A picture file, or one of a folder, is reduced or enlarged to cover the canvas, and its middle is taken; an array (H W C uint8, or
    floats in [0, 1]) and what a function `f(rng)` of a numpy generator gives have to have the size of the canvas. Raises ValueError
    for anything else, FileNotFoundError for a path or folder without pictures.
    """

    def __init__(self, source: Any, height: int, width: int, channels: int) -> None:
        self.shape = height, width, channels
        self.fixed: UInt8[np.ndarray, "H W C"] | None = None
        self.paths: list[Path] = []
        self.function: Callable[[np.random.Generator], Any] | None = None
        if isinstance(source, str | Path):
            path = Path(source)
            if path.is_dir():
                self.paths = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
                if not self.paths:
                    raise FileNotFoundError(f"target: no pictures ({', '.join(sorted(SUFFIXES))}) in {path}")
            elif path.is_file():
                self.fixed = self.read(path)
            else:
                raise FileNotFoundError(f"target: there is no file or folder {path}")
        elif callable(source):
            self.function = source
        elif isinstance(source, Image.Image):
            self.fixed = self.fit(source)
        else:
            self.fixed = self.check(source)
        self.read_before: dict[Path, UInt8[np.ndarray, "H W C"]] = {}

    def __call__(self, rng: np.random.Generator) -> UInt8[np.ndarray, "H W C"]:
        if self.fixed is not None:
            return self.fixed
        if self.function is not None:
            return self.check(self.function(rng))
        path = self.paths[int(rng.integers(len(self.paths)))]
        if path not in self.read_before and len(self.read_before) < 10_000:
            self.read_before[path] = self.read(path)
        return self.read_before[path] if path in self.read_before else self.read(path)

    def read(self, path: Path) -> UInt8[np.ndarray, "H W C"]:
        try:
            with Image.open(path, formats=FORMATS) as picture:
                return self.fit(picture)
        except (OSError, ValueError, RuntimeError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"target {path} cannot be read as a picture: {error}") from error

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
        """16 bits, or floats, stretched to bytes."""
        top = 65535 if values.max() > 255 else 255 if values.max() > 1 else 1
        return (np.clip(values / top, 0, 1) * 255).round().astype(np.uint8)

    def check(self, array: Any) -> UInt8[np.ndarray, "H W C"]:
        values = np.asarray(array)
        if values.shape != self.shape:
            raise ValueError(f"a target of shape {values.shape} for a canvas of {self.shape} (height, width, channels)")
        if values.dtype.kind == "f":
            if not (values.min() >= 0 and values.max() <= 1):
                raise ValueError("a target of floats has to lie in [0, 1]")
            values = (values * 255).round().astype(np.uint8)
        if values.dtype != np.uint8:
            raise ValueError(f"a target is uint8 or floats in [0, 1], not {values.dtype}")
        return values
