"""Streams over arrays in memory, for tests: rows of classes in blocks of shards and label groups."""

import threading

import numpy as np
import torch

from kws_core.config import SamplingConfig
from kws_core.streaming import Block, TrainingStream
from kws_core.streaming.reader import WindowReader
from kws_core.streaming.sampler import stream_sampler


def blocks_of(labels, shards, groups, seed=0, first_row=0):
    """Rows `first_row …` with these labels: a random shard each, the label's group, shuffled."""
    rng = np.random.default_rng(seed)
    shard, group = rng.integers(0, shards, len(labels)), labels % groups
    found = []
    for number in np.unique(shard * groups + group):
        rows = rng.permutation(np.flatnonzero(shard * groups + group == number)) + first_row
        found.append(Block(rows, int(number) // groups, int(number) % groups))
    return tuple(found)


class ArrayStream:
    """A stream of the rows of an array, which notes what is read and, after every read, the memory that is held."""

    def __init__(self, values, blocks, window_bytes):
        self.values, self.blocks = values, blocks
        self.read, self.lock, self.most_bytes, self.reader = [], threading.Lock(), 0, None
        dtype = np.int16 if values.dtype == np.int16 else np.float16
        self.stream = TrainingStream(blocks, self.fill, values.shape[1:], dtype, window_bytes)

    def fill(self, number, out):
        out[:] = self.values[self.blocks[number].rows]
        with self.lock:
            self.read.append(number)
            if self.reader is not None:
                self.most_bytes = max(self.most_bytes, self.reader.held_bytes)

    def open(self):
        self.reader = WindowReader(self.stream)
        return self.reader


class Drawn:
    """The batches of epochs of a sampler over a stream of rows of 2 bytes, and the windows that they came from."""

    def __init__(self, name, labels, shards, groups, window_rows, classes, batch_size=4, seed=0, **numbers):
        values = np.arange(len(labels)).astype(np.float16)[:, None]
        self.labels = labels
        self.blocks = blocks_of(labels, shards, groups, seed)
        self.array = ArrayStream(values, self.blocks, 2 * window_rows)
        self.windows = []
        config = SamplingConfig(name=name, **numbers)
        names = [f"word-{number}" for number in range(classes)]
        rows = np.arange(len(labels))
        self.sampler = stream_sampler(config, labels, batch_size, names, self.array.stream, rows, self.follow)

    def follow(self, windows):
        self.windows = windows

    def epoch(self, seed=0):
        return self.sampler.epoch(torch.Generator().manual_seed(seed))

    def windows_of(self, batches):
        """The number of the window of each batch; asserts that each batch is of one, and that they come in order."""
        place = np.full(len(self.labels), -1)
        for number, window in enumerate(self.windows):
            for block in window:
                assert (place[self.blocks[block].rows] == -1).all()
                place[self.blocks[block].rows] = number
        found = [np.unique(place[batch]) for batch in batches]
        assert all(len(numbers) == 1 and numbers[0] >= 0 for numbers in found)
        of_batch = np.concatenate(found)
        assert (np.diff(of_batch) >= 0).all()
        return of_batch

    def rows_in_windows(self):
        """Rows of each class (columns, non-targets first) in each window."""
        return np.array(
            [
                np.bincount(
                    np.concatenate([self.labels[self.blocks[block].rows] for block in window]) + 1,
                    minlength=self.labels.max() + 2,
                )
                for window in self.windows
            ]
        )
