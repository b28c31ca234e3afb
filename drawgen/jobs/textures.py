"""A larger texture like one photograph."""

from dataclasses import replace
from pathlib import Path

from drawgen import images, models
from drawgen.contract import Request
from drawgen.devices import choose_device
from drawgen.jobs.drawing import sample
from drawgen.jobs.memory import refuse_what_does_not_fit
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.training import train


def texture(
    photo: str,
    out: Path,
    *,
    size: tuple[int, int] = (512, 512),
    tile: bool = False,
    minutes: float = 2.0,
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
    """Fits a spatial LSTM to one photograph and paints a texture of `size` (height, width) like it.

    The fit is kept as a model folder (`save`, else OUT.model beside the picture), where a preview appears while it trains.
    `match` gives the result the photograph's histogram. Returns that folder. Raises ImageError, ValueError, and what
    `train.fit` raises.
    """
    images.check_output(out, force=force)
    images.check_extent(out, *size)
    folder = save or out.with_suffix(".model")
    if not folder.parent.is_dir():
        raise ValueError(f"the folder {folder.parent} does not exist; make it first")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose another folder with --save")
    if folder.exists() and any(folder.iterdir()) and not (force or resume):
        raise ValueError(f"{folder} exists already; go on with --resume, replace it with --force, or choose another with --save")
    preset = models.recipe("ride", "texture")
    recipe = replace(
        preset,
        data=replace(preset.data, path=photo if photo.startswith("photo:") else str(Path(photo).resolve()), longest_px=exemplar_px),
        fit=replace(preset.fit, minutes=minutes, steps=steps, seed=seed, device=device),
    )
    choose_device(device)
    height, width = images.picture_size(photo)
    longest = recipe.data.longest_px
    channels, side, _ = recipe.data.spec().image
    least = recipe.model.neighbourhood
    if side < least:
        raise images.ImageError(
            f"{photo} is {width}x{height} pixels, of which crops of {side} are left to learn from, and at "
            f"least {least} are needed; give a larger photograph, or a larger --exemplar-px than {longest}"
        )
    refuse_what_does_not_fit(size, channels, 1)
    if not resume and 0 < longest < max(height, width):
        reports.say(f"{photo} is {width}x{height} pixels; it is reduced to {longest} on its longer side")
    train("ride", recipe, folder, preset="texture", resume=resume, force=force,
          preview_request=Request(size=(128, 128), seed=seed), reports=reports)  # fmt: skip
    reports.say(f"painting {size[1]}x{size[0]} pixels")
    sample(str(folder), out, size=size, seed=seed, tile=tile, match=match, device=device, force=force, reports=reports)
    return folder
