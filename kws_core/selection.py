"""Vocabulary and splits as an index over segments: nothing is copied, so a new vocabulary recuts nothing.

Splits hash the speaker, out-of-vocabulary labels hash the word: new data never moves either.
"""

from collections import Counter
from typing import Any

import pyarrow as pa

from kws_core.config import SelectionConfig
from kws_core.errors import SelectionError
from kws_core.fingerprint import unit_interval
from kws_core.manifest import Manifest
from kws_core.schemas import SELECTION
from kws_core.segments import BACKGROUND
from kws_core.store import Store

STAGE = "selection"
VERSION = 4
SPLITS = ("train", "development", "test")
INDEX_COLUMNS = ["segment_id", "corpus", "speaker_id", "split", "label", "word_start_s", "word_end_s"]


def segment_index(store: Store, segments: Manifest) -> list[dict[str, Any]]:
    """Rows `INDEX_COLUMNS` plus `part` and `row` of every segment: what selection needs, without the audio."""
    rows: list[dict[str, Any]] = []
    for number, part in enumerate(segments.parts):
        table = store.read_part(segments.stage, part, INDEX_COLUMNS)
        rows.extend({**row, "part": number, "row": place} for place, row in enumerate(table.to_pylist()))
    return rows


def select(
    index: list[dict[str, Any]],
    config: SelectionConfig,
    test_corpora: frozenset[str],
    training_corpora: frozenset[str] = frozenset(),
    official_corpora: frozenset[str] = frozenset(),
) -> pa.Table:
    """Give every usable segment its split, training class and role; see `schemas.SELECTION`.

    Background, where it is cut, is the last training class: one unknown cluster (Huh et al., pair selection). Words
    that nobody trains on are themselves disjoint between development and test. Speakers of `test_corpora` are
    all test speakers, those of `training_corpora` all training speakers; segments of `official_corpora` keep the split
    that they came with, even where speakers are then in two.

    Raises:
        SelectionError: a keyword has too few segments in a split, or a segment of an official corpus has no split.
    """
    fixed = {**dict.fromkeys(test_corpora, "test"), **dict.fromkeys(training_corpora, "train")}
    _check_official(index, official_corpora)
    splits = [
        row["split"]
        if row["corpus"] in official_corpora
        else fixed.get(row["corpus"]) or speaker_split(row["speaker_id"], config)
        for row in index
    ]
    vocabulary = _vocabulary(index, splits, config)
    if any(row["label"] == BACKGROUND and split == "train" for row, split in zip(index, splits, strict=True)):
        vocabulary[BACKGROUND] = len(vocabulary)
    keywords = frozenset(config.keywords)
    rows = []
    for row, split in zip(index, splits, strict=True):
        label = row["label"]
        label_id = vocabulary.get(label, -1)
        background = label == BACKGROUND
        if background and (label_id < 0 or row["corpus"] in test_corpora):
            continue
        if label_id < 0 and row["corpus"] not in test_corpora and split != _unseen_split(label):
            continue
        rows.append(
            {
                **{name: row[name] for name in ("segment_id", "part", "row", "corpus", "speaker_id", "label")},
                "label_id": label_id,
                "word_s": row["word_end_s"] - row["word_start_s"],
                "split": split,
                "role": "background" if background else "target" if label in keywords else "non-target",
            }
        )
    _check_keywords(rows, config, test_corpora)
    return pa.Table.from_pylist(rows, schema=SELECTION)


def speaker_split(speaker_id: str, config: SelectionConfig) -> str:
    """The split that the speaker belongs to for ever: `train`, `development` or `test`."""
    place = unit_interval("speaker split", speaker_id)
    if place < config.test_share:
        return "test"
    return "development" if place < config.test_share + config.development_share else "train"


def class_labels(selection: pa.Table) -> list[str]:
    """Label of every training class, by label_id."""
    pairs = zip(selection["label_id"].to_pylist(), selection["label"].to_pylist(), strict=True)
    names = {label_id: label for label_id, label in pairs if label_id >= 0}
    return [names[label_id] for label_id in range(len(names))]


def _vocabulary(index: list[dict[str, Any]], splits: list[str], config: SelectionConfig) -> dict[str, int]:
    """Training classes: the keywords in their order, then the other labels by name."""
    counts = Counter(row["label"] for row, split in zip(index, splits, strict=True) if split == "train")
    others = [
        (-count, label)
        for label, count in counts.items()
        if label not in config.keywords
        and label != BACKGROUND
        and count >= config.min_train_segments
        and unit_interval("label vocabulary", label) >= config.out_of_vocabulary_share
    ]
    room = max(config.max_labels - len(config.keywords), 0)
    kept = sorted(label for _, label in sorted(others)[:room])
    return {label: label_id for label_id, label in enumerate([*config.keywords, *kept])}


def _unseen_split(label: str) -> str:
    return "development" if unit_interval("unseen label split", label) < 0.5 else "test"


def _check_official(index: list[dict[str, Any]], official_corpora: frozenset[str]) -> None:
    wrong = Counter(
        (row["corpus"], row["split"])
        for row in index
        if row["corpus"] in official_corpora and row["split"] not in SPLITS
    )
    for (corpus, split), count in sorted(wrong.items()):
        named = f"the split {split!r}" if split else "no split"
        raise SelectionError(
            f"corpus {corpus!r} has use: official, but {count} of its segments came with {named}; "
            f"{', '.join(SPLITS)} are accepted: leave those recordings out, or take use: split"
        )


def _check_keywords(rows: list[dict[str, Any]], config: SelectionConfig, test_corpora: frozenset[str]) -> None:
    counts = Counter((row["label"], row["split"]) for row in rows if row["corpus"] not in test_corpora)
    needed = {"train": config.min_train_segments, "development": 1, "test": 1}
    for keyword in config.keywords:
        for split, least in needed.items():
            if counts[keyword, split] < least:
                raise SelectionError(
                    f"keyword {keyword!r} has {counts[keyword, split]} segments in the {split} split, at least "
                    f"{least} are needed: add recordings of it by more speakers or take it off selection.keywords"
                )
