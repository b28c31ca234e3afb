"""A painting as lines for a pen: centre lines, hatching, and what later strokes hide.

Axes: S strokes, P numbers of a stroke, H rows, W columns.

A pen's ink does not cover another's. So what a painting's later strokes cover should not be drawn at all.
"""

import math

import numpy as np
import torch
from drawgen_envs.brush import COLUMNS, paint_
from jaxtyping import Bool, Float, Int

from drawgen.strokes.lines import TOLERANCE_MM, Line, Points, flattened, on_paper, shown_parts
from drawgen.strokes.painting import Painting, colour_code
from drawgen.strokes.plotting import Placement

SEEN_PX = 1024
"""Longer side of the raster on which it is decided what is hidden."""
SHOWS = 0.1
"""A stroke is hidden if no more than this fraction of it shows through anywhere."""
COVERS = 0.5
"""Opacity from which on a stroke counts as covering, where lines are cut."""
JOINED = 10.0
"""Longest way between two parallel lines of a hatched stroke that the pen goes on the paper, in widths of the pen."""


def lines_of(painting: Painting, placement: Placement, *, pen_mm: float | None = None, hidden: str | None = None) -> list[Line]:
    """The strokes as lines on the page, in the order in which they are painted.

    Without `pen_mm` each is its centre line with its mean width; with it, wide strokes are hatched. `hidden` says what becomes of
    strokes that later ones cover: "keep", "drop" those of which nothing shows, or "cut" all lines to what shows. None is "cut"
    where strokes are hatched, since ink upon ink would soak the paper, and else "drop".
    """
    height, width = painting.size
    if hidden is None:
        widest = float(painting.strokes[:, 6:8].max()) * min(height, width) if len(painting.strokes) else 0.0
        hidden = "cut" if pen_mm is not None and is_wide(widest, pen_mm / placement.scale) else "drop"
    gone = covered(painting) if hidden == "drop" else np.zeros(len(painting.strokes), bool)
    uppermost = owners(painting) if hidden == "cut" else None
    lines = []
    for number, stroke in enumerate(painting.strokes):
        x0, y0, x1, y1, x2, y2, r0, r1, opacity = stroke[:9].double().tolist()
        radii = max(0.0, r0) * min(height, width), max(0.0, r1) * min(height, width)
        if gone[number] or max(radii) == 0 or opacity == 0:
            continue
        curve = np.array([[x0, y0], [x1, y1], [x2, y2]]) * (width, height)
        if pen_mm is None:
            drawn = [flattened([curve], TOLERANCE_MM / placement.scale)]
        else:
            drawn = hatched(curve, radii, pen_mm / placement.scale)
        if uppermost is not None:
            drawn = [part for points in drawn for part in showing(points, number, uppermost, painting.size)]
        width_mm = sum(radii) * placement.scale if pen_mm is None else pen_mm
        for points in drawn:
            parts = on_paper(placement.put(points), placement.window)
            lines += [Line(part, colour_code(stroke[10:]), width_mm) for part in parts]
    return lines


# ---------------------------------------------------------------- what is hidden


def sweep(stroke: Float[torch.Tensor, " P"], height: int, width: int) -> tuple[slice, slice, Float[np.ndarray, "H W"]]:
    """Rows and columns of a canvas in which a stroke lies, and the fraction of each of their pixels that it covers."""
    radius = max(0.0, float(stroke[6:8].max())) * min(height, width) + 1
    x, y = stroke[0:6:2].double().numpy() * width, stroke[1:6:2].double().numpy() * height
    left, right = (int(np.clip(edge, 0, width)) for edge in (math.floor(x.min() - radius), math.ceil(x.max() + radius)))
    top, bottom = (int(np.clip(edge, 0, height)) for edge in (math.floor(y.min() - radius), math.ceil(y.max() + radius)))
    tall, wide = bottom - top, right - left
    rows, columns = slice(top, bottom), slice(left, right)
    if tall < 1 or wide < 1:
        return rows, columns, np.zeros((max(tall, 0), max(wide, 0)), np.float32)
    moved = torch.ones(len(COLUMNS) + 1)
    moved[0:6:2] = (stroke[0:6:2] * width - left) / wide
    moved[1:6:2] = (stroke[1:6:2] * height - top) / tall
    moved[6:8] = stroke[6:8] * min(height, width) / min(tall, wide)
    return rows, columns, paint_(torch.zeros(1, 1, tall, wide), moved[None, None])[0, 0].numpy()


def covered(painting: Painting) -> Bool[np.ndarray, " S"]:
    """Which strokes later ones cover: wherever the stroke is, their opacities together let at most `SHOWS` of it through. A stroke
    off the canvas is hidden too."""
    height, width = painting.fitted(SEEN_PX)
    through = np.ones((height, width), np.float32)
    found = np.zeros(len(painting.strokes), bool)
    for number in range(len(painting.strokes) - 1, -1, -1):
        stroke = painting.strokes[number]
        rows, columns, mask = sweep(stroke, height, width)
        inside = mask > 0.5 * mask.max(initial=0)
        found[number] = not (inside & (through[rows, columns] > SHOWS)).any()
        through[rows, columns] *= 1 - float(stroke[8]) * mask
    return found


def owners(painting: Painting) -> Int[np.ndarray, "H W"]:
    """The uppermost stroke of each pixel whose opacity is at least `COVERS`; -1 for the background."""
    height, width = painting.fitted(SEEN_PX)
    found = np.full((height, width), -1)
    for number in range(len(painting.strokes) - 1, -1, -1):
        stroke = painting.strokes[number]
        if float(stroke[8]) >= COVERS:
            rows, columns, mask = sweep(stroke, height, width)
            part = found[rows, columns]
            part[(mask > 0.5 * mask.max(initial=0)) & (part < 0)] = number
    return found


def showing(points: Points, number: int, uppermost: Int[np.ndarray, "H W"], size: tuple[int, int]) -> list[Points]:
    """The parts of a line, in pixels of the painting, where its stroke is the uppermost."""
    scale = np.array([uppermost.shape[1] / size[1], uppermost.shape[0] / size[0]])

    def shown(spots: Points) -> Bool[np.ndarray, " _"]:
        column, row = np.floor(spots * scale).astype(int).T
        inside = (row >= 0) & (row < uppermost.shape[0]) & (column >= 0) & (column < uppermost.shape[1])
        found = np.zeros(len(spots), bool)
        found[inside] = uppermost[row[inside], column[inside]] == number
        return found

    return shown_parts(points, 0.5 / float(scale.max()), shown)


# ---------------------------------------------------------------- hatching


def is_wide(radius: float, pen: float) -> bool:
    """Whether a stroke of that radius takes more than one line."""
    return radius - pen / 2 >= pen / 4


def hatched(curve: Points, radii: tuple[float, float], pen: float) -> list[Points]:
    """The area of a stroke, drawn with a pen of that width: lines parallel to its centre line, at most the pen's width apart and
    within the outline, joined to a zigzag. `curve` (3 2) holds the control points, `radii` are those at its ends.

    A stroke that is not much wider than the pen is its centre line. Each line reaches as far as any of the discs of which the
    stroke consists.
    """
    inner = radii[0] - pen / 2, radii[1] - pen / 2
    most = max(inner)
    if not is_wide(max(radii), pen):
        return [curve_points(curve, pen)]
    sides = math.ceil(most / pen - 0.1)
    centre = curve_points(curve, pen)
    t = np.linspace(0, 1, len(centre))
    ahead = 2 * (1 - t[:, None]) * (curve[1] - curve[0]) + 2 * t[:, None] * (curve[2] - curve[1])
    speed = np.hypot(*ahead.T)
    chord = curve[2] - curve[0]
    resting = chord / np.hypot(*chord) if np.hypot(*chord) > 0 else np.array([1.0, 0.0])
    ahead = np.where(speed[:, None] > 1e-9, ahead / np.maximum(speed, 1e-9)[:, None], resting)
    across = np.stack([-ahead[:, 1], ahead[:, 0]], 1)
    radius = np.maximum(inner[0] + t * (inner[1] - inner[0]), 0.0)
    way = np.concatenate([[0.0], np.hypot(*np.diff(centre, axis=0).T).cumsum()])
    # The centre line goes on straight beyond its ends, as far as the round ends reach.
    way_on = np.concatenate([[-most], way, [way[-1] + most]])
    centre_on = np.concatenate([centre[:1] - most * ahead[:1], centre, centre[-1:] + most * ahead[-1:]])
    across_on = np.concatenate([across[:1], across, across[-1:]])
    lines: list[Points] = []
    for number in range(-sides, sides + 1):
        offset = most * number / sides
        inside = radius >= abs(offset) - 1e-9
        reach = np.sqrt(np.maximum(radius[inside] ** 2 - offset**2, 0.0))  # of each disc along the line
        begin, end = float((way[inside] - reach).min()), float((way[inside] + reach).max())
        at = np.concatenate([[begin], way_on[(way_on > begin) & (way_on < end)], [end]])
        beside = centre_on + offset * across_on
        line = np.stack([np.interp(at, way_on, beside[:, axis]) for axis in (0, 1)], 1)
        if number % 2:
            line = line[::-1]
        if lines and np.hypot(*(line[0] - lines[-1][-1])) <= JOINED * pen:
            lines[-1] = np.concatenate([lines[-1], line])
        else:
            lines.append(line)
    return lines


def curve_points(curve: Points, pen: float) -> Points:
    """The curve as at least 9 points, no farther from it than a twentieth of the pen, at equal steps of its parameter."""
    count = max(9, len(flattened([curve], pen / 20)))
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * curve[0] + 2 * t * (1 - t) * curve[1] + t**2 * curve[2]
