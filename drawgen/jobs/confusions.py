"""Confusion matrices of trained models."""

from itertools import islice

import numpy as np

from drawgen.contract import Classifies, HasLabelled
from drawgen.jobs.labels import Confusion

AT_ONCE = 500
"""Items that are classified at once."""


def confusion_of(model: Classifies, data: HasLabelled, split: str, title: str) -> Confusion:
    """How often the items of each class of a split were given each label. Raises ValueError for a split without items."""
    items = data.labelled(split)
    counts: np.ndarray | None = None
    while some := list(islice(items, AT_ONCE)):
        found = model.classify([item for item, _ in some])  # type: ignore[arg-type]
        place = {label: number for number, label in enumerate(found.classes)}
        if counts is None:
            counts = np.zeros((len(place), len(place)), np.int64)
        np.add.at(counts, ([place[label] for _, label in some], found.log_probs.argmax(1).tolist()), 1)
    if counts is None:
        raise ValueError(f"there is nothing to compare labels on in the part {split!r}; give other data, or another split")
    return Confusion(found.classes, counts, title)
