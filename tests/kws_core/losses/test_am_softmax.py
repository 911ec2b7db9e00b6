"""AM-softmax against its formula."""

import math

import pytest
import torch

from kws_core.config import LossConfig
from kws_core.losses import AMSoftmax, build_loss


def naive(embeddings, weight, labels, scale, margin):
    total = 0.0
    for embedding, label in zip(embeddings.double().tolist(), labels.tolist(), strict=True):
        scores = []
        for index, row in enumerate(weight.double().tolist()):
            cosine = sum(a * b for a, b in zip(embedding, row, strict=True))
            cosine /= math.sqrt(sum(a * a for a in embedding)) * math.sqrt(sum(b * b for b in row))
            scores.append(scale * (cosine - (margin if index == label else 0)))
        largest = max(scores)
        total -= scores[label] - largest - math.log(sum(math.exp(score - largest) for score in scores))
    return total / len(labels)


@pytest.mark.parametrize("scale", [1.0, 30.0, 64.0])
@pytest.mark.parametrize("margin", [0.0, 0.2, 0.35])
def test_equals_the_formula(scale, margin):
    torch.manual_seed(0)
    loss = AMSoftmax(6, 5, scale, margin)
    embeddings, labels = torch.randn(9, 6) * 4, torch.tensor([0, 1, 2, 3, 4, 4, 3, 0, 2])
    expected = naive(embeddings, loss.weight.detach(), labels, scale, margin)
    assert loss(embeddings, labels).item() == pytest.approx(expected, rel=1e-4)


def test_margin_zero_is_cross_entropy_of_scaled_cosines_and_margin_can_be_set():
    loss = build_loss(LossConfig(scale=20, margin=0.3), 6, 4)
    embeddings, labels = torch.randn(8, 6), torch.arange(8) % 4
    cosines = torch.cosine_similarity(embeddings[:, None], loss.weight[None], dim=2)
    torch.testing.assert_close(loss.logits(embeddings), 20 * cosines, atol=1e-4, rtol=1e-4)
    hard = loss(embeddings, labels)
    loss.margin = 0.0
    torch.testing.assert_close(loss(embeddings, labels), torch.nn.functional.cross_entropy(20 * cosines, labels))
    assert hard > loss(embeddings, labels)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_gradients_are_finite(size):
    loss = AMSoftmax(6, 3, 64.0, 0.35)
    embeddings = (size * torch.randn(5, 6)).requires_grad_()
    loss(embeddings, torch.tensor([0, 1, 2, 0, 1])).backward()
    assert embeddings.grad.isfinite().all()
    assert embeddings.grad.abs().max() > 0
    assert loss.weight.grad.isfinite().all()
