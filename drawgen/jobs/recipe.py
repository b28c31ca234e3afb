"""The recipe that a run folder keeps."""

from pathlib import Path
from typing import Any

from drawgen import checkpoint, models
from drawgen.contract import Recipe
from drawgen.train import Fit

RECIPE = "recipe.json"


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
