"""What a drawing in strokes shows: the objects, read back from the strokes alone.

Axes: S strokes, P numbers of a stroke.

Strokes that touch and have one colour are an object. Its colour is the nearest of `scenes.INKS`. Its shape is that of the template
(`scenes.MANNERS`, with as many strokes) that fits best after a similarity transform, by least squares, and the transform's scale is
its radius. So a sentence can be judged by the drawing, whatever was meant to be drawn.
"""

import numpy as np
from jaxtyping import Bool, Float64

from drawgen.data.scene_language import Thing
from drawgen.data.scene_layouts import touching
from drawgen.data.scenes import INKS, MANNERS, RADII, UPRIGHT

SAME = 1e-4
"""Largest difference of colours in one ink, as rounding makes it."""
BORDER = (RADII["small"][1] + RADII["large"][0]) / 2
"""The radius from which an object is large."""
PRESSURE = 1.025
"""Mean factor of the width of strokes (`scenes.sketch`)."""
BLUNT = 0.1
"""A template that extends less than this, in radii, is measured by the width of its stroke."""
FARTHEST = 0.1
"""Largest root mean square distance from a template, in radii, of what has a shape."""


def things_in(strokes: Float64[np.ndarray, "S 13"]) -> list[Thing]:
    """The objects of a drawing. What fits no shape is left out."""
    if not len(strokes):
        return []
    together = touching(strokes) & (np.abs(strokes[:, None, 10:] - strokes[:, 10:]).max(2) <= SAME)
    found = (read(strokes[group]) for group in components(together))
    return [thing for thing in found if thing is not None]


def components(linked: Bool[np.ndarray, "S S"]) -> list[list[int]]:
    """The connected parts of a graph, each in ascending order."""
    free, parts = set(range(len(linked))), []
    while free:
        part: set[int] = set()
        edge = {min(free)}
        while edge:
            part |= edge
            edge = set(np.flatnonzero(linked[sorted(edge)].any(0)).tolist()) - part
        parts.append(sorted(part))
        free -= part
    return parts


def read(strokes: Float64[np.ndarray, "S 13"]) -> Thing | None:
    """The object that these strokes draw; None if it has no known shape."""
    best, shape, where, radius = FARTHEST, "", 0j, 0.0
    for name, manners in MANNERS.items():
        for template in manners:
            if len(template) == len(strokes):
                error, middle, scale = fitted(np.array(template), strokes, UPRIGHT.get(name))
                if error < best:
                    best, shape, where, radius = error, name, middle, scale
    if not shape:
        return None
    shade = strokes[:, 10:].mean(0)
    colour = min(INKS, key=lambda ink: float(np.square(shade - INKS[ink]).sum()))
    return Thing(colour, shape, "large" if radius >= BORDER else "small", where.real, where.imag, radius)


def fitted(
    template: Float64[np.ndarray, "S 8"], strokes: Float64[np.ndarray, "S 13"], upright: float | None
) -> tuple[float, complex, float]:
    """(error in radii, centre x + i y, radius) of the best similarity transform of a template. `upright` is its largest rotation
    in turns, about; None: any."""
    points = (template[:, 0:6:2] + 1j * template[:, 1:6:2]).ravel()
    drawn = (strokes[:, 0:6:2] + 1j * strokes[:, 1:6:2]).ravel()
    from_middle, drawn_from_middle = points - points.mean(), drawn - drawn.mean()
    extent = float(np.square(np.abs(from_middle)).mean() ** 0.5)
    widths, drawn_widths = template[:, 6:8].ravel(), strokes[:, 6:8].ravel()
    pressed = float(widths @ drawn_widths / (widths @ widths))  # radius times pressure
    if extent < BLUNT:
        turn = complex(pressed / PRESSURE)
    else:
        turn = complex((from_middle.conj() @ drawn_from_middle) / (from_middle.conj() @ from_middle))
    radius = abs(turn)
    if radius < 1e-6 or (upright is not None and abs(np.angle(turn)) > 2 * upright * np.pi + 0.1):
        return np.inf, 0j, 0.0
    shift = drawn.mean() - turn * points.mean()
    off = np.abs(drawn - turn * points - shift) / radius
    wide = np.abs(drawn_widths - pressed * widths) / radius
    error = float((np.square(off).mean() + np.square(wide).mean()) ** 0.5)
    return error, complex(shift), radius
