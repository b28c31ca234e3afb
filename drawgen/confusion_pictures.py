"""Confusion matrices as pictures: SVG and pixels, of the same shapes.

Axes: K classes.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64
from PIL import ImageFont

from drawgen.point_pictures import Area, Diagram, Lines, Shape, Words

CELL_PX, LEAST_CELL_PX = 84.0, 12.0
LARGEST_PX = 1400
"""Of the matrix; with many classes its cells are smaller."""
LETTERS_PX = 19.0
RIGHT, WRONG = (0, 114, 178), (213, 94, 0)
"""Colours of cells with all items of a class: Okabe and Ito's blue and vermilion, which colour-blind people tell apart."""
INK, PALE = "#1a1a1a", "#ffffff"
LONGEST = 24
"""Letters of a name, at most."""


def matrix(classes: Sequence[str], counts: Int64[np.ndarray, "K K"], *, title: str = "") -> Diagram:
    """The matrix with a row per right class and a column per label, named or, where names do not fit, numbered. A cell has the
    share of its row, in percent, and is the darker the larger it is: blue on the diagonal, orange beside it. Right of a row stands
    the number of its items."""
    names = [name.replace("_", " ") for name in classes]
    names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    many = len(names)
    cell = max(LEAST_CELL_PX, min(CELL_PX, LARGEST_PX / many))
    letters = max(6.0, min(LETTERS_PX, 0.55 * cell))
    small = 0.85 * letters
    above = across(names, cell, small)
    if above is None:
        above = [[str(number)] for number in range(1, many + 1)]
        names = [f"{name}  {number}" for number, name in enumerate(names, 1)]
    left = wide(names, letters) + 2 * letters
    top = 4.4 * letters + (max(map(len, above)) - 1) * 1.25 * small
    right = wide([f"{total:,}" for total in counts.sum(1).tolist()], small) + 2 * letters
    size = (round(top + cell * many + 1.2 * letters), round(left + cell * many + right))
    shapes: list[Shape] = []
    shapes.append(Words("label given, % of each row", (max(left + cell * many / 2, 8 * small), 1.4 * letters), small))
    totals = counts.sum(1)
    for row, name in enumerate(names):
        y = top + row * cell
        baseline = y + cell / 2 + 0.35 * letters
        shapes.append(Words(name, (left - 0.6 * letters - wide([name], letters) / 2, baseline), letters))
        total = f"{int(totals[row]):,}"
        shapes.append(Words(total, (left + many * cell + 0.6 * letters + wide([total], small) / 2, baseline), small))
        for column in range(many):
            share = float(counts[row, column] / max(1, totals[row]))
            x = left + column * cell
            corners = ((x, y), (x + cell, y), (x + cell, y + cell), (x, y + cell))
            shapes.append(Area(corners, shade(share, RIGHT if row == column else WRONG)))
            if counts[row, column] and cell >= 2.2 * small:
                dark = share > (0.55 if row == column else 0.75)
                shapes.append(Words(percent(share), (x + cell / 2, baseline), small, PALE if dark else INK))
    for column, lines in enumerate(above):
        for number, line in enumerate(lines):
            y = top - 0.6 * letters - (len(lines) - 1 - number) * 1.25 * small
            shapes.append(Words(line, (left + (column + 0.5) * cell, y), small))
    side = many * cell
    rules = [
        rule
        for k in (n * cell for n in range(many + 1))
        for rule in (((left + k, top), (left + k, top + side)), ((left, top + k), (left + side, top + k)))
    ]
    shapes.append(Lines(tuple(rules), PALE, max(0.6, cell / 40)))
    return Diagram(size, title or "confusion matrix", tuple(shapes))


def across(names: Sequence[str], cell: float, letters: float) -> list[list[str]] | None:
    """The names above the columns, each word by word on lines of at most a cell's width; None if one does not fit."""
    room = 0.94 * cell
    found = []
    for name in names:
        lines: list[str] = []
        for word in name.split():
            if lines and wide([f"{lines[-1]} {word}"], letters) <= room:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        found.append(lines)
    fits = max(map(len, found)) <= 3 and wide([line for lines in found for line in lines], letters) <= room
    return found if fits else None


def wide(texts: Sequence[str], size: float) -> float:
    """The width of the longest text in letters of this size."""
    font = ImageFont.load_default(100)
    return max(font.getlength(text) for text in texts) * size / 100


def shade(share: float, colour: tuple[int, int, int]) -> str:
    """Nearly white for 0, the colour for 1; small shares are seen, too."""
    weight = share**0.6
    mixed = [round(246 + weight * (part - 246)) for part in colour]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def percent(share: float) -> str:
    """Without decimals, but for a share that would then be 0 or 100."""
    hundred = 100 * share
    return f"{hundred:.0f}" if 0.95 <= hundred <= 99.05 or share == 1 else f"{hundred:.1f}"
