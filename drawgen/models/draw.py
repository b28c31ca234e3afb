"""DRAW (Gregor et al. 2015, "DRAW: A Recurrent Neural Network For Image Generation").

Axes: B pictures, C channels, H rows, W columns, T steps, U units, Z latents, N filters per side, R numbers read, P parameters.

A picture is drawn in T steps onto a canvas c. At each step the encoder reads the picture and the error picture, and gives the
distribution of a latent z_t. The decoder reads a sample of z_t and adds to the canvas. Both work through windows that the decoder
places:

    e_t = x - sigmoid(c_{t-1})                            error picture
    r_t = read(x, e_t, h_dec_{t-1})
    h_enc_t = LSTM(h_enc_{t-1}, [r_t, h_dec_{t-1}])
    z_t ~ q(z | h_enc_t) = Normal(mu_t, sigma_t)
    h_dec_t = LSTM(h_dec_{t-1}, z_t)
    c_t = c_{t-1} + write(h_dec_t)                        equations 3 to 8

The loss is a bound on -log p(x), in nats: -log p(x | c_T) + sum_t KL(q_t || Normal(0, 1)), equations 9 to 12.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import likelihood
from drawgen.contract import Group, Loss, Player, Recipe, Request, Sample, Spec, State, Totals
from drawgen.data.digits import Binarized, Rectangles
from drawgen.data.pictures import DataError, Pictures, check_shape
from drawgen.data.standard import Standard
from drawgen.nn import draw_cpu, glimpse
from drawgen.nn.linear import linear
from drawgen.nn.recording import recorder
from drawgen.nn.recurrence import LSTM
from drawgen.ranges import ArgumentError, check_choice, check_fields
from drawgen.training import Fit

CHUNK = 16
"""Pictures sampled at once."""
MOST_STEPS = 1000
"""Every step is kept for the gradient: about a megabyte of each for 128 digits."""
LIKELIHOODS = ("bernoulli", "cross-entropy", "logistic")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A deep recurrent attentive writer."""

    steps: int = 64
    """Steps T in which a picture is drawn."""
    units: int = 256
    """Units of the encoder's and of the decoder's LSTM."""
    latent: int = 100
    """Latent variables per step."""
    read: int = 2
    """Filters per side of the read window; 0 reads the whole picture (no attention)."""
    write: int = 5
    """Filters per side of the write window; 0 writes the whole canvas (no attention)."""
    likelihood: str = "bernoulli"
    """p(x | canvas): `bernoulli` for binary pictures, `logistic` (discretised) for 8 bits, `cross-entropy` as in the paper."""
    start_stride: float = 0.5
    """Initial stride of the windows, as a fraction of the stride that spans the picture."""
    start_variance: float = 4.5
    """Initial variance of the windows' filters, in square pixels; if it is too small, the latents stay unused."""

    def __post_init__(self) -> None:
        check_fields(self, "model", "steps", at_least=1, at_most=MOST_STEPS)
        check_fields(self, "model", "units", "latent", at_least=1)
        check_fields(self, "model", "read", "write", at_least=0)
        check_fields(self, "model", "start_stride", "start_variance", above=0, below=1_000_000)
        check_choice("model.likelihood", self.likelihood, LIKELIHOODS)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Draw":
        return Draw(self, spec, rng=rng)


class NoisyPictures(NamedTuple):
    """A batch and the latent noise of its training step."""

    images: Float[Tensor, "B C H W"]
    noise: Float[Tensor, "T B Z"]


class Drawing(NamedTuple):
    """How pictures were drawn; `read` is empty for samples, which read nothing."""

    canvases: Float[Tensor, "T B C H W"]
    """Before the sigmoid."""
    read: Float[Tensor, "T B P"]
    write: Float[Tensor, "T B Q"]
    """The five parameters of each window at each step; empty without attention."""


class Encoding(NamedTuple):
    """What the bound is computed from. On a CPU only the canvas and the KL terms have a gradient."""

    canvas: Float[Tensor, "B C H W"]
    """The last one, before the sigmoid."""
    kl: Float[Tensor, "T B"]
    """KL(q_t || Normal(0, 1)), nats."""
    mean: Float[Tensor, "T B Z"]
    log_std: Float[Tensor, "T B Z"]


# ---------------------------------------------------------------- readers and writers


class AttentiveReader(nn.Module):
    """r = [read(x), read(e)] through one window."""

    parameters_wanted = 5

    def __init__(self, spec: Spec, filters: int) -> None:
        super().__init__()
        self.channels, self.height, self.width = spec.picture
        self.filters = filters
        self.size = 2 * self.channels * filters**2

    def forward(self, image: Tensor, error: Tensor, numbers: Float[Tensor, "B 5"]) -> Float[Tensor, "B R"]:
        window = glimpse.place(numbers, self.height, self.width, self.filters)
        return glimpse.read(torch.cat([image, error], 1), window, self.filters).flatten(1)


class WholeReader(nn.Module):
    """r = [x, e]."""

    parameters_wanted = 0

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        channels, height, width = spec.picture
        self.size = 2 * channels * height * width

    def forward(self, image: Tensor, error: Tensor, numbers: Float[Tensor, "B 0"]) -> Float[Tensor, "B R"]:
        return torch.cat([image, error], 1).flatten(1)


class AttentiveWriter(nn.Module):
    """Writes an N x N patch on the canvas through a window."""

    def __init__(self, spec: Spec, filters: int) -> None:
        super().__init__()
        self.channels, self.height, self.width = spec.picture
        self.filters = filters
        self.parameters_wanted = 5 + self.channels * filters**2

    def forward(self, numbers: Float[Tensor, "B P"]) -> Float[Tensor, "B C H W"]:
        window = glimpse.place(numbers[:, :5], self.height, self.width, self.filters)
        patch = numbers[:, 5:].unflatten(1, (self.channels, self.filters, self.filters))
        return glimpse.write(patch, window, self.height, self.width)


class WholeWriter(nn.Module):
    """Writes the whole canvas at once."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.picture
        channels, height, width = spec.picture
        self.parameters_wanted = channels * height * width

    def forward(self, numbers: Float[Tensor, "B P"]) -> Float[Tensor, "B C H W"]:
        return numbers.unflatten(1, self.shape)


# ---------------------------------------------------------------- the model


class Draw(nn.Module):
    static = half_on_cpu = True
    compilable = ("encoder", "decoder")

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        for name in ("read", "write"):
            side, most = getattr(config, name), min(spec.picture[1:])
            if side > most:
                raise ArgumentError(
                    f"model.{name}", f"is {side} filters per side, and the pictures have {most} pixels; give at most {most}"
                )
        self.config, self.spec = config, spec
        self.spare = draw_cpu.Spare()
        self.binary = config.likelihood == "bernoulli"
        self.ink = self.binary
        self.reader = AttentiveReader(spec, config.read) if config.read else WholeReader(spec)
        self.writer = AttentiveWriter(spec, config.write) if config.write else WholeWriter(spec)
        units, latent = config.units, config.latent
        self.encoder = LSTM(self.reader.size + units, units, rng=rng)
        self.decoder = LSTM(latent, units, rng=rng)
        self.posterior = linear(units, 2 * latent, rng)
        # The decoder's state places both windows and gives the patch: one matrix product per step for all of them.
        self.outputs = linear(units, self.reader.parameters_wanted + self.writer.parameters_wanted, rng)
        self.canvas = nn.Parameter(torch.zeros(spec.picture))
        self.start = nn.Parameter(torch.zeros(4, units))  # h and c of the encoder, h and c of the decoder
        self.log_scale = nn.Parameter(torch.full((spec.picture[0],), 2.0)) if config.likelihood == "logistic" else None
        starts = ([0] if config.read else []) + ([self.reader.parameters_wanted] if config.write else [])
        for at in starts:
            self.outputs.bias.data[at + 2] = torch.tensor(config.start_variance).log()
            self.outputs.bias.data[at + 3] = torch.tensor(config.start_stride).log()

    def forward(
        self, images: Float[Tensor, "B C H W"], noise: Float[Tensor, "T B Z"]
    ) -> tuple[Drawing, Float[Tensor, "T B Z"], Float[Tensor, "T B Z"]]:
        """Reconstructs the pictures: the drawing, and the posterior's means and log standard deviations."""
        batch = len(images)
        h_enc, c_enc, h_dec, c_dec = (row.expand(batch, -1) for row in self.start)
        canvas = self.canvas.expand(batch, -1, -1, -1)
        sizes = [self.reader.parameters_wanted, self.writer.parameters_wanted]
        look, _ = self.outputs(h_dec).split(sizes, 1)
        canvases, reads, writes, means, log_stds = [], [], [], [], []
        for eps in noise:
            r = self.reader(images, images - canvas.sigmoid(), look.to(images.dtype))
            h_enc, c_enc = self.encoder(torch.cat([r, h_dec], 1), h_enc, c_enc)
            mean, log_std = self.posterior(h_enc).to(images.dtype).chunk(2, 1)
            z = mean + log_std.exp() * eps
            h_dec, c_dec = self.decoder(z, h_dec, c_dec)
            reads.append(look)
            look, stroke = self.outputs(h_dec).split(sizes, 1)
            canvas = canvas + self.writer(stroke.to(images.dtype))
            canvases.append(canvas)
            writes.append(stroke)
            means.append(mean)
            log_stds.append(log_std)
        drawing = Drawing(torch.stack(canvases), torch.stack(reads), torch.stack(writes))
        return drawing, torch.stack(means), torch.stack(log_stds)

    def encode(self, images: Float[Tensor, "B C H W"], noise: Float[Tensor, "T B Z"]) -> "Encoding":
        """Reconstructs the pictures, and keeps the last canvas only: on a CPU by the compiled twin, unless states are recorded."""
        if images.device.type == "cpu" and images.dtype != torch.bfloat16 and recorder() is None:
            config, half = self.config, torch.is_autocast_enabled("cpu")
            weights, window = self.weights(), {"read": config.read, "write": config.write}
            return Encoding(*draw_cpu.reconstruct(images, noise, weights, self.spare, **window, half=half))
        drawing, mean, log_std = self(images, noise)
        kl = 0.5 * (mean.square() + (2 * log_std).exp() - 2 * log_std - 1).sum(2)
        return Encoding(drawing.canvases[-1], kl, mean, log_std)

    def weights(self) -> draw_cpu.Weights:
        encoder, decoder, posterior, outputs = self.encoder, self.decoder, self.posterior, self.outputs
        return draw_cpu.Weights(
            encoder.weight, encoder.bias, decoder.weight, decoder.bias, posterior.weight, posterior.bias, outputs.weight,
            outputs.bias, self.start, self.canvas,
        )  # fmt: skip

    def decode(self, latents: Float[Tensor, "T B Z"]) -> Drawing:
        """Draws from latents alone."""
        batch = latents.shape[1]
        _, _, h, c = (row.expand(batch, -1) for row in self.start)
        canvas = self.canvas.expand(batch, -1, -1, -1)
        canvases, writes = [], []
        for z in latents:
            h, c = self.decoder(z, h, c)
            stroke = self.outputs(h)[:, self.reader.parameters_wanted :]
            canvas = canvas + self.writer(stroke)
            canvases.append(canvas)
            writes.append(stroke)
        return Drawing(torch.stack(canvases), latents.new_zeros(len(latents), batch, 0), torch.stack(writes))

    def reconstruction_nats(self, canvas: Float[Tensor, "B C H W"], images: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        """-log p(x | c_T)."""
        if self.log_scale is None:
            return F.binary_cross_entropy_with_logits(canvas, images, reduction="none").flatten(1).sum(1)
        means = canvas.sigmoid().permute(0, 2, 3, 1)[..., None, :] * 255  # B H W 1 C
        shape = means.shape
        mixture = likelihood.LogisticMixture(
            means.new_zeros(shape[:-1]),
            means,
            self.log_scale.clamp(min=-6).expand(shape),
            means.new_zeros(*shape[:-1], shape[-1] * (shape[-1] - 1) // 2),
        )
        return -likelihood.log_prob(mixture, (images * 255).round().permute(0, 2, 3, 1)).flatten(1).sum(1)

    def bound(self, batch: NoisyPictures) -> tuple[Float[Tensor, " B"], Float[Tensor, "T B"]]:
        """(reconstruction, KL of every step), nats per picture."""
        found = self.encode(batch.images, batch.noise)
        return self.reconstruction_nats(found.canvas, batch.images), found.kl

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def check(self, batch: Pictures) -> None:
        """Raises DataError for pictures of another size, and for grey pictures if the likelihood is Bernoulli."""
        images = batch.images
        check_shape(images, self.spec.picture)
        if self.config.likelihood == "bernoulli" and bool(((images != 0) & (images != 1)).any()):
            raise DataError(
                "the pictures have grey values and model.likelihood bernoulli is for black and white; set data.threshold (0.5), or "
                "model.likelihood to logistic or cross-entropy"
            )

    def draw_noise(self, batch: Pictures, *, rng: torch.Generator) -> NoisyPictures:
        shape = (self.config.steps, len(batch.images), self.config.latent)
        return NoisyPictures(batch.images, torch.randn(shape, device=batch.images.device, generator=rng))

    def losses(self, batch: NoisyPictures, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The bound, nats per picture."""
        reconstruction, kl = self.bound(batch)
        value = reconstruction.mean() + kl.sum(0).mean()
        yield Loss(value, count=len(batch.images), log={"kl_nats": kl.sum(0).mean().detach()})
        return None

    def measure(self, batch: Pictures, *, rng: torch.Generator) -> Totals:
        """`bound_nats` and its parts, `bits_per_dim` for 8-bit pictures, and `kl_nats_01` ... of every step."""
        reconstruction, kl = self.bound(self.draw_noise(batch, rng=rng))
        totals: Totals = likelihood.bound_totals(reconstruction, kl)
        if self.log_scale is not None:
            nats, count = totals["bound_nats"]
            totals["bits_per_dim"] = (nats / likelihood.LOG_2, count * batch.images[0].numel())
        return totals

    def last_loss(self, batch: Pictures, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p(x | c_T) of each picture, in nats: what the last canvas costs."""
        noisy = self.draw_noise(batch, rng=rng)
        return self.reconstruction_nats(self.encode(*noisy).canvas, noisy.images)

    def importance_weighted(self, batch: Pictures, samples: int, *, rng: torch.Generator) -> Totals:
        """A tighter bound (Burda et al. 2016): -log of the mean over `samples` of p(x, z) / q(z | x)."""
        weights = []
        for _ in range(samples):
            noisy = self.draw_noise(batch, rng=rng)
            found = self.encode(*noisy)
            z = found.mean + found.log_std.exp() * noisy.noise
            log_ratio = (0.5 * noisy.noise.square() + found.log_std - 0.5 * z.square()).sum((0, 2))  # log p(z) - log q(z | x)
            weights.append(log_ratio - self.reconstruction_nats(found.canvas, batch.images))
        return likelihood.importance_totals(weights)

    # ---------------------------------------------------------------- pictures

    @torch.inference_mode()
    def sample(self, request: Request) -> Sample:
        """Samples pictures from the prior. Raises ValueError for another size than the model's."""
        request.check_single(*self.spec.picture[1:])
        shape = (self.config.steps, self.config.latent)
        latents = [torch.randn(shape, generator=request.rng(n)) * request.temperature for n in range(request.n)]
        # Always in chunks of one size: a matrix product rounds a row differently in a larger batch, and sample number i must not
        # depend on the number of samples.
        latents += [torch.zeros(shape)] * (-request.n % CHUNK)
        chunks = torch.stack(latents, 1).to(self.canvas.device).split(CHUNK, 1)
        drawn = [self.decode(chunk) for chunk in chunks]
        return self.show(Drawing(*(torch.cat(parts, 1)[:, : request.n] for parts in zip(*drawn, strict=True))))

    @torch.inference_mode()
    def reconstruct(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Sample:
        """Reconstructs the pictures."""
        drawing, _, _ = self(*self.draw_noise(Pictures(images), rng=rng))
        return self.show(drawing)

    @torch.inference_mode()
    def interpolate(self, first: Float[Tensor, "C H W"], last: Float[Tensor, "C H W"], count: int) -> Sample:
        """`count` pictures from one to another, by linear interpolation of the latents' means."""
        pair = torch.stack([first, last])
        noise = torch.zeros(self.config.steps, 2, self.config.latent, device=pair.device)
        _, mean, _ = self(pair, noise)
        share = torch.linspace(0, 1, count, device=pair.device)[None, :, None]
        return self.show(self.decode(mean[:, :1] * (1 - share) + mean[:, 1:] * share))

    def show(self, drawing: Drawing) -> Sample:
        canvases = drawing.canvases.sigmoid()

        def frames(count: int) -> Iterator[Tensor]:
            steps = torch.linspace(0, len(canvases) - 1, min(count, len(canvases))).round().long()
            return iter(canvases[steps])

        boxes = {}
        if self.config.read and drawing.read.shape[2]:
            boxes["read"] = glimpse.box(drawing.read[..., :5], *self.spec.picture[1:], self.config.read)
        if self.config.write:
            boxes["write"] = glimpse.box(drawing.write[..., :5], *self.spec.picture[1:], self.config.write)
        return Sample(canvases[-1], frames, boxes)


SHORT = Fit(minutes=20.0, rate=2e-3, warmup=100, decay=1.0, clip=10.0, ema=0.999, valid_steps=1000)
LONG = Fit(minutes=240.0, rate=1.5e-3, warmup=500, decay=1.0, clip=10.0, ema=0.999, valid_steps=2000)

PRESETS: dict[str, Recipe] = {
    "mnist-small": Recipe(
        model=Config(steps=10, read=5, write=5),
        data=Binarized(),
        fit=SHORT,
        what="MNIST in 10 steps, on a CPU",
        size="1.0 M",
        figure="88.64 nats",
        about="A small DRAW for MNIST in its fixed binarisation. Measured on its validation part (seed 0): 88.64 nats "
        "(standard error .25), 85.64 with 20 importance-weighted samples, after 14,000 steps, 43 minutes on one thread "
        "of a busy two-core Xeon.",
    ),
    "mnist": Recipe(
        model=Config(steps=32, read=5, write=5),
        data=Binarized(),
        fit=Fit(steps=38_000, rate=2e-3, warmup=500, decay=1.0, clip=10.0, ema=0.9995, valid_steps=2000),
        what="MNIST in 32 steps, two hours of a CPU",
        size="1.0 M",
        figure="82.60 nats",
        about="Between mnist-small and mnist-paper, for a CPU: 32 steps, read and write 5x5. Measured on the validation part of "
        "the fixed binarisation (seed 0): 82.60 nats (standard error .22), 80.77 with 20 importance-weighted samples, after "
        "38,000 steps in bfloat16, 111 minutes on one thread of a busy two-core Xeon. The paper's 80.97, of 64 steps, is on the "
        "test part.",
    ),
    "mnist-paper": Recipe(
        model=Config(steps=64, read=2, write=5),
        data=Binarized(),
        fit=LONG,
        what="MNIST as published",
        size="961 k",
        figure="109.55 nats, 2,400 steps",
        about="The paper's model for MNIST: 64 steps, read 2x2, write 5x5, LSTM 256, z 100. Its bound is 80.97 nats on the "
        "test part. Measured on the validation part (seed 0), at the beginning of training: 109.55 nats (standard error .33) after "
        "2,400 steps at a rate of 1.5e-3, 47 minutes of a shared thread.",
    ),
    "mnist-no-attention": Recipe(
        model=Config(steps=64, read=0, write=0),
        data=Binarized(),
        fit=LONG,
        what="MNIST as published, without attention",
        size="2.8 M",
        figure="95.86 nats",
        about="The paper's model without attention, on MNIST: it reads and writes whole pictures (87.40 nats on the test part). "
        "Measured on the validation part of the fixed binarisation (seed 0): 95.86 nats (standard error .27) after 3,561 steps at "
        "a rate of 1e-3, 59 minutes of a busy thread.",
    ),
    "omniglot": Recipe(
        model=Config(steps=10, read=5, write=5),
        data=Standard(name="omniglot", side_px=28, threshold=0.35, jitter_px=2),
        fit=SHORT,
        what="characters at 28x28, on a CPU",
        size="1.0 M",
        figure="95.9 nats",
        about="Omniglot's characters at 28x28 in black and white, with the settings of mnist-small. Measured on every tenth "
        "drawing of six alphabets (seed 0): 95.9 nats (standard error 1.9) after 5,500 steps. With so few alphabets, and "
        "another binarisation, that does not compare with the published 96.5.",
    ),
    "two-digits": Recipe(
        model=Config(steps=32, read=5, write=5, likelihood="cross-entropy"),
        data=Standard(name="mnist", digits=2, canvas_px=60),
        fit=LONG,
        what="two digits on a canvas of 60x60",
        size="1.0 M",
        figure="228.3 nats",
        about="Two MNIST digits at random places of a 60x60 canvas, as in the paper's section 4.4, which shows pictures alone. "
        "Measured on 10,000 held-out pairs (seed 0): 228.3 nats by cross-entropy (standard error .43) after 8,955 steps at a rate "
        "of 1.5e-3, 64 minutes of a busy thread.",
    ),
    "svhn": Recipe(
        model=Config(steps=32, units=800, read=12, write=12, likelihood="cross-entropy"),
        data=Standard(name="svhn", batch=100),
        fit=LONG,
        what="house numbers at 32x32",
        size="11.3 M",
        about="House numbers at 32x32 (the paper crops 54x54 from larger pictures), read and write 12x12. Not trained "
        "here; `colour-digits` was.",
    ),
    "colour-digits": Recipe(
        model=Config(steps=32, units=800, read=12, write=12, likelihood="cross-entropy"),
        data=Standard(name="mnist", side_px=32, colour=True, batch=100),
        fit=LONG,
        what="MNIST in colour, for svhn's model",
        size="11.3 M",
        figure="1,655 nats, blurred",
        about="The model of `svhn` on MNIST digits in one colour on another, for those without house numbers. Measured on 10,000 "
        "held-out digits (seed 0): 1,655 nats by cross-entropy (standard error 2.9) after 1,300 steps at a rate of 5e-4, 58 "
        "minutes of a shared thread. Its samples are blurred; it takes longer.",
    ),
    "cifar10": Recipe(
        model=Config(steps=64, units=400, latent=200, read=5, write=5, likelihood="logistic"),
        data=Standard(name="cifar10", batch=100),
        fit=replace(LONG, rate=4e-4, clip=10_000.0),
        what="CIFAR-10, 256 levels",
        size="2.7 M",
        figure="6.09 bits/dim, 2,700 pictures",
        about="CIFAR-10 with a proper likelihood over 256 levels, so that bits/dim mean something. 4.13 was reported for DRAW. "
        "Measured on 300 pictures, after 2,000 steps on 2,700 others, 27 minutes of a busy thread (seed 0): 6.09 bits/dim "
        "(standard error .02). So few pictures and steps say nothing of the paper's figure; it is for the comparison with "
        "conv_draw.",
    ),
    "tiny": Recipe(
        model=Config(steps=3, units=16, latent=5, read=3, write=3),
        data=Rectangles(batch=4, count=32),
        fit=Fit(steps=4, warmup=2, clip=10.0),
        what="for tests, and a first look",
        size="5 k",
        about="Trains in seconds on a CPU, on rectangles that it makes itself.",
    ),
}
