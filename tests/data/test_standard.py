"""Standard sets from the published files; refusals where neither files nor internet are there."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen.data import standard
from drawgen.data.pictures import DataError
from drawgen.data.standard import Standard


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


def test_real_sets(data):
    train, valid = Standard(path=str(data / "mnist")).parts
    assert (len(train), len(valid)) == (50_000, 10_000)
    train, valid = Standard(name="omniglot", path=str(data / "omniglot"), side_px=28).parts
    assert len(train) + len(valid) == 2720 + 940


def test_what_is_refused(tmp_path, monkeypatch):
    from torchvision import datasets

    def offline(*arguments, **options):
        raise RuntimeError("no internet")

    for kind in ("MNIST", "Omniglot", "SVHN", "CIFAR10"):
        monkeypatch.setattr(datasets, kind, offline)
    for name in standard.NAMES:
        with pytest.raises(DataError, match=rf"{name} is neither in .*--data.path"):
            next(Standard(name=name, path=str(tmp_path)).stream("train", seed=0))
    for content in (b"", b"short", gzip.compress(struct.pack(">IIII", 2051, 5, 28, 28) + b"x"), gzip.compress(b"\0" * 99)):
        file = tmp_path / "train-images-idx3-ubyte.gz"
        file.write_bytes(content)
        with pytest.raises(DataError, match="whole idx file"):
            standard.read_idx(file)
    archive = tmp_path / "images_background.zip"
    archive.write_bytes(b"PK damaged")
    with pytest.raises(DataError, match="whole archive"):
        standard.read_characters(archive)
    with pytest.raises(ValueError, match="'fonts'"):
        Standard(name="fonts")
