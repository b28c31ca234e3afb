"""Masks and labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen.images import ImageError
from drawgen.masks import labels_of, read_labels, read_mask


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def saved(array, name="mask.png", **options):
    Image.fromarray(np.asarray(array, np.uint8), **options).save(name)
    return name


def test_white_is_true():
    white = np.zeros((5, 7), np.uint8)
    white[1:3, 2:5] = 255
    for name, array in (("grey.png", white), ("rgb.png", np.stack([white] * 3, 2)), ("mask.bmp", white)):
        assert torch.equal(read_mask(saved(array, name), (5, 7)), torch.from_numpy(white > 0))
    Image.fromarray(white > 0).save("bits.png")
    assert torch.equal(read_mask("bits.png", (5, 7)), torch.from_numpy(white > 0))
    clear = np.stack([np.full_like(white, 255)] * 3 + [white], 2)
    assert torch.equal(read_mask(saved(clear, "clear.png"), (5, 7)), torch.from_numpy(white > 0))


def test_a_border_may_be_smooth_but_no_mask_grey():
    mask = np.zeros((20, 20), np.uint8)
    mask[5:15, 5:15] = 255
    mask[5, 5:15], mask[14, 5:15] = 120, 140
    found = read_mask(saved(mask), (20, 20))
    assert not found[5].any()
    assert found[14, 5:15].all()
    with pytest.raises(ImageError, match=r"^the mask mask.png is grey in 100% of its pixels; make it black and white$"):
        read_mask(saved(np.full((20, 20), 120)), (20, 20))


def test_another_size():
    with pytest.raises(ImageError, match=r"^the mask mask.png is 7x5 pixels and its photograph 5x7; make them the same size$"):
        read_mask(saved(np.zeros((5, 7))), (7, 5))


def test_labels():
    numbers = np.arange(6).reshape(2, 3) % 3
    grey = saved(numbers, "grey.png")
    picture = Image.new("P", (3, 2))
    picture.putdata(numbers.ravel().tolist())
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save("palette.png")
    saved(np.stack([numbers] * 3, 2), "rgb.png")
    for name in (grey, "palette.png", "rgb.png"):
        assert torch.equal(read_labels(name, 3), torch.from_numpy(numbers))
    assert torch.equal(labels_of(numbers, 3), torch.from_numpy(numbers))
    assert torch.equal(labels_of(torch.from_numpy(numbers), 3), torch.from_numpy(numbers))


def test_labels_that_are_none():
    with pytest.raises(
        ImageError, match=r"^the labels mask.png go from 0 to 255; with 2 photographs they are 0 to 1, in the order"
    ):
        read_labels(saved([[0, 255]]), 2)
    with pytest.raises(ImageError, match=r"with 1 photograph they are 0$"):
        read_labels(saved([[0, 1]]), 1)
    colours = np.zeros((2, 2, 3))
    colours[0, 0, 1] = 9
    with pytest.raises(ImageError, match=r"^the labels mask.png are colours; save them as grey levels or with a palette$"):
        read_labels(saved(colours), 2)
    Path("text.png").write_text("text")
    with pytest.raises(ImageError, match=r"^text.png is not a picture in a format that can be read"):
        read_labels("text.png", 2)
    with pytest.raises(ImageError, match=r"^absent.png does not exist"):
        read_labels("absent.png", 2)
    with pytest.raises(ImageError, match=r"have the shape \(2, 2, 3\)"):
        labels_of(np.zeros((2, 2, 3)), 1)
    with pytest.raises(ImageError, match=r"^labels are not whole numbers"):
        labels_of(torch.tensor([[0.0, 0.5]]), 2)
    with pytest.raises(ImageError, match=r"^labels are not whole numbers"):
        labels_of(np.array([[0, np.nan]]), 2)
    with pytest.raises(ImageError, match=r"^labels are no rows and columns"):
        labels_of([[0, 1], [0]], 2)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save("labels.jpg")
    with pytest.raises(ImageError, match=r"^the labels labels.jpg cannot be read \(another format\); .* \(PNG, GIF, BMP, TIFF\)"):
        read_labels("labels.jpg", 2)
    Path("cut.png").write_bytes(Path(saved(np.arange(4000).reshape(40, 100) % 2)).read_bytes()[:-40])
    with pytest.raises(ImageError, match=r"^the labels cut.png cannot be read"):
        read_labels("cut.png", 2)
    with pytest.raises(ImageError, match=r"^/dev/null cannot be read \(it is a pipe or a device, not a file\)"):
        read_labels("/dev/null", 2)


def test_labels_are_seen_as_other_pictures_are():
    """Turned by EXIF, and without their alpha."""
    numbers = np.arange(6, dtype=np.uint8).reshape(2, 3) % 3
    turned = Image.Exif()
    turned[0x0112] = 6
    saved(np.rot90(numbers), "turned.png")
    Image.open("turned.png").save("turned.png", exif=turned)
    Image.fromarray(numbers).convert("LA").save("clear.png")
    for name in ("turned.png", "clear.png"):
        assert torch.equal(read_labels(name, 3), torch.from_numpy(numbers).long())
    assert torch.equal(labels_of(numbers.tolist(), 3), torch.from_numpy(numbers).long())
