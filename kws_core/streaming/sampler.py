"""Batches of an epoch whose rows each come from one window of blocks."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.config import SamplingConfig
from kws_core.errors import TrainingError
from kws_core.sampling import ApFcBatches, BatchSampler, Episodes, build_sampler
from kws_core.sampling.rows import Rows
from kws_core.streaming.ap_fc import WindowedApFc
from kws_core.streaming.episodes import WindowedEpisodes
from kws_core.streaming.reordered import Reordered
from kws_core.streaming.stream import TrainingStream
from kws_core.streaming.windowed import IMPOSSIBLE, Windowed
from kws_core.streaming.windows import WindowPlanner, Windows

ATTEMPTS = 8
"""Random windows that an epoch tries before it takes those that are known to serve."""
NEGLIGIBLE = 0.1
"""A share of rows that windows may leave out without others being looked for."""


def stream_sampler(
    config: SamplingConfig,
    labels: Rows,
    batch_size: int,
    class_names: Sequence[str],
    stream: TrainingStream,
    rows: Rows,
    follow: Callable[[Windows], None],
) -> "StreamSampler":
    """Build the sampler that the configuration names for a stream.

    Args:
        config: the sampler and its numbers.
        labels: the training class of each training row; -1 is a non-target.
        batch_size: rows a batch; episodes and ap_fc have numbers of their own.
        class_names: names of the classes, for error messages.
        stream: the blocks of the rows.
        rows: training rows of the data, in the order that batches count them; some may occur repeatedly.
        follow: told the windows of an epoch, in their order, when its batches are drawn.

    Raises:
        TrainingError: as `build_sampler()` does, a row is in no block, or the window is too small for a batch.
    """
    base = build_sampler(config, labels, batch_size, class_names)
    block_of_row = np.full(int(rows.max()) + 1, -1, np.int64)
    for number, block in enumerate(stream.blocks):
        block_of_row[block.rows[block.rows < len(block_of_row)]] = number
    blocks = block_of_row[rows]
    if blocks.min() < 0:
        raise TrainingError(f"training row {rows[blocks.argmin()]} is in no part of the training buckets")
    return StreamSampler(_windowed(base, batch_size), labels, blocks, len(class_names), WindowPlanner(stream), follow)


class StreamSampler:
    """A `BatchSampler` whose epochs go through random windows of blocks, each block in one of them.

    How shards and label groups are divided among windows is chosen once: as many classes together as the batches
    allow without leaving rows out. Which shards and groups meet in a window is drawn anew every epoch.
    """

    def __init__(
        self,
        windowed: Windowed,
        labels: Rows,
        blocks: Rows,
        classes: int,
        planner: WindowPlanner,
        follow: Callable[[Windows], None],
    ) -> None:
        self._windowed, self._labels, self._blocks, self._classes = windowed, labels, blocks, classes
        self._planner, self._follow = planner, follow
        self._subsets, self._proven, self._left_out = self._choose()

    def epoch(self, generator: torch.Generator) -> list[Rows]:
        """Positions of each batch, in the order of the windows, which `follow` has been told."""
        windows = self._proven
        for _ in range(ATTEMPTS if len(windows) > 1 else 0):  # one window draws nothing: its batches are the cache's
            drawn = self._planner.plan(self._subsets, generator)
            if self._left_out_by(drawn) <= max(self._left_out, NEGLIGIBLE):
                windows = drawn
                break
        batches = self._windowed.batches(self._window_of_position(windows), len(windows), generator)
        self._follow([window for window, own in zip(windows, batches, strict=True) if own])
        return [batch for own in batches for batch in own]

    def _choose(self) -> tuple[int, Windows, float]:
        """Number of subsets of shards, windows of them that serve, and the share of rows that those leave out."""
        subsets = self._planner.most_subsets
        best: tuple[int, Windows, float] = (0, [], IMPOSSIBLE)
        while subsets and best[2] > NEGLIGIBLE:
            windows = self._planner.plan(subsets)
            left_out = self._left_out_by(windows)
            if left_out < best[2]:
                best = (subsets, windows, left_out)
            subsets //= 2
        if best[2] == IMPOSSIBLE:
            rows = len(self._labels) // len(self._planner.plan(1))
            raise TrainingError(
                f"training.stream.window_mib is too small: a window of about {rows} segments does not always hold "
                f"{self._windowed.needs}"
            )
        return best

    def _left_out_by(self, windows: Windows) -> float:
        place = self._window_of_position(windows) * (self._classes + 1) + self._labels + 1
        counts = np.bincount(place, minlength=len(windows) * (self._classes + 1))
        return self._windowed.left_out(counts.reshape(len(windows), self._classes + 1))

    def _window_of_position(self, windows: Windows) -> NDArray[np.int64]:
        window_of_block = np.empty(int(self._blocks.max()) + 1, np.int64)
        for number, window in enumerate(windows):
            chosen = np.array(window)
            window_of_block[chosen[chosen < len(window_of_block)]] = number
        found: NDArray[np.int64] = window_of_block[self._blocks]
        return found


def _windowed(base: BatchSampler, batch_size: int) -> Windowed:
    if isinstance(base, Episodes):
        return WindowedEpisodes(base)
    if isinstance(base, ApFcBatches):
        return WindowedApFc(base)
    return Reordered(base, batch_size)
