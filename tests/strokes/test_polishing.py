"""Strokes improved by gradient descent through the brush."""

import pytest
import torch
from drawgen_envs.brush import paint

from drawgen.contract import generator
from drawgen.nn.pyramid import pyramid
from drawgen.strokes.polishing import RATES, polish

RADIUS = (0.03, 0.1)


def strokes_of(count=3, many=2, channels=1, seed=0):
    rng = generator(seed)
    points = 0.2 + 0.6 * torch.rand(count, many, 6, generator=rng)
    radii = 0.05 + 0.03 * torch.rand(count, many, 2, generator=rng)
    return torch.cat([points, radii, torch.ones(count, many, 2 + channels)], 2)


def blank(count=3, channels=1):
    return torch.zeros(count, channels, 24, 24)


def test_no_steps_change_nothing():
    strokes = strokes_of()
    assert torch.equal(polish(strokes, blank(), 0, radius=RADIUS), strokes)


def test_one_step_goes_down_the_slope():
    """By the rate, against the sign of the gradient that differences give."""
    strokes = strokes_of(1).double()
    target = paint(blank(1).double(), strokes_of(1, seed=4).double())
    moved = polish(strokes, target, 1, radius=(0.0, 1.0)) - strokes
    steps = torch.tensor([RATES[0]] * 6 + [RATES[1]] * 2 + [RATES[2]] * 2)
    for row in range(2):
        for number in range(8):
            errors = []
            for change in (-1e-5, 1e-5):
                other = strokes.clone()
                other[0, row, number] += change
                errors.append(float(pyramid(paint(torch.zeros_like(target), other), target)))
            slope = (errors[1] - errors[0]) / 2e-5
            assert abs(slope) > 1e-4
            assert float(moved[0, row, number]) == pytest.approx(-float(steps[number]) * (1 if slope > 0 else -1), rel=1e-2)


def test_pictures_do_not_meet():
    strokes, target = strokes_of(), paint(blank(), strokes_of(seed=5))
    together = polish(strokes, target, 10, radius=RADIUS)
    for row in range(3):
        alone = polish(strokes[row : row + 1], target[row : row + 1], 10, radius=RADIUS)
        torch.testing.assert_close(alone[0], together[row], atol=1e-4, rtol=0)


def test_what_was_nearly_right_becomes_right():
    """Strokes that were moved a little come back: the error falls to less than a tenth. Who waits hears how far it is."""
    right = strokes_of(channels=3)
    right[..., 10:] = torch.rand(3, 2, 3, generator=generator(6))
    target = paint(blank(channels=3), right)
    wrong = right + 0.03 * torch.randn(right.shape, generator=generator(7))
    heard = []
    found = polish(wrong, target, 100, radius=RADIUS, opacity=0.5, progress=heard.append)
    before, after = (pyramid(paint(blank(channels=3), some), target) for some in (wrong, found))
    assert bool((after < 0.1 * before).all())
    assert heard == [pytest.approx(step / 100) for step in range(1, 101)]
