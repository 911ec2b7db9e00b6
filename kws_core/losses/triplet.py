"""Triplet loss with three ways to choose the triplets of a batch."""

from typing import Literal

import torch
from torch import Tensor

from kws_core.losses.loss import Loss, no_pairs
from kws_core.losses.pair_masks import distances, negative_pairs, on_sphere, positive_pairs

Mining = Literal["all", "batch_hard", "semi_hard"]


class Triplet(Loss):
    """Mean over triplets of max(0, d(anchor, positive) - d(anchor, negative) + m).

    d is the Euclidean distance on the unit sphere, in [0, 2], where the cosine decides. Non-targets are negatives only.
    A batch without a valid triplet (no class twice, or one class alone) has loss 0, with a graph.

    Which triplets count:
        all: every one of the batch, those with loss 0 too.
        batch_hard: for each anchor its farthest positive and its nearest negative (Hermans et al. 2017, equation 5).
        semi_hard: for each anchor and positive the nearest negative that is farther than the positive; where none is,
            the farthest negative, so that a collapsed batch still learns (Schroff et al. 2015, section 3.2).

    Source: Huh et al., "triplet" (with margin 1).
    """

    def __init__(self, margin: float, mining: Mining) -> None:
        super().__init__()
        self.margin, self.mining = margin, mining

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices or -1 `labels [batch]`."""
        directions = on_sphere(embeddings)
        apart = distances(directions, directions)
        positives, negatives = positive_pairs(labels), negative_pairs(labels)
        anchors = positives.any(dim=1) & negatives.any(dim=1)
        if not anchors.any():
            return no_pairs(embeddings)
        mine = {"all": _all, "batch_hard": _batch_hard, "semi_hard": _semi_hard}[self.mining]
        to_positive, to_negative = mine(apart[anchors], positives[anchors], negatives[anchors])
        return (to_positive - to_negative + self.margin).clamp(min=0).mean()


def _all(apart: Tensor, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    anchor, positive, negative = torch.nonzero(positives[:, :, None] & negatives[:, None, :], as_tuple=True)
    return apart[anchor, positive], apart[anchor, negative]


def _batch_hard(apart: Tensor, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    farthest = apart.masked_fill(~positives, -torch.inf).amax(dim=1)
    return farthest, apart.masked_fill(~negatives, torch.inf).amin(dim=1)


def _semi_hard(apart: Tensor, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    anchor, positive = torch.nonzero(positives, as_tuple=True)
    to_positive, to_others = apart[anchor, positive], apart[anchor]
    farther = negatives[anchor] & (to_others > to_positive[:, None])
    nearest = to_others.masked_fill(~farther, torch.inf).amin(dim=1)
    farthest = to_others.masked_fill(~negatives[anchor], -torch.inf).amax(dim=1)
    return to_positive, torch.where(farther.any(dim=1), nearest, farthest)
