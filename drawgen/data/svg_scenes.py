"""Small drawings as SVG text, made without end: landscapes, seas, towns, flowers, faces, animals, abstract patterns.

All files have one form, so that a model of characters can learn it: the same first line, one element per line, the same order of
attributes, whole numbers, colours of six hexadecimal digits. The page is 100 by 100. A file has at most `LONGEST` characters. Every
colour of a file is shifted a little (`tinted`), as no two drawings are of one paint.
"""

import random
import re

from drawgen.data.svg_things import (
    MOODS,
    Maker,
    backdrop,
    birds,
    blossom,
    boat,
    circle,
    cloud,
    coloured,
    curve,
    dashes,
    dots,
    element,
    ellipse,
    fish,
    hill,
    house,
    line,
    moved,
    page,
    petals_of,
    polygon,
    rect,
    ring_of,
    shape,
    sun,
    tree,
)  # fmt: skip

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">\n'
TAIL = "</svg>\n"
LONGEST = 840
"""Characters of a file, its line ends included."""
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
        cap, top = m.number(7, 10), m.number(26, 38)
        own = polygon(f"0,0 {-half},{h} {half},{h}", mood.land[k])
        parts += moved(x, top, own + polygon(f"0,0 {-cap},{cap + 4} -2,{cap} 2,{cap + 6} {cap},{cap + 4}", "#fff"))
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
    parts = page(ground) + circle(m.number(8, 92), m.number(8, 30), m.number(5, 13), m.pick(("#fe8", "#fff", "#fc6")))
    parts += rect(0, y, 100, 100 - y, soil)
    colours = m.shuffled(("#e35", "#f83", "#e6b", "#94d", "#fff", "#38c"))
    count = m.number(1, 2)
    for k, x in enumerate(m.places(count, 12, 88)):
        top = m.number(28, 48)
        leaf = y - m.number(8, 14)
        parts += line(x, top, x, y, "#373", 3)
        parts += shape(f"M{x} {leaf}q{m.pick((-8, 8))} -16 {m.pick((-18, 18))} -14q-2 12 0 14z", "#494")
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
    ground, dot = m.pick(
        (("#fc6", "#fd8"), ("#6bc", "#8cd"), ("#e87", "#f98"), ("#9c8", "#ad9"), ("#b9d", "#cae"), ("#347", "#458"))
    )
    skin, hair = m.pick(SKINS), m.pick(HAIRS)
    w, h, gap = m.number(22, 27), m.number(26, 31), m.number(9, 12)
    long = m.maybe(0.4)
    parts = ellipse(0, m.pick((2, 8)), w + 6, h + 4, hair) if long else ""
    shirt = shape("M-34 52q4 -28 34 -28q30 0 34 28z", m.pick(("#e43", "#269", "#fff", "#384", "#734")))
    parts += shirt + ellipse(0, 0, w, h, skin)
    fringe = m.number(10, 18)
    parts += shape(
        f"M{-w} -8q2 {-h + 2} {w} {-h + 2}q{w - 2} 0 {w} {h - 2}q-8 {-fringe} {-w} {-fringe}q{2 - w} 0 {-w} {fringe}z", hair
    )
    eyes = m.number(2, 3)
    parts += circle(-gap, 0, eyes, "#222") + circle(gap, 0, eyes, "#222")
    if m.maybe(0.4):
        parts += coloured("#e87", element("circle", cx=-gap - 3, cy=9, r=4) + element("circle", cx=gap + 3, cy=9, r=4))
    mouth = m.number(6, 9)
    parts += curve(f"M{-mouth} {m.number(12, 15)}q{mouth} {m.pick((-5, 4, 7, 9))} {2 * mouth} 0", "#a33", 2)
    return backdrop(m, ground, dot) + moved(m.number(42, 58), m.number(46, 54), parts)


def animal(m: Maker) -> str:
    ground, dot = m.pick(
        (("#fd8", "#fea"), ("#8cc", "#add"), ("#eab", "#fcd"), ("#bd9", "#ceb"), ("#dce", "#fef"), ("#fed", "#fb8"))
    )
    fur, inner = m.pick(
        (("#f93", "#fdb"), ("#555", "#eaa"), ("#eee", "#fbb"), ("#a63", "#eb9"), ("#333", "#999"), ("#c96", "#fed"))
    )
    w, h, ear = m.number(26, 31), m.number(22, 27), m.number(0, 2)
    if ear == 0:  # a cat or a fox
        parts = polygon(f"{-w},-4 {3 - w},-38 -4,-20", fur) + polygon(f"{w},-4 {w - 3},-38 4,-20", fur)
    elif ear == 1:  # a bear or a mouse
        r = m.number(9, 13)
        parts = circle(4 - w, -20, r, fur) + circle(w - 4, -20, r, fur)
        parts += circle(4 - w, -20, r - 4, inner) + circle(w - 4, -20, r - 4, inner)
    else:  # a rabbit
        parts = ellipse(-12, -30, 7, 20, fur) + ellipse(12, -30, 7, 20, fur)
        parts += ellipse(-12, -30, 3, 14, inner) + ellipse(12, -30, 3, 14, inner)
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
        parts += dots(m, 3, "#fff", (x - 3, x + 3), (10, 60), (1, 3))
    return parts


def space(m: Maker) -> str:
    parts = page(m.pick(NIGHTS))
    stars = "".join(element("circle", cx=m.number(3, 97), cy=m.number(3, 97), r=1) for _ in range(m.number(4, 6)))
    parts += coloured("#fff", stars)
    planet, band, r = *m.pick((("#e85", "#fc9"), ("#5ac", "#bdf"), ("#c7b", "#fbd"), ("#7b6", "#de9"))), m.number(14, 22)
    own = circle(0, 0, r, planet)
    if m.maybe(0.6):
        turn = f"rotate({m.pick((-30, -20, 20, 30))})"
        own += element("ellipse", rx=r + 12, ry=5, fill="none", stroke=band, stroke_width=3, transform=turn)
    else:
        own += ellipse(-3, -4, r - 6, r - 8, band)
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
    wing, low, spot = m.pick(
        (
            ("#f83", "#e53", "#fe8"),
            ("#38c", "#269", "#bdf"),
            ("#e5a", "#a37", "#fce"),
            ("#fc4", "#e92", "#fff"),
            ("#85c", "#637", "#dbf"),
        )
    )
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
    parts += dots(m, m.number(2, 4), "#fff", (4, 96), (4, 60), (1, 2))
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


SCENES = (hills, village, mountains, sea, town, garden, rosette, face, animal, aquarium, space, balloons, tiles, rings, panes,
          butterfly, snow)  # fmt: skip


def drawing(rng: random.Random) -> str:
    """A file, another for each state of `rng`."""
    m = Maker(rng)
    made = m.pick(SCENES)
    while True:
        text = HEAD + tinted(m, made(m)) + TAIL
        if len(text) <= LONGEST:
            return text


def tinted(m: Maker, parts: str) -> str:
    """The same in colours of six digits that are slightly others, each the same wherever it comes."""
    tints: dict[str, str] = {}

    def tint(match: re.Match[str]) -> str:
        colour = match.group()
        if colour not in tints:
            tints[colour] = "#" + "".join(
                f"{min(255, max(0, 17 * int(digit, 16) + m.number(-16, 16))):02x}" for digit in colour[1:]
            )
        return tints[colour]

    return re.sub("#[0-9a-f]{3}", tint, parts)
