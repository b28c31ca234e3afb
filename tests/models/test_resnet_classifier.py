"""The residual classifier against its equations, written out with torch's functions."""

import pytest
import torch
from torch.nn import functional as F

from drawgen.contract import Spec, generator
from drawgen.data.clutter import Labelled
from drawgen.models import resnet_classifier
from drawgen.nn.residual import Lesion
from drawgen.ranges import ArgumentError

SPEC = Spec((3, 12, 8), classes=("a", "b", "c"))
DOUBLE = torch.float64


def small(**changes):
    """A small network with random weights and statistics everywhere, in float64."""
    settings = {"modules": 6, "width": 3} | changes
    model = resnet_classifier.Config(**settings).build(SPEC, rng=generator(0)).double().eval()
    rng = generator(1)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor += 0.1 * torch.rand(tensor.shape, dtype=DOUBLE, generator=rng)
            assert name
    return model


def images(n=5):
    return torch.rand(n, 3, 12, 8, dtype=DOUBLE, generator=generator(2))


def by_hand(model, x, kind):
    """The network of the docstring."""
    w = model.state_dict()

    def norm(x, at):
        return F.batch_norm(x, w[f"{at}.running_mean"], w[f"{at}.running_var"], w[f"{at}.weight"], w[f"{at}.bias"])

    x = (x - w["mean"][:, None, None]) / w["deviation"][:, None, None]
    x = F.conv2d(x, w["stem.weight"], stride=model.config.stem_stride, padding=1)
    for n, channels in enumerate([3, 3, 6, 6, 12, 12]):
        at, stride = f"blocks.{n}", 2 if n in (2, 4) else 1
        y = F.conv2d(norm(x, f"{at}.norms.0").relu(), w[f"{at}.convolutions.0.weight"], stride=stride, padding=1)
        y = F.conv2d(norm(y, f"{at}.norms.1").relu(), w[f"{at}.convolutions.1.weight"], padding=1)
        around = torch.zeros_like(y)
        around[:, : x.shape[1]] = x[:, :, ::stride, ::stride]
        assert y.shape[1] == channels
        if kind == "highway":
            gate = F.conv2d(x, w[f"{at}.gate.weight"], w[f"{at}.gate.bias"], stride=stride).sigmoid()
            x = gate * y + (1 - gate) * around
        else:
            x = y + around if kind == "residual" else y
    return F.linear(norm(x, "norm").relu().mean((2, 3)), w["says.weight"], w["says.bias"])


@pytest.mark.parametrize("kind", ["residual", "plain", "highway"])
@pytest.mark.parametrize("stem_stride", [1, 2])
def test_forward(kind, stem_stride):
    model = small(kind=kind, stem_stride=stem_stride)
    with torch.no_grad():
        found = model(images())
    assert found.numpy() == pytest.approx(by_hand(model, images(), kind).float().numpy(), rel=1e-5)


def test_plain_and_residual_networks_have_the_same_weights():
    """So the first can be compared with the second."""
    residual, plain = small(), small(kind="plain")
    assert {n: t.shape for n, t in residual.state_dict().items()} == {n: t.shape for n, t in plain.state_dict().items()}


def test_stochastic_depth_has_the_expectation():
    """Of a network whose one module is left out now and then, the output before the last norm is on average that of the module in
    use: p f(x) + x. The chances fall linearly."""
    model = small(modules=3, keep=0.4)
    assert model.config.chances() == pytest.approx([0.8, 0.6, 0.4])
    assert not model.static
    assert small().static
    x, block = images(), model.blocks[0]
    x = model.enter(x)
    with torch.no_grad():
        used = sum(block.parts(x))
        whole = block.shortcut(x) + block.change(x) / 0.8
        torch.testing.assert_close(used, 0.8 * whole + 0.2 * block.shortcut(x))
    rng = generator(0)
    left = [model.left_out(rng) for _ in range(3000)]
    for n, chance in enumerate(model.config.chances()):
        assert sum(n not in out for out in left) / 3000 == pytest.approx(chance, abs=0.04)


def test_drawn_modules():
    """Exactly so many take part in a batch; the others learn nothing from it."""
    model = small(drawn=2)
    left = model.left_out(generator(0))
    assert len(left) == 4
    assert left != model.left_out(generator(1))
    assert model.config.chances() == pytest.approx([1 / 3] * 6)
    model.train()
    batch = Labelled(images(), torch.tensor([0, 1, 2, 0, 1]))
    loss = next(model.losses(batch, state={}, rng=generator(0)))
    loss.value.backward()
    for n, block in enumerate(model.blocks):
        assert (block.convolutions[0].weight.grad is None) == (n in left)
    torch.testing.assert_close(model(images(), Lesion(deleted=left)), model(images(), Lesion(deleted=set(left))))


@torch.no_grad()
def test_measures():
    model = small()
    labels = torch.tensor([0, 1, 2, 0, 1])
    logits = by_hand(model, images(), "residual").float()
    totals = model.measure(Labelled(images(), labels), rng=generator(0))
    assert totals["error_rate"] == (int((logits.argmax(1) != labels).sum()), 5.0)
    assert float(totals["cross_entropy_nats"][0]) == pytest.approx(
        float(F.cross_entropy(logits, labels, reduction="sum")), rel=1e-4
    )
    read = model.read(images(), rng=generator(0))
    assert read.seen is None
    torch.testing.assert_close(read.log_probs.exp().sum(1), torch.ones(5))
    assert read.best(0)[0][0] == SPEC.labels[logits[0].argmax()]


def test_prepares():
    """Channels with mean 0 and standard deviation 1."""
    model = small()
    batches = [Labelled(images(40) * torch.tensor([1.0, 2.0, 3.0], dtype=DOUBLE)[:, None, None], torch.zeros(40))]
    model.prepare(batches, rng=generator(0))
    ready = (batches[0].images - model.mean[:, None, None]) / model.deviation[:, None, None]
    torch.testing.assert_close(ready.mean((0, 2, 3)), torch.zeros(3, dtype=DOUBLE))
    torch.testing.assert_close(ready.transpose(0, 1).flatten(1).std(1), torch.ones(3, dtype=DOUBLE))


def test_norms_and_biases_do_not_decay():
    weights, others = small().players()["model"].groups
    assert all(p.dim() > 1 for p in weights.parameters)
    assert all(p.dim() == 1 for p in others.parameters)
    assert others.weight_decay == 0


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"modules": 4}, "model.modules"),
        ({"modules": 0}, "model.modules"),
        ({"kind": "dense"}, "model.kind"),
        ({"keep": 0.0}, "model.keep"),
        ({"drawn": 55}, "model.drawn"),
        ({"drawn": 3, "keep": 0.5}, "model.drawn"),
        ({"kind": "plain", "drawn": 3}, "model.drawn"),
        ({"kind": "plain", "keep": 0.5}, "model.keep"),
    ],
)
def test_settings_are_checked(settings, name):
    with pytest.raises(ArgumentError) as caught:
        resnet_classifier.Config(**settings)
    assert caught.value.name == name


def test_pictures_that_are_too_small():
    with pytest.raises(ValueError, match="needs pictures of at least 8 pixels per side, and these have 4x9"):
        resnet_classifier.Config(modules=3, stem_stride=2).build(Spec((1, 9, 4), classes=("a",)), rng=generator(0))
