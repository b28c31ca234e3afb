"""Colours of strokes: parsed from text, chosen from a photograph, and matched to a palette."""

import re

import numpy as np
import torch
from jaxtyping import Float
from PIL import ImageColor
from torch import Tensor

from drawgen.images import shrink, to_bytes
from drawgen.ranges import ArgumentError

MOST_COLOURS = 256
INKS_PX = 160
"""Longer side of the picture from which a palette is chosen."""


def parse_colour(text: str, name: str) -> Float[Tensor, "3"]:
    """`#rrggbb`, `#rgb` or a colour's name in CSS as red, green and blue in [0, 1]. Raises ArgumentError, with that `name`."""
    text = text.strip()
    try:
        found: tuple[int, ...] = ImageColor.getrgb(f"#{text}" if re.fullmatch(r"[0-9a-fA-F]{6}", text) else text)
    except ValueError:
        found = ()
    if len(found) != 3:
        raise ArgumentError(
            name, f"has {text!r}; give a colour as #rrggbb, red, green and blue in hexadecimal (#ff8800), or a CSS name"
        )
    return torch.tensor([level / 255 for level in found])


def parse_palette(text: str, photo: Float[Tensor, "C H W"]) -> Float[Tensor, "K 3"]:
    """Colours separated by commas, or `auto:N` for N colours of the photograph. Raises ArgumentError."""
    count = automatic(text)
    return listed(text) if count is None else inks(photo, count)


def automatic(text: str) -> int | None:
    """N of `auto:N`; None for a list of colours. Raises ArgumentError."""
    if not text.startswith("auto:"):
        return None
    if not text[5:].isdecimal() or not 1 <= int(text[5:]) <= MOST_COLOURS:
        raise ArgumentError("palette", f"is {text!r}; give auto:N with N from 1 to {MOST_COLOURS}, or colours as #rrggbb,#rrggbb")
    return int(text[5:])


def listed(text: str) -> Float[Tensor, "K 3"]:
    """Colours separated by commas. Raises ArgumentError."""
    colours = [parse_colour(part, "palette") for part in text.split(",")]
    if len(colours) > MOST_COLOURS:
        raise ArgumentError("palette", f"has {len(colours)} colours; at most {MOST_COLOURS} are mixed")
    return torch.stack(colours)


def inks(photo: Float[Tensor, "C H W"], count: int) -> Float[Tensor, "K 3"]:
    """`mixed` of the photograph's pixels."""
    pixels = to_bytes(shrink(photo.expand(3, -1, -1), INKS_PX)).reshape(-1, 3)
    colours, shares = np.unique(pixels, axis=0, return_counts=True)
    return mixed(torch.from_numpy(colours).double() / 255, torch.from_numpy(shares).double(), count)


def mixed(colours: Float[Tensor, "N 3"], weight: Float[Tensor, " N"], count: int) -> Float[Tensor, "K 3"]:
    """A palette for weighted colours, by k-means in Oklab (Ottosson 2020), initialised by k-means++ (Arthur & Vassilvitskii 2007).
    It has `count` colours, or fewer if there are fewer, and depends on the colours alone."""
    rng = torch.Generator().manual_seed(0)
    seen = oklab(colours)
    count = min(count, len(seen))
    chosen = torch.multinomial(weight, 1, generator=rng)
    nearest = (seen - seen[chosen]).square().sum(1)
    while len(chosen) < count:  # of a few by chance, the one that saves most
        tries = torch.multinomial(weight * nearest, min(8, len(seen)), replacement=True, generator=rng)
        left = torch.minimum(nearest, (seen[tries][:, None] - seen).square().sum(2))
        best = int((left @ weight).argmin())
        chosen, nearest = torch.cat([chosen, tries[best : best + 1]]), left[best]
    means = seen[chosen]
    for _ in range(40):
        which = torch.cdist(seen, means).argmin(1)
        total = torch.zeros(count, 1, dtype=torch.float64).index_add_(0, which, weight[:, None])
        sums = torch.zeros(count, 3, dtype=torch.float64).index_add_(0, which, weight[:, None] * seen)
        means = torch.where(total > 0, sums / total.clamp(min=1), means)
    return from_oklab(means).float()


TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def oklab(colours: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
    """sRGB in [0, 1] as Oklab, in which equal steps look about equal."""
    linear = torch.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055).pow(2.4))
    cones = (linear @ colours.new_tensor(TO_CONES).T).clamp(min=0).pow(1 / 3)
    return cones @ colours.new_tensor(TO_LAB).T


def from_oklab(lab: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
    """Oklab as sRGB in [0, 1]; colours outside sRGB are clipped."""
    cones = (lab @ torch.linalg.inv(lab.new_tensor(TO_LAB)).T).pow(3)
    linear = (cones @ torch.linalg.inv(lab.new_tensor(TO_CONES)).T).clamp(0, 1)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.pow(1 / 2.4) - 0.055).clamp(0, 1)


def nearest_colour(colours: Float[Tensor, "S 3"], palette: Float[Tensor, "K 3"]) -> Float[Tensor, "S 3"]:
    return palette[(colours[:, None] - palette).square().sum(2).argmin(1)]
