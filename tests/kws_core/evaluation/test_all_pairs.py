"""The binned curve over all pairs against the exact one, and its memory against the number of pairs."""

import numpy as np
import pytest
import torch

from kws_core.errors import EvaluationError
from kws_core.evaluation import all_pairs
from kws_core.evaluation.all_pairs import WIDTH, all_pairs_det
from kws_core.evaluation.det import det_curve
from kws_core.evaluation.trials import score_pairs

ROUNDING = 2e-6
"""Of cosines by two ways of summing up, and of the bin they fall into."""


def clustered(count, labels=20, dim=16, noise=1.5, seed=0):
    random = np.random.default_rng(seed)
    names = random.integers(0, labels, count)
    embeddings = (random.normal(size=(labels, dim))[names] + noise * random.normal(size=(count, dim))).astype(
        np.float32
    )
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), names


def enumerated(embeddings, labels, speakers=None):
    left, right = np.triu_indices(len(labels), 1)
    if speakers is not None:
        crossing = speakers[left] != speakers[right]
        left, right = left[crossing], right[crossing]
    return score_pairs(embeddings, left, right).astype(np.float64), labels[left] == labels[right]


def assert_within_the_stated_bound(found, scores, same):
    assert (found.same_trials, found.different_trials) == (same.sum(), (~same).sum())
    worse = det_curve(np.where(same, scores - WIDTH - ROUNDING, scores + ROUNDING), same)
    better = det_curve(np.where(same, scores + ROUNDING, scores - WIDTH - ROUNDING), same)
    assert better.eer <= found.curve.eer <= worse.eer
    for far in (0.001, 0.02, 0.1, 0.5):
        assert better.frr_at_far(far) <= found.curve.frr_at_far(far) <= worse.frr_at_far(far)


@pytest.mark.parametrize("speaker_policy", ["any", "cross"])
def test_two_thousand_embeddings_against_the_exact_curve(speaker_policy):
    embeddings, labels = clustered(2000)
    speakers = np.random.default_rng(1).integers(0, 30, 2000) if speaker_policy == "cross" else None
    found = all_pairs_det(embeddings, labels, speakers)
    scores, same = enumerated(embeddings, labels, speakers)
    assert_within_the_stated_bound(found, scores, same)
    assert found.curve.eer == pytest.approx(det_curve(scores, same).eer, abs=1e-4)
    assert found.trials == len(scores)
    assert 0.05 < found.curve.eer < 0.45


@pytest.mark.parametrize("block", [3, 7, 16, 1000])
def test_blocks_of_any_size_count_every_pair_once(block, monkeypatch):
    embeddings, labels = clustered(40, labels=4)
    names = np.array([f"word {label}" for label in labels])
    speakers = np.array([f"speaker {number % 11}" for number in range(40)])
    monkeypatch.setattr(all_pairs, "BLOCK", block)
    assert_within_the_stated_bound(
        all_pairs_det(embeddings, names, speakers), *enumerated(embeddings, labels, speakers)
    )


def test_points_are_those_of_scores_rounded_down():
    # cosines of these are multiples of the width, so nothing is rounded
    embeddings = np.array([[1, 0], [1, 0], [0, 1], [0, -1], [-1, 0]], np.float32)
    labels = np.array([0, 0, 1, 1, 0])
    found = all_pairs_det(embeddings, labels).curve
    exact = det_curve(*enumerated(embeddings, labels))
    np.testing.assert_array_equal(found.thresholds, exact.thresholds)
    np.testing.assert_array_equal(found.far, exact.far)
    np.testing.assert_array_equal(found.frr, exact.frr)


def test_order_of_the_embeddings_changes_little_and_repeats_change_nothing():
    embeddings, labels = clustered(500)
    order = np.random.default_rng(2).permutation(500)
    first, again = all_pairs_det(embeddings, labels), all_pairs_det(embeddings, labels)
    np.testing.assert_array_equal(first.curve.far, again.curve.far)
    assert all_pairs_det(embeddings[order], labels[order]).curve.eer == pytest.approx(first.curve.eer, abs=1e-4)


def test_memory_does_not_grow_with_the_number_of_pairs(monkeypatch):
    """No tensor that is made is larger than a block or the bins."""
    monkeypatch.setattr(all_pairs, "BLOCK", 512)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.numel())
            return result

    embeddings, labels = clustered(3000)
    with Watch():
        all_pairs_det(embeddings, labels)
    assert 0 < largest <= 2 * (all_pairs._BINS + 1)


def test_what_cannot_be_measured_is_refused():
    embeddings, labels = clustered(10, labels=3)
    with pytest.raises(EvaluationError, match="10 embeddings, 9 labels: one of each"):
        all_pairs_det(embeddings, labels[1:])
    with pytest.raises(EvaluationError, match="10 embeddings, 10 labels, 3 speakers: one of each"):
        all_pairs_det(embeddings, labels, labels[:3])
    with pytest.raises(EvaluationError, match="none of the 45 pairs has different labels on both sides: FAR"):
        all_pairs_det(embeddings, np.zeros(10))
    with pytest.raises(EvaluationError, match="none of the 45 pairs has the same label on both sides: FRR"):
        all_pairs_det(embeddings, np.arange(10))
    with pytest.raises(EvaluationError, match="none of the 0 pairs"):
        all_pairs_det(embeddings, labels, np.zeros(10))
    with pytest.raises(EvaluationError, match="L2-normalised"):
        all_pairs_det(2 * embeddings, labels)
