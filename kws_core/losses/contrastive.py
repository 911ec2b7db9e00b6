"""Contrastive loss of a siamese network: same together, different apart."""

from torch import Tensor

from kws_core.losses.loss import Loss, no_pairs
from kws_core.losses.pair_masks import distances, negative_pairs, on_sphere, positive_pairs


class Contrastive(Loss):
    """Mean over all pairs of the batch of d^2 for the same class and max(0, m - d)^2 for different ones.

    d is the Euclidean distance on the unit sphere, in [0, 2], where the cosine decides. Pairs of two non-targets do not
    count. A batch without pairs has loss 0, with a graph.
    Source: Hadsell et al. 2006, equation 4, without its halves; Arora et al.'s siamese question.
    """

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices or -1 `labels [batch]`."""
        directions = on_sphere(embeddings)
        apart = distances(directions, directions)
        negatives = negative_pairs(labels)
        same = positive_pairs(labels).triu(1)
        different = (negatives | negatives.t()).triu(1)
        terms = [apart[same] ** 2, (self.margin - apart[different]).clamp(min=0) ** 2]
        pairs = sum(len(term) for term in terms)
        return sum((term.sum() for term in terms), no_pairs(embeddings)) / max(pairs, 1)
