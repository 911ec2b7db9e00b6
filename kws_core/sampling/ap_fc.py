"""One sample of each target beside a few non-targets: the batches of AP-FC."""

from dataclasses import dataclass

import numpy as np
import torch

from kws_core.errors import TrainingError
from kws_core.sampling.rows import Deck, Rows, RowsByClass


@dataclass(frozen=True)
class ApFcBatches:
    """Batches of one row of each class, in the order of the classes, then `non_targets` distinct rows labelled -1.

    Rows are dealt like cards: those of a class all come before one comes again, those of the non-targets until fewer
    are left than a batch needs. Raises `TrainingError` that names a class without rows, or when there are too few
    non-targets.

    Source: Huh et al. 2020 (arXiv 2005.08776), AP-FC: N targets and N' = 6 non-targets a mini-batch.
    """

    rows: RowsByClass
    non_targets: int

    def __post_init__(self) -> None:
        self.rows.require(1)
        if len(self.rows.non_targets) < self.non_targets:
            raise TrainingError(
                f"sampling.non_targets is {self.non_targets}, but only {len(self.rows.non_targets)} training segments "
                "are non-targets (label -1)"
            )

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """`max(rows // (classes + non_targets), 1)` batches, counting non-targets only if batches hold any."""
        rows = sum(len(target) for target in self.rows.by_class) + (
            len(self.rows.non_targets) if self.non_targets else 0
        )
        batches = max(rows // (len(self.rows.by_class) + self.non_targets), 1)
        targets = [Deck(target, generator) for target in self.rows.by_class]
        others = Deck(self.rows.non_targets, generator)
        return [
            np.concatenate([*(target.deal(1) for target in targets), others.deal(self.non_targets)])
            for _ in range(batches)
        ]
