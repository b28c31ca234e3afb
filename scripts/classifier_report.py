"""Reports a trained text_classifier beside simpler ways, with a confusion matrix as a picture.

    uv run python scripts/classifier_report.py RUN --out scripts/results/classifier_languages.md [--test FILE.csv]

RUN is the run folder of a model of texts or of drawings, whose own data has to be there. FILE has texts that are not in that data.

Texts: accuracy by length, of pieces cut out of the texts of FILE (or of the held-out ones), beside character n-gram models, one per
label. Drawings: accuracy on held-out characters, beside nearest neighbours and logistic regressions.
"""

import argparse
import itertools
import math
import random
import textwrap
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch

from drawgen import jobs, models
from drawgen.data.label_files import tidy
from drawgen.data.labelled import LabelledTexts
from drawgen.data.pen_rows import STEP
from drawgen.jobs.labels import Confusion

LENGTHS = ((1, 2), (3, 5), (6, 10), (11, 20), (21, 40), (41, 80))
SHOWN = (6, 10)
"""The lengths whose confusion matrix is drawn."""
ORDERS = 5
PIECES = 2000
"""Pieces of each label and length."""
SEED = 5
WIDTH = 132


def percent(right: np.ndarray) -> str:
    """With its standard error."""
    share = right.mean()
    return f"{100 * share:.2f} ± {100 * math.sqrt(share * (1 - share) / len(right)):.2f}"


# ---------------------------------------------------------------- texts


class Ngrams:
    """A character n-gram model of each label, smoothed as by Witten & Bell (1991): of all orders up to `ORDERS` at once.

    p_n(c | h) = (count(h c) + types(h) p_{n-1}(c | h')) / (count(h) + types(h)), where h' is h without its first character, and
    p_0 is uniform over the characters and one unknown."""

    def __init__(self, texts: list[str], characters: int) -> None:
        self.counts: Counter[str] = Counter()
        for text in texts:
            for n in range(1, ORDERS + 1):
                self.counts.update(text[i : i + n] for i in range(len(text) - n + 1))
        self.after: dict[str, int] = defaultdict(int)
        self.types: dict[str, int] = defaultdict(int)
        for gram, count in self.counts.items():
            self.after[gram[:-1]] += count
            self.types[gram[:-1]] += 1
        self.uniform = 1 / (characters + 1)

    def log_p(self, text: str) -> np.ndarray:
        """Of the text under the model of each order, from 1 on. At the start contexts are shorter."""
        totals = np.zeros(ORDERS)
        for i, character in enumerate(text):
            p, found = self.uniform, []
            for n in range(ORDERS):
                if n <= i:
                    context = text[i - n : i]
                    types = self.types.get(context, 0)
                    if types:
                        p = (self.counts.get(context + character, 0) + types * p) / (self.after[context] + types)
                found.append(p)
            totals += np.log(found)
        return totals


def cut(rows: list[tuple[str, str]], least: int, most: int, count: int, seed: int) -> list[tuple[str, str]]:
    """Pieces of texts, `count` of each label, which neither begin nor end with a blank."""
    rng = random.Random(seed)
    found = []
    for label in sorted({label for _, label in rows}):
        texts = [text for text, own in rows if own == label and len(text) >= most]
        for _ in range(count if texts else 0):
            while True:
                text, length = rng.choice(texts), rng.randint(least, most)
                start = rng.randint(0, len(text) - length)
                piece = text[start : start + length]
                if piece == piece.strip():
                    break
            found.append((piece, label))
    return found


def texts(model, data, test: str, out: Path) -> list[str]:
    labels = model.spec.labels
    place = {label: n for n, label in enumerate(labels)}
    train = [(tidy(text), label) for text, label in data.labelled("train")]
    valid = [(tidy(text), label) for text, label in data.labelled("valid")]
    rows = [(tidy(text), label) for text, label in LabelledTexts(path=test, classes=labels).labelled("all")] if test else valid
    begun = time.process_time()
    characters = len(set(itertools.chain.from_iterable(text for text, _ in train)))
    grams = [Ngrams([text for text, own in train if own == label], characters) for label in labels]
    counted = time.process_time() - begun

    def by_ngrams(pieces: list[tuple[str, str]]) -> np.ndarray:
        """Which of the pieces are right, by order."""
        scores = np.array([[model.log_p(piece) for model in grams] for piece, _ in pieces])  # pieces labels orders
        right = np.array([place[label] for _, label in pieces])
        return scores.argmax(1) == right[:, None]

    lines = ["| characters | pieces | LSTM, % | n-grams, % | n |", "| --- | --- | --- | --- | --- |"]
    confusion = None
    for least, most in (*LENGTHS, (0, 0)):
        whole = most == 0
        pieces = rows if whole else cut(rows, least, most, PIECES, SEED)
        tried = valid[:: max(1, len(valid) // 1500)] if whole else cut(valid, least, most, 500, SEED + 1)
        order = int(by_ngrams(tried).mean(0).argmax())
        begun = time.process_time()
        simple = by_ngrams(pieces)[:, order]
        slow = (time.process_time() - begun) / len(pieces)
        begun = time.process_time()
        given = model.classify([piece for piece, _ in pieces]).log_probs.argmax(1).numpy()
        pace = (time.process_time() - begun) / len(pieces)
        right = np.array([place[label] for _, label in pieces])
        if (least, most) == SHOWN:
            counts = np.zeros((len(labels), len(labels)), np.int64)
            np.add.at(counts, (right, given), 1)
            confusion = Confusion(labels, counts, f"pieces of {least} to {most} characters")
        name = "whole texts" if whole else f"{least} to {most}"
        lines.append(f"| {name} | {len(pieces):,} | {percent(given == right)} | {percent(simple)} | {order + 1} |")
        print(lines[-1], flush=True)
    picture = out.with_suffix(".png")
    if confusion is not None:
        confusion.save(picture, force=True)
    return [
        *lines,
        "",
        f"![Pieces of {SHOWN[0]} to {SHOWN[1]} characters by label]({picture.name})",
        "",
        textwrap.fill(
            f"Rows: the right label; columns: the label given, for pieces of {SHOWN[0]} to {SHOWN[1]} characters. Pieces are "
            f"cut at "
            f"random places of {'the texts of another file' if test else 'the held-out texts'}, and neither begin nor end with a "
            "blank. ± is a standard error. n-grams: a character n-gram model of the training texts of each label "
            f"({len(train):,} in all), smoothed as by Witten & Bell (1991), and the label under which the piece is most "
            f"probable. n, of "
            f"1 to 5, is the best on pieces of held-out texts. Counting took {counted:.0f} CPU seconds. A whole text takes "
            f"{1000 * pace:.1f} CPU ms by the network and {1000 * slow:.1f} by n-grams of all five orders, in plain Python.",
            WIDTH,
        ),
    ]


# ---------------------------------------------------------------- drawings


def path_of(rows: np.ndarray, count: int = 32) -> np.ndarray:
    """A drawing as `count` points at equal steps along the whole way of the pen, raised or not."""
    points = np.cumsum(rows[:, :2] * STEP, 0)
    way = np.append(0, np.hypot(*np.diff(points, axis=0).T).cumsum())
    at = np.linspace(0, way[-1], count)
    return np.stack([np.interp(at, way, axis) for axis in points.T], 1).ravel()


def picture_of(rows: np.ndarray, side: int = 20) -> np.ndarray:
    """The ink in a raster, blurred by a Gaussian of one cell, and of unit length."""
    points = np.cumsum(rows[:, :2] * STEP, 0)
    lowered = np.append(False, rows[:-1, 2] == 0)
    ends = [points[n - 1] + (points[n] - points[n - 1]) * share for n in np.flatnonzero(lowered) for share in (0, 1 / 3, 2 / 3, 1)]
    ink = np.array([*ends, *points[[0]]])
    cells = (np.arange(side) + 0.5) / side * 1.1 - 0.55
    across, down = (np.exp(-np.square((ink[:, axis, None] - cells) * side / 1.1) / 2) for axis in (0, 1))
    picture = np.einsum("nx,ny->yx", across, down).ravel()
    return picture / np.linalg.norm(picture)


def features_of(rows: np.ndarray) -> np.ndarray:
    """Picture, directions of the lowered pen, numbers of strokes, rows, way of the raised pen, extents."""
    steps = rows[1:, :2][rows[:-1, 2] == 0]
    angles = np.arctan2(steps[:, 1], steps[:, 0])
    directions = np.histogram(angles, 16, (-np.pi, np.pi), weights=np.hypot(*steps.T))[0] * STEP
    bends = np.histogram((np.diff(angles) + np.pi) % (2 * np.pi) - np.pi, 9, (-np.pi, np.pi))[0] / max(1, len(angles))
    raised = np.hypot(*rows[1:, :2][rows[:-1, 2] == 1].T).sum() * STEP
    points = np.cumsum(rows[:, :2] * STEP, 0)
    plain = [rows[:, 2].sum(), len(rows) / 20, raised, *np.ptp(points, axis=0), *points[0], *points[-1]]
    return np.concatenate([6 * picture_of(rows, 12), directions, 2 * bends, plain])


def nearest(train: np.ndarray, labels: np.ndarray, test: np.ndarray, k: int) -> np.ndarray:
    """The most frequent label of the k nearest."""
    distances = np.square(test).sum(1)[:, None] - 2 * test @ train.T + np.square(train).sum(1)
    votes = labels[np.argsort(distances, 1)[:, :k]]
    return np.array([np.bincount(row).argmax() for row in votes])


def logistic(train: np.ndarray, labels: np.ndarray, test: np.ndarray, decay: float) -> np.ndarray:
    """Multinomial logistic regression with a penalty on the squared weights, by L-BFGS."""
    mean, deviation = train.mean(0), train.std(0) + 1e-6
    x, y = (torch.from_numpy((each - mean) / deviation) for each in (train, test))
    weights = torch.zeros(x.shape[1] + 1, labels.max() + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(x @ weights[1:] + weights[0], torch.from_numpy(labels))
        value = value + decay * weights[1:].square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    return (y @ weights[1:] + weights[0]).argmax(1).numpy()


def drawings(model, data, _test: str, out: Path) -> list[str]:
    labels = model.spec.labels
    place = {label: n for n, label in enumerate(labels)}
    parts = {split: list(data.labelled(split)) for split in ("train", "valid")}
    known, new = (np.array([place[label] for _, label in parts[split]]) for split in parts)
    names = np.array([f"{one.alphabet}/{one.character}" for one in data.characters])
    characters, learned = names[data.held].tolist(), names[~data.held]
    fifth = np.isin(learned, sorted(set(learned))[::5])
    begun = time.process_time()
    given = model.classify([rows for rows, _ in parts["valid"]]).log_probs.argmax(1).numpy()
    pace = (time.process_time() - begun) / len(new)
    seen = model.classify([rows for rows, _ in parts["train"][::5]]).log_probs.argmax(1).numpy()
    found = {"LSTM": given}
    for name, function in (("points along the way", path_of), ("pictures", picture_of)):
        train, test_rows = (np.stack([function(rows.numpy()) for rows, _ in parts[split]]) for split in parts)
        for k in (1, 15):
            found[f"{k} nearest, {name}"] = nearest(train, known, test_rows, k)
    for name, function in (("pictures", picture_of), ("features", features_of)):
        train, test_rows = (np.stack([function(rows.numpy()) for rows, _ in parts[split]]) for split in parts)
        tried = {decay: logistic(train[~fifth], known[~fifth], train[fifth], decay) for decay in (1e-4, 1e-3, 1e-2)}
        best = max(tried, key=lambda decay: int((tried[decay] == known[fifth]).sum()))
        found[f"logistic regression, {name}"] = logistic(train, known, test_rows, best)
    found["the largest alphabet"] = np.full(len(new), np.bincount(known).argmax())
    lines = [
        "| way | right, % | " + " | ".join(name.replace("_", " ") for name in labels) + " |",
        "| --- |" + " --- |" * (len(labels) + 1),
    ]
    for name, answer in found.items():
        right = answer == new
        shares = [right[[own == one for own in characters]].mean() for one in sorted(set(characters))]
        error = np.std(shares) / math.sqrt(len(shares))
        each = " | ".join(f"{100 * right[new == k].mean():.0f}" for k in range(len(labels)))
        lines.append(f"| {name} | {100 * right.mean():.1f} ± {100 * error:.1f} | {each} |")
        print(lines[-1], flush=True)
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (new, given), 1)
    picture = out.with_suffix(".png")
    Confusion(labels, counts, "held-out characters").save(picture, force=True)
    return [
        *lines,
        "",
        f"![Drawings of held-out characters by alphabet]({picture.name})",
        "",
        textwrap.fill(
            f"Rows: the alphabet; columns: the label given. There are {len(new)} drawings of {len(set(characters))} "
            f"characters of which "
            f"none is among the {len(known):,} training drawings. ± is a standard error over characters: the drawings of one "
            f"are alike. "
            "nearest: the most frequent label of the 1 or 15 nearest training drawings, by 32 points at equal steps along "
            "the way of "
            "the pen, or by blurred pictures of 20x20. logistic regression: on these pictures, or on pictures of 12x12 with "
            "histograms "
            "of directions and bends, numbers of strokes, extents and ends; its penalty is the best of three on every fifth "
            "training character. "
            f"Of every fifth training drawing the network labels {100 * (seen == known[::5]).mean():.1f} % right. It takes "
            f"{1000 * pace:.1f} CPU ms per drawing.",
            WIDTH,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--test", default="")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = models.load(arguments.run)
    name, preset, recipe = jobs.stored_recipe(arguments.run)
    report = texts if model.takes == "texts" else drawings
    lines = report(model, recipe.data, arguments.test, arguments.out)
    fit, config = recipe.fit, recipe.model
    head = [
        f"# {name} {preset}",
        "",
        textwrap.fill(
            f"By `scripts/classifier_report.py`. Seed {fit.seed}, {fit.steps:,} steps of {recipe.data.batch} {model.takes} on "
            f"one thread of "
            f"{jobs.machine()} ({fit.precision}), torch {torch.__version__}; averaged weights. {config.cell.upper()} of "
            f"{config.units} units"
            f"{' in each direction' if config.bidirectional else ''}, {config.layers} layer{'s' * (config.layers > 1)}, summary "
            f"`{config.summary}`.",
            WIDTH,
        ),
        "",
    ]
    arguments.out.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
