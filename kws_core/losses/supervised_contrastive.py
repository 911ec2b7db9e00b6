"""Supervised contrastive loss."""

import torch
from torch import Tensor

from kws_core.losses.loss import Loss, no_pairs
from kws_core.losses.pair_masks import negative_pairs, on_sphere, positive_pairs


class SupervisedContrastive(Loss):
    """Mean over anchors of -1/|P| sum over positives p of log( exp(cos_p / t) / sum over others a of exp(cos_a / t) ).

    t is the temperature. Anchors are the samples with a positive in the batch; non-targets stand in denominators only.
    A batch without an anchor has loss 0, with a graph.
    Source: Khosla et al. 2020, equation 2 (L_out).
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices or -1 `labels [batch]`."""
        positives, negatives = positive_pairs(labels), negative_pairs(labels)
        anchors = positives.any(dim=1)
        if not anchors.any():
            return no_pairs(embeddings)
        directions = on_sphere(embeddings)
        scores = directions[anchors] @ directions.t() / self.temperature
        positives, others = positives[anchors], (positives | negatives)[anchors]
        normaliser = scores.masked_fill(~others, -torch.inf).logsumexp(dim=1, keepdim=True)
        terms = (normaliser - scores) * positives
        return (terms.sum(dim=1) / positives.sum(dim=1)).mean()
