"""What all losses share."""

import pytest
import torch
from loss_helpers import batch

from kws_core.errors import TrainingError
from kws_core.losses import Loss
from kws_core.losses.loss import check_labels, no_pairs


def test_labels_are_checked():
    check_labels(torch.tensor([0, 2, 1]), 3, "softmax")
    check_labels(torch.tensor([-1, 2]), 3, "ap_fc", non_targets=True)
    check_labels(torch.tensor([], dtype=torch.int64), 3, "softmax")
    with pytest.raises(TrainingError, match="softmax is a classifier and cannot take non-targets labelled -1: set"):
        check_labels(torch.tensor([-1, 2]), 3, "softmax")
    with pytest.raises(TrainingError, match="label 3 is not one of softmax's 3 classes"):
        check_labels(torch.tensor([0, 3]), 3, "softmax")
    with pytest.raises(TrainingError, match="label -2 is not one of ap_fc's 3 classes"):
        check_labels(torch.tensor([-2, 0]), 3, "ap_fc", non_targets=True)


def test_a_loss_without_logits_says_so():
    loss = Loss()
    loss.ramp(0.5)
    assert not loss.has_logits
    with pytest.raises(NotImplementedError, match="Loss has no logits"):
        loss.logits(torch.zeros(1, 2))


def test_no_pairs_is_a_zero_with_a_graph():
    embeddings, _ = batch((0, 0))
    zero = no_pairs(embeddings)
    zero.backward()
    assert zero.item() == 0
    assert (embeddings.grad == 0).all()
