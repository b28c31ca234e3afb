"""The compiled likelihood, in float32, against the definition in torch in float64."""

import pytest
import torch

from drawgen import likelihood
from drawgen.contract import Spec, generator
from drawgen.likelihood_cpu import Nats
from drawgen.models import ride

PARTS = (ride.LEVELS - 1, ride.LEAST_LOG_SCALE)


def case(channels, components, pixels, *, spread=1.5, seed=0):
    """A model that maps network outputs to mixtures, outputs, and levels: the darkest, the brightest, near the mean, and any."""
    rng = generator(seed)
    config = ride.Config(neighbourhood=3, embed=4, units=4, layers=1, hidden=4, components=components)
    model = config.build(Spec((channels, 16, 16)), rng=rng)
    model.mean.copy_(torch.rand(channels, generator=rng))
    model.std.copy_(0.05 + 0.3 * torch.rand(channels, generator=rng))
    flat = spread * torch.randn(*pixels, likelihood.parameters_per_pixel(components, channels), generator=rng)
    levels = torch.randint(0, 256, (*pixels, channels), generator=rng).float()
    kinds = torch.arange(levels[..., 0].numel()).view(pixels) % 4
    levels[kinds == 0] = 0.0
    levels[kinds == 1] = 255.0
    levels[kinds == 2] = (model.mean * 255).round()
    return model, flat, levels


def right(model, flat, levels, weights):
    model, flat = model.double(), flat.double().requires_grad_()
    nats = -likelihood.log_prob(model.mixture(flat), levels.double())
    return nats.detach(), torch.autograd.grad((nats * weights).sum(), flat)[0]


def ours(model, flat, levels, weights):
    flat = flat.clone().requires_grad_()
    nats = Nats.apply(flat, levels, model.mean, model.std, model.config.components, *PARTS)
    return nats.detach(), torch.autograd.grad((nats * weights).sum(), flat)[0]


@pytest.mark.parametrize("spread", [0.3, 1.5, 4.0])
@pytest.mark.parametrize(("channels", "components"), [(1, 1), (1, 10), (2, 4), (3, 1), (3, 10)])
@pytest.mark.parametrize("pixels", [(1, 1), (17, 1), (40, 3), (600, 4)])
def test_equals_the_definition(channels, components, pixels, spread):
    """A pixel's -log p is a sum of numbers up to its own size, and (v - m) / s loses the roundings of v - m, some 500 levels, over
    a scale of e^-6 levels or more; so does its gradient."""
    model, flat, levels = case(channels, components, pixels, spread=spread)
    weights = torch.rand(pixels, generator=generator(9))
    nats, gradient = ours(model, flat, levels, weights)
    right_nats, right_gradient = right(model, flat, levels, weights)
    torch.testing.assert_close(nats.double(), right_nats, atol=1e-4, rtol=5e-5)
    size = right_gradient.abs().amax(-1, keepdim=True).clamp(min=1.0)
    assert ((gradient - right_gradient).abs() / size).max() < (0.02 if spread > 2 else 2e-3)
    assert ((gradient - right_gradient).abs() / size).median() < 1e-6


def test_a_clamped_scale_has_no_gradient():
    model, flat, levels = case(1, 1, (4, 1))
    flat[:] = torch.tensor([0.0, 0.0, -30.0])
    nats, gradient = ours(model, flat, levels, 1.0)
    assert torch.isfinite(nats).all()
    assert (gradient[..., 2] == 0).all()


def test_levels_sum_to_one():
    model, flat, _ = case(1, 5, (1, 1))
    levels = torch.arange(256.0)[:, None, None]
    with torch.no_grad():
        nats = Nats.apply(flat.expand(256, 1, -1), levels, model.mean, model.std, 5, *PARTS)
    assert (-nats.double()).exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_the_model_takes_it():
    """The model's nats are the definition's, through the network; and it is not used in float64, where it would lose precision."""
    model = ride.Config(neighbourhood=5, embed=6, units=5, hidden=7, components=3).build(Spec((3, 16, 16)), rng=generator(0))
    images = torch.randint(0, 256, (2, 3, 9, 7), generator=generator(1)) / 255
    batch = ride.Pictures(images)
    nats = model.nats(batch)
    assert "Nats" in nats.grad_fn.name()
    model.double()
    again = model.nats(ride.Pictures(images.double()))
    assert "Nats" not in again.grad_fn.name()
    torch.testing.assert_close(nats.double(), again, atol=1e-4, rtol=1e-5)
