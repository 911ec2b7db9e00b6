"""The learned score w cos + b."""

import pytest
import torch
from loss_helpers import batch, cosine, rows

from kws_core.losses import AngularPrototypical
from kws_core.losses.scaled_cosine import ScaledCosine


def test_starts_at_w_10_and_b_minus_5():
    score = ScaledCosine().double()
    first, _ = batch((0, 0), size=3)
    second, _ = batch((0, 0, 0), seed=2)
    scores = score(first, second)
    for row, a in enumerate(rows(first)):
        for column, b in enumerate(rows(second)):
            assert scores[row, column].item() == pytest.approx(10 * cosine(a, b) - 5, rel=1e-6)


def test_w_stays_above_0_under_a_loss_that_wants_it_negative():
    loss = AngularPrototypical()
    optimizer = torch.optim.SGD(loss.parameters(), lr=3.0)
    # queries that lie on the other class's prototype: the loss falls with w, below 0 if it could
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    start = loss.score.log_w.exp().item()
    for _ in range(20):
        optimizer.zero_grad()
        loss(embeddings, torch.tensor([0, 0, 1, 1])).backward()
        optimizer.step()
    assert 0 < loss.score.log_w.exp().item() < start
