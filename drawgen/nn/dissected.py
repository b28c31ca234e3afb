"""Known residual networks as a row of modules: torchvision's ResNets, and EfficientNet-Lite0.

Axes: B pictures, C channels, H rows, W columns.
"""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.nn import convnet, efficientnet_lite
from drawgen.nn.residual import Network

DEPTHS = {
    (2, 2, 2, 2, False): "resnet18",
    (3, 4, 6, 3, False): "resnet34",
    (3, 4, 6, 3, True): "resnet50",
    (3, 4, 23, 3, True): "resnet101",
    (3, 8, 36, 3, True): "resnet152",
}
"""Blocks of each stage, and whether they are bottlenecks of three convolutions."""


class EfficientNetModule(NamedTuple):
    """A block of EfficientNet-Lite0. Some have no shortcut."""

    block: efficientnet_lite.Block

    def parts(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D H2 W2"] | None, Float[Tensor, "B D H2 W2"]]:
        return self.shortcut(x), self.block.change(x)[0]

    def after(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return x

    def shortcut(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"] | None:
        return x if self.block.adds else None


def efficientnet(net: efficientnet_lite.EfficientNetLite0) -> Network:
    """EfficientNet-Lite0; 9 of its 16 blocks have a shortcut."""

    def leave(x: Tensor) -> Tensor:
        return net.classifier(F.relu6(net.head(x)).mean((2, 3)))

    blocks: Any = net.blocks
    return Network(net.enter, [EfficientNetModule(block) for block in blocks], leave)


class TorchvisionModule(NamedTuple):
    """A block of torchvision's ResNets, which ends in a ReLU. Its shortcut is a projection where the shape changes."""

    block: Any

    def parts(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D H2 W2"] | None, Float[Tensor, "B D H2 W2"]]:
        block = self.block
        y = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
        if hasattr(block, "conv3"):
            y = block.bn3(block.conv3(F.relu(y)))
        return x if block.downsample is None else block.downsample(x), y

    def after(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return F.relu(x)

    def shortcut(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"] | None:
        return x if self.block.downsample is None else F.relu(self.block.downsample(x))


def torchvision_resnet(source: str, *, device: torch.device) -> tuple[str, Network]:
    """The name (resnet18 to resnet152) and the network of a file of weights, as .safetensors or as a state dict that torch.load
    reads with weights_only. Raises ValueError."""
    weights = stored(source)
    counts = [len({name.split(".")[1] for name in weights if name.startswith(f"layer{n}.")}) for n in range(1, 5)]
    name = DEPTHS.get((*counts, "layer1.0.conv3.weight" in weights))  # type: ignore[arg-type]
    last = weights.get("fc.weight")
    if name is None or not isinstance(last, Tensor) or last.dim() != 2:
        known = ", ".join(sorted(set(DEPTHS.values()), key=lambda each: int(each[6:])))
        raise ValueError(f"{source} holds no weights of one of torchvision's ResNets; give those of {known}")
    encoder = convnet.ResNet(name)
    encoder.net.fc = nn.Linear(convnet.RESNETS[name], len(last))
    encoder.load(source)
    net: Any = encoder.net.eval().requires_grad_(False).to(device)
    mean, std = (torch.tensor(values, device=device)[:, None, None] for values in convnet.IMAGENET)

    def enter(images: Tensor) -> Tensor:
        return net.maxpool(F.relu(net.bn1(net.conv1((images.expand(-1, 3, -1, -1) - mean) / std))))

    def leave(x: Tensor) -> Tensor:
        return net.fc(x.mean((2, 3)))

    blocks = [block for layer in (net.layer1, net.layer2, net.layer3, net.layer4) for block in layer]
    return name, Network(enter, [TorchvisionModule(block) for block in blocks], leave)


def stored(source: str) -> dict[str, Any]:
    """The tensors of a file. Raises ValueError."""
    try:
        if Path(source).suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(source)
        with warnings.catch_warnings(action="ignore"):  # of what torch sees in a file that it refuses
            weights = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or foreign file fails in many ways
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{source} is no file of weights ({words:.120}); give a .safetensors or a state dict") from error
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise ValueError(f"{source} is no file of weights (tensors by their names); give a .safetensors or a state dict")
    return weights
