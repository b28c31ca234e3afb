"""Plots a drawing: strokes for a pen plotter."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch

from drawgen import file_kinds, models
from drawgen.contract import Points
from drawgen.files import write_output
from drawgen.image_reading import ImageError
from drawgen.jobs.loading import holds_strokes, on_disk
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.stroke_orders import by_network
from drawgen.jobs.verbs import that_can
from drawgen.ranges import ArgumentError, check_choice, check_range
from drawgen.strokes import colours
from drawgen.strokes.lines import TOLERANCE_MM, Drawing, Line, Window, flattened, length, on_paper
from drawgen.strokes.ordering import ORDERINGS, Ends, Order, improved, keep, shorter
from drawgen.strokes.painting import Painting
from drawgen.strokes.painting_lines import lines_of
from drawgen.strokes.plotting import Placement, Plot, check_svg, layered, parse_page, placed, to_pens
from drawgen.strokes.svg_reading import PIXEL_MM, read_svg
from drawgen.threads import threads

Source: TypeAlias = str | os.PathLike[str] | Painting
PEN_MM = 0.5
"""The width of a line that has none, as the outline of a filled shape."""
MOST_PENS, CHOSEN_PENS = 12, 8
"""Colours up to which each has a layer of its own; pens that are chosen where there are more."""
MARGIN_MM = 10.0
INKS, PEN_STROKES, FEWEST, MOST_STROKES = 4, 2000, 300, 4000
"""Of a painting for a pen: inks, strokes on A4 with a pen of 0.5 mm, and the bounds of their number on other pages."""
WIDEST_MM = 5.0
"""Lines that are wider are told, since hardly any pen is."""
MOST_LINES, MOST_POINTS = 100_000, 5_000_000
NETWORK, STROKES = "network", "pointer_net:strokes"
HIDDEN = ("keep", "drop", "cut")


@threads(1)
def plot(
    drawing: Source,
    out: str | os.PathLike[str] | None = None,
    *,
    page: str = "A4",
    landscape: bool | None = None,
    margin: float = MARGIN_MM,
    scale: float | None = None,
    pen_mm: float | None = None,
    palette: str | Sequence[str] | None = None,
    hidden: str | None = None,
    outlines: bool = False,
    order: str = "two-opt",
    force: bool = False,
    progress: Listener = None,
) -> Plot:
    """Strokes for a pen plotter: centre lines in one layer per pen, in an order with little travel of the raised pen.

    `drawing` is a painting, a file of strokes (JSON, from `drawgen paint` or a painter) or any SVG. `page` is A0 to A6, letter,
    legal, tabloid, or width and height as 210x297mm; it lies as the drawing does unless `landscape` is given. The drawing is scaled
    to fit within the `margin` in mm and centred, or has `scale` times its size; lines are cut there. `palette` lists the colours of
    the pens, in a list or separated by commas, or is "auto:N" for N of the drawing's; by default each colour of the drawing is a
    pen, and if there are more than 12, eight are chosen. Lines have the width that they have in the drawing, or `pen_mm` in mm;
    then the wide strokes of a painting are hatched. `hidden` says what becomes of a painting's strokes that later ones cover: keep,
    drop (those of which nothing shows) or cut (all lines, to what shows); by default cut where strokes are hatched, and else drop.
    With `outlines` an SVG's filled shapes without a stroke are drawn too. `order` is keep, nearest, two-opt (nearest, and
    then a local search) or network (a pointer network, and then the same search).

    Raises ImageError (a ValueError) for a drawing that cannot be read or has no strokes, and a ValueError that names an invalid
    argument.

    >>> import drawgen
    >>> painting = drawgen.paint("photo:coffee", strokes=5, detail_px=16, palette="auto:2")
    >>> len(drawgen.plot(painting, page="A5", margin=15).layers) <= 2
    True
    """
    file = None if out is None else Path(out)
    check_choice("order", order, (*ORDERINGS, NETWORK))
    if hidden is not None:
        check_choice("hidden", hidden, HIDDEN)
    if pen_mm is not None:
        check_pen(pen_mm)
    pens = None if palette is None else palette if isinstance(palette, str) else ",".join(palette)
    if pens is not None and colours.automatic(pens) is None:
        colours.listed(pens)
    if not isinstance(drawing, (str, os.PathLike, Painting)):
        raise ArgumentError("drawing", f"is {drawing!r:.60}; give a painting with strokes, a file of strokes, or an SVG")
    name = "the painting" if isinstance(drawing, Painting) else os.fspath(drawing)
    if file is not None:
        check_svg(file, force=force, sources=["/dev/stdin" if name == "-" else name])

    with hearing(progress) as reports:
        found = opened(drawing, name, outlines, reports.say)
        frame, unit_mm = (found.frame, found.unit_mm) if isinstance(found, Drawing) else ((0.0, 0.0, *found.size[::-1]), PIXEL_MM)
        placement = placed(frame, unit_mm, page=page, margin=margin, landscape=landscape, scale=scale)
        if scale is not None:
            tell_cut(frame, placement, margin, name, reports.say)
        if isinstance(found, Painting):
            if outlines:
                raise ArgumentError("outlines", f"is for the filled shapes of an SVG; leave it out for {name}")
            lines = lines_of(found, placement, pen_mm=pen_mm, hidden=hidden)
        else:
            if hidden not in (None, "keep"):
                raise ArgumentError("hidden", f"is {hidden!r}, which is for paintings; leave it out for {name}")
            lines = curves_on(found, placement, pen_mm, name)
        if not lines:
            raise ImageError(f"{name} has no strokes on the page of {placement.page[0]:g} x {placement.page[1]:g} mm")
        if len(lines) > MOST_LINES:
            raise ImageError(f"{name} has {len(lines)} strokes on this page; at most {MOST_LINES} are plotted")
        widest = max(line.width_mm for line in lines)
        if pen_mm is None and widest > WIDEST_MM:
            reports.say(
                f"{name} has strokes of up to {widest:.0f} mm on this page, wider than pens; `pen_mm` draws all with one pen"
            )
        plotted = Plot(placement.page, layered(in_pens(lines, pens, name, reports.say), ordering(order)))
        if file is not None:
            write_output(file, plotted.svg().encode(), replace=force)
    return plotted


def ordering(name: str) -> Callable[[Ends], Order]:
    """The ordering of this name."""
    if name != NETWORK:
        return ORDERINGS[name]
    model = that_can(models.load(STROKES), Points, STROKES)
    return lambda ends: improved(ends, shorter(ends, by_network(model, ends), keep(ends)))


def tell_cut(frame: Window, placement: Placement, margin: float, name: str, say: Callable[[str], object]) -> None:
    """Reports a drawing that does not fit."""
    left, top, right, bottom = frame
    wide, tall = placement.scale * (right - left), placement.scale * (bottom - top)
    if wide > placement.page[0] - 2 * margin + TOLERANCE_MM or tall > placement.page[1] - 2 * margin + TOLERANCE_MM:
        say(f"{name} has {wide:.0f} x {tall:.0f} mm at this `scale`; what lies beyond the margin is cut")


def check_pen(pen_mm: float) -> None:
    check_range("pen_mm", pen_mm, at_least=0.05, at_most=50)


def check_lines(file: Path | None, lines: bool, pen_mm: float | None, page: str | None, **given: object) -> None:
    """Raises ArgumentError for arguments of `paint` that do not hold together: `given` are those that a plotter's lines or a pen
    leave no room for."""
    if page is not None:
        parse_page(page)
        if not lines and pen_mm is None:
            raise ArgumentError("page", "is for a pen plotter; give `lines` or `pen_mm`, or leave it out")
    if pen_mm is not None:
        check_pen(pen_mm)
        for name in ("opacity", "least_radius"):
            if given[name] is not None:
                raise ArgumentError(name, "does not hold for a pen, whose lines are alike; leave it or `pen_mm` out")
        if str(given["background"] or "").strip().lower() == "none":
            raise ArgumentError("background", "is none, and a pen draws on paper; give the paper's colour, or leave it out")
    if lines and given["size"] is not None:
        raise ArgumentError("size", "is in pixels and does not hold for `lines`; give `page`")
    if lines and (file is None or file.suffix.lower() != ".svg"):
        told = "no file is written" if file is None else f"the file is {file}"
        raise ArgumentError("lines", f"is for an SVG, and {told}; give `out` a name that ends in .svg")


def pen_settings(size: tuple[int, int], pen_mm: float, page: str, strokes: int | None) -> dict[str, Any]:
    """The style of a painting of this height and width for a pen on a page: the pen's radius, and the number of strokes, which is
    proportional to the area and to the inverse square of the pen's width."""
    height, width = size
    scale = placed((0.0, 0.0, float(width), float(height)), 1.0, page=page, margin=MARGIN_MM).scale
    if pen_mm > 0.1 * min(size) * scale:
        raise ArgumentError(
            "pen_mm",
            f"is {pen_mm:g}, and the painting has {min(size) * scale:.0f} mm on its shorter side; take a finer pen",
        )
    wanted = PEN_STROKES * width * height * scale**2 / (190 * 277) * (0.5 / pen_mm) ** 2
    count = strokes or round(min(max(wanted, FEWEST), MOST_STROKES))
    return {"pen": 50 * pen_mm / (min(size) * scale), "opacity": 1.0, "strokes": count}


def opened(drawing: Source, name: str, outlines: bool, say: Callable[[str], object]) -> Painting | Drawing:
    """The painting, or what a file holds. Raises ImageError."""
    if isinstance(drawing, Painting):
        return drawing
    if Path(name).suffix.lower() in file_kinds.PICTURES or name.startswith("photo:"):
        raise ImageError(f"{name} is a photograph; draw it with strokes first: drawgen paint PHOTO -o OUT.svg --lines")
    with on_disk(drawing) as file:
        path = Path(str(file))
        return Painting.read(path) if holds_strokes(str(path)) else read_svg(path, outlines=outlines, say=say)


def curves_on(drawing: Drawing, placement: Placement, pen_mm: float | None, name: str) -> list[Line]:
    """The curves of an SVG as lines on the page."""
    lines = []
    points = 0
    for curve in drawing.curves:
        flat = flattened(curve.pieces, TOLERANCE_MM / placement.scale)
        points += len(flat)
        if points > MOST_POINTS:
            raise ImageError(f"{name} has more than {MOST_POINTS} points on this page; simplify it")
        width_mm = pen_mm or curve.width * placement.scale or PEN_MM
        lines += [Line(part, curve.colour, width_mm) for part in on_paper(placement.put(flat), placement.window)]
    return lines


def in_pens(lines: list[Line], palette: str | None, name: str, say: Callable[[str], object]) -> list[Line]:
    """The lines in the pens' colours."""
    own = sorted({line.colour for line in lines})
    if palette is None:
        if len(own) <= MOST_PENS:
            return lines
        palette = f"auto:{CHOSEN_PENS}"
        say(f"{name} has {len(own)} colours, which are drawn with {CHOSEN_PENS} pens; `palette` chooses others")
    count = colours.automatic(palette)
    if count is None:
        return to_pens(lines, colours.listed(palette))
    weight = dict.fromkeys(own, 0.0)
    for line in lines:
        weight[line.colour] += length(line.points) * line.width_mm
    seen = torch.stack([colours.parse_colour(colour, "palette") for colour in own]).double()
    return to_pens(lines, colours.mixed(seen, torch.tensor([weight[colour] for colour in own]).double(), count))
