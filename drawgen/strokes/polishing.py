"""Strokes that are there already, improved: gradient descent through the brush, on all of them at once.

Axes: B pictures, C channels, H rows, W columns, T strokes, P numbers of a stroke (`drawgen_envs.brush`).
"""

from collections.abc import Callable

import torch
from drawgen_envs.brush import paint
from jaxtyping import Float
from torch import Tensor

from drawgen.nn.pyramid import pyramid

RATES = (0.012, 0.003, 0.03, 0.03)
"""Of Adam, for points, radii (both shares of the picture), opacities and colours; they fall to a fifth."""


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
    """The strokes after `steps` of Adam on the `pyramid` between what they leave on black and the target, each picture for itself.

    They stay within their bounds: points `inset` from the edge, radii between the two of `radius` (all shares of a side), opacities
    from `opacity` on. Where pictures are grey the colour stays; a stroke of no width, which is one left out, stays so. `progress`
    hears the share that is done.
    """
    channels = target.shape[1]
    parts = [part.clone().requires_grad_() for part in strokes.split([6, 2, 2, channels], 2)]
    points, radii, opacities, colours = parts
    laid = (radii.detach() > 0).to(strokes)
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
            radii.clamp_(*radius).mul_(laid)
            opacities.clamp_(opacity, 1)
            colours.clamp_(0, 1)
        if progress is not None:
            progress((step + 1) / steps)
    return torch.cat(parts, 2).detach()
