"""Pictures with labels: MNIST, CIFAR-10, or a person's own, in a folder for each class.

Axes: B pictures, n pictures of a set, C channels, H rows, W columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data import standard
from drawgen.data.clutter import Labelled, segments
from drawgen.data.digests import digest
from drawgen.data.idx import find_idx, read_digits
from drawgen.data.packed import DAMAGED, open_archive, read_array, reason
from drawgen.data.pictures import DataError, shuffled
from drawgen.files import files_in, hidden, is_file, is_folder
from drawgen.images import PICTURES, ImageError, fit_to, load_image
from drawgen.ranges import check_choice, check_fields

NAMES = ("mnist", "cifar10", "own", "segments")
DIGITS = tuple("0123456789")
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32
"""Bytes of a picture in CIFAR-10's binary files: its label, then red, green and blue."""
HELD_OUT = {"mnist": 10_000, "cifar10": 5_000}
"""The last training pictures of a set, held out for validation."""
AT_ONCE = 500
"""Pictures of a batch of validation or of test."""


class Labels(NamedTuple):
    """Pictures of a set, and the numbers of their classes."""

    pictures: UInt8[Tensor, "n C H W"]
    labels: Int[Tensor, " n"]

    def part(self, chosen: slice | Tensor) -> "Labels":
        return Labels(self.pictures[chosen], self.labels[chosen])


@dataclass(frozen=True, kw_only=True)
class LabelledPictures:
    """Labelled pictures. Those of training are shifted, and mirrored if that is asked for."""

    name: str = "mnist"
    """mnist or cifar10 (their last 10,000 or 5,000 training pictures are for validation), own, or segments: the ten digits of a
    pocket calculator, without files."""
    path: str = standard.DEFAULT
    """The folder of a set's files, as published or as torchvision stores them; training downloads them if they are missing. Of your
    own: a folder with a folder of pictures for each class, or an .npz with `images` (n H W 3, bytes), `labels` and `classes`."""
    batch: int = 128
    """Pictures in a batch."""
    side_px: int = 32
    """Side that your own pictures are cropped and resized to."""
    every: int = 10
    """Every how manieth of your own pictures of a class is for validation."""
    shift_px: int = 0
    """Largest shift of a training picture, in pixels each way; what comes in is 0."""
    mirror: bool = False
    """Mirror every second training picture, at random."""
    classes: tuple[str, ...] = ()
    """Of your own: the classes in order of their numbers; by default those of the files."""

    def __post_init__(self) -> None:
        check_choice("data.name", self.name, NAMES)
        check_fields(self, "data", "batch", "side_px", at_least=1)
        check_fields(self, "data", "every", at_least=2)
        check_fields(self, "data", "shift_px", at_least=0)

    @property
    def splits(self) -> tuple[str, ...]:
        """Published sets have a test part."""
        return (*SPLITS, "test") if self.name in HELD_OUT else SPLITS

    @cached_property
    def parts(self) -> tuple[Labels, Labels]:
        """The training and validation pictures."""
        if self.name == "segments":
            train, valid = (
                Labels(torch.from_numpy(x.pictures)[:, None], torch.from_numpy(x.labels)) for x in map(segments, (10, 5))
            )
            return train, valid
        if self.name == "own":
            whole = self.own.labelled
            held = torch.zeros(len(whole.labels), dtype=torch.bool)
            for label in whole.labels.unique():
                held[(whole.labels == label).nonzero()[self.every - 1 :: self.every, 0]] = True
            return whole.part(~held), whole.part(held)
        whole, held_out = read(self.name, Path(self.path)), HELD_OUT[self.name]
        if len(whole.labels) <= held_out:
            raise DataError(
                f"{self.path} has {len(whole.labels)} pictures of {self.name}, of which {held_out} are for validation; give the "
                f"whole set, {standard.SETS[self.name].count}"
            )
        return whole.part(slice(None, -held_out)), whole.part(slice(-held_out, None))

    @cached_property
    def test(self) -> Labels:
        """The test pictures of a published set."""
        return read(self.name, Path(self.path), test=True)

    @cached_property
    def own(self) -> "Own":
        """A person's own pictures."""
        found = read_npz(Path(self.path)) if is_file(self.path) else read_folder(Path(self.path), self.side_px)
        if not self.classes:
            return found
        strange = [name for name in found.classes if name not in self.classes]
        if strange:
            raise DataError(f"{self.path} has the class {strange[0]!r:.60}, which is not known: {', '.join(self.classes)}")
        places = torch.tensor([self.classes.index(name) for name in found.classes])
        return replace(found, classes=self.classes, labelled=found.labelled._replace(labels=places[found.labelled.labels]))

    @property
    def problems(self) -> dict[str, str]:
        """Pictures of one's own that are left out -> reason."""
        return self.own.problems if self.name == "own" else {}

    def fetch(self) -> None:
        """Downloads missing files before training. Raises DataError."""
        if self.name in HELD_OUT and not (self.name == "cifar10" and is_folder(Path(self.path) / "cifar-10-batches-bin")):
            standard.fetch(self.name, Path(self.path))

    def digest(self) -> str:
        return digest(*(x for part in self.parts for x in part))

    def spec(self) -> Spec:
        channels, height, width = self.parts[0].pictures.shape[1:]
        classes = self.own.classes if self.name == "own" else CIFAR10 if self.name == "cifar10" else DIGITS
        return Spec((channels, height, width), classes=classes)

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Labelled]:
        """Training pictures, reshuffled in every epoch; the others once."""
        check_split(self, split)
        train, valid = self.parts
        if split != "train":
            held = self.test if split == "test" else valid
            for first in range(rank * AT_ONCE, len(held.labels), ranks * AT_ONCE):
                some = held.part(slice(first, first + AT_ONCE))
                yield Labelled(some.pictures.float() / 255, some.labels)
            return
        batches = shuffled(
            len(train.labels), self.batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks, held_out=len(valid.labels)
        )
        for step, chosen in batches:
            some = train.part(chosen)
            yield Labelled(self.varied(some.pictures.float() / 255, rng=generator(seed, 1, step, rank)), some.labels)

    def varied(self, images: Float[Tensor, "B C H W"], *, rng: torch.Generator) -> Float[Tensor, "B C H W"]:
        """Shifted, and mirrored if that is asked for."""
        if self.shift_px:
            most, (height, width) = self.shift_px, images.shape[2:]
            padded = F.pad(images, (most,) * 4)
            tops, lefts = torch.randint(0, 2 * most + 1, (2, len(images)), generator=rng)
            rows, columns = tops[:, None] + torch.arange(height), lefts[:, None] + torch.arange(width)
            images = padded[torch.arange(len(images))[:, None, None], :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
        if self.mirror:
            turned = torch.rand(len(images), 1, 1, 1, generator=rng) < 0.5
            images = torch.where(turned, images.flip(3), images)
        return images.contiguous()


# ---------------------------------------------------------------- files


def read(name: str, folder: Path, *, test: bool = False) -> Labels:
    """The training or test pictures of a published set, from the files in a folder. Raises DataError."""
    if name == "cifar10":
        return read_cifar10(folder, test=test)
    if not test:
        pictures, labels = standard.load_labelled(name, folder)
        return Labels(pictures, torch.from_numpy(labels))
    file = find_idx(folder, "t10k-images", name="MNIST")
    if file is None:
        raise DataError(f"the test pictures of mnist (t10k-images-idx3-ubyte.gz) are not in {folder}; put them there")
    digits = read_digits(file)
    return Labels(torch.from_numpy(digits.pictures)[:, None], torch.from_numpy(digits.labels))


def read_cifar10(folder: Path, *, test: bool = False) -> Labels:
    """CIFAR-10 as torchvision keeps it (cifar-10-batches-py), or its binary version (cifar-10-batches-bin). Raises DataError."""
    names = ["test_batch.bin"] if test else [f"data_batch_{n}.bin" for n in range(1, 6)]
    for place in (folder / "cifar-10-batches-bin", folder):
        if is_file(place / names[0]):
            try:
                records = np.concatenate([np.fromfile(place / name, np.uint8).reshape(-1, RECORD) for name in names])
                if records[:, 0].max(initial=0) >= len(CIFAR10):
                    raise ValueError(f"a label is {records[:, 0].max()}")
            except DAMAGED as error:
                raise DataError(f"CIFAR-10's files in {place} cannot be read ({reason(error)}); take fresh copies") from error
            return Labels(torch.from_numpy(records[:, 1:]).view(-1, 3, 32, 32), torch.from_numpy(records[:, 0].astype(np.int64)))
    if not is_folder(folder / "cifar-10-batches-py"):
        raise DataError(f"cifar10 is not in {folder}; give `data.path` the folder of cifar-10-batches-py or cifar-10-batches-bin")
    from torchvision import datasets

    try:
        found = datasets.CIFAR10(str(folder), train=not test)  # which reads only the published files, by their digests
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"the files of cifar10 in {folder} cannot be read ({reason(error)}); take fresh copies") from error
    return Labels(torch.from_numpy(found.data).permute(0, 3, 1, 2), torch.tensor(found.targets))


@dataclass(frozen=True)
class Own:
    """A person's own pictures with labels."""

    labelled: Labels
    classes: tuple[str, ...]
    problems: dict[str, str]
    """Picture that is left out -> reason."""


def read_folder(folder: Path, side: int) -> Own:
    """The pictures of a folder with a folder for each class, in colour, cropped at their centres and resized. Raises DataError."""
    if not is_folder(folder):
        raise DataError(f"{folder} is no folder; give `data.path` a folder with a folder of pictures for each class")
    classes = sorted(place.name for place in folder.iterdir() if place.is_dir() and not hidden(place.name))
    pictures, labels, problems = [], [], {}
    for number, name in enumerate(classes):
        for path in files_in(folder / name, PICTURES, deep=True):
            try:
                image = fit_to(load_image(path, covering=(side, side)), (3, side, side))
            except ImageError as error:
                problems[str(path)] = str(error)
                continue
            pictures.append((image * 255).round().byte())
            labels.append(number)
    if len(set(labels)) < 2:
        raise DataError(
            f"{folder} has pictures of {len(set(labels))} classes; put pictures of two or more into it, a folder for each"
        )
    return Own(Labels(torch.stack(pictures), torch.tensor(labels)), tuple(classes), problems)


def read_npz(path: Path) -> Own:
    """The pictures of an .npz with `images` (n H W C), `labels` and, if they are named, `classes`. Raises DataError."""
    try:
        with open_archive(path) as archive:
            pictures, labels = read_array(archive, "images"), read_array(archive, "labels")
            named = "classes.npy" in archive.namelist()
            classes = tuple(map(str, read_array(archive, "classes").tolist())) if named else ()
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3) or not len(pictures):
            raise ValueError(f"`images` has the shape {pictures.shape} and is {pictures.dtype}, not n H W C of bytes")
        if labels.shape != pictures.shape[:1] or labels.dtype.kind not in "iu":
            raise ValueError(f"`labels` has the shape {labels.shape}, not {pictures.shape[:1]} whole numbers")
        classes = classes or tuple(map(str, range(int(labels.max()) + 1)))
        if labels.min() < 0 or labels.max() >= len(classes):
            raise ValueError(f"a label is {labels.max()}, and there are {len(classes)} classes")
    except (KeyError, *DAMAGED) as error:
        raise DataError(f"{path} is no file of labelled pictures ({reason(error)}); give an .npz, or a folder") from error
    return Own(Labels(torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.from_numpy(labels.astype(np.int64))), classes, {})
