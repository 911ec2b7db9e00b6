import numpy as np
import pytest
import torch

from kws_core.sampling import rows_by_class
from kws_core.sampling.rows import Deck, draw_evenly


def test_rows_are_sorted_by_class():
    labels = np.array([2, -1, 0, 2, -1, 0, 2])
    rows = rows_by_class(labels, ["go", "stop", "left"])
    assert [part.tolist() for part in rows.by_class] == [[2, 5], [], [0, 3, 6]]
    assert rows.non_targets.tolist() == [1, 4]
    assert [part.tolist() for part in rows_by_class(labels[[2, 5]], ["go"]).groups()] == [[0, 1]]


@pytest.mark.parametrize("count", [0, 1, 5, 6, 17])
def test_rows_are_drawn_evenly(count):
    rows = np.array([10, 20, 30, 40, 50])
    drawn = draw_evenly(rows, count, torch.Generator().manual_seed(0)).tolist()
    assert len(drawn) == count
    for start in range(0, count, 5):
        part = drawn[start : start + 5]
        assert len(set(part)) == len(part)
        assert set(part) <= set(rows.tolist())


def test_a_deck_is_reshuffled_when_too_few_are_left():
    deck = Deck(np.arange(5), torch.Generator().manual_seed(0))
    deals = [deck.deal(2).tolist() for _ in range(40)]
    for first, second in zip(deals[::2], deals[1::2], strict=True):
        assert len({*first, *second}) == 4
    assert len({tuple(deal) for deal in deals}) > 10
