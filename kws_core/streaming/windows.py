"""Which blocks lie in memory together: an epoch as a sequence of windows that hold every block once."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.errors import TrainingError
from kws_core.streaming.stream import TrainingStream

Rows = NDArray[np.int64]
Windows = list[tuple[int, ...]]
MIB = 2**20


class WindowPlanner:
    """Deals shards into subsets of about equal size, and the label groups of a subset that is too large into windows.

    Few subsets: a window holds all rows of few labels. Many: some rows of all labels. Raises `TrainingError` when a
    block is larger than half of the window.
    """

    def __init__(self, stream: TrainingStream) -> None:
        blocks = stream.blocks
        self._sizes = np.array([len(block.rows) * stream.row_bytes for block in blocks], np.int64)
        total = int(self._sizes.sum())
        # one window is read while another is trained on, unless there is only one
        self.limit = stream.window_bytes if total <= stream.window_bytes else stream.window_bytes // 2
        if total and self._sizes.max() > self.limit:
            raise TrainingError(
                f"the largest part of the training buckets takes {self._sizes.max() / MIB:.3g} MiB of memory, half of "
                f"training.stream.window_mib is {self.limit / MIB:.3g}: raise it, or take more "
                "training.stream.label_groups or a smaller training.stream.shard_mib"
            )
        self._shards: Rows = np.unique([block.shard for block in blocks], return_inverse=True)[1]
        self._groups: Rows = np.unique([block.group for block in blocks], return_inverse=True)[1]
        shard_sizes = np.bincount(self._shards, weights=self._sizes)
        self.most_subsets = _fewest(shard_sizes, self.limit) or len(shard_sizes)
        """The fewest subsets that each fit into one window, or one a shard where even a shard does not."""

    def plan(self, subsets: int, generator: torch.Generator | None = None) -> Windows:
        """Block numbers of each window; in the order of shards and groups, or in a random one."""
        shard_sizes = np.bincount(self._shards, weights=self._sizes)
        windows: Windows = []
        for shards in _deal(shard_sizes, subsets, _order(len(shard_sizes), generator)):
            blocks = np.flatnonzero(np.isin(self._shards, shards))
            windows.extend(self._fitting(blocks, generator))
        return [windows[number] for number in _order(len(windows), generator).tolist()]

    def _fitting(self, blocks: Rows, generator: torch.Generator | None) -> Windows:
        """The blocks of a subset as one window, or by label group as several."""
        if self._sizes[blocks].sum() <= self.limit:
            return [tuple(blocks.tolist())]
        groups = np.unique(self._groups[blocks])
        sizes = np.array([self._sizes[blocks[self._groups[blocks] == group]].sum() for group in groups])
        items = [blocks[self._groups[blocks] == group] for group in groups]
        if sizes.max() > self.limit:  # one group of all these shards does not fit: its parts one by one
            items = [np.array([block]) for block in blocks]
            sizes = self._sizes[blocks]
        order = _order(len(items), generator)
        count = -(-int(sizes.sum()) // self.limit)
        while True:
            dealt = _deal(sizes, count, order)
            if all(sizes[chosen].sum() <= self.limit for chosen in dealt):
                return [tuple(np.concatenate([items[item] for item in chosen]).tolist()) for chosen in dealt]
            count += 1


def _order(count: int, generator: torch.Generator | None) -> Rows:
    order: Rows = np.arange(count) if generator is None else torch.randperm(count, generator=generator).numpy()
    return order


def _deal(sizes: NDArray[np.number[Any]], subsets: int, order: Rows) -> list[list[int]]:
    """Items in their order, each to the subset that holds least; empty subsets are left out."""
    dealt: list[list[int]] = [[] for _ in range(subsets)]
    filled = np.zeros(subsets)
    for item in order.tolist():
        least = int(filled.argmin())
        dealt[least].append(item)
        filled[least] += sizes[item]
    return [chosen for chosen in dealt if chosen]


def _fewest(sizes: NDArray[np.number[Any]], limit: int) -> int:
    """The fewest subsets, dealt in order, that none exceeds the limit; 0 where an item alone does."""
    if not len(sizes) or sizes.max() > limit:
        return 0
    for subsets in range(max(int(-(-sizes.sum() // limit)), 1), len(sizes) + 1):
        if all(sizes[chosen].sum() <= limit for chosen in _deal(sizes, subsets, np.arange(len(sizes)))):
            return subsets
    return len(sizes)
