"""The diagonal sweep and the wavefront, against the double loop over pixels straight from the paper's equations."""

import pytest
import torch
from torch.autograd import gradcheck

from drawgen.nn.spatial_lstm import CELLS, DiagonalSweep, SpatialLSTM, Wavefront, causal_offsets, diagonals, window_index

DOUBLE = torch.float64


def random_layer(inputs, units, cell, seed=0):
    rng = torch.Generator().manual_seed(seed)
    lstm = SpatialLSTM(inputs, units, cell=cell, rng=rng).double()
    for parameter in lstm.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, dtype=DOUBLE, generator=rng)
    return lstm, rng


def double_loop(lstm, x):
    """Theis & Bethge (2015), equations 7 to 9, pixel by pixel; x is B H W D. Sums over the weights' rows by hand."""
    batch, height, width, _ = x.shape
    units = lstm.units
    zero = torch.zeros(batch, units, dtype=x.dtype)
    h, c = {}, {}
    for i in range(height):
        for j in range(width):
            left, up = (i, j - 1), (i - 1, j)
            y = torch.cat([x[:, i, j], h.get(left, zero), h.get(up, zero)], 1)
            a = y @ torch.cat([lstm.weight, lstm.recurrent], 1).t() + lstm.bias
            g, gate, f_left, f_up, o = (a[:, n * units : (n + 1) * units] for n in range(5))
            carried = torch.sigmoid(f_left) * c.get(left, zero) + torch.sigmoid(f_up) * c.get(up, zero)
            if lstm.share != 1.0:
                carried = carried / 2
            c[i, j] = torch.tanh(g) * torch.sigmoid(gate) + carried
            h[i, j] = torch.tanh(torch.sigmoid(o) * c[i, j])
    return torch.stack([torch.stack([h[i, j] for j in range(width)], 1) for i in range(height)], 1)


def in_order(x, grid):
    """B H W D -> P B D in diagonal order."""
    return x.flatten(1, 2)[:, grid.order].transpose(0, 1)


SIZES = [(1, 1), (1, 6), (6, 1), (4, 7), (7, 4), (5, 5)]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_skewed_equals_double_loop(cell, height, width):
    """Value and gradient, to 1e-9 in float64."""
    lstm, rng = random_layer(3, 4, cell)
    x = torch.randn(2, height, width, 3, dtype=DOUBLE, generator=rng, requires_grad=True)
    weights = torch.randn(2, height, width, 4, dtype=DOUBLE, generator=rng)
    grid = diagonals(height, width)
    inputs = [x, *lstm.parameters()]
    slow = double_loop(lstm, x)
    slow_grads = torch.autograd.grad((slow * weights).sum(), inputs)
    fast = lstm(in_order(x, grid), grid)
    torch.testing.assert_close(fast, in_order(slow, grid), atol=1e-9, rtol=0)
    fast_grads = torch.autograd.grad((fast * in_order(weights, grid)).sum(), inputs)
    for a, b in zip(fast_grads, slow_grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=0)


def test_backward_by_finite_differences():
    rng = torch.Generator().manual_seed(3)
    gates = torch.randn(6, 2, 15, dtype=DOUBLE, generator=rng, requires_grad=True)
    recurrent = torch.randn(6, 15, dtype=DOUBLE, generator=rng, requires_grad=True)
    assert gradcheck(lambda a, b: DiagonalSweep.apply(a, b, diagonals(2, 3), 0.5), (gates, recurrent))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("slope", [1, 2, 5])
def test_wavefront_equals_double_loop(cell, slope):
    """The states kept for the last steps are the right neighbours, for any slope."""
    lstm, rng = random_layer(3, 4, cell, seed=1)
    height, width = 5, 6
    x = torch.randn(1, height, width, 3, dtype=DOUBLE, generator=rng)
    slow = double_loop(lstm, x)[0]
    with torch.no_grad():
        front = Wavefront(lstm, height, slope)
        for t in range(width + slope * (height - 1)):
            rows = [i for i in range(height) if 0 <= t - slope * i < width]
            if not rows:
                continue
            columns = [t - slope * i for i in rows]
            h = front.step((x[0, rows, columns],), t, rows[0], rows[-1] + 1)
            torch.testing.assert_close(h, slow[rows, columns], atol=1e-12, rtol=0)


def test_cell_is_the_definition():
    lstm, rng = random_layer(3, 4, "ride", seed=2)
    x = torch.randn(1, 1, 2, 3, dtype=DOUBLE, generator=rng)
    slow = double_loop(lstm, x)[0, 0]
    zero = torch.zeros(1, 4, dtype=DOUBLE)
    h0, c0 = lstm.cell(x[0, :, 0], (zero, zero), (zero, zero))
    h1, _ = lstm.cell(x[0, :, 1], (h0, zero), (c0, zero))
    torch.testing.assert_close(torch.cat([h0, h1]), slow)


@pytest.mark.parametrize(("n", "pixels"), [(1, 0), (3, 4), (5, 12), (7, 24), (9, 40)])
def test_neighbourhood_of_the_paper(n, pixels):
    """Theis & Bethge's masks: 12 pixels for n = 5, 24 for 7, 40 for 9; all before (0, 0) in raster order."""
    offsets = causal_offsets(n)
    assert len(offsets) == len(set(offsets)) == pixels
    assert all(up > 0 or right < 0 for up, right in offsets)
    assert all(0 <= up <= n // 2 and abs(right) <= n // 2 for up, right in offsets)


def test_window_index_points_at_the_neighbours():
    height, width, n = 4, 5, 3
    grid, reach = diagonals(height, width), 1
    padded = torch.full((height + reach, width + 2 * reach), -1)
    padded[reach:, reach:-reach] = torch.arange(height * width).view(height, width)
    seen = padded.flatten()[window_index(height, width, n)]
    for place, raster in enumerate(grid.order.tolist()):
        i, j = divmod(raster, width)
        for slot, (up, right) in enumerate(causal_offsets(n)):
            inside = i - up >= 0 and 0 <= j + right < width
            assert seen[place, slot] == ((i - up) * width + j + right if inside else -1)


def test_bounded_cell_stays_finite_at_any_weights():
    """Forget gates wide open on a large picture: the paper's cell blows up, the bounded one does not."""
    sizes = {}
    for cell in CELLS:
        lstm, _rng = random_layer(2, 3, cell)
        lstm.bias.data[6:12] = 20.0
        zero = torch.zeros(1, 3, dtype=DOUBLE)
        rows = [(zero, zero)] * 200
        for _ in range(200):
            left = (zero, zero)
            for j in range(200):
                left = lstm.cell(torch.ones(1, 2, dtype=DOUBLE), (left[0], rows[j][0]), (left[1], rows[j][1]))
                rows[j] = left
            if not torch.isfinite(left[1]).all() or left[1].abs().max() > 1e6:
                break
        sizes[cell] = left[1].abs().max().item()
    assert sizes["bounded"] < 400
    assert not sizes["ride"] < 1e6


def test_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="'gru'"):
        SpatialLSTM(1, 1, cell="gru", rng=torch.Generator())
