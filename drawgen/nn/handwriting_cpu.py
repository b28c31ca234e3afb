"""Writing many lines with a model of handwriting, compiled for the CPU (numba).

Axes: B lines, T rows, N characters, C symbols, K components of the window, U units, G = 4 U gates, L layers, P = 6 M + 2 numbers of
the mixture.

Its definition is `models.handwriting.walk`; tests compare the two. Lines that have been written leave the products.
"""

from typing import NamedTuple

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float32, Int64

from drawgen.nn.decoder_cpu import sigmoid, tanh
from drawgen.nn.sketch_rnn_cpu import choose

ROW, PENS = 3, 2


class Weights(NamedTuple):
    """The network's weights, inputs x outputs."""

    row: Float32[np.ndarray, "3 G"]
    """Of the first layer: of the row before, of the window, of its state."""
    window: Float32[np.ndarray, "C G"]
    along: Float32[np.ndarray, "U G"]
    bias: Float32[np.ndarray, " G"]
    numbers: Float32[np.ndarray, "U K3"]
    numbers_bias: Float32[np.ndarray, " K3"]
    others: Float32[np.ndarray, "L1 D G"]
    """Of the other layers: of the row, the window and the layer below, and of its state."""
    others_along: Float32[np.ndarray, "L1 U G"]
    others_bias: Float32[np.ndarray, "L1 G"]
    output: Float32[np.ndarray, "LU P"]
    output_bias: Float32[np.ndarray, " P"]


class Lines(NamedTuple):
    """Lines that are being written. All but the texts are overwritten."""

    text: Int64[np.ndarray, "B N"]
    lengths: Int64[np.ndarray, " B"]
    h: Float32[np.ndarray, "L B U"]
    c: Float32[np.ndarray, "L B U"]
    kappa: Float32[np.ndarray, "B K"]
    window: Float32[np.ndarray, "B C"]
    last: Float32[np.ndarray, "B 3"]
    """The row before."""


@compiled()
def step_layer(gates: Float32[np.ndarray, "B G"], h: Float32[np.ndarray, "B U"], c: Float32[np.ndarray, "B U"]) -> None:
    """One step of an LSTM from its gates; h and c are overwritten."""
    units = h.shape[1]
    for b in range(len(gates)):
        for j in range(units):
            forget = sigmoid(gates[b, units + j])
            c[b, j] = forget * c[b, j] + sigmoid(gates[b, j]) * tanh(gates[b, 2 * units + j])
            h[b, j] = sigmoid(gates[b, 3 * units + j]) * tanh(c[b, j])


@compiled()
def look(
    numbers: Float32[np.ndarray, " K3"],
    text: Int64[np.ndarray, " N"],
    count: int,
    kappa: Float32[np.ndarray, " K"],
    window: Float32[np.ndarray, " C"],
    phi: Float32[np.ndarray, " N1"],
) -> None:
    """`SoftWindow` for one line of `count` characters; kappa, window and phi are overwritten."""
    parts = len(kappa)
    window[:] = 0
    phi[:] = 0
    for k in range(parts):
        kappa[k] += np.exp(numbers[2 * parts + k])
        alpha, beta = np.exp(numbers[k]), np.exp(numbers[parts + k])
        for place in range(count + 1):
            away = kappa[k] - np.float32(place + 1)
            phi[place] += alpha * np.exp(-beta * away * away)
    for place in range(count):
        window[text[place]] += phi[place]


@compiled()
def draw(
    weights: Weights,
    lines: Lines,
    uniforms: Float32[np.ndarray, "B T 2"],
    normals: Float32[np.ndarray, "B T 2"],
    bias: float,
    fresh: bool,
    limits: tuple[np.float32, np.float32, np.float32],
) -> tuple[Float32[np.ndarray, "B T 3"], Int64[np.ndarray, " B"], Float32[np.ndarray, "B T N1"]]:
    """(rows, how many of them, phi at each) of each line, after the row `lines.last`. If `fresh`, the first row has no step. The
    limits are `sketch_rnn_cpu.LIMITS`."""
    batch, most = uniforms.shape[:2]
    layers, units = lines.h.shape[0], lines.h.shape[2]
    components = (weights.output.shape[1] - PENS) // 6
    symbols = lines.window.shape[1]
    rows, counts = np.zeros((batch, most, ROW), np.float32), np.zeros(batch, np.int64)
    seen = np.zeros((batch, most, lines.text.shape[1] + 1), np.float32)
    who = np.arange(batch)  # the line in each place; the first `active` places go on
    h, c, kappa, window, last = lines.h, lines.c, lines.kappa, lines.window, lines.last
    active = batch
    spread, sharper = np.float32(np.exp(-bias)), 1 / (1 + bias)
    lowest, highest, straightest = limits
    for t in range(most):
        gates = np.dot(h[0, :active], weights.along) + np.dot(window[:active], weights.window)
        gates += np.dot(last[:active], weights.row) + weights.bias
        step_layer(gates, h[0], c[0])
        numbers = np.dot(h[0, :active], weights.numbers) + weights.numbers_bias
        for b in range(active):
            i = who[b]
            look(numbers[b], lines.text[i], lines.lengths[i], kappa[b], window[b], seen[i, t])
        inputs = np.empty((active, ROW + symbols + units), np.float32)
        inputs[:, :ROW] = last[:active]
        inputs[:, ROW : ROW + symbols] = window[:active]
        hidden = np.empty((active, layers * units), np.float32)
        hidden[:, :units] = h[0, :active]
        for n in range(1, layers):
            inputs[:, ROW + symbols :] = h[n - 1, :active]
            gates = np.dot(inputs, weights.others[n - 1]) + np.dot(h[n, :active], weights.others_along[n - 1])
            gates += weights.others_bias[n - 1]
            step_layer(gates, h[n], c[n])
            hidden[:, n * units : (n + 1) * units] = h[n, :active]
        outputs = np.dot(hidden, weights.output)
        going = 0
        for b in range(active):
            i = who[b]
            count = lines.lengths[i]
            if t > 0 and seen[i, t, count] > seen[i, t, :count].max():
                continue
            own = outputs[b] + weights.output_bias
            pen = choose(own[6 * components :], uniforms[i, t, 0], 1.0)
            m = choose(own[:components], uniforms[i, t, 1], sharper)
            rho = straightest * tanh(own[5 * components + m])
            x = normals[i, t, 0]
            y = rho * x + np.sqrt(np.float32(1) - rho * rho) * normals[i, t, 1]
            at, wide = components + 2 * m, 3 * components + 2 * m
            if t == 0 and fresh:
                last[going, :2] = 0
            else:
                last[going, 0] = own[at] + spread * np.exp(min(max(own[wide], lowest), highest)) * x
                last[going, 1] = own[at + 1] + spread * np.exp(min(max(own[wide + 1], lowest), highest)) * y
            last[going, 2] = pen
            rows[i, t] = last[going]
            counts[i] = t + 1
            if going < b:
                for n in range(layers):
                    h[n, going], c[n, going] = h[n, b], c[n, b]
                kappa[going], window[going], who[going] = kappa[b], window[b], i
            going += 1
        active = going
        if active == 0:
            break
    return rows, counts, seen
