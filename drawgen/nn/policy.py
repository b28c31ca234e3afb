"""The networks of painters: the policy and the critic.

Axes: T steps, B canvases, C planes, H = W = side, N cells of a grid (half the side), K features per cell, U units, A components of
an action.

The policy sees the canvas through convolutions, has an LSTM as memory, and chooses the components of a stroke one by one, each
given the ones before it, as in SPIRAL (Ganin et al. 2018). It chooses points by attention: a query from the state is compared with
the features of each cell, so that what is learned at one place generalises to all. A point is either the mean of the attention
(`stroke`, which is differentiable) or one cell sampled from it (`choose`, SPIRAL's action).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.nn.linear import linear
from drawgen.nn.recurrence import LSTM

SHARPNESS = 3.0
NEAR = 0.05
"""Largest shift of a mean of cells, as a fraction of the canvas: for positions finer than a cell."""


def conv(inputs: int, outputs: int, kernel: int, stride: int, rng: torch.Generator) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
    bound = (inputs * kernel**2 / 6) ** -0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class Seen(NamedTuple):
    """The features of a canvas."""

    cells: Float[Tensor, "B N K"]
    summary: Float[Tensor, "B U"]


class Memory(NamedTuple):
    h: Float[Tensor, "B U"]
    c: Float[Tensor, "B U"]


class Eye(nn.Module):
    """Convolutions with coordinates, down to an eighth of the side and back up to half of it."""

    coordinates: Tensor

    def __init__(self, planes: int, side: int, width: int, units: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [conv(planes + 2, width, 5, 2, rng), conv(width, 2 * width, 3, 2, rng), conv(2 * width, 2 * width, 3, 2, rng)]
        )
        self.up = nn.ModuleList(
            [conv(width, width, 1, 1, rng), conv(2 * width, width, 1, 1, rng), conv(2 * width, width, 1, 1, rng)]
        )
        self.summarise = linear(2 * width * (side // 8) ** 2, units, rng)
        line = torch.linspace(-1, 1, side)
        self.register_buffer("coordinates", torch.stack(torch.meshgrid(line, line, indexing="xy")), persistent=False)

    def forward(self, planes: Float[Tensor, "B C H W"]) -> Seen:
        x = torch.cat([planes, self.coordinates.expand(len(planes), -1, -1, -1)], 1)
        levels = []
        for layer in self.down:
            x = layer(x).relu()
            levels.append(x)
        cells = self.up[2](levels[2])
        for level in (1, 0):
            cells = F.interpolate(cells, scale_factor=2) + self.up[level](levels[level])
        return Seen(cells.flatten(2).transpose(1, 2), self.summarise(x.flatten(1)).relu())


class Pointer(nn.Module):
    """Chooses a point: a query of the state against the cells."""

    def __init__(self, units: int, width: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.query = linear(units, width, rng)
        self.near = linear(units, 2, rng)
        self.embed = linear(width + 2, units, rng)

    def logits(self, z: Float[Tensor, "B U"], cells: Float[Tensor, "B N K"]) -> Float[Tensor, "B N"]:
        return (cells @ self.query(z)[:, :, None])[..., 0] * (SHARPNESS * cells.shape[2] ** -0.5)

    def tell(self, z: Float[Tensor, "B U"], what: Float[Tensor, "B K"], where: Float[Tensor, "B 2"]) -> Float[Tensor, "B U"]:
        """The state after a point is chosen."""
        return z + self.embed(torch.cat([what, 2 * where - 1], 1)).relu()


class Policy(nn.Module):
    """See the top of the file. `choices` are the numbers of values of the components after the two places and the flag."""

    centres: Tensor
    pointers: Sequence[Pointer]

    def __init__(
        self,
        planes: int,
        side: int,
        *,
        width: int,
        units: int,
        noise: int,
        numbers: int,
        choices: tuple[int, ...],
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        if side % 8:
            raise ValueError(f"pictures of {side} pixels per side; the painter takes multiples of 8")
        self.units, self.noise, self.grid = units, noise, side // 2
        self.eye = Eye(planes, side, width, units, rng=rng)
        self.memory = LSTM(units, units, rng=rng)
        self.wish = linear(noise, 2 * units, rng) if noise else None
        self.value = linear(units, 1, rng)
        places = 2 if choices else 3
        self.pointers = nn.ModuleList([Pointer(units, width, rng=rng) for _ in range(places)])  # type: ignore[assignment]
        self.flag = linear(units, 2, rng)
        self.flag.bias.data[1] = 3.0  # at first the pen is down
        self.flag_embed = nn.Parameter(torch.zeros(2, units))
        self.numbers = linear(units, numbers, rng) if numbers else None
        self.heads = nn.ModuleList([linear(units, count, rng) for count in choices])
        self.embeds = nn.ParameterList([torch.empty(count, units).uniform_(-0.05, 0.05, generator=rng) for count in choices])
        centre = (torch.arange(self.grid) + 0.5) / self.grid
        self.register_buffer("centres", torch.cartesian_prod(centre, centre).flip(1), persistent=False)  # x and y, row by row

    def start(self, count: int, noise: Float[Tensor, "B Z"] | None = None) -> Memory:
        """The memory before the first stroke: a function of the target, if there is one."""
        if self.wish is None:
            zero = self.flag.weight.new_zeros(count, self.units)
            return Memory(zero, zero)
        h, c = self.wish(noise).chunk(2, 1)
        return Memory(h.tanh(), c)

    def look(self, planes: Float[Tensor, "B C H W"], memory: Memory) -> tuple[Seen, Memory]:
        seen = self.eye(planes)
        return seen, Memory(*self.memory(seen.summary, *memory))

    def follow(self, planes: Float[Tensor, "T B C H W"], memory: Memory) -> tuple[Seen, Memory]:
        """`look` at T canvases that are known, one after the other; the results are T B rows. Only the LSTM goes step by step: the
        convolutions are one call, and so is what follows."""
        seen, states = self.eye(planes.flatten(0, 1)), []
        for summary in seen.summary.unflatten(0, planes.shape[:2]):
            memory = Memory(*self.memory(summary, *memory))
            states.append(memory)
        return seen, Memory(*(torch.cat(parts) for parts in zip(*states, strict=True)))

    def replay(
        self, planes: Float[Tensor, "T B C H W"], actions: Int[Tensor, "T B A"], memory: Memory
    ) -> tuple[Float[Tensor, "T B"], Float[Tensor, "T B"], Float[Tensor, "T B"]]:
        """Log-probability, entropy and value of actions that were taken on canvases that are known."""
        seen, memories = self.follow(planes, memory)
        _, log_prob, entropy = self.choose(seen, memories, actions=actions.flatten(0, 1))
        found = (log_prob, entropy, self.value(memories.h)[:, 0])
        return tuple(numbers.unflatten(0, planes.shape[:2]) for numbers in found)  # type: ignore[return-value]

    def stroke(
        self, seen: Seen, memory: Memory, uniform: Float[Tensor, " B"] | None
    ) -> tuple[Float[Tensor, "B 3 2"], Float[Tensor, "B M"], Float[Tensor, " B"], Float[Tensor, " B"]]:
        """Start, control point and end; further numbers in [0, 1]; the flag (0 leaves the stroke out) and its log-probability.
        Without `uniform` the flag is always 1."""
        z = memory.h
        flag = z.new_ones(len(z))
        log_prob = z.new_zeros(len(z))
        if uniform is not None:
            log_p = self.flag(z).log_softmax(1)
            flag = (uniform < log_p[:, 1].exp()).float()
            log_prob = torch.where(flag > 0, log_p[:, 1], log_p[:, 0])
        points = {}
        for name, pointer in zip(("start", "end", "control"), self.pointers, strict=True):
            weights = pointer.logits(z, seen.cells).softmax(1)
            where = weights @ self.centres + NEAR * pointer.near(z).tanh()
            z = pointer.tell(z, (weights[:, None] @ seen.cells)[:, 0], where)
            points[name] = where
        assert self.numbers is not None
        return torch.stack([points["start"], points["control"], points["end"]], 1), self.numbers(z).sigmoid(), flag, log_prob

    def choose(
        self,
        seen: Seen,
        memory: Memory,
        *,
        actions: Int[Tensor, "B A"] | None = None,
        uniforms: Float[Tensor, "B A"] | None = None,
        temperature: float = 1.0,
    ) -> tuple[Int[Tensor, "B A"], Float[Tensor, " B"], Float[Tensor, " B"]]:
        """SPIRAL's action (control, end, flag, then `choices`), drawn by `uniforms`, or given; its log-probability and the entropy.
        The order of choice is flag, end, control and the rest; a move (flag 0) leaves all but flag and end out of the two sums."""
        z = memory.h
        picked: dict[int, Tensor] = {}
        log_probs: dict[int, Tensor] = {}
        entropies: dict[int, Tensor] = {}

        def pick(component: int, logits: Tensor) -> Tensor:
            log_p = (logits / temperature).log_softmax(1)
            if actions is not None:
                picked[component] = actions[:, component]
            else:
                assert uniforms is not None
                edges = log_p.detach().exp().cumsum(1)
                picked[component] = torch.searchsorted(edges, uniforms[:, component, None] * edges[:, -1:]).clamp(
                    max=logits.shape[1] - 1
                )[:, 0]
            log_probs[component] = log_p.gather(1, picked[component][:, None])[:, 0]
            entropies[component] = -(log_p.exp() * log_p).sum(1)
            return picked[component]

        z = z + self.flag_embed[pick(2, self.flag(z))]
        for component, pointer in ((1, self.pointers[0]), (0, self.pointers[1])):
            cell = pick(component, pointer.logits(z, seen.cells))
            z = pointer.tell(z, seen.cells[torch.arange(len(z), device=z.device), cell], self.centres[cell])
        for number, (head, embed) in enumerate(zip(self.heads, self.embeds, strict=True)):
            z = (z + embed[pick(3 + number, head(z))]).relu()
        order = range(3 + len(self.heads))
        paints = (picked[2] == 1).float()
        counts = [torch.ones_like(paints) if component in (1, 2) else paints for component in order]
        log_prob = torch.stack([log_probs[component] * counts[component] for component in order]).sum(0)
        entropy = torch.stack([entropies[component] * counts[component] for component in order]).sum(0)
        return torch.stack([picked[component] for component in order], 1), log_prob, entropy


class Critic(nn.Module):
    """Scores how much a picture resembles the data; higher is better. Against mode collapse, it also sees how much the pictures of
    a group differ."""

    GROUP = 4

    def __init__(self, channels: int, side: int, width: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [conv(channels, width, 5, 2, rng), conv(width, 2 * width, 3, 2, rng), conv(2 * width, 4 * width, 3, 2, rng)]
        )
        self.score = linear(4 * width * (side // 8) ** 2 + 1, 1, rng)

    def forward(self, pictures: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        x = pictures
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        group = self.GROUP if len(x) % self.GROUP == 0 else 1
        grouped = x.unflatten(0, (-1, group))
        spread = (grouped.var(1, correction=0) + 1e-8).sqrt().flatten(1).mean(1).repeat_interleave(group)
        return self.score(torch.cat([x.flatten(1), spread[:, None]], 1))[:, 0]


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Float[Tensor, ""]:
    """Mean (|d critic / d picture| - 1)^2 between real and fake pictures (Gulrajani et al. 2017)."""
    share = torch.rand(len(real), 1, 1, 1, device=real.device, generator=rng)
    between = torch.lerp(fake, real, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
