"""Measures the doubt of captioners: of each kind of picture, the share that each captioner doubts, and the share that is given to
each.

    uv run python scripts/measure_doubt.py captioner:scenes captioner:photos --data DATA --out scripts/results/captioner_doubt

DATA has the folders `mnist`, `quickdraw`, `svg_cc0`, `textures`, `brodatz`, `coco_mini` and `flickr8k_1000`. Writes OUT.md. Needs
resvg-py (of the extra `dev`). Kinds whose data is not there are left out.
"""

import argparse
import gzip
import io
import json
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from drawgen import attention_maps, models
from drawgen.contract import generator
from drawgen.data import strokes
from drawgen.data.dead_leaves import dead_leaves
from drawgen.data.scenes import Scenes
from drawgen.images import ImageError, fit_to, load_image, to_bytes

TEXT = Path(__file__).parent.parent / "docs" / "captions.md"
FREE = ("Attribution License", "Attribution-ShareAlike License")
Pictures = Iterator[Float[Tensor, "3 H W"]]


def rgb(image: Float[Tensor, "C H W"]) -> Float[Tensor, "3 H W"]:
    return image.expand(3, -1, -1)


def from_pillow(picture: Image.Image) -> Float[Tensor, "3 H W"]:
    return torch.from_numpy(np.array(picture.convert("RGB"))).movedim(-1, 0).float() / 255


def crops(paths: Iterable[Path], count: int, seed: int) -> Pictures:
    """Squares of the pictures, at least 128 pixels wide."""
    rng = random.Random(seed)
    for path in paths:
        image = rgb(load_image(path))
        for _ in range(count):
            side = rng.randint(128, min(image.shape[1:]))
            y, x = (rng.randint(0, size - side) for size in image.shape[1:])
            yield image[:, y : y + side, x : x + side]


# ---------------------------------------------------------------- the kinds


def scenes(_: Path, split: str) -> Pictures:
    data = Scenes(count=500)
    if split == "test":
        yield from (example.picture for example in data.examples("test"))
    else:
        yield from (image for batch in islice(data.stream("train", seed=1), 5) for image in batch.images)


def drawings(data: Path, split: str) -> Pictures:
    """Open Clip Art and pictograms, on white."""
    import resvg_py

    for path in sorted(data.glob("svg_cc0/*/*.svg"))[split == "test" :: 2]:
        try:
            yield from_pillow(
                Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_path=str(path), width=256, background="white"))))
            )
        except ValueError:  # a few files that it does not read
            continue


def textures(data: Path, split: str) -> Pictures:
    """To fit: photographs of surfaces that are CC0. To measure: others, and Brodatz's."""
    if split == "test":
        return crops([*sorted(data.glob("textures/texturecan_*.png")), *sorted(data.glob("brodatz/*.gif"))], 12, 1)
    return crops(sorted(data.glob("textures*/cc0_*.png")), 8, 0)


def digits(data: Path, split: str) -> Pictures:
    """MNIST as it is, light on dark."""
    name = "t10k" if split == "test" else "train"
    pixels = gzip.decompress((data / "mnist" / f"{name}-images-idx3-ubyte.gz").read_bytes())[16 : 16 + 200 * 784]
    yield from (rgb(each) for each in torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(-1, 1, 28, 28).float() / 255)


def doodles(data: Path, split: str) -> Pictures:
    """QuickDraw, black on white."""
    for path in sorted(data.glob("quickdraw/*.ndjson"))[split == "test" :: 2]:
        read = strokes.QuickDraw(path)
        for drawing in (strokes.inset(read[n], 0.05) for n in range(8)):
            yield rgb(1 - strokes.render([drawing], 256, 0.015)[0]).clamp(0, 1)


def noise(_: Path, split: str) -> Pictures:
    """Uniform, normal, black and white, in colour or grey; also in large cells. Plain colours and slopes of colour are with them to
    fit."""
    rng = generator(3, split == "test")
    for n in range(100):
        coloured, grey = torch.rand(3, 256, 256, generator=rng), torch.rand(1, 256, 256, generator=rng)
        cells = torch.rand(1, 3, 8 << n % 4, 8 << n % 4, generator=rng)
        normal = (0.5 + 0.2 * torch.randn(3, 256, 256, generator=rng)).clamp(0, 1)
        yield (coloured, rgb(grey), normal, rgb((grey > 0.5).float()), torch.nn.functional.interpolate(cells, (256, 256))[0])[n % 5]
        if split == "train" and n % 5 == 0:
            slope, colours = torch.linspace(0, 1, 256), torch.rand(2, 3, 1, 1, generator=rng)
            yield (colours[0] * (1 - slope) + colours[1] * slope).expand(3, 256, 256)
            yield rgb(dead_leaves((128, 128), rng=rng)[None])


def pages(_: Path, split: str) -> Pictures:
    """Pages of the documentation in several fonts and sizes."""
    rng = random.Random(split)
    words = TEXT.read_text(encoding="utf-8").split()
    fonts = sorted(attention_maps.system_fonts())[split == "test" :: 2]
    for n in range(60):
        size, width, height, margin = rng.randint(10, 40), rng.randint(300, 700), rng.randint(300, 900), rng.randint(5, 50)
        font = ImageFont.truetype(rng.choice(fonts), size) if fonts and n % 3 else ImageFont.load_default(size)
        paper, ink = (tuple(rng.randint(low, low + 60) for _ in range(3)) for low in ((0, 195) if n % 6 == 0 else (195, 0)))
        page = Image.new("RGB", (width, height), paper)
        pen, at = ImageDraw.Draw(page), rng.randrange(len(words))
        for y in range(margin, height, round(1.3 * size)):
            line = ""
            while not line or pen.textlength(f"{line} {words[at % len(words)]}", font=font) < width - 2 * margin:
                line, at = f"{line} {words[at % len(words)]}".strip(), at + 1
            pen.text((margin, y), line, fill=ink, font=font)
        yield from_pillow(page)


def flickr(data: Path, split: str) -> Pictures:
    """Never to fit."""
    if split == "test":
        for path in sorted(data.glob("flickr8k_1000/images/*.jpg")):
            yield rgb(load_image(path, covering=(224, 224)))


def coco(data: Path, split: str) -> Pictures:
    """To fit: the pictures that are CC BY or CC BY-SA, six crops and flips of each. To measure: all others."""
    for file in sorted(data.glob("coco_mini/annotations/captions_*.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        free = {licence["id"] for licence in told["licenses"] if licence["name"] in FREE}
        for one in told["images"]:
            path = next(iter(data.glob(f"coco_mini/*2017/{one['file_name']}")), None)
            if path is None or (one["license"] in free) == (split == "test"):
                continue
            image = rgb(load_image(path))
            yield image
            if split == "train":
                rng = random.Random(one["id"])
                for n in range(5):
                    side = round(min(image.shape[1:]) * rng.uniform(0.6, 1))
                    y, x = (rng.randint(0, size - side) for size in image.shape[1:])
                    cut = image[:, y : y + side, x : x + side]
                    yield cut.flip(-1) if n % 2 else cut


KINDS: dict[str, Callable[[Path, str], Pictures]] = {
    "scenes": scenes,
    "photographs: Flickr8k": flickr,
    "photographs: COCO": coco,
    "drawings": drawings,
    "textures": textures,
    "digits": digits,
    "doodles": doodles,
    "noise": noise,
    "pages of text": pages,
}
PHOTOGRAPHS = ("photographs: Flickr8k", "photographs: COCO")


def found(data: Path, kind: str, split: str) -> list[Float[Tensor, "3 H W"]]:
    """The pictures of a kind, `split` train (to fit) or test (to measure), in no more pixels than an encoder sees."""
    try:
        return [reduced(image) for image in KINDS[kind](data, split)]
    except (OSError, ImageError) as error:
        print(f"{kind}: left out ({error})")
        return []


def reduced(image: Float[Tensor, "3 H W"]) -> Float[Tensor, "3 H2 W2"]:
    return image if min(image.shape[1:]) <= 256 else fit_to(image, (3, 256, 256))


# ---------------------------------------------------------------- the table


def strangeness(model: Any, pictures: list[Float[Tensor, "3 H W"]]) -> Float[Tensor, " N"]:
    """As `drawgen caption` has it: each picture is a file of bytes."""
    shape = model.spec.picture
    seen = [fit_to(from_pillow(Image.fromarray(to_bytes(image))), shape) for image in pictures]
    return torch.cat([model.strangeness(torch.stack(seen[n : n + 16])) for n in range(0, len(seen), 16)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captioners", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    loaded: dict[str, Any] = {name: models.load(name) for name in arguments.captioners}
    head = ["pictures", *(f"doubted by {name}" for name in loaded)]
    head += ["doubted by all", *(f"given to {name}" for name in loaded)] if len(loaded) > 1 else []
    rows = [f"| | {' | '.join(head)} |", f"| --- |{' --- |' * len(head)}"]
    for kind in KINDS:
        pictures = found(arguments.data, kind, "test")
        if not pictures:
            continue
        far = torch.stack([strangeness(model, pictures) for model in loaded.values()])
        shares = (far > 1).double().mean(1).tolist()
        if len(loaded) > 1:
            given = far.argmin(0)
            shares += [float((far.min(0).values > 1).double().mean())]
            shares += [float((given == n).double().mean()) for n in range(len(loaded))]
        rows.append(f"| {kind} | {len(pictures)} | {' | '.join(f'{share:.1%}' for share in shares)} |")
        print(rows[-1], flush=True)
    text = [
        "# Doubt of the captioners",
        "",
        "Of each kind, the share of pictures whose caption is doubted, and the captioner that `drawgen caption` gives them to",
        "without `--model`. No picture was used to fit. Scenes show pairs of colour and shape that training never showed;",
        "photographs of COCO are those of `coco_mini` that are not CC BY or CC BY-SA; drawings are of `svg_cc0`; textures are",
        "crops of Brodatz's and of texturecan's; noise has several kinds; pages show the documentation in several fonts. Made by",
        "`scripts/measure_doubt.py`.",
        "",
        *rows,
    ]
    arguments.out.with_suffix(".md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
