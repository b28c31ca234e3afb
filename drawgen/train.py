"""The trainer: `fit` and `evaluate`. It knows no model; what it asks of one is `contract.Model`.

The heart is `Run.walk`, one batch: the model yields losses, each of which is minimised by its player before the model resumes.
Everything that a run has learnt is in `Run`, and `Run.pack` is what a checkpoint holds; data and randomness are pure functions
of (seed, step, rank), so that a run that was killed anywhere goes on to the same result.
"""

import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drawgen import checkpoint, files
from drawgen.capture import CapturedWalk
from drawgen.contract import Batch, Data, Loss, State, check_split, generator
from drawgen.devices import choose_device, to_device
from drawgen.interrupts import Interrupted as Interrupted
from drawgen.interrupts import signals
from drawgen.journal import Journal
from drawgen.parallel import World, joined

log = logging.getLogger(__name__)

TRAIN, PREPARE, MEASURE, BUILD = range(4)  # purposes of random numbers, part of every generator's key
SAMPLES_TO_PREPARE = 64


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How to train."""

    steps: int | None = None
    """Batches to train on; goes before `minutes`."""
    minutes: float | None = 2.0
    """Time to train for: measured over the first seconds, it becomes a number of steps, which the recipe keeps."""
    rate: float = 1e-3
    """Learning rate after the warm-up."""
    warmup: int = 50
    """Steps over which the rate rises from zero."""
    decay: float = 0.5
    """Share of the steps, at the end, over which the rate falls (by a cosine)."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's running means of the gradient and of its square."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW)."""
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are scaled down. 0 clips nothing."""
    ema: float = 0.999
    """The weights that are kept are a running mean with this memory; 0 keeps the last ones."""
    seed: int = 0
    """Start of all random numbers."""
    device: str = "auto"
    """Where to train: auto, cpu, cuda, cuda:N or mps."""
    precision: str = "auto"
    """fp32, bf16 (autocast), or auto: bf16 on CUDA, fp32 elsewhere."""
    threads: int = 1
    """Threads of a CPU operation. More than one waits for the slowest: on a busy machine that is slower than one."""
    compile: bool = False
    """Compile the parts that the model names for it."""
    capture: bool = True
    """On CUDA, capture the whole step in a graph where the model allows it."""
    log_steps: int = 10
    """Steps between two lines of metrics."""
    valid_steps: int = 0
    """Steps between two passes over the validation part; 0 measures at the end only."""
    save_minutes: float = 1.0
    """Minutes between two checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard files too (extra `tensorboard`)."""

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ValueError("neither fit.steps nor fit.minutes is given; give one of them")
        at_least = {"steps": 1, "warmup": 0, "weight_decay": 0, "clip": 0, "seed": 0, "threads": 1, "log_steps": 1,
                    "valid_steps": 0, "save_minutes": 0}  # fmt: skip
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ValueError(f"fit.{name} is {value}; it has to be at least {least}")
        for name in ("minutes", "rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"fit.{name} is {value}; it has to be a number above 0")
        for name in ("decay", "ema"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"fit.{name} is {getattr(self, name)}; it has to lie between 0 and 1")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"fit.precision is {self.precision!r}; it is one of auto, fp32, bf16")


@dataclass(frozen=True)
class Progress:
    """What a run tells now and then."""

    step: int
    steps: int
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
    steps: int
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

        self.step, self.steps, self.seconds = packed["step"], packed["steps"], packed["seconds"]
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
    on_steps: Callable[[int], None] | None = None,
    on_log: Callable[[Progress], None] | None = None,
    on_preview: Callable[[Any, int], None] | None = None,
    preview_seconds: float = 30.0,
) -> Outcome:
    """Trains `model` on `data` in a run folder: `model.safetensors` (averaged weights), `metrics.jsonl`, training states.

    A folder that holds a run already is refused, unless `resume` (go on) or `replace` (start anew, dropping it) is said; data that
    the model is not for are refused before anything is dropped (ValueError). `begin` is given the model of a new run, prepared,
    before its first step; `on_steps` hears the number of steps as soon as it is known, `on_log` the metrics, `on_preview` gets the
    averaged model every `preview_seconds`. Raises TrainingError for NaN or infinity, Interrupted after Ctrl-C or SIGTERM (all
    saved), StorageError where nothing more can be written.
    """
    device = choose_device(settings.device)
    if hasattr(model, "check"):
        model.check(next(iter(data.stream("train", seed=settings.seed))))  # the same for all processes
    torch.set_num_threads(settings.threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with joined(device) as world, signals() as interrupted:
        chief = world.rank == 0
        with files.locked(folder) if chief else nullcontext():
            begun = time.monotonic()
            if chief:
                files.remove_leftovers(folder)
                if not resume:
                    make_room(folder, replace)
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
                steps = settings.steps or measure_steps(model, data, settings, device, world)
                run = Run(model, settings, world, device, steps)
            else:
                run = Run(model, settings, world, device, packed["steps"])
                run.unpack(packed)
            if on_steps is not None and chief:
                on_steps(run.steps)
            before = run.seconds
            journal = (
                Journal(folder, step=run.step, finished=run.step == run.steps, tensorboard=settings.tensorboard) if chief else None
            )

            def save() -> None:
                run.check()
                run.seconds = before + time.monotonic() - begun
                packed = run.pack()
                if packed is not None:
                    checkpoint.write_state(folder, run.step, packed)
                    checkpoint.write_weights(folder, run.averaged)

            def validate() -> dict[str, float]:
                with run.with_averaged() as averaged:
                    return evaluate(averaged, data, seed=settings.seed, device=device, world=world)

            saved = previewed = time.monotonic()
            scores: dict[str, float] = {}
            try:
                batches = iter(data.stream("train", seed=settings.seed, start=run.step, rank=world.rank, ranks=world.ranks))
                while run.step < run.steps:
                    run.advance(next(batches))
                    now = time.monotonic()
                    if run.step % settings.log_steps == 0 or run.step == run.steps:
                        numbers = run.numbers()
                        each = (now - begun) / max(1, run.step - (packed["step"] if packed else 0))
                        progress = Progress(run.step, run.steps, numbers, each * (run.steps - run.step))
                        if journal is not None:
                            journal.write({"step": run.step, **numbers, "seconds": round(before + now - begun, 3)})
                        if on_log is not None and chief:
                            on_log(progress)
                    if settings.valid_steps and run.step % settings.valid_steps == 0 and run.step < run.steps:
                        scores = validate()
                        if journal is not None:
                            journal.write({"step": run.step, **{f"valid/{k}": v for k, v in scores.items()}})
                    if world.ranks > 1 and run.step % settings.log_steps:
                        continue  # several processes take decisions by the clock or by signals together, and seldom
                    stop, late = world.agree(float(interrupted()), float(now - saved > 60 * settings.save_minutes))
                    if stop and run.step < run.steps:
                        save()
                        raise Interrupted(
                            int(stop),
                            f"interrupted after step {run.step}; the state is kept in {folder} and --resume goes on from there",
                        )
                    if late:
                        save()
                        saved = time.monotonic()
                    if on_preview is not None and chief and now - previewed > preview_seconds:
                        with run.with_averaged() as averaged:
                            on_preview(averaged, run.step)
                        previewed = time.monotonic()
                save()
                scores = validate()
                if journal is not None and scores:
                    journal.write({"step": run.step, **{f"valid/{k}": v for k, v in scores.items()}})
            except FloatingPointError as error:
                last = next(iter(checkpoint.states(folder)), None)
                kept = f"the last good checkpoint is {last}" if last else "there is no checkpoint before it"
                raise TrainingError(
                    f"the loss became NaN or infinite between steps {max(0, run.step - settings.log_steps)} and {run.step}; "
                    f"{kept}. Lower fit.rate or fit.clip"
                ) from error
            finally:
                if journal is not None:
                    journal.close()
            run.model.load_state_dict(run.averaged)
            run.model.eval()
            return Outcome(run.step, run.steps, run.seconds, scores)


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


def schedule(step: int, steps: int, settings: Fit) -> float:
    """Factor on the learning rate: a linear warm-up, flat, then half a cosine down to a fiftieth."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    start = steps * (1 - settings.decay)
    if step <= start or settings.decay == 0:
        return rise
    share = (step - start) / max(1.0, steps - start)
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


def prepare(model: Any, data: Data, settings: Fit, device: torch.device, world: World) -> None:
    """The model's own look at the data, before the first step; every rank then starts as rank 0."""
    if hasattr(model, "prepare"):
        batches = itertools.islice(data.stream("train", seed=settings.seed), SAMPLES_TO_PREPARE)
        rng = generator(settings.seed, PREPARE, device=device)
        model.prepare((to_device(batch, device) for batch in batches), rng=rng)
    world.share_buffers(model.state_dict().values())


def measure_steps(model: Any, data: Data, settings: Fit, device: torch.device, world: World) -> int:
    """How many steps fit into `settings.minutes`: a few are taken, timed and undone, so that a run that is given the number
    outright is the same run."""
    begun = time.monotonic()
    assert settings.minutes is not None
    budget = 60 * settings.minutes
    start = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    run = Run(model, settings, world, device, steps=1_000_000_000)
    batches = iter(data.stream("train", seed=settings.seed, rank=world.rank, ranks=world.ranks))
    times: list[float] = []

    def wanted() -> bool:
        passed = time.monotonic() - begun
        more = len(times) < 5 or (passed < min(4.0, 0.05 * budget) and len(times) < 200)
        return bool(world.agree(float(len(times) < 2 or (more and passed <= budget)))[0])

    while wanted():
        tick = time.monotonic()
        run.advance(next(batches))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.monotonic() - tick)
    model.load_state_dict(start)
    usual = sorted(times[1:])[len(times[1:]) // 4]  # the first steps are slow: memory is new, other programs start
    left = budget - (time.monotonic() - begun)
    (steps,) = world.agree(max(1, int(left / (1.06 * usual))))
    return int(steps)


def make_room(folder: Path, replace: bool) -> None:
    """Refuses a folder with a run in it (ValueError), or drops that run."""
    held = [*checkpoint.states(folder), folder / "metrics.jsonl", folder / checkpoint.WEIGHTS]
    held = [path for path in held if path.exists()]
    if held and not replace:
        raise ValueError(
            f"{folder} holds a run already ({held[0].name}); go on with --resume, replace it with --force, or choose another"
        )
    for path in [*held, *folder.glob("events.out.tfevents.*")]:
        path.unlink()
