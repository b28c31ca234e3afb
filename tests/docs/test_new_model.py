"""The model that docs/new_model.md works through is one file, and nothing else; its commands and its Python run."""

import itertools
import math
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from command_line import run

from drawgen import jobs, models
from drawgen.contract import Draws, Model, Spec, generator

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "new_model.md").read_text(encoding="utf-8")
NAME = "fvsbn"


def example():
    return blocks("python")[0]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def added(tmp_path, monkeypatch):
    """The example as a file among the models, and a working folder."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{NAME}.py").write_text(example(), encoding="utf-8")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path / "models")])
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop(f"drawgen.models.{NAME}", None)
    vars(models).pop(NAME, None)


def test_it_is_listed_trained_sampled_and_measured(added, capsys):
    status, out, _ = run(capsys, "list")
    assert (status, f"\n{NAME}" in f"\n{out}") == (0, True)
    assert run(capsys, "train", NAME, "tiny", "--out", "run")[0] == 0
    assert "drawgen sample" in (added / "run" / "README.md").read_text(encoding="utf-8")
    for out in ("a.png", "a.gif"):
        assert run(capsys, "sample", "run", "-o", out, "-n", "3")[0] == 0
        assert (added / out).stat().st_size
    status, out, _ = run(capsys, "eval", "run")
    assert status == 0
    assert "nats" in out


@pytest.mark.usefixtures("added")
def test_its_commands_and_its_python_run(capsys):
    """The commands train the preset for tests; what they say of files is there."""
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line, comments=True)[1:]
        status, _, err = run(capsys, *words, *["--fit.steps", "4"] * (words[0] == "train"))
        assert status == 0, err
    assert Path("rectangles.png").stat().st_size
    assert Path("drawn.gif").stat().st_size
    shutil.rmtree("run")
    code, names = "".join(blocks("python")[1:]), {}
    exec(compile(code, "new_model.md", "exec"), names)
    assert names["outcome"].steps == 20
    assert "20 " in capsys.readouterr().out


def test_it_keeps_what_all_models_keep(added):
    jobs.train(NAME, models.recipe(NAME, "tiny"), added / "run", preset="tiny")
    contract = runpy.run_path(str(ROOT / "tests" / "models" / "test_contract.py"))
    for preset in models.presets(NAME):
        contract["test_presets"](NAME, preset)
        contract["test_the_size_of_a_preset_is_that_of_its_model"](NAME, preset)
    for test in ("test_listed_presets_are_the_presets", "test_every_field_says_what_it_is"):
        contract[test](NAME)
    for test in ("test_losses", "test_measure_adds_up", "test_samples"):
        contract[test]((NAME, added / "run"))


@pytest.mark.usefixtures("added")
def test_it_is_what_it_says():
    """The probabilities of all pictures of 2x2 pixels sum to 1."""
    model = models.module(NAME).Config(start=0.5).build(Spec((1, 2, 2)), rng=generator(0))
    assert isinstance(model, Model)
    assert isinstance(model, Draws)
    with pytest.raises(ValueError, match=r"model\.start is nan; it has to be finite"):
        models.module(NAME).Config(start=math.nan)
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4))).view(16, 1, 2, 2)
    with torch.no_grad():
        model.weights.mul_(100)
        assert model.nats(every).neg().exp().sum().item() == pytest.approx(1, rel=1e-5)


def test_it_is_in_the_project_s_style(tmp_path):
    for words in (["check"], ["format", "--check"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *words,
            "--quiet",
            "--stdin-filename",
            str(ROOT / "drawgen" / "models" / f"{NAME}.py"),
            "-",
        ]
        assert subprocess.run(command, input=example().encode(), check=False, capture_output=True).returncode == 0
