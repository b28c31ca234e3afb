"""Makes the pictures of docs/textures.md from photographs of scikit-image, in about a minute.

    python scripts/texture_examples.py scripts/results

inpaint.jpg: a man with a camera, the mask, and the lawn without him. extend.jpg: a table and a wall, continued on both sides.
guide.jpg: a portrait in gravel and in grass. labels.jpg: a path of gravel through grass, with its labels.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

import drawgen
from drawgen import images

MAN = [(0, 150), (0, 511), (415, 511), (415, 490), (340, 330), (345, 290), (305, 250), (335, 230), (338, 160), (330, 130),
       (275, 130), (278, 90), (240, 55), (180, 55), (140, 95), (90, 120), (30, 180)]  # fmt: skip
"""Corners (x, y) of a polygon around the man and his tripod in photo:camera."""


def mask() -> Float[Tensor, "1 H W"]:
    picture = Image.new("L", (512, 512))
    ImageDraw.Draw(picture).polygon(MAN, fill=255)
    return torch.from_numpy(np.array(picture))[None].float() / 255


def path() -> Float[Tensor, "H W"]:
    """Labels: 1 on a path that winds from below to above, 0 beside it."""
    down, along = torch.meshgrid(torch.arange(384.0), torch.arange(512.0), indexing="ij")
    middle = 256 + 90 * torch.sin(down / 384 * 2 * math.pi)
    return ((along - middle).abs() < 40 + down / 12).long()


def beside(*pictures: Tensor) -> Float[Tensor, "3 H W2"]:
    return torch.cat([torch.nn.functional.pad(each.expand(3, -1, -1), (0, 8), value=1.0) for each in pictures], 2)[:, :, :-8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    camera = images.load_image("photo:camera")
    hole = mask()
    marked = torch.where(hole > 0.5, torch.tensor([0.9, 0.1, 0.4])[:, None, None], camera.expand(3, -1, -1))
    lawn = drawgen.inpaint("photo:camera", mask=hole, seed=2).images[0]
    images.save_image(folder / "inpaint.jpg", beside(camera, marked, lawn))

    table = drawgen.extend("photo:coffee", by=(300, 0, 300, 0), seed=1).images[0]
    wall = drawgen.extend("photo:brick", by=(344, 0, 344, 0), seed=1).images[0]
    images.save_image(folder / "extend.jpg", torch.cat([table, wall.expand(3, -1, -1)], 1))

    portrait = images.load_image("photo:astronaut")[:, :260, 110:350]
    options = {"guide": portrait, "size": (512, 472), "invent": "nothing"}
    made = [drawgen.texture(f"photo:{name}", **options).images[0] for name in ("gravel", "grass")]
    images.save_image(folder / "guide.jpg", beside(images.resize(portrait, 512, 472), *made))

    labels = path()
    ground = drawgen.labelled_texture(["photo:grass", "photo:gravel"], labels, invent="nothing", seed=1).images[0]
    images.save_image(folder / "labels.jpg", beside(0.25 + 0.5 * labels[None].float(), ground))


if __name__ == "__main__":
    main()
