"""Batches of AP-FC within windows."""

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.sampling import ApFcBatches
from kws_core.sampling.rows import Deck, Rows
from kws_core.streaming.windowed import IMPOSSIBLE, divided, positions_by_window


class WindowedApFc:
    """One row of each target beside non-targets, all of one window.

    There are as many batches as without windows, divided among windows by the mean share of a target's rows that they
    hold, so every target is used exactly as often. Within a window, rows are dealt as `ApFcBatches` deals them: those
    of a target equally often, give or take one.
    """

    def __init__(self, base: ApFcBatches) -> None:
        self._base = base
        self.needs = "a segment of every target" + (f" and {base.non_targets} non-targets" if base.non_targets else "")

    def left_out(self, counts: NDArray[np.int64]) -> float:
        """None of the rows, provided that each window holds what a batch needs."""
        complete = counts[:, 1:].min() > 0 and counts[:, 0].min() >= self._base.non_targets
        return 0.0 if complete else IMPOSSIBLE

    def batches(self, window: Rows, windows: int, generator: torch.Generator) -> list[list[Rows]]:
        """Divide the epoch's batches among the windows and deal the rows of each."""
        base = self._base
        targets = base.rows.by_class
        of_windows = [positions_by_window(window, windows, target) for target in targets]
        others = positions_by_window(window, windows, base.rows.non_targets)
        rows = sum(len(target) for target in targets) + (len(base.rows.non_targets) if base.non_targets else 0)
        total = np.array([max(rows // (len(targets) + base.non_targets), 1)])
        shares = [
            sum(len(own[number]) / len(target) for own, target in zip(of_windows, targets, strict=True))
            for number in range(windows)
        ]
        counts = divided(total, np.array(shares)[:, None], generator)[:, 0]
        return [
            _deal([own[number] for own in of_windows], others[number], base.non_targets, count, generator)
            for number, count in enumerate(counts.tolist())
        ]


def _deal(targets: list[Rows], others: Rows, non_targets: int, count: int, generator: torch.Generator) -> list[Rows]:
    decks = [Deck(target, generator) for target in targets]
    rest = Deck(others, generator)
    return [np.concatenate([*(deck.deal(1) for deck in decks), rest.deal(non_targets)]) for _ in range(count)]
