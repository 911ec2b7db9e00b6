"""N classes of M samples each: the batches of metric losses."""

from dataclasses import dataclass

import numpy as np
import torch

from kws_core.errors import TrainingError
from kws_core.sampling.rows import Deck, Rows, RowsByClass


@dataclass(frozen=True)
class Episodes:
    """Batches of `classes_per_batch` distinct classes with `samples_per_class` distinct rows each; no non-targets.

    A batch is ordered by class: the M rows of its first class, those of its second, and so on. Classes, and the rows of
    a class, are dealt like cards: none comes again before fewer are left than a batch needs. Raises `TrainingError`
    that names a class with fewer than M rows, or when there are fewer than N classes.

    Source: N x M mini-batches of Huh et al. 2020 (arXiv 2005.08776), prototypical losses.
    """

    rows: RowsByClass
    classes_per_batch: int
    samples_per_class: int

    def __post_init__(self) -> None:
        self.rows.require(self.samples_per_class)
        if self.classes_per_batch > len(self.rows.by_class):
            raise TrainingError(
                f"sampling.classes_per_batch is {self.classes_per_batch}, but there are only "
                f"{len(self.rows.by_class)} classes: {', '.join(self.rows.class_names)}"
            )

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """`max(rows // (N * M), 1)` batches, counting the rows that are not non-targets."""
        rows = sum(len(one_class) for one_class in self.rows.by_class)
        batches = max(rows // (self.classes_per_batch * self.samples_per_class), 1)
        classes = Deck(np.arange(len(self.rows.by_class)), generator)
        decks = [Deck(one_class, generator) for one_class in self.rows.by_class]
        return [
            np.concatenate([decks[k].deal(self.samples_per_class) for k in classes.deal(self.classes_per_batch)])
            for _ in range(batches)
        ]
