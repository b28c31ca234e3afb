"""Speed of the spatial LSTM, compared with a loop over pixels that keeps its state and computes one cell per pixel, and with its
own form in torch (`SpatialLSTM.swept`, `likelihood.log_prob`, `pixel_sampling.in_torch`).

    uv run python scripts/bench_ride.py [--out scripts/results/bench_ride.md]

All sides run in full in this process. Times of the first table are CPU seconds of the process (median of the repeats), which other
processes disturb least; those of the second are of one training step, the least of the repeats, because wall time suffers most.
The loop over pixels is plain torch: for sampling, one cell and one head per pixel; for likelihood and training, one cell per pixel
for the whole batch, with the input projections and the head outside the loop, and without autograd's per-step gradients where torch
allows it (`unbind`).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn import functional as F

from drawgen import likelihood, models
from drawgen.contract import Spec, generator
from drawgen.data.pictures import Pictures
from drawgen.jobs import machine
from drawgen.models import ride
from drawgen.nn import pixel_sampling
from drawgen.nn.spatial_lstm import SpatialLSTM, causal_offsets, diagonals
from drawgen.threads import cores, workers


class Steps(NamedTuple):
    """Least seconds of one training step."""

    cpu: float
    wall: float


def cpu_seconds(job: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        job()
        times.append(time.process_time() - begun)
    return sorted(times)[len(times) // 2]


@torch.inference_mode()
def raster_sample(model: ride.Ride, uniforms: torch.Tensor) -> torch.Tensor:
    """One pixel after another."""
    height, width, _ = uniforms.shape
    reach, channels = model.config.neighbourhood // 2, model.channels
    seen = torch.zeros(height + reach, width + 2 * reach, channels)
    levels = torch.zeros(height, width, channels)
    layers = range(len(model.lstms))
    rows = [[(torch.zeros(1, lstm.units),) * 2] * (width + 1) for lstm in model.lstms]  # h and c of the row above
    neighbours = len(causal_offsets(model.config.neighbourhood)) * channels
    for i in range(height):
        for j in range(width):
            window = seen[i : i + reach + 1, j : j + 2 * reach + 1].reshape(1, -1)[:, :neighbours]
            x = window if model.embed is None else F.relu(model.embed(window))
            hidden = x
            for n in layers:
                left, up = rows[n][j - 1] if j else rows[n][width], rows[n][j]
                inputs = x if n == 0 else torch.cat([hidden, x], 1)
                rows[n][j] = model.lstms[n].cell(inputs, (left[0], up[0]), (left[1], up[1]))
                hidden = rows[n][j][0]
            flat = model.head(hidden)
            if model.skip is not None:
                flat = flat + model.skip(window)
            levels[i, j] = likelihood.sample(model.mixture(flat), uniforms[i, j][None])[0]
            seen[i + reach, j + reach] = (levels[i, j] / 255 - model.mean) / model.std
    return levels


def raster_nats(model: ride.Ride, images: torch.Tensor) -> torch.Tensor:
    """-log p per pixel (P B), the recurrence pixel by pixel over the batch."""
    batch, _, height, width = images.shape
    grid = diagonals(height, width)
    window = model.windows((images - model.mean[:, None, None]) / model.std[:, None, None])[grid.place]  # raster order
    x = window if model.embed is None else F.relu(model.embed(window))
    below = x
    for n, lstm in enumerate(model.lstms):
        inputs = x if n == 0 else torch.cat([below, x], -1)
        projected = F.linear(inputs, lstm.weight, lstm.bias).unbind(0)
        zero = torch.zeros(batch, lstm.units)
        row_h, row_c, out = [zero] * width, [zero] * width, []
        for i in range(height):
            left_h, left_c = zero, zero
            for j in range(width):
                gates = torch.addmm(projected[i * width + j], torch.cat([left_h, row_h[j]], 1), lstm.recurrent.t())
                s = gates[:, lstm.units :].sigmoid()
                gate, f_left, f_up, o = s.split(lstm.units, 1)
                left_c = gates[:, : lstm.units].tanh() * gate + lstm.share * (left_c * f_left + row_c[j] * f_up)
                left_h = (o * left_c).tanh()
                row_h[j], row_c[j] = left_h, left_c
                out.append(left_h)
        below = torch.stack(out)
    flat = model.head(below)
    if model.skip is not None:
        flat = flat + model.skip(window)
    levels = (images * 255).round().flatten(2).permute(2, 0, 1)
    return -likelihood.log_prob(model.mixture(flat), levels)


def backward(model: ride.Ride, nats: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    nats.mean().backward()
    return nats.detach()


def rows(name: str, config: ride.Config, repeats: int) -> list[str]:
    """A table's rows for one architecture."""
    model = config.build(Spec((3, 64, 64)), rng=generator(0)).eval()
    for parameter in model.parameters():  # random weights; forget gates stay low
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=generator(1))
    out = []

    def row(what: str, slow: float, fast: float, agreement: str) -> None:
        print(f"{name}: {what}: {slow:.2f} s, {fast:.3f} s, {slow / fast:.1f}x ({agreement})", flush=True)
        out.append(f"| {name} | {what} | {slow:.2f} | {fast:.3f} | {slow / fast:.1f}x | {agreement} |")

    for side in (256, 512):
        uniforms = torch.rand(side, side, 4, generator=generator(2))
        fast_picture = pixel_sampling.by_wavefront(model, uniforms)  # the first one compiles, or reads the compiled form
        fast = cpu_seconds(lambda u=uniforms: pixel_sampling.by_wavefront(model, u), repeats)
        if side == 256:
            begun = time.process_time()
            slow_picture = raster_sample(model, uniforms)
            slow = time.process_time() - begun
            same = float((slow_picture == fast_picture).all(-1).float().mean())
            row(f"sample {side}x{side}", slow, fast, f"{100 * same:.1f} % of the pixels are equal")
        else:
            print(f"{name}: sample {side}x{side}: {fast:.3f} s")
            out.append(f"| {name} | sample {side}x{side} | | {fast:.3f} | | |")
        torch_picture = pixel_sampling.in_torch(model, uniforms)
        in_torch = cpu_seconds(lambda u=uniforms: pixel_sampling.in_torch(model, u), repeats)
        same = float((torch_picture == fast_picture).all(-1).float().mean())
        print(f"{name}: sample {side}x{side} in torch: {in_torch:.3f} s")
        out.append(
            f"| {name} | sample {side}x{side}, torch beside compiled | {in_torch:.2f} | {fast:.3f} | {in_torch / fast:.1f}x | "
            f"{100 * same:.1f} % of the pixels are equal |"
        )
    with torch.inference_mode():
        begun = time.process_time()
        pixel_sampling.around_helix(model, torch.rand(8, 64, 4))  # compiles, or reads the compiled form
        warm = time.process_time() - begun
        helix = cpu_seconds(lambda: pixel_sampling.around_helix(model, torch.rand(256, 256, 4)), 1)
    out.append(f"| {name} | sample 256x256 around a helix (tiles), compiled | {slow:.2f} | {helix:.3f} | {slow / helix:.1f}x | |")
    print(f"{name}: helix {helix:.3f} s (first call {warm:.1f} s)", flush=True)
    for batch, what in ((1, "likelihood of one 64x64"), (16, "likelihood of 16 64x64")):
        images = torch.randint(0, 256, (batch, 3, 64, 64), generator=generator(3)) / 255
        with torch.no_grad():
            a, b = raster_nats(model, images), model.nats(Pictures(images))[diagonals(64, 64).place]
            slow = cpu_seconds(lambda i=images: raster_nats(model, i), 3)
            fast = cpu_seconds(lambda i=images: model.nats(Pictures(i)), repeats)
        row(what, slow, fast, f"largest difference {float((a - b).abs().max()):.1e} nats per pixel")
    images = torch.randint(0, 256, (16, 3, 64, 64), generator=generator(3)) / 255
    backward(model, raster_nats(model, images))
    slow_grad = [p.grad.clone() for p in model.parameters()]
    slow = cpu_seconds(lambda: backward(model, raster_nats(model, images)), 3)
    backward(model, model.nats(Pictures(images)))
    worst = max(float((p.grad - g).abs().max() / g.abs().max()) for p, g in zip(model.parameters(), slow_grad, strict=True))
    fast = cpu_seconds(lambda: backward(model, model.nats(Pictures(images))), repeats)
    row("training step 64x64x16", slow, fast, f"gradients differ by {worst:.0e} of their largest")
    return out


def torch_nats(model: ride.Ride, images: torch.Tensor) -> torch.Tensor:
    """-log p per pixel (P B) without compiled parts: float32 in torch."""
    order = diagonals(*images.shape[2:]).order
    levels = (images * 255).round().flatten(2)[:, :, order].permute(2, 0, 1)
    compiled = SpatialLSTM.forward
    SpatialLSTM.forward = SpatialLSTM.swept  # type: ignore[method-assign]
    try:
        return -likelihood.log_prob(model(images), levels)
    finally:
        SpatialLSTM.forward = compiled  # type: ignore[method-assign]


def step_seconds(job: Callable[[], object], repeats: int) -> Steps:
    job()
    times = []
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        job()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return Steps(*map(min, zip(*times, strict=True)))


def training_rows(name: str, config: ride.Config, repeats: int) -> list[str]:
    """The second table's rows for one architecture: a training step in torch and compiled."""
    out = []
    for channels, side, batch in ((3, 64, 16), (3, 48, 2), (3, 48, 4), (1, 48, 2)):
        model = config.build(Spec((channels, side, side)), rng=generator(0))
        images = torch.randint(0, 256, (batch, channels, side, side), generator=generator(3)) / 255
        tries = repeats if batch > 4 else 6 * repeats
        in_torch = step_seconds(lambda m=model, i=images: backward(m, torch_nats(m, i)), tries)
        found = [in_torch]
        for count in (1, 2):
            with workers(count):
                found.append(step_seconds(lambda m=model, i=images: backward(m, m.nats(Pictures(i))), tries))
        _, one, two = found
        kind = f"{side}x{side}x{batch}, {'colour' if channels == 3 else 'grey'}"
        print(f"{name}: {kind}: torch {in_torch}, compiled {one}, two workers {two}", flush=True)
        out.append(
            f"| {name} | {kind} | {1e3 * in_torch.cpu:.0f} | {1e3 * one.cpu:.0f} | {in_torch.cpu / one.cpu:.1f}x | "
            f"{1e3 * in_torch.wall:.0f} | {1e3 * two.wall:.0f} | {in_torch.wall / two.wall:.1f}x |"
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--note", default="", help="a sentence on the machine for the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    reference = ride.Config(neighbourhood=5, embed=0, hidden=0, skip=False, cell="bounded")
    table = rows("12 neighbours, 2x64, 10 logistics", reference, arguments.repeats)
    texture = models.recipe("ride", "texture").model
    table += rows("preset `texture`", texture, arguments.repeats)
    steps = training_rows("12 neighbours, 2x64, 10 logistics", reference, arguments.repeats)
    steps += training_rows("preset `texture`", texture, arguments.repeats)
    text = "\n".join(
        [
            "# Spatial LSTM: speed",
            "",
            f"{machine()}, torch {torch.__version__}, fp32, random weights, colour. CPU seconds of the",
            "process, one thread; the baseline is the loop over pixels of `scripts/bench_ride.py`, in the same run.",
            "",
            "| model | what | loop over pixels, s | drawgen, s | ratio | agreement |",
            "| --- | --- | --- | --- | --- | --- |",
            *table,
            "",
            "One training step: in torch on one thread, compiled on one thread, and compiled with the pictures of a batch shared",
            f"by two workers ({cores()} cores). Milliseconds, the least of {arguments.repeats} repeats or more.",
            arguments.note,
            "",
            "| model | batch | torch, CPU ms | compiled, CPU ms | ratio | torch, wall ms | two workers, wall ms | ratio |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *steps,
        ]
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
