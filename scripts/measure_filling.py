"""Measures how well holes are filled, on twelve photographs from which a piece was cut out.

    python scripts/measure_filling.py FOLDER --out scripts/results/filling.md --sheet scripts/results/filling.jpg

FOLDER holds photographs of surfaces. Methods: `drawgen` (pixels of the rest, `drawgen inpaint`), `detail` (the same with new pixels
by a spatial LSTM that has learned the rest, --minutes each), the package resynthesizer, and the two methods of OpenCV (package
opencv-python-headless; left out where it is not installed). Measures:

- seam: the mean step across the border of the hole, over that between neighbours around it. 1: as the photograph.
- structure: the distance between Gram matrices of a convolutional net's features in the hole and those of what was there, over the
  mean distance between what was there and other parts of the photograph. 0: the same; 1: another part of the photograph.
- rms: root mean square difference from what was there, in levels. It rewards blur.
- seconds: of the process's CPU time, on one thread.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from drawgen import images
from drawgen.contract import generator
from drawgen.jobs import machine
from drawgen.textures.filling import fill
from drawgen.textures.yardstick import Yardstick

SIDE = 96
"""Side of a hole in pixels."""
MARGIN = 40
NAMES = ("photo:brick", "photo:grass", "photo:gravel", "photo:coffee", "photo:chelsea", "photo:astronaut")


def blob(side: int, seed: int) -> Bool[Tensor, "S S"]:
    """A round hole with an uneven border."""
    rng = np.random.default_rng(seed)
    down, along = np.mgrid[:side, :side] - (side - 1) / 2
    angle, away = np.arctan2(down, along), np.hypot(down, along)
    reach = 0.8 + sum(rng.uniform(-0.2, 0.2) / k * np.cos(k * angle + rng.uniform(0, 7)) for k in range(2, 6))
    return torch.from_numpy(away < reach * side / 2)


def drawgen(picture: Tensor, hole: Tensor, seed: int) -> Tensor:
    return fill(picture, hole, rng=generator(seed)).image


def resynthesizer(picture: Tensor, hole: Tensor, _seed: int) -> Tensor:
    from resynthesizer import TImageSynthParameters, resynthesize

    settings = TImageSynthParameters(0, 0, 1, 0.5, 0.117, 16, 500)
    mask = Image.fromarray(hole.numpy().astype(np.uint8) * 255)
    filled, _ = images.from_pillow(resynthesize(Image.fromarray(images.to_bytes(picture)), mask, settings), "resynthesizer")
    return torch.where(hole, filled if len(filled) == len(picture) else filled.expand_as(picture), picture)


def telea(picture: Tensor, hole: Tensor, _seed: int) -> Tensor:
    return by_opencv(picture, hole, "INPAINT_TELEA")


def navier_stokes(picture: Tensor, hole: Tensor, _seed: int) -> Tensor:
    return by_opencv(picture, hole, "INPAINT_NS")


def by_opencv(picture: Tensor, hole: Tensor, method: str) -> Tensor:
    import cv2

    filled = cv2.inpaint(images.to_bytes(picture), hole.numpy().astype(np.uint8), 5, getattr(cv2, method))
    found = torch.from_numpy(np.ascontiguousarray(filled)).float() / 255
    return found[None] if found.ndim == 2 else found.permute(2, 0, 1)


METHODS = {method.__name__: method for method in (drawgen, resynthesizer, telea, navier_stokes)}


def seam(picture: Tensor, hole: Tensor) -> float:
    """The mean step across the border of the hole over the one outside."""
    across, beside = [], []
    near = torch.nn.functional.max_pool2d(hole[None, None].float(), 13, 1, 6)[0, 0].bool() & ~hole
    for axis in range(2):
        size = hole.shape[axis] - 1
        step = (picture.narrow(axis + 1, 1, size) - picture.narrow(axis + 1, 0, size)).square().sum(0).sqrt()
        one, other = hole.narrow(axis, 0, size), hole.narrow(axis, 1, size)
        across.append(step[one != other])
        beside.append(step[near.narrow(axis, 0, size) & near.narrow(axis, 1, size)])
    return float(torch.cat(across).mean() / torch.cat(beside).mean())


class Truth:
    """A photograph with a piece cut out."""

    def __init__(self, picture: Float[Tensor, "C H W"], seed: int) -> None:
        self.picture = picture
        height, width = picture.shape[1:]
        rng = np.random.default_rng(seed)
        self.top = int(rng.integers(MARGIN, height - MARGIN - SIDE))
        self.left = int(rng.integers(MARGIN, width - MARGIN - SIDE))
        self.hole = torch.zeros(height, width, dtype=torch.bool)
        self.hole[self.top : self.top + SIDE, self.left : self.left + SIDE] = blob(SIDE, seed)
        self.yardstick = Yardstick(picture)
        self.own = self.grams(picture, self.top, self.left)
        others = [self.grams(picture, int(y), int(x)) for y in range(0, height - SIDE, SIDE) for x in range(0, width - SIDE, SIDE)]
        self.apart = sum(self.far(other) for other in others) / len(others)

    def grams(self, picture: Tensor, top: int, left: int) -> list[Tensor]:
        crop = picture[:, top : top + SIDE, left : left + SIDE]
        crop = torch.nn.functional.interpolate(crop[None], scale_factor=2, mode="bicubic", align_corners=False)[0].clamp(0, 1)
        return self.yardstick.gram(crop.expand(3, -1, -1))

    def far(self, other: list[Tensor]) -> float:
        return float(sum((a - b).norm() / a.norm() for a, b in zip(self.own, other, strict=True)))

    def measures(self, filled: Tensor) -> tuple[float, float, float]:
        rms = float((filled - self.picture)[:, self.hole].square().mean().sqrt()) * 255
        return seam(filled, self.hole), self.far(self.grams(filled, self.top, self.left)) / self.apart, rms


def detail(truth: Truth, minutes: float, seed: int) -> tuple[Tensor, float]:
    """New pixels by a model of the rest, and its CPU seconds."""
    import drawgen as public

    with TemporaryDirectory() as place:
        mask, out = Path(place) / "mask.png", Path(place) / "out.png"
        images.save_image(mask, truth.hole[None].float())
        photo = Path(place) / "photo.png"
        images.save_image(photo, truth.picture)
        begun = time.process_time()
        public.inpaint(photo, mask=mask, invent="detail", minutes=minutes, seed=seed).save(out)
        return images.load_image(out), time.process_time() - begun


def part(picture: Tensor, truth: Truth) -> Tensor:
    shown = picture[:, truth.top - MARGIN : truth.top + SIDE + MARGIN, truth.left - MARGIN : truth.left + SIDE + MARGIN]
    return shown.expand(3, -1, -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="*", default=list(NAMES))
    parser.add_argument("--minutes", type=float, default=0.0, help="also measure `detail`, trained so long for each")
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--sheet", type=Path, help="write the pictures here")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, strips, found = [], [], {}
    fill(torch.rand(1, 40, 40), torch.eye(40).bool(), rng=generator(0))  # compiles
    for number, path in enumerate(arguments.photographs):
        name = Path(path).stem.split(":")[-1].removeprefix("cc0_").removeprefix("ph_").removeprefix("acg_")
        truth = Truth(images.load_image(path, longest_px=512), arguments.seed + number)
        marked = torch.where(truth.hole, torch.tensor([1.0, 0, 1])[:, None, None], truth.picture.expand(3, -1, -1))
        shown = [part(truth.picture, truth), part(marked, truth)]
        cells = []
        blanked = truth.picture.masked_fill(truth.hole, 0.5)
        results = {}
        for method, way in METHODS.items():
            try:
                begun = time.process_time()
                results[method] = (way(blanked, truth.hole, arguments.seed), time.process_time() - begun)
            except ImportError:
                continue
        if arguments.minutes:
            results["detail"] = detail(truth, arguments.minutes, arguments.seed)
        for method, (filled, seconds) in results.items():
            figures = (*truth.measures(filled), seconds)
            found.setdefault(method, []).append(figures)
            cells.append(f"{figures[0]:.2f} / {figures[1]:.2f}")
            shown.append(part(filled, truth))
        rows.append(f"| {name} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
        strips.append(torch.cat([torch.nn.functional.pad(one, (0, 4, 0, 4), value=1) for one in shown], 2))
    names = list(found)
    means = {name: np.mean(figures, 0) for name, figures in found.items()}
    best = {name: sum(found[name][k][1] <= min(found[m][k][1] for m in names) for k in range(len(rows))) for name in names}
    text = "\n".join(
        [
            "# Holes filled",
            "",
            f"{machine()}, one thread, seed {arguments.seed}. From each photograph (512 px) a piece of about {SIDE} px was cut out",
            "and filled again by `scripts/measure_filling.py`, which says what is measured. Seam / structure: lower structure is",
            "better, a seam of 1 is the photograph's.",
            "",
            "![Of each photograph the piece, the hole, and how the methods filled it, in the order of the table](filling.jpg)",
            "",
            f"| photograph | {' | '.join(names)} |",
            f"| --- |{' --- |' * len(names)}",
            *rows,
            "",
            f"| mean | {' | '.join(names)} |",
            f"| --- |{' --- |' * len(names)}",
            *(
                f"| {what} | {' | '.join(f'{means[name][k]:.{digits}f}' for name in names)} |"
                for k, (what, digits) in enumerate((("seam", 2), ("structure", 2), ("rms, levels", 1), ("CPU seconds", 2)))
            ),
            f"| photographs with the best structure | {' | '.join(str(best[name]) for name in names)} |",
        ]
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    if arguments.sheet:
        middle = (len(strips) + 1) // 2
        halves = [torch.cat(strips[:middle], 1), torch.cat(strips[middle:], 1)]
        halves[1] = torch.nn.functional.pad(halves[1], (12, 0, 0, halves[0].shape[1] - halves[1].shape[1]), value=1)
        sheet = Image.fromarray((torch.cat(halves, 2).permute(1, 2, 0) * 255).round().byte().numpy())
        sheet.save(arguments.sheet, quality=82)


if __name__ == "__main__":
    main()
