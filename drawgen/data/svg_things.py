"""The things of small drawings, as elements of SVG: trees, houses, boats, fish, blossoms; and the random choices behind them.

What has several parts is a group that is moved to its place, with the origin at its foot or at its centre. All numbers are whole.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Mood(NamedTuple):
    """Colours that go together in a landscape."""

    sky: str
    sun: str
    land: tuple[str, str, str]
    """From the far to the near."""
    leaf: str
    wood: str
    wall: str
    roof: str


MOODS = (
    Mood("#bdf", "#fd4", ("#ad7", "#7b5", "#594"), "#374", "#743", "#fed", "#c43"),
    Mood("#cef", "#fb3", ("#9cb", "#6a9", "#376"), "#265", "#854", "#fff", "#d64"),
    Mood("#fca", "#f64", ("#d88", "#a57", "#645"), "#534", "#423", "#fdb", "#834"),
    Mood("#124", "#ffd", ("#357", "#246", "#135"), "#143", "#223", "#567", "#323"),
    Mood("#fed", "#e74", ("#ec8", "#c95", "#a63"), "#b42", "#643", "#fff", "#834"),
    Mood("#dee", "#fc8", ("#fff", "#dee", "#bcd"), "#476", "#654", "#ca8", "#a33"),
    Mood("#fdd", "#f77", ("#dab", "#a79", "#647"), "#536", "#425", "#fee", "#946"),
    Mood("#fec", "#e53", ("#7ba", "#487", "#254"), "#143", "#532", "#fe8", "#b32"),
    Mood("#436", "#fd8", ("#857", "#634", "#412"), "#312", "#201", "#a67", "#201"),
)


class Maker:
    """The random choices of a drawing. Of `rng` only `random()` is used: it gives the same numbers in all Python versions."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def number(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return low + int(self.rng.random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.rng.random() * len(options))]

    def maybe(self, share: float) -> bool:
        return self.rng.random() < share

    def shuffled(self, options: Sequence[T]) -> list[T]:
        return sorted(options, key=lambda _: self.rng.random())

    def places(self, count: int, low: int, high: int) -> list[int]:
        """`count` places in order, one in each of as many equal parts of a range."""
        part = (high - low) / count
        return [round(low + part * (k + 0.2 + 0.6 * self.rng.random())) for k in range(count)]


# ---------------------------------------------------------------- elements


def element(name: str, **attributes: int | str) -> str:
    """An empty element on a line of its own. Zeros are left out; an underscore stands for a hyphen."""
    told = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items() if value != 0)
    return f"<{name}{told}/>\n"


def page(colour: str) -> str:
    return element("rect", width=100, height=100, fill=colour)


def rect(x: int, y: int, width: int, height: int, fill: str) -> str:
    return element("rect", x=x, y=y, width=width, height=height, fill=fill)


def circle(x: int, y: int, r: int, fill: str) -> str:
    return element("circle", cx=x, cy=y, r=r, fill=fill)


def ellipse(x: int, y: int, rx: int, ry: int, fill: str) -> str:
    return element("ellipse", cx=x, cy=y, rx=rx, ry=ry, fill=fill)


def shape(d: str, fill: str) -> str:
    return element("path", d=d, fill=fill)


def polygon(points: str, fill: str) -> str:
    return element("polygon", points=points, fill=fill)


def curve(d: str, stroke: str, width: int) -> str:
    return element("path", d=d, fill="none", stroke=stroke, stroke_width=width)


def dashes(d: str, stroke: str, width: int, dash: str) -> str:
    return element("path", d=d, stroke=stroke, stroke_width=width, stroke_dasharray=dash)


def line(x: int, y: int, to_x: int, to_y: int, stroke: str, width: int) -> str:
    return element("line", x1=x, y1=y, x2=to_x, y2=to_y, stroke=stroke, stroke_width=width)


def moved(x: int, y: int, parts: str) -> str:
    return f'<g transform="translate({x} {y})">\n{parts}</g>\n'


def coloured(fill: str, parts: str) -> str:
    return f'<g fill="{fill}">\n{parts}</g>\n'


# ---------------------------------------------------------------- things, the origin at their foot


def hill(m: Maker, y: int, fill: str) -> str:
    rise = m.number(4, 14) * m.pick((-1, 1))
    return shape(f"M0 {y}q25 {rise} 50 0t50 0V100H0z", fill)


def tree(m: Maker, mood: Mood) -> str:
    kind, s = m.number(0, 2), m.number(6, 9)
    if kind == 0:
        return rect(-1, -s, 3, s, mood.wood) + circle(0, -s - 6, s, mood.leaf)
    if kind == 1:
        return rect(-1, -4, 2, 4, mood.wood) + shape(f"M0 {-3 * s}l{s} {2 * s}h{-2 * s}z", mood.leaf)
    return rect(-1, -6, 2, 6, mood.wood) + ellipse(0, -s - 8, 5, s + 3, mood.leaf)


def house(m: Maker, mood: Mood) -> str:
    w, h, roof = m.number(7, 11), m.number(10, 15), m.number(7, 12)
    parts = rect(-w, -h, 2 * w, h, mood.wall) + polygon(f"{-w - 3},{-h} 0,{-h - roof} {w + 3},{-h}", mood.roof)
    parts += rect(-w + 3, -7, 4, 7, mood.roof)
    return parts + rect(2, -h + 3, 4, 4, mood.wood)


def cloud(m: Maker) -> str:
    x, y, r = m.number(14, 78), m.number(12, 26), m.number(5, 7)
    return coloured("#fff", element("circle", cx=x, cy=y, r=r) + element("ellipse", cx=x, cy=y + 4, rx=2 * r, ry=4))


def birds(m: Maker, colour: str) -> str:
    x, y = m.number(12, 70), m.number(10, 30)
    return curve(f"M{x} {y}q4 -4 7 0q4 -4 7 0", colour, 1)


def sun(m: Maker, mood: Mood) -> str:
    return circle(m.number(14, 86), m.number(16, 40), m.number(7, 13), mood.sun)


def boat(m: Maker, hull: str, sail: str, other: str) -> str:
    h, w = m.number(18, 28), m.number(11, 15)
    parts = shape(f"M{-w - 2} 0h{2 * w + 4}l-6 7h{-2 * w + 8}z", hull) + polygon(f"1,-2 1,{-h} {w},-2", sail)
    return parts + polygon(f"-1,-2 -1,{6 - h} {-w},-2", other)


def fish(m: Maker, body: str, fin: str) -> str:
    rx, ry, way = m.number(9, 14), m.number(5, 8), m.pick((-1, 1))
    tail = f"{-way * (rx - 2)},0 {-way * (rx + 8)},-6 {-way * (rx + 8)},6"
    eye = way * (rx - 5)
    return polygon(tail, fin) + ellipse(0, 0, rx, ry, body) + circle(eye, -1, 2, "#fff") + circle(eye, -1, 1, "#111")


def ring_of(m: Maker, count: int, distance: int, r: int, fill: str) -> str:
    """Circles around the origin, of not quite one size."""
    parts = ""
    for k in range(count):
        across, up = distance * math.sin(2 * math.pi * k / count), distance * math.cos(2 * math.pi * k / count)
        parts += element("circle", cx=round(across), cy=-round(up), r=r + m.number(0, 1))
    return coloured(fill, parts)


def petals_of(m: Maker, count: int, length: int, fill: str, *, uneven: int = 0) -> str:
    """Petals around the origin, as one path."""
    half, waist, d = m.pick((1.5, 1.9, 2.3)) / count, m.pick((0.7, 0.8, 0.9)), ""
    for k in range(count):
        angle, reach = 2 * math.pi * k / count, length + m.number(-uneven, uneven)
        tip, left, right = (
            f"{round(far * math.sin(a))} {-round(far * math.cos(a))}"
            for far, a in ((reach, angle), (waist * reach, angle - half), (waist * reach, angle + half))
        )
        d += f"M0 0Q{left} {tip}Q{right} 0 0"
    return shape(d, fill)


def blossom(m: Maker, fill: str, heart: str, *, small: bool) -> str:
    if m.maybe(0.5):
        r = m.number(3, 5) if small else m.number(5, 8)
        return ring_of(m, 5, r + m.number(2, 4), r, fill) + circle(0, 0, r, heart)
    length = m.number(11, 15) if small else m.number(17, 23)
    return petals_of(m, m.pick((5, 6)), length, fill, uneven=2) + circle(0, 0, length // 4, heart)


def dots(m: Maker, count: int, fill: str, x: tuple[int, int], y: tuple[int, int], r: tuple[int, int]) -> str:
    """Circles anywhere in these ranges."""
    return coloured(fill, "".join(element("circle", cx=m.number(*x), cy=m.number(*y), r=m.number(*r)) for _ in range(count)))


def backdrop(m: Maker, ground: str, dot: str) -> str:
    """A page with dots, or with a hill of another colour."""
    if m.maybe(0.7):
        return page(ground) + dots(m, m.number(3, 4), dot, (2, 98), (2, 98), (2, 9))
    return page(ground) + circle(m.number(20, 80), m.number(20, 80), m.number(30, 60), dot)
