"""Evaluates painters that doodle or complete digits with a classifier, and compares them with real digits and random strokes.

    python scripts/doodle_report.py runs/doodles --data MNIST --out scripts/results/painter_doodles

This script trains the classifier on MNIST's training split, with random strokes as an eleventh class, and tests it on the test
split; DATA needs both. A drawing is a confident digit if one digit has a probability of 0.9 or more. Painters that complete digits
are given halves of test digits.
"""

import argparse
from pathlib import Path

import torch
from drawgen_envs.brush import paint
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import images, jobs, models
from drawgen.contract import Draws, Request, generator
from drawgen.data.idx import find_idx, read_digits
from drawgen.data.standard import warped

CONFIDENT = 0.9
REJECT = 10
PER_DIGIT = 0.02
"""Smallest fraction of the confident drawings with which a digit counts as drawn."""


def random_strokes(count: int, strokes: int, radius: tuple[float, float], side: int, *, rng: torch.Generator) -> Tensor:
    """Drawings of random strokes."""
    points = torch.rand(count, strokes, 6, generator=rng)
    radii = radius[0] + (radius[1] - radius[0]) * torch.rand(count, strokes, 2, generator=rng)
    laid = torch.cat([points * 0.7 + 0.15, radii, torch.ones(count, strokes, 3)], 2)
    return paint(torch.zeros(count, 1, side, side), laid)


def classifier() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.4), nn.LazyLinear(11),
    )  # fmt: skip


def train(pictures: Tensor, labels: Tensor, radius: tuple[float, float], epochs: int) -> nn.Sequential:
    torch.manual_seed(0)
    net = classifier()
    net(pictures[:2])
    side = pictures.shape[-1]
    adam = torch.optim.AdamW(net.parameters(), 2e-3)
    steps, step, rng = epochs * (len(pictures) // 128), 0, generator(1)
    for _ in range(epochs):
        for chosen in torch.randperm(len(pictures), generator=rng)[: len(pictures) // 128 * 128].split(128):
            for group in adam.param_groups:
                group["lr"] = 2e-3 * (1 - step / steps) + 1e-5
            few = int(torch.randint(1, 9, (1,), generator=rng))
            x = torch.cat([warped(pictures[chosen], 0.3, rng=rng), random_strokes(16, few, radius, side, rng=rng)])
            y = torch.cat([labels[chosen], torch.full((16,), REJECT)])
            loss = F.cross_entropy(net(x), y)
            adam.zero_grad()
            loss.backward()
            adam.step()
            step += 1
    return net.eval()


@torch.no_grad()
def judge(name: str, pictures: Tensor, net: nn.Module, train_set: Tensor, meant: Tensor | None = None) -> str:
    """A row of the table; `meant` are the true digits, if they are known."""
    probabilities = torch.cat([net(part).softmax(1) for part in pictures.split(500)])
    best, label = probabilities.max(1)
    confident = (best >= CONFIDENT) & (label != REJECT)
    counts = torch.bincount(label[confident], minlength=10)[:10].float()
    shares = counts / counts.sum().clamp(min=1)
    effective = float((-(shares * shares.clamp(min=1e-9).log()).sum()).exp())
    flat, known = pictures[:500].flatten(1), train_set.flatten(1)
    apart = torch.cdist(flat, flat)
    diversity = float(apart.sum() / (len(flat) * (len(flat) - 1)))
    nearest = torch.cat([torch.cdist(part, known).min(1).values for part in flat.split(50)])
    right = "" if meant is None else f"{float((label == meant).float().mean()):.3f}"
    return (
        f"| {name} | {float(confident.float().mean()):.3f} | {int((shares >= PER_DIGIT).sum())} | {effective:.1f} | "
        f"{diversity:.2f} | {float(nearest.median()):.2f} | {right} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="model folders, or painter:NAME; all of one size")
    parser.add_argument("--data", type=Path, required=True, help="folder of MNIST's four files")
    parser.add_argument("--count", type=int, default=1000, help="drawings that are judged")
    parser.add_argument("--epochs", type=int, default=4, help="passes of the classifier over the training part")
    parser.add_argument("--out", required=True, help="the table's file without its suffix; the picture goes beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    painters = {name: models.load(name) for name in arguments.models}
    first = next(iter(painters.values()))
    side = first.spec.picture[1]

    def digits(part: str) -> tuple[Tensor, Tensor]:
        file = find_idx(arguments.data, f"{part}-images")
        if file is None:
            parser.error(f"{arguments.data} has no {part}-images-idx3-ubyte.gz; give the folder of MNIST's four files")
        found = read_digits(file)
        pictures = torch.from_numpy(found.pictures)[:, None].float() / 255
        return F.interpolate(pictures, (side, side), mode="area"), torch.from_numpy(found.labels)

    train_set, labels = digits("train")
    test_set, test_labels = digits("t10k")
    net = train(train_set, labels, first.config.radius, arguments.epochs)
    with torch.no_grad():
        said = torch.cat([net(part).argmax(1) for part in test_set.split(500)])
    accuracy = float((said == test_labels).float().mean())
    count = arguments.count
    real, meant = test_set[:count], test_labels[:count]
    scribbles = random_strokes(count, first.config.strokes, first.config.radius, side, rng=generator(5))
    rows, shown = [], []
    for name, painter in painters.items():
        own = Path(name).name
        if isinstance(painter, Draws):
            drawn = painter.sample(Request(n=count, seed=0)).images
            rows.append(judge(own, drawn, net, train_set))
        else:
            with torch.no_grad():
                halves = painter.goal.covered(torch.zeros_like(real), painter.goal.subject(real, rng=generator(0)).target)
            drawn = painter.reconstruct(real, rng=generator(0)).images
            rows += [judge(own, drawn, net, train_set, meant), judge(f"{own}: the given half alone", halves, net, train_set, meant)]
            shown.append(halves[:32])
        shown.append(drawn[: 32 if shown or len(painters) > 1 else 64])
    lines = [
        f"# {Path(arguments.out).stem}",
        "",
        f"Made by `scripts/doodle_report.py` on {jobs.machine()}, one thread; {count} drawings each, seed 0.",
        f"The classifier has an accuracy of {100 * accuracy:.2f} % on MNIST's test split. Confident: the fraction of drawings in",
        f"which a digit has a probability of {CONFIDENT} or more. Digits: how many digits make up {PER_DIGIT:.0%} or more of the",
        "confident drawings; effective digits: the exponential of their entropy. Diversity: mean distance between two drawings;",
        "nearest: median distance to the closest training picture (Euclidean, over all pixels). Accuracy: the most probable digit",
        "is the true one.",
        "",
        "| drawings | confident | digits | effective digits | diversity | nearest | accuracy |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        judge("real (test split)", real, net, train_set, meant),
        judge("random strokes", scribbles, net, train_set),
        "",
        f"![{', '.join(Path(name).name for name in painters)}]({Path(arguments.out).name}.png)",
        "",
    ]
    print("\n".join(lines))
    Path(arguments.out).with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
    sheet = images.grid(torch.cat(shown), columns=16)
    images.save_image(Path(arguments.out).with_suffix(".png"), sheet.repeat_interleave(2, 1).repeat_interleave(2, 2))


if __name__ == "__main__":
    main()
