"""FRR against false alarms an hour, over all thresholds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws_core.evaluation.streams.sweep import Sweep

STORED_POINTS = 400


@dataclass(frozen=True)
class CurvePoint:
    """One operating point: all thresholds shifted by `shift`, and what then happens."""

    shift: float
    """Infinite where nothing is detected any more."""
    false_alarms_per_hour: float
    frr: float


def curve(counted: Sweep, events: int, hours: float) -> tuple[CurvePoint, ...]:
    """FRR against false alarms an hour at every threshold that is worth it, by falling false alarms.

    A threshold counts with the most false alarms of it and all that are higher, so that no figure depends on
    neighbouring false alarms merging. Empty without events or hours.
    """
    if not events or not hours:
        return ()
    points = list[CurvePoint]()
    most, best = counted.most_false_alarms().tolist(), -1
    rows = zip(counted.shifts.tolist(), counted.hits.tolist(), most, strict=True)
    for shift, hits, false_alarms in reversed(list(rows)):
        if hits <= best:
            continue
        best = hits
        point = CurvePoint(shift, false_alarms / hours, 1 - hits / events)
        if points and points[-1].false_alarms_per_hour == point.false_alarms_per_hour:
            points.pop()
        points.append(point)
    return tuple(reversed(points))


def frr_at(points: Sequence[CurvePoint], false_alarms_per_hour: float) -> float:
    """The least FRR of the points with at most so many false alarms an hour; NaN without points."""
    within = [point.frr for point in points if point.false_alarms_per_hour <= false_alarms_per_hour]
    return min(within, default=math.nan)


def stored(points: tuple[CurvePoint, ...]) -> tuple[CurvePoint, ...]:
    """At most `STORED_POINTS` of the points, both ends among them."""
    if len(points) <= STORED_POINTS:
        return points
    kept = np.unique(np.linspace(0, len(points) - 1, STORED_POINTS).round().astype(int))
    return tuple(points[place] for place in kept.tolist())
