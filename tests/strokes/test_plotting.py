"""Plots: on the page in mm, one layer per pen, each stroke once, as vpype reads them; and the lines of a painting."""

import dataclasses
import io
import itertools
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import drawgen
from drawgen.image_reading import ImageError
from drawgen.jobs import SILENT, plots
from drawgen.ranges import ArgumentError
from drawgen.strokes.lines import flattened, length, on_paper, within
from drawgen.strokes.ordering import travel
from drawgen.strokes.painting import Painting
from drawgen.strokes.painting_lines import covered, hatched, lines_of, sweep
from drawgen.strokes.plotting import PAGES, parse_page, placed

vpype = pytest.importorskip("vpype")
MM = 96 / 25.4
BLACK, RED, YELLOW = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0)


def stroke(points, radius=0.01, opacity=1.0, colour=BLACK):
    radii = (radius, radius) if isinstance(radius, float) else radius
    return [*points, *radii, opacity, opacity, *colour]


def painting(*strokes, size=(100, 200), background=(1.0, 1.0, 1.0)):
    return Painting(torch.tensor(strokes).view(-1, 13), torch.tensor(background), size).rounded()


@pytest.fixture(scope="module")
def busy():
    """A painting of 120 strokes in three colours, some of them beyond the canvas."""
    rng = np.random.default_rng(0)
    middles = rng.uniform(-0.05, 1.05, (120, 1, 2))
    points = (middles + rng.normal(0, 0.05, (120, 3, 2))).reshape(120, 6)
    colours = [BLACK, RED, YELLOW]
    return painting(*(stroke(row, colour=colours[k % 3]) for k, row in enumerate(points.tolist())))


def as_vpype(plot):
    """The document, and the lines of each layer in mm."""
    document = vpype.read_multilayer_svg(io.StringIO(plot.svg()), quantization=0.05, crop=True)
    return document, {
        number: [np.stack([line.real, line.imag], 1) / MM for line in layer.lines] for number, layer in document.layers.items()
    }


# ---------------------------------------------------------------- read back


@pytest.mark.parametrize("order", ["keep", "nearest", "two-opt"])
def test_vpype_reads_it_back(busy, order):
    """Page, layers, their colours and widths, each stroke once, where it is, in this order; nothing is cropped."""
    plot = drawgen.plot(busy, page="A3", margin=20, hidden="keep", pen_mm=1.0, order=order)
    document, layers = as_vpype(plot)
    assert np.array(document.page_size) / MM == pytest.approx([420, 297], abs=1e-3)
    assert sorted(layers) == [1, 2, 3]
    assert [layer.colour for layer in plot.layers] == ["#ffff00", "#ff0000", "#000000"]  # from light to dark
    for number, layer in enumerate(plot.layers, 1):
        found = document.layers[number]
        assert found.property("vp_color").as_rgb_hex() == layer.colour
        assert found.property("vp_pen_width") / MM == pytest.approx(1)
        assert found.property("vp_name") == f"{number} {layer.colour}"
        assert len(layers[number]) == len(layer.lines)
        for theirs, ours in zip(layers[number], layer.lines, strict=True):
            assert theirs[[0, -1]] == pytest.approx(ours.points[[0, -1]], abs=1e-3)
            assert length(theirs) == pytest.approx(length(ours.points), abs=0.01)
        assert found.length() / MM == pytest.approx(layer.drawn_mm, rel=1e-3)
        assert found.pen_up_length()[0] / MM == pytest.approx(
            travel(layer.ends, plots.ORDERINGS["keep"](layer.ends), start=False), rel=1e-3
        )
    assert sum(map(len, layers.values())) == plot.strokes >= 120 - 10


def test_each_stroke_is_there_once(busy):
    """In whatever order and direction: the same lines as in the order of the painting."""

    def lines(order):
        plot = drawgen.plot(busy, hidden="keep", order=order)
        return sorted(
            (layer.colour, *sorted(map(tuple, line.points[[0, -1]].round(6)))) for layer in plot.layers for line in layer.lines
        )

    assert lines("two-opt") == lines("nearest") == lines("keep")


def test_the_order_is_shorter(busy):
    keep, nearest, best = (drawgen.plot(busy, order=order).numbers() for order in ("keep", "nearest", "two-opt"))
    assert keep["pen_up_mm"] == keep["pen_up_before_mm"] == best["pen_up_before_mm"]
    assert best["pen_up_mm"] < nearest["pen_up_mm"] < 0.5 * keep["pen_up_mm"]
    assert best["pen_down_mm"] == keep["pen_down_mm"]


def test_widths_that_differ_stand_with_each_stroke(tmp_path):
    plot = drawgen.plot(painting(stroke([0.1, 0.1, 0.2, 0.1, 0.3, 0.1]), stroke([0.1, 0.8, 0.2, 0.8, 0.3, 0.8], (0.01, 0.03))))
    (layer,) = plot.layers
    assert layer.width_mm is None
    widths = sorted(float(width) for width in re.findall(r'<path d="[^"]*" stroke-width="([^"]*)"', plot.svg()))
    scale = (297 - 20) / 200  # mm per pixel
    assert widths == pytest.approx([2 * scale, 4 * scale], abs=1e-3)
    plot.save(tmp_path / "a.svg")
    with pytest.raises(ImageError, match="exists already"):
        plot.save(tmp_path / "a.svg")
    with pytest.raises(ImageError, match=r"use \.svg"):
        plot.save(tmp_path / "a.png")
    assert plot._repr_svg_() == plot.svg() == (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert repr(plot) == "a plot of 2 strokes in 1 layer, 297 x 210 mm"


def test_the_file_is_vector_graphics_of_lines(busy):
    """Nothing is filled, and it is what cairo draws."""
    cairosvg = pytest.importorskip("cairosvg")
    text = drawgen.plot(busy).svg()
    assert text.count("<g ") == text.count('inkscape:groupmode="layer"') == 3
    assert text.count('fill="none"') == 3
    assert cairosvg.svg2png(bytestring=text.encode(), output_width=100).startswith(b"\x89PNG")


# ---------------------------------------------------------------- on the page


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("a4", PAGES["A4"]), (" Letter ", (215.9, 279.4)), ("210x297mm", (210, 297)),
        ("20 X 10.5cm", (200, 105)), ("8.5x11in", (215.9, 279.4)),
    ],
)  # fmt: skip
def test_pages(text, size):
    assert parse_page(text) == pytest.approx(size)


@pytest.mark.parametrize("text", ["", "A9", "210x297", "210mm", "0x5mm", "-1x5mm", "6000x10mm", "nanxnanmm", "1e9x5mm"])
def test_pages_refused(text):
    with pytest.raises(ArgumentError, match=r"page is .*(210x297mm|at most 5000 mm)"):
        parse_page(text)


@pytest.mark.parametrize(
    ("options", "page", "scale", "window"),
    [
        ({}, (297, 210), 2.77, (10, 66.2, 287, 143.8)),
        ({"landscape": False}, (210, 297), 1.9, (10, 121.9, 200, 175.1)),
        ({"page": "A5", "margin": 0.0}, (210, 148), 2.1, (0, 44.6, 210, 103.4)),
        ({"page": "100x200mm"}, (100, 200), 0.8, (10, 88.8, 90, 111.2)),
        ({"page": "100×200mm"}, (100, 200), 0.8, (10, 88.8, 90, 111.2)),
        ({"scale": 2.0}, (297, 210), 1.0, (98.5, 91, 198.5, 119)),
        ({"scale": 10.0}, (297, 210), 5.0, (10, 35, 287, 175)),
    ],
)
def test_placed(options, page, scale, window):
    """A frame of 100 x 28 halves of a mm."""
    found = placed((50, -14, 150, 14), 0.5, **{"page": "A4", "margin": 10.0} | options)
    assert found.page == pytest.approx(page)
    assert found.scale == pytest.approx(scale)
    assert found.window == pytest.approx(window, abs=0.03)
    assert found.put(np.array([[100.0, 0.0]]))[0] == pytest.approx(np.array(page) / 2)


def test_all_lines_lie_within_the_margin(busy):
    for options in ({}, {"page": "A6", "margin": 30.0}, {"scale": 5.0}, {"pen_mm": 0.3, "hidden": "cut"}):
        plot = drawgen.plot(busy, **options)
        margin = options.get("margin", 10.0)
        every = np.concatenate([line.points for layer in plot.layers for line in layer.lines])
        assert every.min() >= margin - 1e-9
        assert (every <= np.array(plot.page) - margin + 1e-9).all()


COORDINATES = st.floats(-2, 3, width=32)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=2, max_size=8))
def test_within(spots):
    """The parts lie in the square, and are as long as what a fine comb finds."""
    points = np.array(spots)
    parts = within(points, (0.0, 0.0, 1.0, 1.0))
    for part in parts:
        assert part.min() >= 0
        assert part.max() <= 1
    comb = np.concatenate([a + (b - a) * (np.arange(2000) + 0.5)[:, None] / 2000 for a, b in itertools.pairwise(points)])
    steps = np.repeat(np.hypot(*np.diff(points, axis=0).T), 2000) / 2000
    inside = ((comb >= 0) & (comb <= 1)).all(1)
    assert sum(map(length, parts)) == pytest.approx((steps * inside).sum(), abs=0.02)


def test_dots_and_crumbs():
    """A stroke without length is still drawn; what is cut to nothing is not."""
    (dot,) = on_paper(np.array([[5.0, 5.0], [5.0, 5.0]]), (0, 0, 10, 10))
    assert length(dot) == pytest.approx(0.02)
    assert on_paper(np.array([[10.0, 5.0], [12.0, 5.0]]), (0, 0, 10, 10)) == []
    assert drawgen.plot(painting(stroke([0.5, 0.5] * 3))).strokes == 1


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_flattened(degree):
    """No point of the curve is farther from the polyline than the tolerance."""
    rng = np.random.default_rng(degree)
    for _ in range(20):
        controls = rng.normal(0, 30, (degree + 1, 2))
        line = flattened([controls], 0.02)
        t = np.linspace(0, 1, 1000)[:, None]
        while len(controls) > 1:  # de Casteljau
            controls = (
                (1 - t) * controls[:-1, None] + t * controls[1:, None]
                if controls.ndim == 2
                else (1 - t) * controls[:-1] + t * controls[1:]
            )
        curve = controls[0]
        a, way = line[:-1, None], np.diff(line, axis=0)[:, None]
        share = np.clip(((curve - a) * way).sum(2) / (way**2).sum(2), 0, 1)
        assert np.hypot(*np.moveaxis(curve - a - share[..., None] * way, 2, 0)).min(0).max() <= 0.02


# ---------------------------------------------------------------- what is hidden


def test_covered():
    wide = [0.0, 0.5, 0.5, 0.5, 1.0, 0.5]
    under, half, over = stroke([0.4, 0.5, 0.5, 0.5, 0.6, 0.5], 0.05), stroke(wide, 0.2, 0.5), stroke(wide, 0.2)
    beside, outside = stroke([0.4, 0.1, 0.5, 0.1, 0.6, 0.1], 0.05), stroke([2.0, 2.0] * 3, 0.1)
    assert covered(painting(under, over, beside, outside)).tolist() == [True, False, False, True]
    assert covered(painting(over, under)).tolist() == [False, False]  # the small one is on top
    assert covered(painting(under, half)).tolist() == [False, False]
    assert covered(painting(under, *[half] * 4)).tolist() == [True, False, False, False, False]  # together they cover
    plot = drawgen.plot(painting(under, over, beside))
    assert plot.strokes == 2
    assert drawgen.plot(painting(under, over, beside), hidden="keep").strokes == 3


def test_cut():
    """A line that another crosses is left in two."""
    bar, crossing = stroke([0.0, 0.5, 0.5, 0.5, 1.0, 0.5], 0.02, 1.0, RED), stroke([0.5, 0.0, 0.5, 0.5, 0.5, 1.0], 0.1)
    plot = drawgen.plot(painting(bar, crossing), hidden="cut")
    red, black = plot.layers
    assert (len(red.lines), len(black.lines)) == (2, 1)
    scale = 277 / 200
    assert red.drawn_mm == pytest.approx(277 - 20 * scale, abs=1)


def test_sweep():
    """The mask of a stroke in its own part of the canvas is what the brush paints on the whole."""
    from drawgen_envs.brush import paint

    for one in (stroke([0.2, 0.3, 0.5, 0.9, 0.9, 0.1], (0.02, 0.1)), stroke([-0.1, 0.3, 0.0, 0.5, 0.1, 0.7], 0.05)):
        row = torch.tensor(one)
        rows, columns, mask = sweep(row, 60, 90)
        whole = torch.zeros(60, 90)
        whole[rows, columns] = torch.from_numpy(mask)
        wanted = paint(torch.zeros(1, 1, 60, 90), torch.cat([row[:10], torch.ones(1)])[None, None])[0, 0]
        assert whole.numpy() == pytest.approx(wanted.numpy(), abs=1e-4)


# ---------------------------------------------------------------- hatching


@pytest.mark.parametrize(
    ("points", "radii"),
    [
        ([[20, 50], [50, 50], [80, 50]], (10.0, 10.0)),
        ([[20, 20], [80, 20], [80, 80]], (12.0, 12.0)),
        ([[20, 50], [50, 80], [80, 50]], (4.0, 15.0)),
        ([[20, 50], [50, 80], [80, 50]], (15.0, 0.5)),
        ([[50, 50], [50, 50], [50, 50]], (20.0, 20.0)),
        ([[50, 50], [52, 50], [54, 50]], (5.0, 20.0)),
    ],
)
def test_hatching_fills_the_stroke_and_stays_inside(points, radii):
    pen, curve = 2.0, np.array(points, float)
    lines = hatched(curve, radii, pen)
    assert len(lines) <= 3
    t = np.linspace(0, 1, 400)[:, None]
    centre = (1 - t) ** 2 * curve[0] + 2 * t * (1 - t) * curve[1] + t**2 * curve[2]
    radius = radii[0] + t[:, 0] * (radii[1] - radii[0])
    grid = np.stack(np.meshgrid(np.arange(100) + 0.5, np.arange(100) + 0.5), 2).reshape(-1, 2)
    depth = (radius - np.hypot(*np.moveaxis(grid[:, None] - centre, 2, 0))).max(1)  # of a pixel within the stroke
    spots = np.concatenate([a + (b - a) * np.linspace(0, 1, 40)[:, None] for line in lines for a, b in itertools.pairwise(line)])
    inked = np.array([np.hypot(*(spots - spot).T).min() for spot in grid]) <= pen / 2 + 0.1
    assert (inked & (depth < -0.6)).sum() <= 0.02 * (depth > 0).sum()  # beyond the outline
    assert (~inked & (depth > pen)).sum() <= 0.03 * (depth > 0).sum()  # what is left blank


def test_a_stroke_of_the_pens_width_is_one_line():
    curve = np.array([[0.0, 0.0], [5.0, 0.0], [10.0, 0.0]])
    (line,) = hatched(curve, (1.0, 1.0), 2.0)
    assert line[[0, -1]] == pytest.approx(curve[[0, -1]])
    assert len(hatched(curve, (1.2, 1.2), 2.0)[0]) == len(line)


def test_wide_strokes_are_cut_to_what_shows():
    """Ink upon ink would soak the paper."""
    under, over = stroke([0.0, 0.5, 0.5, 0.5, 1.0, 0.5], 0.3, 1.0, RED), stroke([0.5, 0.2, 0.5, 0.5, 0.5, 0.8], 0.3)
    found = painting(under, over)
    place = placed((0, 0, 200, 100), 1.0, page="A4", margin=10.0)
    assert lines_of(found, place, pen_mm=1.0) != lines_of(found, place, pen_mm=1.0, hidden="drop")
    inked = sum(length(line.points) for line in lines_of(found, place, pen_mm=1.0))
    assert inked < 0.9 * sum(length(line.points) for line in lines_of(found, place, pen_mm=1.0, hidden="drop"))


# ---------------------------------------------------------------- pens


def colours(plot):
    return [layer.colour for layer in plot.layers]


def many(count):
    rows = torch.linspace(0, 1, count).tolist()
    return painting(*(stroke([0.1, y, 0.5, y, 0.9, y], colour=(y, y, y)) for y in rows))


def test_pens():
    told = []
    assert len(colours(drawgen.plot(many(12)))) == 12
    reports = dataclasses.replace(SILENT, message=told.append)
    plot = drawgen.plot(many(30), progress=reports)
    assert (len(plot.layers), plot.strokes) == (8, 30)
    assert told == ["the painting has 30 colours, which are drawn with 8 pens; `palette` chooses others"]
    assert colours(drawgen.plot(many(30), palette="black,white")) == ["#ffffff", "#000000"]
    assert colours(drawgen.plot(many(30), palette=["black"])) == ["#000000"]
    assert len(colours(drawgen.plot(many(30), palette="auto:3"))) == 3


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"page": "B9"}, "page is 'B9'"),
        ({"margin": 105.0}, "margin is 105 mm, and nothing is left of a page of 297 x 210 mm"),
        ({"margin": -1.0}, "margin is -1.0"),
        ({"margin": float("nan")}, "margin is nan"),
        ({"scale": 0.0}, "scale is 0.0"),
        ({"page": "100x200mm", "landscape": True}, "landscape is for a page with a name, and 100x200mm lies as its sides"),
        ({"page": "200×100mm", "landscape": False}, "landscape is for a page with a name"),
        ({"pen_mm": 0.0}, "pen_mm is 0.0"),
        ({"palette": "reddish"}, "palette has 'reddish'"),
        ({"palette": "auto:0"}, "palette is 'auto:0'"),
        ({"hidden": "some"}, "hidden is 'some'; it is one of keep, drop, cut"),
        ({"order": "best"}, "order is 'best'; it is one of keep, nearest, two-opt"),
        ({"outlines": True}, "outlines is for the filled shapes of an SVG"),
    ],
)
def test_refused(busy, options, words):
    with pytest.raises(ArgumentError) as caught:
        drawgen.plot(busy, **options)
    assert words in str(caught.value)


def test_nothing_to_draw():
    for empty in (painting(), painting(stroke([0.1, 0.1] * 3, 0.0)), painting(stroke([3.0, 3.0] * 3))):
        with pytest.raises(ImageError, match="the painting has no strokes on the page of"):
            drawgen.plot(empty)


def test_too_many(monkeypatch, busy, tmp_path):
    monkeypatch.setattr(plots, "MOST_LINES", 20)
    with pytest.raises(ImageError, match=r"has \d+ strokes on this page; at most 20 are plotted"):
        drawgen.plot(busy)
    monkeypatch.setattr(plots, "MOST_POINTS", 20)
    file = tmp_path / "a.svg"
    file.write_text('<svg xmlns="http://www.w3.org/2000/svg"><circle r="9" stroke="red"/></svg>', encoding="utf-8")
    with pytest.raises(ImageError, match="more than 20 points on this page"):
        drawgen.plot(file)


def test_an_svg_fills_the_page(tmp_path):
    """From its own units to mm; a line of no width, an outline, has that of a pen."""
    file = tmp_path / "a.svg"
    text = '<svg xmlns="http://www.w3.org/2000/svg" width="5in" height="5in" viewBox="0 0 50 50"><path d="M10 20h20v10" {}/></svg>'
    file.write_text(text.format('fill="none" stroke="red" stroke-width="2"'), encoding="utf-8")
    plot = drawgen.plot(file, margin=20)
    (layer,) = plot.layers
    scale = (297 - 40) / 20
    assert layer.lines[0].points == pytest.approx(np.array([[20, 105 - 5 * scale], [277, 105 - 5 * scale], [277, 105 + 5 * scale]]))
    assert layer.width_mm == pytest.approx(2 * scale)
    plot = drawgen.plot(file, scale=1.0)
    assert plot.layers[0].drawn_mm == pytest.approx(30 * 2.54)
    assert drawgen.plot(file, pen_mm=0.3).layers[0].width_mm == 0.3
    with pytest.raises(ArgumentError, match="hidden is 'drop', which is for paintings"):
        drawgen.plot(file, hidden="drop")
    file.write_text(text.format('fill="blue"'), encoding="utf-8")
    with pytest.raises(ImageError, match="only filled shapes without a stroke"):
        drawgen.plot(file)
    assert drawgen.plot(file, outlines=True).layers[0].width_mm == 0.5
