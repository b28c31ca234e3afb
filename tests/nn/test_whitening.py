"""Conditional whitening against numpy, and its log-Jacobian by finite differences."""

import numpy as np
import torch

from drawgen.contract import generator
from drawgen.nn.whitening import ConditionalWhitening


def correlated(outputs):
    rng = generator(1)
    mixed = torch.randn(5000, 4 + outputs, dtype=torch.float64, generator=rng) @ torch.randn(
        4 + outputs, 4 + outputs, dtype=torch.float64, generator=rng
    )
    mixed += torch.randn(4 + outputs, dtype=torch.float64, generator=rng)
    whitening = ConditionalWhitening(4, outputs).double()
    whitening.fit(mixed[:, :4], mixed[:, 4:])
    return whitening, mixed[:, :4], mixed[:, 4:]


def test_whitens_inputs_and_outputs_given_them():
    whitening, x, y = correlated(3)
    both = torch.cat([whitening.inputs(x), whitening.outputs(x, y)], 1).numpy()
    assert np.abs(both.mean(0)).max() < 1e-9
    assert np.abs(np.cov(both.T, bias=True) - np.eye(7)).max() < 1e-4
    torch.testing.assert_close(whitening.restored(x, whitening.outputs(x, y)), y)


def test_the_prediction_is_least_squares():
    whitening, x, y = correlated(2)
    design = np.concatenate([x.numpy(), np.ones((len(x), 1))], 1)
    best, *_ = np.linalg.lstsq(design, y.numpy(), rcond=None)
    assert np.abs(whitening.predicted(x).numpy() - design @ best).max() < 1e-8


def test_the_log_jacobian_by_finite_differences():
    whitening, x, y = correlated(3)
    step = 1e-5
    columns = []
    for axis in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[axis] = step
        columns.append((whitening.outputs(x[:1], y[:1] + shift) - whitening.outputs(x[:1], y[:1] - shift))[0] / (2 * step))
    jacobian = torch.stack(columns, 1)
    torch.testing.assert_close(whitening.log_jacobian(), torch.linalg.slogdet(jacobian).logabsdet, rtol=1e-7, atol=1e-7)


def test_constant_data_are_no_division_by_zero():
    whitening = ConditionalWhitening(4, 1)
    whitening.fit(torch.full((50, 4), 0.5), torch.full((50, 1), 0.5))
    assert torch.isfinite(whitening.inputs(torch.full((2, 4), 0.5))).all()
    assert torch.isfinite(whitening.log_jacobian())
