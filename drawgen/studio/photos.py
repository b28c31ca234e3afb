"""Photographs: the sample ones, and what an upload is."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from drawgen.studio.settings import Identifier, Settings
from drawgen.studio.uploads import SHOWN, SHOWN_PX, Uploads

SAMPLES = ("brick", "grass", "gravel", "coffee", "chelsea", "astronaut", "rocket", "camera", "coins")
"""Photographs of scikit-image that the page offers."""


@cache
def samples() -> dict[str, Path]:
    """Name -> file of the sample photographs that are there. scikit-image is not imported, which would take long."""
    spec = importlib.util.find_spec("skimage")
    folders = [] if spec is None else [Path(place) / "data" for place in spec.submodule_search_locations or ()]
    found = {}
    for name in SAMPLES:
        for file in (folder / f"{name}{ending}" for folder in folders for ending in (".png", ".jpg")):
            if file.is_file():
                found[name] = file
    return found


class Look(Settings):
    upload: Identifier
    file: str
    name: str


def look(asked: Look, folder: Path) -> dict[str, Any]:
    """Reads an upload, and writes a picture of it that a browser shows. Raises ImageError, a ValueError, which names the file as
    its owner does."""
    from drawgen import images

    home = Uploads(folder / "uploads").folder / asked.upload
    file = home / Path(asked.file).name
    try:
        height, width = images.picture_size(file)
        images.save_image(home / SHOWN, images.load_image(file, longest_px=SHOWN_PX))
    except images.ImageError as error:
        raise ValueError(str(error).replace(str(file), asked.name)) from error
    return {"height": height, "width": width}


QUESTIONS = {"photo.look": look}
