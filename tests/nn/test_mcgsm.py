"""The MCGSM against a dense formula, its integral, its moments; and its compiled sums against torch."""

import itertools

import pytest
import torch
from torch.distributions import MultivariateNormal

from drawgen.contract import generator
from drawgen.nn.mcgsm import MCGSM, fit_by_lbfgs, log_ratio
from drawgen.nn.mcgsm_cpu import LogRatio

DOUBLE = torch.float64


def random(inputs, outputs, *, components=3, scales=2, features=4, means=True, seed=0, jitter=0.4):
    mixture = MCGSM(
        inputs, outputs, components=components, scales=scales, features=features, means=means, rng=generator(seed)
    ).double()
    rng = generator(seed, 1)
    for parameter in mixture.parameters():
        parameter.data += jitter * torch.randn(parameter.shape, dtype=DOUBLE, generator=rng)
    return mixture


def dense(mixture, x, y):
    """p(y | x) of one pixel, by loops over components and scales, with full matrices."""
    components, scales = mixture.log_precisions.shape
    outputs = mixture.outputs
    weights, densities = [], []
    for c, s in itertools.product(range(components), range(scales)):
        precision = mixture.log_precisions[c, s].exp()
        form = sum(
            mixture.weights[c, i] ** 2 * torch.outer(mixture.features[i], mixture.features[i]) for i in range(len(mixture.features))
        )
        logit = mixture.logits[c, s] - precision / 2 * (x @ form @ x)
        mean = mixture.predictors[c] @ x
        if mixture.offsets is not None:
            logit = logit + precision * (mixture.leanings[c] @ x)
            mean = mean + mixture.offsets[c]
        factor = torch.zeros(outputs, outputs, dtype=DOUBLE)
        for i, j in itertools.product(range(outputs), repeat=2):
            if i > j:
                factor[i, j] = mixture.factors[c, i, j]
            if i == j:
                factor[i, i] = mixture.factors[c, i, i].exp()
        covariance = torch.linalg.inv(precision * factor @ factor.t())
        weights.append(logit.exp())
        densities.append(MultivariateNormal(mean, covariance).log_prob(y).exp())
    return sum(w * d for w, d in zip(weights, densities, strict=True)) / sum(weights)


@pytest.mark.parametrize("means", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_equals_the_dense_formula(outputs, means):
    mixture = random(5, outputs, means=means)
    rng = generator(2)
    x, y = torch.randn(6, 5, dtype=DOUBLE, generator=rng), torch.randn(6, outputs, dtype=DOUBLE, generator=rng)
    with torch.no_grad():
        slow = torch.stack([dense(mixture, a, b) for a, b in zip(x, y, strict=True)])
        torch.testing.assert_close(mixture.log_density(x, y), slow.log())


def test_the_integral_over_y_is_one():
    x = torch.randn(1, 4, dtype=DOUBLE, generator=generator(3))
    line = torch.linspace(-40, 40, 4001, dtype=DOUBLE)
    with torch.no_grad():
        total = random(4, 1).log_density(x.expand(4001, -1), line[:, None]).exp().sum() * 0.02
        assert total.item() == pytest.approx(1.0, abs=1e-6)
        line = torch.linspace(-25, 25, 501, dtype=DOUBLE)
        plane = torch.cartesian_prod(line, line)
        total = random(4, 2, jitter=0.2).log_density(x.expand(len(plane), -1), plane).exp().sum() * 0.01
    assert total.item() == pytest.approx(1.0, abs=1e-4)


def test_samples_have_its_moments():
    """Mean and covariance of many samples given one x, within five standard errors."""
    mixture = random(4, 2)
    rng = generator(4)
    x = torch.randn(1, 4, dtype=DOUBLE, generator=rng)
    count = 40_000
    uniform, normal = torch.rand(count, 1, dtype=DOUBLE, generator=rng), torch.randn(count, 2, dtype=DOUBLE, generator=rng)
    with torch.no_grad():
        y = mixture.sample(x.expand(count, -1), uniform, normal)
        prior = (mixture.logits + mixture.energies(x).t()[0, :, None] * mixture.log_precisions.exp()).flatten().softmax(0)
        prior = prior.view_as(mixture.logits)
        means = mixture.predictors @ x[0] + mixture.offsets  # K M
        factor = mixture.cholesky()
        covariances = torch.linalg.inv(mixture.log_precisions.exp()[:, :, None, None] * (factor @ factor.mT)[:, None])
        mean = (prior.sum(1)[:, None] * means).sum(0)
        second = (prior[:, :, None, None] * (covariances + torch.einsum("km,kn->kmn", means, means)[:, None])).sum((0, 1))
    assert ((y.mean(0) - mean).abs() < 5 * y.std(0) / count**0.5).all()
    products = torch.einsum("nm,nk->nmk", y, y)
    assert ((products.mean(0) - second).abs() < 5 * products.std(0) / count**0.5).all()


@pytest.mark.parametrize("pixels", [1, 16, 50, 2100])
def test_compiled_sums_equal_torch(pixels):
    """In float32 against float64: a logarithm of a sum is as right as the numbers in it, which are of a size of some tens."""
    rng = generator(5)
    parts = [
        torch.randn(shape, generator=rng) * size for shape, size in (((6, pixels), 9), ((6, pixels), 9), ((6, 3), 2), ((6, 3), 2))
    ]
    parts.append(torch.rand(6, 3, generator=rng) * 3)
    weights = torch.rand(pixels, generator=rng)
    results = []
    for function, kind in ((LogRatio.apply, torch.float32), (log_ratio, DOUBLE)):
        given = [part.to(kind).requires_grad_() for part in parts]
        value = function(*given)
        results.append(
            [value.detach().double(), *(g.double() for g in torch.autograd.grad((value * weights.to(kind)).sum(), given))]
        )
    for ours, right in zip(*results, strict=True):
        torch.testing.assert_close(ours, right, rtol=1e-4, atol=2e-5 * max(1.0, right.abs().max().item()))


def test_lbfgs_finds_a_conditional_of_two_scales():
    """y is x/2 plus noise that is wide where x is: the fit comes near the entropy, which a Gaussian cannot."""
    rng = generator(6)
    scale = torch.where(torch.rand(4000, 1, generator=rng) < 0.5, 3.0, 0.3)
    x, noise = scale * torch.randn(4000, 2, generator=rng), scale * torch.randn(4000, 1, generator=rng)
    y = x[:, :1] / 2 + noise
    mixture = MCGSM(2, 1, components=1, scales=3, features=2, rng=rng)
    before = -mixture.log_density(x, y).mean().item()
    found = fit_by_lbfgs(mixture, x, y, iterations=60)
    assert found < before - 0.2
    assert -mixture.log_density(x, y).mean().item() == pytest.approx(found, abs=0.01)
    assert mixture.predictors[0, 0].tolist() == pytest.approx([0.5, 0.0], abs=0.05)
    gaussian = 0.5 * torch.log(2 * torch.pi * torch.e * noise.var()).item()
    assert found < gaussian - 0.3
    assert all(parameter.grad is None for parameter in mixture.parameters())
