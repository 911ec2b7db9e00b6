"""Closed and open set figures against segment-by-segment counts."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix

from kws_core.evaluation.open_set import REJECTED, summarise_open_set

KEYWORDS = ("heating", "stop")
WORDS = ("heating", "stop", "eating", "music")


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    labels = rng.choice(WORDS, 400)
    scores = np.round(rng.normal(size=(400, 2)), 1)
    for place, keyword in enumerate(KEYWORDS):
        scores[labels == keyword, place] += 2
    scores[labels == "eating", 0] += 1.5
    decisions = np.where(scores.max(axis=1) >= 1.2, scores.argmax(axis=1), -1)
    speakers = np.array([f"s{number:02d}" for number in rng.integers(0, 15, 400)])
    return labels, scores, decisions, speakers


def summarise(drawn, unseen_words=("eating", "music"), **options):
    labels, scores, decisions, speakers = drawn
    unseen = np.isin(labels, unseen_words)
    return summarise_open_set(
        scores, decisions, labels, unseen, speakers, KEYWORDS, test_set="t", backend="svm", **options
    )


def test_accuracies_equal_a_count_and_have_intervals(drawn):
    labels, scores, decisions, _ = drawn
    summary = summarise(drawn, hours=0.25)
    assert (summary.segments, summary.speakers, summary.hours) == (400, 15, 0.25)
    own = np.isin(labels, KEYWORDS)
    truth = np.array([KEYWORDS.index(label) if label in KEYWORDS else -1 for label in labels])
    assert summary.closed_accuracy.value == pytest.approx((scores.argmax(axis=1) == truth)[own].mean())
    for number, keyword in enumerate(summary.keywords):
        mine = truth == number
        assert keyword.keyword == KEYWORDS[number]
        assert keyword.closed.value == pytest.approx((scores.argmax(axis=1) == truth)[mine].mean())
        assert keyword.open.value == pytest.approx((decisions == truth)[mine].mean())
        assert keyword.open.count == mine.sum()
        assert keyword.open.low < keyword.open.value < keyword.open.high
    target, unseen = (decisions == truth)[own].mean(), (decisions == truth)[~own].mean()
    for ratio in (1, 11):
        total = summary.totals[f"{ratio}:1"]
        assert total.value == pytest.approx((ratio * target + unseen) / (ratio + 1))
        weights = np.where(own, 1, own.sum() / ratio / (~own).sum())
        expected = np.mean([average_precision_score(truth == k, scores[:, k], sample_weight=weights) for k in (0, 1)])
        assert summary.mean_average_precision[f"{ratio}:1"].value == pytest.approx(expected)


def test_the_matrix_and_the_most_confused_words(drawn):
    labels, _, decisions, _ = drawn
    summary = summarise(drawn)
    truth = np.array([KEYWORDS.index(label) if label in KEYWORDS else 2 for label in labels])
    expected = confusion_matrix(truth, np.where(decisions < 0, 2, decisions), labels=[0, 1, 2])
    assert np.array(summary.matrix).tolist() == expected.tolist()
    counts = [one.segments for one in summary.confusions]
    assert counts == sorted(counts, reverse=True)
    for one in summary.confusions:
        heard = -1 if one.heard == REJECTED else KEYWORDS.index(one.heard)
        assert one.segments == ((labels == one.label) & (decisions == heard)).sum()
        assert one.share == pytest.approx(one.segments / (labels == one.label).sum())
    assert sum(counts) == expected.sum() - np.trace(expected)


def test_words_that_sound_like_a_keyword_are_listed_with_what_they_cost(drawn):
    labels, _, decisions, _ = drawn
    (found,) = summarise(drawn).confusable
    assert (found.keyword, found.word) == ("heating", "eating")
    assert found.accepted.value == pytest.approx((decisions[labels == "eating"] == 0).mean())
    assert found.accepted.count == (labels == "eating").sum()


def test_what_the_data_cannot_show_is_said(drawn):
    labels, scores, _, _ = drawn
    summary = summarise(drawn, unseen_words=())
    assert np.isnan(summary.totals["1:1"].value)
    assert np.isnan(summary.mean_average_precision["11:1"].value)
    assert any("no word of the test is new" in remark for remark in summary.remarks)
    own = labels != "eating"
    kept = (labels[own], scores[own], np.full(own.sum(), -1), np.full(own.sum(), "one"))
    few = summarise(kept)
    said = " | ".join(few.remarks)
    for remark in ("too few speakers (1)", "0 false accepts in", "no word of the test sounds like a keyword"):
        assert remark in said
    assert np.isnan(few.closed_accuracy.low)
