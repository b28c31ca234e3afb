"""Charts by matplotlib, which is the extra `charts` and is imported only when a chart is drawn."""

import io
from collections.abc import Callable
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
"""Okabe and Ito's, which colour-blind people tell apart; the most contrasting first."""
STYLE: dict[Any, Any] = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "lines.linewidth": 2.2,
    "legend.frameon": False,
    "svg.hashsalt": "drawgen",
}
DPI = 120


def check_charts() -> None:
    """Raises ValueError if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ValueError("charts are drawn by matplotlib, which is not installed; pip install 'drawgen[charts]'") from error


def chart(draw: Callable[[Any], None], *, width: float = 9.0, height: float = 5.0) -> bytes:
    """A PNG of `width` times `height` inches at 120 dpi. `draw` gets matplotlib's figure; it adds axes and draws on them.

    It needs no display, keeps no state in pyplot, and leaves the caller's settings of matplotlib as they are. Raises ValueError
    without matplotlib."""
    check_charts()
    import matplotlib
    from cycler import cycler
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}):
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
