"""Reports lesions of residual networks, and how deep networks with and without shortcuts learn.

    uv run python scripts/lesions_report.py RUNS --data MNIST --out scripts/results/lesions.md

RUNS has run folders of `drawgen train resnet_classifier digits`:

    digits                       --data.path MNIST
    drawn                        the same, and --model.drawn 23
    highway                      --model.kind highway --model.modules 27 --fit.steps 600 --fit.warmup 50
    mnist-KIND-N, cifar-KIND-N   KIND is residual or plain, N is 3, 9 or 27: --model.kind KIND --model.modules N --fit.steps 400
                                 --fit.warmup 50 --fit.log-steps 10; for cifar also --data.name own --data.path SET.npz
                                 --data.mirror --data.shift-px 4 --model.width 16

Those that are missing are left out. Every run is by `--fit.precision bf16` on one thread.
"""

import argparse
import io
import json
import math
import textwrap
import time
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from drawgen import charts, jobs, models
from drawgen.jobs.lesion_reports import Lesions, percent
from drawgen.nn.lesions import path_shares

DEPTHS = (3, 9, 27)
SETS = {"mnist": "MNIST", "cifar": "CIFAR-10, 6,093 pictures"}
SMOOTHED = 5
"""Lines of metrics over which the curves of the training loss are means."""
WIDTH = 132


def layers(modules: int) -> int:
    return 2 * modules + 2


def finished(run: Path) -> bool:
    card = run / "README.md"
    return card.is_file() and "- training: " in card.read_text(encoding="utf-8")


def losses(run: Path) -> tuple[list[int], list[float]]:
    """Steps, and the mean training loss since the line before, smoothed."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if "loss" in row]
    values = [row["loss"] for row in rows]
    smooth = [sum(values[max(0, n - SMOOTHED + 1) : n + 1]) / min(n + 1, SMOOTHED) for n in range(len(values))]
    return [row["step"] for row in rows], smooth


def depth_chart(runs: Path) -> bytes:
    """Training losses by depth, with and without shortcuts."""

    def draw(figure: Any) -> None:
        trained = [(name, title) for name, title in SETS.items() if any(map(finished, runs.glob(f"{name}-*")))]
        for axes, (name, title) in zip(figure.subplots(1, len(trained), squeeze=False)[0], trained, strict=True):
            for colour, depth in zip(charts.COLOURS, DEPTHS, strict=False):
                for kind, dashes in (("residual", "-"), ("plain", "--")):
                    run = runs / f"{name}-{kind}-{depth}"
                    if finished(run):
                        axes.plot(*losses(run), dashes, color=colour, label=f"{kind}, {layers(depth)} layers")
            axes.set_title(title)
            axes.set_xlabel("step")
            axes.set_ylabel("training loss, nats")
            axes.set_ylim(0)
        figure.axes[0].legend(loc="upper right", fontsize=11)  # the same lines everywhere

    return charts.chart(draw, width=13, height=5.2)


def lesion_chart(found: Lesions) -> bytes:
    """One module, several, another order, and the paths, of one network."""
    one, other, n = found.deletions, found.beside, len(found.deletions.one)

    def draw(figure: Any) -> None:
        (first, second), (third, fourth) = figure.subplots(2, 2)
        for which, colour in ((other, charts.COLOURS[1]), (one, charts.COLOURS[0])):
            if which is None:
                continue
            first.plot(
                range(1, len(which.one) + 1), [100 * e for e in which.one], "o-", ms=3, lw=1, color=colour, label=which.built
            )
            several = [which.error, *(mean.value for mean in which.several)]
            second.plot([0, *which.counts], [100 * e for e in several], "o-", ms=4, color=colour, label=which.built)
        first.set(title="one module deleted", xlabel="module", ylabel="error, %", ylim=(0, 100))
        first.legend()
        second.set(title="several deleted, by chance", xlabel="modules", ylabel="error, %", ylim=(0, 100))
        third.plot(
            [s.tau for s in found.shuffles], [100 * s.error for s in found.shuffles], "o", color=charts.COLOURS[0], alpha=0.6
        )
        third.set(title="modules in another order", xlabel="Kendall's tau", ylabel="error, %", ylim=(0, 100))
        third.invert_xaxis()
        fourth.axvspan(found.band[0] - 0.5, found.band[1] + 0.5, color=charts.COLOURS[0], alpha=0.1, lw=0)
        fourth.plot([100 * share for share in path_shares(n)], color=charts.COLOURS[6], label="paths")
        fourth.plot([100 * share for share in found.shares], color=charts.COLOURS[0], label="their part of the gradient")
        fourth.set(title="paths by the modules they pass", xlabel="modules", ylabel="share, %")
        fourth.legend()

    return charts.chart(draw, width=13, height=9)


def as_jpeg(png: bytes, path: Path) -> None:
    Image.open(io.BytesIO(png)).convert("RGB").save(path, quality=88)


def tests(run: Path, data: str) -> str:
    """The error on MNIST's test part."""
    scores = jobs.measure(str(run), data=data, split="test")
    return f"{percent(scores['error_rate'], scores['error_rate_error'], 2)}"


def table(found: Lesions) -> list[str]:
    section = found.report.sections[-1]
    if section.table is None:
        return []
    head, *rows = [section.table.header, *section.table.rows]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]


def folded(text: str) -> str:
    return "\n".join(textwrap.wrap(" ".join(text.split()), WIDTH))


def depth_lines(runs: Path, out: Path) -> list[str]:
    """The training losses of networks of several depths, in a picture and a table."""
    as_jpeg(depth_chart(runs), out.with_name(f"{out.stem}_depth.jpg"))
    lines = [
        "## Depth with and without shortcuts",
        "",
        f"![Training losses of 8, 20 and 56 layers]({out.stem}_depth.jpg)",
        "",
        "| training loss at the end, nats | " + " | ".join(f"{layers(depth)} layers" for depth in DEPTHS) + " |",
        "| --- |" + " --- |" * len(DEPTHS),
    ]
    for name, title in SETS.items():
        for kind in ("residual", "plain"):
            ends = [runs / f"{name}-{kind}-{depth}" for depth in DEPTHS]
            if any(map(finished, ends)):
                cells = [f"{losses(run)[1][-1]:.3f}" if finished(run) else "" for run in ends]
                lines.append(f"| {title}, {kind} | {' | '.join(cells)} |")
    told = "400 steps of 64 pictures; a loss is the mean over the last 50 steps."
    if any(finished(runs / f"cifar-residual-{depth}") for depth in DEPTHS):
        told += " CIFAR-10: its 3,000 first training pictures, and 3,770 others as JPEG; a tenth is held out."
    return [*lines, "", folded(told), ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--data", required=True, help="the folder of MNIST's files")
    parser.add_argument("--beside", default="mnist-plain-9", help="the plain network beside the digits'")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    runs, out = arguments.runs, arguments.out
    began = time.process_time()
    beside = runs / arguments.beside
    found = jobs.lesions(runs / "digits", data=arguments.data, beside=beside if finished(beside) else None)
    seconds = time.process_time() - began
    as_jpeg(lesion_chart(found), out.with_name(f"{out.stem}_digits.jpg"))
    recipe = jobs.read_recipe(runs / "digits")
    count = models.presets("resnet_classifier")["digits"].size
    lines = [
        "# Lesions of residual networks",
        "",
        folded(
            f"By `scripts/lesions_report.py`, on one thread of {jobs.machine()}, seed 0. The network is the preset `digits` of "
            f"`resnet_classifier` ({count} weights, {layers(54)} layers), trained on 50,000 MNIST digits for "
            f"{recipe['fit']['steps']:,} steps of {recipe['data']['batch']} in bfloat16. Of all 10,000 test digits "
            f"{tests(runs / 'digits', arguments.data)} are wrong. Lesions are measured on {found.seen}, in "
            f"{seconds:.0f} CPU seconds. In brackets are standard errors: over the sets drawn where modules are drawn by chance, "
            "else over pictures."
        ),
        "",
        f"![Errors without modules, and in another order; the paths]({out.stem}_digits.jpg)",
        "",
        *table(found),
        "",
    ]  # fmt: skip
    if finished(runs / "drawn"):
        lines += [
            "## Training with 23 of 54 modules",
            "",
            "| trained with | MNIST, 10,000 test digits | Veit et al., CIFAR-10 |",
            "| --- | --- | --- |",
            f"| all modules in every batch | {tests(runs / 'digits', arguments.data)} | 6.10 % |",
            f"| 23 modules, drawn for each batch | {tests(runs / 'drawn', arguments.data)} | 5.96 % |",
            "",
        ]
    if any(finished(runs / f"{name}-plain-{depth}") for name in SETS for depth in DEPTHS):
        lines += depth_lines(runs, out)
    if finished(runs / "highway"):
        gated = jobs.lesions(runs / "highway", data=arguments.data, draws=4)
        means = [gate.mean for gate in gated.gates]
        low, high = min(means), max(means)
        lines += [
            "## A highway network",
            "",
            folded(
                f"""{gated.deletions.built}, error {percent(gated.deletions.error)}. Its gates began at
                {1 / (1 + math.exp(2)):.2f}; now their means are from {low:.2f} (module {means.index(low) + 1}) to {high:.2f}
                (module {means.index(high) + 1}). Without one module the error is {percent(median(gated.deletions.one))} (median),
                {percent(max(gated.deletions.one))} (worst); 95 % of the gradient comes through paths of {gated.band[0]} to
                {gated.band[1]} of {len(means)} modules."""
            ),
            "",
        ]
    net = jobs.lesions("efficientnet-lite0")
    lines += [
        "## EfficientNet-Lite0",
        "",
        folded(f"It has {net.deletions.built}; on {net.seen} of 160 px. An error is a first label that changes."),
        "",
        *table(net),
    ]  # fmt: skip
    out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
