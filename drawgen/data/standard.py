"""Standard sets of pictures: MNIST, Omniglot, SVHN and CIFAR-10, from files in a folder or downloaded by torchvision.

A new set is a row of `SETS`; nothing else here names a set.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data.digests import digest
from drawgen.data.idx import Labels, find_idx, read_idx, read_labels
from drawgen.data.omniglot import find_archives, read_omniglot
from drawgen.data.packed import DAMAGED, open_archive, read_array, reason
from drawgen.data.pictures import DataError, Pictures, shuffled
from drawgen.files import is_file, is_folder
from drawgen.ranges import ArgumentError, check_choice, check_fields

DEFAULT = "data"


@dataclass(frozen=True, kw_only=True)
class Standard:
    """A standard set. The last pictures of its training part are held out for validation (Omniglot: every tenth)."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    name: str = "mnist"
    """mnist, omniglot, svhn or cifar10."""
    path: str = DEFAULT
    """Folder with the set's files, as published or as torchvision stores them; training downloads them if they are missing. Or an
    .npz with some of its pictures (`images`, n H W C, bytes), of which every tenth is for validation."""
    batch: int = 128
    """Pictures in a batch."""
    side_px: int = 0
    """Side that pictures are resized to; 0 keeps their size."""
    threshold: float = 0.0
    """If above 0, pixels are binarised at this threshold. The nats are then not comparable with those on the fixed binarisation."""
    jitter_px: int = 0
    """Largest random shift of training pictures, in pixels each way."""
    warp: float = 0.0
    """Strength of random rotation, scaling, shear and shift of training pictures; 1: up to 17 degrees, 20 %, 20 % and 12 %."""
    mirror: bool = False
    """Mirror every second training picture, at random."""
    without: str = ""
    """An alphabet of Omniglot to leave out, so that it can serve as unseen test data."""
    digits: int = 1
    """If above 1, each example is this many pictures at random places of a canvas of `canvas_px`, chosen afresh every time."""
    canvas_px: int = 60
    """Side of that canvas."""
    colour: bool = False
    """Paint pictures of one channel in one random colour on another, lit from one side: a stand-in for house numbers."""

    def __post_init__(self) -> None:
        check_choice("data.name", self.name, SETS)
        check_fields(self, "data", "batch", "digits", "canvas_px", at_least=1)
        check_fields(self, "data", "side_px", "jitter_px", "threshold", "warp", at_least=0)
        if self.without and not SETS[self.name].alphabets:
            raise ArgumentError("data.without", f"is {self.without!r}, and {self.name} has no alphabets; leave it out")
        if self.colour and SETS[self.name].channels > 1:
            raise ArgumentError("data.colour", f"is true, and {self.name} is in colour already; leave it out")

    @cached_property
    def parts(self) -> tuple[Tensor, Tensor]:
        """The training and validation pictures: n C H W of bytes."""
        row = SETS[self.name]
        own = is_file(self.path)
        pictures = read_npz(Path(self.path), row) if own else load(self.name, Path(self.path), without=self.without)
        if own or row.held_out is None:
            tenth = torch.arange(len(pictures)) % 10 == 0
            return pictures[~tenth], pictures[tenth]
        if len(pictures) <= row.held_out:
            raise DataError(
                f"{self.path} has {len(pictures)} pictures of {self.name}, of which {row.held_out} are for validation; give the "
                f"whole set, {row.count}"
            )
        return pictures[: -row.held_out], pictures[-row.held_out :]

    def fetch(self) -> None:
        """Downloads missing files before training. Raises DataError."""
        fetch(self.name, Path(self.path))

    def digest(self) -> str:
        return digest(*self.parts)

    def spec(self) -> Spec:
        row = SETS[self.name]
        side = self.canvas_px if self.digits > 1 else self.side_px or row.side_px
        return Spec((3 if self.colour else row.channels, side, side))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Pictures]:
        """Training pictures, reshuffled in every epoch; validation pictures once."""
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
        """The chosen pictures as a batch; with more than one digit, scattered over canvases."""
        batch = pictures[chosen].float() / 255
        if self.warp and training:  # before they are resized: interpolating the small pictures would blur them
            batch = warped(batch, self.warp, rng=rng)
        if self.side_px and self.side_px != batch.shape[-1]:
            batch = F.interpolate(batch, (self.side_px, self.side_px), mode="area")
        if self.digits > 1:
            more = [pictures[torch.randint(0, len(pictures), (len(chosen),), generator=rng)] for _ in range(self.digits - 1)]
            batch = scatter([batch, *(m.float() / 255 for m in more)], self.canvas_px, rng=rng)
        if self.mirror and training:
            batch = torch.where(torch.rand(len(batch), 1, 1, 1, generator=rng) < 0.5, batch.flip(3), batch)
        if self.jitter_px and training:
            shifts = torch.randint(-self.jitter_px, self.jitter_px + 1, (len(batch), 2), generator=rng).tolist()
            batch = torch.stack([picture.roll(shift, (1, 2)) for picture, shift in zip(batch, shifts, strict=True)])
        if self.threshold:
            batch = (batch >= self.threshold).float()
        return Pictures(painted(batch, rng=rng) if self.colour else batch)


def warped(pictures: Tensor, strength: float, *, rng: torch.Generator) -> Tensor:
    """Each picture (n C H W) randomly rotated, scaled, sheared and shifted."""
    turn, shear, *more = (strength * (2 * torch.rand(6, len(pictures), generator=rng) - 1)).unbind(0)
    turn, shear, scale = 0.3 * turn, 0.2 * shear, 1 + 0.2 * torch.stack(more[:2], 1)
    cos, sin = turn.cos(), turn.sin()
    first = torch.stack([cos * scale[:, 0], cos * shear - sin * scale[:, 1], 0.12 * more[2]], 1)
    second = torch.stack([sin * scale[:, 0], sin * shear + cos * scale[:, 1], 0.12 * more[3]], 1)
    grid = F.affine_grid(torch.stack([first, second], 1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)


def painted(pictures: Tensor, *, rng: torch.Generator) -> Tensor:
    """Pictures (n 1 H W) in one random colour on another, n 3 H W. The two differ by .3 in brightness at least, and the light
    falls off by up to .3 towards a random side."""
    count, _, height, width = pictures.shape
    dark, light = 0.35 * torch.rand(count, 3, 1, 1, generator=rng), 0.65 + 0.35 * torch.rand(count, 3, 1, 1, generator=rng)
    swapped = torch.rand(count, 1, 1, 1, generator=rng) < 0.5
    ink, ground = torch.where(swapped, dark, light), torch.where(swapped, light, dark)
    across = torch.linspace(-0.5, 0.5, width)[None, None, None] * (2 * torch.rand(count, 1, 1, 1, generator=rng) - 1)
    down = torch.linspace(-0.5, 0.5, height)[None, None, :, None] * (2 * torch.rand(count, 1, 1, 1, generator=rng) - 1)
    return (ground + pictures * (ink - ground)) * (0.85 + 0.15 * (across + down))


def scatter(layers: list[Tensor], side: int, *, rng: torch.Generator) -> Tensor:
    """Each layer's pictures at random places of a black canvas; where they overlap, the brighter one shows."""
    height, width = layers[0].shape[2:]
    if side < max(height, width):
        raise ArgumentError("data.canvas_px", f"is {side}, smaller than a picture of {width}x{height}; make it larger")
    canvas = torch.zeros(len(layers[0]), layers[0].shape[1], side, side)
    for layer in layers:
        tops = torch.randint(0, side - height + 1, (len(layer),), generator=rng).tolist()
        lefts = torch.randint(0, side - width + 1, (len(layer),), generator=rng).tolist()
        for n, (top, left) in enumerate(zip(tops, lefts, strict=True)):
            place = canvas[n, :, top : top + height, left : left + width]
            place.copy_(torch.maximum(place, layer[n]))
    return canvas


# ---------------------------------------------------------------- the sets


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """A standard set."""

    channels: int
    side_px: int
    count: int
    """Size of the whole training part."""
    held_out: int | None
    """Number of its last pictures that are held out for validation; None: every tenth."""
    torchvision: str
    """The class in `torchvision.datasets` that downloads it."""
    find: Callable[[Path], list[Path]]
    """Its files in a folder, as published or as torchvision stores them; empty if they are missing."""
    read: Callable[[list[Path], str], Tensor]
    """The pictures in those files, n C H W of bytes, without the alphabet of that name."""
    alphabets: bool = False
    """Whether the set has alphabets, one of which may be left out."""
    labels: Callable[[list[Path], int], Labels] | None = None
    """The labels of that many pictures in those files; None if labels are not read."""


def by_torchvision(name: str, folder: Path) -> Any:
    """A set read by torchvision, which accepts only the published files, by their digests."""
    from torchvision import datasets

    return getattr(datasets, name)(str(folder))


SETS = {
    "mnist": PictureSet(
        channels=1,
        side_px=28,
        count=60_000,
        held_out=10_000,
        torchvision="MNIST",
        find=lambda folder: list(filter(None, [find_idx(folder, "train-images", name="MNIST")])),
        read=lambda files, _: read_idx(files[0]),
        labels=lambda files, count: read_labels(files[0], count),
    ),
    "omniglot": PictureSet(
        channels=1,
        side_px=105,
        count=19_280,
        held_out=None,
        torchvision="Omniglot",
        find=find_archives,
        read=read_omniglot,
        alphabets=True,
    ),
    "svhn": PictureSet(
        channels=3,
        side_px=32,
        count=73_257,
        held_out=5_000,
        torchvision="SVHN",
        find=lambda folder: list(filter(is_file, [folder / "train_32x32.mat"])),
        read=lambda files, _: torch.from_numpy(by_torchvision("SVHN", files[0].parent).data),
    ),
    "cifar10": PictureSet(
        channels=3,
        side_px=32,
        count=50_000,
        held_out=5_000,
        torchvision="CIFAR10",
        find=lambda folder: list(filter(is_folder, [folder / "cifar-10-batches-py"])),
        read=lambda files, _: torch.from_numpy(by_torchvision("CIFAR10", files[0].parent).data).permute(0, 3, 1, 2),
    ),
}


def load(name: str, folder: Path, *, without: str = "") -> Tensor:
    """The set's training pictures, n C H W of bytes, from the files in a folder. Raises DataError."""
    row = SETS[name]
    files = row.find(folder)
    if not files:
        raise DataError(f"{name} is not in {folder}; give `data.path` the folder with its files")
    try:
        pictures = row.read(files, without)
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"the files of {name} in {folder} cannot be read ({reason(error)}); take fresh copies") from error
    if pictures.shape[2:] != (row.side_px, row.side_px):
        raise DataError(
            f"{folder} has pictures of {pictures.shape[3]}x{pictures.shape[2]} pixels; {name}'s have {row.side_px}x{row.side_px}"
        )
    return pictures


def read_npz(path: Path, row: "PictureSet") -> Tensor:
    """Some pictures of a set, n C H W of bytes, from `images` (n H W C) in an .npz. Raises DataError."""
    wanted = (row.side_px, row.side_px, row.channels)
    try:
        with open_archive(path) as archive:
            pictures = read_array(archive, "images")
        if pictures.dtype != np.uint8 or pictures.shape[1:] != wanted or not len(pictures):
            raise ValueError(f"`images` has the shape {pictures.shape} and is {pictures.dtype}, not (n, {str(wanted)[1:]} of bytes")
    except (KeyError, *DAMAGED) as error:
        raise DataError(f"{path} is no file of such pictures ({reason(error)}); give an .npz, or a folder") from error
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def load_labelled(name: str, folder: Path) -> tuple[Tensor, Labels]:
    """The set's training pictures as by `load`, and their labels. Raises DataError."""
    row, pictures = SETS[name], load(name, folder)
    if row.labels is None:
        raise DataError(f"{name} has no labels; choose a set that has them")
    return pictures, row.labels(row.find(folder), len(pictures))


def fetch(name: str, folder: Path) -> None:
    """Downloads a set into a folder, unless it is there already. The folder has to exist, except for the default one, so that a
    mistyped name creates nothing. An incomplete download is deleted. Raises DataError."""
    row = SETS[name]
    if is_file(folder) or row.find(folder):
        return
    if not is_folder(folder) and folder.absolute() != Path(DEFAULT).absolute():
        raise DataError(f"the folder {folder} does not exist; check `data.path`, or make it to have {name} downloaded into it")
    from torchvision import datasets

    try:
        with tempfile.TemporaryDirectory(prefix=".drawgen-", dir=folder if is_folder(folder) else folder.parent) as place:
            getattr(datasets, row.torchvision)(place, download=True)
            folder.mkdir(exist_ok=True)
            for found in Path(place).iterdir():
                found.replace(folder / found.name)
    except (OSError, RuntimeError, ValueError) as error:
        if row.find(folder):  # another process was quicker
            return
        raise DataError(
            f"{name} is neither in {folder} nor could it be downloaded ({reason(error)}); "
            "give `data.path` the folder with its files"
        ) from error
