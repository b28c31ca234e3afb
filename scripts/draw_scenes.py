"""Writes drawn scenes as pictures with their captions: a folder to try `drawgen caption` on, or to train on as one's own.

    uv run python scripts/draw_scenes.py scenes -n 16
    uv run drawgen caption scenes

FOLDER gets NNN.png and captions.csv. Scenes of the split `test` show pairs of colour and shape that no training scene has.
"""

import argparse
import csv
from pathlib import Path

from drawgen import images
from drawgen.data.scenes import SPLITS, Scenes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-n", type=int, default=16, help="how many (16)")
    parser.add_argument("--side-px", type=int, default=64, help="side of a picture in pixels (64, as the shipped model takes them)")
    parser.add_argument("--split", choices=SPLITS, default="test")
    arguments = parser.parse_args()
    if arguments.n < 1:
        parser.error(f"-n is {arguments.n}; it has to be at least 1")
    if arguments.folder.exists() and any(arguments.folder.iterdir()):
        parser.error(f"{arguments.folder} is there and not empty; name a new folder")
    try:
        data = Scenes(side_px=arguments.side_px)
    except ValueError as error:
        parser.error(str(error).replace("data.side_px", "--side-px"))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with (arguments.folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["picture", "caption"])
        for first in range(0, arguments.n, data.batch):
            scenes = [data.scene(arguments.split, n) for n in range(first, min(first + data.batch, arguments.n))]
            for number, (scene, picture) in enumerate(zip(scenes, data.batch_of(scenes).images, strict=True), first):
                name = f"{number:03d}.png"
                images.save_image(arguments.folder / name, picture)
                table.writerows([name, caption] for caption in scene.captions)
    print(arguments.folder)


if __name__ == "__main__":
    main()
