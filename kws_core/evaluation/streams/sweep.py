"""Hits and false alarms at every threshold: exact, from the spotter's own peaks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.detector import Peaks, centre_s, find_peaks
from kws_core.evaluation.streams.facts import Event, StreamScores

TOLERANCE_S = 0.25
"""A detection belongs to a keyword when the middle of its window lies inside the word or this near to it."""


@dataclass(frozen=True, eq=False)
class StreamDetections:
    """The peaks of all streams together, each with the keyword that it may have heard.

    `places [peaks]` is the place of the event among `events`, -1 where the keyword is not said; of several peaks of one
    event, one is the hit and the others are false alarms.
    """

    peaks: tuple[Peaks, ...]
    """One for each stream."""
    places: tuple[NDArray[np.int64], ...]
    events: tuple[Event, ...]

    def lives(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """For every peak of every stream: where it merges, its margin and its event, each `[peaks]`."""
        return (
            np.concatenate([np.zeros(0), *(peaks.merged_at for peaks in self.peaks)]),
            np.concatenate([np.zeros(0), *(peaks.margins for peaks in self.peaks)]),
            np.concatenate([np.zeros(0, np.int64), *self.places]),
        )


@dataclass(frozen=True, eq=False)
class Sweep:
    """Hits and false alarms `[points]` at rising shifts of all thresholds, the last infinite: nothing is detected.

    Between a shift and the one before it nothing changes: counts are those of every threshold in `(before, shift]`.
    """

    shifts: NDArray[np.float64]
    hits: NDArray[np.int64]
    false_alarms: NDArray[np.int64]

    def most_false_alarms(self) -> NDArray[np.int64]:
        """The most false alarms of each shift and all that are higher, `[points]`.

        Neighbouring detections merge as thresholds fall, so that a lower threshold can have fewer.
        """
        most: NDArray[np.int64] = np.maximum.accumulate(self.false_alarms[::-1])[::-1]
        return most

    def lowest_shift(self, false_alarms: int) -> float:
        """The lowest shift from which on upwards there are never more than so many false alarms.

        It is the next number above the last shift that has more; -inf when none has.
        """
        many = np.flatnonzero(self.false_alarms > false_alarms)
        return float(np.nextafter(self.shifts[many[-1]], np.inf)) if len(many) else float("-inf")


def detect_in_streams(
    streams: Sequence[StreamScores], keywords: tuple[str, ...], thresholds: NDArray[np.float64], floor: float
) -> StreamDetections:
    """Detections at the thresholds shifted by `floor` and by more, matched with the events of the streams."""
    peaks, places, events = [], [], list[Event]()
    for stream in streams:
        found = find_peaks(stream.scores, thresholds, floor)
        peaks.append(found)
        places.append(_match(found, stream.facts.events, keywords, len(events)))
        events.extend(stream.facts.events)
    return StreamDetections(tuple(peaks), tuple(places), tuple(events))


def sweep(detections: StreamDetections) -> Sweep:
    """Hits and false alarms at every shift at or above the floor of the detections."""
    low, high, place = detections.lives()
    shifts = np.unique(np.concatenate([low, high, [np.inf]]))
    shifts = shifts[shifts > -np.inf]
    hit_low, hit_high = _united(low[place >= 0], high[place >= 0], place[place >= 0])
    hits = _alive(hit_low, hit_high, shifts)
    return Sweep(shifts, hits, _alive(low, high, shifts) - hits)


def hits_at(detections: StreamDetections, shift: float) -> NDArray[np.bool_]:
    """Which events `[events]` are heard at a shift."""
    low, high, place = detections.lives()
    heard = np.zeros(len(detections.events), np.bool_)
    heard[place[(low < shift) & (shift <= high) & (place >= 0)]] = True
    return heard


def _match(peaks: Peaks, events: tuple[Event, ...], keywords: tuple[str, ...], first: int) -> NDArray[np.int64]:
    """For each peak the place of the event that it is in, counted from `first`, or -1; of two events the nearer."""
    times, places = centre_s(peaks.windows), np.full(len(peaks.windows), -1, np.int64)
    distances = np.full(len(times), np.inf)
    for number, event in enumerate(events):
        if event.keyword not in keywords:
            continue
        inside = (times >= event.start_s - TOLERANCE_S) & (times <= event.end_s + TOLERANCE_S)
        distance = np.abs(times - (event.start_s + event.end_s) / 2)
        ours = inside & (peaks.keywords == keywords.index(event.keyword)) & (distance < distances)
        places[ours], distances[ours] = first + number, distance[ours]
    return places


def _united(
    low: NDArray[np.float64], high: NDArray[np.float64], event: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intervals `(low, high]` without those of the same event overlapping: an event is heard once."""
    lows, highs, last = list[float](), list[float](), -1
    order = np.lexsort((low, event))
    for start, end, number in zip(low[order].tolist(), high[order].tolist(), event[order].tolist(), strict=True):
        if number == last and start <= highs[-1]:
            highs[-1] = max(highs[-1], end)
        else:
            lows.append(start)
            highs.append(end)
        last = number
    return np.array(lows), np.array(highs)


def _alive(low: NDArray[np.float64], high: NDArray[np.float64], shifts: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of the intervals `(low, high]` hold each shift."""
    begun = np.searchsorted(np.sort(low), shifts, side="left")
    over = np.searchsorted(np.sort(high), shifts, side="left")
    return (begun - over).astype(np.int64)
