"""Triplet loss and its mining against their definitions and pytorch-metric-learning."""

import pytest
import torch
from loss_helpers import (
    DTYPES,
    EPISODE,
    LABELS,
    NOTHING_TO_COMPARE,
    batch,
    check,
    check_slopes,
    check_zero_with_graph,
    distance,
    mean,
    rows,
    unit,
)

from kws_core.losses import Triplet

MININGS = ("all", "batch_hard", "semi_hard")


def naive(embeddings, labels, margin, mining):
    points = [unit(row) for row in rows(embeddings)]
    terms = []
    for anchor, label in enumerate(labels):
        if label == -1:
            continue
        to = [distance(points[anchor], point) for point in points]
        positives = [to[i] for i, other in enumerate(labels) if other == label and i != anchor]
        negatives = [to[i] for i, other in enumerate(labels) if other != label]
        if not positives or not negatives:
            continue
        if mining == "all":
            chosen = [(positive, negative) for positive in positives for negative in negatives]
        elif mining == "batch_hard":
            chosen = [(max(positives), min(negatives))]
        else:
            chosen = []
            for positive in positives:
                farther = [negative for negative in negatives if negative > positive]
                chosen.append((positive, min(farther) if farther else max(negatives)))
        terms += [max(0, positive - negative + margin) for positive, negative in chosen]
    return mean(terms)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_equals_the_formula(dtype, labels, mining, margin):
    embeddings, label_tensor = batch(labels, dtype, size=3)
    check(Triplet(margin, mining), embeddings, label_tensor, naive(embeddings, labels, margin, mining))


def test_semi_hard_takes_the_farthest_negative_where_none_is_farther_than_the_positive():
    embeddings = torch.tensor([[1.0, 0.0], [-1.0, 0.1], [1.0, 0.1], [1.0, 0.3]], dtype=torch.float64)
    labels = (0, 0, 1, -1)
    expected = naive(embeddings, labels, 0.2, "semi_hard")
    assert Triplet(0.2, "semi_hard")(embeddings, torch.tensor(labels)).item() == pytest.approx(expected)
    collapsed = torch.ones(4, 3, requires_grad=True)
    assert Triplet(0.2, "semi_hard")(collapsed, torch.tensor(labels)).item() == pytest.approx(0.2)


@pytest.mark.parametrize("mining", ["all", "batch_hard"])
def test_equals_pytorch_metric_learning(mining):
    foreign_losses = pytest.importorskip("pytorch_metric_learning.losses")
    from pytorch_metric_learning.miners import BatchHardMiner
    from pytorch_metric_learning.reducers import MeanReducer

    embeddings, labels = batch(EPISODE)
    triplets = BatchHardMiner()(embeddings, labels) if mining == "batch_hard" else None
    foreign = foreign_losses.TripletMarginLoss(margin=0.3, reducer=MeanReducer())
    torch.testing.assert_close(Triplet(0.3, mining)(embeddings, labels), foreign(embeddings, labels, triplets))


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("labels", [*NOTHING_TO_COMPARE, (0, 0, 0)])
def test_a_batch_without_triplets_is_a_zero_with_a_graph(mining, labels):
    check_zero_with_graph(Triplet(0.2, mining), labels)


@pytest.mark.parametrize("mining", MININGS)
def test_slopes_and_equal_embeddings(mining):
    check_slopes(Triplet(0.7, mining), *batch(EPISODE))
    embeddings = torch.ones(5, 3, requires_grad=True)
    value = Triplet(0.2, mining)(embeddings, torch.tensor([0, 0, 1, 1, -1]))
    value.backward()
    assert value.item() == pytest.approx(0.2, abs=1e-3)
    assert embeddings.grad.isfinite().all()
