"""Synthesises a larger texture from one photograph."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from drawgen import checkpoint, files, images, models
from drawgen.contract import Recipe, Request
from drawgen.devices import choose_device
from drawgen.interrupts import Interrupted
from drawgen.jobs.answers import Drawn
from drawgen.jobs.asking import Trained, load
from drawgen.jobs.loading import Picture, as_file, name_of
from drawgen.jobs.memory import refuse_what_does_not_fit
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.recipe import RECIPE, read_recipe
from drawgen.jobs.runs import RunFolder
from drawgen.jobs.training import train
from drawgen.ranges import ArgumentError, check_size
from drawgen.training import run_folder

MODEL, PRESET = "ride", "texture"
"""The model and the preset of a texture."""
TRAINS = 0.9
"""The fraction of the time that training takes, about."""


@dataclass(frozen=True, eq=False, repr=False)
class Texture(Drawn):
    """A texture and its model: `trained.sample(size=..., seed=...)` samples more of the same texture, in seconds.

    >>> import drawgen
    >>> gravel = drawgen.texture("photo:gravel", size=(24, 32), steps=2, exemplar_px=64)
    >>> gravel.trained.sample(size=(16, 16), seed=7).images.shape
    torch.Size([1, 1, 16, 16])
    """

    trained: Trained = field(kw_only=True)


def texture(
    photo: Picture,
    out: str | os.PathLike[str] | None = None,
    *,
    size: tuple[int, int] = (512, 512),
    tile: bool = False,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    save: str | os.PathLike[str] | None = None,
    exemplar_px: int = 512,
    match: bool = True,
    device: str = "auto",
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> Texture:
    """Trains a spatial LSTM on one photograph and samples a texture of `size` (height, width in pixels) from it.

    `photo` is a file, photo:NAME for a photograph of scikit-image (brick, grass, gravel ...), a picture of Pillow, an array or a
    tensor; a larger one is first scaled down to `exemplar_px` on its longer side. Training takes `minutes` (2), or exactly `steps`
    steps; then the same `seed` gives the same texture on one machine. `tile` makes it repeat without a seam, and `match` matches
    its histogram to the photograph's. `device` is auto, cpu, cuda, cuda:N or mps. `progress` is called with the fraction done.

    Without `out` no picture is written; see `Drawn.save`. The trained model is in the folder `save` (with `out` alone: OUT.model
    beside it), with a preview during training, and `resume` continues an interrupted run. Without both it is in a temporary folder,
    which is deleted with `trained` of the result. `force` replaces existing files.

    Raises ImageError (a ValueError) for a photograph that cannot be read, a ValueError that names an invalid argument,
    TrainingError if training diverges, and Interrupted after Ctrl-C: `so_far` is the model so far (`Trained`), which can `sample`.

    >>> import drawgen
    >>> gravel = drawgen.texture("photo:gravel", size=(24, 32), steps=2, exemplar_px=64)  # minutes=2 for one that is like gravel
    >>> gravel.images.shape
    torch.Size([1, 1, 24, 32])
    >>> gravel.save("gravel.png")
    """
    file = None if out is None else Path(out)
    check_size(size)
    if file is not None:
        images.check_output(file, force=force, sources=[name_of(photo)])
        images.check_extent(file, *size)
    wanted = Path(save) if save is not None else None if file is None else file.with_suffix(".model")
    if wanted is None and resume:
        raise ArgumentError("resume", "is true, and no folder is given that holds a run; give `save`")
    if wanted is not None:
        check_folder(wanted, force=force, resume=resume)
    with hearing(progress, training=TRAINS) as reports, as_file(photo) as name, RunFolder(wanted) as place:
        folder = place.folder
        if resume and not run_folder.holds_run(folder) and not ((folder / RECIPE).exists() and checkpoint.states(folder)):
            reports.say(f"{folder} holds nothing to resume; it starts from the beginning")
            resume = False
        preset = models.recipe(MODEL, PRESET)
        if resume and minutes is None:
            minutes = read_recipe(folder)["fit"].get("minutes")
        minutes = preset.fit.minutes if minutes is None else minutes
        path = name if name.startswith("photo:") else str(Path(name).resolve())
        recipe = replace(
            preset,
            data=replace(preset.data, path=path, longest_px=exemplar_px),
            fit=replace(preset.fit, minutes=minutes, steps=steps, seed=seed, device=device),
        )
        choose_device(device)
        height, width = images.picture_size(name)
        check_photo(recipe, name, (height, width), size, tile=tile)
        if not resume and 0 < exemplar_px < max(height, width):
            reports.say(f"{name_of(photo)} is {width}x{height} pixels; it is reduced to {exemplar_px} on its longer side")
        try:
            train(MODEL, recipe, folder, preset=PRESET, resume=resume, force=force,
                  preview_request=Request(size=(128, 128), seed=seed), reports=reports)  # fmt: skip
        except Interrupted as stop:
            if run_folder.holds_run(folder):
                stop.so_far = place.keep(load(folder, device=device))
            raise
        reports.say(f"painting {size[1]}x{size[0]} pixels")
        trained = place.keep(load(folder, device=device))
        drawn = trained.draw(Request(size=size, seed=seed, tile=tile, progress=reports.drawing), match=match)
    if file is not None:
        drawn.write(file, replace=force)
    return Texture.of(drawn, trained=trained)


def check_folder(folder: Path, *, force: bool, resume: bool) -> None:
    """Raises ValueError for a folder that cannot be the model folder."""
    if len(os.fsencode(folder.name)) > files.longest_name(folder.parent):
        raise ValueError(f"the model folder {folder} has too long a name; choose another with `save`")
    if not folder.parent.is_dir():
        raise ValueError(f"the folder {folder.parent} does not exist; make it first")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose another folder with `save`")
    if folder.exists() and not (force or resume):
        if run_folder.holds_run(folder):
            raise ValueError(
                f"{folder} exists already; continue it with `resume`, replace it with `force`, or choose another with `save`"
            )
        if foreign := run_folder.foreign(folder, RECIPE):
            raise ValueError(f"{folder} exists already and is no model ({foreign} is in it); choose another with `save`")


def check_photo(recipe: Recipe, photo: str, found: tuple[int, int], size: tuple[int, int], *, tile: bool) -> None:
    """Raises ValueError for a photograph that is too small (`found`: height, width), and for a texture that cannot be sampled."""
    channels, side, _ = recipe.data.spec().picture
    least, tile_px = recipe.model.neighbourhood, recipe.model.least_tile_px
    if side < least:
        raise images.ImageError(
            f"{photo} is {found[1]}x{found[0]} pixels, of which crops of {side} are left to learn from, and at "
            f"least {least} are needed; give a larger photograph, or a larger `exemplar_px` than {recipe.data.longest_px}"
        )
    if tile and min(size) < tile_px:
        raise ArgumentError("size", f"is {size[1]}x{size[0]}; a tile has to be at least {tile_px}x{tile_px} pixels")
    refuse_what_does_not_fit(size, channels, 1)
