"""Every batch sampler against its rule, over random class sizes."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.config import SamplingConfig
from kws_core.errors import TrainingError
from kws_core.sampling import build_sampler

SIZES = st.lists(st.integers(4, 30), min_size=2, max_size=6)
NON_TARGETS = st.one_of(st.just(0), st.integers(3, 40))
BATCH = st.integers(1, 20)
SEEDS = st.integers(0, 2**31)
NAMES = ("shuffled", "class_balanced", "oversampled", "undersampled", "episodes", "ap_fc")


def labels_of(sizes, non_targets=0, seed=0):
    labels = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(non_targets, -1)]).astype(np.int64)
    return np.random.default_rng(seed).permutation(labels)


def names_of(sizes):
    return [f"word-{k}" for k in range(len(sizes))]


def sampler_of(name, sizes, non_targets=0, batch_size=8, seed=0, **numbers):
    numbers = {"classes_per_batch": 2, "samples_per_class": 2, "non_targets": min(3, non_targets), **numbers}
    labels = labels_of(sizes, non_targets, seed)
    return labels, build_sampler(SamplingConfig(name=name, **numbers), labels, batch_size, names_of(sizes))


def drawn(sampler, seed=0):
    return sampler.epoch(torch.Generator().manual_seed(seed))


def group_counts(labels, rows):
    return Counter(labels[rows].tolist())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(sizes=SIZES, non_targets=NON_TARGETS, seed=SEEDS)
def test_the_generator_decides_everything(name, sizes, non_targets, seed):
    labels, sampler = sampler_of(name, sizes, non_targets)
    first, second = drawn(sampler, seed), drawn(sampler, seed)
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in second]
    generator = torch.Generator().manual_seed(seed)
    assert [batch.tolist() for batch in sampler.epoch(generator)] == [batch.tolist() for batch in first]
    for batch in first:
        assert batch.dtype == np.int64
        assert len(batch)
        assert batch.min() >= 0
        assert batch.max() < len(labels)


@pytest.mark.parametrize("name", NAMES)
def test_another_state_draws_other_batches(name):
    _, sampler = sampler_of(name, [20, 30, 25], 20)
    generator = torch.Generator().manual_seed(1)
    epochs = [[batch.tolist() for batch in sampler.epoch(generator)] for _ in range(2)]
    assert epochs[0] != epochs[1]


@given(sizes=SIZES, non_targets=NON_TARGETS, batch_size=BATCH, seed=SEEDS)
def test_shuffled_sees_every_row_once_but_for_the_last_incomplete_batch(sizes, non_targets, batch_size, seed):
    labels, sampler = sampler_of("shuffled", sizes, non_targets, batch_size)
    batches = drawn(sampler, seed)
    rows = np.concatenate(batches).tolist()
    assert len(set(rows)) == len(rows)
    if batch_size > len(labels):
        assert sorted(rows) == list(range(len(labels)))
    else:
        assert {len(batch) for batch in batches} == {batch_size}
        assert len(labels) - len(rows) < batch_size


def test_shuffled_leaves_out_other_rows_each_epoch():
    _, sampler = sampler_of("shuffled", [5, 6], batch_size=10)
    left_out = {(set(range(11)) - set(np.concatenate(drawn(sampler, seed)).tolist())).pop() for seed in range(40)}
    assert len(left_out) > 5


@given(sizes=SIZES, non_targets=NON_TARGETS, batch_size=BATCH, seed=SEEDS)
def test_class_balanced_has_every_class_equally_often_in_as_many_batches(sizes, non_targets, batch_size, seed):
    labels, sampler = sampler_of("class_balanced", sizes, non_targets, batch_size)
    batches = drawn(sampler, seed)
    shuffled = drawn(sampler_of("shuffled", sizes, non_targets, batch_size)[1], seed)
    assert [len(batch) for batch in batches] == [len(batch) for batch in shuffled]
    groups = sorted(set(labels.tolist()))
    seen, by_row = Counter(), Counter()
    for batch in batches:
        inside = group_counts(labels, batch)
        assert max(inside[group] for group in groups) - min(inside[group] for group in groups) <= 2
        for row in batch.tolist():
            seen[int(labels[row])] += 1
            by_row[row] += 1
            assert max(seen[group] for group in groups) - min(seen[group] for group in groups) <= 1
    for group in groups:  # no row of a class comes again before all have come
        often = [by_row[row] for row in np.flatnonzero(labels == group).tolist()]
        assert max(often) - min(often) <= 1


@given(sizes=SIZES, non_targets=NON_TARGETS, batch_size=BATCH, seed=SEEDS)
def test_oversampled_repeats_every_class_up_to_the_largest(sizes, non_targets, batch_size, seed):
    labels, sampler = sampler_of("oversampled", sizes, non_targets, batch_size)
    batches = drawn(sampler, seed)
    groups = Counter(labels.tolist())
    largest, total = max(groups.values()), max(groups.values()) * len(groups)
    assert len(batches) == max(total // batch_size, 1)
    left_out = total - sum(len(batch) for batch in batches)
    assert left_out == (total % batch_size if total >= batch_size else 0)
    rows = np.concatenate(batches)
    counts, by_row = group_counts(labels, rows), Counter(rows.tolist())
    assert all(largest - left_out <= counts[group] <= largest for group in groups)
    for row, group in enumerate(labels.tolist()):
        assert by_row[row] <= -(-largest // groups[group])
        assert by_row[row] >= largest // groups[group] - left_out


@given(sizes=SIZES, non_targets=NON_TARGETS, batch_size=BATCH, seed=SEEDS)
def test_undersampled_cuts_every_class_down_to_the_smallest(sizes, non_targets, batch_size, seed):
    labels, sampler = sampler_of("undersampled", sizes, non_targets, batch_size)
    batches = drawn(sampler, seed)
    groups = Counter(labels.tolist())
    smallest, total = min(groups.values()), min(groups.values()) * len(groups)
    rows = np.concatenate(batches)
    assert len(set(rows.tolist())) == len(rows)
    assert len(rows) == (total // batch_size * batch_size or total)
    left_out = total - len(rows)
    counts = group_counts(labels, rows)
    assert all(smallest - left_out <= counts[group] <= smallest for group in groups)


def test_undersampled_draws_another_part_of_a_large_class_each_epoch():
    labels, sampler = sampler_of("undersampled", [5, 60], batch_size=2)
    generator = torch.Generator().manual_seed(0)
    seen = [set(np.concatenate(sampler.epoch(generator)).tolist()) for _ in range(60)]
    assert all(len(rows & set(np.flatnonzero(labels == 0).tolist())) == 5 for rows in seen)
    assert set().union(*seen) == set(range(65))


@given(sizes=SIZES, non_targets=NON_TARGETS, samples=st.integers(2, 4), seed=SEEDS, data=st.data())
def test_episodes_hold_n_classes_of_m_distinct_rows(sizes, non_targets, samples, seed, data):
    classes = data.draw(st.integers(2, len(sizes)))
    labels, sampler = sampler_of(
        "episodes", sizes, non_targets, classes_per_batch=classes, samples_per_class=samples, batch_size=1
    )
    batches = drawn(sampler, seed)
    assert len(batches) == max(sum(sizes) // (classes * samples), 1)
    for batch in batches:
        assert len(set(batch.tolist())) == len(batch) == classes * samples
        by_class = labels[batch].reshape(classes, samples)
        assert (by_class == by_class[:, :1]).all()
        assert (by_class[:, 0] >= 0).all()
        assert len(set(by_class[:, 0].tolist())) == classes


@given(sizes=SIZES, seed=SEEDS)
def test_episodes_come_to_every_row_of_a_class_before_one_comes_again(sizes, seed):
    labels, sampler = sampler_of("episodes", sizes, classes_per_batch=len(sizes), samples_per_class=2)
    batches = drawn(sampler, seed)
    for label, size in enumerate(sizes):
        rows = np.concatenate([batch[labels[batch] == label] for batch in batches])
        round_rows = size // 2 * 2
        for start in range(0, len(rows), round_rows):
            dealt = rows[start : start + round_rows].tolist()
            assert len(set(dealt)) == len(dealt)


def test_episodes_come_to_every_class_equally_often():
    labels, sampler = sampler_of("episodes", [50] * 6, classes_per_batch=3, samples_per_class=5)
    counts = group_counts(labels, np.concatenate(drawn(sampler)))
    assert counts == dict.fromkeys(range(6), 50)


@given(sizes=SIZES, non_targets=st.integers(3, 40), beside=st.integers(0, 3), seed=SEEDS)
def test_ap_fc_batches_hold_one_of_each_target_and_distinct_non_targets(sizes, non_targets, beside, seed):
    labels = labels_of(sizes, non_targets)
    sampler = build_sampler(SamplingConfig(name="ap_fc", non_targets=beside), labels, 1, names_of(sizes))
    batches = drawn(sampler, seed)
    rows = sum(sizes) + (non_targets if beside else 0)
    assert len(batches) == max(rows // (len(sizes) + beside), 1)
    for batch in batches:
        assert labels[batch].tolist() == [*range(len(sizes)), *[-1] * beside]
        assert len(set(batch.tolist())) == len(batch)
    for label, size in enumerate(sizes):
        often = Counter(int(batch[label]) for batch in batches)
        counts = [often[row] for row in np.flatnonzero(labels == label).tolist()]
        assert len(counts) == size
        assert max(counts) - min(counts) <= 1


def test_batches_that_cannot_be_formed_name_the_class():
    names = ["go", "stop", "left"]
    labels = np.array([0, 0, 0, 2, -1, -1])

    def build(name, labels=labels, batch_size=4, **numbers):
        return build_sampler(SamplingConfig(name=name, **numbers), labels, batch_size, names)

    for name in ("class_balanced", "oversampled", "undersampled", "ap_fc"):
        with pytest.raises(TrainingError, match=r"at least 1 training segments.*: 'stop' has 0$"):
            build(name)
    with pytest.raises(TrainingError, match=r"at least 3 training segments.*: 'stop' has 0, 'left' has 1$"):
        build("episodes", classes_per_batch=2, samples_per_class=3)
    full = np.repeat([0, 1, 2, -1], 4)
    with pytest.raises(TrainingError, match="classes_per_batch is 4, but there are only 3 classes: go, stop, left"):
        build("episodes", full, classes_per_batch=4, samples_per_class=2)
    with pytest.raises(TrainingError, match=r"non_targets is 5, but only 4 training segments are non-targets"):
        build("ap_fc", full, non_targets=5)
    with pytest.raises(TrainingError, match="between -1 and 2, not between 0 and 3"):
        build("shuffled", np.array([0, 3]))
    with pytest.raises(TrainingError, match="between -1 and 2, not between -2 and 0"):
        build("shuffled", np.array([0, -2]))
    with pytest.raises(TrainingError, match=r"at least one row, not \[0\]"):
        build("shuffled", np.empty(0, np.int64))
    with pytest.raises(TrainingError, match="batch_size must be at least 1, not 0"):
        build("shuffled", full, batch_size=0)
    for name in ("class_balanced", "episodes", "ap_fc"):
        with pytest.raises(TrainingError, match="at least one class"):
            build_sampler(SamplingConfig(name=name), np.array([-1] * 9), 4, [])


def test_only_the_first_of_many_lacking_classes_are_named():
    with pytest.raises(TrainingError, match=r"'word-5' has 0 and 3 classes more$"):
        build_sampler(SamplingConfig(name="oversampled"), np.array([0]), 4, [f"word-{k}" for k in range(9)])


def test_shuffled_needs_no_row_of_every_class():
    sampler = build_sampler(SamplingConfig(), np.array([2, 2, -1]), 2, ["go", "stop", "left"])
    assert [len(batch) for batch in drawn(sampler)] == [2]
