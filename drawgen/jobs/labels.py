"""Labels of texts and drawings, and confusion matrices: values that a notebook displays and that can be saved."""

import csv
import html
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from drawgen import files, images
from drawgen.confusion_pictures import matrix
from drawgen.point_pictures import Diagram
from drawgen.threads import threads


class ItemLabels(NamedTuple):
    """The most probable labels of a text or a drawing."""

    name: str
    """The text; of a drawing its file and place in it."""
    labels: list[tuple[str, float]]
    """Labels with their probabilities, the most probable first."""
    doubt: str = ""
    """Why they say little; empty if nothing speaks against them."""

    @property
    def label(self) -> str:
        """The most probable label."""
        return self.labels[0][0]

    @property
    def probability(self) -> float:
        """Of the most probable label."""
        return self.labels[0][1]

    def as_json(self) -> dict[str, Any]:
        return {"item": self.name, "labels": [list(pair) for pair in self.labels], "doubt": self.doubt or None}


class Classified(list[ItemLabels]):
    """The labels of texts or drawings, from `drawgen.classify`. `skipped`: what was left out -> reason.

    >>> import drawgen
    >>> found = drawgen.train("text_classifier", "tiny").classify("kalo", n=2)
    >>> len(found[0].labels)
    2
    >>> found.save("labels.csv")
    """

    def __init__(self, found: Iterable[ItemLabels] = (), skipped: Mapping[str, str] | None = None) -> None:
        super().__init__(found)
        self.skipped = dict(skipped or {})

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes JSON with all labels, or CSV with the columns item, label and probability, one label per row. Raises ImageError (a
        ValueError) and StorageError."""
        out = Path(path)
        images.check_output(out, force=force, kinds=(".csv", ".json"))
        if out.suffix.lower() == ".json":
            text = json.dumps([one.as_json() for one in self], ensure_ascii=False) + "\n"
        else:
            table = io.StringIO()
            rows = csv.writer(table, lineterminator="\n")
            rows.writerow(["item", "label", "probability"])
            rows.writerows((one.name, label, f"{p:.6f}") for one in self for label, p in one.labels)
            text = table.getvalue()
        files.write_output(out, text.encode(errors="replace"), replace=force)

    def __repr__(self) -> str:
        return "\n".join(f"{one.name}: " + ", ".join(f"{label} {p:.1%}" for label, p in one.labels) for one in self)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(one.name)}</td>"
            + "".join(f"<td>{html.escape(label)}</td><td>{p:.1%}</td>" for label, p in one.labels)
            + "</tr>"
            for one in self
        )
        return f"<table>{rows}</table>"


@dataclass(frozen=True, eq=False, repr=False)
class Confusion:
    """How often items of each class were given each label. A notebook displays it, and `save` writes it as a picture, SVG, CSV or
    JSON.

    >>> import drawgen
    >>> found = drawgen.train("text_classifier", "tiny").confusion()
    >>> found.accuracy > 0.9
    True
    >>> found.save("confusion.png")
    """

    classes: tuple[str, ...]
    counts: Int64[np.ndarray, "K K"]
    """Rows are the right classes, columns the labels that they were given."""
    title: str = ""

    @property
    def accuracy(self) -> float:
        """The share of items whose label is right."""
        return float(np.trace(self.counts) / max(1, self.counts.sum()))

    def __repr__(self) -> str:
        return f"{self.title or 'confusion'}: {int(self.counts.sum())} items, {self.accuracy:.2%} right"

    def diagram(self) -> Diagram:
        return matrix(self.classes, self.counts, title=self.title)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Raises ImageError (a ValueError) and StorageError."""
        check_file(Path(path), force=force)
        self.write(Path(path), replace=force)

    @threads(1)
    def write(self, out: Path, *, replace: bool) -> None:
        """`save` after the checks."""
        kind = out.suffix.lower()
        if kind == ".json":
            told = {"classes": list(self.classes), "counts": self.counts.tolist(), "accuracy": self.accuracy}
            files.write_output(out, (json.dumps(told, ensure_ascii=False) + "\n").encode(), replace=replace)
        elif kind == ".csv":
            table = io.StringIO()
            rows = csv.writer(table, lineterminator="\n")
            rows.writerow(["class", *self.classes])
            rows.writerows([name, *row] for name, row in zip(self.classes, self.counts.tolist(), strict=True))
            files.write_output(out, table.getvalue().encode(), replace=replace)
        elif kind == ".svg":
            files.write_output(out, self.diagram().svg().encode(), replace=replace)
        else:
            images.save_image(out, self.diagram().pixels(), replace=replace)

    @threads(1)
    def _repr_png_(self) -> bytes:
        return images.png(self.diagram().pixels())


def check_file(out: Path, *, force: bool, sources: Iterable[str] = ()) -> None:
    """Raises ImageError or ValueError, before the work, if a confusion matrix cannot be written there."""
    images.check_output(out, force=force, kinds=(*images.STILL, ".svg", ".csv", ".json"), sources=list(sources))
