"""AM-softmax: softmax over scaled cosines with an additive margin."""

import torch
from torch import Tensor, nn


class AMSoftmax(nn.Module):
    """Mean of -log( exp(s (cos_y - m)) / (exp(s (cos_y - m)) + sum over j != y of exp(s cos_j)) ).

    One weight vector per class; embeddings and weights are compared on the unit sphere. `margin` may be set between
    steps (the training loop raises it linearly).
    Source: Ma et al., "normalisation + margin"; margin 0 is their "normalisation".
    """

    def __init__(self, embedding_dim: int, classes: int, scale: float, margin: float) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, embedding_dim)))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices `labels [batch]`."""
        logits = self.logits(embeddings)
        handicap = torch.zeros_like(logits).scatter_(1, labels[:, None], self.scale * self.margin)
        return nn.functional.cross_entropy(logits - handicap, labels)

    def logits(self, embeddings: Tensor) -> Tensor:
        """Scaled cosines `[batch, classes]`, without margin."""
        directions = nn.functional.normalize(embeddings, dim=1)
        return self.scale * directions @ nn.functional.normalize(self.weight, dim=1).t()
