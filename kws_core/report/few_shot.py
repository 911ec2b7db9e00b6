"""The report's part about words that are learnt from a few examples."""

from collections.abc import Sequence

from kws_core.evaluation.few_shot import FewShotSummary
from kws_core.report.data import ReportTable
from kws_core.report.numbers import NOTHING, count, estimate


def few_shot_table(summaries: Sequence[FewShotSummary]) -> ReportTable:
    """Accuracy by the number of examples."""
    rows = [
        (
            f"{summary.shots} example{'s' if summary.shots > 1 else ''}",
            summary.test_set,
            estimate(summary.accuracy),
            estimate(summary.accuracy_at_far),
            NOTHING if not summary.episodes else f"{summary.words:.1f}",
            count(summary.episodes),
            count(summary.speakers),
        )
        for summary in summaries
    ]
    fars = sorted({summary.far for summary in summaries})
    at = f"FAR {100 * fars[0]:g} %" if len(fars) == 1 else "the FAR asked for"
    remarks = dict.fromkeys(
        f"{summary.test_set}, {summary.shots}: {remark}" for summary in summaries for remark in summary.remarks
    )
    return ReportTable(
        "few-shot",
        "Few-shot: words learnt from a few examples",
        ("Examples of a word", "Words", "Accuracy", f"Accepted too, at {at}", "Words at once", "Episodes", "Speakers"),
        tuple(rows),
        "Examples and tests are by different speakers, drawn anew for each episode.",
        remarks=tuple(remarks),
    )
