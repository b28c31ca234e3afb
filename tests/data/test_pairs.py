"""Pairs of sentences: files, splits, batches."""

import itertools

import pytest
import torch

from drawgen.data.captions import END, START, UNKNOWN
from drawgen.data.pairs import Pairs, Reversals
from drawgen.data.pictures import DataError

LINES = [f"{word} {n}.\t{n} {word}s !" for n in range(10) for word in ("dog", "cat", "Bird", "fish")]


@pytest.fixture
def file(tmp_path):
    (tmp_path / "pairs.tsv").write_text("\n".join(LINES) + "\n")
    return tmp_path / "pairs.tsv"


def same(a, b):
    return all(torch.equal(one, other) for one, other in zip(a, b, strict=True))


def test_batches_are_the_pairs(file):
    data = Pairs(path=str(file), batch=4, min_count=1, held_out=0.1)
    spec = data.spec()
    found = set()
    for batch in itertools.islice(data.stream("train", seed=0), 80):
        for row, length, target, count in zip(*batch, strict=True):
            assert (target[0], target[count - 1], row[length - 1]) == (START, END, END)
            assert bool((target[count - 1 :] == END).all())
            source = [spec.source_vocabulary[n] for n in row[: length - 1]]
            found.add((tuple(source), tuple(spec.vocabulary[n] for n in target[1 : count - 1])))
    assert found == {(tuple(a), tuple(b)) for a, b in data.pieces["train"]}
    assert len(found) == 36


def test_no_source_is_on_both_sides(tmp_path):
    """Not even in other letters; all translations of a sentence stay together."""
    file = tmp_path / "p.tsv"
    file.write_text("".join(f"{word}\t{n}\n" for n in range(3) for word in ("Go.", "go.", "Stop!", "Wait.", "Run.", "Hello.")))
    data = Pairs(path=str(file), held_out=0.4, min_count=1)
    train, held = ({source.casefold() for source, _ in part} for part in data.parts)
    assert train
    assert held
    assert train.isdisjoint(held)
    assert sum(len(pair.targets) for split in data.splits for pair in data.pairs(split)) == 18


def test_two_files_and_columns_are_alike(file, tmp_path):
    for n, name in enumerate(("a", "b")):
        (tmp_path / name).write_text("\n".join(line.split("\t")[n] for line in LINES))
    one, two = Pairs(path=str(file)), Pairs(path=str(tmp_path / "a"), target=str(tmp_path / "b"))
    assert one.parts == two.parts
    assert one.digest() == two.digest()
    turned = Pairs(path=str(file), swapped=True, held_out=0.0)
    assert turned.parts[0][0] == tuple(one.read(str(file), "")[0][::-1])


def test_a_validation_file_takes_its_sources_out_of_training(file, tmp_path):
    (tmp_path / "valid.tsv").write_text("DOG 1.\tx\n")
    data = Pairs(path=str(file), valid=str(tmp_path / "valid.tsv"))
    assert len(data.parts[0]) == 39
    assert data.parts[1] == [("DOG 1.", "x")]


def test_training_resumes_and_processes_share_it(file):
    data = Pairs(path=str(file), batch=4, min_count=1)
    whole = list(itertools.islice(data.stream("train", seed=3), 12))
    assert all(map(same, itertools.islice(data.stream("train", seed=3, start=5), 7), whole[5:]))
    assert not all(map(same, itertools.islice(data.stream("train", seed=4), 12), whole))
    ranks = [next(iter(data.stream("train", seed=3, rank=rank, ranks=2))) for rank in range(2)]
    assert not same(*ranks)
    held = [len(batch.targets) for rank in range(2) for batch in data.stream("valid", seed=0, rank=rank, ranks=2)]
    assert sum(held) == len(data.parts[1])


def test_words_that_are_rare_are_unknown(file):
    data = Pairs(path=str(file), batch=4, held_out=0.0, min_count=5)
    assert "dog" in data.spec().source_vocabulary
    assert any(bool((batch.sources == UNKNOWN).any()) for batch in itertools.islice(data.stream("train", seed=0), 4))


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("go\tva\nstop\n", {}, "line 2 has one column .'stop'.; put a tab"),
        ("\n\n \n", {}, "has no pairs of sentences"),
        ("", {}, "has no pairs"),
        ("a\tb\n", {"held_out": 0.9, "valid": "SELF"}, "has nothing to learn from: all its sources are in"),
        ("a b c\td\n", {"longest": 2, "min_count": 1, "held_out": 0.0}, "has 0 pairs of at most 2 symbols"),
        ("a\tb\n", {"min_count": 2}, "has no word that occurs 2 times"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, settings, message):
    file = tmp_path / "pairs.tsv"
    file.write_text(text)
    settings = {name: str(file) if value == "SELF" else value for name, value in settings.items()}
    with pytest.raises(DataError, match=message):
        next(iter(Pairs(path=str(file), **settings).stream("train", seed=0)))


def test_unequal_files_are_refused(tmp_path):
    (tmp_path / "a").write_text("x\ny\n")
    (tmp_path / "b").write_text("x\n")
    with pytest.raises(DataError, match=r"a has 2 lines and .*b has 1; line by line they have to be pairs"):
        Pairs(path=str(tmp_path / "a"), target=str(tmp_path / "b")).spec()


def test_empty_sides_are_left_out_and_named(tmp_path):
    """Third columns are not read; a line without a translation is named."""
    file = tmp_path / "p.tsv"
    file.write_text("Go.\tVa !\tCC-BY 2.0 (France)\n\t\n\u00a0\tx\nRun!\t \n\nGo on.\tVa !\n")
    data = Pairs(path=str(file), held_out=0.0, min_count=1)
    assert data.parts[0] == [("Go.", "Va !"), ("Go on.", "Va !")]
    assert data.problems == {f"{file}, line {n}": "one side is empty" for n in (3, 4)}


def test_settings_that_do_not_go_together():
    with pytest.raises(ValueError, match=r"data\.valid_target is the targets of data\.valid"):
        Pairs(valid_target="x")
    with pytest.raises(ValueError, match=r"data\.valid has only sources"):
        Pairs(target="x", valid="y")
    with pytest.raises(ValueError, match="different letters"):
        Reversals(letters="aa")


def test_reversals():
    data = Reversals(letters="abc", most=4, batch=5, count=7)
    assert [pair.targets[0][::-1] for pair in data.pairs("valid")] == [pair.source for pair in data.pairs("valid")]
    assert sum(len(batch.targets) for batch in data.stream("valid", seed=0)) == 7
    batch = next(iter(data.stream("train", seed=0)))
    for source, length, target in zip(batch.sources, batch.source_lengths, batch.targets, strict=True):
        assert target[1:length].tolist() == source[: length - 1].flip(0).tolist()
