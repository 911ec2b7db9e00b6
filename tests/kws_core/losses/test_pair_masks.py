"""Positives, negatives and distances within a batch."""

import pytest
import torch
from loss_helpers import LABELS, batch, distance, rows, unit

from kws_core.losses.pair_masks import distances, negative_pairs, on_sphere, positive_pairs


@pytest.mark.parametrize("labels", LABELS)
def test_masks_pair_by_pair(labels):
    positives, negatives = positive_pairs(torch.tensor(labels)), negative_pairs(torch.tensor(labels))
    for row, first in enumerate(labels):
        for column, second in enumerate(labels):
            assert positives[row, column] == (row != column and first == second and first != -1)
            assert negatives[row, column] == (first != -1 and first != second)


@pytest.mark.parametrize("count", [3, 40])
def test_distances_are_exact_even_when_small(count):
    first, _ = batch((0,) * count)
    second = first + 1e-9
    between = distances(first, second)
    assert between.diagonal().tolist() == pytest.approx([1e-9 * 5**0.5] * count, rel=1e-4)
    assert between[0, 1].item() == pytest.approx(distance(rows(first)[0], rows(second)[1]))
    distances(first, first).sum().backward()
    assert first.grad.isfinite().all()


def test_on_sphere():
    embeddings, _ = batch((0, 0), size=100)
    assert rows(on_sphere(embeddings))[1] == pytest.approx(unit(rows(embeddings)[1]))
