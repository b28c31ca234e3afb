"""How long a dependency each recurrent cell learns: the tasks of `drawgen/data/long_memory.py` at 20, 50, 100 and 200 steps.

    uv run python scripts/memory_report.py [--out scripts/results/memory_tasks.md] [--seconds 25]

A new net learns each length, until at most 1 % of the validation sequences are answered wrong, or for `--seconds` of CPU time at
most; lengths beyond the first that is not solved are not tried. One thread.
"""

import argparse
import itertools
import json
import time
from dataclasses import asdict
from pathlib import Path

import torch

from drawgen import jobs
from drawgen.contract import generator
from drawgen.data.long_memory import WIDTHS, LongMemory
from drawgen.models.memory_task import Config
from drawgen.training import Fit, evaluate

LENGTHS = (20, 50, 100, 200)
SOLVED = 0.01
CHECK = 100
"""Steps between two looks at the validation split."""
NETS = {
    "plain": (Config(cell="rnn"), 1e-3),
    "plain, Omega": (Config(cell="rnn", omega=1.0), 1e-3),
    "GRU": (Config(cell="gru"), 5e-3),
    "GRU, reset before": (Config(cell="gru_before"), 5e-3),
    "LSTM, forget bias 0": (Config(forget_bias=0.0), 5e-3),
    "LSTM, forget bias 1": (Config(forget_bias=1.0), 5e-3),
    "LSTM, forget bias 2": (Config(forget_bias=2.0), 5e-3),
}
"""name -> (config, learning rate)."""
CLIP = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("scripts/results/memory_tasks.md"))
    parser.add_argument("--seconds", type=float, default=25.0, help="CPU time per length, at most")
    parser.add_argument("--kept", type=Path, default=Path("runs/memory_tasks.json"), help="what has been measured so far")
    parser.add_argument("--report", action="store_true", help="measure nothing more: the table of what has been measured")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = json.loads(arguments.kept.read_text(encoding="utf-8")) if arguments.kept.exists() else {}
    for task, name in itertools.product(WIDTHS, NETS):
        if f"{task}/{name}" not in found and not arguments.report:
            found[f"{task}/{name}"] = longest(task, name, arguments.seconds)
            print(task, name, found[f"{task}/{name}"], flush=True)
            arguments.kept.write_text(json.dumps(found), encoding="utf-8")
    arguments.out.write_text("\n".join(report(found, arguments.seconds)) + "\n", encoding="utf-8")


def longest(task: str, name: str, seconds: float) -> list[tuple[int, float, int, float]]:
    """(length, error, steps, CPU seconds) of every length that was tried."""
    config, rate = NETS[name]
    done = []
    for length in LENGTHS:
        data = LongMemory(task=task, length=length, count=500)
        model = config.build(data.spec(), rng=generator(0))
        optimiser = torch.optim.Adam(model.parameters(), lr=rate, betas=Fit().betas)
        began, error = time.process_time(), 1.0
        for step, batch in enumerate(data.stream("train", seed=length), 1):
            loss = next(model.losses(batch, state={}, rng=generator(0))).value
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            if step % CHECK == 0:
                error = evaluate(model, data)["error"]
                if error <= SOLVED or time.process_time() - began > seconds:
                    break
        done.append((length, error, step, time.process_time() - began))
        if error > SOLVED:
            break
    return done


def report(found: dict[str, list[tuple[int, float, int, float]]], seconds: float) -> list[str]:
    plain = asdict(Config())
    lines = [
        "# How long a dependency each cell learns",
        "",
        "The longest T of 20, 50, 100 and 200 steps at which at most 1 % of 500 new sequences are answered wrong (another class,",
        "any of five bits, or a number with a squared error above 0.04), and how many batches of 32 it took. A new net learns each",
        f"length, for {seconds:.0f} s of CPU time at most. In brackets: the first length that was not solved, and its error.",
        "",
        f"{plain['units']} units; Adam, rate 1e-3 (plain) or 5e-3 (gated), gradients clipped to norm {CLIP:g}; Omega has the",
        f"weight {NETS['plain, Omega'][0].omega:g}; a plain net starts with a spectral radius of 0.95. Seed 0; one thread of",
        f"{jobs.machine()}, shared; torch {torch.__version__}.",
        "",
        f"| net | {' | '.join(WIDTHS)} |",
        f"| --- |{' --- |' * len(WIDTHS)}",
    ]
    for name in NETS:
        lines.append(f"| {name} | {' | '.join(cell(found.get(f'{task}/{name}', [])) for task in WIDTHS)} |")
    total = sum(row[3] for rows in found.values() for row in rows)
    return [*lines, "", f"All together {total / 60:.0f} CPU minutes."]


def cell(rows: list[tuple[int, float, int, float]]) -> str:
    if not rows:
        return "not measured"
    solved = [f"**{length}** ({steps})" for length, error, steps, _ in rows if error <= SOLVED]
    failed = [f"[{length}: {error:.0%}]" for length, error, _, _ in rows if error > SOLVED]
    return " ".join([*(solved[-1:] or ["none"]), *failed])


if __name__ == "__main__":
    main()
