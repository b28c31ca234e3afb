"""MyPaint's engine: drawn as by plain calls of it, seeded, free of resolution, rebuilt, and safe from bad files."""

import copy
import ctypes
import json
import math
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from drawgen_envs import mypaint
from drawgen_envs.mypaint import BrushError, NotInstalled, Surface, brushes
from hypothesis import given
from hypothesis import strategies as st

try:
    brushes(), mypaint._library()
    MISSING = ""
except NotInstalled as error:
    MISSING = str(error)
needs_engine = pytest.mark.skipif(bool(MISSING), reason=MISSING)

DISC = {  # a hard disc of the given radius at every fiftieth of it: what it covers is known in closed form
    "opaque": 1.0,
    "opaque_multiply": 1.0,
    "hardness": 1.0,
    "anti_aliasing": 1.0,
    "dabs_per_actual_radius": 50.0,
    "elliptical_dab_ratio": 1.0,
}
NOISY = ("classic/dry_brush", "classic/charcoal", "tanda/splatter-02", "classic/smudge+paint")


def write(folder: Path, settings: dict, **more) -> Path:
    entries = {name: value if isinstance(value, dict) else {"base_value": value, "inputs": {}} for name, value in settings.items()}
    file = folder / "own.myb"
    file.write_text(json.dumps({"version": 3, "settings": entries} | more))
    return file


def draw(surface: Surface, *, count: int = 6, strokes: int = 0) -> Surface:
    """Random strokes, joined and apart; drawing `strokes` selects which ones."""
    rng = np.random.default_rng(strokes)
    pen, last = (0.0, 0.0), 0.5
    for number in range(count):
        control, end, colour = rng.random(2), rng.random(2), rng.random(3)
        press, radius = rng.random(), rng.choice([1, 2, 4, 8]) / 64
        surface.stroke(pen, control, end, pressure=(last, press), radius=radius, colour=colour)
        pen, last = (end, press) if number % 3 else (rng.random(2), press)
    return surface


def picture(**keywords) -> np.ndarray:
    with Surface(64, 64, **keywords) as surface:
        return draw(surface).pixels()


# ---------------------------------------------------------------- what it draws


@needs_engine
@pytest.mark.parametrize("name", ["classic/dry_brush", "classic/pen", "tanda/splatter-02", "deevad/4H_pencil"])
def test_equals_plain_calls(name):
    """SPIRAL's procedure, written out: a move, a press, fifty events in single precision, and the next stroke goes on."""
    with Surface(64, 64, brush=name, seed=1000) as surface:  # the seed that the engine gives by itself
        surface.stroke((0.1, 0.2), (0.9, 0.1), (0.5, 0.8), pressure=(0.3, 0.9), radius=4 / 64, colour=(1, 0, 0))
        surface.stroke((0.5, 0.8), (0.2, 0.9), (0.1, 0.5), pressure=(0.9, 0.6), radius=2 / 64, colour=(0, 0, 1))
        ours = surface.pixels()

    library = ctypes.CDLL(mypaint._library()._name)
    library.mypaint_brush_new.restype = library.mypaint_fixed_tiled_surface_new.restype = ctypes.c_void_p
    brush = ctypes.c_void_p(library.mypaint_brush_new())
    text = mypaint._find(name).read_bytes()
    library.mypaint_brush_from_string(brush, text)
    canvas = ctypes.c_void_p(library.mypaint_fixed_tiled_surface_new(64, 64))
    request = mypaint.TileRequest()
    library.mypaint_tile_request_init(ctypes.byref(request), 0, 0, 0, 0)
    library.mypaint_tiled_surface_tile_request_start(canvas, ctypes.byref(request))
    tile = np.ctypeslib.as_array((ctypes.c_uint16 * (64 * 64 * 4)).from_address(request.buffer)).reshape(64, 64, 4)
    tile[:] = 1 << 15

    def event(x, y, pressure):
        zero, dt = ctypes.c_float(0), ctypes.c_double(np.float32(0.1))
        library.mypaint_brush_stroke_to(brush, canvas, *(ctypes.c_float(z) for z in (x, y, pressure)), zero, zero, dt)

    def setting(name, value):
        library.mypaint_brush_set_base_value(brush, library.mypaint_brush_setting_from_cname(name), ctypes.c_float(value))

    library.mypaint_surface_begin_atomic(canvas)
    for points, pressures, radius, hue in (
        ([(6.4, 12.8), (57.6, 6.4), (32, 51.2)], (0.3, 0.9), 4, 0),
        ([(32, 51.2), (12.8, 57.6), (6.4, 32)], (0.9, 0.6), 2, 2 / 3),
    ):
        for key, value in ((b"radius_logarithmic", math.log(radius)), (b"color_h", hue), (b"color_s", 1), (b"color_v", 1)):
            setting(key, value)
        if hue == 0:
            library.mypaint_brush_reset(brush)
            event(*points[0], 0)
            event(*points[0], pressures[0])
        for step in range(1, 51):
            t = step / 50
            x, y = ((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t * t * c for a, b, c in zip(*points, strict=True))
            event(x, y, pressures[0] * (1 - t) + pressures[1] * t)
    library.mypaint_surface_end_atomic(canvas, (ctypes.c_int * 4)())
    theirs = ((tile[..., :3].astype(np.int64) * 255 + (1 << 14)) >> 15).astype(np.uint8)
    library.mypaint_surface_unref(canvas)
    library.mypaint_brush_unref(brush)
    assert (ours < 250).any()
    np.testing.assert_array_equal(ours, theirs)


@needs_engine
@pytest.mark.parametrize("size", [(64, 64), (100, 150), (300, 130)])
def test_area_and_place(tmp_path, size):
    """A hard disc along a line covers 2 r l + pi r^2, about the line's middle; (0, 0) is the corner of the corner pixel."""
    height, width = size
    with Surface(height, width, brush=write(tmp_path, DISC)) as surface:
        surface.stroke((0.25, 0.4), (0.5, 0.4), (0.75, 0.4), radius=0.1)
        ink = 1 - surface.pixels()[..., 0] / 255.0
    radius, length = 0.1 * min(size), 0.5 * width
    area = 2 * radius * length + math.pi * radius**2
    assert ink.sum() == pytest.approx(area, rel=0.03)
    y, x = np.mgrid[:height, :width] + 0.5
    assert (ink * x).sum() / ink.sum() == pytest.approx(0.5 * width, abs=0.15)
    assert (ink * y).sum() / ink.sum() == pytest.approx(0.4 * height, abs=0.15)


@needs_engine
def test_colours_background_and_eraser(tmp_path):
    with Surface(40, 90, brush=write(tmp_path, DISC), background=(0.2, 0.4, 0.6)) as surface:
        np.testing.assert_array_equal(surface.pixels()[5, 80], [51, 102, 153])
        surface.stroke((0.2, 0.5), (0.2, 0.5), (0.8, 0.5), radius=0.2, colour=(1.0, 0.5, 0.0))
        np.testing.assert_allclose(surface.pixels()[20, 45], [255, 128, 0], atol=1)
        picture = surface.pixels()
        picture[:] = 7  # a copy
        assert (surface.pixels() != 7).any()
    half = DISC | {"opaque": 0.5, "eraser": 1.0, "dabs_per_actual_radius": 0.5}
    with Surface(40, 90, brush=write(tmp_path, half), background=(0.2, 0.4, 0.6)) as surface:
        surface.stroke((0.2, 0.5), (0.5, 0.5), (0.8, 0.5), radius=0.2)
        tile = surface._tiles[0, :, :40].reshape(2, 40, 64, 4)
        assert tile[..., 3].min() < 20_000  # it did erase, and what shows is the background
        assert abs(surface.pixels().astype(int) - [51, 102, 153]).max() <= 1


@given(values=st.lists(st.integers(0, 1 << 15), min_size=8, max_size=8), background=st.tuples(*[st.floats(0, 1)] * 3))
@needs_engine
def test_pixels_by_hand(values, background):
    """15 bits of premultiplied colour over the background, rounded to bytes."""
    with Surface(70, 66, background=background) as surface:
        pixel = np.sort(np.array(values).reshape(2, 4), 1)  # no colour above alpha
        surface._tiles[1, 1, 5, :2] = pixel
        found = surface.pixels()
    assert found.shape == (70, 66, 3)
    assert found.dtype == np.uint8
    for (*colour, alpha), shown in zip(pixel / 2**15, found[69, 64:66], strict=True):
        for channel, behind, byte in zip(colour, background, shown, strict=True):
            assert abs(255 * (channel + (1 - alpha) * behind) - byte) <= 0.52


@needs_engine
def test_no_pressure_no_ink():
    with Surface(64, 64) as surface:
        surface.stroke((0, 0), (1, 0), (1, 1), pressure=(0, 0), radius=0.2)
        assert (surface.pixels() == 255).all()


@needs_engine
@pytest.mark.parametrize("brush", ["classic/dry_brush", "classic/charcoal", "classic/pen", "classic/smudge+paint"])
def test_free_of_resolution(brush):
    """The same strokes on four times the canvas are the same drawing, dab for dab."""
    small, large = (draw(Surface(size, size, brush=brush, seed=3)).pixels().astype(float) for size in (64, 256))
    reduced = large.reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert abs(reduced - small).mean() < 0.05 * abs(255 - small).mean()


@given(speed=st.floats(0, 1e4), gamma=st.floats(-8, 8), scale=st.floats(0.02, 128))
def test_speed_input(speed, gamma, scale):
    """The engine's speed input on a scaled canvas, mapped back, is the one at the reference."""

    def engine(speed: float, gamma: float) -> float:
        m = 0.015 * (45 + math.exp(gamma))
        return m * math.log(math.exp(gamma) + speed) + 0.5 - m * math.log(45 + math.exp(gamma))

    shift = math.log(scale)
    expected = engine(speed * scale, gamma + shift)
    assert mypaint._speed(engine(speed, gamma), gamma=gamma, shift=shift) == pytest.approx(expected, rel=1e-6, abs=1e-6)


# ---------------------------------------------------------------- seeds, and building anew


@needs_engine
@pytest.mark.parametrize("brush", NOISY)
def test_same_seed_same_pixels(brush):
    """A used canvas, reset, equals a new one; drawn in turns with another, or in threads, it is what it is alone."""
    alone = picture(brush=brush, seed=5)
    if brush != "classic/smudge+paint":  # which reads the canvas, and leaves nothing to chance
        assert (alone != picture(brush=brush, seed=6)).any()
    used = draw(Surface(64, 64, brush=brush, seed=9), strokes=1)
    used.reset(seed=5)
    new = Surface(64, 64, brush=brush, seed=5)
    for row in draw(Surface(64, 64)).state_dict()["strokes"].tolist():
        for surface in (used, new):
            surface.stroke(row[:2], row[2:4], row[4:6], pressure=row[6:8], radius=row[8], colour=row[9:])
    with ThreadPoolExecutor(3) as pool:
        threads = list(pool.map(lambda _: picture(brush=brush, seed=5), range(3)))
    for found in (used.pixels(), new.pixels(), *threads):
        np.testing.assert_array_equal(found, alone)


@needs_engine
def test_reset_keeps_the_seed():
    with Surface(64, 64, seed=4) as surface:
        before = draw(surface).pixels()
        surface.reset()
        assert (surface.pixels() == 255).all()
        np.testing.assert_array_equal(draw(surface).pixels(), before)


@needs_engine
def test_rebuilt_from_its_strokes():
    """In the middle of a drawing: the rest goes on as if nothing had been."""
    surface = draw(Surface(64, 64, seed=7))
    state = surface.state_dict()
    assert state["strokes"].shape == (6, 12)
    other = Surface(64, 64)
    other.load_state_dict(pickle.loads(pickle.dumps(state)))
    np.testing.assert_array_equal(other.pixels(), surface.pixels())
    np.testing.assert_array_equal(draw(other, strokes=1).pixels(), draw(surface, strokes=1).pixels())
    with pytest.raises(ValueError, match="12 columns"):
        other.load_state_dict({"seed": 0, "strokes": np.zeros((2, 5))})


@needs_engine
@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_not_copied(copier):
    with Surface(8, 8) as surface, pytest.raises(TypeError, match="state_dict"):
        copier(surface)


# ---------------------------------------------------------------- refused


@needs_engine
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"start": (math.nan, 0)}, "start must be -1 to 2, not nan"),
        ({"control": (0, math.inf)}, "control must be -1 to 2, not inf"),
        ({"end": (32, 0)}, "end must be -1 to 2, not 32"),
        ({"end": (0, 0, 0)}, "end must be x and y"),
        ({"pressure": (0, 1.1)}, "pressure must be 0 to 1, not 1.1"),
        ({"colour": (0, -1, 0)}, "colour must be 0 to 1, not -1"),
        ({"radius": 0}, "radius must be above 0"),
        ({"radius": 4}, "radius must be 0 to 1, not 4"),
        ({"radius": math.nan}, "radius must be 0 to 1, not nan"),
    ],
)
def test_bad_strokes(change, said):
    with Surface(64, 64) as surface:
        with pytest.raises(ValueError, match=said):
            surface.stroke(**{"start": (0, 0), "control": (0, 0), "end": (1, 1), "radius": 0.1} | change)
        assert len(surface.state_dict()["strokes"]) == 0
        assert (surface.pixels() == 255).all()


@needs_engine
@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"height": 0}, "height must be 1 to 8192 pixels, not 0"),
        ({"width": 8193}, "width must be 1 to 8192 pixels, not 8193"),
        ({"seed": -1}, "seed must be"),
        ({"seed": 2**30}, "seed must be"),
        ({"background": (0, 0, 2)}, "background must be 0 to 1, not 2"),
        ({"brush": "classic/dry_brus"}, "did you mean classic/dry_brush"),
        ({"brush": "charcoal"}, "did you mean classic/charcoal"),
        ({"brush": "../../../../etc/passwd"}, "brushes\\(\\) lists them"),
        ({"brush": "/none.myb"}, "/none.myb cannot be drawn"),
    ],
)
def test_bad_canvases(keywords, said):
    with pytest.raises(ValueError, match=said):
        Surface(**{"height": 8, "width": 8} | keywords)


@needs_engine
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"version 2\nopaque 1.0",
        b"[" * 100_000,
        b"[]",
        b'{"version": 3}',
        b'{"version": 3, "settings": {"opaque": 1}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": "1", "inputs": {}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": true, "inputs": {}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": NaN, "inputs": {}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1' + b"0" * 400 + b', "inputs": {}}}}',
        b'{"version": 3, "settings": {"dabs_per_actual_radius": {"base_value": 1e8, "inputs": {}}}}',
        b'{"version": 3, "settings": {"colour": {"base_value": 1, "inputs": {}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {"weather": [[0, 0], [1, 1]]}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {"pressure": [[0, 0]]}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {"pressure": [[1, 0], [0, 0]]}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {"pressure": [[0, 0], [1, 9]]}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {"pressure": [0, 1]}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {"pressure": 7}}}}',
        b'{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {"pressure": [' + b"[0, 0], " * 64 + b"[1, 1]]}}}}",
    ],
)
def test_bad_files(tmp_path, content):
    """Most of these end the process where they reach the engine."""
    file = tmp_path / "bad.myb"
    file.write_bytes(content)
    with pytest.raises(BrushError, match=r"bad\.myb cannot be drawn as a brush"):
        Surface(8, 8, brush=file)


@needs_engine
def test_closed():
    surface = Surface(8, 8)
    surface.close()
    surface.close()
    for act in (surface.pixels, surface.reset, lambda: surface.stroke((0, 0), (0, 0), (0, 0), radius=0.1)):
        with pytest.raises(ValueError, match="closed"):
            act()


@needs_engine
def test_installed_brushes_draw():
    """All of them, but those that say what they lack."""
    names = brushes()
    assert "classic/dry_brush" in names
    drawn = 0
    for name in names[::7]:
        try:
            with Surface(16, 16, brush=name) as surface:
                draw(surface, count=2).pixels()
                drawn += 1
        except BrushError as error:
            assert "knows no" in str(error)  # noqa: PT017
    assert drawn > 5


def test_absent_library(monkeypatch):
    monkeypatch.setattr(mypaint, "LIBRARIES", ("libnone.so.0",))
    monkeypatch.setattr(mypaint, "_find", Path)
    mypaint._library.cache_clear()
    mypaint._generator_offset.cache_clear()
    try:
        with pytest.raises(NotInstalled, match=r"libmypaint is not installed: .*apt install libmypaint-1.5-1 mypaint-brushes"):
            Surface(8, 8)
    finally:
        mypaint._library.cache_clear()


def test_absent_brushes(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    for act in (brushes, lambda: Surface(8, 8)):
        with pytest.raises(NotInstalled, match="mypaint-brushes is not installed"):
            act()


def test_light_import():
    code = "import sys, drawgen_envs.mypaint; sys.exit(any(m in sys.modules for m in ('torch', 'drawgen', 'numba')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs_engine
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_no_leak():
    """Thousands of strokes, resets and canvases leave the memory as it was."""

    def kilobytes() -> int:
        return 4 * int(Path("/proc/self/statm").read_text().split()[1])

    def work(times: int) -> None:
        for _ in range(times):
            with Surface(64, 64, brush="classic/pen") as surface:
                for _ in range(5):
                    surface.reset()
                    surface.stroke((0, 0), (0.5, 0), (1, 1), radius=0.02)
                    surface.pixels()

    work(100)
    before = kilobytes()
    work(300)
    assert kilobytes() - before < 2000  # one canvas is 64 kilobytes
