"""What other people's code does with the environments: gymnasium's wrappers and vectors, stable-baselines3, a soak."""

import os
import shutil
import subprocess
import sys

import drawgen_envs  # noqa: F401
import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers.vector import ArrayConversion, NumpyToTorch
from gymnasium.wrappers.vector import RecordEpisodeStatistics as VectorStatistics

NAMES = ["drawgen/Canvas-v0", "drawgen/Reconstruct-v0", "drawgen/Spiral-v0"]
SMALL = {"size": 16, "length": 4}


def test_registering_is_light():
    code = "import sys, drawgen_envs; sys.exit(int(any(name in sys.modules for name in ('torch', 'numba', 'PIL', 'pandas'))))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_making_imports_no_stable_baselines():
    code = (
        "import sys, gymnasium; gymnasium.make('drawgen_envs:drawgen/Spiral-v0'); sys.exit(int('stable_baselines3' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_statistics_add_up_rewards():
    """gymnasium's own count of an episode's rewards, of the single one and of the vector."""
    env = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make("drawgen/Reconstruct-v0", **SMALL))
    seen, _ = env.reset(seed=0)
    before = float(((seen["canvas"] / 255.0 - seen["target"] / 255.0) ** 2).mean())
    truncated = False
    while not truncated:
        seen, _, _, truncated, info = env.step(env.action_space.sample())
    after = float(((seen["canvas"] / 255.0 - seen["target"] / 255.0) ** 2).mean())
    assert info["episode"]["r"] == pytest.approx(before - after, abs=1e-6)
    assert info["episode"]["l"] == 4

    envs = VectorStatistics(gymnasium.make_vec("drawgen/Reconstruct-v0", num_envs=3, **SMALL))
    envs.reset(seed=0)
    total = np.zeros(3)
    for _ in range(4):
        _, rewards, _, truncated, infos = envs.step(envs.action_space.sample())
        total += rewards
    assert truncated.all()
    np.testing.assert_allclose(infos["episode"]["r"], total, atol=1e-6)
    assert infos["episode"]["l"].tolist() == [4, 4, 4]


@pytest.mark.parametrize("name", NAMES)
def test_render_collection(name):
    env = gymnasium.wrappers.RenderCollection(gymnasium.make(name, render_mode="rgb_array", render_scale=3, **SMALL))
    env.reset(seed=0)
    for _ in range(4):
        env.step(env.action_space.sample())
    frames = env.render()
    assert len(frames) == 5
    assert {frame.shape for frame in frames} == {(48, 48, 3)}
    assert (frames[0] == 255).all()
    envs = gymnasium.make_vec(name, num_envs=2, render_mode="rgb_array", **SMALL)
    envs.reset()
    assert [frame.shape for frame in envs.render()] == [(16, 16, 3)] * 2


def test_render_without_a_mode_warns():
    for env in (gymnasium.make(NAMES[0]).unwrapped, gymnasium.make_vec(NAMES[0])):
        env.reset()
        with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
            assert env.render() is None


@pytest.mark.parametrize("name", NAMES)
def test_array_conversion(name):
    """A tensor environment with numpy's face, and a numpy one with torch's."""
    plain = gymnasium.make_vec(name, num_envs=2, **SMALL)
    numpy = ArrayConversion(gymnasium.make_vec(name, num_envs=2, tensors=True, **SMALL), env_xp=torch, target_xp=np)
    tensor = NumpyToTorch(gymnasium.make_vec(name, num_envs=2, **SMALL))
    all_envs = plain, numpy, tensor
    seen = [env.reset(seed=0)[0] for env in all_envs]
    plain.action_space.seed(0)
    for _ in range(3):
        actions = plain.action_space.sample()
        assert isinstance(seen[1]["canvas"], np.ndarray)
        assert isinstance(seen[2]["canvas"], torch.Tensor)
        for other in seen[1:]:
            np.testing.assert_array_equal(np.asarray(other["canvas"]), seen[0]["canvas"])
        seen = [env.step(a)[0] for env, a in zip(all_envs, (actions, actions, torch.from_numpy(actions)), strict=True)]


@pytest.mark.slow
def test_async_vector():
    """gymnasium's processes draw the same as the one vector."""
    theirs = gymnasium.make_vec(
        "drawgen_envs:drawgen/Reconstruct-v0", num_envs=2, vectorization_mode="async", vector_kwargs={"context": "spawn"}, **SMALL
    )
    ours = gymnasium.make_vec("drawgen/Reconstruct-v0", num_envs=2, **SMALL)
    one, other = ours.reset(seed=0)[0], theirs.reset(seed=0)[0]
    for _ in range(4):
        for key in one:
            np.testing.assert_allclose(one[key].astype(int), other[key].astype(int), atol=1)  # a level
        actions = ours.action_space.sample()
        one, other = ours.step(actions)[0], theirs.step(actions)[0]
        if ours.unwrapped.paintings.steps[0] == 0:
            break
    theirs.close()


# ---------------------------------------------------------------- stable-baselines3


@pytest.mark.parametrize(("name", "arguments"), [(NAMES[1], {}), (NAMES[2], {"target": np.zeros((40, 40, 3), np.uint8)})])
def test_ppo_runs(name, arguments):
    """On single environments, as its page shows it."""
    from stable_baselines3 import PPO

    env = gymnasium.make(name, size=40, length=4, **arguments)
    model = PPO("MultiInputPolicy", env, n_steps=16, batch_size=16, n_epochs=1, seed=0)
    model.learn(32)
    seen, _ = env.reset(seed=0)
    action, _ = model.predict(seen)
    env.step(action)


def test_vec_env_equals_stable_baselines_own():
    """Beside `DummyVecEnv` over single ones: observations, rewards, ends, and what an episode ended with."""
    from drawgen_envs.sb3 import PaintingVecEnv
    from stable_baselines3.common.vec_env import DummyVecEnv

    ours = PaintingVecEnv(gymnasium.make_vec(NAMES[1], num_envs=3, **SMALL))
    theirs = DummyVecEnv([lambda: gymnasium.make(NAMES[1], **SMALL)] * 3)
    for envs in (ours, theirs):
        envs.seed(5)
    ours.action_space.seed(0)
    one, other = ours.reset(), theirs.reset()
    assert len(ours.reset_infos) == 3
    for step in range(10):
        for key in one:
            np.testing.assert_allclose(one[key].astype(int), other[key].astype(int), atol=1)  # a level
        actions = np.stack([ours.action_space.sample() for _ in range(3)])
        (one, *rest, infos), (other, *wanted, their_infos) = ours.step(actions), theirs.step(actions)
        for mine, its in zip(rest, wanted, strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-3)
        assert rest[1].all() == (step % 4 == 3)
        for mine, its in zip(infos, their_infos, strict=True):
            assert mine.get("TimeLimit.truncated", False) == its.get("TimeLimit.truncated", False)
            for key in its.get("terminal_observation", {}):
                np.testing.assert_allclose(mine["terminal_observation"][key].astype(int), its["terminal_observation"][key], atol=1)
    assert ours.get_attr("num_envs") == [3, 3, 3]
    finite = PaintingVecEnv(gymnasium.make_vec(NAMES[1], num_envs=1, size=16, length=1), finite=True)
    finite.reset()
    assert not finite.step(np.zeros((1, 13), np.float32))[3][0]["TimeLimit.truncated"]
    with pytest.raises(ValueError, match="tensors=False"):
        PaintingVecEnv(gymnasium.make_vec(NAMES[1], tensors=True))
    with pytest.raises(ValueError, match=r"takes gymnasium.make_vec\(...\), not OrderEnforcing; a single environment goes to"):
        PaintingVecEnv(gymnasium.make(NAMES[1], disable_env_checker=True))
    with pytest.raises(ValueError, match="autoreset_mode SAME_STEP"):
        PaintingVecEnv(gymnasium.make_vec(NAMES[1], autoreset_mode="NextStep"))


@pytest.mark.parametrize("vector", [False, True])
def test_a_convolutional_policy_of_the_canvas_alone(vector):
    """As the page says it: such a policy takes a picture, and sees one."""
    from drawgen_envs.sb3 import PaintingVecEnv
    from stable_baselines3 import PPO
    from stable_baselines3.common.torch_layers import NatureCNN
    from stable_baselines3.common.vec_env import VecExtractDictObs

    if vector:
        env = VecExtractDictObs(PaintingVecEnv(gymnasium.make_vec(NAMES[2], num_envs=2, size=40)), key="canvas")
        seen = env.reset()
    else:
        env = gymnasium.make(NAMES[0], size=40)
        env = gymnasium.wrappers.TransformObservation(env, lambda seen: seen["canvas"], env.observation_space["canvas"])
        seen, _ = env.reset(seed=0)
    agent = PPO("CnnPolicy", env, n_steps=4, batch_size=4, n_epochs=1, seed=0)
    assert isinstance(agent.policy.features_extractor, NatureCNN)
    action, _ = agent.predict(seen)
    env.step(action)


# ---------------------------------------------------------------- soak


@pytest.mark.parametrize("name", NAMES)
def test_soak(name):
    """Many random steps: all finite, in range, and episodes of equal length. `scripts/soak_canvas.py` does a million."""
    envs = gymnasium.make_vec(name, num_envs=64, **SMALL)
    seen, _ = envs.reset(seed=0)
    envs.action_space.seed(0)
    for step in range(1, 61):
        seen, rewards, terminated, truncated, _ = envs.step(envs.action_space.sample())
        assert np.isfinite(rewards).all()
        assert envs.observation_space.contains(seen)
        assert not terminated.any()
        assert (truncated == (step % 4 == 0)).all()
    assert torch.isfinite(envs.unwrapped.paintings.easel.canvas).all()


def test_window_without_tkinter(monkeypatch):
    """Where Python has no tkinter, "human" says what to install and goes on."""
    monkeypatch.setitem(sys.modules, "tkinter", None)
    env = gymnasium.make(NAMES[0], render_mode="human", **SMALL)
    with pytest.warns(UserWarning, match="python3-tk"):
        env.reset()
    env.step(env.action_space.sample())
    env.close()


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs a screen of its own: Xvfb (Debian: xvfb)")
def test_window_on_a_screen():
    """What the window shows is the picture, to the bit; a screen without a person before it, photographed."""
    pytest.importorskip("tkinter")
    script = f"""
import gymnasium, numpy as np
from PIL import ImageGrab
env = gymnasium.make("drawgen_envs:{NAMES[0]}", render_mode="human", size=24, render_scale=4)
env.reset(seed=1)
env.action_space.seed(1)
for _ in range(3):
    env.step(env.action_space.sample())
screen = np.asarray(ImageGrab.grab())
picture = env.unwrapped.painting.picture(0, 4)
rows, columns = (screen.shape[n] - 96 + 1 for n in (0, 1))
found = any((screen[y:y + 96, x:x + 96] == picture).all() for y in range(min(rows, 40)) for x in range(min(columns, 40)))
assert picture.std() > 10 and found
env.close()
"""
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "320x240x24"], pass_fds=[write], stderr=subprocess.DEVNULL
    ) as screen:
        os.close(write)
        try:
            with os.fdopen(read) as told:
                display = told.readline().strip()
            assert display, "Xvfb opened no display"
            subprocess.run([sys.executable, "-c", script], env=os.environ | {"DISPLAY": f":{display}"}, check=True, timeout=300)
        finally:
            screen.terminate()
