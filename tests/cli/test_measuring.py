"""drawgen eval."""

import json
from pathlib import Path

import pytest
from command_line import refused, run

from drawgen import jobs, models
from drawgen.training import evaluate


def test_a_model_without_its_data_says_what_to_give(capsys, here):
    Path("run/recipe.json").unlink()
    refused(capsys, here, "eval run", "give --data, a file")
    assert run(capsys, "eval", "run", "--data", "photo.png")[0] == 0


def test_colour_for_a_grey_model(capsys, here):
    refused(capsys, here, "eval run --data photo:coffee", "photo:coffee has 3 channels and run was trained on 1")


def test_eval(capsys, here):
    status, out, _ = run(capsys, "eval", "run", "--json")
    scores = json.loads(out)
    assert status == 0
    assert 0 < scores["bits_per_dim"] < 20
    assert run(capsys, "eval", "run")[1] == f"pictures {scores['pictures']}\nbits_per_dim {scores['bits_per_dim']:.4f}\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--split nonsense", "--split is 'nonsense'; it is one of valid"),
        ("--split train", "--split is 'train'"),
        ("--split all", "--split is 'all'"),
        ("--beam 3", "run writes no captions"),
        ("--meteor", "run writes no captions"),
        ("--importance 0", "--importance is 0; it has to be at least 1"),
        ("--orientations 3", "--orientations is 3; it is one of 1, 2, 4, 8"),
        ("--importance 5", "--importance is 5, and run has no importance-weighted estimate; leave it out"),
    ],
)
def test_what_the_model_or_its_data_do_not_have_is_refused(capsys, here, flags, words):
    refused(capsys, here, f"eval run {flags}", words)


def test_eval_of_orientations(capsys, here):
    scores = json.loads(run(capsys, "eval", "run", "--orientations", "8", "--json")[1])
    assert scores["bits_per_dim"] - 1 < scores["bits_per_dim_oriented"] < scores["bits_per_dim"] + 1
    alone = json.loads(run(capsys, "eval", "run", "--orientations", "1", "--json")[1])
    assert alone["bits_per_dim_oriented"] == pytest.approx(alone["bits_per_dim"], rel=1e-6)


def test_all_numbers_come_from_one_split(tmp_path, capsys):
    """Of scenes, too, where the captions that are written are measured beside those of the data."""
    line = f"train captioner tiny --out {tmp_path}/run --data.count 5 --data.batch 4"
    assert run(capsys, *line.split())[0] == 0
    recipe = jobs.stored_recipe(tmp_path / "run")[2]
    found = {name: json.loads(run(capsys, "eval", tmp_path / "run", "--split", name, "--json")[1]) for name in ("valid", "test")}
    assert found["valid"] == json.loads(run(capsys, "eval", tmp_path / "run", "--json")[1])
    for name, scores in found.items():
        assert (scores["captions"], scores["pictures"]) == (5, 5)
        expected = evaluate(models.load(tmp_path / "run"), recipe.data, split=name)
        assert scores["nats_per_word"] == pytest.approx(expected["nats_per_word"])
    assert found["valid"]["nats_per_word"] != found["test"]["nats_per_word"]
