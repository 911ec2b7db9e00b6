"""Two systems on the same data: what is told apart, and what is not."""

from math import nan

import numpy as np
import pytest

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.system_comparison import FigureComparison, compare_on_segments
from kws_core.evaluation.system_scores import SystemScores
from kws_core.evaluation.tested_rows import TestedRows
from kws_core.evaluation.worst_errors import worst_detections

TARGETS = ("go", "stop")


class Columns:
    """A back end whose scores are the first columns of the embeddings."""

    keywords = ("stop", "go", "other keyword")

    def score(self, embeddings):
        return embeddings[:, :3]


def system(scores):
    return SystemScores("s", np.asarray(scores, np.float32), Columns(), np.array([0.5, 0.5, 0.5]))


def rows(labels, unseen=None, speakers=None):
    count = len(labels)
    return TestedRows(
        np.arange(count),
        np.array(labels),
        np.array(speakers or [f"s{n}" for n in range(count)]),
        np.zeros(count, np.bool_) if unseen is None else np.array(unseen),
        1.0,
    )


@pytest.mark.parametrize(
    ("difference", "larger_is_better", "verdict"),
    [
        ((-0.1, -0.2, -0.05), False, "better"),
        ((-0.1, -0.2, -0.05), True, "worse"),
        ((0.1, 0.05, 0.2), False, "worse"),
        ((0.1, 0.05, 0.2), True, "better"),
        ((0.1, -0.01, 0.2), True, "no change"),
        ((0.0, 0.0, 0.0), False, "no change"),
    ],
)
def test_a_difference_whose_interval_holds_0_is_no_change(difference, larger_is_better, verdict):
    figure = Estimate(0.5, 0.4, 0.6, 10)
    found = FigureComparison("t", "m", figure, figure, Estimate(*difference, 10), larger_is_better)
    assert found.verdict == verdict


@pytest.mark.parametrize(("ours", "verdict"), [((0.2, 0.1, 0.39), "better"), ((0.3, 0.2, 0.41), "no change")])
def test_unpaired_intervals_must_not_overlap(ours, verdict):
    unpaired = Estimate(-0.2, nan, nan, 10)
    found = FigureComparison("streams", "FRR", Estimate(*ours, 10), Estimate(0.5, 0.4, 0.6, 10), unpaired)
    assert found.verdict == verdict


def test_decisions_are_translated_to_the_targets():
    heard, margins = system([[0.9, 0, 0], [0, 0.7, 0.6], [0, 0, 0.9], [0, 0.4, 0]]).decisions(np.arange(4), TARGETS)
    assert heard.tolist() == [1, 0, -1, -1]  # a keyword that is no target is a rejection
    np.testing.assert_allclose(margins[1], [0.2, -0.5], atol=1e-6)
    with pytest.raises(ValueError, match="an encoder without keywords"):
        SystemScores("bare", np.zeros((1, 3), np.float32)).decisions(np.arange(1), TARGETS)


def test_paired_accuracies_tell_apart_what_own_intervals_cannot():
    # half of 40 speakers are hard for both; ours is better by the same quarter of every speaker's words
    labels = (["go"] * 4 + ["tree"] * 4) * 40
    speakers = [f"s{n // 8:02d}" for n in range(320)]
    right, wrong = [0.0, 0.9, 0.0], [0.9, 0.0, 0.0]
    ours, theirs = [], []
    for speaker in range(40):
        hard = speaker % 2
        hits = 2 if hard else 4
        ours += [right] * hits + [wrong] * (4 - hits) + [[0.0] * 3] * 4
        theirs += [right] * (hits - 1) + [wrong] * (5 - hits) + [[0.0] * 3] * 4
    found = compare_on_segments(rows(labels, [False] * 320, speakers), system(ours), system(theirs), TARGETS, 200, 0)
    accepted, rejected = found
    assert (accepted.ours.value, accepted.theirs.value) == (0.75, 0.5)
    assert (accepted.difference.low, accepted.difference.high) == pytest.approx((0.25, 0.25))
    assert accepted.verdict == "better"
    assert rejected.verdict == "no change"
    assert (
        compare_on_segments(
            rows(labels), system(ours), SystemScores("bare", np.zeros((320, 3), np.float32)), TARGETS, 200, 0
        )
        == []
    )


def test_the_worst_errors_come_first():
    labels = ["go", "go", "go", "tree", "tree", "stop"]
    scores = [[0, 0.9, 0], [0, 0.3, 0], [0, 0.1, 0], [0, 0.6, 0], [0, 0.8, 0], [0, 0.95, 0]]
    found = worst_detections(rows(labels), system(scores), TARGETS, most=2)
    alarms, rejections = (
        [(one.said, one.heard, one.rows) for one in errors] for errors in (found.false_alarms, found.false_rejections)
    )
    assert alarms == [
        ("stop", "go", (5,)),
        ("tree", "go", (4,)),
    ]
    assert [round(one.margin, 3) for one in found.false_alarms] == [0.45, 0.3]
    assert rejections == [
        ("stop", "go", (5,)),
        ("go", "", (2,)),
    ]
