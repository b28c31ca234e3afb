"""Each row of docs/pictures.md is a test of the same name; and the pictures that people's tools wrote look alike."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import icc
import numpy as np
import pytest
import tifffile
import torch
from conftest import DATA
from PIL import Image
from test_png_reading import animated, chunk, png

from drawgen import image_reading
from drawgen.file_kinds import ENDINGS, PICTURES
from drawgen.images import ImageError, load_image, load_with_alpha

TABLE = Path(__file__).parent.parent / "docs" / "pictures.md"
ROWS: dict[str, Callable] = {}
H, W = 24, 40


def row(name):
    def keep(check):
        ROWS[name] = check
        return check

    return keep


def test_every_row_has_its_test():
    """And every test its row."""
    names = re.findall(r"^\| ([a-z0-9-]+) \|", TABLE.read_text(), re.MULTILINE)
    names = [name for name in names if name not in ("row", "---")]
    assert sorted(names) == sorted(ROWS)


@pytest.mark.parametrize("name", sorted(re.findall(r"^\| (?!row )([a-z0-9]+[a-z0-9-]*) \|", TABLE.read_text(), re.MULTILINE)))
def test_row(name, tmp_path, caplog):
    ROWS[name](tmp_path, caplog)


# ---------------------------------------------------------------- formats


def smooth(height=H, width=W):
    x, y = np.meshgrid(np.linspace(40, 200, width), np.linspace(30, 220, height))
    return np.stack([x, y, 255 - x], -1).astype(np.uint8)


def tensor(array):
    return torch.from_numpy(np.asarray(array, np.float32)).permute(2, 0, 1)


def near(image, expected, levels, name=""):
    """Within so many levels in the mean."""
    assert image.shape[1:] == expected.shape[1:], name
    assert (image - expected).abs().mean() * 255 <= levels, name


def written(ending, levels, **options):
    def check(folder, _):
        Image.fromarray(smooth()).save(folder / f"a{ending}", **options)
        near(load_image(folder / f"a{ending}"), tensor(smooth() / 255), levels)

    return check


ROWS |= {
    "webp": written(".webp", 0.01, lossless=True),
    "bmp": written(".bmp", 0.01),
    "avif": written(".avif", 4),
    "jpeg2000": written(".jp2", 0.01),
    "qoi": written(".qoi", 0.01),
    "pcx": written(".pcx", 0.01),
    "png": written(".png", 0.01),
}


@row("apng")
def _(folder, _):
    (folder / "a.png").write_bytes(animated(np.full((4, 5, 3), 9, np.uint16), np.full((4, 5, 3), 200, np.uint16), hidden=True))
    torch.testing.assert_close(load_image(folder / "a.png"), torch.full((1, 4, 5), 200 / 255))


@row("jpeg")
def _(folder, _):
    for mode in ("RGB", "CMYK", "L"):
        for progressive in (False, True):
            Image.fromarray(smooth()).convert(mode).save(folder / "a.jpg", quality=95, progressive=progressive)
            expected = Image.fromarray(smooth()).convert(mode).convert("RGB")
            near(load_image(folder / "a.jpg"), tensor(np.asarray(expected) / 255), 4)
    large = Image.fromarray(smooth(240, 400))
    large.save(folder / "a.jpg", quality=95)
    for longest in (400, 150, 90, 40, 10):
        small = load_image(folder / "a.jpg", longest_px=longest)
        assert max(small.shape) == longest
        near(small, image_reading.shrink(load_image(folder / "a.jpg"), longest), 1.5)


@row("mpo")
def _(folder, _):
    Image.fromarray(smooth()).save(folder / "a.mpo", save_all=True, append_images=[Image.new("RGB", (W, H))])
    near(load_image(folder / "a.mpo"), tensor(smooth() / 255), 4)


@row("gif")
def _(folder, _):
    frames = [Image.new("L", (6, 4), level) for level in (255, 0)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    torch.testing.assert_close(load_image(folder / "a.gif"), torch.ones(1, 4, 6))


@row("tga")
def _(folder, _):
    for name, compression in (("a.tga", None), ("b.tga", "tga_rle")):
        Image.fromarray(smooth()).save(folder / name, compression=compression)
        near(load_image(folder / name), tensor(smooth() / 255), 0.01)
    (folder / "c.dat").write_bytes((folder / "a.tga").read_bytes())  # its signature
    near(load_image(folder / "c.dat"), tensor(smooth() / 255), 0.01)


@row("ico")
def _(folder, _):
    Image.fromarray(smooth(64, 64)).save(folder / "a.ico", sizes=[(16, 16), (64, 64)])
    near(load_image(folder / "a.ico"), tensor(smooth(64, 64) / 255), 0.01)


@row("ppm")
def _(folder, _):
    levels = np.arange(H * W, dtype=np.uint16).reshape(H, W) * 60
    (folder / "a.pgm").write_bytes(b"P5 %d %d 65535\n" % (W, H) + levels.astype(">u2").tobytes())
    torch.testing.assert_close(load_image(folder / "a.pgm")[0].numpy(), (levels / 65535).astype(np.float32))
    dark = levels // 300  # the header says 65535
    (folder / "a.pgm").write_bytes(b"P5 %d %d 65535\n" % (W, H) + dark.astype(">u2").tobytes())
    torch.testing.assert_close(load_image(folder / "a.pgm")[0].numpy(), (dark / 65535).astype(np.float32))
    for mode, ending in (("1", ".pbm"), ("L", ".pgm"), ("RGB", ".ppm"), ("F", ".pfm")):
        picture = Image.fromarray(smooth()).convert(mode)
        picture.save(folder / f"b{ending}")
        expected = np.asarray(picture.convert("L" if mode != "RGB" else mode)) / 255
        near(load_image(folder / f"b{ending}"), torch.from_numpy(expected.reshape(H, W, -1)).permute(2, 0, 1), 0.6)


@row("tiff")
def _(folder, _):
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd"):
        Image.fromarray(smooth()).save(folder / "a.tif", compression=compression)
        near(load_image(folder / "a.tif"), tensor(smooth() / 255), 4 if compression == "jpeg" else 0.01, str(compression))
    tifffile.imwrite(folder / "a.tif", smooth(), bigtiff=True, tile=(16, 16), compression="lzma", photometric="rgb")
    near(load_image(folder / "a.tif"), tensor(smooth() / 255), 0.01)


# ---------------------------------------------------------------- depth


@row("depth-16")
def _(folder, _):
    values = np.random.default_rng(0).integers(4096, 65536, (H, W, 3), dtype=np.uint16)
    expected = tensor(values / 65535)
    (folder / "a.png").write_bytes(png(values, 2, 16))
    tifffile.imwrite(folder / "a.tif", values, photometric="rgb")
    tifffile.imwrite(folder / "b.tif", values, photometric="rgb", compression="zlib", predictor=2)
    for name in ("a.png", "a.tif", "b.tif"):
        torch.testing.assert_close(load_image(folder / name), expected, rtol=0, atol=1e-6)
    Image.fromarray(values[..., 0]).save(folder / "c.png")
    torch.testing.assert_close(load_image(folder / "c.png"), expected[:1], rtol=0, atol=1e-6)


@row("depth-1-to-15")
def _(folder, _):
    from test_tiff_reading import handmade

    for bits in (1, 4, 10, 12, 14):
        values = np.arange(35, dtype=np.uint16).reshape(5, 7, 1) % 2**bits
        image = load_image(handmade(folder / f"{bits}.tif", values, bits))
        torch.testing.assert_close(image[0].numpy(), values[..., 0] / np.float32(2**bits - 1), rtol=0, atol=0.5 / 255)


@row("depth-12-in-16")
def _(folder, caplog):
    values = np.linspace(0, 4000, H * W).astype(np.uint16).reshape(H, W)
    expected = (values / 4095).astype(np.float32)
    tifffile.imwrite(folder / "a.tif", values, extratags=[(281, "H", 1, 4095, True)])
    (folder / "a.png").write_bytes(png(values[..., None], 0, 16, before=chunk(b"sBIT", b"\x0c")))
    for name in ("a.tif", "a.png"):
        torch.testing.assert_close(load_image(folder / name)[0].numpy(), expected)
    assert caplog.text == ""
    Image.fromarray(values).save(folder / "b.png")
    torch.testing.assert_close(load_image(folder / "b.png")[0].numpy(), expected)
    assert f"{folder / 'b.png'} has 16 bits" in caplog.text


@row("depth-32")
def _(folder, _):
    for most, divisor in ((200, 255), (3000, 4095), (60_000, 65_535), (2_000_000_000, 2_000_000_000)):
        values = np.linspace(0, most, H * W).astype(np.int32).reshape(H, W)
        for kind in ("i4", "u4"):
            tifffile.imwrite(folder / "a.tif", values.astype(kind))
            torch.testing.assert_close(load_image(folder / "a.tif")[0].numpy(), (values / divisor).astype(np.float32))


@row("float")
def _(folder, _):
    unit = np.linspace(0, 1, H * W * 3, dtype=np.float32).reshape(H, W, 3)
    for most, expected in ((1, unit), (255, unit), (65535, unit), (12, unit), (1.3, np.minimum(unit * 1.3, 1))):
        tifffile.imwrite(folder / "a.tif", unit * most, photometric="rgb")
        torch.testing.assert_close(load_image(folder / "a.tif"), tensor(expected), rtol=0, atol=1e-5)


@row("nan")
def _(folder, _):
    tifffile.imwrite(folder / "a.tif", np.array([[0, np.nan, np.inf]], np.float32))
    refused(folder / "a.tif", "holds NaN or infinity in its float pixels")


@row("white-is-zero")
def _(folder, _):
    values = np.linspace(0, 65535, H * W).astype(np.uint16).reshape(H, W)
    tifffile.imwrite(folder / "a.tif", values, photometric="miniswhite")
    torch.testing.assert_close(load_image(folder / "a.tif")[0].numpy(), 1 - (values / 65535).astype(np.float32), rtol=0, atol=1e-6)


@row("separate-planes")
def _(folder, _):
    values = np.random.default_rng(0).integers(0, 65536, (3, 33, 40), dtype=np.uint16)
    for options in ({"rowsperstrip": 7}, {"tile": (16, 16)}):
        tifffile.imwrite(folder / "a.tif", values, photometric="rgb", planarconfig="separate", **options)
        expected = torch.from_numpy((values / 65535).astype(np.float32))
        torch.testing.assert_close(load_image(folder / "a.tif"), expected, rtol=0, atol=1e-6)


# ---------------------------------------------------------------- colour

P3_RED = (234, 51, 35)
"""sRGB's red as Display P3 writes it."""


@row("icc-rgb")
def _(folder, _):
    picture = Image.new("RGB", (W, H), P3_RED)
    for name in ("a.png", "a.jpg", "a.webp", "a.tif"):
        options = {"quality": 100, "subsampling": 0} if name == "a.jpg" else {"lossless": True} if name == "a.webp" else {}
        picture.save(folder / name, icc_profile=icc.rgb(icc.P3), **options)
        near(load_image(folder / name), tensor(np.full((H, W, 3), (1.0, 0, 0))), 1.5, name)
    deep = np.full((H, W, 3), P3_RED, np.uint16) * 257
    tifffile.imwrite(folder / "b.tif", deep, photometric="rgb", extratags=[(34675, "B", len(icc.rgb()), icc.rgb(), True)])
    near(load_image(folder / "b.tif"), tensor(np.full((H, W, 3), (1.0, 0, 0))), 1.5)


@row("icc-grey")
def _(folder, _):
    Image.new("L", (W, H), 128).save(folder / "a.png", icc_profile=icc.grey(icc.gamma(1.0)))
    torch.testing.assert_close(load_image(folder / "a.png"), torch.full((1, H, W), 0.737), rtol=0, atol=2 / 255)


@row("cmyk")
def _(folder, _):
    picture = Image.fromarray(smooth()).convert("CMYK")
    for name in ("a.jpg", "a.tif"):
        picture.save(folder / name)
        near(load_image(folder / name), tensor(smooth() / 255), 4)
    near(load_image(case("cmyk_with_profile.tif")), load_image(case("cmyk_expected.png")), 2)


@row("lab")
def _(folder, _):
    for kind, scale, shift in (("u1", 2.55, 0), ("u2", 655.35, 0)):
        lab = np.zeros((H, W, 3))
        lab[..., 0] = 53.585 * scale
        tifffile.imwrite(folder / "a.tif", np.round(lab + shift).astype(kind), photometric="cielab")
        near(load_image(folder / "a.tif"), torch.full((1, H, W), 0.5), 1)


@row("cicp")
def _(folder, caplog):
    samples = np.full((H, W, 3), P3_RED, np.uint16)
    (folder / "a.png").write_bytes(png(samples, 2, 8, before=chunk(b"cICP", bytes([12, 13, 0, 1]))))
    near(load_image(folder / "a.png"), tensor(np.full((H, W, 3), (1.0, 0, 0))), 1.5)
    (folder / "b.png").write_bytes(png(samples, 2, 8, before=chunk(b"cICP", bytes([9, 16, 0, 1]))))
    near(load_image(folder / "b.png"), tensor(samples / 255), 0.01)
    assert "b.png: its cICP chunk names colours that are not converted" in caplog.text


@row("gamma")
def _(folder, _):
    samples = np.full((H, W, 3), 128, np.uint16)
    for gamma, expected in ((100_000, 0.737), (45_455, 128 / 255), (0, 128 / 255)):
        (folder / "a.png").write_bytes(png(samples, 2, 8, before=chunk(b"gAMA", gamma.to_bytes(4, "big"))))
        torch.testing.assert_close(load_image(folder / "a.png"), torch.full((1, H, W), expected), rtol=0, atol=1.5 / 255)
    samples[:] = P3_RED
    points = np.round(np.array(icc.P3) * 100_000).astype(">u4").tobytes()
    (folder / "a.png").write_bytes(png(samples, 2, 8, before=chunk(b"gAMA", (45455).to_bytes(4, "big")) + chunk(b"cHRM", points)))
    near(load_image(folder / "a.png"), tensor(np.full((H, W, 3), (1.0, 0, 0))), 1.5)


@row("unusable-profile")
def _(folder, caplog):
    for name, profile in (("a.jpg", b"junk"), ("b.jpg", icc.grey(icc.gamma(2.0))), ("c.png", icc.packed(b"RGB ", {}))):
        Image.fromarray(smooth()).save(folder / name, icc_profile=profile)
        near(load_image(folder / name), tensor(smooth() / 255), 4)
        assert f"{folder / name}: its colour profile cannot be used" in caplog.text


# ---------------------------------------------------------------- transparency and orientation


@row("alpha")
def _(folder, _):
    array = np.array([[[255, 0, 0, 255], [255, 0, 0, 128], [255, 0, 0, 0]]], np.uint8)
    for name in ("a.png", "a.webp", "a.tif", "a.tga", "a.qoi"):
        options = {"lossless": True, "exact": True} if name == "a.webp" else {}
        Image.fromarray(array).save(folder / name, **options)
        image, alpha = load_with_alpha(folder / name)
        torch.testing.assert_close(alpha, torch.tensor([[[1, 128 / 255, 0]]]))
        torch.testing.assert_close(
            image[:, 0].T, torch.tensor([[1, 0, 0], [1, 127 / 255, 127 / 255], [1, 1, 1]]), rtol=0, atol=1e-6
        )
    assert load_with_alpha("photo:coffee")[1] is None


@row("colour-key")
def _(folder, _):
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(folder / "a.png", transparency=0)
    (folder / "b.png").write_bytes(png(np.array([[[0x1919], [0x1918]]], np.uint16), 0, 16, before=chunk(b"tRNS", b"\x19\x19")))
    for name in ("a.png", "b.png"):
        assert load_with_alpha(folder / name)[1].flatten().tolist() == [0, 1]


@row("unused-alpha")
def _(folder, _):
    array = np.dstack([smooth(), np.zeros((H, W), np.uint8)])
    for name in ("a.bmp", "a.tga"):
        Image.fromarray(array).save(folder / name)
        image, alpha = load_with_alpha(folder / name)
        assert alpha is None
        near(image, tensor(smooth() / 255), 0.01)


@row("wholly-transparent")
def _(folder, caplog):
    Image.new("RGBA", (W, H), (1, 2, 3, 0)).save(folder / "a.png")
    assert torch.equal(load_image(folder / "a.png"), torch.ones(1, H, W))
    assert f"{folder / 'a.png'} is wholly transparent" in caplog.text


@row("exif-orientation")
def _(folder, _):
    exif = Image.Exif()
    exif[0x0112] = 6  # the left column is the upper row
    for name in ("a.jpg", "a.png", "a.webp", "a.tif", "a.avif"):
        Image.fromarray(smooth()).save(folder / name, exif=exif, quality=95)
        near(load_image(folder / name), tensor(np.rot90(smooth(), -1) / 255), 5, name)
        assert image_reading.picture_size(folder / name) == (W, H)


@row("xmp-orientation")
def _(folder, _):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.fromarray(smooth()).save(folder / "a.jpg", xmp=xmp)
    Image.fromarray(smooth()).save(folder / "a.tif", tiffinfo={700: xmp})
    assert load_image(folder / "a.jpg").shape == load_image(folder / "a.tif").shape == (3, H, W)


@row("tiff-thumbnail")
def _(folder, _):
    with tifffile.TiffWriter(folder / "a.tif") as file:
        file.write(np.zeros((8, 12, 3), np.uint8), subfiletype=1, photometric="rgb")
        file.write(smooth(), photometric="rgb")
    near(load_image(folder / "a.tif"), tensor(smooth() / 255), 0.01)


# ---------------------------------------------------------------- odd, and read; limits


@row("beside-the-pixels")
def _(folder, _):
    Image.fromarray(smooth()).save(
        folder / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x00\x01\x09\0\xff\xff\xff\xff\xff\xff\xff\xff"
    )
    near(load_image(folder / "a.jpg"), tensor(smooth() / 255), 4)
    for name in (
        "exif_negative_width.jpg",
        "exif_signed_resolution.jpg",
        "png_bad_crc_in_text.png",
        "png_short_pHYs.png",
        "png_xmp_2500_kB.png",
    ):
        near(load_image(case(name)), load_image(case("reference.png")), 4)


@row("jpeg-without-end")
def _(folder, caplog):
    for progressive in (False, True):
        Image.fromarray(smooth(240, 400)).save(folder / "a.jpg", quality=95, progressive=progressive)
        data = (folder / "a.jpg").read_bytes()
        for cut in (2, 3, 40):
            (folder / f"{progressive}{cut}.jpg").write_bytes(data[:-cut])
            near(load_image(folder / f"{progressive}{cut}.jpg"), tensor(smooth(240, 400) / 255), 4)
            assert f"{folder / f'{progressive}{cut}.jpg'}: its end is missing" in caplog.text or "cut short" in caplog.text


@row("cut-short")
def _(folder, _):
    for name in ("a.jpg", "b.jpg", "a.png", "a.tif", "a.webp", "a.bmp"):
        options = {"progressive": True} if name == "b.jpg" else {}
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)).save(folder / name, **options)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
        refused(folder / name, "")


@row("wrong-ending")
def _(folder, _):
    Image.fromarray(smooth()).save(folder / "a.jpg", format="PNG")
    near(load_image(folder / "a.jpg"), tensor(smooth() / 255), 0.01)


@row("large")
def _(folder, _):
    assert image_reading.MOST_PIXELS == 250_000_000
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", (20_000).to_bytes(4, "big") + (12_501).to_bytes(4, "big") + b"\x08\2\0\0\0")
    (folder / "a.png").write_bytes(head + chunk(b"IDAT", b""))
    refused(folder / "a.png", "is 20000x12501 pixels; at most 250 million")
    assert image_reading.picture_size(case("phone_108_megapixels.png")) == (9000, 12000)


@row("reduced")
def _(folder, _):
    code = (
        "import resource, sys; import torch; from drawgen import images\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert max(images.load_image(sys.argv[1], longest_px=512).shape) == 512\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    Image.new("L", (12_000, 8_000), 90).save(folder / "a.jpg")
    for path in (folder / "a.jpg", case("phone_108_megapixels.png")):
        run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert int(run.stdout) < 400  # MiB


@row("pipe")
def _(folder, _):
    os.mkfifo(folder / "a.png")
    refused(folder / "a.png", "it is a pipe or a device")
    Image.fromarray(smooth()).save(folder / "b.png")
    code = "from drawgen import images; print(tuple(images.load_image('/dev/stdin').shape))"
    run = subprocess.run([sys.executable, "-c", code], input=(folder / "b.png").read_bytes(), capture_output=True, check=True)
    assert run.stdout.split() == [b"(3,", b"24,", b"40)"]


# ---------------------------------------------------------------- not read


def refused(path, words):
    with pytest.raises(ImageError) as caught:
        load_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert ";" in message
    assert "\n" not in message
    assert words in message


def not_read(words, *heads):
    def check(folder, _):
        for n, head in enumerate(heads):
            (folder / f"{n}.jpg").write_bytes(head + bytes(200))
            refused(folder / f"{n}.jpg", words)

    return check


ROWS |= {
    "heic": not_read("is a HEIC picture, which is not read; save it", b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"),
    "jpeg-xl": not_read("JPEG XL picture, which is not read; save it as PNG or JPEG", b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "psd": not_read("Photoshop file (PSD), which is not read; export it", b"8BPS\0\1"),
    "dds": not_read("DDS texture, which is not read; save it", b"DDS "),
    "exr": not_read("tone-map it", b"\x76\x2f\x31\x01", b"#?RADIANCE\n"),
    "raw": not_read(
        "camera raw file; develop it first",
        b"II*\0\x10\0\0\0CR\2\0", b"\0\0\0\x18ftypcrx ", b"IIRO", b"IIU\0", b"FUJIFILMCCD-RAW",
    ),
    "svg": not_read(
        "is an SVG drawing, not a picture of pixels; export it as PNG",
        b"<svg>", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg >',
    ),
    "pdf": not_read("; export", b"%PDF-1.4\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    "web-page": not_read(
        "is a web page saved under a picture's name; save the picture itself", b"<!DOCTYPE html>", b"\n\n<HTML lang=de>",
    ),
    "archive": not_read("is an archive, not a picture; unpack it first", b"PK\3\4", b"Rar!", b"\x1f\x8b", b"7z\xbc\xaf"),
    "film": not_read(
        "is a film; take a frame out of it", b"\0\0\0\x18ftypisom", b"\0\0\0\x18ftypqt  ", b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0AVI ",
    ),
    "git-lfs": not_read("git lfs pull", b"version https://git-lfs.github.com/spec/v1\n"),
}  # fmt: skip


def test_endings_are_each_once_and_lower_case():
    assert len(set(PICTURES)) == len(PICTURES)
    assert {".png", ".jpg", ".ico", ".tga"} <= set(ENDINGS)
    assert ".heic" in PICTURES
    assert all(ending == ending.lower() and ending.startswith(".") for ending in PICTURES)


# ---------------------------------------------------------------- as people's tools wrote them


def case(name):
    path = DATA.parent / "cases" / "pictures" / name
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    return path


@pytest.mark.parametrize(
    "name",
    ["bmp32_alpha_unused.bmp", "exif_negative_width.jpg", "exif_signed_resolution.jpg", "game_texture.tga", "icc_adobe_rgb.jpg",
     "icc_display_p3.png", "jpeg_without_end_marker.jpg", "png16_grey_colour_key.png", "png_bad_crc_in_text.png", "png_gamma_1.png",
     "png_short_pHYs.png", "png_xmp_2500_kB.png", "tiff_float_overshoot.tif", "tiff_float_rgb.tif", "tiff_grey16_alpha.tif",
     "tiff_grey16_white_is_zero.tif", "tiff_rgb16_planar.tif", "tiff_thumbnail_first.tif"],
)  # fmt: skip
def test_pictures_of_other_tools_look_alike(name):
    from drawgen.images import grey

    image, reference = load_image(case(name)), load_image(case("reference.png"))
    near(image, reference if len(image) == 3 else grey(reference), 4 if name.endswith("jpg") else 2)
