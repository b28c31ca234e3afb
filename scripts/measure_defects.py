"""Defects planted in textures: how many of them do the bits per pixel of a model give away?

    uv run python scripts/measure_defects.py PHOTOGRAPHS... [--steps 800] [--runs RUNS]
        [--out scripts/results/texture_defects.md] [--sheet scripts/results/texture_defects.jpg]

PHOTOGRAPHS are files, or photo:NAME for one of scikit-image. For each, the preset `texture` of the model `ride` is trained on the
upper 60 % of the rows, in a folder of RUNS, or taken from there. The lower 40 % have never been seen; their places of 24 px are
judged in two ways: by the bits per pixel, as a heat map shows them, and by how far they are above what the model expects at that
pixel (the mean bits of samples of its prediction), so that what is always grainy counts less. Either is blurred by Gaussians of
1.5 and 3 px. How far such a mean is from its median over the clean pixels, in units of how far the highest or the lowest percent
of them is, is its score. A place has the largest score of its pixels, and is an alarm above what 1 % of the clean places exceed.
Then defects are planted in the middle of places, one in each, and those that give an alarm are counted.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

import drawgen
from drawgen import images, likelihood
from drawgen.contract import generator
from drawgen.jobs import machine
from drawgen.jobs.heat_maps import HeatMap
from drawgen.nn.spatial_lstm import diagonals

PLACE = 24
APART = 48
"""Pixels between the middles of two defects."""
SIGMAS = (1.5, 3.0)
SAMPLES = 6
"""Of a pixel's prediction, of which the mean is the expected bits."""
WAYS = ("bits", "bits above expectation")
HELD_OUT = 0.4
WANTED = 100
"""Defects of each kind and size, over all photographs."""
RATE = 0.01
Plant = Callable[[Float[Tensor, "C h w"], Float[Tensor, "C 1 1"], torch.Generator], Float[Tensor, "C h w"]]


def grid() -> tuple[Tensor, Tensor]:
    """Distances of a place's pixels from its middle, down and to the right."""
    at = torch.arange(PLACE).float() - PLACE / 2 + 0.5
    return at[:, None].expand(PLACE, PLACE), at.expand(PLACE, PLACE)


def signs(place: Float[Tensor, "C h w"], rng: torch.Generator) -> Float[Tensor, "C 1 1"]:
    """Lighter or darker, by channel."""
    return torch.where(torch.rand(len(place), 1, 1, generator=rng) < 0.5, 1.0, -1.0)


def disc(diameter: float, contrast: float) -> Plant:
    """A flat disc with an edge of a pixel: the mean colour, with each channel lighter or darker by `contrast`
    standard deviations."""

    def plant(place: Tensor, std: Tensor, rng: torch.Generator) -> Tensor:
        y, x = grid()
        inside = (diameter / 2 - (y**2 + x**2).sqrt() + 0.5).clamp(0, 1)
        sign = signs(place, rng)
        colour = (place.mean((1, 2), keepdim=True) + sign * contrast * std).clamp(0, 1)
        return torch.lerp(place, colour.expand_as(place), inside)

    return plant


def stain(diameter: float, contrast: float) -> Plant:
    """A soft blotch (a Gaussian, that wide at half its height) through which the texture shows, lighter or darker by `contrast`
    standard deviations."""

    def plant(place: Tensor, std: Tensor, rng: torch.Generator) -> Tensor:
        y, x = grid()
        height = torch.exp(-(y**2 + x**2) * 4 * math.log(2) / diameter**2)
        sign = 1 if torch.rand((), generator=rng) < 0.5 else -1
        return (place + sign * contrast * std * height).clamp(0, 1)

    return plant


def scratch(width: float, contrast: float) -> Plant:
    """A straight line of 16 px in any direction, with each channel lighter or darker by `contrast` standard deviations."""

    def plant(place: Tensor, std: Tensor, rng: torch.Generator) -> Tensor:
        y, x = grid()
        angle = torch.rand((), generator=rng) * math.pi
        along, across = x * angle.cos() + y * angle.sin(), (y * angle.cos() - x * angle.sin()).abs()
        inside = (width / 2 - across + 0.5).clamp(0, 1) * (8 - along.abs() + 0.5).clamp(0, 1)
        return (place + signs(place, rng) * contrast * std * inside).clamp(0, 1)

    return plant


def patch(side: int, other: Float[Tensor, "C H W"]) -> Plant:
    """A square of another texture, with the mean colour and the standard deviation of the place that it covers."""

    def plant(place: Tensor, _std: Tensor, rng: torch.Generator) -> Tensor:
        rows, columns = (int(torch.randint(length - side, (), generator=rng)) for length in other.shape[1:])
        piece = other[:, rows : rows + side, columns : columns + side].expand(len(place), -1, -1)
        low = (PLACE - side) // 2
        covered = place[:, low : low + side, low : low + side]
        out = place.clone()
        fitted = (piece - piece.mean((1, 2), keepdim=True)) / piece.std((1, 2), keepdim=True).clamp(min=0.01)
        out[:, low : low + side, low : low + side] = (
            fitted * covered.std((1, 2), keepdim=True) + covered.mean((1, 2), keepdim=True)
        ).clamp(0, 1)
        return out

    return plant


def local_mean(bits: Float[Tensor, "H W"], sigma: float) -> Float[Tensor, "H W"]:
    """Blurred by a Gaussian, which ends at the edges."""
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1).float() ** 2) / (2 * sigma**2))

    def blurred(x: Tensor) -> Tensor:
        x = torch.nn.functional.conv2d(x[None, None], kernel[None, None, :, None], padding=(reach, 0))
        return torch.nn.functional.conv2d(x, kernel[None, None, None], padding=(0, reach))[0, 0]

    return blurred(bits) / blurred(torch.ones_like(bits))


@torch.no_grad()
def surprise(model: Any, picture: Float[Tensor, "C H W"]) -> dict[str, Float[Tensor, "S H W"]]:
    """The local means of the bits per pixel, and of what they are above expectation, by `SIGMAS`."""
    mixture = model.mixture(model.outputs(model.standard(picture[None])))
    grid, rng = diagonals(*picture.shape[1:], picture.device), generator(0)
    levels = (picture * 255).round().flatten(1)[:, grid.order].t()[:, None]  # P 1 C
    bits, expected = -likelihood.log_prob(mixture, levels), torch.zeros(levels.shape[:2])
    for _ in range(SAMPLES):
        uniforms = torch.rand(len(levels), 1, model.channels + 1, generator=rng)
        expected -= likelihood.log_prob(mixture, likelihood.sample(mixture, uniforms)) / SAMPLES
    parts = [(each[grid.place, 0] / likelihood.LOG_2).view(picture.shape[1:]) for each in (bits, bits - expected)]
    found = zip(WAYS, parts, strict=True)
    return {way: torch.stack([local_mean(each, sigma) for sigma in SIGMAS]) for way, each in found}


def scores(means: Float[Tensor, "S H W"], ends: Float[Tensor, "3 S"]) -> Float[Tensor, "h w"]:
    """The score of the place that begins at each pixel, by quantiles of the clean local means: low, middle, high."""
    low, middle, high = ends[:, :, None, None]
    each = torch.maximum((means - middle) / (high - middle), (middle - means) / (middle - low))
    return torch.nn.functional.max_pool2d(each.amax(0, keepdim=True), PLACE, 1)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="+")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--runs", type=Path, default=Path("runs/defects"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.runs.mkdir(parents=True, exist_ok=True)
    pictures = {name: images.load_image(name, longest_px=512) for name in given.photographs}
    each = -(-WANTED // len(pictures))
    found: dict[str, dict[str, list[int]]] = {}
    trained, panels = [], []
    for number, (file, picture) in enumerate(pictures.items()):
        name = file.removeprefix("photo:") if file.startswith("photo:") else Path(file).stem
        if not (given.runs / name).exists():
            data, fit = {"path": file, "held_out": HELD_OUT}, {"steps": given.steps, "seed": 1}
            drawgen.train("ride", "texture", data=data, fit=fit, out=given.runs / name, progress=False)
        run = drawgen.load(given.runs / name)
        model: Any = run.model
        rows = picture.shape[1] - round(HELD_OUT * picture.shape[1])
        clean, std = picture[:, rows:], picture[:, :rows].std((1, 2), keepdim=True)
        before = surprise(model, clean)
        ends = {way: means.flatten(1).quantile(torch.tensor([RATE, 0.5, 1 - RATE]), dim=1) for way, means in before.items()}
        clean_scores = {way: scores(means, ends[way]) for way, means in before.items()}
        threshold = {way: each_score.flatten().quantile(1 - RATE) for way, each_score in clean_scores.items()}
        false = [100 * float((clean_scores[way] > threshold[way]).float().mean()) for way in WAYS]
        lefts = range(16, clean.shape[2] - PLACE, APART)
        tops = range(16, clean.shape[1] - PLACE, APART)[: -(-each // len(lefts))]
        places = [(top, left) for top in tops for left in lefts]
        other = list(pictures.values())[(number + 1) % len(pictures)].mean(0, keepdim=True)
        hits_here = {way: 0 for way in WAYS}
        kinds = defects(other)
        for at, (kind, plant) in enumerate(kinds.items()):
            rng = generator(number, at)
            spoilt = clean[:, : tops[-1] + APART].clone()
            chosen = [places[n] for n in torch.randperm(len(places), generator=rng)[:each].tolist()]
            for top, left in chosen:
                place = spoilt[:, top : top + PLACE, left : left + PLACE]
                place.copy_(plant(place, std, rng))
            for way, means in surprise(model, spoilt).items():
                after = scores(means, ends[way])
                hits = [int(after[top, left] > threshold[way]) for top, left in chosen]
                found.setdefault(kind, {}).setdefault(way, []).extend(hits)
                hits_here[way] += sum(hits)
            if SHOWN.get(kind) == number:
                panels.append((spoilt, model.bits_by_pixel(spoilt[None])[0]))
        shares = " | ".join(f"{100 * hits_here[way] / len(kinds) / each:.0f}" for way in WAYS)
        bits_per_dim = run.evaluate()["bits_per_dim"]
        trained.append(f"| {name} | {len(picture)} | {bits_per_dim:.2f} | {false[0]:.1f} / {false[1]:.1f} | {shares} |")
        print(trained[-1], flush=True)
    names = [line.split(" ")[1] for line in trained]
    table = [f"| defect | {' | '.join(WAYS)} | {' | '.join(names)} |", "| --- " * (3 + len(names)) + "|"]
    for kind, ways in found.items():
        by_photograph = torch.tensor(ways[WAYS[1]]).view(len(names), each)
        shares = [torch.tensor(ways[way]) for way in WAYS] + list(by_photograph)
        table.append(f"| {kind} | " + " | ".join(f"{100 * share.float().mean():.0f}" for share in shares) + " |")
    good = {kind for kind, ways in found.items() if sum(ways[WAYS[1]]) >= 0.9 * len(ways[WAYS[1]])}
    table += ["", f"At least 90 of 100 are found, by bits above expectation, of: {'; '.join(sorted(good)) or 'none'}."]
    print("\n".join(table))
    if given.sheet is not None:
        images.save_image(given.sheet, sheet(panels))
    if given.out is not None:
        given.out.write_text(page(given.steps, table, trained, each * len(pictures)), encoding="utf-8")


PHOTOGRAPHS = "| photograph | channels | bits/dim, held out | false alarms of 100 | found of 100 by bits | above expectation |"
SHOWN = {"disc of 8 px, contrast 3": 0, "scratch of 2 px, contrast 3": 1, "patch of another texture, 12 px": 2}
"""Kinds on the sheet, with the number of their photograph."""


def defects(other: Float[Tensor, "1 H W"]) -> dict[str, Plant]:
    kinds: dict[str, Plant] = {}
    for diameter in (4, 8, 12):
        for contrast in (0, 3, 5):
            kinds[f"disc of {diameter} px, contrast {contrast}"] = disc(diameter, contrast)
    for diameter in (8, 16):
        kinds[f"stain of {diameter} px, contrast 4"] = stain(diameter, 4)
    for width in (1, 2):
        for contrast in (2, 3, 5):
            kinds[f"scratch of {width} px, contrast {contrast}"] = scratch(width, contrast)
    for side in (8, 12, 16):
        kinds[f"patch of another texture, {side} px"] = patch(side, other)
    return kinds


def sheet(panels: list[tuple[Tensor, Tensor]]) -> Float[Tensor, "3 H W"]:
    """Spoilt pictures above their heat maps."""
    columns = []
    for spoilt, bits in panels:
        part = slice(0, 200), slice(0, 300)
        heat = HeatMap(bits, torch.ones_like(bits, dtype=torch.bool)).picture()
        columns.append(torch.cat([spoilt[:, *part].expand(3, -1, -1), heat[:, *part]], 1))
    return torch.cat(columns, 2)


def page(steps: int, table: list[str], trained: list[str], count: int) -> str:
    head = [
        "# Defects in textures, measured",
        "",
        f"The preset `texture` of `ride`, {steps} steps (seed 1) on the upper 60 % of {len(trained)} photographs (at most",
        f"512 px). In the lower 40 %, {count} defects of each kind and size are planted, over all photographs. A place of",
        f"{PLACE} px is an alarm if the local mean of its bits per pixel is somewhere above one threshold or below another:",
        "those of the heat map, or those above what the model expects at that pixel. Of the clean places, at most",
        f"{RATE:.0%} are alarms. Contrast is in standard deviations of the photograph: a disc of contrast 0 is a flat one of",
        "the mean colour of its place. Discs and scratches are of any colour, stains let the texture show through, scratches",
        "are 16 px long, and patches have the mean and the contrast of what they cover.",
        f"One thread of {machine()}, torch {torch.__version__}. `scripts/measure_defects.py`",
        "",
        "![Discs, scratches and patches in textures, and the bits of their pixels](texture_defects.jpg)",
        "",
        "How many of 100 are found: over all photographs, in both ways, and by bits above expectation in each.",
        "",
    ]
    tail = ["", PHOTOGRAPHS, "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *table, *tail, *trained, ""])


if __name__ == "__main__":
    main()
