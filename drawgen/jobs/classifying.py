"""Labels of texts and drawings by a trained model.

Axes: T rows of a drawing.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from drawgen import files
from drawgen.contract import Classifies
from drawgen.data import label_files
from drawgen.data.labelled import UNKNOWN, symbols_of
from drawgen.data.packed import DAMAGED, reason
from drawgen.data.pen_rows import lines_of, rows_of
from drawgen.data.pictures import DataError
from drawgen.data.strokes import Drawings, Omniglot, QuickDraw, Stroke3, strokes_of
from drawgen.jobs.asking import Trained, asked, load
from drawgen.jobs.labels import Classified, ItemLabels
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.reports import Reports, problem_lines
from drawgen.jobs.verbs import that_can
from drawgen.ranges import check_range, check_whole
from drawgen.strokes.lines import flattened
from drawgen.strokes.svg_reading import read_svg

Item: TypeAlias = str | os.PathLike[str] | Tensor | np.ndarray
"""A text; the path of a file (`Path`, or of drawings also its name); or a drawing, T rows dx, dy, up."""
STANDARD_INPUT = "-"
AT_ONCE = 500
"""Items between two reports of progress."""
MOST_STROKES_BYTES = 1 << 23
DRAWINGS: dict[str, Callable[[Path], Drawings]] = {".ndjson": QuickDraw, ".npz": Stroke3, ".zip": Omniglot}
DRAWING_KINDS = (*DRAWINGS, ".txt", ".svg")


def classify(
    model: str | os.PathLike[str] | Trained,
    items: Item | Sequence[Item],
    *,
    n: int = 1,
    device: str = "cpu",
    progress: Listener = None,
) -> Classified:
    """The `n` most probable labels of texts or drawings by a trained model, with their probabilities. See `Classified`.

    Of a model of texts a `str` is a text, and a `Path` is a file with one text per line (Path("-"): standard input) or, if it ends
    in .csv or .tsv, a table of texts and labels, whose labels are not looked at. Of a model of drawings a name or a `Path` is a
    file: Quick, Draw! (.ndjson), stroke-3 (.npz), Omniglot's strokes (.zip, .txt) or an SVG, drawn in the order of the file; an
    array or a tensor is one drawing, T rows dx, dy, up.

    Lines and drawings of files that cannot be read are left out and recorded in `skipped`. What the model hardly knows the
    characters of has a `doubt`. Raises DataError (a ValueError) and a ValueError that names an invalid argument.

    >>> import drawgen
    >>> words = drawgen.train("text_classifier", "tiny")
    >>> found = drawgen.classify(words, ["kalo", "lankot"])
    >>> [one.label for one in found]
    ['open', 'closed']
    """
    check_whole("n", n)
    check_range("n", n, at_least=1)
    given = [items] if isinstance(items, (str, os.PathLike, Tensor, np.ndarray)) else list(items)
    if not given:
        raise ValueError("nothing to classify is given; give a text or a file")
    with hearing(progress) as reports:
        trained = model if isinstance(model, Trained) else load(os.fspath(model), device=device)
        classifier = that_can(trained.model, Classifies, trained.source)
        skipped: dict[str, str] = {}
        found = texts(given, trained, skipped) if classifier.takes == "texts" else drawings(given, trained, skipped, reports)
        if skipped:
            reports.say("\n".join([f"{len(skipped)} of {len(found) + len(skipped)} left out:", *problem_lines(skipped)]))
        if not found:
            raise DataError(f"nothing to classify is left: {next(iter(skipped.values()))}")
        labels: list[ItemLabels] = []
        with asked():
            for first in range(0, len(found), AT_ONCE):
                some = found[first : first + AT_ONCE]
                said = classifier.classify([item for _, item in some])  # type: ignore[arg-type]
                labels += [
                    ItemLabels(name, said.best(row, n), doubt(item, trained.model.spec) if isinstance(item, str) else "")
                    for row, (name, item) in enumerate(some)
                ]
                if reports.drawing is not None:
                    reports.drawing(len(labels) / len(found))
        doubts = {f"{one.name:.60}": one.doubt for one in labels if one.doubt}
        if doubts:
            reports.say("\n".join(["the label of these is a guess:", *problem_lines(doubts)]))
    return Classified(labels, skipped)


def doubt(text: str, spec: Any) -> str:
    """Why a label says little: most symbols of the text are unknown. Empty otherwise."""
    known, unit = set(spec.vocabulary or ()) - {UNKNOWN}, spec.unit or "characters"
    symbols = [symbol for symbol in symbols_of(text, unit) if symbol != " "]
    strange = sum(symbol not in known for symbol in symbols)
    if 2 * strange <= len(symbols):
        return ""
    if strange == len(symbols):
        return f"none of its {unit} is among the {len(known):,} that the model knows"
    return f"{strange} of its {len(symbols)} {unit} are not among the {len(known):,} that the model knows"


# ---------------------------------------------------------------- texts


def texts(given: Sequence[Item], trained: Trained, skipped: dict[str, str]) -> list[tuple[str, str]]:
    """(name, text) of what a user gives. Raises DataError and ValueError."""
    unit = trained.model.spec.unit or "characters"
    found: list[tuple[str, str]] = []
    for number, item in enumerate(given, 1):
        if isinstance(item, str):
            if not symbols_of(item, unit):
                raise ValueError(f"text {number} ({item!r:.40}) has no {unit}; leave it out")
            found.append((item, item))
        elif isinstance(item, os.PathLike):
            before, left_out = len(found), len(skipped)
            for source, text in lines_in(Path(item)):
                if symbols_of(text, unit):
                    found.append((text, text))
                else:
                    skipped[source] = f"it has no {unit}"
            if len(found) == before and len(skipped) == left_out:
                raise DataError(f"{item} is empty; give one text per line")
        else:
            raise ValueError(f"item {number} is a drawing, and {trained.source} classifies texts; give a text")
    return found


def lines_in(path: Path) -> list[tuple[str, str]]:
    """(source, text) of a file's lines, or of the texts of a table. Raises DataError."""
    if path.suffix.lower() in (".csv", ".tsv"):
        return [(row.source, row.text) for row in label_files.read(path).rows]
    try:
        content = files.read_standard_input(label_files.LARGEST) if str(path) == STANDARD_INPUT else label_files.unpacked(path)
    except (EOFError, *DAMAGED) as error:
        raise DataError(f"{path} cannot be read ({reason(error)}); give a file with one text per line") from error
    lines = label_files.decoded(content, str(path)).splitlines()
    return [(f"{path}, line {number}", line) for number, line in enumerate(lines, 1)]


# ---------------------------------------------------------------- drawings


def drawings(given: Sequence[Item], trained: Trained, skipped: dict[str, str], reports: Reports) -> list[tuple[str, Tensor]]:
    """(name, rows) of what a user gives. Raises DataError."""
    found: list[tuple[str, Tensor]] = []
    for number, item in enumerate(given, 1):
        if isinstance(item, (Tensor, np.ndarray)):
            name = f"drawing {number}"
            array = item.detach().cpu().numpy() if isinstance(item, Tensor) else item
            try:
                found.append((name, torch.from_numpy(rows_of(lines_of(array)))))
            except ValueError as error:
                raise DataError(f"{name} cannot be read ({error}); give rows dx, dy, up") from error
            continue
        path = Path(item)
        if isinstance(item, str) and not files.is_file(path) and path.suffix.lower() not in DRAWING_KINDS:
            kinds = " ".join(DRAWING_KINDS)
            raise DataError(
                f"{trained.source} classifies drawings, and {item!r:.60} is no file of one; give a file ({kinds}), or `model`, "
                "one of texts"
            )
        found += drawings_in(path, skipped, reports)
    return found


def drawings_in(path: Path, skipped: dict[str, str], reports: Reports) -> list[tuple[str, Tensor]]:
    """The drawings of a file, as rows. Raises DataError and ImageError."""
    kind, name = path.suffix.lower(), str(path)
    if not files.is_file(path):
        raise DataError(f"{path} is a folder; give files in it" if files.is_folder(path) else f"{path} does not exist")
    try:
        if kind == ".svg":
            svg = read_svg(path, say=reports.say)
            tolerance = max(svg.frame[2] - svg.frame[0], svg.frame[3] - svg.frame[1]) / 400
            return [(name, torch.from_numpy(rows_of([flattened(curve.pieces, tolerance) for curve in svg.curves])))]
        if kind == ".txt":
            lines = strokes_of(files.read_bytes(path, MOST_STROKES_BYTES).decode("ascii"))
            return [(name, torch.from_numpy(rows_of(lines)))]
    except DAMAGED as error:
        raise DataError(f"{path} is no drawing ({reason(error)}); give a file of strokes as Omniglot's, or an SVG") from error
    if kind not in DRAWINGS:
        raise DataError(f"{path} is no file of drawings that is known; give one that ends in {' '.join(DRAWING_KINDS)}")
    opened = DRAWINGS[kind](path)
    found = []
    for index in range(len(opened)):
        try:
            found.append((opened.source(index), torch.from_numpy(rows_of(opened.read(index).lines))))
        except DataError as error:
            skipped[opened.source(index)] = str(error)
    return found
