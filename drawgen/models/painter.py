"""A recurrent painter that acts on a canvas (Ganin et al. 2018, "Synthesizing Programs for Images using Reinforced Adversarial
Learning": SPIRAL; Mellor et al. 2019: SPIRAL++; the gradient through the brush as in Huang et al. 2019, "Learning to Paint").

Axes: B pictures, C channels, H rows, W columns, T strokes, P numbers of a stroke, A components of an action, U units.

At each step the painter looks at the canvas (and at the picture it is to paint, where there is one), and lays one stroke. What it is
for is its goal, and how it learns is another matter:

    goal   reconstruct: the squared error on a pyramid of resolutions, after every stroke
           doodle: a critic that tells drawings of the data from its own (WGAN-GP), from noise and without a target
    learn  pathwise: the gradient goes through the brush; only the flag that lifts the pen learns by its score function
           policy-gradient: the canvas is a black box, an environment of SPIRAL's actions, any brush; PPO on the decrease of the
           error, or on the differences of the critic's scores (SPIRAL++'s temporal credit)
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Loss, Player, Recipe, Request, Sample, Spec, State, Totals
from drawgen.data.digits import Rectangles
from drawgen.data.pictures import Pictures
from drawgen.data.standard import Standard
from drawgen.nn.policy import Critic, Memory, Policy, gradient_penalty
from drawgen.policy_gradient import advantages, clipped_surrogate
from drawgen.train import Fit
from drawgen_envs.brush import paint
from drawgen_envs.episodes import SpiralEpisodes

CHUNK = 16
"""Drawings sampled at once."""
COUNTS = (5, 8, 10, 20)
"""Strokes after which a painting is measured."""
DARK = 1e-3
"""Added to the error of a blank canvas, so that an empty picture does not weigh without bound."""
SIZES = (1 / 32, 1.5 / 32, 2.5 / 32)
"""Radii of the black box's pen, as shares of the side."""
PRESSURES, LEVELS = 4, 2


@dataclass(frozen=True, kw_only=True)
class Config:
    """A recurrent painter."""

    goal: str = "reconstruct"
    """`reconstruct` paints after a picture; `doodle` draws from noise, judged by a critic."""
    learn: str = "pathwise"
    """`pathwise`: through the brush. `policy-gradient`: by PPO, the canvas a black box."""
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
    lift: bool = False
    """Pathwise: whether strokes may be left out; learned by the flag's score function."""
    brush: str = "bezier"
    """Policy gradient: `bezier`, or `mypaint:NAME` where libmypaint is installed."""
    critic_width: int = 32
    """Features of the critic's first convolution."""
    critic_steps: int = 2
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
        for name, known in (("goal", ("reconstruct", "doodle")), ("learn", ("pathwise", "policy-gradient"))):
            if getattr(self, name) not in known:
                raise ValueError(f"model.{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}")
        least = {"strokes": 1, "units": 1, "width": 1, "critic_width": 1, "critic_steps": 1, "epochs": 1, "minibatches": 1, "noise": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"model.{name} is {getattr(self, name)}; it has to be at least {value}")
        if self.goal == "doodle" and not self.noise:
            raise ValueError("model.noise is 0; a doodle starts from noise, give some 32 numbers")
        if not 0 < self.radius[0] <= self.radius[1] <= 1:
            raise ValueError(f"model.radius is {self.radius}; it is the least and the greatest, above 0 and at most 1")
        for name in ("opacity", "gamma", "lam"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"model.{name} is {getattr(self, name)}; it has to lie between 0 and 1")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Painter":
        learner = Pathwise if self.learn == "pathwise" else PolicyGradient
        return learner(self, spec, rng=rng)


class Drawn(NamedTuple):
    """Drawings, stroke by stroke."""

    canvases: Float[Tensor, "T B C H W"]
    strokes: Float[Tensor, "T B P"]
    log_prob: Float[Tensor, " B"]
    """Of the flags."""


def pyramid(canvas: Float[Tensor, "*N C H W"], target: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N"]:
    """Mean squared errors at the picture's size, a half, a quarter and an eighth of it, added up."""
    error = canvas - target
    flat = error.flatten(0, -4)
    total = flat.square().mean((1, 2, 3))
    for _ in range(3):
        flat = F.avg_pool2d(flat, 2)
        total = total + flat.square().mean((1, 2, 3))
    return total.view(error.shape[:-3])


def squared(canvas: Float[Tensor, "*N C H W"], target: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N"]:
    return (canvas - target).square().mean((-3, -2, -1))


class Painter(nn.Module):
    """What all painters share: a policy, a blank canvas (0; ink is 1), and for doodles a critic."""

    choices: tuple[int, ...] = ()
    numbers = 0

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        channels, height, width = spec.image
        if height != width:
            raise ValueError(f"the painter learns on square pictures, and these are {width}x{height}; cut them square")
        self.config, self.spec = config, spec
        planes = channels if config.goal == "doodle" else 3 * channels
        self.policy = Policy(
            planes,
            height,
            width=config.width,
            units=config.units,
            noise=config.noise if config.goal == "doodle" else 0,
            numbers=self.numbers,
            choices=self.choices,
            rng=rng,
        )
        self.critic = Critic(channels, height, config.critic_width, rng=rng) if config.goal == "doodle" else None

    def players(self) -> dict[str, Player]:
        players = {"policy": Player([Group(list(self.policy.parameters()))])}
        if self.critic is not None:
            players["critic"] = Player([Group(list(self.critic.parameters()))], betas=(0.5, 0.9), clip=1e3)
        return players

    @property
    def device(self) -> torch.device:
        return self.policy.flag.weight.device

    def blank(self, count: int) -> Float[Tensor, "B C H W"]:
        return torch.zeros(count, *self.spec.image, device=self.device)

    def planes(self, canvas: Float[Tensor, "B C H W"], target: Float[Tensor, "B C H W"] | None) -> Tensor:
        """What the policy looks at."""
        return canvas if target is None else torch.cat([canvas, target, target - canvas], 1)

    def wish(self, count: int, rng: torch.Generator) -> Tensor | None:
        """The noise that doodles start from."""
        if self.config.goal != "doodle":
            return None
        return torch.randn(count, self.config.noise, device=self.device, generator=rng)

    def criticise(self, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Iterator[Loss]:
        """The critic's losses: it is stepped between them."""
        assert self.critic is not None
        for _ in range(self.config.critic_steps):
            gap = self.critic(fake).mean() - self.critic(real).mean()
            penalty = gradient_penalty(self.critic, real, fake, rng=rng)
            yield Loss(gap + self.config.penalty * penalty, "critic", len(real), {"critic_gap": gap.detach()})

    # ---------------------------------------------------------------- what the two ways to learn differ in

    def draw(self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Tensor) -> Drawn:
        raise NotImplementedError

    # ---------------------------------------------------------------- measuring and pictures

    @property
    def components(self) -> int:
        """Random numbers that a stroke takes."""
        return 1

    def uniforms(self, strokes: int, count: int, rng: torch.Generator) -> Float[Tensor, "T B A"]:
        return torch.rand(strokes, count, self.components, device=self.device, generator=rng)

    @torch.no_grad()
    def measure(self, batch: Pictures, *, rng: torch.Generator) -> Totals:
        """Reconstructing: `l2_08`, the mean squared error after 8 strokes (5, 10, 20 too), and `share_08`, that as a share of a blank
        canvas's. Doodling: how much higher the critic scores the data than drawings."""
        images, count = batch.images, float(len(batch.images))
        if self.critic is not None:
            drawn = self.draw(len(images), None, self.wish(len(images), rng), self.config.strokes, self.uniforms(self.config.strokes, len(images), rng))
            return {"critic_gap": ((self.critic(images) - self.critic(drawn.canvases[-1])).sum(), count)}
        most = max(COUNTS)
        drawn = self.draw(len(images), images, None, most, self.uniforms(most, len(images), rng))
        totals: Totals = {}
        blank = squared(self.blank(len(images)), images).sum()
        for strokes in COUNTS:
            error = squared(drawn.canvases[strokes - 1], images).sum()
            totals[f"l2_{strokes:02d}"] = (error, count)
            totals[f"share_{strokes:02d}"] = (error, float(blank))
        return totals

    def show(self, drawn: Drawn) -> Sample:
        def frames(count: int) -> Iterator[Tensor]:
            steps = torch.linspace(0, len(drawn.canvases) - 1, min(count, len(drawn.canvases))).round().long()
            return iter(drawn.canvases[steps].clamp(0, 1))

        return Sample(drawn.canvases[-1].clamp(0, 1), frames, strokes=drawn.strokes.transpose(0, 1))

    @torch.no_grad()
    def sample(self, request: Request) -> Sample:
        """Doodles from noise. Raises ValueError where the model paints after pictures, and for another size than its own."""
        if self.critic is None:
            raise ValueError("this painter paints after a picture; give it one: drawgen reconstruct")
        if request.tile:
            raise ValueError("drawings do not tile; leave --tile out")
        if request.size is not None and request.size != self.spec.image[1:]:
            raise ValueError(f"this model draws {self.spec.image[2]}x{self.spec.image[1]} pixels; leave --size out")
        noises, uniforms = [], []
        for index in range(request.n):
            rng = request.rng(index)
            noises.append(torch.randn(self.config.noise, generator=rng) * request.temperature)
            uniforms.append(torch.rand(self.config.strokes, self.components, generator=rng))
        spare = -request.n % CHUNK  # always in chunks of one size, so that no drawing depends on how many there are
        noise = torch.stack(noises + noises[-1:] * spare).to(self.device)
        uniform = torch.stack(uniforms + uniforms[-1:] * spare, 1).to(self.device)
        parts = [
            self.draw(CHUNK, None, part, self.config.strokes, u)
            for part, u in zip(noise.split(CHUNK), uniform.split(CHUNK, 1), strict=True)
        ]
        canvases, strokes = torch.cat([p.canvases for p in parts], 1), torch.cat([p.strokes for p in parts], 1)
        return self.show(Drawn(canvases[:, : request.n], strokes[:, : request.n], parts[0].log_prob))

    @torch.no_grad()
    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample:
        """The pictures, painted. Raises ValueError for a painter of doodles."""
        if self.critic is not None:
            raise ValueError("this painter doodles from noise and takes no picture; use drawgen sample")
        uniforms = self.uniforms(self.config.strokes, len(images), rng)
        return self.show(self.draw(len(images), images, None, self.config.strokes, uniforms))


# ---------------------------------------------------------------- through the brush


class Pathwise(Painter):
    """Strokes of real numbers, and the gradient goes through the brush."""

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        self.numbers = 4 + (spec.image[0] if spec.image[0] > 1 else 0)  # two radii, two opacities; ink is white where pictures are grey
        super().__init__(config, spec, rng=rng)

    def draw(
        self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Float[Tensor, "T B A"]
    ) -> Drawn:
        least, greatest = self.config.radius
        canvas, memory = self.blank(count), self.policy.start(count, noise)
        canvases, laid, log_prob = [], [], canvas.new_zeros(count)
        for step in range(strokes):
            # A stroke sees the canvas as it is: the gradient goes through what is painted, not through what is seen.
            seen, memory = self.policy.look(self.planes(canvas.detach(), target), memory)
            uniform = uniforms[step, :, 0] if self.config.lift else None
            points, numbers, flag, log_p = self.policy.stroke(seen, memory, uniform)
            radii = (least + (greatest - least) * numbers[:, :2]) * flag[:, None]
            opacity = self.config.opacity + (1 - self.config.opacity) * numbers[:, 2:4]
            colour = numbers[:, 4:] if numbers.shape[1] > 4 else torch.ones_like(numbers[:, :1])
            stroke = torch.cat([points.flatten(1), radii, opacity, colour], 1)
            canvas = paint(canvas, stroke[:, None])
            canvases.append(canvas)
            laid.append(stroke)
            log_prob = log_prob + log_p
        return Drawn(torch.stack(canvases), torch.stack(laid), log_prob)

    def losses(self, batch: Pictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        images = batch.images
        uniforms = self.uniforms(self.config.strokes, len(images), rng)
        target = None if self.critic is not None else images
        drawn = self.draw(len(images), target, self.wish(len(images), rng), self.config.strokes, uniforms)
        if self.critic is not None:
            yield from self.criticise(images, drawn.canvases[-1].detach(), rng=rng)
            cost = -self.critic(drawn.canvases[-1])
            log = {"score": -cost.mean().detach()}
        else:
            blank = pyramid(self.blank(len(images)), images)
            cost = (pyramid(drawn.canvases, images.expand_as(drawn.canvases)) / (blank + DARK)).mean(0)
            error, whole = squared(drawn.canvases[-1].detach(), images).sum(), images.square().mean((1, 2, 3)).sum()
            log = {"share": error / (whole + DARK)}
        value = cost.mean()
        if self.config.lift:  # the score function, with the batch's mean as its baseline
            value = value + ((cost.detach() - cost.detach().mean()) * drawn.log_prob).mean()
        yield Loss(value, "policy", len(images), log)
        return None


# ---------------------------------------------------------------- the canvas as a black box


class PolicyGradient(Painter):
    """SPIRAL's actions in SPIRAL's environment, learned by PPO; the brush may be any."""

    choices = (PRESSURES, len(SIZES))

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        if spec.image[0] > 1:
            self.choices = (*self.choices, LEVELS**2, LEVELS**2, LEVELS**2)
        super().__init__(config, spec, rng=rng)
        self.easels: dict[int, SpiralEpisodes] = {}

    @property
    def components(self) -> int:
        return 3 + len(self.choices)

    def episodes(self, count: int, strokes: int) -> SpiralEpisodes:
        """Paintings begun: a blank canvas each."""
        channels, side, _ = self.spec.image
        found = self.easels.get(count)
        if found is None or found.length < strokes:
            found = self.easels[count] = SpiralEpisodes(
                count,
                size=side,
                channels=channels,
                length=strokes,
                background=0.0,
                brush=self.config.brush,
                grid=self.policy.grid,
                sizes=SIZES,
                pressures=PRESSURES,
                levels=LEVELS**2,
                device=self.device,
            )
        return found

    def rollout(
        self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Float[Tensor, "T B A"]
    ) -> dict[str, Tensor]:
        """Episodes played to their end, all steps stacked (T B ...): canvases before and after, actions, log-probabilities, values."""
        import numpy as np

        episodes = self.episodes(count, strokes)
        episodes.begin(np.ones(count, bool), [np.random.default_rng(0)] * count)
        memory = self.policy.start(count, noise)
        played: dict[str, list[Tensor]] = {name: [] for name in ("before", "after", "action", "log_prob", "value", "h", "c")}
        canvas = self.blank(count)
        for step in range(strokes):
            seen, now = self.policy.look(self.planes(canvas, target), memory)
            action, log_prob, _ = self.policy.choose(seen, now, uniforms=uniforms[step])
            episodes.step(self.complete(action))
            after = self.picture(episodes)
            row = (canvas, after, action, log_prob, self.policy.value(now.h)[:, 0], *memory)
            for name, value in zip(played, row, strict=True):
                played[name].append(value)
            canvas, memory = after, now
        stacked = {name: torch.stack(values) for name, values in played.items()}
        return stacked | {"strokes": episodes.strokes[:, :strokes].transpose(0, 1).clone()}

    def complete(self, action: Tensor) -> Tensor:
        """The policy's action as the environment's: a grey pen always paints white."""
        if self.spec.image[0] > 1:
            return action
        return torch.cat([action, torch.full_like(action[:, :1], LEVELS**2 - 1)], 1)

    def picture(self, episodes: SpiralEpisodes) -> Float[Tensor, "B C H W"]:
        return episodes.easel.screen.permute(0, 3, 1, 2).float() / 255

    def draw(self, count: int, target: Tensor | None, noise: Tensor | None, strokes: int, uniforms: Tensor) -> Drawn:
        played = self.rollout(count, target, noise, strokes, uniforms)
        return Drawn(played["after"], played["strokes"], played["log_prob"].sum(0))

    def losses(self, batch: Pictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        config, images = self.config, batch.images
        count = len(images)
        target = None if self.critic is not None else images
        noise = self.wish(count, rng)
        with torch.no_grad():
            played = self.rollout(count, target, noise, config.strokes, self.uniforms(config.strokes, count, rng))
        if self.critic is not None:
            yield from self.criticise(images, played["after"][-1], rng=rng)
        rewards = self.rewards(played, images)
        advantage, returns = advantages(rewards, played["value"], gamma=config.gamma, lam=config.lam)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        log = {"return": rewards.sum(0).mean()}
        if self.critic is None:
            log["share"] = squared(played["after"][-1], images).sum() / (images.square().mean((1, 2, 3)).sum() + DARK)
        for _ in range(config.epochs):
            for rows in torch.randperm(count, device=self.device, generator=rng).chunk(config.minibatches):
                log_prob, entropy, value = self.replay(played, target, noise, rows)
                surrogate = clipped_surrogate(log_prob, played["log_prob"][:, rows], advantage[:, rows], clip=config.clip)
                regression = (value - returns[:, rows]).square().mean()
                yield Loss(surrogate + 0.5 * regression - config.entropy * entropy.mean(), "policy", len(rows), log)
        return None

    @torch.no_grad()
    def rewards(self, played: dict[str, Tensor], images: Tensor) -> Float[Tensor, "T B"]:
        """What each stroke gained: in squared error, as a share of the blank canvas's; or in the critic's eyes."""
        if self.critic is not None:
            canvases = torch.cat([played["before"][:1], played["after"]])
            scores = self.critic(canvases.flatten(0, 1)).view(canvases.shape[:2])
            return scores[1:] - scores[:-1]
        gain = pyramid(played["before"], images.expand_as(played["before"])) - pyramid(played["after"], images.expand_as(played["after"]))
        return gain / (pyramid(self.blank(len(images)), images) + DARK)

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


CHARACTERS = Standard(name="omniglot", side_px=32, batch=32, warp=1.0)
DIGITS = Standard(name="mnist", side_px=32, batch=32)
FIT = Fit(minutes=15.0, rate=1e-3, warmup=100, decay=1.0, clip=1.0, ema=0.995, valid_steps=500)
DOODLE = Config(goal="doodle", strokes=6, noise=32, lift=True)

PRESETS: dict[str, Recipe] = {
    "characters": Recipe(
        model=Config(),
        data=CHARACTERS,
        fit=FIT,
        about="Characters of Omniglot in 8 strokes at 32x32, pathwise.",
    ),
    "digits": Recipe(
        model=Config(strokes=5),
        data=DIGITS,
        fit=FIT,
        about="MNIST's digits in 5 strokes at 32x32, pathwise.",
    ),
    "characters-ppo": Recipe(
        model=Config(learn="policy-gradient"),
        data=replace(CHARACTERS, batch=64),
        fit=replace(FIT, rate=5e-4),
        about="Characters in 8 strokes by PPO, the canvas a black box.",
    ),
    "doodles": Recipe(
        model=DOODLE,
        data=replace(DIGITS, batch=64),
        fit=replace(FIT, minutes=10.0, rate=3e-4, decay=0.2),
        about="Digits from noise in 6 strokes, against a critic, pathwise.",
    ),
    "doodles-ppo": Recipe(
        model=replace(DOODLE, learn="policy-gradient", gamma=1.0),
        data=replace(DIGITS, batch=64),
        fit=replace(FIT, rate=3e-4, decay=0.2),
        about="Digits from noise, against a critic, by PPO on the differences of its scores.",
    ),
    "tiny": Recipe(
        model=Config(strokes=3, units=16, width=4),
        data=Rectangles(batch=4, count=32, side_px=16),
        fit=Fit(steps=4, warmup=2),
        about="Trains in seconds on a CPU, on rectangles that it makes itself: for tests, and for a first look.",
    ),
}
