"""Standard sets of pictures: MNIST, Omniglot, SVHN, CIFAR-10, through torchvision, or from files that lie in a folder."""

import gzip
import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import Spec, check_split, generator
from drawgen.data.pictures import DataError, Pictures, shuffled

NAMES = ("mnist", "omniglot", "svhn", "cifar10")
VALID = {"mnist": 10_000, "omniglot": 0, "svhn": 5_000, "cifar10": 5_000}


@dataclass(frozen=True, kw_only=True)
class Standard:
    """A standard set; the last pictures of its training part are kept for validation (Omniglot: every tenth)."""

    name: str = "mnist"
    """mnist, omniglot, svhn or cifar10."""
    path: str = "data"
    """Folder with the set's files, as published or as torchvision keeps them; downloaded to it where there is internet."""
    batch: int = 128
    """Pictures in a batch."""
    side_px: int = 0
    """Side that pictures are resized to; 0 leaves them."""
    threshold: float = 0.0
    """Above 0: pixels become 1 from here on, and 0 below. Such nats do not compare with those on a fixed binarisation."""
    jitter_px: int = 0
    """Training pictures are shifted by up to so many pixels each way, at random."""
    warp: float = 0.0
    """Training pictures are turned, scaled, sheared and shifted at random; 1: by up to 17 degrees, 20 %, 20 % and 12 %."""
    without: str = ""
    """An alphabet of Omniglot that is left out, to be painted by a model that has never seen it."""
    digits: int = 1
    """More than 1: so many pictures at random places of a canvas of `canvas_px`, new ones every time."""
    canvas_px: int = 60
    """Side of that canvas."""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"data.name is {self.name!r}; it is one of {', '.join(NAMES)}")
        for name, least in (("batch", 1), ("digits", 1), ("side_px", 0), ("jitter_px", 0), ("threshold", 0), ("warp", 0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"data.{name} is {getattr(self, name)}; it has to be at least {least}")

    @cached_property
    def parts(self) -> tuple[Tensor, Tensor]:
        """The training and validation parts: n C H W of bytes."""
        pictures = load(self.name, Path(self.path), without=self.without)
        if self.name == "omniglot":
            tenth = torch.arange(len(pictures)) % 10 == 0
            return pictures[~tenth], pictures[tenth]
        return pictures[: -VALID[self.name]], pictures[-VALID[self.name] :]

    def spec(self) -> Spec:
        channels, side = (1 if self.name in ("mnist", "omniglot") else 3), {"mnist": 28, "omniglot": 105}.get(self.name, 32)
        side = self.canvas_px if self.digits > 1 else self.side_px or side
        return Spec((channels, side, side))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Pictures]:
        """Training pictures in a new order each time through; for validation, all once."""
        check_split(self, split)
        train, valid = self.parts
        if split == "valid":
            for first in range(rank * 500, len(valid), ranks * 500):
                yield self.ready(
                    valid, torch.arange(first, min(first + 500, len(valid))), generator(seed, 2, first), training=False
                )
            return
        batches = shuffled(len(train), self.batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks)
        for step, chosen in batches:
            yield self.ready(train, chosen, generator(seed, 1, step, rank), training=True)

    def ready(self, pictures: Tensor, chosen: Tensor, rng: torch.Generator, *, training: bool) -> Pictures:
        """The chosen pictures as a batch, scattered over canvases where several are asked for."""
        batch = pictures[chosen].float() / 255
        if self.warp and training:  # before they are made smaller: what is interpolated afterwards is blurred
            batch = warped(batch, self.warp, rng=rng)
        if self.side_px and self.side_px != batch.shape[-1]:
            batch = F.interpolate(batch, (self.side_px, self.side_px), mode="area")
        if self.digits > 1:
            more = [pictures[torch.randint(0, len(pictures), (len(chosen),), generator=rng)] for _ in range(self.digits - 1)]
            batch = scatter([batch, *(m.float() / 255 for m in more)], self.canvas_px, rng=rng)
        if self.jitter_px and training:
            shifts = torch.randint(-self.jitter_px, self.jitter_px + 1, (len(batch), 2), generator=rng).tolist()
            batch = torch.stack([picture.roll(shift, (1, 2)) for picture, shift in zip(batch, shifts, strict=True)])
        return Pictures((batch >= self.threshold).float() if self.threshold else batch)


def warped(pictures: Tensor, strength: float, *, rng: torch.Generator) -> Tensor:
    """Each picture (n C H W) turned, scaled, sheared and shifted at random."""
    turn, shear, *more = (strength * (2 * torch.rand(6, len(pictures), generator=rng) - 1)).unbind(0)
    turn, shear, scale = 0.3 * turn, 0.2 * shear, 1 + 0.2 * torch.stack(more[:2], 1)
    cos, sin = turn.cos(), turn.sin()
    first = torch.stack([cos * scale[:, 0], cos * shear - sin * scale[:, 1], 0.12 * more[2]], 1)
    second = torch.stack([sin * scale[:, 0], sin * shear + cos * scale[:, 1], 0.12 * more[3]], 1)
    grid = F.affine_grid(torch.stack([first, second], 1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)


def scatter(layers: list[Tensor], side: int, *, rng: torch.Generator) -> Tensor:
    """Each layer's pictures at random places of a black canvas; where they overlap, the brighter one shows."""
    height, width = layers[0].shape[2:]
    if side < max(height, width):
        raise ValueError(f"data.canvas_px is {side}, smaller than a picture of {width}x{height}; make it larger")
    canvas = torch.zeros(len(layers[0]), layers[0].shape[1], side, side)
    for layer in layers:
        tops = torch.randint(0, side - height + 1, (len(layer),), generator=rng).tolist()
        lefts = torch.randint(0, side - width + 1, (len(layer),), generator=rng).tolist()
        for n, (top, left) in enumerate(zip(tops, lefts, strict=True)):
            place = canvas[n, :, top : top + height, left : left + width]
            place.copy_(torch.maximum(place, layer[n]))
    return canvas


# ---------------------------------------------------------------- files


def load(name: str, folder: Path, *, without: str = "") -> Tensor:
    """The set's training pictures, n C H W of bytes. Raises DataError, with what to do where there is no internet."""
    if name == "mnist" and (file := first_of(folder, "train-images-idx3-ubyte.gz", "train-images-idx3-ubyte")):
        return read_idx(file)
    if name == "omniglot" and (archives := sorted(folder.glob("images_background*.zip"))):
        return torch.cat([part for archive in archives if len(part := read_characters(archive, without=without))])
    from torchvision import datasets

    try:
        if name == "mnist":
            return datasets.MNIST(str(folder), download=True).data[:, None]
        if name == "omniglot":
            found = datasets.Omniglot(str(folder), download=True)
            return torch.stack([torch.from_numpy(255 - np.asarray(picture.convert("L"))) for picture, _ in found])[:, None]
        if name == "svhn":
            return torch.from_numpy(datasets.SVHN(str(folder), download=True).data)
        return torch.from_numpy(datasets.CIFAR10(str(folder), download=True).data).permute(0, 3, 1, 2)
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{name} is neither in {folder} nor could it be downloaded ({str(error).splitlines()[0]}); "
            "give --data.path the folder with its files"
        ) from error


def first_of(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).exists()), None)


def read_idx(path: Path) -> Tensor:
    """n 1 H W from an idx file, packed or not. Raises DataError."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        magic, n, height, width = struct.unpack(">IIII", data[:16])
        if magic != 2051:
            raise ValueError(f"its magic number is {magic}, not 2051")
        pixels = np.frombuffer(data, np.uint8, n * height * width, 16)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise DataError(f"{path} is not a whole idx file of pictures ({error}); take a copy") from error
    return torch.from_numpy(pixels.copy()).view(n, 1, height, width)


class Digits(NamedTuple):
    """Pictures of digits, and which they are."""

    pictures: UInt8[np.ndarray, "n H W"]
    labels: Int[np.ndarray, " n"]


def load_digits(folder: Path) -> Digits:
    """MNIST's training pictures with their labels. Raises DataError, with what to do where there is no internet."""
    if file := first_of(folder, "train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"):
        return read_digits(file)
    from torchvision import datasets

    pictures = load("mnist", folder)[:, 0].numpy()  # which downloads both
    return Digits(pictures, datasets.MNIST(str(folder)).targets.numpy())


def read_digits(path: Path) -> Digits:
    """An idx file of pictures, packed or not, with the labels that lie beside it. Raises DataError."""
    pictures = read_idx(path)[:, 0].numpy()
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    try:
        data = beside.read_bytes()
        data = gzip.decompress(data) if beside.suffix == ".gz" else data
        magic, n = struct.unpack(">II", data[:8])
        if magic != 2049 or n != len(pictures):
            raise ValueError(f"its magic number is {magic} and its count {n}, not 2049 and {len(pictures)}")
        labels = np.frombuffer(data, np.uint8, n, 8).astype(np.int64)
        if labels.max(initial=0) > 9:
            raise ValueError(f"it holds the label {labels.max()}")
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise DataError(f"{beside} is not the file of labels that belongs to {path.name} ({error}); put it there") from error
    return Digits(pictures, labels)


def read_characters(path: Path, *, without: str = "", only: str = "") -> Tensor:
    """n 1 105 105, ink 255, from an archive of Omniglot's pictures; in the order of their names, without an alphabet, or only it.
    Raises DataError."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".png"))
            names = [n for n in names if f"/{without}/" not in n and (not only or f"/{only}/" in n)]
            pictures = [Image.open(io.BytesIO(archive.read(name)), formats=["PNG"]).convert("L") for name in names]
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{path} is not a whole archive of pictures ({error}); take a copy") from error
    if not pictures and (without or only):
        return torch.zeros(0, 1, 105, 105, dtype=torch.uint8)
    if not pictures or {picture.size for picture in pictures} != {(105, 105)}:
        raise DataError(f"{path} holds other pictures than Omniglot's, which are 105x105; give the published archives")
    return torch.stack([torch.from_numpy(255 - np.asarray(picture)) for picture in pictures])[:, None]
