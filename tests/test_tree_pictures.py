"""Trees in pictures: nothing overlaps, and all is there."""

import itertools
import xml.etree.ElementTree as ET

import pytest

from drawgen.point_pictures import Lines, Words
from drawgen.tree_pictures import WIDER, diagram, font_of
from drawgen.trees.reading import trees
from drawgen.trees.tree import Tree

SHORT = "(S (NP (NNS dogs)) (VP (VBP bark)) (. .))"
NARROW = "(S (WHADVP (X a)) (WHADVP (X b)) (S (VP (VP (WHADVP (X c) (X d))))))"
SCENE = "(scene (left (things 2 small orange square) (things 1 large pink cross)))"
LONG = "(S " + " ".join(f"(NP (DT the) (NN word{n}))" for n in range(20)) + ")"


def boxes(shown):
    """Left, top, right, bottom of each text."""
    for shape in shown.shapes:
        if isinstance(shape, Words):
            wide = WIDER * font_of(shape.text, shape.size).getlength(shape.text)
            x, y = shape.place
            left = x if shape.anchor == "start" else x - wide / 2
            yield left, y - 0.75 * shape.size, left + wide, y


@pytest.mark.parametrize("text", [SHORT, NARROW, SCENE, LONG, f"{SHORT} {LONG}", "(NN x)", "(S " * 90 + "(NN x)" + ")" * 90])
def test_nothing_overlaps(text):
    shown = diagram(list(trees(text)), title="t")
    height, width = shown.size
    found = list(boxes(shown))
    for box in found:
        assert 0 <= box[0] < box[2] <= width
        assert 0 <= box[1] < box[3] <= height
    for a, b in itertools.combinations(found, 2):
        assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])
    for (ax, ay), (bx, by) in (piece for shape in shown.shapes if isinstance(shape, Lines) for piece in shape.pieces):
        assert ax == bx or ay == by
        for left, top, right, bottom in found:  # no line runs through letters
            assert not (max(left, min(ax, bx)) < min(right, max(ax, bx)) and top < ay < bottom and ay == by)
            assert not (left < ax < right and max(top, min(ay, by)) + 1 < min(bottom, max(ay, by)) and ax == bx)


def test_all_is_there():
    text = diagram(list(trees("(S (NP (PRP <He>)) (VP (VBD `said) (-LRB- -LRB-) (NP (CD 犬))))")), title="a < b").svg()
    told = {each.text for each in ET.fromstring(text.encode()).iter("{http://www.w3.org/2000/svg}text")}
    assert told == {"S", "NP", "VP", "PRP", "VBD", "CD", "<He>", "`said", "(", "犬"}


def test_long_sentences_run_down():
    (tree,) = trees(LONG)
    height, width = diagram([tree], title="t").size
    assert height > width
    assert diagram([tree], title="t", size=(300, 200)).size == (300, 200)
    assert diagram([tree], title="t", size=(300, 200)).pixels().shape == (3, 300, 200)


def test_branches():
    """A bar for each constituent, and a line down to each part."""
    shown = diagram([Tree("S", (Tree("A", ("a",)), Tree("B", ("b",))))], title="t")
    (lines,) = (shape for shape in shown.shapes if isinstance(shape, Lines))
    assert len(lines.pieces) == 2 + 2
