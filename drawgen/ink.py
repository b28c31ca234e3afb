"""A photographed character as data sets have it: light on black, cut out, centred.

Axes: C channels, H rows, W columns.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.images import ImageError, grey, resize, shrink

SPECK = 2e-4
"""Of the picture: a smaller spot is no ink, where there are larger ones."""
LONGEST_PX = 512
"""Longer side of the picture in which ink is looked for."""
FAINT = 0.05
"""Less contrast than this is no ink."""
GRAINS = 12
"""Nor is less than so many times the paper's grain, its median deviation."""


def ink(
    image: Float[Tensor, "C H W"],
    height: int,
    width: int,
    *,
    alpha: Float[Tensor, "1 H W"] | None = None,
    border: float = 0.14,
    shades: bool = False,
) -> Float[Tensor, "1 H2 W2"]:
    """The character of a picture, cut out and centred by its mass, in black and white or with the `shades` that its edges have.

    What differs from the paper around it by more than half of the contrast is ink, wherever the light falls. What touches the
    picture's edge (a strip of the desk) is left out, unless nothing else is there. Raises ImageError where there is nothing but
    paper.
    """
    plane = grey(image)
    if alpha is not None:
        plane = on_ground(plane, alpha)
    differs = contrast(shrink(plane, LONGEST_PX)[0])
    strong = whole_strokes(differs > 0.5)
    rows, columns = (torch.nonzero(strong.any(dim)).flatten() for dim in (1, 0))
    near = F.max_pool2d(strong[None].float(), 5, 1, 2)[0]  # the shades of its edges
    cut = strong.float() if shades else differs * near
    cut = cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    room = 1 - 2 * border
    factor = min(height * room / cut.shape[0], width * room / cut.shape[1])
    cut = resize(cut[None], max(1, round(cut.shape[0] * factor)), max(1, round(cut.shape[1] * factor)))[0]
    mass = cut.sum().clamp(min=1e-6)
    middle_y = (cut.sum(1) * torch.arange(len(cut))).sum() / mass
    middle_x = (cut.sum(0) * torch.arange(cut.shape[1])).sum() / mass
    top = min(max(round(height / 2 - 0.5 - float(middle_y)), 0), height - len(cut))
    left = min(max(round(width / 2 - 0.5 - float(middle_x)), 0), width - cut.shape[1])
    page = torch.zeros(1, height, width)
    page[0, top : top + len(cut), left : left + cut.shape[1]] = cut
    return page if shades else (page > 0.5).float()


def on_ground(plane: Float[Tensor, "1 H W"], alpha: Float[Tensor, "1 H W"]) -> Float[Tensor, "1 H W"]:
    """A picture that was laid on white, on a ground that shows what is in it: one colour is ink, and its ground is as different as
    can be; several are a sheet with ink on it, and their ground is the sheet's."""
    seen = alpha > 0.5
    if not seen.any():
        raise ImageError("the picture is wholly transparent; give one with a character on it")
    levels = ((plane + alpha - 1) / alpha.clamp(min=0.5))[seen].clamp(0, 1)
    middle = levels.median()
    ground = middle if float((levels - middle).abs().mean()) > FAINT else (middle < 0.5).float()
    return plane + (1 - alpha) * (ground - 1)


def contrast(plane: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """How much each pixel differs from the paper, from 0 to 1, the strongest. Paper is what is left when all that is darker than it
    (or lighter, on a blackboard) and narrower than half the picture is taken away, after the slope of the light is divided out.
    Raises ImageError where nothing differs."""
    height, width = plane.shape
    plane = F.avg_pool2d(F.pad(plane[None], (1, 1, 1, 1), mode="replicate"), 3, 1)[0] if min(height, width) > 200 else plane
    light = slope(plane).clamp(min=0.02)
    inner = (plane - light)[height // 10 : height - height // 10, width // 10 : width - width // 10]
    reach = max(3, min(height, width) // 4)
    flat = plane * light.mean() / light
    if -inner.min() >= inner.max():
        differs = 1 - flat / closed(flat, reach).clamp(min=1e-3)
    else:
        differs = flat + closed(-flat, reach)
    differs = differs - differs.median()
    strongest, grain = float(differs.max()), float(differs.abs().median())
    if strongest < max(FAINT, GRAINS * grain):
        what = "nothing but paper" if strongest < FAINT else "no ink that stands out from its ground"
        raise ImageError(f"the picture shows {what}; give a character on plain paper")
    return differs.clamp(min=0) / strongest


def slope(plane: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """The light that falls on the paper: the surface of second degree that is next to the pixels in the mean absolute error, by
    which ink, being less than paper, does not count (iteratively reweighted least squares)."""

    def terms(height: int, width: int) -> Float[Tensor, "N 6"]:
        y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        return torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y], 2).view(-1, 6).double()

    coarse = F.interpolate(plane[None, None], (48, 48), mode="area").double().view(-1)
    known = terms(48, 48)
    weight = torch.ones_like(coarse)
    for _ in range(30):
        normal = known.T @ (weight[:, None] * known)
        found = torch.linalg.solve(normal, known.T @ (weight * coarse))
        weight = 1 / (coarse - known @ found).abs().clamp(min=1e-3)
    return (terms(*plane.shape) @ found).float().view(plane.shape)


def closed(plane: Float[Tensor, "H W"], reach: int) -> Float[Tensor, "H W"]:
    """Without what is darker than all around it and narrower than twice `reach`: the greatest within reach, and of those the
    least."""

    def greatest(plane: Float[Tensor, "1 H W"]) -> Float[Tensor, "1 H W"]:
        return F.max_pool2d(F.max_pool2d(plane, (2 * reach + 1, 1), 1, (reach, 0)), (1, 2 * reach + 1), 1, (0, reach))

    return -greatest(-greatest(plane[None]))[0]


def whole_strokes(strong: Bool[Tensor, "H W"]) -> Bool[Tensor, "H W"]:
    """Without specks, and without what touches the picture's edge where something else is left."""
    from skimage.measure import label

    found = label(strong.numpy())
    sizes = np.bincount(found.ravel())
    sizes[0] = 0
    kept = sizes > (SPECK * found.size if (sizes > SPECK * found.size).any() else 0)
    edge = np.unique(np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]]))
    inner = kept.copy()
    inner[edge] = False
    if inner.any():
        rows, columns = (np.flatnonzero(inner[found].any(axis)) for axis in (1, 0))
        if max(np.ptp(rows), np.ptp(columns)) >= min(strong.shape) / 10:
            kept = inner
    return torch.from_numpy(kept[found])
