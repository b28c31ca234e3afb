"""`drawgen.illustrate` with a model that is always right about the sentences it knows; and what is refused."""

import json
import random

import pytest
import torch
from command_line import run
from PIL import Image
from stand_ins.parts import Mean

import drawgen
from drawgen import jobs
from drawgen.contract import Hypothesis, Parse, Spec
from drawgen.data.scene_language import describe, parse
from drawgen.data.scene_reading import things_in
from drawgen.data.scene_sentences import SceneSentences, sentence
from drawgen.data.scene_trees import Asked
from drawgen.data.scenes import Scenes
from drawgen.jobs import captions, illustrating
from drawgen.jobs.asking import Trained
from drawgen.ranges import ArgumentError
from drawgen.strokes.painting import Painting

SAID, TREE = (
    "two small orange squares left of a large pink cross",
    "(scene (left (things 2 small orange square) (things 1 large pink cross)))",
)
OTHER = "a star"
TREES = {SAID: TREE, OTHER: "(scene (things 1 star))"}


class Parser(Mean):
    """Knows the trees of these sentences; `asked` are those that it was asked for."""

    def __init__(self, trees, spec=None, *, whole=True):
        super().__init__(None, spec or SceneSentences().spec())
        self.trees, self.whole, self.asked = trees, whole, []

    def parse(self, texts, *, beams=1, constrained=True):
        self.asked += texts
        return [Parse(str(self.trees[text]), -0.5, self.whole) for text in texts]


def trained(trees=TREES, **how):
    return Trained(Parser(trees, **how), "a parser")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(illustrating, "load", lambda source, device: trained())
    return tmp_path


def strokes(one):
    return one.painting.strokes.double().numpy()


# ---------------------------------------------------------------- drawings


def test_drawings_of_a_sentence():
    found = drawgen.illustrate(SAID, model=trained(), n=3, size=64, seed=2)
    assert repr(found) == f"3 drawings of '{SAID}'"
    assert found.images.shape == (3, 3, 64, 64)
    assert len(found) == 3
    for one in found:
        assert (one.sentence, one.tree, one.score, one.caption) == (SAID, TREE, -0.5, None)
        assert one.as_asked
        assert Asked.of_tree(TREE).true_of(things_in(strokes(one)))
    assert len({str(one.things) for one in found}) == 3
    again = drawgen.illustrate(SAID, model=trained(), n=1, size=64, seed=2)
    assert again[0].things == found[0].things
    assert torch.equal(again[0].painting.strokes, found[0].painting.strokes)
    assert drawgen.illustrate(SAID, model=trained(), size=64)[0].things != found[0].things


def test_sentences_drawn_are_true():
    made = [sentence(0, "test", number) for number in range(12)]
    found = drawgen.illustrate([one.text for one in made], model=trained({one.text: one.tree for one in made}), size=32)
    for one, drawn in zip(made, found, strict=True):
        assert Asked.of_tree(one.tree).true_of(drawn.seen)


def test_a_scene_is_itself():
    """A scene's own caption, drawn again, shows what the scene shows, as far as the caption says it."""
    data = Scenes()
    for number in range(10):
        scene = data.scene("test", number)
        caption = describe(scene.things, rng=random.Random(number))
        asked = Asked.of_caption(parse(caption))
        assert asked.true_of(scene.things)
        drawn = drawgen.illustrate(caption, model=trained({caption: asked.tree()}), size=32)
        assert drawn[0].as_asked
        assert data.scene("test", number).judge(caption).true


def test_files(here):
    found = drawgen.illustrate([SAID, OTHER], "both.png", n=2, size=48, model=trained())
    with Image.open("both.png") as sheet:
        assert sheet.size == (98, 98)
    found.save("both.gif")
    with Image.open("both.gif") as moving:
        assert moving.n_frames > 10
    found.save("both.svg")
    assert (here / "both.svg").read_text().count("<path") == sum(len(one.painting.strokes) for one in found) + 2  # and two lines
    found.save("one{i}.json")
    for number, one in enumerate(found, 1):
        read = Painting.read(here / f"one{number}.json")
        assert torch.equal(read.strokes, one.painting.strokes)
        assert Asked.of_tree(one.tree).true_of(things_in(read.strokes.double().numpy()))
    found.save("each{i}.svg")
    assert len(list(here.glob("each?.svg"))) == 4
    with pytest.raises(ValueError, match=r"both\.png"):
        found.save("both.png")


def test_a_sheet_of_strokes_is_the_pictures_side_by_side():
    found = drawgen.illustrate([SAID, OTHER], model=trained(), n=2, size=64)
    sheet = found.painting()
    assert sheet.size == (128, 128)
    rows = [torch.cat([*found.images[k : k + 2]], 2) for k in (0, 2)]
    assert (sheet.draw(128, 128) - torch.cat(rows, 1)).abs().mean() < 0.02


def test_frames_end_with_the_pictures():
    found = drawgen.illustrate([SAID, OTHER], model=trained(), size=32)
    *_, last = found.frames(9)
    assert torch.allclose(last, found.images, atol=1e-5)


def test_checked(monkeypatch):
    """A caption is judged by the strokes."""

    class Captioner(Mean):
        attends = False

        def __init__(self):
            super().__init__(None, Spec(image=(3, 16, 16), vocabulary=("a",)))

        def caption(self, images, *, beams=5, n=1):
            texts = ["a large pink cross", "two large pink crosses"][: len(images)]
            return [[Hypothesis(tuple(text.split()), text, -1.0, (), True, None)] for text in texts]

    monkeypatch.setattr(captions, "captioners", lambda source, device: {source: Captioner()})
    found = drawgen.illustrate(SAID, model=trained(), n=2, size=32, check=True)
    assert [(one.caption, one.caption_true) for one in found] == [("a large pink cross", True), ("two large pink crosses", False)]
    assert found.as_json()[0]["caption_true"] is True


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "no words"),
        (" ... ", "no words"),
        ([], "no sentence is given"),
        ("красный круг", "knows no word of 'красный круг'"),
        ("a golden sqare", 'the words "golden" (near: yellow), "sqare" (near: square'),
        ("a red zzzzz", 'the word "zzzzz"; say it'),
        ("a star " * 40, "has 80 words"),
    ],
)
def test_sentences_that_are_refused(said, told):
    with pytest.raises(ValueError, match=r"sentence|word") as caught:
        drawgen.illustrate(said, model=trained())
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ("(scene (things 1 red circle) (things 2 red circle))", "'a star': a red circle and two red circles contradict"),
        ("(scene (things left star))", "tree of 'a star' is not a scene"),
        ("(scene (things 1 star)", "is not a scene"),
    ],
)
def test_trees_that_are_refused(tree, told):
    with pytest.raises(ValueError, match=r"contradict|not a scene") as caught:
        drawgen.illustrate(OTHER, model=trained({OTHER: tree}))
    assert told in str(caught.value)


def test_models_that_are_refused():
    with pytest.raises(ValueError, match="not into scenes"):
        drawgen.illustrate(OTHER, model=trained(spec=Spec(vocabulary=("(S",), source_vocabulary=("a", "star"))))
    with pytest.raises(ValueError, match="is not a model that parses sentences"):
        drawgen.illustrate(OTHER, model=Trained(Mean(None, Spec()), "a mean"))
    with pytest.raises(ValueError, match="brackets do not close"):
        drawgen.illustrate(OTHER, model=trained(whole=False))


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 65}, {"seed": -1}, {"size": 8}, {"size": 5000}, {"beams": 0}])
def test_arguments_that_are_refused(wrong):
    with pytest.raises(ArgumentError) as caught:
        drawgen.illustrate(OTHER, model=trained(), **wrong)
    assert caught.value.name == next(iter(wrong))


# ---------------------------------------------------------------- at the command line


def test_the_command(capsys, here):
    status, out, err = run(capsys, "illustrate", SAID, OTHER, "-n", "2", "--size", "32", "-o", "x.png")
    assert (status, out.splitlines(), err) == (0, list(TREES.values()), "x.png\n")
    status, out, _ = run(capsys, "illustrate", *SAID.split(), "--size", "32", "--json")
    assert status == 0
    told = json.loads(out)
    assert (told["sentence"], told["as_asked"], len(told["things"])) == (SAID, True, 3)
    status, _, err = run(capsys, "illustrate", "a grey star", "-o", "y.png")
    assert (status, err.count("\n")) == (2, 1)
    assert '"grey" (near: black)' in err
    assert not (here / "y.png").exists()


def test_lines_of_standard_input(capsys, here, monkeypatch):
    monkeypatch.setattr(jobs.illustrating.files, "read_standard_input", lambda most: f"{SAID}\n\n{OTHER}\n".encode())
    assert run(capsys, "illustrate", "-", "--size", "32")[1].splitlines() == list(TREES.values())
    monkeypatch.setattr(jobs.illustrating.files, "read_standard_input", lambda most: b"\xff\xff")
    assert "standard input is not UTF-8" in run(capsys, "illustrate", "-")[2]
