"""The documentation page does what it says: every block runs, in order, as one who reads it would run them."""

import re
import warnings
from pathlib import Path

import drawgen_envs
import pytest
from PIL import Image

PAGE = Path(drawgen_envs.__file__).parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_every_block_runs(tmp_path, monkeypatch):
    pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (30, 20), "teal").save("photos/one.jpg")
    names: dict = {}
    assert len(BLOCKS) >= 9
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # what other packages have to say about themselves
        for block in BLOCKS:
            exec(compile(block, str(PAGE), "exec"), names)
    with Image.open("painting.gif") as gif:
        assert gif.size == (160, 160)
        assert gif.n_frames > 1
    assert Path("painting.mp4").stat().st_size > 500
    assert Path("agent.zip").exists()
