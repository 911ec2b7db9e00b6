"""What thresholds were calibrated for, on what, and what is to be expected of them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.bundle import ExpectedFrr, OperatingPoint
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.speaker_share import speaker_share
from kws_core.evaluation.streams.facts import StreamScores
from kws_core.evaluation.streams.measures import REPLICATES, evaluate_streams
from kws_core.evaluation.streams.thresholds import shortage, stream_hours
from kws_core.report.numbers import count, percent


def point_of_segments(
    far: float,
    scores: NDArray[np.floating[Any]],
    is_keyword: NDArray[np.bool_],
    speakers: NDArray[np.str_],
    keywords: tuple[str, ...],
    thresholds: NDArray[np.float64],
    seed: int,
    dataset: str | None = None,
) -> OperatingPoint:
    """The operating point of thresholds that were calibrated for a FAR on development segments.

    Args:
        far: what was asked for.
        scores: `[segments, keywords]`.
        is_keyword: `[segments, keywords]`.
        speakers: of the segments.
        keywords: in the order of the columns.
        thresholds: `[keywords]`.
        seed: of the bootstrap.
        dataset: fingerprint of the selection.
    """
    accepted = scores >= thresholds
    expected = []
    for column, keyword in enumerate(keywords):
        own = is_keyword[:, column]
        frr = speaker_share(~accepted[own, column], speakers[own], REPLICATES, seed)
        expected.append(_expected(keyword, frr, int(accepted[~own, column].sum())))
    non_targets = int((~is_keyword.any(axis=1)).sum())
    least = int((~is_keyword).sum(axis=0).min())
    too_few = f"{least} other segments are too few for FAR {far:g}: none of them may be accepted, which shows no less "
    return OperatingPoint(
        far=far,
        non_target_segments=non_targets,
        speakers=len(set(speakers.tolist())),
        dataset=dataset,
        expected=tuple(expected),
        shortage=f"{too_few}than {3 / least:.2g} at 95 %" if far * least < 1 else None,
    )


def point_of_streams(
    max_per_hour: float,
    streams: Sequence[StreamScores],
    keywords: tuple[str, ...],
    thresholds: NDArray[np.float64],
    seed: int,
    dataset: str | None = None,
) -> OperatingPoint:
    """The operating point of thresholds that were calibrated for false alarms an hour on development streams.

    Args:
        max_per_hour: what was asked for, of each keyword.
        streams: that they were calibrated on.
        keywords: in the order of the columns.
        thresholds: `[keywords]`.
        seed: of the bootstrap.
        dataset: fingerprint of the streams.
    """
    hours = stream_hours(streams)
    measured = evaluate_streams(streams, keywords, thresholds, seed)
    return OperatingPoint(
        max_false_alarms_per_hour=max_per_hour,
        hours=round(hours, 6),
        speakers=measured.speakers,
        dataset=dataset,
        expected=tuple(_expected(own.keyword, own.frr, own.false_alarms.count) for own in measured.keywords),
        shortage=shortage(max_per_hour, hours),
    )


def describe_point(point: OperatingPoint) -> str:
    """The wish and the data behind it, in words."""
    if point.far is not None:
        return (
            f"calibrated for FAR {percent(point.far)} a keyword on {count(point.non_target_segments or 0)} non-target "
            f"segments of {count(point.speakers)} development speakers"
        )
    if point.hours is None:
        return (
            f"calibrated for {point.max_false_alarms_per_hour or 0:g} false alarms an hour of each keyword on "
            f"{count(point.non_target_segments or 0)} non-target segments of {count(point.speakers)} speakers"
        )
    source = f"streams of {count(point.speakers)} speakers"
    if point.recordings is not None:
        source = f"{count(point.recordings)} recordings without it"
    return (
        f"calibrated for {point.max_false_alarms_per_hour or 0:g} false alarms an hour of each keyword on "
        f"{point.hours or 0:.2g} h of {source}"
    )


def _expected(keyword: str, frr: Estimate, false_alarms: int) -> ExpectedFrr:
    value, low, high = (None if math.isnan(found) else round(found, 6) for found in (frr.value, frr.low, frr.high))
    return ExpectedFrr(keyword=keyword, frr=value, low=low, high=high, trials=frr.count, false_alarms=false_alarms)
