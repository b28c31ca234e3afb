"""The README.md of a model folder (the model card), and the description of the machine in it."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import drawgen
from drawgen import models
from drawgen.contract import CutsWords, Recipe
from drawgen.threads import cores
from drawgen.training import Outcome

SERIES = re.compile(r"_\d+$")
"""The ends of names of scores that are many, as one per step."""


def machine() -> str:
    """A description of the computer, for model cards and results."""
    words = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        words = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), words)
    except OSError:
        pass
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{words}, {cores()} cores{gpu}"


def card(
    model: str,
    preset: str,
    recipe: Recipe,
    data: str,
    outcome: Outcome | None,
    *,
    commands: Sequence[str],
    begun: str = "",
    changes: Sequence[Any] = (),
    notes: Sequence[str] = (),
) -> str:
    """The README.md of a model folder. `commands` are example commands, `begun` names the model whose weights training started
    from, `changes` are those of the number of steps (`recipe.asked_steps`), and `notes` are further lines."""
    settings = recipe.fit
    steps = settings.steps or f"as many as {settings.minutes:g} minutes allow"
    lines = [
        f"# {model}: {data or preset}",
        "",
        f"A `{model}` model (drawgen {drawgen.__version__}). Try it: {', '.join(f'`{command}`' for command in commands)}.",
        "",
        f"- data: {data or 'see the preset'}",
        "- licence of the data: that of the training data",
        f"- preset: {preset or 'none'}; steps: {steps}; seed: {settings.seed}",
    ]
    if isinstance(recipe.data, CutsWords):
        lines.append(f"- words: {recipe.data.words_are_cut}")
    if begun:
        lines.append(f"- initial weights: {begun}")
    for done, before, now in changes:
        lines.append(
            f"- at step {done}, after the learning rate began to decay, the number of steps changed from {before} to {now}"
        )
    lines += [f"- {note}" for note in notes]
    if outcome is None:
        lines.append("- training has not finished")
    else:
        where = f"{machine()}, torch {torch.__version__}, {outcome.precision}"
        lines.append(f"- training: {outcome.steps} steps in {outcome.seconds:.0f} s on {where}")
        single = {name: value for name, value in outcome.scores.items() if not SERIES.search(name)}
        lines += [f"- {name}{models.MEASURED}{value:.4f}" for name, value in single.items()]
    return "\n".join(lines) + "\n"
