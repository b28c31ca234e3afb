"""Digests: the same wherever the data lies, another where it is other data."""

import csv
import gzip
import json
import shutil
import struct

import numpy as np
import pytest
from PIL import Image

from drawgen.data.captions import Captioned
from drawgen.data.clutter import Cluttered
from drawgen.data.digests import digest, sampled, spread
from drawgen.data.digits import Binarized
from drawgen.data.pictures import Crops
from drawgen.data.standard import Standard
from drawgen.data.strokes import Strokes
from drawgen.data.text import Text


def pictures(folder):
    for n in range(4):
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(folder / f"{n}.png")


def captions(folder):
    pictures(folder)
    with open(folder / "captions.csv", "w", newline="") as file:
        csv.writer(file).writerows([["picture", "caption"], *([f"{n}.png", "a red dog"] for n in range(4))])


def drawings(folder):
    lines = [json.dumps({"word": "cat", "drawing": [[[0, n + 1], [0, 5]]]}) + "\n" for n in range(20)]
    (folder / "a.ndjson").write_text("".join(lines))


def mnist(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (10_020, 28, 28), dtype=np.uint8)
    (folder / "train-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, len(pixels), 28, 28) + pixels.tobytes())
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, len(pixels)) + bytes(len(pixels)))


def bits(folder):
    for part in ("train", "valid"):
        np.savez(folder / f"binarized_mnist_{part}.npz", bits=np.random.default_rng(0).integers(0, 256, (30, 98), dtype=np.uint8))


def words(folder):
    (folder / "a.txt").write_text("the cat sat on the mat\n" * 1000)


KINDS = {
    "text": (words, lambda folder: Text(path=str(folder / "a.txt")), "a.txt"),
    "picture": (pictures, lambda folder: Crops(path=str(folder / "1.png")), "1.png"),
    "pictures": (pictures, lambda folder: Crops(path=str(folder)), "3.png"),
    "strokes": (drawings, lambda folder: Strokes(path=str(folder)), "a.ndjson"),
    "captions": (captions, lambda folder: Captioned(path=str(folder), min_count=1), "captions.csv"),
    "captions, a picture": (captions, lambda folder: Captioned(path=str(folder), min_count=1), "2.png"),
    "mnist": (mnist, lambda folder: Standard(name="mnist", path=str(folder)), "train-images-idx3-ubyte"),
    "clutter": (mnist, lambda folder: Cluttered(path=str(folder)), "train-images-idx3-ubyte"),
    "bits": (bits, lambda folder: Binarized(path=str(folder)), "binarized_mnist_train.npz"),
}


def change(path):
    """Some content that can still be read."""
    if path.suffix == ".png":
        Image.new("RGB", (20, 20), "blue").save(path)
    elif path.suffix == ".npz":
        np.savez(path, bits=np.random.default_rng(1).integers(0, 256, (30, 98), dtype=np.uint8))
    elif path.suffix == ".csv":
        path.write_text(path.read_text().replace("dog", "cat"))
    elif path.suffix == ".ndjson":
        path.write_text(path.read_text().replace("cat", "dog"))
    elif path.suffix == ".txt":
        path.write_text(path.read_text() + "more")
    else:
        data = bytearray(path.read_bytes())
        data[16:800] = bytes(784)
        path.write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_data_elsewhere_and_other_data(kind, tmp_path):
    make, config, name = KINDS[kind]
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    make(here)
    shutil.copytree(here, there)
    first = config(here).digest()
    assert config(there).digest() == first == config(here).digest()
    change(there / name)
    assert config(there).digest() != first


def test_a_photograph_is_known_by_its_name():
    assert Crops(path="photo:brick").digest() != Crops(path="photo:grass").digest()


def test_packed_or_not_is_the_same_set(tmp_path):
    mnist(tmp_path)
    plain = Standard(name="mnist", path=str(tmp_path)).digest()
    file = tmp_path / "train-images-idx3-ubyte"
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(file.read_bytes(), 1))
    file.unlink()
    assert Standard(name="mnist", path=str(tmp_path)).digest() == plain


def test_little_of_a_large_file_is_read(tmp_path):
    """Its size and pieces that lie evenly spread, the ends among them."""
    assert spread(1000, 3) == [0, 500, 999] or spread(1000, 3) == [0, 499, 999]
    assert spread(2) == [0, 1]
    assert spread(0) == []
    path = tmp_path / "a"
    path.write_bytes(bytes(10**7))
    before = sampled(path)
    for place in (0, 10**7 - 1):
        data = bytearray(10**7)
        data[place] = 1
        path.write_bytes(data)
        assert sampled(path) != before
    path.write_bytes(bytes(10**7 + 1))
    assert sampled(path) != before
    path.write_bytes(b"")
    assert sampled(path) != sampled(tmp_path / "absent")


def test_arrays_are_told_apart_by_shape_type_and_content():
    array = np.arange(12)
    same = digest(array)
    assert digest(array.copy()) == same
    assert len({same, digest(array.reshape(3, 4)), digest(array.astype(np.int32)), digest(array[::-1])}) == 4
