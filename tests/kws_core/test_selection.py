"""Splits and vocabulary, recomputed naively and held against growing data."""

from collections import Counter

import pyarrow as pa
import pytest
from builders import index_row, selection_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.config import SelectionConfig
from kws_core.errors import SelectionError
from kws_core.fingerprint import unit_interval
from kws_core.manifest import Manifest
from kws_core.pairs import draw_pairs
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS, SELECTION
from kws_core.segments import BACKGROUND
from kws_core.selection import INDEX, SPLITS, class_labels, segment_index, speaker_split
from kws_core.selection import select as select_index
from kws_core.store import Store

KEYWORDS = ("stop", "go")
CONFIG = SelectionConfig(keywords=KEYWORDS, out_of_vocabulary_share=0.4, min_train_segments=2)
TEST_CORPORA = frozenset({"held"})
BASE = [
    index_row(2 * number + place, f"split-{number}", keyword)
    for number in range(40)
    for place, keyword in enumerate(KEYWORDS)
]

uses = st.lists(
    st.tuples(st.sampled_from(["split", "held"]), st.integers(0, 59), st.integers(0, 15)), min_size=0, max_size=120
)


def select(rows, *arguments, **options):
    return select_index(pa.Table.from_pylist(rows, schema=INDEX), *arguments, **options)


def words(drawn, start=1000):
    """Rows of (corpus, speaker, word); words 0 and 1 are the keywords."""
    names = [*KEYWORDS, *(f"word{number}" for number in range(2, 16))]
    return [
        index_row(start + number, f"{corpus}-{speaker}", names[word], corpus)
        for number, (corpus, speaker, word) in enumerate(drawn)
    ]


def naive(index, config, test_corpora):
    """(split, label id) of every kept segment, written down from the rules."""
    splits = {}
    for row in index:
        place = unit_interval("speaker split", row["speaker_id"])
        limits = (config.test_share, config.test_share + config.development_share)
        split = "test" if place < limits[0] else "development" if place < limits[1] else "train"
        splits[row["segment_id"]] = "test" if row["corpus"] in test_corpora else split
    frequent = Counter(row["label"] for row in index if splits[row["segment_id"]] == "train")
    classes = [
        label
        for label in frequent
        if frequent[label] >= config.min_train_segments
        and unit_interval("label vocabulary", label) >= config.out_of_vocabulary_share
        and label not in config.keywords
    ]
    classes = sorted(classes, key=lambda label: (-frequent[label], label))[: config.max_labels - len(config.keywords)]
    order = [*config.keywords, *sorted(classes)]
    kept = {}
    for row in index:
        split = splits[row["segment_id"]]
        if row["label"] in order:
            kept[row["segment_id"]] = (split, order.index(row["label"]))
            continue
        own = "development" if unit_interval("unseen label split", row["label"]) < 0.5 else "test"
        if row["corpus"] in test_corpora or split == own:
            kept[row["segment_id"]] = (split, -1)
    return kept


@settings(max_examples=60, deadline=None)
@given(uses, st.sampled_from([3, 6, 5000]))
def test_equals_the_rules_written_down_naively(drawn, max_labels):
    config = CONFIG.model_copy(update={"max_labels": max_labels})
    index = BASE + words(drawn)
    rows = select(index, config, TEST_CORPORA).to_pylist()
    assert {row["segment_id"]: (row["split"], row["label_id"]) for row in rows} == naive(index, config, TEST_CORPORA)
    source = {row["segment_id"]: row for row in index}
    for row in rows:
        assert row["role"] == ("target" if row["label"] in KEYWORDS else "non-target")
        assert row["word_s"] == pytest.approx(0.4)
        for name in ("part", "row", "corpus", "speaker_id", "label"):
            assert row[name] == source[row["segment_id"]][name]


@settings(max_examples=60, deadline=None)
@given(uses)
def test_speakers_and_words_are_disjoint(drawn):
    selection = select(BASE + words(drawn), CONFIG, TEST_CORPORA)
    assert selection.schema.equals(SELECTION)
    rows = selection.to_pylist()
    speakers = {(row["speaker_id"], row["split"]) for row in rows}
    assert len(speakers) == len({speaker for speaker, _ in speakers}), "a speaker is in two splits"
    ours = [row for row in rows if row["corpus"] not in TEST_CORPORA]
    unseen = {
        split: {row["label"] for row in ours if row["split"] == split and row["label_id"] < 0} for split in SPLITS
    }
    trained = {row["label"] for row in rows if row["split"] == "train"}
    assert not unseen["train"]
    assert not unseen["development"] & unseen["test"]
    assert not trained & (unseen["development"] | unseen["test"])
    assert {row["split"] for row in rows if row["corpus"] in TEST_CORPORA} <= {"test"}
    names = class_labels(selection)
    assert names[:2] == list(KEYWORDS)
    assert names[2:] == sorted(names[2:])
    assert all(names[row["label_id"]] == row["label"] for row in rows if row["label_id"] >= 0)


@settings(max_examples=60, deadline=None)
@given(uses, uses)
def test_more_data_moves_no_speaker_and_no_out_of_vocabulary_word(drawn, more):
    before = select(BASE + words(drawn), CONFIG, TEST_CORPORA).to_pylist()
    after = select(words(more, 5000) + BASE + words(drawn), CONFIG, TEST_CORPORA).to_pylist()
    later = {row["segment_id"]: row for row in after}
    splits = {row["speaker_id"]: row["split"] for row in after}
    for row in before:
        if row["speaker_id"] in splits:
            assert splits[row["speaker_id"]] == row["split"]
        never = unit_interval("label vocabulary", row["label"]) < CONFIG.out_of_vocabulary_share
        if row["label_id"] >= 0:
            assert later[row["segment_id"]]["label_id"] >= 0
        elif never:
            assert later[row["segment_id"]] == row


def test_an_official_split_decides_for_its_corpus_only():
    other = [
        {**index_row(1000 + number, f"own-{number}", keyword, "own"), "split": SPLITS[number % 3]}
        for number in range(30)
        for keyword in KEYWORDS
    ]
    rows = select(BASE + other, CONFIG, TEST_CORPORA, official_corpora=frozenset({"own"})).to_pylist()
    splits = {row["segment_id"]: row["split"] for row in rows}
    assert {row["segment_id"]: row["split"] for row in other}.items() <= splits.items()
    hashed = {row["segment_id"]: speaker_split(row["speaker_id"], CONFIG) for row in BASE}
    assert hashed.items() <= splits.items()


def test_an_official_corpus_without_a_split_is_refused():
    for split, named in (("", "no split"), ("validated", "the split 'validated'")):
        own = [{**index_row(1000 + number, "a", "go", "own"), "split": split} for number in range(2)]
        with pytest.raises(SelectionError, match=rf"'own' has use: official, but 2 of its segments came with {named};"):
            select(BASE + own, CONFIG, TEST_CORPORA, official_corpora=frozenset({"own"}))


def test_every_keyword_needs_every_split():
    train = [row for row in BASE if speaker_split(row["speaker_id"], CONFIG) == "train"]
    assert train
    for split in SPLITS:
        index = [
            row for row in BASE if not (row["label"] == "go" and speaker_split(row["speaker_id"], CONFIG) == split)
        ]
        with pytest.raises(SelectionError, match=f"keyword 'go' has 0 segments in the {split} split"):
            select(index, CONFIG, TEST_CORPORA)
    only = CONFIG.model_copy(update={"min_train_segments": len(train)})
    with pytest.raises(SelectionError, match=rf"'stop' has {len(train) // 2} segments in the train split, at least"):
        select(BASE, only, frozenset())


def test_a_test_corpus_does_not_stand_in_for_a_missing_keyword():
    index = [row for row in BASE if row["label"] != "go"]
    index += [index_row(1000 + number, f"held-{number}", "go", "held") for number in range(50)]
    with pytest.raises(SelectionError, match="'go' has 0 segments in the train split"):
        select(index, CONFIG, TEST_CORPORA)


def test_a_keyword_that_nobody_says():
    with pytest.raises(SelectionError, match="keyword 'camera' has 0 segments"):
        select(BASE, SelectionConfig(keywords=("go", "camera")), frozenset())


def test_without_keywords_every_word_is_a_non_target():
    table = select(BASE, SelectionConfig(), frozenset())
    assert set(table["role"].to_pylist()) <= {"non-target", "background"}
    assert table.num_rows


def test_speakers_of_a_training_corpus_are_all_trained_on():
    index = [*BASE, *(index_row(1000 + number, f"voice-{number}", "go", "synthetic") for number in range(200))]
    table = select(index, CONFIG, frozenset(), frozenset({"synthetic"})).to_pylist()
    splits = {
        corpus: {row["split"] for row in table if row["corpus"] == corpus}
        for corpus in ("synthetic", BASE[0]["corpus"])
    }
    assert splits["synthetic"] == {"train"}
    assert len(splits[BASE[0]["corpus"]]) == 3


def test_the_shares_hold_over_many_speakers():
    splits = Counter(speaker_split(f"speaker-{number}", SelectionConfig()) for number in range(4000))
    for split, share in (("train", 0.6), ("development", 0.2), ("test", 0.2)):
        assert splits[split] / 4000 == pytest.approx(share, abs=0.03)  # more than 4 standard deviations


def test_class_labels_without_a_class():
    assert class_labels(selection_rows([{"label": "rare", "label_id": -1}])) == []


def test_the_index_names_the_part_and_row_of_every_segment(tmp_path):
    store = Store(str(tmp_path))
    parts = []
    for number, rows in enumerate((3, 0, 2)):
        values = {
            "segment_id": [f"{number}-{row}" for row in range(rows)],
            "utterance_id": ["u"] * rows,
            "corpus": ["split"] * rows,
            "speaker_id": [f"s{number}"] * rows,
            "label": ["go"] * rows,
            "source": ["f"] * rows,
            "licence": ["CC0-1.0"] * rows,
            "audio": [b"ab"] * rows,
            "split": [""] * rows,
        }
        values |= {field.name: [0.5] * rows for field in SEGMENTS if field.type == pa.float64()}
        table = pa.table(values, schema=SEGMENTS)
        parts.append(
            store.write_part("segments", f"key{number}", "split", PartOutput(table, Quarantine("segments").table()))
        )
    index = segment_index(store, Manifest("segments", 1, tuple(parts)))
    assert index.schema.equals(INDEX)
    rows = index.to_pylist()
    assert [(row["segment_id"], row["part"], row["row"]) for row in rows] == [
        ("0-0", 0, 0),
        ("0-1", 0, 1),
        ("0-2", 0, 2),
        ("2-0", 2, 0),
        ("2-1", 2, 1),
    ]
    assert "audio" not in rows[0]


def test_background_is_the_last_class_and_never_a_word_of_the_vocabulary():
    speakers = [f"speaker-{number}" for number in range(40)]
    rows = [(speaker, label) for speaker in speakers for label in ("go", "other", BACKGROUND)]
    rows.append(("guest", BACKGROUND))
    index = [
        index_row(number, *row, corpus="held-out" if row[0] == "guest" else "split") for number, row in enumerate(rows)
    ]
    config = SelectionConfig(keywords=("go",), out_of_vocabulary_share=0)
    table = select(index, config, frozenset({"held-out"}))
    assert class_labels(table) == ["go", "other", BACKGROUND]
    found = {(row["label"], row["role"]) for row in table.to_pylist()}
    assert found == {("go", "target"), ("other", "non-target"), (BACKGROUND, "background")}
    assert "guest" not in table["speaker_id"].to_pylist()
    pairs = draw_pairs(table, frozenset(), SelectionConfig(keywords=("go",), pairs=100), seed=0)
    background = {row["segment_id"] for row in table.to_pylist() if row["role"] == "background"}
    assert pairs.num_rows
    assert not background & {*pairs["left"].to_pylist(), *pairs["right"].to_pylist()}
