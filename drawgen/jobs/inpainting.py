"""Fills holes of a photograph, and extends it beyond its edges.

Axes: C channels, H W rows and columns.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from drawgen import files, images, models
from drawgen.contract import Repairs, Request, Sample, generator
from drawgen.data.pictures import OPAQUE, Crops
from drawgen.devices import choose_device
from drawgen.interrupts import Interrupted, plainly
from drawgen.jobs import previews
from drawgen.jobs.asking import Trained, load
from drawgen.jobs.loading import Picture, as_file, name_of, opened
from drawgen.jobs.memory import refuse_more_than_there_is
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.recipe import read_recipe
from drawgen.jobs.reports import Reports
from drawgen.jobs.runs import RunFolder
from drawgen.jobs.texture_trials import INVENTED, MODEL
from drawgen.jobs.textures import TRAINS, Texture, check_folder, check_untrained, model_folder
from drawgen.jobs.training import train
from drawgen.jobs.verbs import that_can
from drawgen.masks import read_mask
from drawgen.ranges import ArgumentError, check_choice, check_range, check_size
from drawgen.textures.filling import DRIFT, SIDE, fill, surroundings
from drawgen.training import run_folder

INVENT = ("nothing", "detail")
SIDEWAYS = (0.05, 0.0)
"""`drift` of a picture that is extended to the left or right: what is added at some height comes from about that height."""
DEEP = (".png", ".tif", ".tiff")
"""Endings of files that may have 16 bits per channel."""
BYTES_HELD = 80
"""Bytes per pixel of the whole picture, as measured."""
BYTES_AT_WORK = 250
"""Bytes more per pixel of the part around the hole that is filled from, as measured."""


@plainly()
def inpaint(
    photo: Picture,
    out: str | os.PathLike[str] | None = None,
    *,
    mask: Picture | None = None,
    source: Picture | None = None,
    invent: str | None = None,
    model: str | os.PathLike[str] | Trained | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    save: str | os.PathLike[str] | None = None,
    device: str = "auto",
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> Texture:
    """Fills the hole of a photograph; everything outside the hole stays as it is.

    `photo` is a file, photo:NAME, a picture of Pillow, an array or a tensor. `mask` is a picture of the same size: white where the
    photograph is to be filled, black where it is to be kept. Without it, transparent parts are filled. `source` is another mask:
    white where pixels may be taken or learned from.

    `invent` says what is new in the hole:

    - "nothing" (the default): pixels of the rest, joined along cuts that do not show, in a second or two.
    - "detail": over that filling at half its size, a spatial LSTM that has learned from the rest invents every pixel. It is trained
    for `minutes` (3) or `steps`, in the folder `save` (with `out` alone: OUT.model beside it); `resume` continues an interrupted
    run. `model` is a trained model instead, a folder or MODEL:NAME.

    The same `seed` gives the same filling on one machine. `force` replaces existing files. Without `out` nothing is written; see
    `Drawn.save`. Raises ImageError (a ValueError) for pictures that cannot be read, a ValueError that names an invalid argument,
    and Interrupted after Ctrl-C in training.

    >>> import drawgen, torch
    >>> mask = torch.zeros(1, 512, 512)
    >>> mask[:, 200:230, 100:140] = 1
    >>> filled = drawgen.inpaint("photo:gravel", mask=mask)
    >>> filled.images.shape
    torch.Size([1, 1, 512, 512])
    >>> filled.save("mended.png")
    """
    file = None if out is None else Path(out)
    fit = {"minutes": minutes, "steps": steps, "seed": seed, "device": device}
    invent = checked(invent, model, fit, save, resume)
    with ExitStack() as stack:
        reports = stack.enter_context(hearing(progress, training=TRAINS))
        name, hole_file, source_file = (None if one is None else stack.enter_context(as_file(one)) for one in (photo, mask, source))
        assert name is not None
        if file is not None:
            images.check_output(
                file, force=force, kinds=images.STILL, sources=[one for one in (name, hole_file, source_file) if one]
            )
        colours, alpha = straight(photo)
        opaque = None if alpha is None else alpha[0] > OPAQUE
        size = (colours.shape[1], colours.shape[2])
        if hole_file is not None:
            hole = read_mask(hole_file, size)
        elif opaque is not None and not opaque.all():
            hole = ~opaque
        else:
            raise ArgumentError(
                "mask",
                f"is not given, and {name_of(photo)} has no transparent parts to fill; give a mask, white where it is to be filled",
            )
        usable = ~hole if source_file is None else ~hole & read_mask(source_file, size)
        usable = usable if opaque is None else usable & opaque
        masks = " and ".join(one for one in (hole_file, source_file) if one)
        if not usable.any():
            raise images.ImageError(f"{masks} leaves nothing of {name_of(photo)} to take from; leave more of it")
        if not hole.any():
            reports.say(f"the mask {hole_file} is black, so there is nothing to fill; make it white where there is")
        data = crops_of(name, hole=hole_file or "", source=source_file or "")
        task = Task(colours, alpha, hole, usable, DRIFT, data, name_of(photo), f"{masks} leaves" if masks else "there is")
        made = mended(task, file, invent=invent, model=model, fit=fit, save=save, resume=resume, force=force, reports=reports)
        if file is not None:
            write(made, file, name, force=force, reports=reports)
    return made


@plainly()
def extend(
    photo: Picture,
    out: str | os.PathLike[str] | None = None,
    *,
    by: Sequence[int] | None = None,
    size: tuple[int, int] | None = None,
    source: Picture | None = None,
    invent: str | None = None,
    model: str | os.PathLike[str] | Trained | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    save: str | os.PathLike[str] | None = None,
    device: str = "auto",
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> Texture:
    """Extends a photograph beyond its edges; the photograph itself stays as it is.

    `by` is by how many pixels: left, top, right, bottom. Or `size` (height, width) is what it becomes, with the photograph in the
    middle. All else is as for `inpaint`.

    >>> import drawgen
    >>> wall = drawgen.extend("photo:brick", by=(0, 0, 40, 0))
    >>> wall.images.shape
    torch.Size([1, 1, 512, 552])
    """
    file = None if out is None else Path(out)
    fit = {"minutes": minutes, "steps": steps, "seed": seed, "device": device}
    invent = checked(invent, model, fit, save, resume)
    if (by is None) == (size is None):
        raise ArgumentError("by", "and `size` are two ways to say the same; give one of them")
    if by is not None:
        if len(by) != 4 or any(side != round(side) for side in by):
            raise ArgumentError("by", f"is {by}; give four numbers of pixels, as (0, 0, 512, 0) (left, top, right, bottom)")
        check_range("by", tuple(by), at_least=0)
    if size is not None:
        check_size(size)
    with ExitStack() as stack:
        reports = stack.enter_context(hearing(progress, training=TRAINS))
        name, source_file = (None if one is None else stack.enter_context(as_file(one)) for one in (photo, source))
        assert name is not None
        height, width = images.picture_size(name)
        if by is None:
            assert size is not None
            if size[0] < height or size[1] < width:
                raise ArgumentError(
                    "size", f"is {size[1]}x{size[0]}, smaller than {name_of(photo)} ({width}x{height}); give a larger one"
                )
            down, along = size[0] - height, size[1] - width
            by = (along // 2, down // 2, along - along // 2, down - down // 2)
        left, top, right, bottom = by
        if file is not None:
            images.check_extent(file, height + top + bottom, width + left + right)
        check_room((height + top + bottom, width + left + right), None, "less by `by` or `size`")
        if file is not None:
            images.check_output(file, force=force, kinds=images.STILL, sources=[one for one in (name, source_file) if one])
        colours, alpha = straight(photo)

        def beyond(part: Tensor, value: float) -> Tensor:
            return F.pad(part, (left, right, top, bottom), value=value)

        usable = torch.ones(height, width, dtype=torch.bool) if source_file is None else read_mask(source_file, (height, width))
        usable = usable if alpha is None else usable & (alpha[0] > OPAQUE)
        if not usable.any():
            raise images.ImageError(f"{source_file or name_of(photo)} leaves no opaque pixels to take from; leave more of them")
        hole = beyond(torch.zeros(height, width, dtype=torch.bool), True)
        task = Task(
            beyond(colours, 0), None if alpha is None else beyond(alpha, 1), hole, beyond(usable, False),
            SIDEWAYS if left or right else (0.0, 0.0), crops_of(name, source=source_file or ""), name_of(photo),
            f"{source_file} leaves" if source_file else "there is",
        )  # fmt: skip
        made = mended(task, file, invent=invent, model=model, fit=fit, save=save, resume=resume, force=force, reports=reports)
        if file is not None:
            write(made, file, name, force=force, reports=reports)
    return made


@dataclass(frozen=True, eq=False)
class Task:
    """A picture and its hole."""

    colours: Float[Tensor, "C H W"]
    """Those of the file, even where none of them shows."""
    alpha: Float[Tensor, "1 H W"] | None
    hole: Bool[Tensor, "H W"]
    usable: Bool[Tensor, "H W"]
    """Pixels that may be taken, none of them in the hole."""
    drift: tuple[float, float]
    """Of `fill`."""
    data: Crops
    """What a model learns from."""
    name: str
    left: str
    """What the masks do, as in "MASK leaves" no pixels; "there is" without any."""


def straight(photo: Picture) -> tuple[Float[Tensor, "C H W"], Float[Tensor, "1 H W"] | None]:
    """The colours of a photograph as they are, not over white, and how opaque it is."""
    if isinstance(photo, (str, os.PathLike)):
        return images.load_with_alpha(photo, over_white=False)
    picture, alpha = opened(photo, name_of(photo))
    if alpha is None:
        return picture, None
    return ((picture.expand(3, -1, -1) + alpha - 1) / alpha.clamp(min=1 / 255)).clamp(0, 1), alpha


def write(made: Texture, file: Path, photo: str, *, force: bool, reports: Reports) -> None:
    """Writes the picture, with 16 bits per channel if the photograph has them."""
    try:
        deep = Path(photo).suffix.lower() in DEEP and images.load_numbers(photo)[1] == 16
    except images.ImageError:  # not grey or RGB: 8 bits
        deep = False
    if deep and file.suffix.lower() == ".png":
        files.write_output(file, images.png(made.images[0], bits=16), replace=force)
        return
    if deep:
        reports.say(f"{photo} has 16 bits per channel, and {file} will have 8; PNG keeps them")
    made.write(file, replace=force)


def checked(invent: str | None, model: object, fit: dict[str, Any], save: object, resume: bool) -> str:
    """What is invented, by default. Raises ArgumentError for what does not go together."""
    if invent is None:
        invent = "nothing" if model is None else "detail"
    check_choice("invent", invent, INVENT)
    check_range("seed", fit["seed"], at_least=0)
    given = {"save": save is not None, "resume": resume, "minutes": fit["minutes"] is not None, "steps": fit["steps"] is not None}
    if invent == "nothing":
        check_untrained(None, {"model": model is not None, **given})
    elif model is not None and any(given.values()):
        raise ArgumentError("model", f"is given, so nothing is trained; leave `{next(k for k, v in given.items() if v)}` out")
    choose_device(fit["device"])
    return invent


def crops_of(name: str, *, hole: str = "", source: str = "") -> Crops:
    """Crops of the photograph outside the hole, where it may be used, at its own size."""
    path, *masks = (one if not one or one.startswith("photo:") else str(Path(one).resolve()) for one in (name, hole, source))
    return replace(
        models.recipe(MODEL, INVENTED["detail"]).data, path=path, hole=masks[0], source=masks[1], longest_px=0, held_out=0.0
    )


def mended(
    task: Task,
    file: Path | None,
    *,
    invent: str,
    model: str | os.PathLike[str] | Trained | None,
    fit: dict[str, Any],
    save: str | os.PathLike[str] | None,
    resume: bool,
    force: bool,
    reports: Reports,
) -> Texture:
    """The picture with its hole filled."""
    trained = None if model is None else model if isinstance(model, Trained) else load(os.fspath(model), device=fit["device"])
    picture = task.colours if task.alpha is None else task.colours * task.alpha + 1 - task.alpha
    if trained is not None:
        that_can(trained.model, Repairs, trained.source)
        picture = suited(picture, task.name, trained)
    check_transparency(task, file)
    everything = bool((task.usable | task.hole).all())
    check_room((picture.shape[1], picture.shape[2]), task.hole if everything else None, "a smaller photograph")
    wanted = Path(save) if save is not None else None if file is None else model_folder(file)
    if invent == "detail" and trained is None and task.hole.any():
        check_learnable(task)
        if wanted is not None:
            check_folder(wanted, force=force, resume=resume)
    rng = generator(fit["seed"])
    try:
        first = fill(
            picture, task.hole, source=None if everything else task.usable, drift=task.drift, rng=rng, progress=reports.drawing
        )
    except ArgumentError as error:
        if error.name != "hole":
            raise
        raise images.ImageError(
            f"{task.left} no square of {SIDE}x{SIDE} pixels of {task.name} to take from; give more of it"
        ) from error
    image = first.image
    if invent == "detail" and task.hole.any():
        if trained is None:
            with RunFolder(wanted) as place:
                trained = learned(task, place, image, fit, resume=resume, force=force, reports=reports)
        repairing: Any = trained.model
        image = repairing.repair(image[None], task.hole[None], rng=rng).images[0].cpu()
    return Texture.of(Sample(with_alpha(image, task)[None]), trained=trained, invented=invent)


def suited(picture: Float[Tensor, "C H W"], name: str, trained: Trained) -> Float[Tensor, "C2 H W"]:
    """The picture with as many channels as the model's. Raises ArgumentError."""
    channels = trained.spec.picture[0]
    if trained.spec.maps:
        raise ArgumentError(
            "model", f"is {trained.source}, of a photograph with maps, which {name} has not; give a model of a photograph alone"
        )
    if len(picture) == channels:
        return picture
    if len(picture) != 1:
        raise ArgumentError(
            "model", f"is {trained.source}, of grey pictures, and {name} has colours; give a model of such pictures"
        )
    return picture.expand(channels, -1, -1)


def learned(
    task: Task, place: RunFolder, first: Float[Tensor, "C H W"], fit: dict[str, Any], *, resume: bool, force: bool, reports: Reports
) -> Trained:
    """A model of what may be used of the photograph. The first filling is its preview until there is a better one."""
    folder, preset = place.folder, models.recipe(MODEL, INVENTED["detail"])
    check_folder(folder, force=force, resume=resume)
    if resume and not run_folder.holds_run(folder):
        reports.say(f"{folder} holds nothing to resume; it starts from the beginning")
        resume = False
    folder.mkdir(exist_ok=True)
    if not run_folder.holds_run(folder):
        images.save_image(folder / previews.PICTURE, first)
    known = {name: value for name, value in fit.items() if value is not None}
    if resume and fit["minutes"] is None:  # those that it was started with
        known["minutes"] = read_recipe(folder)["fit"].get("minutes")
    recipe = replace(preset, data=task.data, fit=replace(preset.fit, **known))
    training = reports.training if resume else previews.until_first(folder, first, reports.training)
    try:
        train(MODEL, recipe, folder, preset=INVENTED["detail"], resume=resume, force=force,
              preview_request=Request(size=(128, 128), seed=fit["seed"]), reports=replace(reports, training=training))  # fmt: skip
    except Interrupted as stop:
        if run_folder.holds_run(folder):
            stop.so_far = place.keep(load(folder, device=fit["device"]))
        raise
    return place.keep(load(folder, device=fit["device"]))


def with_alpha(image: Float[Tensor, "C H W"], task: Task) -> Float[Tensor, "C2 H W"]:
    """The picture with the photograph's colours and transparency, but none in the hole."""
    colours = torch.where(task.hole, image, task.colours)
    alpha = remaining(task)
    return colours if alpha is None else torch.cat([colours.expand(3, -1, -1), alpha])


def remaining(task: Task) -> Float[Tensor, "1 H W"] | None:
    """The photograph's transparency, but none in the hole; None if nothing is left of it."""
    alpha = None if task.alpha is None else task.alpha.masked_fill(task.hole, 1.0)
    return None if alpha is None or bool((alpha == 1).all()) else alpha


# ---------------------------------------------------------------- checks


def check_transparency(task: Task, file: Path | None) -> None:
    """Raises ImageError for a file that cannot hold it."""
    if file is not None and images.STILL[file.suffix.lower()] == "JPEG" and remaining(task) is not None:
        raise images.ImageError(
            f"{file} cannot be written as JPEG, which has no transparency, as {task.name} has; choose another ending, as .png"
        )


def check_learnable(task: Task) -> None:
    """Raises ImageError where too little is left for a model to learn from."""
    least = models.recipe(MODEL, INVENTED["detail"]).model.neighbourhood
    side = task.data.side()
    if side < least:
        raise images.ImageError(
            f"{task.left} a square of {side} pixels of {task.name} to learn from, and at least {least} are needed; give more of "
            "it, or choose nothing for `invent`"
        )


def check_room(size: tuple[int, int], hole: Bool[Tensor, "H W"] | None, less: str) -> None:
    """Raises ValueError for pictures that the memory has no room for. `hole`: None if it is filled from the whole picture."""
    top, bottom, left, right = (0, size[0], 0, size[1]) if hole is None else surroundings(hole) if hole.any() else (0, 0, 0, 0)
    need = size[0] * size[1] * BYTES_HELD + (bottom - top) * (right - left) * BYTES_AT_WORK
    refuse_more_than_there_is(need, f"{size[1]}x{size[0]} pixels", less)
