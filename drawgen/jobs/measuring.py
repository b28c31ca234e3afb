"""A trained model's scores."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from drawgen import checkpoint, models
from drawgen.contract import Batch, Describes, FromFiles, HasExamples, Model, Spec, Totals, WeighsSamples, check_split
from drawgen.data import caption_scores
from drawgen.data.pictures import DataError
from drawgen.devices import device_of
from drawgen.jobs import captions
from drawgen.jobs.recipe import RECIPE, read_recipe, stored_recipe
from drawgen.jobs.reports import SILENT, Reports, tell_problems
from drawgen.ranges import ArgumentError, check_range
from drawgen.threads import threads
from drawgen.training import evaluate

WHOLE = "all"
"""The split of a text that is all of it."""


def measure(
    source: str,
    *,
    data: str | None = None,
    split: str | None = None,
    importance: int | None = None,
    beams: int | None = None,
    meteor: bool = False,
    device: str = "cpu",
    reports: Reports = SILENT,
) -> dict[str, float]:
    """`measured`, of a trained model (a folder or MODEL:NAME)."""
    model = models.load(source, device=device)
    return measured(model, source, data=data, split=split, importance=importance, beams=beams, meteor=meteor, reports=reports)


@threads(1)
def measured(
    model: Model,
    source: str,
    *,
    data: str | None = None,
    split: str | None = None,
    importance: int | None = None,
    beams: int | None = None,
    meteor: bool = False,
    reports: Reports = SILENT,
) -> dict[str, float]:
    """How many items were measured, by name ("pictures", "symbols", "captions"), and the model's scores on them: on one `split` of
    its run's data, or of `data`, which is read the same way. None takes all of a text that is handed in, and else "valid".

    `importance` adds the importance-weighted estimate with so many samples (`draw`). Of captions, those that the model writes by a
    search of so many `beams` (None: 5) are scored too (`captions.score`), with `meteor` by that as well. Raises ValueError for a
    split that the data does not have, for what the model does not, and where there is nothing to measure.
    """
    folder = models.resolve(source)
    if importance is not None:
        check_range("importance", importance, at_least=1)
        if not isinstance(model, WeighsSamples):
            raise ArgumentError("importance", f"is {importance}, and {source} has no importance-weighted estimate; leave it out")
    check_search(model, source, beams, meteor)
    config = data_for(model, folder, source, data)
    if split is None:
        split = WHOLE if data is not None and WHOLE in config.splits else "valid"
    check_split(config, split, measured=True)
    counted = Counted(config)
    scores = evaluate(model, counted, split=split)
    if isinstance(model, Describes) and isinstance(config, HasExamples):
        counted.count["pictures"] = 0
        scores |= captions.score(model, counted.examples(split), beams=beams or 5, meteor=meteor)
        if "nats_per_word" in scores:
            scores["perplexity"] = math.exp(min(700.0, scores["nats_per_word"]))
        if not caption_scores.available():
            reports.say(caption_scores.MISSING)
        if captions.is_dead(scores):
            reports.say("the attention is dead: the maps don't change from word to word")
    tell_problems(config, reports)
    if importance is not None and isinstance(model, WeighsSamples):
        scores |= evaluate(Weighted(model, importance), config, split=split, device=device_of(model))
    if not scores:
        why = " (data.held_out is 0)" if split == "valid" and getattr(config, "held_out", None) == 0 else ""
        place = config.path if isinstance(config, FromFiles) else f"the data of {source}"
        raise DataError(f"{place} has nothing to measure in its part {split!r}{why}; give other data, or another split")
    return {**counted.count, **scores}


def check_search(model: Model, source: str, beams: int | None, meteor: bool) -> None:
    """Raises ValueError for what is asked of captions that the model does not write, or that cannot be measured here."""
    if beams is not None:
        check_range("beams", beams, at_least=1, at_most=100)
    if not isinstance(model, Describes) and (beams is not None or meteor):
        raise ValueError(f"{source} writes no captions, of which beams and METEOR are; leave them out")
    if meteor and not caption_scores.available():
        raise ValueError(f"METEOR cannot be measured: {caption_scores.MISSING}")


def data_for(model: Model, folder: Path, source: str, path: str | None) -> Any:
    """`data_of`, checked against what the model was built for. Raises ValueError."""
    config = data_of(folder, source, path)
    if path is not None and model.spec.vocabulary is not None:
        config = replace(config, vocabulary=model.spec.vocabulary)
    spec = config.spec()
    if path is None and spec != model.spec:
        raise DataError(f"the data of {source}'s run is another than it was trained on (symbols or sizes); give `data`, a file")
    if spec.image is not None and spec.image[0] != model.spec.picture[0]:
        raise DataError(
            f"{config.path} has {spec.image[0]} channels and {source} was trained on {model.spec.picture[0]}; give another picture"
        )
    return config


@dataclass(frozen=True)
class Counted:
    """Data that remembers how much of it was handed out."""

    data: Any
    count: dict[str, int] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[str, ...]:
        splits: tuple[str, ...] = self.data.splits
        return splits

    def spec(self) -> Spec:
        spec: Spec = self.data.spec()
        return spec

    def stream(self, split: str, **options: Any) -> Iterator[Batch]:
        for batch in self.data.stream(split, **options):
            name, count = batch.items()
            self.count[name] = self.count.get(name, 0) + count
            yield batch

    def examples(self, split: str) -> Iterator[Any]:
        for example in self.data.examples(split):
            self.count["pictures"] += 1
            yield example


def data_of(folder: Path, source: str, path: str | None) -> Any:
    """The data that a model is measured on: what it was trained on, or `path` read the same way. Raises ValueError."""
    if (folder / RECIPE).exists():
        config = stored_recipe(folder)[2].data
        known = not isinstance(config, FromFiles) or "path" in read_recipe(folder)["data"]  # shipped ones bring no data
    else:
        name = checkpoint.read_model(folder).model
        kinds = [models.recipe(name, preset).data for preset in models.presets(name)]
        if len({type(kind) for kind in kinds}) > 1:
            raise ValueError(
                f"{source} does not say what kind of data it was trained on; put the run's {RECIPE} beside its {checkpoint.CONFIG}"
            )
        config, known = kinds[0], False
    if path is not None:
        if not isinstance(config, FromFiles):
            raise DataError(f"{source} was trained on data that it makes itself, and takes no file; leave `data` out")
        settings: Any = config
        names = {one.name for one in fields(settings)}
        return replace(settings, path=path, **({"valid": path} if "valid" in names else {}))
    if not known:
        raise ValueError(f"{source} does not say what to measure it on; give `data`, a file")
    return config


@dataclass(frozen=True)
class Weighted:
    """A model whose measurement is its importance-weighted estimate."""

    model: WeighsSamples
    samples: int

    def measure(self, batch: Any, *, rng: torch.Generator) -> Totals:
        return self.model.importance_weighted(batch, self.samples, rng=rng)
