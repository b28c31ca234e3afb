"""A finished painting is the same drawing in every form: a raster of any size, its replay, SVG in two rasterisers, JSON."""

import io
import itertools
import json
import math
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawgen.contract import generator
from drawgen.images import ImageError
from drawgen.strokes import outlines
from drawgen.strokes.painting import NAMES, Painting, colour_code


def painting(count=40, seed=0, size=(60, 80)):
    """Strokes of every kind: thick, hair-thin, tapered, bent, dots, off the canvas."""
    rng = generator(seed)
    rows = torch.rand(count, len(NAMES), generator=rng)
    rows[:, :6] = rows[:, :6] * 1.2 - 0.1
    rows[:, 6:8] = 0.1 * rows[:, 6:8].square()
    rows[::7, 6] = 0.0
    rows[::9, 2:6] = rows[::9, :2].repeat(1, 2)  # a dot
    rows[:, 9] = rows[:, 8]
    return Painting(rows, torch.tensor([0.9, 0.8, 0.7]), size).rounded()


# ---------------------------------------------------------------- raster


def test_a_painting_at_another_size_is_the_same_drawing():
    """Each reduced to the same size."""
    done = painting()
    small, large = done.draw(120, 160), done.draw(480, 640)
    reduced = torch.nn.functional.avg_pool2d(large, 4)
    assert (small - reduced).abs().mean() < 0.01


def test_replay_lays_the_strokes_in_order():
    done = painting(10)
    stages = list(done.stages(5, 60, 80))
    assert len(stages) == 5
    torch.testing.assert_close(stages[0], done.background[:, None, None].expand(3, 60, 80))
    torch.testing.assert_close(stages[-1], done.draw(60, 80))
    half = Painting(done.strokes[:5], done.background, done.size)
    torch.testing.assert_close(stages[2], half.draw(60, 80))
    assert len(list(done.stages(96, 60, 80))) == 11
    assert len(list(Painting(done.strokes[:0], done.background, done.size).stages(96, 60, 80))) == 1


def test_fitted_sizes():
    assert painting().fitted(1024) == (768, 1024)
    assert painting(size=(80, 1)).fitted(16) == (16, 1)


# ---------------------------------------------------------------- SVG


def cairo(text):
    try:
        import cairosvg
    except (ImportError, OSError) as error:  # the library that it calls may be absent
        pytest.skip(f"no cairosvg: {error}")
    return cairosvg.svg2png(bytestring=text.encode())


def resvg(text):
    return bytes(pytest.importorskip("resvg_py").svg_to_bytes(svg_string=text))


@pytest.mark.parametrize("rasterise", [cairo, resvg])
@pytest.mark.parametrize(("height", "width"), [(384, 512), (512, 682)])
def test_svg_and_raster_agree(rasterise, height, width):
    """They differ along edges, which the brush draws through a tent of two pixels, and other programs through a box of one."""
    done = painting(40)
    array = np.asarray(Image.open(io.BytesIO(rasterise(done.svg(height, width)))).convert("RGB")) / 255
    raster = done.draw(height, width).permute(1, 2, 0).numpy()
    assert array.shape == raster.shape
    assert np.abs(array - raster).mean() < 0.006


def test_a_stroke_that_covers_its_drawing_is_not_laid_beside_others():
    strokes = torch.rand(2, 3, 11, generator=generator(0)) * 0.4
    Painting.sheet(strokes, (20, 20), 2)
    strokes[1, 0, 6:8] = 0.75
    Painting.sheet(strokes[1:], (20, 20), 1)
    with pytest.raises(ValueError, match="would cover the next one"):
        Painting.sheet(strokes, (20, 20), 2)


def test_svg_is_one_path_a_stroke():
    done = painting(20)
    root = ElementTree.fromstring(done.svg(60, 80))
    paths = [node for node in root.iter() if node.tag.endswith("}path")]
    drawn = done.strokes[(done.strokes[:, 6:8] > 0).any(1)]
    assert len(paths) == len(drawn)
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("80px", "60px", "0 0 80 60")
    assert [path.get("fill") for path in paths] == [colour_code(row[10:]) for row in drawn]
    assert all(
        float(path.get("fill-opacity")) == pytest.approx(float(row[8]), rel=0.01) for path, row in zip(paths, drawn, strict=True)
    )


ENDS = st.tuples(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 12))


@settings(derandomize=True, deadline=None, database=None)
@given(ENDS, ENDS)
def test_capsule_is_the_hull_of_two_discs(a, b):
    """Its outline, walked along the arcs that its flags choose, keeps to the distance of the hull and runs clockwise."""
    outline = walk(outlines.capsule(a, b))
    share = np.linspace(0, 1, 1001)
    x, y, r = (start + share * (end - start) for start, end in zip(a, b, strict=True))
    px, py = np.array(outline).T[:, :, None]
    assert np.abs((np.hypot(px - x, py - y) - r).min(1)).max() < 0.15  # three decimals turn an arc of half a circle by as much
    area = sum(p[0] * q[1] - q[0] * p[1] for p, q in itertools.pairwise([*outline, outline[0]])) / 2
    assert area > -0.2  # y points down: clockwise is positive
    assert area >= math.pi * max(a[2], b[2]) ** 2 * 0.98 - 0.5


def walk(path):
    """Points of a path of M, L, A and a, by the arcs' definition in the SVG specification (F.6.5)."""
    words = path.replace("M", " M ").replace("L", " L ").replace("A", " A ").replace("a", " a ").replace("z", "").split()
    points, at = [], None
    while words:
        kind = words.pop(0)
        if kind in "ML":
            at = (float(words.pop(0)), float(words.pop(0)))
            points.append(at)
            continue
        radius, _, _, large, sweep, x, y = (float(words.pop(0)) for _ in range(7))
        end = (at[0] + x, at[1] + y) if kind == "a" else (x, y)
        dx, dy = (at[0] - end[0]) / 2, (at[1] - end[1]) / 2
        half = math.hypot(dx, dy)
        if radius > 0 and half > 0:
            radius = max(radius, half)
            factor = math.sqrt(max(0.0, radius**2 - half**2)) / half * (-1 if large == sweep else 1)
            centre = ((at[0] + end[0]) / 2 + factor * dy, (at[1] + end[1]) / 2 - factor * dx)
            begin = math.atan2(at[1] - centre[1], at[0] - centre[0])
            turn = (math.atan2(end[1] - centre[1], end[0] - centre[0]) - begin) % (2 * math.pi)
            turn = turn if sweep else turn - 2 * math.pi
            points += [
                (centre[0] + radius * math.cos(begin + turn * k / 64), centre[1] + radius * math.sin(begin + turn * k / 64))
                for k in range(1, 65)
            ]
        at = end
        points.append(at)
    return points


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize("count", [0, 1, 40])
def test_json_draws_the_very_same_picture(tmp_path, count):
    done, file = painting(count), tmp_path / "a.json"
    file.write_text(done.json())
    again = Painting.read(file)
    assert again.size == done.size
    assert torch.equal(again.strokes, done.strokes)
    assert torch.equal(again.background, done.background)
    assert again.json() == done.json()
    assert json.loads(done.json())["columns"] == list(NAMES)


def changed(**fields):
    return json.dumps(json.loads(painting(3).json()) | fields)


ROW = painting(1).strokes[0].tolist()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a file of strokes"),
        ("{}", "is not a file of strokes"),
        (changed(format="other"), "is not a file of strokes"),
        (changed(columns=["x"]), "is not a file of strokes"),
        (changed(width=0), "height and width"),
        (changed(height=2.5), "height and width"),
        (changed(strokes=3), "list of at most"),
        (changed(strokes=[[]] * 10_001), "list of at most"),
        (changed(background=[1, 2]), "background has to be a list of 3"),
        (changed(background=[1, 1, 2]), "2 as a colour"),
        (changed(strokes=[ROW, ROW[:-1]]), "stroke 1 has to be a list of 13"),
        (changed(strokes=[[*ROW[:12], "red"]]), "'red'"),
        (changed(strokes=[[math.nan, *ROW[1:]]]), "nan"),
        (changed(strokes=[[1e9, *ROW[1:]]]), "1000000000.0"),
        (changed(strokes=[[*ROW[:8], 1, 0, *ROW[10:]]]), "a0 = a1"),
        (changed(strokes=[[*ROW[:12], 1.5]]), "1.5 as a colour"),
    ],
)
def test_bad_files_of_strokes(tmp_path, content, words):
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(ImageError, match=words) as caught:
        Painting.read(file)
    assert str(file) in str(caught.value)


def test_absent_files_of_strokes(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        Painting.read(tmp_path / "a.json")
    with pytest.raises(ImageError, match="cannot be read"):
        Painting.read(tmp_path)
    os.mkfifo(tmp_path / "b.json")
    with pytest.raises(ImageError, match="a pipe or a device"):
        Painting.read(tmp_path / "b.json")
    with pytest.raises(ImageError, match="a pipe or a device"):
        Painting.read(Path("/dev/zero"))
