"""AAM-softmax against its formula and pytorch-metric-learning."""

import math

import pytest
import torch
from loss_helpers import DTYPES, EPISODE, batch, check, check_slopes, cosine, mean, minus_log_softmax, rows

from kws_core.errors import TrainingError
from kws_core.losses import AAMSoftmax


def naive(embeddings, weights, labels, scale, margin):
    terms = []
    for embedding, label in zip(rows(embeddings), labels, strict=True):
        scores = []
        for index, weight in enumerate(rows(weights)):
            angle = math.acos(max(-1, min(1, cosine(embedding, weight))))
            if index != label:
                scores.append(scale * math.cos(angle))
            elif angle <= math.pi - margin:
                scores.append(scale * math.cos(angle + margin))
            else:
                scores.append(scale * (math.cos(angle) - margin * math.sin(margin)))
        terms.append(minus_log_softmax(scores, label))
    return mean(terms)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("margin", [0.0, 0.2, 0.9])
def test_equals_the_formula(dtype, scale, margin):
    torch.manual_seed(0)
    loss = AAMSoftmax(5, 4, scale, margin).to(dtype)
    embeddings, labels = batch(EPISODE, dtype, size=4)
    check(loss, embeddings, labels, naive(embeddings, loss.weight, EPISODE, scale, margin))
    assert loss.has_logits


def at_angle(angle):
    """A loss with the class weights (1, 0) and (0, 1), and an embedding at `angle` from the first."""
    loss = AAMSoftmax(2, 2, 1.0, 0.5).double()
    loss.weight.data = torch.eye(2, dtype=torch.float64)
    return loss, torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64, requires_grad=True)


def test_beyond_pi_minus_m_the_handicapped_cosine_goes_on_falling():
    loss, _ = at_angle(0)
    angles = torch.linspace(0.001, math.pi - 0.001, 500, dtype=torch.float64)
    handicapped = loss.handicap(angles.cos())
    assert (handicapped.diff() < 0).all()
    assert (handicapped < angles.cos()).all()
    past = math.pi - 0.3
    loss, embedding = at_angle(past)
    check(loss, embedding, torch.tensor([0]), naive(embedding, loss.weight, [0], 1.0, 0.5))


@pytest.mark.parametrize("angle", [0.0, math.pi])
def test_gradients_are_finite_where_the_root_is_steepest(angle):
    loss, embedding = at_angle(angle)
    loss(embedding, torch.tensor([0])).backward()
    assert embedding.grad.isfinite().all()
    assert loss.weight.grad.isfinite().all()


def test_ramp_puts_a_share_of_the_margin_in_force():
    loss = AAMSoftmax(5, 4, 30, 0.4).double()
    loss.ramp(0.25)
    assert loss.margin == pytest.approx(0.1)
    embeddings, labels = batch(EPISODE)
    check(loss, embeddings, labels, naive(embeddings, loss.weight, EPISODE, 30, 0.1))


def test_equals_pytorch_metric_learning():
    foreign_losses = pytest.importorskip("pytorch_metric_learning.losses")
    loss = AAMSoftmax(2, 4, 30, 0.9).double()
    foreign = foreign_losses.ArcFaceLoss(4, 2, margin=math.degrees(0.9), scale=30)
    foreign.W.data = loss.weight.detach().t().clone()
    embeddings, labels = batch(EPISODE * 4, dim=2)
    angles = loss.cosines(embeddings).gather(1, labels[:, None]).acos()
    assert (angles > math.pi - 0.9).any()  # both branches are compared
    torch.testing.assert_close(loss(embeddings, labels), foreign(embeddings, labels))


def test_slopes_and_refusal_of_non_targets():
    loss = AAMSoftmax(5, 3, 10, 0.2).double()
    check_slopes(loss, *batch(EPISODE))
    with pytest.raises(TrainingError, match="AAMSoftmax is a classifier and cannot take non-targets"):
        loss(*batch((0, -1)))
