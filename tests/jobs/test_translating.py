"""`drawgen translate`: sentences, files and standard input, and what is refused; with a stand-in that writes texts backwards."""

import json
import logging
import os
import signal
from pathlib import Path

import pytest
import torch
from command_line import run
from PIL import Image
from stand_ins.parts import Mean
from stand_ins.standin_translates import backwards

import drawgen
from drawgen import models
from drawgen.contract import Spec
from drawgen.data.pairs import Pair
from drawgen.data.pictures import DataError
from drawgen.interrupts import Interrupted
from drawgen.jobs import measuring, translating
from drawgen.jobs.asking import Trained
from drawgen.jobs.recipe import longest_text
from drawgen.jobs.reports import Reports
from drawgen.jobs.translating import BLOCK, translate_file
from drawgen.ranges import ArgumentError


class Backwards(Mean):
    """Writes a text backwards; `seen` is what it was asked."""

    attends = True

    def __init__(self, spec=None):
        letters = tuple("abcdefghijklmnopqrstuvwxyz ")
        super().__init__(None, spec or Spec(vocabulary=letters, source_vocabulary=letters, unit="characters", counts=(1, 20)))
        self.seen = []

    def translate(self, texts, *, beams=5, n=1):
        self.seen.append(list(texts))
        return [[backwards(text)._replace(score=-0.5 - rank) for rank in range(n)] for text in texts]


class Blind(Backwards):
    attends = False

    def translate(self, texts, *, beams=5, n=1):
        return [[one._replace(maps=None) for one in found] for found in super().translate(texts, beams=beams, n=n)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_bytes(b"abc\r\n\r\n  \r\nx yz\r\n")
    return tmp_path


@pytest.fixture
def model(monkeypatch):
    """The model of every name."""
    made = Backwards()
    monkeypatch.setattr(translating, "load", lambda source, device="cpu": Trained(made, source))
    return made


# ---------------------------------------------------------------- from Python


def test_translations_are_in_the_order_of_the_texts(model):
    texts = [("abcdefghij" * 2)[: n % 20 + 1] for n in range(BLOCK + 10)]
    texts[3] = texts[7] = " "
    heard = []
    found = drawgen.translate(texts, model=Trained(model, "it"), progress=heard.append)
    assert found.texts == [text[::-1].strip() for text in texts]
    assert found[3].translations == []
    assert sorted(text for texts in model.seen for text in texts) == sorted(text for text in texts if text.strip())
    assert heard[-1] == 1.0
    assert heard == sorted(heard)


def test_one_text_and_several_translations(model):
    found = Trained(model, "it").translate("abc", n=3)
    assert [one.score for one in found[0].translations] == [-0.5, -1.5, -2.5]
    assert (found[0].text, found[0].score, found[0].model) == ("cba", -0.5, "it")
    assert repr(found) == "abc -> cba; cba; cba"
    assert "<svg" in found._repr_html_()
    assert "&lt;" in Trained(model, "it").translate("<b>")._repr_html_()


def test_saving(model, here):
    found = Trained(model, "it").translate(["abc", "", "a\tb"], n=2)
    for ending in ("txt", "tsv", "jsonl", "png", "svg"):
        found.save(f"out.{ending}")
    assert Path("out.txt").read_text() == "cba\n\nb a\n"
    assert Path("out.tsv").read_text() == "abc\tcba\t-0.5000\nabc\tcba\t-1.5000\n\t\t\na b\tb a\t-0.5000\na b\tb a\t-1.5000\n"
    told = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [len(one["translations"]) for one in told] == [2, 0, 2]
    assert told[0]["translations"][0]["symbols"] == [["c", -0.1], ["b", -0.1], ["a", -0.1]]
    assert told[0]["source_symbols"] == ["a", "b", "c"]
    with Image.open("out.png") as picture:
        assert min(picture.size) > 100
    assert Path("out.svg").read_text().count("<g ") == 2
    found.save("each{i}.png")
    assert sorted(path.name for path in here.glob("each*")) == ["each1.png", "each3.png"]
    with pytest.raises(ValueError, match="exists already"):
        found.save("out.tsv")
    with pytest.raises(ValueError, match=r"out.gif cannot hold this; use one of .*\.jsonl .*\.txt"):
        found.save("out.gif")
    with pytest.raises(ValueError, match=r"at most 32 texts are drawn into one file, and there are 33; put \{i\} into the name"):
        Trained(model, "it").translate(["a"] * 33).save("many.png")
    with pytest.raises(ValueError, match="the translations have no attention"):
        Trained(Blind(), "it").translate("a").save("blind.png")


@pytest.mark.parametrize(
    ("text", "doubt", "unknown"),
    [
        ("abc", "", ()),
        ("a9", "", ("9",)),
        ("...", "it has no words", ()),
        ("999", "none of its characters is known to it", ("9",)),
        ("жук", "it is in Cyrillic letters, and it was trained on Latin", ("ж", "у", "к")),
        ("a" * 21, "it has 21 characters, and it was trained on at most 20", ()),
        ("", "", ()),
    ],
)
def test_doubts(model, text, doubt, unknown, caplog):
    with caplog.at_level(logging.INFO):
        (found,) = Trained(model, "it").translate([text])
    assert (found.doubt, found.unknown) == (doubt, unknown)
    assert [record.message for record in caplog.records] == ([f"the translation is doubtful: {doubt}"] if doubt else [])


def test_words_are_known_by_the_models_symbols():
    """With capitals and signs as the data has them."""
    model = Backwards(Spec(vocabulary=("x",), source_vocabulary=("the", "dog", "￭'s"), unit="words"))
    found = Trained(model, "it").translate(["The dog's cat.", "THE"])
    assert [one.unknown for one in found] == [("cat",), ("THE",)]
    assert [one.doubt for one in found] == ["", "none of its words is known to it"]


def test_the_length_is_that_of_the_runs_recipe(tmp_path):
    run = drawgen.train("seq2seq", "tiny", out=tmp_path / "run")
    recipe = json.loads((run.folder / "recipe.json").read_text())
    recipe["data"]["longest"] = 3
    (run.folder / "recipe.json").write_text(json.dumps(recipe))
    assert longest_text(run.spec, run.source) == (run.spec.counts[1] if run.spec.counts else 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"beams": 0}, "beams is 0; it has to be at least 1"),
        ({"n": 6}, "n is 6 and `beams` 5; a search finds at most as many translations as it has beams"),
        ({"texts": "a\0"}, "texts has a text with a zero byte as number 1; take it out"),
    ],
)
def test_arguments_are_checked(model, words, message):
    with pytest.raises(ArgumentError, match="^" + message.replace("(", r"\(")):
        drawgen.translate(**{"texts": "a", "model": Trained(model, "it")} | words)


def test_a_model_of_another_kind():
    with pytest.raises(ValueError, match="ride:dirt is not a model that translates texts; it draws pictures"):
        drawgen.load("ride:dirt").translate("a")


# ---------------------------------------------------------------- the command


def test_sentences(model, here, capsys):
    assert run(capsys, "translate", "abc", "", "x y") == (0, "cba\n\ny x\n", "")
    status, out, err = run(capsys, "translate", "abc", "жук", "-n", "2", "--attention", "a.png", "--model", "mine")
    assert out == "1\t-0.500\tcba\n1\t-1.500\tcba\n2\t-0.500\tкуж\n2\t-1.500\tкуж\n"
    assert "line 2: it is in Cyrillic letters, and mine was trained on Latin" in err
    assert (status, Path("a.png").is_file()) == (0, True)
    out = run(capsys, "translate", "abc", "--json")[1]
    assert json.loads(out)["translations"][0]["text"] == "cba"


def test_a_file(model, here, capsys):
    assert run(capsys, "translate", "--file", "lines.txt") == (0, "cba\n\n\nzy x\n", "")
    status, out, err = run(capsys, "translate", "--file", "lines.txt", "-o", "out.txt")
    assert (status, out, err) == (0, "", "out.txt: translations of 4 lines\n")
    assert Path("out.txt").read_bytes() == b"cba\n\n\nzy x\n"
    assert run(capsys, "translate", "--file", "lines.txt", "-n", "2")[1].splitlines()[1:4] == ["1\t-1.500\tcba", "2\t\t", "3\t\t"]


@pytest.mark.parametrize("name", ["-", "--file=-"])
def test_standard_input(model, here, capsys, name):
    kept = os.dup(0)
    with open("lines.txt", "rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        assert run(capsys, "translate", name) == (0, "cba\n\n\nzy x\n", "")
        os.lseek(0, 0, os.SEEK_SET)
        assert run(capsys, "translate", name, "-o", "out.tsv")[0] == 0
        assert run(capsys, "translate", name, "-o", "empty.tsv")[0] == 0
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert Path("out.tsv").read_text() == "abc\tcba\t-0.5000\n\t\t\n  \t\t\nx yz\tzy x\t-0.5000\n"
    assert Path("empty.tsv").read_bytes() == b""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to translate; give sentences in quotes, --file, or - for standard input"),
        (["", " "], "there is nothing to translate, the sentences are empty; give a sentence in quotes"),
        (["-", "abc"], "- is standard input, and 'abc' is given too; give one of the two"),
        (["abc", "--file", "lines.txt"], "--file is lines.txt, and 'abc' is given too; give one of the two"),
        (["lines.txt"], "lines.txt is a file, and sentences are taken as they are; its lines are translated by --file"),
        (["--file", "none.txt"], "none.txt does not exist; give a text file with a sentence per line"),
        (["--file", "."], ". cannot be read (Is a directory); give a text file with a sentence per line"),
        (["--file", "empty.txt"], "empty.txt is empty; give a text file with a sentence per line"),
        (["--file", "broken.txt"], "broken.txt is not UTF-8 (line 2, byte 0xff: invalid start byte); save it as UTF-8"),
        (["--file", "zero.txt"], "zero.txt is not a text (line 2 has a zero byte); give a text file with a sentence per line"),
        (["a", "--resume"], "--resume adds translations to a file, and there is none; give -o FILE"),
        (["a", "-o", "o.txt", "--json"], "--json is for translations that are printed, and -o writes o.txt; leave one"),
        (["a", "-o", "o.txt", "--attention", "b.png"],
         "--attention draws translations that are printed, and -o writes o.txt; leave one of the two out"),
        (["a", "-o", "o.txt", "-n", "2"], "-n is 2, and o.txt has one translation per line; give a .tsv or .jsonl"),
        (["a", "-o", "o.csv"], "o.csv has no known ending; use one of .jsonl .tsv .txt"),
        (["--file", "lines.txt", "-o", "lines.txt", "--force"], "lines.txt is the file that is read (lines.txt); choose"),
        (["a", "-o", "there.txt"], "there.txt exists already; replace it with --force, or add what is missing with --resume"),
        (["a", "-o", "o.txt", "--resume", "--force"],
         "--resume keeps the translations that are there, and --force replaces them; leave one of the two out"),
        (["-", "-o", "o.txt", "--resume"], "--resume reads the lines again, which standard input cannot; give --file"),
        (["-", "--attention", "b.png"], "--attention is b.png, and standard input has no end; give sentences, or --file"),
        (["a", "--attention", "b.gif"], "b.gif cannot hold this"),
    ],
)  # fmt: skip
def test_refusals(model, here, capsys, words, message):
    Path("empty.txt").touch()
    Path("broken.txt").write_bytes(b"abc\nd\xff\n")
    Path("zero.txt").write_bytes(b"abc\nd\0\n")
    Path("there.txt").write_text("kept")
    before = sorted(here.iterdir())
    status, out, err = run(capsys, "translate", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"drawgen: {message}")
    assert sorted(here.iterdir()) == before


def test_attention_of_a_model_without(here, capsys, monkeypatch):
    monkeypatch.setattr(translating, "load", lambda source, device="cpu": Trained(Blind(), source))
    status, out, err = run(capsys, "translate", "abc", "--attention", "a.png", "--model", "blind")
    assert (status, out) == (2, "")
    assert err == "drawgen: --attention is a.png, and blind was built without attention; leave it out\n"


def test_without_a_shipped_model(here, capsys, monkeypatch):
    monkeypatch.setattr(models, "assets", lambda: here)
    status, _, err = run(capsys, "translate", "abc")
    assert status == 2
    assert err.startswith("drawgen: no trained seq2seq is shipped; give a model folder, or train one")


# ---------------------------------------------------------------- files, interrupted and resumed


LINES = [f"{'abcdefghij'[: n % 10 + 1]}" if n % 7 else "" for n in range(2 * BLOCK + 50)]


@pytest.mark.parametrize(("ending", "n"), [("txt", 1), ("tsv", 1), ("tsv", 3), ("jsonl", 2)])
@pytest.mark.parametrize("kept_bytes", ["none", "torn", "a block", "all"])
def test_a_resumed_file_is_the_same(model, here, ending, n, kept_bytes):
    """Wherever it was interrupted, and in the same batches."""
    Path("in.txt").write_text("".join(line + "\n" for line in LINES))
    whole = translate_file([], f"whole.{ending}", file="in.txt", n=n)
    assert whole == (len(LINES), 0, {})
    asked, model.seen = model.seen, []
    content = Path(f"whole.{ending}").read_bytes()
    rows = content.splitlines(keepends=True)
    block = sum(n if ending == "tsv" and line else 1 for line in LINES[:BLOCK])
    there = {"none": b"", "torn": b"".join(rows[: block + 3]) + b"torn", "a block": b"".join(rows[:block]), "all": content}
    Path(f"out.{ending}").write_bytes(there[kept_bytes])
    done = translate_file([], f"out.{ending}", file="in.txt", n=n, resume=True)
    assert done.kept == {"none": 0, "all": len(LINES)}.get(kept_bytes, BLOCK)
    assert done.found == len(LINES) - done.kept
    assert Path(f"out.{ending}").read_bytes() == content
    assert model.seen == asked[done.kept // BLOCK :] if kept_bytes != "all" else not model.seen


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (b"xyz\tzyx\t-0.5\n", "resume adds to out.tsv, and line 1 has not its 1 translation there"),
        (b"abc\tcba\n", "line 1 has not its 1 translation there"),
        (b"abc\tcba\t-0.5\n" * 9, "line 2 has not its 1 translation there"),
        (b"abc\tcba\t-0.5\n\t\t\n  \t\t\nx yz\tzy x\t-0.5\nmore\tx\t1\n", "has more lines than there are"),
    ],
)
def test_translations_of_something_else_are_not_added_to(model, here, there, message):
    Path("out.tsv").write_bytes(there)
    with pytest.raises(ArgumentError, match=message):
        translate_file([], "out.tsv", file="lines.txt", resume=True)
    assert Path("out.tsv").read_bytes() == there


def test_ctrl_c_keeps_what_was_translated(model, here, monkeypatch):
    Path("in.txt").write_text("".join(line + "\n" for line in LINES))
    plain = model.translate

    def interrupted(texts, **options):
        if len(model.seen) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return plain(texts, **options)

    monkeypatch.setattr(model, "translate", interrupted)
    with pytest.raises(Interrupted, match=f"out.txt has the translations of {2 * BLOCK} of {len(LINES)} lines, and the same"):
        translate_file([], "out.txt", file="in.txt")
    assert Path("out.txt").read_text() == "".join(line[::-1] + "\n" for line in LINES[: 2 * BLOCK])
    assert translate_file([], "out.txt", file="in.txt", resume=True) == (50, 2 * BLOCK, {})
    assert Path("out.txt").read_text() == "".join(line[::-1] + "\n" for line in LINES)


def test_doubts_name_their_lines(model, here, capsys):
    Path("in.txt").write_text("abc\nжук\n" + "abc\n" * BLOCK + "жук\n")
    done = translate_file([], "out.txt", file="in.txt")
    assert list(done.doubts) == ["line 2", f"line {BLOCK + 3}"]
    _, _, err = run(capsys, "translate", "--file", "in.txt", "-o", "again.txt")
    assert err.splitlines()[1:2] == [f"drawgen: 2 of {BLOCK + 3} translations are doubtful:"]


def test_a_broken_file_is_refused_before_the_work(model, here):
    Path("in.txt").write_bytes(b"abc\n" * 2 * BLOCK + b"\xff\n")
    with pytest.raises(DataError, match=f"line {2 * BLOCK + 1}"):
        translate_file([], "out.txt", file="in.txt")
    assert not model.seen
    assert not Path("out.txt").exists()


# ---------------------------------------------------------------- scores


class Perfect(Backwards):
    def translate(self, texts, *, beams=5, n=1):
        self.seen.append(beams)
        return [[backwards(text)._replace(text="The dog is in the street.")] for text in texts]


def test_bleu(monkeypatch):
    pytest.importorskip("sacrebleu")
    pairs = [Pair("un deux", ("The dog is in the street.", "Other"))] * 3
    model = Perfect(Spec(vocabulary=("The", "dog"), source_vocabulary=("un",), unit="words"))
    scores = measuring.bleu(model, pairs, beams=3)
    assert model.seen == [3]
    assert [name.split(" ")[0] for name in scores] == ["BLEU", "chrF", "sentences_of_words_1-5", "BLEU_of_words_1-5"]
    assert list(scores.values()) == pytest.approx([100, 100, 3, 100])
    assert "case:mixed" in next(iter(scores))
    assert "case:lc" in next(iter(measuring.bleu(Perfect(), pairs)))


def test_without_sacrebleu_the_rest_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(measuring.translation_scores, "available", lambda: False)
    said = []
    folder = drawgen.train("seq2seq", "tiny", fit={"steps": 2}, out=tmp_path / "run").folder
    scores = measuring.measure(str(folder), reports=Reports(message=said.append))
    assert said == ["BLEU and chrF need the extra `eval`: pip install 'drawgen[eval]'"]
    assert set(scores) == {"pairs", "nats_per_symbol", "perplexity"}


def test_a_file_of_pairs_is_measured(tmp_path, capsys):
    pytest.importorskip("sacrebleu")
    lines = "".join(f"{'abcde'[: n % 5 + 1]}\t{'edcba'[: n % 5 + 1]}\n" for n in range(60))
    (tmp_path / "pairs.tsv").write_text(lines)
    (tmp_path / "other.tsv").write_text("a b c\tc b a\nzzz\tzzz\n")
    data = {"path": str(tmp_path / "pairs.tsv"), "unit": "characters", "min_count": 1}
    from drawgen.data.pairs import Pairs

    run_ = drawgen.train(
        "seq2seq", "translate", out=tmp_path / "run", data=Pairs(**data), model={"units": 8}, fit={"steps": 2, "minutes": 1.0}
    )
    own = run_.evaluate()
    other = run_.evaluate(data=tmp_path / "other.tsv", beams=2)
    for scores in (own, other):
        assert {"pairs", "nats_per_symbol", "perplexity"} < set(scores)
        assert sum(name.startswith("BLEU nrefs:1|case:lc|") for name in scores) == 1
    assert other["pairs"] == 2
    status, out, _ = run(capsys, "eval", tmp_path / "run", "--data", tmp_path / "other.tsv", "--json")
    assert status == 0
    assert set(json.loads(out)) == set(other)
    with pytest.raises(ValueError, match="writes no captions, of which METEOR and floors are; leave them out"):
        run_.evaluate(meteor=True)


def test_the_preview_has_text_reference_and_translation(tmp_path, monkeypatch):
    from drawgen.contract import Request
    from drawgen.jobs.previews import PreviewInput, translated

    class Data:
        def pairs(self, split):
            assert split == "valid"
            return [Pair("abc", ("one", "two"))] * 20

    found = translated(Backwards(), PreviewInput(Request(), Data(), torch.device("cpu"))).text
    assert found.startswith("abc\n= one\n> cba\n\nabc\n")
    assert found.count(">") == 8
    assert translated(Backwards(), PreviewInput(Request(), object(), torch.device("cpu"))).text is None
