"""Writes docs/figures.md, a table of the shipped models with their figures and their papers', from the model cards alone.

    uv run python scripts/figures_report.py

The figures themselves are put into the cards by scripts/make_assets.py; tests/docs/test_figures.py holds the page to them.
"""

from pathlib import Path

from drawgen import files, models

PAGE = Path(__file__).parent.parent / "docs" / "figures.md"
HEAD = """# Figures

Each shipped model, by `scripts/figures_report.py` from its card, `assets/MODEL/NAME/README.md`; the cards also have the data, their
licences, the seed and the time of training. All were trained on one or two cores of a CPU, most within an hour.

## Beside the papers

Where a paper has a figure of the same kind. Data, splits and sizes differ where it says so, and then the figures show the order of
magnitude alone.

"""
MIDDLE = """
What was trained here and is not shipped (RIDE on whole photographs, DRAW's other rows, convolutional DRAW, memory tasks, house
numbers) stands on the pages of the models, with curves and samples in `scripts/results/`.

## All shipped models

Measured on held-out data, the first figure of each card. `bits_per_dim` and `nats` are better the lower, `accuracy`, `exact` and
`f1` the higher; `share` is a painting's squared error as a fraction of a blank canvas's. Only figures on the same data compare.

"""


def page() -> str:
    """The whole page, as Markdown."""
    beside = [("model", "figure", "ours", "the paper's", "paper")]
    every = [("model", "what it does", "weights", "measured", "paper")]
    for name, folder in models.shipped().items():
        told, (paper, compared) = models.describe(folder), models.paper_of(folder)
        beside += [(f"`{name}`", row.what, row.ours, row.theirs, paper) for row in compared]
        every.append((f"`{name}`", told.what, told.size, told.figure.replace(" ", " = ", 1) or "-", paper or "-"))
    return HEAD + table(beside) + MIDDLE + table(every)


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows as a table of Markdown, the first one its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join(lines) + "\n"


def main() -> None:
    files.write_atomically(PAGE, page().encode())
    print(PAGE)


if __name__ == "__main__":
    main()
