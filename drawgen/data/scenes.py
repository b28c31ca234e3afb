"""Generated scenes with exact captions; endless data without files.

Axes: B pictures, C channels, H rows, W columns, T words, N objects, S strokes of an object, P numbers of a stroke.

A scene has up to four objects of at most three kinds, each with a colour, a shape and a size. They are drawn with the brush of the
canvas environments, as outlines and fillings of strokes on slightly dirty paper. `scene_language` generates the captions and
decides whether a caption is true. Scene number i of a split is a pure function of (seed, split, i).

Of the 48 pairs (colour, shape), 40 occur in training, four are held out for validation and four for the test. A validation or test
scene shows at least one held-out pair of its own split, and none of the other's. Training may begin with lessons, drawings in
pencil and blots of colour, so that forms and colours are learned separately. A net that learns both together also learns which
pairs do not occur.
"""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from drawgen_envs import brush
from jaxtyping import Float, Float32
from torch import Tensor

from drawgen.contract import Spec, check_split, generator
from drawgen.data.captions import CaptionBatch, Example, encode, vocabulary_of
from drawgen.data.scene_language import (
    BLOT,
    COLOURS,
    MANY,
    NOUNS,
    PENCIL,
    SHAPES,
    WORDS,
    Thing,
    Verdict,
    describe,
    judge,
    meant,
    parse,
)
from drawgen.ranges import check_fields

SPLITS = ("train", "valid", "test")
MOST_OBJECTS = 4
POOL = 4
"""Batches sorted by the length of their captions together."""
INKS = {
    "red": (0.85, 0.10, 0.12),
    "orange": (0.97, 0.53, 0.06),
    "yellow": (0.96, 0.86, 0.13),
    "green": (0.12, 0.62, 0.22),
    "blue": (0.12, 0.30, 0.85),
    "purple": (0.50, 0.16, 0.66),
    "pink": (0.98, 0.56, 0.76),
    "black": (0.08, 0.08, 0.10),
    PENCIL: (0.40, 0.40, 0.40),
}
RADII = {"small": (0.09, 0.105), "large": (0.155, 0.18)}
"""Fractions of the picture's side."""
GOLDEN = (5**0.5 - 1) / 2
HELD_OUT = 3
"""The diagonals of the table of colours and shapes, of six, that training never shows."""


def split_of(colour: str, shape: str) -> str:
    """The split of a pair: for each colour one shape is held out, alternately for validation and for the test."""
    if (COLOURS.index(colour) + SHAPES.index(shape)) % len(SHAPES) != HELD_OUT:
        return "train"
    return "test" if COLOURS.index(colour) % 2 else "valid"


PAIRS = {s: [(c, h) for c in COLOURS for h in SHAPES if split_of(c, h) == s] for s in SPLITS}


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Drawn scenes of a few objects, with captions made of a small grammar."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    side_px: int = 64
    """Side of a picture."""
    batch: int = 64
    """Pictures in a batch."""
    count: int = 1000
    """Scenes for validation, and as many for the test; training scenes are generated without end."""
    captions: int = 5
    """Captions per scene; training takes one at random."""
    most: int = 4
    """Largest number of objects in a scene, 1 to 4."""
    hard: float = 0.0
    """Fraction of the training scenes that have `most` objects; the others have as many as come up, as validation has."""
    lessons: int = 0
    """Curriculum: the first scenes of training, this many, are in pencil or of blots, half of them with one kind of object; after
    that every other scene is."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "count", "captions", at_least=1)
        check_fields(self, "data", "lessons", at_least=0)
        check_fields(self, "data", "hard", at_least=0, at_most=1)
        check_fields(self, "data", "side_px", at_least=16, at_most=1024)
        check_fields(self, "data", "most", at_least=1, at_most=MOST_OBJECTS)

    def spec(self) -> Spec:
        return Spec((3, self.side_px, self.side_px), vocabulary_of(WORDS))

    def scene(self, split: str, index: int, *, seed: int = 0) -> "Scene":
        """Raises ValueError for an unknown split."""
        check_split(self, split)
        lesson = None
        if split == "train" and self.lessons > 0 and (index < self.lessons or index % 2 == 0):
            lesson = PENCIL if index // 2 % 2 else BLOT
        kinds = 1 if split == "train" and index < self.lessons // 2 else 3
        # Runs of the golden ratio's multiples are even: any few scenes in turn have their part of hard ones.
        hard = split == "train" and kinds > 1 and index * GOLDEN % 1 < self.hard
        key = (index * len(SPLITS) + SPLITS.index(split)) << 64 | seed
        least = self.most if hard else 1
        return Scene(split, key, least=least, most=self.most, captions=self.captions, kinds=kinds, lesson=lesson)

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[CaptionBatch]:
        """Training: an endless stream of scenes. Other splits: `count` fixed scenes, once."""
        check_split(self, split)
        if split != "train":
            for first in range(rank * self.batch, self.count, ranks * self.batch):
                numbers = range(first, min(first + self.batch, self.count))
                yield self.batch_of([self.scene(split, number) for number in numbers])
            return
        for pool in itertools.count(start // POOL):
            # Captions of like length side by side, as steps beyond a caption's end are lost.
            first = (pool * ranks + rank) * self.batch * POOL
            scenes = [self.scene(split, number, seed=seed) for number in range(first, first + self.batch * POOL)]
            scenes.sort(key=lambda scene: scene.captions[0].count(" "))
            for place, which in enumerate(torch.randperm(POOL, generator=generator(seed, pool, rank)).tolist()):
                if pool * POOL + place >= start:
                    yield self.batch_of(scenes[which * self.batch : (which + 1) * self.batch])

    def batch_of(self, scenes: "Sequence[Scene]") -> CaptionBatch:
        vocabulary = self.spec().symbols
        tokens, lengths = encode([scene.captions[0].split() for scene in scenes], vocabulary)
        return CaptionBatch(draw(scenes, self.side_px), tokens, lengths)

    def examples(self, split: str) -> Iterator[Example]:
        """Pictures of a held-out split, each with all its captions and with the scene, which can judge any other caption."""
        for first in range(0, self.count, self.batch):
            scenes = [self.scene(split, number) for number in range(first, min(first + self.batch, self.count))]
            for offset, (scene, picture) in enumerate(zip(scenes, draw(scenes, self.side_px), strict=True)):
                yield Example(f"{split} {first + offset}", picture, scene.captions, scene)


class Scene:
    """One scene: its objects, its picture and its captions."""

    def __init__(self, split: str, key: int, *, least: int, most: int, captions: int, kinds: int, lesson: str | None) -> None:
        self.key = key
        rng = random.Random(key)
        self.things = compose(split, rng, least=least, most=most, kinds=kinds, lesson=lesson)
        self.captions = [describe(self.things, rng=rng) for _ in range(captions)]

    def judge(self, caption: str) -> Verdict:
        return judge(caption, self.things)

    def looked(self, caption: str, maps: Float[Tensor, "T h w"]) -> list[tuple[float, float]]:
        """For every colour and shape word of a true caption: the fraction of its attention map that is on the objects that it
        describes, and the fraction of the picture that these objects cover. Empty for a false caption."""
        parsed = parse(caption)
        groups = meant(parsed, self.things) if parsed is not None else None
        if parsed is None or groups is None:
            return []
        words, shares = caption.split(), []
        for phrase, group in zip(parsed.phrases, groups, strict=True):
            inside = cover(group, *maps.shape[1:])
            for n in range(*phrase.words):
                if words[n] in COLOURS or words[n] in NOUNS or words[n] in MANY:
                    shares.append((float((maps[n] * inside).sum()), float(inside.mean())))
        return shares


def cover(things: Sequence[Thing], height: int, width: int, fine: int = 16) -> Float[Tensor, "h w"]:
    """The fraction of each cell of a map (centred on its place, see `attention_maps`) that is within the objects' circles."""
    ys, xs = (((torch.arange(n * fine) + 0.5) / fine - 0.5) / n for n in (height, width))
    inside = torch.zeros(height * fine, width * fine)
    for thing in things:
        inside = inside.maximum((torch.hypot(ys[:, None] - thing.y, xs - thing.x) < thing.radius).float())
    return inside.view(height, fine, width, fine).mean((1, 3))


# ---------------------------------------------------------------- what is in a scene


def compose(split: str, rng: random.Random, *, least: int, most: int, kinds: int, lesson: str | None) -> list[Thing]:
    """`least` to `most` objects of up to `kinds` kinds. Only `rng.random()` is used: it gives the same numbers in all Python
    versions."""

    def pick(options: Sequence[tuple[str, str]]) -> tuple[str, str]:
        return options[int(rng.random() * len(options))]

    while True:
        wanted: list[tuple[str, str, str]] = []
        for _ in range(min(kinds, 1 + (rng.random() < 0.75) + (rng.random() < 0.4))):
            unseen = not wanted or rng.random() < 0.5
            colour, shape = pick(PAIRS[split] if unseen else PAIRS["train"])
            colour, shape = (PENCIL if lesson == PENCIL else colour), (BLOT if lesson == BLOT else shape)
            kind = (colour, shape, "small" if rng.random() < 0.5 else "large")
            if kind not in wanted:
                wanted += [kind] * (1 + (rng.random() < 0.3) + (rng.random() < 0.15))
        things = place(wanted, rng) if least <= len(wanted) <= most else None
        if things is not None:
            return things


def place(wanted: Sequence[tuple[str, str, str]], rng: random.Random) -> list[Thing] | None:
    """The placed objects; None if there is no room."""
    things: list[Thing] = []
    for colour, shape, size in wanted:
        low, high = RADII[size]
        radius = low + (high - low) * rng.random()
        for _ in range(20):
            x, y = (radius + 0.02 + (0.96 - 2 * radius) * rng.random() for _ in range(2))
            if all(math.hypot(x - other.x, y - other.y) > radius + other.radius + 0.04 for other in things):
                things.append(Thing(colour, shape, size, x, y, radius))
                break
        else:
            return None
    return things


# ---------------------------------------------------------------- how it is drawn


def arc(first: float, last: float, radius: float, width: float) -> list[float]:
    """A stroke along a circle around the centre, between two angles (fractions of a turn)."""
    ends = [(math.cos(math.tau * turn) * radius, math.sin(math.tau * turn) * radius) for turn in (first, last)]
    middle, stretch = math.tau * (first + last) / 2, radius / math.cos(math.pi * (last - first))
    return [*ends[0], math.cos(middle) * stretch, math.sin(middle) * stretch, *ends[1], width, width]


def line(x0: float, y0: float, x1: float, y1: float, r0: float, r1: float) -> list[float]:
    return [x0, y0, (x0 + x1) / 2, (y0 + y1) / 2, x1, y1, r0, r1]


def polygon(corners: Sequence[tuple[float, float]], width: float) -> list[list[float]]:
    return [line(*a, *b, width, width) for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)]


def around(n: int, radius: float = 1.0, turn: float = -0.25) -> list[tuple[float, float]]:
    return [(math.cos(math.tau * (k / n + turn)) * radius, math.sin(math.tau * (k / n + turn)) * radius) for k in range(n)]


def hatching(width: float, rows: int, thick: float) -> list[list[float]]:
    """Strokes back and forth over a square."""
    ys = [(2 * k + 1) / rows - 1 for k in range(rows)]
    return [line(-width, width * y, width, width * y, thick, thick) for y in ys]


THICK, THIN = 0.17, 0.12
CORNERS = [(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)]
TIPS = around(5)
MANNERS: dict[str, list[list[list[float]]]] = {
    # shape: the ways of drawing it, each a list of strokes (x0 y0 x1 y1 x2 y2 r0 r1), in radii of the object round (0, 0)
    "circle": [
        [line(-0.02, 0, 0.02, 0, 0.93, 0.93)],
        [arc(k / 5, (k + 1) / 5, 0.84, THICK) for k in range(5)]
        + [line(-(1 - y * y) ** 0.5 * 0.75, y, (1 - y * y) ** 0.5 * 0.75, y, 0.16, 0.16) for y in (-0.6, -0.3, 0.0, 0.3, 0.6)],
    ],
    "ring": [[arc(k / n, (k + 1) / n, 0.82, thick) for k in range(n)] for n, thick in ((5, THICK), (6, 0.22))],
    "square": [
        polygon(CORNERS, THICK),
        polygon(CORNERS, THIN) + hatching(0.8, 5, 0.19),
        hatching(0.72, 4, 0.24),
    ],
    "triangle": [
        polygon(around(3), THICK),
        polygon(around(3, 0.95), THIN)
        + [line(-(y + 0.9) * 0.5, y, (y + 0.9) * 0.5, y, 0.15, 0.15) for y in (-0.5, -0.25, 0.0, 0.25, 0.42)],
    ],
    "cross": [
        [line(-0.85, 0, 0.85, 0, w, w), line(0, -0.85, 0, 0.85, w, w)] for w in (0.2, 0.28)
    ],
    "star": [
        [line(*TIPS[k], *TIPS[(k + 2) % 5], THIN, THIN) for k in range(5)],
        [line(0, 0, *tip, 0.38, 0.04) for tip in around(5, 1.05)],
    ],
    BLOT: [
        [line(-0.45, -0.2, 0.5, 0.05, 0.5, 0.35), line(0.1, 0.45, -0.3, -0.6, 0.3, 0.15)],
        [line(-0.3, -0.4, 0.3, 0.3, 0.35, 0.6), line(-0.4, 0.4, -0.3, 0.3, 0.2, 0.3), line(0.6, -0.3, 0.5, 0.0, 0.1, 0.3)],
        [line(-0.6, 0.0, 0.6, 0.3, 0.3, 0.3), line(0.2, -0.6, -0.2, 0.6, 0.25, 0.35)],
    ],
}  # fmt: skip
UPRIGHT = {"square": 0.03, "triangle": 0.04, "cross": 0.03}
"""Largest rotation, in fractions of a turn; other shapes have any rotation."""


def sketch(thing: Thing, rng: random.Random) -> list[list[float]]:
    """The strokes of an object: x0 y0 x1 y1 x2 y2 r0 r1 a0 a1 red green blue."""
    manners = MANNERS[thing.shape]
    strokes = manners[int(rng.random() * len(manners))]
    turn = (2 * rng.random() - 1) * UPRIGHT.get(thing.shape, 0.5) * math.tau
    pressure = 0.9 + 0.25 * rng.random()
    opacity = 0.85 + 0.15 * rng.random()
    shade = [min(1.0, max(0.0, level + 0.1 * (rng.random() - 0.5))) for level in INKS[thing.colour]]
    size, shake = thing.radius, 0.05 * thing.radius
    across, along = size * math.cos(turn), size * math.sin(turn)
    drawn = []
    for x0, y0, x1, y1, x2, y2, r0, r1 in strokes:
        row = []
        for x, y in ((x0, y0), (x1, y1), (x2, y2)):
            row.append(thing.x + across * x - along * y + shake * (2 * rng.random() - 1))
            row.append(thing.y + along * x + across * y + shake * (2 * rng.random() - 1))
        drawn.append([*row, r0 * size * pressure, r1 * size * pressure, opacity, opacity, *shade])
    return drawn


def wash(paper: Sequence[float], rng: random.Random) -> list[list[float]]:
    """A wide, faint stroke over the paper."""
    points = [rng.random() for _ in range(6)]
    shade = [max(0.0, level - 0.12 * rng.random()) for level in paper]
    return [[*points, 0.1 + 0.25 * rng.random(), 0.1 + 0.25 * rng.random(), 0.6, 0.6, *shade]]


def draw(scenes: Sequence[Scene], side: int) -> Float[Tensor, "B C H W"]:
    """The pictures, painted in one call."""
    papers, drawings, noises = [], [], []
    for scene in scenes:
        rng = random.Random(scene.key + 1 << 1)  # apart from what is in it and said of it
        light = 0.86 + 0.14 * rng.random()
        paper = [light - 0.06 * rng.random() for _ in range(3)]
        strokes = wash(paper, rng) + wash(paper, rng)
        for thing in scene.things:
            strokes += sketch(thing, rng)
        papers.append(paper)
        drawings.append(strokes)
        noises.append(rng.random())
    longest = max(len(strokes) for strokes in drawings)
    table = np.zeros((len(scenes), longest, len(brush.COLUMNS) + 3), np.float32)  # a stroke of no width leaves nothing
    for row, strokes in zip(table, drawings, strict=True):
        row[: len(strokes)] = strokes
    canvas = torch.tensor(papers)[:, :, None, None].expand(-1, 3, side, side).contiguous()
    painted = brush.paint(canvas, torch.from_numpy(table))
    return (painted + grain(noises, side)).clamp(0, 1)


def grain(noises: Sequence[float], side: int) -> Float[Tensor, "B 1 H W"]:
    """The paper's grain: one pattern, at a different offset for every picture."""
    pattern = GRAIN
    rows = []
    for noise in noises:
        shift = int(noise * pattern.size)
        rows.append(np.resize(np.roll(pattern, shift), side * side))
    return torch.from_numpy(np.stack(rows)).view(-1, 1, side, side)


def make_grain() -> Float32[np.ndarray, " G"]:
    rng = random.Random(0)
    return np.array([0.03 * (rng.random() - 0.5) for _ in range(64 * 64 + 1)], np.float32)


GRAIN = make_grain()
