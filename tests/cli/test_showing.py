"""drawgen list."""

import json

from command_line import run

from drawgen import models


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
