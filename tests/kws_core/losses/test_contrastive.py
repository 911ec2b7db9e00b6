"""Contrastive loss against its formula and pytorch-metric-learning."""

from itertools import combinations

import pytest
import torch
from loss_helpers import (
    DTYPES,
    EPISODE,
    LABELS,
    batch,
    check,
    check_slopes,
    check_zero_with_graph,
    distance,
    mean,
    rows,
    unit,
)

from kws_core.losses import Contrastive


def naive(embeddings, labels, margin):
    samples = [(unit(row), label) for row, label in zip(rows(embeddings), labels, strict=True)]
    terms = []
    for (first, label), (second, other) in combinations(samples, 2):
        if label == other == -1:
            continue
        apart = distance(first, second)
        terms.append(apart**2 if label == other else max(0, margin - apart) ** 2)
    return mean(terms)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("margin", [0.5, 1.5])
def test_equals_the_formula(dtype, labels, margin):
    embeddings, label_tensor = batch(labels, dtype, size=3)
    check(Contrastive(margin), embeddings, label_tensor, naive(embeddings, labels, margin))


def test_equals_pytorch_metric_learning():
    foreign_losses = pytest.importorskip("pytorch_metric_learning.losses")
    from pytorch_metric_learning.reducers import DoNothingReducer

    embeddings, labels = batch(EPISODE)
    parts = foreign_losses.ContrastiveLoss(neg_margin=1.5, reducer=DoNothingReducer())(embeddings, labels)
    terms = torch.cat([parts[name]["losses"] for name in ("pos_loss", "neg_loss")])  # of ordered pairs, unsquared
    assert len(terms) == 9 * 8
    torch.testing.assert_close(Contrastive(1.5)(embeddings, labels), (terms**2).mean())


def test_slopes_and_equal_embeddings():
    check_slopes(Contrastive(1.2), *batch(EPISODE))
    embeddings = torch.ones(4, 3, requires_grad=True)
    value = Contrastive(0.5)(embeddings, torch.tensor([0, 0, 1, -1]))
    value.backward()
    assert value.item() == pytest.approx(5 * 0.25 / 6, rel=1e-3)
    assert embeddings.grad.isfinite().all()


@pytest.mark.parametrize("labels", [(0,), (-1, -1, -1)])
def test_a_batch_without_pairs_is_a_zero_with_a_graph(labels):
    check_zero_with_graph(Contrastive(0.5), labels)
