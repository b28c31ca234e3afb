"""Training a model in a run folder."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from drawgen import checkpoint, images
from drawgen.contract import Recipe, Request, generator
from drawgen.data.pictures import DataError
from drawgen.jobs.card import card
from drawgen.jobs.loading import NO_PICTURE, device_of
from drawgen.jobs.recipe import RECIPE, describe_data, plain, read_recipe, refuse_changes
from drawgen.jobs.reports import SILENT, Reports, tell_problems
from drawgen.jobs.writing import BETWEEN
from drawgen.train import BUILD, Fit, Outcome, fit


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
