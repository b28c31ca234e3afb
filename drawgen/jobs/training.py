"""Training a model in a run folder."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from drawgen import checkpoint, files, images, models
from drawgen.contract import Recipe, Request, generator
from drawgen.data.pictures import DataError
from drawgen.devices import device_of
from drawgen.jobs.card import card
from drawgen.jobs.loading import NO_PICTURE
from drawgen.jobs.recipe import RECIPE, absolute, describe_data, digest, go_on, plain, read_recipe
from drawgen.jobs.reports import SILENT, Reports, tell_data, tell_problems
from drawgen.jobs.verbs import verbs_of
from drawgen.jobs.writing import BETWEEN
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
    reports: Reports = SILENT,
) -> Outcome:
    """Trains a model in the run folder `out`, which becomes a model folder: `drawgen sample out` works from its first
    checkpoint on. With `resume` the recipe has to be the one that the run began with, but for what leaves its weights as they are
    (`recipe.FREE`). `begin` is a trained model (a folder or MODEL:NAME) whose weights it begins with, where they fit. The outcome
    has the trained model. Raises ValueError."""
    if begin and resume:
        raise ValueError("--begin is for a new run, and a resumed one goes on with its own weights; leave one of the two out")
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    chief = int(os.environ.get("RANK", "0")) == 0
    recipe = absolute(recipe)
    asked = {"model": model, "preset": preset, "ranks": ranks, **plain(recipe)}
    if hasattr(recipe.data, "fetch"):
        recipe.data.fetch()
    spec = recipe.data.spec()
    told_before = tell_data(recipe.data, reports if chief else SILENT)
    said, changes = "", []
    if resume:
        if chief:
            run_folder.mend(out)
        kept = read_recipe(out)
        if not checkpoint.states(out):
            raise checkpoint.CheckpointError(
                f"{out} holds no training state to go on with; begin a run with its weights (--begin {out} --out OTHER)"
            )
        recipe, said, note = go_on(out, kept, asked, recipe)
        changes = [*kept.get("changes", []), *([note] if note else [])]
    begun = str(kept.get("begin", "")) if resume else Path(begin).name
    if resume and checkpoint.read_model(out).spec != spec:
        raise DataError(
            f"{describe_data(recipe)} has other symbols or sizes than when {out} was begun; take the same data, or begin a run on "
            f"this with these weights (--begin {out} --out OTHER)"
        )
    built = recipe.model.build(spec, rng=generator(recipe.fit.seed, BUILD))
    trained = models.load(begin) if begin else None
    if trained is not None:
        check_fits(built, trained, begin)
    data = describe_data(recipe)

    describes = hasattr(built, "caption")
    preview_name = "preview.txt" if spec.image == NO_PICTURE or describes else "preview.png"

    known = digest(recipe.data)
    told = False

    def on_plan(place: Path, steps: int | None) -> None:
        nonlocal told
        if not told:
            told = True
            shown = f", and {preview_name} in it shows how far it is" if describes or hasattr(built, "sample") else ""
            length = f"{steps} steps" if steps is not None else f"{recipe.fit.minutes:g} minutes"
            if said:
                reports.say(said)
            reports.say(f"training for {length}; the model is kept in {out}{shown}")
        planned = replace(recipe, fit=replace(recipe.fit, steps=steps))
        record = {"model": model, "preset": preset, "ranks": ranks, "begin": begun, **plain(planned)}
        record |= {"digest": known} if known is not None else {}
        record |= {"changes": changes} if changes else {}
        if (place / RECIPE).exists() and checkpoint.read_json(place / RECIPE) == record:
            return
        # A path on this machine is nothing for others.
        published = recipe.model.published() if hasattr(recipe.model, "published") else recipe.model
        checkpoint.write_model(place, model, published, spec)
        checkpoint.write_card(place, card(model, preset, planned, data, None, verbs=verbs_of(built), begun=begun, changes=changes))
        checkpoint.write_json(place / RECIPE, record)

    def preview(averaged: Any, _step: int) -> None:
        if describes:
            seen = next(iter(recipe.data.stream("valid", seed=0)), None)
            if seen is not None:
                images.save_image(out / "preview.png", images.grid(seen.images[:8], columns=4))
                found = averaged.caption(seen.images[:8].to(device_of(averaged)), beams=1)
                files.write_atomically(out / preview_name, "".join(best.text + "\n" for best, *_ in found).encode())
            return
        sample = averaged.sample(preview_request or Request(n=4, seed=recipe.fit.seed, length=500))
        if spec.image == NO_PICTURE:
            files.write_atomically(out / preview_name, BETWEEN.join(sample.texts).encode())
        else:
            images.save_image(out / preview_name, images.grid(sample.images.cpu()))

    outcome = fit(
        built,
        recipe.data,
        recipe.fit,
        out,
        resume=resume,
        replace=force,
        begin=None if trained is None else lambda prepared: take_over(prepared, trained),
        on_plan=on_plan,
        on_log=reports.training,
        on_preview=preview if describes or hasattr(built, "sample") else None,
    )
    tell_problems(recipe.data, reports, after=told_before)
    if chief:
        done = replace(recipe, fit=replace(recipe.fit, steps=outcome.steps))
        checkpoint.write_card(out, card(model, preset, done, data, outcome, verbs=verbs_of(built), begun=begun, changes=changes))
    return outcome


def fitting(model: Any, trained: Any) -> list[str]:
    """The names of the weights that two models have in one shape."""
    mine, theirs = model.state_dict(), trained.state_dict()
    return [name for name, tensor in mine.items() if name in theirs and theirs[name].shape == tensor.shape]


def check_fits(model: Any, trained: Any, source: str) -> None:
    """Raises ValueError where less than half of a model can begin with the weights of a trained one, and for other symbols."""
    if trained.spec.vocabulary != model.spec.vocabulary:
        raise ValueError(f"{source} knows other symbols than this data has; begin with a model of the same ones")
    mine = model.state_dict()
    taken, whole = (sum(mine[name].numel() for name in names) for names in (fitting(model, trained), mine))
    if 2 * taken < whole:
        raise ValueError(f"{source} fits only {taken / whole:.0%} of this model's weights; begin with a model of like settings")


@torch.no_grad()
def take_over(model: Any, trained: Any) -> None:
    """Copies a trained model's weights into one that is to be trained, where name and shape agree."""
    mine, theirs = model.state_dict(), trained.state_dict()
    for name in fitting(model, trained):
        mine[name].copy_(theirs[name])
