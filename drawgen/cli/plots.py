"""drawgen plot."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars


def plot(words: list[str]) -> None:
    """Plot a painting or an SVG: strokes for a pen plotter."""

    def command(
        drawing: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        page: Annotated[str, arg(metavar="A4|letter|..|WxHmm")] = "A4",
        landscape: bool = False,
        margin: Annotated[float, arg(metavar="MM")] = 10.0,
        scale: float | None = None,
        pen_mm: float | None = None,
        palette: Annotated[str | None, arg(metavar="#RRGGBB,..|auto:N")] = None,
        hidden: Literal["keep", "drop", "cut"] | None = None,
        outlines: bool = False,
        order: Literal["keep", "nearest", "two-opt", "network"] = "two-opt",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Writes the strokes of a painting or an SVG for a pen plotter: centre lines in mm, one layer per pen, from light to dark,
        in an order with little travel of the raised pen.

        Args:
            drawing: A file of strokes (JSON, from drawgen paint or sample painter) or any SVG; - is standard input.
            out: The SVG to write.
            page: A0 to A6, letter, legal, tabloid, or width and height as 210x297mm.
            landscape: Lay the page across. By default it lies as the drawing does; a page of given sides always lies as given.
            margin: Margin of the page in mm; lines are cut there.
            scale: Draw at this many times the drawing's own size; by default it is scaled to fit.
            pen_mm: Width of the pens in mm; wide strokes of a painting are then hatched. By default lines keep their widths.
            palette: The colours of the pens: a list of #rrggbb, #rgb or names, or auto:N for N of the drawing's. By default each
                colour is a pen; of more than 12, eight are chosen.
            hidden: What becomes of a painting's strokes that later ones cover: keep, drop those of which nothing shows, or cut all
                lines to what shows; by default cut where strokes are hatched, and else drop.
            outlines: Draw the outlines of an SVG's filled shapes too.
            order: Order and direction of the strokes in a layer: keep, nearest neighbour, two-opt, which also improves that, or
                network, which improves what a pointer network says.
            json_: Print one JSON object.
            force: Replace existing files.
        """
        from drawgen import jobs
        from drawgen.strokes.plotting import counted

        with bars() as reports:
            made = jobs.plot(
                drawing, out, page=page, landscape=landscape or None, margin=margin, scale=scale, pen_mm=pen_mm, palette=palette,
                hidden=hidden, outlines=outlines, order=order, force=force, progress=reports,
            )  # fmt: skip
        numbers = made.numbers()
        if json_:
            say(json.dumps({"out": str(out), **numbers}))
            return
        say(out)
        width, height = made.page
        say(f"{made.amount} on {width:g} x {height:g} mm; {ways(numbers)}")
        for row in numbers["layers"]:
            say(f"{row['label']}: {counted(row['strokes'], 'stroke')}, {ways(row)}")

    parse(command, words, "plot")


def ways(numbers: dict[str, Any]) -> str:
    return (
        f"pen down {numbers['pen_down_mm']:.0f} mm, up {numbers['pen_up_mm']:.0f} mm ({numbers['pen_up_before_mm']:.0f} mm before)"
    )
