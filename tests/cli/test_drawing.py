"""drawgen sample."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import SAMPLE, refused, run
from PIL import Image

from drawgen.cli import main


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


# ---------------------------------------------------------------- drawings of a pen


@pytest.fixture(scope="module")
def pen(tmp_path_factory):
    """A model folder of `sketch_rnn`, trained by its preset "tiny", and a begun drawing."""
    folder = tmp_path_factory.mktemp("pen")
    assert main(["train", "sketch_rnn", "tiny", "--out", str(folder / "run")]) == 0
    lines = '<path d="M10 10 50 10 50 60"/><path d="M20 80h30"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" fill="none" stroke="red">{lines}</svg>'
    (folder / "begun.svg").write_text(svg, encoding="utf-8")
    return folder


@pytest.mark.parametrize("ending", ["png", "svg", "json", "gif"])
def test_a_pen_draws_and_completes(capsys, pen, tmp_path, ending):
    """Twice the same file for the same seed."""
    for words in ([], ["--begin", str(pen / "begun.svg")]):
        outs = [tmp_path / f"{name}{len(words)}.{ending}" for name in "ab"]
        for out in outs:
            status, _, err = run(capsys, "sample", pen / "run", *words, "-n", "3", "--temperature", "0.5", "-o", out)
            assert status == 0, err
        assert outs[0].read_bytes() == outs[1].read_bytes()


def test_completed_drawings_begin_with_what_was_given(capsys, pen, tmp_path):
    status, out, _ = run(capsys, "sample", pen / "run", "--begin", pen / "begun.svg", "-n", "2", "-o", tmp_path / "{i}.json")
    assert (status, out.count("\n")) == (0, 2)
    for name in ("1.json", "2.json"):
        [told] = json.loads((tmp_path / name).read_text(encoding="utf-8"))["drawings"]
        assert told["page"] == [0, 0, 100, 100]
        assert told["lines"][0] == [[10, 10], [50, 10], [50, 60]]
        assert told["lines"][1][:2] == [[20, 80], [50, 80]]
    again = tmp_path / "again.svg"
    assert run(capsys, "sample", pen / "run", "--begin", tmp_path / "1.json", "-o", again)[0] == 0
    assert run(capsys, "plot", again, "-o", tmp_path / "plot.svg")[0] == 0


@pytest.mark.parametrize("command", ["reconstruct", "interpolate"])
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_drawings_are_redrawn(capsys, pen, tmp_path, command, ending):
    out = tmp_path / f"out.{ending}"
    assert run(capsys, command, pen / "run", pen / "begun.svg", pen / "begun.svg", "-o", out)[0] == 0
    assert out.stat().st_size > 100


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--begin photo.png", "photo.png is a picture, and lines are wanted: give an SVG, or strokes as JSON"),
        ("--begin none.svg", "none.svg does not exist"),
        ("--begin empty.svg", "empty.svg has no strokes"),
        ("--begin filled.svg", "filled.svg has no strokes, only filled shapes without a stroke (1); drawgen plot with"),
        ("--begin empty.json", "empty.json has no lines"),
        ("--begin nan.json", "nan.json has a coordinate that is not finite or beyond 1e+06"),
        ("--begin nan.svg", "nan.svg"),
        ("--prime x", "leave --prime out"),
        ("--tile", "--tile is true"),
        ("--boxes", "no windows"),
    ],
)
def test_a_pen_refuses(capsys, here, pen, words, told):
    svg = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'
    Path("empty.svg").write_text(svg.format(""), encoding="utf-8")
    Path("filled.svg").write_text(svg.format('<rect width="9" height="9"/>'), encoding="utf-8")
    Path("nan.svg").write_text(svg.format('<path d="M0 0 nan 1" stroke="red"/>'), encoding="utf-8")
    for name, lines in (("empty", "[]"), ("nan", "[[[NaN, 1]]]")):
        told_lines = f'{{"format": "drawgen lines 1", "drawings": [{{"page": [0, 0, 1, 1], "lines": {lines}}}]}}'
        Path(f"{name}.json").write_text(told_lines, encoding="utf-8")
    refused(capsys, here, f"sample {pen / 'run'} -o new.png {words}", told)


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    """A model folder of `handwriting`, trained by its preset "tiny"."""
    folder = tmp_path_factory.mktemp("hand") / "run"
    assert main(["train", "handwriting", "tiny", "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("ending", ["png", "svg", "json", "gif"])
def test_a_hand_writes(capsys, hand, tmp_path, ending):
    """Twice the same file for the same seed."""
    outs = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for out in outs:
        status, _, err = run(capsys, "sample", hand, "--text", "two words\nand more", "-n", "2", "--temperature", "0.5", "-o", out)
        assert status == 0, err
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_what_is_written_can_be_plotted_and_has_its_attention(capsys, hand, tmp_path):
    out, looks = tmp_path / "{i}.svg", tmp_path / "looks.png"
    status, told, err = run(capsys, "sample", hand, "--text", "a word", "-n", "2", "-o", out, "--attention", looks)
    assert status == 0, err
    assert told.split() == [str(tmp_path / name) for name in ("1.svg", "2.svg", "looks.png")]
    with Image.open(looks) as picture:
        assert min(picture.size) > 40
    assert run(capsys, "plot", tmp_path / "1.svg", "-o", tmp_path / "plot.svg")[0] == 0
    sized = tmp_path / "sized.png"
    assert run(capsys, "sample", hand, "--text", "a word", "--size", "300x80", "-o", sized)[0] == 0
    with Image.open(sized) as picture:
        assert picture.size == (300, 80)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "writes texts by hand; give --text, some words"),
        ("--prime x", "writes texts by hand; give --text, some words"),
        ("--text x --prime x", "leave --prime out; give its words as --text"),
        ("--text caf\u00e9", "--text has '\u00e9', which this model does not write; it writes !',-."),
        ("--text x --tile", "--tile is true"),
        ("--text x --boxes", "no windows"),
        ("--text x --attention new.svg", "new.svg"),
        ("--text x --attention new.png", "--out and --attention are both new.png; name two files"),
        ("--text x -n 100000000", "of memory"),
        ("--begin photo.png", "is not a model that completes begun drawings; it writes texts by hand: drawgen sample"),
    ],
)
def test_a_hand_refuses(capsys, here, hand, words, told):
    refused(capsys, here, f"sample {hand} -o new.png {words}", told)


def test_a_text_of_no_words_is_refused(capsys, here, hand):
    for text in ("", " \n"):
        assert run(capsys, "sample", hand, "--text", text, "-o", "new.png") == (
            2,
            "",
            "drawgen: --text is empty; give some words\n",
        )


def test_a_long_text_is_refused(capsys, here, hand):
    refused(capsys, here, f"sample {hand} -o new.png --text {'x' * 2001}", "--text has 2001 characters, and at most 2000")


def test_only_a_hand_writes(capsys, here, pen):
    for words in ("--text x", "--text x --attention new.png"):
        refused(capsys, here, f"sample {pen / 'run'} -o new.jpg {words}", "is not a model that writes texts by hand; it draws")
    refused(capsys, here, f"sample {pen / 'run'} -o new.jpg --attention new.png", "--attention is of handwriting, and")


def test_only_a_pen_completes(capsys, here):
    Path("a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1" stroke="red"/></svg>', encoding="utf-8")
    refused(
        capsys, here, "sample run -o new.png --begin a.svg", "run is not a model that completes begun drawings; it draws pictures"
    )
