"""Short trainings on part of a photograph that choose how its texture is made.

Axes: C channels, H W rows and columns.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jaxtyping import Float
from torch import Tensor

from drawgen import checkpoint, models
from drawgen.contract import Recipe, Request
from drawgen.interrupts import Interrupted, signals
from drawgen.jobs.asking import load
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.training import train
from drawgen.ranges import ArgumentError
from drawgen.textures.copying import Copying, of_itself
from drawgen.textures.quilting import fitting_patch_px
from drawgen.textures.yardstick import Yardstick
from drawgen.training import Progress

MODEL = "ride"
"""The model of a texture."""
INVENTED: Mapping[str, str] = {"all": "texture", "detail": "layout"}
"""What the model invents, and its preset."""
TRIALS = 0.2
"""The fraction of the training time that the trials take, which measure the model on rows that it has not seen, and choose."""
JUDGED_PX = 256
"""Side of the samples by which a trial is judged, and their number."""
JUDGED = 2
WARPS = (0.0, 0.3, 0.6)
"""Displacements of the layout that are tried; see `settle_warp`."""
ORDERED_PX, LITTLE = 80, 0.3
"""Of a photograph whose patches have to be larger than this (walls, boards), layouts are displaced by this at most: straight lines
would become wavy."""
ALLOWED = 0.02
"""A sample may copy this fraction of its patches more than the photograph repeats of itself."""
TRIAL = ".trial-"
"""Begins the name of the folder of the trials, in the model folder: there is room, while a system's own temporary folder may be
small."""
IN_TRIALS = "interrupted in the trials, of which nothing is kept; start again"


def recipe_for(invent: str, data: Any, fit: Mapping[str, Any]) -> Recipe:
    preset = models.recipe(MODEL, INVENTED[invent])
    told = {name: getattr(data, name) for name in ("path", "longest_px", "held_out", "maps")}
    return replace(preset, data=replace(preset.data, **told), fit=replace(preset.fit, **fit))


def part_of(reports: Reports, start: float, share: float) -> Callable[[Progress], None]:
    """Reports of a training that is a `share` of the whole, from the fraction `start` on."""

    def training(told: Progress) -> None:
        if reports.training is not None:
            whole = max(round(told.steps / share), 1)
            reports.training(replace(told, step=round(start * whole) + told.step, steps=whole))

    return training


def tried(data: Any, invent: str, fit: Mapping[str, Any], folder: Path, reports: Reports) -> tuple[str, list[str]]:
    """Trains each candidate for a short time on seven eighths of the photograph. Returns the one whose samples have the most
    similar structure, and lines for the model card."""
    candidates = [invent] if invent != "auto" else ["detail", "all"]
    exemplar = data.exemplar()[0][: data.spec().colours]
    try:
        yardstick = Yardstick(exemplar)
    except ArgumentError:
        yardstick = None
        candidates = candidates[-1:]
    share = TRIALS / len(candidates)
    brief = {
        **fit,
        "minutes": share * fit["minutes"],
        "steps": None if fit["steps"] is None else max(1, round(share * fit["steps"])),
    }
    notes, found = [], {}
    if len(candidates) > 1:
        reports.say(f"a short trial each of {' and '.join(f'`{name}`' for name in candidates)}")
    for killed in folder.glob(f"{TRIAL}*"):
        shutil.rmtree(killed, ignore_errors=True)
    with TemporaryDirectory(prefix=TRIAL, dir=folder) as place, signals() as interrupted:

        def go_on(_share: float) -> None:
            if number := interrupted():
                raise Interrupted(number, IN_TRIALS)

        for place_in_order, name in enumerate(candidates):
            listening = replace(SILENT, training=part_of(reports, share * place_in_order, share))
            try:
                outcome = train(MODEL, recipe_for(name, data, brief), Path(place) / name, preset=INVENTED[name], reports=listening)
            except Interrupted as stop:
                raise Interrupted(stop.number, IN_TRIALS) from None
            shutil.rmtree(Path(place) / name)
            bits = "".join(f", {bits:.3f} bits/dim on held-out rows" for bits in (outcome.scores.get("bits_per_dim"),) if bits)
            note = f"trial of `{name}`: {outcome.steps} steps{bits}"
            if yardstick is not None:
                side = min(JUDGED_PX, *exemplar.shape[1:])
                judged = Request(n=JUDGED, size=(side, side), seed=fit["seed"], progress=go_on)
                drawn = outcome.model.sample(judged).images.cpu()
                found[name] = sum(yardstick.structure(image) for image in drawn) / JUDGED
                note += f", structure {found[name]:.2f}"
            notes.append(note)
            go_on(1.0)
    chosen = min(found, key=found.__getitem__) if found else candidates[0]
    if chosen == "detail":
        notes.append("the folder holds the photograph at half its size, from which layouts are made")
    if len(found) > 1:
        told = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
        reports.say(
            f"structure of the trials (1: as far from the photograph as one part of it from another): {told}; `{chosen}` it is"
        )
    return chosen, notes


def settle_warp(folder: Path, exemplar: Float[Tensor, "C H W"], *, seed: int = 0, reports: Reports = SILENT) -> float | None:
    """Chooses how far a trained model's layouts are displaced (`Config.warp`), and writes it to its folder: as little as
    possible, so that a sample copies no more of the photograph than one part of that has in common with another, and little where
    lines are straight. None if that cannot be measured."""
    model: Any = load(folder).model
    try:
        copying, common = Copying(exemplar), of_itself(exemplar)
    except ArgumentError:
        return None
    side = min(JUDGED_PX, *exemplar.shape[1:])
    alike = {}
    warps = [warp for warp in WARPS if warp <= LITTLE or fitting_patch_px(exemplar) <= ORDERED_PX]
    for warp in warps:
        model.config = replace(model.config, warp=warp)
        found = copying.of(model.sample(Request(size=(side, side), seed=seed)).images[0])
        alike[warp] = found.alike
        if found.near <= common.near + ALLOWED and found.alike <= common.alike + ALLOWED:
            break
    else:  # what is nearly flat stays near to something, wherever it is moved
        warp = next((warp for warp, share in alike.items() if share <= common.alike + ALLOWED), warps[-1])
    checkpoint.write_model(folder, MODEL, replace(model.config, warp=warp), model.spec)
    reports.say(
        f"layouts are displaced by {warp:g} cells; {alike[warp]:.1%} of a sample's 11x11 patches are like one of the photograph "
        f"(of one half of the photograph, {common.alike:.1%} are like one of the other)"
    )
    return warp
