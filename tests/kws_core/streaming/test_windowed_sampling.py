"""Samplers over windows: the counts, coverage and memory that they promise, for random classes, shards and windows."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from streams import Drawn

from kws_core.config import SamplingConfig
from kws_core.errors import TrainingError
from kws_core.sampling import build_sampler
from kws_core.streaming.sampler import stream_sampler

SIZES = st.lists(st.integers(8, 60), min_size=3, max_size=8)
SHARDS, GROUPS, SHARE, SEEDS = st.integers(1, 8), st.integers(1, 4), st.floats(0.3, 1.2), st.integers(0, 2**31)
UNSTRUCTURED = ("shuffled", "class_balanced", "oversampled", "undersampled")
EXAMPLES = settings(max_examples=25, deadline=None)


def labels_of(sizes, non_targets, seed):
    labels = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(non_targets, -1)]).astype(np.int64)
    return np.random.default_rng(seed).permutation(labels)


def drawn(name, sizes, shards, groups, share, seed, non_targets=0, **numbers):
    """A sampler over a window of `share` of the rows; examples whose window is too small are other tests' matter."""
    labels = labels_of(sizes, non_targets, seed)
    try:
        return Drawn(name, labels, shards, groups, int(share * len(labels)), len(sizes), seed=seed, **numbers)
    except TrainingError as error:
        if "window_mib" not in str(error):
            raise
        assume(False)


def unwindowed(name, labels, classes, batch_size=4, **numbers):
    config = SamplingConfig(name=name, **numbers)
    return build_sampler(config, labels, batch_size, [str(number) for number in range(classes)])


@pytest.mark.parametrize("name", UNSTRUCTURED)
@EXAMPLES
@given(sizes=SIZES, shards=SHARDS, groups=GROUPS, share=SHARE, seed=SEEDS)
def test_rows_are_used_as_often_as_without_windows(name, sizes, shards, groups, share, seed):
    stream = drawn(name, sizes, shards, groups, share, seed)
    batches = stream.epoch(seed)
    stream.windows_of(batches)
    used = np.bincount(np.concatenate(batches), minlength=len(stream.labels))
    per_class = {"shuffled": None, "oversampled": max(sizes), "undersampled": min(sizes)}
    if name == "class_balanced":
        per_class[name] = -(-(len(stream.labels) // 4 * 4) // len(sizes))
    for k, size in enumerate(sizes):
        draws = per_class[name] or size
        assert used[stream.labels == k].max() <= -(-draws // size)
    total = {
        "shuffled": len(stream.labels),
        "class_balanced": len(stream.labels) // 4 * 4,
        "oversampled": len(sizes) * max(sizes),
        "undersampled": len(sizes) * min(sizes),
    }[name]
    # each window leaves out less than a batch; those without a batch, which are not followed, hold a block each or more
    followed = {block for window in stream.windows for block in window}
    most_windows = len(stream.windows) + len(stream.blocks) - len(followed)
    assert len(np.concatenate(batches)) >= total // 4 * 4 - 3 * most_windows
    assert {len(batch) for batch in batches} == {4}


@EXAMPLES
@given(sizes=SIZES, shards=SHARDS, groups=GROUPS, share=SHARE, seed=SEEDS)
def test_episodes_are_n_classes_of_m_rows_and_classes_take_turns(sizes, shards, groups, share, seed):
    stream = drawn("episodes", sizes, shards, groups, share, seed, classes_per_batch=3, samples_per_class=2)
    batches = stream.epoch(seed)
    stream.windows_of(batches)
    for batch in batches:
        assert len(set(batch.tolist())) == 6
        classes = stream.labels[batch].reshape(3, 2)
        assert (classes[:, 0] == classes[:, 1]).all()
        assert len(set(classes[:, 0].tolist())) == 3
    turns = np.bincount(stream.labels[np.concatenate(batches)], minlength=len(sizes)) / 2
    even = max(sum(sizes) // 6, 1) * 3 / len(sizes)
    assert turns.max() <= np.ceil(even)
    if len(stream.windows) == 1:
        # only turns that find fewer than two other classes fail
        assert turns.sum() >= max(sum(sizes) // 6, 1) * 3 - 2
        used = np.bincount(np.concatenate(batches), minlength=len(stream.labels))
        for k, size in enumerate(sizes):
            # a class of odd size leaves one of its rows out each time round
            assert used[stream.labels == k].max() <= np.ceil(2 * turns[k] / (size - size % 2))


@EXAMPLES
@given(sizes=SIZES, non_targets=st.integers(10, 80), shards=SHARDS, groups=GROUPS, share=SHARE, seed=SEEDS)
def test_ap_fc_batches_hold_every_target_and_use_it_as_often_as_without_windows(
    sizes, non_targets, shards, groups, share, seed
):
    stream = drawn("ap_fc", sizes, shards, groups, share, seed, non_targets)
    # SamplingConfig.non_targets is 6 where nothing else is said
    batches = stream.epoch(seed)
    window = stream.windows_of(batches)
    expected = [*range(len(sizes)), *[-1] * 6]
    for batch in batches:
        assert stream.labels[batch].tolist() == expected
        assert len(set(batch.tolist())) == len(batch)
    whole = unwindowed("ap_fc", stream.labels, len(sizes))
    assert len(batches) == len(whole.epoch(torch.Generator().manual_seed(0)))
    used = np.bincount(np.concatenate(batches), minlength=len(stream.labels))
    of_window, in_window = Counter(window.tolist()), stream.rows_in_windows()
    for number, blocks in enumerate(stream.windows):
        rows = np.concatenate([stream.blocks[block].rows for block in blocks])
        for k in range(len(sizes)):
            mine = used[rows[stream.labels[rows] == k]]
            even = of_window[number] / in_window[number, k + 1]
            assert np.floor(even) <= mine.min()
            assert mine.max() <= np.ceil(even)


@pytest.mark.parametrize("name", [*UNSTRUCTURED, "episodes", "ap_fc"])
@settings(max_examples=8, deadline=None)
@given(sizes=SIZES, shards=SHARDS, groups=GROUPS, share=SHARE, seed=SEEDS)
def test_the_generator_decides_everything_and_memory_is_bounded(name, sizes, shards, groups, share, seed):
    numbers = {"classes_per_batch": 3, "samples_per_class": 2} if name == "episodes" else {}
    stream = drawn(name, sizes, shards, groups, share, seed, 30 if name == "ap_fc" else 0, **numbers)
    again = drawn(name, sizes, shards, groups, share, seed, 30 if name == "ap_fc" else 0, **numbers)
    again.epoch(seed + 1)  # an epoch leaves nothing behind
    first, second = stream.epoch(seed), again.epoch(seed)
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in second]
    assert stream.windows == again.windows
    reader = stream.array.open()
    reader.follow(stream.windows)
    for batch in first:
        np.testing.assert_array_equal(reader.gather(batch), stream.array.values[batch])
    assert sorted(stream.array.read) == sorted(block for window in stream.windows for block in window)
    assert stream.array.most_bytes <= 2 * int(share * len(stream.labels))


@pytest.mark.parametrize("window_rows", [500, 1000])
def test_rare_classes_have_as_many_turns_as_frequent_ones(window_rows):
    sizes = [60] * 20 + [20] * 5 + [12] * 5
    labels = labels_of(sizes, 0, 0)
    stream = Drawn("episodes", labels, 12, 3, window_rows, 30, classes_per_batch=4, samples_per_class=4)
    turns, epochs = np.zeros(len(sizes)), 10
    for seed in range(epochs):
        batches = stream.epoch(seed)
        assert len(stream.windows) > 2
        turns += np.bincount(labels[np.concatenate(batches)], minlength=len(sizes)) / 4
    even = len(labels) // 16 * 4 / len(sizes) * epochs
    assert (np.abs(turns - even) <= 0.08 * even).all()


@pytest.mark.parametrize(
    ("name", "sizes", "window_rows", "message"),
    [
        ("episodes", [40] * 6, 90, "3 classes with 20 segments each"),
        ("ap_fc", [40] * 5 + [2], 130, "a segment of every target and 6 non-targets"),
        ("shuffled", [40] * 6, 110, "64 segments that are drawn in an epoch"),
    ],
)
def test_windows_that_cannot_hold_a_batch_are_refused(name, sizes, window_rows, message):
    numbers = {"classes_per_batch": 3, "samples_per_class": 20} if name == "episodes" else {}
    labels = labels_of(sizes, 40 if name == "ap_fc" else 0, 0)
    with pytest.raises(TrainingError, match=rf"window_mib is too small: a window .* does not always hold {message}"):
        Drawn(name, labels, 12, 1, window_rows, len(sizes), batch_size=64, **numbers)


def test_a_block_larger_than_half_of_the_window_is_refused():
    with pytest.raises(TrainingError, match=r"largest part of the training buckets takes .* half of training\.stream"):
        Drawn("shuffled", labels_of([50, 50], 0, 0), 1, 1, 99, 2)


def test_a_row_in_no_block_is_refused():
    labels = labels_of([20, 20], 0, 0)
    stream = Drawn("shuffled", labels[:39], 2, 2, 60, 2).array.stream
    with pytest.raises(TrainingError, match="training row 39 is in no part of the training buckets"):
        stream_sampler(SamplingConfig(), labels, 4, ["a", "b"], stream, np.arange(40), print)
