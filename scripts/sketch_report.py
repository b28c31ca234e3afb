"""Reports a trained sketch-rnn: likelihood of held-out drawings beside a model without memory, samples beside people's drawings,
completions, copies of training drawings, speed.

uv run python scripts/sketch_report.py runs/sketch_omniglot --out scripts/results/sketch_omniglot [--data OMNIGLOT.npz]
"""

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drawgen import images, jobs, models
from drawgen.contract import PenDrawing, Request, generator
from drawgen.data.sketches import batch_of
from drawgen.models import sketch_rnn
from drawgen.nn.pen_mixture import NARROWEST, pen_mixture, step_log_density
from drawgen.strokes.pen_lines import PAGE_SHARE, ink_of, on_page, to_stroke3

PX, COLUMNS = 96, 12
SAMPLED, ASKED = 200, 20
"""Samples that are compared with training drawings; importance samples."""
COPY = 0.05
"""Mean distance, as a fraction of the longer side, below which a drawing is a copy of another."""
POINTS = 32
"""Points of a drawing that are compared."""


def without_memory(train: list[np.ndarray], valid: list[np.ndarray]) -> float:
    """Nats per held-out drawing of one mixture and one distribution of the pen for all rows, fitted to the training drawings by
    gradient descent."""
    some = [train[index] for index in torch.randperm(len(train), generator=generator(0))[:4000].tolist()]

    def whole(drawings: list[np.ndarray], numbers: Tensor) -> Tensor:
        batch = batch_of(drawings)
        real = torch.arange(batch.rows.shape[1]) < batch.lengths[:, None]  # one long drawing, as padding takes time
        rows = batch.rows[real]
        first = torch.zeros_like(real)
        first[:, 0] = True
        mixture = pen_mixture(numbers)
        steps = (rows[:, 4] == 0) & ~first[real]
        density = step_log_density(mixture, rows[steps][:, :2])
        pens = mixture.log_pens[rows[:, 2:].argmax(1)]
        return -(density.sum() + pens.sum()) / len(drawings)

    numbers = (0.3 * torch.randn(6 * 20 + 3, generator=generator(1))).requires_grad_()
    optimiser = torch.optim.Adam([numbers], 0.05)
    for step in range(200):
        loss = whole(some[step % 10 :: 10], numbers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return float(whole(valid, numbers))


def lines_of(rows: np.ndarray) -> list[np.ndarray]:
    """The polylines of stroke-3 rows."""
    points = rows[:, :2].astype(np.float64).cumsum(0)
    return np.split(points, np.flatnonzero(rows[:-1, 2] > 0.5) + 1)


def evenly(lines: list[np.ndarray]) -> np.ndarray:
    """Points at equal steps of the pen's way, raised parts left out, in a drawing whose longer side is 1."""
    points = np.concatenate(lines)
    side = np.ptp(points, axis=0).max() or 1.0
    pieces = [np.stack([a, b]) for line in lines for a, b in pairwise(line)] or [np.repeat(points[:1], 2, 0)]
    lengths = np.array([np.hypot(*(b - a)) for a, b in pieces])
    ends = lengths.cumsum()
    at = np.linspace(0, ends[-1], POINTS)
    which = np.minimum(np.searchsorted(ends, at), len(pieces) - 1)
    share = (at - (ends[which] - lengths[which])) / np.maximum(lengths[which], 1e-9)
    found = np.array([pieces[k][0] + s * (pieces[k][1] - pieces[k][0]) for k, s in zip(which, share, strict=True)])
    return ((found - (points.min(0) + points.max(0)) / 2) / side).astype(np.float32)


def nearest(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """The mean distance of each drawing's points from those of the nearest of the others."""
    found = []
    for one in these:
        near = np.abs(those - one).mean((1, 2)).argsort()[:200]  # the nearest by a cheap distance, and of these the nearest
        found.append(np.linalg.norm(those[near] - one, axis=2).mean(1).min())
    return np.array(found)


def sheet(rows: list[Tensor]) -> Tensor:
    """Rows of pictures B 1 H W as one picture, framed in grey."""
    pictures = torch.cat(rows)
    pictures[:, :, [0, -1]], pictures[:, :, :, [0, -1]] = 0.85, 0.85
    return images.grid(pictures, columns=len(rows[0]), gap_px=2)


def ink(drawings: list[PenDrawing]) -> Tensor:
    return ink_of(drawings, (PX, PX)).picture()


def speed(model: Any) -> tuple[float, float]:
    """Seconds per drawing: many at once and compiled, and one at a time by the definition. Of processor time, as the machine is
    shared."""
    model.sample(Request(n=2))  # compiles

    def seconds(n: int, begun: int) -> float:
        start = time.process_time()
        model.continued(PenDrawing([np.zeros((1, 2))]), Request(n=n, seed=begun), 1.0)
        return time.process_time() - start

    many = min(seconds(256, k) for k in range(3)) / 256
    compiled = model.walk_on
    model.walk_on = lambda *given: sketch_rnn.walk(model, *given)
    one = sum(seconds(1, k) for k in range(20)) / 20
    model.walk_on = compiled
    return many, one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="without an ending; .md and pictures are written")
    parser.add_argument("--data", default=None, help="where the data is now, if it has moved")
    parser.add_argument("--temperature", type=float, default=0.5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name, preset, recipe = jobs.stored_recipe(arguments.run)
    data, out, temperature = recipe.data, arguments.out, arguments.temperature
    if arguments.data:
        data = type(data)(**{**vars(data), "path": arguments.data})
    model: Any = models.load(arguments.run)
    scores = jobs.measure(str(arguments.run), data=arguments.data, importance=ASKED if model.config.latent else None)
    train, valid = data.drawings["train"], data.drawings["valid"]
    with torch.no_grad():
        batches = list(data.stream("valid", seed=0))
    bare = without_memory(train, valid)

    sample = model.sample(Request(n=SAMPLED, seed=1, temperature=temperature))
    drawn = [list(one.lines) for one in sample.lines]
    shapes = np.stack([evenly(lines_of(rows)) for rows in train])
    ours = nearest(np.stack([evenly(lines) for lines in drawn]), shapes)
    people = nearest(np.stack([evenly(lines_of(rows)) for rows in valid[:SAMPLED]]), shapes)
    chosen = torch.randperm(len(valid), generator=generator(2))[: 2 * COLUMNS].tolist()
    theirs = [on_page(lines_of(valid[index] * [data.step, data.step, 1])) for index in chosen]
    pairs = [ink(theirs[:COLUMNS]), ink(theirs[COLUMNS:]), *(ink(list(sample.lines[k : k + COLUMNS])) for k in (0, COLUMNS))]
    images.save_image(out.with_name(out.name + "_samples.png"), sheet(pairs))

    rows = []
    for one in theirs[:6]:
        points = to_stroke3(one.lines)
        keep = max(2, len(points) // 2)
        begun = PenDrawing(lines_of(points[:keep]), (0.0, 0.0, 1.0, 1.0))
        ways = model.complete(begun, Request(n=6, seed=3, temperature=temperature))
        rows.append(ink([one, begun, *ways.lines]))
    images.save_image(out.with_name(out.name + "_completed.png"), sheet(rows))

    again = model.redraw(theirs[:COLUMNS], rng=generator(0)) if hasattr(model, "redraw") else None
    if again is not None:
        way = [model.between(theirs[k], theirs[k + 1], COLUMNS) for k in (0, 2)]
        images.save_image(
            out.with_name(out.name + "_redrawn.png"),
            sheet([ink(theirs[:COLUMNS]), ink(list(again.lines)), *(ink(list(one.lines)) for one in way)]),
        )
    many, single = speed(model)
    lines = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    logged = [line for line in lines if "loss" in line]
    points = sum(int(batch.lengths.sum()) - len(batch.lengths) for batch in batches)
    text = [
        f"# {name} {preset}",
        "",
        f"Seed {recipe.fit.seed}, {logged[-1]['step']} steps of {data.batch} drawings, {logged[-1]['seconds'] / 60:.0f} minutes on "
        f"one thread of {jobs.machine()}, which other work shared; torch {torch.__version__}. {len(train):,} training drawings, "
        f"{len(valid):,} held out, of {points / len(valid):.0f} points. A step of 1 is the standard deviation of the steps, "
        f"{data.step:.3f} of a drawing's longer side; standard deviations of the mixture are at least "
        f"{NARROWEST:g} of it.",
        "",
        "## Held-out drawings",
        "",
        "| nats per drawing | |",
        "| --- | --- |",
        *[f"| {key} | {scores[key]:.2f} |" for key in ("bound_nats", "reconstruction_nats", "kl_nats", "nats") if key in scores],
        *[f"| {ASKED} importance-weighted samples | {scores[f'iw{ASKED}_nats']:.2f} |" for _ in [0] if f"iw{ASKED}_nats" in scores],
        f"| a model without memory: one mixture for all steps | {bare:.2f} |",
        "",
        "Densities of other data or of another scale do not compare: the paper's figures are of categories of Quick, Draw!.",
        "",
        "## Samples",
        "",
        f"![Two rows that people drew, held out; two rows of samples]({out.name}_samples.png)",
        "",
        f"Above people's, held out; below samples at temperature {temperature:g}, seed 1, the first {2 * COLUMNS}.",
        "",
        f"A copy is a drawing whose {POINTS} points, at equal steps of the pen, are on average nearer to those of a training "
        f"drawing than {COPY:g} of its longer side. Of {SAMPLED} samples {int((ours < COPY).sum())} are copies, of {SAMPLED} "
        f"held-out drawings of people {int((people < COPY).sum())}. The median distance from the nearest training drawing is "
        f"{np.median(ours):.3f} for samples, {np.median(people):.3f} for people's.",
        "",
        "## Begun drawings",
        "",
        f"![Drawings, their first halves, and six ways on]({out.name}_completed.png)",
        "",
        f"From left to right: a held-out drawing, what was given of it (the first half of its points, on a page of which it takes "
        f"{PAGE_SHARE:g}), and six completions at temperature {temperature:g}, none of them chosen.",
    ]
    if again is not None:
        text += [
            "",
            "## Redrawn, and between",
            "",
            f"![Drawings, redrawn, and two ways between drawings]({out.name}_redrawn.png)",
            "",
            f"Held-out drawings; below each as it is redrawn from its mean latent at temperature {sketch_rnn.REDRAWING:g}; and the "
            "ways from the first to the second, and from the third to the fourth.",
        ]
    text += [
        "",
        "## Speed",
        "",
        "| sampling, CPU ms per drawing | |",
        "| --- | --- |",
        f"| one at a time, in torch | {1e3 * single:.1f} |",
        f"| 256 at once, compiled | {1e3 * many:.2f} |",
        f"| times as fast | {single / many:.0f} |",
        "",
    ]
    out.with_suffix(".md").write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
