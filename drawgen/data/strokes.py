"""Recorded drawings, stroke by stroke: Quick, Draw! (ndjson), stroke-3 (npz, sketch-rnn's), Omniglot's strokes (zip), SVGs.

Axes: B drawings, S strokes of the brush, P numbers of a stroke, C channels, H rows, W columns.

A drawing is a list of polylines in the unit square, x to the right and y down, with the pen lifted between them. `Strokes` renders
drawings as white ink on black with the brush of `drawgen_envs`; `as_strokes` fits a drawing with a few strokes of that brush.
"""

import heapq
import io
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from drawgen_envs.brush import COLUMNS, paint_
from jaxtyping import Bool, Float, Float32, Float64, Int
from torch import Tensor

from drawgen.contract import SPLITS, Spec, check_split
from drawgen.data.digests import of_files
from drawgen.data.packed import DAMAGED, open_archive, read_part, reason
from drawgen.data.pickled import unpickle_arrays
from drawgen.data.pictures import DataError, Pictures, shuffled
from drawgen.files import files_in, is_folder, open_file
from drawgen.image_reading import ImageError
from drawgen.ranges import check_fields, check_range
from drawgen.strokes.lines import flattened
from drawgen.strokes.svg_reading import read_svg

FARTHEST = 1e6
"""Largest coordinate in a file: beyond it single precision loses the shape."""
MOST_POINTS = 100_000
LONGEST_LINE = 1 << 23
"""Largest size in bytes of a line of ndjson, and of a file of strokes in Omniglot's archives."""
LARGEST_PART = 1 << 28
"""Largest unpacked size in bytes of one part of an npz, which is read as a whole."""
SHORTEST_LINE = len('{"drawing":[[[0],[0]]]}')
"""Smallest size in bytes of a line with a drawing."""
KEPT = 100_000
"""Drawings whose strokes are kept in memory."""
ENDINGS = {".ndjson", ".npz", ".zip", ".svg"}
TRIED = 20
"""Drawings of a file that are tried before training: if none can be read, the file is of another kind."""
CANVAS = 105.0
"""Side of the square in which Omniglot's characters were drawn."""


@dataclass(frozen=True)
class Drawing:
    """One drawing in the unit square."""

    lines: tuple[Float32[np.ndarray, "_ 2"], ...]
    """The polylines in the order they were drawn: points x, y in [0, 1], at least one each."""
    label: str
    """What it shows; empty if the file does not say."""
    source: str
    """File and line or entry."""


def placed(lines: Sequence[np.ndarray], canvas: float = 0.0) -> tuple[Float32[np.ndarray, "_ 2"], ...]:
    """Scales polylines from a file's units into the unit square, with their aspect ratio kept: the longer side of the drawing
    becomes 1 and the shorter one is centred. With a `canvas`, the drawing keeps its position in it, unless it leaves it. Raises
    ValueError, with the reason alone, for an invalid drawing."""
    if not lines:
        raise ValueError("it has no strokes")
    for line in lines:
        if line.ndim != 2 or line.shape[1] != 2 or len(line) == 0 or line.dtype.kind not in "iuf":
            raise ValueError(f"a stroke is numbers {line.dtype} of the shape {line.shape}, not points x, y")
    points = np.concatenate(lines).astype(np.float64)
    if len(points) > MOST_POINTS:
        raise ValueError(f"it has {len(points)} points, more than {MOST_POINTS}")
    if not (np.abs(points) <= FARTHEST).all():
        raise ValueError(f"a coordinate is not finite or beyond {FARTHEST:g}")
    low, high = points.min(0), points.max(0)
    if canvas:
        low, high = np.minimum(low, 0), np.maximum(high, canvas)
    side = (high - low).max() or 1.0
    corner = (low + high - side) / 2
    return tuple(np.clip((line - corner) / side, 0, 1).astype(np.float32) for line in lines)


# ---------------------------------------------------------------- files


class Drawings(ABC):
    """The drawings of a file, read lazily."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def source(self, index: int) -> str:
        """File and line or entry of drawing number `index`."""

    @abstractmethod
    def read(self, index: int) -> Drawing:
        """Drawing number `index`, from 0 on. Raises DataError if it is not a drawing."""

    def __getitem__(self, index: int) -> Drawing:
        if not 0 <= index < len(self):
            raise IndexError(f"drawing {index} of {len(self)}")
        return self.read(index)

    def __iter__(self) -> Iterator[Drawing]:
        return map(self.read, range(len(self)))


class PointsError(DataError):
    """A file whose strokes are lists of points: an error of the whole file, not of one drawing."""


class QuickDraw(Drawings):
    """A file of Quick, Draw!, raw or simplified: one JSON object per line, its "drawing" a list of strokes [[x ...], [y ...], ...].

    It may be larger than memory: only the offsets of its lines are stored. Blank lines are skipped. Raises DataError for a file
    that cannot be read or is cut short and, on access, for a line that is not a drawing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        ends, place = [np.full(1, -1)], 0
        try:
            with open_file(path) as file:
                while chunk := file.read(1 << 20):
                    ends.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")) + place)
                    place += len(chunk)
                last = np.concatenate(ends)
                starts, lengths = last + 1, np.diff(last, append=place) - 1
                filled = lengths > 0
                for index in np.flatnonzero(filled & (lengths < SHORTEST_LINE)):
                    file.seek(int(starts[index]))
                    filled[index] = bool(file.read(int(lengths[index])).strip())
        except OSError as error:
            raise DataError(f"{path} cannot be read ({reason(error)}); give a file of Quick, Draw!") from error
        self.starts, self.numbers = starts[filled], np.flatnonzero(filled) + 1
        if not len(self.starts):
            raise DataError(f"{path} is empty; give a file of Quick, Draw!, one drawing a line")
        if int(self.starts[-1]) > int(last[-1]):  # no end of line after it
            try:
                json.loads(self.line(-1))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{self.source(-1)} was cut short ({reason(error)}); take a fresh copy") from error

    def __len__(self) -> int:
        return len(self.starts)

    def source(self, index: int) -> str:
        return f"{self.path}, line {self.numbers[index]}"

    def line(self, index: int) -> bytes:
        with open_file(self.path) as file:
            file.seek(int(self.starts[index]))
            line = file.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            raise ValueError(f"it is longer than {LONGEST_LINE} bytes")
        return line

    def read(self, index: int) -> Drawing:
        source = self.source(index)
        try:
            entry = json.loads(self.line(index))
            strokes = entry["drawing"]
            if any(len(stroke) not in (2, 3) for stroke in strokes) and all(len(p) in (2, 3) for s in strokes for p in s):
                raise PointsError(
                    f"{source}: its strokes are lists of points [x, y]; a stroke has to be [[x, x ...], [y, y ...]], all x first"
                )
            lines = placed([np.stack([np.asarray(axis) for axis in stroke[:2]], 1) for stroke in strokes])
            return Drawing(lines, str(entry.get("word", "")), source)
        except PointsError:
            raise
        except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise DataError(f"{source} is no drawing of Quick, Draw! ({reason(error)}); remove it, or take a fresh copy") from error


class Stroke3(Drawings):
    """One part ("train", "valid", "test") of an npz of sketch-rnn: n x 3 numbers per drawing, the offset from the previous point
    (x, y), and 1 if the pen is lifted after the point. Raises DataError, on access too."""

    def __init__(self, path: Path, part: str = "train") -> None:
        self.path, self.part = path, part
        try:
            with open_archive(path) as archive:
                self.drawings = unpickle_arrays(io.BytesIO(read_part(archive, f"{part}.npy", LARGEST_PART)))
        except KeyError as error:
            raise DataError(f"{path} has no part {part!r}; give an npz of stroke-3 drawings, as sketch-rnn reads") from error
        except DAMAGED as error:
            what = f"{path} has no stroke-3 drawings that can be read in its part {part!r}"
            raise DataError(f"{what} ({reason(error)}); give an npz as sketch-rnn reads, or a fresh copy") from error

    def __len__(self) -> int:
        return len(self.drawings)

    def source(self, index: int) -> str:
        return f"{self.path}, {self.part} {index}"

    def read(self, index: int) -> Drawing:
        source = self.source(index)
        try:
            moves = self.drawings[index].array()
            if moves.ndim != 2 or moves.shape[1] != 3 or len(moves) == 0 or len(moves) > MOST_POINTS:
                raise ValueError(f"its shape is {moves.shape}, not (points, 3)")
            if not np.isin(moves[:, 2], (0, 1)).all():
                raise ValueError("its third column is not 0 and 1 only")
            if not (np.abs(moves[:, :2].astype(np.float64)) <= FARTHEST).all():
                raise ValueError(f"a step is not finite or beyond {FARTHEST:g}")
            points = moves[:, :2].astype(np.float64).cumsum(0)
            lines = np.split(points, np.flatnonzero(moves[:-1, 2]) + 1)
            return Drawing(placed(lines), self.path.stem, source)
        except (ValueError, AttributeError) as error:
            raise DataError(f"{source} is no stroke-3 drawing ({reason(error)}); give an npz as sketch-rnn reads") from error


class Omniglot(Drawings):
    """An archive of Omniglot's strokes: one text file per drawing, with "START", lines "x,y,milliseconds" with y from 0 down to
    -105, and "BREAK" after each stroke. Drawings keep their position in the square of 105, as in the published pictures. Raises
    DataError, on access too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.archive = open_archive(path)
        except DAMAGED as error:
            raise DataError(f"{path} is not a whole archive ({reason(error)}); take a fresh copy") from error
        names = (name for name in self.archive.namelist() if name.endswith(".txt") and not name.startswith("__MACOSX"))
        self.names = sorted(names)
        if not self.names:
            raise DataError(f"{path} holds no strokes; give the published archive strokes_background.zip, or one like it")

    def __len__(self) -> int:
        return len(self.names)

    def source(self, index: int) -> str:
        return f"{self.path}, {self.names[index]}"

    def read(self, index: int) -> Drawing:
        name = self.names[index]
        try:
            lines = strokes_of(read_part(self.archive, name, LONGEST_LINE).decode("ascii"))
            return Drawing(placed(lines, CANVAS), "/".join(name.split("/")[-3:-1]), self.source(index))
        except DAMAGED as error:
            what = f"{self.path}, {name} is no drawing of Omniglot"
            raise DataError(f"{what} ({reason(error)}); remove it, or take a fresh copy") from error


class Svgs(Drawings):
    """Drawings as SVGs, one per file: their stroked lines, in the order of the file. Raises DataError, on access."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def source(self, index: int) -> str:
        return str(self.paths[index])

    def read(self, index: int) -> Drawing:
        path = self.paths[index]
        try:
            found = read_svg(path)
            left, top, right, bottom = found.frame
            tolerance = 1e-3 * max(right - left, bottom - top, 1e-9)
            return Drawing(placed([flattened(curve.pieces, tolerance) for curve in found.curves]), path.stem, str(path))
        except ImageError as error:
            raise DataError(str(error)) from error
        except ValueError as error:
            raise DataError(f"{path} is no drawing ({reason(error)}); remove it") from error


def strokes_of(text: str) -> list[Float64[np.ndarray, "_ 2"]]:
    """The polylines of a file of Omniglot's strokes, y down. Raises ValueError that names the line."""
    lines: list[list[tuple[float, float]]] = []
    points: list[tuple[float, float]] = []
    for number, row in enumerate(text.splitlines(), 1):
        if row == "BREAK":
            lines.append(points)
            points = []
        elif row and (row != "START" or number > 1):
            try:
                x, y, _ = map(float, row.split(","))
            except ValueError:
                raise ValueError(f"its line {number} is {row[:40]!r}, not x,y,milliseconds") from None
            points.append((x + 0.5, 0.5 - y))  # files count from the centre of the first pixel
    if points:
        raise ValueError("it ends within a stroke, without BREAK")
    return [np.array(line, np.float64).reshape(-1, 2) for line in lines]


# ---------------------------------------------------------------- pictures


def inset(drawing: Drawing, margin: float) -> Drawing:
    """The drawing, shrunk towards the centre just enough to keep `margin` from each side of the unit square."""
    farthest = max(float(np.abs(line - 0.5).max()) for line in drawing.lines)
    scale = min(1.0, max(0.5 - margin, 0.0) / max(farthest, 1e-9))
    return replace(drawing, lines=tuple((0.5 + (line - 0.5) * scale).astype(np.float32) for line in drawing.lines))


def corners(points: Float32[np.ndarray, "N 2"], first: Bool[np.ndarray, " N"], tolerance: float) -> Bool[np.ndarray, " N"]:
    """A mask of the points that suffice to draw polylines within `tolerance`; `first` marks the first point of each polyline.

    After Ramer (1972) and Douglas & Peucker (1973): the point farthest from its segment is kept and divides it, here in all
    segments at once.
    """
    keep = first | np.append(first[1:], True)
    while True:
        ends = np.flatnonzero(keep)
        segment = keep.cumsum() - 1
        a, b = points[ends[segment]], points[ends[np.minimum(segment + 1, len(ends) - 1)]]
        along = b - a
        share = ((points - a) * along).sum(1) / np.maximum((along * along).sum(1), 1e-12)
        away = np.square(points - a - np.clip(share, 0, 1)[:, None] * along).sum(1)
        worst = np.maximum.reduceat(away, ends)[segment]
        more = (away == worst) & (worst > tolerance**2)
        if not more.any():
            return keep
        keep |= more


def straight(drawings: Sequence[Drawing], radius: float, tolerance: float) -> Float[Tensor, "B S P"]:
    """The drawings as straight white strokes of one radius, within `tolerance`; drawings with fewer than S strokes are padded with
    strokes of radius 0."""
    lines = [line for drawing in drawings for line in drawing.lines]
    owner = np.repeat(np.arange(len(drawings)), [sum(map(len, drawing.lines)) for drawing in drawings])
    points = np.concatenate(lines)
    first = np.zeros(len(points), bool)
    first[[0, *accumulate(len(line) for line in lines[:-1])]] = True
    keep = corners(points, first, tolerance)
    points, first, owner = points[keep], first[keep], owner[keep]
    last = np.append(first[1:], True)
    starts = np.flatnonzero(~last | first)  # each point that has a next one, and lone points
    ends = np.where(last[starts], starts, starts + 1)
    owner = owner[starts]
    slot = np.arange(len(owner)) - np.searchsorted(owner, owner)
    strokes = np.zeros((len(drawings), int(slot.max()) + 1, len(COLUMNS) + 1), np.float32)
    middle = (points[starts] + points[ends]) / 2
    numbers = [points[starts], middle, points[ends], np.full((len(owner), 2), radius), np.ones((len(owner), 3))]
    strokes[owner, slot] = np.concatenate(numbers, 1)
    return torch.from_numpy(strokes)


def render(drawings: Sequence[Drawing], side: int, thickness: float) -> Float[Tensor, "B 1 side side"]:
    """Renders white ink on black; `thickness` is the line's width as a fraction of the side. A drawing whose ink would leave the
    picture is shrunk just enough."""
    strokes = straight([inset(drawing, thickness / 2) for drawing in drawings], thickness / 2, 0.25 / side)
    return paint_(torch.zeros(len(drawings), 1, side, side), strokes)


class DrawnPictures(NamedTuple):
    """A batch of pictures, and how people drew them."""

    images: Float[Tensor, "B C H W"]
    """In [0, 1]."""
    strokes: Float[Tensor, "B S P"]
    """`as_strokes` of each drawing, padded with strokes of radius 0."""

    def items(self) -> tuple[str, int]:
        return "pictures", len(self.images)


@dataclass(frozen=True, kw_only=True)
class Strokes:
    """Recorded drawings as pictures, white ink on black."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    path: str = "data"
    """A file of Quick, Draw! (.ndjson), stroke-3 (.npz) or Omniglot's strokes (.zip), or a folder of such files and of SVGs
    (archives have to be named strokes*.zip)."""
    batch: int = 128
    """Pictures in a batch."""
    side_px: int = 32
    """Side of a picture."""
    thickness: float = 0.04
    """Width of the line, as a fraction of the side."""
    held_out: float = 0.1
    """Fraction of the drawings held out for validation, evenly spaced; for an npz with a part "valid", that part instead."""
    strokes: int = 0
    """Also gives each drawing as at most this many strokes in the order drawn, for painters that learn from people; 0: pictures
    alone."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "side_px", at_least=1)
        check_fields(self, "data", "strokes", at_least=0)
        check_fields(self, "data", "thickness", above=0, at_most=0.5)
        check_fields(self, "data", "held_out", at_least=0, below=1)

    @cached_property
    def problems(self) -> dict[str, str]:
        """What has been left out so far: drawing -> reason."""
        return {}

    @cached_property
    def files(self) -> list[tuple[Drawings, Bool[np.ndarray, " n"]]]:
        """Each file's drawings, and which of them are held out. The first ones of each file are tried, so that a file of another
        kind is refused before training. Raises DataError."""
        found: list[tuple[Drawings, np.ndarray]] = []
        svgs = [path for path in self.paths() if path.suffix == ".svg"]
        for path in [*(path for path in self.paths() if path.suffix != ".svg"), *svgs[:1]]:
            if path.suffix == ".npz":
                train = Stroke3(path)
                if has_part(path, "valid"):
                    valid = Stroke3(path, "valid")
                    found += [(train, np.zeros(len(train), bool)), (valid, np.ones(len(valid), bool))]
                    continue
                drawings: Drawings = train
            elif path.suffix == ".svg":
                drawings = Svgs(svgs)
            else:
                drawings = QuickDraw(path) if path.suffix == ".ndjson" else Omniglot(path)
            found.append((drawings, np.diff(np.floor(np.arange(len(drawings) + 1) * self.held_out)) > 0))
        for drawings, _ in found:
            whole = False
            first: DataError | None = None
            for index in range(min(TRIED, len(drawings))):
                try:
                    whole = bool(drawings[index].lines)
                except PointsError:
                    raise
                except DataError as error:
                    first = first or error
            if not whole and first is not None:
                raise first
        return found

    def paths(self) -> list[Path]:
        path = Path(self.path)
        if is_folder(path):
            found = [p for p in files_in(path, ENDINGS) if p.suffix != ".zip" or p.name.startswith("strokes")]
            if not found:
                raise DataError(f"the folder {path} holds no drawings; put .ndjson, .npz, strokes*.zip or .svg files in it")
            return found
        if path.suffix not in ENDINGS:
            raise DataError(f"{path} is neither a folder nor a file of drawings; give one that ends in .ndjson, .npz, .zip or .svg")
        return [path]

    def digest(self) -> str:
        return of_files(self.paths())

    def spec(self) -> Spec:
        return Spec((1, self.side_px, self.side_px))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Pictures | DrawnPictures]:
        """`drawings` as pictures, with their strokes if `strokes` is above 0."""
        for drawings in self.drawings(split, seed=seed, start=start, rank=rank, ranks=ranks):
            images = render(drawings, self.side_px, self.thickness)
            if not self.strokes:
                yield Pictures(images)
                continue
            strokes = images.new_zeros(len(drawings), self.strokes, len(COLUMNS) + 1)
            for row, drawing in zip(strokes, drawings, strict=True):
                found = self.fitted.get(drawing.source)
                if found is None:
                    found = as_strokes(drawing, self.strokes, self.thickness / 2)
                    if len(self.fitted) < KEPT:
                        self.fitted[drawing.source] = found
                row[: len(found)] = found
            yield DrawnPictures(images, strokes)

    @cached_property
    def fitted(self) -> dict[str, Float[Tensor, "S P"]]:
        """`as_strokes` by a drawing's source: fitting takes as long as learning from it."""
        return {}

    def drawings(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[list[Drawing]]:
        """Batches of drawings, for models that learn from strokes: reshuffled in every epoch for training, all once for
        validation. An invalid drawing is recorded in `problems`; in training the next one replaces it. Raises DataError."""
        check_split(self, split)
        held_out = np.concatenate([held for _, held in self.files])
        chosen = np.flatnonzero(held_out == (split == "valid"))
        if split == "valid":
            for first in range(rank * self.batch, len(chosen), ranks * self.batch):
                found = [self.drawing(int(index)) for index in chosen[first : first + self.batch]]
                if whole := [drawing for drawing in found if drawing is not None]:
                    yield whole
            return
        orders = shuffled(
            len(chosen), self.batch, self.path,
            seed=seed, start=start, rank=rank, ranks=ranks, held_out=len(held_out) - len(chosen),
        )  # fmt: skip
        for _, order in orders:
            yield [self.next_whole(chosen, int(place)) for place in order]

    def next_whole(self, chosen: Int[np.ndarray, " n"], place: int) -> Drawing:
        """The drawing at a place among those chosen, or the next readable one. Raises DataError if there is none."""
        for number in range(place, place + len(chosen)):
            drawing = self.drawing(int(chosen[number % len(chosen)]))
            if drawing is not None:
                return drawing
        raise DataError(f"{self.path}: none of its drawings can be read; {next(iter(self.problems.values()))}")

    def drawing(self, index: int) -> Drawing | None:
        """Drawing number `index` of all files together; None, with an entry in `problems`, if it is invalid."""
        if index in self.left_out:
            return None
        place = index
        for drawings, _ in self.files:
            if place < len(drawings):
                try:
                    return drawings[place]
                except DataError as error:
                    self.left_out.add(index)
                    self.problems[drawings.source(place)] = str(error)
                    return None
            place -= len(drawings)
        raise IndexError(index)

    @cached_property
    def left_out(self) -> set[int]:
        """The numbers of the drawings in `problems`."""
        return set()


def has_part(path: Path, part: str) -> bool:
    """Whether an archive has this part; `Stroke3` has opened it before."""
    with open_archive(path) as archive:
        return f"{part}.npy" in archive.namelist()


# ---------------------------------------------------------------- strokes of the brush

SPACING = 0.01
"""Distance between the points that curves are fitted to."""


def as_strokes(drawing: Drawing, count: int, radius: float) -> Float[Tensor, "S P"]:
    """The drawing as at most `count` strokes of the brush, white and of one radius (a fraction of the side), in the order drawn.

    Each polyline becomes connected quadratic Bezier curves: first one, then the piece with the largest squared error is divided at
    its worst point, until there are `count` pieces, or no error is left. With more polylines than `count`, the longest ones are
    kept. The drawing is inset by the radius, as in `render`. Raises ValueError for a count below 1 or a radius that is not in (0,
    0.25].
    """
    check_range("count", count, at_least=1)
    check_range("radius", radius, above=0, at_most=0.25)
    lines = [evenly(line) for line in inset(drawing, radius).lines]
    longest = sorted(range(len(lines)), key=lambda n: -len(lines[n]))[:count]
    pieces = [fitted(lines[n], n, 0, len(lines[n]) - 1) for n in longest]
    heapq.heapify(pieces)
    while len(pieces) < count and -pieces[0].order[0] > TINY:
        worst = heapq.heappop(pieces)
        line, first, last = worst.order[1:]
        for a, b in ((first, worst.divide), (worst.divide, last)):
            heapq.heappush(pieces, fitted(lines[line], line, a, b))
    curves = [piece.curve for piece in sorted(pieces, key=lambda piece: piece.order[1:])]
    rest = np.broadcast_to(np.array([radius, radius, 1, 1, 1]), (len(curves), 5))
    return torch.from_numpy(np.concatenate([np.stack(curves).reshape(-1, 6), rest], 1).astype(np.float32))


TINY = 1e-5
"""Sum of squared distances below which a piece is not divided: that of a line of length 0.5 at a distance of 0.0004."""


@dataclass(order=True, frozen=True)
class CurvePiece:
    """Part of a polyline as a curve."""

    order: tuple[float, int, int, int]
    """The negative squared error, so that the worst piece is first; the polyline; its first and last point in this piece."""
    divide: int
    """The point to divide it at."""
    curve: Any
    """p0, p1, p2."""


def evenly(line: Float32[np.ndarray, "_ 2"]) -> Float64[np.ndarray, "_ 2"]:
    """The polyline resampled to points `SPACING` apart (two thousand at most), because the speed of drawing varies."""
    steps = np.hypot(*np.diff(line.astype(np.float64), axis=0).T)
    way = np.append(0.0, steps.cumsum())
    at = np.linspace(0, way[-1], min(max(math.ceil(way[-1] / SPACING), 1) + 1, 2000))
    return np.stack([np.interp(at, way, axis) for axis in line.T], 1)


def fitted(points: Float64[np.ndarray, "N 2"], line: int, first: int, last: int) -> CurvePiece:
    """The quadratic curve from points[first] to points[last] that fits the points between by least squares. With fixed ends, p1 has
    a closed form; then each point's t is moved to the nearest point of the curve, three times (Gauss-Newton)."""
    q = points[first : last + 1]
    p0, p2 = q[0], q[-1]
    if len(q) < 3:
        return CurvePiece((0.0, line, first, last), first, np.stack([p0, (p0 + p2) / 2, p2]))
    t = np.linspace(0, 1, len(q))[:, None]
    p1, gap = least_squares(q, t)
    for _ in range(3):
        tangent = 2 * (1 - t) * (p1 - p0) + 2 * t * (p2 - p1)
        t = t - (gap * tangent).sum(1, keepdims=True) / np.maximum((tangent * tangent).sum(1, keepdims=True), 1e-9)
        t = np.maximum.accumulate(np.clip(t, 0, 1))
        p1, gap = least_squares(q, t)
    away = (gap * gap).sum(1)
    divide = first + 1 + int(away[1:-1].argmax())
    return CurvePiece((-float(away.sum()), line, first, last), divide, np.stack([p0, p1, p2]))


def least_squares(q: Float64[np.ndarray, "n 2"], t: Float64[np.ndarray, "n 1"]) -> tuple[Float64[np.ndarray, "2"], np.ndarray]:
    """The p1 whose curve from q[0] to q[-1] fits the points q at t best, and the residuals."""
    weight = 2 * t * (1 - t)
    ends = (1 - t) ** 2 * q[0] + t**2 * q[-1]
    p1 = np.clip((weight * (q - ends)).sum(0) / max((weight * weight).sum(), 1e-9), -1, 2)
    return p1, ends + weight * p1 - q
