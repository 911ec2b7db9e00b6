"""Softmax: cross-entropy of a linear layer."""

from torch import Tensor, nn

from kws_core.losses.loss import Loss, check_labels


class Softmax(Loss):
    """Mean of -log softmax(W e + b)_y, with learned weights `[classes, dim]` and biases.

    Source: Ma et al., "softmax"; the cross-entropy baseline of Huh et al. and of Arora et al.
    """

    def __init__(self, embedding_dim: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.output = nn.Linear(embedding_dim, classes)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices `labels [batch]`.

        Raises:
            TrainingError: a label is -1 or no class.
        """
        check_labels(labels, self.classes, "softmax")
        return nn.functional.cross_entropy(self.logits(embeddings), labels)

    def logits(self, embeddings: Tensor) -> Tensor:
        """Scores `[batch, classes]` before the softmax."""
        scores: Tensor = self.output(embeddings)
        return scores

    @property
    def has_logits(self) -> bool:
        """Yes."""
        return True
