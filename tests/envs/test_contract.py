"""What every environment of the `drawgen` namespace keeps, by being registered: gymnasium's checker, and the same headings."""

import pytest

gymnasium = pytest.importorskip("gymnasium", reason="the environments are not built yet")
pytest.importorskip("drawgen_envs", reason="the environments are not built yet")

ENVIRONMENTS = [name for name in gymnasium.registry if name.startswith("drawgen/")]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_gymnasium_has_no_complaint(name):
    from gymnasium.utils.env_checker import check_env

    environment = gymnasium.make(f"drawgen_envs:{name}")
    check_env(environment.unwrapped)
    assert gymnasium.spec(name).vector_entry_point is not None


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_docstring_headings(name):
    words = gymnasium.make(f"drawgen_envs:{name}").unwrapped.__doc__
    for heading in ("Action Space", "Observation Space", "Rewards", "Episode End", "Arguments", "Version History"):
        assert f"## {heading}" in words
