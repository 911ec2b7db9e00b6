"""Normalised softmax: softmax over scaled cosines, and what the margin losses add to it."""

import torch
from torch import Tensor, nn

from kws_core.losses.loss import Loss, check_labels


class NormalisedSoftmax(Loss):
    """Mean of -log softmax(s cos(e, W))_y: embeddings and the weight vector of each class lie on the unit sphere.

    Source: Ma et al., "normalisation".
    """

    def __init__(self, embedding_dim: int, classes: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, embedding_dim)))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices `labels [batch]`.

        Raises:
            TrainingError: a label is -1 or no class.
        """
        check_labels(labels, len(self.weight), type(self).__name__)
        return nn.functional.cross_entropy(self.logits(embeddings), labels)

    def logits(self, embeddings: Tensor) -> Tensor:
        """Scaled cosines `[batch, classes]`, without margin."""
        return self.scale * self.cosines(embeddings)

    def cosines(self, embeddings: Tensor) -> Tensor:
        """Cosines `[batch, classes]` of embeddings and class weights."""
        return nn.functional.normalize(embeddings, dim=1) @ nn.functional.normalize(self.weight, dim=1).t()

    @property
    def has_logits(self) -> bool:
        """Yes."""
        return True


class MarginSoftmax(NormalisedSoftmax):
    """Normalised softmax in which the cosine of the right class is handicapped by a margin.

    `margin` is what is in force: all of it at first, a share of it after `ramp(share)`.
    """

    def __init__(self, embedding_dim: int, classes: int, scale: float, margin: float) -> None:
        super().__init__(embedding_dim, classes, scale)
        self.full_margin = self.margin = margin

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices `labels [batch]`.

        Raises:
            TrainingError: a label is -1 or no class.
        """
        check_labels(labels, len(self.weight), type(self).__name__)
        cosines = self.cosines(embeddings)
        handicapped = self.handicap(cosines.gather(1, labels[:, None]))
        return nn.functional.cross_entropy(self.scale * cosines.scatter(1, labels[:, None], handicapped), labels)

    def handicap(self, cosines: Tensor) -> Tensor:
        """What takes the place of the right classes' `cosines`, of any shape."""
        raise NotImplementedError

    def ramp(self, share: float) -> None:
        """Put a share in [0, 1] of the margin in force (Ma et al. raise it linearly over 15 epochs)."""
        self.margin = share * self.full_margin
