"""The sheet of the canvas environments: random episodes of each, and targets.

uv run python scripts/canvas_sheet.py [--out scripts/results/canvas_environments.png]
"""

import argparse
from pathlib import Path

import drawgen_envs  # noqa: F401
import gymnasium
import numpy as np
from drawgen_envs.mypaint import NotInstalled
from PIL import Image, ImageDraw

CELL, GAP, WIDTH = 128, 8, 6
ROWS = (
    ("Canvas-v0", {}),
    ("Canvas-v0, grey, thin", {"channels": 1, "radius": (0.004, 0.05)}),
    ("Spiral-v0", {}),
    ("Spiral-v0, libmypaint's classic/dry_brush", {"brush": "mypaint:classic/dry_brush"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("scripts/results/canvas_environments.png"))
    arguments = parser.parse_args()
    page = Image.new("RGB", (WIDTH * (CELL + GAP) + GAP, len(ROWS) * (CELL + 24) + GAP), (236, 236, 236))
    pen = ImageDraw.Draw(page)
    for row, (title, options) in enumerate(ROWS):
        name = title.partition(",")[0]
        top = GAP + row * (CELL + 24)
        pen.text((GAP, top), f"{title}: random actions", fill="black")
        try:
            env = gymnasium.make(f"drawgen/{name}", render_mode="rgb_array", render_scale=2, **options)
        except NotInstalled as error:
            print(f"{title} is left out: {error}")
            continue
        env.action_space.seed(1)
        for column in range(WIDTH):
            env.reset(seed=column)
            for _ in range(3 + 3 * column):  # from 3 strokes to 18
                env.step(env.action_space.sample())
            picture = Image.fromarray(np.asarray(env.render()))
            page.paste(picture, (GAP + column * (CELL + GAP), top + 14))
    page.save(arguments.out, optimize=True)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
