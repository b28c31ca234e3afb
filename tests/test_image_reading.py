"""Any picture becomes a tensor in [0, 1], as browsers show it, or one clear sentence."""

import io
import os
import struct
import subprocess
import warnings
import zlib

import numpy as np
import PIL
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from drawgen import image_reading, images
from drawgen.images import ImageError

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
many = settings(derandomize=True, deadline=None, database=None)


def noise(height=6, width=8):
    """Colours that no two pixels share."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height=16, width=24):
    """Colours that JPEG keeps to within a few levels."""
    x, y = np.meshgrid(np.linspace(40, 200, width), np.linspace(30, 220, height))
    return np.stack([x, y, 255 - x], -1).astype(np.uint8)


def saved(folder, name, picture, **options):
    picture.save(folder / name, **options)
    return folder / name


def loaded(folder, name, picture, **options):
    return images.load_image(saved(folder, name, picture, **options))


def as_tensor(array):
    """H W C levels as C H W in [0, 1]."""
    return torch.from_numpy(np.asarray(array).astype(np.float32) / 255).permute(2, 0, 1)


# ---------------------------------------------------------------- every kind of picture


@pytest.mark.parametrize("ending", ["png", "webp", "bmp", "tif", "ppm", "qoi", "pcx", "jp2", "ico"])
def test_formats_without_loss_come_back_exactly(tmp_path, ending):
    options = {"lossless": True} if ending == "webp" else {}
    image = loaded(tmp_path, f"a.{ending}", Image.fromarray(noise(32, 32)), **options)
    torch.testing.assert_close(image, as_tensor(noise(32, 32)))


@pytest.mark.parametrize("ending", ["jpg", "avif", "gif"])
def test_formats_with_loss_come_back_nearly(tmp_path, ending):
    image = loaded(tmp_path, f"a.{ending}", Image.fromarray(smooth()))
    assert (image - as_tensor(smooth())).abs().mean() < 0.03


def test_stereo_jpeg_gives_its_first_picture(tmp_path):
    first, second = Image.fromarray(smooth()), Image.new("RGB", (24, 16))
    image = loaded(tmp_path, "a.mpo", first, format="MPO", save_all=True, append_images=[second])
    assert (image - as_tensor(smooth())).abs().mean() < 0.03


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_becomes_rgb(tmp_path, name):
    """Not inverted, as Adobe's CMYK is in other readers."""
    image = loaded(tmp_path, name, Image.fromarray(smooth()).convert("CMYK"))
    assert (image - as_tensor(smooth())).abs().mean() < 0.03


before_13 = pytest.mark.xfail(int(PIL.__version__.split(".")[0]) < 13, reason="Pillow 12 takes such a TIFF for four channels")


@pytest.mark.parametrize("name", ["a.jpg", pytest.param("a.tif", marks=before_13)])
def test_ycbcr_becomes_rgb(tmp_path, name):
    image = loaded(tmp_path, name, Image.fromarray(smooth()).convert("YCbCr"))
    assert (image - as_tensor(smooth())).abs().mean() < 0.03


def test_lab_becomes_rgb(tmp_path):
    """L = 100, a = b = 0 is white."""
    white = Image.merge("LAB", [Image.new("L", (5, 4), level) for level in (255, 128, 128)])
    image = loaded(tmp_path, "a.tif", white)
    torch.testing.assert_close(image, torch.ones_like(image), rtol=0, atol=1.5 / 255)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_grey_keeps_its_levels(tmp_path, name):
    levels = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1300
    image = loaded(tmp_path, name, Image.fromarray(levels))
    torch.testing.assert_close(image, torch.from_numpy(levels.astype(np.float32) / 65535)[None])


@pytest.mark.parametrize(("top", "divisor"), [(200, 255), (60_000, 65_535), (2_000_000_000, 2_000_000_000)])
def test_32_bit_grey_is_rescaled_by_its_range(tmp_path, top, divisor):
    """The smallest usual range that holds it, else its own."""
    levels = np.linspace(0, top, 48).astype(np.int32).reshape(6, 8)
    image = loaded(tmp_path, "a.tif", Image.fromarray(levels))
    torch.testing.assert_close(image, torch.from_numpy((levels / divisor).astype(np.float32))[None])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 1)),
        (0.25, 0.5, (0.25, 0.5)),
        (0, 255, (0, 1)),
        (0.5, 127.5, (0.5 / 255, 0.5)),
        (-2, 3, (0, 1)),
        (7e8, 9e8, (0, 1)),
    ],
)
def test_float_pictures_are_rescaled_by_their_range(tmp_path, low, high, expected):
    pixels = np.linspace(low, high, 48, dtype=np.float32).reshape(6, 8)
    image = loaded(tmp_path, "a.tif", Image.fromarray(pixels))
    assert image.shape == (1, 6, 8)
    assert (image.min().item(), image.max().item()) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert (image.flatten().diff() > 0).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 90.0, -4.0, 1e20])
def test_float_pictures_of_one_value(tmp_path, value):
    image = loaded(tmp_path, "a.tif", Image.fromarray(np.full((3, 3), value, np.float32)))
    assert ((image >= 0) & (image <= 1)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_float_pictures_with_nan_are_refused(tmp_path, value):
    pixels = np.zeros((3, 3), np.float32)
    pixels[1, 1] = value
    path = saved(tmp_path, "bad.tif", Image.fromarray(pixels))
    with pytest.raises(ImageError, match=r"bad\.tif holds NaN or infinity"):
        images.load_image(path)


def test_transparent_palette_is_laid_on_white(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putdata([0, 1])
    image = loaded(tmp_path, "a.png", picture, transparency=0)
    torch.testing.assert_close(image, as_tensor([[[255, 255, 255], [200, 100, 50]]]))


def test_rgba_is_laid_on_white(tmp_path):
    """Opaque, half and wholly transparent: the hidden colour of a transparent pixel does not show."""
    array = np.array([[[255, 0, 0, 255], [255, 0, 0, 128], [255, 0, 0, 0]]], np.uint8)
    image = loaded(tmp_path, "a.png", Image.fromarray(array))
    expected = torch.tensor([[[1.0, 1.0, 1.0]], [[0.0, 127 / 255, 1.0]], [[0.0, 127 / 255, 1.0]]])
    torch.testing.assert_close(image, expected, rtol=0, atol=1.5 / 255)


def test_grey_with_transparency_is_laid_on_white_and_stays_grey(tmp_path):
    array = np.array([[[0, 255], [0, 128], [0, 0]]], np.uint8)
    image = loaded(tmp_path, "a.png", Image.fromarray(array))
    torch.testing.assert_close(image, torch.tensor([[[0.0, 127 / 255, 1.0]]]), rtol=0, atol=1.5 / 255)


@pytest.mark.parametrize(("mode", "key"), [("L", 0), ("1", 0), ("RGB", (0, 0, 0))])
def test_a_transparent_colour_becomes_white(tmp_path, mode, key):
    picture = Image.new(mode, (2, 1))
    picture.putpixel((1, 0), 255 if mode != "RGB" else (255, 255, 255))
    torch.testing.assert_close(loaded(tmp_path, "a.png", picture, transparency=key), torch.ones(1, 1, 2))


def test_1_bit_is_black_and_white(tmp_path):
    bits = np.arange(15).reshape(3, 5) % 2 == 1
    torch.testing.assert_close(loaded(tmp_path, "a.png", Image.fromarray(bits)), torch.from_numpy(bits).float()[None])


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path, orientation, ending):
    """A camera that was held on its side: the bright corner ends where the EXIF tag says."""
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = loaded(tmp_path, f"a.{ending}", Image.fromarray(pixels), exif=exif)[0]
    assert image.shape == ((16, 32) if orientation < 5 else (32, 16))
    bottom, right = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    corner = image[-8:] if bottom else image[:8]
    corner = corner[:, -8:] if right else corner[:, :8]
    assert corner.mean() > 0.9
    assert image.mean() < 0.2


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("L", (6, 4), level) for level in (255, 0, 128)]
    image = loaded(tmp_path, "a.gif", frames[0], save_all=True, append_images=frames[1:])
    torch.testing.assert_close(image, torch.ones(1, 4, 6))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_thin_pictures(tmp_path, size):
    assert loaded(tmp_path, "a.png", Image.new("RGB", size, (1, 2, 3))).shape == (3, size[1], size[0])


def test_equal_channels_come_back_grey(tmp_path):
    grey = noise()[..., 0]
    image = loaded(tmp_path, "a.png", Image.fromarray(np.stack([grey] * 3, -1)))
    torch.testing.assert_close(image, torch.from_numpy(grey.astype(np.float32) / 255)[None])


def test_sample_photograph():
    assert images.load_image("photo:brick").shape == (1, 512, 512)
    assert images.load_image("photo:coffee").shape == (3, 400, 600)


# ---------------------------------------------------------------- what is refused


def png_header(width, height):
    """A whole PNG file of a hundred bytes that says it is as large as this."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


def refused(path, *words):
    """The refusal, which is one line that names the file, what is wrong, and a mend after a semicolon or colon."""
    with pytest.raises(ImageError) as caught:
        images.load_image(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert ";" in message or ":" in message
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "tif", "webp", "bmp"])
def test_truncated_picture_is_refused(tmp_path, ending):
    path = saved(tmp_path, f"cut.{ending}", Image.fromarray(noise(40, 40)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "save")


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "a.png").touch()
    refused(tmp_path / "a.png", "is empty")


@pytest.mark.parametrize("content", [b"hello, this is text", b"\0" * 500, b"{}", b"<svg"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    refused(tmp_path / "a.png", "is not a picture", "save it as PNG or JPEG")


def test_eps_is_refused_and_starts_no_other_program(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(a))
    body = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "a.eps").write_text(body)
    refused(tmp_path / "a.eps", "PostScript", "export it as PNG")
    assert started == []


def test_folder_is_refused(tmp_path):
    refused(tmp_path, "is a folder", "give a picture in it")


def test_absent_file_is_refused(tmp_path):
    refused(tmp_path / "none.png", "does not exist", "check the path")


@pytest.mark.parametrize("name", ["a.png/b.png", "n" * 300, "nul\0nul"])
def test_impossible_paths_are_refused(tmp_path, name):
    (tmp_path / "a.png").touch()
    refused(tmp_path / name)


@pytest.mark.skipif(AS_ROOT, reason="root may read everything")
def test_forbidden_file_is_refused(tmp_path):
    path = saved(tmp_path, "a.png", Image.new("L", (3, 3)))
    path.chmod(0)
    refused(path, "may not be read", "chmod +r")


@pytest.mark.parametrize("size", [(50_000, 50_000), (15_900, 15_900), (70_000, 2), (2, 70_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bomb_is_refused_by_its_header(tmp_path, monkeypatch, size):
    def decode(self):
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    (tmp_path / "a.png").write_bytes(png_header(*size))
    assert "decoded" not in refused(tmp_path / "a.png", "reduce it first")


def test_unknown_sample_photograph_is_refused():
    refused("photo:nope", "brick", "coffee")


# ---------------------------------------------------------------- damaged in any way


def small_files():
    """One small valid file of each kind."""
    picture = Image.fromarray(noise(9, 7))
    kinds = {"PNG": {}, "JPEG": {}, "GIF": {}, "TIFF": {"compression": "tiff_lzw"}, "WEBP": {}, "BMP": {}}
    files = []
    for kind, options in kinds.items():
        buffer = io.BytesIO()
        picture.save(buffer, format=kind, **options)
        files.append(buffer.getvalue())
    return files


@st.composite
def damaged_files(draw):
    """A valid file with some bytes changed, put in or cut out, and perhaps cut short."""
    data = bytearray(draw(st.sampled_from(small_files())))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data) - 1))
        how = draw(st.sampled_from(["change", "insert", "delete"]))
        piece = draw(st.binary(min_size=1, max_size=4))
        if how == "change":
            data[place : place + len(piece)] = piece
        elif how == "insert":
            data[place:place] = piece
        elif len(data) > 8:
            del data[place : place + len(piece)]
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "fuzzed.png"


@given(damaged_files())
@settings(many, max_examples=300)
def test_damaged_pictures_are_read_or_refused_in_one_line(fuzzed, content):
    """Never another exception, never a warning, never a value outside [0, 1]."""
    fuzzed.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(image_reading, "MOST_PIXELS", 1_000_000)
        try:
            image, message = images.load_image(fuzzed), None
        except ImageError as error:
            image, message = None, str(error)
    if image is None:
        assert message.startswith(str(fuzzed))
        assert "\n" not in message
    else:
        assert image.ndim == 3
        assert image.shape[0] in (1, 3)
        assert ((image >= 0) & (image <= 1)).all()
