"""Pictures as training data: crops of one picture or of a folder of them."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data.digests import digest, of_files
from drawgen.files import files_in
from drawgen.images import PICTURES, ImageError, grey, load_with_alpha, picture_size
from drawgen.masks import read_mask
from drawgen.ranges import check_fields
from drawgen.textures.maps import ALPHA, MapSet, flipped, load_maps, named, straight

OPAQUE = 254 / 255
"""Pixels with more alpha than this are opaque; resized pictures have intermediate values at edges."""
SQUARE_PX = 64
"""Side of the squares in which whole pictures are measured (Theis & Bethge 2015)."""


class DataError(ValueError):
    """Training data that cannot be used; the message names the file or folder and the mend."""


class Pictures(NamedTuple):
    """A batch of pictures."""

    images: Float[Tensor, "B C H W"]
    """In [0, 1]."""

    def items(self) -> tuple[str, int]:
        return "pictures", len(self.images)


def check_shape(images: Float[Tensor, "B C H W"], wanted: tuple[int, int, int]) -> None:
    """Raises DataError for pictures of another shape (C, H, W) than a model draws."""
    if images.shape[1:] != wanted:
        sizes = " and the model for ".join(f"{w}x{h} with {c} channels" for c, h, w in (images.shape[1:], wanted))
        raise DataError(f"the pictures are {sizes}; give others, or set data.side_px where the data has one")


@dataclass(frozen=True)
class Part:
    """Rows of a picture, and which of its pixels are opaque (None: all). Transparent pixels are not used."""

    image: Float[Tensor, "C H W"]
    opaque: Bool[Tensor, "H W"] | None

    @property
    def area(self) -> int:
        return self.image.shape[1] * self.image.shape[2] if self.opaque is None else int(self.opaque.sum())

    @cached_property
    def holes(self) -> Int[Tensor, "H2 W2"]:
        """Number of transparent pixels above and to the left of each corner (a summed-area table)."""
        opaque = torch.ones(self.image.shape[1:], dtype=torch.bool) if self.opaque is None else self.opaque
        return F.pad((~opaque).long(), (1, 0, 1, 0)).cumsum(0).cumsum(1)

    def places(self, side: int) -> Int[Tensor, "N 2"] | None:
        """Row and column of every opaque square of that side; None if all squares are."""
        if self.opaque is None:
            return None
        holes = self.holes
        inside = holes[side:, side:] - holes[:-side, side:] - holes[side:, :-side] + holes[:-side, :-side]
        return torch.nonzero(inside == 0)

    @cached_property
    def side(self) -> int:
        """Side of the largest opaque square."""
        least, most = 0, min(self.image.shape[1:])
        if self.opaque is None:
            return most
        while least < most:
            middle = (least + most + 1) // 2
            found = self.places(middle)
            least, most = (middle, most) if found is not None and len(found) else (least, middle - 1)
        return least


@dataclass(frozen=True, kw_only=True)
class Crops:
    """Random square crops of one picture, or of all pictures of a folder. Crops have only opaque pixels."""

    splits: ClassVar[tuple[str, ...]] = (*SPLITS, "seen")
    """seen: the training parts once, cut into squares as the validation parts are."""
    path: str = "photo:brick"
    """A picture, a folder of pictures, or photo:NAME for a photograph of scikit-image."""
    crop_px: int = 48
    """Side of a crop; less if a picture is smaller."""
    batch: int = 2
    """Crops in a batch."""
    held_out: float = 0.125
    """Fraction of each picture, its lowest rows, held out for validation; or of the pictures (`whole`)."""
    whole: bool = False
    """Hold out whole pictures, and measure all pictures in squares of 64 pixels."""
    one_size: bool = False
    """Measure in squares of the crops' side, for models of one size; what is smaller is left out."""
    longest_px: int = 512
    """Longer side that larger pictures are scaled down to first; 0 keeps their size."""
    grey: bool = False
    """Convert to grey."""
    mirror: bool = False
    """Mirror every second crop of the training, at random; normals are turned along."""
    first_px: int = 0
    """Side of the crops of the first step, which grow to `crop_px`; 0 for crops of one size."""
    growth: int = 0
    """Steps over which crops grow."""
    hole: str = ""
    """A mask of the picture's size; where it is white, nothing is used."""
    source: str = ""
    """A mask of the picture's size; only what is white is used."""
    maps: tuple[str, ...] = ()
    """Maps of the one picture (FILE, NAME=FILE, or alpha), learned together with its colours: normals, heights ..."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "crop_px", "batch", at_least=1)
        check_fields(self, "data", "longest_px", "first_px", "growth", at_least=0)
        check_fields(self, "data", "held_out", at_least=0, below=1)

    @cached_property
    def pictures(self) -> tuple[list[Part], list[Part]]:
        """The training and validation parts."""
        loaded = [self.load(path) for path in self.paths()]
        if self.map_set is not None:
            (colours, opaque) = loaded[0]
            colours = grey(colours) if self.grey else colours
            loaded = [(torch.cat([colours, self.map_set.stack]), opaque)]
        elif self.grey or any(len(p) != len(loaded[0][0]) for p, _ in loaded):
            loaded = [(grey(p) if self.grey else p.expand(3, -1, -1), opaque) for p, opaque in loaded]
        train: list[Part] = []
        valid: list[Part] = []
        for n, (picture, opaque) in enumerate(loaded):
            if self.whole:  # spread evenly over the pictures in the order of their names
                parts = valid if math.floor((n + 1) * self.held_out) > math.floor(n * self.held_out) else train
                parts.append(Part(picture, opaque))
                continue
            rows = picture.shape[1] - round(self.held_out * picture.shape[1])
            train.append(Part(picture[:, :rows], None if opaque is None else opaque[:rows]))
            if rows < picture.shape[1]:
                valid.append(Part(picture[:, rows:], None if opaque is None else opaque[rows:]))
        return train, valid

    def paths(self) -> list[str]:
        if self.path.startswith("photo:") or not Path(self.path).is_dir():
            return [self.path]
        try:
            found = files_in(Path(self.path), PICTURES)
        except OSError as error:
            raise DataError(f"the folder {self.path} cannot be read ({error.strerror}); change its permissions") from error
        if not found:
            raise DataError(f"the folder {self.path} holds no pictures; put PNG or JPEG files in it")
        return [str(path) for path in found]

    def load(self, path: str) -> tuple[Float[Tensor, "C H W"], Bool[Tensor, "H W"] | None]:
        """A picture and a mask of its opaque pixels (None: all). Raises ImageError if no pixel is opaque."""
        picture, alpha = load_with_alpha(path, longest_px=self.longest_px or None)
        if alpha is not None and ALPHA in self.maps:
            picture, alpha = straight(picture, alpha), None
        opaque = torch.ones(picture.shape[1:], dtype=torch.bool) if alpha is None else alpha[0] > OPAQUE
        if not opaque.any():
            raise ImageError(f"{path} has no opaque pixels to learn from; give a picture that is not transparent")
        for mask, white in ((self.hole, False), (self.source, True)):
            if mask:
                # Of a picture that is scaled down, a pixel is used if all of it may be.
                used = (read_mask(mask, picture_size(path)) == white).float()
                opaque &= F.adaptive_avg_pool2d(used[None, None], (picture.shape[1], picture.shape[2]))[0, 0] > OPAQUE
                if not opaque.any():
                    raise ImageError(f"the mask {mask} leaves nothing of {path} to learn from; leave more of it")
        return picture, None if opaque.all() else opaque

    @cached_property
    def map_set(self) -> MapSet | None:
        """The picture's maps; None if it has none. Raises ValueError for maps that do not belong to it."""
        if not self.maps:
            return None
        if not self.path.startswith("photo:") and Path(self.path).is_dir():
            raise DataError(f"{self.path} is a folder, and maps belong to one picture; give that")
        longest = self.longest_px or None
        alpha = load_with_alpha(self.path, longest_px=longest)[1] if ALPHA in self.maps else None
        return load_maps(self.path, self.maps, longest_px=longest, alpha=alpha)

    def side(self) -> int:
        """Side of a crop: `crop_px`, or less if the largest opaque square of a picture is smaller."""
        return min(self.crop_px, *(part.side for part in self.pictures[0]))

    def digest(self) -> str:
        others = [Path(file) for _, file in map(named, self.maps) if file]
        others += [Path(mask) for mask in (self.hole, self.source) if mask]
        if self.path.startswith("photo:"):
            return digest(self.path, *([of_files(others)] if others else []))
        return of_files([*map(Path, self.paths()), *others])

    def spec(self) -> Spec:
        side = self.side()
        if side < 2:
            raise ImageError(f"{self.path} is too small to learn from; give a picture of at least a few tens of pixels per side")
        whole = self.exemplar()[0].shape[1:] if len(self.pictures[0]) == 1 else None
        return Spec(
            (len(self.pictures[0][0].image), side, side),
            exemplar=None if whole is None else (whole[0], whole[1]),
            maps=None if self.map_set is None else self.map_set.maps,
        )

    def exemplar(self) -> tuple[Float[Tensor, "C H W"], Bool[Tensor, "H W"] | None]:
        """The one picture, with its held-out rows and its maps, and which of its pixels are opaque (None: all)."""
        parts = [part[0] for part in self.pictures if part]
        picture = torch.cat([part.image for part in parts], 1)
        masks = [part.opaque for part in parts if part.opaque is not None]
        return picture, torch.cat(masks) if masks else None

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Pictures]:
        """Training: an endless stream of crops. Validation: the held-out rows or pictures once, cut into squares and divided over
        the ranks; "seen": the training parts likewise."""
        check_split(self, split)
        if split != "train":
            yield from self.squares(self.pictures[split == "valid"])[rank::ranks]
            return
        train, last = self.pictures[0], self.side()
        side, places = last, [part.places(last) for part in train]
        areas = torch.tensor(
            [float(p.image.shape[1] * p.image.shape[2]) if p.opaque is None else float(p.opaque.sum()) for p in train]
        )
        step = start
        while True:
            rng = generator(seed, SPLITS.index(split), step, rank)
            if side != self.side_at(step, last):
                side = self.side_at(step, last)
                places = [part.places(side) for part in train]
            chosen = torch.multinomial(areas, self.batch, replacement=True, generator=rng)
            where = torch.rand(self.batch, 2, generator=rng)
            crops = []
            for which, (u, v) in zip(chosen.tolist(), where.tolist(), strict=True):
                picture, known = train[which].image, places[which]
                if known is None:
                    top, left = int(u * (picture.shape[1] - side + 1)), int(v * (picture.shape[2] - side + 1))
                else:
                    top, left = known[int(u * len(known))].tolist()
                crops.append(picture[:, top : top + side, left : left + side])
            images = torch.stack(crops)
            if self.mirror:
                maps = self.map_set.maps if self.map_set is not None else ()
                mirrored = flipped(images, maps, across=True)
                images = torch.where(torch.rand(self.batch, 1, 1, 1, generator=rng) < 0.5, mirrored, images)
            yield Pictures(images)
            step += 1

    def side_at(self, step: int, last: int) -> int:
        """Side of the crops of a step: it grows linearly, in steps of two pixels, to the `last` one."""
        first = min(self.first_px, last)
        if first == 0 or step >= self.growth:
            return last
        return first + (last - first) * step // self.growth // 2 * 2

    def squares(self, parts: Sequence[Part]) -> list[Pictures]:
        """Each part as one batch of adjacent squares, without those that are not opaque."""
        batches = []
        for part in parts:
            side = self.side() if self.one_size else min(part.side, SQUARE_PX) if self.whole else part.side
            if side == 0 or side > part.side:
                continue
            known = part.places(side)
            if known is None:
                rows, columns = (range(0, length - side + 1, side) for length in part.image.shape[1:])
                corners = [(y, x) for y in rows for x in columns]
            else:  # from the first on, those that do not overlap
                corners = []
                for top, left in known.tolist():
                    if all(abs(top - y) >= side or abs(left - x) >= side for y, x in corners):
                        corners.append((top, left))
            batches.append(Pictures(torch.stack([part.image[:, y : y + side, x : x + side] for y, x in corners])))
        return batches


def shuffled(
    count: int, batch: int, where: str, *, seed: int, start: int, rank: int, ranks: int, held_out: int = 0
) -> Iterator[tuple[int, Int[Tensor, " B"]]]:
    """An endless stream of (step, which of `count` items are in this rank's batch): reshuffled in every epoch, with the ranks'
    batches side by side. Raises DataError, with the source `where` and the number of `held_out` items, for fewer items than a
    batch."""
    each = count // (batch * ranks)  # batches in one pass
    if each == 0:
        besides = f" beside the {held_out} for validation" if held_out else ""
        mend = "lower data.batch" if count else "give more"
        raise DataError(f"{where} has {count} pictures{besides}, fewer than a batch of {batch * ranks}; {mend}")
    passed = -1
    for step in itertools.count(start):
        epoch, place = divmod(step, each)
        if epoch != passed:
            order, passed = torch.randperm(count, generator=generator(seed, epoch)), epoch
        first = (place * ranks + rank) * batch
        yield step, order[first : first + batch]
