"""Segments photographed characters as in data sets: light on black, cropped and centred.

Axes: C channels, H rows, W columns.
"""

import itertools
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.images import ImageError, grey, resize, shrink

SPECK = 2e-4
"""Fraction of the picture: smaller spots are not ink, if there are larger ones."""
LONGEST_PX = 512
"""Longer side of the picture in which ink is segmented."""
FAINT = 0.05
"""Less contrast than this is not ink."""
STROKE = 0.11
"""Least thickness of a stroke, as a share of the character's height: that of MNIST's thinner digits."""
GRAINS = 12
"""Neither is less than this many times the paper's grain, its median deviation."""


def ink(
    image: Float[Tensor, "C H W"],
    height: int,
    width: int,
    *,
    alpha: Float[Tensor, "1 H W"] | None = None,
    border: float = 0.14,
    shades: bool = False,
    letter_px: float | None = None,
) -> Float[Tensor, "1 H2 W2"]:
    """The character of a picture, cropped and centred by its centre of mass, binary or with the `shades` of its edges. With
    `letter_px` it is a line or a page of characters, scaled to that height of a character, or less where they would not fit; their
    strokes are at least as thick as `STROKE` of it.

    Ink is what differs from the surrounding paper by more than half of the contrast, whatever the lighting. Ink that touches the
    picture's edge (a strip of the desk) is left out, unless there is nothing else. Raises ImageError if there is only paper.
    """
    differs, strong = strokes(image, alpha)
    if letter_px is not None:
        tall = float(np.median([box.height for box in characters(strong)]))
        strong = thickened(strong, STROKE * tall)
    rows, columns = (torch.nonzero(strong.any(dim)).flatten() for dim in (1, 0))
    near = F.max_pool2d(strong[None].float(), 5, 1, 2)[0]  # the shades of its edges
    cut = strong.float() if shades else differs * near
    cut = cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    room = 1 - 2 * border
    factor = min(height * room / cut.shape[0], width * room / cut.shape[1])
    if letter_px is not None:
        factor = min(factor, letter_px / tall)
    cut = resize(cut[None], max(1, round(cut.shape[0] * factor)), max(1, round(cut.shape[1] * factor)))[0]
    mass = cut.sum().clamp(min=1e-6)
    middle_y = (cut.sum(1) * torch.arange(len(cut))).sum() / mass
    middle_x = (cut.sum(0) * torch.arange(cut.shape[1])).sum() / mass
    top = min(max(round(height / 2 - 0.5 - float(middle_y)), 0), height - len(cut))
    left = min(max(round(width / 2 - 0.5 - float(middle_x)), 0), width - cut.shape[1])
    page = torch.zeros(1, height, width)
    page[0, top : top + len(cut), left : left + cut.shape[1]] = cut
    return page if shades else (page > 0.5).float()


def strokes(
    image: Float[Tensor, "C H W"], alpha: Float[Tensor, "1 H W"] | None = None
) -> tuple[Float[Tensor, "H2 W2"], Bool[Tensor, "H2 W2"]]:
    """(how much each pixel differs from the paper, in [0, 1]; which pixels are ink) of a picture, reduced to `LONGEST_PX`. Raises
    ImageError if there is only paper."""
    plane = grey(image)
    if alpha is not None:
        plane = on_ground(plane, alpha)
    differs = contrast(shrink(plane, LONGEST_PX)[0])
    return differs, whole_strokes(differs > 0.5)


class Box(NamedTuple):
    """The bounding box of a character, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def characters(strong: Bool[Tensor, "H W"]) -> list[Box]:
    """The boxes of the characters from left to right: connected ink, and ink that is no farther away than a third of its own size
    over or under other ink (the bar of a five)."""
    from skimage.measure import label, regionprops

    boxes = [Box(*map(int, region.bbox)) for region in regionprops(label(strong.numpy()))]
    joined = True
    while joined:
        joined = False
        for a, b in itertools.combinations(boxes, 2):
            small, large = sorted((a, b), key=lambda box: max(box.height, box.width))
            beside = min(a.right, b.right) - max(a.left, b.left)
            gap = max(a.top, b.top) - min(a.bottom, b.bottom)
            if beside >= 0.5 * small.width and gap <= max(small.height, small.width) / 3 and 2 * small.height < 1.5 * large.height:
                boxes = [box for box in boxes if box not in (a, b)]
                boxes.append(Box(min(a.top, b.top), min(a.left, b.left), max(a.bottom, b.bottom), max(a.right, b.right)))
                joined = True
                break
    return sorted(boxes, key=lambda box: box.left)


def thickened(strong: Bool[Tensor, "H W"], least_px: float) -> Bool[Tensor, "H W"]:
    """Ink whose strokes are at least so thick. A line of w pixels has a mean distance of (w + 2) / 4 to the paper's next pixel."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(strong.numpy(), 1)
    width = 4 * float(distance_transform_edt(padded)[padded].mean()) - 2
    grow = (least_px - width) / 2
    if grow <= 0:
        return strong
    return torch.from_numpy(distance_transform_edt(~padded)[1:-1, 1:-1] <= grow)


def on_ground(plane: Float[Tensor, "1 H W"], alpha: Float[Tensor, "1 H W"]) -> Float[Tensor, "1 H W"]:
    """A transparent picture, composited over a ground on which its content is visible. If it has one colour, that is ink, and the
    ground is as different as possible. If it has several, it is a sheet with ink, and the ground has the sheet's colour."""
    seen = alpha > 0.5
    if not seen.any():
        raise ImageError("the picture is wholly transparent; give one with a character on it")
    levels = ((plane + alpha - 1) / alpha.clamp(min=0.5))[seen].clamp(0, 1)
    middle = levels.median()
    ground = middle if float((levels - middle).abs().mean()) > FAINT else (middle < 0.5).float()
    return plane + (1 - alpha) * (ground - 1)


def contrast(plane: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """The difference of each pixel from the paper, scaled to [0, 1]. The slope of the light is divided out first. The paper is the
    picture without everything darker (or lighter, on a blackboard) and narrower than half the picture. Raises ImageError if nothing
    differs."""
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
    """The lighting of the paper: the quadratic surface that minimises the mean absolute error to the pixels (iteratively reweighted
    least squares). There is less ink than paper, so ink hardly affects it."""

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
    """Morphological closing: removes what is darker than its surroundings and narrower than twice `reach` (a maximum filter, then a
    minimum filter)."""

    def greatest(plane: Float[Tensor, "1 H W"]) -> Float[Tensor, "1 H W"]:
        return F.max_pool2d(F.max_pool2d(plane, (2 * reach + 1, 1), 1, (reach, 0)), (1, 2 * reach + 1), 1, (0, reach))

    return -greatest(-greatest(plane[None]))[0]


def whole_strokes(strong: Bool[Tensor, "H W"]) -> Bool[Tensor, "H W"]:
    """Removes specks, and what touches the picture's edge if anything else is left."""
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
