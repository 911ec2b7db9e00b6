"""Training rows by class, and how rows are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.errors import TrainingError

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RowsByClass:
    """Positions of the training rows of each class."""

    class_names: tuple[str, ...]
    by_class: tuple[Rows, ...]
    """Of each class, in the order of the names."""
    non_targets: Rows
    """Rows labelled -1."""

    def groups(self) -> list[Rows]:
        """The classes to be balanced; non-targets, where there are any, are one more.

        Raises `TrainingError` that names the classes without rows.
        """
        self.require(1)
        return [*self.by_class, *([self.non_targets] if len(self.non_targets) else [])]

    def require(self, count: int) -> None:
        """Raise `TrainingError` that names the classes with fewer than `count` rows, or when there is no class."""
        if not self.by_class:
            raise TrainingError("batches by class need at least one class")
        lacking = [
            f"{name!r} has {len(rows)}"
            for name, rows in zip(self.class_names, self.by_class, strict=True)
            if len(rows) < count
        ]
        if lacking:
            more = f" and {len(lacking) - 5} classes more" if len(lacking) > 5 else ""
            raise TrainingError(
                f"every class needs at least {count} training segments for its batches: {', '.join(lacking[:5])}{more}"
            )


def rows_by_class(labels: NDArray[np.int64], class_names: Sequence[str]) -> RowsByClass:
    """Sort the rows of `labels [rows]` by class; -1 is a non-target.

    Raises `TrainingError` when there are no rows or a label is no class.
    """
    if labels.ndim != 1 or not len(labels):
        raise TrainingError(f"a sampler needs labels of shape [rows] with at least one row, not {list(labels.shape)}")
    if labels.min() < -1 or labels.max() >= len(class_names):
        raise TrainingError(
            f"training labels must lie between -1 and {len(class_names) - 1}, "
            f"not between {labels.min()} and {labels.max()}"
        )
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.searchsorted(labels[order], np.arange(len(class_names))))
    return RowsByClass(tuple(class_names), tuple(parts[1:]), parts[0])


def shuffle(rows: Rows, generator: torch.Generator) -> Rows:
    """The rows in a random order."""
    shuffled: Rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
    return shuffled


def draw_evenly(rows: Rows, count: int, generator: torch.Generator) -> Rows:
    """`count` draws from `rows`, each row as often as any other, give or take one."""
    rounds = -(-count // len(rows))
    return np.concatenate([rows[:0], *(shuffle(rows, generator) for _ in range(rounds))])[:count]


def full_batches(order: Rows, batch_size: int) -> list[Rows]:
    """Consecutive batches of `order`, without the incomplete last one; fewer rows than a batch are one batch."""
    # a last batch of one row would break batch normalisation, so the remainder waits for the next shuffle
    batches = max(len(order) // batch_size, 1)
    return [order[step * batch_size : (step + 1) * batch_size] for step in range(batches)]


class Deck:
    """Rows dealt in a random order; reshuffled when fewer are left than a deal asks for."""

    def __init__(self, rows: Rows, generator: torch.Generator) -> None:
        self._rows = rows
        self._generator = generator
        self._left = rows[:0]

    def deal(self, count: int) -> Rows:
        """`count` distinct rows, at most as many as there are."""
        if len(self._left) < count:
            self._left = shuffle(self._rows, self._generator)
        dealt, self._left = self._left[:count], self._left[count:]
        return dealt
