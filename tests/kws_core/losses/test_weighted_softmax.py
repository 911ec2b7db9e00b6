"""Class-weighted softmax against its formula."""

import pytest
import torch
from loss_helpers import DTYPES, EPISODE, batch, check, mean, minus_log_softmax, rows

from kws_core.errors import TrainingError
from kws_core.losses import Softmax, WeightedSoftmax


@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_the_formula(dtype):
    torch.manual_seed(0)
    loss = WeightedSoftmax(5, torch.tensor([100, 10, 1])).to(dtype)
    embeddings, labels = batch(EPISODE, dtype)
    scores = rows(loss.logits(embeddings))
    weights = [111 / (3 * count) for count in (100, 10, 1)]
    expected = mean(weights[label] * minus_log_softmax(row, label) for row, label in zip(scores, EPISODE, strict=True))
    check(loss, embeddings, labels, expected)
    assert loss.has_logits


def test_equal_counts_are_the_plain_softmax_and_classes_weigh_the_same_over_the_training_set():
    weighted, plain = WeightedSoftmax(5, torch.tensor([7, 7, 7])), Softmax(5, 3)
    plain.load_state_dict({name: value for name, value in weighted.state_dict().items() if name != "class_weights"})
    embeddings, labels = batch(EPISODE, torch.float32)
    torch.testing.assert_close(weighted(embeddings, labels), plain(embeddings, labels))
    counts = torch.tensor([3, 5, 50])
    weights = WeightedSoftmax(5, counts).class_weights
    torch.testing.assert_close(weights * counts, torch.full((3,), 58 / 3))


def test_refuses_empty_classes_and_non_targets():
    with pytest.raises(TrainingError, match="weighted_softmax: class 1 has no training segment, at least 1 is needed"):
        WeightedSoftmax(5, torch.tensor([2, 0, 1]))
    with pytest.raises(TrainingError, match="cannot take non-targets labelled -1"):
        WeightedSoftmax(5, torch.tensor([2, 1]))(*batch((0, -1), torch.float32))
