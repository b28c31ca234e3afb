"""CPU seconds to read a folder of 1,000 ordinary JPEGs, and 10,000 captions, against another checkout of the project.

    uv run python scripts/bench_loading.py --against OTHER_CHECKOUT --out scripts/results/bench_loading.md

Both sides take turns, ten times each, in separate processes on one thread. The time is the user and system time of the process
while it reads, without its start. The pictures are read as for captions (load, crop the central square, resize to 224 pixels); the
captions are read with the names of their pictures, their words and the vocabulary.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PAIRS = 10
PICTURES = 1_000
CAPTIONS = 10_000
READ = """
import json, sys, time
import torch
torch.set_num_threads(1)
from drawgen.data.captions import Captioned
from drawgen import images
images.load_image("photo:brick")  # what is imported at the first picture is not timed
begun = time.process_time()
data = Captioned(path=sys.argv[1], min_count=1, keep_mb=0, held_out=0.0)
data.spec()
captions = time.process_time() - begun
begun = time.process_time()
total = sum(float(example.picture[0, 0, 0]) for example in data.examples("train"))
print(json.dumps({"captions": captions, "pictures": time.process_time() - begun}))
"""
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, required=True, help="another checkout of the project")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        seconds: list[dict[str, tuple[float, float]]] = []
        for _ in range(arguments.pairs):
            mine, other = (read(checkout, folder) for checkout in (ROOT, arguments.against.resolve()))
            seconds.append({what: (mine[what], other[what]) for what in mine})
            print(json.dumps(seconds[-1]), file=sys.stderr)
    from drawgen import jobs

    lines = [
        "# Speed of reading pictures and captions",
        "",
        f"{jobs.machine()}, one thread, CPU time. {PICTURES:,} JPEGs of 640x480 pixels and {CAPTIONS:,} captions of them;",
        f"medians of {len(seconds)} interleaved pairs; the ratio is the median of the pairs' ratios.",
        "",
        "| what is read | s | s before | ratio | ratios from, to |",
        "| --- | --- | --- | --- | --- |",
    ]
    for what, unit in (("pictures", f"{PICTURES:,} pictures"), ("captions", f"{CAPTIONS:,} captions")):
        pairs = [pair[what] for pair in seconds]
        ratios = sorted(mine / other for mine, other in pairs)
        mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
        lines.append(f"| {unit} | {mine:.2f} | {other:.2f} | {statistics.median(ratios):.2f} | {ratios[0]:.2f}, {ratios[-1]:.2f} |")
    lines += ["", "Made by `scripts/bench_loading.py`."]
    print("\n".join(lines))
    if arguments.out is not None:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def make(folder: Path) -> None:
    """Crops of scikit-image's photographs, and captions of random words."""
    import skimage.data

    rng = np.random.default_rng(0)
    photos = [Image.fromarray(photo()).resize((1280, 960)) for photo in (skimage.data.astronaut, skimage.data.coffee)]
    words = ["".join(chr(97 + letter) for letter in rng.integers(0, 26, rng.integers(2, 9))) for _ in range(3_000)]
    rows = []
    for number in range(PICTURES):
        left, top = int(rng.integers(0, 640)), int(rng.integers(0, 480))
        photos[number % 2].crop((left, top, left + 640, top + 480)).save(folder / f"{number:05d}.jpg", quality=90)
        for _ in range(CAPTIONS // PICTURES):
            rows.append((f"{number:05d}.jpg", " ".join(rng.choice(words, rng.integers(8, 14))) + "."))
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("picture", "caption"), *rows])


def read(checkout: Path, folder: str) -> dict[str, float]:
    """Seconds of one reading by the code of a checkout."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(checkout / "envs")])}
    command = [sys.executable, "-c", READ, folder]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True, encoding="utf-8")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
