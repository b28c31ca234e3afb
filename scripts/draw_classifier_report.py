"""Reports a trained classifier of cluttered digits: its errors and curve as tables, and its glimpses of a few pictures.

    uv run python scripts/draw_classifier_report.py RUN --test t10k-images-idx3-ubyte.gz --out scripts/results/draw_cluttered

Writes OUT.md and OUT.png. The test file needs its labels beside it.
"""

import argparse
import json
from pathlib import Path

import torch

from drawgen import images, jobs, models
from drawgen.contract import generator

EXAMPLES = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    name, preset, recipe = jobs.stored_recipe(arguments.run)
    scores = {"validation": jobs.measure(str(arguments.run)), "test": jobs.measure(str(arguments.run), data=str(arguments.test))}
    lines = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = {line["step"]: line["seconds"] for line in lines if "seconds" in line}
    done = max(seconds)
    curve = [line for line in lines if "valid/error_rate" in line]
    model = models.load(arguments.run)
    batch = next(iter(recipe.data.stream("valid", seed=0)))
    shown = batch.images[:EXAMPLES]
    with torch.no_grad():
        said = model(shown).logits.argmax(1).tolist()
    read = [f"{label} as {guess}" for label, guess in zip(batch.labels.tolist(), said, strict=False)]
    text = [
        f"# {name} {preset}",
        "",
        f"Seed {recipe.fit.seed}, {done} of {recipe.fit.steps} steps in {seconds[done]:.0f} s, {recipe.fit.threads} thread(s) of "
        f"{jobs.machine()} (shared), torch {torch.__version__}; averaged weights.",
        "50,000 training digits, 10,000 for validation, 10,000 for the test. Each validation and test digit occurs once, in fixed "
        "clutter.",
        "",
        "| part | error, % | standard error | cross-entropy, nats |",
        "| --- | --- | --- | --- |",
        *[
            f"| {part} | {100 * s['error_rate']:.2f} | {100 * s['error_rate_error']:.2f} | {s['cross_entropy_nats']:.4f} |"
            for part, s in scores.items()
        ],
        "",
        "Published with eight glimpses: 3.36 % (the paper's Table 1, differentiable RAM). The two are not strictly comparable: the "
        "paper has another generator of clutter, another split and another training.",
        "",
        "| step | seconds | error, validation, % | cross-entropy, nats |",
        "| --- | --- | --- | --- |",
        *[
            f"| {line['step']} | {seconds.get(line['step'], 0):.0f} | {100 * line['valid/error_rate']:.2f} "
            f"| {line['valid/cross_entropy_nats']:.4f} |"
            for line in curve
        ],
        "",
        f"![Glimpses]({arguments.out.name}.png)",
        "",
        "Each row is one validation picture, each column one glimpse. Bright pixels have been read so far, at the resolution "
        f"of the glimpse. True and predicted digits: {', '.join(read)}.",
    ]
    arguments.out.with_suffix(".md").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    stages = torch.stack(list(images.boxed(model.read(shown, rng=generator(0)).seen, scale=2)), 1)  # picture, glimpse, C H W
    images.save_image(arguments.out.with_suffix(".png"), images.grid(stages.flatten(0, 1), columns=stages.shape[1], gap_px=4))


if __name__ == "__main__":
    main()
