"""A recurrent painter that acts on a canvas (Ganin et al. 2018, "Synthesizing Programs for Images using Reinforced Adversarial
Learning": SPIRAL; Mellor et al. 2019: SPIRAL++; the gradient through the brush as in Huang et al. 2019, "Learning to Paint").

Axes: B pictures, C channels, H rows, W columns, T strokes, P numbers of a stroke.

At each step the painter sees the canvas (and the target picture, if there is one) and adds one stroke. It is composed of a goal
(`drawgen/nn/painting_goals.py`) and a way to learn (`drawgen/nn/painting_ways.py`):

    goal   reconstruct: the squared error on a pyramid of resolutions, after every stroke
           doodle: drawings from noise, without a target, against a critic (WGAN-GP)
           complete: half a picture is given; the critic judges it together with the half that the painter adds (SPIRAL++'s
           complement critic)
    learn  pathwise: the gradient flows through the brush; only the flag that lifts the pen learns by its score function
           policy-gradient: the canvas is a black box, an environment with SPIRAL's actions and any brush; PPO on the decrease of
           the error, or on the differences of the critic's scores (SPIRAL++'s temporal credit assignment)
           imitation: the same actions on the same canvas, by behaviour cloning of a painter that learned pathwise
           people: behaviour cloning of people's own strokes, and pathwise besides

`PAINTERS` lists the pairs that exist, each with its verbs.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from drawgen_envs.brush import paint
from jaxtyping import Float
from torch import Tensor, nn

from drawgen.contract import Group, Loss, Player, Recipe, Request, Sample, Spec, State, Totals
from drawgen.data.digits import Rectangles
from drawgen.data.pictures import Crops, Pictures, check_shape
from drawgen.data.standard import Standard
from drawgen.data.strokes import DrawnPictures, Strokes
from drawgen.nn.painting_goals import HALVES, Completion, Doodle, Goal, Reconstruction, Subject
from drawgen.nn.painting_ways import Imitation, Learning, Painted, Pathwise, People, PolicyGradient
from drawgen.nn.policy import Critic, Policy
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.strokes.polishing import polish
from drawgen.training import Fit

CHUNK = 16
"""Drawings sampled at once."""
GOALS: dict[str, type[Goal]] = {"reconstruct": Reconstruction, "doodle": Doodle, "complete": Completion}
WAYS: dict[str, type[Learning]] = {
    "pathwise": Pathwise,
    "policy-gradient": PolicyGradient,
    "imitation": Imitation,
    "people": People,
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """A recurrent painter."""

    goal: str = "reconstruct"
    """`reconstruct` paints a given picture; `doodle` draws from noise, against a critic; `complete` draws the other half."""
    learn: str = "pathwise"
    """`pathwise`: by the gradient through the brush. `policy-gradient`: by PPO; the canvas is a black box. `imitation`: by
    behaviour cloning of a teacher, on the same canvas. `people`: by behaviour cloning of people's strokes, as `data.strokes` gives
    them, and by the gradient through the brush (`pixels`)."""
    pixels: float = 1.0
    """People: weight of the error of the painter's own canvases; 0 is imitation alone."""
    teacher: str = ""
    """Imitation: the model folder (or MODEL:NAME) of a painter with the same goal that learned pathwise. It has half as many
    strokes, because each of its strokes becomes a move and a stroke."""
    strokes: int = 8
    """Strokes of a drawing."""
    units: int = 256
    """Units of the LSTM."""
    width: int = 32
    """Features of the first convolution."""
    noise: int = 0
    """Doodle and complete: dimensions of the noise that a drawing starts from."""
    radius: tuple[float, float] = (0.03, 0.08)
    """Smallest and largest radius of a stroke, as fractions of the side. If the smallest is too small, strokes become invisible."""
    opacity: float = 0.3
    """Smallest opacity of a stroke."""
    given: str = "left"
    """Complete: the half that is given: left, right, top or bottom."""
    inset: float = 0.0
    """Pathwise: distance that a stroke's points keep from the edge, as a fraction of the side. Without it a painter trained against
    a critic moves strokes off the canvas, where they have no gradient."""
    lift: bool = False
    """Pathwise: whether strokes may be left out (pen up); learned by the flag's score function."""
    fitted: bool = False
    """Pathwise, after a picture: whether the first stroke covers the canvas, and each has the colour that suits the picture under
    it best. Otherwise the policy begins on black, and chooses colours."""
    brush: str = "bezier"
    """Policy gradient and imitation: `bezier`, or `mypaint:NAME` where libmypaint is installed."""
    critic_width: int = 32
    """Features of the critic's first convolution."""
    critic_steps: int = 3
    """Steps of the critic per step of the painter."""
    penalty: float = 10.0
    """Weight of the critic's gradient penalty."""
    epochs: int = 3
    """Policy gradient: passes over each batch."""
    minibatches: int = 4
    """Policy gradient: minibatches per batch."""
    clip: float = 0.2
    """Policy gradient: largest change of the probability ratio from 1 (PPO's epsilon)."""
    entropy: float = 0.01
    """Policy gradient: weight of the entropy bonus."""
    gamma: float = 0.95
    """Policy gradient: discount factor."""
    lam: float = 0.9
    """Policy gradient: GAE's lambda."""

    def __post_init__(self) -> None:
        check_choice("model.goal", self.goal, GOALS)
        check_choice("model.learn", self.learn, WAYS)
        check_choice("model.given", self.given, HALVES)
        check_fields(
            self, "model", "strokes", "units", "width", "critic_width", "critic_steps", "epochs", "minibatches", at_least=1
        )
        check_fields(self, "model", "noise", "pixels", "penalty", "clip", "entropy", at_least=0)
        check_fields(self, "model", "inset", at_least=0, below=0.5)
        check_fields(self, "model", "opacity", "gamma", "lam", at_least=0, at_most=1)
        check_fields(self, "model", "radius", above=0, at_most=1)
        if self.radius[0] > self.radius[1]:
            raise ArgumentError("model.radius", f"is {self.radius}; the smallest comes first, then the largest")
        if self.fitted and (self.goal, self.learn) != ("reconstruct", "pathwise"):
            raise ArgumentError("model.fitted", "is for painters that learn pathwise to reconstruct; leave it out")
        if self.fitted and self.strokes < 2:
            raise ArgumentError("model.strokes", "is 1, and with `model.fitted` that only covers the canvas; give 2 or more")
        if self.goal != "reconstruct" and not self.noise:
            raise ArgumentError("model.noise", f"is 0; to {self.goal} starts from noise, give about 32 numbers")
        if (self.goal, self.learn) not in PAINTERS:
            raise ArgumentError("model.learn", f"is {self.learn!r}, which does not learn to {self.goal}; make it pathwise")
        if (self.learn == "imitation") != bool(self.teacher):
            raise ValueError(
                f"model.learn is {self.learn} and model.teacher {self.teacher!r}; imitation needs a teacher, no other does"
            )

    def published(self) -> "Config":
        """The config as a model folder stores it, without paths (of its teacher, of a brush's file)."""
        kind, _, brush = self.brush.partition(":")
        brush = f"{kind}:{Path(brush).name}" if brush.endswith(".myb") else self.brush
        return replace(self, teacher=Path(self.teacher).name, brush=brush)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Painter":
        return PAINTERS[self.goal, self.learn](self, spec, rng=rng)


class Painter(nn.Module):
    """A policy with a goal and a way to learn, and a critic if the goal has one. Blank canvases are 0; ink is 1."""

    critic: Critic | None

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        channels, height, width = spec.picture
        if height != width:
            raise ValueError(f"the painter learns on square pictures, and these are {width}x{height}; cut them square")
        self.config, self.spec = config, spec
        self.ink, self.binary = channels == 1, False  # light on black, cut out of a person's photographs
        judged = config.goal != "reconstruct"
        goal, way = GOALS[config.goal], WAYS[config.learn]
        own = 1 if config.fitted else channels  # a fitted colour is no number of the policy's
        self.policy = Policy(
            goal.planes(channels) + way.planes, height, width=config.width, units=config.units, noise=config.noise if judged else 0,
            numbers=way.numbers(own), choices=way.choices(channels), rng=rng,
        )  # fmt: skip
        self.critic = Critic(channels, height, config.critic_width, rng=rng) if judged else None
        self.goal = self.make_goal()
        self.learning = self.make_learning()

    def make_goal(self) -> Goal:
        config, critic = self.config, self.critic
        if critic is None:
            return Reconstruction(on_mean=config.fitted)
        if config.goal == "doodle":
            return Doodle(critic=critic, noise=config.noise, critic_steps=config.critic_steps, penalty=config.penalty)
        return Completion(
            critic=critic, noise=config.noise, critic_steps=config.critic_steps, penalty=config.penalty, given=config.given
        )

    def make_learning(self) -> Learning:
        config, policy, goal, image = self.config, self.policy, self.goal, self.spec.picture
        if config.learn == "pathwise":
            return Pathwise(
                policy, goal, image, radius=config.radius, opacity=config.opacity, inset=config.inset, lift=config.lift,
                fitted=config.fitted,
            )  # fmt: skip
        if config.learn == "people":
            return People(
                policy, goal, image, radius=config.radius, opacity=config.opacity, inset=config.inset, lift=config.lift,
                pixels=config.pixels,
            )  # fmt: skip
        if config.learn == "policy-gradient":
            return PolicyGradient(
                policy, goal, image, brush=config.brush, epochs=config.epochs, minibatches=config.minibatches, clip=config.clip,
                entropy=config.entropy, gamma=config.gamma, lam=config.lam,
            )  # fmt: skip
        return Imitation(policy, goal, image, brush=config.brush, find_teacher=partial(find_teacher, config, self.spec))

    def players(self) -> dict[str, Player]:
        if self.critic is None:
            return {"policy": Player([Group(list(self.policy.parameters()))])}
        # The painter follows the critic slowly and without momentum: after too large a step, strokes have no gradient any more.
        return {
            "policy": Player([Group(list(self.policy.parameters()), rate=0.3)], betas=(0.0, 0.9)),
            "critic": Player([Group(list(self.critic.parameters()))], betas=(0.0, 0.9), clip=1e3),
        }

    def check(self, batch: Pictures | DrawnPictures) -> None:
        """Raises ValueError for pictures of another size, and for a teacher that cannot be loaded; evaluation needs none."""
        check_shape(batch.images, self.spec.picture)
        if self.training:
            self.learning.check()

    def losses(self, batch: Pictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        return self.learning.losses(batch.images, self.config.strokes, rng=rng)

    @torch.no_grad()
    def measure(self, batch: Pictures | DrawnPictures, *, rng: torch.Generator) -> Totals:
        drawn = self.drawn(batch.images, self.goal.measured_strokes(self.config.strokes), rng=rng)
        return self.goal.measure(drawn.canvases, batch.images, self.config.strokes)

    def last_loss(self, batch: Pictures | DrawnPictures, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """What the last stroke costs: minus the worth of the finished canvas, or minus the log-probability of the last action."""
        return self.learning.last_loss(batch.images, self.config.strokes, rng=rng)

    def drawn(self, images: Float[Tensor, "B C H W"], strokes: int, *, rng: torch.Generator) -> Painted:
        """One drawing per picture: its reconstruction, the completion of its given half, or a drawing from noise alone."""
        subject = self.goal.subject(images, rng=rng)
        return self.learning.draw(subject, self.learning.uniforms(strokes, len(images), rng=rng))


def shown(canvases: Float[Tensor, "T B C H W"], strokes: Float[Tensor, "T B P"]) -> Sample:
    def frames(count: int) -> Iterator[Tensor]:
        steps = torch.linspace(0, len(canvases) - 1, min(count, len(canvases))).round().long()
        return iter(canvases[steps].clamp(0, 1))

    return Sample(canvases[-1].clamp(0, 1), frames, strokes=strokes.transpose(0, 1))


def find_teacher(config: Config, spec: Spec, device: torch.device) -> Pathwise:
    """The teacher's demonstration. Raises ValueError for a teacher with another goal."""
    from drawgen import models

    name, noise = config.teacher, config.noise if config.goal != "reconstruct" else 0
    teacher = models.load(name, device=str(device))
    way = teacher.learning if isinstance(teacher, Painter) else None
    same = isinstance(teacher, Painter) and (teacher.config.goal, teacher.spec) == (config.goal, spec)
    if not isinstance(teacher, Painter) or not isinstance(way, Pathwise) or not same:
        raise ValueError(f"{name} is no painter that learned pathwise to {config.goal} at this size; take another teacher")
    if way.fitted:
        raise ValueError(f"{name} has `model.fitted`: no action covers the canvas as its first stroke does; take another teacher")
    if (2 * teacher.config.strokes, teacher.policy.noise) != (config.strokes, noise):
        raise ValueError(
            f"{name} draws {teacher.config.strokes} strokes from {teacher.policy.noise} numbers of noise; set model.strokes "
            f"{2 * teacher.config.strokes} and model.noise {teacher.config.noise}"
        )
    return way


# ---------------------------------------------------------------- the verbs of painters, by goal


class Reconstructor(Painter):
    """Reconstructs pictures."""

    @torch.no_grad()
    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample:
        """Paints the pictures."""
        drawn = self.drawn(images, self.config.strokes, rng=rng)
        return shown(drawn.canvases, drawn.strokes)


class PathwiseReconstructor(Reconstructor):
    """Reconstructs with a differentiable brush, so that its strokes can be optimised further."""

    def polish(
        self,
        strokes: Float[Tensor, "B T P"],
        images: Float[Tensor, "B C H W"],
        steps: int,
        *,
        progress: Callable[[float], None] | None = None,
    ) -> Sample:
        """Optimises these strokes for the pictures by gradient descent."""
        config = self.config
        strokes = polish(
            strokes, images, steps, radius=config.radius, opacity=config.opacity, inset=config.inset, progress=progress
        )
        canvases = [torch.zeros_like(images)]
        for stroke in strokes.unbind(1):
            canvases.append(paint(canvases[-1], stroke[:, None]))
        return shown(torch.stack(canvases[1:]), strokes.transpose(0, 1))


class Follower(PathwiseReconstructor):
    """Reconstructs as people draw."""

    learning: People

    def check(self, batch: Pictures | DrawnPictures) -> None:
        """Raises ValueError for pictures without strokes, or with another number of them."""
        given = batch.strokes.shape[1] if isinstance(batch, DrawnPictures) else 0
        if self.training and given != self.config.strokes:
            raise ValueError(
                f"data.strokes is {given}; a painter of {self.config.strokes} strokes learns from as many: set it to that"
            )
        super().check(batch)

    def losses(self, batch: DrawnPictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:  # type: ignore[override]
        return self.learning.cloning_losses(batch.images, batch.strokes, rng=rng)


class Completer(Painter):
    """Completes the other halves of pictures."""

    @torch.no_grad()
    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample:
        """Completes the given halves of the pictures; the other halves are not used."""
        drawn = self.drawn(images, self.config.strokes, rng=rng)
        return shown(drawn.canvases, drawn.strokes)


class Doodler(Painter):
    """Draws from noise."""

    @torch.no_grad()
    def sample(self, request: Request) -> Sample:
        """Doodles. Raises ValueError for another size than the model's."""
        if request.tile:
            raise ArgumentError("tile", "is true, and drawings do not tile; leave it out")
        if request.size is not None and request.size != self.spec.picture[1:]:
            (tall, wide), (height, width) = request.size, self.spec.picture[1:]
            raise ArgumentError("size", f"is {wide}x{tall} pixels, and this model draws {width}x{height}; leave it out")
        noises, uniforms = [], []
        for index in range(request.n):
            rng = request.rng(index)
            noises.append(torch.randn(self.config.noise, generator=rng) * request.temperature)
            uniforms.append(torch.rand(self.config.strokes, self.learning.components, generator=rng))
        spare = -request.n % CHUNK  # always in chunks of one size, so that no drawing depends on their number
        noise = torch.stack(noises + noises[-1:] * spare).to(self.learning.device)
        uniform = torch.stack(uniforms + uniforms[-1:] * spare, 1).to(self.learning.device)
        parts = [
            self.learning.draw(Subject(None, chosen), luck)
            for chosen, luck in zip(noise.split(CHUNK), uniform.split(CHUNK, 1), strict=True)
        ]
        drawn = Painted(*(torch.cat(values, 1)[:, : request.n] for values in zip(*parts, strict=True)))
        return shown(drawn.canvases, drawn.strokes)


PAINTERS: dict[tuple[str, str], type[Painter]] = {
    ("reconstruct", "pathwise"): PathwiseReconstructor,
    ("reconstruct", "policy-gradient"): Reconstructor,
    ("reconstruct", "imitation"): Reconstructor,
    ("reconstruct", "people"): Follower,
    ("doodle", "pathwise"): Doodler,
    ("doodle", "policy-gradient"): Doodler,
    ("doodle", "imitation"): Doodler,
    ("complete", "pathwise"): Completer,
}


CHARACTERS = Standard(name="omniglot", side_px=32, batch=32, warp=1.0)
DIGITS = Standard(name="mnist", side_px=32, batch=32)
FIT = Fit(minutes=15.0, rate=1e-3, warmup=100, decay=1.0, clip=1.0, ema=0.995, valid_steps=500)
DOODLE = Config(goal="doodle", strokes=6, noise=32, inset=0.08)
SKETCH = Config(learn="people", pixels=8.0, strokes=12, lift=True, radius=(0.015, 0.06))
PEOPLE = Strokes(batch=32, side_px=32, strokes=12)

PRESETS: dict[str, Recipe] = {
    "characters": Recipe(
        model=Config(),
        data=CHARACTERS,
        fit=FIT,
        what="characters in 8 strokes, after a picture",
        size="908 k",
        figure=".264 of a blank canvas's error",
        about="Characters of Omniglot in 8 strokes at 32x32, pathwise. Measured (seed 0, 5,000 steps, 29 CPU minutes of a busy "
        "Xeon, an alphabet left out): .264 of a blank canvas's squared error after 8 strokes on held-out drawings, .285 "
        "on the alphabet that was left out; .050 after 50 steps of polish.",
    ),
    "digits": Recipe(
        model=Config(strokes=5),
        data=DIGITS,
        fit=FIT,
        what="digits in 5 strokes, after a picture",
        size="908 k",
        figure=".115 of a blank canvas's error",
        about="MNIST's digits in 5 strokes at 32x32, pathwise. Measured (seed 0, 2,500 steps, 10 minutes on a busy Xeon): .115 "
        "of a blank canvas's squared error after 5 strokes on held-out digits.",
    ),
    "sketches-imitation": Recipe(
        model=replace(SKETCH, pixels=0.0),
        data=PEOPLE,
        fit=replace(FIT, minutes=10.0),
        what="people's strokes, one by one",
        size="908 k",
        about="Behaviour cloning of people's strokes (QuickDraw, sketch-rnn's files, Omniglot's strokes, SVGs) at 32x32: the "
        "start of sketches. Measured (seed 0, 1,084 steps, 22 minutes on half a core): on people's canvases, points are .19 "
        "of the side from people's.",
    ),
    "sketches": Recipe(
        model=SKETCH,
        data=PEOPLE,
        fit=FIT,
        what="people's sketches in 12 strokes",
        size="908 k",
        figure=".397 of a blank canvas's error",
        about="People's drawings in 12 strokes and their order at 32x32, begun from sketches-imitation (--begin): behaviour "
        "cloning of their strokes, and pathwise. Measured (seed 0, 571 steps with model.pixels 1, then 1,800 as here, 72 "
        "minutes on half a core; the first 200 held-out drawings): .397 of a blank canvas's squared error after 12 strokes, "
        ".052 after 50 steps of polish; "
        "Kendall's tau with people's order is .19 (strokes optimised without it: .01), 62 % of the strokes go their way.",
    ),
    "colour": Recipe(
        model=Config(strokes=20, radius=(0.02, 0.3), opacity=0.5, fitted=True),
        data=Crops(path="photo:astronaut", crop_px=64, batch=16, longest_px=160, whole=True, one_size=True, mirror=True),
        fit=replace(FIT, minutes=40.0),
        what="photographs in 20 strokes",
        size="1.7 M",
        figure="PSNR of 15.5 dB",
        about="Crops of photographs at 64x64 in 20 strokes, in colour, pathwise; the first stroke is the mean colour, and colours "
        "are fitted. Measured (seed 0, 2,200 steps, 48 CPU minutes, on CC0 textures and photographs of scikit-image; crops of "
        "photographs it has not seen): a PSNR of 15.5 dB after 20 strokes (15.6 with colours of its own choice), 21.1 dB after 50 "
        "steps of polish (20.2). drawgen paint has 24.6 dB with 20 strokes.",
    ),
    "characters-imitation": Recipe(
        model=Config(learn="imitation", teacher="painter:characters", strokes=16),
        data=replace(CHARACTERS, batch=64),
        fit=replace(FIT, minutes=10.0),
        what="characters by behaviour cloning",
        size="893 k",
        figure=".49 of a blank canvas's error",
        about="Behaviour cloning: the strokes of a painter that learned pathwise as SPIRAL's actions, on any canvas. A start for "
        "characters-ppo. Measured (seed 0, 600 steps, 15 minutes of a busy core): .49 of a blank canvas's squared error on "
        "held-out drawings.",
    ),
    "characters-ppo": Recipe(
        model=Config(learn="policy-gradient", strokes=16, entropy=0.005),
        data=CHARACTERS,
        fit=replace(FIT, rate=2.5e-4),
        what="characters in 16 actions, by PPO",
        size="893 k",
        figure=".321 of a blank canvas's error",
        about="Characters in 16 of SPIRAL's actions by PPO, the canvas a black box, begun from characters-imitation (--begin). "
        "Measured (seed 0, 2,600 batches, 1.3 million actions, 95 minutes on about half a core): .321 of a blank canvas's squared "
        "error after 16 actions on held-out drawings, .308 after 20, where it had stood since 0.8 million. From nothing it stays "
        "at .48.",
    ),
    "doodles": Recipe(
        model=DOODLE,
        data=DIGITS,
        fit=replace(FIT, minutes=10.0, rate=3e-4, decay=0.2, valid_steps=0),
        what="digits from noise in 6 strokes",
        size="1.0 M",
        figure="70 % confident digits",
        about="Digits from noise in 6 strokes, against a critic, pathwise. Measured (seed 0, --fit.steps 10000, 55 CPU minutes "
        "of a busy Xeon): to a classifier of 99.14 %, 70 % of the drawings are a digit with a probability of at least .9 "
        "(96 % of real ones), all ten digits among them; 38 % after 3,000 steps.",
    ),
    "doodles-imitation": Recipe(
        model=replace(DOODLE, learn="imitation", teacher="painter:doodles", strokes=12),
        data=replace(DIGITS, batch=64),
        fit=replace(FIT, minutes=10.0, valid_steps=0),
        what="doodles by behaviour cloning",
        size="1.0 M",
        figure="12 % confident digits",
        about="Behaviour cloning: the doodles of a painter that learned pathwise as SPIRAL's actions, on any canvas. A start "
        "for doodles-ppo. Measured (seed 0, 500 steps, 6 minutes): 12 % confident digits; with libmypaint's classic/ink_blot and a "
        "teacher of 5,300 steps 9 %.",
    ),
    "doodles-ppo": Recipe(
        model=replace(DOODLE, learn="policy-gradient", strokes=12, gamma=1.0),
        data=replace(DIGITS, batch=64),
        fit=replace(FIT, rate=3e-4, decay=0.2),
        what="digits from noise, by PPO (SPIRAL)",
        size="1.0 M",
        figure="66 % confident digits",
        about="Digits from noise, against a critic, by PPO on the differences of its scores, begun from doodles-imitation "
        "(--begin). Measured (seed 0, 5,800 steps, 4.5 million actions, four hours on half a core to one of a Xeon): 66 % "
        "confident digits, all ten among them; at the full rate 30 % after 1,070 steps, 39 % after 2,000, 60 % after 4,310. With "
        "libmypaint's classic/ink_blot, 150 steps: 22 %.",
    ),
    "completion": Recipe(
        model=replace(DOODLE, goal="complete", strokes=4),
        data=DIGITS,
        fit=replace(FIT, minutes=10.0, rate=3e-4, decay=0.2, valid_steps=0),
        what="the other half of a digit in 4 strokes",
        size="1.0 M",
        figure="72 % as they were",
        about="The right half of a digit whose left half is given, in 4 strokes, against a critic that sees both. Measured "
        "(seed 0, 3,000 steps, 15 CPU minutes of a busy Xeon): a classifier takes 72 % of the test part's digits for "
        "what they were (16 % from the half alone).",
    ),
    "tiny": Recipe(
        model=Config(strokes=3, units=16, width=4),
        data=Rectangles(batch=4, count=32, side_px=16),
        fit=Fit(steps=4, warmup=2),
        what="for tests, and a first look",
        size="5 k",
        about="Trains in seconds on a CPU, on rectangles that it makes itself.",
    ),
}
