"""DRAW's attention window against the paper's equations in plain loops, and its edges."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from drawgen.nn import glimpse

DOUBLE = torch.float64


def numbers(*rows):
    return torch.tensor(rows, dtype=DOUBLE)


@pytest.mark.parametrize("filters", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("size", [8, 9, 28])
def test_symmetric_at_the_centre(filters, size):
    """gx~ = 0 puts the grid in the middle of the picture, and not a stride beside it."""
    window = glimpse.place(numbers([0, 0, 0.3, -0.5, 0]), size, size, filters)
    bank = glimpse.filterbank(window.centre_x, window.stride, window.variance, size, filters)
    torch.testing.assert_close(bank, bank.flip(1, 2))


def test_against_the_equations():
    height, width, filters = 7, 10, 3
    raw = [0.2, -0.4, 0.5, -0.7, 0.3]
    window = glimpse.place(numbers(raw), height, width, filters)
    rows, columns = glimpse.filterbanks(window, height, width, filters)
    gx, gy = (width + 1) / 2 * (raw[0] + 1), (height + 1) / 2 * (raw[1] + 1)
    stride = (max(height, width) - 1) / (filters - 1) * math.exp(raw[3])
    for bank, centre, size in ((rows, gy, height), (columns, gx, width)):
        for i in range(1, filters + 1):
            mean = centre + (i - filters / 2 - 0.5) * stride
            row = [math.exp(-((a - mean) ** 2) / (2 * math.exp(raw[2]))) for a in range(1, size + 1)]
            for a in range(size):
                assert bank[0, i - 1, a].item() == pytest.approx(row[a] / sum(row), abs=1e-7)


def test_rows_sum_to_one():
    window = glimpse.place(torch.randn(50, 5, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)) * 0.3, 28, 28, 5)
    rows, columns = glimpse.filterbanks(window, 28, 28, 5)
    for bank in (rows, columns):
        torch.testing.assert_close(bank.sum(2), torch.ones(50, 5, dtype=DOUBLE), atol=1e-4, rtol=0)


@pytest.mark.parametrize("raw", [[50, -50, -8, 3, 0], [0, 0, -30, 0, 0], [1e3, 0, -4, -9, 2]])
def test_off_the_canvas_stays_finite(raw):
    """Value and gradient, far away and very narrow."""
    place = torch.tensor([raw], dtype=torch.float32, requires_grad=True)
    image = torch.rand(1, 1, 9, 9)
    patch = glimpse.read(image, glimpse.place(place, 9, 9, 3), 3)
    canvas = glimpse.write(patch, glimpse.place(place, 9, 9, 3), 9, 9)
    canvas.sum().backward()
    assert torch.isfinite(canvas).all()
    assert torch.isfinite(place.grad).all()


def test_gradients_by_finite_differences():
    rng = torch.Generator().manual_seed(1)
    place = (torch.randn(2, 5, dtype=DOUBLE, generator=rng) * 0.3).requires_grad_()
    image = torch.rand(2, 2, 5, 6, dtype=DOUBLE, generator=rng, requires_grad=True)
    assert gradcheck(lambda p, x: glimpse.read(x, glimpse.place(p, 5, 6, 3), 3), (place, image))
    patch = torch.rand(2, 2, 3, 3, dtype=DOUBLE, generator=rng, requires_grad=True)
    assert gradcheck(lambda p, w: glimpse.write(w, glimpse.place(p, 5, 6, 3), 5, 6), (place, patch))


def test_reading_then_writing_gives_a_smooth_picture_back():
    """At full resolution (a filter a pixel, narrow), reading and writing with the same window is the identity."""
    size = 16
    y, x = torch.meshgrid(torch.linspace(0, 3, size, dtype=DOUBLE), torch.linspace(0, 3, size, dtype=DOUBLE), indexing="ij")
    image = (torch.sin(x) * torch.cos(y))[None, None]
    window = glimpse.place(numbers([0, 0, math.log(0.05), 0, 0.7]), size, size, size)
    again = glimpse.write(glimpse.read(image, window, size), window, size, size)
    torch.testing.assert_close(again, image, atol=1e-3, rtol=0)
