"""Training a model in a run folder."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from drawgen import checkpoint, files, images, models
from drawgen.contract import Recipe, Request, generator
from drawgen.data.pictures import DataError
from drawgen.jobs.card import card
from drawgen.jobs.loading import NO_PICTURE, device_of
from drawgen.jobs.recipe import RECIPE, describe_data, plain, read_recipe, refuse_changes
from drawgen.jobs.reports import SILENT, Reports, tell_data, tell_problems
from drawgen.jobs.writing import BETWEEN
from drawgen.train import BUILD, Fit, Outcome, fit


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
    checkpoint on. With `resume` the recipe has to be the one that the run began with. `begin` is a trained model (a folder or
    MODEL:NAME) whose weights it begins with, where they fit. Raises ValueError."""
    if begin and resume:
        raise ValueError("--begin is for a new run, and a resumed one goes on with its own weights; leave one of the two out")
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    asked = {"model": model, "preset": preset, "ranks": ranks, **plain(recipe)}
    if resume:
        kept = read_recipe(out)
        refuse_changes(out, kept, asked)
        recipe = replace(recipe, fit=checkpoint.from_plain(Fit, kept["fit"], where=str(out / RECIPE)))
    begun = str(kept.get("begin", "")) if resume else Path(begin).name
    spec = recipe.data.spec()
    told = tell_data(recipe.data, reports if int(os.environ.get("RANK", "0")) == 0 else SILENT)
    if resume and checkpoint.read_model(out).spec != spec:
        raise DataError(f"{describe_data(recipe)} has other symbols or sizes than when {out} was begun; take the same data")
    built = recipe.model.build(spec, rng=generator(recipe.fit.seed, BUILD))
    trained = models.load(begin) if begin else None
    if trained is not None:
        check_fits(built, trained, begin)
    data = describe_data(recipe)

    describes = hasattr(built, "caption")
    preview_name = "preview.txt" if spec.image == NO_PICTURE or describes else "preview.png"

    def on_steps(steps: int) -> None:
        shown = f", and {preview_name} in it shows how far it is" if describes or hasattr(built, "sample") else ""
        reports.say(f"training for {steps} steps; the model is kept in {out}{shown}")
        if (out / RECIPE).exists() and resume and recipe.fit.steps is not None:
            return
        known = replace(recipe, fit=replace(recipe.fit, steps=steps))
        # A path on this machine is nothing for others.
        published = recipe.model.published() if hasattr(recipe.model, "published") else recipe.model
        checkpoint.write_model(out, model, published, spec)
        checkpoint.write_card(out, card(model, preset, known, data, None, begun=begun))
        checkpoint.write_json(out / RECIPE, {"model": model, "preset": preset, "ranks": ranks, "begin": begun, **plain(known)})

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
        on_steps=on_steps,
        on_log=reports.training,
        on_preview=preview if describes or hasattr(built, "sample") else None,
    )
    tell_problems(recipe.data, reports, after=told)
    if int(os.environ.get("RANK", "0")) == 0:
        checkpoint.write_card(
            out, card(model, preset, replace(recipe, fit=replace(recipe.fit, steps=outcome.steps)), data, outcome, begun=begun)
        )
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
