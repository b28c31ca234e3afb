"""drawgen eval."""

import json
from pathlib import Path

from command_line import refused, run


def test_a_model_without_its_data_says_what_to_give(capsys, here):
    Path("run/recipe.json").unlink()
    refused(capsys, here, "eval run", "--data FILE")
    assert run(capsys, "eval", "run", "--data", "photo.png")[0] == 0


def test_colour_for_a_grey_model(capsys, here):
    refused(capsys, here, "eval run --data photo:coffee", "photo:coffee has 3 channels and run was trained on 1")


def test_eval(capsys, here):
    status, out, _ = run(capsys, "eval", "run", "--json")
    scores = json.loads(out)
    assert status == 0
    assert 0 < scores["bits_per_dim"] < 20
    assert run(capsys, "eval", "run")[1] == f"bits_per_dim {scores['bits_per_dim']:.4f}\n"
