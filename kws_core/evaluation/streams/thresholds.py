"""Thresholds for a wish of false alarms an hour, calibrated on development streams."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.poisson import RARE_EVENTS_BELOW
from kws_core.evaluation.streams.facts import StreamScores
from kws_core.evaluation.streams.sweep import detect_in_streams, sweep


def calibrate_false_alarms(
    streams: Sequence[StreamScores], keywords: tuple[str, ...], max_per_hour: float
) -> NDArray[np.float64]:
    """The smallest threshold of each keyword, `[keywords]`, from which on upwards the wish holds.

    Each keyword is calibrated alone: its false alarms are its detections where it is not said. No higher threshold has
    more false alarms than wished for either. Where not even one is allowed, the threshold lies just above the highest
    score of a false alarm. A wish that every threshold fulfils gives the lowest score. Raises `EvaluationError` for
    streams without sound or a wish that is not above 0.
    """
    hours = stream_hours(streams)
    if not max_per_hour > 0:
        raise EvaluationError(f"false alarms an hour must be above 0, not {max_per_hour:g}")
    if not hours:
        raise EvaluationError("there are no streams to calibrate thresholds for false alarms an hour on")
    allowed = allowed_false_alarms(max_per_hour, hours)
    thresholds = np.empty(len(keywords))
    for column, keyword in enumerate(keywords):
        alone = [StreamScores(stream.facts, stream.scores[:, column : column + 1]) for stream in streams]
        lowest = sweep(detect_in_streams(alone, (keyword,), np.zeros(1), -np.inf)).lowest_shift(allowed)
        least = min(float(stream.scores.min()) for stream in alone if len(stream.scores))
        thresholds[column] = max(lowest, least)
    return thresholds


def stream_hours(streams: Sequence[StreamScores]) -> float:
    """Hours of all streams."""
    return sum(stream.facts.duration_s for stream in streams) / 3600


def allowed_false_alarms(max_per_hour: float, hours: float) -> int:
    """How many false alarms in so many hours fulfil the wish."""
    return int(max_per_hour * hours * (1 + 1e-9))


def shortage(max_per_hour: float, hours: float) -> str | None:
    """Why so few hours cannot show that the wish holds, in one sentence; None when they can, at 95 %."""
    needed = RARE_EVENTS_BELOW / max_per_hour
    if hours >= needed:
        return None
    lowest = "" if allowed_false_alarms(max_per_hour, hours) else "; thresholds lie just above the highest false alarm"
    return (
        f"{hours:.2g} h are too few for {max_per_hour:g} false alarms an hour of each keyword: without any false alarm "
        f"they show at most {RARE_EVENTS_BELOW / hours:.2g} an hour at 95 %, and {needed:.2g} h are needed{lowest}"
    )
