"""matplotlib's SVG as a part of a page: transparent, its text in the page's own colour, no larger than it must be."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Stands for the page's text colour, which a figure cannot know: light or dark.
_INK = "#010203"
_MOST_NAMED = 14
#: Dashes, for where there are more lines than colours.
DASHES = ("-", "--", ":", "-.")
#: Okabe & Ito's, which the colour-blind tell apart, on light and on dark.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a setting's value may have a $
    "svg.hashsalt": "augsbert",
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
}


class Drawing:
    """What :func:`drawn` yields; ``svg`` is there after its block."""

    def __init__(self, figure: Figure, axes: Axes) -> None:
        self.figure, self.axes = figure, axes
        self.svg = ""

    def legend(self) -> None:
        """Below the axes, and the figure longer by it: many lines take nothing from the axes."""
        handles, labels = self.axes.get_legend_handles_labels()
        if unnamed := labels[_MOST_NAMED:]:
            handles, labels = handles[:_MOST_NAMED], [*labels[: _MOST_NAMED - 1], f"{labels[_MOST_NAMED - 1]} ..."]
            labels[-1] += f" and {len(unnamed)} more"
        self.figure.set_figheight(self.figure.get_figheight() + 0.16 * len(labels))
        self.figure.legend(handles, labels, loc="outside lower left", fontsize=7)


def without_matplotlib() -> str | None:
    """What to type where the plots cannot be drawn, for lack of matplotlib or Jinja; None where they can."""
    absent = [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]
    if not absent:
        return None
    return f"report.html needs {' and '.join(absent)}: type `pip install 'augsbert[report]'`, or add --no-html."


@contextmanager
def drawn(width: float = 5.2, height: float = 3.2) -> Iterator[Drawing]:
    """A figure (inches) to draw on in the block."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(width, height), layout="constrained")
        drawing = Drawing(figure, figure.add_subplot())
        yield drawing
        drawing.svg = _svg(figure)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(stream, format="svg", transparent=True, metadata=metadata)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    # A point's coordinates to a tenth are what a screen shows; the text between the tags stays.
    svg = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d+\.\d)\d+", r"\1", tag[0]), svg)
    width = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    size = f'style="max-width: {width[1]}pt; width: 100%; height: auto"' if width else ""
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"([^>]*?) height="[^"]*"|(<svg[^>]*?) height="[^"]*"([^>]*?) width="[^"]*"',
        lambda m: f"{m[1] or m[3]}{m[2] or m[4] or ''} {size}",
        svg,
        count=1,
    )
