"""`drawgen.classify` and the command: texts, files, drawings, confusion matrices; and what is refused."""

import gzip
import io
import itertools
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import contents, refused, run
from PIL import Image

import drawgen
from drawgen import jobs, models
from drawgen.confusion_pictures import across, matrix
from drawgen.contract import Spec, generator
from drawgen.data.alphabets import Alphabets
from drawgen.data.labelled import UNKNOWN
from drawgen.jobs.labels import Confusion
from drawgen.models.text_classifier import Config

STROKES = "START\n1.0,-2.0,0\n30.0,-50.0,100\nBREAK\n5.0,-5.0,1000\n9.0,-80.0,1100\nBREAK\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A model that tells open syllables from closed ones."""
    folder = tmp_path_factory.mktemp("words") / "run"
    jobs.train("text_classifier", models.recipe("text_classifier", "tiny"), folder, preset="tiny")
    return folder


def drawer():
    """An untrained model of drawings."""
    spec = Spec(point=3, classes=("Greek", "Latin"))
    return drawgen.Trained(Config(units=4).build(spec, rng=generator(0)).eval(), "a model")


# ---------------------------------------------------------------- texts


def test_texts(words):
    found = drawgen.classify(words, ["kalo", "lankot", "ta"], n=2)
    assert [one.label for one in found] == ["open", "closed", "open"]
    assert [one.name for one in found] == ["kalo", "lankot", "ta"]
    assert all(sum(p for _, p in one.labels) == pytest.approx(1, abs=1e-5) for one in found)
    assert drawgen.load(words).classify("kalo")[0].label == "open"
    assert "kalo: open" in repr(found)
    assert "<td>kalo</td><td>open</td>" in found._repr_html_()


def test_files_of_texts(words, here):
    """Lines, tables whose labels are not looked at, and gz; empty lines are left out."""
    Path("lines.txt").write_text("kalo\n\nlankot\n", encoding="utf-8")
    Path("table.csv").write_text("text,label\nkalo,closed\nlankot,closed\n", encoding="utf-8")
    Path("lines.gz").write_bytes(gzip.compress(b"kalo\r\nlankot"))
    for name in ("lines.txt", "table.csv", "lines.gz"):
        found = drawgen.classify(words, Path(name))
        assert [(one.name, one.label) for one in found] == [("kalo", "open"), ("lankot", "closed")]
    assert drawgen.classify(words, Path("lines.txt")).skipped == {"lines.txt, line 2": "it has no characters"}
    assert len(drawgen.classify(words, [Path("lines.txt"), "ta"])) == 3


def test_saving(words, here):
    found = drawgen.classify(words, ['ka"lo', "привет"], n=2)
    found.save("a.csv")
    lines = Path("a.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5
    assert lines[1].startswith('"ka""lo",open,0.')
    found.save("a.json")
    told = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert told[0]["doubt"] is None
    assert told[1]["doubt"] == "none of its characters is among the 17 that the model knows"
    with pytest.raises(ValueError, match="exists already"):
        found.save("a.csv")


def test_what_is_hardly_known_is_a_guess(words):
    found = drawgen.classify(words, ["kalo", "kalo?", "k???", "привет"])
    assert [one.doubt.split(" characters")[0] for one in found] == ["", "", "3 of its 4", "none of its"]
    plain = drawgen.Trained(Config(units=4).build(Spec(vocabulary=(UNKNOWN, "a"), classes=("x", "y")), rng=generator(0)), "m")
    assert not drawgen.classify(plain, "a a")[0].doubt


def test_the_command(words, here, capsys, monkeypatch):
    Path("lines.txt").write_text("kalo\nlankot\n", encoding="utf-8")
    status, out, err = run(capsys, "classify", "kalo", "lines.txt", "--model", words)
    assert status == 0, err
    lines = [line.split("\t") for line in out.splitlines()]
    assert [label for label, _ in lines] == ["open", "open", "closed"]
    assert all(0.5 < float(p) <= 1 for _, p in lines)
    status, out, _ = run(capsys, "classify", "kalo", "-n", "2", "--model", words)
    assert [cell for cell in out.split("\t") if cell[0].isalpha()] == ["open", "closed"]
    status, out, _ = run(capsys, "classify", "kalo", "--json", "--model", words)
    assert json.loads(out)["labels"][0][0] == "open"
    status, out, err = run(capsys, "classify", "привет", "--model", words)
    assert out.count("\n") == 1
    assert "the label of these is a guess:\n  привет: none of its characters" in err
    monkeypatch.setattr("drawgen.files.read_standard_input", lambda most: b"ta\nlat\n")
    assert [line.split("\t")[0] for line in run(capsys, "classify", "-", "--model", words)[1].splitlines()] == ["open", "closed"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("classify no.txt", "no.txt cannot be read (No such file or directory); give a file with one text per line"),
        ("classify empty.txt", "empty.txt is empty; give one text per line"),
        ("classify blank.txt", "nothing to classify is left: it has no characters"),
        ("classify broken.txt", "broken.txt, line 2, is not UTF-8"),
        ("classify one.csv", "one.csv, line 1: it has one column"),
        ("classify folder", "folder cannot be read (Is a directory)"),
        ("classify kalo -n 0", "-n is 0; it has to be at least 1"),
    ],
)
def test_refused(words, here, capsys, line, told):
    Path("empty.txt").write_bytes(b"")
    Path("blank.txt").write_bytes(b"\n")
    Path("broken.txt").write_bytes(b"a\n\xff\n")
    Path("one.csv").write_bytes(b"a\nb\n")
    Path("folder").mkdir()
    before = contents(here)
    status, out, err = run(capsys, *line.split(), "--model", words)
    assert (status, out) == (2, "")
    assert told in err
    assert contents(here) == before


def test_wrong_models(words, here, capsys):
    refused(
        capsys,
        here,
        "classify hello --model pointer_net:hull",
        "pointer_net:hull is not a model that classifies texts; it finds hulls",
    )
    refused(capsys, here, f"points {words} random:5", "it classifies texts: drawgen classify TEXT --model ")
    with pytest.raises(ValueError, match=r"text 2 \(' '\) has no characters; leave it out"):
        drawgen.classify(words, ["a", " "])
    with pytest.raises(ValueError, match=r"item 1 is a drawing, and .* classifies texts"):
        drawgen.classify(words, torch.zeros(2, 3))
    with pytest.raises(ValueError, match="nothing to classify is given"):
        drawgen.classify(words, [])


# ---------------------------------------------------------------- drawings


def drawing_files():
    ink = {"drawing": [[[0, 10, 50], [0, 100, 100]], [[1, 5], [2, 9]]]}
    stroke3 = np.empty(1, object)
    stroke3[:] = [np.array([[1, 2, 0], [3, 4, 0], [5, 5, 1]], "int16")]
    npz, archive = io.BytesIO(), io.BytesIO()
    np.savez(npz, train=stroke3)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("s/Greek/c/1.txt", STROKES)
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M1 1h9c5 5 9 9 20 3" stroke="red" fill="none"/></svg>'
    return {
        "a.ndjson": (json.dumps(ink) + "\n").encode(), "a.npz": npz.getvalue(), "a.zip": archive.getvalue(),
        "a.txt": STROKES.encode(), "a.svg": svg.encode(),
    }  # fmt: skip


@pytest.mark.parametrize("name", drawing_files())
def test_files_of_drawings(here, name):
    Path(name).write_bytes(drawing_files()[name])
    found = drawgen.classify(drawer(), [name, Path(name)], n=2)
    assert len(found) == 2
    assert found[0] == found[1]
    assert found[0].name.startswith(name)


def test_arrays_are_drawings():
    rows = np.array([[0, 0, 0], [3, 4, 1], [1, 1, 1]])
    found = drawgen.classify(drawer(), [rows, torch.from_numpy(rows * [5, 5, 1]).float()])
    assert [one.name for one in found] == ["drawing 1", "drawing 2"]
    assert found[0].labels == pytest.approx(found[1].labels) or found[0].probability == pytest.approx(found[1].probability)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("a text", "a model classifies drawings, and 'a text' is no file of one; give a file"),
        ("no.svg", "no.svg does not exist"),
        (np.zeros((2, 2)), "drawing 1 cannot be read"),
        (Path("folder"), "folder is a folder; give files in it"),
        (Path("a.png"), "a.png is no file of drawings that is known"),
        (Path("bad.txt"), "bad.txt is no drawing"),
        (Path("empty.txt"), "empty.txt is no drawing"),
        (Path("bad.ndjson"), "nothing to classify is left"),
    ],
)
def test_refused_drawings(here, item, told):
    Path("folder").mkdir()
    for name in ("a.png", "bad.txt"):
        Path(name).write_bytes(b"nonsense")
    Path("empty.txt").write_bytes(b"")
    Path("bad.ndjson").write_bytes(b'{"drawing": [], "word": "x"}\n')
    with pytest.raises(ValueError, match=told):
        drawgen.classify(drawer(), item)


# ---------------------------------------------------------------- confusion


def test_eval_writes_a_confusion_matrix(words, here, capsys):
    status, out, err = run(capsys, "eval", words, "--confusion", "c.png")
    assert status == 0, err
    assert out.startswith("texts 64\naccuracy ")
    with Image.open("c.png") as picture:
        assert min(picture.size) > 200
    for name in ("c.csv", "c.svg", "c.json"):
        assert run(capsys, "eval", words, "--confusion", name)[0] == 0
    told = json.loads(Path("c.json").read_text(encoding="utf-8"))
    assert told["classes"] == ["closed", "open"]
    assert sum(map(sum, told["counts"])) == 64
    assert told["accuracy"] == pytest.approx(float(out.splitlines()[1].split()[1]), abs=1e-4)
    refused(capsys, here, f"eval {words} --confusion c.png", "c.png exists already")
    refused(capsys, here, f"eval {words} --confusion c.mp3", "c.mp3")
    refused(capsys, here, "eval pointer_net:hull --confusion d.png", "is not a model that classifies texts")
    assert drawgen.load(words).confusion().accuracy == told["accuracy"]


def test_a_labelled_file_is_measured_by_the_models_own_labels(here, capsys, words):
    rows = "".join(f"{word},{label}\n" for word, label in (("kalo", "open"), ("tat", "closed"), ("mi", "open"), ("lun", "closed")))
    Path("train.csv").write_text(
        rows * 8 + "".join(f"k{a}{b}o,open\nl{a}t{b}k,closed\n" for a in "aeiou" for b in "abcde"), encoding="utf-8"
    )
    recipe = models.recipe("text_classifier", "own")
    import dataclasses

    recipe = dataclasses.replace(
        recipe,
        model=Config(units=4),
        data=dataclasses.replace(recipe.data, path="train.csv", batch=8, held_out=0.2),
        fit=dataclasses.replace(recipe.fit, steps=4, warmup=1),
    )
    done = jobs.train("text_classifier", recipe, here / "run", preset="own")
    assert done.scores["nats_per_item"] > 0
    Path("other.csv").write_text("mi,open\nnothing,open\n", encoding="utf-8")
    scores = jobs.measure(str(here / "run"), data="other.csv")
    assert scores["texts"] == 2
    Path("wrong.csv").write_text("mi,shut\nmo,open\n", encoding="utf-8")
    refused(capsys, here, "eval run --data wrong.csv", "wrong.csv, line 1: the label 'shut' is not one of those that are known")


def test_confusion_of_drawings(here):
    with zipfile.ZipFile("strokes.zip", "w") as archive:
        for name, character, person in itertools.product(("Greek", "Latin"), range(5), range(3)):
            archive.writestr(f"s/{name}/{character}/{person}.txt", STROKES)
    from drawgen.jobs.confusions import confusion_of

    found = confusion_of(drawer().model, Alphabets(path="strokes.zip"), "valid", "x")
    assert found.counts.sum() == 6
    assert found.counts.sum(1).tolist() == [3, 3]
    with pytest.raises(ValueError, match="there is nothing to compare labels on in the part 'valid'"):
        confusion_of(drawer().model, Alphabets(path="strokes.zip", every=0), "valid", "x")


def test_matrices(here):
    """Names that do not fit above a column become numbers; few or many classes."""
    assert across(["Old English", "Latin"], 84, 16) == [["Old English"], ["Latin"]]
    assert across(["Old English", "Latin"], 70, 16) == [["Old", "English"], ["Latin"]]
    assert across(["Incomprehensibilities", "Latin"], 70, 16) is None
    for many in (1, 2, 40):
        counts = np.eye(many, dtype=np.int64) * 3
        found = Confusion(tuple(f"class {n} <&>" for n in range(many)), counts, "x")
        assert found.accuracy == 1
        assert repr(found) == f"x: {3 * many} items, 100.00% right"
        svg = matrix(found.classes, counts).svg()
        assert "class 0 &lt;&amp;&gt;" in svg or many == 1
        assert found._repr_png_().startswith(b"\x89PNG")
    assert np.isfinite(matrix(("a", "b"), np.zeros((2, 2), np.int64)).size).all()
