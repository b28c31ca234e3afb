"""An alphabet of our own, to be written with a pen, and people who never were: lines of text in hands made up by chance.

Axes: N points, K control points.

A letter is a few strokes of the pen; a stroke is smooth curves (Catmull & Rom 1974) through control points on a grid of 16 by 16. A
hand is what all letters of a line have in common: slant, size, spacing, pace of the pen, and its own shape of each letter. Each
letter differs a little from the others of its kind, and the base line drifts.
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

GRID = {
    "a": "58 39 18 06 14 34 56 59 59 55 64",
    "b": "0d 04 04 07 29 48 56 45 24 05",
    "c": "58 39 18 06 15 34 55",
    "d": "58 39 18 06 14 34 57 5d 5d 55 64",
    "e": "06 36 57 48 29 08 06 15 34 55",
    "f": "5c 4d 3d 2b 24|09 49",
    "g": "58 39 18 06 14 34 56 59 59 52 30 11",
    "h": "0d 04 04 07 29 49 57 54",
    "i": "09 05 14|0b",
    "j": "29 22 10 01|2b",
    "k": "0d 04|49 06 06 54",
    "l": "0d 05 14",
    "m": "09 04 04 07 29 48 44 44 47 69 88 84",
    "n": "09 04 04 07 29 49 57 54",
    "o": "39 18 06 14 34 56 58 39",
    "p": "09 00 00 07 29 48 56 45 24 05",
    "q": "58 39 18 06 14 34 56 59 59 50 62",
    "r": "09 04 04 07 29 48",
    "s": "58 39 18 17 46 55 34 05",
    "t": "2c 25 34 45|09 49",
    "u": "09 06 14 34 56 59 59 55 64",
    "v": "09 34 34 69",
    "w": "09 24 24 48 48 64 64 89",
    "x": "09 54|59 04",
    "y": "09 34|69 10",
    "z": "09 59 59 04 04 54",
    "A": "04 3d 3d 64|17 57",
    "B": "0d 04|0d 3d 5b 39 09 09 49 66 44 04",
    "C": "6b 4d 2d 09 06 24 44 66",
    "D": "0d 04|0d 3d 6a 67 34 04",
    "E": "6d 0d 0d 04 04 64|09 49",
    "F": "6d 0d 0d 04|09 49",
    "G": "6b 4d 2d 09 06 24 44 66 68 68 48",
    "H": "0d 04|6d 64|09 69",
    "I": "0d 2d|1d 14|04 24",
    "J": "4d 46 34 14 06",
    "K": "0d 04|6d 08 08 64",
    "L": "0d 04 04 54",
    "M": "04 0d 0d 47 47 8d 8d 84",
    "N": "04 0d 0d 64 64 6d",
    "O": "4d 2d 0a 07 24 44 67 6a 4d",
    "P": "0d 04|0d 3d 5b 38 08",
    "Q": "4d 2d 0a 07 24 44 67 6a 4d|46 73",
    "R": "0d 04|0d 3d 5b 38 08|28 64",
    "S": "6b 4d 2d 0b 29 48 66 44 24 06",
    "T": "3d 34|0d 6d",
    "U": "0d 06 24 44 66 6d",
    "V": "0d 34 34 6d",
    "W": "0d 24 24 4b 4b 64 64 8d",
    "X": "0d 64|6d 04",
    "Y": "0d 38|6d 38 38 34",
    "Z": "0d 6d 6d 04 04 64",
    "0": "3d 1b 08 15 34 56 59 5b 3d",
    "1": "0b 2d 2d 24",
    "2": "0b 2d 4c 4a 04 04 54",
    "3": "0c 2d 4c 4a 29 29 47 45 24 05",
    "4": "3d 07 07 67|49 44",
    "5": "5d 0d 0d 09 09 39 57 45 24 05",
    "6": "4d 19 06 24 45 57 38 07",
    "7": "0d 5d 5d 24",
    "8": "3d 1b 29 47 55 34 15 17 49 5b 3d",
    "9": "5b 3d 1c 0a 28 49 5b 5b 54",
    ".": "04",
    ",": "15 14 03",
    "'": "1d 0a",
    "?": "0b 2d 4b 28 26|24",
    "!": "0d 07|04",
    "-": "08 48",
    ":": "08|05",
}
"""Letter -> its strokes, divided by |, each its control points: two hexadecimal digits, x from the left and y from below. The base
line is at 4, small letters reach to 9, tall ones to 13. A point that stands twice is a corner."""
BASE = 4
HEIGHT = 13.0
"""From the lowest point of a letter to the highest, in the grid's units: what is called 1."""
GAP, SPACE = 2.2, 6.0
"""Between letters, and between words, in the grid's units."""
MOST = 20
"""Control points of a letter, at most."""
DENSE = 8
"""Points of a curve per control point, before points are taken at the pace of the pen."""

COMMON = """
able about above across act add afraid after again against age ago agree air all almost alone along already also always among
and anger animal answer any apple arm art ask aunt autumn away baby back bad bag ball bank base bath bear beat beautiful became
because bed before began behind bell below bench best better between big bird black blue board boat body bone book both bottle
bottom bowl box boy branch brave bread break bridge bright bring brother brown brush build burn bus busy but button buy cake
call came camp candle car care carry case cat catch cause chair chalk chance change cheap cheese child church circle city class
clay clean clear climb clock close cloth cloud coal coat coffee cold colour come cook copper corner cost cotton could count
country course cover cow cream cross cry cup cut dance dark day dead dear deep desk did dig dinner dirty dish distance do
doctor dog door double down draw dream dress drink drive drop dry dust each ear early earth east easy eat edge egg eight either
empty end engine enough equal even evening ever every example eye face fact fall family far farm fast father feather feel feet
fence few field fight fill film find fine finger fire first fish five flag flat floor flour flower fly fold follow food foot
for forest forget form four fox free fresh friend from front fruit full game garden gate gave get girl give glad glass go gold
good grass great green grey ground group grow guess guitar half hall hand happen happy hard hat have head hear heart heavy help
her here high hill him his hold hole home honey hope horse hot hour house how hundred hungry ice idea if ill important in ink
inside iron island jacket jam job join journey judge juice jump just keep kettle key kick kind king kitchen knee knife knock know
ladder lake lamp land language large last late laugh lazy lead leaf learn least leave left leg lemon less letter light like line
lion listen little live long look lost loud love low lunch machine made make man many map mark market may meat meet middle might
mile milk mind minute mirror money monkey month moon more morning most mother mountain mouth move much music must name near neck
need nest never new next night nine noise north nose not note nothing now number ocean of off office often oil old on once one
onion only open orange order other our out over own page paint paper parcel park part pass past path pay pencil people pepper
perhaps piano picture piece pink pipe place plain plan plant plate play please pocket point poor potato pull purple push put
quarter queen question quick quiet quite rabbit radio rain reach read ready really red rest rice rich ride right ring river road
rock roof room root rose round rub rule run sad safe sail salt same sand say school sea second see seed seven shall shape sharp
she sheep ship shirt shoe shop short should shout show side silk silver simple sing sister sit six skin sky sleep slow small
smell smile smoke snow soap sock soft some song soon sound soup south spoon sport spring square squirrel stamp stand star start
station stay steam step still stone stop story straight street strong such sugar summer sun sure sweet swim table take talk tall
taste taxi tea teach tell ten than thank that the their them then there these thick thin thing think third this those though
thought three through ticket time tired to today together tomorrow tongue too tooth touch town toy train travel tree trouble true
try turn twelve two uncle under until up us use valley van very village violin visit voice vote wait walk wall want warm was wash
watch water wave way we wear weather week well went were west wet what wheel when where which while white who whole why wide wild
will wind window wine wing winter wire wish with without woman wood wool word work world would write wrong yard year yellow
yes yesterday yet you young your zebra zero zoo
"""
WORDS = tuple(COMMON.split())
"""Common English words. Every tenth is held out."""


class Letter(NamedTuple):
    """The control points of a letter, in the grid's units above the base line, and what the pen does with them."""

    points: Float64[np.ndarray, "K 2"]
    strokes: tuple[tuple[slice, ...], ...]
    """Of each stroke, the points of its smooth curves; from one to the next there is a corner."""
    wide: float


@functools.cache
def letter_of(name: str) -> Letter:
    """A letter of the alphabet.

    >>> letter_of("t").strokes
    ((slice(0, 4, None),), (slice(4, 6, None),))
    """
    points: list[list[int]] = []
    strokes = []
    for told in GRID[name].split("|"):
        begun, curves = len(points), []
        for pair in told.split():
            point = [int(digit, 16) for digit in pair]
            if len(points) > begun and point == points[-1]:
                curves.append(slice(begun, len(points)))
                begun = len(points)
            points.append(point)
        strokes.append((*curves, slice(begun, len(points))))
    found = np.array(points, np.float64) - (0, BASE)
    return Letter(found, tuple(strokes), float(found[:, 0].max()))


@functools.cache
def basis(count: int) -> Float64[np.ndarray, "N K"]:
    """What points of the curve through `count` control points are of these: the cubic of Catmull and Rom."""
    if count == 1:
        return np.ones((1, 1))
    t = np.linspace(0, count - 1, DENSE * (count - 1) + 1)
    first = np.minimum(t.astype(int), count - 2)
    u = t - first
    weights = 0.5 * np.stack([-u + 2 * u**2 - u**3, 2 - 5 * u**2 + 3 * u**3, u + 4 * u**2 - 3 * u**3, -(u**2) + u**3], 1)
    rows = np.zeros((len(t), count + 2))
    for k in range(4):
        rows[np.arange(len(t)), first + k] += weights[:, k]
    rows[:, 1] += 2 * rows[:, 0]  # beyond its ends the curve goes on straight
    rows[:, 2] -= rows[:, 0]
    rows[:, -2] += 2 * rows[:, -1]
    rows[:, -3] -= rows[:, -1]
    return rows[:, 1:-1]


# ---------------------------------------------------------------- hands


@dataclass(frozen=True)
class Hand:
    """How somebody writes."""

    slant: float
    """Of upright strokes, to the right, as a tangent."""
    wide: float
    tall: float
    gap: float
    space: float
    """Between letters and between words, in the grid's units."""
    slope: float
    """Of the base line, upwards, as a tangent."""
    wave: tuple[float, float, float]
    """Of the base line: its height in the grid's units, its length in radians per unit, where it begins."""
    bend: Float64[np.ndarray, "2 3"]
    """How much points of a letter are moved, by (x y, y^2, x^2)."""
    own: float
    """Standard deviation of the control points of its letters from those of the alphabet, in the grid's units."""
    unsteady: float
    """That of one letter from others of the kind."""
    pace: float
    """Between points of the pen, in the grid's units."""
    seed: int

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Hand":
        wave = (abs(rng.normal(0, 0.25)), rng.uniform(0.03, 0.12), rng.uniform(0, 2 * np.pi))
        return cls(
            slant=rng.normal(0.12, 0.16), wide=np.exp(rng.normal(-0.02, 0.1)), tall=np.exp(rng.normal(0, 0.08)),
            gap=GAP + rng.normal(0, 0.35), space=SPACE + rng.normal(0, 0.7), slope=rng.normal(0, 0.012), wave=wave,
            bend=rng.normal(0, 0.008, (2, 3)), own=abs(rng.normal(0.2, 0.08)), unsteady=abs(rng.normal(0.12, 0.04)),
            pace=rng.uniform(1.3, 1.7), seed=int(rng.integers(2**32)),
        )  # fmt: skip

    def placed(self, points: Float64[np.ndarray, "K 2"], at: float) -> Float64[np.ndarray, "K 2"]:
        """Points of a letter on the line, y down, where the height of a line is 1."""
        x, y = points.T
        bent = points + np.stack([x * y, y * y, x * x], 1) @ self.bend.T
        across = at + self.wide * bent[:, 0] + self.slant * self.tall * bent[:, 1]
        high, often, begun = self.wave
        up = self.tall * bent[:, 1] + self.slope * across + high * np.sin(often * across + begun)
        return np.stack([across, -up], 1) / HEIGHT


def written(text: str, rng: np.random.Generator) -> list[Float64[np.ndarray, "_ 2"]]:
    """A line of text in a hand made up by chance: polylines, x to the right and y down, where the height of a line, from the lowest
    points of letters to the highest, is about 1. Raises KeyError for a letter that the alphabet lacks.

    >>> lines = written("a cat", np.random.default_rng(0))
    >>> len(lines)  # the cross-bar of the t
    5
    """
    return list(line_of_text(text, Hand.drawn(rng), rng))


def line_of_text(text: str, hand: Hand, rng: np.random.Generator) -> Iterator[Float64[np.ndarray, "_ 2"]]:
    shapes = dict(zip(GRID, np.random.default_rng(hand.seed).normal(0, hand.own, (len(GRID), MOST, 2)), strict=True))
    at = 0.0
    for name in text:
        if name == " ":
            at += hand.space - hand.gap + rng.normal(0, 0.3)
            continue
        letter = letter_of(name)
        moved = letter.points + shapes[name][: len(letter.points)] + rng.normal(0, hand.unsteady, letter.points.shape)
        points = hand.placed(moved, at)
        for stroke in letter.strokes:
            for before, after in itertools.pairwise(stroke):
                points[after.start] = points[before.stop - 1]
            curves = [at_pace(basis(part.stop - part.start) @ points[part], hand.pace / HEIGHT) for part in stroke]
            yield np.concatenate([curves[0], *(curve[1:] for curve in curves[1:])])
        at += hand.wide * letter.wide + hand.gap + rng.normal(0, 0.2)


def at_pace(curve: Float64[np.ndarray, "N 2"], pace: float) -> Float64[np.ndarray, "_ 2"]:
    """Points of a curve at equal distances of about `pace`, with its ends."""
    if len(curve) == 1:
        return curve
    way = np.append(0.0, np.hypot(*np.diff(curve, axis=0).T).cumsum())
    count = max(1, round(way[-1] / pace))
    at = np.arange(count + 1) * (way[-1] / count)
    return np.array([np.interp(at, way, axis) for axis in curve.T]).T
