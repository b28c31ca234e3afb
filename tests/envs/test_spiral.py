"""SPIRAL's actions and the strokes that they mean: there and back."""

import numpy as np
import torch
from drawgen_envs.spiral import SpiralEpisodes
from hypothesis import given, settings
from hypothesis import strategies as st

END, FLAG, PRESSURE, SIZE = range(1, 5)


def begun(count, length, **arguments):
    episodes = SpiralEpisodes(count, size=8, length=length, background=0.0, **arguments)
    episodes.begin(np.arange(count), [np.random.default_rng(0)] * count)
    return episodes


def laid(episodes, actions):
    """The strokes (T N P) that actions (T N A) mean."""
    for action in actions:
        episodes.step(action)
    return episodes.strokes.transpose(0, 1).clone()


@st.composite
def pens(draw):
    """Arguments of an environment."""
    return {
        "channels": draw(st.sampled_from([1, 3])),
        "grid": draw(st.integers(2, 64)),
        "sizes": draw(st.lists(st.integers(1, 64).map(lambda size: size / 64), min_size=1, max_size=8, unique=True)),
        "pressures": draw(st.integers(1, 20)),
        "levels": draw(st.integers(2, 30)),
    }


@settings(max_examples=50, deadline=None)
@given(pens(), st.integers(0, 2**32 - 1))
def test_actions_come_back_from_their_strokes(pen, seed):
    """Each as the second of two, after a move to where the pen was. Two things cannot come back, for the strokes do not show them:
    the size that a move names, and the pressure of a stroke that begins with the pressure of the one before it, where the mean of
    the two comes back. Sizes have to differ: of two that are equal the first would come back."""
    count, length = 3, 6
    episodes = begun(count, length, **pen)
    rng = torch.Generator().manual_seed(seed)
    actions = torch.stack([torch.randint(most, (length, count), generator=rng) for most in episodes.choices], 2)
    strokes = laid(episodes, actions)
    again = episodes.actions_for(strokes)
    assert again.shape == (2 * length, count, len(episodes.choices))
    moves, found = again[::2], again[1::2]

    paints = actions[:, :, FLAG] == 1
    before = torch.cat([torch.zeros_like(paints[:1]), paints[:-1]])  # the pen is down already
    shown = torch.ones_like(actions, dtype=torch.bool)
    shown[:, :, SIZE] = paints
    shown[:, :, PRESSURE] = ~before
    assert torch.equal(found[shown], actions[shown])
    assert torch.equal(moves[:, :, END], torch.cat([torch.zeros_like(actions[:1, :, END]), actions[:-1, :, END]]))
    assert not moves[:, :, [0, *range(FLAG, actions.shape[2])]].any()

    both = torch.stack([actions[:-1, :, PRESSURE], actions[1:, :, PRESSURE]])
    between = (both.amin(0) <= found[1:, :, PRESSURE]) & (found[1:, :, PRESSURE] <= both.amax(0))
    assert bool(between[before[1:]].all())


@settings(max_examples=50, deadline=None)
@given(pens(), st.integers(0, 2**32 - 1))
def test_strokes_come_back_from_their_actions(pen, seed):
    """Where places, sizes, pressures and colours are some that the environment has, and each stroke has one radius and one
    pressure. Between two strokes there is a move, which leaves nothing."""
    count, length = 3, 4
    rng = torch.Generator().manual_seed(seed)
    episodes = begun(count, 2 * length, **pen)
    places = torch.randint(pen["grid"], (length, count, 6), generator=rng) / pen["grid"]
    radius = torch.tensor(pen["sizes"])[torch.randint(len(pen["sizes"]), (length, count, 1), generator=rng)]
    pressure = torch.randint(1, pen["pressures"] + 1, (length, count, 1), generator=rng) / pen["pressures"]
    colour = torch.randint(pen["levels"], (length, count, pen["channels"]), generator=rng) / (pen["levels"] - 1)
    strokes = torch.cat([places, radius.expand(-1, -1, 2), pressure.expand(-1, -1, 2), colour], 2)
    actions = episodes.actions_for(strokes)
    assert not actions[::2, :, FLAG].any()
    again = laid(episodes, actions)
    torch.testing.assert_close(again[1::2], strokes)
    assert not again[::2, :, 6:8].any()


@settings(max_examples=50, deadline=None)
@given(pens(), st.integers(0, 2**32 - 1))
def test_the_nearest_actions_are_taken(pen, seed):
    """Of strokes of any numbers, on the canvas or beyond: never an action that the environment does not know, and nothing lies
    nearer."""
    episodes = begun(2, 2, **pen)
    rng = torch.Generator().manual_seed(seed)
    strokes = torch.rand(1, 2, 10 + pen["channels"], generator=rng) * 1.4 - 0.2
    strokes[..., 6:8] = strokes[..., 6:8].clamp(min=0.001)
    _, action = episodes.actions_for(strokes)
    wanted = strokes[0]
    for first, component in ((2, 0), (4, END)):
        offsets = (episodes.places[None] - wanted[:, None, first : first + 2]).norm(dim=2)
        chosen = offsets.gather(1, action[:, component, None])[:, 0]
        torch.testing.assert_close(chosen, offsets.amin(1))
    steps = (
        (PRESSURE, (torch.arange(pen["pressures"]) + 1) / pen["pressures"], wanted[:, 8:10].mean(1)),
        (SIZE, episodes.sizes, wanted[:, 6:8].mean(1)),
        *((5 + c, torch.arange(pen["levels"]) / (pen["levels"] - 1), wanted[:, 10 + c]) for c in range(pen["channels"])),
    )
    for component, values, value in steps:
        offsets = (values[None] - value[:, None]).abs()
        torch.testing.assert_close(offsets.gather(1, action[:, component, None])[:, 0], offsets.amin(1))


def test_a_stroke_of_no_radius_is_a_move():
    """The pen goes to the stroke's end, and nothing is left."""
    grid = 8
    strokes = torch.rand(2, 3, 11, generator=torch.Generator().manual_seed(3))
    strokes[0, :, 6:8] = 0
    strokes[1, 0, 6:8] = 0
    episodes = begun(3, 4, channels=1, grid=grid)
    actions = episodes.actions_for(strokes)
    assert actions[1, :, FLAG].tolist() == [0, 0, 0]
    assert actions[3, :, FLAG].tolist() == [0, 1, 1]
    again = laid(episodes, actions)
    assert (episodes.easel.screen[0] == 0).all()
    assert (episodes.easel.screen[1:].flatten(1) > 0).any(1).all()
    ends = (strokes[0, :, 4:6] * grid).round().clamp(0, grid - 1) / grid
    torch.testing.assert_close(again[2, :, :2], ends)
