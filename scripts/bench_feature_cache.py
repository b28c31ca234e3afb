"""Milliseconds per training step of a captioner with a frozen encoder, with and without the feature cache, in one run.

    uv run python scripts/bench_feature_cache.py --data captions_train2017.json --out scripts/results/bench_feature_cache.md

A step is forward and backward, on pictures in memory. The encoder is a ResNet-18 with random weights. Times are CPU time of the
process on one thread, so that other processes do not count; the files are in the system's page cache.
"""

import argparse
import itertools
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from drawgen import jobs, models
from drawgen.contract import generator
from drawgen.data.captions import Captioned

STEPS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="captions with their pictures, as data.path")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = Captioned(path=arguments.data, batch=32, min_count=1)
    batches = list(itertools.islice(data.stream("train", seed=0), STEPS))

    def step_ms(model: torch.nn.Module) -> tuple[float, float]:
        """The shortest time of the second pass over the batches, and the last loss."""
        times = []
        for batch in batches * 2:
            begun = time.process_time()
            loss = next(model.losses(batch, state={}, rng=generator(0)))
            loss.value.backward()
            times.append(1e3 * (time.process_time() - begun))
        return min(times[STEPS:]), float(loss.value.detach())

    lines = [
        "# Speed of a captioner with a frozen encoder",
        "",
        f"{jobs.machine()}, torch {torch.__version__}, one thread, CPU time of the process, fp32. {data.batch} pictures of",
        f"{data.side_px}x{data.side_px} pixels per step, ResNet-18 with random weights, {len(data.words)} words.",
        "",
        "| preset's decoder | ms per step | with --model.feature-cache | ratio | bytes per picture | loss without, with |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for preset in ("show-and-tell", "show-attend-tell"):
        config = replace(models.recipe("captioner", preset).model, encoder="resnet18", encoder_weights="")
        with tempfile.TemporaryDirectory() as folder:
            plain = config.build(data.spec(), rng=generator(0)).train()
            cached = replace(config, feature_cache=folder).build(data.spec(), rng=generator(0)).train()
            cached.load_state_dict(plain.state_dict())
            (without, loss), (with_it, same) = step_ms(plain), step_ms(cached)
            size = next(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        lines.append(f"| {preset} | {without:.0f} | {with_it:.0f} | {without / with_it:.1f} | {size} | {loss:.4f}, {same:.4f} |")
    lines += ["", "Made by `scripts/bench_feature_cache.py`."]
    print("\n".join(lines))
    if arguments.out is not None:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
