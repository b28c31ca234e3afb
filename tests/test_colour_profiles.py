"""Colour profiles become sRGB: known colours, the exact way beside LittleCMS, and what cannot be used."""

import icc
import numpy as np
import pytest

from drawgen.colour_profiles import Chromaticities, by_littlecms, conversion, encode, from_icc, lab_to_srgb, srgb_curve


def colours(*rows):
    return np.array([rows], np.float32)


@pytest.mark.parametrize(
    ("encoding", "red"),
    [
        (icc.rgb(icc.P3), (0.9175, 0.2003, 0.1386)),
        (icc.rgb(icc.ADOBE, icc.gamma(2.19922)), (0.8586, 0.0, 0.0)),
        (Chromaticities("srgb", icc.P3), (0.9175, 0.2003, 0.1386)),
        (Chromaticities(2.19922, icc.ADOBE), (0.8586, 0.0, 0.0)),
    ],
    ids=["P3", "Adobe RGB", "P3 by cICP", "Adobe RGB by gAMA and cHRM"],
)
def test_the_red_of_srgb(encoding, red):
    """As other spaces write it; grey and white stay."""
    convert = conversion(encoding, "rgb")
    torn = convert(colours(red, (1, 1, 1), (0, 0, 0)))
    np.testing.assert_allclose(torn, colours((1, 0, 0), (1, 1, 1), (0, 0, 0)), atol=0.012)


@pytest.mark.parametrize(
    "profile",
    [
        icc.rgb(icc.P3),
        icc.rgb(icc.ADOBE, icc.gamma(2.2)),
        icc.rgb(icc.SRGB, icc.gamma(1.0)),
        icc.rgb(icc.P3, icc.parametric(0, 1.8)),
    ],
    ids=["P3", "Adobe", "linear", "parametric"],
)
def test_the_exact_way_agrees_with_littlecms(profile):
    levels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    exact, coarse = from_icc(profile, "rgb"), by_littlecms(profile, "rgb")
    # a linear picture's darks lie so far apart that LittleCMS's tables differ there by a few levels
    np.testing.assert_allclose(exact(levels), coarse(levels), atol=4 / 255)
    assert np.abs(exact(levels) - coarse(levels)).mean() < 0.6 / 255
    np.testing.assert_allclose(exact(levels), exact((levels / 255).astype(np.float32)), atol=1e-5)


def test_deep_pictures_keep_their_levels():
    """A ramp of 4,096 steps in Adobe RGB has 4,096 steps in sRGB."""
    ramp = np.repeat(np.linspace(0.1, 1, 4096, dtype=np.float32)[None, :, None], 3, 2)
    converted = conversion(icc.rgb(icc.ADOBE, icc.gamma(2.2)), "rgb")(ramp)
    assert (np.diff(converted[0, :, 1]) > 0).all()


@pytest.mark.parametrize(
    "curve",
    [
        icc.gamma(2.2),
        icc.parametric(0, 2.2),
        icc.parametric(1, 2.2, 1.0, 0.0),
        icc.parametric(2, 2.2, 1.0, 0.0, 0.0),
        icc.parametric(3, 2.2, 1.0, 0.0, 1.0, 0.0),
        icc.parametric(4, 2.2, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0),
        b"curv" + np.array([0, 1024], ">u4").tobytes() + np.round(np.linspace(0, 1, 1024) ** 2.2 * 65535).astype(">u2").tobytes(),
    ],
    ids=["gamma", "0", "1", "2", "3", "4", "table"],
)
def test_every_kind_of_curve(curve):
    ramp = np.linspace(0, 1, 50, dtype=np.float32)[None, :, None]
    np.testing.assert_allclose(conversion(icc.grey(curve), "grey")(ramp), encode(ramp**2.2), atol=0.012)
    np.testing.assert_allclose(conversion(icc.grey(curve), "grey")(ramp)[0, 5:], encode(ramp**2.2)[0, 5:], atol=2e-3)


def test_srgb_needs_no_conversion():
    assert conversion(icc.rgb(icc.SRGB), "rgb") is None
    assert conversion(icc.grey(icc.SRGB_CURVE), "grey") is None
    assert conversion(Chromaticities("srgb"), "rgb") is None
    from PIL import ImageCms

    assert conversion(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), "rgb") is None


def test_the_curve_of_srgb_and_back():
    ramp = np.linspace(0, 1, 99, dtype=np.float32)
    np.testing.assert_allclose(encode(srgb_curve(ramp).astype(np.float32)), ramp, atol=1e-5)


def test_lab():
    """White, middle grey and black lie on the axis."""
    lab = colours((100, 0, 0), (53.585, 0, 0), (0, 0, 0))
    np.testing.assert_allclose(lab_to_srgb(lab), colours((1, 1, 1), (0.5, 0.5, 0.5), (0, 0, 0)), atol=0.003)


@pytest.mark.parametrize(
    ("encoding", "model", "words"),
    [
        (b"junk", "rgb", "damaged"),
        (icc.rgb()[:200], "rgb", "damaged"),
        (icc.rgb(), "grey", "it is one for RGB and the picture is grey"),
        (icc.grey(icc.gamma(2)), "rgb", "it is one for GRAY"),
        (icc.rgb(), "lab", "pictures of this kind have none"),
        (icc.packed(b"CMYK", {}), "cmyk", "LittleCMS does not take it"),
        (icc.packed(b"RGB ", {}), "rgb", "damaged"),
        (Chromaticities("srgb", (0.3, 0.3, 0.6, 0.0, 0.3, 0.6, 0.1, 0.1)), "rgb", "primaries are impossible"),
        (Chromaticities("srgb", (0.3,) * 8), "rgb", "damaged"),
    ],
)
def test_what_cannot_be_used(encoding, model, words):
    with pytest.raises(ValueError, match=words):
        conversion(encoding, model)
