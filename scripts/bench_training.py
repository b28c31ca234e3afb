"""CPU time per training step of the six models, against another checkout of the project.

    uv run python scripts/bench_training.py --against OTHER_CHECKOUT --out scripts/results/bench_training.md

Both sides run in turn, ten times each, in separate processes on one thread. The time is the process's CPU time from one
line of metrics to the next, the first ones left out: steps as `fit` makes them, on data that is made on the spot.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PAIRS = 10
TRAIN = """
import json, sys, tempfile, time
from dataclasses import replace
from pathlib import Path
import torch
from drawgen import jobs, models
from drawgen.data.clutter import Cluttered
from drawgen.data.digits import Rectangles
from drawgen.data.scenes import Scenes
from drawgen.data.text import Sums
STEPS = {
    "ride": ("texture", None, 24),
    "draw": ("mnist-small", Rectangles(side_px=28, batch=64), 18),
    "draw_classifier": ("cluttered", Cluttered(digits="segments", batch=32), 18),
    "painter": ("characters", Rectangles(side_px=32, batch=16), 18),
    "captioner": ("scenes", Scenes(batch=32), 18),
    "char_rnn": ("shakespeare", Sums(batch=50, length=50), 36),
}
found = {}
with tempfile.TemporaryDirectory() as folder:
    for name, (preset, data, steps) in STEPS.items():
        recipe = models.recipe(name, preset)
        fit = replace(recipe.fit, steps=steps, log_steps=steps // 6, valid_steps=0, device="cpu", warmup=5)
        times = []
        jobs.train(name, replace(recipe, data=data or recipe.data, fit=fit), Path(folder) / name, preset=preset,
                   reports=jobs.Reports(training=lambda progress: times.append(time.process_time())))
        parts = sorted(b - a for a, b in zip(times[1:], times[2:]))
        found[name] = 1000 * parts[len(parts) // 2] / (steps // 6)
print(json.dumps(found))
"""
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, required=True, help="another checkout of the project")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    pairs: list[dict[str, tuple[float, float]]] = []
    for number in range(arguments.pairs):
        sides = [ROOT, arguments.against.resolve()]
        found = {side: train(side) for side in (sides if number % 2 else sides[::-1])}
        pairs.append({name: (found[sides[0]][name], found[sides[1]][name]) for name in found[sides[0]]})
        print(json.dumps(pairs[-1]), file=sys.stderr, flush=True)
    from drawgen import jobs

    lines = [
        "# Speed of training steps",
        "",
        f"{jobs.machine()}, one thread, CPU time of the process per step, in ms; medians of {len(pairs)} interleaved pairs.",
        "The ratio is the median of the pairs' ratios, with the interval that holds the median of all such pairs 95 % of the time",
        "(order statistics).",
        "",
        "| model | ms per step | before | ratio | 95 % interval |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in pairs[0]:
        mine, other = (statistics.median(pair[name][side] for pair in pairs) for side in (0, 1))
        ratios = sorted(pair[name][0] / pair[name][1] for pair in pairs)
        low, high = ratios[max(0, len(ratios) // 5 - 1)], ratios[-max(1, len(ratios) // 5)]  # of ten: the second and the ninth
        lines.append(f"| `{name}` | {mine:.1f} | {other:.1f} | {statistics.median(ratios):.3f} | {low:.3f}, {high:.3f} |")
    lines += ["", "Made by `scripts/bench_training.py`."]
    print("\n".join(lines))
    if arguments.out is not None:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def train(checkout: Path) -> dict[str, float]:
    """ms per step of each model, by the code of a checkout."""
    environment = os.environ | {"PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'envs'}", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [sys.executable, "-c", TRAIN],
            cwd=elsewhere,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            encoding="utf-8",
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
