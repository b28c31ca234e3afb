"""The trainer: `fit`. It knows no model; what it asks of one is `contract.Model`.

A run that was killed anywhere goes on to the same result: what it has learnt is in its checkpoint (`Run.pack`), and data and
randomness are pure functions of (seed, step, rank).
"""

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from drawgen import checkpoint
from drawgen.contract import Checks, Data, Model, Prepares, generator
from drawgen.devices import choose_device, to_device
from drawgen.interrupts import signals
from drawgen.threads import threads
from drawgen.training import run_folder
from drawgen.training.clock import Progress
from drawgen.training.journal import check_tensorboard
from drawgen.training.parallel import World, joined
from drawgen.training.run import PREPARE, Run
from drawgen.training.schedule import Fit, check_threads
from drawgen.training.session import Session

SAMPLES_TO_PREPARE = 64


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    step: int
    steps: int
    seconds: float
    """All sessions of the run together."""
    scores: dict[str, float]
    """The validation part's measurements at the end; empty where there is none."""
    model: Any = field(default=None, repr=False, compare=False)
    """The trained model, with the averaged weights, in evaluation mode."""


def fit(
    model: Model,
    data: Data,
    settings: Fit,
    folder: Path,
    *,
    resume: bool = False,
    replace: bool = False,
    begin: Callable[[Any], None] | None = None,
    on_plan: Callable[[Path, int | None], None] | None = None,
    on_log: Callable[[Progress], None] | None = None,
    on_preview: Callable[[Any, int], None] | None = None,
    preview_seconds: float = 30.0,
) -> Outcome:
    """Trains `model` on `data` in a run folder: `model.safetensors` (averaged weights), `metrics.jsonl`, training states.

    A folder that holds a run already is refused, unless `resume` (go on) or `replace` (start anew) is said. What is replaced goes
    when the new run has its first checkpoint, not before (`run_folder`). A resumed run keeps its number of steps unless `settings`
    has one. Data that cannot be read or that the model is not for are refused before anything is written (ValueError).

    `begin` is given the model of a new run, prepared, before its first step. `on_plan` hears, after all that is refused, in which
    folder the run's files lie for now, and the number of steps, or None while a budget in minutes has not become one; and again
    when it has. `on_log` hears the metrics, `on_preview` gets the averaged model every `preview_seconds`. Raises TrainingError for
    NaN or infinity, Interrupted after Ctrl-C, SIGTERM or SIGHUP (all saved), StorageError where nothing more can be written.
    """
    device = choose_device(settings.device, "fit.device")
    check_threads(settings.threads)
    if settings.tensorboard:
        check_tensorboard()
    with threads(settings.threads), joined(device) as world, signals() as interrupted:
        check_data(model, data, settings, world)
        place = run_folder.Place(folder, folder)
        chief = world.rank == 0
        with run_folder.opened(folder, resume=resume, replace=replace) if chief else nullcontext(place) as place:
            world.barrier()
            move(model, device, compiled=settings.compile)
            kept = checkpoint.read_newest_state(folder) if resume else None
            if kept is None:
                prepare(model, data, settings, device, world)
                if begin is not None:
                    begin(model)
            run = Run(model, settings, world, device, settings.steps)
            if kept is not None:
                run.unpack(kept)
            session = Session(
                run, data, place, interrupted, on_plan=on_plan if chief else None, on_log=on_log if chief else None,
                on_preview=on_preview if chief else None, preview_seconds=preview_seconds,
            )  # fmt: skip
            with session.opened(new=kept is None):
                batches = iter(data.stream("train", seed=settings.seed, start=run.step, rank=world.rank, ranks=world.ranks))
                while not run.ended:
                    run.advance(next(batches))
                    session.after_step()
                session.save()
                scores = session.validate()
            run.model.load_state_dict(run.averaged)
            run.model.eval()
            return Outcome(run.step, run.step, run.seconds, scores, run.model)


# ---------------------------------------------------------------- before the first step


def check_data(model: Model, data: Data, settings: Fit, world: World) -> None:
    """Raises ValueError for data that cannot be read, or that the model is not for: all processes show it the same batch."""
    first = next(iter(data.stream("train", seed=settings.seed, rank=world.rank, ranks=world.ranks)))
    if isinstance(model, Checks):
        model.check(first if world.ranks == 1 else next(iter(data.stream("train", seed=settings.seed))))


def move(model: Model, device: torch.device, *, compiled: bool) -> None:
    """Puts the model on its device, with the parts compiled that it names for it."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    model.to(device)
    if compiled:
        for name in getattr(model, "compilable", ()):
            getattr(model, name).compile()


def prepare(model: Model, data: Data, settings: Fit, device: torch.device, world: World) -> None:
    """The model's own look at the data, before the first step; every rank then starts as rank 0."""
    if isinstance(model, Prepares):
        batches = itertools.islice(data.stream("train", seed=settings.seed), SAMPLES_TO_PREPARE)
        rng = generator(settings.seed, PREPARE, device=device)
        model.prepare((to_device(batch, device) for batch in batches), rng=rng)
    world.share_buffers(model.state_dict().values())
