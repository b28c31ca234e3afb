"""The LSTM with normalised gates."""

import torch
from torch.nn import functional as F

from drawgen.contract import generator
from drawgen.nn.layer_norm_lstm import LayerNormLSTM


def layer(**settings):
    return LayerNormLSTM(3, 4, rng=generator(0), **settings)


def test_it_is_that_of_its_equations():
    cell = layer()
    cell.scale.data.uniform_(0.5, 1.5)
    x = torch.randn(2, 3, generator=generator(1))
    h, c = torch.randn(2, 2, 4, generator=generator(2)).unbind()
    after, state = cell.step(x, {"h": h[:, None], "c": c[:, None]})
    parts = (cell.across(x) + h @ cell.along.T).chunk(4, 1)
    i, f, g, o = (F.layer_norm(part, (4,), cell.scale[k], cell.shift[k]) for k, part in enumerate(parts))
    new = f.sigmoid() * c + i.sigmoid() * torch.tanh(g)
    expected = o.sigmoid() * torch.tanh(F.layer_norm(new, (4,), cell.cell_scale, cell.cell_shift))
    torch.testing.assert_close(after, expected)
    torch.testing.assert_close(state["c"][:, 0], new)


def test_a_sequence_is_its_steps():
    cell = layer()
    x = torch.randn(2, 5, 3, generator=generator(1))
    outputs, last = cell(x, cell.start(2))
    state = cell.start(2)
    for t in range(5):
        h, state = cell.step(x[:, t], state)
        torch.testing.assert_close(outputs[:, t], h)
    torch.testing.assert_close(last, state)


def test_dropout_is_by_chance_and_in_training_only():
    cell = layer(dropout=0.5)
    x = torch.randn(2, 5, 3, generator=generator(1))
    plain, _ = cell(x, cell.start(2))
    assert torch.equal(plain, cell(x, cell.start(2))[0])
    assert not torch.allclose(plain, cell(x, cell.start(2), rng=generator(1))[0])
