"""Training criteria, one a file."""

from kws_core.config import LossConfig
from kws_core.losses.am_softmax import AMSoftmax

__all__ = ["AMSoftmax", "build_loss"]


def build_loss(config: LossConfig, embedding_dim: int, classes: int) -> AMSoftmax:
    """Build the loss that the configuration names, with fresh weights from torch's random generator."""
    return AMSoftmax(embedding_dim, classes, config.scale, config.margin)
