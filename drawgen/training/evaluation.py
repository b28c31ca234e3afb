"""Evaluation of a model on a split of the data."""

import math

import torch
from torch import Tensor, nn

from drawgen.contract import Checks, Data, Measures, check_split, generator
from drawgen.devices import device_of, to_device
from drawgen.training.parallel import World
from drawgen.training.run import MEASURE


@torch.no_grad()
def evaluate(
    model: Measures,
    data: Data,
    *,
    split: str = "valid",
    seed: int = 0,
    device: torch.device | None = None,
    world: World | None = None,
) -> dict[str, float]:
    """The mean of every measurement over a split of the data, weighted by its counts. If a model also gives the squares of a
    measurement (`NAME_squared`, after NAME), the result has the standard error of the mean, `NAME_error`. Raises ValueError for an
    unknown split, and for the endless "train"."""
    check_split(data, split, measured=True)
    world = world or World()
    if device is None:
        device = device_of(model) if isinstance(model, nn.Module) else torch.device("cpu")
    totals: dict[str, list[Tensor]] = {}
    counts: dict[str, float] = {}
    batches = data.stream(split, seed=seed, rank=world.rank, ranks=world.ranks)
    for number, batch in enumerate(batches):
        if number == 0 and isinstance(model, Checks):
            model.check(batch)
        rng = generator(seed, MEASURE, number, world.rank, device=device)
        for name, (total, count) in model.measure(to_device(batch, device), rng=rng).items():
            totals.setdefault(name, []).append(total)
            counts[name] = counts.get(name, 0.0) + count
    sums = {name: (float(torch.stack(parts).cpu().double().sum()), counts[name]) for name, parts in totals.items()}
    scores: dict[str, float] = {}
    for name, (whole, count) in world.totals(sums).items():
        plain = name.removesuffix("_squared")
        if plain == name:
            scores[name] = whole / count
        else:
            scores[f"{plain}_error"] = math.sqrt(max(0.0, whole / count - scores[plain] ** 2) / count)
    return scores
