"""Crops of several scales, against slices of the picture."""

import pytest
import torch

from drawgen.contract import generator
from drawgen.nn.crops import boxes, crops


def place_of(pixel, size):
    """The coordinate of the edge between pixels `pixel` - 1 and `pixel`."""
    return 2 * pixel / size - 1


@pytest.mark.parametrize(("row", "column"), [(4, 4), (5, 9), (12, 6)])
def test_a_glimpse_of_one_scale_is_a_crop(row, column):
    """At a whole pixel, in the middle of an even crop, it equals the slice."""
    image = torch.rand(1, 2, 16, 13, generator=generator(0), dtype=torch.float64)
    at = torch.tensor([[place_of(column, 13), place_of(row, 16)]], dtype=torch.float64)
    torch.testing.assert_close(crops(image, at, 8, 1), image[:, :, row - 4 : row + 4, column - 4 : column + 4])


def test_the_second_scale_is_twice_as_wide_at_half_the_resolution():
    image = torch.rand(3, 1, 20, 20, generator=generator(0), dtype=torch.float64)
    found = crops(image, torch.zeros(3, 2, dtype=torch.float64), 6, 2)
    assert found.shape == (3, 2, 6, 6)
    torch.testing.assert_close(found[:, 0], image[:, 0, 7:13, 7:13])
    blocks = image[:, 0, 4:16, 4:16].unflatten(1, (6, 2)).unflatten(3, (6, 2)).mean((2, 4))
    torch.testing.assert_close(found[:, 1], blocks)


def test_outside_all_is_black():
    image = torch.ones(1, 1, 8, 8)
    found = crops(image, torch.tensor([[1.0, 0.0]]), 4, 1)[0, 0]  # the middle lies on the right edge
    assert found.tolist() == [[1.0, 1.0, 0.0, 0.0]] * 4


def test_between_pixels_it_interpolates():
    image = torch.arange(6.0).expand(1, 1, 6, 6)
    found = crops(image, torch.tensor([[1 / 12, 0.0]]), 2, 1)[0, 0]  # a quarter of a pixel to the right
    torch.testing.assert_close(found, torch.tensor([[2.25, 3.25]] * 2))


def test_boxes_are_those_of_the_crops():
    found = boxes(torch.tensor([[[0.0, 0.0], [-1.0, 1.0]]]), 20, 10, 4.0)
    assert found.tolist() == [[[3.0, 8.0, 7.0, 12.0], [-2.0, 18.0, 2.0, 22.0]]]
