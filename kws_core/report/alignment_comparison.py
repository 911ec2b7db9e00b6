"""Two alignments of the same speech side by side: a table and a plot, as one HTML page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kws_core.alignment.compare import BoundaryComparison, BoundaryDifferences
from kws_core.evaluation.inline_svg import COLOURS, INK, inline_svg, plain_axes
from kws_core.report.data import Fact, ReportData, ReportFigure, ReportTable
from kws_core.report.numbers import count, milliseconds, percent
from kws_core.report.page import render_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MEASURES = ("Boundaries", "Words", "Median", "90th percentile", "Over 50 ms", "Over 100 ms")
_REACH_MS = 200.0


def comparison_page(a: str, b: str, comparisons: Mapping[str, BoundaryComparison], facts: Mapping[str, str]) -> str:
    """The page of the alignments named `a` and `b`, by corpus; equal input gives equal bytes."""
    tables, figures = [], []
    for number, (corpus, found) in enumerate(comparisons.items()):
        columns = _columns(a, b)
        note = f"Distance of the boundaries of {a} from those of {b}."
        tables.append(ReportTable(f"comparison-{number}", corpus, columns, _rows(found), note))
        caption = f"{corpus}: share of the words whose boundary differs by at most so much"
        figures.append(ReportFigure(caption, difference_plot(found, f"{corpus}: {a} and {b}")))
    known = tuple(Fact(name, value) for name, value in facts.items())
    return render_report(ReportData(f"{a} against {b}", known, tables=tuple(tables), figures=tuple(figures)))


def comparison_text(a: str, b: str, comparisons: Mapping[str, BoundaryComparison]) -> str:
    """The same for a terminal."""
    blocks = []
    for corpus, found in comparisons.items():
        lines = [_columns(a, b), *_rows(found)]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        rows = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
        blocks.append("\n".join([f"{corpus}: {a} against {b}", *(row.rstrip() for row in rows)]))
    return "\n\n".join(blocks)


def difference_plot(found: BoundaryComparison, title: str) -> str:
    """Cumulative distribution of the absolute differences of starts and ends, an `<svg>` element."""
    return inline_svg(lambda figure: _draw(figure, found), title)


def _draw(figure: "Figure", found: BoundaryComparison) -> None:
    figure.set_size_inches(6.0, 3.6)
    axes = figure.add_subplot()
    grid = np.linspace(0, _REACH_MS, 401)
    curves = (("starts", found.start_ms, COLOURS[0], "-"), ("ends", found.end_ms, COLOURS[1], "--"))
    for name, differences, colour, dash in curves:
        share = np.searchsorted(np.sort(np.abs(differences)), grid, side="right") / len(differences)
        axes.plot(grid, 100 * share, color=colour, linestyle=dash, linewidth=1.8, label=name)
    for place in (50, 100):
        axes.axvline(place, color=INK, linewidth=1, linestyle=(0, (1, 3)))
    axes.set(xlim=(0, _REACH_MS), ylim=(0, 100), xlabel="Difference (ms)", ylabel="Words (%)")
    plain_axes(axes)
    axes.legend(loc="lower right", frameon=False, labelcolor=INK)


def _columns(a: str, b: str) -> tuple[str, ...]:
    return (*_MEASURES, f"Missing in {a}", f"Missing in {b}")


def _rows(found: BoundaryComparison) -> tuple[tuple[str, ...], ...]:
    return (_row("starts", found, found.starts), _row("ends", found, found.ends))


def _row(name: str, found: BoundaryComparison, differences: BoundaryDifferences) -> tuple[str, ...]:
    return (
        name,
        count(found.words),
        milliseconds(differences.median_ms),
        milliseconds(differences.p90_ms),
        percent(differences.share_over_50_ms),
        percent(differences.share_over_100_ms),
        count(found.missing_in_a),
        count(found.missing_in_b),
    )
