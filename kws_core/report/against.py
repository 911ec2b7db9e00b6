"""A system against its baseline: every figure of both, the difference, and whether it says anything."""

from collections.abc import Sequence
from math import isnan

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.system_comparison import FigureComparison
from kws_core.report.data import ReportTable
from kws_core.report.numbers import NOTHING, count, percent, points

VERDICTS = {"better": "▲ better", "worse": "▼ worse", "no change": "= no change"}


def against_table(comparison: Sequence[FigureComparison], ours: str, theirs: str, id: str = "against") -> ReportTable:
    """One line a figure; `ours` and `theirs` are what the two systems are called."""
    rows = [
        (
            f"{found.measure}, {found.test_set}",
            VERDICTS[found.verdict],
            _figure(found, found.ours),
            _figure(found, found.theirs),
            _difference(found),
            count(found.ours.count),
        )
        for found in comparison
    ]
    return ReportTable(
        id,
        f"{ours} against {theirs}",
        ("Figure", "Verdict", ours, theirs, "Difference", "Of"),
        tuple(rows),
        "In brackets: 95 % intervals. Trials and segments are paired: both systems are seen through the same resampled "
        "speakers, and a difference whose interval holds 0 is no change. On streams the intervals of the two "
        "must not overlap. Of: trials, segments, keywords said, or false alarms.",
    )


def _figure(found: FigureComparison, value: Estimate) -> str:
    if found.unit == "share":
        return percent(value.value, value.low, value.high)
    return NOTHING if isnan(value.value) else f"{value.value:.1f} [{value.low:.1f}, {value.high:.1f}]"


def _difference(found: FigureComparison) -> str:
    difference = found.difference
    if found.unit == "share":
        return points(difference.value, difference.low, difference.high)
    return NOTHING if isnan(difference.value) else f"{difference.value:+.1f}"
