"""Handwriting in the form of IAM-OnDB, from files that are written here."""

import re
import shutil

import numpy as np
import pytest
import torch

from drawgen.data.hand_letters import written
from drawgen.data.iam_online import IamOnline, strokes_in, texts_in
from drawgen.data.pictures import DataError
from drawgen.ranges import ArgumentError

HEAD = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<WhiteboardCaptureSession><StrokeSet>'
TAIL = "</StrokeSet></WhiteboardCaptureSession>\n"
TEXTS = ("a small house", "by the sea", "and a boat")


def xml(lines, scale=400.0):
    strokes = "".join(
        '<Stroke colour="black">'
        + "".join(f'<Point x="{x:.0f}" y="{y:.0f}" time="{t}"/>' for t, (x, y) in enumerate(line * scale + 1000))
        + "</Stroke>"
        for line in lines
    )
    return HEAD + strokes + TAIL


@pytest.fixture
def folder(tmp_path):
    """Four forms of three lines."""
    for form in range(4):
        name = f"a01-00{form}u"
        ink, texts = tmp_path / "lineStrokes/a01" / name, tmp_path / "ascii/a01" / name
        ink.mkdir(parents=True)
        texts.mkdir(parents=True)
        for number, text in enumerate(TEXTS, 1):
            lines = written(text, np.random.default_rng((form, number)))
            (ink / f"{name}-{number:02d}.xml").write_text(xml(lines), encoding="latin-1")
        (texts / f"{name}.txt").write_text("OCR:\n\nA SMAL\n\nCSR:\n\n" + "\n".join(TEXTS) + "\n\n", encoding="latin-1")
    return tmp_path


def data_of(folder, **settings):
    return IamOnline(path=str(folder), **{"batch": 2, "held_out": 0.25, **settings})


def first(folder):
    return folder / "lineStrokes/a01/a01-000u/a01-000u-02.xml", folder / "ascii/a01/a01-000u/a01-000u.txt"


def test_lines_have_their_texts(folder):
    data = data_of(folder)
    lines, step = data.parts
    assert sorted(line.text for line in lines["train"]) == sorted(TEXTS * 3)
    assert len(lines["valid"]) == 3
    assert not data.problems
    assert data.spec().vocabulary == tuple(sorted(set("".join(TEXTS))))
    assert data.spec().step == step
    assert 0.05 < step < 0.5  # the height of a line is 1
    steps = np.concatenate([line.rows[1:, :2] for line in lines["train"]])
    assert steps.std() == pytest.approx(1, rel=1e-4)
    batch = next(iter(data.stream("train", seed=0)))
    assert batch.items() == ("lines", 2)
    assert sum(len(batch.rows) for batch in data.stream("valid", seed=0)) == 3


def test_a_line_is_what_was_written(folder):
    original = written(TEXTS[1], np.random.default_rng((0, 2)))
    found = strokes_in(first(folder)[0])
    for before, after in zip(original, found, strict=True):
        np.testing.assert_allclose(before * 400 + 1000, after, atol=0.51)


def test_training_is_reshuffled_and_can_go_on_anywhere(folder):
    data = data_of(folder)
    stream = data.stream("train", seed=1)
    batches = [next(stream).rows for _ in range(9)]
    assert torch.equal(next(data.stream("train", seed=1, start=7)).rows, batches[7])


def test_the_digest_is_that_of_the_files(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("moved") / "iam"
    shutil.copytree(folder, other)
    assert data_of(folder).digest() == data_of(other).digest()
    first(other)[0].write_text(xml(written("other", np.random.default_rng(0))), encoding="latin-1")
    assert data_of(folder).digest() != data_of(other).digest()


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
POINT = '<Point x="{}" y="1"/>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is not XML that can be read"),
        ("<a><b></a>", "it is not XML that can be read"),
        (f"{BOMB}<StrokeSet>&b;</StrokeSet>", "it declares entities, which are not read"),
        (HEAD + TAIL, "it has no strokes"),
        (HEAD + "<Stroke></Stroke>" + TAIL, "it has no strokes"),
        (HEAD + f"<Stroke>{POINT.format('nan')}</Stroke>" + TAIL, "a coordinate is not finite or beyond 1e\\+06"),
        (HEAD + f"<Stroke>{POINT.format('1e9')}</Stroke>" + TAIL, "a coordinate is not finite or beyond 1e\\+06"),
        (HEAD + f"<Stroke>{POINT.format('here')}</Stroke>" + TAIL, "an x or a y that is no number"),
        (HEAD + '<Stroke><Point y="1"/></Stroke>' + TAIL, "a point has no x or no y"),
        (HEAD + f"<Stroke>{POINT.format('1')}</Stroke>" + TAIL, "it has 1 points, not 2 to 1500"),
        (HEAD + f"<Stroke>{POINT.format('1') * 1501}</Stroke>" + TAIL, "it has 1501 points, not 2 to 1500"),
    ],
)
def test_a_line_that_cannot_be_read_is_left_out_and_listed(folder, content, words):
    path = first(folder)[0]
    path.write_text(content, encoding="utf-8")
    data = data_of(folder)
    lines, _ = data.parts
    assert sum(map(len, lines.values())) == 11
    [(name, why)] = data.problems.items()
    assert name == str(path)
    assert "\n" not in why
    assert re.search(words, why)


def test_an_empty_stroke_among_others_is_nothing(folder):
    path = first(folder)[0]
    path.write_text(path.read_text(encoding="latin-1").replace("<StrokeSet>", "<StrokeSet><Stroke/>"), encoding="latin-1")
    data = data_of(folder)
    assert sum(map(len, data.parts[0].values())) == 12
    assert not data.problems


@pytest.mark.parametrize(
    ("told", "count", "words"),
    [
        (None, 3, "there is no a01-000u.txt with its text"),
        ("OCR:\n\nA SMAL\n", 3, "it has no line CSR:"),
        ("CSR:\n\na small house\n", 2, "has 1 lines of text"),
        ("CSR:\n\na small house\n" + "x" * 81 + "\nand a boat\n", 1, "its text has 81 characters, more than 80"),
    ],
)
def test_lines_without_a_text_are_left_out_and_listed(folder, told, count, words):
    path = first(folder)[1]
    path.unlink()
    if told is not None:
        path.write_text(told, encoding="latin-1")
    data = data_of(folder)
    assert sum(map(len, data.parts[0].values())) == 12 - count
    assert len(data.problems) == count
    assert all(words in why for why in data.problems.values())


def test_texts_are_those_after_csr(folder):
    assert texts_in(first(folder)[1]) == list(TEXTS)


def test_held_out_characters_that_training_lacks_are_left_out(folder):
    path = folder / "ascii/a01/a01-003u/a01-003u.txt"
    path.write_text("CSR:\n\na small house\nby the sea!\nand a boat\n", encoding="latin-1")
    data = data_of(folder)
    assert len(data.parts[0]["valid"]) == 2
    assert list(data.problems.values()) == ["it has '!', which no training line has"]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda path: None, "is not a folder of handwriting; unpack"),
        (lambda path: path.mkdir(), "has no lines of handwriting, files such as"),
        (lambda path: (path.mkdir(), (path / "a-01.xml").write_text("<a>", encoding="utf-8")), "no lines to learn from"),
    ],
)
def test_a_folder_of_something_else_is_refused_in_one_sentence(tmp_path, made, words):
    made(tmp_path / "iam")
    with pytest.raises(DataError, match=words) as caught:
        data_of(tmp_path / "iam").spec()
    assert str(tmp_path / "iam") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_few_lines_for_a_batch(folder):
    with pytest.raises(DataError, match=r"has 9 lines to learn from, fewer than a batch of 10; lower data\.batch"):
        next(iter(data_of(folder, batch=10).stream("train", seed=0)))
    with pytest.raises(ArgumentError, match=r"data\.most_points is 1"):
        IamOnline(most_points=1)
