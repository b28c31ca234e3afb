"""RIDE, the recurrent image density estimator (Theis & Bethge 2015, "Generative Image Modeling Using Spatial LSTMs").

Axes: B pictures, C channels, H rows, W columns, P pixels in diagonal order, N causal neighbours, K mixture components.

    p(picture) = product over pixels in raster order of p(pixel | causal neighbourhood, h)

A pixel's causal neighbourhood goes through a linear layer and two or more spatial LSTMs (`nn/spatial_lstm.py`). Their hidden state
summarises all pixels above and to the left. A small network maps it to the parameters of a mixture of discretised logistics
(`likelihood.py`). The paper's own head, a mixture of Gaussian scale mixtures over real values, is `GaussianRide`, at the end.

With `layout`, each pixel is also conditioned on a layout, which is the picture at a fraction of its size:

    p(picture | layout) = product over pixels of p(pixel | causal neighbourhood, h, cells of the layout around the pixel)

In training it is the picture's own. For sampling it is quilted from that of the photograph (`textures/quilting.py`), which brings
the large structures that the model alone loses.
"""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import likelihood
from drawgen.contract import Group, Loss, Player, Recipe, Request, Sample, Spec, State, Totals, generator
from drawgen.data.pictures import Crops, Pictures
from drawgen.images import fit_to
from drawgen.nn.causal_density import CausalDensity
from drawgen.nn.guide import Guide, reduced
from drawgen.nn.linear import linear
from drawgen.nn.orientations import mixture_nats
from drawgen.nn.pixel_sampling import around_helix, by_wavefront
from drawgen.nn.spatial_lstm import SpatialLSTM, causal_offsets, diagonals, window_index
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.textures.colours import COLOURS, colour_sample, speck_limit
from drawgen.textures.maps import as_sample, split, stored_values
from drawgen.textures.quilting import STRENGTH, Quilted, guided_patch_px
from drawgen.textures.set_quilting import quilt_set
from drawgen.textures.warping import warped
from drawgen.tiling import close, close_rows, unshear
from drawgen.training import Fit

LEVELS = 256
HEADS = ("logistics", "mcgsm")
LEAST_LOG_SCALE = -6.0
"""Of a logistic, in levels: at this one, nearly all the mass is on one level."""
MOST_OVERLAP = 64
"""Rows over which the end of a tile overlaps its beginning, where they are cut together."""
WARPS = 1
"""In the key of the random numbers that displace the layouts of a request's tiles."""
SHEARED = 8
"""Rows at each end of a strip that are wrong once its shear is removed."""
MOST_STARTS = 128
"""Offsets at which a tile may start; all are compared at once, in memory."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A recurrent image density estimator."""

    neighbourhood: int = 9
    """Columns of the causal neighbourhood, an odd number: 5 gives the paper's 12 pixels, 9 gives 40."""
    embed: int = 64
    """Units of the linear layer on the neighbourhood; 0 feeds the pixels to the LSTM directly (the paper)."""
    layers: int = 2
    """Stacked spatial LSTMs; with the head `mcgsm` also 0, an MCGSM of the neighbourhood."""
    units: int = 64
    """Units of each spatial LSTM."""
    cell: str = "bounded"
    """The spatial LSTM's cell: `ride` (the paper's) or `bounded`, which is stable at any size."""
    head: str = "logistics"
    """The distribution of a pixel: `logistics`, a mixture of discretised ones, or `mcgsm`, the paper's mixture of Gaussian scale
    mixtures over dequantised values."""
    hidden: int = 128
    """Units of the layer between the last spatial LSTM and the mixture; 0 omits the layer."""
    components: int = 10
    """Components of the mixture."""
    scales: int = 4
    """Scales of each component of an MCGSM."""
    features: int = 32
    """Features of the neighbourhood or of the hidden state, shared by the components of an MCGSM."""
    lbfgs: int = 0
    """Iterations of L-BFGS by which an MCGSM is fitted to the first crops before the training."""
    skip: bool = True
    """A linear skip connection from the neighbourhood to the mixture, initialised by ridge regression. An MCGSM and all spatial
    LSTMs see the neighbourhood besides the hidden state."""
    noise: float = 0.02
    """Standard deviation of the noise on the neighbourhood in training, in standard deviations of the pixels."""
    mistakes: float = 0.0
    """Largest fraction of the neighbourhood's pixels that training replaces by samples of the model itself."""
    layout: int = 0
    """Condition each pixel on a layout, which is the picture at 1/`layout` of its size; 0 for none."""
    layout_units: int = 64
    """Channels of the convolutions over the layout."""
    layout_layers: int = 2
    """Convolutions over the layout."""
    layout_noise: float = 0.05
    """Standard deviation of the noise on the layout in training, in standard deviations of the pixels."""
    warp: float = 0.6
    """Standard deviation of the smooth displacements of a layout, in its cells; without them a sample repeats the photograph's
    shapes."""
    temperature: float = 1.0
    """Temperature of sampling, times that of a request. Below 1 it makes up for the grain of a sample's own errors."""
    margin: int = 48
    """Rows and columns (pixels) that sampling draws and discards, because the first pixels have no context."""

    def __post_init__(self) -> None:
        check_fields(self, "model", "neighbourhood", at_least=1, at_most=255)
        if self.neighbourhood % 2 == 0:
            raise ArgumentError("model.neighbourhood", f"is {self.neighbourhood}; it has to be odd")
        check_choice("model.head", self.head, HEADS)
        check_fields(self, "model", "layers", at_least=1 if self.head == "logistics" else 0)
        check_fields(self, "model", "units", "components", "scales", "features", at_least=1)
        check_fields(self, "model", "embed", "hidden", "noise", "layout_noise", "warp", "margin", "lbfgs", at_least=0)
        check_fields(self, "model", "mistakes", at_least=0, at_most=1)
        check_fields(self, "model", "temperature", above=0)
        check_fields(self, "model", "layout", at_least=0, at_most=8)
        check_fields(self, "model", "layout_units", "layout_layers", at_least=1)
        if self.layout and not (self.embed and self.skip):
            raise ArgumentError(
                "model.layout", f"is {self.layout}, which needs model.embed and model.skip; give them or a layout of 0"
            )
        if self.head == "mcgsm":
            check_fields(self, "model", "neighbourhood", at_least=3)
            for name in ("embed", "hidden", "noise", "mistakes", "layout"):
                if getattr(self, name):
                    raise ArgumentError(f"model.{name}", f"is {getattr(self, name)}; with model.head mcgsm it has to be 0")
            if not self.layers and not self.skip:
                raise ArgumentError(
                    "model.skip", "is False and model.layers is 0, so that the mixture sees nothing; give one of them"
                )

    @property
    def least_tile_px(self) -> int:
        """Smallest side of a tile: a seam needs room on both sides."""
        return 2 * self.neighbourhood + 1

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Ride | GaussianRide":
        if min(spec.picture[1:]) < self.neighbourhood:
            raise ValueError(
                f"a training picture has {spec.picture[2]}x{spec.picture[1]} pixels, fewer than the neighbourhood's "
                f"{self.neighbourhood} per side; give a larger picture or a smaller model.neighbourhood"
            )
        return (Ride if self.head == "logistics" else GaussianRide)(self, spec, rng=rng)


class NoisyPictures(NamedTuple):
    """A batch and the random numbers of its training step; those that the model does not use have no channels."""

    images: Float[Tensor, "B C H W"]
    noise: Float[Tensor, "B C H W"]
    layout_noise: Float[Tensor, "B D h w"]
    mistaken: Bool[Tensor, "B M H W"]
    """Pixels that are replaced by samples of the model, and the uniform numbers of these samples."""
    uniforms: Float[Tensor, "B N H W"]


class Dequantised(NamedTuple):
    """A batch of pictures with real values."""

    values: Float[Tensor, "B C H W"]
    """In [0, 1)."""


class Ride(nn.Module):
    static = True
    compilable = ("head",)

    mean: Tensor
    std: Tensor
    colours: Tensor
    speck_limit: Tensor
    map_values: Tensor
    map_speck_limits: Tensor
    embed: nn.Linear | None
    lstms: Sequence[SpatialLSTM]
    head: nn.Sequential
    skip: nn.Linear | None
    guide: Guide | None
    exemplar: Tensor
    opaque: Tensor

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.channels, self.maps = spec.picture[0], spec.maps or ()
        if self.maps and spec.colours not in (1, 3):
            raise ValueError(f"the maps of spec.maps leave {spec.colours} channels for the colours, which are 1 or 3")
        offsets = causal_offsets(config.neighbourhood)
        seen = len(offsets) * self.channels
        outputs = likelihood.parameters_per_pixel(config.components, self.channels)
        # Pixels are standardised on the way in; `prepare` measures them.
        self.register_buffer("mean", torch.full((self.channels,), 0.5))
        self.register_buffer("std", torch.full((self.channels,), 0.25))
        self.register_buffer("colours", torch.zeros(COLOURS, spec.colours, dtype=torch.uint8))
        self.register_buffer("speck_limit", torch.tensor(3.0))
        if self.maps:  # what `textures.maps.matched` needs: by channel and by map
            self.register_buffer("map_values", torch.zeros(self.channels - spec.colours, COLOURS))
            self.register_buffer("map_speck_limits", torch.full((len(self.maps),), 3.0))
        self.embed = linear(seen, config.embed, rng) if config.embed else None
        first = config.embed or seen
        self.lstms = nn.ModuleList(  # type: ignore[assignment]
            SpatialLSTM(first if n == 0 else first + config.units, config.units, cell=config.cell, rng=rng)
            for n in range(config.layers)
        )
        hidden = [linear(config.units, config.hidden, rng), nn.ReLU()] if config.hidden else []
        last = linear(config.hidden or config.units, outputs, rng)
        last.weight.data.mul_(0.1)
        self.head = nn.Sequential(*hidden, last)
        self.skip = linear(seen, outputs, rng) if config.skip else None
        if self.skip is not None:
            self.skip.weight.data.zero_()
        self.guide = None
        if config.layout:
            if spec.exemplar is None:
                raise ValueError(
                    "a model with a layout (model.layout) learns from one picture, and this data has several; give one picture"
                )
            features = config.embed + outputs
            self.guide = Guide(self.channels, config.layout, config.layout_units, config.layout_layers, features, rng=rng)
            extent = [-(-length // config.layout) for length in spec.exemplar]
            # The exemplar at the layout's size, from which the layout of each sample is made, and its opaque pixels.
            self.register_buffer("exemplar", torch.zeros(self.channels, *extent, dtype=torch.uint8))
            self.register_buffer("opaque", torch.ones(*extent, dtype=torch.bool))
        self.start_mixture(torch.ones(self.channels), torch.zeros(self.channels * (self.channels - 1) // 2))

    # ---------------------------------------------------------------- the density

    def forward(self, images: Float[Tensor, "B C H W"]) -> likelihood.LogisticMixture:
        """The mixture at each pixel (P B ..., diagonal order) given the pixels before it, and the layout of these pictures."""
        return self.mixture(self.outputs(self.standard(images), self.own_layout(images)))

    def own_layout(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"] | None:
        """The pictures at the layout's size, standardised; None without a layout."""
        return None if self.guide is None else self.standard(reduced(images, self.config.layout))

    def outputs(self, seen: Float[Tensor, "B C H W"], layout: Float[Tensor, "B C h w"] | None = None) -> Float[Tensor, "P B D"]:
        """What `mixture` maps to the mixture's parameters, at each pixel in diagonal order, from standardised pictures and
        layouts."""
        height, width = seen.shape[2:]
        grid = diagonals(height, width, seen.device)
        window = self.windows(seen)  # P B NC
        x = window if self.embed is None else self.embed(window)
        beside = None
        if layout is not None:
            before, beside = (part.flatten(1, 2)[:, grid.order].transpose(0, 1) for part in self.guided(layout, height, width))
            x = x + before
        if self.embed is not None:
            x = F.relu(x)
        h = x
        for n, lstm in enumerate(self.lstms):
            h = lstm(x if n == 0 else torch.cat([h, x], -1), grid)
        flat: Tensor = self.head(h)
        if self.skip is not None:
            flat = flat + self.skip(window)
        return flat if beside is None else flat + beside

    def standard(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return (images - self.mean[:, None, None]) / self.std[:, None, None]

    def guided(
        self, layout: Float[Tensor, "B C h w"], height: int, width: int
    ) -> tuple[Float[Tensor, "B H W E"], Float[Tensor, "B H W M"]]:
        """What a standardised layout adds at each pixel: to the embedding before its ReLU, and to the mixture's outputs."""
        assert self.guide is not None
        features, prediction = (part[:, :height, :width] for part in self.guide(layout))
        before, beside = features.split([self.config.embed, features.shape[3] - self.config.embed], 3)
        parts = beside.unflatten(3, (self.config.components, -1))  # B H W K, numbers of a component
        means = F.pad(prediction, (1, parts.shape[4] - 1 - self.channels))
        return before, (parts + means[:, :, :, None]).flatten(3)

    def windows(self, seen: Float[Tensor, "B C H W"]) -> Float[Tensor, "P B D"]:
        """Each pixel's causal neighbours, in diagonal order; zero (the mean colour) outside the picture."""
        batch, channels, height, width = seen.shape
        reach = self.config.neighbourhood // 2
        padded = F.pad(seen, (reach, reach, reach, 0)).permute(2, 3, 0, 1).reshape(-1, batch, channels)
        index = window_index(height, width, self.config.neighbourhood, seen.device)
        window = padded[index.reshape(-1)].view(*index.shape, batch, channels)  # P N B C
        return window.transpose(1, 2).reshape(index.shape[0], batch, -1)

    def mixture(self, flat: Float[Tensor, "... D"], *, components: int | None = None) -> likelihood.LogisticMixture:
        """Maps network outputs to mixture parameters in units of levels."""
        raw = likelihood.unpack(flat.to(self.mean.dtype), components or self.config.components, self.channels)
        top = LEVELS - 1
        return likelihood.LogisticMixture(
            raw.logits,
            (raw.means * self.std + self.mean) * top,
            (raw.log_scales + (self.std * top).log()).clamp(min=LEAST_LOG_SCALE),
            raw.coupling,
        )

    def nats(self, batch: Pictures | NoisyPictures) -> Float[Tensor, "P B"]:
        """-log p of each pixel (all its channels), in diagonal order. The layout is that of the pictures themselves."""
        images = batch.images
        seen = self.standard(images)
        layout = self.own_layout(images)
        order = diagonals(*images.shape[2:], images.device).order
        if isinstance(batch, NoisyPictures):
            if layout is not None:
                layout = layout + self.config.layout_noise * batch.layout_noise
            noise = self.config.noise * batch.noise
            if self.config.mistakes:
                with torch.no_grad():
                    uniforms = batch.uniforms.flatten(2)[:, :, order].permute(2, 0, 1)
                    own = likelihood.sample(self.mixture(self.outputs(seen + noise, layout)), uniforms)
                    own = own.permute(1, 2, 0)[:, :, diagonals(*images.shape[2:], images.device).place].view_as(images)
                    seen = torch.where(batch.mistaken, self.standard(own / (LEVELS - 1)), seen)
            seen = seen + noise
        levels = (images * (LEVELS - 1)).round().flatten(2)[:, :, order].permute(2, 0, 1)  # P B C
        flat = self.outputs(seen, layout)
        if flat.device.type == "cpu" and self.mean.dtype == torch.float32:
            from drawgen.likelihood_cpu import Nats

            parts = (self.config.components, LEVELS - 1, LEAST_LOG_SCALE)
            compiled: Tensor = Nats.apply(flat.float(), levels, self.mean, self.std, *parts)
            return compiled
        return -likelihood.log_prob(self.mixture(flat), levels)

    def hidden(self) -> nn.Linear | None:
        """The hidden layer between the last spatial LSTM and the mixture, if the model has it."""
        first = self.head[0]
        return first if isinstance(first, nn.Linear) and self.config.hidden else None

    def output(self) -> nn.Linear:
        """The layer that outputs the mixture's parameters."""
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        return last

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        """One player. The skip connection has a ten times smaller learning rate. It starts at the ridge solution, and for colour it
        would otherwise diverge from it before the other layers have learned anything."""
        slow = [] if self.skip is None else list(self.skip.parameters())
        slow += [] if self.guide is None else list(self.guide.linear.parameters())
        biases = [p for p in self.parameters() if p.ndim == 1 and all(p is not s for s in slow)]
        rest = [p for p in self.parameters() if p.ndim > 1 and all(p is not s for s in slow)]
        groups = [Group(rest), Group(biases, weight_decay=0.0)]
        if slow:
            groups.append(Group(slow, rate=0.1, weight_decay=0.0))
        return {"model": Player(groups)}

    def draw_noise(self, batch: Pictures, *, rng: torch.Generator) -> NoisyPictures:
        images, config = batch.images, self.config
        count, channels, height, width = images.shape
        cells = [-(-side // config.layout) for side in (height, width)] if config.layout else [1, 1]
        used = 1 if config.mistakes else 0

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, device=images.device, generator=rng)

        noise = torch.randn(images.shape, device=images.device, generator=rng)
        around = (count, channels if config.layout else 0, *cells)
        layout_noise = torch.randn(around, device=images.device, generator=rng)
        mistaken = uniform(count, used, height, width) < config.mistakes * uniform(count, used, 1, 1)
        uniforms = uniform(count, used * (channels + 1), height, width)
        return NoisyPictures(images, noise, layout_noise, mistaken, uniforms)

    def losses(self, batch: Pictures | NoisyPictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """Nats per dimension (a pixel's channel)."""
        nats = self.nats(batch)
        value = nats.mean() / self.channels
        yield Loss(value, count=nats.numel(), log={"bits_per_dim": value.detach() / likelihood.LOG_2})
        return None

    def measure(self, batch: Pictures | NoisyPictures, *, rng: torch.Generator) -> Totals:
        """`bits_per_dim`: the paper's bits per pixel over the channels; lower is better."""
        nats = self.nats(Pictures(batch.images))
        return {"bits_per_dim": (nats.sum() / likelihood.LOG_2, float(nats.numel() * self.channels))}

    def oriented(self, batch: Pictures, count: int, *, rng: torch.Generator) -> Totals:
        """`bits_per_dim` of the mixture over orientations."""
        nats = mixture_nats(lambda images: self.nats(Pictures(images)).sum(0), batch.images, count)
        return {"bits_per_dim_oriented": (nats.sum() / likelihood.LOG_2, float(batch.images.numel()))}

    @torch.no_grad()
    def bits_by_pixel(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """-log2 p of each pixel, all its channels together, given those before it (and the pictures' own layout)."""
        place = diagonals(*images.shape[2:], images.device).place
        bits = self.nats(Pictures(images))[place] / likelihood.LOG_2  # HW B
        return bits.t().unflatten(1, images.shape[2:])

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that `bits_by_pixel` needs, about: twice its neighbourhood, its states and the mixture's numbers."""
        config = self.config
        seen = len(causal_offsets(config.neighbourhood)) * self.channels
        outputs = likelihood.parameters_per_pixel(config.components, self.channels)
        return 4 * (2 * seen + 2 * config.embed + 6 * config.units * config.layers + (3 + 2 * bool(config.layout)) * outputs)

    @torch.no_grad()
    def prepare(self, batches: Iterable[Pictures], *, rng: torch.Generator) -> None:
        """Computes the standardisation, the colours and the closed-form initialisation: the means by ridge regression on the
        neighbourhood, the couplings by regression of the residuals on each other, the scales from the remaining residuals."""
        images = torch.cat([batch.images for batch in batches])
        flat = images.transpose(0, 1).flatten(1)  # C n
        mean, std = flat.mean(1), flat.std(1).clamp(min=1.0 / (LEVELS - 1))
        self.mean.copy_(mean)
        self.std.copy_(std)
        if self.spec.exemplar is None:
            self.colours.copy_(colour_sample(flat[:, None]))
            self.speck_limit.fill_(max(map(speck_limit, images)))
        residual = self.start_means(images)
        coupling = []
        spread = [residual[:, 0].std()]
        scale = std.double()
        for channel in range(1, self.channels):
            known = residual[:, :channel]
            on = ridge(known.t() @ known, known.t() @ residual[:, channel : channel + 1])[:, 0]
            spread.append((residual[:, channel] - residual[:, :channel] @ on).std())
            coupling.append(on * scale[channel] / scale[:channel])
        pairs = torch.cat(coupling) if coupling else torch.zeros(0)
        self.start_mixture(torch.stack(spread).float(), pairs.float())

    def start_means(self, images: Float[Tensor, "B C H W"]) -> Float64[Tensor, "n C"]:
        """Sets the linear predictions of the means, from the neighbourhood and, by a pixel's place in its cell, from the layout, to
        the solution of one ridge regression. Returns the residuals of the standardised pixels."""
        height, width = images.shape[2:]
        seen, factor = self.standard(images), self.config.layout or 1
        order = diagonals(height, width, images.device).order
        row, column = order // width, order % width
        place = row % factor * factor + column % factor  # P
        target = seen.flatten(2)[:, :, order].permute(2, 0, 1)  # P B C
        window = self.windows(seen)  # P B NC
        cells = window.new_zeros(*window.shape[:2], 0)
        if self.guide is not None:
            around = F.pad(self.guide.windows(self.standard(reduced(images, factor))), (0, 1), value=1.0)  # B h w D
            cells = around.flatten(1, 2)[:, row // factor * around.shape[2] + column // factor].transpose(0, 1)  # P B D
        first, each = window.shape[2], cells.shape[2]
        size = first + factor**2 * each
        gram = target.new_zeros(size, size, dtype=torch.float64)
        products = target.new_zeros(size, self.channels, dtype=torch.float64)
        parts = []
        for k in range(factor**2):
            inputs = torch.cat([window[place == k], cells[place == k]], 2).flatten(0, 1).double()
            outputs = target[place == k].flatten(0, 1).double()
            index = torch.cat([torch.arange(first), first + k * each + torch.arange(each)]).to(gram.device)
            gram[index[:, None], index] += inputs.t() @ inputs
            products[index] += inputs.t() @ outputs
            parts.append((inputs, outputs, index))
        weights = ridge(gram, products)
        if self.skip is not None:
            rows = self.skip.weight.unflatten(0, (self.config.components, -1))  # K, numbers of a component, NC
            rows[:, 1 : 1 + self.channels] = weights[:first].t().float()
        if self.guide is not None:
            by_place = weights[first:].unflatten(0, (factor**2, each)).transpose(1, 2).flatten(0, 1).float()
            self.guide.linear.weight.copy_(by_place[:, :-1])
            self.guide.linear.bias.copy_(by_place[:, -1])
        return torch.cat([outputs - inputs @ weights[index] for inputs, outputs, index in parts])

    @torch.no_grad()
    def start_mixture(self, spread: Float[Tensor, " C"], coupling: Float[Tensor, " M"]) -> None:
        """Sets the output biases: one mean, and scales from a quarter to four times that of a residual with standard deviation
        `spread`."""
        k, c = self.config.components, self.channels
        bias = self.output().bias.zero_().unflatten(0, (k, -1))  # K, numbers of a component
        ladder = torch.linspace(-1.4, 1.4, k) if k > 1 else torch.zeros(1)
        bias[:, 1 + c : 1 + 2 * c] = (spread.cpu().clamp(min=1e-3) * 0.55).log() + ladder[:, None]
        bias[:, 1 + 2 * c :] = coupling

    # ---------------------------------------------------------------- sampling

    @torch.inference_mode()
    def sample(self, request: Request) -> Sample:
        """Pictures of any size, sampled by the wavefront (`nn/pixel_sampling.py`), without the margins."""
        height, width = request.size or self.spec.picture[1:]
        if request.guide is not None and self.guide is None:
            raise ArgumentError("guide", "needs a model with a layout, which it lays out; give such a model")
        draw_one = self.tile if request.tile else self.plain
        images = torch.stack([draw_one(height, width, request, index) for index in range(request.n)])
        sampled = as_sample(images, self.maps)
        return replace(sampled, frames=lambda count: self.reveal(sampled.images, count))

    def plain(self, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
        """A picture without the margins."""
        rng = request.rng(index)
        margin = self.config.margin
        tall, wide = height + margin, width + margin + margin // 4
        layout = None
        if self.guide is not None:
            guide = guide_of(request, height, width)
            if guide is not None:
                guide = F.pad(guide[None], (margin, wide - width - margin, margin, 0), mode="replicate")[0]
            layout = self.moved(self.lay_out(tall, wide, guide=guide, strength=request.guide_strength, rng=rng).image, rng=rng)
        drawn = self.draw_over(layout, tall, wide, request, index, rng=rng)
        return drawn[:, margin:, margin : margin + width]

    def lay_out(
        self,
        height: int,
        width: int,
        *,
        closes: tuple[bool, bool] = (False, False),
        border: Quilted | None = None,
        guide: Float[Tensor, "G H W"] | None = None,
        strength: float = STRENGTH,
        rng: torch.Generator,
    ) -> Quilted:
        """A new layout for a picture of that size, quilted from the exemplar (`textures/quilting.py`), with a guide of that
        size."""
        exemplar = self.exemplar.cpu().float() / (LEVELS - 1)
        cells = (-(-height // self.config.layout), -(-width // self.config.layout))
        small, patch = None, None
        if guide is not None:
            small = reduced(guide[None].cpu(), self.config.layout)[0]
            patch = max(guided_patch_px(exemplar, strength) // self.config.layout, 4)
        return quilt_set(
            exemplar, self.maps, cells, patch_px=patch, tile=closes, opaque=self.opaque.cpu(), border=border, guide=small,
            strength=strength, rng=rng,
        )  # fmt: skip

    def moved(
        self, layout: Float[Tensor, "C h w"], *, closes: tuple[bool, bool] = (False, False), rng: torch.Generator
    ) -> Float[Tensor, "C h w"]:
        """A layout with its shapes changed a little, so that they are not the photograph's (`textures/warping.py`)."""
        return warped(layout, self.config.warp, closes=closes, rng=rng) if self.config.warp else layout

    def draw_over(
        self, layout: Float[Tensor, "C h w"] | None, height: int, width: int, request: Request, index: int, *, rng: torch.Generator
    ) -> Float[Tensor, "C H W"]:
        """One picture of a request, over a layout, by the wavefront (`nn/pixel_sampling.py`)."""
        uniforms = torch.rand(height, width, self.channels + 1, generator=rng).to(self.mean.device)
        before = beside = None
        if layout is not None:
            before, beside = (part[0] for part in self.guided(self.standard(layout[None].to(self.mean.device)), height, width))
        temperature = self.config.temperature * request.temperature
        drawn = by_wavefront(
            self, uniforms, before=before, beside=beside, temperature=temperature, progress=reporting(request, index)
        )
        return drawn.permute(2, 0, 1) / (LEVELS - 1)

    # ---------------------------------------------------------------- holes

    @torch.inference_mode()
    def repair(self, images: Float[Tensor, "B C H W"], holes: Bool[Tensor, "B H W"], *, rng: torch.Generator) -> Sample:
        """Samples the pixels of the holes, given the ones around them, over the layout of the pictures themselves. So what is in
        the holes has to look right at the layout's size (`textures/filling.py`)."""
        if self.guide is None:
            raise ArgumentError("model", "has no layout, by which what it samples is joined on all sides; give one that has")
        return Sample(torch.stack([self.repair_one(image, hole, rng=rng) for image, hole in zip(images, holes, strict=True)]))

    def repair_one(
        self, image: Float[Tensor, "C H W"], hole: Bool[Tensor, "H W"], *, rng: torch.Generator
    ) -> Float[Tensor, "C H W"]:
        if not hole.any():
            return image
        factor, margin = self.config.layout, self.config.margin
        part = []
        for axis in range(2):
            at = hole.any(1 - axis).nonzero()
            part.append(slice(max(int(at[0]) - margin, 0) // factor * factor, int(at[-1]) + 1 + margin))
        around, within = image[:, *part].to(self.mean.device), hole[*part].to(self.mean.device)
        height, width = within.shape
        before, beside = (each[0] for each in self.guided(self.standard(reduced(around[None], factor)), height, width))
        given = (around * (LEVELS - 1)).masked_fill(within, torch.nan).permute(1, 2, 0)
        uniforms = torch.rand(height, width, self.channels + 1, generator=rng).to(self.mean.device)
        drawn = by_wavefront(self, uniforms, before=before, beside=beside, given=given, temperature=self.config.temperature)
        out = image.clone()
        out[:, *part][:, within.to(out.device)] = (drawn.permute(2, 0, 1) / (LEVELS - 1))[:, within].to(out)
        return out

    def keep_exemplar(self, picture: Float[Tensor, "C H W"], opaque: Bool[Tensor, "H W"] | None) -> None:
        """Stores the photograph's colours, the values of its maps and, for the layouts, the photograph at their size, in 8 bits."""
        shown, maps = split(picture[None], self.maps)
        seen = shown[0].flatten(1)[:, None] if opaque is None else shown[0][:, opaque][:, None]
        self.colours.copy_(colour_sample(seen))
        self.speck_limit.fill_(speck_limit(shown[0]))
        if maps:
            numbers = torch.cat(list(maps.values()), 1)[0]
            self.map_values.copy_(stored_values(numbers.flatten(1) if opaque is None else numbers[:, opaque]))
            self.map_speck_limits.copy_(torch.tensor([speck_limit(each[0]) for each in maps.values()]))
        if self.guide is None:
            return
        self.exemplar.copy_((reduced(picture[None], self.config.layout)[0] * (LEVELS - 1)).round())
        if opaque is not None:
            self.opaque.copy_(reduced(opaque[None, None].float(), self.config.layout)[0, 0] > 0.99)

    @property
    def least_tile_px(self) -> int:
        return self.config.least_tile_px

    def tile(self, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
        """A picture that repeats without a seam in the directions that the request names."""
        least = self.least_tile_px
        if min(height, width) < least:
            raise ArgumentError("size", f"is {width}x{height} pixels; a tile by this model has to be at least {least}x{least}")
        return (self.tile_over if self.guide is not None else self.tile_around)(height, width, request, index)

    def tile_over(self, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
        """A tile over a layout that repeats: a picture of more than one period is sampled, and its ends are joined where they
        agree. The layouts of all tiles of a request have the same border and displacements, if they close in both directions."""
        factor, closes = self.config.layout, request.closes
        margin = -(-self.config.margin // factor) * factor
        for side, closed in zip((height, width), closes, strict=True):
            if closed and side % factor:
                raise ArgumentError(
                    "size", f"is {width}x{height} pixels; the sides of a tile by this model are multiples of {factor}"
                )
        overlap = min(height // 4, width // 4, MOST_OVERLAP)
        more = [overlap if closed else margin // 4 for closed in closes]
        tall, wide = margin + height + more[0], margin + width + more[1]
        cells = (height if closes[0] else tall, width if closes[1] else wide)
        rng = request.rng(index)
        guide = guide_of(request, *cells)
        first = self.lay_out(*cells, closes=closes, rng=request.rng(0)) if index and all(closes) else None
        period = self.lay_out(*cells, closes=closes, border=first, guide=guide, strength=request.guide_strength, rng=rng).image
        period = self.moved(period, closes=closes, rng=generator(request.seed, 0 if all(closes) else index, WARPS))
        rows, columns = (
            (torch.arange(-(-whole // factor)) - closed * margin // factor) % count
            for whole, closed, count in zip((tall, wide), closes, period.shape[1:], strict=True)
        )
        drawn = self.draw_over(period[:, rows[:, None], columns], tall, wide, request, index, rng=rng)[:, margin:, margin:]
        return close(drawn.cpu(), (height, width), overlap, closes).to(self.mean.device)

    def tile_around(self, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
        """A tile without a layout. In x it is sampled around a helix, and the shear of one row is removed afterwards. In y the
        end of the strip is joined to its beginning, at the offset and along the path where they agree best."""
        in_y, in_x = request.closes
        margin = self.config.margin
        overlap = min(height // 4, MOST_OVERLAP)
        more = overlap + min(height // 2, MOST_STARTS) if in_y else 2 * SHEARED  # the last ones for the choice of the start
        rng = request.rng(index)
        if not in_x:
            strip = self.draw_over(None, margin + height + more, margin + width + margin // 4, request, index, rng=rng)
            return close_rows(strip[:, margin:, margin : margin + width], height, overlap)[0]
        uniforms = torch.rand(margin + height + more, width, self.channels + 1, generator=rng)
        temperature = self.config.temperature * request.temperature
        drawn = around_helix(self, uniforms, temperature=temperature, progress=reporting(request, index))
        strip = drawn[margin:].permute(2, 0, 1) / (LEVELS - 1)
        if in_y:
            upright = unshear(close_rows(strip, height, overlap)[0])
        else:
            upright = unshear(strip)[:, SHEARED : SHEARED + height]  # the shift is cyclic: its ends are discarded
        return upright.clamp(0, 1).to(self.mean.device)

    def reveal(self, images: Tensor, count: int) -> Iterator[Tensor]:
        """Stages of the wavefront that sampled `images`."""
        height, width = images.shape[2:]
        slope = self.config.neighbourhood // 2 + 1
        ready = torch.arange(width)[None, :] + slope * torch.arange(height)[:, None]
        blank = self.mean[: images.shape[1], None, None].expand_as(images[0]).to(images.device)
        for stage in range(1, count + 1):
            seen = ready.to(images.device) < (ready.max() + 1) * stage / count
            yield torch.where(seen, images, blank)


class GaussianRide(nn.Module):
    """The paper's model: spatial LSTMs and an MCGSM over real values (`nn/causal_density.py`). An 8-bit picture becomes real by
    uniform noise of one level (dequantisation), so that -log2 of its density, with levels as the unit, is an upper bound of the
    bits of its levels and can be compared with theirs."""

    static = True

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        if spec.maps:
            raise ArgumentError("model.head", "is mcgsm, which learns no maps of a picture; give logistics")
        self.config, self.spec = config, spec
        self.channels = spec.picture[0]
        self.density = CausalDensity(
            self.channels, neighbourhood=config.neighbourhood, layers=config.layers, units=config.units, cell=config.cell,
            skip=config.skip, components=config.components, scales=config.scales, features=config.features, rng=rng,
        )  # fmt: skip

    def check(self, batch: Pictures) -> None:
        """Raises ValueError if no pixel of a picture has its whole neighbourhood inside."""
        least, (height, width) = self.config.neighbourhood, batch.images.shape[2:]
        if min(height, width) < least:
            raise ValueError(
                f"a picture has {width}x{height} pixels, fewer than the neighbourhood's {least} per side; give larger ones (for "
                "the first crops: data.first_px)"
            )

    def values(self, images: Float[Tensor, "B C H W"], noise: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Dequantised pictures: (level + noise) / 256, with noise in [0, 1)."""
        return ((images * (LEVELS - 1)).round() + noise) / LEVELS

    def nats(self, values: Float[Tensor, "B C H W"]) -> Float[Tensor, "P B"]:
        """-log of the density of each pixel (all its channels), with levels as the unit."""
        return self.channels * math.log(LEVELS) - self.density(values)

    def players(self) -> dict[str, Player]:
        mixture = list(self.density.mixture.parameters())
        others = [parameter for lstm in self.density.lstms for parameter in lstm.parameters()]
        return {"model": Player([Group(mixture, weight_decay=0.0), *([Group(others)] if others else [])])}

    def draw_noise(self, batch: Pictures, *, rng: torch.Generator) -> Dequantised:
        noise = torch.rand(batch.images.shape, device=batch.images.device, dtype=batch.images.dtype, generator=rng)
        return Dequantised(self.values(batch.images, noise))

    def losses(self, batch: Pictures | Dequantised, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """Nats per pixel whose neighbourhood is inside the crop."""
        if isinstance(batch, Pictures):
            batch = self.draw_noise(batch, rng=rng)
        nats = self.nats(batch.values)
        value = nats.mean()
        yield Loss(value, count=nats.numel(), log={"bits_per_pixel": value.detach() / likelihood.LOG_2})
        return None

    def measure(self, batch: Pictures, *, rng: torch.Generator) -> Totals:
        """`bits_per_pixel`, all channels, of the pixels whose neighbourhood is inside the picture (the paper's measure: 8 minus its
        log2 density of a grey pixel in [0, 1])."""
        nats = self.nats(self.draw_noise(batch, rng=rng).values)
        return {"bits_per_pixel": (nats.sum() / likelihood.LOG_2, float(nats.numel()))}

    def oriented(self, batch: Pictures, count: int, *, rng: torch.Generator) -> Totals:
        """`bits_per_pixel` of the mixture over orientations. Each of them has other pixels whose neighbourhood is not inside; these
        have the uniform density, so that the mixture is one of densities of the whole picture."""
        values = self.draw_noise(batch, rng=rng).values
        pixels = len(self.density.grid(values).order)
        nats = mixture_nats(lambda turned: -self.density(turned).sum(0), values, count)
        bits = nats.sum() / likelihood.LOG_2 + 8 * self.channels * pixels * len(values)
        return {"bits_per_pixel_oriented": (bits, float(pixels * len(values)))}

    @torch.no_grad()
    def bits_by_pixel(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """-log2 of the density of each pixel, with levels as the unit, given those before it; 8 per channel where the neighbourhood
        is not inside the picture. The noise of dequantisation is half a level everywhere."""
        values = self.values(images, torch.full_like(images, 0.5))
        grid, reach = self.density.grid(values), self.density.reach
        bits = values.new_full((len(images), *images.shape[2:]), 8.0 * self.channels)
        inner = self.nats(values)[grid.place].t().unflatten(1, (grid.height, grid.width)) / likelihood.LOG_2
        bits[:, reach:, reach : reach + grid.width] = inner
        return bits

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that `bits_by_pixel` needs, about: a neighbourhood three times, the states and the numbers of the components."""
        config = self.config
        seen = len(causal_offsets(config.neighbourhood)) * self.channels
        return 4 * (3 * seen + 6 * config.units * config.layers + (2 * self.channels + 3) * config.components)

    def prepare(self, batches: Iterable[Pictures], *, rng: torch.Generator) -> None:
        """The whitening, and the start of the MCGSM."""
        pictures = [self.draw_noise(batch, rng=rng).values for batch in batches]
        self.density.start(pictures, iterations=self.config.lbfgs, rng=rng)

    def sample(self, request: Request) -> Sample:
        """Pictures of any size, without the margins."""
        if request.tile:
            raise ArgumentError("tile", "is asked of a model with the head mcgsm, which draws no tiles; leave it out")
        if request.guide is not None:
            raise ArgumentError("guide", "needs a model with a layout, which it lays out; give such a model")
        height, width = request.size or self.spec.picture[1:]
        margin = self.config.margin
        temperature = self.config.temperature * request.temperature
        drawn = [
            self.density.sample(
                margin + height, margin + width + margin // 4, temperature=temperature, progress=reporting(request, index),
                rng=request.rng(index),
            )[:, margin:, margin : margin + width]
            for index in range(request.n)
        ]  # fmt: skip
        # A value in [0, 1) is a level plus noise, over 256.
        return Sample(((torch.stack(drawn) * LEVELS - 0.5) / (LEVELS - 1)).clamp(0, 1))


def guide_of(request: Request, height: int, width: int) -> Float[Tensor, "C H W"] | None:
    """The request's guide at that size."""
    return None if request.guide is None else fit_to(request.guide, (len(request.guide), height, width))


def reporting(request: Request, index: int) -> Callable[[float], None]:
    """Tells the request's listener how much of all its pictures is done, from the fraction of picture number `index`."""

    def report(share: float) -> None:
        if request.progress is not None:
            request.progress((index + share) / request.n)

    return report


def ridge(gram: Float[Tensor, "D D"], products: Float[Tensor, "D M"]) -> Float[Tensor, "D M"]:
    """Least squares with a small penalty (a thousandth of the mean squared input), from the inputs' products with each other and
    with the outputs."""
    penalty = 1e-3 * gram.diagonal().mean() + 1e-9
    return torch.linalg.solve(gram + penalty * torch.eye(len(gram), dtype=gram.dtype, device=gram.device), products)


PAPER = Config(head="mcgsm", neighbourhood=5, cell="ride", embed=0, hidden=0, skip=False, noise=0.0, components=32, margin=16)
"""Theis & Bethge's settings."""
BASELINE = replace(PAPER, neighbourhood=9, layers=0, skip=True, components=128, features=48, lbfgs=100)
PHOTOGRAPHS = Crops(crop_px=32, batch=16, held_out=0.25, whole=True, longest_px=0, grey=True, mirror=True)
GROWING = replace(PHOTOGRAPHS, crop_px=22, first_px=8, growth=1000, batch=50)

PRESETS: dict[str, Recipe] = {
    "texture": Recipe(
        model=Config(),
        data=Crops(),
        fit=Fit(minutes=3.0, rate=4e-3, weight_decay=0.05, ema=0.998),
        what="a texture from one photograph",
        size="160 k",
        figure="1.8 to 6.6 bits/dim",
        about="What `drawgen texture --invent all` trains. Measured on twelve photographs (seed 1, 1,100 "
        "steps, 104 to 301 s on a busy two-core Xeon): 1.8 to 6.6 bits/dim on the held-out rows. Seams of tiles look "
        "like the interior, and samples stay stable up to 2048 pixels.",
    ),
    "layout": Recipe(
        model=Config(layout=2, layout_layers=3, mistakes=1.0, temperature=0.9),
        data=Crops(crop_px=56),
        fit=Fit(minutes=3.0, rate=3e-3, weight_decay=0.05, ema=0.998),
        what="a texture over a layout of its photograph",
        size="260 k",
        figure="structure 0.5 to 1.4",
        about="What `drawgen texture` trains by default (`--invent detail`): every pixel is new, over a layout quilted from the "
        "photograph at half its size. Training replaces pixels of the neighbourhood by samples of the model itself (scheduled "
        "sampling, Bengio et al. 2015), which takes the grain out of its pictures. Measured on sixteen photographs (seed 1, 1,200 "
        "or 1,600 steps, 153 to 620 s on one core of a busy two-core Xeon): scripts/results/textures.md.",
    ),
    "mcgsm": Recipe(
        model=BASELINE,
        data=PHOTOGRAPHS,
        fit=Fit(minutes=8.0, rate=1e-3, clip=0.0),
        what="the paper's baseline, no LSTM",
        size="14 k",
        figure="4.12 bits/px (BSDS)",
        about="The MCGSM of Theis & Bethge (2015), for a folder of photographs: 128 components of 4 scales, 48 features, 40 "
        "whitened neighbours. L-BFGS on 262,000 pixels (100 iterations, before the first step), then Adam on crops of all. "
        "Measured on twelve pictures of BSDS and four held-out ones (seed 0, 7,296 steps, 530 s on one core of a busy two-core "
        "Xeon, and two minutes of L-BFGS): 4.43 bits per pixel of the training pictures, 4.12 of the others (the paper, on "
        "others: 4.28). scripts/results/ride_paper.md.",
    ),
    "paper-1": Recipe(
        model=replace(PAPER, layers=1),
        data=GROWING,
        fit=Fit(minutes=12.0, rate=4e-3),
        what="RIDE as published, one layer",
        size="53 k",
        figure="4.07 bits/px (BSDS)",
        about="`paper` with one spatial LSTM. Measured as it was (seed 0, 5,144 steps, 903 s): 4.36 bits per pixel of the training "
        "pictures, 4.07 of the held-out ones (the paper, on others: 4.20).",
    ),
    "paper": Recipe(
        model=PAPER,
        data=GROWING,
        fit=Fit(minutes=19.0, rate=4e-3),
        what="RIDE as published",
        size="114 k",
        figure="4.04 bits/px, of 8 turns 4.01",
        about="RIDE of Theis & Bethge (2015), for a folder of photographs: 12 neighbours, conditional whitening, two spatial LSTMs "
        "of 64 units with their cell, an MCGSM of 32 components, dequantised grey pictures, crops that grow from 8 to 22 pixels. "
        "Adam on everything replaces SGD and L-BFGS by turns. Measured on twelve pictures of BSDS and four held-out ones (seed 0, "
        "5,403 steps, 1,156 s on one core of a busy two-core Xeon): 4.34 bits per pixel of the training pictures, 4.04 of the "
        "others, 4.01 by the mixture over eight orientations (the paper, on others: 4.13 and 4.10). scripts/results/ride_paper.md.",
    ),
    "tiny": Recipe(
        model=Config(neighbourhood=5, embed=8, layers=1, units=8, hidden=8, components=3, margin=4),
        data=Crops(crop_px=16, batch=2),
        fit=Fit(steps=4, warmup=2),
        what="for tests, and a first look",
        size="1 k",
        about="Trains in seconds on a CPU.",
    ),
}
