"""A recurrent painter that acts on a canvas (Ganin et al. 2018, "Synthesizing Programs for Images using Reinforced Adversarial
Learning": SPIRAL; Mellor et al. 2019: SPIRAL++; the gradient through the brush as in Huang et al. 2019, "Learning to Paint").

Axes: B pictures, C channels, H rows, W columns, T strokes, P numbers of a stroke, A components of an action, U units.

At each step the painter looks at the canvas (and at the picture it is to paint, where there is one), and lays one stroke. What it
is for is its goal, and how it learns is another matter:

    goal   reconstruct: the squared error on a pyramid of resolutions, after every stroke
           doodle: a critic that tells drawings of the data from its own (WGAN-GP), from noise and without a target
           complete: half a picture is given, and the critic judges it together with what is drawn in the other half (SPIRAL++'s
           complement critic)
    learn  pathwise: the gradient goes through the brush; only the flag that lifts the pen learns by its score function
           policy-gradient: the canvas is a black box, an environment of SPIRAL's actions, any brush; PPO on the decrease of the
           error, or on the differences of the critic's scores (SPIRAL++'s temporal credit)
           imitation: the same actions on the same canvas, foretold from what a painter that learned pathwise does there
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from drawgen_envs.brush import COLUMNS, paint
from drawgen_envs.episodes import SpiralEpisodes
from jaxtyping import Float, Int64
from torch import Tensor, nn

from drawgen.contract import Group, Loss, Player, Recipe, Request, Sample, Spec, State, Totals
from drawgen.data.digits import Rectangles
from drawgen.data.pictures import Pictures
from drawgen.data.standard import Standard
from drawgen.data.strokes import Strokes
from drawgen.nn.policy import Critic, Policy, gradient_penalty
from drawgen.policy_gradient import advantages, clipped_surrogate
from drawgen.strokes.polishing import polish, pyramid
from drawgen.training import Fit

CHUNK = 16
"""Drawings sampled at once."""
COUNTS = (5, 8, 10, 20)
"""Strokes after which a painting is measured."""
DARK = 1e-3
"""Added to the error of a blank canvas, so that an empty picture does not weigh without bound."""
SIZES = (1 / 32, 1.5 / 32, 2.5 / 32)
"""Radii of the black box's pen, as shares of the side."""
HALVES = {"left": (2, 0), "right": (2, 1), "top": (1, 0), "bottom": (1, 1)}
"""The axis of a picture that is cut in two, and which of the halves it is."""
LEARN = ("pathwise", "policy-gradient", "imitation")
PRESSURES, LEVELS = 4, 6
"""How many pressures of the black box's pen, and shades of each colour."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A recurrent painter."""

    goal: str = "reconstruct"
    """`reconstruct` paints after a picture; `doodle` draws from noise, judged by a critic; `complete` draws the other half."""
    learn: str = "pathwise"
    """`pathwise`: through the brush. `policy-gradient`: by PPO, the canvas a black box. `imitation`: after a teacher, there."""
    teacher: str = ""
    """Imitation: the model folder (or MODEL:NAME) of a painter with the same goal that learned pathwise, with half as many strokes:
    each of its strokes takes a move and a stroke."""
    strokes: int = 8
    """Strokes of a drawing."""
    units: int = 256
    """Units of the LSTM."""
    width: int = 32
    """Features of the first convolution."""
    noise: int = 0
    """Random numbers that a doodle starts from."""
    radius: tuple[float, float] = (0.03, 0.08)
    """Least and greatest radius of a stroke, as shares of the side; too small a least one invites strokes that leave nothing."""
    opacity: float = 0.3
    """Least opacity of a stroke."""
    given: str = "left"
    """Complete: the half that is given: left, right, top or bottom."""
    inset: float = 0.0
    """Pathwise: how far from the edge a stroke's points stay, as a share of the side. A critic's painter that may leave the canvas
    does so, and what is not seen is not learned from."""
    lift: bool = False
    """Pathwise: whether strokes may be left out; learned by the flag's score function."""
    brush: str = "bezier"
    """Policy gradient: `bezier`, or `mypaint:NAME` where libmypaint is installed."""
    critic_width: int = 32
    """Features of the critic's first convolution."""
    critic_steps: int = 3
    """Steps of the critic for one of the painter."""
    penalty: float = 10.0
    """Weight of the critic's gradient penalty."""
    epochs: int = 3
    """Policy gradient: how often each batch is gone through."""
    minibatches: int = 4
    """Policy gradient: parts of a batch."""
    clip: float = 0.2
    """Policy gradient: how far the ratio of probabilities may leave 1."""
    entropy: float = 0.01
    """Policy gradient: weight of the entropy."""
    gamma: float = 0.95
    """Policy gradient: discount of later rewards."""
    lam: float = 0.9
    """Policy gradient: how far advantages look (GAE)."""

    def __post_init__(self) -> None:
        options = {"goal": ("reconstruct", "doodle", "complete"), "learn": LEARN, "given": tuple(HALVES)}
        for name, known in options.items():
            if getattr(self, name) not in known:
                raise ValueError(f"model.{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}")
        least = {
            "strokes": 1,
            "units": 1,
            "width": 1,
            "critic_width": 1,
            "critic_steps": 1,
            "epochs": 1,
            "minibatches": 1,
            "noise": 0,
        }
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"model.{name} is {getattr(self, name)}; it has to be at least {value}")
        if self.goal != "reconstruct" and not self.noise:
            raise ValueError(f"model.noise is 0; to {self.goal} starts from noise, give some 32 numbers")
        if (self.goal, self.learn) not in PAINTERS:
            raise ValueError(f"to {self.goal} is not learned by {self.learn}; set model.learn pathwise")
        if (self.learn == "imitation") != bool(self.teacher):
            raise ValueError(
                f"model.learn is {self.learn} and model.teacher {self.teacher!r}; imitation needs a teacher, no other does"
            )
        if not 0 < self.radius[0] <= self.radius[1] <= 1:
            raise ValueError(f"model.radius is {self.radius}; it is the least and the greatest, above 0 and at most 1")
        if not 0 <= self.inset < 0.5:
            raise ValueError(f"model.inset is {self.inset}; it has to be at least 0 and less than 0.5")
        for name in ("opacity", "gamma", "lam"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"model.{name} is {getattr(self, name)}; it has to lie between 0 and 1")

    def published(self) -> "Config":
        """Without paths (of its teacher, of a brush's file): what is kept in a model folder."""
        kind, _, brush = self.brush.partition(":")
        brush = f"{kind}:{Path(brush).name}" if brush.endswith(".myb") else self.brush
        return replace(self, teacher=Path(self.teacher).name, brush=brush)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Painter":
        return PAINTERS[self.goal, self.learn](self, spec, rng=rng)


class Drawn(NamedTuple):
    """Drawings, stroke by stroke."""

    canvases: Float[Tensor, "T B C H W"]
    strokes: Float[Tensor, "T B P"]
    log_prob: Float[Tensor, "T B"]
    """Of what was chosen by chance."""


def squared(canvas: Float[Tensor, "*N C H W"], target: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N"]:
    return (canvas - target).square().mean((-3, -2, -1))


class Painter(nn.Module):
    """What all painters share: a policy and a blank canvas (0; ink is 1). A painter has two parents: what it is for
    (`Reconstructing`, `Doodling`, `Completing`) and how it learns (`Pathwise`, `PolicyGradient`, `Imitation`)."""

    config: Config
    spec: Spec
    policy: Policy
    critic: Critic | None

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        channels, height, width = spec.picture
        if height != width:
            raise ValueError(f"the painter learns on square pictures, and these are {width}x{height}; cut them square")
        self.config, self.spec = config, spec
        self.ink, self.binary = channels == 1, False  # light on black, cut out of a person's photographs
        judged = config.goal != "reconstruct"
        self.policy = Policy(
            {"reconstruct": 3 * channels, "doodle": channels, "complete": channels + 1}[config.goal],
            height,
            width=config.width,
            units=config.units,
            noise=config.noise if judged else 0,
            numbers=self.numbers(channels),
            choices=self.choices(channels),
            rng=rng,
        )
        self.critic = Critic(channels, height, config.critic_width, rng=rng) if judged else None

    # What the two parents bring. From the goal:

    def goal(self, images: Tensor, *, rng: torch.Generator) -> tuple[Tensor | None, Tensor | None]:
        """The target that is looked at and the noise that is started from."""
        raise NotImplementedError

    def criticise(self, images: Tensor, drawn: Tensor, *, rng: torch.Generator) -> Iterator[Loss]:
        """The critic's losses, if there is one; it is stepped after each."""
        raise NotImplementedError

    def worth(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, "T B"]:
        """How good canvases are."""
        raise NotImplementedError

    def log(self, canvas: Tensor, images: Tensor) -> dict[str, Tensor]:
        """What to show of finished canvases beside the loss."""
        raise NotImplementedError

    # From the way to learn:

    components: int
    """Random numbers that a stroke takes."""

    @staticmethod
    def numbers(channels: int) -> int:
        """Real numbers of a stroke beside its places."""
        raise NotImplementedError

    @staticmethod
    def choices(channels: int) -> tuple[int, ...]:
        """Values of an action's components beside its places and flag."""
        raise NotImplementedError

    def draw(
        self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Float[Tensor, "T B A"]
    ) -> Drawn:
        raise NotImplementedError

    # And what is common:

    def players(self) -> dict[str, Player]:
        if self.critic is None:
            return {"policy": Player([Group(list(self.policy.parameters()))])}
        # The painter follows the critic slowly and without momentum: a leap ahead of it ends in strokes that nothing brings back.
        return {
            "policy": Player([Group(list(self.policy.parameters()), rate=0.3)], betas=(0.0, 0.9)),
            "critic": Player([Group(list(self.critic.parameters()))], betas=(0.0, 0.9), clip=1e3),
        }

    @property
    def device(self) -> torch.device:
        return self.policy.flag.weight.device

    def blank(self, count: int) -> Float[Tensor, "B C H W"]:
        return torch.zeros(count, *self.spec.picture, device=self.device)

    def planes(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Tensor:
        """What the policy looks at."""
        return canvas

    def masked(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Float[Tensor, "B C H W"]:
        """The canvas with what may not be painted over."""
        return canvas

    def uniforms(self, strokes: int, count: int, rng: torch.Generator) -> Float[Tensor, "T B A"]:
        """The random numbers that strokes take."""
        return torch.rand(strokes, count, self.components, device=self.device, generator=rng)

    def show(self, canvases: Float[Tensor, "T B C H W"], strokes: Float[Tensor, "B T P"]) -> Sample:
        def frames(count: int) -> Iterator[Tensor]:
            steps = torch.linspace(0, len(canvases) - 1, min(count, len(canvases))).round().long()
            return iter(canvases[steps].clamp(0, 1))

        return Sample(canvases[-1].clamp(0, 1), frames, strokes=strokes)


# ---------------------------------------------------------------- what it is for


class Reconstructing(Painter):
    """Paints after a picture."""

    def goal(self, images: Tensor, *, rng: torch.Generator) -> tuple[Tensor | None, Tensor | None]:
        return images, None

    def planes(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Tensor:
        assert target is not None
        return torch.cat([canvas, target, target - canvas], 1)

    def criticise(self, images: Tensor, drawn: Tensor, *, rng: torch.Generator) -> Iterator[Loss]:
        return iter(())

    def worth(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, "T B"]:
        """How good canvases are: less their error, as a share of a blank canvas's."""
        return -pyramid(canvases, images.expand_as(canvases)) / (pyramid(self.blank(len(images)), images) + DARK)

    def log(self, canvas: Tensor, images: Tensor) -> dict[str, Tensor]:
        return {"share": squared(canvas.detach(), images).sum() / (images.square().mean((1, 2, 3)).sum() + DARK)}

    @torch.no_grad()
    def measure(self, batch: Pictures, *, rng: torch.Generator) -> Totals:
        """`l2_08_strokes`, the mean squared error after 8 strokes (5, 10, 20 too), and `share_08_strokes`, as a share of a blank
        canvas's."""
        images, most = batch.images, max(COUNTS)
        drawn = self.draw(len(images), images, None, most, self.uniforms(most, len(images), rng))
        totals: Totals = {}
        blank = float(squared(self.blank(len(images)), images).sum())
        for strokes in COUNTS:
            error = squared(drawn.canvases[strokes - 1], images).sum()
            totals |= {f"l2_{strokes:02d}_strokes": (error, float(len(images))), f"share_{strokes:02d}_strokes": (error, blank)}
        return totals

    @torch.no_grad()
    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample:
        """The pictures, painted."""
        uniforms = self.uniforms(self.config.strokes, len(images), rng)
        drawn = self.draw(len(images), images, None, self.config.strokes, uniforms)
        return self.show(drawn.canvases, drawn.strokes.transpose(0, 1))


class Judged(Painter):
    """Draws from noise, against a critic."""

    critic: Critic

    def goal(self, images: Tensor, *, rng: torch.Generator) -> tuple[Tensor | None, Tensor | None]:
        return None, torch.randn(len(images), self.config.noise, device=self.device, generator=rng)

    def criticise(self, images: Tensor, drawn: Tensor, *, rng: torch.Generator) -> Iterator[Loss]:
        for _ in range(self.config.critic_steps):
            gap = self.critic(drawn).mean() - self.critic(images).mean()
            penalty = gradient_penalty(self.critic, images, drawn, rng=rng)
            yield Loss(gap + self.config.penalty * penalty, "critic", len(images), {"critic_gap": gap.detach()})

    def worth(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, "T B"]:
        """How good canvases are: the critic's score."""
        return torch.stack([self.critic(canvas) for canvas in canvases])

    def log(self, canvas: Tensor, images: Tensor) -> dict[str, Tensor]:
        return {"ink": canvas.detach().mean() / images.mean()}

    @torch.no_grad()
    def measure(self, batch: Pictures, *, rng: torch.Generator) -> Totals:
        """How much higher the critic scores the data than drawings."""
        count, strokes = len(batch.images), self.config.strokes
        target, noise = self.goal(batch.images, rng=rng)
        drawn = self.draw(count, target, noise, strokes, self.uniforms(strokes, count, rng))
        return {"critic_gap": ((self.critic(batch.images) - self.critic(drawn.canvases[-1])).sum(), float(count))}


class Completing(Judged):
    """Draws the other half of a picture: the given one lies under a mask of tape, and the critic sees both together."""

    def goal(self, images: Tensor, *, rng: torch.Generator) -> tuple[Tensor | None, Tensor | None]:
        """The given half, and in the last channel where it is."""
        tape = torch.zeros_like(images[:, :1])
        axis, which = HALVES[self.config.given]
        tape.chunk(2, axis + 1)[which].fill_(1.0)
        return torch.cat([images * tape, tape], 1), super().goal(images, rng=rng)[1]

    def planes(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Tensor:
        assert target is not None
        return torch.cat([canvas, target[:, -1:]], 1)

    def masked(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Float[Tensor, "B C H W"]:
        assert target is not None
        return torch.lerp(canvas, target[:, :-1], target[:, -1:])

    @torch.no_grad()
    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample:
        """The given halves of the pictures, completed; nothing of the other halves is looked at."""
        target, noise = self.goal(images, rng=rng)
        uniforms = self.uniforms(self.config.strokes, len(images), rng)
        drawn = self.draw(len(images), target, noise, self.config.strokes, uniforms)
        return self.show(drawn.canvases, drawn.strokes.transpose(0, 1))


class Doodling(Judged):
    """Draws from noise alone."""

    @torch.no_grad()
    def sample(self, request: Request) -> Sample:
        """Doodles from noise. Raises ValueError for another size than the model's."""
        if request.tile:
            raise ValueError("tile is true, and drawings do not tile; leave it out")
        if request.size is not None and request.size != self.spec.picture[1:]:
            height, width = self.spec.picture[1:]
            tall, wide = request.size
            raise ValueError(f"size is {wide}x{tall} pixels, and this model draws {width}x{height}; leave it out")
        noises, uniforms = [], []
        for index in range(request.n):
            rng = request.rng(index)
            noises.append(torch.randn(self.config.noise, generator=rng) * request.temperature)
            uniforms.append(torch.rand(self.config.strokes, self.components, generator=rng))
        spare = -request.n % CHUNK  # always in chunks of one size, so that no drawing depends on how many there are
        noise = torch.stack(noises + noises[-1:] * spare).to(self.device)
        uniform = torch.stack(uniforms + uniforms[-1:] * spare, 1).to(self.device)
        parts = [
            self.draw(CHUNK, None, chosen, self.config.strokes, u)
            for chosen, u in zip(noise.split(CHUNK), uniform.split(CHUNK, 1), strict=True)
        ]
        drawn = Drawn(*(torch.cat(values, 1) for values in zip(*parts, strict=True)))
        return self.show(drawn.canvases[:, : request.n], drawn.strokes[:, : request.n].transpose(0, 1))


# ---------------------------------------------------------------- how it learns


class Pathwise(Painter):
    """Strokes of real numbers; the gradient goes through the brush."""

    components = 1

    @staticmethod
    def numbers(channels: int) -> int:
        """Two radii and two opacities; ink is white where pictures are grey."""
        return 4 + (channels if channels > 1 else 0)

    @staticmethod
    def choices(channels: int) -> tuple[int, ...]:  # noqa: ARG004
        return ()

    def draw(
        self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Float[Tensor, "T B A"]
    ) -> Drawn:
        (least, greatest), inset = self.config.radius, self.config.inset
        canvas, memory = self.masked(self.blank(count), target), self.policy.start(count, noise)
        canvases, laid, log_probs = [], [], []
        for step in range(strokes):
            # A stroke sees the canvas as it is: the gradient goes through what is painted, not through what is seen.
            seen, memory = self.policy.look(self.planes(canvas.detach(), target), memory)
            points, numbers, flag, log_prob = self.policy.stroke(seen, memory, uniforms[step, :, 0] if self.config.lift else None)
            radii = (least + (greatest - least) * numbers[:, :2]) * flag[:, None]
            opacity = self.config.opacity + (1 - self.config.opacity) * numbers[:, 2:4]
            colour = numbers[:, 4:] if numbers.shape[1] > 4 else torch.ones_like(numbers[:, :1])
            stroke = torch.cat([inset + (1 - 2 * inset) * points.flatten(1), radii, opacity, colour], 1)
            canvas = self.masked(paint(canvas, stroke[:, None]), target)
            canvases.append(canvas)
            laid.append(stroke)
            log_probs.append(log_prob)
        return Drawn(torch.stack(canvases), torch.stack(laid), torch.stack(log_probs))

    def losses(self, batch: Pictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The critic's, if there is one, and then the policy's: less what its canvases are worth. Reconstructions count after every
        stroke."""
        images, strokes = batch.images, self.config.strokes
        target, noise = self.goal(images, rng=rng)
        drawn = self.draw(len(images), target, noise, strokes, self.uniforms(strokes, len(images), rng))
        yield from self.criticise(images, drawn.canvases[-1].detach(), rng=rng)
        judged = drawn.canvases if self.critic is None else drawn.canvases[-1:]
        cost = -self.worth(judged, images).mean(0)
        value = cost.mean()
        if self.config.lift:  # the score function, with the batch's mean as its baseline
            value = value + ((cost - cost.mean()).detach() * drawn.log_prob.sum(0)).mean()
        yield Loss(value, "policy", len(images), self.log(drawn.canvases[-1], images))
        return None


def seen_by_all(episodes: SpiralEpisodes) -> Float[Tensor, "B C H W"]:
    return episodes.easel.screen.permute(0, 3, 1, 2).float() / 255


class PolicyGradient(Painter):
    """SPIRAL's actions in SPIRAL's environment, the canvas a black box; learned by PPO."""

    @staticmethod
    def numbers(channels: int) -> int:  # noqa: ARG004
        return 0

    @staticmethod
    def choices(channels: int) -> tuple[int, ...]:
        """Pressure, size, and for colour pictures red, green, blue."""
        return (PRESSURES, len(SIZES)) + (LEVELS,) * (channels if channels > 1 else 0)

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__(config, spec, rng=rng)
        self.components = 3 + len(self.choices(spec.picture[0]))

    def complete(self, actions: Tensor) -> Tensor:
        """The policy's actions as the environment's: a grey pen always paints white."""
        if self.spec.picture[0] > 1:
            return actions
        return torch.cat([actions, torch.full_like(actions[:, :1], LEVELS - 1)], 1)

    def begin_episodes(self, uniforms: Float[Tensor, "T B A"], strokes: int) -> SpiralEpisodes:
        """Blank canvases. The chance of a brush that has some is each row's own: a function of the row's random numbers."""
        count = uniforms.shape[1]
        channels, side, _ = self.spec.picture
        episodes = SpiralEpisodes(
            count,
            size=side,
            channels=channels,
            length=strokes,
            background=0.0,
            brush=self.config.brush,
            grid=self.policy.grid,
            sizes=SIZES,
            pressures=PRESSURES,
            levels=LEVELS,
            device=self.device,
        )
        if self.config.brush == "bezier":  # has no chance, and need not wait for the device
            rngs = [np.random.default_rng(0)] * count
        else:
            rngs = [np.random.default_rng(row.view(np.uint32)) for row in uniforms.transpose(0, 1).flatten(1).cpu().numpy()]
        episodes.begin(np.arange(count), rngs)
        return episodes

    def play(
        self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Float[Tensor, "T B A"]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Episodes played to their end: by name (T B ...) the canvases before and after, actions, log-probabilities and values; and
        the strokes."""
        episodes = self.begin_episodes(uniforms, strokes)
        canvas, memory = self.blank(count), self.policy.start(count, noise)
        played: dict[str, list[Tensor]] = {name: [] for name in ("before", "after", "action", "log_prob", "value")}
        for step in range(strokes):
            seen, memory = self.policy.look(self.planes(canvas, target), memory)
            action, log_prob, _ = self.policy.choose(seen, memory, uniforms=uniforms[step])
            episodes.step(self.complete(action))
            after = seen_by_all(episodes)
            row = (canvas, after, action, log_prob, self.policy.value(memory.h)[:, 0])
            for name, value in zip(played, row, strict=True):
                played[name].append(value)
            canvas = after
        return {name: torch.stack(values) for name, values in played.items()}, episodes.strokes.transpose(0, 1).clone()

    def draw(self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Tensor) -> Drawn:
        played, laid = self.play(count, target, noise, strokes, uniforms)
        return Drawn(played["after"], laid, played["log_prob"])

    def losses(self, batch: Pictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The critic's, if there is one, and then the policy's, one epoch and minibatch after another. A stroke's reward is what it
        adds to the canvas's worth: for doodles, the difference of the critic's scores."""
        config, images, count = self.config, batch.images, len(batch.images)
        target, noise = self.goal(images, rng=rng)
        with torch.no_grad():
            played, _ = self.play(count, target, noise, config.strokes, self.uniforms(config.strokes, count, rng))
        yield from self.criticise(images, played["after"][-1], rng=rng)
        with torch.no_grad():
            worth = self.worth(torch.cat([played["before"][:1], played["after"]]), images)
            rewards = worth[1:] - worth[:-1]
            advantage, returns = advantages(rewards, played["value"], gamma=config.gamma, lam=config.lam)
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        log = {"return": rewards.sum(0).mean()} | self.log(played["after"][-1], images)
        for _ in range(config.epochs):
            for rows in torch.randperm(count, device=self.device, generator=rng).chunk(config.minibatches):
                log_prob, entropy, value = self.replay(played, target, noise, rows)
                surrogate = clipped_surrogate(log_prob, played["log_prob"][:, rows], advantage[:, rows], clip=config.clip)
                regression = (value - returns[:, rows]).square().mean()
                yield Loss(surrogate + 0.5 * regression - config.entropy * entropy.mean(), "policy", len(rows), log)
        return None

    def replay(
        self, played: dict[str, Tensor], target: Tensor | None, noise: Tensor | None, rows: Tensor
    ) -> tuple[Float[Tensor, "T B"], Float[Tensor, "T B"], Float[Tensor, "T B"]]:
        """Log-probability, entropy and value of the actions that were played, by the policy as it is now."""
        memory = self.policy.start(len(rows), None if noise is None else noise[rows])
        goal = None if target is None else target[rows]
        found = []
        for canvas, action in zip(played["before"][:, rows], played["action"][:, rows], strict=True):
            seen, memory = self.policy.look(self.planes(canvas, goal), memory)
            _, log_prob, entropy = self.policy.choose(seen, memory, actions=action)
            found.append((log_prob, entropy, self.policy.value(memory.h)[:, 0]))
        log_probs, entropies, values = zip(*found, strict=True)
        return torch.stack(log_probs), torch.stack(entropies), torch.stack(values)


class Imitation(PolicyGradient):
    """SPIRAL's actions, foretold from what a teacher does on the same canvas: strokes of real numbers, each a move and a stroke."""

    def check(self, batch: Pictures) -> None:
        """Before anything is written; to be measured it needs none. Raises ValueError, as `find_teacher` does."""
        if self.training:
            self.find_teacher()

    @cached_property
    def teacher(self) -> tuple[Painter]:
        """In a tuple, so that its weights are not this model's."""
        return (self.find_teacher(),)

    def find_teacher(self) -> Painter:
        """Raises ValueError for one who paints something else."""
        from drawgen import models

        name = self.config.teacher
        teacher = models.load(name, device=str(self.device))
        if (
            not isinstance(teacher, Pathwise)
            or teacher.config.goal != self.config.goal
            or teacher.spec.picture != self.spec.picture
        ):
            raise ValueError(f"{name} is no painter that learned pathwise to {self.config.goal} at this size; take another teacher")
        if (2 * teacher.config.strokes, teacher.policy.noise) != (self.config.strokes, self.policy.noise):
            raise ValueError(
                f"{name} draws {teacher.config.strokes} strokes from {teacher.policy.noise} numbers of noise; set model.strokes "
                f"{2 * teacher.config.strokes} and model.noise {teacher.config.noise}"
            )
        return teacher

    def lesson(self, target: Tensor | None, noise: Tensor | None, count: int, rng: torch.Generator) -> dict[str, Tensor]:
        """What the teacher does, by name (T B ...): the actions, and the canvases before them."""
        (teacher,) = self.teacher
        strokes = teacher.config.strokes
        uniforms = teacher.uniforms(strokes, count, rng)
        actions = as_actions(teacher.draw(count, target, noise, strokes, uniforms).strokes, self.policy.grid)
        episodes = self.begin_episodes(uniforms, len(actions))
        before = []
        for action in actions:
            before.append(seen_by_all(episodes))
            episodes.step(action)
        return {"action": actions[:, :, : self.components], "before": torch.stack(before)}

    def losses(self, batch: Pictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """-log p of the teacher's actions, in nats a drawing."""
        count = len(batch.images)
        target, noise = self.goal(batch.images, rng=rng)
        with torch.no_grad():
            lesson = self.lesson(target, noise, count, rng)
        log_prob, _, _ = self.replay(lesson, target, noise, torch.arange(count, device=self.device))
        yield Loss(-log_prob.sum(0).mean(), "policy", count)
        return None


def as_actions(strokes: Float[Tensor, "T B P"], grid: int) -> Int64[Tensor, "U B A"]:
    """Strokes of real numbers as SPIRAL's actions, U = 2 T: a move to where each begins, and the stroke nearest to it; one of no
    width, which is one left out, is a move, too."""

    def cell(points: Tensor) -> Tensor:
        x, y = (points * grid).round().long().clamp(0, grid - 1).unbind(2)
        return y * grid + x

    start, control, end = (cell(strokes[..., first : first + 2]) for first in (0, 2, 4))
    radius, pressure = strokes[..., 6:8].mean(2), strokes[..., 8:10].mean(2)
    size = (radius[..., None] - radius.new_tensor(SIZES)).abs().argmin(2)
    pressed = (pressure * PRESSURES).round().long().clamp(1, PRESSURES) - 1
    colour = (strokes[..., len(COLUMNS) :] * (LEVELS - 1)).round().long().clamp(0, LEVELS - 1)
    none, laid = torch.zeros_like(end), (radius > 0).long()
    move = torch.stack([none, start, none, none, none], 2)
    paints = torch.stack([control, end, laid, pressed, size], 2)
    both = torch.stack([torch.cat([move, torch.zeros_like(colour)], 2), torch.cat([paints, colour], 2)], 1)
    return both.flatten(0, 1)


class PathwiseReconstructor(Reconstructing, Pathwise):
    """Learning to Paint's way: a picture, and the gradient of its error."""

    def polish(
        self,
        strokes: Float[Tensor, "B T P"],
        images: Float[Tensor, "B C H W"],
        steps: int,
        *,
        progress: Callable[[float], None] | None = None,
    ) -> Sample:
        """The pictures by these strokes, improved by gradient descent."""
        config = self.config
        strokes = polish(
            strokes, images, steps, radius=config.radius, opacity=config.opacity, inset=config.inset, progress=progress
        )
        canvases = [self.blank(len(images))]
        for stroke in strokes.unbind(1):
            canvases.append(paint(canvases[-1], stroke[:, None]))
        return self.show(torch.stack(canvases[1:]), strokes)


class PolicyGradientReconstructor(Reconstructing, PolicyGradient):
    """SPIRAL with a target: a picture, and rewards."""


class PathwiseCompleter(Completing, Pathwise):
    """A generator of the other half."""


class ImitatingReconstructor(Reconstructing, Imitation):
    """Learns SPIRAL's actions from a teacher that paints after pictures."""


class ImitatingDoodler(Doodling, Imitation):
    """Learns SPIRAL's actions from a teacher that doodles."""


class PathwiseDoodler(Doodling, Pathwise):
    """A generator of drawings whose last layer is a brush."""


class PolicyGradientDoodler(Doodling, PolicyGradient):
    """SPIRAL."""


PAINTERS = {
    ("reconstruct", "pathwise"): PathwiseReconstructor,
    ("reconstruct", "policy-gradient"): PolicyGradientReconstructor,
    ("reconstruct", "imitation"): ImitatingReconstructor,
    ("doodle", "imitation"): ImitatingDoodler,
    ("complete", "pathwise"): PathwiseCompleter,
    ("doodle", "pathwise"): PathwiseDoodler,
    ("doodle", "policy-gradient"): PolicyGradientDoodler,
}


CHARACTERS = Standard(name="omniglot", side_px=32, batch=32, warp=1.0)
DIGITS = Standard(name="mnist", side_px=32, batch=32)
FIT = Fit(minutes=15.0, rate=1e-3, warmup=100, decay=1.0, clip=1.0, ema=0.995, valid_steps=500)
DOODLE = Config(goal="doodle", strokes=6, noise=32, inset=0.08)

PRESETS: dict[str, Recipe] = {
    "characters": Recipe(
        model=Config(),
        data=CHARACTERS,
        fit=FIT,
        about="Characters of Omniglot in 8 strokes at 32x32, pathwise. Measured (seed 0, 5,000 steps, 29 CPU minutes of a "
        "busy Xeon, an alphabet left out): .264 of a blank canvas's squared error after 8 strokes on "
        "drawings held out, .285 on the alphabet never seen; .050 after 50 steps of polish.",
    ),
    "digits": Recipe(
        model=Config(strokes=5),
        data=DIGITS,
        fit=FIT,
        about="MNIST's digits in 5 strokes at 32x32, pathwise. Measured (seed 0, 2,500 steps, 10 minutes on a busy Xeon): "
        ".115 of a blank canvas's squared error after 5 strokes on digits held out.",
    ),
    "sketches": Recipe(
        model=Config(strokes=12),
        data=Strokes(batch=32, side_px=32),
        fit=FIT,
        about="People's own drawings (QuickDraw, sketch-rnn's files, Omniglot's strokes) in 12 strokes at 32x32, pathwise. Not "
        "trained here.",
    ),
    "characters-ppo": Recipe(
        model=Config(learn="policy-gradient"),
        data=replace(CHARACTERS, batch=64),
        fit=replace(FIT, rate=5e-4),
        about="Characters in 8 strokes by PPO, the canvas a black box. Measured after 120 batches (61,000 strokes, nine minutes on "
        "a third of a core): .65 of a blank canvas's squared error after 8 strokes on drawings held out.",
    ),
    "doodles": Recipe(
        model=DOODLE,
        data=DIGITS,
        fit=replace(FIT, minutes=10.0, rate=3e-4, decay=0.2, valid_steps=0),
        about="Digits from noise in 6 strokes, against a critic, pathwise. Measured (seed 0, --fit.steps 10000, 55 CPU minutes of "
        "a busy Xeon): to a classifier of 99.14 %, 70 % of the drawings are a digit with a "
        "probability of .9 or more (of real ones, 96 %), all ten digits among them; 38 % after 3,000 steps.",
    ),
    "doodles-imitation": Recipe(
        model=replace(DOODLE, learn="imitation", teacher="painter:doodles", strokes=12),
        data=replace(DIGITS, batch=64),
        fit=replace(FIT, minutes=10.0, valid_steps=0),
        about="The doodles of a painter that learned pathwise as SPIRAL's actions, on any canvas: a start for doodles-ppo. "
        "Measured (seed 0, 500 steps, 18 minutes on half a core, libmypaint's classic/ink_blot, a teacher of 5,300 steps): 9 % "
        "confident digits.",
    ),
    "doodles-ppo": Recipe(
        model=replace(DOODLE, learn="policy-gradient", strokes=12, gamma=1.0),
        data=replace(DIGITS, batch=64),
        fit=replace(FIT, rate=3e-4, decay=0.2),
        about="Digits from noise, against a critic, by PPO on the differences of its scores. Measured (seed 0, 150 "
        "steps at a rate of 1e-4 from doodles-imitation's weights, 10 minutes on half a core, libmypaint's classic/ink_blot): 22 % "
        "confident digits.",
    ),
    "completion": Recipe(
        model=replace(DOODLE, goal="complete", strokes=4),
        data=DIGITS,
        fit=replace(FIT, minutes=10.0, rate=3e-4, decay=0.2, valid_steps=0),
        about="The right half of a digit whose left half is given, in 4 strokes, against a critic that sees both. Measured (seed "
        "0, 3,000 steps, 15 CPU minutes of a busy Xeon): to a classifier, 72 % of the test part's digits are again what they "
        "were (16 % from the half alone).",
    ),
    "tiny": Recipe(
        model=Config(strokes=3, units=16, width=4),
        data=Rectangles(batch=4, count=32, side_px=16),
        fit=Fit(steps=4, warmup=2),
        about="Trains in seconds on a CPU, on rectangles that it makes itself: for tests, and for a first look.",
    ),
}
