"""drawgen sample."""

from pathlib import Path

import numpy as np
import pytest
from command_line import SAMPLE, refused, run
from PIL import Image


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (SAMPLE + " -n 0", "-n is 0; it has to be at least 1"),
        (SAMPLE + " -n -4", "-n is -4"),
        (SAMPLE + " --temperature 0", "--temperature is 0.0; it has to be above 0 and below 100"),
        (SAMPLE + " --temperature nan", "--temperature is nan"),
        (SAMPLE + " --temperature inf", "--temperature is inf"),
        (SAMPLE + " --seed -1", "--seed is -1; it has to be at least 0"),
        (SAMPLE + " --tile --size 4x40", "4x40"),
        ("sample none -o new.png", "none is neither a model folder nor a shipped model"),
        ("sample ride:none -o new.png", "no ride:none is shipped"),
        ("sample photo.png -o new.png", "photo.png is neither a model folder"),
        ("sample folder -o new.png", "config.json does not exist"),
        ("eval none", "none is neither a model folder"),
        ("eval folder", "config.json does not exist"),
    ],
)
def test_sample_and_eval_refuse(capsys, here, line, words):
    refused(capsys, here, line, words)


@pytest.mark.parametrize("flags", ["", "--tile", "-n 3", "--temperature 0.5", "--no-match"])
def test_sample_is_the_same_file_for_the_same_seed(capsys, here, flags):
    for name in ("a.png", "b.png"):
        status, out, _ = run(capsys, "sample", "run", "-o", name, "--size", "24x20", "--seed", "3", *flags.split())
        assert (status, out) == (0, f"{name}\n")
    run(capsys, "sample", "run", "-o", "c.png", "--size", "24x20", "--seed", "4", *flags.split())
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes() != Path("c.png").read_bytes()
    with Image.open("a.png") as picture:
        assert picture.size == ((50, 42) if flags == "-n 3" else (24, 20))


def test_sample_has_the_training_size_by_itself(capsys, here):
    assert run(capsys, "sample", "run", "--out", "a.png")[0] == 0
    with Image.open("a.png") as picture:
        assert picture.size == (16, 16)


def test_sample_as_animation(capsys, here):
    """It ends with the picture that the same seed gives."""
    assert run(capsys, "sample", "run", "-o", "a.gif", "--size", "24x20")[0] == 0
    assert run(capsys, "sample", "run", "-o", "a.png", "--size", "24x20")[0] == 0
    with Image.open("a.gif") as moving, Image.open("a.png") as still:
        assert moving.n_frames > 10
        moving.seek(moving.n_frames - 1)
        assert np.array_equal(np.asarray(moving.convert("L")), np.asarray(still))


@pytest.mark.parametrize("ending", ["webp", "png"])
def test_sample_moves_where_it_is_asked_to(capsys, here, ending):
    """PNG and WebP stand still by themselves; with --animate they end with the picture that stands still."""
    words = ["sample", "run", "--size", "24x20", "-o"]
    assert run(capsys, *words, f"still.{ending}")[0] == 0
    assert run(capsys, *words, f"moving.{ending}", "--animate")[0] == 0
    assert run(capsys, *words, "moving.gif", "--animate")[0] == 0
    with Image.open(f"still.{ending}") as still, Image.open(f"moving.{ending}") as moving, Image.open("moving.gif") as gif:
        assert getattr(still, "n_frames", 1) == 1
        assert moving.n_frames == gif.n_frames > 10
        moving.seek(moving.n_frames - 1)
        assert np.array_equal(np.asarray(moving.convert("L")), np.asarray(still.convert("L")))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sample run -o new.jpg --animate", "new.jpg cannot hold this; use one of .apng .gif .mp4 .png .webp"),
        ("sample run -o new.webp --size 16384x8", "new.webp would have 16384x8 pixels and WEBP holds 16383 a side"),
        ("sample run -o new.webp --size 9000x16 -n 1000", "new.webp would have 9000x17998 pixels and WEBP"),
        ("texture photo.png -o new.webp --size 20000x8", "new.webp would have 20000x8 pixels and WEBP holds 16383 a side"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_it_is_drawn(capsys, here, line, words):
    refused(capsys, here, line, words)


def test_force_replaces_the_picture(capsys, here):
    assert run(capsys, "sample", "run", "-o", "there.png", "--size", "20x20", "--force")[0] == 0
    with Image.open("there.png") as picture:
        assert picture.size == (20, 20)
