"""Smooth displacements against shifts that are known exactly."""

import math

import pytest
import torch

from drawgen.contract import generator
from drawgen.textures import warping
from drawgen.textures.warping import smooth, warped


def waves(height, width):
    """A picture that repeats, without frequencies that a kernel of eight pixels could not shift."""
    y, x = torch.arange(height)[:, None], torch.arange(width)
    return (0.5 + 0.2 * torch.sin(2 * math.pi * (3 * y / height + x / width)) + 0.2 * torch.cos(2 * math.pi * 4 * x / width))[None]


def by(monkeypatch, down, along):
    monkeypatch.setattr(
        warping, "smooth", lambda height, width, _: torch.stack([torch.full((height, width), v) for v in (down, along)])
    )


@pytest.mark.parametrize(("down", "along"), [(1.0, 0.0), (-2.0, 3.0)])
def test_whole_pixels_are_a_shift(monkeypatch, down, along):
    by(monkeypatch, down, along)
    picture = torch.rand(3, 12, 15, generator=generator(0))
    found = warped(picture, 1.0, closes=(True, True), rng=generator(1))
    torch.testing.assert_close(found, picture.roll((-int(down), -int(along)), (1, 2)), atol=1e-5, rtol=0)


def test_half_a_pixel_is_a_shift_of_the_phase(monkeypatch):
    by(monkeypatch, 0.5, -0.25)
    picture = waves(40, 56)
    spectrum = torch.fft.fft2(picture.double())
    down, along = torch.fft.fftfreq(40, dtype=torch.float64)[:, None], torch.fft.fftfreq(56, dtype=torch.float64)
    exact = torch.fft.ifft2(spectrum * torch.exp(2j * math.pi * (0.5 * down - 0.25 * along))).real.float()
    torch.testing.assert_close(warped(picture, 1.0, closes=(True, True), rng=generator(1)), exact, atol=2e-3, rtol=0)


def test_an_end_that_does_not_close_is_mirrored(monkeypatch):
    by(monkeypatch, -2.0, 0.0)
    picture = torch.rand(1, 9, 5, generator=generator(0))
    found = warped(picture, 1.0, rng=generator(1))
    torch.testing.assert_close(found[:, 2:], picture[:, :-2], atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:, :2], picture[:, :2].flip(1), atol=1e-5, rtol=0)


def test_displacements_are_smooth_wrap_and_have_the_asked_size():
    field = smooth(64, 96, generator(3))
    assert field.shape == (2, 64, 96)
    torch.testing.assert_close(field.mean((1, 2)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(field.std((1, 2), correction=0), torch.ones(2))
    for axis in (1, 2):
        steps = (field - field.roll(1, axis)).abs()
        assert steps.max() < 1.5
        over_the_edge = steps.select(axis, 0)
        assert over_the_edge.mean() < 2 * steps.mean()
    assert torch.equal(field, smooth(64, 96, generator(3)))


def test_what_closes_still_closes():
    """Across the border the warped picture changes as smoothly as elsewhere."""
    found = warped(waves(40, 56), 0.8, closes=(True, True), rng=generator(5))
    for axis in (1, 2):
        steps = (found - found.roll(1, axis)).abs().mean((0, 3 - axis))
        assert steps[0] < 1.6 * steps[1:].max()
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2)])
def test_pictures_smaller_than_the_kernel(size):
    found = warped(torch.rand(2, *size, generator=generator(0)), 0.7, rng=generator(1))
    assert found.shape == (2, *size)
    assert torch.isfinite(found).all()
