"""drawgen reconstruct and interpolate: drawings after a person's pictures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen import images
from drawgen.cli import main
from drawgen.strokes.painting import Painting


@pytest.fixture(scope="module")
def drawer(tmp_path_factory):
    """A model folder of `draw`, trained by its preset "tiny", and two pictures of rectangles."""
    folder = tmp_path_factory.mktemp("draw")
    assert main(["train", "draw", "tiny", "--out", str(folder / "run")]) == 0
    for name, dark in (("a", True), ("b", False)):
        page = torch.full((1, 40, 50), 0.9 if dark else 0.1)
        page[:, 10:25, 12:30] = 1 - page[0, 0, 0]
        images.save_image(folder / f"{name}.png", page)
    return folder


@pytest.mark.parametrize("ending", ["png", "gif", "webp --animate"])
@pytest.mark.parametrize("boxes", [[], ["--boxes"]])
def test_reconstruct(drawer, tmp_path, ending, boxes):
    """Two pictures and their drawings, twice alike; with the windows it is larger."""
    ending, *animate = ending.split()
    outs = [tmp_path / f"{n}.{ending}" for n in "xy"]
    for out in outs:
        words = [str(drawer / "run"), str(drawer / "a.png"), str(drawer / "b.png"), "-o", str(out), *boxes, *animate]
        assert main(["reconstruct", *words]) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    with Image.open(outs[0]) as picture:
        assert picture.width > (100 if boxes else 20)
        assert getattr(picture, "n_frames", 1) == (1 if ending == "png" else 3)


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    """A model folder of `painter`, trained by its preset "tiny", and a picture of a bar."""
    folder = tmp_path_factory.mktemp("painter")
    assert main(["train", "painter", "tiny", "--out", str(folder / "run")]) == 0
    picture = torch.zeros(1, 16, 16)
    picture[:, 4:12, 6:9] = 1
    images.save_image(folder / "bar.png", picture)
    return folder


def test_reconstruct_polished(painter, tmp_path):
    """Nearer to the picture than the painter's strokes, and the same strokes in every format."""
    target, outs = images.load_image(painter / "bar.png"), {}
    for name in ("0.png", "40.png", "40.svg", "40.json", "40.gif"):
        outs[name] = tmp_path / name
        words = [str(painter / "run"), str(painter / "bar.png"), "-o", str(outs[name]), "--polish", name.split(".")[0]]
        assert main(["reconstruct", *words]) == 0

    def last(path):
        with Image.open(path) as picture:
            picture.seek(getattr(picture, "n_frames", 1) - 1)
            return torch.from_numpy(np.asarray(picture.convert("L")).copy())[None, -16:] / 255

    plain, polished = (last(outs[name]) for name in ("0.png", "40.png"))
    assert float((polished - target).square().mean()) < 0.5 * float((plain - target).square().mean())
    assert torch.allclose(last(outs["40.gif"]), polished, atol=0.05)
    usual = tmp_path / "usual.png"
    assert main(["reconstruct", str(painter / "run"), str(painter / "bar.png"), "-o", str(usual)]) == 0
    assert float((last(usual) - target).square().mean()) < 0.5 * float((plain - target).square().mean())  # polished unasked
    strokes = Painting.read(outs["40.json"])
    assert torch.allclose(strokes.draw(16, 16)[:1], polished, atol=0.15)  # a painting's strokes have one opacity from end to end
    assert outs["40.svg"].read_text() == strokes.svg(1024, 1024)


def test_a_painter_in_ink_sees_the_ink_of_a_photograph(painter, tmp_path):
    """A dark bar on bright paper, off the middle, is shown to it as a light one on black, as it learned them."""
    page = torch.full((3, 60, 80), 0.8)
    page[:, 20:50, 50:58] = 0.2
    images.save_image(tmp_path / "page.png", page)
    assert main(["reconstruct", str(painter / "run"), str(tmp_path / "page.png"), "-o", str(tmp_path / "out.png")]) == 0
    seen = images.load_image(tmp_path / "out.png")[0, :16]
    assert float(seen[:, :4].max()) == float(seen[:, -4:].max()) == 0
    assert float(seen[3:13, 7:9].min()) > 0.9


def test_interpolate(drawer, tmp_path):
    out = tmp_path / "x.png"
    assert main(["interpolate", str(drawer / "run"), str(drawer / "a.png"), str(drawer / "b.png"), "-o", str(out), "-n", "5"]) == 0
    with Image.open(out) as picture:
        assert picture.size == (5 * 12 + 4 * 2, 12)


def test_eval_with_importance(drawer, capsys):
    assert main(["eval", str(drawer / "run"), "--importance", "3", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["iw3_nats"] < scores["bound_nats"] + 3 * scores["bound_nats_error"]
    assert scores["bound_nats"] == pytest.approx(scores["reconstruction_nats"] + scores["kl_nats"])
    assert sum(scores[f"kl_nats_{t:02d}"] for t in (1, 2, 3)) == pytest.approx(scores["kl_nats"])
    assert main(["eval", str(drawer / "run")]) == 0
    assert "####" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["reconstruct", "RUN", "missing.png", "-o", "OUT"], "missing.png does not exist"),
        (
            ["reconstruct", "ride", "A", "-o", "OUT"],
            "not a model that redraws pictures; it draws pictures: drawgen sample ride -o OUT.png",
        ),
        (["reconstruct", "RUN", "A", "-o", "OUT", "--polish", "5"], "no strokes that have a gradient; leave it out"),
        (["reconstruct", "RUN", "A", "-o", "OUT", "--polish", "-1"], "--polish is -1; it has to be at least 0"),
        (["interpolate", "RUN", "A", "B", "-o", "OUT", "-n", "1"], "-n is 1; it has to be at least 2"),
        (["sample", "RUN", "-o", "OUT", "--size", "20x20"], "12x12"),
        (["sample", "RUN", "-o", "OUT", "--tile"], "--tile is true"),
        (["sample", "ride", "-o", "OUT", "--boxes", "--size", "16x16"], "--boxes"),
        (["eval", "ride", "--data", "photo:grass", "--importance", "2"], "--importance is 2, and ride has no"),
        (["eval", "RUN", "--importance", "-1"], "--importance is -1; it has to be at least 1"),
    ],
)
def test_drawing_refusals(drawer, tmp_path, capsys, words, sentence):
    out = tmp_path / "x.png"
    named = {"RUN": drawer / "run", "A": drawer / "a.png", "B": drawer / "b.png", "OUT": out}
    assert main([str(named.get(word, word)) for word in words]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("drawgen: ")
    assert sentence in said
    assert not out.exists()


def test_data_for_a_model_that_makes_its_own_is_refused(drawer, capsys):
    assert main(["eval", str(drawer / "run"), "--data", str(drawer / "a.png")]) == 2
    assert "leave --data out" in capsys.readouterr().err
