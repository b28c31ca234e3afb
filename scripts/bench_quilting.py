"""Quilting beside a plain one, written straight from the paper in numpy: CPU seconds, seams, repetition, and a sheet of pictures.

    uv run python scripts/bench_quilting.py PHOTOGRAPHS... [--out scripts/results/bench_quilting.md] [--sheet quilting.jpg]

PHOTOGRAPHS are files of 512 x 512 pixels, read as they are; skimage:NAME is a picture of scikit-image. Both sides run in this
process with the same side of a patch. The plain one compares a block with all positions by Fourier transforms, which is as exact as
a loop and the quickest way in numpy.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from scipy import fft
from skimage.measure import label

from drawgen.contract import generator
from drawgen.images import load_image
from drawgen.jobs import machine
from drawgen.textures.quilting import fitting_patch_px, quilt
from drawgen.textures.quilting_cpu import seams


def plain_quilt(exemplar: np.ndarray, side: int, block: int, rng: np.random.Generator) -> np.ndarray:
    """Efros & Freeman (2001), section 2.2: blocks in raster order, an overlap of a sixth of the block, any block within .1 of the
    best one, minimum-error boundary cuts. Returns the sources, rows x columns x 2."""
    rows, columns = shape = exemplar.shape[1:]
    overlap = max(block // 6, 2)
    spectrum = fft.rfft2(exemplar)
    square_spectrum = fft.rfft2((exemplar**2).sum(0))
    count = math.ceil((side - overlap) / (block - overlap))
    sources = np.zeros((count * (block - overlap) + overlap,) * 2 + (2,), int)
    place = np.stack(np.mgrid[:block, :block], 2)
    for i in range(count):
        for j in range(count):
            y, x = i * (block - overlap), j * (block - overlap)
            window = sources[y : y + block, x : x + block]
            old = exemplar[:, window[..., 0], window[..., 1]]
            mask = np.zeros((block, block))
            mask[: overlap if i else 0] = 1
            mask[:, : overlap if j else 0] = 1
            if not mask.any():
                window[:] = place + rng.integers((rows - block + 1, columns - block + 1))
                continue
            product = (spectrum * np.conj(fft.rfft2(old * mask, shape))).sum(0)
            error = fft.irfft2(square_spectrum * np.conj(fft.rfft2(mask, shape)) - 2 * product, shape)
            error = error[: rows - block + 1, : columns - block + 1] + (old**2 * mask).sum()
            good = np.argwhere(error <= max(error.min(), 0) * 1.1 + 1e-9 * (old**2 * mask).sum())
            new = place + good[rng.integers(len(good))]
            difference = ((exemplar[:, new[..., 0], new[..., 1]] - old) ** 2).sum(0)
            take = np.ones((block, block), bool)
            if j:
                take[:, :overlap] &= np.arange(overlap) >= boundary(difference[:, :overlap])[:, None]
            if i:
                take[:overlap] &= (np.arange(overlap) >= boundary(difference[:overlap].T)[:, None]).T
            window[take] = new[take]
    return sources[:side, :side]


def boundary(error: np.ndarray) -> np.ndarray:
    """Section 2.1: the column of the path of least error, for each row."""
    total = error.copy()
    for i in range(1, len(error)):
        padded = np.pad(total[i - 1], 1, constant_values=np.inf)
        total[i] += np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    path = [int(total[-1].argmin())]
    for i in range(len(error) - 2, -1, -1):
        first = max(path[-1] - 1, 0)
        path.append(first + int(total[i, first : path[-1] + 2].argmin()))
    return np.array(path[::-1])


def load(name: str) -> torch.Tensor:
    if name.startswith("skimage:"):
        return torch.from_numpy(getattr(skimage.data, name.removeprefix("skimage:"))()).float()[None] / 255
    picture = load_image(Path(name))
    return picture[:1] if bool((picture == picture[:1]).all()) else picture


def shown(exemplar: torch.Tensor, sources: np.ndarray) -> tuple[float, float, float, float]:
    """The cost of the seams per 1000 pixels and per pixel that a cut touches; the side of a square as large as the largest region
    that is copied as it is; the percentage of pixels that stand there more than once."""
    pixels = np.ascontiguousarray(exemplar.permute(1, 2, 0).numpy())
    cost = seams(pixels, np.ones(pixels.shape[:2], bool), sources.astype(np.int32), False, False) / 10000
    height, width = cost.shape
    offset = sources - np.stack(np.mgrid[:height, :width], 2)
    pieces = label(np.unique(offset.reshape(-1, 2), axis=0, return_inverse=True)[1].reshape(height, width) + 1, connectivity=1)
    count = np.unique(sources.reshape(-1, 2), axis=0, return_counts=True)[1]
    copied = math.sqrt(np.bincount(pieces.ravel()).max())
    return 1000 * cost.mean(), cost[cost > 0].mean(), copied, 100 * count[count > 1].sum() / count.sum()


def row(name: str, figures: np.ndarray) -> str:
    cells = [f"{a:.{n}f} / {b:.{n}f}" for (a, b), n in zip(figures, (1, 2, 0, 0), strict=True)]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="+")
    parser.add_argument("--out", type=Path, help="write the tables here, as Markdown")
    parser.add_argument("--sheet", type=Path, help="write the pictures here: exemplar, plain, drawgen")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.process_time()
    quilt(torch.rand(3, 64, 64, generator=generator(0)), (64, 64), rng=generator(0))
    first = time.process_time() - begun
    exemplars = {Path(name).stem.split(":")[-1]: load(name) for name in arguments.photographs}
    sizes = (256, 512, 1024)
    seconds = {side: [] for side in sizes}
    table, strips, means = [], [], []
    for name, exemplar in exemplars.items():
        patch = fitting_patch_px(exemplar)
        for side in sizes:
            begun = time.process_time()
            sources = plain_quilt(exemplar.double().numpy(), side, patch, np.random.default_rng(0))
            between = time.process_time()
            ours = quilt(exemplar, (side, side), rng=generator(0))
            seconds[side].append((between - begun, time.process_time() - between))
            if side == 512:
                plain = exemplar[:, sources[..., 0], sources[..., 1]]
                figures = np.array([shown(exemplar, sources), shown(exemplar, ours.sources.numpy())]).T
                means.append(figures)
                table.append(row(f"{name} | {patch}", figures))
                strips += [picture[:, :320, :320].expand(3, -1, -1) for picture in (exemplar, plain, ours.image)]
        print(name, patch, [f"{a:.2f} / {b:.2f}" for a, b in (seconds[side][-1] for side in sizes)], table[-1], flush=True)
    rows = []
    for side, values in seconds.items():
        plain, ours = (sum(column) / len(values) for column in zip(*values, strict=True))
        rows.append(f"| {side} x {side} | {plain:.2f} | {ours:.2f} ({max(b for _, b in values):.2f}) | {plain / ours:.0f}x |")
    text = "\n".join(
        [
            "# Quilting: speed and seams",
            "",
            f"{machine()}, one thread, {len(exemplars)} exemplars of 512 x 512, grey and colour. CPU seconds of",
            f"the process, mean (longest); the first call, which compiles or reads what is compiled, took {first:.1f} s",
            "and is not counted. Plain: Efros & Freeman's quilting in numpy (`scripts/bench_quilting.py`), the same",
            "side of a block, in the same run.",
            "",
            "| picture | plain, s | drawgen, s | ratio |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "At 512 x 512, plain / drawgen. Seams: the cost of what shows (`quilting_cpu.seam`, which drawgen's cuts",
            "minimise), per 1000 pixels of the picture and per pixel at a cut. Copied: the side of a square as large as",
            "the largest region copied as it is. Repeated: the share of pixels that stand in the picture more than once",
            "(pixels drawn one by one: 63 %).",
            "",
            "| exemplar | patch, px | seams per 1000 px | per px of a cut | copied, px | repeated, % |",
            "| --- | --- | --- | --- | --- | --- |",
            *table,
            row("mean | ", np.mean(means, 0)),
        ]
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    if arguments.sheet:
        six = 6 * math.ceil(len(strips) / 6)
        strips += [torch.ones(3, 320, 320)] * (six - len(strips))
        padded = [torch.nn.functional.pad(picture, (0, 24 if k % 6 == 2 else 6, 0, 6), value=1) for k, picture in enumerate(strips)]
        whole = torch.cat([torch.cat(padded[k : k + 6], 2) for k in range(0, six, 6)], 1)
        sheet = Image.fromarray((whole.permute(1, 2, 0) * 255).round().byte().numpy())
        sheet.resize((sheet.width * 2 // 3, sheet.height * 2 // 3), Image.Resampling.LANCZOS).save(arguments.sheet, quality=80)


if __name__ == "__main__":
    main()
