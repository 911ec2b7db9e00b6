"""The spotter's decision, window after window: what `find_peaks` finds, each peak as soon as it is final."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.detector import APART_WINDOWS, SMOOTHING_WINDOWS, smooth
from kws_core.errors import EvaluationError


@dataclass(frozen=True)
class StreamPeak:
    """The best window of a detection."""

    window: int
    keyword: int
    score: float
    """Smoothed."""


@dataclass
class _Open:
    """Accepted windows of a keyword, near each other, that more may join."""

    best: StreamPeak
    margin: float
    last: int


class StreamPeaks:
    """Takes the scores of consecutive windows; remembers the last few and one open detection a keyword."""

    def __init__(self, thresholds: NDArray[np.float64]) -> None:
        """Begin; `thresholds [keywords]` are those at which a window is accepted."""
        self._thresholds = thresholds
        self._before = np.empty((0, len(thresholds)))
        self._windows = 0
        self._open: dict[int, _Open] = {}

    def push(self, scores: NDArray[np.float64]) -> list[StreamPeak]:
        """Peaks that are final after the next windows, whose `scores [windows, keywords]` are not smoothed yet.

        Raises:
            EvaluationError: a score is NaN.
        """
        if np.isnan(scores).any():
            raise EvaluationError("scores contain NaN")
        known = len(self._before)
        joined = np.concatenate([self._before, scores])
        smoothed = smooth(joined)[known:]
        self._before = joined[max(len(joined) - SMOOTHING_WINDOWS + 1, 0) :].copy()
        margins = smoothed - self._thresholds
        best = margins.argmax(axis=1) if len(margins) else np.zeros(0, np.int64)
        found = []
        for row in np.flatnonzero(margins[np.arange(len(best)), best] >= 0).tolist():
            window, keyword = self._windows + row, int(best[row])
            found += self._close(window, keyword)
            peak = StreamPeak(window, keyword, float(smoothed[row, keyword]))
            self._accept(peak, float(margins[row, keyword]))
        self._windows += len(scores)
        return found + self._close(self._windows)

    def finish(self) -> list[StreamPeak]:
        """The detections that are still open."""
        found = [self._open[keyword].best for keyword in sorted(self._open)]
        self._open = {}
        return found

    def _accept(self, peak: StreamPeak, margin: float) -> None:
        current = self._open.get(peak.keyword)
        if current is None:
            self._open[peak.keyword] = _Open(peak, margin, peak.window)
            return
        current.last = peak.window
        if margin > current.margin:
            current.best, current.margin = peak, margin

    def _close(self, window: int, keyword: int | None = None) -> list[StreamPeak]:
        """Peaks that `window` is too late to join; of one keyword or of all."""
        keywords = sorted(self._open) if keyword is None else [keyword] if keyword in self._open else []
        late = [one for one in keywords if window - self._open[one].last >= APART_WINDOWS]
        return [self._open.pop(one).best for one in late]
