"""What the tabs Draw, Look and Learn answer, called as their process calls it: the same as the command line."""

import base64
import json
import re

import pytest

pytest.importorskip("fastapi")

from drawgen import cli, images
from drawgen.contract import PenDrawing
from drawgen.strokes import pen_lines
from drawgen.studio import answering
from drawgen.studio.settings import Photo, Work
from drawgen.studio.tabs import draw, learn, look

BEGUN = [[(0.3, 0.2), (0.3, 0.8)], [(0.3, 0.5), (0.5, 0.48)]]
SENTENCE = "Where is the dog?"


def content(answer):
    return base64.b64decode(answer["data"])


def same(answer, words, out):
    """Whether a file is what the command line writes."""
    assert cli.main([*words, "-o", str(out)]) == 0
    return content(answer) == out.read_bytes()


@pytest.fixture
def begun(tmp_path):
    """A drawing of the pad as a file."""
    file = tmp_path / "begun.json"
    file.write_text(pen_lines.to_json([PenDrawing(draw.pad(BEGUN).lines)]), encoding="utf-8")
    return str(file)


# ---------------------------------------------------------------- as the command line


@pytest.mark.parametrize(
    ("model", "endings"),
    [
        ("draw:mnist", ("png", "gif")),
        ("draw:omniglot", ("gif",)),
        ("sketch_rnn:omniglot", ("png", "svg", "gif", "json")),
        ("painter:doodles", ("svg", "gif")),
    ],
)
def test_samples_are_those_of_the_command_line(tmp_path, model, endings):
    boxes = model.startswith("draw")
    for ending in endings:
        answer = draw.sample(draw.Sampled(model=model, n=3, temperature=0.7, boxes=boxes, seed=5, ending=ending), tmp_path)
        words = ["sample", model, "-n", "3", "--temperature", "0.7", "--seed", "5", *(["--boxes"] if boxes else [])]
        assert same(answer, words, tmp_path / f"out.{ending}"), ending


def test_what_follows_the_pad_is_that_of_the_command_line(tmp_path, begun):
    answer = draw.complete(draw.Begun(lines=BEGUN, n=2, seed=3, ending="json"), tmp_path)
    words = ["sample", draw.PEN, "--begin", begun, "-n", "2", "--temperature", "0.5", "--seed", "3"]
    assert same(answer, words, tmp_path / "out.json")
    answer = draw.redraw(draw.Given(lines=BEGUN, seed=3, ending="svg"), tmp_path)
    assert same(answer, ["reconstruct", draw.PEN, begun, "--seed", "3"], tmp_path / "out.svg")
    answer = draw.repaint(draw.Given(lines=BEGUN, seed=3, ending="json"), tmp_path)
    assert len(json.loads(content(answer))["strokes"]) == 8


def test_a_sentence_is_drawn_as_by_the_command_line(tmp_path):
    asked = draw.Said(sentence="a red ring above two stars", n=2, seed=4, ending="svg")
    words = ["illustrate", asked.sentence, "-n", "2", "--seed", "4"]
    assert same(draw.illustrate(asked, tmp_path), words, tmp_path / "out.svg")
    told = draw.illustrate(draw.Said(sentence=asked.sentence, n=1, check=True), tmp_path)
    assert told["told"][0]["caption"]
    assert told["told"][0]["as_asked"]


@pytest.mark.parametrize("kind", ["hull", "delaunay", "tour"])
def test_points_are_those_of_the_command_line(tmp_path, kind):
    answer = learn.points(learn.Pointed(kind=kind, random=8, seed=2, ending="json"), tmp_path)
    assert same(answer, ["points", f"pointer_net:{kind}", "random:8", "--seed", "2"], tmp_path / "out.json")
    found = learn.points(learn.Pointed(kind=kind, random=8, seed=2), tmp_path)
    told = json.loads(content(answer))
    assert sorted(found["order"]) == sorted(told["indices"])
    assert found["exact"] == told["exact"]
    assert len(found["weighed"]) == len(found["order"]) + (kind != "tour")
    for step in found["weighed"]:
        assert sum(share for _, share in step) <= 1.01
        assert all(0 <= index <= 8 for index, _ in step)


def test_sentences_are_those_of_the_command_line(tmp_path):
    answer = learn.translate(learn.Sentence(sentence=SENTENCE, ending="svg"), tmp_path)
    assert cli.main(["translate", SENTENCE, "--attention", str(tmp_path / "out.svg")]) == 0
    assert content(answer) == (tmp_path / "out.svg").read_bytes()
    found = learn.translate(learn.Sentence(sentence=SENTENCE), tmp_path)
    assert len(found["weights"]) == len(found["target"])
    assert all(sum(row) == pytest.approx(1, abs=0.01) for row in found["weights"])
    answer = learn.parse(learn.Sentence(sentence=SENTENCE, ending="json"), tmp_path)
    assert same(answer, ["parse", SENTENCE], tmp_path / "tree.json")
    assert learn.parse(learn.Sentence(sentence=SENTENCE), tmp_path)["tree"][0]


def test_pictures_are_read_and_described_as_by_the_command_line(tmp_path, capsys):
    page = tmp_path / "page.png"
    images.save_image(page, learn.written(3, 23))
    home = tmp_path / "uploads" / "ab"
    home.mkdir(parents=True)
    (home / "original.png").write_bytes(page.read_bytes())
    (home / "upload.json").write_text('{"name": "number.png"}', encoding="utf-8")
    photo = Photo(upload="ab")
    answer = learn.look(learn.Looked(photo=photo, ending="gif"), tmp_path)
    assert same(answer, ["read", str(page), "-n", "3"], tmp_path / "out.gif")
    found = learn.look(learn.Looked(photo=photo), tmp_path)
    assert found["labels"][0][0] == "345"
    assert found["model"] == "glimpse_reader:sequence"
    assert set(found["drawings"][0]["boxes"]) == {"read", "around"}
    assert learn.windows(learn.Windows(photo=photo), tmp_path)["seen"]
    answer = look.caption(look.Captioned(photo=Photo(sample="coffee"), ending="png"), tmp_path)
    assert cli.main(["caption", "photo:coffee", "--attention", str(tmp_path / "out.png")]) == 0
    assert content(answer) == (tmp_path / "out.png").read_bytes()
    found = look.caption(look.Captioned(photo=Photo(sample="coffee")), tmp_path)
    assert found["text"] in capsys.readouterr().out
    assert len(found["shades"]) == len(found["words"]) == len(found["log_probs"])


def test_windows(tmp_path):
    """One of its own has the window that writes; a picture also the one that reads."""
    answer = learn.windows(learn.Windows(after=False, seed=3, ending="gif"), tmp_path)
    assert same(answer, ["sample", "draw:mnist", "--boxes", "--seed", "3"], tmp_path / "out.gif")
    (alone,) = learn.windows(learn.Windows(after=False, seed=3), tmp_path)["drawings"]
    (again,) = learn.windows(learn.Windows(seed=3), tmp_path)["drawings"]
    assert set(alone["boxes"]) == {"write"}
    assert set(again["boxes"]) == {"read", "write"}
    assert len(again["frames"]) == len(again["boxes"]["read"]) == 32


# ---------------------------------------------------------------- what takes long


def test_long_answers_are_jobs(tmp_path):
    """Many points, and a gradient; a question about many points only says so."""
    asked = learn.Pointed(kind="delaunay", random=70)
    assert learn.points(asked, tmp_path) == {"queue": True}
    told = []
    work = Work(tmp_path, resume=False, photo="", tell=lambda **event: told.append(event))
    learn.points_job(learn.Pointed(random=12), work)
    found = json.loads((tmp_path / learn.ANSWER).read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(learn.points(learn.Pointed(random=12), tmp_path)))
    learn.gradient(learn.Diagnosed(model="captioner:scenes"), work)
    found = json.loads((tmp_path / learn.ANSWER).read_text(encoding="utf-8"))
    assert found["layers"]["decoder"]["lags"][0] > 0
    assert (tmp_path / learn.PREVIEW).read_bytes().startswith(b"\x89PNG")
    assert asked.title == "delaunay of 70 points"
    assert learn.Diagnosed(model="draw:mnist").title == "the gradient of draw:mnist"


# ---------------------------------------------------------------- what cannot be answered


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("draw.sample", {"model": "draw:mnist", "n": 0}, "N is 0; it has to be at least 1."),
        ("draw.sample", {"model": "draw:mnist", "temperature": -1}, "Temperature is -1.0; it has to be above 0"),
        ("draw.sample", {"model": "draw:mnist", "ending": "svg"}, "draws no strokes"),
        ("draw.complete", {"lines": []}, "The drawing has no lines; draw something first."),
        ("draw.redraw", {"lines": []}, "The drawing has no lines; draw something first."),
        ("draw.repaint", {"lines": [[]]}, "The drawing has a line that is not a list of points"),
        ("draw.read", {"lines": []}, "The drawing has no lines; draw something first."),
        ("draw.illustrate", {"sentence": ""}, "has no words; say what to draw"),
        ("draw.illustrate", {"sentence": "-"}, "has no words; say what to draw"),
        ("draw.illustrate", {"sentence": "a red elephant"}, 'does not know the word "elephant"'),
        ("learn.points", {"points": [[0, 0], [1, 1]]}, "Points: 2 points; a convex hull needs at least 3."),
        ("learn.points", {"points": [[0, 0], [1, 1], [2, 2]]}, "all points lie on one line"),
        ("learn.points", {"points": [[k, k * k] for k in range(2000)]}, "2000 points, and at most 1000 are taken"),
        ("learn.points", {"random": 5000}, "is not a number of points from 3 to 1000"),
        ("learn.translate", {"sentence": " "}, "There is nothing to translate"),
        ("learn.translate", {"sentence": "a\0b"}, "has a text with a zero byte"),
        ("learn.parse", {"sentence": "..."}, "have no words; give a sentence|has no words"),
        ("learn.look", {"photo": {"sample": "brick"}}, "photo:brick|pieces of ink"),
        ("learn.look", {"photo": {"upload": "gone"}}, "This photograph is no longer there; choose it again."),
        ("look.caption", {"photo": {"upload": "gone"}}, "This photograph is no longer there; choose it again."),
    ],
)
def test_refusals_are_sentences_of_the_job_functions(tmp_path, name, given, says):
    refused = answering.answer(name, given, tmp_path)
    assert re.search(says, refused["refused"], re.IGNORECASE), refused
    assert refused["refused"].endswith(".")
    assert str(tmp_path) not in refused["refused"]
