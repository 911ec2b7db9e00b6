"""Peaks against the plain rule: walk through the windows, accept, and keep the best of those that are near."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.backends.thresholds import decide
from kws_core.detector import HOP_S, REFRACTORY_S, find_peaks, smooth, stream_scores, stream_windows
from kws_core.errors import EvaluationError


def walk(scores, thresholds):
    """(best window, keyword, first window) of every detection, window by window."""
    events, latest = [], {}
    for window, keyword in enumerate(decide(scores, thresholds).tolist() if len(scores) else []):
        if keyword < 0:
            continue
        last, place = latest.get(keyword, (0, -1))
        if place < 0 or (window - last) * HOP_S >= REFRACTORY_S:
            place = len(events)
            events.append([window, keyword, window])
        elif scores[window, keyword] > scores[events[place][0], keyword]:
            events[place][0] = window
        latest[keyword] = (window, place)
    return sorted(tuple(event) for event in events)


def found(scores, thresholds, floor, shift):
    peaks = find_peaks(scores, thresholds, floor)
    alive = peaks.at(shift)
    return list(zip(peaks.windows[alive].tolist(), peaks.keywords[alive].tolist(), strict=True))


# whole numbers: a shift of the thresholds rounds nothing, and ties are many
scores_of = st.integers(1, 3).flatmap(
    lambda keywords: st.lists(st.lists(st.integers(-6, 6), min_size=keywords, max_size=keywords), max_size=60)
)


@settings(max_examples=60, deadline=None)
@given(rows=scores_of, seed=st.integers(0, 99))
def test_all_detections_at_all_thresholds_are_those_of_the_plain_rule(rows, seed):
    keywords = len(rows[0]) if rows else 2
    scores = np.array(rows, np.float64).reshape(-1, keywords)
    thresholds = np.random.default_rng(seed).integers(-2, 3, keywords).astype(np.float64)
    everything = find_peaks(scores, thresholds, -np.inf)
    assert (everything.merged_at < everything.margins).all()
    for shift in np.arange(-8, 8.0).tolist():
        expected = walk(scores, thresholds + shift)
        assert found(scores, thresholds, -np.inf, shift) == [event[:2] for event in expected]
        only = find_peaks(scores, thresholds, shift)
        alive = only.at(shift)
        assert list(zip(only.windows[alive], only.keywords[alive], only.first_windows[alive], strict=True)) == expected


def test_a_detection_appears_and_merges_where_the_scores_say():
    scores = np.full((30, 1), -1.0)
    scores[[5, 8, 11, 25], 0] = [0.5, 0.3, 0.9, 0.7]  # 5 and 11 are 6 windows apart: near
    peaks = find_peaks(scores, np.zeros(1), 0.0)
    listed = zip(peaks.windows, peaks.margins, peaks.merged_at, peaks.first_windows, strict=True)
    assert list(listed) == [(11, 0.9, -np.inf, 5), (25, 0.7, -np.inf, 25)]
    scores[5, 0], scores[11, 0] = -1.0, -1.0
    scores[[4, 11], 0] = [0.5, 0.9]  # 7 apart, with 8 between them
    peaks = find_peaks(scores, np.zeros(1), 0.0)
    listed = zip(peaks.windows, peaks.margins, peaks.merged_at, peaks.first_windows, strict=True)
    assert list(listed) == [(4, 0.5, 0.3, 4), (11, 0.9, -np.inf, 4), (25, 0.7, -np.inf, 25)]


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 60_000), at_once=st.integers(1, 64), seed=st.integers(0, 9))
def test_how_many_windows_are_scored_at_once_changes_nothing(samples, at_once, seed):
    pcm = np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)

    def score(windows):
        assert windows.shape[1] == 16000
        return np.stack([windows[:, 8000], np.abs(windows[:, ::97]).sum(axis=1)], axis=1).astype(np.float64)

    whole = stream_scores(pcm, score, 10_000)
    assert len(whole) == 1 + samples // 1280
    np.testing.assert_array_equal(stream_scores(pcm, score, at_once), whole)


def test_windows_are_centred_on_their_time():
    pcm = np.arange(1, 20_001, dtype=np.float32)
    windows = stream_windows(pcm)
    assert windows.shape == (16, 16000)
    assert [windows[place, 8000] for place in range(3)] == [1, 1281, 2561]
    assert windows[0, 7999] == 0
    assert len(stream_windows(np.zeros(0, np.float32))) == 0


def test_smoothing_is_the_mean_of_a_window_and_the_one_before():
    np.testing.assert_array_equal(smooth(np.array([[2.0], [4.0], [0.0]]))[:, 0], [2, 3, 2])


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(EvaluationError, match="NaN"):
        find_peaks(np.array([[np.nan]]), np.zeros(1))
    with pytest.raises(EvaluationError, match="as many thresholds"):
        find_peaks(np.zeros((3, 2)), np.zeros(1))
