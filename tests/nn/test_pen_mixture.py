"""The distribution of a pen's next step."""

import math

import numpy as np
import pytest
import torch

from drawgen.nn.pen_mixture import NARROWEST, choose_step, inverted, pen_mixture, step_log_density


def numbers(components=4, rows=3, seed=0, scale=1.0):
    return scale * torch.randn(rows, 6 * components + 3, generator=torch.Generator().manual_seed(seed))


def test_it_integrates_to_one():
    """By the rectangle rule on a grid much finer than the narrowest component and wider than all."""
    mixture = pen_mixture(0.5 * numbers())
    line = torch.linspace(-12, 12, 1201, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line).float()
    step = float(line[1] - line[0])
    for row in range(3):
        one = type(mixture)(*(part[row].expand(len(grid), *part.shape[1:]) for part in mixture))
        assert float(step_log_density(one, grid).double().exp().sum()) * step**2 == pytest.approx(1, abs=1e-3)
    torch.testing.assert_close(mixture.log_pens.exp().sum(-1), torch.ones(3))


def test_a_pen_of_two_states_is_a_bernoulli():
    given = numbers()[:, :-1]
    mixture = pen_mixture(given, 2)
    assert mixture.means.shape == (3, 4, 2)
    torch.testing.assert_close(mixture.log_pens.exp().sum(-1), torch.ones(3))
    torch.testing.assert_close(mixture.log_pens[:, 1].exp(), (given[:, -1] - given[:, -2]).sigmoid())


def test_it_is_that_of_a_slow_loop():
    mixture = pen_mixture(numbers(rows=5))
    steps = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    found = step_log_density(mixture, steps)
    for row in range(5):
        density = 0.0
        for m in range(4):
            sx, sy = mixture.log_stds[row, m].double().exp().tolist()
            rho = float(mixture.correlations[row, m])
            covariance = np.array([[sx * sx, rho * sx * sy], [rho * sx * sy, sy * sy]])
            away = (steps[row] - mixture.means[row, m]).double().numpy()
            exponent = -0.5 * away @ np.linalg.inv(covariance) @ away
            weight = math.exp(float(mixture.log_weights[row, m]))
            density += weight * math.exp(exponent) / (2 * math.pi * math.sqrt(np.linalg.det(covariance)))
        assert float(found[row]) == pytest.approx(math.log(density), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_it_is_finite_whatever_a_network_says(scale):
    given = numbers(scale=scale).requires_grad_()
    nats = -step_log_density(pen_mixture(given), torch.zeros(3, 2)).sum()
    nats.backward()
    assert torch.isfinite(nats)
    assert torch.isfinite(given.grad).all()


def test_a_density_has_a_limit():
    """However narrow a network makes a component."""
    narrow = torch.full((1, 9), -50.0)
    narrow[0, 1:3] = 0
    narrow[0, 5] = 0
    assert float(step_log_density(pen_mixture(narrow), torch.zeros(1, 2))) == pytest.approx(
        -math.log(2 * math.pi * NARROWEST**2), rel=1e-4
    )


def test_steps_have_the_mean_and_the_covariance_of_their_component():
    given = torch.tensor([[0.0, 1.0, -2.0, math.log(0.5), math.log(2.0), math.atanh(0.6 / 0.95), 0.0, 0.0, 0.0]])
    rng = torch.Generator().manual_seed(0)
    mixture = pen_mixture(given.expand(20_000, -1))
    steps = choose_step(mixture, torch.rand(20_000, generator=rng), torch.randn(20_000, 2, generator=rng), 0.25)
    assert steps.mean(0).tolist() == pytest.approx([1, -2], abs=0.05)
    covariance = np.cov(steps.numpy().T)
    expected = 0.25 * np.array([[0.25, 0.6], [0.6, 4.0]])  # variances are multiplied by the temperature
    np.testing.assert_allclose(covariance, expected, atol=0.03)


def test_choices_by_inversion():
    """Each state gets its part of the numbers from 0 to 1; a low temperature leaves the likeliest."""
    log_probs = torch.tensor([0.2, 0.5, 0.3]).log().expand(4, -1)
    uniforms = torch.tensor([0.1, 0.3, 0.69, 0.999])
    assert inverted(log_probs, uniforms, 1.0).tolist() == [0, 1, 1, 2]
    assert inverted(log_probs, uniforms, 0.01).tolist() == [1, 1, 1, 1]
