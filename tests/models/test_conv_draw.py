"""Convolutional DRAW against a slow loop from the paper's equations, and against closed forms."""

import math

import numpy as np
import pytest
import torch

from drawgen.contract import Request, Spec, generator
from drawgen.data.pictures import DataError, Pictures
from drawgen.models import conv_draw

DOUBLE = torch.float64


def small(image=(1, 4, 6), *, seed=0, **changes):
    """A small model with random weights everywhere, in float64."""
    settings = {"steps": 3, "units": 3, "latent": 2, "kernel": 3} | changes
    model = conv_draw.Config(**settings).build(Spec(image), rng=generator(seed)).double().eval()
    rng = generator(seed, 1)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, dtype=DOUBLE, generator=rng)
    return model


def batch_for(model, n=2, seed=3):
    rng = generator(seed)
    images = torch.randint(0, 256, (n, *model.spec.image), generator=rng).double() / 255
    noise = torch.randn(model.config.steps, n, *model.latent_shape, dtype=DOUBLE, generator=rng)
    return conv_draw.NoisyPictures(images, noise)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_bound(model, image, noise):
    """The equations at the head of the model, for one picture (C H W, in [0, 1]), in loops of numpy."""
    weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    channels, height, width = image.shape
    rows, columns, reach = height // 2, width // 2, model.config.kernel // 2

    def convolve(name, maps):
        """Output n at (y, x) adds up the maps around it; outside of them they are 0."""
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        out = np.zeros((len(kernel), rows, columns))
        for n, y, x in np.ndindex(*out.shape):
            out[n, y, x] = bias[n]
            for m, v, u in np.ndindex(*kernel.shape[1:]):
                if 0 <= y + v - reach < rows and 0 <= x + u - reach < columns:
                    out[n, y, x] += kernel[n, m, v, u] * maps[m, y + v - reach, x + u - reach]
        return out

    def to_maps(picture):
        """Map 4 c + 2 v + u has the pixels of channel c in row v and column u of each square of 2x2."""
        return np.array([channel[v::2, u::2] for channel in picture for v in range(2) for u in range(2)])

    def to_picture(maps):
        picture = np.zeros((len(maps) // 4, height, width))
        for c, v, u in np.ndindex(len(picture), 2, 2):
            picture[c, v::2, u::2] = maps[4 * c + 2 * v + u]
        return picture

    def lstm(name, x, h, c):
        g, i, f, o = np.split(convolve(f"{name}.gates", np.concatenate([x, h])), 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    def normals(name, h):
        mean, log_std = np.split(convolve(f"{name}.numbers", h), 2)
        return mean, np.exp(5 * np.tanh(log_std / 5))

    x = 2 * image - 1
    h_enc, c_enc, h_dec, c_dec = (np.broadcast_to(state, (len(state), rows, columns)) for state in weights["start"])
    canvas = np.broadcast_to(weights["canvas"], (2 * channels, height, width))
    kl = []
    for eps in noise:
        error = x - canvas[:channels]
        h_enc, c_enc = lstm("encoder", np.concatenate([to_maps(np.concatenate([x, error])), h_dec]), h_enc, c_enc)
        p_mean, p_std = normals("prior", h_dec)
        q_mean, q_std = normals("posterior", h_enc)
        z = q_mean + q_std * eps
        kl.append((np.log(p_std / q_std) + (q_std**2 + (q_mean - p_mean) ** 2) / (2 * p_std**2) - 0.5).sum())
        h_dec, c_dec = lstm("decoder", np.concatenate([z, to_maps(canvas)]), h_dec, c_dec)
        canvas = canvas + to_picture(convolve("writer", h_dec))
    nats = 0.0
    for c, y, x in np.ndindex(*image.shape):
        level, mean = round(255 * image[c, y, x]), 127.5 * (canvas[c, y, x] + 1)
        scale = math.exp(canvas[channels + c, y, x])
        above = 1.0 if level == 255 else sigmoid((level + 0.5 - mean) / scale)
        below = 0.0 if level == 0 else sigmoid((level - 0.5 - mean) / scale)
        nats -= math.log(above - below)
    return nats, kl


@pytest.mark.parametrize("image", [(1, 4, 6), (3, 4, 4)], ids=str)
@pytest.mark.parametrize("changes", [{}, {"kernel": 1}, {"kernel": 5, "steps": 2}], ids=str)
def test_bound_equals_the_slow_loop(image, changes):
    model = small(image, **changes)
    batch = batch_for(model)
    with torch.no_grad():
        reconstruction, kl = model.bound(batch)
    for n in range(2):
        slow, slow_kl = numpy_bound(model, batch.images[n].numpy(), batch.noise[:, n].numpy())
        assert reconstruction[n].item() == pytest.approx(slow, rel=1e-6)
        assert kl[:, n].tolist() == pytest.approx(slow_kl, rel=1e-9)


def test_reading_and_writing_are_strided_convolutions():
    """`to_maps` and a kernel are a convolution of stride 2 of the picture; `written` is the transpose of one."""
    model = small((1, 8, 10))
    kernel = torch.randn(5, 4, 3, 3, dtype=DOUBLE, generator=generator(0))
    picture = torch.randn(2, 1, 8, 10, dtype=DOUBLE, generator=generator(1))
    wide = kernel.view(5, 1, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3).reshape(5, 1, 6, 6)
    F = torch.nn.functional
    torch.testing.assert_close(
        F.conv2d(conv_draw.to_maps(picture), kernel, padding=1), F.conv2d(picture, wide, stride=2, padding=2)
    )
    h = torch.randn(2, 3, 4, 5, dtype=DOUBLE, generator=generator(2))
    with torch.no_grad():
        weight = model.writer.weight.view(2, 2, 2, 3, 3, 3).permute(3, 0, 4, 1, 5, 2).flip(2, 4).reshape(3, 2, 6, 6)
        bias = model.written(torch.zeros_like(h), DOUBLE)
        torch.testing.assert_close(model.written(h, DOUBLE), F.conv_transpose2d(h, weight, stride=2, padding=2) + bias)


def test_divergence():
    """Against torch's own, and against the mean of log ratios."""
    rng = generator(0)
    q, p = (conv_draw.Normals(*torch.randn(2, 1, 2, 2, 3, dtype=DOUBLE, generator=rng)) for _ in range(2))
    normal, found = torch.distributions.Normal, conv_draw.divergence(q, p)
    expected = torch.distributions.kl_divergence(normal(q.mean, q.log_std.exp()), normal(p.mean, p.log_std.exp()))
    torch.testing.assert_close(found, expected.sum((1, 2, 3)))
    z = q.at(torch.randn(20_000, 2, 2, 3, dtype=DOUBLE, generator=rng))
    ratio = conv_draw.log_density(q, z) - conv_draw.log_density(p, z)
    assert found.item() == pytest.approx(ratio.mean().item(), abs=4 * (ratio.std() / len(z) ** 0.5).item())


def test_importance_weights():
    """With one sample the estimate is the bound on average; with more it gets better."""
    model = small(steps=2)
    many = 1000
    images = Pictures(batch_for(model, 1).images.expand(many, -1, -1, -1))
    with torch.no_grad():
        reconstruction, kl = model.bound(model.draw_noise(images, rng=generator(1)))
        values = []
        for samples in (1, 5, 25):
            ((total, count),) = model.importance_weighted(images, samples, rng=generator(2)).values()
            values.append(float(total) / count)
    bound = reconstruction + kl.sum(0)
    assert values[0] == pytest.approx(bound.mean().item(), abs=8 * (bound.std() / many**0.5).item())
    assert values[0] > values[1] > values[2]


def test_bits_of_eight_bit_pictures():
    """bits/dim is the bound over ln 2 and the number of values, and uniform noise costs at least 8."""
    model = small((3, 6, 4)).float()
    images = torch.randint(0, 256, (64, 3, 6, 4), generator=generator(0)) / 255
    with torch.no_grad():
        totals = model.measure(Pictures(images), rng=generator(1))
    mean = {name: float(total) / count for name, (total, count) in totals.items()}
    assert mean["bits_per_dim"] == pytest.approx(mean["bound_nats"] / math.log(2) / 72, rel=1e-5)
    assert mean["bits_per_dim"] > 8
    assert mean["bound_nats"] == pytest.approx(mean["reconstruction_nats"] + mean["kl_nats"], rel=1e-5)
    assert mean["kl_nats"] == pytest.approx(sum(value for name, value in mean.items() if name.startswith("kl_nats_")), rel=1e-5)


def test_gradients_reach_everything():
    model = small((3, 6, 4))
    next(model.losses(batch_for(model), state={}, rng=generator(0))).value.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_keeping_all_latents_is_reconstruction():
    """None of them is the prior's means, whatever the picture."""
    model = small((3, 6, 4)).float()
    images = batch_for(model).images.float()
    again = model.reconstruct(images, rng=generator(0))
    assert torch.equal(list(again.frames(99))[-1], again.images)
    torch.testing.assert_close(model.keep(images, 3, rng=generator(0)).images, again.images)
    none = model.keep(images, 0, rng=generator(0)).images
    torch.testing.assert_close(none[0], none[1])
    first = model.keep(images, 1, rng=generator(0))
    torch.testing.assert_close(next(first.frames(3)), next(again.frames(3)))
    assert not torch.allclose(first.images, again.images)


def test_interpolation():
    model = small((3, 6, 4)).float()
    images = batch_for(model).images.float()
    way = model.interpolate(images[0], images[1], 5)
    assert way.images.shape == (5, 3, 6, 4)
    torch.testing.assert_close(way.images[:1], model.interpolate(images[0], images[0], 3).images[1:2], atol=1e-5, rtol=1e-4)


def test_samples_do_not_depend_on_their_number():
    model = small((3, 6, 4)).float()
    many = model.sample(Request(n=19, seed=1))
    assert torch.equal(model.sample(Request(n=18, seed=1)).images, many.images[:18])
    assert torch.equal(list(many.frames(99))[-1], many.images)
    assert torch.isfinite(many.images).all()


def test_refusals():
    for changes, words in (
        ({"steps": 0}, r"^model\.steps is 0; it has to be at least 1 and at most 256$"),
        ({"steps": 10_000}, r"^model\.steps is 10000; it has to be at least 1 and at most 256$"),
        ({"latent": 0}, r"^model\.latent is 0; "),
        ({"latent": 10_000}, r"^model\.latent is 10000; "),
        ({"units": 0}, r"^model\.units is 0; it has to be at least 1$"),
        ({"kernel": 17}, r"^model\.kernel is 17; "),
        ({"kernel": 4}, r"^model\.kernel is 4; it has to be odd$"),
    ):
        with pytest.raises(ValueError, match=words):
            conv_draw.Config(**changes)
    with pytest.raises(DataError, match="are 5x4 pixels, and this model draws even widths and heights"):
        small((1, 4, 5))
    model = small()
    with pytest.raises(ValueError, match=r"^size is 9x8 pixels, and this model draws 6x4; leave it out$"):
        model.sample(Request(size=(8, 9)))
    with pytest.raises(ValueError, match=r"^tile is true"):
        model.sample(Request(tile=True))
    with pytest.raises(DataError, match="the pictures are 6x4 with 3 channels and the model for 6x4 with 1 channels"):
        model.check(Pictures(torch.zeros(1, 3, 4, 6)))


def test_kl_comes_alive():
    """A few hundred steps on four squares of any grey: the latents carry them, and the bound falls."""
    model = conv_draw.Config(steps=2, units=12, latent=3, kernel=3).build(Spec((1, 8, 8)), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    rng = generator(1)
    bounds = []
    for _ in range(200):
        images = torch.rand(16, 1, 2, 2, generator=rng).repeat_interleave(4, 2).repeat_interleave(4, 3)
        reconstruction, kl = model.bound(model.draw_noise(Pictures(images), rng=rng))
        loss = reconstruction.mean() + kl.sum(0).mean()
        bounds.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1000.0)
        optimiser.step()
    assert np.mean(bounds[-10:]) < 0.8 * np.mean(bounds[:10])
    assert kl.sum(0).mean() > 4 * math.log(2)
