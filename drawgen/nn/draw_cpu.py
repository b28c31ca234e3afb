"""DRAW's recurrence with its gradient, compiled for the CPU (numba): training and likelihoods.

`models.draw.Draw.forward` is its definition; tests compare the two. Matrix products are torch's, one for each matrix and step. All
that lies between two products is one compiled loop over the pictures of a batch. The backward pass walks the steps from the last to
the first, without a graph, and adds the gradients of the weights for a few steps at a time, while these are in the cache.

Numbers that enter a product are float32, float64, or bfloat16 (under autocast); all others are float32 or float64. Every vector is
padded with zeros to a multiple of LANES, and the weights with it, so that no loop has a remainder; a picture is one such vector.

Axes: B pictures, T steps, U units, Z latents, N filters per side, K numbers that enter the encoder: r, h of the decoder, its own h.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import LANES, counting, load, store, total, where
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.nn.glimpse import EPSILON
from drawgen.nn.lanes_cpu import any_exponential, any_sigmoid, any_tanh, padded

TOGETHER = 16
"""Steps whose part of the weights' gradients is added at once."""


class Sizes(NamedTuple):
    """Of a batch and a model; lengths are padded."""

    steps: int
    batch: int
    channels: int
    height: int
    width: int
    read: int
    """Filters per side; 0 reads the whole picture."""
    write: int
    pixels: int
    """Of all channels together, and LANES more: a row of pixels is loaded beyond its end."""
    seen: int
    """Numbers read that enter the encoder at each step."""
    look: int
    """Numbers that place the read window; 0 without attention."""
    stroke: int
    """Numbers that place the write window, and its patch; without attention, all pixels."""
    units: int
    latent: int


class Tape(NamedTuple):
    """What the steps write down; compiled loops take it flat. The backward pass puts gradients in the place of gates, moments and
    outputs."""

    images: Any
    """B x pixels; so are the canvas, and the shades of every step."""
    canvas: Any
    shades: Any
    """sigmoid(canvas) when a step begins."""
    entered: Any
    """T + 1 x B x (seen, units, units): r, h of the decoder, h of the encoder."""
    encoded: Any
    """T x B x 4 units: the gates g, i, f, o."""
    encoder_cells: Any
    """T + 1 x B x units."""
    moments: Any
    """T x B x 2 latent: the product of the posterior."""
    means: Any
    log_stds: Any
    noise: Any
    kl: Any
    """T x B."""
    decided: Any
    """T x B x (latent, units): z, h of the decoder."""
    decoded: Any
    decoder_cells: Any
    outputs: Any
    """T + 1 x B x (look, stroke): numbers from h of the decoder."""


class Biases(NamedTuple):
    """Of the products, or their gradients, flat. Without attention the encoder's has a row for each picture."""

    encoder: Any
    decoder: Any
    posterior: Any


class Gradients(NamedTuple):
    """Of one step, flat: what the backward pass hands on."""

    canvas: Any
    entered: Any
    decided: Any
    hidden: Any
    """B x units: the part of h that comes from a product with the outputs or the moments."""
    encoder_cells: Any
    decoder_cells: Any
    kl: Any
    """Of all steps."""


# ---------------------------------------------------------------- windows


@compiled(fastmath={"contract"})
def dot(a: Any, a_at: int, b: Any, b_at: int, size: int) -> float:
    """The sum of the products of two stretches of padded(size) numbers."""
    found = load(a, a_at) * load(b, b_at)
    for w in range(LANES, size, LANES):
        found = found + load(a, a_at + w) * load(b, b_at + w)
    return total(found)


@compiled(fastmath={"contract"})
def fill_bank(bank: Any, centre: float, stride: float, variance: float, size: int, filters: int) -> None:
    """`glimpse.filterbank` of one picture: `filters` rows of padded(size) numbers."""
    wide = (size + LANES - 1) // LANES * LANES
    sharpness = 0.5 / (variance + EPSILON)
    for i in range(filters):
        mean = centre + (i + 0.5 - filters / 2) * stride
        nearest = min(max(np.rint(mean), 1.0), float(size))
        weight = 0.0
        for a in range(0, wide, LANES):
            at = counting(bank) + (a + 1.0)
            # (at - mean)^2 - (nearest - mean)^2: the largest exponent is 0.
            value = any_exponential((at - nearest) * (at + (nearest - 2.0 * mean)) * -sharpness)
            value = where(at < size + 0.5, value, 0.0)
            store(bank, i * wide + a, value)
            weight += total(value)
        for a in range(i * wide, (i + 1) * wide, LANES):
            store(bank, a, load(bank, a) * (1.0 / weight))


@compiled(fastmath={"contract"})
def bank_back(bank: Any, d_bank: Any, centre: float, stride: float, variance: float, size: int, filters: int) -> Any:
    """The gradients with respect to centre, stride and variance, and the sum of all d_bank * bank."""
    wide = (size + LANES - 1) // LANES * LANES
    sharpness = 0.5 / (variance + EPSILON)
    d_centre = d_stride = d_sharpness = every = 0.0
    for i in range(filters):
        offset = i + 0.5 - filters / 2
        mean = centre + offset * stride
        whole = dot(bank, i * wide, d_bank, i * wide, wide)
        first = second = 0.0
        for a in range(0, wide, LANES):
            away = counting(bank) + (a + 1.0 - mean)
            d_exponent = load(bank, i * wide + a) * (load(d_bank, i * wide + a) - whole)
            first += total(d_exponent * away)
            second += total(d_exponent * away * away)
        d_mean = 2.0 * sharpness * first
        d_centre += d_mean
        d_stride += d_mean * offset
        d_sharpness -= second
        every += whole
    return d_centre, d_stride, -2.0 * sharpness * sharpness * d_sharpness, every


@compiled(fastmath={"contract"})
def place(numbers: Any, height: int, width: int, filters: int) -> Any:
    """`glimpse.place` of one picture: (centre x, centre y, stride, variance, intensity)."""
    stride = (max(height, width) - 1) / max(1, filters - 1) * np.exp(numbers[3])
    centre_x, centre_y = (width + 1) / 2 * (numbers[0] + 1), (height + 1) / 2 * (numbers[1] + 1)
    return centre_x, centre_y, stride, np.exp(numbers[2]), np.exp(numbers[4])


@compiled(fastmath={"contract"})
def lay(numbers: Any, rows: Any, columns: Any, height: int, width: int, filters: int) -> float:
    """Fills both filterbanks of the window that these numbers place. Its intensity."""
    x, y, stride, variance, intensity = place(numbers, height, width, filters)
    fill_bank(rows, y, stride, variance, height, filters)
    fill_bank(columns, x, stride, variance, width, filters)
    return intensity


@compiled(fastmath={"contract"})
def place_back(
    d_numbers: Any, numbers: Any, rows: Any, d_rows: Any, columns: Any, d_columns: Any, height: int, width: int, filters: int
) -> Any:
    """Fills the gradients of the numbers that place a window, but the intensity's, from those of its filterbanks. Returns the sum
    of all d_rows * rows."""
    x, y, stride, variance, _ = place(numbers, height, width, filters)
    d_y, d_stride, d_variance, every = bank_back(rows, d_rows, y, stride, variance, height, filters)
    d_x, more_stride, more_variance, _ = bank_back(columns, d_columns, x, stride, variance, width, filters)
    d_numbers[0] = d_x * ((width + 1) / 2)
    d_numbers[1] = d_y * ((height + 1) / 2)
    d_numbers[2] = (d_variance + more_variance) * variance
    d_numbers[3] = (d_stride + more_stride) * stride
    return every


@compiled(fastmath={"contract"})
def through(rows: Any, picture: Any, at: int, out: Any, height: int, width: int, filters: int) -> None:
    """out = rows picture: `filters` rows of padded(width) numbers, of one channel that begins at `at`."""
    tall, wide = (height + LANES - 1) // LANES * LANES, (width + LANES - 1) // LANES * LANES
    for i in range(filters):
        for w in range(0, wide, LANES):
            found = load(picture, at + w) * rows[i * tall]
            for h in range(1, height):
                found = found + load(picture, at + h * width + w) * rows[i * tall + h]
            store(out, i * wide + w, found)


@compiled(fastmath={"contract"})
def through_back(d_rows: Any, picture: Any, at: int, d_out: Any, height: int, width: int, filters: int) -> None:
    """d_rows += d_out picture^T."""
    tall, wide = (height + LANES - 1) // LANES * LANES, (width + LANES - 1) // LANES * LANES
    for i in range(filters):
        for h in range(height):
            d_rows[i * tall + h] += dot(picture, at + h * width, d_out, i * wide, wide)


@compiled(fastmath={"contract"})
def spread_rows(rows: Any, patch: Any, picture: Any, at: int, height: int, width: int, filters: int) -> None:
    """picture += rows^T patch, of one channel; beyond the width the patch is 0, and nothing is added to what comes next."""
    tall, wide = (height + LANES - 1) // LANES * LANES, (width + LANES - 1) // LANES * LANES
    for h in range(height):
        for w in range(0, wide, LANES):
            to = at + h * width + w
            found = load(picture, to)
            for i in range(filters):
                found = found + load(patch, i * wide + w) * rows[i * tall + h]
            store(picture, to, found)


# ---------------------------------------------------------------- one step, all pictures


@compiled(fastmath={"contract"})
def look(t: int, sizes: Sizes, tape: Tape) -> None:
    """Keeps sigmoid(canvas), and reads the picture and the error picture."""
    channels, height, width, filters, batch = sizes.channels, sizes.height, sizes.width, sizes.read, sizes.batch
    tall, wide = (height + LANES - 1) // LANES * LANES, (width + LANES - 1) // LANES * LANES
    kind = tape.images.dtype
    numbers, found = np.zeros(LANES, kind), np.zeros(sizes.seen, kind)
    rows, columns, middle = np.empty(filters * tall, kind), np.empty(filters * wide, kind), np.empty(filters * wide, kind)
    error = np.empty(sizes.pixels, kind)
    for n in range(batch):
        own, shade = n * sizes.pixels, (t * batch + n) * sizes.pixels
        to = (t * batch + n) * (sizes.seen + 2 * sizes.units)
        for p in range(0, sizes.pixels, LANES):
            value = any_sigmoid(load(tape.canvas, own + p))
            store(tape.shades, shade + p, value)
            store(error, p, load(tape.images, own + p) - value)
        if filters == 0:
            for p in range(0, sizes.seen, LANES):
                store(tape.entered, to + p, load(error, p))
            continue
        store(numbers, 0, load(tape.outputs, (t * batch + n) * (sizes.look + sizes.stroke)))
        intensity = lay(numbers, rows, columns, height, width, filters)
        for channel in range(2 * channels):
            if channel < channels:
                through(rows, tape.images, own + channel * height * width, middle, height, width, filters)
            else:
                through(rows, error, (channel - channels) * height * width, middle, height, width, filters)
            for i in range(filters):
                for j in range(filters):
                    found[(channel * filters + i) * filters + j] = intensity * dot(middle, i * wide, columns, j * wide, wide)
        for p in range(0, sizes.seen, LANES):
            store(tape.entered, to + p, load(found, p))


@compiled(fastmath={"contract"})
def look_back(t: int, sizes: Sizes, tape: Tape, d: Gradients) -> None:
    """Adds to the canvas's gradient, and replaces the outputs that placed the window by their gradients."""
    channels, height, width, filters, batch = sizes.channels, sizes.height, sizes.width, sizes.read, sizes.batch
    tall, wide = (height + LANES - 1) // LANES * LANES, (width + LANES - 1) // LANES * LANES
    kind = tape.images.dtype
    numbers, d_numbers, d_found = np.zeros(LANES, kind), np.zeros(LANES, kind), np.empty(sizes.seen, kind)
    rows, columns, middle = np.empty(filters * tall, kind), np.empty(filters * wide, kind), np.empty(filters * wide, kind)
    d_rows, d_columns, d_middle = np.zeros(filters * tall, kind), np.zeros(filters * wide, kind), np.empty(filters * wide, kind)
    error, d_error = np.zeros(sizes.pixels, kind), np.zeros(sizes.pixels, kind)
    for n in range(batch):
        own, shade, at = n * sizes.pixels, (t * batch + n) * sizes.pixels, n * (sizes.seen + 2 * sizes.units)
        d_error[:] = 0.0
        if filters == 0:
            for p in range(0, sizes.seen, LANES):
                store(d_error, p, load(d.entered, at + p))
        else:
            for p in range(0, sizes.pixels, LANES):
                store(error, p, load(tape.images, own + p) - load(tape.shades, shade + p))
            for p in range(0, sizes.seen, LANES):
                store(d_found, p, load(d.entered, at + p))
            placed = (t * batch + n) * (sizes.look + sizes.stroke)
            store(numbers, 0, load(tape.outputs, placed))
            intensity = lay(numbers, rows, columns, height, width, filters)
            d_rows[:] = 0.0
            d_columns[:] = 0.0
            for channel in range(2 * channels):
                plane = (channel % channels) * height * width
                if channel < channels:
                    through(rows, tape.images, own + plane, middle, height, width, filters)
                else:
                    through(rows, error, plane, middle, height, width, filters)
                for i in range(filters):
                    for w in range(0, wide, LANES):
                        there = i * wide + w
                        back = counting(middle) * 0.0
                        for j in range(filters):
                            r = intensity * d_found[(channel * filters + i) * filters + j]
                            back = back + load(columns, j * wide + w) * r
                            store(d_columns, j * wide + w, load(d_columns, j * wide + w) + load(middle, there) * r)
                        store(d_middle, there, back)
                if channel < channels:
                    through_back(d_rows, tape.images, own + plane, d_middle, height, width, filters)
                else:
                    through_back(d_rows, error, plane, d_middle, height, width, filters)
                    spread_rows(rows, d_middle, d_error, plane, height, width, filters)
            d_numbers[4] = place_back(d_numbers, numbers, rows, d_rows, columns, d_columns, height, width, filters)
            store(tape.outputs, placed, load(d_numbers, 0))
        for p in range(0, sizes.pixels, LANES):
            value = load(tape.shades, shade + p)
            store(d.canvas, own + p, load(d.canvas, own + p) - value * (1.0 - value) * load(d_error, p))


@compiled(fastmath={"contract"})
def draw(t: int, sizes: Sizes, tape: Tape) -> None:
    """Adds to the canvas what the outputs at place t write."""
    channels, height, width, filters, batch = sizes.channels, sizes.height, sizes.width, sizes.write, sizes.batch
    tall, wide = (height + LANES - 1) // LANES * LANES, (width + LANES - 1) // LANES * LANES
    kind = tape.images.dtype
    numbers = np.zeros(sizes.stroke, kind)
    rows, columns, patch = np.empty(filters * tall, kind), np.empty(filters * wide, kind), np.empty(filters * wide, kind)
    for n in range(batch):
        own, at = n * sizes.pixels, (t * batch + n) * (sizes.look + sizes.stroke) + sizes.look
        if filters == 0:
            for p in range(0, sizes.stroke, LANES):
                store(tape.canvas, own + p, load(tape.canvas, own + p) + load(tape.outputs, at + p))
            continue
        for p in range(0, sizes.stroke, LANES):
            store(numbers, p, load(tape.outputs, at + p))
        intensity = lay(numbers, rows, columns, height, width, filters)
        for channel in range(channels):
            for i in range(filters):
                for w in range(0, wide, LANES):
                    found = counting(patch) * 0.0
                    for j in range(filters):
                        found = found + load(columns, j * wide + w) * numbers[5 + (channel * filters + i) * filters + j]
                    store(patch, i * wide + w, found * (1.0 / intensity))
            spread_rows(rows, patch, tape.canvas, own + channel * height * width, height, width, filters)


@compiled(fastmath={"contract"})
def draw_back(t: int, sizes: Sizes, tape: Tape, d: Gradients) -> None:
    """Replaces the outputs that were written at place t by their gradients."""
    channels, height, width, filters, batch = sizes.channels, sizes.height, sizes.width, sizes.write, sizes.batch
    tall, wide = (height + LANES - 1) // LANES * LANES, (width + LANES - 1) // LANES * LANES
    kind = tape.images.dtype
    numbers, d_numbers = np.zeros(sizes.stroke, kind), np.zeros(sizes.stroke, kind)
    rows, columns, patch = np.empty(filters * tall, kind), np.empty(filters * wide, kind), np.empty(filters * wide, kind)
    d_rows, d_columns, d_patch = np.zeros(filters * tall, kind), np.zeros(filters * wide, kind), np.empty(filters * wide, kind)
    for n in range(batch):
        own, at = n * sizes.pixels, (t * batch + n) * (sizes.look + sizes.stroke) + sizes.look
        if filters == 0:
            for p in range(0, sizes.stroke, LANES):
                store(tape.outputs, at + p, load(d.canvas, own + p))
            continue
        for p in range(0, sizes.stroke, LANES):
            store(numbers, p, load(tape.outputs, at + p))
        intensity = lay(numbers, rows, columns, height, width, filters)
        d_rows[:] = 0.0
        d_columns[:] = 0.0
        for channel in range(channels):
            plane = own + channel * height * width
            through(rows, d.canvas, plane, d_patch, height, width, filters)
            for i in range(filters):
                for w in range(0, wide, LANES):
                    there = i * wide + w
                    back, found = load(d_patch, there) * (1.0 / intensity), counting(patch) * 0.0
                    for j in range(filters):
                        number = numbers[5 + (channel * filters + i) * filters + j]
                        found = found + load(columns, j * wide + w) * number
                        store(d_columns, j * wide + w, load(d_columns, j * wide + w) + back * number)
                    store(patch, there, found * (1.0 / intensity))
                for j in range(filters):
                    d_number = dot(d_patch, i * wide, columns, j * wide, wide) / intensity
                    d_numbers[5 + (channel * filters + i) * filters + j] = d_number
            through_back(d_rows, d.canvas, plane, patch, height, width, filters)
        d_numbers[4] = -place_back(d_numbers, numbers, rows, d_rows, columns, d_columns, height, width, filters)
        for p in range(0, sizes.stroke, LANES):
            store(tape.outputs, at + p, load(d_numbers, p))


@compiled(fastmath={"contract"})
def cell(units: int, gates: Any, at: int, bias: Any, row: int, cells: Any, before: int, after: int, h: Any, to: int) -> None:
    """`recurrence.LSTM` of one picture after its product: the gates are activated in place."""
    for u in range(0, units, LANES):
        g = any_tanh(load(gates, at + u) + load(bias, row + u))
        i = any_sigmoid(load(gates, at + units + u) + load(bias, row + units + u))
        f = any_sigmoid(load(gates, at + 2 * units + u) + load(bias, row + 2 * units + u))
        o = any_sigmoid(load(gates, at + 3 * units + u) + load(bias, row + 3 * units + u))
        store(gates, at + u, g)
        store(gates, at + units + u, i)
        store(gates, at + 2 * units + u, f)
        store(gates, at + 3 * units + u, o)
        c = f * load(cells, before + u) + i * g
        store(cells, after + u, c)
        store(h, to + u, o * any_tanh(c))


@compiled(fastmath={"contract"})
def cell_back(
    units: int, gates: Any, at: int, d_bias: Any, row: int, cells: Any, before: int, after: int, d_cells: Any, own: int, d_h: Any
) -> None:
    """Replaces the activated gates by the gradients before activation, and the gradient of the cells by that before the step."""
    for u in range(0, units, LANES):
        g, i = load(gates, at + u), load(gates, at + units + u)
        f, o = load(gates, at + 2 * units + u), load(gates, at + 3 * units + u)
        squashed, d = any_tanh(load(cells, after + u)), load(d_h, u)
        d_c = load(d_cells, own + u) + d * o * (1.0 - squashed * squashed)
        d_g, d_i = d_c * i * (1.0 - g * g), d_c * g * i * (1.0 - i)
        d_f, d_o = d_c * load(cells, before + u) * f * (1.0 - f), d * squashed * o * (1.0 - o)
        store(d_cells, own + u, d_c * f)
        store(gates, at + u, d_g)
        store(gates, at + units + u, d_i)
        store(gates, at + 2 * units + u, d_f)
        store(gates, at + 3 * units + u, d_o)
        store(d_bias, row + u, load(d_bias, row + u) + d_g)
        store(d_bias, row + units + u, load(d_bias, row + units + u) + d_i)
        store(d_bias, row + 2 * units + u, load(d_bias, row + 2 * units + u) + d_f)
        store(d_bias, row + 3 * units + u, load(d_bias, row + 3 * units + u) + d_o)


@compiled(fastmath={"contract"})
def encode(t: int, sizes: Sizes, tape: Tape, biases: Biases) -> None:
    """The encoder's cell."""
    batch, units = sizes.batch, sizes.units
    own_bias = 0 if sizes.read else 4 * units
    for n in range(batch):
        row, next_row = t * batch + n, (t + 1) * batch + n
        to = next_row * (sizes.seen + 2 * units) + sizes.seen + units
        cell(
            units, tape.encoded, row * 4 * units, biases.encoder, n * own_bias, tape.encoder_cells, row * units, next_row * units,
            tape.entered, to,
        )  # fmt: skip


@compiled(fastmath={"contract"})
def encode_back(t: int, sizes: Sizes, tape: Tape, d: Gradients, d_biases: Biases) -> None:
    batch, units = sizes.batch, sizes.units
    own_bias = 0 if sizes.read else 4 * units
    d_h = np.empty(units, tape.images.dtype)
    for n in range(batch):
        row, next_row = t * batch + n, (t + 1) * batch + n
        at = n * (sizes.seen + 2 * units) + sizes.seen + units
        for u in range(0, units, LANES):
            store(d_h, u, load(d.hidden, n * units + u) + load(d.entered, at + u))
        cell_back(
            units, tape.encoded, row * 4 * units, d_biases.encoder, n * own_bias, tape.encoder_cells, row * units, next_row * units,
            d.encoder_cells, n * units, d_h,
        )  # fmt: skip


@compiled(fastmath={"contract"})
def decode(t: int, sizes: Sizes, tape: Tape, biases: Biases) -> None:
    """The decoder's cell."""
    batch, units = sizes.batch, sizes.units
    for n in range(batch):
        row, next_row = t * batch + n, (t + 1) * batch + n
        to = next_row * (sizes.seen + 2 * units) + sizes.seen
        cell(
            units,
            tape.decoded,
            row * 4 * units,
            biases.decoder,
            0,
            tape.decoder_cells,
            row * units,
            next_row * units,
            tape.entered,
            to,
        )
        if t + 1 < sizes.steps:
            copy = next_row * (sizes.latent + units) + sizes.latent
            for u in range(0, units, LANES):
                store(tape.decided, copy + u, load(tape.entered, to + u))


@compiled(fastmath={"contract"})
def decode_back(t: int, sizes: Sizes, tape: Tape, d: Gradients, d_biases: Biases) -> None:
    batch, units = sizes.batch, sizes.units
    d_h = np.empty(units, tape.images.dtype)
    for n in range(batch):
        row, next_row = t * batch + n, (t + 1) * batch + n
        read, again = n * (sizes.seen + 2 * units) + sizes.seen, n * (sizes.latent + units) + sizes.latent
        for u in range(0, units, LANES):
            store(d_h, u, load(d.hidden, n * units + u) + load(d.entered, read + u) + load(d.decided, again + u))
        cell_back(
            units, tape.decoded, row * 4 * units, d_biases.decoder, 0, tape.decoder_cells, row * units, next_row * units,
            d.decoder_cells, n * units, d_h,
        )  # fmt: skip


@compiled(fastmath={"contract"})
def choose(t: int, sizes: Sizes, tape: Tape, biases: Biases) -> None:
    """The latents and their KL term, from the product of the posterior."""
    latent = sizes.latent
    for n in range(sizes.batch):
        row = t * sizes.batch + n
        at, own, to = row * 2 * latent, row * latent, row * (latent + sizes.units)
        nats = counting(tape.noise) * 0.0
        for k in range(0, latent, LANES):
            mean = load(tape.moments, at + k) + load(biases.posterior, k)
            log_std = load(tape.moments, at + latent + k) + load(biases.posterior, latent + k)
            std = any_exponential(log_std)
            store(tape.means, own + k, mean)
            store(tape.log_stds, own + k, log_std)
            store(tape.decided, to + k, mean + std * load(tape.noise, own + k))
            nats = nats + 0.5 * (mean * mean + std * std - 1.0) - log_std  # 0 where it is padded
        tape.kl[row] = total(nats)


@compiled(fastmath={"contract"})
def choose_back(t: int, sizes: Sizes, tape: Tape, d: Gradients, d_biases: Biases) -> None:
    latent = sizes.latent
    for n in range(sizes.batch):
        row = t * sizes.batch + n
        at, own, back = row * 2 * latent, row * latent, n * (latent + sizes.units)
        for k in range(0, latent, LANES):
            std, d_z = any_exponential(load(tape.log_stds, own + k)), load(d.decided, back + k)
            d_mean = d_z + load(tape.means, own + k) * d.kl[row]
            d_log_std = d_z * std * load(tape.noise, own + k) + (std * std - 1.0) * d.kl[row]
            store(tape.moments, at + k, d_mean)
            store(tape.moments, at + latent + k, d_log_std)
            store(d_biases.posterior, k, load(d_biases.posterior, k) + d_mean)
            store(d_biases.posterior, latent + k, load(d_biases.posterior, latent + k) + d_log_std)


# ---------------------------------------------------------------- the whole


class Weights(NamedTuple):
    """Of a model as its parameters are: outputs x inputs."""

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    posterior: Tensor
    posterior_bias: Tensor
    outputs: Tensor
    outputs_bias: Tensor
    start: Tensor
    canvas: Tensor


class Part(NamedTuple):
    """A stretch of a vector."""

    length: int
    room: int
    """With its padding."""


def widened(matrix: Tensor, rows: list[Part], columns: list[Part]) -> Tensor:
    """The matrix with zeros after each part of its rows and of its columns."""
    if any(part.length < part.room for part in columns):
        parts = matrix.split([part.length for part in columns], 1)
        matrix = torch.cat([F.pad(m, (0, part.room - part.length)) for m, part in zip(parts, columns, strict=True)], 1)
    if any(part.length < part.room for part in rows):
        parts = matrix.split([part.length for part in rows], 0)
        matrix = torch.cat([F.pad(m, (0, 0, 0, part.room - part.length)) for m, part in zip(parts, rows, strict=True)], 0)
    return matrix


def narrowed(matrix: Tensor, rows: list[Part], columns: list[Part]) -> Tensor:
    """`widened` undone."""
    if any(part.length < part.room for part in rows):
        parts = matrix.split([part.room for part in rows], 0)
        matrix = torch.cat([m[: part.length] for m, part in zip(parts, rows, strict=True)], 0)
    if any(part.length < part.room for part in columns):
        parts = matrix.split([part.room for part in columns], 1)
        matrix = torch.cat([m[:, : part.length] for m, part in zip(parts, columns, strict=True)], 1)
    return matrix


def flat(tensor: Tensor) -> Any:
    """As compiled loops take it; bfloat16 as its bits."""
    seen = tensor.view(-1)
    return (seen.view(torch.uint16) if tensor.dtype == torch.bfloat16 else seen).numpy()


class Plan(NamedTuple):
    """Sizes, and the forms of the matrices: the parts of their rows and columns."""

    sizes: Sizes
    whole: int
    """Pixels of all channels together, without padding."""
    units: Part
    latent: Part
    gates: list[Part]
    entered: list[Part]
    outputs: list[Part]

    @property
    def forms(self) -> list[tuple[list[Part], list[Part]]]:
        """Of the four matrices: of the encoder, the decoder, the posterior and the outputs."""
        return [
            (self.gates, self.entered),
            (self.gates, [self.latent, self.units]),
            ([self.latent, self.latent], [self.units]),
            (self.outputs, [self.units]),
        ]


def planned(images: Tensor, noise: Tensor, read: int, write: int, units: int) -> Plan:
    channels, height, width = images.shape[1:]
    whole = channels * height * width
    read_numbers, written = (2 * channels * read**2 if read else whole), (5 + channels * write**2 if write else whole)
    lengths = read_numbers, 5 if read else 0, written, units, noise.shape[2]
    seen, look_numbers, stroke, unit, latent = (Part(length, padded(length)) for length in lengths)
    sizes = Sizes(
        len(noise), len(images), channels, height, width, read, write, padded(whole + LANES),
        seen.room, look_numbers.room, stroke.room, unit.room, latent.room,
    )  # fmt: skip
    return Plan(sizes, whole, unit, latent, [unit] * 4, [seen, unit, unit], [look_numbers, stroke])


class Spare:
    """The tape of the last step of training, for the next one: new memory would cost a tenth of its time."""

    def __init__(self) -> None:
        self.sizes: Sizes | None = None
        self.tape: Tape | None = None

    def take(self, sizes: Sizes, number: torch.dtype, kind: torch.dtype) -> Tape:
        """A tape of tensors. Pictures and noise are zero where they are padded; the rest may hold anything."""
        tape, self.tape = self.tape, None
        if tape is not None and self.sizes == sizes and (tape.entered.dtype, tape.images.dtype) == (number, kind):
            return tape
        steps, batch, u, z = sizes.steps, sizes.batch, sizes.units, sizes.latent
        return Tape(
            images=torch.zeros(batch, sizes.pixels, dtype=kind),
            canvas=torch.empty(batch, sizes.pixels, dtype=kind),
            shades=torch.empty(steps, batch, sizes.pixels, dtype=kind),
            entered=torch.empty(steps + 1, batch, sizes.seen + 2 * u, dtype=number),
            encoded=torch.empty(steps, batch, 4 * u, dtype=number),
            encoder_cells=torch.empty(steps + 1, batch, u, dtype=kind),
            moments=torch.empty(steps, batch, 2 * z, dtype=number),
            means=torch.empty(steps, batch, z, dtype=kind),
            log_stds=torch.empty(steps, batch, z, dtype=kind),
            noise=torch.zeros(steps, batch, z, dtype=kind),
            kl=torch.empty(steps, batch, dtype=kind),
            decided=torch.empty(steps, batch, z + u, dtype=number),
            decoded=torch.empty(steps, batch, 4 * u, dtype=number),
            decoder_cells=torch.empty(steps + 1, batch, u, dtype=kind),
            outputs=torch.empty(steps + 1, batch, sizes.look + sizes.stroke, dtype=number),
        )

    def give(self, sizes: Sizes, tape: Tape) -> None:
        """Takes back a tape that nothing reads any more."""
        self.sizes, self.tape = sizes, tape


def parts(tape: Tape) -> tuple[Tensor, ...]:
    """What products read and write: entered, encoded, moments, decided, decoded, outputs."""
    return tape.entered, tape.encoded, tape.moments, tape.decided, tape.decoded, tape.outputs


class Recurrence(torch.autograd.Function):
    """(last canvas, KL term of every step, means, log standard deviations) of `Draw.forward`; the first two have a gradient."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, noise: Tensor, read: int, write: int, half: bool, spare: Spare, keep: bool, *given: Tensor
    ) -> tuple[Tensor, ...]:
        weights = Weights(*given)
        kind = weights.start.dtype
        number = torch.bfloat16 if half else kind
        images, noise = images.to(kind), noise.to(kind)
        plan = planned(images, noise, read, write, weights.start.shape[1])
        sizes, whole = plan.sizes, plan.whole
        steps, u, z = sizes.steps, sizes.units, sizes.latent
        hidden = slice(sizes.seen, sizes.seen + u)  # of the decoder, in what enters the encoder
        encoder, encoder_bias = weights.encoder, weights.encoder_bias[None]
        if not read:
            # The picture enters the encoder alike at every step: its product is part of the bias.
            product = F.linear(images.flatten(1).to(number), encoder[:, :whole].to(number)).to(kind)
            encoder, encoder_bias = encoder[:, whole:], product + encoder_bias
        raw = encoder, weights.decoder, weights.posterior, weights.outputs
        matrices = [widened(matrix.to(number), *form).contiguous() for matrix, form in zip(raw, plan.forms, strict=True)]
        to_gates, to_decoder, to_posterior, to_outputs = (matrix.t().contiguous() for matrix in matrices)
        raw_biases = encoder_bias, weights.decoder_bias[None], weights.posterior_bias[None], weights.outputs_bias[None]
        padded_biases = [
            widened(bias, [Part(1, 1)] * len(bias), rows).contiguous()
            for bias, (rows, _) in zip(raw_biases, plan.forms, strict=True)
        ]
        biases = Biases(*map(flat, padded_biases[:3]))

        tape = spare.take(sizes, number, kind)
        entered, encoded, moments, decided, decoded, outputs = parts(tape)
        tape.images[:, :whole], tape.noise[..., : plan.latent.length] = images.flatten(1), noise
        tape.canvas.zero_()
        tape.canvas[:, :whole] = weights.canvas
        h_enc, c_enc, h_dec, c_dec = F.pad(weights.start, (0, u - plan.units.length))
        entered[0, :, hidden], entered[0, :, hidden.stop :], decided[0, :, z:] = h_dec, h_enc, h_dec
        tape.encoder_cells[0], tape.decoder_cells[0] = c_enc, c_dec
        laid = Tape(*map(flat, tape))

        for t in range(steps):
            torch.mm(entered[t][:, hidden], to_outputs, out=outputs[t])
            outputs[t] += padded_biases[3]
            if t:
                draw(t, sizes, laid)
            look(t, sizes, laid)
            torch.mm(entered[t], to_gates, out=encoded[t])
            encode(t, sizes, laid, biases)
            torch.mm(entered[t + 1][:, hidden.stop :], to_posterior, out=moments[t])
            choose(t, sizes, laid, biases)
            torch.mm(decided[t], to_decoder, out=decoded[t])
            decode(t, sizes, laid, biases)
        torch.mm(entered[steps][:, hidden], to_outputs, out=outputs[steps])
        outputs[steps] += padded_biases[3]
        draw(steps, sizes, laid)

        latent = plan.latent.length
        found = (
            tape.canvas[:, :whole].reshape(images.shape).clone(), tape.kl.clone(),
            tape.means[..., :latent].clone(), tape.log_stds[..., :latent].clone(),
        )  # fmt: skip
        ctx.mark_non_differentiable(*found[2:])
        if keep:
            ctx.plan, ctx.matrices, ctx.tape, ctx.spare = plan, matrices, tape, spare
        else:
            spare.give(sizes, tape)
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_last: Tensor, d_kl: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.tape is None:
            raise RuntimeError("the gradient of DRAW's recurrence was asked for twice; what it is computed from is overwritten")
        (tape, ctx.tape), plan, (encoder, decoder, posterior, to_patch) = (ctx.tape, None), ctx.plan, ctx.matrices
        entered, encoded, moments, decided, decoded, outputs = parts(tape)
        laid = Tape(*map(flat, tape))
        sizes, whole, kind, number = plan.sizes, plan.whole, tape.images.dtype, encoded.dtype
        steps, batch, u, z = sizes.steps, sizes.batch, sizes.units, sizes.latent
        hidden = slice(sizes.seen, sizes.seen + u)
        d_canvas = F.pad(d_last.flatten(1), (0, sizes.pixels - whole))
        d_entered, d_decided = torch.zeros(batch, sizes.seen + 2 * u, dtype=number), torch.zeros(batch, z + u, dtype=number)
        d_hidden = torch.empty(batch, u, dtype=number)
        d_encoder_cells, d_decoder_cells = torch.zeros(2, batch, u, dtype=kind)
        d_matrices = [torch.zeros(matrix.shape, dtype=kind) for matrix in (encoder, decoder, posterior, to_patch)]
        d_bias_rows = [
            torch.zeros(rows, wide, dtype=kind) for rows, wide in ((1 if sizes.read else batch, 4 * u), (1, 4 * u), (1, 2 * z))
        ]
        d = Gradients(*map(flat, (d_canvas, d_entered, d_decided, d_hidden, d_encoder_cells, d_decoder_cells, d_kl.contiguous())))
        d_biases = Biases(*map(flat, d_bias_rows))

        def add(n: int, d_rows: Tensor, x: Tensor) -> None:
            """Adds a few steps' part of the gradient of a matrix."""
            product = torch.mm(d_rows.flatten(0, 1).t(), x.flatten(0, 1))
            d_matrices[n] += product

        outputs[steps, :, : sizes.look] = 0  # after the last step nothing is read
        for t in range(steps - 1, -1, -1):
            draw_back(t + 1, sizes, laid, d)
            torch.mm(outputs[t + 1], to_patch, out=d_hidden)
            decode_back(t, sizes, laid, d, d_biases)
            torch.mm(decoded[t], decoder, out=d_decided)
            choose_back(t, sizes, laid, d, d_biases)
            torch.mm(moments[t], posterior, out=d_hidden)
            encode_back(t, sizes, laid, d, d_biases)
            torch.mm(encoded[t], encoder, out=d_entered)
            look_back(t, sizes, laid, d)
            if t % TOGETHER == 0:
                now = slice(t, min(t + TOGETHER, steps))
                after = slice(now.start + 1, now.stop + 1)
                add(0, encoded[now], entered[now])
                add(1, decoded[now], decided[now])
                add(2, moments[now], entered[after][..., hidden.stop :])
                add(3, outputs[after], entered[after][..., hidden])
        # h before the first step places the first window, and writes nothing.
        outputs[0, :, sizes.look :] = 0
        add(3, outputs[:1], entered[:1][..., hidden])
        torch.mm(outputs[0], to_patch, out=d_hidden)
        d_h_dec = (d_hidden + d_entered[:, hidden] + d_decided[:, z:]).sum(0, dtype=kind)
        d_h_enc = d_entered[:, hidden.stop :].sum(0, dtype=kind)
        d_start = torch.stack([d_h_enc, d_encoder_cells.sum(0), d_h_dec, d_decoder_cells.sum(0)])
        d_bias_rows.append(outputs.sum((0, 1), dtype=kind)[None])

        one = [Part(1, 1)]
        found = []
        for d_matrix, d_bias, (rows, columns) in zip(d_matrices, d_bias_rows, plan.forms, strict=True):
            found += [narrowed(d_matrix, rows, columns), narrowed(d_bias.sum(0, keepdim=True), one, rows)[0]]
        if not sizes.read:
            d_gates = narrowed(d_bias_rows[0], one * batch, plan.gates)
            d_picture = (d_gates.t().to(number) @ tape.images[:, :whole].to(number)).to(kind)
            found[0] = torch.cat([d_picture, found[0]], 1)
        ctx.spare.give(sizes, tape)
        return None, None, None, None, None, None, None, *found, d_start[:, : plan.units.length], d_canvas.sum(0)[:whole]


def reconstruct(
    images: Float[Tensor, "B C H W"],
    noise: Float[Tensor, "T B Z"],
    weights: Weights,
    spare: Spare,
    *,
    read: int,
    write: int,
    half: bool,
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "T B"], Float[Tensor, "T B Z"], Float[Tensor, "T B Z"]]:
    """The last canvas, the KL term of every step, and the posterior's means and log standard deviations. The weights get a gradient
    from the first two; pictures and noise get none. `half`: products in bfloat16."""
    return Recurrence.apply(
        images, noise, read, write, half, spare, torch.is_grad_enabled(), *weights[:-1], weights.canvas.flatten()
    )
