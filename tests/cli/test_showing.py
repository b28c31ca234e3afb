"""drawgen list."""

import json

from command_line import run

from drawgen import models


def test_list(capsys):
    _, out, _ = run(capsys, "list")
    for name in models.names():
        assert name in out.splitlines()
        for preset in models.presets(name):
            assert any(line.startswith(f"  {preset:<20} ") for line in out.splitlines())
    assert all(len(line) <= 100 for line in out.splitlines())


def test_list_tells_all_of_one_model(capsys):
    status, out, _ = run(capsys, "list", "painter")
    assert status == 0
    told = " ".join(out.split())
    for about in models.presets("painter").values():
        assert " ".join(about.split()) in told
    assert "painter:doodles" in out
    assert "captioner" not in out.splitlines()
    status, _, err = run(capsys, "list", "nobody")
    assert status == 2
    assert "nobody" in err


def test_list_as_json(capsys):
    status, out, _ = run(capsys, "list", "--json")
    found = json.loads(out)
    assert status == 0
    assert set(found) == {"models", "shipped"}
    assert list(found["models"]) == models.names()
    assert all("tiny" in presets for presets in found["models"].values())
    assert list(found["shipped"]) == list(models.shipped())
