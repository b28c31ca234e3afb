"""The work around the steps of a run: metrics, checkpoints, validation, previews, and stopping."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drawgen import checkpoint
from drawgen.contract import Data, HeldOut, LeadsIn
from drawgen.interrupts import Interrupted
from drawgen.training import run_folder
from drawgen.training.clock import Clock, Progress
from drawgen.training.evaluation import evaluate
from drawgen.training.journal import Journal
from drawgen.training.run import Run
from drawgen.training.schedule import settle


class TrainingError(RuntimeError):
    """The run cannot continue (NaN, infinity). The message names the last good checkpoint."""


class Session:
    """One session of a run: the work around its steps. See `fit` for the callbacks; they are None except on rank 0."""

    def __init__(
        self,
        run: Run,
        data: Data,
        place: run_folder.Place,
        interrupted: Callable[[], int],
        *,
        on_plan: Callable[[Path, int | None], None] | None,
        on_log: Callable[[Progress], None] | None,
        on_preview: Callable[[Any, int], None] | None,
        preview_seconds: float,
    ) -> None:
        self.run, self.data, self.place, self.interrupted = run, data, place, interrupted
        self.on_plan, self.on_log, self.on_preview, self.preview_seconds = on_plan, on_log, on_preview, preview_seconds
        self.settings, self.world = run.settings, run.world
        self.clock = Clock(run.settings, before=run.seconds, first=run.step)
        self.saved = self.previewed = time.monotonic()
        self.journal: Journal | None = None

    @contextmanager
    def opened(self, *, new: bool) -> Iterator[None]:
        """Keeps the journal open around the steps. Raises TrainingError if a loss was not finite."""
        try:
            if new:
                self.save()  # a state before the first step, so that `prepare` and `begin` are not lost
            if self.world.rank == 0:
                self.journal = Journal(
                    self.place.now, step=self.run.step, finished=self.run.ended, tensorboard=self.settings.tensorboard
                )
            self.tell_plan()
            yield
        except FloatingPointError as error:
            raise self.diverged() from error
        finally:
            if self.journal is not None:
                self.journal.close()

    def after_step(self) -> None:
        """Does what is due after this step."""
        run, settings, world = self.run, self.settings, self.world
        now = self.clock.tick(run.step)
        # Several processes take decisions by the clock or by signals together, and seldom:
        due = world.ranks == 1 or run.step % settings.log_steps == 0
        settled = run.steps is None and (due or run.step == settings.warmup) and self.settle()
        if run.step % settings.log_steps == 0 or run.ended:
            self.log()
        if settings.valid_steps and run.step % settings.valid_steps == 0 and not run.ended:
            self.judge(self.validate())
        if not (due or settled):
            return
        stop, late = world.agree(float(self.interrupted()), float(now - self.saved > 60 * settings.save_minutes))
        if stop and not run.ended:
            self.save()
            raise Interrupted(
                int(stop),
                f"interrupted after step {run.step}; the state is saved in {self.place.folder} and `resume` continues from there",
            )
        if late or settled:
            self.save()
            self.saved = time.monotonic()
        if settled:
            self.tell_plan()
        if self.on_preview is not None and not self.place.apart and now - self.previewed > self.preview_seconds:
            with run.with_averaged() as averaged:
                self.on_preview(averaged, run.step)
            self.previewed = time.monotonic()

    # ---- the parts

    def settle(self) -> bool:
        """Whether the budget in minutes has just become a number of steps."""
        spent, pace = self.world.agree(self.clock.spent(), self.clock.pace(self.run.step))
        self.run.steps = settle(self.run.step, self.clock.budget - spent, pace, self.settings)
        return self.run.steps is not None

    def log(self) -> None:
        """Writes a line of metrics. Raises FloatingPointError."""
        numbers = self.run.numbers()
        self.write({**numbers, **self.run.moved(), "seconds": round(self.clock.spent(), 3)})
        if self.on_log is not None:
            self.on_log(self.clock.progress(self.run.step, self.run.steps, numbers))

    def validate(self) -> dict[str, float]:
        """Evaluates the averaged model on the validation split."""
        with self.run.with_averaged() as averaged:
            scores = evaluate(averaged, self.data, seed=self.settings.seed, device=self.run.device, world=self.world)
        if scores:
            self.write({f"valid/{name}": value for name, value in scores.items()})
        return scores

    def judge(self, scores: dict[str, float]) -> None:
        """With `patience`, keeps the weights of the best held-out score, after the data's lead-in. Only rank 0 has the scores."""
        early = isinstance(self.data, LeadsIn) and self.run.step <= self.data.lead_in
        if self.settings.patience and isinstance(self.run.model, HeldOut) and not early:
            (score,) = self.world.agree(scores.get(self.run.model.held_out_score, -math.inf))
            if math.isfinite(score):
                self.run.judge(score)

    def keep_best(self) -> None:
        """At the end of a run with `patience`: the best weights, the last ones among them."""
        if self.settings.patience:
            if not self.run.stopped:
                self.judge(self.validate())
            self.run.take_best()

    def save(self) -> None:
        """Writes a checkpoint. Raises FloatingPointError, StorageError."""
        run, place = self.run, self.place
        run.check()
        run.seconds = self.clock.spent()
        packed = run.pack()
        if packed is not None:
            checkpoint.write_state(place.now, run.step, packed)
            if run.step:
                checkpoint.write_weights(place.now, run.averaged)
        if run.step and place.apart:
            place.settle()
            if self.journal is not None:
                self.journal.move(place.folder, run.step)

    def write(self, numbers: dict[str, float]) -> None:
        if self.journal is not None:
            self.journal.write({"step": self.run.step, **numbers})

    def tell_plan(self) -> None:
        if self.on_plan is not None:
            self.on_plan(self.place.now, self.run.steps)

    def diverged(self) -> TrainingError:
        """The error of a run whose loss is no longer finite."""
        self.write({"loss": math.nan})
        step, place = self.run.step, self.place
        last = next((path for path in checkpoint.states(place.now) if run_folder.step_of(path)), None)
        kept = f"the last good checkpoint is {last}" if last else "there is no checkpoint before it"
        kept += "; the run that it was to replace is kept" if place.apart else ""
        return TrainingError(
            f"the loss became NaN or infinite between steps {max(0, step - self.settings.log_steps)} and {step}; "
            f"{kept}. Lower fit.rate or fit.clip"
        )
