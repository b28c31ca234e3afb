"""Synthesises a larger texture from one photograph."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen import checkpoint, files, images, models
from drawgen.contract import Recipe, Request, Sample, TextureMap, generator
from drawgen.devices import choose_device
from drawgen.interrupts import Interrupted, plainly
from drawgen.jobs import previews
from drawgen.jobs.answers import Drawn, check_files, with_maps
from drawgen.jobs.asking import Trained, finished, load
from drawgen.jobs.loading import Picture, as_file, name_of, opened
from drawgen.jobs.memory import bytes_at_work, refuse_what_does_not_fit
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.recipe import RECIPE, read_recipe
from drawgen.jobs.reports import Reports
from drawgen.jobs.runs import RunFolder
from drawgen.jobs.texture_trials import INVENTED, MODEL, TRIALS, part_of, recipe_for, settle_warp, tried
from drawgen.jobs.training import train
from drawgen.ranges import ArgumentError, check_choice
from drawgen.textures.maps import as_sample, check_names, check_sizes, named
from drawgen.textures.quilting import STRENGTH, Quilted
from drawgen.textures.set_quilting import quilt_set
from drawgen.textures.yardstick import Yardstick, graininess, unit
from drawgen.training import run_folder

INVENT = ("auto", *INVENTED, "nothing")
TRAINS = 0.9
"""The fraction of the time that training takes, about."""
DEFAULT_SIZE = (512, 512)
FEW_UNITS = 6
"""A photograph with fewer units across is too small to learn its units from."""
FEW_PX = 64
"""A photograph with a shorter side is too small to measure its units."""
LEAST_TILE_PX = 4
"""Smallest side of a quilted tile."""
FIRST_PX = 512
"""Largest side of the quilted picture that is the first preview."""


@dataclass(frozen=True, eq=False, repr=False)
class Texture(Drawn):
    """A texture and its model: `trained.sample(size=..., seed=...)` samples more of the same texture, in seconds.

    >>> import drawgen
    >>> gravel = drawgen.texture("photo:gravel", size=(24, 32), steps=2, exemplar_px=64)
    >>> gravel.trained.sample(size=(16, 16), seed=7).images.shape
    torch.Size([1, 1, 16, 16])
    """

    trained: Trained | None = field(kw_only=True)
    """None if nothing was invented: there is no model then."""
    invented: str = field(kw_only=True)
    """all, detail or nothing."""


@plainly()
def texture(
    photo: Picture,
    out: str | os.PathLike[str] | None = None,
    *,
    size: tuple[int, int] | None = None,
    n: int = 1,
    tile: bool | str = False,
    invent: str = "auto",
    even_out: float = 0.0,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    save: str | os.PathLike[str] | None = None,
    exemplar_px: int = 512,
    maps: Sequence[str | os.PathLike[str]] = (),
    guide: Picture | None = None,
    guide_strength: float = STRENGTH,
    match: bool = True,
    device: str = "auto",
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> Texture:
    """Makes `n` textures of `size` (height, width in pixels; 512 x 512 by default) from one photograph.

    `photo` is a file, photo:NAME for a photograph of scikit-image (brick, grass, gravel ...), a picture of Pillow, an array or a
    tensor; a larger one is first scaled down to `exemplar_px` on its longer side. `invent` says what is new:

    - "all": a spatial LSTM learns the texture and invents every pixel. Structures above about 20 pixels dissolve.
    - "detail": the photograph at half its size is laid out newly from patches, and a spatial LSTM invents every pixel over this
    layout.
    - "nothing": patches of the photograph itself are laid out newly (image quilting), in a second.
    - "auto" chooses between "detail" and "all" by short trials.

    Training takes `minutes` (3), or exactly `steps` steps, a fifth of it in trials on seven eighths of the photograph and the rest
    on all of it; with `steps`, the same `seed` gives the same texture on one machine. `tile` makes it repeat without a seam: True
    in both directions, "x" or "y" in one. Several tiles also fit each other. `even_out` (0 to 1) removes what differs over a long
    distance and betrays the repetition. `match` matches the colours to the photograph's. `device` is auto, cpu, cuda, cuda:N or
    mps. `progress` is called with the fraction done.

    `maps` are files of the photograph's size: normals, heights, roughness and the like, up to eight channels. They are made
    together with the colours, pixel for pixel. `maps` of the result has them by name, and they are written as OUT-NAME.png. FILE is
    named as the file, "NAME=FILE" otherwise. A name with "normal", "nrm" or "nor" in it stands for unit vectors, any other for
    plain numbers, of one channel or three. "alpha" is how opaque the photograph is.

    `guide` is a picture that the texture shows from afar: its bright and dark parts (or its colours, if the photograph has colours,
    too) are laid out from bright and dark parts of the photograph. The default of `size` then has its aspect ratio. With a higher
    `guide_strength` (0 to 1) it is shown more finely, and less is left of the photograph's structures. It needs a layout, so
    `invent` may not be "all".

    Without `out` no picture is written; see `Drawn.save`. `{i}` in `out` gives a file per texture; tiles always get one each. The
    trained model is in the folder `save` (with `out` alone: OUT.model beside it), with a preview during training, and `resume`
    continues an interrupted run. Without both it is in a temporary folder, which is deleted with `trained` of the result. `force`
    replaces existing files.

    Raises ImageError (a ValueError) for a photograph that cannot be read, a ValueError that names an invalid argument,
    TrainingError if training diverges, and Interrupted after Ctrl-C: `so_far` is the model so far (`Trained`), which can `sample`.

    >>> import drawgen
    >>> gravel = drawgen.texture("photo:gravel", size=(24, 32), steps=2, exemplar_px=64)  # minutes=2 for one that is like gravel
    >>> gravel.images.shape
    torch.Size([1, 1, 24, 32])
    >>> gravel.save("gravel.png")
    >>> drawgen.texture("photo:gravel", size=(128, 128), tile=True, invent="nothing").save("tile.png")
    """
    file = None if out is None else Path(out)
    check_choice("invent", invent, INVENT)
    shown = None
    if guide is not None:
        if invent == "all":
            raise ArgumentError("guide", "needs a layout, and with `invent` all there is none; leave one of the two out")
        shown = opened(guide, name_of(guide), covering=size or DEFAULT_SIZE)[0]
        invent = "detail" if invent == "auto" else invent
    size = size or (DEFAULT_SIZE if shown is None else shaped_as(shown))
    request = Request(n=n, size=size, seed=seed, tile=tile, even_out=even_out, guide=shown, guide_strength=guide_strength)
    if invent == "nothing":
        check_untrained(
            file, {"save": save is not None, "resume": resume, "minutes": minutes is not None, "steps": steps is not None}
        )
    entries = [os.fspath(entry) for entry in maps]
    names = check_names(entries)
    if file is not None:
        sources = [name_of(photo), *(source for _, source in map(named, entries) if source)]
        sources += [name_of(guide)] if guide is not None else []
        check_files(file, request, force=force, sources=sources, maps=names)
    with hearing(progress, training=TRAINS if invent != "nothing" else 0.0) as reports, as_file(photo) as name:
        choose_device(device)
        path = name if name.startswith("photo:") else str(Path(name).resolve())
        preset = models.recipe(MODEL, INVENTED.get(invent, INVENTED["all"]))
        check_sizes(name, entries)
        data = replace(preset.data, path=path, longest_px=exemplar_px, maps=tuple(map(absolute_map, entries)))
        fit = {"minutes": preset.fit.minutes if minutes is None else minutes, "steps": steps, "seed": seed, "device": device}
        recipe = replace(preset, data=data, fit=replace(preset.fit, **fit))
        height, width = images.picture_size(name)
        wanted = Path(save) if save is not None else None if file is None else model_folder(file)
        known = begun_as(wanted) if resume and wanted is not None else None
        check_photo(recipe, name, (height, width))
        check_request(request, data.spec().picture[0], known if known is not None and invent == "auto" else invent)
        if not resume and 0 < exemplar_px < max(height, width):
            reports.say(f"{name_of(photo)} is {width}x{height} pixels; it is reduced to {exemplar_px} on its longer side")
        whole, opaque = data.exemplar()
        spec = data.spec()
        exemplar = whole[: spec.colours]
        if not resume:
            tell_unit(exemplar, size, reports)
        request = replace(request, progress=reports.drawing)
        if invent == "nothing":
            drawn = Drawn.of(finished(quilted(whole, opaque, request, spec.maps or ()), request))
            texture = Texture.of(drawn, trained=None, invented=invent)
        else:
            if wanted is None and resume:
                raise ArgumentError("resume", "is true, and no folder is given that holds a run; give `save`")
            if wanted is not None:
                check_folder(wanted, force=force, resume=resume)
            with RunFolder(wanted) as place:
                told = {**fit, "minutes": minutes} if resume else fit
                chosen = trained_on(data, place, invent, told, size, resume=resume, force=force, reports=reports)
                if chosen == "detail":
                    settle_warp(place.folder, exemplar, seed=seed, reports=reports)
                reports.say(f"painting {size[1]}x{size[0]} pixels")
                trained = place.keep(load(place.folder, device=device))
                drawn = trained.draw(request, match=match)
            texture = Texture.of(drawn, trained=trained, invented=chosen)
            if shown is None:
                tell_result(texture.images[0], exemplar, reports)
    if file is not None:
        texture.write(file, apart=bool(tile), replace=force)
    return texture


def trained_on(
    data: Any,
    place: RunFolder,
    invent: str,
    fit: Mapping[str, Any],
    size: tuple[int, int],
    *,
    resume: bool,
    force: bool,
    reports: Reports,
) -> str:
    """Trains a model in the folder, after trials. Returns what it invents."""
    folder = place.folder
    if resume and not run_folder.holds_run(folder) and not ((folder / RECIPE).exists() and checkpoint.states(folder)):
        reports.say(f"{folder} holds nothing to resume; it starts from the beginning")
        resume = False
    minutes = fit["minutes"] or models.recipe(MODEL, INVENTED["all"]).fit.minutes
    whole = replace(data, held_out=0.0)
    notes: list[str] = []
    if resume:
        kept, known = read_recipe(folder), begun_as(folder)
        if invent not in ("auto", known or invent):
            raise ArgumentError("invent", f"is {invent}, and {folder} was started with {known}; leave it out to continue that")
        chosen = known or "all"  # which is refused, where it is another model's
        minutes = kept["fit"].get("minutes") if fit["minutes"] is None else (1 - TRIALS) * minutes
    else:
        first = first_picture(whole, size, fit["seed"])
        folder.mkdir(exist_ok=True)
        if not run_folder.holds_run(folder):
            images.save_image(folder / previews.PICTURE, first)
            reports.show(folder / previews.PICTURE)
        chosen, notes = tried(data, invent, {**fit, "minutes": minutes}, folder, reports)
        if data.maps:
            names = [named(entry)[0] for entry in data.maps]
            notes.append(f"its samples are sets of files: {', '.join(map(str, with_maps([Path('OUT.png')], names)))}")
        minutes *= 1 - TRIALS
    recipe = recipe_for(chosen, whole, {**fit, "minutes": minutes})

    training = part_of(reports, 0.0, 1.0) if resume else part_of(reports, TRIALS, 1 - TRIALS)
    if not resume:
        training = previews.until_first(folder, first, training)
    try:
        train(MODEL, recipe, folder, preset=INVENTED[chosen], resume=resume, force=force, notes=notes,
              preview_request=Request(size=(128, 128), seed=fit["seed"]), reports=replace(reports, training=training))  # fmt: skip
    except Interrupted as stop:
        if run_folder.holds_run(folder):
            stop.so_far = place.keep(load(folder, device=fit["device"]))
        raise
    return chosen


# ---------------------------------------------------------------- the photograph


def absolute_map(entry: str) -> str:
    """A map's NAME=FILE with the whole path of the file, which is valid in any working folder."""
    name, file = named(entry)
    return f"{name}={Path(file).resolve()}" if file and not file.startswith("photo:") else entry


def quilted(exemplar: Float[Tensor, "C H W"], opaque: Tensor | None, request: Request, maps: Sequence[TextureMap] = ()) -> Sample:
    """Pictures of the photograph's own pixels, and of its maps'."""
    assert request.size is not None
    guide = None if request.guide is None else images.fit_to(request.guide, (len(request.guide), *request.size))
    found: list[Quilted] = []

    def progress(share: float) -> None:
        if request.progress is not None:
            request.progress((len(found) + share) / request.n)

    for index in range(request.n):
        border = found[0] if index and all(request.closes) else None
        options: dict[str, Any] = {"tile": request.closes, "opaque": opaque, "border": border, "progress": progress}
        options |= {"guide": guide, "strength": request.guide_strength}
        found.append(quilt_set(exemplar, maps, request.size, rng=request.rng(index), **options))
    return as_sample(torch.stack([one.image for one in found]), maps)


def shaped_as(picture: Float[Tensor, "C H W"]) -> tuple[int, int]:
    """The default size of a texture that shows a picture: of its aspect ratio, as long as the usual one."""
    height, width = picture.shape[1:]
    longest = max(DEFAULT_SIZE)
    return (
        (longest, max(longest * width // height, 2) & ~1) if height > width else (max(longest * height // width, 2) & ~1, longest)
    )


def first_picture(data: Any, size: tuple[int, int], seed: int) -> Float[Tensor, "C H W"]:
    """A quilted picture, which is the preview until there is a better one."""
    exemplar, opaque = data.exemplar()
    least = (min(size[0], FIRST_PX), min(size[1], FIRST_PX))
    spec = data.spec()
    return quilt_set(exemplar, spec.maps or (), least, opaque=opaque, rng=generator(seed)).image[: spec.colours]


def tell_unit(exemplar: Float[Tensor, "C H W"], size: tuple[int, int], reports: Reports) -> None:
    """Says how large the photograph's units (stones, bricks, leaves) are, where that is too large."""
    shorter = min(exemplar.shape[1:])
    if shorter < FEW_PX:
        return
    side = unit(exemplar)
    if shorter < FEW_UNITS * side:
        room = f"{shorter / side:.0f}"
        reports.say(
            f"the photograph shows things of about {side:.0f} pixels, and only {room} of them fit side by side, which is little to "
            "learn from; a photograph of a larger area would be better"
        )
    elif min(size) < 2 * side:
        reports.say(
            f"the photograph shows things of about {side:.0f} pixels, of which {size[1]}x{size[0]} pixels have room for few"
        )


def tell_result(image: Float[Tensor, "C H W"], exemplar: Float[Tensor, "C H2 W2"], reports: Reports) -> None:
    """Says how near the texture is to its photograph."""
    try:
        structure = Yardstick(exemplar).structure(image)
    except ArgumentError:
        return
    grain = graininess(image, exemplar)
    reports.say(f"structure {structure:.2f} (1: as far from the photograph as a part of it from another), grain {grain.mean:.2f} "
                "(1: the photograph's)")  # fmt: skip


# ---------------------------------------------------------------- checks


def model_folder(file: Path) -> Path:
    """OUT.model beside the picture; without {i}, and what joins it to the rest of the name."""
    if "{i}" not in file.name:
        return file.with_suffix(".model")
    return file.with_name((file.stem.replace("{i}", "").strip("-_. ") or "texture") + ".model")


def begun_as(folder: Path) -> str | None:
    """What the run in a folder invents; None if there is none, or it is another model's."""
    if not (folder / RECIPE).is_file():
        return None
    kept = read_recipe(folder)
    return next((name for name, preset in INVENTED.items() if (kept["model"], kept["preset"]) == (MODEL, preset)), None)


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


def check_untrained(file: Path | None, given: Mapping[str, bool]) -> None:
    """Raises ArgumentError for what has no meaning where nothing is invented."""
    for name, there in given.items():
        if there:
            raise ArgumentError("invent", f"is nothing, which trains no model; leave `{name}` out")
    if file is not None and file.suffix.lower() in images.MOVING and images.moves(file, False):
        stills = " ".join(images.STILL)
        raise ArgumentError("invent", f"is nothing, which samples nothing that {file} could show; choose one of {stills}")


def check_photo(recipe: Recipe, photo: str, found: tuple[int, int]) -> None:
    """Raises ImageError for a photograph that is too small (`found`: height, width)."""
    side, least = recipe.data.spec().picture[1], recipe.model.neighbourhood
    if side < least:
        raise images.ImageError(
            f"{photo} is {found[1]}x{found[0]} pixels, of which crops of {side} are left to learn from, and at "
            f"least {least} are needed; give a larger photograph, or a larger `exemplar_px` than {recipe.data.longest_px}"
        )


def check_request(request: Request, channels: int, invent: str) -> None:
    """Raises ValueError for textures that cannot be made; where there is a choice, for what one of them cannot make."""
    assert request.size is not None
    configs = [models.recipe(MODEL, preset).model for name, preset in INVENTED.items() if invent in ("auto", name)]
    for config in configs or [None]:
        check_tile(request, config)
    working = max(bytes_at_work(channels, config, even_out=request.even_out) for config in configs or [None])
    refuse_what_does_not_fit(request.size, channels, request.n, working=working)


def check_tile(request: Request, config: Any) -> None:
    """`config` is the model's; None if nothing is invented."""
    assert request.size is not None
    height, width = request.size
    least, factor = (LEAST_TILE_PX, 1) if config is None else (config.least_tile_px, config.layout or 1)
    if request.tile and min(height, width) < least:
        raise ArgumentError("size", f"is {width}x{height}; a tile has to be at least {least}x{least} pixels")
    if any(closes and side % factor for side, closes in zip(request.size, request.closes, strict=True)):
        raise ArgumentError(
            "size",
            f"is {width}x{height}; where a tile with new detail repeats, its sides are multiples of {factor}; choose such a size, "
            "or all or nothing for `invent`",
        )
