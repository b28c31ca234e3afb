"""The trainer: `fit` and `evaluate`. It knows no model; what it asks of one is `contract.Model`.

The heart is `Run.walk`, one batch: the model yields losses, each of which is minimised by its player before the model resumes.
Everything that a run has learnt is in `Run`, and `Run.pack` is what a checkpoint holds; data and randomness are pure functions
of (seed, step, rank), so that a run that was killed anywhere goes on to the same result.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drawgen import checkpoint, run_folder
from drawgen.capture import CapturedWalk
from drawgen.contract import Batch, Data, Loss, State, check_split, generator
from drawgen.devices import choose_device, to_device
from drawgen.interrupts import Interrupted as Interrupted
from drawgen.interrupts import signals
from drawgen.journal import Journal, check_tensorboard
from drawgen.parallel import World, joined
from drawgen.schedule import FEW, check_threads, schedule, settle
from drawgen.schedule import Fit as Fit
from drawgen.threads import threads

TRAIN, PREPARE, MEASURE, BUILD = range(4)  # purposes of random numbers, part of every generator's key
SAMPLES_TO_PREPARE = 64


@dataclass(frozen=True)
class Progress:
    """What a run tells now and then."""

    step: int
    steps: int
    """Of a budget in minutes, as many as are expected now."""
    numbers: dict[str, float]
    seconds_left: float


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


class TrainingError(RuntimeError):
    """The run cannot go on (NaN, infinity); the last good checkpoint is named."""


# ---------------------------------------------------------------- the run


@dataclass
class Seat:
    """A player's optimiser, and what belongs to it."""

    parameters: list[nn.Parameter]
    optimiser: torch.optim.Optimizer
    rates: list[float]
    """Factor on the learning rate, by group."""
    clip: float


@dataclass
class Run:
    """Everything that changes while a model is trained."""

    model: Any
    settings: Fit
    world: World
    device: torch.device
    steps: int | None
    """None while a budget in minutes has not become a number yet."""
    step: int = 0
    seconds: float = 0.0
    state: State = field(default_factory=dict)
    """What the model carries from batch to batch."""
    meters: dict[str, Tensor] = field(default_factory=dict)
    """(sum, count) of each logged number since the last line of metrics; on the device."""

    def __post_init__(self) -> None:
        self.seats = {name: self.seat(player) for name, player in self.model.players().items()}
        self.averaged = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.finite = torch.ones((), dtype=torch.bool, device=self.device)
        self.captured: CapturedWalk | None = None
        fits = getattr(self.model, "static", False) and self.device.type == "cuda" and self.world.ranks == 1
        if fits and self.settings.capture:
            self.captured = CapturedWalk(self)

    def seat(self, player: Any) -> Seat:
        settings = self.settings
        on_gpu = self.device.type == "cuda"
        groups = []
        for group in player.groups:
            decay = settings.weight_decay if group.weight_decay is None else group.weight_decay
            # A captured step reads the rate from the device:
            rate: Any = torch.zeros((), device=self.device) if on_gpu else 0.0
            groups.append({"params": list(group.parameters), "weight_decay": decay, "lr": rate})
        optimiser = torch.optim.AdamW(groups, betas=player.betas or settings.betas, fused=True, capturable=on_gpu)
        parameters = [p for group in player.groups for p in group.parameters]
        clip = settings.clip if player.clip is None else player.clip
        return Seat(parameters, optimiser, [g.rate for g in player.groups], clip)

    # ---- one batch

    def walk(self, batch: Batch, rng: torch.Generator) -> None:
        """Every loss of one batch, each followed by a step of its player."""
        losses = self.model.losses(batch, state=self.state, rng=rng)
        while True:
            try:
                with self.autocast():
                    loss: Loss = next(losses)
            except StopIteration as end:
                self.state = {name: tensor.detach() for name, tensor in (end.value or {}).items()}
                return
            seat = self.seats[loss.player]
            seat.optimiser.zero_grad(set_to_none=True)  # what another player's loss left here dies
            loss.value.backward()  # type: ignore[no-untyped-call]
            self.world.average_gradients(seat.parameters, loss.count)
            gradients = [p.grad for p in seat.parameters if p.grad is not None]
            norm = nn.utils.get_total_norm(gradients)
            if seat.clip:
                nn.utils.clip_grads_with_norm_(seat.parameters, seat.clip, norm)
            seat.optimiser.step()
            self.meter(loss, norm, seat.clip)

    def meter(self, loss: Loss, norm: Tensor, clip: float) -> None:
        """Adds to the running means, without asking the device for a number."""
        suffix = "" if len(self.seats) == 1 else f"/{loss.player}"
        value = loss.value.detach()
        self.finite.logical_and_(torch.isfinite(value) & torch.isfinite(norm))
        numbers = {"loss": (value, loss.count), "norm": (norm, 1)}
        numbers |= {name: (number.detach(), loss.count) for name, number in loss.log.items()}
        if clip:
            numbers["clipped"] = (norm > clip, 1)
        wide = torch.float32 if self.device.type == "mps" else torch.float64  # which MPS lacks
        for name, (number, count) in numbers.items():
            if name + suffix not in self.meters:
                self.meters[name + suffix] = torch.zeros(2, dtype=wide, device=self.device)
            sums = self.meters[name + suffix]
            sums[0] += number.to(wide) * count
            sums[1] += count

    def advance(self, batch: Batch) -> None:
        """One step: the batch, the schedule, the running mean of the weights."""
        settings = self.settings
        rate = settings.rate * schedule(self.step, self.steps, settings)
        for seat in self.seats.values():
            for group, factor in zip(seat.optimiser.param_groups, seat.rates, strict=True):
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate * factor)
                else:
                    group["lr"] = rate * factor
        batch = to_device(batch, self.device)
        rng = generator(settings.seed, TRAIN, self.step, self.world.rank, device=self.device)
        if hasattr(self.model, "draw_noise"):
            batch = self.model.draw_noise(batch, rng=rng)
        self.model.train()
        if self.captured is not None:
            self.captured(batch, rng)
        else:
            self.walk(batch, rng)
        self.world.share_buffers(self.model.buffers())
        self.step += 1
        self.average()

    @torch.no_grad()
    def average(self) -> None:
        memory = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        now = self.model.state_dict()
        floats = [name for name, tensor in now.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.averaged[n] for n in floats], [now[n] for n in floats], 1 - memory)
        for name in now.keys() - set(floats):
            self.averaged[name].copy_(now[name])

    def autocast(self) -> Any:
        precision = self.settings.precision
        if precision == "bf16" or (precision == "auto" and self.device.type == "cuda"):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    @contextmanager
    def with_averaged(self) -> Iterator[Any]:
        """The model with the averaged weights in it, in evaluation mode."""
        own = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(self.averaged)
        self.model.eval()
        try:
            yield self.model
        finally:
            self.model.load_state_dict(own)
            self.model.train()

    # ---- what a checkpoint holds

    def pack(self) -> dict[str, Any] | None:
        """The whole state, on rank 0; None on the others, which send theirs."""
        carried = self.world.gather({name: tensor.cpu() for name, tensor in self.state.items()})
        meters = self.world.gather({name: tensor.cpu() for name, tensor in self.meters.items()})
        if carried is None or meters is None:
            return None
        return {
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "averaged": self.averaged,
            "optimisers": {name: seat.optimiser.state_dict()["state"] for name, seat in self.seats.items()},
            "carried": carried,
            "meters": meters,
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        def mine(tensors: list[dict[str, Tensor]]) -> dict[str, Tensor]:
            return {name: tensor.to(self.device) for name, tensor in tensors[self.world.rank].items()}

        self.step, self.seconds = packed["step"], packed["seconds"]
        self.model.load_state_dict(packed["model"])
        self.averaged = {name: tensor.to(self.device) for name, tensor in packed["averaged"].items()}
        for name, seat in self.seats.items():
            # The groups' settings are this run's: they hang on the device, which may be another one than before.
            groups = seat.optimiser.state_dict()["param_groups"]
            seat.optimiser.load_state_dict({"state": packed["optimisers"][name], "param_groups": groups})
        self.state, self.meters = mine(packed["carried"]), mine(packed["meters"])

    def check(self) -> None:
        """Raises FloatingPointError, on all ranks, where a loss or a gradient was NaN or infinite; this waits for the device."""
        (broken,) = self.world.agree(float(not self.finite))
        if broken:
            raise FloatingPointError

    def numbers(self) -> dict[str, float]:
        """The means since the last call, on rank 0 and over all ranks. Raises FloatingPointError, as `check` does."""
        self.check()
        sums = {name: (float(both[0]), float(both[1])) for name, both in sorted(self.meters.items())}
        for both in self.meters.values():
            both.zero_()  # in place: a captured step adds to these very tensors
        return {name: total / count for name, (total, count) in self.world.totals(sums).items()}


def fit(
    model: Any,
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
    device = choose_device(settings.device)
    check_threads(settings.threads)
    if settings.tensorboard:
        check_tensorboard()
    with threads(settings.threads), joined(device) as world, signals() as interrupted:
        first = next(iter(data.stream("train", seed=settings.seed, rank=world.rank, ranks=world.ranks)))
        if hasattr(model, "check"):  # is shown the same by all processes
            model.check(first if world.ranks == 1 else next(iter(data.stream("train", seed=settings.seed))))
        if device.type == "cuda":
            torch.cuda.set_device(device)
        chief = world.rank == 0
        place = run_folder.Place(folder, folder)
        with run_folder.opened(folder, resume=resume, replace=replace) if chief else nullcontext(place) as place:
            clock = Clock(settings)
            world.barrier()
            model.to(device)
            if settings.compile:
                for name in getattr(model, "compilable", ()):
                    getattr(model, name).compile()
            packed = checkpoint.read_newest_state(folder) if resume else None
            if packed is None:
                prepare(model, data, settings, device, world)
                if begin is not None:
                    begin(model)
            run = Run(model, settings, world, device, settings.steps)
            if packed is not None:
                run.steps = settings.steps or packed["steps"]
                run.unpack(packed)
            clock.before, clock.first = run.seconds, run.step
            journal: Journal | None = None

            def save() -> None:
                run.check()
                run.seconds = clock.spent()
                packed = run.pack()
                if packed is not None:
                    checkpoint.write_state(place.now, run.step, packed)
                    if run.step:
                        checkpoint.write_weights(place.now, run.averaged)
                if run.step and place.apart:
                    place.settle()
                    if journal is not None:
                        journal.move(folder, run.step)

            def plan() -> None:
                if on_plan is not None and chief:
                    on_plan(place.now, run.steps)

            def validate() -> dict[str, float]:
                with run.with_averaged() as averaged:
                    return evaluate(averaged, data, seed=settings.seed, device=device, world=world)

            saved = previewed = time.monotonic()
            scores: dict[str, float] = {}
            try:
                if packed is None:
                    save()  # a state before the first step: what was prepared and begun with is not lost
                if chief:
                    ended = run.step == run.steps
                    journal = Journal(place.now, step=run.step, finished=ended, tensorboard=settings.tensorboard)
                plan()
                batches = iter(data.stream("train", seed=settings.seed, start=run.step, rank=world.rank, ranks=world.ranks))
                while run.steps is None or run.step < run.steps:
                    run.advance(next(batches))
                    now = clock.tick(run.step)
                    # Several processes take decisions by the clock or by signals together, and seldom:
                    due = world.ranks == 1 or run.step % settings.log_steps == 0
                    settled = False
                    if run.steps is None and (due or run.step == settings.warmup):
                        spent, pace = world.agree(clock.spent(), clock.pace(run.step))
                        run.steps = settle(run.step, clock.budget - spent, pace, settings)
                        settled = run.steps is not None
                    if run.step % settings.log_steps == 0 or run.step == run.steps:
                        numbers = run.numbers()
                        if journal is not None:
                            journal.write({"step": run.step, **numbers, "seconds": round(clock.spent(), 3)})
                        if on_log is not None and chief:
                            on_log(clock.progress(run.step, run.steps, numbers))
                    if settings.valid_steps and run.step % settings.valid_steps == 0 and run.step != run.steps:
                        scores = validate()
                        if journal is not None:
                            journal.write({"step": run.step, **{f"valid/{k}": v for k, v in scores.items()}})
                    if not (due or settled):
                        continue
                    stop, late = world.agree(float(interrupted()), float(now - saved > 60 * settings.save_minutes))
                    if stop and run.step != run.steps:
                        save()
                        raise Interrupted(
                            int(stop),
                            f"interrupted after step {run.step}; the state is kept in {folder} and --resume goes on from there",
                        )
                    if late or settled:
                        save()
                        saved = time.monotonic()
                    if settled:
                        plan()
                    if on_preview is not None and chief and not place.apart and now - previewed > preview_seconds:
                        with run.with_averaged() as averaged:
                            on_preview(averaged, run.step)
                        previewed = time.monotonic()
                save()
                scores = validate()
                if journal is not None and scores:
                    journal.write({"step": run.step, **{f"valid/{k}": v for k, v in scores.items()}})
            except FloatingPointError as error:
                last = next((path for path in checkpoint.states(place.now) if run_folder.step_of(path)), None)
                kept = f"the last good checkpoint is {last}" if last else "there is no checkpoint before it"
                kept += "; the run that it was to replace is kept" if place.apart else ""
                raise TrainingError(
                    f"the loss became NaN or infinite between steps {max(0, run.step - settings.log_steps)} and {run.step}; "
                    f"{kept}. Lower fit.rate or fit.clip"
                ) from error
            finally:
                if journal is not None:
                    journal.close()
            run.model.load_state_dict(run.averaged)
            run.model.eval()
            return Outcome(run.step, run.step, run.seconds, scores, run.model)


class Clock:
    """What a run has taken of its time, and at which pace its steps go."""

    def __init__(self, settings: Fit) -> None:
        self.budget = 60 * (settings.minutes or 0.0)
        self.begun = self.now = self.warm = time.monotonic()
        self.before, self.first = 0.0, 0
        """Seconds and steps of the sessions before this one."""

    def tick(self, step: int) -> float:
        """The time after a step."""
        self.now = time.monotonic()
        if step == self.first + 1:
            self.warm = self.now
        return self.now

    def spent(self) -> float:
        """Seconds of all sessions."""
        return self.before + time.monotonic() - self.begun

    def pace(self, step: int) -> float:
        """Seconds per step in this session, in which the first is slow: memory is new, kernels are compiled; or, when this has
        hardly begun, in all."""
        taken = step - self.first
        each = (self.now - self.warm) / (taken - 1) if taken > FEW else self.spent() / step
        return max(each, 1e-9)

    def progress(self, step: int, steps: int | None, numbers: dict[str, float]) -> Progress:
        pace = self.pace(step)
        if steps is None:
            left = self.budget - self.spent()
            return Progress(step, step + max(1, int(left / pace)), numbers, max(0.0, left))
        return Progress(step, steps, numbers, pace * (steps - step))


@torch.no_grad()
def evaluate(
    model: Any,
    data: Data,
    *,
    split: str = "valid",
    seed: int = 0,
    device: torch.device | None = None,
    world: World | None = None,
) -> dict[str, float]:
    """The mean of every measurement over a part of the data, each weighted by its count; where a model also gives the squares of
    one (`NAME_squared`, after NAME), the standard error of its mean, `NAME_error`. Raises ValueError for a part that there is not,
    and for "train", which never ends."""
    check_split(data, split, measured=True)
    world = world or World()
    device = device or next(model.parameters()).device
    totals: dict[str, list[Tensor]] = {}
    counts: dict[str, float] = {}
    batches = data.stream(split, seed=seed, rank=world.rank, ranks=world.ranks)
    for number, batch in enumerate(batches):
        if number == 0 and hasattr(model, "check"):
            model.check(batch)
        rng = generator(seed, MEASURE, number, world.rank, device=device)
        for name, (total, count) in model.measure(to_device(batch, device), rng=rng).items():
            totals.setdefault(name, []).append(total)
            counts[name] = counts.get(name, 0.0) + count
    sums = {name: (float(torch.stack(parts).cpu().double().sum()), counts[name]) for name, parts in totals.items()}
    scores = {}
    for name, (total, count) in world.totals(sums).items():
        plain = name.removesuffix("_squared")
        if plain == name:
            scores[name] = total / count
        else:
            scores[f"{plain}_error"] = math.sqrt(max(0.0, total / count - scores[plain] ** 2) / count)
    return scores


# ---------------------------------------------------------------- parts


def prepare(model: Any, data: Data, settings: Fit, device: torch.device, world: World) -> None:
    """The model's own look at the data, before the first step; every rank then starts as rank 0."""
    if hasattr(model, "prepare"):
        batches = itertools.islice(data.stream("train", seed=settings.seed), SAMPLES_TO_PREPARE)
        rng = generator(settings.seed, PREPARE, device=device)
        model.prepare((to_device(batch, device) for batch in batches), rng=rng)
    world.share_buffers(model.state_dict().values())
