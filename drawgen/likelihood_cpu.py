"""-log p of pixels under a mixture of discretised logistics, with its gradient, compiled for the CPU (numba), in float32.

`likelihood.log_prob` of `likelihood.scaled` is its definition; tests compare the two. In torch each of about forty operations
reads and writes all numbers of all pixels; here `LANES` pixels at a time are computed from beginning to end, gradient included.

Axes: N pixels, K components, C channels, D numbers of a pixel: for each component its logit, C means, C log-scales and couplings.
"""

from typing import Any

import numpy as np
import torch
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import LANES, absolute, load, maximum, store, where
from jaxtyping import Float, Float32
from torch import Tensor

from drawgen.nn.lanes_cpu import exponential, log_1_plus
from drawgen.threads import spread

CHUNK = 64 * LANES
"""Pixels of one job."""


@compiled(fastmath={"contract"})
def log_mass(log_scale: Any, t: Any, decay: Any) -> Any:
    """log(1 - e^-t) with t = 1 / scale and `decay` = e^-t; for small t, where that cancels, by log(1 - e^-t) =
    log t - t / 2 + log(sinh(t / 2) / (t / 2))."""
    s = t * t
    series = np.float32(-1 / 9676800) * s + np.float32(1 / 181440)
    series = series * s + np.float32(-1 / 2880)
    series = series * s + np.float32(1 / 24)
    return where(t < np.float32(1.0), series * s - np.float32(0.5) * t - log_scale, log_1_plus(np.float32(0.0) - decay))


@compiled(fastmath={"contract"})
def log_mass_slope(t: Any, decay: Any) -> Any:
    """t / (e^t - 1), the derivative of log(1 - e^-t) by log t."""
    s = t * t
    series = np.float32(-1 / 1209600) * s + np.float32(1 / 30240)
    series = series * s + np.float32(-1 / 720)
    series = series * s + np.float32(1 / 12)
    small = series * s - np.float32(0.5) * t + np.float32(1.0)
    return where(t < np.float32(1.0), small, t * decay / (np.float32(1.0) - decay + np.float32(1e-30)))


@compiled(fastmath={"contract"})
def nats(
    start: int,
    stop: int,
    flat: Float32[np.ndarray, "N D"],
    levels: Float32[np.ndarray, "N C"],
    mean: Float32[np.ndarray, " C"],
    std: Float32[np.ndarray, " C"],
    top: float,
    least: float,
    components: int,
    out: Float32[np.ndarray, " N"],
    gradient: Float32[np.ndarray, "M D"],
) -> None:
    """Fills the pixels `start` to `stop` of `out` and of `gradient` (by `flat`), unless that has no rows."""
    channels, numbers = levels.shape[1], flat.shape[1] // components
    half, zero, one, first_top = np.float32(0.5), np.float32(0.0), np.float32(1.0), np.float32(top - 0.5)
    floor = np.float32(least)
    raw = np.empty(flat.shape[1] * LANES, np.float32)
    slope = np.empty(flat.shape[1] * LANES, np.float32)
    value = np.empty(channels * LANES, np.float32)
    means = np.empty(channels * LANES, np.float32)
    joint = np.empty(components * LANES, np.float32)  # log of a component's weight and mass
    log_whole, log_sum = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    log_unit = np.empty(channels, np.float32)
    for channel in range(channels):
        log_unit[channel] = np.log(std[channel] * np.float32(top))
    for p in range(start, stop, LANES):
        for lane in range(LANES):
            pixel = min(p + lane, stop - 1)
            for j in range(flat.shape[1]):
                raw[j * LANES + lane] = flat[pixel, j]
            for channel in range(channels):
                value[channel * LANES + lane] = levels[pixel, channel]
        largest = load(raw, 0)
        for k in range(1, components):
            largest = maximum(largest, load(raw, k * numbers * LANES))
        whole = largest * zero
        for k in range(components):
            whole = whole + exponential(load(raw, k * numbers * LANES) - largest)
        store(log_whole, 0, whole)
        for lane in range(LANES):
            log_whole[lane] = np.log(log_whole[lane])
        store(log_whole, 0, load(log_whole, 0) + largest)
        highest = largest
        for k in range(components):
            at = k * numbers * LANES
            log_joint = load(raw, at) - load(log_whole, 0)
            pair = at + (1 + 2 * channels) * LANES
            for channel in range(channels):
                at_mean, at_scale = at + (1 + channel) * LANES, at + (1 + channels + channel) * LANES
                v = load(value, channel * LANES)
                m = (load(raw, at_mean) * std[channel] + mean[channel]) * np.float32(top)
                store(means, channel * LANES, m)
                centred = v - m
                for earlier in range(channel):
                    centred = centred - load(raw, pair) * (load(value, earlier * LANES) - load(means, earlier * LANES))
                    pair += LANES
                free = load(raw, at_scale) + log_unit[channel]
                log_scale = maximum(free, floor)
                t = exponential(zero - log_scale)
                decay = exponential(zero - t)
                a, b = (centred + half) * t, (centred - half) * t
                tail_a, tail_b = exponential(zero - absolute(a)), exponential(zero - absolute(b))
                above = maximum(zero - a, zero) + log_1_plus(tail_a)
                below = maximum(b, zero) + log_1_plus(tail_b)
                inside = where(v < half, zero, where(v > first_top, zero, log_mass(log_scale, t, decay)))
                log_joint = log_joint + inside - where(v > first_top, zero, above) - where(v < half, zero, below)
                # Of the mass by `centred` and by the log-scale:
                past_a = where(v > first_top, zero, where(a > zero, tail_a, one) / (tail_a + one))
                past_b = where(v < half, zero, where(b > zero, one, tail_b) / (tail_b + one))
                by_scale = where(v < half, zero, where(v > first_top, zero, log_mass_slope(t, decay)))
                store(slope, at_mean, (past_a - past_b) * t)
                store(slope, at_scale, where(free < floor, zero, past_b * b - past_a * a - by_scale))
            store(joint, k * LANES, log_joint)
            highest = log_joint if k == 0 else maximum(highest, log_joint)
        whole = highest * zero
        for k in range(components):
            whole = whole + exponential(load(joint, k * LANES) - highest)
        store(log_sum, 0, whole)
        for lane in range(LANES):
            log_sum[lane] = np.log(log_sum[lane])
        store(log_sum, 0, load(log_sum, 0) + highest)
        for lane in range(min(LANES, stop - p)):
            out[p + lane] = -log_sum[lane]
        if gradient.shape[0] == 0:
            continue
        for k in range(components):
            at = k * numbers * LANES
            share = exponential(load(joint, k * LANES) - load(log_sum, 0))
            store(slope, at, exponential(load(raw, at) - load(log_whole, 0)) - share)
            for channel in range(channels):
                store(means, channel * LANES, zero - share * load(slope, at + (1 + channel) * LANES))  # by `centred`
                at_scale = at + (1 + channels + channel) * LANES
                store(slope, at_scale, zero - share * load(slope, at_scale))
                store(slope, at + (1 + channel) * LANES, zero - load(means, channel * LANES))
            pair = at + (1 + 2 * channels) * LANES
            for channel in range(1, channels):
                by_centred = load(means, channel * LANES)
                for earlier in range(channel):
                    at_mean = at + (1 + earlier) * LANES
                    m = (load(raw, at_mean) * std[earlier] + mean[earlier]) * np.float32(top)
                    store(slope, at_mean, load(slope, at_mean) + load(raw, pair) * by_centred)
                    store(slope, pair, (m - load(value, earlier * LANES)) * by_centred)
                    pair += LANES
            for channel in range(channels):
                at_mean = at + (1 + channel) * LANES
                store(slope, at_mean, load(slope, at_mean) * (std[channel] * np.float32(top)))
        for lane in range(min(LANES, stop - p)):
            for j in range(flat.shape[1]):
                gradient[p + lane, j] = slope[j * LANES + lane]


class Nats(torch.autograd.Function):
    """-log p of each pixel from a network's outputs (`likelihood.scaled`), float32 on the CPU."""

    @staticmethod
    def forward(
        ctx: Any,
        flat: Float[Tensor, "... D"],
        levels: Float[Tensor, "... C"],
        mean: Float[Tensor, " C"],
        std: Float[Tensor, " C"],
        components: int,
        top: int,
        least: float,
    ) -> Float[Tensor, "..."]:
        numbers, channels = flat.shape[-1], levels.shape[-1]
        pixels = levels.numel() // channels
        out = flat.new_empty(levels.shape[:-1])
        gradient = flat.new_empty(flat.shape if ctx.needs_input_grad[0] else (0, numbers))
        given = (
            flat.contiguous().view(-1, numbers).numpy(), levels.contiguous().view(-1, channels).numpy(), mean.numpy(), std.numpy(),
            float(top), least, components, out.view(-1).numpy(), gradient.view(-1, numbers).numpy(),
        )  # fmt: skip
        spread(lambda n: nats(n * CHUNK, min((n + 1) * CHUNK, pixels), *given), -(-pixels // CHUNK))
        ctx.save_for_backward(gradient)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None, None, None]:  # type: ignore[override]
        (gradient,) = ctx.saved_tensors
        return gradient * grad[..., None], None, None, None, None, None, None
