"""A stack of spatial LSTMs sampled along a helix, compiled for the CPU (numba).

On a helix of circumference W the left neighbour of the first pixel of a row is the last pixel of the row above: every pixel
then has both neighbours, nothing depends on a later pixel, and the picture wraps around in x (except for a shear of one row).
The price is that no two pixels can be computed at once, so this is the one place with a loop over pixels, and it is compiled.
Its definition is `SpatialLSTM.cell` applied to one pixel after another; tests compare the two.
"""

from typing import TypeAlias

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float32, Int64

Array: TypeAlias = Float32[np.ndarray, "..."]


@compiled(fastmath=True)
def affine(x: Array, weight: Array, bias: Array, out: Array) -> None:
    """out = x W + b, with the weight as inputs x outputs: the inner loop runs over contiguous numbers."""
    outputs = weight.shape[1]
    for j in range(outputs):
        out[j] = bias[j]
    whole = weight.shape[0] // 4 * 4
    for k in range(0, whole, 4):
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        row0, row1, row2, row3 = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
        for j in range(outputs):
            out[j] += a * row0[j] + b * row1[j] + c * row2[j] + d * row3[j]
    for k in range(whole, weight.shape[0]):
        a, row0 = x[k], weight[k]
        for j in range(outputs):
            out[j] += a * row0[j]


@compiled(fastmath=True)
def sigmoid(x: np.float32) -> np.float32:
    return np.float32(1.0) / (np.float32(1.0) + np.exp(min(-x, np.float32(80.0))))


@compiled()
def sample_pixel(
    flat: Float32[np.ndarray, " M"],
    uniforms: Float32[np.ndarray, " _"],
    components: int,
    mean: Float32[np.ndarray, " C"],
    std: Float32[np.ndarray, " C"],
    temperature: float,
    levels: Float32[np.ndarray, " C"],
    standard: Float32[np.ndarray, " C"],
) -> None:
    """Samples a pixel's `levels` from a network's outputs, as `likelihood.sample` does; `standard` are the same, standardised. Of
    the C + 1 `uniforms` the first chooses the component. `flat` may have padding at its end."""
    channels = len(levels)
    numbers = 1 + 2 * channels + channels * (channels - 1) // 2
    largest = flat[0]
    for k in range(1, components):
        largest = max(largest, flat[k * numbers])
    total = 0.0
    for k in range(components):
        total += np.exp((flat[k * numbers] - largest) / temperature)
    goal, chosen, sofar = uniforms[0] * total, components - 1, 0.0
    for k in range(components):
        sofar += np.exp((flat[k * numbers] - largest) / temperature)
        if sofar >= goal:
            chosen = k
            break
    at, pair = chosen * numbers, chosen * numbers + 1 + 2 * channels
    for channel in range(channels):
        value = (flat[at + 1 + channel] * std[channel] + mean[channel]) * 255.0
        for earlier in range(channel):
            value += flat[pair] * (levels[earlier] - (flat[at + 1 + earlier] * std[earlier] + mean[earlier]) * 255.0)
            pair += 1
        log_scale = max(flat[at + 1 + channels + channel] + np.log(std[channel] * 255.0), -6.0)
        u = min(max(uniforms[1 + channel], 1e-7), 1.0 - 1e-7)
        value += np.exp(log_scale) * temperature * np.log(u / (1.0 - u))
        levels[channel] = min(max(np.round(value), 0.0), 255.0)
        standard[channel] = (levels[channel] / 255.0 - mean[channel]) / std[channel]


@compiled()
def helix(
    start: int,
    stop: int,
    uniforms: Array,
    width: int,
    back: Int64[np.ndarray, " N"],
    embed: tuple[Array, Array],
    lstms: tuple[Array, ...],
    biases: tuple[Array, ...],
    share: float,
    hidden: tuple[Array, Array],
    last: tuple[Array, Array],
    skip: tuple[Array, Array],
    components: int,
    mean: Array,
    std: Array,
    temperature: float,
    before: Float32[np.ndarray, "P E"],
    beside: Float32[np.ndarray, "P M"],
    levels: Array,
    standard: Array,
    h: Array,
    c: Array,
) -> None:
    """Fills the pixels `start` to `stop` of `levels` (pixels x channels, 0 ... 255), one after another, and of `standard`, the same
    standardised. `h` and `c` (layers x width x units, zero to begin with) carry the states on to the next call.

    `back[n]` is how many pixels before the current one its n-th causal neighbour is. Weights are inputs x outputs; an LSTM's
    inputs are [x, h_left, h_up] and its outputs the gates (g, i, f_left, f_up, o). An absent layer has a weight of no rows.
    `before` is added before the embedding's ReLU and `beside` to the outputs; both may be empty.
    """
    # States are stored by position on the helix: row p % width holds pixel p - width until pixel p itself is written.
    neighbours, channels = len(back), levels.shape[1]
    units = biases[0].shape[0] // 5
    window = np.zeros(neighbours * channels, np.float32)
    first = embed[1].shape[0] if embed[0].shape[0] > 0 else window.shape[0]
    x = np.zeros(first, np.float32)
    inputs = np.zeros(units + first + 2 * units, np.float32)
    gates = np.zeros(5 * units, np.float32)
    middle = np.zeros(hidden[1].shape[0], np.float32)
    flat = np.zeros(last[1].shape[0], np.float32)
    linear = np.zeros(last[1].shape[0], np.float32)
    for p in range(start, stop):
        for n in range(neighbours):
            q = p - back[n]
            for channel in range(channels):
                window[n * channels + channel] = standard[q, channel] if q >= 0 else np.float32(0.0)
        if embed[0].shape[0] > 0:
            affine(window, embed[0], embed[1], x)
            for j in range(before.shape[1]):
                x[j] += before[p, j]
            for j in range(first):
                x[j] = max(x[j], np.float32(0.0))
        else:
            x[:] = window
        here, left = p % width, (p - 1) % width
        for n in range(len(lstms)):
            at = 0
            if n > 0:
                inputs[:units] = h[n - 1, here]
                at = units
            inputs[at : at + first] = x
            at += first
            inputs[at : at + units] = h[n, left]
            inputs[at + units : at + 2 * units] = h[n, here]  # still the pixel above
            affine(inputs[: at + 2 * units], lstms[n], biases[n], gates)
            for u in range(units):
                state = share * (sigmoid(gates[2 * units + u]) * c[n, left, u] + sigmoid(gates[3 * units + u]) * c[n, here, u])
                state += np.tanh(gates[u]) * sigmoid(gates[units + u])
                c[n, here, u] = state
                h[n, here, u] = np.tanh(sigmoid(gates[4 * units + u]) * state)
        top = h[len(lstms) - 1, here]
        if hidden[0].shape[0] > 0:
            affine(top, hidden[0], hidden[1], middle)
            for j in range(middle.shape[0]):
                middle[j] = max(middle[j], np.float32(0.0))
            affine(middle, last[0], last[1], flat)
        else:
            affine(top, last[0], last[1], flat)
        if skip[0].shape[0] > 0:
            affine(window, skip[0], skip[1], linear)
            for j in range(flat.shape[0]):
                flat[j] += linear[j]
        for j in range(beside.shape[1]):
            flat[j] += beside[p, j]
        sample_pixel(flat, uniforms[p], components, mean, std, temperature, levels[p], standard[p])
