"""Drawings by strokes: real files against what stands in them, damaged files, pictures, and few strokes that stand for many."""

import contextlib
import io
import itertools
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from drawgen_envs.brush import COLUMNS, paint
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawgen.data import pickled, strokes
from drawgen.data.pictures import DataError
from drawgen.data.strokes import Drawing, Omniglot, QuickDraw, Stroke3, Strokes, as_strokes, corners, render

ELL = [[[0, 0, 50], [0, 100, 100], [0, 9, 20]]]  # an L, 50 wide and 100 high


def ndjson(path, entries):
    path.write_text("".join(entry if isinstance(entry, str) else json.dumps(entry) + "\n" for entry in entries))
    return path


def npz(path, **parts):
    """As np.savez writes them, with pickles inside."""
    np.savez(path, **{name: objects(arrays) for name, arrays in parts.items()})
    return path


def objects(arrays):
    outer = np.empty(len(arrays), object)
    outer[:] = arrays
    return outer


def archive(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(f"strokes/Greek/{name}/0001_01.txt", text)
    return path


def drawing(*lines):
    return Drawing(tuple(np.array(line, np.float32) for line in lines), "", "made up")


# ---------------------------------------------------------------- the three formats


def test_quickdraw(tmp_path):
    """The longer side becomes 1, the shorter one is centred; lines may end in either way, and the last one may not end."""
    path = tmp_path / "l.ndjson"
    path.write_bytes(b'{"word": "ell", "drawing": %s}\r\n' % json.dumps(ELL).encode() + b'{"drawing": [[[3], [4]]]}')
    read = QuickDraw(path)
    assert len(read) == 2
    assert read[0].label == "ell"
    assert read[0].source == f"{path}, line 1"
    np.testing.assert_allclose(read[0].lines[0], [[0.25, 0], [0.25, 1], [0.75, 1]])
    np.testing.assert_allclose(read[1].lines[0], [[0.5, 0.5]])


def test_lines_are_found_across_blocks(tmp_path):
    """A file of several blocks: every line is where it was written, whatever follows the last one."""
    entries = [{"word": str(n), "drawing": ELL, "key_id": "x" * (n * 7919 % 50_000)} for n in range(120)]
    for tail in ("", "\n", "  \n\n "):
        read = QuickDraw(ndjson(tmp_path / "many.ndjson", [*entries, tail]))
        assert [entry.label for entry in read] == [str(n) for n in range(120)]


def test_stroke3(tmp_path):
    """Steps add up; the pen is lifted after a point that says so. Any plain type of numbers, by any order of bytes."""
    moves = [[10, 20, 0], [0, 100, 1], [50, 0, 0], [0, -100, 1]]
    for kind in ("<i2", ">i2", "<f4", ">f8", "i1", "f2"):
        read = Stroke3(npz(tmp_path / "u.npz", train=[np.array(moves, kind)] * 3))
        assert len(read) == 3
        np.testing.assert_allclose(read[1].lines[0], [[0.25, 0], [0.25, 1]])
        np.testing.assert_allclose(read[1].lines[1], [[0.75, 1], [0.75, 0]])
        assert read[1].label == "u"


def test_omniglot(tmp_path):
    """y runs down; a drawing keeps its place in the square of 105, larger where it leaves that."""
    path = archive(
        tmp_path / "strokes.zip",
        character01="START\n10,-20,0\n52,-52,9\nBREAK\n104,-0,10\nBREAK\n",
        character02="START\n0,-209.5,0\nBREAK\n",
    )
    read = Omniglot(path)
    assert read[0].label == "Greek/character01"
    np.testing.assert_allclose(read[0].lines[0], [[0.1, 20.5 / 105], [0.5, 0.5]], atol=1e-6)
    np.testing.assert_allclose(read[0].lines[1], [[104.5 / 105, 0.5 / 105]], atol=1e-6)
    np.testing.assert_allclose(read[1].lines[0], [[(0.5 + 52.5) / 210, 1]], atol=1e-6)


def test_real_quickdraw(data):
    """The first cat, by its own numbers."""
    path = data / "quickdraw" / "cat.ndjson"
    with path.open() as file:
        raw = json.loads(file.readline())["drawing"]
    read = QuickDraw(path)[0]
    assert read.label == "cat"
    assert [len(line) for line in read.lines] == [len(stroke[0]) for stroke in raw]
    x, y = (np.concatenate([stroke[axis] for stroke in raw]) for axis in (0, 1))
    points = np.concatenate(read.lines)
    side = max(np.ptp(x), np.ptp(y))
    np.testing.assert_allclose(points[:, 0] - points[0, 0], (x - x[0]) / side, atol=1e-6)
    np.testing.assert_allclose(points[:, 1] - points[0, 1], (y - y[0]) / side, atol=1e-6)
    assert min(points.min(0)) == 0
    assert max(points.max(0)) == 1
    np.testing.assert_allclose(points.min(0) + points.max(0), 1, atol=1e-6)


def test_real_stroke3(data):
    """Files pickled by Python 2 give what numpy's own reader gives."""
    path = data / "strokes_npz" / "short_kanji.npz"
    truth = np.load(path, allow_pickle=True, encoding="latin1")["valid"]  # a file that we know
    read = Stroke3(path, "valid")
    assert len(read) == len(truth) == 600
    for n in (0, 17, 599):
        assert np.array_equal(read.drawings[n].array(), truth[n])
        assert len(read[n].lines) == int(truth[n][:-1, 2].sum()) + 1


def test_real_omniglot_lies_on_its_pictures(data):
    """The published pictures are these strokes: the ink of both is the same, and shifting one by a pixel makes it worse."""
    read = Omniglot(data / "omniglot" / "strokes_background_small1.zip")
    assert len(read) == 2720
    chosen = range(0, 2720, 136)
    with zipfile.ZipFile(data / "omniglot" / "images_background_small1.zip") as images:
        names = [read.names[n].replace("strokes", "images").replace("txt", "png") for n in chosen]
        published = [np.asarray(Image.open(io.BytesIO(images.read(name))).convert("L")) < 128 for name in names]
    truth = torch.from_numpy(np.stack(published))[:, None].float()
    drawn = render([read[n] for n in chosen], 105, 0.04)
    assert overlap(drawn, truth) > 0.8
    assert overlap(drawn, truth) > max(overlap(drawn.roll(1, axis), truth) for axis in (2, 3))
    assert overlap(drawn, truth) > max(overlap(drawn.roll(-1, axis), truth) for axis in (2, 3))


def overlap(a, b):
    """Intersection over union, of grey levels."""
    return float(torch.minimum(a, b).sum() / torch.maximum(a, b).sum())


# ---------------------------------------------------------------- bad files


@pytest.mark.parametrize(
    "line",
    [
        '{"drawing": [[[0, 1], [0,\n',
        "[]\n",
        "{}\n",
        '{"drawing": []}\n',
        '{"drawing": [[[], []]]}\n',
        '{"drawing": [[[1, 2], [1]]]}\n',
        '{"drawing": [[1, 2]]}\n',
        '{"drawing": [[["1"], ["2"]]]}\n',
        '{"drawing": [{"x": 1}]}\n',
        '{"drawing": "house"}\n',
        '{"drawing": [[[NaN, 1], [0, 1]]]}\n',
        '{"drawing": [[[1e300, 1], [0, 1]]]}\n',
        '{"drawing": [[[Infinity, 1], [0, 1]]]}\n',
        '{"drawing": [[[1' + 400 * "0" + ", 1], [0, 1]]]}\n",
        "[" * 100_000 + "\n",
        '{"drawing": [[[1, 2], [3, 4]], [[], []]]}\n',
        "\x00\x01\n",
    ],
)
def test_bad_lines_are_named(tmp_path, line):
    path = ndjson(tmp_path / "bad.ndjson", [{"drawing": ELL}, line, {"drawing": ELL}])
    read = QuickDraw(path)
    assert len(read[0].lines) == len(read[2].lines) == 1
    with pytest.raises(DataError, match=r"bad\.ndjson, line 2 is no drawing .*; remove it, or take a fresh copy") as caught:
        read[1]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_endless_line(tmp_path, monkeypatch):
    monkeypatch.setattr(strokes, "LONGEST_LINE", 1000)
    read = QuickDraw(ndjson(tmp_path / "long.ndjson", [{"drawing": [[[1] * 999, [2] * 999]]}]))
    with pytest.raises(DataError, match="longer than 1000 bytes"):
        read[0]


def test_blank_lines_are_passed_over(tmp_path):
    """Lines keep their numbers."""
    path = tmp_path / "blank.ndjson"
    line = json.dumps({"drawing": ELL})
    path.write_text(f"\n\r\n  {line}\n\n   \n\t\r\n{line}\r\n\n[]\n\n")
    read = QuickDraw(path)
    assert [read.source(n) for n in range(len(read))] == [f"{path}, line {n}" for n in (3, 7, 9)]
    assert read[0].lines
    assert read[1].lines
    with pytest.raises(DataError, match="line 9 is no drawing"):
        read[2]
    path.write_text("\n \n")
    with pytest.raises(DataError, match="is empty"):
        QuickDraw(path)


def test_a_bad_drawing_does_not_stop_a_training(tmp_path):
    """It is left out and told, whichever file it is in, and what comes is still a function of its place."""
    good = {"drawing": ELL}
    ndjson(tmp_path / "a.ndjson", [{"drawing": []}, *[good] * 8, {"drawing": [[[], []]]}, "[1\n", good])
    moves = np.array([[1, 2, 0], [3, 4, 1]])
    npz(tmp_path / "b.npz", train=[moves, np.zeros((0, 3)), moves, np.array([[np.nan, 0, 1]])])
    with zipfile.ZipFile(tmp_path / "strokes.zip", "w") as file:
        for name, text in (("1", "START\n1,-2,3\n9,-9,3\nBREAK\n"), ("2", ""), ("3", "START\nBREAK\n")):
            file.writestr(f"strokes/Greek/{name}.txt", text)
    data = Strokes(path=str(tmp_path), batch=4, side_px=16, held_out=0.25)
    stream = data.stream("train", seed=0)
    batches = [next(stream).images for _ in range(12)]
    assert {len(batch) for batch in batches} == {4}
    valid = torch.cat([batch.images for batch in data.stream("valid", seed=0)])
    assert 0 < len(valid) <= 4
    assert len(data.problems) == 7
    assert all("is no" in why and name in why for name, why in data.problems.items())
    again = Strokes(path=str(tmp_path), batch=4, side_px=16, held_out=0.25)
    assert torch.equal(next(iter(again.stream("train", seed=0, start=9))).images, batches[9])


def test_a_file_without_any_drawing_is_refused(tmp_path):
    ndjson(tmp_path / "a.ndjson", [{"drawing": []}] * 30)
    with pytest.raises(DataError, match="line 1 is no drawing"):
        next(Strokes(path=str(tmp_path), batch=2).stream("train", seed=0))


def test_points_as_pairs_are_refused(tmp_path):
    """Even among strokes of two points, which might be either."""
    pairs = {"drawing": [[[0, 0], [9, 9]], [[0, 0], [5, 1], [7, 2], [9, 9]]]}
    either = {"drawing": [[[0, 9], [0, 9]]]}
    ndjson(tmp_path / "a.ndjson", [either] * 10 + [pairs] * 20)
    with pytest.raises(DataError, match=r"lists of points \[x, y\]; a stroke has to be \[\[x, x \.\.\.\], \[y"):
        next(Strokes(path=str(tmp_path), batch=2, side_px=8).stream("train", seed=0))
    ndjson(tmp_path / "a.ndjson", [either] * 40 + [pairs])
    late = Strokes(
        path=str(tmp_path), batch=2, side_px=8
    )  # one that is seen later is one bad drawing, and does not stop the training
    list(itertools.islice(late.stream("train", seed=0), 40))
    assert len(late.problems) == 1


@pytest.mark.parametrize("name", ["quickdraw-one-empty-drawing.ndjson", "quickdraw-blank-lines.ndjson"])
def test_cases_of_quickdraw(data, name):
    path = data.parent / "cases" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    found = Strokes(path=str(path), batch=2, side_px=8)
    for _ in itertools.islice(found.stream("train", seed=0), 300):
        pass
    assert len(found.problems) == ("empty" in name)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    for ending in ("ndjson", "npz", "zip"):
        os.mkfifo(tmp_path / f"a.{ending}")
        with pytest.raises(DataError, match="a pipe or a device"):
            next(Strokes(path=str(tmp_path / f"a.{ending}")).stream("train", seed=0))
    with pytest.raises(DataError):
        next(Strokes(path="x" * 300 + ".ndjson").stream("train", seed=0))


@pytest.mark.parametrize(
    ("moves", "why"),
    [
        (np.zeros((0, 3)), "shape is"),
        (np.zeros((5, 5)), r"shape is \(5, 5\)"),
        (np.zeros(3), "shape is"),
        (np.array([[0, 0, 2]]), "third column"),
        (np.array([[np.nan, 0, 1]]), "not finite"),
        (np.array([[1e9, 0, 1]]), "not finite or beyond"),
        (np.full((2000, 3), (1e5, 0, 1)), "coordinate"),
        (np.array([["a", "b", "c"]]), "plain numbers"),
        (np.array([[1j, 0, 1]]), "plain numbers"),
        (objects([np.zeros(2), 3]), "plain numbers"),
    ],
)
def test_bad_moves_are_named(tmp_path, moves, why):
    read = Stroke3(npz(tmp_path / "bad.npz", train=[np.ones((4, 3)), moves]))
    assert len(read[0].lines) == 4
    with pytest.raises(DataError, match=rf"bad\.npz, train 1 is no stroke-3 drawing \(.*{why}"):
        read[1]


def npy(body, kind="|O"):
    """A npz of one part, with any bytes as its pickle."""
    file, buffer = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("train.npy", file.getvalue() + body)
    return buffer.getvalue()


class Evil:
    def __reduce__(self):
        return os.mkdir, ("EVIL",)


def test_nothing_in_a_pickle_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held = objects([Evil()])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for content in (Evil(), [Evil()], held):
            (tmp_path / "evil.npz").write_bytes(npy(pickle.dumps(content, protocol)))
            with pytest.raises(DataError, match=r"evil\.npz has no stroke-3 .*(only arrays|it is not an array).*; give"):
                Stroke3(tmp_path / "evil.npz")
    assert not (tmp_path / "EVIL").exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80\x02",
        pickle.dumps(5),
        pickle.dumps([np.zeros(3)]),
        pickle.dumps(objects(["cat"])),
        b"\x80\x04B\xff\xff\xff\xff.",  # four gigabytes of bytes
        b"\x80\x02Nr\xff\xff\xff\x7f.",  # number 2^31 to be remembered
        b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f.",  # 2^63 bytes
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"(" * 100_000,
        b"cnumpy\nndarray\n)R}b.",
        b"cnumpy\ndtype\n(NtR(tb.",
    ],
)
def test_bad_pickles(tmp_path, body):
    (tmp_path / "bad.npz").write_bytes(npy(body))
    with pytest.raises(DataError, match=r"bad\.npz has no stroke-3 drawings that can be read in its part 'train' \(.*\); give"):
        Stroke3(tmp_path / "bad.npz")


def test_a_pickle_takes_no_more_than_its_file(tmp_path, monkeypatch):
    """Eight gigabytes asked for in a few bytes; and a step that is cheap in the file and dear in memory."""
    monkeypatch.setattr(pickled, "MOST_STEPS", 1000)
    for body in (b"\x80\x05\x96" + (1 << 33).to_bytes(8, "little") + b".", b"\x80\x04" + b"]" * 5000 + b"."):
        (tmp_path / "bad.npz").write_bytes(npy(body))
        with pytest.raises(DataError, match=r"contains more than arrays|takes more than 1000 steps"):
            Stroke3(tmp_path / "bad.npz")


def test_other_ways_to_pack_are_not_unpacked(tmp_path):
    """Python unpacks them without a bound."""
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", kind) as file:
            file.writestr("train.npy", bytes(1000))
        with pytest.raises(DataError, match="not packed by deflate"):
            Stroke3(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "state",
    [
        (1, (10**30, 3), "i2", False, b""),
        (1, (2, 3), "i2", False, b"short"),
        (1, (-1, 3), "O8", False, [1, 2, 3]),
        (1, (1, 3), "i2", False, None),
        (1, "ab", "i2", False, b"123456"),
        (),
    ],
)
def test_arrays_that_are_not_whole(state):
    array = pickled.Pickled()
    array.__setstate__(tuple(pickled.Kind(part) if part in ("i2", "O8") else part for part in state))
    with pytest.raises(ValueError, match="no whole array"):
        array.array()


def test_not_an_npz(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(DataError, match="No such file"):
        Stroke3(path)
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="not a zip file"):
        Stroke3(path)
    np.savez(path, test=np.zeros(3))
    with pytest.raises(DataError, match="has no part 'train'"):
        Stroke3(path)
    np.savez(path, train=np.zeros((5, 3)))
    with pytest.raises(DataError, match="one array of float64"):
        Stroke3(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("START\n1,-2,3\n", "without BREAK"),
        ("START\n1,-2\nBREAK\n", "line 2 is '1,-2'"),
        ("START\nBREAK\n", "a stroke is numbers"),
        ("START\n", "no strokes"),
        ("", "no strokes"),
        ("START\nnan,0,0\nBREAK\n", "not finite"),
        ("START\n1e9,0,0\nBREAK\n", "beyond"),
        ("START\n1,-1,0\nBREAK\nEND\n", "line 4 is 'END'"),
        ("Liberté\n", "ascii"),
    ],
)
def test_bad_characters_are_named(tmp_path, text, why):
    read = Omniglot(archive(tmp_path / "strokes.zip", character01="START\n1,-1,0\nBREAK\n", character02=text))
    assert len(read[0].lines) == 1
    with pytest.raises(DataError, match=rf"strokes\.zip, .*character02.* is no drawing of Omniglot \(.*{why}.*\); remove it"):
        read[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A whole file of each format: its reader, its name, its bytes."""
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(0)
    moves = [np.append(rng.integers(-9, 9, (6, 2)), [[0], [0], [1], [0], [0], [1]], 1).astype(np.int16) for _ in range(5)]
    text = "START\n" + "".join(f"{n},-{n * n},{n}\n" for n in range(9)) + "BREAK\n"
    files = [
        (QuickDraw, ndjson(folder / "x.ndjson", [{"word": "x", "drawing": ELL}] * 3)),
        (Stroke3, npz(folder / "x.npz", train=moves)),
        (Omniglot, archive(folder / "strokes.zip", a=text, b=text)),
    ]
    return folder, [(reader, path.name, path.read_bytes()) for reader, path in files]


@settings(max_examples=150, deadline=None)
@given(which=st.integers(0, 2), damage=st.data())
def test_damaged_files_end_in_one_error(whole, which, damage):
    """Cut short or with bytes changed anywhere: drawings in the unit square, or DataError."""
    folder, files = whole
    reader, name, content = files[which]
    changed = bytearray(content[: damage.draw(st.integers(0, len(content)))] if damage.draw(st.booleans()) else content)
    for _ in range(damage.draw(st.integers(0, 3)) if changed else 0):
        changed[damage.draw(st.integers(0, len(changed) - 1))] = damage.draw(st.integers(0, 255))
    path = folder / f"damaged_{name}"
    path.write_bytes(changed)
    for lines in read_all(reader, path):
        assert all(0 <= line.min() <= line.max() <= 1 and line.dtype == np.float32 for line in lines)


def read_all(reader, path):
    """The drawings of a file, those that can be read."""
    with contextlib.suppress(DataError):
        found = reader(path)
        for n in range(len(found)):
            with contextlib.suppress(DataError):
                yield found[n].lines


# ---------------------------------------------------------------- pictures


def test_corners_are_enough():
    """All points are within the tolerance of what is kept; on straight ways nothing is kept but the ends."""
    way = np.linspace(0, 1, 200, dtype=np.float32)
    lines = [np.stack([way, way / 2], 1), np.stack([way, np.sin(9 * way)], 1), np.full((5, 2), 0.5, np.float32)]
    first = np.zeros(405, bool)
    first[[0, 200, 400]] = True
    keep = corners(np.concatenate(lines), first, 0.01)
    kept = np.split(keep, [200, 400])
    assert kept[0].sum() == 2
    assert kept[2].sum() == 2
    assert 10 < kept[1].sum() < 30
    at = np.flatnonzero(kept[1])
    dense = np.stack([np.interp(np.linspace(0, 1, 5000), lines[1][at, 0], lines[1][at, i]) for i in (0, 1)], 1)
    assert np.sqrt(np.square(lines[1][:, None] - dense).sum(2)).min(1).max() < 0.0101


def test_rendering_by_a_slow_loop():
    """White within half the line's width of the drawing, black beyond, the edge between: against distances point by point."""
    zigzag = drawing([[0.2, 0.2], [0.8, 0.3], [0.3, 0.7]], [[0.7, 0.8]])
    side, thickness = 40, 0.1
    picture = render([zigzag, drawing([[0.5, 0.5]])], side, thickness)[0, 0]
    dense = np.array([a + (b - a) * u for a, b in itertools.pairwise(zigzag.lines[0]) for u in np.linspace(0, 1, 500)])
    dense = side * np.append(dense, zigzag.lines[1], 0)
    for row, column in itertools.product(range(side), range(side)):
        distance = np.hypot(*([column + 0.5, row + 0.5] - dense).T).min()
        if distance < thickness / 2 * side - 1.3:
            assert picture[row, column] > 0.99
        if distance > thickness / 2 * side + 1.3:
            assert picture[row, column] == 0


def test_ink_stays_inside():
    """A drawing up to the border is shrunk just so much that its ink has room; one with room of its own stays."""
    border = drawing([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    shrunk = strokes.inset(border, 0.1)
    assert np.concatenate(shrunk.lines).min() == pytest.approx(0.1)
    assert np.concatenate(shrunk.lines).max() == pytest.approx(0.9)
    small = drawing([[0.3, 0.4], [0.6, 0.6]])
    np.testing.assert_allclose(strokes.inset(small, 0.1).lines[0], small.lines[0], atol=1e-7)


@pytest.fixture
def folder(tmp_path):
    """Sixty drawings in three formats, no two alike."""
    for name in ("a", "b"):
        ndjson(tmp_path / f"{name}.ndjson", [{"drawing": [[[0, n + 1, 90], [0, 100, ord(name)]]]} for n in range(20)])
    moves = [np.array([[0, 0, 0], [n, 50, 0], [30, n, 1]]) for n in range(20)]
    npz(tmp_path / "c.npz", train=moves[:15], valid=moves[15:])
    return tmp_path


def test_stream_is_a_function_of_its_arguments(folder):
    """Each training drawing once in a pass, resumed where it was left, two ranks as one; held-out drawings are others."""
    data = Strokes(path=str(folder), batch=3, side_px=16, held_out=0.25)
    stream = data.stream("train", seed=4)
    batches = [next(stream).images for _ in range(20)]
    assert batches[0].shape[1:] == data.spec().image == (1, 16, 16)
    one_pass = torch.cat(batches[:15])  # 30 of ndjson and 15 of npz
    assert len(one_pass.flatten(1).unique(dim=0)) == 45
    again = Strokes(path=str(folder), batch=3, side_px=16, held_out=0.25)
    assert torch.equal(next(iter(again.stream("train", seed=4, start=17))).images, batches[17])
    assert not torch.equal(next(iter(again.stream("train", seed=5))).images, batches[0])
    alone = Strokes(path=str(folder), batch=1, side_px=16, held_out=0.25)
    thirds = [alone.stream("train", seed=4, rank=rank, ranks=3) for rank in range(3)]
    torch.testing.assert_close(torch.cat([next(third).images for third in thirds]), batches[0])
    valid = torch.cat([batch.images for batch in data.stream("valid", seed=0)])
    assert len(valid) == 10 + 5
    both = torch.cat([one_pass, valid]).flatten(1)
    assert len(both.unique(dim=0)) == 60
    shared = [torch.cat([b.images for b in data.stream("valid", seed=9, rank=r, ranks=2)]) for r in range(2)]
    assert sum(map(len, shared)) == 15


def test_pictures_with_their_strokes(folder):
    """The batch's strokes are `as_strokes` of its drawings, padded; they paint about its pictures; a second pass is the same."""
    data = Strokes(path=str(folder), batch=3, side_px=32, held_out=0.25, strokes=5)
    stream = data.stream("train", seed=4)
    batches = [next(stream) for _ in range(16)]
    plain = next(Strokes(path=str(folder), batch=3, side_px=32, held_out=0.25).stream("train", seed=4))
    assert torch.equal(batches[0].images, plain.images)
    drawings = next(data.drawings("train", seed=4))
    for row, one in zip(batches[0].strokes, drawings, strict=True):
        found = as_strokes(one, 5, 0.02)
        assert torch.equal(row[: len(found)], found)
        assert (row[len(found) :] == 0).all()
    images, strokes = (torch.cat(parts) for parts in zip(*batches, strict=True))
    gap = paint(torch.zeros_like(images), strokes) - images
    assert gap.square().sum() < 0.05 * images.square().sum()
    again = Strokes(path=str(folder), batch=3, side_px=32, held_out=0.25, strokes=5).stream("train", seed=4, start=15)
    assert torch.equal(next(again).strokes, batches[15].strokes)


def test_svgs_of_a_folder_are_drawings(tmp_path):
    ndjson(tmp_path / "a.ndjson", [{"drawing": ELL}] * 4)
    for name in ("one", "two"):
        (tmp_path / f"{name}.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10" fill="none" stroke="black">'
            '<path d="M0 0 L20 10"/><path d="M0 10 Q10 0 20 10"/></svg>'
        )
    data = Strokes(path=str(tmp_path), batch=6, side_px=16, held_out=0.0)
    drawings = next(data.drawings("train", seed=0))
    [line, curve] = next(one for one in drawings if one.label == "two").lines
    assert np.allclose(line, [[0, 0.25], [1, 0.75]])
    assert np.allclose(curve[[0, len(curve) // 2, -1]], [[0, 0.75], [0.5, 0.5], [1, 0.75]], atol=0.02)
    (tmp_path / "one.svg").write_text("<svg")
    damaged = Strokes(path=str(tmp_path), batch=6, side_px=16, held_out=0.0)
    assert len(next(damaged.stream("train", seed=0)).images) == 6  # another one in its place
    assert [source.endswith("one.svg") for source in damaged.problems] == [True]


def test_config_refuses(tmp_path):
    for setting, name in (
        ({"batch": 0}, "batch"),
        ({"side_px": 0}, "side_px"),
        ({"strokes": -1}, "strokes"),
        ({"held_out": 1.0}, "held_out"),
    ):
        with pytest.raises(ValueError, match=rf"data\.{name} is"):
            Strokes(**setting)
    for thickness in (0.0, 0.6, float("nan")):
        with pytest.raises(ValueError, match=r"data\.thickness is"):
            Strokes(thickness=thickness)
    for name, why in ((".", "holds no drawings"), ("x.png", "neither a folder"), ("no.zip", "No such file")):
        path = tmp_path / name
        with pytest.raises(DataError, match=why):
            next(Strokes(path=str(path)).stream("train", seed=0))
    ndjson(tmp_path / "cut.ndjson", [{"drawing": ELL}] * 50 + ['{"drawing": [[[0'])
    with pytest.raises(DataError, match=r"line 51 was cut short .*; take a fresh copy"):  # at once, not when its turn comes
        next(Strokes(path=str(tmp_path), batch=2).stream("train", seed=0))
    ndjson(tmp_path / "cut.ndjson", [{"drawing": ELL}] * 2)
    with pytest.raises(DataError, match=r"lower data\.batch"):
        next(Strokes(path=str(tmp_path), batch=3).stream("train", seed=0))


# ---------------------------------------------------------------- strokes of the brush


def painted(drawings, count, side, radius):
    padded = torch.zeros(len(drawings), count, len(COLUMNS) + 1)
    for n, one in enumerate(drawings):
        numbers = as_strokes(one, count, radius)
        assert len(numbers) <= count
        padded[n, : len(numbers)] = numbers
    return paint(torch.zeros(len(drawings), 1, side, side), padded)


def test_curves_are_found_again():
    """Two quadratic curves with a corner between them: by two the joint misses the corner a little; by nine all is met."""
    t = np.linspace(0, 1, 60)[:, None]
    truth = np.array([[[0.2, 0.8], [0.1, 0.1], [0.5, 0.3]], [[0.5, 0.3], [0.9, 0.3], [0.8, 0.8]]])
    line = np.concatenate([(1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c for a, b, c in truth])
    for count, bound in ((2, 0.04), (9, 0.004)):
        found = as_strokes(drawing(line), count, 0.02)
        curves = found[:, :6].reshape(-1, 3, 2).numpy()
        at = np.linspace(0, 1, 50)[:, None]
        dense = np.concatenate([(1 - at) ** 2 * a + 2 * at * (1 - at) * b + at**2 * c for a, b, c in curves])
        assert np.sqrt(np.square(line[:, None] - dense).sum(2)).min(1).max() < bound
        assert np.allclose(curves[1:, 0], curves[:-1, 2])  # they join
        assert torch.allclose(found[:, 6:8], torch.tensor(0.02))
        assert (found[:, 8:] == 1).all()


def test_few_strokes_and_dots():
    """The longest lines are kept, in the order drawn; a lone point is a dot; a straight line needs one stroke."""
    several = drawing([[0.1, 0.1], [0.2, 0.1]], [[0.1, 0.5], [0.9, 0.5]], [[0.5, 0.9]], [[0.2, 0.8], [0.8, 0.8]])
    found = as_strokes(several, 2, 0.02)
    assert torch.allclose(found[:, [0, 1, 4, 5]], torch.tensor([[0.1, 0.5, 0.9, 0.5], [0.2, 0.8, 0.8, 0.8]]), atol=1e-5)
    assert len(as_strokes(several, 50, 0.02)) == 4
    assert torch.allclose(as_strokes(several, 50, 0.02)[2, :6], torch.tensor([0.5, 0.9] * 3))
    for count, radius in ((0, 0.1), (1, 0.0), (1, 0.3), (1, float("nan"))):
        with pytest.raises(ValueError, match=r"^(count|radius) is"):
            as_strokes(several, count, radius)


def test_real_drawings_in_few_strokes(data):
    """Squared error as a share of the blank canvas's, on 68 of Omniglot's characters and 40 doodles at 64 pixels. Measured: 0.18,
    0.05 and 0.03 at 5, 10 and 20 strokes, and for doodles, which are long, 0.68, 0.31 and 0.05."""
    archive = Omniglot(data / "omniglot" / "strokes_background_small1.zip")
    doodles = [QuickDraw(path)[0] for path in sorted((data / "quickdraw").glob("*.ndjson"))[:40]]
    for drawings, bounds in (([archive[n] for n in range(0, 2720, 40)], (0.25, 0.08, 0.04)), (doodles, (0.75, 0.4, 0.08))):
        truth = render(drawings, 64, 0.04)
        for count, bound in zip((5, 10, 20), bounds, strict=True):
            assert (painted(drawings, count, 64, 0.02) - truth).square().sum() < bound * truth.square().sum()
