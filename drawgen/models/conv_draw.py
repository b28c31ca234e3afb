"""Convolutional DRAW (Gregor et al. 2016, "Towards Conceptual Compression").

Axes: B pictures, C channels, H rows, W columns, T steps; maps of h rows and w columns: U of an LSTM, Z of latents, M of a picture,
D read; N channels of the canvas, K steps that are kept.

A picture is drawn in T steps onto a canvas r, as by DRAW (`draw`), but everything is a map of half the picture's height and width,
everything is read and written by convolutions, and what the decoder has drawn so far predicts the next latents:

    e_t = x - mean(r_{t-1})                               error picture
    h_enc_t = ConvLSTM(h_enc_{t-1}, [x, e_t, h_dec_{t-1}])
    p_t = p(z_t | h_dec_{t-1})                            learned prior, a Normal for each latent
    z_t ~ q_t = q(z_t | h_enc_t)                          posterior, a Normal for each latent
    h_dec_t = ConvLSTM(h_dec_{t-1}, [z_t, r_{t-1}])
    r_t = r_{t-1} + write(h_dec_t)

The canvas has a mean and a log-scale for each number of the picture. The loss is a bound on -log p(x), in nats:
-log p(x | r_T) + sum_t KL(q_t || p_t). The paper's p(x | r_T) is a Normal and its pictures have noise added; here it is a logistic
cut into the 256 levels, so that the bound is one on the probability of the 8-bit picture itself.

Storing only the latents of the first steps, and drawing the others from the prior, is the paper's conceptual compression (`keep`).
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import likelihood
from drawgen.contract import Group, Loss, Player, Recipe, Request, Sample, Spec, State, Totals
from drawgen.data.digits import Rectangles
from drawgen.data.pictures import DataError, Pictures, check_shape
from drawgen.data.standard import Standard
from drawgen.nn.recording import recorder
from drawgen.ranges import ArgumentError, check_fields
from drawgen.training import Fit

CHUNK = 16
"""Pictures sampled at once."""
STRIDE = 2
"""Pixels of a picture per place of a map."""
HALF_LEVELS = 127.5
"""The canvas's mean is -1 for level 0 and 1 for level 255."""
START_LOG_SCALE = 3.5
"""Of the empty canvas, in log levels: about what pictures have."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A convolutional DRAW."""

    steps: int = 32
    """Steps T in which a picture is drawn."""
    units: int = 320
    """Feature maps of the encoder's and of the decoder's LSTM."""
    latent: int = 12
    """Maps of latent variables per step."""
    kernel: int = 5
    """Side of the convolutions' kernels, in places of the maps; odd."""

    def __post_init__(self) -> None:
        check_fields(self, "model", "units", at_least=1)
        check_fields(self, "model", "steps", "latent", at_least=1, at_most=256)
        check_fields(self, "model", "kernel", at_least=1, at_most=15)
        if self.kernel % 2 == 0:
            raise ArgumentError("model.kernel", f"is {self.kernel}; it has to be odd")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "ConvDraw":
        return ConvDraw(self, spec, rng=rng)


class NoisyPictures(NamedTuple):
    """A batch and the latent noise of its training step."""

    images: Float[Tensor, "B C H W"]
    noise: Float[Tensor, "T B Z h w"]


class Normals(NamedTuple):
    """A Normal distribution for each latent."""

    mean: Float[Tensor, "... Z h w"]
    log_std: Float[Tensor, "... Z h w"]

    def at(self, noise: Float[Tensor, "... Z h w"]) -> Float[Tensor, "... Z h w"]:
        """The sample that this standard noise gives."""
        return self.mean + self.log_std.exp() * noise


class Drawing(NamedTuple):
    """How pictures were drawn."""

    canvases: Float[Tensor, "T B N H W"]
    latents: Float[Tensor, "T B Z h w"]
    prior: Normals
    posterior: Normals


# ---------------------------------------------------------------- parts


class ConvLSTM(nn.Module):
    """One step of a convolutional LSTM (Shi et al. 2015, without peepholes): an LSTM's equations (`nn.recurrence.LSTM`) at every
    place of the maps, with a convolution in place of the matrix product. The forget gates start open (bias 1)."""

    def __init__(self, inputs: int, units: int, kernel: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.units = units
        self.gates = convolution(inputs + units, 4 * units, kernel, rng)
        assert self.gates.bias is not None
        self.gates.bias.data[2 * units : 3 * units] = 1.0

    def forward(
        self, x: Float[Tensor, "B D h w"], h: Float[Tensor, "B U h w"], c: Float[Tensor, "B U h w"]
    ) -> tuple[Float[Tensor, "B U h w"], Float[Tensor, "B U h w"]]:
        g, gates = self.gates(torch.cat([x, h], 1)).split([self.units, 3 * self.units], 1)
        i, f, o = gates.sigmoid().chunk(3, 1)
        c = f * c + i * g.tanh()
        h = o * c.tanh()
        if (record := recorder()) is not None:
            h, c = record.note(
                self, "lstm", (h, c),
                gates={"input": i, "forget": f, "output": o}, kept=f.movedim(1, 3),  # units last
                again=lambda state, rows: self(x[rows], *state),
            )  # fmt: skip
        return h, c


def convolution(inputs: int, outputs: int, kernel: int, rng: torch.Generator) -> nn.Conv2d:
    """Weights uniform within 1 / sqrt(numbers read), no bias to begin with."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    bound = (inputs * kernel**2) ** -0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Distribution(nn.Module):
    """A Normal distribution for each latent, given the maps of an LSTM."""

    def __init__(self, units: int, latent: int, kernel: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.numbers = convolution(units, 2 * latent, kernel, rng)

    def forward(self, h: Float[Tensor, "B U h w"], dtype: torch.dtype) -> Normals:
        """The standard deviations are kept within e^-5 and e^5: the divergence of a very narrow prior would be without bound."""
        mean, log_std = self.numbers(h).to(dtype).chunk(2, 1)
        return Normals(mean, 5 * (log_std / 5).tanh())


def to_maps(pictures: Float[Tensor, "B N H W"]) -> Float[Tensor, "B M h w"]:
    """A picture as maps: squares of 2x2 pixels become channels. A convolution of them is one of the picture with stride 2."""
    return F.pixel_unshuffle(pictures, STRIDE)


# ---------------------------------------------------------------- the model


class ConvDraw(nn.Module):
    static = half_on_cpu = True
    compilable = ("encoder", "decoder")

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        channels, height, width = spec.picture
        if height % STRIDE or width % STRIDE:
            raise DataError(
                f"the pictures are {width}x{height} pixels, and this model draws even widths and heights; give others, or set "
                "data.side_px where the data has one"
            )
        self.latent_shape = (config.latent, height // STRIDE, width // STRIDE)
        units, latent, kernel = config.units, config.latent, config.kernel
        on_maps = STRIDE**2 * channels  # maps that a picture becomes
        self.encoder = ConvLSTM(2 * on_maps + units, units, kernel, rng=rng)
        self.decoder = ConvLSTM(latent + 2 * on_maps, units, kernel, rng=rng)
        self.prior = Distribution(units, latent, kernel, rng=rng)
        self.posterior = Distribution(units, latent, kernel, rng=rng)
        self.writer = convolution(units, 2 * on_maps, kernel, rng)
        self.canvas = nn.Parameter(torch.zeros(2 * channels, 1, 1))
        self.canvas.data[channels:] = START_LOG_SCALE
        self.start = nn.Parameter(torch.zeros(4, units, 1, 1))  # h and c of the encoder, h and c of the decoder

    def begin(self, batch: int) -> tuple[Tensor, ...]:
        """The empty canvas, and h and c of the encoder and of the decoder before the first step."""
        _, height, width = self.spec.picture
        _, rows, columns = self.latent_shape
        canvas = self.canvas.expand(batch, -1, height, width)
        return canvas, *(state.expand(batch, -1, rows, columns) for state in self.start)

    def written(self, h: Float[Tensor, "B U h w"], dtype: torch.dtype) -> Float[Tensor, "B N H W"]:
        """What a step adds to the canvas: a transposed convolution of stride 2."""
        return F.pixel_shuffle(self.writer(h).to(dtype), STRIDE)

    def mean(self, canvas: Float[Tensor, "... N H W"]) -> Float[Tensor, "... C H W"]:
        """The picture on a canvas, from -1 to 1 and possibly beyond."""
        return canvas[..., : self.spec.picture[0], :, :]

    def forward(self, images: Float[Tensor, "B C H W"], noise: Float[Tensor, "T B Z h w"]) -> Drawing:
        """Reconstructs the pictures, with latents of the posterior."""
        images = 2 * images - 1
        canvas, h_enc, c_enc, h_dec, c_dec = self.begin(len(images))
        steps = []
        for eps in noise:
            seen = to_maps(torch.cat([images, images - self.mean(canvas)], 1))
            h_enc, c_enc = self.encoder(torch.cat([seen, h_dec], 1), h_enc, c_enc)
            prior = self.prior(h_dec, images.dtype)
            posterior = self.posterior(h_enc, images.dtype)
            z = posterior.at(eps)
            h_dec, c_dec = self.decoder(torch.cat([z, to_maps(canvas)], 1), h_dec, c_dec)
            canvas = canvas + self.written(h_dec, images.dtype)
            steps.append((canvas, z, *prior, *posterior))
        canvases, latents, *numbers = (torch.stack(parts) for parts in zip(*steps, strict=True))
        return Drawing(canvases, latents, Normals(*numbers[:2]), Normals(*numbers[2:]))

    def decode(
        self, noise: Float[Tensor, "T B Z h w"], latents: Float[Tensor, "K B Z h w"] | None = None
    ) -> Float[Tensor, "T B N H W"]:
        """The canvases that follow from the first K latents and, after them, from latents of the prior with this noise."""
        canvas, _, _, h, c = self.begin(noise.shape[1])
        canvases = []
        for t, eps in enumerate(noise):
            z = latents[t] if latents is not None and t < len(latents) else self.prior(h, noise.dtype).at(eps)
            h, c = self.decoder(torch.cat([z, to_maps(canvas)], 1), h, c)
            canvas = canvas + self.written(h, noise.dtype)
            canvases.append(canvas)
        return torch.stack(canvases)

    def reconstruction_nats(self, canvas: Float[Tensor, "B N H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        """-log p(x | r_T), of every number for itself."""
        means, log_scales = canvas.permute(0, 2, 3, 1)[..., None, :].chunk(2, -1)  # B H W 1 C
        channels = means.shape[-1]
        mixture = likelihood.LogisticMixture(
            means.new_zeros(means.shape[:-1]),
            HALF_LEVELS * (means + 1),
            log_scales.clamp(min=-6),
            means.new_zeros(*means.shape[:-1], channels * (channels - 1) // 2),
        )
        return -likelihood.log_prob(mixture, (images * 255).round().permute(0, 2, 3, 1)).flatten(1).sum(1)

    def bound(self, batch: NoisyPictures) -> tuple[Float[Tensor, " B"], Float[Tensor, "T B"]]:
        """(reconstruction, KL of every step), nats per picture."""
        drawing = self(batch.images, batch.noise)
        return self.reconstruction_nats(drawing.canvases[-1], batch.images), divergence(drawing.posterior, drawing.prior)

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def check(self, batch: Pictures) -> None:
        """Raises DataError for pictures of another size."""
        check_shape(batch.images, self.spec.picture)

    def draw_noise(self, batch: Pictures, *, rng: torch.Generator) -> NoisyPictures:
        shape = (self.config.steps, len(batch.images), *self.latent_shape)
        return NoisyPictures(batch.images, torch.randn(shape, device=batch.images.device, generator=rng))

    def losses(self, batch: NoisyPictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The bound, nats per picture."""
        reconstruction, kl = self.bound(batch)
        value = reconstruction.mean() + kl.sum(0).mean()
        bits = value.detach() / (likelihood.LOG_2 * batch.images[0].numel())
        yield Loss(value, count=len(batch.images), log={"kl_nats": kl.sum(0).mean().detach(), "bits_per_dim": bits})
        return None

    def measure(self, batch: Pictures, *, rng: torch.Generator) -> Totals:
        """`bits_per_dim`, `bound_nats` and its parts, and `kl_nats_01` ... of every step."""
        reconstruction, kl = self.bound(self.draw_noise(batch, rng=rng))
        bits = (reconstruction + kl.sum(0)) / (likelihood.LOG_2 * batch.images[0].numel())
        count = float(len(bits))
        totals: Totals = {"bits_per_dim": (bits.sum(), count), "bits_per_dim_squared": (bits.square().sum(), count)}
        return totals | likelihood.bound_totals(reconstruction, kl)

    def last_loss(self, batch: Pictures, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p(x | r_T) of each picture, in nats: what the last canvas costs."""
        noisy = self.draw_noise(batch, rng=rng)
        return self.reconstruction_nats(self(*noisy).canvases[-1], noisy.images)

    def importance_weighted(self, batch: Pictures, samples: int, *, rng: torch.Generator) -> Totals:
        """A tighter bound (Burda et al. 2016): -log of the mean over `samples` of p(x, z) / q(z | x)."""
        weights = []
        for _ in range(samples):
            noisy = self.draw_noise(batch, rng=rng)
            drawing = self(*noisy)
            log_ratio = log_density(drawing.prior, drawing.latents) - log_density(drawing.posterior, drawing.latents)
            weights.append(log_ratio.sum(0) - self.reconstruction_nats(drawing.canvases[-1], batch.images))
        return likelihood.importance_totals(weights)

    # ---------------------------------------------------------------- pictures

    @torch.inference_mode()
    def sample(self, request: Request) -> Sample:
        """Samples pictures: latents from the prior, and the mean of the last canvas. Raises ValueError for another size than the
        model's."""
        request.check_single(*self.spec.picture[1:])
        shape = (self.config.steps, *self.latent_shape)
        noise = [torch.randn(shape, generator=request.rng(n)) * request.temperature for n in range(request.n)]
        # Always in chunks of one size: a convolution may round a row differently in a larger batch, and sample number i must not
        # depend on the number of samples.
        noise += [torch.zeros(shape)] * (-request.n % CHUNK)
        chunks = torch.stack(noise, 1).to(self.canvas.device).split(CHUNK, 1)
        return self.show(torch.cat([self.decode(chunk) for chunk in chunks], 1)[:, : request.n])

    @torch.inference_mode()
    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample:
        """Reconstructs the pictures."""
        return self.show(self(*self.draw_noise(Pictures(images), rng=rng)).canvases)

    @torch.inference_mode()
    def keep(self, images: Float[Tensor, "B C H W"], steps: int, *, rng: torch.Generator) -> Sample:
        """Reconstructs the pictures from the latents of the first `steps` steps alone; the prior's means stand for the others."""
        noisy = self.draw_noise(Pictures(images), rng=rng)
        return self.show(self.decode(torch.zeros_like(noisy.noise), self(*noisy).latents[:steps]))

    @torch.inference_mode()
    def interpolate(self, first: Float[Tensor, "C H W"], last: Float[Tensor, "C H W"], count: int) -> Sample:
        """`count` pictures from one to another, by linear interpolation of the latents."""
        pair = torch.stack([first, last])
        noise = torch.zeros(self.config.steps, 2, *self.latent_shape, device=pair.device)
        start, end = self(pair, noise).latents.split(1, 1)
        share = torch.linspace(0, 1, count, device=pair.device)[:, None, None, None]
        latents = start * (1 - share) + end * share
        return self.show(self.decode(torch.zeros_like(latents), latents))

    def show(self, canvases: Float[Tensor, "T B N H W"]) -> Sample:
        pictures = ((self.mean(canvases) + 1) / 2).clamp(0, 1)

        def frames(count: int) -> Iterator[Tensor]:
            steps = torch.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().long()
            return iter(pictures[steps])

        return Sample(pictures[-1], frames)


def divergence(q: Normals, p: Normals) -> Float[Tensor, "..."]:
    """KL(q || p) in nats, added up over the latents of a step."""
    ratio = 2 * (q.log_std - p.log_std)
    shift = (q.mean - p.mean) * (-p.log_std).exp()
    return 0.5 * (shift.square() + ratio.exp() - ratio - 1).sum((-3, -2, -1))


def log_density(normals: Normals, z: Float[Tensor, "... Z h w"]) -> Float[Tensor, "..."]:
    """log p(z), added up over the latents of a step, without the constant log(2 pi) / 2 of each."""
    standard = (z - normals.mean) * (-normals.log_std).exp()
    return -(0.5 * standard.square() + normals.log_std).sum((-3, -2, -1))


PRESETS: dict[str, Recipe] = {
    "cifar10": Recipe(
        model=Config(steps=8, units=64, latent=8, kernel=3),
        data=Standard(name="cifar10", batch=16, mirror=True),
        fit=Fit(minutes=60.0, rate=1e-3, warmup=200, decay=0.7, clip=100_000.0, ema=0.999, valid_steps=500),
        what="CIFAR-10, 256 levels, on a CPU",
        size="604 k",
        figure="4.40 bits/dim, 2,700 pictures",
        about="A small convolutional DRAW for CIFAR-10 with a proper likelihood over 256 levels. Trained here on 2,700 pictures, "
        "far too few for a generative model: 4.40 bits/dim (standard error .04) on 300 held-out ones after 3,600 steps, "
        "28 CPU minutes of one thread (bf16, seed 0); `draw` without convolutions reaches 6.09. 3.58 were reported for the "
        "paper's, which is larger and learned from 50,000 pictures.",
    ),
    "cifar10-paper": Recipe(
        model=Config(),
        data=Standard(name="cifar10", batch=32, mirror=True),
        fit=Fit(minutes=600.0, rate=5e-4, warmup=500, decay=0.7, clip=100_000.0, ema=0.999, valid_steps=2000),
        what="CIFAR-10, at the paper's size",
        size="33 M",
        about="The paper's size for CIFAR-10: 32 steps, 320 feature maps, 12 maps of latents, kernels of 5x5. 3.58 bits/dim were "
        "reported. Not trained here: it needs a GPU.",
    ),
    "tiny": Recipe(
        model=Config(steps=3, units=8, latent=2, kernel=3),
        data=Rectangles(batch=4, count=32),
        fit=Fit(steps=4, warmup=2, clip=10.0),
        what="for tests, and a first look",
        size="13 k",
        about="Trains in seconds on a CPU, on rectangles that it makes itself.",
    ),
}
