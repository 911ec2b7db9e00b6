"""Which samples of a batch are positives and which are negatives of each other."""

import torch
from torch import Tensor, nn


def positive_pairs(labels: Tensor) -> Tensor:
    """Whether the column is a positive of the row, `[batch, batch]`: another sample of the same class."""
    same = labels[:, None] == labels[None]
    return same & (labels >= 0)[:, None] & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)


def negative_pairs(labels: Tensor) -> Tensor:
    """Whether the column is a negative of the row, `[batch, batch]`: another class or a non-target (-1).

    Rows of non-targets have no negatives: two of them may be the same word, and none is an anchor.
    """
    return (labels[:, None] != labels[None]) & (labels >= 0)[:, None]


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distances `[rows of first, rows of second]`; their slope at 0 is 0, not infinite."""
    # the faster form, by matrix product, loses half of the digits of small distances
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")


def on_sphere(embeddings: Tensor) -> Tensor:
    """Embeddings `[batch, dim]` at length 1."""
    return nn.functional.normalize(embeddings, dim=1)
