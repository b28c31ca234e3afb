"""The README's Python runs, block by block and in order, as one who reads it would run it."""

import re
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
SHORTER = {
    "minutes=2": "steps=2",
    "strokes=250": "strokes=5, detail_px=32",
    '"steps": 100': '"steps": 2',
    "num_envs=1000": "num_envs=3",
}
"""What takes minutes, and what is done here instead."""


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A folder with what the README says that one has: photographs, scenes, the fixed binarisation of MNIST."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "scenes", "digits"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (30, 20), "teal").save("photos/one.jpg")
    Image.new("RGB", (64, 64), "teal").save("scenes/one.png")
    rows = np.random.default_rng(0).integers(0, 256, (128, 98), dtype=np.uint8)
    for split in ("train", "valid"):
        np.savez(f"digits/binarized_mnist_{split}.npz", bits=rows)


@pytest.mark.usefixtures("reader")
def test_every_block_runs():
    names: dict = {}
    whole = "".join(BLOCKS)
    for long, short in SHORTER.items():
        assert whole.count(long) == 1
        whole = whole.replace(long, short)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # what other packages have to say about themselves
        exec(compile(whole, str(README), "exec"), names)
    sizes = {}
    for name in ("dirt.png", "gravel.png", "samples.png"):
        with Image.open(name) as picture:
            sizes[name] = picture.size
    assert sizes == {"dirt.png": (256, 256), "gravel.png": (256, 256), "samples.png": (4 * 28 + 6, 4 * 28 + 6)}
    assert Path("coffee.svg").read_text(encoding="utf-8").count("<path") == 5
    assert len(names["captions"]) == 2
    assert names["run"].steps == 2
    for env in (names["env"], names["envs"]):
        env.close()


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(("script", "words"), [("sample", ["ride:dirt"]), ("sample_texture", ["photo:gravel", "--steps", "1"])])
def test_the_sampling_scripts(script, words, monkeypatch):
    """They take what the commands take."""
    monkeypatch.setattr("sys.argv", [script, *words, "-o", "out.png", "--size", "40x32"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(README.parent / "scripts" / f"{script}.py"), run_name="__main__")
    assert ended.value.code == 0
    with Image.open("out.png") as picture:
        assert picture.size == (40, 32)
