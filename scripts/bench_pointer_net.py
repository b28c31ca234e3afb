"""Speed of training the pointer network, compared with a loop over steps.

    uv run python scripts/bench_pointer_net.py [--out scripts/results/bench_pointer_net.md]

The loop is what most public implementations do: `nn.LSTMCell` for every point and every symbol, and additive attention with
torch.tanh at every step, with the encoder's states projected at each. Both take the same batch, of 128 sets: the preset `hull` with
its 128 units, in one direction for the loop's sake. One thread; CPU time, because other processes may be busy; the implementations
take turns, and each figure is the least of its turns.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.contract import generator
from drawgen.data.points import PointBatch, labelled
from drawgen.jobs import machine
from drawgen.models.pointer_net import PRESETS

UNITS, SETS, TURNS = 128, 128, 4


class Loop(nn.Module):
    """A pointer network, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.LSTMCell(2, UNITS), nn.LSTMCell(2 + UNITS, UNITS)
        self.end, self.go = nn.Parameter(torch.zeros(1, UNITS)), nn.Parameter(torch.zeros(1, 2))
        self.key, self.query, self.score = nn.Linear(UNITS, UNITS), nn.Linear(UNITS, UNITS), nn.Linear(UNITS, 1)

    def forward(self, points: Tensor, answers: Tensor) -> Tensor:
        rows = torch.arange(len(points))
        h = c = points.new_zeros(len(points), UNITS)
        states = [self.end.expand(len(points), -1)]
        for t in range(points.shape[1]):
            h, c = self.encoder(points[:, t], (h, c))
            states.append(h)
        places = torch.stack(states, 1)
        inputs = torch.cat([torch.cat([self.go.expand(len(points), 1, -1), points], 1), places], 2)
        symbols, total = torch.zeros_like(answers[:, 0]), points.new_zeros(())
        for t in range(answers.shape[1]):
            h, c = self.decoder(inputs[rows, symbols], (h, c))
            energies = self.score(torch.tanh(self.key(places) + self.query(h)[:, None]))[..., 0]
            symbols = answers[:, t]
            total = total + F.cross_entropy(energies, symbols)
        return total / answers.shape[1]


def seconds(jobs: list[Callable[[], object]]) -> list[float]:
    """The least processor time of each job."""
    times: list[list[float]] = [[] for _ in jobs]
    for turn in range(TURNS + 1):
        for job, kept in zip(jobs, times, strict=True):
            begun = time.process_time()
            job()
            if turn:  # the first turn compiles
                kept.append(time.process_time() - begun)
    return [min(kept) for kept in times]


def compared(task: str, many: int) -> list[float]:
    """Seconds of a training step: the loop, ours, ours in bfloat16."""
    batch = labelled(np.random.default_rng(0).random((SETS, many, 2)), task)
    preset = PRESETS["hull"]
    config = replace(preset.model, order="given", bidirectional=False, masked=False)
    ours = config.build(replace(preset.data, task=task).spec(), rng=generator(0))
    loop = Loop()
    return seconds(
        [
            step(loop, lambda: loop(batch.points, batch.answers)),
            step(ours, lambda: loss(ours, batch)),
            step(ours, lambda: in_bfloat16(ours, batch)),
        ]
    )


def loss(model: nn.Module, batch: PointBatch) -> Tensor:
    return next(model.losses(batch, state={}, rng=generator(0))).value


def in_bfloat16(model: nn.Module, batch: PointBatch) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return loss(model, batch)


def step(model: nn.Module, value: Callable[[], Tensor]) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)

    def taken() -> None:
        optimiser.zero_grad()
        value().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for task, many in (("hull", 10), ("hull", 50), ("tour", 20), ("delaunay", 10)):
        slow, fast, short = compared(task, many)
        rows.append(f"| {task} | {many} | {slow * 1e3:.0f} | {fast * 1e3:.0f} | {slow / fast:.1f} | {short * 1e3:.0f} "
                    f"| {slow / short:.1f} |")  # fmt: skip
    text = [
        "# Speed of training the pointer network",
        "",
        f"By `scripts/bench_pointer_net.py` on one thread of {machine()}, torch {torch.__version__}. Milliseconds of CPU time per "
        f"step on {SETS} sets, forward, backward and optimiser, with 128 units, in one direction.",
        "",
        "| task | points | loop over steps, ms | drawgen, ms | ratio | drawgen in bfloat16, ms | ratio |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        "A loop calls `nn.LSTMCell` for every point and every symbol, and projects the encoder's states at every step. drawgen calls "
        "the LSTM once for all points and once for all symbols, projects the states once, and computes the energies of all steps in "
        "one compiled pass, forward and backward (`nn/attention_cpu.py`). bfloat16 (`--fit.precision bf16`) is fast on processors "
        "that have instructions for it.",
    ]
    print("\n".join(text))
    if arguments.out:
        arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
