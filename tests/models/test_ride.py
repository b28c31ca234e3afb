"""RIDE against slow loops from its definition: density, sampling, helix; and what a texture must keep at any size."""

import inspect
import itertools

import numpy as np
import pytest
import torch

from drawgen import likelihood
from drawgen.contract import DrawsTextures, Request, Spec, TextureMap, generator
from drawgen.data.pictures import Pictures
from drawgen.models import ride
from drawgen.nn import pixel_sampling
from drawgen.nn.causal_density import dequantised
from drawgen.nn.guide import reduced
from drawgen.nn.mixture_start import LinearlyPredicting
from drawgen.nn.orientations import orientations
from drawgen.nn.pixel_sampling import PixelNet, around_helix, by_wavefront
from drawgen.nn.spatial_lstm import causal_offsets, diagonals
from drawgen.textures.colours import colour_sample
from drawgen.textures.drawing import TextureNet

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
            assert torch.equal(by_wavefront(model, uniforms), raster_sample(model, uniforms))


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_helix_equals_raster(changes, channels, monkeypatch):
    """The compiled helix (float32) draws what the loop over pixels draws, but for roundings that fall the other way."""
    monkeypatch.setattr(pixel_sampling, "ROWS_AT_ONCE", 2)  # the states carry over from call to call
    model = small(channels, jitter=0.1, **changes)
    uniforms = torch.rand(6, 11, channels + 1, generator=generator(6))
    with torch.no_grad():
        slow = raster_sample(model, uniforms.double(), helix=True)
    fast = around_helix(model, uniforms)
    different = (fast - slow).abs() > 0.5
    first = int(different.any(-1).flatten().int().argmax()) if different.any() else different[..., 0].numel()
    assert first > 40, "they part too early for a rounding"


@pytest.mark.parametrize("channels", [1, 3])
def test_density_agrees_with_sampling(channels):
    """Sampling from the mixture that the density reads off a drawn picture gives that picture back."""
    model = small(channels)
    uniforms = torch.rand(7, 5, channels + 1, dtype=DOUBLE, generator=generator(2))
    with torch.no_grad():
        drawn = by_wavefront(model, uniforms)
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


# ---------------------------------------------------------------- over a layout


def over_layout(channels=1, **changes):
    """A small model over a layout, and that of a picture of 8 x 6 pixels, standardised."""
    settings = {
        "layout": 2,
        "layout_units": 4,
        "neighbourhood": 5,
        "embed": 6,
        "units": 5,
        "hidden": 7,
        "components": 3,
        "margin": 4,
    }
    model = ride.Config(**(settings | changes)).build(Spec((channels, 16, 16), exemplar=(20, 30)), rng=generator(0)).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, dtype=DOUBLE, generator=generator(0, 1))
    return model, torch.randn(1, channels, 4, 3, dtype=DOUBLE, generator=generator(5))


def test_the_probabilities_given_a_layout_sum_to_one(monkeypatch):
    monkeypatch.setattr(ride, "LEVELS", 3)
    model, layout = over_layout()
    pictures = torch.tensor(list(itertools.product(range(3), repeat=4)), dtype=DOUBLE).view(-1, 1, 2, 2) / 2
    levels = (pictures * 2).flatten(2)[:, :, diagonals(2, 2).order].permute(2, 0, 1)
    with torch.no_grad():
        mixture = model.mixture(model.outputs(model.standard(pictures), layout[:, :, :1, :1].expand(81, -1, -1, -1)))
        total = likelihood.log_prob(mixture, levels, top=2).sum(0).exp().sum()
    assert total.item() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_pixel_sees_those_before_it_and_the_layout_on_all_sides(channels):
    model, layout = over_layout(channels)
    picture = torch.rand(1, channels, 8, 6, dtype=DOUBLE, generator=generator(6)).requires_grad_()
    layout.requires_grad_()
    outputs = model.outputs(model.standard(picture), layout)[:, 0]  # P D
    place = diagonals(8, 6).place.view(8, 6)
    for row, column in ((0, 0), (3, 2), (7, 5)):
        of_pixel, of_layout = torch.autograd.grad(outputs[place[row, column]].square().sum(), [picture, layout], retain_graph=True)
        seen = of_pixel[0].abs().sum(0).flatten()
        first_unseen = row * 6 + column
        assert (seen[first_unseen:] == 0).all()
        up, left = (row > 0, column > 0)
        assert not up or seen[first_unseen - 6] > 0
        assert not left or seen[first_unseen - 1] > 0
        cells = torch.nonzero(of_layout[0].abs().sum(0))
        reach = model.guide.reach  # and through the pixels before, of which each has its own cells
        assert (cells[:, 0].max(), cells[:, 1].max()) == (min(3, row // 2 + reach), min(2, column // 2 + reach)) or row > 0
        assert of_layout[0, :, row // 2, column // 2].abs().sum() > 0


def test_a_layout_that_says_nothing_changes_nothing():
    model, layout = over_layout(3)
    for part in (model.guide.out, model.guide.linear):
        for parameter in part.parameters():
            parameter.data.zero_()
    plain = small(3, embed=6, hidden=7)
    plain.load_state_dict({name: model.state_dict()[name] for name in plain.state_dict()})
    picture = torch.randint(0, 256, (1, 3, 8, 6), generator=generator(3)).double() / 255
    with torch.no_grad():
        torch.testing.assert_close(model.nats(Pictures(picture)), plain.nats(Pictures(picture)))
        whole = model.outputs(model.standard(picture), layout)
        torch.testing.assert_close(whole, plain.outputs(plain.standard(picture)))


@pytest.mark.parametrize("channels", [1, 3])
def test_density_over_a_layout_agrees_with_sampling(channels):
    model, layout = over_layout(channels)
    uniforms = torch.rand(8, 6, channels + 1, dtype=DOUBLE, generator=generator(2))
    with torch.no_grad():
        before, beside = model.guided(layout, 8, 6)
        drawn = by_wavefront(model, uniforms, before=before[0], beside=beside[0])
        mixture = model.mixture(model.outputs(model.standard((drawn / 255).permute(2, 0, 1)[None]), layout))
        order = diagonals(8, 6).order
        again = likelihood.sample(mixture, uniforms.flatten(0, 1)[order][:, None])
    assert torch.equal(again[:, 0], drawn.flatten(0, 1)[order])


def test_the_closed_form_start_predicts_from_the_layout():
    """A picture that its layout determines: every cell is of one level, so nothing is left to the neighbourhood."""
    cells = torch.rand(6, 1, 10, 10, generator=generator(7))
    pictures = torch.nn.functional.interpolate(cells, scale_factor=8, mode="bilinear")
    model = ride.Config(layout=2, neighbourhood=3, components=2).build(Spec((1, 80, 80), exemplar=(80, 80)), rng=generator(1))
    plain = ride.Config(neighbourhood=3, components=2).build(Spec((1, 80, 80)), rng=generator(1))
    for one in (model, plain):
        one.keep_exemplar(pictures[0], None)
        one.prepare([Pictures(pictures)], rng=generator(2))
    with torch.no_grad():
        over, alone = (one.nats(Pictures(pictures)).mean() for one in (model, plain))
    assert over < alone - 0.3
    torch.testing.assert_close(model.exemplar.float() / 255, reduced(pictures[:1], 2)[0], atol=0.5 / 255 + 1e-6, rtol=0)


def test_training_on_its_own_mistakes_draws_them_from_the_model():
    """With mistakes at every pixel and a model that is certain, the pixels before are the predictions and not the truth."""
    model, _ = over_layout(mistakes=1.0, noise=0.0, layout_noise=0.0)
    picture = torch.randint(0, 256, (2, 1, 8, 6), generator=generator(3)).double() / 255
    noisy = model.draw_noise(Pictures(picture), rng=generator(4))
    assert noisy.mistaken.shape == (2, 1, 8, 6)
    assert noisy.mistaken.any()
    assert not noisy.mistaken.all()
    right = noisy._replace(mistaken=torch.zeros_like(noisy.mistaken))
    with torch.no_grad():
        torch.testing.assert_close(model.nats(right), model.nats(Pictures(picture)))
        assert not torch.allclose(model.nats(noisy), model.nats(Pictures(picture)))
    for loss in model.losses(noisy, state={}, rng=generator(5)):
        loss.value.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("tile", [True, "x", "y"])
@pytest.mark.parametrize("layout", [0, 2])
def test_tiles_close_in_the_asked_directions(tile, layout):
    """The step over the border is like the steps elsewhere, in the directions that close."""
    model = ride.Config(neighbourhood=3, embed=8, layers=1, units=8, hidden=8, components=3, layout=layout, margin=16).build(
        Spec((1, 32, 32), exemplar=(64, 64)), rng=generator(0)
    )
    rng = generator(8)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 1, 16, 16, generator=rng), scale_factor=4, mode="bicubic").clamp(0, 1)
    model.keep_exemplar(smooth[0], None)
    model.prepare([Pictures(smooth[:, :, y : y + 32, x : x + 32]) for y in (0, 32) for x in (0, 32)], rng=rng)
    images = model.eval().sample(Request(n=2, size=(48, 64), tile=tile, seed=1)).images
    assert images.shape == (2, 1, 48, 64)
    assert torch.equal(images, model.sample(Request(n=2, size=(48, 64), tile=tile, seed=1)).images)
    for image in images:
        for axis, closes in ((1, tile != "x"), (2, tile != "y")):
            steps = (image - image.roll(1, axis)).abs().mean((0, 3 - axis))
            if closes:
                assert steps[0] < 3 * steps[1:].mean()
                assert steps[0] < steps[1:].max() * 1.5


def test_the_sides_of_a_tile_are_whole_cells():
    model = over_layout()[0].float()
    with pytest.raises(ValueError, match="size is 21x20 pixels; the sides of a tile by this model are multiples of 2"):
        model.sample(Request(size=(20, 21), tile=True))
    assert model.sample(Request(size=(20, 21), tile="y")).images.shape == (1, 1, 20, 21)


def test_a_layout_needs_one_picture():
    with pytest.raises(ValueError, match="learns from one picture, and this data has several"):
        ride.Config(layout=2).build(Spec((1, 32, 32)), rng=generator(0))
    with pytest.raises(ValueError, match=r"model.layout is 2, which needs model.embed and model.skip"):
        ride.Config(layout=2, skip=False)


# ---------------------------------------------------------------- textures


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


@pytest.mark.parametrize("protocol", [DrawsTextures, LinearlyPredicting, PixelNet, TextureNet])
def test_protocols_name_what_every_python_sees(protocol):
    """From Python 3.12 on, `isinstance` sees what is in the dictionary of an object or its class: no buffers, no submodules."""
    model = small()
    assert isinstance(model, protocol)
    names = {name for part in protocol.__mro__ for name in {*vars(part), *vars(part).get("__annotations__", {})} if name[0] != "_"}
    assert names
    for name in names:
        inspect.getattr_static(model, name)


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


# ---------------------------------------------------------------- the paper's head


def gaussian(**changes):
    settings = {
        "head": "mcgsm", "neighbourhood": 5, "embed": 0, "hidden": 0, "noise": 0.0, "layers": 1, "units": 6, "skip": False,
        "components": 3, "scales": 2, "features": 4, "margin": 4,
    }  # fmt: skip
    model = ride.Config(**(settings | changes)).build(Spec((changes.pop("channels", 1), 16, 16)), rng=generator(0))
    noise = torch.rand(8, model.channels, 16, 16, generator=generator(1))
    smooth = (noise + noise.roll(1, 3) + noise.roll(1, 2)) / 3
    model.prepare([Pictures(smooth[:4]), Pictures(smooth[4:, :, :10, :12])], rng=generator(2))
    return model.eval(), Pictures(smooth)


def mean(totals):
    ((total, count),) = totals.values()
    return float(total) / count


@pytest.mark.parametrize(
    "changes", [{}, {"layers": 0, "skip": True}, {"layers": 0, "skip": True, "lbfgs": 5}, {"layers": 2}], ids=str
)
def test_bits_of_dequantised_pictures(changes):
    """They are 8 minus log2 of the density in [0, 1], and already few from the start."""
    model, batch = gaussian(**changes)
    with torch.no_grad():
        bits = mean(model.measure(batch, rng=generator(3)))
        values = model.draw_noise(batch, rng=generator(3)).values
        assert bits == pytest.approx(8 - float(model.density(values).mean()) / likelihood.LOG_2, abs=1e-4)
    assert bits < 9
    assert (values >= 0).all()
    assert (values < 1).all()
    assert torch.equal((values * 256).floor(), (batch.images * 255).round())
    for loss in model.losses(model.draw_noise(batch, rng=generator(3)), state={}, rng=generator(4)):
        loss.value.backward()
        assert float(loss.log["bits_per_pixel"]) == pytest.approx(bits, abs=1e-3)
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("head", ["logistics", "mcgsm"])
def test_a_mixture_over_orientations(head):
    """Of one it is the plain measurement; of more, at least as likely as the mean of its parts."""
    model, batch = gaussian() if head == "mcgsm" else (small().float(), gaussian()[1])
    parts = {1: 0.0, 2: 0.0, 4: 0.0, 8: 0.0}
    with torch.no_grad():
        plain = mean(model.measure(batch, rng=generator(3)))
        assert mean(model.oriented(batch, 1, rng=generator(3))) == pytest.approx(plain, abs=1e-5)
        values = model.draw_noise(batch, rng=generator(3)).values if head == "mcgsm" else batch.images
        for count in parts:
            turned = orientations(values, count)
            if head == "mcgsm":
                alone = [8 - float(model.density(one).mean()) / likelihood.LOG_2 for one in turned]
            else:
                alone = [mean(model.measure(Pictures(one), rng=generator(3))) for one in turned]
            mixed = mean(model.oriented(batch, count, rng=generator(3)))
            assert mixed <= sum(alone) / count + 1e-4
            assert mixed >= min(alone) - 0.2


def test_bits_by_pixel_of_the_papers_head():
    """Those of the density at the middle of each level, at their places; 8 where the neighbourhood is not inside."""
    model, batch = gaussian()
    bits = model.bits_by_pixel(batch.images)
    assert bits.shape == (8, 16, 16)
    assert (bits[:, :2] == 8).all()
    assert (bits[:, :, :2] == 8).all()
    assert (bits[:, :, -2:] == 8).all()
    with torch.no_grad():
        density = model.density(dequantised(batch.images, torch.full_like(batch.images, 0.5)))
    order = diagonals(14, 12).order
    inner = bits[:, 2:, 2:-2].flatten(1)[:, order].t()
    torch.testing.assert_close(inner, 8 - density / likelihood.LOG_2)
    assert model.bytes_per_pixel > 4 * 12


def test_pictures_by_the_papers_head():
    model, _ = gaussian()
    request = Request(n=2, size=(20, 24), seed=5)
    images = model.sample(request).images
    assert images.shape == (2, 1, 20, 24)
    assert images.min() >= 0
    assert images.max() <= 1
    assert torch.equal(images, model.sample(request).images)
    assert torch.equal(images[0], model.sample(Request(n=1, size=(20, 24), seed=5)).images[0])
    with pytest.raises(ValueError, match="tile is asked of a model with the head mcgsm, which draws no tiles; leave it out"):
        model.sample(Request(tile=True))
    with pytest.raises(ValueError, match="guide needs a model with a layout"):
        model.sample(Request(guide=torch.zeros(1, 20, 24)))
    with pytest.raises(ValueError, match=r"model.head is mcgsm, which learns no maps of a picture; give logistics"):
        model.config.build(Spec((4, 16, 16), maps=(TextureMap("height"),)), rng=generator(0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"embed": 8}, "model.embed is 8; with model.head mcgsm it has to be 0"),
        ({"layout": 2, "embed": 8, "skip": True}, "model.embed is 8; with"),
        ({"mistakes": 0.5}, "model.mistakes is 0.5; with model.head mcgsm it has to be 0"),
        ({"neighbourhood": 1}, "model.neighbourhood is 1; it has to be at least 3"),
        ({"layers": 0}, "model.skip is False and model.layers is 0"),
        ({"head": "gauss"}, "model.head is 'gauss'; it is one of logistics, mcgsm"),
        ({"head": "logistics", "layers": 0}, "model.layers is 0; it has to be at least 1"),
    ],
    ids=str,
)
def test_settings_that_the_head_does_not_have_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        gaussian(**changes)


def test_too_small_a_first_crop_is_refused():
    model, _ = gaussian(neighbourhood=9, layers=0, skip=True)
    with pytest.raises(ValueError, match=r"a picture has 8x8 pixels, fewer than the neighbourhood's 9 per side; .*data.first_px"):
        model.check(Pictures(torch.zeros(1, 1, 8, 8)))
