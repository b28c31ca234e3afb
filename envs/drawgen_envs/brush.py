"""The definition of a stroke, and painting it on a canvas.

Axes: B canvases, S strokes, P numbers of a stroke, C channels, H rows, W columns, K pieces of a curve.

A stroke is a disc of changing radius and opacity, swept along a quadratic Bezier curve:

    p(t) = (1-t)^2 p0 + 2 t (1-t) p1 + t^2 p2,    r(t) = (1-t) r0 + t r1,    a(t) = (1-t) a0 + t a1,    0 <= t <= 1

Positions are fractions of the canvas's width and height, with (0, 0) at its top left corner; radii are fractions of its shorter
side. So a stroke is the same drawing at any size. Its P numbers are `COLUMNS` and then one per channel.

At a pixel's centre q, with all lengths in pixels, t is where the sweep is nearest (|q - p(t)| - r(t) is minimal). With d = |q -
p(t)|

    m = a(t) (E(r(t) - d) - E(-r(t) - d)),    canvas <- canvas + m (colour - canvas)

where E rises from 0 at -1 to 1 at +1, the integral of a tent: an edge of two pixels. A stroke thinner than a pixel is fainter, and
a stroke of zero width is invisible. The curve is divided into K straight pieces, none of which deviates by more than an eighth of a
pixel (K = ceil(sqrt(2 |p0 - 2 p1 + p2|)), at most `pieces(H, W)`); the sweep of each piece is exact.

`paint` is this definition in plain torch, or its compiled twin on a CPU (`brush_cpu.py`) or with CUDA and Triton (`brush_gpu.py`),
with gradients. `paint_` is the same in place, without gradients.
"""

import functools
import importlib.util
import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

COLUMNS = ("x0", "y0", "x1", "y1", "x2", "y2", "r0", "r1", "a0", "a1")
"""The numbers of a stroke, before its colour."""
FARTHEST = 1e4
"""Largest number that a stroke may have."""
TINY = 1e-12
"""Square pixels, added under roots so that their gradients stay finite."""


def pieces(height: int, width: int) -> int:
    """The largest number of pieces of a curve: enough for three points anywhere on the canvas."""
    return math.ceil(math.sqrt(4 * math.hypot(height, width)))


def edge(distance: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """E: the fraction of a pixel inside an edge `distance` pixels away, under a tent filter of two pixels."""
    inside = distance.clamp(-1, 1)
    return 0.5 + inside - 0.5 * inside * inside.abs()


def flatten(strokes: Float[Tensor, "B P"], height: int, width: int) -> tuple[Float[Tensor, "B 3 2"], Float[Tensor, " B"]]:
    """The curves (B P) in pixels: their points p0, p1, p2 (B 3 2), and each one's number of pieces (B)."""
    points = torch.stack([strokes[:, 0:6:2] * width, strokes[:, 1:6:2] * height], 2)
    bend = (points[:, 0] - 2 * points[:, 1] + points[:, 2]).detach()
    count = (2 * bend.norm(dim=1)).sqrt().ceil().clamp(1, pieces(height, width))
    return points, count


def nearest(
    q: Float[Tensor, "*#pixels 2"],
    a: Float[Tensor, "*#pixels 2"],
    b: Float[Tensor, "*#pixels 2"],
    radius_a: Float[Tensor, "*#pixels"],
    radius_b: Float[Tensor, "*#pixels"],
) -> tuple[Float[Tensor, "*pixels"], Float[Tensor, "*pixels"]]:
    """The point of the piece from a to b (... 2) where its disc is nearest to q (... 2): the fraction of the way, 0 to 1, and |q -
    c|.

    With x along the piece and y across it, |q - c(u)| - r(u) is least at u = x - y s / sqrt(1 - s^2), s the loss of radius per
    pixel; for |s| >= 1 one end's disc covers the other's, and all between.
    """
    along = b - a
    length = (along.square().sum(-1) + TINY).sqrt()
    x = ((q - a) * along).sum(-1) / length
    y = ((q - a)[..., 0] * along[..., 1] - (q - a)[..., 1] * along[..., 0]).abs() / length
    slope = (radius_a - radius_b) / length
    tilt = slope / (1 - slope.square()).clamp(min=1e-6).sqrt()
    share = ((x - tilt * y) / length).clamp(0, 1)
    share = torch.where(slope >= 1, 0.0, torch.where(slope <= -1, 1.0, share))
    distance = ((q - a - share[..., None] * along).square().sum(-1) + TINY).sqrt()
    return share, distance


def mask(strokes: Float[Tensor, "B P"], height: int, width: int) -> Float[Tensor, "B H W"]:
    """m: the fraction of each pixel (B H W) that a stroke per canvas (B P) replaces."""
    points, count = flatten(strokes, height, width)
    p0, p1, p2 = points.unbind(1)
    r0, r1 = (strokes[:, 6:8].clamp(min=0) * min(height, width)).unbind(1)
    rows = torch.arange(height, dtype=strokes.dtype, device=strokes.device) + 0.5
    columns = torch.arange(width, dtype=strokes.dtype, device=strokes.device) + 0.5
    q = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)  # H W 2

    def piece(k: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Piece number k (B or B H W): its ends (... 2), their radii, and the curve's t at both."""
        ends = []
        spare = (1,) * (k.ndim - 1)
        for index in (k, k + 1):
            t = (index / count.view(-1, *spare)).clamp(max=1)
            s = t[..., None]
            a, b, c = (p.view(-1, *spare, 2) for p in (p0, p1, p2))
            ends.append(((1 - s).square() * a + 2 * s * (1 - s) * b + s.square() * c, t))
        (a, t_a), (b, t_b) = ends
        start, change = r0.view(-1, *spare), (r1 - r0).view(-1, *spare)
        return a, b, start + change * t_a, start + change * t_b, t_a, t_b

    most = pieces(height, width) if strokes.is_cuda else int(count.max())  # without waiting for the device
    with torch.no_grad():  # which piece is nearest has no gradient
        best = q.new_full((len(strokes), height, width), torch.inf)
        winner = torch.zeros_like(best)
        for k in range(most):
            a, b, radius_a, radius_b, _, _ = (e[:, None, None] for e in piece(count.new_full(count.shape, k)))
            share, distance = nearest(q, a, b, radius_a, radius_b)
            gap = distance - torch.lerp(radius_a, radius_b, share)
            nearer = (gap < best) & (k < count)[:, None, None]
            best = torch.where(nearer, gap, best)
            winner = torch.where(nearer, k, winner)
    a, b, radius_a, radius_b, t_a, t_b = piece(winner)
    share, distance = nearest(q, a, b, radius_a, radius_b)
    t = torch.lerp(t_a, t_b, share)
    radius = torch.lerp(radius_a, radius_b, share)
    a0, a1 = strokes[:, 8:10, None, None].unbind(1)
    return torch.lerp(a0.expand_as(t), a1.expand_as(t), t) * (edge(radius - distance) - edge(-radius - distance))


def paint_torch(canvas: Float[Tensor, "B C H W"], strokes: Float[Tensor, "B S P"]) -> Float[Tensor, "B C H W"]:
    """`paint` as it is defined, in plain torch on any device."""
    height, width = canvas.shape[2:]
    for stroke in strokes.unbind(1):
        m = mask(stroke, height, width)[:, None]
        canvas = canvas + m * (stroke[:, len(COLUMNS) :, None, None] - canvas)
    return canvas


def check(canvas: Tensor, strokes: Tensor) -> None:
    """Raises ValueError if canvas and strokes do not match."""
    if canvas.ndim != 4 or min(canvas.shape) < 1 or not canvas.is_floating_point():
        raise ValueError(f"a canvas is floats of the shape (B, C, H, W), not {canvas.dtype} of {tuple(canvas.shape)}")
    wanted = (len(canvas), len(COLUMNS) + canvas.shape[1])
    if strokes.ndim != 3 or (strokes.shape[0], strokes.shape[2]) != wanted:
        raise ValueError(f"strokes for this canvas have the shape ({wanted[0]}, S, {wanted[1]}), not {tuple(strokes.shape)}")
    if strokes.dtype != canvas.dtype or strokes.device != canvas.device:
        raise ValueError(f"strokes are {strokes.dtype} on {strokes.device}, the canvas {canvas.dtype} on {canvas.device}")


@functools.cache
def has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


def twin(canvas: Tensor) -> Any:
    """The module with the compiled brush for these canvases, or None for plain torch."""
    if canvas.device.type == "cpu" and canvas.dtype in (torch.float32, torch.float64):
        from drawgen_envs import brush_cpu

        return brush_cpu
    if canvas.is_cuda and canvas.dtype == torch.float32 and has_triton():
        from drawgen_envs import brush_gpu

        return brush_gpu
    return None


def paint(canvas: Tensor, strokes: Tensor) -> Tensor:
    """The canvases (B C H W, floats, colours usually in [0, 1]) after strokes (B S P), painted in order.

    Differentiable in both. Compiled on a CPU (float32, float64) and on CUDA with Triton (float32), otherwise plain torch. Raises
    ValueError for shapes that do not match and, on a CPU, for numbers that are not finite or beyond `FARTHEST`. On CUDA there is no
    such check, which would synchronise with the device; numbers that are not finite make the canvas NaN. A negative radius counts
    as 0.

    >>> white = torch.ones(1, 3, 64, 64)
    >>> red = torch.tensor([[[0.1, 0.9, 0.5, 0.0, 0.9, 0.9, 0.02, 0.05, 1.0, 1.0, 1.0, 0.0, 0.0]]])
    >>> paint(white, red).shape
    torch.Size([1, 3, 64, 64])
    """
    check(canvas, strokes)
    compiled = twin(canvas)
    return compiled.Paint.apply(canvas, strokes) if compiled else paint_torch(canvas, strokes)


def paint_(canvas: Tensor, strokes: Tensor) -> Tensor:
    """`paint` in place, without gradients.

    The compiled brush on contiguous canvases changes only the pixels under a stroke and copies no canvas. As after any change in
    place, torch refuses a backward pass through results computed from the old canvas.
    """
    check(canvas, strokes)
    compiled = twin(canvas)
    if compiled and canvas.is_contiguous():
        compiled.paint_(canvas, strokes)
        torch.autograd.graph.increment_version(canvas)  # torch did not see it
        return canvas
    with torch.no_grad():
        return canvas.copy_(paint(canvas, strokes))
