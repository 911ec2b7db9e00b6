"""Batches without structure: an epoch's rows as they are drawn from all, brought into the order of windows."""

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.sampling import BatchSampler
from kws_core.sampling.rows import Rows, full_batches
from kws_core.streaming.windowed import IMPOSSIBLE, positions_by_window


class Reordered:
    """Shuffled, balanced, over- and undersampled batches.

    Every row is used exactly as often as the sampler draws it from all rows, but that each window leaves out its last
    rows, fewer than a batch; the next epoch draws others.
    """

    def __init__(self, base: BatchSampler, batch_size: int) -> None:
        self._base, self._batch_size = base, batch_size
        self.needs = f"{batch_size} segments that are drawn in an epoch"
        self._drawn = sum(len(batch) for batch in base.epoch(torch.Generator().manual_seed(0)))

    def left_out(self, counts: NDArray[np.int64]) -> float:
        """The share of an epoch's draws that are expected to be no whole batch of their window."""
        if len(counts) == 1:
            return 0.0
        drawn = counts.sum(axis=1) / counts.sum() * self._drawn
        lost = float((drawn % self._batch_size).sum() / self._drawn)
        return lost if drawn.max() >= 2 * self._batch_size else IMPOSSIBLE

    def batches(self, window: Rows, windows: int, generator: torch.Generator) -> list[list[Rows]]:
        """Draw from all rows; cut the draws of each window, in their order, into batches."""
        drawn = np.concatenate(self._base.epoch(generator))
        split = positions_by_window(window, windows, drawn)
        least = min(self._batch_size, max(len(own) for own in split))  # at least one batch, as in one window
        return [full_batches(own, self._batch_size) if len(own) >= least else [] for own in split]
