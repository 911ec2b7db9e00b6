"""Angular loss against its formula and pytorch-metric-learning."""

import math

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
    dot,
    mean,
    rows,
    unit,
)

from kws_core.losses import Angular


def naive(embeddings, labels, angle_degrees):
    points = [unit(row) for row in rows(embeddings)]
    bound = math.tan(math.radians(angle_degrees)) ** 2
    terms = []
    for a, label in enumerate(labels):
        for p, other in enumerate(labels):
            if label == -1 or other != label or a == p:
                continue
            total = 0.0
            for n, third in enumerate(labels):
                if third != label:
                    both = [first + second for first, second in zip(points[a], points[p], strict=True)]
                    total += math.exp(4 * bound * dot(both, points[n]) - 2 * (1 + bound) * dot(points[a], points[p]))
            terms.append(math.log(1 + total))
    return mean(terms)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("angle_degrees", [36.0, 55.0])
def test_equals_the_formula(dtype, labels, angle_degrees):
    embeddings, label_tensor = batch(labels, dtype, size=3)
    check(Angular(angle_degrees), embeddings, label_tensor, naive(embeddings, labels, angle_degrees))


def test_equals_pytorch_metric_learning():
    foreign_losses = pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels = batch(EPISODE)
    directions = torch.nn.functional.normalize(embeddings)  # its negatives stay as long as they are
    torch.testing.assert_close(Angular(40)(embeddings, labels), foreign_losses.AngularLoss(40)(directions, labels))


@pytest.mark.parametrize("labels", NOTHING_TO_COMPARE)
def test_a_batch_without_pairs_is_a_zero_with_a_graph(labels):
    check_zero_with_graph(Angular(40), labels)


def test_slopes_and_steep_bounds():
    check_slopes(Angular(40), *batch(LABELS[1]))
    value = Angular(89)(*batch(EPISODE, torch.float32))
    value.backward()
    assert value.isfinite()
