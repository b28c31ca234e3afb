"""The trainer: `fit`. It trains any model that implements `contract.Model`.

A run that was killed can be resumed to the same result: its checkpoint has everything that it has learned (`Run.pack`), and data
and random numbers are pure functions of (seed, step, rank).
"""

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from drawgen import checkpoint
from drawgen.contract import Checks, Concludes, Data, HasExemplar, HeldOut, KeepsExemplar, Model, Prepares, generator
from drawgen.devices import choose_device, to_device
from drawgen.interrupts import signals
from drawgen.ranges import ArgumentError
from drawgen.threads import cores, threads, workers
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
    """Over all sessions of the run."""
    scores: dict[str, float]
    """The final measurements on the validation split; empty if there is none."""
    model: Any = field(default=None, repr=False, compare=False)
    """The trained model, with the averaged weights, in evaluation mode."""
    precision: str = "fp32"
    """In which it was trained: fp32 or bf16."""


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

    A folder that already holds a run is refused, unless `resume` (continue it) or `replace` (start again) is true. The old run is
    removed when the new run has its first checkpoint, not before (`run_folder`). A resumed run keeps its number of steps unless
    `settings` has one. Data that cannot be read, or that does not suit the model, raises ValueError before anything is written.

    `begin` is called with the prepared model of a new run before its first step. `on_plan` is called after all checks with the
    current folder of the run's files and the number of steps, which is None while a budget in minutes is open; and again when it is
    known. `on_log` is called with the metrics, `on_preview` with the averaged model every `preview_seconds`. Raises TrainingError
    for NaN or infinity, Interrupted after Ctrl-C, SIGTERM or SIGHUP (everything is saved), StorageError if files cannot be written.
    """
    device = choose_device(settings.device, "fit.device")
    check_threads(settings.threads)
    if settings.patience and not isinstance(model, HeldOut):
        raise ArgumentError("fit.patience", f"is {settings.patience}, and this model has no held-out score; leave it out")
    if settings.tensorboard:
        check_tensorboard()
    sharing = workers(settings.workers or cores())
    with threads(settings.threads), sharing, joined(device) as world, signals() as interrupted:
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
                session.keep_best()
                if isinstance(model, Concludes):
                    conclude(run, data)
                session.save()
                scores = session.validate()
            run.model.load_state_dict(run.averaged)
            run.model.eval()
            return Outcome(run.step, run.step, run.seconds, scores, run.model, "bf16" if run.half else "fp32")


# ---------------------------------------------------------------- before the first step


def check_data(model: Model, data: Data, settings: Fit, world: World) -> None:
    """Raises ValueError for data that cannot be read, or of which the first batch, or the first that is held out, does not suit the
    model. All processes check the same batches."""
    first = next(iter(data.stream("train", seed=settings.seed, rank=world.rank, ranks=world.ranks)))
    if isinstance(model, Checks):
        model.check(first if world.ranks == 1 else next(iter(data.stream("train", seed=settings.seed))))
        for held in itertools.islice(data.stream("valid", seed=settings.seed), 1):
            model.check(held)


def move(model: Model, device: torch.device, *, compiled: bool) -> None:
    """Moves the model to its device and compiles its `compilable` submodules."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    model.to(device)
    if compiled:
        for name in getattr(model, "compilable", ()):
            getattr(model, name).compile()


def prepare(model: Model, data: Data, settings: Fit, device: torch.device, world: World) -> None:
    """Runs the model's `prepare` on the data before the first step; every rank then starts with the buffers of rank 0."""
    if isinstance(model, KeepsExemplar) and isinstance(data, HasExemplar) and data.spec().exemplar:
        model.keep_exemplar(*data.exemplar())
    if isinstance(model, Prepares):
        batches = itertools.islice(data.stream("train", seed=settings.seed), SAMPLES_TO_PREPARE)
        rng = generator(settings.seed, PREPARE, device=device)
        model.prepare((to_device(batch, device) for batch in batches), rng=rng)
    world.share_buffers(model.state_dict().values())


# ---------------------------------------------------------------- after the last step


def conclude(run: Run, data: Data) -> None:
    """Runs the model's `conclude` on the batches that would come next, and on the validation split. Every rank sees all of them."""
    run.check()
    seed = run.settings.seed
    batches, held = data.stream("train", seed=seed, start=run.step), data.stream("valid", seed=seed)
    run.conclude((to_device(batch, run.device) for batch in batches), (to_device(batch, run.device) for batch in held))
