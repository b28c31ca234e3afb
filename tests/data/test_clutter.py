"""Cluttered digits against a slow drawing of the same numbers; that they are a function of (seed, index); the files."""

import gzip
import struct

import numpy as np
import pytest
import torch

from drawgen.data.clutter import VALID, Cluttered, cluttered, segments, uniforms
from drawgen.data.idx import read_digits
from drawgen.data.pictures import DataError

DIGITS = np.random.default_rng(0).integers(1, 256, (7, 28, 28), dtype=np.uint8)
SETTINGS = {"side": 40, "pieces": 3, "piece": 5}


def write_idx(folder, name, magic, array, *, packed=True):
    body = struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.tobytes()
    (folder / name).write_bytes(gzip.compress(body, 1) if packed else body)


def write_set(folder, part, n):
    rng = np.random.default_rng(1)
    write_idx(folder, f"{part}-images-idx3-ubyte.gz", 2051, rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
    labels = rng.integers(0, 10, n, dtype=np.uint8)
    write_idx(folder, f"{part}-labels-idx1-ubyte.gz", 2049, labels)
    return labels


def test_scenes_equal_a_slow_drawing():
    """One picture at a time and one pixel at a time, from the same uniform numbers."""
    chosen = np.array([3, 0, 6])
    scenes = cluttered(DIGITS, chosen, key=(4, 0), first=10, **SETTINGS)
    for scene, digit, row in zip(scenes, chosen, uniforms((4, 0), 10, 3, 17), strict=True):
        u = iter(row)
        slow = np.zeros((40, 40), np.uint8)
        top, left = int(next(u) * 13), int(next(u) * 13)
        slow[top : top + 28, left : left + 28] = DIGITS[digit]
        for _ in range(3):
            other, y, x = DIGITS[int(next(u) * 7)], int(next(u) * 24), int(next(u) * 24)
            top, left = int(next(u) * 36), int(next(u) * 36)
            for i in range(5):
                for j in range(5):
                    slow[top + i, left + j] = max(slow[top + i, left + j], other[y + i, x + j])
        assert np.array_equal(scene, slow)


def test_a_picture_is_a_function_of_seed_and_index():
    """Whatever comes before it, and however many are made at once."""
    whole = cluttered(DIGITS, np.arange(7), key=(1, 0), first=20, **SETTINGS)
    for n in range(7):
        assert np.array_equal(cluttered(DIGITS, np.array([n]), key=(1, 0), first=20 + n, **SETTINGS)[0], whole[n])
    assert not np.array_equal(cluttered(DIGITS, np.arange(7), key=(2, 0), first=20, **SETTINGS), whole)
    assert not np.array_equal(cluttered(DIGITS, np.arange(7), key=(1, 0), first=21, **SETTINGS), whole)


def test_places_are_even():
    numbers = uniforms((0, 0), 0, 4000, 42)
    assert numbers.shape == (4000, 42)
    assert 0 <= numbers.min() < numbers.max() < 1
    assert np.abs(numbers.mean(0) - 0.5).max() < 4.5 * (1 / 12 / 4000) ** 0.5
    assert np.abs(np.corrcoef(numbers.T) - np.eye(42)).max() < 5 / 4000**0.5


def test_stream():
    """Start anywhere, share among ranks; validation shows each digit once, the same for every seed."""
    data = Cluttered(digits="segments", side_px=40, pieces=2, batch=6)
    whole = [batch for batch, _ in zip(data.stream("train", seed=1), range(6), strict=False)]
    late = next(data.stream("train", seed=1, start=4))
    assert torch.equal(late.images, whole[4].images)
    assert torch.equal(late.labels, whole[4].labels)
    half = Cluttered(digits="segments", side_px=40, pieces=2, batch=3)
    shared = torch.cat([next(half.stream("train", seed=1, rank=rank, ranks=2)).images for rank in (0, 1)])
    assert torch.equal(shared, whole[0].images)
    assert not torch.equal(next(data.stream("train", seed=2)).images, whole[0].images)
    one, other = (list(data.stream("valid", seed=seed)) for seed in (1, 2))
    assert torch.cat([b.labels for b in one]).bincount().tolist() == [5] * 10
    assert all(torch.equal(a.images, b.images) for a, b in zip(one, other, strict=True))
    assert one[0].images.shape[1:] == data.spec().image


def test_segments_are_ten_different_digits():
    digits = segments(2)
    assert digits.labels.tolist() == [*range(10), *range(10)]
    assert len({picture.tobytes() for picture in digits.pictures}) == 10
    lit = [(picture > 0).sum() for picture in digits.pictures[:10]]
    assert max(lit) == lit[8]
    assert min(lit) == lit[1]


def test_files(tmp_path):
    """The last ten thousand training digits are for validation; one file by itself is measured on as it is."""
    labels = write_set(tmp_path, "train", VALID + 30)
    test = write_set(tmp_path, "t10k", 20)
    train, valid = Cluttered(path=str(tmp_path)).parts
    assert np.array_equal(train.labels, labels[:30])
    assert np.array_equal(valid.labels, labels[30:])
    data = Cluttered(path=str(tmp_path / "t10k-images-idx3-ubyte.gz"))
    assert np.array_equal(torch.cat([b.labels for b in data.stream("valid", seed=0)]).numpy(), test)


def test_real_digits(data):
    train, valid = Cluttered(path=str(data / "mnist")).parts
    assert (len(train.labels), len(valid.labels)) == (50_000, 10_000)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_what_is_refused(tmp_path):
    write_set(tmp_path, "train", 50)
    with pytest.raises(DataError, match="has 50 digits, of which 10000"):
        next(Cluttered(path=str(tmp_path)).stream("train", seed=0))
    pictures = tmp_path / "train-images-idx3-ubyte.gz"
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    for wrong in (np.zeros(49, np.uint8), np.full(50, 10, np.uint8)):
        write_idx(tmp_path, labels.name, 2049, wrong)
        with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is not the file of labels"):
            read_digits(pictures)
    labels.write_bytes(b"damaged")
    with pytest.raises(DataError, match="labels"):
        read_digits(pictures)
    labels.unlink()
    with pytest.raises(DataError, match=r"labels.*put it there"):
        read_digits(pictures)
    for settings, words in [
        ({"digits": "letters"}, "'letters'"),
        ({"side_px": 27}, "data.side_px is 27"),
        ({"piece_px": 29}, "data.piece_px is 29"),
        ({"batch": 0}, "data.batch is 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            Cluttered(**settings)
