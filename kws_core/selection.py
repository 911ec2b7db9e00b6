"""Vocabulary and splits as an index over segments: nothing is copied, so a new vocabulary recuts nothing.

Splits hash the speaker, out-of-vocabulary labels hash the word: new data never moves either.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.coded_column import CodedColumn
from kws_core.config import SelectionConfig
from kws_core.errors import SelectionError
from kws_core.fingerprint import unit_interval
from kws_core.manifest import Manifest
from kws_core.schemas import SEGMENTS, SELECTION
from kws_core.segments import BACKGROUND
from kws_core.store import Store

STAGE = "selection"
VERSION = 4
SPLITS = ("train", "development", "test")
INDEX_COLUMNS = ["segment_id", "corpus", "speaker_id", "split", "label", "word_start_s", "word_end_s"]
INDEX = pa.schema([*(SEGMENTS.field(name) for name in INDEX_COLUMNS), ("part", pa.int32()), ("row", pa.int32())])
_TRAIN = SPLITS.index("train")


def segment_index(store: Store, segments: Manifest) -> pa.Table:
    """Rows `INDEX` of every segment: what selection needs, without the audio, about 100 bytes each."""
    if not segments.parts:
        return INDEX.empty_table()
    table = store.read_table(segments, INDEX_COLUMNS).select(INDEX_COLUMNS)
    rows = np.array([part.rows for part in segments.parts], np.int64)
    firsts = np.concatenate([[0], np.cumsum(rows)[:-1]])
    part = np.repeat(np.arange(len(rows)), rows)
    row = np.arange(rows.sum()) - np.repeat(firsts, rows)
    return table.append_column("part", pa.array(part, pa.int32())).append_column("row", pa.array(row, pa.int32()))


def select(
    index: pa.Table,
    config: SelectionConfig,
    test_corpora: frozenset[str],
    training_corpora: frozenset[str] = frozenset(),
    official_corpora: frozenset[str] = frozenset(),
) -> pa.Table:
    """Give every usable segment of an `INDEX` its split, training class and role; see `schemas.SELECTION`.

    Background, where it is cut, is the last training class: one unknown cluster (Huh et al., pair selection). Words
    that nobody trains on are themselves disjoint between development and test. Speakers of `test_corpora` are
    all test speakers, those of `training_corpora` all training speakers; segments of `official_corpora` keep the split
    that they came with, even where speakers are then in two.

    Raises:
        SelectionError: a keyword has too few segments in a split, or a segment of an official corpus has no split.
    """
    corpus, label = CodedColumn.of(index["corpus"]), CodedColumn.of(index["label"])
    held_out = corpus.among(test_corpora)
    splits = _splits(index, corpus, config, test_corpora, training_corpora, official_corpora)
    counts = dict(zip(label.values, _counts(label, splits == _TRAIN), strict=True))
    vocabulary = _vocabulary(counts, config)
    if counts.get(BACKGROUND):
        vocabulary[BACKGROUND] = len(vocabulary)
    label_ids = label.map({value: vocabulary.get(value, -1) for value in label.values}, np.int32)
    unseen = label.map({value: _unseen_split(value) for value in label.values}, np.int64)
    background = label.among(frozenset({BACKGROUND}))
    unknown = label_ids < 0
    kept = np.where(background, ~unknown & ~held_out, ~unknown | held_out | (splits == unseen))
    _check_keywords(label, splits, kept & ~held_out, config)
    role = np.where(background, 2, label.among(frozenset(config.keywords)))
    columns = {
        **{name: index[name] for name in ("segment_id", "part", "row", "corpus", "speaker_id", "label")},
        "label_id": pa.array(label_ids, pa.int32()),
        "word_s": pc.subtract(index["word_end_s"], index["word_start_s"]),
        "split": pa.array(SPLITS).take(pa.array(splits)),
        "role": pa.array(("non-target", "target", "background")).take(pa.array(role)),
    }
    return (
        pa.table([columns[name] for name in SELECTION.names], schema=SELECTION).filter(pa.array(kept)).combine_chunks()
    )


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


def _splits(
    index: pa.Table,
    corpus: CodedColumn,
    config: SelectionConfig,
    test_corpora: frozenset[str],
    training_corpora: frozenset[str],
    official_corpora: frozenset[str],
) -> NDArray[np.int64]:
    """`[rows]`: which of `SPLITS`."""
    speaker = CodedColumn.of(index["speaker_id"])
    by_speaker = speaker.map({value: SPLITS.index(speaker_split(value, config)) for value in speaker.values}, np.int64)
    fixed = {**dict.fromkeys(test_corpora, "test"), **dict.fromkeys(training_corpora, "train")}
    by_corpus = corpus.map(
        {value: SPLITS.index(fixed[value]) if value in fixed else -1 for value in corpus.values}, int
    )
    splits = np.where(by_corpus >= 0, by_corpus, by_speaker)
    if official_corpora:
        official, own = corpus.among(official_corpora), CodedColumn.of(index["split"])
        _check_official(corpus, own, official)
        known = {name: number for number, name in enumerate(SPLITS)}
        splits = np.where(official, own.map({value: known.get(value, -1) for value in own.values}, int), splits)
    return splits.astype(np.int64)


def _counts(column: CodedColumn, rows: NDArray[np.bool_]) -> list[int]:
    """How often each value occurs in these rows."""
    counts: list[int] = np.bincount(column.codes[rows], minlength=len(column.values)).tolist()
    return counts


def _vocabulary(counts: dict[str, int], config: SelectionConfig) -> dict[str, int]:
    """Training classes: the keywords in their order, then the other labels by name; `counts` are of training."""
    others = [
        (-count, label)
        for label, count in counts.items()
        if label not in config.keywords
        and label != BACKGROUND
        and count >= max(config.min_train_segments, 1)
        and unit_interval("label vocabulary", label) >= config.out_of_vocabulary_share
    ]
    room = max(config.max_labels - len(config.keywords), 0)
    kept = sorted(label for _, label in sorted(others)[:room])
    return {label: label_id for label_id, label in enumerate([*config.keywords, *kept])}


def _unseen_split(label: str) -> int:
    return SPLITS.index("development" if unit_interval("unseen label split", label) < 0.5 else "test")


def _check_official(corpus: CodedColumn, split: CodedColumn, official: NDArray[np.bool_]) -> None:
    wrong = np.flatnonzero(official & ~split.among(frozenset(SPLITS)))
    found = Counter(zip(corpus.codes[wrong].tolist(), split.codes[wrong].tolist(), strict=True))
    for (corpus_code, code), count in sorted(found.items()):
        name = split.values[code]
        named = f"the split {name!r}" if name else "no split"
        raise SelectionError(
            f"corpus {corpus.values[corpus_code]!r} has use: official, but {count} of its segments came with {named}; "
            f"{', '.join(SPLITS)} are accepted: leave those recordings out, or take use: split"
        )


def _check_keywords(
    label: CodedColumn, splits: NDArray[np.int64], rows: NDArray[np.bool_], config: SelectionConfig
) -> None:
    counts = {
        (value, split): count
        for number, split in enumerate(SPLITS)
        for value, count in zip(label.values, _counts(label, rows & (splits == number)), strict=True)
    }
    needed = {"train": config.min_train_segments, "development": 1, "test": 1}
    for keyword in config.keywords:
        for split, least in needed.items():
            found = counts.get((keyword, split), 0)
            if found < least:
                raise SelectionError(
                    f"keyword {keyword!r} has {found} segments in the {split} split, at least "
                    f"{least} are needed: add recordings of it by more speakers or take it off selection.keywords"
                )
