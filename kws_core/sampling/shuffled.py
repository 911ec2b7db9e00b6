"""Every row once an epoch, in a random order."""

from dataclasses import dataclass

import numpy as np
import torch

from kws_core.sampling.rows import Rows, full_batches, shuffle


@dataclass(frozen=True)
class Shuffled:
    """Batches of a random order of all `rows`; the incomplete last batch is left out, but there is at least one."""

    rows: int
    batch_size: int

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """`max(rows // batch_size, 1)` batches; no row twice."""
        return full_batches(shuffle(np.arange(self.rows), generator), self.batch_size)
