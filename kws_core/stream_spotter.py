"""A spotter listening: samples in pieces of any length, detections as soon as they are final."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kws_core.config.base import SAMPLE_RATE_HZ
from kws_core.detection import Detection
from kws_core.detector import centre_s
from kws_core.incremental.stream_encoder import EmbeddingStream
from kws_core.stream_peaks import StreamPeak, StreamPeaks

EmbeddingScores = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Turns embeddings `[windows, dim]` into scores `[windows, keywords]`."""


class StreamSpotter:
    """One stream of a `Spotter`; finds what `Spotter.detect` finds, however the samples are cut into pieces.

    A detection is final when no window can join it any more, half a second (the refractory time) after its last
    accepted window; that window reaches half a second beyond its middle. Memory does not grow with time. A stream
    is for one thread at a time; different streams of a spotter may be used at once.
    """

    def __init__(
        self,
        embeddings: EmbeddingStream,
        scores: EmbeddingScores,
        thresholds: NDArray[np.float64],
        keywords: tuple[str, ...],
        durations_s: tuple[float, ...],
    ) -> None:
        """Begin to listen; `Spotter.stream` does it."""
        self._embeddings, self._scores = embeddings, scores
        self._peaks = StreamPeaks(thresholds)
        self._keywords, self._durations_s = keywords, durations_s
        self._waiting: list[StreamPeak] = []  # final, but not yet heard to the end of the keyword

    @property
    def heard_s(self) -> float:
        """Seconds heard so far."""
        return self._embeddings.samples / SAMPLE_RATE_HZ

    @property
    def state_bytes(self) -> int:
        """Samples, frames and maps that are kept between two pushes."""
        return self._embeddings.state_bytes

    def push(self, pcm: NDArray[np.floating]) -> list[Detection]:
        """Hear `pcm [samples]`, 16 kHz mono, full scale 1; gives the detections that have become final.

        Raises:
            ValueError: the samples are no row of floating point numbers, or the stream is finished.
            AudioError: a sample is not a finite number.
        """
        return self.detections(self.push_peaks(pcm))

    def finish(self) -> list[Detection]:
        """End the stream; gives the detections that were not final yet."""
        return self.detections(self.finish_peaks())

    def push_peaks(self, pcm: NDArray[np.floating]) -> list[StreamPeak]:
        """As `push`, as windows and keywords by number."""
        found = self._embeddings.push(pcm)
        if len(found):
            self._waiting += self._peaks.push(self._scores(found))
        heard_s = self.heard_s
        ready = [peak for peak in self._waiting if self._times(peak)[1] <= heard_s]
        self._waiting = [peak for peak in self._waiting if self._times(peak)[1] > heard_s]
        return ready

    def finish_peaks(self) -> list[StreamPeak]:
        """As `finish`, as windows and keywords by number."""
        last = self._embeddings.finish()
        closed = self._peaks.push(self._scores(last)) if len(last) else []
        found, self._waiting = [*self._waiting, *closed, *self._peaks.finish()], []
        return found

    def detections(self, peaks: list[StreamPeak]) -> list[Detection]:
        """What peaks mean, cut to what has been heard."""
        return [self._detection(peak) for peak in peaks]

    def _detection(self, peak: StreamPeak) -> Detection:
        start_s, end_s = self._times(peak)
        times = round(max(start_s, 0.0), 3), round(min(end_s, self.heard_s), 3)
        return Detection(self._keywords[peak.keyword], *times, peak.score)

    def _times(self, peak: StreamPeak) -> tuple[float, float]:
        middle_s = float(centre_s(np.array(peak.window)))
        half_s = self._durations_s[peak.keyword] / 2
        return middle_s - half_s, middle_s + half_s
