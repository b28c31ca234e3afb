"""Pictures of constituency trees: the words on one line, the constituents above them; or, for long sentences, the words below each
other and the constituents on their left. Branches are stepped: a bar over the parts, and a line down to each. As SVG and as pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from drawgen.point_pictures import GREY, INK, MODEL, Diagram, Lines, Place, Shape, Words, font_of
from drawgen.trees.linear import XX
from drawgen.trees.tree import Tree

WORD_PX, LABEL_PX, TAG_PX = 18.0, 15.0, 11.0
"""Sizes of letters."""
GAP_PX = 14.0
"""Between words beside each other, and around the picture."""
LEVEL_PX = 46.0
"""From a constituent to the one above it."""
ROW_PX = 25.0
"""From a word to the one below it, if they are below each other."""
WIDEST_PX = 1500
"""A wider tree has its words below each other."""
WIDER = 1.06
"""Browsers draw with other fonts, which may be wider."""
BETWEEN_PX = 20.0
"""Between two trees."""
LINE_PX = 1.4
MARKS = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "``": "“", "''": "”"}
"""Words of treebanks, and how they are written."""


@dataclass
class Node:
    """A constituent or a word in the plane: `along` is where it lies in the direction of the sentence, from `first` to `last`."""

    text: str
    tag: str = ""
    """Of a word: its part of speech."""
    parts: list["Node"] = field(default_factory=list)
    level: int = 0
    """0 for words; otherwise one more than that of its highest part."""
    first: float = 0.0
    last: float = 0.0
    along: float = 0.0

    def words(self) -> list["Node"]:
        return [word for part in self.parts for word in part.words()] if self.parts else [self]

    def all(self) -> list["Node"]:
        return [self, *(node for part in self.parts for node in part.all())]

    @property
    def wide(self) -> float:
        """Of its text, in pixels."""
        if self.parts:
            return width(self.text, LABEL_PX)
        return max(width(self.text, WORD_PX), width(self.tag, TAG_PX))


def width(text: str, size: float) -> float:
    return WIDER * float(font_of(text, size).getlength(text)) if text else 0.0


def node_of(part: Tree | str) -> Node:
    """Parts of speech of marks, which say nothing more, are left out."""
    if isinstance(part, str):
        return Node(MARKS.get(part, part))
    if len(part.children) == 1 and isinstance(part.children[0], str):
        word = part.children[0]
        told = part.label not in (word, XX) and any(map(str.isalpha, part.label)) and word not in MARKS
        return Node(MARKS.get(word, word), tag=part.label if told else "")
    parts = [node_of(child) for child in part.children]
    return Node(part.label, parts=parts, level=1 + max(each.level for each in parts))


def place(root: Node, *, sideways: bool) -> float:
    """Sets where all nodes lie along the sentence, and returns its extent. A constituent takes as much room as its label needs."""
    words = root.words()
    room = [ROW_PX if sideways else word.wide + GAP_PX for word in words]

    def widen(node: Node, start: int) -> int:
        end = start + 1
        if node.parts:
            end = start
            for part in node.parts:
                end = widen(part, end)
            lacking = node.wide + GAP_PX - sum(room[start:end])
            if lacking > 0 and not sideways:
                for n in range(start, end):
                    room[n] += lacking / (end - start)
        return end

    widen(root, 0)
    at = 0.0
    for word, each in zip(words, room, strict=True):
        word.first, word.last, word.along = at, at + each, at + each / 2
        at += each

    def settle(node: Node) -> None:
        for part in node.parts:
            settle(part)
        if node.parts:
            node.first, node.last = node.parts[0].first, node.parts[-1].last
            node.along = (node.parts[0].along + node.parts[-1].along) / 2
            half = 0.0 if sideways else node.wide / 2
            node.along = min(max(node.along, node.first + half), node.last - half)

    settle(root)
    return at


def drawn(root: Node, *, sideways: bool) -> tuple[list[Shape], float, float]:
    """(shapes, width, height), from the place (0, 0) on."""
    extent = place(root, sideways=sideways)
    return across(root, extent) if sideways else upright(root, extent)


def upright(root: Node, extent: float) -> tuple[list[Shape], float, float]:
    """Words on one line at the bottom, their parts of speech above them."""
    tagged = any(word.tag for word in root.words())
    top = (0.5 + root.level) * LEVEL_PX + 0.6 * TAG_PX * tagged  # where words begin
    shapes: list[Shape] = []
    lines: list[tuple[Place, Place]] = []

    def middle(level: int) -> float:
        return (0.5 + root.level - level) * LEVEL_PX

    for node in root.all():
        if not node.parts:
            shapes.append(Words(node.text, (node.along, top + WORD_PX), WORD_PX))
            if node.tag:
                shapes.append(Words(node.tag, (node.along, top - 2), TAG_PX, GREY))
            continue
        y = middle(node.level)
        shapes.append(Words(node.text, (node.along, y + 0.35 * LABEL_PX), LABEL_PX, MODEL))
        bar = y + 0.5 * LEVEL_PX
        ends = [part.along for part in node.parts]
        lines.append(((node.along, y + 0.62 * LABEL_PX), (node.along, bar)))
        lines.append(((min(*ends, node.along), bar), (max(*ends, node.along), bar)))
        for part in node.parts:
            upper = middle(part.level) - 0.62 * LABEL_PX if part.parts else top - (1.1 * TAG_PX + 2 if part.tag else 0)
            lines.append(((part.along, bar), (part.along, upper)))
    return [Lines(tuple(lines), GREY, LINE_PX), *shapes], extent, top + 1.4 * WORD_PX


def across(root: Node, extent: float) -> tuple[list[Shape], float, float]:
    """Words below each other on the right, their parts of speech on their left."""
    nodes = root.all()
    levels = [max((node.wide for node in nodes if node.level == level), default=0.0) for level in range(1, root.level + 1)]
    tags = max((width(node.tag, TAG_PX) for node in nodes), default=0.0)
    borders = [0.0]  # the left border of each level, from the root's on
    for each in reversed(levels):
        borders.append(borders[-1] + each + 2 * GAP_PX)
    words = borders[-1] + tags + 0.6 * GAP_PX * (tags > 0)
    shapes: list[Shape] = []
    lines: list[tuple[Place, Place]] = []
    for node in nodes:
        y = node.along
        if not node.parts:
            shapes.append(Words(node.text, (words, y + 0.35 * WORD_PX), WORD_PX, INK, "start"))
            if node.tag:
                shapes.append(Words(node.tag, (borders[-1], y + 0.35 * TAG_PX), TAG_PX, GREY, "start"))
            continue
        left = borders[root.level - node.level]
        shapes.append(Words(node.text, (left, y + 0.35 * LABEL_PX), LABEL_PX, MODEL, "start"))
        bar = borders[root.level - node.level + 1] - 1.2 * GAP_PX
        ends = [part.along for part in node.parts]
        lines.append(((left + node.wide + 3, y), (bar, y)))
        lines.append(((bar, min(*ends, y)), (bar, max(*ends, y))))
        for part in node.parts:
            near = borders[root.level - part.level] - 5 if part.parts or part.tag else words - 5
            lines.append(((bar, part.along), (near, part.along)))
    wide = words + max(width(node.text, WORD_PX) for node in nodes if not node.parts)
    return [Lines(tuple(lines), GREY, LINE_PX), *shapes], wide, extent


def diagram(trees: Sequence[Tree], *, title: str, size: tuple[int, int] | None = None) -> Diagram:
    """Trees below each other. By default letters have their sizes, and the picture is as large as it takes; `size` is height and
    width in pixels, which the trees are fitted to."""
    sheets = []
    for tree in trees:
        sheet = drawn(node_of(tree), sideways=False)
        sheets.append(drawn(node_of(tree), sideways=True) if sheet[1] > WIDEST_PX else sheet)
    wide = max(sheet[1] for sheet in sheets) + 2 * GAP_PX
    tall = sum(sheet[2] for sheet in sheets) + BETWEEN_PX * (len(sheets) - 1) + 2 * GAP_PX
    height, across = size or (math.ceil(tall), math.ceil(wide))
    scale = min(height / tall, across / wide) if size else 1.0
    left, top = (across - scale * wide) / 2, (height - scale * tall) / 2 + scale * GAP_PX
    shapes: list[Shape] = []
    for found, own, deep in sheets:
        shapes += [moved(shape, left + scale * (wide - own) / 2, top, scale) for shape in found]
        top += scale * (deep + BETWEEN_PX)
    return Diagram((height, across), title, tuple(shapes))


def moved(shape: Shape, left: float, top: float, scale: float) -> Shape:
    """The shape scaled, and then moved."""

    def to(place: Place) -> Place:
        return left + scale * place[0], top + scale * place[1]

    if isinstance(shape, Words):
        return shape._replace(place=to(shape.place), size=scale * shape.size)
    assert isinstance(shape, Lines)
    return shape._replace(pieces=tuple((to(a), to(b)) for a, b in shape.pieces), width=scale * shape.width)
