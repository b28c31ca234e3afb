"""Paints a photograph: strokes are placed from coarse to fine where the error is, and optimised through the differentiable brush.

Axes: S strokes, P numbers of a stroke (`drawgen_envs.brush`), N = 12 numbers of a stroke that are optimised, H rows, W columns.

The painting starts as a background. Six rounds add strokes, each round smaller ones: where the painting differs most from the
photograph, along its edges, in its colour there. After the new strokes of a round, Adam optimises all strokes. In the last round,
the strokes that reduce the error least are removed and replaced where the error is now.

The loss is the squared error at full size and on three pooled levels, which attract strokes from a distance, plus the squared error
of the differences between neighbouring pixels, weighted by the flatness of the photograph. The last term and the replacement
prevent worms in skies and walls. Worms are strokes that reduce the error a little but leave visible outlines. In a flat area the
last term makes an outline cost more than the stroke gains, and strokes of little use are replaced.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from drawgen_envs.brush import COLUMNS, paint
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from drawgen.images import ImageError, resize
from drawgen.ranges import check_fields, check_range
from drawgen.strokes.colours import nearest_colour, oklab
from drawgen.strokes.painting import MOST, Painting
from drawgen.strokes.unfinished import Unfinished


class Round(NamedTuple):
    share: float
    """Fraction of all strokes that the round adds."""
    cover: float
    """Fraction of the picture that these strokes would cover without overlap; it determines their radius."""
    steps: int
    """Steps of Adam after the strokes are added."""
    until: float
    """Fraction of a budget in seconds at which the round ends."""


ROUNDS = (
    Round(0.06, 0.90, 50, 0.01),
    Round(0.10, 0.70, 60, 0.03),
    Round(0.16, 0.50, 80, 0.07),
    Round(0.20, 0.35, 100, 0.13),
    Round(0.24, 0.22, 150, 0.25),
    Round(0.24, 0.14, 700, 1.00),
)
MOVES, MOVED, SETTLED = 8, 0.06, 0.75
"""In the last round: how often strokes are replaced, which fraction of them, and after which fraction of the round no more."""
RATES = (*(0.4,) * 6, 0.03, 0.03, 0.05, *(0.01,) * 3)
"""Adam's learning rates: for the three points (in pixels), the log radii, the opacity's logit, the colour."""
DECAY = 0.1
"""Final factor on the learning rates."""
ASPECT = 5.0
"""Half length of a new stroke along a clear edge, in radii."""
FLAT, STEP = 12.0, 0.03
"""Weight of the differences between neighbours, and the difference in the photograph at which it is halved."""
SHORTEST_PX = 8
TOLD_S = 0.4
"""After so long progress is reported, however slow the steps are."""
KEPT_S = 3.0
"""Seconds between two states that a listener may keep."""
MASKS = 2**22
"""Pixels of masks held in memory at once."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """The settings of a painting."""

    strokes: int = 250
    detail_px: int | None = None
    """Longer side in pixels at which strokes are optimised; None: 128 for up to 500 strokes, and growing with the square root of
    their number beyond."""
    least_radius: float = 0.25
    """Smallest radius of a stroke, in percent of the picture's shorter side."""
    pen: float | None = None
    """The radius of all strokes, in percent of the picture's shorter side; None: each has its own."""
    opacity: float | None = None
    """One opacity for all strokes; None: each has its own."""
    palette: Float[Tensor, "K 3"] | None = None
    """The colours that strokes may have."""
    background: Float[Tensor, "3"] | None = None
    """None: the photograph's mean colour, or the palette's nearest to it."""
    transparent: bool = False
    """Whether the canvas is transparent, without a background."""

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
    """A progress report of `lay`."""

    share: float
    strokes: int
    psnr: float
    of: str = "strokes"
    """What is counted."""
    now: Callable[[], Painting] | None = None
    """The strokes as they are, as a painting."""


def work_size(photo: Float[Tensor, "C H W"], style: Style) -> tuple[int, int]:
    """Height and width at which a photograph is painted. Raises ImageError if it is too elongated."""
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
    """PSNR in dB, for pictures in [0, 1]."""
    return -10 * math.log10(max(float((picture - photo).square().mean()), 1e-10))


# ---------------------------------------------------------------- the strokes in the making


class LooseStrokes:
    """The strokes being optimised: their parameters, and Adam with a learning rate per parameter and an age per stroke.

    The numbers are three points in pixels, the logarithms of two radii in pixels, the opacity's logit, and the colour.
    """

    def __init__(self, size: tuple[int, int], style: Style) -> None:
        self.size, self.style = size, style
        self.free, self.mean, self.square, self.age = torch.zeros(0, 12), torch.zeros(0, 12), torch.zeros(0, 12), torch.zeros(0, 1)
        short = min(size)
        self.radii = math.log(short * style.least_radius / 100), math.log(short / 2)
        if style.pen is not None:
            self.radii = (math.log(short * style.pen / 100),) * 2

    def __len__(self) -> int:
        return len(self.free)

    def add(self, free: Float[Tensor, "S 12"]) -> None:
        self.free = torch.cat([self.free, free])
        self.mean, self.square, self.age = (F.pad(part, (0, 0, 0, len(free))) for part in (self.mean, self.square, self.age))
        self.bound()

    def packed(self) -> Float[Tensor, "S 37"]:
        """Everything about them, for `unpack`."""
        return torch.cat([self.free, self.mean, self.square, self.age], 1)

    def unpack(self, packed: Float[Tensor, "S 37"]) -> None:
        self.free, self.mean, self.square, self.age = packed.split([12, 12, 12, 1], 1)

    def keep(self, which: Bool[Tensor, " S"] | Int64[Tensor, " S2"]) -> None:
        self.free, self.mean, self.square, self.age = (part[which] for part in (self.free, self.mean, self.square, self.age))

    def rest(self) -> None:
        """Forgets Adam's averages."""
        self.mean, self.square, self.age = (torch.zeros_like(part) for part in (self.mean, self.square, self.age))

    def step(self, gradient: Float[Tensor, "S 12"], rate: float) -> None:
        """Adam (Kingma & Ba 2015, algorithm 1) with betas .9 and .99."""
        self.age = self.age + 1
        self.mean = self.mean.lerp(gradient, 0.1)
        self.square = self.square.lerp(gradient.square(), 0.01)
        scale = (self.square / (1 - 0.99**self.age)).sqrt() + 1e-10
        self.free = self.free - rate * torch.tensor(RATES) * self.mean / (1 - 0.9**self.age) / scale
        self.bound()

    def bound(self) -> None:
        """Keeps strokes near the picture, and parameters where they have a gradient."""
        height, width = self.size
        self.free[:, 0:6:2].clamp_(-0.25 * width, 1.25 * width)
        self.free[:, 1:6:2].clamp_(-0.25 * height, 1.25 * height)
        self.free[:, 6:8].clamp_(*self.radii)
        self.free[:, 8].clamp_(-4, 6)
        self.free[:, 9:].clamp_(0, 1)
        if self.style.pen is not None and self.style.palette is not None:  # dark inks lie on light ones, in whatever order they dry
            self.keep(oklab(nearest_colour(self.free[:, 9:], self.style.palette))[:, 0].argsort(descending=True, stable=True))

    def numbers(self, free: Float[Tensor, "S 12"]) -> Float[Tensor, "S P"]:
        """The strokes as inputs of the brush; without a background they have an alpha of 1 as a fourth colour. Colours of the
        palette have a straight-through gradient."""
        height, width = self.size
        opacity, colour, palette = free[:, 8:9].sigmoid(), free[:, 9:], self.style.palette
        if self.style.opacity is not None:
            opacity = torch.full_like(opacity, self.style.opacity)
        if palette is not None:
            colour = colour + (nearest_colour(colour.detach(), palette) - colour.detach())
        points = free[:, :6] / free.new_tensor([width, height] * 3)
        alpha = torch.ones(len(free), int(self.style.transparent)).to(free)
        return torch.cat([points, free[:, 6:8].exp() / min(height, width), opacity, opacity, colour, alpha], 1)

    def drawn(self, blank: Float[Tensor, "1 C H W"]) -> Float[Tensor, "C H W"]:
        """The strokes on a canvas, without gradients."""
        with torch.no_grad():
            return paint(blank, self.numbers(self.free)[None])[0]

    def gradient(
        self, blank: Float[Tensor, "1 C H W"], objective: Callable[[Tensor], Tensor]
    ) -> tuple[Float[Tensor, "C H W"], Float[Tensor, "S 12"]]:
        """The strokes on a canvas, and the gradient of its loss."""
        free = self.free.clone().requires_grad_()
        canvas = paint(blank, self.numbers(free)[None])[0]
        (gradient,) = torch.autograd.grad(objective(canvas), free)
        return canvas.detach(), gradient

    def painting(self, ground: Float[Tensor, " C"], whole: tuple[int, int]) -> Painting:
        """The finished painting of a photograph of that size."""
        with torch.no_grad():
            made = self.numbers(self.free)
        return Painting(made[:, : len(COLUMNS) + 3], None if self.style.transparent else ground, whole).rounded()


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
    """Gaussian blur with replicated edges."""
    reach = math.ceil(3 * sigma_px)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma_px).square())
    kernel = kernel / kernel.sum()
    wide = F.conv2d(F.pad(planes[:, None], (reach, reach, 0, 0), mode="replicate"), kernel[None, None, None])
    return F.conv2d(F.pad(wide, (0, 0, reach, reach), mode="replicate"), kernel[None, None, :, None])[:, 0]


# ---------------------------------------------------------------- where strokes go, and which may


def place(
    photo: Float[Tensor, "C H W"], canvas: Float[Tensor, "C H W"], count: int, radius_px: float, *, rng: torch.Generator
) -> Float[Tensor, "S 12"]:
    """Places new strokes one by one where the canvas differs most from the photograph; each removes the error around it. At an edge
    of the photograph a stroke is long and follows the edge (the minor axis of the structure tensor); elsewhere it is short."""
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
    """The increase of the summed squared error when a stroke is left out, for each stroke.

    Let w be the effect of stroke s on the finished picture: its own change times the transmittance of the later strokes. Without s
    the error e becomes e - w. Strokes are processed in parts, so that not all masks are in memory at once.
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
    begun: Unfinished | None = None,
    on_state: Callable[[Unfinished], None] | None = None,
    rng: torch.Generator,
) -> Painting:
    """Paints a photograph.

    Without `seconds` the number of steps is fixed, and the same generator gives the same strokes. With `seconds` the steps end
    after that time (compilation of the brush not counted; all strokes are placed, however short it is). When `stop` returns true,
    the painting so far is returned. `on_state` is called with where it is every few seconds; `begun` is such a state, from which it
    goes on, to the same strokes. A photograph with an `alpha` is expected over white; in a transparent style the alpha is
    painted too, otherwise the photograph is composited over the background, if one is given. Raises ImageError for a photograph
    that is too elongated, ValueError for a budget of 0 seconds.
    """
    if seconds is not None:
        check_range("seconds", seconds, above=0)
    seen, ground = seen_by(photo, style, alpha)
    how: dict[str, Any] = {"on_progress": on_progress, "stop": stop, "begun": begun, "on_state": on_state}
    strokes = laid(seen, ground, style, seconds=seconds, **how, rng=rng)
    return strokes.painting(ground, (photo.shape[1], photo.shape[2]))


def seen_by(
    photo: Float[Tensor, "C H W"], style: Style, alpha: Float[Tensor, "1 H W"] | None = None
) -> tuple[Float[Tensor, "C2 H2 W2"], Float[Tensor, " C2"]]:
    """The photograph at the size at which it is painted, and the colour of the canvas; with an alpha in a transparent style. Raises
    ImageError for a photograph that is too elongated."""
    height, width = work_size(photo, style)
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
    return photo, torch.zeros(4) if style.transparent else ground


def laid(
    photo: Float[Tensor, "C H W"],
    ground: Float[Tensor, " C"],
    style: Style,
    *,
    seconds: float | None = None,
    on_progress: Callable[[PaintingProgress], None] | None = None,
    stop: Callable[[], object] = lambda: False,
    begun: Unfinished | None = None,
    on_state: Callable[[Unfinished], None] | None = None,
    rng: torch.Generator,
) -> LooseStrokes:
    """`lay` of a photograph at the size at which it is painted, on a canvas of that colour."""
    size = photo.shape[1], photo.shape[2]
    blank = ground[:, None, None].expand(1, -1, *size).contiguous()
    paint(blank, torch.zeros(1, 1, len(COLUMNS) + len(ground)).requires_grad_()).sum().backward()  # compiled before the clock runs
    objective, strokes = Objective(photo), LooseStrokes(size, style)
    clock = Rounds(seconds, begun)
    if begun is not None:
        strokes.unpack(begun.strokes)
        rng.set_state(begun.random)
    added, told, kept = 0.0, -math.inf, time.monotonic()

    def tell(canvas: Tensor, share: float) -> None:
        if on_progress is not None:
            now = partial(strokes.painting, ground, size)
            on_progress(PaintingProgress(share, len(strokes), psnr(canvas, photo), now=now))

    for number, this in enumerate(ROUNDS):
        before, added = round(style.strokes * added), added + this.share
        count = round(style.strokes * added) - before
        last = number == len(ROUNDS) - 1
        going_on = begun is not None and number == begun.round
        if count < 1 or stop() or (begun is not None and number < begun.round):
            continue
        radius_px = radius_of(size, this, count)
        if not going_on:
            strokes.add(place(photo, strokes.drawn(blank), count, radius_px, rng=rng))
        moves = [SETTLED * (k + 1) / MOVES for k in range(MOVES)] if last else []
        del moves[: begun.moves if going_on and begun is not None else 0]
        for step, share in clock.steps(this, number):
            if stop():
                break
            if moves and share >= moves[0] and len(strokes) > 1:
                moves.pop(0)
                relay(strokes, photo, ground, max(1, round(MOVED * len(strokes))), radius_px, rng=rng)
            canvas, gradient = strokes.gradient(blank, objective)
            strokes.step(gradient, DECAY + (1 - DECAY) * 0.5 * (1 + math.cos(math.pi * share)) if last else 1.0)
            if on_progress is None and on_state is None:
                continue
            now = time.monotonic()
            if step % 16 == 0 or now - told > TOLD_S:
                tell(canvas, clock.share)
                told = now
            if on_state is not None and now - kept > KEPT_S:
                moved = MOVES - len(moves) if last else 0
                on_state(Unfinished(number, step + 1, moved, *clock.state(), strokes.packed(), rng.get_state()))
                kept = now
    if on_progress is not None:
        tell(strokes.drawn(blank), clock.share if stop() else 1.0)
    return strokes


def radius_of(size: tuple[int, int], this: Round, count: int) -> float:
    """The radius in pixels of a round's new strokes."""
    return min(max(math.sqrt(this.cover * size[0] * size[1] / (2 * ASPECT * count)), 0.7), min(size) / 2)


class Rounds:
    """The fraction done, of the steps or of a budget in seconds."""

    def __init__(self, seconds: float | None, unfinished: Unfinished | None = None) -> None:
        """Of a new painting, or of one that goes on."""
        self.seconds, self.begun = seconds, time.monotonic()
        self.share, self.longest = 0.0, 0.0
        self.round_share, self.round_begun = 0.0, self.begun
        self.unfinished = unfinished
        if unfinished is not None:
            self.begun -= unfinished.seconds[0]

    def steps(self, this: Round, number: int) -> Iterator[tuple[int, float]]:
        """Yields at each step of a round its number and the fraction of the round that is done."""
        first, begun, before = 0, time.monotonic(), self.share
        if self.unfinished is not None and number == self.unfinished.round:
            first, begun, before = self.unfinished.step, begun - self.unfinished.seconds[1], self.unfinished.share
        self.round_share, self.round_begun = before, begun
        if self.seconds is None:
            for step in range(first, this.steps):
                self.share = before + (this.until - before) * step / this.steps
                yield step, step / this.steps
            self.share = this.until
            return
        end = self.begun + self.seconds * this.until
        step = first
        while (now := time.monotonic()) + self.longest < end:
            yield step, (now - begun) / (end - begun)
            step += 1
            self.longest = max(time.monotonic() - now, 0.9 * self.longest)  # no step starts that would not end in time
            self.share = min((time.monotonic() - self.begun) / self.seconds, 1.0)

    def state(self) -> tuple[float, tuple[float, float]]:
        """The fraction done when the round began; and the seconds since the start, and since that of the round."""
        now = time.monotonic()
        return self.round_share, (now - self.begun, now - self.round_begun)


def relay(
    strokes: LooseStrokes,
    photo: Tensor,
    ground: Tensor,
    count: int,
    radius_px: float,
    *,
    weight: Float[Tensor, " S"] | float = 1.0,
    rng: torch.Generator,
) -> Bool[Tensor, " S"]:
    """Removes the strokes that reduce the error least, each times its weight, and places as many new ones on top. Returns which
    strokes were kept."""
    with torch.no_grad():
        kept = torch.ones(len(strokes), dtype=torch.bool)
        value = weight * worth(strokes.numbers(strokes.free), photo, ground)
        kept[value.argsort(stable=True)[:count]] = False
        strokes.keep(kept)
        blank = ground[:, None, None].expand(1, -1, *strokes.size).contiguous()
        strokes.add(place(photo, strokes.drawn(blank), count, radius_px, rng=rng))
    return kept
