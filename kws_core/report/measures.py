"""The report's tables about error rates: trials and detection.

Results come before counts: a phone shows the first columns only, until it is scrolled.
"""

from collections.abc import Sequence
from math import isnan

from kws_core.evaluation.detection import DetectionSummary
from kws_core.evaluation.trials import TrialSummary
from kws_core.report.data import ReportTable
from kws_core.report.numbers import NOTHING, count, decimals, estimate, percent

_SHARES = {
    "eer": "EER",
    "frr_at_far_2": "FRR at FAR 2 %",
    "frr_at_far_1": "FRR at FAR 1 %",
    "frr_at_far_0_1": "FRR at FAR 0.1 %",
}
_INTERVALS = "In brackets: 95 % interval, by bootstrap over speakers."


def trials_table(summaries: Sequence[TrialSummary]) -> ReportTable:
    """EER, FRR at three FARs, AUC and detection cost of every test set."""
    rows = [
        (
            summary.test_set,
            *(_share(summary, name) for name in _SHARES),
            *(decimals(summary.figures[name]) for name in ("auc", "min_dcf")),
            count(summary.trials),
            count(summary.same_trials),
            count(summary.speakers),
            NOTHING if isnan(summary.hours) else f"{summary.hours:.2f}",
            summary.speaker_policy,
        )
        for summary in summaries
    ]
    remarks = dict.fromkeys(f"{summary.test_set}: {remark}" for summary in summaries for remark in summary.remarks)
    return ReportTable(
        "trials",
        "Trials: are two segments the same word?",
        (
            *("Test set", *_SHARES.values(), "AUC", "Least cost"),
            *("Trials", "Same word", "Speakers", "Hours", "Speaker policy"),
        ),
        tuple(rows),
        "Speaker policy cross: the two sides of a trial are different speakers. Least cost: minimum detection "
        f"cost at a target prior of 1 %, 1 for a system that decides without looking. {_INTERVALS}",
        remarks=tuple(remarks),
    )


def _share(summary: TrialSummary, name: str) -> str:
    found = summary.figures[name]
    return percent(found.value, found.low, found.high)


def detection_table(summaries: Sequence[DetectionSummary]) -> ReportTable:
    """Accuracies of every test set and back end, at the calibrated thresholds."""
    rows = [
        (
            summary.test_set,
            summary.backend,
            *(
                estimate(found)
                for found in (
                    summary.total,
                    summary.target,
                    summary.non_target,
                    summary.seen_non_target,
                    summary.unseen_non_target,
                )
            ),
            count(summary.total.count),
            count(summary.speakers),
        )
        for summary in summaries
    ]
    columns = ("Test set", "Back end", "Total", "Keywords", "Non-targets", "Seen", "Unseen", "Segments", "Speakers")
    return ReportTable(
        "detection",
        "Detection: accuracy at the calibrated thresholds",
        columns,
        tuple(rows),
        "Keywords count when decided as themselves, non-targets when rejected. Seen and unseen: non-targets whose word "
        f"training used, or never did. n: segments. {_INTERVALS}",
    )
