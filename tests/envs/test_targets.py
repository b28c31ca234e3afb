"""Targets: fitted by hand-made pictures, and every bad one in one sentence."""

import math
import re

import numpy as np
import pytest
import torch
from drawgen_envs.targets import SoftEdges, Targets
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

RNG = np.random.default_rng(0)


def write(path, array):
    Image.fromarray(array).save(path)
    return path


def test_a_file_is_fitted_and_its_middle_taken(tmp_path):
    """A picture twice as wide as the canvas loses a quarter on both sides."""
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 10:30] = (10, 200, 30)
    picture = Targets(str(write(tmp_path / "a.png", wide)), 20, 20, 3)(RNG)
    assert (picture == (10, 200, 30)).all()
    picture = Targets(tmp_path / "a.png", 5, 5, 1)(RNG)
    assert picture.shape == (5, 5, 1)
    np.testing.assert_array_equal(Targets(Image.fromarray(wide), 20, 40, 3)(RNG), wide)


def test_odd_pictures(tmp_path):
    clear = np.zeros((4, 4, 4), np.uint8)  # black, and quite transparent
    assert (Targets(write(tmp_path / "clear.png", clear), 4, 4, 3)(RNG) == 255).all()
    sixteen = np.full((4, 4), 32768, np.uint16)
    assert (Targets(write(tmp_path / "sixteen.png", sixteen), 4, 4, 1)(RNG) == 128).all()
    floats = np.full((4, 4), 0.25, np.float32)
    assert (Targets(write(tmp_path / "floats.tif", floats), 4, 4, 1)(RNG) == 64).all()
    turned = Image.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 4, 1).repeat(2, 0))  # dark above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(tmp_path / "turned.png", exif=exif)
    picture = Targets(tmp_path / "turned.png", 4, 4, 1)(RNG)
    assert (picture[:2] == 255).all()
    assert (picture[2:] == 0).all()


def test_a_folder_gives_all_of_its_pictures(tmp_path):
    (tmp_path / "deeper").mkdir()
    for name, level in (("a.png", 10), ("deeper/b.JPG", 90), ("c.webp", 200)):
        write(tmp_path / name, np.full((6, 6), level, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    targets = Targets(tmp_path, 6, 6, 1)
    seen = {int(targets(RNG)[0, 0, 0]) for _ in range(60)}
    assert seen == {10, 90, 200}
    again = [int(Targets(tmp_path, 6, 6, 1)(np.random.default_rng(7))[0, 0, 0]) for _ in range(2)]
    assert again[0] == again[1]


def test_memory_for_a_folder_is_bounded(tmp_path, monkeypatch):
    for index in range(5):
        write(tmp_path / f"{index}.png", np.full((6, 6), index, np.uint8))
    monkeypatch.setattr("drawgen_envs.targets.KEPT_BYTES", 2 * 36)
    targets = Targets(tmp_path, 6, 6, 1)
    assert {int(targets(RNG)[0, 0, 0]) for _ in range(60)} == set(range(5))
    assert len(targets.kept) == 2


@pytest.mark.parametrize(
    "given", [np.full((2, 3, 1), 0.5), np.full((2, 3), 128, np.uint8), torch.full((2, 3, 1), 0.5), [[0.5] * 3] * 2]
)
def test_arrays(given):
    targets = Targets(given, 2, 3, 1)
    assert (targets(RNG) == 128).all()
    assert (Targets(lambda rng: given, 2, 3, 1)(RNG) == 128).all()


def test_an_array_is_the_environments_own():
    array = np.zeros((2, 2, 3), np.uint8)
    targets = Targets(array, 2, 2, 3)
    array[:] = 9
    assert (targets(RNG) == 0).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((4, 5, 3)), "target has the shape (4, 5, 3); the canvas has (4, 4, 3)"),
        (np.zeros((4, 4)), "target has the shape (4, 4)"),
        (np.full((4, 4, 3), 1.5), "target has floats outside [0, 1]"),
        (np.full((4, 4, 3), np.nan), "target has floats outside [0, 1]"),
        (np.zeros((4, 4, 3), np.int64), "target is an array of int64; a target is a path, a picture, a function"),
        (np.zeros((4, 4, 3), np.uint16), "target is an array of uint16"),
        (np.zeros((4, 4, 3), bool), "target is an array of bool"),
        (7, "target is 7; a target is"),
        (True, "target is True"),
        ({"a": 1}, "target is {'a': 1}"),
        ([[1, 2], [3]], "target is no array"),
        (lambda rng: None, "what the function given as target returned is None"),
        (lambda rng: np.zeros((1, 1, 3)), "what the function given as target returned has the shape (1, 1, 3)"),
        (lambda rng: "nonsense", "what the function given as target returned is 'nonsense'"),
    ],
)
def test_bad_targets(given, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        Targets(given, 4, 4, 3)(RNG)
    assert len(str(caught.value).splitlines()) == 1


def test_bad_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"target: there is no file or folder .*nowhere"):
        Targets(tmp_path / "nowhere", 4, 4, 3)
    with pytest.raises(FileNotFoundError, match=r"target: no pictures \(.bmp, .* in the folder"):
        Targets(tmp_path, 4, 4, 3)
    for name, content in (("empty.png", b""), ("text.jpg", b"hello"), ("bomb.png", None)):
        if content is None:
            Image.new("1", (20_000, 10_000)).save(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"target .*{name} cannot be read as a picture") as caught:
            Targets(tmp_path / name, 4, 4, 3)
        assert len(str(caught.value).splitlines()) == 1
    whole = tmp_path / "whole.png"
    Image.fromarray(RNG.integers(0, 255, (30, 30, 3)).astype(np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:-900])
    with pytest.raises(ValueError, match=r"cut.png cannot be read"):
        Targets(tmp_path / "cut.png", 4, 4, 3)
    (tmp_path / "postscript.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n")
    with pytest.raises(ValueError, match=r"postscript.png cannot be read"):
        Targets(tmp_path / "postscript.png", 4, 4, 3)


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_soft_edges(height, width, channels, seed):
    """Beside the logistic function across the edge, pixel by pixel."""
    picture = SoftEdges(height, width, channels)(np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    angle, shift = rng.uniform(0, 2 * math.pi), rng.uniform(-0.3, 0.3)
    one, other = rng.uniform(0, 255, (2, channels))
    assert picture.dtype == np.uint8
    for i in range(height):
        for j in range(width):
            across = math.cos(angle) * ((j + 0.5) / width - 0.5) + math.sin(angle) * ((i + 0.5) / height - 0.5)
            share = 1 / (1 + math.exp(-20 * (across - shift)))
            assert np.abs(picture[i, j] - (one + (other - one) * share)).max() <= 1.1  # rounded twice


def test_what_systems_leave_is_no_target(tmp_path):
    """Hidden files and folders, `__MACOSX`, and a folder that is named as a picture."""
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    for name in ("._a.png", "__MACOSX/a.png", ".ipynb_checkpoints/a-checkpoint.png", "Thumbs.db", "sub.jpg/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    assert Targets(tmp_path, 8, 8, 3).paths == [tmp_path / "a.png"]
