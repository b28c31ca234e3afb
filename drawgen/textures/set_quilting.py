"""Image quilting of sets: colours and maps (`textures/maps.py`) in one layout.

Axes: C channels of a set, R S rows and columns of the exemplar.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen.contract import TextureMap
from drawgen.textures.quilting import Quilted, quilt

LEAST_STD = 2 / 255
"""Of a map or of colours that are compared: noise of rounding does not count as much as a picture."""


def quilt_set(
    exemplar: Float[Tensor, "C R S"], maps: Sequence[TextureMap], size: tuple[int, int], *, rng: torch.Generator, **options: Any
) -> Quilted:
    """`quilt` of a set: one layout for all, from which exact values are copied. Where patches agree is judged by the colours and
    each map alike: a map counts as if its variance were that of the colours. Without maps it is `quilt`."""
    if not maps:
        return quilt(exemplar, size, rng=rng, **options)
    channels = [len(exemplar) - sum(one.channels for one in maps), *(one.channels for one in maps)]
    parts = exemplar.split(channels)
    deviations = [float(part.var((1, 2), correction=0).sum().sqrt()) for part in parts]
    scales = [max(deviations[0], LEAST_STD) / max(each, LEAST_STD) for each in deviations]
    seen = torch.cat([parts[0], *(part * scale for part, scale in zip(parts[1:], scales[1:], strict=True))])
    at = quilt(seen, size, colours=channels[0], rng=rng, **options).sources
    return Quilted(exemplar[:, at[..., 0], at[..., 1]], at)
