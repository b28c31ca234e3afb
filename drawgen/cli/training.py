"""drawgen train."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import arg

from drawgen import models
from drawgen.cli.parsing import naming_flags
from drawgen.cli.printing import parsed, say
from drawgen.cli.progress import bars
from drawgen.cli.showing import preset_lines


def is_argument(name: str) -> bool:
    return name in ("out", "begin", "resume", "force") or name.startswith(("model.", "data.", "fit."))


@naming_flags(is_argument)
def train(words: list[str]) -> None:
    """Train a model from a preset; every setting can be changed."""
    if words and words[0] in ("-h", "--help"):  # help about what is named after it
        words = [*words[1:], words[0]]
    named = [word for word in words[:2] if not word.startswith("-")]
    if not named or words[0] != named[0]:
        if set(words) & {"-h", "--help"} or not words:
            say(train_help(), keep="\n")
        if not set(words) & {"-h", "--help"}:
            raise ValueError("drawgen train needs the name of a model first: drawgen train MODEL --out RUN")
        return
    model, preset, rest = named[0], named[1] if len(named) > 1 and words[1] == named[1] else None, words[1:]
    rest = rest[1:] if preset else rest
    recipe = models.recipe(model, preset)
    preset = preset or next(iter(models.module(model).PRESETS))
    from drawgen import jobs

    if "--resume" in rest:
        split = [part for word in rest for part in (word.split("=", 1) if word.startswith(("--out=", "-o=")) else [word])]
        place = next((split[i + 1] for i, word in enumerate(split[:-1]) if word in ("--out", "-o")), None)
        if place is not None:
            preset, recipe = jobs.begun(Path(place), model, named[1] if len(named) > 1 else None)
    options = dataclasses.make_dataclass(
        "Options",
        [
            ("out", Annotated[Path, arg(aliases=["-o"], help="The run folder; it becomes a model folder.")]),
            ("model", type(recipe.model), recipe.model),
            ("data", type(recipe.data), recipe.data),
            ("fit", type(recipe.fit), recipe.fit),
            ("begin", Annotated[str, arg(help="A trained model (folder or MODEL:NAME) whose weights training starts from.")], ""),
            ("resume", Annotated[bool, arg(help="Continue the run in the folder.")], False),
            ("force", Annotated[bool, arg(help="Replace the run in the folder.")], False),
        ],
        namespace={"__doc__": f"{model}, preset {preset}. {recipe.about}"},
        frozen=True,
        kw_only=True,
    )
    chosen: Any = parsed(lambda: tyro.cli(options, args=rest, prog=f"drawgen train {model} {preset}"), rest)
    fit = chosen.fit
    if fit.minutes != recipe.fit.minutes and fit.steps == recipe.fit.steps and "--resume" not in rest:
        fit = dataclasses.replace(fit, steps=None)  # minutes asked for in place of the preset's steps
    recipe = dataclasses.replace(recipe, model=chosen.model, data=chosen.data, fit=fit)
    with bars() as reports:
        outcome = jobs.train(
            model, recipe, chosen.out, preset=preset, begin=chosen.begin, resume=chosen.resume, force=chosen.force, reports=reports
        )
    if int(os.environ.get("RANK", "0")) == 0:  # one process prints the result
        say(json.dumps({"out": str(chosen.out), "steps": outcome.steps, "seconds": round(outcome.seconds, 1), **outcome.scores}))


def train_help() -> str:
    lines = ["usage: drawgen train MODEL [PRESET] --out RUN [--resume] [--model.x ..] [--data.x ..] [--fit.x ..]", ""]
    lines += ["All settings of a preset: drawgen train MODEL PRESET --help", ""]
    for name in models.names():
        lines += [name, *preset_lines(models.presets(name))]
    lines += ["", "The full descriptions of a model's presets: drawgen list MODEL"]
    return "\n".join(lines)
