"""drawgen train."""

import json
import math
from pathlib import Path

import pytest
from command_line import TRAIN, contents, refused, run

from drawgen import models


@pytest.mark.parametrize(("model", "preset"), [(m, p) for m in models.names() for p in models.presets(m)])
def test_help_of_every_preset_shows_its_settings(capsys, model, preset):
    status, out, _ = run(capsys, "train", model, preset, "--help")
    assert status == 0
    for flag in ("--out", "--resume", "--force", "--model.", "--data.", "--fit.steps", "--fit.seed"):
        assert flag in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train none --out new", "there is no model 'none'; there are"),
        ("train ride none --out new", "ride has no preset 'none'; it has"),
        (TRAIN + " --fit.device gpu", "'gpu'"),
        ("train ride tiny --out run", "run holds a run already"),
        ("train ride tiny --out a-file", "the folder a-file cannot be used"),
        ("train ride tiny --out none --resume", "none holds no run to resume"),
        ("train ride tiny --out folder --resume", "folder holds no run to resume"),
        ("train ride paper --out run --resume", "run was started as ride tiny, not ride paper"),
        ("train ride tiny --out run --resume --fit.rate 5", "run was started with fit.rate 0.001, not 5.0"),
        ("train ride tiny --out=run --resume --fit.seed 6", "run was started with fit.seed 5, not 6"),
        ("train ride tiny --out run --resume --model.units 9", "run was started with model.units 8, not 9"),
        ("train ride tiny --out run --resume --data.batch 9", "run was started with data.batch 2, not 9"),
        ("train ride tiny --out run --resume --fit.steps 2", "run has taken 3 steps, and fit.steps is 2"),
        ("train ride tiny --out run --resume --fit.minutes 1e-9", "minutes, and fit.minutes is 1e-09; give more"),
        (
            "train ride tiny --out run --resume --data.path photo.png",
            "photo.png is not the data that run was started with; give that",
        ),
        ("train ride tiny --out run --resume --fit.threads 1000000", "--fit.threads is 1000000; it has to be at most"),
        ("train ride tiny --out new --fit.threads 1000000", "--fit.threads is 1000000; it has to be at most"),
    ],
)
def test_train_refuses(capsys, here, line, words):
    refused(capsys, here, line, words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--fit.steps 0", "drawgen: --fit.steps is 0; it has to be at least 1"),
        ("--fit.minutes nan", "--fit.minutes is nan"),
        ("--fit.minutes -1", "--fit.minutes is -1.0"),
        ("--fit.seed -1", "--fit.seed is -1"),
        ("--fit.betas 2 5", "--fit.betas is (2.0, 5.0)"),
        ("--fit.precision fp8", "--fit.precision is 'fp8'"),
        ("--data.batch 0", "--data.batch is 0"),
        ("--data.held-out 1.5", "--data.held-out is 1.5"),
        ("--model.neighbourhood 4", "--model.neighbourhood is 4"),
    ],
)
def test_train_refuses_bad_settings(capsys, here, flags, words):
    """While the words are parsed: the parser does not put the sentence in a box."""
    refused(capsys, here, f"{TRAIN} {flags}", words)


@pytest.mark.parametrize(("flags", "words"), [("--fit.steps many", "many"), ("--fit.colour 3", "--fit.colour")])
def test_train_refuses_what_it_cannot_parse(capsys, here, flags, words):
    """The parser says so, in a box."""
    before = contents(here)
    status, out, err = run(capsys, *TRAIN.split(), *flags.split())
    assert (status, out) == (2, "")
    assert words in " ".join(err.replace("│", " ").split())
    assert contents(here) == before


def test_damaged_recipe(capsys, here):
    kept = json.loads(Path("run/recipe.json").read_text())
    foreign = "run/recipe.json is not a run's recipe"
    changes: list[dict] = [{"fit": 3}, {"preset": []}, {"model": {}}, {"ranks": "1"}, {"changes": 3}, {"changes": [[1, 2]]}]
    wrong = [(json.dumps(kept | change), foreign) for change in changes]
    for content, words in (("{", "run/recipe.json is damaged"), ("[]", foreign), *wrong):
        Path("run/recipe.json").write_text(content)
        refused(capsys, here, "train ride tiny --out run --resume", words)
        refused(capsys, here, "eval run", words)


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
    """The run was started with other steps, seed and data than the preset's."""
    before = Path("run/model.safetensors").read_bytes()
    status, out, _ = run(capsys, *f"train ride tiny {out} --resume".split())
    assert status == 0
    assert json.loads(out)["steps"] == 3
    assert Path("run/model.safetensors").read_bytes() == before
