"""Text: streams against slices of the file, in characters and bytes; what is no text is refused with its place."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.data import text
from drawgen.data.pictures import DataError
from drawgen.data.text import BYTES, Sums, Text, decode, encode, plain_lines

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=40)


def plain(tokens, vocabulary):
    return "".join(decode([list(map(int, tokens))], vocabulary))


def first(data, count, **options):
    return list(itertools.islice(data.stream("train", **({"seed": 0} | options)), count))


def file_of(folder, content, name="a.txt"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.fixture(params=["ascii", "unicode", "bytes"])
def some(request, tmp_path, monkeypatch):
    """(data, the symbols of its file as a list of numbers): small blocks, so that characters lie across their ends."""
    monkeypatch.setattr(text, "BLOCK", 61)
    monkeypatch.setattr(text, "EVERY", 7)
    rng = np.random.default_rng(0)
    alphabet = list("abc \n") if request.param == "ascii" else list("aé€𝄞\n")
    written = "".join(rng.choice(alphabet, 1000))
    found = Text(path=file_of(tmp_path, written), batch=4, length=9, bytes=request.param == "bytes")
    vocabulary = found.spec().vocabulary
    return found, encode(written, vocabulary)


# ---------------------------------------------------------------- reading


def test_vocabulary_is_the_sorted_symbols(some):
    found, _ = some
    vocabulary = found.spec().vocabulary
    assert list(vocabulary) == sorted(vocabulary)
    assert len(vocabulary) == (256 if found.bytes else 5)


def test_read_is_a_slice(some):
    found, symbols = some
    assert found.scan.symbols == len(symbols)
    rng = np.random.default_rng(1)
    for a, b in rng.integers(0, len(symbols) + 1, (200, 2)):
        low, high = min(a, b), max(a, b)
        if low < high:
            assert found.read(int(low), int(high)).tolist() == symbols[low:high]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), min_size=1), st.integers(1, 20), st.integers(1, 5))
@QUICK
def test_any_text_comes_back(tmp_path_factory, written, block, every):
    path = file_of(tmp_path_factory.mktemp("text"), written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK", block)
        patch.setattr(text, "EVERY", every)
        for data in (Text(path=path), Text(path=path, bytes=True)):
            vocabulary = data.spec().vocabulary
            assert plain(data.read(0, data.scan.symbols), vocabulary) == written
            half = data.scan.symbols // 2
            if half:
                both = [*data.read(0, half), *data.read(half, data.scan.symbols)]
                assert plain(both, vocabulary) == written


PIECES = ["a", "bé", "\n", "\r", "\r\n", "\r\r\n", "\n\r", "€", "\ufeff"]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 5))
@QUICK
def test_ends_of_line_are_read_alike(tmp_path_factory, pieces, block, every):
    """CRLF and CR as LF, wherever blocks begin; a byte order mark at the beginning only is none of the text. Bytes stay."""
    written = "".join(pieces)
    expected = written.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    path = file_of(tmp_path_factory.mktemp("text"), written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK", block)
        patch.setattr(text, "EVERY", every)
        raw = Text(path=path, bytes=True)
        assert bytes(raw.read(0, raw.scan.symbols).tolist()) == written.encode()
        data = Text(path=path)
        if not expected:
            with pytest.raises(DataError, match="is empty"):
                data.spec()
            return
        vocabulary = data.spec().vocabulary
        assert vocabulary == tuple(sorted(set(expected)))
        assert data.scan.symbols == len(expected)
        for first in range(len(expected)):
            assert plain(data.read(first, len(expected)), vocabulary) == expected[first:]
            assert plain(data.read(0, first + 1), vocabulary) == expected[: first + 1]
    assert plain_lines(written, vocabulary) == expected


def test_a_model_trained_on_returns_reads_them(tmp_path):
    """As it was trained before ends of line were read alike."""
    data = Text(path=file_of(tmp_path, "a\r\nb\r\n"), vocabulary=("\n", "\r", "a", "b"))
    assert plain(data.read(0, data.scan.symbols), data.vocabulary) == "a\r\nb\r\n" == plain_lines("a\r\nb\r\n", data.vocabulary)


def test_tiny_shakespeare(data):
    path = data / "text" / "tinyshakespeare.txt"
    data = Text(path=str(path))
    assert len(data.spec().vocabulary) == 65
    assert data.scan.symbols == 1_115_394
    (batch,) = first(data, 1)
    assert plain(batch.tokens[7], data.spec().vocabulary) in path.read_text()


# ---------------------------------------------------------------- the training stream


def test_rows_go_on_from_batch_to_batch_and_begin_anew_each_time_through(some):
    found, symbols = some
    whole = bytes(symbols)
    batches = first(found, 150)
    assert batches[0].fresh.all()
    times = 0
    for before, after in itertools.pairwise(batches):
        assert after.tokens.shape == (4, 10)
        assert after.fresh.all() or not after.fresh.any()
        if after.fresh.all():
            times += 1
        else:
            assert torch.equal(before.tokens[:, -1], after.tokens[:, 0])
    assert times > 1
    begin = 0
    for n in range(1, len(batches) + 1):  # each row of each time through is one slice of the training part
        if n == len(batches) or batches[n].fresh.all():
            for row in range(4):
                parts = [batches[k].tokens[row, 1:] for k in range(begin, n)]
                joined = bytes(torch.cat([batches[begin].tokens[row, :1], *parts]).tolist())
                assert 0 <= whole.find(joined) <= found.kept - len(joined)
            begin = n


def test_nearly_all_of_the_training_part_is_read_each_time_through(some):
    found, _ = some
    steps = next(n for n, batch in enumerate(first(found, 1000)) if n and batch.fresh.all())
    assert steps * 4 * 9 > found.kept - 5 * 9


@given(st.integers(0, 10**6), st.integers(0, 120), st.integers(1, 3))
@QUICK
def test_starting_later_is_skipping_and_ranks_share_the_rows(tmp_path_factory, seed, start, ranks):
    """Two ranks read what one process of twice the rows would."""
    path = file_of(tmp_path_factory.mktemp("text"), "".join(np.random.default_rng(0).choice(list("abcde"), 2000)))
    data = Text(path=path, batch=2, length=10)
    joined = replace(data, batch=2 * ranks)
    (expected,) = first(joined, start + 1, seed=seed)[start:]
    parts = [first(data, 1, seed=seed, start=start, rank=rank, ranks=ranks)[0] for rank in range(ranks)]
    assert torch.equal(torch.cat([part.tokens for part in parts]), expected.tokens)
    assert torch.equal(torch.cat([part.fresh for part in parts]), expected.fresh)


def test_where_the_text_is_cut_depends_on_the_seed_and_the_time_through(some):
    found, _ = some
    steps = next(n for n, batch in enumerate(first(found, 1000)) if n and batch.fresh.all())
    begins = {tuple(first(found, 1, seed=seed, start=n * steps)[0].tokens[0].tolist()) for seed in range(3) for n in range(3)}
    assert len(begins) > 3


# ---------------------------------------------------------------- what is held out


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("stretch", [10**6, 13])
def test_validation_foretells_every_held_out_symbol_once(some, monkeypatch, pieces, stretch):
    monkeypatch.setattr(text, "STRETCH", stretch)
    found, symbols = some
    found = replace(found, pieces=pieces)
    piece = len(symbols) // pieces
    ends = [piece * (n + 1) for n in range(pieces - 1)] + [len(symbols)]
    held = [symbols[n * piece + found.kept : end] for n, end in enumerate(ends)]
    batches = list(found.stream("valid", seed=0))
    foretold = [row[1:].tolist() for batch in batches for row in batch.tokens]
    assert sorted(itertools.chain(*foretold)) == sorted(itertools.chain(*held))
    assert sum(len(part) for part in held) == pytest.approx(0.05 * len(symbols), abs=2 * pieces)
    if stretch > len(symbols):
        assert sorted(foretold) == sorted(held)
    for batch in batches:
        assert batch.fresh.all()
        for row in batch.tokens:
            assert bytes(row.tolist()) in bytes(symbols)
    shared = [len(list(found.stream("valid", seed=0, rank=rank, ranks=2))) for rank in (0, 1)]
    assert sum(shared) == len(batches)


def test_training_never_sees_what_is_held_out(tmp_path):
    """Each piece has letters of its own, small ones to train on and large ones held out."""
    written = "".join(chr(97 + n) * 95 + chr(65 + n) * 5 for n in range(4))
    data = Text(path=file_of(tmp_path, written), batch=3, length=5, pieces=4)
    seen = {symbol for batch in first(data, 200) for symbol in plain(batch.tokens.flatten(), data.spec().vocabulary)}
    assert seen == set("abcd")
    held = [plain(row[1:], data.spec().vocabulary) for batch in data.stream("valid", seed=0) for row in batch.tokens]
    assert sorted(held) == ["AAAAA", "BBBBB", "CCCCC", "DDDDD"]


def test_nothing_held_out_gives_no_validation(some):
    assert list(replace(some[0], held_out=0.0).stream("valid", seed=0)) == []


@pytest.mark.parametrize("stretch", [10**6, 13])
def test_all_of_a_text_is_predicted_once(some, monkeypatch, stretch):
    """In one stream that begins after a line break, or in stretches that follow each other, in order."""
    monkeypatch.setattr(text, "STRETCH", stretch)
    found, symbols = some
    vocabulary = found.spec().vocabulary
    rows = [row.tolist() for batch in replace(found, pieces=3).stream("all", seed=0) for row in batch.tokens]
    assert rows[0][0] == encode("\n", vocabulary)[0]
    assert list(itertools.chain(*(row[1:] for row in rows))) == symbols
    assert [row[0] for row in rows[1:]] == [row[-1] for row in rows[:-1]]
    assert sum(batch.items()[1] for batch in found.stream("all", seed=0)) == len(symbols)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("symbols", "options", "words"),
    [
        (30, {"pieces": 50}, "has 30 symbols, and of each of 50 pieces less than one is held out .*; lower data.pieces"),
        (450, {"pieces": 50}, "has 450 symbols, and of each of 50 pieces less than one .*; lower data.pieces"),
        (450, {"held_out": 0.001}, "has 450 symbols, and of those less than one .*; raise data.held_out"),
    ],
)
def test_where_nothing_is_held_out_the_cause_is_told(tmp_path, symbols, options, words):
    data = Text(path=file_of(tmp_path, "ab" * (symbols // 2)), batch=2, length=5, **options)
    for split in ("train", "valid"):
        with pytest.raises(DataError, match=words):
            next(data.stream(split, seed=0))
    assert sum(batch.items()[1] for batch in data.stream("all", seed=0)) == symbols


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"abc\xff\xfe", r"is not UTF-8 at byte 3 \(0xff"),
        (b"a" * 100 + "€".encode()[:2], "is not UTF-8 at byte 100"),
        ("é".encode() * 70 + b"\xa9", "is not UTF-8 at byte 140"),
        (b"\x80" * 200, "is not UTF-8 at byte 0"),
        (b"text" * 20 + b"\0", r"byte 80 is 0\): convert it, or give `data.bytes`"),
        ("text".encode("utf-16"), "is not UTF-8 at byte 0|is 0"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(tmp_path, monkeypatch, content, words):
    monkeypatch.setattr(text, "BLOCK", 64)
    path = file_of(tmp_path, content)
    with pytest.raises(DataError, match=words) as error:
        Text(path=path).spec()
    assert path in str(error.value)


def test_bytes_take_any_file(tmp_path):
    content = bytes(range(256)) * 20
    data = Text(path=file_of(tmp_path, content), bytes=True, batch=2, length=50)
    assert data.spec().vocabulary == BYTES
    assert data.read(0, 5120).tolist() == list(content)


@pytest.mark.parametrize(("path", "words"), [("none.txt", "none.txt does not exist"), (".", "cannot be read")])
def test_missing_files(tmp_path, monkeypatch, path, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=words):
        Text(path=path).spec()


def test_too_short_a_text_says_what_it_takes(tmp_path):
    """And exactly so much will do."""
    data = Text(path=file_of(tmp_path, "x" * 100), batch=4, length=20, held_out=0.0)
    with pytest.raises(DataError, match=r"has 100 symbols to train on, and 4 rows of 20 need 104; lower data.batch or data.length"):
        first(data, 1)
    assert first(Text(path=file_of(tmp_path, "x" * 104, "b.txt"), batch=4, length=20, held_out=0.0), 3)


def test_a_given_vocabulary(tmp_path):
    path = file_of(tmp_path, "abcabca" * 10)
    data = Text(path=path, vocabulary=("c", "b", "a", "z"))
    assert data.read(0, 3).tolist() == [2, 1, 0]
    assert data.spec().vocabulary == ("c", "b", "a", "z")
    with pytest.raises(
        DataError, match=r"has 20 characters that are not among the 2 that the model knows \('c'; the first is number 3"
    ):
        Text(path=path, vocabulary=("a", "b")).read(0, 70)
    assert Text(path=path, vocabulary=BYTES).read(0, 3).tolist() == [97, 98, 99]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 0}, "data.batch is 0"),
        ({"length": 0}, "data.length is 0"),
        ({"pieces": 0}, "data.pieces is 0"),
        ({"held_out": 1.0}, "data.held_out is 1.0"),
        ({"held_out": float("nan")}, "data.held_out is nan"),
        ({"vocabulary": ("ab",)}, "data.vocabulary"),
        ({"vocabulary": ("a",), "bytes": True}, "data.vocabulary"),
    ],
)
def test_bad_settings(options, words):
    with pytest.raises(ValueError, match=words):
        Text(**options)


# ---------------------------------------------------------------- symbols


def test_unknown_characters_are_named():
    with pytest.raises(ValueError, match=r"the character 'é' \(number 3 of the text\) is not among the 3"):
        encode("abé", ("a", "b", "c"))


@given(st.text(), st.lists(st.integers(1, 3), min_size=200, max_size=200))
@QUICK
def test_bytes_decode_in_pieces(written, sizes):
    tokens, pieces = encode(written, BYTES), []
    for size in sizes:
        pieces.append(tokens[:size])
        tokens = tokens[size:]
    assert "".join(decode([*pieces, tokens], BYTES)) == written


def test_broken_bytes_become_replacement_characters():
    assert "".join(decode([[0xFF, 65], [0xC3]], BYTES)) == "\ufffdA\ufffd"


# ---------------------------------------------------------------- sums


def test_sums_are_right():
    data = Sums(largest=30, batch=3, length=40)
    vocabulary = data.spec().vocabulary
    (valid,) = data.stream("valid", seed=1)
    lines = plain(valid.tokens[0], vocabulary).splitlines()
    assert len(lines) == 200
    for line in lines:
        left, right = line.split("=")
        assert sum(map(int, left.split("+"))) == int(right)
    batches = first(data, 3)
    assert batches[0].tokens.shape == (3, 41)
    assert not torch.equal(batches[0].tokens, batches[1].tokens)
    assert torch.equal(first(data, 1, start=2)[0].tokens, batches[2].tokens)
    assert list(data.stream("valid", seed=1, rank=1, ranks=2)) == []
    with pytest.raises(ValueError, match=r"data.batch is 0"):
        Sums(batch=0)
