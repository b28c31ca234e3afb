"""The brushes of a painting: by name, on any background, and what they refuse."""

import pytest
import torch
from drawgen_envs import mypaint
from drawgen_envs.brush import paint

from drawgen import jobs
from drawgen.contract import generator
from drawgen.images import load_image
from drawgen.strokes.brushes import Brush
from drawgen.strokes.painting import Painting


def installed():
    try:
        return bool(mypaint.brushes())
    except ImportError:
        return False


needs_mypaint = pytest.mark.skipif(not installed(), reason="libmypaint and its brushes are not installed")


def painting(brush="plain", background=(0.9, 0.8, 0.7), seed=0):
    rows = torch.rand(12, 13, generator=generator(4))
    rows[:, 6:8] *= 0.2
    rows[:, 9] = rows[:, 8]
    return Painting(rows, None if background is None else torch.tensor(background), (60, 80), Brush(brush, seed)).rounded()


@pytest.fixture
def stored(tmp_path):
    file = tmp_path / "strokes.json"
    painting().save(file)
    return file


def test_the_plain_brush_is_the_environments_brush_bit_for_bit():
    done = painting()
    ground = done.background[:, None, None].expand(3, 60, 80)[None].contiguous()
    assert torch.equal(done.draw(60, 80), paint(ground, done.strokes[None])[0].clamp(0, 1))


@pytest.mark.parametrize("brush", ["plain", "bristles", pytest.param("mypaint:classic/dry_brush", marks=needs_mypaint)])
def test_every_brush_paints_stroke_by_stroke(brush):
    done = painting(brush, seed=3)
    stages = list(done.stages(5, 30, 40))
    assert len(stages) == 5
    assert all(stage.shape == (3, 30, 40) for stage in stages)
    torch.testing.assert_close(stages[-1], done.draw(30, 40))
    assert (stages[0] - stages[-1]).abs().mean() > 0.05
    assert torch.equal(done.draw(30, 40), painting(brush, seed=3).draw(30, 40))
    assert all(stage.min() >= 0 and stage.max() <= 1 for stage in stages)


def test_bristles_on_nothing_are_transparent_where_there_is_no_paint():
    stroke = torch.tensor([[0.2, 0.5, 0.5, 0.5, 0.8, 0.5, 0.1, 0.1, 1.0, 1.0, 1.0, 0.0, 0.0]])
    picture = Painting(stroke, None, (60, 60), Brush("bristles")).draw(60, 60)
    assert picture.shape == (4, 60, 60)
    assert picture[3, 0].max() == 0
    assert picture[3, 28:32, 25:30].mean() > 0.8
    assert picture[0, 28:32, 25:30].mean() > 0.5


def test_bristles_take_a_seed_of_any_size():
    assert not torch.equal(painting("bristles", seed=10**20).draw(30, 40), painting("bristles", seed=1).draw(30, 40))


def test_a_file_of_strokes_is_painted_again_with_a_brush(stored, tmp_path):
    jobs.paint(str(stored), tmp_path / "plain.png", size=(60, 80))
    jobs.paint(str(stored), tmp_path / "bristles.png", size=(60, 80), brush="bristles")
    jobs.paint(stored, tmp_path / "again.png", size=(60, 80), brush="bristles")  # a path is as good as its name
    jobs.paint(str(stored), tmp_path / "bristles.gif", size=(60, 80), brush="bristles")
    assert (tmp_path / "bristles.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert (load_image(tmp_path / "plain.png") - load_image(tmp_path / "bristles.png")).abs().mean() > 0.01


def test_a_photograph_is_painted_with_bristles(tmp_path):
    done = jobs.paint("photo:coffee", tmp_path / "new.png", strokes=3, detail_px=16, size=(20, 30), brush="bristles", seed=2)
    assert done.brush == Brush("bristles", 2)


@pytest.mark.parametrize(
    ("brush", "more", "said"),
    [
        ("crayon", {}, "brush is 'crayon'; plain, bristles, or mypaint:NAME as mypaint:classic/dry_brush"),
        ("", {"seed": -1}, "seed"),
        ("bristles", {"out": "new.svg"}, "brush is for pictures and animations"),
        ("bristles", {"out": "new.json"}, "brush is for pictures and animations"),
        ("plain", {"triangles": 9, "strokes": None}, "brush lays strokes, and `triangles` are none"),
        ("bristles", {"lines": True, "out": "new.svg"}, "brush is for pictures and animations"),
        pytest.param("mypaint:classic/dri_brush", {}, "did you mean classic/dry_brush", marks=needs_mypaint),
        pytest.param("mypaint:classic/dry_brush", {"background": "none"}, "background is none", marks=needs_mypaint),
    ],
)
def test_what_cannot_be_painted_is_refused(brush, more, said, tmp_path):
    out = tmp_path / more.pop("out", "new.png")
    with pytest.raises(ValueError, match=said):
        jobs.paint("photo:coffee", out, brush=brush or None, **{"strokes": 3, "detail_px": 16, **more})
    assert not out.exists()


def test_triangles_in_a_file_have_no_brush(tmp_path):
    file = tmp_path / "triangles.json"
    jobs.paint("photo:coffee", file, triangles=5, detail_px=16)
    with pytest.raises(ValueError, match=r"brush lays strokes, and .* holds triangles"):
        jobs.paint(str(file), tmp_path / "new.png", brush="bristles")


def test_a_machine_without_mypaint_says_what_to_install(monkeypatch, tmp_path):
    def missing(*_, **__):
        raise mypaint.NotInstalled(f"libmypaint is not installed: {mypaint.INSTALL}")

    monkeypatch.setattr(mypaint, "Surface", missing)
    with pytest.raises(ValueError, match="brush is mypaint:classic/dry_brush, and libmypaint is not installed: on Debian"):
        jobs.paint("photo:coffee", tmp_path / "new.png", brush="mypaint:classic/dry_brush")
