"""Orderings of strokes for a plotter beside vpype's: the travel of the raised pen in mm, and CPU seconds.

    uv run python scripts/bench_plotting.py --svgs FOLDER [--out scripts/results/bench_plotting.md]

The drawings are paintings of scikit-image's photographs (`drawgen paint`), digits by the shipped painter (`drawgen sample
painter`), and SVGs from a folder that consist of lines. Each is placed on A4 and drawn with one pen, so that all its strokes are
one layer.
"""

import argparse
import io
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import vpype
from vpype_cli import execute

import drawgen
from drawgen import jobs, models
from drawgen.image_reading import ImageError
from drawgen.jobs import machine
from drawgen.jobs.stroke_orders import by_network
from drawgen.strokes.ordering import ORDERINGS, Ends, Order, improved, keep, nearest, travel
from drawgen.strokes.plotting import Plot

MM = 96 / 25.4
Method = Callable[[Ends], Order]
OURS: dict[str, Method] = {
    "keep": keep,
    "nearest": nearest,
    "two-opt without kicks": lambda ends: improved(ends, nearest(ends), kicks=0),
    **{name: order for name, order in ORDERINGS.items() if name not in ("keep", "nearest")},
}
"""The orderings of drawgen; a further one is measured as soon as it is here."""
VPYPE = {"linesort": "linesort", "linesort --two-opt": "linesort --two-opt"}
PAINTED = (("coffee", 100), ("chelsea", 250), ("astronaut", 500), ("rocket", 1000), ("coffee", 2000))
FROM_SVG, FEWEST, MOST = 6, 20, 2000


def network(run: str) -> dict[str, Method]:
    """The orderings by a pointer network: alone, and improved."""
    model = models.load(run)
    return {
        "network": lambda ends: by_network(model, ends),
        "network, two-opt without kicks": lambda ends: improved(ends, by_network(model, ends), kicks=0),
        "network, two-opt": lambda ends: improved(ends, by_network(model, ends)),
    }


def drawings(svgs: Path | None) -> dict[str, Plot]:
    """Plots in the order of the drawing, by name."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for photo, strokes in PAINTED:
            painting = drawgen.paint(f"photo:{photo}", strokes=strokes, detail_px=min(128, strokes))
            found[f"paint {photo} with {strokes}"] = drawgen.plot(painting, palette="black", hidden="keep", order="keep")
        for count in (16, 64):
            file = Path(folder) / f"{count}.json"
            jobs.sample("painter", file, n=count)
            found[f"painter, {count} digits"] = drawgen.plot(file, palette="black", hidden="keep", order="keep")
        files = sorted(svgs.rglob("line__*.svg")) if svgs else []
        lines = {}
        for file in files:
            try:
                plot = drawgen.plot(file, palette="black", order="keep")
            except ImageError:
                continue
            if FEWEST <= plot.strokes <= MOST:  # of drawings that differ in their colours alone, the first
                lines.setdefault((plot.strokes, plot.numbers()["pen_up_mm"]), (file.stem.split("__")[-1], plot))
        found |= dict(lines[key] for key in sorted(lines, reverse=True)[:FROM_SVG])
    return found


def measured(plot: Plot) -> dict[str, tuple[float, float, float]]:
    """Travel between strokes, travel from the page's origin on, and CPU seconds, for each method."""
    (layer,) = plot.layers
    ends = layer.ends
    rows = {}
    for name, order in OURS.items():
        begun = time.process_time()
        found = order(ends)
        seconds = time.process_time() - begun
        rows[name] = travel(ends, found, start=False), travel(ends, found), seconds
    document = vpype.read_multilayer_svg(io.StringIO(plot.svg()), quantization=0.1)
    for name, command in VPYPE.items():
        begun = time.process_time()
        sorted_lines = execute(command, document).layers[1]
        seconds = time.process_time() - begun
        assert len(sorted_lines) == len(ends)
        between = sorted_lines.pen_up_length()[0] / MM
        rows[name] = between, between + abs(sorted_lines[0][0]) / MM, seconds
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--svgs", type=Path, help="a folder of SVGs of which those named line__* are taken")
    parser.add_argument("--network", help="a trained pointer_net of strokes")
    parser.add_argument("--out", type=Path, help="write the tables here, as Markdown")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    if arguments.network:
        OURS.update(network(arguments.network))
    for order in OURS.values():
        order(np.random.default_rng(0).uniform(0, 100, (20, 4)))  # compiled, or read from the cache
    names = [*OURS, *VPYPE]
    table, found = [], []
    for name, plot in drawings(arguments.svgs).items():
        rows = measured(plot)
        found.append(rows)
        cells = " | ".join(f"{rows[one][0]:,.0f} ({rows[one][2]:.2f})" for one in names)
        table.append(f"| {name} | {plot.strokes} | {cells} |")
        print(table[-1], flush=True)
    summary = []
    for name in names:
        ratios = [np.array([rows[name][0] / rows[other][0] for rows in found]) for other in VPYPE]
        told = " | ".join(f"{np.median(part):.3f} ({part.min():.3f} to {part.max():.3f})" for part in ratios)
        start = np.median([rows[name][1] / rows["linesort"][1] for rows in found])
        seconds = sum(rows[name][2] for rows in found)
        summary.append(f"| {name} | {told} | {start:.3f} | {seconds:.2f} |")
    text = "\n".join(
        [
            "# Plotting: the travel of the raised pen",
            "",
            f"{machine()}, one thread. {len(found)} drawings on A4, each drawn with one pen. The travel is that between strokes,",
            f"as vpype {vpype.__version__} counts it; drawgen's orderings also count the way from the page's origin to the first",
            "stroke. CPU seconds of the process, the first call, which compiles or reads what is compiled, not counted.",
            "",
            "`two-opt` is the nearest neighbour, 2-opt and Or-opt on neighbour lists, and kicks: `drawgen/strokes/ordering.py`.",
            "`network` is a pointer network that points at stroke and direction, 100 strokes at a time:",
            "`drawgen/jobs/stroke_orders.py`.",
            "",
            "| ordering | / linesort: median (range) | / linesort --two-opt | from the origin, / linesort | CPU s, all |",
            "| --- | --- | --- | --- | --- |",
            *summary,
            "",
            "Travel in mm (CPU seconds):",
            "",
            f"| drawing | strokes | {' | '.join(names)} |",
            "| --- | --- |" + " --- |" * len(names),
            *table,
        ]
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
