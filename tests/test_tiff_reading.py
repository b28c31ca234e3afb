"""TIFF: whatever tifffile and Pillow write comes back; the right page is taken; libtiff keeps quiet."""

import struct

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawgen import tiff_reading
from drawgen.images import ImageError, load_image, load_with_alpha

many = settings(derandomize=True, deadline=None, database=None)
TYPES = ["u1", "u2", "u4", "f2", "f4", "f8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tiff")


def numbers(kind, shape, seed=0):
    """Random numbers that use their type's range (32 bits: 65535), and what they mean in [0, 1]."""
    unit = np.random.default_rng(seed).random(shape)
    unit.flat[0], unit.flat[-1] = 1, 0
    if kind.startswith("f"):
        values = unit.astype(kind)
        return values, values.astype(np.float32)
    most = {"u1": 255, "u2": 65535, "u4": 65535}[kind]
    values = np.round(unit * most).astype(kind)
    return values, (values / most).astype(np.float32)


@given(
    st.sampled_from(TYPES), st.integers(1, 40), st.integers(1, 40), st.sampled_from(["grey", "rgb"]), st.sampled_from("<>"),
    st.booleans(), st.booleans(), st.sampled_from([None, "zlib", "lzma"]), st.booleans(), st.integers(1, 50), st.booleans(),
)  # fmt: skip
@settings(many, max_examples=80)
def test_what_tifffile_writes_comes_back(
    folder, kind, height, width, model, order, planar, tiled, compression, predicted, rows, large
):
    channels = 3 if model == "rgb" else 1
    values, expected = numbers(kind, (height, width, channels), seed=rows)
    stored = values.transpose(2, 0, 1) if planar and channels == 3 else values if channels == 3 else values[..., 0]
    options = {"tile": (16, 32)} if tiled else {"rowsperstrip": rows}
    if channels == 3:
        options["planarconfig"] = "separate" if planar else "contig"
    if compression == "zlib" and predicted and kind in ("u1", "u2", "u4"):  # the one that tifffile writes by itself
        options["predictor"] = 2
    path = folder / "a.tif"
    tifffile.imwrite(
        path, stored, photometric="rgb" if channels == 3 else "minisblack", compression=compression, byteorder=order, bigtiff=large,
        metadata=None, **options,
    )  # fmt: skip
    image = load_image(path)
    expected = torch.from_numpy(expected).permute(2, 0, 1)
    torch.testing.assert_close(image.expand_as(expected), expected, rtol=0, atol=1e-3 if kind == "f2" else 1e-6)


@given(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"]),
    st.sampled_from(["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate"]), st.integers(1, 30), st.integers(1, 30),
)  # fmt: skip
@settings(many, max_examples=40)
def test_what_pillow_writes_comes_back(folder, mode, compression, height, width):
    rng = np.random.default_rng(height)
    grey = rng.integers(0, 256, (height, width), dtype=np.uint8)
    if mode == "I;16":
        picture = Image.fromarray((grey.astype(np.uint16) * 257) | 4096)
        expected = np.asarray(picture)[..., None] / 65535
    elif mode == "F":
        picture = Image.fromarray(grey.astype(np.float32) / 255)
        expected = grey[..., None] / 255
    else:
        colours = Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8), "RGBA")
        picture = (
            colours.convert("RGB").quantize(16) if mode == "P" else colours.convert("L" if mode in "1L" else "RGBA").convert(mode)
        )
        over = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
        expected = np.asarray(over.convert("RGB")) / 255
    options = {"compression": compression} if compression != "raw" else {}
    picture.save(folder / "b.tif", **options)
    image = load_image(folder / "b.tif")
    expected = torch.from_numpy(expected.astype(np.float32)).permute(2, 0, 1)
    torch.testing.assert_close(image.expand_as(expected), expected.expand(image.shape[0] if len(expected) == 1 else 3, -1, -1),
                               rtol=0, atol=1.01 / 255)  # fmt: skip


def handmade(path, samples, bits, *, photometric=1, tags=(), kind=1, order="<"):
    """A TIFF of one strip without compression: rows of packed bits, padded to bytes."""
    height, width, channels = samples.shape
    unpacked = np.unpackbits(samples.astype(">u2").view(np.uint8).reshape(height, -1, 2), axis=2)[..., 16 - bits :]
    data = np.packbits(unpacked.reshape(height, -1), axis=1).tobytes()
    data += bytes(len(data) % 2)
    entries = {
        256: width,
        257: height,
        258: bits,
        259: 1,
        262: photometric,
        273: 8,
        277: channels,
        278: height,
        279: len(data),
        339: kind,
    }
    entries |= dict(tags)
    more = struct.pack(f"{order}{channels}H", *[bits] * channels)
    table = b""
    at = 8 + len(data)
    for tag, value in sorted(entries.items()):
        if tag in (258, 339) and channels > 2:
            other = struct.pack(f"{order}{channels}H", *[value] * channels)
            more = other if tag == 258 else more + other
            table += struct.pack(f"{order}HHII", tag, 3, channels, at + (0 if tag == 258 else 2 * channels))
        else:
            table += struct.pack(f"{order}HHII", tag, 4, 1, value)
    more += bytes(len(more) % 2)
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(f"{order}2sHI", mark, 42, at + (len(more) if channels > 2 else 0))
    path.write_bytes(head + data + (more if channels > 2 else b"") + struct.pack(f"{order}H", len(entries)) + table + bytes(4))
    return path


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", range(1, 16))
def test_packed_bits(tmp_path, bits, channels):
    samples = np.random.default_rng(bits).integers(0, 2**bits, (5, 7, channels), dtype=np.uint16)
    samples[0, 0], samples[-1, -1] = 0, 2**bits - 1
    image = load_image(handmade(tmp_path / "a.tif", samples, bits, photometric=1 if channels == 1 else 2))
    expected = torch.from_numpy(samples.astype(np.float32) / (2**bits - 1)).permute(2, 0, 1)
    torch.testing.assert_close(image.expand_as(expected), expected, rtol=0, atol=0.51 / 255 if bits < 8 else 1e-6)


@pytest.mark.parametrize("bits", [1, 4, 8, 12])
def test_white_that_is_zero(tmp_path, bits):
    samples = np.arange(35, dtype=np.uint16).reshape(5, 7, 1) % 2**bits
    image = load_image(handmade(tmp_path / "a.tif", samples, bits, photometric=0))
    torch.testing.assert_close(image[0].numpy(), 1 - samples[..., 0] / np.float32(2**bits - 1), rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_white_that_is_zero_of_more_bits(tmp_path, kind):
    values, expected = numbers(kind, (5, 7))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    torch.testing.assert_close(load_image(tmp_path / "a.tif")[0].numpy(), 1 - expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("tag", [281, 341])
def test_the_highest_value_is_believed(tmp_path, caplog, tag):
    """MaxSampleValue and SMaxSampleValue of 12 bits in 16; without them a word is said."""
    values = np.linspace(0, 4000, 35).astype(np.uint16).reshape(5, 7)
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=[(tag, "H", 1, 4095, True)])
    torch.testing.assert_close(load_image(tmp_path / "a.tif")[0].numpy(), (values / 4095).astype(np.float32))
    assert caplog.text == ""
    tifffile.imwrite(tmp_path / "b.tif", values)
    torch.testing.assert_close(load_image(tmp_path / "b.tif")[0].numpy(), (values / 4095).astype(np.float32))
    assert "taken as 12 bits" in caplog.text


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("associated", [False, True])
@pytest.mark.parametrize("model", ["minisblack", "rgb"])
def test_alpha(tmp_path, model, associated, kind):
    """Colours that are multiplied by it already, and others."""
    channels = 1 if model == "minisblack" else 3
    _, colours = numbers("f4", (5, 7, channels))
    _, alpha = numbers("f4", (5, 7, 1), seed=1)
    alpha = np.maximum(alpha, 0.2)
    both = np.concatenate([colours * alpha if associated else colours, alpha], -1)
    both = both if kind == "f4" else np.round(both * np.iinfo(kind).max).astype(kind)
    tifffile.imwrite(
        tmp_path / "a.tif",
        both,
        photometric=model,
        planarconfig="contig",
        extrasamples=["assocalpha" if associated else "unassalpha"],
    )
    image, seen = load_with_alpha(tmp_path / "a.tif")
    exact = {"u1": 4 / 255, "u2": 1e-4, "f4": 1e-5}[kind]
    torch.testing.assert_close(seen[0].numpy(), alpha[..., 0], rtol=0, atol=exact)
    expected = torch.from_numpy(colours * alpha + 1 - alpha).permute(2, 0, 1)
    torch.testing.assert_close(image.expand_as(expected), expected, rtol=0, atol=exact)


def test_other_channels_are_left_out(tmp_path):
    values, expected = numbers("u2", (5, 7, 5))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", planarconfig="contig", extrasamples=["unspecified"] * 2)
    image, alpha = load_with_alpha(tmp_path / "a.tif")
    assert alpha is None
    torch.testing.assert_close(image.permute(1, 2, 0).numpy(), expected[..., :3], rtol=0, atol=1e-6)


@pytest.mark.parametrize("over", [1.02, 1.4, -0.3])
def test_small_overshoots_of_floats_are_clipped(tmp_path, over):
    """One pixel beyond the range does not make the whole picture black."""
    values, expected = numbers("f4", (5, 7))
    values[2, 2], expected[2, 2] = over, over > 0
    tifffile.imwrite(tmp_path / "a.tif", values)
    torch.testing.assert_close(load_image(tmp_path / "a.tif")[0].numpy(), expected)


def test_floats_of_a_range_of_their_own_fill_it(tmp_path):
    """HDR's 0 to 12 is not black at all."""
    values, expected = numbers("f4", (5, 7))
    tifffile.imwrite(tmp_path / "a.tif", values * 12)
    torch.testing.assert_close(load_image(tmp_path / "a.tif")[0].numpy(), expected, rtol=0, atol=1e-6)


def test_signed_numbers_are_rescaled(tmp_path):
    values = np.array([[-100, 0, 100]], np.int16)
    tifffile.imwrite(tmp_path / "a.tif", values)
    torch.testing.assert_close(load_image(tmp_path / "a.tif"), torch.tensor([[[0.0, 0.5, 1.0]]]))


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_lab(tmp_path, kind):
    """L*a*b* (53.2, 80.1, 67.2) is sRGB's red; a and b have a sign."""
    scale = 1 if kind == "u1" else 256
    lab = np.array([53.2 * (255 if kind == "u1" else 65535) / 100, 80.8 * scale, 69.9 * scale])  # under D50
    values = np.broadcast_to(np.round(lab), (4, 5, 3)).astype(np.int32).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="cielab")
    red = torch.tensor([1.0, 0.0, 0.0])
    assert (load_image(tmp_path / "a.tif")[:, 0, 0] - red).abs().max() < 0.06


# ---------------------------------------------------------------- pages


def test_a_thumbnail_in_front_is_not_the_picture(tmp_path, caplog):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((4, 6), np.uint8), subfiletype=1)
        file.write(np.full((40, 60), 200, np.uint8))
    assert load_image(tmp_path / "a.tif").shape == (1, 40, 60)
    assert caplog.text == ""


def test_a_thumbnail_that_does_not_say_so(tmp_path, caplog):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((4, 6), np.uint8), metadata=None)
        file.write(np.full((40, 60), 200, np.uint8), metadata=None)
    assert load_image(tmp_path / "a.tif").shape == (1, 40, 60)
    assert "2 pages of different sizes; the largest is taken" in caplog.text


def test_the_picture_below_another_is_found(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((4, 6), np.uint8), subifds=1, subfiletype=1, metadata=None)
        file.write(np.full((40, 60), 200, np.uint8), metadata=None)
    torch.testing.assert_close(load_image(tmp_path / "a.tif"), torch.full((1, 40, 60), 200 / 255))


def test_the_first_of_equal_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for level in (10, 20):
            file.write(np.full((4, 6), level, np.uint8), metadata=None)
    torch.testing.assert_close(load_image(tmp_path / "a.tif"), torch.full((1, 4, 6), 10 / 255))


@pytest.mark.parametrize("compression", ["jpeg", "group4"])
def test_pages_that_pillow_reads(tmp_path, compression):
    """The second page, turned as its own tag says and not as XMP does."""
    grey = np.zeros((32, 64), np.uint8)
    grey[:16, :16] = 255
    thumbnail, picture = Image.new("L", (8, 4)), Image.fromarray(grey)
    if compression == "group4":
        thumbnail, picture = thumbnail.convert("1"), picture.convert("1")
    tags = {274: 6, 700: b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="3"/>'}
    thumbnail.save(tmp_path / "a.tif", save_all=True, append_images=[picture], compression=compression, tiffinfo=tags)
    image = load_image(tmp_path / "a.tif")
    assert image.shape == (1, 64, 32)
    assert image[0, :16, 16:].mean() > 0.9
    assert image.mean() < 0.2


def test_camera_raw_is_told(tmp_path):
    values = np.zeros((8, 8), np.uint16)
    tifffile.imwrite(tmp_path / "a.dng", values, photometric=32803, extratags=[(50706, "B", 4, (1, 4, 0, 0), True)])
    with pytest.raises(ImageError, match=r"a\.dng is a camera raw file; develop it first"):
        load_image(tmp_path / "a.dng")


# ---------------------------------------------------------------- damaged, or not read


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", None])
def test_damaged_strips_are_refused_in_one_line_alone(tmp_path, capfd, compression):
    """libtiff's own lines do not appear beside it."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8))
    picture.save(tmp_path / "a.tif", compression=compression)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        offset, length = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    if compression is None:
        data = data[: offset + length // 2]
    else:
        data[offset : offset + length] = bytes([0xFE]) * length
    (tmp_path / "a.tif").write_bytes(data)
    try:
        load_image(tmp_path / "a.tif")
    except ImageError as error:
        assert "\n" not in str(error)  # noqa: PT017
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("tags", "words"),
    [({259: 34712}, "a compression that is not read"), ({262: 32844}, "a colour model that is not read"),
     ({339: 5}, "8 bits of format 5"), ({273: 10**6}, "damaged"), ({257: 0}, "damaged"), ({279: 0}, "")],
)  # fmt: skip
def test_what_is_not_read_is_said(tmp_path, tags, words):
    path = handmade(tmp_path / "a.tif", np.ones((4, 5, 1), np.uint16), 8, tags=tags)
    if not words:
        load_image(path)
        return
    with pytest.raises(ImageError, match=words):
        load_image(path)


def test_directories_that_go_in_circles_end(tmp_path):
    path = handmade(tmp_path / "a.tif", np.ones((4, 5, 1), np.uint16), 8)
    data = bytearray(path.read_bytes())
    data[-4:] = data[4:8]
    path.write_bytes(data)
    assert load_image(path).shape == (1, 4, 5)


def test_large_pictures_are_read_by_parts(tmp_path, monkeypatch):
    values, expected = numbers("u2", (50, 60, 3))
    for options in ({}, {"planarconfig": "separate"}, {"tile": (16, 16)}, {"rowsperstrip": 7, "compression": "zlib"}):
        stored = values.transpose(2, 0, 1) if "planarconfig" in options else values
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", metadata=None, **options)
        monkeypatch.setattr(tiff_reading, "AT_ONCE", 1000)
        whole = load_image(tmp_path / "a.tif")
        torch.testing.assert_close(whole.permute(1, 2, 0).numpy(), expected, rtol=0, atol=1e-6)
        small = load_image(tmp_path / "a.tif", covering=(6, 6))
        means = torch.nn.functional.avg_pool2d(whole[None], 4, ceil_mode=True)[0]
        torch.testing.assert_close(small, means, rtol=0, atol=1e-5)
