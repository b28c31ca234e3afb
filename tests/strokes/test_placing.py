"""A photograph as strokes: what is minimised, which strokes go, how many there are, and that the same seed paints the same."""

import math
import time

import pytest
import torch
from drawgen_envs.brush import paint
from torch.nn import functional as F

from drawgen.contract import generator
from drawgen.images import ImageError
from drawgen.strokes import colours, placing
from drawgen.strokes.placing import Round, Style

QUICK = tuple(Round(this.share, this.cover, 6, this.until) for this in placing.ROUNDS)


@pytest.fixture
def quick(monkeypatch):
    """Few steps."""
    monkeypatch.setattr(placing, "ROUNDS", QUICK)


def scene(height=40, width=60):
    """A bright disc on a slope of two colours."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    photo = torch.stack([x / width, 0.3 + 0 * x, y / height])
    photo[:, (x - 35) ** 2 + (y - 18) ** 2 < 120] = torch.tensor([1.0, 0.9, 0.2])[:, None]
    return photo


def some_strokes(count, seed=0):
    """Strokes in the making, on 40x60 pixels, and the painting's numbers."""
    rng = torch.Generator().manual_seed(seed)
    free = torch.rand(count, 12, generator=rng)
    free[:, :6] *= torch.tensor([60.0, 40.0] * 3)
    free[:, 6:8] = free[:, 6:8] * 1.5 + 0.5
    made = placing.LooseStrokes((40, 60), Style())
    made.add(free)
    return made


# ---------------------------------------------------------------- what is minimised


def test_loss_is_that_of_the_drawn_strokes():
    """Written out, pixel by pixel, for the picture that the finished painting draws."""
    photo, made = scene(), some_strokes(7)
    canvas = paint(torch.full((1, 3, 40, 60), 0.5), made.numbers(made.free)[None])[0]
    error = (canvas - photo).double()
    expected = error.square().mean()
    for factor in (2, 4, 8):
        rows, columns = 40 // factor, 60 // factor
        pooled = error[:, : rows * factor, : columns * factor].unflatten(2, (columns, factor)).unflatten(1, (rows, factor))
        expected = expected + pooled.mean((2, 4)).square().mean()
    for dim in (1, 2):
        steps = photo.diff(dim=dim).square().sum(0, keepdim=True)
        weight = placing.STEP**2 / (placing.STEP**2 + placing.blur(steps, 1.5))
        expected = expected + placing.FLAT * (weight * error.diff(dim=dim).square()).mean()
    torch.testing.assert_close(placing.Objective(photo)(canvas).double(), expected, rtol=1e-4, atol=0)


def test_outlines_cost_more_where_the_photograph_is_flat():
    """The same stroke, as far from its ground's colour, on a flat photograph and on one of noise."""
    flat = torch.full((3, 48, 48), 0.5)
    noise = flat + 0.4 * (torch.rand(3, 48, 48, generator=generator(0)) - 0.5)
    stroke = torch.tensor([[[0.2, 0.5, 0.5, 0.4, 0.8, 0.5, 0.04, 0.04, 1.0, 1.0, 0.6, 0.6, 0.6]]])
    rise = []
    for photo in (flat, noise):
        objective, plain = placing.Objective(photo), lambda canvas, photo=photo: (canvas - photo).square().mean()
        before, after = photo, paint(flat[None], stroke)[0] - flat + photo
        rise.append(float(objective(after) - objective(before)) / float(plain(after) - plain(before)))
    assert rise[0] > 2 * rise[1]


def test_gradient_agrees_with_finite_differences():
    made, objective = some_strokes(4), placing.Objective(scene())
    made.free, objective.photo = made.free.double(), objective.photo.double()
    objective.flat = [weight.double() for weight in objective.flat]
    blank = torch.full((1, 3, 40, 60), 0.5, dtype=torch.float64)

    def loss(free):
        return objective(paint(blank, made.numbers(free)[None])[0])

    free = made.free.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(free), free)
    way = torch.randn(free.shape, generator=generator(1), dtype=torch.float64)
    slope = (loss(made.free + 1e-5 * way) - loss(made.free - 1e-5 * way)) / 2e-5
    torch.testing.assert_close((gradient * way).sum(), slope, rtol=1e-3, atol=1e-9)


def test_adam_is_torch_s():
    """With one rate for all and from the same start."""
    made = some_strokes(3)
    made.free[:, 9:] = 0.5
    theirs = made.free.clone().requires_grad_()
    groups = torch.tensor(placing.RATES)
    optimiser = torch.optim.Adam([theirs], lr=1.0, betas=(0.9, 0.99), eps=1e-10)
    start = made.free.clone()
    for seed in range(4):
        theirs.grad = torch.randn(3, 12, generator=generator(seed))
        optimiser.step()
        made.step(theirs.grad, 0.5)
    torch.testing.assert_close(made.free - start, 0.5 * groups * (theirs.detach() - start), rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------- which strokes go


@pytest.mark.parametrize("part", [2**22, 2 * 40 * 60])
def test_worth_is_what_leaving_a_stroke_out_costs(monkeypatch, part):
    photo, made, ground = scene(), some_strokes(9, seed=3), torch.tensor([0.2, 0.5, 0.4])
    strokes = made.numbers(made.free)
    blank = ground[:, None, None].expand(1, 3, 40, 60).contiguous()

    def error(which):
        return (paint(blank, strokes[None, which])[0] - photo).square().sum()

    every = torch.ones(9, dtype=torch.bool)
    left_out = torch.stack([error(every & (torch.arange(9) != s)) for s in range(9)]) - error(every)
    monkeypatch.setattr(placing, "MASKS", part)
    torch.testing.assert_close(placing.worth(strokes, photo, ground), left_out, rtol=1e-3, atol=2e-2)


def test_new_strokes_go_where_the_error_is_and_along_the_edge():
    """The canvas lacks a bright bar that rises to the right."""
    y, x = torch.meshgrid(torch.arange(60), torch.arange(60), indexing="ij")
    photo = ((x + y - 60).abs() < 6).float().expand(3, -1, -1).contiguous()
    new = placing.place(photo, torch.zeros(3, 60, 60), 12, 4.0, rng=generator(0))
    middle, way = new[:, 2:4], new[:, 4:6] - new[:, :2]
    assert ((middle.sum(1) - 60).abs() < 14).all()
    slope = (way[:, 0] * way[:, 1]).sign()
    assert (slope == -1).float().mean() > 0.7
    apart = (middle[:, None] - middle).norm(dim=2)[~torch.eye(12, dtype=torch.bool)]
    assert apart.min() > 1


# ---------------------------------------------------------------- painting


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_every_stroke_is_laid(quick, count):
    done = placing.lay(scene(), Style(strokes=count, detail_px=48), rng=generator(0))
    assert done.strokes.shape == (count, 13)
    assert done.size == (40, 60)  # the photograph's, whatever the painter looks at
    assert torch.equal(done.strokes[:, 8], done.strokes[:, 9])
    assert torch.isfinite(done.strokes).all()


def test_same_seed_same_strokes(quick):
    one, two, other = (placing.lay(scene(), Style(strokes=12, detail_px=48), rng=generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.strokes, two.strokes)
    assert not torch.equal(one.strokes, other.strokes)


def test_more_strokes_paint_nearer_and_the_told_psnr_is_that_of_the_painting(quick):
    found, photo = [], F.interpolate(scene()[None], scale_factor=1.0)[0]
    for count in (3, 40):
        said = []
        done = placing.lay(photo, Style(strokes=count, detail_px=60), on_progress=said.append, rng=generator(0))
        found.append(placing.psnr(done.draw(40, 60), photo))
        assert said[-1].psnr == pytest.approx(found[-1], abs=0.01)
        assert (said[-1].share, said[-1].strokes) == (1.0, count)
        assert [one.share for one in said] == sorted(one.share for one in said)
    blank = placing.psnr(photo.mean((1, 2))[:, None, None].expand_as(photo), photo)
    assert blank + 3 < found[0] + 1 < found[1]


def test_a_grey_photograph_is_painted_in_grey(quick):
    done = placing.lay(scene()[:1], Style(strokes=9, detail_px=48), rng=generator(0))
    torch.testing.assert_close(done.strokes[:, 10], done.strokes[:, 11])
    torch.testing.assert_close(done.strokes[:, 10], done.strokes[:, 12])


def test_style_is_kept(quick):
    palette = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.5], [1.0, 1.0, 1.0]])
    style = Style(strokes=20, detail_px=60, opacity=0.75, palette=palette, least_radius=5, background=torch.tensor([0.0, 1.0, 0.0]))
    done = placing.lay(scene(), style, rng=generator(0))
    assert (done.strokes[:, 8:10] == 0.75).all()
    assert done.strokes[:, 6:8].min() >= 0.05 - 1e-6
    assert torch.cdist(done.strokes[:, 10:], palette).min(1).values.max() == 0
    assert done.background.tolist() == [0, 1, 0]
    plain = placing.lay(scene(), Style(strokes=3, detail_px=60, palette=palette), rng=generator(0))
    assert plain.background.tolist() in palette.tolist()


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_a_budget_in_seconds_is_kept(monkeypatch, seconds):
    """By a clock that each look at it moves on: every stroke is laid, and steps go on until the next would not end in time."""
    now, steps = [0.0], []

    def look():
        now[0] += 0.01
        return now[0]

    monkeypatch.setattr(time, "monotonic", look)
    plain = placing.LooseStrokes.step
    monkeypatch.setattr(placing.LooseStrokes, "step", lambda self, *args: (steps.append(now[0]), plain(self, *args)))
    done = placing.lay(scene(), Style(strokes=30, detail_px=32), seconds=seconds, rng=generator(0))
    assert len(done.strokes) == 30
    assert seconds - 0.1 < steps[-1] < seconds
    assert len(steps) > 20 * seconds


def test_stopped_it_gives_what_there_is(quick):
    said = []
    done = placing.lay(
        scene(), Style(strokes=50, detail_px=48), on_progress=said.append, stop=lambda: len(said) >= 2, rng=generator(0)
    )
    assert 0 < len(done.strokes) < 50
    assert [progress.share for progress in said] == sorted(progress.share for progress in said)
    assert said[-1].share < 0.5
    nothing = placing.lay(scene(), Style(strokes=50, detail_px=48), stop=lambda: True, rng=generator(0))
    assert len(nothing.strokes) == 0
    assert nothing.draw(20, 30).std(dim=(1, 2)).max() == 0


@pytest.mark.parametrize("photo", [torch.zeros(1, 1, 1), torch.ones(3, 3, 20), torch.rand(3, 9, 9, generator=generator(0))])
def test_any_photograph(quick, photo):
    """One pixel, one colour, tiny, eight times as wide as high."""
    done = placing.lay(photo, Style(strokes=5, detail_px=64), rng=generator(0))
    assert torch.isfinite(done.strokes).all()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"strokes": 0}, "^strokes is 0"),
        ({"strokes": 100_000}, "^strokes is 100000"),
        ({"detail_px": 2}, "^detail_px is 2"),
        ({"least_radius": 0}, "^least_radius is 0"),
        ({"least_radius": math.nan}, "^least_radius is nan"),
        ({"opacity": 0.0}, "^opacity is 0.0"),
        ({"opacity": 1.5}, "^opacity is 1.5"),
    ],
)
def test_refused_styles(setting, words):
    with pytest.raises(ValueError, match=words):
        Style(**setting)


def test_refused_photographs_and_budgets():
    with pytest.raises(ImageError, match="300x10 pixels"):
        placing.lay(torch.rand(3, 10, 300), Style(), rng=generator(0))
    for seconds in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^seconds is"):
            placing.lay(scene(), Style(), seconds=seconds, rng=generator(0))


def test_palettes():
    assert colours.parse_palette("#ff0000, 00ff00", scene()).tolist() == [[1, 0, 0], [0, 1, 0]]
    found = colours.parse_palette("auto:4", scene())
    assert found.shape == (4, 3)
    assert (found - torch.tensor([1.0, 0.9, 0.2])).abs().sum(1).min() < 0.1
    one = colours.parse_palette("auto:5", torch.full((1, 8, 8), 0.5))
    assert (one - 0.5).abs().max() < 0.01
    for text in ("", "reddish", "#12345", "#ff0000,", "auto:", "auto:0", "auto:1000", "auto:x", ",".join(["#000000"] * 300)):
        with pytest.raises(ValueError, match=r"^palette (has|is) "):
            colours.parse_palette(text, scene())


@pytest.mark.slow
@pytest.mark.parametrize(("count", "decibels"), [(250, 26), (500, 30)])
def test_astronaut(count, decibels):
    """The targets of the project, in steps rather than seconds: scripts/results/paint.md has those."""
    from drawgen import images

    said = []
    placing.lay(images.load_image("photo:astronaut"), Style(strokes=count), on_progress=said.append, rng=generator(0))
    assert said[-1].psnr >= decibels
