"""Large classes cut down to the smallest."""

from dataclasses import dataclass

import numpy as np
import torch

from kws_core.sampling.rows import Rows, RowsByClass, full_batches, shuffle


@dataclass(frozen=True)
class Undersampled:
    """As many rows of each class as the smallest has, another draw each epoch; non-targets are one more class.

    Raises `TrainingError` that names a class without rows.

    Source: a baseline of Arora et al. 2019.
    """

    rows: RowsByClass
    batch_size: int

    def __post_init__(self) -> None:
        self.rows.groups()

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """`max(classes * smallest // batch_size, 1)` batches; no row twice."""
        groups = self.rows.groups()
        smallest = min(len(group) for group in groups)
        order = np.concatenate([shuffle(group, generator)[:smallest] for group in groups])
        return full_batches(shuffle(order, generator), self.batch_size)
