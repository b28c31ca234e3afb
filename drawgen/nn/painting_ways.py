"""The ways in which painters learn: how the policy's outputs become a stroke, and which loss is minimised.

Axes: B pictures, C channels, H rows, W columns, T strokes, P numbers of a stroke (`drawgen_envs.brush`), A components of the
policy's action, E of the environment's.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from drawgen_envs.brush import paint
from drawgen_envs.spiral import SpiralEpisodes
from jaxtyping import Float, Int64
from torch import Tensor

from drawgen.contract import Loss
from drawgen.devices import device_of
from drawgen.nn.painting_goals import Goal, Subject
from drawgen.nn.policy import Policy
from drawgen.policy_gradient import advantages, clipped_surrogate

SIZES = (1 / 32, 1.5 / 32, 2.5 / 32)
"""Radii of the black box's pen, as fractions of the side."""
PRESSURES, LEVELS = 4, 6
"""Number of pressures of that pen, and of levels of each colour."""


class Painted(NamedTuple):
    """Drawings, stroke by stroke."""

    canvases: Float[Tensor, "T B C H W"]
    strokes: Float[Tensor, "T B P"]
    log_prob: Float[Tensor, "T B"]
    """Log-probabilities of the random choices."""


@dataclass(eq=False)
class Learning(ABC):
    """How a policy paints and learns. Blank canvases are 0; ink is 1."""

    policy: Policy
    goal: Goal
    image: tuple[int, int, int]
    """Channels, height and width of a canvas."""
    planes: ClassVar[int] = 0
    """Input planes of the policy besides the goal's."""

    @staticmethod
    @abstractmethod
    def numbers(channels: int) -> int:
        """Number of real parameters of a stroke, besides its points."""

    @staticmethod
    @abstractmethod
    def choices(channels: int) -> tuple[int, ...]:
        """Numbers of values of an action's components, after its points and flag."""

    @property
    @abstractmethod
    def components(self) -> int:
        """A: random numbers per stroke."""

    @property
    def device(self) -> torch.device:
        return device_of(self.policy)

    def blank(self, count: int) -> Float[Tensor, "B C H W"]:
        return torch.zeros(count, *self.image, device=self.device)

    def views(self, before: Float[Tensor, "T B C H W"], subject: Subject) -> Float[Tensor, "T B K H W"]:
        """The input planes of the policy on these canvases."""
        target = subject.target if subject.target is None else subject.target.expand(len(before), *subject.target.shape)
        planes = self.goal.view(before.flatten(0, 1), None if target is None else target.flatten(0, 1))
        return planes.unflatten(0, before.shape[:2])

    def uniforms(self, strokes: int, count: int, *, rng: torch.Generator) -> Float[Tensor, "T B A"]:
        """The random numbers of drawings."""
        return torch.rand(strokes, count, self.components, device=self.device, generator=rng)

    def check(self) -> None:  # noqa: B027  # most ways need nothing
        """Raises ValueError if something that training needs is missing."""

    @abstractmethod
    def draw(self, subject: Subject, uniforms: Float[Tensor, "T B A"]) -> Painted:
        """B drawings of T strokes."""

    @abstractmethod
    def losses(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Generator[Loss, None, None]:
        """The critic's losses, if there is a critic, and then the policy's."""

    @abstractmethod
    def last_loss(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """What the last of the strokes costs, by drawing."""


WASH = (0.0, 0.5, 0.5, 0.5, 1.0, 0.5, 0.75, 0.75, 1.0, 1.0)
"""A stroke that covers a square canvas."""


@torch.no_grad()
def fitted_colour(
    canvas: Float[Tensor, "B C H W"], target: Float[Tensor, "B C H W"], stroke: Float[Tensor, "B P0"]
) -> Float[Tensor, "B C"]:
    """The colour in [0, 1] with which a stroke (`COLUMNS`, without a colour) brings a canvas nearest to its target.

    The stroke replaces the fraction m of a pixel: the squared error |m colour - (target - (1 - m) canvas)|^2 is least at
    sum m (target - (1 - m) canvas) / sum m^2.
    """
    m = paint(torch.zeros_like(canvas[:, :1]), torch.cat([stroke, torch.ones_like(stroke[:, :1])], 1)[:, None])
    wanted = target - (1 - m) * canvas
    return ((m * wanted).sum((2, 3)) / m.square().sum((2, 3)).clamp(min=1e-6)).clamp(0, 1)


@dataclass(kw_only=True, eq=False)
class Pathwise(Learning):
    """Strokes with real parameters; the gradient flows through the brush. Only the flag, which leaves strokes out, learns by its
    score function."""

    radius: tuple[float, float]
    opacity: float
    inset: float
    lift: bool
    fitted: bool = False
    """Whether the first stroke covers the canvas, and colours are fitted to the target, not chosen."""

    @staticmethod
    def numbers(channels: int) -> int:
        """Two radii and two opacities; on grey pictures the ink is white."""
        return 4 + (channels if channels > 1 else 0)

    @staticmethod
    def choices(channels: int) -> tuple[int, ...]:  # noqa: ARG004
        return ()

    @property
    def components(self) -> int:
        return 1

    def draw(self, subject: Subject, uniforms: Float[Tensor, "T B A"]) -> Painted:
        (least, greatest), inset, target = self.radius, self.inset, subject.target
        count = uniforms.shape[1]
        canvas, memory = self.goal.covered(self.blank(count), target), self.policy.start(count, subject.noise)
        steps: list[tuple[Tensor, Tensor, Tensor]] = []
        for uniform in uniforms:
            # The canvas is a detached input: the gradient flows through what is painted, not through what is seen.
            seen, memory = self.policy.look(self.goal.view(canvas.detach(), target), memory)
            points, numbers, flag, log_prob = self.policy.stroke(seen, memory, uniform[:, 0] if self.lift else None)
            radii = (least + (greatest - least) * numbers[:, :2]) * flag[:, None]
            opacity = self.opacity + (1 - self.opacity) * numbers[:, 2:4]
            stroke = torch.cat([inset + (1 - 2 * inset) * points.flatten(1), radii, opacity], 1)
            if self.fitted:
                assert target is not None
                # A colour that is best changes nothing when it moves a little: no gradient goes through it.
                stroke = stroke if steps else stroke.new_tensor(WASH).expand_as(stroke)
                colour = fitted_colour(canvas, target, stroke)
            else:
                colour = numbers[:, 4:] if numbers.shape[1] > 4 else torch.ones_like(numbers[:, :1])
            stroke = torch.cat([stroke, colour], 1)
            canvas = self.goal.covered(paint(canvas, stroke[:, None]), target)
            steps.append((canvas, stroke, log_prob))
        return Painted(*(torch.stack(values) for values in zip(*steps, strict=True)))

    def losses(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Generator[Loss, None, None]:
        """The policy's loss is the negative score of its canvases."""
        drawn = self.draw(self.goal.subject(images, rng=rng), self.uniforms(strokes, len(images), rng=rng))
        yield from self.goal.critic_losses(images, drawn.canvases[-1].detach(), rng=rng)
        judged = drawn.canvases if self.goal.every_stroke else drawn.canvases[-1:]
        cost = -self.goal.worth(judged, images).mean(0)
        value = cost.mean()
        if self.lift:  # the score function, with the batch's mean as its baseline
            value = value + ((cost - cost.mean()).detach() * drawn.log_prob.sum(0)).mean()
        yield Loss(value, "policy", len(images), self.goal.log(drawn.canvases[-1], images))

    def last_loss(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """Minus the worth of the finished canvases."""
        drawn = self.draw(self.goal.subject(images, rng=rng), self.uniforms(strokes, len(images), rng=rng))
        return -self.goal.worth(drawn.canvases[-1:], images)[0]


CLOSER = 30.0
"""Weight of squared distances between points (fractions of the side), beside errors as fractions of a blank canvas's."""


@dataclass(kw_only=True, eq=False)
class People(Pathwise):
    """Behaviour cloning of people: at each of their strokes the painter sees the canvas as they saw it, and is to lay the same
    stroke next. Where they have finished, it is to lift the pen. By `pixels` it also learns from its own canvases, pathwise."""

    pixels: float

    def cloning(
        self, subject: Subject, strokes: Float[Tensor, "B T P"]
    ) -> tuple[Float[Tensor, "T B"], Float[Tensor, "T B"], Float[Tensor, "T B"]]:
        """By stroke: the squared distances of its three points; the squared error of radii and opacities, as fractions of their
        ranges; and -log p of the flag. The first two are 0 where people have finished."""
        (least, greatest), laid = self.radius, (strokes[..., 6] > 0).float().T  # T B
        before, canvas = [], self.blank(len(strokes))
        for stroke in strokes.unbind(1):
            before.append(canvas)
            canvas = paint(canvas, stroke[:, None])
        seen, memory = self.policy.follow(self.views(torch.stack(before), subject), self.policy.start(len(strokes)))
        points, numbers, _, _ = self.policy.stroke(seen, memory, None)
        wanted = strokes.transpose(0, 1)  # T B P
        away = (self.inset + (1 - 2 * self.inset) * points.flatten(1)).unflatten(0, laid.shape) - wanted[..., :6]
        radii = ((wanted[..., 6:8] - least) / max(greatest - least, 1e-6)).clamp(0, 1)
        opacities = ((wanted[..., 8:10] - self.opacity) / max(1 - self.opacity, 1e-6)).clamp(0, 1)
        off = numbers[:, :4].unflatten(0, laid.shape) - torch.cat([radii, opacities], -1)
        flags = self.policy.flag(memory.h).log_softmax(1).unflatten(0, laid.shape)
        flag = -torch.where(laid > 0, flags[..., 1], flags[..., 0])
        return away.square().sum(-1) * laid, off.square().sum(-1) * laid, flag

    def cloning_losses(
        self, images: Float[Tensor, "B C H W"], strokes: Float[Tensor, "B T P"], *, rng: torch.Generator
    ) -> Generator[Loss, None, None]:
        subject, laid = self.goal.subject(images, rng=rng), (strokes[..., 6] > 0).sum().clamp(min=1)
        distance, off, flag = (part.sum() / laid for part in self.cloning(subject, strokes))
        value = CLOSER * distance + off + (flag if self.lift else 0.0)
        log = {"distance": (distance.detach() / 3).sqrt()}
        if self.pixels:
            for loss in super().losses(images, strokes.shape[1], rng=rng):
                value, log = value + self.pixels * loss.value, log | dict(loss.log)
        yield Loss(value, "policy", len(images), log)


class Played(NamedTuple):
    """Episodes played to their end."""

    before: Float[Tensor, "T B C H W"]
    """The canvases before each action; `after` it."""
    after: Float[Tensor, "T B C H W"]
    action: Int64[Tensor, "T B A"]
    log_prob: Float[Tensor, "T B"]
    value: Float[Tensor, "T B"]
    strokes: Float[Tensor, "T B P"]


def screen(episodes: SpiralEpisodes) -> Float[Tensor, "B C H W"]:
    return episodes.easel.screen.permute(0, 3, 1, 2).float() / 255


@dataclass(kw_only=True, eq=False)
class BlackBox(Learning):
    """SPIRAL's actions in SPIRAL's environment; no gradient goes through the canvas, and any brush will do. A stroke starts at the
    pen, where the last action ended: the policy sees it as a plane of its own."""

    planes = 1
    brush: str

    @staticmethod
    def numbers(channels: int) -> int:  # noqa: ARG004
        return 0

    @staticmethod
    def choices(channels: int) -> tuple[int, ...]:
        """Pressure, size, and for colour pictures red, green, blue."""
        return (PRESSURES, len(SIZES)) + (LEVELS,) * (channels if channels > 1 else 0)

    @property
    def components(self) -> int:
        return 3 + len(self.choices(self.image[0]))

    def begin(self, uniforms: Float[Tensor, "T B A"], actions: int) -> SpiralEpisodes:
        """Blank canvases for a given number of actions each. A brush with randomness is seeded by each drawing's own random
        numbers."""
        channels, side, _ = self.image
        count = uniforms.shape[1]
        episodes = SpiralEpisodes(
            count, size=side, channels=channels, length=actions, background=0.0, brush=self.brush, grid=self.policy.grid,
            sizes=SIZES, pressures=PRESSURES, levels=LEVELS, device=self.device,
        )  # fmt: skip
        if self.brush == "bezier":  # has no chance, and need not wait for the device
            rngs = [np.random.default_rng(0)] * count
        else:
            rngs = [np.random.default_rng(row.view(np.uint32)) for row in uniforms.transpose(0, 1).flatten(1).cpu().numpy()]
        episodes.begin(np.arange(count), rngs)
        return episodes

    def for_environment(self, action: Int64[Tensor, "B A"]) -> Int64[Tensor, "B E"]:
        """The policy's action as the environment's: a grey pen always paints white."""
        return action if self.image[0] > 1 else torch.cat([action, torch.full_like(action[:, :1], LEVELS - 1)], 1)

    def pen(self, ends: Int64[Tensor, " N"]) -> Float[Tensor, "N 1 H W"]:
        """Where the pen is, as the cell that it was moved to: the corner that stands for the cell (`SpiralEpisodes.places`)."""
        _, height, width = self.image
        grid = self.policy.grid
        at = (ends // grid * height // grid) * width + ends % grid * width // grid
        return torch.zeros(len(ends), height * width, device=ends.device).scatter(1, at[:, None], 1.0).view(-1, 1, height, width)

    def play(self, subject: Subject, uniforms: Float[Tensor, "T B A"]) -> Played:
        count = uniforms.shape[1]
        episodes = self.begin(uniforms, len(uniforms))
        canvas, memory = self.blank(count), self.policy.start(count, subject.noise)
        ends = uniforms.new_zeros(count, dtype=torch.int64)
        steps = []
        for step, uniform in enumerate(uniforms):
            view = torch.cat([self.goal.view(canvas, subject.target), self.pen(ends)], 1)
            seen, memory = self.policy.look(view, memory)
            action, log_prob, _ = self.policy.choose(seen, memory, uniforms=uniform)
            episodes.step(self.for_environment(action))
            after = screen(episodes)
            steps.append((canvas, after, action, log_prob, self.policy.value(memory.h)[:, 0], episodes.strokes[:, step]))
            canvas, ends = after, action[:, 1]
        return Played(*(torch.stack(values) for values in zip(*steps, strict=True)))

    def replay(
        self, before: Float[Tensor, "T B C H W"], actions: Int64[Tensor, "T B A"], subject: Subject
    ) -> tuple[Float[Tensor, "T B"], Float[Tensor, "T B"], Float[Tensor, "T B"]]:
        """Log-probability, entropy and value of past actions under the current policy."""
        ends = torch.cat([torch.zeros_like(actions[:1, :, 1]), actions[:-1, :, 1]])
        views = torch.cat([self.views(before, subject), self.pen(ends.flatten()).unflatten(0, ends.shape)], 2)
        return self.policy.replay(views, actions, self.policy.start(before.shape[1], subject.noise))

    def last_loss(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """Minus the log-probability of the last action that the policy took: no gradient goes through the canvas."""
        subject = self.goal.subject(images, rng=rng)
        with torch.no_grad():
            played = self.play(subject, self.uniforms(strokes, len(images), rng=rng))
        return -self.replay(played.before, played.action, subject)[0][-1]

    def draw(self, subject: Subject, uniforms: Float[Tensor, "T B A"]) -> Painted:
        played = self.play(subject, uniforms)
        return Painted(played.after, played.strokes, played.log_prob)


@dataclass(kw_only=True, eq=False)
class PolicyGradient(BlackBox):
    """PPO. The reward of a stroke is the increase of the canvas's score: the decrease of the error, or the difference of the
    critic's scores (SPIRAL++'s temporal credit assignment)."""

    epochs: int
    minibatches: int
    clip: float
    entropy: float
    gamma: float
    lam: float

    def losses(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Generator[Loss, None, None]:
        """The policy's losses, for each epoch and minibatch."""
        count = len(images)
        subject = self.goal.subject(images, rng=rng)
        with torch.no_grad():
            played = self.play(subject, self.uniforms(strokes, count, rng=rng))
        yield from self.goal.critic_losses(images, played.after[-1], rng=rng)
        with torch.no_grad():
            worth = self.goal.worth(torch.cat([played.before[:1], played.after]), images)
            rewards = worth[1:] - worth[:-1]
            advantage, returns = advantages(rewards, played.value, gamma=self.gamma, lam=self.lam)
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        log = {"return": rewards.sum(0).mean()} | self.goal.log(played.after[-1], images)
        for _ in range(self.epochs):
            for rows in torch.randperm(count, device=self.device, generator=rng).chunk(self.minibatches):
                log_prob, entropy, value = self.replay(played.before[:, rows], played.action[:, rows], subject.rows(rows))
                surrogate = clipped_surrogate(log_prob, played.log_prob[:, rows], advantage[:, rows], clip=self.clip)
                regression = (value - returns[:, rows]).square().mean()
                yield Loss(surrogate + 0.5 * regression - self.entropy * entropy.mean(), "policy", len(rows), log)


@dataclass(kw_only=True, eq=False)
class Imitation(BlackBox):
    """Behaviour cloning of a teacher that learned pathwise: each of its strokes becomes a move and an action that paints."""

    find_teacher: Callable[[torch.device], Pathwise]
    """Raises ValueError for one that paints something else."""

    @cached_property
    def teacher(self) -> Pathwise:
        return self.find_teacher(self.device)

    def check(self) -> None:  # most ways need nothing
        self.find_teacher(self.device)  # not kept: the model may move to another device yet

    def lesson(
        self, subject: Subject, strokes: int, count: int, *, rng: torch.Generator
    ) -> tuple[Float[Tensor, "T B C H W"], Int64[Tensor, "T B A"]]:
        """The teacher's demonstration in a given number of actions: the canvases before them, and the actions."""
        uniforms = self.teacher.uniforms(strokes // 2, count, rng=rng)
        episodes = self.begin(uniforms, strokes)
        actions = episodes.actions_for(self.teacher.draw(subject, uniforms).strokes)
        before = []
        for action in actions:
            before.append(screen(episodes))
            episodes.step(action)
        return torch.stack(before), actions[:, :, : self.components]

    def losses(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Generator[Loss, None, None]:
        """-log p of the teacher's actions, in nats per drawing."""
        subject = self.goal.subject(images, rng=rng)
        with torch.no_grad():
            before, actions = self.lesson(subject, strokes, len(images), rng=rng)
        log_prob, _, _ = self.replay(before, actions, subject)
        yield Loss(-log_prob.sum(0).mean(), "policy", len(images))
