"""What every way to form batches within windows offers, and how counts are divided among windows."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.sampling.rows import Rows

IMPOSSIBLE = float("inf")


class Windowed(Protocol):
    """Forms the batches of windows."""

    needs: str
    """What each window must hold, in words."""

    def left_out(self, counts: NDArray[np.int64]) -> float:
        """The share of rows that windows cannot use, of the class that suffers most; `IMPOSSIBLE` without batches.

        `counts [windows, 1 + classes]` are rows of each window: non-targets first, then each class.
        """

    def batches(self, window: Rows, windows: int, generator: torch.Generator) -> list[list[Rows]]:
        """Positions of the batches of each of `windows` windows, given the window of each position."""


def divided(total: NDArray[np.int64], weights: NDArray[np.float64], generator: torch.Generator) -> NDArray[np.int64]:
    """Whole numbers `[windows, n]` whose columns sum to `total [n]`, near to proportional to `weights [windows, n]`.

    Each is the proportional number rounded up or down, at random. A column of weights that are all 0 stays 0.
    """
    summed = np.cumsum(weights, axis=0)
    share = summed / np.where(summed[-1] > 0, summed[-1], 1)
    phase = torch.rand(len(total), generator=generator, dtype=torch.float64).numpy()
    steps = np.floor(share * total + phase)
    parts: NDArray[np.int64] = np.diff(steps, axis=0, prepend=0).astype(np.int64)
    return parts


def positions_by_window(window: Rows, windows: int, chosen: Rows) -> list[Rows]:
    """The positions `chosen`, in their order, of each window."""
    own = window[chosen]
    order = chosen[np.argsort(own, kind="stable")]
    return np.split(order, np.cumsum(np.bincount(own, minlength=windows))[:-1])
