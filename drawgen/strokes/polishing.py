"""Polishing: gradient descent through the brush on existing strokes, all at once.

Axes: B pictures, C channels, H rows, W columns, T strokes, P numbers of a stroke (`drawgen_envs.brush`).
"""

from collections.abc import Callable

import torch
from drawgen_envs.brush import paint
from jaxtyping import Float
from torch import Tensor

from drawgen.nn.pyramid import pyramid

RATES = (0.012, 0.003, 0.03, 0.03)
"""Adam's learning rates for points, radii (both fractions of the picture), opacities and colours; they decay to a fifth."""


def polish(
    strokes: Float[Tensor, "B T P"],
    target: Float[Tensor, "B C H W"],
    steps: int,
    *,
    radius: tuple[float, float],
    opacity: float = 0.0,
    inset: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> Float[Tensor, "B T P"]:
    """The strokes after `steps` steps of Adam on the `pyramid` error between their rendering on black and the target, per picture.

    They stay within their bounds: points at least `inset` from the edge, radii between the two of `radius` (all fractions of a
    side) or as wide as they were, opacities at least `opacity`. On grey pictures the colour is fixed. A stroke of zero width,
    which is left out, stays so. `progress` is called with the fraction done.
    """
    channels = target.shape[1]
    parts = [part.clone().requires_grad_() for part in strokes.split([6, 2, 2, channels], 2)]
    points, radii, opacities, colours = parts
    laid = (radii.detach() > 0).to(strokes)
    widest = radii.detach().clamp(min=radius[1])
    moving = parts if channels > 1 else parts[:3]
    adam = torch.optim.Adam([{"params": [part]} for part in moving], betas=(0.8, 0.95))
    for step in range(steps):
        for group, rate in zip(adam.param_groups, RATES, strict=False):
            group["lr"] = rate * (1 - 0.8 * step / steps)
        adam.zero_grad()
        canvas = paint(torch.zeros_like(target), torch.cat(parts, 2))
        pyramid(canvas, target).sum().backward()  # type: ignore[no-untyped-call]
        adam.step()
        with torch.no_grad():
            points.clamp_(inset, 1 - inset)
            radii.copy_(radii.clamp(min=radius[0]).minimum(widest)).mul_(laid)
            opacities.clamp_(opacity, 1)
            colours.clamp_(0, 1)
        if progress is not None:
            progress((step + 1) / steps)
    return torch.cat(parts, 2).detach()
