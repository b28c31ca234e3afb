"""Any picture becomes a tensor in [0, 1] or one clear sentence; samples become files that hold what was drawn."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from drawgen import images
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


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
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
    refused(path, "save it")


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "a.png").touch()
    refused(tmp_path / "a.png", "is empty")


@pytest.mark.parametrize("content", [b"hello, this is text", b"\0" * 500, b"%PDF-1.4\n", b"<svg></svg>"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    refused(tmp_path / "a.png", "is not a picture", "save it as PNG or JPEG")


def test_eps_is_refused_and_starts_no_other_program(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(a))
    body = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "a.eps").write_text(body)
    refused(tmp_path / "a.eps", "is not a picture")
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


@pytest.mark.parametrize("size", [(50_000, 50_000), (12_000, 12_000), (70_000, 2), (2, 70_000), (2**31 - 1, 2**31 - 1)])
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
        patch.setattr(images, "MOST_PIXELS", 1_000_000)
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


# ---------------------------------------------------------------- arrangement


@given(st.integers(1, 12), st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 5), st.integers(0, 3), st.integers(1, 5))
@settings(many, max_examples=60)
def test_grid_shows_each_picture_once_on_white(n, channels, height, width, gap, columns):
    pictures = torch.arange(n).view(n, 1, 1, 1).expand(n, channels, height, width) / 20.0
    sheet = images.grid(pictures, columns=columns, gap_px=gap)
    columns = min(columns, n)
    rows = -(-n // columns)
    assert sheet.shape == (channels, rows * (height + gap) - gap, columns * (width + gap) - gap)
    for index in range(n):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        assert (sheet[:, top : top + height, left : left + width] == pictures[index]).all()
    shown = sum((sheet == index / 20.0).sum().item() for index in range(n))
    assert shown == n * channels * height * width
    assert (sheet == 1).sum().item() == sheet.numel() - shown


@given(n=st.integers(1, 30), height=st.integers(1, 9), width=st.integers(1, 9), columns=st.none() | st.integers(1, 40))
def test_size_of_a_grid_is_known_before_it_is_made(n, height, width, columns):
    made = images.grid(torch.zeros(n, 1, height, width), columns=columns, gap_px=3)
    assert made.shape[1:] == images.grid_size(n, height, width, columns=columns, gap_px=3)


def test_grid_is_about_square():
    assert images.grid(torch.zeros(9, 1, 10, 10), gap_px=0).shape == (1, 30, 30)
    assert images.grid(torch.zeros(4, 1, 10, 40), gap_px=0).shape == (1, 40, 40)


def test_strip_puts_pictures_side_by_side():
    pictures = torch.rand(3, 3, 4, 5)
    row = images.strip(pictures, gap_px=1)
    assert row.shape == (3, 4, 17)
    for n, picture in enumerate(pictures):
        assert torch.equal(row[:, :, 6 * n : 6 * n + 5], picture)


@given(st.integers(1, 400), st.integers(2, 256), st.integers(0, 2**20), st.booleans())
@settings(many, max_examples=60)
def test_match_histogram_gives_the_histogram_and_keeps_the_order(pixels, levels, seed, coarse):
    rng = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 1, 1, pixels, generator=rng)
    if coarse:
        image = (image * 3).round() / 3  # many ties
    wanted = torch.rand(1, levels, generator=rng).square()
    wanted /= wanted.sum()
    matched = images.match_histogram(image, wanted)
    level = (matched.flatten() * (levels - 1)).round().long()
    torch.testing.assert_close(matched.flatten(), level / (levels - 1))
    found = torch.bincount(level, minlength=levels) / pixels
    assert (found.cumsum(0) - wanted[0].double().cumsum(0)).abs().max() <= 1 / pixels
    before, after = image.flatten(), matched.flatten()
    order = torch.argsort(before, stable=True)
    assert (after[order].diff() >= 0).all()
    assert torch.equal(matched, images.match_histogram(image, wanted))


def test_match_histogram_works_on_each_channel_of_each_picture():
    pictures = torch.rand(2, 3, 16, 16)
    wanted = torch.zeros(3, 256)
    wanted[0, 10], wanted[1, 200], wanted[2, [0, 255]] = 1.0, 1.0, 0.5
    matched = images.match_histogram(pictures, wanted)
    assert (matched[:, 0] == 10 / 255).all()
    assert (matched[:, 1] == 200 / 255).all()
    assert (matched[:, 2].sum((1, 2)) == 128).all()


@pytest.mark.parametrize("shape", [(1, 10, 100), (3, 100, 10), (1, 1, 200)])
def test_shrink_fits_the_longer_side(shape):
    small = images.shrink(torch.full(shape, 0.25), 20)
    assert max(small.shape[1:]) == 20
    assert small.shape[1:] == tuple(max(1, round(side * 20 / max(shape))) for side in shape[1:])
    torch.testing.assert_close(small, torch.full_like(small, 0.25))


def test_shrink_leaves_smaller_pictures_alone_and_stays_in_range():
    image = torch.rand(3, 20, 30)
    assert images.shrink(image, 30) is image
    steps = (torch.arange(64) % 8 < 4).float().expand(1, 64, 64)  # Lanczos overshoots at edges
    small = images.shrink(steps, 40)
    assert small.min() >= 0
    assert small.max() <= 1


@given(st.integers(1, images.LONGEST_SIDE), st.integers(1, images.LONGEST_SIDE), st.sampled_from(["x", "X", "×", " x "]))
@settings(many)
def test_parse_size_gives_height_then_width(width, height, times):
    assert images.parse_size(f"{width}{times}{height}") == (height, width)


@given(st.one_of(st.text(max_size=12), st.from_regex(r"-?\d+[xX]-?\d+", fullmatch=True), st.just("9" * 5000 + "x1")))
@settings(many)
def test_parse_size_refuses_everything_else_and_repeats_it(text):
    try:
        size, message = images.parse_size(text), None
    except ValueError as error:
        size, message = None, str(error)
    if size is None:
        assert repr(text) in message
    else:
        assert 1 <= min(size) <= max(size) <= images.LONGEST_SIDE


@pytest.mark.parametrize(
    "text", ["", "5", "x", "5x", "x5", "axb", "0x5", "5x0", "-3x4", "5x5x5", "1.5x2", "70000x5", "5 5", "1e3x5"]
)
def test_parse_size_refuses(text):
    with pytest.raises(ValueError, match="--size is"):
        images.parse_size(text)


# ---------------------------------------------------------------- out


@pytest.mark.parametrize("ending", [*images.STILL, ".PNG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_saved_pictures_come_back(tmp_path, ending, channels):
    """Lossless kinds exactly, JPEG nearly."""
    image = as_tensor(smooth())[:channels]
    path = tmp_path / f"a{ending}"
    images.save_image(path, image)
    tolerance = 0.05 if ending in (".jpg", ".jpeg") else 1e-6
    torch.testing.assert_close(images.load_image(path), image, rtol=0, atol=tolerance)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_saving_clips_and_rounds(tmp_path):
    images.save_image(tmp_path / "a.png", torch.tensor([[[-0.5, 0.4999, 0.502, 1.7]]]))
    torch.testing.assert_close(images.load_image(tmp_path / "a.png"), torch.tensor([[[0, 127, 128, 255]]]) / 255)


def test_same_picture_same_bytes(tmp_path):
    for name in "ab":
        images.save_image(tmp_path / f"{name}.png", as_tensor(noise()))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_picture_too_long_for_its_format_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"a\.webp cannot be written as WEBP .*choose another ending"):
        images.save_image(tmp_path / "a.webp", torch.zeros(1, 1, 20_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("save", [images.save_image, lambda path, image: images.save_animation(path, [image])])
def test_saving_refuses_an_unknown_ending(tmp_path, save):
    with pytest.raises(ImageError, match=r"a\.xyz has no known ending.*\.png|a\.xyz has no known ending.*\.gif"):
        save(tmp_path / "a.xyz", torch.zeros(1, 2, 2))


@pytest.mark.parametrize("ending", [".gif", ".apng", ".png", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_animation_has_its_frames_and_times(tmp_path, ending, channels):
    """Half a second for five frames, and the last one stays for three tenths more."""
    frames = [torch.full((channels, 9, 11), n / 4) for n in range(5)]
    path = tmp_path / f"a{ending}"
    images.save_animation(path, iter(frames), seconds=0.5, hold=0.3)
    with Image.open(path) as found:
        assert found.n_frames == 5
        assert found.info.get("loop", 0) == 0  # for ever
        for n, frame in enumerate(frames):
            found.seek(n)
            found.load()
            assert found.info["duration"] == (100 if n < 4 else 400)
            assert np.abs(np.asarray(found.convert("L")) / 255 - frame[0].numpy()).max() < 0.01
    torch.testing.assert_close(images.load_image(path), torch.zeros(1, 9, 11))


@pytest.mark.parametrize("ending", [".gif", ".apng", ".webp"])
def test_animation_of_one_frame(tmp_path, ending):
    images.save_animation(tmp_path / f"a{ending}", [torch.ones(1, 5, 5)])
    torch.testing.assert_close(images.load_image(tmp_path / f"a{ending}"), torch.ones(1, 5, 5))


@pytest.mark.parametrize(("height", "width"), [(32, 48), (33, 49), (1, 1)])
def test_mp4_has_its_frames(tmp_path, height, width):
    """An odd size gets its last row or column twice: nothing is lost."""
    av = pytest.importorskip("av")
    frames = [torch.full((3, height, width), n / 9) for n in range(10)]
    images.save_animation(tmp_path / "a.mp4", frames, seconds=1.0, hold=0.5)
    with av.open(str(tmp_path / "a.mp4")) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 10
    assert len(found) == 15
    assert found[0].shape == (height + height % 2, width + width % 2, 3)
    for n, array in enumerate(found):
        assert abs(array.mean() / 255 - min(n, 9) / 9) < 0.03


@pytest.mark.parametrize(("ending", "most"), [(".webp", 16_383), (".jpg", 65_500), (".gif", 65_535)])
def test_limits_of_formats_are_the_formats_own(tmp_path, ending, most):
    """The largest side is written, one pixel more is refused beforehand and by the format."""
    path = tmp_path / f"a{ending}"
    save = images.save_image if ending in images.STILL else lambda path, image: images.save_animation(path, [image])
    images.check_extent(path, 1, most)
    save(path, torch.zeros(1, 1, most))
    with pytest.raises(ImageError, match=rf"a\{ending} would have {most + 1}x1 pixels and .* holds {most} a side; choose another"):
        images.check_extent(path, 1, most + 1)
    with pytest.raises(ImageError, match="cannot be written"):
        save(path, torch.zeros(1, 1, most + 1))
    images.check_extent(tmp_path / "a.png", 1, most + 1)


def test_mp4_without_its_extra_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImageError, match=r"drawgen\[video\]"):
        images.check_output(tmp_path / "a.mp4")


@pytest.mark.parametrize("ending", [*images.STILL, *images.MOVING, ".JPG"])
def test_check_output_lets_good_names_pass(tmp_path, ending):
    if ending == ".mp4":
        pytest.importorskip("av")
    images.check_output(tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.xyz", "has no known ending; use one of .apng"),
        ("a", "has no known ending"),
        (".png", "has no known ending"),
        ("none/a.png", "does not exist; make it first"),
        ("folder.png", "is a folder; give a file name in it"),
        ("there.png", "exists already; choose another name or give --force"),
    ],
)
def test_check_output_refuses(tmp_path, name, words):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "there.png").touch()
    with pytest.raises(ImageError) as caught:
        images.check_output(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert words in str(caught.value)


def test_check_output_lets_force_replace_a_file_but_no_folder(tmp_path):
    (tmp_path / "there.png").touch()
    images.check_output(tmp_path / "there.png", force=True)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match="is a folder"):
        images.check_output(tmp_path / "folder.png", force=True)


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_check_output_refuses_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(ImageError, match="may not be written to; choose another"):
        images.check_output(tmp_path / "closed" / "a.png")


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(("shape", "wanted"), [((1, 40, 60), (3, 32, 32)), ((3, 60, 40), (1, 16, 24)), ((3, 5, 5), (3, 32, 32))])
def test_fit_to_takes_the_middle(shape, wanted):
    picture = torch.zeros(shape)
    picture[:, shape[1] // 4 : -shape[1] // 4 or None, shape[2] // 4 : -shape[2] // 4 or None] = 1
    fitted = images.fit_to(picture, wanted)
    assert fitted.shape == wanted
    assert fitted[:, wanted[1] // 2, wanted[2] // 2].min() > 0.8


def test_boxes_lie_where_they_are_told():
    from drawgen.contract import Sample

    canvases = torch.zeros(2, 1, 1, 10, 10)
    boxes = {"write": torch.tensor([[[2.0, 3.0, 6.0, 8.0]], [[-5.0, -5.0, 30.0, 30.0]]])}
    sample = Sample(canvases[-1], lambda count: iter(canvases[:count]), boxes)
    first, second = images.boxed(sample, scale=4)
    assert first.shape == (1, 3, 40, 40)
    painted = torch.nonzero(first[0, 0])
    assert painted.min(0).values.tolist() == [12, 8]
    assert painted.max(0).values.tolist() == [31, 23]
    assert second.sum() == 0, "a window beyond the picture shows no edge in it"
    with pytest.raises(ImageError, match="--boxes"):
        list(images.boxed(Sample(canvases[-1])))
