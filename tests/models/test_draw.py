"""DRAW against a slow loop from the paper's equations, and against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from drawgen import models
from drawgen.contract import Request, Spec, generator
from drawgen.data.digits import rectangles
from drawgen.data.pictures import DataError, Pictures
from drawgen.models import draw
from drawgen.nn.recording import recording
from drawgen.training import fit

DOUBLE = torch.float64


def small(image=(1, 6, 7), *, seed=0, **changes):
    """A small model with random weights everywhere, in float64."""
    settings = {"steps": 3, "units": 5, "latent": 4, "read": 2, "write": 3} | changes
    model = draw.Config(**settings).build(Spec(image), rng=generator(seed)).double().eval()
    rng = generator(seed, 1)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, dtype=DOUBLE, generator=rng)
    return model


def batch_for(model, n=2, seed=3):
    rng = generator(seed)
    images = torch.rand(n, *model.spec.image, dtype=DOUBLE, generator=rng)
    if model.config.likelihood == "bernoulli":
        images = images.round()
    noise = torch.randn(model.config.steps, n, model.config.latent, dtype=DOUBLE, generator=rng)
    return draw.NoisyPictures(images, noise)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_bound(model, image, noise):
    """Gregor et al. (2015), equations 3 to 12 and 19 to 29, for one grey picture, in loops of numpy."""
    weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    height, width = image.shape
    config = model.config
    units = config.units

    def lstm(name, x, h, c):
        gates = weights[f"{name}.weight"] @ np.concatenate([x, h]) + weights[f"{name}.bias"]
        g, i, f, o = (gates[k * units : (k + 1) * units] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    def filters(numbers, n):
        x, y, log_variance, log_stride, log_intensity = numbers
        gx, gy = (width + 1) / 2 * (x + 1), (height + 1) / 2 * (y + 1)
        stride = (max(height, width) - 1) / max(1, n - 1) * math.exp(log_stride)
        banks = []
        for centre, size in ((gy, height), (gx, width)):
            bank = np.zeros((n, size))
            for i in range(1, n + 1):
                for a in range(1, size + 1):
                    mean = centre + (i - n / 2 - 0.5) * stride
                    bank[i - 1, a - 1] = math.exp(-((a - mean) ** 2) / (2 * (math.exp(log_variance) + 1e-8)))
                bank[i - 1] /= bank[i - 1].sum()
            banks.append(bank)
        return *banks, math.exp(log_intensity)

    h_enc, c_enc, h_dec, c_dec = weights["start"]
    canvas = weights["canvas"][0].copy()
    wanted = 5 if config.read else 0
    kl = []
    for t in range(config.steps):
        error = image - sigmoid(canvas)
        outputs = weights["outputs.weight"] @ h_dec + weights["outputs.bias"]
        if config.read:
            rows, columns, gamma = filters(outputs[:5], config.read)
            r = np.concatenate([(gamma * rows @ x @ columns.T).ravel() for x in (image, error)])
        else:
            r = np.concatenate([image.ravel(), error.ravel()])
        h_enc, c_enc = lstm("encoder", np.concatenate([r, h_dec]), h_enc, c_enc)
        q = weights["posterior.weight"] @ h_enc + weights["posterior.bias"]
        mean, std = q[: config.latent], np.exp(q[config.latent :])
        z = mean + std * noise[t]
        kl.append(0.5 * (mean**2 + std**2 - np.log(std**2)).sum() - config.latent / 2)
        h_dec, c_dec = lstm("decoder", z, h_dec, c_dec)
        outputs = (weights["outputs.weight"] @ h_dec + weights["outputs.bias"])[wanted:]
        if config.write:
            rows, columns, gamma = filters(outputs[:5], config.write)
            canvas = canvas + rows.T @ outputs[5:].reshape(config.write, config.write) @ columns / gamma
        else:
            canvas = canvas + outputs.reshape(height, width)
    p = sigmoid(canvas)
    return -(image * np.log(p) + (1 - image) * np.log(1 - p)).sum(), kl


@pytest.mark.parametrize("changes", [{}, {"read": 0}, {"write": 0}, {"read": 0, "write": 0}, {"read": 1, "write": 4}], ids=str)
def test_bound_equals_the_slow_loop(changes):
    model = small(**changes)
    batch = batch_for(model)
    with torch.no_grad():
        reconstruction, kl = model.bound(batch)
    for n in range(2):
        slow, slow_kl = numpy_bound(model, batch.images[n, 0].numpy(), batch.noise[:, n].numpy())
        assert reconstruction[n].item() == pytest.approx(slow, rel=1e-5)
        assert kl[:, n].tolist() == pytest.approx(slow_kl, rel=1e-5)


def test_kl_is_the_mean_of_log_ratios():
    """The closed form against a Monte Carlo estimate of E_q[log q(z) - log p(z)]."""
    model = small(steps=1)
    images = batch_for(model, 1).images
    many = 20_000
    noise = torch.randn(1, many, model.config.latent, dtype=DOUBLE, generator=generator(5))
    with torch.no_grad():
        _, mean, log_std = model(images.expand(many, -1, -1, -1), noise)
        _, kl = model.bound(draw.NoisyPictures(images, noise[:, :1]))
        z = mean + log_std.exp() * noise
        ratio = (-0.5 * noise.square() - log_std + 0.5 * z.square()).sum((0, 2))
    assert kl.sum().item() == pytest.approx(ratio.mean().item(), abs=4 * (ratio.std() / many**0.5).item())


def test_one_step_without_attention_is_a_variational_autoencoder():
    """T = 1, read and write whole: an encoder and a decoder of one LSTM step each, written out."""
    model = small(steps=1, read=0, write=0)
    images, noise = batch_for(model)
    with torch.no_grad():
        reconstruction, kl = model.bound(draw.NoisyPictures(images, noise))
        h_enc, c_enc, h_dec, c_dec = (row.expand(2, -1) for row in model.start)
        canvas = model.canvas.expand(2, -1, -1, -1)
        seen = torch.cat([images.flatten(1), (images - canvas.sigmoid()).flatten(1)], 1)
        hidden, _ = model.encoder(torch.cat([seen, h_dec], 1), h_enc, c_enc)
        mean, log_std = model.posterior(hidden).chunk(2, 1)
        decoded, _ = model.decoder(mean + log_std.exp() * noise[0], h_dec, c_dec)
        logits = canvas + model.outputs(decoded).view_as(images)
        expected = F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)
        expected_kl = torch.distributions.kl_divergence(
            torch.distributions.Normal(mean, log_std.exp()), torch.distributions.Normal(0.0, 1.0)
        ).sum(1)
    torch.testing.assert_close(reconstruction, expected)
    torch.testing.assert_close(kl[0], expected_kl, check_dtype=False)


def test_importance_weights():
    """With one sample the estimate is the bound on average; with more it does not get worse."""
    model = small(steps=2)
    many = 4000
    images = Pictures(batch_for(model, 1).images.expand(many, -1, -1, -1))
    noise = torch.randn(2, many, 4, dtype=DOUBLE, generator=generator(1))
    with torch.no_grad():
        reconstruction, kl = model.bound(draw.NoisyPictures(images.images, noise))
        values = []
        for samples in (1, 5, 25):
            ((total, count),) = model.importance_weighted(images, samples, rng=generator(2)).values()
            values.append(float(total) / count)
    bound = (reconstruction + kl.sum(0)).mean().item()
    assert values[0] == pytest.approx(bound, abs=0.2)  # a sampled log ratio scatters by some 3 nats a picture
    assert values[0] > values[1] > values[2]


@pytest.mark.parametrize("likelihood", draw.LIKELIHOODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_colours_and_likelihoods(likelihood, channels):
    """Every likelihood gives finite bounds and gradients, in grey and in colour."""
    model = small((channels, 6, 7), likelihood=likelihood)
    batch = batch_for(model)
    loss = next(model.losses(batch, state={}, rng=generator(0)))
    loss.value.backward()
    assert torch.isfinite(loss.value)
    used = [p for p in model.parameters() if p.grad is not None]
    assert len(used) == len(list(model.parameters()))
    assert all(torch.isfinite(p.grad).all() for p in used)


def test_bits_of_eight_bit_pictures():
    """bits/dim is the bound over ln 2 and the number of values, and uniform noise costs at least 8."""
    model = small((1, 6, 7), likelihood="logistic").float()
    images = torch.randint(0, 256, (64, 1, 6, 7), generator=generator(0)) / 255
    with torch.no_grad():
        totals = model.measure(Pictures(images), rng=generator(1))
    bound, bits = (float(totals[name][0]) / totals[name][1] for name in ("bound_nats", "bits_per_dim"))
    assert bits == pytest.approx(bound / math.log(2) / 42, rel=1e-5)
    assert bits > 8


def test_windows_start_wide():
    """The first windows span half the picture with blurred dots: narrow ones leave the latents dead."""
    model = draw.Config(read=5, write=5).build(Spec((1, 28, 28)), rng=generator(0))
    boxes = model.sample(Request(n=1)).boxes
    assert set(boxes) == {"write"}
    left, top, right, bottom = boxes["write"][0, 0].tolist()
    assert right - left == pytest.approx(27 / 4 * 0.5 * 5, rel=0.3)
    assert bottom - top == pytest.approx(right - left)


def test_reconstruction_and_interpolation():
    model = small().float()
    images = batch_for(model).images.float()
    again = model.reconstruct(images, rng=generator(0))
    assert again.images.shape == images.shape
    assert set(again.boxes) == {"read", "write"}
    assert torch.equal(list(again.frames(99))[-1], again.images)
    way = model.interpolate(images[0], images[1], 5)
    assert way.images.shape[0] == 5
    torch.testing.assert_close(way.images[:1], model.interpolate(images[0], images[0], 3).images[1:2], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("value", [0.5, 1e-3, 2.0])
def test_grey_pictures_for_a_black_and_white_likelihood_are_refused(value):
    """One pixel is enough; the other likelihoods take it."""
    images = batch_for(small()).images
    images[1, 0, 2, 3] = value
    with pytest.raises(DataError, match=r"grey values.*data\.threshold.*model\.likelihood to logistic or cross-entropy"):
        small().check(Pictures(images))
    small(likelihood="cross-entropy").check(Pictures(images))
    with pytest.raises(DataError, match="7x6 with 3 channels and the model for 7x6 with 1 channels"):
        small().check(Pictures(images.expand(-1, 3, -1, -1)))


def test_another_size_is_refused():
    with pytest.raises(ValueError, match="7x6"):
        small().sample(Request(size=(9, 9)))


def test_kl_comes_alive():
    """A few hundred steps on rectangles: the latents carry something, and the bound falls."""
    model = draw.Config(steps=4, units=48, latent=10, read=5, write=5).build(Spec((1, 12, 12)), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    rng = generator(1)
    bounds = []
    for _ in range(250):
        batch = model.draw_noise(Pictures(rectangles(32, 12, rng=rng)), rng=rng)
        reconstruction, kl = model.bound(batch)
        bounds.append((reconstruction.mean() + kl.sum(0).mean()).detach())
        optimiser.zero_grad()
        (reconstruction.mean() + kl.sum(0).mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
    assert kl.sum(0).mean() > 2
    assert torch.stack(bounds[-20:]).mean() < 0.75 * torch.stack(bounds[:20]).mean()


@pytest.mark.parametrize("name", ["mnist", "omniglot"])
def test_likelihoods_of_shipped_models(name):
    """By the compiled recurrence as by its definition, to 1e-5 of the nats."""
    model = models.load(f"draw:{name}")
    rng = generator(0)
    batch = draw.NoisyPictures(rectangles(6, 28, rng=rng), torch.randn(model.config.steps, 6, model.config.latent, generator=rng))
    with torch.no_grad():
        reconstruction, kl = model.bound(batch)
        with recording():  # which takes the definition
            wanted, wanted_kl = model.bound(batch)
    torch.testing.assert_close(reconstruction, wanted, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(kl.sum(0), wanted_kl.sum(0), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("steps", [0, 10_000])
def test_numbers_of_steps(steps):
    with pytest.raises(ValueError, match=rf"model\.steps is {steps}; it has to be (at least 1|at most 1000)"):
        draw.Config(steps=steps)


@pytest.mark.parametrize("which", ["read", "write"])
def test_windows_larger_than_the_picture(which):
    with pytest.raises(
        ValueError, match=rf"model\.{which}.* is 7 filters per side, and the pictures have 6 pixels; give at most 6"
    ):
        small(**{which: 7})


def test_a_resumed_run_in_bfloat16_equals_the_unbroken_one(tmp_path, monkeypatch):
    """`auto` takes it where it is faster, and a resumed run keeps to that."""
    monkeypatch.setattr("drawgen.training.run.bfloat16_is_faster", lambda: True)
    recipe = models.recipe("draw", "tiny")

    def trained(folder, steps, *, resume=False):
        model = recipe.model.build(recipe.data.spec(), rng=generator(0))
        return fit(model, recipe.data, replace(recipe.fit, steps=steps, device="cpu"), tmp_path / folder, resume=resume)

    whole = trained("whole", 6)
    trained("cut", 3)
    monkeypatch.setattr("drawgen.training.run.bfloat16_is_faster", lambda: False)
    again = trained("cut", 6, resume=True)
    assert whole.precision == again.precision == "bf16"
    assert trained("single", 2).precision == "fp32"
    for name, tensor in whole.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[name], tensor, rtol=0, atol=1e-7)
