"""The threshold of an enrolled keyword: by the bundle's cohort, or by recordings that do not hold it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.backends.thresholds import calibrate_thresholds
from kws_core.bundle import OperatingPoint
from kws_core.cohort import Cohort
from kws_core.config.base import SAMPLE_RATE_HZ
from kws_core.detector import WINDOWS_AT_ONCE, smooth, stream_windows
from kws_core.enrolment_example import Example
from kws_core.errors import ConfigError
from kws_core.evaluation.poisson import RARE_EVENTS_BELOW
from kws_core.evaluation.streams.facts import StreamFacts, StreamScores
from kws_core.evaluation.streams.thresholds import calibrate_false_alarms, shortage
from kws_core.fingerprint import fingerprint
from kws_core.onnx_encoder import OnnxEncoder

TAIL_SHARE = 0.1
"""Share of the cohort whose scores are the tail."""
SMALLEST_TAIL = 0.1
"""Segments of the cohort: how far the tail is extrapolated at most. On streams of development speakers, thresholds for
40, 10 and 3 false alarms an hour had 42, 10 and 3 on average; 3 an hour was a tenth of a segment of that cohort."""
TRIALS_PER_HOUR = 15_000
"""Segments of a cohort that an hour of speech is like. On streams of development speakers, false alarms an hour after
smoothing and refractory time were 11,000 to 25,000 times the share of the cohort that the same threshold accepted."""


@dataclass(frozen=True, eq=False)
class HeardRecording:
    """A recording without the keywords: what it is, its length and the embeddings `[windows, dim]` of its windows."""

    sha256: str
    duration_s: float
    embeddings: NDArray[np.float32]


def hear(recordings: Sequence[Example], encoder: OnnxEncoder) -> list[HeardRecording]:
    """Embed the spotter's windows of recordings of any length; raises `ConfigError` for an empty one."""
    heard = []
    for recording in recordings:
        if not len(recording.pcm):
            raise ConfigError(f"{recording.name}: the recording holds no samples to count false alarms in")
        windows = stream_windows(recording.pcm)
        starts = range(0, len(windows), WINDOWS_AT_ONCE)
        embeddings = np.concatenate([encoder.embed(windows[at : at + WINDOWS_AT_ONCE]) for at in starts])
        heard.append(HeardRecording(recording.sha256, len(recording.pcm) / SAMPLE_RATE_HZ, embeddings))
    return heard


def threshold_by_cohort(
    keyword: str, scores: NDArray[np.float64], speakers: int, far: float | None, max_per_hour: float | None
) -> tuple[float, OperatingPoint]:
    """The threshold at which a share `far` of the cohort, or so many windows an hour, is taken for the keyword.

    The scores of the tail are taken to fall off exponentially: so few of a cohort lie beyond a strict threshold that
    counting them says less than all of the tail does, and nothing at all below one of them.

    Args:
        keyword: for the error.
        scores: of the keyword, `[n]`, with the cohort's segments of other words.
        speakers: of the cohort.
        far: the wish, or None.
        max_per_hour: the wish in false alarms an hour, where `far` is None.

    Raises:
        ConfigError: the cohort holds nothing but the keyword.
    """
    if not len(scores):
        raise ConfigError(f"the cohort of the bundle holds nothing but {keyword!r}: no threshold can be set")
    share = _share(far, max_per_hour)
    point = OperatingPoint(
        far=far,
        max_false_alarms_per_hour=max_per_hour,
        non_target_segments=len(scores),
        speakers=speakers,
        shortage=_shortage_of_cohort(len(scores), far, max_per_hour),
    )
    return _tail_threshold(scores, share), point


def _tail_threshold(scores: NDArray[np.float64], share: float) -> float:
    """The score that a `share` of all is expected to reach: by an exponential tail, or by counting where it is long."""
    if share >= TAIL_SHARE:
        (threshold,) = calibrate_thresholds(scores[:, None], np.zeros((len(scores), 1), np.bool_), share).tolist()
        return float(threshold)
    ordered = np.sort(scores)[::-1]
    inside = max(round(TAIL_SHARE * len(ordered)), 1)
    start = float(ordered[min(inside, len(ordered) - 1)])
    scale = float(np.mean(ordered[:inside] - start))
    return start + scale * math.log(inside / len(ordered) / share)


def _shortage_of_cohort(segments: int, far: float | None, max_per_hour: float | None) -> str | None:
    """What the cohort cannot show of a wish, in one sentence; None when three of its segments are beyond it."""
    share = _share(far, max_per_hour)
    shown = RARE_EVENTS_BELOW / segments
    if share >= shown:
        return None
    hourly = f"about {TRIALS_PER_HOUR * share:.2g} false alarms an hour of speech"
    if far is not None:
        wish, shows = f"FAR {far:g} ({hourly})", f"FAR {shown:.2g}"
    else:
        wish, shows = f"{max_per_hour:g} false alarms an hour", f"{TRIALS_PER_HOUR * shown:.2g} an hour of speech"
    return (
        f"{wish} is extrapolated from the tail of {segments:,} other segments, which show at most {shows} at 95 % when "
        "none of them is accepted; recordings without the keyword can show more"
    )


def _share(far: float | None, max_per_hour: float | None) -> float:
    """Of the windows around words that may be accepted."""
    return far if far is not None else (max_per_hour or 0.0) / TRIALS_PER_HOUR


def threshold_by_recordings(
    keyword: str, backend: Backend, heard: Sequence[HeardRecording], max_per_hour: float
) -> tuple[float, OperatingPoint]:
    """The threshold at which recordings without the keyword have no more false alarms an hour than wished for.

    `backend` scores the keyword alone.
    """
    streams = [
        StreamScores(
            StreamFacts(recording.sha256, "speech", recording.duration_s, (), ()),
            smooth(np.asarray(backend.score(recording.embeddings), np.float64)),
        )
        for recording in heard
    ]
    (threshold,) = calibrate_false_alarms(streams, (keyword,), max_per_hour).tolist()
    hours = sum(recording.duration_s for recording in heard) / 3600
    point = OperatingPoint(
        max_false_alarms_per_hour=max_per_hour,
        hours=round(hours, 6),
        recordings=len(heard),
        speakers=0,
        dataset=fingerprint(sorted(recording.sha256 for recording in heard)),
        shortage=shortage(max_per_hour, hours),
    )
    return threshold, point


def check_wish(far: float | None, max_per_hour: float | None, recordings: int, cohort: Cohort) -> None:
    """Raise `ConfigError` unless exactly one wish is stated and there is enough to calibrate it on."""
    if (far is None) == (max_per_hour is None):
        raise ConfigError("exactly one of far and max_false_alarms_per_hour is needed")
    if max_per_hour is not None and not max_per_hour > 0:
        raise ConfigError(f"max_false_alarms_per_hour is {max_per_hour:g}; more than 0 can be asked for")
    if recordings:
        if far is not None:
            raise ConfigError(
                "recordings that do not hold the keyword are for max_false_alarms_per_hour; a far is calibrated on the "
                "cohort"
            )
        return
    least = SMALLEST_TAIL / len(cohort)
    if far is not None and not least <= far < 1:
        raise ConfigError(
            f"far is {far:g}; from a cohort of {len(cohort)} segments, at least {_round_up(least)} and less than 1 "
            "can be asked for"
        )
    if max_per_hour is not None and not least <= max_per_hour / TRIALS_PER_HOUR < 1:
        raise ConfigError(
            f"max_false_alarms_per_hour is {max_per_hour:g}; from a cohort of {len(cohort)} segments, at least "
            f"{_round_up(least * TRIALS_PER_HOUR)} and less than {TRIALS_PER_HOUR:,} can be asked for: give recordings "
            "that do not hold the keyword to count false alarms in"
        )


def _round_up(share: float) -> str:
    """Two digits that are never less than the share."""
    digits = f"{share:.2g}"
    return digits if float(digits) >= share else f"{share + 10.0 ** (math.floor(math.log10(share)) - 1):.2g}"
