"""Figures of a painter that reconstructs: errors by number of strokes on held-out drawings and on an unseen alphabet, the error by
steps of polishing, for the painter's strokes and for strokes placed on the ink without a network, and, where people's strokes are
known, how much their order and direction are the same.

    python scripts/painter_report.py runs/characters --data OMNIGLOT --alphabet "Japanese_(katakana)" --out painter_characters
"""

import argparse
import time
from pathlib import Path

import torch
from drawgen_envs.brush import paint
from scipy.optimize import linear_sum_assignment
from scipy.stats import kendalltau
from torch import Tensor
from torch.nn import functional as F

from drawgen import images, jobs, models
from drawgen.contract import generator
from drawgen.data.omniglot import read_characters
from drawgen.data.pictures import Pictures
from drawgen.data.strokes import DrawnPictures
from drawgen.jobs.asking import POLISH
from drawgen.nn.painting_goals import COUNTS, squared
from drawgen.strokes.polishing import polish

POLISHES = (0, 5, 10, 25, 50, 100)


def share(canvas: Tensor, target: Tensor) -> float:
    return float(squared(canvas, target).sum() / target.square().mean((1, 2, 3)).sum())


def on_the_ink(target: Tensor, strokes: int, radius: tuple[float, float], *, rng: torch.Generator) -> Tensor:
    """Short strokes on ink, far apart: each starts at the inked pixel that is farthest from all earlier starts (B T P)."""
    count, _, side, _ = target.shape
    line = (torch.arange(side) + 0.5) / side
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).flatten(0, 1)  # N 2
    ink = target.flatten(1) > 0.5
    distance = torch.where(ink, torch.rand(ink.shape, generator=rng) + 10, -1.0)
    chosen = []
    for _ in range(strokes):
        place = places[distance.argmax(1)]
        chosen.append(place)
        distance = torch.minimum(distance, torch.where(ink, torch.cdist(place[:, None], places[None])[:, 0], -1.0))
    centre = torch.stack(chosen, 1)  # B T 2
    angle = torch.rand(count, strokes, 1, generator=rng) * torch.pi
    half = 0.06 * torch.cat([angle.cos(), angle.sin()], 2)
    rest = torch.ones(count, strokes, 1)
    return torch.cat([centre - half, centre, centre + half, rest * sum(radius) / 2, rest * sum(radius) / 2, rest, rest, rest], 2)


def as_people(strokes: Tensor, people: Tensor) -> tuple[float, float, float]:
    """Strokes (B T P) are matched with people's (B S P), each with at most one, so that the distances along the curves are least.
    Returns the mean of Kendall's tau between the two orders over the drawings, the fraction of the strokes that go the same way,
    and the mean distance of matched curves in fractions of the side."""
    t = torch.linspace(0, 1, 9)[:, None]
    weights = torch.cat([(1 - t) ** 2, 2 * t * (1 - t), t**2], 1)
    taus, same, distances = [], [], []
    for mine, theirs in zip(strokes, people, strict=True):
        mine, theirs = (part[part[:, 6] > 0, :6].view(-1, 3, 2) for part in (mine, theirs))
        if min(len(mine), len(theirs)) < 3:
            continue
        a, b = weights @ mine, weights @ theirs  # T 9 2
        forth, back = ((a[:, None] - other[None]).norm(dim=-1).mean(-1) for other in (b, b.flip(1)))
        nearest = torch.minimum(forth, back)
        rows, columns = linear_sum_assignment(nearest.numpy())
        taus.append(float(kendalltau(rows, columns).statistic))
        same += (forth < back)[rows, columns].tolist()
        distances += nearest[rows, columns].tolist()
    return (float(sum(values) / len(values)) for values in (taus, same, distances))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model folder, or painter:NAME")
    parser.add_argument("--data", required=True, help="folder of the set's files")
    parser.add_argument("--alphabet", default="", help="an alphabet of Omniglot that the model has not seen")
    parser.add_argument("--count", type=int, default=200, help="pictures that are polished")
    parser.add_argument("--out", required=True, help="the table's file without its suffix; the picture goes beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = models.resolve(arguments.model)
    _, _, recipe = jobs.stored_recipe(folder)
    model = models.load(folder)
    data = type(recipe.data)(**{**vars(recipe.data), "path": arguments.data})
    sets = {"held out": torch.cat([batch.images for batch in data.stream("valid", seed=0)])}
    if arguments.alphabet:
        side = model.spec.picture[1]
        archives = sorted(Path(arguments.data).glob("images_background*.zip"))
        pictures = torch.cat([read_characters(archive, only=arguments.alphabet) for archive in archives])
        sets[f"never seen: {arguments.alphabet}"] = F.interpolate(pictures.float() / 255, (side, side), mode="area")

    lines = ["| pictures | strokes | mean squared error per pixel | fraction of a blank canvas's |", "| --- | --- | --- | --- |"]
    for name, pictures in sets.items():
        totals: dict[str, list[float]] = {}
        for part in pictures.split(100):
            for key, (total, count) in model.measure(Pictures(part), rng=generator(1)).items():
                kept = totals.setdefault(key, [0.0, 0.0])
                kept[0], kept[1] = kept[0] + float(total), kept[1] + count
        for strokes in COUNTS:
            l2, part_of = (totals[f"{key}_{strokes:02d}_strokes"] for key in ("l2", "share"))
            lines.append(f"| {name} ({len(pictures)}) | {strokes} | {l2[0] / l2[1]:.5f} | {part_of[0] / part_of[1]:.3f} |")

    target = sets["held out"][: arguments.count]
    strokes = model.config.strokes
    model.reconstruct(target[:1], rng=generator(2))  # compiles
    bounds = {name: getattr(model.config, name) for name in ("radius", "opacity", "inset")}
    polish(on_the_ink(target[:1], strokes, model.config.radius, rng=generator(3)), target[:1], 1, **bounds)
    begun = time.process_time()
    sample = model.reconstruct(target, rng=generator(2))
    network_ms = (time.process_time() - begun) * 1000 / len(target)
    starts = {"the painter's strokes": (sample.strokes, network_ms), "strokes on the ink": (
        on_the_ink(target, strokes, model.config.radius, rng=generator(3)), 0.0)}  # fmt: skip
    lines += [
        "",
        f"Polishing {strokes} strokes, {len(target)} held-out pictures at once; CPU time per picture, including the network:",
        "",
    ]
    lines += ["| steps | painter's strokes, polished | ms | strokes on the ink, polished | ms |", "| --- | --- | --- | --- | --- |"]
    for steps in POLISHES:
        cells = []
        for start, before_ms in starts.values():
            begun = time.process_time()
            found = polish(start, target, steps, **bounds)
            spent = (time.process_time() - begun) * 1000 / len(target) + before_ms
            painted = paint(torch.zeros_like(target), found)
            cells.append(f"{share(painted, target):.3f} | {spent:.2f}")
        lines.append(f"| {steps} | " + " | ".join(cells) + " |")

    if getattr(data, "strokes", 0):
        batches = [batch for batch in data.stream("valid", seed=0) if isinstance(batch, DrawnPictures)]
        people = torch.cat([batch.strokes for batch in batches])[: len(target)]
        lines += [
            "",
            f"The order of strokes beside people's, on the same {len(target)} pictures: Kendall's tau (1: the same order; 0:",
        ]
        lines += [
            "chance), strokes that go the same way (chance: half), and the distance of matched strokes (fractions of the side):",
            "",
        ]
        lines += ["| strokes | tau | same way | distance |", "| --- | --- | --- | --- |"]
        ink = polish(on_the_ink(target, strokes, model.config.radius, rng=generator(3)), target, POLISH, **bounds)
        for name, found in (("the painter's", sample.strokes), (f"on the ink, {POLISH} steps of polish", ink)):
            tau, same, distance = as_people(found, people)
            lines.append(f"| {name} | {tau:.2f} | {same:.0%} | {distance:.3f} |")

    out = Path(arguments.out)
    polished = model.polish(sample.strokes[:16], target[:16], POLISH).images
    sheet = images.grid(torch.cat([target[:16], sample.images[:16], polished]), columns=16)
    images.save_image(out.with_suffix(".png"), sheet.repeat_interleave(3, 1).repeat_interleave(3, 2))
    words = [f"# {out.stem}", "", f"Made by `scripts/painter_report.py` on {jobs.machine()}, one thread.", ""]
    out.with_suffix(".md").write_text(
        "\n".join([*words, *lines, "", f"![held-out drawings; as painted; after {POLISH} steps of polish]({out.name}.png)", ""]),
        encoding="utf-8",
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
