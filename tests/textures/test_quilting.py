"""A quilted picture: pixels of the exemplar, in patches found and joined as well as can be."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from drawgen.contract import generator
from drawgen.ranges import ArgumentError
from drawgen.textures import quilting_cpu as loops
from drawgen.textures.quilting import fitting_patch_px, quilt


def noise(channels=1, height=48, width=56, seed=0):
    """Smooth enough that patches can fit."""
    picture = torch.rand(channels, height + 4, width + 4, generator=generator(seed))
    return torch.nn.functional.avg_pool2d(picture, 5, 1)


def grass():
    return torch.from_numpy(data.grass()[:128, :128].astype(np.float32) / 255)[None]


def steps(quilted, axis):
    """Whether each pixel's neighbour below (axis 0) or to the right, around the torus, stands beside it in the exemplar, too."""
    following = quilted.sources.roll(-1, axis) - quilted.sources
    return (following == torch.tensor([1 - axis, axis])).all(-1)


def check_sources(exemplar, quilted):
    i, j = quilted.sources.unbind(-1)
    assert torch.equal(quilted.image, exemplar[:, i, j])


@settings(deadline=None, max_examples=25)
@given(
    st.tuples(st.integers(4, 40), st.integers(4, 40)),
    st.tuples(st.integers(1, 61), st.integers(1, 61)),
    st.tuples(st.booleans(), st.booleans()),
    st.one_of(st.none(), st.integers(1, 70)),
    st.one_of(st.none(), st.integers(1, 12)),
    st.sampled_from(["noise", "one colour", "two colours"]),
)
def test_pixels_of_the_exemplar_only(shape, size, tile, patch, overlap, kind):
    exemplar = noise(2, *shape)
    exemplar = {"noise": exemplar, "one colour": exemplar[:, :1, :1].expand(2, *shape), "two colours": (exemplar > 0.5).float()}[
        kind
    ]
    quilted = quilt(exemplar, size, patch_px=patch, overlap_px=overlap, tile=tile, rng=generator(1))
    assert quilted.image.shape == (2, *size)
    check_sources(exemplar, quilted)


def test_the_same_seed_gives_the_same_picture():
    first, again, other = (quilt(grass(), (100, 90), rng=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.sources, again.sources)
    assert not torch.equal(first.sources, other.sources)


@pytest.mark.parametrize("tile", list(itertools.product((False, True), repeat=2)))
def test_closes(tile):
    """Across the border that closes lie no more cuts than across other lines, and they cost no more; where it does not close,
    nothing fits."""
    exemplar = grass()
    quilted = quilt(exemplar, (101, 97), patch_px=24, tile=tile, rng=generator(0))
    pixels = np.ascontiguousarray(exemplar.permute(1, 2, 0).numpy())
    cost = torch.from_numpy(loops.seams(pixels, everywhere(pixels), quilted.sources.int().numpy(), True, True))
    for axis in range(2):
        joined = steps(quilted, axis).movedim(axis, 0)
        if tile[axis]:
            cuts, costs = (~joined).sum(1), cost.movedim(axis, 0).sum(1)
            assert 0 < cuts[-1] <= 1.2 * cuts[:-1].max()
            assert costs[-1] <= 1.2 * costs[:-1].max()
        else:
            assert not joined[-1].any()


def test_a_texture_that_repeats_is_found():
    """Stripes and cells of a period of 12 pixels go on without any seam, over the border of a tile of two periods, too."""
    period = noise(3, 12, 12)
    exemplar = period.repeat(1, 6, 6)
    quilted = quilt(exemplar, (24, 36), patch_px=10, tile=(True, True), rng=generator(0))
    i, j = (quilted.sources[0, 0] % 12).tolist()
    assert torch.equal(quilted.image, period.repeat(1, 2, 3).roll((-i, -j), (1, 2)))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(12, 30), st.booleans())
def test_search_against_brute_force(seed, side, masked):
    """Every position is compared by the search of all; the coarse one finds about as good a one."""
    rng = np.random.default_rng(seed)
    full = np.ascontiguousarray(noise(2, 70, 80, seed).numpy())
    patch = np.ascontiguousarray(noise(2, side, side, seed + 1).numpy())
    weight = np.zeros((2, side, side), np.float32)
    weight[:, : side // 3], weight[0, :, : side // 3] = 1, 2
    weight /= weight.sum()
    bad = (rng.random((70, 80)) < 0.0003) & masked
    blocked = np.zeros((71, 81), np.int64)
    blocked[1:, 1:] = bad.cumsum(0).cumsum(1)
    near = np.array([[20, 20, 0.01, 0], [40, 30, 0.02, 1]], np.float32)
    guard = side // 4
    expected = {}
    for r, s in itertools.product(range(71 - side), range(81 - side)):
        if bad[r : r + side, s : s + side].any() or 0 < max(abs(r - 40), abs(s - 30)) <= guard:
            continue
        share = max(1 - abs(r - 20) / side, 0) * max(1 - abs(s - 20) / side, 0)
        error = ((full[:, r : r + side, s : s + side] - patch) ** 2 * weight).sum()
        expected[r, s] = error + 0.01 * share + 0.02 * ((r, s) == (40, 30))
    found, error = loops.search(full, blocked, patch, weight, near, side, guard)
    assert len(found) or not expected
    for at, value in zip(found.tolist(), error.tolist(), strict=True):
        assert value == pytest.approx(expected[tuple(at)], rel=1e-4)
    if expected:
        best = min(expected.values())
        assert error.min() == pytest.approx(best, rel=1e-4)
        half = loops.halved(full, np.ones_like(full))[0]
        quarter = loops.halved(half, np.ones_like(half))[0]
        found, error = loops.search_coarse(full, half, quarter, blocked, patch, weight, near, side, guard, 100)
        for at, value in zip(found.tolist(), error.tolist(), strict=True):
            assert value == pytest.approx(expected[tuple(at)], rel=1e-4)
        if not masked:
            assert error.min() <= 1.3 * best


def test_halved_and_lowest():
    rng = np.random.default_rng(0)
    picture = rng.random((2, 9, 7), np.float32)
    weight = rng.choice(np.float32([0, 0, 0.0625, 1]), (2, 9, 7))
    half, sums = loops.halved(picture, weight)
    cells = weight[:, :8, :6].reshape(2, 4, 2, 3, 2)
    np.testing.assert_allclose(sums, cells.sum((2, 4)), rtol=1e-6)
    total = (picture[:, :8, :6].reshape(2, 4, 2, 3, 2) * cells).sum((2, 4))
    np.testing.assert_allclose(half, np.where(sums > 0, total / np.where(sums > 0, sums, 1), 0), rtol=1e-5)
    values = np.float32([[0, 3, np.inf], [1, 1, 2]])
    assert [loops.lowest(values, k) for k in range(1, 8)] == [0, 1, 1, 2, 3, np.inf, np.inf]


def everywhere(pixels):
    return np.ones(pixels.shape[:2], bool)


def energy(pixels, sources):
    return int(loops.seams(pixels, everywhere(pixels), sources, False, False).sum())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_paste_is_the_best_cut(seed, started):
    """Of all ways to take or leave each pixel, that with the least cost of seams, on a window so small that all are tried. The
    costs within an exemplar this large are a metric only in part, so a little is allowed."""
    rng = np.random.default_rng(seed)
    pixels = np.ascontiguousarray(noise(1, 40, 40, seed).permute(1, 2, 0).numpy())
    place = np.stack(np.mgrid[:6, :6], 2)
    old = (place + rng.integers(8, 24, 2)).astype(np.int32)
    if started:  # an old seam
        old[:, 3:] = (place + rng.integers(8, 24, 2))[:, 3:]
    known, fixed = np.ones((6, 6), bool), np.zeros((6, 6), bool)
    known[4, 3:5] = False
    fixed[2, 2] = True
    r, s = rng.integers(8, 24, 2).tolist()
    sources = old.copy()
    loops.paste(pixels, everywhere(pixels), sources, known.copy(), fixed, False, False, 2, 2, 3, 3, r, s)
    new = place[:3, :3] + (r, s)
    best = None
    for choice in itertools.product((False, True), repeat=6):
        taken = np.ones((3, 3), bool)  # the unknown pixels are (2, 1) and (2, 2), the fixed one is (0, 0)
        taken.ravel()[:7] = (False, *choice)
        trial = old.copy()
        trial[2:5, 2:5] = np.where(taken[..., None], new, old[2:5, 2:5])
        cost = energy(pixels, trial)
        best = cost if best is None else min(best, cost)
    assert (sources[2, 2] == old[2, 2]).all()
    assert (sources[4, 3:5] == new[2, 1:]).all()
    if started:
        assert energy(pixels, sources) <= 1.1 * best + 10
    else:
        assert energy(pixels, sources) <= best + 10


def test_pixels_that_are_not_opaque_are_not_used():
    exemplar = grass()
    opaque = torch.rand(128, 128, generator=generator(3)) > 0.0005
    opaque[:, :30] = False
    quilted = quilt(exemplar, (90, 90), opaque=opaque, rng=generator(0))
    check_sources(exemplar, quilted)
    i, j = quilted.sources.unbind(-1)
    assert opaque[i, j].all()
    # What they look like makes no difference.
    odd = torch.where(opaque, exemplar, 9.0)
    assert torch.equal(quilt(odd, (90, 90), opaque=opaque, rng=generator(0)).sources, quilted.sources)


def test_tiles_with_one_border_fit_each_other():
    exemplar = grass()
    first = quilt(exemplar, (80, 72), patch_px=24, tile=(True, True), rng=generator(0))
    others = [quilt(exemplar, (80, 72), patch_px=24, tile=(True, True), border=first, rng=generator(k)) for k in (1, 2)]
    for other in others:
        check_sources(exemplar, other)
        ring = other.sources == first.sources
        assert ring[:2].all()
        assert ring[-2:].all()
        assert ring[:, :2].all()
        assert ring[:, -2:].all()
        assert ring[10:-10, 10:-10].all(-1).float().mean() < 0.2
    assert not torch.equal(others[0].sources, others[1].sources)


def test_nothing_is_continued_verbatim_for_long():
    """A picture as large as the exemplar could be the exemplar. Going on costs nothing but what `CONTINUE` says."""
    quilted = quilt(grass(), (128, 128), patch_px=24, rng=generator(0))
    offsets = quilted.sources - torch.stack(torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij"), -1)
    _, count = offsets.reshape(-1, 2).unique(dim=0, return_counts=True)
    assert count.max() <= 128 * 128 / 4


def test_patches_are_larger_where_there_is_order():
    bricks = torch.from_numpy(data.brick()[:256, :256].astype(np.float32) / 255)[None]
    lawn = torch.from_numpy(data.grass()[:256, :256].astype(np.float32) / 255)[None]
    assert 40 <= fitting_patch_px(lawn) < fitting_patch_px(bricks) <= 64
    assert fitting_patch_px(torch.full((3, 20, 20), 0.3)) <= 16


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("size is", {"size": (0, 8)}),
        ("patch_px is 0", {"patch_px": 0}),
        ("overlap_px is 0", {"overlap_px": 0}),
        ("exemplar has values", {"exemplar": torch.full((1, 8, 8), torch.nan)}),
        ("exemplar is .8, 3.; each", {"exemplar": torch.zeros(1, 8, 3)}),
        ("opaque leaves no patch", {"opaque": torch.zeros(48, 56, dtype=torch.bool)}),
        ("border is", {"border": quilt(noise(), (16, 16), rng=generator(0))}),
    ],
)
def test_refusals(words, arguments):
    arguments = {"exemplar": noise(), "size": (16, 16), **arguments}
    with pytest.raises(ArgumentError, match=words):
        quilt(arguments.pop("exemplar"), arguments.pop("size"), **arguments, rng=generator(0))


# ---------------------------------------------------------------- guides


def test_a_guide_is_shown_from_afar():
    """Half of the guide is dark: the texture is darker there, more so by a stronger guide. Without strength it is not."""
    exemplar = grass()
    guide = torch.ones(1, 90, 120)
    guide[:, :, :60] = 0
    contrast = []
    for strength in (0.0, 0.5, 0.9):
        image = quilt(exemplar, (90, 120), guide=guide, strength=strength, patch_px=12, rng=generator(0)).image
        contrast.append(float(image[:, :, 70:].mean() - image[:, :, :50].mean()))
    assert abs(contrast[0]) < 0.05
    assert contrast[0] + 0.05 < contrast[1] < contrast[2]


def test_a_guide_of_colours():
    """Where both have colours, these count: equally bright parts are told apart."""
    exemplar = torch.cat([torch.tensor([0.6, 0.3, 0.3]), torch.tensor([0.3, 0.4528, 0.3])]).view(2, 3).t()[:, None, :, None]
    exemplar = exemplar.expand(3, 60, 2, 30).reshape(3, 60, 60) + 0.02 * noise(3, 60, 60)
    guide = exemplar[:, :40, 10:50].flip(2)
    image = quilt(exemplar, (40, 40), guide=guide, strength=0.9, patch_px=8, rng=generator(0)).image
    assert float((image - guide).abs().mean()) < 0.05


def test_a_guide_with_tiles_and_sets():
    exemplar = noise(4, 40, 40)
    guide = noise(3, 24, 32, 5)
    tile = quilt(exemplar, (24, 32), guide=guide, colours=1, tile=(True, True), rng=generator(0))
    assert torch.equal(tile.image, exemplar[:, tile.sources[..., 0], tile.sources[..., 1]])


def test_a_guide_that_cannot_be_followed():
    with pytest.raises(ArgumentError, match=r"^guide has 20 x 30 pixels"):
        quilt(noise(1, 40, 40), (20, 31), guide=noise(1, 20, 30), rng=generator(0))
    with pytest.raises(ArgumentError, match=r"^strength is 1.5"):
        quilt(noise(1, 40, 40), (20, 30), guide=noise(1, 20, 30), strength=1.5, rng=generator(0))


def test_progress_is_told():
    shares = []
    quilt(noise(1, 40, 40), (60, 60), rng=generator(0), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
