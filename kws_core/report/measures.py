"""The report's tables about error rates: trials, detection, keyword by keyword.

Results come before counts: a phone shows the first columns only, until it is scrolled.
"""

from collections.abc import Sequence

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.detection import DetectionSummary
from kws_core.evaluation.trials import TrialSummary
from kws_core.report.data import ReportTable
from kws_core.report.numbers import NOTHING, count, percent

_INTERVALS = "In brackets: 95 % interval, by bootstrap over speakers."


def trials_table(summaries: Sequence[TrialSummary]) -> ReportTable:
    """EER and FRR at FAR 2 % of every test set."""
    rows = [
        (
            summary.test_set,
            percent(summary.eer, summary.eer_low, summary.eer_high),
            percent(summary.frr_at_far_2, summary.frr_low, summary.frr_high),
            count(summary.trials),
            count(summary.same_trials),
            count(summary.speakers),
            summary.speaker_policy,
        )
        for summary in summaries
    ]
    return ReportTable(
        "trials",
        "Trials: are two segments the same word?",
        ("Test set", "EER", "FRR at FAR 2 %", "Trials", "Same word", "Speakers", "Speaker policy"),
        tuple(rows),
        f"Speaker policy cross: the two sides of a trial are different speakers. {_INTERVALS}",
    )


def detection_table(summaries: Sequence[DetectionSummary]) -> ReportTable:
    """Accuracies of every test set and back end, at the calibrated thresholds."""
    rows = [
        (
            summary.test_set,
            summary.backend,
            *(
                _estimate(estimate)
                for estimate in (
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


def keywords_table(summaries: Sequence[DetectionSummary]) -> ReportTable:
    """FRR and false accepts of every keyword."""
    rows = [
        (
            keyword.keyword,
            summary.test_set,
            summary.backend,
            percent(keyword.frr),
            percent(keyword.far),
            count(keyword.segments),
            count(keyword.false_accepts),
        )
        for summary in summaries
        for keyword in summary.keywords
    ]
    return ReportTable(
        "keywords",
        "Keyword by keyword",
        ("Keyword", "Test set", "Back end", "FRR", "FAR", "Segments", "False accepts"),
        tuple(rows),
        "False accepts: segments of anything else, other keywords included, decided as the keyword.",
    )


def _estimate(estimate: Estimate) -> str:
    if not estimate.count:
        return NOTHING
    return f"{percent(estimate.value, estimate.low, estimate.high)} n {count(estimate.count)}"
