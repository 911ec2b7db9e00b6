"""A drawing as a bare `<svg>` element that takes its colours from the page."""

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GRID = "#010203", "#040506"
"""Colours to draw with, replaced by what the page's colour scheme sets."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0508a", "#a07800", "#4aa3df")
"""Told apart by the colour-blind; the page may set them as `--curve-1` to `--curve-6`."""


def plain_axes(axes: "Axes") -> None:
    """A thin grid behind the curves, no background, and text in the colour of the page."""
    axes.tick_params(color=GRID, labelcolor=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    axes.figure.patch.set_visible(False)
    axes.spines[:].set_color(GRID)


def inline_svg(draw: Callable[["Figure"], None], title: str, font_size: float = 11.0) -> str:
    """What `draw` draws on a figure, named `title` for screen readers; the same drawing and title give the same bytes.

    There is no document type, no repeated id and no fixed colour in it. Figures of one page need different titles.
    """
    import matplotlib  # here: heavy, and only reports draw
    from matplotlib.figure import Figure

    # Only svg.hashsalt makes the ids repeatable, and there is no other way to set it. With text as text, the page's
    # own font and colour apply.
    with matplotlib.rc_context({"svg.hashsalt": title, "svg.fonttype": "none", "font.size": font_size}):
        figure = Figure(layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = buffer.getvalue()
    svg = drawn[drawn.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # nothing refers to groups, and several figures share a page
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escaped}" ', 1)
    for number, colour in enumerate(COLOURS, 1):
        svg = svg.replace(colour, f"var(--curve-{number}, {colour})")
    return svg.replace(INK, "currentColor").replace(GRID, "var(--grid, #b8bec6)")
