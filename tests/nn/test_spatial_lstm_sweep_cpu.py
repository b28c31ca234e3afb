"""The compiled sweep, in float32, against the layer in torch in float64."""

import pytest
import torch

from drawgen.nn.spatial_lstm import CELLS, SpatialLSTM, diagonals
from drawgen.threads import workers


def layer(inputs, units, cell="bounded", seed=0):
    rng = torch.Generator().manual_seed(seed)
    lstm = SpatialLSTM(inputs, units, cell=cell, rng=rng)
    for parameter in lstm.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=rng)
    return lstm, rng


def values(lstm, x, weights, grid):
    """h, and the gradients of a weighted sum of h by the inputs and the parameters."""
    x = x.clone().requires_grad_()
    h = lstm(x, grid)
    return h.detach(), torch.autograd.grad((h * weights).sum(), [x, *lstm.parameters()])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("inputs", "units"), [(3, 4), (1, 1), (16, 16), (33, 20)])
@pytest.mark.parametrize(("height", "width", "batch"), [(1, 1, 1), (1, 9, 2), (9, 1, 1), (4, 7, 3), (30, 23, 2)])
def test_equals_torch(cell, inputs, units, height, width, batch):
    """Values to a few roundings (2^-24, and 4e-7 of a gate) for each of up to 50 diagonals; gradients as much of their largest."""
    lstm, rng = layer(inputs, units, cell)
    grid = diagonals(height, width)
    x = torch.randn(height * width, batch, inputs, generator=rng)
    weights = torch.randn(height * width, batch, units, generator=rng)
    h, gradients = values(lstm, x, weights, grid)
    right, right_gradients = values(lstm.double(), x.double(), weights.double(), grid)
    torch.testing.assert_close(h.double(), right, atol=2e-5, rtol=0)
    for ours, theirs in zip(gradients, right_gradients, strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=5e-5 * max(1.0, float(theirs.abs().max())), rtol=0)


def test_pending_pixels_are_added_more_than_once():
    """A picture with many more pixels than the weights' gradient takes at once, and more than fit a diagonal."""
    from drawgen.nn import spatial_lstm_sweep_cpu as compiled

    lstm, rng = layer(5, 8)
    assert 4 * compiled.PENDING < 40 * 41
    x = torch.randn(40 * 41, 1, 5, generator=rng)
    weights = torch.randn(40 * 41, 1, 8, generator=rng)
    _, gradients = values(lstm, x, weights, diagonals(40, 41))
    _, right = values(lstm.double(), x.double(), weights.double(), diagonals(40, 41))
    for ours, theirs in zip(gradients, right, strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-4 * float(theirs.abs().max()), rtol=0)


def test_inputs_without_a_gradient():
    lstm, rng = layer(3, 4)
    x = torch.randn(20, 2, 3, generator=rng)
    weights = torch.randn(20, 2, 4, generator=rng)
    grid = diagonals(4, 5)
    _, (_, *right) = values(lstm, x, weights, grid)
    ours = torch.autograd.grad((lstm(x, grid) * weights).sum(), list(lstm.parameters()))
    for a, b in zip(ours, right, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


def test_the_number_of_workers_changes_nothing():
    lstm, rng = layer(3, 4)
    x = torch.randn(20, 5, 3, generator=rng)
    weights = torch.randn(20, 5, 4, generator=rng)
    results = []
    for count in (1, 3):
        with workers(count):
            h, gradients = values(lstm, x, weights, diagonals(4, 5))
        results.append((h, *gradients))
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)


def test_the_graph_may_be_used_twice():
    """Nothing that the backward pass reads is changed by it."""
    lstm, rng = layer(3, 4)
    x = torch.randn(20, 2, 3, generator=rng)
    total = lstm(x, diagonals(4, 5)).sum()
    first = torch.autograd.grad(total, list(lstm.parameters()), retain_graph=True)
    second = torch.autograd.grad(total, list(lstm.parameters()))
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)
