"""The weighted edit distance of pronunciations against a plain recursion, and what it holds for near."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.alignment.phone_distance import (
    PHONES,
    pronunciation_distance,
    pronunciation_distances,
    substitution_cost,
)

FAINT = {"HH": 0.5, "AH": 0.7, "T": 0.8, "D": 0.8}
words = st.lists(st.sampled_from(PHONES), max_size=6).map(tuple)


def recursive(one, other):
    @cache
    def cost(i, j):
        if not i or not j:
            return sum(FAINT.get(phone, 1.0) for phone in (*one[:i], *other[:j]))
        return min(
            cost(i - 1, j) + FAINT.get(one[i - 1], 1.0),
            cost(i, j - 1) + FAINT.get(other[j - 1], 1.0),
            cost(i - 1, j - 1) + substitution_cost(one[i - 1], other[j - 1]),
        )

    return cost(len(one), len(other)) / max(len(one), len(other), 1)


@settings(max_examples=100, deadline=None)
@given(st.lists(words, min_size=2, max_size=5))
def test_distances_equal_the_recursion_are_symmetric_and_bounded(drawn):
    left, right = np.array([(i, j) for i in range(len(drawn)) for j in range(len(drawn))]).T
    found = pronunciation_distances(drawn, left, right).reshape(len(drawn), -1)
    expected = [[recursive(one, other) for other in drawn] for one in drawn]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diag(found) == 0).all()


def test_phones_of_like_articulation_are_near():
    costs = np.array([[substitution_cost(one, other) for other in PHONES] for one in PHONES])
    assert (np.diag(costs) == 0).all()
    assert (costs == costs.T).all()
    off = costs[~np.eye(len(PHONES), dtype=bool)]
    assert off.min() >= 0.15
    assert off.max() == 1
    assert substitution_cost("P", "B") < substitution_cost("P", "G") < substitution_cost("P", "R")
    assert substitution_cost("IY", "IH") < substitution_cost("IY", "AA")
    assert substitution_cost("S", "AA") == 1
    with pytest.raises(KeyError):
        substitution_cost("P", "QQ")


def test_a_faint_phone_costs_less_than_another_word():
    heating, eating, music = ("HH IY T IH NG".split(), "IY T IH NG".split(), "M Y UW Z IH K".split())
    assert pronunciation_distance(heating, eating) == pytest.approx(0.1)
    assert pronunciation_distance(heating, music) > 0.5
