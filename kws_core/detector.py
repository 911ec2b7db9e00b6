"""From scores of overlapping windows to detections: windowing, smoothing, peaks and refractory time.

The spotter uses it at its thresholds, evaluation at all thresholds at once; both need numpy only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.config.base import SAMPLE_RATE_HZ
from kws_core.errors import EvaluationError

HOP_S = 0.08
# Scores are averaged over this many windows: a word is heard in several neighbouring windows, a fluke in one.
SMOOTHING_WINDOWS = 2
# Detections of the same keyword nearer than this are one.
REFRACTORY_S = 0.5
WINDOWS_AT_ONCE = 512
APART_WINDOWS = int(np.ceil(REFRACTORY_S / HOP_S - 1e-9))
"""Accepted windows of a keyword that are so many apart, or more, belong to different detections."""

WindowScores = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Turns windows `[batch, 16000]`, full scale 1, into scores `[batch, keywords]`, each window on its own."""


@dataclass(frozen=True, eq=False)
class Peaks:
    """Detections `[peaks]` in the order of time, each with the thresholds at which it is one.

    All thresholds are shifted together: at shift `d` a keyword is accepted where its score reaches its threshold plus
    `d`. A peak is a detection of its own while `merged_at < d <= margins`.
    """

    windows: NDArray[np.int64]
    """The window of the best score."""
    keywords: NDArray[np.int64]
    margins: NDArray[np.float64]
    """Score above the keyword's threshold."""
    merged_at: NDArray[np.float64]
    """The highest shift at which it is a part of a higher detection nearby; -inf where it is not, down to the floor."""
    first_windows: NDArray[np.int64]
    """At the floor: the first window of the detection that the peak is a part of."""

    def at(self, shift: float) -> NDArray[np.bool_]:
        """Which of the peaks `[peaks]` are detections at a shift that is not below the floor."""
        return (self.merged_at < shift) & (shift <= self.margins)


def stream_windows(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Windows `[windows, 16000]`, a hop apart, of a recording `[samples]`; window `w` is centred on `w * HOP_S`.

    Half a second of silence on both sides lets a window centre on every moment of the recording. Without samples there
    is no window.
    """
    half = SAMPLE_RATE_HZ // 2
    if not len(pcm):
        return np.empty((0, SAMPLE_RATE_HZ), np.float32)
    padded = np.concatenate([np.zeros(half, np.float32), pcm.astype(np.float32), np.zeros(half, np.float32)])
    windows: NDArray[np.float32] = np.lib.stride_tricks.sliding_window_view(padded, SAMPLE_RATE_HZ)
    return windows[:: round(HOP_S * SAMPLE_RATE_HZ)]


def stream_scores(
    pcm: NDArray[np.float32], score: WindowScores, windows_at_once: int = WINDOWS_AT_ONCE
) -> NDArray[np.float64]:
    """Smoothed scores `[windows, keywords]` of a recording `[samples]`, 16 kHz mono, full scale 1, of a sample or more.

    Only `windows_at_once` windows are copied and scored at a time.
    """
    windows = stream_windows(pcm)
    return smooth(
        np.concatenate([score(windows[at : at + windows_at_once]) for at in range(0, len(windows), windows_at_once)])
    )


def smooth(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each window and those just before it, `SMOOTHING_WINDOWS` in all; at the start, of those that exist."""
    sums = np.zeros_like(scores)
    for delay in range(min(SMOOTHING_WINDOWS, len(scores))):
        sums[delay:] += scores[: len(scores) - delay]
    counts = np.minimum(np.arange(1, len(scores) + 1), SMOOTHING_WINDOWS)
    smoothed: NDArray[np.float64] = sums / counts[:, None]
    return smoothed


def centre_s(windows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds from the start of the recording to the middle of what each smoothed score is averaged over."""
    centres: NDArray[np.float64] = np.maximum(windows - (SMOOTHING_WINDOWS - 1) / 2, 0.0) * HOP_S
    return centres


def heard_by_s(windows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds from the start of the recording until each window has been heard to its end."""
    ends: NDArray[np.float64] = windows.astype(np.float64) * HOP_S + 0.5
    return ends


def find_peaks(scores: NDArray[np.float64], thresholds: NDArray[np.float64], floor: float = 0.0) -> Peaks:
    """Detections at the thresholds shifted by `floor`, and those that are hidden in them until the thresholds rise.

    A window counts for the keyword with the greatest margin over its threshold; of equal ones the first. Accepted
    windows of a keyword less than `REFRACTORY_S` apart are one detection, at the first window of its best score. As the
    shift falls, detections appear at their best window and merge with their neighbours: the lower one ends there.

    Args:
        scores: smoothed, `[windows, keywords]`.
        thresholds: `[keywords]`.
        floor: the lowest shift of interest; `-inf` is accepted.

    Raises:
        EvaluationError: a score is NaN, or the shapes do not fit.
    """
    if scores.ndim != 2 or thresholds.shape != scores.shape[1:]:
        raise EvaluationError(
            f"scores [windows, keywords] are needed, not {list(scores.shape)}, and as many thresholds"
        )
    if np.isnan(scores).any():
        raise EvaluationError("scores contain NaN")
    margins = scores - thresholds
    keyword_of = margins.argmax(axis=1) if len(margins) else np.zeros(0, np.int64)
    best = np.take_along_axis(margins, keyword_of[:, None], axis=1)[:, 0] if len(margins) else np.zeros(0)
    accepted = np.flatnonzero(best >= floor)
    found: list[tuple[int, int, float, float, int]] = []
    for keyword in np.unique(keyword_of[accepted]).tolist():
        own = accepted[keyword_of[accepted] == keyword]
        found.extend(
            (window, keyword, margin, merged_at, first) for window, margin, merged_at, first in _merge(own, best[own])
        )
    found.sort()
    columns = list(zip(*found, strict=True)) or [()] * 5
    return Peaks(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.float64),
        np.array(columns[3], np.float64),
        np.array(columns[4], np.int64),
    )


def _merge(windows: NDArray[np.int64], margins: NDArray[np.float64]) -> list[tuple[int, float, float, int]]:
    """Peaks of one keyword's accepted windows: window, margin, shift at which it merges, first window of its whole.

    Windows join from the highest margin down, the earlier first, each the groups that it is near to; a group is known
    by its peak, which joined first. Of groups that become one, the peak that joined later is merged.
    """
    places, heights = windows.tolist(), margins.tolist()
    whole = np.cumsum(np.diff(windows, prepend=windows[:1]) >= APART_WINDOWS)
    firsts = windows[np.searchsorted(whole, whole)].tolist()
    group: dict[int, int] = {}  # of a window that has joined: its peak, or a window on the way there
    joined: dict[int, int] = {}  # when it did
    peaks: list[tuple[int, float, float, int]] = []
    for time, row in enumerate(np.argsort(-margins, kind="stable").tolist()):
        group[row], joined[row] = row, time
        for step in (-1, 1):
            near = row + step
            while 0 <= near < len(places) and abs(places[near] - places[row]) < APART_WINDOWS:
                if near in joined:
                    higher, lower = sorted((_peak(group, near), _peak(group, row)), key=joined.__getitem__)
                    if higher != lower:
                        group[lower] = higher
                        if heights[lower] > heights[row]:
                            peaks.append((places[lower], heights[lower], heights[row], firsts[lower]))
                    break
                near += step
    peaks.extend((places[row], heights[row], -np.inf, firsts[row]) for row, peak in group.items() if row == peak)
    return peaks


def _peak(group: dict[int, int], row: int) -> int:
    """The peak of the group of a window; the way there becomes shorter."""
    while group[row] != row:
        group[row] = group[group[row]]
        row = group[row]
    return row
