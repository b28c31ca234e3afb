"""Reports a captioner of the scenes: its truth on pairs of colour and shape that training never showed, beside captions that see no
picture, as a table; and a sheet of where it looks.

    uv run python scripts/caption_report.py runs/scenes --out scripts/results/captioner_scenes

Writes OUT.md and OUT.png. Of an OUT.md that is there, the part from the line "## What was tried" on stays.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from drawgen import attention_maps, images, jobs, models
from drawgen.data.captions import Example
from drawgen.data.scene_language import KINDS
from drawgen.data.scenes import MOST_OBJECTS, Scenes
from drawgen.jobs import captions

SHOWN = 3
TRIED = "## What was tried"


def blank(examples: Iterator[Example]) -> Iterator[Example]:
    """The same scenes with empty pictures."""
    for example in examples:
        yield example._replace(picture=torch.full_like(example.picture, 0.9))


def blind(data: Scenes, split: str) -> float:
    """The fraction of captions of training scenes that are true of the split's scenes: the score of knowing the language alone."""
    scenes = [data.scene(split, n) for n in range(data.count)]
    return sum(scene.judge(data.scene("train", n, seed=1).captions[0]).true for n, scene in enumerate(scenes)) / len(scenes)


def by_objects(model: Any, data: Scenes, split: str, *, beams: int) -> dict[str, float]:
    """The fraction of true captions of the split's scenes of one object, of two, and so on."""
    found = {}
    for number in range(1, MOST_OBJECTS + 1):
        examples = (example for example in data.examples(split) if len(example.scene.things) == number)
        found[f"true, objects: {number}"] = captions.score(model, examples, beams=beams)["true"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = models.load(arguments.run)
    recipe = jobs.stored_recipe(arguments.run)[2]
    data = dataclasses.replace(recipe.data, count=arguments.count, lessons=0)
    scores = {split: captions.score(model, data.examples(split), beams=arguments.beam) for split in ("valid", "test")}
    scores["no picture"] = captions.score(model, blank(data.examples("test")), beams=arguments.beam)
    for split in ("valid", "test"):
        scores[split] |= by_objects(model, data, split, beams=arguments.beam)
    lines = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = max(line.get("seconds", 0.0) for line in lines)
    asked = [
        "true",
        *[name for name in scores["test"] if name.startswith("true, ")],
        "facts",
        "facts_of_data",
        *[f"{kind}_right" for kind in KINDS],
        "map_change",
        "on_object",
        "on_object_by_chance",
    ]
    asked += [name for name in scores["test"] if name.startswith(("BLEU", "ROUGE", "CIDEr"))]
    table = [f"| {name} | {' | '.join(f'{scores[s][name]:.3f}' if name in scores[s] else '' for s in scores)} |" for name in asked]
    begun = jobs.read_recipe(arguments.run).get("begin", "")
    before = f" from the weights of the run {begun}" if begun else ""
    text = [
        "# captioner scenes",
        "",
        f"Seed {recipe.fit.seed}, {recipe.fit.steps} steps{before}, {seconds / 60:.0f} minutes on {jobs.machine()}",
        "(shared), one thread,",
        f"torch {torch.__version__}. {arguments.count} scenes per column, beam {arguments.beam}. Every scene shows a pair of",
        "colour and shape that no training picture or caption has; `valid` and `test` have different pairs. `no picture`: the",
        f"model sees an empty picture. Of the captions of training scenes, {blind(data, 'test'):.3f} are true of the test scenes.",
        "",
        f"| | {' | '.join(scores)} |",
        f"| --- |{' --- |' * len(scores)}",
        *table,
        "",
        "The docstring of `drawgen.jobs.captions.score` explains the scores. Made by `scripts/caption_report.py`.",
    ]
    report = arguments.out.with_suffix(".md")
    before = report.read_text(encoding="utf-8") if report.exists() else ""
    if TRIED in before:
        text += ["", before[before.index(TRIED) :].rstrip()]
    report.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    several = [e for e in data.examples("test") if len({(t.colour, t.shape, t.size) for t in e.scene.things}) > 1][:SHOWN]
    found = model.caption(torch.stack([example.picture for example in several]), beams=arguments.beam)
    shown = [list(attention_maps.panels(e.picture, best.words, best.maps)) for e, (best, *_) in zip(several, found, strict=True)]
    images.save_image(arguments.out.with_suffix(".png"), attention_maps.sheet(shown))


if __name__ == "__main__":
    main()
