"""Reports a trained DRAW: its scores and curve as tables, a sheet of samples, and how some of them are written.

    uv run python scripts/draw_report.py runs/mnist --importance 20 --writing --out scripts/results/draw_mnist

Writes OUT.md and OUT.png, and with `--writing` OUT_writing.png (a row for each sample, the paper's figure) and OUT_writing.gif,
with the windows of a model that has them. The importance-weighted bound takes one pass over the validation split per sample;
`--importance 0` leaves it out.
"""

import argparse
import json
from pathlib import Path

import torch

from drawgen import images, jobs, models
from drawgen.contract import Request

WRITTEN, COLUMNS = 6, 12
"""Samples whose writing is shown, and the steps of each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--importance", type=int, default=20)
    parser.add_argument("--samples", type=int, default=96)
    parser.add_argument("--writing", action="store_true", help="show how samples are written, too")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    scores = jobs.measure(str(arguments.run), importance=arguments.importance or None)
    model_name, preset, recipe = jobs.stored_recipe(arguments.run)
    lines = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = {line["step"]: line["seconds"] for line in lines if "seconds" in line}
    curve = [(line["step"], line["valid/bound_nats"], line["valid/kl_nats"]) for line in lines if "valid/bound_nats" in line]
    main_scores = {name: value for name, value in scores.items() if not name.rsplit("_", 1)[-1].isdigit()}
    series = {name: value for name, value in scores.items() if name.rsplit("_", 1)[-1].isdigit()}
    most = max(series.values())
    machine = f"{recipe.fit.threads} thread(s) of {jobs.machine()}, torch {torch.__version__}"
    text = [
        f"# {model_name} {preset}",
        "",
        f"Seed {recipe.fit.seed}, {recipe.fit.steps} steps, {machine};",
        "evaluated on the validation split with the averaged weights, nats per picture.",
        "",
        "| score | value |",
        "| --- | --- |",
        *[f"| {name} | {value:.3f} |" for name, value in main_scores.items()],
        "",
        "KL by step:",
        "",
        "```",
        *[f"{name[-2:]} {value:6.3f} {'#' * round(40 * value / most)}" for name, value in series.items()],
        "```",
        "",
        "| step | seconds | bound, validation | of which KL |",
        "| --- | --- | --- | --- |",
        *[f"| {step} | {seconds.get(step, 0):.0f} | {bound:.2f} | {kl:.2f} |" for step, bound, kl in curve],
    ]
    arguments.out.with_suffix(".md").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    model = models.load(arguments.run)
    sample = model.sample(Request(n=arguments.samples, seed=1))
    images.save_image(arguments.out.with_suffix(".png"), images.grid(sample.images, columns=16))
    if arguments.writing:
        few = model.sample(Request(n=WRITTEN, seed=2))
        assert few.frames is not None
        frames = list(images.boxed(few) if few.boxes else few.frames(model.config.steps))
        shown = [frames[round(n * (len(frames) - 1) / (COLUMNS - 1))] for n in range(COLUMNS)]
        rows = torch.stack([frame[row] for row in range(WRITTEN) for frame in shown])
        place = arguments.out.with_name(f"{arguments.out.name}_writing.png")
        images.save_image(place, images.grid(rows, columns=COLUMNS))
        moving = (images.grid(frame, columns=WRITTEN) for frame in frames)
        images.save_animation(place.with_suffix(".gif"), moving, seconds=6.0, hold=2.0)


if __name__ == "__main__":
    main()
