"""Standard sets of pictures: MNIST, Omniglot, SVHN, CIFAR-10, through torchvision, or from files that lie in a folder."""

import io
import re
import struct
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Int, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data import packed
from drawgen.data.digests import digest
from drawgen.data.packed import DAMAGED, open_archive, read_part, reason
from drawgen.data.pictures import DataError, Pictures, shuffled
from drawgen.files import files_in, is_file, is_folder, read_bytes

NAMES = ("mnist", "omniglot", "svhn", "cifar10")
VALID = {"mnist": 10_000, "omniglot": 0, "svhn": 5_000, "cifar10": 5_000}
WHOLE = {"mnist": 60_000, "svhn": 73_257, "cifar10": 50_000}
"""Training pictures that a set has."""
DEFAULT = "data"
MOST_CHARACTERS = 40_000
"""Pictures in an archive of Omniglot's: all that there are."""
LARGEST_PNG = 1 << 16
"""Bytes of one of them."""


@dataclass(frozen=True, kw_only=True)
class Standard:
    """A standard set; the last pictures of its training part are kept for validation (Omniglot: every tenth)."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    name: str = "mnist"
    """mnist, omniglot, svhn or cifar10."""
    path: str = DEFAULT
    """Folder with the set's files, as published or as torchvision keeps them. Training downloads them to it where there is
    internet."""
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
        held_out = VALID[self.name]
        if len(pictures) <= held_out:
            raise DataError(
                f"{self.path} has {len(pictures)} pictures of {self.name}, of which {held_out} are for validation; give the whole "
                f"set, {WHOLE[self.name]}"
            )
        if self.name == "mnist" and pictures.shape[2:] != (28, 28):
            raise DataError(f"{self.path} has pictures of {pictures.shape[3]}x{pictures.shape[2]} pixels; MNIST's have 28x28")
        return pictures[:-held_out], pictures[-held_out:]

    def fetch(self) -> None:
        """Before a training. Raises DataError."""
        fetch(self.name, Path(self.path))

    def digest(self) -> str:
        return digest(*self.parts)

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
        batches = shuffled(len(train), self.batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks, held_out=len(valid))
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
    """The set's training pictures, n C H W of bytes, from the files in a folder. Raises DataError."""
    if name == "mnist" and (file := find_idx(folder, "train-images")):
        return read_idx(file)
    if name == "omniglot" and (places := omniglot_places(folder)):
        parts = [part for place in places if len(part := read_characters(place, without=without))]
        if not parts:
            raise DataError(f"{folder} holds no characters beside those of {without}; give more of Omniglot's archives")
        return torch.cat(parts)
    try:
        if name == "svhn" and here(name, folder):
            from torchvision import datasets

            return torch.from_numpy(datasets.SVHN(str(folder)).data)  # which reads the published files only, by their digests
        if name == "cifar10" and here(name, folder):
            from torchvision import datasets

            return torch.from_numpy(datasets.CIFAR10(str(folder)).data).permute(0, 3, 1, 2)
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"the files of {name} in {folder} cannot be read ({reason(error)}); take fresh copies") from error
    raise DataError(f"{name} is not in {folder}; give --data.path the folder with its files")


def here(name: str, folder: Path) -> bool:
    """Whether the files of a set lie in a folder, as published or as torchvision keeps them."""
    if name == "mnist":
        return find_idx(folder, "train-images") is not None
    if name == "omniglot":
        return bool(omniglot_places(folder))
    return is_file(folder / "train_32x32.mat") if name == "svhn" else is_folder(folder / "cifar-10-batches-py")


def fetch(name: str, folder: Path) -> None:
    """Downloads a set into a folder, where it does not lie there yet. The folder has to be there, but for the one that is meant
    when none is named: nothing is made after a slip of the pen. What is not whole is not kept. Raises DataError."""
    if here(name, folder):
        return
    if not is_folder(folder) and folder.absolute() != Path(DEFAULT).absolute():
        raise DataError(f"the folder {folder} does not exist; check --data.path, or make it to have {name} downloaded into it")
    from torchvision import datasets

    kinds: dict[str, Any] = {
        "mnist": datasets.MNIST, "omniglot": datasets.Omniglot, "svhn": datasets.SVHN, "cifar10": datasets.CIFAR10
    }  # fmt: skip
    try:
        with tempfile.TemporaryDirectory(prefix=".drawgen-", dir=folder if is_folder(folder) else folder.parent) as place:
            kinds[name](place, download=True)
            folder.mkdir(exist_ok=True)
            for found in Path(place).iterdir():
                found.replace(folder / found.name)
    except (OSError, RuntimeError, ValueError) as error:
        if here(name, folder):  # another process was quicker
            return
        raise DataError(
            f"{name} is neither in {folder} nor could it be downloaded ({reason(error)}); "
            "give --data.path the folder with its files"
        ) from error


def find_idx(folder: Path, stem: str, kind: str = "idx3") -> Path | None:
    """An idx file as it was published, or as torchvision and Kaggle keep it: in `MNIST/raw`, with a dot in the name, in a folder
    of its own name, packed or not."""
    for place in (folder, folder / "MNIST" / "raw", folder / "raw"):
        for name in (f"{stem}-{kind}-ubyte", f"{stem}.{kind}-ubyte"):
            for file in (place / f"{name}.gz", place / name, place / name / name):
                if is_file(file):
                    return file
    return None


def read_idx(path: Path) -> Tensor:
    """n 1 H W from an idx file, packed or not. Raises DataError."""
    try:
        pixels = packed.read_idx(path, 2051, 3)
    except DAMAGED as error:
        raise DataError(f"{path} is not a whole idx file of pictures ({reason(error)}); take a copy") from error
    return torch.from_numpy(pixels)[:, None]


class Digits(NamedTuple):
    """Pictures of digits, and which they are."""

    pictures: UInt8[np.ndarray, "n H W"]
    labels: Int[np.ndarray, " n"]


def load_digits(folder: Path) -> Digits:
    """MNIST's training pictures with their labels, from the files in a folder. Raises DataError."""
    file = find_idx(folder, "train-images")
    if file is None:
        raise DataError(f"mnist is not in {folder}; give --data.path the folder with its files")
    return read_digits(file)


def read_digits(path: Path) -> Digits:
    """An idx file of pictures, packed or not, with the labels that lie beside it. Raises DataError."""
    pictures = read_idx(path)[:, 0].numpy()
    stem = re.split(r"[-.]idx3", path.name)[0].replace("images", "labels")
    beside = find_idx(path.parent, stem, "idx1") or find_idx(path.parent.parent, stem, "idx1")
    if beside is None:
        raise DataError(f"{path} has no file of labels beside it ({stem}-idx1-ubyte.gz, or unpacked); put it there")
    try:
        labels = packed.read_idx(beside, 2049, 1).astype(np.int64)
        if len(labels) != len(pictures):
            raise ValueError(f"its count is {len(labels)}, not {len(pictures)}")
        if labels.max(initial=0) > 9:
            raise ValueError(f"it holds the label {labels.max()}")
    except DAMAGED as error:
        raise DataError(
            f"{beside} is not the file of labels that belongs to {path.name} ({reason(error)}); put it there"
        ) from error
    return Digits(pictures, labels)


def omniglot_places(folder: Path) -> list[Path]:
    """The archives of Omniglot's pictures in a folder, as published or where torchvision puts them; or the folder of one."""
    if not is_folder(folder):
        return []
    for place in (folder, folder / "omniglot-py"):
        if found := sorted(path for path in place.glob("images_background*.zip") if is_file(path)):
            return found
        if is_folder(place / "images_background"):
            return [place / "images_background"]
    return []


def read_characters(path: Path, *, without: str = "", only: str = "") -> Tensor:
    """n 1 105 105, ink 255, from an archive (or folder) of Omniglot's pictures; in the order of their names, without an alphabet,
    or only it. Raises DataError."""
    name = ""
    try:
        with open_archive(path) if is_file(path) else nullcontext() as archive:
            if archive is None:
                names = [file.relative_to(path.parent).as_posix() for file in files_in(path, {".png"}, deep=True)]
            else:
                names = sorted(name for name in archive.namelist() if name.endswith(".png") and not name.startswith("__MACOSX"))
            names = [n for n in names if f"/{without}/" not in n and (not only or f"/{only}/" in n)]
            if len(names) > MOST_CHARACTERS:
                raise ValueError(f"it holds {len(names)} pictures, more than {MOST_CHARACTERS}")
            pictures = np.empty((len(names), 105, 105), np.uint8)
            for picture, name in zip(pictures, names, strict=True):
                data = read_bytes(path.parent / name, LARGEST_PNG) if archive is None else read_part(archive, name, LARGEST_PNG)
                picture[:] = 255 - character(data)
    except (KeyError, *DAMAGED) as error:
        raise DataError(
            f"{path} is not a whole archive of Omniglot's pictures ({name + ': ' if name else ''}{reason(error)}); "
            "take the published archives"
        ) from error
    if not names and not (without or only):
        raise DataError(f"{path} holds no pictures; give Omniglot's published archives")
    return torch.from_numpy(pictures)[:, None]


def character(data: bytes) -> UInt8[np.ndarray, "105 105"]:
    """One of Omniglot's pictures. Raises ValueError."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:24] != b"IHDR" + struct.pack(">II", 105, 105):
        raise ValueError("a picture is no PNG of 105x105 pixels, as Omniglot's are")
    try:
        return np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]).convert("L"))
    except Exception as error:  # Pillow's errors are of many kinds
        raise ValueError(reason(error)) from error
