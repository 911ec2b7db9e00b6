"""AM-softmax against its formula and pytorch-metric-learning."""

import pytest
import torch
from loss_helpers import DTYPES, EPISODE, batch, check, check_slopes, cosine, mean, minus_log_softmax, rows

from kws_core.config import LossConfig
from kws_core.errors import TrainingError
from kws_core.losses import AMSoftmax, build_loss


def naive(embeddings, weights, labels, scale, margin):
    terms = []
    for embedding, label in zip(rows(embeddings), labels, strict=True):
        scores = [
            scale * (cosine(embedding, weight) - (margin if index == label else 0))
            for index, weight in enumerate(rows(weights))
        ]
        terms.append(minus_log_softmax(scores, label))
    return mean(terms)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 30.0, 64.0])
@pytest.mark.parametrize("margin", [0.0, 0.2, 0.35])
def test_equals_the_formula(dtype, scale, margin):
    torch.manual_seed(0)
    loss = AMSoftmax(5, 4, scale, margin).to(dtype)
    embeddings, labels = batch(EPISODE, dtype, size=4)
    check(loss, embeddings, labels, naive(embeddings, loss.weight, EPISODE, scale, margin))


def test_margin_zero_is_cross_entropy_of_scaled_cosines_and_margin_can_be_set():
    loss = build_loss(LossConfig(scale=20, margin=0.3), 5, 4)
    embeddings, labels = batch(EPISODE, torch.float32)
    cosines = torch.cosine_similarity(embeddings[:, None], loss.weight[None], dim=2)
    torch.testing.assert_close(loss.logits(embeddings), 20 * cosines, atol=1e-4, rtol=1e-4)
    hard = loss(embeddings, labels)
    loss.margin = 0.0
    torch.testing.assert_close(loss(embeddings, labels), torch.nn.functional.cross_entropy(20 * cosines, labels))
    assert hard > loss(embeddings, labels)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_ramp_puts_a_share_of_the_margin_in_force(share):
    loss = AMSoftmax(5, 4, 30, 0.2).double()
    assert loss.margin == 0.2
    loss.ramp(0.5)
    loss.ramp(share)
    assert loss.margin == pytest.approx(0.2 * share)
    embeddings, labels = batch(EPISODE)
    check(loss, embeddings, labels, naive(embeddings, loss.weight, EPISODE, 30, 0.2 * share))


def test_equals_pytorch_metric_learning():
    foreign_losses = pytest.importorskip("pytorch_metric_learning.losses")
    loss, foreign = AMSoftmax(5, 4, 30, 0.2).double(), foreign_losses.CosFaceLoss(4, 5, margin=0.2, scale=30)
    foreign.W.data = loss.weight.detach().t().clone()
    embeddings, labels = batch(EPISODE)
    torch.testing.assert_close(loss(embeddings, labels), foreign(embeddings, labels))


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_gradients_are_finite(size):
    loss = AMSoftmax(5, 3, 64.0, 0.35)
    embeddings, labels = batch(EPISODE, torch.float32, size=size)
    loss(embeddings, labels).backward()
    assert embeddings.grad.isfinite().all()
    assert embeddings.grad.abs().max() > 0
    assert loss.weight.grad.isfinite().all()


def test_slopes_and_refusal_of_non_targets():
    loss = AMSoftmax(5, 3, 10, 0.2).double()
    check_slopes(loss, *batch(EPISODE))
    with pytest.raises(TrainingError, match="AMSoftmax is a classifier and cannot take non-targets"):
        loss(*batch((0, -1)))
