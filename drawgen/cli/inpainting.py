"""drawgen inpaint, drawgen extend."""

import re
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.ranges import ArgumentError

Invent = Literal["nothing", "detail"]


def inpaint(words: list[str]) -> None:
    """Fill the hole of a photograph, or remove something from it."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        mask: Path | None = None,
        source: Path | None = None,
        invent: Invent | None = None,
        model: str | None = None,
        minutes: float | None = None,
        steps: int | None = None,
        seed: int = 0,
        save: Path | None = None,
        device: str = "auto",
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Fills the hole of a photograph with what is around it. Everything outside the hole stays as it is.

        Args:
            photo: A picture, or photo:NAME for a photograph of scikit-image.
            out: The picture to write: PNG, WebP, TIFF, BMP; JPEG changes all of it a little.
            mask: A picture of the same size, white where the photograph is to be filled; without it, transparent parts are filled.
            source: A picture of the same size, white where pixels may be taken or learned from.
            invent: nothing: pixels of the rest, joined along cuts that do not show, in a second or two. detail: new pixels, by a
                spatial LSTM that learns from the rest. By default nothing, or detail with --model.
            model: Take this trained model for the detail: a model folder, or MODEL:NAME of a shipped one.
            minutes: Training time of the detail; 3 by default.
            steps: Train on exactly this many batches instead; the same seed then gives the same file.
            seed: Seed of all random numbers; another one gives another filling.
            save: Model folder for the trained model; OUT.model by default.
            device: auto, cpu, cuda, cuda:N or mps.
            resume: Continue an interrupted training.
            force: Replace existing files.
        """
        from drawgen import jobs

        with bars() as reports:
            made = jobs.inpaint(
                photo, out, mask=mask, source=source, invent=invent, model=model, minutes=minutes, steps=steps, seed=seed,
                save=save, device=device, resume=resume, force=force, progress=reports,
            )  # fmt: skip
        tell(out, made, model)

    parse(command, words, "inpaint")


def extend(words: list[str]) -> None:
    """Extend a photograph beyond its edges."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        by: Annotated[str | None, arg(metavar="L,T,R,B")] = None,
        size: Size | None = None,
        source: Path | None = None,
        invent: Invent | None = None,
        model: str | None = None,
        minutes: float | None = None,
        steps: int | None = None,
        seed: int = 0,
        save: Path | None = None,
        device: str = "auto",
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Extends a photograph beyond its edges. The photograph itself stays as it is.

        Args:
            photo: A picture, or photo:NAME for a photograph of scikit-image.
            out: The picture to write: PNG, WebP, TIFF, BMP; JPEG changes all of it a little.
            by: Pixels to add on the left, top, right and bottom; one number for all sides.
            size: Width and height that the photograph becomes, instead; it is in the middle.
            source: A picture of the same size, white where pixels may be taken or learned from.
            invent: nothing: pixels of the photograph, joined along cuts that do not show. detail: new pixels, by a spatial LSTM
                that learns from the photograph. By default nothing, or detail with --model.
            model: Take this trained model for the detail: a model folder, or MODEL:NAME of a shipped one.
            minutes: Training time of the detail; 3 by default.
            steps: Train on exactly this many batches instead; the same seed then gives the same file.
            seed: Seed of all random numbers; another one gives another picture.
            save: Model folder for the trained model; OUT.model by default.
            device: auto, cpu, cuda, cuda:N or mps.
            resume: Continue an interrupted training.
            force: Replace existing files.
        """
        from drawgen import images, jobs

        sides = None if by is None else four(by)
        with bars() as reports:
            made = jobs.extend(
                photo, out, by=sides, size=None if size is None else images.parse_size(size), source=source, invent=invent,
                model=model, minutes=minutes, steps=steps, seed=seed, save=save, device=device, resume=resume, force=force,
                progress=reports,
            )  # fmt: skip
        tell(out, made, model)

    parse(command, words, "extend")


def four(text: str) -> tuple[int, int, int, int]:
    """The four numbers of --by. Raises ArgumentError."""
    parts = text.split(",")
    if len(parts) not in (1, 4) or not all(re.fullmatch(r"\s*\d{1,9}\s*", part) for part in parts):
        raise ArgumentError("by", f"is {text!r}; give four numbers of pixels, as 0,0,512,0 (left, top, right, bottom), or one")
    left, top, right, bottom = (int(part) for part in parts * (4 // len(parts)))
    return left, top, right, bottom


def tell(out: Path, made: Any, model: str | None) -> None:
    say(out)
    if made.trained is not None and model is None:
        warn(f"the same model for another hole: --model {shlex.quote(made.trained.source)}")
