"""A stack of spatial LSTMs sampled by the wavefront, compiled for the CPU (numba).

Its definition is `pixel_sampling.in_torch`; tests compare both with the network. The pixels of a step are the rows of small
matrices that are multiplied by weights which stay in the cache, and nothing is allocated on the way.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import LANES, load, maximum, store
from jaxtyping import Float32
from torch import nn
from torch.nn import functional as F

from drawgen.nn.lanes_cpu import ROWS, add_product, padded, padded_rows, sigmoid, tanh
from drawgen.nn.spatial_lstm import SpatialLSTM
from drawgen.nn.spatial_lstm_cpu import sample_pixel
from drawgen.nn.spatial_lstm_sweep_cpu import packed_bias, packed_weight

Array: TypeAlias = Float32[np.ndarray, "..."]


class Weights(NamedTuple):
    """A model's weights, inputs x outputs, outputs padded with zeros to a multiple of LANES. An absent layer has no outputs.

    Axes: D numbers of a window, E units of the embedding, R and G as in `spatial_lstm_sweep_cpu`, U units, M units of the hidden
    layer, O outputs; L spatial LSTMs.
    """

    embed: tuple[Float32[np.ndarray, "D E"], Float32[np.ndarray, " E"]]
    lstms: tuple[Float32[np.ndarray, "R G"], ...]
    biases: Float32[np.ndarray, "L G"]
    hidden: tuple[Float32[np.ndarray, "U M"], Float32[np.ndarray, " M"]]
    last: tuple[Float32[np.ndarray, "M O"], Float32[np.ndarray, " O"]]
    skip: Float32[np.ndarray, "D O"]
    """Its bias is part of the last layer's."""


class Canvas(NamedTuple):
    """A picture that is being sampled. Axes: H rows, W columns, C channels, Y = H + reach, X = W + 2 reach, H1 = H + 1 + ROWS,
    S = slope + 1 steps; L and U as in `Weights`."""

    levels: Float32[np.ndarray, "H W C"]
    standard: Float32[np.ndarray, "Y X C"]
    """The same, standardised, with the border."""
    h: Float32[np.ndarray, "L S H1 U"]
    """By step and row, counted from 1, with ROWS to spare; whatever was not written yet is the zero border."""
    c: Float32[np.ndarray, "L S H1 U"]


def blank(height: int, width: int, channels: int, reach: int, layers: int, units: int) -> Canvas:
    states = (layers, reach + 2, height + 1 + ROWS, padded(units))
    return Canvas(
        np.zeros((height, width, channels), np.float32),
        np.zeros((height + reach, width + 2 * reach, channels), np.float32),
        np.zeros(states, np.float32),
        np.zeros(states, np.float32),
    )


@torch.no_grad()
def packed(
    embed: nn.Linear | None, lstms: Sequence[SpatialLSTM], hidden: nn.Linear | None, last: nn.Linear, skip: nn.Linear | None
) -> Weights:
    def arrays(layer: nn.Linear | None) -> tuple[Array, Array]:
        if layer is None:
            return np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
        spare = padded(layer.out_features) - layer.out_features
        weight, bias = F.pad(layer.weight.t(), (0, spare)), F.pad(layer.bias, (0, spare))
        return weight.contiguous().numpy(), bias.contiguous().numpy()

    weight, bias = arrays(last)
    beside, more = arrays(skip)
    return Weights(
        arrays(embed),
        tuple(packed_weight(lstm.weight, lstm.recurrent).numpy() for lstm in lstms),
        np.stack([packed_bias(lstm.bias).numpy() for lstm in lstms]),
        arrays(hidden),
        (weight, bias if skip is None else bias + more),
        beside,
    )


@compiled(fastmath={"contract"})
def rectify(x: Float32[np.ndarray, " _"], stop: int) -> None:
    for at in range(0, stop, LANES):
        store(x, at, maximum(load(x, at), np.float32(0.0)))


@compiled(fastmath={"contract"})
def wavefront(
    start: int,
    stop: int,
    uniforms: Float32[np.ndarray, "H W _"],
    weights: Weights,
    canvas: Canvas,
    neighbours: int,
    features: int,
    units: int,
    share: float,
    components: int,
    mean: Float32[np.ndarray, " C"],
    std: Float32[np.ndarray, " C"],
    temperature: float,
    before: Float32[np.ndarray, "H W E"],
    beside: Float32[np.ndarray, "H W O"],
    given: Float32[np.ndarray, "H W C"],
) -> None:
    """Samples the pixels of the steps `start` to `stop`: pixel (i, j) is computed at step j + slope * i. `before` (added before the
    embedding's ReLU), `beside` (added to the outputs) and `given` (pixels that are not sampled, where it is not NaN) may be empty.
    `neighbours` is D / C, `features` E without padding, and `units` U without padding."""
    embed, lstms, biases, hidden, last, skip = weights
    levels, standard, h, c = canvas
    height, width, channels = levels.shape
    layers, slope, wide, across = h.shape[0], h.shape[1] - 1, h.shape[3], standard.shape[1]
    reach = (across - width) // 2
    columns, slot = 5 * wide, h.shape[2] * wide
    seen, outputs, half = neighbours * channels, last[0].shape[1], np.float32(share)
    with_embed, with_hidden = len(embed[1]) > 0, len(hidden[1]) > 0
    room = padded_rows(min(height, (width - 1) // slope + 1))
    window = np.zeros(room * seen, np.float32)
    embedded = embed[0].shape[1]
    x = np.zeros(room * embedded, np.float32)
    sums = np.zeros(room * columns, np.float32)
    between = hidden[0].shape[1]
    middle = np.zeros(room * between, np.float32)
    flat = np.zeros((room, outputs), np.float32)
    flat_outputs, pixels, states, cells = flat.reshape(-1), standard.reshape(-1), h.reshape(-1), c.reshape(-1)
    for t in range(start, stop):
        top, bottom = max(0, -((width - 1 - t) // slope)), min(height - 1, t // slope) + 1
        size = bottom - top
        if size <= 0:
            continue  # narrower than the slope: not every step has a pixel
        rows = padded_rows(size)
        for r in range(size):
            i, j = top + r, t - slope * (top + r)
            for n in range(seen):
                row = n // ((2 * reach + 1) * channels)
                window[r * seen + n] = pixels[((i + row) * across + j) * channels + n - row * (2 * reach + 1) * channels]
        # The embedding:
        if with_embed:
            for r in range(size):
                i, j = top + r, t - slope * (top + r)
                for e in range(embedded):
                    x[r * embedded + e] = embed[1][e]
                for e in range(before.shape[2]):
                    x[r * embedded + e] += before[i, j, e]
            add_product(window, 0, seen, 1, embed[0].reshape(-1), 0, embedded, x, 0, embedded, rows, seen, embedded)
            rectify(x, rows * embedded)
        # The spatial LSTMs; the states of rows past the last one are computed, too, and never read:
        now, back, above = t % (slope + 1), (t - 1) % (slope + 1), (t + 1) % (slope + 1)  # t + 1 is t - slope on the ring
        for n in range(layers):
            weight = lstms[n].reshape(-1)
            for r in range(rows):
                for k in range(columns):
                    sums[r * columns + k] = biases[n, k]
            left = (n * (slope + 1) + back) * slot + (top + 1) * wide
            up = (n * (slope + 1) + above) * slot + top * wide
            here = (n * (slope + 1) + now) * slot + (top + 1) * wide
            add_product(states, left, wide, 1, weight, 0, columns, sums, 0, columns, rows, wide, columns)
            add_product(states, up, wide, 1, weight, wide * columns, columns, sums, 0, columns, rows, wide, columns)
            at = 2 * wide * columns
            if n > 0:
                below = here - (slope + 1) * slot
                add_product(states, below, wide, 1, weight, at, columns, sums, 0, columns, rows, units, columns)
                at += units * columns
            if with_embed:
                add_product(x, 0, embedded, 1, weight, at, columns, sums, 0, columns, rows, features, columns)
            else:
                add_product(window, 0, seen, 1, weight, at, columns, sums, 0, columns, rows, seen, columns)
            for r in range(size):
                gate, place = r * columns, r * wide
                for u in range(0, wide, LANES):
                    g, i = tanh(load(sums, gate + u)), sigmoid(load(sums, gate + wide + u))
                    f_left, f_up = sigmoid(load(sums, gate + 2 * wide + u)), sigmoid(load(sums, gate + 3 * wide + u))
                    o = sigmoid(load(sums, gate + 4 * wide + u))
                    carried = f_left * load(cells, left + place + u) + f_up * load(cells, up + place + u)
                    state = g * i + half * carried
                    store(cells, here + place + u, state)
                    store(states, here + place + u, tanh(o * state))
        # The mixture:
        for r in range(size):
            i, j = top + r, t - slope * (top + r)
            for k in range(outputs):
                flat[r, k] = last[1][k]
            for k in range(beside.shape[2]):
                flat[r, k] += beside[i, j, k]
        top_layer = ((layers - 1) * (slope + 1) + now) * slot + (top + 1) * wide
        final = last[0].reshape(-1)
        if with_hidden:
            for r in range(rows):
                for k in range(between):
                    middle[r * between + k] = hidden[1][k]
            weight = hidden[0].reshape(-1)
            add_product(states, top_layer, wide, 1, weight, 0, between, middle, 0, between, rows, units, between)
            rectify(middle, rows * between)
            inner = last[0].shape[0]
            add_product(middle, 0, between, 1, final, 0, outputs, flat_outputs, 0, outputs, rows, inner, outputs)
        else:
            add_product(states, top_layer, wide, 1, final, 0, outputs, flat_outputs, 0, outputs, rows, units, outputs)
        if skip.shape[0] > 0:
            add_product(window, 0, seen, 1, skip.reshape(-1), 0, outputs, flat_outputs, 0, outputs, rows, seen, outputs)
        for r in range(size):
            i, j = top + r, t - slope * (top + r)
            place = standard[i + reach, j + reach]
            sample_pixel(flat[r], uniforms[i, j], components, mean, std, temperature, levels[i, j], place)
            if given.shape[2] > 0 and not np.isnan(given[i, j, 0]):
                for k in range(channels):
                    levels[i, j, k] = given[i, j, k]
                    place[k] = (given[i, j, k] / np.float32(255.0) - mean[k]) / std[k]
