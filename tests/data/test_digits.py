"""The fixed binarisation of MNIST, its two file formats, and the rectangles that need no file."""

import os

import numpy as np
import pytest
import torch

from drawgen.data.digits import Binarized, Rectangles, read_bits, rectangles
from drawgen.data.pictures import DataError


def write_files(folder, n=20, kind="npz"):
    bits = np.random.default_rng(0).integers(0, 2, (n, 784), dtype=np.uint8)
    for split in ("train", "valid"):
        if kind == "npz":
            np.savez(folder / f"binarized_mnist_{split}.npz", bits=np.packbits(bits, axis=1))
        else:
            lines = (" ".join(map(str, row)) for row in bits.tolist())
            (folder / f"binarized_mnist_{split}.amat").write_text("\n".join(lines) + "\n")
    return torch.from_numpy(bits).view(-1, 1, 28, 28)


@pytest.mark.parametrize("kind", ["npz", "amat"])
def test_both_formats_read_the_same(tmp_path, kind):
    bits = write_files(tmp_path, kind=kind)
    data = Binarized(path=str(tmp_path), batch=7)
    assert torch.equal(data.valid, bits)
    assert torch.equal(next(data.stream("valid", seed=0)).images, bits.float())
    assert torch.equal(Binarized(path=str(tmp_path / f"binarized_mnist_valid.{kind}")).valid, bits)


def test_the_test_part_is_a_file_of_its_own(tmp_path):
    """And is not asked for in training; the pictures of another part are never handed out in its place."""
    write_files(tmp_path)
    data = Binarized(path=str(tmp_path))
    with pytest.raises(DataError, match=r"holds no binarized_mnist_test\.npz"):
        next(data.stream("test", seed=0))
    bits = 1 - np.unpackbits(np.load(tmp_path / "binarized_mnist_valid.npz")["bits"], axis=1, count=784)
    np.savez(tmp_path / "binarized_mnist_test.npz", bits=np.packbits(bits, axis=1))
    (batch,) = data.stream("test", seed=0)
    assert torch.equal(batch.images, 1 - next(data.stream("valid", seed=0)).images)
    for other in (data, Rectangles()):
        with pytest.raises(ValueError, match="split is 'nonsense'; it is one of"):
            next(other.stream("nonsense", seed=0))


def test_every_picture_once_a_pass(tmp_path):
    bits = write_files(tmp_path, n=24)
    data = Binarized(path=str(tmp_path), batch=4)
    stream = data.stream("train", seed=3)
    passes = [torch.cat([next(stream).images for _ in range(6)]) for _ in range(2)]
    key = lambda pictures: sorted(map(tuple, pictures.flatten(1).int().tolist()))  # noqa: E731
    assert key(passes[0]) == key(passes[1]) == key(bits)
    assert not torch.equal(passes[0], passes[1])


def test_stream_is_a_pure_function(tmp_path):
    write_files(tmp_path, n=24)
    for data in (Binarized(path=str(tmp_path), batch=4), Rectangles(batch=4)):
        whole = data.stream("train", seed=1)
        skipped = [next(whole).images for _ in range(10)][7:]
        late = data.stream("train", seed=1, start=7)
        for images in skipped:
            assert torch.equal(next(late).images, images)


def test_two_ranks_share_the_batches(tmp_path):
    write_files(tmp_path, n=24)
    one = next(Binarized(path=str(tmp_path), batch=8).stream("train", seed=1)).images
    two = [next(Binarized(path=str(tmp_path), batch=4).stream("train", seed=1, rank=r, ranks=2)).images for r in range(2)]
    assert torch.equal(one, torch.cat(two))
    data = Rectangles(batch=5, count=23)
    joined = torch.cat([b.images for b in data.stream("valid", seed=0)])
    apart = [b.images for r in range(2) for b in data.stream("valid", seed=0, rank=r, ranks=2)]
    assert len(joined) == len(torch.cat(apart)) == 23


def test_real_files(data):
    """The counts that SOURCE.md states."""
    digits = Binarized(path=str(data / "binarized_mnist"))
    assert digits.train.shape == (50_000, 1, 28, 28)
    assert int(digits.train.sum()) == 5_118_041
    assert int(digits.valid.sum()) == 1_028_036


def test_what_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"binarized_mnist_train.*`data.path`"):
        next(Binarized(path=str(tmp_path)).stream("train", seed=0))
    for name, content in (("a.npz", b"PK no"), ("b.amat", b"0 1 2"), ("c.amat", b"5" * 784), ("d.npz", b""), ("e.amat", b"")):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(DataError, match=name):
            read_bits(file)
    np.savez(tmp_path / "f.npz", bits=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"f\.npz"):
        read_bits(tmp_path / "f.npz")
    write_files(tmp_path, n=3)
    whole = (tmp_path / "binarized_mnist_train.npz").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "g.npz").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"g\.npz is not a file of binarised"):
            read_bits(tmp_path / "g.npz")
    for array in (np.zeros((3, 97), np.uint8), np.zeros((3, 98), np.int8), np.zeros(98, np.uint8)):
        np.savez(tmp_path / "h.npz", bits=array)
        with pytest.raises(DataError, match="no whole table of bytes with 98 columns"):
            read_bits(tmp_path / "h.npz")
    for ending in ("npz", "amat"):
        os.mkfifo(tmp_path / f"i.{ending}")
        with pytest.raises(DataError, match="a pipe or a device"):
            read_bits(tmp_path / f"i.{ending}")
    with pytest.raises(DataError, match="fewer than a batch of 128"):
        next(Binarized(path=str(tmp_path)).stream("train", seed=0))
    with pytest.raises(ValueError, match=r"data\.batch is 0"):
        Binarized(batch=0)


def test_rectangles_are_rectangles():
    pictures = rectangles(200, 9, rng=torch.Generator().manual_seed(0))[:, 0]
    for picture in pictures:
        rows, columns = picture.any(1), picture.any(0)
        assert picture.sum() == rows.sum() * columns.sum()
        assert picture.sum() > 0
