"""A model at work, and beside it the general encoder for enrolled words that the model itself cannot take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import float_to_pcm16
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.features.window import window_waveform
from kws_core.speech_span import speech_span
from kws_core.spotter import Classification, Detection, Spotter


class KeywordStream(Protocol):
    """Finds keywords in samples as they come; belongs to one stream."""

    def push(self, pcm: NDArray[np.float32]) -> list[Detection]:
        """What became certain by samples `[n]`, 16 kHz mono, full scale 1."""
        ...

    def finish(self) -> list[Detection]:
        """What becomes certain as nothing follows."""
        ...


@dataclass(frozen=True, eq=False)
class Heard:
    """What a recording holds."""

    best: Classification
    """Of a second or less: of the whole; of a longer one: the most certain detection, or the nearest to one."""
    detections: list[Detection]


@dataclass(frozen=True, eq=False)
class Listener:
    """One spotter, or several that listen to the same; keeps no state of a request."""

    spotters: tuple[Spotter, ...]
    """The model's own first."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """Everything that is listened for."""
        return tuple(keyword for spotter in self.spotters for keyword in spotter.keywords)

    def hear(self, pcm: NDArray[np.float32]) -> Heard:
        """Search a recording `[samples]`, 16 kHz mono, full scale 1, of at least one sample."""
        duration_s = len(pcm) / SAMPLE_RATE_HZ
        if len(pcm) <= SAMPLE_RATE_HZ:
            best = self._classify(window_waveform(pcm, len(pcm) // 2, SAMPLE_RATE_HZ))
            whole = [Detection(best.keyword, 0.0, round(duration_s, 3), best.score)] if best.accepted else []
            return Heard(best, whole)
        found = [(self._margin(spotter, each), each) for spotter in self.spotters for each in spotter.detect(pcm)]
        if found:
            _, highest = max(found, key=lambda pair: pair[0])
            detections = sorted((each for _, each in found), key=lambda each: each.start_s)
            return Heard(Classification(highest.keyword, highest.score, True), detections)
        span = speech_span(float_to_pcm16(pcm)) or (0.0, duration_s)
        nearest = self._classify(window_waveform(pcm, round(sum(span) / 2 * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ))
        return Heard(Classification(nearest.keyword, nearest.score, False), [])

    def stream(self) -> KeywordStream:
        """A new stream."""
        streams = [spotter.stream() for spotter in self.spotters]
        return streams[0] if len(streams) == 1 else _Together(streams)

    def _classify(self, window: NDArray[np.float32]) -> Classification:
        """The first spotter's answer that is accepted, else the first's: scores of several cannot be compared."""
        answers = [spotter.classify(window[None])[0] for spotter in self.spotters]
        return next((answer for answer in answers if answer.accepted), answers[0])

    def _margin(self, spotter: Spotter, detection: Detection) -> tuple[bool, float]:
        """To rank detections by: those of the first spotter before others, then by score above the threshold."""
        threshold = float(spotter.thresholds[spotter.keywords.index(detection.keyword)])
        return spotter is self.spotters[0], detection.score - threshold


class _Together:
    """Streams of several spotters as one."""

    def __init__(self, streams: Sequence[KeywordStream]) -> None:
        self._streams = streams

    def push(self, pcm: NDArray[np.float32]) -> list[Detection]:
        return _in_time([each for stream in self._streams for each in stream.push(pcm)])

    def finish(self) -> list[Detection]:
        return _in_time([each for stream in self._streams for each in stream.finish()])


def _in_time(detections: list[Detection]) -> list[Detection]:
    return sorted(detections, key=lambda each: each.start_s)
