"""Labelled pictures: the files of the sets, a person's own folder, shifts and mirrors."""

import struct

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen.contract import generator
from drawgen.data import labelled_pictures
from drawgen.data.labelled_pictures import CIFAR10, RECORD, LabelledPictures
from drawgen.data.pictures import DataError


def write_set(folder, part, n):
    """An idx file of n pictures, and their labels."""
    rng = np.random.default_rng(1)
    for kind, magic, array in (
        ("images-idx3", 2051, rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)),
        ("labels-idx1", 2049, labels := rng.integers(0, 10, n, dtype=np.uint8)),
    ):
        (folder / f"{part}-{kind}-ubyte").write_bytes(struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.tobytes())
    return labels


def write_folder(folder, names=("cat", "dog"), count=12):
    for number, name in enumerate(names):
        (folder / name).mkdir()
        for n in range(count):
            Image.new("RGB", (9, 12), (20 * n, 100 * number, 0)).save(folder / name / f"{n:02}.png")


def all_of(config, split):
    batches = list(config.stream(split, seed=0))
    return torch.cat([b.images for b in batches]), torch.cat([b.labels for b in batches])


def test_mnist(tmp_path, monkeypatch):
    """The last pictures are for validation; t10k is the test part."""
    monkeypatch.setitem(labelled_pictures.HELD_OUT, "mnist", 4)
    labels = write_set(tmp_path, "train", 20)
    config = LabelledPictures(name="mnist", path=str(tmp_path), batch=5)
    assert config.splits == ("train", "valid", "test")
    assert config.spec().image == (1, 28, 28)
    images, found = all_of(config, "valid")
    assert found.tolist() == labels[-4:].tolist()
    assert torch.equal(images, config.parts[1].pictures.float() / 255)
    first = next(iter(config.stream("train", seed=0)))
    assert first.images.shape == (5, 1, 28, 28)
    with pytest.raises(DataError, match=r"the test pictures of mnist .* are not in"):
        all_of(config, "test")
    tested = write_set(tmp_path, "t10k", 7)
    assert all_of(config, "test")[1].tolist() == tested.tolist()
    assert config.digest() == LabelledPictures(name="mnist", path=str(tmp_path)).digest()


def test_too_few(tmp_path):
    write_set(tmp_path, "train", 20)
    with pytest.raises(DataError, match="has 20 pictures of mnist, of which 10000 are for validation; give the whole set, 60000"):
        LabelledPictures(path=str(tmp_path)).spec()


def test_cifar10_in_binary(tmp_path, monkeypatch):
    """A record is a label, and the rows of red, of green, of blue."""
    monkeypatch.setitem(labelled_pictures.HELD_OUT, "cifar10", 3)
    place = tmp_path / "cifar-10-batches-bin"
    place.mkdir()
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (12, RECORD), dtype=np.uint8)
    records[:, 0] %= 10
    for n in range(5):
        records[2 * n : 2 * n + 2].tofile(place / f"data_batch_{n + 1}.bin")
    records[10:].tofile(place / "test_batch.bin")
    config = LabelledPictures(name="cifar10", path=str(tmp_path), batch=2)
    config.fetch()  # which finds them
    assert config.spec().labels == CIFAR10
    images, labels = all_of(config, "test")
    assert labels.tolist() == records[10:, 0].tolist()
    assert float(images[1, 2, 3, 4]) == pytest.approx(records[11, 1 + 2 * 1024 + 3 * 32 + 4] / 255)
    assert all_of(config, "valid")[1].tolist() == records[7:10, 0].tolist()
    (place / "test_batch.bin").write_bytes(b"12")
    with pytest.raises(DataError, match=r"CIFAR-10's files in .* cannot be read"):
        labelled_pictures.read_cifar10(tmp_path, test=True)
    with pytest.raises(DataError, match="cifar10 is not in"):
        labelled_pictures.read_cifar10(tmp_path / "no")


def test_a_folder_for_each_class(tmp_path):
    """Every tenth picture of a class is for validation; a file that is no picture is left out."""
    write_folder(tmp_path)
    (tmp_path / "cat" / "bad.png").write_bytes(b"no picture")
    (tmp_path / ".hidden").mkdir()
    config = LabelledPictures(name="own", path=str(tmp_path), side_px=6, batch=4)
    assert config.spec().image == (3, 6, 6)
    assert config.spec().labels == ("cat", "dog")
    assert list(config.problems) == [str(tmp_path / "cat" / "bad.png")]
    images, labels = all_of(config, "valid")
    assert labels.tolist() == [0, 1]
    assert images[:, 0, 0, 0].tolist() == pytest.approx([180 / 255, 180 / 255])
    with pytest.raises(ValueError, match="split is 'test'; it is one of train, valid"):
        all_of(config, "test")
    other = LabelledPictures(name="own", path=str(tmp_path), side_px=6, classes=("dog", "mouse", "cat"))
    assert sorted(set(all_of(other, "valid")[1].tolist())) == [0, 2]
    with pytest.raises(DataError, match=r"has the class 'cat', which is not known: dog, mouse"):
        LabelledPictures(name="own", path=str(tmp_path), classes=("dog", "mouse")).spec()


def test_folders_without_classes_are_refused(tmp_path):
    with pytest.raises(DataError, match="has pictures of 0 classes"):
        LabelledPictures(name="own", path=str(tmp_path)).spec()
    with pytest.raises(DataError, match=r"is no folder; give `data\.path` a folder"):
        LabelledPictures(name="own", path=str(tmp_path / "no")).spec()


def test_npz(tmp_path):
    file = tmp_path / "set.npz"
    pictures = np.random.default_rng(0).integers(0, 256, (20, 5, 4, 3), dtype=np.uint8)
    labels = np.arange(20) % 2
    np.savez(file, images=pictures, labels=labels, classes=np.array(["cat", "dog"]))
    config = LabelledPictures(name="own", path=str(file), every=5, batch=4)
    assert config.spec().image == (3, 5, 4)
    assert config.spec().labels == ("cat", "dog")
    images, _ = all_of(config, "valid")
    assert torch.equal(images, torch.from_numpy(pictures[[8, 18, 9, 19]][[0, 2, 1, 3]]).permute(0, 3, 1, 2).float() / 255)
    np.savez(file, images=pictures, labels=labels)
    assert LabelledPictures(name="own", path=str(file)).spec().labels == ("0", "1")
    for wrong, words in (
        ({"images": pictures.astype(float), "labels": labels}, "not n H W C of bytes"),
        ({"images": pictures, "labels": labels[:3]}, "not .20,. whole numbers"),
        ({"images": pictures, "labels": labels - 1}, "a label is"),
        ({"images": pictures}, "it has no 'labels.npy'|it has no .*labels"),
        ({"images": np.array([object()]), "labels": labels}, "its part 'images' is object"),
    ):
        np.savez(file, **wrong)
        with pytest.raises(DataError, match=words):
            LabelledPictures(name="own", path=str(file)).spec()


def test_shifts_and_mirrors():
    """Every training picture is the old one, moved by at most so many pixels, with 0 at the edge, and perhaps mirrored."""
    config = LabelledPictures(name="segments", shift_px=2, mirror=True)
    images = torch.rand(30, 2, 7, 5, generator=generator(0)) + 0.1
    found = config.varied(images, rng=generator(1))
    seen = set()
    for old, new in zip(images, found, strict=True):
        padded = torch.nn.functional.pad(old, (2, 2, 2, 2))
        candidates = {
            (top, left, turned): padded[:, top : top + 7, left : left + 5].flip(2)
            if turned
            else padded[:, top : top + 7, left : left + 5]
            for top in range(5)
            for left in range(5)
            for turned in (False, True)
        }
        (how,) = [how for how, candidate in candidates.items() if torch.equal(candidate, new)]
        seen.add(how)
    assert {how[0] for how in seen} == {how[1] for how in seen} == set(range(5))
    assert {how[2] for how in seen} == {False, True}
    assert torch.equal(LabelledPictures(name="segments").varied(images, rng=generator(1)), images)


def test_a_stream_goes_on_where_it_was():
    config = LabelledPictures(name="segments", batch=8, shift_px=1)
    stream = iter(config.stream("train", seed=3))
    batches = [next(stream) for _ in range(20)]
    again = next(iter(config.stream("train", seed=3, start=17)))
    assert torch.equal(again.images, batches[17].images)
    assert torch.equal(again.labels, batches[17].labels)


def test_the_real_files(data):
    """MNIST's test part, and the lossless pictures of CIFAR-10."""
    images, labels = all_of(LabelledPictures(path=str(data / "mnist")), "test")
    assert images.shape == (10_000, 1, 28, 28)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    config = LabelledPictures(name="own", path=str(data / "cifar10" / "cifar10_lossless_3000.npz"))
    assert config.spec().labels == CIFAR10
    assert config.spec().image == (3, 32, 32)
