"""Episodes of N classes with M samples within windows."""

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.sampling import Episodes
from kws_core.sampling.rows import Deck, Rows, shuffle
from kws_core.streaming.windowed import IMPOSSIBLE, divided, positions_by_window


class WindowedEpisodes:
    """N distinct classes with M distinct rows each, all of one window.

    Every class has the turns (M rows each) that it has without windows, divided among the windows that hold at least M
    of its rows in proportion to these. A turn that finds too few other classes in its window waits for the next one of
    the epoch that has the class, and fails when there is none. Within a window, rows of a class are dealt as `Episodes`
    deals them.
    """

    def __init__(self, base: Episodes) -> None:
        self._base = base
        self.needs = f"{base.classes_per_batch} classes with {base.samples_per_class} segments each"

    def left_out(self, counts: NDArray[np.int64]) -> float:
        """The share of a class's rows in windows that have fewer than M of them, of the class where it is largest."""
        usable = counts[:, 1:] >= self._base.samples_per_class
        if usable.sum(axis=1).min() < self._base.classes_per_batch or not usable.any(axis=0).all():
            return IMPOSSIBLE
        used = (counts[:, 1:] * usable).sum(axis=0) / counts[:, 1:].sum(axis=0)
        return float(1 - used.min())

    def batches(self, window: Rows, windows: int, generator: torch.Generator) -> list[list[Rows]]:
        """Divide the turns of each class among the windows, and form episodes of the classes with most turns left."""
        base = self._base
        by_class = [positions_by_window(window, windows, own) for own in base.rows.by_class]
        counts = np.array([[len(rows) for rows in own] for own in by_class], np.int64).T
        usable = counts >= base.samples_per_class
        turns = divided(self._turns(counts, generator), (counts * usable).astype(np.float64), generator)
        waiting = np.zeros(len(by_class), np.int64)
        formed: list[list[Rows]] = []
        for number in range(windows):
            waiting += turns[number]
            left = np.where(usable[number], waiting, 0)
            decks: dict[int, Deck] = {}
            batches: list[Rows] = []
            while (left > 0).sum() >= base.classes_per_batch:
                # equal numbers of turns left are ordered at random: classes then come round like cards
                ranked = np.argsort(-(left + torch.rand(len(left), generator=generator, dtype=torch.float64).numpy()))
                chosen = shuffle(ranked[: base.classes_per_batch], generator)
                left[chosen] -= 1
                batches.append(np.concatenate([self._deal(decks, k, by_class[k][number], generator) for k in chosen]))
            waiting = np.where(usable[number], left, waiting)
            formed.append(batches)
        if not any(formed):  # so few turns that no window had enough: at least one episode, as in one window
            chosen = shuffle(np.flatnonzero(usable[0]), generator)[: base.classes_per_batch]
            formed[0].append(np.concatenate([self._deal({}, k, by_class[k][0], generator) for k in chosen]))
        return formed

    def _turns(self, counts: NDArray[np.int64], generator: torch.Generator) -> NDArray[np.int64]:
        """How often each class has a turn in the epoch: equally often, give or take one."""
        base, classes = self._base, counts.shape[1]
        batches = max(int(counts.sum()) // (base.classes_per_batch * base.samples_per_class), 1)
        least, more = divmod(batches * base.classes_per_batch, classes)
        turns = np.full(classes, least, np.int64)
        turns[shuffle(np.arange(classes), generator)[:more]] += 1
        return turns

    def _deal(self, decks: dict[int, Deck], number: int, rows: Rows, generator: torch.Generator) -> Rows:
        if number not in decks:
            decks[number] = Deck(rows, generator)
        return decks[number].deal(self._base.samples_per_class)
