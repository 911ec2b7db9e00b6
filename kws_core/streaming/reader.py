"""The window of blocks in memory: one is trained on while threads read the next."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import TrainingError
from kws_core.streaming.stream import TrainingStream

Rows = NDArray[np.int64]
READERS = 4
"""Threads that read blocks."""


class WindowReader:
    """Rows of the windows of an epoch, in the order of the windows; at most two windows are in memory."""

    def __init__(self, stream: TrainingStream) -> None:
        self.stream = stream
        total = max((int(block.rows.max()) for block in stream.blocks), default=-1) + 1
        self._block, self._offset = np.full(total, -1, np.int64), np.zeros(total, np.int64)
        for number, block in enumerate(stream.blocks):
            self._block[block.rows] = number
            self._offset[block.rows] = np.arange(len(block.rows))
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="window-reader")
        self._plan: list[tuple[int, ...]] = []
        self._current: _Window | None = None
        self._next: _Window | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes of the rows in memory, those being read included."""
        return sum(window.values.nbytes for window in (self._current, self._next) if window is not None)

    def follow(self, windows: Sequence[Sequence[int]]) -> None:
        """Begin an epoch: `windows` are block numbers, in the order in which rows will be asked for."""
        self._plan = [tuple(window) for window in windows]
        if self._next is not None:  # of an epoch that stopped early
            self._next.drop()
            self._next = None
        if self._current is not None and self._plan and set(self._current.blocks) == set(self._plan[0]):
            self._plan.pop(0)
        else:
            self._current = None
        self._read_ahead()

    def gather(self, rows: Rows) -> NDArray[Any]:
        """The rows in their order, `[rows, ...]`; windows before the one that holds them are let go.

        Raises:
            TrainingError: a row is in no window from here on.
            StoreError: a block cannot be read.
        """
        blocks = self._block[rows]
        while self._current is None or (self._current.start[blocks] < 0).any():
            self._advance()
        gathered: NDArray[Any] = self._current.values[self._current.start[blocks] + self._offset[rows]]
        return gathered

    def _advance(self) -> None:
        self._current = None
        if self._next is None:
            raise TrainingError("a batch asks for rows that are in none of the windows that are left of the epoch")
        self._current, self._next = self._next.loaded(), None
        self._read_ahead()

    def _read_ahead(self) -> None:
        if self._plan:
            self._next = _Window(self.stream, self._plan.pop(0), self._threads)


class _Window:
    """Blocks that lie, or will lie, one after another in one array."""

    def __init__(self, stream: TrainingStream, blocks: tuple[int, ...], threads: ThreadPoolExecutor) -> None:
        sizes = [len(stream.blocks[block].rows) for block in blocks]
        ends = np.cumsum([0, *sizes])
        self.blocks = blocks
        self.values = np.empty((int(ends[-1]), *stream.row_shape), stream.dtype)
        self.start = np.full(len(stream.blocks), -1, np.int64)
        """First row of each block; -1 of blocks elsewhere."""
        self.start[list(blocks)] = ends[:-1]
        self._reads: list[Future[None]] = [
            threads.submit(stream.fill, block, self.values[start : start + size])
            for block, start, size in zip(blocks, ends[:-1].tolist(), sizes, strict=True)
        ]

    def loaded(self) -> "_Window":
        """The window, once it is read; raises what reading raised."""
        for read in self._reads:
            read.result()
        self._reads = []
        return self

    def drop(self) -> None:
        """Stop reading; what has begun is waited for, since it holds memory."""
        for read in self._reads:
            read.cancel()
        wait(self._reads)
