"""The yardstick ranks what is known to be better above what is known to be worse."""

import pytest
import torch

from drawgen import images
from drawgen.contract import generator
from drawgen.ranges import ArgumentError
from drawgen.textures import yardstick
from drawgen.textures.yardstick import Yardstick, graininess, rank_matched, seam, unit


def random_phases(picture):
    """The power spectrum kept, the order gone."""
    noise = torch.fft.rfft2(torch.randn(*picture.shape[1:], generator=generator(0)))
    turned = torch.fft.rfft2(picture) * noise / noise.abs()
    turned[:, 0, 0] = torch.fft.rfft2(picture)[:, 0, 0]
    return torch.fft.irfft2(turned, s=picture.shape[1:]).clamp(0, 1)


@pytest.fixture(scope="module")
def gravel():
    return images.load_image("photo:gravel")[:, :400, :]


@pytest.fixture(scope="module")
def judge(gravel):
    return Yardstick(gravel[:, :, :300])


def test_structure_sees_what_the_eye_sees(gravel, judge):
    real = judge.structure(gravel[:, 100:250, 350:500])
    blurred = judge.structure(images.resize(images.resize(gravel[:, 100:250, 350:500], 75, 75), 150, 150))
    phases = judge.structure(random_phases(gravel[:, 100:250, 350:500]))
    assert real < 1.1 < phases
    assert real < blurred


def test_a_real_crop_is_near_by_every_measure(gravel, judge):
    figures = judge.measures(gravel[:, 60:210, 20:170])
    assert list(figures) == ["structure", "autocorrelation", "spectrum", "histogram"]
    assert all(0 <= figure < 1.3 for figure in figures.values())
    bright = judge.histogram(gravel[:, 60:210, 20:170] * 0.5 + 0.5)
    assert bright > 3 * figures["histogram"]


def test_only_structure_sees_random_phases(gravel, judge):
    figures = judge.measures(random_phases(gravel[:, :150, :150]))
    assert figures["structure"] > 1.3 * max(figures["autocorrelation"], figures["spectrum"])


def test_sizes_and_colours(gravel):
    """One scale for samples of all sizes, small exemplars, grey samples of colour exemplars; the same call twice gives the same."""
    small = Yardstick(gravel[:, :60, :70].expand(3, -1, -1))
    assert small.scale > 3
    assert 0 < small.structure(gravel[:, 100:160, 100:160]) < 3
    judge = Yardstick(gravel)
    figures = [judge.structure(gravel[:, :side, :side]) for side in (128, 200, 400)]
    assert max(figures) < 1.1
    assert figures[0] == judge.structure(gravel[:, :128, :128])


def test_crops_of_a_period_are_not_all_alike():
    """Quarters of a checked cloth are equal; a crop half a check further is no less real."""
    cloth = ((torch.arange(256)[:, None] // 16 + torch.arange(256)[None] // 16) % 2).float()[None]
    cloth = (cloth + 0.05 * torch.rand(1, 256, 256, generator=generator(3))).clamp(0, 1)
    assert Yardstick(cloth).structure(cloth[:, 8:136, 3:131]) < 1.5


@pytest.mark.parametrize(
    ("exemplar", "message"),
    [(torch.rand(1, 20, 400), "has 20 pixels on a side"), (torch.full((3, 64, 64), 0.4), "has a single colour")],
)
def test_exemplars_that_are_refused(exemplar, message):
    with pytest.raises(ArgumentError, match=message):
        Yardstick(exemplar)


def test_two_colours_and_small_samples(gravel, judge):
    two = (gravel[:, :128, :128] > 0.5).float()
    assert Yardstick(two).structure(two) < 1.2
    with pytest.raises(ArgumentError, match="sample has 64 pixels on a side; give at least 96"):
        judge.structure(gravel[:, :64, :])


def test_rank_matching():
    sample, exemplar = torch.rand(1, 20, 30, generator=generator(4)), torch.rand(3, 30, 20, generator=generator(5))
    matched = rank_matched(sample, exemplar)
    assert torch.equal(matched.flatten(1).sort().values, exemplar.flatten(1).sort().values)
    assert torch.equal(matched[0].flatten().argsort(), sample[0].flatten().argsort())


def test_autocorrelation_is_its_definition():
    crop = torch.rand(1, 12, 15, generator=generator(6))
    light = (crop[0] - crop[0].mean()).double()
    found = yardstick.autocorrelation(crop, 3)
    for down in range(4):
        for across in range(-3, 4):
            a = light[: 12 - down, max(0, -across) : 15 - max(0, across)]
            b = light[down:, max(0, across) : 15 - max(0, -across)]
            assert float(found[down, across + 3]) == pytest.approx(float((a * b).mean() / light.square().mean()), abs=1e-5)


def test_grain():
    smooth = torch.linspace(0, 1, 64).expand(3, 64, 64) * 0.5 + 0.02 * torch.rand(3, 64, 64, generator=generator(7))
    grain = graininess(smooth, smooth)
    assert grain == (1, 1, 1)
    speck = smooth.clone()
    speck[0, 30, 30] = 1.0
    found = graininess(speck, smooth)
    assert found.mean < 1.2
    assert found.most > 10


def test_seam():
    across = torch.arange(64) * (2 * torch.pi / 64)
    closed = (across.sin()[None] * 0.3 + across.cos()[:, None] * 0.2 + 0.5)[None]
    assert seam(closed) == pytest.approx((0, 0), abs=0.01) or max(seam(closed)) < 1.7
    x, y = seam(closed[:, :, :40])
    assert x > 5
    assert y < 1.7


@pytest.mark.parametrize("side", [8, 16, 30])
def test_units(side):
    """Paving stones of one size, three pixels apart, of every brightness; bright in dark joints, and dark in bright ones."""
    picture, rng = torch.zeros(1, 256, 256), generator(8)
    for top in range(0, 257 - side, side + 3):
        for left in range(0, 257 - side, side + 3):
            picture[0, top : top + side, left : left + side] = float(torch.rand((), generator=rng)) * 0.5 + 0.5
    for light in (picture, 1 - picture):
        assert side / 2 <= unit(light) <= 2 * side


def test_opening_is_its_definition():
    light = torch.rand(20, 23, generator=generator(9))
    for side in (2, 3, 5):
        known = torch.full((20, 23), -torch.inf)
        for top in range(20 - side + 1):
            for left in range(23 - side + 1):
                window = known[top : top + side, left : left + side]
                window.clamp_(min=float(light[top : top + side, left : left + side].min()))
        inner = slice(side, -side)  # squares that reach over the edge see nothing there
        assert torch.equal(yardstick.opened(light, side)[inner, inner], known[inner, inner])
