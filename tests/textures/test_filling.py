"""A hole filled with pixels of the rest."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from drawgen.contract import generator
from drawgen.ranges import ArgumentError
from drawgen.textures import filling, filling_cpu
from drawgen.textures.filling import fill


def noise(channels, height, width, seed=0):
    picture = torch.rand(channels, height + 4, width + 4, generator=generator(seed))
    return torch.nn.functional.avg_pool2d(picture, 5, 1)


def box(height, width, top, left, bottom, right):
    hole = torch.zeros(height, width, dtype=torch.bool)
    hole[top:bottom, left:right] = True
    return hole


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 4]), st.integers(24, 50), st.integers(24, 50))
def test_what_is_given_stays(seed, channels, height, width):
    """Bit for bit; and what is filled comes from where it may."""
    rng = np.random.default_rng(seed)
    picture = noise(channels, height, width, seed)
    top, left = (int(rng.integers(0, side - 10)) for side in (height, width))
    hole = box(height, width, top, left, top + int(rng.integers(1, 10)), left + int(rng.integers(1, 10)))
    filled = fill(picture, hole, rng=generator(seed))
    assert torch.equal(filled.image[:, ~hole], picture[:, ~hole])
    i, j = filled.sources[hole].unbind(-1)
    assert not hole[i, j].any()
    assert bool(((filled.image >= 0) & (filled.image <= 1)).all())
    here = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), 2)
    assert torch.equal(filled.sources[~hole], here[~hole])


def test_the_same_seed_gives_the_same_filling():
    """Whatever is in the hole: it is not looked at."""
    picture, hole = noise(3, 60, 60), box(60, 60, 20, 20, 40, 40)
    one = fill(picture, hole, rng=generator(1))
    other = fill(picture.masked_fill(hole, torch.nan), hole, rng=generator(1))
    assert torch.equal(one.image, other.image)
    assert not torch.equal(one.image, fill(picture, hole, rng=generator(2)).image)


def test_a_hole_of_no_pixels_changes_nothing():
    picture = noise(3, 20, 20)
    assert fill(picture, torch.zeros(20, 20, dtype=torch.bool), rng=generator(0)).image is picture


def test_stripes_go_on():
    """Across a hole and beyond an edge, at any angle that pixels have."""
    down, along = torch.meshgrid(torch.arange(90), torch.arange(110), indexing="ij")
    for stripes in (along // 4 % 2, (along + down) // 4 % 2, (down // 6 + along // 6) % 2):
        picture = stripes.float()[None]
        for hole in (box(90, 110, 30, 40, 62, 75), box(90, 110, 0, 86, 90, 110)):
            filled = fill(picture.masked_fill(hole, 0.5), hole, drift=(0.0, 0.0), rng=generator(0))
            assert float((filled.image - picture)[:, hole].abs().mean()) < 0.02


def test_a_lawn_is_filled_better_than_by_blur():
    """The filled part varies as much as the rest."""
    picture = torch.from_numpy(data.grass()[:160, :160].astype(np.float32) / 255)[None]
    hole = box(160, 160, 60, 60, 100, 100)
    filled = fill(picture.masked_fill(hole, 0), hole, rng=generator(0)).image
    inside, beside = filled[0, 60:100, 60:100], picture[0, 10:50, 10:50]
    assert 0.6 < float(inside.std() / beside.std()) < 1.6
    assert abs(float(inside.mean() - beside.mean())) < 0.1


def test_only_the_source_is_used():
    picture, hole = noise(1, 60, 80), box(60, 80, 20, 30, 40, 50)
    source = box(60, 80, 0, 55, 60, 80)
    at = fill(picture, hole, source=source, rng=generator(0)).sources[hole]
    assert bool(source[at[:, 0], at[:, 1]].all())


def test_a_step_of_light_is_spread():
    """Where the light changes across a hole, no edge is left at its border."""
    ramp = torch.linspace(0.3, 0.7, 120).expand(1, 80, 120)
    picture = ramp + 0.02 * noise(1, 80, 120)
    hole = box(80, 120, 25, 45, 55, 75)
    filled = fill(picture.masked_fill(hole, 0), hole, rng=generator(0)).image
    steps = (filled[:, :, 1:] - filled[:, :, :-1]).abs()
    assert float(steps[:, 25:55, 44].max()) < 0.05
    assert float(steps[:, 25:55, 74].max()) < 0.05


def test_a_large_picture_is_filled_from_around_the_hole(monkeypatch):
    monkeypatch.setattr(filling, "BESIDE_PX", 30)
    picture, hole = noise(1, 200, 220), box(200, 220, 90, 100, 100, 110)
    at = fill(picture, hole, rng=generator(0)).sources[hole]
    assert int(at[:, 0].min()) >= 60
    assert int(at[:, 1].max()) < 140


def test_progress_is_told():
    shares = []
    fill(noise(1, 90, 90), box(90, 90, 20, 20, 60, 60), rng=generator(0), progress=shares.append)
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_what_cannot_be_filled():
    picture = noise(1, 40, 40)
    with pytest.raises(ArgumentError, match=r"^hole leaves no patch of 7x7 pixels"):
        fill(picture, ~box(40, 40, 5, 5, 11, 11), rng=generator(0))
    with pytest.raises(ArgumentError, match=r"^picture has values that are not finite"):
        fill(picture * torch.nan, box(40, 40, 5, 5, 11, 11), rng=generator(0))


# ---------------------------------------------------------------- the loops


def test_the_search_finds_the_nearest_patches():
    """After some rounds nearly all are the best of all, by brute force."""
    values = np.ascontiguousarray(noise(2, 30, 34).permute(1, 2, 0).numpy())
    hole = box(30, 34, 10, 12, 16, 20).numpy()
    level = filling.Level(values, hole, ~hole)
    centres, known = level.centres(), np.ones(hole.shape, bool)
    wanted, number = filling.listed(hole)
    places = np.argwhere(centres)
    near = places[np.zeros(len(wanted), int)].astype(np.int32)
    error = np.zeros(len(wanted), np.float32)
    drift = (1e-4, 2e-4)
    filling_cpu.match(values, known, centres, wanted, number, near, error, drift, 34, 20, 0)
    windows = np.lib.stride_tricks.sliding_window_view(values, (7, 7), (0, 1))  # i - 3, j - 3
    best = []
    for i, j in wanted:
        away = (places - (i, j)) ** 2 @ drift
        differences = windows[places[:, 0] - 3, places[:, 1] - 3] - windows[i - 3, j - 3]
        best.append((away + (differences**2).sum((1, 2, 3)) / 49).min())
    assert (error >= np.array(best) - 1e-5).all()
    assert (error <= np.array(best) * 1.01 + 1e-5).mean() > 0.8


def test_votes_are_means_of_what_patches_have_there():
    values = np.ascontiguousarray(noise(2, 20, 20).permute(1, 2, 0).numpy())
    hole = box(20, 20, 9, 9, 10, 10).numpy()
    wanted, number = filling.listed(filling.grown(hole, filling.REACH))
    near = np.full_like(wanted, 5)
    error = np.zeros(len(wanted), np.float32)
    voted = filling_cpu.vote(values, hole, number, near, error, np.ones(hole.shape, np.float32), 1.0)
    np.testing.assert_allclose(voted[9, 9], values[2:9, 2:9].mean((0, 1)), rtol=1e-5)
    np.testing.assert_array_equal(voted[~hole], values[~hole])


def test_depth_is_the_distance_to_what_is_known():
    rng = np.random.default_rng(0)
    hole = rng.random((23, 31)) < 0.95
    known = np.argwhere(~hole)
    far = np.abs(np.argwhere(np.ones_like(hole))[:, None] - known).max(2).min(1).reshape(hole.shape)
    np.testing.assert_array_equal(filling_cpu.depth(hole), far)


def test_the_correction_solves_its_equation():
    """The gradient of what it minimises is 0 in the hole, by finite differences of a loop over neighbours."""
    rng = np.random.default_rng(1)
    pixels = rng.random((12, 14, 1)).astype(np.float32)
    hole = box(12, 14, 4, 5, 8, 10).numpy()
    sources = filling.own_places(12, 14)
    sources[hole] -= (3, 0)
    sources[6:8, 5:10] += (5, 2)
    found = filling.spread(pixels, hole, sources)[0].double().numpy()
    taken = pixels[sources[..., 0], sources[..., 1], 0].astype(np.float64)

    def cost(c):
        total = (c[hole] ** 2).sum() / filling.SPREADS_PX**2
        for down, along in ((1, 0), (0, 1)):
            for i in range(12 - down):
                for j in range(14 - along):
                    k, m = i + down, j + along
                    if not (hole[i, j] or hole[k, m]):
                        continue
                    (p, q), (r, s) = sources[i, j], sources[k, m]
                    steps = []
                    if 0 <= p + down < 12 and 0 <= q + along < 14 and not hole[p + down, q + along]:
                        steps.append(pixels[p + down, q + along, 0] - taken[i, j])
                    if r - down >= 0 and s - along >= 0 and not hole[r - down, s - along]:
                        steps.append(taken[k, m] - pixels[r - down, s - along, 0])
                    wanted = np.mean(steps) - (taken[k, m] - taken[i, j]) if steps else 0.0
                    total += (c[k, m] - c[i, j] - wanted) ** 2 / (1 + wanted**2 / filling.LARGE**2)
        return total

    assert not found[~hole].any()
    assert np.abs(found).max() > 0.01
    for i, j in np.argwhere(hole):
        ends = []
        for sign in (-1, 1):
            moved = found.copy()
            moved[i, j] += sign * 1e-4
            ends.append(cost(moved))
        assert abs(ends[1] - ends[0]) / 2e-4 < 2e-3
