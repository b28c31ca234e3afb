"""Textures joined by labels."""

import pytest
import torch

from drawgen.contract import generator
from drawgen.ranges import ArgumentError
from drawgen.textures.combining import combined


def textures(count=3, height=40, width=50):
    return torch.rand(count, 3, height, width, generator=generator(0))


def test_one_label_is_that_texture():
    given = textures()
    for k in range(3):
        assert torch.equal(combined(given, torch.full((40, 50), k)), given[k])


def test_far_from_a_border_pixels_are_those_of_the_label():
    given, labels = textures(), torch.zeros(40, 50, dtype=torch.long)
    labels[:, 20:], labels[25:, 30:] = 1, 2
    picture = combined(given, labels, band_px=4)
    assert torch.equal(picture[:, :, :16], given[0, :, :, :16])
    assert torch.equal(picture[:, :20, 26:], given[1, :, :20, 26:])
    assert torch.equal(picture[:, 30:, 35:], given[2, :, 30:, 35:])
    assert bool(((picture >= 0) & (picture <= 1)).all())


def test_textures_meet_where_they_are_equal():
    """The border is drawn across column 25; the two textures are the same in column 28 alone."""
    given = torch.stack([torch.zeros(1, 30, 50), torch.ones(1, 30, 50)])
    given[:, :, :, 28:30] = 0.5
    labels = (torch.arange(50) >= 25).long().expand(30, 50)
    picture = combined(given, labels, band_px=8)
    assert float(picture[:, :, :26].max()) < 0.05
    assert float(picture[:, :, 32:].min()) > 0.95


def test_a_thin_line_stays():
    """Though a cut would be least without it."""
    given = torch.stack([torch.zeros(1, 30, 50), torch.ones(1, 30, 50)])
    labels = torch.zeros(30, 50, dtype=torch.long)
    labels[:, 20:24], labels[3, 40] = 1, 1
    picture = combined(given, labels)
    assert float(picture[0, :, 20:24].amax(1).min()) > 0.6
    assert float(picture[0, 3, 40]) > 0.2


def test_labels_that_do_not_fit():
    with pytest.raises(ArgumentError, match=r"^labels go from 0 to 3"):
        combined(textures(), torch.arange(50).clamp(max=3).expand(40, 50))
    with pytest.raises(ArgumentError, match=r"^labels have 9x8 pixels"):
        combined(textures(), torch.zeros(8, 9, dtype=torch.long))
