"""Normalised softmax against its formula and pytorch-metric-learning."""

import pytest
import torch
from loss_helpers import DTYPES, EPISODE, batch, check, cosine, mean, minus_log_softmax, rows

from kws_core.errors import TrainingError
from kws_core.losses import AMSoftmax, NormalisedSoftmax


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_equals_the_formula(dtype, scale):
    torch.manual_seed(0)
    loss = NormalisedSoftmax(5, 4, scale).to(dtype)
    embeddings, labels = batch(EPISODE, dtype, size=7)
    scores = [[scale * cosine(row, weight) for weight in rows(loss.weight)] for row in rows(embeddings)]
    expected = mean(minus_log_softmax(row, label) for row, label in zip(scores, EPISODE, strict=True))
    check(loss, embeddings, labels, expected)
    assert loss.has_logits
    assert loss.logits(embeddings)[1].tolist() == pytest.approx(scores[1], rel=1e-4)


def test_is_am_softmax_without_margin():
    loss, am_softmax = NormalisedSoftmax(5, 4, 30), AMSoftmax(5, 4, 30, 0.0)
    am_softmax.load_state_dict(loss.state_dict())
    embeddings, labels = batch(EPISODE, torch.float32)
    torch.testing.assert_close(loss(embeddings, labels), am_softmax(embeddings, labels))


def test_equals_pytorch_metric_learning():
    foreign_losses = pytest.importorskip("pytorch_metric_learning.losses")
    loss, foreign = NormalisedSoftmax(5, 4, 20).double(), foreign_losses.NormalizedSoftmaxLoss(4, 5, temperature=1 / 20)
    foreign.W.data = loss.weight.detach().t().clone()
    embeddings, labels = batch(EPISODE)
    torch.testing.assert_close(loss(embeddings, labels), foreign(embeddings, labels))


def test_refuses_non_targets():
    with pytest.raises(TrainingError, match="NormalisedSoftmax is a classifier and cannot take non-targets"):
        NormalisedSoftmax(5, 4, 30)(*batch((0, -1), torch.float32))
