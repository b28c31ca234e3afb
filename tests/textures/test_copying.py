"""What is copied is found, and what is not is not."""

import pytest
import torch

from drawgen import images
from drawgen.contract import generator
from drawgen.ranges import ArgumentError
from drawgen.textures import copying
from drawgen.textures.copying import Copying, Search


@pytest.fixture(scope="module")
def grass():
    return images.load_image("photo:grass")[:, :160, :400]


@pytest.fixture(scope="module")
def known(grass):
    return Copying(grass[:, :, :200])


def test_a_copy_is_a_copy(grass, known):
    near, alike, largest = known.of(grass[:, 3:83, 5:85])
    assert near == alike == 1
    assert largest == 18 * 18 * 16  # 18 patches on a side, four pixels apart


def test_another_crop_is_none(grass, known):
    near, alike, largest = known.of(grass[:, :80, 300:380])
    assert near < 0.1
    assert alike < 0.1
    assert largest < 200


def test_two_copies_side_by_side_are_two_regions(grass, known):
    both = torch.cat([grass[:, :80, :40], grass[:, 60:140, 140:180]], 2)
    assert known.of(both).largest_px in (8 * 18 * 16, 9 * 18 * 16)


def test_contrast_does_not_hide_a_copy(grass, known):
    paler = grass[:, :80, :80] * 0.3 + 0.5
    near, alike, largest = known.of(paler)
    assert near < 0.1
    assert alike > 0.99
    assert largest > 18 * 16 * 16


def test_the_search_finds_the_nearest():
    many = torch.randn(6000, 30, generator=generator(0)) * torch.linspace(3, 0.1, 30)
    asked = torch.randn(50, 30, generator=generator(1)) * torch.linspace(3, 0.1, 30)
    distance, where = Search(many).nearest(asked)
    full = (asked[:, None] - many[None]).square().sum(2)
    assert torch.equal(where, full.argmin(1))
    torch.testing.assert_close(distance, full.min(1).values, rtol=1e-4, atol=1e-4)


def test_flat_patches_are_like_nothing():
    assert float(copying.normalised(torch.full((2, 363), 0.7), 3).abs().max()) == 0


def test_of_itself_is_about_the_halves(grass):
    tile = grass[:, :80, :120].repeat(1, 2, 1)
    assert copying.of_itself(tile).near == 1
    assert copying.of_itself(grass).near < 0.1


def test_colour_exemplars_and_grey_samples(grass):
    assert Copying(grass[:, :60, :60].expand(3, -1, -1)).of(grass[:, :40, :40]).near == 1


def test_too_small():
    with pytest.raises(ArgumentError, match="exemplar has 8 pixels on a side; a patch has 11"):
        Copying(torch.rand(1, 8, 90))
