"""AP-FC against its formula."""

import pytest
import torch
from loss_helpers import (
    DTYPES,
    LABELS,
    batch,
    check,
    check_slopes,
    check_zero_with_graph,
    cosine,
    mean,
    minus_log_softmax,
    rows,
)

from kws_core.errors import TrainingError
from kws_core.losses import APFC

PAPER = (2, 0, 3, 1, -1, -1, -1, -1, -1, -1)
"""One sample of each of four targets and N' = 6 non-targets."""


def naive(embeddings, labels, weights, w=10.0, b=-5.0):
    points = rows(embeddings)
    parts = []
    for target, weight in enumerate(rows(weights)):
        terms = []
        for own, label in enumerate(labels):
            if label == target:
                columns = [own, *(i for i, other in enumerate(labels) if other != target)]
                terms.append(minus_log_softmax([w * cosine(points[i], weight) + b for i in columns], 0))
        if terms:
            parts.append(mean(terms))
    return mean(parts)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", [PAPER, *LABELS])
def test_equals_the_formula(dtype, labels):
    torch.manual_seed(0)
    loss = APFC(5, 4).to(dtype)
    embeddings, label_tensor = batch(labels, dtype, size=3)
    check(loss, embeddings, label_tensor, naive(embeddings, labels, loss.weight))
    assert not loss.has_logits


def test_the_paper_s_batch_term_by_term():
    loss = APFC(5, 4).double()
    embeddings, labels = batch(PAPER)
    scores = loss.score(embeddings, loss.weight).detach().exp()  # S[sample, target]
    sample_of = [PAPER.index(target) for target in range(4)]
    total = 0.0
    for target in range(4):
        targets = sum(scores[sample_of[other], target] for other in range(4))
        non_targets = sum(scores[i, target] for i in range(4, 10))
        total -= torch.log(scores[sample_of[target], target] / (targets + non_targets)) / 4
    assert loss(embeddings, labels).item() == pytest.approx(total.item())


def test_slopes_and_batches_without_targets():
    loss = APFC(5, 4).double()
    check_slopes(loss, *batch(LABELS[2]))
    check_zero_with_graph(loss, (-1, -1))


def test_absent_targets_get_no_gradient():
    loss = APFC(5, 4).double()
    loss(*batch((1, 1, 3, -1))).backward()
    assert [row.abs().sum().item() > 0 for row in loss.weight.grad] == [False, True, False, True]


def test_refuses_labels_that_are_no_target():
    with pytest.raises(TrainingError, match="label 4 is not one of ap_fc's 4 classes"):
        APFC(5, 4).double()(*batch((0, 4, -1)))
