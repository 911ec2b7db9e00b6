"""Every class equally often in an epoch that is no longer than a shuffled one."""

from dataclasses import dataclass

import numpy as np
import torch

from kws_core.sampling.rows import Rows, RowsByClass, draw_evenly, full_batches, shuffle


@dataclass(frozen=True)
class ClassBalanced:
    """As many batches as `Shuffled` has, whose rows go round the classes; non-targets are one more class.

    Classes are drawn in rounds, each class once a round in a random order, so that at any moment of the epoch no class
    is more than one row ahead of another. Within a class no row comes again before all have come. Raises
    `TrainingError` that names a class without rows.
    """

    rows: RowsByClass
    batch_size: int

    def __post_init__(self) -> None:
        self.rows.groups()

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """`max(rows // batch_size, 1)` batches."""
        groups = self.rows.groups()
        total = sum(len(group) for group in groups)
        slots = total // self.batch_size * self.batch_size or total
        classes = np.arange(len(groups))
        rounds = -(-slots // len(groups))
        drawn = np.concatenate([shuffle(classes, generator) for _ in range(rounds)])[:slots]
        order = np.empty(slots, np.int64)
        counts = np.bincount(drawn, minlength=len(groups)).tolist()
        order[np.argsort(drawn, kind="stable")] = np.concatenate(
            [draw_evenly(group, count, generator) for group, count in zip(groups, counts, strict=True)]
        )
        return full_batches(order, self.batch_size)
