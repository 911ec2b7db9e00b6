"""Words that sound alike, and the trials drawn of them."""

from itertools import product

import numpy as np
import pytest
from builders import selection_rows

from kws_core.config import SelectionConfig
from kws_core.confusable import ConfusablePair, confusable_pairs, label_phones, phrase_relation
from kws_core.confusable_trials import draw_confusable
from kws_core.pairs import draw_pairs

WORDS = ("heating", "eating", "kitchen", "chicken", "music", "weather")


def test_near_words_are_found_and_far_ones_are_not():
    found = {frozenset((pair.left, pair.right)) for pair in confusable_pairs(WORDS, 0.35)}
    assert found == {frozenset(("heating", "eating")), frozenset(("kitchen", "chicken"))}
    assert [pair.distance for pair in confusable_pairs(WORDS, 0.35)] == sorted(
        pair.distance for pair in confusable_pairs(WORDS, 0.35)
    )
    assert confusable_pairs(WORDS, 0.05) == []
    assert {pair.left for pair in confusable_pairs(WORDS, 0.35, of=["heating"])} == {"heating"}


def test_what_sounds_exactly_alike_or_has_no_known_sound_is_left_out():
    assert confusable_pairs(["right", "write"], 0.35) == []
    assert confusable_pairs(["\u6253\u5f00", "\u5173\u95ed"], 1.0) == []
    assert label_phones("hey snips") == (*label_phones("hey"), *label_phones("snips"))


def test_parts_and_other_orders_of_a_phrase_are_confusable_however_far():
    labels = ("ok kitchen light", "ok kitchen", "light", "light kitchen ok", "ok light", "weather")
    found = {frozenset((pair.left, pair.right)): pair.relation for pair in confusable_pairs(labels, 0.0)}
    assert found[frozenset(("ok kitchen light", "light kitchen ok"))] == "reordered"
    assert found[frozenset(("ok kitchen light", "light"))] == "partial"
    assert found[frozenset(("ok kitchen light", "ok kitchen"))] == "partial"
    assert frozenset(("ok kitchen light", "ok light")) not in found  # its words do not follow one another there
    assert not [pair for pair in found if "weather" in pair]
    assert phrase_relation("light", "light") is None


def existing(labels, speakers, pairs, cross):
    return {
        (left, right)
        for pair in pairs
        for left, right in product(np.flatnonzero(labels == pair.left), np.flatnonzero(labels == pair.right))
        if not cross or speakers[left] != speakers[right]
    }


@pytest.mark.parametrize("cross", [True, False])
@pytest.mark.parametrize("listed", [2_000_000, 100])
def test_trials_are_of_confusable_words_and_never_repeat(cross, listed, monkeypatch):
    monkeypatch.setattr("kws_core.confusable_trials.MOST_LISTED", listed)
    rng = np.random.default_rng(0)
    labels, speakers = rng.choice(WORDS, 90), rng.integers(0, 5, 90)
    pairs = [ConfusablePair("heating", "eating", 0.1, "sound"), ConfusablePair("kitchen", "chicken", 0.2, "sound")]
    possible = existing(labels, speakers, pairs, cross)
    for wanted in (1, 40, 10_000):
        found = draw_confusable(labels, speakers, pairs, wanted, cross, np.random.default_rng(1))
        rows = {tuple(pair) for pair in found.tolist()}
        assert len(rows) == len(found)
        assert rows <= possible
        if wanted > len(possible) or wanted < 60:
            assert len(found) == min(wanted, len(possible))
    assert draw_confusable(labels, speakers, [], 10, cross, rng).shape == (0, 2)


def drawn_list(words, split="test"):
    rows = [
        {"label": word, "label_id": number - 1, "split": split, "speaker_id": f"s{speaker}"}
        for number, word in enumerate(words)
        for speaker in range(6)
    ]
    selection = selection_rows(rows)
    pairs = draw_pairs(selection, frozenset(), SelectionConfig(keywords=(words[0],), pairs=60), seed=0)
    labels = dict(zip(selection["segment_id"].to_pylist(), selection["label"].to_pylist(), strict=True))
    speakers = dict(zip(selection["segment_id"].to_pylist(), selection["speaker_id"].to_pylist(), strict=True))
    return [row for row in pairs.to_pylist() if row["test_set"] == "confusable"], labels, speakers


def test_the_list_has_as_many_trials_of_a_word_with_itself_as_with_its_like():
    rows, labels, speakers = drawn_list(WORDS)
    assert len(rows) == 60
    assert sum(row["same"] for row in rows) == 30
    for row in rows:
        assert (labels[row["left"]] == labels[row["right"]]) == row["same"]
        assert speakers[row["left"]] != speakers[row["right"]]
        assert {labels[row["left"]], labels[row["right"]]} in (
            {"heating"}, {"eating"}, {"heating", "eating"}, {"kitchen"}, {"chicken"}, {"kitchen", "chicken"},
        )  # fmt: skip


def test_there_is_no_list_without_such_words_and_none_of_training_rows():
    assert drawn_list(("music", "weather", "kitchen"))[0] == []
    assert drawn_list(WORDS, split="train")[0] == []
