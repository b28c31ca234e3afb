"""Speed of the canvas: the brush, compared with other libraries that draw the same tapered strokes.

    uv run python scripts/bench_canvas.py [--out scripts/results/bench_canvas.md]

Install them with `uv pip install skia-python pycairo` and `apt install libmypaint-1.5-1 mypaint-brushes`; a missing one is left
out. skia and cairo draw each stroke as a filled ribbon of 24 points and two discs; the corners are computed beforehand and not
timed. libmypaint paints dabs. All of them draw on one canvas. One thread, one run, CPU time of the process (other processes do not
count), the best of several interleaved rounds. On a CUDA device the same strokes are timed by the device's own clock, and compared
with a copy of the canvases, which shows the memory bandwidth.
"""

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from drawgen_envs import brush
from torch import Tensor

from drawgen.contract import generator
from drawgen.jobs import machine

# canvases, strokes on each, size, and how far a stroke goes as a share of the canvas
CASES = [(64, 1, 64, 1.0), (64, 1, 64, 0.3), (64, 8, 64, 1.0), (64, 1, 256, 1.0), (64, 1, 256, 0.3), (1, 500, 128, 0.3)]


def strokes(batch: int, count: int, size: int, reach: float) -> Tensor:
    """Strokes at random (B S P): the first point uniform, the others too, or within a box of `reach` around it; radii 1 to 3 px."""
    out = torch.rand(batch, count, 13, generator=generator(0))
    if reach < 1:
        out[..., 2:6] = out[..., :2].repeat(1, 1, 2) + reach * (out[..., 2:6] - 0.5)
    out[..., 6:8] = (1 + 2 * out[..., 6:8]) / size
    return out


def ribbons(rows: Tensor, size: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each stroke's outline (24 2) in pixels, its ends (2 3: x, y, radius), and its colour with opacity (4)."""
    out = []
    t = np.linspace(0, 1, 12)[:, None]
    for row in rows.double().numpy():
        p0, p1, p2 = row[:6].reshape(3, 2) * size
        path = (1 - t) ** 2 * p0 + 2 * t * (1 - t) * p1 + t**2 * p2
        way = 2 * (1 - t) * (p1 - p0) + 2 * t * (p2 - p1)
        normal = way[:, ::-1] * (1, -1) / np.linalg.norm(way, axis=1, keepdims=True)
        radius = ((1 - t) * row[6] + t * row[7]) * size
        outline = np.concatenate([path + normal * radius, (path - normal * radius)[::-1]])
        ends = np.array([[*p0, row[6] * size], [*p2, row[7] * size]])
        out.append((outline, ends, np.array([*row[10:13], row[8:10].mean()])))
    return out


def skia_painter(rows: Tensor, size: int) -> Callable[[], object]:
    import skia

    surface = skia.Surface(size, size)
    jobs = []
    for outline, ends, colour in ribbons(rows, size):
        paint = skia.Paint(AntiAlias=True, Color4f=skia.Color4f(*map(float, colour)))
        jobs.append(([skia.Point(*map(float, p)) for p in outline], [tuple(map(float, end)) for end in ends], paint))

    def draw() -> None:
        with surface as canvas:
            for points, ends, paint in jobs:
                path = skia.Path.Polygon(points, True)
                for end in ends:
                    path.addCircle(*end)
                canvas.drawPath(path, paint)

    return draw


def cairo_painter(rows: Tensor, size: int) -> Callable[[], object]:
    import cairo

    context = cairo.Context(cairo.ImageSurface(cairo.FORMAT_ARGB32, size, size))
    jobs = [(o.tolist(), e.tolist(), c.tolist()) for o, e, c in ribbons(rows, size)]

    def draw() -> None:
        for outline, ends, colour in jobs:
            context.set_source_rgba(*colour)
            for point in outline:
                context.line_to(*point)
            context.close_path()
            for x, y, radius in ends:
                context.new_sub_path()
                context.arc(x, y, radius, 0, 6.2832)
            context.fill()

    return draw


def mypaint_painter(rows: Tensor, size: int) -> Callable[[], object]:
    """A hard round brush whose radius goes from 1 to 3 pixels with the pressure, its logarithm evenly."""
    from drawgen_envs.mypaint import Surface

    fixed = {"opaque": 1.0, "opaque_linearize": 0.0, "hardness": 0.8, "dabs_per_actual_radius": 2.0, "dabs_per_basic_radius": 0.0}
    settings = {name: {"base_value": value, "inputs": {}} for name, value in fixed.items()}
    settings["radius_logarithmic"] = {"base_value": 0.0, "inputs": {"pressure": [[0, -math.log(3)], [1, 0]]}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "taper.myb"
        file.write_text(json.dumps({"version": 3, "settings": settings}), encoding="utf-8")
        surface = Surface(size, size, brush=file)
    jobs = []
    for row in rows.tolist():
        pressure = [min(max(1 + math.log(r * size / 3) / math.log(3), 0.0), 1.0) for r in row[6:8]]
        jobs.append(((row[0:2], row[2:4], row[4:6]), tuple(pressure), row[10:13]))

    def draw() -> Surface:
        for points, pressure, colour in jobs:
            surface.stroke(*points, pressure=pressure, radius=3 / size, colour=colour)
        return surface

    return draw


def gradient(
    paint: Callable[[Tensor, Tensor], Tensor], canvas: Tensor, rows: Tensor, by_canvas: bool = False
) -> Callable[[], object]:
    wanted = [rows.clone().requires_grad_(), *([canvas] if by_canvas else [])]
    canvas.requires_grad_(by_canvas)
    weight = torch.rand(canvas.shape, generator=generator(1)).to(canvas.device)
    return lambda: torch.autograd.grad(paint(canvas, wanted[0]), wanted, weight)


def rate(painters: dict[str, Callable[[], object]], count: int, rounds: int) -> dict[str, float]:
    """Strokes per second of each, the best round."""
    best: dict[str, float] = {}
    times = dict.fromkeys(painters, 1)
    for round_ in range(-2, rounds):  # the first compiles, the second finds how often to call in the others
        for name, painter in painters.items():
            start = time.process_time()
            for _ in range(times[name]):
                painter()
            spent = time.process_time() - start
            if round_ == -1:
                times[name] = max(1, int(0.1 / spent))
            if round_ >= 0:
                best[name] = max(best.get(name, 0.0), count * times[name] / spent)
    return best


def brush_table(rounds: int) -> list[str]:
    lines = ["| canvases | strokes | library | strokes/s | ratio to plain torch |", "| --- | --- | --- | --- | --- |"]
    for batch, count, size, reach in CASES:
        rows, canvas = strokes(batch, count, size, reach), torch.rand(batch, 3, size, size, generator=generator(2))
        own = canvas.clone()
        few = slice(0, 1) if batch > 1 else slice(None)  # plain torch is slow: one canvas of large ones, and ten strokes of many
        slow = (canvas, rows) if batch > 1 and size == 64 and count == 1 else (canvas[few], rows[few, :10])
        share = rows.shape[0] * rows.shape[1] / (slow[1].shape[0] * slow[1].shape[1])
        painters: dict[str, Callable[[], object]] = {
            "compiled, in place": lambda own=own, rows=rows: brush.paint_(own, rows),
            "compiled, a new canvas": lambda canvas=canvas, rows=rows: brush.paint(canvas, rows),
            "compiled, with gradient": gradient(brush.paint, canvas, rows),
            "compiled, with gradient, also of the canvas": gradient(brush.paint, canvas.clone(), rows, by_canvas=True),
            "plain torch": lambda slow=slow: brush.paint_torch(*slow),
            "plain torch, with gradient": gradient(brush.paint_torch, *slow),
        }
        for name, make in (("skia-python", skia_painter), ("pycairo", cairo_painter), ("libmypaint", mypaint_painter)):
            try:
                painters[f"{name}, one canvas"] = make(rows.flatten(0, 1), size)
            except ImportError:
                print(f"{name} is not installed")
        result = rate(painters, batch * count, rounds)
        for name in result:
            if name.startswith("plain"):
                result[name] /= share
        for name, value in result.items():
            base = result["plain torch, with gradient" if "gradient" in name else "plain torch"]
            kind = "anywhere" if reach == 1 else f"within {reach} of the canvas"
            lines.append(f"| {batch} of {size}x{size} | {count}, {kind} | {name} | {value:,.0f} | {value / base:.1f}x |")
            print(lines[-1], flush=True)
    return lines


def cuda_rate(paint: Callable[[], object], count: int, rounds: int) -> float:
    """Strokes per second on the device, the best round of 20 calls."""
    best = math.inf
    for round_ in range(-1, rounds):  # the first compiles
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(20):
            paint()
        end.record()
        end.synchronize()
        if round_ >= 0:
            best = min(best, start.elapsed_time(end) / 20e3)
    return count / best


def cuda_table(rounds: int) -> list[str]:
    lines = ["| canvases | strokes | who | strokes/s | beside a copy |", "| --- | --- | --- | --- | --- |"]
    for batch, count, size, reach in [*CASES, (1024, 1, 64, 1.0), (1024, 8, 64, 1.0)]:
        rows, canvas = strokes(batch, count, size, reach).cuda(), torch.rand(batch, 3, size, size, device="cuda")
        own, few = canvas.clone(), slice(0, 10)
        share = rows.shape[1] / rows[:, few].shape[1]
        painters: dict[str, Callable[[], object]] = {
            "a copy of the canvases": lambda own=own, canvas=canvas: own.copy_(canvas),
            "compiled, in place": lambda own=own, rows=rows: brush.paint_(own, rows),
            "compiled, a new canvas": lambda canvas=canvas, rows=rows: brush.paint(canvas, rows),
            "compiled, with gradient": gradient(brush.paint, canvas, rows),
            "compiled, with gradient, also of the canvas": gradient(brush.paint, canvas.clone(), rows, by_canvas=True),
            "plain torch": lambda canvas=canvas, rows=rows[:, few]: brush.paint_torch(canvas, rows),
        }
        result = {name: cuda_rate(painter, batch * count, rounds) for name, painter in painters.items()}
        result["plain torch"] /= share
        kind = "anywhere" if reach == 1 else f"within {reach} of the canvas"
        for name, value in result.items():
            beside = value / result["a copy of the canvases"]
            lines.append(f"| {batch} of {size}x{size} | {count}, {kind} | {name} | {value:,.0f} | {beside:.2f}x |")
            print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the tables here, as Markdown")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = brush_table(arguments.rounds)
    waiting = os.getloadavg()[0]
    words = [
        "# The canvas: speed of the brush",
        "",
        f"{machine()}, torch {torch.__version__}, one thread. CPU time of the process, best of {arguments.rounds}",
        "interleaved rounds. RGB, float32. Each stroke has three points, uniform in the canvas or, for short strokes, in a box",
        "around the first; radii of 1 to 3 pixels; opacities 0 to 1.",
        "",
        "The other libraries draw on one canvas. skia and cairo fill a ribbon of 24 points and two discs; their canvas has eight",
        "bits, and each of their strokes has one opacity. libmypaint, called through `drawgen_envs.mypaint`, paints opaque dabs,",
        "two per radius, along 50 straight moves whose radius changes by a constant factor; its canvas has fifteen bits, and its",
        "thinnest strokes are fainter. Plain torch is measured on one canvas with at most ten strokes, except for the single",
        "strokes at 64 px. A new canvas costs one copy of all canvases; the gradient with respect to the canvas costs another.",
        "",
        f"{waiting:.0f} processes were waiting for a core at the end.",
        "",
        *table,
        "",
        "## On a GPU",
        "",
    ]
    if torch.cuda.is_available():
        words += [
            f"{torch.cuda.get_device_name()}, by its own clock, including the launch overhead of Python.",
            "",
            *cuda_table(arguments.rounds),
        ]
    else:
        words += ["Not measured: this machine has none."]
    if arguments.out:
        arguments.out.write_text("\n".join(words) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
