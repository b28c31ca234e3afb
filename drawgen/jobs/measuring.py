"""A trained model's scores."""

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from drawgen import captioning, checkpoint, models
from drawgen.contract import Totals
from drawgen.data import caption_scores
from drawgen.data.pictures import DataError
from drawgen.jobs.loading import device_of, that_can
from drawgen.jobs.recipe import RECIPE, read_recipe, stored_recipe
from drawgen.jobs.reports import SILENT, Reports, tell_problems
from drawgen.train import evaluate


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
        if captioning.is_dead(scores):
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


@dataclass(frozen=True)
class Weighted:
    """A model whose measurement is its importance-weighted estimate."""

    model: Any
    samples: int

    def measure(self, batch: Any, *, rng: torch.Generator) -> Totals:
        totals: Totals = self.model.importance_weighted(batch, self.samples, rng=rng)
        return totals
