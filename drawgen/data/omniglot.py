"""Omniglot's pictures of characters, from the published archives or their folder."""

import io
import struct
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from drawgen.data.packed import DAMAGED, open_archive, read_part, reason
from drawgen.data.pictures import DataError
from drawgen.files import files_in, is_file, is_folder, read_bytes

MOST_CHARACTERS = 40_000
"""Largest number of pictures in an archive, that of the published ones."""
LARGEST_PNG = 1 << 16
"""Largest size of one of them, in bytes."""


def find_archives(folder: Path) -> list[Path]:
    """The archives of pictures in a folder, as published or where torchvision puts them; or the folder of one."""
    if not is_folder(folder):
        return []
    for place in (folder, folder / "omniglot-py"):
        if found := sorted(path for path in place.glob("images_background*.zip") if is_file(path)):
            return found
        if is_folder(place / "images_background"):
            return [place / "images_background"]
    return []


def read_omniglot(places: list[Path], without: str = "") -> Tensor:
    """n 1 105 105 from all the archives (or folders), without an alphabet. Raises DataError."""
    parts = [part for place in places if len(part := read_characters(place, without=without))]
    if not parts:
        raise DataError(f"{places[0].parent} holds no characters beside those of {without}; give more of Omniglot's archives")
    return torch.cat(parts)


def read_characters(path: Path, *, without: str = "", only: str = "") -> Tensor:
    """n 1 105 105, ink 255, from an archive (or folder) of Omniglot's pictures; in the order of their names, without an alphabet,
    or only it. Raises DataError."""
    name = ""
    try:
        with open_archive(path) if is_file(path) else nullcontext() as archive:
            if archive is None:
                names = [file.relative_to(path.parent).as_posix() for file in files_in(path, {".png"}, deep=True)]
            else:
                names = sorted(name for name in archive.namelist() if name.endswith(".png") and not name.startswith("__MACOSX"))
            names = [n for n in names if f"/{without}/" not in n and (not only or f"/{only}/" in n)]
            if len(names) > MOST_CHARACTERS:
                raise ValueError(f"it holds {len(names)} pictures, more than {MOST_CHARACTERS}")
            pictures = np.empty((len(names), 105, 105), np.uint8)
            for picture, name in zip(pictures, names, strict=True):
                data = read_bytes(path.parent / name, LARGEST_PNG) if archive is None else read_part(archive, name, LARGEST_PNG)
                picture[:] = 255 - character(data)
    except (KeyError, *DAMAGED) as error:
        raise DataError(
            f"{path} is not a whole archive of Omniglot's pictures ({name + ': ' if name else ''}{reason(error)}); "
            "take the published archives"
        ) from error
    if not names and not (without or only):
        raise DataError(f"{path} holds no pictures; give Omniglot's published archives")
    return torch.from_numpy(pictures)[:, None]


def character(data: bytes) -> UInt8[np.ndarray, "105 105"]:
    """One of Omniglot's pictures. Raises ValueError."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:24] != b"IHDR" + struct.pack(">II", 105, 105):
        raise ValueError("a picture is no PNG of 105x105 pixels, as Omniglot's are")
    try:
        return np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]).convert("L"))
    except Exception as error:  # Pillow's errors are of many kinds
        raise ValueError(reason(error)) from error
