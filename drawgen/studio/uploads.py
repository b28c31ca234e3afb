"""Photographs that were dropped on the page. An upload is a folder with the file, a picture of it for the page, and its name."""

import json
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from drawgen import files
from drawgen.studio.settings import Photo

LARGEST = 256 << 20
"""Bytes of an upload."""
KEPT_S = 7 * 86400
"""After this time an upload is removed when the studio starts; a job has a photograph of its own."""
SHOWN_PX = 1600
"""Longer side of the picture that the page shows."""
ORIGINAL, SHOWN, TOLD = "original", "shown.png", "upload.json"
ENDINGS = ("png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp", "tga", "avif", "heic", "heif")
"""Of file names that are kept; what a file is, its first bytes say."""


class TooLarge(ValueError):
    """More bytes than an upload may have."""


class Uploads:
    """The folder of the uploads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def clean(self) -> None:
        """Removes old uploads, and those that were broken off."""
        for one in self.folder.glob("*/"):
            with suppress(OSError):
                if not (one / TOLD).is_file() or time.time() - one.stat().st_mtime > KEPT_S:
                    shutil.rmtree(one)

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> tuple[str, Path]:
        """Writes an upload as it arrives; returns its id and its file. Raises TooLarge, and StorageError."""
        ident = secrets.token_hex(8)
        folder = self.folder / ident
        ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
        file = folder / f"{ORIGINAL}.{ending if ending in ENDINGS else 'bin'}"
        size = 0
        try:
            with files.told(Path(name)):
                folder.mkdir(parents=True)
                with open(file, "xb") as out:
                    async for chunk in chunks:
                        size += len(chunk)
                        if size > LARGEST:
                            raise TooLarge(f"The file has more than {LARGEST >> 20} MB; reduce it first.")
                        out.write(chunk)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return ident, file

    def keep(self, ident: str, name: str, size: list[int]) -> dict[str, Any]:
        """Notes what a received file is: the name that it had, and its height and width."""
        told = {"upload": ident, "name": name, "height": size[0], "width": size[1]}
        files.write_atomically(self.folder / ident / TOLD, json.dumps(told).encode())
        return told

    def drop(self, ident: str) -> None:
        shutil.rmtree(self.folder / ident, ignore_errors=True)

    def file(self, ident: str) -> tuple[Path, str]:
        """The file of an upload, and the name that it had. Raises KeyError. `ident` has been checked to be no path."""
        folder = self.folder / ident
        try:
            told = json.loads((folder / TOLD).read_text(encoding="utf-8"))
            return next(folder.glob(f"{ORIGINAL}.*")), str(told["name"])
        except (OSError, ValueError, StopIteration) as error:
            raise KeyError(ident) from error

    def of(self, photo: Photo) -> tuple[Path | None, str]:
        """The file of a photograph, None for a sample, and its name. Raises KeyError."""
        if photo.upload is None:
            return None, str(photo.sample)
        return self.file(photo.upload)
