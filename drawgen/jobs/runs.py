"""Training from Python: `train` and `TrainingRun`."""

import csv
import dataclasses
import html
import io
import json
import os
import shutil
import tempfile
import typing
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from drawgen import checkpoint, files, images, models
from drawgen.contract import Model
from drawgen.interrupts import Interrupted
from drawgen.jobs import training
from drawgen.jobs.asking import Trained, load
from drawgen.jobs.card import SERIES
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.recipe import begun
from drawgen.ranges import ArgumentError, check_choice
from drawgen.training import run_folder

T = TypeVar("T")
UNSHOWN = ("seconds", "norm", "norm_after", "clipped", "moved")
"""Metrics without a chart of their own; `drawgen.diagnose` shows them."""


# ---------------------------------------------------------------- the curve


class Curve(list[dict[str, float]]):
    """The metrics of a run, one row per logged step: `step`, `loss`, the model's other metrics, and `valid/NAME` for the validation
    split. pandas reads it as a table; a notebook displays it as charts.

    >>> import drawgen
    >>> run = drawgen.train("draw", "tiny", fit={"steps": 3, "log_steps": 1})
    >>> steps, losses = run.curve.series("loss")
    >>> steps
    [1.0, 2.0, 3.0]
    >>> run.curve.save("curve.csv")
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics."""
        return tuple(dict.fromkeys(name for row in self for name in row if name != "step"))

    def series(self, name: str) -> tuple[list[float], list[float]]:
        """The steps and values of a metric. Raises ValueError for an unknown metric."""
        check_choice("name", name, self.names)
        rows = [row for row in self if name in row]
        return [float(row["step"]) for row in rows], [float(row[name]) for row in rows]

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes the table as CSV or JSON, or the drawing as SVG. Raises ImageError, a ValueError, and StorageError."""
        out = Path(path)
        images.check_output(out, force=force, kinds=(".csv", ".json", ".svg"))
        if out.suffix.lower() == ".svg":
            text = self.svg()
        elif out.suffix.lower() == ".json":
            text = json.dumps(list(self))
        else:
            table = io.StringIO()
            writer = csv.DictWriter(table, ["step", *self.names], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self)
            text = table.getvalue()
        files.write_output(out, text.encode(), replace=force)

    def svg(self) -> str:
        """A small chart per metric with two values or more, without those of time and clipping and those per drawing step."""
        shown = [name for name in self.names if name.split("/")[0] not in UNSHOWN and not SERIES.search(name)]
        shown = [name for name in shown if not name.endswith(("_squared", "_error")) and sum(name in row for row in self) > 1]
        charts = [chart(name, *self.series(name), left=n % 3 * WIDE, top=n // 3 * HIGH) for n, name in enumerate(shown)]
        rows = -(-len(shown) // 3)
        size = f'width="{min(3, len(shown)) * WIDE}" height="{rows * HIGH}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">{"".join(charts)}</svg>\n'

    def _repr_html_(self) -> str:
        return self.svg()


WIDE, HIGH, EDGE = 260, 150, 24
"""Size of a chart and of its margin, in pixels."""


def chart(name: str, steps: list[float], values: list[float], *, left: int, top: int) -> str:
    """One metric over the steps, as SVG: a line, or a dot for a single value."""
    lowest, highest, last = min(values), max(values), max(steps)
    across, down = WIDE - 2 * EDGE, HIGH - 2 * EDGE

    def at(step: float, value: float) -> str:
        share = (value - lowest) / ((highest - lowest) or 1.0)
        return f"{left + EDGE + across * step / (last or 1.0):.1f},{top + HIGH - EDGE - down * share:.1f}"

    points = " ".join(map(at, steps, values))
    x, y = at(steps[-1], values[-1]).split(",")
    return (
        f'<text x="{left + EDGE}" y="{top + 16}">{html.escape(name)} {values[-1]:.4g}</text>'
        f'<polyline points="{points}" fill="none" stroke="#36c"/><circle cx="{x}" cy="{y}" r="2.5" fill="#36c"/>'
        f'<text x="{left + EDGE}" y="{top + HIGH - 8}" fill="#888">{lowest:.4g} to {highest:.4g}; {last:.0f} steps</text>'
    )


# ---------------------------------------------------------------- the run


class TrainingRun(Trained):
    """A finished training run and its model, from `drawgen.train`.

    >>> import drawgen
    >>> run = drawgen.train("draw", "tiny")
    >>> run.steps, sorted(run.scores)[:2]
    (4, ['bound_nats', 'bound_nats_error'])
    >>> run.sample(n=4).images.shape
    torch.Size([4, 1, 12, 12])
    """

    folder: Path
    """The run folder, which is also a model folder; a temporary one is deleted with this object."""
    steps: int
    """Number of training batches."""
    seconds: float
    """Seconds over all sessions of the run."""
    scores: dict[str, float]
    """The final scores on the validation split; empty if there is none, or if the run was interrupted."""
    curve: Curve
    """The metrics by step."""

    def __init__(self, model: Model, folder: Path, *, steps: int, seconds: float, scores: dict[str, float]) -> None:
        super().__init__(model, str(folder))
        self.folder, self.steps, self.seconds, self.scores = folder, steps, seconds, scores
        self.curve = read_curve(folder)

    def _repr_html_(self) -> str:
        single = {name: value for name, value in self.scores.items() if not SERIES.search(name) and not name.endswith("_squared")}
        rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{value:.4f}</td></tr>" for name, value in single.items())
        return (
            f"<p>{html.escape(repr(self))}; {self.steps} steps in {self.seconds:.0f} s</p>{self.curve.svg()}<table>{rows}</table>"
        )


def read_curve(folder: Path) -> Curve:
    """The metrics logged by a run; damaged lines are skipped."""
    rows = Curve()
    file = folder / run_folder.METRICS
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "step" in row:
            rows.append({name: value for name, value in row.items() if value is not None})  # NaN, which JSON does not know
    return rows


class RunFolder:
    """The folder of a run: `wanted`, or a temporary one, which is deleted at the end of the context or with the object that keeps
    it."""

    def __init__(self, wanted: Path | None) -> None:
        self.kept = wanted is not None
        self.folder = Path(tempfile.mkdtemp(prefix="drawgen-")) if wanted is None else wanted

    def keep(self, owner: T) -> T:
        """Keeps the folder as long as this object exists."""
        if not self.kept:
            weakref.finalize(owner, shutil.rmtree, self.folder, ignore_errors=True)
        self.kept = True
        return owner

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *problem: object) -> None:
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)


def train(
    name: str,
    preset: str | None = None,
    /,
    *,
    out: str | os.PathLike[str] | None = None,
    model: Any = None,
    data: Any = None,
    fit: Any = None,
    begin: str | os.PathLike[str] = "",
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> TrainingRun:
    """Trains the model `name` from one of its presets (`drawgen list` shows them), by default the first.

    `model`, `data` and `fit` change settings of the preset by name, as in fit={"steps": 100}, or are whole configs, such as
    `drawgen.data.digits.Rectangles(batch=16)`. `out` is the run folder, which is also a model folder; without it the run is in a
    temporary folder, which is deleted with the result. `resume` continues an interrupted run with its own settings, to the same
    weights. `force` replaces an existing run. `begin` is a trained model (a folder or MODEL:NAME) whose weights training starts
    from. `progress` is called with the fraction done.

    Raises a ValueError that names the setting (data.path, fit.steps), TrainingError for a run that diverges, and Interrupted after
    Ctrl-C: `so_far` is the run so far, and its state is in `out`.

    >>> import drawgen
    >>> run = drawgen.train("draw", "tiny", model={"units": 8}, data={"batch": 2}, fit={"steps": 2, "seed": 3})
    >>> run.steps
    2
    """
    if resume and out is None:
        raise ArgumentError("resume", "is true, and the run's folder is not given; give `out`")
    with hearing(progress, training=1.0) as reports, RunFolder(None if out is None else Path(out)) as place:
        if resume:
            preset, recipe = begun(place.folder, name, preset)
        else:
            recipe = models.recipe(name, preset)
            preset = preset or next(iter(models.module(name).PRESETS))
        if isinstance(fit, Mapping) and "minutes" in fit and not resume:
            fit = {"steps": None, **fit}  # minutes asked for in place of the preset's steps
        recipe = dataclasses.replace(
            recipe,
            model=changed(recipe.model, "model", model),
            data=changed(recipe.data, "data", data),
            fit=changed(recipe.fit, "fit", fit),
        )
        try:
            outcome = training.train(
                name, recipe, place.folder, preset=preset, begin=os.fspath(begin), resume=resume, force=force, reports=reports
            )
        except Interrupted as stop:
            if run_folder.holds_run(place.folder):
                stop.so_far = place.keep(so_far(place.folder, device=recipe.fit.device))
            raise
        run = TrainingRun(outcome.model, place.folder, steps=outcome.steps, seconds=outcome.seconds, scores=dict(outcome.scores))
        return place.keep(run)


def so_far(folder: Path, *, device: str) -> TrainingRun:
    """An interrupted run."""
    state = checkpoint.read_newest_state(folder) or {"step": 0, "seconds": 0.0}
    return TrainingRun(load(folder, device=device).model, folder, steps=state["step"], seconds=state["seconds"], scores={})


def changed(config: Any, part: str, settings: Any) -> Any:
    """A config with changed settings, or another config. Raises ValueError for an unknown setting or a value of the wrong type."""
    if settings is None:
        return config
    if dataclasses.is_dataclass(settings):
        return settings
    known = [field.name for field in dataclasses.fields(config)]
    if not isinstance(settings, Mapping):
        raise ArgumentError(part, f"is {settings!r}; give settings by their names, as {{{known[0]!r}: ...}}, or a config")
    hints = typing.get_type_hints(type(config))
    for setting in settings:
        if setting not in known:
            raise ArgumentError(part, f"has no setting {setting!r}; it has {', '.join(known)}")
    try:
        values = {
            setting: checkpoint.coerce(hints[setting], as_plain(value), where=f"{part}.{setting}", most=checkpoint.LARGEST_NUMBER)
            for setting, value in settings.items()
        }
    except checkpoint.CheckpointError as error:
        raise ValueError(str(error)) from None
    return dataclasses.replace(config, **values)


def as_plain(value: Any) -> Any:
    """A value converted for JSON, including numpy's numbers and paths."""
    return value.item() if isinstance(value, np.generic) else checkpoint.to_plain(value)
