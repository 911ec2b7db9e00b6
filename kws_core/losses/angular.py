"""Angular loss: an upper bound on the angle at the negative of a triplet."""

import math

import torch
from torch import Tensor

from kws_core.losses.loss import Loss, no_pairs
from kws_core.losses.pair_masks import negative_pairs, on_sphere, positive_pairs


class Angular(Loss):
    """Mean over anchors and positives of log(1 + sum over negatives n of exp(f)).

    f = 4 tan(alpha)^2 (anchor + positive) . n - 2 (1 + tan(alpha)^2) anchor . positive, on the unit sphere, with the
    angle bound alpha. Every ordered pair of one class counts; non-targets are negatives only. A batch without such a
    pair has loss 0, with a graph.
    Source: Wang et al. 2017, equation 8 (the N-pair form).
    """

    def __init__(self, angle_degrees: float) -> None:
        super().__init__()
        self.angle_degrees = angle_degrees

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices or -1 `labels [batch]`."""
        anchor, positive = torch.nonzero(positive_pairs(labels), as_tuple=True)
        if not len(anchor):
            return no_pairs(embeddings)
        directions = on_sphere(embeddings)
        cosines = directions @ directions.t()
        bound = math.tan(math.radians(self.angle_degrees)) ** 2
        to_negatives = 4 * bound * (cosines[anchor] + cosines[positive])
        exponents = to_negatives - 2 * (1 + bound) * cosines[anchor, positive][:, None]
        exponents = exponents.masked_fill(~negative_pairs(labels)[anchor], -torch.inf)
        one = torch.zeros_like(exponents[:, :1])
        return torch.cat([one, exponents], dim=1).logsumexp(dim=1).mean()
