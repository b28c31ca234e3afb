"""Paint that looks like paint: strokes laid by a brush of bristles, with streaks, ragged ends and a relief that is lit.

Axes: S strokes, P numbers of a stroke (`drawgen_envs.brush`), C channels, H rows, W columns, K pieces of a curve.

A stroke is swept as `drawgen_envs.brush` says. A pixel is described by where the sweep is nearest: the radius there, the distance
from the curve, how far it lies along the curve and across it, and how far past an end. The constants are fractions of the shorter
side, so that the same strokes give the same painting at any size: a larger picture shows finer bristles, not larger ones.

The bristles are value noise, long along the stroke: five octaves, each half as wide as the one before. An octave that is too fine
for the pixels is left out. From it follow

    coverage   the disc's, with an edge and ends that the bristles fray, and gaps where the paint runs out
    colour     the stroke's, a little lighter or darker by bristle
    relief     the height of the paint: ridges by bristle and a rim along both sides, over a canvas with a weave

`lit` shades the relief by a lamp at the upper left. `lay` is compiled (`bristles_cpu`); `lay_torch` is its definition.
"""

from typing import NamedTuple

import torch
from drawgen_envs.brush import COLUMNS, edge, flatten, nearest
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

LARGEST = 0xFFFFFFFF


class Look(NamedTuple):
    """What the paint looks like; lengths are fractions of the shorter side. An argument of the compiled loop, whose cache would not
    see that constants of another file changed."""

    octaves: int = 5
    wide: float = 1 / 130
    """Width of the coarsest bristles."""
    long: float = 25.0
    """Length of a streak in widths."""
    tones: float = 0.75
    """Amplitude of an octave in the colour, in that of the one before."""
    ridges: float = 0.52
    """The same in the relief."""
    tint: float = 0.09
    """How much lighter or darker the paint of a bristle is."""
    full: float = -1.0
    """Bristles whose ridge is lower than this leave a gap at the start of a stroke."""
    dry: float = -0.5
    """The same at its end, where the paint has run out."""
    thick: float = 1 / 240
    """Height of the paint of a wide stroke."""
    rim: float = 0.45
    """The ridge along both sides, in heights."""
    rim_width: float = 0.12
    """Its width in radii."""
    under: float = 0.25
    """How much of the relief under a stroke is still seen."""
    reach: float = 1.1
    """Largest distance from the curve, in radii, that a frayed edge has."""


LOOK = Look()
THREAD, WEAVE = 1 / 330, 0.16
"""Width of two threads of the canvas, and the height of the weave in heights of paint."""
LAMP = (-0.50, -0.60, 0.62)
"""The direction of the light: x to the right, y down, z to the eye."""
AMBIENT, GLOSS, SHARPNESS = 0.6, 0.16, 30


class Ground(NamedTuple):
    """A canvas and the paint on it."""

    colour: Float[Tensor, "C H W"]
    """Three channels, or four: the colour times alpha, and alpha."""
    relief: Float[Tensor, "H W"]
    """Height in pixels."""


def primed(colour: Float[Tensor, " C"], height: int, width: int) -> Ground:
    """A canvas of one colour; with four channels nothing but air, without a weave."""
    relief = torch.zeros(height, width)
    side = min(height, width)
    if len(colour) == 3:
        x = (torch.arange(width) + 0.5) / (side * THREAD)
        y = (torch.arange(height)[:, None] + 0.5) / (side * THREAD)
        over = ((x.floor() + y.floor()) % 2).bool()
        thread = torch.where(over, torch.cos(2 * torch.pi * y), torch.cos(2 * torch.pi * x))
        relief = side * LOOK.thick * WEAVE * seen(side * THREAD) * 0.5 * thread
    return Ground(colour[:, None, None].expand(-1, height, width).contiguous(), relief)


def seen(wave: float) -> float:
    """How much of a pattern of this width in pixels is shown: nothing below 1.5, all from 3 on."""
    return min(max(wave / 1.5 - 1, 0), 1)


def chance(x: Int64[Tensor, "*N"], y: Int64[Tensor, "*N"], key: int) -> Float[Tensor, "*N"]:
    """A number in [0, 1] for each pair of whole numbers, always the same."""
    h = ((x * 0x27D4EB2F) ^ (y * 0x165667B1) ^ (key * 0x1E3779B1)) & LARGEST
    h = h ^ (h >> 15)
    h = (h * 0x2C1B3C6D) & LARGEST
    h = h ^ (h >> 12)
    h = (h * 0x297A2D39) & LARGEST
    return (h ^ (h >> 15)).double() / LARGEST


def noise(x: Float[Tensor, "*N"], y: Float[Tensor, "*N"], key: int) -> Float[Tensor, "*N"]:
    """Value noise from -1 to 1: random at whole x and y, smooth between them."""
    i, j = x.floor().long(), y.floor().long()
    u, v = (part * part * (3 - 2 * part) for part in (x - i, y - j))
    top = torch.lerp(chance(i, j, key), chance(i + 1, j, key), u)
    return 2 * torch.lerp(top, torch.lerp(chance(i, j + 1, key), chance(i + 1, j + 1, key), u), v) - 1


class Sweep(NamedTuple):
    """Where a stroke's sweep is nearest to each pixel; lengths in pixels."""

    radius: Float[Tensor, "H W"]
    distance: Float[Tensor, "H W"]
    along: Float[Tensor, "H W"]
    """From the curve's start; below 0 before it, and above its length past its end."""
    across: Float[Tensor, "H W"]
    """Positive on the left of the way."""
    past: Float[Tensor, "H W"]
    """Beyond an end: negative before the start, positive after the end, else 0."""
    time: Float[Tensor, "H W"]
    """The curve's t."""


def pieces_of(strokes: Float[Tensor, "S P"], height: int, width: int) -> Int64[Tensor, " S"]:
    """The number of straight pieces of each curve: half as many as the plain brush has, since joints are seen less here."""
    _, counts = flatten(strokes, height, width)
    return (counts / 2).ceil().long()


def swept(stroke: Float[Tensor, " P"], height: int, width: int, direction: Float[Tensor, "2"]) -> Sweep:
    """The sweep of a stroke. A dot, which has no direction, gets the one given."""
    points, _ = flatten(stroke[None], height, width)
    count = int(pieces_of(stroke[None], height, width))
    t = torch.arange(count + 1, dtype=stroke.dtype)[:, None] / count
    corners = (1 - t) ** 2 * points[0, 0] + 2 * t * (1 - t) * points[0, 1] + t**2 * points[0, 2]  # K+1 2
    r0, r1 = stroke[6:8].clamp(min=0) * min(height, width)
    radii = torch.lerp(r0, r1, t[:, 0])
    lengths = (corners[1:] - corners[:-1]).norm(dim=1)
    starts = F.pad(lengths.cumsum(0), (1, 0))
    rows, columns = (torch.arange(side, dtype=stroke.dtype) + 0.5 for side in (height, width))
    q = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)  # H W 2
    gap = q.new_full((height, width), torch.inf)
    best = Sweep(*(torch.zeros_like(gap) for _ in Sweep._fields))
    for k in range(count):
        a, b = corners[k], corners[k + 1]
        share, distance = nearest(q, a, b, radii[k], radii[k + 1])
        radius = torch.lerp(radii[k], radii[k + 1], share)
        way = (b - a) / lengths[k] if lengths[k] > 1e-4 else direction
        x, y = ((q - a) * way).sum(-1), (q - a)[..., 1] * way[0] - (q - a)[..., 0] * way[1]
        end: Bool[Tensor, "H W"] = ((share == 0) & (k == 0)) | ((share == 1) & (k == count - 1))
        past = torch.where(end, x - share * lengths[k], 0)
        across = torch.copysign((distance.square() - past.square()).clamp(min=0).sqrt(), y)
        here = Sweep(radius, distance, starts[k] + share * lengths[k] + past, across, past, (k + share) / count)
        nearer = distance - radius < gap
        gap = torch.where(nearer, distance - radius, gap)
        best = Sweep(*(torch.where(nearer, new, old) for new, old in zip(here, best, strict=True)))
    return best


def lay_torch(ground: Ground, strokes: Float[Tensor, "S P"], *, numbers: Int64[Tensor, " S"], seed: int) -> None:
    """Lays strokes on the ground in place: the definition. A stroke's bristles are decided by its number and the seed."""
    height, width = ground.relief.shape
    side = min(height, width)
    wide = side * LOOK.wide
    for number, stroke in zip(numbers.tolist(), strokes.double(), strict=True):
        key = (seed * 7919 + number * 101) & LARGEST
        turn = 2 * torch.pi * chance(torch.tensor(number), torch.tensor(seed), 5)
        here = swept(stroke, height, width, torch.stack([turn.cos(), turn.sin()]))
        tone, ridge = torch.zeros_like(here.along), torch.zeros_like(here.along)
        for octave in range(LOOK.octaves):
            wave = wide / 2**octave
            bristle = seen(wave) * noise(here.across / wave, here.along / (wave * LOOK.long), key + octave)
            tone += LOOK.tones**octave * bristle
            ridge += LOOK.ridges**octave * bristle
        flank, tip = (here.across < 0).double(), (here.past > 0).double()  # one field of noise for each
        fray = 0.5 * noise(here.along / (3 * wide), flank, key + 11) + 0.5 * noise(here.along / wide, flank, key + 12)
        depth = here.radius + (0.1 * here.radius).clamp(max=0.5 * wide) * (fray + 0.3) - here.distance
        split = 0.5 * noise(2 * here.across / wide, tip, key + 13) + 0.3 * noise(0.5 * here.across / wide, tip, key + 14)
        split += 0.2 * noise(8 * here.across / wide, tip, key + 15)
        cap = (here.radius.square() - here.across.square()).clamp(min=0).sqrt() * (0.75 + 0.35 * split)
        depth = torch.where(here.past == 0, depth, torch.minimum(depth, cap - here.past.abs()))
        gaps = (4 * (LOOK.full + (LOOK.dry - LOOK.full) * here.time - ridge)).clamp(0, 1)
        covered = float(stroke[8]) * edge(depth) * (1 - 0.85 * gaps) * (here.distance < LOOK.reach * here.radius + 2)
        flat = (here.across.abs() / here.radius.clamp(min=1e-6) - 1) / LOOK.rim_width
        body = (0.4 + here.radius / (0.02 * side)).clamp(max=1)
        relief = LOOK.thick * side * body * (0.55 + 0.5 * ridge + LOOK.rim * torch.exp(-flat.square()))
        for c, value in enumerate(stroke[len(COLUMNS) :]):
            paint = (value * (1 + LOOK.tint * tone) + 0.25 * LOOK.tint * tone).clamp(0, 1) if c < 3 else value
            ground.colour[c] += covered * (paint - ground.colour[c])
        ground.relief.add_(covered * (LOOK.under * ground.relief + relief - ground.relief))


def lay(ground: Ground, strokes: Float[Tensor, "S P"], *, numbers: Int64[Tensor, " S"], seed: int) -> None:
    """`lay_torch`, compiled."""
    from drawgen.strokes import bristles_cpu

    height, width = ground.relief.shape
    points, _ = flatten(strokes.double(), height, width)
    counts = pieces_of(strokes.double(), height, width)
    bristles_cpu.lay(
        ground.colour.numpy(), ground.relief.numpy(), points.numpy(), counts.numpy(),
        (strokes[:, 6:8].clamp(min=0).double() * min(height, width)).numpy(), strokes[:, 8].double().numpy(),
        strokes[:, len(COLUMNS) :].double().numpy(), numbers.numpy(), seed, LOOK,
    )  # fmt: skip


def lit(ground: Ground) -> Float[Tensor, "C H W"]:
    """The painting under the lamp. Paint that lies flat has its own colour."""
    relief = F.pad(ground.relief[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    x, y = (relief[1:-1, 2:] - relief[1:-1, :-2]) / 2, (relief[2:, 1:-1] - relief[:-2, 1:-1]) / 2
    lamp = F.normalize(torch.tensor(LAMP), dim=0)
    half = F.normalize(lamp + torch.tensor([0.0, 0.0, 1.0]), dim=0)
    upright = (x.square() + y.square() + 1).rsqrt()
    matt = (lamp[2] - x * lamp[0] - y * lamp[1]) * upright / lamp[2]
    shine = ((half[2] - x * half[0] - y * half[1]) * upright).clamp(0, 1) ** SHARPNESS - half[2] ** SHARPNESS
    light, gloss = AMBIENT + (1 - AMBIENT) * matt.clamp(0, 2), GLOSS * shine.clamp(min=0)
    alpha = ground.colour[3:]
    colour = ground.colour[:3] / alpha.clamp(min=1e-6) if len(alpha) else ground.colour[:3]
    return torch.cat([(colour * light + gloss).clamp(0, 1), alpha])
