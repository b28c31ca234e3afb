"""Trains the preset `texture` on each picture of a folder, and reports the results: a contact sheet and a table.

    uv run python scripts/texture_report.py FOLDER --steps 1100 --out scripts/results/textures

FOLDER holds the exemplars. RUNS (ignored by git) stores the runs, so that a second call resumes them or only measures. The table
has, for each exemplar,

- bits/dim on the held-out eighth;
- the fraction of 11x11 patches that are *copied*: the nearest training patch is within a fifth of its standard deviation (RMS). The
  same fraction for the held-out rows of the photograph, which are not copies, is not always zero: flat areas look alike;
- the seam of a tile: the mean difference of neighbours across the wrapped edge in x, and across the cut in y, over the mean
  interior difference; and the interior's 5-95 % range over rows or columns;
- for a few, a 2048 px picture: the last 256 rows against the first 256.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from drawgen import images, jobs, models
from drawgen.contract import Request, generator
from drawgen.data.pictures import Crops
from drawgen.models import ride


def patches(picture: Tensor, side: int = 11) -> Tensor:
    """n D, all of them."""
    return F.unfold(picture[None], side)[0].t()


def copied_share(picture: Tensor, exemplar: Tensor, *, many: int = 400) -> float:
    """Fraction of patches whose nearest exemplar patch is within a fifth of the exemplar's standard deviation."""
    known = patches(exemplar)
    asked = patches(picture)
    asked = asked[torch.randperm(len(asked), generator=generator(0))[:many]]
    best = torch.full((len(asked),), torch.inf)
    for part in known.split(40_000):
        distance = (asked.square().sum(1)[:, None] - 2 * asked @ part.t() + part.square().sum(1)[None]) / part.shape[1]
        best = torch.minimum(best, distance.min(1).values)
    return float((best.clamp(min=0).sqrt() < 0.2 * exemplar.std()).float().mean())


def seams(model: ride.Ride, side: int, seed: int) -> tuple[Tensor, str]:
    """A tile, and its seams in words."""
    request = Request(seed=seed, tile=True)
    picture, cut = model.tile(side, side, request, 0)
    in_x = (picture - picture.roll(1, 2)).abs().mean((0, 1))  # by column; column 0 is the seam
    columns = torch.arange(side)
    in_y = (picture - picture.roll(1, 1)).abs().mean(0)  # H W: the step into each pixel from above
    across = in_y[cut, columns].mean()
    rows = in_y.mean(1)
    words = []
    for seam, steps in ((in_x[0], in_x[1:]), (across, rows)):
        mean = steps.mean()
        words.append(f"{seam / mean:.2f} ({steps.quantile(0.05) / mean:.2f}-{steps.quantile(0.95) / mean:.2f})")
    return picture, " and ".join(words)


def bands(picture: Tensor) -> str:
    """Compares the last 256 rows with the first 256: distance of the histograms (levels) and of the autocorrelations over 16 px,
    and the largest such distance between neighbouring bands in between."""
    found = [picture[:, top : top + 256] for top in range(0, picture.shape[1] - 255, 256)]

    def autocorrelation(band: Tensor) -> Tensor:
        grey = band.mean(0) - band.mean()
        lags = [(grey[:, : -lag or None] * grey[:, lag:]).mean() for lag in range(17)]
        lags += [(grey[: -lag or None] * grey[lag:]).mean() for lag in range(1, 17)]
        return torch.stack(lags) / grey.square().mean()

    def distance(a: Tensor, b: Tensor) -> tuple[float, float]:
        histogram = (a.flatten().sort().values - b.flatten().sort().values).abs().mean() * 255
        return float(histogram), float((autocorrelation(a) - autocorrelation(b)).abs().max())

    ends = distance(found[0], found[-1])
    between = [distance(a, b) for a, b in itertools.pairwise(found)]
    usual = [max(values) for values in zip(*between, strict=True)]
    return f"histogram {ends[0]:.1f} levels (neighbours {usual[0]:.1f}), autocorrelation {ends[1]:.3f} ({usual[1]:.3f})"


def fit_time(run: Path) -> str:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    last = max((line for line in lines if "seconds" in line), key=lambda line: line["step"])
    return f"{last['step']} steps, {last['seconds']:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="two files are written: OUT.jpg and OUT.md")
    parser.add_argument("--steps", type=int, default=1100)
    parser.add_argument("--runs", type=Path, default=Path("runs/textures"))
    parser.add_argument("--large", nargs="*", default=[], help="exemplars to draw at 2048 px, too")
    parser.add_argument("--half", nargs="*", default=[], help="exemplars to reduce to 256 px")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.runs.mkdir(parents=True, exist_ok=True)
    sheet, table = [], []
    for path in sorted(p for p in arguments.folder.iterdir() if p.suffix == ".png"):
        name, longest = path.stem, 256 if path.stem in arguments.half else 512
        run, picture = arguments.runs / name, arguments.runs / f"{name}.png"
        if not (picture.exists() and (run / "model.safetensors").exists()):
            jobs.texture(
                str(path), picture, size=(320, 320), steps=arguments.steps, save=run, exemplar_px=longest, seed=1,
                resume=(run / "recipe.json").exists(), force=True,
            )  # fmt: skip
        data = Crops(path=str(path), longest_px=longest)
        train, held_out = data.pictures[0][0], data.pictures[1][0]
        drawn = images.load_image(picture)
        drawn = drawn.expand(len(train), -1, -1)
        model = models.load(run)
        tile, seam = seams(model, 192, 5)
        bits = stored_bits(run)
        large = ""
        if name in arguments.large:
            begun = time.monotonic()
            big = model.sample(Request(size=(2048, 2048), seed=2)).images[0]
            large = f"{bands(big)}; finite: {bool(torch.isfinite(big).all())}; {time.monotonic() - begun:.0f} s"
        copied = f"{copied_share(drawn, train):.2f} / {copied_share(held_out, train):.2f}"
        table.append(f"| {name} | {longest} | {fit_time(run)} | {bits:.3f} | {copied} | {seam} | {large} |")
        print(table[-1], flush=True)
        both = [p.expand(3, -1, -1)[:, :320, :320] for p in (train, drawn, tile.repeat(1, 2, 2))]
        both = [F.pad(p, (0, 320 - p.shape[2], 0, 320 - p.shape[1]), value=1.0) for p in both]
        sheet.append(images.strip(torch.stack(both), gap_px=4))
    images.save_image(arguments.out.with_suffix(".jpg"), images.grid(torch.stack(sheet), columns=2, gap_px=10))
    text = "\n".join(
        [
            "# Textures: the preset on real photographs",
            "",
            f"Seed 1, {arguments.steps} steps, one thread of {jobs.machine()}, torch {torch.__version__}. The sheet",
            "beside this file shows, for each exemplar in the order of the table (two per row): a part of the photograph, a",
            "sample, and a tile of 192 px, repeated.",
            "",
            "| exemplar | longest side, px | training | bits/dim, held out | 11x11 patches copied: sample / held-out rows "
            "| seam over interior difference, x and y (interior 5-95 %) | 2048 px: last 256 rows compared with the first |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *table,
        ]
    )
    arguments.out.with_suffix(".md").write_text(text + "\n", encoding="utf-8")


def stored_bits(run: Path) -> float:
    """The held-out bits/dim that the run measured at its end."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return float([line for line in lines if "valid/bits_per_dim" in line][-1]["valid/bits_per_dim"])


if __name__ == "__main__":
    main()
