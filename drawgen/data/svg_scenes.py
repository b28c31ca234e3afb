"""Small drawings as SVG text, made without end: landscapes, seas, towns, flowers, faces, animals, abstract patterns.

All files have one form, so that a model of characters can learn it: the same first line, one element per line, the same order of
attributes, whole numbers, colours of six hexadecimal digits. The page is 100 by 100. What has several parts is a group that is
moved to its place, with the origin at its foot or at its centre. A file has at most `LONGEST` characters.
"""

import math
import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">\n'
TAIL = "</svg>\n"
LONGEST = 840
"""Characters of a file, its line ends included."""


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
PALETTES = (
    ("#fed", "#e53", "#fb3", "#269", "#123"),
    ("#fff", "#d22", "#fc0", "#15b", "#111"),
    ("#eef", "#f68", "#fa7", "#6bb", "#346"),
    ("#123", "#e65", "#fc7", "#4a9", "#fed"),
    ("#efe", "#2a7", "#9d6", "#fd5", "#254"),
    ("#fef", "#a4c", "#e7b", "#59d", "#325"),
    ("#ffe", "#f83", "#8c4", "#3ac", "#543"),
    ("#435", "#f69", "#fc5", "#7cd", "#fee"),
)
"""Colours that go together: the ground first, the ink last."""
SKINS = ("#fdb", "#eb8", "#c96", "#964", "#643")
HAIRS = ("#321", "#742", "#b63", "#eb4", "#ccc", "#c42")
NIGHTS = ("#123", "#214", "#024", "#312")


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


def plain(name: str, **attributes: int | str) -> str:
    """An element of a coloured group."""
    return element(name, **attributes)


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
    return coloured("#fff", plain("circle", cx=x, cy=y, r=r) + plain("ellipse", cx=x, cy=y + 4, rx=2 * r, ry=4))


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
    return polygon(tail, fin) + ellipse(0, 0, rx, ry, body) + circle(way * (rx - 5), -1, 2, "#fff") + circle(way * (rx - 5), -1, 1, "#111")


def ring_of(m: Maker, count: int, distance: int, r: int, fill: str) -> str:
    """Circles around the origin, of not quite one size."""
    parts = ""
    for k in range(count):
        across, up = distance * math.sin(2 * math.pi * k / count), distance * math.cos(2 * math.pi * k / count)
        parts += plain("circle", cx=round(across), cy=-round(up), r=r + m.number(0, 1))
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


def backdrop(m: Maker, ground: str, dot: str) -> str:
    """A page with dots, or with a hill of another colour."""
    if m.maybe(0.7):
        dots = "".join(plain("circle", cx=m.number(2, 98), cy=m.number(2, 98), r=m.number(2, 9)) for _ in range(m.number(3, 4)))
        return page(ground) + coloured(dot, dots)
    return page(ground) + circle(m.number(20, 80), m.number(20, 80), m.number(30, 60), dot)


# ---------------------------------------------------------------- scenes


def hills(m: Maker) -> str:
    mood = m.pick(MOODS)
    parts = page(mood.sky) + sun(m, mood)
    if m.maybe(0.5):
        parts += cloud(m) if m.maybe(0.6) else birds(m, mood.wood)
    y = m.number(52, 60)
    parts += hill(m, y, mood.land[0]) + hill(m, y + m.number(8, 12), mood.land[1])
    things = m.number(1, 2)
    for x in m.places(things, 8, 92):
        parts += moved(x, y + m.number(12, 18), (house if m.maybe(0.35) else tree)(m, mood))
    if m.maybe(0.6):
        parts += hill(m, m.number(84, 90), mood.land[2])
    return parts


def village(m: Maker) -> str:
    mood = m.pick(MOODS)
    y = m.number(72, 82)
    parts = page(mood.sky) + sun(m, mood) + hill(m, y - m.number(12, 20), mood.land[0]) + rect(0, y, 100, 100 - y, mood.land[2])
    for x in m.places(2, 4, 96):
        parts += moved(x, y, house(m, mood) if m.maybe(0.6) else tree(m, mood))
    return parts


def mountains(m: Maker) -> str:
    mood = m.pick(MOODS)
    parts = page(mood.sky) + sun(m, mood)
    for k, x in enumerate(m.shuffled(m.places(2, 10, 90))):
        h, half = m.number(54, 62), m.number(30, 44)
        cap = m.number(7, 10)
        parts += moved(
            x,
            m.number(26, 38),
            polygon(f"0,0 {-half},{h} {half},{h}", mood.land[k]) + polygon(f"0,0 {-cap},{cap + 4} -2,{cap} 2,{cap + 6} {cap},{cap + 4}", "#fff"),
        )
    y = m.number(68, 74)
    parts += hill(m, y, mood.land[2])
    for x in m.places(m.number(1, 2), 6, 94):
        parts += moved(x, y + m.number(8, 16), tree(m, mood))
    return parts


def sea(m: Maker) -> str:
    sky, light, water, deep = m.pick(
        (
            ("#bdf", "#fd4", "#39c", "#27a"),
            ("#fb8", "#f53", "#a57", "#845"),
            ("#fdc", "#f76", "#7ac", "#58a"),
            ("#124", "#ffd", "#236", "#125"),
            ("#fec", "#e74", "#4a9", "#287"),
        )
    )
    y = m.number(52, 64)
    x = m.number(16, 84)
    parts = page(sky) + circle(x, y - m.pick((0, 0, 16, 24)), m.number(9, 15), light) + rect(0, y, 100, 100 - y, water)
    if m.maybe(0.4):
        parts += birds(m, deep)
    for at in m.places(m.number(1, 2), 12, 88):
        colours = m.shuffled(("#fff", "#e43", "#fc4", "#fed"))
        parts += moved(at, y + m.number(4, 12), boat(m, m.pick(("#742", "#b32", "#134", "#fff")), colours[0], colours[1]))
    for _ in range(m.number(1, 2)):
        parts += curve(f"M{m.number(-10, 10)} {m.number(y + 20, 96)}q10 -6 20 0t20 0t20 0t20 0t20 0", m.pick((deep, "#fff")), 2)
    return parts


def town(m: Maker) -> str:
    night, lit = m.pick(NIGHTS), m.pick(("#fe8", "#fc5", "#ffb"))
    parts = page(night) + circle(m.number(12, 88), m.number(12, 26), m.number(5, 10), m.pick(("#ffd", "#fec", "#eef")))
    x = m.number(0, 5)
    for _ in range(4):
        w, top = m.number(14, 24), m.number(30, 66)
        parts += rect(x, top, w, 100 - top, m.pick(("#235", "#346", "#457", "#324", "#546")))
        parts += dashes(f"M{x + w // 2} {top + 5}V98", lit, m.pick((4, 6, 8)), m.pick(("3 5", "4 4", "2 6")))
        x += w + m.number(0, 4)
    return parts


def garden(m: Maker) -> str:
    ground, soil = m.pick((("#def", "#7b5"), ("#fed", "#8a5"), ("#fef", "#5a7"), ("#ffd", "#6a4"), ("#243", "#132")))
    y = m.number(80, 90)
    parts = page(ground) + circle(m.number(8, 92), m.number(8, 30), m.number(5, 13), m.pick(("#fe8", "#fff", "#fc6"))) + rect(0, y, 100, 100 - y, soil)
    colours = m.shuffled(("#e35", "#f83", "#e6b", "#94d", "#fff", "#38c"))
    count = m.number(1, 2)
    for k, x in enumerate(m.places(count, 12, 88)):
        top = m.number(28, 48)
        leaf = y - m.number(8, 14)
        parts += line(x, top, x, y, "#373", 3) + shape(f"M{x} {leaf}q{m.pick((-8, 8))} -16 {m.pick((-18, 18))} -14q-2 12 0 14z", "#494")
        parts += moved(x, top, blossom(m, colours[k], m.pick(("#fc3", "#742", "#fe8")), small=count > 1))
    return parts


def rosette(m: Maker) -> str:
    colours = m.pick(PALETTES)
    ground, one, two, three, ink = colours
    one, two, three = m.shuffled((one, two, three))
    parts = circle(0, 0, m.number(38, 45), m.pick((one, ink))) if m.maybe(0.7) else ""
    parts += petals_of(m, m.pick((6, 8)), m.number(26, 40), two)
    if m.maybe(0.6):
        parts += ring_of(m, 6, m.number(16, 26), m.number(3, 6), three)
    parts += circle(0, 0, m.number(6, 11), m.pick((ink, ground)))
    return backdrop(m, ground, three) + moved(m.number(44, 56), m.number(44, 56), parts)


def face(m: Maker) -> str:
    ground, dot = m.pick((("#fc6", "#fd8"), ("#6bc", "#8cd"), ("#e87", "#f98"), ("#9c8", "#ad9"), ("#b9d", "#cae"), ("#347", "#458")))
    skin, hair = m.pick(SKINS), m.pick(HAIRS)
    w, h, gap = m.number(22, 27), m.number(26, 31), m.number(9, 12)
    long = m.maybe(0.4)
    parts = ellipse(0, m.pick((2, 8)), w + 6, h + 4, hair) if long else ""
    shirt = shape(f"M-34 52q4 -28 34 -28q30 0 34 28z", m.pick(("#e43", "#269", "#fff", "#384", "#734")))
    parts += shirt + ellipse(0, 0, w, h, skin)
    fringe = m.number(10, 18)
    parts += shape(f"M{-w} -8q2 {-h + 2} {w} {-h + 2}q{w - 2} 0 {w} {h - 2}q-8 {-fringe} {-w} {-fringe}q{2 - w} 0 {-w} {fringe}z", hair)
    eyes = m.number(2, 3)
    parts += circle(-gap, 0, eyes, "#222") + circle(gap, 0, eyes, "#222")
    if m.maybe(0.4):
        parts += coloured("#e87", plain("circle", cx=-gap - 3, cy=9, r=4) + plain("circle", cx=gap + 3, cy=9, r=4))
    mouth = m.number(6, 9)
    parts += curve(f"M{-mouth} {m.number(12, 15)}q{mouth} {m.pick((-5, 4, 7, 9))} {2 * mouth} 0", "#a33", 2)
    return backdrop(m, ground, dot) + moved(m.number(42, 58), m.number(46, 54), parts)


def animal(m: Maker) -> str:
    ground, dot = m.pick((("#fd8", "#fea"), ("#8cc", "#add"), ("#eab", "#fcd"), ("#bd9", "#ceb"), ("#dce", "#fef"), ("#fed", "#fb8")))
    fur, inner = m.pick((("#f93", "#fdb"), ("#555", "#eaa"), ("#eee", "#fbb"), ("#a63", "#eb9"), ("#333", "#999"), ("#c96", "#fed")))
    w, h, ear = m.number(26, 31), m.number(22, 27), m.number(0, 2)
    if ear == 0:  # a cat or a fox
        parts = polygon(f"{-w},-4 {3 - w},-38 -4,-20", fur) + polygon(f"{w},-4 {w - 3},-38 4,-20", fur)
    elif ear == 1:  # a bear or a mouse
        r = m.number(9, 13)
        parts = circle(4 - w, -20, r, fur) + circle(w - 4, -20, r, fur) + circle(4 - w, -20, r - 4, inner) + circle(w - 4, -20, r - 4, inner)
    else:  # a rabbit
        parts = ellipse(-12, -30, 7, 20, fur) + ellipse(12, -30, 7, 20, fur) + ellipse(-12, -30, 3, 14, inner) + ellipse(12, -30, 3, 14, inner)
    parts += ellipse(0, 0, w, h, fur)
    gap, r = m.number(10, 13), m.number(3, 4)
    eye = "#222" if fur not in ("#333", "#555") else "#fe6"
    parts += circle(-gap, -3, r, eye) + circle(gap, -3, r, eye)
    if m.maybe(0.6):
        parts += ellipse(0, 11, 11, 8, inner)
    parts += polygon("-4,6 4,6 0,10", "#422")
    if ear == 0:
        parts += curve("M-12 10l-24 -3M-12 13l-22 5M12 10l24 -3M12 13l22 5", "#222", 1)
    return backdrop(m, ground, dot) + moved(m.number(42, 58), m.number(54, 62), parts)


def aquarium(m: Maker) -> str:
    water, sand = m.pick((("#6cd", "#ec9"), ("#28a", "#dc9"), ("#146", "#875"), ("#4ba", "#fdb"), ("#9de", "#eda")))
    parts = page(water) + hill(m, m.number(84, 90), sand)
    for x in m.places(1, -20, 120):
        d = f"M{x} 92q{m.pick((-6, 6))} -8 0 -16t0 -16"
        parts += curve(d + ("t0 -16" if m.maybe(0.5) else ""), m.pick(("#4a6", "#275", "#7b5")), 3)
    for y in m.places(m.number(2, 3), 12, 78):
        body, fin = m.shuffled(("#f83", "#fc4", "#e45", "#fff", "#94c", "#fa9"))[:2]
        parts += moved(m.number(24, 76), y, fish(m, body, fin))
    if m.maybe(0.5):
        x = m.number(10, 90)
        parts += coloured("#fff", "".join(plain("circle", cx=x + m.number(-3, 3), cy=m.number(10, 60), r=m.number(1, 3)) for _ in range(3)))
    return parts


def space(m: Maker) -> str:
    parts = page(m.pick(NIGHTS))
    stars = "".join(plain("circle", cx=m.number(3, 97), cy=m.number(3, 97), r=1) for _ in range(m.number(4, 6)))
    parts += coloured("#fff", stars)
    planet, band, r = *m.pick((("#e85", "#fc9"), ("#5ac", "#bdf"), ("#c7b", "#fbd"), ("#7b6", "#de9"))), m.number(14, 22)
    own = circle(0, 0, r, planet) + (
        element("ellipse", rx=r + 12, ry=5, fill="none", stroke=band, stroke_width=3, transform=f"rotate({m.pick((-30, -20, 20, 30))})")
        if m.maybe(0.6)
        else ellipse(-3, -4, r - 6, r - 8, band)
    )
    x, y = m.pick(((30, 34), (68, 34), (34, 66), (66, 68)))
    parts += moved(x + m.number(-5, 5), y + m.number(-5, 5), own)
    if m.maybe(0.6):
        skin, wing = m.pick((("#eee", "#d43"), ("#fed", "#38b"), ("#fc5", "#c35")))
        rocket = polygon("-5,6 -10,16 10,16 5,6", wing) + ellipse(0, 0, 6, m.number(15, 18), skin) + circle(0, -5, 3, "#38b")
        parts += moved(100 - x + m.number(-6, 6), 100 - y + m.number(-4, 4), rocket + polygon("-3,16 3,16 0,24", "#fb3"))
    else:
        parts += circle(100 - x, 100 - y, m.number(4, 8), m.pick(("#ddd", "#aab", "#fda")))
    return parts


def balloons(m: Maker) -> str:
    mood = m.pick(MOODS)
    parts = page(mood.sky)
    if m.maybe(0.5):
        parts += cloud(m)
    for x in m.places(m.number(1, 2), 10, 90):
        one, two = m.shuffled(("#e43", "#fc4", "#38b", "#fff", "#6a5", "#a5b"))[:2]
        r = m.number(14, 18)
        own = shape(f"M{-r + 2} 6l{r - 6} {r + 4}h8l{r - 6} {-r - 4}z", one) + circle(0, 0, r, one) + ellipse(0, 0, r // 3, r, two)
        parts += moved(x, m.number(24, 46), own + rect(-4, r + 12, 8, 6, "#742"))
    return parts + hill(m, m.number(82, 90), mood.land[1])


def tiles(m: Maker) -> str:
    """Quarters of circles, half circles, triangles and dots in four fields."""
    colours = m.pick(PALETTES)
    parts = page(colours[0])
    across, down = m.number(36, 64), m.number(36, 64)
    for x, y, w, h in (
        (0, 0, across, down),
        (across, 0, 100 - across, down),
        (0, down, across, 100 - down),
        (across, down, 100 - across, 100 - down),
    ):
        back, front = m.shuffled(colours)[:2]
        parts += rect(x, y, w, h, back)
        kind = m.number(0, 5)
        if kind == 0:
            parts += shape(f"M{x} {y}h{w}a{w} {h} 0 0 1 {-w} {h}z", front)
        elif kind == 1:
            parts += shape(f"M{x} {y + h}v{-h}a{w} {h} 0 0 1 {w} {h}z", front)
        elif kind == 2:
            parts += ellipse(x + w // 2, y + h // 2, m.number(8, 20), m.number(8, 20), front)
        elif kind == 3:
            parts += circle(x + w // 2, y + h // 2, m.number(6, 18), front)
        elif kind == 4:
            parts += shape(f"M{x} {y}l{w} {h}h{-w}z", front)
        else:
            parts += shape(f"M{x} {y + h}l{w // 2} {-h}l{w // 2} {h}z", front)
    return parts


def rings(m: Maker) -> str:
    """Circles within circles, as Kandinsky painted them."""
    colours = m.pick(PALETTES)
    parts = page(colours[0])
    for x, y in m.shuffled(((27, 27), (73, 27), (27, 73), (73, 73)))[: m.number(3, 4)]:
        own = m.shuffled(colours[1:])
        r, x, y = m.number(17, 26), x + m.number(-6, 6), y + m.number(-6, 6)
        for k in range(m.number(2, 3)):
            parts += circle(x, y, r, own[k])
            r -= m.number(4, 8)
    return parts


def panes(m: Maker) -> str:
    """Lines and fields of colour, as Mondrian painted them."""
    x, y, z = m.number(14, 38), m.number(22, 70), m.number(52, 84)
    parts = page("#fff")
    fields = [(0, 0, x, y), (x, 0, 100 - x, y), (z, y, 100 - z, 100 - y), (0, y, x, 100 - y), (x, y, z - x, 100 - y)]
    colours = m.shuffled(("#d22", "#15b", "#fc0"))
    for k, field in enumerate(m.shuffled(fields)[: m.number(2, 3)]):
        parts += rect(*field, colours[k])
    width = m.number(2, 4)
    parts += line(x, 0, x, 100, "#111", width) + line(0, y, 100, y, "#111", width) + line(z, y, z, 100, "#111", width)
    low, right = m.number(y + 8, 92), m.number(y + 8, 92)
    return parts + line(0, low, x, low, "#111", width) + line(z, right, 100, right, "#111", width)


def butterfly(m: Maker) -> str:
    ground, dot = m.pick((("#def", "#fff"), ("#fed", "#fff"), ("#efd", "#cea"), ("#fef", "#fcd"), ("#235", "#347")))
    wing, low, spot = m.pick((("#f83", "#e53", "#fe8"), ("#38c", "#269", "#bdf"), ("#e5a", "#a37", "#fce"), ("#fc4", "#e92", "#fff"), ("#85c", "#637", "#dbf")))
    a, b, c = m.number(30, 36), m.number(24, 34), m.number(20, 28)
    parts = shape(f"M0 0Q-14 {-b - 8} {-a} {-b}Q{-a - 6} -4 0 4Q{a + 6} -4 {a} {-b}Q14 {-b - 8} 0 0z", wing)
    parts += shape(f"M0 4Q{-c - 10} 2 {-c} {c}Q-8 {c + 8} 0 4Q8 {c + 8} {c} {c}Q{c + 10} 2 0 4z", low)
    x, r = m.number(18, 22), m.number(3, 5)
    parts += circle(-x, -16, r, spot) + circle(x, -16, r, spot)
    if m.maybe(0.6):
        parts += circle(-14, 15, 3, spot) + circle(14, 15, 3, spot)
    parts += ellipse(0, 2, 3, m.number(14, 18), "#321") + curve("M0 -12q-2 -12 -10 -14M0 -12q2 -12 10 -14", "#321", 1)
    return backdrop(m, ground, dot) + moved(m.number(44, 56), m.number(46, 58), parts)


def snow(m: Maker) -> str:
    sky = m.pick(("#9bd", "#68a", "#246", "#bcd", "#b9c"))
    parts = page(sky) + hill(m, m.number(74, 80), "#fff")
    flakes = "".join(plain("circle", cx=m.number(4, 96), cy=m.number(4, 60), r=m.number(1, 2)) for _ in range(m.number(2, 4)))
    parts += coloured("#fff", flakes)
    r, s = m.number(12, 14), m.number(8, 10)
    top = -2 * r - s + 4
    own = circle(0, -r, r, "#eef") + circle(0, top, s, "#eef") + polygon(f"0,{top} 0,{top + 3} {m.pick((-9, 9))},{top + 2}", "#f72")
    own += shape(f"M-10 {top - s + 3}h20v-2h-4v-9h-12v9h-4z", m.pick(("#222", "#b33", "#264")))
    if m.maybe(0.6):
        own += circle(0, -r, 1, "#222") + circle(0, -r - 5, 1, "#222")
    x = m.number(28, 72)
    parts += moved(x, m.number(86, 92), own)
    if m.maybe(0.7):
        parts += moved(x + (30 if x < 50 else -30) + m.number(-4, 4), m.number(80, 86), tree(m, MOODS[5]))
    return parts


KINDS: dict[str, Callable[[Maker], str]] = {
    made.__name__: made
    for made in (hills, village, mountains, sea, town, garden, rosette, face, animal, aquarium, space, balloons, tiles, rings, panes, butterfly, snow)
}


def drawing(rng: random.Random) -> str:
    """A file, another for each state of `rng`."""
    m = Maker(rng)
    made = m.pick(list(KINDS.values()))
    while True:
        text = HEAD + tinted(m, made(m)) + TAIL
        if len(text) <= LONGEST:
            return text


def tinted(m: Maker, parts: str) -> str:
    """The same in colours that are slightly others, as no two drawings are of one paint."""
    tints: dict[str, str] = {}

    def tint(match: re.Match[str]) -> str:
        colour = match.group()
        if colour not in tints:
            tints[colour] = "#" + "".join(f"{min(255, max(0, 17 * int(digit, 16) + m.number(-16, 16))):02x}" for digit in colour[1:])
        return tints[colour]

    return re.sub("#[0-9a-f]{3}", tint, parts)
