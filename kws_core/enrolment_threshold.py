"""The threshold of an enrolled keyword: by the bundle's cohort, or by recordings that do not hold it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.thresholds import calibrate_thresholds
from kws_core.bundle import OperatingPoint
from kws_core.cohort import Cohort
from kws_core.config.base import SAMPLE_RATE_HZ
from kws_core.detector import WINDOWS_AT_ONCE, smooth, stream_windows
from kws_core.enrolment_example import Example
from kws_core.errors import ConfigError
from kws_core.evaluation.streams.facts import StreamFacts, StreamScores
from kws_core.evaluation.streams.thresholds import calibrate_false_alarms, shortage
from kws_core.fingerprint import fingerprint
from kws_core.onnx_encoder import OnnxEncoder


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
    keyword: str, centroid: NDArray[np.float32], cohort: Cohort, far: float
) -> tuple[float, OperatingPoint]:
    """The threshold at which a share `far` of the cohort is taken for the keyword.

    Raises:
        ConfigError: the cohort holds nothing but the keyword.
    """
    others = cohort.without(keyword)
    if not len(others):
        raise ConfigError(f"the cohort of the bundle holds nothing but {keyword!r}: no threshold can be set")
    scores = others @ centroid[:, None]
    (threshold,) = calibrate_thresholds(scores, np.zeros(scores.shape, np.bool_), far).tolist()
    return threshold, OperatingPoint(far=far, non_target_segments=len(others), speakers=cohort.speakers)


def threshold_by_recordings(
    keyword: str, centroid: NDArray[np.float32], heard: Sequence[HeardRecording], max_per_hour: float
) -> tuple[float, OperatingPoint]:
    """The threshold at which recordings without the keyword have no more false alarms an hour than wished for."""
    backend = CentroidBackend((keyword,), centroid[None])
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
    if far is not None:
        least = 1 / len(cohort)
        if not least <= far < 1:
            raise ConfigError(
                f"far is {far:g}; from a cohort of {len(cohort)} segments, at least {_round_up(least)} and less than 1 "
                "can be asked for"
            )
    elif max_per_hour is not None and not max_per_hour > 0:
        raise ConfigError(f"max_false_alarms_per_hour is {max_per_hour:g}; more than 0 can be asked for")
    if (max_per_hour is None) != (recordings == 0):
        raise ConfigError(
            "false alarms an hour are counted in recordings that do not hold the keyword: give such recordings and "
            "max_false_alarms_per_hour, or ask for a far"
        )


def _round_up(share: float) -> str:
    """Two digits that are never less than the share."""
    digits = f"{share:.2g}"
    return digits if float(digits) >= share else f"{share + 10.0 ** (math.floor(math.log10(share)) - 1):.2g}"
