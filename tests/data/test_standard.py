"""Standard sets from the published files; refusals where neither files nor internet are there."""

import dataclasses
import gzip
import io
import os
import shutil
import struct
import zipfile
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen.contract import generator
from drawgen.data import omniglot, standard
from drawgen.data.idx import read_idx
from drawgen.data.omniglot import read_characters
from drawgen.data.pictures import DataError
from drawgen.data.standard import Standard
from drawgen.files import files_in


@pytest.fixture
def digits(tmp_path):
    """A folder with 10,060 small pictures of MNIST's format."""
    pixels = np.random.default_rng(0).integers(0, 256, (10_060, 28, 28), dtype=np.uint8)
    body = struct.pack(">IIII", 2051, *pixels.shape) + pixels.tobytes()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(body, 1))
    return tmp_path, torch.from_numpy(pixels)


def test_idx(digits):
    folder, pixels = digits
    data = Standard(path=str(folder), batch=20)
    train, valid = data.parts
    assert torch.equal(train[:, 0], pixels[:60])
    assert torch.equal(valid[:, 0], pixels[60:])
    stream = data.stream("train", seed=1)
    first = [next(stream).images for _ in range(4)]
    assert torch.equal(
        torch.cat(first[:3]).flatten(1).sum(1).sort().values, (pixels[:60].float() / 255).flatten(1).sum(1).sort().values
    )
    assert torch.equal(next(data.stream("train", seed=1, start=3)).images, first[3])
    assert data.spec().image == first[0].shape[1:]


def test_resized_and_rounded(digits):
    data = Standard(path=str(digits[0]), side_px=14, threshold=0.5, batch=3)
    images = next(data.stream("train", seed=0)).images
    assert images.shape[1:] == data.spec().image == (1, 14, 14)
    assert set(images.unique().tolist()) == {0.0, 1.0}


def test_jitter_shifts_training_pictures_only(digits):
    """Each training picture is one of the set, rolled by at most two pixels; validation pictures stay."""
    still = next(Standard(path=str(digits[0]), batch=8).stream("train", seed=5)).images
    moved = next(Standard(path=str(digits[0]), batch=8, jitter_px=2).stream("train", seed=5)).images
    assert not torch.equal(still, moved)
    for a, b in zip(still, moved, strict=True):
        assert any(torch.equal(a.roll((y, x), (1, 2)), b) for y in range(-2, 3) for x in range(-2, 3))
    plain, jittered = (next(Standard(path=str(digits[0]), jitter_px=j).stream("valid", seed=5)).images for j in (0, 2))
    assert torch.equal(plain, jittered)


def test_two_digits_on_a_canvas():
    """Each layer is found whole somewhere, the brighter of the two where they meet."""
    rng = torch.Generator().manual_seed(0)
    layers = [torch.rand(5, 1, 4, 4, generator=rng) for _ in range(2)]
    canvas = standard.scatter(layers, 20, rng=rng)
    assert canvas.shape == (5, 1, 20, 20)
    for n in range(5):
        windows = canvas[n, 0].unfold(0, 4, 1).unfold(1, 4, 1)
        for layer in layers:
            assert (windows >= layer[n, 0]).flatten(2).all(2).any()
        assert (canvas[n] > 0).sum() <= 32
    with pytest.raises(ValueError, match=r"data\.canvas_px is 3"):
        standard.scatter(layers, 3, rng=rng)


def test_characters_from_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "images_background_small1.zip", "w") as archive:
        for n in range(20):
            buffer = io.BytesIO()
            picture = np.full((105, 105), 255, np.uint8)
            picture[n, :] = 0
            Image.fromarray(picture).convert("1").save(buffer, "PNG")
            archive.writestr(f"images/A/character01/{n:04d}_01.png", buffer.getvalue())
    train, valid = Standard(name="omniglot", path=str(tmp_path), batch=2).parts
    assert len(train) == 18
    assert valid[1, 0, 10].min() == 255
    assert valid[1, 0].sum() == 105 * 255


def test_alphabets_by_the_paths_of_another_system(tmp_path, monkeypatch):
    """Windows parts folders by backslashes."""

    class Backslashed(type(tmp_path)):
        def relative_to(self, *other):
            return PureWindowsPath(super().relative_to(*other))

    for alphabet in ("Greek", "Latin"):
        (tmp_path / "images_background" / alphabet).mkdir(parents=True)
        Image.new("1", (105, 105)).save(tmp_path / "images_background" / alphabet / "0001_01.png")
    monkeypatch.setattr(omniglot, "files_in", lambda *how, **more: map(Backslashed, files_in(*how, **more)))
    place = tmp_path / "images_background"
    assert [len(read_characters(place, **how)) for how in ({}, {"only": "Greek"}, {"without": "Greek"})] == [2, 1, 1]


def test_real_sets(data):
    train, valid = Standard(path=str(data / "mnist")).parts
    assert (len(train), len(valid)) == (50_000, 10_000)
    train, valid = Standard(name="omniglot", path=str(data / "omniglot"), side_px=28).parts
    assert len(train) + len(valid) == 2720 + 940


def test_names_and_places_of_mnist(digits):
    """As published, as Kaggle names it, as torchvision keeps it: the training pictures alone are enough; packed or not, whatever
    the ending says."""
    folder, pixels = digits
    packed = folder / "train-images-idx3-ubyte.gz"
    body = packed.read_bytes()
    packed.unlink()
    for place in ("train-images.idx3-ubyte", "MNIST/raw/train-images-idx3-ubyte", "raw/train-images-idx3-ubyte.gz",
                  "train-images-idx3-ubyte/train-images-idx3-ubyte"):  # fmt: skip
        for content in (body, gzip.decompress(body)):
            file = folder / "in" / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            assert torch.equal(Standard(path=str(folder / "in")).parts[0][:, 0], pixels[:60])
        shutil.rmtree(folder / "in")


def test_small_sets_are_refused_with_the_cause(tmp_path):
    pixels = np.zeros((1000, 28, 28), np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, *pixels.shape) + pixels.tobytes())
    with pytest.raises(DataError, match="has 1000 pictures of mnist, of which 10000 are for validation; give the whole set, 60000"):
        next(Standard(path=str(tmp_path)).stream("train", seed=0))


def test_a_batch_that_is_too_large_is_told_with_what_is_held_out(digits):
    with pytest.raises(DataError, match="60 pictures beside the 10000 for validation, fewer than a batch of 128; lower"):
        next(Standard(path=str(digits[0])).stream("train", seed=0))


def test_nothing_is_made_where_nothing_is(tmp_path, monkeypatch):
    """Reading never downloads; a download into a folder that is not there is refused, and one that fails leaves nothing."""
    from torchvision import datasets

    def offline(root, **options):
        (Path(root) / "half").mkdir(parents=True)
        raise RuntimeError("no internet")

    monkeypatch.chdir(tmp_path)
    for kind in ("MNIST", "Omniglot", "SVHN", "CIFAR10"):
        monkeypatch.setattr(datasets, kind, offline)
    (tmp_path / "there").mkdir()
    for name in standard.SETS:
        with pytest.raises(DataError, match=rf"{name} is not in .*`data.path`"):
            next(Standard(name=name, path="there").stream("train", seed=0))
        with pytest.raises(DataError, match=r"the folder misspelt does not exist; check `data\.path`"):
            Standard(name=name, path="misspelt").fetch()
        for path in ("there", "data"):
            with pytest.raises(DataError, match=rf"{name} is neither in {path} .*no internet.*`data.path`"):
                Standard(name=name, path=path).fetch()
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_what_is_downloaded_is_read(tmp_path, monkeypatch, digits):
    from torchvision import datasets

    def online(root, **options):
        (Path(root) / "MNIST" / "raw").mkdir(parents=True)
        shutil.copy(digits[0] / "train-images-idx3-ubyte.gz", Path(root) / "MNIST" / "raw")

    monkeypatch.setattr(datasets, "MNIST", online)
    monkeypatch.chdir(tmp_path)
    data = Standard()
    for _ in range(2):  # what is there is not fetched again
        data.fetch()
        monkeypatch.setattr(datasets, "MNIST", None)
    assert torch.equal(data.parts[0][:, 0], digits[1][:60])
    assert not list((tmp_path / "data").glob(".*"))


def test_what_is_refused(tmp_path):
    bomb = gzip.compress(struct.pack(">IIII", 2051, 5, 28, 28) + bytes(10_000_000))
    huge = gzip.compress(struct.pack(">IIII", 2051, 2**32 - 1, 2**32 - 1, 28))
    short = gzip.compress(struct.pack(">IIII", 2051, 5, 28, 28) + b"x")
    file = tmp_path / "train-images-idx3-ubyte.gz"
    for content in (b"", b"short", short, gzip.compress(b"\0" * 99), bomb, huge, gzip.decompress(short)):
        file.write_bytes(content)
        with pytest.raises(DataError, match="whole idx file"):
            read_idx(file)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(DataError, match="a pipe or a device"):
        read_idx(file)
    archive = tmp_path / "images_background.zip"
    archive.write_bytes(b"PK damaged")
    with pytest.raises(DataError, match="whole archive"):
        read_characters(archive)
    buffer = io.BytesIO()
    Image.new("L", (106, 105)).save(buffer, "PNG")
    for content in (b"", b"no picture", buffer.getvalue(), bytes(1_000_000)):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("images/A/character01/0001_01.png", content)
        with pytest.raises(DataError, match=r"whole archive of Omniglot's pictures \(.*; take the published"):
            read_characters(archive)
    with pytest.raises(ValueError, match=r"^data\.name is 'fonts'; it is one of mnist, omniglot, svhn, cifar10$"):
        Standard(name="fonts")
    with pytest.raises(ValueError, match=r"^data\.without is 'Greek', and svhn has no alphabets"):
        Standard(name="svhn", without="Greek")


def test_pictures_of_another_size_are_refused(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, 2, 20, 30) + bytes(1200))
    with pytest.raises(DataError, match=r"has pictures of 30x20 pixels; mnist's have 28x28$"):
        next(Standard(path=str(tmp_path)).stream("train", seed=0))


def test_a_new_set_is_one_row(tmp_path, monkeypatch):
    """It is streamed, fetched and refused as the others are; messages name it."""
    from torchvision import datasets

    def read(files, without):
        pixels = np.frombuffer(files[0].read_bytes(), np.uint8)
        return torch.from_numpy(pixels.copy()).view(-1, 3, 4, 4)

    def online(root, **options):
        (Path(root) / "dots.bin").write_bytes(pixels.tobytes())

    row = standard.PictureSet(
        channels=3, side_px=4, count=12, held_out=5, torchvision="Dots", find=lambda folder: list(folder.glob("*.bin")), read=read,
        labels=lambda files, count: np.arange(count),
    )  # fmt: skip
    monkeypatch.setitem(standard.SETS, "dots", row)
    monkeypatch.setattr(datasets, "Dots", online, raising=False)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 4, 4), dtype=np.uint8)
    data = Standard(name="dots", path=str(tmp_path), batch=7)
    with pytest.raises(DataError, match=r"^dots is not in "):
        next(data.stream("train", seed=0))
    data.fetch()
    assert data.spec().image == (3, 4, 4)
    train = next(data.stream("train", seed=0)).images
    valid = next(data.stream("valid", seed=0)).images
    expected = torch.from_numpy(pixels).float() / 255
    assert torch.equal(train.flatten(1).sum(1).sort().values, expected[:7].flatten(1).sum(1).sort().values)
    assert torch.equal(valid, expected[7:])
    assert next(Standard(name="dots", path=str(tmp_path), batch=2, side_px=8).stream("train", seed=0)).images.shape == (2, 3, 8, 8)
    pictures, labels = standard.load_labelled("dots", tmp_path)
    assert torch.equal(pictures, torch.from_numpy(pixels))
    assert labels.tolist() == list(range(12))
    for size, words in ((5 * 48, "has 5 pictures of dots, of which 5 are for validation; give the whole set, 12$"),
                        (47, r"^the files of dots in .* cannot be read \(")):  # fmt: skip
        (tmp_path / "dots.bin").write_bytes(bytes(size))
        with pytest.raises(DataError, match=words):
            next(Standard(name="dots", path=str(tmp_path)).stream("train", seed=0))
    with pytest.raises(DataError, match=r"^the folder elsewhere does not exist; .* have dots downloaded into it$"):
        Standard(name="dots", path="elsewhere").fetch()
    with pytest.raises(ValueError, match=r"it is one of mnist, omniglot, svhn, cifar10, dots$"):
        Standard(name="fonts")
    monkeypatch.setitem(standard.SETS, "dots", dataclasses.replace(row, labels=None))
    (tmp_path / "dots.bin").write_bytes(pixels.tobytes())
    with pytest.raises(DataError, match="dots has no labels"):
        standard.load_labelled("dots", tmp_path)


def test_some_pictures_in_an_archive(tmp_path):
    """Every tenth is for validation, nothing is fetched, and half of those of training are mirrored."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "some.npz", images=pixels, labels=np.zeros(40))
    data = Standard(name="cifar10", path=str(tmp_path / "some.npz"), batch=36, mirror=True)
    data.fetch()
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    valid = next(data.stream("valid", seed=0)).images
    assert torch.equal(valid, pictures[::10])
    train = next(data.stream("train", seed=0)).images
    found = [next(n for n in range(80) if torch.equal(one, (pictures[n // 2], pictures[n // 2].flip(2))[n % 2])) for one in train]
    assert sorted(n // 2 for n in found) == [n for n in range(40) if n % 10]
    assert 6 < sum(n % 2 for n in found) < 30
    for images, words in ((pixels[:, :28], r"has the shape \(40, 28, 32, 3\) and is uint8, not \(n, 32, 32, 3\) of bytes"),
                          (pixels / 255, "is float64"), (pixels[:0], "shape"), (pixels[0], "shape")):  # fmt: skip
        np.savez(tmp_path / "bad.npz", images=images)
        with pytest.raises(DataError, match=f"{words}.*; give an .npz, or a folder"):
            next(Standard(name="cifar10", path=str(tmp_path / "bad.npz")).stream("train", seed=0))
    np.savez(tmp_path / "bad.npz", pictures=pixels)
    with pytest.raises(DataError, match=r"bad\.npz is no file of such pictures \(.*images"):
        next(Standard(name="cifar10", path=str(tmp_path / "bad.npz")).stream("train", seed=0))


def test_digits_in_colour(tmp_path):
    """Ink and ground are of one colour each, apart in brightness; the spec has three channels."""
    pictures = torch.zeros(50, 1, 8, 8)
    pictures[:, :, 2:6, 2:6] = 1
    found = standard.painted(pictures, rng=generator(0))
    assert found.shape == (50, 3, 8, 8)
    assert 0 <= found.min() < found.max() <= 1
    ink, ground = found[:, :, 3:5, 3:5], found[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (ink.mean((1, 2, 3)) - ground.mean((1, 2))).abs().min() > 0.2
    assert Standard(colour=True, side_px=32).spec().picture == (3, 32, 32)
    with pytest.raises(ValueError, match=r"data\.colour.* is true, and cifar10 is in colour already"):
        Standard(name="cifar10", colour=True)


def test_help_names_every_set():
    """The one word beside the row that a new set takes: the help of `--data.name`."""
    said = Path(standard.__file__).read_text().split('name: str = "mnist"')[1].split('"""')[1]
    assert said == f"{', '.join([*standard.SETS][:-1])} or {[*standard.SETS][-1]}."
