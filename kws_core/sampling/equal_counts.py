"""What over- and undersampling share: the same number of draws from every class."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kws_core.sampling.rows import Rows, RowsByClass, draw_evenly, full_batches, shuffle


@dataclass(frozen=True)
class EqualCounts(ABC):
    """As many draws from each class, shuffled together; non-targets are one more class.

    The rows of a class are drawn equally often, give or take once; which ones more often is drawn each epoch.
    Raises `TrainingError` that names a class without rows.
    """

    rows: RowsByClass
    batch_size: int

    def __post_init__(self) -> None:
        self.rows.groups()

    @abstractmethod
    def draws(self, sizes: Sequence[int]) -> int:
        """How often each class is drawn from, given how many rows each has."""

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """`max(classes * draws // batch_size, 1)` batches."""
        groups = self.rows.groups()
        count = self.draws([len(group) for group in groups])
        order = np.concatenate([draw_evenly(group, count, generator) for group in groups])
        return full_batches(shuffle(order, generator), self.batch_size)
