"""Texts with labels as batches: what is held out, how long texts are cut, resumed and shared between processes."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch

from drawgen.contract import Data, Digests, HasLabelled, HasNotes, LeavesOut, generator
from drawgen.data.labelled import UNKNOWN, LabelledTexts, MadeUpWords, by_length
from drawgen.data.pictures import DataError

RNG = np.random.default_rng(0)
TEXTS = ["".join(RNG.choice(list("abcdef ghij"), RNG.integers(4, 40))) for _ in range(300)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "t.csv"
    lines = [f"{text}z,{'xyz'[n % 3]}\n" for n, text in enumerate(TEXTS)]
    path.write_text("text,label\n" + "".join(lines + lines[:40]), encoding="utf-8")
    return path


def texts_of(batch, data):
    vocabulary = data.spec().symbols
    return ["".join(vocabulary[n] for n in row[:length]) for row, length in zip(batch.inputs, batch.lengths, strict=True)]


def test_what_it_is(file):
    data = LabelledTexts(path=str(file))
    assert all(isinstance(data, kind) for kind in (Data, HasLabelled, HasNotes, LeavesOut, Digests))
    spec = data.spec()
    assert spec.vocabulary == (UNKNOWN, " ", *"abcdefghij", "z")
    assert (spec.classes, spec.unit) == (("x", "y", "z"), "characters")
    assert data.notes[0] == "340 texts with 3 labels: x 114, y 113, z 113"
    assert not data.problems
    assert LabelledTexts(path=str(file)).digest() == data.digest()


def test_held_out_texts_are_the_same_each_time_and_in_one_part_only(file):
    data = LabelledTexts(path=str(file), held_out=0.1)
    parts = {split: Counter(data.labelled(split)) for split in data.splits}
    assert parts["train"] + parts["valid"] == parts["all"]
    assert not {text for text, _ in parts["train"]} & {text for text, _ in parts["valid"]}
    assert {label: len({text for text, own in parts["valid"] if own == label}) for label in "xyz"} == dict.fromkeys("xyz", 10)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    assert Counter(LabelledTexts(path=str(file), held_out=0.1).labelled("valid")) == parts["valid"]
    assert not list(LabelledTexts(path=str(file), held_out=0).labelled("valid"))


def test_an_epoch_has_each_text_once(file):
    data = LabelledTexts(path=str(file), batch=8)
    count = sum(1 for _ in data.labelled("train"))
    seen, widths = Counter(), []
    for batch in itertools.islice(data.stream("train", seed=3), count // 8):
        seen.update(zip(texts_of(batch, data), (data.labels[n] for n in batch.labels), strict=True))
        widths.append(int(batch.lengths.max() - batch.lengths.min()))
        assert batch.inputs.shape == (8, int(batch.lengths.max()))
    assert seen <= Counter(data.labelled("train"))
    assert np.mean(widths) < 6  # of 4 to 40
    valid = Counter()
    for batch in data.stream("valid", seed=0):
        valid.update(zip(texts_of(batch, data), (data.labels[n] for n in batch.labels), strict=True))
    assert valid == Counter(data.labelled("valid"))


def test_it_resumes_and_is_shared(file):
    """From any step on the same batches; two processes have what one has in a batch of twice the size."""
    data = LabelledTexts(path=str(file), batch=8, longest=12, shortest=2)
    batches = list(itertools.islice(data.stream("train", seed=1), 90))
    for start in (1, 40, 77):
        again = next(data.stream("train", seed=1, start=start))
        assert all(torch.equal(one, other) for one, other in zip(again, batches[start], strict=True))
    assert not torch.equal(batches[0].labels, next(data.stream("train", seed=2)).labels)
    two = [next(data.stream("train", seed=1, rank=rank, ranks=2)) for rank in (0, 1)]
    whole = next(LabelledTexts(path=str(file), batch=16, longest=12, shortest=2).stream("train", seed=1))
    assert sorted(texts_of(two[0], data) + texts_of(two[1], data)) == sorted(texts_of(whole, data))
    shares = [sum(len(batch.labels) for batch in data.stream("valid", seed=0, rank=rank, ranks=2)) for rank in (0, 1)]
    assert sum(shares) == sum(1 for _ in data.labelled("valid"))


@pytest.mark.parametrize("cut", ["random", "start"])
def test_long_texts_are_cut(file, cut):
    data = LabelledTexts(path=str(file), batch=8, longest=10, cut=cut)
    whole = {text for text, _ in data.labelled("train")}
    found = [text for batch in itertools.islice(data.stream("train", seed=0), 60) for text in texts_of(batch, data)]
    assert max(map(len, found)) == 10
    starts = [any(text.startswith(piece) for text in whole) for piece in found]
    assert all(any(piece in text for text in whole) for piece in found)
    assert all(starts) == (cut == "start")
    valid = [text for batch in data.stream("valid", seed=0) for text in texts_of(batch, data)]
    assert Counter(valid) == Counter(text[:10] for text, _ in data.labelled("valid"))


def test_random_lengths(file):
    data = LabelledTexts(path=str(file), batch=8, longest=20, shortest=1)
    lengths = [n for batch in itertools.islice(data.stream("train", seed=0), 200) for n in batch.lengths.tolist()]
    assert min(lengths) == 1
    assert max(lengths) == 20
    assert sum(n <= 4 for n in lengths) > 0.3 * len(lengths)  # each octave about as often


def test_by_length():
    counts = np.arange(1000)[::-1].copy() % 37
    batches = by_length(counts, 10, generator(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert np.median([np.ptp(counts[batch]) for batch in batches]) <= 2


def test_words(tmp_path):
    (tmp_path / "t.csv").write_text("The dog,x\nthe cat!,x\na dog,y\na dog and a cat,y\n?!,y\n", encoding="utf-8")
    data = LabelledTexts(path=str(tmp_path / "t.csv"), unit="words", batch=1, min_count=1)
    assert data.spec().unit == "words"
    assert set(data.spec().symbols) <= {UNKNOWN, "the", "dog", "cat", "a", "and"}
    assert list(data.problems.values()) == ["it has no words"]
    assert sum(1 for _ in data.labelled("all")) == 4


def test_rare_characters_are_unknown(tmp_path):
    (tmp_path / "t.csv").write_text("ab,x\naq,x\nac,y\nab,y\nbb,y\n", encoding="utf-8")
    data = LabelledTexts(path=str(tmp_path / "t.csv"), held_out=0, batch=5)
    assert data.spec().symbols == (UNKNOWN, "a", "b")
    assert "2 different characters, and 20.00% are unknown" in data.notes
    known = LabelledTexts(path=str(tmp_path / "t.csv"), vocabulary=(UNKNOWN, "b"), classes=("z", "y", "x"), batch=5)
    assert known.spec().classes == ("z", "y", "x")
    (batch,) = known.stream("all", seed=0)
    assert batch.inputs.max() == 1


@pytest.mark.parametrize(
    ("content", "settings", "told"),
    [
        ("a,x\nb,x\n", {}, "has only the label 'x'; give texts of at least two labels"),
        ("a,x\nb,x\nc,y\n", {}, r"line 3: the label 'y' has one text, and .*; give more of it, or take it out$"),
        ("tune,key\na,x\nb,x\nc,y\nd,y\n", {}, r"line 1: the label 'key' has one text.* \(a line of headings names its columns"),
        ("a,x\nb,x\nc,y\nd,y\n", {"batch": 4}, "has 2 texts beside the 2 for validation, fewer than a batch of 4"),
        ("a,x\nb,w\n", {"classes": ("x", "y")}, "line 2: the label 'w' is not one of those that are known: x, y"),
        ("text,label\n,x\n", {}, "has no text with a label"),
    ],
)
def test_refused(tmp_path, content, settings, told):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        next(LabelledTexts(path=str(tmp_path / "t.csv"), **settings).stream("train", seed=0))


def test_refused_settings():
    with pytest.raises(ValueError, match=r"data\.unit is 'letters'; it is one of words, characters"):
        LabelledTexts(unit="letters")
    with pytest.raises(ValueError, match=r"data\.shortest is 9; it has to be at least 0 and at most 5"):
        LabelledTexts(shortest=9, longest=5)


def test_made_up_words():
    data = MadeUpWords(count=50, batch=16)
    assert isinstance(data, Data)
    assert isinstance(data, HasLabelled)
    for word, label in data.labelled("valid"):
        assert (word[-1] in "aeiou") == (label == "open")
    assert sum(len(batch.labels) for batch in data.stream("valid", seed=0)) == 50
    batch = next(data.stream("train", seed=0, start=5))
    assert all(torch.equal(*pair) for pair in zip(batch, list(itertools.islice(data.stream("train", seed=0), 6))[5], strict=True))
    assert (batch.inputs > 0).sum() == batch.lengths.sum()
