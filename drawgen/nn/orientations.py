"""Mixtures over the orientations of a picture (Theis & Bethge 2015, "EoRIDE"): one model, asked about turned and mirrored copies.

Axes: B pictures, C channels, H rows, W columns.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

COUNTS = (1, 2, 4, 8)


def orientations(images: Float[Tensor, "B C H W"], count: int) -> list[Float[Tensor, "B C _ _"]]:
    """The first 1, 2, 4 or 8 of: the pictures; mirrored; both upside down; all of these transposed."""
    found = [images]
    for turn in (lambda x: x.flip(3), lambda x: x.flip(2), lambda x: x.transpose(2, 3)):
        if len(found) < count:
            found += [turn(image) for image in found]
    return [image.contiguous() for image in found]


def mixture_nats(
    nats: Callable[[Float[Tensor, "B C _ _"]], Float[Tensor, " B"]], images: Float[Tensor, "B C H W"], count: int
) -> Float[Tensor, " B"]:
    """-log of the mean density of a picture's orientations. `nats` gives -log p of each whole picture."""
    each = torch.stack([nats(turned).double() for turned in orientations(images, count)])
    return math.log(count) - (-each).logsumexp(0)
