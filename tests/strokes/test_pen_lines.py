"""Drawings as polylines: to rows, SVG and JSON, and back."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.contract import PenDrawing
from drawgen.data.hand_letters import written
from drawgen.image_reading import ImageError
from drawgen.strokes import pen_lines

CORNER = [np.array([[0.25, 0.5], [0.75, 0.5], [0.75, 0.9]]), np.array([[0.3, 0.2], [0.4, 0.1]])]
point = st.tuples(*[st.floats(-1000, 1000, allow_subnormal=False, width=32)] * 2)
drawings = st.lists(st.lists(point, min_size=1, max_size=6).map(lambda line: np.array(line, float)), min_size=1, max_size=5)


@settings(deadline=None)
@given(drawings)
def test_rows_and_back(lines):
    for there, back in ((pen_lines.to_stroke3, pen_lines.from_stroke3), (pen_lines.to_stroke5, pen_lines.from_stroke5)):
        again = back(there(lines))
        assert [len(line) for line in again] == [len(line) for line in lines]
        for one, other in zip(again, lines, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)


def test_rows_say_what_the_pen_does():
    rows = pen_lines.to_stroke5(CORNER)
    assert rows[:, 2:].argmax(1).tolist() == [0, 0, 1, 0, 1, 2]
    assert rows[:, 2:].sum(1).tolist() == [1] * 6
    assert pen_lines.from_stroke5(rows[:4])[-1].tolist() == pytest.approx(np.array([[0.3, 0.2]]))
    assert pen_lines.from_stroke5(rows[-1:]) == []


def test_svg_and_back(tmp_path):
    path = tmp_path / "one.svg"
    lines = [*CORNER, np.array([[0.1, 0.1]])]
    path.write_text(pen_lines.svg([PenDrawing(lines)]), encoding="utf-8")
    found = pen_lines.svg_drawing(path)
    assert found.page == (0, 0, 600, 600)
    assert len(found.lines) == 3
    for one, other in zip(found.lines, lines, strict=True):
        np.testing.assert_allclose(one[[0, -1]] / 600, other[[0, -1]], atol=1e-6)
    np.testing.assert_allclose(found.lines[0] / 600, lines[0], atol=1e-6)


def test_a_file_without_a_page_has_one_around_its_lines(tmp_path):
    path = tmp_path / "line.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><path d="M1 1h8" stroke="red"/></svg>', encoding="utf-8")
    found = pen_lines.svg_drawing(path)
    assert found.page == (0, -4, 10, 6)
    (tmp_path / "again.json").write_text(pen_lines.to_json([found]), encoding="utf-8")
    assert pen_lines.json_drawing(tmp_path / "again.json").page == found.page


def test_json_and_back_exactly(tmp_path):
    path = tmp_path / "one.json"
    drawing = PenDrawing([line / 3 for line in CORNER], (-1.0, 0.0, 2.0, 1.0))
    path.write_text(pen_lines.to_json([drawing]), encoding="utf-8")
    found = pen_lines.json_drawing(path)
    assert found.page == drawing.page
    assert all((one == other).all() for one, other in zip(found.lines, drawing.lines, strict=True))


def test_strokes_of_a_painting_are_lines(tmp_path):
    path = tmp_path / "strokes.json"
    stroke = [0.0, 0.0, 0.5, 1.0, 1.0, 0.0, 0.1, 0.1, 1, 1, 0, 0, 0]
    names = ["x0", "y0", "x1", "y1", "x2", "y2", "r0", "r1", "a0", "a1", "red", "green", "blue"]
    told = {"format": "drawgen strokes 1", "width": 40, "height": 20, "background": [1, 1, 1], "columns": names}
    path.write_text(json.dumps({**told, "strokes": [stroke]}), encoding="utf-8")
    found = pen_lines.json_drawing(path)
    assert found.page == (0, 0, 40, 20)
    assert found.lines[0][0].tolist() == [0, 0]
    assert found.lines[0][-1].tolist() == [40, 0]
    assert found.lines[0][:, 1].max() == pytest.approx(10, abs=0.1)  # a curve is half as high as its control point


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([], "neither"),
        ({"format": "drawgen lines 1", "drawings": []}, "has 0 drawings"),
        ({"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 1, 1], "lines": []}]}, "has no lines"),
        ({"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 0, 1], "lines": [[[0, 0]]]}]}, "a page"),
        ({"format": "drawgen lines 1", "drawings": [{"lines": [[[0, 0]]]}]}, "a page"),
        ({"format": "drawgen lines 1", "drawings": [3]}, "a page"),
        ({"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 1, 1], "lines": [[]]}]}, "not a list of points"),
        ({"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 1, 1], "lines": [[[1, 2, 3]]]}]}, "not a list of points"),
        ({"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 1, 1], "lines": [["a"]]}]}, "not a list of points"),
        ({"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 1, 1], "lines": [[[math.nan, 1]]]}]}, "not finite"),
        ({"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 1, 1], "lines": [[[1e9, 1]]]}]}, "beyond 1e"),
        (
            {"format": "drawgen lines 1", "drawings": [{"page": [0, 0, 1, 1], "lines": [[[0, 0]] * 100_001]}]},
            "at most 100000",
        ),
    ],
)
def test_what_is_no_drawing_is_refused_in_one_sentence(told, words, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(ImageError, match=words) as caught:
        pen_lines.json_drawing(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pictures_are_dark_on_white():
    ink = pen_lines.ink_of([PenDrawing(CORNER), PenDrawing([np.array([[0.5, 0.5]])])], (64, 64))
    picture = ink.picture()
    assert picture.shape == (2, 1, 64, 64)
    assert picture[0, 0, 31:33, 32].max() < 0.5
    assert picture[0, 0, 0].min() == 1
    assert picture[1].min() < 0.7  # a dot is seen
    *_, last = ink.frames(5)
    assert (last == picture).all()
    grey = [float(frame.mean()) for frame in ink.frames(5)]
    assert grey == sorted(grey, reverse=True)


def test_a_drawing_stands_in_the_middle_of_any_picture():
    square, wide = (pen_lines.ink_of([PenDrawing(CORNER)], size).picture() for size in ((40, 40), (40, 80)))
    np.testing.assert_allclose(wide[..., 20:60], square, atol=0.02)


@pytest.mark.parametrize("shift", [0.0, 0.8, 1e5])
def test_far_outside_its_page_a_drawing_is_still_seen(shift):
    drawing = PenDrawing([line + shift for line in CORNER])
    picture = pen_lines.ink_of([drawing], (64, 64)).picture()
    assert (picture < 0.5).sum() > 20
    left, top, width, height = pen_lines.frame_of(drawing)
    assert left <= 0.25 + shift <= left + width
    assert top <= 0.1 + shift <= top + height


WIDE = PenDrawing([np.array([[0.2, 0.5], [5.8, 0.5]]), np.array([[1.0, 0.1], [1.0, 0.9]])], (0.0, 0.0, 6.0, 1.0), 0.1)


def test_a_wide_page_fills_a_wide_picture():
    picture = pen_lines.ink_of([WIDE], (40, 240)).picture()[0, 0]
    assert picture[20, 10:230].max() < 0.5
    dark = (picture[:, 100] < 0.5).sum()
    assert 3 <= dark <= 5  # the pen is a tenth of the page's height
    tall = pen_lines.ink_of([WIDE], (240, 240)).picture()[0, 0]
    assert tall[120, 10:230].max() < 0.5
    assert tall[:90].min() == 1


def test_a_wide_page_is_an_svg_of_its_shape():
    told = pen_lines.svg([WIDE])
    assert 'viewBox="0 0 6 1"' in told
    assert 'width="600px" height="100px"' in told
    assert 'stroke-width="0.1"' in told
    sheet = pen_lines.svg([WIDE] * 4)
    assert 'viewBox="0 0 100 66.6666667"' in sheet  # one below the other


def test_the_width_of_a_pen_survives_json(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(pen_lines.to_json([WIDE]), encoding="utf-8")
    back = pen_lines.json_drawing(path)
    assert (back.page, back.pen) == (WIDE.page, WIDE.pen)
    path.write_text(path.read_text(encoding="utf-8").replace('"pen": 0.1', '"pen": -1'), encoding="utf-8")
    with pytest.raises(ImageError, match="its pen is -1, which is no width; leave it out"):
        pen_lines.json_drawing(path)


def test_handwriting_survives_stroke3_and_svg(tmp_path):
    lines = [line + np.array([0.2, 1.0]) for line in written("a word", np.random.default_rng(0))]
    back = pen_lines.from_stroke3(pen_lines.to_stroke3(lines))
    for before, after in zip(lines, back, strict=True):
        np.testing.assert_allclose(before, after, atol=1e-9)
    path = tmp_path / "a.svg"
    path.write_text(pen_lines.svg([PenDrawing(lines, (0.0, 0.0, 5.0, 2.0))]), encoding="utf-8")
    found = pen_lines.svg_drawing(path)
    scale = found.page[2] / 5
    for before, after in zip(lines, found.lines, strict=True):
        np.testing.assert_allclose(before * scale, after, atol=1e-5 * scale)
