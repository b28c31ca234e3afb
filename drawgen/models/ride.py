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

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import likelihood
from drawgen.contract import Group, Loss, Player, Recipe, Request, Sample, Spec, State, Totals
from drawgen.data.pictures import Crops, Pictures
from drawgen.nn.causal_density import CausalDensity, dequantised
from drawgen.nn.guide import Guide, reduced
from drawgen.nn.linear import linear
from drawgen.nn.mixture_start import start, start_mixture
from drawgen.nn.orientations import mixture_nats
from drawgen.nn.spatial_lstm import SpatialLSTM, causal_offsets, diagonals, window_index
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.textures.colours import COLOURS, colour_sample, speck_limit
from drawgen.textures.drawing import plain, repaired, reporting, stages
from drawgen.textures.maps import as_sample, split, stored_values
from drawgen.textures.tiles import tile
from drawgen.training import Fit

LEVELS = 256
HEADS = ("logistics", "mcgsm")
LEAST_LOG_SCALE = -6.0
"""Of a logistic, in levels: at this one, nearly all the mass is on one level."""


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
        start_mixture(self, torch.ones(self.channels), torch.zeros(self.channels * (self.channels - 1) // 2))

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

    def last_loss(self, batch: Pictures | NoisyPictures, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of the last pixel of each picture, all its channels, in nats."""
        return self.nats(Pictures(batch.images))[-1]

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
        """Computes the standardisation, the colours and the closed-form initialisation (`nn/mixture_start.py`)."""
        images = torch.cat([batch.images for batch in batches])
        flat = images.transpose(0, 1).flatten(1)  # C n
        mean, std = flat.mean(1), flat.std(1).clamp(min=1.0 / (LEVELS - 1))
        self.mean.copy_(mean)
        self.std.copy_(std)
        if self.spec.exemplar is None:
            self.colours.copy_(colour_sample(flat[:, None]))
            self.speck_limit.fill_(max(map(speck_limit, images)))
        start(self, images)

    # ---------------------------------------------------------------- sampling

    @torch.inference_mode()
    def sample(self, request: Request) -> Sample:
        """Pictures of any size, sampled by the wavefront (`nn/pixel_sampling.py`), without the margins."""
        height, width = request.size or self.spec.picture[1:]
        if request.guide is not None and self.guide is None:
            raise ArgumentError(
                "guide", "needs a model with a layout, in which it is shown, and this one has none; give one that has"
            )
        draw = tile if request.tile else plain
        images = torch.stack([draw(self, height, width, request, index) for index in range(request.n)])
        sampled = as_sample(images, self.maps)
        return replace(sampled, frames=lambda count: self.reveal(sampled.images, count))

    @torch.inference_mode()
    def repair(self, images: Float[Tensor, "B C H W"], holes: Bool[Tensor, "B H W"], *, rng: torch.Generator) -> Sample:
        """Samples the pixels of the holes, given the ones around them, over the layout of the pictures themselves. So what is in
        the holes has to look right at the layout's size (`textures/filling.py`)."""
        if self.guide is None:
            raise ArgumentError("model", "has no layout, by which what it samples is joined on all sides; give one that has")
        return Sample(torch.stack([repaired(self, image, hole, rng=rng) for image, hole in zip(images, holes, strict=True)]))

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

    def small_exemplar(self) -> tuple[Float[Tensor, "C h w"], Bool[Tensor, "h w"]]:
        """The photograph at the layouts' size, and which of its cells are opaque."""
        return self.exemplar.cpu().float() / (LEVELS - 1), self.opaque.cpu()

    @property
    def least_tile_px(self) -> int:
        return self.config.least_tile_px

    def reveal(self, images: Float[Tensor, "B C H W"], count: int) -> Iterator[Float[Tensor, "B C H W"]]:
        """Stages of the wavefront that sampled `images`."""
        return stages(self, images, count)


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

    def players(self) -> dict[str, Player]:
        mixture = list(self.density.mixture.parameters())
        others = [parameter for lstm in self.density.lstms for parameter in lstm.parameters()]
        return {"model": Player([Group(mixture, weight_decay=0.0), *([Group(others)] if others else [])])}

    def draw_noise(self, batch: Pictures, *, rng: torch.Generator) -> Dequantised:
        noise = torch.rand(batch.images.shape, device=batch.images.device, dtype=batch.images.dtype, generator=rng)
        return Dequantised(dequantised(batch.images, noise))

    def losses(self, batch: Pictures | Dequantised, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """Nats per pixel whose neighbourhood is inside the crop."""
        if isinstance(batch, Pictures):
            batch = self.draw_noise(batch, rng=rng)
        nats = self.density.nats(batch.values)
        value = nats.mean()
        yield Loss(value, count=nats.numel(), log={"bits_per_pixel": value.detach() / likelihood.LOG_2})
        return None

    def measure(self, batch: Pictures, *, rng: torch.Generator) -> Totals:
        """`bits_per_pixel`, all channels, of the pixels whose neighbourhood is inside the picture (the paper's measure: 8 minus its
        log2 density of a grey pixel in [0, 1])."""
        nats = self.density.nats(self.draw_noise(batch, rng=rng).values)
        return {"bits_per_pixel": (nats.sum() / likelihood.LOG_2, float(nats.numel()))}

    def last_loss(self, batch: Pictures, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log of the density of the last pixel of each picture, with levels as the unit, in nats."""
        return self.density.nats(self.draw_noise(batch, rng=rng).values)[-1]

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
        """-log2 of the density of each pixel, with levels as the unit, given those before it. The noise of dequantisation is half a
        level everywhere."""
        return self.density.bits_by_pixel(dequantised(images, torch.full_like(images, 0.5)))

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
            raise ArgumentError(
                "guide", "needs a model with a layout, in which it is shown, and this one has none; give one that has"
            )
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
