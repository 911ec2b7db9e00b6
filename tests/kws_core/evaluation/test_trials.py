import numpy as np
import pytest

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import interval, speaker_multiplicities
from kws_core.evaluation.det import eer, frr_at_far
from kws_core.evaluation.trials import pair_rows, score_pairs, summarise_trials


def trials(count=300, speakers=8, seed=0):
    random = np.random.default_rng(seed)
    same = random.random(count) < 0.5
    names = np.array([f"s{i}" for i in range(speakers)])
    left, right = names[random.integers(0, speakers, (2, count))]
    return np.round(random.normal(size=count) + 1.5 * same, 1), same, left, right


def test_pairs_are_scored_by_cosine_in_chunks():
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(20, 6)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    ids = [f"u{i}" for i in range(20)]
    left, right = ["u3", "u19", "u3", "u0", "u7"], ["u4", "u0", "u3", "u1", "u8"]
    scores = score_pairs(embeddings, pair_rows(ids, left), pair_rows(ids, right), chunk=2)
    expected = [float(embeddings[ids.index(a)] @ embeddings[ids.index(b)]) for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert scores[2] == pytest.approx(1)


def test_unknown_segments_rows_and_lengths_are_refused():
    embeddings = np.eye(3, dtype=np.float32)
    with pytest.raises(EvaluationError, match="segment 'z', which has no embedding"):
        pair_rows(["a", "b"], ["a", "z"])
    with pytest.raises(EvaluationError, match="rows 0 to 3 of 3 embeddings"):
        score_pairs(embeddings, np.array([0, 1]), np.array([0, 3]))
    with pytest.raises(EvaluationError, match="L2-normalised"):
        score_pairs(2 * embeddings, np.array([0]), np.array([1]))
    with pytest.raises(EvaluationError, match="L2-normalised"):
        score_pairs(embeddings * np.nan, np.array([0]), np.array([1]))
    with pytest.raises(EvaluationError, match="one length"):
        score_pairs(embeddings, np.array([0]), np.array([1, 2]))


def test_summary_equals_the_measures_and_counts():
    scores, same, left, right = trials()
    summary = summarise_trials(scores, same, left, right, test_set="in-vocabulary", speaker_policy="any")
    assert summary.eer == eer(scores, same)
    assert summary.frr_at_far_2 == frr_at_far(scores, same, 0.02)
    assert (summary.trials, summary.same_trials, summary.speakers) == (300, same.sum(), 8)
    assert summary.eer_low < summary.eer < summary.eer_high
    assert summary.frr_low < summary.frr_at_far_2 < summary.frr_high


def test_intervals_equal_trials_that_are_really_repeated():
    scores, same, left, right = trials(count=120, speakers=5)
    names = sorted({*left, *right})
    drawn = speaker_multiplicities(len(names), 25, seed=3)
    eers, frrs = [], []
    for counts in drawn:
        times = dict(zip(names, counts, strict=True))
        repeats = [times[a] if a == b else times[a] * times[b] for a, b in zip(left, right, strict=True)]
        repeated = np.repeat(np.arange(len(scores)), repeats)
        eers.append(eer(scores[repeated], same[repeated]))
        frrs.append(frr_at_far(scores[repeated], same[repeated], 0.02))
    summary = summarise_trials(scores, same, left, right, test_set="t", speaker_policy="any", replicates=25, seed=3)
    assert (summary.eer_low, summary.eer_high) == pytest.approx(tuple(np.percentile(eers, [2.5, 97.5])), abs=1e-12)
    assert (summary.frr_low, summary.frr_high) == pytest.approx(tuple(np.percentile(frrs, [2.5, 97.5])), abs=1e-12)


def test_the_seed_decides_the_interval():
    same_seed = [summarise_trials(*trials(), test_set="t", speaker_policy="any", seed=s) for s in (1, 1, 2)]
    assert same_seed[0] == same_seed[1]
    assert same_seed[0] != same_seed[2]


def test_fewer_speakers_widen_the_interval():
    random = np.random.default_rng(0)
    same = random.random(4000) < 0.5
    noise = random.normal(size=4000)

    def width(count):
        speaker = np.arange(4000) % count
        scores = noise + same * (2 + random.normal(size=count)[speaker])  # some speakers are harder than others
        names = np.char.add("s", speaker.astype(str))
        summary = summarise_trials(scores, same, names, names, test_set="t", speaker_policy="any")
        return summary.eer_high - summary.eer_low

    assert width(5) > 2 * width(500)
    assert np.isnan(width(1))


def test_intervals_can_be_left_out_or_be_beyond_reach():
    without = summarise_trials(*trials(), test_set="t", speaker_policy="any", replicates=0)
    assert np.isnan([without.eer_low, without.eer_high, without.frr_low, without.frr_high]).all()
    # Two speakers, cross-speaker trials only: a draw of one of them twice has no trial at all.
    arrays = np.array([1.0, 0.0]), np.array([True, False]), np.array(["a", "a"]), np.array(["b", "b"])
    for seed in range(5):
        drawn = speaker_multiplicities(2, 200, seed)
        two = summarise_trials(*arrays, test_set="t", speaker_policy="cross", seed=seed)
        expected = 0.0 if (drawn == 1).all(axis=1).sum() > 100 else np.nan
        np.testing.assert_array_equal([two.eer, two.eer_low, two.eer_high], [0, expected, expected])


def test_interval_leaves_out_nan_unless_there_are_too_many():
    values = np.concatenate([np.arange(101.0), np.full(100, np.nan)])
    assert interval(values, 5) == (2.5, 97.5)
    assert np.isnan(interval(np.append(values, np.nan), 5)).all()
    assert np.isnan(interval(np.arange(3.0), 1)).all()


def test_multiplicities_draw_as_many_speakers_as_there_are():
    drawn = speaker_multiplicities(7, 500, seed=0)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)


def test_what_cannot_be_summarised_names_its_test_set():
    scores, same, left, right = trials(10)
    with pytest.raises(EvaluationError, match="test set 'oov': none of the 10 trials"):
        summarise_trials(scores, np.ones(10, bool), left, right, test_set="oov", speaker_policy="any")
    with pytest.raises(EvaluationError, match="'oov' has 10 scores, 10 same, 9 left"):
        summarise_trials(scores, same, left[1:], right, test_set="oov", speaker_policy="any")
