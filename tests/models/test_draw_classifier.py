"""Reading with DRAW's attention, against numpy and finite differences."""

import math

import numpy as np
import pytest
import torch

from drawgen.contract import Spec, generator
from drawgen.data.clutter import Cluttered, Labelled
from drawgen.models import draw_classifier

DOUBLE = torch.float64


def small(image=(1, 6, 7), **changes):
    """A small model with random weights everywhere, in float64."""
    settings = {"glimpses": 3, "units": 5, "read": 3, "start_stride": 0.7, "start_variance": 1.0} | changes
    model = draw_classifier.Config(**settings).build(Spec(image, classes=tuple("0123456789")), rng=generator(0)).double()
    rng = generator(1)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, dtype=DOUBLE, generator=rng)
    return model


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_one_look_at_everything_is_a_plain_network():
    """T = 1 with as many filters as pixels, one pixel apart and sharp: the LSTM's first step on the picture itself, and a softmax,
    written out in numpy."""
    model = small((1, 6, 6), glimpses=1, read=6)
    with torch.no_grad():
        model.look.weight.zero_()
        model.look.bias.copy_(torch.tensor([0.0, 0.0, math.log(1e-3), 0.0, 0.0]))  # in the middle, stride 1, intensity 1
    images = torch.rand(4, 1, 6, 6, dtype=DOUBLE, generator=generator(2))
    weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    h, c = weights["start"]
    logits = []
    for image in images.numpy():
        gates = weights["lstm.weight"] @ np.concatenate([image.ravel(), h]) + weights["lstm.bias"]
        g, i, f, o = gates.reshape(4, -1)
        cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        logits.append(weights["says.weight"] @ (sigmoid(o) * np.tanh(cell)) + weights["says.bias"])
    with torch.no_grad():
        found = model(images).logits
    assert found.numpy() == pytest.approx(np.array(logits), rel=1e-6)
    labels = torch.tensor([1, 3, 3, 9])
    exp = np.exp(logits)
    nats = -np.log((exp / exp.sum(1, keepdims=True))[np.arange(4), labels])
    batch = Labelled(images, labels)
    assert next(model.losses(batch, state={}, rng=generator(0))).value.item() == pytest.approx(nats.mean())
    totals = model.measure(batch, rng=generator(0))
    assert totals["cross_entropy_nats"][0].item() == pytest.approx(nats.sum())
    assert totals["error_rate"] == (int((np.argmax(logits, 1) != labels.numpy()).sum()), 4.0)


def test_gradient_reaches_the_glimpse():
    """The loss by the numbers that place the windows: as finite differences have it, and none of the five is nothing."""
    model = small()
    batch = Labelled(torch.rand(3, 1, 6, 7, dtype=DOUBLE, generator=generator(2)), torch.tensor([0, 4, 7]))

    def loss():
        return next(model.losses(batch, state={}, rng=generator(0))).value

    loss().backward()
    bias = model.look.bias
    for n in range(5):
        with torch.no_grad():
            values = []
            for step in (1e-5, -1e-5):
                bias[n] += step
                values.append(loss().item())
                bias[n] -= step
        assert bias.grad[n].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-9)
        assert abs(bias.grad[n].item()) > 1e-7
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_windows_follow_the_picture():
    """The first look is the same for all pictures, the second is not."""
    model = small()
    with torch.no_grad():
        windows = model(torch.rand(2, 1, 6, 7, dtype=DOUBLE, generator=generator(2))).windows
    torch.testing.assert_close(windows[0, 0], windows[0, 1])  # two rows of one product
    assert not torch.allclose(windows[1, 0], windows[1, 1])


def test_it_learns():
    """A hundred and fifty steps on the digits of a pocket calculator: better than guessing by far."""
    data = Cluttered(digits="segments", side_px=30, pieces=1, batch=32)
    model = draw_classifier.Config(glimpses=2, units=48, read=8).build(data.spec(), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    errors = []
    for batch, _ in zip(data.stream("train", seed=0), range(150), strict=False):
        loss = next(model.losses(batch, state={}, rng=generator(0)))
        optimiser.zero_grad()
        loss.value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        errors.append(loss.log["error_rate"])
    assert torch.stack(errors[-15:]).mean() < 0.5


def test_trace_shows_what_was_seen():
    """Sharp filters on every pixel see the picture as it is; where none has been it stays dim."""
    model = small((1, 6, 6), glimpses=2, read=6)
    images = torch.rand(2, 1, 6, 6, dtype=DOUBLE, generator=generator(2))
    with torch.no_grad():
        model.look.weight.zero_()
        model.look.bias.copy_(torch.tensor([0.0, 0.0, math.log(1e-3), 0.0, 0.5]))
    found = model.read(images, rng=generator(0))
    assert found.classes == tuple("0123456789")
    torch.testing.assert_close(found.log_probs, model(images).logits.float().log_softmax(1))
    seen = found.seen
    torch.testing.assert_close(seen.images, images, atol=0.02, rtol=0)
    assert torch.allclose(seen.boxes["read"], torch.tensor([0.0, 0.0, 6.0, 6.0], dtype=DOUBLE))
    assert [frame.shape for frame in seen.frames(9)] == [images.shape] * 2
    assert torch.equal(list(seen.frames(1))[-1], seen.images)
    with torch.no_grad():
        model.look.bias[0] = 9.0  # far to the right of the picture: all filters lie on its last column
    aside = model.read(images, rng=generator(0)).seen.images
    torch.testing.assert_close(aside[..., :-1], draw_classifier.DIM * images[..., :-1])
    torch.testing.assert_close(aside[..., -1], images[..., -1], atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"glimpses": 0}, r"model\.glimpses is 0"), ({"start_variance": -1.0}, "above 0")],
)
def test_what_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        draw_classifier.Config(**settings)
