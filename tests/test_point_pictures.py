"""Panels of points, as SVG and as pixels."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen.point_pictures import Area, Diagram, Lines, Panel, Words, dashes, edges, fitting, panels

POINTS = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0], [2.0, 1.0]])


def shown(**options):
    panel = Panel("model: one", [(0, 1, 4), (0, 4, 3)], True, against=[(0, 1, 4), (1, 2, 4)])
    return panels(POINTS, [panel, Panel("exact & true", [(0, 1, 2, 3)], False)], title="a <title>", **options)


def test_edges_are_each_once():
    assert edges([(0, 1, 2), (2, 1, 3), (5, 5)]) == [(0, 1), (1, 2), (0, 2), (1, 3), (2, 3)]


def test_what_is_wrong_has_another_colour():
    shapes = shown().shapes
    areas = [shape.colour for shape in shapes if isinstance(shape, Area)]
    lines = [(shape.colour, len(shape.pieces), shape.dash > 0) for shape in shapes if isinstance(shape, Lines)]
    assert areas == ["#dbe9f4", "#fae3d5"]
    assert lines == [("#0072b2", 3, False), ("#d55e00", 2, False), ("#00795a", 4, True)]
    assert [shape.text for shape in shapes if isinstance(shape, Words)] == ["model: one", "exact & true"]


@pytest.mark.parametrize("size", [None, (64, 64), (900, 300), (120, 1000)])
@pytest.mark.parametrize("stretch", [(1, 1), (1, 100), (100, 1), (0, 1), (1, 0)])
def test_everything_is_in_the_picture(size, stretch):
    """With x to the right, y up and the aspect kept."""
    found = panels(POINTS * stretch, [Panel("text", [(0, 1, 2, 3)], True)], title="", size=size)
    height, width = found.size
    (area,) = (shape for shape in found.shapes if isinstance(shape, Area))
    x, y = np.array(area.corners).T
    assert 0 <= x.min() <= x.max() <= width
    assert 0 <= y.min() <= y.max() <= height
    assert x[1] - x[0] == pytest.approx((y[0] - y[3]) * 4 / 3 * stretch[0] / stretch[1] if stretch[1] else x[1] - x[0])
    assert x[1] >= x[0]
    assert y[0] >= y[3]


def test_text_fits():
    assert fitting(["short"], 400, 20) == 20
    assert 4 <= fitting(["a long line of text, which is longer than the panel"], 200, 20) < 12


def test_dashes_are_as_svg_draws_them():
    assert list(dashes((0.0, 0.0), (10.0, 0.0), 4.0)) == [((0.0, 0.0), (4.0, 0.0)), ((8.0, 0.0), (10.0, 0.0))]
    assert list(dashes((0.0, 0.0), (1.0, 1.0), 0.0)) == [((0.0, 0.0), (1.0, 1.0))]
    assert list(dashes((1.0, 1.0), (1.0, 1.0), 4.0)) == []


def test_svg_and_pixels_are_alike():
    """But for the letters, whose font is the viewer's."""
    cairosvg = pytest.importorskip("cairosvg")
    diagram = shown()
    whole = Diagram(diagram.size, diagram.title, tuple(shape for shape in diagram.shapes if not isinstance(shape, Words)))
    drawn = np.asarray(Image.open(io.BytesIO(cairosvg.svg2png(whole.svg().encode()))).convert("RGB")) / 255
    own = whole.pixels().permute(1, 2, 0).numpy()
    assert own.shape == drawn.shape
    assert np.abs(own - drawn).mean() < 0.01
    assert own.min() < 0.2


def test_svg_escapes_text():
    text = shown().svg()
    assert "<title>a &lt;title&gt;</title>" in text
    assert "exact &amp; true" in text
    assert len(re.findall("<text", text)) == 2


def test_a_large_picture_is_drawn_without_enlargement():
    found = shown(size=(100, 9000)).pixels()
    assert found.shape == (3, 100, 9000)
    assert torch.equal(found.unique(), found.unique().clamp(0, 1))
