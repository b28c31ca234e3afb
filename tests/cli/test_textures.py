"""drawgen texture."""

from pathlib import Path

import pytest
from command_line import TEXTURE, refused, run
from PIL import Image


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("texture small.png -o new.png --steps 2", "small.png is 7x7 pixels"),
        (TEXTURE + " --exemplar-px 7", "--exemplar-px than 7"),
        (TEXTURE + " --exemplar-px -1", "--exemplar-px is -1"),
        (TEXTURE + " --steps 0", "--steps is 0"),
        (TEXTURE + " --minutes 0", "--minutes is 0.0"),
        (TEXTURE + " --minutes -2", "--minutes is -2.0"),
        (TEXTURE + " --minutes nan", "--minutes is nan"),
        (TEXTURE + " --minutes inf", "--minutes is inf"),
        (TEXTURE + " --seed -1", "--seed is -1"),
        (TEXTURE + " --save run", "run exists already; continue it with --resume, replace it with --force"),
        (TEXTURE + " --save run --resume --seed 3", "run was started with preset 'tiny', not 'texture'"),
        (TEXTURE + " --save a-file", "a-file is a file"),
        (TEXTURE + " --save none/model", "the folder none does not exist"),
        (TEXTURE + " --save folder-of-mine", "folder-of-mine exists already and is no model (mine.txt is in it)"),
    ],
)
def test_texture_refuses(capsys, here, line, words):
    Path("folder-of-mine").mkdir()
    Path("folder-of-mine/mine.txt").touch()
    refused(capsys, here, line, words)


def test_texture(capsys, here):
    """A picture of the asked size, a model folder that draws more of it, and the same file for the same seed."""
    for name in ("a.png", "b.png"):
        line = f"texture photo:brick -o {name} --steps 2 --size 40x30 --exemplar-px 64"
        status, out, err = run(capsys, *line.split())
        assert (status, out) == (0, f"{name}\n")
        assert "photo:brick is 512x512 pixels; it is reduced to 64" in err
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    with Image.open("a.png") as picture:
        assert picture.size == (40, 30)
    assert run(capsys, "sample", "a.model", "-o", "more.png", "--size", "20x20")[0] == 0
    again = "texture photo:brick -o again.png --save a.model --resume --steps 2 --size 40x30 --exemplar-px 64"
    assert run(capsys, *again.split())[0] == 0
    assert Path("again.png").read_bytes() == Path("a.png").read_bytes()
    refused(capsys, here, again.replace("again", "new") + " --seed 3", "a.model was started with fit.seed 0, not 3")
