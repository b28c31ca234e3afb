"""A training run: the model, its players' optimisers, the averaged weights, and one step.

`Run.walk` trains on one batch: the model yields losses, and the player of each loss takes a step before the model resumes. `Run`
has everything that a run has learned; `Run.pack` is the content of a checkpoint.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from drawgen.contract import Batch, DrawsNoise, Loss, Model, State, generator
from drawgen.devices import bfloat16_is_faster, to_device
from drawgen.training.capture import CapturedWalk
from drawgen.training.parallel import World
from drawgen.training.schedule import Fit, schedule

TRAIN, PREPARE, MEASURE, BUILD = range(4)
"""The purposes of random numbers, a part of every generator's key."""
MOVED = "moved/"
"""The names of what a step does to the parameters begin with it."""
LEAST_WEIGHT = 1e-3
"""A parameter's change is compared with its norm, or with that of weights of this size: biases start at zero."""


@dataclass
class Seat:
    """A player's optimiser and its settings."""

    parameters: list[nn.Parameter]
    optimiser: torch.optim.Optimizer
    rates: list[float]
    """Factor on the learning rate, by group."""
    clip: float


@dataclass
class Run:
    """Everything that changes during training."""

    model: Model
    settings: Fit
    world: World
    device: torch.device
    steps: int | None
    """None while a budget in minutes has not become a number of steps."""
    step: int = 0
    seconds: float = 0.0
    state: State = field(default_factory=dict)
    """The model's state, carried from batch to batch."""
    meters: dict[str, Tensor] = field(default_factory=dict)
    """(sum, count) of each logged number since the last line of metrics; on the device."""
    updates: dict[str, Tensor] = field(default_factory=dict)
    """By parameter: how far the last step that is logged moved it, as a share of its norm; on the device."""

    best: dict[str, Tensor] = field(default_factory=dict)
    """With `patience`: the averaged weights of the best held-out score so far."""
    best_score: float = math.inf
    misses: int = 0
    """Evaluations since then."""
    stopped: bool = False

    def __post_init__(self) -> None:
        self.seats = {name: self.seat(player) for name, player in self.model.players().items()}
        self.averaged = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.finite = torch.ones((), dtype=torch.bool, device=self.device)
        self.half = self.settings.precision == "bf16" or (self.settings.precision == "auto" and self.prefers_half())
        self.captured: CapturedWalk | None = None
        fits = getattr(self.model, "static", False) and self.device.type == "cuda" and self.world.ranks == 1
        if fits and self.settings.capture:
            self.captured = CapturedWalk(self)

    def prefers_half(self) -> bool:
        """What `auto` chooses. All ranks choose the same."""
        if self.device.type != "cpu":
            return self.device.type == "cuda"
        return getattr(self.model, "half_on_cpu", False) and self.world.agree(bfloat16_is_faster())[0] > 0

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

    @property
    def ended(self) -> bool:
        return self.stopped or (self.steps is not None and self.step >= self.steps)

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
        """Adds to the running means without synchronising with the device."""
        suffix = "" if len(self.seats) == 1 else f"/{loss.player}"
        value = loss.value.detach()
        self.finite.logical_and_(torch.isfinite(value) & torch.isfinite(norm))
        numbers = {"loss": (value, loss.count), "norm": (norm, 1)}
        numbers |= {name: (number.detach(), loss.count) for name, number in loss.log.items()}
        if clip:
            numbers["clipped"] = (norm > clip, 1)
            numbers["norm_after"] = (norm.clamp(max=clip), 1)
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
        if isinstance(self.model, DrawsNoise):
            batch = self.model.draw_noise(batch, rng=rng)
        self.model.train()
        logged = (self.step + 1) % settings.log_steps == 0
        before = self.weights() if logged else {}
        if self.captured is not None:
            self.captured(batch, rng)
        else:
            self.walk(batch, rng)
        if logged:
            self.compare(before)
        self.world.share_buffers(self.model.buffers())
        self.step += 1
        self.average()

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that have an optimiser, by name."""
        mine = {id(parameter) for seat in self.seats.values() for parameter in seat.parameters}
        return {name: parameter for name, parameter in self.model.named_parameters() if id(parameter) in mine}

    def weights(self) -> dict[str, Tensor]:
        """Copies of the parameters."""
        return {name: parameter.detach().clone() for name, parameter in self.trained().items()}

    @torch.no_grad()
    def compare(self, before: dict[str, Tensor]) -> None:
        """Notes how far a step has moved each parameter, as a share of its norm. Nothing is read on the host."""
        now: list[Tensor] = list(self.trained().values())
        was = list(before.values())
        sizes = torch._foreach_clamp_min(torch._foreach_norm(was), [LEAST_WEIGHT * math.sqrt(w.numel()) for w in was])
        moved = torch._foreach_norm(torch._foreach_sub(now, was))
        self.updates = dict(zip(before, torch._foreach_div(moved, sizes), strict=True))

    @torch.no_grad()
    def average(self) -> None:
        memory = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        now = self.model.state_dict()
        floats = [name for name, tensor in now.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.averaged[n] for n in floats], [now[n] for n in floats], 1 - memory)
        for name in now.keys() - set(floats):
            self.averaged[name].copy_(now[name])

    def autocast(self) -> Any:
        return torch.autocast(self.device.type, torch.bfloat16) if self.half else nullcontext()

    @contextmanager
    def with_averaged(self) -> Iterator[Any]:
        """The model with the averaged weights, in evaluation mode."""
        own = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(self.averaged)
        self.model.eval()
        try:
            yield self.model
        finally:
            self.model.load_state_dict(own)
            self.model.train()

    def conclude(self, batches: Iterable[Batch], held: Iterable[Batch]) -> None:
        """Runs the model's `conclude` under the averaged weights. The buffers that it changes are kept, on every rank those of rank
        0."""
        with self.with_averaged() as averaged:
            averaged.conclude(batches, held)
            self.world.share_buffers(averaged.buffers())
            found = averaged.state_dict()
            changed = {name: found[name].clone() for name, before in self.averaged.items() if not torch.equal(found[name], before)}
        for tensors in (self.model.state_dict(), self.averaged):
            for name, tensor in changed.items():
                tensors[name].copy_(tensor)

    def judge(self, score: float) -> None:
        """Keeps the averaged weights if their held-out score (lower is better) is the best so far; stops the run if there was none
        for `patience` evaluations."""
        if score < self.best_score:
            self.best = {name: tensor.clone() for name, tensor in self.averaged.items()}
            self.best_score, self.misses = score, 0
        else:
            self.misses += 1
            self.stopped = self.misses >= self.settings.patience

    def take_best(self) -> None:
        """The best weights in place of the last ones."""
        self.averaged = {name: tensor.clone() for name, tensor in self.best.items()} or self.averaged

    # ---- what a checkpoint holds

    def pack(self) -> dict[str, Any] | None:
        """The whole state on rank 0; None on the others, which send theirs to rank 0."""
        carried = self.world.gather({name: tensor.cpu() for name, tensor in self.state.items()})
        meters = self.world.gather({name: tensor.cpu() for name, tensor in self.meters.items()})
        if carried is None or meters is None:
            return None
        return {
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "half": self.half,
            "model": self.model.state_dict(),
            "averaged": self.averaged,
            "optimisers": {name: seat.optimiser.state_dict()["state"] for name, seat in self.seats.items()},
            "carried": carried,
            "meters": meters,
            "best": {"weights": self.best, "score": self.best_score, "misses": self.misses, "stopped": self.stopped},
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        def mine(tensors: list[dict[str, Tensor]]) -> dict[str, Tensor]:
            return {name: tensor.to(self.device) for name, tensor in tensors[self.world.rank].items()}

        self.step, self.seconds = packed["step"], packed["seconds"]
        self.steps = self.settings.steps or packed["steps"]
        if self.settings.precision == "auto" and self.device.type == "cpu":
            self.half = packed.get("half", False)  # as the run began, on whatever processor
        self.model.load_state_dict(packed["model"])
        self.averaged = {name: tensor.to(self.device) for name, tensor in packed["averaged"].items()}
        for name, seat in self.seats.items():
            # The groups' settings are this run's: they hang on the device, which may be another one than before.
            groups = seat.optimiser.state_dict()["param_groups"]
            seat.optimiser.load_state_dict({"state": packed["optimisers"][name], "param_groups": groups})
        self.state, self.meters = mine(packed["carried"]), mine(packed["meters"])
        if best := packed.get("best"):  # states of before this setting lack it
            self.best = {name: tensor.to(self.device) for name, tensor in best["weights"].items()}
            self.best_score, self.misses, self.stopped = best["score"], best["misses"], best["stopped"]

    def check(self) -> None:
        """Raises FloatingPointError on all ranks if a loss or a gradient was NaN or infinite. Synchronises with the device."""
        (broken,) = self.world.agree(float(not self.finite))
        if broken:
            raise FloatingPointError

    def moved(self) -> dict[str, float]:
        """The shares by which the last logged step moved the parameters, for a line of metrics; empty after another step.
        Synchronises with the device."""
        found, self.updates = self.updates, {}
        shares = torch.stack([share.float() for share in found.values()]).tolist() if found else []
        return {f"{MOVED}{name}": float(f"{share:.4g}") for name, share in zip(found, shares, strict=True)}

    def numbers(self) -> dict[str, float]:
        """The means over all ranks since the last call, on rank 0. Raises FloatingPointError, as `check` does."""
        self.check()
        sums = {name: (float(both[0]), float(both[1])) for name, both in sorted(self.meters.items())}
        for both in self.meters.values():
            both.zero_()  # in place: a captured step adds to these very tensors
        return {name: total / count for name, (total, count) in self.world.totals(sums).items()}
