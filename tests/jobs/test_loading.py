"""A person's pictures, in whatever form they come."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen import images
from drawgen.contract import Spec
from drawgen.jobs.loading import as_file, name_of, opened, pictures_for, several


@pytest.fixture(scope="module")
def pixels():
    """H W C bytes in colour."""
    return np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)


def in_png(picture, **options):
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def test_all_forms_of_one_picture_are_alike(pixels, tmp_path):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    share = pixels / 255
    forms = [
        tmp_path / "a.png", str(tmp_path / "a.png"), Image.fromarray(pixels), Image.open(tmp_path / "a.png"), pixels, share,
        share.astype(np.float32), torch.from_numpy(pixels).permute(2, 0, 1), torch.from_numpy(share).permute(2, 0, 1),
        torch.from_numpy(share).permute(2, 0, 1).bfloat16(),
    ]  # fmt: skip
    wanted = images.load_image(tmp_path / "a.png")
    for form in forms:
        image, alpha = opened(form, "it")
        assert alpha is None
        assert torch.allclose(image, wanted, atol=0.003 if "bfloat16" in str(getattr(form, "dtype", "")) else 0.0005)
        assert image.dtype == torch.float32


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F", "HSV"])
def test_modes_of_pillow(pixels, mode, tmp_path):
    """As the file of it is read."""
    picture = Image.fromarray(pixels if mode not in ("1", "L", "LA", "I;16", "F") else pixels[..., 0])
    if mode == "I;16":
        picture = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        picture = Image.fromarray(pixels[..., 0].astype(np.float32) / 255)
    else:
        picture = picture.convert(mode)
    assert picture.mode == mode
    image, alpha = opened(picture, "it")
    file = tmp_path / ("a.tif" if mode in ("CMYK", "F") else "a.png")
    (picture.convert("RGB") if mode == "HSV" else picture).save(file)
    wanted, seen = images.load_with_alpha(file)
    assert torch.allclose(image, wanted, atol=1e-6)
    assert (alpha is None) == (seen is None)


def test_transparency_orientation_and_profile_count(pixels):
    clear = np.dstack([pixels, np.full((12, 10), 64, np.uint8)])
    for form in (clear, Image.fromarray(clear), clear / 255, torch.from_numpy(clear).permute(2, 0, 1)):
        image, alpha = opened(form, "it")
        assert torch.allclose(alpha, torch.full((1, 12, 10), 64 / 255))
        assert torch.allclose(image, torch.from_numpy(pixels / 255).permute(2, 0, 1).float() * 64 / 255 + 191 / 255, atol=1e-5)
        with as_file(form) as file:
            again, seen = images.load_with_alpha(file)
        assert torch.allclose(again, image, atol=0.003)
        assert torch.equal(seen, alpha)
    turned = Image.fromarray(pixels)
    turned.getexif()[0x0112] = 6
    assert opened(turned, "it")[0].shape == (3, 10, 12)
    assert torch.equal(opened(turned, "it")[0], images.load_image(io_path(turned)))


def io_path(picture):
    """A file that is read from where it lies."""
    import tempfile
    from pathlib import Path

    file = Path(tempfile.mkdtemp()) / "a.png"
    file.write_bytes(in_png(picture, exif=picture.getexif()))
    return file


def test_equal_channels_are_grey(pixels):
    assert opened(np.repeat(pixels[..., :1], 3, 2), "it")[0].shape == (1, 12, 10)
    assert opened(torch.ones(3, 4, 5), "it")[0].shape == (1, 4, 5)
    assert opened(torch.ones(4, 5, dtype=torch.bool), "it")[0].shape == (1, 4, 5)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (np.zeros((3, 8, 9)), r"it has the shape \(3, 8, 9\); give H W, or H W C with 1, 3 or 4 channels"),
        (np.zeros((0, 8)), "it has the shape"),
        (np.zeros(5), "it has the shape"),
        (np.full((4, 4), 2.0), r"it holds numbers outside of \[0, 1\]"),
        (np.full((4, 4), np.nan), "or NaN"),
        (np.zeros((4, 4), np.int64), "it holds int64; give bytes"),
        (np.zeros((4, 4), complex), "it holds complex128"),
        (np.zeros((1, 70_000), np.uint8), "70000x1 pixels; at most"),
        (Image.new("L", (70_000, 1)), "70000x1 pixels; at most"),
        (torch.zeros(8, 9, 3), "it has the shape"),
    ],
)
def test_what_is_no_picture(form, told):
    with pytest.raises(images.ImageError, match=told):
        opened(form, "it")


def test_several():
    one, two = np.zeros((4, 4)), torch.zeros(1, 4, 4)
    assert several(one)[0] is one
    assert several("a.png") == ["a.png"]
    assert len(several([one, two, "a.png"])) == 3
    assert [tuple(picture.shape) for picture in several(torch.zeros(5, 3, 4, 4))] == [(3, 4, 4)] * 5
    assert len(several(np.zeros((5, 4, 4, 3)))) == 5
    with pytest.raises(ValueError, match="no pictures are given"):
        several([])
    assert [name_of(picture, 2) for picture in ("a.png", one)] == ["a.png", "picture 2"]


def test_models_get_what_they_want(pixels):
    model = SimpleNamespace(spec=Spec((1, 6, 6)))
    found = pictures_for(model, [pixels, Image.fromarray(pixels), torch.rand(1, 6, 6)])
    assert found.shape == (3, 1, 6, 6)
    assert torch.allclose(found[0], found[1], atol=1e-6)
    exact = torch.rand(1, 6, 6)
    assert torch.equal(pictures_for(model, [exact])[0], exact)  # of the model's own size: untouched
    with pytest.raises(images.ImageError, match="picture 2 holds"):
        pictures_for(model, [pixels, np.full((4, 4), 2.0)])
