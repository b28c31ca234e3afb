"""drawgen paint."""

import os
import signal
from pathlib import Path

import pytest
from command_line import refused, run
from PIL import Image

PAINT = "paint photo.png -o new.png --strokes 5 --detail-px 32"


@pytest.fixture
def quick(monkeypatch):
    """Paintings of few steps."""
    from drawgen.strokes import placing

    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=2) for part in placing.ROUNDS))


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "apng", "mp4", "svg", "json"])
def test_paint_is_the_same_file_for_the_same_seed(capsys, here, quick, ending):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        line = f"paint photo:coffee -o {name}.{ending} --strokes 5 --detail-px 32 --size 60x40 --seed {seed}"
        assert run(capsys, *line.split())[:2] == (0, f"{name}.{ending}\n")
    first, again, other = (Path(f"{name}.{ending}").read_bytes() for name in "abc")
    assert first == again
    assert first != other
    if ending not in ("svg", "json", "mp4"):
        with Image.open(f"a.{ending}") as picture:
            assert picture.size == (60, 40)
            assert getattr(picture, "n_frames", 1) == (6 if ending in ("gif", "apng") else 1)


def test_paint_again_from_strokes(capsys, here, quick):
    """The very same file as from the photograph, at any size; as an animation too."""
    assert run(capsys, *["paint", "photo:coffee", "-o", "a.json", "--strokes", "5", "--detail-px", "32"])[0] == 0
    for file in ("a.png", "a.svg", "a.gif"):
        assert run(capsys, *f"paint a.json -o {file}".split())[0] == 0
        assert run(capsys, *f"paint photo:coffee -o b{file} --strokes 5 --detail-px 32".split())[0] == 0
        assert Path(file).read_bytes() == Path("b" + file).read_bytes()
    assert run(capsys, *["paint", "a.json", "-o", "large.webp", "--size", "300x200", "--animate"])[0] == 0
    with Image.open("large.webp") as picture:
        assert (picture.size, picture.n_frames) == ((300, 200), 6)
    with Image.open("a.png") as picture:
        assert max(picture.size) == 1024
    refused(capsys, here, "paint a.json -o new.png --size 300x300", "another aspect than --size 300x300")
    refused(capsys, here, "paint a.json -o new.png --strokes 9", "is painted already; leave --strokes out")
    refused(capsys, here, "paint a.json -o new.png --least-radius 1", "leave --least-radius out")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_paint_interrupted_keeps_what_there_is(capsys, here, monkeypatch, number):
    from drawgen.strokes import placing

    plain = placing.LooseStrokes.step

    def step(strokes, gradient, rate):
        plain(strokes, gradient, rate)
        if len(strokes) > 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(placing.LooseStrokes, "step", step)
    line = "paint photo:coffee -o a.png --strokes 20 --detail-px 32 --size 30x20"
    status, _, err = run(capsys, *line.split())
    assert status == 128 + number
    assert "a.png is the painting so far, 6 strokes" in err
    with Image.open("a.png") as picture:
        assert picture.size == (30, 20)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("paint none.png -o new.png", "none.png does not exist"),
        ("paint text.png -o new.png", "text.png is not a picture"),
        ("paint folder -o new.png", "folder"),
        ("paint photo:none -o new.png", "photo:none is not a sample photograph"),
        ("paint none.json -o new.png", "none.json does not exist"),
        (PAINT.replace("new.png", "there.png"), "there.png exists already"),
        (PAINT.replace("new.png", "new.xyz"), "new.xyz has no known ending; use one of .apng .bmp"),
        (PAINT.replace("new.png", "none/new.svg"), "the folder none does not exist"),
        (PAINT + " --strokes 0", "--strokes is 0"),
        (PAINT + " --strokes 100000", "--strokes is 100000; it has to be at least 1 and at most 10000"),
        (PAINT + " --seconds 0", "--seconds is 0.0"),
        (PAINT + " --seconds nan", "--seconds is nan"),
        (PAINT + " --seed -1", "--seed is -1"),
        (PAINT + " --detail-px 0", "--detail-px is 0"),
        (PAINT + " --least-radius -1", "--least-radius is -1"),
        (PAINT + " --opacity 2", "--opacity is 2.0"),
        (PAINT + " --palette reddish,blue", "--palette has 'reddish'"),
        (PAINT + " --palette auto:none", "--palette is 'auto:none'"),
        (PAINT + " --background whitish", "--background has 'whitish'"),
        (PAINT + " --size 4x400", "crop it, or give a larger --detail-px"),
        (PAINT + " --size 0x4", "--size is '0x4'"),
        (PAINT.replace("new.png", "new.svg") + " --animate", "new.svg has no known ending; use one of .apng .gif"),
    ],
)
def test_paint_refuses(capsys, here, line, words):
    refused(capsys, here, line, words)
