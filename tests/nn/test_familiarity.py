"""The familiarity of pictures against closed forms; few pictures; what was never fitted."""

import pytest
import torch

from drawgen.contract import generator
from drawgen.nn.familiarity import INSIDE, Familiarity


def normal(n, *stds, seed=0):
    return torch.randn(n, len(stds), generator=generator(seed)) * torch.tensor(stds)


def test_distances_are_mahalanobis():
    """Of many normal pictures: sum_d (x_d / std_d)^2, whether the projection keeps all directions or a few, since the others are
    alike once they are standardised; and the border is the chi-squared percentile."""
    stds = (3.0, 2.0, 1.0, 1.0)
    x = normal(5, *stds, seed=1)
    expected = (x / torch.tensor(stds)).square().sum(1)
    for kept in (2, 4):
        known = Familiarity(4, kept)
        known.fit(normal(20_000, *stds))
        # The scale of each feature has a constant more, which the variances take back:
        torch.testing.assert_close(known.distance(x), expected, rtol=0.1, atol=0.05)
        assert float(known.border) == pytest.approx(11.67, rel=0.08)  # of four degrees of freedom
        assert float((known.strangeness(normal(5000, *stds, seed=2)) <= 1).float().mean()) == pytest.approx(INSIDE, abs=0.01)


def test_correlated_features():
    """What breaks a correlation is strange, though each feature alone is not."""
    one = normal(2000, 1.0)
    known = Familiarity(2, 1)
    known.fit(torch.cat([one, one + 0.05 * normal(2000, 1.0, seed=1)], 1))
    along, across = known.strangeness(torch.tensor([[1.5, 1.5], [1.5, -1.5]])).tolist()
    assert along < 1 < across


@pytest.mark.parametrize("count", [10, 11, 30])
def test_few_pictures(count):
    """Fewer pictures than features: finite, and others of the kind are mostly within the border."""
    known = Familiarity(200, 32)
    known.fit(normal(count, *[1.0] * 200))
    strange = known.strangeness(normal(100, *[1.0] * 200, seed=1))
    assert strange.isfinite().all()
    assert float((strange <= 1).float().mean()) > 0.7
    assert (known.strangeness(torch.full((1, 200), 8.0)) > 1).all()


def test_held_out_pictures_widen_the_border():
    """A net may know its training pictures by heart."""
    familiar = normal(100, 1.0, 1.0)
    alone, both = Familiarity(2, 2), Familiarity(2, 2)
    alone.fit(familiar)
    both.fit(familiar, 3 * normal(50, 1.0, 1.0, seed=1))
    assert float(both.border) > float(alone.border)
    both.fit(familiar, familiar[:0])
    assert float(both.border) == float(alone.border)


@pytest.mark.parametrize("features", [torch.zeros(0, 3), torch.rand(9, 3), torch.full((99, 3), torch.nan), torch.ones(99, 3)])
def test_without_statistics_nothing_is_strange(features):
    known = Familiarity(3, 2)
    assert not known.fitted
    known.fit(normal(50, 1.0, 1.0, 1.0))
    assert known.fitted
    known.fit(features)
    assert not known.fitted
    assert known.strangeness(torch.full((2, 3), 1e3)).tolist() == [0.0, 0.0]
    assert all(buffer.isfinite().all() for buffer in known.buffers())


def test_against_other_kinds():
    """0 for the mean of the training pictures, 2 for that of the others, each kind with the same weight; and a kind between the
    others that was never shown is on their side."""
    known = Familiarity(2, 1)
    familiar, here, there = normal(300, 1.0, 1.0), normal(50, 0.1, 0.1) + 8, normal(500, 0.1, 0.1) + torch.tensor([8.0, -8.0])
    known.fit_against(familiar, [here, there])
    assert known.fitted
    middle = torch.stack([here.mean(0), there.mean(0)]).mean(0)
    x = torch.stack([familiar.mean(0), middle])
    torch.testing.assert_close(x @ known.contrast + known.offset, torch.tensor([0.0, 2.0]), rtol=1e-3, atol=1e-3)
    assert (known.strangeness(familiar) < 1).all()
    assert (known.strangeness(normal(50, 0.3, 0.3) + torch.tensor([8.0, 0.0])) > 1).all()
