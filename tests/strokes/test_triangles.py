"""A photograph in triangles: how many there are, that they are a triangulation, how near they come, and odd photographs."""

import time

import numpy as np
import pytest
import torch

from drawgen.contract import generator
from drawgen.geometry.triangles import delaunay
from drawgen.images import ImageError
from drawgen.strokes import mesh, triangles
from drawgen.strokes.placing import psnr
from drawgen.strokes.triangles import TriangleStyle, triangulated


@pytest.fixture
def quick(monkeypatch):
    """Few steps."""
    monkeypatch.setattr(triangles, "STEPS", 60)
    monkeypatch.setattr(triangles, "REPLACEMENTS", 4)
    monkeypatch.setattr(triangles, "EVERY", 6)


def scene(height=40, width=60):
    """A bright disc on a slope of two colours."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    photo = torch.stack([x / width, 0.3 + 0 * x, y / height])
    photo[:, (x - 35) ** 2 + (y - 18) ** 2 < 120] = torch.tensor([1.0, 0.9, 0.2])[:, None]
    return photo


def drawn(photo=None, count=30, detail_px=48, seed=0, **options):
    style = {name: options.pop(name) for name in ("palette", "background") if name in options}
    photo = scene() if photo is None else photo
    return triangulated(photo, TriangleStyle(triangles=count, detail_px=detail_px, **style), **options, rng=generator(seed))


def is_whole(done):
    """It covers the picture once, all triangles are clockwise, and the corners are there."""
    points, corners = done.points.numpy(), done.triangles.numpy()
    assert mesh.altitudes(points, corners).min() > 0
    assert mesh.areas(points, corners).sum() == pytest.approx(1)
    assert {(0, 0), (1, 0), (1, 1), (0, 1)} <= {tuple(point) for point in points.tolist()}
    assert ((points >= 0) & (points <= 1)).all()
    assert ((done.colours >= 0) & (done.colours <= 1)).all()


@pytest.mark.parametrize("count", [2, 3, 4, 5, 30, 31, 150])
def test_there_are_as_many_as_wanted(quick, count):
    done = drawn(count=count)
    assert count - 1 <= len(done.triangles) <= count
    assert done.size == (40, 60)
    is_whole(done)


def test_ten_thousand(monkeypatch):
    """On fewer pixels than there are triangles."""
    monkeypatch.setattr(triangles, "STEPS", 2)
    done = drawn(torch.rand(3, 48, 64, generator=generator(0)), count=10_000, detail_px=64)
    assert len(done.triangles) <= 10_000
    is_whole(done)


def test_same_seed_same_triangles(quick):
    one, two, other = (drawn(seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.points, two.points)
    assert torch.equal(one.triangles, two.triangles)
    assert torch.equal(one.colours, two.colours)
    assert not torch.equal(one.points, other.points)


def test_moved_they_come_nearer_and_the_told_psnr_is_that_of_the_picture(monkeypatch):
    found = []
    for steps in (0, 200):
        monkeypatch.setattr(triangles, "STEPS", steps)
        said = []
        done = drawn(detail_px=60, on_progress=said.append)
        found.append(psnr(done.draw(40, 60), scene()))
        assert said[-1].psnr == pytest.approx(found[-1], abs=0.01)
        assert (said[-1].share, said[-1].strokes, said[-1].of) == (1.0, 30, "triangles")
        assert [one.share for one in said] == sorted(one.share for one in said)
    assert found[1] > found[0] + 1


def test_edges_are_turned_for_the_error(monkeypatch):
    monkeypatch.setattr(triangles, "STEPS", 200)
    turned = drawn(detail_px=60)
    monkeypatch.setattr(triangles, "FLIPS", 1.0)
    plain = drawn(detail_px=60)
    assert psnr(turned.draw(40, 60), scene()) > psnr(plain.draw(40, 60), scene())


@pytest.mark.parametrize(
    "photo", [torch.zeros(1, 1, 1), torch.full((3, 30, 40), 0.4), torch.ones(3, 3, 20), torch.rand(3, 9, 9, generator=generator(0))]
)
@pytest.mark.parametrize("count", [2, 3, 25])
def test_any_photograph(quick, photo, count):
    """One pixel, one colour, tiny."""
    done = drawn(photo, count, 64)
    is_whole(done)
    if photo.max() == photo.min():
        assert len(done.triangles) == 2  # more would change nothing
        assert (done.draw(20, 30) - photo.mean()).abs().max() < 1e-5


def test_a_grey_photograph_is_drawn_in_grey(quick):
    colours = drawn(scene()[:1]).colours
    torch.testing.assert_close(colours[:, 0], colours[:, 1])
    torch.testing.assert_close(colours[:, 0], colours[:, 2])


def test_a_palette_is_kept(quick):
    palette = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.5], [1.0, 1.0, 0.25]])
    done = drawn(palette=palette)
    assert len(done.triangles) == 30
    assert torch.cdist(done.colours, palette.double()).min(1).values.max() < 1e-6


def test_what_is_behind_a_transparent_photograph(quick):
    """White, on which it is expected, or the background."""
    alpha = torch.ones(1, 40, 60)
    alpha[:, :, :30] = 0
    photo = torch.where(alpha > 0, scene(), 1.0)
    left = [
        drawn(photo, alpha=alpha, background=ground).draw(40, 60)[:, :, :20] for ground in (None, torch.tensor([0.0, 1.0, 0.0]))
    ]
    assert left[0].mean() > 0.95
    assert (left[1].mean((1, 2)) - torch.tensor([0.0, 1.0, 0.0])).abs().max() < 0.05


def test_triangulate_is_asked(quick):
    asked = []

    def triangulate(points):
        asked.append(len(points))
        return delaunay(points)[::-1, ::-1]

    done = drawn(triangulate=triangulate)
    assert len(done.triangles) == 30
    assert asked[-1] == len(done.points)
    is_whole(done)


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_a_budget_in_seconds_is_kept(monkeypatch, seconds):
    """By a clock that each look at it moves on."""
    now, steps = [0.0], []

    def look():
        now[0] += 0.01
        return now[0]

    monkeypatch.setattr(time, "monotonic", look)
    plain = mesh.Mesh.step
    monkeypatch.setattr(mesh.Mesh, "step", lambda self, rate: (steps.append(now[0]), plain(self, rate))[1])
    done = drawn(detail_px=32, seconds=seconds)
    assert len(done.triangles) == 30
    assert seconds - 0.1 < steps[-1] < seconds
    assert len(steps) > 20 * seconds


def test_stopped_it_gives_what_there_is(quick):
    said = []
    done = drawn(on_progress=said.append, stop=lambda: len(said) >= 2)
    assert len(done.triangles) == 30
    assert said[-1].share < 0.9
    is_whole(done)
    nothing = drawn(stop=lambda: True)
    assert len(nothing.triangles) == 2
    is_whole(nothing)


@pytest.mark.parametrize(
    ("setting", "words"),
    [({"triangles": 1}, "^triangles is 1; it has to be at least 2"), ({"triangles": 10_001}, "^triangles is 10001"),
     ({"detail_px": 2}, "^detail_px is 2")],
)  # fmt: skip
def test_refused_styles(setting, words):
    with pytest.raises(ValueError, match=words):
        TriangleStyle(**setting)


def test_refused_photographs_and_budgets():
    with pytest.raises(ImageError, match="3000x2 pixels"):
        drawn(torch.rand(3, 2, 3000))
    for seconds in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match=r"^seconds is"):
            drawn(seconds=seconds)


@pytest.mark.slow
def test_astronaut():
    """scripts/results/triangles.md has more."""
    from drawgen import images

    said = []
    triangulated(images.load_image("photo:astronaut"), TriangleStyle(), on_progress=said.append, rng=generator(0))
    assert said[-1].psnr >= 22.3
