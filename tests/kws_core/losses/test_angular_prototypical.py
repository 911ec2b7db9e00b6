"""Angular prototypical loss against its formula."""

import pytest
import torch
from loss_helpers import DTYPES, LABELS, NOTHING_TO_COMPARE, batch, check, check_slopes, check_zero_with_graph, cosine
from test_prototypical import naive

from kws_core.losses import AngularPrototypical


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
def test_equals_the_formula(dtype, labels):
    embeddings, label_tensor = batch(labels, dtype, size=3)
    loss = AngularPrototypical().to(dtype)
    check(loss, embeddings, label_tensor, naive(embeddings, labels, lambda a, b: 10 * cosine(a, b) - 5))
    loss.score.log_w.data.fill_(0.7)
    expected = naive(embeddings, labels, lambda a, b: torch.tensor(0.7).double().exp().item() * cosine(a, b))
    assert loss(embeddings, label_tensor).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("labels", NOTHING_TO_COMPARE)
def test_a_batch_without_queries_is_a_zero_with_a_graph(labels):
    check_zero_with_graph(AngularPrototypical().double(), labels)


def test_slopes():
    check_slopes(AngularPrototypical().double(), *batch(LABELS[1]))
