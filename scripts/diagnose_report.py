"""Diagnoses the shipped models, and writes what was found as a table.

uv run python scripts/diagnose_report.py --out scripts/results/diagnose.md [MODEL ...]
"""

import argparse
from pathlib import Path

import torch

import drawgen
from drawgen.jobs.diagnosis_pages import life, share

MODELS = (
    "char_rnn",
    "draw:mnist",
    "ride:dirt",
    "painter:characters",
    "captioner:scenes",
    "seq2seq:translate",
)
HEAD = """# Diagnoses of shipped models

`scripts/diagnose_report.py`, each model on what it writes or draws itself, or on data that is made: the gradient of the last step's
loss with respect to the states before it, and the gates. Factor: of the exponential that fits the median over up to 16 rows. What
this means: docs/diagnosing.md.

| model | layer | steps | factor per step | below 1 % from lag | verdict | forget gate shut, open | longest half life |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def rows(name: str) -> list[str]:
    lines = []
    for layer, found in drawgen.diagnose(name).numbers["layers"].items():
        gates = [gate for key, gate in found["gates"].items() if key.split()[0] in ("forget", "update")]
        gate = f"{share(gates[0][0])}, {share(gates[0][1])}" if gates else "-"
        reach, lives = found["below_a_hundredth_from_lag"], found["half_lives"]
        cells = [
            name,
            layer,
            str(found["steps"]),
            f"{found['rate']:.3f}",
            "-" if reach is None else f"{reach:.0f}",
            found["verdict"],
        ]
        lines.append("| " + " | ".join([*cells, gate, life(lives[-1]) if lives else "-"]) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.write_text(HEAD + "\n".join(line for name in options.models for line in rows(name)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
