"""The density of real-valued pictures against loops from its definition: integral, order, sampling."""

import itertools

import pytest
import torch

from drawgen.contract import generator
from drawgen.nn.causal_density import CausalDensity
from drawgen.nn.spatial_lstm import causal_offsets, diagonals

DOUBLE = torch.float64
VARIANTS = [{}, {"layers": 0, "skip": True}, {"layers": 1}, {"skip": True}, {"neighbourhood": 5}]


def small(channels=1, **changes):
    settings = {
        "neighbourhood": 3,
        "layers": 2,
        "units": 4,
        "cell": "ride",
        "skip": False,
        "components": 3,
        "scales": 2,
        "features": 3,
    }
    density = CausalDensity(channels, **(settings | changes), rng=generator(0)).double()
    for parameter in density.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, dtype=DOUBLE, generator=generator(0, 1))
    pictures = [smooth(channels, n) for n in range(3)]
    density.start(pictures, iterations=0, rng=generator(2))
    return density


def smooth(channels, seed, batch=2):
    noise = torch.rand(batch, channels, 14, 16, dtype=DOUBLE, generator=generator(seed, 3))
    return (noise + noise.roll(1, 3) + noise.roll(1, 2)) / 3


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_pixel_depends_on_earlier_ones_only(channels, changes):
    density = small(channels, **changes)
    picture = smooth(channels, 9, batch=1)
    reach = density.reach
    grid = density.grid(picture)
    row, column = grid.order // grid.width + reach, grid.order % grid.width + reach
    raster = row * picture.shape[3] + column
    with torch.no_grad():
        before = density(picture)[:, 0]
        assert len(before) == (14 - reach) * (16 - 2 * reach)
        for place in (0, 40, 120, 14 * 16 - 1 - reach):
            changed = picture.clone()
            changed.view(channels, -1)[:, place] += 0.1
            after = density(changed)[:, 0]
            assert torch.equal(after[raster < place], before[raster < place])
            assert not torch.allclose(after[raster >= place], before[raster >= place])


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_the_density_of_a_pixel_integrates_to_one(changes):
    """Over the last pixel of the picture that has one; whitening and its log-Jacobian are in it."""
    density = small(**changes)
    picture = smooth(1, 8, batch=1)
    line = torch.linspace(-12, 13, 20001, dtype=DOUBLE)
    reach = density.reach
    last = density.grid(picture).place[-1]
    total = 0.0
    with torch.no_grad():
        for part in line.split(2001):
            many = picture[:, :, -6:, -8:].repeat(len(part), 1, 1, 1)
            many[:, 0, -1, -1 - reach] = part
            found = density(many)
            last = density.grid(many).place[-1]
            total += found[last].exp().sum().item() * 25 / 20000
    assert total == pytest.approx(1.0, abs=1e-4)


def raster_sample(density, height, width, rng, temperature):
    """One pixel after another, with `SpatialLSTM.cell` and a dictionary of states."""
    reach, channels = density.reach, density.channels
    canvas = torch.rand(height + reach, width + 2 * reach, channels, generator=rng)
    canvas = density.low + (density.high - density.low) * canvas
    uniform, normal = torch.rand(height, width, 1, generator=rng), torch.randn(height, width, channels, generator=rng)
    states = {}
    for i, j in itertools.product(range(height), range(width)):
        window = torch.cat([canvas[i + reach - up, j + reach + b] for up, b in causal_offsets(density.neighbourhood)])[None]
        seen = density.whitening.inputs(window)
        x = seen
        for n, lstm in enumerate(density.lstms):
            zero = torch.zeros(1, lstm.units, dtype=DOUBLE)
            left, up = states.get((n, i, j - 1), (zero, zero)), states.get((n, i - 1, j), (zero, zero))
            states[n, i, j] = lstm.cell(seen if n == 0 else x, (left[0], up[0]), (left[1], up[1]))
            x = torch.cat([states[n, i, j][0], seen], 1) if density.skip else states[n, i, j][0]
        white = density.mixture.sample(x, uniform[i, j][None], normal[i, j][None].double(), temperature=temperature)
        canvas[i + reach, j + reach] = density.whitening.restored(window, white)[0].clamp(density.low, density.high)
    return canvas[reach:, reach:-reach].permute(2, 0, 1)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_sampling_by_the_wavefront_equals_raster(channels, changes):
    density = small(channels, **changes)
    for height, width in ((6, 9), (9, 4)):
        with torch.inference_mode():
            ours = density.sample(height, width, temperature=0.9, rng=generator(5))
            torch.testing.assert_close(ours, raster_sample(density, height, width, generator(5), 0.9))


def test_starting_fits_the_whitening_the_range_and_the_mixture():
    density = small(layers=0, skip=True)
    pictures = [smooth(1, n).float() for n in range(6)]
    density = density.float()
    density.start(pictures, iterations=0, rng=generator(1))
    values = torch.cat([density.cut(part)[1].flatten() for part in pictures])
    assert density.low.item() == pytest.approx(values.quantile(0.001).item(), abs=0.02)
    assert density.high.item() == pytest.approx(values.quantile(0.998).item(), abs=0.02)
    window, pixels = (torch.cat([density.cut(part)[n].flatten(0, 1) for part in pictures]) for n in (0, 1))
    white = density.whitening.outputs(window, pixels)
    assert white.std().item() == pytest.approx(1.0, abs=1e-3)
    with torch.no_grad():
        before = torch.cat([density(part).flatten() for part in pictures]).mean()
        density.start(pictures, iterations=20, rng=generator(1))
        after = torch.cat([density(part).flatten() for part in pictures]).mean()
    assert after > before + 0.05


def test_the_order_is_that_of_the_inner_pixels():
    density = small(neighbourhood=5)
    picture = torch.arange(9 * 11, dtype=DOUBLE).view(1, 1, 9, 11)
    window, pixels = density.cut(picture)
    order = diagonals(7, 7).order
    right = torch.stack([picture[0, 0, 2 + p // 7, 2 + p % 7] for p in order.tolist()])
    assert torch.equal(pixels[:, 0, 0], right)
    for n, (up, b) in enumerate(causal_offsets(5)):
        assert torch.equal(window[:, 0, n], right - 11 * up + b)


def test_autocast_does_not_reach_the_density():
    """Whitening magnifies differences that bfloat16 does not have."""
    density, picture = small().float(), smooth(1, 9).float()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        inside = density(picture)
    with torch.no_grad():
        assert torch.equal(inside, density(picture))
