"""Paints a short film that it composes itself, and reports how the strokes move: a table, and a sheet of frames.

    uv run python scripts/films_report.py --out scripts/results/films

The film has three parts. A crop pans over the photograph of the coffee; after a cut a textured ball rolls over the astronaut,
who stands still; then nothing moves. It is painted with strokes that carry over from frame to frame, and, for comparison, each
frame alone with the same seed. For each part:

- the PSNR at the size that is painted (128 pixels on the longer side),
- *flicker*: the mean absolute change of the painting from frame to frame, in levels of 255, where the film does not change (in the
  pan, where it moves by a whole number of pixels: of the painting moved as the film),
- the share of such pixels that change by a level or more,
- *travel*: by how many pixels of the film the middle of a stroke moves from frame to frame, the median of all that are kept and
  moved, and the share of the strokes that are replaced,
- CPU seconds per frame on one thread.

RUNS stores the paintings (ignored by git), so that a second call measures only what is missing.
"""

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from drawgen import images, jobs
from drawgen.contract import generator
from drawgen.strokes import placing
from drawgen.strokes.moving import MovingPainting
from drawgen.strokes.painting import Painting
from drawgen.strokes.placing import Style

HEIGHT, WIDTH = 256, 384
PAN_PX, ROLL_PX = 3, 6
"""Pixels per frame of the pan and of the ball."""
PARTS = {"pan": 10, "ball": 10, "still": 4}
"""Frames of each part."""
SHOWN = (0, 1, 2, 9, 10, 11, 12, 19)
"""Frames on the sheet."""


class Painted(NamedTuple):
    """A frame that was painted."""

    painting: Painting
    seconds: float
    before: list[int]
    laid: int


def film() -> list[Tensor]:
    wide = images.load_image("photo:coffee")
    frames = [wide[:, 60 : 60 + HEIGHT, PAN_PX * k : PAN_PX * k + WIDTH] for k in range(PARTS["pan"])]
    ground = images.fit_to(images.load_image("photo:astronaut"), (3, HEIGHT, WIDTH))
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    for k in range(PARTS["ball"]):
        middle = 70 + ROLL_PX * k
        waves = 0.7 + 0.3 * torch.sin((x - middle) / 7) * torch.cos(y / 7)
        ball = (x - middle) ** 2 + (y - 190) ** 2 < 40**2
        frames.append(torch.where(ball, torch.tensor([0.95, 0.5, 0.1])[:, None, None] * waves, ground))
    return frames + [frames[-1]] * PARTS["still"]


def painted(frames: list[Tensor], runs: Path, strokes: int, *, alone: bool) -> list[Painted]:
    moving = MovingPainting(Style(strokes=strokes), rng=generator(0))
    found: list[Painted] = []
    if not alone and not (runs / f"carried-{strokes}-{len(frames) - 1}.notes").exists():
        for notes in runs.glob(f"carried-{strokes}-*.notes"):  # each frame needs the one before
            notes.unlink()
    for number, frame in enumerate(frames):
        kept = runs / f"{'alone' if alone else 'carried'}-{strokes}-{number}.json"
        notes = kept.with_suffix(".notes")
        if alone and not notes.exists():
            moving = MovingPainting(Style(strokes=strokes), rng=generator(0))
        if not notes.exists():
            begun = time.process_time()
            done = moving.next(frame)
            told = [time.process_time() - begun, moving.before.tolist(), moving.laid]
            kept.write_text(done.json(), encoding="utf-8")
            notes.write_text(json.dumps(told), encoding="utf-8")
        found.append(Painted(Painting.read(kept), *json.loads(notes.read_text(encoding="utf-8"))))
        print(kept.stem, f"{found[-1].seconds:.2f} s", flush=True)
    return found


def flicker(frames: list[Tensor], drawn: list[Tensor], part: range) -> tuple[float, float]:
    """Mean absolute change in levels, and the share of pixels that change by a level, where the film does not change."""
    changes = []
    for k in part[1:]:
        before, after = frames[k - 1], frames[k]
        a, b = drawn[k - 1], drawn[k]
        if k < PARTS["pan"]:
            before, a, after, b = before[:, :, PAN_PX:], a[:, :, PAN_PX:], after[:, :, :-PAN_PX], b[:, :, :-PAN_PX]
        changes.append((255 * (a - b).abs()).mean(0)[(before == after).all(0)])
    all_of_them = torch.cat(changes)
    return float(all_of_them.mean()), float((all_of_them >= 1).float().mean())


def travel(found: list[Painted], part: range) -> tuple[float, float]:
    """The median way of the strokes that moved, in pixels of the film, and the share of strokes that are new, after the first."""
    ways, new = [], []
    for k in part[1:]:
        before = torch.tensor(found[k].before)
        kept = before >= 0
        a, b = found[k - 1].painting.strokes[before[kept], 2:4], found[k].painting.strokes[kept, 2:4]
        way = ((b - a) * torch.tensor([WIDTH, HEIGHT])).norm(dim=1)
        ways.append(way[way > 0])
        new.append(1 - kept.float().mean())
    moved = torch.cat(ways)
    return float(moved.median()) if len(moved) else 0.0, float(torch.stack(new).mean())


def sheet(frames: list[Tensor], rows: list[list[Tensor]]) -> Tensor:
    """Rows of frames: the film, both ways of painting, and how much each of these changes from the frame before (5 times)."""
    found = []
    for row in [frames, *rows]:
        found.append([row[k] for k in SHOWN])
    for row in rows:
        found.append([(5 * (row[k] - row[max(0, k - 1)]).abs()).clamp(0, 1) for k in SHOWN])
    small = [[images.resize(one, HEIGHT // 2, WIDTH // 2) for one in row] for row in found]
    return images.grid(torch.stack([images.strip(torch.stack(row), gap_px=4) for row in small]), columns=1, gap_px=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="two files are written: OUT.png and OUT.md")
    parser.add_argument("--runs", type=Path, default=Path("runs/films"))
    parser.add_argument("--strokes", type=int, default=250)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.runs.mkdir(parents=True, exist_ok=True)
    placing.lay(torch.rand(3, 16, 16), Style(strokes=1, detail_px=16), seconds=0.1, rng=generator(0))  # compiled
    frames = film()
    table, pictures = [], []
    for way in ("carried over", "alone"):
        found = painted(frames, arguments.runs, arguments.strokes, alone=way == "alone")
        drawn = [one.painting.draw(HEIGHT, WIDTH) for one in found]
        pictures.append(drawn)
        first = 0
        for name, count in PARTS.items():
            part = range(first, first + count)
            first += count
            small = [(images.resize(frames[k], 85, 128), found[k].painting.draw(85, 128)) for k in part]
            scores = [placing.psnr(picture, seen) for seen, picture in small]
            change, share = flicker(frames, drawn, part)
            ways = "" if way == "alone" else "{:.1f} px, {:.1%}".format(*travel(found, part))
            seconds = [found[k].seconds for k in part[1:]]
            cells = [name, way, f"{sum(scores) / count:.1f} ({min(scores):.1f}-{max(scores):.1f})", f"{change:.2f}", f"{share:.1%}"]
            table.append("| " + " | ".join([*cells, ways, f"{sum(seconds) / len(seconds):.2f}"]) + " |")
        if way != "alone":
            laid = found[-1].laid
    images.save_image(arguments.out.with_suffix(".png"), sheet(frames, pictures))
    text = f"""# Films

{len(frames)} frames of {WIDTH}x{HEIGHT} pixels that the program composes: a crop pans over the photograph of the coffee by
{PAN_PX} pixels per frame; after a cut a textured ball rolls over the astronaut by {ROLL_PX} pixels per frame; then nothing moves.
{arguments.strokes} strokes, seed 0; one thread of {jobs.machine()}, torch {torch.__version__}. Strokes that carry over
were laid {laid} times, at the beginning and at the cut. Beside them: each frame painted alone, with the same seed.

PSNR at the size that is painted (mean and range over frames). Flicker: the mean absolute change of the painting from frame to
frame where the film does not change, in levels of 255, and the share of those pixels that change by a level or more; in the pan,
after moving the painting as the film moves. Travel: the median way of a stroke that moved, in pixels of the film per frame, and
the share of strokes that are replaced per frame. CPU seconds per frame, after the first of each part.

| part | strokes | PSNR, dB | flicker | share | travel, new | CPU seconds |
| --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(table)}

The sheet, films.png: frames {", ".join(str(k + 1) for k in SHOWN)} of the film, its painting with strokes that carry over, its
painting frame by frame, each alone, and five times the change of either from the frame before.
"""
    arguments.out.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
