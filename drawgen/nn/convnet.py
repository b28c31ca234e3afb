"""Nets that turn a picture into a map of features.

Axes: B pictures, C channels, H rows, W columns, N places of the map (row by row), D features of a place.
"""

import math
import os
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.nn import efficientnet_lite
from drawgen.ranges import check_choice

RESNETS = {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048, "resnet152": 2048}
"""torchvision's nets, and the number of features of their last map."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of the channels that those nets were trained with."""
EFFICIENTNET = "efficientnet-lite0"
STRIDES = {"small": 8, EFFICIENTNET: 32} | dict.fromkeys(RESNETS, 32)
"""Pixels per side of a place (the stride)."""


def build(name: str, channels: int, features: int, *, installed: bool = False, rng: torch.Generator) -> "Encoder":
    """`small`, `efficientnet-lite0` or one of `RESNETS`; `features` is D of the small one. With `installed`, EfficientNet-Lite0 has
    the installed weights, which are not a part of the model. Raises ArgumentError, ValueError."""
    check_choice("model.encoder", name, STRIDES)
    if name == "small":
        return Small(channels, features, rng=rng)
    if name == EFFICIENTNET and installed:
        return InstalledEfficientNet()
    with torch.random.fork_rng(devices=[]):  # torchvision draws its weights from torch's own generator
        torch.manual_seed(int(torch.randint(2**62, (), generator=rng)))
        return EfficientNet() if name == EFFICIENTNET else ResNet(name)


def convolution(inputs: int, outputs: int, stride: int, rng: torch.Generator) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1)
    nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / (9 * inputs)), generator=rng)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class Small(nn.Module):
    """A net for pictures of about 64 pixels per side, with two separate halves: one sees the form (the local contrast, whatever the
    colour), the other the colour (and little of the form). So features of a form generalise to every colour. The features of a
    place include its coordinates."""

    def __init__(self, channels: int, features: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.features = features
        colour = features // 4
        form = features - colour - 2
        half = features // 2
        self.form = Tower([1, features // 4, half, half, form, form], [2, 2, 1, 2, 1], rng)
        self.colour = Tower([channels, features // 8, colour, colour], [2, 2, 2], rng)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        form = self.form(contrast(images))
        colour = self.colour((images - 0.5) / 0.25)
        rows, columns = (torch.linspace(-1, 1, size, dtype=form.dtype, device=form.device) for size in form.shape[2:])
        places = torch.stack(torch.meshgrid(rows, columns, indexing="ij")).expand(len(form), -1, -1, -1)
        return torch.cat([form, colour, places], 1).flatten(2).transpose(1, 2)


class Tower(nn.Module):
    """Convolutions with group norms; a layer that keeps the shape is residual."""

    def __init__(self, widths: list[int], strides: list[int], rng: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.ModuleList(convolution(a, b, s, rng) for a, b, s in zip(widths[:-1], widths[1:], strides, strict=True))
        self.norms = nn.ModuleList(nn.GroupNorm(math.gcd(8, width), width) for width in widths[1:])

    def forward(self, x: Float[Tensor, "B _ H W"]) -> Float[Tensor, "B _ h w"]:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            y = F.relu(norm(layer(x)))
            x = x + y if x.shape == y.shape else y
        return x


def contrast(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 H W"]:
    """Local contrast: each pixel's difference from the local mean, divided by the local standard deviation."""

    rows, columns = (near(size).to(images) for size in images.shape[2:])

    def around(x: Tensor) -> Tensor:
        return rows @ x @ columns.t()  # a mean over 9 x 9 pixels, less at the picture's edge

    differs = (images - around(images)).square().sum(1, keepdim=True).add(1e-6).sqrt()
    return differs / (around(differs) + 0.1)


def near(size: int) -> Float[Tensor, "S S"]:
    """Row i takes the mean of the numbers i - 4 to i + 4. A product with it is ten times faster than torch's pooling on a CPU."""
    at = torch.arange(size)
    band = ((at[:, None] - at).abs() <= 4).float()
    return band / band.sum(1, keepdim=True)


class ResNet(nn.Module):
    """A torchvision ResNet (He et al. 2016) up to its last map. Pictures are grey or in colour, in [0, 1]."""

    def __init__(self, name: str) -> None:
        super().__init__()
        import torchvision

        self.name, self.features = name, RESNETS[name]
        net = torchvision.models.get_model(name, weights=None)
        net.fc = nn.Identity()
        self.net = net
        self.frozen_statistics = False

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        mean, std = (images.new_tensor(values)[:, None, None] for values in IMAGENET)
        net: Any = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1((images.expand(-1, 3, -1, -1) - mean) / std))))
        x = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        return x.flatten(2).transpose(1, 2)

    def load(self, source: str) -> None:
        """Weights trained on ImageNet: `imagenet` fetches those of torchvision; anything else is a file of them, as .safetensors or
        as a state dict that torch.load reads with weights_only. Raises ValueError."""
        if source != "imagenet" and not os.path.isfile(source):  # noqa: PTH113 (no name is too long for it)
            raise ValueError(f"the weights {source:.200} for {self.name} are no file; check the path, or give imagenet")
        try:
            if source == "imagenet":
                import torchvision

                weights = torchvision.models.get_model_weights(self.name).DEFAULT.get_state_dict(progress=False, check_hash=True)
            elif Path(source).suffix == ".safetensors":
                from safetensors.torch import load_file

                weights = load_file(source)
            else:
                with warnings.catch_warnings(action="ignore"):  # of what torch sees in a file that it refuses
                    weights = torch.load(source, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged or foreign file, or no network, fails in many ways
            words = (str(error).splitlines() or [type(error).__name__])[0]
            mend = "give a file of its weights as `model.encoder_weights`" if source == "imagenet" else "give another"
            raise ValueError(f"the weights {source} for {self.name} cannot be read ({words:.120}); {mend}") from error
        known = self.net.state_dict()
        if not isinstance(weights, dict) or not set(known) <= set(weights):
            missing = next(iter(sorted(set(known) - set(weights if isinstance(weights, dict) else ()))))
            raise ValueError(f"{source} holds no weights of a {self.name}: {missing} is not there; give those of this net")
        for name, tensor in known.items():
            if not isinstance(weights[name], Tensor) or weights[name].shape != tensor.shape:
                raise ValueError(f"{source}: {name} is not of the shape {tuple(tensor.shape)} that a {self.name} has")
            if weights[name].is_floating_point() != tensor.is_floating_point():
                raise ValueError(f"{source}: {name} is stored as {weights[name].dtype}, not as {tensor.dtype}; give another")
            if tensor.is_floating_point() and not bool(weights[name].isfinite().all()):
                raise ValueError(f"{source}: {name} holds NaN or infinity; give another")
        self.net.load_state_dict({name: weights[name] for name in known})


class EfficientNet(nn.Module):
    """EfficientNet-Lite0 (`nn/efficientnet_lite.py`) up to its last map, with weights that are a part of the model."""

    features = efficientnet_lite.FEATURES

    def __init__(self) -> None:
        super().__init__()
        net: Any = efficientnet_lite.EfficientNetLite0()
        net.classifier = nn.Identity()
        self.net = net

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        return self.net.features(images).flatten(2).transpose(1, 2)

    def load(self, source: str) -> None:
        """Weights trained on ImageNet: those of the installed package, or a file of them if `source` names one. Raises
        ValueError."""
        stored = efficientnet_lite.pretrained(source).state_dict()
        self.net.load_state_dict({name: tensor for name, tensor in stored.items() if not name.startswith("classifier.")})


class InstalledEfficientNet(nn.Module):
    """`EfficientNet` with the installed weights, frozen. They are not a part of the model: its folder is small, and needs the
    package. Raises ValueError if that is missing."""

    features = efficientnet_lite.FEATURES

    def __init__(self) -> None:
        super().__init__()
        efficientnet_lite.weights_file()

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        return efficientnet_lite.installed(images.device).features(images).flatten(2).transpose(1, 2)


def from_middles(maps: Float[Tensor, "T H W"]) -> Float[Tensor, "T H W"]:
    """Maps whose places are centred on the middles of their tiles, as those of EfficientNet-Lite0 are (measured), at places that
    are centred on the first pixels, as elsewhere (`attention_maps`)."""
    moved = F.avg_pool2d(F.pad(maps[None], (1, 0, 1, 0), mode="replicate"), 2, 1)[0]
    return moved / moved.sum((1, 2), keepdim=True).clamp(min=1e-12)


Encoder: TypeAlias = Small | ResNet | EfficientNet | InstalledEfficientNet
