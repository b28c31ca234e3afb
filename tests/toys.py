"""Models and data of a few dozen weights, to hold the trainer to its rules.

Axes: B rows of a batch, D inputs, T steps of a sequence. All data is a pure function of (split, seed, batch number); two ranks
share out the rows of each batch unevenly, so that together they see what one process would.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from drawgen.contract import SPLITS, Group, Loss, Player, Request, Sample, Spec, State, Totals, generator

SPEC = Spec((1, 2, 2))


# ---------------------------------------------------------------- data


class Points(NamedTuple):
    x: Tensor  # B D
    y: Tensor  # B
    flag: Tensor  # B bool


class NoisyPoints(NamedTuple):
    x: Tensor
    y: Tensor
    noise: Tensor  # B D


class Sequences(NamedTuple):
    x: Tensor  # B T D
    y: Tensor  # B T
    fresh: Tensor  # B bool


@dataclass(frozen=True)
class Table:
    """Points on a plane with noise. `hook(step)` is called before each training batch, `change` alters one; both also
    when a model's `prepare` looks at the data."""

    rows: int = 6
    inputs: int = 3
    valid: tuple[int, ...] = (5, 2, 3)
    """Rows of each validation batch."""
    dtype: torch.dtype = torch.float32
    hook: Callable[[int], None] | None = None
    change: Callable[[int, Points], Points] | None = None
    splits: ClassVar[tuple[str, ...]] = SPLITS

    def spec(self) -> Spec:
        return SPEC

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Any]:
        if split == "valid":
            for number in range(rank, len(self.valid), ranks):
                yield self.batch(self.valid[number], 1, seed, number)
            return
        step = start
        while True:
            if self.hook is not None:
                self.hook(step)
            batch = self.batch(self.rows, 0, seed, step)
            if self.change is not None:
                batch = self.change(step, batch)
            yield share(batch, rank, ranks)
            step += 1

    def batch(self, rows: int, *key: int) -> Any:
        rng = generator(*key)
        x = 2.0 + 3.0 * torch.randn(rows, self.inputs, generator=rng, dtype=self.dtype)
        y = x @ torch.arange(1.0, self.inputs + 1, dtype=self.dtype) + 0.1 * torch.randn(rows, generator=rng, dtype=self.dtype)
        # The first batch has no flagged row, later ones have some, and only in the second rank's part:
        flag = (torch.arange(rows) >= rows - 2) & torch.tensor(key[-1] % 3 > 0)
        return Points(x, y, flag)


@dataclass(frozen=True)
class Tape(Table):
    """Sequences that carry on from batch to batch; each row starts anew now and then."""

    rows: int = 5
    inputs: int = 2
    valid: tuple[int, ...] = (5, 5)

    def batch(self, rows: int, *key: int) -> Any:
        rng = generator(*key)
        x = torch.randn(rows, 3, self.inputs, generator=rng, dtype=self.dtype)
        return Sequences(x, x.sum(-1).cumsum(-1), (torch.arange(rows) + key[-1]) % 4 == 0)


def share(batch: Any, rank: int, ranks: int) -> Any:
    """Two thirds of the rows for the first rank of two, the others for the second."""
    if ranks == 1:
        return batch
    cut = 2 * len(batch[0]) // 3
    return type(batch)(*(x[:cut] if rank == 0 else x[cut:] for x in batch))


# ---------------------------------------------------------------- models


class Toy(nn.Module):
    """What the toys have in common: weights that depend on the seed alone, and no pictures."""

    config: Any = None
    spec = SPEC

    def start(self, seed: int) -> None:
        rng = generator(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(0.5 * torch.randn(parameter.shape, generator=rng))

    def sample(self, request: Request) -> Sample:
        return Sample(torch.zeros(request.n, *SPEC.image))


class Line(Toy):
    """Linear regression on inputs standardised by `prepare`, with noise drawn before the step."""

    static = True
    compilable = ("linear",)

    def __init__(self, *, noise: float = 0.1, seed: int = 0) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.noise = noise
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("std", torch.ones(3))
        self.register_buffer("prepared", torch.zeros((), dtype=torch.long))
        self.start(seed)

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group([self.linear.weight]), Group([self.linear.bias], weight_decay=0.0)])}

    @torch.no_grad()
    def prepare(self, batches: Iterable[Points], *, rng: torch.Generator) -> None:
        x = torch.cat([batch.x for batch in batches])
        self.mean.copy_(x.mean(0))
        self.std.copy_(x.std(0))
        self.prepared += 1

    def draw_noise(self, batch: Points, *, rng: torch.Generator) -> NoisyPoints:
        return NoisyPoints(batch.x, batch.y, torch.randn(batch.x.shape, generator=rng, device=batch.x.device, dtype=batch.x.dtype))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear((x - self.mean) / self.std)[:, 0]

    def losses(self, batch: NoisyPoints, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        error = self(batch.x + self.noise * batch.noise) - batch.y
        yield Loss(error.square().mean(), count=len(batch.x), log={"absolute": error.abs().mean()})
        return None

    def measure(self, batch: Points, *, rng: torch.Generator) -> Totals:
        return {"squared": ((self(batch.x) - batch.y).square().sum(), float(len(batch.x)))}


class Summary(Line):
    """Computes, at the end, the mean error of training and validation data under the weights that it has then."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.register_buffer("errors", torch.zeros(2))

    @torch.no_grad()
    def conclude(self, batches: Iterable[Points], held: Iterable[Points]) -> None:
        seen = [batch for batch, _ in zip(batches, range(3), strict=False)], list(held)
        self.errors.copy_(torch.stack([torch.cat([self(b.x) - b.y for b in part]).abs().mean() for part in seen]))


class Duel(Toy):
    """A policy chooses an action, a critic learns what actions are worth; each is trained through the other, and each loss
    leaks gradients into the other player."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        self.policy = nn.Linear(3, 1)
        self.critic = nn.Linear(4, 1)
        self.critics: list[tuple[Tensor, Tensor]] = []
        """The critic's weights before its loss and after the model resumed, by batch."""
        self.start(seed)

    def players(self) -> dict[str, Player]:
        policy = [Group([self.policy.weight], rate=0.5), Group([self.policy.bias], rate=3.0, weight_decay=0.0)]
        return {
            "critic": Player([Group(list(self.critic.parameters()), rate=2.0)], betas=(0.5, 0.9), clip=0.3),
            "policy": Player(policy),
        }

    def worth(self, x: Tensor, action: Tensor) -> Tensor:
        return self.critic(torch.cat([x, action], -1))[:, 0]

    def critic_loss(self, x: Tensor, y: Tensor) -> Tensor:
        action = self.policy(x)  # not detached, on purpose: the gradient leaks into the policy
        reward = -(action[:, 0] - y).abs()
        return (self.worth(x, action) - reward).square().mean()

    def policy_loss(self, x: Tensor) -> Tensor:
        return -self.worth(x, self.policy(x)).mean()  # leaks into the critic

    def losses(self, batch: Points, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        before = self.critic.weight.detach().clone()
        yield Loss(self.critic_loss(batch.x, batch.y), player="critic", count=len(batch.x))
        self.critics.append((before, self.critic.weight.detach().clone()))
        yield Loss(self.policy_loss(batch.x), player="policy", count=len(batch.x))
        return None

    def measure(self, batch: Points, *, rng: torch.Generator) -> Totals:
        return {"worth": (self.worth(batch.x, self.policy(batch.x)).sum(), float(len(batch.x)))}


class Chain(Toy):
    """A recurrent net whose state is carried on, and which goes over a replay of older inputs: three losses a batch."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        self.cell = nn.Linear(2 + 4, 4)
        self.head = nn.Linear(4, 1)
        self.given: list[State] = []
        """The states that `losses` was given."""
        self.start(seed)

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def unroll(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions (B T) and the last hidden state."""
        outputs = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.cell(torch.cat([x[:, t], h], -1)))
            outputs.append(self.head(h)[:, 0])
        return torch.stack(outputs, 1), h

    def losses(self, batch: Sequences, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        self.given.append(dict(state))
        x, y, fresh = batch
        h = state["h"] if state else x.new_zeros(len(x), 4)
        replay = state["replay"] if state else x.new_zeros(0, 3, 3)
        prediction, h = self.unroll(x, h * ~fresh[:, None])
        yield Loss((prediction - y).square().mean(), count=y.numel())
        replay = torch.cat([replay, torch.cat([x, y[..., None]], -1)])[-12:]
        for _ in range(2):
            chosen = replay[torch.randperm(len(replay), generator=rng, device=x.device)[: len(x)]]
            again, _ = self.unroll(chosen[..., :2], x.new_zeros(len(chosen), 4))
            error = (again - chosen[..., 2]).square().mean()
            yield Loss(error, count=len(chosen), log={"replayed": torch.tensor(float(len(replay)))})
        return {"h": h, "replay": replay}

    def measure(self, batch: Sequences, *, rng: torch.Generator) -> Totals:
        prediction, _ = self.unroll(batch.x, batch.x.new_zeros(len(batch.x), 4))
        return {"squared": ((prediction - batch.y).square().sum(), float(batch.y.numel()))}


class TwoHeads(Toy):
    """A trunk, a head for plain rows, one for flagged rows (in some batches none), and a spare one that nothing uses."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        self.trunk = nn.Linear(3, 4)
        self.plain, self.flagged, self.spare = nn.Linear(4, 1), nn.Linear(4, 1), nn.Linear(4, 1)
        self.register_buffer("last", torch.zeros(3))
        """The mean input of the last batch."""
        self.start(seed)

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def errors(self, batch: Points) -> Tensor:
        h = torch.tanh(self.trunk(batch.x))
        heads = [(self.plain, ~batch.flag), (self.flagged, batch.flag)]
        return torch.cat([head(h[rows])[:, 0] - batch.y[rows] for head, rows in heads if rows.any()])

    def losses(self, batch: Points, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        self.last.copy_(batch.x.mean(0))
        log = {"flagged": batch.flag.double().mean()} if batch.flag.any() else {}
        yield Loss(self.errors(batch).square().mean(), count=len(batch.x), log=log)
        return {"sum": state.get("sum", torch.zeros_like(self.last)) + batch.x.sum(0)}

    def measure(self, batch: Points, *, rng: torch.Generator) -> Totals:
        return {"squared": (self.errors(batch).square().sum(), float(len(batch.x)))}
