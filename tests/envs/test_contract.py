"""What every environment of the `drawgen` namespace keeps, by being registered: checkers, headings, examples, both faces."""

import copy
import pickle
import re

import cloudpickle
import drawgen_envs  # noqa: F401
import gymnasium
import numpy as np
import pytest
import torch
from PIL import Image

ENVIRONMENTS = [name for name in gymnasium.registry if name.startswith("drawgen/")]
HEADINGS = ("Action Space", "Observation Space", "Rewards", "Starting State", "Episode End", "Arguments", "Version History")
SMALL = {"size": (12, 16), "length": 4}

pytestmark = pytest.mark.parametrize("name", ENVIRONMENTS)


def same(one, other):
    """The same call twice, or a state gone on with: to the bit."""
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def alike(one, other):
    """A row and its single environment: canvases in single precision may round to levels next to each other, and no further."""
    assert one.keys() == other.keys()
    for key in one:
        assert one[key].dtype == other[key].dtype
        np.testing.assert_allclose(one[key].astype(int), other[key].astype(int), atol=int(key == "canvas"), rtol=0, err_msg=key)


# A level more or less at one of the 192 pixels of `SMALL` changes the mean squared error by 2 / (255 * 192 * channels) at most.
REWARD = 1e-3


def test_gymnasium_has_no_complaint(name):
    from gymnasium.utils.env_checker import check_env

    check_env(gymnasium.make(f"drawgen_envs:{name}", render_mode="rgb_array", **SMALL).unwrapped, skip_render_check=True)
    assert gymnasium.spec(name).vector_entry_point is not None


def test_gymnasium_has_no_complaint_of_rendering(name, monkeypatch):
    """Without a screen "human" is not more than a warning."""
    from gymnasium.utils.env_checker import check_env

    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.warns(UserWarning, match="shows nothing"):
        check_env(gymnasium.make(name, render_mode="rgb_array", **SMALL).unwrapped)


@pytest.mark.parametrize("channels", [1, 3])
def test_stable_baselines_has_no_complaint(name, channels):
    from stable_baselines3.common.env_checker import check_env

    check_env(gymnasium.make(name, size=40, channels=channels))


def test_docstring_headings(name):
    words = gymnasium.make(name).unwrapped.__doc__
    assert [line[3:] for line in words.splitlines() if line.strip().startswith("## ") for line in [line.strip()]] == list(HEADINGS)


def test_docstring_example(name, tmp_path, monkeypatch):
    """Runs as it is written, where there is a folder `photos` and a picture `digit.png`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for path in ("digit.png", "photos/one.jpg"):
        Image.new("RGB", (30, 20), "teal").save(path)
    blocks = re.findall(r"```python\n(.*?)```", gymnasium.make(name).unwrapped.__doc__, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(re.sub(r"^ {4}", "", block, flags=re.MULTILINE), {})


def test_rows_of_the_vector_are_single_environments(name):
    """Row i with seed s is the single one with seed s + i, step for step, and over the ends of episodes."""
    envs = gymnasium.make_vec(name, num_envs=3, **SMALL)
    singles = [gymnasium.make(name, **SMALL) for _ in range(3)]
    assert envs.single_observation_space == singles[0].observation_space
    envs.action_space.seed(1)
    seen, _ = envs.reset(seed=7)
    for row, single in enumerate(singles):
        alike({k: v[row] for k, v in seen.items()}, single.reset(seed=7 + row)[0])
    for _ in range(11):
        actions = envs.action_space.sample()
        seen, rewards, terminated, truncated, infos = envs.step(actions)
        assert rewards.dtype == np.float64
        assert envs.observation_space.contains(seen)
        for row, single in enumerate(singles):
            own, reward, over, out, _ = single.step(actions[row])
            assert (over, out) == (terminated[row], truncated[row])
            assert reward == pytest.approx(rewards[row], abs=REWARD)
            if out:
                assert infos["_final_obs"][row]
                alike(infos["final_obs"][row], own)
                own, _ = single.reset()
            alike({k: v[row] for k, v in seen.items()}, own)


@pytest.mark.parametrize("mode", list(gymnasium.vector.AutoresetMode), ids=lambda mode: mode.name)
def test_vector_equals_gymnasiums_own(name, mode):
    """The same as SyncVectorEnv over single ones, infos and all."""
    ours = gymnasium.make_vec(name, num_envs=3, autoreset_mode=mode, **SMALL)
    theirs = gymnasium.make_vec(name, num_envs=3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **SMALL)
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"] == mode
    ours.action_space.seed(2)
    alike(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    ends = np.zeros(3, bool)
    for step in range(14):
        if mode == gymnasium.vector.AutoresetMode.DISABLED and ends.any():
            alike(*(envs.reset(options={"reset_mask": ends.copy()})[0] for envs in (ours, theirs)))
        elif step == 2:  # rows that end in different steps
            alike(
                *(envs.reset(seed=[7, 8, 9], options={"reset_mask": np.array([True, False, False])})[0] for envs in (ours, theirs))
            )
        actions = ours.action_space.sample()
        (*one, infos), (*other, wanted) = ours.step(actions), theirs.step(actions)
        alike(one[0], other[0])
        np.testing.assert_allclose(one[1], other[1], atol=REWARD, rtol=0)
        for mine, its in zip(one[1:], other[1:], strict=True):
            assert mine.dtype == its.dtype
        for mine, its in zip(one[2:], other[2:], strict=True):
            np.testing.assert_array_equal(mine, its)
        ends = one[3]
        assert infos.keys() == wanted.keys()
        for row in np.flatnonzero(ends) if infos else ():
            alike(infos["final_obs"][row], wanted["final_obs"][row])
        for key in ("_final_obs", "_final_info") if infos else ():
            np.testing.assert_array_equal(infos[key], wanted[key])


def test_the_step_after_an_end_is_the_next_beginning(name):
    """NEXT_STEP: its action does not count, whatever it is; it has no reward; a function of rewards has no say in it."""
    arguments = {"autoreset_mode": "NextStep", "num_envs": 2, "size": 8, "length": 2}
    if name != "drawgen/Reconstruct-v0":
        arguments["reward"] = ones
    envs = gymnasium.make_vec(name, **arguments)
    envs.reset(seed=0)
    envs.step(envs.action_space.sample())
    last, _, _, truncated, infos = envs.step(envs.action_space.sample())
    assert truncated.all()
    assert not infos
    np.testing.assert_array_equal(last["step"], [[2], [2]])
    actions = envs.action_space.sample()
    seen, rewards, _, truncated, _ = envs.step(actions * np.nan if actions.dtype.kind == "f" else actions + 2000)
    assert not truncated.any()
    np.testing.assert_array_equal(rewards, [0, 0])
    np.testing.assert_array_equal(seen["step"], [[0], [0]])
    assert (seen["canvas"] == 255).all()
    with pytest.raises(gymnasium.error.InvalidAction):
        envs.step(actions * np.nan if actions.dtype.kind == "f" else actions + 2000)
    tensors = gymnasium.make_vec(name, tensors=True, **arguments)
    tensors.reset(seed=0)
    for step in range(3):
        seen, rewards, _, truncated, _ = tensors.step(torch.from_numpy(envs.action_space.sample()))
        assert truncated.tolist() == [step == 1] * 2
    assert rewards.tolist() == [0, 0]
    assert seen["step"].tolist() == [[0], [0]]


def test_gymnasiums_wrappers_that_ask_for_the_next_step(name):
    from gymnasium.wrappers.vector import FilterObservation, FlattenObservation

    envs = gymnasium.make_vec(name, num_envs=2, autoreset_mode=gymnasium.vector.AutoresetMode.NEXT_STEP, **SMALL)
    seen, _ = FilterObservation(envs, ["canvas"]).reset(seed=0)
    assert list(seen) == ["canvas"]
    flat = FlattenObservation(envs)
    flat.reset(seed=0)
    assert flat.step(flat.action_space.sample())[0].shape == flat.observation_space.shape


def test_tensors_are_the_arrays(name):
    arrays, tensors = (gymnasium.make_vec(name, num_envs=3, tensors=flag, **SMALL) for flag in (False, True))
    arrays.action_space.seed(0)
    same(arrays.reset(seed=1)[0], {k: v.numpy() for k, v in tensors.reset(seed=1)[0].items()})
    for _ in range(5):
        actions = arrays.action_space.sample()
        seen, rewards, _, truncated, infos = arrays.step(actions)
        own, own_rewards, own_terminated, own_truncated, own_infos = tensors.step(torch.from_numpy(actions))
        same(seen, {k: v.numpy() for k, v in own.items()})
        assert own_rewards.dtype == torch.float32
        np.testing.assert_array_equal(own_rewards.numpy(), rewards.astype(np.float32))
        np.testing.assert_array_equal(own_truncated.numpy(), truncated)
        assert not own_terminated.any()
    for row in range(3) if infos else ():
        same(infos["final_obs"][row], {k: v[row].numpy() for k, v in own_infos["final_obs"].items()})


def ones(before, after):
    """A reward that can be pickled."""
    return torch.ones(len(before))


def grey(rng):
    """A target that can be pickled."""
    return np.full((12, 16, 3), rng.random())


@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize(
    "given", [{}, {"target": grey}, {"target": "photos"}, {"reward": ones}], ids=["plain", "function", "folder", "reward"]
)
def test_pickled_and_copied(name, vector, given, tmp_path, monkeypatch):
    """In an episode's middle: what comes back goes on as the first, and neither paints on the other's canvas."""
    kind = name.removeprefix("drawgen/")
    if (kind == "Canvas-v0" and "target" in given) or (kind == "Reconstruct-v0" and "reward" in given):
        pytest.skip(f"{kind} takes none")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for colour in ("teal", "tan"):
        Image.new("RGB", (30, 20), colour).save(f"photos/{colour}.png")
    env = gymnasium.make_vec(name, num_envs=2, **SMALL, **given) if vector else gymnasium.make(name, **SMALL, **given)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    others = [pickle.loads(pickle.dumps(env)), cloudpickle.loads(cloudpickle.dumps(env)), copy.deepcopy(env)]
    actions = [env.action_space.sample() for _ in range(2)]
    wanted = [env.step(action)[:2] for action in actions]
    for other in others:
        for action, (seen, reward) in zip(actions, wanted, strict=True):
            own, own_reward, *_ = other.step(action)
            same(own, seen)
            np.testing.assert_array_equal(own_reward, reward)
    nexts = [other.reset()[0] for other in (env, *others)]  # the generators went along
    for other in nexts[1:]:
        same(other, nexts[0])


@pytest.mark.parametrize("size", [1, (1, 5), (7, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_smallest_canvases(name, size, channels):
    env = gymnasium.make(name, size=size, channels=channels, background=0.5, length=3)
    envs = gymnasium.make_vec(name, num_envs=1, size=size, channels=channels, background=0.5, length=3)
    for face in (env, envs):
        face.action_space.seed(0)
        for _ in range(2):
            seen, _ = face.reset(seed=0)
            assert (seen["canvas"] == 128).all()
            for _ in range(3):
                seen, *_ = face.step(face.action_space.sample())


def test_a_time_limit_is_the_length_that_is_seen(name):
    """gymnasium's `max_episode_steps`, by either maker and by hand."""
    by_hand = gymnasium.wrappers.TimeLimit(gymnasium.make(name, size=8, length=6).unwrapped, 3)
    for env in (gymnasium.make(name, size=8, length=6, max_episode_steps=3), by_hand):
        for _ in range(2):
            seen, _ = env.reset(seed=0)
            for _ in range(3):
                assert seen["length"] == 3
                seen, _, _, truncated, _ = env.step(env.action_space.sample())
            assert truncated
            assert seen["step"] == seen["length"] == 3
    assert by_hand.unwrapped.reset()[0]["length"] == 6  # no longer through the limit
    for arguments, length in (
        ({"max_episode_steps": 3}, 3),
        ({"max_episode_steps": 3, "length": 6}, 3),
        ({"max_episode_steps": 30}, 30),
        ({"max_episode_steps": 30, "length": 6}, 6),
        ({"max_episode_steps": -1, "length": 6}, 6),
        ({"max_episode_steps": 3, "length": 6, "vectorization_mode": "sync"}, 3),
    ):
        envs = gymnasium.make_vec(name, num_envs=2, size=8, **arguments)
        assert envs.reset(seed=0)[0]["length"].tolist() == [[length], [length]]
        for _ in range(length):
            *_, truncated, _ = envs.step(envs.action_space.sample())
        assert truncated.all()
    with pytest.raises(ValueError, match=r"max_episode_steps is 0; it is a whole number from 1"):
        gymnasium.make_vec(name, max_episode_steps=0)


def test_an_unknown_argument_is_what_other_peoples_code_expects(name):
    """TorchRL asks for `frameskip`, and takes the TypeError with these words to skip frames itself."""
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'"):
            make(name, frameskip=2)


def test_observations_are_new_at_every_step(name):
    """What a client keeps is not painted over, and what it writes into is not painted from."""
    envs = gymnasium.make_vec(name, num_envs=2, **SMALL)
    twins = gymnasium.make_vec(name, num_envs=2, **SMALL)
    envs.action_space.seed(0)
    kept = [envs.reset(seed=0)[0]]
    twins.reset(seed=0)
    copies = [{k: v.copy() for k, v in kept[0].items()}]
    for _ in range(6):
        actions = envs.action_space.sample()
        kept.append(envs.step(actions)[0])
        copies.append({k: v.copy() for k, v in kept[-1].items()})
        spoilt = twins.step(actions)[0]
        same(spoilt, kept[-1])
        for value in spoilt.values():
            value[:] = 1
    for one, other in zip(kept, copies, strict=True):
        same(one, other)
    for key in kept[0]:
        assert len({value[key].__array_interface__["data"][0] for value in kept}) == len(kept)


@pytest.mark.parametrize("vector", [False, True])
def test_a_saved_state_goes_on_exactly(name, vector, tmp_path):
    """Saved in an episode's middle, by torch, and gone on with twice: by the same environment, and by another one."""

    def make():
        return gymnasium.make_vec(name, num_envs=2, **SMALL) if vector else gymnasium.make(name, **SMALL).unwrapped

    def rollout(env, count):
        out = []
        for index in range(count):
            env.action_space.seed(index)
            seen, reward, _, truncated, _ = env.step(env.action_space.sample())
            if truncated is True:
                seen, _ = env.reset()
            out.append(seen | {"reward": reward})
        return out

    env, other = make(), make()
    env.reset(seed=5)
    rollout(env, 6)
    torch.save(env.state_dict(), tmp_path / "state")
    state = torch.load(tmp_path / "state", weights_only=True)
    ways = [rollout(env, 9)]
    for one in (env, other):
        one.load_state_dict(state)
        ways.append(rollout(one, 9))
    for way in ways[1:]:
        for step, wanted in zip(way, ways[0], strict=True):
            same(step, wanted)


def test_another_environments_state_is_refused(name):
    env, other = (gymnasium.make(name, size=size).unwrapped for size in (8, 9))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"canvases are 8x8, these 9x9"):
        other.load_state_dict(env.state_dict())
    with pytest.raises(ValueError, match="other arguments"):
        gymnasium.make(name, size=8, length=3).unwrapped.load_state_dict(env.state_dict())


def test_steps_out_of_turn(name):
    env = gymnasium.make(name, **SMALL).unwrapped
    env.action_space.seed(0)
    action = env.action_space.sample()
    with pytest.raises(gymnasium.error.ResetNeeded, match="before reset"):
        env.step(action)
    env.reset()
    for _ in range(4):
        truncated = env.step(action)[3]
    assert truncated
    with pytest.raises(gymnasium.error.ResetNeeded, match="before reset"):
        env.step(action)
    envs = gymnasium.make_vec(name, num_envs=2, **SMALL)
    envs.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(gymnasium.error.ResetNeeded):
        envs.step(np.stack([action, action]))
    envs.reset(options={"reset_mask": np.array([False, True])})
    envs.step(np.stack([action, action]))
    with pytest.raises(gymnasium.error.ResetNeeded):
        gymnasium.make(name).step(action)


def test_bad_actions_change_nothing(name):
    envs = gymnasium.make_vec(name, num_envs=2, **SMALL)
    envs.reset(seed=0)
    good = envs.action_space.sample()
    before = envs.state_dict()
    bad = [good[0], good[:, :-1], good[:1], good.astype(bool), good.astype(str), good.astype(complex), None, [[1, 2], [3]], "paint"]
    bad += [good + 2000, good - 2000, torch.from_numpy(good).to(torch.bool), torch.from_numpy(good).to(torch.complex64)]
    bad += [good / 1.0 + np.nan, [[object()]]]
    for actions in bad:
        with pytest.raises(gymnasium.error.InvalidAction) as caught:
            envs.step(actions)
        assert len(str(caught.value).splitlines()) == 1
    after = envs.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in ("steps", "strokes"))
    assert torch.equal(after["easel"]["canvas"], before["easel"]["canvas"])
    single = gymnasium.make(name, **SMALL).unwrapped
    single.reset()
    for action in (good, 1.0, None, good[0][:2], torch.from_numpy(good[0])[None]):
        with pytest.raises(gymnasium.error.InvalidAction):
            single.step(action)
    single.step(good[0].tolist())
    single.step(torch.from_numpy(good[0]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 0}, "size is 0; it is a whole number from 1 to 8192"),
        ({"size": (64,)}, "size is (64,); it is the pixels of a side, or (height, width)"),
        ({"size": "big"}, "size is 'big'"),
        ({"size": True}, "size is True"),
        ({"size": 64.0}, "size is 64.0"),
        ({"size": (64, -1)}, "size is -1"),
        ({"size": 10_000}, "size is 10000"),
        ({"size": None}, "size is None"),
        ({"channels": 2}, "channels is 2; it is 1 (grey) or 3"),
        ({"channels": True}, "channels is True"),
        ({"channels": "rgb"}, "channels is 'rgb'"),
        ({"length": 0}, "length is 0"),
        ({"length": 1.5}, "length is 1.5"),
        ({"length": 10**9}, "GiB of memory"),
        ({"background": float("nan")}, "background is nan"),
        ({"background": 2}, "background is 2"),
        ({"background": "white"}, "background is 'white'"),
        ({"background": (0, 1)}, "background is (0, 1); it is one number or 3, from 0 (black) to 1"),
        ({"background": None}, "background is None"),
        ({"brush": "pencil"}, "brush is 'pencil'; it is bezier, or mypaint:"),
        ({"brush": 3}, "brush is 3"),
        ({"render_scale": 0}, "render_scale is 0"),
        ({"render_scale": 200}, "render_scale is 200"),
        ({"lenght": 3}, "got an unexpected keyword argument 'lenght'; did you mean length?"),
        ({"zzz": 3}, "got an unexpected keyword argument 'zzz'; it takes size, channels"),
    ],
)
def test_bad_arguments(name, arguments, words):
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(ValueError, match=re.escape(words)) as caught:
            make(name, **arguments)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_envs": 0}, "num_envs is 0"),
        ({"num_envs": True}, "num_envs is True"),
        ({"num_envs": 2_000_000, "size": 1024}, "GiB of memory, more than there is"),
        ({"render_mode": "ansi"}, "render_mode is 'ansi'"),
        ({"device": "gpu"}, "device 'gpu' cannot be used"),
        ({"device": 2.5}, "device 2.5 cannot be used"),
        ({"render_mode": "human"}, "render_mode is 'human'; it is rgb_array"),
        ({"autoreset_mode": "next"}, "autoreset_mode is 'next'; gymnasium's AutoresetMode has NEXT_STEP ('NextStep'), SAME_STEP"),
        ({"autoreset": "NextStep"}, "unexpected keyword argument 'autoreset'; did you mean autoreset_mode?"),
    ],
)
def test_bad_arguments_of_the_vector(name, arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        gymnasium.make_vec(name, **arguments)


def test_bad_resets(name):
    env, envs = gymnasium.make(name, **SMALL), gymnasium.make_vec(name, num_envs=2, **SMALL)
    with pytest.raises(ValueError, match="reset takes no option 'speed'; it takes none but a seed"):
        env.reset(options={"speed": 3})
    with pytest.raises(ValueError, match="reset takes no option 'speed'; it takes reset_mask"):
        envs.reset(options={"speed": 3})
    for options in ("speed", [("reset_mask", 1)], ...):
        for face in (env.unwrapped, envs):
            with pytest.raises(ValueError, match="it is a dictionary or None"):
                face.reset(options=options)
    env.reset(options={})
    for options in ({"reset_mask": [True]}, {"reset_mask": np.array([1, 0])}, {"reset_mask": np.zeros(2, bool)}):
        with pytest.raises(ValueError, match="reset_mask"):
            envs.reset(options=options)
    with pytest.raises(ValueError, match="3 seeds for 2 environments"):
        envs.reset(seed=[1, 2, 3])
    for seed in (-1, [0, -1]):
        with pytest.raises(gymnasium.error.Error):
            envs.reset(seed=seed)
    one = envs.reset(seed=[4, 9])[0]
    same(one, envs.reset(seed=np.array([4, 9]))[0])


@pytest.mark.gpu
def test_no_step_waits_for_the_device(name):
    envs = gymnasium.make_vec(name, num_envs=4, device="cuda", tensors=True, **SMALL)
    seen, _ = envs.reset(seed=0)
    actions = [torch.from_numpy(envs.action_space.sample()).cuda() for _ in range(9)]
    envs.step(actions[0])
    torch.cuda.set_sync_debug_mode("error")
    try:
        for action in actions:
            seen, rewards, _, _, _ = envs.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert seen["canvas"].is_cuda
    assert rewards.is_cuda
