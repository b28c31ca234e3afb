"""The mixture of discretised logistics, against the definition and against closed forms."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen import likelihood
from drawgen.likelihood import LogisticMixture

DOUBLE = torch.float64


def random_mixture(shape, components, channels, rng, spread=60.0):
    def draw(*size, scale=1.0):
        return scale * torch.randn(*size, dtype=DOUBLE, generator=rng)

    return LogisticMixture(
        draw(*shape, components),
        128 + draw(*shape, components, channels, scale=spread),
        draw(*shape, components, channels),
        draw(*shape, components, channels * (channels - 1) // 2, scale=0.5),
    )


@given(
    mean=st.floats(-400, 700),
    log_scale=st.floats(-6, 8),
    components=st.integers(1, 4),
    seed=st.integers(0, 2**20),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_levels_sum_to_one(mean, log_scale, components, seed):
    rng = torch.Generator().manual_seed(seed)
    mixture = random_mixture((1,), components, 1, rng)
    mixture.means[..., 0, 0], mixture.log_scales[..., 0, 0] = mean, log_scale
    levels = torch.arange(256, dtype=DOUBLE)[:, None]
    total = likelihood.log_prob(LogisticMixture(*(x.expand(256, *x.shape[1:]) for x in mixture)), levels).exp().sum()
    assert total.item() == pytest.approx(1.0, abs=1e-9)


def test_against_the_definition():
    """sigmoid(a) - sigmoid(b), channel after channel, in plain Python."""
    rng = torch.Generator().manual_seed(0)
    mixture = random_mixture((20,), 3, 3, rng, spread=20.0)
    levels = torch.randint(0, 256, (20, 3), generator=rng).double()
    levels[0], levels[1] = 0, 255
    ours = likelihood.log_prob(mixture, levels)

    def sigmoid(x):
        return 1 / (1 + math.exp(-x)) if x > -700 else 0.0

    for p in range(20):
        weights = mixture.logits[p].softmax(0)
        total = 0.0
        for k in range(3):
            r, g, b = levels[p].tolist()
            m, s, w = mixture.means[p, k].tolist(), mixture.log_scales[p, k].exp().tolist(), mixture.coupling[p, k].tolist()
            means = [m[0], m[1] + w[0] * (r - m[0]), m[2] + w[1] * (r - m[0]) + w[2] * (g - m[1])]
            product = float(weights[k])
            for value, mean, scale in zip((r, g, b), means, s, strict=True):
                above = 1.0 if value == 255 else sigmoid((value + 0.5 - mean) / scale)
                below = 0.0 if value == 0 else sigmoid((value - 0.5 - mean) / scale)
                product *= above - below
            total += product
        if total > 1e-12:  # where the definition's own difference still has digits
            assert ours[p].item() == pytest.approx(math.log(total), abs=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_far_from_the_mean(dtype):
    """A level 250 away at scale 0.01 has a finite probability and gradient."""
    means = torch.full((1, 1, 1), 5.0, dtype=dtype, requires_grad=True)
    scales = torch.full((1, 1, 1), math.log(0.01), dtype=dtype, requires_grad=True)
    mixture = LogisticMixture(torch.zeros(1, 1, dtype=dtype), means, scales, torch.zeros(1, 1, 0, dtype=dtype))
    value = likelihood.log_prob(mixture, torch.full((1, 1), 254.0, dtype=dtype))
    value.sum().backward()
    assert value.item() == pytest.approx(-(254 - 0.5 - 5) / 0.01, rel=1e-4)
    assert torch.isfinite(means.grad).all()
    assert torch.isfinite(scales.grad).all()


def test_gradient_by_finite_differences():
    rng = torch.Generator().manual_seed(1)
    mixture = random_mixture((4,), 2, 3, rng, spread=15.0)
    levels = torch.randint(0, 256, (4, 3), generator=rng).double()
    inputs = tuple(x.clone().requires_grad_() for x in mixture)
    assert torch.autograd.gradcheck(lambda *parts: likelihood.log_prob(LogisticMixture(*parts), levels), inputs, atol=1e-5)


def test_samples_follow_the_probabilities():
    """Inversion on an even grid of uniforms gives each level its share."""
    rng = torch.Generator().manual_seed(2)
    mixture = random_mixture((1,), 3, 1, rng, spread=10.0)
    first, second = torch.meshgrid(*(2 * [(torch.arange(700, dtype=DOUBLE) + 0.5) / 700]), indexing="ij")
    uniforms = torch.stack([first, second], -1).reshape(-1, 2)
    many = LogisticMixture(*(x.expand(len(uniforms), *x.shape[1:]) for x in mixture))
    drawn = likelihood.sample(many, uniforms)[:, 0].long()
    shares = torch.bincount(drawn, minlength=256).double() / len(uniforms)
    levels = torch.arange(256, dtype=DOUBLE)[:, None]
    expected = likelihood.log_prob(LogisticMixture(*(x.expand(256, *x.shape[1:]) for x in mixture)), levels).exp()
    assert (shares - expected).abs().max() < 3e-3


def test_colours_are_drawn_given_each_other():
    """With narrow logistics, G follows R and B both, through the couplings."""
    mixture = LogisticMixture(
        torch.zeros(2, 1), torch.full((2, 1, 3), 100.0), torch.tensor([3.0, -6.0, -6.0]).expand(2, 1, 3),
        torch.tensor([1.0, 0.5, 0.25]).expand(2, 1, 3),
    )  # fmt: skip
    drawn = likelihood.sample(mixture, torch.tensor([[0.5, 0.3, 0.5, 0.5], [0.5, 0.9, 0.5, 0.5]]))
    for r, g, b in drawn.tolist():
        assert g == pytest.approx(100 + (r - 100), abs=1)
        assert b == pytest.approx(100 + 0.5 * (r - 100) + 0.25 * (g - 100), abs=1)


def test_extreme_uniforms_stay_in_range():
    mixture = random_mixture((3,), 2, 3, torch.Generator().manual_seed(0))
    for value in (0.0, 1.0 - 2**-53):
        drawn = likelihood.sample(mixture, torch.full((3, 4), value, dtype=DOUBLE))
        assert ((drawn >= 0) & (drawn <= 255)).all()


def test_unpack_counts_every_number():
    for channels in (1, 3):
        size = likelihood.parameters_per_pixel(4, channels)
        mixture = likelihood.unpack(torch.arange(float(size)), 4, channels)
        assert sorted(x for part in mixture for x in part.flatten().tolist()) == list(map(float, range(size)))
