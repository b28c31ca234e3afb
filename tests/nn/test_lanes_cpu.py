"""The compiled matrix product and functions of vectors, against numpy in double precision."""

import numpy as np
import pytest
import torch
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import LANES, load, store

from drawgen.nn.lanes_cpu import (
    add_product,
    any_exponential,
    any_sigmoid,
    any_tanh,
    exponential,
    log_1_plus,
    padded,
    sigmoid,
    tanh,
)

EPS = 2.0**-24


@pytest.mark.parametrize("columns", [16, 48, 64, 80, 144])
@pytest.mark.parametrize(("rows", "inner"), [(4, 1), (8, 127), (4, 129), (12, 300)])
@pytest.mark.parametrize("transposed", [False, True])
def test_product_adds_to_what_is_there(rows, inner, columns, transposed):
    """Parts of larger buffers, row by row or column by column; nothing around them changes. An error of EPS per term at most."""
    rng = np.random.default_rng(rows + inner)
    a = rng.standard_normal((inner, rows + 3) if transposed else (rows, inner + 3), np.float32)
    b = rng.standard_normal((inner, columns + 5), np.float32)
    out = rng.standard_normal((rows + 2, columns + 7), np.float32)
    before = out.copy()
    strides = (1, rows + 3) if transposed else (inner + 3, 1)
    at = columns + 7 + 2  # row 1, column 2
    add_product(a.ravel(), 0, *strides, b.ravel(), 0, columns + 5, out.reshape(-1), at, columns + 7, rows, inner, columns)
    left = a[:, :rows].T if transposed else a[:, :inner]
    right = b[:, :columns].astype(np.float64)
    changed = np.s_[1 : rows + 1, 2 : columns + 2]
    bound = EPS * (inner + 2) * (np.abs(left) @ np.abs(right) + np.abs(before[changed]))
    assert (np.abs(out[changed] - (before[changed] + left @ right)) <= bound).all()
    out[changed] = before[changed]
    assert np.array_equal(out, before)


@compiled(fastmath={"contract"})
def all_of_them(x, out):
    for at in range(0, len(x), LANES):
        store(out[0], at, exponential(load(x, at)))
        store(out[1], at, sigmoid(load(x, at)))
        store(out[2], at, tanh(load(x, at)))


@compiled(fastmath={"contract"})
def logarithms(x, out):
    for at in range(0, len(x), LANES):
        store(out, at, log_1_plus(load(x, at)))


def test_functions_of_a_vector():
    x = np.linspace(-39.9, 39.9, 100 * LANES, dtype=np.float32)
    out = np.empty((3, len(x)), np.float32)
    all_of_them(x, out)
    wide = x.astype(np.float64)
    assert np.abs(out[0] / np.exp(wide) - 1).max() < 3e-7
    assert np.abs(out[1] - 1 / (1 + np.exp(-wide))).max() < 4e-7
    assert np.abs(out[2] - np.tanh(wide)).max() < 6e-7


def test_far_values_stay_finite():
    x = np.tile(np.array([-1e30, -3e4, -100, -41, 0, 88, 3e4, 1e30], np.float32), LANES)
    out = np.empty((3, len(x)), np.float32)
    all_of_them(x, out)
    assert np.isfinite(out).all()
    assert (out[0, :4] == out[0, 3]).all()
    assert out[0, 4] == 1.0
    np.testing.assert_allclose(out[1, [0, 4, 7]], [0, 0.5, 1], atol=4e-7)
    np.testing.assert_allclose(out[2, [0, 4, 7]], [-1, 0, 1], atol=6e-7)


def test_logarithm():
    x = np.linspace(-0.4, 1.0, 50 * LANES, dtype=np.float32)
    out = np.empty_like(x)
    logarithms(x, out)
    np.testing.assert_allclose(out, np.log1p(x.astype(np.float64)), rtol=3e-7, atol=1e-30)


def test_padded():
    assert [padded(n) for n in (0, 1, 16, 17, 64)] == [0, 16, 16, 32, 64]


@compiled(fastmath={"contract"})
def doubled(x, out):
    for at in range(0, len(x), LANES):
        store(out, at, load(x, at) * 2.0)


def test_bfloat16_is_rounded_as_torch_rounds():
    """To the nearest, ties to even; and back without a change."""
    wide = torch.randn(4 * LANES, generator=torch.Generator().manual_seed(0)) * 10 ** torch.linspace(-30, 30, 4 * LANES)
    wide[:4] = torch.tensor([1.00390625, 1.01171875, 0.0, -1.5])  # two ties
    out = torch.empty(len(wide), dtype=torch.bfloat16)
    doubled(wide.numpy(), out.view(torch.uint16).numpy())
    assert torch.equal(out, (2 * wide).bfloat16())
    again = torch.empty(len(wide))
    doubled(out.view(torch.uint16).numpy(), again.numpy())
    assert torch.equal(again, 2 * out.float())


@compiled(fastmath={"contract"})
def in_double(x, out):
    for at in range(0, len(x), LANES):
        store(out[0], at, any_exponential(load(x, at)))
        store(out[1], at, any_sigmoid(load(x, at)))
        store(out[2], at, any_tanh(load(x, at)))


@pytest.mark.parametrize(("kind", "error"), [(np.float64, 1e-15), (np.float32, 6e-7)])
def test_functions_of_either_kind(kind, error):
    x = np.linspace(-30, 30, 8 * LANES).astype(kind)
    out = np.empty((3, len(x)), kind)
    in_double(x, out)
    wide = x.astype(np.float64)
    assert np.abs(out[0] / np.exp(wide) - 1).max() < error
    assert np.abs(out[1] - 1 / (1 + np.exp(-wide))).max() < error
    assert np.abs(out[2] - np.tanh(wide)).max() < error
