"""Rare classes repeated until they are as many as the largest."""

from dataclasses import dataclass

import numpy as np
import torch

from kws_core.sampling.rows import Rows, RowsByClass, draw_evenly, full_batches, shuffle


@dataclass(frozen=True)
class Oversampled:
    """Every class with as many draws as the largest has rows, shuffled together; non-targets are one more class.

    The rows of a class are repeated equally often, give or take once; which ones more often is drawn each epoch.
    Raises `TrainingError` that names a class without rows.

    Source: a baseline of Arora et al. 2019.
    """

    rows: RowsByClass
    batch_size: int

    def __post_init__(self) -> None:
        self.rows.groups()

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """`max(classes * largest // batch_size, 1)` batches."""
        groups = self.rows.groups()
        largest = max(len(group) for group in groups)
        order = np.concatenate([draw_evenly(group, largest, generator) for group in groups])
        return full_batches(shuffle(order, generator), self.batch_size)
