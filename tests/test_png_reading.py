"""PNG: every depth, kind, filter and interlacing comes back to the last bit; what stands beside the pixels is not in the way."""

import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawgen import image_reading, png_reading
from drawgen.images import ImageError, load_image, load_with_alpha

many = settings(derandomize=True, deadline=None, database=None)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(kind, depth) for kind, depths in png_reading.DEPTHS.items() for depth in depths]


def chunk(kind, body, *, right=True):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ (not right))


def rows_of(samples, depth, filters):
    """The bytes of the rows, each after its filter (0 to 4), by the specification."""
    height, _, channels = samples.shape
    if depth == 16:
        raw = samples.astype(">u2").view(np.uint8).reshape(height, -1)
    elif depth == 8:
        raw = samples.astype(np.uint8).reshape(height, -1)
    else:
        bits = np.unpackbits(samples.astype(np.uint8).reshape(height, -1, 1), axis=2)[..., 8 - depth :]
        raw = np.packbits(bits.reshape(height, -1), axis=1)
    back = max(1, channels * depth // 8)
    out, above = b"", np.zeros(raw.shape[1], int)
    for row, filtered in zip(raw.astype(int), filters, strict=False):
        left = np.concatenate([np.zeros(back, int), row])[: len(row)]
        corner = np.concatenate([np.zeros(back, int), above])[: len(row)]
        guess = left + above - corner
        near = np.stack([abs(guess - left), abs(guess - above), abs(guess - corner)])
        paeth = np.choose(near.argmin(0), [left, above, corner])
        taken = [0 * row, left, above, (left + above) // 2, paeth][filtered]
        out += bytes([filtered]) + ((row - taken) % 256).astype(np.uint8).tobytes()
        above = row
    return out


def png(samples, kind, depth, *, filters=(0, 1, 2, 3, 4), interlaced=False, before=b"", between=b"", end=True, pieces=1):
    height, width = samples.shape[:2]
    filters = [filters[n % len(filters)] for n in range(height)]
    if interlaced:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in png_reading.ADAM7]
        data = b"".join(rows_of(part, depth, filters) for part in parts if part.size)
    else:
        data = rows_of(samples, depth, filters)
    stream = zlib.compress(data)
    cut = -(-len(stream) // pieces)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    idat = b"".join(chunk(b"IDAT", stream[at : at + cut]) for at in range(0, len(stream), cut))
    return png_reading.SIGNATURE + chunk(b"IHDR", head) + before + idat + between + (chunk(b"IEND", b"") if end else b"")


def random_samples(kind, depth, height=7, width=9, seed=0):
    samples = np.random.default_rng(seed).integers(0, 2**depth, (height, width, CHANNELS[kind]), dtype=np.uint16)
    samples[0, 0] = 2**depth - 1  # 16 bits in full, not 12
    return samples


def written(folder, data, name="a.png"):
    (folder / name).write_bytes(data)
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("png")


@given(
    st.sampled_from(KINDS), st.integers(1, 20), st.integers(1, 20), st.booleans(), st.integers(0, 99), st.integers(1, 3),
    st.lists(st.integers(0, 4), min_size=1, max_size=5), st.sampled_from([1, 40, 2**20]),
)  # fmt: skip
@settings(many, max_examples=60)
def test_every_kind_comes_back_to_the_last_bit(folder, kind_depth, height, width, interlaced, seed, pieces, filters, at_once):
    """Whole or strip by strip."""
    kind, depth = kind_depth
    samples = random_samples(kind, depth, height, width, seed)
    palette = np.random.default_rng(1).integers(0, 256, (2**depth, 3), dtype=np.uint8) if kind == 3 else None
    before = b"" if palette is None else chunk(b"PLTE", palette.tobytes())
    path = written(folder, png(samples, kind, depth, filters=filters, interlaced=interlaced, before=before, pieces=pieces))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_reading, "AT_ONCE", at_once)
        image, alpha = load_with_alpha(path)
    values = torch.from_numpy((palette[samples[..., 0]] / 255 if kind == 3 else samples / (2**depth - 1)).astype(np.float32))
    values = values.permute(2, 0, 1)
    if kind in (4, 6):
        torch.testing.assert_close(torch.ones(1, height, width) if alpha is None else alpha, values[-1:])
        values = values[:-1] * values[-1:] + 1 - values[-1:]
    torch.testing.assert_close(image.expand_as(values), values)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", [0, 2])
def test_a_colour_key_is_transparent(tmp_path, kind, depth):
    """By its whole number: a pixel that shares the higher byte alone is not it."""
    samples = np.full((2, 3, CHANNELS[kind]), 2**depth - 1, np.uint16)
    samples[1, 1], samples[0, 1] = 2 ** (depth - 2), 2 ** (depth - 2) + 1
    key = samples[1, 1].astype(">u2").tobytes()
    image, alpha = load_with_alpha(written(tmp_path, png(samples, kind, depth, before=chunk(b"tRNS", key))))
    assert alpha.flatten().tolist() == [1, 1, 1, 1, 0, 1]
    assert image[:, 1, 1].tolist() == [1] * len(image)
    assert image[0, 0, 1] == pytest.approx(float(samples[0, 1, 0]) / (2**depth - 1))


def test_reading_reduced_is_the_mean(tmp_path, monkeypatch):
    """Strip by strip, of 8 bits and of 16."""
    monkeypatch.setattr(png_reading, "AT_ONCE", 300)
    for kind, depth in [(0, 1), (0, 8), (2, 8), (2, 16), (6, 8), (6, 16)]:
        samples = random_samples(kind, depth, 37, 50)
        path = written(tmp_path, png(samples, kind, depth))
        whole, small = load_image(path), load_image(path, covering=(6, 6))  # 37 // 12 = 3
        assert small.shape[1:] == (13, 17)
        means = torch.nn.functional.avg_pool2d(whole[None], 3, ceil_mode=True)[0]
        torch.testing.assert_close(small, means, rtol=0, atol=3 / 255)


# ---------------------------------------------------------------- what stands beside the pixels


@pytest.mark.parametrize(
    "before",
    [
        chunk(b"tEXt", b"Comment\0hello", right=False),
        chunk(b"pHYs", b"\0\0"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"tIME", b""),
        chunk(b"eXIf", b"junk"),
        chunk(b"gAMA", b"\0\0\xb1\x8f", right=False),
        chunk(b"iCCP", b"broken\0\0junk"),
        chunk(b"iCCP", b"no profile\0\0" + zlib.compress(b"junk")),
        chunk(b"cICP", bytes([9, 16, 0, 1])),
    ],
    ids=[
        "wrong checksum",
        "short pHYs",
        "large XMP",
        "large text",
        "short tIME",
        "EXIF",
        "gamma's checksum",
        "zlib",
        "profile",
        "HDR",
    ],
)
def test_what_stands_beside_is_passed_over(tmp_path, before):
    samples = random_samples(2, 8)
    image = load_image(written(tmp_path, png(samples, 2, 8, before=before)))
    torch.testing.assert_close(image, torch.from_numpy(samples.astype(np.float32) / 255).permute(2, 0, 1))


def test_the_process_is_left_as_it_was(tmp_path):
    from PIL import ImageFile, PngImagePlugin

    state = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, ImageFile.LOAD_TRUNCATED_IMAGES
    load_image(written(tmp_path, png(random_samples(2, 8), 2, 8)))
    assert state == (Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, ImageFile.LOAD_TRUNCATED_IMAGES)


@pytest.mark.parametrize("before", [chunk(b"iCCP", b"x\0\0junk"), chunk(b"cICP", bytes([9, 16, 0, 1]))])
def test_colours_that_cannot_be_used_are_said(tmp_path, caplog, before):
    path = written(tmp_path, png(random_samples(2, 8), 2, 8, before=before))
    load_image(path)
    load_image(path)
    assert [record.getMessage().startswith(f"{path}: its c") for record in caplog.records] == [True]


def test_a_missing_end_is_said_and_missing_pixels_are_refused(tmp_path, caplog):
    samples = random_samples(2, 8)
    data = png(samples, 2, 8, end=False)
    image = load_image(written(tmp_path, data[:-2]))
    torch.testing.assert_close(image, torch.from_numpy(samples.astype(np.float32) / 255).permute(2, 0, 1))
    assert "its end is missing" in caplog.text
    with pytest.raises(ImageError, match=r"b\.png is damaged"):
        load_image(written(tmp_path, data[: len(data) // 2], "b.png"))


def test_wrong_pixels_are_refused(tmp_path):
    """The checksum tells, though the stream can be read."""
    data = bytearray(png(random_samples(2, 8), 2, 8))
    data[-13] ^= 1  # the last byte of the checksum of the pixels
    with pytest.raises(ImageError, match="checksum of its pixels"):
        load_image(written(tmp_path, bytes(data)))


# ---------------------------------------------------------------- animations


def animated(default, first, *, hidden, place=(0, 0)):
    """An APNG of one frame after the default image, or of the default image alone."""
    height, width = first.shape[:2]
    control = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = chunk(b"fcTL", struct.pack(">5IHHBB", 0, width, height, *place, 1, 10, 0, 0))
    if not hidden:
        return png(default, 2, 8, before=control + frame)
    data = chunk(b"fdAT", struct.pack(">I", 1) + zlib.compress(rows_of(first, 8, [0] * height)))
    return png(default, 2, 8, before=control, between=frame + data)


def test_a_hidden_default_image_is_not_the_first_frame(tmp_path):
    default, first = np.full((4, 5, 3), 30, np.uint16), np.full((4, 5, 3), 200, np.uint16)
    shown = load_image(written(tmp_path, animated(default, first, hidden=True)))
    torch.testing.assert_close(shown, torch.full((1, 4, 5), 200 / 255))
    plain = load_image(written(tmp_path, animated(default, first, hidden=False), "b.png"))
    torch.testing.assert_close(plain, torch.full((1, 4, 5), 30 / 255))


def test_a_small_first_frame_lies_where_it_should(tmp_path):
    default, first = np.full((6, 7, 3), 30, np.uint16), np.full((2, 3, 3), 50, np.uint16)
    image, alpha = load_with_alpha(written(tmp_path, animated(default, first, hidden=True, place=(3, 1))))
    expected = torch.zeros(1, 6, 7)
    expected[:, 1:3, 3:6] = 1
    assert torch.equal(alpha, expected)
    torch.testing.assert_close(image, 1 - expected * (1 - 50 / 255))


def test_pillows_animations_are_read(tmp_path):
    frames = [Image.new("RGB", (5, 4), (level, 0, 0)) for level in (10, 20, 30)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], default_image=True)
    assert load_image(tmp_path / "a.png")[0, 0, 0] == pytest.approx(20 / 255)


# ---------------------------------------------------------------- 12 bits in 16


def test_12_bits_in_16_are_taken_as_such(tmp_path, caplog):
    """Told by sBIT, or by all values being below 4096, which is said."""
    samples = np.linspace(0, 4000, 48).astype(np.uint16).reshape(6, 8, 1)
    expected = torch.from_numpy(samples[..., 0].astype(np.float32) / 4095)[None]
    torch.testing.assert_close(load_image(written(tmp_path, png(samples, 0, 16, before=chunk(b"sBIT", b"\x0c")))), expected)
    assert caplog.text == ""
    torch.testing.assert_close(load_image(written(tmp_path, png(samples, 0, 16), "b.png")), expected)
    assert "taken as 12 bits" in caplog.text
    samples[0, 0] = 4096
    assert load_image(written(tmp_path, png(samples, 0, 16), "c.png")).max() < 0.07


def test_14_bits_that_are_told(tmp_path):
    """A writer that scales them, as the specification wants, is believed too."""
    low = np.linspace(0, 16383, 48).astype(np.uint16).reshape(6, 8, 1)
    for samples in (low, low << 2 | low >> 12):
        image = load_image(written(tmp_path, png(samples, 0, 16, before=chunk(b"sBIT", b"\x0e"))))
        torch.testing.assert_close(image[0].numpy(), low[..., 0].astype(np.float32) / 16383, rtol=0, atol=1e-4)


def test_size_is_told_by_the_header(tmp_path):
    samples = random_samples(0, 8, 3, 5)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = written(tmp_path, png(samples, 0, 8, before=chunk(b"eXIf", exif.tobytes()[6:])))
    assert image_reading.picture_size(path) == (5, 3)
    assert load_image(path).shape == (1, 5, 3)
