"""Numbered pairs against the list of all that exist."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws_core.numbered_pairs import NumberedPairs

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=40)


@given(rows, st.booleans())
def test_every_number_is_one_pair_in_the_stated_order(drawn, same):
    labels, speakers = (np.array([row[side] for row in drawn], np.int64) for side in (0, 1))
    found = NumberedPairs.of(labels, speakers, same)
    expected = [
        (left, right)
        for left, right in combinations(range(len(drawn)), 2)
        if speakers[left] != speakers[right] and (labels[left] == labels[right]) == same
    ]
    if same:
        expected.sort(key=lambda pair: (labels[pair[0]], *pair))
    assert found.count == len(expected)
    assert found.pairs(np.arange(found.count)).tolist() == [list(pair) for pair in expected]
    if same:
        present, starts = np.unique(np.sort(labels), return_index=True)
        counts = [sum(labels[left] == label for left, _ in expected) for label in present]
        assert found.of_labels(starts).tolist() == counts


@pytest.mark.parametrize("same", [True, False])
def test_billions_of_pairs_are_numbered(same):
    random = np.random.default_rng(0)
    labels, speakers = random.integers(0, 5, 100_000), random.integers(0, 2000, 100_000)
    found = NumberedPairs.of(labels, speakers, same)
    assert found.count > (9 * 10**8 if same else 3 * 10**9)
    numbers = np.sort(random.integers(0, found.count, 1000))
    left, right = found.pairs(numbers).T
    assert (left < right).all()
    assert (speakers[left] != speakers[right]).all()
    assert ((labels[left] == labels[right]) == same).all()
    assert len({*zip(left.tolist(), right.tolist(), strict=True)}) == len(set(numbers.tolist()))
