"""Pair lists against the enumeration of all the pairs that exist."""

from collections import Counter
from itertools import combinations

import pytest
from builders import selection_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.config import SelectionConfig
from kws_core.pairs import draw_pairs
from kws_core.pairs import test_sets as rows_of_sets
from kws_core.schemas import PAIRS

TEST_CORPORA = frozenset({"held"})
SETS = {
    "development in-vocabulary": ("split", "development", True),
    "development out-of-vocabulary": ("split", "development", False),
    "in-vocabulary": ("split", "test", True),
    "out-of-vocabulary": ("split", "test", False),
}

segments = st.lists(
    st.tuples(
        st.sampled_from(["split", "split", "held"]),
        st.sampled_from(["train", "development", "test"]),
        st.integers(0, 4),  # speaker
        st.integers(0, 5),  # label; the first four are classes
    ),
    max_size=60,
)
policies = st.sampled_from(["cross", "any"])


def table(drawn):
    return selection_rows(
        [
            {
                "corpus": corpus,
                "split": "test" if corpus == "held" else split,
                "speaker_id": f"{corpus}-{split}-{speaker}",
                "label": f"word{label}",
                "label_id": label if label < 4 else -1,
            }
            for corpus, split, speaker, label in drawn
        ]
    )


def enumerate_pairs(selection, policy):
    """By list: the same and the different pairs that exist, as sets of two segment ids."""
    sets = {**{name: [] for name in SETS}, "cross-corpus held": []}
    for row in selection.to_pylist():
        if row["corpus"] == "held":
            sets["cross-corpus held"].append(row)
        for name, (_, split, known) in SETS.items():
            if row["corpus"] != "held" and row["split"] == split and (row["label_id"] >= 0) == known:
                sets[name].append(row)
    existing = {}
    for name, rows in sets.items():
        existing[name] = {True: set(), False: set()}
        for left, right in combinations(rows, 2):
            if policy == "any" or left["speaker_id"] != right["speaker_id"]:
                same = left["label"] == right["label"]
                existing[name][same].add(frozenset((left["segment_id"], right["segment_id"])))
    return existing


@settings(max_examples=150, deadline=None)
@given(segments, policies, st.sampled_from([2, 7, 20, 400]), st.integers(0, 3))
def test_every_list_against_naive_enumeration(drawn, policy, wanted, seed):
    selection = table(drawn)
    config = SelectionConfig(pairs=wanted, speaker_policy=policy)
    drawn_pairs = draw_pairs(selection, TEST_CORPORA, config, seed)
    assert drawn_pairs.schema.equals(PAIRS)
    rows = drawn_pairs.to_pylist()
    assert {row["speaker_policy"] for row in rows} <= {policy}
    for name, existing in enumerate_pairs(selection, policy).items():
        listed = [row for row in rows if row["test_set"] == name]
        found = {
            same: [frozenset((row["left"], row["right"])) for row in listed if row["same"] == same]
            for same in (True, False)
        }
        count = min(wanted // 2, len(existing[True]), len(existing[False]))
        for same in (True, False):
            assert len(found[same]) == count
            assert len(set(found[same])) == count, "a pair is listed twice"
            assert set(found[same]) <= existing[same]
            if count == len(existing[same]):
                assert set(found[same]) == existing[same]
    assert {row["test_set"] for row in rows} <= {*SETS, "cross-corpus held"}
    assert drawn_pairs.equals(draw_pairs(selection, TEST_CORPORA, config, seed))


@pytest.mark.parametrize("policy", ["cross", "any"])
def test_large_lists_are_drawn_without_enumeration_and_by_seed(policy):
    drawn = [("split", "test", number % 5, number % 4) for number in range(400)]
    selection = table(drawn)
    config = SelectionConfig(pairs=2000, speaker_policy=policy)
    existing = enumerate_pairs(selection, policy)["in-vocabulary"]
    lists = []
    for seed in (0, 1):
        rows = draw_pairs(selection, TEST_CORPORA, config, seed).to_pylist()
        pairs = {
            same: [frozenset((r["left"], r["right"])) for r in rows if r["same"] == same] for same in (True, False)
        }
        for same in (True, False):
            assert len(pairs[same]) == len(set(pairs[same])) == 1000
            assert set(pairs[same]) <= existing[same]
        lists.append(rows)
    assert lists[0] != lists[1]
    assert lists[0] == draw_pairs(selection, TEST_CORPORA, config, 0).to_pylist()


def test_pairs_of_a_speaker_with_itself_come_in_only_when_any_may_meet():
    selection = table([("split", "test", number % 5, number % 4) for number in range(400)])
    speaker = dict(zip(selection["segment_id"].to_pylist(), selection["speaker_id"].to_pylist(), strict=True))
    shares = {}
    for policy in ("cross", "any"):
        rows = draw_pairs(selection, TEST_CORPORA, SelectionConfig(pairs=2000, speaker_policy=policy), 0).to_pylist()
        shares[policy] = sum(speaker[row["left"]] == speaker[row["right"]] for row in rows) / len(rows)
    assert shares["cross"] == 0
    assert shares["any"] == pytest.approx(0.2, abs=0.04)


def test_labels_are_drawn_as_often_as_they_have_pairs():
    drawn = [("split", "test", number % 5, 0) for number in range(200)]
    drawn += [("split", "test", number % 5, 1) for number in range(100)]
    selection = table(drawn)
    label = dict(zip(selection["segment_id"].to_pylist(), selection["label"].to_pylist(), strict=True))
    rows = draw_pairs(selection, TEST_CORPORA, SelectionConfig(pairs=4000), 0).to_pylist()
    counts = Counter(label[row["left"]] for row in rows if row["same"])
    assert counts["word0"] / 2000 == pytest.approx(0.8, abs=0.05)  # 200² : 100²


def test_an_empty_selection_has_no_pairs_and_lists_name_their_rows():
    empty = selection_rows([])
    assert draw_pairs(empty, TEST_CORPORA, SelectionConfig(), 0).num_rows == 0
    selection = table(
        [("split", "test", 0, 0), ("held", "test", 0, 0), ("split", "test", 1, 5), ("held", "test", 1, 5)]
    )
    sets = {name: rows.tolist() for name, rows in rows_of_sets(selection, TEST_CORPORA).items()}
    assert sets == {
        "development in-vocabulary": [],
        "development out-of-vocabulary": [],
        "in-vocabulary": [0],
        "out-of-vocabulary": [2],
        "cross-corpus held": [1, 3],
    }


@pytest.mark.parametrize("policy", ["cross", "any"])
def test_pairs_that_hardly_exist_are_found_among_all_that_do_not(policy):
    """Of the 1.25 billion pairs here only those with one of three odd segments are trials."""
    rows = [{"split": "test", "label": "word0", "label_id": 0, "speaker_id": "a"}] * 50_000
    rows[100] = {**rows[0], "speaker_id": "b"}
    rows[40_000] = {**rows[0], "label": "word1", "label_id": 1, "speaker_id": "c"}
    rows[45_000] = {**rows[0], "label": "word1", "label_id": 1, "speaker_id": "d"}
    drawn = draw_pairs(selection_rows(rows), TEST_CORPORA, SelectionConfig(pairs=600, speaker_policy=policy), 0)
    pairs = {(row["left"], row["right"]): row["same"] for row in drawn.to_pylist()}
    assert len(pairs) == drawn.num_rows == 600
    odd, others = {"segment-40000", "segment-45000"}, {"segment-0100", "segment-40000", "segment-45000"}
    for (left, right), same in pairs.items():
        assert len({left, right} & odd) != 1 if same else len({left, right} & odd) == 1
        assert policy == "any" or {left, right} & others


def test_a_word_of_one_speaker_has_no_trials_across_speakers():
    rows = [{"split": "test", "label": "word0", "speaker_id": "a"}] * 30_000
    assert draw_pairs(selection_rows(rows), TEST_CORPORA, SelectionConfig(speaker_policy="cross"), 0).num_rows == 0
