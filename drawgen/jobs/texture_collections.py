"""Textures of several photographs: one picture of them by labels, or one texture each for a folder.

Axes: K photographs, B pictures, C channels, H W rows and columns.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from drawgen import files, images
from drawgen.contract import Request, Sample
from drawgen.interrupts import plainly
from drawgen.jobs.answers import check_files, numbered
from drawgen.jobs.loading import Picture, name_of
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.reports import Reports
from drawgen.jobs.textures import TRAINS, Texture, check_untrained, model_folder, texture
from drawgen.masks import labels_of, read_labels
from drawgen.ranges import ArgumentError, check_size
from drawgen.textures.combining import combined

Labels = str | os.PathLike[str] | np.ndarray | Tensor
"""A picture whose grey levels or palette indices are labels, or whole numbers H W."""


@plainly()
def labelled_texture(
    photos: Sequence[Picture],
    labels: Labels,
    out: str | os.PathLike[str] | None = None,
    *,
    size: tuple[int, int] | None = None,
    n: int = 1,
    save: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: Listener = None,
    **options: Any,
) -> Texture:
    """Makes textures of several photographs, and `n` pictures in which `labels` say which one goes where: 0 stands for the first
    photograph, 1 for the second and so on. They meet along cuts that hide the borders.

    `labels` are a picture (grey levels, or indices of a palette) or an array of whole numbers, H W. `size` is theirs by default;
    for another one they are scaled. `options` are those of `texture`, for each photograph, except `tile` and `maps`. The models are
    in the folders SAVE-1, SAVE-2 ... (OUT-1.model ... with `out` alone).

    >>> import drawgen, torch
    >>> labels = torch.zeros(48, 64, dtype=torch.long)
    >>> labels[:, 30:] = 1
    >>> path = drawgen.labelled_texture(["photo:gravel", "photo:grass"], labels, invent="nothing")
    >>> path.images.shape
    torch.Size([1, 1, 48, 64])
    """
    for name in ("tile", "maps"):
        if options.pop(name, None):
            raise ArgumentError(name, "and `labels` do not go together; leave one of the two out")
    if not photos:
        raise ArgumentError("photos", "are none; give one or more")
    if save is not None:
        check_untrained(None, {"save": options.get("invent") == "nothing"})
    where = read_labels(labels, len(photos)) if isinstance(labels, (str, os.PathLike)) else labels_of(labels, len(photos))
    size = size or (where.shape[0], where.shape[1])
    check_size(size)
    where = F.interpolate(where[None, None].float(), size, mode="nearest")[0, 0].long()
    file = None if out is None else Path(out)
    if file is not None:
        sources = [name_of(one) for one in (*photos, labels, options.get("guide")) if isinstance(one, (str, os.PathLike))]
        check_files(file, Request(n=n, size=size), force=force, sources=sources)
        images.check_output(numbered(file, n)[0], force=force, kinds=images.STILL)
    for photo in photos:  # before any is made
        if isinstance(photo, (str, os.PathLike)):
            images.picture_size(photo)
    folder = Path(save) if save is not None else None if file is None else model_folder(file)
    with hearing(progress) as reports:
        made = []
        for k, photo in enumerate(photos):
            own = None if folder is None or options.get("invent") == "nothing" else numbered_folder(folder, k)
            told = part_of(reports, k, len(photos), name_of(photo))
            made.append(texture(photo, size=size, n=n, save=own, force=force, progress=told, **options).images)
        channels = max(one.shape[1] for one in made)
        pictures = torch.stack([one.expand(-1, channels, -1, -1) for one in made], 1)  # B K C H W
        joined = Sample(torch.stack([combined(each, where) for each in pictures]))
    result = Texture.of(joined, trained=None, invented=str(options.get("invent", "auto")))
    if file is not None:
        result.write(file, replace=force)
    return result


def numbered_folder(folder: Path, index: int) -> Path:
    return folder.with_name(f"{folder.stem}-{index + 1}{folder.suffix}")


@plainly()
def texture_folder(
    photos: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
    **options: Any,
) -> tuple[list[Path], dict[str, str]]:
    """Makes a texture of each photograph of the folder `photos`, as a PNG of the same name in the folder `out`, with its model
    beside it. `options` are those of `texture`. With `resume`, textures that are there already are left, and what was interrupted
    goes on. Returns the files of the textures, and photograph -> reason for those that could not be used.

    Raises ImageError for a folder without pictures, and ValueError as `texture` does for options.
    """
    try:
        found = files.files_in(Path(photos), images.PICTURES)
    except OSError as error:
        raise images.ImageError(f"the folder {photos} cannot be read ({files.reason(error)}); change its permissions") from error
    if not found:
        raise images.ImageError(f"the folder {photos} holds no pictures; put PNG or JPEG files in it")
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise images.ImageError(f"{folder} is a file, and a folder of photographs becomes a folder of textures; give a folder")
    if folder.exists() and folder.resolve() == Path(photos).resolve():
        raise images.ImageError(f"{folder} is the folder of the photographs; give another one for the textures")
    if options.get("save") is not None:
        raise ArgumentError("save", "is one folder, and each photograph has a model of its own; leave it out")
    if options.get("maps"):
        raise ArgumentError("maps", "belong to one photograph, and a folder is given; give one photograph, or leave them out")
    targets = [folder / f"{name}.png" for name in names_for(found)]
    files_of = {target: numbered(target, options.get("n", 1), apart=bool(options.get("tile"))) for target in targets}
    trains = options.get("invent") != "nothing"
    expected = [one for target in targets for one in (*files_of[target], *([model_folder(target)] if trains else []))]
    if not (force or resume) and (there := next((one for one in expected if one.exists()), None)):
        raise images.ImageError(f"{there} exists already; replace it with `force`, or go on with what is missing with `resume`")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise images.ImageError(f"the folder {folder} cannot be made ({files.reason(error)}); choose another") from error
    made: list[Path] = []
    left_out = {}
    with hearing(progress) as reports:
        for k, (path, target) in enumerate(zip(found, targets, strict=True)):
            if resume and all(one.exists() for one in files_of[target]):
                made += files_of[target]
                continue
            try:
                begun = resume and trains and model_folder(target).exists()
                texture(path, target, resume=begun, force=force, progress=part_of(reports, k, len(found), path.name), **options)
            except images.ImageError as error:
                left_out[str(path)] = str(error)
                reports.say(f"left out: {error}".replace("`", ""))
            else:
                made += files_of[target]
    return made, left_out


def names_for(photos: Sequence[Path]) -> list[str]:
    """A name for each photograph's texture: without its ending, or with it where two would have the same. {i}, which stands for a
    number in outputs, is i."""
    names = [path.stem.replace("{i}", "i") for path in photos]
    longer = [path.name.replace("{i}", "i") if names.count(name) > 1 else name for path, name in zip(photos, names, strict=True)]
    return [name if longer.index(name) == k else f"{name}-{k + 1}" for k, name in enumerate(longer)]


def part_of(reports: Reports, index: int, count: int, name: str) -> Reports:
    """Reports of one of several textures, as one progress over all, which never goes back; messages begin with the photograph's
    name."""
    so_far = 0.0

    def drawing(share: float) -> None:
        nonlocal so_far
        so_far = max(so_far, share)
        if reports.drawing is not None:
            reports.drawing((index + so_far) / count)

    return replace(
        reports,
        training=lambda told: drawing(TRAINS * told.step / told.steps),
        drawing=lambda share: drawing(TRAINS + (1 - TRAINS) * share),
        message=lambda text: reports.say(f"{name}: {text}"),
    )
