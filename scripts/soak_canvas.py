"""A million random steps in the canvas environments: all values have to be finite, memory constant and episodes whole.

uv run python scripts/soak_canvas.py [--steps 1000000] [--out scripts/results/soak_canvas.md]
"""

import argparse
import gc
import time
from pathlib import Path

import drawgen_envs  # noqa: F401
import gymnasium
import numpy as np
import torch

NAMES = ("Canvas", "Reconstruct", "Spiral")
COUNT, LENGTH, SIZE = 256, 20, 32


def resident_mb() -> float:
    """This process's memory, MB (Linux)."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4096 / 1e6


def soak(name: str, steps: int) -> str:
    """Runs `steps` steps and returns one line of the table. Raises SystemExit if a check fails."""
    options = {"target": np.zeros((SIZE, SIZE, 3), np.uint8)} if name == "Spiral" else {}
    envs = gymnasium.make_vec(f"drawgen/{name}-v0", num_envs=COUNT, size=SIZE, length=LENGTH, **options)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    rounds = -(-steps // COUNT)
    ends, bad, first, begun = 0, 0, 0.0, time.process_time()
    for index in range(rounds):
        seen, rewards, _, truncated, infos = envs.step(envs.action_space.sample())
        ends += int(truncated.sum())
        bad += int((~np.isfinite(rewards)).sum()) + int(truncated.any() != bool(infos))
        if index == rounds // 5:  # what is warmed up is warm
            first = resident_mb()
    seconds = time.process_time() - begun
    canvas = envs.unwrapped.paintings.easel.canvas
    bad += int((~torch.isfinite(canvas)).sum()) + int(not envs.observation_space.contains(seen))
    growth = resident_mb() - first
    if bad or ends != rounds // LENGTH * COUNT or growth > 16:
        raise SystemExit(f"{name}: {bad} things wrong, {ends} episodes, {growth:.1f} MB more")
    return f"| {name} | {rounds * COUNT:,} | {ends:,} | {bad} | {growth:+.1f} | {rounds * COUNT / seconds:,.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000, help="over all environments together")
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "# Soak of the canvas environments",
        "",
        f"`scripts/soak_canvas.py`: random actions, {COUNT} canvases of {SIZE}x{SIZE} at once, episodes of {LENGTH}. Growth is",
        "that of resident memory over the last four fifths of the steps. Values that are not finite are counted in the rewards and",
        "in the final canvases.",
        "",
        "| environment | steps | episodes | values not finite, or other faults | growth, MB | steps/s with sampling, CPU time |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in NAMES:
        lines.append(soak(name, -(-arguments.steps // len(NAMES))))
        print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
