"""RIDE against slow loops from its definition: density, sampling, helix; and what a texture must keep at any size."""

import itertools

import numpy as np
import pytest
import torch

from drawgen import likelihood
from drawgen.contract import Request, Spec, generator
from drawgen.data.pictures import Pictures
from drawgen.models import ride
from drawgen.nn.spatial_lstm import causal_offsets, diagonals
from drawgen.textures.colours import colour_sample

DOUBLE = torch.float64


def small(channels=1, *, seed=0, jitter=0.3, **changes):
    """A small model with random weights everywhere, in float64."""
    settings = {"neighbourhood": 5, "embed": 6, "units": 5, "layers": 2, "hidden": 7, "components": 3, "margin": 3} | changes
    model = ride.Config(**settings).build(Spec((channels, 16, 16)), rng=generator(seed)).double().eval()
    rng = generator(seed, 1)
    for parameter in model.parameters():
        parameter.data += jitter * torch.randn(parameter.shape, dtype=DOUBLE, generator=rng)
    return model


VARIANTS = [
    {},
    {"embed": 0},
    {"hidden": 0},
    {"skip": False},
    {"cell": "ride"},
    {"layers": 1},
    {"neighbourhood": 9},
    {"neighbourhood": 3},
]


def raster_sample(model, uniforms, *, helix=False):
    """One pixel after another, with `SpatialLSTM.cell` and a dictionary of states: the definition of sampling."""
    height, width, _ = uniforms.shape
    channels, units = model.channels, model.config.units
    zero = torch.zeros(1, units, dtype=DOUBLE)
    levels = torch.zeros(height, width, channels, dtype=DOUBLE)
    states = {}
    for i, j in itertools.product(range(height), range(width)):

        def place(up, right, i=i, j=j):
            if helix:
                p = (i - up) * width + j + right
                return divmod(p, width) if p >= 0 else None
            return (i - up, j + right) if i - up >= 0 and 0 <= j + right < width else None

        seen = []
        for up, right in causal_offsets(model.config.neighbourhood):
            at = place(up, right)
            pixel = torch.zeros(channels, dtype=DOUBLE) if at is None else (levels[at] / 255 - model.mean) / model.std
            seen.append(pixel)
        window = torch.cat(seen)[None]
        x = window if model.embed is None else torch.relu(model.embed(window))
        hidden = x
        for n, lstm in enumerate(model.lstms):
            left, above = states.get((n, place(0, -1)), (zero, zero)), states.get((n, place(1, 0)), (zero, zero))
            inputs = x if n == 0 else torch.cat([hidden, x], 1)
            states[n, (i, j)] = lstm.cell(inputs, (left[0], above[0]), (left[1], above[1]))
            hidden = states[n, (i, j)][0]
        flat = model.head(hidden)
        if model.skip is not None:
            flat = flat + model.skip(window)
        levels[i, j] = likelihood.sample(model.mixture(flat), uniforms[i, j][None])[0]
    return levels


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_wavefront_equals_raster(changes, channels):
    """The same noise gives the same picture, pixel for pixel."""
    model = small(channels, **changes)
    for height, width in ((6, 9), (9, 4)):
        uniforms = torch.rand(height, width, channels + 1, dtype=DOUBLE, generator=generator(5))
        with torch.no_grad():
            assert torch.equal(model.draw(uniforms), raster_sample(model, uniforms))


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_helix_equals_raster(changes, channels, monkeypatch):
    """The compiled helix (float32) draws what the loop over pixels draws, but for roundings that fall the other way."""
    monkeypatch.setattr(ride, "ROWS_AT_ONCE", 2)  # the states carry over from call to call
    model = small(channels, jitter=0.1, **changes)
    uniforms = torch.rand(6, 11, channels + 1, generator=generator(6))
    with torch.no_grad():
        slow = raster_sample(model, uniforms.double(), helix=True)
    fast = model.draw_helix(uniforms)
    different = (fast - slow).abs() > 0.5
    first = int(different.any(-1).flatten().int().argmax()) if different.any() else different[..., 0].numel()
    assert first > 40, "they part too early for a rounding"


@pytest.mark.parametrize("channels", [1, 3])
def test_density_agrees_with_sampling(channels):
    """Sampling from the mixture that the density reads off a drawn picture gives that picture back."""
    model = small(channels)
    uniforms = torch.rand(7, 5, channels + 1, dtype=DOUBLE, generator=generator(2))
    with torch.no_grad():
        drawn = model.draw(uniforms)
        mixture = model((drawn / 255).permute(2, 0, 1)[None])
        order = diagonals(7, 5).order
        again = likelihood.sample(mixture, uniforms.flatten(0, 1)[order][:, None])
    assert torch.equal(again[:, 0], drawn.flatten(0, 1)[order])


def test_all_pictures_of_few_levels_sum_to_one(monkeypatch):
    """Every 2x2 picture of 3 levels: the probabilities add up to 1."""
    monkeypatch.setattr(ride, "LEVELS", 3)
    whole = likelihood.log_prob
    monkeypatch.setattr(likelihood, "log_prob", lambda mixture, levels: whole(mixture, levels, top=2))
    model = small()
    pictures = torch.tensor(list(itertools.product(range(3), repeat=4)), dtype=DOUBLE).view(-1, 1, 2, 2) / 2
    with torch.no_grad():
        total = (-model.nats(Pictures(pictures)).sum(0)).exp().sum()
    assert len(pictures) == 81
    assert total.item() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_no_pixel_depends_on_a_later_one(channels):
    """Changing a pixel changes the density of itself and of later ones only."""
    model = small(channels)
    picture = torch.randint(0, 256, (1, channels, 6, 7), generator=generator(3)).double() / 255
    grid = diagonals(6, 7)
    with torch.no_grad():
        before = model.nats(Pictures(picture))[grid.place, 0]
        for raster in (0, 9, 20, 41):
            changed = picture.clone()
            changed.view(channels, -1)[:, raster] = 1.0 - changed.view(channels, -1)[:, raster]
            after = model.nats(Pictures(changed))[grid.place, 0]
            torch.testing.assert_close(after[:raster], before[:raster])
            assert not torch.allclose(after[raster:], before[raster:])


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_takes_eight_bits_and_a_constant_none(channels):
    """Bits per dimension of what nobody can compress, and of what needs no bits, after a short fit by gradient."""
    # Ten products of logistics fill an interval well, and a cube of colours less well.
    for constant, goal, tolerance in ((False, 8.0, 0.05 if channels == 1 else 0.15), (True, 0.0, 0.02)):
        model = ride.Config(neighbourhood=3, embed=4, units=4, layers=1, hidden=0, components=10, skip=False).build(
            Spec((channels, 16, 16)), rng=generator(0)
        )
        rng = generator(1)
        level = torch.full((8, channels, 16, 16), 77 / 255)
        batch = Pictures(level if constant else torch.randint(0, 256, level.shape, generator=rng) / 255)
        model.prepare([batch], rng=rng)
        optimiser = torch.optim.Adam(model.parameters(), 0.03)
        for _ in range(180):
            fresh = batch if constant else Pictures(torch.randint(0, 256, level.shape, generator=rng) / 255)
            for loss in model.losses(fresh, state={}, rng=rng):
                optimiser.zero_grad()
                loss.value.backward()
                optimiser.step()
        with torch.no_grad():
            total, count = model.measure(batch, rng=rng)["bits_per_dim"]
        assert float(total) / count == pytest.approx(goal, abs=tolerance)
        assert constant or float(total) / count > 7.99


def test_first_samples_do_not_depend_on_how_many():
    model = small().float()
    one = model.sample(Request(n=1, size=(12, 10), seed=4)).images
    three = model.sample(Request(n=3, size=(12, 10), seed=4)).images
    assert torch.equal(one[0], three[0])
    assert not torch.equal(three[0], three[1])


def test_frames_end_with_the_picture():
    sample = small().float().sample(Request(size=(12, 10)))
    frames = list(sample.frames(5))
    assert len(frames) == 5
    assert torch.equal(frames[-1], sample.images)
    assert not torch.equal(frames[0], sample.images)


def test_ridge_start_is_least_squares():
    """After `prepare` the mixture's means are those of a least-squares fit by numpy."""
    rng = generator(7)
    noise = torch.rand(8, 1, 20, 20, generator=rng)
    pictures = (noise + noise.roll(1, 3) + noise.roll(1, 2)) / 3
    pictures = (pictures * 255).round() / 255
    model = ride.Config(neighbourhood=3, components=2).build(Spec((1, 20, 20)), rng=rng)
    model.prepare([Pictures(pictures)], rng=rng)
    with torch.no_grad():
        seen = (pictures - model.mean[:, None, None]) / model.std[:, None, None]
        window = model.windows(seen).flatten(0, 1)
        ours = model.skip(window).unflatten(-1, (2, -1))[:, 0, 1].numpy()
    order = diagonals(20, 20).order
    target = seen.flatten(2)[:, :, order].permute(2, 0, 1).reshape(-1).numpy()
    best, *_ = np.linalg.lstsq(window.numpy(), target, rcond=None)
    assert np.abs(ours - window.numpy() @ best).max() < 0.01
    assert torch.equal(model.colours, colour_sample(pictures[:, 0].reshape(1, 1, -1)))


def test_too_small_a_picture_is_refused():
    with pytest.raises(ValueError, match="8x20"):
        ride.Config().build(Spec((1, 20, 8)), rng=generator(0))


def test_too_small_a_tile_is_refused():
    with pytest.raises(ValueError, match="8x40"):
        small().float().sample(Request(size=(40, 8), tile=True))


@pytest.mark.slow
def test_stable_far_beyond_the_training_size():
    """Trained at 48 px on the real gravel for a short while, drawn at 1200: finite, and the end is like the beginning."""
    from drawgen.data.pictures import Crops

    data = Crops(path="photo:gravel", longest_px=256)
    model = ride.Config(units=32, embed=32, hidden=32).build(data.spec(), rng=generator(0))
    rng = generator(1)
    stream = data.stream("train", seed=0)
    model.prepare([next(stream) for _ in range(16)], rng=rng)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(60):
        for loss in model.losses(next(stream), state={}, rng=rng):
            optimiser.zero_grad()
            loss.value.backward()
            optimiser.step()
    picture = model.sample(Request(size=(1200, 200), seed=1)).images[0, 0]
    assert torch.isfinite(picture).all()
    first, last = picture[:200], picture[-200:]
    assert abs(first.mean() - last.mean()) < 0.5 * picture.std()
    assert 0.7 < first.std() / last.std() < 1.4
