"""Samples pictures from a spatial LSTM, pixel by pixel: by a wavefront, and around a helix.

Axes: H rows, W columns, C channels, M numbers of a pixel (C + 1 uniform ones), E and D what a layout adds at each pixel.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import likelihood
from drawgen.nn.spatial_lstm import SpatialLSTM, Wavefront, causal_offsets

ROWS_AT_ONCE = 16
"""Rows that the compiled helix draws between two progress reports; Ctrl-C waits for at most as many."""
STEPS_AT_ONCE = 64
"""Steps of the compiled wavefront between two progress reports, likewise."""
TOP = 255
"""The highest level of a pixel."""


@runtime_checkable
class PixelNet(Protocol):
    """A net over causal neighbourhoods: embedding, spatial LSTMs, a head of one or two layers, a skip connection."""

    if TYPE_CHECKING:  # from Python 3.12 on, `isinstance` does not see what torch keeps: buffers and submodules
        config: Any
        """With `neighbourhood`, `embed`, `units` and `components`."""
        channels: int
        mean: Tensor
        std: Tensor
        embed: nn.Linear | None
        lstms: Sequence[SpatialLSTM]
        head: nn.Sequential
        skip: nn.Linear | None

    def hidden(self) -> nn.Linear | None: ...
    def output(self) -> nn.Linear: ...
    def mixture(self, flat: Float[Tensor, "... D"], *, components: int | None = None) -> likelihood.LogisticMixture: ...


@torch.inference_mode()
def by_wavefront(
    net: PixelNet,
    uniforms: Float[Tensor, "H W M"],
    *,
    before: Float[Tensor, "H W E"] | None = None,
    beside: Float[Tensor, "H W D"] | None = None,
    given: Float[Tensor, "H W C"] | None = None,
    temperature: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> Float[Tensor, "H W C"]:
    """One picture (levels 0 ... 255) by the wavefront (`in_torch`), compiled on a CPU. `before` is added to the embedding
    before its ReLU, and `beside` to the mixture's outputs. Pixels are those `given`, where that is not NaN."""
    options: dict[str, Any] = {"before": before, "beside": beside, "given": given}
    options |= {"temperature": temperature, "progress": progress}
    if net.mean.device.type == "cpu" and net.mean.dtype == torch.float32:
        return compiled(net, uniforms, **options)
    return in_torch(net, uniforms, **options)


def compiled(
    net: PixelNet,
    uniforms: Float[Tensor, "H W M"],
    *,
    before: Float[Tensor, "H W E"] | None,
    beside: Float[Tensor, "H W D"] | None,
    given: Float[Tensor, "H W C"] | None,
    temperature: float,
    progress: Callable[[float], None] | None,
) -> Float[Tensor, "H W C"]:
    """`in_torch` compiled for the CPU, in float32: see `nn/wavefront_cpu.py`."""
    from drawgen.nn.wavefront_cpu import blank, packed, wavefront

    height, width, _ = uniforms.shape
    reach = net.config.neighbourhood // 2
    canvas = blank(height, width, net.channels, reach, len(net.lstms), net.config.units)
    fixed: tuple[Any, ...] = (
        as_array(uniforms),
        packed(net.embed, list(net.lstms), net.hidden(), net.output(), net.skip),
        canvas,
        len(causal_offsets(net.config.neighbourhood)),
        net.config.embed,
        net.config.units,
        net.lstms[0].share,
        net.config.components,
        as_array(net.mean),
        as_array(net.std),
        float(temperature),
        *(np.zeros((0, 0, 0), np.float32) if part is None else as_array(part) for part in (before, beside, given)),
    )
    steps = width + (reach + 1) * (height - 1)
    for start in range(0, steps, STEPS_AT_ONCE):
        stop = min(start + STEPS_AT_ONCE, steps)
        wavefront(start, stop, *fixed)
        if progress is not None:
            progress(stop / steps)
    return torch.from_numpy(canvas.levels)


@torch.inference_mode()
def in_torch(
    net: PixelNet,
    uniforms: Float[Tensor, "H W M"],
    *,
    before: Float[Tensor, "H W E"] | None = None,
    beside: Float[Tensor, "H W D"] | None = None,
    given: Float[Tensor, "H W C"] | None = None,
    temperature: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> Float[Tensor, "H W C"]:
    """The wavefront. With a neighbourhood that reaches k pixels up and to the right, pixel (i, j) can be computed at step
    t = j + (k + 1) i, so the pixels of one step are computed together.

    In memory the pixels of a step are a fixed stride apart (one row down, k + 1 pixels to the left), so that windows
    and noise are strided views, and a state is kept for the last k + 1 steps only, by row.
    """
    height, width, _ = uniforms.shape
    channels, reach = net.channels, net.config.neighbourhood // 2
    slope = reach + 1
    wide = width + 2 * reach
    canvas = net.mean.new_zeros(height + reach, wide, channels)  # standardised, with the border
    picture = net.mean.new_zeros(height, width, channels)
    neighbours = len(causal_offsets(net.config.neighbourhood)) * channels
    layers = [Wavefront(lstm, height, slope) for lstm in net.lstms]
    steps = width + slope * (height - 1)
    for t in range(steps):
        top, bottom = max(0, -(-(t - width + 1) // slope)), min(height - 1, t // slope) + 1
        if bottom == top:
            continue  # narrower than the slope: not every step has a pixel
        rows, start = bottom - top, top * width + t - slope * top  # the first row's place in the picture
        corner = top * wide + t - slope * top  # and the corner of its window on the canvas
        window = canvas.as_strided(
            (rows, reach + 1, 2 * reach + 1, channels),
            ((wide - slope) * channels, wide * channels, channels, 1),
            corner * channels,
        )
        seen = window.reshape(rows, -1)[:, :neighbours]  # the causal ones come first in raster order
        row = torch.arange(top, bottom, device=seen.device)
        x = seen if net.embed is None else net.embed(seen)
        if before is not None:
            x = x + before[row, t - slope * row]
        if net.embed is not None:
            x = F.relu(x)
        hidden = layers[0].step((x,), t, top, bottom)
        for layer in layers[1:]:
            hidden = layer.step((hidden, x), t, top, bottom)
        flat = net.head(hidden)
        if net.skip is not None:
            flat += net.skip(seen)
        if beside is not None:
            flat += beside[row, t - slope * row]
        strides = (max(width - slope, 0), 1)
        noise = uniforms.as_strided((rows, channels + 1), (strides[0] * (channels + 1), 1), start * (channels + 1))
        raw = flat.unflatten(-1, (net.config.components, -1))
        chosen = likelihood.choose(raw[..., 0], noise[:, :1], temperature=temperature)
        one = net.mixture(raw.gather(1, chosen[:, None, None].expand(rows, 1, raw.shape[2])).squeeze(1), components=1)
        values = likelihood.sample_chosen(
            one.means[:, 0], one.log_scales[:, 0], one.coupling[:, 0], noise[:, 1:], temperature=temperature
        )
        if given is not None:
            known = given[row, t - slope * row]
            values = torch.where(known.isnan(), values, known)
        picture.as_strided((rows, channels), (strides[0] * channels, 1), start * channels).copy_(values)
        place = (corner + reach * wide + reach) * channels
        canvas.as_strided((rows, channels), ((wide - slope) * channels, 1), place).copy_((values / TOP - net.mean) / net.std)
        if progress is not None and t % 64 == 0:
            progress(t / steps)
    return picture


def around_helix(
    net: PixelNet,
    uniforms: Float[Tensor, "H W M"],
    *,
    before: Float[Tensor, "H W E"] | None = None,
    beside: Float[Tensor, "H W D"] | None = None,
    temperature: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> Float[Tensor, "H W C"]:
    """One picture (levels 0 ... 255) around a helix of circumference W, on the CPU: see `nn/spatial_lstm_cpu.py`. `before` is
    added to the embedding before its ReLU, and `beside` to the mixture's outputs."""
    from drawgen.nn.spatial_lstm_cpu import helix

    height, width, _ = uniforms.shape

    def arrays(layer: nn.Linear | None, outputs: int) -> tuple[Float32[np.ndarray, "..."], Float32[np.ndarray, "..."]]:
        if layer is None:
            return np.zeros((0, outputs), np.float32), np.zeros(outputs, np.float32)
        return as_array(layer.weight.t()), as_array(layer.bias)

    last = net.output()
    levels = np.zeros((height * width, net.channels), np.float32)
    states = np.zeros((2, len(net.lstms), width, net.config.units), np.float32)
    fixed: tuple[Any, ...] = (
        as_array(uniforms.reshape(height * width, -1)),
        width,
        np.array([up * width - b for up, b in causal_offsets(net.config.neighbourhood)]),
        arrays(net.embed, 1),
        tuple(as_array(torch.cat([lstm.weight, lstm.recurrent], 1).t()) for lstm in net.lstms),
        tuple(as_array(lstm.bias) for lstm in net.lstms),
        net.lstms[0].share,
        arrays(net.hidden(), 1),
        arrays(last, last.out_features),
        arrays(net.skip, last.out_features),
        net.config.components,
        as_array(net.mean),
        as_array(net.std),
        float(temperature),
        *(np.zeros((1, 0), np.float32) if part is None else as_array(part.flatten(0, 1)) for part in (before, beside)),
        levels,
        np.zeros_like(levels),
        *states,
    )
    for top in range(0, height, ROWS_AT_ONCE):
        helix(top * width, min(top + ROWS_AT_ONCE, height) * width, *fixed)
        if progress is not None:
            progress(min(top + ROWS_AT_ONCE, height) / height)
    return torch.from_numpy(levels).view(height, width, net.channels)


def as_array(tensor: Tensor) -> Float32[np.ndarray, "..."]:
    """A contiguous float32 array."""
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())
