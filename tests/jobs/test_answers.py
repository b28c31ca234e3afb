"""Answers show themselves and save."""

import base64
import io
import json
import shutil

import pytest
import torch
from PIL import Image

from drawgen import images
from drawgen.contract import Hypothesis, Sample
from drawgen.jobs.answers import Captions, Described, Drawn, Label, Labels, Passage, Passages
from drawgen.jobs.asking import Trained, load
from drawgen.jobs.verbs import verbs_of
from drawgen.strokes.painting import Painting


@pytest.fixture(scope="module")
def moving():
    """Two pictures drawn in three steps, with windows."""
    frames = torch.rand(3, 2, 1, 8, 10)
    boxes = {"write": torch.tensor([[[1.0, 1.0, 5.0, 5.0]] * 2] * 3)}
    return Drawn.of(Sample(frames[-1], lambda count: iter(frames[:count]), boxes))


def shown(data):
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def test_pictures_show_themselves(moving):
    """Small ones enlarged, as whole pixels."""
    still = moving.still()
    assert still.shape == images.grid(moving.images).shape
    assert moving.pil().size == (still.shape[2], still.shape[1])
    factor = round(256 / max(still.shape[1:]))
    assert shown(moving._repr_png_()).size == (still.shape[2] * factor, still.shape[1] * factor)
    large = Drawn.of(Sample(torch.rand(1, 3, 300, 200)))
    assert shown(large._repr_png_()).size == (200, 300)
    assert repr(moving) == "2 pictures of 10x8 pixels, drawn in steps, with boxes of write"
    assert repr(large) == "1 picture of 200x300 pixels"


def test_animations_are_played(moving):
    """By a notebook, as GIF; small ones enlarged."""
    still = moving.still()
    for options, width in (({}, still.shape[2] * round(256 / max(still.shape[1:]))), ({"boxes": True}, None)):
        played = moving.animation(**options)
        bundle = played._repr_mimebundle_(include=None, exclude=None)
        picture = shown(base64.b64decode(bundle["image/gif"]))
        assert picture.n_frames == 3
        assert width in (None, picture.width)
    painting = Painting(torch.rand(4, 13), torch.ones(3), (40, 60))
    assert shown(painting.animation().gif).size == (512, 341)
    assert "an animation of" in repr(painting.animation())
    assert repr(painting) == "a painting of 4 strokes, 60x40 pixels"


def test_what_was_drawn_after_is_shown_above():
    seen, drawn = torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    still = Drawn.of(Sample(drawn), columns=2, seen=seen).still()
    assert still.shape == (1, 18, 18)
    assert float(still[:, :8, :8].max()) == 0


def test_pictures_save(moving, tmp_path):
    moving.save(tmp_path / "a.png")
    moving.save(str(tmp_path / "boxes.png"), boxes=True)
    moving.save(tmp_path / "a.gif")
    moving.save(tmp_path / "move.png", animate=True)
    moving.save(str(tmp_path / "one-{i}.png"), boxes=True)
    assert [box.shape for box in moving.one(1).boxes.values()] == [(3, 1, 4)]
    with Image.open(tmp_path / "one-2.png") as one:
        assert one.width == moving.pil(boxes=True).width  # of each picture all steps
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "boxes.png") as boxes:
        assert a.size == moving.pil().size
        assert boxes.size == moving.pil(boxes=True).size
        assert boxes.width > 3 * 6 * 10  # a column per step
    for name in ("a.gif", "move.png"):
        with Image.open(tmp_path / name) as moved:
            assert moved.n_frames == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"path": "a.xyz"}, r"a\.xyz has no known ending"),
        ({"path": "none/a.png"}, "the folder none does not exist"),
        ({"path": "a.svg"}, r"this model draws no strokes, which a\.svg would hold"),
        ({"path": "a.jpg", "animate": True}, r"a\.jpg cannot hold this"),
        ({"path": "a.gif", "still": True}, "there is no animation of this model"),
        ({"path": "a.png", "still": True, "boxes": True}, "this model has no windows to draw; leave `boxes` out"),
    ],
)
def test_what_cannot_be_saved(moving, tmp_path, monkeypatch, options, told):
    monkeypatch.chdir(tmp_path)
    drawn = Drawn.of(Sample(moving.images)) if options.pop("still", False) else moving
    with pytest.raises(ValueError, match=told):
        drawn.save(**options)
    assert list(tmp_path.iterdir()) == []


def test_strokes_save(tmp_path, tiny):
    drawn = load(tiny["painter:tiny"]).reconstruct(torch.rand(3, 1, 16, 16))
    drawn.save(tmp_path / "a.svg")
    drawn.save(tmp_path / "a.json")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").count("<path") <= 3 * drawn.strokes.shape[1]
    assert len(json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["strokes"]) == 3 * drawn.strokes.shape[1]
    with pytest.raises(ValueError, match=r"`boxes` and .* don't go together"):
        drawn.save(tmp_path / "b.svg", boxes=True)
    with pytest.raises(ValueError, match="this model draws no strokes"):
        load(tiny["draw:tiny"]).sample().painting()


def test_tensors_are_like_any_others(tiny):
    """What was made in inference mode may be changed, and trained through."""
    drawn = load(tiny["draw:tiny"]).sample(n=2)
    drawn.images.mul_(0.5)
    for tensor in (drawn.images, *drawn.boxes.values()):
        assert not tensor.is_inference()
    weight = torch.ones((), requires_grad=True)
    (drawn.images * weight).sum().backward()
    assert weight.grad is not None


def test_texts(tmp_path):
    passages = Passages([Passage("a < b\n", -1.0), Passage("c", -2.0)])
    passages.save(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "a < b\n\n----\nc"
    assert "<pre>a &lt; b\n</pre>" in passages._repr_html_()
    with pytest.raises(ValueError, match="exists already"):
        passages.save(tmp_path / "a.txt")


def described(*, maps=True, count=1):
    words = ("a", "<b>")
    best = Hypothesis(words, "a <b>", -0.5, (-0.4, -0.6), True, torch.full((2, 4, 4), 1 / 16) if maps else None)
    return Captions([Described(f"{n}.png", [best], torch.rand(3, 16, 16)) for n in range(count)], {"z.png": "is damaged"})


def test_captions(tmp_path):
    captions = described(count=2)
    assert captions.skipped == {"z.png": "is damaged"}
    assert captions[0].text == "a <b>"
    html = captions._repr_html_()
    assert html.count("<img ") == 2
    assert "a &lt;b&gt;" in html
    captions.save(tmp_path / "a.json")
    told = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert told[1] == {
        "picture": "1.png",
        "captions": [{"caption": "a <b>", "score": -0.5, "finished": True, "words": [["a", -0.4], ["<b>", -0.6]]}],
        "model": "",
        "doubt": None,
    }
    captions.save(tmp_path / "a.png")
    captions.save(tmp_path / "a.gif")
    with pytest.raises(ValueError, match="the model was built without attention"):
        described(maps=False).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match="at most 32 pictures are drawn into one file, and there are 33"):
        described(count=33).save(tmp_path / "b.png")


def test_captions_leave_out_what_cannot_be_read(tmp_path, caplog):
    (tmp_path / "z.png").write_text("no picture")
    images.save_image(tmp_path / "a.png", torch.rand(3, 20, 20))
    model = load("captioner")
    found = model.caption([tmp_path, torch.rand(3, 20, 20)], beams=1)
    assert [one.picture for one in found] == [str(tmp_path / "a.png"), "picture 3"]
    assert list(found.skipped) == [str(tmp_path / "z.png")]
    assert "1 of 3 pictures were left out" in caplog.text
    with pytest.raises(images.ImageError, match=r"z\.png is not a picture"):
        model.caption(tmp_path, strict=True)


def test_labels(moving, tmp_path):
    labels = Labels([Label("a.png", [("dark", 0.7)]), Label("picture 2", [("light", 0.6)])], moving)
    assert labels._repr_html_().count("<img ") == 2
    assert "dark 70%" in labels._repr_html_()
    labels.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == moving.pil(boxes=True).size


def test_a_trained_model_says_what_it_is(tiny):
    for name, folder in tiny.items():
        trained = load(folder)
        assert isinstance(trained, Trained)
        assert trained.verbs == tuple(verb.method for verb in verbs_of(trained.model) if verb.method)
        assert all(hasattr(Trained, method) for method in trained.verbs)
        assert trained.card.startswith(f"# {name.split(':')[0]}: ")
        assert trained.spec == trained.model.spec
        assert repr(trained).startswith(f"{folder}, a model that ")


def test_a_model_without_a_card(tiny, tmp_path):
    shutil.copytree(tiny["draw:tiny"], tmp_path / "run")
    (tmp_path / "run" / "README.md").unlink()
    assert load(tmp_path / "run").card == ""
