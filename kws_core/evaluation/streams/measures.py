"""What a spotter does on streams: misses, false alarms an hour, the curve between them, and how late it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from kws_core.detector import heard_by_s
from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.poisson import HourlyRate, hourly_rate
from kws_core.evaluation.speaker_share import speaker_share
from kws_core.evaluation.streams.curve import CurvePoint, curve, frr_at, stored
from kws_core.evaluation.streams.facts import STREAM_KINDS, Event, StreamKind, StreamScores
from kws_core.evaluation.streams.sweep import StreamDetections, detect_in_streams, hits_at, sweep

REPLICATES = 1000


@dataclass(frozen=True)
class Latency:
    """Seconds from the end of a keyword until the last sample that decided for it was heard; NaN without hits."""

    hits: int
    median_s: float
    p90_s: float


@dataclass(frozen=True)
class LevelOnStreams:
    """Keywords at one level above their surroundings."""

    snr_db: float
    frr: Estimate


@dataclass(frozen=True)
class KindOfStreams:
    """False alarms in one kind of stream."""

    kind: StreamKind
    false_alarms: HourlyRate


@dataclass(frozen=True)
class KeywordOnStreams:
    """One keyword at the thresholds."""

    keyword: str
    frr: Estimate
    false_alarms: HourlyRate


@dataclass(frozen=True)
class StreamEvaluation:
    """A spotter at its thresholds and, as a curve, at all others.

    Everything that is detected where the keyword is not said is a false alarm, and so is a second detection of one
    keyword; hours are those of all streams. FRR intervals are bootstrapped over speakers, rates have Poisson limits.
    """

    speakers: int
    frr: Estimate
    false_alarms: HourlyRate
    levels: tuple[LevelOnStreams, ...]
    """From the highest down."""
    kinds: tuple[KindOfStreams, ...]
    keywords: tuple[KeywordOnStreams, ...]
    latency: Latency
    curve: tuple[CurvePoint, ...]
    """By falling false alarms: a point is never worse than the ones before in both."""

    def frr_at(self, false_alarms_per_hour: float) -> float:
        """The least FRR with at most so many false alarms an hour; NaN without events or hours."""
        return frr_at(self.curve, false_alarms_per_hour)

    def metrics(self) -> dict[str, float]:
        """Named figures, as the bundle and the registry keep them; those that could not be measured are left out."""
        figures = {
            "streams.hours": self.false_alarms.hours,
            "streams.false_alarms_per_hour": self.false_alarms.per_hour,
            "streams.frr": self.frr.value,
            "streams.frr_at_1_false_alarm_per_hour": self.frr_at(1.0),
            "streams.latency_median_s": self.latency.median_s,
        }
        return {name: value for name, value in figures.items() if math.isfinite(value)}

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a document."""
        plain: dict[str, Any] = TypeAdapter(StreamEvaluation).dump_python(self, mode="json")
        return plain

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "StreamEvaluation":
        """The evaluation of a document."""
        return TypeAdapter(cls).validate_python(document)


def evaluate_streams(
    streams: Sequence[StreamScores],
    keywords: tuple[str, ...],
    thresholds: NDArray[np.float64],
    seed: int,
    replicates: int = REPLICATES,
) -> StreamEvaluation:
    """Measure a spotter on streams.

    Args:
        streams: their smoothed scores; keywords that are said there and that the spotter does not know are missed.
        keywords: of the spotter, as the scores have them.
        thresholds: `[keywords]`.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Raises:
        EvaluationError: there are no streams, a score is NaN or the shapes do not fit.
    """
    if not streams:
        raise EvaluationError("there are no streams to measure on")
    hours = sum(stream.facts.duration_s for stream in streams) / 3600
    at_thresholds = detect_in_streams(streams, keywords, thresholds, 0.0)
    events = at_thresholds.events
    heard = hits_at(at_thresholds, 0.0)
    false_by = _false_alarms(at_thresholds, streams, len(keywords))

    def share(chosen: NDArray[np.bool_]) -> Estimate:
        own = [event.speaker_id for event, kept in zip(events, chosen, strict=True) if kept]
        return speaker_share(~heard[chosen], own, replicates, seed)

    levels, said = np.array([event.snr_db for event in events]), np.array([event.keyword for event in events], np.str_)
    kinds = [kind for kind in STREAM_KINDS if any(stream.facts.kind == kind for stream in streams)]
    kind_of = np.array([stream.facts.kind for stream in streams])
    hours_of = np.array([stream.facts.duration_s / 3600 for stream in streams])
    return StreamEvaluation(
        speakers=len({speaker for stream in streams for speaker in stream.facts.speakers}),
        frr=share(np.ones(len(events), np.bool_)),
        false_alarms=hourly_rate(int(false_by.sum()), hours),
        levels=tuple(
            LevelOnStreams(level, share(levels == level)) for level in sorted(set(levels.tolist()), reverse=True)
        ),
        kinds=tuple(
            KindOfStreams(
                kind, hourly_rate(int(false_by[kind_of == kind].sum()), float(hours_of[kind_of == kind].sum()))
            )
            for kind in kinds
        ),
        keywords=tuple(
            KeywordOnStreams(keyword, share(said == keyword), hourly_rate(int(false_by[:, number].sum()), hours))
            for number, keyword in enumerate(keywords)
        ),
        latency=_latency(at_thresholds, events),
        curve=stored(curve(sweep(detect_in_streams(streams, keywords, thresholds, -np.inf)), len(events), hours)),
    )


def _false_alarms(found: StreamDetections, streams: Sequence[StreamScores], keywords: int) -> NDArray[np.int64]:
    """False alarms at the thresholds, `[streams, keywords]`."""
    counts = np.zeros((len(streams), keywords), np.int64)
    for row, (peaks, places) in enumerate(zip(found.peaks, found.places, strict=True)):
        wrong = peaks.at(0.0)
        of_events = np.flatnonzero(wrong & (places >= 0))
        wrong[of_events[np.unique(places[of_events], return_index=True)[1]]] = False  # the first of each is the hit
        np.add.at(counts[row], peaks.keywords[wrong], 1)
    return counts


def _latency(found: StreamDetections, events: tuple[Event, ...]) -> Latency:
    """Of the earliest detection of each event that is heard."""
    earliest: dict[int, float] = {}
    for peaks, places in zip(found.peaks, found.places, strict=True):
        chosen = peaks.at(0.0) & (places >= 0)
        times = heard_by_s(peaks.first_windows[chosen]).tolist()
        for place, time_s in zip(places[chosen].tolist(), times, strict=True):
            late_s = time_s - events[place].end_s
            earliest[place] = min(late_s, earliest.get(place, math.inf))
    if not earliest:
        return Latency(0, math.nan, math.nan)
    median_s, p90_s = np.percentile(list(earliest.values()), [50, 90])
    return Latency(len(earliest), float(median_s), float(p90_s))
