import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws_core.backends.thresholds import calibrate_thresholds, decide
from kws_core.errors import EvaluationError


def far_at(scores, others, threshold):
    return sum(bool(score >= threshold) for score, other in zip(scores, others, strict=True) if other) / sum(others)


@given(
    st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=40),
    st.sampled_from([0.01, 0.02, 0.07, 0.1, 0.25, 0.29, 1 / 3, 0.5, 0.9, 0.99]),
    st.sampled_from([np.float32, np.float64]),
)
def test_the_threshold_is_the_smallest_with_at_most_that_far(rows, far, dtype):
    rows = [*rows, (0, False)]
    scores = np.array([[score] for score, _ in rows], dtype)
    own = np.array([[same] for _, same in rows])
    threshold = calibrate_thresholds(scores, own, far)[0]
    assert far_at(scores[:, 0], ~own[:, 0], dtype(threshold)) <= far
    assert far_at(scores[:, 0], ~own[:, 0], np.nextafter(dtype(threshold), dtype(-np.inf))) > far


@pytest.mark.parametrize("far", [n / 100 for n in range(1, 100)])
def test_a_far_of_whole_percent_is_used_up_among_100_rows(far):
    scores = np.arange(100.0)[:, None]
    threshold = calibrate_thresholds(scores, np.zeros((100, 1), bool), far)
    assert int((scores >= threshold).sum()) == round(far * 100)


def test_other_keywords_count_as_non_targets():
    scores = np.array([[0.9, 0.1], [0.8, 0.9], [0.1, 0.2]], np.float32)
    own = np.array([[True, False], [False, True], [False, False]])
    thresholds = calibrate_thresholds(scores, own, 0.4)
    assert np.float32(0.8) < thresholds[0] <= np.float32(0.9)
    assert np.float32(0.2) < thresholds[1] <= np.float32(0.9)
    assert decide(scores, thresholds).tolist() == [0, 1, -1]


def test_the_largest_margin_wins_not_the_largest_score():
    thresholds = np.array([0.8, 0.2, 0.5])
    scores = np.array([[0.9, 0.5, 0.4], [0.9, 0.1, 0.4], [0.7, 0.1, 0.4], [0.8, 0.1, 0.5]])
    assert decide(scores, thresholds).tolist() == [1, 0, -1, 0]
    assert decide(scores[:0], thresholds).tolist() == []


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=20), st.integers(-2, 2))
def test_decisions_equal_a_naive_rule(rows, shift):
    thresholds = np.array([0.0, 1.0, shift])
    expected = []
    for row in rows:
        accepted = [(score - t, -k) for k, (score, t) in enumerate(zip(row, thresholds, strict=True)) if score >= t]
        expected.append(-max(accepted)[1] if accepted else -1)
    assert decide(np.array(rows, np.float32), thresholds).tolist() == expected


def test_what_cannot_be_calibrated_is_refused():
    scores = np.zeros((3, 1))
    with pytest.raises(EvaluationError, match="keyword 0 has no non-target scores"):
        calibrate_thresholds(scores, np.ones((3, 1), bool), 0.02)
    with pytest.raises(EvaluationError, match="between 0 and 1, not 0"):
        calibrate_thresholds(scores, np.zeros((3, 1), bool), 0)
    with pytest.raises(EvaluationError, match=r"shape of the scores, \[3, 1\], not \[2, 1\]"):
        calibrate_thresholds(scores, np.zeros((2, 1), bool), 0.1)
    with pytest.raises(EvaluationError, match="NaN"):
        decide(np.array([[np.nan]]), np.array([0.0]))
    with pytest.raises(EvaluationError, match="1 keywords need as many thresholds"):
        decide(scores, np.zeros(2))
