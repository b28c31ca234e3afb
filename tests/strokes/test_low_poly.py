"""A finished low-poly picture is the same in every form: a raster of any size, SVG in two rasterisers, JSON; and its animation."""

import io
import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from drawgen.images import ImageError
from drawgen.strokes.low_poly import LowPoly
from drawgen.strokes.mesh import Mesh
from drawgen.strokes.painting import Painting, colour_code


def picture(count=60, size=(60, 80)):
    """Thin triangles and round ones, in colours by chance."""
    rng = np.random.default_rng(0)
    mesh = Mesh(rng.random((12, 16, 3)), least_px=0.1)
    mesh.grow(count, rng=rng)
    points, colours = torch.from_numpy((mesh.points / mesh.size).round(6)), torch.from_numpy(rng.random((len(mesh), 3)).round(6))
    return LowPoly(points, torch.from_numpy(mesh.triangles), colours, size)


def test_at_another_size_it_is_the_same_drawing():
    done = picture()
    torch.testing.assert_close(F.avg_pool2d(done.draw(120, 160), 4), done.draw(30, 40), atol=1e-5, rtol=0)


def test_it_grows_from_two_triangles_to_all():
    done = picture()
    stages = list(done.stages(10, 60, 80))
    assert len(stages) == len(done.stops(10)) == 10
    assert done.stops(10)[0] == 2
    torch.testing.assert_close(stages[-1], done.draw(60, 80))
    assert len(torch.unique(stages[0].flatten(1).round(decimals=4), dim=1).t()) < 200  # two colours, and their blends
    errors = [float((stage - stages[-1]).square().mean()) for stage in stages]
    assert errors[0] > errors[4] > errors[8] > 0
    torch.testing.assert_close(next(done.stages(1, 60, 80)), done.draw(60, 80))
    half = LowPoly(
        torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]]).double(),
        torch.tensor([[0, 1, 2], [0, 2, 3]]),
        torch.eye(3).double()[:2],
        (9, 9),
    )
    assert len(list(half.stages(96, 9, 9))) == 1


def cairo(text):
    try:
        import cairosvg
    except (ImportError, OSError) as error:  # the library that it calls may be absent
        pytest.skip(f"no cairosvg: {error}")
    return cairosvg.svg2png(bytestring=text.encode())


def resvg(text):
    return bytes(pytest.importorskip("resvg_py").svg_to_bytes(svg_string=text))


def rasterised(rasterise, text):
    return np.asarray(Image.open(io.BytesIO(rasterise(text))).convert("RGBA")) / 255


@pytest.mark.parametrize("rasterise", [cairo, resvg])
@pytest.mark.parametrize(("height", "width"), [(384, 512), (75, 100)])
def test_svg_and_raster_agree(rasterise, height, width):
    """They differ by a little at vertices, where several triangles are blended one after another."""
    done = picture()
    array = rasterised(rasterise, done.svg(height, width))
    raster = done.draw(height, width).permute(1, 2, 0).numpy()
    assert array.shape == (height, width, 4)
    apart = np.abs(array[..., :3] - raster).max(2)
    assert apart.mean() < 0.01
    assert (apart > 0.1).mean() < 0.01 * 512 / width


@pytest.mark.parametrize("rasterise", [cairo, resvg])
def test_svg_has_no_cracks(rasterise):
    """In one colour it is of one colour, and opaque; beside the same triangles that only touch."""
    done = picture(200)
    grey = LowPoly(done.points, done.triangles, torch.full_like(done.colours, 0.4), done.size)
    text = grey.svg(300, 400)
    array = rasterised(rasterise, text)
    assert np.abs(array - [0.4, 0.4, 0.4, 1]).max() < 0.01
    bare = rasterised(rasterise, text.replace('<g id="background">', '<g id="background" opacity="0">'))[..., 3]
    assert (bare < 0.97).mean() < 0.002  # of what is seen without the ground, at vertices


def test_svg_is_one_path_a_triangle():
    done = picture()
    root = ElementTree.fromstring(done.svg(60, 80))
    paths = [node for node in root.iter() if node.tag.endswith("}path")]
    assert [path.get("fill") for path in paths] == [colour_code(colour) for colour in done.colours]
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("80px", "60px", "0 0 80 60")


# ---------------------------------------------------------------- JSON


def test_json_draws_the_very_same_picture(tmp_path):
    done, file = picture(), tmp_path / "a.json"
    file.write_text(done.json())
    again = LowPoly.read(file)
    assert again.size == done.size
    for one, other in ((again.points, done.points), (again.triangles, done.triangles), (again.colours, done.colours)):
        assert torch.equal(one, other)
    assert again.json() == done.json()
    assert torch.equal(again.draw(33, 44), done.draw(33, 44))
    with pytest.raises(ImageError, match="is not a file of strokes"):
        Painting.read(file)


def changed(**fields):
    return json.dumps(json.loads(picture(6).json()) | fields)


ROWS = json.loads(picture(6).json())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not JSON"),
        ("[]", "is not a file of triangles"),
        (changed(format="other"), "is not a file of triangles"),
        (changed(width=0), "height and width"),
        (changed(points=3), "points has to be a list"),
        (changed(triangles=[]), "triangles has to be a list"),
        (changed(triangles=[[0, 1, 2]] * 10_001), "triangles has to be a list"),
        (changed(points=[[0, 0, 0]]), "points 0 is"),
        (changed(points=[*ROWS["points"][:-1], [0, 1.5]]), "numbers from 0 to 1"),
        (changed(points=[*ROWS["points"][:-1], [0, math.nan]]), "numbers from 0 to 1"),
        (changed(triangles=[[0, 1, 99]]), "whole numbers from 0 to"),
        (changed(triangles=[[0, 1, 2.0]]), "whole numbers from 0 to"),
        (changed(triangles=[[0, 1, True]]), "whole numbers from 0 to"),
        (changed(colours=[[0, 0, "red"]]), "numbers from 0 to 1"),
        (changed(colours=ROWS["colours"][:-1]), "one for each"),
        (changed(triangles=ROWS["triangles"][:-1], colours=ROWS["colours"][:-1]), "do not cover the picture once"),
        (changed(triangles=[row[::-1] for row in ROWS["triangles"]]), "do not cover the picture once"),
    ],
)
def test_bad_files_of_triangles(tmp_path, content, words):
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(ImageError, match=words) as caught:
        LowPoly.read(file)
    assert str(file) in str(caught.value)


def test_save(tmp_path):
    done = picture()
    for ending in ("png", "svg", "json", "gif"):
        done.save(tmp_path / f"a.{ending}", size=(30, 40))
    with Image.open(tmp_path / "a.png") as opened:
        assert opened.size == (40, 30)
    with pytest.raises(ImageError, match="exists already"):
        done.save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="the picture has another aspect"):
        done.save(tmp_path / "b.png", size=(30, 30))
    assert repr(done) == f"a picture of {len(done.triangles)} triangles, 80x60 pixels"
    assert done._repr_png_().startswith(b"\x89PNG")
