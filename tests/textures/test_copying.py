"""What is copied is found, and what is not is not."""

import pytest
import torch

from drawgen import images
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


@pytest.mark.parametrize("form", [lambda patches: patches, copying.normalised])
def test_the_search_finds_the_nearest(grass, form):
    """Against comparing all with all: where it misses the nearest, what it finds is hardly farther."""
    known, asked = grass[:, :, :100], copying.patches(grass[:, :60, 300:360], 4)
    distance, where = Search(known, form).nearest(asked)
    every = form(copying.patches(known, 1)).flatten(1)
    full = torch.cdist(form(asked).flatten(1), every).square()
    torch.testing.assert_close(distance, full.gather(1, where[:, None])[:, 0], rtol=1e-3, atol=1e-3)
    assert float((distance / full.min(1).values).sqrt().mean()) < 1.05
    again, same = Search(known, form).nearest(copying.patches(known[:, :31, :31], 4))
    assert float(again.max()) < 1e-5
    assert same.tolist() == [90 * top + left for top in range(0, 21, 4) for left in range(0, 21, 4)]


def test_flat_patches_are_like_nothing(grass):
    half = torch.cat([grass[:, :60, :60], torch.full((1, 60, 60), 0.5)], 2)
    near, alike, _ = Copying(half).of(torch.full((1, 40, 40), 0.5))
    assert near == 1
    assert alike == 0


def test_of_itself_is_about_the_halves(grass):
    tile = grass[:, :80, :120].repeat(1, 2, 1)
    assert copying.of_itself(tile).near == 1
    assert copying.of_itself(grass).near < 0.1


def test_colour_exemplars_and_grey_samples(grass):
    assert Copying(grass[:, :60, :60].expand(3, -1, -1)).of(grass[:, :40, :40]).near == 1


def test_too_small():
    with pytest.raises(ArgumentError, match="exemplar has 8 pixels on a side; a patch has 11"):
        Copying(torch.rand(1, 8, 90))
