"""A photograph as strokes: laid down coarse to fine where the error is, then moved together through the differentiable brush.

Axes: S strokes, P numbers of a stroke (`drawgen_envs.brush`), N = 12 numbers of a stroke that are optimised, H rows, W columns.

The painting starts as a background. Six rounds add strokes, each round's smaller than the last one's: where the picture differs
most from the photograph, along its edges, in its colour there. After each round Adam moves all strokes; in the last one, strokes
that mend little are taken away and laid where the error is now. What is minimised is the squared error, at full size and on three
pooled levels, by which strokes are drawn to where they belong from afar, and the squared error of the steps between neighbouring
pixels, weighted by how flat the photograph is there. The last term and the laying anew keep worms out of skies and walls, strokes
that mend a little of the error and leave their outlines: an outline costs more there than it mends, and the idle are moved away.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from drawgen_envs.brush import COLUMNS, paint
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.images import ImageError, resize
from drawgen.ranges import check_fields, check_range
from drawgen.strokes.colours import nearest_colour
from drawgen.strokes.painting import MOST, Painting


class Round(NamedTuple):
    share: float
    """Of all strokes, that it adds."""
    cover: float
    """Share of the picture that these would cover side by side: their radius follows."""
    steps: int
    """Of Adam, after it has added them."""
    until: float
    """The share of a budget in seconds at which it ends."""


ROUNDS = (
    Round(0.06, 0.90, 50, 0.01),
    Round(0.10, 0.70, 60, 0.03),
    Round(0.16, 0.50, 80, 0.07),
    Round(0.20, 0.35, 100, 0.13),
    Round(0.24, 0.22, 150, 0.25),
    Round(0.24, 0.14, 700, 1.00),
)
MOVES, MOVED, SETTLED = 8, 0.06, 0.75
"""In the last round, how often strokes are laid anew, what share of them, and the share of the round after which none are."""
RATES = (*(0.4,) * 6, 0.03, 0.03, 0.05, *(0.01,) * 3)
"""Of Adam: pixels for the three points, then log radii, the opacity's logit, the colour."""
DECAY = 0.1
"""The rates' factor at the end."""
ASPECT = 5.0
"""Length of a new stroke along a clear edge, in radii from its middle to both ends."""
FLAT, STEP = 12.0, 0.03
"""Weight of the steps between neighbours, and the size of a step of the photograph that halves it."""
SHORTEST_PX = 8
MASKS = 2**22
"""Pixels of masks that are held at once."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How to paint."""

    strokes: int = 250
    detail_px: int | None = None
    """Longer side of what is painted; None is 128 up to 500 strokes, and beyond them more as their square root."""
    least_radius: float = 0.25
    """Of a stroke, in percent of the picture's shorter side."""
    opacity: float | None = None
    """Of all strokes; None lets each have its own."""
    palette: Float[Tensor, "K 3"] | None = None
    """The only colours of strokes."""
    background: Float[Tensor, "3"] | None = None
    """None is the photograph's mean, or the palette's colour that is next to it."""
    transparent: bool = False
    """Instead of a background there is none."""

    def __post_init__(self) -> None:
        check_fields(self, "", "strokes", at_least=1, at_most=MOST)
        check_fields(self, "", "detail_px", at_least=16, at_most=1024)
        check_fields(self, "", "least_radius", above=0, at_most=25)
        check_fields(self, "", "opacity", above=0, at_most=1)

    @property
    def longest_px(self) -> int:
        return self.detail_px or round(128 * max(1.0, (self.strokes / 500) ** 0.5))


@dataclass(frozen=True)
class PaintingProgress:
    """What `lay` tells now and then."""

    share: float
    strokes: int
    psnr: float


def work_size(photo: Float[Tensor, "C H W"], style: Style) -> tuple[int, int]:
    """Height and width that a photograph is painted at. Raises ImageError for a too long one."""
    height, width = photo.shape[1:]
    factor = style.longest_px / max(height, width)
    size = round(height * factor), round(width * factor)
    if min(size) < SHORTEST_PX:
        raise ImageError(
            f"the photograph is {width}x{height} pixels, and painted on {style.longest_px} pixels one side has less than "
            f"{SHORTEST_PX}; crop it, or give a larger `detail_px`"
        )
    return size


def psnr(picture: Tensor, photo: Tensor) -> float:
    """Decibels, for pictures in [0, 1]."""
    return -10 * math.log10(max(float((picture - photo).square().mean()), 1e-10))


# ---------------------------------------------------------------- the strokes in the making


class LooseStrokes:
    """The strokes in the making: their free numbers, and Adam with a rate for each number and an age for each stroke.

    The numbers are three points in pixels, the logarithms of two radii in pixels, the opacity's logit, and the colour.
    """

    def __init__(self, size: tuple[int, int], style: Style) -> None:
        self.size, self.style = size, style
        self.free, self.mean, self.square, self.age = torch.zeros(0, 12), torch.zeros(0, 12), torch.zeros(0, 12), torch.zeros(0, 1)
        short = min(size)
        self.radii = math.log(short * style.least_radius / 100), math.log(short / 2)

    def __len__(self) -> int:
        return len(self.free)

    def add(self, free: Float[Tensor, "S 12"]) -> None:
        self.free = torch.cat([self.free, free])
        self.bound()
        self.mean, self.square, self.age = (F.pad(part, (0, 0, 0, len(free))) for part in (self.mean, self.square, self.age))

    def keep(self, which: Bool[Tensor, " S"]) -> None:
        self.free, self.mean, self.square, self.age = (part[which] for part in (self.free, self.mean, self.square, self.age))

    def step(self, gradient: Float[Tensor, "S 12"], rate: float) -> None:
        """Adam (Kingma & Ba 2015, algorithm 1) with betas .9 and .99."""
        self.age = self.age + 1
        self.mean = self.mean.lerp(gradient, 0.1)
        self.square = self.square.lerp(gradient.square(), 0.01)
        scale = (self.square / (1 - 0.99**self.age)).sqrt() + 1e-10
        self.free = self.free - rate * torch.tensor(RATES) * self.mean / (1 - 0.9**self.age) / scale
        self.bound()

    def bound(self) -> None:
        """Keeps strokes near the picture, and numbers where they have a gradient."""
        height, width = self.size
        self.free[:, 0:6:2].clamp_(-0.25 * width, 1.25 * width)
        self.free[:, 1:6:2].clamp_(-0.25 * height, 1.25 * height)
        self.free[:, 6:8].clamp_(*self.radii)
        self.free[:, 8].clamp_(-4, 6)
        self.free[:, 9:].clamp_(0, 1)

    def numbers(self, free: Float[Tensor, "S 12"]) -> Float[Tensor, "S P"]:
        """As the brush takes them, where nothing lies beneath with an alpha of 1 as a fourth colour. A colour of the palette is
        passed straight through: its gradient is the free colour's."""
        height, width = self.size
        opacity, colour, palette = free[:, 8:9].sigmoid(), free[:, 9:], self.style.palette
        if self.style.opacity is not None:
            opacity = torch.full_like(opacity, self.style.opacity)
        if palette is not None:
            colour = colour + (nearest_colour(colour.detach(), palette) - colour.detach())
        points = free[:, :6] / free.new_tensor([width, height] * 3)
        alpha = torch.ones(len(free), int(self.style.transparent)).to(free)
        return torch.cat([points, free[:, 6:8].exp() / min(height, width), opacity, opacity, colour, alpha], 1)


# ---------------------------------------------------------------- what is minimised


class Objective:
    """The loss of a canvas."""

    def __init__(self, photo: Float[Tensor, "C H W"]) -> None:
        self.photo = photo
        self.flat = [STEP**2 / (STEP**2 + blur(photo.diff(dim=dim).square().sum(0, keepdim=True), 1.5)) for dim in (1, 2)]

    def __call__(self, canvas: Float[Tensor, "C H W"]) -> Float[Tensor, ""]:
        error = canvas - self.photo
        loss = error.square().mean()
        for dim, weight in zip((1, 2), self.flat, strict=True):
            loss = loss + FLAT * (weight * error.diff(dim=dim).square()).mean()
        for _ in range(3):
            error = F.avg_pool2d(error, 2)
            loss = loss + error.square().mean()
        return loss


def blur(planes: Float[Tensor, "C H W"], sigma_px: float) -> Float[Tensor, "C H W"]:
    """Gaussian; the edge goes on."""
    reach = math.ceil(3 * sigma_px)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma_px).square())
    kernel = kernel / kernel.sum()
    wide = F.conv2d(F.pad(planes[:, None], (reach, reach, 0, 0), mode="replicate"), kernel[None, None, None])
    return F.conv2d(F.pad(wide, (0, 0, reach, reach), mode="replicate"), kernel[None, None, :, None])[:, 0]


# ---------------------------------------------------------------- where strokes go, and which may


def place(
    photo: Float[Tensor, "C H W"], canvas: Float[Tensor, "C H W"], count: int, radius_px: float, *, rng: torch.Generator
) -> Float[Tensor, "S 12"]:
    """New strokes where the canvas differs most from the photograph, one after the other; each takes the error around it away.
    Along an edge of the photograph they lie along it (the structure tensor's lesser direction), elsewhere they are short."""
    height, width = photo.shape[1:]
    error = blur((photo - canvas).square().mean(0, keepdim=True), 0.7 * radius_px)[0]
    error = error * (0.5 * torch.randn(error.shape, generator=rng)).exp()
    left = error.numpy()
    reach = int(3 * radius_px) + 1
    offsets = np.arange(-reach, reach + 1)
    spared = 1 - np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * radius_px**2)).astype(np.float32)
    spots = np.empty((count, 2), np.int64)
    for spot in spots:
        y, x = spot[:] = divmod(int(left.argmax()), width)
        top, bottom, start, end = max(0, y - reach), min(height, y + reach + 1), max(0, x - reach), min(width, x + reach + 1)
        left[top:bottom, start:end] *= spared[top - y + reach : bottom - y + reach, start - x + reach : end - x + reach]
    from skimage.feature import structure_tensor  # takes seconds to import: only where strokes are laid

    y, x = torch.from_numpy(spots).t()
    planes = [structure_tensor(plane, sigma=max(1.0, radius_px / 2), mode="nearest") for plane in photo.double().numpy()]
    down, both, across = (torch.from_numpy(sum(part)).float()[y, x] for part in zip(*planes, strict=True))
    angle = 0.5 * torch.atan2(2 * both, across - down) + math.pi / 2
    clear = ((across - down).square() + 4 * both.square()).sqrt() / (across + down + 1e-5)
    half = radius_px * torch.lerp(torch.tensor(0.5), torch.tensor(ASPECT / 2), clear)
    half = half * (2 * torch.randint(2, half.shape, generator=rng) - 1)  # to either side
    way = half[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    middle = torch.stack([x, y], 1) + torch.rand(count, 2, generator=rng)
    radii, logit = torch.full((count, 2), math.log(radius_px)), torch.full((count, 1), 1.4)
    colour = blur(photo, 0.5 * radius_px)[:, y, x]
    colour = colour[:3] / colour[3:].clamp(min=0.1) if len(colour) == 4 else colour
    return torch.cat([middle - way, middle, middle + way, radii, logit, colour.clamp(0, 1).t()], 1)


def worth(strokes: Float[Tensor, "S P"], photo: Float[Tensor, "C H W"], background: Float[Tensor, " C"]) -> Float[Tensor, " S"]:
    """By how much the summed squared error rises when one stroke is left out, for each.

    With w what stroke s changes in the finished picture, its own change times what the later ones let through, the error e becomes
    e - w. Strokes go in parts, so that not all of their masks are held at once.
    """
    height, width = photo.shape[1:]
    part = max(1, MASKS // (height * width))
    parts = strokes.split(part)
    canvases = [background[:, None, None].expand(-1, height, width).contiguous()]
    for some in parts:
        canvases.append(paint(canvases[-1][None], some[None])[0])
    error = canvases[-1] - photo
    through = torch.ones(height, width)
    found = []
    for some, canvas in zip(reversed(parts), reversed(canvases[:-1]), strict=True):
        white = torch.cat([some[:, : len(COLUMNS)], torch.ones(len(some), 1)], 1)
        masks = paint(torch.zeros(len(some), 1, height, width), white[:, None])[:, 0]
        changes = []
        for mask, stroke in zip(masks, some, strict=True):
            changes.append(mask * (stroke[len(COLUMNS) :, None, None] - canvas))
            canvas = canvas + changes[-1]
        for mask, change in zip(masks.flip(0), reversed(changes), strict=True):
            w = change * through
            found.append((w * (w - 2 * error)).sum())
            through = through * (1 - mask)
    return torch.stack(found[::-1])


# ---------------------------------------------------------------- painting


def lay(
    photo: Float[Tensor, "C H W"],
    style: Style,
    *,
    alpha: Float[Tensor, "1 H W"] | None = None,
    seconds: float | None = None,
    on_progress: Callable[[PaintingProgress], None] | None = None,
    stop: Callable[[], object] = lambda: False,
    rng: torch.Generator,
) -> Painting:
    """Paints a photograph.

    Without `seconds` it takes a fixed number of steps, and the same generator gives the same strokes. With them the steps end when
    so much time has gone by (the brush's compilation not counted; all strokes are laid, however short it is). When `stop` tells
    true, what there is becomes the painting. A photograph with an `alpha` comes laid on white; in a transparent style the alpha is
    painted too, else it is laid on the background, where one is given. Raises ImageError for a photograph too long, ValueError
    for a budget of no time.
    """
    if seconds is not None:
        check_range("seconds", seconds, above=0)
    whole = photo.shape[1], photo.shape[2]
    height, width = size = work_size(photo, style)
    photo = photo.expand(3, -1, -1)
    if style.transparent:
        alpha = torch.ones_like(photo[:1]) if alpha is None else alpha
        photo = torch.cat([photo - (1 - alpha), alpha])  # colours times alpha, on nothing
    elif style.background is not None and alpha is not None:
        photo = photo + (1 - alpha) * (style.background[:, None, None] - 1)
    photo = resize(photo, height, width)
    ground = style.background if style.background is not None else photo.mean((1, 2))
    if style.background is None and style.palette is not None and not style.transparent:
        ground = nearest_colour(ground[None], style.palette)[0]
    if style.transparent:
        ground = torch.zeros(4)
    blank = ground[:, None, None].expand(1, -1, height, width).contiguous()
    paint(blank, torch.zeros(1, 1, len(COLUMNS) + len(ground)).requires_grad_()).sum().backward()  # compiled before the clock runs
    objective, strokes = Objective(photo), LooseStrokes(size, style)
    clock = Rounds(seconds)
    added = 0.0
    for number, this in enumerate(ROUNDS):
        added += this.share
        count = round(style.strokes * added) - len(strokes)
        last = number == len(ROUNDS) - 1
        if count < 1 or stop():
            continue
        radius_px = math.sqrt(this.cover * height * width / (2 * ASPECT * count))
        radius_px = min(max(radius_px, 0.7), min(size) / 2)
        with torch.no_grad():
            canvas = paint(blank, strokes.numbers(strokes.free)[None])[0]
            strokes.add(place(photo, canvas, count, radius_px, rng=rng))
        moves = [SETTLED * (k + 1) / MOVES for k in range(MOVES)] if last else []
        for step, share in enumerate(clock.steps(this)):
            if stop():
                break
            if moves and share >= moves[0] and len(strokes) > 1:
                moves.pop(0)
                relay(strokes, photo, ground, max(1, round(MOVED * len(strokes))), radius_px, rng=rng)
            free = strokes.free.clone().requires_grad_()
            canvas = paint(blank, strokes.numbers(free)[None])[0]
            (gradient,) = torch.autograd.grad(objective(canvas), free)
            strokes.step(gradient, DECAY + (1 - DECAY) * 0.5 * (1 + math.cos(math.pi * share)) if last else 1.0)
            if on_progress is not None and step % 16 == 0:
                on_progress(PaintingProgress(clock.share, len(strokes), psnr(canvas.detach(), photo)))
    with torch.no_grad():
        made = strokes.numbers(strokes.free)
        painting = Painting(made[:, : len(COLUMNS) + 3], None if style.transparent else ground, whole).rounded()
    if on_progress is not None:
        share = clock.share if stop() else 1.0
        on_progress(PaintingProgress(share, len(strokes), psnr(paint(blank, made[None])[0], photo)))
    return painting


class Rounds:
    """How far the painting is: by the steps done, or by a budget in seconds."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds, self.begun = seconds, time.monotonic()
        self.share, self.longest = 0.0, 0.0

    def steps(self, this: Round) -> Iterator[float]:
        """Yields at each step of a round the share of the round that is done."""
        begun, before = time.monotonic(), self.share
        if self.seconds is None:
            for step in range(this.steps):
                yield step / this.steps
                self.share = before + (this.until - before) * (step + 1) / this.steps
            return
        end = self.begun + self.seconds * this.until
        while (now := time.monotonic()) + self.longest < end:
            yield (now - begun) / (end - begun)
            self.longest = max(time.monotonic() - now, 0.9 * self.longest)  # no step is begun that would not end in time
            self.share = min((time.monotonic() - self.begun) / self.seconds, 1.0)


def relay(strokes: LooseStrokes, photo: Tensor, ground: Tensor, count: int, radius_px: float, *, rng: torch.Generator) -> None:
    """Takes the strokes away that mend least, and lays as many anew, uppermost."""
    with torch.no_grad():
        kept = torch.ones(len(strokes), dtype=torch.bool)
        kept[worth(strokes.numbers(strokes.free), photo, ground).argsort(stable=True)[:count]] = False
        strokes.keep(kept)
        blank = ground[:, None, None].expand(1, -1, *strokes.size).contiguous()
        canvas = paint(blank, strokes.numbers(strokes.free)[None])[0]
        strokes.add(place(photo, canvas, count, radius_px, rng=rng))
