"""What actions mean and what is rewarded: against hand-made strokes, whole numbers, and SPIRAL's rules written out."""

import os
import re

import drawgen_envs  # noqa: F401
import gymnasium
import numpy as np
import pytest
import torch
from drawgen_envs import brush, mypaint
from drawgen_envs.canvas import Canvas, Reconstruct, Spiral
from drawgen_envs.easel import squared_error, to_screen
from drawgen_envs.episodes import memory
from hypothesis import given, settings
from hypothesis import strategies as st

try:
    mypaint.brushes(), mypaint._library()
    MISSING = ""
except mypaint.NotInstalled as error:
    MISSING = str(error)
needs_engine = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def test_memory_where_the_system_does_not_tell(monkeypatch):
    """Then a tebibyte is the limit."""

    def unknown(name):
        raise ValueError("unrecognized configuration name")

    assert 2**20 < memory(torch.device("cpu")) < 2**50
    monkeypatch.setattr(os, "sysconf", unknown, raising=False)
    assert memory(torch.device("cpu")) == 2**40
    monkeypatch.delattr(os, "sysconf")
    assert memory(torch.device("cpu")) == 2**40


def rollout(env, *, seed, steps):
    seen, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    out = [(seen, None)]
    for _ in range(steps):
        seen, reward, *_ = env.step(env.action_space.sample())
        out.append((seen, reward))
    return out


# ---------------------------------------------------------------- Canvas


def test_an_action_is_the_stroke_the_docstring_says():
    env = Canvas(size=(30, 50), radius=(0.02, 0.2), background=(0.2, 0.4, 0.6))
    env.reset()
    action = np.array([-1, -1, 0, 0.5, 1, 1, -1, 1, 0, 1, -1, 0, 1], np.float32)
    seen, reward, *_ = env.step(action)
    stroke = [0, 0, 0.5, 0.75, 1, 1, 0.02, 0.2, 0.5, 1, 0, 0.5, 1]
    np.testing.assert_allclose(env.strokes[0], stroke, atol=1e-6)
    ground = torch.tensor([0.2, 0.4, 0.6])[None, :, None, None].expand(1, 3, 30, 50)
    wanted = to_screen(brush.paint_torch(ground, torch.tensor([[stroke]])))[0].numpy()
    assert np.abs(seen["canvas"].astype(int) - wanted.astype(int)).max() <= 1  # two implementations of the brush
    assert (seen["canvas"] != np.array([51, 102, 153])).any()
    assert reward == 0
    middle = env.unwrapped.painting.meaning(torch.zeros(1, 13))[0]
    assert middle[6] == pytest.approx((0.02 * 0.2) ** 0.5)  # by equal ratios


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 3]), st.sampled_from([(9, 17), (16, 16), (1, 5)]))
def test_what_is_seen_is_the_canvas(seed, channels, size):
    """The picture and the error, kept up to date where strokes touched, are those of the whole canvas."""
    envs = gymnasium.make_vec("drawgen/Reconstruct-v0", num_envs=3, channels=channels, size=size, length=5)
    envs.reset(seed=seed)
    envs.action_space.seed(seed)
    easel = envs.unwrapped.paintings.easel
    for _ in range(7):
        envs.step(envs.action_space.sample())
        assert torch.equal(easel.screen, to_screen(easel.canvas))
        assert torch.equal(easel.error, squared_error(easel.screen, easel.target))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_larger_picture_is_the_same_drawing(channels):
    small, large = (
        Canvas(size=size, channels=channels, render_mode="rgb_array", render_scale=s) for size, s in ((64, 4), (256, 1))
    )
    pictures = []
    for env in (small, large):
        rollout(env, seed=3, steps=9)
        pictures.append(env.render())
    np.testing.assert_array_equal(*pictures)
    assert pictures[0].shape == (256, 256, 3)
    reduced = pictures[0].reshape(64, 4, 64, 4, 3).mean((1, 3))
    small.render_scale = 1
    assert np.abs(reduced - small.render()).mean() < 3


def test_own_rewards():
    """A single environment calls it with one canvas, a vector with all; before and after are the canvases as they are seen."""
    calls = []

    def darker(before, after):
        calls.append((before.clone(), after.clone()))
        return (before.float() - after.float()).mean((1, 2, 3))

    env = Canvas(size=8, reward=darker)
    steps = rollout(env, seed=0, steps=3)
    for (before, _), (after, reward), call in zip(steps, steps[1:], calls, strict=False):
        np.testing.assert_array_equal(call[0][0].numpy(), before["canvas"])
        np.testing.assert_array_equal(call[1][0].numpy(), after["canvas"])
        assert reward == pytest.approx(float(before["canvas"].mean() - after["canvas"].mean()), abs=1e-3)
    envs = gymnasium.make_vec("drawgen/Canvas-v0", num_envs=4, size=8, reward=lambda before, after: [1, 2, 3, 4])
    envs.reset()
    assert envs.step(envs.action_space.sample())[1].tolist() == [1, 2, 3, 4]
    wrong = Canvas(size=8, reward=lambda before, after: 1.0)
    wrong.reset()
    with pytest.raises(ValueError, match=r"reward gave the shape \(\)"):
        wrong.step(np.zeros(13, np.float32))


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        (Canvas, {"radius": (0.5, 0.1)}, "radius is (0.5, 0.1); it is the least and the greatest"),
        (Canvas, {"radius": 0.1}, "radius is 0.1"),
        (Canvas, {"radius": (0, 0.1)}, "radius is (0, 0.1)"),
        (Canvas, {"radius": (0.1, float("nan"))}, "radius is (0.1, nan)"),
        (Canvas, {"radius": "ab"}, "radius is 'ab'"),
        (Canvas, {"radius": (True, True)}, "radius is (True, True)"),
        (Canvas, {"reward": 1.0}, "reward is 1.0; it is a function"),
        (Canvas, {"target": "x.png"}, "Canvas got an unexpected keyword argument 'target'"),
        (Reconstruct, {"reward": len}, "Reconstruct got an unexpected keyword argument 'reward'"),
        (Spiral, {"radius": (0.1, 0.2)}, "Spiral got an unexpected keyword argument 'radius'"),
        (Spiral, {"grid": 1}, "grid is 1"),
        (Spiral, {"grid": 2.0}, "grid is 2.0"),
        (Spiral, {"sizes": ()}, "sizes is ()"),
        (Spiral, {"sizes": 3}, "sizes is 3"),
        (Spiral, {"sizes": [0.1, 2]}, "sizes is [0.1, 2]"),
        (Spiral, {"pressures": 0}, "pressures is 0"),
        (Spiral, {"levels": 1}, "levels is 1"),
    ],
)
def test_bad_arguments(environment, arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        environment(**arguments)
    assert len(str(caught.value).splitlines()) == 1


# ---------------------------------------------------------------- Reconstruct


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(8, 8), (5, 11)]), st.sampled_from([1, 3]))
def test_rewards_telescope(seed, size, channels):
    """They add up to the whole improvement: in squared levels, exactly."""
    env = Reconstruct(size=size, channels=channels, length=6)
    steps = rollout(env, seed=seed, steps=6)
    unit = 255**2 * size[0] * size[1] * channels

    def error(seen):
        return int(((seen["canvas"].astype(np.int64) - seen["target"].astype(np.int64)) ** 2).sum())

    whole = [reward * unit for _, reward in steps[1:]]
    assert np.allclose(whole, np.round(whole), atol=1e-6)
    assert sum(round(reward) for reward in whole) == error(steps[0][0]) - error(steps[-1][0])
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(10 + channels, np.float32))


def test_every_episode_has_a_target_of_its_own():
    env = Reconstruct(size=8)
    one, two = env.reset(seed=1)[0], env.reset()[0]
    assert (one["target"] != two["target"]).any()
    np.testing.assert_array_equal(env.reset(seed=1)[0]["target"], one["target"])


def test_own_functions_draw_from_the_environments_generator():
    env = Reconstruct(size=4, channels=1, target=lambda rng: rng.random((4, 4, 1)))
    seen, _ = env.reset(seed=5)
    rng = np.random.default_rng(5)
    rng.integers(2**30)  # the brush's seed comes first
    np.testing.assert_array_equal(seen["target"], np.floor(rng.random((4, 4, 1)) * 255 + 0.5))


# ---------------------------------------------------------------- Spiral

MOVE, PAINT = 0, 1


def spiral(*actions, **arguments):
    env = Spiral(**arguments)
    env.reset(seed=0)
    seen = [env.step(np.array(action))[0] for action in actions]
    return env, seen


def test_spirals_actions():
    """Places by row and column, colours and sizes by their lists; a stroke starts where the last action ended."""
    env, seen = spiral(
        [32 * 4 + 8, 32 * 16 + 24, PAINT, 4, 2, 19, 0, 5],
        [0, 32 * 31 + 31, PAINT, 9, 5, 1, 2, 3],
        [99, 32 * 2 + 1, MOVE, 0, 3, 0, 0, 0],
        [32, 1, PAINT, 2, 0, 0, 0, 0],
    )
    expected = [  # start, control, end; radii; pressures; colour
        # The first stroke, and the one after the move, have their own pressure throughout.
        [0, 0, 8 / 32, 4 / 32, 24 / 32, 16 / 32, 4 / 64, 4 / 64, 0.5, 0.5, 1, 0, 5 / 19],
        [24 / 32, 16 / 32, 0, 0, 31 / 32, 31 / 32, 24 / 64, 24 / 64, 0.5, 1.0, 1 / 19, 2 / 19, 3 / 19],
        [31 / 32, 31 / 32, 3 / 32, 3 / 32, 1 / 32, 2 / 32, 0, 0, 1.0, 0.1, 0, 0, 0],
        [1 / 32, 2 / 32, 0, 1 / 32, 1 / 32, 0, 1 / 64, 1 / 64, 0.3, 0.3, 0, 0, 0],
    ]
    assert env.strokes.shape == (4, 13)
    for row, wanted in zip(env.strokes, expected, strict=True):
        if wanted[6]:  # a move leaves nothing; of it only where it ends counts
            np.testing.assert_allclose(row, wanted, atol=1e-6)
    np.testing.assert_array_equal(seen[2]["canvas"], seen[1]["canvas"])
    assert (seen[3]["canvas"] != seen[2]["canvas"]).any()


def test_the_mask_says_what_counted():
    """A component that the mask leaves out may be anything: the canvas is the same. One it names matters."""
    rng = np.random.default_rng(0)
    env = Spiral(size=32)
    masks = set()
    for _ in range(30):
        seen, _ = env.reset(seed=0)
        assert seen["mask"].tolist() == [0, 1, 1, 0, 0, 0, 0, 0]
        env.action_space.seed(int(rng.integers(1000)))
        actions = [env.action_space.sample() for _ in range(4)]
        pictures = []
        for change in (False, True):
            env.reset(seed=0)
            for action in actions:
                mask = np.ones(8, int) if action[2] == PAINT else np.array([0, 1, 1, 0, 0, 0, 0, 0])
                other = env.action_space.sample()
                seen, *_ = env.step(np.where(mask == 1, action, other) if change else action)
                np.testing.assert_array_equal(seen["mask"], mask)
                masks.add(tuple(mask))
            pictures.append(seen["canvas"])
        np.testing.assert_array_equal(*pictures)
    assert len(masks) == 2
    paint = np.array([32 * 20 + 3, 32 * 10 + 20, PAINT, 5, 3, 5, 10, 15])
    _, (plain,) = spiral(paint, size=32)
    for component, value in ((0, 7), (1, 500), (2, 0), (3, 1), (4, 1), (5, 0), (6, 0), (7, 0)):
        changed = paint.copy()
        changed[component] = value
        assert (spiral(changed, size=32)[1][0]["canvas"] != plain["canvas"]).any(), component


def test_spiral_with_a_target_is_rewarded():
    target = np.zeros((16, 16, 1), np.uint8)
    env = Spiral(size=16, channels=1, target=target, length=3)
    steps = rollout(env, seed=2, steps=3)
    assert steps[0][0]["target"].shape == (16, 16, 1)
    first, last = (float(((seen["canvas"] / 255.0) ** 2).mean()) for seen in (steps[0][0], steps[-1][0]))
    assert sum(reward for _, reward in steps[1:]) == pytest.approx(first - last, abs=1e-12)
    assert env.action_space.nvec.tolist() == [1024, 1024, 2, 10, 6, 20]


# ---------------------------------------------------------------- libmypaint


@needs_engine
@pytest.mark.parametrize("name", ["Canvas", "Reconstruct", "Spiral"])
def test_mypaint_vectors_are_singles_and_states_are_replayed(name):
    arguments = {"size": 20, "length": 3, "brush": "mypaint:tanda/splatter-02"}
    envs = gymnasium.make_vec(f"drawgen/{name}-v0", num_envs=2, **arguments)
    singles = [gymnasium.make(f"drawgen/{name}-v0", **arguments) for _ in range(2)]
    envs.reset(seed=3)
    envs.action_space.seed(0)
    for row, single in enumerate(singles):
        single.reset(seed=3 + row)
    painted = 0
    for step in range(8):
        if step == 4:
            state = envs.state_dict()
        actions = envs.action_space.sample()
        seen, rewards, _, truncated, infos = envs.step(actions)
        for row, single in enumerate(singles):
            own, reward, *_ = single.step(actions[row])
            if truncated[row]:
                np.testing.assert_allclose(infos["final_obs"][row]["canvas"].astype(int), own["canvas"], atol=1)
                own, _ = single.reset()
            np.testing.assert_allclose(seen["canvas"][row].astype(int), own["canvas"], atol=1)
            assert reward == pytest.approx(rewards[row], abs=1e-3)
            painted += int((own["canvas"] < 255).any())
    assert painted
    last = seen
    envs.load_state_dict(state)
    envs.action_space.seed(0)
    for step in range(8):
        actions = envs.action_space.sample()
        if step >= 4:
            seen, *_ = envs.step(actions)
    np.testing.assert_array_equal(seen["canvas"], last["canvas"])


@needs_engine
def test_mypaint_says_what_is_near():
    with pytest.raises(ValueError, match=r"no brush 'dry_brush'; did you mean .*classic/dry_brush"):
        Canvas(brush="mypaint:dry_brush")


@needs_engine
def test_mypaint_draws_what_spiral_draws():
    """One stroke of the environment is the surface's own, with the episode's seed."""
    env = Spiral(brush="mypaint:classic/dry_brush")
    env.reset(seed=4)
    seen, *_ = env.step(np.array([32 * 4 + 8, 32 * 16 + 24, PAINT, 4, 2, 19, 0, 5]))
    with mypaint.Surface(64, 64, brush="classic/dry_brush", seed=int(np.random.default_rng(4).integers(2**30))) as surface:
        blue = float(torch.tensor(5 / 19))
        surface.stroke((0, 0), (8 / 32, 4 / 32), (24 / 32, 0.5), pressure=(0.5, 0.5), radius=4 / 64, colour=(1, 0, blue))
        np.testing.assert_array_equal(seen["canvas"], surface.pixels())
    assert (seen["canvas"] < 250).any()
