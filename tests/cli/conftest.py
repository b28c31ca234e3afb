"""A trained texture, and a folder to work in."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawgen import cli


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The run folder of `drawgen train ride tiny`."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    words = ["train", "ride", "tiny", "--out", str(folder), "--fit.steps", "3", "--data.longest-px", "64", "--fit.seed", "5"]
    assert cli.main(words) == 0
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, trained):
    """A working folder with a trained model, good and bad pictures."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    Image.fromarray(pixels[:7, :7]).save("small.png")
    Path("text.png").write_text("this is text")
    Path("folder").mkdir()
    Path("there.png").write_text("kept")
    Path("a-file").touch()
    return tmp_path
