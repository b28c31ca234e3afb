"""The compiled wavefront and the helix's additions, in float32, against the network in torch in float64."""

import pytest
import torch

from drawgen import likelihood
from drawgen.contract import Spec, generator
from drawgen.models import ride
from drawgen.nn import pixel_sampling
from drawgen.nn.pixel_sampling import around_helix, by_wavefront, in_torch
from drawgen.nn.spatial_lstm import diagonals


def small(channels=1, *, jitter=0.15, **changes):
    settings = {"neighbourhood": 5, "embed": 6, "units": 5, "layers": 2, "hidden": 7, "components": 3, "margin": 3} | changes
    model = ride.Config(**settings).build(Spec((channels, 16, 16)), rng=generator(0)).eval()
    rng = generator(1)
    for parameter in model.parameters():
        parameter.data += jitter * torch.randn(parameter.shape, generator=rng)
    return model


@torch.no_grad()
def again(model, drawn, uniforms, before=None, beside=None, temperature=1.0):
    """What the network in float64 samples with these uniform numbers at each pixel, if those before it are `drawn`."""
    height, width, channels = drawn.shape
    model, grid = model.double(), diagonals(height, width)
    window = model.windows(((drawn.double() / 255 - model.mean) / model.std).permute(2, 0, 1)[None])
    x = window if model.embed is None else model.embed(window)
    if before is not None:
        x = x + before.double().flatten(0, 1)[grid.order][:, None]
    x = x if model.embed is None else x.relu()
    h = x
    for n, lstm in enumerate(model.lstms):
        h = lstm(x if n == 0 else torch.cat([h, x], -1), grid)
    flat = model.head(h)
    if model.skip is not None:
        flat = flat + model.skip(window)
    if beside is not None:
        flat = flat + beside.double().flatten(0, 1)[grid.order][:, None]
    noise = uniforms.double().flatten(0, 1)[grid.order][:, None]
    levels = likelihood.sample(model.mixture(flat), noise, temperature=temperature)[:, 0]
    model.float()
    return levels[grid.place].view(height, width, channels)


def assert_same(drawn, right):
    """But for roundings that fall the other way: in one pixel of a hundred at most."""
    assert torch.equal(drawn, drawn.round().clamp(0, 255))
    other = (drawn.double() != right).any(-1)
    assert int(other.sum()) <= max(1, other.numel() // 100)


VARIANTS = [
    {},
    {"embed": 0},
    {"hidden": 0},
    {"skip": False},
    {"cell": "ride"},
    {"layers": 1},
    {"layers": 3, "units": 16, "embed": 16, "hidden": 16},
    {"neighbourhood": 9, "units": 20, "embed": 33, "hidden": 17, "components": 10},
    {"neighbourhood": 3},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_the_network(changes, channels):
    model = small(channels, **changes)
    for height, width in ((1, 1), (1, 9), (9, 1), (4, 3), (23, 31)):
        uniforms = torch.rand(height, width, channels + 1, generator=generator(height))
        assert_same(by_wavefront(model, uniforms), again(model, by_wavefront(model, uniforms), uniforms))


@pytest.mark.parametrize("how", [by_wavefront, in_torch, around_helix], ids=lambda how: how.__name__)
def test_what_is_added_at_each_pixel(how):
    """Before the embedding's ReLU, and beside the outputs. Of a helix, those pixels of the first row that see no second one."""
    model = small(3)
    height, width = (1, 40) if how is around_helix else (11, 13)
    straight = slice(width - 2 if how is around_helix else width)
    uniforms = torch.rand(height, width, 4, generator=generator(2))
    before, beside = torch.randn(height, width, 6, generator=generator(3)), torch.randn(height, width, 30, generator=generator(4))
    with torch.no_grad():
        for parts in ({"before": before}, {"beside": beside}, {"before": before, "beside": beside}):
            drawn = how(model, uniforms, **parts)
            assert not torch.equal(drawn, how(model, uniforms))
            own = {name: part[:, straight] for name, part in parts.items()}
            assert_same(drawn[:, straight], again(model, drawn[:, straight], uniforms[:, straight], **own))


@pytest.mark.parametrize("how", [by_wavefront, in_torch], ids=lambda how: how.__name__)
def test_given_pixels_stay_and_the_others_follow_them(how):
    """A pixel that is sampled is the network's at that place of the finished picture, with the given ones in it."""
    model = small(3)
    uniforms = torch.rand(11, 13, 4, generator=generator(2))
    given = torch.randint(256, (11, 13, 3), generator=generator(5)).float()
    hole = torch.zeros(11, 13, dtype=torch.bool)
    hole[3:8, 4:10] = True
    drawn = how(model, uniforms, given=given.masked_fill(hole[..., None], torch.nan))
    assert torch.equal(drawn[~hole], given[~hole])
    assert_same(drawn[hole], again(model, drawn, uniforms)[hole])
    assert torch.equal(how(model, uniforms, given=torch.full_like(given, torch.nan)), how(model, uniforms))


@pytest.mark.parametrize("temperature", [0.5, 1, 2.0])
def test_temperature(temperature):
    model = small(3)
    uniforms = torch.rand(12, 12, 4, generator=generator(2))
    drawn = by_wavefront(model, uniforms, temperature=temperature)
    assert_same(drawn, again(model, drawn, uniforms, temperature=temperature))


def test_states_carry_over_from_call_to_call(monkeypatch):
    model = small(3)
    uniforms = torch.rand(9, 12, 4, generator=generator(2))
    whole = by_wavefront(model, uniforms)
    monkeypatch.setattr(pixel_sampling, "STEPS_AT_ONCE", 1)
    shares = []
    assert torch.equal(by_wavefront(model, uniforms, progress=shares.append), whole)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) == 12 + 3 * 8


def test_float64_is_drawn_in_torch():
    """Where the float32 of the compiled loop would lose precision."""
    model = small().double()
    uniforms = torch.rand(5, 6, 2, dtype=torch.float64, generator=generator(2))
    assert by_wavefront(model, uniforms).dtype == torch.float64
