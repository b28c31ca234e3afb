"""What goes wrong in a recurrent network, as a report."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from drawgen import models
from drawgen.charts import check_charts
from drawgen.contract import Batch, Checks, Recurs, generator
from drawgen.devices import device_of, to_device
from drawgen.jobs import measuring
from drawgen.jobs.asking import Trained, asked, load
from drawgen.jobs.diagnosis_pages import clipping, sections_of, updates, watch
from drawgen.jobs.findings import ROWS, examine, plain
from drawgen.jobs.own_batches import own_batch
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.verbs import that_can
from drawgen.ranges import check_range
from drawgen.report_pages import Report, Section, Table, check_folder
from drawgen.training.journal import lines_of
from drawgen.training.run import MOVED
from drawgen.training.run_folder import METRICS


def diagnose(
    model: str | os.PathLike[str] | Trained,
    out: str | os.PathLike[str] | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
    progress: Listener = None,
) -> Report:
    """A report of what goes wrong in a recurrent network: how its gradient vanishes or explodes, its matrices, Jacobians and gates,
    and, of a run folder, clipping and how far steps moved the weights.

    It is diagnosed on the first rows of its run's training data, or of `data`, a file that is read the same way. A model whose data
    is not known is diagnosed on what it writes or draws itself; the report says so. `out` is the folder of the report, which has
    report.html, the charts and report.json; with `force` it replaces a report. Needs matplotlib (the extra `charts`). Raises
    ValueError for a model without a recurrent state, and for data that does not suit it.

    >>> import drawgen
    >>> report = drawgen.diagnose(drawgen.train("char_rnn", "tiny"))
    >>> [section.name for section in report.sections][:3]
    ['gradient', 'matrices', 'jacobian']
    >>> report.save("report")
    """
    check_range("seed", seed, at_least=0)
    check_charts()
    folder = None if out is None else Path(out)
    if folder is not None:
        check_folder(folder, force=force)
    with hearing(progress) as reports:
        trained = model if isinstance(model, Trained) else load(os.fspath(model), device=device)
        that_can(trained.model, Recurs, trained.source)
        with asked():
            batch, told = rows_for(trained, None if data is None else os.fspath(data), seed)
            reports.say(f"diagnosing {trained.source} on {told}")
            report = reported(trained, batch, told, seed)
        if folder is not None:
            report.save(folder, force=force)
    return report


def rows_for(trained: Trained, data: str | None, seed: int) -> tuple[Batch, str]:
    """(a batch, what its rows are). Raises ValueError."""
    model, source = trained.model, trained.source
    place = models.resolve(source)
    if data is None and not measuring.knows_data(place):
        batch, told = own_batch(model, source, seed)
        told += ", since it comes without its training data"
    else:
        config = measuring.data_for(model, place, source, data)
        batch = next(iter(config.stream("train", seed=seed)))
        told = f"rows of {data}" if data is not None else "rows of its training data"
    if isinstance(model, Checks):
        model.check(batch)
    return to_device(batch, device_of(model)), told


def reported(trained: Trained, batch: Batch, told: str, seed: int) -> Report:
    """The report. Raises ValueError for a model whose last loss no state reaches."""
    model: Any = trained.model
    layers = examine(model, batch, rng=generator(seed, device=device_of(model)))
    if not layers:
        raise ValueError(f"the last loss of {trained.source} does not depend on its states on {told}; give other `data`")
    log = log_of(trained.source)
    missing: list[tuple[str, str]] = []
    sections: list[Section] = list(sections_of(layers))
    for section, what in ((clipping(log), "Clipping"), (updates(log, MOVED), "How far a step moves the weights")):
        if section is not None:
            sections.append(section)
        else:
            missing.append((what, why_missing(log)))
    sections.append(watch(layers, broken(model), log))
    if not any(layer.gates for layer in layers.values()):
        missing.append(("Gates and half lives", "its cells have no gates"))
    if missing:
        words = (
            "Not everything can be shown of this model; train it, or train on, with `drawgen train`, and diagnose the run folder."
        )
        if all(why.startswith("its cells") for _, why in missing):
            words = "Not everything can be shown of this model."
        sections.append(Section("missing", "What is not here", words, table=Table(("what", "why"), missing)))
    count = min(ROWS, len(next(part for part in batch if isinstance(part, Tensor))))
    numbers = {"model": trained.source, "data": told, "layers": {name: layer.numbers() for name, layer in layers.items()}}
    lead = f"{count} {told} were looked at. " if not told.startswith("rows") else f"The first {count} {told} were looked at. "
    verdicts = "; ".join(f"{name}: {layer.verdict}" for name, layer in list(layers.items())[:6])
    return Report(f"Diagnosis of {trained.source}", f"{lead}The gradient is {verdicts}.", sections, plain(numbers))


def log_of(source: str) -> Sequence[dict[str, Any]]:
    """The lines of a run's log; none of a shipped model."""
    return lines_of(models.resolve(source) / METRICS)


def why_missing(log: Sequence[Any]) -> str:
    return "its run did not log it" if log else f"it comes without the log of its training ({METRICS})"


def broken(model: nn.Module) -> int:
    """Weights that are not finite."""
    return sum(int((~parameter.detach().isfinite()).sum()) for parameter in model.parameters())
