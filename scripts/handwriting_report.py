"""Reports a trained model of handwriting: likelihood of held-out lines beside a model without memory and beside wrong texts, how
well what it writes can be read, samples, its attention, speed.

uv run python scripts/handwriting_report.py runs/handwriting/alphabet --out scripts/results/handwriting
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from drawgen import images, jobs, models, reading_pictures
from drawgen.contract import PenDrawing, Request, generator
from drawgen.data.hand_letters import GRID, written
from drawgen.data.handwriting import HandwritingBatch
from drawgen.models import handwriting
from drawgen.models.handwriting import LINE_PX, MARGIN, NIB, PENS
from drawgen.nn.pen_mixture import NARROWEST, pen_mixture, step_log_density
from drawgen.strokes.pen_lines import ink_of

TEXTS = ("Sphinx of black quartz,", "judge my vow. 1729", "Why zigzag? Amazing!")
"""Of words that no list has, but for a few."""
LONG = """A network has learned to write from strokes alone.
It has never seen these words: walnut, Xylophone, zymurgy, Jacuzzi!"""
LINES = 200
"""Held-out texts that are written and read again."""
POINTS, HANDS = 24, 60
"""Points by which letters are compared, and hands that wrote the letters to compare with."""
ALIKE = str.maketrans("CKOPSUVWXZ0", "ckopsuvwxzo")
"""Letters that differ in size alone, or hardly: they count as one."""
TEMPERATURES = (1.0, 0.5, 0.3)


# ---------------------------------------------------------------- likelihood


def without_memory(train: Sequence[HandwritingBatch], valid: Sequence[HandwritingBatch]) -> float:
    """Nats per held-out point of one mixture for all steps, and one probability of the pen, fitted to training lines."""

    def rows_of(batches: Sequence[HandwritingBatch]) -> tuple[Tensor, int]:
        rows = [row[:length] for batch in batches for row, length in zip(batch.rows, batch.lengths.tolist(), strict=True)]
        return torch.cat([row[1:] for row in rows]), sum(map(len, rows))

    def nats(numbers: Tensor, rows: Tensor) -> Tensor:
        mixture = pen_mixture(numbers, PENS)
        return -(step_log_density(mixture, rows[:, :2]).sum() + mixture.log_pens[rows[:, 2].long()].sum())

    rows, _ = rows_of(train)
    numbers = (0.3 * torch.randn(6 * 20 + PENS, generator=generator(1))).requires_grad_()
    optimiser = torch.optim.Adam([numbers], 0.05)
    for step in range(300):
        some = rows[step % 10 :: 10]
        optimiser.zero_grad()
        (nats(numbers, some) / len(some)).backward()
        optimiser.step()
    held, count = rows_of(valid)
    with torch.no_grad():
        return float(nats(numbers, held)) / count


@torch.no_grad()
def nats_per_point(model: Any, batches: Sequence[HandwritingBatch]) -> float:
    found = [model.measure(batch, rng=generator(0))["nats_per_point"] for batch in batches]
    return float(sum(total for total, _ in found)) / sum(count for _, count in found)


def with_other_texts(batch: HandwritingBatch) -> HandwritingBatch:
    """The lines with each other's texts, of about the same length."""
    order = torch.arange(len(batch.text)).roll(1)
    return batch._replace(text=batch.text[order], text_lengths=batch.text_lengths[order])


def with_blank_texts(batch: HandwritingBatch, blank: int) -> HandwritingBatch:
    return batch._replace(text=torch.full_like(batch.text, blank))


# ---------------------------------------------------------------- reading


def shape_of(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Points at equal steps of the pen's way, strokes side by side, about their middle, in the size that they have; and how many
    strokes there are, so that it counts."""
    points = np.concatenate(strokes)
    pieces = [np.stack(pair) for stroke in strokes for pair in pairwise(stroke)] or [np.repeat(points[:1], 2, 0)]
    lengths = np.array([np.hypot(*(b - a)) for a, b in pieces])
    ends = lengths.cumsum()
    at = np.linspace(0, ends[-1], POINTS)
    which = np.minimum(np.searchsorted(ends, at), len(pieces) - 1)
    share = (at - (ends[which] - lengths[which])) / np.maximum(lengths[which], 1e-9)
    found = np.array([pieces[k][0] + s * (pieces[k][1] - pieces[k][0]) for k, s in zip(which, share, strict=True)])
    found -= (found.min(0) + found.max(0)) / 2
    return np.append(found.ravel(), 0.5 * len(strokes)).astype(np.float32)


def reader() -> Callable[[Sequence[np.ndarray]], str]:
    """Names the letter whose shape in one of many hands is nearest; marks are not among them."""
    names, shapes = [], []
    for name in GRID:
        if name.isalnum():
            for hand in range(HANDS):
                names.append(name)
                shapes.append(shape_of(written(name, np.random.default_rng((hand, ord(name))))))
    known = np.stack(shapes)

    def read(strokes: Sequence[np.ndarray]) -> str:
        return names[int(np.square(known - shape_of(strokes)).sum(1).argmin())]

    return read


def letters_of(text: str, lines: Sequence[np.ndarray], owner: np.ndarray) -> list[tuple[str, list[np.ndarray]]]:
    """Each letter of a text with the strokes that are mostly its own; `owner` is the place of the letter of each point."""
    found: list[tuple[str, list[np.ndarray]]] = [(letter, []) for letter in text]
    first = 0
    for line in lines:
        own = owner[first : first + len(line)]
        found[np.bincount(own).argmax()][1].append(line)
        first += len(line)
    return found


def read_again(
    read: Callable[[Sequence[np.ndarray]], str], letters: Sequence[tuple[str, list[np.ndarray]]]
) -> tuple[int, int, int]:
    """(letters, of which something was written, of which the right one was read)."""
    own = [(letter, strokes) for letter, strokes in letters if letter.isalnum()]
    there = [(letter, strokes) for letter, strokes in own if strokes]
    right = sum(read(strokes).translate(ALIKE) == letter.translate(ALIKE) for letter, strokes in there)
    return len(own), len(there), right


def made_letters(text: str, seed: int) -> list[tuple[str, list[np.ndarray]]]:
    """A line of our own hands, letter by letter: how many strokes a letter has is known."""
    lines = iter(written(text, np.random.default_rng((9, seed))))
    return [(letter, [next(lines) for _ in GRID[letter].split("|")] if letter != " " else []) for letter in text]


# ---------------------------------------------------------------- pictures


def sheet(rows: Sequence[Tensor]) -> Tensor:
    """Pictures C H W, one below the other."""
    width = max(row.shape[2] for row in rows)
    return torch.cat([F.pad(row, (0, width - row.shape[2], 0, 0), value=1.0) for row in rows], 1)


def beside(parts: Sequence[Tensor]) -> Tensor:
    height = max(part.shape[1] for part in parts)
    return torch.cat([F.pad(part, (0, 24, 0, height - part.shape[1]), value=1.0) for part in parts], 2)


def ours(text: str, seed: int) -> Tensor:
    """A line of our own hands, as the model's are shown."""
    lines = written(text, np.random.default_rng((7, seed)))
    points = np.concatenate(lines)
    low, high = points.min(0) - MARGIN, points.max(0) + MARGIN
    wide, tall = (round(float(side) * LINE_PX) for side in high - low)
    return ink_of([PenDrawing(lines, (*low.tolist(), *high.tolist()), NIB)], (tall, wide)).picture()[0]


def speed(model: Any) -> tuple[float, float]:
    """Seconds per line: many at once and compiled, and one at a time by the definition. Of processor time, as the machine is
    shared."""
    text = TEXTS[0]
    model.pages([text], Request(n=2))  # compiles

    def seconds(n: int, seed: int) -> float:
        start = time.process_time()
        model.pages([text], Request(n=n, seed=seed, temperature=0.5))
        return time.process_time() - start

    with torch.inference_mode():
        many = min(seconds(128, k) for k in range(3)) / 128
        compiled = model.compiled
        walk = partial(handwriting.walk, model)
        model.compiled = lambda *given, fresh: [part.numpy() for part in walk(*given, fresh=fresh)]
        one = sum(seconds(1, k) for k in range(5)) / 5
        model.compiled = compiled
    return many, one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="without an ending; .md and pictures are written")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name, preset, recipe = jobs.stored_recipe(arguments.run)
    data, out = recipe.data, arguments.out
    model: Any = models.load(arguments.run)
    stream = data.stream("train", seed=1)
    train, valid = [next(stream) for _ in range(30)], list(data.stream("valid", seed=0))
    points = sum(int(batch.lengths.sum()) for batch in valid)
    count = sum(len(batch.lengths) for batch in valid)
    own = nats_per_point(model, valid)
    other = nats_per_point(model, [with_other_texts(batch) for batch in valid])
    blank = nats_per_point(model, [with_blank_texts(batch, data.vocabulary.index(" ")) for batch in valid])
    bare = without_memory(train, valid)

    read = reader()
    texts = [
        "".join(data.vocabulary[number] for number in row[:length])
        for batch in valid
        for row, length in zip(batch.text.tolist(), batch.text_lengths.tolist(), strict=True)
    ][:LINES]
    table = {"our own hands, held out": np.sum([read_again(read, made_letters(text, k)) for k, text in enumerate(texts)], 0)}
    skipped = {}
    for temperature in TEMPERATURES:
        found, passed = np.zeros(3, int), 0
        for k, text in enumerate(texts):
            [reading] = model.handwrite(text, Request(seed=k, temperature=temperature)).readings[0]
            owner = reading.weights.argmax(1)
            found += read_again(read, letters_of(reading.text, reading.lines, owner))
            passed += len(set(range(len(text))) - set(owner.tolist()) - {p for p, letter in enumerate(text) if letter == " "}) == 0
        table[f"temperature {temperature:g}"] = found
        skipped[temperature] = passed

    rows = []
    for k, text in enumerate(TEXTS):
        pictures = [ours(text, k)]
        pictures += [model.handwrite(text, Request(seed=k, temperature=temperature)).images[0] for temperature in (1.0, 0.5)]
        rows.append(beside(pictures))
    images.save_image(out.with_name(out.name + "_lines.png"), sheet(rows))
    page = model.handwrite(LONG, Request(n=2, seed=3, temperature=0.4))
    images.save_image(out.with_name(out.name + "_page.png"), images.grid(page.images, columns=2, gap_px=16))
    looks = model.handwrite(TEXTS[2], Request(seed=2, temperature=0.5)).readings[0]
    images.save_image(out.with_name(out.name + "_attention.png"), reading_pictures.sheet(looks))

    many, single = speed(model)
    logged = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [line for line in logged if "loss" in line][-1]
    text = [
        f"# {name} {preset}",
        "",
        f"Seed {recipe.fit.seed}, {last['step']} steps of {data.batch} lines, {last['seconds'] / 60:.0f} minutes on one thread of "
        f"{jobs.machine()}, which other work shared; torch {torch.__version__}. {count} lines are held out, of "
        f"{points / count:.0f} points, and of words that training never has. A step of 1 is the standard deviation of the steps, "
        f"{data.step:.3f} of the height of a line; standard deviations of the mixture are at least {NARROWEST:g} of it.",
        "",
        "## Held-out lines",
        "",
        "| nats | per point | per line |",
        "| --- | --- | --- |",
        *[
            f"| {told} | {value:.3f} | {value * points / count:.0f} |"
            for told, value in (
                ("with its text", own),
                ("with the text of another line of like length", other),
                ("with a text of blanks", blank),
                ("a model without memory: one mixture for all steps", bare),
            )
        ],
        "",
        "A density: below 0 is better than a uniform step in a square whose side is the standard deviation of the steps. Lines of "
        "IAM-OnDB, which the paper has, do not compare.",
        "",
        "## Samples",
        "",
        f"![Three texts: our own hand, the model at temperature 1 and at 0.5]({out.name}_lines.png)",
        "",
        "From left to right: a hand made up by chance, as in training; the model without a bias (temperature 1); with one "
        "(temperature 0.5). None of them is chosen.",
        "",
        f"![Two pages of four lines]({out.name}_page.png)",
        "",
        "Two samples of a text of several lines, at temperature 0.4: the lines after the first go on from its first words.",
        "",
        "## Can it be read?",
        "",
        f"The strokes of each letter are named after the nearest of {HANDS} of our own hands for each letter and digit, by the "
        f"distance of {POINTS} points. Letters that differ in size alone (c, C) count as one. Which stroke is of which letter, the "
        f"window says. The texts are those of the {len(texts)} held-out lines.",
        "",
        "| | letters | of which something is written | of which read rightly | lines without a letter left out |",
        "| --- | --- | --- | --- | --- |",
        *[
            f"| {told} | {letters} | {100 * there / letters:.1f} % | {100 * right / there:.1f} % | "
            f"{'' if not told.startswith('temp') else f'{skipped[float(told.split()[1])]} of {len(texts)}'} |"
            for told, (letters, there, right) in table.items()
        ],
        "",
        "## Attention",
        "",
        f"![A line, and below it which character the window was at]({out.name}_attention.png)",
        "",
        "## Speed",
        "",
        "| writing, CPU ms per line | |",
        "| --- | --- |",
        f"| one at a time, in torch | {1e3 * single:.0f} |",
        f"| 128 at once, compiled | {1e3 * many:.1f} |",
        f"| times as fast | {single / many:.0f} |",
        "",
    ]
    out.with_suffix(".md").write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
