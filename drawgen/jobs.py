"""What a person comes to do, one function each: plain values in, files out. The command line and `scripts/` are thin over it."""

import html
import itertools
import math
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

import drawgen
from drawgen import captioning, checkpoint, images, models, painting
from drawgen.contract import Recipe, Request, Sample, Spec, Totals, generator
from drawgen.data import caption_scores
from drawgen.data.pictures import DataError
from drawgen.devices import choose_device
from drawgen.interrupts import Interrupted, signals
from drawgen.strokes import Painting
from drawgen.train import BUILD, Fit, Outcome, Progress, evaluate, fit

RECIPE = "recipe.json"
NO_PICTURE = Spec().image
VECTOR = (".svg", ".json")
"""Endings of files that hold strokes."""
MOST_TOLD = 20
"""Entries that are named when they were left out."""
BETWEEN = "\n----\n"
"""Stands between two texts."""


@dataclass(frozen=True)
class Reports:
    """Who wants to hear how long work goes; every one may be None."""

    training: Callable[[Progress], None] | None = None
    drawing: Callable[[float], None] | None = None
    """The share of the pictures that is drawn."""
    strokes: Callable[[painting.Progress], None] | None = None
    message: Callable[[str], None] | None = None
    writing: Callable[[str], None] | None = None
    """A piece of text, as it comes."""

    def say(self, text: str) -> None:
        if self.message is not None:
            self.message(text)


SILENT = Reports()


# ---------------------------------------------------------------- training


def train(
    model: str,
    recipe: Recipe,
    out: Path,
    *,
    preset: str = "",
    resume: bool = False,
    force: bool = False,
    preview_request: Request | None = None,
    reports: Reports = SILENT,
) -> Outcome:
    """Trains a model in the run folder `out`, which becomes a model folder: `drawgen sample out` works from its first
    checkpoint on. With `resume` the recipe has to be the one that the run began with. Raises ValueError."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    asked = {"model": model, "preset": preset, "ranks": ranks, **plain(recipe)}
    if resume:
        kept = read_recipe(out)
        refuse_changes(out, kept, asked)
        recipe = replace(recipe, fit=checkpoint.from_plain(Fit, kept["fit"], where=str(out / RECIPE)))
    spec = recipe.data.spec()
    if resume and checkpoint.read_model(out).spec != spec:
        raise DataError(f"{describe_data(recipe)} has other symbols or sizes than when {out} was begun; take the same data")
    built = recipe.model.build(spec, rng=generator(recipe.fit.seed, BUILD))
    data = describe_data(recipe)

    describes = hasattr(built, "caption")
    preview_name = "preview.txt" if spec.image == NO_PICTURE or describes else "preview.png"

    def begin(steps: int) -> None:
        shown = f", and {preview_name} in it shows how far it is" if describes or hasattr(built, "sample") else ""
        reports.say(f"training for {steps} steps; the model is kept in {out}{shown}")
        if (out / RECIPE).exists() and resume and recipe.fit.steps is not None:
            return
        known = replace(recipe, fit=replace(recipe.fit, steps=steps))
        # A path on this machine is nothing for others.
        published = recipe.model.published() if hasattr(recipe.model, "published") else recipe.model
        checkpoint.write_model(out, model, published, spec)
        checkpoint.write_card(out, card(model, preset, known, data, None))
        checkpoint.write_json(out / RECIPE, {"model": model, "preset": preset, "ranks": ranks, **plain(known)})

    def preview(averaged: Any, _step: int) -> None:
        if describes:
            seen = next(iter(recipe.data.stream("valid", seed=0)), None)
            if seen is not None:
                images.save_image(out / "preview.png", images.grid(seen.images[:8], columns=4))
                found = averaged.caption(seen.images[:8].to(device_of(averaged)), beams=1)
                checkpoint.write_atomically(out / preview_name, "".join(best.text + "\n" for best, *_ in found).encode())
            return
        sample = averaged.sample(preview_request or Request(n=4, seed=recipe.fit.seed, length=500))
        if spec.image == NO_PICTURE:
            checkpoint.write_atomically(out / preview_name, BETWEEN.join(sample.texts).encode())
        else:
            images.save_image(out / preview_name, images.grid(sample.images.cpu()))

    outcome = fit(
        built, recipe.data, recipe.fit, out, resume=resume, replace=force,
        on_steps=begin, on_log=reports.training, on_preview=preview if describes or hasattr(built, "sample") else None,
    )  # fmt: skip
    tell_problems(recipe.data, reports)
    if int(os.environ.get("RANK", "0")) == 0:
        checkpoint.write_card(
            out, card(model, preset, replace(recipe, fit=replace(recipe.fit, steps=outcome.steps)), data, outcome)
        )
    return outcome


def plain(recipe: Recipe) -> dict[str, Any]:
    return {part: checkpoint.to_plain(getattr(recipe, part)) for part in ("data", "fit")} | {
        "config": checkpoint.to_plain(recipe.model)
    }


def read_recipe(folder: Path) -> dict[str, Any]:
    """The recipe of a run folder. Raises CheckpointError."""
    if not (folder / RECIPE).is_file():
        raise checkpoint.CheckpointError(f"{folder} holds no run to go on with ({RECIPE} is not there); leave out --resume")
    kept: dict[str, Any] = checkpoint.read_json(folder / RECIPE)
    parts = ("data", "fit", "config")
    whole = isinstance(kept, dict) and {"model", "preset", "ranks", *parts} <= set(kept)
    if not whole or not all(isinstance(kept[part], dict) for part in parts):
        raise checkpoint.CheckpointError(f"{folder / RECIPE} is not a run's recipe; start again in another folder")
    return kept


def stored_recipe(folder: Path) -> tuple[str, str, Recipe]:
    """(model, preset, recipe) of a run folder."""
    kept = read_recipe(folder)
    where = str(folder / RECIPE)
    known = models.presets(kept["model"]) if kept["model"] in models.names() else {}
    first = models.recipe(kept["model"], kept["preset"] if kept["preset"] in known else None)  # for the kinds of its parts
    parts = {
        "model": checkpoint.from_plain(type(first.model), kept["config"], where=where),
        "data": checkpoint.from_plain(type(first.data), kept["data"], where=where),
        "fit": checkpoint.from_plain(Fit, kept["fit"], where=where),
    }
    return kept["model"], kept["preset"], Recipe(**parts, about="")


def refuse_changes(out: Path, kept: dict[str, Any], asked: dict[str, Any]) -> None:
    """Names the first thing in which a resumed run would differ from what it was. A number of steps that was measured from
    minutes is no change."""
    for part in ("model", "preset", "ranks"):
        if kept[part] != asked[part]:
            name = "number of processes" if part == "ranks" else part
            raise ValueError(f"{out} was begun with {name} {kept[part]!r}, not {asked[part]!r}; resume it the same way")
    for part, prefix in (("config", "model"), ("data", "data"), ("fit", "fit")):
        for name, value in asked[part].items():
            before = kept[part].get(name)
            if (part, name) == ("fit", "steps") and value is None:
                continue
            if before != value:
                raise ValueError(
                    f"{out} was begun with {prefix}.{name} {before!r}, not {value!r}; resume it unchanged, or start another"
                )


def describe_data(recipe: Recipe) -> str:
    """What the card says of the data: a name, never a path."""
    path = str(getattr(recipe.data, "path", ""))
    return path if path.startswith("photo:") else Path(path).name


def machine() -> str:
    """The computer in words: for model cards and results."""
    words = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        words = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), words)
    except OSError:
        pass
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{words}, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores{gpu}"


def card(model: str, preset: str, recipe: Recipe, data: str, outcome: Outcome | None) -> str:
    """The README.md of a model folder."""
    settings = recipe.fit
    verb, ending = ("Write with", "txt") if recipe.data.spec().image == NO_PICTURE else ("Draw from", "png")
    lines = [
        f"# {model}: {data or preset}",
        "",
        f"A `{model}` model (drawgen {drawgen.__version__}). {verb} it: `drawgen sample FOLDER -o OUT.{ending}`.",
        "",
        f"- data: {data or 'see the preset'}",
        "- licence of the data: that of what it was trained on",
        f"- preset: {preset or 'none'}; steps: {settings.steps}; seed: {settings.seed}",
    ]
    if outcome is None:
        lines.append("- training has not ended yet")
    else:
        lines.append(f"- training: {outcome.steps} steps in {outcome.seconds:.0f} s on {machine()}, torch {torch.__version__}")
        single = {name: value for name, value in outcome.scores.items() if not name[-1].isdigit()}  # no series by step
        lines += [f"- {name}, validation part: {value:.4f}" for name, value in single.items()]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- textures


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
    loaded = images.load_image(photo)
    longest = recipe.data.longest_px
    channels, side, _ = recipe.data.spec().image
    least = recipe.model.neighbourhood
    if side < least:
        raise images.ImageError(
            f"{photo} is {loaded.shape[2]}x{loaded.shape[1]} pixels, of which crops of {side} are left to learn from, and at "
            f"least {least} are needed; give a larger photograph, or a larger --exemplar-px than {longest}"
        )
    refuse_what_does_not_fit(size, channels, 1)
    if not resume and 0 < longest < max(loaded.shape[1:]):
        reports.say(f"{photo} is {loaded.shape[2]}x{loaded.shape[1]} pixels; it is reduced to {longest} on its longer side")
    train("ride", recipe, folder, preset="texture", resume=resume, force=force,
          preview_request=Request(size=(128, 128), seed=seed), reports=reports)  # fmt: skip
    reports.say(f"painting {size[1]}x{size[0]} pixels")
    sample(str(folder), out, size=size, seed=seed, tile=tile, match=match, device=device, force=force, reports=reports)
    return folder


# ---------------------------------------------------------------- paintings


def paint(
    photo: str,
    out: Path,
    *,
    strokes: int | None = None,
    seconds: float | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    detail_px: int | None = None,
    least_radius: float | None = None,
    opacity: float | None = None,
    palette: str | None = None,
    background: str | None = None,
    animate: bool = False,
    force: bool = False,
    reports: Reports = SILENT,
) -> None:
    """Paints a photograph in strokes, or draws the strokes of a JSON file again, and writes what `out` ends in: a picture of `size`
    (height, width), an animation of the painting (`animate`: a PNG or WebP moves, too), SVG, or the strokes as JSON. Settings that
    are None have the defaults of `painting.Style`. On Ctrl-C the painting so far is written. Raises ImageError, ValueError,
    Interrupted."""
    images.check_output(out, force=force, kinds=kinds_for(animate))
    kind = out.suffix.lower()
    moving = kind not in VECTOR and moves(out, animate)
    frames = 96 if moving else 1
    refuse_what_does_not_fit(size or (1024, 1024), 3, 1 + frames // 16)
    torch.set_num_threads(1)
    interrupt = 0
    settings: dict[str, Any] = {
        "strokes": strokes, "detail_px": detail_px, "least_radius": least_radius, "opacity": opacity, "palette": palette,
        "background": background,
    }  # fmt: skip
    settings = {name: value for name, value in settings.items() if value is not None}
    if photo.lower().endswith(".json"):
        given = [*settings, *(["seconds"] if seconds is not None else [])]
        if given:
            raise ValueError(f"{photo} is painted already; leave --{given[0].replace('_', '-')} out, or give the photograph")
        painted = Painting.read(Path(photo))
        if size is not None and abs(size[0] / size[1] * painted.size[1] / painted.size[0] - 1) > 0.02:
            height, width = painted.fitted(max(size))
            raise ValueError(f"{photo} has another aspect than --size {size[1]}x{size[0]}; it can be drawn at {width}x{height}")
    else:
        if seed < 0:
            raise ValueError(f"--seed is {seed}; it has to be at least 0")
        image = images.load_image(photo)
        if size is not None:
            image = images.middle(image, *size)
        if palette is not None:
            settings["palette"] = painting.parse_palette(palette, image)
        if background is not None:
            settings["background"] = painting.parse_colour(background, "--background")
        style = painting.Style(**settings)
        with signals() as noted:
            painted = painting.fit(image, style, seconds=seconds, on_progress=reports.strokes, stop=noted, rng=generator(seed))
            interrupt = noted()
    height, width = size or painted.fitted(512 if moving else 1024)
    if kind == ".json":
        checkpoint.write_atomically(out, painted.json().encode())
    elif kind == ".svg":
        checkpoint.write_atomically(out, painted.svg(height, width).encode())
    elif moving:
        images.save_animation(out, painted.stages(frames, height, width), seconds=6.0)
    else:
        images.save_image(out, painted.draw(height, width))
    if interrupt:
        raise Interrupted(interrupt, f"interrupted; {out} is the painting so far, {len(painted.strokes)} strokes")


# ---------------------------------------------------------------- sampling and measuring


def draw(source: str, request: Request, *, device: str = "cpu", match: bool = True) -> Sample:
    """Pictures from a trained model; `match` gives them the histogram that the model remembers, if it does."""
    torch.set_num_threads(1)  # steps are small: more threads wait for each other, and on a busy machine for long
    model = that_can(models.load(source, device=device), "sample", source)
    sampled: Sample = model.sample(request)
    histogram = getattr(model, "histogram", None)
    if match and histogram is not None:
        matched = images.match_histogram(sampled.images.cpu(), histogram.cpu())
        return Sample(matched, lambda count: model.reveal(matched, count))
    frames = sampled.frames
    on_cpu = None if frames is None else lambda count: (frame.cpu() for frame in frames(count))
    strokes = None if sampled.strokes is None else sampled.strokes.cpu()
    return Sample(sampled.images.cpu(), on_cpu, {name: boxes.cpu() for name, boxes in sampled.boxes.items()}, strokes)


def sample(
    source: str,
    out: Path | None = None,
    *,
    n: int = 1,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    temperature: float = 1.0,
    tile: bool = False,
    match: bool = True,
    boxes: bool = False,
    animate: bool = False,
    prime: str | None = None,
    length: int | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    device: str = "cpu",
    force: bool = False,
    reports: Reports = SILENT,
) -> None:
    """Draws `n` pictures from a trained model (a folder or MODEL:NAME) into one file: a grid, or an animation of how they are
    drawn, for GIF, APNG and MP4 always, and for PNG and WebP with `animate`. A model of text writes `n` texts of `length` symbols
    that go on from `prime`; without `out` they go to `reports.writing` as they come. The same seed gives the same file on one
    machine."""
    if n < 1:
        raise ValueError(f"-n is {n}; it has to be at least 1")
    if not 0 < temperature < 100:
        raise ValueError(f"--temperature is {temperature}; it has to lie above 0 (1 is the model's own) and below 100")
    if seed < 0:
        raise ValueError(f"--seed is {seed}; it has to be at least 0")
    found = checkpoint.read_model(models.resolve(source))
    spec = found.spec
    if spec.vocabulary and spec.image != NO_PICTURE:
        raise ValueError(f"{source} writes captions of pictures, and draws none: drawgen caption PATH --model {source}")
    pictures = {"--size": size is not None, "--tile": tile, "--boxes": boxes, "--animate": animate}
    texts = {"--prime": prime, "--length": length, "--top-k": top_k, "--top-p": top_p}
    if spec.image == NO_PICTURE:
        foreign = [flag for flag, given in pictures.items() if given]
        if foreign:
            raise ValueError(f"{source} writes text; leave {foreign[0]} out")
        request = Request(
            n=n, seed=seed, temperature=temperature, prime=prime or "", length=1000 if length is None else length,
            top_k=top_k or 0, top_p=1.0 if top_p is None else top_p,
        )  # fmt: skip
        write(source, request, out, device=device, force=force, reports=reports)
        return
    foreign = [flag for flag, value in texts.items() if value is not None]
    if foreign:
        raise ValueError(f"{source} draws pictures; leave {foreign[0]} out")
    if out is None:
        raise ValueError(f"{source} draws pictures; give the file to write with --out (or -o)")
    images.check_output(out, force=force, kinds=kinds_for(animate))
    refuse_what_does_not_fit(size or spec.image[1:], spec.image[0], n)
    check_grid(out, n, size or spec.image[1:], boxes=boxes)
    request = Request(n=n, size=size, seed=seed, temperature=temperature, tile=tile, progress=reports.drawing)
    drawn = draw(source, request, device=device, match=match)
    save(out, drawn, boxes=boxes, animate=animate)


def kinds_for(animate: bool) -> tuple[str, ...]:
    """The endings that can be written, where an animation is asked for or left to the ending."""
    return tuple(images.MOVING) if animate else (*images.STILL, *images.MOVING, *VECTOR)


def moves(out: Path, animate: bool) -> bool:
    """Whether the file becomes an animation: where it is asked for, and where the ending can be nothing else."""
    return animate or out.suffix.lower() not in images.STILL


def check_grid(out: Path, n: int, size: tuple[int, int], *, boxes: bool = False, columns: int | None = None) -> None:
    """Refuses a grid of `n` pictures that is too large for the file's format, before it is drawn."""
    if out.suffix.lower() in VECTOR:
        return
    scale = images.BOX_SCALE if boxes else 1
    images.check_extent(out, *images.grid_size(n, scale * size[0], scale * size[1], columns=columns))


def write(source: str, request: Request, out: Path | None, *, device: str, force: bool, reports: Reports) -> None:
    """Texts into a file, or to `reports.writing`. On Ctrl-C the file holds what was written until then."""
    if out is not None:
        endings = {*images.STILL, *images.MOVING}
        if out.suffix.lower() in endings:
            raise ValueError(f"{source} writes text, and {out} is named as a picture; choose another ending, as .txt")
        images.check_output(out, force=force, kinds=[out.suffix.lower()])
    torch.set_num_threads(1)
    model = that_can(models.load(source, device=device), "write", source)
    written: list[str] = []
    symbols = 0
    try:
        for index in range(request.n):
            for piece in itertools.chain([BETWEEN] if index else [], model.write(request, index)):
                symbols += len(piece)
                if out is None:
                    if reports.writing is not None:
                        reports.writing(piece)
                    continue
                written.append(piece)
                if reports.drawing is not None:
                    reports.drawing(min(1.0, symbols / (request.n * request.length)))
    finally:
        if out is not None and written:
            checkpoint.write_atomically(out, "".join(written).encode())


def save(out: Path, drawn: Sample, *, boxes: bool = False, animate: bool = False, columns: int | None = None) -> None:
    """A sample as one file: a grid of the pictures, or an animation of how they are drawn; `boxes` enlarges it and draws the
    model's windows, of all steps side by side where nothing moves."""
    moving = moves(out, animate)
    if out.suffix.lower() in VECTOR:
        if drawn.strokes is None:
            raise ValueError(f"this model draws no strokes, which {out} would hold; choose one of {' '.join(images.STILL)}")
        if boxes:
            raise ValueError(f"--boxes and {out} don't go together; choose one of {' '.join(images.STILL)}")
        size = (drawn.images.shape[2], drawn.images.shape[3])
        painted = Painting.sheet(drawn.strokes.cpu(), size, images.grid_columns(len(drawn.images), *size, columns))
        height, width = painted.fitted(1024)
        text = painted.svg(height, width) if out.suffix.lower() == ".svg" else painted.json()
        checkpoint.write_atomically(out, text.encode())
    elif boxes:
        stages = [images.grid(frame, columns=columns) for frame in images.boxed(drawn)]
        if moving:
            images.save_animation(out, stages)
        else:
            images.save_image(out, images.grid(torch.stack(stages), gap_px=8))
    elif not moving:
        images.save_image(out, images.grid(drawn.images, columns=columns))
    elif drawn.frames is not None:
        images.save_animation(out, (images.grid(frame, columns=columns) for frame in drawn.frames(48)))
    else:
        raise ValueError(f"there is no animation of this model; choose one of {' '.join(images.STILL)}, without --animate")


def pictures_for(model: Any, paths: list[str]) -> torch.Tensor:
    """A person's pictures as a model wants them: for one of black-and-white pictures, or one that draws in ink, the ink cut out and
    centred; for others the middle of each, resized. One of the model's own size is taken as it is."""
    channels, height, width = model.spec.image
    binary = getattr(model.config, "likelihood", "") == "bernoulli"
    ready = []
    for path in paths:
        image = images.load_image(path)
        own = image.shape[1:] == (height, width)
        if own and binary:
            ready.append((images.grey(image) > 0.5).float())
        elif own or not (binary or getattr(model, "ink", False)):
            ready.append(images.fit_to(image, (channels, height, width)))
        else:
            try:
                ready.append(images.ink(image, height, width, shades=not binary))
            except images.ImageError as error:
                raise images.ImageError(f"{path}: {error}") from error
    return torch.stack(ready)


def reconstruct(
    source: str,
    paths: list[str],
    out: Path,
    *,
    polish: int = 0,
    boxes: bool = False,
    animate: bool = False,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
    reports: Reports = SILENT,
) -> None:
    """A person's pictures, drawn after themselves by a model that can (`draw`): as the model sees them above, its drawing below; or
    an animation of the drawing, as `sample` decides it. `polish` improves a painter's strokes by so many steps of gradient descent
    first."""
    images.check_output(out, force=force, kinds=kinds_for(animate))
    if polish < 0:
        raise ValueError(f"--polish is {polish}; it has to be at least 0")
    torch.set_num_threads(1)
    model = that_can(models.load(source, device=device), "reconstruct", source)
    if polish and not hasattr(model, "polish"):
        raise ValueError(f"{source} paints no strokes that have a gradient; leave --polish out, or take painter:characters")
    check_grid(out, 2 * len(paths), model.spec.image[1:], boxes=boxes, columns=len(paths))
    seen = pictures_for(model, paths).to(device_of(model))
    drawn: Sample = model.reconstruct(seen, rng=generator(seed, device=device_of(model)))
    if polish:
        drawn = model.polish(drawn.strokes, seen, polish, progress=reports.drawing)
    if boxes or moves(out, animate):
        save(out, drawn, boxes=boxes, animate=animate, columns=len(paths))
    else:
        images.save_image(out, images.grid(torch.cat([seen, drawn.images]).cpu(), columns=len(paths)))


def interpolate(source: str, first: str, last: str, out: Path, *, n: int = 9, device: str = "cpu", force: bool = False) -> None:
    """A strip of `n` pictures on the way from one to another."""
    images.check_output(out, force=force, kinds=images.STILL)
    if n < 2:
        raise ValueError(f"-n is {n}; it has to be at least 2")
    torch.set_num_threads(1)
    model = that_can(models.load(source, device=device), "interpolate", source)
    check_grid(out, n, model.spec.image[1:], columns=n)
    ends = pictures_for(model, [first, last]).to(device_of(model))
    images.save_image(out, images.strip(model.interpolate(ends[0], ends[1], n).images.cpu()))


def that_can(model: Any, verb: str, source: str) -> Any:
    if not hasattr(model, verb):
        raise ValueError(f"{source} cannot {verb}: it is another kind of model; use draw, or another that does")
    return model


def device_of(model: Any) -> torch.device:
    device: torch.device = next(model.parameters()).device
    return device


def refuse_what_does_not_fit(size: tuple[int, int], channels: int, n: int) -> None:
    """Raises ValueError where drawing would need more memory than there is, with the amount."""
    need = size[0] * size[1] * n * (4 * channels + 1) * 4 * 2
    have = available_memory()
    if have is not None and need > have:
        raise ValueError(
            f"{n} of {size[1]}x{size[0]} pixels take some {need / 2**30:.1f} GiB of memory, and {have / 2**30:.1f} are free; "
            "ask for a smaller --size"
        )


def available_memory() -> int | None:
    """Bytes that can be taken without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def measure(
    source: str,
    *,
    data: str | None = None,
    importance: int = 0,
    beams: int = 5,
    split: str = "valid",
    meteor: bool = False,
    device: str = "cpu",
    reports: Reports = SILENT,
) -> dict[str, float]:
    """The model's scores on the validation part of its run's data, or of `data`. Raises ValueError where neither is known.
    `importance` adds the importance-weighted estimate with so many samples, for models that have one. For captions, those that the
    model writes by a search of so many `beams` are scored (`captioning.score`), on the validation part or on another `split`, with
    `meteor` by that too."""
    torch.set_num_threads(1)
    folder = models.resolve(source)
    model = models.load(source, device=device)
    config = data_of(folder, source, data)
    if data is not None and model.spec.vocabulary:
        config = replace(config, vocabulary=model.spec.vocabulary)
    channels = config.spec().image[0]
    if channels != model.spec.image[0]:
        raise DataError(
            f"{config.path} has {channels} channels and {source} was trained on {model.spec.image[0]}; give another picture"
        )
    scores = evaluate(model, config)
    if hasattr(model, "caption"):
        scores |= captioning.score(model, config.examples(split), beams=beams, meteor=meteor)
        if "nats_per_word" in scores:
            scores["perplexity"] = math.exp(min(700.0, scores["nats_per_word"]))
        if not caption_scores.available():
            reports.say(caption_scores.MISSING)
        if scores.get("map_change", 1.0) < captioning.DEAD:
            reports.say("the attention is dead: the maps don't change from word to word")
        tell_problems(config, reports)
    if importance:
        that_can(model, "importance_weighted", source)
        scores |= evaluate(Weighted(model, importance), config, device=device_of(model))
    if not scores:
        raise DataError(f"{config.path} has no validation part (data.held_out is 0); give --data FILE")
    return scores


def data_of(folder: Path, source: str, path: str | None) -> Any:
    """The data that a model is measured on: what it was trained on, or `path` read the same way. Raises ValueError."""
    if (folder / RECIPE).exists():
        config = stored_recipe(folder)[2].data
        known = not hasattr(config, "path") or "path" in read_recipe(folder)["data"]  # shipped models do not bring their data
    else:
        name = checkpoint.read_model(folder).model
        kinds = [models.recipe(name, preset).data for preset in models.presets(name)]
        if len({type(kind) for kind in kinds}) > 1:
            raise ValueError(
                f"{source} does not say what kind of data it was trained on; put the run's {RECIPE} beside its {checkpoint.CONFIG}"
            )
        config, known = kinds[0], False
    if path is not None:
        if not hasattr(config, "path"):
            raise DataError(f"{source} was trained on data that it makes itself, and takes no file; leave --data out")
        names = {field.name for field in fields(config)}
        return replace(config, path=path, **({"valid": path} if "valid" in names else {}))
    if not known:
        raise ValueError(f"{source} does not say what to measure it on; give --data FILE")
    return config


def tell_problems(data: Any, reports: Reports) -> None:
    """What of the data was left out, and why."""
    problems = getattr(data, "problems", {})
    if problems:
        told = [f"  {name}: {why}" for name, why in list(problems.items())[:MOST_TOLD]]
        told += [f"  and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else []
        reports.say("\n".join([f"{len(problems)} entries of the data were left out:", *told]))


@dataclass(frozen=True)
class Weighted:
    """A model whose measurement is its importance-weighted estimate."""

    model: Any
    samples: int

    def measure(self, batch: Any, *, rng: torch.Generator) -> Totals:
        totals: Totals = self.model.importance_weighted(batch, self.samples, rng=rng)
        return totals


# ---------------------------------------------------------------- what there is


def demo(folder: Path, *, force: bool = False, reports: Reports = SILENT) -> Path:
    """One of everything that the project can make without training, with a page of pictures. Returns the page."""
    page = folder / "index.html"
    if page.exists() and not force:
        raise ValueError(f"{page} exists already; choose another folder or give --force")
    names = models.shipped()
    if not names:
        raise ValueError("no trained model is shipped with this drawgen, and the demo draws from those; train one instead")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be made ({checkpoint.reason(error)}); choose another") from error
    figures: list[tuple[str, str]] = []

    def figure(file: str, words: str, **options: Any) -> None:
        reports.say(f"drawing {file}")
        sample(words.split()[0], folder / file, force=True, **options)
        figures.append((file, f"drawgen sample {words}"))

    for number, name in enumerate(names, 1):
        file = name.replace(":", "-")
        if checkpoint.read_model(models.resolve(name)).spec.image == NO_PICTURE:
            figure(f"{file}.txt", f"{name} -o OUT.txt --length 600 --seed {number}", length=600, seed=number)
        elif name.startswith("ride:"):
            figure(f"{file}.png", f"{name} -o OUT.png --size 256x256 --seed {number}", size=(256, 256), seed=number)
        elif hasattr(models.load(name), "sample"):
            boxes = name.startswith("draw:")
            figure(f"{file}.png", f"{name} -o OUT.png -n 64 --seed {number}", n=64, seed=number)
            figure(f"{file}.gif", f"{name} -o OUT.gif -n 4{' --boxes' if boxes else ''}", n=4, boxes=boxes)
    textures = [name for name in names if name.startswith("ride:")]
    if textures:
        figure("tile.png", f"{textures[0]} -o OUT.png --size 160x160 --tile", size=(160, 160), tile=True)
        images.save_image(folder / "tiled.png", images.load_image(folder / "tile.png").repeat(1, 2, 3))
        figures[-1] = ("tiled.png", figures[-1][1] + " (six copies side by side)")
        figure("texture.gif", f"{textures[0]} -o OUT.gif --size 128x128", size=(128, 128))
    reports.say("painting a photograph")
    paint("photo:coffee", folder / "painting.json", strokes=100, force=True)
    for file in ("painting.png", "painting.gif", "painting.svg"):
        paint(str(folder / "painting.json"), folder / file, force=True)
        figures.append((file, f"drawgen paint photo:coffee -o OUT{Path(file).suffix} --strokes 100"))

    def shown(file: str) -> str:
        if file.endswith(".txt"):
            return f"<pre>{html.escape((folder / file).read_text(encoding='utf-8'))}</pre>"
        return f'<img src="{file}" alt="">'

    items = "".join(f"<figure>{shown(file)}<figcaption><code>{words}</code></figcaption></figure>\n" for file, words in figures)
    whole = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>drawgen</title>\n'
        "<style>body{font:16px sans-serif;margin:2em}figure{display:inline-block;margin:1em;vertical-align:top}"
        "figcaption{max-width:28em;margin-top:.5em}img{max-width:36em}</style>\n"
        f"<h1>drawgen {drawgen.__version__}</h1>\n{items}</html>\n"
    )
    checkpoint.write_atomically(page, whole.encode())
    return page
