import numpy as np
import pytest

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import speaker_multiplicities
from kws_core.evaluation.detection import summarise_detection

KEYWORDS = ("yes", "no")


def summarise(decisions, truth, unseen, speakers, **arguments):
    arguments = {"test_set": "test", "backend": "svm", **arguments}
    arrays = np.array(decisions), np.array(truth), np.array(unseen, bool), np.array(speakers)
    return summarise_detection(*arrays, KEYWORDS, **arguments)


def test_accuracies_and_keywords_of_a_small_set_counted_by_hand():
    #            yes yes  no   -   -    -   -
    truth = [0, 0, 1, -1, -1, -1, -1]
    decisions = [0, 1, 1, -1, 0, -1, 0]
    unseen = [0, 0, 0, 0, 0, 0, 1]
    summary = summarise(decisions, truth, unseen, ["a", "a", "b", "b", "c", "c", "c"])
    assert summary.speakers == 3
    assert (summary.total.value, summary.total.count) == (4 / 7, 7)
    assert (summary.target.value, summary.target.count) == (2 / 3, 3)
    assert (summary.non_target.value, summary.non_target.count) == (2 / 4, 4)
    assert (summary.seen_non_target.value, summary.seen_non_target.count) == (2 / 3, 3)
    assert (summary.unseen_non_target.value, summary.unseen_non_target.count) == (0, 1)
    yes, no = summary.keywords
    assert (yes.keyword, yes.segments, yes.frr, yes.false_accepts, yes.far) == ("yes", 2, 1 / 2, 2, 2 / 5)
    assert (no.keyword, no.segments, no.frr, no.false_accepts, no.far) == ("no", 1, 0, 1, 1 / 6)


def test_intervals_equal_speakers_that_are_really_repeated():
    random = np.random.default_rng(0)
    truth = random.integers(-1, 2, 200)
    decisions = np.where(random.random(200) < 0.8, truth, -1)
    speakers = np.array([f"s{i}" for i in random.integers(0, 6, 200)])
    summary = summarise(decisions, truth, np.zeros(200), speakers, replicates=40, seed=5)
    expected = []
    for counts in speaker_multiplicities(6, 40, seed=5):
        rows = np.concatenate([np.flatnonzero(speakers == f"s{i}").repeat(n) for i, n in enumerate(counts)])
        rows = rows[truth[rows] >= 0]
        expected.append((decisions[rows] == truth[rows]).mean())
    assert (summary.target.low, summary.target.high) == pytest.approx(tuple(np.percentile(expected, [2.5, 97.5])))
    assert summary.target.low < summary.target.value < summary.target.high


def test_what_is_not_there_is_nan_and_counted_as_zero():
    summary = summarise([0, -1], [0, -1], [0, 0], ["a", "b"])
    assert np.isnan(summary.unseen_non_target.value)
    assert summary.unseen_non_target.count == 0
    assert np.isnan(summary.keywords[1].frr)
    assert summary.keywords[1].segments == 0
    assert np.isnan(summarise([0, -1], [0, -1], [0, 0], ["a", "a"]).total.low)
    assert np.isnan(summarise([0, -1], [0, -1], [0, 0], ["a", "b"], replicates=0).total.low)


def test_sets_that_cannot_be_measured_are_refused():
    with pytest.raises(EvaluationError, match="'test' has no keyword segments"):
        summarise([-1], [-1], [0], ["a"])
    with pytest.raises(EvaluationError, match="'test' has no non-target segments"):
        summarise([0], [0], [0], ["a"])
    with pytest.raises(EvaluationError, match="decisions must lie in -1 to 1, not 0 to 2"):
        summarise([0, 2], [0, -1], [0, 0], ["a", "b"])
    with pytest.raises(EvaluationError, match="2 decisions, 2 keyword indexes, 2 out_of_vocabulary and 1 speakers"):
        summarise([0, 1], [0, -1], [0, 0], ["a"])
    with pytest.raises(EvaluationError, match="keyword segments as out of vocabulary"):
        summarise([0, 1], [0, -1], [1, 0], ["a", "b"])
