"""A reader that moves its eye (Ba, Mnih & Kavukcuoglu 2015, "Multiple Object Recognition with Visual Attention": DRAM).

Axes: B pictures, C channels, H rows, W columns, T glimpses, S targets, G glimpses per target, K classes, U units, N crop's side.

The reader never sees the whole picture sharply. At each step it looks at one place l_t, at two scales, and says where to look next:

    g_t  = what(crops at l_t) * where(l_t)              the glimpse network
    r1_t = LSTM1(g_t, r1_{t-1})
    r2_t = LSTM2(r1_t, r2_{t-1}),                       r2_0 = context(the picture, coarse)
    l_t ~ Normal(emission(r2_{t-1}), deviation^2)       the emission network
    p(y_s | l) = softmax(W r1_{sG} + b)                 after every G glimpses, one target

The context sets the state of the second LSTM only, so that the answer comes from glimpses alone. A row of targets ends with the
symbol after the classes. Training follows the gradient of the bound E_l[log p(y | l)]: the cross-entropy's gradient, plus
REINFORCE for the places. Their reward is the number of targets that are right from there on, up to the first wrong one; a learned
baseline is subtracted. Nothing after the first wrong target counts.

REINFORCE alone finds the digits of a large picture very slowly: an eye that sees nothing learns nothing. So training may begin with
led ways: the places are pixels of the ink, in the order of reading, and the emission network learns to predict them.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import Group, Labelling, Loss, Player, Recipe, Sample, Spec, State, Totals
from drawgen.data.digit_scenes import DigitScene, DigitScenes
from drawgen.data.house_numbers import HouseNumbers
from drawgen.nn.crops import boxes, crops
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import LSTM
from drawgen.policy_gradient import reinforce
from drawgen.ranges import check_fields
from drawgen.training import Fit

DIM = 0.25
"""Brightness, in a trace, of pixels that the reader has not looked at."""
LED = 0.01
"""Weight of the log-probability of led places."""
ROWS = 10
"""Answers for a row of targets."""
COARSE = 12
"""Side of the context network's picture."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A reader that moves its eye."""

    glimpses: int = 4
    """Glimpses per target."""
    crop: int = 14
    """Side of a crop in pixels; the second crop covers twice as much at half the resolution."""
    units: int = 256
    """Units of each LSTM."""
    width: int = 16
    """Filters of the first two convolutions of the glimpse network; its third has twice as many."""
    deviation: float = 0.1
    """Standard deviation of the places in training; the picture's half side is 1."""
    policy: float = 1.0
    """Weight of the policy gradient beside the cross-entropy's."""
    lead: int = 0
    """Batches over which the eye is led less and less: over the ink from left to right, as one reads. 0: never, as in the paper."""
    ways: int = 0
    """Ways of the eye whose probabilities evaluation averages, besides taking the mean way; 0: none."""

    def __post_init__(self) -> None:
        check_fields(self, "model", "glimpses", "units", "width", at_least=1)
        check_fields(self, "model", "crop", at_least=9, at_most=256)
        check_fields(self, "model", "deviation", above=0, at_most=1)
        check_fields(self, "model", "policy", "lead", "ways", at_least=0)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "GlimpseReader":
        return GlimpseReader(self, spec, rng=rng)


class NoisyScene(NamedTuple):
    """A batch with the noise of its places."""

    images: Float[Tensor, "B C H W"]
    targets: Int[Tensor, "B S"]
    noise: Float[Tensor, "T B 2"]
    """Normal."""
    leading: Float[Tensor, "T B 2"]
    """In [0, 1): which pixels the eye is led to."""
    led: Float[Tensor, " B"]
    """In [0, 1): which pictures it is led in."""

    def items(self) -> tuple[str, int]:
        return "pictures", len(self.images)


class Looks(NamedTuple):
    """What the reader says, and where it looked."""

    logits: Float[Tensor, "S B K"]
    means: Float[Tensor, "T B 2"]
    places: Float[Tensor, "T B 2"]
    """Before they are kept within the picture."""
    baselines: Float[Tensor, "T B"]


class GlimpseReader(nn.Module):
    static = True

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        units, channels = config.units, spec.picture[0]
        self.targets = 1 if spec.counts is None else spec.counts[1] + 1
        self.ink, self.binary = channels == 1, False  # light on black, cut out of a person's photographs
        self.letter_px = 20.0 if spec.counts is None else 0.5 * spec.picture[1]
        self.what = Tower([2 * channels, config.width, config.width, 2 * config.width], config.crop, units, rng)
        self.where = linear(2, units, rng)
        self.lstm1 = LSTM(units, units, rng=rng)
        self.lstm2 = LSTM(units, units, rng=rng)
        self.context = Tower([channels, config.width // 2 or 1, config.width, config.width], COARSE, units, rng)
        self.context_to_state = linear(units, 2 * units, rng)
        self.emission = nn.Sequential(linear(units, units // 2 or 1, rng), nn.ReLU(), linear(units // 2 or 1, 2, rng))
        self.baseline = linear(units, 1, rng)
        self.says = linear(units, len(spec.labels) + (spec.counts is not None), rng)

    # ---------------------------------------------------------------- looking

    def forward(
        self, images: Float[Tensor, "B C H W"], noise: Float[Tensor, "T B 2"], lead: Float[Tensor, "T B 2"] | None = None
    ) -> Looks:
        """The places are the policy's means and this noise, or those of `lead` that are not NaN."""
        config, dtype = self.config, images.dtype
        h1 = c1 = images.new_zeros(len(images), config.units)
        coarse = F.interpolate(images, (COARSE, COARSE), mode="area")
        h2, c2 = self.context_to_state(self.context(coarse)).to(dtype).chunk(2, 1)
        h2 = torch.tanh(h2)
        logits, means, places, baselines = [], [], [], []
        for t, drawn in enumerate(noise):
            mean = self.emission(h2).to(dtype).tanh()
            place = (mean + config.deviation * drawn).detach()
            if lead is not None:
                place = torch.where(lead[t].isnan(), place, lead[t])
            baselines.append(self.baseline(h2.detach()).to(dtype)[:, 0])
            seen = place.clamp(-1, 1)
            glimpse = self.what(crops(images, seen, config.crop, 2)) * F.relu(self.where(seen))
            h1, c1 = self.lstm1(glimpse, h1, c1)
            h2, c2 = self.lstm2(h1, h2, c2)
            means.append(mean)
            places.append(place)
            if (t + 1) % config.glimpses == 0:
                logits.append(self.says(h1).to(dtype))
        return Looks(torch.stack(logits), torch.stack(means), torch.stack(places), torch.stack(baselines))

    def noise_shape(self, count: int) -> tuple[int, int, int]:
        return (self.targets * self.config.glimpses, count, 2)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def draw_noise(self, batch: DigitScene, *, rng: torch.Generator) -> NoisyScene:
        device, shape = batch.images.device, self.noise_shape(len(batch.images))
        noise = torch.randn(shape, device=device, generator=rng)
        leading = torch.rand(shape, device=device, generator=rng)
        return NoisyScene(*batch, noise, leading, torch.rand(shape[1], device=device, generator=rng))

    def losses(self, batch: NoisyScene, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The cross-entropy of the targets up to the first wrong one, nats per picture; less the expected reward or, where the eye
        is led, the log-probability of its places; and the squared error of the baseline."""
        config = self.config
        targets, asked = self.wanted(batch.targets)
        step = state.get("step", batch.images.new_zeros(()))
        lead, led = None, torch.zeros_like(batch.led, dtype=torch.bool)
        if config.lead:
            led = batch.led < 1 - step / config.lead
            digits = asked.sum(0) - int(self.spec.counts is not None)  # the end symbol has no ink
            lead = led_places(batch.images, batch.leading, config.glimpses * digits)
            lead = torch.where(led[:, None], lead, torch.nan)
        looks = self(batch.images, batch.noise, lead)

        right = looks.logits.argmax(2) == targets
        still = torch.cat([torch.ones_like(right[:1]), right[:-1]]).cumprod(0).bool()  # no target before it was wrong
        counts = asked & still
        nats = F.cross_entropy(looks.logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
        cross_entropy = (nats * counts).sum(0).mean()

        gained = (right & counts).float()
        reward = gained.flip(0).cumsum(0).flip(0).repeat_interleave(config.glimpses, 0)  # from each glimpse on
        looking = counts.repeat_interleave(config.glimpses, 0) & ~led
        log_prob = -0.5 * ((looks.places - looks.means) / config.deviation).square().sum(2)  # but for a constant
        glimpses = len(log_prob)
        policy = reinforce(log_prob * looking, reward, looks.baselines) * glimpses
        shown = -(log_prob * (led & asked.repeat_interleave(config.glimpses, 0))).mean() * glimpses * LED
        baseline = ((looks.baselines - reward).square() * looking).sum(0).mean()

        whole = (right | ~asked).all(0)
        yield Loss(
            cross_entropy + config.policy * policy + shown + baseline,
            count=len(batch.images),
            log={"cross_entropy_nats": cross_entropy, "error_rate": 1 - whole.float().mean(), "baseline_error": baseline},
        )
        return {"step": step + 1}

    def wanted(self, targets: Int[Tensor, "B S"]) -> tuple[Int[Tensor, "S2 B"], Bool[Tensor, "S2 B"]]:
        """What has to be said after each target's glimpses, and whether it counts: a row is followed by the end symbol, and nothing
        counts after it."""
        if self.spec.counts is None:
            return targets.T, torch.ones_like(targets.T, dtype=torch.bool)
        end = self.says.out_features - 1
        padded = F.pad(targets, (0, self.targets - targets.shape[1]), value=-1).T
        asked = torch.cat([torch.ones_like(padded[:1], dtype=torch.bool), padded[:-1] >= 0])
        return torch.where(padded >= 0, padded, end), asked

    def last_loss(self, batch: DigitScene, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of the last target of each picture, in nats, by the mean way of the eye."""
        targets, asked = self.wanted(batch.targets)
        looks = self(batch.images, batch.images.new_zeros(self.noise_shape(len(batch.images))))
        nats = F.cross_entropy(looks.logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
        return nats.gather(0, asked.sum(0, keepdim=True) - 1)[0]

    def measure(self, batch: DigitScene, *, rng: torch.Generator) -> Totals:
        """`error_rate`, the fraction of pictures with any wrong target, `cross_entropy_nats` per picture; and with `ways` the error
        rate of probabilities averaged over them."""
        targets, asked = self.wanted(batch.targets)
        count = float(len(batch.images))

        def wrong(log_probs: Float[Tensor, "S B K"]) -> Float[Tensor, " B"]:
            return ((log_probs.argmax(2) != targets) & asked).any(0).float()

        found = self.log_probs(batch.images, 0, rng=rng)
        nats = -(found.gather(2, targets[..., None])[..., 0] * asked).sum(0)
        missed = wrong(found)
        totals = {
            "error_rate": (missed.sum(), count),
            "error_rate_squared": (missed.sum(), count),
            "cross_entropy_nats": (nats.sum(), count),
            "cross_entropy_nats_squared": (nats.square().sum(), count),
        }
        if self.config.ways:
            averaged = wrong(self.log_probs(batch.images, self.config.ways, rng=rng))
            totals |= {"averaged_error_rate": (averaged.sum(), count), "averaged_error_rate_squared": (averaged.sum(), count)}
        return totals

    def log_probs(self, images: Float[Tensor, "B C H W"], ways: int, *, rng: torch.Generator) -> Float[Tensor, "S B K"]:
        """The log-probabilities along the mean way of the eye (`ways` is 0), or the logarithm of their mean over random ways."""
        shape = self.noise_shape(len(images))
        if not ways:
            return self(images, images.new_zeros(shape)).logits.float().log_softmax(2)
        noise = (torch.randn(shape, device=images.device, generator=rng) for _ in range(ways))
        found = [self(images, each).logits.float().log_softmax(2) for each in noise]
        return torch.stack(found).logsumexp(0) - torch.tensor(float(ways)).log()

    # ---------------------------------------------------------------- pictures

    @torch.inference_mode()
    def read(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Labelling:
        """Reads the pictures along the mean way of the eye; with `ways` the probabilities are means over so many."""
        ways = self.config.ways
        looks = self(images, images.new_zeros(self.noise_shape(len(images))))
        found = self.log_probs(images, ways, rng=rng) if ways else looks.logits.float().log_softmax(2)
        places = looks.places.clamp(-1, 1)
        if self.spec.counts is None:
            return Labelling(self.spec.labels, found[0], self.seen(images, places))
        texts = [likely_rows(row, self.spec.labels, self.spec.counts) for row in found.unbind(1)]
        classes = tuple(dict.fromkeys(text for row in texts for text in row))
        log_probs = torch.tensor([[row.get(text, -torch.inf) for text in classes] for row in texts])
        for b, row in enumerate(texts):  # the eye stays where it saw the end
            last = (len(max(row, key=lambda text: row[text])) + 1) * self.config.glimpses
            places[last:, b] = places[last - 1, b]
        return Labelling(classes, log_probs.to(images.device), self.seen(images, places))

    def seen(self, images: Float[Tensor, "B C H W"], places: Float[Tensor, "T B 2"]) -> Sample:
        """The pictures as the reader sees them: sharp in fine crops, at half the resolution in coarse ones, dim elsewhere."""
        height, width = images.shape[2:]
        fine, coarse = (boxes(places, height, width, side) for side in (self.config.crop, 2 * self.config.crop))
        blurred = F.interpolate(F.avg_pool2d(images, 2, ceil_mode=True), scale_factor=2)[..., :height, :width]
        y, x = (torch.arange(size, device=images.device) + 0.5 for size in (height, width))

        def covered(box: Float[Tensor, "T B 4"]) -> Bool[Tensor, "B 1 H W"]:
            left, top, right, bottom = (edge[..., None, None] for edge in box.unbind(2))
            return ((left <= x) & (x < right) & (top <= y[:, None]) & (y[:, None] < bottom)).any(0)[:, None]

        def shown(t: int) -> Tensor:
            return torch.where(covered(fine[:t]), images, torch.where(covered(coarse[:t]), blurred, DIM * images))

        def frames(count: int) -> Iterator[Tensor]:
            return (shown(int(t)) for t in torch.linspace(1, len(places), min(count, len(places))).round())

        return Sample(shown(len(places)), frames, {"around": coarse, "read": fine})


def likely_rows(log_probs: Float[Tensor, "S K"], labels: tuple[str, ...], counts: tuple[int, int]) -> dict[str, float]:
    """The most probable rows of labels, which the end symbol ends, with their log-probabilities in nats. Targets are independent
    along one way of the eye, so keeping the best beginnings finds the best rows."""
    numbers = log_probs.tolist()
    begun: dict[str, float] = {"": 0.0}
    ended: dict[str, float] = {}
    for position, row in enumerate(numbers):
        if position >= counts[0]:
            ended |= {text: nats + row[-1] for text, nats in begun.items()}
        longer = {text + label: nats + row[k] for text, nats in begun.items() for k, label in enumerate(labels)}
        begun = dict(sorted(longer.items(), key=lambda item: -item[1])[:ROWS])
    return dict(sorted(ended.items(), key=lambda item: -item[1])[:ROWS])


def led_places(
    images: Float[Tensor, "B C H W"], uniforms: Float[Tensor, "T B 2"], spans: Int[Tensor, " B"]
) -> Float[Tensor, "T B 2"]:
    """Places on the ink from left to right. Of the ink's brightness, added up column by column, glimpse t gets a pixel of the part
    from t / spans to (t + 1) / spans, at random in proportion to the brightness; later glimpses, one at the right end."""
    grey = images.mean(1)
    ink = (grey - grey.flatten(1).median(1).values[:, None, None]).abs()  # of a photograph, what differs from most of it
    height, width = ink.shape[1:]
    across, down = uniforms.permute(2, 1, 0).contiguous()  # each B T
    share = (torch.arange(across.shape[1], device=ink.device) + across) / spans[:, None]
    columns = ink.sum(1).cumsum(1)  # B W
    column = torch.searchsorted(columns, share.clamp(max=0.999) * columns[:, -1:]).clamp(max=width - 1)
    rows = ink.gather(2, column[:, None].expand(-1, height, -1)).transpose(1, 2).cumsum(2).contiguous()  # B T H
    row = torch.searchsorted(rows, (down[..., None] * rows[..., -1:])).clamp(max=height - 1)[..., 0]
    places = torch.stack([(column + 0.5) / width, (row + 0.5) / height], 2) * 2 - 1
    return places.transpose(0, 1).to(images.dtype)


class Tower(nn.Module):
    """Three convolutions without pooling, of 5x5, 3x3 and 3x3, and a linear layer."""

    def __init__(self, widths: list[int], side: int, units: int, rng: torch.Generator) -> None:
        super().__init__()
        shapes = zip(widths[:-1], widths[1:], (5, 3, 3), strict=True)
        self.layers = nn.ModuleList(convolution(*shape, rng) for shape in shapes)
        self.out = linear(widths[-1] * (side - 8) ** 2, units, rng)

    def forward(self, x: Float[Tensor, "B _ N N"]) -> Float[Tensor, "B U"]:
        x = x.contiguous(memory_format=torch.channels_last)  # a quarter faster on a CPU, in bfloat16
        for layer in self.layers:
            x = F.relu(layer(x))
        return F.relu(self.out(x.flatten(1)))


def convolution(inputs: int, outputs: int, side: int, rng: torch.Generator) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, side)
    nn.init.normal_(layer.weight, 0.0, (2 / (side * side * inputs)) ** 0.5, generator=rng)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


FIT = Fit(steps=12_000, rate=1e-3, warmup=200, decay=1.0, clip=5.0, ema=0.999, valid_steps=1000, log_steps=100, precision="bf16")

PRESETS: dict[str, Recipe] = {
    "pairs": Recipe(
        model=Config(lead=4000),
        data=DigitScenes(),
        fit=FIT,
        what="which two digits are in a picture",
        size="1.6 M",
        figure="3.6 % wrong",
        about="Which two MNIST digits are in a picture of 100x100, whatever their order: 55 classes, four glimpses, as in the "
        "paper, whose error is 5 %. Measured (seed 0, 12,000 steps in 18 minutes on one thread of a busy two-core Xeon): 4.0 % "
        "(standard error .2) on the validation digits, 3.6 % on the test digits.",
    ),
    "addition": Recipe(
        model=Config(lead=4000),
        data=DigitScenes(kind="addition"),
        fit=FIT,
        what="the sum of two digits in a picture",
        size="1.6 M",
        figure="4.7 % wrong",
        about="The sum of the two MNIST digits in a picture of 100x100: 19 classes, four glimpses. The paper's error is 2.5 %. "
        "Measured (seed 0): 5.2 % (standard error .2) on the validation digits, 4.7 % on the test digits, after 8,000 "
        "steps, and 5,000 more with deviation .05 and policy .3, 22 CPU minutes.",
    ),
    "sequence": Recipe(
        model=Config(glimpses=2, deviation=0.05, policy=0.3, lead=2500),
        data=DigitScenes(kind="sequence", side_px=54),
        fit=FIT,
        what="one to five digits in a row",
        size="1.6 M",
        figure="10.9 % of numbers wrong",
        about="One to five MNIST digits in a row, of any size, in a picture of 54x54, and where the row ends; two "
        "glimpses per digit. Measured (seed 0): 11.4 % (standard error .3) of the numbers of validation digits are wrong, 10.9 % "
        "of those of test digits, after 7,000 steps with deviation .1 and policy 1, and 5,000 more with these, an hour on a third "
        "of a two-core Xeon.",
    ),
    "house-numbers": Recipe(
        model=Config(glimpses=3, crop=12, units=512, width=64, deviation=0.05, lead=10_000),
        data=HouseNumbers(),
        fit=replace(FIT, steps=200_000),
        what="house numbers of your copy of SVHN",
        size="6.6 M",
        about="The full numbers of SVHN in 54x54, three glimpses per digit and two LSTMs of 512, as in the paper, whose error is "
        "5.1 %. Not trained here: it needs a GPU, and your copy of the data.",
    ),
    "tiny": Recipe(
        model=Config(glimpses=1, crop=9, units=8, width=2, lead=2),
        data=DigitScenes(kind="sequence", digits="segments", side_px=32, batch=4),
        fit=Fit(steps=4, warmup=2, clip=10.0),
        what="for tests, and a first look",
        size="2 k",
        about="Trains in seconds on a CPU, on rows of the digits of a pocket calculator.",
    ),
}
