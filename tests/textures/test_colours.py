"""Colours are matched as a whole: close, smooth, and without specks."""

import pytest
import torch

from drawgen import images
from drawgen.contract import generator
from drawgen.textures.colours import COLOURS, colour_sample, match_colours, speck_limit, without_specks
from drawgen.textures.yardstick import graininess


def apart(one, other):
    """Mean distance of the distributions along directions in colour space, in levels of 255."""
    axes = torch.nn.functional.normalize(torch.randn(3, 32, generator=generator(0)), dim=0)
    at = (torch.arange(1000) + 0.5) / 1000
    first, second = ((p.flatten(1).t() @ axes).sort(0).values for p in (one, other))
    return float((first[(at * len(first)).long()] - second[(at * len(second)).long()]).abs().mean()) * 255


@pytest.fixture(scope="module")
def tissue():
    return images.load_image("photo:ihc")[:, :256, :256]


@pytest.fixture(scope="module")
def drawn(tissue):
    """As a model draws it: paler, with a cast, and less apart in red and blue."""
    matrix = torch.tensor([[0.5, 0.2, 0.1], [0.2, 0.5, 0.1], [0.2, 0.2, 0.4]])
    return torch.einsum("dc,chw->dhw", matrix, tissue.flip(2)) * 0.7 + torch.tensor([0.2, 0.1, 0.05])[:, None, None]


def test_distributions_become_alike(tissue, drawn):
    matched = match_colours(drawn[None], colour_sample(tissue))[0]
    assert apart(matched, tissue) < 0.05 * apart(drawn, tissue)
    assert apart(matched, tissue) < 1
    spread, known = ((p[0] - p[2]).std() for p in (matched, tissue))
    assert float(spread) == pytest.approx(float(known), rel=0.05)
    assert float(matched.min()) >= 0
    assert float(matched.max()) <= 1


def test_like_colours_stay_alike(tissue, drawn):
    """A pixel's colour depends on its colour alone, and smoothly: no specks, however noisy the picture."""
    noisy = (drawn + 0.01 * torch.randn(3, 256, 256, generator=generator(1))).clamp(0, 1)
    stored = colour_sample(tissue)
    matched = match_colours(noisy[None], stored)[0]
    turned = match_colours(noisy.rot90(1, (1, 2))[None], stored)[0]
    torch.testing.assert_close(turned.rot90(-1, (1, 2)), matched, atol=1e-4, rtol=0)
    grain = graininess(matched, tissue)
    assert grain.high < 1.1
    assert grain.most < 1.3


def test_a_rare_colour_is_kept():
    """Three per cent of the pixels are of another hue, in the photograph strongly, in the sample hardly."""
    rng = generator(2)
    grey = torch.rand(1, 128, 128, generator=rng).expand(3, -1, -1) * 0.5 + 0.2
    rare = (torch.arange(128)[:, None] % 16 < 3) & (torch.arange(128) % 16 < 3)
    hue = torch.tensor([1.0, 0.0, -1.0])[:, None, None]
    photograph, sample = grey + 0.2 * hue * rare, grey.flip(2) + 0.06 * hue * rare
    matched = match_colours(sample[None].float(), colour_sample(photograph.float()))[0]
    warm = (matched[0] - matched[2])[rare].mean()
    assert float(warm) > 0.3
    assert float((matched[0] - matched[2])[~rare].abs().mean()) < 0.03


def test_the_photograph_itself_hardly_changes(tissue):
    matched = match_colours(tissue[None], colour_sample(tissue))[0]
    assert float((matched - tissue).abs().mean()) * 255 < 1


def test_grey_is_matched_exactly():
    exemplar = torch.rand(1, 64, 64, generator=generator(3)).square()
    stored = colour_sample(exemplar)
    matched = match_colours(torch.rand(2, 1, 64, 64, generator=generator(4)), stored)
    levels = (exemplar * 255).round().flatten().sort().values
    for picture in matched:
        assert torch.equal((picture * 255).round().flatten().sort().values, levels)


def test_what_is_stored():
    exemplar = torch.rand(3, 30, 50, generator=generator(5))
    stored = colour_sample(exemplar)
    assert stored.shape == (COLOURS, 3)
    assert stored.dtype == torch.uint8
    assert torch.equal(stored, colour_sample(exemplar))
    known = (exemplar * 255).round()
    assert float((stored.float().mean(0) - known.mean((1, 2))).abs().max()) < 1


def test_pictures_are_matched_one_by_one(tissue, drawn):
    stored = colour_sample(tissue)
    both = match_colours(torch.stack([drawn, tissue]), stored)
    assert torch.equal(both[0], match_colours(drawn[None], stored)[0])


def test_specks_are_taken_out(tissue):
    """And nothing else: no pixel below the limit moves."""
    limit = speck_limit(tissue)
    spotted = tissue.clone()
    spotted[0, 40:250:20, 40:250:20] = 1 - spotted[0, 40:250:20, 40:250:20].round()
    cleaned = without_specks(spotted[None], limit)[0]
    assert graininess(spotted, tissue).most > 1
    assert graininess(cleaned, tissue).high < 1.01
    assert graininess(cleaned, tissue).most < 1.01
    assert float((cleaned != spotted).any(0).float().mean()) < 0.01
    smooth = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    assert torch.equal(without_specks(smooth, 0.1), smooth)


@pytest.mark.parametrize("colour", [0.0, 0.5, 1.0])
def test_pictures_of_one_colour(colour, tissue):
    """Nothing is stretched beyond measure, in the sample or the photograph."""
    flat = torch.full((3, 16, 16), colour)
    assert torch.isfinite(match_colours(flat[None], colour_sample(tissue))).all()
    assert float((match_colours(tissue[None], colour_sample(flat))[0] - colour).abs().max()) < 0.05
