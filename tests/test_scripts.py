"""The programs in scripts/."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

SCRIPTS = sorted((Path(__file__).parent.parent / "scripts").glob("*.py"))


def script(path):
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_can_be_imported(path, monkeypatch):
    """Each imports what is there, does nothing at import, and begins with what it is for."""
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    module = script(path)
    assert module.__doc__
    assert callable(module.main)


@pytest.mark.parametrize("channels", [1, 3])
def test_ppo_in_one_file_replays_what_was_played(channels):
    """The log-probabilities of a replay, all actions at once, are those of the play, one by one; also of random paintings, whose
    actions the environment takes."""
    ppo = script(SCRIPTS[0].with_name("ppo_spiral.py"))
    args = ppo.Args(channels=channels, side=16, actions=5, canvases=4)
    envs, rng = ppo.make(args, 4, ""), torch.Generator().manual_seed(0)
    choices = list(envs.single_action_space.nvec[3:])
    torch.manual_seed(0)
    agent = ppo.Agent(channels, 16, choices, width=4, units=16)
    for random in (False, True):
        seen, _ = envs.reset(seed=0)
        target, canvases = ppo.floats(seen["target"]), []
        ends, actions, log_probs, (h, c) = [torch.zeros(4, dtype=torch.int64)], [], [], agent.start(4)
        for _ in range(args.actions):
            canvases.append(ppo.floats(seen["canvas"]))
            cells, summary = agent.see(canvases[-1], target, ends[-1])
            h, c = agent.lstm(summary, (h, c))
            given = ppo.at_random(args, choices, ends[-1], rng) if random else None
            action, log_prob, _ = agent.act(cells, h, given)
            assert all(envs.single_action_space.contains(one) for one in action.numpy())
            seen = envs.step(action)[0]
            actions.append(action)
            ends.append(action[:, 1])
            log_probs.append(log_prob)
        again, entropy, value = ppo.replay(agent, torch.stack(canvases), target, torch.stack(ends[:-1]), torch.stack(actions))
        torch.testing.assert_close(again, torch.stack(log_probs), atol=1e-5, rtol=1e-4)
        assert entropy.shape == value.shape == (5, 4)
    assert float((canvases[-1] - canvases[0]).abs().max()) > 0.1
