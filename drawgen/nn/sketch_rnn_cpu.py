"""Sampling many drawings from a sketch-rnn with a plain LSTM, compiled for the CPU (numba).

Axes: B drawings, T rows, U units, G = 4 U gates, P = 6 M + 3 numbers of the mixture.

One step of one drawing takes about 40 small operations of torch. Compiled, all steps of all drawings are one call; drawings that
have ended leave the products. Its definition is `models.sketch_rnn.walk`; tests compare the two.
"""

from typing import NamedTuple

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float32, Int64

from drawgen.nn.decoder_cpu import sigmoid, tanh
from drawgen.nn.pen_mixture import NARROWEST, STRAIGHTEST, WIDEST

PENS, ENDED = 3, 2
LIMITS = (np.float32(np.log(NARROWEST)), np.float32(np.log(WIDEST)), np.float32(STRAIGHTEST))
"""Of log standard deviations and correlations: an argument, as a cache of compiled code does not see that another file changed."""


class Weights(NamedTuple):
    """The decoder's weights, inputs x outputs."""

    row: Float32[np.ndarray, "5 G"]
    """Of the row before."""
    along: Float32[np.ndarray, "U G"]
    output: Float32[np.ndarray, "U P"]
    output_bias: Float32[np.ndarray, " P"]


@compiled()
def choose(scores: Float32[np.ndarray, " K"], uniform: float, temperature: float) -> int:
    """`pen_mixture.inverted` for one row."""
    top = scores.max()
    total = 0.0
    for k in range(len(scores)):
        total += np.exp((scores[k] - top) / temperature)
    wanted, so_far = uniform * total, 0.0
    for k in range(len(scores)):
        so_far += np.exp((scores[k] - top) / temperature)
        if so_far > wanted:
            return k
    return len(scores) - 1


@compiled()
def draw(
    weights: Weights,
    extra: Float32[np.ndarray, "B G"],
    h: Float32[np.ndarray, "B U"],
    c: Float32[np.ndarray, "B U"],
    last: Float32[np.ndarray, "B 5"],
    uniforms: Float32[np.ndarray, "B T 2"],
    normals: Float32[np.ndarray, "B T 2"],
    temperature: float,
    limits: tuple[np.float32, np.float32, np.float32],
) -> tuple[Float32[np.ndarray, "B T 5"], Int64[np.ndarray, " B"]]:
    """(rows, how many of them, one at least) after the rows `last`; the one that ends a drawing is not among them. `extra` is the
    part of the gates that stays: that of z, and the biases. h, c and last are overwritten."""
    batch, most = uniforms.shape[:2]
    units, components = h.shape[1], (weights.output.shape[1] - PENS) // 6
    rows, counts = np.zeros((batch, most, 5), np.float32), np.zeros(batch, np.int64)
    who = np.arange(batch)  # the drawing in each place; the first `active` places go on
    extra = extra.copy()
    active = batch
    spread = np.float32(np.sqrt(temperature))
    lowest, highest, straightest = limits
    for t in range(most):
        gates = np.dot(h[:active], weights.along)
        for b in range(active):
            for k in range(5):
                if last[b, k] != 0:
                    for j in range(4 * units):
                        gates[b, j] += last[b, k] * weights.row[k, j]
            for j in range(units):
                forget = sigmoid(gates[b, units + j] + extra[b, units + j])
                new = sigmoid(gates[b, j] + extra[b, j]) * tanh(gates[b, 2 * units + j] + extra[b, 2 * units + j])
                c[b, j] = forget * c[b, j] + new
                h[b, j] = sigmoid(gates[b, 3 * units + j] + extra[b, 3 * units + j]) * tanh(c[b, j])
        numbers = np.dot(h[:active], weights.output)
        going = 0
        for b in range(active):
            own = numbers[b] + weights.output_bias
            i = who[b]
            pen = choose(own[6 * components : 6 * components + (PENS if t else ENDED)], uniforms[i, t, 0], temperature)
            if pen == ENDED:
                continue
            m = choose(own[:components], uniforms[i, t, 1], temperature)
            rho = straightest * tanh(own[5 * components + m])
            x = normals[i, t, 0]
            y = rho * x + np.sqrt(np.float32(1) - rho * rho) * normals[i, t, 1]
            at, wide = components + 2 * m, 3 * components + 2 * m
            last[going] = 0
            last[going, 0] = own[at] + spread * np.exp(min(max(own[wide], lowest), highest)) * x
            last[going, 1] = own[at + 1] + spread * np.exp(min(max(own[wide + 1], lowest), highest)) * y
            last[going, 2 + pen] = 1
            rows[i, counts[i]] = last[going]
            counts[i] += 1
            if going < b:
                h[going], c[going], extra[going], who[going] = h[b], c[b], extra[b], i
            going += 1
        active = going
        if active == 0:
            break
    return rows, counts
