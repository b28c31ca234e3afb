"""drawgen list."""

import json
import re

from command_line import run

from drawgen import models


def test_list(capsys):
    """One line per preset and per shipped model, with what it is, its size and its figure."""
    _, out, _ = run(capsys, "list")
    lines = out.splitlines()
    for name in models.names():
        for preset, told in models.presets(name).items():
            (line,) = (line for line in lines if line.startswith(f"{name} {preset} "))
            assert told.what in line
            assert told.size in line
    for name in models.shipped():
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert re.search(r" [a-z]\w+ -?\d+\.\d+$", line), "the first score of its card"
    assert all(len(line) <= 125 for line in lines)


def test_list_tells_all_of_one_model(capsys):
    status, out, _ = run(capsys, "list", "painter")
    assert status == 0
    told = " ".join(out.split())
    for preset in models.presets("painter").values():
        assert " ".join(preset.about.split()) in told
    assert "painter:doodles" in out
    assert "captioner" not in out
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
    assert set(found["shipped"]["draw:mnist"]) == {"what", "size", "figure"}
