"""Synthesises a larger texture from one photograph."""

import os
from dataclasses import replace
from pathlib import Path

from drawgen import checkpoint, files, images, models
from drawgen.contract import Request
from drawgen.devices import choose_device
from drawgen.jobs.drawing import draw
from drawgen.jobs.memory import refuse_what_does_not_fit
from drawgen.jobs.recipe import RECIPE, read_recipe
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.saving import save as write
from drawgen.jobs.training import train
from drawgen.ranges import ArgumentError
from drawgen.training import run_folder

MODEL, PRESET = "ride", "texture"
"""What a texture is made by."""


def texture(
    photo: str,
    out: Path,
    *,
    size: tuple[int, int] = (512, 512),
    tile: bool = False,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    save: Path | None = None,
    exemplar_px: int = 512,
    device: str = "auto",
    match: bool = True,
    resume: bool = False,
    force: bool = False,
    reports: Reports = SILENT,
) -> Path:
    """Trains a spatial LSTM on one photograph and samples a texture of `size` (height, width) from it.

    The trained model is stored in a model folder (`save`, by default OUT.model beside the picture), with a preview during training.
    Training takes the preset's `minutes`, unless `minutes` or `steps` are given; with `resume` those of the run. `match` matches
    the texture's histogram to the photograph's. Returns the folder. Raises ImageError, ValueError, and the errors of `train.fit`.
    """
    images.check_output(out, force=force, sources=[photo])
    images.check_extent(out, *size)
    folder = save or out.with_suffix(".model")
    if len(os.fsencode(folder.name)) > files.longest_name(folder.parent):
        raise ValueError(f"the model folder {folder} has too long a name; choose another with `save`")
    if not folder.parent.is_dir():
        raise ValueError(f"the folder {folder.parent} does not exist; make it first")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose another folder with `save`")
    if folder.exists() and not (force or resume):
        if run_folder.holds_run(folder):
            raise ValueError(
                f"{folder} exists already; go on with `resume`, replace it with `force`, or choose another with `save`"
            )
        if foreign := run_folder.foreign(folder, RECIPE):
            raise ValueError(f"{folder} exists already and is no model ({foreign} is in it); choose another with `save`")
    if resume and not run_folder.holds_run(folder) and not ((folder / RECIPE).exists() and checkpoint.states(folder)):
        reports.say(f"{folder} holds nothing to go on with; it is begun anew")
        resume = False
    preset = models.recipe(MODEL, PRESET)
    if resume and minutes is None:
        minutes = read_recipe(folder)["fit"].get("minutes")
    minutes = preset.fit.minutes if minutes is None else minutes
    recipe = replace(
        preset,
        data=replace(preset.data, path=photo if photo.startswith("photo:") else str(Path(photo).resolve()), longest_px=exemplar_px),
        fit=replace(preset.fit, minutes=minutes, steps=steps, seed=seed, device=device),
    )
    choose_device(device)
    height, width = images.picture_size(photo)
    longest = recipe.data.longest_px
    channels, side, _ = recipe.data.spec().picture
    least = recipe.model.neighbourhood
    if side < least:
        raise images.ImageError(
            f"{photo} is {width}x{height} pixels, of which crops of {side} are left to learn from, and at "
            f"least {least} are needed; give a larger photograph, or a larger `exemplar_px` than {longest}"
        )
    tile_px = recipe.model.least_tile_px
    if tile and min(size) < tile_px:
        raise ArgumentError("size", f"is {size[1]}x{size[0]}; a tile has to be at least {tile_px}x{tile_px} pixels")
    refuse_what_does_not_fit(size, channels, 1)
    if not resume and 0 < longest < max(height, width):
        reports.say(f"{photo} is {width}x{height} pixels; it is reduced to {longest} on its longer side")
    train(MODEL, recipe, folder, preset=PRESET, resume=resume, force=force,
          preview_request=Request(size=(128, 128), seed=seed), reports=reports)  # fmt: skip
    reports.say(f"painting {size[1]}x{size[0]} pixels")
    request = Request(size=size, seed=seed, tile=tile, progress=reports.drawing)
    write(out, draw(str(folder), request, device=device, match=match), replace=force)
    return folder
