"""Vanishing and exploding gradients: the truths of the lecture, over random networks."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from drawgen import diagnosis
from drawgen.contract import generator
from drawgen.nn.recording import recording
from drawgen.nn.recurrence import CELLS, LSTM, Recurrent
from drawgen.nn.spatial_lstm import SpatialLSTM, diagonals

DOUBLE = torch.float64
PHI = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
ALL = slice(None)


def random(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=DOUBLE)


def plain(kind, matrix, inputs, *, first=None):
    """h_t = phi(W h_{t-1} + x_t): (states, slopes), B U at each step."""
    h = torch.zeros_like(inputs[0]) if first is None else first
    states, slopes = [], []
    for x in inputs:
        a = (h @ matrix.t() + x).requires_grad_()
        h = PHI[kind](a)
        (slope,) = torch.autograd.grad(h.sum(), a, retain_graph=True)
        states.append(h)
        slopes.append(slope)
    return states, slopes


def by_lag(loss, states):
    """|dL/dh_{t-k}|, K B."""
    found = diagnosis.norms(diagnosis.gradients(loss, [(h,) for h in states]))
    return found.flip(0)


def scaled(matrix, largest):
    """The matrix with this largest singular value."""
    return matrix * (largest / float(torch.linalg.matrix_norm(matrix, 2)))


# ---------------------------------------------------------------- the gradient


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("layers", [1, 2])
def test_the_gradient_by_lag_is_that_of_finite_differences(cell, layers):
    """Through three steps, of the top layer's whole state."""
    net = Recurrent(cell, 2, 3, layers=layers, rng=generator(1)).double()
    x, weight = random(2, 3, 2), random(2, 3, seed=5)
    with recording() as record:
        outputs, _ = net(x, net.start(2))
    tracks = list(record.tracks(net).values())
    assert [track.layer for track in tracks] == list(range(layers))
    loss = (outputs[:, -1] * weight).sum(1)
    found = diagnosis.gradients(loss, [step.after for step in tracks[-1].steps])

    def loss_from(t, state):
        h = state["h"][:, -1]
        for step in range(t + 1, 3):
            h, state = net.step(x[:, step], state)
        return (h * weight).sum(1).detach()

    state = net.start(2)
    for t in range(3):
        _, state = net.step(x[:, t], state)
        for part, name in enumerate(state):
            for unit in range(3):
                eps = torch.zeros_like(state[name])
                eps[:, -1, unit] = 1e-6
                up, down = (loss_from(t, {**state, name: state[name] + sign * eps}) for sign in (1, -1))
                torch.testing.assert_close(found[t][part][:, unit], (up - down) / 2e-6, rtol=1e-6, atol=1e-8)


def test_a_recorder_changes_nothing():
    """Outputs and states are those of the ordinary way, to rounding."""
    net, x = Recurrent("gru", 2, 3, layers=2, rng=generator(1)).double(), random(2, 4, 2)
    with recording():
        seen = net(x, net.start(2))
    torch.testing.assert_close(seen, net(x, net.start(2)))
    lstm, grid, x = SpatialLSTM(2, 3, rng=generator(1)).double(), diagonals(4, 5), random(20, 2, 2)
    with recording() as record:
        seen = lstm(x, grid)
    torch.testing.assert_close(seen, lstm(x, grid))
    (track,) = record.tracks(lstm).values()
    assert [step.after[0].shape[1] for step in track.steps] == [1, 2, 3, 4, 4, 3, 2, 1]
    assert float(track.steps[3].gates["forget left"].min()) > 0


@pytest.mark.parametrize("make", [
    lambda: (Recurrent("rnn", 2, 3, rng=generator(1)), 1), lambda: (Recurrent("gru", 2, 3, rng=generator(1)), 1),
    lambda: (Recurrent("lstm", 2, 3, rng=generator(1)), 2), lambda: (SpatialLSTM(2, 3, rng=generator(1)), 2),
])  # fmt: skip
def test_the_gradient_goes_back_by_the_jacobians(make):
    """In one layer dL/ds_{t-1} = J_t^T dL/ds_t, and the Jacobian of a step is that of autograd."""
    net, parts = make()
    net = net.double()
    with recording() as record:
        if isinstance(net, SpatialLSTM):
            loss = net(random(12, 2, 2), diagonals(3, 4))[-1].sum(1)
        else:
            loss = net(random(2, 6, 2), net.start(2))[0][:, -1].sum(1)
    (track,) = record.tracks(net).values()
    found = diagnosis.gradients(loss, [step.after for step in track.steps])
    for t in range(1, len(track.steps)):
        step, before = track.steps[t], track.steps[t - 1].after
        assert len(before) == parts
        back = diagnosis.pulled_back(step.again, before, found[t])
        torch.testing.assert_close(back, diagnosis.joined(found[t - 1]))
        matrix = diagnosis.jacobian(step.again, before, slice(0, 2))
        torch.testing.assert_close((diagnosis.joined(found[t])[:, None] @ matrix)[:, 0], back)
        largest = torch.linalg.svdvals(matrix)[:, 0]
        torch.testing.assert_close(
            diagnosis.stretch(step.again, before, slice(0, 2), iterations=300), largest, rtol=1e-3, atol=1e-9
        )


def test_lags_count_from_the_last_step_that_matters():
    """Rows of other lengths; what pads them has no gradient."""
    sizes = torch.tensor([[1.0, 1.0], [2.0, 2.0], [0.0, 3.0]])
    last = diagnosis.ends(sizes)
    assert last.tolist() == [1, 2]
    found = diagnosis.from_the_end(sizes, last)
    assert found[:2].tolist() == [[2.0, 3.0], [1.0, 2.0]]
    assert found[2, 0].isnan()
    assert found[2, 1] == 1.0
    assert diagnosis.middle(found).shape == (3,)


# ---------------------------------------------------------------- the lecture


@given(seed=some.integers(0, 10**6), units=some.integers(2, 9), largest=some.floats(0.05, 3.0), kind=some.sampled_from(list(PHI)))
@settings(max_examples=60, deadline=None)
def test_the_norm_is_under_the_bound(seed, units, largest, kind):
    """Always: at every lag, of every network."""
    matrix = scaled(random(units, units, seed=seed), largest / diagnosis.STEEPEST[kind])
    states, slopes = plain(kind, matrix, random(12, 3, units, seed=seed + 1))
    seen = by_lag((states[-1] * random(3, units, seed=seed + 2)).sum(1), states)
    factors = diagnosis.lecture_factors(matrix, slopes)
    bound = diagnosis.chained(seen[0], factors, torch.full((3,), 11))
    assert (seen <= bound * (1 + 1e-9) + 1e-300).all()
    assert (factors <= largest * (1 + 1e-9)).all()


@given(seed=some.integers(0, 10**6), units=some.integers(2, 9), share=some.floats(0.05, 0.9), kind=some.sampled_from(list(PHI)))
@settings(max_examples=60, deadline=None)
def test_it_vanishes_below_one_over_gamma(seed, units, share, kind):
    """Whenever the largest singular value is under 1 / gamma: 1 for tanh and ReLU, 4 for the sigmoid."""
    matrix = scaled(random(units, units, seed=seed), share / diagnosis.STEEPEST[kind])
    states, _ = plain(kind, matrix, random(40, 2, units, seed=seed + 1))
    seen = by_lag((states[-1] * random(2, units, seed=seed + 2)).sum(1), states)
    lags = torch.arange(40, dtype=DOUBLE)[:, None]
    assert (seen <= seen[0] * share**lags * (1 + 1e-9)).all()


def test_above_it_it_can_explode():
    """ReLU with a scaled permutation and positive states, tanh and sigmoid at their steepest point: the bound is reached."""
    permutation = torch.eye(4, dtype=DOUBLE)[[2, 0, 3, 1]]
    start = torch.ones(2, 4, dtype=DOUBLE)
    for kind, largest in (("relu", 1.2), ("tanh", 1.2), ("sigmoid", 4.8)):
        matrix = largest * permutation
        # Inputs that put every unit at its steepest point; a ReLU is at it wherever it is positive.
        rest = 0.5 if kind == "sigmoid" else 0.0
        x = torch.zeros(30, 2, 4, dtype=DOUBLE) - largest * rest
        first = start if kind == "relu" else rest * start
        states, slopes = plain(kind, matrix, x, first=first)
        seen = by_lag(states[-1].sum(1), states)
        assert float(seen[-1, 0] / seen[0, 0]) == pytest.approx(1.2**29)
        bound = diagnosis.chained(seen[0], diagnosis.lecture_factors(matrix, slopes), torch.full((2,), 29))
        torch.testing.assert_close(seen, bound)
        assert diagnosis.fitted_rate(seen[:, 0]) == pytest.approx(1.2)


def test_above_it_it_need_not_explode():
    """A nilpotent matrix: its largest singular value is 5, and after two steps nothing is left."""
    matrix = torch.zeros(2, 2, dtype=DOUBLE)
    matrix[0, 1] = 5.0
    states, _ = plain("relu", matrix, torch.ones(6, 1, 2, dtype=DOUBLE))
    assert not by_lag(states[-1].sum(1), states)[2:].any()
    assert diagnosis.spectral_radius(matrix) == 0.0


# ---------------------------------------------------------------- matrices and gates


@pytest.mark.parametrize("shape", [(5, 5), (4, 7)])
def test_singular_values_and_spectral_radius_are_numpys(shape):
    matrix = random(*shape)
    np.testing.assert_allclose(diagnosis.singular_values(matrix).numpy(), np.linalg.svd(matrix.numpy(), compute_uv=False))
    if shape[0] == shape[1]:
        assert diagnosis.spectral_radius(matrix) == pytest.approx(np.abs(np.linalg.eigvals(matrix.numpy())).max())
    else:
        assert math.isnan(diagnosis.spectral_radius(matrix))


def test_rates_and_half_lives():
    decay = 3.0 * 0.8 ** torch.arange(20.0)
    assert diagnosis.fitted_rate(decay) == pytest.approx(0.8, rel=1e-5)
    assert diagnosis.fitted_rate(torch.cat([decay, torch.zeros(5)])) == pytest.approx(0.8, rel=1e-5)  # underflow
    assert math.isnan(diagnosis.fitted_rate(torch.zeros(3)))
    assert diagnosis.steps_until(0.01, 1.0) == math.inf
    f = torch.tensor([0.5, 0.9])
    torch.testing.assert_close(f ** diagnosis.half_life(f), torch.tensor([0.5, 0.5]))
    assert diagnosis.half_life(torch.tensor([0.0, 1.0])).isfinite().all()


def test_forget_gates_and_matrices_are_the_cells_own():
    """An LSTM written by hand: its gate, its matrices."""
    cell = LSTM(2, 3, rng=generator(0))
    x, zero = torch.randn(1, 2, generator=generator(1)), torch.zeros(1, 3)
    with recording() as record:
        cell(x, zero, zero)
    (track,) = record.tracks(cell).values()
    assert track.matrices["forget"].shape == (3, 3)
    assert torch.equal(track.matrices["forget"], cell.weight[6:9, 2:])
    f = torch.sigmoid(torch.cat([x, zero], 1) @ cell.weight[6:9].t() + cell.bias[6:9])
    torch.testing.assert_close(track.steps[0].kept, f)
