"""Measures the captioner of photographs: BLEU-4 and CIDEr by the number of training pictures and by what training begins with,
beside simple captions, on pictures held out for development.

    uv run python scripts/photos_report.py FLICKR8K --text Flickr8k.token.txt --out scripts/results/captioner_photos.md

FLICKR8K has captions, pictures, and lists of the training and development pictures (`docs/captions.md`). A run that is there
already is not repeated, so the script may be killed and started again.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import torch

from drawgen import jobs, models
from drawgen.contract import generator
from drawgen.data.captions import Captioned
from drawgen.threads import threads

SEEDS = (0, 1, 2)
CURVE = (100, 250, 500)
FEW = (50, 100, 200)
TEXT_STEPS = 1500
BEGIN = "captioner:photos"
DECODER_RATE = 0.3
"""Factor on the rates of a decoder that has learned to write already."""


class Plan(NamedTuple):
    """A run."""

    name: str
    pictures: int | None = None
    """Training pictures; None: all."""
    seed: int = 0
    after: bool = False
    """Whether training begins with texts."""
    begin: bool = False
    """Whether training begins with the shipped captioner."""


def plans(text: bool) -> Iterator[Plan]:
    for seed in SEEDS:
        yield Plan(f"all-{seed}", seed=seed)
    for n in FEW:
        yield Plan(f"{n}", n)
        yield Plan(f"{n}-begin", n, begin=True)
    for n in CURVE[1:]:
        yield Plan(f"{n}", n)
    yield Plan("all-begin", begin=True)
    if text:
        yield Plan("text-0", after=True)
        yield Plan("100-text", 100, after=True)


def subset(data: Captioned, n: int, file: Path) -> None:
    """Writes a table with the captions of `n` of the training pictures and of all development pictures."""
    train = data.entries["train"]
    chosen = [train[k] for k in torch.randperm(len(train), generator=generator(100)).tolist()[:n]]
    parts = (("train", chosen), ("val", data.entries["valid"]))
    rows = [{"picture": e.picture, "captions": e.captions, "split": split} for split, entries in parts for e in entries]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def run(plan: Plan, folder: Path, data: Captioned, text: str) -> dict[str, float]:
    """Trains one run and measures it, if that is not done yet."""
    result = folder / f"{plan.name}.json"
    if result.exists():
        return dict(json.loads(result.read_text(encoding="utf-8")))
    recipe = models.recipe("captioner", "photos")
    settings, fit = recipe.data, dataclasses.replace(recipe.fit, seed=plan.seed)
    settings = dataclasses.replace(settings, path=data.path, pictures=data.pictures)
    if plan.pictures is not None:
        subset(data, plan.pictures, folder / f"{plan.name}.jsonl")
        settings = dataclasses.replace(settings, path=str(folder / f"{plan.name}.jsonl"))
        if plan.pictures < min(CURVE[1:]):
            fit = dataclasses.replace(fit, steps=(fit.steps or 0) // 2)
    model = recipe.model
    if plan.begin:
        model = dataclasses.replace(model, decoder_rate=DECODER_RATE)
    if plan.after:
        steps = fit.steps or 0
        settings = dataclasses.replace(settings, text=text, text_steps=TEXT_STEPS, min_count=5)
        fit = dataclasses.replace(fit, steps=steps + TEXT_STEPS, decay=steps / (steps + TEXT_STEPS))
    recipe = dataclasses.replace(recipe, model=model, data=settings, fit=fit)
    before = time.process_time()
    outcome = jobs.train("captioner", recipe, folder / plan.name, preset="photos", begin=BEGIN if plan.begin else "", force=True)
    scores = {"cpu_minutes": (time.process_time() - before) / 60, "steps": outcome.step}
    scores |= jobs.measure(str(folder / plan.name))
    result.write_text(json.dumps(scores), encoding="utf-8")
    print(plan.name, {name: round(value, 3) for name, value in scores.items() if name.startswith(("BLEU-4", "CIDEr"))}, flush=True)
    return scores


def of(scores: dict[str, float], name: str) -> float:
    """A score, whatever its tokeniser."""
    return next(value for key, value in scores.items() if key.startswith(name))


def line(told: str, scores: dict[str, float], before: str = "") -> str:
    return f"| {told} | {of(scores, before + 'BLEU-4'):.3f} | {of(scores, before + 'CIDEr'):.3f} |"


def table(results: dict[str, dict[str, float]]) -> str:
    first = results["all-0"]
    tokeniser = next(name.split()[-1] for name in first if name.startswith("BLEU-4"))
    whole = [results[f"all-{seed}"] for seed in SEEDS if f"all-{seed}" in results]
    spread = [f"{mean(of(s, name) for s in whole):.3f} ± {stdev([of(s, name) for s in whole]):.3f}" for name in ("BLEU-4", "CIDEr")]
    lines = [
        f"{first['pictures']:.0f} development pictures, generated captions, beam 5, tokeniser `{tokeniser}`, five references each.",
        "",
        "| captions | BLEU-4 | CIDEr |",
        "| --- | --- | --- |",
        f"| preset photos, 753 training pictures, {len(whole)} seeds | {' | '.join(spread)} |",
        line("one fixed sentence, the best for each score", first, "fixed "),
        line("the caption of the nearest training picture", first, "nearest "),
        line("a person's, against the other four references", first, "person "),
        line("preset photos, against those four", first, "against the same "),
    ]
    if "all-begin" in results:
        lines.append(line(f"preset photos, begun with {BEGIN}", results["all-begin"]))
    if "text-0" in results:
        lines.append(line(f"preset photos, after {TEXT_STEPS} batches of 30,000 captions without pictures", results["text-0"]))
    scores = "; ".join(f"{of(s, 'BLEU-4'):.3f} and {of(s, 'CIDEr'):.3f}" for s in whole)
    lines += [
        "",
        f"Seeds {', '.join(map(str, SEEDS[: len(whole)]))}: BLEU-4 and CIDEr {scores}. {jobs.machine()}, busy with other work, "
        f"one thread, torch {torch.__version__}. Settings were chosen on these development pictures, and training stops by them.",
        "",
        f"A run takes {mean(s['cpu_minutes'] for s in whole):.1f} CPU minutes, with the features of four views of each picture. "
        f"Copies of training captions: {mean(s['copied'] for s in whole):.0%}.",
        "",
        "By the number of training pictures, one seed:",
        "",
        f"| pictures | BLEU-4 | CIDEr | BLEU-4, begun with {BEGIN} | CIDEr |",
        "| --- | --- | --- | --- | --- |",
    ]
    for n in sorted(n for n in {*CURVE, *FEW} if str(n) in results):
        begun = results.get(f"{n}-begin")
        more = f"{of(begun, 'BLEU-4'):.3f} | {of(begun, 'CIDEr'):.3f}" if begun else " | "
        lines.append(f"{line(str(n), results[str(n)])} {more} |")
    if "100-text" in results:
        lines += [
            "",
            f"100 pictures, after {TEXT_STEPS} batches of texts: {line('', results['100-text'])[3:-2].replace(' | ', ', ')}.",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="a folder with captions, pictures in `images`, and lists of names")
    parser.add_argument("--text", default="", help="a file of captions without pictures")
    parser.add_argument("--runs", type=Path, default=Path("runs/photos"))
    parser.add_argument("--only", default="", help="runs whose name begins with this")
    parser.add_argument("--there", action="store_true", help="only what is there; train nothing")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    data = Captioned(path=arguments.path, pictures=str(Path(arguments.path) / "images"))
    results = {}
    with threads(1):
        for plan in plans(bool(arguments.text)):
            there = (arguments.runs / f"{plan.name}.json").exists()
            if plan.name.startswith(arguments.only) and (there or not arguments.there):
                results[plan.name] = run(plan, arguments.runs, data, arguments.text)
    if arguments.out is not None:
        title = "# The captioner of photographs"
        arguments.out.write_text(f"{title}\n\n{table(results)}\n\nMade by `scripts/photos_report.py`.\n", encoding="utf-8")


if __name__ == "__main__":
    main()
