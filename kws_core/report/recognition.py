"""The report's part about what is taken for what: open set, confusion matrix, most confused words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kws_core.evaluation.inline_svg import COLOURS, INK, inline_svg
from kws_core.evaluation.open_set import REJECTED, OpenSetSummary
from kws_core.report.data import ReportFigure, ReportGallery, ReportTable
from kws_core.report.numbers import count, estimate, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_KEYWORDS = 24
"""That a matrix is drawn of; of more, the table of confusions remains."""
_LEAST_TINT = 0.08


def open_set_table(summaries: Sequence[OpenSetSummary]) -> ReportTable:
    """Closed-set accuracy, total accuracy and mAP at each ratio, of every back end."""
    ratios = tuple(summaries[0].totals) if summaries else ()
    rows = [
        (
            summary.backend,
            estimate(summary.closed_accuracy),
            *(estimate(summary.totals[ratio]) for ratio in ratios),
            *(estimate(summary.mean_average_precision[ratio]) for ratio in ratios),
        )
        for summary in summaries
    ]
    remarks = tuple(
        dict.fromkeys(f"{summary.backend}: {remark}" for summary in summaries for remark in summary.remarks)
    )
    return ReportTable(
        "open-set",
        "Closed and open set",
        ("Back end", "Closed set", *(f"Total {ratio}" for ratio in ratios), *(f"mAP {ratio}" for ratio in ratios)),
        tuple(rows),
        "Closed set: the best score of a keyword's segment is its own. Total and mAP: of keywords and unseen "
        "non-targets, weighted so many to one.",
        remarks=remarks,
    )


def confusion_gallery(summary: OpenSetSummary, keywords: Sequence[str]) -> ReportGallery | None:
    """The matrix of one back end as a figure; None for more keywords than a figure holds."""
    if len(keywords) > MOST_KEYWORDS:
        return None
    title = f"Confusion matrix, {summary.backend}"
    return ReportGallery(
        "confusion-matrix",
        "Confusion matrix",
        (
            ReportFigure(
                f"Test segments by what was said and what was heard ({summary.backend})",
                _matrix(summary, keywords, title),
            ),
        ),
        note="Rows: what was said. Columns: what it was taken for. The darker, the larger the share of the row.",
    )


def confusions_table(summary: OpenSetSummary) -> ReportTable:
    """The most frequent confusions of one back end."""
    rows = [
        (
            found.label,
            "rejected" if found.heard == REJECTED else found.heard,
            count(found.segments),
            percent(found.share),
        )
        for found in summary.confusions
    ]
    return ReportTable(
        "confusions",
        f"Most confused words: {summary.backend}",
        ("Said", "Heard", "Segments", "Share of the word"),
        tuple(rows),
        f"The {len(rows)} most frequent errors." if rows else "No test segment was taken for anything else.",
    )


def confusable_table(summary: OpenSetSummary) -> ReportTable | None:
    """Words of the test that sound like a keyword, and how often they are accepted; None without any."""
    if not summary.confusable:
        return None
    rows = [
        (found.word, found.keyword, f"{found.distance:.2f}", estimate(found.accepted)) for found in summary.confusable
    ]
    return ReportTable(
        "confusable",
        "Words that sound like a keyword",
        ("Word", "Keyword", "Distance", "Accepted as it"),
        tuple(rows),
        "Distance: of the pronunciations, 0 for the same and 1 for nothing in common.",
    )


def _matrix(summary: OpenSetSummary, keywords: Sequence[str], title: str) -> str:
    return inline_svg(lambda figure: _draw(figure, summary, keywords), title, font_size=9)


def _draw(figure: "Figure", summary: OpenSetSummary, keywords: Sequence[str]) -> None:
    counts = np.array(summary.matrix, np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = len(counts)
    figure.set_size_inches(1.6 + 0.5 * side, 1.3 + 0.4 * side)
    axes = figure.add_subplot()
    for row, column in np.argwhere(counts > 0).tolist():
        colour = COLOURS[0] if row == column else COLOURS[1]
        tint = _LEAST_TINT + (0.75 - _LEAST_TINT) * shares[row, column]
        axes.fill(
            [column, column + 1, column + 1, column],
            [row, row, row + 1, row + 1],
            color=colour,
            alpha=tint,
            linewidth=0,
        )
        axes.text(column + 0.5, row + 0.5, count(int(counts[row, column])), ha="center", va="center", color=INK)
    places = np.arange(side) + 0.5
    axes.set_xticks(places, [*keywords, "rejected"], rotation=45, ha="left", rotation_mode="anchor")
    axes.set_yticks(places, [*keywords, "other words"])
    axes.set(xlim=(0, side), ylim=(side, 0), ylabel="Said")
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelcolor=INK)
    axes.yaxis.label.set_color(INK)
    axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    axes.spines[:].set_visible(False)
