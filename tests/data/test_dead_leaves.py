"""Dead leaves."""

import pytest
import torch

from drawgen.contract import generator
from drawgen.data.dead_leaves import dead_leaves


def test_pictures_are_covered_by_discs_of_uniform_levels():
    picture = dead_leaves((60, 90), most_px=30.0, rng=generator(0))
    assert picture.shape == (60, 90)
    assert torch.equal(picture, dead_leaves((60, 90), most_px=30.0, rng=generator(0)))
    assert not torch.equal(picture, dead_leaves((60, 90), most_px=30.0, rng=generator(1)))
    shown = picture.unique()
    assert len(shown) > 50
    assert 0.4 < shown.mean() < 0.6
    assert 0.25 < shown.std() < 0.33  # of a uniform one: 0.29
    # Each level is one disc's: no pixel of it is farther from another than the largest diameter.
    for level in shown[:20]:
        place = torch.nonzero(picture == level).double()
        assert torch.cdist(place, place).max() <= 60


def test_the_share_of_equal_neighbours_grows_with_the_discs():
    fine, coarse = (dead_leaves((80, 80), least_px=least, most_px=60.0, rng=generator(2)) for least in (1.0, 20.0))
    equal = [(one[:, 1:] == one[:, :-1]).float().mean() for one in (fine, coarse)]
    assert equal[0] < equal[1] - 0.1


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match=r"most_px is 1.0; it has to be at least 2.0"):
        dead_leaves((10, 10), most_px=1.0, rng=generator(0))
    with pytest.raises(ValueError, match="power is 1"):
        dead_leaves((10, 10), power=1.0, rng=generator(0))
