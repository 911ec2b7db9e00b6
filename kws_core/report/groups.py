"""The report's part about groups: whom a system serves worse than its mean says."""

from collections.abc import Sequence

from kws_core.evaluation.groups import GroupSummary
from kws_core.report.data import ReportTable
from kws_core.report.numbers import count, estimate, percent

SHOWN = 10
"""Groups of a kind that are listed, the worst first."""


def groups_table(summaries: Sequence[GroupSummary]) -> ReportTable:
    """Mean and worst tenth of every kind of group."""
    rows = [
        (
            f"by {summary.kind}",
            summary.system,
            percent(summary.mean_frr),
            percent(summary.worst_tenth_frr.value, summary.worst_tenth_frr.low, summary.worst_tenth_frr.high),
            count(summary.worst_tenth_frr.count),
            count(summary.ranked),
        )
        for summary in summaries
    ]
    remarks = dict.fromkeys(f"by {summary.kind}: {remark}" for summary in summaries for remark in summary.remarks)
    return ReportTable(
        "groups",
        "Groups: the worst tenth",
        ("Groups", "System", "Mean FRR", "FRR of the worst tenth", "Groups in it", "Groups ranked"),
        tuple(rows),
        "A group is a speaker, a corpus, a range of durations or of estimated SNR.",
        remarks=tuple(remarks),
    )


def worst_groups_table(summaries: Sequence[GroupSummary]) -> ReportTable:
    """The worst groups one by one; starts folded."""
    rows = [
        (
            found.group,
            summary.kind,
            summary.system,
            estimate(found.frr),
            percent(found.eer.value, found.eer.low, found.eer.high),
            count(found.others),
            count(found.speakers),
        )
        for summary in summaries
        for found in summary.figures[:SHOWN]
    ]
    return ReportTable(
        "worst-groups",
        "Worst groups one by one",
        ("Group", "Kind", "System", "FRR", "EER", "Other segments", "Speakers"),
        tuple(rows),
        "The interval of a single speaker is Wilson's, of several a bootstrap over speakers.",
        folded=True,
    )
