"""Sampling one row from a decoder without attention, compiled for the CPU (numba).

One symbol of one row takes about 40 operations of a few microseconds each, most of it call overhead. Compiled, sampling all symbols
is one call. Its definition is `sampling.walk` over `Decoder.step` with `sampling.chooser`; tests compare the two.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from drawgen.nn.decoder import Decoder
from drawgen.nn.spatial_lstm_cpu import affine

Array: TypeAlias = Float32[np.ndarray, "..."]
RNN, GRU, LSTM = 1, 3, 4  # the cells by their number of gates


class Weights(NamedTuple):
    """A decoder's weights, inputs x outputs. Axes: V symbols, L layers, U units, G units x gates."""

    table: Float32[np.ndarray, "V G"]
    """W_ih x + b_ih of the first layer for each symbol."""
    across: Float32[np.ndarray, "L-1 U G"]
    """W_ih of the other layers."""
    across_bias: Float32[np.ndarray, "L-1 G"]
    along: Float32[np.ndarray, "L U G"]
    """W_hh."""
    along_bias: Float32[np.ndarray, "L G"]
    output: Float32[np.ndarray, "U V"]
    output_bias: Float32[np.ndarray, " V"]
    reset_before: bool
    """Whether the reset gate comes before the product (`gru_before`)."""


@torch.no_grad()
def weights(decoder: Decoder) -> Weights:
    layers = [decoder.recurrent.weights(n) for n in range(len(decoder.recurrent.layers))]
    gates, units = layers[0].along.shape

    def stacked(tensors: list[Tensor], *shape: int) -> Array:
        whole = torch.stack(tensors) if tensors else torch.zeros(0, *shape)
        return np.ascontiguousarray(whole.float().numpy())

    return Weights(
        decoder.first_product(decoder.embed(torch.arange(decoder.vocabulary))).float().contiguous().numpy(),
        stacked([layer.across.t() for layer in layers[1:]], units, gates),
        stacked([layer.across_bias for layer in layers[1:]], gates),
        stacked([layer.along.t() for layer in layers]),
        stacked([layer.along_bias for layer in layers]),
        np.ascontiguousarray(decoder.output.weight.t().float().numpy()),
        decoder.output.bias.float().numpy(),
        decoder.recurrent.cell == "gru_before",
    )


# No fastmath from here on: it takes for granted that nothing overflows, and exp does in a gate or a cell that is far from 0.
@compiled()
def sigmoid(x: np.float32) -> np.float32:
    return np.float32(1.0) / (np.float32(1.0) + np.exp(-x))


@compiled()
def tanh(x: np.float32) -> np.float32:
    return np.float32(2.0) * sigmoid(np.float32(2.0) * x) - np.float32(1.0)


@compiled()
def cell(a: Array, b: Array, h: Array, c: Array) -> None:
    """One step of `Recurrent`'s cells from a = W_ih x + b_ih and b = W_hh h + b_hh; h and c are renewed in place."""
    units = len(h)
    gates = len(a) // units
    for j in range(units):
        if gates == LSTM:
            c[j] = sigmoid(a[units + j] + b[units + j]) * c[j] + sigmoid(a[j] + b[j]) * tanh(a[2 * units + j] + b[2 * units + j])
            h[j] = sigmoid(a[3 * units + j] + b[3 * units + j]) * tanh(c[j])
        elif gates == GRU:
            z = sigmoid(a[units + j] + b[units + j])
            h[j] = (np.float32(1.0) - z) * tanh(a[2 * units + j] + sigmoid(a[j] + b[j]) * b[2 * units + j]) + z * h[j]
        else:
            h[j] = tanh(a[j] + b[j])


@compiled()
def reset_before(a: Array, b: Array, h: Array, along: Float32[np.ndarray, "U G"], along_bias: Float32[np.ndarray, " G"]) -> None:
    """One step of `gru_before` from the same, in place; b is overwritten."""
    units = len(h)
    z = np.empty(units, np.float32)
    reset = np.empty(units, np.float32)
    for j in range(units):
        z[j] = sigmoid(a[units + j] + b[units + j])
        reset[j] = sigmoid(a[j] + b[j]) * h[j]
    affine(reset, along, along_bias, b)  # the columns of the gates are computed in vain, so that rows stay contiguous
    for j in range(units):
        h[j] = (np.float32(1.0) - z[j]) * tanh(a[2 * units + j] + b[2 * units + j]) + z[j] * h[j]


@compiled()
def choose(logits: Float64[np.ndarray, " V"], uniform: float, temperature: float, top_k: int, top_p: float) -> int:
    """`sampling.chooser` for one row."""
    scaled = logits / temperature
    p = np.exp(scaled - scaled.max())
    if 0 < top_k < len(p) or top_p < 1:
        order = np.argsort(-scaled, kind="mergesort")
        if 0 < top_k < len(p):
            p[order[top_k:]] = 0.0
        p /= p.sum()
        before = 0.0
        for j in order:
            if before >= top_p:
                p[j] = 0.0
            before += p[j]
    cumulative = np.cumsum(p)
    return min(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"), len(p) - 1)  # the last one, where all is NaN


@compiled()
def write(
    token: int,
    uniforms: Float64[np.ndarray, " T"],
    weights: Weights,
    h: Float32[np.ndarray, "L U"],
    c: Float32[np.ndarray, "L U"],
    temperature: float,
    top_k: int,
    top_p: float,
) -> tuple[Int64[np.ndarray, " T"], Float64[np.ndarray, " T"]]:
    """The symbols after `token`, one for each uniform number, and their log-probabilities; h and c are renewed in place."""
    layers = len(h)
    a, b = np.empty(weights.along.shape[2], np.float32), np.empty(weights.along.shape[2], np.float32)
    logits = np.empty(weights.output.shape[1], np.float32)
    tokens, log_probs = np.empty(len(uniforms), np.int64), np.empty(len(uniforms), np.float64)
    for t in range(len(uniforms)):
        a[:] = weights.table[token]
        for n in range(layers):
            if n:
                affine(h[n - 1], weights.across[n - 1], weights.across_bias[n - 1], a)
            affine(h[n], weights.along[n], weights.along_bias[n], b)
            if weights.reset_before:
                reset_before(a, b, h[n], weights.along[n], weights.along_bias[n])
            else:
                cell(a, b, h[n], c[n])
        affine(h[layers - 1], weights.output, weights.output_bias, logits)
        wide = logits.astype(np.float64)
        token = choose(wide, uniforms[t], temperature, top_k, top_p)
        tokens[t] = token
        log_probs[t] = wide[token] - wide.max() - np.log(np.exp(wide - wide.max()).sum())
    return tokens, log_probs
