"""drawgen sample of a model of text."""

import json
import math

import pytest
import torch
from command_line import run

from drawgen import models
from drawgen.cli import main
from drawgen.data.text import encode


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    """A model folder of `char_rnn`, trained on a short text."""
    folder = tmp_path_factory.mktemp("writer")
    (folder / "a.txt").write_text("The cat sat on the mat.\n" * 60)
    line = f"train char_rnn tiny --out {folder}/run --data.batch 3 --fit.steps 3"
    assert main(line.split()) == 0
    line = (
        f"train char_rnn shakespeare --out {folder}/cats --data.path {folder}/a.txt --data.batch 4 --data.length 10 --data.pieces 1"
    )
    assert main([*line.split(), "--model.units", "8", "--fit.steps", "3"]) == 0
    return folder


def test_text_is_printed(writer, capsys):
    """The prime first, twice alike, and the same as in a file; several with a line between them."""
    words = ["sample", writer / "cats", "--prime", "The c", "--length", "40", "--temperature", "0.5", "--seed", "3"]
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    assert out.startswith("The c")
    assert len(out.rstrip("\n")) <= 45
    assert run(capsys, *words)[1] == out
    assert run(capsys, *words[:-1], "4")[1] != out
    _, both, _ = run(capsys, *words, "-n", "2")
    assert both.startswith(out.rstrip("\n"))
    assert "\n----\nThe c" in both
    file = writer / "out.txt"
    assert run(capsys, *words, "-o", file)[:2] == (0, f"{file}\n")
    assert file.read_text().rstrip("\n") == out.rstrip("\n")
    ended = run(capsys, *words, "--until", out[12:14])[1].rstrip("\n")
    assert ended == out[: out.index(out[12:14], 5) + 2].rstrip("\n")


def test_text_is_printed_as_it_comes_and_ctrl_c_keeps_it(writer, capsys, monkeypatch, tmp_path):
    from drawgen.models.char_rnn import CharRNN

    write = CharRNN.write

    def interrupted(self, request, index):
        pieces = write(self, request, index)
        yield from (next(pieces) for _ in range(3))
        raise KeyboardInterrupt

    _, whole, _ = run(capsys, "sample", writer / "cats")
    monkeypatch.setattr(CharRNN, "write", interrupted)
    status, out, err = run(capsys, "sample", writer / "cats")
    assert (status, err) == (130, "drawgen: interrupted\n")
    assert len(out) > 20
    assert whole.startswith(out.rstrip("\n"))
    assert run(capsys, "sample", writer / "cats", "-o", tmp_path / "x.txt")[0] == 130
    assert (tmp_path / "x.txt").read_text().rstrip("\n") == out.rstrip("\n")


def test_text_models_are_measured_on_other_texts(writer, capsys):
    other = writer / "b.txt"
    other.write_text("the mat sat on the cat.\n" * 60)
    scores = json.loads(run(capsys, "eval", writer / "cats", "--data", other, "--json")[1])
    assert scores["bits_per_char"] == pytest.approx(scores["nats_per_char"] / math.log(2))
    assert json.loads(run(capsys, "eval", writer / "cats", "--json")[1]) != scores


def test_a_text_that_is_handed_in_is_measured_whole(writer, capsys, tmp_path):
    """As one stream, and counted; however its lines end, and with a byte order mark or without."""
    lines = "the mat sat on the cat.\n" * 50
    measured = []
    for number, ending in enumerate(("\n", "\r\n", "\r")):
        file = tmp_path / f"{number}.txt"
        file.write_bytes(b"\xef\xbb\xbf" * min(number, 1) + lines.replace("\n", ending).encode())
        measured.append(json.loads(run(capsys, "eval", writer / "cats", "--data", file, "--json")[1]))
    assert measured[0] == measured[1] == measured[2]
    assert measured[0]["symbols"] == len(lines)
    model = models.load(writer / "cats")
    row = torch.tensor([encode("\n" + lines, model.spec.vocabulary)])
    with torch.no_grad():
        nats, _ = model.nats(row, model.decoder.start(1))
    assert measured[0]["nats_per_char"] == pytest.approx(float(nats.mean()), rel=1e-4)
    held = json.loads(run(capsys, "eval", writer / "cats", "--data", tmp_path / "0.txt", "--split", "valid", "--json")[1])
    assert held["symbols"] == len(lines) // 20
    whole = json.loads(run(capsys, "eval", writer / "cats", "--split", "all", "--json")[1])
    assert whole["symbols"] == len("The cat sat on the mat.\n") * 60


def test_a_foreign_text_by_the_shipped_model(data, capsys):
    case = data.parent / "cases" / "eval-foreign-text.txt"
    if not case.is_file():
        pytest.skip(f"{case} is not there")
    scores = json.loads(run(capsys, "eval", "char_rnn", "--data", case, "--json")[1])
    assert scores["symbols"] == 1900
    assert scores["nats_per_char"] == pytest.approx(0.877, abs=0.003)


def test_a_model_trained_on_crlf_meets_lf(tmp_path, capsys):
    """And has no symbol for what ends a line beside the new line, nor for the byte order mark."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + b"The cat sat.\r\n" * 60)
    line = f"train char_rnn shakespeare --out {tmp_path}/run --data.path {tmp_path}/a.txt --data.batch 2 --data.length 9"
    assert main([*line.split(), "--data.pieces", "1", "--model.units", "8", "--fit.steps", "2"]) == 0
    spec = json.loads((tmp_path / "run" / "config.json").read_text())["spec"]
    assert spec["vocabulary"] == sorted(set("The cat sat.\n"))
    texts = [
        run(capsys, "sample", tmp_path / "run", "--length", "30", "--prime", prime)[1] for prime in ("The\n", "The\r\n", "The\r")
    ]
    assert texts[0] == texts[1] == texts[2]


def test_a_card_and_a_config_of_text_say_what_they_are(writer):
    assert "drawgen sample FOLDER -o OUT.txt" in (writer / "cats" / "README.md").read_text()
    spec = json.loads((writer / "cats" / "config.json").read_text())["spec"]
    assert spec == {"vocabulary": sorted(set("The cat sat on the mat.\n"))}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sample", "CATS", "--prime", "Zebra"], "the character 'Z' (number 1 of the text) is not among the"),
        (["sample", "CATS", "--size", "20x20"], "writes text; leave --size out"),
        (["sample", "CATS", "--tile"], "writes text; leave --tile out"),
        (["sample", "CATS", "--boxes"], "writes text; leave --boxes out"),
        (["sample", "CATS", "--length", "0"], "--length is 0"),
        (["sample", "CATS", "--temperature", "0"], "--temperature is 0.0"),
        (["sample", "CATS", "--temperature", "nan"], "--temperature is nan"),
        (["sample", "CATS", "--top-k", "-1"], "--top-k is -1; it has to be at least 0"),
        (["sample", "CATS", "--top-p", "0"], "--top-p is 0.0; it has to be above 0 and at most 1"),
        (["sample", "CATS", "-o", "new.png"], "choose another ending, as .txt"),
        (["sample", "CATS", "-o", "none/new.txt"], "the folder none does not exist"),
        (["sample", "draw"], "draws pictures; give --out, the file to write"),
        (["sample", "draw", "-o", "new.png", "--prime", "x"], "draws pictures; leave --prime out"),
        (["sample", "draw", "-o", "new.png", "--length", "5"], "draws pictures; leave --length out"),
        (["sample", "draw", "-o", "new.png", "--until", "x"], "draws pictures; leave --until out"),
        (["sample", "CATS", "--until", "Zebra"], "the character 'Z' (number 1 of the text) is not among the"),
        (["eval", "CATS", "--data", "EMPTY"], "is empty"),
        (["eval", "CATS", "--data", "BROKEN"], "is not UTF-8 at byte 2"),
        (["eval", "CATS", "--data", "OTHER"], "has 297 characters that are not among the 13 that the model knows ('Z' 'b' 'r'"),
        (["eval", "RUN", "--data", "OTHER"], "leave --data out"),
        (["reconstruct", "CATS", "x.png", "-o", "new.png"], "is not a model that redraws pictures; it writes text: drawgen sample"),
        (["train", "char_rnn", "--out", "new", "--data.path", "SHORT"], "lower data.pieces"),
        (["train", "char_rnn", "--out", "new", "--data.path", "SHORT", "--data.pieces", "1"], "lower data.batch or data.length"),
        (["train", "char_rnn", "--out", "new", "--data.path", "none.txt"], "none.txt does not exist"),
    ],
)
def test_text_refusals(writer, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    files = {"EMPTY": b"", "BROKEN": b"ab\xff", "OTHER": b"Zebra " * 99, "SHORT": b"a few words"}
    named = {"CATS": str(writer / "cats"), "RUN": str(writer / "run")}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    status, out, err = run(capsys, *(named.get(word, word) for word in words))
    assert (status, out) == (2, "")
    assert sentence in err.splitlines()[-1]
    assert not any(path.name.startswith("new.") for path in tmp_path.iterdir())


def test_a_text_that_changed_is_not_trained_on_further(writer, capsys):
    (writer / "c.txt").write_text("abcd\n" * 200)
    line = f"train char_rnn shakespeare --out {writer}/c --data.path {writer}/c.txt --data.batch 4 --data.length 10 --model.units 8"
    assert main([*line.split(), "--fit.steps", "2"]) == 0
    (writer / "c.txt").write_text("abcde\n" * 200)
    status, _, err = run(capsys, "train", "char_rnn", "shakespeare", "--out", writer / "c", "--resume")
    assert status == 2
    assert "c.txt is not the data that" in err
