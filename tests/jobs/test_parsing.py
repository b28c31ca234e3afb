"""Trees of sentences by a model: what is read, what is refused, what is written."""

import io
import json
from pathlib import Path

import pytest
from command_line import run
from PIL import Image
from stand_ins.parts import Mean
from stand_ins.standin_parses import Config, Model

import drawgen
from drawgen.contract import Parse, Spec
from drawgen.jobs.asking import Trained
from drawgen.ranges import ArgumentError


class Parser(Model):
    """Any sentence is a noun phrase. In a free search, the tree of "bad" was mended."""

    def parse(self, texts, *, beams=1, constrained=True):
        return [
            Parse(f"(NP {' '.join(f'(NN {word})' for word in text.split())})", -float(beams), constrained or text != "bad")
            for text in texts
        ]


@pytest.fixture
def trained():
    return Trained(Parser(Config(), Spec(vocabulary=("a",))), "a model")


@pytest.fixture
def standin(monkeypatch, trained, tmp_path):
    monkeypatch.setattr("drawgen.jobs.parsing.load", lambda source, device: trained)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_values(trained, tmp_path):
    found = drawgen.parse(["red dogs", "cats"], model=trained, beams=3)
    assert found.brackets == ["(NP (NN red) (NN dogs))", "(NP (NN cats))"]
    assert repr(found) == "\n".join(found.brackets)
    assert [str(tree) for tree in found.trees] == found.brackets
    assert found.sentences[0].score == -3
    assert trained.parse("cats").brackets == ["(NP (NN cats))"]
    assert found._repr_png_().startswith(b"\x89PNG")
    assert found.pil((80, 100)).size == (100, 80)
    for name in ("a.png", "a.svg", "a.json"):
        found.save(tmp_path / name)
    assert json.loads((tmp_path / "a.json").read_text())["sentences"][1] == {
        "text": "cats", "tree": "(NP (NN cats))", "score": -3.0, "whole": True,
    }  # fmt: skip
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size[0] > 60
    with pytest.raises(ValueError, match="exists already"):
        found.save(tmp_path / "a.png")


def test_files(trained, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes("\ufeffdogs\r\n\r\n--\r\nbig cats".encode())
    found = drawgen.parse(tmp_path / "a.txt", model=trained)
    assert found.brackets == ["(NP (NN dogs))", "", "", "(NP (NN big) (NN cats))"]
    assert found.trees[1] is None
    monkeypatch.setattr("drawgen.files.read_standard_input", lambda most: b"one\ntwo\n")
    assert len(drawgen.parse([Path("-"), "three"], model=trained).sentences) == 3


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("", r"texts has no words in its number 1 \(''\)"),
        (["dogs", " ... "], "texts has no words in its number 2"),
        ([], "texts have no words"),
        ("a\0b", "texts has a zero byte in its number 1"),
    ],
)
def test_no_sentences(trained, texts, words):
    with pytest.raises(ArgumentError, match=words):
        drawgen.parse(texts, model=trained)


def test_other_refusals(trained, tmp_path):
    with pytest.raises(ArgumentError, match="beams is 0"):
        drawgen.parse("dogs", model=trained, beams=0)
    with pytest.raises(ArgumentError, match="size is 9x9"):
        drawgen.parse("dogs", tmp_path / "a.png", model=trained, size=(9, 9))
    with pytest.raises(ValueError, match="a picture of 1 to 32 trees, and there are 33"):
        drawgen.parse(["dogs"] * 33, tmp_path / "a.svg", model=trained)
    drawgen.parse(["dogs"] * 33, tmp_path / "a.json", model=trained)
    with pytest.raises(ValueError, match="lines is not a model that parses sentences"):
        drawgen.parse("dogs", model=Trained(Mean(None, Spec()), "lines"))


def test_what_is_told(trained, monkeypatch):
    said = []
    reports = drawgen.jobs.Reports(message=said.append)
    monkeypatch.setattr("drawgen.jobs.recipe.read_recipe", lambda folder: {"data": {"longest": 3}})
    monkeypatch.setattr("drawgen.models.resolve", Path)
    drawgen.parse(["a b c d", "bad"], model=trained, constrained=False, progress=reports)
    assert said == [
        "a sentence has 4 words, and a model was trained on at most 3: its tree may be far off",
        "1 of 2 trees were not whole: brackets or words were missing or too many, and were mended",
    ]


def test_the_command(standin, capsys, monkeypatch):
    assert run(capsys, "parse", "red dogs", "cats") == (0, "(NP (NN red) (NN dogs))\n(NP (NN cats))\n", "")
    status, told, err = run(capsys, "parse", "bad", "--free", "--json", "-o", "a.svg")
    assert status == 0
    assert json.loads(told) == {"text": "bad", "tree": "(NP (NN bad))", "score": -5.0, "whole": False}
    assert "the tree was not whole" in err
    assert err.endswith("a.svg\n")
    (standin / "b.txt").write_text("one\n\ntwo\n")
    assert run(capsys, "parse", "--file", "b.txt")[1] == "(NP (NN one))\n\n(NP (NN two))\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["parse"], "give sentences in quotes, - for standard input, or --file FILE, and one of them only"),
        (["parse", "dogs", "--file", "a.txt"], "give sentences in quotes"),
        (["parse", "--file", "none.txt"], "none.txt does not exist; give a text file with a sentence per line"),
        (["parse", "--file", "bad.txt"], "bad.txt is not UTF-8 (line 2, byte 0xff"),
        (["parse", "dogs", "--size", "100x100"], "--size is that of a picture, and no file is written"),
        (["parse", "dogs", "-o", "a.gif2"], "a.gif2"),
        (["parse", "dogs", "-o", "a.json", "--size", "100x100"], "--size is 100x100, and a.json has no pixels; leave it out"),
        (["parse", "  "], "texts has no words in its number 1"),
    ],
)
def test_refused_commands(standin, capsys, words, told):
    (standin / "bad.txt").write_bytes(b"dogs\n\xff\n")
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert not list(standin.glob("a.*"))
    assert io.StringIO(err).readline().startswith("drawgen: ")
