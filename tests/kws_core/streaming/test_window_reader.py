"""The reader follows its windows, keeps what serves the next epoch, and says what cannot be read."""

import numpy as np
import pytest
from streams import ArrayStream, blocks_of

from kws_core.errors import StoreError, TrainingError


def make(window_bytes=10_000):
    labels = np.arange(40) % 4
    values = np.random.default_rng(0).normal(size=(40, 3, 2)).astype(np.float16)
    return ArrayStream(values, blocks_of(labels, 2, 2), window_bytes)


def test_rows_come_as_asked_for_and_windows_are_read_once_in_order():
    array = make()
    reader = array.open()
    assert reader.held_bytes == 0
    reader.follow([(3, 0), (1,), (2,)])
    for window in ((3, 0), (1,), (2,)):
        rows = np.concatenate([array.blocks[block].rows for block in window])[::-1]
        np.testing.assert_array_equal(reader.gather(rows), array.values[rows])
    assert sorted(array.read) == [0, 1, 2, 3]
    assert set(array.read[:2]) == {0, 3}
    with pytest.raises(TrainingError, match="in none of the windows that are left"):
        reader.gather(array.blocks[0].rows)


def test_a_window_that_stays_is_not_read_again():
    array = make()
    reader = array.open()
    for _ in range(3):
        reader.follow([(0, 1, 2, 3)])
        np.testing.assert_array_equal(reader.gather(np.arange(40)), array.values)
    assert sorted(array.read) == [0, 1, 2, 3]


def test_an_epoch_may_stop_early():
    array = make()
    reader = array.open()
    for _ in range(3):
        reader.follow([(0,), (1,), (2,), (3,)])
        rows = array.blocks[0].rows
        np.testing.assert_array_equal(reader.gather(rows), array.values[rows])
        assert reader.held_bytes <= 2 * 12 * max(len(block.rows) for block in array.blocks)


def test_a_block_that_cannot_be_read_is_said_where_it_is_needed():
    array = make()

    def fill(number, out):
        raise StoreError(f"block {number} is damaged")

    object.__setattr__(array.stream, "fill", fill)
    reader = array.open()
    reader.follow([(2,)])
    with pytest.raises(StoreError, match="block 2 is damaged"):
        reader.gather(array.blocks[2].rows)
