"""Reports trained translators side by side: BLEU, chrF, perplexity, BLEU by length of the sentence, and copied words.

    uv run python scripts/translate_report.py RUN... --out scripts/results/translate_NAME [--data FILE [TARGETS]] [--beam 1 5 10]

Writes OUT.md, and OUT.png with BLEU by length, one line per run. RUN is a model folder, or NAME=FOLDER. FILE has two columns with a
tab between them, or one sentence per line, with TARGETS line by line; by default each run has its own validation pairs. The table
by length is of the last beam.
"""

import argparse
import dataclasses
import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from drawgen import images, jobs, models
from drawgen.data import translation_scores
from drawgen.data.pairs import Pair
from drawgen.data.sentences import JOINT, symbols_of
from drawgen.jobs.measuring import data_for, data_of
from drawgen.point_pictures import GREY, INK, Diagram, Dots, Lines, Shape, Words
from drawgen.training import evaluate

COLOURS = ("#0072b2", "#d55e00", "#00795a", "#b8860b", "#7b4f9e", INK)
WIDE, HIGH, EDGE = 900, 460, 60
"""Size of the chart and its margin in pixels."""
LABEL_PX = 15
AT_ONCE = 256


def measured_on(model: Any, folder: Path, files: Sequence[str]) -> Any:
    """The data of a run, or that of the files read in the same way."""
    if not files:
        return data_for(model, folder, str(folder), None)
    config = data_of(folder, str(folder), files[0])
    target = files[1] if len(files) > 1 else ""
    return dataclasses.replace(
        config, target=target, valid_target=target, vocabulary=model.spec.symbols, source_vocabulary=model.spec.source_vocabulary
    )  # fmt: skip


def copied(model: Any, pairs: Sequence[Pair], written: Sequence[str]) -> tuple[int, int, int]:
    """(sources' words that are not in the vocabulary, words that were copied, copies that a reference has)."""
    sources, targets = frozenset(model.spec.source_vocabulary), frozenset(model.spec.symbols)
    unknown = copies = right = 0
    for pair, text in zip(pairs, written, strict=True):
        unknown += sum(symbol not in sources for symbol in symbols_of(pair.source, model.unit))
        wanted = {symbol.strip(JOINT) for target in pair.targets for symbol in symbols_of(target, model.unit)}
        found = [symbol.strip(JOINT) for symbol in symbols_of(text, model.unit) if symbol not in targets]
        copies, right = copies + len(found), right + sum(word in wanted for word in found)
    return unknown, copies, right


def row(name: str, folder: Path, files: Sequence[str], beams: Sequence[int]) -> dict[str, Any]:
    """What is measured of one run."""
    model: Any = models.load(folder)
    data = measured_on(model, folder, files)
    nats = evaluate(model, data, split="valid")["nats_per_symbol"]
    pairs = data.pairs("valid")
    sources, references = [pair.source for pair in pairs], [pair.targets for pair in pairs]
    found: dict[str, Any] = {"name": name, "pairs": len(pairs), "perplexity": math.exp(nats), "config": model.config, "data": data}
    for width in beams:
        begun = time.process_time()
        written = []
        for first in range(0, len(sources), AT_ONCE):
            written += [best.text for best, *_ in model.translate(sources[first : first + AT_ONCE], beams=width)]
        found[f"pace {width}"] = len(sources) / (time.process_time() - begun)
        scores = translation_scores.score(sources, written, references)
        found["signatures"] = [key for key in scores if key.startswith(("BLEU ", "chrF "))]
        found[f"BLEU {width}"], found["chrF"] = (scores[key] for key in found["signatures"])
        print(name, width, scores, flush=True)
    found["lengths"] = {
        key.removeprefix("BLEU_of_words_"): (scores[key.replace("BLEU", "sentences")], value)
        for key, value in scores.items()
        if key.startswith("BLEU_of")
    }
    found["copied"] = copied(model, pairs, written) if model.unit == "words" else None
    found["trained"] = trained(folder)
    return found


def trained(folder: Path) -> str:
    """Seed, steps and time of a run."""
    card = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    time_spent = next((line.removeprefix("- training: ") for line in card if line.startswith("- training: ")), "not finished")
    recipe = jobs.stored_recipe(folder)[2]
    return f"seed {recipe.fit.seed}, batches of {recipe.data.batch} pairs, {time_spent}"


def chart(rows: Sequence[dict[str, Any]]) -> Diagram:
    """BLEU by length, a line per run, with its name at the end."""
    groups = [words for words in ("1-5", "6-10", "11-15", "16-20", "21+") if any(words in one["lengths"] for one in rows)]
    highest = max(value for one in rows for _, value in one["lengths"].values())
    top = max(10, 10 * math.ceil(highest / 10))
    longest = max(len(one["name"]) for one in rows) * 0.62 * LABEL_PX
    step = (WIDE - 2 * EDGE - longest) / max(1, len(groups) - 1)

    def at(group: int, value: float) -> tuple[float, float]:
        return EDGE + step * group, HIGH - EDGE - (HIGH - 2 * EDGE) * value / top

    grid = tuple((at(0, value), at(len(groups) - 1, value)) for value in range(0, top + 1, 10))
    shapes: list[Shape] = [Lines(grid, "#dddddd", 1.0), Words("BLEU by number of words of the sentence", (WIDE / 2, 28), 18)]
    shapes += [Words(str(value), (EDGE - 22, at(0, value)[1] + 5), LABEL_PX) for value in range(0, top + 1, 10)]
    shapes += [Words(words, (at(group, 0)[0], HIGH - EDGE + 26), LABEL_PX) for group, words in enumerate(groups)]
    ends = []
    for number, one in enumerate(rows):
        places = [at(group, one["lengths"][words][1]) for group, words in enumerate(groups) if words in one["lengths"]]
        colour = COLOURS[number % len(COLOURS)]
        shapes += [Lines(tuple(itertools.pairwise(places)), colour, 2.5), Dots(tuple(places), colour, 4.5)]
        ends.append((places[-1][1], number))
    y = -math.inf
    for end, number in sorted(ends):
        y = max(end + 5, y + 1.3 * LABEL_PX)
        name, x = rows[number]["name"], EDGE + step * (len(groups) - 1)
        wide = 0.56 * LABEL_PX * len(name)
        shapes += [Dots(((x + 18, y - 5),), COLOURS[number % len(COLOURS)], 4.5), Words(name, (x + 30 + wide / 2, y), LABEL_PX)]
        shapes.append(Lines((((x + 7, end), (x + 13, y - 5)),), GREY, 0.8))
    return Diagram((HIGH, WIDE), "BLEU by length", tuple(shapes))


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(each) + " |" for each in (head, ["---"] * len(head), *lines)]


def report(rows: Sequence[dict[str, Any]], files: Sequence[str], beams: Sequence[int], picture: str) -> list[str]:
    """The lines of OUT.md."""
    first = rows[0]
    what = " and ".join(Path(file).name for file in files) or "its own validation pairs"
    head = [
        "model",
        "attention",
        "source read",
        "perplexity",
        *(f"BLEU, beam {width}" for width in beams),
        "chrF",
        "sentences per CPU second",
    ]
    lines = [
        [one["name"], one["config"].attention, one["config"].source, f"{one['perplexity']:.2f}",
         *(f"{one[f'BLEU {width}']:.1f}" for width in beams), f"{one['chrF']:.1f}", f"{one[f'pace {beams[-1]}']:.0f}"]
        for one in rows
    ]  # fmt: skip
    groups = list(first["lengths"])
    by_length = [
        [one["name"], *(f"{one['lengths'][words][1]:.1f}" if words in one["lengths"] else "-" for words in groups)] for one in rows
    ]
    copies = [[one["name"], *map(str, one["copied"])] for one in rows if one["copied"] is not None and one["config"].copies]
    told = [
        "# Translations",
        "",
        f"By `scripts/translate_report.py`, on {what}: {first['pairs']} sentences. One thread of {jobs.machine()}, shared with "
        f"other work, torch {torch.__version__}; averaged weights.",
        "",
        *(f"`{signature}`" for signature in first["signatures"]),
        "",
        *table(head, lines),
        "",
        "chrF and the pace are of the last beam. perplexity: of the references, per symbol.",
        "",
        f"BLEU by the number of words of the sentence, beam {beams[-1]}:",
        "",
        *table(["model", *(f"{words} ({first['lengths'][words][0]})" for words in groups)], by_length),
        "",
        "In brackets: the number of sentences.",
        "",
        f"![BLEU by length]({picture})",
        "",
    ]
    if copies:
        told += [
            *table(["model", "unknown words in the sources", "words copied", "copies that a reference has"], copies),
            "",
            "Where the decoder writes an unknown word, the source word with the most attention is copied.",
            "",
        ]
    return [*told, *(f"- {one['name']}: {one['trained']}" for one in rows), ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", nargs="+", default=(), metavar="FILE")
    parser.add_argument("--beam", type=int, nargs="+", default=(1, 5, 10))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    named = [(name or Path(folder).name, Path(folder)) for name, _, folder in (run.rpartition("=") for run in arguments.runs)]
    rows = [row(name, folder, arguments.data, arguments.beam) for name, folder in named]
    picture = arguments.out.with_suffix(".png")
    images.save_image(picture, chart(rows).pixels())
    text = report(rows, arguments.data, arguments.beam, picture.name)
    arguments.out.with_suffix(".md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
