"""Mixtures over the orientations of pictures."""

import pytest
import torch

from drawgen.contract import generator
from drawgen.nn.orientations import COUNTS, mixture_nats, orientations


@pytest.mark.parametrize("count", COUNTS)
def test_all_orientations_differ(count):
    picture = torch.rand(2, 3, 5, 5, generator=generator(0))
    found = orientations(picture, count)
    assert len(found) == count
    assert torch.equal(found[0], picture)
    assert len({tuple(one.flatten().tolist()) for one in found}) == count
    for one in found:
        assert torch.equal(one.flatten(1).sort(1).values, picture.flatten(1).sort(1).values)


@pytest.mark.parametrize("count", COUNTS)
def test_a_mixture_is_at_least_as_likely_as_the_mean_of_its_parts(count):
    """And at most as its best part; its density is the mean of theirs."""
    rng = generator(1)
    weights, pictures = torch.randn(1, 4, 6, generator=rng), torch.rand(3, 1, 4, 6, generator=rng)

    def nats(images):
        crop = images[:, 0, :4, :4]
        return (crop * weights[:, :, :4]).sum((1, 2)) + 3

    each = torch.stack([nats(one) for one in orientations(pictures, count)]).double()
    mixture = mixture_nats(nats, pictures, count)
    assert (mixture <= each.mean(0) + 1e-9).all()
    assert (mixture >= each.min(0).values - 1e-9).all()
    torch.testing.assert_close((-mixture).exp(), (-each).exp().mean(0))
