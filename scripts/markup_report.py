"""Reports character models of markup: bits per character, and for how long what they open stays balanced.

uv run python scripts/markup_report.py --latex runs/latex --xml runs/xml [--out scripts/results/char_rnn_markup.md]
"""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import torch

from drawgen import jobs, models
from drawgen.contract import Request, Writes
from drawgen.data.markup import Balance, latex, xml

LENGTH, TEXTS = 10_000, 5
STEP = re.compile(r"[a-zA-Z]?-?\d+(\.\d+)?,-?\d+(\.\d+)?")
"""A command of a path, as the drawings of the sample have them."""
RULES: dict[str, tuple[Callable[[str], Balance], tuple[str, ...]]] = {
    "latex": (latex, ("environments", "braces", "mathematics")),
    "xml": (xml, ("tags", "elements")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in RULES:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("scripts/results/char_rnn_markup.md"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = [
        "# Character models of markup",
        "",
        f"Each writes {TEXTS} texts of {LENGTH:,} characters at temperature 1, unprimed; beside it the text that it learnt from.",
        "What is closed rightly closes the innermost that is open, and is of its kind; braces and mathematics are closed before a",
        "paragraph ends. *Longest*: characters between the two ends. What is still open at the end of a text does not count.",
        "",
        f"One thread of {jobs.machine()}, shared; torch {torch.__version__}; bf16.",
    ]
    for name, (check, kinds) in RULES.items():
        text += section(name, getattr(arguments, name), check, kinds)
    arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


def section(name: str, run: Path, check: Callable[[str], Balance], kinds: tuple[str, ...]) -> list[str]:
    recipe, model = jobs.stored_recipe(run)[2], models.load(run)
    assert isinstance(model, Writes)
    request = Request(n=TEXTS, length=LENGTH, seed=0)
    written = ["".join(piece.text for piece in model.write(request, index)) for index in range(TEXTS)]
    source = Path(recipe.data.path).read_text(encoding="utf-8")
    scores, config = jobs.measure(str(run)), recipe.model
    columns = [[check(text) for text in written], [check(source)]]
    lines = [
        "",
        f"## {name}",
        "",
        f"`{Path(recipe.data.path).name}`, {len(source):,} characters, {recipe.data.held_out:.0%} of it held out, the end of",
        f"each of {recipe.data.pieces} pieces: **{scores['bits_per_char']:.3f} bits per character**.",
        f"{config.layers} layer{'s' * (config.layers > 1)} of {config.units} ({config.cell}), dropout {config.dropout:g}; "
        f"{recipe.fit.steps} steps of {recipe.data.batch} rows of {recipe.data.length} characters.",
        "",
        "| | written | the text itself |",
        "| --- | --- | --- |",
        *[f"| {kind} closed rightly | {' | '.join(told(found, kind) for found in columns)} |" for kind in kinds],
        "| characters from one fault to the next | "
        + " | ".join(f"{sum(f.symbols for f in found) / (1 + faults(found)):,.0f}" for found in columns)
        + " |",
    ]
    if name == "xml":
        shares = [path_steps("".join(texts)) for texts in (written, [source])]
        lines.append(f"| steps of paths that are a command and two numbers | {' | '.join(shares)} |")
    return [*lines, "", "```", written[0][:1000].strip("\n"), "```"]


def told(found: list[Balance], kind: str) -> str:
    right, wrong = (sum(len(each[kind]) for each in parts) for parts in ([f.right for f in found], [f.wrong for f in found]))
    if not right + wrong:
        return "none"
    return f"{right:,} of {right + wrong:,} ({right / (right + wrong):.1%}), longest {max(f.longest(kind) for f in found):,}"


def faults(found: list[Balance]) -> int:
    return sum(len(places) for each in found for places in each.wrong.values())


def path_steps(text: str) -> str:
    words = [word for word in text.split() if "," in word]
    return f"{sum(STEP.fullmatch(word.rstrip(chr(34) + '/>')) is not None for word in words) / max(1, len(words)):.1%}"


if __name__ == "__main__":
    main()
