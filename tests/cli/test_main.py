"""One contract for every command: help, exit statuses, one sentence for a mistake."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import SAMPLE, TEXTURE, TRAIN, contents, refused, run

import drawgen
from drawgen import cli, models
from drawgen.jobs import memory

EVERY = pytest.mark.parametrize("command", list(cli.COMMANDS))


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


@pytest.mark.parametrize("base", [TEXTURE, SAMPLE])
@pytest.mark.parametrize("size", ["0x5", "5x0", "-3x4", "5", "axb", "5x5x5", "70000x5", "1e3x2", "x"])
def test_bad_sizes(capsys, here, base, size):
    refused(capsys, here, f"{base} --size={size}", f"--size is '{size}'")


@pytest.mark.parametrize("line", [TEXTURE, SAMPLE, SAMPLE + " --tile"])
def test_sizes_beyond_memory_say_how_much_they_would_take(capsys, here, monkeypatch, line):
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * 2**30)
    refused(capsys, here, line + " --size 60000x60000", "60000x60000", "GiB of memory, and 8.0 are free", "smaller size")


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


def test_damaged_model_folders(capsys, here):
    """Each command names the damaged file."""
    weights = Path("run/model.safetensors").read_bytes()
    Path("run/model.safetensors").write_bytes(weights[:-8])
    for line in (SAMPLE, "eval run"):
        refused(capsys, here, line, "run/model.safetensors is damaged")
    Path("run/config.json").write_text('{"format": 1, ')
    for line in (SAMPLE, "eval run"):
        refused(capsys, here, line, "run/config.json is damaged (not JSON")


def test_full_disk_is_status_1_and_keeps_what_was_there(capsys, here, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(here)
    monkeypatch.setattr(os, "fsync", full)
    status, _, err = run(capsys, "sample", "run", "-o", "there.png", "--force", "--size", "20x20")
    assert status == 1
    assert err.startswith("drawgen: there.png could not be written (No space left on device: free some space)")
    assert contents(here) == before


@pytest.mark.parametrize(("system", "error"), [("posix", BrokenPipeError()), ("nt", OSError(errno.EINVAL, "Invalid argument"))])
def test_a_closed_pipe_is_no_traceback(monkeypatch, system, error):
    class Closed(io.StringIO):
        def flush(self):
            monkeypatch.setattr(os, "name", system)
            raise error

    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert cli.main(["list"]) == 1


@pytest.mark.parametrize("name", ["C:/models/mine", r"C:\models\mine"])
def test_names_with_a_drive_are_no_models_names(capsys, here, name):
    refused(capsys, here, f"sample {name} -o new.png", f"{name} is neither a model folder nor a shipped model")


def test_backslashes_in_names(capsys, here):
    """They come out of JSON, and of messages, as they are."""
    name = r"C:\runs\new"
    Path("run").rename(name)
    status, out, err = run(
        capsys, "train", "ride", "tiny", "--out", name, "--resume", "--data.longest-px", "64", "--fit.steps", "4", "--fit.seed", "5"
    )
    assert (status, json.loads(out)["out"]) == (0, name), err
    refused(capsys, here, f"train ride tiny --out {name}", f"{name} holds a run already")


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
@pytest.mark.parametrize("line", ["--help", "list", "train ride texture --help", "paint naïve-漢.png -o new.png", "caption Ж*.png"])
def test_terminals_that_lack_letters(monkeypatch, encoding, line):
    """They are written out, in what is said of a mistake too."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        status = cli.main(line.split())
    said = [stream.buffer.getvalue().decode(encoding) for stream in (out, err)]
    if ".png" not in line:
        assert (status, said[1]) == (0, "")
        assert len(said[0]) > 200
    else:
        assert (status, said[0]) == (2, "")
        assert ("\\u6f22.png does not exist" if "paint" in line else "\\u0416*.png is no picture") in said[1]
