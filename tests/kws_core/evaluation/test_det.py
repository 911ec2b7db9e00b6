from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from kws_core.errors import EvaluationError
from kws_core.evaluation.det import det_curve, eer, frr_at_far

# Whole numbers tie often and can be shifted without rounding.
TRIALS = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=0, max_size=40).map(
    lambda rows: (np.array([0.0, 1.0, *[s for s, _ in rows]]), np.array([False, True, *[same for _, same in rows]]))
)


def naive_curve(scores, same):
    points = []
    for threshold in [*sorted(set(scores.tolist())), np.inf]:
        accepted = [score >= threshold for score in scores]
        far = sum(a and not s for a, s in zip(accepted, same, strict=True)) / sum(~same)
        frr = sum(s and not a for a, s in zip(accepted, same, strict=True)) / sum(same)
        points.append((threshold, far, frr))
    return points


def naive_eer(points):
    for (_, far0, frr0), (_, far1, frr1) in pairwise(points):
        if far0 >= frr0 and far1 < frr1:  # on the line between them, far - frr is 0 at share t
            t = (far0 - frr0) / ((far0 - frr0) - (far1 - frr1))
            return far0 + t * (far1 - far0)
    raise AssertionError("the curve does not cross")


@given(TRIALS)
def test_curve_and_measures_equal_a_naive_count(trials):
    scores, same = trials
    curve = det_curve(scores, same)
    points = naive_curve(scores, same)
    np.testing.assert_array_equal(np.stack([curve.thresholds, curve.far, curve.frr], axis=1), points)
    assert eer(scores, same) == pytest.approx(naive_eer(points), abs=1e-12)
    for limit in (0, 0.02, 0.25, 1):
        assert frr_at_far(scores, same, limit) == min(frr for _, far, frr in points if far <= limit)


@given(TRIALS)
def test_curve_is_monotone_and_ends_where_it_should(trials):
    curve = det_curve(*trials)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.far) <= 0).all()
    assert (np.diff(curve.frr) >= 0).all()
    assert (curve.far[0], curve.frr[0], curve.far[-1], curve.frr[-1]) == (1, 0, 0, 1)


@given(TRIALS, st.integers(-100, 100), st.sampled_from([0.5, 2.0, 1024.0]), st.randoms(use_true_random=False))
def test_shift_scale_and_order_change_nothing(trials, shift, scale, random):
    scores, same = trials
    order = list(range(len(scores)))
    random.shuffle(order)
    moved = (scores * scale + shift)[order]
    assert eer(moved, same[order]) == eer(scores, same)
    assert frr_at_far(moved, same[order], 0.1) == frr_at_far(scores, same, 0.1)


@given(TRIALS)
def test_swapping_the_classes_and_the_sign_keeps_the_eer(trials):
    scores, same = trials
    assert eer(-scores, ~same) == pytest.approx(eer(scores, same), abs=1e-12)


@pytest.mark.parametrize("decimals", [1, 12])
def test_agrees_with_scikit_learn(decimals):
    random = np.random.default_rng(0)
    same = random.random(3000) < 0.3
    scores = np.round(random.normal(size=3000) + 1.5 * same, decimals)
    far, acceptance, thresholds = roc_curve(same, scores, drop_intermediate=False)
    curve = det_curve(scores, same)
    np.testing.assert_array_equal(curve.thresholds, thresholds[::-1])
    np.testing.assert_allclose(curve.far, far[::-1], atol=1e-12)
    np.testing.assert_allclose(curve.frr, 1 - acceptance[::-1], atol=1e-12)
    nearest = np.argmin(np.abs(far - (1 - acceptance)))
    assert curve.eer == pytest.approx((far[nearest] + 1 - acceptance[nearest]) / 2, abs=0.01)


def test_known_cases():
    separated = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert eer(*separated) == 0
    assert frr_at_far(*separated, 0.0) == 0
    assert eer(separated[0], ~separated[1]) == 1
    everything_ties = np.zeros(4), separated[1]
    assert eer(*everything_ties) == 0.5
    assert frr_at_far(*everything_ties, 0.5) == 1
    assert eer(np.array([1, 2, 3, 4], np.float32), np.array([False, True, False, True])) == 0.5


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(EvaluationError, match="none of the 2 trials has the same label"):
        eer(np.zeros(2), np.array([False, False]))
    with pytest.raises(EvaluationError, match="none of the 2 trials has different labels"):
        eer(np.zeros(2), np.array([True, True]))
    with pytest.raises(EvaluationError, match="1 of 2 scores are NaN"):
        det_curve(np.array([0, np.nan]), np.array([True, False]))
    with pytest.raises(EvaluationError, match="one length"):
        det_curve(np.zeros(3), np.array([True, False]))
    with pytest.raises(EvaluationError, match=r"\[0, 1\], not 2"):
        frr_at_far(np.zeros(2), np.array([True, False]), 2)
