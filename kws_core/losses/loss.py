"""What every training criterion has in common."""

from torch import Tensor, nn

from kws_core.errors import TrainingError


class Loss(nn.Module):
    """A training criterion over one batch of embeddings."""

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss, a scalar, of `embeddings [batch, dim]`, which need not be normalised.

        `labels [batch]` are class indices, int64. Label -1 is a non-target that is a negative only: it is never the
        positive of anything and never drawn to another non-target.

        Raises:
            TrainingError: a label that this loss has no use for.
        """
        raise NotImplementedError

    def logits(self, embeddings: Tensor) -> Tensor:
        """Scores `[batch, classes]` of `embeddings [batch, dim]`, without margin; only where `has_logits`."""
        raise NotImplementedError(f"{type(self).__name__} has no logits")

    @property
    def has_logits(self) -> bool:
        """Whether the loss is a classifier, so that `logits` works."""
        return False

    def ramp(self, share: float) -> None:
        """Put a share in [0, 1] of the margin in force; nothing happens where no margin is ramped."""


def check_labels(labels: Tensor, classes: int, loss: str, non_targets: bool = False) -> None:
    """Raise `TrainingError` unless all labels are below `classes` and, without `non_targets`, none is -1."""
    if not len(labels):
        return
    least, most = (int(value) for value in labels.aminmax())
    if least == -1 and not non_targets:
        raise TrainingError(
            f"{loss} is a classifier and cannot take non-targets labelled -1: "
            "set loss.non_targets to own_class or unknown_cluster"
        )
    if least < -1 or most >= classes:
        raise TrainingError(f"label {most if most >= classes else least} is not one of {loss}'s {classes} classes")


def no_pairs(embeddings: Tensor) -> Tensor:
    """Return a zero that keeps the graph: the loss of a batch that holds nothing to compare."""
    return (embeddings * 0).sum()
