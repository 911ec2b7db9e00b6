"""Supervised contrastive loss against its formula and pytorch-metric-learning."""

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
    cosine,
    mean,
    minus_log_softmax,
    rows,
)

from kws_core.losses import SupervisedContrastive


def naive(embeddings, labels, temperature):
    points = rows(embeddings)
    anchors = []
    for anchor, label in enumerate(labels):
        others = [i for i in range(len(labels)) if i != anchor]
        positives = [place for place, i in enumerate(others) if labels[i] == label]
        if label != -1 and positives:
            scores = [cosine(points[anchor], points[i]) / temperature for i in others]
            anchors.append(mean(minus_log_softmax(scores, place) for place in positives))
    return mean(anchors)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_equals_the_formula(dtype, labels, temperature):
    embeddings, label_tensor = batch(labels, dtype, size=3)
    check(SupervisedContrastive(temperature), embeddings, label_tensor, naive(embeddings, labels, temperature))


def test_equals_pytorch_metric_learning():
    foreign_losses = pytest.importorskip("pytorch_metric_learning.losses")
    for labels in (EPISODE, (0, 0, 1, 1, 1, 2)):  # the last class is no anchor
        embeddings, label_tensor = batch(labels)
        expected = foreign_losses.SupConLoss(temperature=0.1)(embeddings, label_tensor)
        torch.testing.assert_close(SupervisedContrastive(0.1)(embeddings, label_tensor), expected)


@pytest.mark.parametrize("labels", NOTHING_TO_COMPARE)
def test_a_batch_without_anchors_is_a_zero_with_a_graph(labels):
    check_zero_with_graph(SupervisedContrastive(0.1), labels)


def test_slopes():
    check_slopes(SupervisedContrastive(0.5), *batch(LABELS[2]))
