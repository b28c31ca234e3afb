"""Reads the strokes of an SVG as curves for a pen.

svgelements parses paths, transforms, lengths and colours. The document is walked here: its own reader draws symbols and markers
where they are defined, forgets where a nested svg stands, and lets NaN pass.
"""

import errno
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import svgelements
from jaxtyping import Float

from drawgen.files import read_bytes, reason
from drawgen.image_reading import ImageError
from drawgen.strokes.lines import Curve, Drawing, Points, Window, flattened, within
from drawgen.strokes.svg_styles import INHERITED, MARKERS, NUMBER, checked, colour, css, share, style_of, tag_of

LARGEST = 1 << 25
"""Largest file, in bytes."""
MOST_ELEMENTS, DEEPEST = 200_000, 100
"""Elements of a document, copies by `use` included, and groups within groups."""
PIXEL_MM = 25.4 / 96
FONT_PX = 16
"""What em is taken for."""
HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
GROUPS = ("g", "a", "svg", "switch")
SHAPES = ("path", "rect", "circle", "ellipse", "line", "polyline", "polygon")
LEFT_OUT = {
    "text": "text, which is to be converted to paths",
    "image": "images",
    "foreignObject": "foreign objects",
    "video": "videos",
}
"""What people see and a pen does not draw; everything else that is not a group or a shape is seen by nobody."""
CLIPPED = "clip paths and masks, which cut nothing"
FILLED = "filled shapes without a stroke"
UNITS = {"px": 1, "pt": 96 / 72, "pc": 16, "cm": 96 / 2.54, "mm": 96 / 25.4, "in": 96, "q": 96 / 101.6}
"""In pixels."""
TRANSFORMS = re.compile(r"(?:\s*(?:matrix|translate[XY]?|scale[XY]?|rotate|skew[XY]?)\s*\([^()]*\)[\s,]*)*", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where the walk is."""

    matrix: Float[np.ndarray, "2 3"]
    """From the element's coordinates to pixels of the page."""
    viewport: tuple[float, float]
    """What percentages are of."""
    style: dict[str, str]
    opacity: float = 1.0
    depth: int = 0
    within: tuple[str, ...] = ()
    """The ids of the elements that are being copied."""


@dataclass
class Found:
    curves: list[Curve] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """What is seen and not drawn."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """What changes how strokes look and is not heeded."""
    elements: int = 0


OUTLINES = "`outlines` draws the outlines of filled shapes"
"""What helps with a drawing of filled shapes."""


def read_svg(path: Path, *, outlines: bool = False, hint: str = OUTLINES, say: Callable[[str], object] = lambda _: None) -> Drawing:
    """The strokes of an SVG, in pixels (1/96 inch); with `outlines` also the outlines of filled shapes that have no stroke, in the
    colour of the filling and with the width 0. The frame is the smallest rectangle with all that is seen; what lies beyond the edge
    of the document is not. What is left out is reported to `say`, with the `hint` if that is filled shapes. Raises ImageError."""
    name = str(path)
    root = parsed(path)
    ids = {element.get("id", ""): element for element in root.iter()}
    found = Found()
    rules = css("".join(element.text or "" for element in root.iter() if tag_of(element) == "style"), found.passed_over)
    viewport, matrix = page_of(root, name)
    box = viewbox_of(root, name)
    start = Place(matrix, box[2:] if box else viewport or (1000.0, 1000.0), INHERITED)
    walk(root, start, found, ids, rules, name, outlines=outlines)
    told, passed_over = (
        ", ".join(f"{what} ({count})" for what, count in sorted(each.items())) for each in (found.left_out, found.passed_over)
    )
    mend = f"; {hint}" if FILLED in found.left_out else ""
    if not found.curves:
        raise ImageError(f"{name} has no strokes" + (f", only {told}{mend}" if told else "; give a drawing of lines"))
    if told:
        say(f"{name}: not drawn: {told}{mend}")
    if passed_over:
        say(f"{name}: not heeded: {passed_over}")
    return Drawing(found.curves, seen(found.curves, viewport, name), PIXEL_MM)


def parsed(path: Path) -> Element:
    """The root element. Raises ImageError for what is not an SVG."""
    try:
        data = read_bytes(path, LARGEST)
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; check the path") from error
    except OSError as error:
        mend = "simplify it" if error.errno == errno.EFBIG else "check the path"
        raise ImageError(f"{path} cannot be read ({reason(error)}); {mend}") from error
    if not data.strip():
        raise ImageError(f"{path} is empty; write it again")
    if data.startswith(b"\x1f\x8b"):
        raise ImageError(f"{path} is compressed; unpack it first: gunzip -c FILE.svgz > FILE.svg")
    if re.search(rb"<!ENTITY[^>]*\s(SYSTEM|PUBLIC)\s", data):
        raise ImageError(f"{path} refers to entities in other files, which are not read; save it as plain SVG")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ImageError(f"{path} is not XML that can be read ({error}); save it again as SVG") from error
    if tag_of(root) != "svg":
        raise ImageError(f"{path} is not an SVG: it begins with <{str(root.tag)[:60]}>")
    return root


# ---------------------------------------------------------------- lengths and places


def span(element: Element, attribute: str, whole: float, name: str, default: str = "0") -> float:
    """A length in pixels; percentages are of `whole`."""
    text = (element.get(attribute) or default).strip()
    if NUMBER.fullmatch(text):
        return checked(text, name, attribute)
    match = re.fullmatch(rf"({NUMBER.pattern})\s*(px|pt|pc|cm|mm|in|q|em|ex|rem|%)", text, re.IGNORECASE)
    if match is None:
        raise ImageError(f"{name} has {text!r:.60} as {attribute}, which is no length; give a number, or one in mm")
    unit = match[2].lower()
    sizes = UNITS | {"%": whole / 100, "ex": FONT_PX / 2, "em": FONT_PX, "rem": FONT_PX}
    return checked(match[1], name, attribute) * sizes[unit]


def viewbox_of(element: Element, name: str) -> Window | None:
    """x, y, width and height."""
    text = element.get("viewBox")
    if text is None:
        return None
    numbers = [checked(part, name, "viewBox") for part in re.split(r"[\s,]+", text.strip())]
    if len(numbers) != 4 or min(numbers[2:]) <= 0:
        raise ImageError(f"{name} has the viewBox {text!r:.60}; four numbers are wanted, the last two above 0")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def page_of(root: Element, name: str) -> tuple[tuple[float, float] | None, Float[np.ndarray, "2 3"]]:
    """The document's width and height in pixels, if it has any, and the way to pixels."""
    box = viewbox_of(root, name)
    sides: list[float | None] = []
    for attribute in ("width", "height"):
        text = (root.get(attribute) or "auto").strip()
        sides.append(None if text.endswith("%") or text == "auto" else span(root, attribute, 0.0, name))
    width, height = sides
    if box is not None:
        width, height = (
            (box[2] if height is None else height * box[2] / box[3]) if width is None else width,
            (box[3] if width is None else width * box[3] / box[2]) if height is None else height,
        )
    if width is None or height is None:
        return None, np.eye(2, 3)
    if min(width, height) <= 0:
        raise ImageError(f"{name} is {width:g} x {height:g} pixels; width and height have to be above 0")
    if box is None:
        return (width, height), np.eye(2, 3)
    return (width, height), window_to((0.0, 0.0, width, height), box, root.get("preserveAspectRatio"), name)


def window_to(into: Window, box: Window, aspect: str | None, name: str) -> Float[np.ndarray, "2 3"]:
    """The transform of a viewBox into x, y, width, height."""
    return matrix_of(svgelements.Viewbox.viewbox_transform(*into, *box, aspect or "xMidYMid meet"), name)


def matrix_of(text: str | None, name: str) -> Float[np.ndarray, "2 3"]:
    """A transform. Raises ImageError."""
    if not text or text.strip().lower() == "none":
        return np.eye(2, 3)
    try:
        if not TRANSFORMS.fullmatch(text) or re.search(r"nan|inf", text, re.IGNORECASE):
            raise ValueError(text)  # svgelements passes over what it does not know
        m = svgelements.Matrix(re.sub(rf"({NUMBER.pattern})(px|pt|pc|cm|mm|in|q|deg)\b", in_pixels, text, flags=re.IGNORECASE))
        found = np.array([[m.a, m.c, m.e], [m.b, m.d, m.f]], float)
    except (ValueError, TypeError, IndexError, AttributeError, KeyError) as error:
        raise ImageError(f"{name} has the transform {text!r:.60}, which cannot be read; save it again as plain SVG") from error
    if not (np.abs(found) < 1e9).all():
        raise ImageError(f"{name} has the transform {text!r:.60}, which holds no finite numbers")
    return found


def in_pixels(match: re.Match[str]) -> str:
    """A length of CSS as a number of pixels; degrees as they are."""
    return repr(float(match[1]) * UNITS.get(match[2].lower(), 1))


def after(outer: Float[np.ndarray, "2 3"], inner: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    """The transform that does `inner` first."""
    return outer @ np.concatenate([inner, [[0.0, 0.0, 1.0]]])


# ---------------------------------------------------------------- the walk


def walk(
    element: Element,
    place: Place,
    found: Found,
    ids: dict[str, Element],
    rules: list[tuple[str, dict[str, str]]],
    name: str,
    *,
    outlines: bool,
    size: tuple[str | None, str | None] = (None, None),
) -> None:
    """Adds what an element draws. `size` overrides the size of an svg or a symbol that is copied."""
    tag = tag_of(element)
    found.elements += 1
    if found.elements > MOST_ELEMENTS:
        raise ImageError(f"{name} has more than {MOST_ELEMENTS} elements, copies included; simplify it")
    if place.depth > DEEPEST:
        raise ImageError(f"{name} has more than {DEEPEST} groups within groups; simplify it")
    own = style_of(element, rules)
    if own.get("display") == "none":
        return
    style = place.style | {key: own[key] for key in INHERITED if own.get(key, "inherit") != "inherit"}
    matrix = place.matrix if tag == "svg" and place.depth == 0 else after(place.matrix, matrix_of(own.get("transform"), name))
    opacity = place.opacity * share(own.get("opacity"), name)
    for what, told in (("clip-path", CLIPPED), ("mask", CLIPPED), ("transform-origin", "transform-origin")):
        if own.get(what, "none") != "none":
            found.passed_over[told] += 1
    here = replace(place, matrix=matrix, style=style, opacity=opacity, depth=place.depth + 1)
    if tag in LEFT_OUT:
        found.left_out[LEFT_OUT[tag]] += 1
    elif tag in SHAPES:
        add_shape(element, tag, own, here, found, name, outlines=outlines)
    elif tag == "use":
        target = next((element.get(href, "") for href in HREFS if element.get(href)), "")
        copied = ids.get(target[1:]) if target.startswith("#") and target != "#" else None
        if copied is None:
            found.left_out["copies of what is not there"] += 1
            return
        if target in place.within:
            raise ImageError(f"{name} has a `use` of {target!r:.60} within itself")
        x, y = (span(element, side, whole, name) for side, whole in zip("xy", here.viewport, strict=True))
        moved = after(matrix, np.array([[1.0, 0.0, x], [0.0, 1.0, y]]))
        here = replace(here, matrix=moved, within=(*place.within, target))
        sizes = element.get("width"), element.get("height")
        walk(copied, here, found, ids, rules, name, outlines=outlines, size=sizes)
    elif tag in GROUPS or (tag == "symbol" and place.within):
        if tag in ("svg", "symbol") and place.depth > 0:
            nested = in_nested(element, here, size, name)
            if nested is None:
                return
            here = nested
        for child in element:
            if tag == "switch" and child.get("requiredExtensions"):
                continue
            walk(child, here, found, ids, rules, name, outlines=outlines)
            if tag == "switch":
                break


def in_nested(element: Element, place: Place, size: tuple[str | None, str | None], name: str) -> Place | None:
    """The place inside of an svg within the document, or of a symbol; None if it has no size."""
    sized = Element("svg", {key: value for key, value in zip(("width", "height"), size, strict=True) if value})
    x, y = (span(element, side, whole, name) for side, whole in zip("xy", place.viewport, strict=True))
    width, height = (
        span(sized if sized.get(side) else element, side, whole, name, "100%")
        for side, whole in zip(("width", "height"), place.viewport, strict=True)
    )
    if width <= 0 or height <= 0:
        return None
    box = viewbox_of(element, name)
    into = (x, y, width, height)
    if box is None:
        inner, viewport = np.array([[1.0, 0.0, x], [0.0, 1.0, y]]), (width, height)
    else:
        inner, viewport = window_to(into, box, element.get("preserveAspectRatio"), name), box[2:]
    return replace(place, matrix=after(place.matrix, inner), viewport=viewport)


def add_shape(element: Element, tag: str, own: dict[str, str], place: Place, found: Found, name: str, *, outlines: bool) -> None:
    style, diagonal = place.style, math.hypot(*place.viewport) / math.sqrt(2)
    if style["visibility"] in ("hidden", "collapse"):
        return
    stroke = colour(style["stroke"], style["color"], found.passed_over)
    width = span(Element("stroke", {"stroke-width": style["stroke-width"]}), "stroke-width", diagonal, name)
    if stroke is not None and stroke[1] * share(style["stroke-opacity"], name) * place.opacity > 0 and width > 0:
        if own.get("vector-effect") != "non-scaling-stroke":
            width *= math.sqrt(abs(np.linalg.det(place.matrix[:, :2])))
        ink = stroke[0]
    else:
        fill = colour(style["fill"], style["color"], found.passed_over if outlines else Counter())
        if fill is None or fill[1] * share(style["fill-opacity"], name) * place.opacity == 0 or tag == "line":
            return
        if not outlines:
            found.left_out[FILLED] += 1
            return
        ink, width = fill[0], 0.0
    if own.get("stroke-dasharray", "none") not in ("none", "", "0") and width > 0:
        found.passed_over["dashes, which are drawn through"] += 1
    if any(own.get(marker, "none") != "none" for marker in ("marker", *MARKERS)):
        found.left_out["markers, such as arrow heads"] += 1
    dots = style["stroke-linecap"] in ("round", "square")
    for pieces in subpaths(shape_of(element, tag, place.viewport, name), name):
        moved = [piece @ place.matrix[:, :2].T + place.matrix[:, 2] for piece in pieces]
        extent = np.ptp(np.concatenate(moved), 0).max()
        if not extent < 1e9:
            raise ImageError(f"{name} has a <{tag}> with numbers beyond 1e9; give smaller coordinates")
        if extent > 0 or dots:
            found.curves.append(Curve(moved, ink, width))


def shape_of(element: Element, tag: str, viewport: tuple[float, float], name: str) -> Any:
    """The shape as a path of svgelements. Raises ImageError."""
    wide, tall = viewport
    diagonal = math.hypot(wide, tall) / math.sqrt(2)

    def read(attribute: str, whole: float) -> float:
        return span(element, attribute, whole, name)

    if tag in ("polyline", "polygon"):
        numbers = [float(number) for number in NUMBER.findall(element.get("points", ""))]
        spots = list(zip(numbers[::2], numbers[1::2], strict=False))
        commands = " ".join(f"{x!r},{y!r}" for x, y in spots)
        text = f"M{commands}" + ("z" if tag == "polygon" else "") if spots else ""
    elif tag == "line":
        text = f"M{read('x1', wide)!r},{read('y1', tall)!r}L{read('x2', wide)!r},{read('y2', tall)!r}"
    elif tag == "rect":
        width, height = read("width", wide), read("height", tall)
        if width <= 0 or height <= 0:
            return []
        rx, ry = (None if element.get(key, "auto") == "auto" else read(key, whole) for key, whole in (("rx", wide), ("ry", tall)))
        rounds = {"rx": ry if rx is None else rx, "ry": rx if ry is None else ry}
        rounds = {key: value for key, value in rounds.items() if value}
        return svgelements.Path(svgelements.Rect(read("x", wide), read("y", tall), width, height, **rounds))
    elif tag in ("circle", "ellipse"):
        rx, ry = (read("r", diagonal),) * 2 if tag == "circle" else (read("rx", wide), read("ry", tall))
        if rx <= 0 or ry <= 0:
            return []
        return svgelements.Path(svgelements.Ellipse(read("cx", wide), read("cy", tall), rx, ry))
    else:
        text = element.get("d", "")
    if re.search(r"nan|inf", text, re.IGNORECASE):
        raise ImageError(f"{name} has a <{tag}> with numbers that are not finite")
    try:
        return svgelements.Path(text)
    except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise ImageError(f"{name} has a path that cannot be read: {text!r:.60}; save it again as plain SVG") from error


def subpaths(path: Any, name: str) -> Iterator[list[Points]]:
    """The Bezier curves of each part of a path between two moves; arcs of ellipses become cubic ones."""
    pieces: list[Points] = []
    for segment in path:
        if isinstance(segment, svgelements.Move):
            if pieces:
                yield pieces
            pieces = []
            continue
        if isinstance(segment, svgelements.Arc):
            parts = list(segment.as_cubic_curves()) if segment.rx and segment.ry else [svgelements.Line(segment.start, segment.end)]
        else:
            parts = [segment]
        for part in parts:
            controls = (
                part.start,
                *(getattr(part, key) for key in ("control", "control1", "control2") if hasattr(part, key)),
                part.end,
            )
            if any(point is None for point in controls):
                continue
            points = np.array([[point.x, point.y] for point in controls], float)
            if not np.isfinite(points).all():
                raise ImageError(f"{name} has a path with numbers that are not finite")
            pieces.append(points)
        if isinstance(segment, svgelements.Close):
            yield pieces
            pieces = []
    if pieces:
        yield pieces


def seen(curves: list[Curve], viewport: tuple[float, float] | None, name: str) -> Window:
    """The smallest rectangle with all that lies in the document's own. Raises ImageError if nothing does."""
    controls = np.concatenate([piece for curve in curves for piece in curve.pieces])
    tolerance = max(float(np.ptp(controls, 0).max()) / 2000, 1e-6)
    lines = [flattened(curve.pieces, tolerance) for curve in curves]
    if viewport is not None:
        lines = [part for line in lines for part in within(line, (0.0, 0.0, *viewport))]
    if not lines:
        raise ImageError(f"{name} has no strokes within its page of {viewport[0]:g} x {viewport[1]:g} pixels" if viewport else name)
    every = np.concatenate(lines)
    (left, top), (right, bottom) = every.min(0).tolist(), every.max(0).tolist()
    return left, top, right, bottom
