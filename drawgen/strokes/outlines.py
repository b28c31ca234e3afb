"""Outlines of strokes as SVG paths: discs swept along lines, cut at the page's edge."""

import math


def on_page(a: tuple[float, float, float], b: tuple[float, float, float], height: int, width: int) -> str:
    """A `capsule`; if it crosses the page's edge, the polygon of its part on the page; nothing if it is off the page."""
    lows = [min(a[axis] - a[2], b[axis] - b[2]) for axis in (0, 1)]
    highs = [max(a[axis] + a[2], b[axis] + b[2]) for axis in (0, 1)]
    if min(lows) >= 0 and highs[0] <= width and highs[1] <= height:
        return capsule(a, b)
    if highs[0] <= 0 or highs[1] <= 0 or lows[0] >= width or lows[1] >= height:
        return ""
    polygon = hull(a, b)
    for axis, edge, side in ((0, 0.0, 1), (0, float(width), -1), (1, 0.0, 1), (1, float(height), -1)):
        polygon = cut(polygon, axis, edge, side)
    if len(polygon) < 3:
        return ""
    return "M" + "L".join(f"{x:.3f} {y:.3f}" for x, y in polygon) + "z"


def hull(a: tuple[float, float, float], b: tuple[float, float, float]) -> list[tuple[float, float]]:
    """The outline of a disc swept from a to b as a polygon, clockwise on the screen, accurate to a fiftieth of a pixel."""
    (xa, ya, ra), (xb, yb, rb) = a, b
    length = math.hypot(xb - xa, yb - ya)
    steps = min(720, max(16, math.ceil(math.pi / math.acos(1 - min(1.0, 0.02 / max(ra, rb, 0.02))))))
    if abs(ra - rb) >= length:  # one disc covers the other
        arcs = [(a if ra >= rb else b, 0.0, 2 * math.pi)]
    else:
        way, half = math.atan2(yb - ya, xb - xa), math.acos((ra - rb) / length)
        arcs = [(b, way - half, way + half), (a, way + half, way + 2 * math.pi - half)]
    return [
        (x + r * math.cos(begin + (end - begin) * k / steps), y + r * math.sin(begin + (end - begin) * k / steps))
        for (x, y, r), begin, end in arcs
        for k in range(steps + 1)
    ]


def cut(polygon: list[tuple[float, float]], axis: int, edge: float, side: int) -> list[tuple[float, float]]:
    """The part of a convex polygon on one side of a line along an axis (Sutherland & Hodgman 1974)."""
    kept = []
    for one, other in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        here, there = side * (one[axis] - edge), side * (other[axis] - edge)
        if here >= 0:
            kept.append(one)
        if here * there < 0:
            t = here / (here - there)
            kept.append((one[0] + t * (other[0] - one[0]), one[1] + t * (other[1] - one[1])))
    return kept


def capsule(a: tuple[float, float, float], b: tuple[float, float, float]) -> str:
    """The outline of a disc (x, y, radius) swept from a to b, clockwise on the screen: two arcs and the two tangents between."""
    (xa, ya, ra), (xb, yb, rb) = a, b
    length = math.hypot(xb - xa, yb - ya)
    if abs(ra - rb) >= length:  # one disc covers the other
        x, y, r = a if ra >= rb else b
        return f"M{x - r:.3f} {y:.3f}a{r:.3f} {r:.3f} 0 1 1 {2 * r:.3f} 0a{r:.3f} {r:.3f} 0 1 1 {-2 * r:.3f} 0z"
    ux, uy = (xb - xa) / length, (yb - ya) / length
    along = (ra - rb) / length  # cosine of the angle between the way and the radius at which a tangent touches
    across = math.sqrt(1 - along * along)
    left = (along * ux + across * uy, along * uy - across * ux)  # at the left hand of one who walks from a to b
    right = (along * ux - across * uy, along * uy + across * ux)

    def at(x: float, y: float, r: float, way: tuple[float, float]) -> str:
        return f"{x + r * way[0]:.3f} {y + r * way[1]:.3f}"

    around_b, around_a = int(along < 0), int(along > 0)  # more than half of the larger disc, less of the smaller
    return (
        f"M{at(xa, ya, ra, left)}L{at(xb, yb, rb, left)}A{rb:.3f} {rb:.3f} 0 {around_b} 1 {at(xb, yb, rb, right)}"
        f"L{at(xa, ya, ra, right)}A{ra:.3f} {ra:.3f} 0 {around_a} 1 {at(xa, ya, ra, left)}z"
    )
