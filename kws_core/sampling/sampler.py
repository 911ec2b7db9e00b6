"""What every batch sampler offers."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class BatchSampler(Protocol):
    """Draws the batches of an epoch."""

    def epoch(self, generator: torch.Generator) -> list[NDArray[np.int64]]:
        """Positions `[rows of the batch]` into the labels, one array a batch, in order.

        Everything is drawn from `generator`: equal states give equal batches, and nothing is kept between epochs.
        """
        ...
