"""The texture job: interrupted, resumed, choosing by trials."""

import os
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import DATA
from PIL import Image

import drawgen
from drawgen import checkpoint, cli, images, jobs
from drawgen.jobs import memory, texture_trials
from drawgen.models.ride import Ride
from drawgen.textures.colours import colour_sample, match_colours, speck_limit, without_specks
from drawgen.textures.copying import Copied
from drawgen.textures.yardstick import Yardstick, from_median
from drawgen.training.run import Run

CASE = DATA.parent / "cases" / "pictures" / "lichen_300x450.jpg"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a photograph of 64 pixels, and a folder for temporary files of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save("photo.png")
    return tmp_path


def left(folder):
    return sorted(path.name for path in (folder / "temporary").glob("drawgen-*"))


def stopping(monkeypatch, number, *, step=None, training=None):
    """The signal after a step of training number `training`, or while a sample is drawn."""
    plain, started = Run.advance, []

    def advance(self, batch):
        if self.step == 0:
            started.append(self)
        plain(self, batch)
        if (len(started), self.step) == (training, step):
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Run, "advance", advance)


WORDS = ["texture", "photo.png", "-o", "new.png", "--steps", "10", "--size", "24x20", "--save", "model"]


# ---------------------------------------------------------------- interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("training", [1, 2])
def test_interrupted_in_the_trials(here, monkeypatch, capsys, number, training):
    """Nothing is left but the first preview, and the same command starts again."""
    stopping(monkeypatch, number, step=1, training=training)
    assert cli.main(WORDS) == 128 + number
    assert capsys.readouterr().err.endswith("drawgen: interrupted in the trials, of which nothing is kept; start again\n")
    assert not (here / "new.png").exists()
    assert left(here) == []
    assert [path.name for path in (here / "model").iterdir()] == ["preview.png"]
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert cli.main([*WORDS[:3], "again.png", "--invent", "all", *WORDS[4:]]) == 0


def test_interrupted_while_a_trial_is_judged(here, monkeypatch, capsys):
    plain = Ride.sample

    def sample(self, request):
        os.kill(os.getpid(), signal.SIGTERM)
        return plain(self, request)

    monkeypatch.setattr(Ride, "sample", sample)
    assert cli.main(WORDS) == 128 + signal.SIGTERM
    assert "interrupted in the trials" in capsys.readouterr().err
    assert left(here) == []


def test_interrupted_in_the_trials_from_python(here, monkeypatch):
    stopping(monkeypatch, signal.SIGINT, step=1, training=1)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(drawgen.Interrupted, match="interrupted in the trials") as caught:
        drawgen.texture("photo.png", size=(20, 24), steps=10)
    assert caught.value.so_far is None
    assert left(here) == []
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("invent", ["all", "auto"])
def test_resumed_as_if_uninterrupted(here, monkeypatch, invent):
    """The same picture, and the card has what the trials measured."""
    options = {"size": (20, 24), "steps": 5, "seed": 3, "invent": invent}
    stopping(monkeypatch, signal.SIGTERM, step=3, training=2 if invent == "all" else 3)
    with pytest.raises(drawgen.Interrupted) as caught:
        drawgen.texture("photo.png", save="model", **options)
    assert caught.value.number == signal.SIGTERM
    notes = [line for line in (here / "model" / checkpoint.CARD).read_text().splitlines() if "trial of `" in line]
    assert len(notes) == (1 if invent == "all" else 2)
    assert all("1 steps, " in note and "bits/dim on held-out rows" in note and "structure " in note for note in notes)
    resumed = drawgen.texture("photo.png", save="model", resume=True, **options)
    assert [line for line in resumed.trained.card.splitlines() if "trial of `" in line] == notes
    monkeypatch.undo()
    monkeypatch.chdir(here)
    whole = drawgen.texture("photo.png", save="whole", **options)
    assert torch.equal(resumed.images, whole.images)
    assert resumed.invented == whole.invented
    other = "detail" if whole.invented == "all" else "all"
    with pytest.raises(ValueError, match=f"invent is {other}, and model was started with {whole.invented}; leave it out"):
        drawgen.texture("photo.png", save="model", resume=True, **options | {"invent": other})


def test_an_odd_tile_of_a_run_without_layout_resumes(here):
    """`auto` is what the run is, and that has no multiples."""
    options = {"size": (21, 25), "steps": 2, "tile": True, "save": "model"}
    whole = drawgen.texture("photo.png", invent="all", **options)
    assert torch.equal(drawgen.texture("photo.png", resume=True, **options).images, whole.images)


# ---------------------------------------------------------------- the choice


@pytest.mark.parametrize(("values", "chosen"), [((0.9, 0.9, 0.8, 0.8), "all"), ((0.7, 0.7, 0.8, 0.8), "detail")])
def test_the_better_structure_wins(here, monkeypatch, values, chosen):
    """Two samples of each trial, `detail` first."""
    found = iter([*values, 0.5])
    monkeypatch.setattr(Yardstick, "structure", lambda self, sample: next(found))
    said = []
    reports = jobs.Reports(message=said.append)
    texture = drawgen.texture("photo.png", size=(20, 24), steps=5, progress=reports)
    assert texture.invented == chosen
    assert any(f"detail {values[0]:.2f}, all {values[2]:.2f}; `{chosen}` it is" in line for line in said)
    assert f"structure {values[0]:.2f}" in texture.trained.card
    assert f"structure {values[2]:.2f}" in texture.trained.card
    assert (texture.trained.model.guide is None) == (chosen == "all")


def test_the_first_preview_is_of_the_photograph(here, monkeypatch):
    seen = []
    plain = Run.advance

    def advance(self, batch):
        plain(self, batch)
        if Path("model/preview.png").exists():
            seen.append(images.load_image("model/preview.png"))

    monkeypatch.setattr(Run, "advance", advance)
    drawgen.texture("photo.png", size=(20, 24), steps=4, invent="all", save="model")
    assert seen
    levels = images.load_image("photo.png").unique()
    for preview in seen:
        assert preview.shape == (1, 20, 24)
        assert torch.isin(preview, levels).all()


# ---------------------------------------------------------------- from Python


def test_without_a_model(here):
    texture = drawgen.texture("photo.png", size=(20, 24), n=3, invent="nothing", seed=2)
    assert texture.trained is None
    assert texture.invented == "nothing"
    assert repr(texture) == "3 pictures of 24x20 pixels"
    assert texture._repr_png_().startswith(b"\x89PNG")
    texture.save("x-{i}.png")
    assert [torch.equal(images.load_image(f"x-{i}.png"), texture.images[i - 1]) for i in (1, 2, 3)] == [True] * 3
    with pytest.raises(ValueError, match="exists already"):
        texture.save("x-{i}.png")
    texture.save("x-{i}.png", force=True)
    with pytest.raises(ValueError, match="there is no animation"):
        texture.save("x.gif")
    one = texture.one(1)
    assert torch.equal(one.images, texture.images[1:2])
    assert repr(one) == "1 picture of 24x20 pixels"
    assert left(here) == []


def test_with_a_model(here):
    texture = drawgen.texture("photo.png", size=(20, 24), n=2, invent="all", steps=2)
    assert repr(texture) == "2 pictures of 24x20 pixels, drawn in steps"
    last = list(texture.one(1).frames(4))[-1]
    assert torch.equal(last, texture.images[1:])
    assert len(left(here)) == 1  # the model's folder, which goes with it
    del texture
    assert left(here) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"invent": "some"}, "invent is 'some'; it is one of auto, all, detail, nothing"),
        ({"tile": "z"}, "tile is 'z'; it is one of x, y"),
        ({"even_out": -0.1}, "even_out is -0.1; it has to be at least 0"),
        ({"invent": "nothing", "minutes": 1.0}, "invent is nothing, which trains no model; leave `minutes` out"),
        ({"invent": "nothing", "size": (10**5, 10**5)}, "1 of 100000x100000 pixels take about .* GiB of memory"),
        ({"size": (21, 24), "tile": "y"}, "size is 24x21; where a tile with new detail repeats"),
    ],
)
def test_refused(here, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        drawgen.texture("photo.png", **{"size": (20, 24), **options})
    assert left(here) == []


# ---------------------------------------------------------------- memory


def test_memory_of_a_layout_is_counted():
    """164 numbers per pixel for colour, three times."""
    layout, plain = (drawgen.models.recipe("ride", preset).model for preset in ("layout", "texture"))
    assert memory.bytes_at_work(3, layout) == 3 * 4 * (64 + 100)
    assert memory.bytes_at_work(1, layout) == 3 * 4 * (64 + 30)
    assert memory.bytes_at_work(3, plain) == 300
    assert memory.bytes_at_work(3) == 0
    assert memory.bytes_at_work(3, even_out=0.5) == 660


def test_what_only_a_layout_is_too_large_for(here, monkeypatch):
    """2000 x 2000 pixels: 0.5 GiB without, 4 GiB with."""
    monkeypatch.setattr(memory, "available_memory", lambda: 2**31)
    for invent in ("auto", "detail"):
        with pytest.raises(ValueError, match=r"take about 4\.\d GiB of memory, and 2.0 are free"):
            drawgen.texture("photo.png", size=(2000, 2000), invent=invent)
    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
    with pytest.raises(ValueError, match=r"take about 0\.\d GiB of memory"):
        drawgen.texture("photo.png", size=(2000, 2000), invent="nothing")


# ---------------------------------------------------------------- colours (a lichen that lost its rust-brown)


@pytest.mark.skipif(not CASE.is_file(), reason="the photograph of the case is not part of the package")
def test_rare_colours_of_a_lichen_are_kept():
    """Of a sample that is paler: red minus blue spreads as in the photograph, and no pixel is a speck."""
    lichen = images.load_image(str(CASE))
    turned = lichen.flip(2)
    light = turned.mean(0, keepdim=True)
    pale = (0.1 + 0.8 * light + 0.5 * (turned - light)).clamp(0, 1)
    limit = speck_limit(lichen)
    matched = without_specks(match_colours(pale[None], colour_sample(lichen)), limit)[0]
    known, before, after = (float((picture[0] - picture[2]).std()) for picture in (lichen, pale, matched))
    assert before < 0.9 * known
    assert after == pytest.approx(known, rel=0.1)
    assert float(from_median(matched).max()) <= limit * 1.01


# ---------------------------------------------------------------- displacements


@pytest.mark.parametrize(
    ("shares", "patch_px", "chosen"),
    [
        ([(0.0, 0.0)], 40, 0.0),
        ([(0.2, 0.2), (0.0, 0.0)], 40, 0.3),
        ([(0.2, 0.2), (0.2, 0.2), (0.0, 0.0)], 40, 0.6),
        ([(0.9, 0.2), (0.9, 0.0), (0.9, 0.0)], 40, 0.3),  # nearly flat: near to something everywhere
        ([(0.9, 0.9), (0.9, 0.9), (0.9, 0.9)], 40, 0.6),
        ([(0.9, 0.9), (0.9, 0.9)], 100, 0.3),  # straight lines
    ],
)
def test_layouts_are_displaced_as_little_as_the_photograph_allows(here, monkeypatch, shares, patch_px, chosen):
    found = iter(shares)
    monkeypatch.setattr(texture_trials.Copying, "of", lambda self, sample: Copied(*next(found), 0))
    monkeypatch.setattr(texture_trials, "of_itself", lambda exemplar: Copied(0.01, 0.01, 0))
    monkeypatch.setattr(texture_trials, "fitting_patch_px", lambda exemplar: patch_px)
    texture = drawgen.texture("photo.png", size=(20, 24), steps=2, invent="detail", save="model")
    assert texture.trained.model.config.warp == chosen
    assert drawgen.load("model").model.config.warp == chosen
    assert next(found, None) is None
