"""Treebanks: what is held out, words and their signatures, batches that depend on the seed and the step alone."""

import gzip

import pytest
import torch

from drawgen.data.penn_text import as_written, known, penn_words, signatures
from drawgen.data.pictures import DataError
from drawgen.data.tree_batches import FINISH, UNKNOWN
from drawgen.data.treebanks import REPLACED, Treebank, divided
from drawgen.ranges import ArgumentError
from drawgen.trees.linear import XX, tree_of

NOUNS = ("dogs", "cats", "birds", "mice", "boxing", "running", "walking")


def trees(count, begin=0):
    """Every noun, in sentences of different lengths; each eleventh has a noun of its own."""
    lines = []
    for n in range(begin, begin + count):
        noun = NOUNS[n % len(NOUNS)] if n % 11 else f"once{n}ing"
        more = " (ADVP (RB loudly))" * (n % 4)
        lines.append(f"(ROOT (S (NP-SBJ (NNS {noun})) (VP (VBP bark){more}) (. .)))")
    return "\n".join(lines)


@pytest.fixture
def folder(tmp_path):
    for n in range(10):
        (tmp_path / f"{n}.ptb").write_text(trees(20, 20 * n))
    return tmp_path


def first(data, split="train", **how):
    return next(iter(data.stream(split, seed=1, **how)))


def test_batches(folder):
    data = Treebank(path=str(folder), batch=8)
    spec = data.spec()
    assert spec.vocabulary[:2] == (FINISH, XX)
    assert set(spec.vocabulary[2:]) == {f"{mark}{label}" for mark in "()" for label in ("S", "NP", "VP", "ADVP")}
    assert spec.source_vocabulary[0] == UNKNOWN
    assert spec.unit == "words"
    assert set(spec.classes) == {"NNS", "VBP", "RB", "."}
    batch = first(data)
    assert batch.items() == ("sentences", 8)
    for row, (words, symbols) in enumerate(zip(batch.words, batch.symbols, strict=True)):
        many, length = int(batch.word_lengths[row]), int(batch.symbol_lengths[row])
        names = [spec.vocabulary[number] for number in symbols]
        assert set(names[length - 1 :]) == {FINISH}
        tags = [spec.classes[number] for number in batch.tags[row, :many]]
        tree = tree_of(names[: length - 1], [spec.source_vocabulary[number] for number in words[:many]], tags)
        assert tree.label == "S"
        assert not words[many:].any()
    lengths = {int(length) for length in batch.word_lengths}
    assert max(lengths) - min(lengths) <= 3
    held = list(data.stream("valid", seed=0))
    assert sum(len(each.words) for each in held) == 20
    shares = [each for rank in range(2) for each in data.stream("valid", seed=0, rank=rank, ranks=2)]
    assert sum(len(each.words) for each in shares) == 20


def test_streams_depend_on_seed_step_and_rank(folder):
    data = Treebank(path=str(folder), batch=8)
    stream = iter(data.stream("train", seed=1))
    several = [next(stream) for _ in range(20)]
    for start in (1, 7, 19):
        assert all(torch.equal(a, b) for a, b in zip(several[start], first(data, start=start), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first(data), first(data, rank=1, ranks=2), strict=True))


def test_rare_words_are_replaced_as_often_as_told(folder):
    """By their signatures; those that occur once are not known at all."""
    data = Treebank(path=str(folder), batch=32, min_count=2)
    names = data.spec().source_vocabulary
    assert "<unknown-D-ing>" in names
    assert not any(name.startswith("once") for name in names)
    shared = {names.index(name) for name in names if name.startswith("<")}
    stream, replaced, count = iter(data.stream("train", seed=3)), 0, 0
    for _ in range(60):
        batch = next(stream)
        inside = torch.arange(batch.words.shape[1]) < batch.word_lengths[:, None]
        nouns = batch.words[inside & (batch.tags == data.tables[2]["NNS"])].tolist()
        count += len(nouns)
        replaced += sum(number in shared for number in nouns)
    expected = sum(1 if data.counts[one.words[0]] < 2 else REPLACED / (REPLACED + data.counts[one.words[0]])
                   for one in data.sentences("train")) / len(data.sentences("train"))  # fmt: skip
    assert replaced / count == pytest.approx(expected, abs=4 * (expected / count) ** 0.5)


def test_what_is_held_out(folder, tmp_path):
    """Whole files, evenly spread; the end of the trees where there are too few files; a second path."""
    data = Treebank(path=str(folder))
    assert "1 of 10 files held out" in data.notes[0]
    assert data.sentences("valid")[0].words[0] in str(trees(20, 180))
    kept, held, _ = divided([[n] for n in range(30)], 0.1)
    assert held == [9, 19, 29]
    assert len(kept) == 27
    assert [len(each) for each in divided([[1] * 10, [2] * 10], 0.25)[:2]] == [15, 5]
    assert divided([[1, 2]], 0.0)[:2] == ([1, 2], [])
    one = Treebank(path=str(folder / "0.ptb"))
    assert (len(one.sentences("train")), len(one.sentences("valid"))) == (18, 2)
    two = Treebank(path=str(folder / "0.ptb"), valid=str(folder / "1.ptb"))
    assert (len(two.sentences("train")), len(two.sentences("valid"))) == (20, 20)
    same = Treebank(path=str(folder / "0.ptb"), valid=str(folder / "0.ptb"))
    assert same.sentences("train") == same.sentences("valid")
    assert one.digest() != two.digest()


def test_long_sentences_and_foreign_brackets(folder):
    data = Treebank(path=str(folder), longest=4)
    assert "have more than 4 words" in data.notes[1]
    assert all(int(batch.word_lengths.max()) <= 4 for _, batch in zip(range(20), data.stream("train", seed=0), strict=False))
    brackets = ("(S", ")S", "(NP", ")NP", "(VP", ")VP")
    given = Treebank(path=str(folder), vocabulary=(FINISH, XX, *brackets), source_vocabulary=(UNKNOWN, "."), classes=("X",))
    assert given.spec().source_vocabulary == (UNKNOWN, ".")
    assert sum(len(batch.words) for batch in given.stream("valid", seed=0)) == 5  # those without ADVP


def test_other_files(tmp_path):
    """Packed ones, and texts without trees beside them."""
    (tmp_path / "a.mrg.gz").write_bytes(gzip.compress(trees(30).encode()))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.TREE").write_bytes(b"\xef\xbb\xbf" + trees(10).replace("\n", "\r\n").encode())
    (tmp_path / "readme.txt").write_text("No trees here.")
    (tmp_path / "c.prd").write_text("( (S (-NONE- *)) )")
    data = Treebank(path=str(tmp_path))
    assert len(data.sentences("train")) + len(data.sentences("valid")) == 40
    assert sorted(data.problems.values()) == ["it has no brackets, and so no trees", "it has no words but traces"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"(S (NP a)\n(S b", "bad.ptb, line 1: the tree that begins here does not close"),
        (b"(S a)\n\xff", "bad.ptb is not UTF-8 .line 2, byte 0xff"),
        (b"(S a)\n(S \0)", "bad.ptb is not a text .line 2 has a zero byte"),
        (b"", "bad.ptb has no trees"),
        (b"\x1f\x8b\x08\x00broken", "bad.ptb is a damaged gzip file|bad.ptb cannot be read"),
        (b"(S (NP b) (VP a))", "no word that occurs 2 times"),
    ],
)
def test_refusals(tmp_path, content, words):
    (tmp_path / "bad.ptb").write_bytes(content)
    with pytest.raises(DataError, match=words) as error:
        Treebank(path=str(tmp_path / "bad.ptb")).spec()
    assert "\n" not in str(error.value)


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Treebank(path=str(tmp_path / "none.ptb")).spec()
    with pytest.raises(DataError, match="has no files of trees"):
        Treebank(path=str(tmp_path)).spec()
    with pytest.raises(ArgumentError, match=r"data\.held_out is 1"):
        Treebank(held_out=1)
    (tmp_path / "a.ptb").write_text(trees(20))
    with pytest.raises(DataError, match="has 0 sentences of up to 1 words"):
        first(Treebank(path=str(tmp_path), longest=1))


@pytest.mark.parametrize("name", ["gum_trees/GUM_court_fire.ptb", "craft_trees/11897010.tree"])
def test_published_treebanks(data, name):
    """All of a file is read; the words of nearly all sentences are split again as they were."""
    bank = Treebank(path=str(data / name), held_out=0)
    found = bank.sentences("train")
    assert not bank.problems
    assert len(found) > 30
    same = sum(penn_words(" ".join(one.words)) == list(one.words) for one in found)
    assert same / len(found) > 0.95


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("They don't know John's dog.", "They do n't know John 's dog ."),
        ('"Yes," he said (twice).', "`` Yes , '' he said -LRB- twice -RRB- ."),
        ("I can't, won't and cannot go!", "I ca n't , wo n't and can not go !"),
        ("The dogs' toys cost $5.50, i.e. 10% more...", "The dogs ' toys cost $ 5.50 , i.e. 10 % more ..."),
        ("Mr. Smith lives in the U.S. He is 42.", "Mr. Smith lives in the U.S. He is 42 ."),
        ("It is late. We go home.", "It is late . We go home ."),
        ("It’s “fine” – really—yes", "It 's `` fine '' – really — yes"),
        ("'Stop' he said, 'or I'll call'", "` Stop ' he said , ` or I 'll call '"),
        ("the 20-year-old co-author and/or e-mail", "the 20 - year - old co-author and / or e-mail"),
        ("See http://a-b.org/x-y, or mail a.b@c-d.com.", "See http://a-b.org/x-y , or mail a.b@c-d.com ."),
        ("at 10:30 on 1,000 [old] {new} word(s)", "at 10:30 on 1,000 [ old ] -LCB- new -RCB- word-LRB-s-RRB-"),
        ("wait... what?!", "wait ... what ? !"),
        ("a (b", "a -LRB- b"),
        ("x(y z", "x-LRB-y z"),
        ("rock 'n' roll in the '90s", "rock ` n ' roll in the '90s"),
        ("  \t ", ""),
        ("--", "--"),
        ("'", "'"),
    ],
)
def test_penn_words(text, words):
    assert " ".join(penn_words(text)) == words
    assert penn_words(words) == words.split()  # what is split stays


def test_without_hyphens():
    assert penn_words("a 20-year-old and/or", hyphens=False) == ["a", "20-year-old", "and/or"]


def test_signatures():
    numbers = {
        name: n for n, name in enumerate([UNKNOWN, "<unknown-C>", "<unknown-ing>", "<unknown-g>", "<unknown-N>", "the", "US"])
    }
    told = {word: known(word, False, numbers) for word in ("the", "boxing", "Boxing", "zing", "fog", "12", "++", "qqq")}
    assert told == {"the": 5, "boxing": 2, "Boxing": 1, "zing": 3, "fog": 3, "12": 4, "++": 0, "qqq": 0}
    assert known("The", True, numbers) == 5
    assert known("The", False, numbers) == 1
    assert known("Boxing", True, numbers) == 2
    assert signatures("NASA", first=False) == ["<unknown-A>"]
    assert signatures("mid-1980s", first=False)[-1] == "<unknown-DH>"
    assert signatures("--", first=True) == ["<unknown-S>"]


def test_as_written():
    given = [("(", "-LRB-"), ("”", "''"), ("“", "''"), ("'", "``"), ("don’t", "X"), ("a\u00a0b", "CD")]
    assert [as_written(*each) for each in given] == ["-LRB-", "''", "''", "`", "don't", "ab"]
