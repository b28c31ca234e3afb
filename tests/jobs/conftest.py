"""A tiny model of each kind."""

import pytest

from drawgen import jobs, models


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """MODEL:NAME -> folder, one tiny model of each kind."""
    folder = tmp_path_factory.mktemp("tiny")
    for name in models.names():
        jobs.train(name, models.recipe(name, "tiny"), folder / name, preset="tiny")
    return {f"{name}:tiny": folder / name for name in models.names()}
