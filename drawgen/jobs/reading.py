"""Classification of pictures by a trained model."""

from pathlib import Path
from typing import NamedTuple

import torch

from drawgen import images, models
from drawgen.contract import Labelling, Reads, Sample, generator
from drawgen.devices import device_of
from drawgen.jobs.loading import pictures_for
from drawgen.jobs.saving import check_grid, save
from drawgen.jobs.verbs import that_can
from drawgen.ranges import check_range
from drawgen.threads import threads


class Label(NamedTuple):
    """The most probable labels of one picture."""

    picture: str
    labels: list[tuple[str, float]]
    """Labels with their probabilities, the most probable first."""


def read(
    source: str,
    paths: list[str],
    out: Path | None = None,
    *,
    n: int = 1,
    boxes: bool = True,
    animate: bool = False,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
) -> list[Label]:
    """The `n` most probable labels of each picture. `out` shows the model's glimpses, with its windows (`boxes`): a picture, or an
    animation by the same rule as in `sample`. Raises ImageError, ValueError."""
    check_range("n", n, at_least=1)
    check_range("seed", seed, at_least=0)
    model = models.load(source, device=device)
    reader = that_can(model, Reads, source)
    if out is not None:
        images.check_output(out, force=force, kinds=images.MOVING if animate else (*images.STILL, *images.MOVING), sources=paths)
        check_grid(out, len(paths), model.spec.picture[1:], boxes=boxes)
    with threads(1):
        seen = pictures_for(model, paths)
        found = reader.read(seen.to(device_of(model)), rng=generator(seed, device=device_of(model)))
    if out is not None:
        shown = looked_at(found, seen)
        save(out, shown, boxes=boxes and bool(shown.boxes), animate=animate, replace=force)
    return [Label(path, found.best(row, n)) for row, path in enumerate(paths)]


def looked_at(found: Labelling, pictures: torch.Tensor) -> Sample:
    """The model's glimpses; for a model without glimpses, the pictures."""
    return Sample(pictures) if found.seen is None else found.seen.cpu()
