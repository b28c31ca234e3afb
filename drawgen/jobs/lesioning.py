"""Lesions of a residual network: what it is without some of its modules, with modules in another order, and which of its paths
carry the gradient (Veit, Wilber & Belongie 2016)."""

import math
import os
from pathlib import Path
from typing import Any

from drawgen.charts import check_charts
from drawgen.contract import generator
from drawgen.jobs.asking import Trained, asked
from drawgen.jobs.lesion_reports import Deletions, Lesions
from drawgen.jobs.lesion_subjects import Subject, subject
from drawgen.jobs.progress import Listener, hearing
from drawgen.nn import lesions as trials
from drawgen.ranges import check_range, check_whole
from drawgen.report_pages import check_folder

COUNTS = (1, 2, 3, 5, 7, 10, 13, 16, 20, 25, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960)
"""Modules that are deleted at once, and pairs that change places."""
FEW = 12
"""Up to this many, every count is tried."""
MOST_LENGTHS = 60
"""Lengths of paths whose gradients are measured, at most, about."""
SMALL, LARGE = 48, 16
"""Pictures of one gradient: small ones with labels, and photographs."""


def counts_up_to(most: int) -> list[int]:
    return list(range(1, most + 1)) if most <= FEW else [count for count in COUNTS if count <= most]


def lesions(
    model: str | os.PathLike[str] | Trained,
    out: str | os.PathLike[str] | None = None,
    *,
    data: str | None = None,
    split: str | None = None,
    beside: str | os.PathLike[str] | Trained | None = None,
    pictures: int | None = None,
    draws: int = 10,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
    progress: Listener = None,
) -> Lesions:
    """The experiments of Veit et al. on a trained residual network; see `Lesions`. `out` is the folder of the report.

    `model` is a trained resnet_classifier; efficientnet-lite0 (the installed weights); or a file with the weights of one of
    torchvision's ResNets (resnet18 to resnet152). `data` is what a resnet_classifier is measured on, read as its training data
    were, or a folder of pictures for the others, by default crops of scikit-image's photographs. `split` is by default test, or
    valid where there is none. `beside` is another resnet_classifier, such as a plain one, on the same pictures. `pictures` is how
    many are looked at (by default 500 labelled ones, 64 for efficientnet-lite0, 32 for the others), `draws` how many sets of
    modules, orders and paths of each kind. Raises ValueError.

    >>> import drawgen
    >>> digits = drawgen.train("resnet_classifier", "tiny")
    >>> found = drawgen.lesions(digits, draws=2)
    >>> len(found.deletions.one)
    6
    """
    for name, value in (("draws", draws), *((("pictures", pictures),) if pictures is not None else ())):
        check_whole(name, value)
        check_range(name, value, at_least=1)
    check_whole("seed", seed)
    check_range("seed", seed, at_least=0)
    if out is not None:
        check_charts()
        check_folder(Path(out), force=force)
    with hearing(progress) as reports, asked():
        one = subject(source_of(model), data=data, split=split, pictures=pictures, seed=seed, device=device)
        check_residual(one)
        other = None
        if beside is not None:
            companion = subject(source_of(beside), data=data, split=split, pictures=pictures, seed=seed, device=device)
            other = comparable(one, companion)
        passes = Passes(one, other, draws, reports.drawing)
        rng = generator(seed, 2)
        found = deletions(one, draws, rng, passes)
        compared = None if other is None else deletions(other, draws, generator(seed, 3), passes)
        shuffles = trials.shuffled(one.examined, one.row, swaps_of(one), draws, rng=rng, step=passes)
        lengths = lengths_of(len(one.row.indices))
        norms = trials.gradient_norms(one.examined, one.row, lengths, draws, pictures=batch_of(one), rng=rng, step=passes)
        shares = trials.contributions(lengths, [norm.value for norm in norms], len(one.row.indices))
        gates = trials.openness(one.examined)
        passes.finish()
    classes = None if one.labels is None else len(one.labels)
    result = Lesions(
        found, compared, one.seen, len(one.examined.images), classes, shuffles, lengths, norms, shares, gates, seed
    )  # fmt: skip
    if out is not None:
        result.save(out, force=force)
    return result


def source_of(model: str | os.PathLike[str] | Trained) -> str:
    return model.source if isinstance(model, Trained) else os.fspath(model)


def check_residual(one: Subject) -> None:
    if not one.row.carries:
        raise ValueError(
            f"{one.source} is not a residual network: it is made of {one.built}, which have no shortcuts; give a residual or a "
            "highway network, and this one as `beside`"
        )


def comparable(one: Subject, other: Subject) -> Subject:
    """The other network, if it can stand beside. Raises ValueError."""
    if one.labels is None or other.labels is None:
        raise ValueError("`beside` is for two trained resnet_classifiers, whose pictures have labels; leave it out")
    if other.labels != one.labels or other.examined.images.shape != one.examined.images.shape:
        raise ValueError(f"{other.source} was trained on other pictures or labels than {one.source}; give one of the same data")
    return other


def deletions(one: Subject, draws: int, rng: Any, step: trials.Step) -> Deletions:
    counts = counts_up_to(len(one.row.indices))
    return Deletions(
        one.source, one.built, trials.error(one.examined), trials.without_one(one.examined, one.row, step), one.row.narrows,
        counts, trials.without_several(one.examined, one.row, counts, draws, rng=rng, step=step), one.drawn,
    )  # fmt: skip


def swaps_of(one: Subject) -> list[int]:
    """How many pairs change places; few if there are few, none if no two modules are of the same shape."""
    return counts_up_to(min(len(one.row.indices), (len(one.row.pairs()) + 1) // 2))


def batch_of(one: Subject) -> int:
    return LARGE if one.labels is None else SMALL


def lengths_of(n: int) -> list[int]:
    """The lengths of paths whose gradients are measured, from 0 to n."""
    stride = max(1, math.ceil(n / MOST_LENGTHS))
    return sorted({*range(0, n, stride), n})


class Passes:
    """Progress, in passes of all pictures through a network."""

    def __init__(self, one: Subject, other: Subject | None, draws: int, hear: Any) -> None:
        def of(each: Subject) -> float:
            n = len(each.row.indices)
            return n / 2 + draws * len(counts_up_to(n))

        gradients = len(lengths_of(len(one.row.indices))) * 3 * draws * min(1, batch_of(one) / len(one.examined.images))
        self.whole = of(one) + (0 if other is None else of(other)) + draws * len(swaps_of(one)) + gradients
        self.done, self.hear = 0.0, hear

    def __call__(self, passes: float) -> None:
        self.done += passes
        if self.hear is not None:
            self.hear(min(0.99, self.done / self.whole))

    def finish(self) -> None:
        if self.hear is not None:
            self.hear(1.0)
