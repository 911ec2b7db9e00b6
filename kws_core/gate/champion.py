"""The challenger against the champion: better or shown to be no worse, and nobody is harmed.

The primary figure must be *shown* not to be worse by more than its margin: the upper 95 % limit of the difference
counts. All else fails where harm is shown: the loss exceeds its margin and chance is ruled out at 95 %. Where there is
no interval (one speaker, or no resampling) the difference itself counts.
"""

import math

from kws_core.config import GateConfig
from kws_core.evaluation.group_losses import GroupLoss
from kws_core.evaluation.rate_ratio import rate_ratio
from kws_core.evaluation.system_comparison import FigureComparison
from kws_core.gate.decision import PRECISION, Check, CheckVerdict, differs
from kws_core.gate.evidence import Evidence

ACCURACIES = {
    "keywords accepted": "target accuracy",
    "non-targets rejected": "non-target accuracy",
    "unseen non-targets rejected": "unseen non-target accuracy",
}
SIGNIFICANCE = 0.05
"""Shared by all groups of a kind: of many groups one always looks bad by chance."""


def check_against_champion(evidence: Evidence, gate: GateConfig) -> tuple[Check, ...]:
    """Every check, the primary one first; what could not be measured says so."""
    checks = [_primary(evidence.primary, gate.frr_margin)]
    measured = {figure.measure: figure for figure in evidence.accuracies}
    for measure, name in ACCURACIES.items():
        if measure in measured:
            checks.append(_accuracy(name, measured[measure], gate.accuracy_margin))
        elif measured:
            checks.append(Check(name, "not measured"))
    if measured:
        checks += [_false_alarms(evidence, gate.false_alarm_margin), _groups("keyword", evidence.keywords, gate)]
    return (*checks, _groups("speaker", evidence.speakers, gate))


def _primary(found: FigureComparison, margin: float) -> Check:
    difference = differs(found.difference)
    worst = difference[0] if difference[2] is None else difference[2]
    verdict: CheckVerdict = "failed" if math.isnan(worst) or worst > margin + PRECISION else "passed"
    return Check(
        f"{found.measure} on {found.test_set} trials",
        verdict,
        found.ours.value,
        found.theirs.value,
        difference,
        margin,
        f"worse by at most {100 * margin:g} points at 95 % passes",
    )


def _accuracy(name: str, found: FigureComparison, margin: float) -> Check:
    difference = differs(found.difference)
    best = difference[0] if difference[2] is None else difference[2]
    fell = -difference[0] > margin + PRECISION and best < -PRECISION
    return Check(
        name,
        "failed" if fell else "passed",
        found.ours.value,
        found.theirs.value,
        difference,
        margin,
        f"a loss of more than {100 * margin:g} points that is shown at 95 % fails",
    )


def _false_alarms(evidence: Evidence, margin: float) -> Check:
    name = "false alarms"
    if evidence.false_alarms is None or not all(rate.hours for rate in evidence.false_alarms):
        return Check(name, "not measured", unit="an hour")
    ours, theirs = evidence.false_alarms
    low, high = rate_ratio(ours.count, theirs.count)
    more = ours.per_hour - theirs.per_hour
    failed = more > margin + PRECISION and low > 1
    times = f"{low:.2g} to {'any number of' if math.isinf(high) else f'{high:.2g}'} times as many at 95 %"
    return Check(
        name,
        "failed" if failed else "passed",
        ours.per_hour,
        theirs.per_hour,
        (more, None, None),
        margin,
        f"{times}; more than {margin:g} an hour more that are shown at 95 % fail",
        "an hour",
    )


def _groups(kind: str, losses: tuple[GroupLoss, ...], gate: GateConfig) -> Check:
    """The group that lost most, or the one that lost too much."""
    if not losses:
        return Check(f"any {kind}", "not measured")
    margin = gate.keyword_margin if kind == "keyword" else gate.speaker_margin
    # the losses are sorted, so the first that fails is the largest
    failed = next(
        (one for one in losses if one.loss > margin + PRECISION and one.chance * len(losses) <= SIGNIFICANCE), None
    )
    worst = failed or losses[0]
    return Check(
        f"accuracy of {kind} {worst.group}, the largest loss of {len(losses)}",
        "failed" if failed else "passed",
        difference=(-worst.loss, None, None),
        limit=margin,
        rule=f"{worst.lost} lost and {worst.gained} gained of {worst.rows}; a loss of more than "
        f"{100 * margin:g} points that chance does not explain fails",
    )
