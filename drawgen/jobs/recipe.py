"""The recipe stored in a run folder."""

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from drawgen import checkpoint, models
from drawgen.contract import Digests, Recipe, Spec
from drawgen.data.pictures import DataError
from drawgen.feature_cache import AUTO
from drawgen.textures.maps import named
from drawgen.training import run_folder
from drawgen.training.schedule import Fit, fall_begins

RECIPE = "recipe.json"
PATHS = ("path", "pictures", "valid", "text", "hole", "source", "target", "valid_target")
"""Settings of data that are paths."""
FREE = {
    "config": {"feature_cache"},
    "data": {*PATHS, "maps", "keep_mb"},
    "fit": {"steps", "minutes", "device", "precision", "threads", "workers", "compile", "capture", "log_steps",
            "valid_steps", "save_minutes", "tensorboard"},
}  # fmt: skip
"""Settings that may change on resume: they do not affect the weights trained so far."""


def plain(recipe: Recipe) -> dict[str, Any]:
    return {part: checkpoint.to_plain(getattr(recipe, part)) for part in ("data", "fit")} | {
        "config": checkpoint.to_plain(recipe.model)
    }


def longest_text(spec: Spec, source: str) -> int:
    """The most symbols of a text that a model was trained on; 0 if neither it nor its recipe says."""
    if spec.counts is not None:
        return spec.counts[1]
    try:
        return int(read_recipe(models.resolve(source))["data"]["longest"])
    except (ValueError, KeyError, TypeError):  # it is in no folder, or in one without a recipe
        return 0


def read_recipe(folder: Path) -> dict[str, Any]:
    """The recipe of a run folder. Raises CheckpointError."""
    if not (folder / RECIPE).is_file():
        raise checkpoint.CheckpointError(f"{folder} holds no run to resume ({RECIPE} is not there); leave `resume` out")
    kept: dict[str, Any] = checkpoint.read_json(folder / RECIPE)
    parts = ("data", "fit", "config")
    whole = isinstance(kept, dict) and {"model", "preset", "ranks", *parts} <= set(kept)
    names = whole and all(type(kept[part]) is str for part in ("model", "preset")) and type(kept["ranks"]) is int
    changes = kept.get("changes", []) if names else None
    counted = isinstance(changes, list) and all(isinstance(row, list) and [type(n) for n in row] == [int] * 3 for row in changes)
    if not counted or not all(isinstance(kept[part], dict) for part in parts):
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


# ---------------------------------------------------------------- going on


def begun(folder: Path, model: str, preset: str | None) -> tuple[str, Recipe]:
    """(preset, recipe) of the run in a folder that is to be resumed, so that its settings need not be repeated. Raises ValueError
    where it is of another model or, where one is named, of another preset."""
    run_folder.mend(folder)
    kept_model, kept_preset, recipe = stored_recipe(folder)
    if (kept_model, kept_preset) != (model, preset or kept_preset):
        asked = f"{model} {preset}" if preset else model
        raise ValueError(f"{folder} was started as {kept_model} {kept_preset}, not {asked}; resume it the same way")
    return kept_preset, recipe


def go_on(out: Path, kept: dict[str, Any], asked: dict[str, Any], recipe: Recipe) -> tuple[Recipe, str, list[Any] | None]:
    """The recipe of a resumed run: the requested settings where they do not affect the weights trained so far, and the stored ones
    otherwise. Also the message and the note of `asked_steps`. Raises ValueError for the first setting that would make it a
    different run."""
    another = f"which would make it another run: leave that out, or start one with these weights (`begin` {out}, another `out`)"
    for part in ("model", "preset", "ranks"):
        if kept[part] != asked[part]:
            name = "number of processes" if part == "ranks" else part
            raise ValueError(f"{out} was started with {name} {kept[part]!r}, not {asked[part]!r}, {another}")
    for part, prefix in (("config", "model"), ("data", "data"), ("fit", "fit")):
        for name, value in asked[part].items():
            before = kept[part].get(name)
            if before != value and name not in FREE[part]:
                raise ValueError(f"{out} was started with {prefix}.{name} {before!r:.80}, not {value!r:.80}, {another}")
    check_data(out, kept, asked, recipe.data)
    steps, said, note = asked_steps(out, checkpoint.from_plain(Fit, kept["fit"], where=str(out / RECIPE)), recipe.fit)
    return replace(recipe, fit=replace(recipe.fit, steps=steps)), said, note


def check_data(out: Path, kept: dict[str, Any], asked: dict[str, Any], data: Any) -> None:
    """Raises DataError if the data is not the run's data, or if that cannot be decided."""
    moved = next((name for name in PATHS if name in asked["data"] and kept["data"].get(name) != asked["data"][name]), None)
    if moved is None and "digest" not in kept:
        return
    now = digest(data)
    if moved is not None and (now is None or "digest" not in kept):
        before, value = kept["data"].get(moved), asked["data"][moved]
        raise DataError(
            f"{out} was started with data.{moved} {before!r}, not {value!r}, and whether it is the same data cannot be decided; "
            f"put it where it was, or start a run with these weights (`begin` {out}, another `out`)"
        )
    if now != kept["digest"]:
        setting = moved or "path"
        raise DataError(
            f"{asked['data'].get(setting, 'this')} is not the data that {out} was started with; give that by `data.{setting}`, or "
            f"start a run on this with these weights (`begin` {out}, another `out`)"
        )


def digest(data: Any) -> str | None:
    """A digest of the data's content, if the data has one (`contract.Digests`)."""
    return data.digest() if isinstance(data, Digests) else None


def asked_steps(out: Path, kept: Fit, fit: Fit) -> tuple[int | None, str, list[Any] | None]:
    """The number of steps of a resumed run (None while it is unknown), a message about the learning rate, and, if the rate has
    already decayed by another schedule, a note for the recipe (step, number before, number now)."""
    same = fit.steps is None or fit.steps == kept.steps
    if same and fit.minutes == kept.minutes:
        return kept.steps, "", None
    state = checkpoint.read_newest_state(out) or {"step": 0, "steps": None, "seconds": 0.0}
    done, before, seconds = state["step"], kept.steps or state["steps"], state["seconds"]
    if not same:
        steps = fit.steps or done
    elif before is None or done == 0:
        return None, "", None
    else:  # a budget of another length, by the pace so far
        left = 60 * (fit.minutes or 0.0) - seconds
        if left <= 0:
            raise ValueError(f"{out} has taken {seconds / 60:.1f} minutes, and fit.minutes is {fit.minutes:g}; give more")
        steps = done + int(left * done / seconds)
    if steps < done:
        raise ValueError(f"{out} has taken {done} steps, and fit.steps is {steps}; give more")
    start = fall_begins(steps, fit)
    falling = max(0, steps - max(done, round(start)))
    said = f"{out} continues to {steps} steps" + (f" instead of {before}" if before else "")
    said += f"; the rate falls over the last {falling}" if falling and fit.decay else ""
    if not fit.decay or done - 1 <= min(start, math.inf if before is None else fall_begins(before, fit)):
        return steps, said, None
    said += f". It had started to decay before step {done}: this is not the run that {steps} steps give from the start"
    return steps, said, [done, before, steps]


def absolute(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths of data and other models, so that it is valid from any working directory."""

    def changed(config: Any, names: tuple[str, ...], *, new: bool) -> Any:
        found = {}
        for name in {field.name for field in fields(config)} & set(names):
            value = getattr(config, name)
            if value in ("", AUTO) or value.startswith("photo:") or Path(value).is_absolute():
                continue
            if new or Path(value).exists():
                found[name] = str(Path(value).absolute())
        return replace(config, **found) if found else config

    model = changed(changed(recipe.model, ("feature_cache",), new=True), ("teacher", "encoder_weights"), new=False)
    return replace(recipe, model=model, data=changed(recipe.data, PATHS, new=True))


def describe_data(recipe: Recipe) -> str:
    """The data's description in the model card: a name, never a path."""
    path = str(getattr(recipe.data, "path", ""))
    names = [named(entry)[0] for entry in getattr(recipe.data, "maps", ())]
    return (path if path.startswith("photo:") else Path(path).name) + (f" with its maps {', '.join(names)}" if names else "")
