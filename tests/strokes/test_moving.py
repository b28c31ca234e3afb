"""Films in strokes: what stands still stays exactly, what moves is carried along, and after a cut strokes are laid anew."""

import pytest
import torch

from drawgen.contract import generator
from drawgen.strokes import moving, placing
from drawgen.strokes.moving import MovingPainting
from drawgen.strokes.placing import Style, psnr

STYLE = Style(strokes=40, detail_px=48)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few steps where strokes are laid."""
    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=part.steps // 8) for part in placing.ROUNDS))


def scene(x=10, shift=0.0, noise=0.0):
    """A bright square at x on soft waves, 36x48."""
    rows, columns = torch.meshgrid(torch.arange(36), torch.arange(48), indexing="ij")
    found = torch.stack([0.5 + 0.3 * torch.sin((columns + shift) / 9 + k) * torch.cos(rows / 7 + k) for k in range(3)])
    found[:, 12:22, x : x + 10] = torch.tensor([0.95, 0.85, 0.2])[:, None, None]
    return (found + noise * (torch.rand(found.shape, generator=generator(1)) - 0.5)).clamp(0, 1)


def painter(**settings):
    return MovingPainting(STYLE, rng=generator(0), **settings)


def test_the_first_frame_is_a_photographs_painting():
    assert torch.equal(painter().next(scene()).strokes, placing.lay(scene(), STYLE, rng=generator(0)).strokes)


@pytest.mark.parametrize("noise", [0.0, 4 / 255])
def test_a_still_film_is_one_painting(noise, monkeypatch):
    """Bit for bit, and nothing is computed; an encoder's noise counts as still."""
    one = painter()
    first = one.next(scene())
    monkeypatch.setattr(placing.LooseStrokes, "gradient", None)
    assert one.next(scene(noise=noise)) is first
    assert one.next(scene()) is first
    assert one.before.tolist() == list(range(40))


def test_what_stands_still_does_not_flicker():
    """Beyond what a moved stroke may just touch, pixels stay the same, exactly nearly all; and the square is where it should be."""
    one = painter()
    before = one.next(scene(10))
    for x in (12, 14, 16):
        after = one.next(scene(x))
        changes = (255 * (after.draw(36, 48) - before.draw(36, 48))).abs().mean(0)
        changed = torch.zeros(36, 48, dtype=torch.bool)
        changed[6:28, x - 8 : x + 16] = True
        assert float(changes[~changed].mean()) < 0.3
        assert float((changes[~changed] == 0).float().mean()) > 0.9
        before = after
    assert one.laid == 1
    middle = after.draw(36, 48)[:, 14:20, 18:24].mean((1, 2))
    assert (middle - torch.tensor([0.95, 0.85, 0.2])).abs().max() < 0.12


def test_strokes_move_with_a_pan():
    """By as much as the film, and as well as when they were laid."""
    one = painter()
    first = one.next(scene(10))
    second = one.next(scene(8, shift=2.0))
    kept = one.before >= 0
    assert kept.float().mean() > 0.7
    way = (second.strokes[kept, 2] - first.strokes[one.before[kept], 2]) * 48
    assert float(way.median()) == pytest.approx(-2, abs=0.6)
    assert psnr(second.draw(36, 48), scene(8, shift=2.0)) > one.level - moving.CUT_DB


def test_after_a_cut_strokes_are_laid_anew():
    one = painter()
    one.next(scene())
    other = torch.rand(3, 5, 6, generator=generator(2))
    cut = torch.nn.functional.interpolate(other[None], (36, 48), mode="bicubic")[0].clamp(0, 1)
    one.level = 60.0  # which few steps on an arbitrary machine do not reach
    painted = one.next(cut)
    assert one.laid == 2
    assert one.before.tolist() == [-1] * 40
    assert one.level < 60
    assert psnr(painted.draw(36, 48), cut) == pytest.approx(one.level, abs=0.1)


def test_a_slow_change_is_followed():
    """Steps smaller than noise add up."""
    one = painter()
    first = one.next(scene())
    for k in range(1, 9):
        last = one.next((scene() - k * 2 / 255).clamp(0, 1))
    assert one.laid == 1
    fell = (first.draw(36, 48) - last.draw(36, 48)).mean() * 255
    assert 9 < float(fell) < 20


def test_frames_of_another_size_and_grey_ones():
    one = painter()
    one.next(scene())
    assert one.next(scene().transpose(1, 2)).size == (48, 36)
    assert one.laid == 2
    assert one.next(scene()[:1].transpose(1, 2)).size == (48, 36)


def test_stopped_keeps_what_there_is():
    stopped = []
    one = painter(stop=lambda: bool(stopped))
    one.next(scene(10))
    stopped.append(1)
    assert len(one.next(scene(20)).strokes) == 40
    assert one.laid == 1


def test_inside():
    """The fraction of a stroke on the pixels; 1 for one that is nowhere on the picture."""
    strokes = placing.LooseStrokes((40, 60), Style())
    free = torch.zeros(3, 12)
    free[0, :6] = torch.tensor([10.0, 20.0] * 3)
    free[1, :6] = torch.tensor([30.0, 20.0] * 3)
    free[2, :6] = torch.tensor([-14.0, -9.0] * 3)
    free[:, 6:8] = 1.0
    strokes.add(free)
    near = torch.zeros(40, 60, dtype=torch.bool)
    near[:, :30] = True
    assert moving.inside(strokes, near).tolist() == pytest.approx([1.0, 0.5, 1.0], abs=0.02)
