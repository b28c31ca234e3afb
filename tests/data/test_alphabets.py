"""Strokes of characters as rows of a pen, and the alphabets that they are of."""

import itertools
import zipfile

import numpy as np
import pytest
import torch

from drawgen.contract import Data, HasLabelled
from drawgen.data.alphabets import Alphabets
from drawgen.data.pen_rows import MOST, STEP, lines_of, rows_of
from drawgen.data.pictures import DataError

SQUARE = [np.array([[0.0, 0], [10, 0], [10, 10]]), np.array([[0.0, 10], [0, 10]]), np.array([[5.0, 5]])]


def test_rows():
    rows = rows_of(SQUARE)
    lines = lines_of(rows)
    assert len(lines) == 3
    for line, given in zip(lines, SQUARE, strict=True):
        np.testing.assert_allclose(line[[0, -1]] * STEP, given[[0, -1]] / 10 - 0.5, atol=1e-5)
    assert rows[:, 2].sum() == 3
    assert rows[-1, 2] == 1
    inside = np.hypot(*rows[1:26, :2].T)
    assert inside.min() > 0.6  # where a corner is cut
    assert inside.max() < 1.1
    np.testing.assert_allclose(rows_of([7 * line + 3 for line in SQUARE]), rows, atol=1e-4)
    long = rows_of([np.random.default_rng(0).random((5000, 2))])
    assert len(long) <= MOST + 2


@pytest.mark.parametrize("wrong", [np.zeros((0, 3)), np.zeros((2, 2)), np.full((2, 3), np.inf), np.full((2, 3), 2.0)])
def test_refused_rows(wrong):
    with pytest.raises(ValueError, match=r"its (shape|numbers)"):
        lines_of(wrong)


def stroke(rng, steps=6):
    points = rng.random((steps, 2)) * 105
    return "START\n" + "".join(f"{x:.3f},{-y:.3f},{n}\n" for n, (x, y) in enumerate(points)) + "BREAK\n"


@pytest.fixture
def folder(tmp_path):
    """Two archives that share an alphabet, as the published ones do."""
    rng = np.random.default_rng(0)
    for number, names in enumerate((("Greek", "Latin"), ("Greek", "Korean"))):
        with zipfile.ZipFile(tmp_path / f"strokes_{number}.zip", "w") as archive:
            for name, character, person in itertools.product(names, range(6), range(3)):
                archive.writestr(f"strokes/{name}/character{character:02}/{person}.txt", stroke(rng))
    return tmp_path


def test_alphabets(folder):
    data = Alphabets(path=str(folder), batch=4)
    assert isinstance(data, Data)
    assert isinstance(data, HasLabelled)
    assert data.spec().classes == ("Greek", "Korean", "Latin")
    assert data.spec().point == 3
    assert data.notes == [
        "characters: Greek 6, Korean 6, Latin 6", "54 drawings, of which 18 are of characters that are held out"
    ]  # fmt: skip
    held = {(one.alphabet, one.character) for one, out in zip(data.characters, data.held, strict=True) if out}
    assert held == {(name, f"character{n:02}") for name in data.labels for n in (0, 5)}
    assert sum(1 for _ in data.labelled("train")) == 36
    valid = list(data.stream("valid", seed=0))
    assert sum(len(batch.labels) for batch in valid) == 18
    assert not Alphabets(path=str(folder), every=0).held.any()


def test_batches(folder):
    data = Alphabets(path=str(folder), batch=4)
    batches = list(itertools.islice(data.stream("train", seed=0), 20))
    assert batches[0].inputs.dtype == torch.float32
    again = next(data.stream("train", seed=0, start=13))
    assert all(torch.equal(*pair) for pair in zip(again, batches[13], strict=True))
    two = [next(data.stream("train", seed=0, rank=rank, ranks=2)) for rank in (0, 1)]
    whole = next(Alphabets(path=str(folder), batch=8).stream("train", seed=0))
    assert sorted(torch.cat([batch.labels for batch in two]).tolist()) == sorted(whole.labels.tolist())
    plain = Alphabets(path=str(folder), batch=4, turned=0, stretched=0, jitter=0)
    (batch,) = itertools.islice(plain.stream("train", seed=0), 1)
    known = [rows for rows, _ in plain.labelled("train")]
    for row, length in zip(batch.inputs, batch.lengths, strict=True):
        assert any(torch.allclose(row[:length], one, atol=1e-4) for one in known if len(one) == length)


def test_refused(folder, tmp_path):
    with pytest.raises(DataError, match=r"fewer than a batch of 64; lower data\.batch"):
        next(Alphabets(path=str(folder)).stream("train", seed=0))
    with pytest.raises(DataError, match="has the alphabet Korean, which is not known: Greek, Latin"):
        Alphabets(path=str(folder), classes=("Greek", "Latin")).spec()
    with pytest.raises(ValueError, match=r"data\.fold is 5; it has to be at least 0 and below 5"):
        Alphabets(fold=5)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"has no archive strokes\*\.zip"):
        Alphabets(path=str(empty)).spec()
    with pytest.raises(DataError, match="not a whole archive"):
        Alphabets(path=str(tmp_path / "no.zip")).spec()
    with zipfile.ZipFile(empty / "strokes.zip", "w") as archive:
        archive.writestr("a/Greek/c/1.txt", "START\n1,-1,0\n2,-2,1\nBREAK\n")
        archive.writestr("a/Greek/c/2.txt", "nonsense")
    data = Alphabets(path=str(empty))
    with pytest.raises(DataError, match="has only the alphabet Greek"):
        data.spec()
    assert len(data.problems) == 1


def test_omniglot(data):
    found = Alphabets(path=str(data / "omniglot"))
    assert len(found.labels) == 6
    assert len(found.characters) == 3660
    assert not found.problems
    assert int(found.held.sum()) == 780
