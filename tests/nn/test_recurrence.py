"""Recurrent cells against the published equations in loops of numpy; whole sequences against single steps."""

import numpy as np
import pytest
import torch

from drawgen.contract import generator
from drawgen.nn.recurrence import CELLS, LSTM, Recurrent

DOUBLE = torch.float64
EVERY_CELL = pytest.mark.parametrize("cell", list(CELLS))


def random(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=DOUBLE)


def layers(cell, count=2, *, inputs=3, units=4, **options):
    found = Recurrent(cell, inputs, units, layers=count, rng=generator(1), **options).double()
    for n, parameter in enumerate(found.parameters()):
        parameter.data += 0.3 * random(*parameter.shape, seed=n)
    return found


def start(recurrent, rows):
    return {name: random(*tensor.shape, seed=7) for name, tensor in recurrent.start(rows).items()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(recurrent, x, state):
    """Elman (1990); Cho et al. (2014), with the reset gate before the product, and after it, as torch and cuDNN have it; Gers et
    al. (2000)."""
    state = {name: tensor.numpy().copy() for name, tensor in state.items()}
    outputs = []
    for row in range(len(x)):
        for t in range(x.shape[1]):
            y = x[row, t].numpy()
            for n in range(len(recurrent.layers)):
                w, wb, u, ub = (p.detach().numpy() for p in recurrent.weights(n))
                h = state["h"][row, n]
                a, b = w @ y + wb, u @ h + ub
                k = recurrent.units
                if recurrent.cell == "rnn":
                    y = np.tanh(a + b)
                elif recurrent.cell == "gru":
                    r, z = sigmoid(a[:k] + b[:k]), sigmoid(a[k : 2 * k] + b[k : 2 * k])
                    y = (1 - z) * np.tanh(a[2 * k :] + r * b[2 * k :]) + z * h
                elif recurrent.cell == "gru_before":
                    r, z = sigmoid(a[:k] + b[:k]), sigmoid(a[k : 2 * k] + b[k : 2 * k])
                    y = (1 - z) * np.tanh(a[2 * k :] + u[2 * k :] @ (r * h) + ub[2 * k :]) + z * h
                else:
                    i, f, g, o = np.split(a + b, 4)
                    c = sigmoid(f) * state["c"][row, n] + sigmoid(i) * np.tanh(g)
                    state["c"][row, n] = c
                    y = sigmoid(o) * np.tanh(c)
                state["h"][row, n] = y
            outputs.append(y)
    return np.array(outputs).reshape(len(x), x.shape[1], -1), state


@EVERY_CELL
@pytest.mark.parametrize("count", [1, 3])
def test_both_forms_are_the_equations(cell, count):
    recurrent = layers(cell, count)
    x, before = random(2, 5, 3), start(recurrent, 2)
    expected, last = by_hand(recurrent, x, before)
    whole, after = recurrent(x, before)
    np.testing.assert_allclose(whole.detach().numpy(), expected, atol=1e-12)
    state, steps = before, []
    for t in range(5):
        y, state = recurrent.step(x[:, t], state)
        steps.append(y)
    np.testing.assert_allclose(torch.stack(steps, 1).detach().numpy(), expected, atol=1e-12)
    for name, tensor in last.items():
        np.testing.assert_allclose(after[name].detach().numpy(), tensor, atol=1e-12)
        np.testing.assert_allclose(state[name].detach().numpy(), tensor, atol=1e-12)


@EVERY_CELL
def test_both_forms_have_the_same_gradients(cell):
    recurrent = layers(cell)
    x = random(2, 4, 3)
    recurrent(x, start(recurrent, 2))[0].square().sum().backward()
    expected = [p.grad.clone() for p in recurrent.parameters()]
    recurrent.zero_grad()
    state, total = start(recurrent, 2), 0
    for t in range(4):
        y, state = recurrent.step(x[:, t], state)
        total = total + y.square().sum()
    total.backward()
    for parameter, gradient in zip(recurrent.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_the_two_gated_units_differ_by_their_reset_gates_alone():
    """With the gates open they are one; otherwise not."""
    before, after = layers("gru_before", 1), layers("gru", 1)
    after.load_state_dict(before.state_dict())
    x = random(2, 5, 3)
    assert not torch.allclose(before(x, start(before, 2))[0], after(x, start(after, 2))[0], atol=1e-3)
    for recurrent in (before, after):
        recurrent.weights(0).across_bias.data[:4] = 50.0
    torch.testing.assert_close(before(x, start(before, 2))[0], after(x, start(after, 2))[0])


@EVERY_CELL
def test_carried_state_equals_one_long_pass(cell):
    recurrent = layers(cell)
    x = random(2, 7, 3)
    whole, after = recurrent(x, recurrent.start(2))
    first, state = recurrent(x[:, :3], recurrent.start(2))
    second, state = recurrent(x[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(state, after)


@EVERY_CELL
def test_dropout_falls_only_where_it_is_asked_for(cell):
    """On every layer's output, the same for the same seed, and the mean stays."""
    recurrent = layers(cell, 1, dropout=0.25)
    x, before = random(50, 40, 3), recurrent.start(50)
    plain, _ = recurrent(x, before)
    torch.testing.assert_close(recurrent(x, before)[0], plain)
    dropped, _ = recurrent(x, before, rng=generator(0))
    assert torch.equal(dropped, recurrent(x, before, rng=generator(0))[0])
    gone = dropped == 0
    assert gone.double().mean().item() == pytest.approx(0.25, abs=0.02)
    torch.testing.assert_close(dropped[~gone], plain[~gone] / 0.75)
    stepped, _ = recurrent.step(x[:, 0], before, rng=generator(0))
    assert 0 < (stepped == 0).double().mean() < 0.5


def test_dropout_between_layers_changes_what_is_above():
    recurrent = layers("gru", 2, dropout=0.5)
    x, before = random(2, 3, 3), recurrent.start(2)
    _, plain = recurrent(x, before)
    _, dropped = recurrent(x, before, rng=generator(0))
    torch.testing.assert_close(plain["h"][:, 0], dropped["h"][:, 0])
    assert not torch.allclose(plain["h"][:, 1], dropped["h"][:, 1])


def test_forget_gates_begin_open():
    recurrent = Recurrent("lstm", 3, 4, layers=2, forget_bias=2.0, rng=generator(0))
    for n in range(2):
        weights = recurrent.weights(n)
        bias = weights.across_bias + weights.along_bias
        assert bias.tolist() == [0.0] * 4 + [2.0] * 4 + [0.0] * 8


def test_the_single_lstm_is_the_layer():
    """DRAW's cell, with its gates in another order."""
    cell, recurrent = LSTM(3, 4, rng=generator(0)).double(), layers("lstm", 1)
    weights = recurrent.weights(0)
    gates = torch.arange(16).view(4, 4)[[2, 0, 1, 3]].flatten()  # i f g o -> g i f o
    cell.weight.data = torch.cat([weights.across, weights.along], 1).detach()[gates]
    cell.bias.data = (weights.across_bias + weights.along_bias).detach()[gates]
    x, h, c = random(2, 3), random(2, 4, seed=1), random(2, 4, seed=2)
    expected, state = recurrent.step(x, {"h": h[:, None], "c": c[:, None]})
    found, found_c = cell(x, h, c)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found_c, state["c"][:, 0])
