"""Classification of pictures by a deep residual network, or by a plain or highway network of the same depth.

Axes: B pictures, C channels, H rows, W columns, N modules, K classes.

    x_0 = W * image                                              a convolution
    x_n = x_{n-1} + f_n(x_{n-1})                                 residual (He et al. 2015)
    x_n = f_n(x_{n-1})                                           plain
    x_n = T x f_n(x_{n-1}) + (1 - T) x x_{n-1}                   highway (Srivastava et al. 2015), T = sigmoid(V * x_{n-1} + b)
    p(class | image) = softmax(U mean(relu(norm(x_N))))          the mean over all places

f_n is pre-activated (He et al. 2016): normalise, ReLU, convolve, normalise, ReLU, convolve (3x3). The first module of the second
and of the last third halves the sides and doubles the channels. There the shortcut takes every second row and column, and the new
channels are 0 (option A of He et al. 2015), so a network has the same weights with shortcuts and without. 54 modules make
ResNet-110.

Stochastic depth (Huang et al. 2016) leaves module n out of a batch with probability 1 - p_n, where p_n falls linearly to `keep` of
the last one, and measures with p_n f_n. `drawn` modules, by chance, train on each batch in the experiment of Veit et al. 2016.

Several processes normalise each with its own part of a batch.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Labelling, Loss, Player, Recipe, Spec, State, Totals
from drawgen.data.clutter import Labelled
from drawgen.data.labelled_pictures import LabelledPictures
from drawgen.likelihood import label_totals
from drawgen.nn.linear import linear
from drawgen.nn.recording import recorder
from drawgen.nn.residual import INTACT, Lesion, Network, through
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.training import Fit

KINDS = ("residual", "plain", "highway")
STAGES = 3
"""Thirds of a network, each with maps of one size."""
AT_ONCE = 500
"""Pictures that are read at once."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A deep convolutional classifier."""

    modules: int = 54
    """Modules of two convolutions each, a multiple of 3; the network has 2 modules + 2 layers."""
    width: int = 16
    """Channels of the first third; they double with each further third."""
    kind: str = "residual"
    """residual, plain or highway."""
    stem_stride: int = 1
    """Stride of the first convolution; 2 quarters the cost."""
    keep: float = 1.0
    """Stochastic depth: the probability that the last module takes part in a batch; 1: all take part."""
    drawn: int = 0
    """Modules that are drawn by chance for each training batch, while the others are left out; 0: all take part."""
    gate_bias: float = -2.0
    """Of a highway network: the bias b that the gates begin with. Below 0 they begin by carrying."""

    def __post_init__(self) -> None:
        check_choice("model.kind", self.kind, KINDS)
        check_fields(self, "model", "width", "stem_stride", at_least=1)
        check_fields(self, "model", "modules", at_least=3, at_most=999)
        if self.modules % STAGES:
            raise ArgumentError("model.modules", f"is {self.modules}; it has to be a multiple of {STAGES}")
        check_fields(self, "model", "keep", above=0, at_most=1)
        check_fields(self, "model", "drawn", at_least=0, at_most=self.modules)
        check_fields(self, "model", "gate_bias", at_least=-20, at_most=20)
        for name in ("keep", "drawn"):
            value = getattr(self, name)
            if self.kind == "plain" and value != type(self).__dataclass_fields__[name].default:
                raise ArgumentError(f"model.{name}", f"is {value}, and a plain network cannot leave modules out; leave it out")
        if self.drawn and self.keep < 1:
            raise ArgumentError("model.drawn", f"is {self.drawn}, and model.keep is {self.keep}; give one of them")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "ResNetClassifier":
        return ResNetClassifier(self, spec, rng=rng)

    def chances(self) -> list[float]:
        """The probability of each module to take part in a training batch."""
        if self.drawn:
            return [self.drawn / self.modules] * self.modules
        return [1 - (n + 1) / self.modules * (1 - self.keep) for n in range(self.modules)]


def convolution(inputs: int, outputs: int, kernel: int, stride: int, rng: torch.Generator, *, bias: bool = False) -> nn.Conv2d:
    """Weights as He et al. 2015 begin with them."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)
    nn.init.normal_(layer.weight, 0.0, (2 / (kernel**2 * outputs)) ** 0.5, generator=rng)
    return layer


class Block(nn.Module):
    """A module of a residual network, or of a plain one, which carries nothing (`drawgen.nn.residual.Module`)."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, carries: bool, chance: float, rng: torch.Generator) -> None:
        super().__init__()
        self.stride, self.added, self.carries, self.chance = stride, outputs - inputs, carries, chance
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])
        self.convolutions = nn.ModuleList([convolution(inputs, outputs, 3, stride, rng), convolution(outputs, outputs, 3, 1, rng)])

    def change(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """f_n; in use, of a module that was left out now and then, times the probability that it was not."""
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = convolution(F.relu(norm(x)))
        return x if self.training or self.chance == 1 else self.chance * x

    def parts(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D H2 W2"] | None, Float[Tensor, "B D H2 W2"]]:
        return self.shortcut(x) if self.carries else None, self.change(x)

    def shortcut(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.added)) if self.added else x

    def after(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return x


class HighwayBlock(Block):
    """A module of a highway network."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, bias: float, chance: float, rng: torch.Generator) -> None:
        super().__init__(inputs, outputs, stride, carries=True, chance=chance, rng=rng)
        self.gate = convolution(inputs, outputs, 1, stride, rng, bias=True)
        nn.init.constant_(self.gate.bias, bias)  # type: ignore[arg-type]

    def openness(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """T."""
        return self.gate(x).sigmoid()

    def parts(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D H2 W2"] | None, Float[Tensor, "B D H2 W2"]]:
        gate = self.openness(x)
        return (1 - gate) * self.shortcut(x), gate * self.change(x)


class ResNetClassifier(nn.Module):
    binary = False

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        channels, height, width = spec.picture
        least = 4 * config.stem_stride
        if min(height, width) < least:
            raise ValueError(f"this network needs pictures of at least {least} pixels per side, and these have {width}x{height}")
        self.mean = nn.Buffer(torch.zeros(channels))
        self.deviation = nn.Buffer(torch.ones(channels))
        self.stem = convolution(channels, config.width, 3, config.stem_stride, rng)
        chances, each = config.chances(), config.modules // STAGES
        self.blocks = nn.ModuleList()
        inputs = config.width
        for index in range(config.modules):
            stage, first = index // each, index % each == 0
            outputs, stride, chance = config.width << stage, 2 if stage and first else 1, chances[index]
            if config.kind == "highway":
                self.blocks.append(HighwayBlock(inputs, outputs, stride, bias=config.gate_bias, chance=chance, rng=rng))
            else:
                carries = config.kind == "residual"
                self.blocks.append(Block(inputs, outputs, stride, carries=carries, chance=chance, rng=rng))
            inputs = outputs
        self.norm = nn.BatchNorm2d(inputs)
        self.says = linear(inputs, len(spec.labels), rng)

    @property
    def static(self) -> bool:
        """Whether all modules take part in every batch."""
        return min(self.config.chances()) == 1

    @property
    def ink(self) -> bool:
        """Whether its pictures are ink: those without colour are digits."""
        return self.spec.picture[0] == 1

    @property
    def letter_px(self) -> float:
        """Height of a digit in its pictures, as in MNIST's."""
        return self.spec.picture[1] * 20 / 28

    @property
    def built(self) -> str:
        return f"{self.config.modules} {self.config.kind} modules"

    def dissected(self) -> Network:
        return Network(self.enter, list(self.blocks), self.leave)  # type: ignore[arg-type]

    def forward(self, images: Float[Tensor, "B C H W"], lesion: Lesion = INTACT) -> Float[Tensor, "B K"]:
        """Logits of the classes."""
        return self.dissected().logits(images, lesion)

    def enter(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """The input of the first module."""
        return self.stem((images - self.mean[:, None, None]) / self.deviation[:, None, None])

    def leave(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """The logits, of the output of the last module."""
        return self.says(F.relu(self.norm(x)).mean((2, 3))).float()

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        """The weights of norms and biases do not decay."""
        weights = [p for p in self.parameters() if p.dim() > 1]
        others = [p for p in self.parameters() if p.dim() <= 1]
        return {"model": Player([Group(weights), Group(others, weight_decay=0.0)])}

    @property
    def held_out_score(self) -> str:
        return "error_rate"

    def prepare(self, batches: Iterable[Labelled], *, rng: torch.Generator) -> None:
        """Mean and standard deviation of each channel."""
        pixels = torch.cat([batch.images.transpose(0, 1).flatten(1) for batch in islice(batches, 16)], 1)
        self.mean.copy_(pixels.mean(1))
        self.deviation.copy_(pixels.std(1).clamp(min=1e-3))

    def left_out(self, rng: torch.Generator) -> frozenset[int]:
        """The modules that do not take part in a training batch."""
        count = self.config.modules
        if self.config.drawn:
            order = torch.randperm(count, generator=rng, device=rng.device).tolist()
            return frozenset(order[self.config.drawn :])
        if self.config.keep < 1:
            numbers = torch.rand(count, generator=rng, device=rng.device).tolist()
            return frozenset(n for n, chance in enumerate(self.config.chances()) if numbers[n] >= chance)
        return frozenset()

    def losses(self, batch: Labelled, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The cross-entropy, nats per picture."""
        logits = self(batch.images, Lesion(deleted=self.left_out(rng)))
        wrong = (logits.argmax(1) != batch.labels).float().mean()
        yield Loss(F.cross_entropy(logits, batch.labels), count=len(batch.labels), log={"error_rate": wrong})
        return None

    def measure(self, batch: Labelled, *, rng: torch.Generator) -> Totals:
        """`error_rate`, the fraction of misclassified pictures, and `cross_entropy_nats`."""
        return label_totals(self(batch.images), batch.labels)

    def last_loss(self, batch: Labelled, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """The cross-entropy of each picture, in nats. To a recorder depth is time: a step is a module."""
        x = self.enter(batch.images)
        for block in self.blocks:
            x = through([block], x)  # type: ignore[list-item]
            if (record := recorder()) is not None:
                again = lambda state, _, block=block: (through([block], *state),)  # noqa: E731
                (x,) = record.note(self.blocks, "depth", (x,), again=again)
        return F.cross_entropy(self.leave(x), batch.labels, reduction="none")

    # ---------------------------------------------------------------- pictures

    @torch.inference_mode()
    def read(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Labelling:
        """Classifies the pictures."""
        logits = torch.cat([self(some) for some in images.split(AT_ONCE)])
        return Labelling(self.spec.labels, logits.log_softmax(1))


PRESETS: dict[str, Recipe] = {
    "digits": Recipe(
        model=Config(width=8, stem_stride=2),
        data=LabelledPictures(name="mnist", batch=64, shift_px=2),
        fit=Fit(steps=4000, rate=2e-3, warmup=200, decay=0.7, weight_decay=0.02, ema=0.99, log_steps=50),
        what="a digit, by 54 residual modules",
        size="434 k",
        figure="0.5 % wrong",
        about="Which MNIST digit is in a picture: a pre-activated residual network of 110 layers, the 54 modules of the lesions of "
        "Veit et al. 2016, with half of their channels and maps of half the side. Measured with seed 0, in bfloat16 (about 13 CPU "
        "minutes on one thread of a Xeon): 0.47 % of the test digits are wrong (standard error .07), and 0.67 % of the validation "
        "part.",
    ),
    "cifar10": Recipe(
        model=Config(),
        data=LabelledPictures(name="cifar10", shift_px=4, mirror=True),
        fit=Fit(steps=64_000, rate=1e-3, warmup=400, decay=0.9, weight_decay=0.05, ema=0.999, log_steps=100, valid_steps=2000),
        what="ten kinds of small pictures, ResNet-110",
        size="1.7 M",
        about="ResNet-110 for CIFAR-10, for a GPU: 54 pre-activated modules of 16, 32 and 64 channels, batches of 128, shifts of 4 "
        "pixels and mirroring, 64,000 steps as in He et al. 2016 (6.4 % wrong; they use SGD, and this is AdamW). Not measured yet.",
    ),
    "tiny": Recipe(
        model=Config(modules=6, width=4, stem_stride=2),
        data=LabelledPictures(name="segments", batch=8, shift_px=2),
        fit=Fit(steps=30, rate=1e-2, warmup=2, ema=0.5),
        what="for tests, and a first look",
        size="11 k",
        about="Trains in seconds on a CPU, on the digits of a pocket calculator.",
    ),
}
