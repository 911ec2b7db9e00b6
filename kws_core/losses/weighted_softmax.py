"""Class-weighted softmax: rare classes count as much as common ones."""

import torch
from torch import Tensor, nn

from kws_core.errors import TrainingError
from kws_core.losses.loss import check_labels
from kws_core.losses.softmax import Softmax


class WeightedSoftmax(Softmax):
    """Mean of -weight_y log softmax(W e + b)_y, where weight_c = segments / (classes * segments of class c).

    The weights average 1 over the training set, and the sum is divided by the size of the batch, not by the weights in
    it: so a batch without rare classes counts less than one with them, and the mean over batches is unbiased.
    Source: Arora et al., the class-weighted cross-entropy baseline.
    """

    class_weights: Tensor

    def __init__(self, embedding_dim: int, class_counts: Tensor) -> None:
        """Take the training segments of each class, `class_counts [classes]`.

        Raises:
            TrainingError: a class has no segment.
        """
        super().__init__(embedding_dim, len(class_counts))
        empty = torch.nonzero(class_counts <= 0).flatten().tolist()
        if empty:
            raise TrainingError(f"weighted_softmax: class {empty[0]} has no training segment, at least 1 is needed")
        counts = class_counts.to(torch.float64)
        weights = counts.sum() / (len(counts) * counts)
        self.register_buffer("class_weights", weights.to(torch.get_default_dtype()))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the weighted loss of `embeddings [batch, dim]` with class indices `labels [batch]`.

        Raises:
            TrainingError: a label is -1 or no class.
        """
        check_labels(labels, self.classes, "weighted_softmax")
        terms = nn.functional.cross_entropy(self.logits(embeddings), labels, reduction="none")
        return (self.class_weights[labels] * terms).mean()
