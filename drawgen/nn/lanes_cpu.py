"""A matrix product and the functions of a gate on vectors of `LANES` floats, for loops that are compiled for the CPU (numba).

Matrices are flat float32 arrays with a first place and strides, because one buffer holds many of them. Sizes are padded with zeros
(`padded`), so that no loop has a remainder.
"""

from typing import Any, TypeAlias

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import LANES, double_exponential, floor, load, maximum, minimum, power_of_two, store
from jaxtyping import Float32
from numba import types
from numba.extending import overload

Flat: TypeAlias = Float32[np.ndarray, " _"]
ROWS = 4
"""Rows of a product that share each load of the other matrix."""
WIDE = 4 * LANES
INNER = 128
"""Terms that are added in registers: as many rows of the other matrix, `WIDE` columns each, stay in the first cache."""


def padded(size: int) -> int:
    """The next multiple of `LANES`."""
    return -(-size // LANES) * LANES


@compiled()
def padded_rows(size: int) -> int:
    """The next multiple of ROWS."""
    return (size + ROWS - 1) // ROWS * ROWS


@compiled(fastmath={"contract"})
def add_product(
    a: Flat,
    a_at: int,
    a_row: int,
    a_column: int,
    b: Flat,
    b_at: int,
    b_row: int,
    out: Flat,
    out_at: int,
    out_row: int,
    rows: int,
    inner: int,
    columns: int,
) -> None:
    """out += a b. `rows` is a multiple of ROWS and `columns` of LANES. Element (i, k) of `a` is at a_at + i * a_row + k * a_column;
    the rows of `b` and `out` are contiguous."""
    for first in range(0, inner, INNER):
        last = min(first + INNER, inner)
        wide = columns // WIDE * WIDE
        for j in range(0, wide, WIDE):
            for i in range(0, rows, ROWS):
                at0 = out_at + i * out_row + j
                at1 = at0 + out_row
                at2 = at1 + out_row
                at3 = at2 + out_row
                c00, c01 = load(out, at0), load(out, at0 + LANES)
                c02, c03 = load(out, at0 + 2 * LANES), load(out, at0 + 3 * LANES)
                c10, c11 = load(out, at1), load(out, at1 + LANES)
                c12, c13 = load(out, at1 + 2 * LANES), load(out, at1 + 3 * LANES)
                c20, c21 = load(out, at2), load(out, at2 + LANES)
                c22, c23 = load(out, at2 + 2 * LANES), load(out, at2 + 3 * LANES)
                c30, c31 = load(out, at3), load(out, at3 + LANES)
                c32, c33 = load(out, at3 + 2 * LANES), load(out, at3 + 3 * LANES)
                p = a_at + i * a_row + first * a_column
                q = b_at + first * b_row + j
                for _ in range(first, last):
                    b0, b1 = load(b, q), load(b, q + LANES)
                    b2, b3 = load(b, q + 2 * LANES), load(b, q + 3 * LANES)
                    # An unsigned place needs no test whether it counts from the end.
                    a0, a1 = a[np.uint64(p)], a[np.uint64(p + a_row)]
                    a2, a3 = a[np.uint64(p + 2 * a_row)], a[np.uint64(p + 3 * a_row)]
                    c00, c01, c02, c03 = c00 + a0 * b0, c01 + a0 * b1, c02 + a0 * b2, c03 + a0 * b3
                    c10, c11, c12, c13 = c10 + a1 * b0, c11 + a1 * b1, c12 + a1 * b2, c13 + a1 * b3
                    c20, c21, c22, c23 = c20 + a2 * b0, c21 + a2 * b1, c22 + a2 * b2, c23 + a2 * b3
                    c30, c31, c32, c33 = c30 + a3 * b0, c31 + a3 * b1, c32 + a3 * b2, c33 + a3 * b3
                    p += a_column
                    q += b_row
                store(out, at0, c00)
                store(out, at0 + LANES, c01)
                store(out, at0 + 2 * LANES, c02)
                store(out, at0 + 3 * LANES, c03)
                store(out, at1, c10)
                store(out, at1 + LANES, c11)
                store(out, at1 + 2 * LANES, c12)
                store(out, at1 + 3 * LANES, c13)
                store(out, at2, c20)
                store(out, at2 + LANES, c21)
                store(out, at2 + 2 * LANES, c22)
                store(out, at2 + 3 * LANES, c23)
                store(out, at3, c30)
                store(out, at3 + LANES, c31)
                store(out, at3 + 2 * LANES, c32)
                store(out, at3 + 3 * LANES, c33)
        for j in range(wide, columns, LANES):
            for i in range(0, rows, ROWS):
                at = out_at + i * out_row + j
                c0, c1 = load(out, at), load(out, at + out_row)
                c2, c3 = load(out, at + 2 * out_row), load(out, at + 3 * out_row)
                p = a_at + i * a_row + first * a_column
                q = b_at + first * b_row + j
                for _ in range(first, last):
                    b0 = load(b, q)
                    c0, c1 = c0 + a[np.uint64(p)] * b0, c1 + a[np.uint64(p + a_row)] * b0
                    c2, c3 = c2 + a[np.uint64(p + 2 * a_row)] * b0, c3 + a[np.uint64(p + 3 * a_row)] * b0
                    p += a_column
                    q += b_row
                store(out, at, c0)
                store(out, at + out_row, c1)
                store(out, at + 2 * out_row, c2)
                store(out, at + 3 * out_row, c3)


# Lambert's continued fraction for tanh, cut after seven terms: tanh y = p / q, right to 3e-7 for |y| < 5.


@compiled(fastmath={"contract"})
def upper(y: Any, s: Any) -> Any:
    """p, with s = y^2."""
    return y * (np.float32(135135.0) + s * (np.float32(17325.0) + s * (np.float32(378.0) + s)))


@compiled(fastmath={"contract"})
def lower(s: Any) -> Any:
    """q, with s = y^2."""
    return np.float32(135135.0) + s * (np.float32(62370.0) + s * (np.float32(3150.0) + s * np.float32(28.0)))


@compiled(fastmath={"contract"})
def tanh(x: Any) -> Any:
    """tanh x = 2 p q / (p^2 + q^2) with p / q = tanh(x / 2), a single division."""
    y = minimum(maximum(x * np.float32(0.5), np.float32(-5.0)), np.float32(5.0))
    s = y * y
    p, q = upper(y, s), lower(s)
    return np.float32(2.0) * p * q / (p * p + q * q)


@compiled(fastmath={"contract"})
def sigmoid(x: Any) -> Any:
    """(1 + tanh(x / 2)) / 2."""
    y = minimum(maximum(x * np.float32(0.25), np.float32(-5.0)), np.float32(5.0))
    s = y * y
    p, q = upper(y, s), lower(s)
    return np.float32(0.5) + p * q / (p * p + q * q)


@compiled(fastmath={"contract"})
def exponential(x: Any) -> Any:
    """e^x, right to 2e-7 of itself; below -40 and above 88 the value there. Products of far smaller numbers are subnormal, and
    arithmetic on these takes a hundred times longer."""
    x = minimum(maximum(x, np.float32(-40.0)), np.float32(88.0))
    n = floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)  # log 2 in two parts: the first product is exact
    series = np.float32(1 / 720) * r + np.float32(1 / 120)
    series = series * r + np.float32(1 / 24)
    series = series * r + np.float32(1 / 6)
    series = series * r + np.float32(0.5)
    return (series * r * r + r + np.float32(1.0)) * power_of_two(n)


@compiled(fastmath={"contract"})
def log_1_plus(x: Any) -> Any:
    """log(1 + x) for x from -.4 to 1: 2 artanh(w) with w = x / (2 + x), by its series."""
    w = x / (x + np.float32(2.0))
    s = w * w
    series = np.float32(1 / 13) * s + np.float32(1 / 11)
    series = series * s + np.float32(1 / 9)
    series = series * s + np.float32(1 / 7)
    series = series * s + np.float32(1 / 5)
    series = series * s + np.float32(1 / 3)
    return np.float32(2.0) * w * (series * s + np.float32(1.0))


# The same for loops that are compiled in double precision too, as tests of gradients want it.


def any_exponential(x: Any) -> Any:
    """e^x: `exponential`, or of doubles the exact one."""


def any_sigmoid(x: Any) -> Any:
    """`sigmoid`, or of doubles the exact one."""


def any_tanh(x: Any) -> Any:
    """`tanh`, or of doubles the exact one."""


@overload(any_exponential, strict=False)
def exponential_of(x: Any) -> Any:
    return (lambda x: double_exponential(x)) if x.kind == types.float64 else (lambda x: exponential(x))


@overload(any_sigmoid, strict=False)
def sigmoid_of(x: Any) -> Any:
    return (lambda x: 1.0 / (1.0 + double_exponential(-1.0 * x))) if x.kind == types.float64 else (lambda x: sigmoid(x))


@overload(any_tanh, strict=False)
def tanh_of(x: Any) -> Any:
    return (lambda x: 2.0 / (1.0 + double_exponential(-2.0 * x)) - 1.0) if x.kind == types.float64 else (lambda x: tanh(x))
