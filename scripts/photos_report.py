"""Measures the captioner of photographs: BLEU-4 and CIDEr by the number of training pictures, by what training begins with, and
beside simple captions, on pictures held out for development.

    uv run python scripts/photos_report.py FLICKR8K --text Flickr8k.token.txt --out scripts/results/captioner_photos.md

FLICKR8K has the captions and lists of names of the training and development pictures (`docs/captions.md`). Runs that are there
already are not repeated, so the script may be killed and started again.
"""

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path

import torch

from drawgen import jobs, models
from drawgen.contract import generator
from drawgen.data.captions import Captioned
from drawgen.threads import threads

SEEDS = (0, 1, 2)
CURVE = (100, 250, 500)
FEW = (50, 100, 200)
TEXT_STEPS = 1500


def subset(data: Captioned, n: int, file: Path, *, seed: int) -> None:
    """Writes a table of captions with `n` of the training pictures and all of the development pictures."""
    train = data.entries["train"]
    chosen = [train[k] for k in torch.randperm(len(train), generator=generator(100 + seed)).tolist()[:n]]
    rows = [{"picture": entry.picture, "captions": entry.captions, "split": split}
            for split, entries in (("train", chosen), ("val", data.entries["valid"])) for entry in entries]  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def one(folder: Path, name: str, n: int | None, seed: int, *, data: Captioned, text: str = "", begin: str = "") -> dict[str, float]:
    """Trains one run and measures it, if that is not done yet. `n` is the number of training pictures; None: all."""
    result = folder / f"{name}.json"
    if result.exists():
        return dict(json.loads(result.read_text(encoding="utf-8")))
    path = data.path
    if n is not None:
        path = str(folder / f"{name}.jsonl")
        subset(data, n, Path(path), seed=seed)
    recipe = models.recipe("captioner", "photos" if not begin else "few")
    steps = recipe.fit.steps or 0
    if n is not None and n < 250:
        steps //= 2
    settings = dataclasses.replace(recipe.data, path=path, pictures=str(Path(data.path) / "images"))
    fit = dataclasses.replace(recipe.fit, seed=seed, steps=steps)
    if text:
        settings = dataclasses.replace(settings, text=text, text_steps=TEXT_STEPS, min_count=5)
        fit = dataclasses.replace(fit, steps=steps + TEXT_STEPS, decay=steps / (steps + TEXT_STEPS))
    recipe = dataclasses.replace(recipe, data=settings, fit=fit)
    began = time.process_time()
    jobs.train("captioner", recipe, folder / name, preset="photos", begin=begin, force=True)
    seconds = time.process_time() - began
    scores = jobs.measure(str(folder / name))
    scores |= {"cpu_seconds": seconds, "steps": float(fit.steps or 0)}
    result.write_text(json.dumps(scores), encoding="utf-8")
    print(
        name,
        {key: round(value, 4) for key, value in scores.items() if "BLEU-4" in key or "CIDEr" in key},
        round(seconds),
        flush=True,
    )
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("--text", default="")
    parser.add_argument("--runs", type=Path, default=Path("runs/photos"))
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    data = Captioned(path=arguments.path)
    plans: list[tuple[str, int | None, int, str, str]] = [(f"all-{seed}", None, seed, "", "") for seed in SEEDS]
    plans += [("text-0", None, 0, arguments.text, "")] if arguments.text else []
    plans += [(f"{n}-0", n, 0, "", "") for n in (*CURVE, *FEW) if n != 100] + [("100-0", 100, 0, "", "")]
    with threads(1):
        for name, n, seed, text, begin in plans:
            if name.startswith(arguments.only):
                one(arguments.runs, name, n, seed, data=data, text=text, begin=begin)


if __name__ == "__main__":
    os.nice(0)
    main()
