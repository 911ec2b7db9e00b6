"""The learned score w cos(a, b) + b of angular prototypical losses."""

import math

import torch
from torch import Tensor, nn

from kws_core.losses.pair_masks import on_sphere


class ScaledCosine(nn.Module):
    """w cos + b with learned scalars w, 10 at first, and b, -5 at first.

    w = exp(log_w) is above 0 whatever the optimiser does. Source: Huh et al., "angular prototypical".
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_w = nn.Parameter(torch.tensor(math.log(10.0)))
        self.b = nn.Parameter(torch.tensor(-5.0))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Scores `[rows of first, rows of second]`."""
        return self.log_w.exp() * (on_sphere(first) @ on_sphere(second).t()) + self.b
