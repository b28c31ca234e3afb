"""Strokes of bristles: the compiled loop beside the definition, the same painting at any size, and paint that lies flat."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.contract import generator
from drawgen.strokes import bristles, bristles_cpu


def drawn(count=12, seed=0):
    """Strokes of every kind: wide, thin, tapered, bent, dots, off the page."""
    rows = torch.rand(count, 13, generator=generator(seed))
    rows[:, :6] = rows[:, :6] * 1.4 - 0.2
    rows[:, 6:8] = 0.15 * rows[:, 6:8].square()
    rows[::4, 6] = 0
    rows[::5, 2:6] = rows[::5, :2].repeat(1, 2)  # a dot
    rows[:, 9] = rows[:, 8]
    return rows


def laid(strokes, height, width, *, seed=0, first=0, ground=(0.5, 0.4, 0.3), lay=bristles.lay):
    canvas = bristles.primed(torch.tensor(ground), height, width)
    lay(canvas, strokes, numbers=torch.arange(first, first + len(strokes)), seed=seed)
    return canvas


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 90), st.integers(1, 90), st.booleans())
def test_the_compiled_loop_is_the_definition(seed, height, width, clear):
    strokes, ground = drawn(5, seed), (0.5, 0.4, 0.3)
    if clear:
        strokes, ground = torch.cat([strokes, torch.ones(5, 1)], 1), (0.0, 0.0, 0.0, 0.0)
    one, other = (
        laid(strokes, height, width, seed=seed, first=3, ground=ground, lay=lay) for lay in (bristles.lay, bristles.lay_torch)
    )
    near = torch.isclose(one.colour, other.colour, atol=1e-4) & torch.isclose(one.relief, other.relief, atol=1e-4)
    assert near.double().mean() > 0.99  # a pixel as near to one piece as to another may go to either


@pytest.mark.parametrize("count", [1, 5])
def test_the_noise_is_the_same_in_both(count):
    x, y = 40 * torch.randn(2, 200, dtype=torch.float64, generator=generator(count))
    expected = bristles.noise(x, y, count)
    found = [bristles_cpu.noise(a, b, count) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), expected)
    assert expected.abs().max() <= 1
    assert expected.std() > 0.2
    assert expected.mean().abs() < 0.2


def test_a_larger_picture_is_the_same_painting():
    strokes = drawn(20, 1)
    small, large = (bristles.lit(laid(strokes, 90 * scale, 120 * scale)) for scale in (2, 8))
    reduced = torch.nn.functional.avg_pool2d(large, 4)
    assert (small - reduced).abs().mean() < 0.03


def test_the_seed_decides_the_bristles():
    strokes = drawn()
    one, again, other = (laid(strokes, 60, 80, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.colour, again.colour)
    assert torch.equal(one.relief, again.relief)
    assert not torch.equal(one.colour, other.colour)


def test_strokes_laid_in_parts_are_those_laid_at_once():
    strokes = drawn()
    canvas = laid(strokes[:5], 60, 80)
    bristles.lay(canvas, strokes[5:], numbers=torch.arange(5, len(strokes)), seed=0)
    whole = laid(strokes, 60, 80)
    torch.testing.assert_close(canvas.colour, whole.colour)
    torch.testing.assert_close(canvas.relief, whole.relief)


def test_invisible_strokes_leave_the_canvas_as_it_is():
    thin, clear, away = drawn(3, 2).unbind()
    thin[6:8], clear[8:10], away[:6] = 0, 0, 9
    before, after = laid(torch.zeros(0, 13), 40, 50), laid(torch.stack([thin, clear, away]), 40, 50)
    assert torch.equal(before.colour, after.colour)
    assert torch.equal(before.relief, after.relief)


def test_flat_paint_has_its_own_colour_and_ridges_are_lit_from_the_upper_left():
    colour = torch.tensor([0.2, 0.5, 0.7])[:, None, None].expand(3, 9, 9).clone()
    torch.testing.assert_close(bristles.lit(bristles.Ground(colour, torch.full((9, 9), 3.0))), colour)
    ramp = torch.arange(9.0).expand(9, 9)
    rising, falling = (bristles.lit(bristles.Ground(colour, way))[:, 4, 4] for way in (0.3 * ramp, -0.3 * ramp))
    assert (rising > colour[:, 4, 4]).all()
    assert (falling < colour[:, 4, 4]).all()


def test_paint_covers_the_middle_of_its_stroke_and_nothing_far_from_it():
    stroke = torch.tensor([[0.2, 0.5, 0.5, 0.5, 0.8, 0.5, 0.1, 0.1, 1.0, 1.0, 1.0, 0.0, 0.0]])
    canvas = laid(stroke, 200, 200, ground=(0.0, 0.0, 1.0))
    assert (canvas.colour[0, 90:110, 60:100] > 0.5).double().mean() > 0.9
    assert canvas.colour[0, :70].max() == 0
    assert canvas.colour[0, 130:].max() == 0
    assert canvas.relief[90:110, 60:100].mean() > 0.2
