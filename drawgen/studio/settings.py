"""What a page asks for, checked; and what a tab's functions get beside it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

ID = r"^[a-z0-9][a-z0-9-]{0,63}$"
"""The name of a job or an upload, which is the name of a folder too."""
FILE = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[a-z0-9]+)$"
"""The name of a job's file: never a path."""
TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".gif": "image/gif",
    ".json": "application/json",
}  # fmt: skip
"""Files that the page may have, by ending."""
MOST_PX = 2048
"""Longer side of a part of a photograph that is kept: nothing looks at more."""
Identifier = Annotated[str, Field(pattern=ID)]
FileName = Annotated[str, Field(pattern=FILE, max_length=80)]
Place = Annotated[int, Field(ge=0, le=65_535)]
Length = Annotated[int, Field(ge=1, le=65_535)]
Side = Annotated[int, Field(ge=1, le=8192)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Settings(BaseModel):
    """The settings of a job or a question: a tab derives its own from it. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Photo(Settings):
    """A photograph: one that was uploaded, or a sample photograph of scikit-image; and the part of it that counts."""

    upload: Identifier | None = None
    sample: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=40)] | None = None
    crop: tuple[Place, Place, Length, Length] | None = None
    """Left, top, width and height in pixels of the photograph as it is seen; None: all of it."""

    @model_validator(mode="after")
    def one_of_both(self) -> "Photo":
        if (self.upload is None) == (self.sample is None):
            raise ValueError("choose a photograph")
        return self


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with settings, as a sentence."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = " ".join(str(part).replace("_", " ") for part in first["loc"] if part != "body")
    says = first["msg"].removeprefix("Value error, ")
    return f"{where}: {says}" if where and not first["msg"].startswith("Value error") else says


class Work:
    """A job at work: what a tab's function gets beside its settings."""

    def __init__(self, folder: Path, *, resume: bool, photo: str, tell: Any) -> None:
        self.folder, self.resume, self.tell = folder, resume, tell
        self.original = photo
        self.abandoned = False
        """Whether the server has gone; then nothing needs to be made of an interrupted job."""

    def say(self, text: str) -> None:
        """A message for the page."""
        self.tell(message=text)

    def photo(self, asked: Photo) -> str:
        """The photograph as a name for the job functions: photo:NAME, or a file in the job's folder. A part of it is cut out
        once."""
        name = f"photo:{asked.sample}" if asked.sample else str(self.folder / self.original)
        if asked.crop is None:
            return name
        return str(cut_out(name, asked.crop, self.folder / "cropped.png"))


def cut_out(name: str, crop: tuple[int, int, int, int], file: Path) -> Path:
    """Writes a part of a photograph (left, top, width, height), reduced to `MOST_PX`, unless it is there already. Raises
    ImageError."""
    if file.exists():
        return file
    import torch

    from drawgen import images
    from drawgen.image_reading import shrink

    image, alpha = images.load_with_alpha(name, over_white=False)
    left, top, width, height = crop
    bottom, right = min(top + height, image.shape[1]), min(left + width, image.shape[2])
    if top >= bottom or left >= right:
        raise images.ImageError(f"the part at {left}, {top} lies outside of the photograph; choose another")
    picture = image if alpha is None else torch.cat([image.expand(3, -1, -1), alpha])
    images.save_image(file, shrink(picture[:, top:bottom, left:right].contiguous(), MOST_PX))
    return file


def line(facts: dict[str, Any]) -> bytes:
    """One JSON object as a line of a pipe."""
    return (json.dumps(facts, separators=(",", ":")) + "\n").encode()


def told(error: BaseException) -> str:
    """An error as one sentence for the page; a fault in drawgen itself is named as such, and its traceback goes to standard
    error."""
    from drawgen.files import StorageError
    from drawgen.training import TrainingError

    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in str(error)):
        return "There is not enough memory; ask for a smaller size, or close other programs."
    if isinstance(error, (ValueError, StorageError, TrainingError)):
        return sentence(str(error))
    if isinstance(error, OSError):
        from drawgen.files import reason

        return sentence(f"a file could not be used ({reason(error)})")
    import traceback

    traceback.print_exception(error, file=sys.stderr)
    return f"This is a fault in drawgen ({type(error).__name__}); the file worker.log in the studio's folder has the details."


def sentence(text: str) -> str:
    """A message of the library as a sentence of the page: with a capital letter and a full stop, and without backticks."""
    text = text.replace("`", "").strip()
    if text[:1].isalpha() and text.split(" ", 1)[0].rstrip(",;").isalnum():  # no file's name
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
