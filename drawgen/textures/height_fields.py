"""Surfaces with all their maps, made from a height field: a floor of stones, whose normals, shading, roughness and colours follow
from one relief. With them it can be measured whether maps that a model makes still belong together.

Axes: C channels, H rows, W columns.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import generator

STONE_PX = 26
"""Distance between stones."""
RELIEF_PX = 5.0
"""Height in pixels that 1 of a height map stands for."""
LIGHT = (-0.5, 0.6, 0.62)
"""Direction to the light: right, up, out of the picture."""


def floor(height: int, width: int, *, seed: int = 0) -> dict[str, Float[Tensor, "_ H W"]]:
    """A floor of stones: its `colours` (3 channels) and its maps `normal` (3), `height`, `roughness` and `occlusion` (1 each), in
    [0, 1].

    >>> {name: tuple(each.shape) for name, each in floor(40, 50).items()}["normal"]
    (3, 40, 50)
    """
    rng = generator(seed)
    down, along = torch.arange(height).float()[:, None], torch.arange(width).float()
    rows, columns = height // STONE_PX + 3, width // STONE_PX + 3
    jitter = torch.rand(2, rows, columns, generator=rng) * 0.7 - 0.35
    y = ((torch.arange(rows).float()[:, None] - 1 + jitter[0]) * STONE_PX).flatten()
    x = ((torch.arange(columns).float() - 1 + 0.5 * (torch.arange(rows) % 2)[:, None] + jitter[1]) * STONE_PX).flatten()
    waves = noise(height, width, 3, 5.0, rng)
    place = torch.stack([down + 1.5 * waves[0], along + 1.5 * waves[1]]).flatten(1)  # 2 HW, edges are not quite straight
    away = torch.cdist(place.t(), torch.stack([y, x], 1))
    near, stone = away.topk(2, largest=False)
    gap = ((near[:, 1] - near[:, 0]) / STONE_PX).view(height, width)
    dome = 1 - (1 - (gap / 0.8).clamp(0, 1)) ** 3
    rough = noise(height, width, 2, 1.2, rng)
    tall = torch.rand(len(y), generator=rng)[stone[:, 0]].view(height, width)
    relief = (0.08 + 0.62 * dome + 0.2 * tall * dome + 0.02 * rough[0] + 0.03 * waves[2]).clamp(0, 1)
    normal = normals(relief[None])
    light = torch.tensor(LIGHT)[:, None, None] / math.hypot(*LIGHT)
    shade = ((normal * 2 - 1) * light).sum(0).clamp(min=0)
    occlusion = (0.35 + 0.65 * (gap / 0.3).clamp(0, 1)).clamp(0, 1)
    tints = torch.tensor([[0.62, 0.55, 0.47], [0.5, 0.47, 0.45], [0.68, 0.6, 0.5], [0.45, 0.42, 0.44], [0.6, 0.47, 0.4]])
    tint = tints[torch.randint(len(tints), (len(y),), generator=rng)][stone[:, 0]].t().view(3, height, width)
    joint = (1 - gap / 0.12).clamp(0, 1)
    albedo = torch.lerp(tint * (1 + 0.08 * rough[1]), torch.tensor([0.4, 0.37, 0.33])[:, None, None], joint)
    colours = (albedo * occlusion * (0.35 + 0.85 * shade)).clamp(0, 1)
    roughness = (0.45 + 0.2 * (1 - tall) + 0.35 * joint + 0.05 * rough[1]).clamp(0, 1)
    return {
        "colours": colours,
        "normal": normal,
        "height": relief[None],
        "roughness": roughness[None],
        "occlusion": occlusion[None],
    }


def normals(relief: Float[Tensor, "1 H W"]) -> Float[Tensor, "3 H W"]:
    """The encoded normals of a height map, by central differences: x to the right, y up, z out of the picture (OpenGL's)."""
    padded = F.pad(relief[None], (1, 1, 1, 1), mode="replicate")[0, 0] * RELIEF_PX
    right, below = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2, (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    vectors = torch.stack([-right, below, torch.ones_like(right)])
    return vectors / vectors.square().sum(0).sqrt() / 2 + 0.5


def misalignment(normal: Float[Tensor, "3 H W"], relief: Float[Tensor, "1 H W"]) -> float:
    """The mean angle in degrees between a normal map and the normals of a height map; the outermost pixels do not count."""
    first, second = (each[:, 1:-1, 1:-1] * 2 - 1 for each in (normal, normals(relief)))
    cosine = (first * second).sum(0) / (first.square().sum(0) * second.square().sum(0)).sqrt().clamp(min=1e-6)
    return float(cosine.clamp(-1, 1).acos().mean()) * 180 / math.pi


def noise(height: int, width: int, count: int, sigma: float, rng: torch.Generator) -> Float[Tensor, "_ H W"]:
    """White noise blurred by a Gaussian of `sigma` pixels, which wraps around; mean 0 and standard deviation 1."""
    down, along = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    blur = torch.exp(-2 * (math.pi * sigma) ** 2 * (down**2 + along**2))
    blur[0, 0] = 0
    field = torch.fft.irfft2(torch.fft.rfft2(torch.randn(count, height, width, generator=rng)) * blur, (height, width))
    return field / field.std((1, 2), keepdim=True).clamp(min=1e-6)
