"""Speed of the canvas environments' whole `step`, observation included, compared with gymnasium's SyncVectorEnv of single ones.

    uv run python scripts/bench_environments.py [--out scripts/results/bench_environments.md] [--device cuda]

64x64 RGB, episodes of 20 random actions (autoresets and new targets included). Times are CPU time of this process on one thread,
which other processes disturb least; on a GPU, wall time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import drawgen_envs  # noqa: F401
import gymnasium
import numpy as np
import torch

from drawgen.jobs import machine

COUNTS = (1, 64, 1024)
TARGET = {"Spiral": {"target": np.zeros((64, 64, 3), np.uint8)}}


def steps_per_second(envs: gymnasium.vector.VectorEnv, seconds: float, clock: Callable[[], float]) -> float:
    """The median of five stretches of whole episodes."""
    envs.reset(seed=0)
    envs.action_space.seed(0)
    actions = [envs.action_space.sample() for _ in range(20)]
    if getattr(envs.unwrapped, "tensors", False):
        actions = [torch.from_numpy(action).to(envs.unwrapped.paintings.device) for action in actions]
    for action in actions:
        envs.step(action)
    rates = []
    for _ in range(5):
        begun, steps = clock(), 0
        while clock() - begun < seconds / 5:
            for action in actions:
                envs.step(action)
            steps += len(actions) * envs.num_envs
        rates.append(steps / (clock() - begun))
    return sorted(rates)[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    def clock() -> float:
        if arguments.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    rows = []
    for name in ("Canvas", "Reconstruct", "Spiral"):
        for count in COUNTS:
            options = TARGET.get(name, {})
            kind = {"device": arguments.device, "tensors": arguments.device != "cpu"}
            ours = steps_per_second(gymnasium.make_vec(f"drawgen/{name}-v0", count, **options, **kind), arguments.seconds, clock)
            theirs = 0.0
            if count <= 64:  # each of theirs is an object of its own, and more of them are no faster
                sync = gymnasium.make_vec(f"drawgen/{name}-v0", count, vectorization_mode="sync", **options)
                theirs = steps_per_second(sync, arguments.seconds, clock)
            beside = f"{theirs:,.0f} | {ours / theirs:.1f}x" if theirs else "| "
            rows.append(f"| {name}{' with a target' if options else ''} | {count} | {ours:,.0f} | {beside} |")
            print(rows[-1], flush=True)
    where = machine() if arguments.device == "cpu" else torch.cuda.get_device_name()
    time_ = "one thread, CPU time" if arguments.device == "cpu" else "wall time, tensors in and out"
    text = [
        "# Canvas environments: steps per second",
        "",
        f"{where}, torch {torch.__version__}; 64x64 RGB, random actions, episodes of 20; {time_}.",
        "The whole `step`: stroke, picture, reward, new observations, autoreset. For comparison, gymnasium's SyncVectorEnv of as",
        "many single environments.",
        "",
        "| environment | canvases | steps/s | SyncVectorEnv, steps/s | ratio |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    if arguments.out:
        arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
