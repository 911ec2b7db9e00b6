"""The report's table of keywords: threshold, what was expected of it, and what it does."""

from kws_core.bundle import BundleDescription, ExpectedFrr
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.streams.measures import StreamEvaluation
from kws_core.evaluation.system import SystemEvaluation
from kws_core.report.data import ReportTable
from kws_core.report.numbers import NOTHING, count, estimate, hourly, percent


def keywords_table(
    description: BundleDescription, evaluation: SystemEvaluation, streams: StreamEvaluation | None
) -> ReportTable | None:
    """Every keyword by the back end that decides; None for an encoder without keywords."""
    decision = description.decision
    detected = next((one for one in evaluation.detection if one.backend == decision), None)
    if detected is None:
        return None
    thresholds = dict(zip(description.keywords, description.thresholds[decision], strict=True))
    expected = _expected(description)
    open_set = next((one for one in evaluation.open_set if one.backend == decision), None)
    recognised = {} if open_set is None else {one.keyword: one for one in open_set.keywords}
    on_streams = {} if streams is None else {one.keyword: one for one in streams.keywords}
    rows = []
    for found in detected.keywords:
        name = found.keyword
        row = [
            name,
            f"{thresholds[name]:.3f}" if name in thresholds else NOTHING,
            _expectation(expected.get(name)),
            estimate(_missed(recognised[name].open)) if name in recognised else percent(found.frr),
            percent(found.far),
            f"{count(found.false_accepts)}",
        ]
        if streams is not None:
            own = on_streams.get(name)
            row += [NOTHING, NOTHING] if own is None else [estimate(own.frr), hourly(own.false_alarms)]
        rows.append(tuple(row))
    columns = ["Keyword", "Threshold", "FRR expected", "FRR", "FAR", "False accepts"]
    columns += ["FRR on streams", "False alarms an hour"] if streams is not None else []
    return ReportTable(
        "keywords",
        f"Keyword by keyword: {decision}",
        tuple(columns),
        tuple(rows),
        "FRR expected: on the development data that the thresholds were calibrated on. FRR and FAR: on test segments. "
        "False accepts: segments of anything else, other keywords included, decided as the keyword.",
    )


def _missed(accepted: Estimate) -> Estimate:
    return Estimate(1 - accepted.value, 1 - accepted.high, 1 - accepted.low, accepted.count)


def _expected(description: BundleDescription) -> dict[str, ExpectedFrr]:
    points = [description.operating_point, *(each.operating_point for each in description.enrolled.values())]
    return {one.keyword: one for point in points if point is not None for one in point.expected or ()}


def _expectation(found: ExpectedFrr | None) -> str:
    if found is None or found.frr is None:
        return NOTHING
    nan = float("nan")
    low, high = (nan if bound is None else bound for bound in (found.low, found.high))
    return estimate(Estimate(found.frr, low, high, found.trials))
