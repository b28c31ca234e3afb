"""The goals of painters: what a painter sees, and how its canvases are scored.

Axes: B pictures, C channels, H rows, W columns, T strokes, Z dimensions of noise, K planes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen.contract import Loss, Totals
from drawgen.nn.policy import Critic, gradient_penalty
from drawgen.nn.pyramid import pyramid

COUNTS = (5, 8, 10, 20)
"""Numbers of strokes after which a reconstruction is evaluated."""
DARK = 1e-3
"""Added to the error of a blank canvas, so that the weight of an empty picture is bounded."""
HALVES = {"left": (2, 0), "right": (2, 1), "top": (1, 0), "bottom": (1, 1)}
"""The axis of a picture (C H W) that is cut in two, and which of the halves it is."""


class Subject(NamedTuple):
    """The targets of drawings, and the noise that they start from."""

    target: Float[Tensor, "B K H W"] | None
    """The painter's inputs besides the canvas."""
    noise: Float[Tensor, "B Z"] | None

    def rows(self, rows: Tensor) -> "Subject":
        return Subject(*(None if part is None else part[rows] for part in self))


def squared(canvas: Float[Tensor, "*N C H W"], target: Float[Tensor, "*N C H W"]) -> Float[Tensor, "*N"]:
    return (canvas - target).square().mean((-3, -2, -1))


class Goal(ABC):
    """The goal of a painter."""

    every_stroke: ClassVar[bool]
    """Whether canvases are scored after every stroke, or only when finished."""

    @staticmethod
    @abstractmethod
    def planes(channels: int) -> int:
        """K: number of input planes of the policy."""

    @abstractmethod
    def subject(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Subject: ...

    def view(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Float[Tensor, "B K H W"]:
        """The input planes of the policy."""
        return canvas

    def covered(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Float[Tensor, "B C H W"]:
        """The canvas with the protected part of the picture on it."""
        return canvas

    @abstractmethod
    def critic_losses(
        self, images: Float[Tensor, "B C H W"], drawn: Float[Tensor, "B C H W"], *, rng: torch.Generator
    ) -> Iterator[Loss]:
        """The critic is stepped after each."""

    @abstractmethod
    def worth(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, "T B"]:
        """The score of canvases; higher is better."""

    @abstractmethod
    def log(self, canvas: Float[Tensor, "B C H W"], images: Float[Tensor, "B C H W"]) -> dict[str, Tensor]:
        """Numbers to log about finished canvases."""

    def measured_strokes(self, strokes: int) -> int:
        """Number of strokes for evaluation, given the painter's number of strokes."""
        return strokes

    @abstractmethod
    def measure(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"], strokes: int) -> Totals:
        """Totals of canvases stroke by stroke, given the painter's number of strokes."""


@dataclass(kw_only=True, eq=False)
class Reconstruction(Goal):
    """Reconstruction of a picture, scored by its squared error after every stroke."""

    on_mean: bool = False
    """Whether a canvas is scored beside one in the picture's mean colour, or beside a blank one."""

    every_stroke = True

    @staticmethod
    def planes(channels: int) -> int:
        return 3 * channels

    def subject(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Subject:
        return Subject(images, None)

    def view(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Float[Tensor, "B K H W"]:
        assert target is not None
        return torch.cat([canvas, target, target - canvas], 1)

    def critic_losses(
        self, images: Float[Tensor, "B C H W"], drawn: Float[Tensor, "B C H W"], *, rng: torch.Generator
    ) -> Iterator[Loss]:
        """None: there is no critic."""
        return iter(())

    def worth(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, "T B"]:
        """The negative error, on a pyramid of resolutions, as a fraction of that of a canvas in one colour (`on_mean`)."""
        ground = images.mean((2, 3), keepdim=True).expand_as(images) if self.on_mean else torch.zeros_like(images)
        return -pyramid(canvases, images.expand_as(canvases)) / (pyramid(ground, images) + DARK)

    def log(self, canvas: Float[Tensor, "B C H W"], images: Float[Tensor, "B C H W"]) -> dict[str, Tensor]:
        return {"share": squared(canvas.detach(), images).sum() / (images.square().mean((1, 2, 3)).sum() + DARK)}

    def measured_strokes(self, strokes: int) -> int:
        return max(strokes, *COUNTS)

    def measure(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"], strokes: int) -> Totals:
        """`share`, the squared error after the painter's own number of strokes, as a fraction of a blank canvas's; `l2_08_strokes`,
        the mean squared error after 8 strokes (also 5, 10, 20), and `share_08_strokes`, the same as such a fraction."""
        blank = float(squared(torch.zeros_like(images), images).sum())
        totals: Totals = {"share": (squared(canvases[strokes - 1], images).sum(), blank)}
        for count in COUNTS:
            error = squared(canvases[count - 1], images).sum()
            totals |= {f"l2_{count:02d}_strokes": (error, float(len(images))), f"share_{count:02d}_strokes": (error, blank)}
        return totals


@dataclass(kw_only=True, eq=False)
class Doodle(Goal):
    """A drawing from noise alone, scored by a critic that is trained to distinguish drawings from data (WGAN-GP)."""

    critic: Critic
    noise: int
    critic_steps: int
    penalty: float

    every_stroke = False

    @staticmethod
    def planes(channels: int) -> int:
        return channels

    def subject(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Subject:
        return Subject(None, torch.randn(len(images), self.noise, device=images.device, generator=rng))

    def critic_losses(
        self, images: Float[Tensor, "B C H W"], drawn: Float[Tensor, "B C H W"], *, rng: torch.Generator
    ) -> Iterator[Loss]:
        for _ in range(self.critic_steps):
            gap = self.critic(drawn).mean() - self.critic(images).mean()
            penalty = gradient_penalty(self.critic, images, drawn, rng=rng)
            yield Loss(gap + self.penalty * penalty, "critic", len(images), {"critic_gap": gap.detach()})

    def worth(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, "T B"]:
        """The critic's score."""
        return torch.stack([self.critic(canvas) for canvas in canvases])

    def log(self, canvas: Float[Tensor, "B C H W"], images: Float[Tensor, "B C H W"]) -> dict[str, Tensor]:
        return {"ink": canvas.detach().mean() / images.mean()}

    def measure(self, canvases: Float[Tensor, "T B C H W"], images: Float[Tensor, "B C H W"], strokes: int) -> Totals:
        """`critic_gap`: how much higher the critic scores the data than drawings."""
        return {"critic_gap": ((self.critic(images) - self.critic(canvases[-1])).sum(), float(len(images)))}


@dataclass(kw_only=True, eq=False)
class Completion(Doodle):
    """The other half of a picture, scored together with the given half, which is masked against painting (SPIRAL++'s complement
    critic)."""

    given: str
    """One of `HALVES`."""

    @staticmethod
    def planes(channels: int) -> int:
        return channels + 1

    def subject(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Subject:
        """The target is the given half; its last channel is the mask of that half."""
        tape = torch.zeros_like(images[:, :1])
        axis, which = HALVES[self.given]
        tape.chunk(2, axis + 1)[which].fill_(1.0)
        return super().subject(images, rng=rng)._replace(target=torch.cat([images * tape, tape], 1))

    def view(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Float[Tensor, "B K H W"]:
        assert target is not None
        return torch.cat([canvas, target[:, -1:]], 1)

    def covered(self, canvas: Float[Tensor, "B C H W"], target: Tensor | None) -> Float[Tensor, "B C H W"]:
        assert target is not None
        return torch.lerp(canvas, target[:, :-1], target[:, -1:])
