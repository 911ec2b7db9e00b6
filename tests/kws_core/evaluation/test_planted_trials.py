"""Trial figures on planted data with known answers, against scikit-learn and a naive count; paired differences."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from kws_core.errors import EvaluationError
from kws_core.evaluation.evidence import bound_of_none
from kws_core.evaluation.paired import compare_trials
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap
from kws_core.evaluation.trial_figures import TARGET_PRIOR, trial_figures
from kws_core.evaluation.trials import summarise_trials

NORMAL = NormalDist()
ALONE = np.array(["a", "b"])


def figures(scores, same):
    left, right = np.full(len(scores), "a"), np.full(len(scores), "b")
    found = trial_figures(scores, same, left, right, SpeakerBootstrap(ALONE, 0))
    return {name: float(figure[0]) for name, figure in found.items()}


def gaussian(separation, count=300_000):
    """Scores at the quantiles of two normal distributions: no noise, so every rate is known to 1 / count."""
    quantiles = np.array([NORMAL.inv_cdf(place) for place in (np.arange(count) + 0.5) / count])
    return np.concatenate([quantiles, quantiles + separation]), np.repeat([False, True], count)


@pytest.mark.parametrize("separation", [1.0, 2.0, 3.0])
def test_gaussian_scores_have_their_known_figures(separation):
    found = figures(*gaussian(separation))
    assert found["eer"] == pytest.approx(NORMAL.cdf(-separation / 2), abs=5e-4)
    assert found["auc"] == pytest.approx(NORMAL.cdf(separation / 2**0.5), abs=5e-4)
    for name, far in (("frr_at_far_2", 0.02), ("frr_at_far_1", 0.01), ("frr_at_far_0_1", 0.001)):
        assert found[name] == pytest.approx(NORMAL.cdf(NORMAL.inv_cdf(1 - far) - separation), abs=5e-4)
    # the best threshold is where the densities, weighted by prior and cost, are equal
    best = separation / 2 + np.log((1 - TARGET_PRIOR) / TARGET_PRIOR) / separation
    cost = NORMAL.cdf(best - separation) + (1 - TARGET_PRIOR) / TARGET_PRIOR * NORMAL.cdf(-best)
    assert found["min_dcf"] == pytest.approx(cost, abs=5e-4)


trials = st.integers(2, 60).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=st.integers(-4, 4).map(float)),  # ties
        arrays(np.bool_, count).filter(lambda same: same.any() and not same.all()),
    )
)


@settings(max_examples=60, deadline=None)
@given(trials)
def test_figures_equal_scikit_learn_and_a_naive_count(drawn):
    scores, same = drawn
    found = figures(scores, same)
    assert found["auc"] == pytest.approx(roc_auc_score(same, scores), abs=1e-12)
    thresholds = [*np.unique(scores), np.inf]
    far = np.array([(scores[~same] >= threshold).mean() for threshold in thresholds])
    frr = np.array([(scores[same] < threshold).mean() for threshold in thresholds])
    odds = (1 - TARGET_PRIOR) / TARGET_PRIOR
    assert found["min_dcf"] == pytest.approx((frr + odds * far).min(), abs=1e-9)
    for name, limit in (("frr_at_far_2", 0.02), ("frr_at_far_1", 0.01), ("frr_at_far_0_1", 0.001)):
        assert found[name] == pytest.approx(frr[far <= limit].min())
    assert found["frr_at_far_2"] <= found["frr_at_far_1"] <= found["frr_at_far_0_1"]
    assert 0 <= found["eer"] <= 1
    assert 0 <= found["min_dcf"] <= 1 + 1e-9


def test_what_cannot_be_measured_is_refused_in_one_sentence():
    for scores, same, said in (
        (np.array([0.1, np.nan]), np.array([True, False]), "1 of 2 scores are NaN"),
        (np.array([0.1, 0.2]), np.array([True, True]), "FAR is undefined"),
        (np.array([0.1, 0.2]), np.array([False, False]), "FRR is undefined"),
    ):
        with pytest.raises(EvaluationError, match=said):
            figures(scores, same)
        with pytest.raises(EvaluationError, match=f"'t': .*{said}"):
            summarise_trials(scores, same, ALONE, ALONE, test_set="t", speaker_policy="any")


def two_systems(count=3000, speakers=30, seed=0):
    """Speakers who are hard for both systems; the second is a little better."""
    rng = np.random.default_rng(seed)
    names = np.array([f"s{number:02d}" for number in range(speakers)])
    left, right = rng.integers(0, speakers, (2, count))
    same = rng.random(count) < 0.5
    hard = rng.normal(size=speakers)
    shared = rng.normal(size=count) + same * (2 + 0.7 * (hard[left] + hard[right]))
    better = shared + 0.15 * same + 0.1 * rng.normal(size=count)
    return better, shared, same, names[left], names[right]


def test_a_paired_difference_is_the_difference_and_narrower_than_two_intervals():
    better, worse, same, left, right = two_systems()
    found = compare_trials(better, worse, same, left, right, replicates=200)
    own = [
        summarise_trials(one, same, left, right, test_set="t", speaker_policy="any").figures["eer"]
        for one in (better, worse)
    ]
    assert found["eer"].value == pytest.approx(own[0].value - own[1].value)
    assert found["eer"].high < 0, "the better system's EER is lower, whoever speaks"
    assert found["eer"].high - found["eer"].low < min(one.high - one.low for one in own)
    nothing = compare_trials(better, better, same, left, right, replicates=20)
    assert all((one.value, one.low, one.high) == (0, 0, 0) for one in nothing.values())
    with pytest.raises(EvaluationError, match="same trials, not 3000 scores, 2999 of the baseline"):
        compare_trials(better, worse[1:], same, left, right)


def test_what_a_test_is_too_small_to_show_is_said():
    scores, same = np.repeat([0.1, 0.9], 50), np.repeat([False, True], 50)
    names = np.array([f"s{number % 4}" for number in range(100)])
    summary = summarise_trials(scores, same, names, names, test_set="t", speaker_policy="any", hours=0.5)
    assert (summary.hours, summary.trials, summary.speakers) == (0.5, 100, 4)
    said = " | ".join(summary.remarks)
    for remark in ("too few speakers (4)", "FAR of 2 %: 150 are", "FAR of 0.1 %: 3,000 are", "in 50: below 5.8 %"):
        assert remark in said
    assert bound_of_none(50) == pytest.approx(0.0582, abs=1e-4)
    assert (1 - bound_of_none(50)) ** 50 == pytest.approx(0.05)
    assert np.isnan(bound_of_none(0))
