"""Reports trained glimpse readers: errors beside the paper's and a convolutional net's of the same cost, and what they look at.

    uv run python scripts/glimpse_report.py net --path MNIST --kind pairs --side 100 --steps 6000 --out runs/net.json
    uv run python scripts/glimpse_report.py table RUN ... --nets runs/net.json ... --test t10k-images-idx3-ubyte.gz --out OUT

The first trains the net that is compared with, the second writes OUT.md and OUT_KIND.png. The test file needs its labels beside it.
"""

import argparse
import json
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from drawgen import images, jobs, models
from drawgen.contract import generator
from drawgen.data.digit_scenes import DigitScenes
from drawgen.training.schedule import Fit, schedule

PAPER = {"pairs": "5 %", "addition": "2.5 %", "sequence": "-"}
"""Ba, Mnih & Kavukcuoglu (2015), with context; its convolutional net adds with 3.2 %."""
EXAMPLES = 6


def net(classes: int) -> nn.Module:
    """Four convolutions of stride 2 and two linear layers: at 100 pixels as many multiply-adds as the reader's four glimpses."""
    widths, layers = (1, 16, 24, 48, 64), []
    for n, (a, b) in enumerate(pairwise(widths)):
        layers += [nn.Conv2d(a, b, 3 if n else 5, 2, 1 if n else 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(256), nn.ReLU(), nn.Linear(256, classes))


def multiply_adds(run: Any) -> float:
    """Of one picture, in millions."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops() / 2e6


def train_net(arguments: argparse.Namespace) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = DigitScenes(kind=arguments.kind, side_px=arguments.side, path=str(arguments.path))
    model = net(len(data.spec().labels))
    model(torch.zeros(1, *data.spec().picture))
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    settings, began = Fit(steps=arguments.steps, warmup=200, decay=1.0), time.process_time()
    for step, batch in zip(range(arguments.steps), data.stream("train", seed=0), strict=False):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * schedule(step, arguments.steps, settings)
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(batch.images), batch.targets[:, 0])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    seconds = time.process_time() - began
    with torch.no_grad():
        wrong = [model(batch.images).argmax(1) != batch.targets[:, 0] for batch in data.stream("valid", seed=0)]
    found = {
        "kind": arguments.kind, "side": arguments.side, "steps": arguments.steps, "minutes": seconds / 60,
        "multiply_adds": multiply_adds(partial(model, torch.zeros(1, *data.spec().picture))),
        "error": torch.cat(wrong).float().mean().item(),
    }  # fmt: skip
    arguments.out.write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(found)


def table(arguments: argparse.Namespace) -> None:
    rows = ["| what reads | picture | multiply-adds, M | training | validation, % wrong | test, % wrong | paper |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for folder in arguments.runs:
        _, _, recipe = jobs.stored_recipe(folder)
        model = models.load(folder)
        parts = [jobs.measure(str(folder)), jobs.measure(str(folder), data=str(arguments.test))]
        cost = multiply_adds(partial(model, torch.zeros(1, *model.spec.picture), torch.zeros(model.noise_shape(1))))
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        seconds = max(line["seconds"] for line in lines if "seconds" in line)
        side = recipe.data.side_px
        errors = [f"{100 * part['error_rate']:.2f} ± {100 * part['error_rate_error']:.2f}" for part in parts]
        rows.append(
            f"| glimpse_reader, {recipe.data.kind} | {side}x{side} | {cost:.1f} | {recipe.fit.steps} steps, {seconds / 60:.0f} min "
            f"| {errors[0]} | {errors[1]} | {PAPER[recipe.data.kind] if side in (54, 100) else '-'} |"
        )
        if side <= 100:
            name = arguments.out.with_name(f"{arguments.out.name}_{recipe.data.kind}.png")
            images.save_image(name, looks(model, replace(recipe.data, path=str(arguments.test))), replace=True)
    for file in arguments.nets:
        one = json.loads(file.read_text(encoding="utf-8"))
        rows.append(
            f"| convolutional net, {one['kind']} | {one['side']}x{one['side']} | {one['multiply_adds']:.1f} "
            f"| {one['steps']} steps, {one['minutes']:.0f} min | {100 * one['error']:.2f} | | |"
        )
    text = [
        "# glimpse_reader",
        "",
        f"Seed 0, one thread of {jobs.machine()} (shared), bfloat16, torch {torch.__version__}; averaged weights. 50,000 training "
        "digits, 10,000 for validation, 10,000 for the test; each of these is the first digit of one picture. The mean way of the "
        "eye. ± is a standard error. Minutes are wall-clock time for the reader, CPU time for the nets.",
        "",
        *rows,
        "",
        "The reader of sums had a first run of 8,000 steps (13 minutes), that of rows one of 7,000 (24 minutes). "
        "That of 200x200 pixels begins with the weights for 100x100. "
        "Multiply-adds are those of one picture, by torch's counter, with the context network. "
        "The reader's do not grow with the picture, the net's do. The paper's pictures of pairs come from another generator.",
        "",
        f"![What the reader of pairs looks at]({arguments.out.name}_pairs.png)",
        "",
        f"![What the reader of rows looks at]({arguments.out.name}_sequence.png)",
        "",
        "Columns are glimpses: green is the fine crop, orange the coarse one; what was not looked at is dim.",
    ]
    arguments.out.with_suffix(".md").write_text("\n".join(text) + "\n", encoding="utf-8")


def looks(model: Any, data: DigitScenes) -> Tensor:
    """The glimpses of a few pictures, one row per picture."""
    batch = next(iter(data.stream("valid", seed=0)))
    seen = model.read(batch.images[:EXAMPLES], rng=generator(0)).seen
    stages = torch.stack(list(images.boxed(seen, scale=2)), 1)  # picture, glimpse, C H W
    return images.grid(stages.flatten(0, 1), columns=stages.shape[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("net")
    one.add_argument("--path", type=Path, required=True)
    one.add_argument("--kind", default="pairs")
    one.add_argument("--side", type=int, default=100)
    one.add_argument("--steps", type=int, default=6000)
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=train_net)
    two = commands.add_parser("table")
    two.add_argument("runs", type=Path, nargs="+")
    two.add_argument("--nets", type=Path, nargs="*", default=[])
    two.add_argument("--test", type=Path, required=True)
    two.add_argument("--out", type=Path, required=True)
    two.set_defaults(run=table)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
