"""Softmax against its formula."""

import pytest
import torch
from loss_helpers import DTYPES, EPISODE, batch, check, dot, mean, minus_log_softmax, rows

from kws_core.errors import TrainingError
from kws_core.losses import Softmax


@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_the_formula(dtype):
    torch.manual_seed(0)
    loss = Softmax(5, 4).to(dtype)
    embeddings, labels = batch(EPISODE, dtype, size=3)
    weights, biases = rows(loss.output.weight), rows(loss.output.bias)
    scores = [
        [dot(embedding, weight) + bias for weight, bias in zip(weights, biases, strict=True)]
        for embedding in rows(embeddings)
    ]
    expected = mean(minus_log_softmax(row, label) for row, label in zip(scores, EPISODE, strict=True))
    check(loss, embeddings, labels, expected)
    assert loss.has_logits
    assert loss.logits(embeddings)[2].tolist() == pytest.approx(scores[2], rel=1e-4)


def test_refuses_non_targets():
    with pytest.raises(TrainingError, match="softmax is a classifier and cannot take non-targets labelled -1"):
        Softmax(5, 4)(*batch((0, -1), torch.float32))
