import numpy as np
import pytest

from kws_core.errors import EvaluationError
from kws_core.evaluation.keyword_ranking import keyword_ranking
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap, relative_reduction, seed_mean, share
from kws_core.evaluation.trial_figures import eer_and_frr
from kws_core.evaluation.trials import summarise_trials

NAMES = np.array(["ann", "bob", "cy", "dee", "eve", "flo"])


@pytest.fixture
def draws() -> SpeakerBootstrap:
    return SpeakerBootstrap(NAMES, replicates=12, seed=3)


def resampled(draws, speakers: np.ndarray, replicate: int) -> np.ndarray:
    """Places of the segments of one replicate, each as often as its speaker was drawn."""
    weights = dict(zip(draws.speakers.tolist(), draws.weights[replicate].tolist(), strict=True))
    return np.array([place for place, name in enumerate(speakers) for _ in range(weights[name])], np.int64)


def test_the_first_row_counts_everyone_once_and_the_others_as_many_in_all(draws):
    assert (draws.weights[0] == 1).all()
    assert draws.weights.shape == (13, 6)
    assert (draws.weights.sum(axis=1) == 6).all()
    assert len(np.unique(draws.weights, axis=0)) > 6
    again = SpeakerBootstrap(NAMES[::-1], replicates=12, seed=3)
    assert (again.weights == draws.weights).all()


def test_share_is_that_of_the_resampled_segments(draws):
    rng = np.random.default_rng(0)
    speakers, hits, counted = rng.choice(NAMES, 80), rng.random(80) < 0.6, rng.random(80) < 0.7
    figure = share(hits, counted, speakers, draws)
    for replicate in range(13):
        places = resampled(draws, speakers, replicate)
        own = places[counted[places]]
        assert figure[replicate] == pytest.approx(hits[own].mean())


def test_a_replicate_without_counted_segments_is_unknown(draws):
    speakers = np.array(["ann", "bob"])
    figure = share(np.array([True, False]), np.array([True, False]), speakers, draws)
    has_ann = draws.weights[:, 0] > 0
    assert not has_ann.all()
    assert (np.isnan(figure) == ~has_ann).all()


def test_differences_are_paired():
    speakers = np.array([f"s{number:02d}" for number in range(40)]).repeat(5)
    rng = np.random.default_rng(1)
    hard = rng.random(40).repeat(5)  # speakers differ far more than methods do
    draw = rng.random(200)
    baseline, better = draw < hard, draw < hard + 0.05
    draws = SpeakerBootstrap(speakers, 400)
    everything = np.ones(200, bool)
    one, other = (share(hits, everything, speakers, draws) for hits in (baseline, better))
    difference = draws.estimate(other - one, 200)
    assert difference.value == pytest.approx(better.mean() - baseline.mean())
    single = draws.estimate(one, 200)
    assert difference.high - difference.low < (single.high - single.low) / 2
    assert difference.low > 0


def test_seeds_are_averaged_replicate_by_replicate():
    assert seed_mean([np.array([0.1, 0.3]), np.array([0.3, 0.9])]).tolist() == pytest.approx([0.2, 0.6])
    with pytest.raises(EvaluationError, match="no seed"):
        seed_mean([])


def test_relative_reduction():
    figures = relative_reduction(np.array([0.2, 0.3, 0.0]), np.array([0.4, 0.2, 0.0]))
    assert figures[:2].tolist() == pytest.approx([0.5, -0.5])
    assert np.isnan(figures[2])


def test_unknown_speakers_and_none_at_all(draws):
    with pytest.raises(EvaluationError, match="'zoe' is not among"):
        draws.codes(np.array(["ann", "zoe"]))
    with pytest.raises(EvaluationError, match="at least one speaker"):
        SpeakerBootstrap([])


def test_trial_figures_agree_with_the_evaluation_of_a_retrain():
    rng = np.random.default_rng(2)
    same = rng.random(500) < 0.5
    scores = (rng.normal(size=500) + same).round(1).astype(np.float32)  # rounded: ties
    left, right = rng.choice(NAMES, 500), rng.choice(NAMES, 500)
    draws = SpeakerBootstrap(NAMES, 200)
    eer, frr = eer_and_frr(scores, same, left, right, draws)
    summary = summarise_trials(scores, same, left, right, test_set="t", speaker_policy="any", replicates=200)
    assert (eer[0], frr[0]) == pytest.approx((summary.eer, summary.frr_at_far_2))
    assert draws.estimate(eer, 500).low == pytest.approx(summary.eer_low)
    assert draws.estimate(frr, 500).high == pytest.approx(summary.frr_high)


@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_keyword_ranking_agrees_with_scikit_learn(draws, ratio):
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(4)
    index = rng.integers(-1, 3, 240)
    scores = (rng.normal(size=(240, 3)) + (index[:, None] == np.arange(3))).round(1)
    speakers = rng.choice(NAMES, 240)
    precision, area = keyword_ranking(scores, index, speakers, draws, ratio)
    weight_of = [dict(zip(draws.speakers.tolist(), row.tolist(), strict=True)) for row in draws.weights]
    for replicate in range(13):
        weights = np.array([weight_of[replicate][name] for name in speakers], float)
        weights[index < 0] *= weights[index >= 0].sum() / ratio / weights[index < 0].sum()
        arguments = [(index == k, scores[:, k]) for k in range(3)]
        precisions = [average_precision_score(*both, sample_weight=weights) for both in arguments]
        areas = [roc_auc_score(*both, sample_weight=weights) for both in arguments]
        assert precision[replicate] == pytest.approx(np.mean(precisions))
        assert area[replicate] == pytest.approx(np.mean(areas))


def test_ranking_refuses_what_cannot_be_ranked(draws):
    with pytest.raises(EvaluationError, match="of keywords and of other words"):
        keyword_ranking(np.zeros((2, 1)), np.array([0, 0]), NAMES[:2], draws)
    with pytest.raises(EvaluationError, match="1 of 2 scores are NaN"):
        keyword_ranking(np.array([[0.0], [np.nan]]), np.array([0, -1]), NAMES[:2], draws)
