"""Trains a model in a run folder."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from drawgen import checkpoint, models
from drawgen.contract import Extends, Fetches, Publishes, Recipe, Request, generator
from drawgen.data.pictures import DataError
from drawgen.devices import bfloat16_is_faster, choose_device, device_of
from drawgen.jobs.card import card
from drawgen.jobs.previews import PICTURE, PreviewInput
from drawgen.jobs.recipe import RECIPE, absolute, describe_data, digest, go_on, plain, read_recipe
from drawgen.jobs.reports import SILENT, Reports, tell_data, tell_problems
from drawgen.jobs.verbs import commands_for, verbs_of
from drawgen.training import Outcome, fit, run_folder
from drawgen.training.run import BUILD


def train(
    model: str,
    recipe: Recipe,
    out: Path,
    *,
    preset: str = "",
    begin: str = "",
    resume: bool = False,
    force: bool = False,
    preview_request: Request | None = None,
    notes: Sequence[str] = (),
    reports: Reports = SILENT,
) -> Outcome:
    """Trains a model in the run folder `out`, which is also a model folder: `drawgen sample out` works from the first checkpoint
    on. With `resume` the recipe has to be the run's, except for settings that do not affect its weights (`recipe.FREE`). `begin` is
    a trained model (a folder or MODEL:NAME) whose weights initialise the new one where name and shape agree. `notes` are further
    lines of the card. The outcome has the trained model. Raises ValueError."""
    if begin and resume:
        raise ValueError("`begin` is for a new run, and a resumed one continues with its own weights; leave one of the two out")
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    chief = int(os.environ.get("RANK", "0")) == 0
    recipe = absolute(recipe)
    asked = {"model": model, "preset": preset, "ranks": ranks, **plain(recipe)}
    if isinstance(recipe.data, Fetches):
        recipe.data.fetch()
    trained = models.load(begin) if begin else None
    data = recipe.data
    if trained is not None and trained.spec.vocabulary and isinstance(data, Extends):
        data = data.extending(trained.spec.symbols)
    elif resume and isinstance(data, Extends) and read_recipe(out).get("begin"):
        data = data.extending(checkpoint.read_model(out).spec.symbols)
    spec = data.spec()
    told_before = tell_data(data, reports if chief else SILENT)
    said, changes = "", []
    if resume:
        if chief:
            run_folder.mend(out)
        kept = read_recipe(out)
        if not checkpoint.states(out):
            raise checkpoint.CheckpointError(
                f"{out} holds no training state to resume; start a run with its weights (`begin` {out}, another `out`)"
            )
        recipe, said, note = go_on(out, kept, asked, recipe)
        changes = [*kept.get("changes", []), *([note] if note else [])]
    begun = str(kept.get("begin", "")) if resume else Path(begin).name
    notes = [str(note) for note in kept.get("notes", [])] if resume else list(notes)
    if resume and checkpoint.read_model(out).spec != spec:
        raise DataError(
            f"{describe_data(recipe)} has other symbols or sizes than when {out} was started; take the same data, or start a run "
            f"on this with these weights (`begin` {out}, another `out`)"
        )
    built = models.build(recipe.model, spec, rng=generator(recipe.fit.seed, BUILD))
    if trained is not None:
        check_fits(built, trained, begin)
    described = describe_data(recipe)

    shown = next((verb for verb in verbs_of(built) if verb.preview is not None), None)
    known = digest(data)
    told = False

    def on_plan(place: Path, steps: int | None) -> None:
        nonlocal told
        if not told:
            told = True
            look = f", and {shown.shows} in it shows how far it is" if shown else ""
            length = f"{steps} steps" if steps is not None else f"{recipe.fit.minutes:g} minutes"
            if said:
                reports.say(said)
            reports.say(f"training for {length}; the model is kept in {out}{look}")
            on_cpu = choose_device(recipe.fit.device, "fit.device").type == "cpu"
            if recipe.fit.precision == "bf16" and on_cpu and not bfloat16_is_faster():
                reports.say("`fit.precision` is bf16, and this processor is not faster with it than with fp32")
        planned = replace(recipe, fit=replace(recipe.fit, steps=steps))
        record = {"model": model, "preset": preset, "ranks": ranks, "begin": begun, **plain(planned)}
        record |= {"digest": known} if known is not None else {}
        record |= {"changes": changes} if changes else {}
        record |= {"notes": notes} if notes else {}
        if (place / RECIPE).exists() and checkpoint.read_json(place / RECIPE) == record:
            return
        published = recipe.model.published() if isinstance(recipe.model, Publishes) else recipe.model
        checkpoint.write_model(place, model, published, spec)
        checkpoint.write_card(
            place,
            card(
                model,
                preset,
                planned,
                described,
                None,
                commands=commands_for(built, "FOLDER"),
                begun=begun,
                changes=changes,
                notes=notes,
            ),
        )
        checkpoint.write_json(place / RECIPE, record)

    def preview(averaged: Any, _step: int) -> None:
        request = preview_request or Request(n=4, seed=recipe.fit.seed, length=500)
        if shown is not None and shown.preview is not None:
            shown.preview(averaged, PreviewInput(request, data, device_of(averaged))).save(out)
            reports.show(out / PICTURE)

    outcome = fit(
        built,
        data,
        recipe.fit,
        out,
        resume=resume,
        replace=force,
        begin=None if trained is None else lambda prepared: take_over(prepared, trained),
        on_plan=on_plan,
        on_log=reports.training,
        on_preview=preview if shown is not None else None,
        preview_seconds=reports.preview_seconds,
    )
    tell_problems(data, reports, after=told_before)
    if chief:
        done = replace(recipe, fit=replace(recipe.fit, steps=outcome.steps))
        checkpoint.write_card(
            out,
            card(
                model,
                preset,
                done,
                described,
                outcome,
                commands=commands_for(built, "FOLDER"),
                begun=begun,
                changes=changes,
                notes=notes,
            ),
        )
    return outcome


def fitting(model: Any, trained: Any) -> dict[str, int]:
    """Name -> number of rows of the weights that a model can take over: all of them where the shapes agree, and the rows of the
    symbols that both know where the new model knows more of them."""
    mine, theirs = model.state_dict(), trained.state_dict()
    known = len(trained.spec.vocabulary or ())
    more = len(model.spec.vocabulary or ()) > known
    found = {}
    for name, tensor in mine.items():
        other = theirs.get(name)
        if other is None or other.dim() != tensor.dim() or other.shape[1:] != tensor.shape[1:]:
            continue
        if other.shape == tensor.shape or (more and tensor.dim() and len(other) == known < len(tensor)):
            found[name] = len(other) if tensor.dim() else 1
    return found


def check_fits(model: Any, trained: Any, source: str) -> None:
    """Raises ValueError if fewer than half of a model's weights can be initialised from the trained one, or if the symbols
    differ."""
    theirs = trained.spec.vocabulary
    if theirs != (theirs and model.spec.vocabulary and model.spec.vocabulary[: len(theirs)]):
        raise ValueError(f"{source} knows other symbols than this data has; begin with a model of the same ones")
    mine = model.state_dict()
    whole = sum(tensor.numel() for tensor in mine.values())
    taken = sum(rows * (mine[name][0].numel() if mine[name].dim() else 1) for name, rows in fitting(model, trained).items())
    if 2 * taken < whole:
        raise ValueError(f"{source} fits only {taken / whole:.0%} of this model's weights; begin with a model of like settings")


@torch.no_grad()
def take_over(model: Any, trained: Any) -> None:
    """Copies a trained model's weights into a new model (`fitting`)."""
    mine, theirs = model.state_dict(), trained.state_dict()
    for name, rows in fitting(model, trained).items():
        target = mine[name]
        (target[:rows] if target.dim() else target).copy_(theirs[name])
