"""The brushes of MyPaint: strokes drawn by libmypaint, as in SPIRAL (Ganin et al. 2018, arXiv:1804.01118).

libmypaint is the engine of a painting program: a stroke is hundreds of dabs, placed by a brush file's rules for pressure, speed and
randomness. It is called through ctypes and has no gradient. Its state cannot be copied; a drawing is rebuilt from its seed and
strokes.

    with Surface(64, 64, brush="classic/dry_brush", seed=1) as surface:
        surface.stroke((0, 0), (1, 0.2), (0.5, 0.9), pressure=(0.3, 1), radius=4 / 64, colour=(0.8, 0.1, 0))
        picture = surface.pixels()  # 64 64 3, uint8

The engine and its brushes are installed separately; this module can be imported without them.
"""

import colorsys
import ctypes
import difflib
import functools
import itertools
import json
import math
import operator
import os
import reprlib
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

INSTALL = (
    "on Debian and Ubuntu `apt install libmypaint-1.5-1 mypaint-brushes`, elsewhere libmypaint 1.5 or later and mypaint-brushes"
)
LIBRARIES = ("libmypaint-1.5.so.1", "libmypaint.so.0", "libmypaint.so", "libmypaint-1.5.1.dylib", "libmypaint.dylib")
COLLECTIONS = ("1.0", "2.0")  # versions of mypaint-brushes, the preferred first: SPIRAL drew with the older

REFERENCE_PX = 64  # SPIRAL's canvas: brushes that heed the speed of the hand behave on every canvas as they do on this one
SUBSTROKES = 50
SUBSTROKE_S = 0.10000000149011612  # SPIRAL's 0.1 in single precision: above 0.1 the engine lets a new touch press at once
MAX_SIDE_PX = 8192
MIN_RADIUS_PX, MAX_RADIUS_PX = 0.2, 1000.0  # the engine's own limits
MARGIN = 1.0  # how far from the canvas a stroke's points may lie, in canvases
MAX_SEED = 2**30 - 1
MAX_FILE_BYTES = 2**20
MAX_POINTS = 64  # of a curve in a brush file; more, or fewer than two, end the process inside the engine

TILE_PX = 64
OPAQUE = 1 << 15  # the engine's one: tiles hold red, green, blue (multiplied by alpha) and alpha in 15 bits

STEPS = np.arange(1, SUBSTROKES + 1)[:, None] / SUBSTROKES
BEZIER = np.concatenate([(1 - STEPS) ** 2, 2 * STEPS * (1 - STEPS), STEPS**2], 1)  # substrokes, points

Point = Sequence[float]


class NotInstalled(ImportError):
    """libmypaint or its brushes are not on this machine."""


class BrushError(ValueError):
    """A brush file that cannot be read or that the engine does not support."""


# ---------------------------------------------------------------- the library


class SettingInfo(ctypes.Structure):
    """The engine's description of a brush setting."""

    _fields_ = [
        ("cname", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("constant", ctypes.c_int),
        ("min", ctypes.c_float),
        ("default", ctypes.c_float),
        ("max", ctypes.c_float),
    ]


class TileRequest(ctypes.Structure):
    """A request for the pixels of one tile, and its result."""

    _fields_ = [
        ("tx", ctypes.c_int),
        ("ty", ctypes.c_int),
        ("readonly", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
        ("thread", ctypes.c_int),
        ("level", ctypes.c_int),
    ]


POINTER, INT, FLOAT, TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_char_p
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "mypaint_brush_new": (POINTER, []),
    "mypaint_brush_unref": (None, [POINTER]),
    "mypaint_brush_reset": (None, [POINTER]),
    "mypaint_brush_new_stroke": (None, [POINTER]),
    "mypaint_brush_from_defaults": (None, [POINTER]),
    "mypaint_brush_get_base_value": (FLOAT, [POINTER, INT]),
    "mypaint_brush_set_base_value": (None, [POINTER, INT, FLOAT]),
    "mypaint_brush_set_mapping_n": (None, [POINTER, INT, INT, INT]),
    "mypaint_brush_set_mapping_point": (None, [POINTER, INT, INT, INT, FLOAT, FLOAT]),
    "mypaint_brush_set_state": (None, [POINTER, INT, FLOAT]),
    "mypaint_brush_stroke_to": (INT, [POINTER, POINTER, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, ctypes.c_double]),
    "mypaint_brush_setting_from_cname": (INT, [TEXT]),
    "mypaint_brush_setting_info": (ctypes.POINTER(SettingInfo), [INT]),
    "mypaint_brush_input_from_cname": (INT, [TEXT]),
    "mypaint_fixed_tiled_surface_new": (POINTER, [INT, INT]),
    "mypaint_tiled_surface_tile_request_start": (None, [POINTER, POINTER]),
    "mypaint_tiled_surface_tile_request_end": (None, [POINTER, POINTER]),
    "mypaint_tile_request_init": (None, [POINTER, INT, INT, INT, INT]),
    "mypaint_surface_begin_atomic": (None, [POINTER]),
    "mypaint_surface_end_atomic": (None, [POINTER, POINTER]),
    "mypaint_surface_unref": (None, [POINTER]),
    "rng_double_new": (POINTER, [ctypes.c_long]),
    "rng_double_set_seed": (None, [POINTER, ctypes.c_long]),
    "rng_double_free": (None, [POINTER]),
}


@functools.cache
def _library() -> ctypes.CDLL:
    """Loads the engine. Raises NotInstalled if it is missing, or lacks functions used here."""
    for name in LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        try:
            for function, (result, arguments) in FUNCTIONS.items():
                getattr(library, function).restype = result
                getattr(library, function).argtypes = arguments
        except AttributeError as error:
            raise NotInstalled(f"{name} lacks {function}; install {INSTALL}") from error
        return library
    raise NotInstalled(f"libmypaint is not installed: {INSTALL}")


@functools.cache
def _generator_offset() -> int:
    """The offset in bytes of the pointer to a brush's random number generator.

    The engine seeds every brush alike and has no function to reseed a brush, only its private generator. A new generator with the
    same seed has the same first numbers, so the pointer to these numbers is the one.
    """
    library = _library()
    brush, twin = library.mypaint_brush_new(), library.rng_double_new(1000)
    libc, (reader, writer) = ctypes.CDLL(None), os.pipe()
    try:
        numbers = ctypes.string_at(twin, 80)
        for offset in range(0, 512, ctypes.sizeof(POINTER)):
            address = POINTER.from_address(brush + offset).value
            # The operating system reads for us: what is no address gives an error there, not a crash.
            written = libc.write(writer, POINTER(address), ctypes.c_size_t(len(numbers))) if address else 0
            if written > 0 and os.read(reader, written) == numbers:
                return offset
    finally:
        os.close(reader)
        os.close(writer)
        library.rng_double_free(twin)
        library.mypaint_brush_unref(brush)
    raise NotInstalled(f"this build of libmypaint does not let its chance be seeded; install {INSTALL}")


# ---------------------------------------------------------------- brush files


def _folders() -> list[Path]:
    """The folders that may have brushes on this machine, in order of preference."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    shares = [home, *(os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(os.pathsep)]
    return [Path(share) / "mypaint-data" / version / "brushes" for version in COLLECTIONS for share in shares]


def brushes() -> list[str]:
    """The names of the installed brushes ("classic/dry_brush"), sorted. Raises NotInstalled if there are none.

    A few brushes of mypaint-brushes 2 need a newer engine than 1.6; Surface then raises an error.
    """
    names = {file.relative_to(root).with_suffix("").as_posix() for root in _folders() for file in root.rglob("*.myb")}
    if not names:
        raise NotInstalled(f"mypaint-brushes is not installed: {INSTALL}")
    return sorted(names)


def _find(brush: str | os.PathLike[str]) -> Path:
    """The file of a brush: a path as it is, a name in the folders. Raises ValueError for an unknown name."""
    path = Path(brush)
    if not isinstance(brush, str) or path.suffix == ".myb":
        return path
    for root in _folders():
        if not path.is_absolute() and ".." not in path.parts and (root / f"{brush}.myb").is_file():
            return root / f"{brush}.myb"
    names = brushes()
    near = [name for name in names if name.split("/")[-1] == brush] or difflib.get_close_matches(brush, names, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "brushes() lists them"
    raise ValueError(f"no brush {brush!r}; {hint}")


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{reprlib.repr(value)} is not a number")
    if not abs(value) < 1e9:
        raise ValueError(f"{reprlib.repr(value)} is out of range")
    return float(value)


def _settings(path: Path) -> Iterator[tuple[int, float, dict[int, list[tuple[float, float]]]]]:
    """(setting, base value, curve of every input) of a brush file. Raises BrushError.

    Everything is checked here, because the engine aborts the process on a bad file.
    """
    library = _library()
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError("it is too large")
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("version") != 3 or not isinstance(content.get("settings"), dict):
            raise ValueError("it is not of version 3")
        for name, entry in content["settings"].items():
            setting = library.mypaint_brush_setting_from_cname(name.encode())
            if setting < 0:
                raise ValueError(f"the installed libmypaint knows no setting {reprlib.repr(name)}")
            if not isinstance(entry, dict) or not isinstance(entry.get("inputs"), dict):
                raise ValueError(f"{name} has no inputs")
            info = library.mypaint_brush_setting_info(setting).contents
            base, slack = _number(entry.get("base_value")), 1e-5
            if not info.min - slack <= base <= info.max + slack:
                raise ValueError(f"{name} is {base}, outside {info.min:g} to {info.max:g}")
            curves = {}
            for of, points in entry["inputs"].items():
                which = library.mypaint_brush_input_from_cname(of.encode())
                if which < 0:
                    raise ValueError(f"the installed libmypaint knows no input {reprlib.repr(of)}")
                curve = [(_number(x), _number(y)) for x, y in points]
                if not 2 <= len(curve) <= MAX_POINTS or any(a[0] > b[0] for a, b in itertools.pairwise(curve)):
                    raise ValueError(f"the curve of {name} over {of} needs 2 to {MAX_POINTS} points of rising x")
                if any(abs(y) > info.max - info.min + slack for _, y in curve):
                    raise ValueError(f"the curve of {name} over {of} leaves the range of {info.min:g} to {info.max:g}")
                curves[which] = curve
            yield setting, base, curves
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise BrushError(f"{path} cannot be drawn as a brush: {error}; take another file or a name of brushes()") from error


def _load(brush: int, path: Path, scale: float) -> None:
    """Applies a file's settings to a brush, so that it draws the same on a canvas `scale` times larger as on the reference.

    Most of the engine is relative to the radius. The settings in pixels are scaled here: the speed of the hand, the distance over
    which its direction is smoothed, the grid, and the radius as an input.
    """
    library = _library()
    shift = math.log(scale)
    setting, which = library.mypaint_brush_setting_from_cname, library.mypaint_brush_input_from_cname
    library.mypaint_brush_from_defaults(brush)
    settings = list(_settings(path))
    for number, base, _ in settings:
        library.mypaint_brush_set_base_value(brush, number, base)

    moved: dict[int, Callable[[float], float]] = {which(b"brush_radius"): lambda x: x + shift}
    for name in (b"speed1", b"speed2"):
        gamma = library.mypaint_brush_get_base_value(brush, setting(name + b"_gamma"))
        moved[which(name)] = functools.partial(_speed, gamma=gamma, shift=shift)
        library.mypaint_brush_set_base_value(brush, setting(name + b"_gamma"), gamma + shift)
    grid, smoothing = setting(b"gridmap_scale"), setting(b"direction_filter")
    library.mypaint_brush_set_base_value(brush, grid, library.mypaint_brush_get_base_value(brush, grid) + shift)
    smooth_px = math.expm1(library.mypaint_brush_get_base_value(brush, smoothing) / 2) * scale
    library.mypaint_brush_set_base_value(brush, smoothing, 2 * math.log1p(smooth_px))

    for number, _, curves in settings:
        library.mypaint_brush_set_mapping_n(brush, number, which(b"pressure"), 0)  # the default has such a curve
        for of, curve in curves.items():
            library.mypaint_brush_set_mapping_n(brush, number, of, len(curve))
            for index, (x, y) in enumerate(curve):
                x = moved[of](x) if of in moved else x
                library.mypaint_brush_set_mapping_point(brush, number, of, index, x, y)


def _speed(value: float, *, gamma: float, shift: float) -> float:
    """The engine's speed input if all speeds are exp(shift) times higher and its gamma is shifted by the same amount.

    The input is m log(exp(gamma) + speed) + q, with m and q such that at 45 px/s it is 0.5 and rises by 0.015.
    """

    def line(gamma: float) -> tuple[float, float]:
        m = 0.015 * (45 + math.exp(gamma))
        return m, 0.5 - m * math.log(45 + math.exp(gamma))

    (m, q), (m_new, q_new) = line(gamma), line(gamma + shift)
    return m_new * ((value - q) / m + shift) + q_new


# ---------------------------------------------------------------- the canvas


def _in_range(name: str, value: float, low: float, high: float) -> float:
    number = float(value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be {low:g} to {high:g}, not {value!r}")
    return number


def _point(name: str, point: Point) -> tuple[float, float]:
    if len(point) != 2:
        raise ValueError(f"{name} must be x and y, not {point!r}")
    return _in_range(name, point[0], -MARGIN, 1 + MARGIN), _in_range(name, point[1], -MARGIN, 1 + MARGIN)


class Surface:
    """One canvas of libmypaint with one brush.

    Points are (x, y), fractions of the canvas's width and height: (0, 0) is the top left corner of the top left pixel. A radius is
    a fraction of the shorter side, so that SPIRAL's sizes of 1 to 24 pixels on 64 are 1/64 to 24/64; the brush file's own curves
    may widen or narrow it. The same strokes on a larger canvas are the same drawing at a higher resolution.

    `seed` determines the brush's scatter. The same seed and strokes give the same pixels, whatever other surfaces do in between.
    Surfaces may be in different threads, each in one at a time.

    Raises NotInstalled without libmypaint or its brushes, BrushError for a bad brush file, ValueError for a bad value.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        brush: str | os.PathLike[str] = "classic/dry_brush",
        seed: int = 0,
        background: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        """`brush` is a name of `brushes()` or the path of a .myb file; `background` is red, green, blue in [0, 1]."""
        for name, side in (("height", height), ("width", width)):
            if not 1 <= operator.index(side) <= MAX_SIDE_PX:
                raise ValueError(f"{name} must be 1 to {MAX_SIDE_PX} pixels, not {side}")
        self.height, self.width, self.side = int(height), int(width), int(min(height, width))
        red, green, blue = (_in_range("background", channel, 0, 1) for channel in background)
        self.background = (np.array([red, green, blue, 1]) * OPAQUE).round().astype(np.uint16)
        path = _find(brush)

        library = _library()
        offset = _generator_offset()
        self._library = library
        self._brush = library.mypaint_brush_new()
        self._surface = library.mypaint_fixed_tiled_surface_new(self.width, self.height)
        if not self._surface:
            library.mypaint_brush_unref(self._brush)
            raise MemoryError(f"no memory for a canvas of {self.width}x{self.height} pixels")
        self._finalizer = weakref.finalize(self, _free, library, self._brush, self._surface)
        try:
            _load(self._brush, path, self.side / REFERENCE_PX)
        except BrushError:
            self.close()
            raise
        self._generator = ctypes.c_void_p.from_address(self._brush + offset).value
        self._dirty = (ctypes.c_int * 4)()
        self._path = np.zeros((SUBSTROKES, 3), np.float32)  # x, y in pixels and pressure of every substroke
        self._move_along_path = self._calls(library)
        self._tiles = self._map_tiles()
        self._settings = [library.mypaint_brush_setting_from_cname(b"radius_logarithmic")]
        self._settings += [library.mypaint_brush_setting_from_cname(name) for name in (b"color_h", b"color_s", b"color_v")]
        self.seed = 0
        self.reset(seed=seed)

    def _calls(self, library: ctypes.CDLL) -> Callable[[], object]:
        """The calls that draw `_path`, prepared once: ctypes takes half the time without conversions."""
        stroke_to = ctypes.CDLL(library._name).mypaint_brush_stroke_to  # of the same library, without the conversions of arguments
        brush, surface, tilt, seconds = POINTER(self._brush), POINTER(self._surface), FLOAT(0), ctypes.c_double(SUBSTROKE_S)
        events = [
            (brush, surface, *(FLOAT.from_buffer(self._path.data, 4 * (3 * event + k)) for k in range(3)), tilt, tilt, seconds)
            for event in range(SUBSTROKES)
        ]
        return lambda: deque(itertools.starmap(stroke_to, events), maxlen=0)

    def _map_tiles(self) -> np.ndarray:
        """The engine's memory of the canvas: rows and columns of tiles, height, width, RGBA."""
        rows, columns = -(-self.height // TILE_PX), -(-self.width // TILE_PX)
        size = TILE_PX * TILE_PX * 4 * 2

        def address(row: int, column: int) -> int:
            request = TileRequest()
            self._library.mypaint_tile_request_init(ctypes.byref(request), 0, column, row, 1)
            self._library.mypaint_tiled_surface_tile_request_start(self._surface, ctypes.byref(request))
            self._library.mypaint_tiled_surface_tile_request_end(self._surface, ctypes.byref(request))
            return int(request.buffer or 0)

        first = address(0, 0)
        if address(rows - 1, columns - 1) != first + (rows * columns - 1) * size:
            raise NotInstalled(f"this build of libmypaint orders its pixels in another way; install {INSTALL}")
        memory = (ctypes.c_uint16 * (rows * columns * size // 2)).from_address(first)
        return np.ctypeslib.as_array(memory).reshape(rows, columns, TILE_PX, TILE_PX, 4)

    def __enter__(self) -> "Surface":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a libmypaint canvas cannot be copied or pickled; make another and give it this one's state_dict()")

    def close(self) -> None:
        """Frees the memory; a second call does nothing. An unreferenced surface is freed automatically."""
        self._finalizer()

    def _check_open(self) -> None:
        if not self._finalizer.alive:
            raise ValueError("this canvas is closed")

    def reset(self, *, seed: int | None = None) -> None:
        """Clears the canvas and resets the brush, with `seed` (0 to 2**30 - 1) or the last seed."""
        self._check_open()
        if seed is not None:
            if not 0 <= operator.index(seed) <= MAX_SEED:
                raise ValueError(f"seed must be 0 to {MAX_SEED}, not {seed}")
            self.seed = int(seed)
        self._tiles.view(np.uint64).fill(self.background.view(np.uint64)[0])  # sixteen times faster than by channel
        self._strokes = array("d")
        self._pen: tuple[float, float, float] | None = None  # where the brush stands, and with what pressure
        library, brush = self._library, self._brush
        # The engine's own reset waits for the next event, which also clears what no function reaches. Only the position pulls at
        # the event after, and goes back to where a new brush has it. The generator comes last, since that event draws numbers.
        self._lift(0.0, 0.0)
        for state in (0, 1):  # x and y
            library.mypaint_brush_set_state(brush, state, 0.0)
        library.rng_double_set_seed(self._generator, self.seed)

    def _lift(self, x: float, y: float) -> None:
        self._library.mypaint_brush_reset(self._brush)
        self._library.mypaint_brush_new_stroke(self._brush)
        self._library.mypaint_brush_stroke_to(self._brush, self._surface, x, y, 0.0, 0.0, 0.0, SUBSTROKE_S)

    def stroke(
        self,
        start: Point,
        control: Point,
        end: Point,
        *,
        pressure: tuple[float, float] = (1.0, 1.0),
        radius: float,
        colour: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> None:
        """One quadratic Bezier curve, drawn as SPIRAL draws it: 50 straight moves of 0.1 s each, evenly in the curve's parameter.

        Pressure changes linearly from the first value to the second; radius and colour (red, green, blue in [0, 1]) change at once.
        A stroke that starts at the end of the last one, with its pressure, continues it, including its speed. Any other stroke
        lifts the brush, puts it down at the start without pressure, and presses, as SPIRAL does after a move. Points may be up to
        one canvas outside. Radii are in (0, 1] and at most 1000 pixels; below 0.2 pixels they are drawn as 0.2. For a grey canvas,
        omit the colour and take one channel of the pixels.
        """
        self._check_open()
        (x0, y0), (xc, yc), (x1, y1) = _point("start", start), _point("control", control), _point("end", end)
        first, last = (_in_range("pressure", p, 0, 1) for p in pressure)
        red, green, blue = (_in_range("colour", channel, 0, 1) for channel in colour)
        radius_px = _in_range("radius", radius, 0, 1) * self.side
        if not 0 < radius_px <= MAX_RADIUS_PX:
            raise ValueError(f"radius must be above 0 and at most {MAX_RADIUS_PX / self.side:g} on this canvas, not {radius!r}")
        self._strokes.extend((x0, y0, xc, yc, x1, y1, first, last, radius, red, green, blue))

        library, brush, surface = self._library, self._brush, self._surface
        for setting, value in zip(
            self._settings, (math.log(max(radius_px, MIN_RADIUS_PX)), *colorsys.rgb_to_hsv(red, green, blue)), strict=True
        ):
            library.mypaint_brush_set_base_value(brush, setting, value)
        corners = np.array([(x0, y0, first), (xc, yc, (first + last) / 2), (x1, y1, last)]) * (self.width, self.height, 1)
        library.mypaint_surface_begin_atomic(surface)
        if self._pen != (x0, y0, first):
            self._lift(x0 * self.width, y0 * self.height)
            library.mypaint_brush_stroke_to(brush, surface, x0 * self.width, y0 * self.height, first, 0.0, 0.0, SUBSTROKE_S)
        np.matmul(BEZIER, corners, out=self._path, casting="same_kind")
        self._move_along_path()
        library.mypaint_surface_end_atomic(surface, self._dirty)
        self._pen = (x1, y1, last)

    def pixels(self) -> np.ndarray:
        """A copy of the current picture, height width 3, uint8. Erased pixels show the background."""
        self._check_open()
        tiles = self._tiles
        if tiles.view(np.uint64).min() >> 48 < OPAQUE:  # alpha stands in the highest bits of a pixel
            behind = (OPAQUE - tiles[..., 3:].astype(np.uint32)) * self.background + OPAQUE // 2
            tiles = np.minimum(tiles + (behind >> 15), OPAQUE).astype(np.uint16)
        # round(255 z / 2**15) for every z of 0 to 2**15, in 16 bits
        bytes_ = ((tiles - ((tiles + 255) >> 8) + 64) >> 7).astype(np.uint8)
        rows, columns = tiles.shape[:2]
        picture = bytes_.swapaxes(1, 2).reshape(rows * TILE_PX, columns * TILE_PX, 4)
        return picture[: self.height, : self.width, :3].copy()

    # ---------------------------------------------------------------- saved and rebuilt

    def state_dict(self) -> dict[str, Any]:
        """The seed, and the strokes since the last reset as a float64 array of 12 columns; they rebuild this drawing.

        The columns: x and y of start, control, end; the two pressures; radius; red, green, blue. 96 bytes per stroke.
        """
        return {"seed": self.seed, "strokes": np.array(self._strokes).reshape(-1, 12)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resets with the seed and draws the strokes: bit for bit the drawing of the other surface, of the same size and brush."""
        strokes = np.asarray(state["strokes"], np.float64)
        if strokes.ndim != 2 or strokes.shape[1] != 12:
            raise ValueError(f"strokes must have 12 columns, not the shape {strokes.shape}")
        self.reset(seed=state["seed"])
        for row in strokes.tolist():
            self.stroke(row[0:2], row[2:4], row[4:6], pressure=(row[6], row[7]), radius=row[8], colour=row[9:12])


def _free(library: ctypes.CDLL, brush: int, surface: int) -> None:
    library.mypaint_surface_unref(surface)
    library.mypaint_brush_unref(brush)
