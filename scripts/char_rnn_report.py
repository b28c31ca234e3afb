"""Reports a trained character model: its scores and curve as tables, and samples.

uv run python scripts/char_rnn_report.py runs/shakespeare --out scripts/results/char_rnn.md
"""

import argparse
import json
from pathlib import Path

import torch

from drawgen import jobs, models
from drawgen.contract import Request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    scores = jobs.measure(str(arguments.run))
    name, preset, recipe = jobs.stored_recipe(arguments.run)
    lines = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    logged = {line["step"]: line for line in lines if "loss" in line}
    curve = [(line["step"], line["valid/nats_per_char"]) for line in lines if "valid/nats_per_char" in line]
    data, model = recipe.data, models.load(arguments.run)
    held = (
        "the end of the text"
        if data.pieces == 1
        else f"the end of each of {data.pieces} equal pieces of the text, as char-rnn does"
    )
    text = [
        f"# {name} {preset}",
        "",
        f"Seed {recipe.fit.seed}, {recipe.fit.steps} steps of {data.batch} rows of {data.length} characters, one thread of",
        f"{jobs.machine()}, torch {torch.__version__}.",
        f"Held out: {data.held_out:.0%}, {held}. Evaluated with the averaged weights; the state is empty at",
        "the start of each stretch and carried to its end.",
        "",
        "| score | value |",
        "| --- | --- |",
        *[f"| {name} | {value:.4f} |" for name, value in scores.items()],
        "",
        "| step | seconds | training, nats (running) | held out, nats |",
        "| --- | --- | --- | --- |",
        *[f"| {step} | {logged[step]['seconds']:.0f} | {logged[step]['loss']:.3f} | {nats:.3f} |" for step, nats in curve],
    ]
    for temperature in (0.5, 1.0):
        pieces = model.write(Request(prime="ROMEO:\n", length=500, temperature=temperature, seed=1), 0)
        text += ["", f'`drawgen sample char_rnn --prime "ROMEO:..." --length 500 --temperature {temperature} --seed 1`', ""]
        text += ["```", "".join(piece.text for piece in pieces).rstrip(), "```"]
    arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
