"""One contract for every command: help, exit statuses, one sentence for a mistake; and the ways that go well."""

import errno
import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import drawgen
from drawgen import cli, images, jobs, models
from drawgen.cli import main
from drawgen.strokes import Painting

EVERY = pytest.mark.parametrize("command", list(cli.COMMANDS))


def run(capsys, *words):
    """(exit status, standard output, standard error)."""
    capsys.readouterr()
    status = cli.main([str(word) for word in words])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.out, said.err


# ---------------------------------------------------------------- every command, those to come too


@EVERY
def test_help(capsys, command):
    status, out, err = run(capsys, command, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: drawgen {command}")


@EVERY
def test_unknown_flag(capsys, command):
    status, _, err = run(capsys, command, "--no-such-flag")
    assert status == 2
    assert err


@EVERY
def test_docstring_is_one_line_and_stands_in_the_overview(capsys, command):
    words = cli.COMMANDS[command].__doc__
    assert words
    assert words.strip().count("\n") == 0
    assert words in cli.overview()


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["list"], ["list", "--json"], ["list", "--help"], ["nope"]])
def test_looking_around_loads_no_torch(words):
    """It costs seconds; and standard output is UTF-8 text."""
    code = (
        "import sys; from drawgen.cli import main; main(sys.argv[1:]); "
        "heavy = {'torch', 'torchvision', 'numba', 'skimage'} & set(sys.modules); sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, timeout=60)
    assert b"loaded" not in done.stderr
    assert done.returncode == 0


def test_module_can_be_run():
    done = subprocess.run([sys.executable, "-m", "drawgen.cli", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"drawgen {drawgen.__version__}\n")


def test_overview(capsys):
    assert run(capsys, "--help")[:2] == (0, cli.overview() + "\n")
    assert run(capsys)[0] == 2


def test_unknown_command(capsys):
    status, out, err = run(capsys, "paint-me")
    assert (status, out) == (2, "")
    assert err.startswith("drawgen: there is no command 'paint-me'; there are ")
    assert all(name in err for name in cli.COMMANDS)


def test_list(capsys):
    _, out, _ = run(capsys, "list")
    for name in models.names():
        assert name in out.splitlines()
        for preset, about in models.presets(name).items():
            assert f"  {preset:<9} {about}" in out.splitlines()


def test_list_as_json(capsys):
    status, out, _ = run(capsys, "list", "--json")
    found = json.loads(out)
    assert status == 0
    assert set(found) == {"models", "shipped"}
    assert list(found["models"]) == models.names()
    assert all("tiny" in presets for presets in found["models"].values())
    assert list(found["shipped"]) == list(models.shipped())


@pytest.mark.parametrize(("model", "preset"), [(m, p) for m in models.names() for p in models.presets(m)])
def test_help_of_every_preset_shows_its_settings(capsys, model, preset):
    status, out, _ = run(capsys, "train", model, preset, "--help")
    assert status == 0
    for flag in ("--out", "--resume", "--force", "--model.", "--data.", "--fit.steps", "--fit.seed"):
        assert flag in out


# ---------------------------------------------------------------- exit statuses


def test_status_of_ctrl_c(capsys, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "listing", interrupt)
    assert run(capsys, "list") == (130, "", "drawgen: interrupted\n")


def test_a_fault_in_drawgen_keeps_its_traceback(monkeypatch):
    def fault():
        raise KeyError("a bug")

    monkeypatch.setattr(models, "listing", fault)
    with pytest.raises(KeyError, match="a bug"):
        cli.main(["list"])


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("CUDA out of memory."), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")],
)
def test_out_of_memory_is_one_sentence(capsys, monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(models, "listing", fail)
    status, _, err = run(capsys, "list")
    assert status == 1
    assert err.startswith("drawgen: out of memory; ask for less")


# ---------------------------------------------------------------- what is refused


@pytest.fixture(scope="module")
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


def contents(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def refused(capsys, here, line, *expected):
    """Exit status 2, one sentence with the value in it, and nothing written."""
    before = contents(here)
    status, out, err = run(capsys, *line.split())
    assert (status, out) == (2, "")
    assert err.startswith("drawgen: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    for words in expected:
        assert words in err
    assert contents(here) == before


TEXTURE = "texture photo.png -o new.png --steps 2"
SAMPLE = "sample run -o new.png"
TRAIN = "train ride tiny --out new"


@pytest.mark.parametrize("base", [TEXTURE, SAMPLE])
@pytest.mark.parametrize("size", ["0x5", "5x0", "-3x4", "5", "axb", "5x5x5", "70000x5", "1e3x2", "x"])
def test_bad_sizes(capsys, here, base, size):
    refused(capsys, here, f"{base} --size={size}", f"--size is '{size}'")


@pytest.mark.parametrize("line", [TEXTURE, SAMPLE, SAMPLE + " --tile"])
def test_sizes_beyond_memory_say_how_much_they_would_take(capsys, here, monkeypatch, line):
    monkeypatch.setattr(jobs, "available_memory", lambda: 8 * 2**30)
    refused(capsys, here, line + " --size 60000x60000", "60000x60000", "GiB of memory, and 8.0 are free", "smaller --size")


@pytest.mark.parametrize("base", [TEXTURE, SAMPLE])
@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("none/new.png", "the folder none does not exist"),
        ("there.png", "there.png exists already; choose another name or give --force"),
        ("new.xyz", "new.xyz has no known ending; use one of"),
        ("new", "new has no known ending"),
        ("folder", "folder has no known ending"),
    ],
)
def test_bad_outputs(capsys, here, base, out, words):
    refused(capsys, here, base.replace("new.png", out), words)


@pytest.mark.parametrize("base", [TEXTURE.replace("photo.png", "photo:brick --exemplar-px 64"), SAMPLE, "eval run"])
@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", "cpu:x"])
def test_bad_devices(capsys, here, base, device):
    refused(capsys, here, f"{base} --device {device}", device)


@pytest.mark.parametrize("line", ["texture PHOTO -o new.png --steps 2", TRAIN + " --data.path PHOTO", "eval run --data PHOTO"])
@pytest.mark.parametrize(
    ("photo", "words"),
    [
        ("none.png", "none.png does not exist"),
        ("text.png", "text.png is not a picture"),
        ("photo:none", "photo:none is not a sample photograph"),
        ("folder", "folder"),
    ],
)
def test_bad_photographs(capsys, here, line, photo, words):
    refused(capsys, here, line.replace("PHOTO", photo), words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("texture small.png -o new.png --steps 2", "small.png is 7x7 pixels"),
        (TEXTURE + " --exemplar-px 7", "--exemplar-px than 7"),
        (TEXTURE + " --exemplar-px -1", "-1"),
        (TEXTURE + " --steps 0", "fit.steps is 0"),
        (TEXTURE + " --minutes 0", "fit.minutes is 0.0"),
        (TEXTURE + " --minutes -2", "fit.minutes is -2.0"),
        (TEXTURE + " --minutes nan", "fit.minutes is nan"),
        (TEXTURE + " --minutes inf", "fit.minutes is inf"),
        (TEXTURE + " --seed -1", "seed is -1"),
        (TEXTURE + " --save run", "run exists already; go on with --resume, replace it with --force"),
        (TEXTURE + " --save a-file", "a-file is a file"),
        (TEXTURE + " --save none/model", "the folder none does not exist"),
        (TEXTURE + " --resume", "new.model holds no run to go on with"),
    ],
)
def test_texture_refuses(capsys, here, line, words):
    refused(capsys, here, line, words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (SAMPLE + " -n 0", "-n is 0"),
        (SAMPLE + " -n -4", "-n is -4"),
        (SAMPLE + " --temperature 0", "--temperature is 0.0"),
        (SAMPLE + " --temperature nan", "--temperature is nan"),
        (SAMPLE + " --temperature inf", "--temperature is inf"),
        (SAMPLE + " --seed -1", "--seed is -1"),
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


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train none --out new", "there is no model 'none'; there are"),
        ("train ride none --out new", "ride has no preset 'none'; it has"),
        (TRAIN + " --fit.device gpu", "'gpu'"),
        ("train ride tiny --out run", "run holds a run already"),
        ("train ride tiny --out a-file", "the folder a-file cannot be used"),
        ("train ride tiny --out none --resume", "none holds no run to go on with"),
        ("train ride tiny --out folder --resume", "folder holds no run to go on with"),
        ("train ride paper --out run --resume", "run was begun as ride tiny, not ride paper"),
        ("train ride tiny --out run --resume --fit.rate 5", "run was begun with fit.rate 0.001, not 5.0"),
        ("train ride tiny --out=run --resume --fit.seed 6", "run was begun with fit.seed 5, not 6"),
        ("train ride tiny --out run --resume --model.units 9", "run was begun with model.units 8, not 9"),
        ("train ride tiny --out run --resume --data.batch 9", "run was begun with data.batch 2, not 9"),
        ("train ride tiny --out run --resume --fit.steps 9", "run was begun with fit.steps 3, not 9"),
    ],
)
def test_train_refuses(capsys, here, line, words):
    refused(capsys, here, line, words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--fit.steps 0", "fit.steps is 0"),
        ("--fit.minutes nan", "fit.minutes is nan"),
        ("--fit.minutes -1", "fit.minutes is -1.0"),
        ("--fit.seed -1", "fit.seed is -1"),
        ("--fit.precision fp8", "fit.precision is 'fp8'"),
        ("--data.batch 0", "data.batch 0"),
        ("--data.held-out 1.5", "data.held_out is 1.5"),
        ("--model.neighbourhood 4", "model.neighbourhood is 4"),
        ("--fit.steps many", "many"),
        ("--fit.colour 3", "--fit.colour"),
    ],
)
def test_train_refuses_bad_settings(capsys, here, flags, words):
    """While the words are parsed; the parser puts the sentence in a box."""
    before = contents(here)
    status, out, err = run(capsys, *TRAIN.split(), *flags.split())
    assert (status, out) == (2, "")
    assert words in " ".join(err.replace("│", " ").split())
    assert contents(here) == before


def test_damaged_model_folders(capsys, here):
    """Each command names the damaged file."""
    weights = Path("run/model.safetensors").read_bytes()
    Path("run/model.safetensors").write_bytes(weights[:-8])
    for line in (SAMPLE, "eval run"):
        refused(capsys, here, line, "run/model.safetensors is damaged")
    Path("run/config.json").write_text('{"format": 1, ')
    for line in (SAMPLE, "eval run"):
        refused(capsys, here, line, "run/config.json is damaged (not JSON")


def test_damaged_recipe(capsys, here):
    wrong = json.dumps(json.loads(Path("run/recipe.json").read_text()) | {"fit": 3})
    foreign = "run/recipe.json is not a run's recipe"
    for content, words in (("{", "run/recipe.json is damaged"), ("[]", foreign), (wrong, foreign)):
        Path("run/recipe.json").write_text(content)
        refused(capsys, here, "train ride tiny --out run --resume", words)
        refused(capsys, here, "eval run", words)


def test_full_disk_is_status_1_and_keeps_what_was_there(capsys, here, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(here)
    monkeypatch.setattr(os, "fsync", full)
    status, _, err = run(capsys, "sample", "run", "-o", "there.png", "--force", "--size", "20x20")
    assert status == 1
    assert err.startswith("drawgen: there.png could not be written (No space left on device: free some space)")
    assert contents(here) == before


def test_a_model_without_its_data_says_what_to_give(capsys, here):
    Path("run/recipe.json").unlink()
    refused(capsys, here, "eval run", "--data FILE")
    assert run(capsys, "eval", "run", "--data", "photo.png")[0] == 0


def test_colour_for_a_grey_model(capsys, here):
    refused(capsys, here, "eval run --data photo:coffee", "photo:coffee has 3 channels and run was trained on 1")


# ---------------------------------------------------------------- what goes well


def test_train_leaves_a_model_folder_that_says_what_it_is(trained):
    assert {path.name for path in trained.iterdir()} >= {
        "config.json", "model.safetensors", "README.md", "recipe.json", "metrics.jsonl", "state-00000003.pt"
    }  # fmt: skip
    recipe = json.loads((trained / "recipe.json").read_text())
    assert (recipe["model"], recipe["preset"], recipe["fit"]["steps"], recipe["fit"]["seed"]) == ("ride", "tiny", 3, 5)
    assert str(trained) not in (trained / "config.json").read_text() + (trained / "README.md").read_text()


def test_train_prints_its_result_as_json(capsys, here):
    line = "train ride tiny --out new --fit.steps 2 --data.path photo.png"
    status, out, _ = run(capsys, *line.split())
    found = json.loads(out)
    assert status == 0
    assert (found["out"], found["steps"]) == ("new", 2)
    assert math.isfinite(found["bits_per_dim"])
    assert run(capsys, *line.split(), "--force")[0] == 0


@pytest.mark.parametrize("out", ["--out run", "--out=run", "-o run"])
def test_resume_needs_no_repetition_of_settings(capsys, here, out):
    """The run was begun with other steps, seed and data than the preset's."""
    before = Path("run/model.safetensors").read_bytes()
    status, out, _ = run(capsys, *f"train ride tiny {out} --resume".split())
    assert status == 0
    assert json.loads(out)["steps"] == 3
    assert Path("run/model.safetensors").read_bytes() == before


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


def test_eval(capsys, here):
    status, out, _ = run(capsys, "eval", "run", "--json")
    scores = json.loads(out)
    assert status == 0
    assert 0 < scores["bits_per_dim"] < 20
    assert run(capsys, "eval", "run")[1] == f"bits_per_dim {scores['bits_per_dim']:.4f}\n"


def test_a_closed_pipe_is_no_traceback(monkeypatch):
    class Closed(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert cli.main(["list"]) == 1


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
    refused(capsys, here, again.replace("again", "new") + " --seed 3", "a.model was begun with fit.seed 0, not 3")


# ---------------------------------------------------------------- paintings


PAINT = "paint photo.png -o new.png --strokes 5 --detail-px 32"


@pytest.fixture
def quick(monkeypatch):
    """Paintings of few steps."""
    from drawgen import painting

    monkeypatch.setattr(painting, "ROUNDS", tuple(part._replace(steps=2) for part in painting.ROUNDS))


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
    from drawgen import painting

    plain = painting.Strokes.step

    def step(strokes, gradient, rate):
        plain(strokes, gradient, rate)
        if len(strokes) > 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(painting.Strokes, "step", step)
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
        (PAINT + " --strokes 100000", "--strokes is 100000; it has to lie between 1 and 10000"),
        (PAINT + " --seconds 0", "--seconds is 0.0"),
        (PAINT + " --seconds nan", "--seconds is nan"),
        (PAINT + " --seed -1", "--seed is -1"),
        (PAINT + " --detail-px 0", "--detail-px is 0"),
        (PAINT + " --least-radius -1", "--least-radius is -1"),
        (PAINT + " --opacity 2", "--opacity is 2.0"),
        (PAINT + " --palette red,blue", "--palette has 'red'"),
        (PAINT + " --palette auto:none", "--palette is 'auto:none'"),
        (PAINT + " --background white", "--background has 'white'"),
        (PAINT + " --size 4x400", "crop it, or give a larger --detail-px"),
        (PAINT + " --size 0x4", "--size is '0x4'"),
        (PAINT.replace("new.png", "new.svg") + " --animate", "new.svg has no known ending; use one of .apng .gif"),
    ],
)
def test_paint_refuses(capsys, here, line, words):
    refused(capsys, here, line, words)


# ---------------------------------------------------------------- drawings after a person's pictures


@pytest.fixture(scope="module")
def drawer(tmp_path_factory):
    """A model folder of `draw`, trained by its preset "tiny", and two pictures of rectangles."""
    folder = tmp_path_factory.mktemp("draw")
    assert main(["train", "draw", "tiny", "--out", str(folder / "run")]) == 0
    for name, dark in (("a", True), ("b", False)):
        page = torch.full((1, 40, 50), 0.9 if dark else 0.1)
        page[:, 10:25, 12:30] = 1 - page[0, 0, 0]
        images.save_image(folder / f"{name}.png", page)
    return folder


@pytest.mark.parametrize("ending", ["png", "gif", "webp --animate"])
@pytest.mark.parametrize("boxes", [[], ["--boxes"]])
def test_reconstruct(drawer, tmp_path, ending, boxes):
    """Two pictures and their drawings, twice alike; with the windows it is larger."""
    ending, *animate = ending.split()
    outs = [tmp_path / f"{n}.{ending}" for n in "xy"]
    for out in outs:
        words = [str(drawer / "run"), str(drawer / "a.png"), str(drawer / "b.png"), "-o", str(out), *boxes, *animate]
        assert main(["reconstruct", *words]) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    with Image.open(outs[0]) as picture:
        assert picture.width > (100 if boxes else 20)
        assert getattr(picture, "n_frames", 1) == (1 if ending == "png" else 3)


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    """A model folder of `painter`, trained by its preset "tiny", and a picture of a bar."""
    folder = tmp_path_factory.mktemp("painter")
    assert main(["train", "painter", "tiny", "--out", str(folder / "run")]) == 0
    picture = torch.zeros(1, 16, 16)
    picture[:, 4:12, 6:9] = 1
    images.save_image(folder / "bar.png", picture)
    return folder


def test_reconstruct_polished(painter, tmp_path):
    """Nearer to the picture than the painter's strokes, and the same strokes in every format."""
    target, outs = images.load_image(painter / "bar.png"), {}
    for name in ("0.png", "40.png", "40.svg", "40.json", "40.gif"):
        outs[name] = tmp_path / name
        words = [str(painter / "run"), str(painter / "bar.png"), "-o", str(outs[name]), "--polish", name.split(".")[0]]
        assert main(["reconstruct", *words]) == 0

    def last(path):
        with Image.open(path) as picture:
            picture.seek(getattr(picture, "n_frames", 1) - 1)
            return torch.from_numpy(np.asarray(picture.convert("L")).copy())[None, -16:] / 255

    plain, polished = (last(outs[name]) for name in ("0.png", "40.png"))
    assert float((polished - target).square().mean()) < 0.5 * float((plain - target).square().mean())
    assert torch.allclose(last(outs["40.gif"]), polished, atol=0.05)
    strokes = Painting.read(outs["40.json"])
    assert torch.allclose(strokes.draw(16, 16)[:1], polished, atol=0.15)  # a painting's strokes have one opacity from end to end
    assert outs["40.svg"].read_text() == strokes.svg(1024, 1024)


def test_a_painter_in_ink_sees_the_ink_of_a_photograph(painter, tmp_path):
    """A dark bar on bright paper, off the middle, is shown to it as a light one on black, as it learned them."""
    page = torch.full((3, 60, 80), 0.8)
    page[:, 20:50, 50:58] = 0.2
    images.save_image(tmp_path / "page.png", page)
    assert main(["reconstruct", str(painter / "run"), str(tmp_path / "page.png"), "-o", str(tmp_path / "out.png")]) == 0
    seen = images.load_image(tmp_path / "out.png")[0, :16]
    assert float(seen[:, :4].max()) == float(seen[:, -4:].max()) == 0
    assert float(seen[3:13, 7:9].min()) > 0.9


def test_interpolate(drawer, tmp_path):
    out = tmp_path / "x.png"
    assert main(["interpolate", str(drawer / "run"), str(drawer / "a.png"), str(drawer / "b.png"), "-o", str(out), "-n", "5"]) == 0
    with Image.open(out) as picture:
        assert picture.size == (5 * 12 + 4 * 2, 12)


def test_eval_with_importance(drawer, capsys):
    assert main(["eval", str(drawer / "run"), "--importance", "3", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["iw3_nats"] < scores["bound_nats"] + 3 * scores["bound_nats_error"]
    assert scores["bound_nats"] == pytest.approx(scores["reconstruction_nats"] + scores["kl_nats"])
    assert sum(scores[f"kl_nats_{t:02d}"] for t in (1, 2, 3)) == pytest.approx(scores["kl_nats"])
    assert main(["eval", str(drawer / "run")]) == 0
    assert "####" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["reconstruct", "RUN", "missing.png", "-o", "OUT"], "missing.png does not exist"),
        (["reconstruct", "ride", "A", "-o", "OUT"], "cannot reconstruct"),
        (["reconstruct", "RUN", "A", "-o", "OUT", "--polish", "5"], "no strokes that have a gradient; leave --polish out"),
        (["reconstruct", "RUN", "A", "-o", "OUT", "--polish", "-1"], "--polish is -1"),
        (["interpolate", "RUN", "A", "B", "-o", "OUT", "-n", "1"], "-n is 1"),
        (["sample", "RUN", "-o", "OUT", "--size", "20x20"], "12x12"),
        (["sample", "RUN", "-o", "OUT", "--tile"], "--tile"),
        (["sample", "ride", "-o", "OUT", "--boxes", "--size", "16x16"], "--boxes"),
        (["eval", "ride", "--data", "photo:grass", "--importance", "2"], ""),
        (["eval", "RUN", "--importance", "-1"], "--importance is -1"),
    ],
)
def test_drawing_refusals(drawer, tmp_path, capsys, words, sentence):
    out = tmp_path / "x.png"
    named = {"RUN": drawer / "run", "A": drawer / "a.png", "B": drawer / "b.png", "OUT": out}
    assert main([str(named.get(word, word)) for word in words]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("drawgen: ")
    assert sentence in said
    assert not out.exists()


def test_data_for_a_model_that_makes_its_own_is_refused(drawer, capsys):
    assert main(["eval", str(drawer / "run"), "--data", str(drawer / "a.png")]) == 2
    assert "leave --data out" in capsys.readouterr().err


# ---------------------------------------------------------------- text


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    """A model folder of `char_rnn`, trained on a short text."""
    folder = tmp_path_factory.mktemp("writer")
    (folder / "a.txt").write_text("The cat sat on the mat.\n" * 60)
    line = f"train char_rnn tiny --out {folder}/run --data.batch 3 --fit.steps 3"
    assert main(line.split()) == 0
    line = (
        f"train char_rnn shakespeare --out {folder}/cats --data.path {folder}/a.txt --data.batch 4 --data.length 10 --data.pieces 1"
    )
    assert main([*line.split(), "--model.units", "8", "--fit.steps", "3"]) == 0
    return folder


def test_text_is_printed(writer, capsys):
    """The prime first, twice alike, and the same as in a file; several with a line between them."""
    words = ["sample", writer / "cats", "--prime", "The c", "--length", "40", "--temperature", "0.5", "--seed", "3"]
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    assert out.startswith("The c")
    assert len(out.rstrip("\n")) <= 45
    assert run(capsys, *words)[1] == out
    assert run(capsys, *words[:-1], "4")[1] != out
    _, both, _ = run(capsys, *words, "-n", "2")
    assert both.startswith(out.rstrip("\n"))
    assert "\n----\nThe c" in both
    file = writer / "out.txt"
    assert run(capsys, *words, "-o", file)[:2] == (0, f"{file}\n")
    assert file.read_text().rstrip("\n") == out.rstrip("\n")


def test_text_is_printed_as_it_comes_and_ctrl_c_keeps_it(writer, capsys, monkeypatch, tmp_path):
    from drawgen.models.char_rnn import CharRNN

    write = CharRNN.write

    def interrupted(self, request, index):
        pieces = write(self, request, index)
        yield from (next(pieces) for _ in range(3))
        raise KeyboardInterrupt

    _, whole, _ = run(capsys, "sample", writer / "cats")
    monkeypatch.setattr(CharRNN, "write", interrupted)
    status, out, err = run(capsys, "sample", writer / "cats")
    assert (status, err) == (130, "drawgen: interrupted\n")
    assert len(out) > 20
    assert whole.startswith(out.rstrip("\n"))
    assert run(capsys, "sample", writer / "cats", "-o", tmp_path / "x.txt")[0] == 130
    assert (tmp_path / "x.txt").read_text().rstrip("\n") == out.rstrip("\n")


def test_text_models_are_measured_on_other_texts(writer, capsys):
    other = writer / "b.txt"
    other.write_text("the mat sat on the cat.\n" * 60)
    scores = json.loads(run(capsys, "eval", writer / "cats", "--data", other, "--json")[1])
    assert scores["bits_per_char"] == pytest.approx(scores["nats_per_char"] / math.log(2))
    assert json.loads(run(capsys, "eval", writer / "cats", "--json")[1]) != scores


def test_a_card_and_a_config_of_text_say_what_they_are(writer):
    assert "drawgen sample FOLDER -o OUT.txt" in (writer / "cats" / "README.md").read_text()
    spec = json.loads((writer / "cats" / "config.json").read_text())["spec"]
    assert spec == {"image": [0, 0, 0], "vocabulary": sorted(set("The cat sat on the mat.\n"))}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sample", "CATS", "--prime", "Zebra"], "the character 'Z' (number 1 of the text) is not among the"),
        (["sample", "CATS", "--size", "20x20"], "writes text; leave --size out"),
        (["sample", "CATS", "--tile"], "writes text; leave --tile out"),
        (["sample", "CATS", "--boxes"], "writes text; leave --boxes out"),
        (["sample", "CATS", "--length", "0"], "length is 0"),
        (["sample", "CATS", "--temperature", "0"], "--temperature is 0.0"),
        (["sample", "CATS", "--temperature", "nan"], "--temperature is nan"),
        (["sample", "CATS", "--top-k", "-1"], "top-k is -1"),
        (["sample", "CATS", "--top-p", "0"], "top-p is 0.0"),
        (["sample", "CATS", "-o", "new.png"], "choose another ending, as .txt"),
        (["sample", "CATS", "-o", "none/new.txt"], "the folder none does not exist"),
        (["sample", "draw"], "give the file to write with --out"),
        (["sample", "draw", "-o", "new.png", "--prime", "x"], "draws pictures; leave --prime out"),
        (["sample", "draw", "-o", "new.png", "--length", "5"], "draws pictures; leave --length out"),
        (["eval", "CATS", "--data", "EMPTY"], "is empty"),
        (["eval", "CATS", "--data", "BROKEN"], "is not UTF-8 at byte 2"),
        (["eval", "CATS", "--data", "OTHER"], "has 'Z' as its character number"),
        (["eval", "RUN", "--data", "OTHER"], "leave --data out"),
        (["reconstruct", "CATS", "x.png", "-o", "new.png"], "cannot reconstruct"),
        (["train", "char_rnn", "--out", "new", "--data.path", "SHORT"], "lower data.batch or data.length"),
        (["train", "char_rnn", "--out", "new", "--data.path", "none.txt"], "none.txt does not exist"),
    ],
)
def test_text_refusals(writer, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    files = {"EMPTY": b"", "BROKEN": b"ab\xff", "OTHER": b"Zebra " * 99, "SHORT": b"a few words"}
    named = {"CATS": str(writer / "cats"), "RUN": str(writer / "run")}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    status, out, err = run(capsys, *(named.get(word, word) for word in words))
    assert (status, out) == (2, "")
    assert sentence in err.splitlines()[-1]
    assert not any(path.name.startswith("new.") for path in tmp_path.iterdir())


def test_a_text_that_changed_is_not_trained_on_further(writer, capsys):
    (writer / "c.txt").write_text("abcd\n" * 200)
    line = f"train char_rnn shakespeare --out {writer}/c --data.path {writer}/c.txt --data.batch 4 --data.length 10 --model.units 8"
    assert main([*line.split(), "--fit.steps", "2"]) == 0
    (writer / "c.txt").write_text("abcde\n" * 200)
    status, _, err = run(capsys, "train", "char_rnn", "shakespeare", "--out", writer / "c", "--resume")
    assert status == 2
    assert "c.txt has other symbols or sizes than when" in err
